package training

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/internal/algotest"
	"mdfa/algo/measure"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/model"
)

// ranksRun is a run that the ranks of a test train together, or one process alone.
type ranksRun struct {
	cfg      algo.Config
	hidden   []int // of a dense network; nil: a convolutional one
	schedule Schedule
	streamed bool
	from     *State // resumed; nil: begun
	onStep   func(rank, step int)
}

// ranksOutcome is what a rank saw.
type ranksOutcome struct {
	Result Result
	Err    error
	Params []float32
	Saved  []State
	Logits []float32
	Angles []measure.Alignment
}

func (o *ranksOutcome) Step(int, int, func() (float64, error)) {}
func (o *ranksOutcome) Epoch(Epoch) error                      { return nil }
func (o *ranksOutcome) Alignment(a measure.Alignment) error {
	o.Angles = append(o.Angles, a)
	return nil
}

type ranksObserver struct {
	*ranksOutcome
	run  ranksRun
	rank int
	done int
}

func (o *ranksObserver) Step(int, int, func() (float64, error)) {
	if o.done++; o.run.onStep != nil {
		o.run.onStep(o.rank, o.done)
	}
}

func (o *ranksObserver) Logits(first int, logits []float32) error {
	if first*3 != len(o.ranksOutcome.Logits) {
		return fmt.Errorf("logits from example %d after %d", first, len(o.ranksOutcome.Logits)/3)
	}
	o.ranksOutcome.Logits = append(o.ranksOutcome.Logits, logits...)
	return nil
}

// train trains the run on a device, of a rank or alone.
func (r ranksRun) train(t *testing.T, ctx context.Context, rank *algotest.Rank, dev gpu.Device) *ranksOutcome {
	data := Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41), Test: algotest.Bands(3, 37)}
	if r.streamed {
		for _, e := range []*feed.Examples{&data.Train, &data.Valid, &data.Test} {
			*e = algotest.FromSource(*e, false)
		}
	}
	out, number := &ranksOutcome{}, 0
	r.schedule.Seed = 4
	if rank != nil {
		number = rank.Number
		r.cfg.Ranks = algo.Ranks{Rank: rank.Number, Size: rank.Size}
		r.schedule.Group = rank
	}
	if number == 0 {
		r.schedule.Save = func(s State) error {
			out.Saved = append(out.Saved, s)
			return nil
		}
	}
	var l *algo.Learner
	if r.hidden == nil {
		l = algotest.Learner(t, dev, r.cfg)
	} else {
		net, err := model.NewDense(model.Shape{H: 9, W: 9, C: 1}, r.hidden, 3, gpu.Tanh)
		assert.NoError(t, err)
		params, err := r.cfg.Rule.DrawParams(net, algotest.Init(t, "U1"), 1)
		assert.NoError(t, err)
		feedback, err := r.cfg.DrawFeedback(net, algotest.Init(t, "U1"), 1)
		assert.NoError(t, err)
		l, err = algo.NewLearner(dev, net, r.cfg, params, feedback)
		assert.NoError(t, err)
	}
	trainer, err := New(t.Context(), l, data, r.schedule)
	if out.Err = err; err != nil {
		return out
	}
	if r.from != nil {
		assert.NoError(t, trainer.Restore(*r.from))
	}
	out.Result, out.Err = trainer.Run(ctx, &ranksObserver{ranksOutcome: out, run: r, rank: number})
	out.Params, err = l.Params()
	assert.NoError(t, err)
	return out
}

// alone trains in one process.
func (r ranksRun) alone(t *testing.T) *ranksOutcome {
	dev := cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), Workers: 1})
	defer func() { require.NoError(t, dev.Close()) }()
	return r.train(t, t.Context(), nil, dev)
}

// on trains on n ranks.
func (r ranksRun) on(t *testing.T, ctx context.Context, n int) []*ranksOutcome {
	outcomes := make([]*ranksOutcome, n)
	algotest.OnRanks(t, n, func(t *testing.T, rank *algotest.Rank, dev gpu.Device) {
		outcomes[rank.Number] = r.train(t, ctx, rank, dev)
	})
	return outcomes
}

// sameRun requires a run of several ranks to be that of one process within the rounding of sums in another order.
func sameRun(t *testing.T, want *ranksOutcome, got []*ranksOutcome) {
	t.Helper()
	require.NoError(t, want.Err)
	for rank, o := range got {
		require.NoError(t, o.Err, "rank %d", rank)
		require.Equal(t, got[0].Params, o.Params, "rank %d has the weights of rank 0, bit by bit", rank)
		require.Len(t, o.Result.Epochs, len(want.Result.Epochs))
		for i, e := range o.Result.Epochs {
			w := want.Result.Epochs[i]
			assert.Equal(t, w.Steps, e.Steps)
			for _, m := range [][2]algo.Metrics{{w.Train, e.Train}, {w.Valid, e.Valid}} {
				assert.InEpsilon(t, m[0].Loss, m[1].Loss, 1e-5, "rank %d, epoch %d", rank, e.Number)
				assert.Equal(t, m[0].Count, m[1].Count)
			}
		}
		assert.Equal(t, want.Result.Test.Count, o.Result.Test.Count)
		assert.InEpsilon(t, want.Result.Test.Loss, o.Result.Test.Loss, 1e-5)
		assert.InDeltaSlice(t, want.Logits, o.Logits, 1e-4)
	}
}

// TestRanksTrainAsOne compares runs of 2, 3 and 5 ranks, which share batches of 8 unevenly, with one process: under
// every rule, dense and convolutional, with augmentation, streamed, and measured.
func TestRanksTrainAsOne(t *testing.T) {
	for i, rule := range algo.Rules() {
		t.Run(rule.String(), func(t *testing.T) {
			for j, hidden := range [][]int{nil, {20, 12}} {
				run := ranksRun{cfg: algotest.Config(rule), hidden: hidden, schedule: Schedule{Epochs: 4, AlignmentEvery: 7}, streamed: (i+j)%2 == 1}
				run.cfg.Reduction = algo.Reduction(i % 2)
				run.cfg.LR, run.cfg.Augment, run.cfg.AugmentSeed = 3e-4, model.Augment{Shift: 1, Flip: true}, 5
				want := run.alone(t)
				n := []int{2, 3, 5}[i%3]
				got := run.on(t, t.Context(), n)
				sameRun(t, want, got)
				again := run.on(t, t.Context(), n)
				assert.Equal(t, got[0].Params, again[0].Params, "the same ranks give the same bits")
				for _, o := range got[1:] {
					assert.Empty(t, o.Saved, "only the first rank saves")
				}
				require.Len(t, got[0].Angles, len(want.Angles))
				for k, a := range got[0].Angles {
					for layer, la := range a.Layers {
						w := want.Angles[k].Layers[layer]
						if !math.IsNaN(w.Gradient.Angle) {
							assert.InDelta(t, w.Gradient.Angle, la.Gradient.Angle, 0.1, "step %d, layer %d", a.Step, layer)
						}
						if !math.IsNaN(w.Saturated) {
							assert.InDelta(t, w.Saturated, la.Saturated, 1e-9, "step %d, layer %d", a.Step, layer)
						}
					}
				}
			}
		})
	}
}

// TestRanksEndTogetherAndResume interrupts one rank of three in the middle of an epoch: all end after the same step, the
// first saves, and 2, 4 or 1 ranks resume the run as if nothing had happened.
func TestRanksEndTogetherAndResume(t *testing.T) {
	for _, rule := range []*algo.Rule{algo.MDFA, algo.DKP} {
		run := ranksRun{cfg: algotest.Config(rule), schedule: Schedule{Epochs: 6, SaveEvery: 5}}
		run.cfg.LR = 3e-4
		want := run.on(t, t.Context(), 3)
		require.NoError(t, want[0].Err)

		broken := run
		outcomes := make([]*ranksOutcome, 3)
		algotest.OnRanks(t, 3, func(t *testing.T, rank *algotest.Rank, dev gpu.Device) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			own := broken
			own.onStep = func(number, step int) {
				if number == 1 && step == 17 {
					cancel()
				}
			}
			outcomes[rank.Number] = own.train(t, ctx, rank, dev)
		})
		steps := outcomes[0].Saved[len(outcomes[0].Saved)-1].Steps()
		require.GreaterOrEqual(t, steps, 17)
		require.Less(t, steps, 6*12, "the interruption came in time")
		for rank, o := range outcomes {
			require.ErrorIs(t, o.Err, context.Canceled, "rank %d", rank)
			require.Equal(t, outcomes[0].Result.Steps, o.Result.Steps, "rank %d", rank)
		}
		for _, n := range []int{3, 2, 4, 1} {
			resumed := run
			state := outcomes[0].Saved[len(outcomes[0].Saved)-1]
			resumed.from = &state
			var got []*ranksOutcome
			if n == 1 {
				got = []*ranksOutcome{resumed.alone(t)}
			} else {
				got = resumed.on(t, t.Context(), n)
			}
			sameRun(t, want[0], got)
			if n == 3 {
				assert.Equal(t, want[0].Params, got[0].Params, "as many ranks give the same bits")
			}
		}
	}
}

func TestRanksNeedAGroupAndExamples(t *testing.T) {
	for name, cfg := range map[string]algo.Config{
		"a group is missing":      {Ranks: algo.Ranks{Size: 2}, Batch: 8},
		"no such rank":            {Ranks: algo.Ranks{Rank: 2, Size: 2}, Batch: 8},
		"too few examples a rank": {Ranks: algo.Ranks{Size: 9}, Batch: 8},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Rule, cfg.Optimizer, cfg.LR = algo.DFA, gpu.SGD, 0.1
			dev := cpu.Open()
			defer func() { require.NoError(t, dev.Close()) }()
			net, err := model.NewDense(model.Shape{H: 9, W: 9, C: 1}, nil, 3, gpu.Tanh)
			require.NoError(t, err)
			l, err := algo.NewLearner(dev, net, cfg, make([]float32, net.Params), nil)
			if err == nil {
				_, err = New(t.Context(), l, Data{Train: algotest.Bands(1, 103)}, Schedule{Epochs: 1})
			}
			require.ErrorIs(t, err, algo.ErrConfig)
		})
	}
}
