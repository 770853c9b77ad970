//go:build cuda && linux && (amd64 || arm64)

package driver

// #include "nccl.h"
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"

	"github.com/ebitengine/purego"
)

// ErrNoNCCL is the error of OpenNCCL.
var ErrNoNCCL = errors.New("no NCCL")

const (
	ncclLibrary = "libnccl.so.2"
	// ncclVariable names a file or folder to take NCCL from, and nowhere else.
	ncclVariable = "MDFA_NCCL"
	// oldestNCCL is the first version whose calls a CUDA graph can hold: 2.9.
	oldestNCCL = 20900
)

// NCCL says which NCCL was found. The fields are empty for another provider's.
type NCCL struct {
	Version string // "2.31.2"
	Path    string // the file that libnccl.so.2 came from
}

// OpenNCCL adds NCCL to the provider, which must have been chosen before. To NVIDIA's driver and cuBLAS it adds
// libnccl.so.2, from the file or folder that MDFA_NCCL names, or else from the places where [OpenNVIDIA] looks for cuBLAS.
// Any other provider has its own, or none. Only a program that works with other ranks needs it.
func OpenNCCL() (NCCL, error) {
	chosen.Lock()
	defer chosen.Unlock()
	switch {
	case chosen.table == nil:
		return NCCL{}, fmt.Errorf("%w: neither NVIDIA's libraries nor others have been chosen", ErrNoNCCL)
	case chosen.table["ncclAllReduce"] != 0:
		return chosen.nccl, nil
	case chosen.info == nil:
		return NCCL{}, fmt.Errorf("%w: the chosen provider of CUDA has none", ErrNoNCCL)
	}
	found, table, err := findNCCL()
	if err != nil {
		return NCCL{}, err
	}
	chosen.nccl = found
	maps.Copy(chosen.table, table)
	route()
	return found, nil
}

// FindNCCL returns the NCCL that OpenNCCL would add to NVIDIA's driver. It needs neither a driver nor a GPU.
func FindNCCL() (NCCL, error) {
	found, _, err := findNCCL()
	return found, err
}

// findNCCL loads the first NCCL that serves and returns the addresses of its functions.
func findNCCL() (NCCL, map[string]uintptr, error) {
	wanted := os.Getenv(ncclVariable)
	var broken string // why the first library that was found does not serve
	for _, candidate := range libraryCandidates(wanted, []string{ncclLibrary}) {
		library, reason := open(candidate)
		if library == 0 {
			if !notFound(reason, candidate) {
				broken = cmp.Or(broken, reason)
			}
			continue
		}
		table, file := find(library, isNCCL), path(library)
		version, reason := ncclVersion(table)
		if reason == "" {
			return NCCL{Version: version, Path: file}, table, nil
		}
		_ = purego.Dlclose(library) // a library that stays loaded does no harm
		broken = cmp.Or(broken, file+" "+reason)
	}
	switch {
	case broken != "":
		return NCCL{}, nil, fmt.Errorf("%w: %s could not be used (%s)", ErrNoNCCL, ncclLibrary, broken)
	case wanted != "":
		return NCCL{}, nil, fmt.Errorf("%w: no %s was found in %s, which %s names", ErrNoNCCL, ncclLibrary, wanted, ncclVariable)
	default:
		return NCCL{}, nil, fmt.Errorf("%w: no %s was found beside the program, in lib/ beside that folder, in the active Python environment, "+
			"by the loader, in $CUDA_HOME, $CUDA_PATH or /usr/local/cuda", ErrNoNCCL, ncclLibrary)
	}
}

// ncclVersion returns the version, or why the library does not serve.
func ncclVersion(table map[string]uintptr) (version, reason string) {
	get := bind[func(version *C.int) C.ncclResult_t](table, "ncclGetVersion")
	if get == nil || table["ncclAllReduce"] == 0 {
		return "", "is not NCCL: it lacks its functions"
	}
	var code C.int
	if answer := get(&code); answer != C.ncclSuccess {
		return "", fmt.Sprintf("does not tell its version: ncclGetVersion answered %d", int(answer))
	}
	v := int(code)
	version = fmt.Sprintf("%d.%d.%d", v/10000, v%10000/100, v%100)
	if v < 10000 { // up to 2.8
		version = fmt.Sprintf("%d.%d.%d", v/1000, v%1000/100, v%100)
	}
	if v < oldestNCCL {
		return "", "is version " + version + ", and 2.9 or newer is needed"
	}
	return version, ""
}
