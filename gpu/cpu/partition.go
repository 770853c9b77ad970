package cpu

// How work is cut. Every count here comes from the shapes alone: the same cut on every
// machine is what makes results the same with any number of processors.

const (
	// A matrix product of this much work is worth a second thread.
	productFLOPs = 4 << 20
	// An elementwise part fits into the second-level cache with its operands.
	elementwise = 16 << 10
	// Patches that one worker holds at a time: 1 MiB, or one image if that is more.
	patchFloats = 256 << 10

	maxProductParts = 32
)

// partsFor is the largest power of two of parts with at least perPart work each, within
// [1, limit].
func partsFor(work, perPart, limit int) int {
	parts := 1
	for 2*parts <= limit && work >= 2*parts*perPart {
		parts *= 2
	}
	return parts
}

// productParts is the number of parts of a matrix product. Every part packs the matrix
// that all of them read once more, so that each doubling of the parts has to be worth
// four times the work.
func productParts(flops int) int {
	parts := 1
	for need := productFLOPs; parts < maxProductParts && flops >= need; need *= 4 {
		parts *= 2
	}
	return parts
}

// cut is the range of part out of n things in parts pieces, borders at multiples of unit.
func cut(n, parts, part, unit int) (from, to int) {
	units := (n + unit - 1) / unit
	return min(units*part/parts*unit, n), min(units*(part+1)/parts*unit, n)
}

// split is elementwise work in a fixed number of parts.
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
