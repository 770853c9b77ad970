package report

import (
	"fmt"
	"math"
	"slices"
)

const (
	// rightAngle is where the rule's update is of no use to the gradient.
	rightAngle = 90
	// shownAngle is how far the axis goes, unless there are larger angles.
	shownAngle = 120
)

// alignmentCharts are the measurements of each layer over the steps.
func alignmentCharts(rows []Alignment) []chart {
	if len(rows) == 0 {
		return nil
	}
	steps, layers := axesOf(rows)
	place := map[int]int{}
	for i, s := range steps {
		place[s] = i
	}
	at := thin(len(steps))
	x := make([]float64, len(at))
	for i, j := range at {
		x[i] = float64(steps[j])
	}
	names := make([]string, layers)
	for _, r := range rows {
		names[r.Layer] = fmt.Sprintf("layer %d", r.Layer+1)
		if r.Name != "" {
			names[r.Layer] += ", " + r.Name
		}
	}
	build := func(c chart, of func(Alignment) float64) chart {
		c.XLabel, c.X, c.Whole = "step", numbers(x), true
		lines := make([][]float64, layers)
		for i := range lines {
			lines[i] = slices.Repeat([]float64{math.NaN()}, len(steps))
		}
		for _, r := range rows {
			lines[r.Layer][place[r.Step]] = of(r)
		}
		for i, line := range lines {
			c.add(names[i], i, pick(line, at))
		}
		return c
	}
	degrees := &[2]int{0, shownAngle}
	for _, r := range rows {
		if r.AngleBP > shownAngle || r.AngleFeedback > shownAngle {
			degrees = &[2]int{0, 180}
		}
	}
	right := []mark{{"y", rightAngle, "90°"}}
	return drawn([]chart{
		build(chart{Title: "Angle to backpropagation's gradient", Unit: "°", Range: degrees, Marks: right,
			Text: "Between the rule's weight gradient and that of backpropagation, on the same batch and weights. Below 90° an update goes downhill."},
			func(a Alignment) float64 { return a.AngleBP }),
		build(chart{Title: "Angle between weights and feedback", Unit: "°", Range: degrees, Marks: right,
			Text: "Between the weights that an error would go back through and the fixed feedback in their place."},
			func(a Alignment) float64 { return a.AngleFeedback }),
		build(chart{Title: "Length beside backpropagation's gradient", LogY: true, Text: "Norm of the rule's weight gradient by that of backpropagation's."},
			func(a Alignment) float64 { return a.RatioBP }),
		build(chart{Title: "Equal signs", Percent: true, Text: "Share of weights whose gradient has the sign of backpropagation's."},
			func(a Alignment) float64 { return a.SignBP }),
		build(chart{Title: "Weights at the floor", Percent: true, Text: "Share of a layer's weights that the clamp holds."},
			func(a Alignment) float64 { return a.AtFloor }),
		build(chart{Title: "Saturated units", Percent: true, Text: "Share of a layer's units, over a batch, that hardly answer to their input."},
			func(a Alignment) float64 { return a.Saturated }),
	})
}

// axesOf is the steps in their order, and the number of layers.
func axesOf(rows []Alignment) (steps []int, layers int) {
	for _, r := range rows {
		steps = append(steps, r.Step)
		layers = max(layers, r.Layer+1)
	}
	slices.Sort(steps)
	return slices.Compact(steps), layers
}
