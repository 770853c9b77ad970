package kernels_test

import (
	"encoding/binary"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mdfa/gpu/cuda/kernels"
	"mdfa/softgpu"
	"mdfa/softgpu/vm"
)

// product launches the kernels of gpu/cuda/kernels.ptx on a software GPU through their typed wrappers.
type product struct {
	kernels.Kernels
	t       testing.TB
	gpu     *softgpu.GPU
	seed    uint64
	workers int
	ran     map[kernels.Kernel]bool
	spent   map[string]time.Duration
}

// newProduct loads the PTX that the engine loads.
func newProduct(t testing.TB) *product {
	t.Helper()
	src, err := os.ReadFile("../kernels.ptx")
	require.NoError(t, err)
	gpu, err := softgpu.Open(softgpu.DefaultOptions(), string(src))
	require.NoError(t, err)
	p := &product{t: t, gpu: gpu, ran: map[kernels.Kernel]bool{}, spent: map[string]time.Duration{}}
	p.Launcher = p
	return p
}

// Launch runs a kernel to its end. It makes a product its own kernels.Launcher.
func (p *product) Launch(k kernels.Kernel, s kernels.Shape, words []uint64) error {
	kernel := p.gpu.Module.Kernel(k.String())
	block := make([]byte, kernel.ParamSize())
	raw, err := binary.Append(nil, binary.LittleEndian, words)
	if err != nil {
		return err
	}
	if params := kernel.Params(); len(params) == 1 {
		copy(block, raw)
	} else {
		for i, param := range params {
			copy(block[param.Offset:param.Offset+param.Size], raw[8*i:])
		}
	}
	dim := func(d [3]uint32) vm.Dim3 { return vm.Dim3{X: d[0], Y: d[1], Z: d[2]} }
	start := time.Now()
	_, err = kernel.Launch(vm.Launch{
		Grid: dim(s.Grid), Block: dim(s.Block), SharedBytes: uint64(s.Shared), Params: block, Seed: p.seed, Workers: p.workers,
	})
	p.spent[k.String()] += time.Since(start)
	p.ran[k] = true
	return err
}

// value allocates memory and fills it.
func (p *product) value(tag string, v any) kernels.DevicePtr {
	p.t.Helper()
	addr, err := p.gpu.Upload(tag, v)
	require.NoError(p.t, err)
	return kernels.DevicePtr(addr)
}

func (p *product) floatsAt(tag string, n int) kernels.DevicePtr { return p.value(tag, ramp(n)) }

// room allocates memory that a kernel is to fill.
func (p *product) room(tag string, bytes int) kernels.DevicePtr {
	p.t.Helper()
	addr, err := p.gpu.Memory.Alloc(uint64(bytes), tag)
	require.NoError(p.t, err)
	return kernels.DevicePtr(addr)
}

// ramp is n floats in a recognisable pattern between -4 and 4.
func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.Sin(float64(i)*0.37)) * 4
	}
	return v
}

func ones(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = 1
	}
	return v
}
