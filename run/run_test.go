package run_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// small is a run of a second on stripes.
func small(out, model string, seed int64) run.Spec {
	s := run.Defaults()
	s.Model, s.Layers, s.LR, s.BatchSize, s.MaxEpochs, s.Out, s.Seed, s.Device = model, "24,16", 0.01, 8, 3, out, seed, "cpu"
	s.Alignment, s.TensorBoard = 7, true
	return s
}

// trained returns the last weights of a run, and its files whose bytes tell of no clock.
func trained(t *testing.T, spec run.Spec, followers ...run.Follower) (weights []float32, files map[string]string) {
	t.Helper()
	r, err := run.New(spec, run.Options{Data: stripes(80), Followers: followers})
	if !assert.NoError(t, err) {
		return nil, nil
	}
	o, err := r.Train(t.Context())
	if !assert.NoError(t, err) {
		return nil, nil
	}
	c, err := checkpoint.LoadState(t.Context(), o.Start.Dir)
	assert.NoError(t, err)
	files = map[string]string{}
	for _, name := range []string{"alignment.csv", "confusion.csv"} {
		text, err := os.ReadFile(filepath.Join(o.Start.Dir, name))
		assert.NoError(t, err)
		files[name] = string(text)
	}
	return c.Params, files
}

// Runs in one process do not touch each other's state.
func TestTwoRunsAtOnceGetTheBitsOfEachAlone(t *testing.T) {
	models := []string{"mdfa", "dfa", "bp"}
	wantWeights, wantFiles := make([][]float32, len(models)), make([]map[string]string, len(models))
	for i, model := range models {
		wantWeights[i], wantFiles[i] = trained(t, small(t.TempDir(), model, int64(i)))
	}
	out := t.TempDir() // two of them in one folder
	var all sync.WaitGroup
	for i, model := range models {
		all.Go(func() {
			weights, files := trained(t, small(out, model, int64(i)))
			assert.Equal(t, wantWeights[i], weights, model)
			assert.Equal(t, wantFiles[i], files, model)
		})
	}
	all.Wait()
	log, err := os.ReadFile(filepath.Join(out, "runs.csv"))
	require.NoError(t, err)
	assert.Equal(t, 1+2*len(models), strings.Count(string(log), "\n"), "a row for each start and end")
}

// order notes the names of the events.
type order struct {
	events []string
	dir    string
}

func (o *order) note(event string)                           { o.events = append(o.events, event) }
func (o *order) Planned(s *run.Start)                        { o.dir = s.Dir; o.note("planned") }
func (o *order) Started(*run.Start)                          { o.note("started") }
func (o *order) Step(_, step int, _ func() (float64, error)) { o.note("step") }
func (o *order) Alignment(measure.Alignment) error           { o.note("alignment"); return nil }
func (o *order) Epoch(training.Epoch) error                  { o.note("epoch"); return nil }
func (o *order) Checkpoint(string, training.Progress)        { o.note("checkpoint") }
func (o *order) Note(string)                                 { o.note("note") }
func (o *order) Profiled(*run.Profile)                       { o.note("profiled") }
func (o *order) Finished(*run.Outcome) {
	o.note("finished")
	if _, err := os.Stat(filepath.Join(o.dir, "report.html")); err != nil {
		o.note("without its files")
	}
}

func TestFollowersAreToldInOrder(t *testing.T) {
	spec := small(t.TempDir(), "dfa", 1)
	spec.BatchSize, spec.MaxEpochs, spec.Alignment = 40, 2, 100
	watch := &order{}
	trained(t, spec, watch)
	assert.Equal(t, "planned started alignment step step epoch checkpoint step step epoch checkpoint finished", strings.Join(watch.events, " "))
}

func TestAFollowersErrorEndsTheRun(t *testing.T) {
	r, err := run.New(small(t.TempDir(), "bp", 1), run.Options{Data: stripes(80), Followers: []run.Follower{failing{}}})
	require.NoError(t, err)
	o, err := r.Train(t.Context())
	require.ErrorIs(t, err, os.ErrInvalid)
	assert.Equal(t, folder.StatusFailed, o.Status)
}

type failing struct{ run.Ignore }

func (failing) Epoch(training.Epoch) error { return os.ErrInvalid }

func TestWithoutValidationThereIsNoBestEpoch(t *testing.T) {
	for name, change := range map[string]func(*run.Spec){
		"patience": func(s *run.Spec) { s.Patience = 3 },
		"best":     func(s *run.Spec) { s.Best = "loss" },
	} {
		spec, data := small(t.TempDir(), "bp", 1), stripes(80)
		change(&spec)
		data.Valid = loaders.Split{}
		r, err := run.New(spec, run.Options{Data: data})
		require.NoError(t, err)
		_, err = r.Train(t.Context())
		require.ErrorIs(t, err, run.ErrUsage)
		require.ErrorContains(t, err, "-"+name+" needs validation images, and stripes has none")
	}
}

func TestARunDoesNotChange(t *testing.T) {
	spec := small(t.TempDir(), "mdfa", 3)
	spec.Classes = "1" // as nobody asks for data that the program has
	r, err := run.New(spec, run.Options{Data: stripes(80)})
	require.NoError(t, err)
	before := *r
	_, err = r.Train(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before, *r)
}

func TestARunThatADeadlineEndsIsInterrupted(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	spec := small(t.TempDir(), "bp", 1)
	r, err := run.New(spec, run.Options{Data: stripes(80), Followers: []run.Follower{late{}}})
	require.NoError(t, err)
	o, err := r.Train(ctx)
	require.ErrorIs(t, err, run.ErrInterrupted)
	assert.Equal(t, folder.StatusInterrupted, o.Status)
}

// late ends a run as its deadline would.
type late struct{ run.Ignore }

func (late) Epoch(training.Epoch) error { return context.DeadlineExceeded }

func TestFindFindsTheRunOfAProgramsOwnData(t *testing.T) {
	spec, data := small(t.TempDir(), "dfa", 1), stripes(80)
	data.Name = "stripes"
	r, complete, err := run.Find(t.Context(), spec, run.Options{Data: data})
	require.NoError(t, err)
	require.Empty(t, complete)
	_, err = r.Train(t.Context())
	require.NoError(t, err)
	_, complete, err = run.Find(t.Context(), spec, run.Options{Data: data})
	require.NoError(t, err)
	assert.Contains(t, complete, "is complete: 3 epochs")
}

func TestAProgramsOwnDataSayHowTheirClassesAreNamed(t *testing.T) {
	spec, data := small(t.TempDir(), "dfa", 1), stripes(80)
	data.Named, data.ClassOrder, data.ClassNames = "a+b+c", []int{1, 2, 5}, []string{"a", "b", "c"}
	spec.Classes = "c,5,a,b" // as nobody asks for data that the program has
	_, err := run.New(spec, run.Options{Data: data})
	require.NoError(t, err)
	spec.Classes = "c,a,b"
	r, _, err := run.Find(t.Context(), spec, run.Options{Data: data})
	require.NoError(t, err)
	o, err := r.Train(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "a+b+c", o.Start.Record.Flags["classes"])
	assert.Contains(t, o.Start.String(), "classes a, b and c (seed 1)")
	assert.Contains(t, o.Start.Dir, "dfa-dense-a+b+c-s1-")
	_, complete, err := run.Find(t.Context(), spec, run.Options{Data: data})
	require.NoError(t, err)
	assert.Contains(t, complete, "is complete: 3 epochs")
}

func TestNoHiddenLayersIsAChoice(t *testing.T) {
	spec := small(t.TempDir(), "bp", 1)
	spec.Layers = "none"
	r, err := run.New(spec, run.Options{Data: stripes(80)})
	require.NoError(t, err)
	o, err := r.Train(t.Context())
	require.NoError(t, err)
	assert.Len(t, o.Start.Network.Layers, 1)
	assert.Contains(t, o.Start.Record.Given, "layers")
}

// TestDenseLayersStandBehindConvolutions trains a network of both kinds and finds it again.
func TestDenseLayersStandBehindConvolutions(t *testing.T) {
	spec := small(t.TempDir(), "mdfa", 1)
	spec.Convnet, spec.Filters, spec.Layers = true, "4:3:2", "6,5"
	data := stripes(80)
	r, err := run.New(spec, run.Options{Data: data})
	require.NoError(t, err)
	o, err := r.Train(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, `-> conv 4 3/2 -> dense 6 -> dense 5 -> dense \d+$`, o.Start.Network.String())
	f, err := folder.Read(t.Context(), o.Start.Dir)
	require.NoError(t, err)
	assert.Equal(t, o.Start.Network, f.Checkpoint.Network)
	_, complete, err := run.Find(t.Context(), spec, run.Options{Data: data})
	require.NoError(t, err)
	assert.Contains(t, complete, "is complete: 3 epochs")
	spec.Layers = ""
	r, complete, err = run.Find(t.Context(), spec, run.Options{Data: data})
	require.NoError(t, err)
	assert.Empty(t, complete, "a network without these dense layers is another one")
	r.Close()
}

func TestSettingsAreRefusedByName(t *testing.T) {
	for want, change := range map[string]func(*run.Spec){
		"-lr -1: expected a number from 0 on":           func(s *run.Spec) { s.LR = -1 },
		"-clamp_floor goes with -model mdfa only":       func(s *run.Spec) { s.Model, s.ClampFloor = "bp", 1 },
		"-filters is for convolutional networks":        func(s *run.Spec) { s.Layers, s.Filters = "", "8:3:1" },
		"-out is empty: expected the name of a folder.": func(s *run.Spec) { s.Out = " " },
		"-tf32 goes with -device cuda and emu only":     func(s *run.Spec) { s.TF32 = true },
		`-model "mdf" is unknown`:                       func(s *run.Spec) { s.Model = "mdf" },
	} {
		spec := small(t.TempDir(), "mdfa", 1)
		change(&spec)
		_, err := run.New(spec, run.Options{Data: stripes(8)})
		require.ErrorIs(t, err, run.ErrUsage, want)
		assert.ErrorContains(t, err, want)
	}
}
