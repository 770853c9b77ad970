// Package run makes training runs that any program can start, watch, resume and read. The
// program train is its flags, its terminal output, and one call of this package.
//
//	spec := run.Defaults()
//	spec.Model, spec.MaxEpochs = "mdfa", 20
//	r, err := run.New(spec, run.Options{})
//	…
//	outcome, err := r.Train(ctx)
//
// A run leaves a folder: package folder reads it, and package checkpoint its weights. Errors
// name settings as train's flags do: -lr is Spec.LR.
package run

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"mdfa/algo"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/internal/parse"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/ranks"
	"mdfa/run/device"
	"mdfa/run/settings"
)

var (
	// ErrUsage marks a mistake in the settings.
	ErrUsage = wording.ErrUsage

	// ErrInterrupted marks a run that its context ended.
	ErrInterrupted = wording.ErrInterrupted
)

// Spec is the settings of a run.
type Spec = settings.Spec

// Defaults returns the settings that train has without flags.
func Defaults() Spec { return settings.Defaults() }

// Options are a program's inputs to its run. Every field may be left out.
type Options struct {
	// Device computes, opened with Spec.Sync and Spec.TF32; the program closes it. Nil: Train
	// opens the device that Spec.Device names.
	Device gpu.Device
	// Workers is the number of processors that a cpu device uses that Train opens; 0: all.
	Workers int
	// Data is the run's data set. Nil: Train loads the data set that Spec.Dataset names.
	Data *loaders.Dataset
	// Load loads the data set if there is no Data, in the place of loaders.Load: programs with several runs
	// share it by loaders.Shared.
	Load func(ctx context.Context, name string, o loaders.Options) (*loaders.Dataset, error)
	// Progress is told how far the loading of a data set has come.
	Progress func(loaders.Progress)
	// Followers watch the run.
	Followers []Follower
	// Ranks joins the processes that train the run together; nil: there is one. On rank 0 the run is used as any
	// other; the others call Follow.
	Ranks *ranks.Group

	Program string            // name of the program, for the report
	Command []string          // command line, for run.json
	Flags   map[string]string // flags of the program that are no settings, for run.json
}

// Run is a run to be trained. Its settings do not change, but for the spelling of named classes.
type Run struct {
	spec    Spec
	options Options

	config            algo.Config
	activation        gpu.Activation
	forward, backward model.Init
	layers            []int          // nil: the default network's; a convnet has none
	filters           []model.Filter // nil: the default network's
	freeze            []string       // as model.ParseChoice returns it
	rates             training.Rates // how the learning rate changes
	notes             []string       // what the user should know about the settings

	resumed *resumedRun // nil: a new run
	index   *Index      // nil: Find has not looked for the run
	known   []string    // the folders of the same run that Find has looked at
}

// named returns the settings with those that Data decides.
func (o Options) named(spec Spec) Spec {
	if o.Data != nil {
		spec.Dataset, spec.Coarse = o.Data.Name, o.Data.Coarse
		spec.Classes = cmp.Or(o.Data.Named, spec.Classes)
	}
	return spec
}

// New checks the settings of a new run. The error is a sentence that names the setting.
func New(spec Spec, o Options) (*Run, error) {
	spec = o.named(spec)
	r := &Run{spec: spec, options: o}
	for _, check := range []func() error{spec.Check, spec.CheckClasses, r.read, r.together, r.checkGPU, r.checkData} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Close unlocks the folder of a run to be resumed, if Train is not called. Train calls it.
func (r *Run) Close() { r.resumed.close() }

// read parses the settings for the engine.
func (r *Run) read() error {
	c := &r.config
	c.LR, c.L2, c.Decay = float32(r.spec.LR), float32(r.spec.L2), float32(r.spec.WeightDecay)
	c.FeedbackLR = float32(r.spec.FeedbackLR)
	c.Momentum, c.Nesterov = float32(r.spec.Momentum), r.spec.Nesterov
	c.Floor, c.Batch = float32(r.spec.ClampFloor), r.spec.BatchSize
	var errs [12]error
	c.AugmentSeed = uint64(r.spec.Seed)
	c.Augment, errs[9] = model.ParseAugment(r.spec.Augment)
	c.Rule, errs[0] = algo.ParseRule(r.spec.Model)
	r.rates.Schedule, errs[10] = training.ParseRateSchedule(r.spec.Schedule)
	r.rates.Warmup, errs[11] = training.ParseWarmup(r.spec.Warmup)
	c.Optimizer, errs[1] = algo.ParseOptimizer(r.spec.Optimizer)
	c.Reduction, errs[2] = algo.ParseReduction(r.spec.Reduction)
	r.activation, errs[3] = model.ParseActivation(r.spec.Activation)
	r.forward, errs[4] = model.ParseInit(r.spec.ForwardInit)
	r.backward, errs[5] = model.ParseInit(r.spec.BackwardInit)
	if r.spec.Chosen("layers") {
		r.layers, errs[6] = model.ParseLayers(r.spec.Layers)
	}
	if r.spec.Chosen("filters") {
		r.filters, errs[7] = model.ParseFilters(r.spec.Filters)
	}
	r.freeze, errs[8] = model.ParseChoice(r.spec.Freeze)
	return errors.Join(errs[:]...)
}

// together refuses settings that exclude each other.
func (r *Run) together() error {
	rule := r.config.Rule
	switch {
	case strings.TrimSpace(r.spec.Out) == "":
		return wording.Usagef("-out is empty: expected the name of a folder.")
	case r.several() && r.spec.BatchSize < r.options.Ranks.Size():
		return wording.Usagef("-batch_size %d is less than the %d ranks, and each needs an image of every batch: take a larger batch, or start fewer.", r.spec.BatchSize, r.options.Ranks.Size())
	case r.spec.Chosen("clamp_floor") && !rule.Clamps():
		return wording.Usagef("-clamp_floor goes with -model %s only: %v clamps nothing; leave one of them out.", settings.RulesThat((*algo.Rule).Clamps), rule)
	case r.spec.InitFrom != "" && r.spec.Chosen("forward_init"):
		return wording.Usagef("-init_from and -forward_init both say how the weights start: leave one of them out.")
	case !r.spec.Convnet && r.spec.Chosen("filters"):
		return wording.Usagef("-filters is for convolutional networks: add -convnet, or name the layers with -layers.")
	case r.spec.Momentum != 0 && r.config.Optimizer != gpu.SGD:
		return wording.Usagef("-momentum goes with -optimizer sgd only: %v has no such setting; leave one of them out.", r.config.Optimizer)
	case r.spec.Nesterov && r.spec.Momentum == 0:
		return wording.Usagef("-nesterov is a form of the momentum: add -momentum, such as -momentum 0.9, or leave it out.")
	case r.spec.LR*r.spec.WeightDecay > 1:
		return wording.Usagef("-weight_decay %s with -lr %s: their product, the share that a step takes from every weight, must be at most 1.",
			parse.Text(r.spec.WeightDecay), parse.Text(r.spec.LR))
	case r.spec.Chosen("feedback_lr") && !rule.LearnsFeedback():
		return wording.Usagef("-feedback_lr goes with -model %s: %v has no feedback that learns; leave one of them out.", settings.RulesThat((*algo.Rule).LearnsFeedback), rule)
	case r.spec.Chosen("feedback_lr") && r.config.FeedbackLR == 0:
		return wording.Usagef("-feedback_lr 0: expected a number above 0; for feedback that does not learn take a rule with fixed feedback, such as -model fa or dfa.")
	case r.spec.FeedbackLR*r.spec.WeightDecay > 1:
		return wording.Usagef("-weight_decay %s with -feedback_lr %s: their product, the share that a step takes from all feedback, must be at most 1.",
			parse.Text(r.spec.WeightDecay), parse.Text(r.spec.FeedbackLR))
	case r.spec.Feedback == settings.FeedbackGenerated && rule.LearnsFeedback():
		return wording.Usagef("-feedback generated goes with -model %s: the feedback of %v learns, so that it must be stored; leave one of them out.", settings.RulesThat((*algo.Rule).Generable), rule)
	case r.spec.Feedback == settings.FeedbackGenerated && !rule.Generable():
		return wording.Usagef("-feedback generated goes with -model %s: %v has no feedback that could be generated; leave one of them out.", settings.RulesThat((*algo.Rule).Generable), rule)
	}
	if !rule.HasFeedback() && r.spec.Chosen("backward_init") {
		r.notes = append(r.notes, "-backward_init is ignored: "+rule.String()+" has no feedback")
	}
	if rule.Mirrors() && r.spec.L2 == 0 && r.spec.WeightDecay == 0 {
		r.notes = append(r.notes, rule.String()+" without -weight_decay or -l2: the feedback turns towards the weights only as far as these grow")
	}
	if rule.Clamps() {
		if _, err := r.forward.Monotone(); err != nil {
			return refuse("forward_init", err)
		}
	}
	return refuse("backward_init", rule.CheckFeedbackInit(r.backward))
}

// refuse makes an error name a setting; nil stays nil.
func refuse(name string, err error) error { return settings.Find(name).Refuse(err) }

// checkGPU refuses settings that only GPUs know, if Spec.Device names another device. With auto,
// openDevice checks them.
func (r *Run) checkGPU() error {
	kind := device.Kind(r.spec.Device)
	if kind == "auto" || device.OnGPU(kind) || r.options.Device != nil {
		return nil
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{r.spec.Sync, "sync"}, {r.spec.TF32, "tf32"}, {r.spec.Profile, "profile"}} {
		if f.on {
			return wording.Usagef("-%s goes with -device cuda and emu only: leave it out, or name one of them.", f.name)
		}
	}
	return nil
}
