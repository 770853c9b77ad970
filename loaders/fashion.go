package loaders

import (
	"context"
	"fmt"
	"strings"
)

// Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) has MNIST's format and file
// names; only its pictures and its publisher differ.
const fashionAddress = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

// fashionSums are the MD5 that the publisher gives, in the order of idxNames.
var fashionSums = [4]string{
	"8d4fb7e6c68d591d4c3dfef9ec88bf0d",
	"25c81989df183df01b3e8a0aad5dffbe",
	"bef4ecab320f06d8554ea6380940ec79",
	"bb300cfdad3c16e7a12a480ee83cd310",
}

func init() {
	register(definition{
		name: "fashion-mnist", height: mnistSide, width: mnistSide, channels: 1, classes: mnistClasses,
		classNames: []string{
			"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
			"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
		},
		read: func(ctx context.Context, dir string) (train, test rawSplit, source string, err error) {
			return readMNIST(ctx, "fashion-mnist", dir, noFashion)
		},
	})
}

// noFashion tells how to get the files by hand.
func noFashion(context.Context) (paths []string, source string, err error) {
	files := make([]string, len(idxNames))
	for i, name := range gzNames(idxNames) {
		files[i] = fmt.Sprintf("%s (MD5 %s)", name, fashionSums[i])
	}
	return nil, "", &fault{kind: ErrNotFound, text: fmt.Sprintf("%s. Put %s, from %s, %s",
		notIn("fashion-mnist"), strings.Join(files, ", "), fashionAddress, putThere("fashion-mnist"))}
}
