//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"mdfa/gpu/cuda/driver"
	"mdfa/softgpu"
	"mdfa/softgpu/capi"
)

func TestTableHasEveryListedFunction(t *testing.T) {
	text, err := os.ReadFile("symbols_gen.h")
	require.NoError(t, err)
	var listed []string
	for _, found := range regexp.MustCompile(`(?m)^SYMBOL\((\w+)\)$`).FindAllStringSubmatch(string(text), -1) {
		listed = append(listed, found[1])
	}
	assert.ElementsMatch(t, listed, slices.Collect(maps.Keys(capi.Table())))
	assert.Subset(t, driver.Symbols(), listed)
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
	other := map[string]uintptr{"cuDeviceGetCount": capi.Table()["cuDeviceGetCount"]}
	require.NoError(t, driver.Install(other))
	t.Cleanup(driver.Reset)
	require.ErrorIs(t, capi.Install(softgpu.New(softgpu.DefaultOptions())), driver.ErrChosen)
	n, err := cu.NumDevices()
	require.NoError(t, err)
	assert.Equal(t, 2, n, "the machine before still answers")
}

// nullRefused names the functions that refuse arguments which are all null or 0.
const nullRefused = `
cuDriverGetVersion cuGetErrorName cuGetErrorString
cuDeviceCanAccessPeer cuDeviceGet cuDeviceGetAttribute cuDeviceGetCount cuDeviceGetName cuDeviceGetUuid
cuDeviceTotalMem_v2 cuDevicePrimaryCtxGetState cuDevicePrimaryCtxRetain
cuCtxCreate_v2 cuCtxGetApiVersion cuCtxGetCacheConfig cuCtxGetCurrent cuCtxGetDevice cuCtxGetFlags cuCtxGetLimit
cuCtxGetSharedMemConfig
cuModuleGetFunction cuModuleGetGlobal_v2 cuModuleLoad cuModuleLoadData cuModuleLoadDataEx
cuLinkAddData_v2 cuLinkAddFile_v2 cuLinkComplete cuLinkCreate_v2
cuFuncGetAttribute cuOccupancyMaxActiveBlocksPerMultiprocessor cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags
cuMemAlloc_v2 cuMemFreeHost cuMemGetInfo_v2 cuMemHostAlloc
cuArray3DCreate_v2 cuArray3DGetDescriptor_v2 cuArrayCreate_v2 cuArrayGetDescriptor_v2
cuStreamCreate cuStreamCreateWithPriority cuStreamEndCapture cuStreamGetFlags cuStreamGetPriority
cuStreamIsCapturing
cuEventCreate cuEventElapsedTime
cuGraphInstantiateWithFlags
cublasCreate_v2`

func TestNullPointersAreInvalidValues(t *testing.T) {
	m := start(t)
	for _, symbol := range strings.Fields(nullRefused) {
		want := invalidValue
		if strings.HasPrefix(symbol, "cublas") {
			want = int(softgpu.BlasInvalidValue)
		}
		assert.Equal(t, want, call(symbol, 0, 0, 0, 0, 0, 0, 0, 0), symbol)
	}
	var module, function uintptr
	name := [...]byte{'a', 0}
	assert.Equal(t, invalidValue, call("cuModuleLoadData", &module, nil))
	assert.Equal(t, invalidValue, call("cuModuleLoadData", nil, &name))
	assert.Equal(t, invalidValue, call("cuModuleGetFunction", &function, 0, nil))
	assert.Equal(t, invalidValue, call("cuMemcpyHtoD_v2", 0, nil, 4))
	assert.Equal(t, invalidValue, call("cuMemcpyDtoH_v2", nil, 0, 4))

	var text *byte
	assert.Equal(t, invalidValue, call("cuGetErrorName", -1, &text))
	assert.ErrorContains(t, m.Explain(), "cuGetErrorName")
	assert.Equal(t, invalidValue, call("cuMemAlloc_v2", nil, 4))
	assert.EqualError(t, m.Explain(), "softgpu: cuMemAlloc: address is null")
	assert.Equal(t, int(softgpu.BlasInvalidValue), call("cublasCreate_v2", nil))
	assert.EqualError(t, m.Explain(), "softgpu: cublasCreate: handle is null")
}

func TestARefusalHasItsReason(t *testing.T) {
	m := start(t)
	assert.Equal(t, invalidValue, launch(handle(kernel(t, "saxpy")), 1, nil, nil))
	assert.EqualError(t, m.Explain(), "softgpu: cuLaunchKernel: the kernel has 4 parameters, and none is given")
}

func TestWhatTheTableLacksIsNotSupported(t *testing.T) {
	start(t)
	_, err := cu.MemAllocManaged(64, cu.AttachGlobal)
	require.ErrorIs(t, err, cu.NotSupported)
	assert.Equal(t, "cuMemAllocManaged", driver.LastMissing())
	_, err = cu.TexRef{}.Address()
	require.ErrorIs(t, err, cu.NotSupported)
	assert.Equal(t, "cuTexRefGetAddress_v2", driver.LastMissing())
	_, err = cu.MakeGraph()
	require.ErrorIs(t, err, cu.NotSupported)
	assert.Equal(t, "cuGraphCreate", driver.LastMissing())
}

func TestErrorsHaveCUDAsNamesAndWords(t *testing.T) {
	install(t)
	var text *byte
	code := int(softgpu.ErrorIllegalAddress)
	assert.Equal(t, success, call("cuGetErrorName", code, &text))
	assert.Equal(t, "CUDA_ERROR_ILLEGAL_ADDRESS", goString(text))
	assert.Equal(t, success, call("cuGetErrorString", code, &text))
	assert.Equal(t, "an access to memory that is not there", goString(text))
	assert.Equal(t, invalidValue, call("cuGetErrorName", 123456, &text))
	assert.Nil(t, text)
	assert.Equal(t, invalidValue, call("cuGetErrorString", 123456, &text))
}
