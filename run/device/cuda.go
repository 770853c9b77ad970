//go:build cuda

package device

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/driver"
	"mdfa/gpu/cuda/emulated"
	"mdfa/internal/wording"
	"mdfa/softgpu"
)

// emuVariable has the options of the software GPU.
const emuVariable = "MDFA_EMU"

// gpuDevices are NVIDIA's GPUs and the software one. The software GPU is slower than the
// processor by itself, so auto never takes it.
func gpuDevices() []entry {
	return []entry{
		{name: "cuda", auto: true, open: openCUDA, describe: describeCUDA},
		{name: "emu", open: openEmu, describe: describeEmu},
	}
}

// openCUDA finds NVIDIA's driver and cuBLAS and opens one of its GPUs.
func openCUDA(unit string, o Options) (gpu.Device, error) {
	ordinal, err := ordinalOf("cuda", unit)
	if err != nil {
		return nil, err
	}
	found, err := driver.OpenNVIDIA()
	if err != nil {
		return nil, absentError{err.Error(), remedyFor(err) + " (train -devices lists what this machine has)"}
	}
	if unit == "" && o.Ranks.Several() { // launchers that show each rank a GPU of its own leave one
		if gpus := len(GPUs()); gpus > 0 {
			ordinal = o.Ranks.LocalRank() % gpus
		}
	}
	dev, err := cuda.Open(cuda.Options{
		Ordinal: ordinal, Kind: "cuda", Sync: o.Sync, TF32: o.TF32, Group: o.group(),
		Detail: withTF32(driverText(found)+", "+cublasText(found), o),
	})
	if err != nil {
		return nil, opening(err)
	}
	return dev, nil
}

// openEmu opens one of the software GPUs that MDFA_EMU describes.
func openEmu(unit string, o Options) (gpu.Device, error) {
	ordinal, err := ordinalOf("emu", unit)
	if err != nil {
		return nil, err
	}
	options, err := emuOptions()
	if err != nil {
		return nil, err
	}
	emu.Lock()
	defer emu.Unlock()
	if emu.open == 0 {
		emu.machine = softgpu.New(options)
	}
	dev, err := emulated.OpenOn(emu.machine, cuda.Options{
		Ordinal: ordinal, Kind: "emu", Sync: o.Sync, TF32: o.TF32, Group: o.group(),
		Detail: withTF32(fmt.Sprintf("CUDA %s, interpreted on the processor", cudaVersion(options.Driver)), o),
	})
	if err != nil {
		return nil, opening(err)
	}
	emu.open++
	return softwareGPU{dev, emu.machine}, nil
}

// group joins the devices of all ranks.
func (o Options) group() cuda.Group {
	if !o.Ranks.Several() {
		return cuda.Group{}
	}
	g := o.Ranks
	return cuda.Group{
		Rank: g.Rank(), Size: g.Size(),
		Share: func(id []byte) error {
			shared, err := g.Broadcast(g.Context(), id)
			copy(id, shared)
			return err
		},
		Failed: func() error { return context.Cause(g.Context()) },
	}
}

// NCCL describes the library by which GPUs of several ranks add up.
func NCCL() string {
	found, err := driver.FindNCCL()
	if err != nil {
		return wording.Clause(err)
	}
	return fmt.Sprintf("%s (%s)", found.Version, found.Path)
}

// emu is the machine of the software GPU, which all devices share that are open at the same time, and their number.
var emu struct {
	sync.Mutex
	machine *softgpu.Machine
	open    int
}

// Machine returns the machine of the software GPU that a device was opened on last, with its ledger; nil before that.
func Machine() *softgpu.Machine {
	emu.Lock()
	defer emu.Unlock()
	return emu.machine
}

// softwareGPU also reports memory that the runs did not free.
type softwareGPU struct {
	*cuda.Device
	machine *softgpu.Machine
}

// Close fails where memory was left behind when the last device is closed.
func (d softwareGPU) Close() error {
	err := d.Device.Close()
	emu.Lock()
	defer emu.Unlock()
	emu.open--
	if err != nil || emu.open > 0 {
		return err
	}
	if leaks := d.machine.Leaks(); len(leaks) > 0 {
		return fmt.Errorf("the software GPU found %d allocations that were not freed, the first of %s (%s)",
			len(leaks), humanize.IBytes(leaks[0].Size), leaks[0].Tag)
	}
	if n := d.machine.PinnedLeaks(); n > 0 {
		return fmt.Errorf("the software GPU found %d pieces of pinned memory that were not freed", n)
	}
	if n := d.machine.CommLeaks(); n > 0 {
		return fmt.Errorf("the software GPU found %d communicators of NCCL that were neither destroyed nor aborted", n)
	}
	return nil
}

// emuOptions reads MDFA_EMU.
func emuOptions() (softgpu.Options, error) {
	text := os.Getenv(emuVariable)
	options, err := softgpu.ParseOptions(text)
	if err != nil {
		return softgpu.Options{}, wording.Usagef("%s=%s: %s.", emuVariable, wording.Shown(text), strings.TrimPrefix(err.Error(), "softgpu: options: "))
	}
	return options, nil
}

// ordinalOf reads the number in "cuda:1"; without one it is the first GPU.
func ordinalOf(kind, unit string) (int, error) {
	if unit == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(unit, 10, 16)
	if err != nil {
		return 0, wording.Usagef("-device %s:%s: expected the number of a GPU, as in %s:0.", kind, unit, kind)
	}
	return int(n), nil
}

const cublasRemedy = "fetch it with make cublas, install pip's nvidia-cublas-cu12 into the active Python environment, or name its folder in MDFA_CUBLAS"

// remedyFor names the remedy for a library that OpenNVIDIA did not find.
func remedyFor(err error) string {
	switch {
	case errors.Is(err, driver.ErrNoDriver):
		return "install the NVIDIA driver (525 or newer), or use -device cpu"
	case errors.Is(err, driver.ErrDriverTooOld):
		return "update the NVIDIA driver, or use -device cpu"
	case errors.Is(err, driver.ErrNoCUBLAS):
		return cublasRemedy + ", or use -device cpu"
	case errors.Is(err, driver.ErrNoGPU):
		return "make a GPU visible, or use -device cpu"
	}
	return "look at what nvidia-smi says, or use -device cpu"
}

// opening takes the operation off an error of cuda.Open: the caller names the device.
// Running out of memory before the run has allocated anything has another remedy.
func opening(err error) error {
	text := strings.TrimPrefix(err.Error(), "open: ")
	if errors.Is(err, gpu.ErrOutOfMemory) {
		return fmt.Errorf("the GPU has too little memory free to begin with (%s): end other programs that use it, or use -device cpu",
			wording.Clause(errors.New(text)))
	}
	return errors.New(text)
}

// describeCUDA lists NVIDIA's GPUs with their memory, architecture and libraries.
func describeCUDA() [][]string {
	none := func(reason string) [][]string { return [][]string{{"cuda", "none: " + reason}} }
	found, err := driver.OpenNVIDIA()
	if errors.Is(err, driver.ErrNoCUBLAS) { // the GPU is there, and lacks nothing else
		return none(err.Error() + "; " + cublasRemedy)
	}
	if err != nil {
		return none(err.Error())
	}
	list, err := cuda.Devices()
	if err != nil {
		return none(strings.TrimPrefix(wording.Clause(err), "devices: "))
	}
	var rows [][]string
	for _, d := range list {
		rows = append(rows, []string{
			fmt.Sprintf("cuda:%d", d.Ordinal), d.Name, memoryText(d.MemoryFree, d.MemoryTotal),
			fmt.Sprintf("sm_%d%d", d.Major, d.Minor), driverText(found),
			fmt.Sprintf("%s (%s)", cublasText(found), found.CUBLASPath),
		})
	}
	return rows
}

// describeEmu describes the GPU that the software GPU imitates.
func describeEmu() [][]string {
	options, err := emuOptions()
	if err != nil {
		return [][]string{{"emu", strings.TrimSuffix(err.Error(), ".")}}
	}
	return [][]string{{"emu", fmt.Sprintf("software GPU, sm_%d with %s, CUDA %s: runs the CUDA path without a GPU, slowly, with every check on",
		options.SM, humanize.IBytes(options.Memory), cudaVersion(options.Driver))}}
}

func memoryText(free, total int64) string {
	if free <= 0 {
		return humanize.IBytes(uint64(total))
	}
	return fmt.Sprintf("%s free of %s", humanize.IBytes(uint64(free)), humanize.IBytes(uint64(total)))
}

// driverText is "driver 580.95.05 (CUDA 13.0)".
func driverText(found driver.Info) string {
	if found.DriverRelease == "" {
		return "driver for CUDA " + cudaVersion(found.CUDAVersion)
	}
	return fmt.Sprintf("driver %s (CUDA %s)", found.DriverRelease, cudaVersion(found.CUDAVersion))
}

func cublasText(found driver.Info) string { return strings.TrimSpace("cuBLAS " + found.CUBLASVersion) }

// cudaVersion is "12.9" for 12090.
func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// withTF32 adds TF32, which changes a run's numbers, to its device.
func withTF32(detail string, o Options) string {
	if o.TF32 {
		return detail + ", TF32 products"
	}
	return detail
}
