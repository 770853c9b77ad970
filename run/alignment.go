package run

import (
	"math"
	"strconv"

	"mdfa/algo"
	"mdfa/model"
	"mdfa/run/folder"
)

// alignmentLog keeps what -alignment measures, as rows of alignment.csv. A nil one keeps
// nothing.
type alignmentLog struct {
	Ignore
	net   *model.Network
	table *folder.Table
	last  algo.Alignment
}

// alignmentStep is the place of the column step.
const alignmentStep = 0

// newAlignmentLog is the log of a run that goes on after so many steps, nil without
// -alignment. Rows of later steps, which an interrupted run may have left, are measured anew.
func newAlignmentLog(every int, net *model.Network, run *folder.Writer, steps int) (*alignmentLog, error) {
	if every == 0 {
		return nil, nil
	}
	var columns []string
	for _, c := range alignmentCells(algo.Alignment{}, 0, net.Layers[0], algo.LayerAlignment{}) {
		columns = append(columns, c.Column)
	}
	table, err := run.ContinueTable(folder.AlignmentFile, columns, func(row []string) bool {
		step, err := strconv.Atoi(row[alignmentStep])
		return err == nil && step < steps
	})
	return &alignmentLog{net: net, table: table}, err
}

// alignmentCells is a layer's row: docs/alignment.md says what the columns mean. What is
// not defined is empty.
func alignmentCells(a algo.Alignment, i int, layer model.Layer, l algo.LayerAlignment) []folder.Cell {
	measured := func(x float64) string {
		if math.IsNaN(x) {
			return ""
		}
		return strconv.FormatFloat(x, 'g', 7, 64)
	}
	return []folder.Cell{
		{Column: "step", Value: strconv.Itoa(a.Step)},
		{Column: "epoch", Value: strconv.Itoa(a.Epoch)},
		{Column: "layer", Value: strconv.Itoa(i)},
		{Column: "kind", Value: layer.String()},
		{Column: "angle_bp", Value: measured(l.Gradient.Angle)},
		{Column: "norm_ratio_bp", Value: measured(l.Gradient.NormRatio)},
		{Column: "sign_agreement_bp", Value: measured(l.Gradient.SignAgreement)},
		{Column: "angle_feedback", Value: measured(l.Feedback.Angle)},
		{Column: "norm_ratio_feedback", Value: measured(l.Feedback.NormRatio)},
		{Column: "at_floor", Value: measured(l.AtFloor)},
		{Column: "saturated", Value: measured(l.Saturated)},
	}
}

// Alignment keeps the rows of a measured step until the next save.
func (g *alignmentLog) Alignment(a algo.Alignment) error {
	g.last = a
	for i, l := range a.Layers {
		if err := g.table.Add(alignmentCells(a, i, g.net.Layers[i], l)); err != nil {
			return err
		}
	}
	return nil
}

// Epoch saves the rows before epochs.csv gets one.
func (g *alignmentLog) Epoch(algo.Epoch) error { return g.save() }

// save writes alignment.csv. Whoever saves a checkpoint calls it first.
func (g *alignmentLog) save() error {
	if g == nil {
		return nil
	}
	return g.table.Save()
}
