package devicetest

import (
	"math"

	"mdfa/gpu"
)

func (d *naive) Compare(a gpu.CompareArgs) error {
	return d.submit("compare", a.Check(), []gpu.Span{a.A.Span, a.B.Span, a.Out}, func() { d.compare(a) })
}

func (d *naive) compare(args gpu.CompareArgs) {
	if d.has("compare takes no transpose") {
		args.TransB = false
	}
	a, b := elements[float32](args.A.Span), elements[float32](args.B.Span)
	sums, out := compared(args, a, b), elements[float64](args.Out)
	switch {
	case d.has("compared sums are float32"):
		for k := range sums {
			sums[k] = float64(float32(sums[k]))
		}
	case d.has("compare takes zero for a sign"):
		for i := range a {
			if a[i] == 0 && b[i] == 0 {
				sums[gpu.CompareSame]++
			}
		}
	case d.has("compare's bounds are open"):
		for _, v := range a {
			if v == args.Low {
				sums[gpu.CompareLow]--
			}
		}
	case d.has("a bound that is NaN counts all"):
		if args.High != args.High {
			sums[gpu.CompareHigh] = float64(len(a))
		}
	case d.has("compare looks at subnormals as zero"):
		for i := range a {
			if math.Abs(float64(a[i])) < 0x1p-126 && a[i] < 0 && b[i] < 0 {
				sums[gpu.CompareSame]--
			}
		}
	}
	for k, v := range sums {
		if d.has("compare overwrites") {
			out[k] = 0
		}
		out[k] += v
	}
}
