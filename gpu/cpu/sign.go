package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/vec"
)

// Sign gives each magnitude its sign. Magnitudes that are drawn go into Dst first.
func (d *Device) Sign(a gpu.SignArgs) error {
	uses := []gpu.Span{a.Dst, a.Src, a.M, a.Step}
	return d.submit("sign", a.Check(), uses, func() []phase {
		dst, src, m, step := floats(a.Dst), floats(a.Src), floats(a.M), ints(a.Step)
		return []phase{split(len(dst), func(from, to int) {
			magnitudes := part(m, from, to-from)
			if a.M.IsNone() {
				row := 0
				if len(step) > 0 {
					row = int(step[0])
				}
				magnitudes = dst[from:to]
				vec.Fill(magnitudes, a.Gen, a.Layer, row, from)
			}
			vec.Sign(dst[from:to], src[from:to], magnitudes)
		})}
	})
}
