package vm

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRMSProp reports thread instructions a second of a fused optimizer
// step over 200,000 parameters, all checks on, on one worker.
func BenchmarkRMSProp(b *testing.B) {
	d := loadFile(b, "kernels.ptx")
	const n = 200_000
	w, ms, g := d.put("w", ramp(n)), d.put("ms", ones(n)), d.put("g", ramp(n))
	benchKernel(b, d, "rmsprop4", line(160), line(256), w, ms, g, float32(1e-4), float32(0), int32(n/4))
}

func ones(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 1
	}
	return v
}

func BenchmarkSaxpy(b *testing.B) {
	d := loadFile(b, "kernels.ptx")
	const n = 200_000
	benchKernel(b, d, "saxpy", line(160), line(256), float32(2), d.put("x", ramp(n)), d.put("y", ones(n)), int32(n))
}

func BenchmarkColumnSum(b *testing.B) {
	d := loadFile(b, "kernels.ptx")
	benchKernel(b, d, "columnSum", line(200), line(64), d.put("a", ramp(64*200)), d.alloc(4*200, "out"), int32(64), int32(200))
}

func BenchmarkGatherBytes(b *testing.B) {
	d := loadFile(b, "kernels.ptx")
	const pixels, batch = 784, 64
	order := make([]int32, batch)
	for i := range order {
		order[i] = int32(i * 7 % 100)
	}
	benchKernel(b, d, "gatherBytes", line(49), line(256), d.put("images", make([]byte, pixels*100)), d.put("order", order),
		d.alloc(4*pixels*batch, "x0"), int32(pixels), int32(batch))
}

// cpuTime is the processor time this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchKernel(b *testing.B, d *device, name string, grid, block Dim3, args ...any) {
	b.Helper()
	total := uint64(0)
	start := cpuTime(b)
	for b.Loop() {
		s, err := d.launch(name, grid, block, Launch{Workers: 1, Seed: 1}, args...)
		require.NoError(b, err)
		total += s.Instructions
	}
	// Processor time, so that a busy machine does not change the figure.
	b.ReportMetric(float64(total)/(cpuTime(b)-start).Seconds()/1e6, "Minstr/cpu-s")
}
