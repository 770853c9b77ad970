//go:build !(goexperiment.simd && amd64)

package vm

// accelerated is false: this build has the plain loops only.
const accelerated = false
