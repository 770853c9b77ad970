//go:build cuda

package cuda_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
)

// patchedLayer is a convolution with its gradient.
type patchedLayer struct {
	d                      gpu.Device
	s                      gpu.ConvShape
	x, other, w, dy, h, dw gpu.Span
}

// patchBytes is the memory for the patches of a patchedLayer: two images of 16 positions, 16
// floats each.
const patchBytes = 2 * 16 * 16 * 4

func newPatchedLayer(t *testing.T, d gpu.Device) *patchedLayer {
	t.Helper()
	return newLayerOf(t, d, gpu.ConvShape{Batch: 2, InH: 5, InW: 5, InC: 4, Kernel: 2, Stride: 1, OutC: 3})
}

func newLayerOf(t *testing.T, d gpu.Device, s gpu.ConvShape) *patchedLayer {
	t.Helper()
	return &patchedLayer{
		d: d, s: s, x: floats(t, d, ramp(s.InLen())...), other: floats(t, d, ramp(s.InLen() + 5)[5:]...),
		w: floats(t, d, ramp(s.Patch()*s.OutC)...), dy: floats(t, d, ramp(s.OutLen())...),
		h: zeros(t, d, s.OutLen()), dw: zeros(t, d, s.Patch()*s.OutC),
	}
}

func (l *patchedLayer) forward() error {
	return l.d.Conv(gpu.ConvArgs{Shape: l.s, Out: gpu.Hidden{H: l.h}, X: l.x, W: l.w, B: l.w.Slice(0, l.s.OutC)})
}

func (l *patchedLayer) gradient() error {
	return l.d.ConvGrad(gpu.ConvGradArgs{Shape: l.s, DW: l.dw, X: l.x, DY: l.dy})
}

// TestPatchesServeAllWhoNeedThem counts how often they are laid out in a step: once for
// as long as the image stays what it was, and as many are kept as the workspace may hold.
func TestPatchesServeAllWhoNeedThem(t *testing.T) {
	for name, c := range map[string]struct {
		layers int
		limit  int64
		change bool // of the image between forward pass and gradient
		im2col int
	}{
		"forward and gradient":      {layers: 1, im2col: 1},
		"two layers":                {layers: 2, im2col: 2},
		"the image changes between": {layers: 1, change: true, im2col: 2},
		"as many as fit":            {layers: 2, limit: patchBytes, im2col: 3},
		"a batch in two parts":      {layers: 1, limit: patchBytes - 1, im2col: 4},
	} {
		t.Run(name, func(t *testing.T) {
			m := machine(t, small())
			d := open(t, m, cuda.Options{WorkspaceBytes: c.limit})
			var layers []*patchedLayer
			for range c.layers {
				layers = append(layers, newPatchedLayer(t, d))
			}
			step := func() error {
				for _, l := range layers {
					if err := l.forward(); err != nil {
						return err
					}
				}
				for _, l := range layers {
					if c.change {
						if err := d.Copy(l.x, l.other); err != nil {
							return err
						}
					}
					if err := l.gradient(); err != nil {
						return err
					}
				}
				return nil
			}
			reset := func() {
				for _, l := range layers {
					require.NoError(t, gpu.Upload(d, l.x.Buf, 0, ramp(l.x.Len)))
					require.NoError(t, d.Zero(l.dw))
				}
			}
			result := func() (all [][]float32) {
				for _, l := range layers {
					all = append(all, read(t, d, l.h), read(t, d, l.dw))
				}
				return all
			}
			require.NoError(t, step())
			want := result()
			reset()

			program, err := d.Record(step)
			require.NoError(t, err)
			before := m.Ledger()
			require.NoError(t, program.Run())
			assert.Equal(t, want, result())
			assert.Equal(t, c.im2col, m.Ledger().Since(before).Kernels["im2col"].Launches)
		})
	}
}

// TestPatchesThatLieReadyAreNotMade takes the input for them, forward and for the gradient.
func TestPatchesThatLieReadyAreNotMade(t *testing.T) {
	for name, c := range map[string]struct {
		shape  gpu.ConvShape
		im2col int
	}{
		"1x1":                 {gpu.ConvShape{Batch: 2, InH: 4, InW: 5, InC: 3, Kernel: 1, Stride: 1, OutC: 3}, 0},
		"1x1 with gaps":       {gpu.ConvShape{Batch: 2, InH: 4, InW: 5, InC: 3, Kernel: 1, Stride: 2, OutC: 3}, 2},
		"the whole image":     {gpu.ConvShape{Batch: 2, InH: 4, InW: 4, InC: 3, Kernel: 4, Stride: 1, OutC: 3}, 0},
		"strips":              {gpu.ConvShape{Batch: 2, InH: 8, InW: 4, InC: 3, Kernel: 4, Stride: 4, OutC: 3}, 0},
		"strips that overlap": {gpu.ConvShape{Batch: 2, InH: 8, InW: 4, InC: 3, Kernel: 4, Stride: 2, OutC: 3}, 2},
		"tiles":               {gpu.ConvShape{Batch: 2, InH: 8, InW: 8, InC: 3, Kernel: 4, Stride: 4, OutC: 3}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			m := machine(t, small())
			d := open(t, m, cuda.Options{})
			l := newLayerOf(t, d, c.shape)
			before := m.Ledger()
			require.NoError(t, l.forward())
			require.NoError(t, l.gradient())
			require.NoError(t, d.Sync())
			assert.Equal(t, c.im2col, m.Ledger().Since(before).Kernels["im2col"].Launches)
		})
	}
}

// TestStreamsHaveWorkspacesOfTheirOwn lays out the patches of two layers at the same time.
func TestStreamsHaveWorkspacesOfTheirOwn(t *testing.T) {
	d := open(t, machine(t, small()), cuda.Options{})
	layers := []*patchedLayer{newPatchedLayer(t, d), newPatchedLayer(t, d)}
	program, err := d.Record(func() error { return errors.Join(layers[0].forward(), layers[1].forward()) })
	require.NoError(t, err)
	require.Equal(t, 2, cuda.Streams(program))
	require.NoError(t, program.Run())
	got := read(t, d, layers[0].h)
	require.NoError(t, layers[1].forward())
	assert.Equal(t, read(t, d, layers[1].h), got)
}
