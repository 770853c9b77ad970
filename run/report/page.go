package report

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"mdfa/algo/predict"
	"mdfa/internal/disk"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/wording"
	"mdfa/model"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// WriteRun writes the report of a run to a file.
func WriteRun(f *folder.Folder, path, producer string) error {
	page, err := Page(f, producer)
	if err != nil {
		return err
	}
	return WriteFile(path, page)
}

// Page returns the report of a run.
func Page(f *folder.Folder, producer string) ([]byte, error) {
	var page bytes.Buffer
	err := Write(&page, source{f}.page(producer))
	return page.Bytes(), err
}

// WriteFile writes a page, complete or not at all.
func WriteFile(path string, page []byte) error {
	if err := disk.WriteFile(path, page); err != nil {
		return fmt.Errorf("the report cannot be written to %s (%w): see that there is space and permission to write", path, disk.Reason(err))
	}
	return nil
}

// source is a run's folder from which a page is made.
type source struct{ *folder.Folder }

// page returns the content of the report.
func (f source) page(producer string) *Run {
	s := f.Run.Settings
	r := &Run{
		Rule: s.Rule, Title: Title(f.Folder), Folder: filepath.Base(disk.Absolute(f.Dir)), Command: foreign.Command(f.Run.Command...),
		Status: f.Status(), Reason: f.result().Reason,
		Outcome: f.outcome(), Groups: f.groups(), Epochs: f.Epochs, Align: f.Alignment,
		Input: s.Data.Shape, Made: time.Now(), Producer: producer,
	}
	if f.Confusion != nil {
		r.Test = f.confusion()
	} else if f.Result != nil {
		r.Notes = append(r.Notes, f.noConfusion())
	}
	if f.Weights != nil {
		r.Notes = append(r.Notes, wording.Sentence(f.Weights))
	}
	r.Layers = f.layers()
	return r
}

// layers returns the weights, none if there is no checkpoint.
func (f source) layers() (layers []Layer) {
	if c := f.Checkpoint; c != nil {
		for i, l := range c.Network.Layers {
			layers = append(layers, Layer{
				Name: l.String(), Shape: l.WeightShape(), Weights: l.W.Of(c.Params), Floor: f.Run.Floor(i),
			})
		}
	}
	return layers
}

// noConfusion explains why there is no confusion matrix.
func (f source) noConfusion() string {
	switch {
	case f.Status() != folder.StatusComplete:
		return "There is no confusion matrix: the run ended before its test."
	case f.Run.Data.Classes > predict.MaxConfusion:
		return fmt.Sprintf("There is no confusion matrix: pairs are counted for up to %s classes.", figures.Count(predict.MaxConfusion))
	}
	return "There is no confusion matrix: the run was told to make no report, or had no images to validate and test on."
}

// confusion returns the confusion matrix with the classes in the order of the files' labels, since the
// network's own order is drawn from the seed.
func (f source) confusion() *Confusion {
	c, data := f.Confusion, f.Run.Data
	order := data.ByLabel()
	r := &Confusion{Split: c.Split}
	for _, truth := range order {
		r.Names = append(r.Names, data.ClassName(truth))
		for _, predicted := range order {
			r.Counts = append(r.Counts, c.At(truth, predicted))
		}
	}
	return r
}

// Title names the run in a line: "mdfa · convnet on mnist, classes 2 and 8 (seed 0)".
func Title(f *folder.Folder) string {
	s := f.Run.Settings
	kind := "fully connected network"
	if len(s.Network.Layers) > 0 && s.Network.Layers[0].Kind == model.Conv.String() {
		kind = "convnet"
	}
	return fmt.Sprintf("%s · %s on %s, %s (%s)", s.Rule, kind, s.Data.Name, s.Data.ClassesText(), s.Facts().SeedText())
}

// result returns the run's result, empty before its end.
func (f source) result() folder.Result {
	if f.Result == nil {
		return folder.Result{}
	}
	return *f.Result
}

// best returns the best epoch so far, empty before the first validation.
func (f source) best() (best folder.Epoch) {
	for _, e := range f.Epochs {
		if e.Best {
			best = e
		}
	}
	return best
}

// outcome returns the figures at the top.
func (f source) outcome() []Number {
	var list []Number
	add := func(label, value, detail string) {
		if value != "" {
			list = append(list, Number{Label: label, Value: value, Detail: detail})
		}
	}
	top5 := ""
	if x := f.result().TestTop5.OrNaN(); !math.IsNaN(x) {
		top5 = "top-5 " + figures.PagePercent(x)
	}
	add("test accuracy", figures.PagePercent(f.result().TestAccuracy.OrNaN()), top5)
	best := f.best()
	add("best validation", figures.PagePercent(best.ValidAccuracy.OrNaN()), fmt.Sprintf("epoch %d", best.Number))
	if n := len(f.Epochs); n > 0 {
		last := f.Epochs[n-1]
		add("training loss", figures.Short(last.TrainLoss.OrNaN()), fmt.Sprintf("in the last epoch, %d", last.Number))
		seconds, images := 0.0, 0.0
		for _, e := range f.Epochs {
			if s := e.TrainSeconds; s.Known && !math.IsNaN(s.X) {
				seconds += s.X
				images += s.X * e.ImagesPerSecond.OrNaN()
			}
		}
		if seconds > 0 {
			add("training", time.Duration(seconds*float64(time.Second)).Round(100*time.Millisecond).String(),
				figures.Count(int64(math.Round(images/seconds)))+" images a second")
		}
	}
	return list
}

// Titles of groups of facts.
const (
	groupNetwork  = "Rule and network"
	groupTraining = "Training"
)

// groups returns the facts of the run.
func (f source) groups() []Group {
	run, s := f.Run, f.Run.Settings
	var groups []Group
	group := func(title string, pairs ...string) {
		g := Group{Title: title}
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				g.Facts = append(g.Facts, Fact{Label: pairs[i], Value: pairs[i+1]})
			}
		}
		groups = append(groups, g)
	}
	facts := s.Facts()
	var rule, training []string
	for _, fact := range facts.PageFacts(settings.GroupNetwork) {
		rule = append(rule, fact.Name, fact.Text)
		if fact.Name == "network" && facts.Network != nil {
			rule = append(rule, "weights", figures.Count(facts.Network.Weights()))
		}
	}
	for _, fact := range facts.PageFacts(settings.GroupTraining) {
		training = append(training, fact.Name, fact.Text)
	}
	group(groupNetwork, rule...)
	group(groupTraining, training...)
	coarse := ""
	if s.Data.Coarse {
		coarse = ", coarse labels"
	}
	var classes []string
	for _, class := range s.Data.ByLabel()[:min(s.Data.Classes, mostNames)] {
		classes = append(classes, s.Data.ClassName(class))
	}
	if s.Data.Classes > mostNames {
		classes = append(classes, "…")
	}
	data := []string{"data set", s.Data.Name, "classes", fmt.Sprintf("%d%s: %s", s.Data.Classes, coarse, strings.Join(classes, ", "))}
	for _, fact := range facts.PageFacts(settings.GroupData) {
		data = append(data, fact.Name, fact.Text)
	}
	group("Data", append(data,
		"images", fmt.Sprintf("%s train, %s validation, %s test", figures.Count(s.Data.Train), figures.Count(s.Data.Valid), figures.Count(s.Data.Test)),
		"size", fmt.Sprintf("%d×%d×%d", s.Data.Shape[0], s.Data.Shape[1], s.Data.Shape[2]), "inputs", facts.Inputs(),
		"files", s.Data.Source, "left out", s.Data.LeftOut.String(), "checksum", shortSum(s.Data.Checksum))...)
	wait := ""
	if x := f.result().DataWaitSeconds.OrNaN(); x > 0 {
		wait = fmt.Sprintf("%.1f s", x)
	}
	resumed := ""
	for _, r := range run.Resumed {
		resumed += fmt.Sprintf("%s in epoch %d, step %d; ", stamp(r.Time), r.Epoch, r.Step)
	}
	group("Machine",
		"device", run.Device.Name, "with", run.Device.Detail, "program", s.Program, "Go", f.result().Go,
		"started", stamp(run.Started), "resumed", strings.TrimSuffix(resumed, "; "), "waited for data", wait)
	return groups
}

// mostNames is the number of classes whose names are listed.
const mostNames = 20

// shortSum shortens a checksum for the eye.
func shortSum(sum string) string {
	const digits = 16
	if len(sum) <= digits {
		return sum
	}
	return sum[:digits] + "…"
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04:05 MST")
}
