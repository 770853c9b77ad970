// Package testimages holds sources of images for tests: some whose pixels tell their order, slow ones and
// broken ones.
package testimages

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Source is a feed.Source.
type Source interface {
	Image(i int, dst []uint8) error
}

// Func is a source that is a function.
type Func func(i int, dst []uint8) error

// Image calls f.
func (f Func) Image(i int, dst []uint8) error { return f(i, dst) }

// Coded plants the number of an image in its pixels.
var Coded = Func(func(i int, dst []uint8) error {
	for p := range dst {
		dst[p] = uint8(i * (p + 1))
	}
	binary.LittleEndian.PutUint16(dst, uint16(i))
	return nil
})

// Label returns the label of a coded image.
func Label(i int) int32 { return int32(i*i+i/5) % 3 }

// Labels returns the labels of the first n coded images.
func Labels(n int) []int32 {
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = Label(i)
	}
	return labels
}

// Decode returns the number of a coded image, after a look at every pixel.
func Decode(t *testing.T, pixels []uint8) int {
	t.Helper()
	image := int(binary.LittleEndian.Uint16(pixels))
	want := make([]uint8, len(pixels))
	require.NoError(t, Coded(image, want))
	require.Equal(t, want, pixels, "image %d is whole", image)
	return image
}

// Slow sleeps before each image, for up to Most, so that workers finish in another order than they began.
type Slow struct {
	Source
	Most time.Duration
}

// Image sleeps and reads.
func (s Slow) Image(i int, dst []uint8) error {
	time.Sleep(time.Duration(rand.Int64N(int64(s.Most))))
	return s.Source.Image(i, dst)
}

// ErrUnreadable is the error of Broken.
var ErrUnreadable = errors.New("unreadable")

// Broken cannot read some images, after so many calls.
type Broken struct {
	Source
	Images []int
	After  int64
	calls  atomic.Int64
}

// Image reads or fails.
func (b *Broken) Image(i int, dst []uint8) error {
	if b.calls.Add(1) > b.After && slices.Contains(b.Images, i) {
		return ErrUnreadable
	}
	return b.Source.Image(i, dst)
}

// RequireGoroutines waits until there are no more goroutines than before.
func RequireGoroutines(t *testing.T, before int) {
	t.Helper()
	const settle = 2 * time.Second // how long goroutines may take to end after they were told to
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, settle, time.Millisecond,
		"goroutines are left") // Eventually itself has one
}
