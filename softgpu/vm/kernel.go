package vm

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Name is the kernel's name.
func (k *Kernel) Name() string { return k.name }

// Params describes the kernel's parameters in order. The parameter block of a
// launch has ParamSize bytes; each parameter stands at its offset.
func (k *Kernel) Params() []Param { return slices.Clone(k.params) }

// Pack makes a parameter block of arguments, one for each parameter and of its size. An argument is a number or an
// array of numbers, as encoding/binary takes them.
func (k *Kernel) Pack(args ...any) ([]byte, error) {
	if len(args) != len(k.params) {
		return nil, fmt.Errorf("softgpu: launch of %s: %d arguments, expected %d", k.name, len(args), len(k.params))
	}
	block := make([]byte, k.paramSize)
	for i, p := range k.params {
		raw, err := binary.Append(nil, binary.LittleEndian, args[i])
		if err == nil && len(raw) != p.Size {
			err = fmt.Errorf("%T has %d bytes, expected %d", args[i], len(raw), p.Size)
		}
		if err != nil {
			return nil, fmt.Errorf("softgpu: launch of %s: parameter %s: %w", k.name, p.Name, err)
		}
		copy(block[p.Offset:], raw)
	}
	return block, nil
}

// ParamSize is the size of the parameter block in bytes.
func (k *Kernel) ParamSize() int { return k.paramSize }

// StaticShared is the kernel's static shared memory in bytes.
func (k *Kernel) StaticShared() int { return int(k.shared.size) }

// LocalBytes is the kernel's local memory per thread in bytes.
func (k *Kernel) LocalBytes() int { return int(k.local.size) }

// MaxThreads is the largest block the kernel runs with on this device.
func (k *Kernel) MaxThreads() int {
	n := k.mod.limits.ThreadsPerBlock
	if t := k.maxThreads(); t > 0 {
		n = min(n, t)
	}
	return min(n, k.mod.limits.Registers/k.Registers())
}

// Registers estimates the registers a thread needs on a GPU: the largest number
// of 32-bit registers live at one point of the PTX (64-bit ones count twice,
// predicates not), plus 4 for addresses that an assembler adds, rounded up to 8
// and at most 255. It is capped, as an assembler caps it by spilling, by
// .maxnreg and by the share of the register file that .maxntid or .reqntid threads leave.
// ptxas often needs fewer; it reorders and rematerialises.
func (k *Kernel) Registers() int {
	n := min(int(alignUp(uint64(k.liveMax+4), 8)), 255)
	if k.fn.MaxReg > 0 {
		n = min(n, k.fn.MaxReg)
	}
	if t := k.maxThreads(); t > 0 {
		n = min(n, max(k.mod.limits.Registers/t, 1))
	}
	return n
}

// maxThreads is the number of threads that .maxntid or .reqntid allow, or 0.
func (k *Kernel) maxThreads() int {
	for _, e := range [][3]int{k.fn.ReqNTid, k.fn.MaxNTid} {
		if e[0] > 0 {
			return e[0] * e[1] * e[2]
		}
	}
	return 0
}

// Check says whether the device can run a launch: nil, a *LimitError, or another
// mistake in it. Launch checks by itself; a driver answers before the launch is queued.
func (k *Kernel) Check(c Launch) error { return k.checkLaunch(&c) }

// checkLaunch compares a launch with the limits of device and kernel.
func (k *Kernel) checkLaunch(c *Launch) error {
	lim := &k.mod.limits
	fail := func(resource string, got, limit uint64) error { return &LimitError{k.name, resource, got, limit} }
	for _, d := range []struct {
		name       string
		got, limit uint32
	}{
		{"grid x", c.Grid.X, lim.MaxGrid.X}, {"grid y", c.Grid.Y, lim.MaxGrid.Y}, {"grid z", c.Grid.Z, lim.MaxGrid.Z},
		{"block x", c.Block.X, lim.MaxBlock.X}, {"block y", c.Block.Y, lim.MaxBlock.Y}, {"block z", c.Block.Z, lim.MaxBlock.Z},
	} {
		if d.got == 0 {
			return fmt.Errorf("softgpu: launch of %s: %s is 0, at least 1 is expected", k.name, d.name)
		}
		if d.got > d.limit {
			return fail(d.name, uint64(d.got), uint64(d.limit))
		}
	}
	threads := c.Block.Count()
	if threads > uint64(lim.ThreadsPerBlock) {
		return fail("threads per block", threads, uint64(lim.ThreadsPerBlock))
	}
	if n := k.maxThreads(); n > 0 && threads > uint64(n) {
		return fail("threads per block by .maxntid or .reqntid", threads, uint64(n))
	}
	if r := k.fn.ReqNTid; r[0] > 0 && (Dim3{uint32(r[0]), uint32(r[1]), uint32(r[2])}) != c.Block {
		return fmt.Errorf("softgpu: launch of %s: block %v, .reqntid asks for (%d,%d,%d)", k.name, c.Block, r[0], r[1], r[2])
	}
	shared := k.shared.size + c.SharedBytes
	limit := uint64(max(lim.SharedDefault, min(c.SharedLimit, lim.SharedOptIn)))
	if shared > limit || shared < c.SharedBytes {
		return fail("shared memory (static and dynamic)", shared, limit)
	}
	if regs := uint64(k.Registers()) * threads; regs > uint64(lim.Registers) {
		return fail(fmt.Sprintf("registers (an estimated %d a thread)", k.Registers()), regs, uint64(lim.Registers))
	}
	if k.local.size > lim.LocalBytes {
		return fail("local memory of a thread", k.local.size, lim.LocalBytes)
	}
	if len(c.Params) != k.paramSize {
		return fmt.Errorf("softgpu: launch of %s: %d bytes of parameters, expected %d", k.name, len(c.Params), k.paramSize)
	}
	return nil
}
