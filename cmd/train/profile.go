package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/figures"
	"mdfa/model"
	"mdfa/run/folder"
)

// profileSteps is how many steps are measured: enough for times to settle on a GPU. A
// software GPU counts, and counts the same each time.
func profileSteps(kind string) int {
	if kind == "emu" {
		return 2
	}
	return 100
}

// profileReport is profile.json. Bytes, operations and seconds are of one step.
// docs/gpu.md describes the fields; a change of their meaning raises Schema.
type profileReport struct {
	Schema             int              `json:"schema"`
	Device             string           `json:"device"`
	DeviceDetail       string           `json:"device_detail"`
	Model              string           `json:"model"`
	Network            string           `json:"network"`
	BatchSize          int              `json:"batch_size"`
	Steps              int              `json:"steps"`
	DataWaitShare      float64          `json:"data_wait_share"` // of the run before, in which training waited for images
	PeakBytesPerSecond float64          `json:"peak_bytes_per_second"`
	PeakFLOPS          float64          `json:"peak_flops"`
	Kernels            []profiledKernel `json:"kernels"`
	Total              profiledKernel   `json:"total"`
}

const profileSchema = 1

// profiledKernel is a row of the table. What was not measured is null.
type profiledKernel struct {
	Kernel       string   `json:"kernel"`
	Launches     int      `json:"launches"`
	FloorRead    int64    `json:"floor_bytes_read"`
	FloorWritten int64    `json:"floor_bytes_written"`
	Read         *int64   `json:"bytes_read"`
	Written      *int64   `json:"bytes_written"`
	FLOPs        int64    `json:"flops"`
	Seconds      *float64 `json:"seconds"`
}

// profile measures the recorded training step, prints it and writes it to the run's
// folder. The weights go on changing meanwhile: nothing may ask for them afterwards.
func profile(t *algo.Trainer, p *plan, net *model.Network, dev gpu.Info, done algo.Result, run *folder.Writer, out *console) error {
	measured, err := t.Profile(profileSteps(dev.Kind))
	if err != nil {
		return fmt.Errorf("-profile: %w", err)
	}
	r := newProfileReport(measured)
	r.Device, r.DeviceDetail = dev.Name, dev.Detail
	r.Model, r.Network, r.BatchSize = p.config.Rule.String(), net.String(), p.BatchSize
	r.DataWaitShare = done.DataWait / max(done.Seconds, 1e-9)
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("-profile: %w", err)
	}
	if err := run.WriteProfile(append(text, '\n')); err != nil {
		return err
	}
	if out.json {
		out.event("profile", r)
		return nil
	}
	out.line("")
	out.line(out.label("profile") + fmt.Sprintf("a training step, by kernel (mean of %d, %s)",
		r.Steps, filepath.Join(run.Dir(), folder.ProfileFile)))
	r.print(out)
	out.line(out.label("data") + figures.Percent(r.DataWaitShare, 2) + " of the training time was spent waiting for images")
	return nil
}

// newProfileReport takes over the numbers and adds them up. Fills and copies that the
// device does not count move just the bytes that they have to.
func newProfileReport(m gpu.Profile) profileReport {
	r := profileReport{
		Schema: profileSchema, Steps: m.Steps,
		PeakBytesPerSecond: m.PeakBytesPerSecond, PeakFLOPS: m.PeakFLOPS,
	}
	counted, timed := false, false
	for _, k := range m.Kernels {
		counted = counted || k.Read > 0 || k.Written > 0
		timed = timed || k.Seconds > 0
	}
	sum := gpu.KernelProfile{Kernel: "total"}
	for _, k := range m.Kernels {
		if counted && k.Read == 0 && k.Written == 0 {
			k.Read, k.Written = k.FloorRead, k.FloorWritten
		}
		r.Kernels = append(r.Kernels, profiled(k, counted, timed))
		sum.Launches += k.Launches
		sum.FloorRead += k.FloorRead
		sum.FloorWritten += k.FloorWritten
		sum.Read += k.Read
		sum.Written += k.Written
		sum.FLOPs += k.FLOPs
		sum.Seconds += k.Seconds
	}
	r.Total = profiled(sum, counted, timed)
	return r
}

func profiled(k gpu.KernelProfile, counted, timed bool) profiledKernel {
	row := profiledKernel{
		Kernel: k.Kernel, Launches: k.Launches,
		FloorRead: k.FloorRead, FloorWritten: k.FloorWritten, FLOPs: k.FLOPs,
	}
	if counted {
		row.Read, row.Written = &k.Read, &k.Written
	}
	if timed {
		row.Seconds = &k.Seconds
	}
	return row
}

// print writes the table: what was counted, or else the least that a kernel has to move,
// and where there are times, how near they come to the device's limits.
func (r profileReport) print(out *console) {
	counted, timed := r.Total.Read != nil, r.Total.Seconds != nil
	head := []string{"kernel", "launches", "least read", "least written", "FLOPs"}
	if counted {
		head = []string{"kernel", "launches", "read", "written", "FLOPs", "least/moved"}
	}
	if timed {
		head = append(head, "time", "bandwidth", "arithmetic")
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, strings.Join(head, "\t")+"\t")
	for _, k := range append(r.Kernels, r.Total) {
		floor := k.FloorRead + k.FloorWritten
		read, written := k.FloorRead, k.FloorWritten
		if counted {
			read, written = *k.Read, *k.Written
		}
		cells := []string{
			k.Kernel, figures.Count(k.Launches), humanize.Bytes(uint64(read)), humanize.Bytes(uint64(written)), operations(k.FLOPs),
		}
		if counted {
			cells = append(cells, ratio(float64(floor), float64(read+written)))
		}
		if timed {
			cells = append(cells, fmt.Sprintf("%.1f µs", 1e6**k.Seconds),
				ratio(float64(floor), *k.Seconds*r.PeakBytesPerSecond), ratio(float64(k.FLOPs), *k.Seconds*r.PeakFLOPS))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	}
	table.Flush()
}

// operations is "12.3 M".
func operations(n int64) string {
	if n == 0 {
		return "-"
	}
	return strings.TrimSpace(humanize.SIWithDigits(float64(n), 1, ""))
}

// ratio is a share in percent, "-" where nothing can be said.
func ratio(part, whole float64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*part/whole)
}
