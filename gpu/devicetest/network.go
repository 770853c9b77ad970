package devicetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// network is a small net with everything that one training step needs on a device.
// It exists to run the operations together, in the order of a real step.
type network struct {
	t       *testing.T
	d       gpu.Device
	buffers []gpu.Buffer // all of them, to compare
	steps   []func() error

	data, labels, order gpu.Span // the tests change them between steps
	step, metrics       gpu.Span
	params, gradients   gpu.Span
	used                int // elements of params that have a place in the net
}

const (
	netBatch = 6
	netRows  = 20
)

// netLayer is a hidden layer: fully connected, or a convolution where conv has a kernel.
type netLayer struct {
	act           gpu.Activation
	conv          gpu.ConvShape
	fanIn, fanOut int // of a fully-connected layer

	x                gpu.Span
	out              gpu.Hidden
	w, dw, b, db, dx gpu.Span // dx is the error of the outputs
}

// kept makes a buffer that takes part in the comparison.
func kept[T gpu.Element](n *network, v []T) gpu.Span {
	n.t.Helper()
	s := upload(n.t, n.d, v)
	n.buffers = append(n.buffers, s.Buf)
	return s
}

func (n *network) zeros(length int) gpu.Span { return kept(n, make([]float32, length)) }

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

// take returns the next parameters and their gradients.
func (n *network) take(length int) (w, g gpu.Span) {
	w, g = n.params.Slice(n.used, length), n.gradients.Slice(n.used, length)
	n.used += length
	return w, g
}

// size, weights and biases return the numbers of a layer's outputs, weights and biases.
func (l *netLayer) size() int {
	if l.conv.Kernel > 0 {
		return l.conv.OutLen() / netBatch
	}
	return l.fanOut
}

func (l *netLayer) weights() int {
	if l.conv.Kernel > 0 {
		return l.conv.Patch() * l.conv.OutC
	}
	return l.fanIn * l.fanOut
}

func (l *netLayer) biases() int { return max(l.conv.OutC, l.fanOut) }

// denseNetwork is 13 -> 7 pl -> 5 relu -> one logit, trained by rmsprop.
func denseNetwork(t *testing.T, d gpu.Device, dfa bool) *network {
	return newNetwork(t, d, gpu.RMSProp, 13, 1, dfa, netLayer{act: gpu.PL, fanIn: 13, fanOut: 7}, netLayer{act: gpu.ReLU, fanIn: 7, fanOut: 5})
}

// convNetwork is 8×8×2 -> 4 filters 3/2 relu -> 3 filters 2/1 tanh -> five logits,
// trained by adam.
func convNetwork(t *testing.T, d gpu.Device, dfa bool) *network {
	c1 := gpu.ConvShape{Batch: netBatch, InH: 8, InW: 8, InC: 2, Kernel: 3, Stride: 2, OutC: 4}
	c2 := gpu.ConvShape{Batch: netBatch, InH: c1.OutH(), InW: c1.OutW(), InC: c1.OutC, Kernel: 2, Stride: 1, OutC: 3}
	return newNetwork(t, d, gpu.Adam, c1.InLen()/netBatch, 5, dfa, netLayer{act: gpu.ReLU, conv: c1}, netLayer{act: gpu.Tanh, conv: c2})
}

// newNetwork lays out the net and its step, with DFA or with BP.
func newNetwork(t *testing.T, d gpu.Device, kind gpu.Optimizer, features, logits int, dfa bool, layers ...netLayer) *network {
	t.Helper()
	r := seeded("network")
	n := &network{t: t, d: d}
	last := layers[len(layers)-1].size()
	hidden, params := 0, last*logits+logits
	for _, l := range layers {
		hidden += l.size()
		params += l.weights() + l.biases()
	}
	n.data, n.labels = kept(n, pixels(r, netRows*features)), kept(n, labels(r, netRows, max(logits, 2)))
	n.order = kept(n, labels(r, 10*netBatch, netRows))
	n.step, n.metrics = kept(n, []int32{0}), kept(n, make([]float64, gpu.NumMetrics))
	n.params, n.gradients = kept(n, scale(uniform(r, params), 0.3)), n.zeros(params)
	x, y := n.zeros(netBatch*features).Mat(netBatch, features), kept(n, make([]int32, netBatch))
	n.do(func() error { return d.Zero(n.gradients) })
	n.do(func() error {
		return d.Gather(gpu.GatherArgs{X: x, Y: y, Data: n.data, Labels: n.labels, Order: n.order, Cursor: n.step, Scale: 1.0 / 255})
	})
	h := x.Span
	for i := range layers {
		h = n.forward(&layers[i], h)
	}
	e := n.logits(h.Mat(netBatch, last), y, logits)
	if dfa {
		args := gpu.FeedbackArgs{E: e, B: kept(n, uniform(seeded("feedback"), logits*hidden)).Mat(logits, hidden)}
		for _, l := range layers {
			args.Layers = append(args.Layers, gpu.FeedbackLayer{Out: l.out, Delta: l.dx, Size: l.size(), BiasGrad: l.db})
		}
		n.do(func() error { return d.Feedback(args) })
	} else {
		n.backward(e, layers)
	}
	for _, l := range layers {
		n.do(func() error {
			if l.conv.Kernel > 0 {
				return d.ConvGrad(gpu.ConvGradArgs{Shape: l.conv, DW: l.dw, X: l.x, DY: l.dx})
			}
			return d.Gemm(gpu.GemmArgs{C: l.dw.Mat(l.fanIn, l.fanOut), A: l.x.Mat(netBatch, l.fanIn), B: l.dx.Mat(netBatch, l.fanOut), TransA: true})
		})
	}
	n.update(kind)
	return n
}

// forward lays a layer out and returns its outputs.
func (n *network) forward(l *netLayer, x gpu.Span) gpu.Span {
	size := netBatch * l.size()
	l.x, l.dx, l.out = x, n.zeros(size), gpu.Hidden{Act: l.act, H: n.zeros(size)}
	if l.act.NeedsPre() {
		l.out.Pre = n.zeros(size)
	}
	l.w, l.dw = n.take(l.weights())
	l.b, l.db = n.take(l.biases())
	own := *l
	n.do(func() error {
		if own.conv.Kernel > 0 {
			return n.d.Conv(gpu.ConvArgs{Shape: own.conv, Out: own.out, X: own.x, W: own.w, B: own.b})
		}
		return n.d.Dense(gpu.DenseArgs{Out: own.out, X: own.x.Mat(netBatch, own.fanIn), W: own.w.Mat(own.fanIn, own.fanOut), B: own.b})
	})
	return l.out.H
}

// logits lays out the last layer and the loss, and returns the error.
func (n *network) logits(h gpu.Mat, y gpu.Span, classes int) gpu.Mat {
	w, dw := n.take(h.Cols * classes)
	b, db := n.take(classes)
	a, e := n.zeros(netBatch*classes).Mat(netBatch, classes), n.zeros(netBatch*classes).Mat(netBatch, classes)
	n.do(func() error { return n.d.Gemm(gpu.GemmArgs{C: a, A: h, B: w.Mat(h.Cols, classes)}) })
	n.do(func() error {
		return n.d.Loss(gpu.LossArgs{Logits: a, Bias: b, Labels: y, Scale: 1.0 / netBatch, E: e, BiasGrad: db, Metrics: n.metrics, Step: n.step})
	})
	n.do(func() error { return n.d.Gemm(gpu.GemmArgs{C: dw.Mat(h.Cols, classes), A: h, B: e, TransA: true}) })
	return e
}

// backward carries the error at the logits, whose weights come last, back through the layers.
func (n *network) backward(e gpu.Mat, layers []netLayer) {
	for i := len(layers) - 1; i >= 0; i-- {
		l := layers[i]
		n.do(func() error {
			args := gpu.DenseBackwardArgs{DX: l.dx.Mat(netBatch, l.size()), DY: e, Trans: true, Below: l.out, BiasGrad: l.db}
			if i == len(layers)-1 {
				args.M = n.params.Slice(n.used-e.Cols-l.size()*e.Cols, l.size()*e.Cols).Mat(l.size(), e.Cols)
				return n.d.DenseBackward(args)
			}
			above := layers[i+1]
			if above.conv.Kernel > 0 {
				return n.d.ConvBackward(gpu.ConvBackwardArgs{Shape: above.conv, DX: l.dx, DY: above.dx, W: above.w, Below: l.out, BiasGrad: l.db})
			}
			args.DY, args.M = above.dx.Mat(netBatch, above.fanOut), above.w.Mat(above.fanIn, above.fanOut)
			return n.d.DenseBackward(args)
		})
	}
}

// update adds the optimizer's pass over all parameters, and a copy of them.
func (n *network) update(kind gpu.Optimizer) {
	n.t.Helper()
	length := n.params.Len
	require.Equal(n.t, length, n.used, "all parameters must have a place")
	args := gpu.OptimizeArgs{Kind: kind, W: n.params, G: n.gradients, LR: 0.01, L2: 0.01, Decay: 0.01, Momentum: 0.9, Nesterov: true, Step: n.step, ClampFrom: length / 2, ClampTo: length}
	for i, s := range []*gpu.Span{&args.S1, &args.S2} {
		if i < kind.States() {
			*s = kept(n, drawn("", length, func(int) float32 { return kind.InitialState() }))
		}
	}
	n.do(func() error { return n.d.Optimize(args) })
	best := n.zeros(length)
	n.do(func() error { return n.d.Copy(best, n.params) })
}
