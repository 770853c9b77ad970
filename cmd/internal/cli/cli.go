// Package cli handles the command lines of all programs: flags whose errors are
// whole sentences, the help text, the page in docs/cli.md, completion scripts for shells,
// exit codes. A program describes itself in a [Program], defines its flags on [Flags] by
// topic, and is a [Command] of a [Joint]:
//
//	var Command = cli.Command{Name: "export", Flags: func() *cli.Flags { return newFlags(&options{}) }, Do: export}
//
//	func newFlags(o *options) *cli.Flags {
//		f := cli.New(cli.Program{
//			Name: "export", Summary: "export writes a trained network as ONNX.",
//			Arguments: "RUN", Examples: []string{"export results/mnist/mdfa-…"},
//		})
//		f.Topic("Output")
//		f.Text(&o.output, "o", "FILE", "net.onnx", "the file to write").File()
//		f.Text(&o.format, "format", "NAME", "onnx", "onnx or safetensors").Among("onnx", "safetensors")
//		return f
//	}
//
//	func export(ctx context.Context, call cli.Call, stdout *os.File) error {
//		var o options
//		paths, err := newFlags(&o).Parse(call.Args)
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// The flags -h, -completion and -manual come with every program. Their text travels as an
// error, an [Answer], which Main prints to standard output.
//
// The standard library's flag package reads the command line: it takes -model and --model alike,
// as users of the paper's program type both. pflag, kong and cobra read -model as the switches m,
// o, d, e, l. urfave/cli/v3 takes both, but its errors are not sentences, its completion starts the
// program at each press of Tab, and help texts, manual and completion scripts would be written
// here all the same.
package cli

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Program describes a program for its help text and its page.
type Program struct {
	Name        string
	Summary     string   // one sentence, or two; the help text's first lines
	Description string   // for the manual: paragraphs of Markdown, "" for none
	Arguments   string   // the arguments besides flags, as in "PATH...", or "" for none
	Folders     bool     // the arguments are folders only, for completion
	Examples    []string // command lines
	Environment []Entry  // variables that it reads
	Files       []Entry  // what it reads and writes
	Closing     string   // a last paragraph of the help text, "" for none
	Twice       string   // what a flag that is given twice means, as a sentence; "": the last one counts

	commands []Entry // of a joint
}

// Entry explains a name.
type Entry struct{ Name, Text string }

// Flags are a program's flags. Each belongs to the topic that was named last.
type Flags struct {
	*flag.FlagSet
	Program Program
	Given   map[string]bool // the flags that were typed

	joint   *Joint // whose own flags they are, nil for those of a command
	topics  []*topic
	problem error // the first value that was refused, as a sentence; or the answer asked for
}

// topic is a heading of the help text with its flags, in the order they were defined.
type topic struct {
	title string
	flags []*Flag
}

// called is what the user types for the program.
func (f *Flags) called() string {
	if parent == nil || f.joint != nil {
		return f.Name()
	}
	return parent.Program.Name + " " + f.Name()
}

// New has the flags that every program has.
func New(p Program) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(p.Name, flag.ContinueOnError), Program: p, Given: map[string]bool{}}
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	return f
}

// spelling says how flags are written, between the quotes of code.
func (p Program) spelling(quote string) string {
	return fmt.Sprintf("Flags may be written %[1]s-x%[1]s or %[1]s--x%[1]s, with a blank or %[2]s before the value. %[3]s", quote, quote+"="+quote,
		cmp.Or(p.Twice, "Where a flag is given twice, the last one counts."))
}

// Topic begins a topic of the help text. The flags defined from here on belong to it; a
// title that was there before is taken up again.
func (f *Flags) Topic(title string) {
	if i := slices.IndexFunc(f.topics, func(t *topic) bool { return t.title == title }); i >= 0 {
		t := f.topics[i]
		f.topics = append(slices.Delete(f.topics, i, i+1), t)
		return
	}
	f.topics = append(f.topics, &topic{title: title})
}

// Parse reads a command line and returns the arguments that are no flags, which may stand
// before, between and behind the flags; "--" ends the flags. The error is a usage error, or
// an [Answer] where the help text or another text was asked for.
func (f *Flags) Parse(args []string) ([]string, error) {
	f.help()
	var rest []string
	for {
		err := f.FlagSet.Parse(args)
		switch {
		case err == flag.ErrHelp:
			return nil, Answer{f.Help()}
		case f.problem != nil:
			return nil, f.problem
		case err != nil && f.NArg() > 0 && malformed(f.Arg(0)):
			return nil, Usagef("%q is no flag: %s -h lists them.", f.Arg(0), f.called())
		case err != nil:
			// What failed is the argument just before those that are left.
			return nil, f.misspelt(args[len(args)-f.NArg()-1])
		case f.NArg() == 0:
			return rest, nil
		case f.Program.Arguments == "":
			return nil, f.stray(f.Args())
		case f.NArg() < len(args) && args[len(args)-f.NArg()-1] == "--":
			return append(rest, f.Args()...), nil
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// all are the flags by topic, -completion and -manual among them.
func (f *Flags) all() []*Flag {
	var flags []*Flag
	for _, t := range f.topics {
		flags = append(flags, t.flags...)
	}
	return flags
}

// malformed says whether an argument starts like a flag but has no name. It is the only
// kind of mistake that the flag package leaves among the arguments still to read.
func malformed(arg string) bool {
	return strings.HasPrefix(arg, "---") || strings.HasPrefix(arg, "-=") || strings.HasPrefix(arg, "--=")
}

// misspelt explains the mistake in an argument that the flag package refused.
func (f *Flags) misspelt(arg string) error {
	dashless := strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
	name, _, _ := strings.Cut(dashless, "=")
	if known := f.Lookup(name); known != nil {
		return Usagef("-%s needs a value, as in -%s %s.", name, name, known.Value.(*Flag).argument)
	}
	if near := f.closest(name); near != "" {
		return Usagef("there is no flag %s; did you mean -%s?", arg, near)
	}
	return Usagef("there is no flag %s; %s -h lists them.", arg, f.called())
}

// isFlag says whether an argument is a flag with its dashes.
func (f *Flags) isFlag(arg string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return strings.HasPrefix(arg, "-") && f.Lookup(name) != nil
}

// stray refuses arguments that are no flags: the first of args, up to the next flag.
func (f *Flags) stray(args []string) error {
	if next := slices.IndexFunc(args, f.isFlag); next > 0 {
		args = args[:next]
	}
	hint := fmt.Sprintf("%s takes flags only, such as %s.", f.Name(), f.typical())
	switch first := strings.ToLower(args[0]); {
	case first == "true" || first == "false":
		hint = fmt.Sprintf("a switch is set as in -%s or -%s=%s.", f.someSwitch(), f.someSwitch(), first)
	case f.Lookup(args[0]) != nil:
		hint = fmt.Sprintf("did you mean -%s?", args[0])
	}
	noun := "argument"
	if len(args) > 1 {
		noun = "arguments"
	}
	return Usagef("unexpected %s %s: %s", noun, quoteAll(args), hint)
}

// typical is the first flag of the examples that has a value, with it.
func (f *Flags) typical() string {
	for _, example := range f.Program.Examples {
		words := strings.Fields(example)
		for i, word := range words[:max(len(words)-1, 0)] {
			if f.isFlag(word) && !f.isFlag(words[i+1]) {
				return word + " " + words[i+1]
			}
		}
	}
	return "-h"
}

// someSwitch is a flag without a value: one of the examples, or else the first.
func (f *Flags) someSwitch() string {
	first := ""
	for _, v := range f.all() {
		if !v.isBool {
			continue
		}
		if slices.Contains(strings.Fields(strings.Join(f.Program.Examples, " ")), "-"+v.name) {
			return v.name
		}
		first = cmp.Or(first, v.name)
	}
	return first
}

func quoteAll(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = strconv.Quote(a)
	}
	return strings.Join(quoted, ", ")
}
