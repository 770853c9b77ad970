package state

import (
	"fmt"
	"sync"

	"mdfa/gpu"
)

// FeedState is where a slot of a feed is on its round.
type FeedState uint8

// The states of a slot.
const (
	FeedEmpty FeedState = iota // nothing was sent yet
	FeedOpen                   // the host memory can be filled
	FeedSent                   // programs can run
)

// FeedSlots keeps the order of calls on a feed's slots: the part of a [gpu.Feed] that is the
// same on every device.
type FeedSlots struct{ slots []feedSlot }

type feedSlot struct {
	// writing is held for reading by each Fill, so that whoever changes the slot waits for
	// writes that have begun.
	writing sync.RWMutex
	state   FeedState
	ended   error // why the slot cannot be used any more
	host    [][]byte
}

// NewFeedSlots is a feed's slots over their host memory: by slot and part.
func NewFeedSlots(host [][][]byte) *FeedSlots {
	s := &FeedSlots{slots: make([]feedSlot, len(host))}
	for i := range host {
		s.slots[i].host = host[i]
	}
	return s
}

// Check refuses a slot that there is not, or that has ended.
func (s *FeedSlots) Check(op string, slot int) error {
	if slot < 0 || slot >= len(s.slots) {
		return fmt.Errorf("gpu: %s: slot %d of a feed of %d, counted from 0: %w", op, slot, len(s.slots), gpu.ErrShape)
	}
	if err := s.slots[slot].ended; err != nil {
		return fmt.Errorf("gpu: %s: %w", op, err)
	}
	return nil
}

// Require is Check for a call that needs the slot in a state.
func (s *FeedSlots) Require(op string, slot int, want FeedState) error {
	if err := s.Check(op, slot); err != nil {
		return err
	}
	if s.slots[slot].state == want {
		return nil
	}
	before := "Acquire"
	if want == FeedSent {
		before = "Send"
	}
	return fmt.Errorf("gpu: %s: slot %d needs a call of %s first: %w", op, slot, before, gpu.ErrOrder)
}

// Is says whether a slot that was checked is in a state.
func (s *FeedSlots) Is(slot int, state FeedState) bool { return s.slots[slot].state == state }

// Set moves a slot that was checked, after the writes to it that have begun.
func (s *FeedSlots) Set(slot int, state FeedState) {
	s.slots[slot].writing.Lock()
	defer s.slots[slot].writing.Unlock()
	s.slots[slot].state = state
}

// Fill is [gpu.Feed].Fill.
func (s *FeedSlots) Fill(slot int, write func(host [][]byte)) error {
	if slot < 0 || slot >= len(s.slots) {
		return s.Check("fill", slot)
	}
	one := &s.slots[slot]
	one.writing.RLock()
	defer one.writing.RUnlock()
	if err := s.Require("fill", slot, FeedOpen); err != nil {
		return err
	}
	write(one.host)
	return nil
}

// End makes every later call fail with the reason, and takes the host memory away, after
// the writes that have begun.
func (s *FeedSlots) End(reason error) {
	for i := range s.slots {
		one := &s.slots[i]
		one.writing.Lock()
		one.ended, one.host = reason, nil
		one.writing.Unlock()
	}
}

// ErrFreedFeed is the reason for which the slots of a freed feed have ended.
var ErrFreedFeed = fmt.Errorf("the feed was freed: %w", gpu.ErrBuffer)
