//go:build cuda && linux && (amd64 || arm64)

// Package call lets the tests of package capi call CUDA where gorgonia.org/cu does not: with null pointers, with
// parameters in one block, through stream capture and graphs. (Go does not allow cgo in test files.) Handles are
// integers, and every function returns CUDA's answer. The symbols are those of package driver, which the tests import.
package call

// #cgo CFLAGS: -I${SRCDIR}/../../../../gpu/cuda/include
// #include <string.h>
// #include "call.h"
import "C"

import "unsafe"

// Nulls calls everything that needs a pointer with null in its place and returns the answers by call.
func Nulls() map[string]int {
	var names [C.CALLS]*C.char
	var results [C.CALLS]C.int
	answers := map[string]int{}
	for i := range C.call_nulls(&names[0], &results[0]) {
		answers[C.GoString(names[i])] = int(results[i])
	}
	return answers
}

// Handle is the number inside one of gorgonia.org/cu's handle types, which are structs of one pointer.
func Handle[T any](t T) uintptr { return *(*uintptr)(unsafe.Pointer(&t)) }

// Launch launches a kernel with one block of threads; each parameter is a pointer to it.
func Launch(function uintptr, threads int, stream uintptr, params ...unsafe.Pointer) int {
	pointers := pack(params)
	defer C.free(unsafe.Pointer(pointers))
	return int(C.call_launch(C.uintptr_t(function), C.uint(threads), C.uintptr_t(stream), pointers, nil))
}

// LaunchNoParams launches a kernel without telling parameters.
func LaunchNoParams(function uintptr) int {
	return int(C.call_launch(C.uintptr_t(function), 1, 0, nil, nil))
}

// LaunchBoth launches a kernel with parameters given in both ways.
func LaunchBoth(function uintptr) int {
	pointers := pack([]unsafe.Pointer{nil})
	defer C.free(unsafe.Pointer(pointers))
	return int(C.call_launch(C.uintptr_t(function), 1, 0, pointers, pointers))
}

// LaunchBlock launches a kernel with one block of threads; block holds the first size bytes of all its parameters.
func LaunchBlock(function uintptr, threads int, block []byte, size int) int {
	p := C.CBytes(block)
	defer C.free(p)
	return int(C.call_launch_block(C.uintptr_t(function), C.uint(threads), p, C.size_t(size)))
}

// LaunchEndless launches a kernel with a list of extra parameters that has no end.
func LaunchEndless(function uintptr) int { return int(C.call_launch_endless(C.uintptr_t(function))) }

// pack copies parameters of up to 8 bytes, and the pointers to them, to memory of C, for the caller to free.
func pack(params []unsafe.Pointer) *unsafe.Pointer {
	const word = 8
	memory := C.malloc(C.size_t(2*word*len(params) + word))
	pointers := unsafe.Slice((*unsafe.Pointer)(memory), len(params))
	values := unsafe.Slice((*uint64)(unsafe.Add(memory, word*len(params))), len(params))
	for i, p := range params {
		pointers[i] = nil
		if p != nil {
			values[i] = *(*uint64)(p)
			pointers[i] = unsafe.Pointer(&values[i])
		}
	}
	return (*unsafe.Pointer)(memory)
}

// HostAlloc returns n bytes of pinned memory.
func HostAlloc(n int, flags uint32) (unsafe.Pointer, int) {
	var p unsafe.Pointer
	r := C.call_host_alloc(&p, C.size_t(n), C.uint(flags))
	return p, int(r)
}

// AllocHost is the older call for it.
func AllocHost(n int) (unsafe.Pointer, int) {
	var p unsafe.Pointer
	r := C.call_alloc_host(&p, C.size_t(n))
	return p, int(r)
}

// ErrorName returns CUDA's name of an answer; "" where there is none.
func ErrorName(code int) (string, int) {
	var text *C.char
	r := C.call_name(C.int(code), &text)
	return C.GoString(text), int(r)
}

// ErrorString returns CUDA's words for an answer; "" where there are none.
func ErrorString(code int) (string, int) {
	var text *C.char
	r := C.call_words(C.int(code), &text)
	return C.GoString(text), int(r)
}

// DeviceName asks for the name of device 0 in a buffer of length bytes.
func DeviceName(length int) (string, int) {
	return text(length, func(p *C.char, n C.int) C.int { return C.call_device_name(p, n) })
}

// PCIBusID asks for the bus of device 0 in a buffer of length bytes.
func PCIBusID(length int) (string, int) {
	return text(length, func(p *C.char, n C.int) C.int { return C.call_pci(p, n) })
}

func text(length int, ask func(*C.char, C.int) C.int) (string, int) {
	buffer := make([]C.char, max(length, 1)+1)
	buffer[len(buffer)-1] = 0
	r := ask(&buffer[0], C.int(length))
	return C.GoString(&buffer[0]), int(r)
}

// FunctionAttribute asks for an attribute of a kernel.
func FunctionAttribute(function uintptr, attribute int) (int, int) {
	var v C.int
	r := C.call_function_attribute(C.uintptr_t(function), C.int(attribute), &v)
	return int(v), int(r)
}

// SetFunctionAttribute sets one.
func SetFunctionAttribute(function uintptr, attribute, value int) int {
	return int(C.call_set_function_attribute(C.uintptr_t(function), C.int(attribute), C.int(value)))
}

// Occupancy asks how many blocks of a kernel fit a multiprocessor, in both ways that there are.
func Occupancy(function uintptr, threads int) (blocks, withFlags, result int) {
	var a, b C.int
	r := C.call_occupancy(C.uintptr_t(function), C.int(threads), &a, &b)
	return int(a), int(b), int(r)
}

// Compiled is what options of the compiler have asked for.
type Compiled struct {
	Milliseconds float32
	Log          string
	LogBytes     int
}

const logBytes = 64

func compile(f func(ms *C.float, log *C.char, n *C.size_t) C.int) (Compiled, int) {
	log := (*C.char)(C.malloc(logBytes))
	defer C.free(unsafe.Pointer(log))
	for i := range unsafe.Slice(log, logBytes) {
		*(*C.char)(unsafe.Add(unsafe.Pointer(log), i)) = 'x'
	}
	var ms C.float
	n := C.size_t(logBytes)
	r := f(&ms, log, &n)
	return Compiled{float32(ms), C.GoStringN(log, C.int(C.strnlen(log, logBytes))), int(n)}, int(r)
}

// LinkCreate begins a link with options.
func LinkCreate() (uintptr, Compiled, int) {
	var state C.uintptr_t
	c, r := compile(func(ms *C.float, log *C.char, n *C.size_t) C.int { return C.call_link_create(&state, ms, log, n) })
	return uintptr(state), c, r
}

// Load loads a module with options.
func Load(image string) (uintptr, Compiled, int) {
	var module C.uintptr_t
	text := C.CString(image)
	defer C.free(unsafe.Pointer(text))
	c, r := compile(func(ms *C.float, log *C.char, n *C.size_t) C.int { return C.call_load(&module, text, ms, log, n) })
	return uintptr(module), c, r
}
