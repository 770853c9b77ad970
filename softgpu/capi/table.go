//go:build cuda && linux && (amd64 || arm64)

package capi

// #cgo CFLAGS: -I${SRCDIR}/../../gpu/cuda/include
// #include "capi.h"
import "C"

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"mdfa/gpu/cuda/driver"
	"mdfa/softgpu"
)

// current is the machine that the C functions belong to. They are called only after an Install.
var current atomic.Pointer[softgpu.Machine]

// installing keeps two Installs from mixing.
var installing sync.Mutex

// table holds the addresses of the C functions by symbol.
var table = sync.OnceValue(func() map[string]unsafe.Pointer {
	t := map[string]unsafe.Pointer{}
	for i := range C.emu_symbols() {
		t[C.GoString(C.emu_symbol_name(i))] = C.emu_symbol_address(i)
	}
	return t
})

// Install makes m the provider of CUDA and calls its cuInit. It may be called again with another machine, which then
// takes all calls; nothing that the one before handed out may be in use any more.
//
// It fails with driver.ErrChosen if NVIDIA's libraries have been chosen, and changes nothing then.
func Install(m *softgpu.Machine) error {
	installing.Lock()
	defer installing.Unlock()
	if r := m.Init(0); r != softgpu.Success {
		return fmt.Errorf("capi: install: cuInit answered %s", r)
	}
	before := current.Swap(m)
	if err := driver.Install(table()); err != nil {
		current.Store(before)
		return fmt.Errorf("capi: install: %w", err)
	}
	return nil
}

// machine is whom the calls go to.
func machine() *softgpu.Machine { return current.Load() }

// thread is the identity of the calling thread. A Go function that C calls stays on the caller's.
func thread() softgpu.Thread { return softgpu.Thread(C.emu_thread()) }

// null is the answer to a null pointer where one is needed; what names the call and its argument.
func null(what string) C.CUresult {
	return C.CUresult(machine().Refuse(softgpu.ErrorInvalidValue, "%s is null", what))
}

// set gives out a value if the answer is success.
func set[T any](out *T, value T, r softgpu.Result) C.CUresult {
	if r == softgpu.Success {
		*out = value
	}
	return C.CUresult(r)
}

// setHandle gives out a handle if the answer is success. P is one of CUDA's handle types, all of which are pointers
// that nobody follows.
func setHandle[P any](out *P, h softgpu.Handle, r softgpu.Result) C.CUresult {
	if r == softgpu.Success {
		*(*softgpu.Handle)(unsafe.Pointer(out)) = h
	}
	return C.CUresult(r)
}

// handle is the number behind one of CUDA's handle types. It goes through memory and not through an unsafe.Pointer,
// which must not hold the small numbers that name the special streams.
func handle[P any](p P) softgpu.Handle { return *(*softgpu.Handle)(unsafe.Pointer(&p)) }

// handles copies n handles; none where the pointer is null.
func handles[P any](p *P, n C.size_t) []softgpu.Handle {
	if p == nil {
		return nil
	}
	return append([]softgpu.Handle(nil), unsafe.Slice((*softgpu.Handle)(unsafe.Pointer(p)), int(n))...)
}
