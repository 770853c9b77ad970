package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"mdfa/internal/figures"
	"mdfa/run"
)

// print writes the table: what was counted, or else the least that a kernel has to move,
// and where there are times, how near they come to the device's limits.
func (c *console) printProfile(r *run.Profile) {
	counted, timed := r.Total.Read != nil, r.Total.Seconds != nil
	head := []string{"kernel", "launches", "least read", "least written", "FLOPs"}
	if counted {
		head = []string{"kernel", "launches", "read", "written", "FLOPs", "least/moved"}
	}
	if timed {
		head = append(head, "time", "bandwidth", "arithmetic")
	}
	table := tabwriter.NewWriter(c, 0, 0, 3, ' ', tabwriter.AlignRight)
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
