package vm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/softgpu/ptx"
)

func limited(directives, body string) string {
	return `.version 7.0
.target sm_70
.address_size 64
.visible .entry k(.param .u32 n) ` + directives + ` { ` + body + ` ret; }`
}

func TestLaunchLimits(t *testing.T) {
	const shared = ".shared .align 4 .b8 s[40000];"
	for _, c := range []struct {
		name, directives, body string
		launch                 Launch
		resource               string
	}{
		{"threads", "", "", Launch{Grid: line(1), Block: Dim3{32, 33, 1}}, "threads per block"},
		{"block x", "", "", Launch{Grid: line(1), Block: Dim3{1025, 1, 1}}, "block x"},
		{"block z", "", "", Launch{Grid: line(1), Block: Dim3{1, 1, 65}}, "block z"},
		{"grid x", "", "", Launch{Grid: Dim3{1 << 31, 1, 1}, Block: line(1)}, "grid x"},
		{"grid y", "", "", Launch{Grid: Dim3{1, 65536, 1}, Block: line(1)}, "grid y"},
		{"maxntid", ".maxntid 64, 2, 1", "", Launch{Grid: line(1), Block: line(129)}, "maxntid"},
		{"static and dynamic shared", "", shared + "{ .reg .u64 a; mov.u64 a, s; }", Launch{Grid: line(1), Block: line(1), SharedBytes: 9153}, "shared memory"},
		{"opted-in shared", "", "", Launch{Grid: line(1), Block: line(1), SharedBytes: 97 << 10, SharedLimit: 1 << 30}, "shared memory"},
		{"registers", "", manyRegisters(120), Launch{Grid: line(1), Block: line(1024)}, "registers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := load(t, limited(c.directives, c.body))
			c.launch.Params = make([]byte, 4)
			_, err := d.mod.Kernel("k").Launch(c.launch)
			var e *LimitError
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Resource, c.resource)
			assert.Greater(t, e.Got, e.Limit)
		})
	}
	for _, c := range []struct {
		name, directives, body string
		launch                 Launch
	}{
		{"1024 threads", "", "", Launch{Grid: line(1), Block: Dim3{16, 16, 4}}},
		{"shared by default", "", shared + "{ .reg .u64 a; mov.u64 a, s; }", Launch{Grid: line(1), Block: line(1), SharedBytes: 9152}},
		{"opted-in shared", "", "", Launch{Grid: line(1), Block: line(1), SharedBytes: 90 << 10, SharedLimit: 90 << 10}},
		{"registers that maxntid makes the compiler spill", ".maxntid 1024, 1, 1", manyRegisters(120), Launch{Grid: line(1), Block: line(1024)}},
		{"reqntid", ".reqntid 8, 4", "", Launch{Grid: line(1), Block: Dim3{8, 4, 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := load(t, limited(c.directives, c.body))
			c.launch.Params = make([]byte, 4)
			_, err := d.mod.Kernel("k").Launch(c.launch)
			require.NoError(t, err)
		})
	}
	d := load(t, limited(".reqntid 8, 4", ""))
	for _, c := range []Launch{
		{Grid: line(1), Block: Dim3{4, 8, 1}, Params: make([]byte, 4)},
		{Grid: line(0), Block: Dim3{8, 4, 1}, Params: make([]byte, 4)},
		{Grid: line(1), Block: Dim3{8, 4, 1}, Params: make([]byte, 5)},
	} {
		_, err := d.mod.Kernel("k").Launch(c)
		require.Error(t, err)
	}
}

// manyRegisters makes n values that are all live at once.
func manyRegisters(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".reg .u32 r<%d>; .reg .u32 sum; mov.u32 sum, 0;\n", n)
	for i := range n {
		fmt.Fprintf(&b, "mov.u32 r%d, %d;\n", i, i)
	}
	for i := range n {
		fmt.Fprintf(&b, "add.u32 sum, sum, r%d;\n", i)
	}
	return b.String()
}

func TestRegisterEstimateFollowsLiveValues(t *testing.T) {
	few := load(t, limited("", manyRegisters(3))).mod.Kernel("k")
	many := load(t, limited("", manyRegisters(120))).mod.Kernel("k")
	capped := load(t, limited(".maxnreg 32", manyRegisters(120))).mod.Kernel("k")
	assert.Equal(t, 8, few.Registers())
	assert.InDelta(t, 128, many.Registers(), 8)
	assert.Equal(t, 32, capped.Registers())
	assert.Equal(t, 1024, few.MaxThreads())
	assert.Equal(t, 65536/many.Registers(), many.MaxThreads())
}

func TestVersionAgainstThePretendedDriver(t *testing.T) {
	for _, c := range []struct {
		version string
		sm      string
		driver  int
		ok      bool
	}{
		{"8.0", "sm_70", 12000, true}, {"8.0", "sm_70", 11080, false}, {"8.1", "sm_70", 12000, false},
		{"5.0", "sm_20", 12000, true}, {"6.5", "sm_70", 10010, false}, {"9.9", "sm_70", 12000, false},
		{"7.0", "sm_80", 12000, false},
	} {
		m, err := ptx.Parse(".version " + c.version + "\n.target " + c.sm + "\n.address_size 64\n")
		require.NoError(t, err)
		lim := DefaultLimits()
		lim.Driver = c.driver
		_, err = Load(NewMemory(1<<20), m, lim)
		assert.Equal(t, c.ok, err == nil, "%+v: %v", c, err)
		var v *UnsupportedVersionError
		if c.sm != "sm_80" && !c.ok {
			require.ErrorAs(t, err, &v)
			assert.Contains(t, err.Error(), c.version)
		}
	}
}

func TestUnknownPTXIsRefusedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"frobnicate.u32 a, b;":                       "frobnicate.u32: this instruction is not supported",
		"add.u32.weird a, b, b;":                     "modifier .weird is not supported",
		"add.rn.u32 a, b, b;":                        "rounding",
		"add.f32 a, b, b;":                           "b is .u32",
		"ld.global.f32 a, [d];":                      "a is .u32",
		"add.u32 a, %tid.x, b;":                      "only be read by mov",
		"ld.global.u32 a, [b];":                      "64 bits are expected",
		"ld.global.u32 a, [n];":                      "is in .param, not in .global",
		"add.u64 a, b, b;":                           "has 32 bits",
		"wmma.load.a.sync.row.m16n16k16.f16 a, [d];": "not supported",
		"add.u32 a, b;":                              "operands",
		"ld.global.v4.u32 {a, b}, [d];":              "2 registers for 4",
		"ld.global.nc.L9::what.u32 a, [d];":          "",
		"ld.param.u32 a, [n+4];":                     "parameter bytes 4 to 8 of 4",
		"st.param.u32 [n], a;":                       "cannot be written",
		"st.const.u32 [d], a;":                       "cannot be written",
		"shfl.down.b32 a, b, 1, 31;":                 "without .sync",
		"cvt.s32.f32 a, b;":                          ".rni",
		"cvt.f32.s32 a, b;":                          ".rn",
		"setp.foo.u32 p, a, b;":                      ".foo",
		"setp.lt.b32 p, a, b;":                       ".lt",
		"tex.2d.v4.f32.f32 {a,a,a,a}, [d, {a,a}];":   "",
		"bar.cluster.arrive;":                        "",
		"mov.u32 a, p;":                              "predicate",
		"mov.u32 a, %clock64;":                       "",
		"div.f64 d, d, d;":                           "",
		"atom.global.add.u16 a, [d], b;":             "",
		"red.global.cas.b32 [d], a, b;":              "",
		"call f;":                                    "",
	} {
		src := limited("", ".reg .u32 a, b; .reg .u64 d; .reg .pred p;\n"+text+"\n")
		m, err := ptx.Parse(src)
		if err == nil {
			_, err = Load(NewMemory(1<<20), m, testLimits())
		}
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), "line 5", text)
		assert.Contains(t, err.Error(), want, text)
	}
}

func TestLoadRefusesWhatItCannotRun(t *testing.T) {
	head := ".version 7.0\n.target sm_70\n.address_size 64\n"
	for name, src := range map[string]string{
		"recursion":         ".func f() { call f; ret; } .visible .entry k() { call f; ret; }",
		"mutual recursion":  ".func g(); .func f() { call g; ret; } .func g() { call f; ret; } .visible .entry k() { call f; ret; }",
		"no body":           ".extern .func f(); .visible .entry k() { call f; ret; }",
		"argument count":    ".func f(.param .u32 a) { ret; } .visible .entry k() { call f; ret; }",
		"unused and broken": ".func f() { frob; ret; } .visible .entry k() { ret; }",
		"extern variable":   ".extern .global .u32 x; .visible .entry k() { ret; }",
		"parameter bytes":   ".visible .entry k(.param .b8 x[5000]) { ret; }",
		"constant bytes":    ".const .b8 x[70000]; .visible .entry k() { ret; }",
		"unknown symbol":    ".global .u64 x = nowhere; .visible .entry k() { ret; }",
	} {
		m, err := ptx.Parse(head + src)
		require.NoError(t, err, name)
		mem := NewMemory(1 << 20)
		_, err = Load(mem, m, testLimits())
		var e *LoadError
		require.ErrorAs(t, err, &e, name)
		assert.Zero(t, mem.Used(), "nothing stays allocated")
	}
	m, err := ptx.Parse(head + ".global .b8 x[2000];")
	require.NoError(t, err)
	_, err = Load(NewMemory(1000), m, testLimits())
	require.ErrorIs(t, err, ErrOutOfMemory)
}

// Each version of PTX loads on the first driver that reads it (PTX ISA, "Release Notes"),
// and on none before.
func TestDriversReadThePTXOfTheirTime(t *testing.T) {
	for version, driver := range map[string]int{
		"6.0": 9000, "7.0": 11000, "7.8": 11080, "8.0": 12000, "8.5": 12050, "8.6": 12070, "8.8": 12090, "9.0": 13000, "9.1": 13010, "9.5": 13050,
	} {
		m, err := ptx.Parse(".version " + version + "\n.target sm_60\n.address_size 64\n")
		require.NoError(t, err)
		limits := DefaultLimits()
		limits.Driver = driver
		_, err = Load(NewMemory(1<<20), m, limits)
		require.NoError(t, err, "PTX %s, CUDA %d", version, driver)
		limits.Driver = driver - 10
		var refused *UnsupportedVersionError
		_, err = Load(NewMemory(1<<20), m, limits)
		require.ErrorAs(t, err, &refused, "PTX %s, CUDA %d", version, limits.Driver)
		assert.Equal(t, driver, refused.Need)
	}
	m, err := ptx.Parse(".version 10.0\n.target sm_60\n.address_size 64\n")
	require.NoError(t, err)
	_, err = Load(NewMemory(1<<20), m, DefaultLimits())
	require.EqualError(t, err, "softgpu: PTX version 10.0 is not known; versions 5.0 to 9.5 are")
}
