package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
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

// writeJSON adds an object on its own line.
func writeJSON(out *strings.Builder, object any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("what was found cannot be written as JSON: %w", err)
	}
	out.Write(append(text, '\n'))
	return nil
}

func shapeText(shape []int) string {
	words := make([]string, len(shape))
	for i, n := range shape {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, "x")
}

// optional writes a number that may be missing.
func optional(x *float64, text func(float64) string) string {
	if x == nil {
		return "-"
	}
	return text(*x)
}

// compareValues compares numbers as numbers and everything else as text.
func compareValues(a, b string) int {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}
