package training

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// stateCase is a kind of run that is stopped and resumed.
type stateCase struct {
	rule      *algo.Rule
	optimizer gpu.Optimizer
	conv      bool
	streamed  bool
}

func (c stateCase) String() string {
	kind, place := "dense", "resident"
	if c.conv {
		kind = "conv"
	}
	if c.streamed {
		place = "streamed"
	}
	return fmt.Sprintf("%v %v %s %s", c.rule, c.optimizer, kind, place)
}

// stateCases has every rule with every optimizer, network and place of the images.
func stateCases() (all []stateCase) {
	for _, rule := range algo.Rules() {
		for _, optimizer := range gpu.Optimizers() {
			for _, conv := range []bool{false, true} {
				for _, streamed := range []bool{false, true} {
					all = append(all, stateCase{rule, optimizer, conv, streamed})
				}
			}
		}
	}
	return all
}

// trainer is a run of the case, whose weights begin with their own seed.
func (c stateCase) trainer(t *testing.T, dev gpu.Device, seed uint64, schedule Schedule) (*algo.Learner, *Trainer) {
	t.Helper()
	input := model.Shape{H: 9, W: 9, C: 1}
	net, err := model.NewDense(input, []int{7, 5}, 3, gpu.ReLU)
	if c.conv {
		net, err = model.New(input, []model.Filter{{Filters: 8, Kernel: 3, Stride: 2, Pad: 1, Pool: model.Pooling{Kind: gpu.MaxPooling, Kernel: 2, Stride: 1}}}, []int{6}, 3, gpu.Tanh)
	}
	require.NoError(t, err)
	cfg := algotest.Config(c.rule)
	cfg.Optimizer, cfg.L2, cfg.Decay = c.optimizer, 1e-3, 1e-2
	if c.optimizer == gpu.Momentum {
		cfg.Momentum, cfg.Nesterov = 0.9, true
	}
	init := algotest.Init(t, "U1")
	params, err := net.InitialParams(init, c.rule.Monotone(), seed)
	require.NoError(t, err)
	drawn := uint64(1)
	if c.rule.LearnsFeedback() {
		drawn = seed // the state holds it
	}
	feedback, err := cfg.DrawFeedback(net, init, drawn)
	require.NoError(t, err)
	l, err := algo.NewLearner(dev, net, cfg, params, feedback)
	require.NoError(t, err)
	data := Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41), Test: algotest.Bands(3, 37)}
	if c.streamed {
		data.Train, data.Valid = algotest.FromSource(data.Train, false), algotest.FromSource(data.Valid, false)
	}
	schedule.Seed, schedule.Rates = 4, ratesOf(t, "multistep:9,17:0.5:steps", "7:steps")
	trainer, err := New(t.Context(), l, data, schedule)
	require.NoError(t, err)
	return l, trainer
}

// end is a run's result and state, without its times and the padding of its arenas.
type end struct {
	Result   Result
	Tensors  []model.Tensor
	Feedback []model.Tensor // that has learned
}

// untimed is a result without its times.
func untimed(r Result) Result {
	r.Epochs = slices.Clone(r.Epochs)
	for i := range r.Epochs {
		r.Epochs[i].Seconds, r.Epochs[i].DataWait = 0, 0
	}
	r.Seconds, r.DataWait = 0, 0
	return r
}

func endOf(t *testing.T, l *algo.Learner, trainer *Trainer, ctx context.Context) (end, error) {
	t.Helper()
	r, failure := trainer.Run(ctx, &silent{})
	r = untimed(r)
	params, err := l.Params()
	require.NoError(t, err)
	e := end{Result: r, Tensors: l.Network().Split(params)}
	if rule := l.Config().Rule; rule.LearnsFeedback() {
		feedback, err := l.Feedback()
		require.NoError(t, err)
		e.Feedback = l.Network().SplitFeedback(rule.Feedback, feedback)
	}
	require.NoError(t, trainer.Close())
	require.NoError(t, l.Close())
	return e, failure
}

// whole is an uninterrupted run and the states along it.
func (c stateCase) whole(t *testing.T, dev gpu.Device, schedule Schedule) (end, []State) {
	t.Helper()
	var states []State
	schedule.Save = func(s State) error {
		states = append(states, s)
		return nil
	}
	l, trainer := c.trainer(t, dev, 1, schedule)
	got, err := endOf(t, l, trainer, context.Background())
	require.NoError(t, err)
	return got, states
}

// goOn continues a state on a device with weights of another seed.
func (c stateCase) goOn(t *testing.T, dev gpu.Device, s State, schedule Schedule) end {
	t.Helper()
	l, trainer := c.trainer(t, dev, 99, schedule)
	require.NoError(t, trainer.Restore(s))
	got, err := endOf(t, l, trainer, context.Background())
	require.NoError(t, err)
	return got
}

func TestARunThatGoesOnHasTheBitsOfOneThatNeverStopped(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		cases := stateCases()
		if dev.Info().Kind != "cpu" {
			cases = nil // one for each rule; all optimizers, networks and places are among them
			for i, rule := range algo.Rules() {
				optimizer := []gpu.Optimizer{gpu.RMSProp, gpu.SGD, gpu.Adam}[i%3]
				cases = append(cases, stateCase{rule, optimizer, i%2 == 0, i%4 == 1 || i%4 == 2})
			}
		}
		for i, c := range cases {
			t.Run(c.String(), func(t *testing.T) {
				// 12 steps an epoch. Every step has a state; each case resumes from others.
				schedule := Schedule{Epochs: 2, SaveEvery: 1}
				want, states := c.whole(t, dev, schedule)
				require.Len(t, states, 24)
				for _, at := range []int{i % 11, 11, 12 + i%11, 23} {
					s := states[at]
					assert.Equal(t, at+1, s.Steps())
					require.Equal(t, want, c.goOn(t, dev, s, Schedule{Epochs: 2}), "from step %d", at+1)
				}
			})
		}
	})
}

func TestAStateOfOneDeviceGoesOnOnAnother(t *testing.T) {
	c := stateCase{algo.MDFA, gpu.Adam, true, false}
	host := cpu.Open()
	defer func() { require.NoError(t, host.Close()) }()
	want, states := c.whole(t, host, Schedule{Epochs: 2, SaveEvery: 5})
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		got := c.goOn(t, dev, states[1], Schedule{Epochs: 2})
		require.Len(t, got.Result.Epochs, 2)
		for i, tensor := range got.Tensors {
			assert.InDeltaSlice(t, want.Tensors[i].Data, tensor.Data, crossDevice, tensor.Name)
		}
		assert.InDelta(t, want.Result.Epochs[1].Train.Loss, got.Result.Epochs[1].Train.Loss, 0.01)
	})
}

// crossDevice is how far weights of order 1 may be apart after some twenty steps of lr
// 3e-3 whose sums were added up in another order.
const crossDevice = 1e-4

func TestTheStateIsSavedWhenAskedFor(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	c := stateCase{rule: algo.DFA, optimizer: gpu.Adam}
	saved := func(schedule Schedule) (at [][2]int) {
		_, states := c.whole(t, dev, schedule)
		for _, s := range states {
			at = append(at, [2]int{s.Epoch(), s.Step})
		}
		return at
	}
	assert.Equal(t, [][2]int{{2, 0}, {3, 0}}, saved(Schedule{Epochs: 2}), "after each epoch")
	assert.Equal(t, [][2]int{{1, 8}, {2, 4}, {3, 0}}, saved(Schedule{Epochs: 2, SaveEvery: 8}), "the epoch's end among them, and the run's end")
	assert.Equal(t, [][2]int{{1, 9}, {2, 6}, {3, 0}}, saved(Schedule{Epochs: 2, SaveEvery: 9}))
	assert.Equal(t, [][2]int{{2, 0}, {2, 5}}, saved(Schedule{Epochs: 9, MaxSteps: 17}), "where MaxSteps ends")
	assert.Equal(t, [][2]int{{2, 0}}, saved(Schedule{Epochs: 9, MaxSteps: 12}))
	assert.Equal(t, [][2]int{{1, 5}}, saved(Schedule{Epochs: 9, MaxSteps: 5, SaveEvery: 5}), "once")
}

func TestAnEndedContextLeavesAState(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	for _, streamed := range []bool{false, true} {
		c := stateCase{algo.MDFA, gpu.RMSProp, true, streamed}
		want, _ := c.whole(t, dev, Schedule{Epochs: 3})
		for _, stopAt := range []int{1, 7, 12, 13, 30, 36} { // 12: the validation is interrupted
			ctx, stop := context.WithCancel(context.Background())
			var states []State
			l, trainer := c.trainer(t, dev, 1, Schedule{Epochs: 3, SaveEvery: 100, Save: func(s State) error {
				states = append(states, s)
				return nil
			}})
			steps := 0
			_, err := trainer.Run(ctx, &silent{onStep: func(int, int) {
				if steps++; steps == stopAt {
					stop()
				}
			}})
			require.ErrorIs(t, err, context.Canceled)
			require.NoError(t, trainer.Close())
			require.NoError(t, l.Close())
			require.Len(t, states, 1)
			assert.Equal(t, stopAt, states[0].Steps())
			assert.Equal(t, want, c.goOn(t, dev, states[0], Schedule{Epochs: 3}), "from step %d", stopAt)
		}
	}
}

func TestALongerScheduleGoesOnFromTheEnd(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	c := stateCase{rule: algo.DFA, optimizer: gpu.Adam, conv: true}
	want, _ := c.whole(t, dev, Schedule{Epochs: 4})
	_, states := c.whole(t, dev, Schedule{Epochs: 2})
	assert.Equal(t, want, c.goOn(t, dev, states[len(states)-1], Schedule{Epochs: 4}), "more epochs")
	ended, states := c.whole(t, dev, Schedule{Epochs: 4, MaxSteps: 29})
	assert.Equal(t, want, c.goOn(t, dev, states[len(states)-1], Schedule{Epochs: 4}), "more steps, from the middle of an epoch")
	assert.Equal(t, ended, c.goOn(t, dev, states[len(states)-1], Schedule{Epochs: 4, MaxSteps: 29}), "no more: the epoch is closed again")
	done, states := c.whole(t, dev, Schedule{Epochs: 2})
	assert.Equal(t, done, c.goOn(t, dev, states[len(states)-1], Schedule{Epochs: 2}), "nothing is left but the test")
}

func TestAFailedSaveEndsTheRun(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	full := errors.New("disk full")
	for _, every := range []int{0, 5} {
		_, trainer := stateCase{rule: algo.BP}.trainer(t, dev, 1, Schedule{Epochs: 9, SaveEvery: every, Save: func(State) error { return full }})
		r, err := trainer.Run(context.Background(), &silent{})
		require.ErrorIs(t, err, full)
		assert.False(t, r.Complete)
		assert.Less(t, len(r.Epochs), 2)
	}
}

func TestAStateOfAnotherRunIsRefused(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	c := stateCase{rule: algo.DFA, optimizer: gpu.Adam}
	_, states := c.whole(t, dev, Schedule{Epochs: 2, SaveEvery: 7})
	s := states[2] // two epochs would be 24 steps; this is step 21
	require.Equal(t, 21, s.Steps())
	for want, refuse := range map[string]func() (stateCase, State, Schedule){
		"it is another network's": func() (stateCase, State, Schedule) {
			return stateCase{rule: algo.DFA, optimizer: gpu.Adam, conv: true}, s, Schedule{Epochs: 2}
		},
		"0 best parameters": func() (stateCase, State, Schedule) {
			cut := s
			cut.Best = nil
			return c, cut, Schedule{Epochs: 2}
		},
		"rmsprop has 1: it is another optimizer's": func() (stateCase, State, Schedule) {
			return stateCase{rule: algo.DFA, optimizer: gpu.RMSProp}, s, Schedule{Epochs: 2}
		},
		"1 epochs are fewer than the 2 that were trained already": func() (stateCase, State, Schedule) { return c, s, Schedule{Epochs: 1} },
		"20 steps are fewer than the 21 that were trained":        func() (stateCase, State, Schedule) { return c, s, Schedule{Epochs: 2, MaxSteps: 20} },
		"step 13 of an epoch of 12": func() (stateCase, State, Schedule) {
			late := s
			late.Step = 13
			return c, late, Schedule{Epochs: 2}
		},
		"has 11 steps of 12": func() (stateCase, State, Schedule) {
			other := s
			other.Epochs = []Epoch{{Number: 1, Steps: 11}}
			return c, other, Schedule{Epochs: 2}
		},
	} {
		other, state, schedule := refuse()
		_, trainer := other.trainer(t, dev, 1, schedule)
		err := trainer.Restore(state)
		require.ErrorIs(t, err, algo.ErrConfig)
		assert.ErrorContains(t, err, want)
	}
}

func TestAStateOfOtherFeedbackIsRefused(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	kp, fa := stateCase{rule: algo.KP, optimizer: gpu.Adam}, stateCase{rule: algo.FA, optimizer: gpu.Adam}
	_, states := kp.whole(t, dev, Schedule{Epochs: 1})
	_, fixed := fa.whole(t, dev, Schedule{Epochs: 1})
	learned := states[0]
	require.Len(t, learned.FeedbackOptimizer, 2)
	require.Nil(t, fixed[0].Feedback)
	short, lost, none := learned, learned, learned
	short.Feedback = short.Feedback[1:]
	lost.FeedbackOptimizer = lost.FeedbackOptimizer[1:]
	none.Feedback = nil
	for want, refuse := range map[string]struct {
		c stateCase
		s State
	}{
		"values of learned feedback; fa has 0 here: it is another rule's": {fa, learned},
		"a state with 0 values of learned feedback; kp has":               {kp, fixed[0]},
		"a state with 0 values of learned feedback":                       {kp, none},
		"values of learned feedback for a network of":                     {kp, short},
		"a state with 1 arenas of an optimizer; adam has 2":               {kp, lost},
	} {
		_, trainer := refuse.c.trainer(t, dev, 1, Schedule{Epochs: 1})
		err := trainer.Restore(refuse.s)
		require.ErrorIs(t, err, algo.ErrConfig)
		assert.ErrorContains(t, err, want)
	}
}

// TestTheFeedbackHasAnOptimizerOfItsOwn trains weights by sgd and their feedback by adam at another rate. The difference
// of the two would stay as it was if both learned alike.
func TestTheFeedbackHasAnOptimizerOfItsOwn(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	adam := gpu.Adam
	difference := func(cfg algo.Config) []float32 {
		l := algotest.Learner(t, dev, cfg)
		for range 3 {
			require.NoError(t, l.Train(nil))
		}
		params, err := l.Params()
		require.NoError(t, err)
		feedback, err := l.Feedback()
		require.NoError(t, err)
		state, learned, err := l.OptimizerState()
		require.NoError(t, err)
		assert.Empty(t, state)
		if cfg.FeedbackOptimizer != nil {
			assert.Len(t, learned, adam.States())
		}
		require.NoError(t, l.Close())
		for i := range feedback {
			feedback[i] -= params[l.Network().Clamp.Off+i]
		}
		return feedback
	}
	alike := algotest.Config(algo.KP)
	alike.Optimizer = gpu.SGD
	other, faster, still := alike, alike, alike
	other.FeedbackOptimizer, faster.FeedbackLR, still.LR, still.FeedbackLR = &adam, 0.5, 0, 1e-9
	want := difference(still)
	assert.InDeltaSlice(t, want, difference(alike), 1e-6, "both learn alike")
	assert.NotEqual(t, want, difference(other))
	assert.NotEqual(t, want, difference(faster))
	assert.NotEqual(t, difference(faster), difference(other))
}
