package predict

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mdfa/algo/feed"
	"mdfa/cmd/internal/cli"
	"mdfa/internal/disk"
	"mdfa/internal/imageprep"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/checkpoint"
)

// open finds the images of the command line.
func open(ctx context.Context, o options, c *checkpoint.Checkpoint) (*images, error) {
	if o.split != "" {
		return openSplit(ctx, o, c)
	}
	l := lister{ctx: ctx, data: c.Data, images: &images{ctx: ctx, input: c.Network.Input, invert: o.invert}}
	for _, path := range o.images {
		if err := l.add(path); err != nil {
			return nil, err
		}
	}
	if err := l.pair(); err != nil {
		return nil, err
	}
	if l.images.len() == 0 {
		return nil, cli.Usagef("%s hold no images: expected JPEG, PNG, idx or CIFAR files.", strings.Join(o.images, ", "))
	}
	l.images.faults = make([]error, l.images.len())
	l.notes()
	return l.images, nil
}

// lister collects images of files and folders.
type lister struct {
	ctx         context.Context
	data        checkpoint.Data
	images      *images
	many        []fileOfMany
	labels      []fileOfLabels
	photographs int
	skipped     int // files in folders, skipped since they are no images
	fitted      model.Shape
}

// fileOfMany is an idx or CIFAR file, whose images follow each other in the list.
type fileOfMany struct {
	path     string
	from, n  int
	labelled bool
}

type fileOfLabels struct {
	path   string
	labels []int32
}

// add adds the file or folder of an argument.
func (l *lister) add(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.fault(path, errors.New("there is no such file or folder"))
		return nil
	case err != nil:
		l.fault(path, disk.Reason(err))
		return nil
	case !info.IsDir():
		return l.file(path, "", unknown)
	}
	var files []string
	err = filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && at == path:
			return err
		case err != nil:
			l.fault(at, disk.Reason(err))
			return nil
		case at != path && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
		case !entry.IsDir():
			files = append(files, at)
		}
		return l.ctx.Err()
	})
	if err != nil && l.ctx.Err() != nil {
		return err
	}
	if err != nil {
		l.fault(path, disk.Reason(err))
	}
	slices.Sort(files)
	for _, file := range files {
		if err := l.file(file, path, l.classOf(path, file)); err != nil {
			return err
		}
	}
	return nil
}

// classOf returns the class that has the name of a folder from file up to root, the innermost first.
func (l *lister) classOf(root, file string) int32 {
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		for class := range l.data.Classes {
			if filepath.Base(disk.Absolute(dir)) == l.data.ClassName(class) {
				return int32(class)
			}
		}
		if dir == root || dir == filepath.Dir(dir) || len(dir) < len(root) {
			return unknown
		}
	}
}

// file adds a file of the folder root, or an argument if root is "". In a folder it skips files that
// are no images, unless they have the name of one.
func (l *lister) file(path, root string, label int32) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	begin, err := beginning(path)
	if err != nil {
		l.fault(path, disk.Reason(err))
		return nil
	}
	if format := imageprep.Sniff(begin); format == imageprep.JPEG || format == imageprep.PNG {
		l.photographs++
		l.push(picture{name: path, path: path}, label)
		return nil
	}
	kind, err := loaders.KindOf(path)
	if err != nil {
		l.fault(path, err)
		return nil
	}
	switch kind {
	case loaders.IDXImages, loaders.CIFARBatch:
		l.ofMany(path, kind)
	case loaders.IDXLabels:
		labels, err := loaders.ReadIDXLabels(l.ctx, path)
		if err != nil {
			l.fault(path, err)
			return l.ctx.Err()
		}
		l.labels = append(l.labels, fileOfLabels{path, labels})
	case loaders.NoPictures:
		if root != "" && !looksLikeImage(path) {
			l.skipped++
			return nil
		}
		l.push(picture{name: path, path: path}, label) // imageprep says what is wrong with it
	}
	return l.ctx.Err()
}

func looksLikeImage(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".jpg", ".jpeg", ".png":
		return true
	}
	return false
}

// beginning reads enough of a file to tell its format.
func beginning(path string) ([]byte, error) {
	file, _, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	begin := make([]byte, 512)
	n, err := file.Read(begin)
	if n == 0 && err != nil && err != io.EOF {
		return nil, err
	}
	return begin[:n], nil
}

// ofMany reads a file of many images.
func (l *lister) ofMany(path string, kind loaders.Kind) {
	var p *loaders.Pictures
	var err error
	if kind == loaders.IDXImages {
		p, err = loaders.ReadIDXImages(l.ctx, path)
	} else {
		p, err = loaders.ReadCIFARBatch(l.ctx, path, l.data.Name, l.data.Coarse)
	}
	if err != nil {
		l.fault(path, err)
		return
	}
	shape := model.Shape{H: p.Height, W: p.Width, C: p.Channels}
	if shape != l.images.input {
		l.fitted = shape
	}
	n := len(p.Images) / shape.Size()
	l.many = append(l.many, fileOfMany{path: path, from: l.images.len(), n: n, labelled: p.Labels != nil})
	for i := range n {
		label := int32(unknown)
		if p.Labels != nil {
			label = l.class(p.Labels[i])
		}
		l.push(picture{name: fmt.Sprintf("%s#%d", path, i), pixels: p.Images[i*shape.Size() : (i+1)*shape.Size()], shape: shape}, label)
	}
}

// class returns the network's class of a label in the files, or unknown.
func (l *lister) class(label int32) int32 {
	if l.data.ClassOrder == nil {
		return label
	}
	return int32(slices.Index(l.data.ClassOrder, int(label)))
}

func (l *lister) push(p picture, label int32) {
	l.images.list = append(l.images.list, p)
	l.images.labels = append(l.images.labels, label)
}

// fault keeps a path that cannot be read in the list, so that it is reported in its turn.
func (l *lister) fault(path string, err error) {
	l.push(picture{name: path, fault: err}, unknown)
}

// pair gives the labels of idx files to the idx files with as many images, in order.
func (l *lister) pair() error {
	for _, labels := range l.labels {
		at := slices.IndexFunc(l.many, func(m fileOfMany) bool { return !m.labelled && m.n == len(labels.labels) })
		if at < 0 {
			return cli.Usagef("%s holds %d labels, and no file of images that was named with it has as many: name the one that they belong to, too.",
				labels.path, len(labels.labels))
		}
		l.many[at].labelled = true
		for i, label := range labels.labels {
			l.images.labels[l.many[at].from+i] = l.class(label)
		}
	}
	return nil
}

// notes says how the images are fitted.
func (l *lister) notes() {
	in := l.images.input
	if l.photographs > 0 {
		text := fmt.Sprintf("photographs: the centre square, resized to %dx%d", in.H, in.W)
		if in.C == 1 {
			text += ", made grey"
		}
		if l.images.invert {
			text += ", black and white exchanged"
		}
		l.images.notes = append(l.images.notes, text)
	}
	if l.fitted != (model.Shape{}) {
		l.images.notes = append(l.images.notes, fmt.Sprintf("images of %v are fitted to %v", l.fitted, in))
	}
	if l.skipped > 0 {
		l.images.notes = append(l.images.notes, fmt.Sprintf("%d files in the folders are no images and were passed over", l.skipped))
	}
}

// openSplit loads the run's own data set and takes a split of it, cut as in training.
func openSplit(ctx context.Context, o options, c *checkpoint.Checkpoint) (*images, error) {
	data, err := loaders.Load(ctx, c.Data.Name, loaders.Options{
		Dir: cmp.Or(o.data, c.Flags["data"]), Classes: strconv.Itoa(c.Data.Classes), ClassOrder: c.Data.ClassOrder,
		Coarse: c.Data.Coarse, Size: sizeFlag(c), Seed: c.Seed,
	})
	if err != nil {
		return nil, err
	}
	if err := sameData(data, c.Data); err != nil {
		return nil, err
	}
	split := map[string]*loaders.Split{splitTrain: &data.Train, splitValid: &data.Valid, splitTest: &data.Test}[o.split]
	if split.Len() == 0 {
		return nil, fmt.Errorf("-split %s: %s has no such images", o.split, c.Data.Name)
	}
	e := &feed.Examples{Images: split.Images, Labels: split.Labels}
	if split.Source != nil {
		e.Source = split.Source
	}
	return &images{split: e, name: o.split, labels: split.Labels, faults: make([]error, split.Len()), input: c.Network.Input}, nil
}

// sizeFlag returns the run's -size, 0 if it was not given.
func sizeFlag(c *checkpoint.Checkpoint) int {
	size, err := strconv.Atoi(c.Flags["size"])
	if err != nil {
		return 0
	}
	return size
}

// sameData refuses data that the network was not trained on: the accuracy would be one over other
// images.
func sameData(data *loaders.Dataset, want checkpoint.Data) error {
	if got := data.Checksum(); got != want.Checksum {
		return fmt.Errorf("%s in %s is not what the network was trained on: its checksum is %.12s…, and training saw %.12s…: name the folder of those files with -data",
			data.Name, data.Source, got, want.Checksum)
	}
	return nil
}
