package folder

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
)

func TestRunFileIsReadAsItWasWritten(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadRun(dir)
	require.ErrorIs(t, err, checkpoint.ErrAbsent)
	net, err := model.NewDense(model.Vector(2), []int{1}, 2, gpu.Tanh)
	require.NoError(t, err)
	settings := checkpoint.Settings{
		Flags: map[string]string{"lr": "0.1"}, Given: []string{"lr"}, Network: net.Spec(),
		Data: checkpoint.Data{Name: "mnist", Shape: [3]int{1, 1, 2}, Classes: 2, ClassOrder: []int{1, 0}},
	}
	want := Run{
		Format: runFormat, Settings: settings, Command: []string{"train", "-model", "mdfa"},
		Device: Device{"cpu", "cpu", "2 threads"}, Started: time.Unix(1_700_000_000, 0).UTC(),
		Resumed: []Resumed{{Time: time.Unix(1_700_000_100, 0).UTC(), From: "last", Epoch: 2, Step: 3}},
	}
	text, err := want.Encode()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, RunFile), text, 0o666))
	got, err := ReadRun(dir)
	require.NoError(t, err)
	assert.Equal(t, &want, got)
	require.NoError(t, os.WriteFile(filepath.Join(dir, RunFile), text[:50], 0o666))
	_, err = ReadRun(dir)
	require.ErrorIs(t, err, checkpoint.ErrDamaged)
}

func TestRunFileIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, RunFile), 0o666))
	_, err := ReadRun(dir)
	assert.ErrorContains(t, err, "run.json cannot be read (it is a named pipe: expected a regular file)")
}

func TestTheBeginningOfARunIsNone(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"mnist/bp-dense", "mnist/" + begunPrefix + "1-2", ".trash/fa-dense"} {
		dir := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(dir, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, RunFile), nil, 0o666))
	}
	runs, err := RunsBelow(root)
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(root, "mnist", "bp-dense")}, runs)
}
