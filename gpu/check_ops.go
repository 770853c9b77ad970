package gpu

import "fmt"

// The Check methods hold the shape rules of every operation in one place, so that
// all devices refuse the same arguments with the same words. They check sizes and
// element types; each device checks that it owns the buffers and that none was freed.

// Check returns an error unless the shapes fit.
func (a GatherArgs) Check() error {
	c := checker{op: "gather"}
	c.mat("X", a.X)
	c.span("Y", a.Y, Int32, a.X.Rows)
	c.span("the labels", a.Labels, Int32, a.Labels.Len)
	if n, ok := product(a.Labels.Len, a.X.Cols); ok {
		c.span("the data", a.Data, Uint8, n)
	} else {
		c.fail(ErrShape, "%d labels for X %v", a.Labels.Len, a.X)
	}
	if !a.Order.IsNone() {
		c.span("the order", a.Order, Int32, a.Order.Len)
	}
	c.span("the cursor", a.Cursor, Int32, 1)
	if !a.Mean.IsNone() || !a.Scales.IsNone() {
		c.span("the mean", a.Mean, Float32, a.Mean.Len)
		c.span("the scales", a.Scales, Float32, a.Mean.Len)
		if channels := a.Mean.Len; c.err == nil && (channels == 0 || a.X.Cols%channels != 0) {
			c.fail(ErrShape, "%d features of %d channels", a.X.Cols, channels)
		}
	}
	if a.Augment.Changes() {
		c.augment(a.Augment, a.X.Cols)
		if !a.Mean.IsNone() && a.Mean.Len != a.Augment.Channels {
			c.fail(ErrShape, "a mean of %d channels for images of %d", a.Mean.Len, a.Augment.Channels)
		}
	}
	return c.err
}

// Check returns an error unless the shapes fit.
func (a GemmArgs) Check() error {
	c := checker{op: "gemm"}
	c.mat("A", a.A)
	c.mat("B", a.B)
	c.mat("C", a.C)
	m, k := a.A.Rows, a.A.Cols
	if a.TransA {
		m, k = k, m
	}
	k2, n := a.B.Rows, a.B.Cols
	if a.TransB {
		k2, n = n, k2
	}
	if k != k2 || a.C.Rows != m || a.C.Cols != n {
		c.fail(ErrShape, "%v%s · %v%s does not give %v", a.A, mark(a.TransA), a.B, mark(a.TransB), a.C)
	}
	return c.err
}

func mark(transposed bool) string {
	if transposed {
		return "ᵀ"
	}
	return ""
}

// Check returns an error unless the shapes fit.
func (a DenseArgs) Check() error {
	c := checker{op: "dense"}
	c.mat("X", a.X)
	c.mat("W", a.W)
	if a.X.Cols != a.W.Rows {
		c.fail(ErrShape, "X %v · W %v", a.X, a.W)
	}
	c.span("B", a.B, Float32, a.W.Cols)
	c.output("the output", a.Out, a.X.Rows*a.W.Cols)
	return c.err
}

// Check returns an error unless the shapes fit.
func (a ConvArgs) Check() error {
	c := checker{op: "conv " + a.Shape.String()}
	c.conv(a.Shape, a.W)
	if c.err != nil {
		return c.err
	}
	c.span("X", a.X, Float32, a.Shape.InLen())
	c.span("B", a.B, Float32, a.Shape.OutC)
	c.output("the output", a.Out, a.Shape.OutLen())
	return c.err
}

// Check returns an error unless the shapes fit.
func (a PoolArgs) Check() error {
	c := checker{op: "pool " + a.Shape.String()}
	c.pool(a.Shape, "H", "P", a.H, a.P, a.Index)
	return c.err
}

// Check returns an error unless the shapes fit.
func (a LossArgs) Check() error {
	c := checker{op: "loss"}
	c.mat("the logits", a.Logits)
	if a.Logits.Cols < 1 {
		c.fail(ErrShape, "logits %v: at least one column is needed", a.Logits)
	}
	c.span("the bias", a.Bias, Float32, a.Logits.Cols)
	c.span("the labels", a.Labels, Int32, a.Logits.Rows)
	if !a.E.IsNone() {
		c.mat("E", a.E)
		if a.E.Rows != a.Logits.Rows || a.E.Cols != a.Logits.Cols {
			c.fail(ErrShape, "E %v for logits %v", a.E, a.Logits)
		}
		c.span("the bias gradient", a.BiasGrad, Float32, a.Logits.Cols)
	} else if !a.BiasGrad.IsNone() {
		c.fail(ErrBuffer, "a bias gradient without E")
	}
	c.span("the metrics", a.Metrics, Float64, NumMetrics)
	if !a.Step.IsNone() {
		c.span("the step counters", a.Step, Int32, a.Step.Len)
	}
	return c.err
}

// Check returns an error unless the shapes fit.
func (a FeedbackArgs) Check() error {
	c := checker{op: "feedback"}
	from := fmt.Sprintf("E %v", a.E)
	switch {
	case a.Labels.IsNone():
		c.mat("E", a.E)
		if a.Classes != 0 || a.Scale != 0 {
			c.fail(ErrShape, "%d classes and scale %g are for labels, and E is there", a.Classes, a.Scale)
		}
	case !a.E.IsNone():
		c.fail(ErrBuffer, "both E and labels")
	default:
		c.span("the labels", a.Labels, Int32, a.Labels.Len)
		from = fmt.Sprintf("%d labels of %d classes", a.Labels.Len, a.Classes)
		if a.Classes < 1 {
			c.fail(ErrShape, "%s: at least 1 class is needed", from)
		}
	}
	batch, rows := a.Batch(), a.Rows()
	generated := a.B.IsNone() && a.Gen.Draw != DrawNone
	if generated {
		c.generator("B", a.Gen)
	} else {
		c.mat("B", a.B)
	}
	total := 0
	for i, l := range a.Layers {
		if _, ok := product(l.Size, batch); !ok {
			c.fail(ErrShape, "layer %d has size %d for %s", i, l.Size, from)
			break
		}
		total += l.Size
		if l.Skip {
			continue
		}
		name := fmt.Sprintf("layer %d", i)
		c.hidden(name, l.Out, batch*l.Size)
		c.span(name+"'s delta", l.Delta, Float32, batch*l.Size)
		c.channels(l.BiasGrad, l.Size)
	}
	switch {
	case generated:
		if _, ok := product(total, rows); !ok {
			c.fail(ErrShape, "%s for layers of %d elements", from, total)
		}
	case a.Gen.Draw != DrawNone:
		c.fail(ErrBuffer, "both B and a generator for it")
	case a.B.Rows != rows || a.B.Cols != total:
		c.fail(ErrShape, "%s · B %v for layers of %d elements", from, a.B, total)
	}
	return c.err
}

// Check returns an error unless the shapes fit.
func (a FeedbackGradArgs) Check() error {
	c := checker{op: "feedback gradient"}
	c.mat("DB", a.DB)
	c.mat("E", a.E)
	total := 0
	for i, l := range a.Layers {
		if _, ok := product(l.Size, a.E.Rows); !ok {
			c.fail(ErrShape, "layer %d has size %d for E %v", i, l.Size, a.E)
			break
		}
		c.span(fmt.Sprintf("layer %d's output", i), l.H, Float32, a.E.Rows*l.Size)
		total += l.Size
	}
	if a.DB.Rows != a.E.Cols || a.DB.Cols != total {
		c.fail(ErrShape, "E %vᵀ for layers of %d elements does not give DB %v", a.E, total, a.DB)
	}
	return c.err
}

// Check returns an error unless the shapes fit.
func (a DenseBackwardArgs) Check() error {
	c := checker{op: "dense backward"}
	c.mat("DX", a.DX)
	c.mat("DY", a.DY)
	c.mat("M", a.M)
	in, out := a.M.Cols, a.M.Rows
	if a.Trans {
		in, out = out, in
	}
	if a.DY.Cols != out || a.DX.Cols != in || a.DX.Rows != a.DY.Rows {
		c.fail(ErrShape, "DY %v · M %v%s does not give DX %v", a.DY, a.M, mark(a.Trans), a.DX)
	}
	c.hidden("the layer below", a.Below, a.DX.Len)
	c.channels(a.BiasGrad, a.DX.Cols)
	return c.err
}

// Check returns an error unless the shapes fit.
func (a ConvBackwardArgs) Check() error {
	c := checker{op: "conv backward " + a.Shape.String()}
	c.conv(a.Shape, a.W)
	if c.err != nil {
		return c.err
	}
	c.span("DX", a.DX, Float32, a.Shape.InLen())
	c.span("DY", a.DY, Float32, a.Shape.OutLen())
	c.hidden("the layer below", a.Below, a.Shape.InLen())
	c.span("the bias gradient", a.BiasGrad, Float32, a.Shape.InC)
	return c.err
}

// Check returns an error unless the shapes fit.
func (a PoolBackwardArgs) Check() error {
	c := checker{op: "pool backward " + a.Shape.String()}
	c.pool(a.Shape, "DX", "DY", a.DX, a.DY, a.Index)
	if a.Shape.Kind == MaxPooling && a.Index.IsNone() {
		c.fail(ErrBuffer, "the index is missing")
	}
	if c.err != nil {
		return c.err
	}
	c.hidden("the layer below", a.Below, a.Shape.InLen())
	c.span("the bias gradient", a.BiasGrad, Float32, a.Shape.Channels)
	return c.err
}

// Check returns an error unless the shapes fit.
func (a ConvGradArgs) Check() error {
	c := checker{op: "conv gradient " + a.Shape.String()}
	c.conv(a.Shape, a.DW)
	if c.err != nil {
		return c.err
	}
	c.span("X", a.X, Float32, a.Shape.InLen())
	c.span("DY", a.DY, Float32, a.Shape.OutLen())
	return c.err
}

// Check returns an error unless the shapes fit.
func (a SignArgs) Check() error {
	c := checker{op: "sign"}
	n := a.Dst.Len
	c.span("Dst", a.Dst, Float32, n)
	c.span("Src", a.Src, Float32, n)
	if a.Gen.Draw == DrawNone {
		c.span("M", a.M, Float32, n)
		return c.err
	}
	c.generator("M", a.Gen)
	if !a.M.IsNone() {
		c.fail(ErrBuffer, "both M and a generator for it")
	}
	if a.Gen.Draw != DrawConstant || !a.Step.IsNone() {
		c.span("the step counter", a.Step, Int32, 1)
	}
	return c.err
}

// Check returns an error unless the shapes fit.
func (a OptimizeArgs) Check() error {
	c := checker{op: a.Kind.String()}
	if a.Kind >= NumOptimizers {
		c.fail(ErrShape, "unknown optimizer")
	}
	n := a.W.Len
	c.span("W", a.W, Float32, n)
	c.span("G", a.G, Float32, n)
	if a.Kind.States() >= 1 {
		c.span("S1", a.S1, Float32, n)
	}
	if a.Kind.States() >= 2 {
		c.span("S2", a.S2, Float32, n)
	}
	if a.Kind.Counts() {
		c.span("the step counter", a.Step, Int32, 1)
	}
	if !a.Factors.IsNone() {
		c.span("Factors", a.Factors, Float32, a.Factors.Len)
		c.span("Batch", a.Batch, Int32, 1)
	}
	if a.ClampFrom < 0 || a.ClampTo < a.ClampFrom || a.ClampTo > n {
		c.fail(ErrShape, "clamp elements %d to %d of %d", a.ClampFrom, a.ClampTo, n)
	}
	return c.err
}

// Check returns an error unless the shapes fit.
func (a CompareArgs) Check() error {
	c := checker{op: "compare"}
	c.mat("A", a.A)
	c.mat("B", a.B)
	rows, cols := a.B.Rows, a.B.Cols
	if a.TransB {
		rows, cols = cols, rows
	}
	if a.A.Rows != rows || a.A.Cols != cols {
		c.fail(ErrShape, "A %v beside B %v%s", a.A, a.B, mark(a.TransB))
	}
	c.span("the sums", a.Out, Float64, NumCompared)
	return c.err
}

// Check returns an error unless X is a range of a float32 buffer.
func (a AllReduceArgs) Check() error {
	c := checker{op: "all-reduce"}
	c.span("X", a.X, Float32, a.X.Len)
	return c.err
}
