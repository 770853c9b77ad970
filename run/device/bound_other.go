//go:build !linux

package device

// bound says whether the launcher has bound this process to some processors, which other systems do not do.
func bound() bool { return false }
