package devicetest

import (
	"crypto/sha256"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// worthSharing is the least cost of a case that a device might split over threads.
const worthSharing = 2000

// sameBitsOnAnyThreads opens a device under each setting of GOMAXPROCS and compares
// the bits of all cases.
func (s *suite) sameBitsOnAnyThreads(t *testing.T) {
	if len(s.threads) < 2 {
		return
	}
	var cases []opCase
	for _, op := range operations {
		cases = append(cases, s.affordable(op.cases())...)
	}
	cases = slices.DeleteFunc(cases, func(c opCase) bool { return c.cost < worthSharing })
	var first [][sha256.Size]byte
	for i, n := range s.threads {
		sums := s.digests(t, n, cases)
		if i == 0 {
			first = sums
			continue
		}
		for c := range cases {
			if sums[c] != first[c] {
				t.Errorf("%s: GOMAXPROCS %d gives other bits than %d", cases[c].name, n, s.threads[0])
			}
		}
	}
}

// digests returns a hash of the memory after each case, with n threads.
func (s *suite) digests(t *testing.T, n int, cases []opCase) [][sha256.Size]byte {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	d := s.open(t)
	var sums [][sha256.Size]byte
	for _, c := range cases {
		st := newStage(t, d, oddLeads)
		require.NoError(t, c.lay(st)(), c.name)
		h := sha256.New()
		for _, image := range st.snapshot() {
			h.Write(image)
		}
		sums = append(sums, [sha256.Size]byte(h.Sum(nil)))
		st.free()
	}
	require.NoError(t, d.Close())
	return sums
}
