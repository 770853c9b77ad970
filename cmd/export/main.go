// Command export writes a trained network for other programs: as ONNX, or its weights alone
// as safetensors. `export -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/dustin/go-humanize"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/run/checkpoint"
)

func main() { cli.Main("export", export) }

// export reads a checkpoint and writes the network.
func export(ctx context.Context, args []string, stdout *os.File) error {
	opt, err := parse(args)
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
	for line := range strings.Lines(net.summary(opt)) {
		const indent = 9
		if _, err := fmt.Fprintln(stdout, cli.Hang(foreign.Line(strings.TrimSuffix(line, "\n")), indent, cli.Columns(stdout))); err != nil {
			return fmt.Errorf("printing to standard output failed: %w", err)
		}
	}
	return nil
}

// trained is the network that is exported.
type trained struct {
	*checkpoint.Checkpoint
	params  []float32 // the weights that were asked for, an arena of Network
	weights string    // their name, as -weights has it
	epoch   int       // that they come from; 0 before the first
}

// load reads the weights that were asked for.
func load(ctx context.Context, opt options) (*trained, error) {
	if opt.weights == weightsBest {
		c, err := checkpoint.Load(ctx, opt.path)
		if err != nil {
			return nil, err
		}
		weights := weightsBest
		if !c.TakeBest() {
			weights = weightsLast // no epoch has been validated
		}
		if err := c.CheckFinite(); err != nil {
			return nil, err
		}
		return &trained{Checkpoint: c, params: c.Params, weights: weights, epoch: c.Epoch()}, nil
	}
	c, err := checkpoint.LoadLatest(ctx, opt.path)
	if err != nil {
		return nil, err
	}
	if c.Kind != checkpoint.StateKind {
		return nil, fault.New(checkpoint.ErrAbsent, nil,
			"%s holds the weights of the best epoch alone: leave out -weights last, or name the run's folder.", c.Path)
	}
	if err := c.CheckFinite(); err != nil {
		return nil, err
	}
	return &trained{Checkpoint: c, params: c.Params, weights: weightsLast, epoch: c.Epoch()}, nil
}

// summary says what was written, and what a program that runs it should know.
func (t *trained) summary(opt options) string {
	text := ""
	if t.PassedBy != nil {
		text = fmt.Sprintf("note     %v\n", t.PassedBy)
	}
	text += fmt.Sprintf("network  %v, %s weights\n", t.Network, humanize.Comma(int64(t.Network.Weights())))
	text += fmt.Sprintf("from     %s, weights %s\n", t.Path, t.When())
	if opt.format == formatONNX {
		in := t.Network.Input
		text += fmt.Sprintf("input    images [N, %d, %d, %d], float32, pixels / 255\n", in.H, in.W, in.C)
		text += fmt.Sprintf("output   logits [N, %d], probabilities [N, %d]\n", t.Network.Logits, t.Network.Classes)
	}
	text += fmt.Sprintf("classes  %s\n", t.outputText())
	return text + fmt.Sprintf("written  %s\n", opt.output)
}
