package devicetest

import (
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// nan and inf are special values.
var nan, inf = float32(math.NaN()), float32(math.Inf(1))

// seeded returns a generator for a name, so that a case draws the same numbers whichever
// other cases run.
func seeded(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// uniform draws n numbers in (-1, 1) that are not zero.
func uniform(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		for v[i] == 0 {
			v[i] = r.Float32()*2 - 1
		}
	}
	return v
}

// scale multiplies all elements.
func scale(v []float32, by float32) []float32 {
	for i := range v {
		v[i] *= by
	}
	return v
}

// labels draws n classes.
func labels(r *rand.Rand, n, classes int) []int32 {
	y := make([]int32, n)
	for i := range y {
		y[i] = r.Int32N(int32(classes))
	}
	return y
}

// pixels draws n bytes, both ends of the range among them.
func pixels(r *rand.Rand, n int) []uint8 {
	v := make([]uint8, n)
	for i := range v {
		switch r.IntN(8) {
		case 0:
			v[i] = 0
		case 1:
			v[i] = 255
		default:
			v[i] = uint8(r.UintN(256))
		}
	}
	return v
}

// kinks returns the preactivations at which f or f' of some activation changes, their
// neighbours, and the smallest numbers.
func kinks() []float32 {
	k := []float32{0, float32(math.Copysign(0, -1)),
		math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-126}
	for _, at := range []float32{1, -1} {
		k = append(k, at, math.Nextafter32(at, 2*at), math.Nextafter32(at, 0))
	}
	return k
}

// preactivations draws n numbers in (-2, 2) with the kinks among them.
func preactivations(r *rand.Rand, n int) []float32 {
	v, k := scale(uniform(r, n), 2), kinks()
	for i := range v {
		if r.IntN(4) == 0 {
			v[i] = k[r.IntN(len(k))]
		}
	}
	return v
}

// sortedKeys lists a table's names in a fixed order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
