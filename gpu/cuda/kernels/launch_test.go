package kernels

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notebook is a Launcher that writes down its calls.
type notebook struct {
	kernel Kernel
	words  []uint64
	calls  int
	err    error
}

func (n *notebook) Launch(k Kernel, _ Shape, words []uint64) error {
	n.kernel, n.words = k, append([]uint64(nil), words...)
	n.calls++
	return n.err
}

func TestWrappersPackOneParameterPerWord(t *testing.T) {
	n := &notebook{}
	require.NoError(t, Kernels{n}.LossSigmoid(LossShape(64, 1), 1<<40, 2, 3, 4, 5, 6, 7, 8, -1, 2, 0.5))
	assert.Equal(t, KernelLossSigmoid, n.kernel)
	assert.Equal(t, []uint64{1 << 40, 2, 3, 4, 5, 6, 7, 8, math.MaxUint32, 2, uint64(math.Float32bits(0.5))}, n.words)
}

func TestStructsArePassedAsTheirMemory(t *testing.T) {
	n := &notebook{}
	args := DeltaArgs{E: 11, Labels: 13, From: 12, Batch: 64, Logits: 10, Columns: 400, Layers: 2, Width: 4, Draw: DrawNormal, SeedLow: -1, SeedHigh: 7, FirstLayer: 16, Low: 1, High: -2, Scale: 0.5}
	args.Layer[0] = DeltaLayer{Below: 21, Delta: 22, Sums: 23, Size: 200}
	args.Layer[1] = DeltaLayer{Below: 31, Delta: 32, Sums: 33, Size: 200, Column: 200, Act: ActPl}
	require.NoError(t, Kernels{n}.Feedback(args.Shape(), &args))
	const header = 10 // words before the layers
	require.Len(t, n.words, header+5*MaxLayers)
	assert.Equal(t, []uint64{11, 13, 12, 64 | 10<<32, 400 | 2<<32, 128 | 4<<32,
		DrawNormal | 0xffffffff<<32, 7 | 16<<32, 0x3f800000 | 0xc0000000<<32, 0x3f000000, 21, 22, 23, 200, 0, 31, 32, 33, 200 | 200<<32, ActPl | 7<<32}, n.words[:20])
}

func TestNothingIsLaunchedForNothing(t *testing.T) {
	n := &notebook{}
	k := Kernels{n}
	require.NoError(t, k.Sgd(ElementsShape(0, 4, 8), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4))
	require.NoError(t, k.Gather(GatherShape(0, 784, 4), 0, 0, 0, 0, 0, 0, 0, 784, 0, 0, 1, 4))
	require.NoError(t, k.Im2col(Im2colShape(3, 2, 2, 1, 0, 4, 9, 1), 0, 0, 3, 2, 2, 1, 3, 1, 0, 0, 4, 1))
	var none DeltaArgs
	none.Width = 1
	require.NoError(t, k.Feedback(none.Shape(), &none))
	assert.Zero(t, n.calls)
}

func TestLaunchErrorsNameTheKernel(t *testing.T) {
	lost := errors.New("device lost")
	err := Kernels{&notebook{err: lost}}.BiasTanh(BiasShape(1, 8, 4, 1), 0, 0, 1, 8, 4)
	require.ErrorIs(t, err, lost)
	assert.ErrorContains(t, err, "bias_tanh")

	tooMany := Shape{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{Block, 2, 1}}
	n := &notebook{}
	assert.ErrorContains(t, Kernels{n}.BiasTanh(tooMany, 0, 0, 1, 8, 4), "512 threads a block, compiled for at most 256")
	assert.Zero(t, n.calls)
}

func TestKernelNames(t *testing.T) {
	assert.Equal(t, "loss_softmax", KernelLossSoftmax.String())
	assert.Equal(t, "Kernel(-1)", Kernel(-1).String())
}
