package vm

import (
	"fmt"
	"strings"
)

// FaultKind is the kind of a finding.
type FaultKind uint8

// The findings.
const (
	OutOfBounds FaultKind = iota + 1
	UseAfterFree
	Misaligned
	Uninitialised    // memory that was never written
	UnwrittenValue   // a register without a value reaches a store, an address or a branch
	ReadOnly         // a write to constant memory or kernel parameters
	SharedRace       // two threads of a block, one shared word
	GlobalRace       // two warps or blocks, one global word
	BarrierMismatch  // a barrier that not all of its threads reach
	BadLaneMask      // shfl, vote, ... whose mask names lanes that are not there
	BudgetExceeded   // a thread ran more instructions than allowed
	Trap             // the kernel executed trap
	BadAddressSpace  // an address outside the space the instruction works on
	BadBranchIndex   // brx.idx beyond its list
	InternalMismatch // a defect of the interpreter itself
)

var faultNames = [...]string{
	OutOfBounds: "out-of-bounds access", UseAfterFree: "use after free", Misaligned: "misaligned access",
	Uninitialised: "read of uninitialised memory", UnwrittenValue: "use of a value that was never written",
	ReadOnly: "write to read-only memory", SharedRace: "race on shared memory", GlobalRace: "race on global memory",
	BarrierMismatch: "barrier divergence", BadLaneMask: "lane mask mismatch",
	BudgetExceeded: "instruction budget exceeded", Trap: "trap", BadAddressSpace: "address in the wrong space",
	BadBranchIndex: "branch index out of range", InternalMismatch: "internal error",
}

// String names the finding in words.
func (k FaultKind) String() string { return faultNames[k] }

// Dim3 is an extent or index in three dimensions, x first.
type Dim3 struct{ X, Y, Z uint32 }

// String writes the triple as (x,y,z).
func (d Dim3) String() string { return fmt.Sprintf("(%d,%d,%d)", d.X, d.Y, d.Z) }

// Count is the product of the extents.
func (d Dim3) Count() uint64 { return uint64(d.X) * uint64(d.Y) * uint64(d.Z) }

// Fault is a finding in a running kernel, or in a host access to device memory
// (then Kernel is empty and so are the fields about code and threads).
type Fault struct {
	Kind       FaultKind
	Kernel     string
	Function   string // the device function, where it is not the kernel itself
	Line       int    // line of the PTX text
	Instr      string // opcode
	Source     string // "file:line" of the .loc directive in force, if any
	Block      Dim3
	Thread     Dim3
	Lane       int
	Address    uint64 // as the instruction used it
	Size       int    // bytes of the access
	Space      string // global, shared, local, const, param
	Allocation string // the allocation nearest to the address, with its tag
	Detail     string // the mistake, and the other access of a race
	Earlier    uint64 // of a race between launches: the epoch of the earlier one, else 0
}

// Error gives the report as one sentence with all that is known.
func (f *Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "softgpu: %s", f.Kind)
	if f.Detail != "" {
		fmt.Fprintf(&b, ": %s", f.Detail)
	}
	if f.Size > 0 {
		fmt.Fprintf(&b, "; %d bytes at %s address %#x", f.Size, f.Space, f.Address)
		if f.Allocation != "" {
			fmt.Fprintf(&b, " (%s)", f.Allocation)
		}
	}
	if f.Kernel != "" {
		fmt.Fprintf(&b, "; kernel %s", f.Kernel)
		if f.Function != "" {
			fmt.Fprintf(&b, " in %s", f.Function)
		}
		fmt.Fprintf(&b, ", ptx line %d", f.Line)
		if f.Source != "" {
			fmt.Fprintf(&b, " (%s)", f.Source)
		}
		fmt.Fprintf(&b, " %s, block %v thread %v", f.Instr, f.Block, f.Thread)
	}
	return b.String()
}
