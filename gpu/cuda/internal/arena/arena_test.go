package arena

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// store is a Source that gives out addresses without memory behind them.
type store struct {
	limit, used uint64
	next        uint64
	live        map[uint64]uint64
	asked       []uint64
	broken      error // what free answers
}

func newStore(limit uint64) *store {
	return &store{limit: limit, next: 1 << 40, live: map[uint64]uint64{}}
}

func (s *store) Alloc(n uint64) (uint64, error) {
	s.asked = append(s.asked, n)
	if n > s.limit-s.used {
		return 0, fmt.Errorf("no %d bytes: %w", n, gpu.ErrOutOfMemory)
	}
	addr := s.next
	s.next += n + 1<<30
	s.used += n
	s.live[addr] = n
	return addr, nil
}

func (s *store) Free(addr uint64) error {
	s.used -= s.live[addr]
	delete(s.live, addr)
	return s.broken
}

const (
	testStep  = 8 << 20
	testLimit = 1 << 30
)

func TestBlocksAreAlignedWithARedZoneBehind(t *testing.T) {
	a := New(newStore(testLimit), testStep)
	var last uint64
	for i, n := range []uint64{1, 255, 256, 257, 1000, 4096} {
		addr, err := a.Take(n)
		require.NoError(t, err)
		assert.Zero(t, addr%Align)
		if i > 0 {
			assert.GreaterOrEqual(t, addr, last+redZone, "a red zone lies before block %d", i)
		}
		last = addr + n
	}
	require.Len(t, a.chunks, 1)
}

func TestFreedNeighboursBecomeOneBlock(t *testing.T) {
	for name, order := range map[string][]int{
		"forwards": {0, 1, 2}, "backwards": {2, 1, 0}, "middle first": {1, 0, 2}, "middle last": {0, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := New(newStore(testLimit), testStep)
			var addrs []uint64
			for range 3 {
				addr, err := a.Take(100_000)
				require.NoError(t, err)
				addrs = append(addrs, addr)
			}
			for _, i := range order {
				a.Give(addrs[i])
			}
			require.Len(t, a.idle, 1)
			assert.Equal(t, uint64(testStep), a.idle[0].size)
			again, err := a.Take(testStep - redZone)
			require.NoError(t, err)
			assert.Equal(t, a.chunks[0].addr, again, "the whole chunk is one block")
			assert.Len(t, a.chunks, 1)
		})
	}
}

func TestSmallestBlockThatFitsIsTaken(t *testing.T) {
	a := New(newStore(testLimit), testStep)
	large, err := a.Take(300_000)
	require.NoError(t, err)
	_, err = a.Take(1) // keeps the two apart
	require.NoError(t, err)
	small, err := a.Take(100_000)
	require.NoError(t, err)
	_, err = a.Take(1)
	require.NoError(t, err)
	a.Give(large)
	a.Give(small)
	got, err := a.Take(90_000)
	require.NoError(t, err)
	assert.Equal(t, small, got)
}

func TestLargeBlocksGetAChunkOfTheirSize(t *testing.T) {
	s := newStore(testLimit)
	a := New(s, testStep)
	_, err := a.Take(3*testStep + 1)
	require.NoError(t, err)
	assert.Equal(t, []uint64{RoundUp(3*testStep+1+redZone, chunkGrain)}, s.asked)
}

func TestWhereNoUsualChunkFitsTheExactSizeIsTried(t *testing.T) {
	s := newStore(testStep / 2)
	a := New(s, testStep)
	_, err := a.Take(1000)
	require.NoError(t, err)
	assert.Equal(t, []uint64{testStep, testStep, blockSize(1000)}, s.asked)
}

func TestIdleChunksAreGivenBackWhenMemoryRunsOut(t *testing.T) {
	s := newStore(3 * testStep)
	a := New(s, testStep)
	var addrs []uint64
	for range 3 {
		addr, err := a.Take(testStep - redZone)
		require.NoError(t, err)
		addrs = append(addrs, addr)
	}
	a.Give(addrs[0])
	a.Give(addrs[2])
	_, err := a.Take(2*testStep - redZone)
	require.NoError(t, err, "two idle chunks make room for one of twice the size")
	assert.Len(t, s.live, 2)
	_, err = a.Take(1)
	require.ErrorIs(t, err, gpu.ErrOutOfMemory)
}

func TestErrorOfTheSourceComesBack(t *testing.T) {
	s := newStore(testStep)
	a := New(s, testStep)
	addr, err := a.Take(1)
	require.NoError(t, err)
	a.Give(addr)
	s.broken = errors.New("broken")
	_, err = a.Take(2 * testStep)
	assert.ErrorIs(t, err, s.broken, "of giving an idle chunk back")
	_, err = a.Take(1)
	require.NoError(t, err)
	assert.ErrorIs(t, a.Close(), s.broken)
	assert.Empty(t, s.live)
}

// TestBlocksNeverOverlap takes and gives at random, and looks at the whole arena.
func TestBlocksNeverOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := newStore(64 << 20)
	a := New(s, testStep)
	var held []uint64
	for range 3000 {
		if len(held) > 0 && r.IntN(5) < 2 {
			i := r.IntN(len(held))
			a.Give(held[i])
			held = append(held[:i], held[i+1:]...)
			continue
		}
		addr, err := a.Take(1 + r.Uint64N(1<<(4+r.IntN(17))))
		if err != nil {
			require.ErrorIs(t, err, gpu.ErrOutOfMemory)
			continue
		}
		held = append(held, addr)
	}
	require.Greater(t, len(held), 20)
	idle := 0
	for _, c := range a.chunks {
		at, wasBusy := c.addr, true
		for b := c.first; b != nil; b = b.next {
			require.Equal(t, at, b.addr, "blocks follow each other")
			require.True(t, b.busy || wasBusy, "idle neighbours are joined")
			if !b.busy {
				idle++
			}
			at, wasBusy = b.addr+b.size, b.busy
		}
		require.Equal(t, c.addr+c.size, at, "blocks fill their chunk")
	}
	assert.Len(t, a.idle, idle)
	assert.Len(t, a.taken, len(held))
	for _, addr := range held {
		a.Give(addr)
	}
	require.NoError(t, a.trim())
	assert.Empty(t, s.live, "nothing is left in an arena without blocks")
	assert.Zero(t, a.Unused())
}
