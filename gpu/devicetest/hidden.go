package devicetest

import (
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
)

// activations are all rows of the table in package gpu.
var activations = append(gpu.Activations(), gpu.Linear)

// forward lays out the outputs of a forward pass over sums of k products: H, and Pre
// where the activation needs it. H must be f of the very Pre beside it.
func forward(s *stage, f gpu.Activation, n, k int, scale float64, preactivation func() []float64) gpu.Hidden {
	pre := sync.OnceValue(preactivation)
	h := gpu.Hidden{Act: f}
	// Every f has a slope of at most one: H is as exact as A is.
	checkH := near(scale, sumTolerance(k), func() []float64 { return activateAll(f, pre()) })
	if !f.NeedsPre() {
		h.H = out(s, "H", n, checkH)
		return h
	}
	var gotH []float32
	h.H = out(s, "H", n, func(t *testing.T, got []float32) {
		gotH = got
		checkH(t, got)
	})
	checkPre := near(scale, sumTolerance(k), pre)
	h.Pre = out(s, "Pre", n, func(t *testing.T, got []float32) {
		checkPre(t, got)
		for i, a := range got {
			if want := f.F(float64(a)); !math.IsNaN(want) && !matches(f, float64(a), float64(gotH[i])) {
				assert.Fail(t, fmt.Sprintf("element %d: H is %v, f(Pre) is %v for Pre %v", i, gotH[i], want, a))
				return
			}
		}
	})
	return h
}

// below lays out the outputs of a layer that an error passes back through, from its
// preactivations, and returns f' of each.
func below(s *stage, name string, f gpu.Activation, a []float32) (gpu.Hidden, []float64) {
	h, slopes := make([]float32, len(a)), make([]float64, len(a))
	for i, x := range a {
		h[i] = float32(f.F(float64(x)))
		slopes[i] = slope(f, float64(x), float64(h[i]))
	}
	hidden := gpu.Hidden{Act: f}
	if f == gpu.Linear {
		return hidden, slopes // f' is constant: no device may need the outputs
	}
	hidden.H = in(s, name+".H", h)
	if f.NeedsPre() {
		hidden.Pre = in(s, name+".Pre", a)
	}
	return hidden, slopes
}

// masked returns x ⊙ f'.
func masked(x, slopes []float64) []float64 {
	d := make([]float64, len(x))
	for i := range x {
		d[i] = timesSlope(x[i], slopes[i])
	}
	return d
}

// biasGrad lays out the channel sums of a delta that has n elements, each a sum of k products.
func biasGrad(s *stage, name string, channels, n, k int, delta func() []float64) gpu.Span {
	positions := n / max(channels, 1)
	return out(s, name, channels, near(sumScale(k*positions), sumTolerance(k)+sumTolerance(positions),
		func() []float64 { return channelSums(delta(), channels) }))
}
