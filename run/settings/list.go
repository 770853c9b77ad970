package settings

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mdfa/algo"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/internal/disk"
	"mdfa/internal/foreign"
	"mdfa/internal/parse"
	"mdfa/loaders"
	"mdfa/model"
)

// Headings of the help text.
const (
	GroupData        = "Data"
	GroupNetwork     = "Network"
	GroupTraining    = "Training"
	GroupMachine     = "Machine"
	GroupCheckpoints = "Checkpoints"
	GroupOutput      = "Output"
)

// Devices are the kinds of devices that -device names. Package device opens them.
var Devices = []string{"auto", "cuda", "cpu", "emu"}

// plain shows a setting under its own name with its value in effect.
var plain = &Place{}

// network shows the three settings of the layers as one.
var network = &Place{Name: "network", Text: networkText}

func networkText(f *Facts) string {
	if f.Network == nil {
		return ""
	}
	return f.Network.String()
}

// List has every setting, in the order of the help text.
var List []*Setting

func init() { // its functions look into it
	List = []*Setting{
		{
			Name: "dataset", Group: GroupData, Argument: "NAME", Help: "data set: " + strings.Join(loaders.Names(), ", "),
			Field: func(s *Spec) any { return &s.Dataset }, Choices: loaders.Names(),
			Resume: Share, Identity: true, Result: plain, Compare: &Place{Name: "data set"},
		},
		{
			Name: "classes", Group: GroupData, Argument: "K", Help: "keep K of the classes, which the seed picks, or those named, such as 3,8 or cat+dog",
			Field: func(s *Spec) any { return &s.Classes }, Parse: canonical(loaders.ParseClasses), Choices: []string{loaders.AllClasses},
			Resume: Share, Identity: true, Effect: classes, Result: plain, Compare: plain,
		},
		{
			Name: "class_seed", Group: GroupData, Argument: "N", Help: "seed that picks the K classes, instead of -seed (default the value of -seed)",
			Field: func(s *Spec) any { return &s.ClassSeed }, Parse: parseClassSeed, Choices: []string{SameSeed},
			Resume: Share, Identity: true, // set to the same seed it is another run, since it is of another group
			Result:  &Place{Text: classSeed},
			Beside:  "classes",
			Page:    &Place{Name: "class seed", Text: ownClassSeed},
			Compare: &Place{Name: "class seed", Text: ownClassSeed},
		},
		{
			Name: "data", Group: GroupData, Argument: "DIR", Help: "folder or archive of the data set's files (default: found or fetched)",
			Field: func(s *Spec) any { return &s.Data }, Path: AnyFile, Commas: true,
			Resume: Inherit, Identity: true, // the images have a checksum, which a resumed run compares
			Effect:  func(s *Spec, _ *Facts) string { return disk.Absolute(s.Data) },
			Result:  &Place{Text: func(f *Facts) string { return f.Source }, After: "seed"},
			Compare: &Place{Text: photographs},
			Beside:  "dataset",
		},
		{
			Name: "coarse", Group: GroupData, Help: "use the 20 coarse labels of cifar100",
			Field:  func(s *Spec) any { return &s.Coarse },
			Resume: Share, Identity: true, Result: plain, Compare: plain,
		},
		{
			Name: "size", Group: GroupData, Argument: "N", Help: "resize photographs to N by N pixels (default by data set)",
			Field: func(s *Spec) any { return &s.Size }, Least: 1,
			Resume: Share, Identity: true,
			Effect: func(s *Spec, f *Facts) string {
				if s.Size == 0 {
					return strconv.Itoa(f.Shape[0])
				}
				return strconv.Itoa(s.Size)
			},
			Result: &Place{Name: "image_size", Text: func(f *Facts) string {
				return fmt.Sprintf("%dx%dx%d", f.Shape[0], f.Shape[1], f.Shape[2])
			}},
		},
		{
			Name: "cache", Group: GroupData, Argument: "NAME", Help: "keep the images on the device: auto (if they fit), on or off",
			Field: func(s *Spec) any { return &s.Cache }, Choices: []string{CacheAuto, CacheOn, CacheOff}, Only: true,
			Resume: Inherit,
		},

		{
			Name: "normalize", Group: GroupData, Help: "bring each channel to mean 0 and deviation 1 over the training images",
			Field:  func(s *Spec) any { return &s.Normalize },
			Resume: Share, Identity: true, Result: plain, Compare: plain,
		},
		{
			Name: "augment", Group: GroupData, Argument: "HOW", Help: "move or mirror training images at random: shift:PIXELS, flip, or shift:4,flip (default none)",
			Field: func(s *Spec) any { return &s.Augment }, Parse: canonical(model.ParseAugment), Choices: []string{"none", "flip", "shift:4", "shift:4,flip"}, Commas: true,
			Resume: Share, Identity: true, Result: plain, Compare: plain,
		},

		{
			Name: "model", Group: GroupNetwork, Argument: "NAME", Help: "learning rule: " + strings.Join(algo.RuleNames(), ", "),
			Field: func(s *Spec) any { return &s.Model }, Noun: "learning rule", Parse: canonical(algo.ParseRule), Choices: algo.RuleNames(),
			Resume: Share, Identity: true, Result: plain, Header: plain, Page: &Place{Name: "learning rule"}, Compare: &Place{Name: "rule"},
		},
		{
			Name: "convnet", Group: GroupNetwork, Help: "use a convolutional network instead of a fully connected one",
			Field:  func(s *Spec) any { return &s.Convnet },
			Resume: Share, Identity: true, Result: plain, Page: network, Compare: network,
		},
		{
			Name: "layers", Group: GroupNetwork, Argument: "W,W,...", Help: "widths of the hidden dense layers, or none (default by data set; none with -convnet)",
			Field: func(s *Spec) any { return &s.Layers }, Parse: canonicalList(model.ParseLayers), Commas: true,
			Resume: Share, Identity: true, Result: plain, Page: network, Compare: network,
			Effect: layersInEffect("layers", func(n *model.Network) string { return listed(n.Widths()) }),
		},
		{
			Name: "filters", Group: GroupNetwork, Argument: "F:K:S,...", Help: "filters:kernel:stride[:padding] of each convolution, followed by max:K:S or avg:K:S to pool (default by data set)",
			Field: func(s *Spec) any { return &s.Filters }, Parse: canonicalList(model.ParseFilters), Commas: true,
			Resume: Share, Identity: true, Result: plain, Page: network, Compare: network,
			Effect: layersInEffect("filters", func(n *model.Network) string { return listed(n.Filters()) }),
		},
		{
			Name: "activation", Group: GroupNetwork, Argument: "NAME", Help: "activation function: " + gpu.ActivationHelp(),
			Field: func(s *Spec) any { return &s.Activation }, Parse: canonical(model.ParseActivation), Choices: gpu.ActivationNames(),
			Resume: Share, Identity: true, Result: plain, Header: plain, Page: plain, Compare: plain,
		},
		{
			Name: "forward_init", Group: GroupNetwork, Argument: "INIT", Help: "initial weights: a number, or one of U N P A X and a number",
			Field: func(s *Spec) any { return &s.ForwardInit }, Noun: "initializer", Parse: canonical(model.ParseInit),
			Resume: Share, Identity: true, Result: &Place{Text: forward},
			Header: &Place{Text: func(f *Facts) string {
				if f.InitFrom != "" {
					return "init from " + foreign.Text(f.InitFrom)
				}
				return "init " + forward(f)
			}},
			Page:    &Place{Name: "first weights", Text: forward},
			Compare: &Place{Name: "forward init", Text: forward},
			Beside:  "init_from",
		},
		{
			Name: "init_from", Group: GroupNetwork, Argument: "RUN", Help: "start from the best weights of another run, or from those of a checkpoint",
			Field: func(s *Spec) any { return &s.InitFrom }, Path: AnyFile, Commas: true,
			Resume: Share, Identity: true, Result: plain, Page: &Place{Name: "first weights from"}, Compare: &Place{Name: "init from"},
			Effect: func(s *Spec, _ *Facts) string { return disk.Absolute(s.InitFrom) },
		},
		{
			Name: "backward_init", Group: GroupNetwork, Argument: "INIT", Help: "initial feedback of " + strings.Join(algo.RuleNames((*algo.Rule).HasFeedback), ", ") + ", in the same form",
			Field: func(s *Spec) any { return &s.BackwardInit }, Noun: "initializer", Parse: canonical(model.ParseInit),
			Resume: Share, Identity: true, Result: &Place{Text: backward},
			Header: &Place{Text: func(f *Facts) string {
				switch init := backward(f); {
				case init == "":
					return ""
				case f.Feedback == FeedbackGenerated:
					return "feedback " + init + " (generated)"
				default:
					return "feedback " + init
				}
			}},
			Page:    &Place{Name: "feedback", Text: backward},
			Compare: &Place{Name: "backward init", Text: backward},
			Beside:  "model",
		},
		{
			Name: "feedback", Group: GroupNetwork, Argument: "NAME", Help: "feedback of " + RulesThat((*algo.Rule).Generable) + ": stored, or generated again in every step",
			Field: func(s *Spec) any { return &s.Feedback }, Choices: []string{FeedbackStored, FeedbackGenerated}, Only: true,
			Resume: Inherit, // both are the same bits
			Result: &Place{Text: func(f *Facts) string {
				if !f.Rule.Generable() {
					return ""
				}
				return f.Feedback
			}},
		},
		{
			Name: "clamp_floor", Group: GroupNetwork, Argument: "X", Help: "floor at which " + RulesThat((*algo.Rule).Clamps) + " clamps weights",
			Field:  func(s *Spec) any { return &s.ClampFloor },
			Resume: Share, Identity: true, Result: &Place{Text: floor, After: "l2"},
			Header: &Place{Text: func(f *Facts) string {
				if !f.Rule.Clamps() {
					return ""
				}
				return "floor " + floor(f)
			}},
			Page:    &Place{Name: "floor", Text: floor},
			Compare: &Place{Name: "floor", Text: floor},
			Beside:  "model",
		},

		{
			Name: "optimizer", Group: GroupTraining, Argument: "NAME", Help: "optimizer: " + strings.Join(gpu.OptimizerNames(), ", "),
			Field: func(s *Spec) any { return &s.Optimizer }, Parse: canonical(algo.ParseOptimizer), Choices: gpu.OptimizerNames(),
			Resume: Share, Identity: true, Result: plain, Header: plain, Page: plain, Compare: plain,
		},
		{
			Name: "momentum", Group: GroupTraining, Argument: "M", Help: "momentum of sgd: v = M v + g replaces the gradient g",
			Field: func(s *Spec) any { return &s.Momentum }, Parse: parseMomentum,
			Resume: Share, Identity: true, Result: plain,
			Header: &Place{Text: unlessZero("momentum ", momentum)}, Page: &Place{Text: unlessZero("", momentum)}, Compare: plain,
			Beside: "optimizer",
		},
		{
			Name: "nesterov", Group: GroupTraining, Help: "Nesterov's form of the momentum: g + M v replaces v",
			Field:  func(s *Spec) any { return &s.Nesterov },
			Resume: Share, Identity: true, Result: plain,
			Header: &Place{Text: nesterov("nesterov")}, Page: &Place{Text: nesterov("yes")}, Compare: plain,
			Beside: "optimizer",
		},
		{
			Name: "lr", Group: GroupTraining, Argument: "X", Help: "learning rate",
			Field:  func(s *Spec) any { return &s.LR },
			Resume: Share, Identity: true, Result: plain,
			Header:  &Place{Text: func(f *Facts) string { return "lr " + parse.Text(f.LR) }},
			Page:    &Place{Name: "learning rate"},
			Compare: plain,
		},
		{
			Name: "feedback_lr", Group: GroupTraining, Argument: "X", Help: "learning rate of the feedback of " + RulesThat((*algo.Rule).LearnsFeedback) + " (default lr)",
			Field:  func(s *Spec) any { return &s.FeedbackLR },
			Resume: Share, Identity: true,
			Effect: func(s *Spec, _ *Facts) string { return parse.Text(cmp.Or(s.FeedbackLR, s.LR)) },
			Result: &Place{Text: feedbackLR},
			Header: &Place{Text: func(f *Facts) string {
				if f.FeedbackLR == 0 {
					return ""
				}
				return "feedback lr " + feedbackLR(f)
			}},
			Page:    &Place{Name: "learning rate of the feedback", Text: feedbackLR},
			Compare: &Place{Name: "feedback lr", Text: feedbackLR},
			Beside:  "model",
		},
		{
			Name: "schedule", Group: GroupTraining, Argument: "FORM", Help: "learning rate: constant, step:N:FACTOR, multistep:N,N:FACTOR or cosine:FLOOR; N epochs, or with :steps steps",
			Field: func(s *Spec) any { return &s.Schedule }, Parse: canonical(training.ParseRateSchedule), Choices: []string{"constant", "step:", "multistep:", "cosine"}, Commas: true,
			Resume: Share, Identity: true, Result: plain,
			Header: &Place{Text: unlessDefault("schedule ", "schedule")}, Page: &Place{Text: unlessDefault("", "schedule")}, Compare: plain,
		},
		{
			Name: "warmup", Group: GroupTraining, Argument: "N[:START]", Help: "raise the learning rate over N epochs from START times it (default 0.1); with :steps over N steps",
			Field: func(s *Spec) any { return &s.Warmup }, Parse: canonical(training.ParseWarmup),
			Resume: Share, Identity: true, Result: plain,
			Header: &Place{Text: unlessDefault("warmup ", "warmup")}, Page: &Place{Text: unlessDefault("", "warmup")}, Compare: plain,
		},
		{
			Name: "l2", Group: GroupTraining, Argument: "X", Help: "L2 penalty: adds X times the weights to their gradient",
			Field:  func(s *Spec) any { return &s.L2 },
			Resume: Share, Identity: true, Result: plain,
			Header:  &Place{Text: unlessZero("l2 ", func(f *Facts) float64 { return f.L2 })},
			Page:    &Place{Name: "L2 penalty"},
			Compare: plain,
		},
		{
			Name: "weight_decay", Group: GroupTraining, Argument: "X", Help: "decoupled decay: subtracts lr times X times each parameter from it before a step",
			Field:  func(s *Spec) any { return &s.WeightDecay },
			Resume: Share, Identity: true, Result: plain,
			Header:  &Place{Text: unlessZero("weight decay ", weightDecay)},
			Page:    &Place{Name: "weight decay", Text: unlessZero("", weightDecay)},
			Compare: &Place{Name: "weight decay"},
		},
		{
			Name: "reduction", Group: GroupTraining, Argument: "NAME", Help: "errors of a batch count as their " + strings.Join(algo.Reductions(), " or "),
			Field: func(s *Spec) any { return &s.Reduction }, Parse: canonical(algo.ParseReduction), Choices: algo.Reductions(),
			Resume: Share, Identity: true, Result: plain, Compare: plain, // the batch's texts name it elsewhere
		},
		{
			Name: "freeze", Group: GroupTraining, Argument: "LAYER,...", Help: "layers that keep their weights: numbers from 0, or conv for all convolutions",
			Field: func(s *Spec) any { return &s.Freeze }, Noun: "layers", Parse: canonicalList(model.ParseChoice), Choices: []string{model.AllConv}, Commas: true,
			Resume: Share, Identity: true, Effect: frozen, Result: plain,
			Header: &Place{Text: func(f *Facts) string {
				if layers := frozen(&f.Spec, f); layers != "" {
					return "frozen " + layers
				}
				return ""
			}},
			Page:    &Place{Name: "frozen layers"},
			Compare: &Place{Name: "frozen layers"},
		},
		{
			Name: "batch_size", Group: GroupTraining, Argument: "N", Help: "images in a step",
			Field: func(s *Spec) any { return &s.BatchSize }, Least: 1,
			Resume: Share, Identity: true, Result: plain,
			Header:  &Place{Text: func(f *Facts) string { return fmt.Sprintf("batch %d (%s)", f.BatchSize, value("reduction", f)) }},
			Page:    &Place{Name: "batch", Text: func(f *Facts) string { return fmt.Sprintf("%d images (%s)", f.BatchSize, value("reduction", f)) }},
			Compare: &Place{Name: "batch"},
		},
		{
			Name: "max_epochs", Group: GroupTraining, Argument: "N", Help: "passes over the training images",
			Field: func(s *Spec) any { return &s.MaxEpochs }, Least: 1,
			Resume: Inherit, ShareIf: ratesEndWithRun, Result: plain, Page: &Place{Name: "epochs at most"}, Compare: &Place{Name: "epochs at most"},
		},
		{
			Name: "max_steps", Group: GroupTraining, Argument: "N", Help: "end after N steps (default no limit)",
			Field:  func(s *Spec) any { return &s.MaxSteps },
			Resume: Inherit, ShareIf: ratesEndWithRun, Result: plain, Page: &Place{Name: "steps at most", Text: mostSteps}, Compare: &Place{Name: "steps at most", Text: mostSteps},
		},
		{
			Name: "patience", Group: GroupTraining, Argument: "N", Help: "end after N epochs without improvement (default never)",
			Field:  func(s *Spec) any { return &s.Patience },
			Resume: Inherit, Result: plain, Page: &Place{Text: patience}, Compare: &Place{Text: patience},
		},
		{
			Name: "best", Group: GroupTraining, Argument: "NAME", Help: "validation number that decides on the best epoch: accuracy or loss",
			Field: func(s *Spec) any { return &s.Best }, Choices: []string{BestAccuracy, BestLoss}, Only: true,
			Resume: Share, Identity: true,
			Result: &Place{Name: "best_by"}, Page: &Place{Name: "best epoch by"}, Compare: &Place{Name: "best epoch by"},
		},
		{
			Name: "seed", Group: GroupTraining, Argument: "N", Help: "seed for class subset, split, weights and order of the images",
			Field:  func(s *Spec) any { return &s.Seed },
			Resume: Share, Identity: true, Result: plain, Page: plain, // compared runs differ in their seed
		},

		{
			Name: "device", Group: GroupMachine, Argument: "NAME", Help: "device: " + strings.Join(Devices, ", ") + "; cuda:1 is the second GPU",
			Field: func(s *Spec) any { return &s.Device }, Choices: Devices,
			Resume: Inherit, // results and pages name the device that was used
		},
		{
			Name: "sync", Group: GroupMachine, Help: "wait after every kernel on a GPU, so that an error names it",
			Field:  func(s *Spec) any { return &s.Sync },
			Resume: Renew,
		},
		{
			Name: "tf32", Group: GroupMachine, Help: "multiply on a GPU's tensor cores, factors rounded to 10 bits",
			Field:  func(s *Spec) any { return &s.TF32 },
			Resume: Inherit, With: "device", Identity: true,
			Result:  &Place{Text: func(f *Facts) string { return strconv.FormatBool(f.TF32 && f.OnGPU) }, After: "reduction"},
			Compare: plain,
		},
		{
			Name: "profile", Group: GroupMachine, Help: "measure a step on a GPU kernel by kernel after the run",
			Field:  func(s *Spec) any { return &s.Profile },
			Resume: Renew,
		},

		{
			Name: "checkpoint_every", Group: GroupCheckpoints, Argument: "N", Help: "steps between checkpoints; 0: one an epoch, -1: none",
			Field: func(s *Spec) any { return &s.CheckpointEvery }, Least: NoCheckpoints,
			Resume: Inherit,
		},

		{
			Name: "out", Group: GroupOutput, Argument: "DIR", Help: "folder in which each run gets its own folder",
			Field: func(s *Spec) any { return &s.Out }, Path: Folder, Commas: true,
			Resume: Renew,
		},
		{
			Name: "report", Group: GroupOutput, Help: "write report.html, which a browser shows, when the run ends (-report=false: none)",
			Field:  func(s *Spec) any { return &s.Report },
			Resume: Inherit,
		},
		{
			Name: "tensorboard", Group: GroupOutput, Help: "write event files for TensorBoard into the run's folder",
			Field:  func(s *Spec) any { return &s.TensorBoard },
			Resume: Inherit,
		},
		{
			Name: "alignment", Group: GroupOutput, Argument: "N", Help: "compare the rule with bp every N steps, in alignment.csv (default never)",
			Field:  func(s *Spec) any { return &s.Alignment },
			Resume: Inherit,
		},
	}
}

// Find returns the setting of a name, nil for an unknown one.
func Find(name string) *Setting {
	if i := slices.IndexFunc(List, func(s *Setting) bool { return s.Name == name }); i >= 0 {
		return List[i]
	}
	return nil
}
