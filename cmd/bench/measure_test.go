package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBurstsAreEqualPartsOfAnEpoch(t *testing.T) {
	for _, c := range []struct {
		whole int
		n     float64
		want  int
	}{{64, 0.1, 1}, {64, 1, 1}, {64, 31, 21}, {64, 32, 32}, {64, 50, 32}, {64, 64, 64}, {64, 1e9, 64}, {4, 3, 2}, {1, 7, 1}} {
		assert.Equal(t, c.want, part(c.whole, c.n), "%d in parts of %g", c.whole, c.n)
	}
}

// counted is a timer of something that takes no time.
func counted(runs *int) *timer {
	return &timer{ctx: context.Background(),
		begin: func(n int) (int, error) { return min(n, 3), nil },
		run:   func(n int) error { *runs += n; return nil },
		most:  8,
	}
}

func TestTimerWarmsUpAndFillsEachWindow(t *testing.T) {
	runs := 0
	timer := counted(&runs)
	require.NoError(t, timer.warm(0, true))
	assert.Equal(t, 2, runs, "nothing of it counts")
	assert.Equal(t, 8, timer.burst, "as long as there can be")
	for range 3 {
		require.NoError(t, timer.window(0))
	}
	got := timer.timing()
	assert.Equal(t, 3, got.Samples, "one at least in a window")
	assert.Len(t, got.Windows, 3)
	assert.Equal(t, 2+3*3, runs, "begin has the last word on a burst")
}

func TestErrorsEndAMeasurement(t *testing.T) {
	runs := 0
	timer := counted(&runs)
	timer.run = func(int) error { return io.ErrUnexpectedEOF }
	require.ErrorIs(t, timer.warm(0, false), io.ErrUnexpectedEOF)
	require.ErrorIs(t, timer.window(time.Hour), io.ErrUnexpectedEOF)
	timer.begin = func(int) (int, error) { return 0, io.EOF }
	require.ErrorIs(t, timer.window(time.Hour), io.EOF)
}

// TestPyTorchIsAskedOnceForEachNetworkAndBatch has a stand-in that writes down what it
// is asked.
func TestPyTorchIsAskedOnceForEachNetworkAndBatch(t *testing.T) {
	dir := t.TempDir()
	python, asked, name := filepath.Join(dir, "python"), filepath.Join(dir, "asked"), filepath.Join(dir, "bench.json")
	script := "#!/bin/sh\ncat >/dev/null\necho \"$@\" >>'" + asked + "'\necho 1000\n"
	require.NoError(t, os.WriteFile(python, []byte(script), 0o755))
	text := runBench(t, "-device", "cpu", "-datasets", "mnist", "-nets", "fc", "-models", "bp,dfa", "-batch_sizes", "4,8", "-time", "10ms", "-peers", python, "-json", name)
	lines, err := os.ReadFile(asked)
	require.NoError(t, err)
	assert.Equal(t, "- mnist-fc 4 0.01\n- mnist-fc 8 0.01\n", string(lines))
	for _, c := range validated(t, name).Cells {
		assert.EqualValues(t, 1000, c.PyTorch)
		assert.Contains(t, text, fmt.Sprintf("%.2fx", c.ImagesPerSecond/1000))
	}
}

func TestMeasuringEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	bursts := 0
	tm := &timer{ctx: ctx, most: 1, begin: func(n int) (int, error) { return n, nil }, run: func(int) error {
		if bursts++; bursts == 3 {
			cancel()
		}
		return nil
	}}
	assert.ErrorIs(t, tm.window(time.Hour), context.Canceled)
	assert.Equal(t, 3, bursts)
}
