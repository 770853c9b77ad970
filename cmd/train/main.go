// Package train is mdfa's command train, which trains a network on a data set with one of the learning rules, prints
// its progress and writes the results as CSV. `train -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package train

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/wording"
	"mdfa/ranks"
	"mdfa/run"
)

// Command is train.
var Command = cli.Command{Name: "train", Flags: func() *cli.Flags { return newFlags(&options{}) }, Do: train}

// train is the whole program.
func train(ctx context.Context, call cli.Call, stdout *os.File) error {
	out := cli.NewConsole(stdout)
	ctx, out.Closed = context.WithCancel(ctx)
	defer out.Closed()
	opt, err := parse(call.Args)
	switch {
	case err != nil:
		return err
	case opt.version:
		fmt.Fprint(out, cli.Version())
		return out.Failure()
	case opt.devices:
		listDevices(out)
		return out.Failure()
	}
	return together(ctx, opt.Device, func(g *ranks.Group) error { return lead(ctx, call, opt, out, g) })
}

// lead trains and prints; with other ranks, whose group is not nil, on rank 0.
func lead(ctx context.Context, call cli.Call, opt options, out *cli.Console, g *ranks.Group) error {
	o := run.Options{Program: "train", Command: call.Words(), Flags: opt.flags, Ranks: g}
	if opt.log == logText {
		out.Quiet = opt.quiet
		t := newTerminal(out, call.Program)
		defer t.close()
		o.Followers, o.Progress = []run.Follower{t}, t.loading
		return cmp.Or(follow(ctx, opt, o, out.Line), out.Failure())
	}
	events := &run.JSONLines{Out: out, Quiet: opt.quiet}
	o.Followers = []run.Follower{events}
	err := follow(ctx, opt, o, events.Note)
	if err = cli.Ended(cmp.Or(err, out.Failure(), events.Err)); err != nil {
		events.Print("error", errorEvent{wording.Sentence(err), cli.ExitCode(err)})
	}
	return err
}

// errorEvent is the sentence that standard error gets as well.
type errorEvent struct {
	Text     string `json:"text"`
	ExitCode int    `json:"exit_code"`
}

// follow trains the run that the flags ask for, or says that it is complete already.
func follow(ctx context.Context, opt options, o run.Options, say func(string)) error {
	r, complete, err := choose(ctx, opt, o)
	switch {
	case err != nil:
		return err
	case complete != "":
		say(complete)
		return run.NoRun(ctx, o)
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
