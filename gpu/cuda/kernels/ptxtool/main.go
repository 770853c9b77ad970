// Command ptxtool compiles kernels.cu to PTX and checks the result. Run it in the
// repository's root:
//
//	go run ./gpu/cuda/kernels/ptxtool compile   # kernels.cu -> gpu/cuda/kernels.ptx
//	go run ./gpu/cuda/kernels/ptxtool check     # compile again, compare, assemble, table
//
// It uses one pinned compiler (NVRTC 12.0, so that the PTX loads on every driver from
// 525 on) and one pinned assembler (ptxas 12.9), which pip puts under .cache/ptx; the
// system is left alone. No GPU and no CUDA toolkit is needed.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
)

const (
	sourceFile = "kernels.cu"
	ptxFile    = "gpu/cuda/kernels.ptx"
	cacheDir   = ".cache/ptx"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ptxtool:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 || args[0] != "compile" && args[0] != "check" {
		return errors.New("expected one of compile, check")
	}
	source, err := os.ReadFile(sourceFile)
	if err != nil {
		return fmt.Errorf("%w (run it in the repository's root)", err)
	}
	nvrtc, err := fetch(nvrtcWheel)
	if err != nil {
		return err
	}
	ptx, err := build(source, nvrtc)
	if err != nil {
		return err
	}
	if args[0] == "compile" {
		return os.WriteFile(ptxFile, ptx, 0o644)
	}
	committed, err := os.ReadFile(ptxFile)
	if err != nil {
		return err
	}
	if !bytes.Equal(committed, ptx) {
		return fmt.Errorf("%s is not what %s compiles to (%s): run `make ptx` and commit the result", ptxFile, sourceFile, firstDifference(committed, ptx))
	}
	nvcc, err := fetch(nvccWheel)
	if err != nil {
		return err
	}
	return report(os.Stdout, nvcc)
}

// build returns the content of kernels.ptx: a line that ties it to its source, so that a
// plain `go test` notices a forgotten `make ptx`, and the compiler's output.
func build(source []byte, nvrtc string) ([]byte, error) {
	ptx, err := compile(source, nvrtc)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("// Compiled from kernels.cu, SHA-256 %x, by make ptx.\n", sha256.Sum256(source))
	return append([]byte(head), ptx...), nil
}

func firstDifference(a, b []byte) string {
	as, bs := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(as), len(bs)) {
		if !bytes.Equal(as[i], bs[i]) {
			return fmt.Sprintf("line %d: committed %q, compiled %q", i+1, as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d lines committed, %d compiled", len(as), len(bs))
}
