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
	// ErrUsage marks a mistake in the command line.
	ErrUsage = wording.ErrUsage

	// ErrInterrupted marks a program that Ctrl-C or another signal ended.
	ErrInterrupted = wording.ErrInterrupted
)

// Usagef returns an ErrUsage whose text is a sentence for the user.
func Usagef(format string, args ...any) error { return wording.Usagef(format, args...) }

// Answer is a text that the user asked for instead of the program's work, such as its help. It
// is an error so that it ends the program's work.
type Answer struct{ Text string }

// Error is the text.
func (a Answer) Error() string { return a.Text }

// ExitCode returns the exit code of a program that ends with this error.
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

// Ended makes the error of a context that a signal ended an ErrInterrupted.
func Ended(err error) error {
	if errors.Is(err, context.Canceled) && !errors.Is(err, ErrInterrupted) {
		return ErrInterrupted
	}
	return err
}

// Until runs work that does not watch ctx. If ctx ends first, Until returns ctx's error and leaves the work
// running, so the work must do no harm when the program ends in the middle of it.
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
// line to stderr, and returns the exit code. Parts of the error may be foreign. An error that is Silent is
// printed by another process.
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
	var silent interface{ Silent() }
	if errors.As(err, &silent) {
		return ExitCode(err)
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
