package vm

import "mdfa/softgpu/ptx"

// lanes is the width of a warp.
const lanes = 32

const allLanes = ^uint32(0)

// vec is a register: the values of a warp's lanes, zero-extended to 64 bits.
type vec = [lanes]uint64

// opKind selects how an instruction is executed. Kinds from kBra on end a
// basic block and treat their guard themselves.
type opKind uint8

const (
	kVec1    opKind = iota // d = f1(a)
	kVec2                  // d = f2(a, b)
	kVec3                  // d = f3(a, b, c)
	kSetp                  // pd[, pe] = cmp(a, b), combined with pa
	kSelp                  // d = pa ? a : b
	kSpecial               // d = a special register
	kParam                 // dv = launch parameters
	kMem                   // ld, st
	kCall                  // ex(w, in, mask): everything rare
	kBra
	kBrx
	kExit
	kBarrier
)

// none is the operand that is not there. Other negative operands are constants.
const none int32 = -1 << 31

// inst is one lowered instruction. Vector operands d, a, b, c and those in dv
// and sv number registers (at first virtual ones, after allocation slots);
// ^operand numbers a constant. Predicate operands number predicate registers.
//
// What every instruction needs stands first, within one cache line.
type inst struct {
	kind    opKind
	flops   uint8 // per active lane
	predNot bool
	paNot   bool
	leader  bool // starts a basic block
	tracked bool // track is not nil

	pred       int32 // guard, or -1
	d, a, b, c int32
	counter    int32 // statistics of the block that it leads
	own        int32 // its own, if guarded

	f2 func(d, a, b *vec)
	f1 func(d, a *vec)
	f3 func(d, a, b, c *vec)

	pd, pe, pa, pb int32 // predicate destinations and sources, or -1
	target, rpc    int32 // branch: where to, and where the paths meet again (-1: nowhere)

	cmp    func(a, b *vec) uint32
	cmpNot bool // the comparison is inverted
	ex     func(w *warp, in *inst, m uint32)

	combine boolOp
	mem     *memOp
	bar     *barOp
	track   *tracking
	imm     uint64
	dv, sv  []int32
	targets []int32 // brx

	src *ptx.Instr
	fn  *ptx.Func
}

// boolOp combines a comparison with a predicate, as in setp.lt.and.
type boolOp uint8

const (
	boolNone boolOp = iota
	boolAnd
	boolOr
	boolXor
)

// memOp describes a load, store or atomic.
type memOp struct {
	space    ptx.Space
	size     int // bytes of one element
	count    int // 1, 2 or 4 elements
	off      uint64
	store    bool
	strong   string // "volatile", "relaxed", "acquire", "release" or "mmio"; "" for a weak access
	nc       bool   // ld.global.nc: the launch must not write what it reads
	signed   bool   // sign-extend what is loaded, to ext bits
	ext      int
	byBytes  bool // the kernel stores single bytes: watch races by byte
	site     int  // index of this instruction's allocation cache
	atom     func(old, b, c uint64) uint64
	atShared func(old, b, c uint64) uint64 // atom on shared memory
}

// reads and writes visit the instruction's registers: vector registers through
// v, predicates through p. Constants and absent operands are left out.
func (in *inst) reads(v, p func(*int32)) {
	for _, r := range []*int32{&in.a, &in.b, &in.c} {
		if *r >= 0 {
			v(r)
		}
	}
	for i := range in.sv {
		if in.sv[i] >= 0 {
			v(&in.sv[i])
		}
	}
	for _, r := range []*int32{&in.pred, &in.pa, &in.pb} {
		if *r >= 0 {
			p(r)
		}
	}
}

func (in *inst) writes(v, p func(*int32)) {
	if in.d >= 0 {
		v(&in.d)
	}
	for i := range in.dv {
		if in.dv[i] >= 0 {
			v(&in.dv[i])
		}
	}
	for _, r := range []*int32{&in.pd, &in.pe} {
		if *r >= 0 {
			p(r)
		}
	}
}

// barOp describes a barrier instruction.
type barOp struct {
	arrive bool
	red    string // "", "popc", "and", "or"
}
