package devicetest

import (
	"fmt"

	"mdfa/gpu"
	"mdfa/gpu/internal/state"
)

// naiveFeed copies from host memory of its own, so that a forgotten copy shows.
type naiveFeed struct {
	device  *naive
	slots   *state.FeedSlots
	host    [][][]byte
	buffers [][]gpu.Buffer
	sent    []bool
	freed   bool
}

func (d *naive) NewFeed(slots int, parts ...gpu.FeedPart) (gpu.Feed, error) {
	if err := d.host("feed"); err != nil {
		return nil, err
	}
	if err := gpu.CheckFeed(slots, parts); err != nil {
		return nil, err
	}
	f := &naiveFeed{device: d, sent: make([]bool, slots)}
	for slot := range slots {
		var host [][]byte
		var buffers []gpu.Buffer
		for _, p := range parts {
			b, err := d.Alloc(p.Type, p.Len)
			if err != nil {
				return nil, err
			}
			b.(*naiveBuffer).feed = true
			buffers, host = append(buffers, b), append(host, make([]byte, p.Bytes()))
			if d.has("a feed's slots start dirty") && p.Len > 0 {
				host[0][0] = 1
			}
		}
		if slot > 0 && d.has("a feed's slots are one") {
			buffers = f.buffers[0]
		}
		f.host, f.buffers = append(f.host, host), append(f.buffers, buffers)
	}
	f.slots = state.NewFeedSlots(f.host)
	d.feeds = append(d.feeds, f)
	return f, nil
}

func (f *naiveFeed) Buffers(slot int) []gpu.Buffer {
	if slot < 0 || slot >= len(f.buffers) {
		return nil
	}
	return f.buffers[slot]
}

// ready refuses what the device refuses.
func (f *naiveFeed) ready(op string) error {
	if f.device.has("a recording stops no feed") && !f.device.closed {
		return nil
	}
	return f.device.host(op)
}

func (f *naiveFeed) Acquire(slot int) error {
	if err := f.ready("acquire"); err != nil {
		return err
	}
	if err := f.slots.Check("acquire", slot); err != nil {
		return err
	}
	if f.slots.Is(slot, state.FeedSent) && f.device.has("an open slot runs its last batch") {
		return nil
	}
	f.slots.Set(slot, state.FeedOpen)
	return nil
}

func (f *naiveFeed) Fill(slot int, write func(host [][]byte)) error {
	if f.device.has("an open slot runs its last batch") && slot >= 0 && slot < len(f.host) && f.slots.Is(slot, state.FeedSent) {
		write(f.host[slot])
		return nil
	}
	return f.slots.Fill(slot, write)
}

func (f *naiveFeed) Send(slot int) error {
	if err := f.ready("send"); err != nil {
		return err
	}
	if err := f.slots.Require("send", slot, state.FeedOpen); err != nil {
		return err
	}
	f.slots.Set(slot, state.FeedSent)
	f.copy(slot)
	return nil
}

func (f *naiveFeed) copy(slot int) {
	if f.device.has("a feed sends each slot once") && f.sent[slot] {
		return
	}
	f.sent[slot] = true
	buffers := f.buffers[slot]
	if f.device.has("a feed forgets its last part") {
		buffers = buffers[:len(buffers)-1]
	}
	for i, b := range buffers {
		from := f.host[slot][i]
		if f.device.has("a feed loses the last byte") && len(from) > 0 {
			from = from[:len(from)-1]
		}
		copy(b.(*naiveBuffer).bytes(), from)
	}
}

func (f *naiveFeed) Run(slot int, p gpu.Program) error {
	if err := f.ready("run"); err != nil {
		return err
	}
	need := state.FeedSent
	if f.device.has("a feed runs before it has sent") && f.slots.Check("run", slot) == nil && !f.slots.Is(slot, need) {
		return p.Run()
	}
	if err := f.slots.Require("run", slot, need); err != nil {
		return err
	}
	own, ok := p.(*naiveProgram)
	if !ok || own.device != f.device {
		return fmt.Errorf("gpu: run: a program of another device: %w", gpu.ErrRecording)
	}
	return p.Run()
}

func (f *naiveFeed) Free() error {
	if err := f.ready("free"); err != nil {
		return err
	}
	if f.freed {
		return fmt.Errorf("gpu: free: %w", state.ErrFreedFeed)
	}
	f.freed = true
	if f.device.has("a freed feed goes on") {
		return nil
	}
	f.slots.End(state.ErrFreedFeed)
	for _, slot := range f.buffers {
		for _, b := range slot {
			b.(*naiveBuffer).freed = true
		}
	}
	return nil
}
