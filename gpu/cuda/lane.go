//go:build cuda

package cuda

import (
	"errors"

	"gorgonia.org/cu"
	cublas "gorgonia.org/cu/blas"

	"mdfa/gpu"
)

// lane is a stream with a cuBLAS of its own, whose workspace no other stream's products
// write to: NVIDIA promises the same bits from run to run only then (cuBLAS
// documentation, "Results Reproducibility").
type lane struct {
	stream cu.Stream
	blas   *cublas.Standard
	memory uint64 // cuBLAS's workspace
	// warm are the kinds of products that blas has run, as [fork.coldProducts] has them.
	warm map[product]struct{}
}

// usualStreams is how many streams a recorded step is spread over at most. The paper's
// networks for MNIST and CIFAR use three under DFA: one gradient for each hidden layer,
// that of the logit layer beside the feedback.
const usualStreams = 4

// open starts the lane on the device. It does not wait for the default stream, in which
// nothing of ours runs. What was opened before an error stays to be closed.
func (l *lane) open(d *Device) error {
	var err error
	if l.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return d.failure("cuStreamCreate", err)
	}
	return nil
}

// openBLAS starts cuBLAS with a workspace of our own: with one that cuBLAS allocates, a
// captured graph would hold memory that nobody counts. It is as large in every lane, so
// that cuBLAS chooses the same algorithms.
func (l *lane) openBLAS(d *Device) error {
	bytes := d.share(usualProductMemory, 256)
	var err error
	if l.memory, err = d.reserve(int(bytes), "cuBLAS workspace"); err != nil {
		return err
	}
	b := &cublas.Standard{}
	if err := b.Init(); err != nil {
		return d.failure("cublasCreate", err)
	}
	l.blas, l.warm = b, map[product]struct{}{}
	return d.failure("setting cuBLAS up", setUpBLAS(b, l.stream, l.memory, int64(bytes), d.options.TF32))
}

// closeBLAS and close give back what the lane has; its memory goes with the arena.
func (l *lane) closeBLAS() error {
	if l.blas == nil {
		return nil
	}
	return l.blas.Close()
}

func (l *lane) close() error {
	if l.stream == (cu.Stream{}) {
		return nil
	}
	return l.stream.Destroy()
}

// provideLanes opens lanes beside the first, up to n in all, and returns how many there
// are: memory that cannot be had only costs the overlap. On the executor.
func (d *Device) provideLanes(n int) (int, error) {
	for len(d.side) < n-1 {
		l := &lane{}
		err := l.open(d)
		if err == nil {
			err = l.openBLAS(d)
		}
		if err == nil {
			d.side = append(d.side, l)
			continue
		}
		if l.memory != 0 {
			err = errors.Join(err, d.release(l.memory))
		}
		err = errors.Join(err, d.failure("cublasDestroy", l.closeBLAS()), d.failure("cuStreamDestroy", l.close()))
		if !errors.Is(err, gpu.ErrOutOfMemory) {
			return 0, err
		}
		break
	}
	return min(n, 1+len(d.side)), nil
}
