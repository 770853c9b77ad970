package run_test

import (
	"context"
	"fmt"
	"os"

	"mdfa/algo/predict"
	"mdfa/algo/training"
	"mdfa/gpu/cpu"
	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// stripes is a data set of n images a split in memory: of 6 by 6 pixels, with one bright row.
// The row is the class.
func stripes(n int) *loaders.Dataset {
	const side, classes = 6, 3
	split := func() loaders.Split {
		s := loaders.Split{Images: make([]uint8, n*side*side), Labels: make([]int32, n)}
		for i := range n {
			class := i % classes
			s.Labels[i] = int32(class)
			for x := range side {
				s.Images[(i*side+2*class)*side+x] = uint8(200 + i%50)
			}
		}
		return s
	}
	return &loaders.Dataset{
		Name: "stripes", Height: side, Width: side, Channels: 1, Classes: classes,
		Train: split(), Valid: split(), Test: split(), Source: "made up",
	}
}

// printer follows a run.
type printer struct{ run.Ignore }

func (printer) Started(s *run.Start) {
	fmt.Printf("%v on %s, %d epochs of %d steps\n", s.Facts.Rule, s.Data.Name, s.Epochs, s.StepsPerEpoch)
	if s.Resumed != nil {
		fmt.Printf("resumed after %d steps\n", s.Resumed.Progress.Steps())
	}
}

func (printer) Epoch(e training.Epoch) error {
	fmt.Printf("epoch %d, trained and validated on %.0f and %.0f images\n", e.Number, e.Train.Count, e.Valid.Count)
	return nil
}

// A program makes a run on its own data, watches it, resumes it for longer, and reads what
// it left.
func Example() {
	ctx := context.Background()
	results, err := os.MkdirTemp("", "results")
	check(err)
	defer os.RemoveAll(results)
	dev := cpu.Open()
	defer func() { _ = dev.Close() }()
	options := run.Options{Device: dev, Data: stripes(300), Followers: []run.Follower{printer{}}}

	spec := run.Defaults()
	spec.Model, spec.Layers, spec.LR, spec.BatchSize, spec.MaxEpochs, spec.Out = "mdfa", "16", 0.01, 10, 2, results
	r, err := run.New(spec, options)
	check(err)
	first, err := r.Train(ctx)
	check(err)

	more := run.Defaults() // what stays at its default is inherited
	more.MaxEpochs = 4
	r, err = run.Resume(ctx, first.Start.Dir, more, options)
	check(err)
	second, err := r.Train(ctx)
	check(err)

	left, err := folder.Read(ctx, second.Start.Dir)
	check(err)
	fmt.Printf("%s: %d epochs, -lr %s, resumed %d time, test %.0f%%\n",
		left.Status(), len(left.Epochs), left.Run.Flags["lr"], len(left.Run.Resumed), 100*second.Test.Accuracy())
	// Output:
	// mdfa on stripes, 2 epochs of 30 steps
	// epoch 1, trained and validated on 300 and 300 images
	// epoch 2, trained and validated on 300 and 300 images
	// mdfa on stripes, 4 epochs of 30 steps
	// resumed after 60 steps
	// epoch 3, trained and validated on 300 and 300 images
	// epoch 4, trained and validated on 300 and 300 images
	// complete: 4 epochs, -lr 0.01, resumed 1 time, test 100%
}

// A program loads the best weights of a run, and has the network name the classes of images.
func Example_predict() {
	ctx := context.Background()
	results, err := os.MkdirTemp("", "results")
	check(err)
	defer os.RemoveAll(results)
	dev := cpu.Open()
	defer func() { _ = dev.Close() }()
	data := stripes(300)
	spec := run.Defaults()
	spec.Layers, spec.LR, spec.BatchSize, spec.MaxEpochs, spec.Out = "16", 0.01, 10, 2, results
	r, err := run.New(spec, run.Options{Device: dev, Data: data})
	check(err)
	outcome, err := r.Train(ctx)
	check(err)

	trained, err := checkpoint.LoadWeights(ctx, outcome.Start.Dir, checkpoint.Best)
	check(err)
	network, err := predict.New(dev, trained.Network, trained.Params, 2)
	check(err)
	defer func() { _ = network.Close() }()
	logits, err := network.Logits(data.Test.Images[:2*6*6]) // two images
	check(err)
	for i := range 2 {
		scores := predict.Scores(logits[3*i : 3*i+3])
		fmt.Printf("class %d, predicted %d\n", data.Test.Labels[i], scores.Top(1)[0])
	}
	// Output:
	// class 0, predicted 0
	// class 1, predicted 1
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
