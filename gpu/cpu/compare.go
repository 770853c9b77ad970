package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/vec"
)

const (
	compareLength = 16 << 10 // elements of one part of Compare
	columnLength  = 256      // elements of a column that are copied together
)

// Compare takes the sums of parts of fixed length, and adds them in the parts' order.
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

// compare returns the sums over elements [from, to) of A in the order of A.
func compare(args gpu.CompareArgs, x, y []float32, from, to int) (sums [gpu.NumCompared]float64) {
	total := vec.Comparison{}
	if !args.TransB {
		total.Add(x[from:to], y[from:to], args.Low, args.High)
	} else {
		// B is [cols, rows]: the elements that belong to a row of A lie in one column of B.
		var column [columnLength]float32
		for i := from; i < to; {
			row, col := i/args.A.Cols, i%args.A.Cols
			n := min(columnLength, args.A.Cols-col, to-i)
			for k := range n {
				column[k] = y[(col+k)*args.A.Rows+row]
			}
			total.Add(x[i:i+n], column[:n], args.Low, args.High)
			i += n
		}
	}
	sums[gpu.CompareDot], sums[gpu.CompareSquareA], sums[gpu.CompareSquareB] = total.Dot, total.SquareA, total.SquareB
	sums[gpu.CompareSame], sums[gpu.CompareOpposed] = float64(total.Same), float64(total.Opposed)
	sums[gpu.CompareLow], sums[gpu.CompareHigh] = float64(total.Low), float64(total.High)
	return sums
}
