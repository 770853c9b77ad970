package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typed is what a person types before Tab, and the words that the program then gets.
var typed = []struct{ before, want string }{
	{"teach -mod", "[-model]"},
	{"teach --mod", "[--model]"},
	{"teach -model md", "[-model mdfa]"},
	{"teach --model=md", "[--model=mdfa]"},
	{"teach -deep -max", "[-deep -max_steps]"},
	{"teach -rules bp,md", "[-rules bp,mdfa]"},
	{"teach -out fo", "[-out folder"}, // zsh takes the slash away again
	{"teach -data fi", "[-data file]"},
	{"teach -data au", "[-data auto]"},
	{"teach -completion z", "[-completion zsh]"},
}

// typedJoint is the same of a program that joins commands.
var typedJoint = []struct{ before, want string }{
	{"school tea", "[teach]"},
	{"school help lea", "[help learn]"},
	{"school -ver", "[-version]"},
	{"school teach -mod", "[teach -model]"},
	{"school teach --model=md", "[teach --model=mdfa]"},
	{"school teach -deep -rules bp,md", "[teach -deep -rules bp,mdfa]"},
	{"school teach -out fo", "[teach -out folder"},
	{"school teach fi", "[teach file]"},
	{"school learn -man", "[learn -manual]"},
}

// tree is an empty folder, but for a folder and a file to complete.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o666))
	return dir
}

// script writes a completion script.
func script(t *testing.T, f *Flags, shell string) string {
	t.Helper()
	text, err := f.Completion(shell)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	return path
}

// TestTabCompletesInRealShells types into each shell of this machine, on a terminal.
func TestTabCompletesInRealShells(t *testing.T) {
	for shell, start := range map[string]struct {
		args  []string
		setup string
	}{
		"bash": {[]string{"--norc", "--noprofile", "-i"}, "bind 'set bell-style none'; teach() { echo \"GOT[$*]\"; }; source %s\n"},
		"zsh":  {[]string{"-f", "-i"}, "unsetopt beep; autoload -U compinit; compinit -u -D; teach() { print -r -- \"GOT[$*]\" }; source %s\n"},
		"fish": {[]string{"--no-config", "-i"}, "function teach; echo \"GOT[$argv]\"; end; source %s\n"},
	} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not on this machine", shell)
			continue
		}
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			term := interactive(t, shell, start.args...)
			term.send(fmt.Sprintf(start.setup, script(t, program(&values{}, ""), shell)))
			term.send(strings.ReplaceAll(fmt.Sprintf(start.setup, script(t, school().flags(), shell)), "teach", "school"))
			term.send("teach ready\n")
			term.expect("GOT[ready]")
			for _, c := range append(slices.Clone(typed), typedJoint...) {
				term.send(c.before + "\t")
				time.Sleep(150 * time.Millisecond) // a shell that still completes would take Enter for a choice
				term.send("\n")
				term.expect("GOT" + c.want)
			}
		})
	}
}

// terminal is a shell with a person in front of it.
type terminal struct {
	t    *testing.T
	file *os.File
	got  chan string
	seen string
}

func interactive(t *testing.T, shell string, args ...string) *terminal {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), shell, args...)
	cmd.Dir = tree(t)
	cmd.Env = append(os.Environ(), "TERM=xterm", "HOME="+cmd.Dir, "PS1=> ", "XDG_CONFIG_HOME=", "XDG_DATA_HOME=")
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
	require.NoError(t, err)
	x := &terminal{t: t, file: file, got: make(chan string, 1024)}
	go func() {
		defer close(x.got)
		part := make([]byte, 4096)
		for {
			n, err := file.Read(part)
			if err != nil {
				return
			}
			x.got <- string(part[:n])
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // the shell that was started above
		_ = cmd.Wait()
		file.Close()
	})
	return x
}

func (x *terminal) send(keys string) {
	_, err := x.file.WriteString(keys)
	require.NoError(x.t, err)
}

// expect waits for a text, and forgets what came up to it.
func (x *terminal) expect(want string) {
	x.t.Helper()
	late := time.After(20 * time.Second)
	for {
		if _, after, found := strings.Cut(x.seen, want); found {
			x.seen = after
			return
		}
		select {
		case part, open := <-x.got:
			if !open {
				require.FailNow(x.t, "the shell has ended", "%q is missing in %q", want, x.seen)
			}
			x.seen += part
		case <-late:
			require.FailNow(x.t, "nothing more comes", "%q is missing in %q", want, x.seen)
		}
	}
}

func TestBashOffersEveryFlagAndValue(t *testing.T) {
	for _, c := range []struct {
		arguments string
		words     []string
		want      string
	}{
		{"", []string{"teach", ""}, "-model -deep -rules -max_steps -rate -seed -time -out -data -where -completion -manual"},
		{"", []string{"teach", "-model", ""}, "bp fa dfa mdfa"},
		{"", []string{"teach", "-model", "="}, "bp fa dfa mdfa"},
		{"", []string{"teach", "-model", "=", "d"}, "dfa"},
		{"", []string{"teach", "-rules", "bp,"}, "bp,bp bp,fa bp,mdfa"},
		{"", []string{"teach", "-max_steps", ""}, ""},
		{"", []string{"teach", "fi"}, ""},
		{"", []string{"teach", "--d"}, "--deep --data"},
		{"", []string{"teach", "-out", "f"}, "folder"},
		{"", []string{"teach", "-data", "f"}, "file folder"},
		{"", []string{"teach", "-data", ""}, "auto file folder"},
		{"PATH...", []string{"teach", "-deep", "f"}, "file folder"},
	} {
		quotedWords := make([]string, len(c.words))
		for i, w := range c.words {
			quotedWords[i] = quoted(w)
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-c", fmt.Sprintf("source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _mdfa_teach; echo \"${COMPREPLY[*]}\"",
			script(t, program(&values{}, c.arguments), "bash"), strings.Join(quotedWords, " "), len(c.words)-1))
		cmd.Dir = tree(t)
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", text)
		got := strings.Fields(string(text))
		assert.ElementsMatch(t, strings.Fields(c.want), got, c.words)
	}
}

func TestTheScriptsOfAJointAreValid(t *testing.T) {
	for _, shell := range shells() {
		path := script(t, school().flags(), shell)
		if _, err := exec.LookPath(shell); err == nil {
			out, err := exec.CommandContext(t.Context(), shell, "-n", path).CombinedOutput()
			assert.NoError(t, err, "%s: %s", shell, out)
		}
	}
}

func TestProgramsWithADashGetAValidFunction(t *testing.T) {
	f := New(Program{Name: "imagenet-prep", Summary: "s", Arguments: "DIR", Folders: true})
	for _, shell := range shells() {
		text, err := f.Completion(shell)
		require.NoError(t, err)
		assert.Contains(t, text, "imagenet-prep")
		if _, err := exec.LookPath(shell); err == nil {
			out, err := exec.CommandContext(t.Context(), shell, "-n", script(t, f, shell)).CombinedOutput()
			assert.NoError(t, err, "%s: %s", shell, out)
		}
	}
}
