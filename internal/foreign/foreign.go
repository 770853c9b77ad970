// Package foreign prints text that others wrote: names of files, classes and members of
// archives, cells of tables, settings in checkpoints, the words of servers and libraries.
// Printed as it is, such text could move the cursor, forge lines or fill the screen.
package foreign

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// The characters that Text keeps of a longer text, at its beginning and its end.
const (
	keptFirst = 140
	keptLast  = 60
)

// Text returns s in one line that is safe on a terminal: as it is where that is printable,
// and otherwise as a quoted string of Go, in which escapes stand for control characters,
// line breaks, invalid UTF-8 and the marks that change the direction of writing. Of a text
// of more than 200 characters the middle is left out, with a count of what is missing.
func Text(s string) string {
	s = cut(s, keptFirst, keptLast)
	if s == "" || s[0] == '"' || s[0] == ' ' || s[len(s)-1] == ' ' || strings.ContainsFunc(s, unprintable) {
		return strconv.Quote(s)
	}
	return s
}

// Word is Text that also quotes what does not read as one word.
func Word(s string) string {
	if text := Text(s); !strings.Contains(text, " ") || text[0] == '"' {
		return text
	}
	return Quoted(s)
}

// Quoted is Text that quotes everything.
func Quoted(s string) string { return strconv.Quote(cut(s, keptFirst, keptLast)) }

// List is Text of every element, with commas between them.
func List(texts []string) string {
	shown := make([]string, len(texts))
	for i, s := range texts {
		shown[i] = Text(s)
	}
	return strings.Join(shown, ", ")
}

// unprintable says whether a character must not be printed as it is. A byte that is no
// UTF-8 is read as U+FFFD, as is a U+FFFD that the text holds itself.
func unprintable(r rune) bool { return r == utf8.RuneError || !strconv.IsPrint(r) }

// cut leaves out the middle of a text of more than first+last characters.
func cut(s string, first, last int) string {
	n := utf8.RuneCountInString(s)
	if n <= first+last {
		return s
	}
	from, to, seen := 0, 0, 0
	for at := range s {
		switch seen {
		case first:
			from = at
		case n - last:
			to = at
		}
		seen++
	}
	return fmt.Sprintf("%s…(%s characters left out)…%s", s[:from], humanize.Comma(int64(n-first-last)), s[to:])
}

// The characters that Line keeps of a longer text: of an error in which many parts are foreign.
const (
	lineFirst = 3000
	lineLast  = 1000
)

// Line makes a line of ours safe that may hold foreign parts: an escape stands for each
// character that is not to be printed. It is the last defence, where nothing tells which
// part is foreign; Text is to be applied to the parts before.
func Line(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(Clean(cut(s, lineFirst, lineLast)))
}

// style matches a colour or another style as a terminal is told of it.
var style = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Styled is Clean of a text of ours that has styles in it, which stay.
func Styled(s string) string {
	var b strings.Builder
	for {
		at := style.FindStringIndex(s)
		if at == nil {
			return b.String() + Clean(s)
		}
		b.WriteString(Clean(s[:at[0]]) + s[at[0]:at[1]])
		s = s[at[1]:]
	}
}

// Clean is Line of a text of many lines, of any length.
func Clean(s string) string {
	if !strings.ContainsFunc(s, unsafe) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unsafe(r):
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// unsafe says whether Clean replaces a character: a control character but a line break or a
// tab, one that changes the direction of writing or breaks the line, or invalid UTF-8.
func unsafe(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}
