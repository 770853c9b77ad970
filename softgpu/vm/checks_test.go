package vm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// broken wraps a body into a kernel k(u64 p, u64 q, u32 n). The body starts on
// line 13; %tid is in t, the global thread number in i, and p and q are loaded.
func broken(body string) string {
	return `.version 7.7
.target sm_70
.address_size 64
.shared .align 16 .b8 smem[256];
.const .align 4 .u32 fixed[2] = {11, 22}; .shared .align 4 .b8 tail[64]; .extern .shared .align 8 .b8 more[];
.visible .entry k(.param .u64 pp, .param .u64 pq, .param .u32 pn) {
.reg .u32 t, i, n, c, x, y, z, w; .reg .u64 p, q, r, s; .reg .f32 f, g; .reg .u16 h; .reg .pred a, b; .local .align 4 .b8 mine[16]; .local .align 4 .b8 other[8];
ld.param.u64 p, [pp]; ld.param.u64 q, [pq]; ld.param.u32 n, [pn];
mov.u32 t, %tid.x;
mov.u32 c, %ctaid.x; mov.u32 i, %ntid.x; mad.lo.u32 i, c, i, t;
mul.wide.u32 r, i, 4; add.u64 r, r, p;
.loc 1 7 3
` + body + `
ret;
}
.file 1 "broken.cu"
`
}

// bodyLine is the line of the first line of a broken body.
const bodyLine = 13

func TestChecksFire(t *testing.T) {
	one, two := line(1), line(2)
	for _, c := range []struct {
		name, body  string
		grid, block Dim3
		kind        FaultKind
		line        int    // within the body, from 0
		thread      uint32 // x; anyThread where the seed decides
		space       string
		contains    string
	}{
		{"past the end", "st.global.u32 [r], t;\nst.global.u32 [r+256], t;", one, line(64), OutOfBounds, 1, anyThread, "global", `allocation 2 "p"`},
		{"one element too many", "st.global.u32 [r+4], t;", one, line(64), OutOfBounds, 0, 63, "global", "0 bytes past the end"},
		{"before the start", "ld.global.u32 x, [r+-4];", one, line(64), OutOfBounds, 0, 0, "global", "4 bytes before"},
		{"null pointer", "mov.u64 s, 0;\nld.global.u32 x, [s];", one, line(32), OutOfBounds, 1, 0, "global", "null"},
		{"straddling the end", "add.u64 r, p, 252;\nld.global.v2.u32 {x, y}, [r];", one, one, OutOfBounds, 1, 0, "global", ""},
		{"misaligned word", "add.u64 r, r, 2;\nld.global.u32 x, [r];", one, line(32), Misaligned, 1, 0, "global", "multiple of 4"},
		{"misaligned vector", "mov.u32 x, 1; mov.u32 y, 1;\nst.global.v2.u32 [p+4], {x, y};", one, one, Misaligned, 1, 0, "global", "multiple of 8"},
		{"uninitialised global", "ld.global.u32 x, [q];", one, line(32), Uninitialised, 0, 0, "global", `"q"`},
		{"uninitialised in the middle", "st.global.u32 [q+4], t;\nadd.u64 q, q, 0; mul.wide.u32 s, t, 4; add.u64 s, s, q; ld.global.u32 x, [s];", one, one, Uninitialised, 1, 0, "global", ""},
		{"uninitialised shared", "mov.u64 s, smem;\nld.shared.u32 y, [s+4];", one, line(32), Uninitialised, 1, 0, "shared", ""},
		{"uninitialised local", "ld.local.u32 x, [mine+4];", one, line(32), Uninitialised, 0, 0, "local", ""},
		{"uninitialised byte of a local word", "mov.u32 x, 1; st.local.u16 [mine], x;\nld.local.u32 y, [mine];", one, one, Uninitialised, 1, 0, "local", ""},
		{"local out of bounds", "mov.u64 s, mine; mov.u32 x, 1;\nst.local.u32 [s+280], x;", one, one, OutOfBounds, 1, 0, "local", "24 bytes of local"},
		{"register never written", "st.global.u32 [r], z;", one, line(32), UnwrittenValue, 0, 0, "", "register z"},
		{"register written on one path", "setp.lt.u32 a, t, 5;\n@a mov.u32 z, 1;\nadd.u32 y, z, 1;\nst.global.u32 [r], y;", one, line(32), UnwrittenValue, 3, 5, "", "register y"},
		{"branch on an unwritten predicate", "@b bra L;\nL:", one, line(32), UnwrittenValue, 0, 0, "", "register b"},
		{"address from nowhere", "ld.global.u32 x, [s];", one, line(32), UnwrittenValue, 0, 0, "", "register s"},
		{"write to constant memory", "mov.u64 s, fixed; cvta.const.u64 s, s;\nst.u32 [s], t;", one, one, ReadOnly, 1, 0, "global", "constant memory"},
		{"write to parameters", "mov.b64 s, pp; cvta.param.u64 s, s;\nst.u32 [s], t;", one, one, ReadOnly, 1, 0, "param", ""},
		{"parameters out of bounds", "mov.b64 s, pp; add.u64 s, s, 20;\nld.param.u32 x, [s];", one, one, OutOfBounds, 1, 0, "param", "20 bytes"},
		{"shared out of bounds", "mov.u64 s, smem; mul.wide.u32 r, t, 8; add.u64 s, s, r;\nst.shared.u64 [s+8], r;", one, line(32), OutOfBounds, 1, 31, "shared", "256 bytes"},
		{"shared misaligned", "mov.u64 s, smem;\nst.shared.u32 [s+1], t;", one, one, Misaligned, 1, 0, "shared", ""},
		{"global access to shared memory", "mov.u64 s, smem; cvta.shared.u64 s, s;\nld.global.u32 x, [s];", one, one, OutOfBounds, 1, 0, "global", ""},
		{"const access to global memory", "ld.const.u32 x, [p];", one, one, BadAddressSpace, 0, 0, "const", ""},
		{"shared race, write and write", "mov.u64 s, smem;\nst.shared.u32 [s], t;", one, line(32), SharedRace, 1, 1, "shared", "a write by thread (0,0,0)"},
		{"shared race, write and read across warps", "mov.u64 s, smem; mul.wide.u32 r, t, 4; add.u64 r, r, s; st.shared.u32 [r], t; bar.sync 0; st.shared.u32 [r], t;\nxor.b32 x, t, 32; mul.wide.u32 r, x, 4; add.u64 r, r, s; ld.shared.u32 x, [r];", one, line(64), SharedRace, anyLine, anyThread, "shared", "no barrier between"},
		{"shared race within a warp", "mov.u64 s, smem; mul.wide.u32 r, t, 4; add.u64 r, r, s; st.shared.u32 [r], t;\nxor.b32 x, t, 1; mul.wide.u32 r, x, 4; add.u64 r, r, s; ld.shared.u32 x, [r];", one, line(32), SharedRace, 1, 0, "shared", "a write by thread (1,0,0)"},
		{"shared race after reads", "mov.u64 s, smem; setp.eq.u32 a, t, 0; @a st.shared.u32 [s], t; bar.sync 0;\nld.shared.u32 x, [s]; st.shared.u32 [s], x;", one, line(64), SharedRace, 1, anyThread, "shared", "write against"},
		{"shared race of an atomic and a read", "mov.u64 s, smem; setp.eq.u32 a, t, 0; @a st.shared.u32 [s], t; bar.sync 0;\nsetp.lt.u32 a, t, 32; @a red.shared.add.u32 [s], 1; @!a ld.shared.u32 x, [s];", one, line(64), SharedRace, 1, anyThread, "shared", ""},
		{"shared race on bytes", "mov.u64 s, smem; shr.u32 x, t, 1; cvt.u64.u32 r, x; add.u64 r, r, s; cvt.u16.u32 h, t;\nst.shared.u8 [r], h;", one, line(32), SharedRace, 1, 1, "shared", ""},
		{"global race of blocks", "st.global.u32 [p], t;", two, one, GlobalRace, 0, 0, "global", "no barrier between"},
		{"global race of blocks, write and read", "setp.eq.u32 a, c, 0;\n@a st.global.u32 [p+4], t; @!a ld.global.u32 x, [p+4];", two, one, GlobalRace, 1, 0, "global", ""},
		{"global race of blocks on whole lines", "mul.wide.u32 r, t, 4; add.u64 r, r, p; st.global.u32 [r], t;", two, line(32), GlobalRace, 0, 0, "global", "write by block"},
		{"global race of warps", "mul.wide.u32 r, t, 4; add.u64 r, r, p; st.global.u32 [r], t;\nxor.b32 x, t, 32; mul.wide.u32 r, x, 4; add.u64 r, r, p; ld.global.u32 x, [r];", one, line(64), GlobalRace, anyLine, anyThread, "global", ""},
		{"global race within one instruction", "and.b32 x, t, 3; mul.wide.u32 r, x, 4; add.u64 r, r, p;\nst.global.u32 [r], t;", one, line(32), GlobalRace, 1, 4, "global", "lanes 0 and 4"},
		{"global race of an atomic and a write", "setp.eq.u32 a, c, 0;\n@a st.global.u32 [p], t; @!a red.global.add.u32 [p], 1;", two, one, GlobalRace, 1, 0, "global", ""},
		{"global race on bytes", "cvt.u64.u32 r, c; shr.u64 r, r, 1; add.u64 r, r, p; cvt.u16.u32 h, t;\nst.global.u8 [r], h;", two, one, GlobalRace, 1, 0, "global", ""},
		{"barrier in a branch", "setp.lt.u32 a, t, 7;\n@!a bra L;\nbar.sync 0;\nL:", one, line(32), BarrierMismatch, 2, 0, "", "thread (7,0,0) is on another path"},
		{"barrier after some have left", "setp.lt.u32 a, t, 7;\n@a ret;\nbar.sync 0;", one, line(32), BarrierMismatch, 2, 7, "", "has left the kernel"},
		{"barrier that one warp skips", "setp.ge.u32 a, t, 32;\n@a bra L;\nbar.sync 0;\nL:", one, line(64), BarrierMismatch, 2, 0, "", "warp 1 (threads from (32,0,0)) has left the kernel"},
		{"two barriers wait for each other", "setp.ge.u32 a, t, 32;\n@a bra L;\nbar.sync 0;\nret;\nL: bar.sync 1;", one, line(64), BarrierMismatch, 2, 0, "", "waits at barrier 1"},
		{"guarded barrier", "setp.lt.u32 a, t, 7;\n@a bar.sync 0;", one, line(32), BarrierMismatch, 1, 0, "", ""},
		{"barrier with an odd count", "bar.sync 0, 33;", one, line(64), BarrierMismatch, 0, anyThread, "", "multiple of 32"},
		{"barrier that differs in a warp", "and.b32 x, t, 1;\nbar.sync x;", one, line(32), BarrierMismatch, 1, 0, "", "different barriers"},
		{"warp barrier of the other half", "mov.u64 s, smem; setp.lt.u32 a, t, 16; selp.b32 y, 0xffff, 0xffff0000, a;\nsetp.eq.u32 b, t, 0; @b st.shared.u32 [s], t;\nbar.warp.sync y;\nsetp.eq.u32 b, t, 16; @b ld.shared.u32 x, [s];", one, line(32), SharedRace, 3, 16, "shared", "a write by thread (0,0,0)"},
		{"barrier number", "bar.sync 16;", one, line(32), BarrierMismatch, 0, 0, "", "0 to 15"},
		{"shfl names an inactive lane", "setp.lt.u32 a, t, 7;\n@!a bra L;\nshfl.sync.down.b32 x, t, 1, 31, -1;\nL:", one, line(32), BadLaneMask, 2, 7, "", "names lane 7"},
		{"shfl by a lane not named", "shfl.sync.down.b32 x, t, 1, 31, 0xffff;", one, line(32), BadLaneMask, 0, 16, "", "does not name it"},
		{"shfl with different masks", "setp.lt.u32 a, t, 16; selp.b32 x, -1, 0xffff0000, a;\nshfl.sync.down.b32 x, t, 1, 31, x;", one, line(32), BadLaneMask, 1, 16, "", "names lane 16, which gives mask 0xffff0000"},
		{"shared array overrun", "mov.u64 s, smem; mul.wide.u32 r, t, 4; add.u64 r, r, s;\nst.shared.u32 [r+132], t;\nmov.u64 s, tail;\nst.shared.u32 [s], t;", one, line(32), OutOfBounds, 1, 31, "shared", "smem (256 bytes) ends 0 bytes before, and tail begins 1024 bytes after"},
		{"shared array underrun", "mov.u64 s, smem; mov.u64 s, tail;\nld.shared.u32 x, [s+-4];", one, one, OutOfBounds, 1, 0, "shared", "and tail begins 4 bytes after"},
		{"static shared overrun into dynamic", "mov.u64 s, smem;\nst.shared.u32 [s+256], t;\nmov.u64 s, more;\nst.shared.u32 [s], t;", one, one, OutOfBounds, 1, 0, "shared", "and more begins"},
		{"local array overrun", "mov.u64 s, mine; mov.u32 x, 1;\nst.local.u32 [s+16], x;\nst.local.u32 [other], x;", one, one, OutOfBounds, 1, 0, "local", "mine (16 bytes) ends 0 bytes before, and other begins"},
		{"read-only load after a write of the launch", "st.global.u32 [r], t;\nld.global.nc.u32 x, [r];", one, line(32), GlobalRace, 1, 0, "global", "read with .nc by block 0, warp 0, against write by block 0, warp 0"},
		{"read-only load after a write of a byte", "cvt.u16.u32 h, t; cvt.u64.u32 s, t; add.u64 s, s, p;\nst.global.u8 [s], h;\nld.global.nc.u8 h, [s];", one, line(32), GlobalRace, 2, 0, "global", "read with .nc"},
		{"write after a read-only load", "ld.global.nc.u32 x, [r];\nst.global.u32 [r], x;", one, line(32), GlobalRace, 1, 0, "global", "write by block 0, warp 0, against read with .nc"},
		{"atomic after a read-only load", "ld.global.nc.u32 x, [p];\nred.global.add.u32 [p], 1;", one, line(32), GlobalRace, 1, 0, "global", "atomic update by block 0, warp 0, against read with .nc"},
		{"race of a volatile store", "setp.eq.u32 a, c, 0;\n@a st.volatile.global.u32 [p], t; @!a st.global.u32 [p], t;", two, one, GlobalRace, 1, 0, "global", "against atomic or strong access by block 0"},
		{"volatile store against a write", "setp.eq.u32 a, c, 0;\n@a st.global.u32 [p], t; @!a st.volatile.global.u32 [p], t;", two, one, GlobalRace, 1, 0, "global", "volatile write by block 1"},
		{"vote names an inactive lane", "setp.lt.u32 a, t, 7;\n@a vote.sync.ballot.b32 x, a, -1;", one, line(32), BadLaneMask, 1, 7, "", ""},
		{"warp barrier names an inactive lane", "setp.lt.u32 a, t, 7;\n@!a bra L;\nbar.warp.sync -1;\nL:", one, line(32), BadLaneMask, 2, 7, "", ""},
		{"value of a lane that takes no part", "setp.lt.u32 a, t, 16;\n@!a bra L;\nshfl.sync.down.b32 x, t, 8, 31, 0xffff;\nst.global.u32 [r], x;\nL:", one, line(32), UnwrittenValue, 3, 8, "", "register x"},
		{"endless loop", "L: bra L;", one, line(32), BudgetExceeded, 0, 0, "", "may not end"},
		{"trap", "setp.eq.u32 a, t, 9;\n@a trap;", one, line(32), Trap, 1, 9, "", ""},
		{"branch index", "ts: .branchtargets L, M;\nbrx.idx t, ts;\nL:\nM:", one, line(32), BadBranchIndex, 1, 2, "", "index 2 into a list of 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, seed := range []uint64{1, 2, 3} {
				d := load(t, broken(c.body))
				p := d.put("p", make([]uint32, 64))
				q := d.alloc(64, "q")
				_, err := d.launch("k", c.grid, c.block, Launch{Seed: seed, Workers: 1, Budget: 10_000}, p, q, uint32(64))
				var f *Fault
				require.ErrorAs(t, err, &f, "the check must fire")
				assert.Equal(t, c.kind, f.Kind, "%v", f)
				assert.Equal(t, "k", f.Kernel)
				if c.line != anyLine {
					assert.Equal(t, bodyLine+c.line, f.Line, "%v", f)
				}
				assert.Equal(t, "broken.cu:7", f.Source)
				if c.thread != anyThread {
					assert.Equal(t, c.thread, f.Thread.X, "%v", f)
				}
				assert.Equal(t, c.space, f.Space, "%v", f)
				assert.Contains(t, f.Error(), c.contains)
				if c.space == "global" {
					assert.NotZero(t, f.Size)
				}
			}
		})
	}
}

// For findings whose place depends on the order in which the seed runs the warps.
const (
	anyThread = ^uint32(0)
	anyLine   = -1
)

func TestUseAfterFreeNamesTheFreedAllocation(t *testing.T) {
	d := load(t, broken("ld.global.u32 x, [r];"))
	p := d.put("weights", make([]uint32, 64))
	require.NoError(t, d.mem.Free(p))
	d.put("reuse", make([]uint32, 64))
	_, err := d.launch("k", line(1), line(32), Launch{}, p, p, uint32(0))
	var f *Fault
	require.ErrorAs(t, err, &f)
	assert.Equal(t, UseAfterFree, f.Kind)
	assert.Equal(t, p, f.Address)
	assert.Contains(t, f.Error(), `"weights"`)
	assert.Contains(t, f.Error(), "freed")
}

func TestFaultInADeviceFunctionNamesIt(t *testing.T) {
	d := load(t, `.version 7.0
.target sm_70
.address_size 64
.func (.param .b32 out) helper(.param .b64 at) {
.reg .u64 a; .reg .u32 v;
ld.param.u64 a, [at];
ld.global.u32 v, [a];
st.param.b32 [out], v;
ret;
}
.visible .entry k(.param .u64 p) {
.reg .u64 a; .reg .u32 v;
ld.param.u64 a, [p];
{ .param .b64 x; .param .b32 y; st.param.b64 [x], a; call.uni (y), helper, (x); ld.param.b32 v, [y]; }
st.global.u32 [a], v;
ret;
}`)
	_, err := d.launch("k", line(1), line(1), Launch{}, uint64(4096))
	var f *Fault
	require.ErrorAs(t, err, &f)
	assert.Equal(t, "helper", f.Function)
	assert.Equal(t, 7, f.Line)
	p := d.put("p", []uint32{42})
	_, err = d.launch("k", line(1), line(1), Launch{}, p)
	require.NoError(t, err)
}

// These kernels come close to a finding and are right: no check may fire.
func TestChecksStaySilent(t *testing.T) {
	for name, c := range map[string]struct {
		body        string
		grid, block Dim3
	}{
		"shared exchange with a barrier":           {"mov.u64 s, smem; mul.wide.u32 q, t, 4; add.u64 q, q, s; st.shared.u32 [q], t; bar.sync 0; xor.b32 x, t, 32; mul.wide.u32 q, x, 4; add.u64 q, q, s; ld.shared.u32 x, [q];", line(1), line(64)},
		"shared exchange with a warp barrier":      {"mov.u64 s, smem; mul.wide.u32 q, t, 4; add.u64 q, q, s; st.shared.u32 [q], t; bar.warp.sync -1; xor.b32 x, t, 1; mul.wide.u32 q, x, 4; add.u64 q, q, s; ld.shared.u32 x, [q]; bar.warp.sync -1; st.shared.u32 [q], x;", line(1), line(64)},
		"broadcast read, barrier, write":           {"mov.u64 s, smem; setp.eq.u32 a, t, 3; @a st.shared.u32 [s], t; bar.sync 0; ld.shared.u32 x, [s]; bar.sync 0; @a st.shared.u32 [s], t;", line(1), line(64)},
		"shared atomics":                           {"mov.u64 s, smem; setp.eq.u32 a, t, 0; @a st.shared.u32 [s], t; bar.sync 0; red.shared.add.u32 [s], 1; bar.sync 0; ld.shared.u32 x, [s];", line(1), line(64)},
		"own element read and written":             {"ld.global.u32 x, [r]; add.u32 x, x, 1; st.global.u32 [r], x; ld.global.u32 x, [r];", line(2), line(32)},
		"half lines of two blocks":                 {"ld.global.u32 x, [r]; add.u32 x, x, 1; st.global.u32 [r], x;", line(4), line(16)},
		"global exchange with a barrier":           {"st.global.u32 [r], t; bar.sync 0; xor.b32 x, t, 32; mul.wide.u32 q, x, 4; add.u64 q, q, p; ld.global.u32 x, [q];", line(1), line(64)},
		"all blocks read one word":                 {"ld.global.u32 x, [p]; ld.global.u32 x, [r];", line(2), line(32)},
		"global atomics of blocks":                 {"red.global.add.u32 [p], 1; atom.global.max.u32 x, [p+4], t;", line(2), line(64)},
		"bytes of one word by threads":             {"mov.u64 s, smem; cvt.u64.u32 q, t; add.u64 s, s, q; cvt.u16.u32 h, t; st.shared.u8 [s], h; add.u64 q, q, p; st.global.u8 [q], h;", line(1), line(64)},
		"bytes of one word by blocks":              {"cvt.u64.u32 q, c; add.u64 q, q, p; cvt.u16.u32 h, t; st.global.u8 [q], h; ld.global.u8 h, [q];", line(8), line(1)},
		"producer and consumer on a named barrier": {"mov.u64 s, smem; setp.lt.u32 a, t, 32; and.b32 x, t, 31; mul.wide.u32 q, x, 4; add.u64 s, s, q; @!a bra C;\nst.shared.u32 [s], t; bar.arrive 1, 64; bra E;\nC: bar.sync 1, 64; ld.shared.u32 x, [s];\nE: bar.sync 0;", line(1), line(64)},
		"exited lanes in a shfl mask":              {"setp.ge.u32 a, t, 16; @a ret; shfl.sync.bfly.b32 x, t, 1, 31, -1; st.global.u32 [r], x;", line(1), line(32)},
		"unused result of an inactive lane":        {"setp.ge.u32 a, t, 16; @a ret; shfl.sync.down.b32 x, t, 8, 31, 0xffff; add.u32 x, x, t; setp.lt.u32 b, t, 8; @b st.global.u32 [r], x;", line(1), line(32)},
		"register set on both paths":               {"setp.lt.u32 a, t, 5; @a mov.u32 z, 1; @!a mov.u32 z, 2; st.global.u32 [r], z;", line(1), line(32)},
		"last block in a grid reads its own tail":  {"setp.lt.u32 a, i, 50; @!a bra E; st.global.u32 [r], i;\nE:", line(2), line(32)},
		"volatile flag and atomics":                {"st.volatile.global.u32 [p], 1; ld.volatile.global.u32 x, [p]; red.global.add.u32 [p], 1;", line(2), line(1)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, seed := range seeds {
				for _, workers := range []int{1, 2} {
					d := load(t, broken(c.body))
					p, q := d.put("p", make([]uint32, 64)), d.alloc(64, "q")
					_, err := d.launch("k", c.grid, c.block, Launch{Seed: seed, Workers: workers}, p, q, uint32(64))
					require.NoError(t, err, "seed %d, %d workers", seed, workers)
				}
			}
		})
	}
}

func TestRacesBetweenWorkersAreReported(t *testing.T) {
	d := load(t, broken("and.b32 x, t, 31; mul.wide.u32 r, x, 4; add.u64 r, r, p; st.global.u32 [r], t;"))
	p := d.put("p", make([]uint32, 64))
	_, err := d.launch("k", line(1000), line(32), Launch{Workers: 4}, p, p, uint32(0))
	var f *Fault
	require.ErrorAs(t, err, &f)
	assert.Equal(t, GlobalRace, f.Kind)
}

func TestLaunchesDoNotRaceWithEachOther(t *testing.T) {
	d := load(t, broken("mul.wide.u32 r, t, 4; add.u64 r, r, p; ld.global.u32 x, [r]; add.u32 x, x, 1; st.global.u32 [r], x;"))
	p := d.put("p", make([]uint32, 32))
	for range 3 {
		_, err := d.launch("k", line(1), line(32), Launch{}, p, p, uint32(0))
		require.NoError(t, err)
	}
	// Also across the point where the 16-bit epochs start again.
	d.mem.epoch = 1<<epochBits - 3
	for i := range 6 {
		_, err := d.launch("k", line(1), line(32), Launch{}, p, p, uint32(0))
		require.NoError(t, err, fmt.Sprint(i))
	}
	got := make([]uint32, 32)
	d.get(p, got)
	assert.EqualValues(t, 9, got[5])
}

func TestFaultTellsEverythingInOneSentence(t *testing.T) {
	d := load(t, broken("st.global.u32 [r+256], t;"))
	p := d.put("weights", make([]uint32, 64))
	_, err := d.launch("k", line(1), line(32), Launch{}, p, p, uint32(0))
	require.Error(t, err)
	for _, part := range []string{"out-of-bounds", "kernel k", "ptx line 13", "broken.cu:7", "st.global.u32", "block (0,0,0)", "thread (0,0,0)", `"weights" of 256 bytes`, fmt.Sprintf("%#x", p+256)} {
		assert.Contains(t, err.Error(), part)
	}
}
