package train

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mdfa/algo/training"
	"mdfa/cmd/internal/cli"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/progress"
	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/folder"
)

// terminal prints a run for people.
type terminal struct {
	run.Ignore
	out     *cli.Console
	program []string          // the words that start the program, for the command that resumes the run
	display *progress.Display // while the data set is loaded; nil with -quiet
	pace    run.Pace
	start   *run.Start
	state   progress.State // the last that was shown
}

func newTerminal(out *cli.Console, program []string) *terminal {
	t := &terminal{out: out, program: program}
	if !out.Quiet {
		t.display = progress.NewDisplay(out.File, out.Terminal)
	}
	return t
}

// close removes the live line from the terminal.
func (t *terminal) close() {
	if t.display != nil {
		t.display.Close()
		t.display = nil
	}
	t.out.StopLive()
}

// loading shows how far the data set is loaded.
func (t *terminal) loading(p loaders.Progress) {
	if t.display != nil {
		t.display.Report(p)
	}
}

// Planned prints the header, which describes the run.
func (t *terminal) Planned(s *run.Start) {
	t.close()
	t.out.Detail(t.out.Bold.Sprint(s))
	for _, f := range s.Header() {
		t.out.Field(f.Name, f.Text)
	}
}

// Started says where the run is resumed from. A damaged checkpoint is mentioned in any case.
func (t *terminal) Started(s *run.Start) {
	t.start = s
	t.pace.Begin(s)
	defer t.out.StartLive()
	r, c := s.Resumed, t.out
	if r == nil {
		return
	}
	if r.Skipped != nil {
		c.Line(c.Label("note") + r.SkippedText())
	}
	c.Field("resume", r.Text(s.StepsPerEpoch))
}

// Note prints a remark for the user.
func (t *terminal) Note(text string) { t.out.Field("note", text) }

// Step draws the live line, a few times a second and where there is one. The last step of an
// epoch shows while validation runs.
func (t *terminal) Step(epoch, step int, loss func() (float64, error)) {
	live, now := t.out.Live, time.Now()
	if live == nil {
		return
	}
	if s, ok := t.pace.At(now, epoch, step, loss, func(last bool) bool { return last || live.Due(now) }); ok {
		t.state = s
		live.Set(now, s)
	}
}

// Epoch prints the epoch's line.
func (t *terminal) Epoch(e training.Epoch) error {
	t.out.Detail(fit(t.out, t.epochParts(e)))
	if live := t.out.Live; live != nil && e.Number == t.start.Epochs && t.start.Data.Test.Len() > 0 {
		t.state.Doing = "testing"
		live.Set(time.Now(), t.state)
	}
	return nil
}

// epochParts are the pieces of an epoch's line, the most important first.
func (t *terminal) epochParts(e training.Epoch) []string {
	valid := ""
	if e.Valid.Count > 0 {
		valid = "  valid " + figures.Percent(e.Valid.Accuracy(), 2)
		if e.Best {
			valid = t.out.Good.Sprint(valid)
		}
	}
	best := ""
	if e.Best {
		best = t.out.Good.Sprint("   best")
	}
	return []string{
		progress.Counter(e.Number, t.start.Epochs),
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
func fit(c *cli.Console, parts []string) string {
	width, text := cli.Columns(c.File), ""
	for _, part := range parts {
		if width > 0 && cli.Visible(text+part) > width {
			break
		}
		text += part
	}
	return text
}

// Finished prints how the run ended.
func (t *terminal) Finished(o *run.Outcome) {
	t.close()
	c := t.out
	if len(o.Epochs) > 0 && !c.Quiet {
		c.Line("")
	}
	if best := o.Best(); best.Valid.Count > 0 {
		c.Line(c.Label("best") + fmt.Sprintf("epoch %d of %d, validation %s", best.Number, len(o.Epochs), c.Good.Sprint(figures.Percent(best.Valid.Accuracy(), 2))))
	}
	if o.Early {
		c.Line(c.Label("ended") + "early: " + o.Reason)
	}
	if o.Test.Count > 0 {
		text := c.Bold.Sprint(figures.Percent(o.Test.Accuracy(), 2))
		if o.Start.Data.Classes >= folder.TopFive {
			text += ", top-5 " + figures.Percent(o.Test.Top5Accuracy(), 2)
		}
		c.Line(c.Label("test") + text)
	}
	if o.Seconds > 0 {
		c.Line(c.Label("speed") + fmt.Sprintf("%s images/s, %s of training",
			figures.Count(int(o.ImagesPerSecond())), progress.Seconds(o.Seconds)))
	}
	files := folder.ResultFile + ", " + folder.EpochsFile
	if !o.Written {
		files = folder.EpochsFile
	}
	if o.Report != "" {
		files += ", " + o.Report
	}
	if _, err := os.Stat(o.Start.Dir); !errors.Is(err, fs.ErrNotExist) { // nobody has removed it meanwhile
		c.Line(c.Label("results") + fmt.Sprintf("%s%c (%s)", o.Start.Dir, filepath.Separator, files))
	}
	if layers := o.Alignment.Layers; len(layers) > 0 {
		angles := make([]string, len(layers))
		for i, l := range layers {
			angles[i] = "-"
			if !math.IsNaN(l.Gradient.Angle) {
				angles[i] = fmt.Sprintf("%.1f°", l.Gradient.Angle)
			}
		}
		c.Line(c.Label("angles") + fmt.Sprintf("%s to bp's gradients, by layer, at step %s (%s)",
			strings.Join(angles, " "), figures.Count(o.Alignment.Step), folder.AlignmentFile))
	}
	if o.Resumable {
		c.Whole(c.Label("resume") + "to go on: " + foreign.Command(append(t.program, "-resume", o.Start.Dir)...))
	}
}

// Profiled prints the profile of a step.
func (t *terminal) Profiled(p *run.Profile) {
	c := t.out
	c.Line("")
	c.Line(c.Label("profile") + fmt.Sprintf("a training step, by kernel (mean of %d, %s)",
		p.Steps, filepath.Join(t.start.Dir, folder.ProfileFile)))
	p.WriteTable(c)
	c.Line(c.Label("data") + figures.Percent(p.DataWaitShare, 2) + " of the training time was spent waiting for images")
}
