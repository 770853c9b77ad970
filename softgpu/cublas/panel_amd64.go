//go:build goexperiment.simd && amd64

package cublas

import "simd/archsimd"

func init() {
	if archsimd.X86.AVX2() { // products and sums are rounded one by one, so FMA is of no use
		addPanel = addPanelSIMD
	}
}

type f8 = archsimd.Float32x8

// addPanelSIMD is addPanelPlain with two vectors for the 16 rows: 8 sums in registers. It ends with
// ClearAVXUpperBits, since scalar code after it would be slow otherwise.
func addPanelSIMD(sums *[panelRows * panelCols]float32, a, b []float32) {
	var s0, s1, s2, s3, t0, t1, t2, t3 f8
	for len(a) >= panelRows && len(b) >= panelCols {
		low := archsimd.LoadFloat32x8((*[8]float32)(a))
		high := archsimd.LoadFloat32x8((*[8]float32)(a[8:]))
		y := archsimd.BroadcastFloat32x8(b[0])
		s0, t0 = s0.Add(low.Mul(y)), t0.Add(high.Mul(y))
		y = archsimd.BroadcastFloat32x8(b[1])
		s1, t1 = s1.Add(low.Mul(y)), t1.Add(high.Mul(y))
		y = archsimd.BroadcastFloat32x8(b[2])
		s2, t2 = s2.Add(low.Mul(y)), t2.Add(high.Mul(y))
		y = archsimd.BroadcastFloat32x8(b[3])
		s3, t3 = s3.Add(low.Mul(y)), t3.Add(high.Mul(y))
		a, b = a[panelRows:], b[panelCols:]
	}
	add := func(at int, v f8) {
		p := (*[8]float32)(sums[at:])
		archsimd.LoadFloat32x8(p).Add(v).Store(p)
	}
	add(0, s0)
	add(8, t0)
	add(16, s1)
	add(24, t1)
	add(32, s2)
	add(40, t2)
	add(48, s3)
	add(56, t3)
	archsimd.ClearAVXUpperBits()
}
