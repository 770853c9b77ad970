package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"mdfa/algo"
	"mdfa/loaders"
)

// options are the flags as they were typed, numbers read and ranges checked.
type options struct {
	dataset, data, out                 string
	model, activation, optimizer       string
	forwardInit, backwardInit          string
	reduction, device, layers, filters string
	convnet, quiet, version, devices   bool
	classes, batch, epochs, maxSteps   int
	seed                               int64
	lr, l2, clampFloor                 float64
	given                              map[string]bool // the flags that were typed
}

// flags defines every flag. The standard library's flag package serves: it is the one
// that takes -model and --model alike, as the original program's users type both.
type flags struct {
	*flag.FlagSet
	options
	problem error // the first value that was refused, as a sentence
}

func newFlags() *flags {
	f := &flags{FlagSet: flag.NewFlagSet("train", flag.ContinueOnError)}
	f.given = map[string]bool{}
	f.SetOutput(io.Discard)

	f.text(&f.dataset, "dataset", "mnist", "the data set: `NAME` is "+strings.Join(loaders.Names(), " or "))
	f.integer(&f.classes, "classes", 0, math.MinInt, "keep `K` of the classes, picked by the seed (default all)")
	f.text(&f.data, "data", "", "the `DIR` that holds the data set's files (default: found or fetched)")

	f.text(&f.model, "model", "bp", "the learning rule: `NAME` is "+strings.Join(algo.Rules(), ", "))
	f.boolean(&f.convnet, "convnet", "a convolutional network instead of a fully connected one")
	f.text(&f.layers, "layers", "", "hidden layers, `W,W,…` units wide, or none (default by data set)")
	f.text(&f.filters, "filters", "", "convolutions, `F:K:S,…` filters, kernel, stride (default by data set)")
	f.text(&f.activation, "activation", "tanh", "`NAME` is tanh, relu or pl (clip to -1..1)")
	f.text(&f.forwardInit, "forward_init", "U1", "weights: `INIT` is a number, or U, N, P, A and a number")
	f.text(&f.backwardInit, "backward_init", "U1", "fixed feedback of fa, dfa, mdfa, as `INIT` above")
	f.number(&f.clampFloor, "clamp_floor", 0, "mdfa keeps weights at or above `X`")

	f.text(&f.optimizer, "optimizer", "rmsprop", "`NAME` is "+strings.Join(algo.Optimizers(), ", "))
	f.number(&f.lr, "lr", 1e-4, "learning rate `X`")
	f.number(&f.l2, "l2", 0, "weight decay `X`")
	f.text(&f.reduction, "reduction", "mean", "`NAME` of how a batch's errors combine: "+strings.Join(algo.Reductions(), " or "))
	f.integer(&f.batch, "batch_size", 64, 1, "`N` images in a step")
	f.integer(&f.epochs, "max_epochs", 100, 1, "`N` passes over the training images")
	f.integer(&f.maxSteps, "max_steps", 0, 0, "end after `N` steps (default no limit)")
	f.seedNumber(&f.seed, "seed", 0, "`N` picks classes, split, weights and order")

	f.text(&f.device, "device", "auto", "`NAME` is "+strings.Join(deviceNames(), ", "))
	f.boolean(&f.devices, "devices", "list the devices of this machine and exit")
	f.text(&f.out, "out", "results", "each run gets a folder of its own under `DIR`")
	f.boolean(&f.quiet, "quiet", "print the outcome only")
	f.boolean(&f.version, "version", "print the version and exit")
	return f
}

// parse reads the command line. The error is a usage error or flag.ErrHelp.
func parse(args []string) (options, error) {
	f := newFlags()
	err := f.Parse(args)
	switch {
	case err == flag.ErrHelp:
		return options{}, err
	case f.problem != nil:
		return options{}, f.problem
	case err != nil:
		// What failed is the argument just before those that are left.
		return options{}, f.misspelt(args[len(args)-f.NArg()-1])
	case f.NArg() > 0:
		return options{}, f.stray(f.Args())
	}
	return f.options, nil
}

// misspelt says what is wrong with an argument that the flag package refused.
func (f *flags) misspelt(arg string) error {
	dashless := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
	name, _, _ := strings.Cut(dashless, "=")
	if f.Lookup(name) != nil {
		return usagef("-%s needs a value, as in -%s=%s.", name, name, placeholder(f.Lookup(name)))
	}
	if near := f.closest(name); near != "" {
		return usagef("there is no flag %s; did you mean -%s?", arg, near)
	}
	return usagef("there is no flag %s; train -h lists them.", arg)
}

// stray refuses arguments that are no flags.
func (f *flags) stray(args []string) error {
	hint := "train takes flags only, such as -model mdfa"
	switch last := strings.ToLower(args[0]); {
	case last == "true" || last == "false" || last == "0" || last == "1":
		hint = fmt.Sprintf("a switch is set as in -convnet or -convnet=%s", last)
	case f.Lookup(args[0]) != nil:
		hint = fmt.Sprintf("did you mean -%s?", args[0])
	}
	noun := "argument"
	if len(args) > 1 {
		noun = "arguments"
	}
	return usagef("unexpected %s %s: %s.", noun, quoteAll(args), strings.TrimSuffix(hint, "."))
}

func quoteAll(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = strconv.Quote(a)
	}
	return strings.Join(quoted, ", ")
}

// value is a flag that may be given once and whose errors are whole sentences.
type value struct {
	flags *flags
	name  string
	text  string // as typed, or the default
	isBool
	set func(text string) error
}

type isBool bool

// IsBoolFlag tells the flag package that the flag stands without a value.
func (b isBool) IsBoolFlag() bool { return bool(b) }

// String is the value's text.
func (v *value) String() string { return v.text }

// Set takes what was typed.
func (v *value) Set(text string) error {
	var err error
	if v.flags.given[v.name] {
		err = usagef("-%s is given twice: leave one out.", v.name)
	} else {
		v.flags.given[v.name] = true
		v.text = text
		err = v.set(text)
	}
	if v.flags.problem == nil {
		v.flags.problem = err
	}
	return err
}

func (f *flags) define(name, text, usage string, boolean isBool, set func(string) error) {
	f.Var(&value{flags: f, name: name, text: text, isBool: boolean, set: set}, name, usage)
}

func (f *flags) text(to *string, name, initial, usage string) {
	*to = initial
	f.define(name, initial, usage, false, func(text string) error {
		*to = text
		return nil
	})
}

func (f *flags) boolean(to *bool, name, usage string) {
	f.define(name, "false", usage, true, func(text string) (err error) {
		if *to, err = strconv.ParseBool(text); err != nil {
			return usagef("-%s=%s: expected true or false.", name, text)
		}
		return nil
	})
}

func (f *flags) integer(to *int, name string, initial, least int, usage string) {
	*to = initial
	f.define(name, strconv.Itoa(initial), usage, false, func(text string) error {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || int(n) < least {
			return usagef("-%s %s: expected a whole number%s.", name, text, from(least))
		}
		*to = int(n)
		return nil
	})
}

func from(least int) string {
	if least == math.MinInt {
		return ""
	}
	return fmt.Sprintf(" from %d on", least)
}

func (f *flags) seedNumber(to *int64, name string, initial int64, usage string) {
	*to = initial
	f.define(name, strconv.FormatInt(initial, 10), usage, false, func(text string) (err error) {
		if *to, err = strconv.ParseInt(text, 10, 64); err != nil {
			return usagef("-%s %s: expected a whole number from 0 to 4294967295.", name, text)
		}
		return nil
	})
}

// number reads a number from 0 on that float32 can hold.
func (f *flags) number(to *float64, name string, initial float64, usage string) {
	*to = initial
	f.define(name, strconv.FormatFloat(initial, 'g', -1, 64), usage, false, func(text string) error {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || !(x >= 0 && x <= math.MaxFloat32) {
			return usagef("-%s %s: expected a number from 0 on, such as 0.001 or 1e-4.", name, text)
		}
		*to = x
		return nil
	})
}
