//go:build !((linux || darwin || freebsd) && (amd64 || arm64))

package blas

type nativeArgs struct{}

func (l *Library) runNative(*Product) {}

// Find has no native library to offer on this platform.
func Find() *Library { return Gonum() }
