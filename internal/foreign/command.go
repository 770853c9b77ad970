package foreign

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Command returns words as a line for a POSIX shell, safe on a terminal: it quotes a word with
// characters that a shell or a terminal would act upon.
func Command(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		switch {
		case strings.ContainsFunc(w, unprintable):
			w = escaped(w)
		case w == "" || strings.ContainsFunc(w, special):
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted[i] = w
	}
	return strings.Join(quoted, " ")
}

// escaped returns a word as $'…', which bash, zsh and POSIX of 2024 read.
func escaped(word string) string {
	var b strings.Builder
	b.WriteString("$'")
	for len(word) > 0 {
		r, size := utf8.DecodeRuneInString(word)
		switch {
		case unprintable(r):
			for i := range size {
				fmt.Fprintf(&b, `\x%02x`, word[i])
			}
		case r == '\'' || r == '\\':
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
		word = word[size:]
	}
	return b.String() + "'"
}

// special reports whether a character has a meaning for a shell somewhere in a word.
func special(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:,=+@%", r) || r > 127)
}
