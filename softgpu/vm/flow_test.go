package vm

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flow runs a body over n threads: thread number in i, result in d.
func flow(t *testing.T, body string, n int, want func(i int) uint32) {
	t.Helper()
	d := load(t, `.version 7.0
.target sm_80
.address_size 64
.func (.param .b32 r) triple(.param .b32 x) { .reg .u32 v; ld.param.u32 v, [x]; mul.lo.u32 v, v, 3; st.param.b32 [r], v; ret; }
.func (.reg .u32 r) early(.reg .u32 x) { .reg .pred p; setp.gt.u32 p, x, 10; mov.u32 r, 1; @p ret; mov.u32 r, 2; ret; }
.visible .entry k(.param .u64 out, .param .u32 pn) {
.reg .u32 i, n, d, j, e, v<8>; .reg .u64 q; .reg .pred p, s, u;
mov.u32 i, %ctaid.x; mov.u32 n, %ntid.x; mov.u32 j, %tid.x; mad.lo.u32 i, i, n, j;
ld.param.u32 n, [pn]; ld.param.u64 q, [out];
`+body+`
mad.wide.u32 q, i, 4, q; st.global.u32 [q], d; ret; }`)
	for _, seed := range seeds {
		out := d.alloc(4*n, "out")
		_, err := d.launch("k", line(2), line(n/2), Launch{Seed: seed}, out, uint32(n))
		require.NoError(t, err)
		got := make([]uint32, n)
		d.get(out, got)
		for i, v := range got {
			require.Equal(t, want(i), v, "thread %d", i)
		}
	}
}

func TestDivergentPathsMeetAgain(t *testing.T) {
	collatz := func(i int) uint32 {
		steps := uint32(0)
		for v := i + 1; v != 1; steps++ {
			if v%2 == 0 {
				v /= 2
			} else {
				v = 3*v + 1
			}
		}
		return steps
	}
	for name, c := range map[string]struct {
		body string
		want func(i int) uint32
	}{
		"if and else": {"and.b32 e, i, 1; setp.eq.u32 p, e, 1; @p bra A; mov.u32 d, 10; bra B; A: mov.u32 d, 20; B: add.u32 d, d, i;",
			func(i int) uint32 { return uint32(10 + i%2*10 + i) }},
		"loop with lane-dependent length": {"add.u32 v0, i, 1; mov.u32 d, 0; L: setp.eq.u32 p, v0, 1; @p bra E; and.b32 v1, v0, 1; setp.eq.u32 s, v1, 0; @s bra H; mad.lo.u32 v0, v0, 3, 1; bra N; H: shr.u32 v0, v0, 1; N: add.u32 d, d, 1; bra L; E:",
			collatz},
		"nested loops with a break": {`mov.u32 d, 0; mov.u32 v0, 0; O: mov.u32 v1, 0;
			I: add.u32 d, d, 1; add.u32 v1, v1, 1; add.u32 v2, v1, v0; rem.u32 v3, i, 7; setp.gt.u32 p, v2, v3; @p bra X; setp.lt.u32 s, v1, 4; @s bra I;
			X: add.u32 v0, v0, 1; setp.lt.u32 u, v0, 3; @u bra O;`,
			func(i int) uint32 {
				d := uint32(0)
				for o := range 3 {
					for in := 0; in < 4; {
						d++
						in++
						if in+o > i%7 {
							break
						}
					}
				}
				return d
			}},
		"early exit of some lanes, shfl by the others": {"mov.u32 d, i; mad.wide.u32 q, i, 4, q; setp.lt.u32 p, i, 5; @!p bra G; st.global.u32 [q], d; exit; G: activemask.b32 e; popc.b32 d, e; mad.wide.u32 q, i, -4, q; ld.param.u64 q, [out];",
			func(i int) uint32 {
				if i < 5 {
					return uint32(i)
				}
				if i < 32 {
					return 27
				}
				return 32
			}},
		"indexed branch": {"rem.u32 e, i, 3; ts: .branchtargets A, B, A2; brx.idx e, ts; A: mov.u32 d, 5; bra E; B: mov.u32 d, 6; bra E; A2: mov.u32 d, 7; E: add.u32 d, d, i;",
			func(i int) uint32 { return uint32(5 + i%3 + i) }},
		"calls with memory and register parameters": {`{ .param .b32 a; .param .b32 b; st.param.b32 [a], i; call.uni (b), triple, (a); ld.param.b32 d, [b]; }
			call (e), early, (i); mad.lo.u32 d, e, 1000, d; { .param .b32 b; call (b), triple, (e); ld.param.u32 e, [b]; } add.u32 d, d, e;`,
			func(i int) uint32 {
				e := uint32(2)
				if i > 10 {
					e = 1
				}
				return uint32(3*i) + 1000*e + 3*e
			}},
		"guarded call": {"mov.u32 d, 7; setp.lt.u32 p, i, 20; @p call (d), early, (i);",
			func(i int) uint32 {
				if i >= 20 {
					return 7
				}
				if i > 10 {
					return 1
				}
				return 2
			}},
		"scoped labels and registers": {"mov.u32 d, 0; { .reg .u32 i2; mov.u32 i2, 3; L: sub.u32 i2, i2, 1; setp.ne.u32 p, i2, 0; @p bra L; add.u32 d, d, 1; } { .reg .u32 i2; mov.u32 i2, 2; L: sub.u32 i2, i2, 1; add.u32 d, d, 10; setp.ne.u32 p, i2, 0; @p bra L; }",
			func(int) uint32 { return 21 }},
		"barrier reductions": {"rem.u32 e, i, 3; setp.eq.u32 p, e, 0; bar.red.popc.u32 d, 0, p; bar.red.and.pred s, 0, p; bar.red.or.pred u, 0, !p; selp.u32 v0, 1000, 0, s; selp.u32 v1, 100, 0, u; add.u32 d, d, v0; add.u32 d, d, v1;",
			func(i int) uint32 {
				n := uint32(0)
				for j := i / 64 * 64; j < i/64*64+64; j++ {
					if j%3 == 0 {
						n++
					}
				}
				return n + 100
			}},
		"match and redux": {"and.b32 e, i, 3; match.any.sync.b32 v0, e, -1; match.all.sync.b32 v1|p, e, -1; popc.b32 d, v0; selp.u32 v2, 100, 200, p; add.u32 d, d, v2; redux.sync.add.u32 v3, e, -1; add.u32 d, d, v3; redux.sync.xor.b32 v3, e, -1; add.u32 d, d, v3;",
			func(int) uint32 { return 8 + 200 + 48 }},
		"special registers": {"mov.u32 d, %laneid; mov.u32 e, %warpid; mad.lo.u32 d, e, 100, d; mov.u32 e, %nctaid.x; mad.lo.u32 d, e, 10000, d; mov.u32 e, %lanemask_lt; popc.b32 e, e; mad.lo.u32 d, e, 100000, d;",
			func(i int) uint32 { return uint32(i%32 + i%64/32*100 + 20000 + i%32*100000) }},
		"dynamic indices into local memory": {".local .align 4 .b8 m[32]; .reg .u64 a, b; mov.u64 a, m; cvta.local.u64 b, a; mov.u32 e, 0; L: and.b32 v0, e, 7; mad.wide.u32 q, v0, 4, b; mul.lo.u32 v1, e, i; st.u32 [q], v1; add.u32 e, e, 1; setp.lt.u32 p, e, 8; @p bra L; and.b32 v0, i, 7; mad.wide.u32 q, v0, 4, a; ld.local.u32 d, [q]; ld.param.u64 q, [out];",
			func(i int) uint32 { return uint32(i % 8 * i) }},
	} {
		t.Run(name, func(t *testing.T) { flow(t, c.body, 128, c.want) })
	}
}

func TestThreeDimensionalIndices(t *testing.T) {
	d := load(t, `.version 7.0
.target sm_70
.address_size 64
.visible .entry k(.param .u64 out) {
.reg .u32 x, y, z, a, b, c, i, j; .reg .u64 q;
mov.u32 x, %tid.x; mov.u32 y, %tid.y; mov.u32 z, %tid.z; mov.u32 a, %ntid.x; mov.u32 b, %ntid.y; mov.u32 c, %ntid.z;
mad.lo.u32 i, z, b, y; mad.lo.u32 i, i, a, x; mul.lo.u32 a, a, b; mul.lo.u32 a, a, c;
mov.u32 x, %ctaid.x; mov.u32 y, %ctaid.y; mov.u32 z, %ctaid.z; mov.u32 b, %nctaid.x; mov.u32 c, %nctaid.y;
mad.lo.u32 j, z, c, y; mad.lo.u32 j, j, b, x; mad.lo.u32 i, j, a, i;
ld.param.u64 q, [out]; mad.wide.u32 q, i, 4, q; st.global.u32 [q], i; ret; }`)
	const n = 2 * 3 * 2 * 5 * 3 * 2
	for _, seed := range seeds {
		out := d.alloc(4*n, "out")
		_, err := d.launch("k", Dim3{2, 3, 2}, Dim3{5, 3, 2}, Launch{Seed: seed}, out)
		require.NoError(t, err)
		got := make([]uint32, n)
		d.get(out, got)
		for i, v := range got {
			require.EqualValues(t, i, v)
		}
	}
}

func TestAtomicsReturnOldValues(t *testing.T) {
	for op, c := range map[string]struct {
		start, operand, want uint32
		old                  func(i uint32) uint32
	}{
		"add.u32":  {5, 2, 5 + 64, func(i uint32) uint32 { return 5 + 2*i }},
		"inc.u32":  {0, 9, 2, func(i uint32) uint32 { return i % 10 }},
		"dec.u32":  {3, 9, 1, func(i uint32) uint32 { return (3 + 10 - i%10) % 10 }},
		"exch.b32": {1, 7, 7, func(i uint32) uint32 { return 7 - 6*bit(i == 0) }},
		"max.s32":  {0xffffffff, 3, 3, func(i uint32) uint32 { return 3 | -bit(i == 0) }},
		"min.u32":  {9, 4, 4, func(i uint32) uint32 { return 4 + 5*bit(i == 0) }},
		"and.b32":  {15, 6, 6, func(i uint32) uint32 { return 6 + 9*bit(i == 0) }},
		"or.b32":   {1, 6, 7, func(i uint32) uint32 { return 7 - 6*bit(i == 0) }},
		"xor.b32":  {1, 6, 1, func(i uint32) uint32 { return 1 + 6*(i&1) }},
		"cas.b32":  {6, 6, 9, func(i uint32) uint32 { return 9 - 3*bit(i == 0) }},
	} {
		extra := ""
		if op == "cas.b32" {
			extra = ", 9"
		}
		for _, space := range []string{"global", "shared"} {
			d := load(t, broken(".reg .u32 start, v; ld.global.u32 v, [q]; ld.global.u32 start, [p+128]; mov.u64 s, smem; setp.eq.u32 a, t, 0; @a st.shared.u32 [s], start; bar.sync 0;\n"+
				map[string]string{"global": "add.u64 s, p, 128;", "shared": ""}[space]+
				"atom."+space+"."+op+" x, [s], v"+extra+"; st.global.u32 [r], x; bar.sync 0; @a ld."+space+".u32 x, [s]; @a st.global.u32 [p+132], x;"))
			mem := make([]uint32, 64)
			mem[32] = c.start
			p, q := d.put("p", mem), d.put("q", []uint32{c.operand})
			_, err := d.launch("k", line(1), line(32), Launch{}, p, q, uint32(0))
			require.NoError(t, err, op)
			d.get(p, mem)
			for i := range uint32(32) {
				require.Equal(t, c.old(i), mem[i], "%s.%s, lane %d", space, op, i)
			}
			assert.Equal(t, c.want, mem[33], "%s.%s", space, op)
		}
	}
}

func TestResultsDoNotDependOnSeedOrWorkers(t *testing.T) {
	d := loadFile(t, "kernels.ptx")
	var first []float32
	var stats Stats
	for i, c := range []Launch{{Workers: 1}, {Workers: 1, Seed: 4}, {Workers: 2, Seed: 5}, {Workers: 7, Seed: 6}} {
		out, sum := d.alloc(4*300, "out"), d.put("sum", []float32{0})
		s, err := d.launch("mixed", line(10), line(64), c, out, int32(1), int32(3), int32(300))
		require.NoError(t, err)
		v := make([]int32, 500)
		for j := range v {
			v[j] = int32(j * 1234567)
		}
		// A float sum in global memory: its order, and so its rounding, must be fixed.
		_, err = d.launch("histogram", line(4), line(128), Launch{Workers: c.Workers}, d.put("v", v), d.put("bins", make([]int32, 16)), sum, int32(500))
		require.NoError(t, err)
		got := append(d.floats(out, 300), d.floats(sum, 1)...)
		if i == 0 {
			first, stats = got, s
		}
		assert.Equal(t, first, got)
		assert.Equal(t, stats, s, "and neither do the statistics")
	}
}

func TestGuardedInstructionsCountOnlyWhereTheyRun(t *testing.T) {
	d := load(t, broken("setp.lt.u32 a, t, 5; mov.f32 f, 0f3F800000; @a fma.rn.f32 f, f, f, f;"))
	p := d.put("p", []uint32{0})
	s, err := d.launch("k", line(1), line(32), Launch{}, p, p, uint32(0))
	require.NoError(t, err)
	assert.EqualValues(t, 10, s.FLOPs)
	unguarded, err := load(t, broken("setp.lt.u32 a, t, 5; mov.f32 f, 0f3F800000;")).launch("k", line(1), line(32), Launch{}, uint64(0), uint64(0), uint32(0))
	require.NoError(t, err)
	assert.EqualValues(t, 5, s.Instructions-unguarded.Instructions)
}

func TestCancelledLaunchStops(t *testing.T) {
	d := load(t, broken("mov.u32 x, 0; L: add.u32 x, x, 1; st.global.u32 [r], x; setp.lt.u32 a, x, 1000000000; @a bra L;"))
	p := d.put("p", make([]uint32, 64))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := d.launch("k", line(2), line(32), Launch{Context: ctx, Budget: 1 << 40}, p, p, uint32(0))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
