package gpu

import (
	"fmt"
	"math"
)

// checker keeps the first mistake in an operation's arguments.
type checker struct {
	op  string
	err error
}

func (c *checker) fail(kind error, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: %s: %w", c.op, fmt.Sprintf(format, args...), kind)
	}
}

// span requires n elements of type t within a buffer.
func (c *checker) span(name string, s Span, t DType, n int) {
	switch {
	case c.err != nil:
	case s.IsNone():
		c.fail(ErrBuffer, "%s is missing", name)
	case s.Buf.DType() != t:
		c.fail(ErrBuffer, "%s holds %s, not %s", name, s.Buf.DType(), t)
	case s.Len != n:
		c.fail(ErrShape, "%s has %d elements, needed are %d", name, s.Len, n)
	case s.Off < 0 || s.Off > s.Buf.Len() || s.Len < 0 || s.Len > s.Buf.Len()-s.Off:
		c.fail(ErrShape, "%s is elements %d to %d of a buffer of %d", name, s.Off, s.Off+s.Len, s.Buf.Len())
	}
}

// maxElements exceeds every array and keeps products of sizes from overflowing.
const maxElements = 1 << 46

// product multiplies sizes; it is false for negative ones and beyond maxElements.
func product(sizes ...int) (int, bool) {
	n := 1
	for _, s := range sizes {
		if s < 0 || s > 0 && n > maxElements/s {
			return 0, false
		}
		n *= s
	}
	return n, true
}

// mat requires a float32 matrix whose elements lie within its buffer.
func (c *checker) mat(name string, m Mat) {
	if _, ok := product(m.Rows, m.Cols); !ok {
		c.fail(ErrShape, "%s is %v", name, m)
		return
	}
	c.span(name, m.Span, Float32, m.Rows*m.Cols)
}

// output requires the n outputs of a layer, and its preactivations where f' needs them.
func (c *checker) output(name string, h Hidden, n int) {
	if !h.Act.known() {
		c.fail(ErrShape, "%s has an unknown activation, %v", name, h.Act)
	}
	c.span(name, h.H, Float32, n)
	if h.Act.NeedsPre() {
		c.span(name+"'s preactivation", h.Pre, Float32, n)
	}
}

// hidden requires the n outputs of a layer that an error passes back through. A constant f' needs none.
func (c *checker) hidden(name string, h Hidden, n int) {
	if h.Act.row().source != constant {
		c.output(name, h, n)
	}
}

// channels requires a bias gradient that divides a layer's n elements per example.
func (c *checker) channels(b Span, n int) {
	c.span("the bias gradient", b, Float32, b.Len)
	if c.err == nil && (b.Len == 0 && n != 0 || b.Len != 0 && n%b.Len != 0) {
		c.fail(ErrShape, "a bias gradient of %d for %d elements per example", b.Len, n)
	}
}

// Check returns an error unless s is a non-empty range of its buffer.
func (s Span) Check(op string) error {
	c := checker{op: op}
	if s.IsNone() {
		c.fail(ErrBuffer, "no buffer")
		return c.err
	}
	c.span("the span", s, s.Buf.DType(), s.Len)
	return c.err
}

// CheckCopy returns an error unless src can be copied to dst.
func CheckCopy(dst, src Span) error {
	if err := src.Check("copy"); err != nil {
		return err
	}
	c := checker{op: "copy"}
	c.span("the destination", dst, src.Buf.DType(), src.Len)
	if c.err == nil && dst.Buf == src.Buf && dst.Off < src.Off+src.Len && src.Off < dst.Off+dst.Len {
		c.fail(ErrShape, "source and destination overlap")
	}
	return c.err
}

// augment requires images of the given number of features, and a shift that leaves a part of them.
func (c *checker) augment(a Augment, features int) {
	if n, ok := product(a.Height, a.Width, a.Channels); !ok || n != features {
		c.fail(ErrShape, "images of %d×%d×%d to augment, and X has %d features", a.Height, a.Width, a.Channels, features)
	}
	if a.Shift < 0 || a.Shift > 0 && a.Shift >= min(a.Height, a.Width) {
		c.fail(ErrShape, "a shift by up to %d of images of %d×%d", a.Shift, a.Height, a.Width)
	}
	if a.First < 0 || a.First > math.MaxInt32 {
		c.fail(ErrShape, "images to augment from number %d on", a.First)
	}
	c.span("the step", a.Step, Int32, 1)
}

// Check returns an error unless a window fits into the padded image.
func (s ConvShape) Check() error {
	if s.Batch < 0 || s.InH < 1 || s.InW < 1 || s.InC < 1 || s.OutC < 1 || s.Kernel < 1 || s.Stride < 1 {
		return fmt.Errorf("convolution %v: sizes must be positive: %w", s, ErrShape)
	}
	if s.Pad < 0 || s.Pad >= s.Kernel {
		return fmt.Errorf("convolution %v: the padding must be at least 0 and less than the kernel: %w", s, ErrShape)
	}
	// Subtracted from the kernel, since the sum of image and padding could overflow.
	if rest := s.Kernel - s.Pad - s.Pad; rest > s.InH || rest > s.InW {
		return fmt.Errorf("convolution %v: the kernel must fit into the image: %w", s, ErrShape)
	}
	_, filterFits := product(s.Kernel, s.Kernel, s.InC, s.OutC)
	_, inFits := product(s.Batch, s.InH, s.InW, s.InC)
	if filterFits && inFits { // now no sum overflows
		_, paddedFits := product(s.Batch, s.InH+2*s.Pad, s.InW+2*s.Pad, s.InC)
		_, outFits := product(s.Batch, s.OutH(), s.OutW(), s.OutC)
		_, patchFits := product(s.Batch, s.OutH(), s.OutW(), s.Kernel, s.Kernel, s.InC)
		if paddedFits && outFits && patchFits {
			return nil
		}
	}
	return fmt.Errorf("convolution %v is too large: %w", s, ErrShape)
}

// conv requires the geometry and the filters of a convolution.
func (c *checker) conv(s ConvShape, w Span) {
	if err := s.Check(); err != nil && c.err == nil {
		c.err = fmt.Errorf("%s: %w", c.op, err)
	}
	c.span("W", w, Float32, s.Patch()*s.OutC)
}

// Check returns an error unless a window fits into the image.
func (s PoolShape) Check() error {
	_, fits := product(s.Batch, s.InH, s.InW, s.Channels)
	switch {
	case s.Kind != MaxPooling && s.Kind != AveragePooling:
		return fmt.Errorf("pooling %v: the kind must be %v or %v: %w", s, MaxPooling, AveragePooling, ErrShape)
	case s.Batch < 0 || s.Channels < 1 || s.Kernel < 1 || s.Stride < 1 || s.Kernel > s.InH || s.Kernel > s.InW:
		return fmt.Errorf("pooling %v: the window must fit into the image, sizes must be positive: %w", s, ErrShape)
	case s.Kind == MaxPooling && s.Kernel > MaxPoolingKernel:
		return fmt.Errorf("pooling %v: a window of max pooling has at most %d×%d pixels: %w", s, MaxPoolingKernel, MaxPoolingKernel, ErrShape)
	case !fits:
		return fmt.Errorf("pooling %v is too large: %w", s, ErrShape)
	}
	return nil
}

// pool requires the geometry and the arrays that both directions of a pooling have.
func (c *checker) pool(s PoolShape, in, out string, x, y, index Span) {
	if err := s.Check(); err != nil {
		c.err = fmt.Errorf("%s: %w", c.op, err)
		return
	}
	c.span(in, x, Float32, s.InLen())
	c.span(out, y, Float32, s.OutLen())
	switch {
	case !index.IsNone() && s.Kind == AveragePooling:
		c.fail(ErrBuffer, "an index of averages")
	case !index.IsNone():
		c.span("the index", index, Uint8, s.OutLen())
	}
}

// generator requires a distribution from which every device can draw the numbers called name.
func (c *checker) generator(name string, g Generator) {
	finite := func(v float32) bool { return math.Abs(float64(v)) <= math.MaxFloat32 }
	ordered := g.Draw != DrawUniform || g.Low <= g.High && finite(g.High-g.Low)
	if g.Draw > DrawAbsNormal || !finite(g.Low) || !finite(g.High) || !ordered {
		c.fail(ErrShape, "%s cannot be drawn as %v from %g to %g", name, g.Draw, g.Low, g.High)
	}
}
