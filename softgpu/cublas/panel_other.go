//go:build !(goexperiment.simd && amd64)

package cublas

// This build has the plain loop only.
const accelerated = false

func addPanelSIMD(_ *[panelRows * panelCols]float32, _, _ []float32) {}
