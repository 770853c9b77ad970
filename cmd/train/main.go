// Command train trains a network on a data set with one of the learning rules, prints
// how it goes and writes what came out as CSV. `train -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package main

import (
	"cmp"
	"context"
	"os"

	"mdfa/cmd/internal/cli"
)

func main() {
	cli.Main("train", func(ctx context.Context, _ []string, stdout *os.File) error { return run(ctx, os.Args, stdout) })
}

// run is the whole program: parse, plan, train, report. command is the program's name and its
// arguments.
func run(ctx context.Context, command []string, stdout *os.File) error {
	out := newConsole(stdout)
	ctx, out.closed = context.WithCancel(ctx)
	defer out.closed()
	err := cmp.Or(dispatch(ctx, command, out), out.failure())
	if err != nil {
		out.errorEvent(err)
	}
	return err
}

func dispatch(ctx context.Context, command []string, out *console) error {
	opt, err := parse(command[1:])
	switch {
	case err != nil:
		return err
	case opt.version:
		out.line(versionLine())
		return nil
	case opt.devices:
		listDevices(out)
		return nil
	}
	out.json, out.quiet = opt.log == logJSON, opt.quiet
	var from *origin
	if opt.Given["resume"] {
		var done bool
		if opt, from, done, err = resume(ctx, opt, out); err != nil || done {
			return err
		}
		defer from.close()
	}
	plan, err := newPlan(opt)
	if err != nil {
		return err
	}
	plan.origin, plan.command = from, command
	return train(ctx, plan, out)
}
