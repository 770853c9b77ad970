package devicetest

import (
	"fmt"
	"strings"

	"mdfa/gpu"
)

// gemmSetup is one matrix product: op(A) is m×k, op(B) is k×n.
type gemmSetup struct {
	m, k, n        int
	transA, transB bool
	claim          string               // about special values, or ""
	spoil          func(a, b []float32) // puts special values in, or nil
}

func (g gemmSetup) name() string {
	a, b := "A", "B"
	if g.transA {
		a = "At"
	}
	if g.transB {
		b = "Bt"
	}
	return strings.TrimSuffix(fmt.Sprintf("%s.%s/%dx%dx%d/%s", a, b, g.m, g.k, g.n, g.claim), "/")
}

func gemmCases() []opCase {
	setups := []gemmSetup{
		{claim: "NaNInAStaysInItsRow", spoil: func(a, _ []float32) { a[7] = nan }},
		{claim: "NaNInBStaysInItsColumn", spoil: func(_, b []float32) { b[7] = nan }},
		{claim: "InfinityKeepsItsSign", spoil: func(a, _ []float32) { a[3] = -inf }},
		{claim: "OppositeInfinitiesGiveNaN", spoil: func(a, b []float32) { a[0], a[1], b[0], b[1], b[5], b[6] = inf, -inf, 1, 1, 1, 1 }},
		{claim: "HugeTimesTiny", spoil: func(a, b []float32) { scale(a, 0x1p100); scale(b, 0x1p-110) }},
	}
	for i := range setups {
		setups[i].m, setups[i].k, setups[i].n = 4, 5, 6
	}
	for _, z := range [][3]int{
		{1, 1, 1}, {0, 5, 3}, {5, 3, 0}, {3, 0, 5}, {0, 0, 0}, {1, 31, 32}, {31, 33, 32}, {32, 32, 32}, {33, 1, 31},
		{17, 13, 11}, {1, 1023, 33}, {33, 1023, 1}, {1, 1025, 31}, {1023, 2, 7}, {7, 3, 1025}, {64, 1, 200}, {64, 10, 1},
		{127, 64, 129}, {64, 784, 67}, {513, 3, 601},
		{129, 130, 127}, {65, 251, 131}, // products that a CPU cuts in two, by rows and by columns
	} {
		for _, trans := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
			setups = append(setups, gemmSetup{m: z[0], k: z[1], n: z[2], transA: trans[0], transB: trans[1]})
		}
	}
	var cases []opCase
	for _, g := range setups {
		cases = append(cases, opCase{g.name(), g.m * g.k * g.n, g.lay})
	}
	return cases
}

func (g gemmSetup) lay(s *stage) func() error {
	r := seeded(g.name())
	a, b := uniform(r, g.m*g.k), uniform(r, g.k*g.n)
	scale := sumScale(g.k)
	if g.spoil != nil {
		g.spoil(a, b)
		scale = 0
	}
	want := func() []float64 { return product(wide(a), wide(b), g.m, g.k, g.n, g.transA, g.transB) }
	args := gpu.GemmArgs{
		C:      out(s, "C", g.m*g.n, near(scale, sumTolerance(g.k), want)).Mat(g.m, g.n),
		A:      mat(in(s, "A", a), g.m, g.k, g.transA),
		B:      mat(in(s, "B", b), g.k, g.n, g.transB),
		TransA: g.transA, TransB: g.transB,
	}
	return func() error { return s.d.Gemm(args) }
}

// mat reads a span as a matrix [rows, cols], or as its transpose.
func mat(s gpu.Span, rows, cols int, transposed bool) gpu.Mat {
	if transposed {
		return s.Mat(cols, rows)
	}
	return s.Mat(rows, cols)
}
