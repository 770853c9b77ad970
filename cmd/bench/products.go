package main

import (
	"errors"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/model"
)

// patchLimit is how many bytes of patches the products multiply at a time: devices make
// those of some images, multiply them, and use the memory again.
const patchLimit = 256 << 20

// products are the matrix products of a step and nothing else: forward and weight
// gradient of every layer, and what brings the error to the hidden ones. Convolutions are
// products of patches.
type products struct {
	dev      gpu.Device
	operands []gpu.Buffer
	list     []gpu.GemmArgs
	program  gpu.Program
}

// productFLOPs is how many additions and multiplications the products of a step are.
func productFLOPs(net *model.Network, rule *algo.Rule, batch int) float64 {
	var sum float64
	for i, l := range net.Layers {
		one := 2 * float64(batch) * float64(l.Units()) * float64(l.FanIn())
		sum += 2 * one
		if carriesBack(rule, i) {
			sum += one
		}
	}
	if rule.Products == algo.DirectProducts {
		sum += 2 * float64(batch) * float64(net.Logits) * float64(net.HiddenUnits())
	}
	return sum
}

// carriesBack says whether the error of layer i is multiplied to reach the layer before.
func carriesBack(rule *algo.Rule, layer int) bool {
	return layer > 0 && rule.Products == algo.LayerProducts
}

// newProducts puts operands on the device and records the products. What was put there
// before an error is freed.
func newProducts(dev gpu.Device, net *model.Network, rule *algo.Rule, batch int) (*products, error) {
	p := &products{dev: dev}
	if dev := dev.Info(); dev.MemoryFree > 0 && productBytes(net, rule, batch) > dev.MemoryFree {
		return nil, gpu.ErrOutOfMemory
	}
	if err := p.prepare(net, rule, batch); err != nil {
		return nil, errors.Join(err, p.free())
	}
	return p, nil
}

func (p *products) prepare(net *model.Network, rule *algo.Rule, batch int) error {
	for i, l := range net.Layers {
		if err := p.layer(l, batch, carriesBack(rule, i)); err != nil {
			return err
		}
	}
	if rule.Products == algo.DirectProducts {
		if err := p.feedback(batch, net.Logits, net.HiddenUnits()); err != nil {
			return err
		}
	}
	var err error
	p.program, err = p.dev.Record(func() error {
		for _, args := range p.list {
			if err := p.dev.Gemm(args); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// together is how many examples the products of a layer multiply at a time.
func together(l model.Layer, batch int) int {
	if l.Kind != model.Conv {
		return batch
	}
	return min(batch, max(1, patchLimit/(4*l.Units()/l.Channels()*l.FanIn())))
}

// productBytes is what the operands take.
func productBytes(net *model.Network, rule *algo.Rule, batch int) int64 {
	var floats int
	for i, l := range net.Layers {
		rows := together(l, batch) * l.Units() / l.Channels()
		floats += rows*(l.FanIn()+2*l.Channels()) + 2*l.Weights()
		if carriesBack(rule, i) {
			floats += rows * l.FanIn()
		}
	}
	if rule.Products == algo.DirectProducts {
		floats += batch*(net.HiddenUnits()+net.Logits) + net.Logits*net.HiddenUnits()
	}
	return 4 * int64(floats)
}

// layer adds H = X·W, dW = Xᵀ·D and, where the error goes on, dX = D·Wᵀ. X has a row for
// each example or patch.
func (p *products) layer(l model.Layer, batch int, back bool) error {
	positions, in, out := l.Units()/l.Channels(), l.FanIn(), l.Channels()
	most := together(l, batch)
	rows := most * positions
	var x, w, h, d, dw, dx gpu.Buffer
	sizes := []struct {
		to *gpu.Buffer
		n  int
	}{{&x, rows * in}, {&w, in * out}, {&h, rows * out}, {&d, rows * out}, {&dw, in * out}, {&dx, rows * in}}
	if !back {
		sizes = sizes[:len(sizes)-1]
	}
	for _, s := range sizes {
		var err error
		if *s.to, err = p.operand(s.n); err != nil {
			return err
		}
	}
	for left := batch; left > 0; left -= most {
		m := min(left, most) * positions
		mat := func(b gpu.Buffer, rows, cols int) gpu.Mat { return gpu.All(b).Slice(0, rows*cols).Mat(rows, cols) }
		p.list = append(p.list,
			gpu.GemmArgs{C: mat(h, m, out), A: mat(x, m, in), B: mat(w, in, out)},
			gpu.GemmArgs{C: mat(dw, in, out), A: mat(x, m, in), B: mat(d, m, out), TransA: true})
		if back {
			p.list = append(p.list, gpu.GemmArgs{C: mat(dx, m, in), A: mat(d, m, out), B: mat(w, in, out), TransB: true})
		}
	}
	return nil
}

// feedback adds e·[B1|B2|...].
func (p *products) feedback(batch, logits, hidden int) error {
	var m [3]gpu.Buffer
	for i, n := range []int{batch * hidden, batch * logits, logits * hidden} {
		var err error
		if m[i], err = p.operand(n); err != nil {
			return err
		}
	}
	p.list = append(p.list, gpu.GemmArgs{
		C: gpu.All(m[0]).Mat(batch, hidden), A: gpu.All(m[1]).Mat(batch, logits), B: gpu.All(m[2]).Mat(logits, hidden),
	})
	return nil
}

// operand is a buffer of n small numbers, none of which makes a sum grow without bound.
func (p *products) operand(n int) (gpu.Buffer, error) {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i%7) - 3
	}
	b, err := gpu.NewBuffer(p.dev, values)
	if err == nil {
		p.operands = append(p.operands, b)
	}
	return b, err
}

// free gives the device's memory back.
func (p *products) free() error {
	var failed error
	if p.program != nil {
		failed = p.program.Free()
	}
	for _, b := range p.operands {
		failed = errors.Join(failed, b.Free())
	}
	return failed
}
