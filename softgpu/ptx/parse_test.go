package ptx

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parseSeed(t testing.TB) *Module {
	t.Helper()
	src, err := os.ReadFile("../testdata/fuzz_seed.ptx")
	require.NoError(t, err)
	m, err := Parse(string(src))
	require.NoError(t, err)
	return m
}

func TestHeaderAndDebugDirectives(t *testing.T) {
	m := parseSeed(t)
	assert.Equal(t, Version{7, 0}, m.Version)
	assert.Equal(t, "sm_70", m.Target)
	assert.Equal(t, 70, m.SM)
	assert.Equal(t, 64, m.AddressSize)
	assert.Equal(t, "seed.cu", m.Files[1])
}

func variable(t *testing.T, m *Module, name string) *Var {
	t.Helper()
	for _, v := range m.Vars {
		if v.Name == name {
			return v
		}
	}
	require.Fail(t, "no variable "+name)
	return nil
}

func TestVariablesKnowTheirLayoutAndValues(t *testing.T) {
	m := parseSeed(t)
	words := variable(t, m, "words")
	assert.Equal(t, Global, words.Space)
	assert.EqualValues(t, 8, words.Size)
	assert.EqualValues(t, 8, words.Align)
	require.Len(t, words.Init, 8)
	for i, want := range []int64{1, 2, 3, 4, 5, -6, 7, 8} {
		assert.EqualValues(t, uint64(want), words.Init[i].Bits)
		assert.EqualValues(t, i, words.Init[i].Offset)
	}
	floats := variable(t, m, "floats")
	assert.Equal(t, []uint64{2, 2}, floats.Dims)
	assert.EqualValues(t, 16, floats.Size)
	require.Len(t, floats.Init, 4)
	for i, want := range []float32{1, 2, 3, -4.5} {
		assert.EqualValues(t, math.Float32bits(want), floats.Init[i].Bits)
		assert.EqualValues(t, 4*i, floats.Init[i].Offset)
	}
	pointer := variable(t, m, "pointer")
	assert.Equal(t, Init{Size: 8, Sym: "words", Addend: 4}, pointer.Init[0])
	assert.Equal(t, Visible, pointer.Linkage)
	pair := variable(t, m, "pair")
	assert.EqualValues(t, 8, pair.Size)
	assert.EqualValues(t, 8, pair.Align)
	dynamic := variable(t, m, "dynamic")
	assert.Zero(t, dynamic.Size)
	assert.Equal(t, Extern, dynamic.Linkage)
}

func TestInitialisersFillRows(t *testing.T) {
	m, err := Parse(".version 7.0\n.target sm_70\n.global .u8 a[2][3] = {{1}, {2, 3}};\n.global .u16 b[] = {1, 2, 3};\n.global .v4 .f32 c = {1.0, 2.0};")
	require.NoError(t, err)
	var offsets []uint64
	for _, x := range m.Vars[0].Init {
		offsets = append(offsets, x.Offset)
	}
	assert.Equal(t, []uint64{0, 3, 4}, offsets)
	assert.EqualValues(t, 6, m.Vars[1].Size)
	assert.EqualValues(t, 16, m.Vars[2].Size)
}

func TestFunctionsAreResolved(t *testing.T) {
	m := parseSeed(t)
	k := m.Func("k")
	require.NotNil(t, k)
	assert.True(t, k.Entry)
	assert.Equal(t, [3]int{64, 2, 1}, k.MaxNTid)
	assert.Equal(t, 2, k.MinNCTAPerSM)
	require.Len(t, k.Params, 2)
	assert.Equal(t, U64, k.Params[0].Var.Type)
	assert.True(t, m.Func("twice").NoReturn)

	setp := k.Body[2]
	assert.Equal(t, "setp.lt.and.u32", setp.Opcode())
	assert.Equal(t, KPair, setp.Args[0].Kind)
	assert.Equal(t, Operand{Kind: KInt, Int: 14}, setp.Args[2])
	assert.True(t, setp.Args[3].Not)
	assert.Equal(t, 31, setp.Line)
	assert.Equal(t, &SrcLoc{1, 3, 5}, setp.Loc)

	bra := k.Body[3]
	require.NotNil(t, bra.Pred)
	assert.True(t, bra.PredNot)
	assert.Equal(t, "DONE", bra.Args[0].Label.Name)
	assert.Equal(t, len(k.Body)-1, bra.Args[0].Label.Index)

	mov := k.Body[5]
	assert.Equal(t, Operand{Kind: KFloat, FloatBits: 32, Int: 0x3f800000}, mov.Args[1])
	call := k.Body[7]
	assert.Equal(t, KArgs, call.Args[0].Kind)
	assert.Equal(t, KFunc, call.Args[1].Kind)
	assert.Equal(t, "b", call.Args[0].Elems[0].Var.Name)
	brx := k.Body[9]
	require.Len(t, brx.Args[1].Label.Targets, 2)
}

func TestOneRegisterPerName(t *testing.T) {
	m, err := Parse(".version 7.0\n.target sm_70\n.entry k() { .reg .u32 %r<2000000000>, x; mov.u32 %r7, %r1999999999; mov.u32 x, %r7; { .reg .u64 x; mov.u64 x, 1; } mov.u32 x, 2; ret; }")
	require.NoError(t, err)
	k := m.Funcs[0]
	assert.Len(t, k.Regs, 4)
	assert.Same(t, k.Body[0].Args[0].Reg, k.Body[1].Args[1].Reg)
	assert.NotSame(t, k.Body[1].Args[0].Reg, k.Body[2].Args[0].Reg)
	assert.Same(t, k.Body[1].Args[0].Reg, k.Body[3].Args[0].Reg)
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "42": 42, "0x1F": 31, "0X1fU": 31, "017": 15, "0b11": 3, "18446744073709551615": math.MaxUint64,
	} {
		o, err := parseNumber(text)
		require.NoError(t, err, text)
		assert.Equal(t, Operand{Kind: KInt, Int: want}, o, text)
	}
	for text, want := range map[string]float64{"1.5": 1.5, "2e3": 2000, "1.25e-2": 0.0125, "0d3FF8000000000000": 1.5, "0F3FC00000": 1.5} {
		o, err := parseNumber(text)
		require.NoError(t, err, text)
		bits, ok := o.Float(64)
		require.True(t, ok)
		assert.Equal(t, want, math.Float64frombits(bits), text)
	}
	for _, text := range []string{"0x", "09", "12abc", "0f123", "1.2.3", "99999999999999999999"} {
		_, err := parseNumber(text)
		assert.Error(t, err, text)
	}
}

func TestConstantExpressionsFollowPrecedence(t *testing.T) {
	for text, want := range map[string]int64{
		"1+2*3": 7, "(1+2)*3": 9, "-4/2": -2, "1<<4|3": 19, "~0": -1, "7 % 4": 3, "10-3-2": 5, "!0": 1, "6&3^1": 3, "-8>>1": -4,
	} {
		m, err := Parse(".version 7.0\n.target sm_70\n.global .s64 x = " + text + ";")
		require.NoError(t, err, text)
		assert.Equal(t, want, int64(m.Vars[0].Init[0].Bits), text)
	}
}

func TestMistakesNameTheirLine(t *testing.T) {
	head := ".version 7.0\n.target sm_70\n"
	body := func(s string) string {
		return head + ".entry k(.param .u32 n) {\n.reg .u32 a; .reg .pred p;\n" + s + "\n}"
	}
	for src, want := range map[string]string{
		"":                                         "line 1: expected .version first",
		".version eight":                           "line 1: .version",
		".version 7.0\n.target gpu":                "line 2: .target gpu is not known",
		head + "\n.frob":                           "line 4: directive .frob is not supported here",
		head + ".tex .u64 t;":                      "line 3: directive .tex",
		head + ".global .u32 x[0];":                "line 3",
		head + ".global .u32 x = {1,2};":           "line 3: x: 8 bytes of initial values for 4",
		head + ".shared .u32 x = 1;":               "line 3",
		head + ".global .u32 x; .global .u32 x;":   "line 3: x is declared twice",
		head + ".global .align 3 .u32 x;":          "line 3: .align 3: it is a power of two",
		head + ".global .u32 x[1000000][1000000];": "larger than",
		head + ".entry k() {\n":                    "line 4: k has no closing brace",
		head + "/* ":                               "line 3: a comment",
		head + ".file 1 \"abc":                     "line 3: a string",
		head + "`":                                 "line 3: unexpected character",
		body("mov.u32 a, b;"):                      "line 5: b is not declared",
		body("mov.u32 a, %r1;"):                    "line 5: %r1 is not declared",
		body("bra L;"):                             "line 5: L is not declared",
		body("@a bra L; L:"):                       "line 5: @a: it is not a declared predicate",
		body("mov.u32 a, 1"):                       "line 6: expected \";\"",
		body("mov.u32 a, %tid;"):                   "line 5: %tid needs a component",
		body("mov.u32 a, !a;"):                     "line 5: ! stands before a predicate",
		body("mov.u32 a, 1/0;"):                    "line 5: division by zero",
		body("L: L: ret;"):                         "line 5: label L is set twice",
		body(".reg .u32 a;"):                       "line 5: a is declared twice",
		body(".frob;"):                             "line 5: directive .frob",
		body("ld.param.u32 a, [m];"):               "line 5: address [m]",
		body("t: .branchtargets X; ret;"):          "line 5: .branchtargets names X",
		body(strings.Repeat("{", 100)):             "nested too deeply",
		body("mov.u32 a, " + strings.Repeat("(", 1000) + "1;"):   "line 5",
		body("mov.u32 a, 1+" + strings.Repeat("-", 1000) + "1;"): "nested too deeply",
		head + ".entry k() {ret;} .entry k() {ret;}":             "k is defined twice",
	} {
		_, err := Parse(src)
		require.Error(t, err, src)
		assert.Contains(t, err.Error(), want, src)
	}
}

func TestRealCompilerOutputParses(t *testing.T) {
	src, err := os.ReadFile("../testdata/kernels.ptx")
	require.NoError(t, err)
	m, err := Parse(string(src))
	require.NoError(t, err)
	assert.Equal(t, Version{8, 0}, m.Version)
	assert.Equal(t, "kernels.cu", m.Files[1])
	for _, name := range []string{"saxpy", "rmsprop4", "functions", "columnSum", "mixed", "votes"} {
		require.NotNil(t, m.Func(name), name)
	}
	for _, in := range m.Func("saxpy").Body {
		assert.NotNil(t, in.Loc)
	}
}

func TestClosingNulOfACStringIsAccepted(t *testing.T) {
	_, err := Parse(".version 7.0\n.target sm_70\n\x00")
	require.NoError(t, err)
}
