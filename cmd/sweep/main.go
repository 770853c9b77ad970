// Command sweep trains a grid of runs: train's flags, each with several values. The same command skips the runs
// that are complete, resumes those that were cut off and adds those that were added to the grid. `sweep -h` lists its
// flags.
//
// Exit codes: 0 done, 1 a run failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/foreign"
	"mdfa/run/sweep"
)

func main() {
	cli.Main("sweep", func(ctx context.Context, _ []string, stdout *os.File) error { return do(ctx, os.Args, stdout) })
}

// do is the whole program. command is the program's name and its arguments.
func do(ctx context.Context, command []string, stdout *os.File) error {
	opt, err := parse(command[1:])
	if err != nil {
		return err
	}
	out := cli.NewConsole(stdout)
	out.Quiet = opt.quiet
	ctx, out.Closed = context.WithCancel(ctx)
	defer out.Closed()
	w := &watch{out: out}
	s, err := sweep.New(opt.grid, sweep.Options{
		Jobs: opt.jobs, Shard: opt.shard, RetryFailed: opt.retryFailed,
		Program: "sweep", Train: beside(command[0], "train"), Command: command,
		Watcher: w, Progress: w.loading,
	})
	if err != nil {
		return err
	}
	if opt.shardNote != "" {
		out.Field("note", opt.shardNote)
	}
	if opt.list {
		list(out, s)
		return out.Failure()
	}
	w.begin(s)
	err = s.Do(ctx)
	w.close()
	if err != nil && !w.ran && s.Totals().Left > 0 && !errors.Is(err, cli.ErrInterrupted) {
		return err // there is nothing new to compare
	}
	uncompared := compared(context.WithoutCancel(ctx), out, s, beside(command[0], "report"))
	if err = cli.Ended(err); errors.Is(err, cli.ErrInterrupted) {
		out.Whole(out.Label("resume") + "to go on, the same command: " + foreign.Command(command...))
	}
	return cmp.Or(err, uncompared, out.Failure())
}

// beside returns the path of another program beside this one.
func beside(program, name string) string {
	if dir, _ := filepath.Split(program); dir != "" {
		return dir + name
	}
	return name
}
