package run_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
)

// outside builds testdata/outside, the program of docs/rules.md, in dir as a module of its own, without a network,
// and runs it there.
func outside(dir string) (printed string, err error) {
	source, err := os.ReadFile(filepath.Join("testdata", "outside", "main.go"))
	if err != nil {
		return "", err
	}
	root, err := filepath.Abs("..")
	if err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{
		"main.go": string(source),
		"go.mod":  "module outside\n\ngo 1.26.0\n\nrequire mdfa v0.0.0\n\nreplace mdfa => " + root + "\n",
		"go.sum":  string(sums),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	c := exec.Command("go", "run", ".")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	text, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	return string(text), nil
}

// A program of another module adds a learning rule and trains with it: testdata/outside/main.go.
func Example_ruleOfAnotherModule() {
	dir, err := os.MkdirTemp("", "outside")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	printed, err := outside(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	runs, _ := filepath.Glob(filepath.Join(dir, "results", "mnist", "mixed-dense-c10-s0-*")) // the pattern is sound
	for _, run := range runs {
		left, err := folder.ReadRun(run)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("a run of the rule", left.Rule)
	}
	fmt.Print(printed)
	// Output:
	// a run of the rule mixed
	// mixed: 9 of 10 test images are right
}

func TestTheProgramThatAddsARuleIsShort(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("testdata", "outside", "main.go"))
	require.NoError(t, err)
	assert.Less(t, strings.Count(string(source), "\n"), 40, "lines of the program")
}
