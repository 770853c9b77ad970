package loaders

import (
	"fmt"

	"mdfa/internal/fault"
)

// validationFraction of the training images, rounded down, is held out.
const validationFraction = 0.15

// arrange takes the class subset of both files and cuts the validation split.
//
// It follows the two steps of the paper's code, each of which starts from a
// fresh RandomState(seed):
//
//  1. for the training and for the test file: the classes are the first k of
//     permutation(all), see draw; their images are put class by class in that order,
//     each class in file order, and shuffled by the next permutation of the
//     same state;
//  2. permutation(n) shuffles the training images again, and the first
//     int(0.15 n) of them become the validation split.
//
// If there are validation files, step 1 takes them as well, and step 2
// cuts no images. If the classes are picked by another seed or named, order differs from
// step 1, and nothing else.
func arrange(def definition, held contents, order []int, seed uint32) (*Dataset, error) {
	train, test := held.train, held.test
	data := &Dataset{
		Name:     def.name,
		Height:   def.height,
		Width:    def.width,
		Channels: def.channels,
		Classes:  len(order),
	}
	trainRows := subset(train.labels, def.classes, order, seed)
	testRows := subset(test.labels, def.classes, order, seed)
	if len(trainRows) == 0 || len(testRows) == 0 {
		return nil, fault.New(ErrFormat, nil,
			"%s: %d training and %d test images have one of the labels %v; both need some: give more or other -classes, or complete files.",
			def.name, len(trainRows), len(testRows), order)
	}
	data.ClassOrder = order
	for _, label := range order {
		if def.classNames != nil {
			data.ClassNames = append(data.ClassNames, def.classNames[label])
		}
	}

	shuffled := pick(trainRows, newRandomState(seed).permutation(len(trainRows)))
	cut := int(validationFraction * float64(len(shuffled)))
	if held.valid.labels != nil {
		cut = 0
	}

	newLabel := make([]int32, def.classes)
	for i, label := range order {
		newLabel[label] = int32(i)
	}
	size := def.height * def.width * def.channels
	data.Valid = gather(train, shuffled[:cut], newLabel, size)
	if held.valid.labels != nil {
		validRows := subset(held.valid.labels, def.classes, order, seed)
		data.Valid = gather(held.valid, validRows, newLabel, size)
	}
	data.Train = gather(train, shuffled[cut:], newLabel, size)
	data.Test = gather(test, testRows, newLabel, size)
	return data, nil
}

// subset returns the shuffled rows of the images of the classes in order.
func subset(labels []int32, all int, order []int, seed uint32) (rows []int) {
	state := newRandomState(seed)
	state.permutation(all) // of the classes
	byLabel := make([][]int, all)
	for row, label := range labels {
		byLabel[label] = append(byLabel[label], row)
	}
	for _, label := range order {
		rows = append(rows, byLabel[label]...)
	}
	return pick(rows, state.permutation(len(rows)))
}

// pick returns rows[at[0]], rows[at[1]], ...
func pick(rows, at []int) []int {
	picked := make([]int, len(at))
	for i, j := range at {
		picked[i] = rows[j]
	}
	return picked
}

// gather makes a split of some rows of a file; size is
// that of one image in bytes. It copies images in memory; others stay in their files.
func gather(from rawSplit, rows []int, newLabel []int32, size int) Split {
	s := Split{
		Labels: make([]int32, len(rows)),
		Rows:   append([]int(nil), rows...),
	}
	for i, row := range rows {
		s.Labels[i] = newLabel[from.labels[row]]
	}
	if from.source != nil {
		s.Source = rowsOf{from.source, s.Rows}
		return s
	}
	s.Images = make([]uint8, len(rows)*size)
	for i, row := range rows {
		copy(s.Images[i*size:(i+1)*size], from.images[row*size:(row+1)*size])
	}
	return s
}

// rowsOf is the source of some rows of another source.
type rowsOf struct {
	of   ImageSource
	rows []int
}

// Image copies image i of the split.
func (r rowsOf) Image(i int, dst []uint8) error {
	if i < 0 || i >= len(r.rows) {
		return fmt.Errorf("image %d of a split of %d", i, len(r.rows))
	}
	return r.of.Image(r.rows[i], dst)
}

// Sum returns the checksum of image i, 0 for a source without checksums.
func (r rowsOf) Sum(i int) uint32 {
	if of, ok := r.of.(summed); ok {
		return of.Sum(r.rows[i])
	}
	return 0
}
