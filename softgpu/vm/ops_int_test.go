package vm

import (
	"fmt"
	"math/big"
	"math/bits"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// intCase is an instruction and its definition in terms of Go integers.
type intCase struct {
	op   string
	args int
	want func(a, b, c uint64) uint64
}

func checkInts(t *testing.T, width int, values []uint64, cases []intCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.op, func(t *testing.T) {
			set := values
			if c.args == 3 && len(set) > 14 {
				set = append(append([]uint64{}, set[:7]...), set[len(set)-7:]...)
			}
			tup := tuples(c.args, set)
			w := fmt.Sprint(width)
			text := c.op + " d" + []string{"", ", a", ", a, b", ", a, b, c"}[c.args] + ";"
			got := runOp(t, text, strings.TrimSpace(strings.Repeat(w+" ", c.args+1)), tup)
			for i, x := range tup {
				x := append(x, 0, 0)
				require.Equal(t, c.want(x[0], x[1], x[2])&maskBits(width), got[i], "%s of %#x", c.op, x[:c.args])
			}
		})
	}
}

func s32(v uint64) int64 { return int64(int32(v)) }

// wide gives the exact product as a big integer's two halves.
func wideProduct(a, b *big.Int, shift uint) uint64 {
	p := new(big.Int).Mul(a, b)
	p.Rsh(p, shift) // rounds to minus infinity, as an arithmetic shift does
	p.And(p, new(big.Int).SetUint64(^uint64(0)))
	return p.Uint64()
}

func sbig(v uint64) *big.Int { return big.NewInt(int64(v)) }

func ubig(v uint64) *big.Int { return new(big.Int).SetUint64(v) }

func clamp32(v int64) uint64 {
	if v > 1<<31-1 {
		v = 1<<31 - 1
	}
	if v < -1<<31 {
		v = -1 << 31
	}
	return uint64(uint32(v))
}

func absDiff(a, b int64) uint64 {
	if a > b {
		return uint64(a - b)
	}
	return uint64(b - a)
}

func TestInteger32(t *testing.T) {
	checkInts(t, 32, ints32, []intCase{
		{"add.s32", 2, func(a, b, _ uint64) uint64 { return a + b }},
		{"add.u32", 2, func(a, b, _ uint64) uint64 { return a + b }},
		{"add.sat.s32", 2, func(a, b, _ uint64) uint64 { return clamp32(s32(a) + s32(b)) }},
		{"sub.s32", 2, func(a, b, _ uint64) uint64 { return a - b }},
		{"sub.sat.s32", 2, func(a, b, _ uint64) uint64 { return clamp32(s32(a) - s32(b)) }},
		{"mul.lo.s32", 2, func(a, b, _ uint64) uint64 { return a * b }},
		{"mul.hi.s32", 2, func(a, b, _ uint64) uint64 { return uint64(s32(a) * s32(b) >> 32) }},
		{"mul.hi.u32", 2, func(a, b, _ uint64) uint64 { return a * b >> 32 }},
		{"mad.lo.s32", 3, func(a, b, c uint64) uint64 { return a*b + c }},
		{"mad.hi.s32", 3, func(a, b, c uint64) uint64 { return uint64(s32(a)*s32(b)>>32) + c }},
		{"mad.hi.u32", 3, func(a, b, c uint64) uint64 { return a*b>>32 + c }},
		{"mad.hi.sat.s32", 3, func(a, b, c uint64) uint64 { return clamp32(s32(a)*s32(b)>>32 + s32(c)) }},
		{"div.u32", 2, func(a, b, _ uint64) uint64 {
			if b == 0 {
				return 0xffffffff
			}
			return a / b
		}},
		{"div.s32", 2, func(a, b, _ uint64) uint64 {
			if b == 0 {
				return 0xffffffff
			}
			return uint64(s32(a) / s32(b))
		}},
		{"rem.u32", 2, func(a, b, _ uint64) uint64 {
			if b == 0 {
				return a
			}
			return a % b
		}},
		{"rem.s32", 2, func(a, b, _ uint64) uint64 {
			if b == 0 {
				return a
			}
			return uint64(s32(a) % s32(b))
		}},
		{"min.s32", 2, func(a, b, _ uint64) uint64 { return uint64(min(s32(a), s32(b))) }},
		{"max.s32", 2, func(a, b, _ uint64) uint64 { return uint64(max(s32(a), s32(b))) }},
		{"min.u32", 2, func(a, b, _ uint64) uint64 { return min(a, b) }},
		{"max.u32", 2, func(a, b, _ uint64) uint64 { return max(a, b) }},
		{"sad.s32", 3, func(a, b, c uint64) uint64 { return absDiff(s32(a), s32(b)) + c }},
		{"sad.u32", 3, func(a, b, c uint64) uint64 { return absDiff(int64(a), int64(b)) + c }},
		{"abs.s32", 1, func(a, _, _ uint64) uint64 { return absDiff(s32(a), 0) }},
		{"neg.s32", 1, func(a, _, _ uint64) uint64 { return uint64(-s32(a)) }},
		{"and.b32", 2, func(a, b, _ uint64) uint64 { return a & b }},
		{"or.b32", 2, func(a, b, _ uint64) uint64 { return a | b }},
		{"xor.b32", 2, func(a, b, _ uint64) uint64 { return a ^ b }},
		{"not.b32", 1, func(a, _, _ uint64) uint64 { return ^a }},
		{"shl.b32", 2, func(a, b, _ uint64) uint64 { return a << min(b, 63) }},
		{"shr.u32", 2, func(a, b, _ uint64) uint64 { return a >> min(b, 63) }},
		{"shr.s32", 2, func(a, b, _ uint64) uint64 { return uint64(s32(a) >> min(b, 63)) }},
		{"shf.l.wrap.b32", 3, func(a, b, c uint64) uint64 { return (b<<32 | a) << (c & 31) >> 32 }},
		{"shf.r.wrap.b32", 3, func(a, b, c uint64) uint64 { return (b<<32 | a) >> (c & 31) }},
		{"shf.l.clamp.b32", 3, func(a, b, c uint64) uint64 { return (b<<32 | a) << min(c, 32) >> 32 }},
		{"shf.r.clamp.b32", 3, func(a, b, c uint64) uint64 { return (b<<32 | a) >> min(c, 32) }},
		{"clz.b32", 1, func(a, _, _ uint64) uint64 { return uint64(bits.LeadingZeros32(uint32(a))) }},
		{"popc.b32", 1, func(a, _, _ uint64) uint64 { return uint64(bits.OnesCount32(uint32(a))) }},
		{"brev.b32", 1, func(a, _, _ uint64) uint64 { return uint64(bits.Reverse32(uint32(a))) }},
		{"bfind.u32", 1, func(a, _, _ uint64) uint64 { return uint64(bits.Len32(uint32(a)) - 1) }},
		{"bfind.s32", 1, func(a, _, _ uint64) uint64 { return uint64(bits.Len32(uint32(a^uint64(s32(a)>>63))) - 1) }},
		{"bfind.shiftamt.u32", 1, func(a, _, _ uint64) uint64 {
			if a == 0 {
				return 0xffffffff
			}
			return uint64(bits.LeadingZeros32(uint32(a)))
		}},
		{"bfe.u32", 3, func(a, b, c uint64) uint64 { return fieldByBits(a, b&255, c&255, 32, false) }},
		{"bfe.s32", 3, func(a, b, c uint64) uint64 { return fieldByBits(a, b&255, c&255, 32, true) }},
		{"dp4a.s32.s32", 3, func(a, b, c uint64) uint64 {
			s := s32(c)
			for i := 0; i < 32; i += 8 {
				s += int64(int8(a>>i)) * int64(int8(b>>i))
			}
			return uint64(s)
		}},
		{"dp4a.u32.u32", 3, func(a, b, c uint64) uint64 {
			s := c
			for i := 0; i < 32; i += 8 {
				s += uint64(uint8(a>>i)) * uint64(uint8(b>>i))
			}
			return s
		}},
	})
}

// fieldByBits is bfe from the PTX ISA's pseudo code, one bit at a time.
func fieldByBits(a, pos, length, n uint64, signed bool) uint64 {
	var sign uint64
	if signed && length > 0 {
		sign = a >> min(pos+length-1, n-1) & 1
	}
	var out uint64
	for i := range n {
		b := sign
		if i < length && pos+i < n {
			b = a >> (pos + i) & 1
		}
		out |= b << i
	}
	return out
}

func TestInteger64(t *testing.T) {
	checkInts(t, 64, ints64, []intCase{
		{"add.s64", 2, func(a, b, _ uint64) uint64 { return a + b }},
		{"sub.u64", 2, func(a, b, _ uint64) uint64 { return a - b }},
		{"mul.lo.s64", 2, func(a, b, _ uint64) uint64 { return a * b }},
		{"mul.hi.s64", 2, func(a, b, _ uint64) uint64 { return wideProduct(sbig(a), sbig(b), 64) }},
		{"mul.hi.u64", 2, func(a, b, _ uint64) uint64 { return wideProduct(ubig(a), ubig(b), 64) }},
		{"mad.lo.u64", 3, func(a, b, c uint64) uint64 { return a*b + c }},
		{"div.s64", 2, func(a, b, _ uint64) uint64 {
			if b == 0 {
				return ^uint64(0)
			}
			return new(big.Int).Quo(sbig(a), sbig(b)).Uint64() * uint64(quoSign(a, b))
		}},
		{"rem.u64", 2, func(a, b, _ uint64) uint64 {
			if b == 0 {
				return a
			}
			return a % b
		}},
		{"min.s64", 2, func(a, b, _ uint64) uint64 { return uint64(min(int64(a), int64(b))) }},
		{"max.u64", 2, func(a, b, _ uint64) uint64 { return max(a, b) }},
		{"and.b64", 2, func(a, b, _ uint64) uint64 { return a & b }},
		{"not.b64", 1, func(a, _, _ uint64) uint64 { return ^a }},
		{"neg.s64", 1, func(a, _, _ uint64) uint64 { return -a }},
		{"brev.b64", 1, func(a, _, _ uint64) uint64 { return bits.Reverse64(a) }},
	})
}

// quoSign is 1: big.Int.Uint64 gives the magnitude, so a negative quotient is negated.
func quoSign(a, b uint64) int64 {
	if (int64(a) < 0) != (int64(b) < 0) {
		return -1
	}
	return 1
}

func TestInteger16(t *testing.T) {
	s := func(v uint64) int64 { return int64(int16(v)) }
	checkInts(t, 16, ints16, []intCase{
		{"add.u16", 2, func(a, b, _ uint64) uint64 { return a + b }},
		{"sub.s16", 2, func(a, b, _ uint64) uint64 { return a - b }},
		{"mul.lo.u16", 2, func(a, b, _ uint64) uint64 { return a * b }},
		{"mul.hi.s16", 2, func(a, b, _ uint64) uint64 { return uint64(s(a) * s(b) >> 16) }},
		{"min.s16", 2, func(a, b, _ uint64) uint64 { return uint64(min(s(a), s(b))) }},
		{"max.u16", 2, func(a, b, _ uint64) uint64 { return max(a, b) }},
		{"xor.b16", 2, func(a, b, _ uint64) uint64 { return a ^ b }},
		{"not.b16", 1, func(a, _, _ uint64) uint64 { return ^a }},
	})
}

func TestIntegerOfMixedWidths(t *testing.T) {
	pairs := tuples(2, ints32)
	for _, c := range []struct {
		text, sig string
		values    [][]uint64
		want      func(x []uint64) uint64
	}{
		{"mul.wide.s32 d, a, b;", "64 32 32", pairs, func(x []uint64) uint64 { return uint64(s32(x[0]) * s32(x[1])) }},
		{"mul.wide.u32 d, a, b;", "64 32 32", pairs, func(x []uint64) uint64 { return x[0] * x[1] }},
		{"mul.wide.s16 d, a, b;", "32 16 16", tuples(2, ints16), func(x []uint64) uint64 {
			return uint64(uint32(int32(int16(x[0])) * int32(int16(x[1]))))
		}},
		{"shl.b64 d, a, b;", "64 64 32", tuples(2, ints32), func(x []uint64) uint64 {
			if x[1] > 63 {
				return 0
			}
			return x[0] << x[1]
		}},
		{"shr.s64 d, a, b;", "64 64 32", tuples(2, ints32), func(x []uint64) uint64 { return uint64(int64(x[0]) >> min(x[1], 63)) }},
		{"shl.b16 d, a, b;", "16 16 32", tuples(2, ints16), func(x []uint64) uint64 { return x[0] << min(x[1], 63) & 0xffff }},
		{"shr.s16 d, a, b;", "16 16 32", tuples(2, ints16), func(x []uint64) uint64 { return uint64(uint16(int16(x[0]) >> min(x[1], 63))) }},
		{"clz.b64 d, a;", "32 64", tuples(1, ints64), func(x []uint64) uint64 { return uint64(bits.LeadingZeros64(x[0])) }},
		{"popc.b64 d, a;", "32 64", tuples(1, ints64), func(x []uint64) uint64 { return uint64(bits.OnesCount64(x[0])) }},
		{"bfi.b32 d, a, b, 4, 9;", "32 32 32", pairs, func(x []uint64) uint64 { return x[1]&^0x1ff0 | x[0]<<4&0x1ff0 }},
		{"bfi.b32 d, a, b, 28, 9;", "32 32 32", pairs, func(x []uint64) uint64 { return x[1]&0x0fffffff | x[0]<<28&0xffffffff }},
		{"bfi.b32 d, a, b, 33, 9;", "32 32 32", pairs, func(x []uint64) uint64 { return x[1] }},
		{"lop3.b32 d, a, b, c, 0xE8;", "32 32 32 32", tuples(3, ints32[10:]), func(x []uint64) uint64 { // majority
			return x[0]&x[1] | x[0]&x[2] | x[1]&x[2]
		}},
		{"lop3.b32 d, a, b, c, 0x96;", "32 32 32 32", tuples(3, ints32[10:]), func(x []uint64) uint64 { return x[0] ^ x[1] ^ x[2] }},
		{"prmt.b32 d, a, b, 0x7341;", "32 32 32", pairs, func(x []uint64) uint64 {
			return x[1]>>24<<24 | x[0]>>24<<16 | x[1]&0xff<<8 | x[0]>>8&0xff
		}},
		{"prmt.b32 d, a, b, 0x000B;", "32 32 32", pairs, func(x []uint64) uint64 { // sign of byte 3, then byte 0 three times
			v := x[0] & 0xff * 0x01010100 & 0xffffff00
			if x[0]>>31 == 1 {
				v |= 0xff
			}
			return v
		}},
		{"{ .reg .u32 t; add.cc.u32 t, a, b; addc.u32 d, 0, 0; }", "32 32 32", pairs, func(x []uint64) uint64 { return (x[0] + x[1]) >> 32 }},
		{"{ .reg .u32 t; sub.cc.u32 t, a, b; subc.u32 d, 0, 0; }", "32 32 32", pairs, func(x []uint64) uint64 {
			if x[0] < x[1] {
				return 0xffffffff
			}
			return 0
		}},
		{"{ .reg .u32 t; mad.lo.cc.u32 t, a, b, b; madc.hi.u32 d, a, b, 0; }", "32 32 32", pairs, func(x []uint64) uint64 {
			return (x[0]*x[1]&0xffffffff+x[1])>>32 + x[0]*x[1]>>32&0xffffffff
		}},
	} {
		t.Run(c.text, func(t *testing.T) {
			got := runOp(t, c.text, c.sig, c.values)
			width := map[string]int{"16": 16, "32": 32, "64": 64}[strings.Fields(c.sig)[0]]
			for i, x := range c.values {
				require.Equal(t, c.want(x)&maskBits(width), got[i], "of %#x", x)
			}
		})
	}
}
