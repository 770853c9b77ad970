package training

import (
	"fmt"

	"mdfa/algo"
)

// Epoch is the outcome of one epoch.
type Epoch struct {
	Number  int          // from 1 on
	Steps   int          // training steps in it
	Train   algo.Metrics // of the training batches, each before its update
	Valid   algo.Metrics // after the epoch, over every validation example; zero if there are none
	LR      float64      // the learning rate of the last step; 0 where it is constant in the run
	Best    bool         // the best validation so far, by Schedule.BestByLoss
	Seconds float64      // of training, validation not counted
	// DataWait is the part of Seconds in which streamed images were not ready when the next step needed them.
	// Waiting for the device is not counted.
	DataWait float64
}

// ImagesPerSecond returns the speed of training.
func (e Epoch) ImagesPerSecond() float64 { return e.Train.Count / e.Seconds }

// Result is the outcome of a run.
type Result struct {
	Epochs      []Epoch
	BestEpoch   int          // its number; 0 before the first validation
	Test        algo.Metrics // of the best validation epoch's weights; zero unless Complete
	Complete    bool         // false when the run was stopped or failed
	Early       bool         // Complete by Schedule.Patience, before the limits of epochs and steps
	Steps       int
	TrainImages float64
	Seconds     float64 // of training
	DataWait    float64 // the part of Seconds that waited for streamed images
}

// Best returns the epoch whose weights were tested, or the zero Epoch.
func (r Result) Best() Epoch {
	if r.BestEpoch == 0 {
		return Epoch{}
	}
	return r.Epochs[r.BestEpoch-1]
}

// ImagesPerSecond returns the speed of training over the whole run.
func (r Result) ImagesPerSecond() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return r.TrainImages / r.Seconds
}

// Progress is how far a run has come. With the seed of the schedule it says which batch is next: the order of an
// epoch depends on seed and epoch alone.
type Progress struct {
	Epochs    []Epoch // the completed ones
	BestEpoch int     // as in Result
	// Step is the number of training steps in the epoch after those. It may be all of its steps: then its
	// validation is next.
	Step     int
	Sums     algo.Metrics // of these steps
	Seconds  float64      // they took
	DataWait float64      // the part of Seconds that waited for streamed images
}

// Epoch returns the number of the epoch under way, or of the next one.
func (p Progress) Epoch() int { return len(p.Epochs) + 1 }

// Steps returns the number of training steps of the whole run so far.
func (p Progress) Steps() int {
	steps := p.Step
	for _, e := range p.Epochs {
		steps += e.Steps
	}
	return steps
}

// result returns the totals of the completed epochs.
func (p Progress) result() Result {
	r := Result{Epochs: append([]Epoch(nil), p.Epochs...), BestEpoch: p.BestEpoch, Steps: p.Steps()}
	for _, e := range p.Epochs {
		r.TrainImages += e.Train.Count
		r.Seconds += e.Seconds
		r.DataWait += e.DataWait
	}
	return r
}

// State is everything that a run needs to resume as if it had never stopped, to the same bits. The arenas are laid
// out as the network says; the contents of their padding do not matter.
type State struct {
	Progress
	Params    []float32
	Best      []float32   // the parameters of the best epoch; nil before the first validation
	Optimizer [][]float32 // the optimizer's arenas

	// Learned feedback, laid out as [algo.Rule.DrawFeedback] returns it, and the arenas of its optimizer, laid out alike.
	// Nil where the feedback is fixed.
	Feedback          []float32
	FeedbackOptimizer [][]float32
}

// Finite says whether no weight is NaN or infinite.
func Finite(weights []float32) bool {
	for _, x := range weights {
		if x-x != 0 {
			return false
		}
	}
	return true
}

// finite says whether x is a number.
func finite(x float64) bool { return x-x == 0 }

// diverged returns algo.ErrDiverged for a state that is not finite.
func (s State) diverged() error {
	at := fmt.Sprintf("epoch %d", len(s.Epochs))
	if s.Step > 0 {
		at = fmt.Sprintf("step %d of epoch %d", s.Step, s.Epoch())
	}
	if loss := s.Sums.Loss; !finite(loss) {
		return fmt.Errorf("the loss after %s is %g: try a smaller learning rate: %w", at, loss, algo.ErrDiverged)
	}
	if !Finite(s.Params) || !Finite(s.Feedback) {
		return fmt.Errorf("weights are NaN or infinite after %s: try a smaller learning rate: %w", at, algo.ErrDiverged)
	}
	return nil
}
