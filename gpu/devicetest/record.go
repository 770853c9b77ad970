package devicetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

func (s *suite) record(t *testing.T) {
	nets := map[string]func(*testing.T, gpu.Device, bool) *network{"Dense": denseNetwork, "Conv": convNetwork}
	for _, name := range sortedKeys(nets) {
		for _, dfa := range []bool{false, true} {
			rule := map[bool]string{false: "BP", true: "DFA"}[dfa]
			t.Run(fmt.Sprintf("TrainingIsTheSame/%s/%s", name, rule), func(t *testing.T) {
				recordedTraining(t, s.device(t), nets[name], dfa)
			})
		}
	}
	s.claims(t, map[string]func(*testing.T, gpu.Device){
		"StepIsCalledOnce":                 stepIsCalledOnce,
		"ProgramsInterleave":               programsInterleave,
		"EmptyProgramRuns":                 emptyProgramRuns,
		"CountersAreReadInEachRun":         countersAreReadInEachRun,
		"KeepsItsOwnArguments":             keepsItsOwnArguments,
		"FollowsTheLabels":                 followsTheLabels,
		"ErrorsInsideStepComeBack":         errorsInsideStep,
		"HostCallsAreErrorsInsideStep":     hostCallsInsideStep,
		"FreedProgramDoesNotRun":           freedProgram,
		"FreedBufferStopsTheProgram":       freedBufferInProgram,
		"FreedWhileOthersRun":              freeOneProgramOfTwo,
		"ProgramsDoNotRunInsideARecording": programInsideStep,
	})
}

// recordedTraining trains two equal nets on one device, one by direct calls and one by
// a program, and changes the data between the steps.
func recordedTraining(t *testing.T, d gpu.Device, build func(*testing.T, gpu.Device, bool) *network, dfa bool) {
	direct, recorded := build(t, d, dfa), build(t, d, dfa)
	p := record(t, d, recorded.train)
	requireSameNetworks(t, build(t, d, dfa), recorded, "recording ran something")

	r := seeded("record")
	before := read[float32](t, d, direct.params)
	for step := 1; step <= 5; step++ {
		if step > 2 {
			data, y := pixels(r, direct.data.Len), labels(r, netRows, 2)
			for _, n := range []*network{direct, recorded} {
				require.NoError(t, gpu.Upload(d, n.data.Buf, 0, data))
				require.NoError(t, gpu.Upload(d, n.labels.Buf, 0, y))
			}
		}
		require.NoError(t, direct.train())
		require.NoError(t, p.Run())
		require.NoError(t, d.Sync())
		requireSameNetworks(t, direct, recorded, fmt.Sprintf("step %d", step))
		require.Equal(t, []int32{int32(step)}, read[int32](t, d, recorded.step), "the step counter")
		metrics := read[float64](t, d, recorded.metrics)
		require.Equal(t, float64(step*netBatch), metrics[gpu.MetricCount], "the examples seen")
		require.False(t, metrics[gpu.MetricLoss] != metrics[gpu.MetricLoss], "the loss must not be NaN")
		after := read[float32](t, d, recorded.params)
		require.NotEqual(t, before, after, "a step must change the parameters")
		before = after
	}
	require.NoError(t, p.Free())
}

func requireSameNetworks(t *testing.T, a, b *network, when string) {
	t.Helper()
	require.Len(t, b.buffers, len(a.buffers))
	for i := range a.buffers {
		size := a.buffers[i].Len() * a.buffers[i].DType().Size()
		x, y := make([]byte, size), make([]byte, size)
		require.NoError(t, a.d.Download(x, a.buffers[i], 0))
		require.NoError(t, b.d.Download(y, b.buffers[i], 0))
		require.Equal(t, x, y, "%s: buffer %d differs", when, i)
	}
}

// adder is a program's smallest honest work: Loss raises a counter by one.
func adder(t *testing.T, d gpu.Device) (op func() error, count func() int32) {
	t.Helper()
	args := gpu.LossArgs{
		Logits: upload(t, d, []float32{1}).Mat(1, 1), Bias: upload(t, d, []float32{0}), Labels: upload(t, d, []int32{1}),
		Metrics: upload(t, d, make([]float64, gpu.NumMetrics)), Step: upload(t, d, []int32{0}),
	}
	return func() error { return d.Loss(args) }, func() int32 { return read[int32](t, d, args.Step)[0] }
}

func stepIsCalledOnce(t *testing.T, d gpu.Device) {
	op, count := adder(t, d)
	calls := 0
	p := record(t, d, func() error { calls++; return op() })
	for range 3 {
		require.NoError(t, p.Run())
	}
	assert.Equal(t, 1, calls, "calls of step")
	assert.Equal(t, int32(3), count())
	require.NoError(t, p.Free())
}

// countersAreReadInEachRun draws magnitudes by a counter that changes between the runs.
func countersAreReadInEachRun(t *testing.T, d gpu.Device) {
	gen := gpu.Generator{Draw: gpu.DrawAbsNormal, Seed: 3, High: 1}
	src, dst, step := upload(t, d, slices.Repeat([]float32{1}, 5)), upload(t, d, make([]float32, 5)), upload(t, d, []int32{0})
	p := record(t, d, func() error { return d.Sign(gpu.SignArgs{Dst: dst, Src: src, Gen: gen, Step: step}) })
	want := make([]float32, 5)
	for _, n := range []int32{0, 1, 7} {
		require.NoError(t, gpu.Upload(d, step.Buf, 0, []int32{n}))
		require.NoError(t, p.Run())
		gen.Fill(want, 0, int(n), 0)
		assert.Equal(t, want, read[float32](t, d, dst))
	}
	require.NoError(t, p.Free())
}

func programsInterleave(t *testing.T, d gpu.Device) {
	op1, count1 := adder(t, d)
	op2, count2 := adder(t, d)
	p1 := record(t, d, op1)
	p2 := record(t, d, func() error { return errors.Join(op2(), op2()) })
	for _, p := range []gpu.Program{p1, p2, p2, p1, p1} {
		require.NoError(t, p.Run())
		require.NoError(t, op1(), "a direct call between programs")
	}
	assert.Equal(t, int32(3+5), count1())
	assert.Equal(t, int32(4), count2())
	require.NoError(t, p1.Free())
	require.NoError(t, p2.Free())
}

func emptyProgramRuns(t *testing.T, d gpu.Device) {
	p := record(t, d, func() error { return nil })
	require.NoError(t, p.Run())
	require.NoError(t, p.Run())
	require.NoError(t, d.Sync())
	require.NoError(t, p.Free())
}

// keepsItsOwnArguments changes the caller's slice of layers after recording.
func keepsItsOwnArguments(t *testing.T, d gpu.Device) {
	h, delta, grad := upload(t, d, []float32{0}), upload(t, d, []float32{0}), upload(t, d, []float32{0})
	layers := []gpu.FeedbackLayer{{Out: gpu.Hidden{Act: gpu.Tanh, H: h}, Delta: delta, Size: 1, BiasGrad: grad}}
	args := gpu.FeedbackArgs{E: upload(t, d, []float32{3}).Mat(1, 1), B: upload(t, d, []float32{2}).Mat(1, 1), Layers: layers}
	p := record(t, d, func() error { return d.Feedback(args) })
	other := upload(t, d, []float32{-1})
	layers[0].Delta = other
	require.NoError(t, p.Run())
	assert.Equal(t, []float32{6}, read[float32](t, d, delta))
	assert.Equal(t, []float32{-1}, read[float32](t, d, other), "the program must not follow the caller's slice")
	require.NoError(t, p.Free())
}

// followsTheLabels exchanges two labels between the runs of a program that draws their rows of B.
func followsTheLabels(t *testing.T, d gpu.Device) {
	const size = 3
	delta, grad := upload(t, d, make([]float32, 2*size)), upload(t, d, make([]float32, size))
	args := gpu.FeedbackArgs{
		Labels: upload(t, d, []int32{0, 1}), Classes: 2, Scale: 1, Gen: gpu.Generator{Draw: gpu.DrawNormal, High: 1},
		Layers: []gpu.FeedbackLayer{{Out: gpu.Hidden{Act: gpu.Linear}, Delta: delta, Size: size, BiasGrad: grad}},
	}
	p := record(t, d, func() error { return d.Feedback(args) })
	var rows [2][]float32
	for class := range rows {
		rows[class] = make([]float32, size)
		args.Gen.Fill(rows[class], 0, class, 0)
	}
	for _, y := range [][]int32{{0, 1}, {1, 0}, {0, 0}} {
		require.NoError(t, gpu.Upload(d, args.Labels.Buf, 0, y))
		require.NoError(t, p.Run())
		assert.Equal(t, append(slices.Clone(rows[y[0]]), rows[y[1]]...), read[float32](t, d, delta), "labels %v", y)
	}
	require.NoError(t, p.Free())
}

func errorsInsideStep(t *testing.T, d gpu.Device) {
	op, count := adder(t, d)
	mine := errors.New("a mistake of the caller")
	p, err := d.Record(func() error {
		if err := op(); err != nil {
			return err
		}
		return mine
	})
	require.ErrorIs(t, err, mine)
	assert.Nil(t, p, "no program comes with an error")
	p, err = d.Record(func() error { return d.Zero(gpu.Span{}) })
	require.ErrorIs(t, err, gpu.ErrBuffer)
	assert.Nil(t, p, "no program comes with an error")
	assert.Equal(t, int32(0), count(), "nothing of a failed recording may run")
	requireUsable(t, d)
}

// requireUsable makes sure that a device still does everything after a mistake.
func requireUsable(t *testing.T, d gpu.Device) {
	t.Helper()
	op, count := adder(t, d)
	require.NoError(t, op())
	p := record(t, d, op)
	require.NoError(t, p.Run())
	require.NoError(t, d.Sync())
	require.Equal(t, int32(2), count())
	require.NoError(t, p.Free())
}

func hostCallsInsideStep(t *testing.T, d gpu.Device) {
	b := upload(t, d, []float32{7})
	calls := hostCalls(d, b, func() error { return nil })
	for _, name := range sortedKeys(calls) {
		var inside error
		_, err := d.Record(func() error {
			inside = calls[name]()
			return inside
		})
		assert.ErrorIs(t, inside, gpu.ErrRecording, "%s inside step", name)
		assert.ErrorIs(t, err, gpu.ErrRecording, "Record with %s inside", name)
		requireUsable(t, d)
	}
	assert.Equal(t, []float32{7}, read[float32](t, d, b), "an upload inside step must not happen")
}

func freedProgram(t *testing.T, d gpu.Device) {
	op, count := adder(t, d)
	p := record(t, d, op)
	require.NoError(t, p.Free())
	assert.Error(t, p.Run(), "Run after Free")
	assert.Error(t, p.Free(), "a second Free")
	assert.Equal(t, int32(0), count())
	requireUsable(t, d)
}

func freedBufferInProgram(t *testing.T, d gpu.Device) {
	src, dst := upload(t, d, []float32{1}), upload(t, d, []float32{2})
	op, count := adder(t, d)
	p := record(t, d, func() error { return errors.Join(op(), d.Copy(dst, src)) })
	require.NoError(t, p.Run())
	require.NoError(t, src.Buf.Free())
	require.ErrorIs(t, p.Run(), gpu.ErrBuffer)
	assert.Equal(t, int32(1), count(), "a program that cannot run whole must not run in part")
	require.NoError(t, p.Free())
	requireUsable(t, d)
}

func freeOneProgramOfTwo(t *testing.T, d gpu.Device) {
	op, count := adder(t, d)
	p1 := record(t, d, op)
	p2 := record(t, d, op)
	require.NoError(t, p1.Free())
	require.NoError(t, p2.Run())
	assert.Equal(t, int32(1), count())
	require.NoError(t, p2.Free())
}

func programInsideStep(t *testing.T, d gpu.Device) {
	op, count := adder(t, d)
	p := record(t, d, op)
	_, err := d.Record(p.Run)
	assert.ErrorIs(t, err, gpu.ErrRecording)
	assert.Equal(t, int32(0), count())
	require.NoError(t, p.Free())
	requireUsable(t, d)
}
