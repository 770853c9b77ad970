package softgpu

// firstLimits holds the limits of a context that can be set, with their initial values
// (CUDA driver API, cuCtxSetLimit).
var firstLimits = map[int32]uint64{0: 1024, 1: 1 << 20, 2: 8 << 20, 3: 2, 4: 2048}

func (m *Machine) newContext(d *device, flags uint32) *context {
	ctx := &context{
		device: d, flags: flags, streams: map[Handle]*stream{}, captures: map[*capture]struct{}{},
		owned: map[Handle]struct{}{}, limits: map[int32]uint64{},
	}
	for limit, value := range firstLimits {
		ctx.limits[limit] = value
	}
	ctx.handle = m.add(ctx)
	ctx.null = &stream{ctx: ctx, blocking: true}
	ctx.clocks = 1
	return ctx
}

// CtxCreate is cuCtxCreate: the new context becomes current.
func (m *Machine) CtxCreate(t Thread, flags uint32, dev int) (Handle, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known("cuCtxCreate", dev)
	if r != Success {
		return 0, r
	}
	if d.lost != nil {
		m.reason = d.lost
		return 0, ErrorUnknown
	}
	if r := m.allocation("cuCtxCreate"); r != Success {
		return 0, r
	}
	ctx := m.newContext(d, flags)
	th := m.thread(t)
	th.contexts = append(th.contexts, ctx)
	return ctx.handle, Success
}

// CtxDestroy is cuCtxDestroy: it waits for the context's work and ends it with all
// that belongs to it. What was allocated and never freed is kept for Leaks.
func (m *Machine) CtxDestroy(t Thread, h Handle) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx := object[*context](m, h)
	switch {
	case !m.ready:
		return m.refuse(ErrorNotInitialized, "cuCtxDestroy before cuInit")
	case ctx == nil || ctx.primary:
		return m.refuse(ErrorInvalidContext, "cuCtxDestroy: no context that cuCtxCreate made")
	}
	m.end(ctx)
	th := m.thread(t)
	if n := len(th.contexts); n > 0 && th.contexts[n-1] == ctx {
		th.contexts = th.contexts[:n-1]
	}
	return Success
}

// end ends a context and all that belongs to it.
func (m *Machine) end(ctx *context) {
	m.drain(ctx)
	ctx.dead = true
	for h := range ctx.owned {
		if mod := object[*module](m, h); mod != nil {
			mod.code.Unload()
		}
		if c := object[*communicator](m, h); c != nil {
			c.ended = aborted
			c.comm.Abort()
			m.orphans++
		}
		delete(m.objects, h)
	}
	for addr, owner := range ctx.device.owners {
		if owner != ctx {
			continue
		}
		for _, a := range ctx.device.memory.Leaks() {
			if a.Address == addr {
				m.leaked = append(m.leaked, a)
			}
		}
		_ = ctx.device.memory.Free(addr) // owners has live addresses only
		delete(ctx.device.owners, addr)
	}
	delete(m.objects, ctx.handle)
}

// CtxPushCurrent is cuCtxPushCurrent.
func (m *Machine) CtxPushCurrent(t Thread, h Handle) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx := object[*context](m, h)
	if ctx == nil {
		return m.refuse(ErrorInvalidContext, "cuCtxPushCurrent: no context")
	}
	th := m.thread(t)
	th.contexts = append(th.contexts, ctx)
	return Success
}

// CtxPopCurrent is cuCtxPopCurrent.
func (m *Machine) CtxPopCurrent(t Thread) (Handle, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	th := m.thread(t)
	n := len(th.contexts)
	if n == 0 {
		return 0, m.refuse(ErrorInvalidContext, "cuCtxPopCurrent: no context is current on this thread")
	}
	ctx := th.contexts[n-1]
	th.contexts = th.contexts[:n-1]
	if ctx == nil {
		return 0, Success
	}
	return ctx.handle, Success
}

// CtxSetCurrent is cuCtxSetCurrent; 0 leaves the thread without one.
func (m *Machine) CtxSetCurrent(t Thread, h Handle) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ready {
		return m.refuse(ErrorNotInitialized, "cuCtxSetCurrent before cuInit")
	}
	ctx := object[*context](m, h)
	if ctx == nil && h != 0 {
		return m.refuse(ErrorInvalidContext, "cuCtxSetCurrent: no context")
	}
	th := m.thread(t)
	if n := len(th.contexts); n > 0 {
		th.contexts = th.contexts[:n-1]
	}
	if ctx != nil {
		th.contexts = append(th.contexts, ctx)
	}
	return Success
}

// CtxGetCurrent is cuCtxGetCurrent; 0 if there is no current context.
func (m *Machine) CtxGetCurrent(t Thread) (Handle, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ready {
		return 0, m.refuse(ErrorNotInitialized, "cuCtxGetCurrent before cuInit")
	}
	stack := m.thread(t).contexts
	if len(stack) == 0 || stack[len(stack)-1] == nil {
		return 0, Success
	}
	return stack[len(stack)-1].handle, Success
}

// CtxGetDevice is cuCtxGetDevice.
func (m *Machine) CtxGetDevice(t Thread) (int, Result) {
	return ask(m, t, "cuCtxGetDevice", func(ctx *context) int { return ctx.device.ordinal })
}

// CtxGetFlags is cuCtxGetFlags.
func (m *Machine) CtxGetFlags(t Thread) (uint32, Result) {
	return ask(m, t, "cuCtxGetFlags", func(ctx *context) uint32 { return ctx.flags })
}

// CtxSynchronize is cuCtxSynchronize.
func (m *Machine) CtxSynchronize(t Thread) Result {
	return m.call(t, "cuCtxSynchronize", func(ctx *context) Result {
		if r := m.forbidden(t, ctx, "cuCtxSynchronize"); r != Success {
			return r
		}
		m.ledger.Syncs++
		m.drain(ctx)
		return m.sticky(ctx)
	})
}

// CtxGetAPIVersion is cuCtxGetApiVersion: that of cuCtxCreate_v2.
func (m *Machine) CtxGetAPIVersion(_ Thread, h Handle) (uint32, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if object[*context](m, h) == nil {
		return 0, m.refuse(ErrorInvalidContext, "cuCtxGetApiVersion: no context")
	}
	return 3020, Success
}

// CtxGetLimit is cuCtxGetLimit.
func (m *Machine) CtxGetLimit(t Thread, limit int32) (value uint64, r Result) {
	r = m.call(t, "cuCtxGetLimit", func(ctx *context) Result {
		v, ok := ctx.limits[limit]
		if !ok {
			return m.refuse(ErrorUnsupportedLimit, "cuCtxGetLimit: limit %d", limit)
		}
		value = v
		return Success
	})
	return value, r
}

// CtxSetLimit is cuCtxSetLimit. The interpreter stores the limits and does not use them.
func (m *Machine) CtxSetLimit(t Thread, limit int32, value uint64) Result {
	return m.call(t, "cuCtxSetLimit", func(ctx *context) Result {
		if _, ok := ctx.limits[limit]; !ok {
			return m.refuse(ErrorUnsupportedLimit, "cuCtxSetLimit: limit %d", limit)
		}
		ctx.limits[limit] = value
		return Success
	})
}

// CtxGetCacheConfig is cuCtxGetCacheConfig.
func (m *Machine) CtxGetCacheConfig(t Thread) (int32, Result) {
	return ask(m, t, "cuCtxGetCacheConfig", func(ctx *context) int32 { return ctx.cache })
}

// CtxSetCacheConfig is cuCtxSetCacheConfig, a hint that changes nothing here.
func (m *Machine) CtxSetCacheConfig(t Thread, config int32) Result {
	return m.call(t, "cuCtxSetCacheConfig", func(ctx *context) Result {
		if config < 0 || config > 3 {
			return m.refuse(ErrorInvalidValue, "cuCtxSetCacheConfig: %d", config)
		}
		ctx.cache = config
		return Success
	})
}

// CtxGetSharedMemConfig is cuCtxGetSharedMemConfig.
func (m *Machine) CtxGetSharedMemConfig(t Thread) (int32, Result) {
	return ask(m, t, "cuCtxGetSharedMemConfig", func(ctx *context) int32 { return ctx.shared })
}

// CtxSetSharedMemConfig is cuCtxSetSharedMemConfig, a hint that changes nothing here.
func (m *Machine) CtxSetSharedMemConfig(t Thread, config int32) Result {
	return m.call(t, "cuCtxSetSharedMemConfig", func(ctx *context) Result {
		if config < 0 || config > 2 {
			return m.refuse(ErrorInvalidValue, "cuCtxSetSharedMemConfig: %d", config)
		}
		ctx.shared = config
		return Success
	})
}

// The priorities of streams, as devices have them; they change nothing here.
const leastPriority, greatestPriority = 0, -5

// CtxGetStreamPriorityRange is cuCtxGetStreamPriorityRange.
func (m *Machine) CtxGetStreamPriorityRange(t Thread) (least, greatest int32, r Result) {
	r = m.call(t, "cuCtxGetStreamPriorityRange", func(*context) Result { return Success })
	return leastPriority, greatestPriority, r
}
