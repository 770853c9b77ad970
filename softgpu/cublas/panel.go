package cublas

// A panel of the result, in elements, is held in registers at a time.
const (
	panelRows = 16
	panelCols = 4
)

// addPanel adds to sums [panelCols, panelRows] the product of a panel of A [k, panelRows] and one of B [k, panelCols].
// The sum over k begins at 0 and is added at the end. It is the SIMD loop where build and processor have one.
var addPanel = addPanelPlain

// addPanelPlain is the definition; it keeps 4 by 2 sums in registers. The conversions forbid the compiler to fuse a
// product into its sum, as it does on arm64, which would give other bits than the SIMD loop.
func addPanelPlain(sums *[panelRows * panelCols]float32, a, b []float32) {
	for j := 0; j < panelCols; j += 2 {
		for i := 0; i < panelRows; i += 4 {
			var s00, s10, s20, s30, s01, s11, s21, s31 float32
			for x, y := a[i:], b[j:]; len(x) >= 4 && len(y) >= 2; {
				b0, b1 := y[0], y[1]
				s00 += float32(x[0] * b0)
				s10 += float32(x[1] * b0)
				s20 += float32(x[2] * b0)
				s30 += float32(x[3] * b0)
				s01 += float32(x[0] * b1)
				s11 += float32(x[1] * b1)
				s21 += float32(x[2] * b1)
				s31 += float32(x[3] * b1)
				if len(x) < panelRows || len(y) < panelCols {
					break
				}
				x, y = x[panelRows:], y[panelCols:]
			}
			first, second := sums[j*panelRows+i:][:4], sums[(j+1)*panelRows+i:][:4]
			first[0] += s00
			first[1] += s10
			first[2] += s20
			first[3] += s30
			second[0] += s01
			second[1] += s11
			second[2] += s21
			second[3] += s31
		}
	}
}
