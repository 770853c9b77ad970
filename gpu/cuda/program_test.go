//go:build cuda

package cuda_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
)

func TestStepIsOneGraphLaunchAndNothingElse(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	args := dense(t, d, gpu.Tanh)
	program, err := d.Record(func() error { return d.Dense(args) })
	require.NoError(t, err)
	require.NoError(t, program.Run())
	require.NoError(t, d.Sync())

	const steps = 10
	before := m.Ledger()
	for range steps {
		require.NoError(t, program.Run())
	}
	require.Equal(t, before.Syncs, m.Ledger().Syncs, "the host does not wait")
	require.NoError(t, d.Sync())
	l := m.Ledger().Since(before)
	assert.Equal(t, steps, l.GraphLaunches)
	assert.Equal(t, 2*steps, l.Launches)
	assert.Equal(t, steps, l.Kernels["sgemm"].Launches)
	assert.Equal(t, steps, l.Kernels["bias_tanh"].Launches)
	assert.Equal(t, 1, l.Syncs)
	assert.Zero(t, l.Allocs+l.Frees+l.HostAllocs+l.HostToDevice+l.DeviceToHost+l.DeviceToDevice+l.Memsets)
}

// TestProgramKeepsItsWorkspace records a program, then makes the device move to a larger
// workspace: the program's graph holds addresses in the old one.
func TestProgramKeepsItsWorkspace(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	conv := func(size int) (gpu.ConvArgs, []float32) {
		s := gpu.ConvShape{Batch: 1, InH: size, InW: size, InC: 1, Kernel: 2, Stride: 1, OutC: 1}
		x, w := ramp(s.InLen()), []float32{1, 2, 3, 4}
		want := make([]float32, s.OutLen())
		for y := range s.OutH() {
			for c := range s.OutW() {
				at := y*size + c
				want[y*s.OutW()+c] = max(0, x[at]+2*x[at+1]+3*x[at+size]+4*x[at+size+1])
			}
		}
		out := gpu.Hidden{Act: gpu.ReLU, H: zeros(t, d, s.OutLen()), Pre: zeros(t, d, s.OutLen())}
		return gpu.ConvArgs{Shape: s, Out: out, X: floats(t, d, x...), W: floats(t, d, w...), B: zeros(t, d, 1)}, want
	}
	a, wantA := conv(5)
	b, wantB := conv(400) // patches of 2.5 MB
	program, err := d.Record(func() error { return d.Conv(a) })
	require.NoError(t, err)
	require.NoError(t, d.Conv(b))
	larger, err := d.Record(func() error { return d.Conv(b) })
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, program.Run())
		require.NoError(t, larger.Run())
		require.NoError(t, d.Conv(b))
	}
	assert.InDeltaSlice(t, wantA, read(t, d, a.Out.H), 1e-5)
	assert.InDeltaSlice(t, wantB, read(t, d, b.Out.H), 1e-5)
	free := d.Info().MemoryFree
	require.NoError(t, program.Free())
	assert.Greater(t, d.Info().MemoryFree, free, "the old workspace goes with its last program")
	require.NoError(t, larger.Run())
	require.NoError(t, larger.Free())
}

func TestRecordedErrorLeavesTheStreamUsable(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	args := dense(t, d, gpu.Tanh)
	freed := zeros(t, d, 1)
	require.NoError(t, freed.Buf.Free())
	_, err := d.Record(func() error {
		if err := d.Dense(args); err != nil {
			return err
		}
		return d.Zero(freed)
	})
	require.ErrorIs(t, err, gpu.ErrBuffer)
	require.NoError(t, d.Dense(args))
	require.NoError(t, d.Sync())
}

// TestFreeOfAProgramWaits frees one while a step of it waits in the stream.
func TestFreeOfAProgramWaits(t *testing.T) {
	m := machine(t, small())
	d := open(t, m, cuda.Options{})
	args := dense(t, d, gpu.Tanh)
	program, err := d.Record(func() error { return d.Dense(args) })
	require.NoError(t, err)
	require.NoError(t, d.Sync())
	before := m.Ledger()
	require.NoError(t, program.Run())
	require.Zero(t, m.Ledger().Since(before).Launches, "the step waits")
	require.NoError(t, program.Free())
	assert.Equal(t, 2, m.Ledger().Since(before).Launches)
}

// TestProgramsLeaveNothingWithTheDriver records, runs and frees again and again: graphs,
// events and streams do not grow in number.
func TestProgramsLeaveNothingWithTheDriver(t *testing.T) {
	m := machine(t, small())
	n := newNetwork(t, open(t, m, cuda.Options{}))
	handles := 0
	for round := range 3 {
		program, err := n.d.Record(n.step)
		require.NoError(t, err)
		require.Greater(t, cuda.Streams(program), 1)
		require.NoError(t, program.Run())
		require.NoError(t, program.Free())
		if round == 0 { // which opened the streams
			handles = m.Handles()
		}
		assert.Equal(t, handles, m.Handles())
	}
}

// TestFailedCaptureLeavesTheFirstStream lets an operation of another stream fail while a
// step is captured.
func TestFailedCaptureLeavesTheFirstStream(t *testing.T) {
	n := newNetwork(t, open(t, machine(t, small()), cuda.Options{}))
	failure, first := cuda.RecordFailing(n.d.(*cuda.Device), n.step)
	require.ErrorIs(t, failure, cuda.ErrOrdered)
	assert.True(t, first, "the queue issues into the first stream again")
	program, err := n.d.Record(n.step)
	require.NoError(t, err)
	require.NoError(t, program.Run())
	require.NoError(t, n.d.Sync())
}

// TestStepThatFitsOneStreamOnly keeps patches that do not fit side by side.
func TestStepThatFitsOneStreamOnly(t *testing.T) {
	o := small()
	d := open(t, machine(t, o), cuda.Options{WorkspaceBytes: int64(o.Memory)})
	s := gpu.ConvShape{Batch: 1, InH: 450, InW: 450, InC: 1, Kernel: 5, Stride: 1, OutC: 1} // 19 MiB of patches
	var layers []*patchedLayer
	for range 3 {
		layers = append(layers, newLayerOf(t, d, s))
	}
	program, err := d.Record(func() error {
		for _, l := range layers {
			if err := l.forward(); err != nil {
				return err
			}
		}
		for _, l := range layers {
			if err := l.gradient(); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, 1, cuda.Streams(program))
	require.NoError(t, program.Free())
}
