package report

import (
	"fmt"
	"math"
	"slices"

	"mdfa/run/folder"
)

const (
	// rightAngle is the angle from which on an update does not go downhill.
	rightAngle = 90
	// shownAngle is the upper end of the axis, unless there are larger angles.
	shownAngle = 120
)

// right marks a right angle.
var right = []mark{{"y", rightAngle, "90°"}}

// alignmentCharts show the measurements of each layer over the steps.
var alignmentCharts = []chart{
	{Title: folder.ChartAngle, Marks: right,
		Text: "Between the rule's weight gradient and that of backpropagation, on the same batch and weights. Below 90° an update goes downhill."},
	{Title: folder.ChartFeedbackAngle, Marks: right,
		Text: "Between the weights that an error would go back through and the feedback in their place."},
	{Title: folder.ChartLength, LogY: true, Text: "Norm of the rule's weight gradient by that of backpropagation's."},
	{Title: folder.ChartSigns, Text: "Share of weights whose gradient has the sign of backpropagation's."},
	{Title: folder.ChartFloor, Text: "Share of a layer's weights that the clamp holds."},
	{Title: folder.ChartSaturated, Text: "Share of a layer's units, over a batch, that hardly answer to their input."},
}

// alignmentOf draws the alignment charts.
func alignmentOf(rows []folder.Alignment, rule look) []chart {
	if len(rows) == 0 {
		return nil
	}
	steps, layers := axesOf(rows)
	place := map[int]int{}
	for i, s := range steps {
		place[s] = i
	}
	at := thin(len(steps), maxPoints)
	x := make([]float64, len(at))
	for i, j := range at {
		x[i] = float64(steps[j])
	}
	names := make([]string, layers)
	degrees := &[2]int{0, shownAngle}
	for _, r := range rows {
		names[layerOf(r)] = fmt.Sprintf("layer %d", layerOf(r))
		if r.Kind != "" {
			names[layerOf(r)] += ", " + r.Kind
		}
		if r.AngleBP.X > shownAngle || r.AngleFeedback.X > shownAngle {
			degrees = &[2]int{0, 180}
		}
	}
	return drawn(alignmentCharts, folder.AlignmentColumns, func(c *chart, column folder.Column[folder.Alignment]) {
		c.XLabel, c.X, c.Whole = "step", numbers(x), true
		if column.Unit == folder.UnitDegrees {
			c.Range = degrees
		}
		lines := make([][]float64, layers)
		for i := range lines {
			lines[i] = slices.Repeat([]float64{math.NaN()}, len(steps))
		}
		for i := range rows {
			lines[layerOf(rows[i])][place[rows[i].Step]] = column.Number(&rows[i])
		}
		for i, name := range names {
			c.add(name, rule.layer(i, layers), pick(lines[i], at))
		}
	})
}

// layerOf returns a row's layer. In a file that somebody changed it may be below 0.
func layerOf(a folder.Alignment) int { return max(0, a.Layer) }

// axesOf returns the steps in order, and the number of layers.
func axesOf(rows []folder.Alignment) (steps []int, layers int) {
	for _, r := range rows {
		steps = append(steps, r.Step)
		layers = max(layers, layerOf(r)+1)
	}
	slices.Sort(steps)
	return slices.Compact(steps), layers
}
