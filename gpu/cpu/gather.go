package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/vec"
)

// Gather copies one batch of rows, moved and mirrored where that is asked for, and scales or normalizes them.
func (d *Device) Gather(a gpu.GatherArgs) error {
	uses := []gpu.Span{a.X.Span, a.Y, a.Data, a.Labels, a.Order, a.Cursor, a.Mean, a.Scales, a.Augment.Step}
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
		var moved [][]uint8 // an image of each worker; nil if images stay as they are
		if a.Augment.Changes() {
			for range d.scratch {
				moved = append(moved, make([]uint8, features))
			}
		}
		var mean, scales []float32 // of each feature; nil without normalization
		if !a.Mean.IsNone() {
			mean, scales = make([]float32, features), make([]float32, features)
		}
		parts := partsFor(n*features, elementwise, n)
		work := phase{parts, func(part, worker int) {
			from, to := cut(n, parts, part, 1)
			for i := from; i < to; i++ {
				out := x[i*features : (i+1)*features]
				r := row(i)
				if r < 0 {
					clear(out)
					y[i] = -1
					continue
				}
				image := data[r*features : (r+1)*features]
				if moved != nil {
					augment(a.Augment, ints(a.Augment.Step)[0], i, moved[worker], image)
					image = moved[worker]
				}
				if mean != nil {
					vec.NormalizeBytes(out, image, mean, scales)
				} else {
					vec.ScaleBytes(out, image, a.Scale)
				}
				y[i] = labels[r]
			}
		}}
		if mean == nil {
			return []phase{work}
		}
		read := serial(func() {
			repeat(mean, floats(a.Mean))
			repeat(scales, floats(a.Scales))
		})
		return []phase{read, work}
	})
}

// repeat fills to with copies of the channels' values, one for each pixel.
func repeat(to, channels []float32) {
	for i := 0; i < len(to); i += len(channels) {
		copy(to[i:], channels)
	}
}

// augment writes image i of the batch as the step changes it.
func augment(a gpu.Augment, step int32, i int, to, image []uint8) {
	down, right, mirrored := a.Draw(step, i)
	line := a.Width * a.Channels
	for y := range a.Height {
		out, v := to[y*line:(y+1)*line], y+down
		if v < 0 || v >= a.Height {
			clear(out)
			continue
		}
		first, last := max(0, -right)*a.Channels, min(a.Width, a.Width-right)*a.Channels // that are inside the image
		clear(out[:first])
		copy(out[first:last], image[v*line+first+right*a.Channels:])
		clear(out[last:])
		if mirrored {
			reverse(out, a.Channels)
		}
	}
}

// reverse reverses the order of pixels.
func reverse(line []uint8, channels int) {
	for i, j := 0, len(line)-channels; i < j; i, j = i+channels, j-channels {
		for c := range channels {
			line[i+c], line[j+c] = line[j+c], line[i+c]
		}
	}
}
