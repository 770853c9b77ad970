// Command gen writes the launch wrappers of package kernels. go generate runs it in
// that package's folder.
package main

import (
	"fmt"
	"os"

	"mdfa/gpu/cuda/kernels/internal/wrapgen"
)

func main() {
	if err := run("../../../kernels.cu", "kernels_gen.go"); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(source, target string) error {
	cu, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	out, err := wrapgen.Generate(string(cu))
	if err != nil {
		return err
	}
	return os.WriteFile(target, out, 0o644)
}
