package run

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/settings"
)

func TestFeedbackHasAFingerprintOfItsValues(t *testing.T) {
	net, err := model.NewDense(model.Vector(12), []int{2000, 5}, 10, gpu.Tanh)
	require.NoError(t, err)
	fingerprint := func(args string) checkpoint.Feedback {
		t.Helper()
		spec := Defaults()
		words := strings.Fields(args)
		for i := 0; i < len(words); i += 2 {
			require.NoError(t, settings.Find(words[i][1:]).Set(&spec, words[i+1]))
		}
		r, err := New(spec, Options{})
		require.NoError(t, err)
		_, drawn, err := r.initial(net)
		require.NoError(t, err)
		facts, err := r.feedbackFacts(net, drawn)
		require.NoError(t, err)
		return facts
	}
	assert.Equal(t, checkpoint.Feedback{Kind: "none"}, fingerprint("-model bp"))
	seen := map[string]string{}
	for _, args := range []string{
		"-model fa", "-model fa -seed 1", "-model fa -backward_init N1",
		"-model dfa", "-model dfa -seed 1", "-model dfa -backward_init N1", "-model mdfa",
		"-model usf", "-model usf -backward_init U2", "-model frsf", "-model frsf -seed 1",
		"-model brsf", "-model brsf -seed 1", "-model brsf -backward_init N1",
	} {
		f := fingerprint(args)
		assert.Len(t, f.Fingerprint, 64)
		assert.Empty(t, seen[f.Fingerprint], args)
		seen[f.Fingerprint] = args
		assert.Equal(t, f, fingerprint(args+" -forward_init U0.5"), "the weights do not count")
	}
	assert.Equal(t, fingerprint("-model mdfa"), fingerprint("-model mdfa -feedback generated"))
}
