package gpu

import (
	"fmt"
	"math"

	"mdfa/gpu/internal/philox"
)

// Draw is a distribution that a [Generator] draws from.
type Draw uint8

// The distributions.
const (
	DrawNone      Draw = iota
	DrawConstant       // High
	DrawSymmetric      // uniform in ±High: the odd multiples of High/2^24
	DrawUniform        // uniform in [Low, High]: Low and multiples of (High-Low)/2^24
	DrawNormal         // mean 0, standard deviation High
	DrawAbsNormal      // the absolute value of DrawNormal
)

var drawNames = [...]string{"none", "constant", "symmetric", "uniform", "normal", "absolute normal"}

// String names the distribution.
func (d Draw) String() string {
	if int(d) < len(drawNames) {
		return drawNames[d]
	}
	return fmt.Sprintf("Draw(%d)", uint8(d))
}

// Generator is a random matrix for each layer as a formula: the feedback B of DFA, or the
// magnitudes of [SignArgs]. The element in row k (of B a logit) and column j of layer l, all
// counted from 0, is
//
//	transform(word j mod 4 of Philox4x32-10 with the counter (j div 4, k, l, 0) and the key Seed)
//
// It depends on nothing else, so that a device can draw it where it is needed, and again at
// every step. The transforms use single float32 operations that IEEE 754 rounds exactly,
// in a fixed order: every device draws the same bits.
type Generator struct {
	Draw      Draw
	Seed      uint64  // its low half is the first word of the key
	Low, High float32 // Low is for DrawUniform only
}

// Fill sets dst to columns [column, column+len(dst)) of a row of a layer's matrix.
func (g Generator) Fill(dst []float32, layer, row, column int) {
	if g.Draw == DrawConstant {
		for i := range dst {
			dst[i] = g.High
		}
		return
	}
	key := [2]uint32{uint32(g.Seed), uint32(g.Seed >> 32)}
	for i := 0; i < len(dst); {
		at := column + i
		words := philox.Words([4]uint32{uint32(at / 4), uint32(row), uint32(layer)}, key)
		n := min(4-at%4, len(dst)-i)
		g.Transform(dst[i:i+n], words[at%4:])
		i += n
	}
}

// RMS returns the root mean square of the numbers that the generator draws.
func (g Generator) RMS() float32 {
	low, high := float64(g.Low), float64(g.High)
	switch g.Draw {
	case DrawSymmetric:
		return float32(math.Abs(high) / math.Sqrt(3))
	case DrawUniform:
		return float32(math.Sqrt((low*low + low*high + high*high) / 3))
	case DrawConstant, DrawNormal, DrawAbsNormal:
		return float32(math.Abs(high))
	case DrawNone:
	}
	return 0
}

// Transform makes each element of dst from 32 random bits, exactly as drawn in kernels.cu does.
// The conversions keep Go from fusing a product with a sum, which it would do on some machines.
func (g Generator) Transform(dst []float32, words []uint32) {
	words = words[:len(dst)]
	switch g.Draw {
	case DrawNone, DrawConstant: // draw from no bits
	case DrawSymmetric:
		for i, word := range words {
			dst[i] = float32(int32(word)>>8*2+1) * 0x1p-24 * g.High
		}
	case DrawUniform:
		// No sum exceeds High: u is at most 1 - 2^-24, which takes back what rounding may
		// have added to the width.
		width := g.High - g.Low
		for i, word := range words {
			dst[i] = g.Low + float32(float32(word>>8)*0x1p-24*width)
		}
	case DrawNormal:
		for i, word := range words {
			dst[i] = normal(word) * g.High
		}
	case DrawAbsNormal:
		for i, word := range words {
			dst[i] = normal(word&^1) * g.High
		}
	}
}

// normal returns the quantile of the standard normal distribution, PPND7 of M. J. Wichura,
// Algorithm AS 241, Applied Statistics 37 (1988), good to seven digits. The lowest bit of
// the word is the sign, the others are the probability of a value further out, at least
// 2^-33: no magnitude exceeds 6.4.
func normal(word uint32) float32 {
	tail := (float32(word>>1) + 0.5) * 0x1p-32
	q := 0.5 - tail
	var z float32
	if q <= 0.425 {
		r := 0.180625 - float32(q*q)
		above := horner(r, 5.9109374720e+01, 1.5929113202e+02, 5.0434271938e+01, 3.3871327179)
		below := horner(r, 6.7187563600e+01, 7.8757757664e+01, 1.7895169469e+01, 1)
		z = float32(q*above) / below
	} else {
		r := float32(math.Sqrt(float64(negLog(tail)))) - 1.6
		above := horner(r, 1.7023821103e-01, 1.3067284816, 2.7568153900, 1.4234372777)
		below := horner(r, 0, 1.2021132975e-01, 7.3700164250e-01, 1)
		z = above / below
	}
	if word&1 != 0 {
		return -z
	}
	return z
}

// horner returns ((a·x + b)·x + c)·x + d.
func horner(x, a, b, c, d float32) float32 {
	sum := float32(a*x) + b
	sum = float32(sum*x) + c
	return float32(sum*x) + d
}

// negLog returns -ln(x) of a normal number x < 1: with x = f·2^e, f from sqrt(½) to sqrt(2) and
// s = (f-1)/(f+1), ln(f) = 2(s + s³/3 + s⁵/5 + …), of which s¹¹ is below a float32's digits.
func negLog(x float32) float32 {
	const ln2, root2 = 0.693147180559945, 1.41421356
	word := math.Float32bits(x)
	exponent := int32(word>>23) - 127
	f := math.Float32frombits(word&0x007fffff | 0x3f800000)
	if f > root2 {
		f *= 0.5
		exponent++
	}
	s := (f - 1) / (f + 1)
	square := float32(s * s)
	series := float32(square * horner(square, 1.0/9, 1.0/7, 1.0/5, 1.0/3))
	double := s + s
	return float32(float32(-exponent)*ln2) - (double + float32(double*series))
}
