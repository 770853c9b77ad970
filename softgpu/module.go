package softgpu

import (
	"errors"

	"mdfa/softgpu/ptx"
	"mdfa/softgpu/vm"
)

// ModuleLoadData is cuModuleLoadData of PTX text. What the interpreter does not know is
// refused here, with the line.
func (m *Machine) ModuleLoadData(t Thread, text string) (Handle, Result) {
	return m.create(t, "cuModuleLoadData", func(ctx *context) (any, Result) {
		if r := m.claim(t, ctx, "cuModuleLoadData"); r != Success {
			return nil, r
		}
		source, err := ptx.Parse(text)
		if err != nil {
			return nil, m.refuse(ErrorInvalidPTX, "cuModuleLoadData: %w", err)
		}
		if source.SM > ctx.device.limits.SM {
			return nil, m.refuse(ErrorNoBinaryForGPU, "cuModuleLoadData: the PTX is for %s, the device has compute capability %d.%d",
				source.Target, ctx.device.limits.SM/10, ctx.device.limits.SM%10)
		}
		code, err := vm.Load(ctx.device.memory, source, ctx.device.limits)
		var version *vm.UnsupportedVersionError
		switch {
		case errors.As(err, &version):
			return nil, m.refuse(ErrorUnsupportedPTXVersion, "cuModuleLoadData: %w", err)
		case errors.Is(err, vm.ErrOutOfMemory):
			return nil, m.refuse(ErrorOutOfMemory, "cuModuleLoadData: %w", err)
		case err != nil:
			return nil, m.refuse(ErrorInvalidPTX, "cuModuleLoadData: %w", err)
		}
		return &module{
			ctx: ctx, code: code, functions: map[string]Handle{},
			isa: source.Version.Major*10 + source.Version.Minor, sm: ctx.device.limits.SM,
		}, Success
	})
}

// ModuleUnload is cuModuleUnload. Launches of its kernels that wait in a stream fail.
func (m *Machine) ModuleUnload(t Thread, h Handle) Result {
	return with(m, t, h, "cuModuleUnload", func(ctx *context, mod *module) Result {
		mod.code.Unload()
		for _, f := range mod.functions {
			m.drop(ctx, f)
		}
		m.drop(ctx, h)
		mod.ctx = nil
		return Success
	})
}

// ModuleGetFunction is cuModuleGetFunction.
func (m *Machine) ModuleGetFunction(t Thread, h Handle, name string) (f Handle, r Result) {
	r = with(m, t, h, "cuModuleGetFunction", func(ctx *context, mod *module) Result {
		if known, ok := mod.functions[name]; ok {
			f = known
			return Success
		}
		if m.options.Driver < lazyDriver {
			if r := m.forbidden(t, ctx, "cuModuleGetFunction, which loads the kernel,"); r != Success {
				return r
			}
		}
		kernel := mod.code.Kernel(name)
		if kernel == nil {
			return m.refuse(ErrorNotFound, "cuModuleGetFunction: the module has no kernel %q", name)
		}
		f = m.keep(ctx, &function{module: mod, kernel: kernel})
		mod.functions[name] = f
		return Success
	})
	return f, r
}

// ModuleGetGlobal is cuModuleGetGlobal: where a variable lies, and its size in bytes.
func (m *Machine) ModuleGetGlobal(t Thread, h Handle, name string) (addr, size uint64, r Result) {
	r = with(m, t, h, "cuModuleGetGlobal", func(_ *context, mod *module) Result {
		var ok bool
		if addr, size, ok = mod.code.Global(name); !ok {
			return m.refuse(ErrorNotFound, "cuModuleGetGlobal: the module has no variable %q", name)
		}
		return Success
	})
	return addr, size, r
}

// FuncParams is the layout of a kernel's parameters.
func (m *Machine) FuncParams(t Thread, h Handle) (params []vm.Param, size int, r Result) {
	r = with(m, t, h, "cuLaunchKernel", func(_ *context, f *function) Result {
		params, size = f.kernel.Params(), f.kernel.ParamSize()
		return Success
	})
	return params, size, r
}

// The attributes of a kernel (CUfunction_attribute).
const (
	funcMaxThreads int32 = iota
	funcSharedSize
	funcConstSize
	funcLocalSize
	funcRegisters
	funcPTXVersion
	funcBinaryVersion
	funcCacheModeCA
	funcMaxDynamicShared
	funcSharedCarveout
)

// FuncGetAttribute is cuFuncGetAttribute.
func (m *Machine) FuncGetAttribute(t Thread, h Handle, attribute int32) (value int, r Result) {
	r = with(m, t, h, "cuFuncGetAttribute", func(ctx *context, f *function) Result {
		switch attribute {
		case funcMaxThreads:
			value = f.kernel.MaxThreads()
		case funcSharedSize:
			value = f.kernel.StaticShared()
		case funcLocalSize:
			value = f.kernel.LocalBytes()
		case funcRegisters:
			value = f.kernel.Registers()
		case funcPTXVersion:
			value = f.module.isa
		case funcBinaryVersion:
			value = f.module.sm
		case funcMaxDynamicShared:
			value = max(f.dynamicShared, ctx.device.limits.SharedDefault-f.kernel.StaticShared())
		case funcConstSize, funcCacheModeCA:
		case funcSharedCarveout:
			value = -1
		default:
			return m.refuse(ErrorInvalidValue, "cuFuncGetAttribute: attribute %d", attribute)
		}
		return Success
	})
	return value, r
}

// FuncSetAttribute is cuFuncSetAttribute: dynamic shared memory beyond the default, and
// the carve-out, which is a hint.
func (m *Machine) FuncSetAttribute(t Thread, h Handle, attribute int32, value int) Result {
	return with(m, t, h, "cuFuncSetAttribute", func(ctx *context, f *function) Result {
		switch attribute {
		case funcMaxDynamicShared:
			if most := ctx.device.limits.SharedOptIn - f.kernel.StaticShared(); value < 0 || value > most {
				return m.refuse(ErrorInvalidValue, "cuFuncSetAttribute: %d bytes of dynamic shared memory, the device has %d", value, most)
			}
			f.dynamicShared = value
		case funcSharedCarveout:
			if value < -1 || value > 100 {
				return m.refuse(ErrorInvalidValue, "cuFuncSetAttribute: a carve-out of %d", value)
			}
		default:
			return m.refuse(ErrorInvalidValue, "cuFuncSetAttribute: attribute %d", attribute)
		}
		return Success
	})
}

// FuncSetCacheConfig is cuFuncSetCacheConfig, a hint that changes nothing here.
func (m *Machine) FuncSetCacheConfig(t Thread, h Handle, _ int32) Result {
	return with(m, t, h, "cuFuncSetCacheConfig", func(*context, *function) Result { return Success })
}

// FuncSetSharedMemConfig is cuFuncSetSharedMemConfig, a hint that changes nothing here.
func (m *Machine) FuncSetSharedMemConfig(t Thread, h Handle, _ int32) Result {
	return with(m, t, h, "cuFuncSetSharedMemConfig", func(*context, *function) Result { return Success })
}

// OccupancyMaxActiveBlocks is cuOccupancyMaxActiveBlocksPerMultiprocessor: how many
// blocks threads, registers and shared memory leave room for.
func (m *Machine) OccupancyMaxActiveBlocks(t Thread, h Handle, blockSize int, shared uint64) (blocks int, r Result) {
	r = with(m, t, h, "cuOccupancyMaxActiveBlocksPerMultiprocessor", func(ctx *context, f *function) Result {
		if blockSize < 1 {
			return m.refuse(ErrorInvalidValue, "cuOccupancyMaxActiveBlocksPerMultiprocessor: blocks of %d threads", blockSize)
		}
		if blockSize > f.kernel.MaxThreads() {
			return Success
		}
		threads := (blockSize + 31) / 32 * 32
		blocks = min(blocksPerMP, threadsPerMP/threads, registersPerMP/(f.kernel.Registers()*threads))
		if bytes := f.kernel.StaticShared() + int(shared); bytes > 0 {
			blocks = min(blocks, ctx.device.limits.SharedOptIn/bytes)
		}
		return Success
	})
	return blocks, r
}
