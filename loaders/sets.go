package loaders

import "mdfa/internal/fetch"

// The data sets, with the files, sizes and MD5 sums that their publishers give. A new set in the format
// of MNIST or CIFAR is one more entry.

var idxSets = []idxSet{mnist, fashionMNIST}

// mnist is MNIST (LeCun, Cortes, Burges 1998) on the server from which torchvision fetches it.
var mnist = idxSet{
	name: "mnist", address: "https://ossci-datasets.s3.amazonaws.com/mnist/", inModule: true,
	files: []fetch.File{
		{Name: "train-images-idx3-ubyte.gz", Size: 9_912_422, MD5: "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
		{Name: "train-labels-idx1-ubyte.gz", Size: 28_881, MD5: "d53e105ee54ea40749a09fcbcd1e9432"},
		{Name: "t10k-images-idx3-ubyte.gz", Size: 1_648_877, MD5: "9fb629c4189551a2d022fa330f9573f3"},
		{Name: "t10k-labels-idx1-ubyte.gz", Size: 4_542, MD5: "ec29112dd5afa0611ce80d1b7f02629c"},
	},
}

// fashionMNIST is Fashion-MNIST (Xiao, Rasul, Vollgraf 2017).
var fashionMNIST = idxSet{
	name: "fashion-mnist", address: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
	files: []fetch.File{
		{Name: "train-images-idx3-ubyte.gz", Size: 26_421_880, MD5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
		{Name: "train-labels-idx1-ubyte.gz", Size: 29_515, MD5: "25c81989df183df01b3e8a0aad5dffbe"},
		{Name: "t10k-images-idx3-ubyte.gz", Size: 4_422_102, MD5: "bef4ecab320f06d8554ea6380940ec79"},
		{Name: "t10k-labels-idx1-ubyte.gz", Size: 5_148, MD5: "bb300cfdad3c16e7a12a480ee83cd310"},
	},
	classNames: []string{
		"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
		"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
	},
}

// cifarAddress publishes CIFAR-10 and CIFAR-100 (Krizhevsky 2009).
const cifarAddress = "https://www.cs.toronto.edu/~kriz/"

var cifarSets = []cifarSet{
	{
		name:    "cifar10",
		address: cifarAddress,
		archive: fetch.File{Name: "cifar-10-binary.tar.gz", Size: 170_052_171, MD5: "c32a1d4ab5d03f1284b67883e8d87530"},
		folder:  "cifar-10-batches-bin",
		train:   []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
		test:    "test_batch.bin",
		labels:  []cifarLabel{{classes: 10, names: "batches.meta.txt"}},
		python: &cifarSet{
			name:    "cifar10",
			address: cifarAddress,
			archive: fetch.File{Name: "cifar-10-python.tar.gz", Size: 170_498_071, MD5: "c58f30108f718f92721af3b95e74349a"},
			folder:  "cifar-10-batches-py",
			train:   []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
			test:    "test_batch",
			labels:  []cifarLabel{{10, "batches.meta", cifarKeys{"labels", "label_names"}}},
			pickled: true,
		},
	},
	{
		name:    "cifar100",
		address: cifarAddress,
		archive: fetch.File{Name: "cifar-100-binary.tar.gz", Size: 168_513_733, MD5: "03b5dce01913d631647c71ecec9e9cb8"},
		folder:  "cifar-100-binary",
		train:   []string{"train.bin"},
		test:    "test.bin",
		labels:  []cifarLabel{{classes: 20, names: "coarse_label_names.txt"}, {classes: 100, names: "fine_label_names.txt"}},
		python: &cifarSet{
			name:    "cifar100",
			address: cifarAddress,
			archive: fetch.File{Name: "cifar-100-python.tar.gz", Size: 169_001_437, MD5: "eb9058c3a382ffc7106e4002c42a8d85"},
			folder:  "cifar-100-python",
			train:   []string{"train"},
			test:    "test",
			labels: []cifarLabel{
				{20, "meta", cifarKeys{"coarse_labels", "coarse_label_names"}},
				{100, "meta", cifarKeys{"fine_labels", "fine_label_names"}},
			},
			pickled: true,
		},
	},
}

// registry holds the data sets by name.
var registry = func() map[string]definition {
	sets := map[string]definition{
		imageNet: {name: imageNet, sized: true, read: readImageNet},
		Folder:   {name: Folder, sized: true, read: readFolder},
	}
	for _, set := range idxSets {
		sets[set.name] = set.definition()
	}
	for _, set := range cifarSets {
		sets[set.name] = set.definition()
	}
	return sets
}()
