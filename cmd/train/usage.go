package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

const exampleCommands = `Examples
  train -model mdfa -convnet -classes 2
  train -dataset fashion-mnist -model dfa -layers 400,400 -optimizer adam -max_epochs 20
`

// flagGroup is a topic of the help text.
type flagGroup struct {
	title string
	names []string
}

func flagGroups() []flagGroup {
	return []flagGroup{
		{"Data", []string{"dataset", "classes", "data", "coarse", "size", "cache"}},
		{"Network", []string{"model", "convnet", "layers", "filters", "activation", "forward_init", "backward_init", "feedback", "clamp_floor"}},
		{"Training", []string{"optimizer", "lr", "l2", "reduction", "batch_size", "max_epochs", "max_steps", "seed"}},
		{"Machine and output", []string{"device", "devices", "sync", "tf32", "profile", "out", "quiet", "version"}},
	}
}

// printUsage writes the help text: the flags by topic, and two examples.
func printUsage(w io.Writer) error {
	f := newFlags()
	var b strings.Builder
	b.WriteString("train teaches a network with backpropagation (bp) or without it (fa, dfa, mdfa).\n\n")
	b.WriteString(exampleCommands)
	for _, group := range flagGroups() {
		fmt.Fprintf(&b, "\n%s\n", group.title)
		for _, name := range group.names {
			entry := f.Lookup(name)
			head := strings.TrimSpace("-" + name + " " + entry.Value.(*value).argument)
			fmt.Fprintf(&b, "  %-20s %s%s\n", head, entry.Usage, defaultText(entry))
		}
	}
	b.WriteString("\nFlags may be written -x or --x, with a blank or = before the value.\n" +
		"Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// defaultText is the default, where the usage does not name it itself.
func defaultText(f *flag.Flag) string {
	if f.DefValue == "" || f.Value.(*value).isBool || strings.Contains(f.Usage, "(default") {
		return ""
	}
	return fmt.Sprintf(" (default %s)", f.DefValue)
}

// closest is the flag that name was most likely meant to be, or "".
func (f *flags) closest(name string) string {
	const far = 3 // edits; more is another word
	best, fewest := "", far
	f.VisitAll(func(known *flag.Flag) {
		if d := editDistance(name, known.Name); d < fewest && d < len(known.Name) {
			best, fewest = known.Name, d
		}
	})
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
