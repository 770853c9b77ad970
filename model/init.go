package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mdfa/gpu"
)

// MonotoneMin is the lower bound of uniform draws in monotone networks.
const MonotoneMin = 1e-6

// maxInitValue keeps every draw finite: a normal draw stays below 20 standard
// deviations, and float32 ends at 3.4e38.
const maxInitValue = 1e30

// Init is an initializer: a distribution with the number v, Value.
//
//	DrawConstant    v itself
//	DrawSymmetric   uniform in [-v/sqrt(fan_in), v/sqrt(fan_in)]
//	DrawUniform     uniform in [Min, v/sqrt(fan_in)]
//	DrawNormal      normal, mean 0, standard deviation v
//	DrawAbsNormal   the absolute value of DrawNormal
//
// With Glorot the upper bound of uniform draws is v·sqrt(6/(fan_in + fan_out)) instead: Glorot,
// Bengio: Understanding the difficulty of training deep feedforward neural networks. AISTATS 2010.
type Init struct {
	Dist   gpu.Draw
	Value  float64 // at least 0 unless Dist is DrawConstant
	Min    float64 // lower bound of DrawUniform: 0, or MonotoneMin in monotone networks
	Glorot bool
}

var letters = [...]string{gpu.DrawConstant: "", gpu.DrawSymmetric: "U", gpu.DrawNormal: "N", gpu.DrawUniform: "P", gpu.DrawAbsNormal: "A"}

// initSyntax is an optional letter and a decimal number, without the hexadecimal numbers,
// digit separators and words for infinity that strconv reads.
var initSyntax = regexp.MustCompile(`(?i)^([unpax]?)([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)$`)

const initGrammar = "expected a number such as 0 or 0.1 (constant), or with v at least 0: " +
	"U<v> (uniform in ±v/sqrt(fan_in)), N<v> (normal, standard deviation v), " +
	"P<v> (uniform in [0, v/sqrt(fan_in)]), A<v> (absolute value of N<v>) " +
	"or X<v> (uniform in ±v·sqrt(6/(fan_in + fan_out)), Glorot)"

const glorotLetter = "X"

// ParseInit reads an initializer: a number, or one of U, N, P, A, X in either case and
// a number of at least 0. The error lists the grammar.
func ParseInit(text string) (Init, error) {
	match := initSyntax.FindStringSubmatch(strings.TrimSpace(text))
	if match == nil {
		return Init{}, fmt.Errorf("initializer %s: %s", quote(text), initGrammar)
	}
	in := Init{Dist: gpu.DrawConstant}
	for d := gpu.DrawSymmetric; d <= gpu.DrawAbsNormal; d++ {
		if strings.EqualFold(letters[d], match[1]) {
			in.Dist = d
		}
	}
	if strings.EqualFold(glorotLetter, match[1]) {
		in.Dist, in.Glorot = gpu.DrawSymmetric, true
	}
	value, err := strconv.ParseFloat(match[2], 64)
	switch {
	case err != nil || math.Abs(value) > maxInitValue:
		return Init{}, fmt.Errorf("initializer %s: the number is beyond %g; %s", quote(text), maxInitValue, initGrammar)
	case in.Dist != gpu.DrawConstant && value < 0:
		return Init{}, fmt.Errorf("initializer %s: the scale is negative; %s", quote(text), initGrammar)
	}
	in.Value = value + 0 // -0 becomes 0
	return in, nil
}

// String returns the initializer in the grammar of [ParseInit]. The grammar has no words for the
// lower bound that [Init.Monotone] sets: it is appended, "P1 from 1e-06".
func (in Init) String() string {
	if in.unknown() {
		return fmt.Sprintf("Init(%d, %g)", in.Dist, in.Value)
	}
	text := in.letter() + strconv.FormatFloat(in.Value, 'g', -1, 64)
	if in.Min != 0 {
		text += fmt.Sprintf(" from %g", in.Min)
	}
	return text
}

func (in Init) letter() string {
	if in.Glorot {
		return glorotLetter
	}
	return letters[in.Dist]
}

func (in Init) unknown() bool { return in.Dist == gpu.DrawNone || in.Dist > gpu.DrawAbsNormal }

// CheckDirect refuses an initializer that cannot draw direct feedback, which has one distribution for all layers.
func (in Init) CheckDirect() error {
	if in.Glorot {
		return fmt.Errorf("initializer %v: its bound depends on the width of a layer, and direct feedback has one distribution for all layers: take U, N, P, A or a number", in)
	}
	return nil
}

// Monotone returns the initializer for everything that mDFA keeps non-negative: the feedback, and
// the forward weights of every layer but the first. U, P and X become uniform from
// MonotoneMin to their upper bound, N its absolute value; a negative number is an error.
func (in Init) Monotone() (Init, error) {
	switch in.Dist {
	case gpu.DrawConstant:
		if in.Value < 0 {
			return Init{}, fmt.Errorf("initializer %v: mdfa needs feedback and weights of at least 0: take a number that is not negative", in)
		}
	case gpu.DrawSymmetric, gpu.DrawUniform:
		return Init{Dist: gpu.DrawUniform, Value: in.Value, Min: MonotoneMin, Glorot: in.Glorot}, nil
	case gpu.DrawNormal:
		return Init{Dist: gpu.DrawAbsNormal, Value: in.Value}, nil
	case gpu.DrawNone, gpu.DrawAbsNormal:
	}
	return in, nil
}

// FreeFirst returns the initializer for the first layer's forward weights in mDFA, whose sign is
// not constrained: P becomes U and A becomes N.
func (in Init) FreeFirst() Init {
	switch in.Dist {
	case gpu.DrawUniform:
		return Init{Dist: gpu.DrawSymmetric, Value: in.Value, Glorot: in.Glorot}
	case gpu.DrawAbsNormal:
		return Init{Dist: gpu.DrawNormal, Value: in.Value}
	case gpu.DrawNone, gpu.DrawConstant, gpu.DrawSymmetric, gpu.DrawNormal:
	}
	return in
}

// Draw fills dst. Bounds hold after rounding to float32: no uniform draw lies below
// float32(Min) or beyond the upper bound in float32. If the range is empty or a fan is below 1,
// Draw returns an error and leaves dst unchanged.
//
// Constants take nothing from rng, uniform draws one Uint64 for each two elements
// (the last of an odd dst takes one for itself), normal draws one or a few each. Only
// Go's float arithmetic without fused operations is used, so that the bits of
// constants and uniform draws are the same on every machine.
func (in Init) Draw(dst []float32, fanIn, fanOut int, rng *rand.Rand) error {
	g, err := in.Generator(fanIn, fanOut, 0)
	if err != nil {
		return err
	}
	switch in.Dist {
	case gpu.DrawNone:
	case gpu.DrawConstant:
		for i := range dst {
			dst[i] = g.High
		}
	case gpu.DrawSymmetric, gpu.DrawUniform:
		var words [512]uint32
		for part := range slices.Chunk(dst, len(words)) {
			for i := 0; i < len(part); i += 2 {
				bits := rng.Uint64()
				words[i], words[i+1] = uint32(bits>>32), uint32(bits)
			}
			g.Transform(part, words[:])
		}
	case gpu.DrawNormal, gpu.DrawAbsNormal:
		for i := range dst {
			z := rng.NormFloat64()
			if in.Dist == gpu.DrawAbsNormal {
				z = math.Abs(z)
			}
			dst[i] = float32(z * in.Value)
		}
	}
	return nil
}

// Generator returns the initializer as a formula from which every device draws by itself. Normal
// draws have the distribution of [Init.Draw] and other values.
func (in Init) Generator(fanIn, fanOut int, seed uint64) (gpu.Generator, error) {
	switch {
	case fanIn < 1 || fanOut < 1:
		return gpu.Generator{}, fmt.Errorf("initializer %v: the fan-in is %d, the fan-out %d, both must be at least 1", in, fanIn, fanOut)
	case in.unknown():
		return gpu.Generator{}, fmt.Errorf("unknown initializer %v", in)
	}
	g := gpu.Generator{Draw: in.Dist, Seed: seed, High: float32(in.Value)}
	root := math.Sqrt(float64(fanIn)) // v over the upper bound
	if in.Glorot {
		root = math.Sqrt(float64(fanIn+fanOut) / 6)
	}
	bound := in.Value / root
	if in.Dist == gpu.DrawUniform && bound < in.Min {
		return gpu.Generator{}, fmt.Errorf("initializer %s%g: with a fan-in of %d its upper bound %.3g lies below the lower bound of mdfa, %g: take v of at least %.3g",
			in.letter(), in.Value, fanIn, bound, in.Min, in.Min*root)
	}
	if in.Dist == gpu.DrawSymmetric || in.Dist == gpu.DrawUniform {
		g.Low, g.High = float32(in.Min), float32(bound)
	}
	return g, nil
}
