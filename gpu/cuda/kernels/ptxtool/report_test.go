package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUsageIsReadFromPtxas(t *testing.T) {
	used, err := parseUsage(`ptxas info    : Compiling entry function 'col2im' for 'sm_70'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 54 registers, used 1 barriers, 4096 bytes smem, 428 bytes cmem[0]
ptxas info    : Compiling entry function 'sgd' for 'sm_70'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 18 registers, used 0 barriers, 396 bytes cmem[0]
`)
	require.NoError(t, err)
	assert.Equal(t, map[string]usage{"col2im": {54, 4096}, "sgd": {18, 0}}, used)
}

func TestSpillsAndStackFramesAreErrors(t *testing.T) {
	for _, line := range []string{
		"    16 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads",
		"    0 bytes stack frame, 4 bytes spill stores, 0 bytes spill loads",
		"    0 bytes stack frame, 0 bytes spill stores, 8 bytes spill loads",
	} {
		_, err := parseUsage("ptxas info    : Compiling entry function 'adam' for 'sm_90'\n" + line + "\n")
		assert.ErrorContains(t, err, "adam spills")
	}
}

func TestOccupancyIsTheTightestLimit(t *testing.T) {
	a := arch{"sm_80", 64, 32, 164 << 10, 1 << 10}
	for _, tc := range []struct {
		name                      string
		threads, regs, shared, is int
	}{
		{"warps", 256, 32, 0, 64},
		{"registers", 256, 40, 0, 48},
		{"shared memory", 256, 32, 40 << 10, 32},
		{"blocks", 32, 16, 0, 32},
		{"one block of 1024", 1024, 40, 0, 32},
	} {
		assert.Equal(t, tc.is, a.residentWarps(tc.threads, tc.regs, tc.shared), tc.name)
	}
}

func TestAPipFailureIsOneSentence(t *testing.T) {
	assert.Equal(t, "ERROR: no route", lastLine("WARNING: retrying\nERROR: no route.\n", errors.New("exit status 1")))
	assert.Equal(t, "exit status 1", lastLine("", errors.New("exit status 1")))
}

func TestADifferenceNamesItsLine(t *testing.T) {
	assert.Equal(t, `line 2: committed "b", compiled "c"`, firstDifference([]byte("a\nb"), []byte("a\nc")))
	assert.Equal(t, "1 lines committed, 2 compiled", firstDifference([]byte("a"), []byte("a\nb")))
}
