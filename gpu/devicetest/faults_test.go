package devicetest_test

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/devicetest"
)

// faults are ways in which a device can be wrong. An operation's arguments are changed before
// the call, or memory is cleared after it.
var faults = []struct {
	group, name string // the group of the suite that must fail
	plant       func(f *faulty)
}{
	{"Gather", "the cursor is ignored", before(func(f *faulty, a *gpu.GatherArgs) { a.Cursor = f.zero(a.Cursor) })},
	{"Gather", "pixels are divided by 256", before(func(_ *faulty, a *gpu.GatherArgs) { a.Scale *= 255.0 / 256 })},
	{"Gather", "the mean is forgotten", before(func(f *faulty, a *gpu.GatherArgs) { a.Mean = f.zero(a.Mean) })},
	{"Gather", "each step has the first one's shifts", before(func(f *faulty, a *gpu.GatherArgs) { a.Augment.Step = f.zero(a.Augment.Step) })},
	{"Gather", "no image is mirrored", before(func(_ *faulty, a *gpu.GatherArgs) { a.Augment.Flip = false })},
	{"Gemm", "transposes are swapped", before(func(_ *faulty, a *gpu.GemmArgs) { a.TransA, a.TransB = a.TransB, a.TransA })},
	{"Gemm", "forgets the last element of 33", after(func(f *faulty, a gpu.GemmArgs) {
		if a.C.Len%32 == 1 && a.C.Len > 1 {
			f.clear(a.C.Span, a.C.Len-1, 1)
		}
	})},
	{"Gemm", "writes one element too far", after(func(f *faulty, a gpu.GemmArgs) { f.clear(a.C.Span, a.C.Len, 1) })},
	{"Gemm", "writes one element too early", after(func(f *faulty, a gpu.GemmArgs) { f.clear(a.C.Span, -1, 1) })},
	{"Gemm", "wants aligned spans", after(func(f *faulty, a gpu.GemmArgs) {
		if a.C.Off%4 != 0 {
			f.clear(a.C.Span, 0, a.C.Len)
		}
	})},
	{"Dense", "changes its input", after(func(f *faulty, a gpu.DenseArgs) { f.clear(a.X.Span, 0, min(1, a.X.Len)) })},
	{"Dense", "never the same bits twice", after(func(f *faulty, a gpu.DenseArgs) {
		if f.calls++; f.calls%2 == 0 {
			f.clear(a.Out.H, 0, min(1, a.Out.H.Len))
		}
	})},
	{"Dense", "the preactivation is not kept", after(func(f *faulty, a gpu.DenseArgs) { f.clear(a.Out.Pre, 0, a.Out.Pre.Len) })},
	{"Activation", "pl is relu", before(func(_ *faulty, a *gpu.DenseArgs) {
		if a.Out.Act == gpu.PL {
			a.Out.Act = gpu.ReLU
		}
	})},
	{"Conv", "a window is its first pixel", before(func(_ *faulty, a *gpu.ConvArgs) {
		if a.Shape.OutH() == 1 && a.Shape.OutW() == 1 {
			a.Shape.Kernel = 1
			a.W = a.W.Slice(0, a.Shape.Patch()*a.Shape.OutC)
		}
	})},
	{"Pool", "averages are maxima", before(func(_ *faulty, a *gpu.PoolArgs) {
		if a.Index.IsNone() {
			a.Shape.Kind = gpu.MaxPooling
		}
	})},
	{"PoolBackward", "every maximum is the first pixel", before(func(f *faulty, a *gpu.PoolBackwardArgs) {
		if !a.Index.IsNone() {
			a.Index = f.zero(a.Index)
		}
	})},
	{"Loss", "the scale is forgotten", before(func(_ *faulty, a *gpu.LossArgs) { a.Scale = 1 })},
	{"Loss", "metrics are overwritten", before(func(f *faulty, a *gpu.LossArgs) { f.clear(a.Metrics, 0, a.Metrics.Len) })},
	{"Loss", "only one step is raised", before(func(_ *faulty, a *gpu.LossArgs) { a.Step.Len = min(a.Step.Len, 1) })},
	{"Feedback", "the seed is off by one", before(func(_ *faulty, a *gpu.FeedbackArgs) { a.Gen.Seed++ })},
	{"Feedback", "the labels are not scaled", before(func(_ *faulty, a *gpu.FeedbackArgs) {
		if !a.Labels.IsNone() {
			a.Scale = 1
		}
	})},
	{"Feedback", "the bias gradient misses a channel", after(func(f *faulty, a gpu.FeedbackArgs) {
		for _, l := range a.Layers {
			f.clear(l.BiasGrad, 0, min(1, l.BiasGrad.Len))
		}
	})},
	{"FeedbackGrad", "the last layer is forgotten", after(func(f *faulty, a gpu.FeedbackGradArgs) {
		if n := len(a.Layers); n > 1 {
			f.clear(a.DB.Span, a.DB.Cols-a.Layers[n-1].Size, a.Layers[n-1].Size)
		}
	})},
	{"DenseBackward", "f' comes from the output", before(func(_ *faulty, a *gpu.DenseBackwardArgs) { a.Below.Pre = a.Below.H })},
	{"ConvBackward", "pixels keep old contents", after(func(f *faulty, a gpu.ConvBackwardArgs) { f.clear(a.DX, 0, min(1, a.DX.Len)) })},
	{"ConvGrad", "the last filter is forgotten", after(func(f *faulty, a gpu.ConvGradArgs) { f.clear(a.DW, a.DW.Len-1, 1) })},
	{"Sign", "the layer is off by one", before(func(_ *faulty, a *gpu.SignArgs) { a.Layer++ })},
	{"Sign", "magnitudes have signs", after(func(f *faulty, a gpu.SignArgs) {
		if !a.M.IsNone() {
			_ = f.Device.Copy(a.Dst, a.M)
		}
	})},
	{"Optimize", "l2 is forgotten", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.L2 = 0 })},
	{"Optimize", "decay is forgotten", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.Decay = 0 })},
	{"Optimize", "momentum is forgotten", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.Momentum = 0 })},
	{"Optimize", "nesterov is forgotten", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.Nesterov = false })},
	{"Optimize", "factors are forgotten", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.Factors = gpu.Span{} })},
	{"Optimize", "the rate is doubled", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.LR *= 2 })},
	{"Optimize", "clamp starts at zero", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.ClampFrom = 0 })},
	{"Optimize", "clamp misses its last element", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.ClampTo = max(a.ClampFrom, a.ClampTo-1) })},
	{"Optimize", "clamp ignores the floor", before(func(_ *faulty, a *gpu.OptimizeArgs) { a.Floor = 0 })},
	{"Compare", "bounds are open", before(func(_ *faulty, a *gpu.CompareArgs) { a.Low = math.Nextafter32(a.Low, -2) })},
	{"Compare", "sums are overwritten", before(func(f *faulty, a *gpu.CompareArgs) { f.clear(a.Out, 0, a.Out.Len) })},
	{"Record", "recording runs the step", func(f *faulty) { f.runsStep = true }},
	{"Record", "errors inside step are lost", func(f *faulty) { f.losesErrors = true }},
	{"Misuse", "mistakes are passed over in silence", func(f *faulty) { f.silent = true }},
	{"Memory", "alloc is not zeroed", func(f *faulty) { f.dirty = true }},
	{"Close", "close is forgotten", func(f *faulty) { f.open = true }},
	{"Info", "info is empty", func(f *faulty) { f.nameless = true }},
}

// faultVariable names the fault for the process that runs the suite.
const faultVariable = "MDFA_TEST_FAULT"

// TestFaultsAreFound runs the suite on faulty devices, each in its own process, as the
// failures of a subtest are failures of the test.
func TestFaultsAreFound(t *testing.T) {
	if name, planted := os.LookupEnv(faultVariable); planted {
		devicetest.Run(t, func(*testing.T) gpu.Device { return newFaulty(name) }, devicetest.Slow())
		return
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0], "-test.failfast", "-test.run", "^TestFaultsAreFound$/^"+fault.group+"$")
			c.Env = append(os.Environ(), faultVariable+"="+fault.name)
			out, err := c.CombinedOutput()
			assert.Error(t, err, "the suite does not find the fault")
			assert.Contains(t, string(out), "--- FAIL: TestFaultsAreFound/"+fault.group)
			assert.NotContains(t, string(out), "panic:", "the suite must fail with a message of its own")
		})
	}
}

// faulty is the CPU device with a fault.
type faulty struct {
	gpu.Device
	changes, spoils []func(args any)
	calls           int

	runsStep, losesErrors, silent, dirty, open, nameless bool
}

func newFaulty(name string) *faulty {
	f := &faulty{Device: cpu.OpenWith(cpu.Options{BLAS: blas.Gonum()})}
	for _, fault := range faults {
		if fault.name == name {
			fault.plant(f)
		}
	}
	return f
}

// before changes the arguments of an operation.
func before[A any](change func(f *faulty, a *A)) func(f *faulty) {
	return func(f *faulty) {
		f.changes = append(f.changes, func(args any) {
			if a, is := args.(*A); is {
				change(f, a)
			}
		})
	}
}

// after spoils memory after an operation.
func after[A any](spoil func(f *faulty, a A)) func(f *faulty) {
	return func(f *faulty) {
		f.spoils = append(f.spoils, func(args any) {
			if a, is := args.(*A); is {
				spoil(f, *a)
			}
		})
	}
}

// clear clears n elements of the span's buffer, from an element of the span on.
func (f *faulty) clear(s gpu.Span, from, n int) {
	if !s.IsNone() && s.Off+from >= 0 {
		_ = f.Device.Zero(s.Slice(from, n))
	}
}

// zero returns a cleared span like s.
func (f *faulty) zero(s gpu.Span) gpu.Span {
	if s.IsNone() {
		return s
	}
	b, err := f.Alloc(s.Buf.DType(), s.Len)
	if err != nil {
		return s // while recording
	}
	return gpu.All(b)
}

// call runs an operation whose arguments are right; mistakes are for the device to refuse.
func call[A interface{ Check() error }](f *faulty, a A, op func(A) error) error {
	if a.Check() == nil {
		for _, change := range f.changes {
			change(&a)
		}
	}
	err := op(a)
	if err == nil {
		for _, spoil := range f.spoils {
			spoil(&a)
		}
	}
	if f.silent && errors.Is(err, gpu.ErrShape) {
		return nil
	}
	return err
}

func (f *faulty) Gather(a gpu.GatherArgs) error     { return call(f, a, f.Device.Gather) }
func (f *faulty) Gemm(a gpu.GemmArgs) error         { return call(f, a, f.Device.Gemm) }
func (f *faulty) Dense(a gpu.DenseArgs) error       { return call(f, a, f.Device.Dense) }
func (f *faulty) Conv(a gpu.ConvArgs) error         { return call(f, a, f.Device.Conv) }
func (f *faulty) Loss(a gpu.LossArgs) error         { return call(f, a, f.Device.Loss) }
func (f *faulty) Feedback(a gpu.FeedbackArgs) error { return call(f, a, f.Device.Feedback) }
func (f *faulty) FeedbackGrad(a gpu.FeedbackGradArgs) error {
	return call(f, a, f.Device.FeedbackGrad)
}
func (f *faulty) DenseBackward(a gpu.DenseBackwardArgs) error {
	return call(f, a, f.Device.DenseBackward)
}
func (f *faulty) ConvBackward(a gpu.ConvBackwardArgs) error { return call(f, a, f.Device.ConvBackward) }
func (f *faulty) Pool(a gpu.PoolArgs) error                 { return call(f, a, f.Device.Pool) }
func (f *faulty) PoolBackward(a gpu.PoolBackwardArgs) error { return call(f, a, f.Device.PoolBackward) }
func (f *faulty) ConvGrad(a gpu.ConvGradArgs) error         { return call(f, a, f.Device.ConvGrad) }
func (f *faulty) Sign(a gpu.SignArgs) error                 { return call(f, a, f.Device.Sign) }
func (f *faulty) Optimize(a gpu.OptimizeArgs) error         { return call(f, a, f.Device.Optimize) }
func (f *faulty) Compare(a gpu.CompareArgs) error           { return call(f, a, f.Device.Compare) }
func (f *faulty) AllReduce(a gpu.AllReduceArgs) error       { return call(f, a, f.Device.AllReduce) }

func (f *faulty) Record(step func() error) (gpu.Program, error) {
	if f.runsStep {
		_ = step()
	}
	if f.losesErrors {
		return f.Device.Record(func() error { _ = step(); return nil })
	}
	return f.Device.Record(step)
}

func (f *faulty) Alloc(t gpu.DType, n int) (gpu.Buffer, error) {
	b, err := f.Device.Alloc(t, n)
	if err == nil && f.dirty && n > 0 {
		err = f.Device.Upload(b, 0, []byte{1})
	}
	return b, err
}

func (f *faulty) Close() error {
	if f.open {
		return nil
	}
	return f.Device.Close()
}

func (f *faulty) Info() gpu.Info {
	if f.nameless {
		return gpu.Info{}
	}
	return f.Device.Info()
}
