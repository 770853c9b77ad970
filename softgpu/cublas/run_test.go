package cublas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sumError bounds the error of a sum of k float32 products of which the absolute values sum to 1: no more roundings
// than one partial sum and the sum of the partial sums have, of half a unit in the last place each, and two for alpha
// and beta.
func sumError(k int32) float64 {
	const halfUnit = 0x1p-24
	return halfUnit * float64(1+min(k, blockK)+k/blockK+2)
}

// operands are a product and its matrices, filled with random numbers; what lies between the columns is NaN.
type operands struct {
	Sgemm
	a, b, c []float32
}

func random(seed uint64, g Sgemm) *operands {
	r := rand.New(rand.NewPCG(seed, 1))
	fill := func(rows, cols, ld int32) []float32 {
		if rows == 0 || cols == 0 {
			return nil
		}
		s := make([]float32, Matrix{rows, cols, ld, true}.Len())
		for i := range s {
			s[i] = float32(math.NaN())
			if i%int(ld) < int(rows) {
				s[i] = float32(r.NormFloat64())
			}
		}
		return s
	}
	return &operands{g, fill(g.A().rows, g.A().cols, g.LDA), fill(g.B().rows, g.B().cols, g.LDB), fill(g.M, g.N, g.LDC)}
}

// want computes element i, j of the result in float64, and the sum of the absolute values of its terms.
func (o *operands) want(i, j int) (sum, size float64) {
	for p := range int(o.K) {
		if o.Alpha == 0 {
			break
		}
		x, y := i+p*int(o.LDA), p+j*int(o.LDB)
		if o.TransA != OpN {
			x = p + i*int(o.LDA)
		}
		if o.TransB != OpN {
			y = j + p*int(o.LDB)
		}
		term := float64(o.Alpha) * float64(o.a[x]) * float64(o.b[y])
		sum += term
		size += math.Abs(term)
	}
	if o.Beta != 0 {
		term := float64(o.Beta) * float64(o.c[i+j*int(o.LDC)])
		sum += term
		size += math.Abs(term)
	}
	return sum, size
}

// check runs the product and compares every element with its definition, and every gap with its value before.
func (o *operands) check(t *testing.T) {
	t.Helper()
	require.NoError(t, o.Check())
	got := append([]float32(nil), o.c...)
	o.Run(o.a, o.b, got)
	for at := range got {
		i, j := at%int(o.LDC), at/int(o.LDC)
		if i >= int(o.M) {
			if !math.IsNaN(float64(got[at])) {
				require.Failf(t, "overwritten", "gap %d of column %d", i, j)
			}
			continue
		}
		sum, size := o.want(i, j)
		// Not InDelta for each of them, which would take most of the test's time.
		if off := math.Abs(sum - float64(got[at])); !(off <= sumError(o.K)*size) {
			require.Failf(t, "wrong", "element %d, %d: got %v, want %v, off by %v", i, j, got[at], sum, off)
		}
	}
}

func TestProductsFollowTheDefinition(t *testing.T) {
	sizes := [][3]int32{
		{1, 1, 1}, {16, 4, 8}, {17, 5, 3}, {15, 3, 31}, {64, 128, 256}, {65, 129, 257}, {70, 33, 784}, {10, 64, 200},
		{1, 300, 7}, {300, 1, 7}, {31, 33, 0}, {3, 2, 1023},
	}
	scalars := [][2]float32{{1, 0}, {1, 1}, {-0.5, 0}, {2, -3}, {0, 0.5}, {0, 0}, {0, 1}, {1e-20, 1}}
	for i, size := range sizes {
		for transA := OpN; transA <= OpC; transA++ {
			for transB := OpN; transB <= OpC; transB++ {
				for gap := range int32(2) {
					g := Sgemm{TransA: transA, TransB: transB, M: size[0], N: size[1], K: size[2]}
					g.LDA, g.LDB, g.LDC = max(1, g.A().rows)+gap*3, max(1, g.B().rows)+gap, g.M+gap*5
					t.Run(fmt.Sprintf("%v %d%d gap %d", size, transA, transB, gap), func(t *testing.T) {
						pairs := scalars
						if g.M*g.N*g.K > 100_000 { // one pair takes long enough, and each has its turn
							turn := (i + int(3*transA+transB)) % len(scalars)
							pairs = scalars[turn : turn+1]
						}
						for _, s := range pairs {
							g.Alpha, g.Beta = s[0], s[1]
							random(uint64(i), g).check(t)
						}
					})
				}
			}
		}
	}
}

func TestBetaZeroDoesNotReadC(t *testing.T) {
	nan := float32(math.NaN())
	for name, g := range map[string]Sgemm{
		"product":  {M: 1, N: 2, K: 1, LDA: 1, LDB: 1, LDC: 1, Alpha: 1},
		"no terms": {M: 1, N: 2, K: 0, LDA: 1, LDB: 1, LDC: 1, Alpha: 1},
		"alpha 0":  {M: 1, N: 2, K: 1, LDA: 1, LDB: 1, LDC: 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := []float32{nan, nan}
			g.Run([]float32{3}, []float32{4, 5}, c)
			want := []float32{0, 0}
			if g.ReadsAB() {
				want = []float32{12, 15}
			}
			assert.Equal(t, want, c)
		})
	}
}

func TestAlphaZeroDoesNotReadAAndB(t *testing.T) {
	g := Sgemm{M: 1, N: 2, K: 1, LDA: 1, LDB: 1, LDC: 1, Beta: 2}
	c := []float32{1, 2}
	g.Run(nil, nil, c)
	assert.Equal(t, []float32{2, 4}, c)
}

func TestSpecialValuesReachTheResult(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	tests := map[string]struct {
		a, b  []float32 // [1, 2] and [2, 1]
		alpha float32
		want  float32
	}{
		"0 times infinity":              {[]float32{0, 1}, []float32{inf, 1}, 1, nan},
		"infinity times 0":              {[]float32{inf, 1}, []float32{0, 1}, 1, nan},
		"0 times NaN":                   {[]float32{0, 1}, []float32{nan, 1}, 1, nan},
		"infinity":                      {[]float32{1, 1}, []float32{inf, 1}, 1, inf},
		"infinity less infinity":        {[]float32{1, -1}, []float32{inf, inf}, 1, nan},
		"overflow":                      {[]float32{3e38, 3e38}, []float32{1, 1}, 1, inf},
		"alpha comes after the product": {[]float32{0x1p-100, 0}, []float32{0x1p100, 1}, 0x1p100, 0x1p100},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := Sgemm{M: 1, N: 1, K: 2, LDA: 1, LDB: 2, LDC: 1, Alpha: test.alpha}
			c := []float32{5}
			g.Run(test.a, test.b, c)
			if math.IsNaN(float64(test.want)) {
				assert.True(t, math.IsNaN(float64(c[0])), "%v", c[0])
				return
			}
			assert.Equal(t, test.want, c[0])
		})
	}
}

// An infinity in one row and column must not make NaN of its neighbours by way of the padding of panels.
func TestInfinityStaysInItsRow(t *testing.T) {
	g := Sgemm{M: 5, N: 3, K: 2, LDA: 5, LDB: 2, LDC: 5, Alpha: 1}
	o := random(1, g)
	o.a[4] = float32(math.Inf(1))
	o.Run(o.a, o.b, o.c)
	for i := range 5 {
		for j := range 3 {
			assert.Equal(t, i == 4, math.IsInf(float64(o.c[i+5*j]), 0), "element %d, %d", i, j)
		}
	}
}

func TestTF32ProductIsTheProductOfRoundedOperands(t *testing.T) {
	g := Sgemm{TransB: OpT, M: 33, N: 9, K: 300, LDA: 33, LDB: 9, LDC: 33, Alpha: 1, TF32: true}
	o := random(3, g)
	exact := append([]float32(nil), o.c...)
	o.Run(o.a, o.b, o.c)
	g.TF32 = false
	g.Run(o.a, o.b, exact)
	assert.NotEqual(t, exact, o.c)
	roundTF32(o.a)
	roundTF32(o.b)
	g.Run(o.a, o.b, exact)
	assert.Equal(t, exact, o.c)
}

func TestBitsDoNotDependOnGoroutinesOrAlignment(t *testing.T) {
	g := Sgemm{TransA: OpT, M: 150, N: 300, K: 600, LDA: 600, LDB: 600, LDC: 150, Alpha: 1}
	o := random(4, g)
	want := append([]float32(nil), o.c...)
	o.Run(o.a, o.b, want)
	for _, procs := range []int{1, 3, 8} {
		old := runtime.GOMAXPROCS(procs)
		for shift := range 4 {
			a := append(make([]float32, shift), o.a...)[shift:]
			b := append(make([]float32, shift), o.b...)[shift:]
			o.Run(a, b, o.c)
			assert.Equal(t, want, o.c, "%d processors, shifted by %d", procs, shift)
		}
		runtime.GOMAXPROCS(old)
	}
}

// TestPanelsAgreeBitByBit compares the plain loop with the one that runs, which without SIMD is itself.
func TestPanelsAgreeBitByBit(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for _, k := range []int{1, 2, 255, 256} {
		a, b := make([]float32, k*panelRows), make([]float32, k*panelCols)
		for i := range a {
			a[i] = float32(r.NormFloat64())
		}
		for i := range b {
			b[i] = float32(r.NormFloat64())
		}
		var plain, fast [panelRows * panelCols]float32
		for i := range plain {
			plain[i] = float32(i)
		}
		fast = plain
		addPanelPlain(&plain, a, b)
		addPanel(&fast, a, b)
		assert.Equal(t, plain, fast, "k = %d", k)
	}
}

func BenchmarkSgemm(b *testing.B) {
	for name, g := range map[string]Sgemm{
		"forward 200x64x784":     {TransA: OpN, M: 200, N: 64, K: 784, LDA: 200, LDB: 784, LDC: 200, Alpha: 1},
		"gradient 200x784x64":    {TransB: OpT, M: 200, N: 784, K: 64, LDA: 200, LDB: 784, LDC: 200, Alpha: 1},
		"patches 32x12544x288":   {M: 32, N: 12544, K: 288, LDA: 32, LDB: 288, LDC: 32, Alpha: 1},
		"convgrad 32x288x12544":  {TransB: OpT, M: 32, N: 288, K: 12544, LDA: 32, LDB: 288, LDC: 32, Alpha: 1, Beta: 1},
		"square 512 transposed":  {TransA: OpT, TransB: OpT, M: 512, N: 512, K: 512, LDA: 512, LDB: 512, LDC: 512, Alpha: 1},
		"rank-1 feedback 400x64": {M: 400, N: 64, K: 10, LDA: 400, LDB: 10, LDC: 400, Alpha: 1},
	} {
		b.Run(name, func(b *testing.B) {
			o := random(6, g)
			for b.Loop() {
				o.Run(o.a, o.b, o.c)
			}
			b.ReportMetric(float64(o.FLOPs())*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOPS")
		})
	}
}
