//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var large = flag.Bool("large", false, "run gorgonia.org/cu's TestLargeBatch, too, which spins for minutes")

// largeBatch makes 100,000 batches while the test spins in a loop without waiting. On two cores it takes minutes, of
// which the machine uses seconds.
const largeBatch = "TestLargeBatch"

// ownTests are the tests of gorgonia.org/cu v0.9.6, all of which pass. Those of its packages blas, dnn and nvrtc are
// not run; softgpu/README.md says why.
var ownTests = []string{
	"TestAllocAndCopy", "TestArray", "TestAttributes", "TestBatchContext", "TestCUContext", "TestContext", "TestDevice",
	"TestDevicePtr_AddressRange", "TestJIT", largeBatch, "TestLaunchAndSync", "TestMalloc", "TestMemInfo", "TestMemcpy",
	"TestMemcpyAsync", "TestMemset", "TestModule", "TestMultipleContext", "TestMultipleContextSingleHostThread",
	"TestVersion",
}

// ownLaunches are the kernels that these tests run, TestLargeBatch aside: two in TestMultipleContextSingleHostThread
// and one more after it has changed contexts, and one in each of TestBatchContext, TestLaunchAndSync, TestJIT and
// TestModule.
const ownLaunches = 7

// ownOptions is a GPU that the PTX of these tests may run on, which is for compute capability 7.5.
const ownOptions = "sm=90,driver=13000,memory=1GiB"

// The software GPU is brought into the library's tests by one more file. It runs each test on its own thread:
// the tests count on a context staying current from call to call, and only some lock their goroutine to its thread.
const ownHarness = `package cu

import (
	"os"
	"runtime"
	"testing"

	"mdfa/softgpu"
	"mdfa/softgpu/capi"
)

func TestOnTheSoftwareGPU(t *testing.T) {
	options, err := softgpu.ParseOptions(os.Getenv("MDFA_EMU"))
	if err != nil {
		t.Fatal(err)
	}
	machine := softgpu.New(options)
	if err := capi.Install(machine); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T)
	}{%s} {
		t.Run(test.name, func(t *testing.T) {
			runtime.LockOSThread() // and never unlocked, so that the thread ends with the test
			test.run(t)
		})
	}
	t.Logf("%%d kernels ran", machine.Ledger().Launches)
}
`

func TestGorgoniasOwnTestsPass(t *testing.T) {
	folder, modfile := copyLibrary(t)
	found := findTests(t, folder)
	require.Equal(t, ownTests, found, "the library's tests are not those that are known")
	want := map[string]string{"TestOnTheSoftwareGPU": "pass"}
	launches := ownLaunches
	var list strings.Builder
	for _, name := range found {
		if name == largeBatch {
			if !*large {
				continue
			}
			launches += 104729
		}
		want["TestOnTheSoftwareGPU/"+name] = "pass"
		fmt.Fprintf(&list, "\n\t\t{%q, %s},", name, name)
	}
	list.WriteString("\n\t")
	harness := fmt.Appendf(nil, ownHarness, list.String())
	require.NoError(t, os.WriteFile(filepath.Join(folder, "software_gpu_test.go"), harness, 0o644))

	out, err := goCommand(t, "test", "-modfile", modfile, "-tags", "cuda", "-vet=off", "-timeout", "20m", "-json",
		"-run", "^TestOnTheSoftwareGPU$", "gorgonia.org/cu")
	got, text := results(t, out)
	assert.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Contains(t, text, fmt.Sprintf("%d kernels ran", launches))
	if t.Failed() {
		t.Log(text)
	}
}

// copyLibrary copies gorgonia.org/cu, so that a file can be added to it, and writes a go.mod that is this module's with
// the copy in the library's place. Every module that the library's tests need is one that this module requires.
func copyLibrary(t *testing.T) (folder, modfile string) {
	t.Helper()
	out, err := goCommand(t, "list", "-m", "-f", "{{.Dir}}", "gorgonia.org/cu")
	require.NoError(t, err, "%s", out)
	folder, modfile = t.TempDir(), filepath.Join(t.TempDir(), "go.mod")
	require.NoError(t, os.CopyFS(folder, os.DirFS(strings.TrimSpace(string(out)))))
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(modfile), name), text, 0o644))
	}
	out, err = goCommand(t, "mod", "edit", "-replace", "gorgonia.org/cu="+folder, modfile)
	require.NoError(t, err, "%s", out)
	return folder, modfile
}

// findTests lists the tests in the files of a folder, sorted.
func findTests(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(\w+ \*testing\.T\)`).FindAllSubmatch(text, -1) {
			names[string(found[1])] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// root is the folder of this module, from that of this package.
var root = filepath.Join("..", "..")

// goCommand runs the go command in this module, with the C flags of this test's own build and without a network.
func goCommand(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = root
	command.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "GOPROXY=off", "MDFA_EMU="+ownOptions)
	return command.CombinedOutput()
}

// results reads the output of go test -json: how each test has ended, and the text that was printed.
func results(t *testing.T, out []byte) (map[string]string, string) {
	t.Helper()
	ended := map[string]string{}
	var text strings.Builder
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var event struct{ Action, Test, Output string }
		err := lines.Decode(&event)
		if errors.Is(err, io.EOF) {
			return ended, text.String()
		}
		require.NoError(t, err, "%s", out)
		text.WriteString(event.Output)
		if event.Test != "" && slices.Contains([]string{"pass", "fail", "skip"}, event.Action) {
			ended[event.Test] = event.Action
		}
	}
}
