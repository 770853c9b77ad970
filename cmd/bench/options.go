package bench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"mdfa/algo"
	"mdfa/cmd/internal/cli"
	"mdfa/internal/imageprep"
	"mdfa/run/settings"
)

// options holds the flags. An empty list gets its default from the device.
type options struct {
	device         string
	tf32           bool
	datasets       []dataset
	nets           []string
	rules          []*algo.Rule
	batches        []int
	duration       time.Duration
	quick, stream  bool
	peers          string
	json, markdown string
	compare        string
	predict        []card
	dataPath       bool
	images         string
	size           int
}

const (
	usualTime    = 2 * time.Second
	usualWindows = 10
	quickTime    = 500 * time.Millisecond
	quickWindows = 5
	usualBatch   = 64
)

// windows returns the number of windows in which each cell is timed.
func (o options) windows() int {
	if o.quick {
		return quickWindows
	}
	return usualWindows
}

// onlyWith maps a flag to the flag that it needs.
var onlyWith = map[string]string{"images": "data_path", "size": "data_path"}

// notWith lists the flags that -data_path, which uses no device, does not accept.
var notWith = []string{"device", "datasets", "nets", "models", "tf32", "quick", "stream", "peers", "json", "markdown", "compare", "predict"}

// about describes the program for its help text.
var about = cli.Program{
	Name:    "bench",
	Summary: "bench times training steps, or with -data_path the path of images to a device.",
	Examples: []string{
		"bench -device cpu -quick",
		"bench -device cuda -json results/h100.json -markdown results/h100.md",
		"bench -device emu -predict h100,a100,l4,t4",
		"bench -data_path -time 10s",
	},
	Environment: cli.MachineVariables(),
}

func newFlags(o *options) *cli.Flags {
	f := cli.New(about)
	f.Topic("Selection")
	cli.List(f, &o.datasets, "datasets", "NAME,...", "data sets whose shapes to time: mnist, cifar, imagenet (default mnist,cifar, on cuda imagenet too)", parseDataset).Among("mnist", "cifar", "imagenet")
	cli.List(f, &o.nets, "nets", "NAME,...", "kinds of networks (default "+strings.Join(nets, ",")+")", parseNet).Among(nets...)
	cli.List(f, &o.rules, "models", "NAME,...", "learning rules (default "+strings.Join(algo.RuleNames(), ",")+")", algo.ParseRule).Among(algo.RuleNames()...)
	cli.List(f, &o.batches, "batch_sizes", "N,...", "examples in a step (default 64, on cuda 64,256)", parseBatch)
	f.Bool(&o.stream, "stream", "upload images at each step instead of keeping them on the device")
	cli.List(f, &o.predict, "predict", "GPU,...", "instead of timing, compute lower bounds for a step on these GPUs: "+strings.Join(cardNames(), ", ")+"; needs -device emu or cuda", parseCard).Among(cardNames()...)
	f.Bool(&o.dataPath, "data_path", "time the path of images to a device instead of steps")
	f.Text(&o.images, "images", "DIR", "", "with -data_path: a folder of JPEG or PNG photographs instead of made-up ones").Folder()
	f.Integer(&o.size, "size", "N", 224, math.MinInt, "with -data_path: prepare images at this height and width in pixels")

	f.Topic("Timing")
	f.Text(&o.device, "device", "NAME", "auto", strings.Join(settings.Devices, ", ")+"; cuda:1 is the second GPU").Among(settings.Devices...)
	f.Bool(&o.tf32, "tf32", "on a GPU, products by tensor cores, factors rounded to 10 bits")
	f.Duration(&o.duration, "time", usualTime, "time for each cell, or for each line of -data_path")
	f.Bool(&o.quick, "quick", "fewer cells and shorter windows: takes a minute, also on emu")
	f.Text(&o.peers, "peers", "FILE", "", "a Python with torch and biotorch, to time PyTorch's BP step, and BioTorch's by the same rule, on the same networks on the processor").File()

	f.Topic("Output")
	f.Text(&o.json, "json", "FILE", "", "write the figures to this file (cmd/bench/schema.json describes it)").File()
	f.Text(&o.markdown, "markdown", "FILE", "", "write the tables to this file").File()
	f.Text(&o.compare, "compare", "FILE", "", "compare with the figures of an earlier -json file").File()
	return f
}

// parse reads the command line. Its error is a usage error, or an answer such as the help
// text.
func parse(args []string) (options, error) {
	var o options
	f := newFlags(&o)
	if _, err := f.Parse(args); err != nil {
		return o, err
	}
	if o.quick && !f.Given["time"] {
		o.duration = quickTime
	}
	return o, cmp.Or(o.check(), o.together(f.Given))
}

// check refuses values outside their range.
func (o options) check() error {
	switch {
	case o.size < imageprep.MinSize || o.size > imageprep.MaxSize:
		return cli.Usagef("-size %d: expected %d to %d pixels.", o.size, imageprep.MinSize, imageprep.MaxSize)
	case o.dataPath && len(o.batches) > 1:
		return cli.Usagef("-data_path reads batches of one size: name one in -batch_sizes.")
	}
	return nil
}

// together refuses flags that exclude each other.
func (o options) together(given map[string]bool) error {
	for name, other := range onlyWith {
		if given[name] && !given[other] {
			return cli.Usagef("-%s goes with -%s: add it, or leave -%s out.", name, other, name)
		}
	}
	for _, name := range notWith {
		if given[name] && o.dataPath {
			return cli.Usagef("-%s does not go with -data_path, which uses no device: leave one of them out.", name)
		}
	}
	for _, name := range []string{"peers", "compare", "stream"} {
		if given[name] && given["predict"] {
			return cli.Usagef("-%s does not go with -predict, which times nothing: leave one of them out.", name)
		}
	}
	return nil
}

func parseDataset(name string) (dataset, error) {
	for _, d := range datasets {
		if d.name == name {
			return d, nil
		}
	}
	return dataset{}, fmt.Errorf("%q is none of mnist, cifar, imagenet", name)
}

func parseNet(name string) (string, error) {
	if !slices.Contains(nets, name) {
		return "", fmt.Errorf("%q is none of %s", name, strings.Join(nets, ", "))
	}
	return name, nil
}

func parseBatch(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q: expected whole numbers from 1 on", text)
	}
	return n, nil
}
