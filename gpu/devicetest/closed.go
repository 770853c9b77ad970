package devicetest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// closed checks a device after Close: each call returns ErrClosed and does not panic.
func (s *suite) closed(t *testing.T) {
	d := s.open(t)
	b := upload(t, d, []float32{1, 2})
	op, _ := adder(t, d)
	p := record(t, d, op)
	stepped := false
	calls := hostCalls(d, b, func() error { stepped = true; return nil })
	calls["Run"] = p.Run
	operations := make(map[string]func() error) // with the arguments of the misuse group
	for _, op := range misusedOps() {
		args := op.lay(newStage(t, d, oddLeads))
		operations[op.name] = func() error { return op.run(d, args) }
	}
	require.NoError(t, d.Close())

	for _, list := range []map[string]func() error{calls, operations} {
		for _, name := range sortedKeys(list) {
			t.Run(name, func(t *testing.T) { assert.ErrorIs(t, list[name](), gpu.ErrClosed) })
		}
	}
	t.Run("RecordDoesNotCallStep", func(t *testing.T) { assert.False(t, stepped) })
	t.Run("BufferCannotBeFreed", func(t *testing.T) {
		err := b.Buf.Free()
		assert.True(t, errors.Is(err, gpu.ErrClosed) || errors.Is(err, gpu.ErrBuffer), "Free after Close: %v", err)
	})
	t.Run("BufferStillKnowsItsSize", func(t *testing.T) {
		assert.Equal(t, 2, b.Buf.Len())
		assert.Equal(t, gpu.Float32, b.Buf.DType())
	})
	t.Run("AgainDoesNotPanic", func(t *testing.T) {
		if err := d.Close(); err != nil {
			assert.ErrorIs(t, err, gpu.ErrClosed)
		}
		_ = p.Free()
	})
}

// hostCalls are the calls that neither a closed device nor a recording takes.
func hostCalls(d gpu.Device, b gpu.Span, step func() error) map[string]func() error {
	return map[string]func() error{
		"Alloc":    func() error { _, err := d.Alloc(gpu.Float32, 1); return err },
		"Upload":   func() error { return gpu.Upload(d, b.Buf, 0, []float32{1}) },
		"Download": func() error { return gpu.Download(d, make([]float32, 1), b.Buf, 0) },
		"Sync":     d.Sync,
		"Record":   func() error { _, err := d.Record(step); return err },
	}
}
