package report

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// made is a made-up run's folder below root.
func made(t *testing.T, root, rule string, seed int64, accuracy float64) string {
	t.Helper()
	net, err := model.NewDense(model.Shape{H: 2, W: 2, C: 1}, []int{3}, 3, gpu.Tanh)
	require.NoError(t, err)
	run, err := folder.Create(root, "made-up", rule, time.Now(), nil)
	require.NoError(t, err)
	defer run.Close()
	text, err := folder.Run{Settings: checkpoint.Settings{
		Flags: map[string]string{"optimizer": "sgd", "lr": "0.1", "checkpoint_every": "-1"}, Rule: rule, Network: net.Spec(), Seed: seed,
		Data: checkpoint.Data{Name: "made-up", Shape: [3]int{2, 2, 1}, Classes: 3},
	}}.Encode()
	require.NoError(t, err)
	require.NoError(t, run.Write(folder.RunFile, text))
	require.NoError(t, run.AddEpoch(folder.Epoch{Number: 1, ValidAccuracy: folder.Known(0.5), Best: true}))
	require.NoError(t, run.Finish(&folder.Result{Outcome: folder.Outcome{Status: folder.StatusComplete, TestAccuracy: folder.Known(accuracy)}}))
	return run.Dir()
}

// call runs the program.
func call(args ...string) (stdout, stderr string, code int) {
	var out, errors bytes.Buffer
	code = cli.Report("report", run(context.Background(), args, &out), &out, &errors)
	return out.String(), errors.String(), code
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func TestARunWithoutReadableWeightsGetsItsReportAndAnError(t *testing.T) {
	dir := made(t, t.TempDir(), "bp", 1, 0.9)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "checkpoints"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoints", "best.safetensors"), []byte("x"), 0o666))
	want := filepath.Join(dir, "report.html")
	stdout, stderr, code := call(dir)
	assert.Equal(t, cli.ExitFailed, code)
	assert.Equal(t, want+"\n", stdout)
	assert.Contains(t, stderr, "report: the report is without weights: "+filepath.Join(dir, "checkpoints", "best.safetensors")+" is damaged or no checkpoint")
	assert.Contains(t, read(t, want), "is damaged or no checkpoint")
}

func TestOneRunGetsItsReport(t *testing.T) {
	dir := made(t, t.TempDir(), "bp", 1, 0.9)
	want := filepath.Join(dir, "report.html")
	stdout, stderr, code := call(dir)
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, want+"\n", stdout)
	assert.Contains(t, read(t, want), "bp · fully connected network on made-up, 3 classes (seed 1)")

	other := filepath.Join(t.TempDir(), "other.html")
	_, stderr, code = call(dir+"/", "-o", other)
	require.Equal(t, 0, code, stderr)
	assert.FileExists(t, other)
}

func TestSeveralRunsAreComparedWhetherNamedOrInAFolder(t *testing.T) {
	root := t.TempDir()
	a, b, c := made(t, root, "bp", 1, 0.9), made(t, root, "bp", 2, 0.8), made(t, root, "mdfa", 1, 0.7)
	output := filepath.Join(t.TempDir(), "page.html")
	for _, paths := range [][]string{{a, b, c}, {filepath.Join(root, "made-up")}, {root}} {
		_, stderr, code := call(append(paths, "-o", output)...)
		require.Equal(t, 0, code, stderr)
		html := read(t, output)
		assert.Contains(t, html, "<h1>bp and mdfa on made-up</h1>")
		assert.Contains(t, html, "mdfa and bp cannot be told apart with 1 pair")
		assert.Regexp(t, `</svg> bp</th><td>2</td><td>85.0 ± 7.1</td>`, html)
		assert.Regexp(t, `</svg> mdfa</th><td>1</td><td>70.00</td>`, html)
		require.NoError(t, os.Remove(output))
	}
	t.Chdir(t.TempDir())
	stdout, _, code := call(a, c)
	require.Equal(t, 0, code)
	assert.Equal(t, "compare.html\n", stdout)
}

func TestAComparisonLinksToTheRunsFromWhereItLies(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a folder")
	a, b := made(t, root, "bp", 1, 0.9), made(t, root, "mdfa", 1, 0.7)
	_, stderr, code := call(a)
	require.Zero(t, code, stderr)
	require.NoError(t, os.Mkdir(filepath.Join(root, "pages"), 0o777))
	output := filepath.Join(root, "pages", "page.html")
	_, stderr, code = call(a, b, "-o", output)
	require.Zero(t, code, stderr)
	assert.Contains(t, read(t, output), `<a href="../made-up/`+filepath.Base(a)+`/report.html">`)
	assert.NotContains(t, read(t, output), filepath.Base(b)+`/report.html">`, "it has no page")
	t.Chdir(filepath.Dir(root))
	_, stderr, code = call("a folder")
	require.Zero(t, code, stderr)
	assert.Contains(t, read(t, compareFile), `<a href="a%20folder/made-up/`+filepath.Base(a)+`/report.html">`)
}

func TestARuleOfAnotherProgramHasPages(t *testing.T) {
	root := t.TempDir()
	dir := made(t, root, "zzz", 1, 0.9)
	made(t, root, "bp", 1, 0.7)
	for _, args := range [][]string{{dir}, {root, "-o", filepath.Join(root, "page.html")}, {root, "-table", "text"}, {root, "-svg", filepath.Join(root, "figures")}} {
		_, stderr, code := call(args...)
		assert.Zero(t, code, stderr)
	}
	assert.Contains(t, read(t, filepath.Join(root, "page.html")), "<h1>bp and zzz on made-up</h1>")
}

func TestABaselineCanBeNamedForThePage(t *testing.T) {
	root := t.TempDir()
	made(t, root, "bp", 1, 0.9)
	made(t, root, "mdfa", 1, 0.7)
	output := filepath.Join(root, "page.html")
	_, stderr, code := call(root, "-baseline", "mdfa", "-o", output)
	require.Zero(t, code, stderr)
	assert.Contains(t, read(t, output), "Difference to mdfa in test accuracy")
}

func TestFiguresAreWrittenIntoAFolder(t *testing.T) {
	root := t.TempDir()
	a := made(t, root, "bp", 1, 0.9)
	made(t, root, "mdfa", 1, 0.7)
	dir := filepath.Join(root, "figures")
	stdout, stderr, code := call(root, "-svg", dir)
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, filepath.Join(dir, "difference-to-bp-in-test-accuracy.svg")+"\n")
	assert.Contains(t, read(t, filepath.Join(dir, "validation-accuracy.svg")), "<?xml")
	_, stderr, code = call(a, "-svg", dir)
	require.Zero(t, code, stderr)
	assert.FileExists(t, filepath.Join(dir, "accuracy.svg"))
}

func TestATableSaysWhichRuleWins(t *testing.T) {
	root := t.TempDir()
	for seed := range int64(3) {
		made(t, root, "bp", seed, 0.9+0.01*float64(seed))
		made(t, root, "mdfa", seed, 0.8+0.01*float64(seed))
	}
	stdout, stderr, code := call(root, "-table", "text")
	require.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "bp       3  91.0 ± 1.0")
	assert.Contains(t, stdout, "mdfa and bp cannot be told apart with 3 pairs: the mean difference is -10.00 percentage points")
	assert.Contains(t, stdout, "note: 3 pairs are too few for a corrected p below 0.05: Wilcoxon's smallest p is then 0.25, and 1 comparison would need 6 pairs.")
	stdout, _, code = call(root, "-table", "csv", "-baseline", "mdfa")
	require.Equal(t, 0, code)
	assert.Contains(t, stdout, "bp,3,0,0,0.91,")
	assert.NoFileExists(t, compareFile)
}

func TestMistakesAreSentences(t *testing.T) {
	root := t.TempDir()
	dir := made(t, root, "bp", 1, 0.9)
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	damaged := made(t, t.TempDir(), "bp", 1, 0.9)
	require.NoError(t, os.WriteFile(filepath.Join(damaged, "run.json"), []byte("{"), 0o666))
	empty := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, cli.ExitUsage, "which run? Name its folder, as in report results/mnist/RUN; several are compared."},
		{[]string{dir, "-o", ""}, cli.ExitUsage, "-o or -svg is empty: expected the name of a file or a folder."},
		{[]string{dir, dir + "/"}, cli.ExitUsage, dir + " is there twice: leave it out once."},
		{[]string{root + "/none"}, cli.ExitFailed, root + "/none: there is no such folder: expected the folder of a run."},
		{[]string{file}, cli.ExitFailed, file + " is a file: expected the folder of a run."},
		{[]string{empty}, cli.ExitFailed, empty + " is no folder of a run, and none is in it: expected one with a run.json."},
		{[]string{damaged}, cli.ExitFailed, "run.json is damaged"},
		{[]string{dir, "-o", root + "/none/page.html"}, cli.ExitFailed, "the report cannot be written to " + root + "/none/page.html (no such file or directory): see that there is space and permission to write."},
		{[]string{dir, "-svg", file}, cli.ExitFailed, "the report cannot be written to " + file + "/accuracy.svg (not a directory)"},
		{[]string{dir, "-svg", root + "/none/figures"}, cli.ExitFailed, "the folder " + root + "/none/figures cannot be made (no such file or directory)"},
		{[]string{dir, "-with", "lr"}, cli.ExitUsage, "-with is for several runs: name more, or leave it out."},
		{[]string{root, "-table", "csv", "-with", "speed"}, cli.ExitUsage, "-with speed: expected a setting by which runs are compared, such as lr."},
		{[]string{dir, "-table", "html"}, cli.ExitUsage, "-table html: expected text, markdown, csv or latex."},
		{[]string{dir, "-table", "text", "-o", "x"}, cli.ExitUsage, "-o and -table exclude each other: a page, figures and a table are made one by one."},
		{[]string{dir, "-baseline", "bp"}, cli.ExitUsage, "-baseline is for several runs: name more, or leave it out."},
		{[]string{dir, "-table", "text", "-baseline", "fa"}, cli.ExitUsage, "-baseline fa: no run has it: expected bp, or SETTING=VALUE of some runs."},
		{[]string{damaged, "-table", "text"}, cli.ExitFailed, "run.json is damaged"},
		{[]string{dir, "-out", "x"}, cli.ExitUsage, "there is no flag -out; report -h lists them."},
	} {
		stdout, stderr, code := call(c.args...)
		assert.Equal(t, c.code, code, c.args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, c.want)
	}
}
