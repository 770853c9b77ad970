//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"bytes"
	"os"
	"time"
	"unsafe"

	"mdfa/softgpu"
)

// machineCode holds the first bytes of machine code: of an ELF file (a cubin) and of a fat binary.
var machineCode = [][]byte{[]byte("\x7fELF"), {0x50, 0xed, 0x55, 0xba}}

// load makes a module of PTX text.
func load(call string, module *C.CUmodule, text []byte) C.CUresult {
	for _, magic := range machineCode {
		if bytes.HasPrefix(text, magic) {
			return C.CUresult(refuse(softgpu.ErrorInvalidImage, "%s: machine code; the software GPU reads PTX only", call))
		}
	}
	h, r := machine().ModuleLoadData(thread(), string(text))
	return setHandle(module, h, r)
}

// loadImage makes a module of PTX text that ends with NUL.
func loadImage(call string, module *C.CUmodule, image C.const_pointer) C.CUresult {
	if module == nil || image == nil {
		return null(call + ": module or image")
	}
	return load(call, module, []byte(C.GoString((*C.char)(image))))
}

// readFile reads the file that a call names.
func readFile(call string, path *C.const_char) ([]byte, softgpu.Result) {
	text, err := os.ReadFile(C.GoString(path))
	if err != nil {
		return nil, refuse(softgpu.ErrorFileNotFound, "%s: %w", call, err)
	}
	return text, softgpu.Success
}

//export emu_cuModuleLoad
func emu_cuModuleLoad(module *C.CUmodule, path *C.const_char) C.CUresult {
	if module == nil || path == nil {
		return null("cuModuleLoad: module or path")
	}
	text, r := readFile("cuModuleLoad", path)
	if r != softgpu.Success {
		return C.CUresult(r)
	}
	return load("cuModuleLoad", module, text)
}

//export emu_cuModuleLoadData
func emu_cuModuleLoadData(module *C.CUmodule, image C.const_pointer) C.CUresult {
	return loadImage("cuModuleLoadData", module, image)
}

//export emu_cuModuleLoadDataEx
func emu_cuModuleLoadDataEx(module *C.CUmodule, image C.const_pointer, n C.uint, options *C.CUjit_option, values *unsafe.Pointer) C.CUresult {
	start := time.Now()
	r := loadImage("cuModuleLoadDataEx", module, image)
	answerOptions(n, options, values, time.Since(start))
	return r
}

// answerOptions fills in the answers to options of the PTX compiler: logs, which are empty, and the time that it took,
// in milliseconds as a float in the place of the value. The other options say how to make machine code, and there is
// none.
func answerOptions(n C.uint, options *C.CUjit_option, values *unsafe.Pointer, took time.Duration) {
	if n == 0 || options == nil || values == nil {
		return
	}
	// Most values are numbers in the place of pointers and must not be taken for pointers.
	list := unsafe.Slice((*uintptr)(unsafe.Pointer(values)), int(n))
	for i, option := range unsafe.Slice(options, int(n)) {
		switch option {
		case C.CU_JIT_WALL_TIME:
			*(*C.float)(unsafe.Pointer(&list[i])) = C.float(took.Seconds() * 1e3)
		case C.CU_JIT_INFO_LOG_BUFFER, C.CU_JIT_ERROR_LOG_BUFFER:
			if buffer := *(**byte)(unsafe.Pointer(&list[i])); buffer != nil {
				*buffer = 0
			}
		case C.CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, C.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
			list[i] = 0 // the length of the log
		}
	}
}
