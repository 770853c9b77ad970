package cli

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/run/settings"
)

// values are those of the program that these tests are about.
type values struct {
	model, out, data string
	deep             bool
	steps            int
	rate             float64
	seed             int64
	time             time.Duration
	rules            []string
	where            []string
}

func program(v *values, arguments string) *Flags {
	f := New(Program{
		Name: "teach", Summary: "teach is made up.", Arguments: arguments,
		Examples: []string{"teach -deep", "teach -model mdfa"},
	})
	f.Topic("Rule")
	f.Text(&v.model, "model", "NAME", "bp", "learning rule").Among("bp", "fa", "dfa", "mdfa")
	f.Bool(&v.deep, "deep", "many layers")
	List(f, &v.rules, "rules", "NAME,...", "rules (default all)", func(word string) (string, error) {
		if !slices.Contains([]string{"bp", "fa", "mdfa"}, word) {
			return "", fmt.Errorf("%q is no rule", word)
		}
		return word, nil
	}).Among("bp", "fa", "mdfa")
	f.Topic("Run")
	f.Integer(&v.steps, "max_steps", "N", 3, 1, "steps")
	v.rate, v.seed = 0.5, 7
	f.Setting(&settings.Setting{Name: "rate", Argument: "X", Help: "rate", Field: func(*settings.Spec) any { return &v.rate }}, nil)
	f.Setting(&settings.Setting{Name: "seed", Argument: "N", Help: "seed", Field: func(*settings.Spec) any { return &v.seed }}, nil)
	f.Duration(&v.time, "time", time.Second, "time")
	f.Text(&v.out, "out", "DIR", "", "folder").Folder()
	f.Text(&v.data, "data", "FILE", "", "file").Among("auto").File()
	f.Each(&v.where, "where", "TEST", "condition")
	return f
}

func TestFlagsAndArgumentsStandInAnyOrder(t *testing.T) {
	for _, line := range []string{
		"a -model mdfa b -deep c", "-model=mdfa --deep a b c", "a b c --model=mdfa -deep=true", "-deep a -model mdfa -- b c",
	} {
		var v values
		rest, err := program(&v, "PATH...").Parse(strings.Fields(line))
		require.NoError(t, err, line)
		assert.Equal(t, []string{"a", "b", "c"}, rest, line)
		assert.Equal(t, "mdfa", v.model, line)
		assert.True(t, v.deep, line)
	}
	var v values
	rest, err := program(&v, "PATH...").Parse(strings.Fields("-- -deep -x"))
	require.NoError(t, err)
	assert.Equal(t, []string{"-deep", "-x"}, rest)
}

func TestValuesAreReadAndKept(t *testing.T) {
	var v values
	f := program(&v, "")
	_, err := f.Parse(strings.Fields("-max_steps 9 -rate 1e-4 -seed 5 -time 3s -rules fa,bp,fa -where a=1 -where b=2"))
	require.NoError(t, err)
	assert.Equal(t, values{model: "bp", steps: 9, rate: 1e-4, seed: 5, time: 3 * time.Second, rules: []string{"fa", "bp"}, where: []string{"a=1", "b=2"}}, v)
	assert.True(t, f.Given["where"])
	assert.False(t, f.Given["model"])
}

func TestTheLastOfTwoFlagsCounts(t *testing.T) {
	var v values
	f := program(&v, "")
	_, err := f.Parse(strings.Fields("-model fa -deep -rules fa,bp -model=dfa --deep=false -rules bp"))
	require.NoError(t, err)
	assert.Equal(t, "dfa", v.model)
	assert.False(t, v.deep)
	assert.Equal(t, []string{"bp"}, v.rules)
}

func TestMistakesAreSentencesThatHelp(t *testing.T) {
	for line, want := range map[string]string{
		"-modell bp":         "there is no flag -modell; did you mean -model?",
		"-steps 3":           "there is no flag -steps; did you mean -max_steps?",
		"-xyzzy":             "there is no flag -xyzzy; teach -h lists them.",
		"---model":           `"---model" is no flag: teach -h lists them.`,
		"-model":             "-model needs a value, as in -model NAME.",
		"-model -deep":       "-model needs a value, as in -model NAME, but -deep follows.",
		"-rate x -rate 1":    "-rate x: expected a number from 0 on, such as 0.001 or 1e-4.",
		"-deep=maybe":        "-deep=maybe: expected true or false.",
		"-deep true":         `unexpected argument "true": a switch is set as in -deep or -deep=true.`,
		"model bp":           `unexpected arguments "model", "bp": did you mean -model?`,
		"mdfa":               `unexpected argument "mdfa": teach takes flags only, such as -model mdfa.`,
		"-max_steps 0":       "-max_steps 0: expected a whole number from 1 on.",
		"-rate -1":           "-rate -1: expected a number from 0 on, such as 0.001 or 1e-4.",
		"-rate NaN":          "-rate NaN: expected a number from 0 on, such as 0.001 or 1e-4.",
		"-seed x":            fmt.Sprintf("-seed x: expected a whole number from 0 to %d.", uint32(math.MaxUint32)),
		"-time 0s":           "-time 0s: expected a time of more than 0, such as 500ms or 2s.",
		"-rules bp,dfa":      `-rules bp,dfa: "dfa" is no rule.`,
		"-completion csh":    "-completion csh: expected bash, zsh or fish.",
		"-completion -model": "-completion needs a value, as in -completion SHELL, but -model follows.",
	} {
		_, err := program(&values{}, "").Parse(strings.Fields(line))
		assert.EqualError(t, err, want, line)
		assert.ErrorIs(t, err, ErrUsage, line)
	}
}

func TestHelpIsAnAnswerWhateverElseIsTyped(t *testing.T) {
	for _, line := range []string{"-h", "--help", "-deep -h -xyzzy"} {
		_, err := program(&values{}, "").Parse(strings.Fields(line))
		var answer Answer
		require.ErrorAs(t, err, &answer, line)
		assert.Equal(t, `teach is made up.

Examples
  teach -deep
  teach -model mdfa

Rule
  -model NAME          learning rule (default bp)
  -deep                many layers
  -rules NAME,...      rules (default all)

Run
  -max_steps N         steps (default 3)
  -rate X              rate (default 0.5)
  -seed N              seed (default 7)
  -time TIME           time (default 1s)
  -out DIR             folder
  -data FILE           file
  -where TEST          condition

Help
  -completion SHELL    print a script that completes this command line: bash,
                       zsh or fish
  -manual              print the manual page as Markdown and exit

Flags may be written -x or --x, with a blank or = before the value. Where a flag
is given twice, the last one counts.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C.
`, answer.Text)
	}
}

func TestLongExplanationsAreWrapped(t *testing.T) {
	var text string
	f := New(Program{Name: "teach", Summary: "teach is made up."})
	f.Text(&text, "a_flag_with_a_long_name", "ARGUMENT", "", strings.Repeat("word ", 60))
	for line := range strings.Lines(f.Help()) {
		assert.LessOrEqual(t, len(line), widest+1, line)
	}
}

func TestManualHasEveryFlagOnce(t *testing.T) {
	f := program(&values{}, "PATH...")
	page := f.Manual()
	for _, v := range f.all() {
		assert.Equal(t, 1, strings.Count(page, "| `"+v.head()+"` |"), v.name)
	}
	for _, want := range []string{
		"    teach [flags] PATH...\n", "| `-rules NAME,...` | rules | all |", "| `-max_steps N` | steps | `3` |", "| `-deep` | many layers | off |",
	} {
		assert.Contains(t, page, want)
	}
}

func TestExitCodesTellWhatHappened(t *testing.T) {
	for _, c := range []struct {
		err            error
		code           int
		stdout, stderr string
	}{
		{nil, 0, "", ""},
		{Answer{"text\n"}, 0, "text\n", ""},
		{errors.New("softgpu: no file"), ExitFailed, "", "teach: no file.\n"},
		{errors.New("class \x1b[2J\ntrain: done \u202e"), ExitFailed, "", "teach: class \\x1b[2J\\ntrain: done \\u202e.\n"},
		{errors.Join(errors.New("a"), errors.New("b\nc")), ExitFailed, "", "teach: a.\nteach: b\\nc.\n"},
		{Usagef("-x %d: wrong.", 1), ExitUsage, "", "teach: -x 1: wrong.\n"},
		{fmt.Errorf("%w: bad", algo.ErrConfig), ExitUsage, "", "teach: wrong configuration: bad.\n"},
		{fmt.Errorf("%w in epoch 3", ErrInterrupted), ExitInterrupted, "", "teach: interrupted in epoch 3.\n"},
	} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, c.code, Report("teach", c.err, &stdout, &stderr))
		assert.Equal(t, c.stdout, stdout.String())
		if !errors.Is(c.err, algo.ErrConfig) {
			assert.Equal(t, c.stderr, stderr.String())
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"lr", "lr", 0}, {"modell", "model", 1}, {"batchsize", "batch_size", 1}, {"kitten", "sitting", 3}} {
		assert.Equal(t, c.want, editDistance(c.a, c.b), "%s %s", c.a, c.b)
		assert.Equal(t, c.want, editDistance(c.b, c.a), "%s %s", c.b, c.a)
	}
}
