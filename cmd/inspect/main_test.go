package inspect

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/training"
	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// inspect runs the program in this process and returns its output.
func inspect(t *testing.T, args ...string) (string, error) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	failure := runProgram(t.Context(), cli.Call{Args: args}, file)
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	return string(text), failure
}

func inspected(t *testing.T, args ...string) string {
	t.Helper()
	text, err := inspect(t, args...)
	require.NoError(t, err, args)
	return text
}

// sample is a checkpoint of mdfa's on a small convnet, after two epochs. Its second layer's
// weights have known numbers.
func sample(t *testing.T, seed uint64) *checkpoint.Checkpoint {
	t.Helper()
	net, err := model.NewConv(model.Shape{H: 5, W: 5, C: 2}, []model.Filter{{Filters: 3, Kernel: 3, Stride: 1}}, 4, gpu.Tanh)
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(seed, 0))
	params := make([]float32, net.Params)
	for _, tensor := range net.Split(params) {
		for i := range tensor.Data {
			tensor.Data[i] = rng.Float32()
		}
		if tensor.Name == "layers.1.weight" {
			copy(tensor.Data, []float32{0, 0.5, 0.25, 2})
		}
	}
	floor := 0.5
	return &checkpoint.Checkpoint{
		Facts: checkpoint.Facts{
			Settings: checkpoint.Settings{
				Program: "abc", Flags: map[string]string{"model": "mdfa", "seed": string('0' + rune(seed)), "lr": "0.1", "l2": "0.5", "reduction": "sum"}, Rule: "mdfa", ClampFloor: &floor,
				ForwardInit: "U1", Seed: int64(seed), Network: net.Spec(),
				Data: checkpoint.Data{Name: "folder", Shape: [3]int{5, 5, 2}, Classes: 4, Train: 12000, Valid: 10, Test: 20},
			},
			Progress: training.Progress{BestEpoch: 2, Epochs: []training.Epoch{
				{Number: 1, Steps: 7, Train: algo.Metrics{Loss: 8, Correct: 4, Count: 8}, Valid: algo.Metrics{Loss: 8, Correct: 1, Count: 10}, Best: true, Seconds: 2},
				{Number: 2, Steps: 7, Train: algo.Metrics{Loss: 4, Correct: 4, Count: 8}, Valid: algo.Metrics{Loss: 8, Correct: 9, Count: 10}, Best: true, Seconds: 2},
			}},
		},
		Network: net, Params: params, Best: params,
	}
}

var began = time.Date(2026, 11, 24, 10, 15, 2, 0, time.UTC)

// runFolder makes the folder of a run below root, closed, with an end if it has a status.
func runFolder(t *testing.T, root string, seed uint64, status string) string {
	t.Helper()
	c := sample(t, seed)
	r, err := folder.Create(root, "folder", "mdfa-s"+string('0'+rune(seed)), began, nil)
	require.NoError(t, err)
	defer r.Close()
	text, err := folder.Run{Settings: c.Settings, Command: []string{"train", "-model", "mdfa"}, Device: folder.Device{Kind: "cpu", Name: "cpu"}, Started: began}.Encode()
	require.NoError(t, err)
	require.NoError(t, r.Write(folder.RunFile, text))
	require.NoError(t, r.AddEpoch(folder.Epoch{Number: 1, Steps: 7, TrainLoss: folder.Known(0.5), Best: true}))
	require.NoError(t, checkpoint.NewWriter(r.Dir(), nil).State(c))
	require.NoError(t, checkpoint.NewWriter(r.Dir(), nil).Weights(c))
	if status != "" {
		require.NoError(t, r.Finish(&folder.Result{Outcome: folder.Outcome{Status: status, Epochs: folder.Known(1), BestEpoch: folder.Known(1), TestAccuracy: folder.Known(0.75)}}))
	}
	return r.Dir()
}

func TestACheckpointOfMidEpochSaysSo(t *testing.T) {
	c := sample(t, 1)
	c.Progress.Step = 5
	dir := t.TempDir()
	require.NoError(t, checkpoint.NewWriter(dir, nil).State(c))
	assert.Contains(t, inspected(t, filepath.Join(dir, "checkpoints", "last.safetensors")), "in epoch 3, after its step 5; 19 steps in\n           all\n")
}

func TestACheckpointShowsEachLayer(t *testing.T) {
	dir := runFolder(t, t.TempDir(), 1, "complete")
	text := inspected(t, filepath.Join(dir, "checkpoints", "last.safetensors"))
	for _, want := range []string{
		"data       folder, 4 classes of 5x5x2: 12,000 train · 10 validation · 20 test\n",
		"rule       mdfa, tanh, init U1, feedback U1, floor 0.5 · rmsprop, lr 0.1, l2\n           0.5, batch 64 (sum), seed 1\n",
		"network    5x5x2 -> conv 3 3/1, tanh\n",
		"after epoch 2; 14 steps in all\n",
		"0 weight  3x3x2x3  ", "1 weight  27x4 ",
		"    2      7  0.5000  50.00%      0.8000  90.00%      4      2.0  best\n",
	} {
		assert.Contains(t, text, want)
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, dir) {
			assert.LessOrEqual(t, len([]rune(line)), width+1, line)
		}
	}

	assert.Contains(t, inspected(t, "-n", "1", filepath.Join(dir, "checkpoints", "last.safetensors")), "the last 1 of 2 epochs (-n 0 shows all)\n")
	var d description
	require.NoError(t, json.Unmarshal([]byte(inspected(t, "-json", "-weights", "last", dir)), &d))
	assert.Equal(t, "complete", d.Status)
	assert.Equal(t, 0.75, d.Result["test_accuracy"])
	assert.Equal(t, checkpoint.StateKind, d.Checkpoint.Kind)
	assert.Equal(t, 14, d.Checkpoint.Steps)
	require.Len(t, d.Checkpoint.Tensors, 4)
	weight := d.Checkpoint.Tensors[2]
	assert.Equal(t, "layers.1.weight", weight.Name)
	assert.Equal(t, []int{27, 4}, weight.Shape)
	assert.Equal(t, 1.0/108, weight.Zeros)
	assert.Equal(t, 0.0, *weight.Min)
	assert.Equal(t, 2.0, *weight.Max)
	assert.Nil(t, d.Checkpoint.Tensors[0].AtFloor, "the first layer is not clamped")
	assert.Nil(t, d.Checkpoint.Tensors[3].AtFloor, "nor is a bias")
	assert.Equal(t, []map[string]any{{
		"epoch": 1.0, "steps": 7.0, "train_loss": 0.5, "best": true, "train_accuracy": nil, "valid_loss": nil, "valid_accuracy": nil,
		"valid_top5": nil, "lr": nil, "images_per_second": nil, "train_seconds": nil, "data_wait_seconds": nil,
	}}, d.Epochs)
}

// TestLearnedFeedbackIsShownAndCompared looks into states of kp and of dkp. The weights of the best epoch have none.
func TestLearnedFeedbackIsShownAndCompared(t *testing.T) {
	for kind, name := range map[model.Feedback]string{model.LayerFeedback: "feedback 1 weight", model.DirectFeedback: "feedback direct"} {
		var paths []string
		for _, first := range []float32{-2, 3} {
			c := sample(t, 1)
			c.Feedback.Kind = checkpoint.FeedbackKinds[kind]
			c.Learned = make([]float32, c.Network.FeedbackLen(kind))
			c.Learned[0] = first
			dir := t.TempDir()
			require.NoError(t, checkpoint.NewWriter(dir, nil).State(c))
			require.NoError(t, checkpoint.NewWriter(dir, nil).Weights(c))
			paths = append(paths, dir)
			assert.Regexp(t, name+` +\S+ +\d+ .*`+strconv.Itoa(int(first)), inspected(t, "-weights", "last", dir))
			assert.NotContains(t, inspected(t, dir), name)
		}
		assert.Regexp(t, name+` +\S+ +5 +2\.5 +5 +-1\.000000`, inspected(t, "-weights", "last", "-diff", paths[0], paths[1]))
		assert.Contains(t, inspected(t, "-weights", "last", "-diff", paths[0], paths[0]), "weights   the same bits")
		assert.Contains(t, inspected(t, "-diff", paths[0], paths[1]), "weights   the same bits", "of the best epoch")
	}
}

func TestStatisticsAreThoseOfTheValues(t *testing.T) {
	f := measure(model.Tensor{Name: "x", Data: []float32{0, -3, 4, 0.5, 0, float32(math.Inf(1)), float32(math.NaN()), 1}}, 0.5)
	assert.Equal(t, 2, f.NotFinite)
	assert.Equal(t, 8, f.Number)
	assert.InDelta(t, 2.5/6, *f.Mean, 1e-15)
	assert.InDelta(t, math.Sqrt(26.25), *f.Norm, 1e-15)
	assert.Equal(t, -3.0, *f.Min)
	assert.Equal(t, 4.0, *f.Max)
	assert.Equal(t, 0.25, f.Zeros)
	assert.Equal(t, 0.5, *f.AtFloor)
	none := measure(model.Tensor{Data: []float32{float32(math.NaN())}}, math.NaN())
	assert.Nil(t, none.Mean)
	assert.Nil(t, none.AtFloor)
}

func TestARunShowsHowItStands(t *testing.T) {
	root := t.TempDir()
	assert.Contains(t, inspected(t, runFolder(t, root, 1, "complete")), "   complete\ncommand    train -model mdfa\nstarted    2026-11-24 10:15:02 on cpu\n")
	killed := runFolder(t, root, 2, "")
	assert.Contains(t, inspected(t, killed), "   killed\n")
	unlock, err := folder.Lock(killed)
	require.NoError(t, err)
	assert.Contains(t, inspected(t, killed), "   running\n")
	unlock()

	require.NoError(t, os.WriteFile(filepath.Join(killed, "checkpoints", "best.safetensors"), []byte("x"), 0o666))
	text := inspected(t, killed)
	assert.Contains(t, text, "of checkpoints/last.safetensors")
	assert.Contains(t, text, "note: "+killed+"/checkpoints/best.safetensors is damaged")
	require.NoError(t, os.RemoveAll(filepath.Join(killed, "checkpoints")))
	text, err = inspect(t, killed)
	require.ErrorIs(t, err, checkpoint.ErrAbsent)
	assert.NotContains(t, text, "weights")
	assert.Contains(t, text, "    1      7  0.5000", "what there is is shown all the same")
	require.NoError(t, os.Remove(filepath.Join(killed, "run.json")))
	text, err = inspect(t, killed)
	require.ErrorIs(t, err, checkpoint.ErrAbsent)
	assert.Contains(t, text, "    1      7  0.5000")
}

func TestARunWithoutAReadableCheckpointIsAFault(t *testing.T) {
	root := t.TempDir()
	whole, damaged := runFolder(t, root, 1, "complete"), runFolder(t, root, 2, "complete")
	for _, name := range []string{"last", "best"} {
		require.NoError(t, os.WriteFile(filepath.Join(damaged, "checkpoints", name+".safetensors"), []byte("x"), 0o666))
	}
	for _, args := range [][]string{{damaged}, {"-json", damaged}, {damaged, whole}, {"-diff", whole, damaged}} {
		text, err := inspect(t, args...)
		require.ErrorIs(t, err, checkpoint.ErrDamaged, args)
		assert.Contains(t, text, damaged, args)
		assert.NotContains(t, err.Error(), "\n")
	}
	// A run that keeps none on purpose is as it should be.
	require.NoError(t, os.RemoveAll(filepath.Join(damaged, "checkpoints")))
	_, err := inspect(t, damaged)
	require.ErrorIs(t, err, checkpoint.ErrAbsent)
	run, err := folder.ReadRun(damaged)
	require.NoError(t, err)
	run.Flags = map[string]string{"checkpoint_every": "-1"}
	text, err := run.Encode()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(damaged, "run.json"), text, 0o666))
	inspected(t, damaged)

	require.NoError(t, os.WriteFile(filepath.Join(whole, "run.json"), []byte("{"), 0o666))
	shown, err := inspect(t, whole)
	require.ErrorIs(t, err, checkpoint.ErrDamaged)
	assert.Contains(t, shown, "weights")
}

func TestDiffSaysWhatDiffers(t *testing.T) {
	root := t.TempDir()
	a, b := runFolder(t, root, 1, "complete"), runFolder(t, root, 2, "failed")
	text := inspected(t, "-diff", a, b)
	assert.Regexp(t, `(?m)^-seed +1 +2$`, text)
	assert.Regexp(t, `(?m)^status +complete +failed$`, text)
	assert.NotContains(t, text, "-model")
	assert.Contains(t, text, "history   1 and 1 epochs, those that both have are the same\n")

	var c comparison
	require.NoError(t, json.Unmarshal([]byte(inspected(t, "-json", "-diff", a, b)), &c))
	x, y := sample(t, 1), sample(t, 2)
	var square, dot, xx, yy, largest float64
	s, u := x.Network.Split(x.Params)[2].Data, y.Network.Split(y.Params)[2].Data
	for i := range s {
		p, q := float64(s[i]), float64(u[i])
		square, dot, xx, yy = square+(p-q)*(p-q), dot+p*q, xx+p*p, yy+q*q
		largest = max(largest, math.Abs(p-q))
	}
	got := c.Weights[2]
	assert.InDelta(t, math.Sqrt(square), *got.Norm, 1e-12)
	assert.InDelta(t, math.Sqrt(square/xx), *got.Relative, 1e-12)
	assert.InDelta(t, dot/math.Sqrt(xx*yy), *got.Cosine, 1e-12)
	assert.Equal(t, largest, *got.Largest)
	assert.False(t, *c.Equal)

	same := inspected(t, "-diff", a, filepath.Join(a, "checkpoints", "last.safetensors"))
	assert.Contains(t, same, "weights   the same bits\n")
	assert.Contains(t, same, "settings  the same\n")
	assert.Contains(t, same, "1 and 2 epochs, different from epoch 1 on")
}

func TestNetworksOfOtherShapesCompareAsFarAsTheyCan(t *testing.T) {
	net, err := model.NewDense(model.Vector(3), []int{2, 2}, 2, gpu.Tanh)
	require.NoError(t, err)
	other := &checkpoint.Checkpoint{Network: net, Params: make([]float32, net.Params)}
	diffs := weightsDiff(sample(t, 1), other)
	require.Len(t, diffs, 6)
	for _, d := range diffs[:1] {
		assert.Nil(t, d.Norm)
		assert.False(t, d.Equal)
	}
	assert.Equal(t, "layers.2.weight", diffs[4].Name)
	var out strings.Builder
	comparison{Weights: diffs, Equal: new(bool)}.print(&out)
	assert.Contains(t, out.String(), "3x3x2x3 and 3x2")
	assert.Contains(t, out.String(), "none and 2x1")
}

// logged is a results folder whose log has four runs.
func logged(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, run := range []struct{ name, status, accuracy, seed string }{
		{"folder/a", "complete", "0.9", "10"}, {"folder/b", "failed", "", "9"}, {"folder/c", "started", "", "1"}, {"folder/d", "complete", "0.95", "2"},
	} {
		require.NoError(t, folder.LogAt(root).Append(t.Context(), []folder.Cell{
			{Column: "folder", Value: run.name}, {Column: "status", Value: run.status}, {Column: "epochs", Value: "3"},
			{Column: "best_valid_accuracy", Value: run.accuracy}, {Column: "test_accuracy", Value: run.accuracy},
			{Column: "seed", Value: run.seed}, {Column: "convnet", Value: "false"},
		}))
	}
	return root
}

func TestRunsAreFilteredSortedAndCut(t *testing.T) {
	root := logged(t)
	for args, want := range map[string]string{
		"":                                      "a b c d",
		"-n 2":                                  "c d",
		"-sort seed":                            "c d b a",
		"-sort -seed -n 1":                      "a",
		"-sort -test_accuracy":                  "d a b c",
		"-sort test_accuracy":                   "a d b c",
		"-sort status,-seed":                    "a d b c",
		"-where test_accuracy>0.9":              "d",
		"-where test_accuracy>=0.90":            "a d",
		"-where test_accuracy<1 -where seed=10": "a",
		"-where seed=10.0":                      "a",
		"-where seed<=2":                        "c d",
		"-where status!=complete":               "b c",
		"-where status=killed":                  "c",
		"-where test_accuracy=":                 "b c",
		"-where test_accuracy!=":                "a d",
		"-where folder~/b":                      "b",
		"-where epochs<3":                       "",
	} {
		text := inspected(t, append([]string{"-runs", root, "-json"}, strings.Fields(args)...)...)
		var got []string
		for line := range strings.Lines(text) {
			var run map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &run))
			got = append(got, strings.TrimPrefix(run["folder"].(string), "folder/"))
		}
		assert.Equal(t, want, strings.Join(got, " "), args)
	}
	assert.Equal(t, `folder    status    epochs   valid    test
folder/a  complete       3  90.00%  90.00%
folder/b  failed         3       -       -
folder/c  killed         3       -       -
folder/d  complete       3  95.00%  95.00%
`, inspected(t, "-runs", root))
	assert.Equal(t, "seed  status\n  10  complete\n", inspected(t, "-runs", root, "-columns", "seed,status", "-where", "seed=10"))
	assert.Equal(t, `{"convnet":false,"seed":9,"test_accuracy":null}`+"\n", inspected(t, "-runs", root, "-json", "-columns", "seed,convnet,test_accuracy", "-where", "status=failed"))
	assert.Equal(t, "no run\n", inspected(t, "-runs", root, "-where", "seed=77"))
}

func TestARunThatIsLockedIsRunning(t *testing.T) {
	root := logged(t)
	dir := filepath.Join(root, "folder", "c")
	require.NoError(t, os.MkdirAll(dir, 0o777))
	unlock, err := folder.Lock(dir)
	require.NoError(t, err)
	defer unlock()
	assert.Contains(t, inspected(t, "-runs", root), "folder/c  running ")
}

func TestATornLogIsShownWithANote(t *testing.T) {
	root := logged(t)
	file, err := os.OpenFile(filepath.Join(root, folder.LogFile), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("folder/e,comp")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	text := inspected(t, "-runs", root)
	assert.Contains(t, text, "folder/d")
	assert.NotContains(t, text, "folder/e")
	assert.Contains(t, text, "note: "+filepath.Join(root, folder.LogFile)+": the last line is not complete")
}

func TestMistakesAreOneSentence(t *testing.T) {
	root, empty := logged(t), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(empty, "file"), []byte("nothing"), 0o666))
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"", cli.ExitUsage, "nothing to inspect: "},
		{"-diff a", cli.ExitUsage, "-diff compares two paths, and 1 were given: "},
		{"-runs -diff a b", cli.ExitUsage, "-runs lists runs, and -diff and -weights are about one or two of them"},
		{"-runs a b", cli.ExitUsage, "-runs takes one results folder"},
		{"-weights worst a", cli.ExitUsage, "-weights worst: expected best or last."},
		{"-where a=1 x", cli.ExitUsage, "-where goes with -runs: add it, or leave -where out."},
		{"-table text x", cli.ExitUsage, "-table goes with -runs: add it, or leave -table out."},
		{"-runs -table html", cli.ExitUsage, "-table html: expected text, markdown, csv or latex."},
		{"-runs -table csv -json", cli.ExitUsage, "-table has columns of its own: leave -json and -columns out."},
		{"-runs -with lr", cli.ExitUsage, "-with goes with -table: add it, or leave -with out."},
		{"-runs -baseline bp", cli.ExitUsage, "-baseline goes with -table: add it, or leave -baseline out."},
		{"-runs -where model", cli.ExitUsage, "-where model: expected a column, one of = != < <= > >= ~ and a value"},
		{"-runs -where =3", cli.ExitUsage, "-where =3: expected a column"},
		{"-runs -sort -", cli.ExitUsage, "-sort -: expected names of columns"},
		{"-runs -columns a,,b", cli.ExitUsage, "-columns a,,b: expected names of columns"},
		{"-runs -n -1", cli.ExitUsage, "-n -1: expected a whole number from 0 on."},
		{"-runs " + root + " -sort -speed", cli.ExitUsage, "-sort: the log has no column speed; it has folder, status, epochs, "},
		{"-runs " + root + " -where speed>3", cli.ExitUsage, "-where: the log has no column speed; it has "},
		{"-runs " + root + " -columns folder,speed", cli.ExitUsage, "-columns: the log has no column speed; it has "},
		{"-runs " + empty, cli.ExitFailed, "there is no runs.csv in " + empty + ": "},
		{empty, cli.ExitFailed, empty + " holds no checkpoint: "},
		{filepath.Join(empty, "file"), cli.ExitFailed, filepath.Join(empty, "file") + " is damaged or no checkpoint ("},
		{filepath.Join(empty, "nowhere"), cli.ExitFailed, filepath.Join(empty, "nowhere") + ": there is no such file or folder"},
	} {
		text, err := inspect(t, strings.Fields(c.args)...)
		require.Error(t, err, c.args)
		assert.Equal(t, c.code, cli.ExitCode(err), c.args)
		assert.True(t, strings.HasPrefix(err.Error(), c.want), "%s: %s", c.args, err)
		assert.NotContains(t, err.Error(), "\n")
		assert.Empty(t, text, c.args)
	}
}

func TestExamplesOfTheHelpParse(t *testing.T) {
	for _, example := range about.Examples {
		_, err := parse(strings.Fields(strings.ReplaceAll(example, "'", ""))[1:])
		assert.NoError(t, err, example)
	}
}

func TestOutcomesAreColumnsOfTheResult(t *testing.T) {
	for _, name := range append(outcomes, usualColumns[1:]...) {
		assert.True(t, slices.ContainsFunc(folder.ResultColumns, func(c folder.Column[folder.Result]) bool { return c.Name == name }), name)
	}
}
