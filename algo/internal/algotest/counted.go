package algotest

import "mdfa/gpu"

// Counted is a device that counts the operations that are asked of it.
type Counted struct {
	gpu.Device
	// Bytes were allocated, in buffers and feeds. Backward counts the operations of backward passes, weight gradients
	// among them, Feedbacks the products of errors with direct feedback, and Updates the optimizer's.
	Bytes, Programs, Compares, Backward, Feedbacks, Updates int

	Sums, Summed int // over ranks, and the numbers in them
}

// Alloc counts.
func (c *Counted) Alloc(kind gpu.DType, n int) (gpu.Buffer, error) {
	c.Bytes += n * kind.Size()
	return c.Device.Alloc(kind, n)
}

// NewFeed counts.
func (c *Counted) NewFeed(slots int, parts ...gpu.FeedPart) (gpu.Feed, error) {
	for _, p := range parts {
		c.Bytes += slots * p.Len * p.Type.Size()
	}
	return c.Device.NewFeed(slots, parts...)
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
	if a.Labels.IsNone() {
		c.Feedbacks++
	}
	return c.Device.Feedback(a)
}

// AllReduce counts.
func (c *Counted) AllReduce(a gpu.AllReduceArgs) error {
	c.Sums++
	c.Summed += a.X.Len
	return c.Device.AllReduce(a)
}

// Optimize counts.
func (c *Counted) Optimize(a gpu.OptimizeArgs) error {
	c.Updates++
	return c.Device.Optimize(a)
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

// Gemm counts weight gradients.
func (c *Counted) Gemm(a gpu.GemmArgs) error {
	if a.TransA {
		c.Backward++
	}
	return c.Device.Gemm(a)
}
