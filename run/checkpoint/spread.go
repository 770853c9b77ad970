package checkpoint

import "math"

// Spread describes values. Mean, Norm, Min and Max are of the finite values, NaN if there are none.
type Spread struct {
	Number, Finite       int
	Zeros, AtFloor       int // AtFloor: values at the floor or below
	Mean, Norm, Min, Max float64
}

// Measure describes values; floor is NaN if nothing is clamped.
func Measure(values []float32, floor float64) Spread {
	s := Spread{Number: len(values), Min: math.Inf(1), Max: math.Inf(-1)}
	bound := float32(floor) // as the device clamps
	sum, squares := 0.0, 0.0
	for _, w := range values {
		x := float64(w)
		if x-x != 0 { // NaN or infinite
			continue
		}
		s.Finite++
		sum += x
		squares += x * x
		s.Min, s.Max = min(s.Min, x), max(s.Max, x)
		if x == 0 {
			s.Zeros++
		}
		if w <= bound {
			s.AtFloor++
		}
	}
	s.Mean, s.Norm = sum/float64(s.Finite), math.Sqrt(squares)
	if s.Finite == 0 {
		s.Mean, s.Norm, s.Min, s.Max = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	return s
}

// Floor returns the value at which the rule clamps the weights of a layer from below, NaN if it does
// not: mdfa clamps every layer but the first.
func (s *Settings) Floor(layer int) float64 {
	if s.ClampFloor == nil || layer == 0 {
		return math.NaN()
	}
	return *s.ClampFloor
}
