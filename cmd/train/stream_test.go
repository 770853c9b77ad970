package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/shards"
)

// Black images that are too many to be read into memory, so that they stay in their
// file: 590 MB, of which the disk holds nothing.
const (
	blackSide  = 256
	blackBytes = blackSide * blackSide * 3
	blackCount = 3000
)

// blackImages writes a prepared folder of them in two classes, as internal/shards
// describes it.
func blackImages(t *testing.T) string {
	t.Helper()
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "train-00000.bin"))
	require.NoError(t, err)
	require.NoError(t, file.Truncate(blackCount*blackBytes))
	require.NoError(t, file.Close())

	index := append([]byte("MDFAIDX1"), make([]byte, 2*sha256.Size+3*8)...)
	word := func(v int) { index = binary.LittleEndian.AppendUint32(index, uint32(v)) }
	word(blackBytes)
	word(blackCount)
	for i := range blackCount {
		word(i % 2)
	}
	sum := crc32.Checksum(make([]byte, blackBytes), castagnoli)
	for range blackCount {
		word(int(sum))
	}
	for i := range blackCount {
		name := fmt.Sprintf("night/%04d.png", i)
		index = append(binary.AppendUvarint(index, uint64(len(name))), name...)
	}
	index = binary.AppendUvarint(index, 0) // none was skipped
	word(int(crc32.Checksum(index, castagnoli)))
	writeFiles(t, dir, map[string][]byte{"train-00000.idx": index})

	of := sha256.Sum256(index)
	none := hex.EncodeToString(make([]byte, sha256.Size))
	m := shards.Manifest{
		Format: 1, Size: blackSide, Channels: 3, ShardImages: blackCount, Plan: none,
		Classes: []shards.Class{{ID: "night"}, {ID: "coal"}},
		Train: shards.Split{Images: blackCount, PerClass: []int{blackCount / 2, blackCount / 2},
			Shards: []shards.Shard{{File: "train-00000.bin", Images: blackCount, SHA256: none, IndexSHA256: hex.EncodeToString(of[:])}}},
		Test: shards.Split{PerClass: []int{0, 0}},
	}
	require.NoError(t, m.Write(dir))
	return dir
}

func blackArgs(dir string, more ...string) []string {
	return append([]string{"-dataset", "imagenet", "-data", dir, "-device", "cpu"}, more...)
}

func TestStreamsImagesThatStayInTheirFiles(t *testing.T) {
	got := runTrain(t, blackArgs(blackImages(t), "-cache", "off", "-layers", "1", "-max_steps", "3")...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\ndata     2,040 train · 360 validation · 600 test images\n")
	assert.Regexp(t, `\nmemory   \d+ MB \(`, got.stdout, "far less than the images")
	assert.Equal(t, "3", requireResult(t, got)["steps"])
}

// The run must not continue with an image that has changed, nor count that image's epoch.
func TestFlippedByteInAStreamedImageStopsTheRun(t *testing.T) {
	const row = 1230 // every fifth from 4 on is for the test, at the end
	dir := blackImages(t)
	flipByte(t, filepath.Join(dir, "train-00000.bin"), row*blackBytes+77)
	got := runTrain(t, blackArgs(dir, "-cache", "off", "-layers", "1", "-max_epochs", "1")...)
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, `^train: (step \d+ of )?epoch 1: (training|validation) image \d+: `+dir+
		`/train-00000\.bin is damaged: image 1230 \(night/1230\.png\) is not as it was written \(its CRC32C differs\): .*\.\n$`, got.stderr)
	result := requireResult(t, got)
	assert.Equal(t, []string{"failed", "0", ""}, []string{result["status"], result["epochs"], result["test_accuracy"]})
	assert.Contains(t, result["reason"], "image 1230 (night/1230.png)")
}

func TestSignalEndsAStreamedEpochWithItsResults(t *testing.T) {
	t.Run("in the first epoch, from files", func(t *testing.T) {
		cmd, rest := startLong(t, `^rule `, blackArgs(blackImages(t), "-cache", "off", "-layers", "32", "-batch_size", "1")...)
		time.Sleep(500 * time.Millisecond) // an epoch takes many times as long
		assertEndsWithResults(t, cmd.Process.Signal, rest)
		assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
		row := requireResult(t, finished{dir: cmd.Dir})
		assert.Equal(t, []string{"interrupted", "in epoch 1", "0"}, []string{row["status"], row["reason"], row["epochs"]})
	})
	t.Run("in a later epoch, from memory", func(t *testing.T) {
		cmd, rest := startLong(t, `^epoch +2/`, "-data", madeUp(t), "-layers", "16", "-cache", "off", "-device", "cpu")
		assertEndsWithResults(t, cmd.Process.Signal, rest)
		assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
		row := requireResult(t, finished{dir: cmd.Dir})
		assert.Equal(t, "interrupted", row["status"])
		_, epochs := table(t, filepath.Join(finished{dir: cmd.Dir}.runFolder(t), "epochs.csv"))
		assert.GreaterOrEqual(t, len(epochs), 2)
		assert.Equal(t, fmt.Sprint(len(epochs)), row["epochs"])
	})
}

// assertEndsWithResults sends the signal of Ctrl-C, and checks how the program ends.
func assertEndsWithResults(t *testing.T, signal func(os.Signal) error, rest func() (stdout, stderr string)) {
	t.Helper()
	require.NoError(t, signal(syscall.SIGINT))
	stdout, stderr := rest()
	assert.Regexp(t, `^train: interrupted in epoch \d+: the results so far are written\.\n$`, stderr)
	assert.True(t, strings.HasPrefix(stdout, "results  ") || strings.Contains(stdout, "\nresults  "), stdout)
}
