//go:build (linux || darwin || freebsd) && (amd64 || arm64)

package blas

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/ebitengine/purego"

	"mdfa/gpu/internal/site"
)

// Find opens the file that MDFA_BLAS names, and fails if that is not a BLAS. If the variable is empty it opens the first
// native library in the program's folder, in lib/ beside that, in the wheel scipy-openblas32 of the program's or the active
// Python environment, or by one of the system's names, and otherwise returns gonum. MDFA_BLAS=gonum asks for gonum.
func Find() (*Library, error) {
	switch wanted := os.Getenv(variable); wanted {
	case "":
	case "gonum":
		return Gonum(), nil
	default:
		l, err := Open(wanted)
		if err != nil {
			return nil, fmt.Errorf("%s names no BLAS: %w", variable, err)
		}
		return l, nil
	}
	for _, path := range candidates() {
		if l, err := Open(path); err == nil {
			return l, nil
		}
	}
	return Gonum(), nil
}

// candidates lists the places in the order in which they are tried.
func candidates() []string {
	var paths []string
	file := "libopenblas.so"
	if runtime.GOOS == "darwin" {
		file = "libopenblas.dylib"
	}
	if program, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(program); err == nil {
			program = resolved
		}
		folder := filepath.Dir(program)
		paths = append(paths, filepath.Join(folder, file), filepath.Join(folder, "..", "lib", file))
	}
	for _, packages := range site.Packages() {
		paths = append(paths, filepath.Join(packages, "scipy_openblas32", "lib", strings.Replace(file, "lib", "libscipy_", 1)))
	}
	if runtime.GOOS == "darwin" {
		return append(paths, "/opt/homebrew/opt/openblas/lib/"+file,
			"/System/Library/Frameworks/Accelerate.framework/Accelerate")
	}
	return append(paths, "libopenblas.so.0", "libopenblasp.so.0", "libopenblas.so")
}

// Open opens one native BLAS by file name. It must export a Fortran sgemm with
// 32-bit integers, under the usual name or with scipy's prefix.
func Open(path string) (*Library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be loaded (%w)", path, err)
	}
	for _, prefix := range []string{"scipy_", ""} {
		sgemm, err := purego.Dlsym(handle, prefix+"sgemm_")
		if err != nil {
			continue
		}
		l := &Library{name: "BLAS", path: shorten(path), sgemm: sgemm}
		if set, err := purego.Dlsym(handle, prefix+"openblas_set_num_threads"); err == nil {
			purego.SyscallN(set, 1) // the caller's goroutines are the threads
			l.name = "OpenBLAS"
		}
		if config, err := purego.Dlsym(handle, prefix+"openblas_get_config"); err == nil {
			var getConfig func() string
			purego.RegisterFunc(&getConfig, config)
			l.name = version(getConfig())
		}
		if core, err := purego.Dlsym(handle, prefix+"openblas_get_corename"); err == nil {
			var getCore func() string
			purego.RegisterFunc(&getCore, core)
			l.name += kernels(getCore(), os.Getenv("OPENBLAS_CORETYPE"))
		}
		if strings.Contains(path, "Accelerate") {
			l.name, l.path = "Accelerate", ""
		}
		return l, nil
	}
	return nil, fmt.Errorf("%s has no sgemm_", path)
}

// kernels describes the kernels that OpenBLAS runs, with the variable that chose them if it is set: kernels for another
// processor can be half as fast. Core is OpenBLAS's name for them, which may differ from the variable's.
func kernels(core, chosen string) string {
	switch {
	case core == "":
		return ""
	case chosen == "":
		return ", " + core + " kernels"
	}
	return fmt.Sprintf(", %s kernels with OPENBLAS_CORETYPE=%s", core, chosen)
}

// version takes "OpenBLAS 0.3.34" out of OpenBLAS's build description.
func version(config string) string {
	words := strings.Fields(config)
	if len(words) >= 2 && words[0] == "OpenBLAS" {
		return words[0] + " " + words[1]
	}
	return "OpenBLAS"
}

// shorten returns a path relative to the working folder if that is shorter.
func shorten(path string) string {
	folder, err := os.Getwd()
	if err != nil || !filepath.IsAbs(path) {
		return path
	}
	if rel, err := filepath.Rel(folder, path); err == nil && len(rel) < len(path) && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}
