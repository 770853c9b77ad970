package cli

import (
	"fmt"
	"strings"
)

// Manual is the program's page of docs/cli.md, in Markdown.
func (f *Flags) Manual() string {
	f.help()
	p := f.Program
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n    %s\n", p.Name, strings.Join(strings.Fields(p.Summary), " "), f.synopsis(p.Name))
	if p.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", p.Description)
	}
	for _, t := range f.topics {
		fmt.Fprintf(&b, "\n### %s: %s\n\n| flag | meaning | default |\n| --- | --- | --- |\n", p.Name, lowerFirst(t.title))
		if t.title == helpTopic {
			b.WriteString("| `-h` | print the flags and exit |  |\n")
		}
		for _, v := range t.flags {
			usage, initial := v.manualText()
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.head(), usage, initial)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", p.spelling("`"))
	entries(&b, p.Name+": commands", p.commands)
	entries(&b, p.Name+": environment", p.Environment)
	entries(&b, p.Name+": files", p.Files)
	fmt.Fprintf(&b, "\n### %s: exit codes\n\n0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.\n", p.Name)
	fmt.Fprintf(&b, "\n### %s: examples\n\n", p.Name)
	for _, example := range p.Examples {
		fmt.Fprintln(&b, commandLine(example, "    "))
	}
	if f.joint != nil {
		for _, c := range f.joint.Commands {
			b.WriteString("\n" + c.Flags().Manual())
		}
	}
	return b.String()
}

// manualText returns the flag's meaning and its default, as cells of a table.
func (v *Flag) manualText() (usage, initial string) {
	usage, initial = v.usage, v.initial
	if before, rest, found := strings.Cut(strings.Replace(usage, "(default:", "(default", 1), "(default "); found && strings.HasSuffix(rest, ")") {
		usage, initial = strings.TrimSpace(before), strings.TrimSuffix(rest, ")")
	} else if found {
		initial = "" // it stands in the text
	} else if initial != "" && !v.isBool {
		initial = "`" + initial + "`"
	}
	if v.isBool {
		initial = map[string]string{"true": "on", "false": "off"}[initial]
	}
	if v.asks {
		initial = ""
	}
	escape := strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`)
	return escape.Replace(usage), escape.Replace(initial)
}

func entries(b *strings.Builder, title string, list []Entry) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n", title)
	for _, e := range list {
		fmt.Fprintf(b, "- `%s`: %s\n", e.Name, e.Text)
	}
}

func lowerFirst(text string) string { return strings.ToLower(text[:1]) + text[1:] }
