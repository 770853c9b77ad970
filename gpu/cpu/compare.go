package cpu

import "mdfa/gpu"

// compareLength is how many elements one part of Compare sums up.
const compareLength = 16 << 10

// Compare sums up parts of fixed length, and adds the parts up in their order.
func (d *Device) Compare(a gpu.CompareArgs) error {
	return d.submit("compare", a.Check(), []gpu.Span{a.A.Span, a.B.Span, a.Out}, func() []phase {
		n := a.A.Len
		parts := (n + compareLength - 1) / compareLength
		partial := make([][gpu.NumCompared]float64, parts)
		x, y, out := floats(a.A.Span), floats(a.B.Span), doubles(a.Out)
		work := func(part, _ int) {
			from := part * compareLength
			to := min(from+compareLength, n)
			partial[part] = compare(a, x, y, from, to)
		}
		finish := func() {
			for _, sums := range partial {
				for k, v := range sums {
					out[k] += v
				}
			}
		}
		return []phase{{parts, work}, serial(finish)}
	})
}

// compare is the sums over elements [from, to) of A in its own order. The product of two
// float32 is exact in float64 and does not underflow, so its sign is that of the factors.
func compare(args gpu.CompareArgs, x, y []float32, from, to int) (sums [gpu.NumCompared]float64) {
	var dot, squareA, squareB float64
	var same, opposed, low, high int
	lowest, highest := args.Low, args.High
	row, col := 0, 0 // of the element, where they are needed
	if args.TransB {
		row, col = from/args.A.Cols, from%args.A.Cols
	}
	for i := from; i < to; i++ {
		at := i
		if args.TransB {
			at = col*args.A.Rows + row
			if col++; col == args.A.Cols {
				row, col = row+1, 0
			}
		}
		a, b := float64(x[i]), float64(y[at])
		product := a * b
		dot += product
		squareA += a * a
		squareB += b * b
		same += one(product > 0)
		opposed += one(product < 0)
		low += one(x[i] <= lowest)
		high += one(x[i] >= highest)
	}
	sums[gpu.CompareDot], sums[gpu.CompareSquareA], sums[gpu.CompareSquareB] = dot, squareA, squareB
	sums[gpu.CompareSame], sums[gpu.CompareOpposed] = float64(same), float64(opposed)
	sums[gpu.CompareLow], sums[gpu.CompareHigh] = float64(low), float64(high)
	return sums
}

// one is 1 for true. The compiler makes no branch of it, which random signs would mislead.
func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
