// Package report is mdfa's command report, which makes the HTML page of a run again, from the files in the run's folder, or a page
// that compares runs. `report -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package report

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize/english"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/disk"
	"mdfa/internal/foreign"
	"mdfa/internal/version"
	"mdfa/run/checkpoint"
	"mdfa/run/compare"
	"mdfa/run/folder"
	"mdfa/run/report"
)

// compareFile is the file of a comparison without -o.
const compareFile = "compare.html"

// options holds the flags.
type options struct {
	paths    []string
	output   string
	table    string
	compared compare.Options
	figures  string
}

func newFlags(o *options) *cli.Flags {
	f := cli.New(cli.Program{
		Name:      "report",
		Summary:   "report makes the page of a run, or one that compares runs, to be opened in a browser.",
		Arguments: "RUN...", Folders: true,
		Description: "One RUN, a folder below `results/`, gets its `report.html` anew: facts and command, curves, alignment, confusion matrix, " +
			"first-layer filters and weight histograms. Several are compared in one page: which rule wins on which task, by how much, and whether that is luck; " +
			"accuracy by the number of classes, learning curves and alignment; what all share, what differs, and links to each run's page. Runs that " +
			"differ in their seed alone are one line, with mean and sample standard deviation. A folder of runs stands for all of them.\n\n" +
			"A page is one file that needs no network. `-table` prints the comparison as a table instead, and `-svg` writes the charts of one or several runs as files.",
		Examples: []string{
			"report results/mnist/mdfa-convnet-c10-s0-…",
			"report results/mnist/bp-* results/mnist/mdfa-* -o rules.html",
			"report results/mnist",
			"report results/mnist -table text",
			"report results/mnist -svg results/figures",
		},
	})
	f.Topic("Output")
	f.Text(&o.table, "table", "FORM", "", "print a table that compares rules instead: "+english.OxfordWordSeries(compare.Forms, "or")).Only(compare.Forms...)
	f.Comparison(&o.compared)
	f.Text(&o.output, "o", "FILE", "", "the page (default report.html in the run's folder; of several runs "+compareFile+")").File()
	f.Text(&o.figures, "svg", "DIR", "", "write the charts as SVG files for a paper into a folder instead").Folder()
	return f
}

// Command is report.
var Command = cli.Command{
	Name:  "report",
	Flags: func() *cli.Flags { return newFlags(&options{}) },
	Do:    func(ctx context.Context, call cli.Call, stdout *os.File) error { return run(ctx, call.Args, stdout) },
}

// run is the whole program.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	var o options
	f := newFlags(&o)
	var err error
	if o.paths, err = f.Parse(args); err != nil {
		return err
	}
	if len(o.paths) == 0 {
		return cli.Usagef("which run? Name its folder, as in report results/mnist/RUN; several are compared.")
	}
	if f.Given["o"] && o.output == "" || f.Given["svg"] && o.figures == "" {
		return cli.Usagef("-o or -svg is empty: expected the name of a file or a folder.")
	}
	if given := slices.DeleteFunc([]string{"-o", "-svg", "-table"}, func(name string) bool { return !f.Given[name[1:]] }); len(given) > 1 {
		return cli.Usagef("%s and %s exclude each other: a page, figures and a table are made one by one.", given[0], given[1])
	}
	dirs, err := folders(o.paths)
	if err != nil {
		return err
	}
	if len(dirs) == 1 && o.table == "" {
		for _, name := range []string{"baseline", "with"} {
			if f.Given[name] {
				return cli.Usagef("-%s is for several runs: name more, or leave it out.", name)
			}
		}
		return one(ctx, dirs[0], o, stdout)
	}
	c, err := compare.Folders(ctx, dirs, o.compared)
	switch {
	case err != nil:
		return err
	case o.table != "":
		return cli.Printed(c.Write(stdout, o.table))
	case o.figures != "":
		return figures(o.figures, report.ComparisonFigures(c), stdout)
	}
	return side(c, cmp.Or(o.output, compareFile), stdout)
}

// printed prints the path of a file that was written.
func printed(stdout io.Writer, path string) error {
	_, err := fmt.Fprintln(stdout, foreign.Text(filepath.ToSlash(path)))
	return cli.Printed(err)
}

// folders returns the runs that paths stand for: themselves, or all runs below one that is no run.
func folders(paths []string) (dirs []string, err error) {
	for _, path := range paths {
		if folder.Is(path) {
			dirs = append(dirs, filepath.Clean(path))
			continue
		}
		below, err := runsBelow(path)
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, below...)
	}
	for i, dir := range dirs {
		if slices.Contains(dirs[:i], dir) {
			return nil, cli.Usagef("%s is there twice: leave it out once.", dir)
		}
	}
	return dirs, nil
}

// runsBelow returns the runs in a folder that is no run.
func runsBelow(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no such folder: expected the folder of a run", path)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read (%w)", path, disk.Reason(err))
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file: expected the folder of a run", path)
	}
	dirs, err := folder.RunsBelow(path)
	if err == nil && len(dirs) == 0 {
		err = fmt.Errorf("%s is no folder of a run, and none is in it: expected one with a %s", path, folder.RunFile)
	}
	return dirs, err
}

func producer() string { return "report, version " + version.Read().String() }

// one makes the report of a run, or its figures. If the weights cannot be read, it makes the report without them and
// returns an error.
func one(ctx context.Context, dir string, o options, stdout io.Writer) error {
	f, err := folder.Read(ctx, dir)
	if err != nil {
		return err
	}
	if o.figures != "" {
		return figures(o.figures, report.RunFigures(f), stdout)
	}
	path := cmp.Or(o.output, filepath.Join(dir, folder.ReportFile))
	var page []byte
	err = cli.Until(ctx, func() (err error) {
		page, err = report.Page(f, producer())
		return err
	})
	if err != nil {
		return err
	}
	if err := report.WriteFile(path, page); err != nil {
		return err
	}
	err = printed(stdout, path)
	absent := errors.Is(f.Weights, checkpoint.ErrAbsent)
	if f.Checkpoint != nil || absent && (f.Run.KeepsNone() || folder.Locked(dir)) {
		return err
	}
	return cmp.Or(err, fmt.Errorf("the report is without weights: %w", f.Weights))
}

// side makes the page of several runs.
func side(c *compare.Comparison, path string, stdout io.Writer) error {
	var page bytes.Buffer
	if err := report.Compare(&page, c, func(dir string) string { return link(path, dir) }, producer(), time.Now()); err != nil {
		return err
	}
	if err := report.WriteFile(path, page.Bytes()); err != nil {
		return err
	}
	return printed(stdout, path)
}

// link returns the address of a run's page in another page, "" if it has none.
func link(from, dir string) string {
	path := filepath.Join(dir, folder.ReportFile)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	relative, err := filepath.Rel(filepath.Dir(disk.Absolute(from)), disk.Absolute(path))
	if err != nil { // they are on two drives
		return ""
	}
	return (&url.URL{Path: filepath.ToSlash(relative)}).String()
}

// figures writes figures into a folder, which is made where it is missing.
func figures(dir string, list []report.Drawing, stdout io.Writer) error {
	if len(list) == 0 {
		return errors.New("there is no figure to write: expected runs that have ended an epoch")
	}
	if err := disk.Mkdir(dir); err != nil {
		return fmt.Errorf("the folder %s cannot be made (%w)", dir, disk.Reason(err))
	}
	for _, drawing := range list {
		path := filepath.Join(dir, drawing.Name+".svg")
		if err := report.WriteFile(path, []byte(drawing.SVG)); err != nil {
			return err
		}
		if err := printed(stdout, path); err != nil {
			return err
		}
	}
	return nil
}
