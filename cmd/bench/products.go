package bench

import (
	"errors"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/model"
)

// patchLimit bounds the patches, in bytes, that the products multiply at a time. Devices also lay out the
// patches of some images, multiply them, and use the memory again.
const patchLimit = 256 << 20

// matrix is the first rows·cols elements of an operand.
type matrix struct{ operand, rows, cols int }

// product is C = op(A)·op(B).
type product struct {
	c, a, b        matrix
	transA, transB bool
}

// flops counts a multiply-add as two.
func (p product) flops() float64 {
	inner := p.a.cols
	if p.transA {
		inner = p.a.rows
	}
	return 2 * float64(p.c.rows) * float64(p.c.cols) * float64(inner)
}

// productPlan lists the matrix products of a step, in order: forward and weight gradient of every layer that learns, and those that
// bring the error to the hidden layers. A convolution multiplies its patches.
type productPlan struct {
	operands []int // the size of each, in elements
	list     []product
}

// planProducts lists the products of a step without a device.
func planProducts(net *model.Network, rule *algo.Rule, batch int) *productPlan {
	p, learns := &productPlan{}, algo.Config{Rule: rule}.Learning(net)
	for i, l := range net.Layers {
		p.layer(l, batch, learns[i], i > 0 && rule.Products == algo.LayerProducts)
	}
	if rule.Products == algo.DirectProducts { // e·[B1|B2|…]
		hidden := net.HiddenUnits()
		p.list = append(p.list, product{
			c: p.matrix(batch, hidden), a: p.matrix(batch, net.Logits), b: p.matrix(net.Logits, hidden),
		})
		if rule.LearnsFeedback() { // eᵀ·[h1|h2|…], layer by layer
			for _, l := range net.Hidden() {
				p.list = append(p.list, product{
					c: p.matrix(net.Logits, l.Units()), a: p.matrix(batch, net.Logits), b: p.matrix(batch, l.Units()), transA: true,
				})
			}
		}
	}
	return p
}

// layer adds H = X·W, if it learns dW = Xᵀ·D and, if back, dX = D·Wᵀ. X has a row for each example, or for each patch of as many
// images as patchLimit allows.
func (p *productPlan) layer(l model.Layer, batch int, learns, back bool) {
	positions, in, out := l.Units()/l.Channels(), l.FanIn(), l.Channels()
	most := batch
	if l.Kind == model.Conv {
		most = min(batch, max(1, patchLimit/(4*positions*in)))
	}
	rows := most * positions
	x, w, h := p.matrix(rows, in), p.matrix(in, out), p.matrix(rows, out)
	var d, dw, dx matrix
	if learns {
		d, dw = p.matrix(rows, out), p.matrix(in, out)
	}
	if back {
		dx = p.matrix(rows, in)
	}
	for left := batch; left > 0; left -= most {
		rows := min(left, most) * positions
		x.rows, h.rows, d.rows, dx.rows = rows, rows, rows, rows
		p.list = append(p.list, product{c: h, a: x, b: w})
		if learns {
			p.list = append(p.list, product{c: dw, a: x, b: d, transA: true})
		}
		if back {
			p.list = append(p.list, product{c: dx, a: d, b: w, transB: true})
		}
	}
}

// matrix adds an operand.
func (p *productPlan) matrix(rows, cols int) matrix {
	p.operands = append(p.operands, rows*cols)
	return matrix{len(p.operands) - 1, rows, cols}
}

// flops is the number of additions and multiplications of all products.
func (p *productPlan) flops() (sum float64) {
	for _, product := range p.list {
		sum += product.flops()
	}
	return sum
}

// bytes is the memory of all operands.
func (p *productPlan) bytes() (sum int64) {
	for _, n := range p.operands {
		sum += 4 * int64(n)
	}
	return sum
}

// products are a step's matrix products, recorded on a device.
type products struct {
	operands []gpu.Buffer
	program  gpu.Program
}

// record allocates the operands on a device and records the products. After an error nothing is left there.
func (p *productPlan) record(dev gpu.Device) (*products, error) {
	if free := dev.Info().MemoryFree; free > 0 && p.bytes() > free {
		return nil, gpu.ErrOutOfMemory
	}
	made := &products{}
	for _, n := range p.operands {
		values := make([]float32, n)
		for i := range values { // small and of both signs, so that no sum grows without bound
			values[i] = float32(i%7) - 3
		}
		b, err := gpu.NewBuffer(dev, values)
		if err != nil {
			return nil, errors.Join(err, made.free())
		}
		made.operands = append(made.operands, b)
	}
	mat := func(m matrix) gpu.Mat {
		return gpu.All(made.operands[m.operand]).Slice(0, m.rows*m.cols).Mat(m.rows, m.cols)
	}
	var err error
	made.program, err = dev.Record(func() error {
		for _, p := range p.list {
			if err := dev.Gemm(gpu.GemmArgs{C: mat(p.c), A: mat(p.a), B: mat(p.b), TransA: p.transA, TransB: p.transB}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, made.free())
	}
	return made, nil
}

// free frees the products' device memory.
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
