// Package wording turns the engine's errors into what a program says to a person.
package wording

import (
	"regexp"
	"strings"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/foreign"
)

// packagePrefix is the package name that errors carry at the start of each link.
var packagePrefix = regexp.MustCompile(`(^|: )(?:algo|blas|checkpoint|cublas|cuda|driver|emu|fetch|gpu|imageprep|kernels|loaders|model|prepare|ptx|results|runlog|safetensors|shards|vm): `)

// WithoutPackages takes the names of packages out of an error's text.
func WithoutPackages(text string) string { return packagePrefix.ReplaceAllString(text, "$1") }

// Clause writes an error for a person, to stand in a sentence of the caller's: without
// the names of packages, and without the sentinel at its end that only tells kinds apart.
func Clause(err error) string {
	text := WithoutPackages(err.Error())
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

// Shown is what was typed, in quotes where it would not read as one word.
func Shown(text string) string { return foreign.Word(text) }
