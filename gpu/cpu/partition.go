package cpu

// Work is cut into parts by the shapes alone: the parts are the same on every machine, so that
// results are the same with any number of processors.

const (
	// A matrix product of this many operations is worth a second thread.
	productFLOPs = 4 << 20
	// The elements of an elementwise part fit into the second-level cache with its operands.
	elementwise = 16 << 10
	// Patches that one worker holds at a time: 1 MiB, or one image if that is more.
	patchFloats = 256 << 10

	maxProductParts = 32
)

// partsFor returns the largest power of two in [1, limit] of parts with at least perPart work
// each, 1 if there is less work.
func partsFor(work, perPart, limit int) int {
	parts := 1
	for 2*parts <= limit && work >= 2*parts*perPart {
		parts *= 2
	}
	return parts
}

// productParts returns the number of parts of a matrix product. Every part packs the matrix
// that all parts read for itself, so that a product needs four times the work to be cut into
// twice the parts.
func productParts(flops int) int {
	parts := 1
	for need := productFLOPs; parts < maxProductParts && flops >= need; need *= 4 {
		parts *= 2
	}
	return parts
}

// cut returns the range of one of the parts of n things, with borders at multiples of unit.
func cut(n, parts, part, unit int) (from, to int) {
	units := (n + unit - 1) / unit
	return min(units*part/parts*unit, n), min(units*(part+1)/parts*unit, n)
}

// split returns the phase of elementwise work on n elements, in parts that n alone determines.
func split(n int, work func(from, to int)) phase {
	parts := min((n+elementwise-1)/elementwise, maxParts)
	if parts <= 1 {
		return serial(func() { work(0, n) })
	}
	return phase{parts, func(part, _ int) {
		from, to := cut(n, parts, part, 16)
		work(from, to)
	}}
}
