package run

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"math"
	"slices"

	"mdfa/gpu"
	"mdfa/internal/version"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/checkpoint"
)

// dataFacts returns the record of a data set for run.json and checkpoints.
func dataFacts(data *loaders.Dataset) checkpoint.Data {
	return checkpoint.Data{
		Name: data.Name, Source: data.Source,
		Shape:   [3]int{data.Height, data.Width, data.Channels},
		Classes: data.Classes, ClassOrder: data.ClassOrder, ClassNames: data.ClassNames, Coarse: data.Coarse,
		Train: data.Train.Len(), Valid: data.Valid.Len(), Test: data.Test.Len(),
		Checksum: data.Checksum(), LeftOut: leftOut(data),
	}
}

// leftOut returns the files of a data set that could not be read; nil for none.
func leftOut(data *loaders.Dataset) *checkpoint.LeftOut {
	if data.LeftOut.Files == 0 {
		return nil
	}
	left := &checkpoint.LeftOut{Files: data.LeftOut.Files, Of: data.LeftOut.Of}
	for _, file := range data.LeftOut.Examples {
		left.Examples = append(left.Examples, checkpoint.LeftOutFile(file))
	}
	return left
}

// record returns the record in run.json and checkpoints. The facts of the feedback
// follow later: see feedbackFacts.
func (r *Run) record(data *loaders.Dataset, net *model.Network) checkpoint.Settings {
	flags, given := r.spec.Record()
	maps.Copy(flags, r.options.Flags)
	s := checkpoint.Settings{
		Program: version.Read().String(),
		Flags:   flags, Given: given,
		Data: dataFacts(data), Network: net.Spec(),
		Rule: r.config.Rule.String(), ForwardInit: r.forward.String(), Seed: r.spec.Seed,
	}
	if r.config.Rule.HasFeedback() {
		s.BackwardInit = r.backward.String()
	}
	if r.config.Rule.Clamps() {
		floor := r.spec.ClampFloor
		s.ClampFloor = &floor
	}
	return s
}

// The fingerprint of direct feedback, and of magnitudes that steps draw, reads sampleRows rows of sampleUnits elements
// for each layer. Every element is drawn in the same way.
const (
	sampleRows  = 8
	sampleUnits = 1024
)

// feedbackFacts returns the record of the feedback before the first step, the same whether it was drawn or is
// generated.
func (r *Run) feedbackFacts(net *model.Network, drawn []float32) (checkpoint.Feedback, error) {
	h, rule := sha256.New(), r.config.Rule
	facts := checkpoint.Feedback{Kind: checkpoint.FeedbackKinds[rule.Feedback]}
	switch rule.Feedback {
	case model.NoFeedback:
		return facts, nil
	case model.LayerFeedback:
		addFloats(h, drawn)
		generators, err := rule.DrawMagnitudes(net, r.backward, uint64(r.spec.Seed))
		if err != nil {
			return checkpoint.Feedback{}, err
		}
		for layer, generator := range generators {
			addRows(h, generator, layer, sampleRows, net.Layers[layer].W.Len)
		}
	case model.DirectFeedback, model.ClassFeedback:
		generator, err := net.DFAGenerator(rule.Feedback, r.backward, rule.NonNegative, uint64(r.spec.Seed))
		if err != nil {
			return checkpoint.Feedback{}, err
		}
		for layer, l := range net.Hidden() {
			addRows(h, generator, layer, net.FeedbackRows(rule.Feedback), l.Units())
		}
	}
	facts.Fingerprint = hex.EncodeToString(h.Sum(nil))
	return facts, nil
}

// addRows adds a sample of what a generator draws for a layer.
func addRows(h hash.Hash, generator gpu.Generator, layer, rows, columns int) {
	row := make([]float32, min(sampleUnits, columns))
	for i := range min(sampleRows, rows) {
		generator.Fill(row, layer, i, 0)
		addFloats(h, row)
	}
}

func addFloats(h hash.Hash, values []float32) {
	const piece = 1 << 12
	buffer := make([]byte, 0, 4*piece)
	for part := range slices.Chunk(values, piece) {
		buffer = buffer[:0]
		for _, x := range part {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
		}
		h.Write(buffer)
	}
}
