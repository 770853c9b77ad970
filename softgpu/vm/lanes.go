package vm

import (
	"encoding/binary"
	"fmt"
)

// lanes is the width of a warp.
const lanes = 32

const allLanes = ^uint32(0)

// vec is a register: the values of a warp's lanes, zero-extended to 64 bits.
type vec = [lanes]uint64

// bit is 1 for true.
func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// maskBits has the lowest bits set.
func maskBits(bits int) uint64 {
	if bits >= 64 {
		return ^uint64(0)
	}
	return 1<<bits - 1
}

// sx reads the low n bits of v as a signed number.
func sx(v uint64, n int) int64 { return int64(v<<(64-n)) >> (64 - n) }

func alignUp(n, a uint64) uint64 { return (n + a - 1) / max(a, 1) * max(a, 1) }

func detail(format string, args ...any) string { return fmt.Sprintf(format, args...) }

func loadLE(b []byte, size int) uint64 {
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func storeLE(b []byte, size int, v uint64) {
	switch size {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}
