package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ordering is a program's operations: each is unordered with the earlier ones that
// its own concurrent names.
type ordering struct {
	epochs []uint64
}

// began notes an operation's epoch.
func (o *ordering) began(epoch uint64) { o.epochs = append(o.epochs, epoch) }

// with says which earlier operations, by number, are not ordered before the next.
func (o *ordering) with(operations ...int) func(epoch uint64) bool {
	return func(epoch uint64) bool {
		for _, i := range operations {
			if o.epochs[i] == epoch {
				return true
			}
		}
		return false
	}
}

// between is a kernel k(p, q, n) whose threads store to p or load from it, or update it.
func between(t *testing.T, place string) string {
	t.Helper()
	body, ok := map[string]string{
		"write": "st.global.u32 [r], t;",
		"read":  "ld.global.u32 x, [r];",
		"atom":  "red.global.add.u32 [r], 1;",
		"byte":  "add.u64 r, p, 0; cvt.u64.u32 s, i; add.u64 r, r, s; cvt.u16.u32 h, t; st.global.u8 [r], h;",
		"part":  "setp.lt.u32 a, t, 3; @a st.global.u32 [r], t;",
		"other": "setp.gt.u32 a, t, 2; @a st.global.u32 [r], t;",
		"twice": "ld.global.u32 x, [r]; add.u32 x, x, 1; st.global.u32 [r], x;",
	}[place]
	require.True(t, ok, place)
	return broken(body)
}

func TestUnorderedLaunchesConflictUnlessBothReadOrBothUpdate(t *testing.T) {
	for _, c := range []struct {
		first, second string
		races         bool
	}{
		{"write", "write", true}, {"write", "read", true}, {"read", "write", true}, {"read", "read", false},
		{"atom", "atom", false}, {"atom", "read", true}, {"read", "atom", true}, {"atom", "write", true}, {"write", "atom", true},
		{"part", "other", false}, {"other", "part", false}, {"part", "read", true}, {"other", "read", true}, {"part", "write", true},
		{"write", "part", true}, {"read", "part", true}, {"byte", "write", true}, {"write", "byte", true}, {"twice", "read", true}, {"read", "twice", true},
	} {
		for _, unordered := range []bool{false, true} {
			first, second := load(t, between(t, c.first)), load(t, between(t, c.second))
			second.mem = first.mem
			for _, v := range second.mod.kernels {
				v.mod.mem = first.mem
			}
			p := first.put("p", make([]uint32, 64))
			var o ordering
			_, err := first.launch("k", line(2), line(32), Launch{Began: o.began, Unordered: o.with()}, p, p, uint32(0))
			require.NoError(t, err, c)
			launch := Launch{Began: o.began}
			if unordered {
				launch.Unordered = o.with(0)
			}
			_, err = second.launch("k", line(2), line(32), launch, p, p, uint32(0))
			if !unordered || !c.races {
				require.NoError(t, err, "%v, unordered %v", c, unordered)
				continue
			}
			require.Error(t, err, "%v", c)
			f := faultOf(t, err)
			assert.Equal(t, GlobalRace, f.Kind, c)
			assert.Contains(t, f.Detail, "not ordered after an earlier operation", c)
			assert.Equal(t, o.epochs[0], f.Earlier, c)
			assert.NotEqual(t, o.epochs[0], o.epochs[1])
		}
	}
}

func TestHistoryReachesBeyondTheLastOperation(t *testing.T) {
	type operation struct {
		write     bool
		off, size uint64
		unordered []int
	}
	const n = 2 * lineBytes
	read := func(unordered ...int) operation { return operation{false, 0, n, unordered} }
	write := func(unordered ...int) operation { return operation{true, 0, n, unordered} }
	part := func(write bool, off, size uint64, unordered ...int) operation {
		return operation{write, off, size, unordered}
	}
	for _, c := range []struct {
		name       string
		operations []operation
		against    int // the operation that the last one races with, or -1
	}{
		{"a write behind an ordered read", []operation{write(), read(), read(0)}, 0},
		{"a read behind another stream's read", []operation{read(), read(0), write(0)}, 0},
		{"both readers", []operation{read(), read(), write(1)}, 1},
		{"two readers, ordered", []operation{write(), read(), read(1), write()}, -1},
		{"a write hides what it is ordered after", []operation{read(), write(), read(), read(0)}, -1},
		{"a part of a line that another one wrote", []operation{part(true, 0, 16), part(true, 16, 16, 0), part(false, 0, 32), part(false, 16, 4, 1)}, 1},
		{"beside a part that another one wrote", []operation{part(true, 0, 16), part(true, 16, 16, 0), part(false, 0, 32), part(false, 20, 12, 0)}, -1},
		{"the whole behind parts", []operation{part(true, 0, 16), part(true, 16, n-16, 0), read(), read(0)}, 0},
		{"a part behind the whole", []operation{part(true, 40, 4), write(), read(), part(false, 40, 4, 1)}, 1},
		{"a part behind the whole, ordered", []operation{part(true, 40, 4), write(), read(), part(false, 40, 4, 0)}, -1},
		{"parts again, then the whole", []operation{part(true, 0, 16), read(), part(true, 16, n-16), read(0)}, 0},
	} {
		m := NewMemory(1 << 20)
		a, err := m.Alloc(n, "a")
		require.NoError(t, err)
		var o ordering
		for i, op := range c.operations {
			err := m.Touch("operation", []Range{{a + op.off, op.size, op.write}}, o.began, o.with(op.unordered...))
			if i < len(c.operations)-1 || c.against < 0 {
				require.NoError(t, err, "%s, operation %d", c.name, i)
				continue
			}
			require.Error(t, err, c.name)
			assert.Equal(t, o.epochs[c.against], faultOf(t, err).Earlier, c.name)
		}
	}
}

func TestLaunchWithoutTheCheckIsOnRecordForLaterOnes(t *testing.T) {
	d := load(t, between(t, "write"))
	p := d.put("p", make([]uint32, 64))
	var o ordering
	_, err := d.launch("k", line(2), line(32), Launch{Began: o.began}, p, p, uint32(0))
	require.NoError(t, err)
	_, err = d.launch("k", line(2), line(32), Launch{Began: o.began, Unordered: o.with(0)}, p, p, uint32(0))
	assert.Equal(t, o.epochs[0], faultOf(t, err).Earlier)
}

func TestRacesWithinALaunchAreFoundBesideUnorderedOnes(t *testing.T) {
	d := load(t, broken("st.global.u32 [p], t;"))
	p := d.put("p", make([]uint32, 64))
	var o ordering
	_, err := d.launch("k", line(2), line(1), Launch{Began: o.began, Unordered: o.with()}, p, p, uint32(0))
	f := faultOf(t, err)
	assert.Equal(t, GlobalRace, f.Kind)
	assert.Contains(t, f.Detail, "no barrier between")
	assert.Zero(t, f.Earlier)
}

func TestTouchIsCheckedAgainstOtherOperations(t *testing.T) {
	const n = 4 * lineBytes
	m := NewMemory(1 << 20)
	a, err := m.Alloc(n, "a")
	require.NoError(t, err)
	span := func(off, size uint64, write bool) []Range { return []Range{{a + off, size, write}} }
	for _, c := range []struct {
		name          string
		first, second []Range
		bad           uint64 // offset of the conflict; n: there is none
	}{
		{"write and write", span(0, n, true), span(0, n, true), 0},
		{"write and read", span(0, n, true), span(0, n, false), 0},
		{"read and write", span(0, n, false), span(0, n, true), 0},
		{"read and read", span(0, n, false), span(0, n, false), n},
		{"apart by lines", span(0, lineBytes, true), span(lineBytes, lineBytes, true), n},
		{"apart within a line", span(0, 12, true), span(12, lineBytes-12, true), n},
		{"one word of a line", span(0, 16, true), span(12, 40, true), 12},
		{"a line against a part of it", span(0, n, false), span(200, 8, true), 200},
		{"a part against its line", span(200, 8, true), span(0, n, false), 200},
		{"the end of one, the start of the other", span(0, 300, true), span(296, 100, false), 296},
		{"nothing", nil, span(0, n, true), n},
		{"no bytes", span(0, 0, true), span(0, n, true), n},
	} {
		var o ordering
		require.NoError(t, m.Touch("first", c.first, o.began, o.with()), c.name)
		err := m.Touch("second", c.second, o.began, o.with(0))
		if c.bad == n {
			require.NoError(t, err, c.name)
			continue
		}
		f := faultOf(t, err)
		assert.Equal(t, GlobalRace, f.Kind, c.name)
		assert.Equal(t, a+c.bad, f.Address, c.name)
		assert.Contains(t, f.Error(), "second, not ordered after an earlier operation", c.name)
		assert.Contains(t, f.Error(), `allocation 1 "a"`, c.name)
		require.NoError(t, m.Touch("second, ordered", c.second, o.began, o.with()), c.name)
		require.NoError(t, m.Touch("second, unchecked", c.second, nil, nil), c.name)
	}
}

func TestTouchMayReadWhatItWrites(t *testing.T) {
	m := NewMemory(1 << 20)
	a, err := m.Alloc(1000, "a")
	require.NoError(t, err)
	require.NoError(t, m.Touch("gemm", []Range{{a, 1000, false}, {a, 500, true}, {a + 100, 900, false}}, nil, func(uint64) bool { return true }),
		"an operation is ordered with itself")
}

func TestTouchOfACopyRacesWithAKernel(t *testing.T) {
	d := load(t, between(t, "write"))
	p := d.put("p", make([]uint32, 64))
	var o ordering
	_, err := d.launch("k", line(2), line(32), Launch{Began: o.began, Unordered: o.with()}, p, p, uint32(0))
	require.NoError(t, err)
	f := faultOf(t, d.mem.Touch("copy to the host", []Range{{Addr: p + 100, Size: 8}}, o.began, o.with(0)))
	assert.Equal(t, GlobalRace, f.Kind)
	assert.Contains(t, f.Error(), "copy to the host")
	require.NoError(t, d.mem.Touch("copy from the host", []Range{{p, 256, true}}, o.began, o.with()))
	_, err = d.launch("k", line(2), line(32), Launch{Began: o.began, Unordered: o.with(2)}, p, p, uint32(0))
	f = faultOf(t, err)
	assert.Equal(t, o.epochs[2], f.Earlier)
}

func TestEpochsStartAgainWithEveryRecordForgotten(t *testing.T) {
	m := NewMemory(1 << 20)
	a, err := m.Alloc(256, "a")
	require.NoError(t, err)
	var o ordering
	require.NoError(t, m.Touch("first", []Range{{a, 256, true}}, o.began, nil))
	m.epoch = 1<<epochBits - 3 // as after so many launches
	require.NoError(t, m.Touch("second", []Range{{a, 256, true}}, o.began, nil))
	require.NoError(t, m.Touch("third", []Range{{a, 256, true}}, o.began, func(uint64) bool { return true }), "nothing is on record")
	assert.Equal(t, []uint64{1, 1<<epochBits - 2, 1}, o.epochs)
}
