package vm

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/softgpu/ptx"
)

// FuzzLoad lowers and runs whatever parses: no text may bring the interpreter
// down, and no finding may be its own defect.
func FuzzLoad(f *testing.F) {
	src, err := os.ReadFile("../testdata/fuzz_seed.ptx")
	require.NoError(f, err)
	f.Add(string(src))
	f.Add(broken("setp.lt.u32 a, t, 7; @a bra L; bar.sync 0; st.global.u32 [r], t; L:"))
	f.Add(broken("shfl.sync.down.b32 x|a, t, 1, 31, -1; @a atom.shared.add.u32 y, [smem], x;"))
	f.Fuzz(func(t *testing.T, src string) {
		m, err := ptx.Parse(src)
		if err != nil {
			return
		}
		mem := NewMemory(1 << 16)
		mod, err := Load(mem, m, testLimits())
		if err != nil {
			return
		}
		for _, name := range mod.Kernels() {
			k := mod.Kernel(name)
			_, err := k.Launch(Launch{Grid: line(1), Block: line(33), Params: make([]byte, k.ParamSize()), Workers: 1, Budget: 500})
			if fault, ok := err.(*Fault); ok {
				require.NotEqual(t, InternalMismatch, fault.Kind, "%v", fault)
			}
		}
	})
}
