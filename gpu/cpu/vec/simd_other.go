//go:build !(goexperiment.simd && amd64)

package vec

import "mdfa/gpu"

// accelerated is false: this build has only the plain loops.
const accelerated = false

func scaleBytesSIMD([]float32, []uint8, float32) int                  { return 0 }
func scaleSIMD(_, _ []float32, _ float32) int                         { return 0 }
func wordsSIMD([]uint32, uint64, int, int, int)                       {}
func signSIMD(_, _, _ []float32) int                                  { return 0 }
func activateSIMD(_ gpu.Activation, _, _, _ []float32) int            { return 0 }
func slopeSIMD(_ gpu.Activation, _, _, _ []float32) int               { return 0 }
func addSIMD(_, _ []float32) int                                      { return 0 }
func optimizeSIMD(_ gpu.Optimizer, _, _, _, _ []float32, _ Update)    {}
func maxWindowSIMD(_ []float32, _ []uint8, _ []float32, _, _ int) int { return 0 }
func averageWindowSIMD(_, _ []float32, _, _ int) int                  { return 0 }
func addToMaxSIMD(_, _ []float32, _ []uint8, _, _ int) int            { return 0 }
func addToWindowSIMD(_, _ []float32, _, _ int) int                    { return 0 }

func normalizeBytesSIMD([]float32, []uint8, []float32, []float32) int { return 0 }

func (c *Comparison) addSIMD(_, _ []float32, _, _ float32) int { return 0 }
