// Package devicetest is the conformance suite of package gpu, used like testing/fstest:
// a device's own test calls [Run] with a function that opens it.
//
//	func TestDevice(t *testing.T) {
//		devicetest.Run(t, func(*testing.T) gpu.Device { return cpu.Open() })
//	}
//
// Every operation is compared with a float64 definition written from the formulas in
// gpu/ops.go, in plain loops, over sizes at which devices go wrong. The arguments lie at odd
// and at aligned offsets between guard elements; the suite fails on a write outside a span, a
// changed input, a value that depends on a guard, a second call with other bits, or a
// recorded call that differs from the direct one. Mistakes of a caller must be refused with
// the right sentinel and change nothing.
package devicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// Option adapts the suite to a device.
type Option func(*suite)

const (
	// fullCost keeps the whole suite under some ten seconds on a CPU, and includes products
	// that the CPU device cuts in two.
	fullCost = 2_200_000
	// racedCost keeps it under some twenty seconds with -race, which makes the definitions
	// ten times slower, and tests interleavings rather than sizes.
	racedCost = 150_000
	// slowCost includes every edge case, and no case that takes an interpreter seconds.
	slowCost = 40_000
)

// Slow leaves out the large cases and repeats less: for a device that is some hundred
// times slower than a CPU.
func Slow() Option {
	return func(s *suite) { s.maxCost, s.repeats, s.threads = slowCost, 1, []int{1, 4} }
}

// Threads says which settings of GOMAXPROCS must give the same bits; the default is
// 1, 2 and 4 (with -race 1 and 4). With fewer than two settings nothing is compared.
func Threads(settings ...int) Option {
	return func(s *suite) { s.threads = settings }
}

// suite is one run of the checks.
type suite struct {
	maxCost int   // multiply-adds of the largest case
	repeats int   // calls of every case after the first
	threads []int // settings of GOMAXPROCS to compare
	open    func(*testing.T) gpu.Device
}

// Run checks everything that package gpu promises on the devices that open returns.
// The suite opens several, one after another and two at a time, and closes them itself.
func Run(t *testing.T, open func(t *testing.T) gpu.Device, opts ...Option) {
	t.Helper()
	s := &suite{maxCost: fullCost, repeats: 2, threads: []int{1, 2, 4}, open: open}
	if raceDetector {
		s.maxCost, s.threads = racedCost, []int{1, 4}
	}
	for _, o := range opts {
		o(s)
	}
	t.Run("Info", s.info)
	t.Run("Memory", s.memory)
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) { s.conformAll(t, op.cases()) })
	}
	t.Run("Split", s.split)
	t.Run("Threads", s.sameBitsOnAnyThreads)
	t.Run("Record", s.record)
	t.Run("Feed", s.feed)
	t.Run("Misuse", s.misuse)
	t.Run("Close", s.closed)
}

// operations lists the cases of each operation.
var operations = []struct {
	name  string
	cases func() []opCase
}{
	{"Gather", gatherCases},
	{"Gemm", gemmCases},
	{"Activation", activationCases},
	{"Dense", denseCases},
	{"Conv", convCases},
	{"Pool", poolCases},
	{"Loss", lossCases},
	{"Feedback", feedbackCases},
	{"FeedbackGrad", feedbackGradCases},
	{"DenseBackward", denseBackwardCases},
	{"ConvBackward", convBackwardCases},
	{"PoolBackward", poolBackwardCases},
	{"ConvGrad", convGradCases},
	{"Sign", signCases},
	{"Optimize", optimizeCases},
	{"Compare", compareCases},
	{"AllReduce", allReduceCases},
}

// device opens a device that is closed when t ends.
func (s *suite) device(t *testing.T) gpu.Device {
	t.Helper()
	d := s.open(t)
	require.NotNil(t, d, "the device under test")
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

// claims runs one subtest for each claim, in the order of their names, each on its own device.
func (s *suite) claims(t *testing.T, claims map[string]func(*testing.T, gpu.Device)) {
	for _, name := range sortedKeys(claims) {
		t.Run(name, func(t *testing.T) { claims[name](t, s.device(t)) })
	}
}

func (s *suite) info(t *testing.T) {
	i := s.device(t).Info()
	t.Run("NamesTheDevice", func(t *testing.T) {
		require.NotEmpty(t, i.Kind)
		require.NotEmpty(t, i.Name)
		require.Contains(t, i.String(), i.Name)
	})
	t.Run("MemoryIsPlausible", func(t *testing.T) {
		require.GreaterOrEqual(t, i.MemoryFree, int64(0))
		require.GreaterOrEqual(t, i.MemoryTotal, int64(0))
		if i.MemoryTotal > 0 {
			require.LessOrEqual(t, i.MemoryFree, i.MemoryTotal)
		}
	})
}
