package algo_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"codeberg.org/sbinet/npyio/npz"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/model"
)

// goldenTolerance is the tolerance of testdata/golden/GOLDEN.md: a share of the array's largest magnitude.
const goldenTolerance = 1e-4

// goldenFolders hold the vectors that the paper's own code and the authors of other rules computed.
func goldenFolders() []string {
	if folder := os.Getenv("MDFA_GOLDEN"); folder != "" {
		return []string{folder}
	}
	return []string{filepath.Join("..", "testdata", "golden"), filepath.Join("..", "testdata", "golden-rules")}
}

// goldenCase is one entry of manifest.json.
type goldenCase struct {
	Name, Model, Kind     string
	Special               string
	Classes, Out, Batch   int
	Activation, Optimizer string
	LR, L2                float32
	Momentum              float32
	Nesterov              bool
	WD                    float32 // decoupled decay
	Input, Layers         json.RawMessage
	Floor                 *float32
	GradScale             string     `json:"grad_scale"`
	Scales                []*float32 // usf's c_l, of no use for layer 0
	File                  string

	// Of learned feedback:
	BOptimizer string  `json:"b_optimizer"`
	BLR        float32 `json:"b_lr"`
	BL2        float32 `json:"b_l2"`
	BMomentum  float32 `json:"b_momentum"`
	BNesterov  bool    `json:"b_nesterov"`
	BWD        float32 `json:"b_wd"`
}

func TestGoldenCases(t *testing.T) {
	for _, folder := range goldenFolders() {
		t.Run(filepath.Base(folder), func(t *testing.T) { runManifest(t, folder) })
	}
}

func runManifest(t *testing.T, folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	require.NoError(t, err)
	var manifest struct {
		Steps int
		Cases []goldenCase
	}
	require.NoError(t, json.Unmarshal(text, &manifest))
	require.NotEmpty(t, manifest.Cases)
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, c := range manifest.Cases {
			t.Run(c.Name, func(t *testing.T) {
				runGolden(t, dev, c, filepath.Join(folder, c.File), manifest.Steps)
			})
		}
	})
}

// arrays is an npz file, with a note of the arrays that were read.
type arrays struct {
	t      *testing.T
	reader *npz.Reader
	read   map[string]bool
}

func openArrays(t *testing.T, path string) *arrays {
	reader, err := npz.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, reader.Close()) })
	return &arrays{t: t, reader: reader, read: map[string]bool{}}
}

func (a *arrays) floats(name string) []float32 { return read[float32](a, name) }

func read[T any](a *arrays, name string) []T {
	a.t.Helper()
	a.read[name] = true
	var values []T
	require.NoError(a.t, a.reader.Read(name+".npy", &values), name)
	return values
}

// requireAllRead fails on a case with arrays that this test does not know.
func (a *arrays) requireAllRead() {
	for _, key := range a.reader.Keys() {
		assert.True(a.t, a.read[key[:len(key)-len(".npy")]], "array %s was not compared", key)
	}
}

// stepOf is the part of an array that belongs to one of the steps.
func stepOf[T any](values []T, step, steps int) []T {
	n := len(values) / steps
	return values[step*n : (step+1)*n]
}

func (c goldenCase) network(t *testing.T) *model.Network {
	act, err := model.ParseActivation(c.Activation)
	require.NoError(t, err)
	var net *model.Network
	switch c.Kind {
	case "fc":
		var input int
		var hidden []int
		require.NoError(t, json.Unmarshal(c.Input, &input))
		require.NoError(t, json.Unmarshal(c.Layers, &hidden))
		net, err = model.NewDense(model.Vector(input), hidden, c.Classes, act)
	case "conv":
		var input [3]int
		var layers [][3]int
		require.NoError(t, json.Unmarshal(c.Input, &input))
		require.NoError(t, json.Unmarshal(c.Layers, &layers))
		var filters []model.Filter
		for _, l := range layers {
			filters = append(filters, model.Filter{Filters: l[0], Kernel: l[1], Stride: l[2]})
		}
		net, err = model.NewConv(model.Shape{H: input[0], W: input[1], C: input[2]}, filters, c.Classes, act)
	default:
		require.Fail(t, "unknown kind of network", c.Kind)
	}
	require.NoError(t, err)
	require.Equal(t, c.Out, net.Logits)
	return net
}

func (c goldenCase) config(t *testing.T) algo.Config {
	rule, err := algo.ParseRule(c.Model)
	require.NoError(t, err)
	optimizer, err := algo.ParseOptimizer(c.Optimizer)
	require.NoError(t, err)
	reduction, err := algo.ParseReduction(c.GradScale)
	require.NoError(t, err)
	cfg := algo.Config{
		Rule: rule, Optimizer: optimizer, Reduction: reduction, LR: c.LR, L2: c.L2, Decay: c.WD,
		Momentum: c.Momentum, Nesterov: c.Nesterov, Batch: c.Batch, EvalBatch: c.Batch,
	}
	require.Equal(t, rule.Clamped, c.Floor != nil, "a floor belongs to rules that clamp")
	if c.Special == "signed" { // the paper's code takes any feedback
		rule = changed(rule, func(r *algo.Rule) { r.NonNegative = false })
		cfg.Rule = rule
	}
	if c.Floor != nil {
		cfg.Floor = *c.Floor
	}
	for _, scale := range c.Scales { // none for the first layer
		g := gpu.Generator{}
		if scale != nil {
			g = gpu.Generator{Draw: gpu.DrawConstant, High: *scale}
		}
		cfg.Magnitudes = append(cfg.Magnitudes, g)
	}
	if c.drawnAnew(t) { // by the case, not by the learner
		cfg.Rule = changed(rule, func(r *algo.Rule) { r.Magnitudes = algo.StoredMagnitudes })
	}
	if rule.LearnsFeedback() {
		require.Equal(t, c.L2, c.BL2, "feedback has the penalty of the weights")
		cfg.FeedbackLR = c.BLR
		require.Equal(t, c.WD, c.BWD, "feedback has the decay of the weights")
		optimizer := gpu.AdamW // of PyTorch, with L2 in its gradient
		if c.BOptimizer != "adam" {
			optimizer, err = algo.ParseOptimizer(c.BOptimizer)
			require.NoError(t, err)
			require.Equal(t, c.Momentum, c.BMomentum, "feedback has the momentum of the weights")
			require.Equal(t, c.Nesterov, c.BNesterov)
		}
		cfg.FeedbackOptimizer = &optimizer
	}
	return cfg
}

// drawnAnew says whether the case has other magnitudes for each step.
func (c goldenCase) drawnAnew(t *testing.T) bool {
	rule, err := algo.ParseRule(c.Model)
	require.NoError(t, err)
	return rule.Magnitudes == algo.FreshMagnitudes
}

// feedback lays the case's B, or the magnitudes of a step, out as the learner takes it.
func (c goldenCase) feedback(net *model.Network, cfg algo.Config, a *arrays, step, steps int) []float32 {
	rule, feedback := cfg.Rule, make([]float32, net.FeedbackLen(cfg.Stored()))
	switch cfg.Stored() {
	case model.NoFeedback:
	case model.LayerFeedback:
		key := "B%d"
		if rule.TakesSigns() {
			key = "M%d"
		}
		ranges, _ := net.FARanges()
		for i := 1; i < len(net.Layers); i++ {
			b := a.floats(fmt.Sprintf(key, i))
			if c.drawnAnew(a.t) {
				b = stepOf(b, step, steps)
			}
			require.Len(a.t, b, copy(ranges[i].Of(feedback), b))
		}
		if rule.Mirrors() || rule.TakesSigns() {
			net.TransposeFeedback(feedback)
		}
	case model.DirectFeedback, model.ClassFeedback:
		units := net.HiddenUnits()
		for i, columns := range net.FeedbackColumns() {
			b := a.floats(fmt.Sprintf("B%d", i))
			for row := range net.FeedbackRows(rule.Feedback) {
				copy(columns.Of(feedback[row*units:]), b[row*columns.Len:])
			}
		}
	}
	return feedback
}

// feedbackParts cuts an arena of learned feedback into the arrays of a case, by layer: the inverse of goldenCase.feedback.
func feedbackParts(net *model.Network, rule *algo.Rule, arena []float32) map[int][]float32 {
	parts := map[int][]float32{}
	if rule.Feedback == model.DirectFeedback {
		for i, columns := range net.FeedbackColumns() {
			for row := range net.Logits {
				parts[i] = append(parts[i], columns.Of(arena[row*net.HiddenUnits():])...)
			}
		}
		return parts
	}
	ranges, _ := net.FARanges()
	for i, layer := range net.Layers[1:] {
		b := ranges[i+1].Of(arena)
		if layer.Kind == model.Conv {
			parts[i+1] = b
			continue
		}
		for out := range layer.Units() {
			for in := range layer.FanIn() {
				parts[i+1] = append(parts[i+1], b[in*layer.Units()+out])
			}
		}
	}
	return parts
}

func runGolden(t *testing.T, dev gpu.Device, c goldenCase, path string, steps int) {
	net, cfg := c.network(t), c.config(t)
	a := openArrays(t, path)
	params := make([]float32, net.Params)
	for i, layer := range net.Layers {
		copy(layer.W.Of(params), a.floats(fmt.Sprintf("W%d", i)))
		copy(layer.B.Of(params), a.floats(fmt.Sprintf("b%d", i)))
	}
	if cfg.Rule.Magnitudes == algo.EqualMagnitudes && c.Special != "kaiming" { // Glorot's initializer is the default of the authors' code
		scales, err := cfg.Rule.DrawMagnitudes(net, algotest.Init(t, "X1"), 1)
		require.NoError(t, err)
		for i := 1; i < len(scales); i++ {
			require.InEpsilon(t, *c.Scales[i], scales[i].High, 1e-6)
		}
	}
	feedback := c.feedback(net, cfg, a, 0, steps)
	l, err := algo.NewLearner(dev, net, cfg, params, feedback)
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	program, err := dev.Record(func() error { return l.Train(nil) })
	require.NoError(t, err)

	// The twin shows the weights before the clamp.
	var twin *algo.Learner
	if cfg.Rule.Clamped {
		free := cfg
		free.Rule = changed(cfg.Rule, func(r *algo.Rule) { r.Clamped = false })
		twin, err = algo.NewLearner(dev, net, free, params, feedback)
		require.NoError(t, err)
		defer func() { assert.NoError(t, twin.Close()) }()
	}

	learns := cfg.Learning(net)
	x, y := a.floats("x"), read[int32](a, "y")
	loss, accuracy := a.floats("loss"), a.floats("acc")
	var worst offset // of all arrays of the case
	defer func() { t.Log("worst: ", worst) }()
	requireClose := func(t *testing.T, want, got []float32, format string, args ...any) {
		t.Helper()
		if d := requireClose(t, want, got, format, args...); d.share >= worst.share {
			worst = d
		}
	}
	for step := range steps {
		before, err := l.Params()
		require.NoError(t, err)
		for _, learner := range []*algo.Learner{l, twin} {
			if learner != nil {
				uploadBatch(t, learner, stepOf(x, step, steps), stepOf(y, step, steps))
			}
		}
		if c.drawnAnew(t) {
			require.NoError(t, gpu.Upload(dev, l.Step(c.Batch).Feedback(1).Buf, 0, c.feedback(net, cfg, a, step, steps)))
		}
		require.NoError(t, l.ResetMetrics())
		require.NoError(t, program.Run())

		m, err := l.Metrics()
		require.NoError(t, err)
		requireClose(t, []float32{loss[step]}, []float32{float32(m.MeanLoss())}, "loss, step %d", step)
		requireClose(t, []float32{accuracy[step]}, []float32{float32(m.Accuracy())}, "acc, step %d", step)
		logits, err := l.Logits(c.Batch)
		require.NoError(t, err)
		requireClose(t, stepOf(a.floats("logits"), step, steps), logits, "logits, step %d", step)

		if cfg.Rule.LearnsFeedback() {
			span, err := cfg.Rule.FeedbackGrad(l.Step(c.Batch))
			require.NoError(t, err)
			grads, err := gpu.Read[float32](dev, span)
			require.NoError(t, err)
			for i := range grads { // as with the weights below
				grads[i] += c.BL2 * feedback[i]
			}
			feedback, err = l.Feedback()
			require.NoError(t, err)
			for key, arena := range map[string][]float32{"gB%d": grads, "B%d_after": feedback} {
				for i, got := range feedbackParts(net, cfg.Rule, arena) {
					requireClose(t, stepOf(a.floats(fmt.Sprintf(key, i)), step, steps), got, key+", step %d", i, step)
				}
			}
		}
		after, err := l.Params()
		require.NoError(t, err)
		grads, err := l.Grads()
		require.NoError(t, err)
		for i := range grads { // the paper's gradients include L2, ours get it in the update
			grads[i] += c.L2 * before[i]
		}
		var free []float32
		if twin != nil {
			free = twinStep(t, l, twin, before, step+1)
		}
		for i, layer := range net.Layers {
			check := func(key string, r model.Range, got []float32) {
				if !learns[i] {
					want := stepOf(a.floats(fmt.Sprintf(key, i)), step, steps)
					require.Equal(t, want, r.Of(got), key+" of a frozen layer, step %d", i, step)
					return
				}
				requireClose(t, stepOf(a.floats(fmt.Sprintf(key, i)), step, steps), r.Of(got), key+", step %d", i, step)
			}
			check("gW%d", layer.W, grads)
			check("gb%d", layer.B, grads)
			check("W%d_after", layer.W, after)
			check("b%d_after", layer.B, after)
			if twin != nil {
				check("W%d_preclamp", layer.W, free)
				if i > 0 {
					want := stepOf(a.floats(fmt.Sprintf("W%d_after", i)), step, steps)
					equalAtFloor(t, want, layer.W.Of(after), cfg.Floor, "W%d, step %d", i, step)
				}
			}
		}
	}
	a.requireAllRead()
}

// twinStep takes one step without the clamp, from where l stood before its own, and then brings the twin's optimizer
// state and counters to those of l after so many steps.
func twinStep(t *testing.T, l, twin *algo.Learner, before []float32, steps int) []float32 {
	require.NoError(t, twin.SetParams(before))
	require.NoError(t, twin.Train(nil))
	free, err := twin.Params()
	require.NoError(t, err)
	state, feedback, err := l.OptimizerState()
	require.NoError(t, err)
	require.NoError(t, twin.SetOptimizerState(state, feedback))
	require.NoError(t, twin.SetCounters(steps, steps))
	return free
}

// uploadBatch brings a batch to a learner.
func uploadBatch(t *testing.T, l *algo.Learner, x []float32, y []int32) {
	t.Helper()
	s := l.Step(len(y))
	require.NoError(t, gpu.Upload(l.Device(), s.Input(0).Buf, 0, x))
	require.NoError(t, gpu.Upload(l.Device(), s.Labels().Buf, 0, y))
}

// offset is the element of an array that is farthest off.
type offset struct {
	array     string
	element   int
	want, got float32
	share     float64 // of the tolerance
}

func (d offset) String() string {
	return fmt.Sprintf("%s, element %d: want %g, got %g, %.3g of the tolerance", d.array, d.element, d.want, d.got, d.share)
}

// requireClose requires every element to be as close as testdata/golden/GOLDEN.md asks, and returns the farthest.
func requireClose(t *testing.T, want, got []float32, format string, args ...any) offset {
	t.Helper()
	d := offset{array: fmt.Sprintf(format, args...)}
	require.Len(t, got, len(want), d.array)
	largest := 0.0
	for _, v := range want {
		largest = math.Max(largest, math.Abs(float64(v)))
	}
	for i := range want {
		share := 0.0
		if off := math.Abs(float64(want[i]) - float64(got[i])); off != 0 {
			share = off / (goldenTolerance * largest) // NaN or +Inf where nothing could be as close
		}
		if !(share <= d.share) {
			d.element, d.want, d.got, d.share = i, want[i], got[i], share
			if math.IsNaN(share) {
				break
			}
		}
	}
	if !(d.share <= 1) {
		assert.Fail(t, "too far off", d.String())
	}
	return d
}

// equalAtFloor requires entries that were clamped to be exactly the floor.
func equalAtFloor(t *testing.T, want, got []float32, floor float32, format string, args ...any) {
	t.Helper()
	for i := range want {
		if want[i] == floor && got[i] != floor {
			assert.Failf(t, "not at the floor", "%s, element %d: %g", fmt.Sprintf(format, args...), i, got[i])
			return
		}
	}
}
