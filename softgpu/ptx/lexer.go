package ptx

import (
	"fmt"
	"strconv"
	"strings"
)

type tokenKind uint8

const (
	tEOF    tokenKind = iota
	tIdent            // add, %r1, $L__BB0_2, _Z3foo
	tDot              // .global: text is "global"
	tNumber           // 12, 0x1F, 0f3F800000, 1.5e3
	tString
	tPunct // one character
)

type token struct {
	kind tokenKind
	text string
	line int
	glue bool // no blank between this token and the one before
}

// Error is a mistake in PTX text, with its line.
type Error struct {
	Line int
	Msg  string
}

func (e *Error) Error() string { return fmt.Sprintf("softgpu: line %d: %s", e.Line, e.Msg) }

// String names the token in an error.
func (t token) String() string {
	switch t.kind {
	case tEOF:
		return "the end of the text"
	case tDot:
		return "." + t.text
	}
	return strconv.Quote(t.text)
}

type lexer struct {
	src  string
	pos  int
	line int
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c == '%'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool { return isLetter(c) && c != '%' || isDigit(c) }

// blanks skips white space and comments.
func (l *lexer) blanks() {
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == '\n':
			l.line++
			l.pos++
		case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			l.pos++
		case strings.HasPrefix(l.src[l.pos:], "//"):
			n := strings.IndexByte(l.src[l.pos:], '\n')
			if n < 0 {
				l.pos = len(l.src)
			} else {
				l.pos += n
			}
		case strings.HasPrefix(l.src[l.pos:], "/*"):
			n := strings.Index(l.src[l.pos+2:], "*/")
			if n < 0 {
				panic(&Error{l.line, "a comment that starts with /* has no end"})
			}
			l.line += strings.Count(l.src[l.pos:l.pos+n+4], "\n")
			l.pos += n + 4
		default:
			return
		}
	}
}

// next gives the next token.
func (l *lexer) next() token {
	before := l.pos
	l.blanks()
	t := token{line: l.line, glue: l.pos == before}
	if l.pos >= len(l.src) {
		return t
	}
	start := l.pos
	switch c := l.src[l.pos]; {
	case isLetter(c):
		l.pos++
		l.word()
		t.kind, t.text = tIdent, l.src[start:l.pos]
	case c == '.' && l.pos+1 < len(l.src) && isWord(l.src[l.pos+1]):
		l.pos++
		l.word()
		for strings.HasPrefix(l.src[l.pos:], "::") {
			l.pos += 2
			l.word()
		}
		t.kind, t.text = tDot, l.src[start+1:l.pos]
	case isDigit(c):
		l.number()
		t.kind, t.text = tNumber, l.src[start:l.pos]
	case c == '"':
		end := strings.IndexAny(l.src[l.pos+1:], "\"\n")
		if end < 0 || l.src[l.pos+1+end] == '\n' {
			panic(&Error{l.line, "a string has no closing quote on its line"})
		}
		t.kind, t.text = tString, l.src[l.pos+1:l.pos+1+end]
		l.pos += end + 2
	case strings.IndexByte("{}()[]<>,;:+-*/%!~&|^@=?", c) >= 0:
		l.pos++
		t.kind, t.text = tPunct, l.src[start:l.pos]
	default:
		panic(&Error{l.line, fmt.Sprintf("unexpected character %q", rune(c))})
	}
	return t
}

func (l *lexer) word() {
	for l.pos < len(l.src) && isWord(l.src[l.pos]) {
		l.pos++
	}
}

// number takes a literal's characters; parseNumber judges them.
func (l *lexer) number() {
	start := l.pos
	hex := strings.HasPrefix(l.src[start:], "0x") || strings.HasPrefix(l.src[start:], "0X")
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		sign := (c == '+' || c == '-') && !hex && l.pos > start && (l.src[l.pos-1] == 'e' || l.src[l.pos-1] == 'E')
		raw := l.pos-start >= 2 && (l.src[start+1]|0x20 == 'f' || l.src[start+1]|0x20 == 'd')
		if isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '.' && !hex || sign && !raw {
			l.pos++
			continue
		}
		return
	}
}
