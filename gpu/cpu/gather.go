package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/vec"
)

// Gather copies one batch of rows and scales them.
func (d *Device) Gather(a gpu.GatherArgs) error {
	uses := []gpu.Span{a.X.Span, a.Y, a.Data, a.Labels, a.Order, a.Cursor}
	return d.submit("gather", a.Check(), uses, func() []phase {
		x, y, data, labels := floats(a.X.Span), ints(a.Y), octets(a.Data), ints(a.Labels)
		order, cursor := ints(a.Order), ints(a.Cursor)
		n, features := a.X.Rows, a.X.Cols

		// row is the data set's row for position i of the batch, or -1.
		row := func(i int) int {
			at := int(cursor[0])*n + i
			if !a.Order.IsNone() {
				if at < 0 || at >= len(order) {
					return -1
				}
				at = int(order[at])
			}
			if at < 0 || at >= len(labels) {
				return -1
			}
			return at
		}
		parts := partsFor(n*features, elementwise, n)
		return []phase{{parts, func(part, _ int) {
			from, to := cut(n, parts, part, 1)
			for i := from; i < to; i++ {
				out := x[i*features : (i+1)*features]
				r := row(i)
				if r < 0 {
					clear(out)
					y[i] = -1
					continue
				}
				vec.ScaleBytes(out, data[r*features:(r+1)*features], a.Scale)
				y[i] = labels[r]
			}
		}}}
	})
}
