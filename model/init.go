package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"

	"mdfa/gpu"
)

// Distribution is what an initializer draws from.
type Distribution uint8

// The distributions, with v the number of the initializer.
const (
	Constant  Distribution = iota // v itself
	Uniform                       // [-v/sqrt(fan_in), v/sqrt(fan_in)]
	Normal                        // mean 0, standard deviation v
	Positive                      // [Min, v/sqrt(fan_in)], uniform
	AbsNormal                     // absolute value of Normal
)

var letters = [...]string{Constant: "", Uniform: "U", Normal: "N", Positive: "P", AbsNormal: "A"}

// MonotoneMin is the lower bound of uniform draws in monotone networks.
const MonotoneMin = 1e-6

// maxInitValue keeps every draw finite: a normal draw stays below 20 standard
// deviations, and float32 ends at 3.4e38.
const maxInitValue = 1e30

// Init is an initializer. The zero Init is the constant 0.
type Init struct {
	Dist  Distribution
	Value float64 // v: at least 0 unless Dist is Constant
	Min   float64 // lower bound of Positive: 0, or MonotoneMin in monotone networks
}

// initSyntax is a letter or none, then a decimal number: neither hexadecimal floats
// nor digit separators nor the words for infinity, which strconv would take.
var initSyntax = regexp.MustCompile(`(?i)^([unpa]?)([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)$`)

const initGrammar = "expected a number such as 0 or 0.1 (constant), or with v at least 0: " +
	"U<v> (uniform in ±v/sqrt(fan_in)), N<v> (normal, standard deviation v), " +
	"P<v> (uniform in [0, v/sqrt(fan_in)]) or A<v> (absolute value of N<v>)"

// ParseInit reads an initializer: a number, or one of U, N, P, A in either case and
// a number of at least 0. The error lists the grammar.
func ParseInit(text string) (Init, error) {
	match := initSyntax.FindStringSubmatch(strings.TrimSpace(text))
	if match == nil {
		return Init{}, fmt.Errorf("model: initializer %s: %s", quote(text), initGrammar)
	}
	var in Init
	for d, letter := range letters {
		if strings.EqualFold(letter, match[1]) {
			in.Dist = Distribution(d)
		}
	}
	value, err := strconv.ParseFloat(match[2], 64)
	switch {
	case err != nil || math.Abs(value) > maxInitValue:
		return Init{}, fmt.Errorf("model: initializer %s: the number is beyond %g; %s", quote(text), maxInitValue, initGrammar)
	case in.Dist != Constant && value < 0:
		return Init{}, fmt.Errorf("model: initializer %s: the scale is negative; %s", quote(text), initGrammar)
	}
	in.Value = value + 0 // -0 becomes 0
	return in, nil
}

// String is the initializer in the grammar of [ParseInit]. Only the bound of a
// rewritten P, for which the grammar has no words, is appended: "P1 from 1e-06".
func (in Init) String() string {
	if int(in.Dist) >= len(letters) {
		return fmt.Sprintf("Init(%d, %g)", in.Dist, in.Value)
	}
	text := letters[in.Dist] + strconv.FormatFloat(in.Value, 'g', -1, 64)
	if in.Min != 0 {
		text += fmt.Sprintf(" from %g", in.Min)
	}
	return text
}

// Monotone is the initializer for what mDFA keeps non-negative: the feedback, and the
// forward weights of every layer but the first. U and P become uniform in
// [MonotoneMin, v/sqrt(fan_in)], N its absolute value; a negative number is an error.
func (in Init) Monotone() (Init, error) {
	switch in.Dist {
	case Constant:
		if in.Value < 0 {
			return Init{}, fmt.Errorf("model: initializer %v: mdfa needs feedback and weights of at least 0: take a number that is not negative", in)
		}
	case Uniform, Positive:
		return Init{Dist: Positive, Value: in.Value, Min: MonotoneMin}, nil
	case Normal:
		return Init{Dist: AbsNormal, Value: in.Value}, nil
	}
	return in, nil
}

// FreeFirst is the initializer for the first layer's forward weights in mDFA, which
// have no constraint on their sign: P becomes U and A becomes N.
func (in Init) FreeFirst() Init {
	switch in.Dist {
	case Positive:
		return Init{Dist: Uniform, Value: in.Value}
	case AbsNormal:
		return Init{Dist: Normal, Value: in.Value}
	}
	return in
}

// Draw fills dst. Bounds hold after rounding to float32: no uniform draw lies below
// float32(Min) or beyond float32(v/sqrt(fanIn)). Where that leaves nothing to draw
// from, or fanIn is below 1, the error says so and dst is as it was.
//
// Constants take nothing from rng, uniform draws one Uint64 for each two elements
// (the last of an odd dst takes one for itself), normal draws one or a few each. Only
// Go's float arithmetic without fused operations is used, so that the bits of
// constants and uniform draws are the same on every machine.
func (in Init) Draw(dst []float32, fanIn int, rng *rand.Rand) error {
	bound, err := in.bound(fanIn)
	if err != nil {
		return err
	}
	switch in.Dist {
	case Constant:
		for i := range dst {
			dst[i] = float32(in.Value)
		}
	case Uniform:
		fillUniform(dst, float32(bound), rng)
	case Positive:
		fillPositive(dst, float32(in.Min), float32(bound), rng)
	case Normal:
		for i := range dst {
			dst[i] = float32(rng.NormFloat64() * in.Value)
		}
	case AbsNormal:
		for i := range dst {
			dst[i] = float32(math.Abs(rng.NormFloat64()) * in.Value)
		}
	}
	return nil
}

// bound is v/sqrt(fanIn), or an error where there is nothing to draw from.
func (in Init) bound(fanIn int) (float64, error) {
	if fanIn < 1 {
		return 0, fmt.Errorf("model: initializer %v: the fan-in is %d, it must be at least 1", in, fanIn)
	}
	if in.Dist > AbsNormal {
		return 0, fmt.Errorf("model: unknown initializer %v", in)
	}
	bound := in.Value / math.Sqrt(float64(fanIn))
	if in.Dist == Positive && bound < in.Min {
		return 0, fmt.Errorf("model: initializer P%g: with a fan-in of %d its upper bound %.3g lies below the lower bound of mdfa, %g: take v of at least %.3g",
			in.Value, fanIn, bound, in.Min, in.Min*math.Sqrt(float64(fanIn)))
	}
	return bound, nil
}

// Generator is the initializer as a formula that every device draws from by itself. Its
// draws are others than those of [Init.Draw], with the same distribution and bounds.
func (in Init) Generator(fanIn int, seed uint64) (gpu.Generator, error) {
	bound, err := in.bound(fanIn)
	if err != nil {
		return gpu.Generator{}, err
	}
	g := gpu.Generator{Seed: seed, High: float32(in.Value)}
	switch in.Dist {
	case Constant:
		g.Draw = gpu.DrawConstant
	case Uniform:
		g.Draw, g.High = gpu.DrawSymmetric, float32(bound)
	case Positive:
		g.Draw, g.Low, g.High = gpu.DrawUniform, float32(in.Min), float32(bound)
	case Normal:
		g.Draw = gpu.DrawNormal
	case AbsNormal:
		g.Draw = gpu.DrawAbsNormal
	}
	return g, nil
}

// fillUniform draws from the 2^24 odd multiples of bound/2^24 within ±bound: they are
// symmetric about zero, and every product's magnitude is at most bound.
func fillUniform(dst []float32, bound float32, rng *rand.Rand) {
	draw := func(bits uint32) float32 { return float32(int32(bits)>>8*2+1) * 0x1p-24 * bound }
	i := 0
	for ; i+1 < len(dst); i += 2 {
		bits := rng.Uint64()
		dst[i], dst[i+1] = draw(uint32(bits>>32)), draw(uint32(bits))
	}
	if i < len(dst) {
		dst[i] = draw(uint32(rng.Uint64() >> 32))
	}
}

// fillPositive draws low + u·width, with u the multiples of 2^-24 below 1. No sum passes
// high: u is at most 1-2^-24, which takes back what rounding may have added to width.
func fillPositive(dst []float32, low, high float32, rng *rand.Rand) {
	width := high - low
	// The conversion keeps the product from being fused with the sum.
	draw := func(bits uint32) float32 { return low + float32(float32(bits>>8)*0x1p-24*width) }
	i := 0
	for ; i+1 < len(dst); i += 2 {
		bits := rng.Uint64()
		dst[i], dst[i+1] = draw(uint32(bits>>32)), draw(uint32(bits))
	}
	if i < len(dst) {
		dst[i] = draw(uint32(rng.Uint64() >> 32))
	}
}
