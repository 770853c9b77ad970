package foreign

import (
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTextIsQuotedWhereItMustBe(t *testing.T) {
	for in, want := range map[string]string{
		"n01440764":                  "n01440764",
		"my photo (2).jpg":           "my photo (2).jpg",
		"Grünspecht, 緑":              "Grünspecht, 緑",
		`C:\new`:                     `C:\new`,
		"":                           `""`,
		" x":                         `" x"`,
		"x ":                         `"x "`,
		`"x"`:                        `"\"x\""`,
		"\x1b[2J\x1b]0;owned\a":      `"\x1b[2J\x1b]0;owned\a"`,
		"a\nimagenet-prep: all good": `"a\nimagenet-prep: all good"`,
		"a\rb\x7f\u0085\u009b31m":    `"a\rb\x7f\u0085\u009b31m"`,
		"cat\u202egpj.exe\u2066":     `"cat\u202egpj.exe\u2066"`,
		"\xff\xfe":                   `"\xff\xfe"`,
		"a\u00a0b\u2028c\ufffd":      `"a\u00a0b\u2028c�"`,
	} {
		assert.Equal(t, want, Text(in))
	}
	assert.Equal(t, `a, "b\n"`, List([]string{"a", "b\n"}))
	assert.Equal(t, `"a b"`, Word("a b"))
	assert.Equal(t, "ab", Word("ab"))
	assert.Equal(t, `"a\n b"`, Word("a\n b"))
}

func TestALongTextLosesItsMiddle(t *testing.T) {
	long := strings.Repeat("ä", 140) + strings.Repeat("x", 60_000) + strings.Repeat("ö", 60)
	assert.Equal(t, strings.Repeat("ä", 140)+"…(60,000 characters left out)…"+strings.Repeat("ö", 60), Text(long))
	fits := strings.Repeat("ä", 200)
	assert.Equal(t, fits, Text(fits))
	lines := Line(strings.Repeat("y\n", 30_000))
	assert.Less(t, len(lines), 6100)
	assert.Contains(t, lines, "…(56,000 characters left out)…")
}

func TestCleanKeepsOurLinesAndNothingElse(t *testing.T) {
	assert.Equal(t, "a\n\tb ä 緑", Clean("a\n\tb ä 緑"))
	assert.Equal(t, `a\x1b[2J\r\u202e\xff\u2028`, Clean("a\x1b[2J\r\u202e\xff\u2028"))
}

func TestStylesOfOursStay(t *testing.T) {
	assert.Equal(t, "\x1b[1mbold\x1b[0;31m \\x1b[2Jx\ny", Styled("\x1b[1mbold\x1b[0;31m \x1b[2Jx\ny"))
	assert.Equal(t, `a\nb\tc`, Line("a\nb\tc"))
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a", "\x1b[2J", "\u202e\xff\n", strings.Repeat("\u0301", 500)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{Text(s), Word(s), Line(s), strings.NewReplacer("\n", "", "\t", "").Replace(Clean(s))} {
			require.True(t, utf8.ValidString(out))
			for _, r := range out {
				require.False(t, unsafe(r) && r != utf8.RuneError || r < ' ', "%q of %q", out, s)
			}
		}
		require.Equal(t, s, Uncell(Cell(s)))
	})
}

func TestACellIsNoFormulaAndComesBack(t *testing.T) {
	for in, want := range map[string]string{
		"=HYPERLINK(1)": "'=HYPERLINK(1)", "@SUM": "'@SUM", "+x": "'+x", "-x": "'-x", "\tx": "'\tx", "＝1": "'＝1", "'=x": "''=x",
		"-1.5": "-1.5", "+Inf": "+Inf", "-1e-9": "-1e-9", "cat": "cat", "'tis": "'tis", "": "", "NaN": "NaN",
	} {
		assert.Equal(t, want, Cell(in))
		assert.Equal(t, in, Uncell(Cell(in)))
	}
	assert.Equal(t, []string{"a", "'=b"}, Cells([]string{"a", "=b"}))
	var b strings.Builder
	w := csv.NewWriter(&b)
	require.NoError(t, w.Write(Cells([]string{"=1,\"2\""})))
	w.Flush()
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	require.NoError(t, err)
	assert.Equal(t, "=1,\"2\"", Uncell(rows[0][0]))
}
