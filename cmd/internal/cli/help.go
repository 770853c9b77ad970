package cli

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// helpTopic is the last topic of every help text.
const helpTopic = "Help"

// help defines the flags that print a text and end the program.
func (f *Flags) help() {
	if f.Lookup("completion") != nil {
		return
	}
	f.Topic(helpTopic)
	f.ask(&Flag{name: "completion", argument: "SHELL", usage: "print a script that completes this command line: bash, zsh or fish"},
		f.Completion).Among(shells()...)
	f.ask(&Flag{name: "manual", initial: "false", isBool: true, usage: "print the manual page as Markdown and exit"},
		func(string) (string, error) { return f.Manual(), nil })
}

// ask defines a flag that prints a text and ends the program.
func (f *Flags) ask(v *Flag, text func(value string) (string, error)) *Flag {
	v.asks = true
	v.set = func(value string) error {
		answer, err := text(value)
		if err != nil {
			return err
		}
		return Answer{answer}
	}
	return f.define(v)
}

// widest is the width of the help text, in characters.
const widest = 80

// explained is the column where the explanations of flags begin.
const explained = 23

// Help is the help text: the flags by topic, and the examples.
func (f *Flags) Help() string {
	f.help()
	var b strings.Builder
	paragraph := func(text string) { fmt.Fprintln(&b, strings.Join(Wrap(text, widest), "\n")) }
	paragraph(f.Program.Summary)
	b.WriteString("\n")
	if f.Program.Arguments != "" {
		fmt.Fprintf(&b, "Usage\n  %s\n\n", f.synopsis(f.called()))
	}
	if f.Program.commands != nil {
		b.WriteString("Commands\n")
		for _, c := range f.Program.commands {
			fmt.Fprintf(&b, "  %-20s %s\n", c.Name, strings.Join(Wrap(c.Text, widest-explained), "\n"+strings.Repeat(" ", explained)))
		}
		b.WriteString("\n")
	}
	b.WriteString("Examples\n")
	for _, example := range f.Program.Examples {
		if rest, own := strings.CutPrefix(example, f.Name()+" "); own {
			example = f.called() + " " + rest
		}
		fmt.Fprintln(&b, commandLine(example, "  "))
	}
	for _, t := range f.topics {
		fmt.Fprintf(&b, "\n%s\n", t.title)
		for _, v := range t.flags {
			head := fmt.Sprintf("  %-20s ", v.head())
			text := Wrap(v.usage+v.defaultText(), widest-explained)
			indent := "\n" + strings.Repeat(" ", explained)
			if len(head) > explained {
				head = strings.TrimRight(head, " ") + indent
			}
			fmt.Fprintf(&b, "%s%s\n", head, strings.Join(text, indent))
		}
	}
	b.WriteString("\n")
	paragraph(f.Program.spelling(""))
	if f.Program.Closing != "" {
		paragraph(f.Program.Closing)
	}
	paragraph("Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C.")
	return b.String()
}

// valued matches a flag and the blank before its value.
var valued = regexp.MustCompile(`( -\w+) ([^-])`)

// commandLine breaks an example before flags and paths, so that it can be pasted into a shell.
func commandLine(example, indent string) string {
	const tie = "\x00" // where no line ends
	lines := Wrap(valued.ReplaceAllString(example, "$1"+tie+"$2"), widest-10)
	return indent + strings.ReplaceAll(strings.Join(lines, " \\\n    "+indent), tie, " ")
}

// synopsis is the command line in one line.
func (f *Flags) synopsis(name string) string {
	if f.joint != nil {
		return name + " " + f.Program.Arguments
	}
	return strings.TrimSpace(name + " [flags] " + f.Program.Arguments)
}

// head is a flag with the word for its value.
func (v *Flag) head() string { return strings.TrimSpace("-" + v.name + " " + v.argument) }

// defaultText is the default, where the usage does not name it itself.
func (v *Flag) defaultText() string {
	switch {
	case v.initial == "", v.isBool && v.initial == "false", strings.Contains(v.usage, "(default"):
		return ""
	case v.isBool:
		return " (default on)"
	}
	return fmt.Sprintf(" (default %s)", v.initial)
}

// Wrap breaks a text between words into lines of a width.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// closest is the flag that name was most likely meant to be, or "".
func (f *Flags) closest(name string) string {
	var names []string
	f.VisitAll(func(known *flag.Flag) { names = append(names, known.Name) })
	best := closestWord(name, names)
	if best == "" && len(name) > 2 {
		// "epochs" for -max_epochs, "batch" for -batch_size
		f.VisitAll(func(known *flag.Flag) {
			if best == "" && slices.Contains(strings.Split(known.Name, "_"), strings.ToLower(name)) {
				best = known.Name
			}
		})
	}
	return best
}

// closestWord is the one of the words that is most likely meant, or "".
func closestWord(typed string, words []string) string {
	const far = 3 // edits; more is another word
	best, fewest := "", far
	for _, word := range words {
		if d := editDistance(typed, word); d < fewest && d < len(word) {
			best, fewest = word, d
		}
	}
	return best
}

// editDistance counts the letters to insert, delete or replace to turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1) // distances of the part of a so far to each start of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
