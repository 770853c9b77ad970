package vm

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/softgpu/ptx"
)

// device is a memory with a loaded module.
type device struct {
	t   testing.TB
	mem *Memory
	mod *Module
}

// testLimits pretends a device that runs all targets the tests name.
func testLimits() Limits {
	l := DefaultLimits()
	l.SM, l.Driver = 90, 12090
	return l
}

func load(t testing.TB, src string) *device {
	t.Helper()
	m, err := ptx.Parse(src)
	require.NoError(t, err)
	mem := NewMemory(1 << 30)
	mod, err := Load(mem, m, testLimits())
	require.NoError(t, err)
	return &device{t, mem, mod}
}

func loadFile(t testing.TB, name string) *device {
	t.Helper()
	src, err := os.ReadFile("../testdata/" + name)
	require.NoError(t, err)
	return load(t, string(src))
}

func (d *device) alloc(bytes int, tag string) uint64 {
	d.t.Helper()
	p, err := d.mem.Alloc(uint64(bytes), tag)
	require.NoError(d.t, err)
	return p
}

// put allocates and fills.
func (d *device) put(tag string, values any) uint64 {
	d.t.Helper()
	raw, err := binary.Append(nil, binary.LittleEndian, values)
	require.NoError(d.t, err)
	p := d.alloc(len(raw), tag)
	require.NoError(d.t, d.mem.Write(p, raw))
	return p
}

func (d *device) get(p uint64, values any) {
	d.t.Helper()
	raw := make([]byte, binary.Size(values))
	require.NoError(d.t, d.mem.Read(p, raw))
	_, err := binary.Decode(raw, binary.LittleEndian, values)
	require.NoError(d.t, err)
}

func (d *device) floats(p uint64, n int) []float32 {
	d.t.Helper()
	out := make([]float32, n)
	d.get(p, out)
	return out
}

func (d *device) launch(name string, grid, block Dim3, c Launch, values ...any) (Stats, error) {
	d.t.Helper()
	k := d.mod.Kernel(name)
	require.NotNil(d.t, k, name)
	var err error
	c.Grid, c.Block = grid, block
	c.Params, err = k.Pack(values...)
	require.NoError(d.t, err)
	return k.Launch(c)
}

func line(n int) Dim3 { return Dim3{uint32(n), 1, 1} }

// ramp is n floats in a recognisable pattern between -4 and 4.
func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.Sin(float64(i)*0.37)) * 4
	}
	return v
}
