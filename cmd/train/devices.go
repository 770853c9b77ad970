package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

// deviceEntry is one kind of device that -device can name. Builds add theirs through
// gpuDevices, in a file of their own build tag.
type deviceEntry struct {
	name string
	// auto says that -device auto tries it; the entries are tried in their order.
	auto bool
	// open starts the device. unit is what follows the colon in "cuda:1", or "".
	open func(unit string, o gpuOptions) (gpu.Device, error)
	// describe returns the lines of -devices, each as its columns. The first column names
	// the device as -device takes it.
	describe func() [][]string
}

// gpuOptions are the flags that only GPUs take, the software one among them.
type gpuOptions struct{ sync, tf32 bool }

// onGPU says whether a device of the kind takes gpuOptions and can be profiled.
func onGPU(kind string) bool { return kind == "cuda" || kind == "emu" }

// deviceTable lists the kinds of devices, in the order in which auto tries them.
func deviceTable() []deviceEntry {
	table := gpuDevices()
	host := deviceEntry{
		name: "cpu", auto: true,
		open: func(unit string, _ gpuOptions) (gpu.Device, error) {
			if unit != "" {
				return nil, usagef("-device cpu:%s: there is one cpu; write -device cpu.", unit)
			}
			return cpu.Open(), nil
		},
		describe: func() [][]string {
			dev := cpu.Open()
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

func deviceNames() []string {
	names := []string{"auto"}
	for _, d := range deviceTable() {
		names = append(names, d.name)
	}
	return names
}

// absentError says that a kind of device cannot be had here.
type absentError struct {
	reason string // what was looked for, and what was found
	remedy string // what to install or to build
}

func (e absentError) Error() string { return e.reason + "; " + e.remedy }

// openDevice starts the device that was asked for. With auto it also returns why the
// better ones were passed over, or "".
func openDevice(asked string, o gpuOptions) (dev gpu.Device, passed string, err error) {
	table := deviceTable()
	if asked == "auto" {
		return openFirst(table, o)
	}
	kind, unit, colon := strings.Cut(asked, ":")
	i := slices.IndexFunc(table, func(d deviceEntry) bool { return d.name == kind })
	switch {
	case i < 0:
		return nil, "", usagef("-device %q: unknown; there are %s.", asked, strings.Join(deviceNames(), ", "))
	case colon && unit == "":
		return nil, "", usagef("-device %s: a number is missing behind the colon.", asked)
	}
	dev, err = table[i].open(unit, o)
	if err != nil && !errors.Is(err, errUsage) {
		err = fmt.Errorf("-device %s: %w", asked, err)
	}
	return dev, "", err
}

// openFirst starts the first device that auto may take and that works. What it passes
// over it names in one clause: what to do about it is for those who ask for it by name.
func openFirst(table []deviceEntry, o gpuOptions) (dev gpu.Device, passed string, err error) {
	var reasons []string
	for _, d := range table {
		if !d.auto {
			continue
		}
		if dev, err = d.open("", o); err == nil {
			return dev, strings.Join(reasons, "; "), nil
		}
		var absent absentError
		if errors.As(err, &absent) {
			reasons = append(reasons, absent.reason)
		} else {
			reasons = append(reasons, d.name+": "+strings.TrimSuffix(sentence(err), "."))
		}
	}
	return nil, "", fmt.Errorf("-device auto: no device can be used: %s", strings.Join(reasons, "; "))
}

// listDevices prints what -devices shows: a line for each device of this machine.
func listDevices(out *console) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range deviceTable() {
		for _, columns := range d.describe() {
			fmt.Fprintln(table, strings.Join(columns, "\t"))
		}
	}
	table.Flush()
}

// checkGPUFlags refuses flags that the device named in -device does not know, before it
// is opened. With auto that shows later: see [plan.settle].
func (p *plan) checkGPUFlags() error {
	kind, _, _ := strings.Cut(p.device, ":")
	if kind == "auto" || onGPU(kind) {
		return nil
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{p.sync, "sync"}, {p.tf32, "tf32"}, {p.profile, "profile"}} {
		if f.on {
			return usagef("-%s goes with -device cuda and emu only: leave it out, or name one of them.", f.name)
		}
	}
	return nil
}

// settle looks at the flags again once auto has chosen. What a GPU would only do faster
// or more carefully is noted; a profile that cannot be made is a mistake.
func (p *plan) settle(chosen gpu.Info) error {
	if onGPU(chosen.Kind) {
		return nil
	}
	if p.profile {
		return usagef("-profile goes with -device cuda and emu only, and -device auto has come to %s: leave it out, or name one of them.", chosen.Kind)
	}
	if p.sync {
		p.notes = append(p.notes, "-sync is ignored: "+chosen.Kind+" does one thing after the other anyway")
	}
	if p.tf32 {
		p.notes = append(p.notes, "-tf32 is ignored: "+chosen.Kind+" multiplies in full float32")
	}
	return nil
}
