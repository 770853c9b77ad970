package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"mdfa/gpu"
	"mdfa/internal/disk"
	"mdfa/internal/nvml"
	"mdfa/internal/version"
	"mdfa/run/device"
)

// reportSchema is raised when the meaning of a field changes.
const reportSchema = 1

// report is what -json writes: schema.json describes the fields.
type report struct {
	Schema      int         `json:"schema"`
	Created     time.Time   `json:"created"`
	Version     string      `json:"version"`
	Go          string      `json:"go"`
	OS          string      `json:"os"`
	Arch        string      `json:"arch"`
	CPU         processor   `json:"cpu"`
	Device      deviceFacts `json:"device"`
	Math        string      `json:"math"`
	Optimizer   string      `json:"optimizer"`
	Data        string      `json:"data"`
	Windows     int         `json:"windows"`
	CellSeconds float64     `json:"cell_seconds"`
	Cells       []result    `json:"cells"`
	Bounds      []bound     `json:"bounds"`
	CellsToCome int         `json:"cells_to_come,omitempty"` // where the run was cut off
}

type processor struct {
	Name    string `json:"name"`
	Threads int    `json:"threads"`
}

// deviceFacts are gpu.Info's, and how long opening took: on a GPU that is the driver's
// context, the compilation of the kernels where the driver has not kept it, and cuBLAS.
type deviceFacts struct {
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Detail      string     `json:"detail"`
	MemoryTotal int64      `json:"memory_total_bytes"`
	OpenSeconds float64    `json:"open_seconds"`
	Card        *cardState `json:"card,omitempty"`
}

// cardState is nvml.Card after the last cell, while the GPU is warm.
type cardState struct {
	Driver       string  `json:"driver,omitempty"`
	ClockMHz     int     `json:"clock_mhz,omitempty"`
	ClockMaxMHz  int     `json:"clock_max_mhz,omitempty"`
	MemoryMHz    int     `json:"memory_clock_mhz,omitempty"`
	MemoryMaxMHz int     `json:"memory_clock_max_mhz,omitempty"`
	PowerWatts   float64 `json:"power_watts,omitempty"`
	PowerLimit   float64 `json:"power_limit_watts,omitempty"`
	Celsius      int     `json:"celsius,omitempty"`
	ECC          string  `json:"ecc,omitempty"`
	Slowdown     string  `json:"slowdown,omitempty"`
}

// readCard asks the management library of NVIDIA's GPUs; nil where it does not answer. The
// figures of the table do not depend on it.
func readCard(dev gpu.Info) *cardState {
	if dev.Kind != "cuda" {
		return nil
	}
	told, err := nvml.Read(dev.PCI)
	if err != nil {
		return nil
	}
	c := cardState(told)
	return &c
}

// String is the card's line of the header; "" if nothing is known.
func (c *cardState) String() string {
	if c == nil {
		return ""
	}
	var parts []string
	add := func(known bool, format string, args ...any) {
		if known {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(c.Driver != "", "driver %s", c.Driver)
	add(c.ClockMHz > 0, "clock %d of %d MHz", c.ClockMHz, c.ClockMaxMHz)
	add(c.MemoryMHz > 0, "memory %d of %d MHz", c.MemoryMHz, c.MemoryMaxMHz)
	add(c.PowerLimit > 0, "%.0f of %.0f W", c.PowerWatts, c.PowerLimit)
	add(c.Celsius > 0, "%d °C", c.Celsius)
	add(c.ECC != "", "ECC %s", c.ECC)
	add(c.Slowdown != "", "held down by %s", c.Slowdown)
	return strings.Join(parts, " · ")
}

// What math and data can be.
const (
	float32Math  = "float32"
	tf32Math     = "tf32"
	residentData = "resident"
	streamedData = "streamed"
)

// newReport describes the surroundings of a measurement.
func newReport(o options, dev gpu.Info, opening time.Duration) *report {
	r := &report{
		Schema: reportSchema, Created: time.Now().UTC().Truncate(time.Second), Version: version.Read().String(),
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		CPU: processor{Name: cpuName(), Threads: runtime.GOMAXPROCS(0)},
		Device: deviceFacts{
			Kind: dev.Kind, Name: dev.Name, Detail: dev.Detail,
			MemoryTotal: dev.MemoryTotal, OpenSeconds: opening.Seconds(),
		},
		Math: float32Math, Optimizer: optimizer.String(), Data: residentData,
		Windows: o.windows(), CellSeconds: o.duration.Seconds(),
		Cells: []result{}, Bounds: []bound{},
	}
	if o.tf32 && device.OnGPU(dev.Kind) {
		r.Math = tf32Math
	}
	if o.stream {
		r.Data = streamedData
	}
	return r
}

// cpuName is the processor's name as Linux tells it, or "" elsewhere.
func cpuName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// key names the workload of a cell, the same from run to run.
type key struct {
	Dataset string `json:"dataset"`
	Net     string `json:"net"`
	Model   string `json:"model"`
	Batch   int    `json:"batch_size"`
}

func (w workload) key() key { return key{w.data.name, w.net, w.rule.String(), w.batch} }

// network is "mnist-fc".
func (k key) network() string { return k.Dataset + "-" + k.Net }

// result is a cell of the table. Skipped has the reason why there are no figures.
type result struct {
	key
	Skipped           string         `json:"skipped,omitempty"`
	ImagesPerSecond   float64        `json:"images_per_second,omitempty"`
	Step              *timeFigures   `json:"step,omitempty"`
	Products          *timeFigures   `json:"products,omitempty"`
	StepOverProducts  float64        `json:"step_over_products,omitempty"`
	ProductFLOPs      float64        `json:"product_flops,omitempty"`
	FLOPsPerSecond    float64        `json:"flops_per_second,omitempty"`
	Profile           *profileFigure `json:"profile,omitempty"`
	DeviceMemoryBytes int64          `json:"device_memory_bytes,omitempty"`
	DataWaitShare     *float64       `json:"data_wait_share,omitempty"`
	PyTorch           float64        `json:"pytorch_bp_images_per_second,omitempty"`
}

// timeFigures are seconds of one step, or of the products of one.
type timeFigures struct {
	Median        float64   `json:"median_seconds"`
	P95           float64   `json:"p95_seconds"`
	Windows       []float64 `json:"windows_seconds"`
	Samples       int       `json:"samples"`
	RunsPerSample int       `json:"runs_per_sample"`
}

func newTimeFigures(t timing) *timeFigures {
	return &timeFigures{Median: t.median, P95: t.p95, Windows: t.windows, Samples: t.samples, RunsPerSample: t.runs}
}

// profileFigure sums up gpu.Profile over the kernels of a step.
type profileFigure struct {
	Launches            int     `json:"launches"`
	FloorBytes          int64   `json:"floor_bytes"`
	FLOPs               int64   `json:"flops"`
	FloorBytesPerSecond float64 `json:"floor_bytes_per_second,omitempty"`
	BandwidthShare      float64 `json:"bandwidth_share,omitempty"`
	ArithmeticShare     float64 `json:"arithmetic_share,omitempty"`
}

// write writes the report to a file, which is complete or absent.
func (r *report) write(name string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("-json: %w", err)
	}
	if err := disk.WriteFile(name, append(text, '\n')); err != nil {
		return fmt.Errorf("-json: %w", err)
	}
	return nil
}

// maxReport bounds a file of -json.
const maxReport = 64 << 20

// readReport reads what an earlier run wrote.
func readReport(name string) (*report, error) {
	text, err := disk.ReadFile(context.Background(), name, maxReport)
	if err != nil {
		return nil, err
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%s is no file of -json: %w", name, err)
	}
	if r.Schema != reportSchema {
		return nil, fmt.Errorf("%s has schema %d: this program reads schema %d", name, r.Schema, reportSchema)
	}
	return &r, nil
}
