package devicetest

import (
	"errors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// closed checks a device after Close: each call says so, none panics.
func (s *suite) closed(t testingT) {
	d := s.open(t)
	b := upload(t, d, []float32{1, 2})
	op, _ := adder(t, d)
	p, err := d.Record(op)
	require.NoError(t, err)
	// Every operation, with the arguments of the misuse room.
	operations := make(map[string]func() error)
	for _, op := range misusedOps() {
		args := op.lay(newStage(t, d, oddLeads))
		operations[op.name] = func() error { return op.run(d, args) }
	}
	require.NoError(t, d.Close())

	recorded := false
	calls := map[string]func() error{
		"Alloc":    func() error { _, err := d.Alloc(gpu.Float32, 1); return err },
		"Upload":   func() error { return gpu.Upload(d, b.Buf, 0, []float32{1}) },
		"Download": func() error { return gpu.Download(d, make([]float32, 1), b.Buf, 0) },
		"Sync":     d.Sync,
		"Run":      p.Run,
		"Record":   func() error { _, err := d.Record(func() error { recorded = true; return nil }); return err },
	}
	for _, name := range sortedKeys(calls) {
		t.Run(name, func(t testingT) { assert.ErrorIs(t, calls[name](), gpu.ErrClosed) })
	}
	for _, name := range sortedKeys(operations) {
		t.Run(name, func(t testingT) { assert.ErrorIs(t, operations[name](), gpu.ErrClosed) })
	}
	t.Run("RecordDoesNotCallStep", func(t testingT) { assert.False(t, recorded) })
	t.Run("BufferCannotBeFreed", func(t testingT) {
		err := b.Buf.Free()
		assert.True(t, errors.Is(err, gpu.ErrClosed) || errors.Is(err, gpu.ErrBuffer), "Free after Close: %v", err)
	})
	t.Run("BufferStillKnowsItsSize", func(t testingT) {
		assert.Equal(t, 2, b.Buf.Len())
		assert.Equal(t, gpu.Float32, b.Buf.DType())
	})
	t.Run("AgainDoesNotPanic", func(t testingT) {
		if err := d.Close(); err != nil {
			assert.ErrorIs(t, err, gpu.ErrClosed)
		}
		_ = p.Free()
	})
}
