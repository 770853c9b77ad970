package cpu_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

// TestLargeFilterGradientIsTheDefinition has so many filters that the gradient is cut into
// columns; the conformance suite's are small, and cut along the batch.
func TestLargeFilterGradientIsTheDefinition(t *testing.T) {
	s := gpu.ConvShape{Batch: 8, InH: 6, InW: 6, InC: 96, Kernel: 5, Stride: 1, OutC: 256}
	d := cpu.Open()
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	numbers := func(n, step int) ([]float32, gpu.Span) {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(i*step%1009)/504 - 1
		}
		b, err := gpu.NewBuffer(d, values)
		require.NoError(t, err)
		return values, gpu.All(b)
	}
	x, images := numbers(s.InLen(), 7919)
	dy, errors := numbers(s.OutLen(), 104729)
	_, dw := numbers(s.Patch()*s.OutC, 3)
	require.NoError(t, d.ConvGrad(gpu.ConvGradArgs{Shape: s, DW: dw, X: images, DY: errors}))
	got, err := gpu.Read[float32](d, dw)
	require.NoError(t, err)

	want := make([]float64, s.Patch()*s.OutC)
	for row := range s.Rows() {
		n, y, column := row/(s.OutH()*s.OutW()), row/s.OutW()%s.OutH(), row%s.OutW()
		for p := range s.Patch() {
			i, j, c := p/(s.Kernel*s.InC), p/s.InC%s.Kernel, p%s.InC
			pixel := float64(x[((n*s.InH+y+i)*s.InW+column+j)*s.InC+c])
			for o := range s.OutC {
				want[p*s.OutC+o] += pixel * float64(dy[row*s.OutC+o])
			}
		}
	}
	const roundings = 32 * 0x1p-24 // as many products of at most 1
	for i := range want {
		if math.Abs(want[i]-float64(got[i])) > roundings*float64(s.Rows()) {
			assert.Failf(t, "differs", "element %d is %g instead of %g", i, got[i], want[i])
			return
		}
	}
}
