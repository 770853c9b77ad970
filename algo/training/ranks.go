package training

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
)

// Group joins the ranks of a run ([algo.Ranks]): package ranks connects them. All ranks train on the same data with the same
// schedule, and so make the same calls in the same order. After an error none follows.
type Group interface {
	// Sum adds x up over all ranks, in place.
	Sum(ctx context.Context, x []float64) error
	// Gather returns the data of all ranks, by rank.
	Gather(ctx context.Context, data []byte) ([][]byte, error)
	// Progress says that this rank has submitted a step.
	Progress()
}

// alone is the group of a run without other ranks.
type alone struct{}

func (alone) Sum(context.Context, []float64) error { return nil }

func (alone) Gather(_ context.Context, data []byte) ([][]byte, error) { return [][]byte{data}, nil }

func (alone) Progress() {}

// part returns the examples that a rank scores.
func (d Data) part(r algo.Ranks, features int) Data {
	valid, test := r.Part(d.Valid.Len()), r.Part(d.Test.Len())
	d.Valid, d.Test = d.Valid.Part(valid.Off, valid.Len, features), d.Test.Part(test.Off, test.Len, features)
	return d
}

// local returns the examples of this rank: its part of each batch of an epoch.
func (t *Trainer) local(order []int32) []int32 {
	c := t.learner.Config()
	if !c.Ranks.Several() {
		return order
	}
	part := c.Ranks.Part(c.Batch)
	own := make([]int32, 0, len(order)/c.Batch*part.Len)
	for from := 0; from < len(order); from += c.Batch {
		own = append(own, order[from+part.Off:from+part.End()]...)
	}
	return own
}

// metrics waits for the device and returns the sums over all ranks.
func (t *Trainer) metrics(ctx context.Context) (algo.Metrics, error) {
	m, err := t.learner.Metrics()
	if err != nil {
		return algo.Metrics{}, err
	}
	return t.sum(ctx, m)
}

// sum adds metrics up over all ranks.
func (t *Trainer) sum(ctx context.Context, m algo.Metrics) (algo.Metrics, error) {
	slots := m.Slots()
	err := t.group.Sum(context.WithoutCancel(ctx), slots)
	return algo.MetricsOf(slots), err
}

// agreeEvery is the time between two questions of [agreement.ended], which each cost the ranks a message.
const agreeEvery = time.Second / 4

// agreement lets the ranks end at the same step when the context of one of them ends.
type agreement struct {
	next, last int // steps of the run: of the next question, and of the last one
	since      time.Time
}

// ended returns the error of a context that has ended, of any rank: all ranks get one after the same number of steps.
func (t *Trainer) ended(ctx context.Context, steps int) error {
	if !t.several() {
		return ctx.Err()
	}
	a := &t.agreement
	if steps < a.next {
		return nil
	}
	const ended, wait = 0, 1
	var x [2]float64
	if ctx.Err() != nil {
		x[ended] = 1
	}
	if t.learner.Config().Ranks.Rank == 0 { // whose clock counts for all
		x[wait] = 1
		if done := steps - a.last; done > 0 && !a.since.IsZero() {
			x[wait] = max(1, math.Floor(min(float64(2*done), float64(done)*agreeEvery.Seconds()/time.Since(a.since).Seconds())))
		}
	}
	if err := t.group.Sum(context.WithoutCancel(ctx), x[:]); err != nil {
		return err
	}
	*a = agreement{next: steps + int(x[wait]), last: steps, since: time.Now()}
	if x[ended] > 0 { // and not where ctx has ended since: the other ranks do not know that
		return fmt.Errorf("a rank was interrupted: %w", context.Canceled)
	}
	return nil
}

// several says whether there are other ranks.
func (t *Trainer) several() bool { return t.learner.Config().Ranks.Several() }

// undivided returns a context for work in which only a run without other ranks may be interrupted.
func (t *Trainer) undivided(ctx context.Context) context.Context {
	if t.several() {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// gathered returns a function that keeps the logits of this rank's part of a set, and one that gathers those of all
// ranks and hands them to yield.
func (t *Trainer) gathered(ctx context.Context, yield func(first int, logits []float32) error) (keep func(int, []float32) error, hand func() error) {
	var own []byte
	keep = func(_ int, logits []float32) (err error) {
		own, err = binary.Append(own, binary.LittleEndian, logits)
		return err
	}
	return keep, func() error {
		parts, err := t.group.Gather(ctx, own)
		if err != nil {
			return err
		}
		first := 0
		for _, part := range parts {
			logits := make([]float32, len(part)/gpu.Float32.Size())
			if _, err := binary.Decode(part, binary.LittleEndian, logits); err != nil {
				return err
			}
			if err := yield(first, logits); err != nil {
				return err
			}
			first += len(logits) / t.learner.Network().Logits
		}
		return nil
	}
}
