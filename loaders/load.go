package loaders

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mdfa/internal/fault"
)

// Names lists the known data sets in alphabetical order.
func Names() []string {
	return slices.Sorted(maps.Keys(registry))
}

// Load reads a data set and cuts its splits.
//
// Wrong arguments are an ErrUsage (ErrUnknownDataset, ErrClasses, ErrOption or ErrSeed). Load finds them
// before it touches any file, unless they depend on the files. Missing or
// unfit files are ErrNotFound, ErrTruncated, ErrCorrupt, ErrFormat or ErrChecksum;
// other errors come from the operating system or from ctx. The text of each
// is one or two whole sentences for the user: the fault, the expectation, the remedy.
func Load(ctx context.Context, name string, opt Options) (*Dataset, error) {
	return load(ctx, name, opt, func(ctx context.Context, def definition, opt Options) (contents, error) { return def.read(ctx, opt) })
}

// load is Load with a function that reads the files.
func load(ctx context.Context, name string, opt Options, read func(context.Context, definition, Options) (contents, error)) (*Dataset, error) {
	def, seed, err := check(name, opt)
	if err != nil {
		return nil, err
	}
	held, err := read(ctx, def, opt)
	if err != nil {
		return nil, err
	}
	def = def.with(held)
	order, named, err := def.choose(opt)
	if err != nil {
		return nil, err
	}
	data, err := arrange(def, held, order, seed)
	if err != nil {
		return nil, err
	}
	data.Named = named
	data.Source, data.Official, data.Coarse = held.source, held.official, opt.Coarse
	data.LeftOut, data.Notes = held.leftOut, held.notes
	if opt.ClassSeed != nil && len(order) == def.classes {
		data.Notes = append(slices.Clip(data.Notes), fmt.Sprintf("-class_seed %d picks nothing, since %s has %d classes: it decides only which label stands for which", *opt.ClassSeed, def.name, def.classes))
	}
	return data, nil
}

// Check refuses wrong arguments of Load that show without the files.
func Check(name string, opt Options) error {
	_, _, err := check(name, opt)
	return err
}

// check is Check, and returns the definition of the data set and the seed.
func check(name string, opt Options) (def definition, seed uint32, err error) {
	def, ok := registry[name]
	if !ok {
		return def, 0, fault.New(ErrUnknownDataset, nil,
			"-dataset %q: unknown; the data sets are %s.", name, strings.Join(Names(), ", "))
	}
	if def, err = checkOptions(def, opt); err != nil {
		return def, 0, err
	}
	classes, err := opt.classes()
	if err != nil {
		return def, 0, err
	}
	if def.classes > 0 && !(classes.Names != nil && def.namesInFiles) {
		if _, _, err := def.choose(opt); err != nil {
			return def, 0, err
		}
	}
	seed, err = checkSeed("seed", opt.Seed)
	return def, seed, err
}

// checkOptions refuses options that a data set does not have, and returns
// its definition under the others.
func checkOptions(def definition, opt Options) (definition, error) {
	switch {
	case opt.Coarse && def.coarse == 0:
		return def, fault.New(ErrOption, nil,
			"-coarse: %s has no coarse labels; only cifar100 has (leave the flag out).", def.name)
	case opt.Size != 0 && !def.sized && def.height == 0:
		return def, fault.New(ErrOption, nil,
			"-size %d: the images of %s have the size that they were prepared in (leave the flag out).", opt.Size, def.name)
	case opt.Size != 0 && !def.sized:
		return def, fault.New(ErrOption, nil,
			"-size %d: the images of %s have one size, %dx%d (leave the flag out).", opt.Size, def.name, def.height, def.width)
	case opt.Coarse:
		def.classes = def.coarse
	}
	return def, nil
}

// with completes a definition by the content of the files.
func (d definition) with(held contents) definition {
	d.height = cmp.Or(held.height, d.height)
	d.width = cmp.Or(held.width, d.width)
	d.channels = cmp.Or(held.channels, d.channels)
	d.classes = cmp.Or(held.classes, d.classes)
	if held.classNames != nil {
		d.classNames, d.classIDs = held.classNames, held.classIDs
	}
	return d
}

// checkSeed refuses seeds that the generator does not take.
func checkSeed(flag string, seed int64) (uint32, error) {
	if seed < 0 || seed > maxSeed {
		return 0, fault.New(ErrSeed, nil,
			"-%s %d: the data split needs a seed from 0 to %d.", flag, seed, int64(maxSeed))
	}
	return uint32(seed), nil
}
