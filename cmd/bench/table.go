package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/disk"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/nvml"
)

// grid is a table: a note above it, the names of the columns, and rows. The first textual
// columns hold words, the others numbers.
type grid struct {
	note    string
	textual int
	head    []string
	rows    [][]string
}

// print aligns the columns for a terminal.
func (g grid) print(out io.Writer) {
	if g.note != "" {
		fmt.Fprintf(out, "%s\n\n", g.note)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range append([][]string{g.head}, g.rows...) {
		for i, cell := range row {
			row[i] = foreign.Line(cell)
		}
		fmt.Fprintln(table, strings.Join(row, "\t")+"\t")
	}
	table.Flush()
}

// markdown writes the table for documents.
func (g grid) markdown(out io.Writer) {
	if g.note != "" {
		fmt.Fprintf(out, "%s\n\n", g.note)
	}
	line := func(cells []string) { fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | ")) }
	line(g.head)
	rule := make([]string, len(g.head))
	for i := range rule {
		rule[i] = "---:"
		if i < g.textual {
			rule[i] = "---"
		}
	}
	line(rule)
	for _, row := range g.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		line(cells)
	}
}

// header describes machine and program, a label and a text for each line.
func (r *report) header() [][2]string {
	device := r.Device.Name
	if r.Device.Detail != "" {
		device += ", " + r.Device.Detail
	}
	processor := fmt.Sprintf("%d threads", r.CPU.Threads)
	if r.CPU.Name != "" {
		processor = r.CPU.Name + ", " + processor
	}
	lines := [][2]string{
		{"device", fmt.Sprintf("%s · opened in %.0f ms", device, 1e3*r.Device.OpenSeconds)},
		{"machine", fmt.Sprintf("%s · %s · %s/%s", processor, r.Go, r.OS, r.Arch)},
		{"program", fmt.Sprintf("bench %s · %s", r.Version, r.Created.Format("2006-01-02 15:04 UTC"))},
		{"training", fmt.Sprintf("%s, %s math, made-up %s data", r.Optimizer, r.Math, r.Data)},
	}
	if text := cardText(r.Device.Card); text != "" {
		lines = append(lines, [2]string{"card", text})
	}
	if len(r.Bounds) == 0 {
		lines = append(lines, [2]string{"timing", fmt.Sprintf("steps and products in %d windows by turns, %.1f s of each; median and 95th percentile", r.Windows, r.CellSeconds)})
	}
	if r.CellsToCome > 0 {
		lines = append(lines, [2]string{"note", fmt.Sprintf("cut off: %d cells were not measured", r.CellsToCome)})
	}
	if r.Device.Kind == "emu" {
		lines = append(lines, [2]string{"note", "a software GPU: the times are the interpreter's and say nothing about a GPU"})
	}
	return lines
}

// cardText writes the known state of a GPU's card; "" if nothing is known.
func cardText(c nvml.Card) string {
	var parts []string
	add := func(known bool, format string, args ...any) {
		if known {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(c.Driver != "", "driver %s", c.Driver)
	add(c.ClockMHz > 0, "clock %d of %d MHz", c.ClockMHz, c.ClockMaxMHz)
	add(c.MemoryMHz > 0, "memory %d of %d MHz", c.MemoryMHz, c.MemoryMaxMHz)
	add(c.PowerLimit > 0, "%.0f of %.0f W", c.PowerWatts, c.PowerLimit)
	add(c.Celsius > 0, "%d °C", c.Celsius)
	add(c.ECC != "", "ECC %s", c.ECC)
	add(c.Slowdown != "", "held down by %s", c.Slowdown)
	return strings.Join(parts, " · ")
}

// grids are the tables of the report.
func (r *report) grids() (list []grid) {
	if len(r.Cells) > 0 {
		list = append(list, r.cellGrid())
	}
	if len(r.Bounds) > 0 {
		list = append(list, r.boundGrid())
	}
	return list
}

// cellGrid returns the table of the cells, without columns for which no cell has a figure.
func (r *report) cellGrid() grid {
	g := grid{textual: 2}
	type column struct {
		name string
		of   func(c result) string // "" if missing
	}
	flopsName, flopsUnit := "GFLOPS", 1e9
	if r.Device.Kind == "cuda" {
		flopsName, flopsUnit = "TFLOPS", 1e12
	}
	var columns []column
	for _, c := range []column{
		{"net", func(c result) string { return c.network() }},
		{"model", func(c result) string { return c.Model }},
		{"batch", func(c result) string { return fmt.Sprint(c.Batch) }},
		{"images/s", func(c result) string { return number(c.ImagesPerSecond) }},
		{"step", func(c result) string { return known(c.Step.Samples > 0, micro(c.Step.Median)) }},
		{"p95", func(c result) string { return known(c.Step.Samples > 0, micro(c.Step.P95)) }},
		{"products alone", func(c result) string { return known(c.Products.Samples > 0, micro(c.Products.Median)) }},
		{"step/products", func(c result) string { return decimals(c.StepOverProducts, 1, 2) }},
		{flopsName, func(c result) string { return decimals(c.FLOPsPerSecond, flopsUnit, 1) }},
		{"GB/s", func(c result) string { return decimals(c.Profile.FloorBytesPerSecond, 1e9, 1) }},
		{"of peak", func(c result) string { return c.Profile.shares() }},
		{"launches", func(c result) string { return known(c.Profile.Launches > 0, fmt.Sprint(c.Profile.Launches)) }},
		{"memory", func(c result) string {
			return known(c.DeviceMemoryBytes > 0, humanize.Bytes(uint64(c.DeviceMemoryBytes)))
		}},
		{"data wait", func(c result) string {
			if c.DataWaitShare == nil || r.Data != streamedData {
				return ""
			}
			return figures.Percent(*c.DataWaitShare, 1)
		}},
		{"PyTorch bp, images/s", func(c result) string { return number(c.PyTorch) }},
		{"vs PyTorch", func(c result) string { return times(c.ImagesPerSecond, c.PyTorch) }},
		{"BioTorch, images/s", func(c result) string { return number(c.BioTorch) }},
		{"vs BioTorch", func(c result) string { return times(c.ImagesPerSecond, c.BioTorch) }},
	} {
		for _, cell := range r.Cells {
			if c.of(cell) != "" {
				columns = append(columns, c)
				g.head = append(g.head, c.name)
				break
			}
		}
	}
	var skipped []string
	for _, cell := range r.Cells {
		if cell.Skipped != "" {
			skipped = append(skipped, fmt.Sprintf("%s %s %d: %s.", cell.network(), cell.Model, cell.Batch, cell.Skipped))
			continue
		}
		var row []string
		for _, c := range columns {
			text := c.of(cell)
			if text == "" {
				text = "-"
			}
			row = append(row, text)
		}
		g.rows = append(g.rows, row)
	}
	g.note = strings.Join(skipped, "\n")
	return g
}

func (r *report) boundGrid() grid {
	g := grid{
		note: boundNote, textual: 2,
		head: []string{"net", "model", "batch", "GPU", "least step", "limit", "most images/s", "arithmetic", "memory", "if nothing stayed in L2", "launches"},
	}
	for _, b := range r.Bounds {
		g.rows = append(g.rows, []string{
			b.network(), b.Model, fmt.Sprint(b.Batch), b.GPU, micro(b.Seconds), b.Limit, number(b.MostImagesASecond),
			micro(b.ArithmeticSeconds), micro(b.MemorySeconds), micro(b.UncachedSeconds), fmt.Sprint(b.Launches),
		})
	}
	return g
}

// print writes the report for a terminal.
func (r *report) print(out io.Writer) {
	for _, line := range r.header() {
		const indent = 10
		fmt.Fprintln(out, cli.Hang(fmt.Sprintf("%-*s%s", indent, line[0], line[1]), indent, cli.Columns(out)))
	}
	for _, g := range r.grids() {
		fmt.Fprintln(out)
		g.print(out)
	}
}

// writeMarkdown writes the report, and the comparison with an old one if there is one, to a
// file atomically.
func (r *report) writeMarkdown(name string, old *report) error {
	var text strings.Builder
	for _, line := range r.header() {
		fmt.Fprintf(&text, "- %s: %s\n", line[0], line[1])
	}
	for _, g := range r.grids() {
		fmt.Fprintln(&text)
		g.markdown(&text)
	}
	if old != nil {
		fmt.Fprintln(&text)
		compare(old, r).grid().markdown(&text)
	}
	if err := disk.WriteFile(name, []byte(text.String())); err != nil {
		return fmt.Errorf("-markdown: %w", err)
	}
	return nil
}

// shares is "12% memory, 40% arithmetic".
func (p profileFigure) shares() string {
	if p.BandwidthShare == 0 && p.ArithmeticShare == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f%% memory, %.0f%% arithmetic", 100*p.BandwidthShare, 100*p.ArithmeticShare)
}

// micro writes a time as "1,234 µs", and one below 10 µs as "0.12 µs".
func micro(seconds float64) string {
	if us := seconds * 1e6; us == 0 || us >= 10 {
		return humanize.Comma(int64(us+0.5)) + " µs"
	}
	return fmt.Sprintf("%.2f µs", seconds*1e6)
}

// known returns the text, or "" if the figure is missing.
func known(is bool, text string) string {
	if is {
		return text
	}
	return ""
}

// times writes a ratio as "1.25x".
func times(v, of float64) string { return known(v > 0 && of > 0, fmt.Sprintf("%.2fx", v/of)) }

// number writes a figure as "12,345".
func number(v float64) string { return known(v != 0, humanize.Comma(int64(v+0.5))) }

// decimals writes a figure in a unit.
func decimals(v, unit float64, places int) string {
	return known(v != 0, strconv.FormatFloat(v/unit, 'f', places, 64))
}
