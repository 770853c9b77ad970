package gpu

import "math/bits"

// philox is the counter-based generator Philox4x32-10: a bijection of 128 bits, the
// counter, chosen by 64 bits, the key. Any part of its sequence can be had at once, which
// is what a GPU's threads want (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As
// Easy as 1, 2, 3, SC 2011; kernels.cu has its twin).
func philox(counter [4]uint32, key [2]uint32) [4]uint32 {
	const (
		rounds         = 10
		first, second  = 0xD2511F53, 0xCD9E8D57 // multipliers
		golden, silver = 0x9E3779B9, 0xBB67AE85 // what the key grows by: of the golden ratio, and of sqrt(3)
	)
	for range rounds {
		high0, low0 := bits.Mul32(first, counter[0])
		high1, low1 := bits.Mul32(second, counter[2])
		counter = [4]uint32{high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0}
		key[0] += golden
		key[1] += silver
	}
	return counter
}
