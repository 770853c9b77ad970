package run

import (
	"context"
	"fmt"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/settings"
)

// load reads the data set, unless the program has.
func (r *Run) load(ctx context.Context) (*loaders.Dataset, error) {
	if r.options.Data != nil {
		return r.options.Data, nil
	}
	load := loaders.Load
	if r.options.Load != nil {
		load = r.options.Load
	}
	data, err := load(ctx, r.spec.Dataset, r.images())
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w before training began", ErrInterrupted)
	}
	if err == nil && data.Named != "" {
		r.spec.Classes = data.Named
	}
	return data, err
}

// images are the options of the data set.
func (r *Run) images() loaders.Options {
	o := r.spec.LoadOptions()
	o.Progress = r.options.Progress
	return o
}

// checkData refuses settings of the data set that are wrong whatever its files hold.
func (r *Run) checkData() error {
	if r.options.Data != nil {
		return nil
	}
	return loaders.Check(r.spec.Dataset, r.images())
}

// examples returns a split, with its images resident on the device or streamed to it.
func examples(s *loaders.Split, features int, resident bool) feed.Examples {
	e := feed.Examples{Images: s.Images, Labels: s.Labels, Resident: resident}
	if s.Source != nil {
		e.Source = s.Source
	} else if !resident && s.Len() > 0 {
		e.Images, e.Source = nil, feed.InMemory(s.Images, features)
	}
	return e
}

// arrange decides where the images are, on the device if Spec.Cache says so or they fit there, or
// else streamed, and plans the memory. It fails, before anything is allocated, if the run fits
// neither way.
func (r *Run) arrange(net *model.Network, config algo.Config, data *loaders.Dataset, dev gpu.Info) (training.Data, Memory, error) {
	place := func(resident bool) (training.Data, Memory) {
		features := net.Input.Size()
		d := training.Data{
			Train: examples(&data.Train, features, resident),
			Valid: examples(&data.Valid, features, resident),
			Test:  examples(&data.Test, features, resident),
		}
		var more []Need
		if r.spec.TensorBoard {
			more = append(more, Need{What: "tensorboard", Bytes: measure.ProbeBytes(net, probed(net, r.spec.BatchSize))})
		}
		return d, planMemory(net, config, d, dev, r.spec.Alignment > 0, more...)
	}
	if r.spec.Cache == settings.CacheOff {
		placed, memory := place(false)
		return placed, memory, memory.check(dev)
	}
	placed, memory := place(true)
	err := memory.check(dev)
	if err == nil || r.spec.Cache == settings.CacheOn {
		return placed, memory, err
	}
	if streamed, less := place(false); less.check(dev) == nil {
		return streamed, less, nil
	}
	return placed, memory, err
}

// cacheText says where the images are, or "" where that is plain.
func (r *Run) cacheText(d training.Data, data *loaders.Dataset) string {
	streamed := d.Train.Streamed()
	switch {
	case streamed && r.spec.Cache == settings.CacheOff:
		return "images are streamed to the device, as -cache off asks"
	case streamed:
		return "images are streamed to the device: they do not fit into its memory"
	case data.Train.Source != nil || r.spec.Chosen("cache"):
		return "images stay on the device"
	}
	return ""
}
