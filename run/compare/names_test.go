package compare

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/settings"
)

func facts(pairs ...string) (list []settings.Fact) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, settings.Fact{Name: pairs[i], Text: pairs[i+1]})
	}
	return list
}

func TestGroupsAreNamedByWhatTellsThemApartAndNoMore(t *testing.T) {
	none := func(int) string { return "x" }
	a := facts("rule", "bp", "backward init", "", "lr", "0.1")
	b := facts("rule", "bp", "backward init", "", "lr", "0.2")
	c := facts("rule", "dfa", "backward init", "U1", "lr", "0.1")
	assert.Equal(t, []string{"bp, lr 0.1", "bp, lr 0.2", "dfa, lr 0.1"}, Names([][]settings.Fact{a, b, c}, none))
	assert.Equal(t, []string{"bp", "dfa"}, Names([][]settings.Fact{b, c}, none))
	assert.Equal(t, []string{"x"}, Names([][]settings.Fact{b}, none))

	names := Names([][]settings.Fact{facts("rule", "bp", "lr", "0.1"), facts("rule", "bp", "lr", strings.Repeat("long", 9)), facts("rule", "bp")}, none)
	assert.Equal(t, []string{"x (A)", "x (B)", "x (C)"}, names, "no short setting tells them apart")
	list := Differing([][]settings.Fact{a, c})
	require.Len(t, list, 2)
	assert.Equal(t, Setting{"backward init", []string{"–", "U1"}}, list[1])
}

func TestADataSetThatDiffersIsPartOfEachName(t *testing.T) {
	none := func(int) string { return "x" }
	assert.Equal(t, []string{"mnist, classes 2", "mnist, classes 3", "cifar10, classes 5"}, Names([][]settings.Fact{
		facts("data set", "mnist", "classes", "2"), facts("data set", "mnist", "classes", "3"), facts("data set", "cifar10", "classes", "5"),
	}, none))
	assert.Equal(t, []string{"mnist", "cifar10"}, Names([][]settings.Fact{facts("data set", "mnist", "classes", "2"), facts("data set", "cifar10", "classes", "3")}, none))
	assert.Equal(t, []string{"classes 2", "classes 3"}, Names([][]settings.Fact{facts("data set", "mnist", "classes", "2"), facts("data set", "mnist", "classes", "3")}, none))
}
