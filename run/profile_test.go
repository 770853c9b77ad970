package run

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// printed is the table of a profile.
func printed(t *testing.T, r Profile) string {
	t.Helper()
	var text strings.Builder
	r.WriteTable(&text)
	return text.String()
}

func TestProfileOfAGPUShowsTimesAgainstItsLimits(t *testing.T) {
	r := NewProfile(gpu.Profile{
		Steps: 100, PeakBytesPerSecond: 1e12, PeakFLOPS: 10e12,
		Kernels: []gpu.KernelProfile{
			{Kernel: "sgemm", Launches: 4, FloorRead: 3e6, FloorWritten: 1e6, FLOPs: 50e6, Seconds: 10e-6},
			{Kernel: "memset", Launches: 1, FloorWritten: 1e6, Seconds: 2e-6},
		},
	})
	assert.Equal(t, ""+
		"   kernel   launches   least read   least written   FLOPs      time   bandwidth   arithmetic\n"+
		"    sgemm          4       3.0 MB          1.0 MB    50 M   10.0 µs         40%          50%\n"+
		"   memset          1          0 B          1.0 MB       -    2.0 µs         50%           0%\n"+
		"    total          5       3.0 MB          2.0 MB    50 M   12.0 µs         42%          42%\n", printed(t, r))
	text, err := json.Marshal(r.Kernels[0])
	require.NoError(t, err)
	assert.JSONEq(t, `{"kernel": "sgemm", "launches": 4, "floor_bytes_read": 3000000, "floor_bytes_written": 1000000,
		"bytes_read": null, "bytes_written": null, "flops": 50000000, "seconds": 1e-5}`, string(text), "traffic was not measured")
}

func TestProfileOfASoftwareGPUShowsTrafficAgainstTheLeast(t *testing.T) {
	r := NewProfile(gpu.Profile{
		Steps: 2, PeakBytesPerSecond: 1e12, PeakFLOPS: 10e12,
		Kernels: []gpu.KernelProfile{
			{Kernel: "feedback", Launches: 1, FloorRead: 2e6, FloorWritten: 2e6, Read: 6e6, Written: 2e6, FLOPs: 1500},
			{Kernel: "copy", Launches: 1, FloorRead: 1e6, FloorWritten: 1e6}, // counted nowhere: it moves what it must
		},
	})
	assert.Equal(t, ""+
		"     kernel   launches     read   written   FLOPs   least/moved\n"+
		"   feedback          1   6.0 MB    2.0 MB   1.5 k           50%\n"+
		"       copy          1   1.0 MB    1.0 MB       -          100%\n"+
		"      total          2   7.0 MB    3.0 MB   1.5 k           60%\n", printed(t, r))
	text, err := json.Marshal(r.Total)
	require.NoError(t, err)
	assert.JSONEq(t, `{"kernel": "total", "launches": 2, "floor_bytes_read": 3000000, "floor_bytes_written": 3000000,
		"bytes_read": 7000000, "bytes_written": 3000000, "flops": 1500, "seconds": null}`, string(text))
}
