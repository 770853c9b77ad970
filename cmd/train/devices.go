package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/run/device"
)

// listDevices prints what -devices shows: a line for each device of this machine.
func listDevices(out *console) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, columns := range device.Describe() {
		fmt.Fprintln(table, strings.Join(columns, "\t"))
	}
	table.Flush()
	for line := range strings.Lines(text.String()) {
		const indent = 6 // the width of a device's name
		fmt.Fprintln(out, cli.Hang(strings.TrimSuffix(line, "\n"), indent, cli.Columns(out.file)))
	}
}

// checkGPUFlags refuses flags that the device named in -device does not know, before it
// is opened. With auto that shows later: see [plan.settle].
func (p *plan) checkGPUFlags() error {
	kind, _, _ := strings.Cut(p.Device, ":")
	if kind == "auto" || device.OnGPU(kind) {
		return nil
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{p.Sync, "sync"}, {p.TF32, "tf32"}, {p.Profile, "profile"}} {
		if f.on {
			return usagef("-%s goes with -device cuda and emu only: leave it out, or name one of them.", f.name)
		}
	}
	return nil
}

// settle looks at the flags again once auto has chosen. What a GPU would only do faster
// or more carefully is noted; a profile that cannot be made is a mistake.
func (p *plan) settle(chosen gpu.Info) error {
	if device.OnGPU(chosen.Kind) {
		return nil
	}
	if p.Profile {
		return usagef("-profile goes with -device cuda and emu only, and -device auto has come to %s: leave it out, or name one of them.", chosen.Kind)
	}
	if p.Sync {
		p.notes = append(p.notes, "-sync is ignored: "+chosen.Kind+" does one thing after the other anyway")
	}
	if p.TF32 {
		p.notes = append(p.notes, "-tf32 is ignored: "+chosen.Kind+" multiplies in full float32")
	}
	return nil
}
