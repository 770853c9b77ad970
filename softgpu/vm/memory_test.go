package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMemoryKeepsAccounts(t *testing.T) {
	m := NewMemory(1000)
	a, err := m.Alloc(600, "a")
	require.NoError(t, err)
	assert.Zero(t, a%512, "addresses are aligned to 512")
	_, err = m.Alloc(401, "b")
	require.ErrorIs(t, err, ErrOutOfMemory)
	b, err := m.Alloc(400, "b")
	require.NoError(t, err)
	assert.GreaterOrEqual(t, b, a+600+guardGap)
	assert.EqualValues(t, 1000, m.Used())
	leaks := m.Leaks()
	require.Len(t, leaks, 2)
	assert.Equal(t, Allocation{Address: a, Size: 600, ID: 1, Tag: "a"}, leaks[0])
	require.NoError(t, m.Free(a))
	require.ErrorIs(t, m.Free(a), ErrBadPointer, "a double free")
	require.ErrorIs(t, m.Free(b+4), ErrBadPointer, "an inner pointer")
	c, err := m.Alloc(100, "c")
	require.NoError(t, err)
	assert.Greater(t, c, b, "addresses are never used again")
	_, err = m.Alloc(0, "nothing")
	require.Error(t, err)
	found, ok := m.Find(b + 399)
	require.True(t, ok)
	assert.Equal(t, "b", found.Tag)
	_, ok = m.Find(b + 400)
	assert.False(t, ok)
}

func TestHostAccessesAreChecked(t *testing.T) {
	m := NewMemory(1 << 20)
	a, err := m.Alloc(100, "a")
	require.NoError(t, err)
	kind := func(err error) FaultKind {
		var f *Fault
		require.ErrorAs(t, err, &f)
		return f.Kind
	}
	buf := make([]byte, 60)
	assert.Equal(t, Uninitialised, kind(m.Read(a, buf)))
	require.NoError(t, m.Write(a, buf))
	require.NoError(t, m.Read(a, buf))
	assert.Equal(t, Uninitialised, kind(m.Read(a+1, buf)))
	assert.Equal(t, OutOfBounds, kind(m.Write(a+41, buf)))
	assert.Equal(t, OutOfBounds, kind(m.Read(a-1, buf)))
	assert.Equal(t, OutOfBounds, kind(m.Memset(a, 1, 4, 26)))
	assert.Equal(t, OutOfBounds, kind(m.Memset(a, 1, 4, 1<<63)))
	assert.Equal(t, Misaligned, kind(m.Memset(a+1, 1, 2, 3)))
	assert.Equal(t, OutOfBounds, kind(m.Copy(a+41, a, 60)))
	require.Error(t, m.Memset(a, 1, 3, 1))
	require.NoError(t, m.Free(a))
	assert.Equal(t, UseAfterFree, kind(m.Write(a, buf)))
	require.NoError(t, m.Write(0, nil), "nothing is written nowhere")
}

func TestMemsetFillsElements(t *testing.T) {
	m := NewMemory(1 << 20)
	a, err := m.Alloc(12, "a")
	require.NoError(t, err)
	require.NoError(t, m.Memset(a, 0x11223344, 4, 3))
	require.NoError(t, m.Memset(a+2, 0xaabb, 2, 2))
	require.NoError(t, m.Memset(a+7, 0xcc, 1, 1))
	got := make([]byte, 12)
	require.NoError(t, m.Read(a, got))
	assert.Equal(t, []byte{0x44, 0x33, 0xbb, 0xaa, 0xbb, 0xaa, 0x22, 0xcc, 0x44, 0x33, 0x22, 0x11}, got)
}

func TestCopyCarriesTheInitialisedState(t *testing.T) {
	m := NewMemory(1 << 20)
	a, err := m.Alloc(200, "a")
	require.NoError(t, err)
	b, err := m.Alloc(200, "b")
	require.NoError(t, err)
	require.NoError(t, m.Write(a+50, make([]byte, 100)))
	require.NoError(t, m.Memset(b, 7, 1, 200))
	require.NoError(t, m.Copy(b, a, 200))
	unwritten := func(addr, n uint64) uint64 {
		var f *Fault
		require.ErrorAs(t, m.RequireWritten("test", addr, n), &f)
		require.Equal(t, Uninitialised, f.Kind)
		return f.Address
	}
	assert.Equal(t, b, unwritten(b, 200))
	require.NoError(t, m.RequireWritten("test", b+50, 100))
	assert.Equal(t, b+150, unwritten(b+50, 101))
	require.NoError(t, m.Memset(b, 7, 1, 50))
	require.NoError(t, m.Memset(b+150, 7, 1, 50))
	require.NoError(t, m.RequireWritten("test", b, 200), "the gaps are filled")
	require.NoError(t, m.Copy(b+10, b, 190), "overlapping")
}

func TestNoAddressIsAHostPointer(t *testing.T) {
	for _, base := range []uint64{globalBase, sharedBase, localBase, paramBase} {
		assert.NotZero(t, base>>57, "beyond 57-bit virtual addresses, which 5-level paging gives at most")
		assert.NotZero(t, base>>52&0xf, "beyond 52 bits even if the top byte is ignored, as arm64 may")
		assert.Zero(t, base>>63, "positive as a signed number")
	}
}

func TestDevicesHaveNoAddressInCommon(t *testing.T) {
	first, err := NewMemoryOf(0, 1<<20).Alloc(1000, "")
	require.NoError(t, err)
	other := NewMemoryOf(1, 1<<20)
	second, err := other.Alloc(1000, "")
	require.NoError(t, err)
	_, found := other.Find(first)
	assert.False(t, found)
	assert.Equal(t, globalBase, first&windowMask)
	assert.Equal(t, globalBase, second&windowMask, "in the window of global addresses")
}
