//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"mdfa/gpu/cuda/driver"
	"mdfa/softgpu"
	"mdfa/softgpu/capi"
	"mdfa/softgpu/capi/internal/call"
)

const (
	invalidValue = int(softgpu.ErrorInvalidValue)
	success      = int(softgpu.Success)
)

func TestTableHasEveryExportedFunction(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var exported []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`(?m)^//export emu_(\w+)$`).FindAllStringSubmatch(string(text), -1) {
			exported = append(exported, found[1])
		}
	}
	assert.ElementsMatch(t, exported, slices.Collect(maps.Keys(capi.Table())))
	assert.Subset(t, driver.Symbols(), exported)
}

func TestASecondMachineTakesTheCalls(t *testing.T) {
	install(t, func(o *softgpu.Options) { o.Devices = 2 })
	n, err := cu.NumDevices()
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	install(t, func(o *softgpu.Options) { o.Devices = 5 })
	n, err = cu.NumDevices()
	require.NoError(t, err)
	assert.Equal(t, 5, n)
}

func TestInstallYieldsToAnotherProvider(t *testing.T) {
	install(t, func(o *softgpu.Options) { o.Devices = 2 })
	driver.Reset()
	other := map[string]unsafe.Pointer{"cuDeviceGetCount": capi.Table()["cuDeviceGetCount"]}
	require.NoError(t, driver.Install(other))
	t.Cleanup(driver.Reset)
	require.ErrorIs(t, capi.Install(softgpu.New(softgpu.DefaultOptions())), driver.ErrChosen)
	n, err := cu.NumDevices()
	require.NoError(t, err)
	assert.Equal(t, 2, n, "the machine before still answers")
}

func TestNullPointersAreInvalidValues(t *testing.T) {
	m := start(t)
	for name, answer := range call.Nulls() {
		want := invalidValue
		if strings.HasPrefix(name, "cublas") {
			want = int(softgpu.BlasInvalidValue)
		}
		assert.Equal(t, want, answer, name)
	}
	_, r := call.ErrorName(-1)
	assert.Equal(t, invalidValue, r)
	assert.ErrorContains(t, m.Explain(), "cuGetErrorName")
}

func TestARefusalHasItsReason(t *testing.T) {
	m := start(t)
	assert.Equal(t, invalidValue, call.LaunchNoParams(call.Handle(kernel(t, "saxpy"))))
	assert.EqualError(t, m.Explain(), "emu: cuLaunchKernel: the kernel has 4 parameters, and none is given")
}

func TestWhatTheTableLacksIsNotSupported(t *testing.T) {
	start(t)
	_, err := cu.MemAllocManaged(64, cu.AttachGlobal)
	require.ErrorIs(t, err, cu.NotSupported)
	assert.Equal(t, "cuMemAllocManaged", driver.LastMissing())
	_, err = cu.TexRef{}.Address()
	require.ErrorIs(t, err, cu.NotSupported)
	assert.Equal(t, "cuTexRefGetAddress_v2", driver.LastMissing())
}

func TestErrorsHaveCUDAsNamesAndWords(t *testing.T) {
	install(t)
	name, r := call.ErrorName(int(softgpu.ErrorIllegalAddress))
	assert.Equal(t, success, r)
	assert.Equal(t, "CUDA_ERROR_ILLEGAL_ADDRESS", name)
	words, r := call.ErrorString(int(softgpu.ErrorIllegalAddress))
	assert.Equal(t, success, r)
	assert.Equal(t, "an access to memory that is not there", words)
	_, r = call.ErrorName(123456)
	assert.Equal(t, invalidValue, r)
	_, r = call.ErrorString(123456)
	assert.Equal(t, invalidValue, r)
}
