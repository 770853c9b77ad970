package softgpu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"mdfa/softgpu/vm"
)

// Options choose the GPU that a [Machine] imitates, and the faults that happen on it.
type Options struct {
	Devices         int    // how many there are
	SM              int    // compute capability, 70 for 7.0
	Driver          int    // the CUDA version that the driver speaks, 12000 for 12.0
	Multiprocessors int    // of each device
	Memory          uint64 // bytes of each device
	Seed            uint64 // of the order of warps, blocks, streams and graph nodes; 0 is the natural one
	Workers         int    // goroutines of a launch; 0: as many as there are processors
	RankLimit       int    // seconds in which all ranks must come to a sum over ranks
	QueueDepth      int    // kernels and copies that wait in queues before the host is made to wait

	// Faults to order, each counted from 1; 0 for no fault.
	FailAlloc  int // this allocation answers "out of memory"; everything that takes device or pinned memory counts
	FailLaunch int // this kernel or product fails when it runs
	LoseDevice int // the device is lost when this kernel or product would run
}

// DefaultOptions imitate the oldest GPU and driver that the engine supports: compute
// capability 7.0 under a driver for CUDA 12.0.
func DefaultOptions() Options {
	lim := vm.DefaultLimits()
	return Options{
		Devices: 1, SM: lim.SM, Driver: lim.Driver, Multiprocessors: lim.Multiprocessors,
		Memory: 4 << 30, QueueDepth: 64, RankLimit: 60,
	}
}

// limits are the options as the interpreter takes them.
func (o Options) limits() vm.Limits {
	lim := vm.DefaultLimits()
	lim.SM, lim.Driver, lim.Multiprocessors = o.SM, o.Driver, o.Multiprocessors
	return lim
}

// ParseOptions reads options as the environment variable MDFA_EMU has them, over the
// defaults: "seed=7,memory=512MiB,sm=90,driver=12090,fail_alloc=3". Sizes have the
// units of github.com/dustin/go-humanize. An empty text is the defaults.
func ParseOptions(text string) (Options, error) {
	o := DefaultOptions()
	numbers := map[string]struct {
		to    *int
		least int
	}{
		"devices": {&o.Devices, 1}, "sm": {&o.SM, 50}, "driver": {&o.Driver, 9000}, "multiprocessors": {&o.Multiprocessors, 1},
		"workers": {&o.Workers, 0}, "queue": {&o.QueueDepth, 1}, "rank_limit": {&o.RankLimit, 1},
		"fail_alloc": {&o.FailAlloc, 0}, "fail_launch": {&o.FailLaunch, 0}, "lose_device": {&o.LoseDevice, 0},
	}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		var err error
		switch number, ok := numbers[name]; {
		case ok:
			var n int64
			if n, err = strconv.ParseInt(value, 10, 32); err == nil && int(n) < number.least {
				err = fmt.Errorf("at least %d is expected", number.least)
			}
			*number.to = int(n)
		case name == "memory":
			o.Memory, err = humanize.ParseBytes(value)
		case name == "seed":
			o.Seed, err = strconv.ParseUint(value, 10, 64)
		default:
			known := []string{"memory", "seed"}
			for n := range numbers {
				known = append(known, n)
			}
			slices.Sort(known)
			return Options{}, fmt.Errorf("softgpu: options: %q is unknown; there are %s", name, strings.Join(known, ", "))
		}
		if err != nil {
			return Options{}, fmt.Errorf("softgpu: options: %s: %w", part, err)
		}
	}
	return o, nil
}
