package main

import (
	"errors"
	"fmt"
	"strings"

	"mdfa/algo"
	"mdfa/cmd/internal/device"
	"mdfa/cmd/internal/wording"
	"mdfa/loaders"
)

// Exit codes of the program.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells report a program that Ctrl-C ended
)

var (
	errUsage       = errors.New("wrong usage")
	errInterrupted = errors.New("interrupted")
)

// usageError is a mistake in what was typed; its text is for the user as it stands.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }
func (e usageError) Unwrap() error { return errUsage }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// exitCode is the program's, for the error it ends with.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, errUsage), errors.Is(err, device.ErrUsage), errors.Is(err, algo.ErrConfig), errors.Is(err, loaders.ErrUsage):
		return exitUsage
	}
	return exitFailed
}

// sentence writes an error for a person.
func sentence(err error) string { return wording.Sentence(err) }

// flagError turns what a parser says about a value into what the user typed:
// `initializer "Q": expected …` becomes `-forward_init "Q": expected …`.
func flagError(name, noun string, err error) error {
	text := wording.WithoutPackages(err.Error())
	text = strings.TrimSuffix(text, ": "+algo.ErrConfig.Error())
	if rest, ok := strings.CutPrefix(text, noun+" "); ok {
		return usagef("-%s %s", name, rest)
	}
	return usagef("-%s: %s", name, text)
}
