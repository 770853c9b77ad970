package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/predict"
	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/compare"
	"mdfa/run/folder"
)

// writeReport reads a run's folder and writes its report into it.
func writeReport(t *testing.T, dir, producer string) (path string, err error) {
	f, err := folder.Read(t.Context(), dir)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, folder.ReportFile)
	return path, WriteRun(f, path, producer)
}

// runFolder is a made-up run's folder: two epochs, three classes that the seed has put in
// another order.
func runFolder(t *testing.T) string {
	t.Helper()
	net, err := model.NewDense(model.Shape{H: 2, W: 2, C: 1}, []int{3}, 3, gpu.Tanh)
	require.NoError(t, err)
	floor := 0.0
	settings := checkpoint.Settings{
		Flags: map[string]string{"optimizer": "sgd", "lr": "0.1", "batch_size": "8", "reduction": "mean", "max_epochs": "2", "max_steps": "0"},
		Data:  checkpoint.Data{Name: "made-up", Shape: [3]int{2, 2, 1}, Classes: 3, ClassOrder: []int{5, 9, 1}, Train: 16, Valid: 8, Test: 8},
		Rule:  "mdfa", ClampFloor: &floor, Network: net.Spec(), Seed: 4,
	}
	run, err := folder.Create(t.TempDir(), "made-up", "run", time.Now(), nil)
	require.NoError(t, err)
	defer run.Close()
	text, err := folder.Run{Settings: settings, Command: []string{"bin/train", "-data", "my data", "-lr", "it's"}, Device: folder.Device{Name: "cpu"}}.Encode()
	require.NoError(t, err)
	require.NoError(t, run.Write(folder.RunFile, text))
	require.NoError(t, run.AddEpoch(folder.Epoch{Number: 1, TrainLoss: folder.Known(0.5), ValidAccuracy: folder.Known(0.625), Best: true}))
	require.NoError(t, run.AddEpoch(folder.Epoch{Number: 2, TrainLoss: folder.Known(math.NaN()), ValidAccuracy: folder.Known(0.5)}))
	require.NoError(t, run.Finish(&folder.Result{Outcome: folder.Outcome{Status: folder.StatusComplete, TestAccuracy: folder.Known(0.75)}}))
	c := predict.NewConfusion(3)
	c.Add([]float32{1, 0, 0, 0, 1, 0, 0, 1, 0}, []int32{0, 1, 2})
	require.NoError(t, folder.WriteConfusion(run, folder.Confusion{Split: "test", Confusion: c}, settings.Data.ClassName))
	require.NoError(t, checkpoint.NewWriter(run.Dir(), nil).Weights(&checkpoint.Checkpoint{
		Facts: checkpoint.Facts{Settings: settings}, Network: net, Params: make([]float32, net.Params),
	}))
	return run.Dir()
}

func TestReportSaysWhatTheFolderSays(t *testing.T) {
	dir := runFolder(t)
	path, err := writeReport(t, dir, "train")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, folder.ReportFile), path)
	html, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, text := range []string{
		"mdfa · fully connected network on made-up, classes 5, 9 and 1 (seed 4)", "75.00 %", "62.50 %", "epoch 1",
		"bin/train -data &#39;my data&#39; -lr &#39;it&#39;\\&#39;&#39;s&#39;", "2x2x1 -&gt; dense 3 -&gt; dense 3", "3: 1, 5, 9",
		"3 images of the test set, 66.67 % right", "All 3 filters, 2×2 pixels each", "9 weights, 100.00 % at the floor",
	} {
		assert.Contains(t, string(html), text)
	}
	row := regexpRow(string(html), "1")
	assert.Contains(t, row, "1 taken for 9: 1", "rows and columns are in the order of the files' labels: %s", row)
}

// regexpRow is the row of the confusion matrix of a class.
func regexpRow(html, class string) string {
	_, rest, _ := strings.Cut(html, `<tr><th scope="row">`+class+`</th>`)
	row, _, _ := strings.Cut(rest, "</tr>")
	return row
}

// Runs of an earlier version recorded numbers as they were typed.
func TestRunsAreComparedByTheValuesOfTheirSettings(t *testing.T) {
	f, err := folder.ReadTables(runFolder(t))
	require.NoError(t, err)
	before := compare.NewRun(f).Settings
	f.Run.Flags["lr"], f.Run.Flags["optimizer"] = "1e-1", "SGD"
	assert.Equal(t, before, compare.NewRun(f).Settings)
	f.Run.Flags["l2"] = "0.5"
	assert.NotEqual(t, before, compare.NewRun(f).Settings)
}

func TestWhatIsMissingIsLeftOut(t *testing.T) {
	dir := runFolder(t)
	for _, name := range []string{folder.ResultFile, folder.ConfusionFile, folder.EpochsFile, checkpoint.Folder} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
	}
	f, err := folder.Read(t.Context(), dir)
	require.NoError(t, err)
	assert.Equal(t, folder.StatusKilled, f.Status())
	path, err := writeReport(t, dir, "report")
	require.NoError(t, err)
	html, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(html), "holds no checkpoint")
	assert.NotContains(t, string(html), "<h2>Training</h2>")
}

func TestDamagedFilesAreNamed(t *testing.T) {
	for name, content := range map[string]string{
		folder.EpochsFile: "epoch\n1,2\n", folder.ResultFile: "", folder.ConfusionFile: "split,true,predicted,count\ntest,0,7,1\n",
		folder.AlignmentFile: "\"", folder.RunFile: "{",
	} {
		dir := runFolder(t)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
		_, err := writeReport(t, dir, "report")
		require.ErrorContains(t, err, path)
		assert.NoFileExists(t, filepath.Join(dir, folder.ReportFile))
	}
	dir := runFolder(t)
	run, err := folder.ReadRun(dir)
	require.NoError(t, err)
	run.Data.Classes = 1 << 40
	text, err := run.Encode()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, folder.RunFile), text, 0o666))
	_, err = writeReport(t, dir, "report")
	require.ErrorContains(t, err, "its network and its classes make no sense")
	_, err = writeReport(t, t.TempDir(), "report")
	require.ErrorIs(t, err, checkpoint.ErrAbsent)

	dir = runFolder(t)
	require.NoError(t, os.Truncate(filepath.Join(dir, checkpoint.Folder, checkpoint.BestFile), 50))
	path, err := writeReport(t, dir, "report")
	require.NoError(t, err, "without its weights a run still has a report")
	html, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(html), "best.safetensors is damaged")
}

func TestConfusionSurvivesItsFile(t *testing.T) {
	dir := runFolder(t)
	f, err := folder.ReadTables(dir)
	require.NoError(t, err)
	assert.Equal(t, "test", f.Confusion.Split)
	assert.Equal(t, []int{1, 0, 0, 0, 1, 0, 0, 1, 0}, f.Confusion.Counts)
	assert.Equal(t, 3, f.Confusion.Total)
	assert.Equal(t, 2, f.Confusion.Correct)
	text, err := os.ReadFile(filepath.Join(dir, folder.ConfusionFile))
	require.NoError(t, err)
	assert.Equal(t, "split,true,true_name,predicted,predicted_name,count\ntest,0,5,0,5,1\ntest,1,9,1,9,1\ntest,2,1,1,9,1\n", string(text))
}
