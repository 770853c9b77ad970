package shards

// Sum is the checksum of image i, as its index has it: images that differ have different
// ones but for an accident.
func (r *Images) Sum(i int) uint32 { return r.sums[i] }
