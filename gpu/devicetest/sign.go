package devicetest

import (
	"fmt"
	"math"

	"mdfa/gpu"
)

// signSetup is one call of Sign.
type signSetup struct {
	name   string
	n      int
	src, m []float32 // nil: uniform, zeros among them
	gen    gpu.Generator
	layer  int
	step   int32
}

func signCases() []opCase {
	const small, largest = math.SmallestNonzeroFloat32, math.MaxFloat32
	minusZero := float32(math.Copysign(0, -1))
	normal := gpu.Generator{Draw: gpu.DrawNormal, Seed: 0x0123456789abcdef, High: 0.4}
	kinds := []float32{0, minusZero, small, -small, largest, -largest, inf, -inf, nan, 1, -1}
	setups := []signSetup{
		{name: "Empty"},
		{name: "EmptyDrawn", gen: normal},
		{name: "SignsOfEveryKind", n: len(kinds), src: kinds},
		{name: "MagnitudesOfEveryKind", n: len(kinds), src: []float32{1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 0}, m: kinds},
		{name: "ZeroSilencesEveryMagnitude", n: len(kinds), src: make([]float32, len(kinds)), m: kinds},
		{name: "SignsOfEveryKindDrawn", n: len(kinds), src: kinds, gen: normal, step: 3},
		{name: "SignsOfEveryKindConstant", n: len(kinds), src: kinds, gen: gpu.Generator{Draw: gpu.DrawConstant, High: 0.3}},
		{name: "ConstantInAnyStep", n: 5, gen: gpu.Generator{Draw: gpu.DrawConstant, High: 0.3}, step: 7},
		{name: "NegativeStep", n: 9, gen: normal, step: -1, layer: 2},
		{name: "LargestStep", n: 9, gen: normal, step: math.MaxInt32, layer: 2},
	}
	for _, n := range []int{1, 3, 4, 31, 32, 33, 1023, 1025, 33_000, 70_001} {
		setups = append(setups, signSetup{name: fmt.Sprint(n), n: n})
		for _, gen := range []gpu.Generator{
			{Draw: gpu.DrawConstant, High: -0.75},
			{Draw: gpu.DrawSymmetric, High: 0.3},
			{Draw: gpu.DrawUniform, Low: 1e-6, High: 0.7},
			normal,
			{Draw: gpu.DrawAbsNormal, High: 1.1},
		} {
			gen.Seed = normal.Seed + uint64(n)
			for step := range int32(2) {
				name := fmt.Sprintf("%d, drawn, %v, step %d", n, gen.Draw, step)
				setups = append(setups, signSetup{name: name, n: n, gen: gen, layer: n % 5, step: step})
			}
		}
	}
	var cases []opCase
	for _, c := range setups {
		cases = append(cases, opCase{c.name, c.n, c.lay})
	}
	return cases
}

func (c signSetup) lay(s *stage) func() error {
	r := seeded("sign" + c.name)
	m, src := c.m, c.src
	if m == nil {
		m = uniform(r, c.n)
	}
	if src == nil {
		src = uniform(r, c.n)
		for i := range src {
			if r.IntN(8) == 0 {
				src[i] = 0
			}
		}
	}
	args := gpu.SignArgs{Src: in(s, "Src", src), Gen: c.gen, Layer: c.layer}
	if c.gen.Draw == gpu.DrawNone {
		args.M = in(s, "M", m)
	} else {
		c.gen.Fill(m, c.layer, int(c.step), 0)
		if c.gen.Draw != gpu.DrawConstant || c.step != 0 {
			args.Step = in(s, "Step", []int32{c.step})
		}
	}
	args.Dst = out(s, "Dst", c.n, exactly(func() []float64 {
		want := make([]float64, c.n)
		for i := range want {
			want[i] = signed(float64(m[i]), float64(src[i]))
		}
		return want
	}))
	return func() error { return s.d.Sign(args) }
}
