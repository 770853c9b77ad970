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
	"mdfa/run"
)

func main() {
	cli.Main("train", func(ctx context.Context, _ []string, stdout *os.File) error { return train(ctx, os.Args, stdout) })
}

// train is the whole program. command is the program's name and its arguments.
func train(ctx context.Context, command []string, stdout *os.File) error {
	out := newConsole(stdout)
	ctx, out.closed = context.WithCancel(ctx)
	defer out.closed()
	err := cmp.Or(dispatch(ctx, command, out), out.failure())
	if err != nil && out.json {
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
	options := run.Options{Program: "train", Command: command, Flags: opt.flags}
	if out.json {
		options.Followers = []run.Follower{&jsonLines{out: out}}
	} else {
		t := newTerminal(out, command[0])
		defer t.close()
		options.Followers = []run.Follower{t}
		options.Progress = t.loading
	}
	r, complete, err := choose(ctx, opt, options)
	switch {
	case err != nil:
		return err
	case complete != "":
		out.line(complete)
		out.event("note", noteEvent{complete})
		return nil
	}
	_, err = r.Train(ctx)
	return err
}

// choose makes the run that the flags ask for, new or resumed. complete says that there is
// none to be trained, and why.
func choose(ctx context.Context, opt options, o run.Options) (r *run.Run, complete string, err error) {
	switch {
	case !opt.Given["resume"]:
		r, err = run.New(opt.Spec, o)
	case opt.resume == resumeAuto:
		return run.Find(ctx, opt.Spec, o)
	default:
		r, err = run.Resume(ctx, opt.resume, opt.Spec, o)
	}
	return r, "", err
}
