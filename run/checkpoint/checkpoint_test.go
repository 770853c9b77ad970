package checkpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/internal/safetensors"
	"mdfa/model"
)

// sample is a checkpoint of a small network, after one epoch and three steps.
func sample(t testing.TB, seed uint64) *Checkpoint {
	t.Helper()
	net, err := model.NewConv(model.Shape{H: 5, W: 5, C: 2}, []model.Filter{{Filters: 3, Kernel: 3, Stride: 1}}, 4, gpu.ReLU)
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(seed, 0))
	arena := func() []float32 {
		a := make([]float32, net.Params)
		for _, tensor := range net.Split(a) {
			for i := range tensor.Data {
				tensor.Data[i] = rng.Float32()
			}
		}
		return a
	}
	floor := 1e-6
	return &Checkpoint{
		Facts: Facts{
			Kind: StateKind, Format: format, Written: time.Unix(1_700_000_000, 0).UTC(),
			Settings: Settings{
				Program: "0123456789ab", Flags: map[string]string{"model": "mdfa", "classes": "4"}, Given: []string{"classes", "model"},
				Data:    Data{Name: "folder", Shape: [3]int{5, 5, 2}, Classes: 4, ClassNames: []string{"\"<ä>\"", "b", "c", "d"}, Train: 100, Checksum: "abc"},
				Network: net.Spec(), Rule: "mdfa", ClampFloor: &floor, Seed: 7,
				Feedback: Feedback{Kind: "direct", Fingerprint: "f"},
			},
			Progress: training.Progress{
				BestEpoch: 1, Step: 3, Sums: algo.Metrics{Loss: 0.1 + 0.2, Correct: 2, Count: 24}, Seconds: 1.0 / 3,
				Epochs: []training.Epoch{{Number: 1, Steps: 12, Train: algo.Metrics{Loss: math.Inf(1), Count: 96}, Valid: algo.Metrics{Loss: math.Pi}, Best: true, Seconds: 0.1}},
			},
		},
		Network: net, Params: arena(), Best: arena(), Optimizer: [][]float32{arena(), arena()},
	}
}

func encoded(t *testing.T, c *Checkpoint) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, c.encode(&b))
	return b.Bytes()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	want := sample(t, 1)
	got, err := decode(t.Context(), bytes.NewReader(encoded(t, want)), int64(len(encoded(t, want))))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	dir := t.TempDir()
	require.NoError(t, NewWriter(dir, nil).State(want))
	got, err = Load(t.Context(), dir)
	require.NoError(t, err)
	want.Path = filepath.Join(dir, Folder, LastFile)
	assert.Equal(t, want.Params, got.Params)
	assert.Equal(t, want.Path, got.Path)
	assert.Equal(t, want.Progress, got.State().Progress)
}

// TestLearnedFeedbackIsWrittenAndRead covers all kinds of feedback. Weights alone leave it out.
func TestLearnedFeedbackIsWrittenAndRead(t *testing.T) {
	for kind, names := range map[model.Feedback][]string{
		model.LayerFeedback:  {"feedback.layers.1.weight"},
		model.DirectFeedback: {"feedback.direct"},
		model.ClassFeedback:  {"feedback.direct"},
	} {
		want := sample(t, 1)
		want.Feedback.Kind = FeedbackKinds[kind]
		arena := func(first float32) []float32 {
			a := make([]float32, want.Network.FeedbackLen(kind))
			for i, tensor := range want.Network.SplitFeedback(kind, a) {
				for j := range tensor.Data {
					tensor.Data[j] = first + float32(10*i+j)
				}
			}
			return a
		}
		want.Learned, want.LearnedOptimizer = arena(1), [][]float32{arena(2), arena(3)}
		var got []string
		for _, tensor := range want.LearnedTensors() {
			got = append(got, tensor.Name)
		}
		assert.Equal(t, names, got)
		file := encoded(t, want)
		read, err := decode(t.Context(), bytes.NewReader(file), int64(len(file)))
		require.NoError(t, err)
		assert.Equal(t, want, read)
		assert.Equal(t, want.Learned, read.State().Feedback)
		assert.Equal(t, want.LearnedOptimizer, read.State().FeedbackOptimizer)

		dir := t.TempDir()
		require.NoError(t, NewWriter(dir, nil).Weights(want))
		best, err := Load(t.Context(), dir)
		require.NoError(t, err)
		assert.Nil(t, best.Learned)
		assert.Nil(t, best.LearnedOptimizer)
		require.True(t, want.TakeBest())
		assert.Nil(t, want.LearnedTensors())
	}
}

// TestFeedbackOfAnotherKindIsRefused reads tensors that the facts do not announce.
func TestFeedbackOfAnotherKindIsRefused(t *testing.T) {
	c := sample(t, 1)
	tensors := c.Network.Split(c.Params)
	feedback := model.Tensor{Name: "feedback.direct", Shape: []int{4, 27}, Data: make([]float32, 4*27)}
	take := func(extra ...model.Tensor) error {
		var list []safetensors.Tensor
		for _, one := range append(tensors, extra...) {
			list = append(list, safetensors.Tensor{Name: one.Name, Shape: one.Shape, Data: one.Data})
		}
		return (&Checkpoint{Facts: c.Facts, Network: c.Network}).take(list)
	}
	require.NoError(t, take(feedback))
	c.Feedback.Kind = "layer"
	assert.ErrorContains(t, take(feedback), "tensor layers.1.weight of 5x5x2 -> conv 3 3/1 -> dense 4 is missing")
	c.Feedback.Kind = "none"
	assert.ErrorContains(t, take(feedback), `tensor "direct" belongs to no layer`)
	feedback.Name = "feedback.indirect"
	assert.Error(t, take(feedback))
	feedback.Name = "other.direct"
	assert.Error(t, take(feedback))
}

func TestAnyFlippedOrMissingByteIsFound(t *testing.T) {
	file := encoded(t, sample(t, 1))
	for at := range file {
		file[at] ^= 1 << (at % 8)
		_, err := decode(t.Context(), bytes.NewReader(file), int64(len(file)))
		require.Error(t, err, "byte %d", at)
		file[at] ^= 1 << (at % 8)
		_, err = decode(t.Context(), bytes.NewReader(file[:at]), int64(at))
		require.Error(t, err, "%d bytes", at)
	}
	longer := append(file, 0)
	_, err := decode(t.Context(), bytes.NewReader(longer), int64(len(longer)))
	require.Error(t, err)
}

func TestReadingWaitsForNothingAndEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.safetensors")
	require.NoError(t, syscall.Mkfifo(pipe, 0o666))
	_, err := Load(t.Context(), pipe)
	require.ErrorIs(t, err, ErrDamaged)
	assert.EqualError(t, err, pipe+" is no file: expected a checkpoint (*.safetensors).")

	run := t.TempDir()
	require.NoError(t, NewWriter(run, nil).State(sample(t, 1)))
	require.NoError(t, NewWriter(run, nil).State(sample(t, 2)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Load(ctx, run)
	require.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, ErrDamaged)
}

// A file takes no memory for what its header claims before its checksum has shown that it is
// as it was written.
func TestAHeaderThatLiesAllocatesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	const elements = 1 << 32
	header := fmt.Sprintf(`{"__metadata__":{"checkpoint":"{}","sha256":"%064d"},"layers.0.weight":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, 7, elements, 4*elements)
	require.NoError(t, os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), 0o666))
	require.NoError(t, os.Truncate(path, int64(8+len(header)+4*elements)))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(ctx, path)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))

	whole := sample(t, 1)
	whole.Network.Params = 1 << 40 // of an arena that no file of this size fills
	_, err = whole.Network.Join(nil)
	assert.ErrorContains(t, err, "is missing")
}

func TestTheFolderDecidesWhichFileIsRead(t *testing.T) {
	run := t.TempDir()
	_, err := Load(t.Context(), run)
	require.ErrorIs(t, err, ErrAbsent)
	assert.EqualError(t, err, run+" holds no checkpoint: expected the folder of a run with checkpoints/best.safetensors in it.")
	_, err = Load(t.Context(), filepath.Join(run, "none"))
	require.ErrorIs(t, err, ErrAbsent)

	first, second, best := sample(t, 1), sample(t, 2), sample(t, 3)
	w := NewWriter(run, nil)
	require.NoError(t, w.State(first))
	require.NoError(t, w.State(second))
	require.NoError(t, NewWriter(run, nil).Weights(best))
	assertFiles(t, filepath.Join(run, Folder), BestFile, LastFile, PreviousFile)

	read := func(load func(context.Context, string) (*Checkpoint, error), path string) *Checkpoint {
		t.Helper()
		c, err := load(t.Context(), path)
		require.NoError(t, err)
		return c
	}
	for _, path := range []string{run, filepath.Join(run, Folder), filepath.Join(run, Folder, BestFile)} {
		c := read(Load, path)
		assert.Equal(t, best.Params, c.Params)
		assert.Equal(t, WeightsKind, c.Kind)
		assert.Nil(t, c.Best)
		assert.True(t, c.TakeBest())
		assert.Equal(t, best.Params, c.Params)
		assert.Equal(t, "after epoch 1, the best", c.When())
	}
	latest := read(LoadLatest, run)
	assert.Equal(t, second.Params, latest.Params)
	assert.Equal(t, "in epoch 2, after its step 3", latest.When())
	assert.True(t, latest.TakeBest())
	assert.Equal(t, second.Best, latest.Params)
	assert.Equal(t, "after epoch 1, the best", latest.When())
	_, err = LoadState(t.Context(), filepath.Join(run, Folder, BestFile))
	require.ErrorContains(t, err, "training cannot go on from them")

	last := filepath.Join(run, Folder, LastFile)
	require.NoError(t, os.Truncate(last, 100))
	c := read(LoadState, run)
	assert.Equal(t, first.Optimizer, c.Optimizer)
	require.ErrorContains(t, c.Skipped, last+" is damaged or no checkpoint (")
	require.NoError(t, os.WriteFile(filepath.Join(run, Folder, PreviousFile), nil, 0o666))
	_, err = LoadState(t.Context(), run)
	require.ErrorIs(t, err, ErrDamaged)
	assert.Equal(t, best.Params, read(LoadLatest, run).Params, "the best weights are what is left")
}

func TestAStateBeforeTheFirstValidationHasNoBestWeights(t *testing.T) {
	c := sample(t, 1)
	c.Best, c.Progress.Epochs, c.Progress.BestEpoch = nil, nil, 0
	assert.False(t, c.TakeBest())
	assert.Equal(t, StateKind, c.Kind)
	assert.Equal(t, "in epoch 1, after its step 3", c.When())
	c.Progress.Step = 0
	assert.Equal(t, "before the first epoch", c.When())
	c.Progress.Epochs = sample(t, 1).Progress.Epochs
	assert.Equal(t, "after epoch 1", c.When())
}

func TestAFailedWriteLeavesTheFilesBefore(t *testing.T) {
	run := t.TempDir()
	w := NewWriter(run, nil)
	require.NoError(t, w.State(sample(t, 1)))
	require.NoError(t, w.State(sample(t, 2)))
	broken := sample(t, 3)
	broken.Progress.Seconds = math.NaN() // which JSON cannot hold
	for _, write := range []func(*Checkpoint) error{w.State, w.Weights} {
		err := write(broken)
		require.ErrorIs(t, err, ErrWrite)
		assert.Regexp(t, `^the checkpoint \S+\.safetensors cannot be written \(.*\): .*; the checkpoints before it are kept\.$`, err.Error())
	}
	c, err := LoadState(t.Context(), run)
	require.NoError(t, err)
	assert.Equal(t, sample(t, 2).Params, c.Params)
	assertFiles(t, filepath.Join(run, Folder), LastFile, PreviousFile)
}

func TestPlacesThatCannotBeWrittenAreExplained(t *testing.T) {
	run := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(run, Folder), nil, 0o666))
	err := NewWriter(run, nil).State(sample(t, 1))
	require.ErrorIs(t, err, ErrWrite)
	assert.ErrorIs(t, err, syscall.ENOTDIR)
	for cause, want := range map[error]string{
		syscall.ENOSPC: "(no space left on device): the disk is full: free some space and resume the run;",
		syscall.EFBIG:  "(file too large): files may not grow that large here: ",
		syscall.EROFS:  "(read-only file system): writing is not permitted there: ",
		syscall.EIO:    "(input/output error): check the disk, or ",
	} {
		assert.ErrorContains(t, writeFault("there", &os.PathError{Op: "write", Path: "there/.x1", Err: cause}), want)
	}
}

func TestWhatAnEndedProcessLeftIsSwept(t *testing.T) {
	run := t.TempDir()
	require.NoError(t, Sweep(run), "no checkpoints")
	require.NoError(t, NewWriter(run, nil).State(sample(t, 1)))
	dir := filepath.Join(run, Folder)
	for _, name := range []string{".last.safetensors4711", ".previous.safetensors", "mine.safetensors", ".hidden"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o666))
	}
	require.NoError(t, Sweep(run))
	assertFiles(t, dir, ".hidden", LastFile, "mine.safetensors")
}

func TestOtherVersionsAndOtherFilesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		metadata map[string]string
		want     string
	}{
		"no checkpoint": {nil, "it is no checkpoint of this program"},
		"no checksum":   {map[string]string{factsKey: "{}"}, "it is no checkpoint of this program"},
		"other version": {map[string]string{factsKey: `{"format":3}`}, "it has format version 3, and this program reads versions 1 and 2"},
		"no network":    {map[string]string{factsKey: `{"format":1}`}, `activation ""`},
		"no JSON":       {map[string]string{factsKey: `{"format":1`}, "its JSON: "},
	} {
		var b bytes.Buffer
		if c.metadata != nil && name != "no checksum" {
			c.metadata[sumKey] = strings.Repeat("0", sumLength)
			hash := sha256.New()
			require.NoError(t, safetensors.Write(hash, nil, c.metadata))
			c.metadata[sumKey] = hex.EncodeToString(hash.Sum(nil))
		}
		require.NoError(t, safetensors.Write(&b, nil, c.metadata))
		_, err := decode(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()))
		assert.ErrorContains(t, err, c.want, name)
	}
}

func assertFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.Equal(t, want, names)
}

func FuzzCheckpoint(f *testing.F) {
	c := &Checkpoint{Facts: Facts{Kind: WeightsKind}}
	net, err := model.NewDense(model.Vector(2), []int{1}, 2, gpu.Tanh)
	require.NoError(f, err)
	c.Network, c.Params, c.Settings.Network = net, make([]float32, net.Params), net.Spec()
	var b bytes.Buffer
	require.NoError(f, c.encode(&b))
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := decode(t.Context(), bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		require.NotNil(t, c.Params)
		tensors, _, err := safetensors.Read(bytes.NewReader(file), int64(len(file)))
		require.NoError(t, err)
		require.NotEmpty(t, tensors)
	})
}
