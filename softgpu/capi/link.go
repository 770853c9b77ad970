//go:build cuda && linux && (amd64 || arm64)

package capi

// #include "capi.h"
import "C"

import (
	"bytes"
	"sync"
	"time"
	"unsafe"

	"mdfa/softgpu"
)

// link is a run of the driver's linker. It takes one input, PTX text, and its output is that text, since the software
// GPU has no machine code to link.
type link struct {
	text  []byte
	image unsafe.Pointer // the output in memory of C, ended by NUL; nil until the link is complete
}

// links holds the open links by their handles, which are not valid pointers.
var links = struct {
	sync.Mutex
	open map[softgpu.Handle]*link
	last softgpu.Handle
}{open: map[softgpu.Handle]*link{}, last: 0x0EF1_0000_0000_0000}

func (l *link) add(call string, kind C.CUjitInputType, text []byte) softgpu.Result {
	switch {
	case kind != C.CU_JIT_INPUT_PTX:
		return refuse(softgpu.ErrorNotSupported, "%s: input of kind %d; the software GPU links PTX only", call, int(kind))
	case l.text != nil || l.image != nil:
		return refuse(softgpu.ErrorNotSupported, "%s: a second input; the software GPU takes one", call)
	}
	// The driver compiles here, so wrong PTX is refused here.
	text = append([]byte{}, bytes.TrimRight(text, "\x00")...)
	module, r := machine().ModuleLoadData(thread(), string(text))
	if r != softgpu.Success {
		return r
	}
	l.text = text
	return machine().ModuleUnload(thread(), module)
}

// onLink runs f with an open link.
func onLink(call string, state C.CUlinkState, f func(l *link) softgpu.Result) C.CUresult {
	if _, r := machine().CtxGetDevice(thread()); r != softgpu.Success {
		return C.CUresult(r)
	}
	links.Lock()
	defer links.Unlock()
	l := links.open[handle(state)]
	if l == nil {
		return C.CUresult(refuse(softgpu.ErrorInvalidHandle, "%s: no linker of cuLinkCreate", call))
	}
	return C.CUresult(f(l))
}

// The options are answered at once, since nothing takes time later. So C need not keep the arrays, and gorgonia.org/cu
// does not keep them.
//
//export emu_cuLinkCreate_v2
func emu_cuLinkCreate_v2(n C.uint, options *C.CUjit_option, values *unsafe.Pointer, state *C.CUlinkState) C.CUresult {
	if state == nil {
		return null("cuLinkCreate: state")
	}
	if _, r := machine().CtxGetDevice(thread()); r != softgpu.Success {
		return C.CUresult(r)
	}
	answerOptions(n, options, values, 0)
	links.Lock()
	defer links.Unlock()
	links.last += 16
	links.open[links.last] = &link{}
	return setHandle(state, links.last, softgpu.Success)
}

//export emu_cuLinkAddData_v2
func emu_cuLinkAddData_v2(state C.CUlinkState, kind C.CUjitInputType, data unsafe.Pointer, size C.size_t, _ *C.const_char,
	n C.uint, options *C.CUjit_option, values *unsafe.Pointer) C.CUresult {
	if data == nil {
		return null("cuLinkAddData: data")
	}
	start := time.Now()
	r := onLink("cuLinkAddData", state, func(l *link) softgpu.Result {
		return l.add("cuLinkAddData", kind, unsafe.Slice((*byte)(data), int(size)))
	})
	answerOptions(n, options, values, time.Since(start))
	return r
}

//export emu_cuLinkAddFile_v2
func emu_cuLinkAddFile_v2(state C.CUlinkState, kind C.CUjitInputType, path *C.const_char, n C.uint, options *C.CUjit_option, values *unsafe.Pointer) C.CUresult {
	if path == nil {
		return null("cuLinkAddFile: path")
	}
	start := time.Now()
	r := onLink("cuLinkAddFile", state, func(l *link) softgpu.Result {
		text, r := readFile("cuLinkAddFile", path)
		if r != softgpu.Success {
			return r
		}
		return l.add("cuLinkAddFile", kind, text)
	})
	answerOptions(n, options, values, time.Since(start))
	return r
}

//export emu_cuLinkComplete
func emu_cuLinkComplete(state C.CUlinkState, image *unsafe.Pointer, size *C.size_t) C.CUresult {
	if image == nil {
		return null("cuLinkComplete: image")
	}
	return onLink("cuLinkComplete", state, func(l *link) softgpu.Result {
		if l.text == nil {
			return refuse(softgpu.ErrorInvalidValue, "cuLinkComplete: there is no input, or it was completed before")
		}
		l.image = C.CBytes(append(l.text, 0))
		*image = l.image
		if size != nil {
			*size = C.size_t(len(l.text) + 1)
		}
		l.text = nil
		return softgpu.Success
	})
}

//export emu_cuLinkDestroy
func emu_cuLinkDestroy(state C.CUlinkState) C.CUresult {
	return onLink("cuLinkDestroy", state, func(l *link) softgpu.Result {
		C.free(l.image)
		delete(links.open, handle(state))
		return softgpu.Success
	})
}
