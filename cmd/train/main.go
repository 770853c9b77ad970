// Command train trains a network on a data set with one of the learning rules, prints
// how it goes and writes what came out as CSV. `train -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The first signal ends the run after its current step. From then on signals have
	// their usual effect again, so a second one ends the program at once.
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program: parse, plan, train, report. It returns the exit code.
func run(ctx context.Context, args []string, stdout *os.File, stderr io.Writer) int {
	out := newConsole(stdout)
	err := dispatch(ctx, args, out)
	if err == nil {
		err = out.failure()
	}
	if err != nil {
		fmt.Fprintf(stderr, "train: %s\n", sentence(err))
	}
	return exitCode(err)
}

func dispatch(ctx context.Context, args []string, out *console) error {
	opt, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return printUsage(out)
	case err != nil:
		return err
	case opt.version:
		out.line(versionLine())
		return nil
	case opt.devices:
		listDevices(out)
		return nil
	}
	plan, err := newPlan(opt)
	if err != nil {
		return err
	}
	out.quiet = opt.quiet
	return train(ctx, plan, out)
}
