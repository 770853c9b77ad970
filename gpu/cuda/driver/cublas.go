//go:build cuda && linux && (amd64 || arm64)

package driver

// #include "cublas_v2.h"
// #include "driver.h"
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unsafe"
)

// The major versions of cuBLAS whose functions the headers describe.
const (
	newestCUBLAS = 13
	oldestCUBLAS = 11
)

// cublasVariable names a file or folder to take cuBLAS from, and nowhere else.
const cublasVariable = "MDFA_CUBLAS"

// openCUBLAS loads the newest cuBLAS of a major version up to newest, notes it in info and returns the addresses of
// its functions. It needs no driver.
func openCUBLAS(info *Info, newest int) (map[string]unsafe.Pointer, error) {
	var sonames []string
	for major := min(newest, newestCUBLAS); major >= oldestCUBLAS; major-- {
		sonames = append(sonames, fmt.Sprintf("libcublas.so.%d", major))
	}
	looked := "none of " + strings.Join(sonames, ", ")
	if newest < newestCUBLAS {
		looked += fmt.Sprintf(" (the driver serves no newer one than %d)", newest)
	}
	wanted := os.Getenv(cublasVariable)
	var broken string // why a library that is there does not load
	for _, candidate := range cublasCandidates(wanted, sonames) {
		library, reason := open(candidate)
		if library == nil {
			if broken == "" && !notFound(reason, candidate) {
				broken = reason
			}
			continue
		}
		table := find(library, isCUBLAS)
		info.CUBLASPath = path(library)
		info.CUBLASVersion = cublasVersion(table)
		if len(table) == 0 {
			return nil, fmt.Errorf("%w: %s is not cuBLAS: it has none of its functions", ErrNoCUBLAS, info.CUBLASPath)
		}
		return table, nil
	}
	switch {
	case broken != "":
		return nil, fmt.Errorf("%w: %s could be loaded (%s)", ErrNoCUBLAS, looked, broken)
	case wanted != "":
		return nil, fmt.Errorf("%w: %s was found in %s, which %s names", ErrNoCUBLAS, looked, wanted, cublasVariable)
	default:
		return nil, fmt.Errorf("%w: %s was found by the loader, in $CUDA_HOME, $CUDA_PATH or /usr/local/cuda", ErrNoCUBLAS, looked)
	}
}

// cublasCandidates lists what to try to open, best first: the newest major version wherever it lies, then the next.
func cublasCandidates(wanted string, sonames []string) []string {
	var folders []string
	if wanted != "" {
		// Absolute, since the loader would search its own folders for a name without a slash.
		if absolute, err := filepath.Abs(wanted); err == nil {
			wanted = absolute
		}
		if info, err := os.Stat(wanted); err == nil && !info.IsDir() {
			return []string{wanted}
		}
		folders = []string{wanted, filepath.Join(wanted, "lib"), filepath.Join(wanted, "lib64")}
	} else {
		folders = []string{""} // a bare name: the loader's own search
		for _, variable := range []string{"CUDA_HOME", "CUDA_PATH"} {
			if home := os.Getenv(variable); home != "" {
				folders = append(folders, filepath.Join(home, "lib64"))
			}
		}
		folders = append(folders, "/usr/local/cuda/lib64")
	}
	var candidates []string
	for _, soname := range sonames {
		for _, folder := range folders {
			candidates = append(candidates, filepath.Join(folder, soname))
		}
	}
	return candidates
}

// cublasVersion asks the library itself, "12.9.1"; "" if it does not tell.
func cublasVersion(table map[string]unsafe.Pointer) string {
	property := table["cublasGetProperty"]
	if property == nil {
		return ""
	}
	var part [3]C.int
	for i, which := range []C.int{C.MAJOR_VERSION, C.MINOR_VERSION, C.PATCH_LEVEL} {
		if C.mdfa_call_int_int_pointer(property, which, &part[i]) != C.CUBLAS_STATUS_SUCCESS {
			return ""
		}
	}
	return fmt.Sprintf("%d.%d.%d", part[0], part[1], part[2])
}
