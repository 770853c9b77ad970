package devicetest

import (
	"math"

	"mdfa/gpu"
)

// misusedOp is an operation with right arguments, ready to be spoiled.
type misusedOp struct {
	name     string
	word     string // how errors name the operation
	lay      func(s *stage) any
	run      func(d gpu.Device, args any) error
	mistakes map[string]mistake

	optional  map[string]bool // spans that may be missing
	anyLength map[string]bool // spans whose length no other argument determines
	anyType   bool
}

// mistake is a change to the arguments that must be refused.
type mistake struct {
	change func(args any)
	kind   error
	texts  []string // that the error must contain
}

// of returns the untyped table row of an operation with arguments A.
func of[A any](name, word string, lay func(*stage) A, run func(gpu.Device, A) error, mistakes map[string]mistake) misusedOp {
	return misusedOp{
		name: name, word: word, mistakes: mistakes,
		lay: func(s *stage) any { args := lay(s); return &args },
		run: func(d gpu.Device, args any) error { return run(d, *args.(*A)) },
	}
}

// wrong is a mistake in the sizes.
func wrong[A any](change func(*A), texts ...string) mistake {
	return mistake{change: func(args any) { change(args.(*A)) }, kind: gpu.ErrShape, texts: texts}
}

// overflowing returns a matrix whose element count wraps to zero in an int.
func overflowing(m gpu.Mat) gpu.Mat { return m.Slice(0, 0).Mat(1<<32, 1<<32) }

// generator returns a gpu.Generator without a seed.
func generator(d gpu.Draw, low, high float64) gpu.Generator {
	return gpu.Generator{Draw: d, Low: float32(low), High: float32(high)}
}

type copyArgs struct{ Dst, Src gpu.Span }

type zeroArgs struct{ S gpu.Span }

func misusedOps() []misusedOp {
	ops := append(append(misusedDense(), misusedConv()...), misusedPool()...)

	zero := of("Zero", "zero", func(s *stage) zeroArgs { return zeroArgs{floats(s, "S", 5).Slice(0, 0)} },
		func(d gpu.Device, a zeroArgs) error { return d.Zero(a.S) }, nil)
	zero.anyType, zero.anyLength = true, map[string]bool{".S": true}

	copied := of("Copy", "copy", func(s *stage) copyArgs {
		b := floats(s, "both", 12)
		return copyArgs{Dst: b.Slice(0, 4), Src: b.Slice(4, 4)}
	}, func(d gpu.Device, a copyArgs) error { return d.Copy(a.Dst, a.Src) }, map[string]mistake{
		"OntoItself":    wrong(func(a *copyArgs) { a.Dst = a.Src }, "overlap"),
		"OverlapByOne":  wrong(func(a *copyArgs) { a.Dst = a.Src.Slice(-3, 4) }, "overlap"),
		"OverlapBefore": wrong(func(a *copyArgs) { a.Dst = a.Src.Slice(3, 4) }, "overlap"),
		"OtherLength":   wrong(func(a *copyArgs) { a.Dst = a.Dst.Slice(0, 3) }, "3", "4"),
	})

	gather := of("Gather", "gather", func(s *stage) gpu.GatherArgs {
		return gpu.GatherArgs{X: floats(s, "X", 6).Mat(2, 3), Y: ints(s, "Y", 2), Data: in(s, "Data", ramp[uint8](12)),
			Labels: ints(s, "Labels", 4), Order: ints(s, "Order", 4), Cursor: ints(s, "Cursor", 1), Scale: 1}
	}, gpu.Device.Gather, map[string]mistake{
		"FeaturesDoNotFitTheData": wrong(func(a *gpu.GatherArgs) { a.X = a.X.Slice(0, 4).Mat(2, 2) }, "12", "8"),
		"NegativeRows":            wrong(func(a *gpu.GatherArgs) { a.X.Rows, a.X.Cols = -2, -3 }),
		"RowsThatOverflow":        wrong(func(a *gpu.GatherArgs) { a.X = overflowing(a.X) }),
	})
	gather.optional, gather.anyLength = map[string]bool{".Order": true}, map[string]bool{".Order": true}

	images := of("Gather/images", "gather", func(s *stage) gpu.GatherArgs {
		return gpu.GatherArgs{X: floats(s, "X", 24).Mat(2, 12), Y: ints(s, "Y", 2), Data: in(s, "Data", ramp[uint8](48)),
			Labels: ints(s, "Labels", 4), Cursor: ints(s, "Cursor", 1), Mean: floats(s, "Mean", 3), Scales: floats(s, "Scales", 3),
			Augment: gpu.Augment{Height: 2, Width: 2, Channels: 3, Shift: 1, Flip: true, Step: ints(s, "Step", 1)}}
	}, gpu.Device.Gather, map[string]mistake{
		"ChannelsDoNotFitTheFeatures": wrong(func(a *gpu.GatherArgs) {
			a.X, a.Data, a.Augment = a.X.Slice(0, 20).Mat(2, 10), a.Data.Slice(0, 40), gpu.Augment{}
		}, "10", "3"),
		"NoChannels":           wrong(func(a *gpu.GatherArgs) { a.Mean, a.Scales = a.Mean.Slice(0, 0), a.Scales.Slice(0, 0) }, "0 channels"),
		"OtherChannels":        wrong(func(a *gpu.GatherArgs) { a.Mean, a.Scales = a.Mean.Slice(0, 1), a.Scales.Slice(0, 1) }, "1", "3"),
		"OtherHeight":          wrong(func(a *gpu.GatherArgs) { a.Augment.Height = 3 }, "3×2×3", "12"),
		"NegativeSizes":        wrong(func(a *gpu.GatherArgs) { a.Augment.Height, a.Augment.Width = -2, -2 }, "-2"),
		"SizesThatOverflow":    wrong(func(a *gpu.GatherArgs) { a.Augment.Height = math.MaxInt }),
		"ShiftOfTheWholeImage": wrong(func(a *gpu.GatherArgs) { a.Augment.Shift = 2 }, "2", "2×2"),
		"NegativeFirstImage":   wrong(func(a *gpu.GatherArgs) { a.Augment.First = -1 }, "-1"),
		"NegativeShift":        wrong(func(a *gpu.GatherArgs) { a.Augment.Shift = -1 }, "-1"),
	})

	loss := of("Loss", "loss", func(s *stage) gpu.LossArgs {
		return gpu.LossArgs{Logits: floats(s, "Logits", 12).Mat(3, 4), Bias: floats(s, "Bias", 4), Labels: ints(s, "Labels", 3), Scale: 1,
			E: floats(s, "E", 12).Mat(3, 4), BiasGrad: floats(s, "BiasGrad", 4), Metrics: in(s, "Metrics", ramp[float64](gpu.NumMetrics)), Step: ints(s, "Step", 3)}
	}, gpu.Device.Loss, map[string]mistake{
		"EOfAnotherShape":  wrong(func(a *gpu.LossArgs) { a.E = a.E.Mat(4, 3) }, "[4, 3]", "[3, 4]"),
		"NoLogits":         wrong(func(a *gpu.LossArgs) { a.Logits = a.Logits.Slice(0, 0).Mat(3, 0) }, "[3, 0]"),
		"NegativeShape":    wrong(func(a *gpu.LossArgs) { a.Logits.Rows, a.Logits.Cols = -3, -4 }, "[-3, -4]"),
		"RowsThatOverflow": wrong(func(a *gpu.LossArgs) { a.Logits = overflowing(a.Logits) }),
	})
	loss.optional, loss.anyLength = map[string]bool{".Step": true}, map[string]bool{".Step": true}

	compare := of("Compare", "compare", func(s *stage) gpu.CompareArgs {
		return gpu.CompareArgs{A: floats(s, "A", 6).Mat(2, 3), B: floats(s, "B", 6).Mat(3, 2), TransB: true,
			Out: in(s, "Out", ramp[float64](gpu.NumCompared))}
	}, gpu.Device.Compare, map[string]mistake{
		"NotTransposed":     wrong(func(a *gpu.CompareArgs) { a.TransB = false }, "[2, 3]", "[3, 2]"),
		"OtherShape":        wrong(func(a *gpu.CompareArgs) { a.A = a.A.Mat(6, 1) }, "[6, 1]", "[3, 2]ᵀ"),
		"OtherLength":       wrong(func(a *gpu.CompareArgs) { a.B = a.B.Slice(0, 4).Mat(2, 2) }, "[2, 3]", "[2, 2]"),
		"NegativeShape":     wrong(func(a *gpu.CompareArgs) { a.A.Rows, a.A.Cols = -2, -3 }, "[-2, -3]"),
		"SizesThatOverflow": wrong(func(a *gpu.CompareArgs) { a.A, a.B = overflowing(a.A), overflowing(a.B) }),
	})

	sign := of("Sign", "sign", func(s *stage) gpu.SignArgs {
		return gpu.SignArgs{Dst: floats(s, "Dst", 7), Src: floats(s, "Src", 7), M: floats(s, "M", 7)}
	}, gpu.Device.Sign, map[string]mistake{
		"MIsAlsoDrawn":  {change: func(a any) { a.(*gpu.SignArgs).Gen.Draw = gpu.DrawConstant }, kind: gpu.ErrBuffer},
		"OtherLengths":  wrong(func(a *gpu.SignArgs) { a.Dst = a.Dst.Slice(0, 6) }, "6", "7"),
		"MOfOneElement": wrong(func(a *gpu.SignArgs) { a.M = a.M.Slice(0, 1) }, "1", "7"),
	})
	drawn := of("Sign/Drawn", "sign", func(s *stage) gpu.SignArgs {
		return gpu.SignArgs{Dst: floats(s, "Dst", 7), Src: floats(s, "Src", 7), Gen: generator(gpu.DrawNormal, 0, 1), Step: ints(s, "Step", 1)}
	}, gpu.Device.Sign, map[string]mistake{
		"UnknownDraw": wrong(func(a *gpu.SignArgs) { a.Gen.Draw = 9 }, "Draw(9)"),
		"EndlessDraw": wrong(func(a *gpu.SignArgs) { a.Gen.High = inf }),
	})

	sum := of("AllReduce", "all-reduce", func(s *stage) gpu.AllReduceArgs { return gpu.AllReduceArgs{X: floats(s, "X", 5)} },
		gpu.Device.AllReduce, nil)
	sum.anyLength = map[string]bool{".X": true}

	optimizer := func(kind gpu.Optimizer) misusedOp {
		op := of("Optimize/"+kind.String(), kind.String(), func(s *stage) gpu.OptimizeArgs {
			a := gpu.OptimizeArgs{Kind: kind, W: floats(s, "W", 7), G: floats(s, "G", 7), LR: 0.1, ClampFrom: 2, ClampTo: 5}
			if kind.States() >= 1 {
				a.S1 = floats(s, "S1", 7)
			}
			if kind.States() >= 2 {
				a.S2 = floats(s, "S2", 7)
			}
			if kind.Counts() {
				a.Step = in(s, "Step", []int32{1})
			}
			a.Factors, a.Batch = floats(s, "Factors", 3), in(s, "Batch", []int32{1})
			return a
		}, gpu.Device.Optimize, map[string]mistake{
			"ClampBeforeTheStart": wrong(func(a *gpu.OptimizeArgs) { a.ClampFrom = -1 }, "-1", "7"),
			"ClampPastTheEnd":     wrong(func(a *gpu.OptimizeArgs) { a.ClampTo = 8 }, "8", "7"),
			"ClampBackwards":      wrong(func(a *gpu.OptimizeArgs) { a.ClampFrom, a.ClampTo = 5, 2 }, "5", "2"),
			"ClampFarPastTheEnd":  wrong(func(a *gpu.OptimizeArgs) { a.ClampTo = math.MaxInt }),
		})
		op.optional, op.anyLength = map[string]bool{".Factors": true}, map[string]bool{".Factors": true}
		return op
	}
	unknown := optimizer(gpu.SGD)
	unknown.name, unknown.word = "Optimize", ""
	unknown.mistakes = map[string]mistake{"UnknownKind": wrong(func(a *gpu.OptimizeArgs) { a.Kind = 9 })}
	for _, kind := range gpu.Optimizers() {
		ops = append(ops, optimizer(kind))
	}
	ops = append(ops, zero, copied, gather, images, loss, compare, sign, drawn, sum, unknown)
	return ops
}

// floats, ints and hidden lay out arguments that must stay as they are.
func floats(s *stage, name string, n int) gpu.Span { return in(s, name, ramp[float32](n)) }

func ints(s *stage, name string, n int) gpu.Span { return in(s, name, make([]int32, n)) }

func hidden(s *stage, f gpu.Activation, n int) gpu.Hidden {
	return gpu.Hidden{Act: f, H: floats(s, "H", n), Pre: floats(s, "Pre", n)}
}

func misusedDense() []misusedOp {
	const strange = gpu.Activation(9)
	return []misusedOp{
		of("Gemm", "gemm", func(s *stage) gpu.GemmArgs {
			return gpu.GemmArgs{C: floats(s, "C", 10).Mat(2, 5), A: floats(s, "A", 6).Mat(2, 3), B: floats(s, "B", 15).Mat(3, 5)}
		}, gpu.Device.Gemm, map[string]mistake{
			"InnerSizesDiffer": wrong(func(a *gpu.GemmArgs) { a.A = a.A.Mat(3, 2) }, "[3, 2]", "[3, 5]"),
			"AIsTransposed":    wrong(func(a *gpu.GemmArgs) { a.TransA = true }, "[2, 3]", "[3, 5]"),
			"BIsTransposed":    wrong(func(a *gpu.GemmArgs) { a.TransB = true }, "[2, 3]", "[3, 5]"),
			"ResultTransposed": wrong(func(a *gpu.GemmArgs) { a.C = a.C.Mat(5, 2) }, "[2, 3]", "[3, 5]", "[5, 2]"),
			"NegativeShape":    wrong(func(a *gpu.GemmArgs) { a.A.Rows, a.A.Cols = -2, -3 }, "[-2, -3]"),
			"SizesThatOverflow": wrong(func(a *gpu.GemmArgs) {
				a.A, a.B, a.C = overflowing(a.A), overflowing(a.B), overflowing(a.C)
			}),
		}),
		of("Dense", "dense", func(s *stage) gpu.DenseArgs {
			return gpu.DenseArgs{Out: hidden(s, gpu.ReLU, 10), X: floats(s, "X", 6).Mat(2, 3), W: floats(s, "W", 15).Mat(3, 5), B: floats(s, "B", 5)}
		}, gpu.Device.Dense, map[string]mistake{
			"InnerSizesDiffer":  wrong(func(a *gpu.DenseArgs) { a.X = a.X.Mat(3, 2) }, "[3, 2]", "[3, 5]"),
			"UnknownActivation": wrong(func(a *gpu.DenseArgs) { a.Out.Act = strange }),
			"SizesThatOverflow": wrong(func(a *gpu.DenseArgs) { a.X = overflowing(a.X) }),
		}),
		of("Feedback", "feedback", func(s *stage) gpu.FeedbackArgs {
			return gpu.FeedbackArgs{E: floats(s, "E", 6).Mat(2, 3), B: floats(s, "B", 42).Mat(3, 14), Layers: []gpu.FeedbackLayer{
				{Out: hidden(s, gpu.ReLU, 10), Delta: floats(s, "Delta 0", 10), Size: 5, BiasGrad: floats(s, "BiasGrad 0", 5)},
				{Out: hidden(s, gpu.PL, 18), Delta: floats(s, "Delta 1", 18), Size: 9, BiasGrad: floats(s, "BiasGrad 1", 3)},
			}}
		}, gpu.Device.Feedback, map[string]mistake{
			"BIsAlsoDrawn":      {change: func(a any) { a.(*gpu.FeedbackArgs).Gen.Draw = gpu.DrawNormal }, kind: gpu.ErrBuffer},
			"UnknownDraw":       wrong(func(a *gpu.FeedbackArgs) { a.B, a.Gen.Draw = gpu.Mat{}, 9 }, "Draw(9)"),
			"EndlessDraw":       wrong(func(a *gpu.FeedbackArgs) { a.B, a.Gen = gpu.Mat{}, generator(gpu.DrawNormal, 0, math.Inf(-1)) }),
			"NoNumberToDraw":    wrong(func(a *gpu.FeedbackArgs) { a.B, a.Gen = gpu.Mat{}, generator(gpu.DrawUniform, math.NaN(), 1) }),
			"DrawBackwards":     wrong(func(a *gpu.FeedbackArgs) { a.B, a.Gen = gpu.Mat{}, generator(gpu.DrawUniform, 2, 1) }, "2", "1"),
			"LogitsDiffer":      wrong(func(a *gpu.FeedbackArgs) { a.B = a.B.Mat(2, 21) }, "[2, 3]", "[2, 21]"),
			"ALayerTooFew":      wrong(func(a *gpu.FeedbackArgs) { a.Layers = a.Layers[:1] }, "[3, 14]", "5"),
			"NegativeSize":      wrong(func(a *gpu.FeedbackArgs) { a.Layers[1].Size = -9 }, "-9"),
			"SkippedSize":       wrong(func(a *gpu.FeedbackArgs) { a.Layers[1] = gpu.FeedbackLayer{Size: 8, Skip: true} }, "[3, 14]", "13"),
			"ChannelsNotDivide": wrong(func(a *gpu.FeedbackArgs) { a.Layers[1].BiasGrad = a.Layers[1].BiasGrad.Slice(0, 2) }, "2", "9"),
			"NoChannels":        wrong(func(a *gpu.FeedbackArgs) { a.Layers[1].BiasGrad = a.Layers[1].BiasGrad.Slice(0, 0) }, "0", "9"),
			"UnknownActivation": wrong(func(a *gpu.FeedbackArgs) { a.Layers[0].Out.Act = strange }),
			"SizesThatOverflow": wrong(func(a *gpu.FeedbackArgs) { a.E = overflowing(a.E) }),
		}),
		of("Feedback/Labels", "feedback", func(s *stage) gpu.FeedbackArgs {
			return gpu.FeedbackArgs{Labels: ints(s, "Labels", 2), Classes: 3, Scale: 0.5, B: floats(s, "B", 42).Mat(3, 14), Layers: []gpu.FeedbackLayer{
				{Out: hidden(s, gpu.ReLU, 10), Delta: floats(s, "Delta 0", 10), Size: 5, BiasGrad: floats(s, "BiasGrad 0", 5)},
				{Out: hidden(s, gpu.PL, 18), Delta: floats(s, "Delta 1", 18), Size: 9, BiasGrad: floats(s, "BiasGrad 1", 3)},
			}}
		}, gpu.Device.Feedback, map[string]mistake{
			"EIsThereToo":       {change: func(a any) { f := a.(*gpu.FeedbackArgs); f.E = f.B.Slice(0, 6).Mat(2, 3) }, kind: gpu.ErrBuffer},
			"EInTheirPlace":     wrong(func(a *gpu.FeedbackArgs) { a.E, a.Labels = a.B.Slice(0, 6).Mat(2, 3), gpu.Span{} }, "3 classes", "0.5"),
			"ClassesDiffer":     wrong(func(a *gpu.FeedbackArgs) { a.Classes = 2 }, "2 labels of 2 classes", "[3, 14]"),
			"NoClasses":         wrong(func(a *gpu.FeedbackArgs) { a.Classes, a.B, a.Gen.Draw = 0, gpu.Mat{}, gpu.DrawNormal }, "0 classes"),
			"ALayerTooFew":      wrong(func(a *gpu.FeedbackArgs) { a.Layers = a.Layers[:1] }, "[3, 14]", "5"),
			"SizesThatOverflow": wrong(func(a *gpu.FeedbackArgs) { a.Classes, a.B, a.Gen.Draw = math.MaxInt, gpu.Mat{}, gpu.DrawNormal }),
		}),
		of("FeedbackGrad", "feedback gradient", func(s *stage) gpu.FeedbackGradArgs {
			return gpu.FeedbackGradArgs{DB: floats(s, "DB", 42).Mat(3, 14), E: floats(s, "E", 6).Mat(2, 3), Layers: []gpu.FeedbackInput{
				{H: floats(s, "H 0", 10), Size: 5}, {H: floats(s, "H 1", 18), Size: 9},
			}}
		}, gpu.Device.FeedbackGrad, map[string]mistake{
			"LogitsDiffer":      wrong(func(a *gpu.FeedbackGradArgs) { a.DB = a.DB.Mat(2, 21) }, "[2, 3]", "[2, 21]"),
			"ALayerTooFew":      wrong(func(a *gpu.FeedbackGradArgs) { a.Layers = a.Layers[:1] }, "[3, 14]", "5"),
			"NegativeSize":      wrong(func(a *gpu.FeedbackGradArgs) { a.Layers[1].Size = -9 }, "-9"),
			"OutputTooShort":    wrong(func(a *gpu.FeedbackGradArgs) { a.Layers[0].H = a.Layers[0].H.Slice(0, 9) }, "9", "10"),
			"SizesThatOverflow": wrong(func(a *gpu.FeedbackGradArgs) { a.E = overflowing(a.E) }),
		}),
		of("DenseBackward", "dense backward", func(s *stage) gpu.DenseBackwardArgs {
			return gpu.DenseBackwardArgs{DX: floats(s, "DX", 18).Mat(2, 9), DY: floats(s, "DY", 8).Mat(2, 4), M: floats(s, "M", 36).Mat(9, 4), Trans: true,
				Below: hidden(s, gpu.ReLU, 18), BiasGrad: floats(s, "BiasGrad", 3)}
		}, gpu.Device.DenseBackward, map[string]mistake{
			"NotTransposed":     wrong(func(a *gpu.DenseBackwardArgs) { a.Trans = false }, "[2, 4]", "[9, 4]", "[2, 9]"),
			"BatchesDiffer":     wrong(func(a *gpu.DenseBackwardArgs) { a.DY = a.DY.Slice(0, 4).Mat(1, 4) }, "[1, 4]", "[2, 9]"),
			"ChannelsNotDivide": wrong(func(a *gpu.DenseBackwardArgs) { a.BiasGrad = a.BiasGrad.Slice(0, 2) }, "2", "9"),
			"UnknownActivation": wrong(func(a *gpu.DenseBackwardArgs) { a.Below.Act = strange }),
			"SizesThatOverflow": wrong(func(a *gpu.DenseBackwardArgs) { a.M = overflowing(a.M) }),
		}),
	}
}

func misusedConv() []misusedOp {
	shape := gpu.ConvShape{Batch: 2, InH: 5, InW: 4, InC: 2, Kernel: 3, Stride: 1, OutC: 3}
	return []misusedOp{
		of("Conv", "conv", func(s *stage) gpu.ConvArgs {
			return gpu.ConvArgs{Shape: shape, Out: hidden(s, gpu.PL, shape.OutLen()), X: floats(s, "X", shape.InLen()), W: floats(s, "W", shape.Patch()*shape.OutC), B: floats(s, "B", shape.OutC)}
		}, gpu.Device.Conv, misshapen(func(a *gpu.ConvArgs) *gpu.ConvShape { return &a.Shape })),
		of("ConvBackward", "conv backward", func(s *stage) gpu.ConvBackwardArgs {
			return gpu.ConvBackwardArgs{Shape: shape, DX: floats(s, "DX", shape.InLen()), DY: floats(s, "DY", shape.OutLen()), W: floats(s, "W", shape.Patch()*shape.OutC),
				Below: hidden(s, gpu.ReLU, shape.InLen()), BiasGrad: floats(s, "BiasGrad", shape.InC)}
		}, gpu.Device.ConvBackward, misshapen(func(a *gpu.ConvBackwardArgs) *gpu.ConvShape { return &a.Shape })),
		of("ConvGrad", "conv gradient", func(s *stage) gpu.ConvGradArgs {
			return gpu.ConvGradArgs{Shape: shape, DW: floats(s, "DW", shape.Patch()*shape.OutC), X: floats(s, "X", shape.InLen()), DY: floats(s, "DY", shape.OutLen())}
		}, gpu.Device.ConvGrad, misshapen(func(a *gpu.ConvGradArgs) *gpu.ConvShape { return &a.Shape })),
	}
}

func misusedPool() []misusedOp {
	shape := gpu.PoolShape{Kind: gpu.MaxPooling, Batch: 2, InH: 5, InW: 4, Channels: 3, Kernel: 2, Stride: 2}
	pool := of("Pool", "pool", func(s *stage) gpu.PoolArgs {
		return gpu.PoolArgs{Shape: shape, P: floats(s, "P", shape.OutLen()), Index: in(s, "Index", ramp[uint8](shape.OutLen())), H: floats(s, "H", shape.InLen())}
	}, gpu.Device.Pool, mispooled(func(a *gpu.PoolArgs) *gpu.PoolShape { return &a.Shape }))
	pool.optional = map[string]bool{".Index": true}
	return []misusedOp{pool, of("PoolBackward", "pool backward", func(s *stage) gpu.PoolBackwardArgs {
		return gpu.PoolBackwardArgs{Shape: shape, DX: floats(s, "DX", shape.InLen()), DY: floats(s, "DY", shape.OutLen()), Index: in(s, "Index", ramp[uint8](shape.OutLen())),
			Below: hidden(s, gpu.ReLU, shape.InLen()), BiasGrad: floats(s, "BiasGrad", shape.Channels)}
	}, gpu.Device.PoolBackward, mispooled(func(a *gpu.PoolBackwardArgs) *gpu.PoolShape { return &a.Shape }))}
}

// mispooled returns every wrong geometry of a pooling.
func mispooled[A any](shape func(*A) *gpu.PoolShape) map[string]mistake {
	with := func(change func(*gpu.PoolShape), texts ...string) mistake {
		return wrong(func(a *A) { change(shape(a)) }, texts...)
	}
	return map[string]mistake{
		"NoPooling":                with(func(s *gpu.PoolShape) { s.Kind = gpu.NoPooling }, "max or average"),
		"UnknownPooling":           with(func(s *gpu.PoolShape) { s.Kind = 9 }, "Pooling(9)"),
		"IndexOfAverages":          {change: func(a any) { shape(a.(*A)).Kind = gpu.AveragePooling }, kind: gpu.ErrBuffer, texts: []string{"an index of averages"}},
		"WindowHigherThanTheImage": with(func(s *gpu.PoolShape) { s.InH = 1 }, "2×1×4×3"),
		"WindowWiderThanTheImage":  with(func(s *gpu.PoolShape) { s.InW = 1 }, "2×5×1×3"),
		"WindowTooLargeForAByte":   with(func(s *gpu.PoolShape) { s.InH, s.InW, s.Kernel = 17, 17, 17 }, "17/2", "16×16"),
		"NoWindow":                 with(func(s *gpu.PoolShape) { s.Kernel = 0 }, "0/2"),
		"NoStride":                 with(func(s *gpu.PoolShape) { s.Stride = 0 }, "2/0"),
		"NegativeStride":           with(func(s *gpu.PoolShape) { s.Stride = -1 }, "2/-1"),
		"NoChannels":               with(func(s *gpu.PoolShape) { s.Channels = 0 }),
		"NegativeBatch":            with(func(s *gpu.PoolShape) { s.Batch = -2 }),
		"OtherBatch":               with(func(s *gpu.PoolShape) { s.Batch = 3 }, "3×5×4×3"),
		"OtherStride":              with(func(s *gpu.PoolShape) { s.Stride = 1 }),
		"BatchThatOverflows":       with(func(s *gpu.PoolShape) { s.Batch += 1 << 62 }, "too large"),
	}
}

// misshapen returns every wrong geometry of a convolution.
func misshapen[A any](shape func(*A) *gpu.ConvShape) map[string]mistake {
	with := func(change func(*gpu.ConvShape), texts ...string) mistake {
		return wrong(func(a *A) { change(shape(a)) }, texts...)
	}
	return map[string]mistake{
		"KernelHigherThanTheImage": with(func(s *gpu.ConvShape) { s.InH = 2 }, "2×2×4×2"),
		"KernelWiderThanTheImage":  with(func(s *gpu.ConvShape) { s.InW = 2 }, "2×5×2×2"),
		"NoKernel":                 with(func(s *gpu.ConvShape) { s.Kernel = 0 }, "0/1"),
		"NegativeKernel":           with(func(s *gpu.ConvShape) { s.Kernel = -3 }, "-3/1"),
		"NoStride":                 with(func(s *gpu.ConvShape) { s.Stride = 0 }, "3/0"),
		"NegativeStride":           with(func(s *gpu.ConvShape) { s.Stride = -1 }, "3/-1"),
		"NegativePadding":          with(func(s *gpu.ConvShape) { s.Pad = -1 }, "3/1 pad -1", "padding"),
		"PaddingOfAWholeKernel":    with(func(s *gpu.ConvShape) { s.Pad = 3 }, "3/1 pad 3", "padding"),
		"OtherPadding":             with(func(s *gpu.ConvShape) { s.Pad = 1; s.OutC = 4 }),
		"PaddingThatOverflows":     with(func(s *gpu.ConvShape) { s.Kernel, s.Pad = math.MaxInt, math.MaxInt-1 }),
		"PaddedKernelTooLarge":     with(func(s *gpu.ConvShape) { s.Kernel, s.Pad = 9, 2 }, "9/1 pad 2"),
		"NoImage":                  with(func(s *gpu.ConvShape) { s.InH, s.Pad = 0, 2 }),
		"NoChannels":               with(func(s *gpu.ConvShape) { s.InC = 0 }),
		"NoFilters":                with(func(s *gpu.ConvShape) { s.OutC = 0 }),
		"NegativeBatch":            with(func(s *gpu.ConvShape) { s.Batch = -2 }),
		"OtherBatch":               with(func(s *gpu.ConvShape) { s.Batch = 3 }, "3×5×4×2"),
		"OtherStride":              with(func(s *gpu.ConvShape) { s.Stride = 2; s.OutC = 4 }),
		"BatchThatOverflows":       with(func(s *gpu.ConvShape) { s.Batch += 1 << 62 }),
	}
}
