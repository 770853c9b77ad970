// Package sweep is mdfa's command sweep, which trains a grid of runs: train's flags, each with several values. The same command skips the runs
// that are complete, resumes those that were cut off and adds those that were added to the grid. `sweep -h` lists its
// flags.
//
// Exit codes: 0 done, 1 a run failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package sweep

import (
	"cmp"
	"context"
	"errors"
	"os"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/foreign"
	"mdfa/run/sweep"
)

// Command is sweep.
var Command = cli.Command{Name: "sweep", Flags: func() *cli.Flags { return newFlags(&options{}) }, Do: do}

// do is the whole program.
func do(ctx context.Context, call cli.Call, stdout *os.File) error {
	opt, err := parse(call.Args)
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
		Program: "sweep", Train: call.Other("train"), Command: call.Words(),
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
	uncompared := compared(context.WithoutCancel(ctx), out, s, call.Other("report"))
	if err = cli.Ended(err); err != nil && s.Totals().Left > 0 {
		out.Whole(out.Label("resume") + "to go on, the same command: " + foreign.Command(call.Words()...))
	}
	return cmp.Or(err, uncompared, out.Failure())
}
