// Command mdfa trains image classifiers without backpropagation, and with it for comparison. It joins the commands
// of the folders beside this one: `mdfa train` runs train, and so does a link to mdfa that is named train.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package main

import (
	"mdfa/cmd/bench"
	"mdfa/cmd/export"
	imagenetprep "mdfa/cmd/imagenet-prep"
	"mdfa/cmd/inspect"
	"mdfa/cmd/internal/cli"
	"mdfa/cmd/predict"
	"mdfa/cmd/report"
	"mdfa/cmd/sweep"
	"mdfa/cmd/train"
)

var joint = cli.Joint{
	Program: cli.Program{
		Name:      "mdfa",
		Summary:   "mdfa trains image classifiers without backpropagation, and with it for comparison.",
		Arguments: "COMMAND [flags]",
		Description: "`bin/train` and its siblings are links to `bin/mdfa`: `bin/train` and `bin/mdfa train` are the same. " +
			"`mdfa help train` prints the flags of train.",
		Examples: []string{
			"mdfa train -model mdfa -convnet",
			"mdfa train -devices",
			"mdfa sweep -model bp,mdfa -classes 2,10 -seed 0-4",
			"mdfa help sweep",
		},
	},
	Version: cli.Version,
	Commands: []cli.Command{
		train.Command, sweep.Command, report.Command, inspect.Command, predict.Command, export.Command,
		bench.Command, imagenetprep.Command,
	},
}

func main() { joint.Main() }
