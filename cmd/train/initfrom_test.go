package train

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// TestARunStartsFromTheWeightsOfAnother trains with a rate of 0, so that the first weights stay.
func TestARunStartsFromTheWeightsOfAnother(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16"}
	got := runTrain(t, append(args, "-max_epochs", "4", "-lr", "0.03", "-model", "dfa", "-optimizer", "adam")...)
	require.Equal(t, 0, got.code, got.stderr)
	other := got.runFolder(t)
	end := endOf(t, other)
	require.NotEqual(t, end.Best.Params, end.Last.Params, "a case that tells them apart")
	for path, want := range map[string][]float32{
		other:                               end.Best.Params,
		filepath.Join(other, "checkpoints"): end.Best.Params,
		filepath.Join(got.dir, "results"):   end.Best.Params,
		filepath.Join(other, "checkpoints/best.safetensors"): end.Best.Params,
		filepath.Join(other, "checkpoints/last.safetensors"): end.Last.Params,
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			got := runTrain(t, append(args, "-max_epochs", "1", "-lr", "0", "-init_from", path)...)
			require.Equal(t, 0, got.code, got.stderr)
			assert.Contains(t, got.stdout, "\nrule     bp, tanh, init from "+path+" · ")
			assert.NotContains(t, got.stdout, "note  ")
			c, err := checkpoint.LoadState(t.Context(), got.runFolder(t))
			require.NoError(t, err)
			assert.Equal(t, want, c.Params)
			assert.Equal(t, 1, len(c.Progress.Epochs), "the counters are the new run's")
			_, rows := table(t, filepath.Join(got.runFolder(t), "result.csv"))
			assert.Equal(t, []string{path, ""}, []string{rows[0]["init_from"], rows[0]["forward_init"]})
		})
	}
	seeded := runTrain(t, append(args, "-max_epochs", "1", "-seed", "3", "-normalize", "-init_from", other)...)
	require.Equal(t, 0, seeded.code, seeded.stderr)
	assert.Contains(t, seeded.stdout, "\nnote     -init_from: the logits stand for other classes than there, where they were those of -classes all with seed 0\n")
	assert.Contains(t, seeded.stdout, "\nnote     -init_from: only one of the two runs has -normalize, ")
}

// TestARunResumesWithoutTheOneThatItStartedFrom takes the first run away.
func TestARunResumesWithoutTheOneThatItStartedFrom(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16"}
	first := runTrain(t, append(args, "-max_epochs", "1")...)
	require.Equal(t, 0, first.code, first.stderr)
	from := first.runFolder(t)
	args = append(args, "-model", "fa", "-lr", "0.01", "-init_from", from, "-resume", "auto", "-max_epochs")
	whole := runTrain(t, append(args, "3")...)
	require.Equal(t, 0, whole.code, whole.stderr)
	got := runTrain(t, append(args, "2")...)
	require.Equal(t, 0, got.code, got.stderr)
	dir := got.runFolder(t)
	record, err := folder.ReadRun(dir)
	require.NoError(t, err)
	require.NotNil(t, record.InitFrom)
	assert.Equal(t, filepath.Join(from, "checkpoints", "best.safetensors"), record.InitFrom.Path)
	assert.Len(t, record.InitFrom.Checksum, 64)

	require.NoError(t, os.Rename(from, from+"-away"))
	again := finish(t, inFolder(t, got.dir, append(args, "3")...))
	require.Equal(t, 0, again.code, again.stderr)
	assert.Contains(t, again.stdout, "\nresume   after epoch 2, from ")
	assertSame(t, endOf(t, whole.runFolder(t)), endOf(t, dir))
	resumed, err := folder.ReadRun(dir)
	require.NoError(t, err)
	assert.Equal(t, record.InitFrom, resumed.InitFrom)

	// Without a checkpoint the run begins anew, from the same weights or not at all.
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "checkpoints")))
	require.NoError(t, os.Remove(filepath.Join(dir, "result.csv")))
	lost := finish(t, inFolder(t, got.dir, append(args, "3")...))
	assert.Equal(t, exitFailed, lost.code)
	assert.Contains(t, lost.stderr, from)
	second := runTrain(t, "-data", args[1], "-layers", "16", "-max_epochs", "1", "-seed", "1")
	require.Equal(t, 0, second.code, second.stderr)
	require.NoError(t, os.Rename(second.runFolder(t), from))
	changed := finish(t, inFolder(t, got.dir, append(args, "3")...))
	assert.Equal(t, exitFailed, changed.code)
	assert.Contains(t, changed.stderr, "has other weights than when "+dir[len(got.dir)+1:]+" was started from it (the checksums differ)")
	require.NoError(t, os.RemoveAll(from))
	require.NoError(t, os.Rename(from+"-away", from))
	anew := finish(t, inFolder(t, got.dir, append(args, "3")...))
	require.Equal(t, 0, anew.code, anew.stderr)
	assertSame(t, endOf(t, whole.runFolder(t)), endOf(t, dir))
}

func TestWeightsThatDoNotFitAreRefused(t *testing.T) {
	args := []string{"-data", madeUp(t), "-max_epochs", "1", "-layers"}
	first := runTrain(t, append(args, "16,8")...)
	require.Equal(t, 0, first.code, first.stderr)
	from := first.runFolder(t)
	two := t.TempDir()
	for _, name := range []string{"a", "b"} {
		require.NoError(t, os.MkdirAll(filepath.Join(two, name), 0o777))
		require.NoError(t, os.CopyFS(filepath.Join(two, name, "run"), os.DirFS(from)))
	}
	damaged := filepath.Join(t.TempDir(), "cut.safetensors")
	require.NoError(t, os.WriteFile(damaged, []byte("no checkpoint"), 0o666))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"16,9", "-init_from", from}, exitUsage, "-init_from " + from + ": layer 1 is dense [16, 8] there and dense [16, 9] here, in 28x28x1 -> dense 16 -> dense 8 -> dense 10 and 28x28x1 -> dense 16 -> dense 9 -> dense 10: name the same layers."},
		{[]string{"16,8,10", "-init_from", from}, exitUsage, "-init_from " + from + ": layer 3 is missing there and dense [10, 10] here, "},
		{[]string{"16", "-init_from", from}, exitUsage, "-init_from " + from + ": layer 1 is dense [16, 8] there and dense [16, 10] here, "},
		{[]string{"16,8", "-classes", "3", "-init_from", from}, exitUsage, "-init_from " + from + ": layer 2 is dense [8, 10] there and dense [8, 3] here, "},
		{[]string{"16,8", "-model", "mdfa", "-init_from", from}, exitUsage, "-init_from " + from + ": "},
		{[]string{"16,8", "-forward_init", "U1", "-init_from", from}, exitUsage, "-init_from and -forward_init both say how the weights start: leave one of them out."},
		{[]string{"16,8", "-init_from", "nowhere"}, exitFailed, "nowhere"},
		{[]string{"16,8", "-init_from", two}, exitUsage, two + " holds 2 runs, such as "},
		{[]string{"16,8", "-init_from", damaged}, exitFailed, damaged + " is damaged or no checkpoint"},
	} {
		got := runTrain(t, append(args, c.args...)...)
		assert.Equal(t, c.code, got.code, c.args)
		assertSentence(t, got, c.want)
	}
	monotone := runTrain(t, append(args, "16,8", "-model", "mdfa", "-init_from", from)...)
	assert.Regexp(t, `: \d+ of 128 weights of layer 1 \(dense 8\) are below the floor 0, at which mdfa keeps them: start from a run of mdfa with this floor or a higher one, or take another rule\.\n$`, monotone.stderr)

	clamped := runTrain(t, append(args, "16,8", "-model", "mdfa")...)
	require.Equal(t, 0, clamped.code, clamped.stderr)
	same := runTrain(t, append(args, "16,8", "-model", "mdfa", "-init_from", clamped.runFolder(t))...)
	require.Equal(t, 0, same.code, same.stderr)
	higher := runTrain(t, append(args, "16,8", "-model", "mdfa", "-clamp_floor", "0.01", "-init_from", clamped.runFolder(t))...)
	assert.Equal(t, exitUsage, higher.code)
	assert.Contains(t, higher.stderr, "below the floor 0.01, at which mdfa keeps them")
}
