package prepare

import (
	"context"
	"errors"
	"sync"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
)

// preparation is a Run in progress.
type preparation struct {
	dir    string
	source *Source
	opt    Options
	plan   shards.Plan

	total  int64 // amount of all splits
	before int64 // amount of the splits that are done
	kept   int64 // of all that is done: from earlier runs
}

// job is a photo on its way from the reader through a worker to the writer.
type job struct {
	photo  Photo
	record []byte
	err    error
	ready  chan struct{} // closed when record or err is there
}

// inFlight is the number of photos in memory for each worker: one at work, one that
// waits, and those that wait for a slower one before them.
const inFlight = 4

// split prepares one split: a reader gives jobs to the workers and, in the same order,
// to the writer.
func (p *preparation) split(ctx context.Context, name string) (shards.Split, error) {
	plan := p.plan
	plan.Again = p.source.again(ctx, name)
	writer, err := shards.NewWriter(p.dir, name, plan)
	if err != nil {
		return shards.Split{}, err
	}
	defer writer.Close()
	if err := p.checkStrict(writer.Skipped()); err != nil {
		return shards.Split{}, err
	}
	p.kept += p.source.part(name).before(writer.At())

	ctx, stop := context.WithCancel(ctx)
	toWork := make(chan *job)
	toWrite := make(chan *job, inFlight*p.opt.Workers)
	records := make(chan []byte, cap(toWrite)) // free ones
	var crew sync.WaitGroup
	defer crew.Wait()
	defer stop() // runs before Wait

	var readErr error
	crew.Go(func() {
		defer close(toWrite)
		defer close(toWork)
		readErr = p.read(ctx, name, writer.At(), toWork, toWrite)
	})
	for range p.opt.Workers {
		crew.Go(func() {
			for j := range toWork {
				select {
				case j.record = <-records:
				default:
					j.record = make([]byte, p.plan.RecordBytes)
				}
				j.err = work(ctx, j.photo, p.opt.Size, j.record)
				close(j.ready)
			}
		})
	}

	for j := range toWrite {
		<-j.ready
		if err := p.write(writer, j); err != nil {
			return shards.Split{}, err
		}
		select {
		case records <- j.record:
		default:
		}
		p.opt.Progress(Progress{
			Split: name, Images: writer.Images(), Skipped: len(writer.Skipped()),
			Done: p.before + p.source.part(name).before(writer.At()), Total: p.total, Kept: p.kept,
		})
	}
	// toWrite is closed after readErr is set.
	if readErr != nil {
		return shards.Split{}, readErr
	}
	if err := ctx.Err(); err != nil {
		return shards.Split{}, err
	}
	p.before += p.source.part(name).amount
	return writer.Finish()
}

// read walks the source. A photo goes to the writer's queue first: when that is full, no
// more photos are read until the oldest is written.
func (p *preparation) read(ctx context.Context, split string, from shards.Position, toWork, toWrite chan<- *job) error {
	for photo, err := range p.source.part(split).photos(ctx, from) {
		if err != nil {
			return err
		}
		j := &job{photo: photo, ready: make(chan struct{})}
		select {
		case toWrite <- j:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case toWork <- j:
		case <-ctx.Done():
			j.err = ctx.Err()
			close(j.ready)
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// work makes a record of a photo.
func work(ctx context.Context, photo Photo, size int, record []byte) error {
	file, free, err := photo.Load(ctx)
	if err != nil {
		return err
	}
	defer free()
	return imageprep.Prepare(ctx, file, size, record)
}

// write adds a job's record to the shards, or records that its photo is left out.
func (p *preparation) write(writer *shards.Writer, j *job) error {
	switch {
	case j.err == nil:
		return writer.Add(j.record, p.source.labels[j.photo.Class], j.photo.Name, j.photo.Next)
	case !errors.Is(j.err, imageprep.ErrImage) && !unreadable(j.err):
		return loadFault(j.photo.Name, j.err)
	}
	left := shards.Skipped{File: j.photo.Name, Reason: disk.Reason(j.err).Error()}
	if err := p.checkStrict([]shards.Skipped{left}); err != nil {
		return err
	}
	writer.Skip(left, j.photo.Next)
	return nil
}

// checkStrict refuses images that were left out if the user asked for that.
func (p *preparation) checkStrict(left []shards.Skipped) error {
	if !p.opt.Strict || len(left) == 0 {
		return nil
	}
	return fault.New(shards.ErrFormat, nil, "%s cannot be read (%s): mend or remove it, or leave -strict out to go on without such images.",
		foreign.Text(left[0].File), foreign.Text(left[0].Reason))
}
