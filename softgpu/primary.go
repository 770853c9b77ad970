package softgpu

// PrimaryCtxRetain is cuDevicePrimaryCtxRetain: the context is made at the first call,
// and not made current.
func (m *Machine) PrimaryCtxRetain(_ Thread, dev int) (Handle, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known("cuDevicePrimaryCtxRetain", dev)
	if r != Success {
		return 0, r
	}
	if d.lost != nil {
		m.reason = d.lost
		return 0, ErrorUnknown
	}
	if d.primary == nil {
		if r := m.allocation("cuDevicePrimaryCtxRetain"); r != Success {
			return 0, r
		}
		d.primary = m.newContext(d, d.primaryFlags)
		d.primary.primary = true
	}
	d.primaryRefs++
	return d.primary.handle, Success
}

// PrimaryCtxRelease is cuDevicePrimaryCtxRelease: with the last release it ends.
func (m *Machine) PrimaryCtxRelease(_ Thread, dev int) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known("cuDevicePrimaryCtxRelease", dev)
	switch {
	case r != Success:
		return r
	case d.primary == nil:
		return m.refuse(ErrorInvalidContext, "cuDevicePrimaryCtxRelease: device %d has no primary context", dev)
	}
	if d.primaryRefs--; d.primaryRefs == 0 {
		m.end(d.primary)
		d.primary = nil
	}
	return Success
}

// PrimaryCtxReset is cuDevicePrimaryCtxReset: it ends the context also while others hold it.
func (m *Machine) PrimaryCtxReset(_ Thread, dev int) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known("cuDevicePrimaryCtxReset", dev)
	if r == Success && d.primary != nil {
		m.end(d.primary)
		d.primary, d.primaryRefs = nil, 0
	}
	return r
}

// PrimaryCtxSetFlags is cuDevicePrimaryCtxSetFlags.
func (m *Machine) PrimaryCtxSetFlags(_ Thread, dev int, flags uint32) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known("cuDevicePrimaryCtxSetFlags", dev)
	if r != Success {
		return r
	}
	d.primaryFlags = flags
	if d.primary != nil {
		d.primary.flags = flags
	}
	return Success
}

// PrimaryCtxGetState is cuDevicePrimaryCtxGetState.
func (m *Machine) PrimaryCtxGetState(_ Thread, dev int) (flags uint32, active bool, r Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known("cuDevicePrimaryCtxGetState", dev)
	if r != Success {
		return 0, false, r
	}
	return d.primaryFlags, d.primary != nil, Success
}
