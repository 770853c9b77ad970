package vm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	patternRounds = 400
	patternBytes  = 1024 // of the memory that a pattern reaches into
	patternHole   = 700  // from here on it was never written
)

// pattern is 32 offsets as kernels have them: stretches of lanes side by side, on one
// address, or apart, now and then astray.
func pattern(rng *rand.Rand, step uint32) (offsets [lanes]uint32) {
	at := rng.Uint32N(patternHole/16/2) * 16
	for i := 0; i < lanes; {
		kind, n := rng.IntN(4), 1+rng.IntN(lanes)
		for ; n > 0 && i < lanes; n-- {
			offsets[i] = at
			i++
			switch kind {
			case 0, 1:
				at += step
			case 2:
				at = rng.Uint32N(patternHole/16) * 16
			}
		}
		if rng.IntN(3) == 0 {
			at = rng.Uint32N(patternHole/16) * 16
		}
		switch rng.IntN(40) {
		case 0:
			at = patternBytes - rng.Uint32N(20)*4
		case 1:
			at = patternHole&^15 + rng.Uint32N(4)*16
		case 2:
			at += 2
		}
	}
	return offsets
}

// judge says what an access finds first, in the order of the lanes: 0 for nothing.
func judge(offsets [lanes]uint32, mask, step uint32, store bool) (FaultKind, int) {
	owner := map[uint32]int{}
	for i, off := range offsets {
		if mask>>i&1 == 0 {
			continue
		}
		switch {
		case off+step > patternBytes:
			return OutOfBounds, i
		case off%step != 0:
			return Misaligned, i
		case !store && off+step > patternHole:
			return Uninitialised, i
		}
		if _, taken := owner[off]; taken && store {
			return GlobalRace, i
		}
		owner[off] = i
	}
	return 0, 0
}

// indirect is a kernel whose lanes, those in the mask n, access p at the offsets that
// stand in q, and leave what they load behind them.
func indirect(access string) string {
	return broken(`shr.u32 x, n, t; and.b32 x, x, 1; setp.eq.u32 a, x, 1;
mul.wide.u32 s, t, 4; add.u64 r, s, q; ld.global.u32 x, [r]; cvt.u64.u32 s, x; add.u64 s, s, p;
mov.u32 x, 0; mov.u32 y, 0; mov.u32 z, 0; mov.u32 w, 0;
` + access)
}

func TestGroupedGlobalAccessesDoWhatTheirLanesWould(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for _, c := range []struct {
		name   string
		step   uint32
		store  bool
		access string
	}{
		{"load of a word", 4, false, "@a ld.global.u32 x, [s];\nst.global.u32 [r+128], x;"},
		{"load of two words", 8, false, "@a ld.global.v2.u32 {x, y}, [s];\nst.global.u32 [r+128], x;"},
		{"load of four words", 16, false, "@a ld.global.v4.u32 {x, y, z, w}, [s];\nst.global.u32 [r+128], x;"},
		{"store of a word", 4, true, "add.u32 x, t, 1000; @a st.global.u32 [s], x;"},
		{"store of four words", 16, true, "add.u32 x, t, 1000; @a st.global.v4.u32 [s], {x, y, z, w};"},
	} {
		d := load(t, indirect(c.access))
		clean := 0
		for round := range patternRounds {
			p, q := d.alloc(patternBytes, "p"), d.alloc(2*4*lanes, "q")
			words := make([]uint32, patternHole/4)
			for i := range words {
				words[i] = rng.Uint32()
			}
			raw := make([]byte, patternHole)
			for i, v := range words {
				storeLE(raw[4*i:], 4, uint64(v))
			}
			require.NoError(t, d.mem.Write(p, raw))
			offsets, mask := pattern(rng, c.step), rng.Uint32()|rng.Uint32()
			if round%3 == 0 {
				mask = allLanes
			}
			for i, off := range offsets {
				require.NoError(t, d.mem.Memset(q+4*uint64(i), off, 4, 1))
			}
			kind, lane := judge(offsets, mask, c.step, c.store)
			_, err := d.launch("k", line(1), line(lanes), Launch{}, p, q, mask)
			about := fmt.Sprintf("%s, mask %#x, offsets %v", c.name, mask, offsets)
			if kind != 0 {
				f := faultOf(t, err)
				require.Equal(t, kind, f.Kind, about)
				require.Equal(t, lane, f.Lane, about)
				continue
			}
			require.NoError(t, err, about)
			clean++
			for i, off := range offsets {
				switch {
				case c.store && mask>>i&1 == 1:
					var got [1]uint32
					d.get(p+uint64(off), got[:])
					require.EqualValues(t, 1000+i, got[0], about)
				case !c.store:
					var got [1]uint32
					d.get(q+128+4*uint64(i), got[:])
					want := uint32(0)
					if mask>>i&1 == 1 {
						want = words[off/4]
					}
					require.Equal(t, want, got[0], about)
				}
			}
			require.NoError(t, d.mem.Free(p))
			require.NoError(t, d.mem.Free(q))
		}
		assert.Greater(t, clean, patternRounds/20, "%s: some patterns are clean", c.name)
		assert.Less(t, clean, patternRounds, "%s: some are not", c.name)
	}
}

func TestGroupedSharedAccessesDoWhatTheirLanesWould(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	// Each of two warps reads what both wrote before the barrier: 256 bytes, by threads.
	d := load(t, broken(`mul.wide.u32 s, t, 4; mov.u64 r, smem; add.u64 r, r, s; add.u32 x, t, 1000; st.shared.u32 [r], x; bar.sync 0;
add.u64 s, s, q; ld.global.u32 x, [s]; cvt.u64.u32 r, x; mov.u64 p, smem; add.u64 r, r, p; mov.u32 x, 0;
and.b32 z, t, 31; shr.u32 y, n, z; and.b32 y, y, 1; setp.eq.u32 a, y, 1;
@a ld.shared.u32 x, [r];
st.global.u32 [s+256], x;
bar.sync 0; @a st.shared.u32 [r], x;`))
	races := 0
	for range patternRounds {
		q := d.alloc(4*4*lanes, "q")
		mask := rng.Uint32() | rng.Uint32()
		var offsets [2][lanes]uint32
		writers, race := map[uint32]bool{}, false
		apart, shift := rng.IntN(2) == 0, rng.Uint32N(64) // apart: every thread has a word of its own
		for w := range offsets {
			offsets[w] = pattern(rng, 4)
			for i := range offsets[w] {
				offsets[w][i] = offsets[w][i] % 256 &^ 3
				if apart {
					offsets[w][i] = (uint32(w*lanes+i)*(shift|1) + shift) % 64 * 4
				}
				require.NoError(t, d.mem.Memset(q+4*uint64(w*lanes+i), offsets[w][i], 4, 1))
				if mask>>i&1 == 1 {
					race = race || writers[offsets[w][i]]
					writers[offsets[w][i]] = true
				}
			}
		}
		_, err := d.launch("k", line(1), line(2*lanes), Launch{Seed: rng.Uint64()}, q, q, mask)
		about := fmt.Sprintf("mask %#x, offsets %v", mask, offsets)
		if race { // the final stores of two threads meet
			races++
			require.Equal(t, SharedRace, faultOf(t, err).Kind, about)
			continue
		}
		require.NoError(t, err, about)
		for w := range offsets {
			for i, off := range offsets[w] {
				var got [1]uint32
				d.get(q+256+4*uint64(w*lanes+i), got[:])
				want := uint32(0)
				if mask>>i&1 == 1 {
					want = 1000 + off/4
				}
				require.Equal(t, want, got[0], about)
			}
		}
	}
	assert.NotZero(t, races)
	assert.Less(t, races, patternRounds)
}
