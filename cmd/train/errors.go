package main

import (
	"strings"

	"mdfa/algo"
	"mdfa/cmd/internal/cli"
	"mdfa/internal/wording"
)

// Exit codes of the program, which are those of all programs.
const (
	exitFailed      = cli.ExitFailed
	exitUsage       = cli.ExitUsage
	exitInterrupted = cli.ExitInterrupted
)

var (
	errUsage       = cli.ErrUsage
	errInterrupted = cli.ErrInterrupted
)

// usagef is a mistake in what was typed, as a sentence for the user.
func usagef(format string, args ...any) error { return cli.Usagef(format, args...) }

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
