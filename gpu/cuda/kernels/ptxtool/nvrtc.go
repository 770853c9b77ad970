package main

import (
	"fmt"
	"strings"

	"github.com/ebitengine/purego"
)

// options are the compiler's, all that matter for the result. Its defaults are IEEE division
// and square root, denormals kept, fused multiply-add.
var options = []string{"--gpu-architecture=compute_70", "--std=c++17"}

// compile runs NVRTC, the library at path, over kernels.cu (NVRTC manual, Basic Usage).
func compile(source []byte, path string) ([]byte, error) {
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("loading NVRTC: %w", err)
	}
	var (
		create  func(prog *uintptr, source, name string, numHeaders int32, headers, includeNames uintptr) int32
		run     func(prog uintptr, numOptions int32, options **byte) int32
		logSize func(prog uintptr, size *uint64) int32
		getLog  func(prog uintptr, log *byte) int32
		ptxSize func(prog uintptr, size *uint64) int32
		getPTX  func(prog uintptr, ptx *byte) int32
		destroy func(prog *uintptr) int32
	)
	for name, fn := range map[string]any{
		"nvrtcCreateProgram": &create, "nvrtcCompileProgram": &run, "nvrtcDestroyProgram": &destroy,
		"nvrtcGetProgramLogSize": &logSize, "nvrtcGetProgramLog": &getLog,
		"nvrtcGetPTXSize": &ptxSize, "nvrtcGetPTX": &getPTX,
	} {
		purego.RegisterLibFunc(fn, lib, name)
	}

	var prog uintptr
	if r := create(&prog, string(source), sourceFile, 0, 0, 0); r != 0 {
		return nil, fmt.Errorf("nvrtcCreateProgram: error %d", r)
	}
	defer destroy(&prog)
	// C strings, with their terminating zero.
	argv := make([]*byte, len(options))
	for i, o := range options {
		argv[i] = &append([]byte(o), 0)[0]
	}
	failed := run(prog, int32(len(argv)), &argv[0])
	var n uint64
	if r := logSize(prog, &n); r == 0 && n > 1 {
		log := make([]byte, n)
		if r := getLog(prog, &log[0]); r == 0 {
			// The sources are kept free of warnings: any text is a failure.
			return nil, fmt.Errorf("compiling %s:\n%s", sourceFile, strings.TrimRight(string(log), "\x00\n"))
		}
	}
	if failed != 0 {
		return nil, fmt.Errorf("nvrtcCompileProgram: error %d", failed)
	}
	if r := ptxSize(prog, &n); r != 0 || n == 0 {
		return nil, fmt.Errorf("nvrtcGetPTXSize: error %d", r)
	}
	ptx := make([]byte, n)
	if r := getPTX(prog, &ptx[0]); r != 0 {
		return nil, fmt.Errorf("nvrtcGetPTX: error %d", r)
	}
	return ptx[:n-1], nil // without the terminating zero
}
