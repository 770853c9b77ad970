package vm

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"mdfa/softgpu/ptx"
)

// Module is a loaded PTX module: its variables stand in device memory and its
// kernels are ready to launch.
type Module struct {
	mem     *Memory
	source  *ptx.Module
	limits  Limits
	vars    map[*ptx.Var]*alloc
	globals map[string]*ptx.Var
	kernels map[string]*Kernel
	order   []string
}

// Kernel is an entry of a module.
type Kernel struct {
	mod    *Module
	fn     *ptx.Func
	name   string
	code   []inst
	consts []vec
	params []Param

	paramSize      int
	shared, local  layout
	slots          int // vector registers of a warp
	preds          int
	regNames       []string // of tracked registers, by undef index
	tracked        int
	counters       []counter
	sites          int
	liveMax        int
	sharedBytes    bool // stores parts of words to shared memory
	globalBytes    bool
	orderedAtomics bool // the outcome depends on the order of atomics

	pool sync.Pool // of *block
}

// Param is one kernel parameter within the parameter block.
type Param struct {
	Name                string
	Offset, Size, Align int
	Type                ptx.Type
}

// counter is the amount that one run through a basic block, or of one guarded
// instruction, adds to the statistics for each active lane.
type counter struct {
	instructions, flops uint32
}

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

// noOperand marks an operand that the instruction lacks. Other negative operands are constants.
const noOperand int32 = -1 << 31

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
	nc       bool   // ld.global.nc: the launch must not write the memory it reads
	signed   bool   // sign-extend the loaded value to ext bits
	ext      int
	byBytes  bool // the kernel stores single bytes: watch races by byte
	site     int  // index of this instruction's allocation cache
	atom     func(old, b, c uint64) uint64
	atShared func(old, b, c uint64) uint64 // atom on shared memory
}

// barOp describes a barrier instruction.
type barOp struct {
	arrive bool
	red    string // "", "popc", "and", "or"
}

// tracking tells which of an instruction's registers may hold no value. Numbers
// index warp.undef, whose bits are the lanes without a value.
type tracking struct {
	srcs  []int32 // registers read
	dsts  []int32 // registers written
	guard int32   // the guard, or -1
	sink  bool    // the instruction acts on its sources: memory, control, barriers
	lost  bool    // shfl: lanes in warp.lost get no value
}

// defaultBudget is the number of instructions a thread may run before the
// launch is taken for endless.
const defaultBudget = 200_000_000

// Launch says how a kernel is to run.
type Launch struct {
	Grid, Block Dim3
	SharedBytes uint64 // dynamic shared memory
	SharedLimit int    // opted-in limit for static and dynamic together; 0 means the default
	Params      []byte // ParamSize bytes, each parameter at its offset
	Seed        uint64 // order of blocks and warps
	Workers     int    // goroutines; 0 means GOMAXPROCS
	Budget      uint64 // instructions of a thread; 0 means 200 million
	Context     context.Context

	// Began, if not nil, is called once before the first block with the launch's
	// epoch: a number that no other launch since the last restart has. When all 16-bit
	// epochs are used, every record is forgotten and they start again at 1.
	Began func(epoch uint64)
	// Unordered says whether the operation with that epoch may run at the same time
	// as this launch. An access that conflicts with one of such an operation is a race.
	// nil means that no other may, and costs nothing. It is called from several
	// goroutines, must give the same answer each time, and may not start an operation.
	Unordered func(epoch uint64) bool
}

// launch is a running launch.
type launch struct {
	k           *Kernel
	grid, block Dim3
	params      []byte
	dynShared   uint64
	seed        uint64
	budget      uint64
	epoch       uint64
	blocks      uint64
	start, step uint64 // the order of blocks: start + i*step modulo blocks

	next  atomic.Uint64
	stop  atomic.Bool
	mu    sync.Mutex
	fault *Fault
	at    uint64 // block of the fault
	stats Stats

	unordered func(epoch uint64) bool
}

// block is one thread block while it runs, with all that its warps share. A
// worker uses one block object for all its blocks.
type block struct {
	run    *launch
	id     Dim3
	linear uint64

	warps  []*warp
	shared []byte
	shadow sharedShadow
	local  []byte
	locals []uint64 // one bit a byte of local memory: written

	bars       [16]barrier
	generation uint64
	rng        *rand.Rand
	pcg        *rand.PCG
	ready      []int

	cache  []*alloc // by memory instruction: the allocation it found last
	counts []uint64
	stats  Stats
}

// barrier is one of a block's 16 named barriers.
type barrier struct {
	count   int    // threads expected, 0 when idle
	arrived int    // threads so far
	warps   uint32 // that arrived or wait
	waiting uint32
	seen    [32]uint64 // clocks of those that arrived
	sum     int        // bar.red
	and, or bool
}

// warp is 32 threads of a block in lockstep.
type warp struct {
	blk   *block
	index int

	regs   []vec
	consts []vec
	preds  []uint32
	undef  []uint32
	carry  uint32
	lost   uint32 // lanes that the last shfl left without a value
	tid    [3]vec
	tmp    vec

	all   uint32 // lanes that exist
	live  uint32 // lanes that have not left the kernel
	mask  uint32 // lanes that run now
	pc    int32
	rpc   int32 // where they meet others again, or -1
	stack []path

	issued  uint64
	quantum int // memory instructions until the scheduler may switch

	accessor accessor
	fenced   uint64                // a lane's accesses before that clock are ordered before the present ones of all lanes
	pairs    *[lanes][lanes]uint64 // [i][j]: the same of lane j for lane i, after barriers of some lanes; nil before
	state    warpState
	wait     int // the barrier waited at
	fault    *Fault
}

// path is a set of lanes that waits for its turn.
type path struct {
	pc, rpc int32
	mask    uint32
}

type warpState uint8

const (
	ready warpState = iota
	waiting
	finished
)
