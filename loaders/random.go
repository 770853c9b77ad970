package loaders

import "gonum.org/v1/gonum/mathext/prng"

// maxSeed is the largest seed that numpy.random.RandomState takes.
const maxSeed = 1<<32 - 1

// randomState draws the numbers of numpy.random.RandomState(seed), so that a
// seed means here the same classes and the same split as in the paper's code.
// numpy has frozen this generator (NEP 19), and so can we.
type randomState struct {
	src *prng.MT19937
}

// newRandomState seeds the Mersenne twister by its init_genrand, as numpy does
// for one integer; gonum's Seed applies that function to the low 32 bits.
func newRandomState(seed uint32) *randomState {
	src := prng.NewMT19937()
	src.Seed(uint64(seed))
	return &randomState{src: src}
}

// interval draws uniformly from 0..largest by masked rejection: as many low
// bits as largest has, drawn again while they exceed it.
func (r *randomState) interval(largest uint32) uint32 {
	mask := largest
	for shift := 1; shift < 32; shift *= 2 {
		mask |= mask >> shift
	}
	for {
		if v := r.src.Uint32() & mask; v <= largest {
			return v
		}
	}
}

// permutation returns 0..n-1 in numpy's legacy Fisher-Yates order, last
// element first. n must not exceed 2^32, beyond which numpy draws 64 bits.
func (r *randomState) permutation(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := r.interval(uint32(i))
		p[i], p[j] = p[j], p[i]
	}
	return p
}
