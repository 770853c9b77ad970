package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"mdfa/algo"
	"mdfa/cmd/internal/device"
	"mdfa/internal/imageprep"
)

// options are the flags. Lists that are empty depend on the device.
type options struct {
	device         string
	tf32           bool
	datasets       []dataset
	nets           []string
	rules          []algo.Rule
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

// windows in which each cell is measured.
func (o options) windows() int {
	if o.quick {
		return quickWindows
	}
	return usualWindows
}

// onlyWith are flags that go with another one.
var onlyWith = map[string]string{"images": "data_path", "size": "data_path"}

// notWith are flags that -data_path, which uses no device, cannot serve.
var notWith = []string{"device", "datasets", "nets", "models", "tf32", "quick", "stream", "peers", "json", "markdown", "compare", "predict"}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.device, "device", "auto", strings.Join(device.Names(), ", ")+"; cuda:1 is the second GPU")
	f.BoolVar(&o.tf32, "tf32", false, "on a GPU, products by tensor cores, factors rounded to 10 bits")
	list(f, "datasets", "data sets whose shapes to time: mnist, cifar, imagenet (default mnist,cifar, on cuda imagenet too)", &o.datasets, parseDataset)
	list(f, "nets", "kinds of networks to time (default "+strings.Join(nets, ",")+")", &o.nets, parseNet)
	list(f, "models", "learning rules to time (default "+strings.Join(algo.Rules(), ",")+")", &o.rules, algo.ParseRule)
	list(f, "batch_sizes", "examples in a step (default 64, on cuda 64,256)", &o.batches, parseBatch)
	f.DurationVar(&o.duration, "time", usualTime, "how long to time each cell, or each line of -data_path")
	f.BoolVar(&o.quick, "quick", false, "fewer cells and shorter windows: done in a minute, also on emu")
	f.BoolVar(&o.stream, "stream", false, "bring the images from the host at each step in place of keeping them on the device")
	f.StringVar(&o.json, "json", "", "write the figures to this file (cmd/bench/schema.json describes it)")
	f.StringVar(&o.markdown, "markdown", "", "write the tables to this file")
	f.StringVar(&o.compare, "compare", "", "compare with the figures of an earlier -json file")
	list(f, "predict", "instead of timing, bound the step's time on these GPUs: "+strings.Join(cardNames(), ", ")+"; needs -device emu or cuda", &o.predict, parseCard)
	f.StringVar(&o.peers, "peers", "", "a Python with torch, to time PyTorch's BP step on the same networks on the processor")
	f.BoolVar(&o.dataPath, "data_path", false, "time the way of the images to a device instead of steps")
	f.StringVar(&o.images, "images", "", "with -data_path: a folder of JPEG or PNG photographs in place of made-up ones")
	f.IntVar(&o.size, "size", 224, "with -data_path: prepare images at this height and width in pixels")
	f.SetOutput(io.Discard) // errors are printed once, by main
	f.Usage = func() {}
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Println("bench times training steps, or with -data_path the way of the images to a device. Its flags:")
			f.SetOutput(os.Stdout)
			f.PrintDefaults()
		}
		return o, err
	}
	given := map[string]bool{}
	f.Visit(func(g *flag.Flag) { given[g.Name] = true })
	if o.quick && !given["time"] {
		o.duration = quickTime
	}
	return o, cmp.Or(o.check(f.Args()), o.together(given))
}

// check refuses values that no measurement can have.
func (o options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.duration <= 0:
		return fmt.Errorf("-time %v: expected more than 0s", o.duration)
	case o.size < imageprep.MinSize || o.size > imageprep.MaxSize:
		return fmt.Errorf("-size %d: expected %d to %d pixels", o.size, imageprep.MinSize, imageprep.MaxSize)
	case o.dataPath && len(o.batches) > 1:
		return fmt.Errorf("-data_path reads batches of one size: name one in -batch_sizes")
	}
	return nil
}

// together refuses flags that do not go together.
func (o options) together(given map[string]bool) error {
	for name, other := range onlyWith {
		if given[name] && !given[other] {
			return fmt.Errorf("-%s goes with -%s", name, other)
		}
	}
	for _, name := range notWith {
		if given[name] && o.dataPath {
			return fmt.Errorf("-%s does not go with -data_path, which uses no device", name)
		}
	}
	for _, name := range []string{"peers", "compare", "stream"} {
		if given[name] && given["predict"] {
			return fmt.Errorf("-%s does not go with -predict, which times nothing", name)
		}
	}
	return nil
}

// list adds a flag whose value is a list with commas.
func list[T comparable](f *flag.FlagSet, name, usage string, to *[]T, parse func(string) (T, error)) {
	f.Func(name, usage, func(text string) error {
		*to = nil
		for word := range strings.SplitSeq(text, ",") {
			v, err := parse(strings.TrimSpace(word))
			if err != nil {
				return err
			}
			if !slices.Contains(*to, v) {
				*to = append(*to, v)
			}
		}
		return nil
	})
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
