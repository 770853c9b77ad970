// Command predict runs a trained network on images: files, folders, or a part of the data
// set that it was trained on. `predict -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, such as the reading of a file, 2 wrong usage, 130 ended by
// Ctrl-C or another signal.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"mdfa/algo"
	"mdfa/algo/predict"
	"mdfa/cmd/internal/cli"
	"mdfa/internal/foreign"
	"mdfa/internal/wording"
	"mdfa/run/checkpoint"
	"mdfa/run/device"
)

// The values of -split and -show.
const (
	splitTrain = "train"
	splitValid = "valid"
	splitTest  = "test"

	showAll   = "all"
	showWrong = "wrong"
	showNone  = "none"
)

// options holds the flags.
type options struct {
	path                        string   // of the checkpoint or the run
	images                      []string // files and folders
	weights, split, data        string
	show, device                string
	top, batch                  int
	json, logits, invert, quiet bool
}

// newFlags defines every flag.
func newFlags(o *options) *cli.Flags {
	f := cli.New(cli.Program{
		Name:      "predict",
		Summary:   "predict classifies images with a trained network.",
		Arguments: "RUN_OR_CHECKPOINT [IMAGES...]",
		Description: "The first argument is the folder of a run or a checkpoint file. IMAGES are JPEG and PNG files, idx files (.gz as well), " +
			"files of CIFAR's binary version, and folders of these. Images of another size or colour are fitted as they are for training: the centre " +
			"square, resized; grey by luminance, or grey in all three channels.\n\n" +
			"Where true classes are known, accuracy, top-5 and the confusion matrix follow. They are known of -split, of CIFAR files, of idx images whose " +
			"file of labels is named too, and of folders that are called like the classes.\n\n" +
			"With -json each line is one JSON object. `{\"image\": …, \"predictions\": [{\"class\": 7, \"name\": \"7\", \"probability\": 0.98}, …]}` is an image, with " +
			"`label` (the true class, counted as the network does) where it is known and `logits` where they were asked for; " +
			"`{\"image\": …, \"error\": …}` is a file that could not be read; the last line is `{\"summary\": …}`.",
		Examples: []string{
			"predict results/mnist/mdfa-dense-c10-s0-… digit.png photos/",
			"predict results/mnist/mdfa-dense-c10-s0-… -split test",
			"predict best.safetensors t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz -show wrong",
		},
		Closing: "A file that cannot be read is named, the others go on, and the exit code is 1.",
	})
	f.Topic("Network")
	f.Text(&o.weights, "weights", "NAME", checkpoint.Best, "weights of the best epoch, or the last ones: best or last").Only(checkpoint.Best, checkpoint.Last)
	f.Text(&o.device, "device", "NAME", "auto", strings.Join(device.Names(), ", ")+"; cuda:1 is the second GPU").Among(device.Names()...)
	f.Integer(&o.batch, "batch_size", "N", 0, 1, "images at a time (default as in training)")
	f.Topic("Images")
	f.Text(&o.split, "split", "NAME", "", "a part of the run's own data set: train, valid or test").Only(splitTrain, splitValid, splitTest)
	f.Text(&o.data, "data", "DIR", "", "with -split: folder of the data set's files (default as in training)").File()
	f.Bool(&o.invert, "invert", "exchange black and white of photographs, as for ink on paper")
	f.Topic("Output")
	f.Integer(&o.top, "top", "K", 5, 1, "name the K most likely classes")
	f.Text(&o.show, "show", "NAME", "", "lines of all images, of wrong ones, or none (default all, with -split none)").Only(showAll, showWrong, showNone)
	f.Bool(&o.json, "json", "print a JSON object a line, for programs")
	f.Bool(&o.logits, "logits", "with -json: the logits of each image")
	f.Bool(&o.quiet, "quiet", "leave out the lines about network and device")
	return f
}

// parse reads the command line.
func parse(args []string) (options, error) {
	var o options
	f := newFlags(&o)
	rest, err := f.Parse(args)
	if err != nil {
		return o, err
	}
	if len(rest) == 0 {
		return o, cli.Usagef("what network? Name the folder of a run or a checkpoint, as in predict results/mnist/RUN image.png.")
	}
	o.path, o.images = rest[0], rest[1:]
	if o.show == "" {
		o.show = showAll
		if o.split != "" && !o.logits {
			o.show = showNone
		}
	}
	switch {
	case o.split == "" && len(o.images) == 0:
		return o, cli.Usagef("no images: name files or folders behind %s, or a part of its data set with -split test.", wording.Shown(o.path))
	case o.split != "" && len(o.images) > 0:
		return o, cli.Usagef("-split %s and the images %s: leave one of them out.", o.split, strings.Join(o.images, ", "))
	case o.split == "" && o.data != "":
		return o, cli.Usagef("-data goes with -split: it says where the data set is.")
	case o.logits && !o.json:
		return o, cli.Usagef("-logits goes with -json.")
	}
	return o, nil
}

func main() {
	cli.Main("predict", func(ctx context.Context, args []string, stdout *os.File) error {
		return run(ctx, args, stdout, os.Stderr)
	})
}

// run is the whole program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	c, err := checkpoint.LoadWeights(ctx, o.path, o.weights)
	if err != nil {
		return err
	}
	out := newOutput(stdout, stderr, o, c.Data)
	err = cli.Until(ctx, func() error { return out.run(ctx, o, c) }) // a product may take seconds
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: the images so far are printed", cli.ErrInterrupted)
	}
	return err
}

// run opens the device and predicts.
func (out *output) run(ctx context.Context, o options, c *checkpoint.Checkpoint) (err error) {
	if c.Skipped != nil {
		fmt.Fprintf(out.errors, "predict: %s\n", foreign.Line(wording.Sentence(c.Skipped)))
	}
	images, err := open(ctx, o, c)
	if err != nil {
		return err
	}
	dev, passed, err := device.Open(o.device, device.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if closing := dev.Close(); err == nil {
			err = closing
		}
	}()
	out.header(c, dev.Info(), passed, images)
	p, err := predict.New(dev, c.Network, c.Params, batchSize(o, c))
	if err != nil {
		return err
	}
	defer func() {
		if closing := p.Close(); err == nil {
			err = closing
		}
	}()
	if err := p.Each(ctx, "image", images.examples(), func(first int, logits []float32) error {
		return out.batch(images, first, logits, c.Network.Logits)
	}); err != nil {
		return err
	}
	if err := out.summary(); err != nil {
		return err
	}
	if out.failed > 0 {
		return fmt.Errorf("%d of %d images could not be read", out.failed, images.len())
	}
	return nil
}

// batchSize returns the size of the run's evaluation batches, so that the accuracy is bit-identical.
func batchSize(o options, c *checkpoint.Checkpoint) int {
	if o.batch > 0 {
		return o.batch
	}
	batch, err := strconv.Atoi(c.Flags["batch_size"])
	if err != nil || batch < 1 {
		batch = 1
	}
	return algo.EvalBatch(c.Network, batch)
}

// errorLine prints the fault of an image; it does not end the program.
func errorLine(w io.Writer, err error) {
	fmt.Fprintf(w, "predict: %s\n", foreign.Line(wording.Sentence(err)))
}
