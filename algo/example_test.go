package algo_test

import (
	"fmt"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// A rule of a program's own: the last layer learns, and no error reaches the layers below, which stay random features.
// Register would have [algo.ParseRule] find it; a learner needs only the value.
func ExampleRule() {
	rule := &algo.Rule{
		Name:     "lastlayer",
		Title:    "training of the last layer alone",
		Year:     2026,
		Products: algo.NoProducts,
		Deltas: func(s *algo.Step) error {
			for layer := range s.Network().Hidden() {
				for _, span := range []gpu.Span{s.Delta(layer), s.BiasGrad(layer)} {
					if err := s.Device().Zero(span); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}

	// Two classes of vectors that XOR tells apart.
	net, err := model.NewDense(model.Vector(2), []int{32}, 2, gpu.Tanh)
	check(err)
	params, err := rule.DrawParams(net, model.Init{Dist: gpu.DrawNormal, Value: 2}, 1)
	check(err)
	dev := cpu.Open()
	defer func() { check(dev.Close()) }()
	l, err := algo.NewLearner(dev, net, algo.Config{Rule: rule, Optimizer: gpu.SGD, LR: 1, Batch: 4}, params, nil)
	check(err)
	defer func() { check(l.Close()) }()
	x := []float32{0, 0, 0, 1, 1, 0, 1, 1}
	y := []int32{0, 1, 1, 0}
	for range 500 {
		s := l.Step(4)
		check(gpu.Upload(dev, s.Input(0).Buf, 0, x))
		check(gpu.Upload(dev, s.Labels().Buf, 0, y))
		check(l.ResetMetrics())
		check(l.Train(nil))
	}
	m, err := l.Metrics()
	check(err)
	fmt.Printf("%v: %.0f of %.0f right, mean loss below 0.1: %v\n", rule, m.Correct, m.Count, m.MeanLoss() < 0.1)
	// Output: lastlayer: 4 of 4 right, mean loss below 0.1: true
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
