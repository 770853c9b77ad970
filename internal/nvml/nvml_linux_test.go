//go:build linux && (amd64 || arm64)

package nvml

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake is a library of one GPU at 00000000:01:00.0, which has no ECC and answers nothing to
// questions that it lacks.
const fake = `
#include <string.h>
#include <stdint.h>
typedef void *device;
static int started, gpu;
int nvmlInit_v2(void) { started++; return 0; }
int nvmlShutdown(void) { started--; return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *address, device *d) {
	if (!started) return 1;
	if (strcmp(address, "00000000:01:00.0")) return 6;
	*d = &gpu;
	return 0;
}
int nvmlSystemGetDriverVersion(char *text, unsigned n) { strncpy(text, "580.95.05", n); return 0; }
int nvmlDeviceGetClockInfo(device d, unsigned which, unsigned *v) { if (d != &gpu) return 2; *v = which == 2 ? 2619 : 1755; return 0; }
int nvmlDeviceGetMaxClockInfo(device d, unsigned which, unsigned *v) { if (d != &gpu) return 2; *v = which == 2 ? 2619 : 1980; return 0; }
int nvmlDeviceGetPowerUsage(device d, unsigned *v) { *v = 612345; return 0; }
int nvmlDeviceGetEnforcedPowerLimit(device d, unsigned *v) { *v = 700000; return 0; }
int nvmlDeviceGetEccMode(device d, unsigned *now, unsigned *next) { return 3; }
int nvmlDeviceGetCurrentClocksThrottleReasons(device d, uint64_t *bits) { *bits = 0x4 | 0x40 | 0x1; return 0; }
`

func openFake(t *testing.T, source string) uintptr {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("the fake library needs a C compiler, and there is no cc")
	}
	folder := t.TempDir()
	c, so := filepath.Join(folder, "fake.c"), filepath.Join(folder, "libfake.so")
	require.NoError(t, os.WriteFile(c, []byte(source), 0o600))
	out, err := exec.Command(cc, "-shared", "-fPIC", "-o", so, c).CombinedOutput()
	require.NoError(t, err, string(out))
	handle, err := purego.Dlopen(so, purego.RTLD_NOW|purego.RTLD_LOCAL)
	require.NoError(t, err)
	return handle
}

func TestCardIsWhatTheLibraryTells(t *testing.T) {
	handle := openFake(t, fake)
	card, err := read(handle, "00000000:01:00.0")
	require.NoError(t, err)
	assert.Equal(t, Card{
		Driver: "580.95.05", ClockMHz: 1755, ClockMaxMHz: 1980, MemoryMHz: 2619, MemoryMaxMHz: 2619,
		PowerWatts: 612.345, PowerLimit: 700, Slowdown: "power cap, heat",
	}, card, "without a temperature and ECC, which this one does not tell")

	_, err = read(handle, "00000000:02:00.0")
	assert.ErrorContains(t, err, "no answer about the GPU at 00000000:02:00.0 (error 6)")
}

func TestLibraryThatDoesNotStartIsAnError(t *testing.T) {
	_, err := read(openFake(t, `
int nvmlInit_v2(void) { return 9; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *a, void **d) { return 0; }
`), "00000000:01:00.0")
	assert.ErrorContains(t, err, "does not start (error 9)")

	_, err = read(openFake(t, "int nothing;"), "00000000:01:00.0")
	assert.ErrorContains(t, err, "lacks nvmlInit_v2")
}
