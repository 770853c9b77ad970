// Package fault defines an error whose text is written for the user of a program.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Stopped reports whether an error comes from the end of a context, by cancellation or a deadline.
func Stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Error is an error with a finished text for the user. Kind and Cause are for errors.Is and errors.As
// only, and may be nil.
type Error struct {
	Kind  error // a sentinel that callers tell apart
	Cause error // the error of the operating system or of a library
	Text  string
}

// New makes an Error and formats its text.
func New(kind, cause error, format string, args ...any) error {
	return &Error{Kind: kind, Cause: cause, Text: fmt.Sprintf(format, args...)}
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the kind and the cause.
func (e *Error) Unwrap() []error {
	var under []error
	for _, err := range []error{e.Kind, e.Cause} {
		if err != nil {
			under = append(under, err)
		}
	}
	return under
}
