//go:build cuda

package cuda

import (
	"cmp"
	"slices"
)

// crossingSeconds is about what it costs that work of one stream waits for another's.
const crossingSeconds = 1e-6

// schedule spreads the operations of a step over streams. Operations are known by their
// place in the program.
type schedule struct {
	order  []int   // in which they are issued: each after those that it needs
	stream []int   // of each operation
	waits  [][]int // for each operation, those of other streams that it has to wait for itself
	ends   []int   // operations of the other streams that the first one has to wait for in the end
}

// newSchedule puts one operation after the other where it can begin first, and the one on
// which most depends where several could. needs are the earlier operations that each has
// to follow, seconds about what each takes. The result depends on nothing else.
func newSchedule(needs [][]int, seconds []float64, streams int) schedule {
	n := len(needs)
	s := schedule{stream: make([]int, n), waits: make([][]int, n)}
	// urgency is the time from an operation's begin to the end of the longest chain behind it.
	urgency := slices.Clone(seconds)
	for i := n - 1; i >= 0; i-- {
		for _, need := range needs[i] {
			urgency[need] = max(urgency[need], seconds[need]+urgency[i])
		}
	}
	end := make([]float64, n)
	free := make([]float64, streams)
	done := make([]bool, n)
	for len(s.order) < n {
		best, bestStream, bestStart := -1, 0, 0.0
		for i := range n {
			if done[i] || slices.ContainsFunc(needs[i], func(need int) bool { return !done[need] }) {
				continue
			}
			for stream := range streams {
				start := free[stream]
				for _, need := range needs[i] {
					ready := end[need]
					if s.stream[need] != stream {
						ready += crossingSeconds
					}
					start = max(start, ready)
				}
				if best < 0 || cmp.Or(cmp.Compare(start, bestStart), cmp.Compare(urgency[best], urgency[i])) < 0 {
					best, bestStream, bestStart = i, stream, start
				}
			}
		}
		end[best] = bestStart + seconds[best]
		free[bestStream] = end[best]
		s.stream[best] = bestStream
		done[best] = true
		s.order = append(s.order, best)
	}
	s.connect(needs, streams)
	return s
}

// connect finds the fewest waits that order all operations as needed: none for what the
// stream itself orders, or what another wait brings along.
func (s *schedule) connect(needs [][]int, streams int) {
	place := make([]int, len(needs))    // in the order, from 1
	before := make([][]int, len(needs)) // for each stream, the last place that is done before an operation's end
	behind := make([][]int, streams)    // the same, for what a stream is given next
	last := make([]int, streams)        // the last operation of a stream, from 1
	for stream := range behind {
		behind[stream] = make([]int, streams)
	}
	for at, i := range s.order {
		place[i] = at + 1
		known := behind[s.stream[i]]
		// The newest first: they bring the older ones along.
		latest := slices.SortedFunc(slices.Values(needs[i]), func(a, b int) int { return cmp.Compare(place[b], place[a]) })
		for _, need := range latest {
			if known[s.stream[need]] >= place[need] {
				continue
			}
			s.waits[i] = append(s.waits[i], need)
			for stream, p := range before[need] {
				known[stream] = max(known[stream], p)
			}
		}
		known[s.stream[i]] = place[i]
		before[i] = slices.Clone(known)
		last[s.stream[i]] = i + 1
	}
	for stream := 1; stream < streams; stream++ {
		if last[stream] > 0 && behind[0][stream] < place[last[stream]-1] {
			s.ends = append(s.ends, last[stream]-1)
		}
	}
}

// used is the number of streams that have work, the first ones being used first.
func (s *schedule) used() int {
	most := 0
	for _, stream := range s.stream {
		most = max(most, stream+1)
	}
	return most
}
