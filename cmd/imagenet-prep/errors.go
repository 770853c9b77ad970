package main

import (
	"fmt"

	"mdfa/cmd/internal/cli"
)

// errInterrupted is the end by Ctrl-C or SIGTERM. dir is the folder in preparation, or "".
type errInterrupted struct{ dir string }

func (e errInterrupted) Error() string {
	if e.dir == "" {
		return "interrupted."
	}
	return fmt.Sprintf("interrupted: give the same command again to go on; what is complete is kept in %s.", e.dir)
}

func (e errInterrupted) Unwrap() error { return cli.ErrInterrupted }
