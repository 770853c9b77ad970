package gpu

import (
	"errors"
	"fmt"
)

// ErrOrder marks a call on a feed's slot that does not follow the call it needs.
var ErrOrder = errors.New("calls in the wrong order")

// Feed uploads batches from the host to the device while the device computes. It is a
// ring of slots; each has host memory (pinned on a GPU) and buffers on the device, one of
// each for every part of a batch: images, labels. The calls on a slot repeat in this order:
//
//	Acquire   wait until the host memory is free again
//	Fill      any number of goroutines write the batch
//	Send      start the copy to the slot's buffers
//	Run       run programs that read the buffers
//
// A slot's copy waits for the programs that ran on its last batch, and its programs wait
// for the copy; nothing else waits, so that the copy of one slot and the programs of the
// others overlap. Only programs given to Run are ordered after the copy: for all others the
// contents of the buffers are undefined, and only Send may write the buffers.
//
// Fill can be called from any goroutine. The other methods must be called by one goroutine
// at a time, as those of the device, and return ErrRecording while it records. In the steady
// state nothing is allocated. All methods return ErrShape for a slot that the feed does not
// have, ErrBuffer after Free and ErrClosed after the device's Close.
type Feed interface {
	// Buffers returns a slot's buffers on the device, one for each part; nil if there is no such
	// slot. The feed owns them: freeing one is ErrBuffer.
	Buffers(slot int) []Buffer
	// Acquire opens a slot's host memory as soon as the last batch has been copied from it. A
	// batch that was sent and not run is dropped. A slot that is open stays open.
	Acquire(slot int) error
	// Fill calls write with the host memory of an open slot: for each part as many bytes
	// as its buffer has, in the host's byte order. At first they are zero; later they are
	// undefined. The function may neither keep them nor call the feed. A slot that is not open is
	// ErrOrder. Send, Free and the device's Close wait for calls of write that have begun.
	Fill(slot int, write func(host [][]byte)) error
	// Send closes an open slot and starts its copy, without waiting for the device. A slot that
	// is not open is ErrOrder.
	Send(slot int) error
	// Run calls p.Run, ordered after the slot's copy, any number of times after one Send;
	// before it, Run is ErrOrder. A program of another device is ErrRecording.
	Run(slot int, p Program) error
	// Free waits for the copies and programs and releases the memory. The device's Close
	// does so, too.
	Free() error
}

// FeedPart is one part of a batch: Len elements of a type.
type FeedPart struct {
	Type DType
	Len  int
}

// Bytes returns the size of the part.
func (p FeedPart) Bytes() int { return p.Len * p.Type.Size() }

// maxFeedSlots exceeds the slots that any overlap needs.
const maxFeedSlots = 1024

// CheckFeed returns an error unless a feed can have these slots and parts.
func CheckFeed(slots int, parts []FeedPart) error {
	if slots < 1 || slots > maxFeedSlots || len(parts) == 0 {
		return fmt.Errorf("feed of %d slots with %d parts: 1 to %d slots and at least 1 part are needed: %w",
			slots, len(parts), maxFeedSlots, ErrShape)
	}
	for i, p := range parts {
		if p.Type > Float64 || p.Len < 0 {
			return fmt.Errorf("feed: part %d has %d elements of %s: %w", i, p.Len, p.Type, ErrShape)
		}
		if _, ok := product(slots, p.Len); !ok {
			return fmt.Errorf("feed: part %d has %d elements of %s in each of %d slots: %w", i, p.Len, p.Type, slots, ErrOutOfMemory)
		}
	}
	return nil
}
