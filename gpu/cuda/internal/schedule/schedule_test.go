package schedule

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ordered says for all pairs whether the schedule lets j begin only after i has ended: by
// the streams, the waits, or what these bring along.
func ordered(s Schedule) [][]bool {
	n := len(s.Order)
	before := make([][]bool, n)
	for i := range before {
		before[i] = make([]bool, n)
	}
	last := map[int]int{}
	for _, j := range s.Order {
		direct := s.Waits[j]
		if i, busy := last[s.Stream[j]]; busy {
			direct = append([]int{i}, direct...)
		}
		for _, i := range direct {
			before[i][j] = true
			for k := range n {
				before[k][j] = before[k][j] || before[k][i]
			}
		}
		last[s.Stream[j]] = j
	}
	return before
}

func TestIndependentOperationsRunSideBySide(t *testing.T) {
	// forward, loss, feedback, then three gradients, then the optimizer
	needs := [][]int{{}, {0}, {1}, {0, 2}, {2}, {1}, {3, 4, 5}}
	seconds := []float64{1, 1, 1, 3, 2, 2, 1}
	s := New(needs, seconds, 4, make([]bool, len(needs)))
	assert.Equal(t, 3, s.Used())
	assert.Equal(t, []int{0, 0, 0}, s.Stream[:3], "a chain stays in its stream")
	assert.Equal(t, 0, s.Stream[3], "the longest goes on where it needs no wait")
	assert.NotEqual(t, s.Stream[4], s.Stream[5])
	assert.ElementsMatch(t, []int{4, 5}, s.Waits[6])
	assert.Empty(t, s.Ends)
	assert.Equal(t, []int{2}, s.Waits[4])
	assert.Equal(t, []int{1}, s.Waits[5], "the logit layer's gradient does not wait for the feedback")
}

func TestOneStreamKeepsTheOrderOfTheCalls(t *testing.T) {
	s := New([][]int{{}, {0}, {1}, {1}, {2, 3}}, []float64{1, 1, 1, 1, 1}, 1, make([]bool, 5))
	assert.Equal(t, []int{0, 1, 2, 3, 4}, s.Order)
	assert.Empty(t, s.Ends)
	for _, w := range s.Waits {
		assert.Empty(t, w)
	}
}

func TestOperationsApartHaveAStreamOfTheirOwn(t *testing.T) {
	// two sums over ranks, each of a gradient, beside the next gradient; then the optimizer
	s := New([][]int{{}, {0}, {}, {1, 2}, {3}}, []float64{1, 5, 1, 5, 1}, 1, []bool{false, true, false, true, false})
	assert.Equal(t, []int{0, 1, 0, 1, 0}, s.Stream)
	assert.Equal(t, [][]int{nil, {0}, nil, {2}, {3}}, s.Waits, "the second gradient does not wait for the first sum")
	assert.Empty(t, s.Ends)

	s = New([][]int{{}}, []float64{1}, 4, []bool{true})
	assert.Equal(t, []int{1}, s.Stream)
	assert.Equal(t, []int{0}, s.Ends)
}

func TestUnfinishedStreamsAreJoined(t *testing.T) {
	s := New([][]int{{}, {}, {}}, []float64{1, 1, 1}, 2, make([]bool, 3))
	assert.Equal(t, 2, s.Used())
	require.Len(t, s.Ends, 1)
	assert.Equal(t, 1, s.Stream[s.Ends[0]])
}

// TestSchedulesOrderWhatHasToBeOrdered draws many programs: every need is met, and no wait
// could be left out.
func TestSchedulesOrderWhatHasToBeOrdered(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		n, streams := 1+rng.IntN(20), 1+rng.IntN(5)
		needs, seconds, apart := make([][]int, n), make([]float64, n), make([]bool, n)
		for i := range n {
			seconds[i] = float64(rng.IntN(5)) * 1e-6
			apart[i] = seed%2 == 1 && rng.IntN(3) == 0
			for j := range i {
				if rng.IntN(4) == 0 {
					needs[i] = append(needs[i], j)
				}
			}
		}
		s := New(needs, seconds, streams, apart)
		require.Equal(t, s, New(needs, seconds, streams, apart), "the same program gives the same schedule")
		require.Len(t, s.Order, n)
		before := ordered(s)
		for i := range n {
			if apart[i] {
				require.Equal(t, max(1, s.Used()-1), s.Stream[i], "the last stream")
			} else {
				require.Less(t, s.Stream[i], streams)
			}
			for j := range n {
				require.True(t, apart[i] == apart[j] || s.Stream[i] != s.Stream[j], "seed %d: %d and %d share a stream", seed, i, j)
			}
			for _, need := range needs[i] {
				require.True(t, before[need][i], "seed %d: %d needs %d", seed, i, need)
			}
			for at, wait := range s.Waits[i] {
				fewer := s
				fewer.Waits = append([][]int(nil), s.Waits...)
				fewer.Waits[i] = append(append([]int(nil), s.Waits[i][:at]...), s.Waits[i][at+1:]...)
				require.False(t, ordered(fewer)[wait][i], "seed %d: %d waits for %d in vain", seed, i, wait)
			}
		}
		last := s.Order[n-1]
		for i := range n {
			joined := i == last || s.Stream[i] == 0
			for _, end := range s.Ends {
				joined = joined || i == end || before[i][end]
			}
			for j := range n {
				joined = joined || s.Stream[j] == 0 && before[i][j]
			}
			require.True(t, joined, "seed %d: nothing waits for %d", seed, i)
		}
	}
}
