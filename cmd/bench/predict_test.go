package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
)

func TestBoundIsTheLargestOfThreeTimes(t *testing.T) {
	on := card{name: "x", bytesPerSecond: 1e9, cacheBytes: 1000, flops: 1e9, tf32FLOPS: 8e9}
	sgemm := func(launches int, read, written, flops int64) gpu.KernelProfile {
		return gpu.KernelProfile{Kernel: "sgemm", Launches: launches, FloorRead: read, FloorWritten: written, FLOPs: flops}
	}
	for name, c := range map[string]struct {
		kernels []gpu.KernelProfile
		tf32    bool
		seconds float64
		limit   string
	}{
		"arithmetic":         {[]gpu.KernelProfile{sgemm(1, 10, 10, 8e6)}, false, 8e-3, byArithmetic},
		"TF32 products":      {[]gpu.KernelProfile{sgemm(1, 10, 10, 8e6)}, true, 1e-3, byArithmetic},
		"TF32 beside others": {[]gpu.KernelProfile{sgemm(1, 10, 10, 8e6), {Kernel: "tanh", Launches: 1, FLOPs: 3e6}}, true, 3e-3, byArithmetic},
		"memory":             {[]gpu.KernelProfile{sgemm(1, 6000, 3000, 10)}, false, 7e-6, byMemory},
		"all in the cache":   {[]gpu.KernelProfile{sgemm(5, 5000, 4000, 10)}, false, 2e-6, byLaunches},
		"launches":           {[]gpu.KernelProfile{sgemm(9, 10, 10, 10)}, false, 3e-6, byLaunches},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBound(gpu.Profile{Kernels: c.kernels}, on, c.tf32)
			assert.InEpsilon(t, c.seconds, b.Seconds, 1e-9)
			assert.Equal(t, c.limit, b.Limit)
			assert.Equal(t, max(b.ArithmeticSeconds, b.MemorySeconds, b.LaunchSeconds), b.Seconds)
		})
	}
}

func TestTF32GainsNothingOnTuring(t *testing.T) {
	p := gpu.Profile{Kernels: []gpu.KernelProfile{{Kernel: "sgemm", Launches: 1, FLOPs: 1e12}}}
	t4 := cards[len(cards)-1]
	assert.Equal(t, newBound(p, t4, false).Seconds, newBound(p, t4, true).Seconds)
}
