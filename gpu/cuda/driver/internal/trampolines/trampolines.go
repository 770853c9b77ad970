//go:build cuda && linux && (amd64 || arm64)

// Package trampolines lets the tests of package driver call any routed symbol: Go does not allow cgo in test files.
package trampolines

// #cgo CFLAGS: -I${SRCDIR}/../../../include
// #include <stdint.h>
// #include "cublas_v2.h"
// #include "cuda.h"
// #include "nccl.h"
//
// static uintptr_t address(int index) {
//	static void *const symbols[] = {
//	#define SYMBOL(index, name) (void *)name,
//	#include "../../symbols_gen.h"
//	};
//	return (uintptr_t)symbols[index];
// }
import "C"

// Address returns the address of the symbol at index, in alphabetical order of all routed symbols.
func Address(index int) uintptr { return uintptr(C.address(C.int(index))) }
