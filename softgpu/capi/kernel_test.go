//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"mdfa/softgpu"
)

func TestKernelsTakeTheirParameters(t *testing.T) {
	start(t)
	const n = 100
	f := kernel(t, "saxpy")
	s := saxpy{a: [2]float32{2}, x: put(t, ramp(1, n)), y: put(t, ramp(5, n)), n: n}
	want := func(times float32) (list []float32) {
		for i := range n {
			list = append(list, 2*times*float32(1+i)+float32(5+i))
		}
		return list
	}
	require.NoError(t, f.Launch(2, 1, 1, 32, 1, 1, 0, cu.Stream{}, s.params()))
	assert.Equal(t, want(1), get[float32](t, s.y, n), "through an array of pointers")

	var block []byte
	block = binary.LittleEndian.AppendUint32(block, math.Float32bits(s.a[0]))
	block = append(block, 0, 0, 0, 0)
	block = binary.LittleEndian.AppendUint64(block, uint64(s.x))
	block = binary.LittleEndian.AppendUint64(block, uint64(s.y))
	block = binary.LittleEndian.AppendUint32(block, uint32(s.n))
	function := handle(f)
	require.Equal(t, success, launchBlock(function, 32, block, len(block)))
	assert.Equal(t, want(2), get[float32](t, s.y, n), "through a block")

	assert.Equal(t, invalidValue, launchBlock(function, 32, block, len(block)-1), "a block that is too short")
	size := uintptr(0)
	endless := extra{extraSize, unsafe.Pointer(&size), extraSize, unsafe.Pointer(&size), extraSize, unsafe.Pointer(&size)}
	assert.Equal(t, invalidValue, launch(function, 1, nil, &endless))
	params := s.params()
	assert.Equal(t, invalidValue, launch(function, 1, params, &endless), "parameters in both ways")
	assert.Equal(t, invalidValue, launch(function, 1, nil, nil))
	params[2] = nil
	assert.Equal(t, invalidValue, launch(function, 1, params, nil))
	assert.Equal(t, int(softgpu.ErrorInvalidHandle), launch(function+16*1000, 1, nil, nil))
	assert.Equal(t, want(2), get[float32](t, s.y, n), "none of those has run")
}

// launch launches a kernel with one block of threads.
func launch(function uintptr, threads int, params, extra any) int {
	return call("cuLaunchKernel", function, 1, 1, 1, threads, 1, 1, 0, 0, params, extra)
}

// The keys of a launch's extra list (CU_LAUNCH_PARAM_END and its neighbours in NVIDIA's cuda.h).
const (
	extraEnd = iota
	extraBuffer
	extraSize
)

// extra is a list of three keys with their values. The last value is read only behind a key that is not the end.
type extra struct {
	key1   uintptr
	value1 unsafe.Pointer
	key2   uintptr
	value2 unsafe.Pointer
	key3   uintptr
	value3 unsafe.Pointer
}

// launchBlock launches a kernel whose parameters are the first size bytes of block.
func launchBlock(function uintptr, threads int, block []byte, size int) int {
	return launch(function, threads, nil, &extra{extraBuffer, unsafe.Pointer(&block[0]), extraSize, unsafe.Pointer(&size), extraEnd, nil})
}

func TestParametersAreStructsToo(t *testing.T) {
	start(t)
	f := handle(kernel(t, "structParam"))
	out := alloc(t, 4*8)
	block := binary.LittleEndian.AppendUint64(nil, uint64(out))
	for i := range 8 {
		block = binary.LittleEndian.AppendUint32(block, uint32(10+i))
	}
	block = binary.LittleEndian.AppendUint32(block, math.Float32bits(0.5))
	block = binary.LittleEndian.AppendUint32(block, 8)
	require.Equal(t, success, launchBlock(f, 8, block, len(block)))
	want := make([]float32, 8)
	for i := range want {
		want[i] = 0.5 * float32(10+i)
	}
	assert.Equal(t, want, get[float32](t, out, 8))
}

func TestAnErrorOfAKernelSticks(t *testing.T) {
	m := install(t)
	ctx, err := cu.Device(0).MakeContext(cu.SchedAuto)
	require.NoError(t, err)
	f := kernelHere(t, "saxpy")
	x, err := cu.MemAlloc(64)
	require.NoError(t, err)
	require.NoError(t, cu.MemsetD32(x, 0, 16))
	s := saxpy{x: x, y: x + 32, n: 16}
	require.NoError(t, f.Launch(1, 1, 1, 32, 1, 1, 0, cu.Stream{}, s.params()), "it has not run yet")
	require.ErrorIs(t, cu.Synchronize(), cu.IllegalAddress)
	require.ErrorContains(t, m.Explain(), "saxpy")
	_, err = cu.MemAlloc(64)
	require.ErrorIs(t, err, cu.IllegalAddress)
	require.NoError(t, ctx.Destroy())

	ctx, err = cu.Device(0).MakeContext(cu.SchedAuto)
	require.NoError(t, err)
	_, err = cu.MemAlloc(64)
	require.NoError(t, err, "another context is well")
	require.NoError(t, ctx.Destroy())
}

// kernelHere is kernel, for a module that dies with its context.
func kernelHere(t *testing.T, name string) cu.Function {
	t.Helper()
	mod, err := cu.LoadData(kernelText(t))
	require.NoError(t, err)
	f, err := mod.Function(name)
	require.NoError(t, err)
	return f
}

func TestAttributesOfKernels(t *testing.T) {
	start(t)
	f := kernel(t, "columnSum")
	shared, err := f.Attribute(cu.SharedSizeBytes)
	require.NoError(t, err)
	assert.Equal(t, 4*256, shared)
	const maxDynamicShared = 8 // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
	assert.Equal(t, success, call("cuFuncSetAttribute", handle(f), maxDynamicShared, 50_000))
	dynamic := int32(0)
	assert.Equal(t, success, call("cuFuncGetAttribute", &dynamic, maxDynamicShared, handle(f)))
	assert.EqualValues(t, 50_000, dynamic)
	assert.Equal(t, invalidValue, call("cuFuncSetAttribute", handle(f), maxDynamicShared, 1_000_000))
	blocks, err := f.MaxActiveBlocksPerMultiProcessor(256, 0)
	require.NoError(t, err)
	assert.Positive(t, blocks)
	same, err := f.MaxActiveBlocksPerMultiProcessorWithFlags(256, 0, cu.DefaultOccupancy)
	require.NoError(t, err)
	assert.Equal(t, blocks, same)
	g := kernel(t, "saxpy")
	require.NoError(t, g.SetCacheConfig(cu.PreferL1))
	require.NoError(t, g.SetSharedMemConfig(cu.FourByteBankSize))
}

func TestModulesAreReadFromTextAndFile(t *testing.T) {
	start(t)
	text := kernelText(t)
	file := filepath.Join(t.TempDir(), "kernels.ptx")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	for name, load := range map[string]func() (cu.Module, error){
		"file":         func() (cu.Module, error) { return cu.Load(file) },
		"text":         func() (cu.Module, error) { return cu.LoadData(text) },
		"with options": func() (cu.Module, error) { return cu.LoadDataEx(text, &cu.JITMaxRegisters{Value: 32}) },
	} {
		mod, err := load()
		require.NoError(t, err, name)
		p, n, err := mod.Global("launches")
		require.NoError(t, err, name)
		assert.EqualValues(t, 4, n)
		assert.Equal(t, []int32{7}, get[int32](t, p, 1), name)
		_, err = mod.Function("nothing")
		require.ErrorIs(t, err, cu.NotFound, name)
		_, _, err = mod.Global("nothing")
		require.ErrorIs(t, err, cu.NotFound, name)
		require.NoError(t, mod.Unload(), name)
		require.ErrorIs(t, mod.Unload(), cu.InvalidHandle, name)
	}
	for name, wrong := range map[string]struct {
		load func() (cu.Module, error)
		want error
	}{
		"no file":       {func() (cu.Module, error) { return cu.Load(file + "x") }, cu.FileNotFound},
		"no PTX":        {func() (cu.Module, error) { return cu.LoadData("hello") }, cu.InvalidPtx},
		"a cubin":       {func() (cu.Module, error) { return cu.LoadData("\x7fELF\x02") }, cu.InvalidImage},
		"a fat binary":  {func() (cu.Module, error) { return cu.LoadData("\x50\xed\x55\xba") }, cu.InvalidImage},
		"a newer GPU":   {func() (cu.Module, error) { return cu.LoadData(".version 8.0\n.target sm_90\n") }, cu.NoBinaryForGpu},
		"a fatbin call": {func() (cu.Module, error) { return cu.LoadFatBinary(text) }, cu.NotSupported},
	} {
		_, err := wrong.load()
		assert.ErrorIs(t, err, wrong.want, name)
	}
}

// compilerOptions asks for CU_JIT_WALL_TIME, CU_JIT_ERROR_LOG_BUFFER and CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES.
var compilerOptions = []int32{2, 5, 6}

// compilerValues is the values of these options. The time is written as a float in the place of its value.
type compilerValues struct {
	milliseconds float32
	_            uint32
	log          *[64]byte
	logBytes     int
}

func newCompilerValues() *compilerValues {
	return &compilerValues{milliseconds: -1, log: &[64]byte{'x'}, logBytes: 64}
}

func TestOptionsOfTheCompilerAreAnswered(t *testing.T) {
	start(t)
	for text, want := range map[string]int{kernelText(t): success, "hello": int(softgpu.ErrorInvalidPTX)} {
		var module uintptr
		v, image := newCompilerValues(), []byte(text+"\x00")
		assert.Equal(t, want, call("cuModuleLoadDataEx", &module, image, len(compilerOptions), compilerOptions, v))
		assert.Positive(t, v.milliseconds)
		assert.Zero(t, v.logBytes)
		assert.Zero(t, v.log[0])
	}
}

func TestLinksHandTheTextThrough(t *testing.T) {
	start(t)
	text := kernelText(t)
	link, err := cu.NewLink(&cu.JITLogVerbose{Enabled: true})
	require.NoError(t, err)
	_, err = link.Complete()
	require.ErrorIs(t, err, cu.InvalidValue, "there is no input yet")
	require.ErrorIs(t, link.AddData(cu.JITInputCUBIN, text, "cubin"), cu.NotSupported)
	require.ErrorIs(t, link.AddData(cu.JITInputPTX, "hello", "wrong"), cu.InvalidPtx)
	require.NoError(t, link.AddData(cu.JITInputPTX, text+"\x00", "kernels"))
	require.ErrorIs(t, link.AddData(cu.JITInputPTX, text, "again"), cu.NotSupported)
	image, err := link.Complete()
	require.NoError(t, err)
	assert.Equal(t, text+"\x00", image)
	_, err = link.Complete()
	require.ErrorIs(t, err, cu.InvalidValue)
	require.NoError(t, link.Destroy())
	require.ErrorIs(t, link.Destroy(), cu.InvalidHandle)

	link, err = cu.NewLink()
	require.NoError(t, err)
	require.ErrorIs(t, link.AddFile(cu.JITInputPTX, "nowhere.ptx"), cu.FileNotFound)
	require.NoError(t, link.AddFile(cu.JITInputPTX, filepath.Join("..", "testdata", "kernels.ptx")))
	require.NoError(t, link.Destroy())

	var state uintptr
	v := newCompilerValues()
	assert.Equal(t, success, call("cuLinkCreate_v2", len(compilerOptions), compilerOptions, v, &state))
	assert.Equal(t, &compilerValues{log: &[64]byte{}}, v)
	assert.Equal(t, success, call("cuLinkDestroy", state))
}
