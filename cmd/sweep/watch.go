package sweep

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/progress"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/folder"
	"mdfa/run/sweep"
)

// watch prints a sweep for people.
type watch struct {
	out   *cli.Console
	sweep *sweep.Sweep
	began bool // a run has begun
	ran   bool // one has begun, or ended without

	mu      sync.Mutex
	display *progress.Display // plain lines about a data set; nil on a terminal, and with -quiet
	loads   string            // what is loaded at this moment, for the live line
	end     chan struct{}     // ends the drawing of the live line
	ended   sync.WaitGroup
}

// begin prints what the sweep will do, and starts the live line.
func (w *watch) begin(s *sweep.Sweep) {
	w.sweep = s
	w.out.Detail(w.out.Bold.Sprint(summary(s)))
	if !w.out.Terminal && !w.out.Quiet {
		w.display = progress.NewDisplay(w.out.File, false)
	}
	w.out.StartLive()
	if w.out.Live == nil {
		return
	}
	w.end = make(chan struct{})
	w.ended.Go(func() {
		tick := time.NewTicker(progress.Interval)
		defer tick.Stop()
		for {
			w.draw()
			select {
			case <-tick.C:
			case <-w.end:
				return
			}
		}
	})
}

// close removes the live line.
func (w *watch) close() {
	if w.end != nil {
		close(w.end)
		w.ended.Wait()
	}
	w.out.StopLive()
}

// draw sets the live line.
func (w *watch) draw() {
	t := w.sweep.Totals()
	w.mu.Lock()
	loads := w.loads
	w.mu.Unlock()
	parts := counts(t)
	if loads != "" && t.Running == 0 {
		parts = append([]string{loads}, parts...)
	}
	for i := range parts {
		parts[i] = "  " + parts[i]
	}
	over := t.Runs - t.Left
	w.out.Live.Bar.Set(int64(over), int64(t.Runs), fmt.Sprintf("%s/%d runs ", padded(over, t.Runs), t.Runs), parts...)
}

// padded returns a number in as many columns as its largest value takes.
func padded(n, most int) string { return fmt.Sprintf("%*d", len(strconv.Itoa(most)), n) }

// counts are the numbers behind the bar, the most important first.
func counts(t sweep.Totals) []string {
	var parts []string
	if t.Running > 0 {
		parts = append(parts, fmt.Sprintf("%d running", t.Running))
	}
	parts = append(parts, fmt.Sprintf("%s left", figures.Count(t.Left)))
	if t.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", t.Failed))
	}
	if t.PerHour > 0 {
		parts = append(parts, perHour(t.PerHour))
	}
	if t.Time > 0 {
		parts = append(parts, "eta "+progress.Duration(t.Time))
	}
	return parts
}

// perHour writes a rate in at least two digits.
func perHour(rate float64) string {
	const exact = 10 // below which there are decimals
	if rate < exact {
		return fmt.Sprintf("%.1f runs/h", rate)
	}
	return figures.Count(int(rate)) + " runs/h"
}

// loading shows how far a data set is loaded.
func (w *watch) loading(p loaders.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loads = ""
	if !p.Finished {
		w.loads = "loading " + p.Name
		if p.Total > 0 {
			w.loads += fmt.Sprintf(" %d%%", 100*p.Done/p.Total)
		}
	}
	if w.display != nil {
		w.display.Report(p)
	}
}

// Began says on which device and data the first run trains.
func (w *watch) Began(_ *sweep.Run, start *run.Start) {
	w.ran = true
	if w.began {
		return
	}
	w.began = true
	for _, fact := range start.Header() {
		if fact.Name == "device" || fact.Name == "source" {
			w.out.Field(fact.Name, fact.Text)
		}
	}
}

// Note prints a remark for the user.
func (w *watch) Note(text string) { w.out.Field("note", text) }

// Ended prints a run's line.
func (w *watch) Ended(one *sweep.Run) {
	w.ran = true
	t := w.sweep.Totals()
	line := fmt.Sprintf("%s/%d  %s  %s", padded(t.Runs-t.Left, t.Runs), t.Runs, one.Label, ending(w.out, one))
	if w.out.Live == nil {
		line += "   " + strings.Join(counts(t), ", ")
	}
	w.out.Detail(line)
}

// ending says how a run ended.
func ending(out *cli.Console, one *sweep.Run) string {
	switch one.Status {
	case folder.StatusComplete:
		text := fmt.Sprintf("valid %s  test %s  %s", folder.Show("best_valid_accuracy", one.Result["best_valid_accuracy"]),
			out.Bold.Sprint(folder.Show("test_accuracy", one.Result["test_accuracy"])), progress.Seconds(one.Seconds))
		if one.Err != nil {
			text += "  (" + wording.Clause(one.Err) + ")"
		}
		return text
	case folder.StatusFailed:
		return "failed: " + reason(one)
	case folder.StatusRunning:
		return "is running already"
	}
	return "is left"
}

// reason says why a run failed, and where it is.
func reason(one *sweep.Run) string {
	text := one.Result["reason"]
	if one.Err != nil {
		text = wording.Clause(one.Err)
	}
	text = foreign.Line(strings.TrimSuffix(text, "."))
	if one.Dir != "" && !strings.Contains(text, one.Dir) {
		text += " (" + one.Dir + ")"
	}
	return text
}
