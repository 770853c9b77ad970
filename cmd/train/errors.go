package main

import (
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
