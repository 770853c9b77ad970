//go:build cuda && linux && (amd64 || arm64)

package capi_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"

	"mdfa/softgpu"
)

func TestDevicesDescribeThemselves(t *testing.T) {
	m := install(t, func(o *softgpu.Options) { o.Devices, o.SM, o.Driver, o.Memory = 2, 86, 12040, 3*mib })
	d, err := cu.GetDevice(1)
	require.NoError(t, err)
	_, err = cu.GetDevice(2)
	require.ErrorIs(t, err, cu.InvalidDevice)

	want, _ := m.DeviceName(0, 1)
	name, err := d.Name()
	require.NoError(t, err)
	assert.Equal(t, want, name)
	bytes, err := d.TotalMem()
	require.NoError(t, err)
	assert.EqualValues(t, 3*mib, bytes)
	major, minor, err := d.ComputeCapability()
	require.NoError(t, err)
	assert.Equal(t, [2]int{8, 6}, [2]int{major, minor})
	id, _ := m.DeviceUUID(0, 1)
	uuid, err := d.UUID()
	require.NoError(t, err)
	assert.EqualValues(t, id, uuid)
	assert.Equal(t, 12040, cu.Version())
	_, err = cu.Device(1).CanAccessPeer(0)
	assert.NoError(t, err)
}

func TestNamesAreCutToTheBuffer(t *testing.T) {
	m := install(t)
	whole, _ := m.DeviceName(0, 0)
	for length, want := range map[int]string{100: whole, 4: whole[:3], 1: ""} {
		var name [100]byte
		assert.Equal(t, success, call("cuDeviceGetName", &name, length, 0))
		assert.Equal(t, want, goString(&name[0]))
	}
	var name [1]byte
	assert.Equal(t, invalidValue, call("cuDeviceGetName", &name, 0, 0))
}

func TestContextBelongsToItsThread(t *testing.T) {
	start(t)
	here, err := cu.CurrentContext()
	require.NoError(t, err)
	type found struct {
		before       cu.CUContext
		alloc, after error
	}
	answers := make(chan found)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		var f found
		f.before, _ = cu.CurrentContext()
		_, f.alloc = cu.MemAlloc(64)
		_ = cu.SetCurrentContext(here)
		p, err := cu.MemAlloc(64)
		if f.after = err; err == nil {
			f.after = cu.MemFree(p)
		}
		answers <- f
	}()
	f := <-answers
	assert.Equal(t, cu.CUContext{}, f.before)
	assert.ErrorIs(t, f.alloc, cu.InvalidContext)
	assert.NoError(t, f.after)
}

func TestContextsArePushedAndPopped(t *testing.T) {
	start(t)
	first, err := cu.CurrentContext()
	require.NoError(t, err)
	second, err := cu.Device(0).MakeContext(cu.SchedYield)
	require.NoError(t, err)
	flags, err := cu.CurrentFlags()
	require.NoError(t, err)
	assert.Equal(t, cu.SchedYield, flags)
	popped, err := cu.PopCurrentCtx()
	require.NoError(t, err)
	assert.Equal(t, second, popped)
	now, err := cu.CurrentContext()
	require.NoError(t, err)
	assert.Equal(t, first, now)
	require.NoError(t, cu.PushCurrentCtx(second))
	require.NoError(t, second.Destroy())
	now, err = cu.CurrentContext()
	require.NoError(t, err)
	assert.Equal(t, first, now)
}

func TestPrimaryContextIsSharedAndCounted(t *testing.T) {
	install(t)
	d := cu.Device(0)
	require.NoError(t, d.SetPrimaryCtxFlags(cu.SchedSpin))
	one, err := d.RetainPrimaryCtx()
	require.NoError(t, err)
	two, err := d.RetainPrimaryCtx()
	require.NoError(t, err)
	assert.Equal(t, one, two)
	for _, want := range []int{1, 1, 0} {
		flags, active, err := d.PrimaryCtxState()
		require.NoError(t, err)
		assert.Equal(t, want, active)
		assert.Equal(t, cu.SchedSpin, flags)
		if want == 1 {
			require.NoError(t, d.ReleasePrimaryCtx())
		}
	}
	require.ErrorIs(t, d.ReleasePrimaryCtx(), cu.InvalidContext)

	_, err = d.RetainPrimaryCtx()
	require.NoError(t, err)
	require.NoError(t, d.ResetPrimaryCtx())
	_, active, err := d.PrimaryCtxState()
	require.NoError(t, err)
	assert.Zero(t, active, "a reset ends it whoever holds it")
}

func TestSettingsOfAContextAreKept(t *testing.T) {
	start(t)
	require.NoError(t, cu.SetLimit(cu.StackSize, 4096))
	limit, err := cu.Limits(cu.StackSize)
	require.NoError(t, err)
	assert.EqualValues(t, 4096, limit)
	require.NoError(t, cu.SetCurrentCacheConfig(cu.PreferL1))
	cache, err := cu.CurrentCacheConfig()
	require.NoError(t, err)
	assert.Equal(t, cu.PreferL1, cache)
	require.NoError(t, cu.SetSharedMemConfig(cu.EightByteBankSize))
	shared, err := cu.SharedMemConfig()
	require.NoError(t, err)
	assert.Equal(t, cu.EightByteBankSize, shared)
	least, greatest, err := cu.StreamPriorityRange()
	require.NoError(t, err)
	assert.LessOrEqual(t, greatest, least)
	device, err := cu.CurrentDevice()
	require.NoError(t, err)
	assert.Equal(t, cu.Device(0), device)
	ctx, err := cu.CurrentContext()
	require.NoError(t, err)
	version, err := ctx.APIVersion()
	require.NoError(t, err)
	assert.EqualValues(t, 3020, version)
}

func TestOrderedFaultsReachTheProgram(t *testing.T) {
	start(t, func(o *softgpu.Options) { o.FailAlloc = 3 }) // the context is the first
	alloc(t, 64)
	_, err := cu.MemAlloc(64)
	require.ErrorIs(t, err, cu.OutOfMemory)
	alloc(t, 64)
}
