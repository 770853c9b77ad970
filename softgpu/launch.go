package softgpu

import (
	"errors"
	"fmt"
	"slices"

	"mdfa/softgpu/vm"
)

// LaunchKernel is cuLaunchKernel. params is the kernel's parameter block.
func (m *Machine) LaunchKernel(t Thread, h Handle, grid, block vm.Dim3, shared uint32, on Handle, params []byte) Result {
	const call = "cuLaunchKernel"
	return m.onStream(t, on, call, func(ctx *context, s *stream) Result {
		k, r := m.kernelTask(ctx, call, h, grid, block, shared, params)
		if r != Success {
			return r
		}
		return m.submit(s, call, k)
	})
}

// kernelTask checks a launch as the driver does before it queues it.
func (m *Machine) kernelTask(ctx *context, call string, h Handle, grid, block vm.Dim3, shared uint32, params []byte) (task, Result) {
	f, r := find[*function](m, ctx, call, h)
	if r != Success {
		return task{}, r
	}
	launch := vm.Launch{
		Grid: grid, Block: block, SharedBytes: uint64(shared), Params: slices.Clone(params),
		Workers: m.options.Workers, Budget: m.budget,
	}
	if f.dynamicShared > 0 {
		launch.SharedLimit = f.kernel.StaticShared() + f.dynamicShared
	}
	if err := f.kernel.Check(launch); err != nil {
		var limit *vm.LimitError
		if errors.As(err, &limit) && limit.TooManyResources() {
			return task{}, m.refuse(ErrorLaunchOutOfResources, "%s: %w", call, err)
		}
		return task{}, m.refuse(ErrorInvalidValue, "%s: %w", call, err)
	}
	return task{name: f.kernel.Name(), run: func(x *execution) error { return m.runKernel(f, launch, x) }}, Success
}

// runKernel interprets a launch and enters it in the ledger.
func (m *Machine) runKernel(f *function, launch vm.Launch, x *execution) error {
	name := f.kernel.Name()
	if f.module.ctx == nil {
		return fmt.Errorf("softgpu: %s: its module was unloaded before it ran", name)
	}
	if err := m.ordered(x.ctx.device, name); err != nil {
		return err
	}
	launch.Seed, launch.Began, launch.Unordered = m.seed(), x.began, x.unordered()
	stats, err := f.kernel.Launch(launch)
	m.ledger.count(name, Kernel{
		BytesRead: stats.GlobalRead, BytesWritten: stats.GlobalWritten, FLOPs: stats.FLOPs,
	})
	return err
}

// seed is another one for each launch, and 0 where the natural order is asked for.
func (m *Machine) seed() uint64 {
	m.launched++
	if m.options.Seed == 0 {
		return 0
	}
	return m.options.Seed*0x9E3779B97F4A7C15 + m.launched
}
