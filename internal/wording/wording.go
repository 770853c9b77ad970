// Package wording turns the engine's errors into sentences for a person.
package wording

import (
	"errors"
	"strings"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
)

var (
	// ErrUsage marks a mistake in the command line or in a setting.
	ErrUsage = errors.New("wrong usage")

	// ErrInterrupted marks a program that Ctrl-C or another signal ended.
	ErrInterrupted = errors.New("interrupted")
)

// Usagef returns an ErrUsage whose text is a sentence for the user.
func Usagef(format string, args ...any) error { return fault.New(ErrUsage, nil, format, args...) }

// Clause writes an error for a person, to stand in a sentence of the caller's: without the name
// of the software GPU, which its errors carry as those of any tool do, and without the sentinel at
// its end that only tells kinds apart.
func Clause(err error) string {
	text := strings.ReplaceAll(err.Error(), "softgpu: ", "")
	for _, kind := range []error{algo.ErrConfig, algo.ErrDiverged, gpu.ErrShape, gpu.ErrDeviceLost} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	return strings.TrimSuffix(text, ".")
}

// Sentence is Clause with a full stop, or the mark that the error ends with.
func Sentence(err error) string {
	text := Clause(err)
	if !strings.HasSuffix(text, "?") && !strings.HasSuffix(text, "!") {
		text += "."
	}
	return text
}

// Shown returns a typed text, in quotes if it would not read as one word.
func Shown(text string) string { return foreign.Word(text) }
