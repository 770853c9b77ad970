package train

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"mdfa/cmd/internal/cli"
	"mdfa/ranks"
	"mdfa/run"
	"mdfa/run/device"
)

// together joins the ranks that a launcher has started, and trains on all of them: lead on rank 0, which prints and
// writes, and on the others what it tells them. Without a launcher, lead trains alone. GPUs need no MPI.
func together(ctx context.Context, name string, lead func(g *ranks.Group) error) error {
	g, err := ranks.Join(ctx, ranks.Options{Report: report, NoAllReduce: device.OnGPU(device.Kind(name))})
	var fault *ranks.Fault
	switch {
	case errors.As(err, &fault):
		return spoken{err}
	case err != nil:
		return err
	case g.Size() == 1:
		return lead(nil)
	}
	var ending sync.Mutex // held by whoever ends the program
	go endWith(g, &ending)
	if g.Rank() == 0 {
		err = lead(g)
	} else {
		err = run.Follow(ctx, run.Options{Ranks: g})
	}
	defer ending.Lock()
	if errors.Is(err, run.ErrInterrupted) { // all of them are, after the same step
		if left := g.Leave(nil); left != nil {
			return spoken{left}
		}
		if g.Rank() == 0 {
			return err
		}
		return spoken{err}
	}
	if err = g.Leave(err); err != nil {
		return spoken{err}
	}
	return nil
}

// report prints what ended the ranks, on one of them. An error of this rank needs no name of a rank.
func report(f *ranks.Fault) {
	var err error = f
	if own := f.Unwrap(); own != nil && f.Rank == 0 {
		err = own
	}
	cli.Report("train", err, os.Stdout, os.Stderr)
}

// endWith ends the program some time after another rank has failed, whatever it is waiting for or computing. The files
// of a run are whole at any time.
func endWith(g *ranks.Group, ending *sync.Mutex) {
	<-g.Context().Done()
	time.Sleep(2 * time.Second)
	ending.Lock()
	os.Exit(cli.ExitCode(context.Cause(g.Context())))
}

// spoken is an error that a rank has printed, or another rank does.
type spoken struct{ error }

func (s spoken) Unwrap() error { return s.error }

// Silent marks it for [cli.Report].
func (spoken) Silent() {}
