package devicetest

import (
	"cmp"
	"fmt"
	"slices"

	"mdfa/gpu"
)

// denseSetup is one fully-connected layer.
type denseSetup struct {
	act                  gpu.Activation
	batch, fanIn, fanOut int
	claim                string                  // about special values, or ""
	spoil                func(x, w, b []float32) // puts special values in, or nil
}

func (l denseSetup) name() string {
	return fmt.Sprintf("%v/%s", l.act, cmp.Or(l.claim, fmt.Sprintf("%dx%dx%d", l.batch, l.fanIn, l.fanOut)))
}

func denseCases() []opCase {
	setups := []denseSetup{{act: gpu.PL, batch: 512, fanIn: 2, fanOut: 601}}
	for _, f := range activations {
		for _, z := range [][3]int{
			{1, 1, 1}, {0, 3, 4}, {2, 0, 3}, {2, 3, 0}, {31, 32, 33}, {32, 33, 31}, {33, 31, 32}, {1, 1023, 5}, {5, 1025, 1},
			{1023, 3, 2}, {2, 3, 1025}, {7, 11, 13}, {1, 17, 1023}, {64, 200, 101}, {301, 70, 101}, {65, 251, 131},
		} {
			setups = append(setups, denseSetup{act: f, batch: z[0], fanIn: z[1], fanOut: z[2]})
		}
		setups = append(setups,
			denseSetup{f, 4, 5, 6, "NaNInXStaysInItsExample", func(x, _, _ []float32) { x[7] = nan }},
			denseSetup{f, 4, 5, 6, "NaNInWStaysInItsUnit", func(_, w, _ []float32) { w[7] = nan }},
			denseSetup{f, 4, 5, 6, "NaNInBStaysInItsUnit", func(_, _, b []float32) { b[5] = nan }},
			denseSetup{f, 4, 5, 6, "InfinityFollowsTheFormula", func(x, _, b []float32) { x[6], b[2] = inf, -inf }})
	}
	var cases []opCase
	for _, l := range setups {
		cases = append(cases, opCase{l.name(), l.batch * max(l.fanIn, 1) * l.fanOut, l.lay})
	}
	return cases
}

func (l denseSetup) lay(s *stage) func() error {
	r := seeded("dense" + l.name())
	x, w, b := uniform(r, l.batch*l.fanIn), uniform(r, l.fanIn*l.fanOut), uniform(r, l.fanOut)
	if l.spoil != nil {
		l.spoil(x, w, b)
	}
	args := gpu.DenseArgs{
		Out: forward(s, l.act, l.batch*l.fanOut, l.fanIn+1, sumScale(l.fanIn+1), func() []float64 {
			return dense(wide(x), wide(w), wide(b), l.batch, l.fanIn, l.fanOut)
		}),
		X: in(s, "X", x).Mat(l.batch, l.fanIn),
		W: in(s, "W", w).Mat(l.fanIn, l.fanOut),
		B: in(s, "B", b),
	}
	return func() error { return s.d.Dense(args) }
}

// denseBackwardSetup carries an error from fanOut units back to fanIn units, which
// are the channels of the layer below at one or more positions.
type denseBackwardSetup struct {
	act                            gpu.Activation
	trans                          bool
	batch, fanIn, fanOut, channels int
	claim                          string                // about special values, or ""
	spoil                          func(dy, m []float32) // puts special values in, or nil
	pre                            []float32             // of the layer below; nil: random with kinks
}

func (b denseBackwardSetup) name() string {
	way := "FA"
	if b.trans {
		way = "BP"
	}
	return fmt.Sprintf("%v/%s/%s", b.act, way, cmp.Or(b.claim, fmt.Sprintf("%dx%dx%d-%dchannels", b.batch, b.fanIn, b.fanOut, b.channels)))
}

func denseBackwardCases() []opCase {
	setups := []denseBackwardSetup{{act: gpu.ReLU, trans: true, batch: 301, fanIn: 1001, fanOut: 1, channels: 1001}}
	k := kinks()
	for _, f := range activations {
		for _, trans := range []bool{true, false} {
			for _, z := range [][4]int{
				{1, 1, 1, 1}, {0, 6, 4, 3}, {3, 0, 4, 0}, {2, 6, 0, 3}, {31, 32, 33, 32}, {32, 33, 31, 11}, {33, 31, 32, 1}, {3, 1023, 1, 1023},
				{1, 1025, 5, 41}, {1023, 2, 3, 2}, {5, 14, 1025, 7}, {7, 13, 11, 13}, {9, 1536, 10, 96}, {64, 200, 10, 200}, {1025, 6, 1, 2}, {301, 70, 101, 70}, {65, 131, 251, 131},
			} {
				setups = append(setups, denseBackwardSetup{act: f, trans: trans, batch: z[0], fanIn: z[1], fanOut: z[2], channels: z[3]})
			}
			setups = append(setups,
				denseBackwardSetup{f, trans, 3, 6, 4, 3, "NaNInDYStaysInItsExample", func(dy, _ []float32) { dy[5] = nan }, nil},
				denseBackwardSetup{f, trans, 3, 6, 4, 3, "InfinityInMFollowsTheFormula", func(_, m []float32) { m[9] = -inf }, nil},
				denseBackwardSetup{f, trans, 2, len(k), 3, len(k), "SlopeAtTheKinks", nil, slices.Repeat(k, 2)},
				denseBackwardSetup{f, trans, 2, 5, 3, 5, "AllPreactivationsZero", nil, make([]float32, 10)})
		}
	}
	var cases []opCase
	for _, b := range setups {
		cases = append(cases, opCase{b.name(), b.batch * b.fanIn * max(b.fanOut, 1), b.lay})
	}
	return cases
}

func (b denseBackwardSetup) lay(s *stage) func() error {
	r := seeded("dense backward" + b.name())
	dy, m := uniform(r, b.batch*b.fanOut), uniform(r, b.fanOut*b.fanIn)
	if b.spoil != nil {
		b.spoil(dy, m)
	}
	if b.pre == nil {
		b.pre = preactivations(r, b.batch*b.fanIn)
	}
	hidden, slopes := below(s, "Below", b.act, b.pre)
	want := func() []float64 {
		return masked(product(wide(dy), wide(m), b.batch, b.fanOut, b.fanIn, false, b.trans), slopes)
	}
	args := gpu.DenseBackwardArgs{
		DX:       out(s, "DX", b.batch*b.fanIn, near(sumScale(b.fanOut), sumTolerance(b.fanOut), want)).Mat(b.batch, b.fanIn),
		DY:       in(s, "DY", dy).Mat(b.batch, b.fanOut),
		M:        mat(in(s, "M", m), b.fanOut, b.fanIn, b.trans),
		Trans:    b.trans,
		Below:    hidden,
		BiasGrad: biasGrad(s, "BiasGrad", b.channels, b.batch*b.fanIn, b.fanOut, want),
	}
	return func() error { return s.d.DenseBackward(args) }
}
