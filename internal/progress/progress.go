// Package progress draws a live line at the bottom of a terminal while an epoch
// trains. Everything else that is printed meanwhile goes through it and appears above.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Interval is the time between two drawings of the line.
const Interval = 150 * time.Millisecond

// State is what the line shows.
type State struct {
	Epoch, Epochs   int
	Step, Steps     int           // of the epoch
	Loss            float64       // mean of the epoch so far
	ImagesPerSecond float64       // of the epoch so far
	Left            time.Duration // of the whole run
}

// Line is the live line. It is drawn from a goroutine of its own until Close.
type Line struct {
	container *mpb.Progress
	bar       *mpb.Bar

	mu    sync.Mutex
	state State
	due   time.Time // of the next Set that will be drawn
}

// New starts a line on a terminal, with nothing on it before the first Set.
func New(terminal *os.File) *Line {
	l := &Line{container: mpb.New(mpb.WithOutput(terminal), mpb.WithRefreshRate(Interval))}
	// A total of 0 keeps the bar from ending itself when an epoch is full.
	l.bar = l.container.New(0,
		mpb.BarStyle().Lbound("").Filler("━").Tip("╸").Padding(" ").Rbound(""),
		mpb.BarWidth(26), mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Any(l.head)),
		mpb.AppendDecorators(decor.Any(l.tail)))
	return l
}

// Due says whether a Set at this time would be drawn: what is costly to know is worth
// asking for only then.
func (l *Line) Due(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !now.Before(l.due)
}

// Set changes what is shown from the next drawing on.
func (l *Line) Set(now time.Time, s State) {
	l.mu.Lock()
	l.state, l.due = s, now.Add(Interval)
	l.mu.Unlock()
	l.bar.SetTotal(int64(s.Steps), false)
	l.bar.SetCurrent(int64(s.Step))
}

// Write prints above the line.
func (l *Line) Write(text []byte) (int, error) { return l.container.Write(text) }

// Close takes the line away. What was written stays.
func (l *Line) Close() {
	l.bar.Abort(true)
	l.container.Wait()
}

var _ io.Writer = (*Line)(nil)

func (l *Line) snapshot() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *Line) head(decor.Statistics) string {
	s := l.snapshot()
	if s.Epochs == 0 {
		return ""
	}
	return Counter(s.Epoch, s.Epochs) + " "
}

// tail is as much as there is room for.
func (l *Line) tail(room decor.Statistics) string {
	s := l.snapshot()
	if s.Epochs == 0 {
		return ""
	}
	const bar = 10 // columns that the bar should get
	text := ""
	for _, part := range []string{
		fmt.Sprintf(" %3d%%", 100*s.Step/max(s.Steps, 1)),
		fmt.Sprintf("  loss %.4f", s.Loss),
		fmt.Sprintf("   %s img/s", humanize.Comma(int64(s.ImagesPerSecond))),
		"   eta " + Duration(s.Left),
	} {
		if len(text)+len(part)+bar > room.AvailableWidth {
			break
		}
		text += part
	}
	return text
}

// Counter is "epoch  3/100".
func Counter(epoch, epochs int) string {
	total := fmt.Sprint(epochs)
	return fmt.Sprintf("epoch %*d/%s", len(total), epoch, total)
}

// Duration is a time span in the two largest units that count: 4s, 3m12s, 1h05m.
func Duration(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return strings.TrimSpace(fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute))
}
