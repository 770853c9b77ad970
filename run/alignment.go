package run

import (
	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/model"
	"mdfa/run/folder"
)

// alignmentLog writes the rows of alignment.csv. A nil one writes nothing.
type alignmentLog struct {
	Ignore
	net   *model.Network
	table *folder.Table[folder.Alignment]
	last  measure.Alignment
}

// newAlignmentLog returns the log of a run after a number of steps, nil without -alignment. Rows
// of later steps, which an interrupted run may have left, are measured again.
func newAlignmentLog(every int, net *model.Network, run *folder.Writer, steps int) (*alignmentLog, error) {
	if every == 0 {
		return nil, nil
	}
	table, err := folder.ContinueTable(run, folder.AlignmentFile, folder.AlignmentColumns, func(row folder.Alignment) bool {
		return row.Step < steps
	})
	return &alignmentLog{net: net, table: table}, err
}

// Alignment keeps the rows of a measured step until the next save.
func (g *alignmentLog) Alignment(a measure.Alignment) error {
	g.last = a
	for i := range a.Layers {
		g.table.Add(folder.AlignmentOf(a, i, g.net))
	}
	return nil
}

// Epoch saves the rows before epochs.csv gets one.
func (g *alignmentLog) Epoch(training.Epoch) error { return g.save() }

// save writes alignment.csv. It must be called before a checkpoint is written.
func (g *alignmentLog) save() error {
	if g == nil {
		return nil
	}
	return g.table.Save()
}
