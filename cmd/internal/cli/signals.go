package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that the first Ctrl-C, SIGTERM, SIGHUP (a closed terminal)
// or SIGUSR1 (Slurm's warning) ends. After a Ctrl-C or SIGTERM, both have their usual
// effect again, so that a second one ends the program at once. SIGHUP and SIGUSR1 never do:
// the kernel, the shell and Slurm send more than one of them. A signal that nohup or a shell
// has set to be ignored stays ignored.
//
// A write to a closed pipe fails instead of ending the program, so that the program can save its
// results first.
func untilSignal() context.Context {
	ctx, end := context.WithCancel(context.Background())
	first, warnings := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(first, os.Interrupt, syscall.SIGTERM)
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGUSR1} {
		if !signal.Ignored(s) {
			signal.Notify(warnings, s)
		}
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // nobody receives
	go func() {
		<-first
		signal.Stop(first)
		end()
	}()
	go func() {
		<-warnings
		end()
	}()
	return ctx
}
