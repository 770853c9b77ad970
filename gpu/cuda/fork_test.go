//go:build cuda

package cuda_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/softgpu"
)

// network is a step of DFA: two convolutions, a dense layer, the logits.
type network struct {
	d                 gpu.Device
	first, second     gpu.ConvShape
	x, w, g           gpu.Span // images; all weights and their gradients, side by side
	hidden            []gpu.FeedbackLayer
	logits, e, b      gpu.Mat
	labels, m, counts gpu.Span
}

const (
	forkBatch, forkUnits, forkLogits = 3, 12, 5
	forkSteps                        = 3
)

// newNetwork lays the network out on a device.
func newNetwork(t *testing.T, d gpu.Device) *network {
	t.Helper()
	n := &network{
		d:      d,
		first:  gpu.ConvShape{Batch: forkBatch, InH: 9, InW: 9, InC: 4, Kernel: 3, Stride: 2, OutC: 8},
		second: gpu.ConvShape{Batch: forkBatch, InH: 4, InW: 4, InC: 8, Kernel: 2, Stride: 1, OutC: 4},
	}
	n.x = floats(t, d, ramp(n.first.InLen())...)
	n.w, n.g = floats(t, d, ramp(n.parameters())...), zeros(t, d, n.parameters())
	columns := 0
	for i, size := range []int{n.first.OutLen() / forkBatch, n.second.OutLen() / forkBatch, forkUnits} {
		n.hidden = append(n.hidden, gpu.FeedbackLayer{
			Out:   gpu.Hidden{H: zeros(t, d, forkBatch*size)},
			Delta: zeros(t, d, forkBatch*size), Size: size,
			BiasGrad: n.g.Slice(n.bias(i)),
		})
		columns += size
	}
	n.logits = zeros(t, d, forkBatch*forkLogits).Mat(forkBatch, forkLogits)
	n.e = zeros(t, d, forkBatch*forkLogits).Mat(forkBatch, forkLogits)
	n.b = floats(t, d, ramp(forkLogits*columns)...).Mat(forkLogits, columns)
	labels, err := gpu.NewBuffer(d, []int32{0, 4, 2})
	require.NoError(t, err)
	metrics, err := d.Alloc(gpu.Float64, gpu.NumMetrics)
	require.NoError(t, err)
	counts, err := d.Alloc(gpu.Int32, 1)
	require.NoError(t, err)
	n.labels, n.m, n.counts = gpu.All(labels), gpu.All(metrics), gpu.All(counts)
	return n
}

// sizes are the weights and biases of each layer.
func (n *network) sizes() (weights, biases []int) {
	flat := n.second.OutLen() / forkBatch
	return []int{n.first.Patch() * n.first.OutC, n.second.Patch() * n.second.OutC, flat * forkUnits, forkUnits * forkLogits},
		[]int{n.first.OutC, n.second.OutC, forkUnits, forkLogits}
}

// parameters is the length of the arena; each layer begins at a multiple of 4.
func (n *network) parameters() int {
	from, length := n.bias(3)
	return from + (length+3)/4*4
}

func (n *network) weight(layer int) (from, length int) {
	weights, biases := n.sizes()
	for i := range layer {
		from += weights[i] + (biases[i]+3)/4*4
	}
	return from, weights[layer]
}

func (n *network) bias(layer int) (from, length int) {
	_, biases := n.sizes()
	from, length = n.weight(layer)
	return from + length, biases[layer]
}

// step is one step, in the order of package algo.
func (n *network) step() error {
	flat := n.second.OutLen() / forkBatch
	h, delta := func(i int) gpu.Span { return n.hidden[i].Out.H }, func(i int) gpu.Span { return n.hidden[i].Delta }
	w, b := func(i int) gpu.Span { return n.w.Slice(n.weight(i)) }, func(i int) gpu.Span { return n.w.Slice(n.bias(i)) }
	g := func(i int) gpu.Span { return n.g.Slice(n.weight(i)) }
	x := h(1).Mat(forkBatch, flat)
	for _, op := range []func() error{
		func() error {
			return n.d.Conv(gpu.ConvArgs{Shape: n.first, Out: n.hidden[0].Out, X: n.x, W: w(0), B: b(0)})
		},
		func() error {
			return n.d.Conv(gpu.ConvArgs{Shape: n.second, Out: n.hidden[1].Out, X: h(0), W: w(1), B: b(1)})
		},
		func() error {
			return n.d.Dense(gpu.DenseArgs{Out: n.hidden[2].Out, X: x, W: w(2).Mat(flat, forkUnits), B: b(2)})
		},
		func() error {
			return n.d.Gemm(gpu.GemmArgs{C: n.logits, A: h(2).Mat(forkBatch, forkUnits), B: w(3).Mat(forkUnits, forkLogits)})
		},
		func() error {
			return n.d.Loss(gpu.LossArgs{
				Logits: n.logits, Bias: b(3), Labels: n.labels, Scale: 0.25, E: n.e,
				BiasGrad: n.g.Slice(n.bias(3)), Metrics: n.m, Step: n.counts,
			})
		},
		func() error { return n.d.Feedback(gpu.FeedbackArgs{E: n.e, B: n.b, Layers: n.hidden}) },
		func() error { return n.d.ConvGrad(gpu.ConvGradArgs{Shape: n.first, DW: g(0), X: n.x, DY: delta(0)}) },
		func() error { return n.d.ConvGrad(gpu.ConvGradArgs{Shape: n.second, DW: g(1), X: h(0), DY: delta(1)}) },
		func() error {
			return n.d.Gemm(gpu.GemmArgs{C: g(2).Mat(flat, forkUnits), A: x, TransA: true, B: delta(2).Mat(forkBatch, forkUnits)})
		},
		func() error {
			return n.d.Gemm(gpu.GemmArgs{C: g(3).Mat(forkUnits, forkLogits), A: h(2).Mat(forkBatch, forkUnits), TransA: true, B: n.e})
		},
		func() error { return n.d.Optimize(gpu.OptimizeArgs{Kind: gpu.SGD, W: n.w, G: n.g, LR: 0.1}) },
	} {
		if err := op(); err != nil {
			return err
		}
	}
	return nil
}

// run makes steps and returns the weights and gradients that they leave. It closes the
// device: only the machine that was opened last is behind the driver.
func (n *network) run(t *testing.T, step func() error) []float32 {
	t.Helper()
	for range forkSteps {
		require.NoError(t, step())
	}
	got := append(read(t, n.d, n.w), read(t, n.d, n.g)...)
	require.NoError(t, n.d.Close())
	return got
}

// seeded returns the small machine with the order of a seed.
func seeded(seed uint64) softgpu.Options {
	o := small()
	o.Seed = seed
	return o
}

// byCalls returns the result of steps by direct calls.
func byCalls(t *testing.T) []float32 {
	t.Helper()
	n := newNetwork(t, open(t, machine(t, small()), cuda.Options{}))
	return n.run(t, n.step)
}

// TestForkedStepIsTheStep compares bit by bit: direct calls, and programs on one to five
// streams, under several orders of whatever is not ordered. The machine finds any two
// operations that conflict and are not ordered.
func TestForkedStepIsTheStep(t *testing.T) {
	want := byCalls(t)
	for streams := 1; streams <= 5; streams++ {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%d streams, seed %d", streams, seed), func(t *testing.T) {
				n := newNetwork(t, open(t, machine(t, seeded(seed)), cuda.Options{Streams: streams}))
				program, err := n.d.Record(n.step)
				require.NoError(t, err)
				assert.Equal(t, min(streams, 3), cuda.Streams(program), "four weight gradients, one of them beside the feedback")
				assert.Equal(t, want, n.run(t, program.Run))
			})
		}
	}
}

// TestEveryWaitBetweenStreamsIsNeeded leaves out one after the other: the machine finds
// the two operations that are then not ordered.
func TestEveryWaitBetweenStreamsIsNeeded(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	n := newNetwork(t, d)
	program, err := n.d.Record(n.step)
	require.NoError(t, err)
	waits := cuda.Waits(program)
	require.NoError(t, d.Close())
	require.GreaterOrEqual(t, waits, 4, "two forks and two joins")
	for drop := range waits {
		d := open(t, faulty(func(*softgpu.Options) {}), cuda.Options{})
		broken := newNetwork(t, d)
		program, err := cuda.RecordWithout(d, broken.step, drop)
		require.NoError(t, err)
		require.NoError(t, program.Run())
		err = d.Sync()
		require.ErrorIs(t, err, gpu.ErrDeviceLost, "wait %d", drop)
		assert.ErrorContains(t, err, "not ordered after an earlier operation")
		require.NoError(t, d.Close())
	}
}

// TestForkWithoutMemoryForItGoesInOneStream lets each allocation of recording fail in
// turn: only the overlap of work is lost.
func TestForkWithoutMemoryForItGoesInOneStream(t *testing.T) {
	want := byCalls(t)
	count := machine(t, small())
	n := newNetwork(t, open(t, count, cuda.Options{}))
	before := count.Allocations()
	_, err := n.d.Record(n.step)
	require.NoError(t, err)
	recorded, fewer := count.Allocations(), 0
	require.NoError(t, n.d.Close())
	require.Greater(t, recorded, before)
	for fail := before + 1; fail <= recorded; fail++ {
		o := small()
		o.FailAlloc = fail
		n := newNetwork(t, open(t, machine(t, o), cuda.Options{}))
		program, err := n.d.Record(n.step)
		if err != nil { // of the events and the graph: a second try succeeds
			require.ErrorIs(t, err, gpu.ErrOutOfMemory)
			program, err = n.d.Record(n.step)
			require.NoError(t, err)
		} else if cuda.Streams(program) < 3 {
			fewer++
		}
		assert.Equal(t, want, n.run(t, program.Run), "allocation %d", fail)
	}
	assert.Positive(t, fewer, "streams that were done without")
}

// TestStreamThatCannotBeOpenedTakesNothing lets each allocation of a second stream fail.
func TestStreamThatCannotBeOpenedTakesNothing(t *testing.T) {
	count := machine(t, small())
	d := open(t, count, cuda.Options{})
	before := count.Allocations()
	_, err := cuda.ProvideStreams(d, 2)
	require.NoError(t, err)
	after := count.Allocations()
	require.NoError(t, d.Close())
	failed := 0
	for fail := before + 1; fail <= after; fail++ {
		o := small()
		o.FailAlloc = fail
		d := open(t, machine(t, o), cuda.Options{})
		free := d.Info().MemoryFree
		streams, err := cuda.ProvideStreams(d, 2)
		require.NoError(t, err, "allocation %d: only the overlap is lost", fail)
		if streams == 1 {
			failed++
			assert.Equal(t, free, d.Info().MemoryFree, "allocation %d", fail)
		}
		require.NoError(t, d.Close())
	}
	assert.Positive(t, failed)
}
