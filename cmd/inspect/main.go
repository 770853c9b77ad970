// Command inspect shows the contents of checkpoints and of the folders of runs, the differences
// between two of them, and the log of all runs. `inspect -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package main

import (
	"cmp"
	"context"
	"os"
	"strings"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/foreign"
)

func main() { cli.Main("inspect", runProgram) }

// runProgram is the whole program. It prints all output before it returns an error.
func runProgram(ctx context.Context, args []string, stdout *os.File) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	var out strings.Builder
	err = cli.Until(ctx, func() error {
		switch {
		case o.runs:
			return listRuns(ctx, o, &out)
		case o.diff:
			return difference(ctx, o, &out)
		}
		return describe(ctx, o, &out)
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// There may be output beside an error.
	text := out.String()
	if !o.json {
		text = foreign.Clean(text)
	}
	_, printed := stdout.WriteString(text)
	return cmp.Or(cli.Printed(printed), err)
}
