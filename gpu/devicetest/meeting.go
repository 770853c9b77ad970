package devicetest

import (
	"slices"
	"sync"
)

// Meeting lets goroutines be the ranks of a test.
type Meeting struct {
	lock    sync.Mutex
	changed *sync.Cond
	parts   []any // of the round, by rank
	came    int
	last    []any // of the round before
	rounds  int
}

// NewMeeting returns a meeting of n ranks.
func NewMeeting(n int) *Meeting {
	m := &Meeting{parts: make([]any, n)}
	m.changed = sync.NewCond(&m.lock)
	return m
}

// Exchange waits until all ranks have come with a part and returns all of them, by rank.
func (m *Meeting) Exchange(rank int, part any) []any {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.parts[rank] = part
	round := m.rounds
	if m.came++; m.came == len(m.parts) {
		m.last, m.parts, m.came = m.parts, make([]any, len(m.parts)), 0
		m.rounds++
		m.changed.Broadcast()
	}
	for m.rounds == round {
		m.changed.Wait()
	}
	return m.last
}

// AllReduce adds x up over all ranks of a meeting, in place and in the order of the ranks.
func AllReduce[T float32 | float64](m *Meeting, rank int, x []T) {
	parts := m.Exchange(rank, slices.Clone(x))
	clear(x)
	for _, part := range parts {
		for i, v := range part.([]T) {
			x[i] += v
		}
	}
}
