package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"mdfa/algo"
	"mdfa/gpu"
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
	case errors.Is(err, errUsage), errors.Is(err, algo.ErrConfig), errors.Is(err, loaders.ErrUsage):
		return exitUsage
	}
	return exitFailed
}

// packagePrefix is the package name that errors carry at the start of each link.
var packagePrefix = regexp.MustCompile(`(^|: )(?:algo|blas|cublas|cuda|driver|emu|fetch|gpu|imageprep|kernels|loaders|model|ptx|results|shards|vm): `)

// sentence writes an error for a person: without the names of packages, without the
// sentinel at its end that only tells kinds apart, and with a full stop.
func sentence(err error) string {
	text := packagePrefix.ReplaceAllString(err.Error(), "$1")
	for _, kind := range []error{algo.ErrConfig, algo.ErrDiverged, gpu.ErrShape, gpu.ErrDeviceLost} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") && !strings.HasSuffix(text, "!") {
		text += "."
	}
	return text
}

// flagError turns what a parser says about a value into what the user typed:
// `initializer "Q": expected …` becomes `-forward_init "Q": expected …`.
func flagError(name, noun string, err error) error {
	text := packagePrefix.ReplaceAllString(err.Error(), "$1")
	text = strings.TrimSuffix(text, ": "+algo.ErrConfig.Error())
	if rest, ok := strings.CutPrefix(text, noun+" "); ok {
		return usagef("-%s %s", name, rest)
	}
	return usagef("-%s: %s", name, text)
}
