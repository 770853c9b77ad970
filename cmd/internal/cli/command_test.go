package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// jointEnv tells this test binary to be a program that joins commands.
const jointEnv = "CLI_TEST_JOINT"

func TestMain(m *testing.M) {
	if os.Getenv(jointEnv) != "" {
		school().Main()
	}
	os.Exit(m.Run())
}

// school joins two commands. teach prints how it was called.
func school() Joint {
	teach := Command{
		Name:  "teach",
		Flags: func() *Flags { return program(&values{}, "PATH...") },
		Do: func(_ context.Context, call Call, stdout *os.File) error {
			if _, err := program(&values{}, "PATH...").Parse(call.Args); err != nil {
				return err
			}
			_, err := stdout.WriteString(strings.Join(call.Words(), " ") + "; " + strings.Join(call.Other("learn"), " ") + "\n")
			return err
		},
	}
	learn := Command{
		Name:  "learn",
		Flags: func() *Flags { return New(Program{Name: "learn", Summary: "learn is made up, too."}) },
		Do:    func(context.Context, Call, *os.File) error { return context.Canceled },
	}
	return Joint{
		Program:  Program{Name: "school", Summary: "school is made up.", Arguments: "COMMAND [flags]", Examples: []string{"school teach -deep"}},
		Version:  func() string { return "school 1\n" },
		Commands: []Command{teach, learn},
	}
}

func TestTheFirstArgumentOrTheNameOfALinkIsTheCommand(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, name := range []string{"school", "teach"} {
		require.NoError(t, os.Symlink(self, filepath.Join(dir, name)))
	}
	for line, want := range map[string]struct {
		code   int
		stdout string // its beginning
		stderr string
	}{
		"./school teach -deep a": {0, "./school teach -deep a; ./school learn\n", ""},
		"./teach -deep a":        {0, "./teach -deep a; ./learn\n", ""},
		"./school":               {0, "school is made up.\n\nUsage\n  school COMMAND [flags]\n\nCommands\n  teach                is made up\n  learn                is made up, too\n\nExamples\n", ""},
		"./school help":          {0, "school is made up.\n", ""},
		"./school --help":        {0, "school is made up.\n", ""},
		"./school help teach":    {0, "teach is made up.\n\nUsage\n  school teach [flags] PATH...\n\nExamples\n  school teach -deep\n  school teach -model mdfa\n", ""},
		"./teach -h":             {0, "teach is made up.\n\nUsage\n  teach [flags] PATH...\n\nExamples\n  teach -deep\n", ""},
		"./school -version":      {0, "school 1\n", ""},
		"./school learn":         {ExitInterrupted, "", "learn: interrupted.\n"},
		"./school teech":         {ExitUsage, "", "school: there is no command teech; did you mean teach?\n"},
		"./school help teech":    {ExitUsage, "", "school: there is no command teech; did you mean teach?\n"},
		"./school xyzzy":         {ExitUsage, "", "school: there is no command xyzzy; school -h lists them.\n"},
		"./school --model=bp":    {ExitUsage, "", "school: --model=bp is a flag of teach; did you mean school teach --model=bp?\n"},
		"./school -xyzzy":        {ExitUsage, "", "school: there is no flag -xyzzy; school -h lists them.\n"},
		"./school teach -xyzzy":  {ExitUsage, "", "teach: there is no flag -xyzzy; school teach -h lists them.\n"},
		"./teach -xyzzy":         {ExitUsage, "", "teach: there is no flag -xyzzy; teach -h lists them.\n"},
		"./school -- teach":      {ExitUsage, "", "school: a command must come first; school -h lists them.\n"},
	} {
		words := strings.Fields(line)
		cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), jointEnv+"=1")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		_ = cmd.Run() // the exit code says it
		assert.Equal(t, want.code, cmd.ProcessState.ExitCode(), line)
		assert.Equal(t, want.stderr, stderr.String(), line)
		if assert.True(t, strings.HasPrefix(stdout.String(), want.stdout), "%s: %s", line, stdout.String()) && want.stdout == "" {
			assert.Empty(t, stdout.String(), line)
		}
	}
}
