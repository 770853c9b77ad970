//go:build goexperiment.simd && amd64

package vec

import (
	"encoding/binary"
	"simd/archsimd"
	"unsafe"

	"mdfa/gpu"
	"mdfa/gpu/internal/philox"
)

// accelerated: AVX2 and FMA are there.
var accelerated = archsimd.X86.AVX2() && archsimd.X86.FMA()

type f8 = archsimd.Float32x8

// load and store reach s[i:i+8], which exists: each loop cuts its slices to the length that
// it counts to, and one check at the start costs less than one for each slice and turn.
func load(s []float32, i int) f8 {
	return archsimd.LoadFloat32x8((*[8]float32)(unsafe.Pointer(&s[i])))
}

func store(v f8, s []float32, i int) { v.Store((*[8]float32)(unsafe.Pointer(&s[i]))) }

func all(x float32) f8 { return archsimd.BroadcastFloat32x8(x) }

// A loop below processes the first n elements, n a multiple of 8, and returns n: the plain loop, which
// computes the same bits, takes the rest. Where it rounds otherwise, curveSIMD and optimizeSIMD take
// the rest in vectors that they pad. Each loop ends with ClearAVXUpperBits: the compiler does not
// insert it, and scalar code after it would be slow.

func scaleBytesSIMD(dst []float32, src []uint8, scale float32) int {
	n := len(src) &^ 15
	dst = dst[:len(src)]
	s := all(scale)
	for i := 0; i < n; i += 16 {
		bytes := archsimd.LoadUint8x16((*[16]uint8)(src[i:]))
		words := bytes.ExtendToUint16()
		store(words.GetLo().ExtendToUint32().AsInt32x8().ConvertToFloat32().Mul(s), dst, i)
		store(words.GetHi().ExtendToUint32().AsInt32x8().ConvertToFloat32().Mul(s), dst, i+8)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func normalizeBytesSIMD(dst []float32, src []uint8, mean, scales []float32) int {
	n := len(src) &^ 15
	dst, mean, scales = dst[:len(src)], mean[:len(src)], scales[:len(src)]
	for i := 0; i < n; i += 16 {
		bytes := archsimd.LoadUint8x16((*[16]uint8)(src[i:]))
		words := bytes.ExtendToUint16()
		low, high := words.GetLo().ExtendToUint32().AsInt32x8(), words.GetHi().ExtendToUint32().AsInt32x8()
		store(low.ConvertToFloat32().Sub(load(mean, i)).Mul(load(scales, i)), dst, i)
		store(high.ConvertToFloat32().Sub(load(mean, i+8)).Mul(load(scales, i+8)), dst, i+8)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func scaleSIMD(dst, src []float32, scale float32) int {
	n := len(src) &^ 7
	s := all(scale)
	dst = dst[:n]
	for i := 0; i < n; i += 8 {
		store(s.Mul(load(src, i)), dst, i)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

// wordsSIMD sets words, a multiple of 16, to those of package philox for the counters (block, row, layer, 0),
// (block+1, row, layer, 0), …: four counters at a time, each number of them in the even words of a vector, the factors of
// the 64-bit products.
func wordsSIMD(words []uint32, seed uint64, layer, row, block int) {
	first, second := archsimd.BroadcastUint32x8(philox.First), archsimd.BroadcastUint32x8(philox.Second)
	golden, silver := archsimd.BroadcastUint32x8(philox.Golden), archsimd.BroadcastUint32x8(philox.Silver)
	low := archsimd.BroadcastUint64x4(1<<32 - 1)
	for i := 0; i < len(words); i += 16 {
		at := uint64(block + i/4)
		c0 := archsimd.LoadUint64x4(&[4]uint64{at, at + 1, at + 2, at + 3}).AsUint32x8()
		c1, c2 := archsimd.BroadcastUint32x8(uint32(row)), archsimd.BroadcastUint32x8(uint32(layer))
		c3 := archsimd.BroadcastUint32x8(0)
		k0, k1 := archsimd.BroadcastUint32x8(uint32(seed)), archsimd.BroadcastUint32x8(uint32(seed>>32))
		for range philox.Rounds {
			p0, p1 := first.MulEvenWiden(c0), second.MulEvenWiden(c2)
			c0, c1 = p1.ShiftAllRight(32).AsUint32x8().Xor(c1).Xor(k0), p1.AsUint32x8()
			c2, c3 = p0.ShiftAllRight(32).AsUint32x8().Xor(c3).Xor(k1), p0.AsUint32x8()
			k0, k1 = k0.Add(golden), k1.Add(silver)
		}
		c01 := c0.AsUint64x4().And(low).Or(c1.AsUint64x4().ShiftAllLeft(32))
		c23 := c2.AsUint64x4().And(low).Or(c3.AsUint64x4().ShiftAllLeft(32))
		even, odd := c01.InterleaveLoGrouped(c23).AsUint32x8(), c01.InterleaveHiGrouped(c23).AsUint32x8()
		to := words[i : i+16]
		even.GetLo().Store((*[4]uint32)(to))
		odd.GetLo().Store((*[4]uint32)(to[4:]))
		even.GetHi().Store((*[4]uint32)(to[8:]))
		odd.GetHi().Store((*[4]uint32)(to[12:]))
	}
	archsimd.ClearAVXUpperBits()
}

func signSIMD(dst, src, m []float32) int {
	n := len(src) &^ 7
	dst, m = dst[:n], m[:n]
	zero, signs := all(0), archsimd.BroadcastInt32x8(-1<<31)
	for i := 0; i < n; i += 8 {
		s := load(src, i)
		signed := load(m, i).AsInt32x8().AndNot(signs).Or(s.AsInt32x8().And(signs)).AsFloat32x8()
		store(signed.Merge(s, s.Less(zero).Or(s.Greater(zero))), dst, i)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

// activateSIMD returns 0 for an activation without a vector loop.
func activateSIMD(act gpu.Activation, h, z, bias []float32) int {
	low, high, clipped := bounds(act)
	switch {
	case clipped:
		return clipSIMD(h, z, bias, low, high)
	case act == gpu.Tanh || act == gpu.Sigmoid:
		return curveSIMD(act, h, z, bias)
	}
	return 0
}

// slopeSIMD returns 0 for an activation without a vector loop.
func slopeSIMD(act gpu.Activation, d, v, sum []float32) int {
	low, high, clipped := bounds(act)
	switch {
	case clipped:
		return clipSlopeSIMD(d, v, sum, low, high)
	case act == gpu.Tanh || act == gpu.Sigmoid:
		return curveSlopeSIMD(act, d, v, sum)
	case act == gpu.Linear:
		return addSIMD(sum, d)
	}
	return 0
}

// curveSIMD computes tanh or the sigmoid, the rest of less than 8 elements included.
func curveSIMD(act gpu.Activation, h, z, bias []float32) int {
	n := len(bias) &^ 7
	curve := func(h, z, bias []float32) {
		for i := 0; i < len(h); i += 8 {
			a := load(z, i).Add(load(bias, i))
			if act == gpu.Tanh {
				store(tanh(a), h, i)
			} else {
				store(sigmoid(a), h, i)
			}
		}
	}
	curve(h[:n], z[:n], bias[:n])
	if n < len(bias) {
		rest := padded(z[n:], bias[n:])
		curve(rest[0][:], rest[0][:], rest[1][:])
		copy(h[n:], rest[0][:])
	}
	archsimd.ClearAVXUpperBits()
	return len(bias)
}

// padded copies up to 4 slices of less than 8 elements into whole vectors.
func padded(parts ...[]float32) (whole [4][8]float32) {
	for k, part := range parts {
		copy(whole[k][:], part)
	}
	return whole
}

// Coefficients of (exp(r) - 1 - r)/r² on [-ln2/2, ln2/2] and of (tanh(x)/x - 1)/x² over
// x² in [0, 0.625²]: least-squares fits at Chebyshev nodes, reweighted towards the
// largest error; relative errors 8e-9 and 2e-8. ln 2 is split in two, the upper part
// short enough (10 bits) for k·ln2 to be exact. They lie in memory eight times each, as
// a load is cheaper than a broadcast in every turn of the loop.
var (
	exp0, exp1, exp2, exp3, exp4 = eight(0.5), eight(0.16666573), eight(0.041666362), eight(0.008363776), eight(0.0013942149)

	tanh0, tanh1, tanh2, tanh3, tanh4 = eight(-0.33333328), eight(0.13332795), eight(-0.053854066), eight(0.02101007), eight(-0.0061131753)

	log2e                         = eight(1.44269504)
	negLn2High, negLn2Low         = eight(-0.693359375), eight(2.12194440e-4)
	one, two, twenty, fiveEighths = eight(1), eight(2), eight(20), eight(0.625)

	lowest = eight(-87.3)
)

func eight(x float32) *[8]float32 { return &[8]float32{x, x, x, x, x, x, x, x} }

func con(x *[8]float32) f8 { return archsimd.LoadFloat32x8(x) }

// tanh returns x + x³·p(x²) for |x| < 0.625 and sign(x)·(1 - 2/(exp(2|x|) + 1)) otherwise.
func tanh(x f8) f8 {
	signs := archsimd.BroadcastInt32x8(-1 << 31)
	bits := x.AsInt32x8()
	a := bits.AndNot(signs).AsFloat32x8()

	z := x.Mul(x)
	p := con(tanh4).MulAdd(z, con(tanh3)).MulAdd(z, con(tanh2)).MulAdd(z, con(tanh1)).MulAdd(z, con(tanh0))
	small := p.Mul(z).MulAdd(x, x)

	// Beyond 10 tanh rounds to ±1; the bound keeps exp finite.
	e := exp(a.Add(a).Min(con(twenty)))
	large := con(one).Sub(con(two).Div(e.Add(con(one))))

	y := small.Merge(large, a.Less(con(fiveEighths)))
	y = y.AsInt32x8().Or(bits.And(signs)).AsFloat32x8()
	return x.Merge(y, x.IsNaN())
}

// sigmoid returns z/(1 + z) for x < 0 and 1/(1 + z) otherwise, with z = exp(-|x|), which cannot
// overflow. Below -87.3 it is 0, where z is subnormal.
func sigmoid(x f8) f8 {
	a := x.AsInt32x8().AndNot(archsimd.BroadcastInt32x8(-1 << 31)).AsFloat32x8()
	z := exp(all(0).Sub(a).Max(con(lowest)))
	y := z.Merge(con(one), x.Less(all(0))).Div(z.Add(con(one)))
	y = all(0).Merge(y, x.Less(con(lowest)))
	return x.Merge(y, x.IsNaN())
}

// exp returns 2^k·exp(r) with r = x - k·ln 2, for -87.3 <= x <= 88.
func exp(x f8) f8 {
	k := x.Mul(con(log2e)).RoundToEven()
	r := con(negLn2High).MulAdd(k, x)
	r = con(negLn2Low).MulAdd(k, r)
	p := con(exp4).MulAdd(r, con(exp3)).MulAdd(r, con(exp2)).MulAdd(r, con(exp1)).MulAdd(r, con(exp0))
	y := p.Mul(r).MulAdd(r, r).Add(con(one))
	power := k.ConvertToInt32().Add(archsimd.BroadcastInt32x8(127)).ShiftAllLeft(23).AsFloat32x8()
	return y.Mul(power)
}

// clipSIMD sets z = z + bias and clips it to [low, high].
func clipSIMD(h, z, bias []float32, low, high float32) int {
	n := len(bias) &^ 7
	least, most := all(low), all(high)
	h, z = h[:n], z[:n]
	for i := 0; i < n; i += 8 {
		a := load(z, i).Add(load(bias, i))
		store(a, z, i)
		y := least.Merge(a, a.Less(least))
		store(most.Merge(y, a.Greater(most)), h, i)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

// curveSlopeSIMD multiplies by f' = 1 - h² for tanh, and by h(1 - h) for the sigmoid.
func curveSlopeSIMD(act gpu.Activation, d, h, sum []float32) int {
	n := len(d) &^ 7
	unit := all(1)
	h, sum = h[:n], sum[:n]
	for i := 0; i < n; i += 8 {
		y := load(h, i)
		slope := unit.Sub(y.Mul(y))
		if act == gpu.Sigmoid {
			slope = y.Mul(unit.Sub(y))
		}
		g := load(d, i).Mul(slope)
		store(g, d, i)
		store(load(sum, i).Add(g), sum, i)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

// clipSlopeSIMD multiplies by f' = 1 in [low, high] and 0 elsewhere, NaN included.
func clipSlopeSIMD(d, pre, sum []float32, low, high float32) int {
	n := len(d) &^ 7
	least, most, unit := all(low), all(high), all(1)
	pre, sum = pre[:n], sum[:n]
	for i := 0; i < n; i += 8 {
		a := load(pre, i)
		slope := unit.Masked(a.GreaterEqual(least).And(a.LessEqual(most)))
		g := load(d, i).Mul(slope)
		store(g, d, i)
		store(load(sum, i).Add(g), sum, i)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func addSIMD(dst, src []float32) int {
	n := len(src) &^ 7
	dst = dst[:n]
	for i := 0; i < n; i += 8 {
		store(load(dst, i).Add(load(src, i)), dst, i)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func maxWindowSIMD(p []float32, index []uint8, h []float32, kernel, line int) int {
	n := len(p) &^ 7
	for c := 0; c < n; c += 8 {
		best, place := load(h, c), archsimd.BroadcastInt32x8(0)
		for i := range kernel {
			for j := range kernel {
				v := load(h, i*line+j*len(p)+c)
				larger := v.Greater(best).Or(v.IsNaN())
				best = v.Merge(best, larger)
				place = archsimd.BroadcastInt32x8(int32(i*kernel+j)).Merge(place, larger)
			}
		}
		store(best, p, c)
		if index != nil {
			var places [8]int32
			place.Store(&places)
			for k, at := range places {
				index[c+k] = uint8(at)
			}
		}
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func averageWindowSIMD(p, h []float32, kernel, line int) int {
	n := len(p) &^ 7
	area := all(float32(kernel * kernel))
	for c := 0; c < n; c += 8 {
		sum := all(0)
		for i := range kernel {
			for j := range kernel {
				sum = sum.Add(load(h, i*line+j*len(p)+c))
			}
		}
		store(sum.Div(area), p, c)
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func addToMaxSIMD(dx, e []float32, index []uint8, kernel, line int) int {
	n := len(e) &^ 7
	for c := 0; c < n; c += 8 {
		err := load(e, c)
		places := archsimd.BroadcastUint64x2(binary.LittleEndian.Uint64(index[c:])).AsUint8x16().ExtendLo8ToUint32().AsInt32x8()
		for i := range kernel {
			for j := range kernel {
				at := i*line + j*len(e) + c
				chosen := places.Equal(archsimd.BroadcastInt32x8(int32(i*kernel + j)))
				store(load(dx, at).Add(err.Masked(chosen)), dx, at)
			}
		}
	}
	archsimd.ClearAVXUpperBits()
	return n
}

func addToWindowSIMD(dx, e []float32, kernel, line int) int {
	n := len(e) &^ 7
	area := all(float32(kernel * kernel))
	for c := 0; c < n; c += 8 {
		share := load(e, c).Div(area)
		for i := range kernel {
			for j := range kernel {
				at := i*line + j*len(e) + c
				store(load(dx, at).Add(share), dx, at)
			}
		}
	}
	archsimd.ClearAVXUpperBits()
	return n
}

// floored returns max(w, floor) with NaN left as it is.
func floored(w, floor f8) f8 { return floor.Merge(w, w.Less(floor)) }

func optimizeSIMD(kind gpu.Optimizer, w, g, s1, s2 []float32, u Update) {
	n := len(g) &^ 7
	optimizeVectors(kind, w[:n], g[:n], s1, s2, u)
	if n < len(g) {
		one, two := s1[min(n, len(s1)):], s2[min(n, len(s2)):]
		rest := padded(w[n:], g[n:], one, two)
		optimizeVectors(kind, rest[0][:], rest[1][:], rest[2][:], rest[3][:], u)
		copy(w[n:], rest[0][:])
		copy(one, rest[2][:])
		copy(two, rest[3][:])
	}
	archsimd.ClearAVXUpperBits()
}

// optimizeVectors updates whole vectors.
func optimizeVectors(kind gpu.Optimizer, w, g, s1, s2 []float32, u Update) {
	switch kind {
	case gpu.SGD:
		sgdSIMD(w, g, u)
	case gpu.Momentum:
		momentumSIMD(w, g, s1[:len(g)], u)
	case gpu.RMSProp:
		rmspropSIMD(w, g, s1[:len(g)], u)
	case gpu.Adam, gpu.AdamW:
		adamSIMD(w, g, s1[:len(g)], s2[:len(g)], u)
	}
}

func sgdSIMD(w, g []float32, u Update) {
	lr, l2, floor := all(-u.LR), all(u.L2), all(u.Floor)
	w = w[:len(g)]
	for i := 0; i < len(g); i += 8 {
		wi := load(w, i)
		store(floored(l2.MulAdd(wi, load(g, i)).MulAdd(lr, wi), floor), w, i)
	}
}

func momentumSIMD(w, g, v []float32, u Update) {
	lr, l2, floor := all(-u.LR), all(u.L2), all(u.Floor)
	momentum := all(u.Momentum)
	w, v = w[:len(g)], v[:len(g)]
	for i := 0; i < len(g); i += 8 {
		wi := load(w, i)
		gi := l2.MulAdd(wi, load(g, i))
		vi := momentum.MulAdd(load(v, i), gi)
		store(vi, v, i)
		if u.Nesterov {
			vi = momentum.MulAdd(vi, gi)
		}
		store(floored(lr.MulAdd(vi, wi), floor), w, i)
	}
}

// rmspropSIMD takes 1/sqrt(d) from the processor's estimate of 12 bits and one step of
// Newton's, y(3/2 - d·y²/2), within 3e-7 of it: a root and a division take three times as
// long, and the difference is far below what the sum with w rounds away.
func rmspropSIMD(w, g, s []float32, u Update) {
	lr, l2, floor := all(-u.LR), all(u.L2), all(u.Floor)
	keep, take, eps := all(gpu.RMSPropDecay), all(1-gpu.RMSPropDecay), all(gpu.RMSPropEpsilon)
	negHalf, threeHalves, infinite := all(-0.5), all(1.5), all(infinity)
	w, s = w[:len(g)], s[:len(g)]
	for i := 0; i < len(g); i += 8 {
		wi := load(w, i)
		gi := l2.MulAdd(wi, load(g, i))
		si := take.Mul(gi).MulAdd(gi, keep.Mul(load(s, i)))
		d := si.Add(eps)
		y := d.ReciprocalSqrt()
		y = y.Mul(d.Mul(negHalf).MulAdd(y.Mul(y), threeHalves)).Masked(d.NotEqual(infinite))
		store(floored(lr.Mul(gi).MulAdd(y, wi), floor), w, i)
		store(si, s, i)
	}
}

func adamSIMD(w, g, m, v []float32, u Update) {
	lr, l2, floor := all(-u.LR), all(u.L2), all(u.Floor)
	keep1, take1 := all(gpu.AdamBeta1), all(1-gpu.AdamBeta1)
	keep2, take2, eps := all(gpu.AdamBeta2), all(1-gpu.AdamBeta2), all(u.Epsilon)
	w, m, v = w[:len(g)], m[:len(g)], v[:len(g)]
	for i := 0; i < len(g); i += 8 {
		wi := load(w, i)
		gi := l2.MulAdd(wi, load(g, i))
		mi := take1.MulAdd(gi, keep1.Mul(load(m, i)))
		vi := take2.Mul(gi).MulAdd(gi, keep2.Mul(load(v, i)))
		store(floored(lr.Mul(mi).Div(vi.Sqrt().Add(eps)).Add(wi), floor), w, i)
		store(mi, m, i)
		store(vi, v, i)
	}
}
