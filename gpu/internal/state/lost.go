package state

import "mdfa/gpu"

// LostRank is the failure of a sum over ranks, which the device does not survive. Its text has no more than the reason.
type LostRank struct{ Reason error }

func (l LostRank) Error() string { return l.Reason.Error() }

// Unwrap lists what the failure is.
func (l LostRank) Unwrap() []error { return []error{gpu.ErrRanks, gpu.ErrDeviceLost, l.Reason} }
