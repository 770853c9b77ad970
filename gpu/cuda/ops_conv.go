//go:build cuda

package cuda

import (
	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// convolution is the geometry of a convolution as chunks of images: a convolution is a
// product of patches [positions, Kernel·Kernel·InC] with the filters [patch, OutC], and
// the patches are laid out for as many images at a time as the workspace holds.
type convolution struct {
	gpu.ConvShape
	positions int // of one image
	images    int // of a chunk
	patches   *patches
	direct    bool
}

// newConvolution lays out the patches, unless the input itself can be taken for them where
// that may be done directly.
func newConvolution(b *builder, s gpu.ConvShape, directly bool) *convolution {
	c := &convolution{ConvShape: s, positions: s.OutH() * s.OutW(), images: s.Batch}
	b.count(s.InLen())
	b.count(s.Batch * (s.InH + 2*s.Pad) * (s.InW + 2*s.Pad))
	b.count(s.OutLen())
	b.matrices(matrix{0, s.Rows(), s.OutC}, matrix{0, s.Patch(), s.OutC})
	if c.direct = directly && s.Unfolded(); c.direct {
		return c
	}
	image := c.positions * s.Patch() // floats
	b.count(image)
	most := min(b.patchBytes/4, kernels.MaxElements) / image
	c.images = max(1, min(s.Batch, most))
	own := b.scratch(4 * c.images * image)
	c.patches = &patches{own: own, at: own}
	return c
}

// ofImage notes the image of the patches, so that other operations can use them if
// all of them lie there at the same time.
func (c *convolution) ofImage(b *builder, x gpu.Span) {
	if c.direct || c.images < c.Batch || c.Batch == 0 || b.err != nil {
		return
	}
	at := uint64(address(x))
	c.patches.image, c.patches.shape = extent{at, at + uint64(bytesOf(x))}, c.ConvShape
	c.patches.shape.OutC = 0
	b.patches = c.patches
}

// each calls work for every chunk: images [from, to).
func (c *convolution) each(work func(from, to int)) {
	for from := 0; from < c.Batch; from += c.images {
		work(from, min(from+c.images, c.Batch))
	}
}

// imageAt returns the address of one image in an array with the given number of floats an image.
func imageAt(array kernels.DevicePtr, image, floats int) kernels.DevicePtr {
	return array + kernels.DevicePtr(4*image*floats)
}

// inImage and outImage return the number of floats of one image.
func (c *convolution) inImage() int  { return c.InH * c.InW * c.InC }
func (c *convolution) outImage() int { return c.positions * c.OutC }

// covered returns the number of floats of an image that some window sees, and the number of floats
// of its patches that lie inside the image.
func (c *convolution) covered() (pixels, inside int) {
	pixelsDown, insideDown := covered(c.InH, c.OutH(), c.Kernel, c.Stride, c.Pad)
	pixelsAcross, insideAcross := covered(c.InW, c.OutW(), c.Kernel, c.Stride, c.Pad)
	return pixelsDown * pixelsAcross * c.InC, insideDown * insideAcross * c.InC
}

// covered returns the number of pixels along one side of an image that some window sees, and the
// sum of the windows' lengths inside the image. A stride beyond the kernel leaves pixels out, and
// so may the far edge.
func covered(in, out, kernel, stride, pad int) (pixels, inside int) {
	seen := 0
	for i := range out {
		from := i*stride - pad
		to := min(from+kernel, in)
		inside += to - max(from, 0)
		pixels += to - max(from, seen)
		seen = to
	}
	return pixels, inside
}

// rows returns the rows of images [from, to) of an array of outputs [positions, OutC].
func (c *convolution) rows(array kernels.DevicePtr, from, to int) matrix {
	return matrix{imageAt(array, from, c.outImage()), (to - from) * c.positions, c.OutC}
}

// lay puts the patches of images [from, to) of x into the workspace, unless they are there,
// and returns them as a matrix [rows, patch].
func (c *convolution) lay(q *queue, x kernels.DevicePtr, from, to int) matrix {
	images := to - from
	m := matrix{rows: images * c.positions, cols: c.Patch()}
	image := imageAt(x, from, c.inImage())
	if c.direct {
		m.at = image
		return m
	}
	m.at = c.patches.at.in(q)
	if c.patches.shared {
		return m
	}
	n := m.rows * m.cols
	width := kernels.Width(c.InC, image, m.at)
	shape := kernels.Im2colShape(images, c.InH+2*c.Pad, c.InW+2*c.Pad, c.InC, c.OutH(), c.OutW(), c.Patch(), width)
	pixels, _ := c.covered()
	q.note(q.kernel(4*images*pixels, 4*n, 0).Im2col(shape, image, m.at,
		int32(images), int32(c.InH), int32(c.InW), int32(c.InC), int32(c.Kernel), int32(c.Stride), int32(c.Pad),
		int32(c.OutH()), int32(c.OutW()), width))
	return m
}

// Conv multiplies chunk by chunk, and activates all rows at once.
func (d *Device) Conv(a gpu.ConvArgs) error {
	return d.submit("conv", a.Check(), func(b *builder) func(*queue) {
		x, out := b.read(a.X), layerOf(b.write, a.Out)
		c := newConvolution(b, a.Shape, true)
		c.ofImage(b, a.X)
		filters := matrix{b.read(a.W), c.Patch(), c.OutC}
		activate := activate(b, out, b.read(a.B), c.Rows(), c.OutC)
		return func(q *queue) {
			c.each(func(from, to int) {
				q.gemm(product{c: c.rows(out.sums, from, to), a: c.lay(q, x, from, to), b: filters})
			})
			activate(q)
		}
	})
}

// ConvBackward turns errors into patches of errors, chunk by chunk, and adds these up.
func (d *Device) ConvBackward(a gpu.ConvBackwardArgs) error {
	return d.submit("conv backward", a.Check(), func(b *builder) func(*queue) {
		c := newConvolution(b, a.Shape, false)
		below := layerOf(b.read, a.Below)
		dx, dy, source, biasGrad := b.write(a.DX), b.read(a.DY), below.slope, b.write(a.BiasGrad)
		filters := matrix{b.read(a.W), c.Patch(), c.OutC}
		width := kernels.Width(c.InC, dx, source) // chunks of images keep the alignment
		blocks := 0
		c.each(func(from, to int) {
			s, _ := kernels.Col2imShape((to-from)*c.InH*c.InW, c.InC, width)
			blocks += int(s.Grid[0])
		})
		sums := b.scratch(4 * blocks * c.InC)
		return func(q *queue) {
			row := 0 // of the sums
			c.each(func(from, to int) {
				images := to - from
				p := matrix{c.patches.at.in(q), images * c.positions, c.Patch()}
				q.gemm(product{c: p, a: c.rows(dy, from, to), b: filters, transB: true})
				n := images * c.inImage()
				shape, rowsPerBlock := kernels.Col2imShape(images*c.InH*c.InW, c.InC, width)
				chunkBlocks := int(shape.Grid[0])
				_, inside := c.covered()
				elements := images * inside
				q.note(q.kernel(4*elements+below.slopeBytes(n), 4*(n+chunkBlocks*c.InC), elements+3*n).Col2im(shape,
					p.at, imageAt(source, from, c.inImage()), imageAt(dx, from, c.inImage()), imageAt(sums.in(q), row, c.InC),
					int32(images), int32(c.InH), int32(c.InW), int32(c.InC), int32(c.Kernel), int32(c.Stride), int32(c.Pad),
					int32(c.OutH()), int32(c.OutW()), rowsPerBlock, int32(below.act), width))
				row += chunkBlocks
			})
			q.columnSums(sumsOf{sums.in(q), biasGrad, blocks, c.InC})
		}
	})
}

// ConvGrad adds up the gradients of all chunks, in their order.
func (d *Device) ConvGrad(a gpu.ConvGradArgs) error {
	return d.submit("conv gradient", a.Check(), func(b *builder) func(*queue) {
		x, dy := b.read(a.X), b.read(a.DY)
		c := newConvolution(b, a.Shape, true)
		c.ofImage(b, a.X)
		dw := matrix{b.write(a.DW), c.Patch(), c.OutC}
		return func(q *queue) {
			if c.Batch == 0 {
				q.zero(dw.at, 4*dw.rows*dw.cols)
			}
			c.each(func(from, to int) {
				q.gemm(product{c: dw, a: c.lay(q, x, from, to), b: c.rows(dy, from, to), transA: true, accumulate: from > 0})
			})
		}
	})
}
