package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/run"
	"mdfa/run/settings"
)

func TestWrongUsageIsOneSentenceAndCodeTwo(t *testing.T) {
	const inits = `expected a number such as 0 or 0.1 (constant), or with v at least 0: `
	root := t.TempDir()
	require.NoError(t, os.Rename(madeUp(t), filepath.Join(root, "mnist")))
	for _, c := range []struct{ args, want string }{
		{"-model mdf", `-model "mdf" is unknown; there are ` + strings.Join(algo.RuleNames(), ", ") + "."},
		{"-model dfa -backward_init U0", "-backward_init U0: the feedback of dfa is fixed, and with 0 no error reaches a hidden layer: take another, such as U1, or a rule whose feedback learns (kp or dkp)."},
		{"-model shallow -forward_init U0", "-forward_init U0: layer 0 (dense 200) does not learn, and would keep weights of 0, through which nothing of an image passes: choose other initial weights."},
		{"-dataset cifar", `-dataset "cifar": unknown; the data sets are `},
		{"-activation swish", `-activation "swish": expected tanh, relu`},
		{"-optimizer adagrad", `-optimizer "adagrad" is unknown; there are sgd, rmsprop, adam, adamw.`},
		{"-reduction max", `-reduction "max" is unknown; there are mean, sum.`},
		{"-device tpu", `-device "tpu": unknown; there are auto, `},
		{"-device cpu:1", "-device cpu:1: there is one cpu; write -device cpu."},
		{"-device cpu:", "-device cpu:: a number is missing behind the colon."},
		{"-device cpu -sync", "-sync goes with -device cuda and emu only: leave it out, or name one of them."},
		{"-device cpu -tf32", "-tf32 goes with -device cuda and emu only: "},
		{"-device cpu -profile", "-profile goes with -device cuda and emu only: "},
		{"-forward_init Q3", `-forward_init "Q3": ` + inits},
		{"-backward_init U-1", `-backward_init "U-1": the scale is negative; ` + inits},
		{"-model mdfa -forward_init -0.5", "-forward_init -0.5: mdfa needs feedback and weights of at least 0"},
		{"-model mdfa -backward_init -0.5", "-backward_init -0.5: mdfa needs feedback and weights of at least 0"},
		{"-classes 1", "-classes 1: a classifier needs at least 2 classes; mnist has 10 (leave the flag out to use all)."},
		{"-classes -1", "-classes -1: a classifier needs at least 2 classes"},
		{"-classes 11", "-classes 11: mnist has only 10 classes; give 2 to 10"},
		{"-classes two", "-classes two: expected a number of classes, or the names of at least two, such as 3,8."},
		{"-freeze 3", "-freeze: there is no layer 3: those of 28x28x1 -> dense 200 -> dense 200 -> dense 10 are 0 to 2."},
		{"-freeze conv", "-freeze: 28x28x1 -> dense 200 -> dense 200 -> dense 10 has no convolution."},
		{"-freeze 0,1,2", "-freeze: every layer of 28x28x1 -> dense 200 -> dense 200 -> dense 10 is frozen, so that nothing is left to learn."},
		{"-freeze 2 -model shallow", "-freeze: every layer of 28x28x1 -> dense 200 -> dense 200 -> dense 10 is frozen, so"},
		{"-freeze 0,-1", `-freeze "0,-1": "-1" is not a layer: expected numbers from 0 on such as "0,1", "conv" for all convolutions, or "none".`},
		{"-freeze 0,,1", `-freeze "0,,1": "" is not a layer: `},
		{"-freeze 99999999999", `-freeze "99999999999": "99999999999" is not a layer: `},
		{"-freeze first", `-freeze "first": "first" is not a layer: `},
		{"-freeze 1 -forward_init 0", "-forward_init 0: layer 1 (dense 200) does not learn, and would keep weights of 0, "},
		{"-batch_size 0", "-batch_size 0: expected a whole number from 1 on."},
		{"-batch_size 500", "-batch_size 500 is larger than the 340 training images: take a smaller one."},
		{"-max_epochs 0", "-max_epochs 0: expected a whole number from 1 on."},
		{"-max_steps -1", "-max_steps -1: expected a whole number from 0 on."},
		{"-patience -1", "-patience -1: expected a whole number from 0 on."},
		{"-patience soon", "-patience soon: expected a whole number from 0 on."},
		{"-best top5", "-best top5: expected accuracy or loss."},
		{"-seed -1", "-seed -1: the data split needs a seed from 0 to 4294967295."},
		{"-seed 0.5", "-seed 0.5: expected a whole number from 0 to 4294967295."},
		{"-optimizer sgd -momentum 1", "-momentum 1: expected a number from 0 to below 1, such as 0.9."},
		{"-optimizer sgd -momentum -0.5", "-momentum -0.5: expected a number from 0 on"},
		{"-momentum 0.9", "-momentum goes with -optimizer sgd only: rmsprop has no such setting; leave one of them out."},
		{"-optimizer sgd -nesterov", "-nesterov is a form of the momentum: add -momentum, such as -momentum 0.9, or leave it out."},
		{"-weight_decay -1", "-weight_decay -1: expected a number from 0 on"},
		{"-model dfa -feedback_lr 0.1", "-feedback_lr goes with -model kp and dkp: dfa has no feedback that learns; leave one of them out."},
		{"-model kp -feedback_lr 0", "-feedback_lr 0: expected a number above 0; for feedback that does not learn take a rule with fixed feedback, such as -model fa or dfa."},
		{"-model kp -feedback_lr 5 -weight_decay 0.5", "-weight_decay 0.5 with -feedback_lr 5: their product, the share that a step takes from all feedback, must be at most 1."},
		{"-lr 0.5 -weight_decay 3", "-weight_decay 3 with -lr 0.5: their product, the share that a step takes from every weight, must be at most 1."},
		{"-schedule linear", `-schedule "linear": expected constant, step:N:FACTOR, multistep:N,N:FACTOR with rising N, cosine or cosine:FLOOR; ` +
			"numbers are above 0, and N counts epochs, or steps with :steps at the end."},
		{"-warmup 5:0", `-warmup "5:0": expected N or N:START, with START the first share of the learning rate, above 0 and at most 1; ` +
			"N counts epochs, or steps with :steps at the end, and 0 is no warmup."},
		{"-schedule cosine:0.1", "-schedule: cosine:0.1 ends above the learning rate 0.0001: take a smaller floor."},
		{"-schedule cosine -warmup 3 -max_epochs 3", "-schedule: cosine begins after the warmup, which takes the whole run of 15 steps: take a shorter warmup."},
		{"-lr NaN", "-lr NaN: expected a number from 0 on"},
		{"-lr -1", "-lr -1: expected a number from 0 on"},
		{"-lr 1e39", "-lr 1e39: expected a number from 0 on"},
		{"-l2 Inf", "-l2 Inf: expected a number from 0 on"},
		{"-lr=", `-lr "": expected a number from 0 on`},
		{"-model bp -lr", "-lr needs a value, as in -lr X."},
		{"-model -convnet", "-model needs a value, as in -model NAME, but -convnet follows."},
		{"-lr --seed=3", "-lr needs a value, as in -lr X, but --seed=3 follows."},
		{"-convnet true -model fa", `unexpected argument "true": a switch`},
		{"-clamp_floor 1e-6", "-clamp_floor goes with -model mdfa only"},
		{"-convnet -layers 200000000,5", "-layers: layer 3 (dense 200000000) over 1x1x864 has more than 2147483647"},
		{"-convnet -filters 8:29:1 -layers 20", "-filters: layer 0 (conv 8 29/1) does not fit: its kernel is 29x29"},
		{"-filters 8:3:1", "-filters is for convolutional networks"},
		{"-layers 20,x", `-layers "20,x": "x" is not a number of units`},
		{"-layers 400000,400000", "-layers: layer 1 (dense 400000) over 1x1x400000 has more than 2147483647"},
		{"-convnet -filters 8:3", `-filters "8:3": "8:3" is not filters:kernel:stride`},
		{"-convnet -filters 8:3:1:3", "-filters: layer 0 (conv 8 3/1 pad 3): the padding must be at least 0 and less than the kernel"},
		{"-convnet -filters max:2:2", `-filters "max:2:2": "max:2:2" must stand directly behind a convolution`},
		{"-convnet -filters 8:27:1,max:3:2", "-filters: layer 0 (conv 8 27/1, max 3/2): its pooling does not fit: the kernel is 3x3 and the convolution's output only 2x2"},
		{"-convnet -filters 8:40:1", "-filters: layer 0 (conv 8 40/1) does not fit: its kernel is 40x40"},
		{"-out=", "-out is empty: expected the name of a folder."},
		{"-log xml", "-log xml: expected text or json."},
		{"-convnet=maybe", "-convnet=maybe: expected true or false."},
		{"-convnet true", `unexpected argument "true": a switch is set as in -convnet or -convnet=true.`},
		{"model mdfa", `unexpected arguments "model", "mdfa": did you mean -model?`},
		{"mdfa", `unexpected argument "mdfa": train takes flags only`},
		{"-modell bp", "there is no flag -modell; did you mean -model?"},
		{"--batch-size=3", "there is no flag --batch-size=3; did you mean -batch_size?"},
		{"-epochs 3", "there is no flag -epochs; did you mean -max_epochs?"},
		{"-xyzzy", "there is no flag -xyzzy; train -h lists them."},
		{"---model bp", `"---model" is no flag: train -h lists them.`},
		{"-=3", `"-=3" is no flag: train -h lists them.`},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, strings.Fields(c.args)...)
			cmd.Env = append(os.Environ(), "MDFA_DATA="+root)
			got := finish(t, cmd)
			assert.Equal(t, exitUsage, got.code)
			assertSentence(t, got, c.want)
		})
	}
}

func TestBLASThatIsNamedAndCannotBeUsedIsNotReplaced(t *testing.T) {
	for _, device := range []string{"cpu", "auto"} {
		cmd := command(t, "-device", device)
		cmd.Env = append(os.Environ(), "MDFA_BLAS=absent.so", "CUDA_VISIBLE_DEVICES=")
		got := finish(t, cmd)
		assert.Equal(t, exitUsage, got.code)
		assertSentence(t, got, "MDFA_BLAS names no BLAS: absent.so cannot be loaded (")
	}
	cmd := command(t, "-devices")
	cmd.Env = append(os.Environ(), "MDFA_BLAS=absent.so")
	got := finish(t, cmd)
	assert.Equal(t, 0, got.code)
	assert.Regexp(t, `(?m)^cpu +none: MDFA_BLAS names no BLAS: absent\.so `, got.stdout)
}

// assertSentence checks that an error is one line for a person, and that nothing else
// came of the run: nothing printed, nothing written.
func assertSentence(t *testing.T, got finished, want string) {
	t.Helper()
	assert.True(t, strings.HasPrefix(got.stderr, "train: "+want), "got  %swant train: %s", got.stderr, want)
	assert.Equal(t, 1, strings.Count(got.stderr, "\n"), "one line: %s", got.stderr)
	assert.Regexp(t, `[.?]\n$`, got.stderr)
	assert.NotContains(t, got.stderr, "goroutine")
	assert.Empty(t, got.stdout)
	left, err := os.ReadDir(got.dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestWhatFailsIsOneSentenceAndCodeOne(t *testing.T) {
	data := madeUp(t)
	cut := madeUp(t)
	require.NoError(t, os.Truncate(filepath.Join(cut, "train-images-idx3-ubyte"), 1000))
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"missing data folder": {[]string{"-data", "nowhere"}, "-data nowhere: there is no such folder"},
		"truncated data":      {[]string{"-data", cut}, cut + "/train-images-idx3-ubyte"},
		"file for a folder":   {[]string{"-data", data, "-out", file}, "results cannot be written to " + file + " (not a directory)"},
		"file on the way":     {[]string{"-data", data, "-out", file + "/sub"}, "results cannot be written to " + file + "/sub (not a directory)"},
		"no writing there":    {[]string{"-data", data, "-out", "/proc/results"}, "results cannot be written to /proc/results ("},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runTrain(t, c.args...)
			assert.Equal(t, exitFailed, got.code)
			assertSentence(t, got, c.want)
		})
	}
}

func TestHelpFitsTheScreen(t *testing.T) {
	for _, arg := range []string{"-h", "--help"} {
		got := runTrain(t, arg)
		assert.Equal(t, 0, got.code)
		assert.Empty(t, got.stderr)
		for _, want := range []string{"Examples", "Data", "Network", "Training", "-batch_size N", "(default 64)", "Exit codes: 0 done"} {
			assert.Contains(t, got.stdout, want)
		}
		assert.Equal(t, len(about.Examples), strings.Count(got.stdout, "\n  train -"), "examples")
		for line := range strings.Lines(got.stdout) {
			assert.LessOrEqual(t, len(line), 100, line)
		}
	}
}

func TestExamplesOfTheHelpParse(t *testing.T) {
	for _, line := range about.Examples {
		words := strings.Fields(line)
		opt, err := parse(words[1:])
		require.NoError(t, err)
		_, err = run.New(opt.Spec, run.Options{})
		assert.NoError(t, err)
	}
}

func TestDefaultsAreTheOriginals(t *testing.T) {
	opt, err := parse(nil)
	require.NoError(t, err)
	opt.Given, opt.flags = nil, nil
	assert.Equal(t, options{log: "text", Spec: settings.Spec{
		Dataset: "mnist", Classes: "all", ClassSeed: "seed", Out: "results", Model: "bp", Activation: "tanh", Optimizer: "rmsprop",
		ForwardInit: "U1", BackwardInit: "U1", Reduction: "mean", Device: "auto", Cache: "auto", Feedback: "stored", Report: true,
		BatchSize: 64, MaxEpochs: 100, LR: 1e-4, Schedule: "constant", Warmup: "0", Best: "accuracy",
	}}, opt)
}

func TestFlagsTakeEverySpelling(t *testing.T) {
	for _, args := range []string{"-model mdfa -convnet", "--model mdfa --convnet", "-model=mdfa -convnet=true", "--model=mdfa --convnet=1"} {
		opt, err := parse(strings.Fields(args))
		require.NoError(t, err, args)
		assert.Equal(t, "mdfa", opt.Model, args)
		assert.True(t, opt.Convnet, args)
	}
}

func TestVersionAndDevicesPrintAndEnd(t *testing.T) {
	got := runTrain(t, "-version")
	assert.Equal(t, 0, got.code)
	assert.Regexp(t, `^mdfa \d+\.\d+\.\d+, commit \S+, go1\.[^,]+ \w+/\w+\ndevices  .*cpu.*\ncpu      \d+ threads?, .*\nnccl     .+\n$`, got.stdout)

	got = runTrain(t, "-devices")
	assert.Equal(t, 0, got.code)
	assert.Regexp(t, `(?m)^cpu  +\d+ threads?, `, got.stdout)
}
