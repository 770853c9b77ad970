package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mdfa/internal/wording"
)

// Command is one of the commands of the program mdfa.
type Command struct {
	Name  string
	Flags func() *Flags // new ones, for help texts and completion
	Do    func(ctx context.Context, call Call, stdout *os.File) error
}

// Call is a command as it was typed.
type Call struct {
	Program []string // the words that name the command: bin/train, or mdfa and train
	Args    []string
}

// Words returns the whole command line.
func (c Call) Words() []string { return slices.Concat(c.Program, c.Args) }

// Other returns the words that name another command in the same way.
func (c Call) Other(name string) []string {
	if len(c.Program) > 1 {
		return []string{c.Program[0], name}
	}
	dir, _ := filepath.Split(c.Program[0])
	return []string{dir + name}
}

// Main runs the command and exits. Signals end its context: see [untilSignal].
func (c Command) Main(call Call) {
	err := c.Do(untilSignal(), call, os.Stdout)
	os.Exit(Report(c.Name, Ended(err), os.Stdout, os.Stderr))
}

// Joint is a program that joins commands. A link to it that has the name of a command runs that command.
type Joint struct {
	Program  Program
	Version  func() string // the text of -version
	Commands []Command
}

// parent is the joint whose first argument named the command that runs. It is nil where a link named it.
var parent *Joint

// Main runs the command that the program's own name or its first argument names, and exits.
func (j Joint) Main() {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	if c := j.command(name); c != nil {
		c.Main(Call{Program: []string{os.Args[0]}, Args: os.Args[1:]})
	}
	parent = &j
	c, args, err := j.choose(os.Args[1:])
	if err != nil {
		os.Exit(Report(j.Program.Name, err, os.Stdout, os.Stderr))
	}
	c.Main(Call{Program: []string{os.Args[0], c.Name}, Args: args})
}

// command returns the command of a name, nil if there is none.
func (j Joint) command(name string) *Command {
	if i := slices.IndexFunc(j.Commands, func(c Command) bool { return c.Name == name }); i >= 0 {
		return &j.Commands[i]
	}
	return nil
}

// helpCommand prints the help text of the command that follows it.
const helpCommand = "help"

// choose returns the command that the first argument names, with the others. The error is a usage error, or an answer.
func (j Joint) choose(args []string) (*Command, []string, error) {
	switch {
	case len(args) == 0 || len(args) == 1 && args[0] == helpCommand:
		args = []string{"-h"}
	case args[0] == helpCommand:
		args = []string{args[1], "-h"}
	}
	if c := j.command(args[0]); c != nil {
		return c, args[1:], nil
	}
	if strings.HasPrefix(args[0], "-") {
		return nil, nil, j.ask(args)
	}
	if near := closestWord(args[0], j.names()); near != "" {
		return nil, nil, Usagef("there is no command %s; did you mean %s?", wording.Shown(args[0]), near)
	}
	return nil, nil, Usagef("there is no command %s; %s -h lists them.", wording.Shown(args[0]), j.Program.Name)
}

// ask returns what flags before a command ask for.
func (j Joint) ask(args []string) error {
	f := j.flags()
	f.help()
	for _, c := range j.Commands {
		if flags := c.Flags(); flags.isFlag(args[0]) && !f.isFlag(args[0]) {
			return Usagef("%s is a flag of %s; did you mean %s %s %s?", args[0], c.Name, j.Program.Name, c.Name, args[0])
		}
	}
	if _, err := f.Parse(args); err != nil {
		return err
	}
	return Usagef("a command must come first; %s -h lists them.", j.Program.Name) // as in mdfa -- train
}

// names are those of the commands.
func (j Joint) names() []string {
	names := make([]string, len(j.Commands))
	for i, c := range j.Commands {
		names[i] = c.Name
	}
	return names
}

// entries are the commands with what each does.
func (j Joint) entries() []Entry {
	list := make([]Entry, len(j.Commands))
	for i, c := range j.Commands {
		text := strings.TrimPrefix(c.Flags().Program.Summary, c.Name+" ")
		list[i] = Entry{c.Name, strings.TrimSuffix(strings.Join(strings.Fields(text), " "), ".")}
	}
	return list
}

// flags are the joint's own.
func (j Joint) flags() *Flags {
	p := j.Program
	p.commands = j.entries()
	f := New(p)
	f.joint = &j
	f.Topic(helpTopic)
	f.ask(&Flag{name: "version", initial: "false", isBool: true, usage: "print the version, the commit and what this build holds, and exit"},
		func(string) (string, error) { return j.Version(), nil })
	return f
}
