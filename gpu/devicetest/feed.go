package devicetest

import (
	"encoding/binary"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// The feeds of these tests: a slot holds rows of pixels and a label for each.
const (
	feedSlots    = 3
	feedRows     = 5
	feedFeatures = 7
	// feedRounds goes many times around the ring.
	feedRounds = 40
)

func (s *suite) feed(t *testing.T) {
	for _, slots := range []int{1, 2, feedSlots, 4} {
		t.Run("EveryBatchArrivesOnce/"+string(rune('0'+slots)), func(t *testing.T) { manyRounds(t, s.device(t), slots) })
	}
	s.claims(t, map[string]func(*testing.T, gpu.Device){
		"StartsZeroed":                    feedStartsZeroed,
		"PartsOfEveryTypeAndSize":         feedParts,
		"SlotsCanBeFilledAhead":           filledAhead,
		"SlotsKeepTheirOwnData":           slotsKeepTheirOwn,
		"ManyGoroutinesFillASlot":         manyFill,
		"ProgramsRunAsOftenAsWanted":      runAgain,
		"AcquireGivesABatchUp":            acquireGivesUp,
		"TwoFeedsDoNotMeet":               twoFeeds,
		"ResultsOfABatchOutliveItsSlot":   resultsOutlive,
		"DirectCallsKeepTheirOrder":       directCallsBetween,
		"MistakesAreRefused":              func(t *testing.T, d gpu.Device) { feedMisuse(t, d, s.device(t)) },
		"FreedFeedDoesNothing":            freedFeed,
		"FeedIsRefusedWithinARecording":   feedInRecording,
		"FreeingGivesTheMemoryBack":       feedsComeAndGo,
		"ClosedDeviceEndsItsFeeds":        func(t *testing.T, _ gpu.Device) { closedFeed(t, s.open(t)) },
		"CloseWaitsForWhoFills":           func(t *testing.T, _ gpu.Device) { closeWhileFilling(t, s.open(t)) },
		"DeviceWithAFeedInUseCanBeClosed": func(t *testing.T, _ gpu.Device) { closeInUse(t, s.open(t)) },
	})
}

// reader is a feed with a program for each slot, which gathers the slot's batch to x and y.
// All slots share x and y.
type reader struct {
	d        gpu.Device
	feed     gpu.Feed
	x, y     gpu.Span
	zero     gpu.Span
	programs []gpu.Program
}

func newReader(t *testing.T, d gpu.Device, slots int) *reader {
	t.Helper()
	r := &reader{
		d: d, x: upload(t, d, make([]float32, feedRows*feedFeatures)), y: upload(t, d, make([]int32, feedRows)),
		zero: upload(t, d, []int32{0}),
	}
	var err error
	r.feed, err = d.NewFeed(slots, gpu.FeedPart{Type: gpu.Uint8, Len: feedRows * feedFeatures}, gpu.FeedPart{Type: gpu.Int32, Len: feedRows})
	require.NoError(t, err)
	for slot := range slots {
		r.programs = append(r.programs, r.record(t, slot, r.x, r.y))
	}
	return r
}

// record returns a program that gathers a slot's batch to x and y.
func (r *reader) record(t *testing.T, slot int, x, y gpu.Span) gpu.Program {
	t.Helper()
	buffers := r.feed.Buffers(slot)
	require.Len(t, buffers, 2)
	p := record(t, r.d, func() error {
		return r.d.Gather(gpu.GatherArgs{
			X: x.Mat(feedRows, feedFeatures), Y: y, Data: gpu.All(buffers[0]), Labels: gpu.All(buffers[1]), Cursor: r.zero, Scale: 1,
		})
	})
	return p
}

// batch returns rows and labels that differ for each number.
func batch(number int) (data []uint8, y []int32) {
	data, y = make([]uint8, feedRows*feedFeatures), make([]int32, feedRows)
	for i := range data {
		data[i] = uint8(number*31 + i)
	}
	for i := range y {
		y[i] = int32(number*1000 + i)
	}
	return data, y
}

// write returns a function that writes the batch of a number into a slot's host memory.
func write(number int) func(host [][]byte) {
	return func(host [][]byte) {
		data, y := batch(number)
		copy(host[0], data)
		for i, label := range y {
			binary.NativeEndian.PutUint32(host[1][4*i:], uint32(label))
		}
	}
}

// send sends the batch of a number to a slot.
func (r *reader) send(t *testing.T, slot, number int) {
	t.Helper()
	require.NoError(t, r.feed.Acquire(slot))
	require.NoError(t, r.feed.Fill(slot, write(number)))
	require.NoError(t, r.feed.Send(slot))
}

// run runs the slot's program.
func (r *reader) run(t *testing.T, slot int) {
	t.Helper()
	require.NoError(t, r.feed.Run(slot, r.programs[slot]))
}

// holds requires that x and y hold the batch of a number.
func (r *reader) holds(t *testing.T, x, y gpu.Span, number int) {
	t.Helper()
	data, labels := batch(number)
	want := make([]float32, len(data))
	for i := range want {
		want[i] = float32(data[i])
	}
	require.Equal(t, want, read[float32](t, r.d, x), "the pixels of batch %d", number)
	require.Equal(t, labels, read[int32](t, r.d, y), "the labels of batch %d", number)
}

// manyRounds keeps the device busy over many batches and looks at all of them at the end.
func manyRounds(t *testing.T, d gpu.Device, slots int) {
	r := newReader(t, d, slots)
	size := feedRows * feedFeatures
	history, labels := upload(t, d, make([]float32, feedRounds*size)), upload(t, d, make([]int32, feedRounds*feedRows))
	for number := range feedRounds {
		slot := number % slots
		r.send(t, slot, number)
		r.run(t, slot)
		require.NoError(t, d.Copy(history.Slice(number*size, size), r.x))
		require.NoError(t, d.Copy(labels.Slice(number*feedRows, feedRows), r.y))
	}
	for number := range feedRounds {
		r.holds(t, history.Slice(number*size, size), labels.Slice(number*feedRows, feedRows), number)
	}
	require.NoError(t, r.feed.Free())
}

func feedStartsZeroed(t *testing.T, d gpu.Device) {
	r := newReader(t, d, feedSlots)
	for slot := range feedSlots {
		require.NoError(t, gpu.Upload(d, r.x.Buf, 0, ramp[float32](r.x.Len)))
		require.NoError(t, r.feed.Acquire(slot))
		require.NoError(t, r.feed.Fill(slot, func(host [][]byte) {
			for _, part := range host {
				assert.Equal(t, make([]byte, len(part)), part)
			}
		}))
		require.NoError(t, r.feed.Send(slot))
		r.run(t, slot)
		assert.Equal(t, make([]float32, r.x.Len), read[float32](t, d, r.x))
		assert.Equal(t, make([]int32, r.y.Len), read[int32](t, d, r.y))
	}
}

// feedParts sends parts of all types, of sizes without common factors.
func feedParts(t *testing.T, d gpu.Device) {
	parts := []gpu.FeedPart{
		{Type: gpu.Uint8, Len: 33}, {Type: gpu.Float64, Len: 3}, {Type: gpu.Uint8, Len: 1}, {Type: gpu.Float32, Len: 1025},
		{Type: gpu.Int32, Len: 0}, {Type: gpu.Int32, Len: 7},
	}
	f, err := d.NewFeed(2, parts...)
	require.NoError(t, err)
	for slot := range 2 {
		var targets []gpu.Span
		for i, b := range f.Buffers(slot) {
			assert.Equal(t, parts[i].Type, b.DType())
			assert.Equal(t, parts[i].Len, b.Len())
			to, err := d.Alloc(b.DType(), b.Len())
			require.NoError(t, err)
			targets = append(targets, gpu.All(to))
		}
		p := record(t, d, func() error {
			for i, b := range f.Buffers(slot) {
				if err := d.Copy(targets[i], gpu.All(b)); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, f.Acquire(slot))
		require.NoError(t, f.Fill(slot, func(host [][]byte) {
			require.Len(t, host, len(parts))
			for i, part := range host {
				assert.Len(t, part, parts[i].Bytes())
				for at := range part {
					part[at] = byte(slot + 3*i + 7*at)
				}
			}
		}))
		require.NoError(t, f.Send(slot))
		require.NoError(t, f.Run(slot, p))
		for i, to := range targets {
			got := make([]byte, parts[i].Bytes())
			require.NoError(t, d.Download(got, to.Buf, 0))
			for at, v := range got {
				require.Equal(t, byte(slot+3*i+7*at), v, "byte %d of part %d", at, i)
			}
		}
	}
	require.NoError(t, f.Free())
}

// filledAhead sends all slots before the first program runs.
func filledAhead(t *testing.T, d gpu.Device) {
	r := newReader(t, d, feedSlots)
	for round := range 3 {
		for slot := range feedSlots {
			r.send(t, slot, 10*round+slot)
		}
		for slot := range feedSlots {
			r.run(t, slot)
			r.holds(t, r.x, r.y, 10*round+slot)
		}
	}
}

// slotsKeepTheirOwn fills one slot while the others' data is still to be read.
func slotsKeepTheirOwn(t *testing.T, d gpu.Device) {
	r := newReader(t, d, feedSlots)
	r.send(t, 0, 1)
	r.send(t, 1, 2)
	require.NoError(t, r.feed.Acquire(2))
	require.NoError(t, r.feed.Fill(2, write(3)))
	r.run(t, 1)
	r.holds(t, r.x, r.y, 2)
	r.run(t, 0)
	r.holds(t, r.x, r.y, 1)
	require.NoError(t, r.feed.Send(2))
	r.run(t, 2)
	r.holds(t, r.x, r.y, 3)
}

// manyFill lets a goroutine for each byte write a slot, while another is in use.
func manyFill(t *testing.T, d gpu.Device) {
	r := newReader(t, d, 2)
	for number := range 10 {
		slot := number % 2
		require.NoError(t, r.feed.Acquire(slot))
		var fillers sync.WaitGroup
		failures := make(chan error, feedRows)
		for row := range feedRows {
			fillers.Go(func() {
				failures <- r.feed.Fill(slot, func(host [][]byte) {
					data, y := batch(number)
					copy(host[0][row*feedFeatures:(row+1)*feedFeatures], data[row*feedFeatures:])
					binary.NativeEndian.PutUint32(host[1][4*row:], uint32(y[row]))
				})
			})
		}
		fillers.Wait()
		for range feedRows {
			require.NoError(t, <-failures)
		}
		require.NoError(t, r.feed.Send(slot))
		r.run(t, slot)
		r.holds(t, r.x, r.y, number)
	}
}

func runAgain(t *testing.T, d gpu.Device) {
	r := newReader(t, d, 2)
	r.send(t, 1, 4)
	for range 3 {
		require.NoError(t, d.Zero(r.x))
		r.run(t, 1)
		r.holds(t, r.x, r.y, 4)
	}
}

// acquireGivesUp opens a slot again whose batch no program has seen.
func acquireGivesUp(t *testing.T, d gpu.Device) {
	r := newReader(t, d, 1)
	r.send(t, 0, 1)
	require.NoError(t, r.feed.Acquire(0))
	assert.ErrorIs(t, r.feed.Run(0, r.programs[0]), gpu.ErrOrder, "the batch is gone")
	require.NoError(t, r.feed.Fill(0, write(2)))
	require.NoError(t, r.feed.Acquire(0), "an open slot stays open")
	require.NoError(t, r.feed.Send(0))
	r.run(t, 0)
	r.holds(t, r.x, r.y, 2)
}

func twoFeeds(t *testing.T, d gpu.Device) {
	a, b := newReader(t, d, 2), newReader(t, d, 1)
	for number := range 6 {
		a.send(t, number%2, number)
		b.send(t, 0, 100+number)
		a.run(t, number%2)
		b.run(t, 0)
		a.holds(t, a.x, a.y, number)
		b.holds(t, b.x, b.y, 100+number)
	}
	require.NoError(t, a.feed.Free())
	b.send(t, 0, 9)
	b.run(t, 0)
	b.holds(t, b.x, b.y, 9)
}

// resultsOutlive reads a batch's result after the slot has got the next one.
func resultsOutlive(t *testing.T, d gpu.Device) {
	r := newReader(t, d, 1)
	x, y := upload(t, d, make([]float32, r.x.Len)), upload(t, d, make([]int32, r.y.Len))
	first := r.record(t, 0, x, y)
	r.send(t, 0, 1)
	require.NoError(t, r.feed.Run(0, first))
	r.send(t, 0, 2)
	r.run(t, 0)
	r.holds(t, x, y, 1)
	r.holds(t, r.x, r.y, 2)
}

// directCallsBetween mixes programs of a feed with calls that are not recorded.
func directCallsBetween(t *testing.T, d gpu.Device) {
	r := newReader(t, d, 2)
	kept := upload(t, d, make([]int32, r.y.Len))
	for number := range 6 {
		r.send(t, number%2, number)
		require.NoError(t, d.Copy(kept, r.y))
		r.run(t, number%2)
		require.NoError(t, d.Zero(r.x))
		_, before := batch(number - 1)
		if number > 0 {
			require.Equal(t, before, read[int32](t, d, kept))
		}
		require.Equal(t, make([]float32, r.x.Len), read[float32](t, d, r.x))
	}
}
