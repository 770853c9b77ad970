package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"

	"mdfa/gpu/cuda/kernels"
)

// arch holds the limits of the number of resident blocks of a multiprocessor (CUDA C++
// Programming Guide, Technical Specifications per Compute Capability).
type arch struct {
	name     string
	warps    int // resident warps
	blocks   int // resident blocks
	shared   int // bytes of shared memory
	reserved int // bytes of it that the system takes from each block
}

var archs = []arch{
	{"sm_70", 64, 32, 96 << 10, 0},
	{"sm_75", 32, 16, 64 << 10, 0},
	{"sm_80", 64, 32, 164 << 10, 1 << 10},
	{"sm_86", 48, 16, 100 << 10, 1 << 10},
	{"sm_89", 48, 24, 100 << 10, 1 << 10},
	{"sm_90", 64, 32, 228 << 10, 1 << 10},
	{"sm_100", 64, 32, 228 << 10, 1 << 10},
	{"sm_120", 48, 24, 100 << 10, 1 << 10},
}

const (
	registers     = 65536 // of a multiprocessor, on every architecture above
	registerUnit  = 256   // registers are given out to a warp in units of this
	warpUnit      = 4     // and to warps in units of this
	sharedUnit    = 256   // shared memory is given out in units of this, at most
	exampleLogits = 10    // the feedback kernel has the dynamic shared memory of MNIST
)

// usage is the resources of one kernel, as ptxas reports them.
type usage struct{ registers, shared int }

var (
	reCompiling = regexp.MustCompile(`Compiling entry function '(\w+)'`)
	reRegisters = regexp.MustCompile(`Used (\d+) registers`)
	reShared    = regexp.MustCompile(`(\d+) bytes smem`)
	reSpill     = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
)

// report assembles the PTX for every architecture and prints registers, shared memory
// and theoretical occupancy. Spills, stack frames, warnings and missing kernels are errors.
func report(w io.Writer, ptxas string) error {
	used := make([]map[string]usage, len(archs))
	for i, a := range archs {
		cmd := exec.Command(ptxas, "--verbose", "--warning-as-error", "--gpu-name="+a.name, "--output-file="+os.DevNull, ptxFile)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("ptxas for %s: %w\n%s", a.name, err, out)
		}
		if used[i], err = parseUsage(string(out)); err != nil {
			return fmt.Errorf("ptxas for %s: %w", a.name, err)
		}
	}

	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tw, "kernel\tthreads\tshared")
	for _, a := range archs {
		fmt.Fprintf(tw, "\t%s", a.name)
	}
	fmt.Fprint(tw, "\t\n")
	for k := kernels.Kernel(0); k < kernels.NumKernels; k++ {
		threads, dynamic := k.MaxThreads(), 0
		if k == kernels.KernelFeedback || k == kernels.KernelFeedbackDrawn {
			dynamic = kernels.FeedbackShared(exampleLogits)
		}
		for i, a := range archs {
			u, ok := used[i][k.String()]
			if !ok {
				return fmt.Errorf("ptxas for %s: %s has no kernel %v", a.name, ptxFile, k)
			}
			if i == 0 {
				fmt.Fprintf(tw, "%v\t%d\t%d", k, threads, u.shared+dynamic)
			}
			fmt.Fprintf(tw, "\t%d %3d%%", u.registers, 100*a.residentWarps(threads, u.registers, u.shared+dynamic)/a.warps)
		}
		fmt.Fprint(tw, "\t\n")
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "registers a thread and theoretical occupancy; shared memory in bytes a block (feedback at %d logits); no spills\n", exampleLogits)
	return err
}

// parseUsage reads the messages of ptxas --verbose.
func parseUsage(out string) (map[string]usage, error) {
	found := map[string]usage{}
	name := ""
	for _, line := range strings.Split(out, "\n") {
		if m := reCompiling.FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		if m := reSpill.FindStringSubmatch(line); m != nil && (m[1] != "0" || m[2] != "0" || m[3] != "0") {
			return nil, fmt.Errorf("%s spills: %s", name, strings.TrimSpace(line))
		}
		if m := reRegisters.FindStringSubmatch(line); m != nil {
			u := usage{}
			u.registers, _ = strconv.Atoi(m[1])
			if m := reShared.FindStringSubmatch(line); m != nil {
				u.shared, _ = strconv.Atoi(m[1])
			}
			found[name] = u
		}
	}
	return found, nil
}

// residentWarps returns the number of warps that a multiprocessor can hold at once.
func (a arch) residentWarps(threads, regs, shared int) int {
	warps := (threads + 31) / 32
	perWarp := roundUp(regs*32, registerUnit)
	byRegisters := registers / perWarp / warpUnit * warpUnit / warps
	byShared := a.shared / max(1, roundUp(shared+a.reserved, sharedUnit))
	return warps * min(a.blocks, a.warps/warps, byRegisters, byShared)
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
