//go:build !race

// The race detector makes sync.Pool forget at random, purego's too: code that allocates
// nothing can be seen only without it. make test runs these tests by themselves.

package cpu_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
)

// TestReplayAllocatesNothing replays a recorded step of a convolution and a product.
func TestReplayAllocatesNothing(t *testing.T) {
	library, err := blas.Find()
	require.NoError(t, err)
	if !library.Fast() {
		require.Equal(t, "gonum", library.Name(), "gonum's Sgemm allocates by itself")
		return
	}
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	floats := func(n int) gpu.Span {
		b, err := dev.Alloc(gpu.Float32, n)
		require.NoError(t, err)
		return gpu.All(b)
	}
	shape := gpu.ConvShape{Batch: 8, InH: 14, InW: 14, InC: 16, Kernel: 3, Stride: 2, OutC: 32}
	x, w, b, h := floats(shape.InLen()), floats(shape.Patch()*shape.OutC), floats(shape.OutC), floats(shape.OutLen())
	program, err := dev.Record(func() error {
		if err := dev.Conv(gpu.ConvArgs{Shape: shape, X: x, W: w, B: b, Out: gpu.Hidden{H: h}}); err != nil {
			return err
		}
		if err := dev.ConvGrad(gpu.ConvGradArgs{Shape: shape, DW: w, X: x, DY: h}); err != nil {
			return err
		}
		return dev.Optimize(gpu.OptimizeArgs{Kind: gpu.SGD, W: w, G: floatsLike(w, x)})
	})
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(50, func() {
		if err := program.Run(); err != nil {
			panic(err)
		}
	}))
}

// TestFeedAllocatesNothing sends batches and runs a program on each.
func TestFeedAllocatesNothing(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	feed, err := dev.NewFeed(1, gpu.FeedPart{Type: gpu.Float32, Len: 8})
	require.NoError(t, err)
	program, err := dev.Record(func() error { return dev.Zero(gpu.All(feed.Buffers(0)[0])) })
	require.NoError(t, err)
	write := func(host [][]byte) { host[0][0]++ }
	require.Zero(t, testing.AllocsPerRun(50, func() {
		for _, call := range [...]error{feed.Acquire(0), feed.Fill(0, write), feed.Send(0), feed.Run(0, program)} {
			if call != nil {
				panic(call)
			}
		}
	}))
}

// floatsLike is as many elements of other as s has.
func floatsLike(s, other gpu.Span) gpu.Span { return other.Slice(0, s.Len) }
