package algo

import (
	"fmt"

	"mdfa/gpu"
	"mdfa/model"
)

// First copies the first n images, or all where there are fewer, each of so many bytes.
func (e Examples) First(n, features int) ([]uint8, error) {
	n = min(n, e.Len())
	images := make([]uint8, n*features)
	if e.Source == nil {
		copy(images, e.Images)
		return images, nil
	}
	for i := range n {
		if err := e.Source.Image(i, images[i*features:(i+1)*features]); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// Probe looks into a network that trains, between two epochs: it takes a batch of images
// through it and shows what they leave there. It lends the buffers of the learner that
// every step writes anew, so that nothing of the training changes.
type Probe struct {
	learner *Learner
	n       int          // images
	pixels  gpu.Buffer   // uint8 [n · input]
	labels  gpu.Buffer   // int32 [n], all zero: Gather wants some
	cursor  gpu.Buffer   // int32 [1], zero
	pre     gpu.Buffer   // [n · the widest layer's units], for activations that keep no preactivations
	owned   []gpu.Buffer // all of these
}

// ProbeBytes is about how much device memory a probe of so many images takes.
func ProbeBytes(net *model.Network, images int) uint64 {
	perImage := net.Input.Size() + gpu.Int32.Size()
	if !net.Activation.NeedsPre() {
		perImage += gpu.Float32.Size() * widest(net)
	}
	return uint64(images) * uint64(perImage)
}

// NewProbe brings images, [n, height, width, channels] bytes, to the trainer's device. There
// is at least one, and at most as many as an evaluation step takes.
func (t *Trainer) NewProbe(images []uint8) (*Probe, error) {
	l := t.learner
	features := l.net.Input.Size()
	n, most := len(images)/features, max(l.cfg.Batch, l.cfg.EvalBatch)
	if n < 1 || n > most || n*features != len(images) {
		return nil, fmt.Errorf("algo: %d bytes of images to probe with, of %d each: 1 to %d images are possible: %w",
			len(images), features, most, gpu.ErrShape)
	}
	p := &Probe{learner: l, n: n}
	if err := p.prepare(images); err != nil {
		_ = p.Close() // what went wrong first says more
		return nil, err
	}
	return p, nil
}

func (p *Probe) prepare(images []uint8) error {
	l := p.learner
	var err error
	take := func(kind gpu.DType, length int) gpu.Buffer {
		if err != nil {
			return nil
		}
		var b gpu.Buffer
		if b, err = l.dev.Alloc(kind, length); err == nil {
			p.owned = append(p.owned, b)
		}
		return b
	}
	p.pixels = take(gpu.Uint8, len(images))
	p.labels = take(gpu.Int32, p.n)
	p.cursor = take(gpu.Int32, 1)
	if !l.net.Activation.NeedsPre() {
		p.pre = take(gpu.Float32, p.n*widest(l.net))
	}
	if err != nil {
		return fmt.Errorf("memory to probe the network with: %w", err)
	}
	return l.dev.Upload(p.pixels, 0, images)
}

// Params downloads the parameters as they are now.
func (p *Probe) Params() ([]float32, error) { return p.learner.Params() }

// Preactivations are those of each hidden layer, a = h·W + b before f, with the weights as
// they are now: [n, units], in the units' order h, w, c.
func (p *Probe) Preactivations() ([][]float32, error) {
	l := p.learner
	if err := l.gather(p.n, gpu.All(p.pixels), gpu.All(p.labels), gpu.Span{}, gpu.All(p.cursor)); err != nil {
		return nil, err
	}
	s := l.step(p.n, nil)
	var list [][]float32
	for i, layer := range l.net.Hidden() {
		out := s.Output(i)
		if err := s.hidden(i, out); err != nil {
			return nil, err
		}
		pre := out.Pre
		if !l.net.Activation.NeedsPre() {
			// The layer once more, without f.
			pre = gpu.All(p.pre).Slice(0, p.n*layer.Units())
			if err := s.hidden(i, gpu.Hidden{Act: gpu.Linear, H: pre}); err != nil {
				return nil, err
			}
		}
		a, err := gpu.Read[float32](l.dev, pre)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// Close frees what the probe has on the device.
func (p *Probe) Close() error {
	var first error
	for _, b := range p.owned {
		if err := b.Free(); err != nil && first == nil {
			first = err
		}
	}
	p.owned = nil
	return first
}
