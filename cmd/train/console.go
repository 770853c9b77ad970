package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/fatih/color"
	"golang.org/x/term"

	"mdfa/internal/progress"
)

// console is where the program prints. On a terminal it knows colours, the width, and
// a live line below everything else.
type console struct {
	file     *os.File
	out      io.Writer // file, or the live line while there is one
	terminal bool      // a live line can be drawn
	quiet    bool
	json     bool // events for machines, and no text
	live     *progress.Line
	err      error  // the first failure to write
	closed   func() // called when nobody reads any more

	bold, faint, good *color.Color
}

func newConsole(file *os.File) *console {
	c := &console{
		file: file, out: file, closed: func() {},
		terminal: term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb",
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

// width is the terminal's, or 0 where lines may be as long as they like.
func (c *console) width() int {
	if !c.terminal {
		return 0
	}
	width, _, err := term.GetSize(int(c.file.Fd()))
	if err != nil {
		return 0
	}
	return width
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

// line prints a line of text for people.
func (c *console) line(text string) {
	if !c.json {
		fmt.Fprintln(c, text)
	}
}

// detail prints a line that -quiet leaves out.
func (c *console) detail(text string) {
	if !c.quiet {
		c.line(text)
	}
}

// label is a line's first word, in a column of its own.
func (c *console) label(name string) string { return c.faint.Sprintf("%-9s", name) }

// startLive begins the live line, on a terminal and unless -quiet or -log json.
func (c *console) startLive() {
	if c.terminal && !c.quiet && !c.json {
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
func (c *console) failure() error {
	if c.err == nil {
		return nil
	}
	return fmt.Errorf("printing to standard output failed: %w", c.err)
}
