package report

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/compare"
	"mdfa/run/folder"
)

var made = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// sample is a made-up run of a network with two hidden layers.
func sample(epochs int) *Run {
	rng := rand.New(rand.NewPCG(1, 2))
	r := &Run{
		Title: "mdfa · convnet on mnist, all 10 classes (seed 0)", Folder: "mdfa-convnet-c10-s0-20261124T120000",
		Command: "train -model mdfa -convnet -max_epochs 20", Status: "complete", Made: made, Producer: "train",
		Outcome: []Number{{"test accuracy", "97.31 %", "top-5 99.98 %"}, {"best validation", "97.55 %", "epoch 2"}},
		Groups:  []Group{{"Network", []Fact{{"layers", "conv 8 5/2 -> dense 10"}}}},
		Input:   [3]int{28, 28, 1},
		Test:    &Confusion{Split: "test", Counts: make([]int, 100)},
	}
	for i := range 10 {
		r.Test.Names = append(r.Test.Names, fmt.Sprint(i))
		for j := range 10 {
			r.Test.Counts[i*10+j] = rng.IntN(12) / 4
		}
		r.Test.Counts[i*11] = 950
	}
	for i := range epochs {
		fall := math.Exp(-float64(i) / 3)
		r.Epochs = append(r.Epochs, folder.Epoch{
			Number: i + 1, TrainLoss: folder.Known(0.05 + fall), TrainAccuracy: folder.Known(0.99 - 0.3*fall),
			ValidLoss: folder.Known(0.08 + fall), ValidAccuracy: folder.Known(0.97 - 0.3*fall),
			ImagesPerSecond: folder.Known(5000 + 300*rng.Float64()), Best: i < epochs-1,
		})
		for l, name := range []string{"conv 8 5/2", "dense 10"} {
			a := folder.Alignment{
				Step: 100 * i, Layer: l, Kind: name, AngleBP: folder.Known(50 + 40*fall), NormRatioBP: folder.Known(1),
				SignAgreementBP: folder.Known(0.6), AngleFeedback: folder.Known(85), AtFloor: folder.Known(0.3), Saturated: folder.Known(0.1),
			}
			if l == 1 {
				a.AngleFeedback, a.Saturated = folder.Float{}, folder.Float{}
			}
			r.Align = append(r.Align, a)
		}
	}
	draw := func(n int, clamped bool) []float32 {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(rng.NormFloat64() * 0.1)
			if clamped {
				w[i] = max(0, w[i])
			}
		}
		return w
	}
	r.Layers = []Layer{
		{Name: "conv 8 5/2", Shape: []int{5, 5, 1, 8}, Weights: draw(200, false), Floor: math.NaN()},
		{Name: "dense 10", Shape: []int{1152, 10}, Weights: draw(11520, true)},
	}
	return r
}

// sampleRun is a made-up run of a comparison.
func sampleRun(t *testing.T, rule string, classes int, seed int64, accuracy float64) compare.Run {
	t.Helper()
	net, err := model.NewDense(model.Shape{H: 2, W: 2, C: 1}, []int{3}, classes, gpu.Tanh)
	require.NoError(t, err)
	f := &folder.Folder{
		Dir: fmt.Sprintf("results/%s-c%d-s%d", rule, classes, seed),
		Run: &folder.Run{Settings: checkpoint.Settings{
			Flags: map[string]string{"optimizer": "sgd", "lr": "0.1"}, Rule: rule, Network: net.Spec(), Seed: seed,
			Data: checkpoint.Data{Name: "made-up", Shape: [3]int{2, 2, 1}, Classes: classes, Train: 100},
		}},
		Result:    &folder.Result{Outcome: folder.Outcome{Status: folder.StatusComplete, TestAccuracy: folder.Known(accuracy), BestValidAccuracy: folder.Known(accuracy)}},
		Epochs:    slices.Clone(sample(4).Epochs),
		Alignment: sample(4).Align,
	}
	for i := range f.Epochs {
		f.Epochs[i].ValidAccuracy.X += accuracy - 0.9
	}
	return compare.NewRun(f)
}

// compared is the page of a comparison.
func compared(t *testing.T, link func(string) string, runs ...compare.Run) string {
	t.Helper()
	c, err := compare.New(runs, compare.Options{})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, Compare(&b, c, link, "report", made))
	return b.String()
}

func noLink(string) string { return "" }

// sweep is three rules on tasks of 2, 3 and 5 classes with eight seeds: mdfa is as good as bp on two classes and behind
// on more, dfa always ahead.
func sweep(t *testing.T) (runs []compare.Run) {
	for _, classes := range []int{5, 2, 3} {
		for seed := range int64(8) {
			luck := 0.01 * math.Sin(float64(7*classes)+float64(seed*seed))
			noise := 0.001 * math.Sin(float64(3*seed*seed)+float64(classes))
			behind := map[int]float64{2: 0, 3: 0.02, 5: 0.05}[classes]
			runs = append(runs, sampleRun(t, "bp", classes, seed, 0.9+luck), sampleRun(t, "mdfa", classes, seed, 0.9+luck-behind+noise),
				sampleRun(t, "dfa", classes, seed, 0.91+luck+noise))
		}
	}
	return runs
}
