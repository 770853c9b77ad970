package bench

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/internal/nvml"
)

func TestHowTheCardIsSetStandsInTheReport(t *testing.T) {
	r := newReport(options{duration: time.Second}, gpu.Info{Kind: "cuda", Name: "NVIDIA L4"}, time.Second)
	r.Device.Card = nvml.Card{
		Driver: "580.95.05", ClockMHz: 1755, ClockMaxMHz: 2040, MemoryMHz: 6251, MemoryMaxMHz: 6251,
		PowerWatts: 71.6, PowerLimit: 72, Celsius: 63, ECC: "on", Slowdown: "power cap",
	}
	var out bytes.Buffer
	r.print(&out)
	assert.Contains(t, out.String(),
		"driver 580.95.05 · clock 1755 of 2040 MHz · memory 6251 of 6251 MHz · 72 of 72 W · 63 °C · ECC on · held down by power cap")

	name := filepath.Join(t.TempDir(), "bench.json")
	require.NoError(t, r.write(name))
	assert.Equal(t, r.Device.Card, validated(t, name).Device.Card)

	r.Device.Card = nvml.Card{ClockMHz: 300, ClockMaxMHz: 2040}
	require.NoError(t, r.write(name))
	assert.Equal(t, "clock 300 of 2040 MHz", cardText(validated(t, name).Device.Card), "what is unknown is left out")
}

func TestOnlyGPUsHaveACard(t *testing.T) {
	for _, kind := range []string{"cpu", "emu"} {
		assert.Zero(t, readCard(gpu.Info{Kind: kind, PCI: "00000000:01:00.0"}))
	}
	assert.Empty(t, cardText(nvml.Card{}))
}
