package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"mdfa/algo"
	"mdfa/cmd/internal/device"
	"mdfa/cmd/internal/wording"
	"mdfa/loaders"
)

// options are the flags as they were typed, numbers read and ranges checked.
type options struct {
	dataset, data, out                 string
	model, activation, optimizer       string
	forwardInit, backwardInit          string
	reduction, device, layers, filters string
	cache, feedback                    string
	convnet, quiet, version, devices   bool
	sync, tf32, profile, coarse        bool
	classes, batch, epochs, maxSteps   int
	size                               int
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

	f.text(&f.dataset, "dataset", "NAME", "mnist", strings.Join(loaders.Names(), ", "))
	f.integer(&f.classes, "classes", "K", 0, math.MinInt, "keep K of the classes, picked by the seed (default all)")
	f.text(&f.data, "data", "DIR", "", "folder or archive of the data set's files (default: found or fetched)")
	f.boolean(&f.coarse, "coarse", "cifar100: its 20 coarse labels")
	f.integer(&f.size, "size", "N", 0, 1, "folder: bring pictures to N by N pixels (default by data set)")
	f.text(&f.cache, "cache", "NAME", "auto", "keep the images on the device: auto (if they fit), on or off")

	f.text(&f.model, "model", "NAME", "bp", "learning rule: "+strings.Join(algo.Rules(), ", "))
	f.boolean(&f.convnet, "convnet", "convolutional instead of fully connected")
	f.text(&f.layers, "layers", "W,W,...", "", "widths of the hidden layers, or none (default by data set)")
	f.text(&f.filters, "filters", "F:K:S,...", "", "filters, kernel, stride of each convolution (default by data set)")
	f.text(&f.activation, "activation", "NAME", "tanh", "tanh, relu, or pl: clipped to -1..1")
	f.text(&f.forwardInit, "forward_init", "INIT", "U1", "first weights: a number, or one of U N P A and a number")
	f.text(&f.backwardInit, "backward_init", "INIT", "U1", "fixed feedback of fa, dfa, mdfa, written likewise")
	f.text(&f.feedback, "feedback", "NAME", feedbackStored, "of dfa and mdfa: stored, or generated anew in every step")
	f.number(&f.clampFloor, "clamp_floor", 0, "mdfa keeps weights at X or above")

	f.text(&f.optimizer, "optimizer", "NAME", "rmsprop", strings.Join(algo.Optimizers(), ", "))
	f.number(&f.lr, "lr", 1e-4, "learning rate")
	f.number(&f.l2, "l2", 0, "weight decay")
	f.text(&f.reduction, "reduction", "NAME", "mean", "errors of a batch count as their "+strings.Join(algo.Reductions(), " or "))
	f.integer(&f.batch, "batch_size", "N", 64, 1, "images in a step")
	f.integer(&f.epochs, "max_epochs", "N", 100, 1, "passes over the training images")
	f.integer(&f.maxSteps, "max_steps", "N", 0, 0, "end after N steps (default no limit)")
	f.seedNumber(&f.seed, "seed", 0, "of classes, split, weights and order")

	f.text(&f.device, "device", "NAME", "auto", strings.Join(device.Names(), ", ")+"; cuda:1 is the second GPU")
	f.boolean(&f.devices, "devices", "list this machine's devices and exit")
	f.boolean(&f.sync, "sync", "on a GPU, wait after every kernel, so that an error names it")
	f.boolean(&f.tf32, "tf32", "on a GPU, products by tensor cores, factors rounded to 10 bits")
	f.boolean(&f.profile, "profile", "on a GPU, measure a step kernel by kernel after the run")
	f.text(&f.out, "out", "DIR", "results", "each run gets a folder of its own in there")
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
	case err != nil && f.NArg() > 0 && malformed(f.Arg(0)):
		return options{}, usagef("%q is no flag: train -h lists them.", f.Arg(0))
	case err != nil:
		// What failed is the argument just before those that are left.
		return options{}, f.misspelt(args[len(args)-f.NArg()-1])
	case f.NArg() > 0:
		return options{}, f.stray(f.Args())
	}
	return f.options, nil
}

// malformed says whether an argument starts like a flag but has no name. It is the only
// kind of mistake that the flag package leaves among the arguments still to read.
func malformed(arg string) bool {
	return strings.HasPrefix(arg, "---") || strings.HasPrefix(arg, "-=") || strings.HasPrefix(arg, "--=")
}

// misspelt says what is wrong with an argument that the flag package refused.
func (f *flags) misspelt(arg string) error {
	dashless := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
	name, _, _ := strings.Cut(dashless, "=")
	if known := f.Lookup(name); known != nil {
		return usagef("-%s needs a value, as in -%s %s.", name, name, known.Value.(*value).argument)
	}
	if near := f.closest(name); near != "" {
		return usagef("there is no flag %s; did you mean -%s?", arg, near)
	}
	return usagef("there is no flag %s; train -h lists them.", arg)
}

// isFlag says whether an argument is a flag with its dashes.
func (f *flags) isFlag(arg string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return strings.HasPrefix(arg, "-") && f.Lookup(name) != nil
}

// stray refuses arguments that are no flags: the first of args, up to the next flag.
func (f *flags) stray(args []string) error {
	if next := slices.IndexFunc(args, f.isFlag); next > 0 {
		args = args[:next]
	}
	hint := "train takes flags only, such as -model mdfa."
	switch first := strings.ToLower(args[0]); {
	case first == "true" || first == "false":
		hint = fmt.Sprintf("a switch is set as in -convnet or -convnet=%s.", first)
	case f.Lookup(args[0]) != nil:
		hint = fmt.Sprintf("did you mean -%s?", args[0])
	}
	noun := "argument"
	if len(args) > 1 {
		noun = "arguments"
	}
	return usagef("unexpected %s %s: %s", noun, quoteAll(args), hint)
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
	flags    *flags
	name     string
	argument string // the word for the value in the help text, "" for a switch
	text     string // as typed, or the default
	isBool   bool
	set      func(text string) error
}

// IsBoolFlag tells the flag package that the flag may stand without a value.
func (v *value) IsBoolFlag() bool { return v.isBool }

// String is the value's text.
func (v *value) String() string { return v.text }

// Set takes what was typed.
func (v *value) Set(text string) error {
	var err error
	switch {
	case v.flags.given[v.name]:
		err = usagef("-%s is given twice: leave one out.", v.name)
	case !v.isBool && v.flags.isFlag(text):
		err = usagef("-%s needs a value, as in -%s %s, but %s follows.", v.name, v.name, v.argument, text)
	default:
		v.flags.given[v.name] = true
		v.text = text
		err = v.set(text)
	}
	if v.flags.problem == nil {
		v.flags.problem = err
	}
	return err
}

func (f *flags) define(v value, usage string) {
	v.flags = f
	f.Var(&v, v.name, usage)
}

func (f *flags) text(to *string, name, argument, initial, usage string) {
	*to = initial
	f.define(value{name: name, argument: argument, text: initial, set: func(text string) error {
		*to = text
		return nil
	}}, usage)
}

func (f *flags) boolean(to *bool, name, usage string) {
	f.define(value{name: name, text: "false", isBool: true, set: func(text string) (err error) {
		if *to, err = strconv.ParseBool(text); err != nil {
			return usagef("-%s=%s: expected true or false.", name, text)
		}
		return nil
	}}, usage)
}

func (f *flags) integer(to *int, name, argument string, initial, least int, usage string) {
	*to = initial
	expected := "a whole number"
	if least != math.MinInt {
		expected = fmt.Sprintf("a whole number from %d on", least)
	}
	f.define(value{name: name, argument: argument, text: strconv.Itoa(initial), set: func(text string) error {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || int(n) < least {
			return usagef("-%s %s: expected %s.", name, wording.Shown(text), expected)
		}
		*to = int(n)
		return nil
	}}, usage)
}

func (f *flags) seedNumber(to *int64, name string, initial int64, usage string) {
	*to = initial
	f.define(value{name: name, argument: "N", text: strconv.FormatInt(initial, 10), set: func(text string) (err error) {
		if *to, err = strconv.ParseInt(text, 10, 64); err != nil {
			return usagef("-%s %s: expected a whole number from 0 to %d.", name, wording.Shown(text), uint32(math.MaxUint32))
		}
		return nil
	}}, usage)
}

// number reads a number from 0 on that float32 can hold.
func (f *flags) number(to *float64, name string, initial float64, usage string) {
	*to = initial
	f.define(value{name: name, argument: "X", text: strconv.FormatFloat(initial, 'g', -1, 64), set: func(text string) error {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || !(x >= 0 && x <= math.MaxFloat32) {
			return usagef("-%s %s: expected a number from 0 on, such as 0.001 or 1e-4.", name, wording.Shown(text))
		}
		*to = x
		return nil
	}}, usage)
}
