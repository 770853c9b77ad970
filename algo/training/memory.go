package training

import (
	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/measure"
	"mdfa/gpu"
	"mdfa/model"
)

// Memory is the device memory of a run in bytes, without a few counters and the memory that a device needs for itself.
type Memory struct {
	Weights     uint64 // with their gradients, the best weights so far and the optimizer's state
	Feedback    uint64 // with its gradient and its optimizer's state where it learns; 0 where the step draws it
	Activations uint64 // of the largest batch, with the errors of a training batch
	Images      uint64 // with labels and order. On a GPU, streamed ones take as much pinned host memory
	Alignment   uint64 // 0 unless it is measured
}

// Total returns the sum.
func (m Memory) Total() uint64 {
	return m.Weights + m.Feedback + m.Activations + m.Images + m.Alignment
}

// PlanMemory adds up the memory of a learner and a trainer. Aligned includes that for measuring the alignment.
func PlanMemory(net *model.Network, c algo.Config, data Data, aligned bool) Memory {
	local := c.LocalBatch()
	batch := max(local, c.EvalBatch)
	if c.EvalBatch == 0 {
		batch = algo.EvalBatch(net, c.Batch)
	}
	data = data.part(c.Ranks, net.Input.Size())
	kept := net.Memory(batch, c.Stored())
	m := Memory{
		Weights:     kept.Weights * uint64(3+c.Kind().States()),
		Feedback:    kept.Feedback * uint64(c.FeedbackArenas()),
		Activations: kept.Activations + bytes(local, 4*(net.HiddenUnits()+net.Logits)),
	}
	largest := 0
	for _, l := range net.Hidden() {
		if l.Pool.Any() {
			largest = max(largest, l.Passed().Size())
		}
		if l.Pool.Kind == gpu.MaxPooling {
			m.Activations += bytes(local, l.Passed().Size()) // places of maxima
		}
	}
	m.Activations += bytes(local, 4*largest) // an error on its way through a pooling
	if c.Rule.ErrorSigns {
		m.Activations += bytes(local, 4*net.Logits)
	}
	label := gpu.Int32.Size()
	example := net.Input.Size() + label
	if data.Train.Streamed() {
		m.Images = bytes(feed.Slots*local, example)
	} else {
		m.Images = bytes(data.Train.Len(), example) + bytes(c.StepsPerEpoch(data.Train.Len())*local, label)
	}
	m.Images += bytes(feed.Slots*data.streamedRows(batch), example)
	for _, e := range []feed.Examples{data.Valid, data.Test} {
		if !e.Streamed() {
			m.Images += bytes(e.Len(), example)
		}
	}
	if aligned {
		m.Alignment = measure.AlignmentBytes(net, c)
	}
	return m
}

// bytes returns the size of n elements of each bytes.
func bytes(n, size int) uint64 { return uint64(n) * uint64(size) }
