package train

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/checkpoint"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// inFolder is a command that runs in a folder that others ran in.
func inFolder(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command(t, args...)
	cmd.Dir = dir
	return cmd
}

// interrupted is a run that a signal has ended in mid-epoch, and its folder.
func interrupted(t *testing.T, args ...string) (dir, run string) {
	t.Helper()
	cmd, rest := startLong(t, `^epoch +2/`, args...)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	stdout, stderr := rest()
	require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode(), stderr)
	run = finished{dir: cmd.Dir}.runFolder(t)
	relative, err := filepath.Rel(cmd.Dir, run)
	require.NoError(t, err)
	assert.Contains(t, stdout, "\nresume   to go on: "+cmd.Path+" -resume "+relative+"\n")
	return cmd.Dir, relative
}

func TestAnInterruptedRunGoesOnWhereItWas(t *testing.T) {
	data := madeUp(t)
	args := []string{"-data", data, "-layers", "24", "-batch_size", "20", "-lr", "0.01", "-checkpoint_every", "1000000"}
	dir, run := interrupted(t, args...)
	reached, err := checkpoint.LoadState(t.Context(), filepath.Join(dir, run))
	require.NoError(t, err, "the signal left a checkpoint")
	_, rows := table(t, filepath.Join(dir, run, "epochs.csv"))
	epochs := strconv.Itoa(len(rows) + 3)

	got := finish(t, inFolder(t, dir, "-resume", run, "-max_epochs", epochs))
	require.Equal(t, 0, got.code, got.stderr)
	at := fmt.Sprintf("after epoch %d", len(rows))
	if step := reached.Progress.Step; step > 0 {
		at = fmt.Sprintf("in epoch %d, after step %d of 17", len(rows)+1, step)
	}
	assert.Contains(t, got.stdout, "\nresume   "+at+", from "+run+"/checkpoints/last.safetensors\n")
	_, again := table(t, filepath.Join(dir, run, "epochs.csv"))
	assert.Equal(t, rows, again[:len(rows)], "the rows before, times too")
	assert.Len(t, again, len(rows)+3)

	whole := runTrain(t, append(args, "-max_epochs", epochs)...)
	require.Equal(t, 0, whole.code, whole.stderr)
	assertSame(t, endOf(t, whole.runFolder(t)), endOf(t, filepath.Join(dir, run)))
	_, result := table(t, filepath.Join(dir, run, "result.csv"))
	seconds := 0.0
	for _, row := range again {
		s, err := strconv.ParseFloat(row["train_seconds"], 64)
		require.NoError(t, err)
		seconds += s
	}
	total, err := strconv.ParseFloat(result[0]["train_seconds"], 64)
	require.NoError(t, err)
	assert.InDelta(t, seconds, total, 0.001*float64(len(again)), "times add up")

	record, err := folder.ReadRun(filepath.Join(dir, run))
	require.NoError(t, err)
	assert.Equal(t, epochs, record.Flags["max_epochs"])
	require.Len(t, record.Resumed, 1)
	assert.Equal(t, reached.Progress.Step, record.Resumed[0].Step)
}

func TestAutoBeginsGoesOnAndIsDone(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-resume", "auto", "-max_epochs"}
	first := runTrain(t, append(args, "2")...)
	require.Equal(t, 0, first.code, first.stderr)
	assert.NotContains(t, first.stdout, "resume  ")
	run := first.runFolder(t)

	again := finish(t, inFolder(t, first.dir, append(args, "2")...))
	require.Equal(t, 0, again.code, again.stderr)
	assert.Regexp(t, `^results/mnist/\S+ is complete: 2 epochs, validation \d+\.\d\d%, test \d+\.\d\d%\n$`, again.stdout)

	more := finish(t, inFolder(t, first.dir, append(args, "3")...))
	require.Equal(t, 0, more.code, more.stderr)
	assert.Contains(t, more.stdout, "\nresume   after epoch 2, from ")
	assert.Equal(t, run, more.runFolder(t), "in the same folder")

	inside := inFolder(t, filepath.Join(run, "checkpoints"), "-resume", ".", "-data", args[1], "-max_epochs", "4")
	ended := finish(t, inside)
	require.Equal(t, 0, ended.code, ended.stderr)
	assert.Contains(t, ended.stdout, "\nresume   after epoch 3, from last.safetensors\n")
	assertFiles(t, filepath.Join(run, "checkpoints"), "best.safetensors", "last.safetensors", "previous.safetensors")

	for name, other := range map[string][]string{
		"fewer epochs":  append(args, "2"),
		"other rule":    append(args, "2", "-model", "fa"),
		"other seed":    append(args, "2", "-seed", "5"),
		"other network": {"-data", args[1], "-layers", "17", "-resume", "auto", "-max_epochs", "2"},
	} {
		got := finish(t, inFolder(t, first.dir, other...))
		require.Equal(t, 0, got.code, got.stderr)
		assert.NotContains(t, got.stdout, "resume  ", name)
	}
	folders, err := filepath.Glob(filepath.Join(first.dir, "results", "mnist", "*"))
	require.NoError(t, err)
	assert.Len(t, folders, 5)
}

func TestAutoFindsRunsBelowAFolderOfAnyName(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-max_epochs", "1", "-resume", "auto", "-out", "runs [1-"}
	first := runTrain(t, args...)
	require.Equal(t, 0, first.code, first.stderr)
	again := finish(t, inFolder(t, first.dir, args...))
	require.Equal(t, 0, again.code, again.stderr)
	assert.Regexp(t, `^runs \[1-/mnist/\S+ is complete: 1 epoch, `, again.stdout)
}

func TestAutoBeginsAnewInTheFolderOfARunWithoutCheckpoint(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-max_epochs", "2"}
	got := runTrain(t, args...)
	require.Equal(t, 0, got.code, got.stderr)
	run := got.runFolder(t)
	want := endOf(t, run)
	require.NoError(t, os.RemoveAll(filepath.Join(run, "checkpoints")))
	require.NoError(t, os.Remove(filepath.Join(run, "result.csv")))
	got = finish(t, inFolder(t, got.dir, append(args, "-resume", "auto")...))
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, " begins anew: it has no checkpoint yet\n")
	assertSame(t, want, endOf(t, got.runFolder(t)))
}

func TestADamagedCheckpointIsPassedOverAndNamed(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "3", "-model", "mdfa")
	require.Equal(t, 0, got.code, got.stderr)
	run := got.runFolder(t)
	want := endOf(t, run)
	relative, err := filepath.Rel(got.dir, run)
	require.NoError(t, err)
	last, previous := filepath.Join(run, "checkpoints", "last.safetensors"), filepath.Join(run, "checkpoints", "previous.safetensors")
	sound, err := os.ReadFile(last)
	require.NoError(t, err)
	older, err := os.ReadFile(previous)
	require.NoError(t, err)
	damages := map[string]func() []byte{
		"empty": func() []byte { return nil },
		"cut":   func() []byte { return sound[:len(sound)/2] },
	}
	for i := range 8 {
		at := i * (len(sound) - 1) / 7
		damages[fmt.Sprintf("byte %d", at)] = func() []byte {
			b := append([]byte(nil), sound...)
			b[at] ^= 0x10
			return b
		}
	}
	for name, damage := range damages {
		require.NoError(t, os.WriteFile(last, damage(), 0o666))
		require.NoError(t, os.WriteFile(previous, older, 0o666))
		again := finish(t, inFolder(t, got.dir, "-resume", relative, "-quiet"))
		require.Equal(t, 0, again.code, "%s: %s", name, again.stderr)
		assert.Regexp(t, `(?m)^note     results/\S+/last\.safetensors is damaged or no checkpoint \(.*\): the one before it is used$`, again.stdout, name)
		assertSame(t, want, endOf(t, run), name)
	}

	require.NoError(t, os.WriteFile(last, sound[:100], 0o666))
	require.NoError(t, os.WriteFile(previous, sound[:200], 0o666))
	for _, path := range []string{relative, relative + "/checkpoints", relative + "/checkpoints/last.safetensors", "auto"} {
		args := []string{"-resume", path}
		if path == "auto" {
			args = []string{"-data", got.args(t, run)["data"], "-layers", "16", "-max_epochs", "4", "-model", "mdfa", "-resume", path}
		}
		failed := finish(t, inFolder(t, got.dir, args...))
		assert.Equal(t, exitFailed, failed.code)
		want := `no checkpoint in results/\S+/checkpoints can be used \(last\.safetensors: [^\n;]*; previous\.safetensors: [^\n;]*\): copy them again from where they are whole, or train anew`
		if strings.HasSuffix(path, checkpoint.LastFile) {
			want = `results/\S+/last\.safetensors is damaged or no checkpoint \([^\n]*\): use another one`
		}
		assert.Regexp(t, `^train: `+want+`\.\n$`, failed.stderr, path)
		assert.Empty(t, failed.stdout)
	}
}

// args are the flags of a run.
func (finished) args(t *testing.T, run string) map[string]string {
	t.Helper()
	record, err := folder.ReadRun(run)
	require.NoError(t, err)
	return record.Flags
}

func TestARunGoesOnWithItsOwnSettingsOnly(t *testing.T) {
	data := madeUp(t)
	got := runTrain(t, "-data", data, "-layers", "16,8", "-max_epochs", "2", "-model", "mdfa", "-classes", "4", "-forward_init", "N0.5")
	require.Equal(t, 0, got.code, got.stderr)
	run, err := filepath.Rel(got.dir, got.runFolder(t))
	require.NoError(t, err)
	other := madeUp(t)
	images := filepath.Join(other, "train-images-idx3-ubyte")
	text, err := os.ReadFile(images)
	require.NoError(t, err)
	text[len(text)-1] ^= 1 // of the last image, whose class may be left out
	for i := 16; i < len(text); i += 784 {
		text[i] ^= 1
	}
	require.NoError(t, os.WriteFile(images, text, 0o666))
	for args, want := range map[string]string{
		"-model dfa":             "-model dfa: " + run + " was started with -model mdfa, and goes on with the same: leave the flag out, or start a new run without -resume.",
		"-layers 16":             "-layers 16: " + run + " was started with -layers 16,8, ",
		"-convnet":               "-convnet true: " + run + " was started with -convnet false, ",
		"-lr 1e-3":               "-lr 0.001: " + run + " was started with -lr 0.0001, ",
		"-classes 5":             "-classes 5: " + run + " was started with -classes 4, ",
		"-batch_size 8":          "-batch_size 8: " + run + " was started with -batch_size 64, ",
		"-seed 3":                "-seed 3: ",
		"-optimizer adam":        "-optimizer adam: ",
		"-forward_init N1":       "-forward_init N1: " + run + " was started with -forward_init N0.5, ",
		"-activation relu":       "-activation relu: ",
		"-dataset fashion-mnist": "-dataset fashion-mnist: ",
		"-max_epochs 1":          "-max_epochs 1: " + run + " has begun epoch 2 already: ask for at least as many.",
		"-max_steps 3":           "-max_steps 3: " + run + " has made 4 steps already: ask for at least as many.",
	} {
		failed := finish(t, inFolder(t, got.dir, append([]string{"-resume", run}, strings.Fields(args)...)...))
		assert.Equal(t, exitUsage, failed.code, args)
		assert.Equal(t, 1, strings.Count(failed.stderr, "\n"), failed.stderr)
		assert.True(t, strings.HasPrefix(failed.stderr, "train: "+want), "got  %swant train: %s", failed.stderr, want)
		assert.Empty(t, failed.stdout)
	}
	failed := finish(t, inFolder(t, got.dir, "-resume", run, "-data", other, "-max_epochs", "3"))
	assert.Equal(t, exitFailed, failed.code)
	assert.Regexp(t, `^train: the images of mnist from \S+ are not those that `+run+` was trained on \(mnist from \S+: the checksums differ\); name [^\n]*\.\n$`, failed.stderr)
	_, rows := table(t, filepath.Join(got.dir, run, "result.csv"))
	assert.Equal(t, "complete", rows[0]["status"], "nothing was lost")

	moved := filepath.Join(t.TempDir(), "moved")
	require.NoError(t, os.Rename(data, moved))
	same := finish(t, inFolder(t, got.dir, "-resume", run, "-data", moved, "-layers", "16, 8", "-lr", "1e-04", "-model", "MDFA", "-max_epochs", "3", "-feedback", "generated"))
	require.Equal(t, 0, same.code, same.stderr)
}

func TestWhatIsNoRunIsRefusedInASentence(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1")
	require.Equal(t, 0, got.code, got.stderr)
	run, err := filepath.Rel(got.dir, got.runFolder(t))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(got.dir, "empty"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(got.dir, "text"), []byte("hello"), 0o666))
	for path, want := range map[string]string{
		"nowhere":                             "nowhere: there is no such file or folder: expected a checkpoint (*.safetensors) or the folder of a run.",
		"empty":                               "empty holds no checkpoint: expected the folder of a run with checkpoints/last.safetensors in it.",
		"text":                                "text is damaged or no checkpoint (the file ends too early): use another one.",
		run + "/checkpoints/best.safetensors": run + "/checkpoints/best.safetensors holds the weights of the best epoch alone, and training cannot go on from them: name last.safetensors or the run's folder.",
	} {
		failed := finish(t, inFolder(t, got.dir, "-resume", path))
		assert.Equal(t, exitFailed, failed.code, path)
		assert.Equal(t, "train: "+want+"\n", failed.stderr)
	}
}

func TestAFolderThatHoldsOneRunStandsForIt(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-out", "jobs/41", "-resume", "auto", "-max_epochs"}
	first := runTrain(t, append(args, "1")...)
	require.Equal(t, 0, first.code, first.stderr)
	require.NoError(t, os.Symlink("mnist", filepath.Join(first.dir, "jobs", "41", "latest")))
	for i, above := range []string{"jobs/41/mnist", "jobs/41", "jobs", "."} {
		again := append(args, strconv.Itoa(i+2), "-out", "jobs/42", "-resume", above)
		if above == "." { // as deep as from jobs
			again = []string{"-resume", ".", "-max_epochs", strconv.Itoa(i + 2)}
		}
		cmd := inFolder(t, first.dir, again...)
		if above == "." {
			cmd.Dir = filepath.Join(first.dir, "jobs")
		}
		got := finish(t, cmd)
		require.Equal(t, 0, got.code, got.stderr)
		assert.Regexp(t, fmt.Sprintf(`\nresume   after epoch %d, from \S*mnist/\S+/last\.safetensors\n`, i+1), got.stdout, above)
	}
	assert.NoDirExists(t, filepath.Join(first.dir, "jobs", "42"))

	other := finish(t, inFolder(t, first.dir, append(args, "1", "-seed", "2")...))
	require.Equal(t, 0, other.code, other.stderr)
	got := finish(t, inFolder(t, first.dir, "-resume", "jobs"))
	assert.Equal(t, exitUsage, got.code)
	assert.Regexp(t, `^train: jobs holds 2 runs, such as jobs/41/mnist/\S+ and jobs/41/mnist/\S+: name one of them, or take -resume auto with the flags of the run\.\n$`, got.stderr)
}

func TestTheCommandThatResumesARunCanBePasted(t *testing.T) {
	const out = "Anna's runs; $HOME"
	cmd, rest := startLong(t, `^epoch +2/`, "-data", madeUp(t), "-layers", "16", "-out", out)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	stdout, _ := rest()
	_, line, found := strings.Cut(stdout, "\nresume   to go on: ")
	require.True(t, found, stdout)
	line, _, _ = strings.Cut(line, "\n")
	runs, err := folder.RunsBelow(filepath.Join(cmd.Dir, out))
	require.NoError(t, err)
	require.Len(t, runs, 1)
	_, rows := table(t, filepath.Join(runs[0], "epochs.csv"))
	pasted := exec.CommandContext(t.Context(), "bash", "-c", line+" -max_epochs "+strconv.Itoa(len(rows)+1))
	pasted.Dir = cmd.Dir
	got := finish(t, pasted)
	require.Equal(t, 0, got.code, "%s\n%s", line, got.stderr)
	_, rows = table(t, filepath.Join(runs[0], "result.csv"))
	assert.Equal(t, folder.StatusComplete, rows[0]["status"])
}

func TestARunWithRelativePathsIsResumedFromAnyFolder(t *testing.T) {
	data := madeUp(t)
	home := filepath.Dir(data)
	args := []string{"-data", filepath.Base(data), "-layers", "16", "-out", "my runs", "-resume", "auto", "-max_epochs"}
	first := finish(t, inFolder(t, home, append(args, "1")...))
	require.Equal(t, 0, first.code, first.stderr)
	runs, err := filepath.Glob(filepath.Join(home, "my runs", "mnist", "*"))
	require.NoError(t, err)
	require.Len(t, runs, 1)
	record, err := folder.ReadRun(runs[0])
	require.NoError(t, err)
	state, err := checkpoint.LoadState(t.Context(), runs[0])
	require.NoError(t, err)
	for _, s := range []checkpoint.Settings{record.Settings, state.Settings} {
		assert.Equal(t, data, s.Flags["data"])
		assert.Equal(t, filepath.Join(home, "my runs"), s.Flags["out"])
		assert.True(t, filepath.IsAbs(s.Data.Source) || strings.HasPrefix(s.Data.Source, "~"), s.Data.Source)
	}

	elsewhere := finish(t, inFolder(t, t.TempDir(), "-resume", runs[0], "-max_epochs", "2"))
	require.Equal(t, 0, elsewhere.code, elsewhere.stderr)
	args[1] = data
	for _, c := range []struct{ epochs, want string }{{"2", " is complete: 2 epochs"}, {"3", "\nresume   after epoch 2, "}} {
		again := finish(t, inFolder(t, home, append(args, c.epochs)...))
		require.Equal(t, 0, again.code, again.stderr)
		assert.Contains(t, again.stdout, c.want)
		args[1] = "./" + filepath.Base(data)
	}
}

func TestARunThatKeptARelativePathIsFoundByAuto(t *testing.T) {
	old := &settings.Facts{Spec: settings.Defaults()}
	old.Data = "mnist"
	same := func(data string) bool {
		now := settings.Defaults()
		now.Data = data
		return now.SameRun(old)
	}
	assert.True(t, same("mnist"))
	assert.True(t, same("./mnist/"))
	assert.False(t, same("other/mnist"))
	assert.False(t, same(""))
}

func TestARunThatIsBeingTrainedIsLeftAlone(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16"}
	cmd, rest := startLong(t, `^epoch +1/`, args...)
	run, err := filepath.Rel(cmd.Dir, finished{dir: cmd.Dir}.runFolder(t))
	require.NoError(t, err)
	assert.True(t, folder.Locked(filepath.Join(cmd.Dir, run)))
	for _, other := range [][]string{{"-resume", run}, append(args, "-max_epochs", "1000000", "-resume", "auto")} {
		got := finish(t, inFolder(t, cmd.Dir, other...))
		assert.Equal(t, exitFailed, got.code)
		assert.Equal(t, "train: a process trains in "+run+" at this moment: wait for its end, or stop it.\n", got.stderr)
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	rest()
	assert.False(t, folder.Locked(filepath.Join(cmd.Dir, run)))
}

func TestACheckpointAloneBeginsANewFolder(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-model", "fa", "-max_epochs"}
	got := runTrain(t, append(args, "2")...)
	require.Equal(t, 0, got.code, got.stderr)
	text, err := os.ReadFile(filepath.Join(got.runFolder(t), "checkpoints", "last.safetensors"))
	require.NoError(t, err)
	alone := inFolder(t, t.TempDir(), "-resume", "copy.safetensors", "-max_epochs", "3")
	require.NoError(t, os.WriteFile(filepath.Join(alone.Dir, "copy.safetensors"), text, 0o666))
	again := finish(t, alone)
	require.Equal(t, 0, again.code, again.stderr)
	assert.Contains(t, again.stdout, "\nresume   after epoch 2, from copy.safetensors\n")
	whole := runTrain(t, append(args, "3")...)
	want, end := endOf(t, whole.runFolder(t)), endOf(t, again.runFolder(t))
	assertSame(t, want, end)
}

func TestNoCheckpointsAreKeptWhereNoneAreAskedFor(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1", "-checkpoint_every", "-1")
	require.Equal(t, 0, got.code, got.stderr)
	assert.NoDirExists(t, filepath.Join(got.runFolder(t), "checkpoints"))
}

func TestACheckpointThatFindsNoRoomEndsTheRun(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-max_epochs", "40", "-report=false"}
	one := runTrain(t, "-data", args[1], "-layers", "16", "-max_epochs", "1", "-report=false")
	require.Equal(t, 0, one.code, one.stderr)
	info, err := os.Stat(filepath.Join(one.runFolder(t), "checkpoints", "last.safetensors"))
	require.NoError(t, err)
	// The history makes each checkpoint larger than the one before. The shell counts in
	// blocks of 1024 bytes.
	got := finish(t, limited(command(t, args...), info.Size()/1024+3))
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, `^train: the checkpoint results/mnist/\S+/last\.safetensors cannot be written \(file too large\): files may not grow that large here: raise the limit and resume the run; the checkpoints before it are kept\.\n$`, got.stderr)
	run := got.runFolder(t)
	assertFiles(t, filepath.Join(run, "checkpoints"), "best.safetensors", "last.safetensors", "previous.safetensors")
	_, rows := table(t, filepath.Join(run, "result.csv"))
	assert.Equal(t, "failed", rows[0]["status"])
	state, err := checkpoint.LoadState(t.Context(), run)
	require.NoError(t, err)
	require.NoError(t, state.Skipped)

	relative, err := filepath.Rel(got.dir, run)
	require.NoError(t, err)
	again := finish(t, inFolder(t, got.dir, "-resume", relative))
	require.Equal(t, 0, again.code, again.stderr)
	whole := runTrain(t, args...)
	require.Equal(t, 0, whole.code, whole.stderr)
	assertSame(t, endOf(t, whole.runFolder(t)), endOf(t, run))
}

func TestAnInterruptedRunSaysThatItFoundNoRoom(t *testing.T) {
	// The best weights fit, and the state does not.
	cmd, rest := startLongIn(t, limited(command(t), 100), `^epoch +2/`, "-data", madeUp(t), "-layers", "16", "-checkpoint_every", "1000000", "-report=false")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	stdout, stderr := rest()
	assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
	assert.Regexp(t, `^train: interrupted in epoch \d+: the checkpoint \S+/last\.safetensors cannot be written \(file too large\): [^\n]*\.\n$`, stderr)
	assert.NotContains(t, stdout, "to go on", "there is nothing to go on from")
}

// limited runs the program with files of at most so many blocks of 1024 bytes.
func limited(cmd *exec.Cmd, blocks int64) *exec.Cmd {
	cmd.Args = append([]string{"bash", "-c", fmt.Sprintf(`ulimit -f %d; exec "$0" "$@"`, blocks), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/bash"
	return cmd
}
