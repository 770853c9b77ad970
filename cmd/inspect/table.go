package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/mattn/go-runewidth"

	"mdfa/internal/foreign"
)

// width is the width of a terminal into which all output fits, in columns.
const width = 80

// table prints columns as wide as their longest cell, numbers aligned to the right.
type table struct {
	heads []string
	right []bool
	cells []string
}

func newTable() *table { return &table{} }

func (t *table) head(name string, right bool) {
	t.heads, t.right = append(t.heads, foreign.Line(name)), append(t.right, right)
}

// cell adds a cell, which may hold text that others wrote.
func (t *table) cell(text string) {
	if text != "" {
		text = foreign.Text(text)
	}
	t.cells = append(t.cells, text)
}

// print writes the heads and the rows.
func (t *table) print(out *strings.Builder) {
	widths := make([]int, len(t.heads))
	all := append(append([]string{}, t.heads...), t.cells...)
	for i, text := range all {
		column := i % len(widths)
		widths[column] = max(widths[column], runewidth.StringWidth(text))
	}
	var line strings.Builder
	for i, text := range all {
		column := i % len(widths)
		blanks := strings.Repeat(" ", widths[column]-runewidth.StringWidth(text))
		if t.right[column] {
			text = blanks + text
		} else {
			text += blanks
		}
		line.WriteString(text)
		if column < len(widths)-1 {
			line.WriteString("  ")
			continue
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
		line.Reset()
	}
}

// short writes a number in at most eight characters.
func short(x float64) string { return fmt.Sprintf("%.3g", x) }

// finite returns a number for JSON: nil, which is null there, for NaN and infinities.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
