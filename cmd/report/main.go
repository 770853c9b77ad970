// Command report makes the HTML page of a run again, from the files in the run's folder, or a page
// that compares runs. `report -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize/english"

	"mdfa/algo"
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
	paths           []string
	output          string
	table, baseline string
}

func newFlags(o *options) *cli.Flags {
	f := cli.New(cli.Program{
		Name:      "report",
		Summary:   "report makes the page of a run, or one that compares runs, to be opened in a browser.",
		Arguments: "RUN...", Folders: true,
		Description: "One RUN, a folder below `results/`, gets its `report.html` anew: facts and command, curves, alignment, confusion matrix, " +
			"first-layer filters and weight histograms. Several are compared in one page: what differs, how they ended, curves over each other. Runs that " +
			"differ in their seed alone are one line, with mean and sample standard deviation. A folder of runs stands for all of them.\n\n" +
			"A page is one file that needs no network. `-table` prints a table instead: which rule wins, by how much, and whether that is luck.",
		Examples: []string{
			"report results/mnist/mdfa-convnet-c10-s0-…",
			"report results/mnist/bp-* results/mnist/mdfa-* -o rules.html",
			"report results/mnist",
			"report results/mnist -table text",
		},
	})
	f.Topic("Output")
	f.Text(&o.table, "table", "FORM", "", "print a table that compares rules instead: "+english.OxfordWordSeries(compare.Forms, "or")).Only(compare.Forms...)
	f.Text(&o.baseline, "baseline", "NAME", "", "what the table compares the others with: a rule, or SETTING=VALUE (default bp, or else the first)").Among(algo.RuleNames()...)
	f.Text(&o.output, "o", "FILE", "", "the page (default report.html in the run's folder; of several runs "+compareFile+")").File()
	return f
}

func main() {
	cli.Main("report", func(ctx context.Context, args []string, stdout *os.File) error { return run(ctx, args, stdout) })
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
	if f.Given["o"] && o.output == "" {
		return cli.Usagef("-o is empty: expected the name of a file.")
	}
	if f.Given["o"] && o.table != "" {
		return cli.Usagef("-o goes with a page: leave it out, since -table prints.")
	}
	if f.Given["baseline"] && o.table == "" {
		return cli.Usagef("-baseline goes with -table: add it, or leave -baseline out.")
	}
	dirs, err := folders(o.paths)
	if err != nil {
		return err
	}
	if o.table != "" {
		return table(ctx, dirs, o, stdout)
	}
	write := one
	if len(dirs) > 1 {
		write = side
	}
	path, err := write(ctx, dirs, o.output)
	if path == "" {
		return err
	}
	_, printed := fmt.Fprintln(stdout, foreign.Text(filepath.ToSlash(path)))
	return cmp.Or(cli.Printed(printed), err)
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

// one makes the report of a run. If the weights cannot be read, it makes the report without them and
// returns an error.
func one(ctx context.Context, dirs []string, output string) (path string, err error) {
	f, err := folder.Read(ctx, dirs[0])
	if err != nil {
		return "", err
	}
	path = cmp.Or(output, filepath.Join(dirs[0], folder.ReportFile))
	var page []byte
	err = cli.Until(ctx, func() (err error) {
		page, err = report.Page(f, producer())
		return err
	})
	if err != nil {
		return "", err
	}
	if err := report.WriteFile(path, page); err != nil {
		return "", err
	}
	absent := errors.Is(f.Weights, checkpoint.ErrAbsent)
	if f.Checkpoint != nil || absent && (f.Run.KeepsNone() || folder.Locked(dirs[0])) {
		return path, nil
	}
	return path, fmt.Errorf("the report is without weights: %w", f.Weights)
}

// table prints the table that compares runs.
func table(ctx context.Context, dirs []string, o options, stdout io.Writer) error {
	runs, err := compare.Read(ctx, dirs)
	if err != nil {
		return err
	}
	c, err := compare.New(runs, compare.Options{Baseline: o.baseline})
	if err != nil {
		return err
	}
	return cli.Printed(c.Write(stdout, o.table))
}

// side makes the page of several runs.
func side(ctx context.Context, dirs []string, output string) (string, error) {
	var entries []report.Entry
	for _, dir := range dirs {
		f, err := folder.ReadTables(dir)
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return "", err
		}
		entries = append(entries, report.NewEntry(f))
	}
	var page bytes.Buffer
	if err := report.Compare(&page, entries, producer(), time.Now()); err != nil {
		return "", err
	}
	path := cmp.Or(output, compareFile)
	if err := report.WriteFile(path, page.Bytes()); err != nil {
		return "", err
	}
	return path, nil
}
