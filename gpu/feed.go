package gpu

import (
	"errors"
	"fmt"
)

// ErrOrder marks a call on a feed's slot that does not follow the call it needs.
var ErrOrder = errors.New("calls in the wrong order")

// Feed carries batches from the host to the device while the device computes. It is a
// ring of slots; each has host memory (pinned on a GPU) and buffers on the device, one of
// both for each part of a batch: images, labels. A slot goes round and round:
//
//	Acquire   the host memory is free again
//	Fill      any number of goroutines write the batch
//	Send      the batch is on its way to the slot's buffers
//	Run       programs that read the buffers
//
// A slot's copy waits for the programs that ran on its last batch, and its programs wait
// for the copy; nothing else waits, so that the copy of one slot and the programs of the
// others overlap. Only programs given to Run are ordered behind the copy: what anything
// else finds in the buffers is undefined, and nothing but Send may write them.
//
// Fill can be called from any goroutine. The other methods are calls on the device: by
// one goroutine at a time, and ErrRecording while it records. In the steady state nothing
// is allocated. All methods return ErrShape for a slot that the feed has not, ErrBuffer
// after Free and ErrClosed after the device's Close.
type Feed interface {
	// Buffers are the device's side of a slot, one for each part; nil if there is no such
	// slot. The feed owns them: to free one is ErrBuffer.
	Buffers(slot int) []Buffer
	// Acquire opens a slot's host memory, as soon as what was sent before has left it. A
	// batch that was sent and not run is given up. An open slot stays as it is.
	Acquire(slot int) error
	// Fill calls write with the host memory of an open slot: for each part as many bytes
	// as its buffer has, in the host's byte order. At first they are zero; later they are
	// undefined. Write may neither keep them nor call the feed. A slot that is not open is
	// ErrOrder. Send, Free and the device's Close wait for writes that have begun.
	Fill(slot int, write func(host [][]byte)) error
	// Send starts the copy of an open slot, which is closed by it, and does not wait for
	// the device. A slot that is not open is ErrOrder.
	Send(slot int) error
	// Run is p.Run behind the slot's copy, as often as wanted after one Send; before it,
	// ErrOrder. A program of another device is ErrRecording.
	Run(slot int, p Program) error
	// Free waits for the copies and programs and gives the memory back. The device's Close
	// does it, too.
	Free() error
}

// FeedPart is one part of a batch: Len elements of a type.
type FeedPart struct {
	Type DType
	Len  int
}

// Bytes is the size of the part.
func (p FeedPart) Bytes() int { return p.Len * p.Type.Size() }

// maxFeedSlots is more than any overlap needs.
const maxFeedSlots = 1024

// CheckFeed returns an error unless a feed can have these slots and parts.
func CheckFeed(slots int, parts []FeedPart) error {
	if slots < 1 || slots > maxFeedSlots || len(parts) == 0 {
		return fmt.Errorf("gpu: feed of %d slots with %d parts: 1 to %d slots and at least 1 part are needed: %w",
			slots, len(parts), maxFeedSlots, ErrShape)
	}
	for i, p := range parts {
		if p.Type > Float64 || p.Len < 0 {
			return fmt.Errorf("gpu: feed: part %d has %d elements of %s: %w", i, p.Len, p.Type, ErrShape)
		}
		if _, ok := product(slots, p.Len); !ok {
			return fmt.Errorf("gpu: feed: part %d has %d elements of %s in each of %d slots: %w", i, p.Len, p.Type, slots, ErrOutOfMemory)
		}
	}
	return nil
}
