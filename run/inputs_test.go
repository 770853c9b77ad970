package run_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/predict"
	"mdfa/gpu/cpu"
	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/checkpoint"
	"mdfa/run/settings"
)

// normalized is a run of small that normalizes its inputs.
func normalized(out string) run.Spec {
	s := small(out, "mdfa", 1)
	s.Normalize = true
	return s
}

// train trains on data.
func train(t *testing.T, spec run.Spec, data *loaders.Dataset) *run.Outcome {
	t.Helper()
	r, err := run.New(spec, run.Options{Data: data})
	require.NoError(t, err)
	o, err := r.Train(t.Context())
	require.NoError(t, err)
	return o
}

// lastWeights returns the weights of a run's last checkpoint.
func lastWeights(t *testing.T, dir string) []float32 {
	t.Helper()
	c, err := checkpoint.LoadState(t.Context(), dir)
	require.NoError(t, err)
	return c.Params
}

func TestNormalizationHasMeanAndDeviationOfTheTrainingImages(t *testing.T) {
	data := stripes(80)
	o := train(t, normalized(t.TempDir()), data)
	mean, square := 0.0, 0.0
	for _, b := range data.Train.Images {
		mean += float64(b) / 255 / float64(len(data.Train.Images))
	}
	for _, b := range data.Train.Images {
		d := float64(b)/255 - mean
		square += d * d / float64(len(data.Train.Images))
	}
	n := o.Start.Network.Normalization
	require.NotNil(t, n)
	assert.InDelta(t, mean, n.Mean[0], 1e-12)
	assert.InDelta(t, math.Sqrt(square), n.Deviation[0], 1e-12)
	assert.Contains(t, o.Start.Header(), settings.Fact{Name: "inputs", Text: "normalized by channel: " + n.String()})
	for _, name := range []string{checkpoint.LastFile, checkpoint.BestFile} {
		c, err := checkpoint.Read(t.Context(), filepath.Join(o.Start.Dir, checkpoint.Folder, name))
		require.NoError(t, err)
		assert.Equal(t, n, c.Network.Normalization, name)
	}

	plain := normalized(t.TempDir())
	plain.Normalize = false
	other := train(t, plain, data)
	assert.Nil(t, other.Start.Network.Normalization)
	assert.NotEqual(t, lastWeights(t, other.Start.Dir), lastWeights(t, o.Start.Dir))
}

func TestStreamedAndResumedRunsAreNormalizedToTheSameBits(t *testing.T) {
	want := train(t, normalized(t.TempDir()), stripes(80))
	streamed := normalized(t.TempDir())
	streamed.Cache = "off"
	got := train(t, streamed, stripes(80))
	assert.Equal(t, want.Start.Network.Normalization, got.Start.Network.Normalization)
	assert.Equal(t, lastWeights(t, want.Start.Dir), lastWeights(t, got.Start.Dir))

	cut := normalized(t.TempDir())
	cut.MaxSteps = want.Start.StepsPerEpoch + 1
	dir := train(t, cut, stripes(80)).Start.Dir
	more := run.Defaults()
	more.MaxSteps, more.Given = 0, map[string]bool{"max_steps": true}
	r, err := run.Resume(t.Context(), dir, more, run.Options{Data: stripes(80)})
	require.NoError(t, err)
	_, err = r.Train(t.Context())
	require.NoError(t, err)
	assert.Equal(t, lastWeights(t, want.Start.Dir), lastWeights(t, dir))
}

// meanInJSON finds the mean in run.json.
var meanInJSON = regexp.MustCompile(`"mean": \[[^]]*\]`)

// A resumed run takes the numbers of run.json or its checkpoint, also if another program would compute others.
func TestAResumedRunKeepsTheNormalization(t *testing.T) {
	spec := normalized(t.TempDir())
	spec.CheckpointEvery = settings.NoCheckpoints
	spec.MaxEpochs = 1
	dir := train(t, spec, stripes(80)).Start.Dir
	path := filepath.Join(dir, "run.json")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	changed := meanInJSON.ReplaceAll(text, []byte(`"mean": [ 0.5 ]`))
	require.NotEqual(t, text, changed)
	require.NoError(t, os.WriteFile(path, changed, 0o600))
	more := run.Defaults()
	more.Given = map[string]bool{}
	r, err := run.Resume(t.Context(), dir, more, run.Options{Data: stripes(80)})
	require.NoError(t, err)
	o, err := r.Train(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []float64{0.5}, o.Start.Network.Normalization.Mean)
}

func TestATrainedNetworkNormalizesByItself(t *testing.T) {
	data := stripes(80)
	o := train(t, normalized(t.TempDir()), data)
	c, err := checkpoint.LoadWeights(t.Context(), o.Start.Dir, checkpoint.Best)
	require.NoError(t, err)
	dev := cpu.Open()
	defer func() { assert.NoError(t, dev.Close()) }()
	p, err := predict.New(dev, c.Network, c.Params, algo.EvalBatch(c.Network, 8))
	require.NoError(t, err)
	logits, err := p.Logits(data.Test.Images)
	require.NoError(t, err)
	counts := predict.NewConfusion(c.Network.Classes)
	counts.Add(logits, data.Test.Labels)
	assert.Equal(t, o.Result.Test.Accuracy(), counts.Accuracy())
	require.NoError(t, p.Close())
}

func TestAChannelWithOneValueIsNotScaled(t *testing.T) {
	data := stripes(80)
	for _, s := range []*loaders.Split{&data.Train, &data.Valid, &data.Test} {
		for i := range s.Images {
			s.Images[i] = 51
		}
	}
	o := train(t, normalized(t.TempDir()), data)
	n := o.Start.Network.Normalization
	assert.Equal(t, []float64{0.2}, n.Mean)
	assert.Equal(t, []float64{0}, n.Deviation)
	assert.Contains(t, o.Start.Notes, "channel 1 has one value in all training images: -normalize subtracts it and does not scale the channel")
}

func TestAugmentedRunsSayHow(t *testing.T) {
	spec := normalized(t.TempDir())
	spec.Augment = "Flip, shift:2"
	o := train(t, spec, stripes(80))
	assert.Contains(t, o.Start.Header(), settings.Fact{Name: "inputs",
		Text: "normalized by channel: " + o.Start.Network.Normalization.String() + " · training images augmented: shift:2,flip"})
	plain := train(t, normalized(t.TempDir()), stripes(80))
	assert.NotEqual(t, lastWeights(t, plain.Start.Dir), lastWeights(t, o.Start.Dir))
	same := spec
	same.Out, same.Augment, same.Cache = t.TempDir(), "shift:2,flip", "off"
	assert.Equal(t, lastWeights(t, o.Start.Dir), lastWeights(t, train(t, same, stripes(80)).Start.Dir))
}

func TestAugmentationsThatDoNotFitAreRefused(t *testing.T) {
	vectors := stripes(80)
	vectors.Height, vectors.Width = 1, vectors.Height*vectors.Width
	for want, data := range map[string]*loaders.Dataset{
		"-augment shift:6: images of 6x6x1 can be moved by 1 to 5 pixels":                               stripes(80),
		"-augment shift:6: the inputs of 1x36x1 are vectors, and only images can be moved and mirrored": vectors,
	} {
		spec := normalized(t.TempDir())
		spec.Augment = "shift:6"
		r, err := run.New(spec, run.Options{Data: data})
		require.NoError(t, err)
		_, err = r.Train(t.Context())
		require.ErrorIs(t, err, run.ErrUsage)
		assert.ErrorContains(t, err, want)
	}
	spec := normalized(t.TempDir())
	spec.Augment = "rotate"
	_, err := run.New(spec, run.Options{Data: stripes(80)})
	require.ErrorIs(t, err, run.ErrUsage)
	assert.ErrorContains(t, err, `-augment "rotate": expected shift:PIXELS, flip, both as in "shift:4,flip", or none`)
}
