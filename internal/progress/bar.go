package progress

import (
	"bytes"
	"fmt"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Bar is a bar with texts on both sides at the bottom of a terminal, drawn from a goroutine of its own
// until Close. A nil one shows nothing.
type Bar struct {
	container *mpb.Progress
	bar       *mpb.Bar
}

// barRoom is the columns that the bar should get.
const barRoom = 10

// NewBar starts a bar on a terminal. head and tail return the texts of a drawing; tail is told how many
// columns there are for it.
func NewBar(terminal *os.File, head func() string, tail func(room int) string) *Bar {
	container := mpb.New(mpb.WithConsoleWriter(&lineWriter{terminal: terminal}), mpb.WithRefreshRate(Interval))
	// A total of 0 keeps the bar from ending itself when it is full.
	return &Bar{container, container.New(0,
		mpb.BarStyle().Lbound("").Filler("━").Tip("╸").Padding(" ").Rbound(""),
		mpb.BarWidth(26), mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return head() })),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string { return tail(s.AvailableWidth - barRoom) })))}
}

// Set changes how full the bar is from the next drawing on.
func (b *Bar) Set(done, total int64) {
	if b != nil {
		b.bar.SetTotal(total, false)
		b.bar.SetCurrent(done)
	}
}

// Write prints above the bar.
func (b *Bar) Write(text []byte) (int, error) { return b.container.Write(text) }

// Close takes the bar away. What was written stays.
func (b *Bar) Close() {
	if b != nil {
		b.bar.Abort(true)
		b.container.Wait()
	}
}

// lineWriter draws lines over those of the drawing before. Unlike mpb's own it begins in the first column,
// wherever the cursor is: a key that is pressed, ^C among them, is printed by the terminal and moves it.
type lineWriter struct {
	bytes.Buffer
	terminal *os.File
	lines    int // of the drawing before
}

// IsTerminal says that lines can be drawn over.
func (w *lineWriter) IsTerminal() bool { return true }

// GetTermSize is the terminal's.
func (w *lineWriter) GetTermSize() (width, height int, err error) {
	return term.GetSize(int(w.terminal.Fd()))
}

// Flush draws what was written since the last drawing; its last lines, so many, are drawn over by the next one.
func (w *lineWriter) Flush(lines int) error {
	text := "\r"
	if w.lines > 0 {
		text += fmt.Sprintf("\x1b[%dA", w.lines)
	}
	w.lines = lines
	_, err := w.terminal.WriteString(text + "\x1b[J" + w.String())
	w.Reset()
	return err
}
