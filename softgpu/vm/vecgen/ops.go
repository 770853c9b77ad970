package main

// op is an elementwise operation on registers, written twice: for one lane, and for one vector register of 256 bits.
// In plain, a, b and c are the lane's operands as uint64, and the value is the result's. In fast they are vectors.
type op struct {
	name  string
	types string // of the operands and the result: w 4 x uint64, u 8 x uint32, i 8 x int32, f 8 x float32
	plain string // empty: written by hand in vec.go
	fast  string // empty: there is the plain loop only
	setup string // constants of fast, computed once
}

const (
	nan  = "nan := nans()"
	sign = "sign := archsimd.BroadcastUint64x4(1 << 31)"
)

// A shift by the width or more gives 0 or all sign bits, in Go and in AVX2 as in PTX.
var ops = []op{
	{"Mov", "ww", "", "a", ""},
	{"Sext32", "iw", "uint64(int64(int32(a)))", "a.MulEvenWiden(one).AsUint64x4()", // AVX2 has no such extension within a lane
		"one := archsimd.BroadcastUint64x4(1).AsInt32x8()"},

	{"Add32", "uuu", "uint64(uint32(a) + uint32(b))", "a.Add(b)", ""},
	{"Sub32", "uuu", "uint64(uint32(a) - uint32(b))", "a.Sub(b)", ""},
	{"Mul32", "uuu", "uint64(uint32(a) * uint32(b))", "a.Mul(b)", ""},
	{"Mad32", "uuuu", "uint64(uint32(a)*uint32(b) + uint32(c))", "a.Mul(b).Add(c)", ""},
	{"Add64", "www", "a + b", "a.Add(b)", ""},
	{"Sub64", "www", "a - b", "a.Sub(b)", ""},
	{"MulWideS32", "iiw", "uint64(int64(int32(a)) * int64(int32(b)))", "a.MulEvenWiden(b).AsUint64x4()", ""},
	{"MulWideU32", "uuw", "uint64(uint32(a)) * uint64(uint32(b))", "a.MulEvenWiden(b)", ""},
	{"DivS32", "iii", "divS32(a, b)", "", ""},
	{"RemS32", "iii", "remS32(a, b)", "", ""},
	{"MadWideS32", "iiww", "uint64(int64(int32(a))*int64(int32(b))) + c", "a.MulEvenWiden(b).AsUint64x4().Add(c)", ""},

	{"And", "www", "a & b", "a.And(b)", ""},
	{"Or", "www", "a | b", "a.Or(b)", ""},
	{"Xor", "www", "a ^ b", "a.Xor(b)", ""},
	{"Shl32", "uuu", "uint64(uint32(a) << uint32(b))", "a.ShiftLeft(b)", ""},
	{"Shl64", "www", "a << uint32(b)", "a.ShiftLeft(b)", ""},
	{"Shr32", "uuu", "uint64(uint32(a) >> uint32(b))", "a.ShiftRight(b)", ""},
	{"Sar32", "iii", "uint64(uint32(int32(a) >> uint32(b)))", "a.ShiftRight(b.AsUint32x8().AsInt32x8())", ""},

	// settle gives PTX's one NaN, and zeros in the upper halves of the lanes, where a division has 0/0.
	{"AddF32", "fff", "bits32(f32(a) + f32(b))", "settle(a.Add(b), nan)", nan},
	{"SubF32", "fff", "bits32(f32(a) - f32(b))", "settle(a.Sub(b), nan)", nan},
	{"MulF32", "fff", "bits32(f32(a) * f32(b))", "settle(a.Mul(b), nan)", nan},
	{"DivF32", "fff", "bits32(f32(a) / f32(b))", "settle(a.Div(b), nan)", nan},
	{"FmaF32", "ffff", "", "settle(a.MulAdd(b, c), nan)", nan},
	{"SqrtF32", "ff", "bits32(float32(math.Sqrt(float64(f32(a)))))", "settle(a.Sqrt(), nan)", nan},
	{"AbsF32", "ww", "a &^ (1 << 31)", "a.AndNot(sign)", sign}, // of a NaN, too, only the sign changes
	{"NegF32", "ww", "a ^ 1<<31", "a.Xor(sign)", sign},
	{"RcpF32", "ii", "ftz32(bits32(1 / f32(ftz32(a))))", // rcp.approx.ftz: subnormals count as zero
		"flush(settle(one.Div(flush(a, exponent, sign).AsFloat32x8()), nan).AsInt32x8(), exponent, sign)",
		nan + "\none := archsimd.BroadcastUint64x4(0x3f800000).AsFloat32x8()\nexponent, sign := exponents()"},

	{"MinF32", "fff", "min32(a, b)", "", ""},
	{"MaxF32", "fff", "max32(a, b)", "", ""},
	{"AddF64", "www", "bits64(f64(a) + f64(b))", "", ""},
	{"CvtF64F32", "fw", "bits64(float64(f32(a)))", "", ""},
	{"CvtF32S32", "wf", "uint64(math.Float32bits(float32(int32(a))))", "a.And(low).AsInt32x8().ConvertToFloat32()",
		"low := archsimd.BroadcastUint64x4(0xffffffff)"},
	{"CvtF32U16", "wf", "uint64(math.Float32bits(float32(uint16(a))))", "a.And(low).AsInt32x8().ConvertToFloat32()",
		"low := archsimd.BroadcastUint64x4(0xffff)"},
}

// comparison gives one bit a lane.
type comparison struct {
	name  string
	types string
	plain string // a function's name, where it is generic
	lane  string
	fast  string // empty: there is the plain loop only
}

var comparisons = []comparison{
	{"EQ64", "w", "cmpEQ[uint64]", "", "a.Equal(b)"},
	{"LTS64", "w", "cmpLT[int64]", "", "b.AsInt64x4().Greater(a.AsInt64x4())"},
	{"LTU32", "w", "cmpLT[uint32]", "", "b.AsInt64x4().Greater(a.AsInt64x4())"}, // the upper halves are zero
	{"LTS32", "f", "cmpLT[int32]", "", "b.AsInt32x8().Greater(a.AsInt32x8())"},
	{"LTF32", "f", "", "f32(a) < f32(b)", "a.Less(b)"},
	{"LEF32", "f", "", "f32(a) <= f32(b)", "a.LessEqual(b)"},
	{"EQF32", "f", "", "f32(a) == f32(b)", "a.Equal(b)"},
	{"LTF64", "w", "", "f64(a) < f64(b)", ""},
	{"LEF64", "w", "", "f64(a) <= f64(b)", ""},
	{"EQF64", "w", "", "f64(a) == f64(b)", ""},
}

// transfer is a function whose body is repeated for each of a register's vectors.
type transfer struct {
	name   string
	params string
	result string
	setup  string
	body   string // of do(i)
	first  int    // i begins here
	end    string
}

// The plain versions are in vec.go.
var transfers = []transfer{
	{"Splat", "d *vec, v uint64", "", "z, x := asWords(d), archsimd.BroadcastUint64x4(v)", "x.Store(&z[i])", 0, ""},
	{"Select", "d, a, b *vec, m uint32", "", "x, y, z := asWords(a), asWords(b), asWords(d)",
		"take := archsimd.LoadUint64x4(&laneMasks[m>>(4*i)&15])\nloadW(x, i).And(take).Or(loadW(y, i).AndNot(take)).Store(&z[i])", 0, ""},
	{"Alike", "v *vec", "(same bool)", "x, first := asWords(v), archsimd.BroadcastUint64x4(v[0])\ndiffer := loadW(x, 0).Xor(first)",
		"differ = differ.Or(loadW(x, i).Xor(first))", 1, "same = differ.IsZero()"},
	{"Neighbours", "base *vec, step uint64", "(up, same uint32)", // lane 0 has no lane before it, and lane 4i-1 lies before the vector
		"x, distance := asWords(base), archsimd.BroadcastUint64x4(step)\n" +
			"for i := 1; i < 4; i++ {\nd := base[i] - base[i-1]\nup |= bit(d == step) << i\nsame |= bit(d == 0) << i\n}",
		"d := loadW(x, i).Sub(archsimd.LoadUint64x4((*[4]uint64)(base[4*i-1:])))\n" +
			"up |= uint32(d.Equal(distance).ToBits()) << (4 * i)\nsame |= uint32(d.Equal(archsimd.Uint64x4{}).ToBits()) << (4 * i)", 1, ""},
	{"Load32", "v *vec, b *[lanes * 4]byte", "", "z, from := asWords(v), (*[8][4]uint32)(unsafe.Pointer(b))",
		"archsimd.LoadUint32x4(&from[i]).ExtendToUint64().Store(&z[i])", 0, ""},
	{"Store32", "b *[lanes * 4]byte, v *vec", "", "x, to, pack := asUints(v), (*[8][4]uint32)(unsafe.Pointer(b)), archsimd.LoadUint32x8(&lowHalves)",
		"loadU(x, i).Permute(pack).GetLo().Store(&to[i])", 0, ""},
	{"Load128", "x, y, z, t *vec, b *[lanes * 16]byte", "", // 4 lanes of 4 words each to 4 registers' worth of 4 lanes
		"from := (*[lanes][4]uint32)(unsafe.Pointer(b))\nxs, ys, zs, ts := asWords(x), asWords(y), asWords(z), asWords(t)",
		"r0, r1 := archsimd.LoadUint32x4(&from[4*i]), archsimd.LoadUint32x4(&from[4*i+1])\n" +
			"r2, r3 := archsimd.LoadUint32x4(&from[4*i+2]), archsimd.LoadUint32x4(&from[4*i+3])\n" +
			"a, c := r0.InterleaveLo(r1).AsUint64x2(), r2.InterleaveLo(r3).AsUint64x2()\n" +
			"a.InterleaveLo(c).AsUint32x4().ExtendToUint64().Store(&xs[i])\n" +
			"a.InterleaveHi(c).AsUint32x4().ExtendToUint64().Store(&ys[i])\n" +
			"a, c = r0.InterleaveHi(r1).AsUint64x2(), r2.InterleaveHi(r3).AsUint64x2()\n" +
			"a.InterleaveLo(c).AsUint32x4().ExtendToUint64().Store(&zs[i])\n" +
			"a.InterleaveHi(c).AsUint32x4().ExtendToUint64().Store(&ts[i])", 0, ""},
	{"Store128", "b *[lanes * 16]byte, x, y, z, t *vec", "", // x with y and z with t to 64 bits a lane, then the two interleaved
		"to := (*[8][2][8]uint32)(unsafe.Pointer(b))\nxs, ys, zs, ts := asWords(x), asWords(y), asWords(z), asWords(t)\n" +
			"low := archsimd.BroadcastUint64x4(0xffffffff)",
		"p := loadW(xs, i).And(low).Or(loadW(ys, i).ShiftAllLeft(32))\n" +
			"q := loadW(zs, i).And(low).Or(loadW(ts, i).ShiftAllLeft(32))\n" +
			"even, odd := p.InterleaveLoGrouped(q), p.InterleaveHiGrouped(q) // lanes 0 and 2, 1 and 3\n" +
			"even.Select128FromPair(0, 2, odd).AsUint32x8().Store(&to[i][0])\n" +
			"even.Select128FromPair(1, 3, odd).AsUint32x8().Store(&to[i][1])", 0, ""},
}
