package bench

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// timed is a timing whose windows lie around the median.
func timed(windows ...float64) timing {
	return timing{Median: windows[len(windows)/2], Windows: windows, Samples: len(windows)}
}

func TestComparisonMarksWhatMovedBeyondTheNoiseOfBoth(t *testing.T) {
	steady := timed(1, 1.01, 1.02, 1.03, 1.04)
	for name, c := range map[string]struct {
		old, now, oldProducts, nowProducts timing
		want                               string
	}{
		"the same":           {steady, steady, steady, steady, "within noise"},
		"overlap":            {steady, timed(1.02, 1.025, 1.05, 1.06, 1.07), steady, steady, "within noise"},
		"faster":             {steady, timed(0.5, 0.51, 0.52, 0.53, 0.54), steady, steady, "FASTER"},
		"slower":             {steady, timed(2, 2.1, 2.2, 2.3, 2.4), steady, steady, "SLOWER"},
		"one hiccup":         {steady, timed(0.5, 2, 2.1, 2.2, 2.3), steady, steady, "SLOWER"},
		"noisy before":       {timed(0.9, 1, 1.5, 2.5, 3), timed(2, 2.1, 2.2, 2.3, 2.4), steady, steady, "within noise"},
		"the machine":        {steady, timed(2, 2.1, 2.2, 2.3, 2.4), steady, timed(3, 3, 3, 3, 3), "SLOWER, and so are the products alone"},
		"products elsewhere": {steady, timed(2, 2.1, 2.2, 2.3, 2.4), steady, timed(.3, .3, .3, .3, .3), "SLOWER"},
		"no products":        {steady, timed(2, 2.1, 2.2, 2.3, 2.4), timing{}, steady, "SLOWER"},
	} {
		t.Run(name, func(t *testing.T) {
			k := key{"mnist", "fc", "bp", 64}
			old := &report{Cells: []result{{key: k, Step: c.old, Products: c.oldProducts}}}
			now := &report{Cells: []result{{key: k, Step: c.now, Products: c.nowProducts}}}
			got := compare(old, now)
			require.Len(t, got.changes, 1)
			assert.Equal(t, c.want, got.changes[0].verdict())
			assert.Empty(t, got.remarks)
		})
	}
}

func TestComparisonSaysWhatElseDiffers(t *testing.T) {
	k := key{"mnist", "fc", "bp", 64}
	old := &report{Math: float32Math, Cells: []result{{key: k, Step: timed(1)}}}
	now := &report{Math: tf32Math, Cells: []result{
		{key: k, Skipped: "does not fit"},
		{key: key{"cifar", "fc", "bp", 64}, Step: timed(1)},
	}}
	got := compare(old, now)
	assert.Empty(t, got.changes)
	assert.Equal(t, []string{`another math: "float32" before, "tf32" now`, "2 of 2 cells have no figures before or now"}, got.remarks)
}

func TestRunIsComparedWithAnEarlierFile(t *testing.T) {
	dir := t.TempDir()
	name, document := filepath.Join(dir, "old.json"), filepath.Join(dir, "new.md")
	args := []string{"-device", "cpu", "-datasets", "mnist", "-nets", "fc", "-models", "bp", "-batch_sizes", "8", "-time", "20ms"}
	runBench(t, append(args, "-json", name)...)
	text := runBench(t, append(args, "-compare", name, "-markdown", document)...)
	assert.Regexp(t, `(?m)^ +mnist-fc +bp +8 +\S+ µs +±\d+% +\S+ µs +±\d+% +\d+\.\d\d +\d+\.\d\d +(within noise|FASTER|SLOWER)`, text)
	var out bytes.Buffer
	o, err := parse([]string{"-device", "cpu", "-compare", document})
	require.NoError(t, err)
	require.ErrorContains(t, run(t.Context(), o, &out, &out), "is no file of -json")
}
