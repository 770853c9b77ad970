package devicetest

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// allReduceCases are those of a device without other ranks, which leaves X as it is.
func allReduceCases() []opCase {
	var cases []opCase
	for _, n := range []int{0, 1, 33, 1025} {
		cases = append(cases, opCase{fmt.Sprint(n), n, func(s *stage) func() error {
			x := uniform(seeded("all-reduce"), n)
			args := gpu.AllReduceArgs{X: in(s, "X", x)}
			return func() error { return s.d.AllReduce(args) }
		}})
	}
	return cases
}

// Ranks checks AllReduce among several ranks. Open returns the devices of n ranks, which the suite closes. Each rank
// is a goroutine here; whether they are processes elsewhere makes no difference to a device.
func Ranks(t *testing.T, open func(t *testing.T, n int) []gpu.Device) {
	t.Helper()
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			devices := open(t, n)
			require.Len(t, devices, n)
			for _, name := range sortedKeys(rankClaims) {
				t.Run(name, func(t *testing.T) {
					claim := rankClaims[name]
					results := eachRank(t, devices, claim.run)
					for r := 1; r < n; r++ {
						require.Equal(t, bitsOf(results[0]), bitsOf(results[r]), "the bits of ranks 0 and %d", r)
					}
					compare(t, results[0], claim.want(n), claim.tolerance)
				})
			}
			t.Run("CloseWaits", func(t *testing.T) {
				eachRank(t, devices, func(r *rank) []float32 {
					r.sum(r.floats(r.values(1000)))
					r.must(r.Close())
					return nil
				})
			})
		})
	}
}

// rank is one of n ranks. Its methods panic with the error of a call; eachRank takes it.
type rank struct {
	gpu.Device
	number, n int
}

type failedCall struct{ error }

func (r *rank) must(err error) {
	if err != nil {
		panic(failedCall{err})
	}
}

// eachRank runs f on all ranks at the same time.
func eachRank(t *testing.T, devices []gpu.Device, f func(r *rank) []float32) [][]float32 {
	t.Helper()
	results, failures := make([][]float32, len(devices)), make([]error, len(devices))
	var all sync.WaitGroup
	for number, d := range devices {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					failed, ours := p.(failedCall)
					if !ours {
						panic(p)
					}
					failures[number] = failed.error
				}
			}()
			results[number] = f(&rank{d, number, len(devices)})
		})
	}
	all.Wait()
	for number, err := range failures {
		assert.NoError(t, err, "rank %d", number)
	}
	if t.Failed() {
		t.FailNow()
	}
	return results
}

// values are small whole numbers, whose sums are exact in any order. Each rank has others.
func (r *rank) values(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32((r.number + 1) * number(i))
	}
	return v
}

func number(i int) int { return i%13 - 4 }

// total returns the sum over n ranks of element i of values.
func total(n, i int) float64 { return float64(n * (n + 1) / 2 * number(i)) }

func totals(n, length int) []float64 {
	v := make([]float64, length)
	for i := range v {
		v[i] = total(n, i)
	}
	return v
}

func (r *rank) floats(v []float32) gpu.Span {
	b, err := gpu.NewBuffer(r.Device, v)
	r.must(err)
	return gpu.All(b)
}

func (r *rank) zeros(n int) gpu.Span { return r.floats(make([]float32, n)) }

func (r *rank) sum(x gpu.Span) { r.must(r.AllReduce(gpu.AllReduceArgs{X: x})) }

func (r *rank) read(s gpu.Span) []float32 {
	v, err := gpu.Read[float32](r.Device, s)
	r.must(err)
	return v
}

// product computes on other memory while a sum may run, and returns the result, 12 in each element.
func (r *rank) product() gpu.Span {
	const k = 48
	a, b, c := r.floats(slices.Repeat([]float32{0.5}, 4*k)), r.floats(slices.Repeat([]float32{0.5}, k*4)), r.zeros(16)
	r.must(r.Gemm(gpu.GemmArgs{A: a.Mat(4, k), B: b.Mat(k, 4), C: c.Mat(4, 4)}))
	return c
}

func bitsOf(v []float32) []uint32 {
	bits := make([]uint32, len(v))
	for i := range v {
		bits[i] = math.Float32bits(v[i])
	}
	return bits
}

// rankLengths are lengths at which vectors and messages end, and none at all.
var rankLengths = []int{0, 1, 3, 31, 32, 33, 1023, 1025, 20_011}

// rankClaims are calls that every rank makes, and the values that each must read then.
var rankClaims = map[string]struct {
	run       func(r *rank) []float32
	want      func(n int) []float64
	tolerance float64
}{
	"Sums": {run: func(r *rank) (all []float32) {
		for _, length := range rankLengths {
			const lead, tail = 3, 5
			v := slices.Concat(slices.Repeat([]float32{7}, lead), r.values(length), slices.Repeat([]float32{7}, tail))
			x := r.floats(v)
			r.sum(x.Slice(lead, length))
			all = append(all, r.read(x)...)
		}
		return all
	}, want: func(n int) (all []float64) {
		for _, length := range rankLengths {
			all = slices.Concat(all, []float64{7, 7, 7}, totals(n, length), []float64{7, 7, 7, 7, 7})
		}
		return all
	}},
	"SameBitsEachTime": {run: func(r *rank) []float32 {
		v := uniform(seeded(fmt.Sprint("rank", r.number)), 1000)
		x, again := r.floats(v), r.floats(v)
		r.sum(x)
		r.sum(again)
		first, second := r.read(x), r.read(again)
		if !slices.Equal(bitsOf(first), bitsOf(second)) {
			r.must(fmt.Errorf("two sums of the same numbers differ"))
		}
		return first
	}, want: func(n int) []float64 {
		want := make([]float64, 1000)
		for rank := range n {
			for i, v := range uniform(seeded(fmt.Sprint("rank", rank)), 1000) {
				want[i] += float64(v)
			}
		}
		return want
	}, tolerance: 4 * epsilon},
	"TwiceIsTheSumOfSums": {run: func(r *rank) []float32 {
		x := r.floats(r.values(100))
		r.sum(x)
		r.sum(x)
		return r.read(x)
	}, want: func(n int) []float64 {
		want := totals(n, 100)
		for i := range want {
			want[i] *= float64(n)
		}
		return want
	}},
	"InPiecesThatOverlap": {run: func(r *rank) []float32 {
		x := r.floats(r.values(1000))
		r.sum(x.Slice(700, 300))
		c := r.product()
		r.sum(x.Slice(0, 501))
		r.sum(x.Slice(500, 200))
		return append(r.read(x), r.read(c)...)
	}, want: func(n int) []float64 {
		want := append(totals(n, 1000), slices.Repeat([]float64{12}, 16)...)
		want[500] *= float64(n)
		return want
	}},
	"LaterOperationsWait": {run: func(r *rank) []float32 {
		x, before := r.zeros(1000), r.floats(r.values(1000))
		head, tail := r.zeros(120), r.zeros(10)
		r.must(r.Copy(x, before)) // the sum waits for it
		r.sum(x.Slice(100, 900))
		r.must(r.Copy(head, x.Slice(0, 120))) // begins before the sum does
		r.sum(x.Slice(100, 900))
		r.must(r.Copy(tail, x.Slice(990, 10)))
		r.must(r.Zero(x.Slice(500, 3)))
		return slices.Concat(r.read(head.Slice(100, 20)), r.read(x.Slice(490, 20)), r.read(tail))
	}, want: func(n int) []float64 {
		all := totals(n, 1000)
		twice := slices.Clone(all)
		for i := range twice {
			twice[i] *= float64(n)
		}
		clear(twice[500:503])
		return slices.Concat(all[100:120], twice[490:510], twice[990:])
	}},
	"UploadWaits": {run: func(r *rank) []float32 {
		x := r.floats(r.values(1000))
		r.sum(x)
		r.must(gpu.Upload(r.Device, x.Buf, 10, slices.Repeat([]float32{1}, 20)))
		r.must(r.Sync())
		return r.read(x)
	}, want: func(n int) []float64 {
		return slices.Replace(totals(n, 1000), 10, 30, slices.Repeat([]float64{1}, 20)...)
	}},
	"FreeWaits": {run: func(r *rank) (all []float32) {
		for range 3 {
			x := r.floats(r.values(1000))
			r.sum(x)
			r.must(x.Buf.Free())
			next := r.zeros(1000)
			r.must(r.Sync())
			all = append(all, r.read(next)...)
			r.must(next.Buf.Free())
		}
		return all
	}, want: func(int) []float64 { return make([]float64, 3000) }},
	"RecordedStepsRepeat": {run: func(r *rank) []float32 { return r.train(true) }, want: trainedByRanks},
	"DirectStepsRepeat":   {run: func(r *rank) []float32 { return r.train(false) }, want: trainedByRanks},
}

const (
	rankSteps   = 4
	rankWeights = 640
)

// train takes steps of gradient descent in which every weight's gradient is the weight plus a number of the rank's own:
// W -= Σ (W + v) / 8. The sum is taken in two pieces, with a product between them.
func (r *rank) train(recorded bool) []float32 {
	w, g, v := r.zeros(rankWeights), r.zeros(rankWeights), r.floats(r.values(rankWeights))
	a, b, c := r.floats(slices.Repeat([]float32{0.5}, 64)), r.floats(slices.Repeat([]float32{0.5}, 64)), r.zeros(64)
	half := rankWeights / 2
	step := func() error {
		calls := []func() error{
			func() error { return r.Copy(g, w) },
			// g += v
			func() error { return r.Optimize(gpu.OptimizeArgs{Kind: gpu.SGD, W: g, G: v, LR: -1}) },
			func() error { return r.AllReduce(gpu.AllReduceArgs{X: g.Slice(half, half)}) },
			func() error {
				return r.Gemm(gpu.GemmArgs{A: a.Mat(8, 8), B: b.Mat(8, 8), C: c.Mat(8, 8)})
			},
			func() error { return r.AllReduce(gpu.AllReduceArgs{X: g.Slice(0, half)}) },
			func() error { return r.Optimize(gpu.OptimizeArgs{Kind: gpu.SGD, W: w, G: g, LR: 1.0 / 8}) },
		}
		for _, call := range calls {
			if err := call(); err != nil {
				return err
			}
		}
		return nil
	}
	run := step
	if recorded {
		p, err := r.Record(step)
		r.must(err)
		run = p.Run
		defer func() { r.must(p.Free()) }()
	}
	for range rankSteps {
		r.must(run())
	}
	return append(r.read(w), r.read(c)...)
}

func trainedByRanks(n int) []float64 {
	w, v := make([]float64, rankWeights), totals(n, rankWeights)
	for range rankSteps {
		for i := range w {
			w[i] -= (float64(n)*w[i] + v[i]) / 8
		}
	}
	return append(w, slices.Repeat([]float64{2}, 64)...)
}
