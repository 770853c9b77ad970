package main

import (
	"fmt"
	"slices"
	"strings"

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
	open func(unit string) (gpu.Device, error)
	// describe returns the lines of -devices.
	describe func() []string
}

// deviceTable lists the kinds of devices, the fastest first.
func deviceTable() []deviceEntry {
	return append(gpuDevices(), deviceEntry{
		name: "cpu", auto: true,
		open: func(unit string) (gpu.Device, error) {
			if unit != "" {
				return nil, usagef("-device cpu:%s: there is one cpu; write -device cpu.", unit)
			}
			return cpu.Open(), nil
		},
		describe: func() []string {
			dev := cpu.Open()
			defer func() { _ = dev.Close() }() // nothing was put on it
			return []string{dev.Info().Detail}
		},
	})
}

func deviceNames() []string {
	names := []string{"auto"}
	for _, d := range deviceTable() {
		names = append(names, d.name)
	}
	return names
}

// openDevice starts the device that was asked for. With auto it also returns why the
// better ones were passed over, or "".
func openDevice(asked string) (dev gpu.Device, passed string, err error) {
	table := deviceTable()
	if asked == "auto" {
		var reasons []string
		for _, d := range table {
			if !d.auto {
				continue
			}
			if dev, err = d.open(""); err == nil {
				return dev, strings.Join(reasons, "; "), nil
			}
			reasons = append(reasons, strings.TrimSuffix(sentence(err), "."))
		}
		return nil, "", fmt.Errorf("-device auto: no device can be used: %s", strings.Join(reasons, "; "))
	}
	kind, unit, _ := strings.Cut(asked, ":")
	i := slices.IndexFunc(table, func(d deviceEntry) bool { return d.name == kind })
	if i < 0 {
		return nil, "", usagef("-device %q: unknown; there are %s.", asked, strings.Join(deviceNames(), ", "))
	}
	dev, err = table[i].open(unit)
	return dev, "", err
}

// listDevices prints what -devices shows: a line for each device of this machine.
func listDevices(out *console) {
	for _, d := range deviceTable() {
		for _, line := range d.describe() {
			out.line(fmt.Sprintf("%-7s %s", d.name, line))
		}
	}
}
