package devicetest

import (
	"math/rand/v2"
	"strings"

	"mdfa/gpu"
)

// convShapes are the geometries at which devices go wrong.
func convShapes() map[string]gpu.ConvShape {
	shape := func(batch, h, w, c, kernel, stride, filters int) gpu.ConvShape {
		return gpu.ConvShape{Batch: batch, InH: h, InW: w, InC: c, Kernel: kernel, Stride: stride, OutC: filters}
	}
	padded := func(pad int, s gpu.ConvShape) gpu.ConvShape {
		s.Pad = pad
		return s
	}
	return map[string]gpu.ConvShape{
		"OneOfEach":               shape(1, 1, 1, 1, 1, 1, 1),
		"EmptyBatch":              shape(0, 5, 6, 2, 3, 1, 4),
		"KernelIsTheImage":        shape(3, 5, 5, 2, 5, 1, 7),
		"KernelIsAsHighAsImage":   shape(2, 3, 7, 2, 3, 2, 5),
		"OneByOneKernel":          shape(2, 5, 4, 3, 1, 1, 5),
		"StrideIsTheKernel":       shape(2, 6, 9, 2, 3, 3, 4),
		"StripsOfTheImage":        shape(3, 9, 3, 2, 3, 3, 5),
		"StripsThatOverlap":       shape(2, 8, 4, 3, 4, 2, 5),
		"StripsWithARest":         shape(2, 7, 3, 2, 3, 3, 5),
		"StridePastTheKernel":     shape(2, 9, 11, 2, 2, 3, 3),
		"OneByOneFarApart":        shape(2, 7, 8, 3, 1, 3, 4),
		"StridePastTheImage":      shape(2, 4, 5, 2, 3, 9, 3),
		"StrideDoesNotDivide":     shape(2, 8, 10, 3, 3, 2, 4),
		"EvenKernel":              shape(2, 7, 6, 2, 4, 2, 3),
		"LargeKernel":             shape(1, 21, 17, 3, 9, 4, 5),
		"WideImage":               shape(2, 3, 33, 2, 2, 1, 3),
		"HighImage":               shape(2, 33, 3, 2, 2, 1, 3),
		"OneChannelOneFilter":     shape(3, 7, 7, 1, 3, 2, 1),
		"PrimeChannels":           shape(2, 5, 7, 13, 3, 2, 17),
		"ManyFilters":             shape(1, 4, 4, 2, 3, 1, 1025),
		"ManyChannels":            shape(1, 4, 4, 1023, 3, 1, 3),
		"ChannelsInFours":         shape(2, 7, 9, 4, 3, 2, 3),
		"ChannelsInFoursFarApart": shape(2, 9, 7, 8, 2, 3, 4),
		// In vectors of four they are more than the 256 threads of a GPU's block.
		"MoreChannelsThanABlock": shape(1, 3, 2, 1028, 2, 1, 1),
		"LargeBatch":             shape(1023, 3, 3, 1, 2, 1, 2),
		"BatchOf33":              shape(33, 6, 5, 3, 3, 2, 4),
		"FirstLayerOnMNIST":      shape(5, 28, 28, 1, 5, 2, 96),
		"SecondLayerOnMNIST":     shape(1, 12, 12, 96, 3, 2, 96),
		"WorthTwoThreads":        shape(2, 12, 12, 48, 3, 2, 98),
		"FewFiltersOnManyPixels": shape(3, 110, 100, 3, 2, 1, 2),

		"Padded":                     padded(1, shape(2, 5, 6, 3, 3, 1, 4)),
		"PaddedEmptyBatch":           padded(1, shape(0, 5, 6, 2, 3, 1, 4)),
		"PaddedStrideTwo":            padded(2, shape(1, 7, 8, 3, 5, 2, 3)),
		"PaddedChannelsInFours":      padded(2, shape(2, 6, 5, 4, 5, 2, 3)),
		"PaddedAsFarAsTheKernel":     padded(3, shape(2, 3, 5, 2, 4, 1, 3)),
		"PaddedEvenKernel":           padded(1, shape(2, 7, 6, 8, 2, 1, 3)),
		"PaddedKernelIsTheImage":     padded(1, shape(3, 5, 5, 2, 5, 1, 7)),
		"PaddedKernelPastTheImage":   padded(2, shape(2, 1, 2, 4, 5, 1, 3)),
		"PaddedStridePastTheKernel":  padded(1, shape(2, 9, 11, 4, 2, 3, 3)),
		"PaddedStridePastTheImage":   padded(1, shape(2, 4, 5, 2, 3, 9, 3)),
		"PaddedStrideDoesNotDivide":  padded(1, shape(2, 8, 10, 3, 3, 2, 4)),
		"PaddedManyChannels":         padded(1, shape(1, 2, 3, 1023, 3, 1, 2)),
		"PaddedMoreThanABlock":       padded(1, shape(1, 2, 2, 1028, 2, 2, 1)),
		"PaddedWorthTwoThreads":      padded(1, shape(2, 10, 10, 48, 3, 2, 98)),
		"PaddedFirstLayerOnMNIST":    padded(2, shape(5, 28, 28, 1, 5, 1, 32)),
		"PaddedFirstLayerOfImageNet": padded(2, shape(1, 31, 31, 3, 11, 4, 16)),
	}
}

// eachConv makes one case of every shape, and one of each claim about special values.
func eachConv[S any](prefix string, lay func(s *stage, name string, shape gpu.ConvShape, spoil S) func() error, specials map[string]S) []opCase {
	var cases []opCase
	add := func(name string, shape gpu.ConvShape, spoil S) {
		name = prefix + name
		cases = append(cases, opCase{name, shape.Rows() * shape.Patch() * shape.OutC, func(s *stage) func() error {
			return lay(s, name, shape, spoil)
		}})
	}
	var nothing S
	for _, name := range sortedKeys(convShapes()) {
		add(name, convShapes()[name], nothing)
	}
	for _, name := range sortedKeys(specials) {
		add(name, spoiled, specials[name])
		if strings.Contains(name, "ReachesIts") {
			add("Padded"+name, spoiledPadded, specials[name])
		}
	}
	return cases
}

// spoiled is the small convolution into which special values are put.
var spoiled = gpu.ConvShape{Batch: 2, InH: 6, InW: 5, InC: 2, Kernel: 2, Stride: 2, OutC: 3}

// spoiledPadded is the same with padding, whose zeros no NaN of the image may reach.
var spoiledPadded = gpu.ConvShape{Batch: 2, InH: 4, InW: 3, InC: 2, Kernel: 2, Stride: 2, Pad: 1, OutC: 3}

func convCases() []opCase {
	var cases []opCase
	for _, f := range activations {
		cases = append(cases, eachConv(f.String()+"/", func(s *stage, name string, shape gpu.ConvShape, spoil func(x, w, b []float32)) func() error {
			return layConv(s, name, f, shape, spoil)
		}, map[string]func(x, w, b []float32){
			"NaNInXReachesItsWindowsOnly":    func(x, _, _ []float32) { x[10] = nan },
			"NaNInAnUncoveredPixelIsNotSeen": func(x, _, _ []float32) { x[2*(5-1)] = nan },
			"NaNInWStaysInItsFilter":         func(_, w, _ []float32) { w[4] = nan },
			"NaNInBStaysInItsFilter":         func(_, _, b []float32) { b[1] = nan },
			"InfinityFollowsTheFormula":      func(x, _, b []float32) { x[0], b[0] = inf, -inf },
		})...)
	}
	return cases
}

func layConv(s *stage, name string, f gpu.Activation, shape gpu.ConvShape, spoil func(x, w, b []float32)) func() error {
	r := seeded("conv" + name)
	x, w, b := uniform(r, shape.InLen()), uniform(r, shape.Patch()*shape.OutC), uniform(r, shape.OutC)
	if spoil != nil {
		spoil(x, w, b)
	}
	args := gpu.ConvArgs{
		Shape: shape,
		Out: forward(s, f, shape.OutLen(), shape.Patch()+1, sumScale(shape.Patch()+1), func() []float64 {
			return convolve(shape, wide(x), wide(w), wide(b))
		}),
		X: in(s, "X", x),
		W: in(s, "W", w),
		B: in(s, "B", b),
	}
	return func() error { return s.d.Conv(args) }
}

// fanBack returns the largest number of products that meet in one input pixel.
func fanBack(s gpu.ConvShape) int {
	windows := (s.Kernel + s.Stride - 1) / s.Stride
	return windows * windows * s.OutC
}

func convBackwardCases() []opCase {
	var cases []opCase
	for _, f := range activations {
		cases = append(cases, eachConv(f.String()+"/", func(s *stage, name string, shape gpu.ConvShape, spoil func(dy, pre []float32)) func() error {
			r := seeded("conv backward" + name)
			dy, pre := uniform(r, shape.OutLen()), preactivations(r, shape.InLen())
			if spoil != nil {
				spoil(dy, pre)
			}
			return layConvBackward(s, r, f, shape, dy, pre)
		}, map[string]func(dy, pre []float32){
			"AllPreactivationsZero":       func(_, pre []float32) { clear(pre) },
			"NaNInDYReachesItsWindowOnly": func(dy, _ []float32) { dy[7] = nan },
		})...)
	}
	return cases
}

func layConvBackward(s *stage, r *rand.Rand, f gpu.Activation, shape gpu.ConvShape, dy, pre []float32) func() error {
	w := uniform(r, shape.Patch()*shape.OutC)
	hidden, slopes := below(s, "Below", f, pre)
	want := func() []float64 { return masked(convolveBack(shape, wide(dy), wide(w)), slopes) }
	k := fanBack(shape)
	args := gpu.ConvBackwardArgs{
		Shape:    shape,
		DX:       out(s, "DX", shape.InLen(), near(sumScale(k), sumTolerance(k), want)),
		DY:       in(s, "DY", dy),
		W:        in(s, "W", w),
		Below:    hidden,
		BiasGrad: biasGrad(s, "BiasGrad", shape.InC, shape.InLen(), k, want),
	}
	return func() error { return s.d.ConvBackward(args) }
}

func convGradCases() []opCase {
	return eachConv("", layConvGrad, map[string]func(x, dy []float32){
		"NaNInXReachesItsTapsOnly":       func(x, _ []float32) { x[10] = nan },
		"NaNInAnUncoveredPixelIsNotSeen": func(x, _ []float32) { x[2*(5-1)] = nan },
		"NaNInDYStaysInItsFilter":        func(_, dy []float32) { dy[4] = nan },
	})
}

func layConvGrad(s *stage, name string, shape gpu.ConvShape, spoil func(x, dy []float32)) func() error {
	r := seeded("conv gradient" + name)
	x, dy := uniform(r, shape.InLen()), uniform(r, shape.OutLen())
	if spoil != nil {
		spoil(x, dy)
	}
	k := shape.Rows()
	args := gpu.ConvGradArgs{
		Shape: shape,
		DW: out(s, "DW", shape.Patch()*shape.OutC, near(sumScale(k), sumTolerance(k), func() []float64 {
			return filterGradient(shape, wide(x), wide(dy))
		})),
		X:  in(s, "X", x),
		DY: in(s, "DY", dy),
	}
	return func() error { return s.d.ConvGrad(args) }
}
