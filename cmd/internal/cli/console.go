package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/fatih/color"

	"mdfa/internal/foreign"
	"mdfa/internal/progress"
)

// Console is where a program prints. On a terminal it knows colours, the width, and
// a live line below everything else.
type Console struct {
	File     *os.File
	Terminal bool // a live line can be drawn
	Quiet    bool
	Live     *progress.Line // nil while there is none
	Closed   func()         // called when nobody reads any more

	Bold, Faint, Good *color.Color

	out io.Writer // File, or the live line while there is one
	err error     // the first failure to write
}

// NewConsole returns the console of a program that prints to a file.
func NewConsole(file *os.File) *Console {
	c := &Console{
		File: file, out: file, Closed: func() {},
		Terminal: Terminal(file) != nil,
		Bold:     color.New(color.Bold), Faint: color.New(color.Faint), Good: color.New(color.FgGreen),
	}
	// https://no-color.org: any value but the empty one turns colours off.
	coloured := c.Terminal && os.Getenv("NO_COLOR") == ""
	for _, style := range []*color.Color{c.Bold, c.Faint, c.Good} {
		if coloured {
			style.EnableColor()
		} else {
			style.DisableColor()
		}
	}
	return c
}

// Write prints as it stands.
func (c *Console) Write(text []byte) (int, error) {
	n, err := c.out.Write(text)
	if err != nil && c.err == nil {
		c.err = err
		if errors.Is(err, syscall.EPIPE) {
			c.Closed()
		}
	}
	return n, err
}

// Line prints a line of text for people, in which parts may be foreign, broken between words where a terminal is too narrow for it.
func (c *Console) Line(text string) {
	fmt.Fprintln(c, Hang(foreign.Styled(text), labelColumns, Columns(c.File)))
}

// Whole prints a line of text that is to be copied: where a terminal breaks it, it stays one line there.
func (c *Console) Whole(text string) {
	fmt.Fprintln(c, foreign.Styled(text))
}

// Detail prints a line that -quiet leaves out.
func (c *Console) Detail(text string) {
	if !c.Quiet {
		c.Line(text)
	}
}

// Field prints a line with its label, unless -quiet.
func (c *Console) Field(label, text string) { c.Detail(c.Label(label) + text) }

// labelColumns is the width of labels.
const labelColumns = 9

// Label is a line's first word, in its own column.
func (c *Console) Label(name string) string { return c.Faint.Sprintf("%-*s", labelColumns, name) }

// StartLive begins the live line, on a terminal and unless -quiet.
func (c *Console) StartLive() {
	if c.Terminal && !c.Quiet {
		c.Live = progress.New(c.File)
		c.out = c.Live
	}
}

// StopLive takes the live line away again.
func (c *Console) StopLive() {
	if c.Live != nil {
		c.Live.Close()
		c.Live, c.out = nil, c.File
	}
}

// Failure is the first failure to print, for the exit code.
func (c *Console) Failure() error { return Printed(c.err) }
