package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"mdfa/algo"
	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/progress"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/folder"
)

// printHeader says what will run.
func (c *console) printHeader(p *plan, data *loaders.Dataset, net *model.Network, dev gpu.Info, passed string, m memoryPlan, cache string) {
	network := "fully connected network"
	if p.Convnet {
		network = "convnet"
	}
	c.detail(c.bold.Sprintf("%v · %s on %s, %s (seed %d)", p.config.Rule, network, data.Name, classesText(data), p.Seed))
	if passed != "" {
		passed = " (" + passed + ")"
	}
	c.detail(c.label("device") + dev.String() + passed)
	c.detail(c.label("data") + fmt.Sprintf("%s train · %s validation · %s test images",
		figures.Count(data.Train.Len()), figures.Count(data.Valid.Len()), figures.Count(data.Test.Len())))
	if left := leftOut(data); left != nil {
		c.detail(c.label("left out") + left.String())
	}
	c.detail(c.label("source") + foreign.Line(data.Source))
	c.detail(c.label("network") + net.Headline(p.stored()))
	c.detail(c.label("memory") + fmt.Sprintf("%s (%v)", humanize.Bytes(m.total()), m))
	if cache != "" {
		c.detail(c.label("cache") + cache)
	}
	c.detail(c.label("rule") + p.facts(data, net, dev).String())
	for _, note := range p.notes {
		c.detail(c.label("note") + foreign.Line(note))
	}
}

// classesText is "all 10 classes" or the names of those that the seed kept.
func classesText(data *loaders.Dataset) string {
	names := data.ClassNames
	if names == nil {
		for _, label := range data.ClassOrder {
			names = append(names, fmt.Sprint(label))
		}
	}
	const most = 5 // names on one line
	if len(names) > most {
		return fmt.Sprintf("%d classes", len(names))
	}
	last := len(names) - 1
	return "classes " + foreign.List(names[:last]) + " and " + foreign.Text(names[last])
}

// observer follows a run: it prints, and adds each epoch to the results.
type observer struct {
	out           *console
	run           *folder.Writer
	aligned       *alignmentLog
	keep          *keeper
	classes       int
	batch         int
	epochs, steps int // of the whole run, steps of each epoch
	maxSteps      int
	before        int // steps of the whole run before this process
	data          *loaders.Dataset
	state         progress.State // the last that was shown

	began, epochBegan time.Time
	said              time.Time // the last progress event, or the beginning
	epoch, epochFrom  int       // the epoch that goes on, and the first step of it that this process made
}

// Step draws the live line, a few times a second and only where there is one, or prints a
// progress event: to know the loss is to wait for the device.
func (o *observer) Step(epoch, step int, loss func() (float64, error)) {
	o.keep.board.step(epoch, step, loss)
	live := o.out.live
	if live == nil && !o.out.json {
		return
	}
	now := time.Now()
	if o.epoch != epoch {
		o.epoch, o.epochFrom, o.epochBegan = epoch, step, now
	}
	steps := min(o.steps, o.totalSteps()-(epoch-1)*o.steps)
	due := live != nil && (live.Due(now) || step >= steps) // the last one shows while validation runs
	if o.out.json {
		due = now.Sub(o.said) >= progressEvery
	}
	if step == o.epochFrom || !due {
		return // one step has no speed yet
	}
	value, err := loss()
	if err != nil {
		return // the next step will say so
	}
	done := (epoch-1)*o.steps + step
	perStep := now.Sub(o.began) / time.Duration(done-o.before)
	state := progress.State{
		Epoch: epoch, Epochs: o.epochs, Step: step, Steps: steps,
		Loss:            value,
		ImagesPerSecond: float64((step-o.epochFrom)*o.batch) / max(now.Sub(o.epochBegan).Seconds(), 1e-9),
		Left:            perStep * time.Duration(o.totalSteps()-done),
	}
	if step >= steps && o.data.Valid.Len() > 0 {
		state.Doing = "validating"
	}
	if o.state = state; live != nil {
		live.Set(now, state)
		return
	}
	o.said = now
	o.progressEvent(state)
}

func (o *observer) totalSteps() int {
	total := o.epochs * o.steps
	if o.maxSteps > 0 {
		return min(total, o.maxSteps)
	}
	return total
}

// Epoch prints the epoch's line and writes its row.
func (o *observer) Epoch(e algo.Epoch) error {
	o.out.detail(o.out.fit(o.epochParts(e)))
	o.epochEvent(e)
	if live := o.out.live; live != nil && e.Number == o.epochs && o.data.Test.Len() > 0 {
		o.state.Doing = "testing"
		live.Set(time.Now(), o.state)
	}
	for _, keep := range []func() error{
		o.aligned.save,
		func() error { return o.run.AddEpoch(epochCells(e, o.classes)) },
		func() error { return o.keep.epoch(e) },
		func() error { return o.keep.board.epoch(e) },
	} {
		if err := keep(); err != nil {
			return err
		}
	}
	return nil
}

// epochParts are the pieces of an epoch's line, the most important first.
func (o *observer) epochParts(e algo.Epoch) []string {
	valid := ""
	if e.Valid.Count > 0 {
		valid = "  valid " + figures.Percent(e.Valid.Accuracy(), 2)
		if e.Best {
			valid = o.out.good.Sprint(valid)
		}
	}
	best := ""
	if e.Best {
		best = o.out.good.Sprint("   best")
	}
	return []string{
		progress.Counter(e.Number, o.epochs),
		fmt.Sprintf("  loss %.4f", e.Train.MeanLoss()),
		"  train " + figures.Percent(e.Train.Accuracy(), 2),
		valid,
		fmt.Sprintf("  %7s img/s", figures.Count(int(e.ImagesPerSecond()))),
		fmt.Sprintf("  %5.1fs", e.Seconds),
		best,
		waitText(e.DataWait, e.Seconds),
	}
}

// waitText is the share of training that waited for images, where there is one to see.
func waitText(wait, seconds float64) string {
	if wait < 0.001*seconds {
		return ""
	}
	return fmt.Sprintf("   waited %s for images", figures.Percent(wait/seconds, 2))
}

// fit joins as many parts as the terminal is wide.
func (c *console) fit(parts []string) string {
	width, text := cli.Columns(c.file), ""
	for _, part := range parts {
		if width > 0 && cli.Visible(text+part) > width {
			break
		}
		text += part
	}
	return text
}

// printOutcome is the final table. Page is the name of the report, "" where there is none.
func (c *console) printOutcome(data *loaders.Dataset, r algo.Result, run *folder.Writer, written bool, page string) {
	if len(r.Epochs) > 0 && !c.quiet {
		c.line("")
	}
	if best := r.Best(); best.Valid.Count > 0 {
		c.line(c.label("best") + fmt.Sprintf("epoch %d of %d, validation %s", best.Number, len(r.Epochs), c.good.Sprint(figures.Percent(best.Valid.Accuracy(), 2))))
	}
	if r.Test.Count > 0 {
		text := c.bold.Sprint(figures.Percent(r.Test.Accuracy(), 2))
		if data.Classes >= topFive {
			text += ", top-5 " + figures.Percent(r.Test.Top5Accuracy(), 2)
		}
		c.line(c.label("test") + text)
	}
	if r.Seconds > 0 {
		c.line(c.label("speed") + fmt.Sprintf("%s images/s, %s of training",
			figures.Count(int(r.ImagesPerSecond())), spent(r.Seconds)))
	}
	files := folder.ResultFile + ", " + folder.EpochsFile
	if !written {
		files = folder.EpochsFile
	}
	if page != "" {
		files += ", " + page
	}
	if exists(run.Dir()) { // nobody has removed it meanwhile
		c.line(c.label("results") + fmt.Sprintf("%s%c (%s)", run.Dir(), filepath.Separator, files))
	}
}

func spent(s float64) string {
	if s < 10 {
		return fmt.Sprintf("%.1fs", s)
	}
	return progress.Duration(time.Duration(s * float64(time.Second)))
}
