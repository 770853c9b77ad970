//go:build cuda

package cuda

import (
	"cmp"
	"fmt"

	"gorgonia.org/cu"

	"mdfa/gpu/cuda/internal/cuext"
)

// Description describes a GPU, as the driver does.
type Description struct {
	Ordinal       int
	Name          string // "NVIDIA H100 80GB HBM3"
	Major, Minor  int    // compute capability
	DriverVersion int    // the CUDA version that the driver speaks, 12090 for 12.9
	// MemoryFree and MemoryTotal are bytes. Free is 0 if it is unknown, because another
	// process holds the device for itself.
	MemoryFree, MemoryTotal int64
	Multiprocessors         int
	ClockHz                 float64 // highest clock of the multiprocessors; 0 if unknown
	BytesPerSecond          float64 // highest rate of device memory; 0 if unknown
	PCI                     string  // address on the PCI bus: domain, bus, device, function
}

// String returns the device's line of `train -devices`.
func (d Description) String() string {
	free := "an unknown amount"
	if d.MemoryFree > 0 {
		free = fmt.Sprintf("%.1f", float64(d.MemoryFree)/(1<<30))
	}
	return fmt.Sprintf("%d: %s, sm_%d%d, %s of %.1f GiB free, %d multiprocessors at %.2f GHz, %.0f GB/s", d.Ordinal, d.Name,
		d.Major, d.Minor, free, float64(d.MemoryTotal)/(1<<30), d.Multiprocessors, d.ClockHz/1e9, d.BytesPerSecond/1e9)
}

// capability returns 70 for 7.0.
func (d Description) capability() int { return 10*d.Major + d.Minor }

// FLOPS returns the peak rate of float32 operations, with a multiply-add as two (CUDA C++
// Programming Guide, "Arithmetic Instructions": results per clock and multiprocessor).
func (d Description) FLOPS() float64 {
	results := 128.0 // of a multiply-add, per clock and multiprocessor
	switch d.capability() {
	case 60, 70, 72, 75, 80:
		results = 64
	}
	return 2 * results * float64(d.Multiprocessors) * d.ClockHz
}

// Devices lists the GPUs that the chosen driver shows, in the order of their ordinals.
func Devices() ([]Description, error) {
	e := cuext.NewExecutor()
	defer e.Stop()
	var list []Description
	err := e.Do(func() error {
		count, err := cu.NumDevices()
		if err != nil {
			return cuext.Describe("cuDeviceGetCount", err)
		}
		for i := range count {
			dev, err := cu.GetDevice(i)
			if err != nil {
				return cuext.Describe("cuDeviceGet", err)
			}
			about, err := describeDevice(i, dev)
			if err != nil {
				return cuext.Describe("cuDeviceGetAttribute", err)
			}
			about.MemoryFree = freeMemory(dev)
			list = append(list, about)
		}
		return nil
	})
	return list, named("devices", err)
}

// describeDevice asks for all that needs no context.
func describeDevice(ordinal int, dev cu.Device) (Description, error) {
	about := Description{Ordinal: ordinal, DriverVersion: cu.Version()}
	var first error
	need := func(value int, err error) int {
		first = cmp.Or(first, err)
		return value
	}
	// The other attributes matter to profiles alone: 0 stands for unknown.
	known := func(attribute cu.DeviceAttribute) int {
		value, err := dev.Attribute(attribute)
		if err != nil {
			return 0
		}
		return value
	}
	var err error
	about.Name, err = dev.Name()
	first = cmp.Or(first, err)
	about.MemoryTotal, err = dev.TotalMem()
	first = cmp.Or(first, err)
	about.Major = need(dev.Attribute(cu.ComputeCapabilityMajor))
	about.Minor = need(dev.Attribute(cu.ComputeCapabilityMinor))
	about.Multiprocessors = need(dev.Attribute(cu.MultiprocessorCount))
	clock, memoryClock, busWidth := known(cu.ClockRate), known(cu.MemoryClockRate), known(cu.GlobalMemoryBusWidth) // kHz, kHz, bits
	about.ClockHz = 1e3 * float64(clock)
	about.BytesPerSecond = 2 * 1e3 * float64(memoryClock) * float64(busWidth) / 8 // two transfers a clock
	about.PCI = fmt.Sprintf("%08x:%02x:%02x.0", known(cu.PciDomainID), known(cu.PciBusID), known(cu.PciDeviceID))
	return about, first
}

// freeMemory returns 0 if it is unknown. It takes the primary context for a moment.
func freeMemory(dev cu.Device) int64 {
	primary, err := dev.RetainPrimaryCtx()
	if err != nil {
		return 0
	}
	defer func() {
		// The list is complete without an answer to these.
		_ = cu.SetCurrentContext(cu.CUContext{})
		_ = dev.ReleasePrimaryCtx()
	}()
	if cu.SetCurrentContext(primary) != nil {
		return 0
	}
	free, _, err := cu.MemInfo()
	if err != nil {
		return 0
	}
	return free
}
