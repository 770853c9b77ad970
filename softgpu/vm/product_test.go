package vm

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mdfa/gpu/cuda/kernels"
	"mdfa/softgpu/ptx"
)

// product launches the kernels of gpu/cuda/kernels.ptx through their typed wrappers.
type product struct {
	*device
	kernels.Kernels
	seed    uint64
	workers int
	stats   map[string]Stats
	spent   map[string]time.Duration
}

// newProduct loads the PTX that the engine loads.
func newProduct(t testing.TB) *product {
	t.Helper()
	src, err := os.ReadFile("../../gpu/cuda/kernels.ptx")
	require.NoError(t, err)
	m, err := ptx.Parse(string(src))
	require.NoError(t, err)
	mem := NewMemory(1 << 30)
	mod, err := Load(mem, m, testLimits())
	require.NoError(t, err)
	p := &product{device: &device{t, mem, mod}, stats: map[string]Stats{}, spent: map[string]time.Duration{}}
	p.Launcher = p
	return p
}

// Launch runs a kernel to its end. It is the product's kernels.Launcher.
func (p *product) Launch(k kernels.Kernel, s kernels.Shape, words []uint64) error {
	kernel := p.mod.Kernel(k.String())
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
	dim := func(d [3]uint32) Dim3 { return Dim3{d[0], d[1], d[2]} }
	start := time.Now()
	stats, err := kernel.Launch(Launch{
		Grid: dim(s.Grid), Block: dim(s.Block), SharedBytes: uint64(s.Shared), Params: block, Seed: p.seed, Workers: p.workers,
	})
	p.spent[k.String()] += time.Since(start)
	sum := p.stats[k.String()]
	sum.Add(&stats)
	p.stats[k.String()] = sum
	return err
}

func (p *product) floatsAt(tag string, n int) kernels.DevicePtr {
	return kernels.DevicePtr(p.put(tag, ramp(n)))
}

func (p *product) room(tag string, bytes int) kernels.DevicePtr {
	return kernels.DevicePtr(p.alloc(bytes, tag))
}
