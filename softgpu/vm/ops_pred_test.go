package vm

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestComparisonsOfIntegers(t *testing.T) {
	pairs := tuples(2, ints32)
	type test func(a, b uint64) bool
	for op, want := range map[string]test{
		"eq.s32": func(a, b uint64) bool { return a == b }, "ne.b32": func(a, b uint64) bool { return a != b },
		"lt.s32": func(a, b uint64) bool { return s32(a) < s32(b) }, "le.s32": func(a, b uint64) bool { return s32(a) <= s32(b) },
		"gt.s32": func(a, b uint64) bool { return s32(a) > s32(b) }, "ge.s32": func(a, b uint64) bool { return s32(a) >= s32(b) },
		"lt.u32": func(a, b uint64) bool { return a < b }, "le.u32": func(a, b uint64) bool { return a <= b },
		"hi.u32": func(a, b uint64) bool { return a > b }, "hs.u32": func(a, b uint64) bool { return a >= b },
	} {
		for i, got := range runOp(t, "setp."+op+" %p1, a, b; selp.b32 d, 1, 0, %p1;", "32 32 32", pairs) {
			require.EqualValues(t, bit(want(pairs[i][0], pairs[i][1])), got, "%s of %#x", op, pairs[i])
		}
	}
	wide := tuples(2, ints64)
	for i, got := range runOp(t, "setp.lt.s64 %p1, a, b; selp.b32 d, 1, 0, %p1;", "32 64 64", wide) {
		require.EqualValues(t, bit(int64(wide[i][0]) < int64(wide[i][1])), got, "%#x", wide[i])
	}
	short := tuples(2, ints16)
	for i, got := range runOp(t, "setp.gt.s16 %p1, a, b; selp.b32 d, 1, 0, %p1;", "32 16 16", short) {
		require.EqualValues(t, bit(int16(short[i][0]) > int16(short[i][1])), got, "%#x", short[i])
	}
}

func TestComparisonsOfFloatsOrderedAndNot(t *testing.T) {
	pairs := tuples(2, floats32)
	for op, want := range map[string]func(a, b float32) bool{
		"eq": func(a, b float32) bool { return a == b }, "lt": func(a, b float32) bool { return a < b },
		"le": func(a, b float32) bool { return a <= b }, "gt": func(a, b float32) bool { return a > b },
		"ge": func(a, b float32) bool { return a >= b }, "ne": func(a, b float32) bool { return a < b || a > b },
		"num": func(a, b float32) bool { return a == a && b == b }, "nan": func(a, b float32) bool { return a != a || b != b },
		"equ": func(a, b float32) bool { return !(a < b || a > b) }, "neu": func(a, b float32) bool { return a != b },
		"ltu": func(a, b float32) bool { return !(a >= b) }, "leu": func(a, b float32) bool { return !(a > b) },
		"gtu": func(a, b float32) bool { return !(a <= b) }, "geu": func(a, b float32) bool { return !(a < b) },
	} {
		for i, got := range runOp(t, "setp."+op+".f32 %p1, a, b; selp.b32 d, 1, 0, %p1;", "32 32 32", pairs) {
			require.EqualValues(t, bit(want(f32(pairs[i][0]), f32(pairs[i][1]))), got, "%s of %#x", op, pairs[i])
		}
		doubles := tuples(2, floats64)
		for i, got := range runOp(t, "setp."+op+".f64 %p1, a, b; selp.b32 d, 1, 0, %p1;", "32 64 64", doubles) {
			a, b := f64(doubles[i][0]), f64(doubles[i][1])
			// The predicate only depends on order, which the signs of differences keep.
			x, y := float32(order(a, b)), float32(0)
			if a != a || b != b {
				x = float32(math.NaN())
			}
			require.EqualValues(t, bit(want(x, y)), got, "%s.f64 of %#x", op, doubles[i])
		}
	}
	got := runOp(t, "setp.eq.ftz.f32 %p1, a, b; selp.b32 d, 1, 0, %p1;", "32 32 32", [][]uint64{{1, 0}, {1, 0x00800000}})
	assert.Equal(t, []uint64{1, 0}, got)
}

func order(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func TestPredicatesCombine(t *testing.T) {
	pairs := tuples(2, []uint64{0, 1, 2})
	for op, f := range map[string]func(c, p bool) bool{
		"and": func(c, p bool) bool { return c && p }, "or": func(c, p bool) bool { return c || p }, "xor": func(c, p bool) bool { return c != p },
	} {
		text := fmt.Sprintf(`{ .reg .pred q, r, s;
			setp.eq.u32 q, b, 1;
			setp.lt.%s.u32 r|s, a, b, !q;
			selp.u32 d, 1, 0, r;
			@s add.u32 d, d, 2;
			%s.pred r, q, s;
			@!r add.u32 d, d, 4; }`, op, op)
		for i, got := range runOp(t, text, "32 32 32", pairs) {
			a, b := pairs[i][0], pairs[i][1]
			r, s := f(a < b, b != 1), f(!(a < b), b != 1)
			want := bit(r) + 2*bit(s) + 4*bit(!f(b == 1, s))
			require.EqualValues(t, want, got, "%s of %v", op, pairs[i])
		}
	}
	got := runOp(t, "{ .reg .pred q, r; mov.pred q, 1; not.pred r, q; selp.u32 d, 5, 6, r; @q add.u32 d, d, a; }", "32 32", [][]uint64{{10}})
	assert.Equal(t, []uint64{16}, got)
}

func TestMovPacksAndUnpacks(t *testing.T) {
	got := runOp(t, "{ .reg .b32 x, y; mov.b64 {x, y}, a; mov.b64 d, {y, x}; }", "64 64", [][]uint64{{0x1122334455667788}})
	assert.Equal(t, []uint64{0x5566778811223344}, got)
	got = runOp(t, "{ .reg .b16 x, y; mov.b32 {x, y}, a; mov.b32 d, {y, x}; }", "32 32", [][]uint64{{0x11223344}})
	assert.Equal(t, []uint64{0x33441122}, got)
	got = runOp(t, "{ .reg .b16 x; mov.b32 {_, x}, a; cvt.u32.u16 d, x; }", "32 32", [][]uint64{{0x11223344}})
	assert.Equal(t, []uint64{0x1122}, got)
}
