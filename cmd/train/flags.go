package main

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"mdfa/algo"
	"mdfa/cmd/internal/cli"
	"mdfa/internal/runlog"
	"mdfa/loaders"
	"mdfa/run/device"
)

// options are the flags as they were typed, numbers read and ranges checked.
type options struct {
	dataset, data, out                 string
	model, activation, optimizer       string
	forwardInit, backwardInit          string
	reduction, device, layers, filters string
	cache, feedback, log               string
	convnet, quiet, version, devices   bool
	sync, tf32, profile, coarse        bool
	tensorboard                        bool
	classes, batch, epochs, maxSteps   int
	size, alignment                    int
	seed                               int64
	lr, l2, clampFloor                 float64
	resume                             string
	report                             bool
	checkpointEvery                    int
	found                              []string          // runs that -resume auto has looked at
	given                              map[string]bool   // the flags that were typed
	values                             map[string]string // all flags, as they were typed or left
}

// about is what the program says of itself in its help text and in docs/cli.md.
var about = cli.Program{
	Name:    "train",
	Summary: "train teaches a network with backpropagation (bp) or without it (fa, dfa, mdfa).",
	Description: "Each run gets a folder of its own below `-out`. On a terminal a live line shows how it goes; " +
		"[output.md](output.md) has what `-log json` prints in place of text, and the log of all runs. " +
		"Ctrl-C, SIGTERM, SIGHUP (a closed terminal, unless under nohup), SIGUSR1 and a closed pipe (`| head`) end a run after its current step, " +
		"with a checkpoint; a second Ctrl-C or SIGTERM ends it at once. " +
		"`-resume` goes on ([checkpoints.md](checkpoints.md)), to the same bits.",
	Environment: slices.Concat(cli.DataVariables(), cli.MachineVariables(), cli.TerminalVariables()),
	Files: []cli.Entry{
		{Name: "DIR/DATASET/RUN/run.json", Text: "what the run is: flags, data, network, device, command"},
		{Name: "DIR/DATASET/RUN/epochs.csv", Text: "a row for each epoch"},
		{Name: "DIR/DATASET/RUN/result.csv", Text: "one row, once the run has ended"},
		{Name: "DIR/DATASET/RUN/report.html", Text: "the run as a page, unless `-report=false`"},
		{Name: "DIR/DATASET/RUN/confusion.csv", Text: "which classes are taken for which, unless `-report=false`"},
		{Name: "DIR/DATASET/RUN/checkpoints/", Text: "last, previous and best, as safetensors"},
		{Name: "DIR/DATASET/RUN/alignment.csv", Text: "with `-alignment`: a row for each layer at each measured step"},
		{Name: "DIR/DATASET/RUN/profile.json", Text: "with `-profile`"},
		{Name: "DIR/DATASET/RUN/tensorboard/", Text: "with `-tensorboard`: event files"},
		{Name: "DIR/" + runlog.File, Text: "the log of all runs, which `inspect -runs` lists"},
	},
	Examples: []string{
		"train -model mdfa -convnet -classes 2",
		"train -dataset fashion-mnist -model dfa -layers 400,400 -optimizer adam -max_epochs 20",
	},
}

// newFlags defines every flag, by topic.
func newFlags(o *options) *cli.Flags {
	f := cli.New(about)
	o.given = f.Given

	f.Topic("Data")
	f.Text(&o.dataset, "dataset", "NAME", "mnist", strings.Join(loaders.Names(), ", ")).Among(loaders.Names()...)
	f.Integer(&o.classes, "classes", "K", 0, math.MinInt, "keep K of the classes, picked by the seed (default all)")
	f.Text(&o.data, "data", "DIR", "", "folder or archive of the data set's files (default: found or fetched)").File()
	f.Bool(&o.coarse, "coarse", "cifar100: its 20 coarse labels")
	f.Integer(&o.size, "size", "N", 0, 1, "folder: bring pictures to N by N pixels (default by data set)")
	f.Text(&o.cache, "cache", "NAME", cacheAuto, "keep the images on the device: auto (if they fit), on or off").Among(cacheAuto, cacheOn, cacheOff)

	f.Topic("Network")
	f.Text(&o.model, "model", "NAME", "bp", "learning rule: "+strings.Join(algo.Rules(), ", ")).Among(algo.Rules()...)
	f.Bool(&o.convnet, "convnet", "convolutional instead of fully connected")
	f.Text(&o.layers, "layers", "W,W,...", "", "widths of the hidden layers, or none (default by data set)")
	f.Text(&o.filters, "filters", "F:K:S,...", "", "filters, kernel, stride of each convolution (default by data set)")
	f.Text(&o.activation, "activation", "NAME", "tanh", "tanh, relu, or pl: clipped to -1..1").Among("tanh", "relu", "pl")
	f.Text(&o.forwardInit, "forward_init", "INIT", "U1", "first weights: a number, or one of U N P A and a number")
	f.Text(&o.backwardInit, "backward_init", "INIT", "U1", "fixed feedback of fa, dfa, mdfa, written likewise")
	f.Text(&o.feedback, "feedback", "NAME", feedbackStored, "of dfa and mdfa: stored, or generated anew in every step").Among(feedbackStored, feedbackGenerated)
	f.Number(&o.clampFloor, "clamp_floor", 0, "mdfa keeps weights at X or above")

	f.Topic("Training")
	f.Text(&o.optimizer, "optimizer", "NAME", "rmsprop", strings.Join(algo.Optimizers(), ", ")).Among(algo.Optimizers()...)
	f.Number(&o.lr, "lr", 1e-4, "learning rate")
	f.Number(&o.l2, "l2", 0, "weight decay")
	f.Text(&o.reduction, "reduction", "NAME", "mean", "errors of a batch count as their "+strings.Join(algo.Reductions(), " or ")).Among(algo.Reductions()...)
	f.Integer(&o.batch, "batch_size", "N", 64, 1, "images in a step")
	f.Integer(&o.epochs, "max_epochs", "N", 100, 1, "passes over the training images")
	f.Integer(&o.maxSteps, "max_steps", "N", 0, 0, "end after N steps (default no limit)")
	f.Seed(&o.seed, "seed", 0, "of classes, split, weights and order")

	f.Topic("Machine")
	f.Text(&o.device, "device", "NAME", "auto", strings.Join(device.Names(), ", ")+"; cuda:1 is the second GPU").Among(device.Names()...)
	f.Bool(&o.devices, "devices", "list this machine's devices and exit")
	f.Bool(&o.sync, "sync", "on a GPU, wait after every kernel, so that an error names it")
	f.Bool(&o.tf32, "tf32", "on a GPU, products by tensor cores, factors rounded to 10 bits")
	f.Bool(&o.profile, "profile", "on a GPU, measure a step kernel by kernel after the run")

	f.Topic("Checkpoints")
	f.Text(&o.resume, "resume", "RUN", "", "go on with a run: its folder or one above, a checkpoint, or auto (the newest like it)").Among(resumeAuto).File()
	f.Integer(&o.checkpointEvery, "checkpoint_every", "N", 0, noCheckpoints, "steps between checkpoints; 0: one an epoch, -1: none")

	f.Topic("Output")
	f.Text(&o.out, "out", "DIR", "results", "each run gets a folder of its own in there").Folder()
	f.Switch(&o.report, "report", true, "write report.html, which a browser shows, when the run ends (-report=false: none)")
	f.Bool(&o.tensorboard, "tensorboard", "write event files for TensorBoard into the run's folder")
	f.Integer(&o.alignment, "alignment", "N", 0, 0, "compare the rule with bp every N steps, in alignment.csv (default never)")
	f.Bool(&o.quiet, "quiet", "print the outcome only")
	f.Text(&o.log, "log", "NAME", logText, "how to print: text, or json, an object a line for machines").Among(logText, logJSON)
	f.Bool(&o.version, "version", "print the version and exit")
	return f
}

// parse reads the command line. The error is a usage error, or an answer such as the help
// text.
func parse(args []string) (options, error) {
	var o options
	f := newFlags(&o)
	_, err := f.Parse(args)
	o.values = f.Values()
	return o, cmp.Or(err, o.checkLog())
}
