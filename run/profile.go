package run

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"mdfa/gpu"
	"mdfa/internal/figures"

	"github.com/dustin/go-humanize"
)

// profileSteps returns how many steps are measured: enough for times to settle on a GPU. The
// software GPU counts the same in each step.
func profileSteps(kind string) int {
	if kind == "emu" {
		return 2
	}
	return 100
}

// Profile is the content of profile.json. Bytes, operations and seconds are of one step.
// docs/gpu.md describes the fields; a change of their meaning raises Schema.
type Profile struct {
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
	Kernels            []ProfiledKernel `json:"kernels"`
	Total              ProfiledKernel   `json:"total"`
}

const profileSchema = 1

// ProfiledKernel is a row of the table. A figure that was not measured is null.
type ProfiledKernel struct {
	Kernel       string   `json:"kernel"`
	Launches     int      `json:"launches"`
	FloorRead    int64    `json:"floor_bytes_read"`
	FloorWritten int64    `json:"floor_bytes_written"`
	Read         *int64   `json:"bytes_read"`
	Written      *int64   `json:"bytes_written"`
	FLOPs        int64    `json:"flops"`
	Seconds      *float64 `json:"seconds"`
}

// NewProfile takes over the numbers of a device and adds them up. Fills and copies that the
// device does not count move the least bytes.
func NewProfile(m gpu.Profile) Profile {
	r := Profile{
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

func profiled(k gpu.KernelProfile, counted, timed bool) ProfiledKernel {
	row := ProfiledKernel{
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

// WriteTable writes the table: the bytes counted, or else the least that a kernel has to move,
// and where there are times, their share of the device's limits.
func (p *Profile) WriteTable(w io.Writer) {
	counted, timed := p.Total.Read != nil, p.Total.Seconds != nil
	head := []string{"kernel", "launches", "least read", "least written", "FLOPs"}
	if counted {
		head = []string{"kernel", "launches", "read", "written", "FLOPs", "least/moved"}
	}
	if timed {
		head = append(head, "time", "bandwidth", "arithmetic")
	}
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, strings.Join(head, "\t")+"\t")
	for _, k := range append(p.Kernels, p.Total) {
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
				ratio(float64(floor), *k.Seconds*p.PeakBytesPerSecond), ratio(float64(k.FLOPs), *k.Seconds*p.PeakFLOPS))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t")+"\t")
	}
	table.Flush()
}

// operations writes a count: "12.3 M".
func operations(n int64) string {
	if n == 0 {
		return "-"
	}
	return strings.TrimSpace(humanize.SIWithDigits(float64(n), 1, ""))
}

// ratio writes a share in percent, "-" of nothing.
func ratio(part, whole float64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*part/whole)
}
