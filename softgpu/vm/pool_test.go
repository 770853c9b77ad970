package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// faultOf is the Fault in an error.
func faultOf(t *testing.T, err error) *Fault {
	t.Helper()
	var f *Fault
	require.ErrorAs(t, err, &f)
	return f
}

// newPool makes a memory with a pool of 4096 bytes and, at its byte 512, a piece of
// 100 bytes called weights.
func newPool(t *testing.T) (m *Memory, pool, piece uint64) {
	t.Helper()
	m = NewMemory(1 << 20)
	pool, err := m.Alloc(4096, "arena")
	require.NoError(t, err)
	require.NoError(t, m.Memset(pool, 1, 1, 4096))
	require.NoError(t, m.Pool(pool))
	piece = pool + 512
	require.NoError(t, m.Carve(piece, 100, "weights"))
	return m, pool, piece
}

func TestPoolIsOnlyAccessibleThroughItsPieces(t *testing.T) {
	m, pool, piece := newPool(t)
	buf := make([]byte, 100)
	require.NoError(t, m.Write(piece, buf))
	require.NoError(t, m.Read(piece, buf))
	for _, c := range []struct {
		name, contains string
		err            error
	}{
		{"before the first piece", `512 bytes before allocation 2 "weights"`, m.Write(pool, buf[:4])},
		{"past the piece", `4 bytes past the end of allocation 2 "weights" of 100 bytes, byte 616 of pool 1 "arena"`, m.Write(piece+104, buf[:4])},
		{"across the end of the piece", `byte 96 of allocation 2`, m.Write(piece+96, buf[:8])},
		{"far behind", `pool 1 "arena"`, m.Read(pool+4000, buf[:4])},
		{"memset", "", m.Memset(pool, 0, 4, 1)},
		{"copy out", "", m.Copy(piece, pool, 4)},
		{"copy in", "", m.Copy(pool, piece, 4)},
		{"view", "", func() error { _, err := m.View("gemm", pool, 4); return err }()},
		{"require", "", m.RequireWritten("gemm", pool, 4)},
		{"mark", "", m.MarkWritten(pool, 4)},
		{"touch", "", m.Touch("copy", []Range{{Addr: pool, Size: 4}}, nil, nil)},
	} {
		f := faultOf(t, c.err)
		assert.Equal(t, OutOfBounds, f.Kind, c.name)
		assert.Contains(t, f.Error(), c.contains, c.name)
	}
}

func TestPieceStartsUnwrittenEvenIfThePoolWasWritten(t *testing.T) {
	m, _, piece := newPool(t)
	buf := make([]byte, 4)
	assert.Equal(t, Uninitialised, faultOf(t, m.Read(piece, buf)).Kind)
	require.NoError(t, m.Write(piece, buf))
	require.NoError(t, m.Release(piece))
	require.NoError(t, m.Carve(piece, 100, "again"))
	assert.Equal(t, Uninitialised, faultOf(t, m.Read(piece, buf)).Kind, "a piece carved again is new")
}

func TestReleasedPieceIsUseAfterFreeUntilItIsCarvedAgain(t *testing.T) {
	m, pool, piece := newPool(t)
	buf := make([]byte, 4)
	require.NoError(t, m.Release(piece))
	require.ErrorIs(t, m.Release(piece), ErrBadPointer)
	f := faultOf(t, m.Write(piece+8, buf))
	assert.Equal(t, UseAfterFree, f.Kind)
	assert.Contains(t, f.Error(), `byte 8 of freed allocation 2 "weights" of 100 bytes`)

	// Another piece takes the middle: only what it leaves is still freed.
	require.NoError(t, m.Carve(piece+16, 32, "bias"))
	require.NoError(t, m.Write(piece+16, buf))
	assert.Contains(t, faultOf(t, m.Read(piece+20, buf)).Error(), `allocation 3 "bias"`)
	for _, off := range []uint64{12, 48, 96} {
		f := faultOf(t, m.Write(piece+off, buf))
		assert.Equal(t, UseAfterFree, f.Kind)
		assert.Contains(t, f.Error(), `freed allocation 2 "weights"`)
	}
	assert.Equal(t, OutOfBounds, faultOf(t, m.Write(pool+300, buf)).Kind, "what was never carved was never freed")
}

func TestCarveRefusesWhatIsNotFree(t *testing.T) {
	m, pool, piece := newPool(t)
	plain, err := m.Alloc(64, "plain")
	require.NoError(t, err)
	require.ErrorIs(t, m.Carve(plain, 4, "x"), ErrBadPointer, "not a pool")
	require.ErrorIs(t, m.Carve(1234, 4, "x"), ErrBadPointer, "nowhere")
	for name, r := range map[string][2]uint64{
		"no bytes": {pool, 0}, "past the pool": {pool + 4000, 97}, "huge": {pool, 1 << 63},
		"the same place": {piece, 4}, "over its start": {piece - 4, 8}, "over its end": {piece + 96, 8}, "all around": {pool, 4096},
	} {
		require.Error(t, m.Carve(r[0], r[1], "x"), name)
	}
	require.NoError(t, m.Carve(pool, 512, "before"))
	require.NoError(t, m.Carve(piece+100, 4096-612, "behind"))
	require.ErrorIs(t, m.Pool(piece), ErrBadPointer, "a piece is no pool")
	require.ErrorIs(t, m.Pool(pool), ErrBadPointer, "a pool is one already")
	require.ErrorIs(t, m.Free(piece), ErrBadPointer, "a piece is given back, not freed")
	require.ErrorIs(t, m.Release(plain), ErrBadPointer)
}

func TestPoolIsCountedOnceAndFreedWithItsPieces(t *testing.T) {
	m, pool, piece := newPool(t)
	assert.EqualValues(t, 4096, m.Used())
	require.NoError(t, m.Carve(pool, 8, "first"))
	leaks := m.Leaks()
	require.Len(t, leaks, 3)
	assert.ElementsMatch(t, []string{"arena", "first", "weights"}, []string{leaks[0].Tag, leaks[1].Tag, leaks[2].Tag})
	require.NoError(t, m.Free(pool))
	assert.Zero(t, m.Used())
	assert.Empty(t, m.Leaks())
	buf := make([]byte, 4)
	for off, tag := range map[uint64]string{0: "first", 8: "arena", 512: "weights", 612: "arena", 4092: "arena"} {
		f := faultOf(t, m.Write(pool+off, buf))
		assert.Equal(t, UseAfterFree, f.Kind)
		assert.Contains(t, f.Error(), tag)
	}
	require.ErrorIs(t, m.Release(piece), ErrBadPointer)
	require.ErrorIs(t, m.Free(pool), ErrBadPointer)
}

func TestKernelsSeePiecesAsAllocations(t *testing.T) {
	d := load(t, broken("st.global.u32 [r], t;"))
	pool := d.alloc(4096, "arena")
	require.NoError(t, d.mem.Pool(pool))
	run := func() error {
		_, err := d.launch("k", line(1), line(32), Launch{}, pool+128, pool, uint32(0))
		return err
	}
	f := faultOf(t, run())
	assert.Equal(t, OutOfBounds, f.Kind)
	assert.Contains(t, f.Error(), `in no piece`)
	require.NoError(t, d.mem.Carve(pool+128, 124, "short"))
	f = faultOf(t, run())
	assert.Equal(t, OutOfBounds, f.Kind)
	assert.Contains(t, f.Error(), `0 bytes past the end of allocation`)
	require.NoError(t, d.mem.Release(pool+128))
	assert.Equal(t, UseAfterFree, faultOf(t, run()).Kind)
	require.NoError(t, d.mem.Carve(pool+128, 128, "enough"))
	require.NoError(t, run())
}

func TestViewIsDeviceMemoryItself(t *testing.T) {
	m := NewMemory(1 << 20)
	a, err := m.Alloc(64, "a")
	require.NoError(t, err)
	v, err := m.View("gemm", a+8, 16)
	require.NoError(t, err)
	require.Len(t, v, 16)
	assert.Equal(t, 16, cap(v), "what lies behind is out of reach")
	f := faultOf(t, m.RequireWritten("gemm, matrix A", a+8, 16))
	assert.Equal(t, Uninitialised, f.Kind)
	assert.Contains(t, f.Error(), "gemm, matrix A")
	v[3] = 7
	require.NoError(t, m.MarkWritten(a+8, 16))
	require.NoError(t, m.RequireWritten("gemm", a+8, 16))
	assert.Equal(t, a+24, faultOf(t, m.RequireWritten("gemm", a+8, 17)).Address)
	got := make([]byte, 16)
	require.NoError(t, m.Read(a+8, got))
	assert.EqualValues(t, 7, got[3])
	assert.Equal(t, OutOfBounds, faultOf(t, func() error { _, err := m.View("gemm", a+60, 8); return err }()).Kind)
	empty, err := m.View("gemm", 0, 0)
	require.NoError(t, err)
	assert.Empty(t, empty, "no bytes lie nowhere")
	require.NoError(t, m.RequireWritten("gemm", 0, 0))
	require.NoError(t, m.MarkWritten(0, 0))
	require.NoError(t, m.Free(a))
	assert.Equal(t, UseAfterFree, faultOf(t, func() error { _, err := m.View("gemm", a, 8); return err }()).Kind)
}
