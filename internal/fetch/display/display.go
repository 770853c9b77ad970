// Package display shows how far a download, or another long step before training,
// has come: as a live line on a terminal, as plain lines of text elsewhere.
package display

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"mdfa/internal/fetch"
	"mdfa/internal/progress"
)

const (
	// lineEvery is the time between two plain lines about the same step.
	lineEvery = 10 * time.Second
	// plainRoom is the columns for the numbers of a plain line.
	plainRoom = 100
)

// Display shows one step after the other. A step begins with its first report
// and ends with the one that is Finished, or when another begins.
type Display struct {
	out      io.Writer // for the lines that stay
	terminal *os.File  // for the live line; nil where there is none
	now      func() time.Time

	bar *progress.Bar // of the present step, on a terminal

	mu    sync.Mutex // guards state, which the live line reads from its own goroutine
	state state
}

// state is what is known of the present step.
type state struct {
	fetch.Progress
	began time.Time // of the transfer
	from  int64     // Done when it began
	said  time.Time // the last plain line
	at    time.Time // the last report
}

// New shows on a file, with a live line where it is a terminal that can draw one.
func New(file *os.File, terminal bool) *Display {
	d := &Display{out: file, now: time.Now}
	if terminal {
		d.terminal = file
	}
	return d
}

// Report takes the next report. It is for fetch.Fetcher.Report and the like, which
// call it from one goroutine at a time.
func (d *Display) Report(p fetch.Progress) {
	before, s := d.advance(p)
	begins := before.Name != p.Name
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
			d.start()
		}
	case p.Waiting != before.Waiting:
		d.say(s.opening())
	case s.at.Sub(s.said) >= lineEvery:
		d.say(s.heading() + s.amount(plainRoom))
	}
	d.bar.Set(p.Done, p.Total)
}

// advance takes a report into the state, and returns the one before and the new one.
func (d *Display) advance(p fetch.Progress) (before, s state) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, s = d.state, d.state
	s.Progress, s.at = p, d.now()
	if before.Name != p.Name || before.Waiting || p.Done < before.Done { // the last when it begins anew
		s.began, s.from = s.at, p.Done
	}
	d.state = s
	return before, s
}

// say prints a plain line, where no line is live, and remembers when.
func (d *Display) say(text string) {
	d.mu.Lock()
	d.state.said = d.state.at
	d.mu.Unlock()
	if d.terminal == nil {
		fmt.Fprintln(d.out, text)
	}
}

// start begins a live line.
func (d *Display) start() {
	d.bar = progress.NewBar(d.terminal, func() string { return d.snapshot().heading() + " " },
		func(room int) string { return d.snapshot().amount(room) })
}

func (d *Display) snapshot() state {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Close takes the live line away. Another report begins a new one.
func (d *Display) Close() {
	d.end()
	d.mu.Lock()
	d.state = state{}
	d.mu.Unlock()
}

func (d *Display) end() {
	d.bar.Close()
	d.bar = nil
}

// verb is "fetching" for files and nothing for other steps, whose name says it.
func (s state) verb(word string) string {
	if s.From == "" {
		return ""
	}
	return word + " "
}

func (s state) heading() string {
	if s.Waiting {
		return "waiting for another process that fetches " + s.Name
	}
	return s.verb("fetching") + s.Name
}

// opening is the plain line at the beginning.
func (s state) opening() string {
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

// closing is the line that stays.
func (s state) closing() string {
	brought, took := s.Total-s.from, s.at.Sub(s.began)
	if brought <= 0 {
		return s.Name + ": another process has fetched it"
	}
	text := fmt.Sprintf("%s%s: %s in %s", s.verb("fetched"), s.Name, s.count(brought), progress.Duration(took))
	if rate := s.rate(brought, took); rate != "" {
		text += ", " + rate
	}
	return text
}

// amount is as much as there is room for: "  52%  84 MB of 170 MB  5.2 MB/s  eta 16s".
func (s state) amount(room int) string {
	if s.Waiting || s.Total <= 0 {
		return ""
	}
	parts := []string{fmt.Sprintf("  %2d%%", 100*s.Done/s.Total), fmt.Sprintf("  %s of %s", s.count(s.Done), s.count(s.Total))}
	brought, took := s.Done-s.from, s.at.Sub(s.began)
	if rate := s.rate(brought, took); rate != "" {
		left := time.Duration(float64(took) / float64(brought) * float64(s.Total-s.Done))
		parts = append(parts, "  "+rate, "  eta "+progress.Duration(left))
	}
	return progress.Fit(room, parts...)
}

// count writes an amount with its unit.
func (s state) count(n int64) string {
	if s.Unit == "" {
		return humanize.Bytes(uint64(max(n, 0)))
	}
	return humanize.Comma(n) + " " + s.Unit
}

// rate is "5.2 MB/s", or nothing where it cannot be told yet.
func (s state) rate(brought int64, took time.Duration) string {
	if brought <= 0 || took < time.Second {
		return ""
	}
	return s.count(int64(float64(brought)/took.Seconds())) + "/s"
}
