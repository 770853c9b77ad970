package devicetest

import (
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// network is a small net with everything that one training step needs on a device.
// It exists to run the operations together, in the order of a real step.
type network struct {
	d       gpu.Device
	buffers []gpu.Buffer // all of them, to compare
	steps   []func() error

	data, labels, order gpu.Span // what changes between steps
	step, metrics       gpu.Span
	params              gpu.Span
}

const (
	netBatch = 6
	netRows  = 20
)

func (n *network) floats(t testingT, length int, values ...float32) gpu.Span {
	t.Helper()
	v := make([]float32, length)
	copy(v, values)
	s := upload(t, n.d, v)
	n.buffers = append(n.buffers, s.Buf)
	return s
}

// kept remembers a buffer for the comparison.
func (n *network) kept(s gpu.Span) gpu.Span {
	n.buffers = append(n.buffers, s.Buf)
	return s
}

func (n *network) do(op func() error) { n.steps = append(n.steps, op) }

// train is one step: every operation in its order.
func (n *network) train() error {
	for _, op := range n.steps {
		if err := op(); err != nil {
			return err
		}
	}
	return nil
}

// arena hands out consecutive parts of the parameters and their gradients.
type arena struct {
	w, g gpu.Span
	next int
}

func (a *arena) take(n int) (w, g gpu.Span) {
	w, g = a.w.Slice(a.next, n), a.g.Slice(a.next, n)
	a.next += n
	return w, g
}

// begin makes the data set, the counters and the gather of a step, and an arena of
// params parameters.
func begin(t testingT, d gpu.Device, features, classes, params int) (*network, *arena, gpu.Mat, gpu.Span) {
	t.Helper()
	r := seeded("network")
	n := &network{d: d}
	n.data = n.kept(upload(t, d, pixels(r, netRows*features)))
	n.labels = n.kept(upload(t, d, labels(r, netRows, classes)))
	n.order = n.kept(upload(t, d, labels(r, 10*netBatch, netRows)))
	n.step = n.kept(upload(t, d, []int32{0}))
	n.metrics = n.kept(upload(t, d, make([]float64, gpu.NumMetrics)))
	weights := uniform(r, params)
	for i := range weights {
		weights[i] *= 0.3
	}
	n.params = n.floats(t, params, weights...)
	a := &arena{w: n.params, g: n.floats(t, params)}
	x, y := n.floats(t, netBatch*features).Mat(netBatch, features), n.kept(upload(t, d, make([]int32, netBatch)))
	n.do(func() error { return d.Zero(a.g) })
	n.do(func() error {
		return d.Gather(gpu.GatherArgs{X: x, Y: y, Data: n.data, Labels: n.labels, Order: n.order, Cursor: n.step, Scale: 1.0 / 255})
	})
	return n, a, x, y
}

// update makes the optimizer step of the whole arena and a copy of it.
func (n *network) update(t testingT, kind gpu.Optimizer, a *arena) {
	t.Helper()
	require.Equal(t, a.w.Len, a.next, "the arena must be used up")
	args := gpu.OptimizeArgs{Kind: kind, W: a.w, G: a.g, LR: 0.01, L2: 0.01, Step: n.step, ClampFrom: a.w.Len / 2, ClampTo: a.w.Len}
	state := drawn("", a.w.Len, func(int) float32 { return kind.InitialState() })
	if kind.States() >= 1 {
		args.S1 = n.floats(t, a.w.Len, state...)
	}
	if kind.States() >= 2 {
		args.S2 = n.floats(t, a.w.Len, state...)
	}
	n.do(func() error { return n.d.Optimize(args) })
	best := n.floats(t, a.w.Len)
	n.do(func() error { return n.d.Copy(best, a.w) })
}

// logits makes the last layer and the loss, and returns the error.
func (n *network) logits(t testingT, h gpu.Mat, y, w, dw, b, db gpu.Span, classes int) gpu.Mat {
	t.Helper()
	a, e := n.floats(t, netBatch*classes).Mat(netBatch, classes), n.floats(t, netBatch*classes).Mat(netBatch, classes)
	n.do(func() error { return n.d.Gemm(gpu.GemmArgs{C: a, A: h, B: w.Mat(h.Cols, classes)}) })
	n.do(func() error {
		return n.d.Loss(gpu.LossArgs{Logits: a, Bias: b, Labels: y, Scale: 1.0 / netBatch, E: e, BiasGrad: db, Metrics: n.metrics, Step: n.step})
	})
	n.do(func() error { return n.d.Gemm(gpu.GemmArgs{C: dw.Mat(h.Cols, classes), A: h, B: e, TransA: true}) })
	return e
}

// denseNetwork is 13 -> 7 pl -> 5 relu -> one logit, trained by rmsprop.
func denseNetwork(t testingT, d gpu.Device, dfa bool) *network {
	t.Helper()
	const in, h1, h2 = 13, 7, 5
	n, a, x, y := begin(t, d, in, 2, in*h1+h1+h1*h2+h2+h2+1)
	w1, dw1 := a.take(in * h1)
	b1, db1 := a.take(h1)
	w2, dw2 := a.take(h1 * h2)
	b2, db2 := a.take(h2)
	w3, dw3 := a.take(h2)
	b3, db3 := a.take(1)
	out1 := gpu.Hidden{Act: gpu.PL, H: n.floats(t, netBatch*h1), Pre: n.floats(t, netBatch*h1)}
	out2 := gpu.Hidden{Act: gpu.ReLU, H: n.floats(t, netBatch*h2), Pre: n.floats(t, netBatch*h2)}
	d1, d2 := n.floats(t, netBatch*h1).Mat(netBatch, h1), n.floats(t, netBatch*h2).Mat(netBatch, h2)
	z1, z2 := out1.H.Mat(netBatch, h1), out2.H.Mat(netBatch, h2)
	n.do(func() error { return d.Dense(gpu.DenseArgs{Out: out1, X: x, W: w1.Mat(in, h1), B: b1}) })
	n.do(func() error { return d.Dense(gpu.DenseArgs{Out: out2, X: z1, W: w2.Mat(h1, h2), B: b2}) })
	e := n.logits(t, z2, y, w3, dw3, b3, db3, 1)
	if dfa {
		feedback := n.floats(t, h1+h2, uniform(seeded("feedback"), h1+h2)...).Mat(1, h1+h2)
		n.do(func() error {
			return d.Feedback(gpu.FeedbackArgs{E: e, B: feedback, Layers: []gpu.FeedbackLayer{
				{Out: out1, Delta: d1.Span, Size: h1, BiasGrad: db1}, {Out: out2, Delta: d2.Span, Size: h2, BiasGrad: db2}}})
		})
	} else {
		n.do(func() error {
			return d.DenseBackward(gpu.DenseBackwardArgs{DX: d2, DY: e, M: w3.Mat(h2, 1), Trans: true, Below: out2, BiasGrad: db2})
		})
		n.do(func() error {
			return d.DenseBackward(gpu.DenseBackwardArgs{DX: d1, DY: d2, M: w2.Mat(h1, h2), Trans: true, Below: out1, BiasGrad: db1})
		})
	}
	n.do(func() error { return d.Gemm(gpu.GemmArgs{C: dw1.Mat(in, h1), A: x, B: d1, TransA: true}) })
	n.do(func() error { return d.Gemm(gpu.GemmArgs{C: dw2.Mat(h1, h2), A: z1, B: d2, TransA: true}) })
	n.update(t, gpu.RMSProp, a)
	return n
}

// convNetwork is 8×8×2 -> 4 filters 3/2 relu -> 3 filters 2/1 tanh -> five logits,
// trained by adam.
func convNetwork(t testingT, d gpu.Device, dfa bool) *network {
	t.Helper()
	const classes = 5
	c1 := gpu.ConvShape{Batch: netBatch, InH: 8, InW: 8, InC: 2, Kernel: 3, Stride: 2, OutC: 4}
	c2 := gpu.ConvShape{Batch: netBatch, InH: c1.OutH(), InW: c1.OutW(), InC: c1.OutC, Kernel: 2, Stride: 1, OutC: 3}
	in, h1, h2 := c1.InLen()/netBatch, c1.OutLen()/netBatch, c2.OutLen()/netBatch
	n, a, x, y := begin(t, d, in, classes, c1.Patch()*c1.OutC+c1.OutC+c2.Patch()*c2.OutC+c2.OutC+h2*classes+classes)
	w1, dw1 := a.take(c1.Patch() * c1.OutC)
	b1, db1 := a.take(c1.OutC)
	w2, dw2 := a.take(c2.Patch() * c2.OutC)
	b2, db2 := a.take(c2.OutC)
	w3, dw3 := a.take(h2 * classes)
	b3, db3 := a.take(classes)
	out1 := gpu.Hidden{Act: gpu.ReLU, H: n.floats(t, netBatch*h1), Pre: n.floats(t, netBatch*h1)}
	out2 := gpu.Hidden{Act: gpu.Tanh, H: n.floats(t, netBatch*h2)}
	d1, d2 := n.floats(t, netBatch*h1), n.floats(t, netBatch*h2)
	n.do(func() error { return d.Conv(gpu.ConvArgs{Shape: c1, Out: out1, X: x.Span, W: w1, B: b1}) })
	n.do(func() error { return d.Conv(gpu.ConvArgs{Shape: c2, Out: out2, X: out1.H, W: w2, B: b2}) })
	e := n.logits(t, out2.H.Mat(netBatch, h2), y, w3, dw3, b3, db3, classes)
	if dfa {
		feedback := n.floats(t, classes*(h1+h2), uniform(seeded("feedback"), classes*(h1+h2))...).Mat(classes, h1+h2)
		n.do(func() error {
			return d.Feedback(gpu.FeedbackArgs{E: e, B: feedback, Layers: []gpu.FeedbackLayer{
				{Out: out1, Delta: d1, Size: h1, BiasGrad: db1}, {Out: out2, Delta: d2, Size: h2, BiasGrad: db2}}})
		})
	} else {
		n.do(func() error {
			return d.DenseBackward(gpu.DenseBackwardArgs{DX: d2.Mat(netBatch, h2), DY: e, M: w3.Mat(h2, classes), Trans: true, Below: out2, BiasGrad: db2})
		})
		n.do(func() error {
			return d.ConvBackward(gpu.ConvBackwardArgs{Shape: c2, DX: d1, DY: d2, W: w2, Below: out1, BiasGrad: db1})
		})
	}
	n.do(func() error { return d.ConvGrad(gpu.ConvGradArgs{Shape: c1, DW: dw1, X: x.Span, DY: d1}) })
	n.do(func() error { return d.ConvGrad(gpu.ConvGradArgs{Shape: c2, DW: dw2, X: out1.H, DY: d2}) })
	n.update(t, gpu.Adam, a)
	return n
}
