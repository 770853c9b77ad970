package cpu

import (
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patience is longer than any machine needs for work of microseconds.
const patience = 30 * time.Second

func TestPoolTakesEachPartOnce(t *testing.T) {
	p := newPool(4)
	defer p.close()
	for _, parts := range []int{0, 1, 2, 3, 4, 5, 7, 64, 1001} {
		for range 20 {
			taken := make([]atomic.Int32, parts)
			p.run(parts, func(part, worker int) {
				assert.Less(t, worker, 4)
				taken[part].Add(1)
			})
			for part := range taken {
				require.EqualValues(t, 1, taken[part].Load(), "part %d of %d", part, parts)
			}
		}
	}
}

// asleep is a pool whose one worker beside the caller sleeps.
func asleep(t *testing.T) *pool {
	t.Helper()
	p := newPool(2)
	require.Eventually(t, func() bool { return p.sleeping.Load() == 1 }, patience, time.Millisecond)
	return p
}

// TestSleepingWorkersAreWoken has a part that ends only when another one has begun, which
// then works for a while longer: the caller has to wait for it, too.
func TestSleepingWorkersAreWoken(t *testing.T) {
	p := asleep(t)
	defer p.close()
	begun := make(chan struct{})
	var done atomic.Int32
	p.run(2, func(part, _ int) {
		if part == 1 {
			close(begun)
			time.Sleep(50 * time.Millisecond)
			done.Add(1)
			return
		}
		select {
		case <-begun:
		case <-time.After(patience):
			t.Error("nobody took the other part")
		}
		done.Add(1)
	})
	assert.EqualValues(t, 2, done.Load(), "parts that were done when run returned")
}

func TestCloseEndsSleepingWorkers(t *testing.T) {
	p := asleep(t)
	ended := make(chan struct{})
	go func() { p.close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("a worker sleeps on")
	}
}

func TestBuffersAreAligned(t *testing.T) {
	for n := range 200 {
		b := alignedBytes(n)
		require.Len(t, b, n)
		require.Zero(t, uintptr(unsafe.Pointer(unsafe.SliceData(b)))%alignment, "%d bytes", n)
	}
}
