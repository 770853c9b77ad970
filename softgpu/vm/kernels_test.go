package vm

import (
	"math"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seeds are the warp and block orders that every kernel below runs under;
// 0 is the natural order.
var seeds = []uint64{0, 1, 2, 77}

func TestSaxpyMatchesGo(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	for _, n := range []int{1, 31, 32, 33, 1023, 4096} {
		x, y := ramp(n), ramp(n + 7)[7:]
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

func TestVectorisedOptimizerMatchesFloat64(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	const n = 4 * 321
	const lr, l2 = float32(0.01), float32(0.1)
	w, g := ramp(n), ramp(n + 3)[3:]
	pw, pm, pg := d.put("w", w), d.put("ms", ones(n)), d.put("g", g)
	_, err := d.launch("rmsprop4", line(2), line(96), Launch{Seed: 3}, pw, pm, pg, lr, l2, int32(n/4))
	require.NoError(t, err)
	got, ms := d.floats(pw, n), d.floats(pm, n)
	for i := range n {
		grad := float64(g[i]) + float64(l2)*float64(w[i])
		m := 0.9 + 0.1*grad*grad
		assert.InEpsilon(t, m, ms[i], 1e-6)
		assert.InDelta(t, float64(w[i])-float64(lr)*grad/math.Sqrt(m+1e-10), got[i], 1e-6)
	}
}

func TestLibraryFunctionsMatchFloat64(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	const n = 333
	x := ramp(n)
	x[0], x[1], x[2] = 0, 1e-6, -1e-6
	out := d.alloc(4*10*n, "out")
	_, err := d.launch("functions", line(3), line(128), Launch{Seed: 5}, d.put("x", x), out, int32(n))
	require.NoError(t, err)
	got := d.floats(out, 10*n)
	functions := []func(v float64) float64{
		math.Tanh, math.Exp,
		func(v float64) float64 { return math.Log(math.Abs(v) + 1e-3) },
		func(v float64) float64 { return math.Sqrt(math.Abs(v)) },
		func(v float64) float64 { return 1 / (1 + math.Exp(-v)) },
		math.Sin,
		func(v float64) float64 { return math.Pow(math.Abs(v), 1.7) },
		func(v float64) float64 { return v/3 + 1/math.Sqrt(math.Abs(v)+1) },
		func(v float64) float64 {
			return math.Max(v, 0) + math.Min(v, 1) + math.Floor(v) + math.RoundToEven(v) + math.Trunc(v)
		},
		func(v float64) float64 { return math.Log1p(math.Abs(v)) + math.Cos(v) + math.Exp2(v) },
	}
	// A few units in the last place of float32: what CUDA documents for its library.
	const tolerance = 1e-6
	for f, want := range functions {
		for i, v := range x {
			y := want(float64(v))
			assert.InDelta(t, y, got[f*n+i], tolerance*math.Max(1, math.Abs(y)), "function %d of %g", f, v)
		}
	}
}

func TestSharedMemoryReductionRunsCleanUnderEverySeed(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	const rows, cols = 200, 37
	a := ramp(rows * cols)
	var first []float32
	for _, seed := range seeds {
		out := d.alloc(4*cols, "out")
		_, err := d.launch("columnSum", line(cols), line(256), Launch{Seed: seed}, d.put("a", a), out, int32(rows), int32(cols))
		require.NoError(t, err)
		got := d.floats(out, cols)
		if first == nil {
			first = got
			for c := range cols {
				sum := 0.0
				for r := range rows {
					sum += float64(a[r*cols+c])
				}
				assert.InDelta(t, sum, got[c], 1e-4)
			}
		}
		assert.Equal(t, first, got, "seed %d", seed)
	}
}

func TestTransposeThroughDynamicSharedMemory(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	const rows, cols = 45, 70
	a := ramp(rows * cols)
	for _, seed := range seeds {
		out := d.alloc(4*rows*cols, "out")
		_, err := d.launch("transpose", Dim3{3, 2, 1}, Dim3{32, 8, 1}, Launch{Seed: seed, SharedBytes: 4 * 32 * 33},
			d.put("a", a), out, int32(rows), int32(cols))
		require.NoError(t, err)
		got := d.floats(out, rows*cols)
		for r := range rows {
			for c := range cols {
				require.Equal(t, a[r*cols+c], got[c*rows+r])
			}
		}
	}
}

func TestBytesAreGatheredAndDividedByVariables(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	const pixels, batch = 49, 5
	images := make([]byte, pixels*9)
	for i := range images {
		images[i] = byte(i * 31)
	}
	order := []int32{8, 0, 3, 3, 5}
	out := d.alloc(4*pixels*batch, "x0")
	_, err := d.launch("gatherBytes", line(2), line(64), Launch{Seed: 9}, d.put("images", images), d.put("order", order), out, int32(pixels), int32(batch))
	require.NoError(t, err)
	got := d.floats(out, pixels*batch)
	for i := range got {
		want := float32(images[int(order[i/pixels])*pixels+i%pixels]) * float32(1.0/255)
		assert.Equal(t, want, got[i])
	}
}

func TestAtomicsCount(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	const n = 1000
	v := make([]int32, n)
	want, sum := make([]int32, 16), 0
	for i := range v {
		v[i] = int32(i * i % 100)
		want[v[i]&15]++
		sum += int(v[i])
	}
	for _, seed := range seeds {
		bins, total := d.put("bins", make([]int32, 16)), d.put("sum", []float32{0})
		_, err := d.launch("histogram", line(8), line(128), Launch{Seed: seed}, d.put("v", v), bins, total, int32(n))
		require.NoError(t, err)
		got := make([]int32, 16)
		d.get(bins, got)
		assert.Equal(t, want, got)
		assert.Equal(t, float32(sum), d.floats(total, 1)[0])
	}
}

// mixedWant is the result of the kernel mixed for element i.
func mixedWant(i, which, divisor int) float64 {
	table := []float64{1, -2, 0.5, 3}
	var c [8]float64
	for j := range 8 {
		c[(j*3+i)&7] = float64(j) + table[j&3]
	}
	switch (i + which) % 6 {
	case 0:
		s := 0.0
		for _, v := range c {
			s = s*0.5 + v
		}
		return s
	case 1:
		return float64(i/divisor + i%divisor)
	case 2:
		return c[i&7] * 2
	case 3:
		ffs := 0
		if i != 0 {
			ffs = bits.TrailingZeros32(uint32(i)) + 1
		}
		return float64(bits.OnesCount32(uint32(i))+bits.LeadingZeros32(uint32(i))+ffs) + float64(bits.Reverse32(uint32(i)))*1e-9
	case 4:
		return float64(i * 1000003 % 97)
	}
	return 7
}

func TestLocalArraysSwitchesAndCallsDiverge(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	const n = 200
	for _, seed := range seeds {
		out := d.alloc(4*n, "out")
		_, err := d.launch("mixed", line(4), line(64), Launch{Seed: seed}, out, int32(2), int32(7), int32(n))
		require.NoError(t, err)
		for i, got := range d.floats(out, n) {
			assert.InDelta(t, mixedWant(i, 2, 7), got, 1e-4, "element %d", i)
		}
	}
}

func TestStructParametersAreIndexed(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	out := d.alloc(4*20, "out")
	layers := struct {
		First [8]int32
		Scale float32
	}{[8]int32{3, 1, 4, 1, 5, 9, 2, 6}, 0.5}
	_, err := d.launch("structParam", line(1), line(32), Launch{}, out, layers, int32(20))
	require.NoError(t, err)
	for i, got := range d.floats(out, 20) {
		assert.Equal(t, float32(layers.First[i&7])*0.5, got)
	}
}

func TestVotesAndShuffles(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	v := make([]int32, 32)
	for i := range v {
		v[i] = int32(i*7%11 - 3)
	}
	out := d.alloc(4*32, "out")
	_, err := d.launch("votes", line(1), line(32), Launch{}, d.put("v", v), out)
	require.NoError(t, err)
	got := make([]uint32, 32)
	d.get(out, got)
	var ballot, anyFive uint32
	all := uint32(1)
	for i, x := range v {
		ballot |= bit(x > 0) << i
		anyFive |= bit(x == 5)
		all &= bit(x >= 0)
	}
	for i, x := range v {
		var peers uint32
		for j, y := range v {
			peers |= bit(x&3 == y&3) << j
		}
		up := x
		if i > 0 {
			up = v[i-1]
		}
		want := ballot ^ (peers + anyFive*2 + all*4 + uint32(up)*8 + uint32(v[i^4])*16 + uint32(v[3])*32)
		if i&1 == 1 {
			want += 0xaaaaaaaa
		}
		assert.Equal(t, want, got[i], "lane %d", i)
	}
}

func TestModuleVariablesAreFound(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	addr, size, ok := d.mod.Global("table")
	require.True(t, ok)
	assert.EqualValues(t, 16, size)
	assert.Equal(t, []float32{1, -2, 0.5, 3}, d.floats(addr, 4))
	_, _, ok = d.mod.Global("absent")
	assert.False(t, ok)
	used := d.mem.Used()
	d.mod.Unload()
	assert.Less(t, d.mem.Used(), used)
}

func TestKernelsReportTheirNeeds(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	k := d.mod.Kernel("structParam")
	require.NotNil(t, k)
	assert.Equal(t, 48, k.ParamSize())
	p := k.Params()
	require.Len(t, p, 3)
	assert.Equal(t, []int{0, 8, 44}, []int{p[0].Offset, p[1].Offset, p[2].Offset})
	assert.Equal(t, 36, p[1].Size)
	assert.Equal(t, 1024, d.mod.Kernel("columnSum").StaticShared())
	assert.NotZero(t, d.mod.Kernel("mixed").LocalBytes())
	assert.Contains(t, d.mod.Kernels(), "votes")
	assert.Nil(t, d.mod.Kernel("absent"))
}
