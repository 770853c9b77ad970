package main

import (
	"math"
	"strconv"
	"strings"

	"mdfa/internal/figures"
	"mdfa/model"
	"mdfa/run/checkpoint"
)

// tensorFacts say what one layer's weights or biases are like. All but the shares are of
// the finite values.
type tensorFacts struct {
	Name      string   `json:"name"`
	Shape     []int    `json:"shape"`
	Number    int      `json:"number"`
	Mean      *float64 `json:"mean"`
	Norm      *float64 `json:"norm"` // Euclidean
	Min       *float64 `json:"min"`
	Max       *float64 `json:"max"`
	Zeros     float64  `json:"zeros"`      // share of the values that are 0
	AtFloor   *float64 `json:"at_floor"`   // share at mdfa's floor or below; null where nothing is clamped
	NotFinite int      `json:"not_finite"` // values that are NaN or infinite
}

// tensors looks at each layer of a checkpoint.
func tensors(c *checkpoint.Checkpoint) []tensorFacts {
	var all []tensorFacts
	for i, t := range c.Network.Split(c.Params) {
		floor := math.NaN()
		// mdfa clamps the weights of every layer but the first, and no bias.
		if c.ClampFloor != nil && i >= 2 && strings.HasSuffix(t.Name, ".weight") {
			floor = *c.ClampFloor
		}
		all = append(all, measure(t, floor))
	}
	return all
}

func measure(t model.Tensor, floor float64) tensorFacts {
	f := tensorFacts{Name: t.Name, Shape: t.Shape, Number: len(t.Data)}
	sum, squares, low, high := 0.0, 0.0, math.Inf(1), math.Inf(-1)
	zeros, atFloor := 0, 0
	bound := float32(floor)
	for _, w := range t.Data {
		x := float64(w)
		if x-x != 0 {
			f.NotFinite++
			continue
		}
		sum += x
		squares += x * x
		low, high = min(low, x), max(high, x)
		if x == 0 {
			zeros++
		}
		if w <= bound {
			atFloor++
		}
	}
	n := float64(f.Number)
	f.Zeros = float64(zeros) / n
	if !math.IsNaN(floor) {
		f.AtFloor = finite(float64(atFloor) / n)
	}
	if some := f.Number - f.NotFinite; some > 0 {
		f.Mean, f.Norm, f.Min, f.Max = finite(sum/float64(some)), finite(math.Sqrt(squares)), finite(low), finite(high)
	}
	return f
}

// printTensors is the table of the weights.
func printTensors(all []tensorFacts) *table {
	t := newTable()
	t.head("layer", false)
	t.head("shape", false)
	for _, name := range []string{"number", "mean", "norm", "min", "max", "zeros", "floor"} {
		t.head(name, true)
	}
	for _, f := range all {
		t.cell(layerName(f.Name))
		t.cell(shapeText(f.Shape))
		t.cell(strconv.Itoa(f.Number))
		for _, x := range []*float64{f.Mean, f.Norm, f.Min, f.Max} {
			t.cell(optional(x, short))
		}
		t.cell(figures.Percent(f.Zeros, 1))
		t.cell(optional(f.AtFloor, func(x float64) string { return figures.Percent(x, 1) }))
	}
	return t
}

// layerName is "0 weight" for "layers.0.weight".
func layerName(tensor string) string {
	return strings.ReplaceAll(strings.TrimPrefix(tensor, "layers."), ".", " ")
}

func shapeText(shape []int) string {
	words := make([]string, len(shape))
	for i, n := range shape {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, "x")
}

// optional is a number that may be missing.
func optional(x *float64, text func(float64) string) string {
	if x == nil {
		return "-"
	}
	return text(*x)
}
