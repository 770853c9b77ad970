//go:build !((linux || darwin || freebsd) && (amd64 || arm64))

package blas

import (
	"fmt"
	"os"
	"runtime"
)

type nativeArgs struct{}

func (l *Library) runNative(*Product) {}

// Find returns gonum: there is no native library for this platform.
func Find() (*Library, error) {
	if wanted := os.Getenv(variable); wanted != "" && wanted != "gonum" {
		return nil, fmt.Errorf("%s=%s: this program has no native BLAS on %s/%s", variable, wanted, runtime.GOOS, runtime.GOARCH)
	}
	return Gonum(), nil
}
