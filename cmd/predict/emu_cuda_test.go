//go:build cuda

package predict

import "testing"

// A few steps and their test take the software GPU some seconds.
func TestAccuracyOnTheSoftwareGPUIsTheRuns(t *testing.T) { testOn(t, "emu", 3) }
