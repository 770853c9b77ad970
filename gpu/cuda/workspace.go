//go:build cuda

package cuda

import (
	"fmt"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// workspace is memory in which operations keep what nobody else sees: patches, sums of
// chunks. The operations of one stream can share it, as each is done with it before the
// next begins. A program's graph holds addresses in it, so that a program keeps the
// workspace that it was recorded with, while the device may have moved to a larger one.
type workspace struct {
	addr  uint64
	bytes int
	users int // the device, while it is its own, and programs
}

// provideWorkspace makes sure that the device's workspace has n bytes. On the executor.
func (d *Device) provideWorkspace(n int) error {
	if n == 0 || d.workspace != nil && d.workspace.bytes >= n {
		return nil
	}
	n = int(roundUp(uint64(n), mib))
	old := d.workspace
	d.workspace = nil
	if err := d.leaveWorkspace(old); err != nil { // first, to make room
		return err
	}
	addr, err := d.reserve(n, "workspace")
	if err != nil {
		return fmt.Errorf("a workspace of %d MiB: %w", n/mib, err)
	}
	d.workspace = &workspace{addr: addr, bytes: n, users: 1}
	return nil
}

// leaveWorkspace takes one user off a workspace and frees it after the last. On the executor.
func (d *Device) leaveWorkspace(w *workspace) error {
	if w == nil {
		return nil
	}
	if w.users--; w.users > 0 {
		return nil
	}
	return d.release(w.addr)
}

// op is an operation whose arguments were checked, ready to be issued any number of times.
type op struct {
	name      string
	workspace int // bytes that it needs
	issue     func(q *queue)
}

// builder makes an op. The first size that a kernel cannot take stays in err.
type builder struct {
	op
	err error
}

// count is n as a kernel takes it.
func (b *builder) count(n int) int32 {
	c, err := kernels.Count(n)
	if err != nil {
		b.refuse("%d elements at once: at most %d are possible, use smaller batches", n, kernels.MaxElements)
	}
	return c
}

// maxDimension is the largest size of a matrix that cuBLAS takes.
const maxDimension = 1<<31 - 1

// matrices refuses products with sizes that cuBLAS cannot take.
func (b *builder) matrices(list ...matrix) {
	for _, m := range list {
		if m.rows > maxDimension || m.cols > maxDimension {
			b.refuse("a matrix [%d, %d]: cuBLAS takes at most %d rows and columns", m.rows, m.cols, maxDimension)
		}
	}
}

func (b *builder) refuse(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("gpu: %s: %s: %w", b.name, fmt.Sprintf(format, args...), gpu.ErrShape)
	}
}

// scratch lays out n bytes in the workspace and returns their offset.
func (b *builder) scratch(n int) int {
	offset := b.workspace
	b.workspace += int(roundUp(uint64(n), blockAlign))
	return offset
}
