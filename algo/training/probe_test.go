package training

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/algo/measure"
	"mdfa/gpu"
	"mdfa/model"
)

// probing looks into the network after each epoch.
type probing struct {
	silent
	probe  *measure.Probe
	latest [][]float32
	err    error
}

func (p *probing) Epoch(e Epoch) error {
	p.latest, p.err = p.probe.Preactivations()
	if p.err != nil {
		return p.err
	}
	return p.silent.Epoch(e)
}

// probeTolerance is for sums of a few hundred float32 products, against float64.
const probeTolerance = 1e-5

func TestProbeShowsThePreactivationsAndChangesNothing(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, streamed := range []bool{false, true} {
			data := Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41)}
			if streamed {
				data.Train, data.Valid = algotest.FromSource(data.Train, false), algotest.FromSource(data.Valid, false)
			}
			plain, trainer := newRunOn(t, dev, algotest.Config(algo.MDFA), Schedule{Epochs: 2, Seed: 4}, data)
			want, err := trainer.Run(context.Background(), &silent{})
			require.NoError(t, err)
			untouched, err := plain.Params()
			require.NoError(t, err)
			require.NoError(t, trainer.Close())
			require.NoError(t, plain.Close())

			l, trainer := newRunOn(t, dev, algotest.Config(algo.MDFA), Schedule{Epochs: 2, Seed: 4}, data)
			images, err := data.Valid.First(11, 81)
			require.NoError(t, err)
			assert.Equal(t, algotest.Bands(2, 41).Images[:11*81], images)
			watch := &probing{}
			watch.probe, err = trainer.NewProbe(images)
			require.NoError(t, err)
			got, err := trainer.Run(context.Background(), watch)
			require.NoError(t, err)
			for i := range want.Epochs {
				assert.Equal(t, want.Epochs[i].Train, got.Epochs[i].Train)
				assert.Equal(t, want.Epochs[i].Valid, got.Epochs[i].Valid)
			}
			params, err := watch.probe.Params()
			require.NoError(t, err)
			assert.Equal(t, untouched, params, "the weights have the bits of a run that nobody looked into")

			// Now the weights are those of the end.
			pre, err := watch.probe.Preactivations()
			require.NoError(t, err)
			require.Len(t, pre, 1)
			assertPreactivations(t, l.Network(), params, images, pre[0])
			require.NoError(t, watch.probe.Close())
			require.NoError(t, trainer.Close())
			require.NoError(t, l.Close())
		}
	})
}

// assertPreactivations computes those of a convolutional first layer in float64.
func assertPreactivations(t *testing.T, net *model.Network, params []float32, images []uint8, got []float32) {
	t.Helper()
	layer := net.Layers[0]
	w, b := layer.W.Of(params), layer.B.Of(params)
	n := len(images) / net.Input.Size()
	require.Len(t, got, n*layer.Units())
	at := 0
	for i := range n {
		image := images[i*net.Input.Size():]
		for row := range layer.Out.H {
			for column := range layer.Out.W {
				for o := range layer.Out.C {
					a := float64(b[o])
					for y := range layer.Kernel {
						for x := range layer.Kernel {
							pixel := image[(row*layer.Stride+y)*net.Input.W+column*layer.Stride+x]
							a += float64(pixel) / 255 * float64(w[(y*layer.Kernel+x)*layer.Out.C+o])
						}
					}
					require.InDelta(t, a, got[at], probeTolerance*max(1, math.Abs(a)))
					at++
				}
			}
		}
	}
}

func TestProbeOfEveryActivation(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		var first []float32
		for _, act := range gpu.Activations() {
			net, err := model.NewDense(model.Shape{H: 9, W: 9, C: 1}, []int{6, 5}, 3, act)
			require.NoError(t, err)
			params, err := net.InitialParams(algotest.Init(t, "U9"), false, 1)
			require.NoError(t, err)
			l, err := algo.NewLearner(dev, net, algotest.Config(algo.BP), params, nil)
			require.NoError(t, err)
			trainer, err := New(t.Context(), l, Data{Train: algotest.Bands(1, 20)}, Schedule{Epochs: 1})
			require.NoError(t, err)
			p, err := trainer.NewProbe(algotest.Bands(1, 8).Images)
			require.NoError(t, err)
			pre, err := p.Preactivations()
			require.NoError(t, err)
			require.Len(t, pre, 2)
			if first == nil {
				first = pre[0]
			}
			assert.Equal(t, first, pre[0], "the first layer's do not depend on the activation")
			w, b := net.Layers[1].W.Of(params), net.Layers[1].B.Of(params)
			for i := range 8 {
				for o := range 5 {
					a := float64(b[o])
					for k := range 6 {
						a += act.F(float64(pre[0][i*6+k])) * float64(w[k*5+o])
					}
					assert.InDelta(t, a, pre[1][i*5+o], probeTolerance*max(1, math.Abs(a)), act)
				}
			}
			require.NoError(t, p.Close())
			require.NoError(t, trainer.Close())
			require.NoError(t, l.Close())
		}
	})
}

func TestProbePools(t *testing.T) {
	net, err := model.NewConv(model.Shape{H: 9, W: 9, C: 1}, []model.Filter{
		{Filters: 4, Kernel: 3, Stride: 1, Pool: model.Pooling{Kind: gpu.MaxPooling, Kernel: 2, Stride: 2}},
		{Filters: 3, Kernel: 2, Stride: 1},
	}, 3, gpu.Tanh)
	require.NoError(t, err)
	params, err := net.InitialParams(algotest.Init(t, "U3"), false, 1)
	require.NoError(t, err)
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		l, err := algo.NewLearner(dev, net, algotest.Config(algo.BP), params, nil)
		require.NoError(t, err)
		trainer, err := New(t.Context(), l, Data{Train: algotest.Bands(1, 20)}, Schedule{Epochs: 1})
		require.NoError(t, err)
		const n = 8
		p, err := trainer.NewProbe(algotest.Bands(1, n).Images)
		require.NoError(t, err)
		pre, err := p.Preactivations()
		require.NoError(t, err)
		first, second := net.Layers[0], net.Layers[1]
		for i := range n {
			h := hostWide(pre[0][i*first.Units():][:first.Units()])
			for j, a := range h {
				h[j] = math.Tanh(a)
			}
			for j, a := range hostForward(second, hostWide(params), hostPassed(first, h)) {
				assert.InDelta(t, a, pre[1][i*second.Units()+j], probeTolerance*max(1, math.Abs(a)))
			}
		}
		require.NoError(t, p.Close())
		require.NoError(t, trainer.Close())
		require.NoError(t, l.Close())
	})
}

func TestProbeRefusesWhatDoesNotFit(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		l, trainer, _ := newRun(t, dev, algotest.Config(algo.BP), Schedule{Epochs: 1})
		for _, bytes := range []int{0, 80, 82, 17 * 81} {
			_, err := trainer.NewProbe(make([]uint8, bytes))
			assert.ErrorIs(t, err, gpu.ErrShape, "%d bytes", bytes)
		}
		require.NoError(t, trainer.Close())
		require.NoError(t, l.Close())
	})
}
