package vm

// Stats counts the work of a launch. Instructions and FLOPs are counted per
// thread; a guarded instruction counts for the threads whose guard holds. An
// fma is two FLOPs, every other floating-point operation one.
type Stats struct {
	Instructions  uint64
	FLOPs         uint64
	GlobalRead    uint64 // useful bytes, atomics included
	GlobalWritten uint64
}

// add adds t to s.
func (s *Stats) add(t *Stats) {
	s.Instructions += t.Instructions
	s.FLOPs += t.FLOPs
	s.GlobalRead += t.GlobalRead
	s.GlobalWritten += t.GlobalWritten
}
