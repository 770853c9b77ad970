// Package devicetest is the conformance suite of package gpu, used the way
// testing/fstest is: a device's own test calls [Run] with a function that opens it.
//
//	func TestDevice(t *testing.T) {
//		devicetest.Run(t, func(t *testing.T) gpu.Device { return cpu.New() })
//	}
//
// Every operation is compared with a float64 definition written from the formulas in
// gpu/ops.go, in plain loops, over sizes that bite. The arguments lie at odd and at
// aligned offsets between guard elements; the suite fails on a write outside a span, a
// changed input, a value that depends on a guard, a second call with other bits, or a
// recorded call that differs from the direct one. What must be refused is refused with
// the right sentinel and changes nothing.
package devicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// Option adapts the suite to a device.
type Option func(*config)

type config struct {
	maxCost int   // multiply-adds of the largest case
	repeats int   // calls of every case after the first
	threads []int // settings of GOMAXPROCS to compare
}

const (
	// fullCost keeps the whole suite under some ten seconds on a CPU, and lets products in that
	// the CPU device cuts in two.
	fullCost = 2_200_000
	// racedCost keeps it under some twenty with -race, which makes the definitions
	// ten times slower and looks at interleavings, not at sizes.
	racedCost = 150_000
	// slowCost leaves every edge case in, and no case that an interpreter needs seconds for.
	slowCost = 40_000
)

// Slow leaves out the large cases and repeats less: for a device that is some hundred
// times slower than a CPU.
func Slow() Option {
	return func(c *config) { c.maxCost, c.repeats, c.threads = slowCost, 1, []int{1, 4} }
}

// Threads says which settings of GOMAXPROCS must give the same bits; the default is
// 1, 2 and 4 (with -race 1 and 4). With fewer than two settings nothing is compared.
func Threads(settings ...int) Option {
	return func(c *config) { c.threads = settings }
}

// Run checks everything that package gpu promises on the devices that open returns.
// The suite opens several, one after another and two at a time, and closes them itself.
func Run(t *testing.T, open func(t *testing.T) gpu.Device, opts ...Option) {
	t.Helper()
	s := newSuite(func(t testingT) gpu.Device { return open(t.(realT).T) }, opts...)
	for _, r := range rooms {
		t.Run(r.name, func(t *testing.T) { r.check(s, realT{t}) })
	}
}

// suite is one run of the checks.
type suite struct {
	config
	open func(testingT) gpu.Device
}

func newSuite(open func(testingT) gpu.Device, opts ...Option) *suite {
	s := &suite{open: open, config: config{maxCost: fullCost, repeats: 2, threads: []int{1, 2, 4}}}
	if raceDetector {
		s.maxCost, s.threads = racedCost, []int{1, 4}
	}
	for _, o := range opts {
		o(&s.config)
	}
	return s
}

// device opens a device that is closed when t ends.
func (s *suite) device(t testingT) gpu.Device {
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

// rooms are the parts of the suite; each subtest below them is named by its claim.
var rooms = []struct {
	name  string
	check func(*suite, testingT)
}{
	{"Info", (*suite).info},
	{"Memory", (*suite).memory},
	{"Gather", conforms(gatherCases)},
	{"Gemm", conforms(gemmCases)},
	{"Activation", conforms(activationCases)},
	{"Dense", conforms(denseCases)},
	{"Conv", conforms(convCases)},
	{"Loss", conforms(lossCases)},
	{"Feedback", conforms(feedbackCases)},
	{"DenseBackward", conforms(denseBackwardCases)},
	{"ConvBackward", conforms(convBackwardCases)},
	{"ConvGrad", conforms(convGradCases)},
	{"Optimize", conforms(optimizeCases)},
	{"Compare", conforms(compareCases)},
	{"Split", (*suite).split},
	{"Threads", (*suite).sameBitsOnAnyThreads},
	{"Record", (*suite).record},
	{"Feed", (*suite).feed},
	{"Misuse", (*suite).misuse},
	{"Close", (*suite).closed},
}

// allCases is every case of every operation, for the checks that go over all of them.
func allCases() []opCase {
	var all []opCase
	for _, list := range []func() []opCase{
		gatherCases, gemmCases, activationCases, denseCases, convCases, lossCases, feedbackCases,
		denseBackwardCases, convBackwardCases, convGradCases, optimizeCases, compareCases,
	} {
		all = append(all, list()...)
	}
	return all
}

func (s *suite) info(t testingT) {
	d := s.device(t)
	i := d.Info()
	t.Run("NamesTheDevice", func(t testingT) {
		require.NotEmpty(t, i.Kind)
		require.NotEmpty(t, i.Name)
		require.Contains(t, i.String(), i.Name)
	})
	t.Run("MemoryIsPlausible", func(t testingT) {
		require.GreaterOrEqual(t, i.MemoryFree, int64(0))
		require.GreaterOrEqual(t, i.MemoryTotal, int64(0))
		if i.MemoryTotal > 0 {
			require.LessOrEqual(t, i.MemoryFree, i.MemoryTotal)
		}
	})
}
