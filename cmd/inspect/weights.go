package inspect

import (
	"math"
	"strconv"
	"strings"

	"mdfa/internal/figures"
	"mdfa/model"
	"mdfa/run/checkpoint"
)

// tensorFacts describes the weights, the biases or the learned feedback of a layer. Mean, norm and extremes are of the finite
// values.
type tensorFacts struct {
	Name      string   `json:"name"`
	Shape     []int    `json:"shape"`
	Number    int      `json:"number"`
	Mean      *float64 `json:"mean"`
	Norm      *float64 `json:"norm"` // Euclidean
	Min       *float64 `json:"min"`
	Max       *float64 `json:"max"`
	Zeros     float64  `json:"zeros"`      // share of the values that are 0
	AtFloor   *float64 `json:"at_floor"`   // share at mdfa's floor or below; null if nothing is clamped
	NotFinite int      `json:"not_finite"` // values that are NaN or infinite
}

// tensors looks at each layer of a checkpoint, and at learned feedback.
func tensors(c *checkpoint.Checkpoint) []tensorFacts {
	var all []tensorFacts
	for i, t := range c.Network.Split(c.Params) {
		floor := math.NaN()
		if strings.HasSuffix(t.Name, ".weight") { // no bias is clamped
			floor = c.Floor(i / 2)
		}
		all = append(all, measure(t, floor))
	}
	for _, t := range c.LearnedTensors() {
		all = append(all, measure(t, math.NaN()))
	}
	return all
}

func measure(t model.Tensor, floor float64) tensorFacts {
	s := checkpoint.Measure(t.Data, floor)
	n := float64(s.Number)
	f := tensorFacts{
		Name: t.Name, Shape: t.Shape, Number: s.Number, NotFinite: s.Number - s.Finite, Zeros: float64(s.Zeros) / n,
		Mean: finite(s.Mean), Norm: finite(s.Norm), Min: finite(s.Min), Max: finite(s.Max),
	}
	if !math.IsNaN(floor) {
		f.AtFloor = finite(float64(s.AtFloor) / n)
	}
	return f
}

// printTensors returns the table of the weights.
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

// layerName returns "0 weight" for "layers.0.weight", and "feedback 1 weight" for "feedback.layers.1.weight".
func layerName(tensor string) string {
	return strings.NewReplacer("layers.", "", ".", " ").Replace(tensor)
}
