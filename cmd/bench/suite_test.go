package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
)

// runBench runs the program as its flags say and returns what it printed.
func runBench(t *testing.T, args ...string) string {
	t.Helper()
	o, err := parse(args)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), o, &out, io.Discard))
	return out.String()
}

// validated reads a file of -json once schema.json has accepted it.
func validated(t *testing.T, name string) *report {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	require.Equal(t, 2020, schema.DraftVersion)
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	value, err := jsonschema.UnmarshalJSON(f)
	require.NoError(t, err)
	require.NoError(t, schema.Validate(value))
	r, err := readReport(name)
	require.NoError(t, err)
	return r
}

// checkQuick runs -quick on a device and checks everything that it leaves behind.
func checkQuick(t *testing.T, device string) *report {
	t.Helper()
	dir := t.TempDir()
	figures, document := filepath.Join(dir, "bench.json"), filepath.Join(dir, "bench.md")
	text := runBench(t, "-device", device, "-quick", "-json", figures, "-markdown", document)
	r := validated(t, figures)
	assert.Equal(t, device, r.Device.Kind)
	require.Len(t, r.Cells, 4)
	for i, c := range r.Cells {
		assert.Equal(t, key{"mnist", []string{"fc", "fc", "conv", "conv"}[i], []string{"bp", "mdfa", "bp", "mdfa"}[i], usualBatch}, c.key)
		assert.Len(t, c.Step.Windows, quickWindows)
		assert.LessOrEqual(t, c.Step.Median, c.Step.P95)
		assert.InEpsilon(t, usualBatch/c.Step.Median, c.ImagesPerSecond, 1e-9)
		assert.InEpsilon(t, c.Step.Median/c.Products.Median, c.StepOverProducts, 1e-9)
		assert.Zero(t, *c.DataWaitShare, "the images are on the device")
		assert.Regexp(t, `(?m)^ +`+c.network()+` +`+c.Model+` +64 +`+number(c.ImagesPerSecond)+` `, text)
	}
	written, err := os.ReadFile(document)
	require.NoError(t, err)
	assert.Contains(t, string(written), "- device: "+r.Device.Name)
	assert.Len(t, regexp.MustCompile(`(?m)^\| mnist-(fc|conv) \| m?(bp|dfa) \| 64 \| `).FindAllString(string(written), -1), 4)
	return r
}

func TestQuickOnTheProcessorIsWhatTheSchemaSays(t *testing.T) {
	r := checkQuick(t, "cpu")
	for _, c := range r.Cells {
		assert.Zero(t, c.Profile, "a processor has no kernels")
		assert.Zero(t, c.DeviceMemoryBytes, "the memory is the host's")
	}
}

func TestSchemaRefusesWhatNoRunWrites(t *testing.T) {
	good := `{"schema":1,"created":"2026-01-02T03:04:05Z","version":"v","go":"g","os":"o","arch":"a","cpu":{"name":"","threads":1},
		"device":{"kind":"cpu","name":"cpu","detail":"","memory_total_bytes":0,"open_seconds":0.1},"math":"float32","optimizer":"rmsprop",
		"data":"resident","windows":1,"cell_seconds":1,"cells":[CELL],"bounds":[]}`
	named := `{"dataset":"mnist","net":"fc","model":"bp","batch_size":1`
	compiler := jsonschema.NewCompiler()
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		cell string
		ok   bool
	}{
		"skipped":              {named + `,"skipped":"does not fit"}`, true},
		"neither":              {named + `}`, false},
		"skipped and measured": {named + `,"skipped":"x","step":{"median_seconds":1,"p95_seconds":1,"windows_seconds":[1],"samples":1,"runs_per_sample":1}}`, false},
		"unknown field":        {named + `,"skipped":"x","speed":1}`, false},
		"unknown rule":         {strings.Replace(named, "bp", "pb", 1) + `,"skipped":"x"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(good, "CELL", c.cell, 1)))
			require.NoError(t, err)
			assert.Equal(t, c.ok, schema.Validate(value) == nil)
		})
	}
	for _, rule := range algo.RuleNames() {
		text := strings.Replace(good, "CELL", strings.Replace(named, "bp", rule, 1)+`,"skipped":"x"}`, 1)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		assert.NoError(t, schema.Validate(value), rule)
	}
}

func TestStreamedImagesAreWaitedForInPartOfTheTimeAtMost(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bench.json")
	text := runBench(t, "-device", "cpu", "-stream", "-datasets", "mnist", "-nets", "fc", "-models", "dfa", "-batch_sizes", "8,16", "-time", "20ms", "-json", name)
	r := validated(t, name)
	assert.Equal(t, streamedData, r.Data)
	require.Len(t, r.Cells, 2)
	for _, c := range r.Cells {
		assert.True(t, *c.DataWaitShare >= 0 && *c.DataWaitShare < 1, "%g", *c.DataWaitShare)
	}
	assert.Regexp(t, `(?m) data wait *$`, text)
}

func TestInterruptedRunKeepsWhatItHas(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bench.json")
	o, err := parse([]string{"-device", "cpu", "-time", "10ms", "-json", name})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The second line of progress is the second cell: the run ends within it, and keeps the first.
	lines := 0
	err = run(ctx, o, io.Discard, writerFunc(func(p []byte) (int, error) {
		if lines++; lines == 2 {
			cancel()
		}
		return len(p), nil
	}))
	require.ErrorIs(t, err, errInterrupted)
	assert.Equal(t, cli.ExitInterrupted, cli.ExitCode(err))
	r := validated(t, name)
	assert.Len(t, r.Cells, 1)
	left := 2*2*len(algo.Rules()) - 1
	assert.Equal(t, left, r.CellsToCome)
	assert.Contains(t, r.header(), [2]string{"note", fmt.Sprintf("cut off: %d cells were not measured", left)})
}

// TestEachCellIsWrittenWhenItIsDone: whatever ends the run, the file has the cells so far.
func TestEachCellIsWrittenWhenItIsDone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bench.json")
	o, err := parse([]string{"-device", "cpu", "-datasets", "mnist", "-models", "bp,dfa", "-time", "10ms", "-json", name})
	require.NoError(t, err)
	var lines []string
	require.NoError(t, run(t.Context(), o, io.Discard, writerFunc(func(p []byte) (int, error) {
		if done := len(lines); done > 0 {
			r := validated(t, name)
			assert.Len(t, r.Cells, done)
			assert.Equal(t, 4-done, r.CellsToCome)
		}
		lines = append(lines, string(p))
		return len(p), nil
	})))
	require.Len(t, lines, 4)
	assert.Equal(t, "cell 1 of 4: mnist-fc bp 64\n", lines[0])
	assert.Regexp(t, `^cell 4 of 4: mnist-conv dfa 64 \(about \d+s left\)\n$`, lines[3])
	assert.Zero(t, validated(t, name).CellsToCome)
}

func TestFileThatCannotBeWrittenEndsTheRunAtTheFirstCell(t *testing.T) {
	o, err := parse([]string{"-device", "cpu", "-time", "10ms", "-json", t.TempDir()})
	require.NoError(t, err)
	var out bytes.Buffer
	lines := 0
	err = run(t.Context(), o, &out, writerFunc(func(p []byte) (int, error) {
		lines++
		return len(p), nil
	}))
	require.ErrorContains(t, err, "-json: ")
	assert.Equal(t, 1, strings.Count(err.Error(), "-json"))
	assert.Equal(t, 1, lines)
	assert.Contains(t, out.String(), "mnist-fc", "what was measured is printed")
}

func TestFoldersOfTheFilesAreMadeBeforeTheFirstCell(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	o, err := parse([]string{"-device", "cpu", "-quick", "-time", "1ms", "-json", filepath.Join(folder, "bench.json"),
		"-markdown", filepath.Join(folder, "bench.md")})
	require.NoError(t, err)
	require.NoError(t, run(t.Context(), o, io.Discard, io.Discard))
	validated(t, o.json)
	assert.FileExists(t, o.markdown)

	o.json = filepath.Join(o.markdown, "bench.json") // below a file
	var progress bytes.Buffer
	require.ErrorContains(t, run(t.Context(), o, io.Discard, &progress), "-json: ")
	assert.Empty(t, progress.String(), "nothing was measured for a file that cannot be written")
}

func TestTimeLeftIsThatOfTheCellsSoFar(t *testing.T) {
	assert.Empty(t, timeLeft(time.Minute, 0, 4))
	assert.Equal(t, " (about 1m0s left)", timeLeft(time.Minute, 2, 4))
	assert.Equal(t, " (about 1s left)", timeLeft(time.Millisecond, 3, 4))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// crowded is a device that says how little memory is free.
type crowded struct {
	gpu.Device
	free int64
}

func (d crowded) Info() gpu.Info {
	i := d.Device.Info()
	i.MemoryFree = d.free
	return i
}

func TestCellThatDoesNotFitSaysSoAndIsSkipped(t *testing.T) {
	dev := openCPU(t)
	r := &report{Cells: []result{}}
	for _, free := range []int64{1 << 20, 1 << 32} {
		s := &suite{options: options{device: "cpu", duration: time.Millisecond, quick: true}, dev: crowded{dev, free}, progress: io.Discard}
		s.info = s.dev.Info()
		require.NoError(t, s.add(t.Context(), r, workload{mnist, "fc", algo.BP, 64}))
	}
	require.Len(t, r.Cells, 2)
	assert.Regexp(t, `^does not fit: about \S+ MB are needed and 1\.0 MB are free: out of device memory$`, r.Cells[0].Skipped)
	assert.Zero(t, r.Cells[0].Step)
	assert.Empty(t, r.Cells[1].Skipped)
	var out bytes.Buffer
	r.print(&out)
	assert.Contains(t, out.String(), "mnist-fc bp 64: does not fit: ")
}

func TestProductsThatDoNotFitAreLeftOut(t *testing.T) {
	dev := openCPU(t)
	w := workload{mnist, "fc", algo.BP, 64}
	c, err := newCell(dev, w, false)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.free()) }()
	c.dev = crowded{dev, planProducts(c.net, c.rule, c.batch).bytes() - 1}
	require.NoError(t, c.addProducts())
	assert.Nil(t, c.products)
	c.dev = dev
	require.NoError(t, c.addProducts())
	require.NotNil(t, c.products)
	var bytes int64
	for _, b := range c.products.operands {
		bytes += int64(4 * b.Len())
	}
	assert.Equal(t, planProducts(c.net, c.rule, c.batch).bytes(), bytes, "the plan is what is allocated")
}

func TestFLOPsOfTheProductsAreThoseOfTheirShapes(t *testing.T) {
	for _, w := range []workload{{mnist, "fc", algo.BP, 8}, {mnist, "conv", algo.FA, 8}, {mnist, "fc", algo.DFA, 8}, {mnist, "conv", algo.MDFA, 8}, {mnist, "conv", algo.Shallow, 8}, {mnist, "conv", algo.DKP, 8}} {
		net, err := w.build()
		require.NoError(t, err)
		var want float64
		for i, l := range net.Layers {
			one := 2 * float64(w.batch) * float64(l.Units()) * float64(l.FanIn())
			want += one // forward
			if i == len(net.Hidden()) || !w.rule.LogitsOnly {
				want += one // the weight gradient
			}
			if i > 0 && w.rule.Products == algo.LayerProducts {
				want += one
			}
		}
		if w.rule.Products == algo.DirectProducts {
			feedback := 2 * float64(w.batch) * float64(net.Logits) * float64(net.HiddenUnits())
			want += feedback
			if w.rule.LearnsFeedback() {
				want += feedback // its gradient
			}
		}
		assert.Equal(t, want, planProducts(net, w.rule, w.batch).flops(), w.String())
	}
}
