package bench

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

// report is the content of -json's file; schema.json describes the fields.
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

// deviceFacts describes the device and the time to open it: on a GPU, to make the driver's
// context, to compile the kernels if the driver has not cached them, and to load cuBLAS.
type deviceFacts struct {
	Kind        string    `json:"kind"`
	Name        string    `json:"name"`
	Detail      string    `json:"detail"`
	MemoryTotal int64     `json:"memory_total_bytes"`
	OpenSeconds float64   `json:"open_seconds"`
	Card        nvml.Card `json:"card,omitzero"` // after the last cell, while the GPU is warm
}

// readCard reads the state of an NVIDIA GPU's card; zero if the management library does not answer. The
// table's figures do not depend on it.
func readCard(dev gpu.Info) nvml.Card {
	if dev.Kind != "cuda" {
		return nvml.Card{}
	}
	card, err := nvml.Read(dev.PCI)
	if err != nil {
		return nvml.Card{}
	}
	return card
}

// Values of math and data.
const (
	float32Math  = "float32"
	tf32Math     = "tf32"
	residentData = "resident"
	streamedData = "streamed"
)

// newReport returns a report without cells that describes machine and options.
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

// cpuName returns the processor's name as Linux reports it, or "" on other systems.
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

// key identifies the workload of a cell across runs.
type key struct {
	Dataset string `json:"dataset"`
	Net     string `json:"net"`
	Model   string `json:"model"`
	Batch   int    `json:"batch_size"`
}

func (w workload) key() key { return key{w.data.name, w.net, w.rule.String(), w.batch} }

// network is "mnist-fc".
func (k key) network() string { return k.Dataset + "-" + k.Net }

// result is a cell of the table. Skipped is the reason if there are no figures.
type result struct {
	key
	Skipped           string        `json:"skipped,omitempty"`
	ImagesPerSecond   float64       `json:"images_per_second,omitempty"`
	Step              timing        `json:"step,omitzero"`
	Products          timing        `json:"products,omitzero"`
	StepOverProducts  float64       `json:"step_over_products,omitempty"`
	ProductFLOPs      float64       `json:"product_flops,omitempty"`
	FLOPsPerSecond    float64       `json:"flops_per_second,omitempty"`
	Profile           profileFigure `json:"profile,omitzero"`
	DeviceMemoryBytes int64         `json:"device_memory_bytes,omitempty"`
	DataWaitShare     *float64      `json:"data_wait_share,omitempty"`
	PyTorch           float64       `json:"pytorch_bp_images_per_second,omitempty"`
	BioTorch          float64       `json:"biotorch_images_per_second,omitempty"`
}

// timing is the measured time of a step or of its products, in seconds of one of them.
type timing struct {
	Median        float64   `json:"median_seconds"`
	P95           float64   `json:"p95_seconds"`
	Windows       []float64 `json:"windows_seconds"` // the median of each window
	Samples       int       `json:"samples"`
	RunsPerSample int       `json:"runs_per_sample"` // a sample is their mean
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

// write writes the report to a file atomically.
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

// maxReport bounds the size of a file of -json.
const maxReport = 64 << 20

// readReport reads the file of an earlier run's -json.
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
