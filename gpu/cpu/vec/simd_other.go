//go:build !(goexperiment.simd && amd64)

package vec

// This build has the plain loops only.
const accelerated = false

func scaleBytesSIMD([]float32, []uint8, float32) int { return 0 }
func scaleSIMD(_, _ []float32, _ float32) int        { return 0 }
func biasTanhSIMD(_, _ []float32)                    {}
func biasReLUSIMD(_, _, _ []float32) int             { return 0 }
func biasPLSIMD(_, _, _ []float32) int               { return 0 }
func tanhGradSIMD(_, _, _ []float32) int             { return 0 }
func reluGradSIMD(_, _, _ []float32) int             { return 0 }
func plGradSIMD(_, _, _ []float32) int               { return 0 }
func addSIMD(_, _ []float32) int                     { return 0 }
func sgdSIMD(_, _ []float32, _ Update)               {}
func rmspropSIMD(_, _, _ []float32, _ Update)        {}
func adamSIMD(_, _, _, _ []float32, _ Update)        {}

func (c *Comparison) addSIMD(_, _ []float32, _, _ float32) int { return 0 }
