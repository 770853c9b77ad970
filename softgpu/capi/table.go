//go:build cuda && linux && (amd64 || arm64)

package capi

//go:generate go run ./gen

// #cgo CFLAGS: -I${SRCDIR}/../../gpu/cuda/include
// #include "capi.h"
import "C"

import (
	"fmt"
	"sync"
	"sync/atomic"

	"mdfa/gpu/cuda/driver"
	"mdfa/softgpu"
)

// current is the machine that the C functions belong to. They are called only after an Install.
var current atomic.Pointer[softgpu.Machine]

// installing keeps two Installs from mixing.
var installing sync.Mutex

// table holds the addresses of the C functions by symbol.
var table = sync.OnceValue(func() map[string]uintptr {
	t := map[string]uintptr{}
	for i := range C.emu_symbols() {
		t[C.GoString(C.emu_symbol_name(i))] = uintptr(C.emu_symbol_address(i))
	}
	return t
})

// Install makes m the provider of CUDA and calls its cuInit. It may be called again with another machine, which then
// takes all calls; no handle or address of the machine before may be in use any more.
//
// It fails with driver.ErrChosen, and changes nothing, if NVIDIA's libraries have been chosen.
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

// machine returns the machine that answers the calls.
func machine() *softgpu.Machine { return current.Load() }

// thread returns the identity of the calling thread: a Go function that C calls runs on its caller's thread.
func thread() softgpu.Thread { return softgpu.Thread(C.emu_thread()) }
