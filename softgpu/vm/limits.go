package vm

import (
	"fmt"
	"strings"

	"mdfa/softgpu/ptx"
)

// Limits are the properties of the imitated device.
type Limits struct {
	ThreadsPerBlock int    // 1024
	MaxBlock        Dim3   // 1024, 1024, 64
	MaxGrid         Dim3   // 2^31-1, 65535, 65535
	SharedDefault   int    // bytes a block may use without opting in
	SharedOptIn     int    // bytes a block may use after opting in
	Registers       int    // of a block
	ParamBytes      int    // of a kernel
	ConstBytes      uint64 // of a module
	LocalBytes      uint64 // of a thread
	Multiprocessors int
	SM              int // compute capability, 70 for 7.0
	Driver          int // CUDA version of the driver, as cuDriverGetVersion: 12000 for 12.0
}

// DefaultLimits imitates a compute capability 7.0 device under a driver for
// CUDA 12.0 (525).
func DefaultLimits() Limits {
	return Limits{
		ThreadsPerBlock: 1024,
		MaxBlock:        Dim3{1024, 1024, 64},
		MaxGrid:         Dim3{1<<31 - 1, 65535, 65535},
		SharedDefault:   48 << 10, SharedOptIn: 96 << 10,
		Registers: 65536, ParamBytes: 4096, ConstBytes: 64 << 10, LocalBytes: 512 << 10,
		Multiprocessors: 80, SM: 70, Driver: 12000,
	}
}

// isaDrivers gives, for each PTX version, the CUDA version that brought it
// (PTX ISA, "Release Notes"); a driver of that version or later reads it.
var isaDrivers = []struct {
	isa    ptx.Version
	driver int
}{

	{ptx.Version{Major: 5, Minor: 0}, 8000}, {ptx.Version{Major: 6, Minor: 0}, 9000}, {ptx.Version{Major: 6, Minor: 1}, 9010},
	{ptx.Version{Major: 6, Minor: 2}, 9020}, {ptx.Version{Major: 6, Minor: 3}, 10000}, {ptx.Version{Major: 6, Minor: 4}, 10010},
	{ptx.Version{Major: 6, Minor: 5}, 10020}, {ptx.Version{Major: 7, Minor: 0}, 11000}, {ptx.Version{Major: 7, Minor: 1}, 11010},
	{ptx.Version{Major: 7, Minor: 2}, 11020}, {ptx.Version{Major: 7, Minor: 3}, 11030}, {ptx.Version{Major: 7, Minor: 4}, 11040},
	{ptx.Version{Major: 7, Minor: 5}, 11050}, {ptx.Version{Major: 7, Minor: 6}, 11060}, {ptx.Version{Major: 7, Minor: 7}, 11070},
	{ptx.Version{Major: 7, Minor: 8}, 11080}, {ptx.Version{Major: 8, Minor: 0}, 12000}, {ptx.Version{Major: 8, Minor: 1}, 12010},
	{ptx.Version{Major: 8, Minor: 2}, 12020}, {ptx.Version{Major: 8, Minor: 3}, 12030}, {ptx.Version{Major: 8, Minor: 4}, 12040},
	{ptx.Version{Major: 8, Minor: 5}, 12050}, {ptx.Version{Major: 8, Minor: 6}, 12070}, {ptx.Version{Major: 8, Minor: 7}, 12080},
	{ptx.Version{Major: 8, Minor: 8}, 12090}, {ptx.Version{Major: 9, Minor: 0}, 13000}, {ptx.Version{Major: 9, Minor: 1}, 13010},
	{ptx.Version{Major: 9, Minor: 2}, 13020}, {ptx.Version{Major: 9, Minor: 3}, 13030}, {ptx.Version{Major: 9, Minor: 4}, 13040},
	{ptx.Version{Major: 9, Minor: 5}, 13050},
}

// UnsupportedVersionError says that the pretended driver cannot load the PTX,
// as a real one answers CUDA_ERROR_UNSUPPORTED_PTX_VERSION.
type UnsupportedVersionError struct {
	ISA    ptx.Version
	Need   int // CUDA version needed; 0 if no known one suffices
	Driver int
}

func (e *UnsupportedVersionError) Error() string {
	if e.Need == 0 {
		return fmt.Sprintf("softgpu: PTX version %s is not known; versions %s to %s are", e.ISA, isaDrivers[0].isa, isaDrivers[len(isaDrivers)-1].isa)
	}
	return fmt.Sprintf("softgpu: PTX version %s needs a driver for CUDA %d.%d, this one is for %d.%d", e.ISA,
		e.Need/1000, e.Need%1000/10, e.Driver/1000, e.Driver%1000/10)
}

// checkVersion compares a module's version and target with the device.
func (lim *Limits) checkVersion(m *ptx.Module) error {
	need := 0
	for _, row := range isaDrivers {
		if row.isa == m.Version {
			need = row.driver
		}
	}
	if need == 0 || need > lim.Driver {
		return &UnsupportedVersionError{m.Version, need, lim.Driver}
	}
	if m.SM > lim.SM {
		return fmt.Errorf("softgpu: PTX for %s does not run on a device of compute capability %d.%d", m.Target, lim.SM/10, lim.SM%10)
	}
	if m.AddressSize != 64 {
		return fmt.Errorf("softgpu: .address_size %d is not supported, 64 is expected", m.AddressSize)
	}
	return nil
}

// LimitError is a launch that the device cannot run; Resource names the limit that is
// exceeded ("threads per block", "grid", "shared memory", "registers", ...).
type LimitError struct {
	Kernel, Resource string
	Got, Limit       uint64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("softgpu: launch of %s: %s: %d, at most %d", e.Kernel, e.Resource, e.Got, e.Limit)
}

// TooManyResources says that a launch fails because its blocks need more registers or
// threads than the kernel was compiled for, which a driver tells apart from arguments
// that no launch may have.
func (e *LimitError) TooManyResources() bool {
	return strings.HasPrefix(e.Resource, "registers") || strings.HasPrefix(e.Resource, "threads per block by")
}
