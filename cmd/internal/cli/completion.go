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

// scripts are the makers of completion scripts, by shell.
var scripts = []struct {
	shell  string
	script func(*Flags) string
}{
	{"bash", (*Flags).bash}, {"zsh", (*Flags).zsh}, {"fish", (*Flags).fish},
}

// shells are the values of -completion.
func shells() []string {
	var names []string
	for _, s := range scripts {
		names = append(names, s.shell)
	}
	return names
}

// Completion is the script that completes the program's command line in a shell.
func (f *Flags) Completion(shell string) (string, error) {
	f.help()
	for _, s := range scripts {
		if s.shell == shell {
			return s.script(f), nil
		}
	}
	return "", parse.Choice("completion", shell, shells())
}

// arguments returns the kind of completion for an argument that is not a flag.
func (f *Flags) arguments() settings.Path {
	switch {
	case f.Program.Arguments == "":
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

// bash completes -x and --x, with the value after a blank or after =, which bash splits off as a
// separate word.
func (f *Flags) bash() string {
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
		"@function", f.function(), "@program", f.Name(),
		"@names", quoted(strings.TrimSpace(names.String())),
		"@values", values.String(), "@arguments", arguments,
	).Replace(bashScript)
}

const bashScript = `# Completion of @program for bash. To have it in this shell: source <(@program -completion bash)
@function_words() { # the words to choose from, what is typed, and "list" where commas part several
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
complete -F @function @program
`

// zsh describes the flags to _arguments, which takes a value as the next word or behind =.
func (f *Flags) zsh() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n# Completion of %s for zsh: put it into a folder of $fpath under the name _%s,\n"+
		"# or have it in this shell: source <(%s -completion zsh)\n%s() {\n"+
		"  local hidden='!' # the spelling of two dashes, until someone types it\n  [[ $PREFIX == --* ]] && hidden=\n  _arguments", f.Name(), f.Name(), f.Name(), f.Name(), f.function())
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
	fmt.Fprintf(&b, "\n}\nif [[ ${funcstack[1]-} == _%s ]]; then\n  %s \"$@\"\nelse\n  compdef %s %s\nfi\n", f.Name(), f.function(), f.function(), f.Name())
	return b.String()
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

// fish declares a flag a line, as an option of one dash and one of two.
func (f *Flags) fish() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %s for fish. To have it in this shell: %s -completion fish | source\n", f.Name(), f.Name())
	if f.arguments() == settings.NoPath {
		fmt.Fprintf(&b, "complete -c %s -f\n", f.Name())
	} else if f.arguments() == settings.Folder {
		fmt.Fprintf(&b, "complete -c %s -f -a '(__fish_complete_directories)'\n", f.Name())
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
		text := strings.ReplaceAll(strings.ReplaceAll(v.usage, `\`, `\\`), "'", `\'`)
		fmt.Fprintf(&b, "complete -c %s -o %s -l %s%s -d '%s'\n", f.Name(), v.name, v.name, value, text)
	}
	return b.String()
}
