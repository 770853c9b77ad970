package vm

// Class groups instructions for the statistics.
type Class uint8

// The instruction classes.
const (
	ClassInt Class = iota
	ClassFloat
	ClassDouble
	ClassConvert
	ClassMove
	ClassPredicate
	ClassMemory
	ClassAtomic
	ClassControl
	ClassBarrier
	ClassWarp
	classCount
)

var classNames = [classCount]string{
	"int", "float", "double", "convert", "move", "predicate", "memory", "atomic", "control", "barrier", "warp",
}

// String names the class.
func (c Class) String() string { return classNames[c] }

// ClassCount is the number of classes.
const ClassCount = int(classCount)

// Stats counts what a launch did. Instructions and FLOPs are counted per
// thread; a guarded instruction counts for the threads whose guard holds. An
// fma is two FLOPs, every other floating-point operation one.
type Stats struct {
	Blocks           uint64
	Threads          uint64
	Instructions     [ClassCount]uint64 // thread instructions by class
	WarpInstructions uint64             // instructions issued, a warp at a time
	FLOPs            uint64
	GlobalRead       uint64 // useful bytes, atomics included
	GlobalWritten    uint64
	Sectors          uint64 // 32-byte pieces of global memory touched, per warp access
	GlobalAccesses   uint64 // warp-level global accesses
	SharedAccesses   uint64 // warp-level shared accesses
	BankConflicts    uint64 // extra passes they needed
	Barriers         uint64 // barriers passed, per block
	Branches         uint64 // warp-level branches
	Divergent        uint64 // of these, those that split the warp
}

// ThreadInstructions is the sum over all classes.
func (s *Stats) ThreadInstructions() uint64 {
	sum := uint64(0)
	for _, n := range s.Instructions {
		sum += n
	}
	return sum
}

// Add adds t to s.
func (s *Stats) Add(t *Stats) {
	s.Blocks += t.Blocks
	s.Threads += t.Threads
	for i := range s.Instructions {
		s.Instructions[i] += t.Instructions[i]
	}
	s.WarpInstructions += t.WarpInstructions
	s.FLOPs += t.FLOPs
	s.GlobalRead += t.GlobalRead
	s.GlobalWritten += t.GlobalWritten
	s.Sectors += t.Sectors
	s.GlobalAccesses += t.GlobalAccesses
	s.SharedAccesses += t.SharedAccesses
	s.BankConflicts += t.BankConflicts
	s.Barriers += t.Barriers
	s.Branches += t.Branches
	s.Divergent += t.Divergent
}
