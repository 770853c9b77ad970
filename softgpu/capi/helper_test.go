//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"mdfa/softgpu"
	"mdfa/softgpu/capi"
)

const (
	mib          = 1 << 20
	success      = int(softgpu.Success)
	invalidValue = int(softgpu.ErrorInvalidValue)
)

// call calls a C function of this package with integers and pointers, those that gorgonia.org/cu does not call or calls
// otherwise, and returns its answer. (Go does not allow cgo in test files.)
func call(symbol string, args ...any) int {
	words := make([]uintptr, len(args))
	for i, arg := range args {
		switch v := reflect.ValueOf(arg); {
		case arg == nil:
		case v.CanInt():
			words[i] = uintptr(v.Int())
		case v.CanUint():
			words[i] = uintptr(v.Uint())
		default:
			words[i] = v.Pointer()
		}
	}
	answer, _, _ := purego.SyscallN(capi.Table()[symbol], words...)
	runtime.KeepAlive(args)
	return int(int32(answer))
}

// handle returns the number inside one of gorgonia.org/cu's handle types, which are structs of one pointer.
func handle[T any](t T) uintptr { return *(*uintptr)(unsafe.Pointer(&t)) }

// goString copies a text of C.
func goString(text *byte) string {
	var copied []byte
	for ; *text != 0; text = (*byte)(unsafe.Add(unsafe.Pointer(text), 1)) {
		copied = append(copied, *text)
	}
	return string(copied)
}

// install starts a machine and holds the goroutine on its thread.
func install(t *testing.T, change ...func(o *softgpu.Options)) *softgpu.Machine {
	t.Helper()
	o := softgpu.DefaultOptions()
	o.Memory = 64 * mib
	for _, c := range change {
		c(&o)
	}
	m := softgpu.New(o)
	require.NoError(t, capi.Install(m))
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	return m
}

// start is install with a context, which ends with the test and must leave nothing behind.
func start(t *testing.T, change ...func(o *softgpu.Options)) *softgpu.Machine {
	t.Helper()
	m := install(t, change...)
	ctx, err := cu.Device(0).MakeContext(cu.SchedAuto)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, ctx.Destroy())
		require.Empty(t, m.Leaks())
		require.Zero(t, m.PinnedLeaks())
	})
	return m
}

// kernel loads a kernel of testdata/kernels.ptx for the time of the test.
func kernel(t *testing.T, name string) cu.Function {
	t.Helper()
	mod, err := cu.Load(filepath.Join("..", "testdata", "kernels.ptx"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, mod.Unload()) })
	f, err := mod.Function(name)
	require.NoError(t, err)
	return f
}

func kernelText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", "kernels.ptx"))
	require.NoError(t, err)
	return string(text)
}

// alloc takes n bytes of device memory for the time of the test.
func alloc(t *testing.T, n int) cu.DevicePtr {
	t.Helper()
	p, err := cu.MemAlloc(int64(n))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cu.MemFree(p)) })
	return p
}

// put copies values to the device for the time of the test.
func put[T any](t *testing.T, values []T) cu.DevicePtr {
	t.Helper()
	p := alloc(t, size(values))
	require.NoError(t, cu.MemcpyHtoD(p, unsafe.Pointer(&values[0]), int64(size(values))))
	return p
}

func get[T any](t *testing.T, p cu.DevicePtr, n int) []T {
	t.Helper()
	values := make([]T, n)
	require.NoError(t, cu.MemcpyDtoH(unsafe.Pointer(&values[0]), p, int64(size(values))))
	return values
}

func size[T any](values []T) int { return len(values) * int(unsafe.Sizeof(values[0])) }

// ramp is first, first+1, and so on.
func ramp(first float32, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = first + float32(i)
	}
	return values
}

func full(value float32, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = value
	}
	return values
}

// saxpy is the parameters of the kernel y = a·x + y, each in 8 bytes since gorgonia.org/cu reads as many.
type saxpy struct {
	a    [2]float32
	x, y cu.DevicePtr
	n    int64
}

func (s *saxpy) params() []unsafe.Pointer {
	return []unsafe.Pointer{unsafe.Pointer(&s.a), unsafe.Pointer(&s.x), unsafe.Pointer(&s.y), unsafe.Pointer(&s.n)}
}
