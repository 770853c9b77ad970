//go:build cuda && linux && (amd64 || arm64)

// Package emulated opens the CUDA device on the software GPU: package cuda above the C
// functions of package capi, with the machine's checks connected. It is a package
// of its own so that package cuda need not know about the software GPU.
package emulated

import (
	"mdfa/gpu/cuda"
	"mdfa/softgpu"
	"mdfa/softgpu/capi"
)

// Open starts a machine and opens its GPU number c.Ordinal. The machine has the ledger, the
// leaks and the ordered faults. It replaces the machine of an earlier Open, whose devices must
// be closed.
func Open(o softgpu.Options, c cuda.Options) (*cuda.Device, *softgpu.Machine, error) {
	m := softgpu.New(o)
	d, err := OpenOn(m, c)
	return d, m, err
}

// OpenOn opens a GPU of a machine, on which others may be open. Kind and Checker of the
// options are set here.
func OpenOn(m *softgpu.Machine, c cuda.Options) (*cuda.Device, error) {
	if err := capi.Install(m); err != nil {
		return nil, err
	}
	c.Kind, c.Checker = "emu", checker{m}
	return cuda.Open(c)
}

// checker is a machine as package cuda sees it.
type checker struct{ *softgpu.Machine }

var _ cuda.Checker = checker{}

// AllowRange implements cuda.Checker.
func (c checker) AllowRange(addr, size uint64, tag string) { c.Carve(addr, size, tag) }

// Traffic returns the part of the ledger that is counted by kernel.
func (c checker) Traffic() map[string]cuda.Traffic {
	t := map[string]cuda.Traffic{}
	for name, k := range c.Ledger().Kernels {
		t[name] = cuda.Traffic{Launches: k.Launches, BytesRead: k.BytesRead, BytesWritten: k.BytesWritten, FLOPs: k.FLOPs}
	}
	return t
}
