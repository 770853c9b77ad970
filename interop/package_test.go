//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePythonPackageComputesWhatTheProgramDoes(t *testing.T) {
	source, err := filepath.Abs("../python")
	require.NoError(t, err)
	t.Setenv("PYTHONPATH", source)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	t.Setenv("MDFA_PROGRAM", filepath.Join(os.Getenv(binEnv), "mdfa"))
	runs := []string{
		trainRun(t, "-max_steps", "30", "-model", "mdfa", "-layers", "16", "-classes", "3,8"),
		trainRun(t, "-max_steps", "30", "-model", "bp", "-convnet", "-filters", "8:5:2:1,max:3:2,6:3:1:1,avg:2:2", "-layers", "16", "-normalize", "-activation", "relu"),
		trainRun(t, "-max_steps", "30", "-model", "dfa", "-layers", "16", "-classes", "4", "-activation", "pl"),
	}
	text := python(t, "package.py", runs...)
	assert.Contains(t, text, "Network(28x28x1, conv 8 5/2, conv 6 3/1, dense 16, dense 10, relu)")
}

func TestTheExamplesOfThePythonPackage(t *testing.T) {
	source, err := filepath.Abs("../python")
	require.NoError(t, err)
	t.Setenv("PYTHONPATH", source)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	for _, name := range []string{"mdfa", "mdfa._program", "mdfa._run", "mdfa._network"} {
		interpreter, err := filepath.Abs(interpreter())
		require.NoError(t, err)
		text := output(t, "..", interpreter, "-c", "import doctest, sys, importlib; print(doctest.testmod(importlib.import_module(sys.argv[1])))", name)
		assert.Regexp(t, `^TestResults\(failed=0, attempted=[1-9]`, text, name)
	}
}

func TestTheTypesOfThePythonPackage(t *testing.T) {
	interpreter, err := filepath.Abs(interpreter())
	require.NoError(t, err)
	text := output(t, "../python", interpreter, "-m", "mypy", "--strict", "--cache-dir", t.TempDir(), "mdfa")
	assert.Contains(t, text, "no issues found")
}
