// Package inspect is mdfa's command inspect, which shows the contents of checkpoints and of the folders of runs, the differences
// between two of them, and the log of all runs. `inspect -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package inspect

import (
	"cmp"
	"context"
	"os"
	"strings"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/foreign"
)

// Command is inspect.
var Command = cli.Command{Name: "inspect", Flags: func() *cli.Flags { return newFlags(&options{}, &raw{}) }, Do: runProgram}

// runProgram is the whole program. It prints all output before it returns an error.
func runProgram(ctx context.Context, call cli.Call, stdout *os.File) error {
	o, err := parse(call.Args)
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
