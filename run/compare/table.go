package compare

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"mdfa/internal/foreign"
	"mdfa/internal/wording"
	"mdfa/run/settings"
)

// Forms are the forms of a table.
var Forms = []string{"text", "markdown", "csv", "latex"}

// Write writes the comparison as a table in one of Forms.
func (c *Comparison) Write(w io.Writer, form string) error {
	var b strings.Builder
	switch form {
	case "text":
		c.text(&b)
	case "markdown":
		c.markdown(&b)
	case "csv":
		c.csv(&b)
	case "latex":
		c.latex(&b)
	default:
		return wording.Usagef("-table %s: expected one of %s.", wording.Shown(form), strings.Join(Forms, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// column is a column of a table for people. A cell of what there is not is empty.
type column struct {
	head   string
	text   bool // aligned to the left
	detail bool // left out where there is no room for everything, as in a paper
	cell   func(*Task, *Group) string
}

var taskColumn = column{head: "task", text: true, cell: func(t *Task, _ *Group) string { return t.Name }}

// outcomes are the columns about a group alone.
func (c *Comparison) outcomes() []column {
	list := []column{
		{head: c.Contested, text: true, cell: func(_ *Task, g *Group) string { return g.Name }},
		{head: "runs", cell: func(_ *Task, g *Group) string { return strconv.Itoa(len(g.Runs)) }},
	}
	if c.Measure == ByTest {
		list = append(list, column{head: "test %", cell: func(_ *Task, g *Group) string { return g.Test.String() }})
	}
	return append(list, column{head: "validation %", detail: c.Measure != ByValid, cell: func(_ *Task, g *Group) string { return g.Valid.String() }})
}

// differences are the columns about a group and the baseline.
func (c *Comparison) differences() []column {
	of := func(head string, cell func(*Difference) string) column {
		detail := head == "pairs" || head == "bootstrap" || head == "p"
		return column{head: head, detail: detail, cell: func(_ *Task, g *Group) string {
			if g.Against == nil || g.Against.Pairs() == 0 && head != "pairs" {
				return ""
			}
			return cell(g.Against)
		}}
	}
	return []column{
		of("pairs", func(d *Difference) string { return strconv.Itoa(d.Pairs()) }),
		of("diff", func(d *Difference) string { return signed(d.Mean, d.places()) }),
		of("95 % by t", func(d *Difference) string { return d.T.text(d.places()) }),
		of("bootstrap", func(d *Difference) string { return d.Bootstrap().text(d.places()) }),
		of("w/t/l", func(d *Difference) string { return fmt.Sprintf("%d/%d/%d", d.Wins, d.Ties, d.Losses) }),
		of("p", func(d *Difference) string { return pText(d.P) }),
		of("p Holm", func(d *Difference) string { return pText(d.Corrected) }),
	}
}

// Compared says whether any group has a baseline to be compared with.
func (c *Comparison) Compared() bool {
	for _, t := range c.Tasks {
		if t.Baseline != nil && len(t.Groups) > 1 {
			return true
		}
	}
	return false
}

// Legend explains the columns.
func (c *Comparison) Legend() string { return c.legend(true) }

// legend explains the columns, with or without those of details.
func (c *Comparison) legend(details bool) string {
	text := "Mean ± sample standard deviation over the seeds."
	if !c.Compared() {
		return text
	}
	text += fmt.Sprintf(" diff: mean difference of the %s from %s, in percentage points, by pairs of the same seed.", c.Measure, foreign.Line(c.Baseline))
	wilcoxon := " w/t/l: wins, ties, losses. p%s: Wilcoxon's signed-rank test, two-sided%s corrected for all comparisons of the table."
	if !details {
		return text + " 95 %: its interval by Student's t." + fmt.Sprintf(wilcoxon, " Holm", ",")
	}
	return text + " 95 %: its interval by Student's t, and by the percentiles of the bootstrap." + fmt.Sprintf(wilcoxon, "", "; p Holm:")
}

// Table returns the heads of the columns and the cells of each group, by task. The first column has the groups' names.
func (c *Comparison) Table() (heads []string, cells [][][]string) {
	columns := c.columns()
	for _, col := range columns {
		heads = append(heads, col.head)
	}
	for _, t := range c.Tasks {
		rows := make([][]string, len(t.Groups))
		for i, g := range t.Groups {
			for _, col := range columns {
				rows[i] = append(rows[i], col.cell(t, g))
			}
		}
		cells = append(cells, rows)
	}
	return heads, cells
}

// text writes the table for a terminal.
func (c *Comparison) text(b *strings.Builder) {
	for i, t := range c.Tasks {
		if i > 0 {
			b.WriteByte('\n')
		}
		if t.Name != "" {
			fmt.Fprintf(b, "%s\n\n", foreign.Line(t.Name))
		}
		aligned(b, c.outcomes(), t, t.Groups)
		switch {
		case t.Baseline == nil:
			fmt.Fprintf(b, "\nThere is no run of %s here, so that nothing is compared with it.\n", foreign.Line(c.Baseline))
		case len(t.Groups) == 1:
			fmt.Fprintf(b, "\nThere is nothing to compare %s with.\n", foreign.Line(t.Baseline.Name))
		default:
			b.WriteByte('\n')
			columns := append([]column{c.outcomes()[0]}, c.differences()...)
			columns[0].head = "against " + t.Baseline.Name
			aligned(b, columns, t, t.Groups[1:])
			b.WriteByte('\n')
			for _, claim := range t.Claims() {
				fmt.Fprintln(b, claim)
			}
		}
		if t.Lead != nil {
			fmt.Fprintf(b, "The best two: %s\n", t.Lead.Claim())
		}
	}
	if c.Tasks == nil {
		b.WriteString("no run\n")
	} else {
		fmt.Fprintf(b, "\n%s\n", strings.ReplaceAll(c.Legend(), ". ", ".\n"))
	}
	for _, note := range c.Notes() {
		fmt.Fprintf(b, "note: %s\n", note)
	}
}

// aligned writes columns as wide as their longest cell, numbers aligned to the right.
func aligned(b *strings.Builder, columns []column, t *Task, groups []*Group) {
	rows := make([][]string, len(groups)+1)
	widths := make([]int, len(columns))
	for i, col := range columns {
		rows[0] = append(rows[0], foreign.Line(col.head))
		for j, g := range groups {
			rows[j+1] = append(rows[j+1], foreign.Line(col.cell(t, g)))
		}
		for _, row := range rows {
			widths[i] = max(widths[i], runewidth.StringWidth(row[i]))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			blanks := strings.Repeat(" ", widths[i]-runewidth.StringWidth(cell))
			if columns[i].text {
				line.WriteString(cell + blanks + "  ")
			} else {
				line.WriteString(blanks + cell + "  ")
			}
		}
		fmt.Fprintln(b, strings.TrimRight(line.String(), " "))
	}
}

// columns returns the columns about the groups of a task.
func (c *Comparison) columns() []column {
	if c.Compared() {
		return append(c.outcomes(), c.differences()...)
	}
	return c.outcomes()
}

// wide returns the columns of a table that has all tasks.
func (c *Comparison) wide() []column {
	if len(c.Tasks) > 1 {
		return append([]column{taskColumn}, c.columns()...)
	}
	return c.columns()
}

// markdown writes the table and what explains it.
func (c *Comparison) markdown(b *strings.Builder) {
	cell := strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`").Replace
	columns := c.wide()
	rule := ""
	for _, col := range columns {
		fmt.Fprintf(b, "| %s ", cell(foreign.Line(col.head)))
		rule += map[bool]string{true: "| :-- ", false: "| --: "}[col.text]
	}
	fmt.Fprintf(b, "|\n%s|\n", rule)
	for _, t := range c.Tasks {
		for _, g := range t.Groups {
			for _, col := range columns {
				fmt.Fprintf(b, "| %s ", cell(foreign.Line(col.cell(t, g))))
			}
			b.WriteString("|\n")
		}
	}
	for _, text := range append([]string{c.Legend()}, c.Notes()...) {
		fmt.Fprintf(b, "\n%s\n", cell(text))
	}
}

// latex writes the table with the rules of the package booktabs, and without details: it fits a page of the class article.
func (c *Comparison) latex(b *strings.Builder) {
	escape := strings.NewReplacer(`\`, `\textbackslash{}`, "&", `\&`, "%", `\%`, "$", `\$`, "#", `\#`, "_", `\_`, "{", `\{`, "}", `\}`,
		"~", `\textasciitilde{}`, "^", `\textasciicircum{}`, "±", `$\pm$`, "<", "$<$", ">", "$>$", "–", "--", "×", `$\times$`).Replace
	columns := slices.DeleteFunc(c.columns(), func(col column) bool { return col.detail })
	form := ""
	for _, col := range columns {
		form += map[bool]string{true: "l", false: "r"}[col.text]
	}
	line := func(cell func(column) string) {
		for i, col := range columns {
			text := escape(foreign.Line(cell(col)))
			if !col.text {
				text = strings.TrimSpace(strings.ReplaceAll(" "+text, " -", " $-$"))
			}
			fmt.Fprintf(b, "%s%s", map[bool]string{true: " & "}[i > 0], text)
		}
		b.WriteString(" \\\\\n")
	}
	for _, text := range append([]string{c.legend(false)}, c.Notes()...) {
		fmt.Fprintf(b, "%% %s\n", text)
	}
	fmt.Fprintf(b, "%% \\usepackage{booktabs}\n\\begin{tabular}{%s}\n\\toprule\n", form)
	line(func(col column) string { return col.head })
	for _, t := range c.Tasks {
		b.WriteString("\\midrule\n")
		if t.Name != "" {
			fmt.Fprintf(b, "\\multicolumn{%d}{l}{\\textit{%s}} \\\\\n", len(columns), escape(foreign.Line(t.Name)))
		}
		for _, g := range t.Groups {
			line(func(col column) string { return col.cell(t, g) })
		}
	}
	b.WriteString("\\bottomrule\n\\end{tabular}\n")
}

// csv writes a line for each group, with all digits. Accuracies and their differences are shares of one.
func (c *Comparison) csv(b *strings.Builder) {
	var tasks []Setting
	if len(c.Tasks) > 0 {
		tasks = Differing(each(c.Tasks, func(t *Task) []settings.Fact { return t.Settings }))
	}
	var head []string
	for _, s := range tasks {
		head = append(head, strings.ReplaceAll(s.Name, " ", "_"))
	}
	head = append(head, strings.ReplaceAll(c.Contested, " ", "_"), "runs", "incomplete", "repeated", "test_accuracy", "test_deviation",
		"valid_accuracy", "valid_deviation", "baseline", "pairs", "difference", "t_low", "t_high", "bootstrap_low", "bootstrap_high",
		"wins", "ties", "losses", "p", "p_holm")
	out := csv.NewWriter(b)
	write := func(cells []string) { _ = out.Write(foreign.Cells(cells)) } // a Builder takes everything
	write(head)
	for i, t := range c.Tasks {
		for _, g := range t.Groups {
			var cells []string
			for _, s := range tasks {
				cells = append(cells, strings.TrimPrefix(s.Values[i], missing))
			}
			cells = append(cells, g.Name, strconv.Itoa(len(g.Runs)), strconv.Itoa(len(g.Incomplete)), strconv.Itoa(len(g.Repeated)),
				full(g.Test.Mean), full(g.Test.Deviation), full(g.Valid.Mean), full(g.Valid.Deviation))
			if d := g.Against; d != nil {
				bootstrap := d.Bootstrap()
				cells = append(cells, t.Baseline.Name, strconv.Itoa(d.Pairs()), full(d.Mean), full(d.T.Low), full(d.T.High), full(bootstrap.Low), full(bootstrap.High),
					strconv.Itoa(d.Wins), strconv.Itoa(d.Ties), strconv.Itoa(d.Losses), full(d.P), full(d.Corrected))
			}
			write(append(cells, make([]string, len(head)-len(cells))...))
		}
	}
	out.Flush()
}

// full writes a number with all its digits, and a NaN as "".
func full(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// String writes the mean and the deviation of shares in percent, "97.42 ± 0.11". The deviation has two
// significant digits, and decides on the mean's.
func (s Summary) String() string {
	switch {
	case math.IsNaN(s.Mean):
		return ""
	case math.IsNaN(s.Deviation):
		return fixed(s.Mean, usual)
	}
	p := places(s.Deviation)
	return fixed(s.Mean, p) + " ± " + fixed(s.Deviation, p)
}

// text writes an interval in percentage points.
func (i Interval) text(places int) string {
	if math.IsNaN(i.Low) {
		return ""
	}
	return signed(i.Low, places) + " to " + signed(i.High, places)
}

// String writes the mean in percentage points with its interval by t, "+0.5 (-0.3 to +1.3)".
func (d *Difference) String() string {
	text := signed(d.Mean, d.places())
	if interval := d.T.text(d.places()); interval != "" {
		text += " (" + interval + ")"
	}
	return text
}

// places returns the decimals that the interval of the difference decides on.
func (d *Difference) places() int { return places((d.T.High - d.T.Low) / 2) }

// usual is the number of decimals of a percentage where no deviation decides.
const usual = 2

// places returns the decimals of a percentage with a deviation, which gets two significant digits.
func places(deviation float64) int {
	const most = 4
	if !(deviation > 0) {
		return usual
	}
	_, exponent, _ := strings.Cut(strconv.FormatFloat(100*deviation, 'e', 1, 64), "e")
	e, _ := strconv.Atoi(exponent)
	return min(max(0, 1-e), most)
}

// fixed writes a share in percent.
func fixed(share float64, places int) string {
	text := strconv.FormatFloat(100*share, 'f', places, 64)
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-")
	}
	return text
}

// signed is fixed with a sign, but for zero.
func signed(share float64, places int) string {
	text := fixed(share, places)
	if share > 0 && strings.Trim(text, "0.") != "" {
		text = "+" + text
	}
	return text
}

// pText writes a p to three significant digits.
func pText(p float64) string {
	const least = 1e-4
	switch {
	case math.IsNaN(p):
		return ""
	case p < least:
		return "<0.0001"
	}
	return strconv.FormatFloat(p, 'g', 3, 64)
}
