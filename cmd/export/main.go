// Package export is mdfa's command export, which writes a trained network for other programs: as ONNX, or its weights alone
// as safetensors. `export -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package export

import (
	"context"
	"fmt"
	"os"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/figures"
)

// Command is export.
var Command = cli.Command{Name: "export", Flags: func() *cli.Flags { return newFlags(&options{}) }, Do: export}

// export reads a checkpoint and writes the network.
func export(ctx context.Context, call cli.Call, stdout *os.File) error {
	opt, err := parse(call.Args)
	if err != nil {
		return err
	}
	net, err := load(ctx, opt)
	if err != nil {
		return err
	}
	net.sortOutputs()
	if err := net.save(ctx, opt); err != nil {
		return err
	}
	const indent = 9
	for _, line := range net.summary(opt) {
		if err := cli.Labelled(stdout, indent, line[0], line[1]); err != nil {
			return cli.Printed(err)
		}
	}
	return nil
}

// summary describes the file for people who use it: labels and texts.
func (t *trained) summary(opt options) [][2]string {
	var lines [][2]string
	add := func(label, format string, args ...any) {
		lines = append(lines, [2]string{label, fmt.Sprintf(format, args...)})
	}
	if t.Skipped != nil {
		add("note", "%v", t.Skipped)
	}
	add("network", "%v, %s weights", t.Network, figures.Count(t.Network.Weights()))
	add("from", "%s, weights %s", t.Path, t.When())
	if opt.format == formatONNX {
		in := t.Network.Input
		add("input", "images [N, %d, %d, %d], float32, pixels / 255", in.H, in.W, in.C)
		add("output", "logits [N, %d], probabilities [N, %d]", t.Network.Logits, t.Network.Classes)
	}
	add("classes", "%s", t.outputText())
	add("written", "%s", opt.output)
	return lines
}
