package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu/cuda/kernels"
)

const root = "../.."

func listed(t *testing.T) []mutant {
	t.Helper()
	list, err := parse(listText)
	require.NoError(t, err)
	return list
}

// TestEveryMutantApplies holds the list against the code as it is now.
func TestEveryMutantApplies(t *testing.T) {
	names := map[string]bool{}
	for _, m := range listed(t) {
		t.Run(m.name, func(t *testing.T) {
			assert.Regexp(t, `^[a-z0-9-]+$`, m.name)
			assert.False(t, names[m.name], "another mutant has the name")
			names[m.name] = true
			assert.NotEmpty(t, m.edits)
			content := map[string]string{}
			for _, e := range m.edits {
				if _, read := content[e.file]; !read {
					text, err := os.ReadFile(filepath.Join(root, e.file))
					require.NoError(t, err)
					content[e.file] = string(text)
				}
				changed, err := e.apply(content[e.file])
				require.NoError(t, err)
				assert.NotEqual(t, content[e.file], changed)
				content[e.file] = changed
			}
			for file, text := range content {
				if strings.HasSuffix(file, ".go") {
					_, err := parser.ParseFile(token.NewFileSet(), file, text, 0)
					assert.NoError(t, err)
				}
			}
		})
	}
	assert.GreaterOrEqual(t, len(names), 80)
}

// TestEveryMutantHasTests looks for the functions that an entry names.
func TestEveryMutantHasTests(t *testing.T) {
	functions := map[string]string{} // by package, one name a line
	for _, m := range listed(t) {
		if functions[m.test.pkg] == "" {
			files, err := filepath.Glob(filepath.Join(root, m.test.pkg, "*_test.go"))
			require.NoError(t, err)
			for _, file := range files {
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllSubmatch(text, -1) {
					functions[m.test.pkg] += string(found[1]) + "\n"
				}
			}
		}
		for one := range strings.SplitSeq(m.test.run, "|") {
			function, _, _ := strings.Cut(one, "/")
			assert.Regexp(t, "(?m)^"+function, functions[m.test.pkg], "%s names tests of %s", m.name, m.test.pkg)
		}
	}
}

func TestEveryKernelHasAMutant(t *testing.T) {
	var names []string
	for k := range kernels.NumKernels {
		names = append(names, k.String())
	}
	var covered []string
	for _, m := range listed(t) {
		assert.Equal(t, m.area() == kernelSource, len(m.kernels) > 0, "%s: kernels are named where the file is %s", m.name, kernelSource)
		assert.Subset(t, names, m.kernels, m.name)
		if len(m.kernels) > 0 {
			assert.Equal(t, "./gpu/cuda", m.test.pkg, "%s: only these tests load other PTX than that of the checkout", m.name)
			assert.Len(t, m.edits, 1, m.name)
		}
		covered = append(covered, m.kernels...)
	}
	for _, name := range names {
		assert.Contains(t, covered, name, "no mutant changes the kernel")
	}
}

// TestEveryFileHasAMutant goes over the devices' files. Those without functions need none.
func TestEveryFileHasAMutant(t *testing.T) {
	var changed []string
	for _, m := range listed(t) {
		for _, e := range m.edits {
			changed = append(changed, e.file)
		}
	}
	seen := 0
	for _, folder := range []string{"gpu/cuda", "gpu/cuda/internal/arena", "gpu/cuda/internal/cuext", "gpu/cuda/internal/schedule", "gpu/cpu", "gpu/cpu/blas", "gpu/cpu/vec", "gpu/internal/state"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
		require.NoError(t, err)
		for _, path := range files {
			file := folder + "/" + filepath.Base(path)
			if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "_gen.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			require.NoError(t, err)
			if !slices.ContainsFunc(parsed.Decls, func(d ast.Decl) bool { _, is := d.(*ast.FuncDecl); return is }) {
				continue
			}
			seen++
			assert.True(t, slices.Contains(changed, file), "gpu/mutants/list.txt has no mutant of %s", file)
		}
	}
	assert.Greater(t, seen, 40)
}

func TestListsWithMistakesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"file x.go":            `line 1 of the list: "file x.go": a mutant must come first`,
		"mutant a\n- text":     `line 2 of the list: "- text": a file must come first`,
		"mutant a\nfiles x.go": `line 2 of the list: "files x.go": "files" is no keyword`,
	} {
		_, err := parse(text)
		assert.EqualError(t, err, want)
	}
	for content, n := range map[string]int{"b": 0, "aa": 2} {
		_, err := edit{file: "x.go", old: "a\n"}.apply(content)
		assert.EqualError(t, err, fmt.Sprintf(`x.go holds "a" %d times, once is expected`, n))
	}
}

// TestOutputOfTestsIsJudged holds that only a result of the tests counts as killed.
func TestOutputOfTestsIsJudged(t *testing.T) {
	failed := fmt.Errorf("exit status 1")
	for out, want := range map[string]string{
		"--- FAIL: TestX (0.00s)\n    x_test.go:1: \n\tError:      Not equal: \n":   byTest,
		"--- FAIL: TestX (0.00s)\n    x.go:1: sync: softgpu: sgd read beside it":    byEmulator,
		"panic: runtime error: index out of range [1] with length 1\n\ngoroutine 1": byCrash,
		"testing: warning: no tests to run\nPASS\n":                                 broken,
		"cannot load libc": broken,
	} {
		assert.Equal(t, want, judge([]byte(out), failed).kind, out)
	}
	assert.Equal(t, survived, judge([]byte("PASS\n"), nil).kind)
}
