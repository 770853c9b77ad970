package model_test

import (
	"fmt"

	"mdfa/gpu"
	"mdfa/model"
)

// LeNet-5 with max pooling, and its initial weights under the names that files give them.
func Example() {
	filters, err := model.ParseFilters("6:5:1:2,max:2:2,16:5:1,max:2:2")
	check(err)
	net, err := model.New(model.Shape{H: 28, W: 28, C: 1}, filters, []int{120, 84}, 10, gpu.Tanh)
	check(err)
	params, err := net.InitialParams(model.Init{Dist: gpu.DrawSymmetric, Value: 1}, false, 0) // U1, seed 0
	check(err)
	fmt.Printf("%v, %d weights\n", net, net.Weights())
	for _, t := range net.Split(params) {
		fmt.Println(t.Name, t.Shape)
	}
	// Output:
	// 28x28x1 -> conv 6 5/1 pad 2, max 2/2 -> conv 16 5/1, max 2/2 -> dense 120 -> dense 84 -> dense 10, 61706 weights
	// layers.0.weight [5 5 1 6]
	// layers.0.bias [6]
	// layers.1.weight [5 5 6 16]
	// layers.1.bias [16]
	// layers.2.weight [400 120]
	// layers.2.bias [120]
	// layers.3.weight [120 84]
	// layers.3.bias [84]
	// layers.4.weight [84 10]
	// layers.4.bias [10]
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
