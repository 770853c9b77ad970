package softgpu

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	float32Kind = 7 // ncclFloat32
	sumOf       = 0 // ncclSum
)

// rankHost is a rank: a host with a communicator, and a stream for its sums.
type rankHost struct {
	*host
	comm, on Handle
}

// ranks starts two machines whose communicators are joined.
func ranks(t *testing.T) [2]rankHost {
	t.Helper()
	var list [2]rankHost
	for rank := range list {
		h := start(t)
		h.load(goodKernels)
		list[rank] = rankHost{host: h, on: h.stream()}
	}
	id, r := list[0].m.CommUniqueID()
	require.Equal(t, CommSuccess, r)
	var all sync.WaitGroup
	var answers [2]CommResult
	for rank := range list {
		all.Go(func() { list[rank].comm, answers[rank] = list[rank].m.CommInitRank(one, 2, id, rank) })
	}
	all.Wait()
	require.Equal(t, [2]CommResult{}, answers)
	t.Cleanup(func() {
		for _, h := range list {
			h.m.CommAbort(h.comm) // the test may have ended it
			require.Zero(t, h.m.CommLeaks())
		}
	})
	return list
}

func (h rankHost) sumOn(on Handle, p, count uint64) CommResult {
	return h.m.CommAllReduce(one, p, p, count, float32Kind, sumOf, h.comm, on)
}

func (h rankHost) sum(p, count uint64) { require.Equal(h.t, CommSuccess, h.sumOn(h.on, p, count)) }

func TestSumsOverRanksWaitInStreamsAndGraphs(t *testing.T) {
	list := ranks(t)
	var all sync.WaitGroup
	var got [2][]float32
	for rank, h := range list {
		p := h.put(float32(rank+1), 10)
		x := h.capture(h.on, func() {
			h.scale(h.on, p, 2)
			h.sum(p, 2)
			h.scale(h.on, p, 3)
		})
		all.Go(func() {
			h.sum(p, 1) // 1+2
			for range 2 {
				h.ok(h.m.GraphLaunch(one, x, h.on))
			}
			h.ok(h.m.StreamSynchronize(one, h.on))
			got[rank] = h.floats(p, 2)
		})
	}
	all.Wait()
	want := []float32{3 * 2 * 2 * 3 * 2 * 2 * 3, 40}
	assert.Equal(t, want, got[0])
	assert.Equal(t, want, got[1])
	assert.Equal(t, 3, list[0].m.Ledger().Kernels["allreduce"].Launches)
	assert.EqualValues(t, 4+2*8, list[0].m.Ledger().Kernels["allreduce"].BytesRead)
}

// TestSumBeginsWhileItsRankDoesSomethingElse: as on a GPU, a rank whose host waits for the other rank's host does not keep
// that rank's sum waiting.
func TestSumBeginsWhileItsRankDoesSomethingElse(t *testing.T) {
	list := ranks(t)
	p := [2]uint64{list[0].put(1), list[1].put(2)}
	list[1].sum(p[1], 1)
	list[0].sum(p[0], 1)
	list[0].ok(list[0].m.StreamSynchronize(one, list[0].on)) // rank 1 makes no call until then
	assert.Equal(t, []float32{3}, list[0].floats(p[0], 1))
	for list[1].m.StreamQuery(one, list[1].on) == ErrorNotReady {
	}
	assert.Equal(t, []float32{3}, list[1].floats(p[1], 1))
}

func TestSumOverRanksIsWatched(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(h rankHost, p uint64)
		want  Result
		texts []string
	}{
		"read beside it": {func(h rankHost, p uint64) {
			h.sum(p, 8)
			h.ok(h.launch("copyWords", 1, 32, h.stream(), h.alloc(32), p, uint32(8)))
		}, ErrorLaunchFailed, []string{"race", "ncclAllReduce"}},
		"written beside it": {func(h rankHost, p uint64) {
			h.ok(h.m.MemsetAsync(one, p, 0, 4, 1, h.stream()))
			h.sum(p, 8)
		}, ErrorLaunchFailed, []string{"race", "ncclAllReduce"}},
		"freed before it ran": {func(h rankHost, p uint64) {
			h.sum(p, 8)
			h.ok(h.m.MemFree(one, p))
		}, ErrorIllegalAddress, []string{"ncclAllReduce", "freed"}},
		"never written": {func(h rankHost, _ uint64) { h.sum(h.alloc(32), 8) }, ErrorLaunchFailed, []string{"ncclAllReduce", "read of uninitialised memory"}},
		"two that nothing orders": {func(h rankHost, p uint64) {
			h.sum(p, 8)
			require.Equal(h.t, CommSuccess, h.sumOn(h.stream(), h.put(1), 1))
		}, ErrorLaunchFailed, []string{"ncclAllReduce number 2 of rank 0 is not ordered after number 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			list := ranks(t)
			h := list[0]
			list[1].sum(list[1].put(make([]float32, 8)...), 8) // for those that the finding does not stop
			c.do(h, h.put(1, 2, 3, 4, 5, 6, 7, 8))
			h.refused(c.want, h.m.CtxSynchronize(one), c.texts...)
		})
	}
}

func (h rankHost) refusedComm(want, got CommResult, text string) {
	h.t.Helper()
	require.Equal(h.t, want, got)
	require.EqualError(h.t, h.m.Explain(), "softgpu: "+text)
}

func TestCallsOfNCCLAreChecked(t *testing.T) {
	h := ranks(t)[0]
	p := h.put(1, 2, 3, 4)
	require.Equal(t, CommInvalidArgument, h.sumOn(h.on, p, 5))
	require.ErrorContains(t, h.m.Explain(), "out-of-bounds access")
	call := func(from, to, count uint64, kind, operation int32) CommResult {
		return h.m.CommAllReduce(one, from, to, count, kind, operation, h.comm, h.on)
	}
	h.refusedComm(CommInvalidArgument, call(p, p, 1, 99, sumOf), "ncclAllReduce: there is no type 99")
	h.refusedComm(CommInvalidArgument, call(p, p, 1, float32Kind, -1), "ncclAllReduce: there is no operation -1")
	require.Equal(t, CommInvalidArgument, call(p, p+4, 2, float32Kind, sumOf))
	require.ErrorContains(t, h.m.Explain(), "they overlap, and are not the same")
	require.Equal(t, CommInvalidArgument, h.m.CommAllReduce(one, p, p, 1, float32Kind, sumOf, h.on, h.on))
	require.EqualError(t, h.m.Explain(), "softgpu: ncclAllReduce: no communicator")

	_, r := h.m.CtxCreate(one, 0, 0)
	h.ok(r)
	h.refusedComm(CommInvalidUsage, h.sumOn(0, p, 1), "ncclAllReduce: the communicator belongs to another context than the current one")
	_, r = h.m.CtxPopCurrent(one)
	h.ok(r)

	id, _ := h.m.CommUniqueID()
	_, answer := h.m.CommInitRank(one, 2, id, 2)
	h.refusedComm(CommInvalidArgument, answer, "ncclCommInitRank: rank 2 of 2, counted from 0")
	_, answer = h.m.CommInitRank(one, 2, [128]byte{}, 0)
	h.refusedComm(CommInvalidUsage, answer, "ncclCommInitRank: the unique id is none that ncclGetUniqueId has made")

	h.sum(p, 1)
	h.refusedComm(CommInvalidUsage, h.m.CommDestroy(h.comm), "ncclCommDestroy: 1 sums of rank 0 have not run")
}

func TestCommunicatorIsNotUsedAfterItsEnd(t *testing.T) {
	for word, end := range map[string]func(h rankHost) CommResult{
		"aborted":   func(h rankHost) CommResult { return h.m.CommAbort(h.comm) },
		"destroyed": func(h rankHost) CommResult { return h.m.CommDestroy(h.comm) },
	} {
		t.Run(word, func(t *testing.T) {
			h := ranks(t)[0]
			p := h.put(1)
			x := h.capture(h.on, func() { h.sum(p, 1) })
			require.Equal(t, CommSuccess, end(h))
			h.refusedComm(CommInvalidArgument, h.sumOn(h.on, p, 1), "ncclAllReduce: the communicator of rank 0 was "+word+" before")
			h.refusedComm(CommInvalidArgument, h.m.CommDestroy(h.comm), "ncclCommDestroy: the communicator of rank 0 was "+word+" before")
			h.refused(ErrorInvalidValue, h.m.GraphLaunch(one, x, h.on), "the graph holds a sum of rank 0's communicator, which was "+word+" before")
		})
	}
}

func TestAbortEndsSumsThatWait(t *testing.T) {
	h := ranks(t)[0]
	p := h.put(5)
	h.sum(p, 1)
	require.Equal(t, ErrorNotReady, h.m.StreamQuery(one, h.on), "rank 1 does not come")
	require.Equal(t, CommSuccess, h.m.CommAbort(h.comm))
	h.ok(h.m.StreamSynchronize(one, h.on))
	assert.Equal(t, []float32{5}, h.floats(p, 1))
}

func TestOtherRankIsToldOfTheEnd(t *testing.T) {
	list := ranks(t)
	h := list[0]
	h.sum(h.put(5), 1)
	require.Equal(t, CommSuccess, list[1].m.CommDestroy(list[1].comm))
	h.refused(ErrorLaunchFailed, h.m.StreamSynchronize(one, h.on), "ncclAllReduce number 1: rank 1 has destroyed its communicator, and rank 0 waits")
	state, r := h.m.CommAsyncError(h.comm)
	assert.Equal(t, CommSuccess, r)
	assert.EqualValues(t, CommRemoteError, state)
}

func TestCommunicatorThatIsLeftBehindIsALeak(t *testing.T) {
	h := ranks(t)[0]
	require.Equal(t, 1, h.m.CommLeaks())
	h.ok(h.m.CtxDestroy(one, h.ctx))
	require.Equal(t, 1, h.m.CommLeaks(), "also when its context has ended")
	h.m.orphans = 0 // for the check at the end of the test
}
