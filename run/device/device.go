// Package device opens devices by the names that -device takes: the cpu, and with the build
// tag cuda NVIDIA's GPUs and the software GPU.
package device

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/internal/wording"
	"mdfa/ranks"
	"mdfa/run/settings"
)

// entry is one kind of device that -device can name. Builds add theirs through
// gpuDevices, in a file with a build tag.
type entry struct {
	name string
	// auto says that -device auto tries it; the entries are tried in their order.
	auto bool
	// absent says that this build cannot open it.
	absent bool
	// open starts the device. unit is the text after the colon in "cuda:1", or "".
	open func(unit string, o Options) (gpu.Device, error)
	// describe returns the lines of -devices, each as its columns. The first column names
	// the device as -device takes it.
	describe func() [][]string
}

// Options are the options of devices. Sync and TF32 are those of GPUs, including the software GPU.
type Options struct {
	Sync bool // wait after every kernel, so that an error names it
	TF32 bool // products by tensor cores, factors rounded to 10 bits

	Workers int // processors that the cpu device uses; 0: all that Go may use. Results do not depend on it

	Ranks *ranks.Group // whose devices add up together; nil: there is one
}

// OnGPU says whether a device of the kind (gpu.Info) takes Sync and TF32 and can be profiled.
func OnGPU(kind string) bool { return kind == "cuda" || kind == "emu" }

// Kind returns the kind in a device's name: cuda in cuda:1.
func Kind(name string) string {
	kind, _, _ := strings.Cut(name, ":")
	return kind
}

// kinds lists the kinds of devices, in the order in which auto tries them.
func kinds() []entry {
	table := gpuDevices()
	host := entry{
		name: "cpu", auto: true,
		open: func(unit string, o Options) (gpu.Device, error) {
			if unit != "" {
				return nil, wording.Usagef("-device cpu:%s: there is one cpu; write -device cpu.", unit)
			}
			library, err := blas.Find()
			if err != nil {
				return nil, wording.Usagef("%v: name an OpenBLAS library's file, or gonum, or leave the variable out.", err)
			}
			options := cpu.Options{BLAS: library, Workers: o.Workers}
			if o.Ranks.Several() {
				if _, err := o.Ranks.MPI(); err != nil {
					return nil, err
				}
				options.AllReduce = o.Ranks.AllReduce
				if options.Workers == 0 && runtime.GOMAXPROCS(0) == runtime.NumCPU() && !bound() {
					options.Workers = max(1, runtime.NumCPU()/o.Ranks.LocalSize())
				}
			}
			return cpu.OpenWith(options), nil
		},
		describe: func() [][]string {
			library, err := blas.Find()
			if err != nil {
				return [][]string{{"cpu", "none: " + err.Error()}}
			}
			dev := cpu.OpenWith(cpu.Options{BLAS: library})
			defer func() { _ = dev.Close() }() // nothing was put on it
			return [][]string{{"cpu", dev.Info().Detail}}
		},
	}
	// Behind the GPUs that auto tries, before those that it does not.
	i := len(table)
	for i > 0 && !table[i-1].auto {
		i--
	}
	return slices.Insert(table, i, host)
}

// Kinds names the kinds of devices that are part of this build.
func Kinds() []string {
	var names []string
	for _, d := range kinds() {
		if !d.absent {
			names = append(names, d.name)
		}
	}
	return names
}

// absentError says that a kind of device cannot be had here.
type absentError struct {
	reason string // what was looked for, and what was found
	remedy string // what to install or to build
}

func (e absentError) Error() string { return e.reason + "; " + e.remedy }

// Open starts the device that was asked for. With auto it also returns why the
// better ones were skipped, or "".
func Open(asked string, o Options) (dev gpu.Device, skipped string, err error) {
	table := kinds()
	if asked == "auto" {
		return openFirst(table, o)
	}
	kind, unit, colon := strings.Cut(asked, ":")
	i := slices.IndexFunc(table, func(d entry) bool { return d.name == kind })
	switch {
	case i < 0:
		return nil, "", wording.Usagef("-device %q: unknown; there are %s.", asked, strings.Join(settings.Devices, ", "))
	case colon && unit == "":
		return nil, "", wording.Usagef("-device %s: a number is missing behind the colon.", asked)
	}
	dev, err = table[i].open(unit, o)
	if err != nil && !errors.Is(err, wording.ErrUsage) {
		err = fmt.Errorf("-device %s: %w", asked, err)
	}
	return dev, "", err
}

// openFirst starts the first device that auto may take and that works. It names each device that
// it skips in one clause; the remedy is for those who ask for that device by name.
func openFirst(table []entry, o Options) (dev gpu.Device, skipped string, err error) {
	var reasons []string
	for _, d := range table {
		if !d.auto {
			continue
		}
		dev, err = d.open("", o)
		if err == nil {
			return dev, strings.Join(reasons, "; "), nil
		}
		if errors.Is(err, wording.ErrUsage) {
			return nil, "", err
		}
		var absent absentError
		if errors.As(err, &absent) {
			reasons = append(reasons, absent.reason)
		} else {
			reasons = append(reasons, d.name+": "+wording.Clause(err))
		}
	}
	return nil, "", fmt.Errorf("-device auto: no device can be used: %s", strings.Join(reasons, "; "))
}

// Describe returns a line for each device of this machine, as its columns. The first
// column names the device as -device takes it.
func Describe() (lines [][]string) {
	for _, d := range kinds() {
		lines = append(lines, d.describe()...)
	}
	return lines
}

// GPUs returns the names of the NVIDIA GPUs that can be used.
func GPUs() (names []string) {
	for _, d := range kinds() {
		if d.name != "cuda" {
			continue
		}
		for _, line := range d.describe() {
			if strings.Contains(line[0], ":") {
				names = append(names, line[0])
			}
		}
	}
	return names
}
