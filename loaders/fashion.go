package loaders

import (
	"context"

	"mdfa/internal/fetch"
)

// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) has MNIST's format and file
// names; only its pictures and its publisher differ.
const fashionAddress = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

// fashionFiles are in the order of idxNames; the publisher gives their MD5.
var fashionFiles = []fetch.File{
	{Name: "train-images-idx3-ubyte.gz", Size: 26_421_880, MD5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
	{Name: "train-labels-idx1-ubyte.gz", Size: 29_515, MD5: "25c81989df183df01b3e8a0aad5dffbe"},
	{Name: "t10k-images-idx3-ubyte.gz", Size: 4_422_102, MD5: "bef4ecab320f06d8554ea6380940ec79"},
	{Name: "t10k-labels-idx1-ubyte.gz", Size: 5_148, MD5: "bb300cfdad3c16e7a12a480ee83cd310"},
}

func init() {
	register(definition{
		name: "fashion-mnist", height: mnistSide, width: mnistSide, channels: 1, classes: mnistClasses,
		classNames: []string{
			"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
			"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
		},
		read: func(ctx context.Context, opt Options) (contents, error) { return readFashion(ctx, opt, fashionFiles) },
	})
}

// readFashion reads the files that are there, or fetches them first. files are in
// the order of idxNames.
func readFashion(ctx context.Context, opt Options, files []fetch.File) (contents, error) {
	return readPublished(ctx, "fashion-mnist", opt, files, func() ([]string, string, error) {
		return fetchSet(ctx, "fashion-mnist", fashionAddress, files, opt)
	})
}
