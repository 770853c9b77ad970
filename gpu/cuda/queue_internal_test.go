//go:build cuda

package cuda

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestFailureIsTakenOnce holds that a queue issues nothing after a failure until it was
// taken, and issues again after that.
func TestFailureIsTakenOnce(t *testing.T) {
	failure := errors.New("no launch")
	issued := 0
	q := &queue{}
	call := func() error { issued++; return failure }
	q.issue(launch{}, call)
	q.issue(launch{}, call)
	assert.Equal(t, 1, issued)
	assert.ErrorContains(t, q.take(), failure.Error())
	assert.NoError(t, q.take())
	q.issue(launch{}, call)
	assert.Equal(t, 2, issued)
}

// TestPeakIsThatOfTheArchitecture takes the figures of the data sheets: V100 SXM2 and H100 SXM.
func TestPeakIsThatOfTheArchitecture(t *testing.T) {
	volta := Description{Major: 7, Minor: 0, Multiprocessors: 80, ClockHz: 1.53e9}
	assert.InDelta(t, 15.7e12, volta.FLOPS(), 0.05e12)
	hopper := Description{Major: 9, Minor: 0, Multiprocessors: 132, ClockHz: 1.98e9}
	assert.InDelta(t, 66.9e12, hopper.FLOPS(), 0.05e12)
}
