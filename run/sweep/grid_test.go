package sweep

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/wording"
	"mdfa/run"
)

// gridOf is the grid of flags such as "seed 0-2".
func gridOf(t *testing.T, flags ...string) *Grid {
	t.Helper()
	g := NewGrid()
	for _, flag := range flags {
		name, text, _ := strings.Cut(flag, " ")
		require.NoError(t, g.Add(name, text))
	}
	return g
}

// labels are the names of a grid's runs.
func labels(t *testing.T, g *Grid) (list []string) {
	t.Helper()
	specs, err := g.Specs()
	require.NoError(t, err)
	for i := range specs {
		list = append(list, g.Label(&specs[i]))
	}
	return list
}

func TestRunsThatAreComparedFollowEachOther(t *testing.T) {
	assert.Equal(t, []string{
		"bp  classes 2  seed 0", "mdfa  classes 2  seed 0", "bp  classes 5  seed 0", "mdfa  classes 5  seed 0",
		"bp  classes 2  seed 1", "mdfa  classes 2  seed 1", "bp  classes 5  seed 1", "mdfa  classes 5  seed 1",
	}, labels(t, gridOf(t, "model bp,mdfa", "seed 0-1", "classes 2,5")))
	assert.Equal(t, []string{"bp  seed 0"}, labels(t, NewGrid()), "a grid of nothing is the run of train without flags")
}

func TestRangesListsAndRepeatedFlags(t *testing.T) {
	g := gridOf(t, "seed 0-2,7", "seed 9", "layers 10", "layers 20,30", "convnet true,false", "lr 0.1,1e-3", "max_epochs 3")
	specs, err := g.Specs()
	require.NoError(t, err)
	assert.Len(t, specs, 5*2*2*2)
	seeds, layers := map[int64]bool{}, map[string]bool{}
	for _, s := range specs {
		seeds[s.Seed], layers[s.Layers] = true, true
		assert.Equal(t, 3, s.MaxEpochs)
		assert.True(t, s.Chosen("layers"))
		assert.False(t, s.Chosen("model"))
	}
	assert.Equal(t, map[int64]bool{0: true, 1: true, 2: true, 7: true, 9: true}, seeds)
	assert.Equal(t, map[string]bool{"10": true, "20,30": true}, layers)
}

func TestWhereKeepsAPartOfTheGrid(t *testing.T) {
	g := gridOf(t, "model bp,fa,mdfa", "seed 0-9")
	require.NoError(t, g.Where("model != fa"))
	require.NoError(t, g.Where("seed=3-4,8"))
	assert.Equal(t, []string{"bp  seed 3", "mdfa  seed 3", "bp  seed 4", "mdfa  seed 4", "bp  seed 8", "mdfa  seed 8"}, labels(t, g))
	require.NoError(t, g.Where("model=dfa"))
	_, err := g.Specs()
	assert.EqualError(t, err, "-where leaves none of the grid's 30 runs.")
}

func TestAValueInTwoSpellingsIsRefused(t *testing.T) {
	for name, values := range map[string][2]string{
		"layers": {"100,20", " 100, 20"}, "filters": {"8:3:1", "8:3:1:0"}, "augment": {"flip,shift:4", "shift:4,flip"}, "schedule": {"step:3:0.1", "step:3:.1"},
		"warmup": {"5", "5:0.1"}, "forward_init": {"U1", "U1.0"}, "momentum": {"0.9", "0.90"}, "freeze": {"0,1", "1,0"}, "data": {"here", "./here/"},
		"init_from": {"results/../run", "run"}, "class_seed": {"1", "01"}, "convnet": {"true", "true"}, "classes": {"cat+dog", "dog + cat"},
	} {
		g := NewGrid()
		require.NoError(t, g.Add(name, values[0]), name)
		assert.EqualError(t, g.Add(name, values[1]), fmt.Sprintf("-%s names %s twice: leave it out once.", name, wording.Shown(values[1])), name)
	}
	g := gridOf(t, "classes 3+8,4+9", "data here")
	require.NoError(t, g.Where("classes=8+3"))
	require.NoError(t, g.Where("data=./here"))
	assert.Equal(t, []string{"bp  classes 3+8  seed 0"}, labels(t, g))
}

func TestBadValuesOfAGrid(t *testing.T) {
	for flag, want := range map[string]string{
		"seed 9-0":        "-seed 9-0: expected a range from a smaller to a larger number, such as 0-9.",
		"seed 0-99999999": "-seed 0-99999999: a range has at most 100000 numbers.",
		"seed 1,,2":       "-seed 1,,2: a value is missing beside a comma.",
		"seed 0-3,2":      "-seed names 2 twice: leave it out once.",
		"seed 1-x":        "-seed 1-x: expected a whole number from 0 to 4294967295, or several, such as 0-9 or 1,3.",
		"lr 0.1,1e-1":     "-lr names 1e-1 twice: leave it out once.",
		"convnet yes":     "-convnet=yes: expected true or false.",
		"max_epochs 5,10": "-max_epochs 5,10: runs are not told apart by it: give one value for all runs.",
		"model bp, bp":    "-model names bp twice: leave it out once.",
		"lr 1e-3,0.001":   "-lr names 0.001 twice: leave it out once.",
		"classes 3+8,8+3": "-classes names 8+3 twice: leave it out once.",
		"flavour 3":       "-flavour: there is no such setting.",
	} {
		name, text, _ := strings.Cut(flag, " ")
		err := NewGrid().Add(name, text)
		assert.EqualError(t, err, want)
		assert.ErrorIs(t, err, run.ErrUsage)
	}
	for condition, want := range map[string]string{
		"model":     "-where model: expected a setting and its values, such as model=bp,fa or classes!=10.",
		"epochs=3":  "-where epochs=3: there is no setting epochs; sweep -h lists them.",
		"seed=9-0":  "-where seed=9-0: -seed 9-0: expected a range from a smaller to a larger number, such as 0-9.",
		"seed=five": "-where seed=five: -seed five: expected a whole number from 0 to 4294967295.",
	} {
		assert.EqualError(t, NewGrid().Where(condition), want)
	}
	_, err := gridOf(t, "seed 0-99999", "model bp,fa").Specs()
	assert.EqualError(t, err, "the grid has more than 100000 runs: take fewer values.")
}

func TestAGridWithSettingsThatExcludeEachOtherIsRefused(t *testing.T) {
	_, err := New(gridOf(t, "model bp,mdfa", "clamp_floor 0.1", "out "+t.TempDir()), Options{})
	assert.EqualError(t, err, "-clamp_floor goes with -model mdfa only: bp clamps nothing; leave one of them out.")
	assert.ErrorIs(t, err, run.ErrUsage)
}
