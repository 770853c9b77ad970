package vm

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// From sm_70 on the lanes of a warp may give different member masks to one instruction, as
// long as the lanes of each mask give the same one (PTX ISA, "shfl.sync").
func TestLanesMayGiveDifferentMasks(t *testing.T) {
	const halves = "setp.lt.u32 a, t, 16; selp.b32 y, 0xffff, 0xffff0000, a; "
	half := func(i uint32) uint32 { return 0xffff << (i &^ 15) }
	for _, c := range []struct {
		name, body string
		want       func(i uint32) uint32
	}{
		{"shfl.idx", "xor.b32 z, t, 15; shfl.sync.idx.b32 x, t, z, 31, y;", func(i uint32) uint32 { return i ^ 15 }},
		{"shfl.bfly into the mask's register", "shfl.sync.bfly.b32 y, t, 1, 31, y; mov.u32 x, y;", func(i uint32) uint32 { return i ^ 1 }},
		{"vote.ballot", "and.b32 z, t, 3; setp.eq.u32 b, z, 0; vote.sync.ballot.b32 x, b, y;", func(i uint32) uint32 { return 0x11111111 & half(i) }},
		{"vote.all", "vote.sync.all.pred b, a, y; selp.u32 x, 1, 0, b;", func(i uint32) uint32 { return 1 - i/16 }},
		{"vote.ballot into the mask's register", "vote.sync.ballot.b32 y, a, y; mov.u32 x, y;", func(i uint32) uint32 { return 0xffff * (1 - i/16) }},
		{"match.any", "and.b32 z, t, 1; match.any.sync.b32 x, z, y;", func(i uint32) uint32 { return 0x55555555 << (i & 1) & half(i) }},
		{"redux.add into its operand's register", "redux.sync.add.u32 t, t, y; mov.u32 x, t;", func(i uint32) uint32 { return 120 + i/16*256 }},
		{"bar.warp.sync", "bar.warp.sync y; popc.b32 x, y;", func(i uint32) uint32 { return uint32(bits.OnesCount32(half(i))) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := load(t, broken(halves+c.body+"\nst.global.u32 [r], x;"))
			p := d.alloc(128, "p")
			_, err := d.launch("k", line(1), line(32), Launch{Workers: 1}, p, p, uint32(32))
			require.NoError(t, err)
			got := make([]uint32, 32)
			d.get(p, got)
			for i, x := range got {
				assert.Equal(t, c.want(uint32(i)), x, "lane %d", i)
			}
		})
	}
}

func TestValueFromTheOtherMaskIsNone(t *testing.T) {
	d := load(t, broken("setp.lt.u32 a, t, 16; selp.b32 y, 0xffff, 0xffff0000, a;\nshfl.sync.bfly.b32 x, t, 16, 31, y;\nst.global.u32 [r], x;"))
	p := d.alloc(128, "p")
	_, err := d.launch("k", line(1), line(32), Launch{Workers: 1}, p, p, uint32(32))
	var f *Fault
	require.ErrorAs(t, err, &f)
	assert.Equal(t, UnwrittenValue, f.Kind, "%v", f)
}

func TestWarpBarriersOrderTheLanesOfTheirMasks(t *testing.T) {
	d := load(t, broken(`mov.u64 s, smem; setp.lt.u32 a, t, 16; selp.b32 y, 0xffff, 0xffff0000, a;
and.b32 z, t, 16; mul.wide.u32 q, z, 4; add.u64 s, s, q;
and.b32 z, t, 15; setp.eq.u32 b, z, 0; @b st.shared.u32 [s], t;
bar.warp.sync y;
setp.eq.u32 b, z, 1; @b ld.shared.u32 x, [s]; @b add.u32 x, x, 1; @b st.shared.u32 [s], x;
bar.warp.sync y;
ld.shared.u32 x, [s];
bar.warp.sync -1;
mov.u64 s, smem; ld.shared.u32 w, [s+64]; add.u32 x, x, w;
st.global.u32 [r], x;`))
	p := d.alloc(128, "p")
	_, err := d.launch("k", line(1), line(32), Launch{Workers: 1}, p, p, uint32(32))
	require.NoError(t, err)
	got := make([]uint32, 32)
	d.get(p, got)
	for i, x := range got {
		assert.Equal(t, 17+uint32(i/16*16)+1, x, "lane %d", i)
	}
}

func TestAtomicAddKeepsSubnormalsInSharedMemory(t *testing.T) {
	d := load(t, broken(`mov.u64 s, smem; mov.b32 f, 0x00000003; cvta.shared.u64 q, s;
setp.eq.u32 a, t, 0; @a st.shared.f32 [s], f; bar.warp.sync -1;
setp.lt.u32 b, t, 2; selp.b64 q, q, r, b;
st.global.f32 [r], f; bar.warp.sync -1;
atom.add.f32 g, [q], f;
bar.warp.sync -1;
ld.shared.f32 g, [s]; @a st.global.f32 [r], g;`))
	p := d.alloc(128, "p")
	_, err := d.launch("k", line(1), line(32), Launch{Workers: 1}, p, p, uint32(32))
	require.NoError(t, err)
	got := make([]uint32, 32)
	d.get(p, got)
	assert.EqualValues(t, 9, got[0], "3 and two lanes' 3 in shared memory")
	assert.EqualValues(t, 3, got[1], "a lane that updates shared memory")
	assert.EqualValues(t, 0, got[2], "flushed in global memory")
}
