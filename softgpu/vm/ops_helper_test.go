package vm

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// operandTypes name a register class and its memory type.
var widths = map[string]int{"16": 2, "32": 4, "64": 8}

// runOp runs one instruction over all tuples of operands. The instruction's
// text names its result d and its sources a, b, c; sig gives the widths of d, a,
// b and c in bits ("32 32 32"). It returns the results, one a tuple.
func runOp(t *testing.T, text, sig string, tuples [][]uint64) []uint64 {
	t.Helper()
	fields := strings.Fields(sig)
	names := []string{"d", "a", "b", "c"}
	var regs, loads, params strings.Builder
	for i, f := range fields {
		fmt.Fprintf(&regs, ".reg .b%s %s;\n", f, names[i])
		fmt.Fprintf(&params, ", .param .u64 p%s", names[i])
		if i > 0 {
			fmt.Fprintf(&loads, "ld.param.u64 %%q, [p%s]; mad.wide.u32 %%q, %%i, %d, %%q; ld.global.b%s %s, [%%q];\n", names[i], widths[f], f, names[i])
		}
	}
	src := fmt.Sprintf(`.version 8.0
.target sm_80
.address_size 64
.visible .entry k(.param .u32 n%s) {
.reg .u32 %%i, %%n, %%t; .reg .u64 %%q; .reg .pred %%p, %%p1;
%s
mov.u32 %%i, %%ctaid.x; mov.u32 %%t, %%tid.x; mad.lo.u32 %%i, %%i, 64, %%t;
ld.param.u32 %%n, [n];
setp.ge.u32 %%p, %%i, %%n;
@%%p bra END;
%s
%s
ld.param.u64 %%q, [pd]; mad.wide.u32 %%q, %%i, %d, %%q;
st.global.b%s [%%q], d;
END: ret;
}`, params.String(), regs.String(), loads.String(), text, widths[fields[0]], fields[0])
	d := load(t, src)
	n := len(tuples)
	out := d.alloc(8*n, "d")
	args := []any{uint32(n), out}
	for i, f := range fields[1:] {
		switch f {
		case "16":
			v := make([]uint16, n)
			for j := range v {
				v[j] = uint16(tuples[j][i])
			}
			args = append(args, d.put(names[i+1], v))
		case "32":
			v := make([]uint32, n)
			for j := range v {
				v[j] = uint32(tuples[j][i])
			}
			args = append(args, d.put(names[i+1], v))
		default:
			v := make([]uint64, n)
			for j := range v {
				v[j] = tuples[j][i]
			}
			args = append(args, d.put(names[i+1], v))
		}
	}
	_, err := d.launch("k", line((n+63)/64), line(64), Launch{}, args...)
	require.NoError(t, err, text)
	got := make([]uint64, n)
	raw := make([]byte, n*widths[fields[0]])
	require.NoError(t, d.mem.Read(out, raw))
	for i := range got {
		got[i] = loadLE(raw[i*widths[fields[0]]:], widths[fields[0]])
	}
	return got
}

// tuples forms all combinations of values for n operands.
func tuples(n int, values []uint64) [][]uint64 {
	out := [][]uint64{nil}
	for range n {
		var next [][]uint64
		for _, head := range out {
			for _, v := range values {
				next = append(next, append(append([]uint64{}, head...), v))
			}
		}
		out = next
	}
	return out
}

var ints32 = []uint64{0, 1, 2, 3, 7, 31, 32, 33, 0x1f0, 0xff, 0x8000, 0xffff, 0x10000, 0x123456, 0x7fffff, 0x800000, 0x7fffffff, 0x80000000, 0x80000001, 0xdeadbeef, 0xfffffffe, 0xffffffff}

var ints64 = []uint64{0, 1, 2, 5, 63, 64, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x123456789abcdef, 1<<63 - 1, 1 << 63, 1<<63 + 1, ^uint64(1), ^uint64(0)}

var ints16 = []uint64{0, 1, 2, 15, 16, 0xff, 0x100, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff}

// floats32 holds the special values and some others, as bits.
var floats32 = func() []uint64 {
	v := []uint64{
		0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000, 0x00800001,
		0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345,
		0x33000000, 0x33800000, 0x33800001, 0x3f7fffff, 0x3f800001, 0x4b000001, 0x4b7fffff,
	}
	for _, x := range []float32{1, -1, 0.5, 1.5, 2.5, -2.5, 3, 0.1, -1e-3, 7.25, 1e10, -3e38, 1e-38, 1e-42, 16777217, 4294967296, 2147483648, -2147483648, 127.5, 255.5} {
		v = append(v, uint64(math.Float32bits(x)))
	}
	return v
}()

var floats64 = func() []uint64 {
	v := []uint64{0, 1 << 63, 1, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0xffefffffffffffff, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x3ff0000000000001}
	for _, x := range []float64{1, -1, 0.1, -2.5, 3, 1e300, -1e-300, 1e-310, 0.3333} {
		v = append(v, math.Float64bits(x))
	}
	return v
}()

// exactMode rounds an exact value to float32 in a direction, straight from the
// definition: the two neighbours are found and one is chosen. It is the tests'
// own definition and shares no code with the interpreter.
func exactMode(v *big.Float, mode rounding) float32 {
	near, _ := v.Float32()
	f := new(big.Float).SetPrec(4000)
	if math.IsInf(float64(near), 0) {
		big := float32(math.MaxFloat32)
		if near < 0 {
			big = -big
		}
		switch {
		case mode == rn, mode == rp && near > 0, mode == rm && near < 0:
			return near
		}
		return big
	}
	switch c := f.SetFloat64(float64(near)).Cmp(v); {
	case mode == rn || c == 0:
	case mode == rm && c > 0, mode == rz && v.Sign() > 0 && c > 0:
		near = math.Nextafter32(near, float32(math.Inf(-1)))
	case mode == rp && c < 0, mode == rz && v.Sign() < 0 && c < 0:
		near = math.Nextafter32(near, float32(math.Inf(1)))
	}
	if near == 0 && v.Sign() < 0 {
		near = float32(math.Copysign(0, -1))
	}
	return near
}

func bigOf(x float64) *big.Float { return new(big.Float).SetPrec(4000).SetFloat64(x) }
