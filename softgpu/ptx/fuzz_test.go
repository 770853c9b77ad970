package ptx

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse checks that no text brings the parser down, and that what it accepts
// is fully resolved.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"fuzz_seed.ptx", "kernels.ptx"} {
		src, err := os.ReadFile("../testdata/" + name)
		require.NoError(f, err)
		f.Add(string(src))
	}
	f.Add(".version 7.0\n.target sm_70\n.global .u32 x[2][2] = {{1,2},{3}};")
	f.Fuzz(func(t *testing.T, src string) {
		m, err := Parse(src)
		if err != nil {
			_, ok := err.(*Error)
			require.True(t, ok, "an error names its line")
			return
		}
		for _, fn := range m.Funcs {
			for _, in := range fn.Body {
				for _, a := range in.Args {
					require.False(t, a.Kind == KLabel && a.Label == nil, "%s is unresolved", a.Name)
				}
			}
			for i, r := range fn.Regs {
				require.Equal(t, i, r.ID)
			}
		}
	})
}
