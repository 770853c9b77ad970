package cli

import (
	"fmt"
	"strings"

	"mdfa/internal/parse"
	"mdfa/run/settings"
)

// Completion scripts are made here because no kept library makes them for the standard flag
// package: posener/complete does, and its last release is of 2023; those of cobra and kong
// complete their own command lines only. A script holds everything that it offers, so that
// a press of Tab starts no program.

// shells are the values of -completion.
func shells() []string { return []string{"bash", "zsh", "fish"} }

// Completion is the script that completes the program's command line in a shell. A command that a joint's
// argument named has the joint's.
func (f *Flags) Completion(shell string) (string, error) {
	if parent != nil && f.joint == nil {
		f = parent.flags()
	}
	f.help()
	joint := f.joint != nil
	switch {
	case shell == "bash" && joint:
		return f.bashJoint(), nil
	case shell == "bash":
		return f.bash(), nil
	case shell == "zsh" && joint:
		return f.zshJoint(), nil
	case shell == "zsh":
		return f.zsh(), nil
	case shell == "fish" && joint:
		return f.fishJoint(), nil
	case shell == "fish":
		return f.fish(), nil
	}
	return "", parse.Choice("completion", shell, shells())
}

// arguments returns the kind of completion for an argument that is not a flag.
func (f *Flags) arguments() settings.Path {
	switch {
	case f.Program.Arguments == "", f.joint != nil:
		return settings.NoPath
	case f.Program.Folders:
		return settings.Folder
	}
	return settings.AnyFile
}

// function is the name of a script's function.
func (f *Flags) function() string { return "_mdfa_" + strings.ReplaceAll(f.Name(), "-", "_") }

// quoted quotes a text as one word of a POSIX shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// bashPaths are the flags with which compgen lists paths.
var bashPaths = map[settings.Path]string{settings.AnyFile: "-f", settings.Folder: "-d"}

// bash is the script of one program.
func (f *Flags) bash() string {
	return fmt.Sprintf("# Completion of %s for bash. To have it in this shell: source <(%s -completion bash)\n", f.Name(), f.Name()) + f.bashFunctions() +
		fmt.Sprintf("complete -F %s %s\n", f.function(), f.Name())
}

// bashFunctions completes -x and --x, with the value after a blank or after =, which bash splits off as a
// separate word.
func (f *Flags) bashFunctions() string {
	var names, values strings.Builder
	for _, v := range f.all() {
		fmt.Fprintf(&names, " -%s", v.name)
		if v.isBool {
			continue
		}
		var steps []string
		if v.choices != nil {
			step := f.function() + "_words " + quoted(strings.Join(v.choices, " ")) + ` "$2"`
			if v.list {
				step += " list"
			}
			steps = append(steps, step)
		}
		if flag := bashPaths[v.path]; flag != "" {
			steps = append(steps, f.function()+"_paths "+flag+` "$2"`)
		}
		fmt.Fprintf(&values, "    -%s) %s ;;\n", v.name, strings.Join(append(steps, ":"), "; "))
	}
	arguments := ":"
	if flag := bashPaths[f.arguments()]; flag != "" {
		arguments = f.function() + "_paths " + flag + ` "$word"`
	}
	return strings.NewReplacer(
		"@function", f.function(),
		"@names", quoted(strings.TrimSpace(names.String())),
		"@values", values.String(), "@arguments", arguments,
	).Replace(bashScript)
}

const bashScript = `@function_words() { # the words to choose from, what is typed, and "list" where commas part several
  local before=
  if [[ ${3-} == list && $2 == *,* ]]; then before=${2%,*},; fi
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${2#"$before"}")
}
@function_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$1" -- "$2")
}
# The values of a flag; fails for what takes none.
@function_value() {
  case $1 in
@values    *) return 1 ;;
  esac
}
@function() {
  local word=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [[ $word == '=' ]]; then
    word=
  elif [[ $flag == '=' ]] && ((COMP_CWORD > 1)); then
    flag=${COMP_WORDS[COMP_CWORD-2]}
  fi
  if [[ $flag == -* ]] && @function_value "${flag/#--/-}" "$word"; then
    return
  fi
  if [[ $word == --* ]]; then
    mapfile -t COMPREPLY < <(compgen -P - -W @names -- "${word#-}")
  elif [[ $word == -* || -z $word ]]; then
    mapfile -t COMPREPLY < <(compgen -W @names -- "$word")
  fi
  if [[ $word != -* ]] && ((${#COMPREPLY[@]} == 0)); then
    @arguments
  fi
}
`

// bashJoint hands the words behind a command to the command's function, as if the command were the program.
func (f *Flags) bashJoint() string {
	var functions, cases strings.Builder
	for _, c := range f.joint.Commands {
		flags := c.completed()
		functions.WriteString(flags.bashFunctions())
		fmt.Fprintf(&cases, "    %s) %s ;;\n", c.Name, flags.function())
	}
	names := strings.Join(f.joint.names(), " ")
	return strings.NewReplacer(
		"@functions", functions.String()+f.bashFunctions(), "@function", f.function(), "@program", f.Name(), "@names", quoted(names), "@cases", cases.String(), "@help", helpCommand,
	).Replace(bashJointScript)
}

const bashJointScript = `# Completion of @program for bash. To have it in this shell: source <(@program -completion bash)
@functions@function_command() {
  local command=${COMP_WORDS[1]}
  if ((COMP_CWORD == 1)) && [[ $command != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W @names -- "$command")
    return
  fi
  case $command in
    @help) mapfile -t COMPREPLY < <(compgen -W @names -- "${COMP_WORDS[COMP_CWORD]}"); return ;;
    -*) @function; return ;;
  esac
  COMP_WORDS=("${COMP_WORDS[@]:1}")
  COMP_CWORD=$((COMP_CWORD - 1))
  case $command in
@cases  esac
}
complete -F @function_command @program
`

// completed are the command's flags with those that every program has.
func (c Command) completed() *Flags {
	f := c.Flags()
	f.help()
	return f
}

// zsh is the script of one program.
func (f *Flags) zsh() string { return f.zshFile(f.zshFunction(), f.function()) }

// zshFile is a script that calls a function of it.
func (f *Flags) zshFile(functions, function string) string {
	return strings.NewReplacer("@program", f.Name(), "@functions", functions, "@function", function).Replace(`#compdef @program
# Completion of @program for zsh: put it into a folder of $fpath under the name _@program,
# or have it in this shell: source <(@program -completion zsh)
@functionsif [[ ${funcstack[1]-} == _@program ]]; then
  @function "$@"
else
  compdef @function @program
fi
`)
}

// zshFunction describes the flags to _arguments, which takes a value as the next word or behind =.
func (f *Flags) zshFunction() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s() {\n"+
		"  local hidden='!' # the spelling of two dashes, until someone types it\n  [[ $PREFIX == --* ]] && hidden=\n  _arguments", f.function())
	for _, v := range f.all() {
		value := "=" // it may follow = or a blank
		if v.isBool {
			value = ""
		}
		text := strings.NewReplacer("[", "(", "]", ")", ":", " -").Replace(v.usage)
		more, again := v.zshValue(), ""
		if v.many {
			again = "*"
		}
		fmt.Fprintf(&b, " \\\n    %s", quoted(fmt.Sprintf("(--%s)%s-%s%s[%s]%s", v.name, again, v.name, value, text, more)))
		fmt.Fprintf(&b, " \\\n    $hidden%s", quoted(fmt.Sprintf("(-%s)%s--%s%s%s", v.name, again, v.name, value, more)))
	}
	switch f.arguments() {
	case settings.NoPath:
	case settings.AnyFile:
		b.WriteString(" \\\n    '*:path:_files'")
	case settings.Folder:
		b.WriteString(" \\\n    '*:folder:_files -/'")
	}
	b.WriteString("\n}\n")
	return b.String()
}

// zshJoint hands the words behind a command to the command's function, as if the command were the program.
func (f *Flags) zshJoint() string {
	var functions, names, cases strings.Builder
	for _, c := range f.joint.Commands {
		flags := c.completed()
		functions.WriteString(flags.zshFunction())
		fmt.Fprintf(&cases, "    %s) %s ;;\n", c.Name, flags.function())
	}
	for _, e := range f.joint.entries() {
		fmt.Fprintf(&names, "    %s\n", quoted(e.Name+":"+e.Text))
	}
	function := f.function() + "_command"
	functions.WriteString(f.zshFunction())
	functions.WriteString(strings.NewReplacer("@function_command", function, "@function", f.function(), "@names", names.String(), "@cases", cases.String(), "@help", helpCommand).Replace(
		`@function_command() {
  local -a commands=(
@names  )
  if ((CURRENT == 2)) && [[ $words[2] != -* ]] || [[ $words[2] == @help ]]; then
    _describe command commands
    return
  fi
  local command=$words[2]
  if [[ $command == -* ]]; then
    @function
    return
  fi
  shift words
  ((CURRENT--))
  case $command in
@cases  esac
}
`))
	return f.zshFile(functions.String(), function)
}

// zshValue returns the action of _arguments that completes a flag's value.
func (v *Flag) zshValue() string {
	name := strings.ReplaceAll(v.argument, ":", `\:`)
	switch {
	case v.isBool:
		return ""
	case v.choices != nil && v.list:
		return fmt.Sprintf(":%s:_values -s , %s %s", name, name, strings.Join(v.choices, " "))
	case v.choices != nil && v.path != settings.NoPath:
		return fmt.Sprintf(`:%s:{_alternative "values\:%s\:(%s)" "paths\:path\:_files"}`, name, name, strings.Join(v.choices, " "))
	case v.choices != nil:
		return fmt.Sprintf(":%s:(%s)", name, strings.Join(v.choices, " "))
	case v.path == settings.Folder:
		return ":" + name + ":_files -/"
	case v.path == settings.AnyFile:
		return ":" + name + ":_files"
	}
	return ":" + name + ": "
}

// fish is the script of one program.
func (f *Flags) fish() string { return f.fishTitle() + f.fishLines(f.Name()) }

func (f *Flags) fishTitle() string {
	return fmt.Sprintf("# Completion of %s for fish. To have it in this shell: %s -completion fish | source\n", f.Name(), f.Name())
}

// fishJoint declares the commands, and the flags of each where its name was typed.
func (f *Flags) fishJoint() string {
	var b strings.Builder
	b.WriteString(f.fishTitle())
	first := f.Name() + " -n __fish_use_subcommand"
	b.WriteString(f.fishLines(first))
	for _, e := range f.joint.entries() {
		fmt.Fprintf(&b, "complete -c %s -a %s -d %s\n", first, e.Name, fishQuoted(e.Text))
	}
	fmt.Fprintf(&b, "complete -c %s -n '__fish_seen_subcommand_from %s' -f -a '%s'\n", f.Name(), helpCommand, strings.Join(f.joint.names(), " "))
	for _, c := range f.joint.Commands {
		b.WriteString(c.completed().fishLines(f.Name() + " -n '__fish_seen_subcommand_from " + c.Name + "'"))
	}
	return b.String()
}

// fishQuoted quotes a text as one word of fish.
func fishQuoted(text string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), "'", `\'`) + "'"
}

// fishLines declares a flag a line, as an option of one dash and one of two. command is the program, with a condition
// where the flags are those of one of its commands.
func (f *Flags) fishLines(command string) string {
	var b strings.Builder
	switch f.arguments() {
	case settings.NoPath:
		fmt.Fprintf(&b, "complete -c %s -f\n", command)
	case settings.Folder:
		fmt.Fprintf(&b, "complete -c %s -f -a '(__fish_complete_directories)'\n", command)
	case settings.AnyFile:
	}
	for _, v := range f.all() {
		value := ""
		switch {
		case v.isBool:
		case v.choices != nil && v.list:
			value = " -x -a '(__fish_append , " + strings.Join(v.choices, " ") + ")'"
		case v.choices != nil && v.path != settings.NoPath:
			value = " -r -F -a " + quoted(strings.Join(v.choices, " "))
		case v.choices != nil:
			value = " -x -a " + quoted(strings.Join(v.choices, " "))
		case v.path == settings.Folder:
			value = " -x -a '(__fish_complete_directories)'"
		case v.path == settings.AnyFile:
			value = " -r -F"
		default:
			value = " -x"
		}
		fmt.Fprintf(&b, "complete -c %s -o %s -l %s%s -d %s\n", command, v.name, v.name, value, fishQuoted(v.usage))
	}
	return b.String()
}
