package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/cpu/vec"
)

// A convolution is a product of patches [positions, Kernel·Kernel·InC] with the filters
// [Kernel·Kernel·InC, OutC]. A worker makes the patches of a few images at a time in its
// scratch memory, multiplies them and does not keep them: making them again for the
// gradient costs less than loading them from main memory.

// groups cuts a batch into parts of whole images, and each part into bites of as many images
// as have patches, width floats for every position, that fit into the scratch memory.
type groups struct {
	shape       gpu.ConvShape
	parts, bite int
	width       int // floats of one patch
	positions   int // of one image
}

func (d *Device) newGroups(s gpu.ConvShape, width, parts int) groups {
	g := groups{shape: s, parts: min(parts, max(s.Batch, 1)), width: width, positions: s.OutH() * s.OutW()}
	g.bite = max(1, min(patchFloats/(g.positions*width), (s.Batch+g.parts-1)/g.parts))
	d.reserve(g.bite * g.positions * width)
	return g
}

// lay returns columns [from, to) of the patches of images [first, last) of x, and the number of
// floats from one row to the next. It makes the rows in scratch, unless x holds them already.
func (g groups) lay(scratch, x []float32, first, last, from, to int) (rows []float32, stride int) {
	if s := g.shape; s.Unfolded() {
		return x[first*g.positions*s.Patch()+from:], s.Patch()
	}
	patches(scratch, x, g.shape, first, last, from, to)
	return scratch, to - from
}

// each calls work for the bites of one part: images [from, to).
func (g groups) each(part int, work func(from, to int)) {
	first, last := cut(g.shape.Batch, g.parts, part, 1)
	for from := first; from < last; from += g.bite {
		work(from, min(from+g.bite, last))
	}
}

// patches copies columns [from, to) of the patches of images [first, last) of x to dst,
// one row for each output position. Patches are NHWC too, so that a row of a window,
// Kernel·InC floats, is contiguous.
func patches(dst, x []float32, s gpu.ConvShape, first, last, from, to int) {
	run := s.Kernel * s.InC
	line := s.InW * s.InC
	at := 0
	for n := first; n < last; n++ {
		image := x[n*s.InH*line : (n+1)*s.InH*line]
		for y := range s.OutH() {
			for xx := range s.OutW() {
				top, left := y*s.Stride-s.Pad, (xx*s.Stride-s.Pad)*s.InC
				for c := from; c < to; {
					i, inRun := c/run, c%run
					n := min(run-inRun, to-c)
					row, start := dst[at:at+n], (top+i)*line+left+inRun
					if s.Pad == 0 {
						copy(row, image[start:start+n])
					} else {
						from, to := within(s, top+i, left+inRun, n)
						clear(row[:from])
						if from < to {
							copy(row[from:to], image[start+from:])
						}
						clear(row[to:])
					}
					at += n
					c += n
				}
			}
		}
	}
}

// within returns the part [from, to) of n floats in a row of a window that lies inside the image.
// They begin at float left of the image's line top; both may be outside.
func within(s gpu.ConvShape, top, left, n int) (from, to int) {
	if top < 0 || top >= s.InH {
		return 0, 0
	}
	from = min(max(-left, 0), n)
	return from, max(from, min(s.InW*s.InC-left, n))
}

// scatter adds the patches of images [first, last) to the pixels they were copied from: the
// transpose of patches. It visits positions in order, so that every pixel's sum has one order.
func scatter(dx, rows []float32, s gpu.ConvShape, first, last int) {
	run := s.Kernel * s.InC
	line := s.InW * s.InC
	at := 0
	for n := first; n < last; n++ {
		image := dx[n*s.InH*line : (n+1)*s.InH*line]
		clear(image)
		for y := range s.OutH() {
			for xx := range s.OutW() {
				top, left := y*s.Stride-s.Pad, (xx*s.Stride-s.Pad)*s.InC
				for i := range s.Kernel {
					from, to := 0, run
					if s.Pad > 0 {
						from, to = within(s, top+i, left, run)
					}
					if from < to {
						start := (top+i)*line + left
						vec.Add(image[start+from:start+to], rows[at+from:at+to])
					}
					at += run
				}
			}
		}
	}
}

// Conv multiplies and activates a few images at a time.
func (d *Device) Conv(a gpu.ConvArgs) error {
	uses := []gpu.Span{a.Out.H, a.Out.Pre, a.X, a.W, a.B}
	return d.submit("conv", a.Check(), uses, func() []phase {
		s := a.Shape
		x, w, bias := floats(a.X), floats(a.W), floats(a.B)
		out, z := unitsOf(a.Out), floats(a.Out.Sums())
		g := d.newGroups(s, s.Patch(), productParts(2*s.Rows()*s.Patch()*s.OutC))
		products := make([]blas.Product, g.parts)
		return []phase{{g.parts, func(part, worker int) {
			p := &products[part]
			g.each(part, func(from, to int) {
				first, rows := from*g.positions, (to-from)*g.positions
				unfolded, stride := g.lay(d.scratch[worker], x, from, to, 0, s.Patch())
				*p = blas.Product{
					C: z[first*s.OutC:], A: unfolded, B: w,
					M: rows, N: s.OutC, K: s.Patch(), LDC: s.OutC, LDA: stride, LDB: s.OutC,
				}
				d.blas.Run(p)
				for row := first; row < first+rows; row++ {
					out.activate(row*s.OutC, bias)
				}
			})
		}}}
	})
}

// ConvBackward multiplies errors into patches of errors and scatters these.
func (d *Device) ConvBackward(a gpu.ConvBackwardArgs) error {
	uses := []gpu.Span{a.DX, a.DY, a.W, a.Below.H, a.Below.Pre, a.BiasGrad}
	return d.submit("conv backward", a.Check(), uses, func() []phase {
		s := a.Shape
		dx, dy, w, below := floats(a.DX), floats(a.DY), floats(a.W), unitsOf(a.Below)
		g := d.newGroups(s, s.Patch(), productParts(2*s.Rows()*s.Patch()*s.OutC))
		products := make([]blas.Product, g.parts)
		sums := make([]float32, g.parts*s.InC)
		pixels := s.InH * s.InW
		return []phase{
			{g.parts, func(part, worker int) {
				sum := sums[part*s.InC : (part+1)*s.InC]
				clear(sum)
				p := &products[part]
				g.each(part, func(from, to int) {
					*p = blas.Product{
						C: d.scratch[worker], A: dy[from*g.positions*s.OutC:], B: w,
						M: (to - from) * g.positions, N: s.Patch(), K: s.OutC,
						LDC: s.Patch(), LDA: s.OutC, LDB: s.OutC, TransB: true,
					}
					d.blas.Run(p)
					scatter(dx, d.scratch[worker], s, from, to)
					for pixel := from * pixels; pixel < to*pixels; pixel++ {
						start := pixel * s.InC
						below.timesSlope(start, dx[start:start+s.InC], sum)
					}
				})
			}},
			fold(floats(a.BiasGrad), sums),
		}
	})
}

// ConvGrad multiplies transposed patches with errors. It is cut along the batch, as the forward
// pass is, so that a worker reads the images that it has in its cache, and the parts' sums are
// added in order. If these sums would take much memory, the patches are cut into columns, each
// with its own gradient, unless patches are narrow (the first layer of a grey image has
// 25 columns).
func (d *Device) ConvGrad(a gpu.ConvGradArgs) error {
	return d.submit("conv gradient", a.Check(), []gpu.Span{a.DW, a.X, a.DY}, func() []phase {
		s := a.Shape
		if sums := s.Patch() * s.OutC * productParts(2*s.Rows()*s.Patch()*s.OutC); s.Patch() < narrowPatch || sums <= partialFloats {
			return d.convGradByImages(a)
		}
		return d.convGradByColumns(a)
	})
}

const (
	narrowPatch   = 128
	partialFloats = 2 << 20 // of all parts of a gradient together
)

func (d *Device) convGradByColumns(a gpu.ConvGradArgs) []phase {
	s := a.Shape
	dw, x, dy := floats(a.DW), floats(a.X), floats(a.DY)
	parts := productParts(2 * s.Rows() * s.Patch() * s.OutC)
	width := 0
	for part := range parts {
		from, to := cut(s.Patch(), parts, part, columnUnit)
		width = max(width, to-from)
	}
	g := d.newGroups(s, width, 1)
	products := make([]blas.Product, parts)
	return []phase{{parts, func(part, worker int) {
		from, to := cut(s.Patch(), parts, part, columnUnit)
		d.accumulateGrad(&products[part], g, worker, 0, dw[from*s.OutC:to*s.OutC], x, dy, from, to)
	}}}
}

func (d *Device) convGradByImages(a gpu.ConvGradArgs) []phase {
	s := a.Shape
	dw, x, dy := floats(a.DW), floats(a.X), floats(a.DY)
	g := d.newGroups(s, s.Patch(), productParts(2*s.Rows()*s.Patch()*s.OutC))
	products := make([]blas.Product, g.parts)
	partial := make([][]float32, g.parts)
	for part := range partial {
		partial[part] = alignedFloats(len(dw))
	}
	return []phase{
		{g.parts, func(part, worker int) {
			d.accumulateGrad(&products[part], g, worker, part, partial[part], x, dy, 0, s.Patch())
		}},
		split(len(dw), func(from, to int) {
			copy(dw[from:to], partial[0][from:to])
			for _, p := range partial[1:] {
				vec.Add(dw[from:to], p[from:to])
			}
		}),
	}
}

// accumulateGrad sets dw to the gradient of columns [from, to) of the patches, summed over the
// images of one group.
func (d *Device) accumulateGrad(p *blas.Product, g groups, worker, group int, dw, x, dy []float32, from, to int) {
	s := g.shape
	clear(dw)
	if from == to {
		return
	}
	g.each(group, func(first, last int) {
		rows, stride := g.lay(d.scratch[worker], x, first, last, from, to)
		*p = blas.Product{
			C: dw, A: rows, B: dy[first*g.positions*s.OutC:],
			M: to - from, N: s.OutC, K: (last - first) * g.positions,
			LDC: s.OutC, LDA: stride, LDB: s.OutC, TransA: true, Accumulate: true,
		}
		d.blas.Run(p)
	})
}
