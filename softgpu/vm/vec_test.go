package vm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// ex2Bound is far below half a unit of single precision (6e-8): what is left is the
// one rounding.
const ex2Bound = 6.1e-8

func TestEx2IsRightToOneRounding(t *testing.T) {
	var a, d vec
	for x := -125.0; x < 127; x += 0.37 {
		in := float32(x)
		a[0] = bits32(in)
		vEx2F32(&d, &a)
		require.InEpsilon(t, math.Exp2(float64(in)), f32(d[0]), ex2Bound, "2^%g", in)
	}
}
