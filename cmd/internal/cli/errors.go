package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"mdfa/algo"
	"mdfa/internal/foreign"
	"mdfa/internal/wording"
	"mdfa/loaders"
)

// Exit codes of every program.
const (
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInterrupted = 130 // as shells report a program that Ctrl-C ended
	ExitPipe        = 141 // as shells report a program that SIGPIPE ended
)

var (
	// ErrUsage marks a mistake in what was typed.
	ErrUsage = wording.ErrUsage

	// ErrInterrupted marks the end by Ctrl-C or another signal.
	ErrInterrupted = wording.ErrInterrupted
)

// Usagef returns an ErrUsage whose text is a sentence for the user.
func Usagef(format string, args ...any) error { return wording.Usagef(format, args...) }

// Answer is a text that was asked for in place of the program's work, such as its help. It
// is an error only so that it ends what would follow.
type Answer struct{ Text string }

// Error is the text.
func (a Answer) Error() string { return a.Text }

// ExitCode is a program's, for the error that it ends with.
func ExitCode(err error) int {
	var answer Answer
	switch {
	case err == nil, errors.As(err, &answer):
		return 0
	case errors.Is(err, ErrInterrupted):
		return ExitInterrupted
	case errors.Is(err, ErrUsage), errors.Is(err, algo.ErrConfig), errors.Is(err, loaders.ErrUsage):
		return ExitUsage
	}
	return ExitFailed
}

// Main runs a program and exits. Signals end ctx: see [untilSignal].
func Main(name string, do func(ctx context.Context, args []string, stdout *os.File) error) {
	err := do(untilSignal(), os.Args[1:], os.Stdout)
	if errors.Is(err, context.Canceled) && !errors.Is(err, ErrInterrupted) {
		err = ErrInterrupted
	}
	os.Exit(Report(name, err, os.Stdout, os.Stderr))
}

// Until does what does not ask for ctx and leaves nothing behind where it is not done. When ctx
// ends it is left to itself, and the error is that of ctx.
func Until(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Report prints how a program ended, an answer to stdout and an error as one sentence in one
// line to stderr, and returns the exit code. Parts of the error may be foreign.
func Report(name string, err error, stdout, stderr io.Writer) int {
	var answer Answer
	if errors.As(err, &answer) {
		if _, err = io.WriteString(stdout, answer.Text); err != nil {
			err = Printed(err)
		}
	}
	var at *fs.PathError
	if errors.As(err, &at) && at.Path == os.Stdout.Name() && at.Err == syscall.EPIPE && !errors.Is(err, ErrInterrupted) {
		return ExitPipe // the reader has read enough
	}
	for _, one := range joined(err) {
		fmt.Fprintf(stderr, "%s: %s\n", name, foreign.Line(wording.Sentence(one)))
	}
	return ExitCode(err)
}

// joined are the errors that [errors.Join] made one of: each has a line. A line break in any
// other error is not ours.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	if list, ok := err.(interface{ Unwrap() []error }); ok && err.Error() == errors.Join(list.Unwrap()...).Error() {
		return list.Unwrap()
	}
	return []error{err}
}
