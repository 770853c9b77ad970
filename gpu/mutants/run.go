package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	kernelSource = "kernels.cu"
	kernelPTX    = "gpu/cuda/kernels.ptx"

	// testLimit stops tests that a bug keeps from ending.
	testLimit = 2 * time.Minute
)

// verdict is the outcome for a mutant.
type verdict struct {
	kind   string // one of the constants below
	detail string // the first words of the finding, or the mistake in the list
	took   time.Duration
}

// A mutant is killed in one of four ways, or survives. Broken is a mistake in the list.
const (
	byTest     = "test"
	byEmulator = "software GPU"
	byCrash    = "crash"
	byTimeout  = "time-out"
	survived   = "survived"
	broken     = "broken"
)

// runner builds and tests mutants with go's overlays: the checkout stays as it is.
type runner struct {
	root    string // of the repository
	scratch string
	ptxtool string

	mu        sync.Mutex
	binaries  map[string]string  // tests of the unchanged code, by environment and package
	baselines map[string]verdict // the same, by the tests too
}

// newRunner builds the PTX compiler's driver.
func newRunner(ctx context.Context, root, scratch string) (*runner, error) {
	r := &runner{root: root, scratch: scratch, ptxtool: filepath.Join(scratch, "ptxtool"), binaries: map[string]string{}, baselines: map[string]verdict{}}
	if out, err := r.command(ctx, root, nil, "go", "build", "-o", r.ptxtool, "./gpu/cuda/kernels/ptxtool").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building ptxtool: %w\n%s", err, out)
	}
	// All mutants share the compiler that it fetches.
	return r, os.MkdirAll(filepath.Join(root, ".cache", "ptx"), 0o755)
}

func (r *runner) command(ctx context.Context, dir string, env []string, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env, c.WaitDelay = dir, append(os.Environ(), env...), time.Second
	return c
}

// run tests one mutant, and before it the unchanged tree.
func (r *runner) run(ctx context.Context, m mutant) verdict {
	start := time.Now()
	v := r.try(ctx, m)
	v.took = time.Since(start)
	return v
}

func (r *runner) try(ctx context.Context, m mutant) verdict {
	folder, err := os.MkdirTemp(r.scratch, m.name+"-")
	if err != nil {
		return verdict{kind: broken, detail: err.Error()}
	}
	defer os.RemoveAll(folder)
	overlay, ptx, err := r.plant(ctx, m, folder)
	if err != nil {
		return verdict{kind: broken, detail: err.Error()}
	}
	binary, v := r.baseline(ctx, m)
	if v.kind != survived {
		return verdict{kind: broken, detail: "the unchanged code does not pass: " + v.detail}
	}
	if ptx != "" { // the tests of the unchanged code load it
		m.env = append(slices.Clone(m.env), "MDFA_TEST_PTX="+ptx)
		return r.test(ctx, m, binary)
	}
	binary = filepath.Join(folder, "tests")
	if err := r.build(ctx, m, binary, overlay); err != nil {
		return verdict{kind: broken, detail: err.Error()}
	}
	return r.test(ctx, m, binary)
}

// plant writes the changed files, and either the PTX or an overlay that puts them in place.
func (r *runner) plant(ctx context.Context, m mutant, folder string) (overlay, ptx string, err error) {
	replace := map[string]string{}
	for _, e := range m.edits {
		from, to := filepath.Join(r.root, e.file), filepath.Join(folder, e.file)
		if earlier, changed := replace[from]; changed {
			from = earlier
		}
		content, err := os.ReadFile(from)
		if err != nil {
			return "", "", err
		}
		changed, err := e.apply(string(content))
		if err != nil {
			return "", "", fmt.Errorf("does not apply: %w", err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return "", "", err
		}
		if err := os.WriteFile(to, []byte(changed), 0o644); err != nil {
			return "", "", err
		}
		replace[filepath.Join(r.root, e.file)] = to
	}
	if m.area() == kernelSource {
		return "", filepath.Join(folder, kernelPTX), r.compile(ctx, folder)
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", "", err
	}
	overlay = filepath.Join(folder, "overlay.json")
	return overlay, "", os.WriteFile(overlay, text, 0o644)
}

// compile makes the PTX of a changed kernels.cu. A constant that Go shares must not change
// with it, since the wrappers are those of the checkout.
func (r *runner) compile(ctx context.Context, folder string) error {
	r.mu.Lock() // the first one fetches the compiler
	defer r.mu.Unlock()
	if err := errors.Join(os.MkdirAll(filepath.Join(folder, filepath.Dir(kernelPTX)), 0o755),
		os.Mkdir(filepath.Join(folder, ".cache"), 0o755),
		os.Symlink(filepath.Join(r.root, ".cache", "ptx"), filepath.Join(folder, ".cache", "ptx"))); err != nil {
		return err
	}
	if out, err := r.command(ctx, folder, nil, r.ptxtool, "compile").CombinedOutput(); err != nil {
		return fmt.Errorf("does not build: %w\n%s", err, out)
	}
	return nil
}

// baseline returns the tests of the unchanged code, and their verdict. Tests that several
// mutants share are built once and run once.
func (r *runner) baseline(ctx context.Context, m mutant) (binary string, v verdict) {
	build := strings.Join(append(slices.Clone(m.env), fmt.Sprint(m.cuda()), m.test.pkg), " ")
	r.mu.Lock()
	defer r.mu.Unlock()
	binary, built := r.binaries[build]
	if !built {
		binary = filepath.Join(r.scratch, fmt.Sprint("unchanged-", len(r.binaries)))
		if err := r.build(ctx, m, binary, ""); err != nil {
			return "", verdict{kind: broken, detail: err.Error()}
		}
		r.binaries[build] = binary
	}
	run := build + " " + m.test.run
	if _, known := r.baselines[run]; !known {
		r.baselines[run] = r.test(ctx, m, binary)
	}
	return binary, r.baselines[run]
}

// build compiles the tests.
func (r *runner) build(ctx context.Context, m mutant, binary, overlay string) error {
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if m.cuda() {
		args = append(args, "-tags", "cuda")
	}
	if out, err := r.command(ctx, r.root, m.env, "go", append(args, m.test.pkg)...).CombinedOutput(); err != nil {
		return fmt.Errorf("does not build: %w\n%s", err, out)
	}
	return nil
}

// test runs the tests until the first fails.
func (r *runner) test(ctx context.Context, m mutant, binary string) verdict {
	limit, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	out, err := r.command(limit, filepath.Join(r.root, m.test.pkg), m.env, binary,
		"-test.failfast", "-test.run", m.test.run).CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return verdict{kind: broken, detail: "stopped"}
	case limit.Err() != nil:
		return verdict{kind: byTimeout, detail: "still running after " + testLimit.String()}
	}
	return judge(out, err)
}

// The output of tests: the message of an assertion, a finding of the software GPU, a crash.
var (
	reAssertion = regexp.MustCompile(`(?s)\bError:\s*(.{1,300})`)
	reEmulator  = regexp.MustCompile(`\bsoftgpu: [^"\n]*`)
	reCrash     = regexp.MustCompile(`(?m)^(?:panic: |fatal error: |SIG[A-Z]+: |unexpected fault).*$`)
)

// judge reads the output of tests.
func judge(out []byte, err error) verdict {
	switch {
	case bytes.Contains(out, []byte("testing: warning: no tests to run")):
		return verdict{kind: broken, detail: "no test has the name"}
	case err == nil:
		return verdict{kind: survived}
	}
	if found := reEmulator.Find(out); found != nil {
		return verdict{kind: byEmulator, detail: string(found)}
	}
	if found := reCrash.Find(out); found != nil {
		return verdict{kind: byCrash, detail: string(found)}
	}
	if !bytes.Contains(out, []byte("--- FAIL")) {
		return verdict{kind: broken, detail: fmt.Sprintf("the tests ended without a result: %v\n%s", err, out)}
	}
	detail := ""
	if found := reAssertion.FindSubmatch(out); found != nil {
		detail = string(found[1])
	}
	return verdict{kind: byTest, detail: detail}
}
