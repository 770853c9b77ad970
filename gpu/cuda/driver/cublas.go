//go:build cuda && linux && (amd64 || arm64)

package driver

// #include "cublas_v2.h"
import "C"

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/ebitengine/purego"

	"mdfa/gpu/internal/site"
)

// The major versions of cuBLAS whose functions the headers describe.
const (
	newestCUBLAS = 13
	oldestCUBLAS = 11
)

// cublasVariable names a file or folder to take cuBLAS from, and nowhere else.
const cublasVariable = "MDFA_CUBLAS"

// turingCUBLAS is the first major version without code for compute capabilities before 7.5, Turing (CUDA 13.0
// release notes, "Deprecated Architectures").
const (
	turingCUBLAS = 13
	turing       = 75
)

// newestFor returns the newest major version of cuBLAS that serves both the driver and the GPUs, and the reason if a
// newer one would not.
func newestFor(info Info, gpu *visibleGPU) (major int, why string) {
	major = newestCUBLAS
	if cuda := info.CUDAVersion / 1000; cuda > 0 && cuda < major { // without a driver any version is reported
		major, why = cuda, fmt.Sprintf("the driver serves no newer one than %d", cuda)
	}
	if gpu != nil && gpu.capability < turing && major >= turingCUBLAS {
		major = turingCUBLAS - 1
		why = fmt.Sprintf("compute capability %d.%d is served by none newer than %d", gpu.capability/10, gpu.capability%10, major)
	}
	return major, why
}

// openCUBLAS loads the first cuBLAS that serves driver and GPU, notes it in info and returns the addresses of its
// functions. It needs no driver. gpu may be nil.
func openCUBLAS(info *Info, gpu *visibleGPU) (map[string]uintptr, error) {
	newest, why := newestFor(*info, gpu)
	var sonames []string
	for major := newest; major >= oldestCUBLAS; major-- {
		sonames = append(sonames, fmt.Sprintf("libcublas.so.%d", major))
	}
	wanted := os.Getenv(cublasVariable)
	var broken string // why the first library that was found does not serve
	candidates := libraryCandidates(wanted, sonames)
	for i, candidate := range candidates {
		library, close, reason := openWithLt(candidate)
		if library == 0 {
			if broken == "" && !notFound(reason, candidate) {
				broken = reason
			}
			continue
		}
		table := find(library, isCUBLAS)
		file, version := path(library), cublasVersion(table)
		switch major, _, _ := strings.Cut(version, "."); {
		case len(table) == 0:
			reason = file + " is not cuBLAS: it has none of its functions"
		case version != "" && !slices.Contains(sonames, "libcublas.so."+major):
			reason = fmt.Sprintf("%s is version %s", file, version)
		case gpu != nil && anotherLoads(candidates[i+1:], library):
			reason = gpu.try(table, file)
		}
		if reason == "" {
			info.CUBLASPath, info.CUBLASVersion = file, version
			return table, nil
		}
		close()
		broken = cmp.Or(broken, reason)
	}
	looked := "none of " + strings.Join(sonames, ", ")
	if why != "" {
		looked += " (" + why + ")"
	}
	switch {
	case broken != "":
		return nil, fmt.Errorf("%w: %s could be used (%s)", ErrNoCUBLAS, looked, broken)
	case wanted != "":
		return nil, fmt.Errorf("%w: %s was found in %s, which %s names", ErrNoCUBLAS, looked, wanted, cublasVariable)
	default:
		return nil, fmt.Errorf("%w: %s was found beside the program, in lib/ and .cache/cublas beside that folder, in the active "+
			"Python environment, by the loader, in $CUDA_HOME, $CUDA_PATH or /usr/local/cuda", ErrNoCUBLAS, looked)
	}
}

// openWithLt opens the libcublasLt of a cuBLAS's folder and then the cuBLAS, which needs it and may not look for it
// there. close closes both, so that the loader does not take them for another file of the same name.
func openWithLt(candidate string) (library uintptr, close func(), reason string) {
	var lt uintptr
	folder, file := filepath.Split(candidate)
	if suffix, found := strings.CutPrefix(file, "libcublas"); found && folder != "" {
		lt, _ = open(folder + "libcublasLt" + suffix) // without it the loader searches its own folders
	}
	library, reason = open(candidate)
	close = func() {
		for _, l := range []uintptr{library, lt} {
			if l != 0 {
				_ = purego.Dlclose(l) // a library that stays loaded does no harm
			}
		}
	}
	if library == 0 {
		close()
	}
	return library, close, reason
}

// anotherLoads reports whether some candidate is another library than this one.
func anotherLoads(candidates []string, than uintptr) bool {
	return slices.ContainsFunc(candidates, func(candidate string) bool {
		library, close, _ := openWithLt(candidate)
		if library == 0 {
			return false
		}
		defer close()
		return library != than
	})
}

// try creates a handle on the GPU and returns why that fails; "" if it does not.
func (g *visibleGPU) try(table map[string]uintptr, file string) string {
	retain := bind[func(context *uintptr, device C.CUdevice) int32](g.driver, "cuDevicePrimaryCtxRetain")
	release := bind[func(device C.CUdevice) int32](g.driver, "cuDevicePrimaryCtxRelease_v2")
	setCurrent := bind[func(context uintptr) int32](g.driver, "cuCtxSetCurrent")
	create := bind[func(handle *uintptr) int32](table, "cublasCreate_v2")
	destroy := bind[func(handle uintptr) int32](table, "cublasDestroy_v2")
	if retain == nil || release == nil || setCurrent == nil || create == nil || destroy == nil {
		return ""
	}
	runtime.LockOSThread() // on which the context is current
	defer runtime.UnlockOSThread()
	var context, handle uintptr
	answer := retain(&context, g.device)
	if answer == 0 {
		answer = setCurrent(context)
		if answer == 0 {
			answer = create(&handle)
		}
		if answer == 0 {
			answer = destroy(handle)
		}
		setCurrent(0)
		release(g.device)
	}
	if answer != 0 {
		return fmt.Sprintf("%s: cublasCreate answered %d", file, answer)
	}
	return ""
}

// wheelFolders lists the folders of cuBLAS in NVIDIA's Python wheels, from CUDA 13 on and before, and that of NCCL.
var wheelFolders = []string{"nvidia/cu13/lib", "nvidia/cublas/lib", "nvidia/nccl/lib"}

func inWheels(folder string) (folders []string) {
	for _, f := range wheelFolders {
		folders = append(folders, filepath.Join(folder, f))
	}
	return folders
}

// libraryCandidates lists the files to try, best first: place by place, and in each the first soname first.
func libraryCandidates(wanted string, sonames []string) []string {
	var places [][]string // of folders
	if wanted != "" {
		// Absolute, since the loader would search its own folders for a name without a slash.
		if absolute, err := filepath.Abs(wanted); err == nil {
			wanted = absolute
		}
		if info, err := os.Stat(wanted); err == nil && !info.IsDir() {
			return []string{wanted}
		}
		places = [][]string{append([]string{wanted, filepath.Join(wanted, "lib"), filepath.Join(wanted, "lib64")}, inWheels(wanted)...)}
	} else {
		places = append(besideProgram(), inPython()...)
		system := []string{""} // a bare name: the loader's own search
		for _, variable := range []string{"CUDA_HOME", "CUDA_PATH"} {
			if home := os.Getenv(variable); home != "" {
				system = append(system, filepath.Join(home, "lib64"))
			}
		}
		places = append(places, append(system, "/usr/local/cuda/lib64"))
	}
	var candidates []string
	for _, folders := range places {
		for _, soname := range sonames {
			for _, folder := range folders {
				candidates = append(candidates, filepath.Join(folder, soname))
			}
		}
	}
	return candidates
}

// besideProgram returns the program's folder, lib/ beside it, where make cublas puts cuBLAS, and .cache/cublas.
func besideProgram() [][]string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	if resolved, err := filepath.EvalSymlinks(program); err == nil {
		program = resolved
	}
	folder := filepath.Dir(program)
	above := filepath.Dir(folder)
	return [][]string{{folder}, {filepath.Join(above, "lib")}, inWheels(filepath.Join(above, ".cache", "cublas"))}
}

// inPython returns the folders of the wheels in the program's and the active Python environment, and of conda's own package.
func inPython() (places [][]string) {
	for _, packages := range site.Packages() {
		places = append(places, inWheels(packages))
	}
	if conda := os.Getenv("CONDA_PREFIX"); conda != "" {
		places = append(places, []string{filepath.Join(conda, "lib")})
	}
	return places
}

// cublasVersion asks the library for its version, "12.9.1"; "" if it does not answer.
func cublasVersion(table map[string]uintptr) string {
	property := bind[func(which C.libraryPropertyType, value *C.int) C.cublasStatus_t](table, "cublasGetProperty")
	if property == nil {
		return ""
	}
	var part [3]C.int
	for i, which := range []C.libraryPropertyType{C.MAJOR_VERSION, C.MINOR_VERSION, C.PATCH_LEVEL} {
		if property(which, &part[i]) != C.CUBLAS_STATUS_SUCCESS {
			return ""
		}
	}
	return fmt.Sprintf("%d.%d.%d", part[0], part[1], part[2])
}
