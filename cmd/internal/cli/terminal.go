package cli

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"mdfa/internal/foreign"
)

// Terminal returns the terminal that a program prints to; nil if the output is not a terminal, or is one that
// cannot move its cursor.
func Terminal(out io.Writer) *os.File {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return file
}

// Printed explains a failure to print to standard output; nil stays nil.
func Printed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("printing to standard output failed: %w", err)
}

// Labelled writes a line of a label and a text, which begins at column indent. A line too long
// for the terminal continues below the text.
func Labelled(out io.Writer, indent int, label, text string) error {
	_, err := fmt.Fprintln(out, Hang(fmt.Sprintf("%-*s%s", indent, label, foreign.Line(text)), indent, Columns(out)))
	return err
}

// Columns returns the width of the terminal that a program prints to, 0 if lines may have any length.
func Columns(out io.Writer) int {
	file := Terminal(out)
	if file == nil {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// word is a word with the blanks before it.
var word = regexp.MustCompile(`\s*\S+`)

// Hang breaks a line between words if it is wider than columns, and indents the continuation,
// so that it stands below the text of "label    text". A word that is too wide stays whole.
func Hang(line string, indent, columns int) string {
	const least = 20 // narrower text is not broken
	if columns < indent+least || Visible(line) <= columns {
		return line
	}
	var b strings.Builder
	at := 0
	for _, w := range word.FindAllString(line, -1) {
		if n := Visible(w); at > 0 && at+n > columns {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			w, at = strings.TrimLeft(w, " "), indent
		}
		b.WriteString(w)
		at += Visible(w)
	}
	return b.String()
}

// CommandLines returns a command in lines of at most columns that can be pasted into a shell.
func CommandLines(columns int, words ...string) []string {
	const tie = "\x00" // a blank in quotes, where no line may end
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strings.ReplaceAll(foreign.Command(w), " ", tie)
	}
	const more = ` \`
	lines := Wrap(strings.Join(quoted, " "), columns-len(more))
	for i, line := range lines {
		if lines[i] = strings.ReplaceAll(line, tie, " "); i < len(lines)-1 {
			lines[i] += more
		}
	}
	return lines
}

// colour is the escape sequence that begins or ends a colour.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Visible returns the number of columns that a text takes, colours not counted.
func Visible(text string) int { return runewidth.StringWidth(colour.ReplaceAllString(text, "")) }
