//go:build cuda && linux && (amd64 || arm64)

package driver

//go:generate go run ./gen

// #cgo CFLAGS: -I${SRCDIR}/../include
// #cgo LDFLAGS: -ldl
// #include "driver.h"
import "C"

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ebitengine/purego"
)

// ErrChosen is returned when a provider has been chosen already and another one is asked for.
var ErrChosen = errors.New("another provider of CUDA has been chosen already")

// names holds every routed symbol, in the order of the slots, which is alphabetical.
var names = func() []string {
	list := make([]string, C.MDFA_SYMBOLS)
	for i := range list {
		list[i] = C.GoString(C.mdfa_names[i])
	}
	return list
}()

// absent holds the stubs that the slots point at when the program starts.
var absent = C.mdfa_slots

// chosen is the one provider that the slots point at. The slots themselves are written and read atomically; the mutex
// orders the choices.
var chosen struct {
	sync.Mutex
	table map[string]uintptr // nil until a provider is chosen
	info  *Info              // set if the provider is NVIDIA's libraries
	nccl  NCCL               // of NVIDIA's, once it was asked for
}

// Info says which of NVIDIA's libraries were found. The fields of a missing library are empty.
type Info struct {
	CUDAVersion   int    // the newest CUDA that the driver supports: 1000*major + 10*minor
	DriverRelease string // the driver's own version, "580.95.05"; "" if the kernel does not report it
	DriverPath    string // the file that libcuda.so.1 came from
	CUBLASVersion string // "12.9.1"
	CUBLASPath    string // the file that libcublas.so came from
}

// Symbols returns the names of all C functions that are routed, sorted.
func Symbols() []string { return slices.Clone(names) }

// Install makes table the provider of CUDA: every call of a symbol in it goes to the C function at that address,
// which must have the signature of the project's header. Symbols that are not in table answer "not supported" (see
// [LastMissing]). If table has a cuInit, Install calls it, since gorgonia.org/cu's own call came too early for it.
//
// It fails with [ErrChosen] if another provider was chosen before, and leaves everything as it was if a name is
// unknown, an address is nil or cuInit fails. Installing the same table again does nothing.
func Install(table map[string]uintptr) error {
	chosen.Lock()
	defer chosen.Unlock()
	if chosen.table != nil {
		if chosen.info == nil && maps.Equal(chosen.table, table) {
			return nil
		}
		return ErrChosen
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if _, known := slices.BinarySearch(names, name); !known {
			return fmt.Errorf("install: %s is not a routed symbol: declare it in gpu/cuda/include and run go generate", name)
		}
		if table[name] == 0 {
			return fmt.Errorf("install: the address of %s is nil", name)
		}
	}
	if init := bind[func(flags uint32) int32](table, "cuInit"); init != nil {
		if code := init(0); code != 0 {
			return fmt.Errorf("install: cuInit answered %d", code)
		}
	}
	choose(maps.Clone(table), nil)
	return nil
}

// bind returns the function of type F behind a symbol; nil if the table lacks it.
func bind[F any](table map[string]uintptr, symbol string) (f F) {
	if address := table[symbol]; address != 0 {
		purego.RegisterFunc(&f, address)
	}
	return f
}

// choose points every slot at table. The caller holds the lock.
func choose(table map[string]uintptr, info *Info) {
	if table == nil {
		table = map[string]uintptr{}
	}
	chosen.table, chosen.info = table, info
	setChosen(1)
	route()
}

// setChosen tells mdfa_absent whether a provider has been chosen, and forgets which symbol was missing.
func setChosen(chosen int32) {
	atomic.StoreInt32((*int32)(&C.mdfa_missing), -1)
	atomic.StoreInt32((*int32)(&C.mdfa_chosen), chosen)
}

// route writes every slot anew. The caller holds the lock.
func route() {
	for i, name := range names {
		target := uint64(chosen.table[name])
		if target == 0 {
			target = uint64(absent[i])
		}
		atomic.StoreUint64((*uint64)(&C.mdfa_slots[i]), target)
	}
}

// Reset takes the choice back, so that a test can make another one: every symbol answers as it did when the program
// started. Nothing that the old provider handed out may be in use. The libraries stay loaded.
func Reset() {
	chosen.Lock()
	defer chosen.Unlock()
	chosen.table, chosen.info, chosen.nccl = nil, nil, NCCL{}
	setChosen(0)
	route()
}

// LastMissing returns the name of the symbol that was last called, by any thread, although the chosen provider
// lacks it; "" if that never happened. An error path that sees "not supported" asks it for the reason.
func LastMissing() string {
	i := atomic.LoadInt32((*int32)(&C.mdfa_missing))
	if i < 0 {
		return ""
	}
	return names[i]
}

// isCUBLAS, isNCCL and isDriver report which library a symbol belongs to.
func isCUBLAS(symbol string) bool { return strings.HasPrefix(symbol, "cublas") }
func isNCCL(symbol string) bool   { return strings.HasPrefix(symbol, "nccl") }
func isDriver(symbol string) bool { return !isCUBLAS(symbol) && !isNCCL(symbol) }
