package measure

import (
	"fmt"

	"mdfa/algo"
	"mdfa/algo/owned"
	"mdfa/gpu"
	"mdfa/model"
)

// Probe runs a batch of images through a network that trains, between two epochs, and returns the preactivations of its
// layers. It uses the buffers of the learner that every step writes anew.
type Probe struct {
	learner *algo.Learner
	owned   owned.List // all buffers below
	n       int        // images
	pixels  gpu.Buffer // uint8 [n · input]
	labels  gpu.Buffer // int32 [n], all zero: Gather needs some
	cursor  gpu.Buffer // int32 [1], zero
	pre     gpu.Buffer // [n · the widest layer's units], for activations that keep no preactivations
}

// ProbeBytes returns about the device memory of a probe with this number of images.
func ProbeBytes(net *model.Network, images int) uint64 {
	perImage := net.Input.Size() + gpu.Int32.Size()
	if !net.Activation.NeedsPre() {
		perImage += gpu.Float32.Size() * widest(net)
	}
	return uint64(images) * uint64(perImage)
}

// NewProbe brings images, [n, height, width, channels] bytes, to the learner's device: at least one, and at most as
// many as its steps take.
func NewProbe(l *algo.Learner, images []uint8) (*Probe, error) {
	net, c := l.Network(), l.Config()
	features := net.Input.Size()
	n, most := len(images)/features, max(c.LocalBatch(), c.EvalBatch)
	if n < 1 || n > most || n*features != len(images) {
		return nil, fmt.Errorf("%d bytes of images to probe with, of %d each: 1 to %d images are possible: %w",
			len(images), features, most, gpu.ErrShape)
	}
	p := &Probe{learner: l, n: n, owned: owned.List{Device: l.Device()}}
	p.pixels = p.owned.Alloc("the probe's images", gpu.Uint8, len(images))
	p.labels = p.owned.Alloc("the probe's labels", gpu.Int32, n)
	p.cursor = p.owned.Alloc("the probe's cursor", gpu.Int32, 1)
	if !net.Activation.NeedsPre() {
		p.pre = p.owned.Floats("the probe's preactivations", n*widest(net))
	}
	err := p.owned.Err()
	if err == nil {
		err = l.Device().Upload(p.pixels, 0, images)
	}
	if err != nil {
		_ = p.Close() // the first error says more
		return nil, err
	}
	return p, nil
}

// Params downloads the parameters as they are now.
func (p *Probe) Params() ([]float32, error) { return p.learner.Params() }

// Preactivations returns those of each hidden layer, a = h·W + b before f, with the weights as they are now:
// [n, units], in the units' order h, w, c.
func (p *Probe) Preactivations() ([][]float32, error) {
	net, s := p.learner.Network(), p.learner.Step(p.n)
	if err := s.Gather(gpu.All(p.pixels), gpu.All(p.labels), gpu.Span{}, gpu.All(p.cursor)); err != nil {
		return nil, err
	}
	var list [][]float32
	for i, layer := range net.Hidden() {
		out := s.Output(i)
		if err := s.Hidden(i, out); err != nil {
			return nil, err
		}
		if err := s.Pool(i, false); err != nil {
			return nil, err
		}
		pre := out.Pre
		if !net.Activation.NeedsPre() {
			// The layer once more, without f.
			pre = gpu.All(p.pre).Slice(0, p.n*layer.Units())
			if err := s.Hidden(i, gpu.Hidden{Act: gpu.Linear, H: pre}); err != nil {
				return nil, err
			}
		}
		a, err := gpu.Read[float32](p.learner.Device(), pre)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// Close frees the probe's device memory.
func (p *Probe) Close() error { return p.owned.Free() }
