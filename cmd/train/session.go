package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/foreign"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// session is a run from its folder on: what trains, and what is kept of it.
type session struct {
	plan    *plan
	out     *console
	data    *loaders.Dataset
	net     *model.Network
	info    gpu.Info
	memory  memoryPlan
	start   time.Time // of the run, also if it goes on
	keep    *keeper
	trainer *algo.Trainer
}

// begin opens what writes while the run trains, and completes run.json.
func (s *session) begin(placed algo.Data) (err error) {
	p, k := s.plan, s.keep
	if k.aligned, err = newAlignmentLog(p, s.net, k.run, p.origin.steps()); err != nil {
		return err
	}
	if k.reporter, err = newReporter(p, s.data, k); err != nil {
		return err
	}
	if s.start, err = k.begin(p.origin, s.info, s.start); err != nil {
		return err
	}
	k.board, err = newBoard(p, s.trainer, s.net, placed, k.run.Dir(), p.facts(s.data, s.net, s.info).String())
	return err
}

func (s *session) cells(r algo.Result, o outcome) []folder.Cell {
	return resultCells(s.plan, s.data, s.net, s.info, r, o, s.start)
}

// end writes what the run came to, prints it, and returns the one error that counts most: why
// the training failed, or what could not be written.
func (s *session) end(result algo.Result, failure error) error {
	k, run := s.keep, s.keep.run
	if err := k.aligned.save(); err != nil && failure == nil {
		failure = err // a run without these rows is not complete
	}
	if errors.Is(failure, algo.ErrDiverged) && k.saved {
		failure = fmt.Errorf("%s; %s holds the state %s: %w", wording.Clause(failure),
			filepath.Join(run.Dir(), checkpoint.Folder, checkpoint.LastFile), after(k.reached), algo.ErrDiverged)
	}
	o := ending(failure, result)
	cells := s.cells(result, o)
	written := run.Finish(cells)
	logRun(s.plan.Out, run, cells, s.out)
	shown := k.board.close(result)
	page, unreported := "", error(nil)
	if written == nil {
		page, unreported = k.reporter.write()
		unreported = cmp.Or(explainReport(unreported), shown)
	}
	s.print(result, o, written == nil, page)

	switch o.status {
	case statusComplete:
		if written == nil && s.plan.Profile {
			err := profile(s.trainer, s.plan, s.net, s.info, result, run, s.out)
			return cmp.Or(explain(err, s.memory, s.info), unreported)
		}
		return cmp.Or(written, unreported)
	case statusInterrupted:
		if lost := cmp.Or(k.unsaved, unreported, written); lost != nil {
			return fmt.Errorf("%w %s: %w", errInterrupted, o.reason, lost)
		}
		return fmt.Errorf("%w %s: the results so far are written", errInterrupted, o.reason)
	}
	return failure // it came before whatever kept the result from being written
}

func (s *session) print(result algo.Result, o outcome, written bool, page string) {
	run := s.keep.run
	s.out.printOutcome(s.data, result, run, written, page)
	s.out.outcomeEvent(s.data, result, o, run)
	s.keep.aligned.print(s.out)
	if o.status == statusInterrupted && s.keep.saved {
		s.out.whole(s.out.label("resume") + "to go on: " + foreign.Command(s.plan.command[0], "-resume", run.Dir()))
	}
}
