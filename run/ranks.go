package run

import (
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"strings"

	"mdfa/algo/training"
	"mdfa/run/device"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// invitation is what rank 0 tells the others of the run that they train together. Without settings there is none.
type invitation struct {
	Values map[string]string // by setting, as [Spec.Record] returns them
	Given  []string
}

// Follow trains on a rank other than 0: rank 0 chooses the run, by New, Resume or Find, writes its files and tells its
// followers of it. It returns when the run has ended, with the error that rank 0 gets.
func Follow(ctx context.Context, o Options) (err error) {
	text, err := o.Ranks.Broadcast(ctx, nil)
	if err != nil {
		return err
	}
	var called invitation
	if err := json.Unmarshal(text, &called); err != nil || called.Values == nil {
		return err
	}
	o.Followers = nil
	r, err := New(settings.Recorded(called.Values, called.Given), o)
	if err != nil {
		return err
	}
	s := &session{Run: r}
	defer func() { err = cmp.Or(err, s.close()) }()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := s.build(ctx, nil); err != nil {
		return s.explain(err)
	}
	var observer training.Observer = silent{}
	if s.spec.Report { // rank 0 gathers the logits for it
		observer = struct {
			silent
			listener
		}{}
	}
	result, err := s.trainer.Run(ctx, observer)
	if status, reason := ending(err, result); status == folder.StatusInterrupted {
		return fmt.Errorf("%w %s", ErrInterrupted, reason)
	}
	if err == nil && s.spec.Profile {
		_, err = s.trainer.Profile(profileSteps(s.Device.Kind))
	}
	return s.explain(err)
}

// NoRun tells the other ranks that there is no run to be trained, since it is complete.
func NoRun(ctx context.Context, o Options) error {
	if o.Ranks == nil {
		return nil
	}
	_, err := o.Ranks.Broadcast(ctx, []byte("{}"))
	return err
}

// silent is the observer of ranks that write nothing. It is measured for, as rank 0 is.
type silent struct{ Ignore }

// listener makes an observer a [training.LogitsObserver].
type listener struct{}

func (listener) Logits(int, []float32) error { return nil }

// several says whether the run has other ranks.
func (r *Run) several() bool { return r.options.Ranks.Several() }

// leads says whether this rank writes the files of the run.
func (r *Run) leads() bool { return !r.several() || r.options.Ranks.Rank() == 0 }

// invite tells the other ranks which run this is.
func (s *session) invite(ctx context.Context) error {
	if !s.several() {
		return nil
	}
	var called invitation
	called.Values, called.Given = s.spec.Record()
	text, err := json.Marshal(called)
	if err != nil {
		return err
	}
	_, err = s.options.Ranks.Broadcast(ctx, text)
	return err
}

// sameDevice returns the device to open: of -device auto what all ranks can use, which they tell each other before any of
// them opens its device to add up with the others.
func (s *session) sameDevice(ctx context.Context) (string, error) {
	name := s.spec.Device
	if !s.several() || name != "auto" {
		return name, nil
	}
	name = "cpu"
	if len(device.GPUs()) > 0 {
		name = "cuda"
	}
	all, err := s.options.Ranks.Gather(ctx, []byte(name))
	if err != nil {
		return "", err
	}
	for rank, theirs := range all {
		if string(theirs) != string(all[0]) {
			return "", fmt.Errorf("-device auto is %s on rank %d on %s, and %s on rank 0 on %s: name one with -device, or take machines that are alike",
				theirs, rank, s.options.Ranks.Host(rank), all[0], s.options.Ranks.Host(0))
		}
	}
	return name, nil
}

// agree compares the images and the network of all ranks, and gives them the normalization of rank 0.
func (s *session) agree(ctx context.Context) error {
	if !s.several() {
		return nil
	}
	own := fmt.Sprintf("%s\n%v", s.Data.Checksum(), s.Network)
	all, err := s.options.Ranks.Gather(ctx, []byte(own))
	if err != nil {
		return err
	}
	for rank, theirs := range all {
		if string(theirs) == string(all[0]) {
			continue
		}
		sum, network, _ := strings.Cut(string(theirs), "\n")
		if first, _, _ := strings.Cut(string(all[0]), "\n"); sum != first {
			return fmt.Errorf("rank %d on %s has other images of %s than rank 0 on %s (the checksums differ): give both the same files",
				rank, s.options.Ranks.Host(rank), s.Data.Name, s.options.Ranks.Host(0))
		}
		return fmt.Errorf("rank %d on %s has the network %s, and rank 0 has %v: start the same program with the same flags on all ranks",
			rank, s.options.Ranks.Host(rank), network, s.Network)
	}
	text, err := json.Marshal(s.Network.Normalization)
	if err != nil {
		return err
	}
	if text, err = s.options.Ranks.Broadcast(ctx, text); err != nil || s.leads() {
		return err
	}
	return json.Unmarshal(text, &s.Network.Normalization)
}

// share brings the state that rank 0 starts from to the others, unless all of them have drawn the same one.
func (s *session) share(ctx context.Context) error {
	if !s.several() {
		return nil
	}
	var text bytes.Buffer
	if s.leads() && s.restored() {
		state, err := s.trainer.State()
		if err != nil {
			return err
		}
		if err := gob.NewEncoder(&text).Encode(state); err != nil {
			return err
		}
	}
	sent, err := s.options.Ranks.Broadcast(ctx, text.Bytes())
	if err != nil || s.leads() || len(sent) == 0 {
		return err
	}
	var state training.State
	if err := gob.NewDecoder(bytes.NewReader(sent)).Decode(&state); err != nil {
		return fmt.Errorf("the state that rank 0 sent cannot be read: %w", err)
	}
	return s.trainer.Restore(state)
}

// ranksText describes the ranks of a run for its header; "" without others.
func (s *session) ranksText() string {
	if !s.several() {
		return ""
	}
	g := s.options.Ranks
	hosts := map[string]bool{}
	for rank := range g.Size() {
		hosts[g.Host(rank)] = true
	}
	where := "on " + g.Host(0)
	if len(hosts) > 1 {
		where = fmt.Sprintf("on %d hosts", len(hosts))
	}
	return fmt.Sprintf("%d, started by %s %s; rank 0 has %d images of each batch", g.Size(), g.Launcher(), where, s.config.LocalBatch())
}
