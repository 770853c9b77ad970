//go:build cuda

package cuda

import (
	"fmt"

	"gorgonia.org/cu"
)

// Description is what the driver tells of a GPU.
type Description struct {
	Ordinal       int
	Name          string // "NVIDIA H100 80GB HBM3"
	Major, Minor  int    // compute capability
	DriverVersion int    // the CUDA version that the driver speaks, 12090 for 12.9
	// MemoryFree and MemoryTotal are bytes. Free is 0 where no context could be had to
	// ask in: another process may hold the device for itself.
	MemoryFree, MemoryTotal int64
	Multiprocessors         int
	ClockHz                 float64 // of the multiprocessors, at most; 0 if the driver does not tell
	BytesPerSecond          float64 // of device memory, at most; 0 if the driver does not tell
	PCI                     string  // address on the PCI bus: domain, bus, device, function
}

// String is a line of `train -devices`.
func (d Description) String() string {
	free := "an unknown amount"
	if d.MemoryFree > 0 {
		free = fmt.Sprintf("%.1f", float64(d.MemoryFree)/(1<<30))
	}
	return fmt.Sprintf("%d: %s, sm_%d%d, %s of %.1f GiB free, %d multiprocessors at %.2f GHz, %.0f GB/s", d.Ordinal, d.Name,
		d.Major, d.Minor, free, float64(d.MemoryTotal)/(1<<30), d.Multiprocessors, d.ClockHz/1e9, d.BytesPerSecond/1e9)
}

// capability is 70 for 7.0.
func (d Description) capability() int { return 10*d.Major + d.Minor }

// FLOPS is the most float32 operations a second, a multiply-add counted as two (CUDA C++
// Programming Guide, "Arithmetic Instructions": results per clock and multiprocessor).
func (d Description) FLOPS() float64 {
	lanes := 128.0
	switch d.capability() {
	case 60, 70, 72, 75, 80:
		lanes = 64
	}
	return 2 * lanes * float64(d.Multiprocessors) * d.ClockHz
}

// Devices lists the GPUs that the chosen driver shows, in the order of their ordinals.
func Devices() ([]Description, error) {
	e := newExecutor()
	defer e.stop()
	var list []Description
	err := e.do(func() error {
		count, err := cu.NumDevices()
		if err != nil {
			return operation("devices", describe("cuDeviceGetCount", err))
		}
		for i := range count {
			dev, err := cu.GetDevice(i)
			if err != nil {
				return operation("devices", describe("cuDeviceGet", err))
			}
			about, err := describeDevice(i, dev)
			if err != nil {
				return operation("devices", describe("cuDeviceGetAttribute", err))
			}
			about.MemoryFree = freeMemory(dev)
			list = append(list, about)
		}
		return nil
	})
	return list, err
}

// describeDevice asks for everything that needs no context.
func describeDevice(ordinal int, dev cu.Device) (Description, error) {
	about := Description{Ordinal: ordinal, DriverVersion: cu.Version()}
	var err error
	if about.Name, err = dev.Name(); err != nil {
		return about, err
	}
	if about.MemoryTotal, err = dev.TotalMem(); err != nil {
		return about, err
	}
	for _, ask := range []struct {
		attribute cu.DeviceAttribute
		to        *int
	}{
		{cu.ComputeCapabilityMajor, &about.Major},
		{cu.ComputeCapabilityMinor, &about.Minor},
		{cu.MultiprocessorCount, &about.Multiprocessors},
	} {
		if *ask.to, err = dev.Attribute(ask.attribute); err != nil {
			return about, err
		}
	}
	known := func(attribute cu.DeviceAttribute) int {
		value, err := dev.Attribute(attribute)
		if err != nil { // of interest to a profile only
			return 0
		}
		return value
	}
	clock, memoryClock, busWidth := known(cu.ClockRate), known(cu.MemoryClockRate), known(cu.GlobalMemoryBusWidth) // kHz, kHz, bits
	about.ClockHz = 1e3 * float64(clock)
	about.BytesPerSecond = 2 * 1e3 * float64(memoryClock) * float64(busWidth) / 8 // two transfers a clock
	about.PCI = fmt.Sprintf("%08x:%02x:%02x.0", known(cu.PciDomainID), known(cu.PciBusID), known(cu.PciDeviceID))
	return about, nil
}

// freeMemory asks in the primary context, which it takes for a moment; 0 if there is none.
func freeMemory(dev cu.Device) int64 {
	context, err := dev.RetainPrimaryCtx()
	if err != nil {
		return 0
	}
	defer func() {
		// The list is complete without an answer to these.
		_ = cu.SetCurrentContext(cu.CUContext{})
		_ = dev.ReleasePrimaryCtx()
	}()
	if cu.SetCurrentContext(context) != nil {
		return 0
	}
	free, _, err := cu.MemInfo()
	if err != nil {
		return 0
	}
	return free
}
