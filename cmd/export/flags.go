package export

import (
	"path/filepath"
	"strings"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/wording"
	"mdfa/run/checkpoint"
)

// The values of -format.
const (
	formatONNX        = "onnx"
	formatSafetensors = "safetensors"
)

// options holds the flags.
type options struct {
	path           string // the run or checkpoint
	output, format string
	weights        string
	force          bool
}

func newFlags(opt *options) *cli.Flags {
	f := cli.New(cli.Program{
		Name:    "export",
		Summary: "export writes a trained network for other programs: as ONNX, or its weights alone as\nsafetensors.",
		Description: "An ONNX file has the input `images`, float32 [N, height, width, channels] with pixels divided by 255, " +
			"normalized by the graph itself where the network was trained with `-normalize`, and the outputs `logits`, [N, classes] or [N, 1] for two classes, and `probabilities`, [N, classes]. " +
			"The outputs are in the order of the labels: `class_names[argmax]`, a JSON list in its metadata, is the class. " +
			"Rule, data set and more are there too.\n\n" +
			"A safetensors file has `layers.0.weight`, [in, out] or [k, k, c_in, c_out], `layers.0.bias`, and so on. " +
			"The last layer's inputs are in the order height, width, channels.",
		Arguments: "RUN_OR_CHECKPOINT",
		Examples: []string{
			"export results/mnist/mdfa-convnet-c10-s0-20261124T101502 -o net.onnx",
			"export results/mnist/mdfa-convnet-c10-s0-20261124T101502 -weights last -format safetensors -o weights.safetensors",
		},
	})
	f.Topic("What to export")
	f.Text(&opt.weights, "weights", "NAME", checkpoint.Best, "weights: best, those of the best epoch, or last").Only(checkpoint.Best, checkpoint.Last)
	f.Topic("Output")
	f.Text(&opt.output, "o", "FILE", "", "the file to write (default net.onnx or net.safetensors)").File()
	f.Text(&opt.format, "format", "NAME", "", "onnx or safetensors (default by the file's name, or else onnx)").Only(formatONNX, formatSafetensors)
	f.Bool(&opt.force, "force", "replace the file if it is there")
	return f
}

// parse reads the command line. The error is a usage error, or an answer such as the help text.
func parse(args []string) (options, error) {
	var opt options
	f := newFlags(&opt)
	paths, err := f.Parse(args)
	if err != nil {
		return opt, err
	}
	switch {
	case len(paths) == 0:
		return opt, cli.Usagef("nothing to export: name the folder of a run or a checkpoint, as in export results/mnist/… (export -h has more).")
	case len(paths) > 1:
		return opt, cli.Usagef("%d arguments, %s and %s among them: export takes one run or checkpoint at a time.",
			len(paths), wording.Shown(paths[0]), wording.Shown(paths[1]))
	case f.Given["o"] && strings.TrimSpace(opt.output) == "":
		return opt, cli.Usagef("-o is empty: expected the name of a file.")
	}
	opt.path = paths[0]
	return opt, opt.settleFormat(f.Given["format"])
}

// settleFormat derives the format from the file's name, or the file's name from the format.
func (opt *options) settleFormat(given bool) error {
	byName := map[string]string{".onnx": formatONNX, checkpoint.Suffix: formatSafetensors}[strings.ToLower(filepath.Ext(opt.output))]
	switch {
	case !given && byName != "":
		opt.format = byName
	case !given:
		opt.format = formatONNX
	case byName != "" && byName != opt.format:
		return cli.Usagef("-o %s: that is the name of a file of %s, and -format %s was given; change one of them.",
			wording.Shown(opt.output), byName, opt.format)
	}
	if opt.output == "" {
		opt.output = "net." + opt.format
	}
	return nil
}
