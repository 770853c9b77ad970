package softgpu

import (
	"encoding/binary"
	"fmt"

	"mdfa/softgpu/ptx"
	"mdfa/softgpu/vm"
)

// GPU is a software GPU with one module of PTX, for tests of kernels by themselves: no driver calls, no streams, no
// cgo. A [Machine] is the whole driver.
type GPU struct {
	Memory *vm.Memory
	Module *vm.Module

	options Options
}

// Open makes a GPU and loads PTX on it. An error names the line and the instruction that the interpreter refuses.
func Open(o Options, source string) (*GPU, error) {
	parsed, err := ptx.Parse(source)
	if err != nil {
		return nil, err
	}
	g := &GPU{Memory: vm.NewMemory(o.Memory), options: o}
	g.Module, err = vm.Load(g.Memory, parsed, o.limits())
	return g, err
}

// Upload allocates memory for a value, a slice or an array of fixed-size numbers, and copies it there. Reports name
// the allocation by its tag.
func (g *GPU) Upload(tag string, value any) (addr uint64, err error) {
	raw, err := binary.Append(nil, binary.LittleEndian, value)
	if err != nil {
		return 0, fmt.Errorf("softgpu: upload %s: %w", tag, err)
	}
	if addr, err = g.Memory.Alloc(uint64(len(raw)), tag); err != nil {
		return 0, err
	}
	return addr, g.Memory.Write(addr, raw)
}

// Download copies device memory into value, a slice or a pointer to an array. Bytes that were never written are an
// error.
func (g *GPU) Download(addr uint64, value any) error {
	raw := make([]byte, max(0, binary.Size(value)))
	if err := g.Memory.Read(addr, raw); err != nil {
		return err
	}
	_, err := binary.Decode(raw, binary.LittleEndian, value)
	return err
}

// Launch runs a kernel to its end. Each argument has the size of its parameter, as uint64 for an address or float32
// for a float. The error of a check is a *[vm.Fault] that names line, block, thread and address.
func (g *GPU) Launch(kernel string, grid, block vm.Dim3, args ...any) error {
	k := g.Module.Kernel(kernel)
	if k == nil {
		return fmt.Errorf("softgpu: the module has no kernel %q", kernel)
	}
	params, err := k.Pack(args...)
	if err != nil {
		return err
	}
	_, err = k.Launch(vm.Launch{Grid: grid, Block: block, Params: params, Seed: g.options.Seed, Workers: g.options.Workers})
	return err
}

// Line is an extent of n blocks or threads in one dimension.
func Line(n int) vm.Dim3 { return vm.Dim3{X: uint32(n), Y: 1, Z: 1} }
