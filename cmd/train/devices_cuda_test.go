//go:build cuda

package train

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run"
)

func init() { buildTags = "cuda" }

// onEmu runs the program on the software GPU with the given MDFA_EMU.
func onEmu(t *testing.T, options string, args ...string) finished {
	t.Helper()
	cmd := command(t, append([]string{"-device", "emu"}, args...)...)
	cmd.Env = append(os.Environ(), "MDFA_EMU="+options)
	return finish(t, cmd)
}

// small is a run that is short even on the software GPU: five steps an epoch.
func small(data string, args ...string) []string {
	return append([]string{"-data", data, "-layers", "8", "-model", "mdfa", "-lr", "0.01"}, args...)
}

func TestProgramNeedsNoCUDALibraryToStart(t *testing.T) {
	file, err := elf.Open(os.Getenv(programEnv))
	require.NoError(t, err)
	defer func() { _ = file.Close() }() // it was only read
	libraries, err := file.ImportedLibraries()
	require.NoError(t, err)
	assert.NotEmpty(t, libraries, "cgo links the C library at least")
	for _, name := range libraries {
		assert.NotRegexp(t, `(?i)cuda|cublas|nvidia`, name)
	}
}

// withLibraries runs the program where the loader finds only the given stand-ins for
// NVIDIA's libraries: source files of package driver's tests and their definitions.
func withLibraries(t *testing.T, libraries map[string][]string, args ...string) finished {
	t.Helper()
	folder, empty := t.TempDir(), t.TempDir()
	for name, flags := range libraries {
		source, _, _ := strings.Cut(name, ".")
		cc := append([]string{"-shared", "-fPIC", "-Wl,-soname," + name, "-o", filepath.Join(folder, name),
			filepath.Join("..", "..", "gpu", "cuda", "driver", "testdata", source+".c")}, flags...)
		text, err := exec.Command("cc", cc...).CombinedOutput()
		require.NoError(t, err, "%s", text)
	}
	cmd := command(t, args...)
	cublas := empty
	if _, some := libraries["libcublas.so.12"]; some {
		cublas = folder
	}
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+folder, "MDFA_CUBLAS="+cublas)
	return finish(t, cmd)
}

func TestAbsentCUDAIsOneSentenceThatSaysWhatToDo(t *testing.T) {
	const lists = " (train -devices lists what this machine has).\n"
	for name, c := range map[string]struct {
		libraries map[string][]string
		want      string
	}{
		"no GPU": {
			map[string][]string{"libcuda.so.1": {"-DVERSION=12000", "-DINIT=100"}, "libcublas.so.12": {"-DMAJOR=12"}},
			"no NVIDIA GPU: the driver is there but shows no device (is CUDA_VISIBLE_DEVICES set to none?); make a GPU visible, or use -device cpu" + lists,
		},
		"old driver": {
			map[string][]string{"libcuda.so.1": {"-DVERSION=11080", "-DINIT=0"}},
			"the NVIDIA driver is too old: it speaks CUDA 11.8, and CUDA 12.0 (driver 525) or newer is needed; update the NVIDIA driver, or use -device cpu" + lists,
		},
		"no cuBLAS": {
			map[string][]string{"libcuda.so.1": {"-DVERSION=12000", "-DINIT=0"}},
			"no cuBLAS: none of libcublas.so.12, libcublas.so.11 (the driver serves no newer one than 12) was found in ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := withLibraries(t, c.libraries, "-device", "cuda")
			assert.Equal(t, exitFailed, got.code)
			assertSentence(t, got, "-device cuda: "+c.want)
		})
	}
}

func TestAutoFallsBackToTheCPUAndSaysWhy(t *testing.T) {
	data := madeUp(t)
	old := map[string][]string{"libcuda.so.1": {"-DVERSION=11080", "-DINIT=0"}}
	got := withLibraries(t, old, small(data, "-max_steps", "1", "-sync", "-tf32")...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Regexp(t, `(?m)^device   cpu, .* \(the NVIDIA driver is too old: it speaks CUDA 11\.8, .* is needed\)$`, got.stdout)
	assert.Regexp(t, `(?m)^note     -sync is ignored: `, got.stdout)
	assert.Regexp(t, `(?m)^note     -tf32 is ignored: `, got.stdout)

	got = withLibraries(t, old, small(data, "-max_steps", "1", "-profile")...)
	assert.Equal(t, exitUsage, got.code)
	assertSentence(t, got, "-profile goes with -device cuda and emu only, and -device auto has come to cpu: ")
}

// On a machine with a GPU the claim is that -device cuda trains on it.
func TestDeviceCUDAIsThereOrSaysWhatIsMissing(t *testing.T) {
	got := runTrain(t, small(madeUp(t), "-device", "cuda", "-max_steps", "2")...)
	if regexp.MustCompile(`(?m)^cuda:0 `).MatchString(runTrain(t, "-devices").stdout) {
		assert.Equal(t, 0, got.code, got.stderr)
		return
	}
	assert.Equal(t, exitFailed, got.code)
	assertSentence(t, got, "-device cuda: no ")
	assert.Contains(t, got.stderr, "or use -device cpu (train -devices lists what this machine has).")
}

func TestDevicesListsEveryKindInColumns(t *testing.T) {
	old := map[string][]string{"libcuda.so.1": {"-DVERSION=11080", "-DINIT=0"}}
	got := withLibraries(t, old, "-devices")
	require.Equal(t, 0, got.code, got.stderr)
	assert.Empty(t, got.stderr)
	assert.Regexp(t, `^cuda  none: the NVIDIA driver is too old: .*
cpu   \d+ threads?, .*
emu   software GPU, sm_70 with 4\.0 GiB, CUDA 12\.0: .*
$`, got.stdout)

	broken := map[string][]string{"libcuda.so.1": {"-DVERSION=12000", "-DINIT=0"}, "libcublas.so.12": {"-DMAJOR=12"}}
	got = withLibraries(t, broken, "-devices")
	assert.Equal(t, 0, got.code, "a driver that knows nothing of its devices is a line, too")
	assert.Regexp(t, `^cuda  none: .*\ncpu   `, got.stdout)

	volta := map[string][]string{"libcuda.so.1": {"-DVERSION=13000", "-DINIT=0", "-DSM=70"}, "libcublas.so.13": {"-DMAJOR=13"}}
	got = withLibraries(t, volta, "-devices")
	assert.Equal(t, 0, got.code)
	assert.Regexp(t, `^cuda  none: no cuBLAS: none of libcublas\.so\.12, .*\(compute capability 7\.0 is served by none newer than 12\).*; fetch it with make cublas, `, got.stdout)

	cmd := command(t, "-devices")
	cmd.Env = append(os.Environ(), "MDFA_EMU=sm=90,driver=12090,memory=512MiB")
	assert.Regexp(t, `(?m)^emu  +software GPU, sm_90 with 512 MiB, CUDA 12\.9: `, finish(t, cmd).stdout)
}

func TestWrongUseOfTheSoftwareGPUIsOneSentence(t *testing.T) {
	for _, c := range []struct {
		device, options string
		code            int
		want            string
	}{
		{"emu", "sed=7", exitUsage, `MDFA_EMU=sed=7: "sed" is unknown; there are devices, `},
		{"emu", "memory=much", exitUsage, "MDFA_EMU=memory=much: memory=much: "},
		{"emu", "sm=seventy", exitUsage, "MDFA_EMU=sm=seventy: sm=seventy: "},
		{"emu:x", "", exitUsage, "-device emu:x: expected the number of a GPU, as in emu:0."},
		{"emu:-1", "", exitUsage, "-device emu:-1: expected the number of a GPU, as in emu:0."},
		{"emu:1", "", exitFailed, "-device emu:1: there is no GPU 1: the driver shows 1, counted from 0."},
		{"emu:2", "devices=2", exitFailed, "-device emu:2: there is no GPU 2: the driver shows 2, counted from 0."},
		{"emu", "sm=60", exitFailed, "-device emu: software GPU has compute capability 6.0: 7.0 (Volta) or newer is needed."},
		{"emu", "driver=11080", exitFailed, "-device emu: the driver cannot read the kernels, CUDA 12.0 (driver 525) or newer is needed: "},
		{"emu", "fail_alloc=1", exitFailed, "-device emu: the GPU has too little memory free to begin with ("},
	} {
		t.Run(c.device+" "+c.options, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, "-device", c.device)
			cmd.Env = append(os.Environ(), "MDFA_EMU="+c.options)
			got := finish(t, cmd)
			assert.Equal(t, c.code, got.code)
			assertSentence(t, got, c.want)
		})
	}
}

func TestSoftwareGPUTrainsLikeTheCPU(t *testing.T) {
	data := madeUp(t)
	const tolerance = 1e-4 // of a mean loss after ten steps: sums are in another order
	for _, network := range [][]string{
		{"-layers", "24,16"},
		{"-convnet", "-filters", "6:5:3,4:3:2"},
	} {
		args := append([]string{"-data", data, "-model", "dfa", "-lr", "0.001", "-max_epochs", "2"}, network...)
		var rows [][]map[string]string
		for _, device := range []string{"cpu", "emu"} {
			got := runTrain(t, append(args, "-device", device)...)
			require.Equal(t, 0, got.code, got.stderr)
			assert.Empty(t, got.stderr)
			_, epochs := table(t, filepath.Join(got.runFolder(t), "epochs.csv"))
			require.Len(t, epochs, 2)
			rows = append(rows, epochs)
			if device == "emu" {
				assert.Regexp(t, `(?m)^device   software GPU, sm_70, CUDA 12\.0, interpreted on the processor$`, got.stdout)
				assert.Regexp(t, `(?m)^memory   .*cuBLAS`, got.stdout)
			}
		}
		for epoch := range rows[0] {
			for _, column := range []string{"train_loss", "valid_loss"} {
				assert.InDelta(t, parsed(t, rows[0][epoch][column]), parsed(t, rows[1][epoch][column]), tolerance, "%s of %v", column, network)
			}
		}
	}
}

func parsed(t *testing.T, text string) (x float64) {
	t.Helper()
	_, err := fmt.Sscan(text, &x)
	require.NoError(t, err, text)
	return x
}

func TestSyncChangesNothingButWaits(t *testing.T) {
	data := madeUp(t)
	var files []string
	for _, extra := range [][]string{nil, {"-sync"}} {
		got := onEmu(t, "seed=3", small(data, append(extra, "-max_epochs", "2")...)...)
		require.Equal(t, 0, got.code, got.stderr)
		dir := got.runFolder(t)
		files = append(files, stable(t, filepath.Join(dir, "epochs.csv"), "images_per_second")+stable(t, filepath.Join(dir, "result.csv"), "device_detail"))
	}
	assert.Equal(t, files[0], files[1])
}

func TestSyncNamesTheKernelThatFails(t *testing.T) {
	got := onEmu(t, "fail_launch=4", small(madeUp(t), "-max_epochs", "1", "-sync")...)
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, `^train: step 1 of epoch 1: .*: kernel \w+ failed: CUDA_ERROR_LAUNCH_FAILED: .*\.\n$`, got.stderr)
}

func TestTF32ChangesTheProductsAndIsOnRecord(t *testing.T) {
	data := madeUp(t)
	var losses []float64
	for i, extra := range [][]string{nil, {"-tf32"}} {
		got := onEmu(t, "", small(data, append(extra, "-max_epochs", "1")...)...)
		require.Equal(t, 0, got.code, got.stderr)
		dir := got.runFolder(t)
		_, rows := table(t, filepath.Join(dir, "result.csv"))
		assert.Equal(t, []string{"false", "true"}[i], rows[0]["tf32"])
		assert.Equal(t, i == 1, strings.Contains(rows[0]["device_detail"], "TF32"))
		assert.Equal(t, i == 1, strings.Contains(got.stdout, ", TF32 products\n"))
		_, epochs := table(t, filepath.Join(dir, "epochs.csv"))
		losses = append(losses, parsed(t, epochs[0]["train_loss"]))
	}
	assert.NotEqual(t, losses[0], losses[1], "factors are rounded")
	assert.InDelta(t, losses[0], losses[1], 1e-2, "ten bits of mantissa are a thousandth of each factor")
}

func TestProfileIsATableAndAFile(t *testing.T) {
	got := onEmu(t, "", small(madeUp(t), "-max_epochs", "1", "-profile")...)
	require.Equal(t, 0, got.code, got.stderr)
	dir := got.runFolder(t)
	assertFiles(t, dir, ".lock", "checkpoints", "confusion.csv", "epochs.csv", "profile.json", "report.html", "result.csv", "run.json")
	assert.Regexp(t, `(?m)^profile  a training step, by kernel \(mean of 2, results/mnist/\S+/profile.json\)\n +kernel +launches +read +written +FLOPs +least/moved *$`, got.stdout)
	assert.Regexp(t, `(?m)^ +sgemm +\d+ `, got.stdout)

	text, err := os.ReadFile(filepath.Join(dir, "profile.json"))
	require.NoError(t, err)
	var r run.Profile
	require.NoError(t, json.Unmarshal(text, &r))
	assert.Equal(t, 1, r.Schema)
	assert.Equal(t, "software GPU", r.Device)
	assert.Equal(t, "mdfa", r.Model)
	assert.Equal(t, 64, r.BatchSize)
	assert.Equal(t, 2, r.Steps)
	assert.Positive(t, r.PeakBytesPerSecond)
	assert.Positive(t, r.PeakFLOPS)
	names := map[string]bool{}
	var launches int
	var read, written, flops int64
	for _, k := range r.Kernels {
		names[k.Kernel] = true
		require.NotNil(t, k.Read, k.Kernel)
		assert.Nil(t, k.Seconds, "time means nothing on a software GPU")
		assert.Positive(t, k.Launches, k.Kernel)
		launches += k.Launches
		read += *k.Read
		written += *k.Written
		flops += k.FLOPs
	}
	assert.Subset(t, names, map[string]bool{"sgemm": true, "feedback": true, "rmsprop": true})
	assert.Equal(t, launches, r.Total.Launches)
	assert.Equal(t, read, *r.Total.Read)
	assert.Equal(t, written, *r.Total.Written)
	assert.Equal(t, flops, r.Total.FLOPs)
	// Products: 784 to 8 forward and gradient, 8 to 10 the same; DFA's feedback is a kernel
	// of its own up to 32 logits.
	const batch = 64
	for _, k := range r.Kernels {
		if k.Kernel == "sgemm" {
			assert.EqualValues(t, 2*2*batch*(784*8+8*10), k.FLOPs)
			assert.Equal(t, 4, k.Launches)
		}
	}
}
