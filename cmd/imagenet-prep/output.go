package imagenetprep

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/progress"
	"mdfa/internal/shards/prepare"
)

// output is the standard output. It keeps its first error.
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

// linef prints a line that may have foreign parts.
func (o *output) linef(format string, args ...any) {
	fmt.Fprintln(o, cli.Hang(foreign.Line(fmt.Sprintf(format, args...)), 0, cli.Columns(o.file)))
}

// bar shows how far the work has come: as a live line on a terminal, as a line now and
// then elsewhere.
type bar struct {
	out   *output
	bytes bool // the work is counted in bytes
	live  *progress.Bar
	split span      // of the present split
	all   time.Time // when the work began
	said  time.Time
}

// span is the beginning of the present split in this run.
type span struct {
	name   string
	began  time.Time
	images int
}

// report shows the next state. It may be called for every image.
func (b *bar) report(p prepare.Progress) {
	now := time.Now()
	if b.all.IsZero() {
		b.all, b.said = now, now
		if cli.Terminal(b.out.file) != nil {
			b.live = progress.NewBar(b.out.file)
		}
	}
	if b.split.name != p.Split {
		b.split = span{name: p.Split, began: now, images: p.Images + p.Skipped}
	}
	b.live.Set(p.Done, p.Total, p.Split+" ", b.parts(p, now)...)
	if b.live == nil && now.Sub(b.said) >= progress.LineEvery {
		b.said = now
		b.out.linef("%s%s", p.Split, strings.Join(b.parts(p, now), ""))
	}
}

// close removes the live line.
func (b *bar) close() { b.live.Close() }

// parts are the texts behind the bar: "  12%", "  1,234 images", "  512 img/s", "  eta 12m03s".
func (b *bar) parts(p prepare.Progress, now time.Time) []string {
	parts := []string{
		fmt.Sprintf("  %2d%%", 100*p.Done/max(p.Total, 1)),
		fmt.Sprintf("  %s images", figures.Count(p.Images)),
	}
	if took := now.Sub(b.split.began); took >= time.Second/2 {
		rate := float64(p.Images+p.Skipped-b.split.images) / took.Seconds()
		parts = append(parts, fmt.Sprintf("  %s img/s", figures.Count(int(rate))))
	}
	if took := now.Sub(b.all); took >= time.Second && p.Done > p.Kept {
		left := time.Duration(float64(took) / float64(p.Done-p.Kept) * float64(p.Total-p.Done))
		parts = append(parts, "  eta "+progress.Duration(left))
	}
	if b.bytes {
		parts = append(parts, fmt.Sprintf("  %s of %s", humanize.Bytes(uint64(p.Done)), humanize.Bytes(uint64(p.Total))))
	}
	if p.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("  %s left out", figures.Count(p.Skipped)))
	}
	return parts
}

var _ io.Writer = (*output)(nil)
