// Package nvml asks NVIDIA's management library how a GPU is set: clocks, power limit, ECC.
// Measurements of two machines can be compared only where these are known.
//
// The library is opened at run time, and a machine without it has no answers. NVIDIA's own
// binding, github.com/NVIDIA/go-nvml, is not used: it has the linker ignore every undefined
// symbol of the program, which would hide a CUDA call that nothing routes, and what it links
// does not start where programs are linked with all symbols bound at once.
//
// The functions and their constants are those of the NVML API Reference Guide.
package nvml

// Card is how a GPU is set and what it does at this moment. What the driver does not tell
// is zero, or "" for texts.
type Card struct {
	Driver                  string  // the version of the display driver, "580.95.05"
	ClockMHz, ClockMaxMHz   int     // of the multiprocessors
	MemoryMHz, MemoryMaxMHz int     // of the memory
	PowerWatts, PowerLimit  float64 // what it draws, and the cap that it is held to
	Celsius                 int     // temperature
	ECC                     string  // on or off
	Slowdown                string  // why its clocks are held down, as "power cap, heat"
}
