//go:build cuda

package cuda_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/emulated"
	"mdfa/softgpu"
)

// faulty returns a machine with an ordered fault. It leaks the memory of its broken context.
func faulty(change func(*softgpu.Options)) *softgpu.Machine {
	o := small()
	change(&o)
	return softgpu.New(o)
}

func TestFailedKernelShowsAtTheNextWaitAndStays(t *testing.T) {
	// The last of three: the first is the product's warm-up, the second the product.
	d := open(t, faulty(func(o *softgpu.Options) { o.FailLaunch = 3 }), cuda.Options{})
	args := dense(t, d, gpu.Tanh)
	program, err := d.Record(func() error { return d.Dense(args) })
	require.NoError(t, err)
	require.NoError(t, d.Dense(args), "a kernel runs after its call has returned")

	err = d.Sync()
	require.ErrorIs(t, err, gpu.ErrDeviceLost)
	assert.Regexp(t, `^sync: cuStreamSynchronize: CUDA_ERROR_LAUNCH_FAILED: softgpu: bias_tanh .*ordered to fail$`, err.Error())

	for name, call := range map[string]func() error{
		"alloc":    func() error { _, err := d.Alloc(gpu.Float32, 1); return err },
		"upload":   func() error { return gpu.Upload(d, args.B.Buf, 0, []float32{1}) },
		"download": func() error { return gpu.Download(d, make([]float32, 1), args.B.Buf, 0) },
		"dense":    func() error { return d.Dense(args) },
		"record":   func() error { _, err := d.Record(func() error { return nil }); return err },
		"run":      program.Run,
		"sync":     d.Sync,
	} {
		again := call()
		require.ErrorIs(t, again, gpu.ErrDeviceLost, name)
		assert.Contains(t, again.Error(), name+": the device failed before: sync: ")
	}
	assert.NoError(t, args.B.Buf.Free())
	assert.NoError(t, program.Free())
	assert.NoError(t, d.Close(), "what failed was said")
	assert.ErrorIs(t, d.Sync(), gpu.ErrClosed)
}

func TestCloseReportsAFailureThatNobodySaw(t *testing.T) {
	d := open(t, faulty(func(o *softgpu.Options) { o.FailLaunch = 2 }), cuda.Options{})
	require.NoError(t, d.Dense(dense(t, d, gpu.Tanh)))
	assert.ErrorContains(t, d.Close(), "close: cuStreamSynchronize: CUDA_ERROR_LAUNCH_FAILED")
}

func TestSyncOptionNamesTheKernelThatFailed(t *testing.T) {
	for name, c := range map[string]struct {
		fail int
		want string
	}{
		"product": {1, `^dense: kernel sgemm failed: CUDA_ERROR_LAUNCH_FAILED: softgpu: .*ordered to fail$`},
		"kernel":  {2, `^dense: kernel bias_relu failed: CUDA_ERROR_LAUNCH_FAILED: softgpu: .*ordered to fail$`},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, faulty(func(o *softgpu.Options) { o.FailLaunch = c.fail }), cuda.Options{Sync: true})
			args := dense(t, d, gpu.ReLU)
			program, err := d.Record(func() error { return d.Dense(args) })
			require.NoError(t, err)
			err = program.Run()
			require.ErrorIs(t, err, gpu.ErrDeviceLost)
			assert.Regexp(t, c.want, err.Error())
		})
	}
}

func TestLostDeviceIsToldAndClosed(t *testing.T) {
	d := open(t, faulty(func(o *softgpu.Options) { o.LoseDevice = 1 }), cuda.Options{})
	args := dense(t, d, gpu.PL)
	require.NoError(t, d.Dense(args))
	_, err := gpu.Read[float32](d, args.Out.H)
	require.ErrorIs(t, err, gpu.ErrDeviceLost)
	assert.Regexp(t, "^download: device to host: CUDA_ERROR_UNKNOWN: softgpu: the device was lost", err.Error())
	assert.Zero(t, d.Info().MemoryFree)
	assert.NoError(t, d.Close())
}

func TestOutOfMemoryTellsBothSizes(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	_, err := d.Alloc(gpu.Float32, 100<<20)
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	assert.Regexp(t, `^alloc 104857600 elements of float32, 400\.0 MiB, \d\d\.\d MiB are free: out of device memory$`, err.Error())
	assert.NotErrorIs(t, err, gpu.ErrDeviceLost)
	assert.Equal(t, []float32{1}, read(t, d, floats(t, d, 1)), "the device goes on")
}

func TestWorkspaceThatDoesNotFitIsAnError(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{WorkspaceBytes: 1 << 40})
	s := gpu.ConvShape{Batch: 4, InH: 400, InW: 400, InC: 1, Kernel: 5, Stride: 1, OutC: 1}
	x, w, b, h := zeros(t, d, s.InLen()), zeros(t, d, s.Patch()), zeros(t, d, 1), zeros(t, d, s.OutLen())
	args := gpu.ConvArgs{Shape: s, Out: gpu.Hidden{H: h}, X: x, W: w, B: b}
	err := d.Conv(args)
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	assert.Regexp(t, `^conv: a workspace of \d+ MiB: cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY: softgpu: `, err.Error())
	_, err = d.Record(func() error { return d.Conv(args) })
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
	require.NoError(t, d.Dense(dense(t, d, gpu.Tanh)), "the device goes on")
	require.NoError(t, d.Sync())
}

func TestOpenRefusesInOneSentence(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*softgpu.Options)
		o      cuda.Options
		want   string
	}{
		"no such GPU": {func(*softgpu.Options) {}, cuda.Options{Ordinal: 1}, `^open: there is no GPU 1: the driver shows 1, counted from 0$`},
		"negative":    {func(*softgpu.Options) {}, cuda.Options{Ordinal: -1}, `^open: there is no GPU -1: `},
		"old GPU":     {func(o *softgpu.Options) { o.SM = 61 }, cuda.Options{}, `^open: .* has compute capability 6\.1: 7\.0 \(Volta\) or newer is needed$`},
		"old driver": {func(o *softgpu.Options) { o.Driver = 11080 }, cuda.Options{},
			`^open: the driver cannot read the kernels, CUDA 12\.0 \(driver 525\) or newer is needed: cuModuleLoadData: CUDA_ERROR_UNSUPPORTED_PTX_VERSION`},
	} {
		t.Run(name, func(t *testing.T) {
			o := small()
			c.change(&o)
			_, err := emulated.OpenOn(machine(t, o), c.o)
			require.Error(t, err)
			assert.Regexp(t, c.want, err.Error())
		})
	}
}

// TestOpenGivesBackWhatItTook lets each allocation of opening and of a first buffer fail.
func TestOpenGivesBackWhatItTook(t *testing.T) {
	count := softgpu.New(small())
	require.NoError(t, open(t, count, cuda.Options{}).Close())
	n := count.Allocations()
	require.GreaterOrEqual(t, n, 3, "two pinned buffers and a chunk")
	failed := 0
	for i := 1; i <= n; i++ {
		o := small()
		o.FailAlloc = i
		d, err := emulated.OpenOn(machine(t, o), cuda.Options{})
		if err == nil { // a chunk is asked for a second time
			require.NoError(t, d.Close())
			continue
		}
		failed++
		require.ErrorIs(t, err, gpu.ErrOutOfMemory, "allocation %d", i)
	}
	assert.Positive(t, failed)
}

// TestSizesBeyondAKernelAreRefused uses empty arrays of large sizes: nothing else of
// theirs fits into a test.
func TestSizesBeyondAKernelAreRefused(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	none := zeros(t, d, 0)
	const large = 1<<31 + 1
	err := d.Gemm(gpu.GemmArgs{C: none.Mat(large, 0), A: none.Mat(large, 0), B: none.Mat(0, 0)})
	require.ErrorIs(t, err, gpu.ErrShape)
	assert.ErrorContains(t, err, "gemm: a matrix [2147483649, 0]: cuBLAS takes at most 2147483647")

	layer := gpu.FeedbackLayer{Out: gpu.Hidden{H: none}, Delta: none, Size: large, BiasGrad: zeros(t, d, 1)}
	err = d.Feedback(gpu.FeedbackArgs{E: none.Mat(0, 0), B: none.Mat(0, large), Layers: []gpu.FeedbackLayer{layer}})
	require.ErrorIs(t, err, gpu.ErrShape)
	assert.ErrorContains(t, err, "feedback: ")
	require.NoError(t, d.Sync())
}

func read(t *testing.T, d gpu.Device, s gpu.Span) []float32 {
	t.Helper()
	v, err := gpu.Read[float32](d, s)
	require.NoError(t, err)
	return v
}
