// A program outside of the repository adds the learning rule mixed, and trains with it on MNIST.
package main

import (
	"context"
	"fmt"
	"log"

	"mdfa/algo"
	"mdfa/model"
	"mdfa/run"
)

// Mixed is dfa in which the uppermost hidden layer gets bp's error: d_{L-1} = (e W_Lᵀ) ⊙ f'(a_{L-1}).
var mixed = algo.Register(&algo.Rule{
	Name: "mixed", Title: "direct feedback below an exact layer", Year: 2026,
	Feedback: model.DirectFeedback, Products: algo.DirectProducts,
	Deltas: func(s *algo.Step) error {
		if err := s.Broadcast(s.Error()); err != nil {
			return err
		}
		last := len(s.Network().Hidden())
		return s.CarryBack(last, s.Weights(last), true, s.Delta(last), s.Output(last-1))
	},
})

func main() {
	spec := run.Defaults()
	spec.Model, spec.LR, spec.MaxSteps = mixed.Name, 0.001, 300
	r, err := run.New(spec, run.Options{})
	if err != nil {
		log.Fatal(err)
	}
	outcome, err := r.Train(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v: %.0f of 10 test images are right\n", mixed, 10*outcome.Test.Accuracy())
}
