//go:build linux

package cpu

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMemoryIsWhatCanBeHadWithoutSwapping(t *testing.T) {
	free, total := parseMemory(strings.NewReader("MemTotal:       16384 kB\nMemFree:          100 kB\nMemAvailable:    8192 kB\nHugePages_Total:     0\n"))
	assert.EqualValues(t, 8<<20, free)
	assert.EqualValues(t, 16<<20, total)
	free, total = systemMemory()
	assert.Positive(t, free)
	assert.Less(t, free, total)
}
