package main

import (
	"context"
	"fmt"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/fetch/display"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/model"
)

// Where the images are while a run trains: the values of -cache.
const (
	cacheAuto = "auto" // on the device if they fit
	cacheOn   = "on"
	cacheOff  = "off" // streamed: brought to the device batch by batch
)

func (p *plan) readCache() error {
	switch p.cache {
	case cacheAuto, cacheOn, cacheOff:
		return nil
	}
	return usagef("-cache %s: expected %s, %s or %s.", wording.Shown(p.cache), cacheAuto, cacheOn, cacheOff)
}

// load reads the data set. What takes long, a download or the preparation of pictures,
// is shown meanwhile.
func (p *plan) load(ctx context.Context, out *console) (*loaders.Dataset, error) {
	options := loaders.Options{Dir: p.data, Classes: p.classes, Coarse: p.coarse, Size: p.size, Seed: p.seed}
	if !out.quiet && !out.json {
		show := display.New(out.file, out.terminal)
		defer show.Close()
		options.Progress = show.Report
	}
	data, err := loaders.Load(ctx, p.dataset, options)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w before training began", errInterrupted)
	case err != nil:
		return nil, err
	}
	p.notes = append(p.notes, data.Notes...)
	if n := data.Train.Len(); n < p.batch {
		return nil, usagef("-batch_size %d is larger than the %s training images: take a smaller one.", p.batch, comma(n))
	}
	return data, nil
}

// examples are a split, with its images resident on the device or streamed to it.
func examples(s *loaders.Split, features int, resident bool) algo.Examples {
	e := algo.Examples{Images: s.Images, Labels: s.Labels, Resident: resident}
	if s.Source != nil {
		e.Source = s.Source
	} else if !resident && s.Len() > 0 {
		e.Images, e.Source = nil, algo.InMemory(s.Images, features)
	}
	return e
}

// arrange decides where the images are, and plans the memory for it: on the device if
// they are told to or fit there, else streamed. It fails, before anything is allocated,
// where the run would not fit either way.
func (p *plan) arrange(net *model.Network, data *loaders.Dataset, dev gpu.Info) (algo.Data, memoryPlan, error) {
	place := func(resident bool) (algo.Data, memoryPlan) {
		features := net.Input.Size()
		d := algo.Data{
			Train: examples(&data.Train, features, resident),
			Valid: examples(&data.Valid, features, resident),
			Test:  examples(&data.Test, features, resident),
		}
		memory := planMemory(net, p.config, d, dev, p.alignment > 0)
		if p.tensorboard {
			memory = append(memory, need{what: "tensorboard", bytes: algo.ProbeBytes(net, probed(net, p.batch))})
		}
		return d, memory
	}
	if p.cache == cacheOff {
		placed, memory := place(false)
		return placed, memory, memory.check(dev)
	}
	placed, memory := place(true)
	err := memory.check(dev)
	if err == nil || p.cache == cacheOn {
		return placed, memory, err
	}
	if streamed, less := place(false); less.check(dev) == nil {
		return streamed, less, nil
	}
	return placed, memory, err
}

// cacheText says where the images are, where that is not plain.
func (p *plan) cacheText(d algo.Data, data *loaders.Dataset) string {
	streamed := d.Train.Source != nil && !d.Train.Resident
	switch {
	case streamed && p.cache == cacheOff:
		return "images are streamed to the device, as -cache off asks"
	case streamed:
		return "images are streamed to the device: they do not fit into its memory"
	case data.Train.Source != nil || p.given["cache"]:
		return "images stay on the device"
	}
	return ""
}
