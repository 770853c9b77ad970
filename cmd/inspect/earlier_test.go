package inspect

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/run/checkpoint"
	"mdfa/run/settings"
)

func TestARunOfAnEarlierVersionIsRead(t *testing.T) {
	text := inspected(t, "../../testdata/earlier/results/mnist/mdfa")
	for _, want := range []string{"mdfa", "conv 4 7/7", "43.33%"} {
		assert.Contains(t, text, want)
	}
	assert.Contains(t, inspected(t, "-runs", "../../testdata/earlier/results"), "complete")
	assert.Contains(t, inspected(t, "../../testdata/earlier/results/mnist/mdfa/checkpoints/previous.safetensors"), "conv 4 7/7")
}

func TestSettingsThatAnEarlierVersionDidWithoutDoNotDiffer(t *testing.T) {
	spec := settings.Defaults()
	flags, given := spec.Record()
	now := &checkpoint.Settings{Flags: flags, Given: given, Rule: "bp", Data: checkpoint.Data{Name: "mnist"}}
	was := *now
	was.Flags = maps.Clone(flags)
	delete(was.Flags, "class_seed")
	was.Flags["classes"] = "0"
	assert.Empty(t, settingsDiff(&was, now))

	was.Flags["classes"] = "2"
	assert.Equal(t, []setting{{"-classes", [2]string{"2", "all"}}}, settingsDiff(&was, now))
}
