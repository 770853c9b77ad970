package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"mdfa/run/folder"
	"mdfa/run/settings"
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

// sampleEntry is a made-up run of a comparison.
func sampleEntry(model, seed string, accuracy float64) Entry {
	e := Entry{
		Folder: model + "-s" + seed, Seed: seed, Status: "complete",
		Settings: []settings.Fact{{Name: "model", Text: model}, {Name: "lr", Text: "0.001"}},
		Figures:  []Figure{{"test accuracy", accuracy, true}, {"images/s", 5000, false}},
	}
	for _, x := range sample(4).Epochs {
		x.ValidAccuracy.X += accuracy - 0.9
		e.Epochs = append(e.Epochs, x)
	}
	return e
}
