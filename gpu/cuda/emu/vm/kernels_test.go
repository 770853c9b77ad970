package vm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSaxpyMatchesGo(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	for _, n := range []int{1, 31, 32, 33, 1023, 4096} {
		x, y := ramp(n), ramp(n+7)[7:]
		px, py := d.put("x", x), d.put("y", y)
		s, err := d.launch("saxpy", line(3), line(128), Launch{Seed: uint64(n)}, float32(1.5), px, py, int32(n))
		require.NoError(t, err)
		got := d.floats(py, n)
		for i := range got {
			require.Equal(t, float32(math.FMA(1.5, float64(x[i]), float64(y[i]))), got[i], "n %d, element %d", n, i)
		}
		assert.EqualValues(t, 8*n, s.GlobalRead)
		assert.EqualValues(t, 4*n, s.GlobalWritten)
		assert.EqualValues(t, 2*n, s.FLOPs)
	}
}
