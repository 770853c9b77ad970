// Package figures writes numbers for people.
package figures

import (
	"math"
	"strconv"

	"github.com/dustin/go-humanize"
)

// Count writes a whole number with commas: 1,281,167.
func Count[T ~int | ~int64 | ~uint32](n T) string { return humanize.Comma(int64(n)) }

// Percent writes a share with some decimals, such as 98.31%, and a NaN as "-". Accuracies get two
// decimals: at 98% the second one still tells runs apart.
func Percent(share float64, decimals int) string {
	if math.IsNaN(share) {
		return "-"
	}
	return strconv.FormatFloat(100*share, 'f', decimals, 64) + "%"
}

// PagePercent writes a share as a page shows it, 98.31 %, and a NaN as "".
func PagePercent(share float64) string {
	if math.IsNaN(share) {
		return ""
	}
	return strconv.FormatFloat(100*share, 'f', 2, 64) + " %"
}

// Short writes a number to four digits, and a NaN as "".
func Short(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
