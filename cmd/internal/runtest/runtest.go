// Package runtest is shared by the tests of programs: running them, a small data set, and the comparison of two runs.
package runtest

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// Finish runs a program to its end. It returns what was not sent elsewhere already, and the exit code.
func Finish(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	cmd.Stderr = &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Table reads a CSV: the header, and the rows by column.
func Table(t *testing.T, path string) (header []string, rows []map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return lines[0], rows
}

// Stable is a CSV without the columns from the named one on.
func Stable(t *testing.T, path, from string) string {
	t.Helper()
	header, rows := Table(t, path)
	var b strings.Builder
	for _, row := range rows {
		for _, name := range header {
			if name == from {
				break
			}
			fmt.Fprintf(&b, "%s=%s ", name, row[name])
		}
		b.WriteByte('\n')
	}
	require.Contains(t, header, from)
	return b.String()
}

// Sizes of the made-up data set: enough for its validation split and top-5.
const (
	trainImages = 400
	testImages  = 60
)

// Digits writes a small data set in MNIST's format and returns its folder: noise, with
// a bright row that tells the class.
func Digits(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for prefix, n := range map[string]int{"train": trainImages, "t10k": testImages} {
		images := binary.BigEndian.AppendUint32(nil, 0x803)
		for _, size := range []int{n, 28, 28} {
			images = binary.BigEndian.AppendUint32(images, uint32(size))
		}
		labels := binary.BigEndian.AppendUint32(nil, 0x801)
		labels = binary.BigEndian.AppendUint32(labels, uint32(n))
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		for i := range n {
			label := i % 10
			labels = append(labels, byte(label))
			for pixel := range 28 * 28 {
				value := byte(rng.IntN(100))
				if pixel/28 == 2*label {
					value = 255
				}
				images = append(images, value)
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, prefix+"-images-idx3-ubyte"), images, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, prefix+"-labels-idx1-ubyte"), labels, 0o644))
	}
	return dir
}

// End is the end of a run that a resumed run must reach, bit-identical.
type End struct {
	Epochs, Result string // rows without times
	Alignment      string // alignment.csv; "" if there is none
	Last, Best     *checkpoint.Checkpoint
}

// EndOf reads the end of the run in a folder.
func EndOf(t *testing.T, dir string) End {
	t.Helper()
	e := End{
		Epochs: Stable(t, filepath.Join(dir, "epochs.csv"), "images_per_second"),
		Result: Stable(t, filepath.Join(dir, "result.csv"), "device_detail"),
	}
	aligned, err := os.ReadFile(filepath.Join(dir, folder.AlignmentFile))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	e.Alignment = string(aligned)
	e.Last, err = checkpoint.LoadState(t.Context(), dir)
	require.NoError(t, err)
	e.Best, err = checkpoint.Load(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, checkpoint.WeightsKind, e.Best.Kind)
	for _, c := range []*checkpoint.Checkpoint{e.Last, e.Best} {
		require.NoError(t, c.Skipped)
		c.Path, c.Written = "", time.Time{}
		c.Flags, c.Given = nil, nil // -resume and the like
		for i := range c.Progress.Epochs {
			c.Progress.Epochs[i].Seconds, c.Progress.Epochs[i].DataWait = 0, 0
		}
		c.Progress.Seconds, c.Progress.DataWait = 0, 0
	}
	return e
}

// AssertSame compares two ends, without printing all of their weights.
func AssertSame(t *testing.T, want, got End, about ...any) {
	t.Helper()
	assert.Equal(t, want.Epochs, got.Epochs, about...)
	assert.Equal(t, want.Result, got.Result, about...)
	assert.Equal(t, want.Alignment, got.Alignment, about...)
	for name, c := range map[string][2]*checkpoint.Checkpoint{"last": {want.Last, got.Last}, "best": {want.Best, got.Best}} {
		assert.Equal(t, c[0].Facts, c[1].Facts, about...)
		assert.True(t, assert.ObjectsAreEqual(c[0], c[1]), "the weights of %s %v", name, about)
	}
}
