// Package schedule spreads the operations of a recorded step over streams.
package schedule

import (
	"cmp"
	"slices"
)

// crossingSeconds is the estimated cost of a wait of one stream for another.
const crossingSeconds = 1e-6

// Schedule is the result. It numbers operations by their place in the step.
type Schedule struct {
	Order  []int   // the operations in an order in which each follows those that it needs
	Stream []int   // the stream of each operation
	Waits  [][]int // for each operation, those of other streams that it must wait for itself
	Ends   []int   // operations of other streams that the first stream must wait for in the end
}

// New puts one operation after the other into the stream where it can begin first. Of
// several that can begin first it takes the one with the longest chain of operations behind
// it. Needs lists the earlier operations that each operation must follow, seconds estimates
// the time of each. Apart marks operations that have a stream of their own behind the last that others use. The result
// depends on nothing else.
func New(needs [][]int, seconds []float64, streams int, apart []bool) Schedule {
	n := len(needs)
	s := Schedule{Stream: make([]int, n), Waits: make([][]int, n)}
	// The urgency of an operation is the time from its begin to the end of the longest chain
	// behind it.
	urgency := slices.Clone(seconds)
	for i := n - 1; i >= 0; i-- {
		for _, need := range needs[i] {
			urgency[need] = max(urgency[need], seconds[need]+urgency[i])
		}
	}
	end := make([]float64, n)
	free := make([]float64, streams+1)
	done := make([]bool, n)
	for len(s.Order) < n {
		best, bestStream, bestStart := -1, 0, 0.0
		for i := range n {
			if done[i] || slices.ContainsFunc(needs[i], func(need int) bool { return !done[need] }) {
				continue
			}
			for stream := range streams + 1 {
				if apart[i] != (stream == streams) {
					continue
				}
				start := free[stream]
				for _, need := range needs[i] {
					ready := end[need]
					if s.Stream[need] != stream {
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
		s.Stream[best] = bestStream
		done[best] = true
		s.Order = append(s.Order, best)
	}
	s.moveApart(apart)
	s.connect(needs, streams+1)
	return s
}

// moveApart gives the operations apart the first stream that has no others.
func (s *Schedule) moveApart(apart []bool) {
	next := 1 // the first stream begins and ends a step, also without operations
	for i, used := range s.Stream {
		if !apart[i] {
			next = max(next, used+1)
		}
	}
	for i := range s.Stream {
		if apart[i] {
			s.Stream[i] = next
		}
	}
}

// connect finds the fewest waits that order all operations as needed: the order within a
// stream needs none, nor does an order that follows from another wait.
func (s *Schedule) connect(needs [][]int, streams int) {
	place := make([]int, len(needs))    // in the order, from 1
	before := make([][]int, len(needs)) // for each operation and stream, the last place that is done before its end
	behind := make([][]int, streams)    // the same, before the next operation of a stream begins
	last := make([]int, streams)        // the last operation of a stream, from 1
	for stream := range behind {
		behind[stream] = make([]int, streams)
	}
	for at, i := range s.Order {
		place[i] = at + 1
		known := behind[s.Stream[i]]
		// The newest first: a wait for them may imply the older ones.
		latest := slices.SortedFunc(slices.Values(needs[i]), func(a, b int) int { return cmp.Compare(place[b], place[a]) })
		for _, need := range latest {
			if known[s.Stream[need]] >= place[need] {
				continue
			}
			s.Waits[i] = append(s.Waits[i], need)
			for stream, p := range before[need] {
				known[stream] = max(known[stream], p)
			}
		}
		known[s.Stream[i]] = place[i]
		before[i] = slices.Clone(known)
		last[s.Stream[i]] = i + 1
	}
	for stream := 1; stream < streams; stream++ {
		if last[stream] > 0 && behind[0][stream] < place[last[stream]-1] {
			s.Ends = append(s.Ends, last[stream]-1)
		}
	}
}

// Used returns the number of streams that have work. They are the first ones.
func (s *Schedule) Used() int {
	most := 0
	for _, stream := range s.Stream {
		most = max(most, stream+1)
	}
	return most
}
