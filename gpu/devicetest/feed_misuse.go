package devicetest

import (
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// feedMisuse makes every mistake with a feed. The data in the feed must not change.
func feedMisuse(t *testing.T, d, other gpu.Device) {
	r, foreign := newReader(t, d, 2), newReader(t, other, 2)
	nothing := func([][]byte) { t.Errorf("a fill that is refused must not write") }
	part := gpu.FeedPart{Type: gpu.Uint8, Len: 1}
	ring := func(slots int, parts ...gpu.FeedPart) func() error {
		return func() error { _, err := d.NewFeed(slots, parts...); return err }
	}
	freed := r.record(t, 0, r.x, r.y)
	require.NoError(t, freed.Free())
	r.send(t, 0, 1)
	claims := map[string]struct {
		call func() error
		want error
	}{
		"NoSlots":               {ring(0, part), gpu.ErrShape},
		"NegativeSlots":         {ring(-1, part), gpu.ErrShape},
		"TooManySlots":          {ring(math.MaxInt, part), gpu.ErrShape},
		"NoParts":               {ring(1), gpu.ErrShape},
		"NegativePart":          {ring(1, gpu.FeedPart{Len: -1}), gpu.ErrShape},
		"UnknownType":           {ring(1, gpu.FeedPart{Type: 99, Len: 1}), gpu.ErrShape},
		"LargerThanAnyMachine":  {ring(4, part, gpu.FeedPart{Type: gpu.Uint8, Len: 1 << 45}), gpu.ErrOutOfMemory},
		"BytesThatOverflow":     {ring(4, gpu.FeedPart{Type: gpu.Float64, Len: 1 << 61}), gpu.ErrOutOfMemory},
		"AcquireBeforeTheFirst": {func() error { return r.feed.Acquire(-1) }, gpu.ErrShape},
		"AcquirePastTheLast":    {func() error { return r.feed.Acquire(2) }, gpu.ErrShape},
		"FillBeforeTheFirst":    {func() error { return r.feed.Fill(-1, nothing) }, gpu.ErrShape},
		"FillPastTheLast":       {func() error { return r.feed.Fill(2, nothing) }, gpu.ErrShape},
		"SendPastTheLast":       {func() error { return r.feed.Send(2) }, gpu.ErrShape},
		"RunPastTheLast":        {func() error { return r.feed.Run(2, r.programs[0]) }, gpu.ErrShape},
		"FillBeforeAcquire":     {func() error { return r.feed.Fill(1, nothing) }, gpu.ErrOrder},
		"SendBeforeAcquire":     {func() error { return r.feed.Send(1) }, gpu.ErrOrder},
		"RunBeforeSend":         {func() error { return r.feed.Run(1, r.programs[1]) }, gpu.ErrOrder},
		"FillAfterSend":         {func() error { return r.feed.Fill(0, nothing) }, gpu.ErrOrder},
		"SendTwice":             {func() error { return r.feed.Send(0) }, gpu.ErrOrder},
		"RunNothing":            {func() error { return r.feed.Run(0, nil) }, gpu.ErrRecording},
		"RunOfAnotherDevice":    {func() error { return r.feed.Run(0, foreign.programs[0]) }, gpu.ErrRecording},
		"RunOfAFreedProgram":    {func() error { return r.feed.Run(0, freed) }, gpu.ErrRecording},
		"FreeOfASlotsBuffer":    {func() error { return r.feed.Buffers(0)[0].Free() }, gpu.ErrBuffer},
	}
	for _, name := range sortedKeys(claims) {
		t.Run(name, func(t *testing.T) {
			err := claims[name].call()
			require.ErrorIs(t, err, claims[name].want)
		})
	}
	assert.Nil(t, r.feed.Buffers(-1))
	assert.Nil(t, r.feed.Buffers(2))
	r.run(t, 0)
	r.holds(t, r.x, r.y, 1)
	requireUsable(t, d)
}

// lastCalls are all calls on a feed.
func lastCalls(r *reader) map[string]func() error {
	return map[string]func() error{
		"Acquire": func() error { return r.feed.Acquire(0) },
		"Fill":    func() error { return r.feed.Fill(0, func(host [][]byte) { host[0][0] = 1 }) },
		"Send":    func() error { return r.feed.Send(0) },
		"Run":     func() error { return r.feed.Run(0, r.programs[0]) },
	}
}

func freedFeed(t *testing.T, d gpu.Device) {
	r := newReader(t, d, 2)
	r.send(t, 0, 1)
	r.run(t, 0)
	require.NoError(t, r.feed.Acquire(1))
	buffer := r.feed.Buffers(0)[0]
	require.NoError(t, r.feed.Free())
	r.holds(t, r.x, r.y, 1)
	calls := lastCalls(r)
	calls["Free"] = r.feed.Free
	calls["BufferFree"] = buffer.Free
	calls["Program"] = r.programs[0].Run
	calls["Operation"] = func() error { return d.Zero(gpu.All(buffer)) }
	for _, name := range sortedKeys(calls) {
		assert.ErrorIs(t, calls[name](), gpu.ErrBuffer, name)
	}
	assert.ErrorIs(t, r.feed.Fill(1, func([][]byte) {}), gpu.ErrBuffer, "a slot that was open")
	requireUsable(t, d)
}

func feedInRecording(t *testing.T, d gpu.Device) {
	r := newReader(t, d, 2)
	r.send(t, 0, 1)
	require.NoError(t, r.feed.Acquire(1))
	calls := map[string]func() error{
		"NewFeed": func() error { _, err := d.NewFeed(1, gpu.FeedPart{Len: 1}); return err },
		"Acquire": func() error { return r.feed.Acquire(1) },
		"Send":    func() error { return r.feed.Send(1) },
		"Run":     func() error { return r.feed.Run(0, r.programs[0]) },
		"Free":    r.feed.Free,
	}
	for _, name := range sortedKeys(calls) {
		_, err := d.Record(calls[name])
		assert.ErrorIs(t, err, gpu.ErrRecording, name)
	}
	p := record(t, d, func() error { return r.feed.Fill(1, write(2)) }) // a fill is no call on the device
	require.NoError(t, p.Free())
	r.run(t, 0)
	r.holds(t, r.x, r.y, 1)
	require.NoError(t, r.feed.Send(1))
	r.run(t, 1)
	r.holds(t, r.x, r.y, 2)
}

// feedsComeAndGo makes feeds until the device would be full if they stayed.
func feedsComeAndGo(t *testing.T, d gpu.Device) {
	for number := range 20 {
		f, err := d.NewFeed(2, gpu.FeedPart{Type: gpu.Uint8, Len: 4 << 20})
		require.NoError(t, err)
		require.NoError(t, f.Acquire(0))
		require.NoError(t, f.Fill(0, func(host [][]byte) { host[0][0] = byte(number) }))
		require.NoError(t, f.Send(0))
		require.NoError(t, f.Free(), "while a copy is on its way")
	}
	requireUsable(t, d)
}

func closedFeed(t *testing.T, d gpu.Device) {
	r := newReader(t, d, 2)
	r.send(t, 0, 1)
	require.NoError(t, r.feed.Acquire(1))
	require.NoError(t, d.Close())
	calls := lastCalls(r)
	calls["NewFeed"] = func() error { _, err := d.NewFeed(1, gpu.FeedPart{Len: 1}); return err }
	calls["FillOfAnOpenSlot"] = func() error { return r.feed.Fill(1, func(host [][]byte) { host[0][0] = 1 }) }
	for _, name := range sortedKeys(calls) {
		assert.ErrorIs(t, calls[name](), gpu.ErrClosed, name)
	}
	err := r.feed.Free()
	assert.True(t, errors.Is(err, gpu.ErrClosed) || errors.Is(err, gpu.ErrBuffer), "Free after Close: %v", err)
	assert.Equal(t, feedRows, r.feed.Buffers(1)[1].Len())
}

// closeWhileFilling closes the device while another goroutine writes: this write must be able
// to finish, and no other can begin.
func closeWhileFilling(t *testing.T, d gpu.Device) {
	// fillTime is long enough to notice a Close that does not wait.
	const fillTime = 30 * time.Millisecond
	r := newReader(t, d, 1)
	require.NoError(t, r.feed.Acquire(0))
	var done atomic.Bool
	began, filled := make(chan struct{}), make(chan error, 1)
	go func() {
		filled <- r.feed.Fill(0, func(host [][]byte) {
			close(began)
			time.Sleep(fillTime)
			for i := range host[0] {
				host[0][i] = 1
			}
			done.Store(true)
		})
	}()
	<-began
	require.NoError(t, d.Close())
	assert.True(t, done.Load(), "Close took the memory from under a write")
	require.NoError(t, <-filled)
	require.ErrorIs(t, r.feed.Fill(0, func([][]byte) {}), gpu.ErrClosed)
}

// closeInUse closes with copies and programs on their way.
func closeInUse(t *testing.T, d gpu.Device) {
	r := newReader(t, d, feedSlots)
	for slot := range feedSlots {
		r.send(t, slot, slot)
		r.run(t, slot)
	}
	r.send(t, 0, 7)
	require.NoError(t, d.Close())
}
