package main

import (
	"context"
	"fmt"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/figures"
	"mdfa/internal/progress"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/settings"
)

// load reads the data set. What takes long, a download or the preparation of pictures,
// is shown meanwhile.
func (p *plan) load(ctx context.Context, out *console) (*loaders.Dataset, error) {
	options := loaders.Options{Dir: p.Data, Classes: p.Classes, Coarse: p.Coarse, Size: p.Size, Seed: p.Seed}
	if !out.quiet && !out.json {
		show := progress.NewDisplay(out.file, out.terminal)
		defer show.Close()
		options.Progress = show.Report
	}
	data, err := loaders.Load(ctx, p.Dataset, options)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w before training began", errInterrupted)
	case err != nil:
		return nil, err
	}
	p.notes = append(p.notes, data.Notes...)
	if n := data.Train.Len(); n < p.BatchSize {
		return nil, usagef("-batch_size %d is larger than the %s training images: take a smaller one.", p.BatchSize, figures.Count(n))
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
		memory := planMemory(net, p.config, d, dev, p.Alignment > 0)
		if p.TensorBoard {
			memory = append(memory, need{what: "tensorboard", bytes: algo.ProbeBytes(net, probed(net, p.BatchSize))})
		}
		return d, memory
	}
	if p.Cache == settings.CacheOff {
		placed, memory := place(false)
		return placed, memory, memory.check(dev)
	}
	placed, memory := place(true)
	err := memory.check(dev)
	if err == nil || p.Cache == settings.CacheOn {
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
	case streamed && p.Cache == settings.CacheOff:
		return "images are streamed to the device, as -cache off asks"
	case streamed:
		return "images are streamed to the device: they do not fit into its memory"
	case data.Train.Source != nil || p.Chosen("cache"):
		return "images stay on the device"
	}
	return ""
}
