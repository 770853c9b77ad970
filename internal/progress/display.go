package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"

	"mdfa/internal/fetch"
)

const (
	// LineEvery is the time between two plain lines about the same step.
	LineEvery = 10 * time.Second
	// plainRoom is the number of columns for the numbers of a plain line.
	plainRoom = 100
)

// Display shows the steps before training, such as a download, one after the other. A step begins with its
// first report and ends with the one that is Finished, or with the beginning of another.
type Display struct {
	out      io.Writer // for the lines that stay
	terminal *os.File  // for the live line; nil without one
	now      func() time.Time

	bar   *Bar // of the present step, on a terminal
	state step
}

// step is the state of the present step.
type step struct {
	fetch.Progress
	began time.Time // of the transfer
	from  int64     // Done when it began
	said  time.Time // the last plain line
	at    time.Time // the last report
}

// NewDisplay shows on a file, with a live line if it is a terminal that can draw one.
func NewDisplay(file *os.File, terminal bool) *Display {
	d := &Display{out: file, now: time.Now}
	if terminal {
		d.terminal = file
	}
	return d
}

// Report shows the next report. It is for fetch.Fetcher.Report and the like, which
// call it from one goroutine at a time.
func (d *Display) Report(p fetch.Progress) {
	before, s := d.state, d.state
	s.Progress, s.at = p, d.now()
	begins := before.Name != p.Name
	if begins || before.Waiting || p.Done < before.Done { // the last if the transfer starts again
		s.began, s.from = s.at, p.Done
	}
	d.state = s
	switch {
	case begins && p.Finished: // there was nothing to do
		d.Close()
	case p.Finished:
		d.Close()
		fmt.Fprintln(d.out, s.closing())
	case begins:
		d.end()
		d.say(s.opening())
		if d.terminal != nil {
			d.bar = NewBar(d.terminal)
		}
	case p.Waiting != before.Waiting:
		d.say(s.opening())
	case s.at.Sub(s.said) >= LineEvery:
		d.say(s.heading() + fit(plainRoom, s.amounts()...))
	}
	d.bar.Set(p.Done, p.Total, s.heading()+" ", s.amounts()...)
}

// say prints a plain line, unless a line is live, and remembers the time.
func (d *Display) say(text string) {
	d.state.said = d.state.at
	if d.terminal == nil {
		fmt.Fprintln(d.out, text)
	}
}

// Close removes the live line. Another report begins a new one.
func (d *Display) Close() {
	d.end()
	d.state = step{}
}

func (d *Display) end() {
	d.bar.Close()
	d.bar = nil
}

// verb returns the word for files, and nothing for other steps, whose names say it.
func (s step) verb(word string) string {
	if s.From == "" {
		return ""
	}
	return word + " "
}

func (s step) heading() string {
	if s.Waiting {
		return "waiting for another process that fetches " + s.Name
	}
	return s.verb("fetching") + s.Name
}

// opening returns the plain line at the beginning.
func (s step) opening() string {
	text := s.heading()
	if s.Waiting {
		return text
	}
	if s.Total > 0 {
		text += fmt.Sprintf(" (%s)", s.count(s.Total))
	}
	if s.From != "" {
		text += " from " + s.From
	}
	if s.Kept > 0 {
		text += fmt.Sprintf(", of which %s are here", s.count(s.Kept))
	}
	return text
}

// closing returns the line that stays.
func (s step) closing() string {
	brought, took := s.Total-s.from, s.at.Sub(s.began)
	if brought <= 0 {
		return s.Name + ": another process has fetched it"
	}
	text := fmt.Sprintf("%s%s: %s in %s", s.verb("fetched"), s.Name, s.count(brought), Duration(took))
	if rate := s.rate(brought, took); rate != "" {
		text += ", " + rate
	}
	return text
}

// amounts are the texts behind the bar: "  52%", "  84 MB of 170 MB", "  5.2 MB/s", "  eta 16s".
func (s step) amounts() []string {
	if s.Waiting || s.Total <= 0 {
		return nil
	}
	parts := []string{fmt.Sprintf("  %2d%%", 100*s.Done/s.Total), fmt.Sprintf("  %s of %s", s.count(s.Done), s.count(s.Total))}
	brought, took := s.Done-s.from, s.at.Sub(s.began)
	if rate := s.rate(brought, took); rate != "" {
		left := time.Duration(float64(took) / float64(brought) * float64(s.Total-s.Done))
		parts = append(parts, "  "+rate, "  eta "+Duration(left))
	}
	return parts
}

// count writes an amount with its unit.
func (s step) count(n int64) string {
	if s.Unit == "" {
		return humanize.Bytes(uint64(max(n, 0)))
	}
	return humanize.Comma(n) + " " + s.Unit
}

// rate returns "5.2 MB/s", or "" as long as it is unknown.
func (s step) rate(brought int64, took time.Duration) string {
	if brought <= 0 || took < time.Second {
		return ""
	}
	return s.count(int64(float64(brought)/took.Seconds())) + "/s"
}
