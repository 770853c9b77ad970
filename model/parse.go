package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/gpu"
)

// ParseLayers reads the widths of hidden dense layers: "200,200". Blanks around
// numbers are ignored; "none" and the empty text give a non-nil slice of length 0.
func ParseLayers(text string) ([]int, error) {
	layers := []int{}
	for _, part := range list(text) {
		units, ok := whole(part)
		if !ok || units < 1 {
			return nil, fmt.Errorf(`layers %s: %s is not a number of units: expected positive whole numbers such as "200,200", or "none"`,
				quote(text), quote(part))
		}
		layers = append(layers, units)
	}
	return layers, nil
}

// ParseFilters reads convolutional layers as filters:kernel:stride, with a fourth number for the
// padding where there is one, and behind a convolution its pooling, if any, as kind:kernel:stride:
// "96:5:2:1,max:2:2,96:3:1". Blanks around numbers are ignored; "none" and the empty text give a non-nil slice of
// length 0.
func ParseFilters(text string) ([]Filter, error) {
	filters := []Filter{}
	for _, part := range list(text) {
		pool, is, err := parsePooling(part)
		if is && err == nil && (len(filters) == 0 || filters[len(filters)-1].Pool.Any()) {
			err = fmt.Errorf("%s must stand directly behind a convolution, whose outputs it takes", quote(part))
		}
		if err != nil {
			return nil, fmt.Errorf("filters %s: %w", quote(text), err)
		}
		if is {
			filters[len(filters)-1].Pool = pool
			continue
		}
		fields := strings.Split(part, ":")
		var numbers [4]int
		ok := len(fields) == 3 || len(fields) == len(numbers)
		for i := 0; ok && i < len(fields); i++ {
			numbers[i], ok = whole(fields[i])
			ok = ok && (numbers[i] > 0 || i == 3)
		}
		if !ok {
			return nil, fmt.Errorf(`filters %s: %s is not filters:kernel:stride, filters:kernel:stride:padding, max:kernel:stride or avg:kernel:stride: expected whole numbers such as "96:5:2,96:3:1:1,max:2:2", or "none"`,
				quote(text), quote(part))
		}
		filters = append(filters, Filter{Filters: numbers[0], Kernel: numbers[1], Stride: numbers[2], Pad: numbers[3]})
	}
	return filters, nil
}

// AllConv stands for all convolutions in a choice of layers.
const AllConv = "conv"

// ParseChoice reads a choice of layers: numbers from 0 on, or "conv" for all convolutions, as in
// "conv" or "0,2". Each is returned once, "conv" first and the numbers in their order; "none"
// and the empty text choose no layer. [Network.Choose] finds the layers.
func ParseChoice(text string) ([]string, error) {
	var numbers []int
	choice := []string{}
	for _, part := range list(text) {
		number, ok := whole(part)
		switch {
		case strings.EqualFold(strings.TrimSpace(part), AllConv):
			choice = []string{AllConv}
		case ok:
			numbers = append(numbers, number)
		default:
			return nil, fmt.Errorf(`layers %s: %s is not a layer: expected numbers from 0 on such as "0,1", "%s" for all convolutions, or "none"`,
				quote(text), quote(part), AllConv)
		}
	}
	slices.Sort(numbers)
	for _, number := range slices.Compact(numbers) {
		choice = append(choice, strconv.Itoa(number))
	}
	return choice, nil
}

// ParseActivation reads the name of one of [gpu.Activations], in either case.
func ParseActivation(text string) (gpu.Activation, error) {
	for _, act := range gpu.Activations() {
		if strings.EqualFold(strings.TrimSpace(text), act.String()) {
			return act, nil
		}
	}
	return 0, fmt.Errorf("activation %s: expected %s", quote(text), english.WordSeries(gpu.ActivationNames(), "or"))
}

// list splits text at commas; "none" and blanks give the empty list.
func list(text string) []string {
	text = strings.TrimSpace(text)
	if text == "" || strings.EqualFold(text, "none") {
		return nil
	}
	return strings.Split(text, ",")
}

// whole reads a whole number from 0 to maxElements in decimal digits alone.
func whole(text string) (int, bool) {
	text = strings.TrimSpace(text)
	if strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err == nil
}

// quote quotes a text of the user, shortened to fit into a line.
func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return strconv.Quote(text)
}
