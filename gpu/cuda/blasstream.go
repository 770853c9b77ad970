//go:build cuda

package cuda

import (
	"gorgonia.org/cu"
	cublas "gorgonia.org/cu/blas"

	"mdfa/gpu/cuda/internal/cuext"
)

// blasStream is a stream with its own cuBLAS handle, whose workspace no other stream's products
// write to. NVIDIA promises the same bits from run to run only then (cuBLAS documentation,
// "Results Reproducibility").
type blasStream struct {
	stream cu.Stream
	blas   *cublas.Standard
	memory uint64 // cuBLAS's workspace
	// warm holds the kinds of products that blas has run, as coldProducts lists them.
	warm map[product]struct{}
}

// open makes the stream. It does not wait for the default stream, which the package does not
// use. After an error, closeBLAS and close free the part that was opened.
func (s *blasStream) open(c caller) error {
	var err error
	s.stream, err = cu.MakeStream(cu.NonBlocking)
	return c.failure("cuStreamCreate", err)
}

// openBLAS starts cuBLAS with a workspace from our memory: with one that cuBLAS allocates, a
// captured graph would hold memory that nobody counts. Every stream has the same number of
// bytes, so that cuBLAS chooses the same algorithms.
func (s *blasStream) openBLAS(m *memory, bytes uint64, tf32 bool) error {
	var err error
	if s.memory, err = m.reserve(int(bytes), "cuBLAS workspace"); err != nil {
		return err
	}
	b := &cublas.Standard{}
	if err := b.Init(); err != nil {
		return m.failure("cublasCreate", err)
	}
	s.blas, s.warm = b, map[product]struct{}{}
	return m.failure("setting cuBLAS up", cuext.SetUpBLAS(b, s.stream, s.memory, int64(bytes), tf32))
}

// closeBLAS stops cuBLAS. Its workspace goes with the arena.
func (s *blasStream) closeBLAS() error {
	if s.blas == nil {
		return nil
	}
	return s.blas.Close()
}

// close destroys the stream.
func (s *blasStream) close() error {
	if s.stream == (cu.Stream{}) {
		return nil
	}
	return s.stream.Destroy()
}
