//go:build !linux

package cpu

// systemMemory is unknown on this system.
func systemMemory() (free, total int64) { return 0, 0 }
