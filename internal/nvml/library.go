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

// slowdowns are the bits of nvmlClocksEventReasons that say that a GPU could be faster.
var slowdowns = []struct {
	bits uint64
	name string
}{
	{0x4, "power cap"},
	{0x8 | 0x80, "hardware slowdown"},
	{0x20 | 0x40, "heat"},
	{0x2, "set clocks"},
}

// functions are those of the library that are used; nil where it has not got them. All return
// an nvmlReturn_t.
type functions struct {
	init          func() int32
	shutdown      func() int32
	byAddress     func(address string, device *uintptr) int32
	driver        func(text *byte, length uint32) int32
	clock         func(device uintptr, which uint32, value *uint32) int32
	clockMax      func(device uintptr, which uint32, value *uint32) int32
	power         func(device uintptr, value *uint32) int32
	powerLimit    func(device uintptr, value *uint32) int32
	temperature   func(device uintptr, sensor uint32, value *uint32) int32
	ecc           func(device uintptr, current, pending *uint32) int32
	clocksReasons func(device uintptr, bits *uint64) int32
}

func bind(handle uintptr) *functions {
	f := &functions{}
	for name, function := range map[string]any{
		"nvmlInit_v2":                               &f.init,
		"nvmlShutdown":                              &f.shutdown,
		"nvmlDeviceGetHandleByPciBusId_v2":          &f.byAddress,
		"nvmlSystemGetDriverVersion":                &f.driver,
		"nvmlDeviceGetClockInfo":                    &f.clock,
		"nvmlDeviceGetMaxClockInfo":                 &f.clockMax,
		"nvmlDeviceGetPowerUsage":                   &f.power,
		"nvmlDeviceGetEnforcedPowerLimit":           &f.powerLimit,
		"nvmlDeviceGetTemperature":                  &f.temperature,
		"nvmlDeviceGetEccMode":                      &f.ecc,
		"nvmlDeviceGetCurrentClocksThrottleReasons": &f.clocksReasons,
	} {
		if symbol, err := purego.Dlsym(handle, name); err == nil {
			purego.RegisterFunc(function, symbol)
		}
	}
	return f
}

func read(handle uintptr, address string) (Card, error) {
	f := bind(handle)
	if f.init == nil || f.shutdown == nil || f.byAddress == nil {
		return Card{}, errors.New("nvml: the library lacks nvmlInit_v2, nvmlShutdown or nvmlDeviceGetHandleByPciBusId_v2")
	}
	if code := f.init(); code != success {
		return Card{}, fmt.Errorf("nvml: the library does not start (error %d): the driver is not loaded, or is of another version", code)
	}
	defer f.shutdown()
	var device uintptr
	if code := f.byAddress(address, &device); code != success {
		return Card{}, fmt.Errorf("nvml: no answer about the GPU at %s (error %d)", address, code)
	}
	return f.ask(device), nil
}

// ask reads the values that the library reports, and leaves the others zero.
func (f *functions) ask(device uintptr) Card {
	const milli = 1e-3 // from milliwatts
	simple := func(function func(uintptr, *uint32) int32) float64 {
		var value uint32
		if function == nil || function(device, &value) != success {
			return 0
		}
		return float64(value)
	}
	chosen := func(function func(uintptr, uint32, *uint32) int32, which uint32) int {
		var value uint32
		if function == nil || function(device, which, &value) != success {
			return 0
		}
		return int(value)
	}
	card := Card{
		ClockMHz: chosen(f.clock, graphicsClock), ClockMaxMHz: chosen(f.clockMax, graphicsClock),
		MemoryMHz: chosen(f.clock, memoryClock), MemoryMaxMHz: chosen(f.clockMax, memoryClock),
		PowerWatts: milli * simple(f.power), PowerLimit: milli * simple(f.powerLimit),
		Celsius: chosen(f.temperature, gpuSensor),
	}
	var current, pending uint32
	if f.ecc != nil && f.ecc(device, &current, &pending) == success {
		card.ECC = "off"
		if current != 0 {
			card.ECC = "on"
		}
	}
	var text [versionLength]byte
	if f.driver != nil && f.driver(&text[0], versionLength) == success {
		card.Driver, _, _ = strings.Cut(string(text[:]), "\x00")
	}
	var bits uint64
	if f.clocksReasons != nil && f.clocksReasons(device, &bits) == success {
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
