// Package nvml asks NVIDIA's management library for the settings of a GPU: clocks, power limit,
// ECC. Measurements of two machines can be compared only if these are known.
//
// The library is opened at run time; on a machine without it the settings stay unknown. NVIDIA's own
// binding, github.com/NVIDIA/go-nvml, is not used: it has the linker ignore every undefined
// symbol of the program, which would hide a CUDA call that nothing routes, and a program linked
// with it does not start on systems that bind all symbols at start.
//
// The NVML API Reference Guide describes the functions and their constants.
package nvml

// Card is the state of a GPU's card. A value that the driver does not report is zero.
type Card struct {
	Driver       string  `json:"driver,omitempty"` // the version of the display driver, "580.95.05"
	ClockMHz     int     `json:"clock_mhz,omitempty"`
	ClockMaxMHz  int     `json:"clock_max_mhz,omitempty"` // both of the multiprocessors
	MemoryMHz    int     `json:"memory_clock_mhz,omitempty"`
	MemoryMaxMHz int     `json:"memory_clock_max_mhz,omitempty"`
	PowerWatts   float64 `json:"power_watts,omitempty"`       // drawn now
	PowerLimit   float64 `json:"power_limit_watts,omitempty"` // the cap
	Celsius      int     `json:"celsius,omitempty"`
	ECC          string  `json:"ecc,omitempty"`      // on or off
	Slowdown     string  `json:"slowdown,omitempty"` // the reasons for reduced clocks, such as "power cap, heat"
}
