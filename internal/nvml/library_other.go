//go:build !linux || !(amd64 || arm64)

package nvml

import "errors"

// Read has no library to ask on this system.
func Read(string) (Card, error) {
	return Card{}, errors.New("nvml: NVIDIA's management library is asked on Linux only")
}
