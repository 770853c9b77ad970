package bench

import (
	"context"
	"math"
	"slices"
	"time"
)

// burstTime is the time between two waits for a GPU. A wait takes some ten
// microseconds, and a training run does not wait.
const burstTime = 5 * time.Millisecond

// warmUpPart is the warm-up's share of a cell's time, as a divisor: libraries choose their
// algorithms, clocks rise, memory is touched for the first time.
const warmUpPart = 5

// timer times steps, or products, in windows.
type timer struct {
	ctx context.Context // ends the timing between two bursts
	// begin prepares n runs and returns how many of them are possible.
	begin func(n int) (int, error)
	// run does n runs and waits for the end.
	run func(n int) error
	// most is the longest burst. A shorter burst divides it into equal parts.
	most int

	burst   int
	samples []float64
	windows []float64
}

// sample times a burst.
func (t *timer) sample() (float64, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := t.begin(t.burst)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := t.run(n); err != nil {
		return 0, err
	}
	return time.Since(start).Seconds() / float64(n), nil
}

// warm does at least two runs and fills the time, then chooses the length of bursts
// by their speed.
func (t *timer) warm(total time.Duration, bursts bool) error {
	t.burst = 1
	fastest := 0.0
	for i, end := 0, time.Now().Add(total); i < 2 || time.Now().Before(end); i++ {
		seconds, err := t.sample()
		if err != nil {
			return err
		}
		if i == 0 || seconds < fastest {
			fastest = seconds
		}
	}
	if bursts && fastest > 0 {
		t.burst = part(t.most, burstTime.Seconds()/fastest)
	}
	return nil
}

// part returns a number near n, at least 1, of which whole is (almost) a multiple.
func part(whole int, n float64) int {
	n = min(float64(whole), max(1, n))
	return whole / int(math.Ceil(float64(whole)/n))
}

// window takes samples for some time, at least one.
func (t *timer) window(total time.Duration) error {
	first := len(t.samples)
	for end := time.Now().Add(total); len(t.samples) == first || time.Now().Before(end); {
		seconds, err := t.sample()
		if err != nil {
			return err
		}
		t.samples = append(t.samples, seconds)
	}
	t.windows = append(t.windows, quantile(slices.Clone(t.samples[first:]), 0.5))
	return nil
}

func (t *timer) timing() timing {
	return timing{
		Median: quantile(t.samples, 0.5), P95: quantile(t.samples, 0.95),
		Windows: t.windows, RunsPerSample: t.burst, Samples: len(t.samples),
	}
}

// measure alternates short windows of steps, of products and of the cell's peer, so that a drift of the machine's
// speed affects all alike. products is zero if the cell has none, peer likewise; otherwise it is the peer's median step.
func (c *cell) measure(ctx context.Context, total time.Duration, windows int) (steps, products timing, peer float64, err error) {
	timers := []*timer{{ctx: ctx, begin: c.begin, run: c.steps, most: c.trainer.Steps()}}
	if c.products != nil {
		timers = append(timers, &timer{ctx: ctx, begin: func(n int) (int, error) { return n, nil }, run: c.multiply, most: c.trainer.Steps()})
	}
	part := total / time.Duration(windows)
	var peers []float64
	if c.peer != nil { // it has warmed up when it answers
		if _, err := c.peer.window(part); err != nil {
			return steps, products, 0, err
		}
	}
	bursts := c.dev.Info().Kind == "cuda"
	for _, t := range timers {
		if err := t.warm(total/warmUpPart, bursts); err != nil {
			return steps, products, 0, err
		}
	}
	for range windows {
		for _, t := range timers {
			if err := t.window(part); err != nil {
				return steps, products, 0, err
			}
		}
		if c.peer != nil {
			seconds, err := c.peer.window(part)
			if err != nil {
				return steps, products, 0, err
			}
			peers = append(peers, seconds)
		}
	}
	if c.peer != nil {
		peer = quantile(peers, 0.5)
	}
	if c.products != nil {
		products = timers[1].timing()
	}
	return timers[0].timing(), products, peer, nil
}

// quantile returns the q-quantile of the values, and sorts them.
func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}
