package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"mdfa/algo"
	"mdfa/internal/imageprep"
)

// options are the flags.
type options struct {
	nets, rules, peers, images string
	batch, size                int
	duration                   time.Duration
	dataPath                   bool
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.nets, "nets", strings.Join(netNames(), ","), "the networks to time")
	f.StringVar(&o.rules, "models", strings.Join(algo.Rules(), ","), "the learning rules to time")
	f.IntVar(&o.batch, "batch_size", 64, "examples in a step")
	f.DurationVar(&o.duration, "time", 2*time.Second, "how long to time each cell, or each line of -data_path")
	f.StringVar(&o.peers, "peers", "", "a Python with torch, to time PyTorch's BP step on the same networks")
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
	only := ""
	f.Visit(func(given *flag.Flag) {
		if given.Name == "images" || given.Name == "size" {
			only = given.Name
		}
	})
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case o.batch < 1:
		return o, fmt.Errorf("-batch_size %d: expected at least 1", o.batch)
	case o.duration <= 0:
		return o, fmt.Errorf("-time %v: expected more than 0s", o.duration)
	case o.size < imageprep.MinSize || o.size > imageprep.MaxSize:
		return o, fmt.Errorf("-size %d: expected %d to %d pixels", o.size, imageprep.MinSize, imageprep.MaxSize)
	case only != "" && !o.dataPath:
		return o, fmt.Errorf("-%s goes with -data_path", only)
	}
	return o, nil
}
