package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"mdfa/algo"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/internal/fault"
	"mdfa/internal/figures"
	"mdfa/internal/version"
	"mdfa/internal/wording"
	"mdfa/ranks"
	"mdfa/run/checkpoint"
	"mdfa/run/device"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// Train trains until the run is complete, ctx ends or something fails, and leaves the run's files.
// It must be called once. The outcome is nil if training did not begin.
func (r *Run) Train(ctx context.Context) (outcome *Outcome, err error) {
	defer r.Close()
	s := &session{Run: r, Start: Start{Command: r.options.Command, Notes: slices.Clone(r.notes)}}
	defer func() { err = cmp.Or(err, s.close()) }()
	if err := s.plan(ctx); err != nil {
		return nil, err
	}
	for _, f := range s.followers {
		f.Planned(&s.Start)
	}
	if err := s.begin(ctx); err != nil {
		s.folder.Discard()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w before training began", ErrInterrupted)
		}
		return nil, s.explain(err)
	}
	for _, f := range s.followers {
		f.Started(&s.Start)
	}
	s.log(s.row(folder.Outcome{Status: folder.StatusStarted}))
	result, failure := s.trainer.Run(ctx, s.observer())
	return s.end(result, s.explain(failure))
}

// session is a run from its beginning to its end.
type session struct {
	*Run
	Start
	dev        gpu.Device
	config     algo.Config
	deviceData training.Data // where the images of each split are
	started    time.Time     // of the run, the first time
	folder     *folder.Writer
	recorder   *runRecorder
	alignment  *alignmentLog
	board      *tensorboardLogger
	report     *reporter
	trainer    *training.Trainer
	first      []float32            // the weights of -init_from; nil: they are drawn, or restored
	firstFrom  *checkpoint.InitFrom // where -init_from has found them
	followers  fanOut               // of the program
	closers    []func() error       // what close calls, the last first
}

// close frees device, folder and trainer, and returns the first error.
func (s *session) close() (err error) {
	for _, one := range slices.Backward(s.closers) {
		err = cmp.Or(err, one())
	}
	return err
}

// plan opens device, data and the run's folder, and decides where the images are. It puts nothing
// on the device.
func (s *session) plan(ctx context.Context) error {
	s.followers = s.options.Followers
	if err := s.invite(ctx); err != nil {
		return err
	}
	if err := s.prepare(ctx); err != nil {
		return err
	}
	s.Resumed, s.started = s.resumed.event(), time.Now()
	if err := s.open(); err != nil {
		return err
	}
	s.closers = append(s.closers, func() error { s.folder.Close(); return nil })
	s.Dir, s.Record = s.folder.Dir(), s.recorder.settings
	return nil
}

// prepare opens device and data, and decides where the images are: all of plan that no file of the run needs.
func (s *session) prepare(ctx context.Context) (err error) {
	if err := s.openDevice(ctx); err != nil {
		return err
	}
	if s.Data, err = s.load(ctx); err != nil {
		return err
	}
	s.Notes = append(s.Notes, s.Data.Notes...)
	if n := s.Data.Train.Len(); n < s.spec.BatchSize {
		return wording.Usagef("-batch_size %d is larger than the %s training images: take a smaller one.", s.spec.BatchSize, figures.Count(n))
	}
	var note string
	if s.Network, note, err = s.network(s.Data); err != nil {
		return err
	}
	for _, note := range []string{note, s.signNote(s.Network)} {
		if note != "" {
			s.Notes = append(s.Notes, note)
		}
	}
	notes, err := s.normalize(ctx, s.Network, s.Data)
	if err != nil {
		return err
	}
	s.Notes = append(s.Notes, notes...)
	if err := s.agree(ctx); err != nil {
		return err
	}
	if note, err = s.patience(s.Data); err != nil {
		return err
	}
	if note != "" {
		s.Notes = append(s.Notes, note)
	}
	if s.config, err = s.training(s.Network); err != nil {
		return err
	}
	if err := s.initFrom(ctx); err != nil {
		return err
	}
	if s.deviceData, s.Memory, err = s.arrange(s.Network, s.config, s.Data, s.Device); err != nil {
		return err
	}
	s.Ranks = s.ranksText()
	s.Stored, s.Cache = s.stored(), s.cacheText(s.deviceData, s.Data)
	s.Facts = &settings.Facts{
		Spec: s.spec, Shape: [3]int{s.Data.Height, s.Data.Width, s.Data.Channels}, Source: s.Data.Source,
		ClassOrder: s.Data.ClassOrder, ClassNames: s.Data.ClassNames,
		Network: s.Network, Rule: s.config.Rule, OnGPU: device.OnGPU(s.Device.Kind),
	}
	s.StepsPerEpoch = s.config.StepsPerEpoch(s.Data.Train.Len())
	s.Epochs, s.Steps = s.spec.MaxEpochs, s.spec.MaxEpochs*s.StepsPerEpoch
	if most := s.spec.MaxSteps; most > 0 {
		s.Epochs, s.Steps = min(s.Epochs, (most+s.StepsPerEpoch-1)/s.StepsPerEpoch), min(s.Steps, most)
	}
	if err := s.rates.Check(s.spec.LR, s.StepsPerEpoch, s.Steps); err != nil {
		return refuse("schedule", err)
	}
	return nil
}

// open takes the folder of the run: a new one, or that of the run that is resumed, after its
// data and network were compared.
func (s *session) open() error {
	k := &runRecorder{net: s.Network, settings: s.record(s.Data, s.Network), command: s.Command, off: s.spec.CheckpointEvery == settings.NoCheckpoints}
	k.settings.InitFrom = s.firstFrom
	s.recorder = k
	var err error
	if o := s.resumed; o != nil {
		if err := cmp.Or(o.checkData(s.Data, k.settings.Data), o.checkNetwork(s.Network)); err != nil {
			return err
		}
		if o.dir != "" {
			if s.spec.Chosen("out") && s.index == nil {
				s.Notes = append(s.Notes, "-out is ignored: the run goes on in its own folder")
			}
			k.writer = checkpoint.NewWriter(o.dir, o.state)
			k.run, err = folder.Open(o.dir, o.takeLock())
			s.folder = k.run
			return err
		}
	}
	var files []folder.File
	if s.resumed == nil { // Find finds a run that is killed from here on
		text, err := k.record(s.Device, s.started).Encode()
		if err != nil {
			return err
		}
		files = append(files, folder.File{Name: folder.RunFile, Text: text})
	}
	k.run, err = folder.Create(s.spec.Out, s.Data.Name, s.name(s.Data), s.started, s.others(), files...)
	if err == nil {
		k.writer = checkpoint.NewWriter(k.run.Dir(), nil)
	}
	s.folder = k.run
	return err
}

// openDevice opens the device, unless the program has, and checks the settings that only GPUs
// know: those that change no result are ignored with a note, a profile is refused.
func (s *session) openDevice(ctx context.Context) error {
	if s.dev = s.options.Device; s.dev == nil {
		name, err := s.sameDevice(ctx)
		if err != nil {
			return err
		}
		s.dev, s.Skipped, err = device.Open(name, device.Options{Sync: s.spec.Sync, TF32: s.spec.TF32, Workers: s.options.Workers, Ranks: s.options.Ranks})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, s.dev.Close)
	}
	s.Device = s.dev.Info()
	kind := s.Device.Kind
	if device.OnGPU(kind) {
		return nil
	}
	if s.spec.Profile {
		return wording.Usagef("-profile goes with -device cuda and emu only, and -device auto has come to %s: leave it out, or name one of them.", kind)
	}
	if s.spec.Sync {
		s.Notes = append(s.Notes, "-sync is ignored: "+kind+" does one thing after the other anyway")
	}
	if s.spec.TF32 {
		s.Notes = append(s.Notes, "-tf32 is ignored: "+kind+" multiplies in full float32")
	}
	return nil
}

// begin puts everything on the device, and opens the files that are written while the run trains.
func (s *session) begin(ctx context.Context) (err error) {
	var save func(training.State) error
	if !s.recorder.off {
		save = s.save
	}
	if err := s.build(ctx, save); err != nil {
		return err
	}
	s.recorder.trainer = s.trainer
	if s.alignment, err = newAlignmentLog(s.spec.Alignment, s.Network, s.folder, s.resumed.progress().Steps()); err != nil {
		return err
	}
	if s.report, err = newReporter(s.spec.Report, s.Data, s.Network, s.folder); err != nil {
		return err
	}
	if s.started, err = s.recorder.begin(s.resumed, s.Device, s.started, s.save); err != nil {
		return err
	}
	s.Record = s.recorder.settings
	s.board, err = newTensorboardLogger(&s.Start, s.deviceData, s.trainer)
	return err
}

// restored says whether the run starts from weights that are not drawn.
func (s *session) restored() bool {
	return s.first != nil || s.resumed != nil && s.resumed.state != nil
}

// build draws the weights, or takes those that the run starts from, and puts everything on the device.
func (s *session) build(ctx context.Context, save func(training.State) error) error {
	params, feedback, err := s.initial(s.Network)
	if err != nil {
		return err
	}
	if s.first != nil {
		params = s.first
	}
	if s.leads() {
		if s.recorder.settings.Feedback, err = s.feedbackFacts(s.Network, feedback); err != nil {
			return err
		}
		if err := s.resumed.checkFeedback(s.recorder.settings.Feedback); err != nil {
			return err
		}
	}
	learner, err := algo.NewLearner(s.dev, s.Network, s.config, params, feedback)
	if err != nil {
		return err
	}
	schedule := training.Schedule{Epochs: s.spec.MaxEpochs, MaxSteps: s.spec.MaxSteps, Seed: uint64(s.spec.Seed), Rates: s.rates, AlignmentEvery: s.spec.Alignment,
		Patience: s.spec.Patience, BestByLoss: s.spec.Best == settings.BestLoss, Save: save, SaveEvery: max(0, s.spec.CheckpointEvery)}
	if s.several() {
		schedule.Group = s.options.Ranks
	}
	if s.trainer, err = training.New(ctx, learner, s.deviceData, schedule); err != nil {
		return err
	}
	s.closers = append(s.closers, s.trainer.Close)
	if o := s.resumed; o != nil && o.state != nil {
		if err := s.trainer.Restore(o.state.State()); err != nil {
			return err
		}
	}
	err = s.share(ctx)
	s.first = nil
	return err
}

// observer returns all followers: the program's, and then the writers of alignment.csv, of
// epochs.csv and weights, and of TensorBoard's files, which must keep this order.
func (s *session) observer() training.Observer {
	all := slices.Clone(s.followers)
	if s.alignment != nil {
		all = append(all, s.alignment)
	}
	all = append(all, s.recorder)
	if s.board != nil {
		all = append(all, s.board)
	}
	if s.report == nil {
		return all
	}
	return struct {
		fanOut
		*reporter
	}{all, s.report}
}

// save makes a state the run's last checkpoint. It writes alignment.csv first: steps before a
// checkpoint are never measured again.
func (s *session) save(state training.State) error {
	k := s.recorder
	if k.unsaved = s.alignment.save(); k.unsaved == nil {
		k.unsaved = k.save(state)
	}
	if k.unsaved != nil {
		return k.unsaved
	}
	for _, f := range s.followers {
		f.Checkpoint(k.last(), state.Progress)
	}
	return nil
}

// explain adds a remedy to the error of a device, and names the rank that ended the others.
func (s *session) explain(err error) error {
	var fault *ranks.Fault
	switch {
	case err != nil && s.several() && errors.As(context.Cause(s.options.Ranks.Context()), &fault):
		return fault // it says more than what the device makes of it
	case errors.Is(err, gpu.ErrOutOfMemory):
		return s.Memory.tooLarge(s.Device)
	case errors.Is(err, gpu.ErrDeviceLost) && s.Device.Kind == "cuda":
		// The software GPU's error explains itself; NVIDIA's driver returns a code only.
		return fmt.Errorf("%w: run again with -sync to learn which kernel it was, and see what nvidia-smi says of the GPU", err)
	}
	return err
}

// end writes the results, and returns the one error that counts most: the failure of the training,
// or else of a file.
func (s *session) end(result training.Result, failure error) (*Outcome, error) {
	k := s.recorder
	err := s.alignment.save()
	if err != nil && failure == nil {
		failure = err // a run without these rows is not complete
	}
	if errors.Is(failure, algo.ErrDiverged) && k.saved {
		failure = fmt.Errorf("%s; %s holds the state %s: %w", wording.Clause(failure), k.last(), after(k.reached), algo.ErrDiverged)
	}
	o := &Outcome{Result: result, Start: &s.Start}
	o.Status, o.Reason = ending(failure, result)
	if result.Early {
		o.Reason = s.withoutBest()
	}
	o.Resumable = o.Status == folder.StatusInterrupted && k.saved
	if s.alignment != nil {
		o.Alignment = s.alignment.last
	}
	row := s.row(folder.OutcomeOf(result, s.Data.Classes, o.Status, o.Reason))
	written := s.folder.Finish(row)
	s.log(row)
	unreported := s.board.close(result)
	if o.Written = written == nil; o.Written {
		if o.Report, err = s.report.write(k, s.options.Program); err != nil {
			unreported = fmt.Errorf("the results are written, but no report: %w", err)
		}
	}
	for _, f := range s.followers {
		f.Finished(o)
	}
	switch o.Status {
	case folder.StatusComplete:
		if o.Written && s.spec.Profile {
			return o, cmp.Or(s.explain(s.profile(result)), unreported)
		}
		return o, cmp.Or(written, unreported)
	case folder.StatusInterrupted:
		if lost := cmp.Or(k.unsaved, unreported, written); lost != nil {
			return o, fmt.Errorf("%w %s: %w", ErrInterrupted, o.Reason, lost)
		}
		return o, fmt.Errorf("%w %s: the results so far are written", ErrInterrupted, o.Reason)
	}
	return o, failure // it came before whatever kept the result from being written
}

// ending returns the status that an error of the training stands for.
func ending(err error, r training.Result) (status, reason string) {
	switch {
	case err == nil:
		return folder.StatusComplete, ""
	case fault.Stopped(err) && !errors.Is(err, algo.ErrDiverged):
		return folder.StatusInterrupted, fmt.Sprintf("in epoch %d", len(r.Epochs)+1)
	}
	return folder.StatusFailed, wording.Clause(err)
}

// row returns the row of result.csv and of the log of all runs.
func (s *session) row(o folder.Outcome) *folder.Result {
	return &folder.Result{
		Version: version.Read().String(), Go: runtime.Version(), Device: s.Device.Name, DeviceDetail: s.Device.Detail,
		Settings: s.Facts.Columns(), Parameters: s.Network.Weights(), Outcome: o, Time: s.started.Format(time.RFC3339),
	}
}

// log adds the row of the run's start or end to the log of all runs. A log that cannot be written
// ends no run: a note says so.
func (s *session) log(row *folder.Result) {
	if err := logRun(s.spec.Out, s.Dir, row); err != nil {
		for _, f := range s.followers {
			f.Note(wording.Clause(err))
		}
	}
}

// profile measures the recorded training step, writes it to the run's folder and tells the
// followers. It trains on, so the weights must not be read afterwards.
func (s *session) profile(done training.Result) error {
	measured, err := s.trainer.Profile(profileSteps(s.Device.Kind))
	if err != nil {
		return fmt.Errorf("-profile: %w", err)
	}
	p := NewProfile(measured)
	p.Device, p.DeviceDetail = s.Device.Name, s.Device.Detail
	p.Model, p.Network, p.BatchSize = s.config.Rule.String(), s.Start.Network.String(), s.spec.BatchSize
	p.DataWaitShare = done.DataWait / max(done.Seconds, 1e-9)
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("-profile: %w", err)
	}
	if err := s.folder.Write(folder.ProfileFile, append(text, '\n')); err != nil {
		return err
	}
	for _, f := range s.followers {
		f.Profiled(&p)
	}
	return nil
}
