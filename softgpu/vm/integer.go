package vm

import "math/bits"

// Integer lane operations of width n (16, 32 or 64), signed or not. Values are
// zero-extended; the caller cuts results to their width by masked.

type laneFn = func(a, b, c uint64) uint64

// masked cuts a result to its register width.
func masked(n int, f laneFn) laneFn {
	if n == 64 {
		return f
	}
	m := maskBits(n)
	return func(a, b, c uint64) uint64 { return f(a, b, c) & m }
}

func laneDiv(n int, signed bool) laneFn {
	if !signed {
		return func(a, b, _ uint64) uint64 {
			if b == 0 {
				return ^uint64(0)
			}
			return a / b
		}
	}
	return func(a, b, _ uint64) uint64 {
		if b == 0 {
			return ^uint64(0)
		}
		return uint64(sx(a, n) / sx(b, n))
	}
}

func laneRem(n int, signed bool) laneFn {
	if !signed {
		return func(a, b, _ uint64) uint64 {
			if b == 0 {
				return a
			}
			return a % b
		}
	}
	return func(a, b, _ uint64) uint64 {
		if b == 0 {
			return a
		}
		return uint64(sx(a, n) % sx(b, n))
	}
}

func laneMin(n int, signed bool) laneFn {
	if !signed {
		return func(a, b, _ uint64) uint64 { return min(a, b) }
	}
	return func(a, b, _ uint64) uint64 { return uint64(min(sx(a, n), sx(b, n))) }
}

func laneMax(n int, signed bool) laneFn {
	if !signed {
		return func(a, b, _ uint64) uint64 { return max(a, b) }
	}
	return func(a, b, _ uint64) uint64 { return uint64(max(sx(a, n), sx(b, n))) }
}

// laneMulHi gives the upper half of the product.
func laneMulHi(n int, signed bool) func(a, b uint64) uint64 {
	switch {
	case n == 64 && !signed:
		return func(a, b uint64) uint64 { hi, _ := bits.Mul64(a, b); return hi }
	case n == 64:
		return func(a, b uint64) uint64 {
			hi, _ := bits.Mul64(a, b)
			if int64(a) < 0 {
				hi -= b
			}
			if int64(b) < 0 {
				hi -= a
			}
			return hi
		}
	case signed:
		return func(a, b uint64) uint64 { return uint64(sx(a, n) * sx(b, n) >> n) }
	}
	return func(a, b uint64) uint64 { return a * b >> n }
}

func clampS32(v int64) uint64 { return uint64(uint32(min(max(v, -1<<31), 1<<31-1))) }

// laneBfe extracts a bit field: c bits from position b.
func laneBfe(n int, signed bool) laneFn {
	return func(a, b, c uint64) uint64 {
		pos, length := b&0xff, c&0xff
		if length == 0 {
			return 0
		}
		var sign uint64
		if signed {
			sign = a >> min(pos+length-1, uint64(n-1)) & 1
		}
		v := a
		if pos < 64 {
			v >>= pos
		} else {
			v = 0
		}
		keep := min(length, uint64(n)-min(pos, uint64(n))) // bits that lie in the register
		v &= maskBits(int(keep))
		if sign != 0 && keep < 64 {
			v |= ^uint64(0) << keep
		}
		return v
	}
}

// laneBfi inserts the low length bits of a into b at pos.
func laneBfi(a, b, pos, length uint64, n int) uint64 {
	pos, length = pos&0xff, length&0xff
	if length == 0 || pos >= uint64(n) {
		return b
	}
	field := maskBits(int(min(length, uint64(n)-pos))) << pos
	return (b&^field | a<<pos&field) & maskBits(n)
}

// laneBfind finds the most significant bit that differs from the sign.
func laneBfind(n int, signed, shift bool) func(a uint64) uint64 {
	return func(a uint64) uint64 {
		if signed && sx(a, n) < 0 {
			a = ^a & maskBits(n)
		}
		if a == 0 {
			return 0xffffffff
		}
		pos := uint64(bits.Len64(a) - 1)
		if shift {
			return uint64(n-1) - pos
		}
		return pos
	}
}

// lanePrmt picks four bytes of b:a by the selector c.
func lanePrmt(a, b, c uint64) uint64 {
	all := a | b<<32
	var out uint64
	for i := range 4 {
		v := all >> (8 * (c >> (4 * i) & 7)) & 0xff
		if c>>(4*i)&8 != 0 { // the byte's sign instead
			v = uint64(int8(v)>>7) & 0xff
		}
		out |= v << (8 * i)
	}
	return out
}

// laneLop3 evaluates the truth table on each bit.
func laneLop3(a, b, c uint64, table uint64) uint64 {
	var out uint64
	for i := uint64(0); i < 8; i++ {
		if table>>i&1 == 0 {
			continue
		}
		x, y, z := a, b, c
		if i&4 == 0 {
			x = ^a
		}
		if i&2 == 0 {
			y = ^b
		}
		if i&1 == 0 {
			z = ^c
		}
		out |= x & y & z
	}
	return out & 0xffffffff
}

// laneShf shifts the pair b:a and gives its upper (left) or lower (right) half.
func laneShf(left, wrap bool) laneFn {
	return func(a, b, c uint64) uint64 {
		s := c & 0xffffffff
		if wrap {
			s &= 31
		} else {
			s = min(s, 32)
		}
		pair := b<<32 | a
		if left {
			return pair << s >> 32
		}
		return pair >> s & 0xffffffff
	}
}

// laneDp4a is the dot product of four bytes, plus c.
func laneDp4a(aSigned, bSigned bool) laneFn {
	part := func(v uint64, i int, signed bool) int64 {
		v = v >> (8 * i) & 0xff
		if signed {
			return sx(v, 8)
		}
		return int64(v)
	}
	return func(a, b, c uint64) uint64 {
		sum := int64(int32(c))
		for i := range 4 {
			sum += part(a, i, aSigned) * part(b, i, bSigned)
		}
		return uint64(uint32(sum))
	}
}
