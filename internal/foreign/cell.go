package foreign

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// formula are the characters that make a spreadsheet take a cell for a formula, by OWASP's
// page "CSV Injection": the last four are those of full width.
const formula = "=+-@\t\r\n＝＋－＠"

// Cell is a text as a cell of a CSV: an apostrophe goes before what a spreadsheet would
// take for a formula. Numbers stay as they are. [Uncell] gives the text back.
func Cell(s string) string {
	if !isFormula(strings.TrimLeft(s, "'")) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}

// Uncell gives the text of a cell that Cell wrote.
func Uncell(s string) string {
	if strings.HasPrefix(s, "'") && isFormula(strings.TrimLeft(s, "'")) {
		return s[1:]
	}
	return s
}

// Cells is Cell of every element.
func Cells(texts []string) []string {
	cells := make([]string, len(texts))
	for i, s := range texts {
		cells[i] = Cell(s)
	}
	return cells
}

// Uncells is Uncell of every element, in place.
func Uncells(cells []string) []string {
	for i, c := range cells {
		cells[i] = Uncell(c)
	}
	return cells
}

func isFormula(s string) bool {
	first, size := utf8.DecodeRuneInString(s)
	return size > 0 && strings.ContainsRune(formula, first)
}
