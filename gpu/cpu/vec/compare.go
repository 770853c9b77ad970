package vec

// Comparison holds sums over two arrays: exact products in float64, and counts of signs and of
// elements of the first array at bounds. A comparison with NaN is false.
type Comparison struct {
	Dot, SquareA, SquareB float64 // Σ a·b, Σ a², Σ b²
	Same, Opposed         int     // a and b on the same side of zero, or on either
	Low, High             int     // a <= low, a >= high
}

// Add adds the elements of a and b.
func (c *Comparison) Add(a, b []float32, low, high float32) {
	n := 0
	if accelerated {
		n = c.addSIMD(a, b, low, high)
	}
	c.add(a[n:], b[n:], low, high)
}

// add runs the plain loop. The product of two float32 is exact in float64 and does not
// underflow, so its sign is that of the factors.
func (c *Comparison) add(a, b []float32, low, high float32) {
	b = b[:len(a)]
	for i, x := range a {
		product := float64(x) * float64(b[i])
		c.Dot += product
		c.SquareA += float64(x) * float64(x)
		c.SquareB += float64(b[i]) * float64(b[i])
		c.Same += indicator(product > 0)
		c.Opposed += indicator(product < 0)
		c.Low += indicator(x <= low)
		c.High += indicator(x >= high)
	}
}

// indicator returns 1 for true. The compiler makes no branch of it, which random signs would mispredict.
func indicator(b bool) int {
	if b {
		return 1
	}
	return 0
}
