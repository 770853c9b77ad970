package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// again runs the program where got ran.
func again(t *testing.T, got finished, args ...string) finished {
	t.Helper()
	return finish(t, inFolder(t, got.dir, args...))
}

// runsOf returns the records of all runs of a program.
func runsOf(t *testing.T, got finished) map[string]*folder.Run {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(got.dir, "results", "*", "[^.]*"))
	require.NoError(t, err)
	runs := map[string]*folder.Run{}
	for _, dir := range dirs {
		runs[dir], err = folder.ReadRun(dir)
		require.NoError(t, err)
	}
	return runs
}

func TestNamedClassesHaveOneSpelling(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "8", "-max_epochs", "2", "-device", "cpu", "-batch_size", "16", "-resume", "auto"}
	got := runTrain(t, append(args, "-classes", "8, 3")...)
	require.Zero(t, got.code, got.stderr)
	assert.True(t, strings.HasPrefix(got.stdout, "bp · fully connected network on mnist, classes 3 and 8 (seed 0)\n"), got.stdout)
	dir := got.runFolder(t)
	assert.Regexp(t, `^bp-dense-3\+8-s0-\d{8}T\d{6}$`, filepath.Base(dir))
	run := runsOf(t, got)[dir]
	assert.Equal(t, "3+8", run.Flags["classes"])
	assert.Equal(t, []int{3, 8}, run.Data.ClassOrder)
	_, rows := table(t, filepath.Join(dir, "result.csv"))
	assert.Equal(t, []string{"3+8", ""}, []string{rows[0]["classes"], rows[0]["class_seed"]})

	for _, text := range []string{"3,8", "3+8", "8+:3"} {
		same := again(t, got, append(args, "-classes", text)...)
		require.Zero(t, same.code, same.stderr)
		assert.Contains(t, same.stdout, " is complete: 2 epochs, ", text)
	}
	longer := again(t, got, "-resume", dir, "-classes", "8,3", "-max_epochs", "3", "-device", "cpu")
	require.Zero(t, longer.code, longer.stderr)
	for _, text := range []string{"3,5", "2", "10", "3,5,8"} {
		other := again(t, got, "-resume", dir, "-classes", text)
		assert.Equal(t, exitUsage, other.code)
		assert.Equal(t, "train: -classes "+strings.ReplaceAll(text, ",", "+")+": "+dir+
			" was started with -classes 3+8, and goes on with the same: leave the flag out, or start a new run without -resume.\n", other.stderr)
	}
	assert.Len(t, runsOf(t, got), 1)

	other := again(t, got, append(args, "-classes", "3,5")...)
	require.Zero(t, other.code, other.stderr)
	assert.Len(t, runsOf(t, got), 2)
}

func TestAClassSeedKeepsTheClassesOfOtherSeeds(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "8", "-max_epochs", "1", "-device", "cpu", "-batch_size", "16", "-resume", "auto", "-classes", "2"}
	got := runTrain(t, append(args, "-class_seed", "1")...)
	require.Zero(t, got.code, got.stderr)
	assert.True(t, strings.HasPrefix(got.stdout, "bp · fully connected network on mnist, classes 2 and 9 (seed 0, class seed 1)\n"), got.stdout)
	first := got.runFolder(t)
	assert.Regexp(t, `^bp-dense-c2-cs1-s0-\d{8}T\d{6}$`, filepath.Base(first))
	page, err := os.ReadFile(filepath.Join(first, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "<dt>class seed</dt><dd>1</dd>")

	for _, more := range [][]string{{"-class_seed", "1", "-seed", "1"}, {"-seed", "1"}} {
		other := again(t, got, append(args, more...)...)
		require.Zero(t, other.code, other.stderr)
	}
	runs := runsOf(t, got)
	require.Len(t, runs, 3, "a seed of the classes that is the seed makes another run, of another group")
	rows, weights, data := map[string]map[string]string{}, map[string][]float32{}, map[string]string{}
	for dir, run := range runs {
		assert.Equal(t, []int{2, 9}, run.Data.ClassOrder)
		name := strings.Join([]string{run.Flags["class_seed"], run.Flags["seed"]}, " ")
		_, results := table(t, filepath.Join(dir, "result.csv"))
		rows[name] = results[0]
		last, err := checkpoint.LoadState(t.Context(), dir)
		require.NoError(t, err)
		weights[name], data[name] = last.Params, run.Data.Checksum
	}
	for _, name := range []string{"1 0", "1 1", "seed 1"} {
		require.Contains(t, rows, name)
		assert.Equal(t, []string{"2", "1"}, []string{rows[name]["classes"], rows[name]["class_seed"]}, name)
	}
	assert.Equal(t, weights["seed 1"], weights["1 1"], "the same bits")
	assert.NotEqual(t, data["1 0"], data["1 1"], "another split")
	assert.NotEqual(t, weights["1 0"], weights["1 1"])

	same := again(t, got, append(args, "-class_seed", "01")...)
	assert.Contains(t, same.stdout, " is complete: 1 epoch, ")
	refused := again(t, got, "-resume", first, "-class_seed", "2")
	assert.Equal(t, exitUsage, refused.code)
	assert.Equal(t, "train: -class_seed 2: "+first+" was started with -class_seed 1, and goes on with the same: leave the flag out, or start a new run without -resume.\n", refused.stderr)
}

func TestNamesThatFitNoFolderStandInTheRecordAlone(t *testing.T) {
	dir := t.TempDir()
	photoFolders(t, dir, 3, true)
	for _, part := range []string{"train", "test"} {
		require.NoError(t, os.Rename(filepath.Join(dir, part, "kind 00"), filepath.Join(dir, part, "a+b,c")))
	}
	cmd := command(t, "-dataset", "folder", "-data", dir, "-size", "8", "-layers", "8", "-batch_size", "4", "-max_epochs", "1", "-classes", "kind 02,0")
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
	got := finish(t, cmd)
	require.Zero(t, got.code, got.stderr)
	assert.Contains(t, got.stdout, "bp · fully connected network on folder, classes a+b,c and kind 02 (seed 0)\n")
	run := got.runFolder(t)
	assert.Regexp(t, `^bp-dense-c2-s0-\d{8}T\d{6}$`, filepath.Base(run))
	assert.Equal(t, ":0+kind 02", runsOf(t, got)[run].Flags["classes"])
	assert.Equal(t, []string{"a+b,c", "kind 02"}, runsOf(t, got)[run].Data.ClassNames)
}

func TestWrongClassesAreRefusedInASentence(t *testing.T) {
	for args, want := range map[string]string{
		"-classes 3,x":               "-classes 3,x: mnist has no class x; it has 0, 1, … 9.",
		"-classes cat":               "-classes cat: expected a number of classes, or the names of at least two, such as 3,8.",
		"-classes 3,3":               "-classes 3,3: 3 is named twice; name each class once.",
		"-classes 11":                "-classes 11: mnist has only 10 classes; give 2 to 10 (leave the flag out to use all).",
		"-classes=":                  `-classes "": expected a number of classes, or the names of at least two, such as 3,8.`,
		"-class_seed 1":              "-class_seed 1 picks some of the classes, and all of them are used: add -classes K, such as -classes 2, or leave it out.",
		"-classes 3,8 -class_seed 1": "-class_seed 1 picks classes, and -classes 3,8 names them: leave one of them out.",
		"-classes 2 -class_seed x":   "-class_seed x: expected a whole number from 0 to 4294967295, or seed.",
	} {
		got := runTrain(t, strings.Fields(args)...)
		assert.Equal(t, exitUsage, got.code, args)
		assert.Equal(t, "train: "+want+"\n", got.stderr)
		assert.NoDirExists(t, filepath.Join(got.dir, "results"))
	}
}
