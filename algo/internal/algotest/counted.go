package algotest

import "mdfa/gpu"

// Counted counts the operations that an engine asks of a device.
type Counted struct {
	gpu.Device
	// Floats are the float32 that were allocated. Backward counts the operations of backward passes, weight
	// gradients among them, and Feedbacks those of direct feedback.
	Floats, Programs, Compares, Backward, Feedbacks int
}

// Alloc counts.
func (c *Counted) Alloc(kind gpu.DType, n int) (gpu.Buffer, error) {
	if kind == gpu.Float32 {
		c.Floats += n
	}
	return c.Device.Alloc(kind, n)
}

// Record counts.
func (c *Counted) Record(step func() error) (gpu.Program, error) {
	c.Programs++
	return c.Device.Record(step)
}

// Compare counts.
func (c *Counted) Compare(a gpu.CompareArgs) error {
	c.Compares++
	return c.Device.Compare(a)
}

// Feedback counts.
func (c *Counted) Feedback(a gpu.FeedbackArgs) error {
	c.Feedbacks++
	return c.Device.Feedback(a)
}

// ConvBackward counts.
func (c *Counted) ConvBackward(a gpu.ConvBackwardArgs) error {
	c.Backward++
	return c.Device.ConvBackward(a)
}

// DenseBackward counts.
func (c *Counted) DenseBackward(a gpu.DenseBackwardArgs) error {
	c.Backward++
	return c.Device.DenseBackward(a)
}

// ConvGrad counts.
func (c *Counted) ConvGrad(a gpu.ConvGradArgs) error {
	c.Backward++
	return c.Device.ConvGrad(a)
}

// Gemm counts.
func (c *Counted) Gemm(a gpu.GemmArgs) error {
	if a.TransA { // a weight gradient
		c.Backward++
	}
	return c.Device.Gemm(a)
}
