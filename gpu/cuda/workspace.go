//go:build cuda

package cuda

import (
	"fmt"
)

// workspace is memory in which operations keep what nobody else sees: patches, sums of
// chunks. The operations of one stream can share it, as each is done with it before the
// next begins. A program's graph holds addresses in it, so that a program keeps the
// workspace that it was recorded with, while the device may have moved to a larger one.
type workspace struct {
	addr  uint64
	bytes int
	users int // the device, while it is its own, and programs
}

// area is a part of the workspace that an operation uses.
type area struct {
	bytes  int
	offset int  // in the workspace
	kept   bool // laid out by the program, because later operations read it
}

// provideWorkspace makes sure that the device's workspace has n bytes. On the executor.
func (d *Device) provideWorkspace(n int) error {
	if n == 0 || d.workspace != nil && d.workspace.bytes >= n {
		return nil
	}
	n = int(roundUp(uint64(n), mib))
	old := d.workspace
	d.workspace = nil
	if err := d.leaveWorkspace(old); err != nil { // first, to make room
		return err
	}
	addr, err := d.reserve(n, "workspace")
	if err != nil {
		return fmt.Errorf("a workspace of %d MiB: %w", n/mib, err)
	}
	d.workspace = &workspace{addr: addr, bytes: n, users: 1}
	return nil
}

// leaveWorkspace takes one user off a workspace and frees it after the last. On the executor.
func (d *Device) leaveWorkspace(w *workspace) error {
	if w == nil {
		return nil
	}
	if w.users--; w.users > 0 {
		return nil
	}
	return d.release(w.addr)
}
