package main

import (
	"context"
	"math"
	"slices"
	"time"
)

// burstTime is how long a GPU works between two waits of the host: a wait costs some ten
// microseconds, which a training run, that never waits, does not pay.
const burstTime = 5 * time.Millisecond

// warmUpPart of the time of a cell is spent before anything counts: libraries choose their
// algorithms, clocks rise, memory is touched for the first time.
const warmUpPart = 5

// timer measures one thing in windows.
type timer struct {
	ctx context.Context // ends it between two bursts
	// begin makes ready for n runs and says how many of them there can be.
	begin func(n int) (int, error)
	// run runs the thing n times and waits for the end.
	run func(n int) error
	// most is the longest burst. Shorter ones are equal parts of it.
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

// warm runs the thing at least twice and for a while, then chooses the length of bursts
// by its speed.
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

// part is about n, and at least 1, so that whole is a multiple of it, or nearly.
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

// measure takes turns between steps and products in short windows, so that a machine
// whose speed drifts slows both alike. products are zero where the cell has none.
func (c *cell) measure(ctx context.Context, total time.Duration, windows int) (steps, products timing, err error) {
	timers := []*timer{{ctx: ctx, begin: c.begin, run: c.steps, most: c.trainer.Steps()}}
	if c.products != nil {
		timers = append(timers, &timer{ctx: ctx, begin: func(n int) (int, error) { return n, nil }, run: c.multiply, most: c.trainer.Steps()})
	}
	bursts := c.dev.Info().Kind == "cuda"
	for _, t := range timers {
		if err := t.warm(total/warmUpPart, bursts); err != nil {
			return timing{}, timing{}, err
		}
	}
	for range windows {
		for _, t := range timers {
			if err := t.window(total / time.Duration(windows)); err != nil {
				return timing{}, timing{}, err
			}
		}
	}
	if c.products != nil {
		products = timers[1].timing()
	}
	return timers[0].timing(), products, nil
}

// quantile sorts the values.
func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}
