package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Exit codes of the program.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells report a program that Ctrl-C ended
)

// usageError is a mistake in what was typed; its text is for the user as it stands.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// errInterrupted is the end by Ctrl-C or SIGTERM. dir is what was being prepared, or "".
type errInterrupted struct{ dir string }

func (e errInterrupted) Error() string {
	if e.dir == "" {
		return "interrupted."
	}
	return fmt.Sprintf("interrupted: give the same command again to go on; what is complete is kept in %s.", e.dir)
}

func exitCode(err error) int {
	var usage usageError
	var interrupted errInterrupted
	switch {
	case err == nil:
		return 0
	case errors.As(err, &interrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

// packagePrefix is the package name that errors carry at the start of each link.
var packagePrefix = regexp.MustCompile(`(^|: )(?:imageprep|prepare|shards|loaders): `)

// sentence writes an error for a person: without names of packages, on one line and with
// a full stop.
func sentence(err error) string {
	text := strings.Join(strings.Fields(packagePrefix.ReplaceAllString(err.Error(), "$1")), " ")
	if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}
