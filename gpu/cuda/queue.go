//go:build cuda

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"mdfa/gpu/cuda/kernels"
)

// launch is one piece of work in the stream, as a profile counts it.
type launch struct {
	kernel string // its name; "sgemm" for a product, "memset" and "copy"
	// bytes and operations that the work cannot do without: gpu.KernelProfile has the rules
	read, written, flops int
	product              product // of "sgemm"
	operation            int     // its place in the program, in program.launches
}

// queue puts work into the stream: kernels, products, fills and copies. It belongs to
// the executor's thread. The first failure of an operation stays in err, and nothing
// more is issued until [queue.take] has fetched it, so that operations need not look at
// every call.
type queue struct {
	lane      // the first one, except while the fork of a program issues
	functions [kernels.NumKernels]cu.Function
	sync      bool // wait for each piece of work
	fail      func(call string, err error) error

	workspace uint64 // where the memory of an operation's own begins
	err       error
	observer  observer // nil: nobody looks
	dry       bool     // tell the observer, but issue nothing

	next   launch           // what the kernel that is launched next costs
	params []unsafe.Pointer // of a launch, kept for the next one
}

// observer is told of every piece of work.
type observer interface {
	before(l launch) error
	after(l launch) error
}

// issue makes one call that puts l into the stream.
func (q *queue) issue(l launch, call func() error) {
	if q.err != nil {
		return
	}
	if q.observer != nil {
		if q.err = q.fail(l.kernel, q.observer.before(l)); q.err != nil {
			return
		}
	}
	if !q.dry {
		if q.err = q.fail(l.kernel, call()); q.err != nil {
			return
		}
		if q.sync {
			if q.err = q.fail(fmt.Sprintf("kernel %s failed", l.kernel), q.stream.Synchronize()); q.err != nil {
				return
			}
		}
	}
	if q.observer != nil {
		q.err = q.fail(l.kernel, q.observer.after(l))
	}
}

// take returns the first failure since the last call, and forgets it.
func (q *queue) take() error {
	err := q.err
	q.err = nil
	return err
}

// kernel returns the wrappers of all kernels, for one launch with the given cost in
// bytes and operations. The launch's error goes to [queue.note].
func (q *queue) kernel(read, written, flops int) kernels.Kernels {
	q.next = launch{read: read, written: written, flops: flops}
	return kernels.Kernels{Launcher: q}
}

// note keeps what a wrapper of a kernel returned.
func (q *queue) note(err error) {
	if q.err == nil {
		q.err = err
	}
}

// Launch implements kernels.Launcher with gorgonia's Function.Launch.
func (q *queue) Launch(k kernels.Kernel, s kernels.Shape, words []uint64) error {
	l := q.next
	l.kernel = k.String()
	q.issue(l, func() error {
		q.params = q.params[:0]
		for i := range words {
			q.params = append(q.params, unsafe.Pointer(&words[i]))
		}
		return q.functions[k].Launch(
			int(s.Grid[0]), int(s.Grid[1]), int(s.Grid[2]), int(s.Block[0]), int(s.Block[1]), int(s.Block[2]),
			int(s.Shared), q.stream, q.params)
	})
	return nil // the error is in q.err already, without the wrapper's prefix
}

// zero clears n bytes.
func (q *queue) zero(dst kernels.DevicePtr, n int) {
	if n > 0 {
		q.issue(launch{kernel: "memset", written: n}, func() error {
			return cu.MemsetD8Async(cu.DevicePtr(dst), 0, int64(n), q.stream)
		})
	}
}

// copy copies n bytes within the device.
func (q *queue) copy(dst, src kernels.DevicePtr, n int) {
	if n > 0 {
		q.issue(launch{kernel: "copy", read: n, written: n}, func() error {
			return cu.MemcpyDtoDAsync(cu.DevicePtr(dst), cu.DevicePtr(src), int64(n), q.stream)
		})
	}
}

// at is the address of an area of the workspace.
func (q *queue) at(a *area) kernels.DevicePtr {
	return kernels.DevicePtr(q.workspace + uint64(a.offset))
}
