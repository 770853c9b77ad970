// Package foreign makes text from outside safe to print: names of files, classes and members of
// archives, cells of tables, settings in checkpoints, messages of servers and libraries.
// Printed unchanged, such text could move the cursor, forge lines or fill the screen.
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

// The number of characters that Text keeps of a longer text, at its beginning and its end.
const (
	keptFirst = 140
	keptLast  = 60
)

// Text returns s in one line that is safe on a terminal: unchanged if it is printable,
// and otherwise as a quoted string of Go, with escapes for control characters,
// line breaks, invalid UTF-8 and the marks that change the direction of writing. A text
// of more than 200 characters loses its middle, with a count of the missing characters.
func Text(s string) string {
	s = cut(s, keptFirst, keptLast)
	if s == "" || s[0] == '"' || s[0] == ' ' || s[len(s)-1] == ' ' || strings.ContainsFunc(s, unprintable) {
		return strconv.Quote(s)
	}
	return s
}

// Word is Text that also quotes a text of several words.
func Word(s string) string {
	if text := Text(s); !strings.Contains(text, " ") || text[0] == '"' {
		return text
	}
	return Quoted(s)
}

// Quoted is Text that always quotes.
func Quoted(s string) string { return strconv.Quote(cut(s, keptFirst, keptLast)) }

// List joins the Text of every element with commas.
func List(texts []string) string {
	shown := make([]string, len(texts))
	for i, s := range texts {
		shown[i] = Text(s)
	}
	return strings.Join(shown, ", ")
}

// unprintable reports whether a character needs an escape. A byte of invalid
// UTF-8 is read as U+FFFD, which the text may hold as well.
func unprintable(r rune) bool { return r == utf8.RuneError || !strconv.IsPrint(r) }

// cut removes the middle of a text of more than first+last characters.
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

// The number of characters that Line keeps of a longer text, such as an error with many foreign parts.
const (
	lineFirst = 3000
	lineLast  = 1000
)

// Line makes one of our lines safe that may hold foreign parts: it escapes each
// unsafe character. It is the last defence, when the foreign parts can no longer be told
// apart; Text should be applied to the parts before.
func Line(s string) string {
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(Clean(cut(s, lineFirst, lineLast)))
}

// style matches the escape sequence of a colour or another style.
var style = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Styled is Clean for one of our texts with styles, which it keeps.
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

// Clean is Line for a text of several lines, of any length.
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

// unsafe reports whether Clean escapes a character: a control character other than a line break or a
// tab, one that changes the direction of writing or breaks the line, or invalid UTF-8.
func unsafe(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}
