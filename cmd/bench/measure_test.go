package bench

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
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

// TestPyTorchIsAskedOnceForEachNetworkAndBatchAndBioTorchForEachCell has a stand-in that writes down what it
// is asked.
func TestPyTorchIsAskedOnceForEachNetworkAndBatchAndBioTorchForEachCell(t *testing.T) {
	dir := t.TempDir()
	python, asked, name := filepath.Join(dir, "python"), filepath.Join(dir, "asked"), filepath.Join(dir, "bench.json")
	script := "#!/bin/sh\necho \"$3 $4 $5\" >>'" + asked + "'\nwhile read s; do [ \"$5\" ] && echo 0.002 || echo 0.004; done\n"
	require.NoError(t, os.WriteFile(python, []byte(script), 0o755))
	text := runBench(t, "-device", "cpu", "-datasets", "mnist", "-nets", "fc,conv", "-models", "bp,dfa,mdfa", "-batch_sizes", "4,8", "-time", "10ms", "-peers", python, "-json", name)
	lines, err := os.ReadFile(asked)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"mnist-fc 4 backpropagation", "mnist-fc 4 ", "mnist-fc 4 dfa", "mnist-fc 8 backpropagation", "mnist-fc 8 ", "mnist-fc 8 dfa",
		"mnist-conv 4 backpropagation", "mnist-conv 4 ", "mnist-conv 8 backpropagation", "mnist-conv 8 ",
	}, strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n"))
	for _, c := range validated(t, name).Cells {
		pytorch, biotorch := float64(c.Batch)/0.004, float64(c.Batch)/0.002
		if c.Model == "mdfa" || c.Model == "dfa" && c.Net == "conv" {
			biotorch = 0
		}
		assert.Equal(t, pytorch, c.PyTorch)
		assert.Equal(t, biotorch, c.BioTorch, c.key)
		assert.Contains(t, text, times(c.ImagesPerSecond, pytorch))
		assert.Contains(t, text, times(c.ImagesPerSecond, biotorch))
	}
}

func TestPeerThatFailsSaysWhy(t *testing.T) {
	python := filepath.Join(t.TempDir(), "python")
	require.NoError(t, os.WriteFile(python, []byte("#!/bin/sh\necho Traceback >&2\necho No module named biotorch >&2\nexit 1\n"), 0o755))
	p, err := startPeer(t.Context(), python, workload{mnist, "fc", algo.FA, 4}, "fa")
	require.NoError(t, err)
	_, err = p.window(time.Millisecond)
	assert.EqualError(t, err, "timing PyTorch with "+python+": No module named biotorch")
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
