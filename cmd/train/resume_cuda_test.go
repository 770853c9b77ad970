//go:build cuda

package train

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
)

func TestKilledRunsOnASoftwareGPUEndInTheSameBits(t *testing.T) {
	const least = 3
	killAndGoOn(t, least, small(madeUp(t), "-device", "emu", "-max_epochs", "4", "-checkpoint_every", "2", "-optimizer", "adam"))
}

func TestACPURunGoesOnOnTheSoftwareGPU(t *testing.T) {
	args := small(madeUp(t))
	first := runTrain(t, append(args, "-device", "cpu", "-max_steps", "7")...)
	require.Equal(t, 0, first.code, first.stderr)
	run, err := filepath.Rel(first.dir, first.runFolder(t))
	require.NoError(t, err)
	cmd := inFolder(t, first.dir, "-resume", run, "-device", "emu", "-max_steps", "0", "-max_epochs", "3")
	cmd.Env = append(os.Environ(), "MDFA_EMU=")
	got := finish(t, cmd)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\nresume   in epoch 2, after step 2 of 5, from ")

	host := runTrain(t, append(args, "-device", "cpu", "-max_epochs", "3")...)
	require.Equal(t, 0, host.code, host.stderr)
	_, want := table(t, filepath.Join(host.runFolder(t), "epochs.csv"))
	_, rows := table(t, filepath.Join(first.dir, run, "epochs.csv"))
	require.Len(t, rows, 3)
	for i, row := range rows {
		a, err := strconv.ParseFloat(want[i]["train_loss"], 64)
		require.NoError(t, err)
		b, err := strconv.ParseFloat(row["train_loss"], 64)
		require.NoError(t, err)
		assert.InEpsilon(t, a, b, 1e-4, "sums are added up in another order")
	}
	record, err := folder.ReadRun(filepath.Join(first.dir, run))
	require.NoError(t, err)
	assert.Equal(t, "cpu", record.Device.Kind)
	require.Len(t, record.Resumed, 1)
	assert.Equal(t, "emu", record.Resumed[0].Device.Kind)
}
