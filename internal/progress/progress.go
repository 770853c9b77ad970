// Package progress shows how far a long piece of work has come, by a live line at the bottom of a terminal or by
// plain lines of text elsewhere. All output printed meanwhile goes through the live line and appears above it.
package progress

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Interval is the time between two drawings of the line.
const Interval = 150 * time.Millisecond

// State is the content of the line.
type State struct {
	Epoch, Epochs   int
	Step, Steps     int           // of the epoch
	Loss            float64       // mean of the epoch so far
	ImagesPerSecond float64       // of the epoch so far
	Left            time.Duration // of the whole run
	Doing           string        // the work before the next step, such as "validating"; "" during steps
}

// Line is the live line of training.
type Line struct {
	*Bar
	due time.Time // of the next Set that will be drawn
}

// New starts a line on a terminal, empty until the first Set.
func New(terminal *os.File) *Line { return &Line{Bar: NewBar(terminal)} }

// Due reports whether a Set at this time would be drawn: values that are costly to compute need not be
// computed at other times.
func (l *Line) Due(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !now.Before(l.due)
}

// Set changes the content of the next drawing.
func (l *Line) Set(now time.Time, s State) {
	l.mu.Lock()
	l.due = now.Add(Interval)
	l.mu.Unlock()
	l.Bar.Set(int64(s.Step), int64(s.Steps), Counter(s.Epoch, s.Epochs)+" ", s.parts()...)
}

// parts are the texts behind the bar.
func (s State) parts() []string {
	last := "   eta " + Duration(s.Left)
	if s.Doing != "" {
		last = "   " + s.Doing
	}
	return []string{
		fmt.Sprintf(" %3d%%", 100*s.Step/max(s.Steps, 1)),
		fmt.Sprintf("  loss %.4f", s.Loss),
		fmt.Sprintf("   %s img/s", humanize.Comma(int64(s.ImagesPerSecond))),
		last,
	}
}

// fit joins as many parts as there is room for.
func fit(room int, parts ...string) string {
	text := ""
	for _, part := range parts {
		if len(text)+len(part) > room {
			break
		}
		text += part
	}
	return text
}

// Counter returns "epoch  3/100".
func Counter(epoch, epochs int) string {
	total := fmt.Sprint(epochs)
	return fmt.Sprintf("epoch %*d/%s", len(total), epoch, total)
}

// Seconds writes seconds as Duration does, with a decimal where there are few.
func Seconds(seconds float64) string {
	const few = 10
	if seconds < few {
		return fmt.Sprintf("%.1fs", seconds)
	}
	return Duration(time.Duration(seconds * float64(time.Second)))
}

// Duration writes a time span in its two largest units: 4s, 3m12s, 1h05m.
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
