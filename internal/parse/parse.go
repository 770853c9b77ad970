// Package parse reads the values of flags and settings. Its errors are sentences that name
// the flag and the expected form.
package parse

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize/english"

	"mdfa/internal/wording"
)

// Switch reads true or false.
func Switch(name, text string) (bool, error) {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return false, wording.Usagef("-%s=%s: expected true or false.", name, text)
	}
	return on, nil
}

// Integer reads a whole number of 32 bits from least on; math.MinInt sets no limit.
func Integer(name, text string, least int) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err == nil && int(n) >= least {
		return int(n), nil
	}
	expected := "a whole number"
	if least != math.MinInt {
		expected = fmt.Sprintf("a whole number from %d on", least)
	}
	return 0, wording.Usagef("-%s %s: expected %s.", name, wording.Shown(text), expected)
}

// Seed reads a whole number of 64 bits. The loaders refuse those outside 0 to 4294967295.
func Seed(name, text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, wording.Usagef("-%s %s: expected a whole number from 0 to %d.", name, wording.Shown(text), uint32(math.MaxUint32))
	}
	return n, nil
}

// Number reads a number from 0 on that float32 can hold.
func Number(name, text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0 && x <= math.MaxFloat32) {
		return 0, wording.Usagef("-%s %s: expected a number from 0 on, such as 0.001 or 1e-4.", name, wording.Shown(text))
	}
	return x, nil
}

// Choice refuses a text that is not one of the choices.
func Choice(name, text string, choices []string) error {
	if slices.Contains(choices, text) {
		return nil
	}
	return wording.Usagef("-%s %s: expected %s.", name, wording.Shown(text), english.WordSeries(choices, "or"))
}

// Text returns the shortest text that reads back as x.
func Text(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
