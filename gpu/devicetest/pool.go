package devicetest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"mdfa/gpu"
)

// poolShapes are the geometries at which devices go wrong, for one kind of pooling.
func poolShapes(kind gpu.Pooling) map[string]gpu.PoolShape {
	shape := func(batch, h, w, channels, kernel, stride int) gpu.PoolShape {
		return gpu.PoolShape{Kind: kind, Batch: batch, InH: h, InW: w, Channels: channels, Kernel: kernel, Stride: stride}
	}
	shapes := map[string]gpu.PoolShape{
		"OneOfEach":              shape(1, 1, 1, 1, 1, 1),
		"EmptyBatch":             shape(0, 5, 6, 2, 2, 2),
		"Tiles":                  shape(2, 6, 8, 3, 2, 2),
		"TilesWithARest":         shape(2, 7, 5, 8, 2, 2),
		"Overlapping":            shape(2, 7, 9, 3, 3, 2),
		"OverlappingInFours":     shape(2, 8, 7, 4, 3, 2),
		"StrideOne":              shape(1, 5, 6, 12, 3, 1),
		"WindowIsTheImage":       shape(3, 5, 5, 7, 5, 1),
		"WindowIsAsHigh":         shape(2, 3, 7, 2, 3, 2),
		"OnePixel":               shape(2, 5, 4, 3, 1, 1),
		"StridePastTheWindow":    shape(2, 9, 11, 4, 2, 3),
		"StridePastTheImage":     shape(2, 4, 5, 2, 3, 9),
		"LargestWindowOfMax":     shape(1, 17, 18, 2, gpu.MaxPoolingKernel, 1),
		"OneChannel":             shape(3, 7, 7, 1, 3, 2),
		"PrimeChannels":          shape(2, 5, 7, 13, 3, 2),
		"NineChannels":           shape(2, 4, 4, 9, 2, 2),
		"ManyChannels":           shape(1, 3, 3, 1023, 2, 1),
		"MoreChannelsThanABlock": shape(1, 3, 2, 1028, 2, 1),
		"LargeBatch":             shape(1023, 3, 3, 1, 2, 1),
		"BatchOf33":              shape(33, 6, 5, 4, 2, 2),
		"FirstLayerOfLeNet":      shape(3, 28, 28, 6, 2, 2),
		"LayerOfAlexNet":         shape(1, 13, 13, 32, 3, 2),
		"WorthTwoThreads":        shape(2, 20, 20, 48, 2, 2),
	}
	if kind == gpu.AveragePooling {
		shapes["LargeWindow"] = shape(1, 20, 18, 3, 17, 1)
	}
	return shapes
}

// eachPool makes one case of every shape and kind.
func eachPool(prefix string, lay func(s *stage, name string, shape gpu.PoolShape) func() error) []opCase {
	var cases []opCase
	for _, kind := range []gpu.Pooling{gpu.MaxPooling, gpu.AveragePooling} {
		shapes := poolShapes(kind)
		for _, name := range sortedKeys(shapes) {
			shape, name := shapes[name], fmt.Sprintf("%s%v/%s", prefix, kind, name)
			cases = append(cases, opCase{name, shape.OutLen() * shape.Kernel * shape.Kernel, func(s *stage) func() error {
				return lay(s, name, shape)
			}})
		}
	}
	return cases
}

// spoiledPool is the small pooling into which special values are put. Its last column is in no window.
func spoiledPool(kind gpu.Pooling) gpu.PoolShape {
	return gpu.PoolShape{Kind: kind, Batch: 2, InH: 6, InW: 5, Channels: 9, Kernel: 2, Stride: 2}
}

// stepped draws n of few numbers, among them both zeros, so that many are equal.
func stepped(r *rand.Rand, n int) []float32 {
	steps := []float32{-1, -0.5, float32(math.Copysign(0, -1)), 0, 0.5, 1}
	v := make([]float32, n)
	for i := range v {
		v[i] = steps[r.IntN(len(steps))]
	}
	return v
}

func poolCases() []opCase {
	cases := eachPool("", func(s *stage, name string, shape gpu.PoolShape) func() error {
		return layPool(s, shape, uniform(seeded("pool"+name), shape.InLen()), shape.Kind == gpu.MaxPooling)
	})
	const channels = 9
	for name, spoil := range map[string]func(h []float32){
		"FirstOfEqualOnes": func([]float32) {},
		"NaN": func(h []float32) {
			h[0], h[5*channels], h[channels+1] = nan, nan, nan // two of one channel, one of another
			h[3], h[5*channels+3] = inf, nan
			h[2*channels-1] = nan
		},
		"NaNOutsideTheWindows": func(h []float32) { h[4*channels] = nan },
		"Infinity":             func(h []float32) { h[0], h[1], h[channels+1] = inf, -inf, inf },
		"NothingIsLarger": func(h []float32) {
			for i := range h {
				h[i] = -inf
			}
		},
	} {
		for _, kind := range []gpu.Pooling{gpu.MaxPooling, gpu.AveragePooling} {
			shape := spoiledPool(kind)
			cases = append(cases, opCase{fmt.Sprintf("%v/%s", kind, name), shape.InLen(), func(s *stage) func() error {
				h := stepped(seeded("pool"+name), shape.InLen())
				spoil(h)
				return layPool(s, shape, h, kind == gpu.MaxPooling)
			}})
		}
	}
	shape := spoiledPool(gpu.MaxPooling)
	return append(cases, opCase{"max/WithoutIndex", shape.InLen(), func(s *stage) func() error {
		return layPool(s, shape, stepped(seeded("pool"), shape.InLen()), false)
	}})
}

func layPool(s *stage, shape gpu.PoolShape, h []float32, withIndex bool) func() error {
	p, index := pooled(shape, wide(h))
	want := func() []float64 { return p }
	check := exactly(want)
	if k := shape.Kernel * shape.Kernel; shape.Kind == gpu.AveragePooling {
		check = near(sumScale(k)/float64(k), sumTolerance(k), want)
	}
	args := gpu.PoolArgs{Shape: shape, P: out(s, "P", shape.OutLen(), check), H: in(s, "H", h)}
	if withIndex {
		args.Index = out(s, "Index", shape.OutLen(), equals(index))
	}
	return func() error { return s.d.Pool(args) }
}

func poolBackwardCases() []opCase {
	var cases []opCase
	for _, f := range activations {
		cases = append(cases, eachPool(f.String()+"/", func(s *stage, name string, shape gpu.PoolShape) func() error {
			r := seeded("pool backward" + name)
			return layPoolBackward(s, f, shape, uniform(r, shape.OutLen()), preactivations(r, shape.InLen()))
		})...)
		for _, kind := range []gpu.Pooling{gpu.MaxPooling, gpu.AveragePooling} {
			shape := spoiledPool(kind)
			name := fmt.Sprintf("%v/%v/NaNReachesItsWindowOnly", f, kind)
			cases = append(cases, opCase{name, shape.InLen(), func(s *stage) func() error {
				r := seeded(name)
				dy, pre := uniform(r, shape.OutLen()), preactivations(r, shape.InLen())
				dy[3], dy[shape.OutLen()-1] = nan, inf
				return layPoolBackward(s, f, shape, dy, pre)
			}})
		}
	}
	return cases
}

func layPoolBackward(s *stage, f gpu.Activation, shape gpu.PoolShape, dy, pre []float32) func() error {
	hidden, slopes := below(s, "Below", f, pre)
	_, index := pooled(shape, activateAll(f, wide(pre)))
	want := func() []float64 { return masked(pooledBack(shape, wide(dy), index), slopes) }
	windows := (shape.Kernel + shape.Stride - 1) / shape.Stride
	k := windows * windows
	args := gpu.PoolBackwardArgs{
		Shape:    shape,
		DX:       out(s, "DX", shape.InLen(), near(sumScale(k), sumTolerance(k), want)),
		DY:       in(s, "DY", dy),
		Below:    hidden,
		BiasGrad: biasGrad(s, "BiasGrad", shape.Channels, shape.InLen(), k, want),
	}
	if shape.Kind == gpu.MaxPooling {
		args.Index = in(s, "Index", index)
	}
	return func() error { return s.d.PoolBackward(args) }
}
