package bench

import (
	"fmt"

	"mdfa/gpu"
)

const (
	// launchSeconds is the assumed least time between the starts of a graph's kernel and of
	// a kernel that depends on it. No datasheet states it; 1 to 2 µs are usual.
	launchSeconds = 1e-6
	// launchStreams is the largest number of streams of a recorded step, and so of
	// launches that can begin at the same time.
	launchStreams = 4
)

// Limits of a step.
const (
	byArithmetic = "arithmetic"
	byMemory     = "memory"
	byLaunches   = "launches"
)

// bound is a lower bound for the time of a step on a GPU, not a measurement or an
// estimate. It is the largest of three times that overlap completely at best.
type bound struct {
	key
	GPU                string  `json:"gpu"`
	Launches           int     `json:"launches"`
	FLOPs              int64   `json:"flops"`
	FloorBytes         int64   `json:"floor_bytes"`
	ArithmeticSeconds  float64 `json:"arithmetic_seconds"`
	MemorySeconds      float64 `json:"memory_seconds"`          // of the traffic beyond the L2 cache
	UncachedSeconds    float64 `json:"memory_uncached_seconds"` // if nothing stayed in L2; not part of the bound
	LaunchSeconds      float64 `json:"launch_seconds"`
	Seconds            float64 `json:"least_step_seconds"`
	MostImagesASecond  float64 `json:"most_images_per_second"`
	Limit              string  `json:"limit"`
	ArithmeticInTF32   bool    `json:"tf32"`
	AssumedLaunchDelay float64 `json:"assumed_launch_seconds"`
}

// bounds counts a step of the cell and bounds its time on each card.
func (c *cell) bounds(on []card, tf32 bool) ([]bound, error) {
	p, err := c.trainer.Profile(1)
	if err != nil {
		return nil, err
	}
	var list []bound
	for _, card := range on {
		b := newBound(p, card, tf32)
		b.key = c.key()
		b.MostImagesASecond = float64(c.batch) / b.Seconds
		list = append(list, b)
	}
	return list, nil
}

// newBound adds up the kernels of a step.
//
// A launch finds at most a full L2 cache of its input there, and leaves at most a full
// cache of its output. Only the traffic beyond that has to pass through device memory.
func newBound(p gpu.Profile, on card, tf32 bool) bound {
	b := bound{GPU: on.name, ArithmeticInTF32: tf32, AssumedLaunchDelay: launchSeconds}
	var vector, matrix, beyond float64
	for _, k := range p.Kernels {
		b.Launches += k.Launches
		b.FLOPs += k.FLOPs
		b.FloorBytes += k.FloorRead + k.FloorWritten
		if k.Kernel == "sgemm" {
			matrix += float64(k.FLOPs)
		} else {
			vector += float64(k.FLOPs)
		}
		cached := float64(k.Launches) * on.cacheBytes
		beyond += max(0, float64(k.FloorRead)-cached) + max(0, float64(k.FloorWritten)-cached)
	}
	b.ArithmeticSeconds = (matrix + vector) / on.flops
	if tf32 && on.tf32FLOPS > on.flops { // tensor cores work beside the other units
		b.ArithmeticSeconds = max(matrix/on.tf32FLOPS, vector/on.flops)
	}
	b.MemorySeconds = beyond / on.bytesPerSecond
	b.UncachedSeconds = float64(b.FloorBytes) / on.bytesPerSecond
	b.LaunchSeconds = launchSeconds * float64((b.Launches+launchStreams-1)/launchStreams)
	for _, term := range []struct {
		seconds float64
		limit   string
	}{{b.ArithmeticSeconds, byArithmetic}, {b.MemorySeconds, byMemory}, {b.LaunchSeconds, byLaunches}} {
		if term.seconds > b.Seconds {
			b.Seconds, b.Limit = term.seconds, term.limit
		}
	}
	return b
}

// boundNote is printed above every table of bounds.
var boundNote = fmt.Sprintf("Least time of a step by arithmetic, by memory beyond the L2 cache, and by launches (%.0f µs each, %d at a time): "+
	"a bound from published peak rates, not a measurement. Real steps take longer.", 1e6*launchSeconds, launchStreams)
