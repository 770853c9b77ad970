package nccl_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/softgpu/nccl"
)

const patient = time.Minute

func newID(t *testing.T, limit time.Duration) nccl.ID {
	t.Helper()
	id, err := nccl.NewID(limit)
	require.NoError(t, err)
	return id
}

// each runs f for ranks 0 to n-1 at the same time and returns their errors.
func each(n int, f func(rank int) error) []error {
	failures := make([]error, n)
	var all sync.WaitGroup
	for rank := range n {
		all.Go(func() { failures[rank] = f(rank) })
	}
	all.Wait()
	return failures
}

func rankOf(rank, n int) nccl.Rank {
	return nccl.Rank{Number: rank, Size: n, GPU: fmt.Sprint("gpu ", rank)}
}

// group connects n ranks.
func group(t *testing.T, n int, limit time.Duration) []*nccl.Comm {
	t.Helper()
	id, comms := newID(t, limit), make([]*nccl.Comm, n)
	for _, err := range each(n, func(rank int) (err error) {
		comms[rank], err = nccl.Join(id, rankOf(rank, n))
		return err
	}) {
		require.NoError(t, err)
	}
	return comms
}

func floats(n int) nccl.Call { return nccl.Call{Count: uint64(n), Type: 7} }

func encode(v ...float32) []byte {
	data, _ := binary.Append(nil, binary.NativeEndian, v)
	return data
}

func decode(data []byte) []float32 {
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.NativeEndian.Uint32(data[4*i:]))
	}
	return v
}

func TestSumsInTheOrderOfTheRanks(t *testing.T) {
	const big = 1 << 24 // big + 1 is big in float32
	comms := group(t, 3, patient)
	for range 3 {
		for _, err := range each(3, func(rank int) error {
			got, err := comms[rank].AllReduce(floats(2), encode([]float32{big, 1, -big}[rank], float32(rank)))
			if err == nil {
				assert.Equal(t, []float32{0, 3}, decode(got), "rank %d", rank)
			}
			return err
		}) {
			require.NoError(t, err)
		}
	}
	each(3, func(rank int) error { comms[rank].Destroy(); return nil })
}

func TestRanksThatDoNotFitAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		second nccl.Rank
		want   string
	}{
		"another size": {nccl.Rank{Number: 1, Size: 3, GPU: "b"}, "rank 1 calls ncclCommInitRank with 3 ranks, another with 2"},
		"same rank":    {nccl.Rank{Number: 0, Size: 2, GPU: "b"}, "two ranks call ncclCommInitRank as rank 0 of 2"},
		"same GPU":     {nccl.Rank{Number: 1, Size: 2, GPU: "a"}, "ranks 0 and 1 use the same GPU"},
	} {
		t.Run(name, func(t *testing.T) {
			id := newID(t, patient)
			failed := make(chan error)
			go func() { _, err := nccl.Join(id, nccl.Rank{Number: 0, Size: 2, GPU: "a"}); failed <- err }()
			time.Sleep(50 * time.Millisecond) // the sentence names the second
			_, err := nccl.Join(id, c.second)
			assert.EqualError(t, err, "softgpu: "+c.want)
			assert.EqualError(t, <-failed, "softgpu: "+c.want, "the rank that waited")
		})
	}
	_, err := nccl.Join(newID(t, patient), nccl.Rank{Number: 2, Size: 2})
	assert.EqualError(t, err, "softgpu: rank 2 of 2, counted from 0")
	_, err = nccl.Join(nccl.ID{1, 2, 3}, rankOf(0, 1))
	assert.EqualError(t, err, "softgpu: the unique id is none that ncclGetUniqueId has made")
	id := newID(t, 50*time.Millisecond)
	_, err = nccl.Join(id, rankOf(0, 2))
	assert.EqualError(t, err, "softgpu: rank 1 of 2 has not come to ncclCommInitRank within 50ms")
}

func TestRanksThatDifferGetTheSameSentence(t *testing.T) {
	one := func(c nccl.Call) func(*nccl.Comm) error {
		return func(comm *nccl.Comm) error {
			_, err := comm.AllReduce(c, encode(make([]float32, c.Count)...))
			return err
		}
	}
	for name, c := range map[string]struct {
		limit time.Duration
		ranks [2]func(*nccl.Comm) error
		want  string
	}{
		"size": {patient, [2]func(*nccl.Comm) error{one(floats(3)), one(floats(4))},
			"ncclAllReduce number 1: rank 0 calls for the sum of 3 float32, rank 1 for the sum of 4 float32"},
		"type": {patient, [2]func(*nccl.Comm) error{one(nccl.Call{Count: 2, Type: 2}), one(floats(2))},
			"ncclAllReduce number 1: rank 0 calls for the sum of 2 int32, rank 1 for the sum of 2 float32"},
		"operation": {patient, [2]func(*nccl.Comm) error{one(floats(2)), one(nccl.Call{Count: 2, Type: 7, Operation: 2})},
			"ncclAllReduce number 1: rank 0 calls for the sum of 2 float32, rank 1 for the maximum of 2 float32"},
		"neither sums floats": {patient, [2]func(*nccl.Comm) error{one(nccl.Call{Count: 2, Type: 8}), one(nccl.Call{Count: 2, Type: 8})},
			"ncclAllReduce number 1: all ranks call for the sum of 2 float64, and the software GPU computes only sums of float32"},
		"one is late": {50 * time.Millisecond, [2]func(*nccl.Comm) error{one(floats(1)), func(c *nccl.Comm) error {
			time.Sleep(200 * time.Millisecond)
			return one(floats(1))(c)
		}}, "ncclAllReduce number 1: rank 1 has not come within 50ms, and rank 0 waits"},
		"one destroys": {patient, [2]func(*nccl.Comm) error{one(floats(1)), func(c *nccl.Comm) error { c.Destroy(); return nil }},
			"ncclAllReduce number 1: rank 1 has destroyed its communicator, and rank 0 waits"},
		"one aborts": {patient, [2]func(*nccl.Comm) error{one(floats(1)), func(c *nccl.Comm) error {
			time.Sleep(50 * time.Millisecond)
			c.Abort()
			return nil
		}}, "ncclAllReduce number 1: rank 1 has gone: it has aborted its communicator, or its process has ended, and rank 0 waits"},
	} {
		t.Run(name, func(t *testing.T) {
			comms := group(t, 2, c.limit)
			for _, err := range each(2, func(rank int) error { return c.ranks[rank](comms[rank]) }) {
				if err != nil {
					assert.EqualError(t, err, "softgpu: "+c.want)
				}
			}
			for _, comm := range comms {
				_, err := comm.AllReduce(floats(1), encode(1))
				assert.Error(t, err, "there is no later sum")
				comm.Abort()
			}
		})
	}
}

func TestAbortEndsOwnSum(t *testing.T) {
	comms := group(t, 2, patient)
	failed := make(chan error)
	go func() { _, err := comms[0].AllReduce(floats(1), encode(1)); failed <- err }()
	time.Sleep(50 * time.Millisecond)
	comms[0].Abort()
	assert.EqualError(t, <-failed, "softgpu: the communicator was aborted")
	_, _ = comms[1].AllReduce(floats(1), encode(1)) // it may have both parts
	_, err := comms[1].AllReduce(floats(1), encode(1))
	assert.ErrorContains(t, err, "rank 0 has gone")
	comms[1].Abort()
}
