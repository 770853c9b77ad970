// Package philox is the counter-based generator Philox4x32-10 of Salmon, Moraes, Dror and Shaw
// (Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011). kernels.cu computes the same words.
package philox

import "math/bits"

// The constants of the generator, which a vector loop needs, too.
const (
	Rounds = 10

	First, Second  = 0xD2511F53, 0xCD9E8D57 // multipliers
	Golden, Silver = 0x9E3779B9, 0xBB67AE85 // increments of the key: of the golden ratio, and of sqrt(3)
)

// Words maps a counter of 128 bits to 128 random bits by a bijection that the key selects. Any part
// of the sequence can be computed by itself, as the threads of a GPU need.
func Words(counter [4]uint32, key [2]uint32) [4]uint32 {
	for range Rounds {
		high0, low0 := bits.Mul32(First, counter[0])
		high1, low1 := bits.Mul32(Second, counter[2])
		counter = [4]uint32{high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0}
		key[0] += Golden
		key[1] += Silver
	}
	return counter
}
