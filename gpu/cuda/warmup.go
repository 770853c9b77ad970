//go:build cuda

package cuda

import (
	"cmp"
	"errors"
	"slices"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// productAlign is the alignment of an operand that cuBLAS can profit from: the widest load.
const productAlign = 16

// warmUp runs the program's products once in the lanes that will capture them, on zeros. cuBLAS
// loads a kernel when it first needs it, and before CUDA 12.3 nothing can be loaded while a
// stream is captured. The device's own kernels are there: cuModuleGetFunction has loaded
// them (CUDA C++ Programming Guide, "Lazy Loading"). On the executor.
func (f *fork) warmUp() error {
	d := f.program.device
	cold := f.coldProducts()
	size := 0
	for _, p := range slices.Concat(cold...) {
		size = max(size, p.scratchBytes())
	}
	if size == 0 {
		return nil
	}
	// The scratch memory may be that of a buffer that was freed while work on it waits.
	if err := d.drain(); err != nil {
		return d.fail("record", err)
	}
	at, size, err := d.reserveAtMost(size, "products' warm-up")
	if err != nil {
		return d.fail("record", err)
	}
	first := d.queue.lane
	for i, list := range cold {
		if len(list) == 0 || err != nil {
			continue
		}
		d.queue.lane = f.lanes[i]
		err = d.warmUp(list, kernels.DevicePtr(at), size)
	}
	d.queue.lane = first
	return d.fail("record", cmp.Or(err, d.release(at)))
}

// reserveAtMost takes the size or, where the device has less memory, a half, a quarter and so on.
func (d *Device) reserveAtMost(size int, tag string) (addr uint64, got int, err error) {
	for {
		addr, err = d.reserve(size, tag)
		if !errors.Is(err, gpu.ErrOutOfMemory) || size <= blockAlign {
			return addr, size, err
		}
		size /= 2
	}
}

// warmUp runs products in the current lane and waits for them. Where the scratch memory is short
// it runs smaller ones of the same kinds.
func (d *Device) warmUp(list []product, scratch kernels.DevicePtr, size int) error {
	d.queue.zero(scratch, size)
	for _, p := range list {
		for p.scratchBytes() > size {
			p = p.halved()
		}
		p.a.at += scratch
		p.b.at += scratch
		p.c.at += scratch + kernels.DevicePtr(p.factorBytes())
		d.queue.gemm(p)
	}
	err := cmp.Or(d.queue.take(), d.failure("cuStreamSynchronize", d.queue.stream.Synchronize()))
	if err == nil {
		for _, p := range list {
			d.queue.warm[p] = struct{}{}
		}
	}
	return err
}

// coldProducts lists for each lane the products that it has not run yet, each kind once. Of
// the addresses only the alignment is left.
func (f *fork) coldProducts() [][]product {
	cold := make([][]product, len(f.lanes))
	seen := map[int]map[product]bool{}
	for _, l := range f.program.launches {
		if l.kernel != "sgemm" {
			continue
		}
		p := l.product
		for _, m := range []*matrix{&p.a, &p.b, &p.c} {
			m.at %= productAlign
		}
		i := f.program.schedule.stream[l.operation]
		if _, warm := f.lanes[i].warm[p]; warm || seen[i][p] {
			continue
		}
		if seen[i] == nil {
			seen[i] = map[product]bool{}
		}
		seen[i][p] = true
		cold[i] = append(cold[i], p)
	}
	return cold
}

// factorBytes is what either factor takes, from an aligned address on; both can lie there.
func (p product) factorBytes() int {
	return int(roundUp(uint64(4*max(p.a.rows*p.a.cols, p.b.rows*p.b.cols)+productAlign), blockAlign))
}

func (p product) scratchBytes() int {
	return p.factorBytes() + int(roundUp(uint64(4*p.c.rows*p.c.cols+productAlign), blockAlign))
}

// halved is a product like p in which the longest side has half its length.
func (p product) halved() product {
	m, n, k := p.c.rows, p.c.cols, p.inner()
	switch max(m, n, k) {
	case m:
		m /= 2
	case n:
		n /= 2
	default:
		k /= 2
	}
	size := func(x *matrix, rows, cols int, transposed bool) {
		if transposed {
			rows, cols = cols, rows
		}
		x.rows, x.cols = rows, cols
	}
	size(&p.a, m, k, p.transA)
	size(&p.b, k, n, p.transB)
	size(&p.c, m, n, false)
	return p
}
