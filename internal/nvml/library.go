//go:build linux && (amd64 || arm64)

package nvml

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ebitengine/purego"
)

// names lists the library's file names in the driver's package.
var names = []string{"libnvidia-ml.so.1", "libnvidia-ml.so"}

// Read reads the state of the GPU at an address on the PCI bus, such as "00000000:3b:00.0". It fails only
// if nothing can be read: no library, no driver, no such GPU.
func Read(address string) (Card, error) {
	var failed error
	for _, name := range names {
		handle, err := purego.Dlopen(name, purego.RTLD_LAZY|purego.RTLD_LOCAL)
		if err == nil {
			return read(handle, address)
		}
		failed = errors.Join(failed, err)
	}
	return Card{}, fmt.Errorf("nvml: %w", failed)
}

const (
	success = 0 // NVML_SUCCESS

	graphicsClock = 0 // NVML_CLOCK_GRAPHICS
	memoryClock   = 2 // NVML_CLOCK_MEM

	gpuSensor = 0 // NVML_TEMPERATURE_GPU

	versionLength = 80 // NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
)

// slowdowns lists the bits of nvmlClocksEventReasons for a GPU that could be faster.
var slowdowns = []struct {
	bits uint64
	name string
}{
	{0x4, "power cap"},
	{0x8 | 0x80, "hardware slowdown"},
	{0x20 | 0x40, "heat"},
	{0x2, "set clocks"},
}

// bind returns a function of the library, which answers with an nvmlReturn_t; nil if the library lacks it.
func bind[F any](library uintptr, name string) (f F) {
	if symbol, err := purego.Dlsym(library, name); err == nil {
		purego.RegisterFunc(&f, symbol)
	}
	return f
}

func read(library uintptr, address string) (Card, error) {
	init := bind[func() int32](library, "nvmlInit_v2")
	shutdown := bind[func() int32](library, "nvmlShutdown")
	byAddress := bind[func(address string, device *uintptr) int32](library, "nvmlDeviceGetHandleByPciBusId_v2")
	if init == nil || shutdown == nil || byAddress == nil {
		return Card{}, errors.New("nvml: the library lacks nvmlInit_v2, nvmlShutdown or nvmlDeviceGetHandleByPciBusId_v2")
	}
	if code := init(); code != success {
		return Card{}, fmt.Errorf("nvml: the library does not start (error %d): the driver is not loaded, or is of another version", code)
	}
	defer shutdown()
	var device uintptr
	if code := byAddress(address, &device); code != success {
		return Card{}, fmt.Errorf("nvml: no answer about the GPU at %s (error %d)", address, code)
	}
	return ask(library, device), nil
}

// ask reads the values that the library reports, and leaves the others zero.
func ask(library, device uintptr) Card {
	const milli = 1e-3 // from milliwatts
	simple := func(name string) (value uint32) {
		if f := bind[func(device uintptr, value *uint32) int32](library, name); f == nil || f(device, &value) != success {
			return 0
		}
		return value
	}
	chosen := func(name string, which uint32) int {
		var value uint32
		if f := bind[func(device uintptr, which uint32, value *uint32) int32](library, name); f == nil || f(device, which, &value) != success {
			return 0
		}
		return int(value)
	}
	card := Card{
		ClockMHz:     chosen("nvmlDeviceGetClockInfo", graphicsClock),
		ClockMaxMHz:  chosen("nvmlDeviceGetMaxClockInfo", graphicsClock),
		MemoryMHz:    chosen("nvmlDeviceGetClockInfo", memoryClock),
		MemoryMaxMHz: chosen("nvmlDeviceGetMaxClockInfo", memoryClock),
		PowerWatts:   milli * float64(simple("nvmlDeviceGetPowerUsage")),
		PowerLimit:   milli * float64(simple("nvmlDeviceGetEnforcedPowerLimit")),
		Celsius:      chosen("nvmlDeviceGetTemperature", gpuSensor),
	}
	var current, pending uint32
	if ecc := bind[func(device uintptr, current, pending *uint32) int32](library, "nvmlDeviceGetEccMode"); ecc != nil && ecc(device, &current, &pending) == success {
		card.ECC = "off"
		if current != 0 {
			card.ECC = "on"
		}
	}
	var text [versionLength]byte
	if driver := bind[func(text *byte, length uint32) int32](library, "nvmlSystemGetDriverVersion"); driver != nil && driver(&text[0], versionLength) == success {
		card.Driver, _, _ = strings.Cut(string(text[:]), "\x00")
	}
	var bits uint64
	if clocks := bind[func(device uintptr, bits *uint64) int32](library, "nvmlDeviceGetCurrentClocksThrottleReasons"); clocks != nil && clocks(device, &bits) == success {
		card.Slowdown = reasons(bits)
	}
	return card
}

// reasons names the reasons for reduced clocks.
func reasons(bits uint64) string {
	var found []string
	for _, s := range slowdowns {
		if bits&s.bits != 0 {
			found = append(found, s.name)
		}
	}
	return strings.Join(found, ", ")
}
