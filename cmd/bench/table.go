package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/disk"
	"mdfa/internal/foreign"
)

// grid is a table: a title, the names of the columns, and rows. The first textual columns
// are words, the others numbers.
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

// header is what the surroundings of the figures were, a label and a text each.
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
	if text := r.Device.Card.String(); text != "" {
		lines = append(lines, [2]string{"card", text})
	}
	if len(r.Bounds) == 0 {
		lines = append(lines, [2]string{"timing", fmt.Sprintf("steps and products in %d windows by turns, %.1f s of each; median and 95th percentile", r.Windows, r.CellSeconds)})
	}
	if r.CellsToCome > 0 {
		lines = append(lines, [2]string{"note", fmt.Sprintf("cut off: %d cells were not measured", r.CellsToCome)})
	}
	if r.Device.Kind == "emu" {
		lines = append(lines, [2]string{"note", "a software GPU: times are those of the interpreter and say nothing of a GPU"})
	}
	return lines
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

// cellGrid leaves out columns for which no cell has a figure.
func (r *report) cellGrid() grid {
	g := grid{textual: 2}
	type column struct {
		name string
		of   func(c result) string // "" where there is nothing to say
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
		{"step", func(c result) string { return c.Step.medianText() }},
		{"p95", func(c result) string { return c.Step.p95Text() }},
		{"products alone", func(c result) string { return c.Products.medianText() }},
		{"step/products", func(c result) string { return decimals(c.StepOverProducts, 1, 2) }},
		{flopsName, func(c result) string { return decimals(c.FLOPsPerSecond, flopsUnit, 1) }},
		{"GB/s", func(c result) string { return decimals(c.Profile.bandwidth(), 1e9, 1) }},
		{"of peak", func(c result) string { return c.Profile.shares() }},
		{"launches", func(c result) string { return c.Profile.launches() }},
		{"memory", func(c result) string { return size(c.DeviceMemoryBytes) }},
		{"data wait", func(c result) string { return percentOf(c.DataWaitShare, r.Data == streamedData) }},
		{"PyTorch bp, images/s", func(c result) string { return number(c.PyTorch) }},
		{"vs PyTorch", func(c result) string { return ratioText(c.ImagesPerSecond, c.PyTorch) }},
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

// writeMarkdown writes the report, and the comparison where there is an old one, to a
// file, which is complete or absent.
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

func (t *timeFigures) medianText() string {
	if t == nil {
		return ""
	}
	return micro(t.Median)
}

func (t *timeFigures) p95Text() string {
	if t == nil {
		return ""
	}
	return micro(t.P95)
}

func (p *profileFigure) bandwidth() float64 {
	if p == nil {
		return 0
	}
	return p.FloorBytesPerSecond
}

// shares is "12% memory, 40% arithmetic".
func (p *profileFigure) shares() string {
	if p == nil || p.BandwidthShare == 0 && p.ArithmeticShare == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f%% memory, %.0f%% arithmetic", 100*p.BandwidthShare, 100*p.ArithmeticShare)
}

func (p *profileFigure) launches() string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(p.Launches)
}

// micro is "1,234 µs", and "0.12 µs" where there would be nothing left.
func micro(seconds float64) string {
	if us := seconds * 1e6; us == 0 || us >= 10 {
		return humanize.Comma(int64(us+0.5)) + " µs"
	}
	return fmt.Sprintf("%.2f µs", seconds*1e6)
}

// The texts of numbers are "" where there is no figure.

func number(v float64) string {
	if v == 0 {
		return ""
	}
	return humanize.Comma(int64(v + 0.5))
}

func decimals(v, unit float64, places int) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%.*f", places, v/unit)
}

func size(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return humanize.Bytes(uint64(bytes))
}

func percentOf(share *float64, shown bool) string {
	if share == nil || !shown {
		return ""
	}
	return fmt.Sprintf("%.1f%%", 100**share)
}

func ratioText(v, to float64) string {
	if v == 0 || to == 0 {
		return ""
	}
	return fmt.Sprintf("%.2fx", v/to)
}
