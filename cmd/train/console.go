package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/fatih/color"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/foreign"
	"mdfa/internal/progress"
)

// console is where the program prints. On a terminal it knows colours, the width, and
// a live line below everything else.
type console struct {
	file     *os.File
	out      io.Writer // file, or the live line while there is one
	terminal bool      // a live line can be drawn
	quiet    bool
	live     *progress.Line
	err      error  // the first failure to write
	closed   func() // called when nobody reads any more

	bold, faint, good *color.Color
}

func newConsole(file *os.File) *console {
	c := &console{
		file: file, out: file, closed: func() {},
		terminal: cli.Terminal(file) != nil,
		bold:     color.New(color.Bold), faint: color.New(color.Faint), good: color.New(color.FgGreen),
	}
	// https://no-color.org: any value but the empty one turns colours off.
	coloured := c.terminal && os.Getenv("NO_COLOR") == ""
	for _, style := range []*color.Color{c.bold, c.faint, c.good} {
		if coloured {
			style.EnableColor()
		} else {
			style.DisableColor()
		}
	}
	return c
}

// Write prints as it stands.
func (c *console) Write(text []byte) (int, error) {
	n, err := c.out.Write(text)
	if err != nil && c.err == nil {
		c.err = err
		if errors.Is(err, syscall.EPIPE) {
			c.closed()
		}
	}
	return n, err
}

// line prints a line of text for people, in which parts may be foreign, broken between words where a terminal is too narrow for it.
func (c *console) line(text string) {
	fmt.Fprintln(c, cli.Hang(foreign.Styled(text), labelColumns, cli.Columns(c.file)))
}

// whole prints a line of text that is to be copied: where a terminal breaks it, it stays one line there.
func (c *console) whole(text string) {
	fmt.Fprintln(c, foreign.Styled(text))
}

// detail prints a line that -quiet leaves out.
func (c *console) detail(text string) {
	if !c.quiet {
		c.line(text)
	}
}

// field prints a line with its label, unless -quiet.
func (c *console) field(label, text string) { c.detail(c.label(label) + text) }

// labelColumns is the width of labels.
const labelColumns = 9

// label is a line's first word, in its own column.
func (c *console) label(name string) string { return c.faint.Sprintf("%-*s", labelColumns, name) }

// startLive begins the live line, on a terminal and unless -quiet.
func (c *console) startLive() {
	if c.terminal && !c.quiet {
		c.live = progress.New(c.file)
		c.out = c.live
	}
}

// stopLive takes the live line away again.
func (c *console) stopLive() {
	if c.live != nil {
		c.live.Close()
		c.live, c.out = nil, c.file
	}
}

// failure is the first failure to print, for the exit code.
func (c *console) failure() error { return cli.Printed(c.err) }
