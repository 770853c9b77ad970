package loaders_test

import (
	"context"
	"fmt"

	"mdfa/loaders"
)

// The threes and eights of MNIST, with the split of seed 1.
func ExampleLoad() {
	data, err := loaders.Load(context.Background(), "mnist", loaders.Options{Classes: "3,8", Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d classes, the digits %v, %dx%d pixels\n", data.Classes, data.ClassOrder, data.Height, data.Width)
	fmt.Printf("%d train, %d validation, %d test images\n", data.Train.Len(), data.Valid.Len(), data.Test.Len())
	// Output:
	// 2 classes, the digits [3 8], 28x28 pixels
	// 10185 train, 1797 validation, 1984 test images
}
