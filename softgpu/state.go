package softgpu

import (
	"sync"
	"time"
	"unsafe"

	"mdfa/softgpu/vm"
)

// Handle names an object of the driver: context, stream, event, module, function,
// graph, node, executable graph or cuBLAS handle. No handle is a valid host pointer.
type Handle uint64

// Thread identifies the thread of the host that makes a call.
type Thread uint64

// Machine is a host with software GPUs and the driver for them. Its methods are the
// calls of the driver and of cuBLAS, with Go types; each is safe for concurrent use.
// Where their answer is not Success, Explain has the reason.
type Machine struct {
	mu       sync.Mutex
	options  Options
	devices  []*device
	objects  map[Handle]any
	next     Handle
	threads  map[Thread]*thread
	pinned   []pinned // sorted by address
	ready    bool     // cuInit was called
	ledger   Ledger
	reason   error // for Explain
	allocs   int   // allocations asked for, for FailAlloc
	runs     int   // kernels and products that began to run, for the other faults
	leaked   []vm.Allocation
	launched uint64              // launches so far, for the seeds
	changed  sync.Cond           // some context has ended a sum over ranks
	ended    map[Handle]struct{} // communicators that were destroyed or aborted
	orphans  int                 // communicators that lived when their context ended
	budget   uint64              // instructions of a thread before a kernel is taken for endless; 0: the interpreter's own
}

// thread is the driver's state of a thread.
type thread struct {
	contexts []*context // the stack; the last is current
}

// The rest of the state: the devices, their contexts, and all that belongs to a context.

// device is one software GPU.
type device struct {
	ordinal int
	memory  *vm.Memory
	limits  vm.Limits
	owners  map[uint64]*context // of device memory, by address
	lost    error               // why the device does not answer any more

	primary      *context
	primaryRefs  int
	primaryFlags uint32

	epochs map[uint64]place // which work a launch epoch of the memory belongs to
}

// context is a CUDA context: streams, modules and memory belong to one, and an error
// of queued work stays with it.
type context struct {
	handle  Handle
	device  *device
	flags   uint32
	primary bool
	dead    bool
	fault   Result // the sticky error
	cause   error

	null     *stream            // the legacy default stream
	streams  map[Handle]*stream // those that were created
	queue    []*op              // work that has not run, in the order of the calls
	queued   int                // the weights of queue
	clocks   int                // streams that ever were, the length of a clock
	host     clock              // the work that the host has waited for
	newest   clock              // for each stream, the last op in which a kernel or product ran
	used     int                // streams that ever got work
	captures map[*capture]struct{}
	owned    map[Handle]struct{} // every object of the context, to die with it
	// exchanging says that a thread waits for other ranks in a sum, without the machine's lock. Nothing else of the context
	// runs then.
	exchanging bool

	limits        map[int32]uint64
	cache, shared int32
}

// pinned is host memory that device copies may reach while the host does other work.
type pinned struct {
	start, size uintptr
	memory      unsafe.Pointer
	ctx         *context
}

// stream is a queue of work.
type stream struct {
	ctx      *context
	id       int // its number in clocks
	flags    uint32
	priority int32
	blocking bool // waits for the legacy default stream, and it for this
	pending  []*op
	last     *op // the newest work, done or not
	seq      uint64
	capture  *capture // the capture that records it, or nil
	tail     []*node  // the nodes that the next captured work depends on
}

// event is a mark in a stream.
type event struct {
	ctx     *context
	flags   uint32
	mark    *op      // the last recording; nil: never recorded
	capture *capture // where it was recorded instead, if it was
	nodes   []*node  // the nodes that a wait for it depends on there
}

// task is one thing that a stream or a node of a graph does.
type task struct {
	name string
	comm *communicator // of a sum over ranks; nil for other tasks
	run  func(x *execution) error
}

// op is work in a stream: a task, a whole graph, or neither, which only waits.
type op struct {
	stream *stream
	seq    uint64 // number within its stream, from 1
	clock  clock  // for each stream, up to which number its work is done before this begins
	after  []*op  // work of other streams that has to be done before
	weight int
	run    func(o *op) error
	done   bool
	ranks  bool      // holds a sum over ranks, which begins by itself
	time   time.Time // when it was done
}

// clock is a vector clock: for each stream of a context, by its number, an op.
type clock []uint64

// capture is a stream capture: work submitted to its streams becomes nodes of a
// graph instead of running (CUDA programming guide, "Creating a graph using stream
// capture").
type capture struct {
	ctx     *context
	graph   *graph
	origin  *stream
	mode    int32
	thread  Thread
	streams []*stream // the origin and those that joined
	invalid bool
}

// graph is the work of a capture with its order, to be made executable.
type graph struct {
	ctx   *context
	nodes []*node // each behind all that it depends on
}

// node is one piece of work in a graph.
type node struct {
	task  task
	deps  []*node
	child []*node // the nodes of a graph whose launch was captured
}

// executable is an instantiated graph: its tasks in an order that respects the edges.
type executable struct {
	ctx    *context
	source []*node // for a launch that is captured
	tasks  []task
	deps   [][]int  // of each task, smaller numbers
	above  [][]bool // above[i][j]: j runs before i
	forked bool     // some two tasks may run at the same time
	last   *op      // the last launch
}

// module is loaded PTX.
type module struct {
	ctx       *context
	code      *vm.Module
	isa, sm   int
	functions map[string]Handle
}

// function is a kernel of a module.
type function struct {
	module        *module
	kernel        *vm.Kernel
	dynamicShared int // opted in by cuFuncSetAttribute
}

// ArrayDescriptor is the shape of a CUDA array: CUDA_ARRAY3D_DESCRIPTOR, sizes in elements. Height is 0 for an array
// of one dimension, Depth for one of two.
type ArrayDescriptor struct {
	Width, Height, Depth uint64
	Format               int32 // CUarray_format
	Channels             uint32
	Flags                uint32
}

// array is a CUDA array. Only textures could read it, which the machine does not have, so it is a shape and as much
// memory as it takes.
type array struct {
	ctx        *context
	descriptor ArrayDescriptor
	addr       uint64
}

// blas is a cuBLAS handle.
type blas struct {
	ctx       *context
	stream    *stream
	math      int32
	workspace uint64 // memory that products may write to; 0: cuBLAS's own
	loaded    map[blasKernel]bool
}

// blasKernel tells the kernels apart that a product certainly does not share. A GPU's cuBLAS
// has more of them, for shapes too.
type blasKernel struct {
	transA, transB int32
	tf32           bool
}

// place is where work stands in the order of things: a node of an op, 0 if it has one.
type place struct {
	op   *op
	node int
	name string // of the task
}

// execution is a task's place in the order of work, for the check of races between
// operations.
type execution struct {
	m     *Machine
	ctx   *context
	at    place
	graph *executable // nil for work of its own
}

// member is an object of a context that has a handle.
type member interface {
	owner() *context
	kind() string // its name in errors
}

func (s *stream) owner() *context     { return s.ctx }
func (e *event) owner() *context      { return e.ctx }
func (m *module) owner() *context     { return m.ctx }
func (f *function) owner() *context   { return f.module.ctx }
func (a *array) owner() *context      { return a.ctx }
func (g *graph) owner() *context      { return g.ctx }
func (x *executable) owner() *context { return x.ctx }

func (*stream) kind() string     { return "stream" }
func (*event) kind() string      { return "event" }
func (*module) kind() string     { return "module" }
func (*function) kind() string   { return "kernel" }
func (*array) kind() string      { return "array" }
func (*graph) kind() string      { return "graph" }
func (*executable) kind() string { return "executable graph" }
