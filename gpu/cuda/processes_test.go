//go:build cuda

package cuda_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/emulated"
	"mdfa/softgpu"
)

// rankVariable makes this test binary rank 0, or rank 1 with the unique id that it holds.
const rankVariable = "MDFA_CUDA_TEST_RANK"

// TestOneOfTwoProcesses is such a rank. Rank 0 writes the unique id, and each its sums, to the standard output.
func TestOneOfTwoProcesses(t *testing.T) {
	id, isRank := os.LookupEnv(rankVariable)
	if !isRank {
		return
	}
	g := cuda.Group{Size: 2, Share: func(b []byte) error { fmt.Println(hex.EncodeToString(b)); return nil }}
	if id != "" {
		g.Rank, g.Share = 1, func(b []byte) error { _, err := hex.Decode(b, []byte(id)); return err }
	}
	d, _, err := emulated.Open(softgpu.DefaultOptions(), cuda.Options{Group: g})
	require.NoError(t, err)
	x, by := floats(t, d, 1, float32(g.Rank)), floats(t, d, 1, 1)
	p, err := d.Record(func() error {
		if err := d.AllReduce(gpu.AllReduceArgs{X: x}); err != nil {
			return err
		}
		return d.Optimize(gpu.OptimizeArgs{Kind: gpu.SGD, W: x, G: by, LR: -1})
	})
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, p.Run())
	}
	got, err := gpu.Read[float32](d, x)
	require.NoError(t, err)
	fmt.Println(got)
	require.NoError(t, d.Close())
}

func TestRanksAreProcesses(t *testing.T) {
	start := func(id string) (*exec.Cmd, *bufio.Scanner) {
		c := exec.Command(os.Args[0], "-test.run=^TestOneOfTwoProcesses$")
		c.Env, c.Stderr = append(os.Environ(), rankVariable+"="+id), os.Stderr
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		return c, bufio.NewScanner(out)
	}
	first, out := start("")
	require.True(t, out.Scan())
	second, out1 := start(out.Text())
	require.True(t, out.Scan())
	require.True(t, out1.Scan())
	assert.Equal(t, "[15 11]", out.Text()) // 1, 2+1, 6+1, 14+1; and 1+1, 4+1, 10+1
	assert.Equal(t, "[15 11]", out1.Text())
	for _, c := range []*exec.Cmd{first, second} {
		for out.Scan() || out1.Scan() { // until both have ended
		}
		assert.NoError(t, c.Wait())
	}
}
