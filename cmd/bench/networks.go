package bench

import (
	"fmt"
	"math/rand/v2"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/gpu"
	"mdfa/model"
)

// dataset holds the properties of a data set that matter to a step: the shape of its images
// and the number of classes.
type dataset struct {
	name    string
	input   model.Shape
	classes int
	// batches is the number of made-up batches on the device; an epoch visits each once.
	batches int
}

var mnist = dataset{name: "mnist", input: model.Shape{H: 28, W: 28, C: 1}, classes: 10, batches: 64}

// datasets lists the data sets that can be timed. ImageNet's images are large, so few of them suffice.
var datasets = []dataset{
	mnist,
	{name: "cifar", input: model.Shape{H: 32, W: 32, C: 3}, classes: 10, batches: 64},
	{name: "imagenet", input: model.Shape{H: 224, W: 224, C: 3}, classes: 1000, batches: 4},
}

// nets lists the kinds of networks: fully connected and convolutional.
var nets = []string{"fc", "conv"}

// workload is the network, rule and batch size of a cell.
type workload struct {
	data  dataset
	net   string // of nets
	rule  *algo.Rule
	batch int
}

// String names the workload as tables do: "mnist-fc mdfa 64".
func (w workload) String() string { return fmt.Sprintf("%s %v %d", w.network(), w.rule, w.batch) }

// network joins the data set's and the network's name: "mnist-fc".
func (w workload) network() string { return w.data.name + "-" + w.net }

// build returns the paper's network for the data set.
func (w workload) build() (*model.Network, error) {
	return model.Default(w.data.input, w.net == "conv", w.data.classes, gpu.Tanh)
}

// madeUp returns n random images with random labels.
func (d dataset) madeUp(n int) feed.Examples {
	rng := rand.New(rand.NewPCG(1, 2))
	e := feed.Examples{Images: make([]uint8, n*d.input.Size()), Labels: make([]int32, n)}
	for i := range e.Images {
		e.Images[i] = uint8(rng.Uint32())
	}
	for i := range e.Labels {
		e.Labels[i] = rng.Int32N(int32(d.classes))
	}
	return e
}
