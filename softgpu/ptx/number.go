package ptx

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseNumber reads a PTX literal: an integer in base 2, 8, 10 or 16, with an optional U
// suffix, a decimal float (a double), or raw IEEE bits: 0f and 8 hex digits, 0d and 16.
func parseNumber(text string) (Operand, error) {
	low := strings.ToLower(text)
	switch {
	case len(low) == 10 && strings.HasPrefix(low, "0f"):
		v, err := strconv.ParseUint(low[2:], 16, 32)
		return Operand{Kind: KFloat, FloatBits: 32, Int: v}, err
	case len(low) == 18 && strings.HasPrefix(low, "0d"):
		v, err := strconv.ParseUint(low[2:], 16, 64)
		return Operand{Kind: KFloat, FloatBits: 64, Int: v}, err
	case !strings.HasPrefix(low, "0x") && strings.ContainsAny(low, ".e"):
		v, err := strconv.ParseFloat(low, 64)
		if err != nil {
			return Operand{}, fmt.Errorf("%q is not a number", text)
		}
		return Operand{Kind: KFloat, FloatBits: 64, Int: math.Float64bits(v)}, nil
	}
	digits := strings.TrimSuffix(low, "u")
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	case strings.HasPrefix(digits, "0b"):
		base, digits = 2, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base = 8
	}
	v, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return Operand{}, fmt.Errorf("%q is not a number", text)
	}
	return Operand{Kind: KInt, Int: v}, nil
}

// Float gives the value of a literal operand as a float of the given width
// (16, 32 or 64), as bits. An integer literal is converted by value.
func (o Operand) Float(bits int) (uint64, bool) {
	switch {
	case o.Kind == KInt && bits == 32:
		return uint64(math.Float32bits(float32(int64(o.Int)))), true
	case o.Kind == KInt && bits == 64:
		return math.Float64bits(float64(int64(o.Int))), true
	case o.Kind == KInt && bits == 16:
		return o.Int & 0xffff, true // PTX has no half literal: the bits are given as an integer
	case o.Kind != KFloat:
		return 0, false
	case o.FloatBits == bits:
		return o.Int, true
	case o.FloatBits == 64 && bits == 32:
		return uint64(math.Float32bits(float32(math.Float64frombits(o.Int)))), true
	case o.FloatBits == 32 && bits == 64:
		return math.Float64bits(float64(math.Float32frombits(uint32(o.Int)))), true
	}
	return 0, false
}
