package inspect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/foreign"
	"mdfa/internal/wording"
	"mdfa/run/compare"
	"mdfa/run/folder"
)

// statusColumn is the log's column with the status of a run.
const statusColumn = "status"

// usualColumns are shown without -columns: they fit into 80 characters.
var usualColumns = []string{folder.KeyColumn, statusColumn, "epochs", "best_valid_accuracy", "test_accuracy"}

// listRuns prints the log of runs, or a table that compares them.
func listRuns(ctx context.Context, o options, out *strings.Builder) error {
	root := "results"
	if len(o.paths) > 0 {
		root = o.paths[0]
	}
	log := folder.LogAt(root)
	if _, err := os.Stat(log.Path()); err != nil {
		return fmt.Errorf("there is no %s in %s: train writes it with the first run; name the folder that train's -out named", folder.LogFile, root)
	}
	table, err := log.Read()
	if err != nil {
		return err
	}
	runs := table.Runs()
	for _, run := range runs {
		if run[statusColumn] == folder.StatusStarted {
			run[statusColumn] = folder.WithoutEnd(filepath.Join(root, filepath.FromSlash(run[folder.KeyColumn])))
		}
	}
	if err := known(o, table.Columns); err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(run folder.Row) bool {
		return slices.ContainsFunc(o.where, func(c condition) bool { return !c.holds(run) })
	})
	sortRuns(runs, o.sort)
	if o.most > 0 && len(runs) > o.most {
		// In the order of time, the newest runs are of interest.
		if o.sort == nil {
			runs = runs[len(runs)-o.most:]
		} else {
			runs = runs[:o.most]
		}
	}
	if o.table != "" && len(runs) > 0 {
		return compareRuns(ctx, o, out, root, runs)
	}
	columns := o.columns
	if slices.Equal(columns, []string{"all"}) || columns == nil && o.json {
		columns = table.Columns
	}
	if o.json {
		for _, run := range runs {
			if err := writeJSON(out, object(run, columns)); err != nil {
				return err
			}
		}
		return nil
	}
	printRuns(out, runs, columns)
	for _, note := range table.Notes {
		fmt.Fprintf(out, "note: %s: %s\n", foreign.Line(log.Path()), note)
	}
	return nil
}

// compareRuns prints a table that compares the runs.
func compareRuns(ctx context.Context, o options, out *strings.Builder, root string, rows []folder.Row) error {
	var dirs []string
	for _, row := range rows {
		dirs = append(dirs, filepath.Join(root, filepath.FromSlash(row[folder.KeyColumn])))
	}
	c, err := compare.Folders(ctx, dirs, o.compared)
	if err != nil {
		return err
	}
	return c.Write(out, o.table)
}

// known refuses columns that the log does not have.
func known(o options, columns []string) error {
	named := map[string][]string{"columns": o.columns}
	for _, c := range o.where {
		named["where"] = append(named["where"], c.column)
	}
	for _, name := range o.sort {
		named["sort"] = append(named["sort"], strings.TrimPrefix(name, "-"))
	}
	for _, flag := range []string{"where", "sort", "columns"} {
		for _, name := range named[flag] {
			if !slices.Contains(columns, name) && !(flag == "columns" && name == "all") {
				return cli.Usagef("-%s: the log has no column %s; it has %s.", flag, wording.Shown(name), foreign.List(columns))
			}
		}
	}
	return nil
}

// sortRuns orders runs by columns. Missing values come last in both directions.
func sortRuns(runs []folder.Row, by []string) {
	slices.SortStableFunc(runs, func(a, b folder.Row) int {
		for _, key := range by {
			column, largest := strings.CutPrefix(key, "-")
			x, y := a[column], b[column]
			switch {
			case x == y:
				continue
			case x == "":
				return 1
			case y == "":
				return -1
			}
			if order := compareValues(x, y); order != 0 {
				if largest {
					return -order
				}
				return order
			}
		}
		return 0
	})
}

// printRuns prints runs as a table.
func printRuns(out *strings.Builder, runs []folder.Row, columns []string) {
	if len(runs) == 0 {
		out.WriteString("no run\n")
		return
	}
	usual := columns == nil
	if usual {
		columns = usualColumns
	}
	t := newTable()
	for _, name := range columns {
		t.head(heading(name, usual), folder.IsNumber(name))
	}
	for _, run := range runs {
		for _, name := range columns {
			t.cell(folder.Show(name, run[name]))
		}
	}
	t.print(out)
}

// heading returns a column's name, shortened if the table is to fit into 80 characters.
func heading(name string, short bool) string {
	if short {
		return strings.TrimPrefix(strings.TrimSuffix(name, "_accuracy"), "best_")
	}
	return name
}

// object returns a row for JSON.
func object(row folder.Row, columns []string) map[string]any {
	values := map[string]any{}
	for _, column := range columns {
		values[column] = folder.JSON(column, row[column])
	}
	return values
}
