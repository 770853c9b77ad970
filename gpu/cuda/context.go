//go:build cuda

package cuda

import (
	"cmp"
	"errors"
	"slices"

	"gorgonia.org/cu"

	"mdfa/gpu"
	"mdfa/gpu/cuda/internal/cuext"
)

// context is the device's primary context and everything that was opened in it. All methods
// but do run on the executor.
type context struct {
	caller
	limits
	options Options
	exec    *cuext.Executor
	gpu     cu.Device
	about   Description
	module  cu.Module
	queue   queue
	copies  cu.Stream // for the copies of feeds; made with the first of them
	memory  *memory
	staging staging

	side      []*blasStream // beside the queue's, for recorded steps on several streams
	blasBytes uint64        // of each cuBLAS workspace
	workspace *workspace    // of operations outside programs, or nil
}

// do runs f on the executor, as a part of the operation op.
func (c *context) do(op string, f func() error) error {
	return c.exec.Do(func() error { return c.fail(op, f()) })
}

// drain waits for both streams.
func (c *context) drain() error {
	err := c.wait(c.queue.stream)
	if c.copies != (cu.Stream{}) {
		err = cmp.Or(err, c.wait(c.copies))
	}
	return err
}

// direct issues one operation with the device's own workspace.
func (c *context) direct(o op) error {
	if err := c.provideWorkspace(o.place(0)); err != nil {
		return c.fail(o.name, err)
	}
	return c.run(o, c.workspace)
}

// run issues one operation.
func (c *context) run(o op, w *workspace) error {
	if w != nil {
		c.queue.workspace = w.addr
	}
	o.issue(&c.queue)
	return c.fail(o.name, c.queue.take())
}

// provideWorkspace makes sure that the device's workspace has n bytes.
func (c *context) provideWorkspace(n int) error {
	if n == 0 || c.workspace != nil && c.workspace.bytes >= n {
		return nil
	}
	old := c.workspace
	c.workspace = nil
	if err := c.memory.leave(old); err != nil { // first, to make room
		return err
	}
	var err error
	c.workspace, err = c.memory.newWorkspace(n)
	return err
}

// provideStreams opens streams beside the first, up to n in all, and returns how many there
// are. Without memory for another stream there is only less overlap.
func (c *context) provideStreams(n int) (int, error) {
	for len(c.side) < n-1 {
		s := &blasStream{}
		err := s.open(c.caller)
		if err == nil {
			err = s.openBLAS(c.memory, c.blasBytes, c.options.TF32)
		}
		if err == nil {
			c.side = append(c.side, s)
			continue
		}
		if s.memory != 0 {
			err = errors.Join(err, c.memory.release(s.memory))
		}
		err = errors.Join(err, c.failure("cublasDestroy", s.closeBLAS()), c.failure("cuStreamDestroy", s.close()))
		if !errors.Is(err, gpu.ErrOutOfMemory) {
			return 0, err
		}
		break
	}
	return min(n, 1+len(c.side)), nil
}

// closing is one call of close.
type closing struct {
	call string
	do   func() error
}

// close frees everything that was opened, in the opposite order, and returns the first
// error. Users are closed before the memory that they use. Open calls it too, after a failure.
func (c *context) close(users ...closing) error {
	streams := append(slices.Clone(c.side), &c.queue.blasStream)
	var list []closing
	add := func(opened bool, call string, do func() error) {
		if opened {
			list = append(list, closing{call, do})
		}
	}
	for _, s := range []cu.Stream{c.queue.stream, c.copies} {
		add(s != (cu.Stream{}), "cuStreamSynchronize", func() error { return c.finish(s) })
	}
	list = append(list, users...)
	if r := c.ranks; r != nil {
		add(true, "ncclCommDestroy", func() error { return r.close(*c.lost != nil) })
		streams = append(streams, &r.stream)
	}
	for _, s := range streams {
		add(true, "cublasDestroy", s.closeBLAS)
	}
	add(c.module != (cu.Module{}), "cuModuleUnload", c.module.Unload)
	add(true, "pinned memory", c.staging.close)
	add(c.memory != nil, "cuMemFree", func() error { return c.memory.arena.Close() })
	for _, s := range streams {
		add(true, "cuStreamDestroy", s.close)
	}
	add(c.copies != (cu.Stream{}), "cuStreamDestroy", func() error { return c.copies.Destroy() })
	add(true, "cuCtxSetCurrent", func() error { return cu.SetCurrentContext(cu.CUContext{}) })
	add(true, "cuDevicePrimaryCtxRelease", c.gpu.ReleasePrimaryCtx)
	var first error
	for _, one := range list {
		first = cmp.Or(first, c.failure(one.call, one.do()))
	}
	return first
}
