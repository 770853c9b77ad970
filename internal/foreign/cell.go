package foreign

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// formula holds the characters that start a formula in a spreadsheet, by OWASP's
// page "CSV Injection". The last four have full width.
const formula = "=+-@\t\r\n＝＋－＠"

// Cell returns a text as a cell of a CSV, with an apostrophe before a text that a spreadsheet would
// take for a formula. Numbers stay as they are. [Uncell] reverses it.
func Cell(s string) string {
	if !isFormula(strings.TrimLeft(s, "'")) {
		return s
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return s
	}
	return "'" + s
}

// Uncell returns the text of a cell that Cell wrote.
func Uncell(s string) string {
	if strings.HasPrefix(s, "'") && isFormula(strings.TrimLeft(s, "'")) {
		return s[1:]
	}
	return s
}

// Cells applies Cell to every element.
func Cells(texts []string) []string {
	cells := make([]string, len(texts))
	for i, s := range texts {
		cells[i] = Cell(s)
	}
	return cells
}

// Uncells applies Uncell to every element, in place.
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
