//go:build cuda

package cuda

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"gorgonia.org/cu"

	"mdfa/gpu"
)

func TestReasonOfACheckerIsKept(t *testing.T) {
	reason := errors.New("softgpu: the reason")
	var lost error
	c := caller{checker: explainer{reason}, lost: &lost}
	err := c.fail("dense", c.failure("bias_tanh", cu.IllegalAddress))
	assert.ErrorIs(t, err, reason)
	assert.ErrorIs(t, err, gpu.ErrDeviceLost)
	assert.ErrorContains(t, err, "dense: bias_tanh: ")
	assert.ErrorContains(t, err, ": softgpu: the reason")
	assert.Equal(t, err, lost)
	assert.NoError(t, c.failure("bias_tanh", nil))
}

// explainer is a Checker with one answer.
type explainer struct{ reason error }

func (explainer) Pool(uint64, uint64)               {}
func (explainer) AllowRange(uint64, uint64, string) {}
func (explainer) Release(uint64)                    {}
func (e explainer) Explain() error                  { return e.reason }
func (explainer) Traffic() map[string]Traffic       { return nil }
