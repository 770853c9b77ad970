package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/foreign"
	"mdfa/internal/progress"
	"mdfa/internal/shards/prepare"
)

// output is where the program prints; it keeps the first failure to do so.
type output struct {
	file *os.File
	err  error
}

func (o *output) Write(text []byte) (int, error) {
	n, err := o.file.Write(text)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// linef prints a line, in which parts may be foreign.
func (o *output) linef(format string, args ...any) {
	fmt.Fprintln(o, cli.Hang(foreign.Line(fmt.Sprintf(format, args...)), 0, cli.Columns(o.file)))
}

// lineEvery is the time between two lines of progress where there is no terminal.
const lineEvery = 10 * time.Second

// bar shows how far the work has come: as a live line on a terminal, as a line now and
// then elsewhere.
type bar struct {
	out   *output
	bytes bool // the work is counted in bytes
	drawn bool // as a live line
	live  *progress.Bar

	mu    sync.Mutex // guards what follows against the live line's goroutine
	now   prepare.Progress
	at    time.Time // of now
	split span      // of the present split
	all   time.Time // when the work began
	said  time.Time
}

// span is where the present split began in this run.
type span struct {
	name   string
	began  time.Time
	images int
}

func newBar(out *output, bytes bool) *bar {
	return &bar{out: out, bytes: bytes, drawn: cli.Terminal(out.file) != nil}
}

// report takes the next state. It may be called for every image.
func (b *bar) report(p prepare.Progress) {
	now := time.Now()
	b.mu.Lock()
	if b.all.IsZero() {
		b.all, b.said = now, now
	}
	if b.split.name != p.Split {
		b.split = span{name: p.Split, began: now, images: p.Images + p.Skipped}
	}
	b.now, b.at = p, now
	due := now.Sub(b.said) >= lineEvery
	if due {
		b.said = now
	}
	b.mu.Unlock()

	switch {
	case b.drawn:
		if b.live == nil {
			b.live = progress.NewBar(b.out.file, func() string { return b.head() + " " }, b.tail)
		}
		b.live.Set(p.Done, p.Total)
	case due:
		b.out.linef("%s%s", b.head(), b.tail(1<<10))
	}
}

// close takes the live line away.
func (b *bar) close() {
	b.live.Close()
	b.live = nil
}

func (b *bar) head() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now.Split
}

// tail is as much as there is room for: "  12%  1,234 images  512 img/s  eta 12m03s".
func (b *bar) tail(room int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.now
	parts := []string{
		fmt.Sprintf("  %2d%%", 100*p.Done/max(p.Total, 1)),
		fmt.Sprintf("  %s images", humanize.Comma(int64(p.Images))),
	}
	if took := b.at.Sub(b.split.began); took >= time.Second/2 {
		rate := float64(p.Images+p.Skipped-b.split.images) / took.Seconds()
		parts = append(parts, fmt.Sprintf("  %s img/s", humanize.Comma(int64(rate))))
	}
	if took := b.at.Sub(b.all); took >= time.Second && p.Done > p.Kept {
		left := time.Duration(float64(took) / float64(p.Done-p.Kept) * float64(p.Total-p.Done))
		parts = append(parts, "  eta "+progress.Duration(left))
	}
	if b.bytes {
		parts = append(parts, fmt.Sprintf("  %s of %s", humanize.Bytes(uint64(p.Done)), humanize.Bytes(uint64(p.Total))))
	}
	if p.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("  %s left out", humanize.Comma(int64(p.Skipped))))
	}
	return progress.Fit(room, parts...)
}

var _ io.Writer = (*output)(nil)
