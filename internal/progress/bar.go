package progress

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Bar is a bar with texts on both sides at the bottom of a terminal, drawn by its own goroutine
// until Close. A nil Bar shows nothing.
type Bar struct {
	container *mpb.Progress
	bar       *mpb.Bar

	mu    sync.Mutex // guards the texts
	head  string
	parts []string
}

// barRoom is the number of columns that the bar should get.
const barRoom = 10

// NewBar starts a bar on a terminal, without texts.
func NewBar(terminal *os.File) *Bar {
	b := new(Bar)
	b.container = mpb.New(mpb.WithConsoleWriter(&lineWriter{terminal: terminal}), mpb.WithRefreshRate(Interval))
	// A total of 0 keeps the bar from ending itself when it is full.
	b.bar = b.container.New(0,
		mpb.BarStyle().Lbound("").Filler("━").Tip("╸").Padding(" ").Rbound(""),
		mpb.BarWidth(26), mpb.BarFillerTrim(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { head, _ := b.texts(0); return head })),
		mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string { _, tail := b.texts(s.AvailableWidth - barRoom); return tail })))
	return b
}

// Set changes what the next drawing shows: how full the bar is, the text before it, and behind it as many
// parts as there is room for.
func (b *Bar) Set(done, total int64, head string, parts ...string) {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.head, b.parts = head, parts
	b.mu.Unlock()
	b.bar.SetTotal(total, false)
	b.bar.SetCurrent(done)
}

// texts returns the texts of a drawing, with room columns behind the bar.
func (b *Bar) texts(room int) (head, tail string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.head, fit(room, b.parts...)
}

// Write prints above the bar.
func (b *Bar) Write(text []byte) (int, error) { return b.container.Write(text) }

// Close removes the bar. Text that was written above it stays.
func (b *Bar) Close() {
	if b != nil {
		b.bar.Abort(true)
		b.container.Wait()
	}
}

// lineWriter draws lines over those of the drawing before. Unlike mpb's own writer it begins in the first
// column, wherever the cursor is: the terminal prints each pressed key, ^C included, and moves the cursor.
type lineWriter struct {
	bytes.Buffer
	terminal *os.File
	lines    int // of the drawing before
}

// IsTerminal tells mpb that it can draw over lines.
func (w *lineWriter) IsTerminal() bool { return true }

// GetTermSize returns the size of the terminal.
func (w *lineWriter) GetTermSize() (width, height int, err error) {
	return term.GetSize(int(w.terminal.Fd()))
}

// Flush draws the text written since the last drawing. The next drawing covers its last lines.
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
