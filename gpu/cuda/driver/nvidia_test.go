//go:build cuda && linux && (amd64 || arm64)

package driver_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"
	cublas "gorgonia.org/cu/blas"

	"mdfa/gpu/cuda/driver"
)

// A process loads a library once and for good, and reads LD_LIBRARY_PATH when it starts. So each case opens the
// libraries in its own process: this test binary again, which a variable tells to report instead of testing.
const reportVariable = "MDFA_DRIVER_TEST_REPORT"

// report is the standard output of such a process.
type report struct {
	Info      driver.Info
	Error     string
	Sentinel  string // which of the package's errors Error wraps
	Devices   int    // by cu.NumDevices
	DeviceErr string
	CUBLASErr string // of cublasCreate
	Again     bool   // a second OpenNVIDIA gives the same
	NCCL      driver.NCCL
	NCCLErr   string // of OpenNCCL, after success
}

var sentinels = map[string]error{
	"ErrNoDriver": driver.ErrNoDriver, "ErrDriverTooOld": driver.ErrDriverTooOld,
	"ErrDriverFailed": driver.ErrDriverFailed, "ErrNoGPU": driver.ErrNoGPU, "ErrNoCUBLAS": driver.ErrNoCUBLAS,
}

func TestMain(m *testing.M) {
	if os.Getenv(reportVariable) == "" {
		os.Exit(m.Run())
	}
	var r report
	info, err := driver.OpenNVIDIA()
	r.Info = info
	if err != nil {
		r.Error = err.Error()
	}
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			r.Sentinel = name
		}
	}
	r.Devices, err = cu.NumDevices()
	if err != nil {
		r.DeviceErr = err.Error()
	}
	if err := new(cublas.Standard).Init(); err != nil {
		r.CUBLASErr = cublasCause(err).Error()
	}
	if r.Error == "" {
		if r.NCCL, err = driver.OpenNCCL(); err != nil {
			r.NCCLErr = err.Error()
		}
	}
	again, err := driver.OpenNVIDIA()
	r.Again = again == info && (err != nil) == (r.Error != "")
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// open runs OpenNVIDIA in its own process, with folder first on the loader's path and env added.
func open(t *testing.T, folder string, env ...string) report {
	t.Helper()
	file, err := os.Executable()
	require.NoError(t, err)
	return openAs(t, file, folder, env...)
}

// openAs is open for a copy of this test binary that lies elsewhere.
func openAs(t *testing.T, file, folder string, env ...string) report {
	t.Helper()
	command := exec.Command(file)
	command.Env = append(os.Environ(), reportVariable+"=1", "LD_LIBRARY_PATH="+folder, "CUDA_HOME=", "CUDA_PATH=", "VIRTUAL_ENV=", "CONDA_PREFIX=")
	command.Env = append(command.Env, env...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err)
	var r report
	require.NoError(t, json.Unmarshal(out, &r), "%s", out)
	return r
}

// compile builds testdata/source into folder/name.
func compile(t *testing.T, folder, name, source string, flags ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(folder, 0o755))
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	args := append([]string{"-shared", "-fPIC", "-Wl,-soname," + name, "-o", filepath.Join(folder, name),
		filepath.Join("testdata", source)}, flags...)
	out, err := exec.Command(cc, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func libcuda(t *testing.T, folder string, version, init int) {
	t.Helper()
	libcudaFor(t, folder, version, init, 90)
}

// libcudaFor is a driver that shows a GPU of compute capability sm between two of 9.0.
func libcudaFor(t *testing.T, folder string, version, init, sm int) {
	t.Helper()
	compile(t, folder, "libcuda.so.1", "libcuda.c", fmt.Sprintf("-DVERSION=%d", version), fmt.Sprintf("-DINIT=%d", init), fmt.Sprintf("-DSM=%d", sm))
}

func libcublas(t *testing.T, folder string, major int, flags ...string) {
	t.Helper()
	compile(t, folder, fmt.Sprintf("libcublas.so.%d", major), "libcublas.c", append(flags, fmt.Sprintf("-DMAJOR=%d", major))...)
}

func TestNCCLIsOpenedWhereItIsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		in      string // the folder of libnccl.so.2; "": there is none
		version int
		env     string // MDFA_NCCL, below the folder
		want    string // the version, or the error
	}{
		"found by the loader":   {".", 23102, "", "2.31.2"},
		"in the named folder":   {"pip/nvidia/nccl/lib", 20900, "pip", "2.9.0"},
		"too old":               {".", 2804, "", "no NCCL: libnccl.so.2 could not be used (FOLDER/libnccl.so.2 is version 2.8.4, and 2.9 or newer is needed)"},
		"not where it is named": {".", 23102, "pip", "no NCCL: no libnccl.so.2 was found in FOLDER/pip, which MDFA_NCCL names"},
		"missing": {"", 0, "", "no NCCL: no libnccl.so.2 was found beside the program, in lib/ beside that folder, in the active Python environment, " +
			"by the loader, in $CUDA_HOME, $CUDA_PATH or /usr/local/cuda"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			libcuda(t, folder, 12040, 0)
			libcublas(t, folder, 12)
			if c.in != "" {
				compile(t, filepath.Join(folder, c.in), "libnccl.so.2", "libnccl.c", fmt.Sprintf("-DVERSION=%d", c.version))
			}
			variable := "MDFA_NCCL="
			if c.env != "" {
				variable += filepath.Join(folder, c.env)
			}
			r := open(t, folder, "MDFA_CUBLAS=", variable)
			require.Empty(t, r.Error)
			assert.Equal(t, c.want, strings.ReplaceAll(r.NCCL.Version+r.NCCLErr, folder, "FOLDER"))
		})
	}
}

func TestLibrariesAreOpenedAndCalledThroughGorgonia(t *testing.T) {
	folder := t.TempDir()
	libcuda(t, folder, 13000, 0)
	libcublas(t, folder, 13)
	libcublas(t, folder, 12)
	r := open(t, folder, "MDFA_CUBLAS=")
	assert.Empty(t, r.Error)
	assert.Equal(t, 13000, r.Info.CUDAVersion)
	assert.Equal(t, filepath.Join(folder, "libcuda.so.1"), r.Info.DriverPath)
	assert.Equal(t, "13.4.2", r.Info.CUBLASVersion)
	assert.Equal(t, filepath.Join(folder, "libcublas.so.13"), r.Info.CUBLASPath)
	assert.Equal(t, 3, r.Devices)
	assert.Empty(t, r.CUBLASErr)
	assert.True(t, r.Again)
}

func TestCUBLASIsNoNewerThanTheDriverAndComesFromTheNamedPlace(t *testing.T) {
	const none = "" // in place of a file: nothing is found
	for name, c := range map[string]struct {
		cuda int      // the driver's version of CUDA
		in   []string // folders that get a libcublas.so of every major version
		env  map[string]string
		want string
	}{
		"driver 12 with every cuBLAS":   {12040, []string{"."}, nil, "libcublas.so.12"},
		"future driver":                 {15000, []string{"."}, nil, "libcublas.so.13"},
		"CUDA_HOME":                     {12000, []string{"home/lib64"}, map[string]string{"CUDA_HOME": "home"}, "home/lib64/libcublas.so.12"},
		"CUDA_PATH":                     {12000, []string{"home/lib64"}, map[string]string{"CUDA_PATH": "home"}, "home/lib64/libcublas.so.12"},
		"MDFA_CUBLAS names a folder":    {13000, []string{".", "pip"}, map[string]string{"MDFA_CUBLAS": "pip"}, "pip/libcublas.so.13"},
		"MDFA_CUBLAS names its parent":  {13000, []string{"pip/lib"}, map[string]string{"MDFA_CUBLAS": "pip"}, "pip/lib/libcublas.so.13"},
		"MDFA_CUBLAS names a file":      {13000, []string{"."}, map[string]string{"MDFA_CUBLAS": "libcublas.so.11"}, "libcublas.so.11"},
		"MDFA_CUBLAS forbids elsewhere": {13000, []string{"."}, map[string]string{"MDFA_CUBLAS": "empty"}, none},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			libcuda(t, folder, c.cuda, 0)
			for _, in := range c.in {
				for major := 11; major <= 13; major++ {
					libcublas(t, filepath.Join(folder, in), major)
				}
			}
			env := []string{"MDFA_CUBLAS="}
			for variable, value := range c.env {
				env = append(env, variable+"="+filepath.Join(folder, value))
			}
			r := open(t, folder, env...)
			if c.want == none {
				assert.Equal(t, "ErrNoCUBLAS", r.Sentinel)
				assert.Equal(t, fmt.Sprintf("no cuBLAS: none of libcublas.so.13, libcublas.so.12, libcublas.so.11 was found in %s, "+
					"which MDFA_CUBLAS names", filepath.Join(folder, "empty")), r.Error)
				return
			}
			assert.Empty(t, r.Error)
			assert.Equal(t, filepath.Join(folder, c.want), r.Info.CUBLASPath)
		})
	}
}

func TestCUBLASHasCodeForTheOldestGPU(t *testing.T) {
	for name, c := range map[string]struct {
		cuda, sm int
		want     string
	}{
		"V100 beside a CUDA 13 driver":     {13000, 70, "libcublas.so.12"},
		"T4":                               {13000, 75, "libcublas.so.13"},
		"one that the kernels cannot use":  {13000, 61, "libcublas.so.13"},
		"V100 beside a driver for CUDA 12": {12020, 70, "libcublas.so.12"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			libcudaFor(t, folder, c.cuda, 0, c.sm)
			for major := 11; major <= 13; major++ {
				libcublas(t, folder, major)
			}
			r := open(t, folder, "MDFA_CUBLAS=")
			assert.Empty(t, r.Error)
			assert.Equal(t, filepath.Join(folder, c.want), r.Info.CUBLASPath)
		})
	}
	folder := t.TempDir()
	libcudaFor(t, folder, 13000, 0, 70)
	libcublas(t, folder, 13)
	named := filepath.Join(folder, "libcublas.so.13")
	assert.Equal(t, "no cuBLAS: none of libcublas.so.12, libcublas.so.11 (compute capability 7.0 is served by none newer than 12) could be used ("+
		named+" is version 13.4.2)", open(t, folder, "MDFA_CUBLAS="+named).Error)
}

func TestCUBLASThatMakesNoHandleIsPassedOver(t *testing.T) {
	folder, env := t.TempDir(), t.TempDir()
	libcuda(t, folder, 13000, 0)
	libcublas(t, folder, 13, "-DCREATE=8")
	r := open(t, folder, "MDFA_CUBLAS=")
	assert.Empty(t, r.Error, "where it is the only one, opening the device says what is wrong with it")
	assert.Equal(t, filepath.Join(folder, "libcublas.so.13"), r.Info.CUBLASPath)

	libcublas(t, folder, 12)
	r = open(t, folder, "MDFA_CUBLAS=")
	assert.Empty(t, r.Error)
	assert.Equal(t, filepath.Join(folder, "libcublas.so.12"), r.Info.CUBLASPath)

	packages := filepath.Join(env, "lib", "python3.12", "site-packages", "nvidia", "cu13", "lib")
	libcublas(t, packages, 13, "-DCREATE=8")
	libcublas(t, folder, 13)
	r = open(t, folder, "MDFA_CUBLAS=", "VIRTUAL_ENV="+env)
	assert.Equal(t, filepath.Join(folder, "libcublas.so.13"), r.Info.CUBLASPath, "in another place")
}

func TestWhereCUBLASIsLookedFor(t *testing.T) {
	root, env, conda, system := t.TempDir(), filepath.Join(t.TempDir(), "a [b]"), t.TempDir(), t.TempDir()
	libcuda(t, system, 13000, 0)
	self, err := os.Executable()
	require.NoError(t, err)
	binary, err := os.ReadFile(self)
	require.NoError(t, err)
	program := filepath.Join(root, "bin", "train")
	require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o755))
	require.NoError(t, os.WriteFile(program, binary, 0o755))

	// From the last to be asked to the first; the places before it are still empty.
	for _, place := range []struct {
		folder string
		major  int
	}{
		{system, 13},
		{filepath.Join(conda, "lib"), 12},
		{filepath.Join(conda, "lib/python3.11/site-packages/nvidia/cublas/lib"), 12},
		{filepath.Join(env, "lib/python3.12/site-packages/nvidia/cublas/lib"), 12},
		{filepath.Join(env, "lib/python3.12/site-packages/nvidia/cu13/lib"), 13},
		{filepath.Join(root, ".cache/cublas/nvidia/cublas/lib"), 12},
		{filepath.Join(root, "lib"), 12},
		{filepath.Join(root, "bin"), 11},
	} {
		libcublas(t, place.folder, place.major)
		r := openAs(t, program, system, "MDFA_CUBLAS=", "VIRTUAL_ENV="+env, "CONDA_PREFIX="+conda)
		require.Empty(t, r.Error)
		require.Equal(t, filepath.Join(place.folder, fmt.Sprintf("libcublas.so.%d", place.major)), r.Info.CUBLASPath)
	}
	wheel := filepath.Join(root, ".cache/cublas")
	r := openAs(t, program, system, "MDFA_CUBLAS="+wheel)
	assert.Equal(t, filepath.Join(wheel, "nvidia/cublas/lib/libcublas.so.12"), r.Info.CUBLASPath, "the folder that pip was told")
}

func TestCUBLASFindsItsOtherHalfBesideIt(t *testing.T) {
	folder, named := t.TempDir(), t.TempDir()
	libcuda(t, folder, 12040, 0)
	compile(t, named, "libcublasLt.so.12", "libcublas.c", "-DMAJOR=12")
	half := filepath.Join(named, "libcublasLt.so.12")
	libcublas(t, named, 12, "-Wl,--no-as-needed", half)
	r := open(t, folder, "MDFA_CUBLAS="+named)
	assert.Empty(t, r.Error)

	require.NoError(t, os.Remove(half))
	r = open(t, folder, "MDFA_CUBLAS="+named)
	assert.Equal(t, "ErrNoCUBLAS", r.Sentinel)
	assert.Contains(t, r.Error, "libcublasLt.so.12: cannot open shared object file")
}

func TestWhatIsWrongWithTheDriverIsOneSentence(t *testing.T) {
	for name, c := range map[string]struct {
		version, init   int
		sentinel, error string
	}{
		"too old":   {11080, 0, "ErrDriverTooOld", "the NVIDIA driver is too old: it speaks CUDA 11.8, and CUDA 12.0 (driver 525) or newer is needed"},
		"no device": {12000, 100, "ErrNoGPU", "no NVIDIA GPU: the driver is there but shows no device (is CUDA_VISIBLE_DEVICES set to none?)"},
		"mismatch":  {12000, 803, "ErrDriverFailed", "the NVIDIA driver does not work: cuInit answered CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			libcuda(t, folder, c.version, c.init)
			libcublas(t, folder, 12)
			r := open(t, folder, "MDFA_CUBLAS=")
			assert.Equal(t, c.sentinel, r.Sentinel)
			assert.Equal(t, c.error, r.Error)
			assert.Equal(t, "NotFound", r.DeviceErr, "nothing has been chosen")
			assert.True(t, r.Again)
		})
	}
}

func TestMissingCUBLASIsOneSentence(t *testing.T) {
	folder := t.TempDir()
	libcuda(t, folder, 12040, 0)
	empty := t.TempDir()
	r := open(t, folder, "MDFA_CUBLAS="+empty)
	assert.Equal(t, "no cuBLAS: none of libcublas.so.12, libcublas.so.11 (the driver serves no newer one than 12) was found in "+
		empty+", which MDFA_CUBLAS names", r.Error)

	require.NoError(t, os.WriteFile(filepath.Join(empty, "libcublas.so.12"), []byte("not a library"), 0o644))
	r = open(t, folder, "MDFA_CUBLAS="+empty)
	assert.Equal(t, "ErrNoCUBLAS", r.Sentinel)
	assert.Regexp(t, `could be used \(.*/libcublas.so.12: (file too short|invalid ELF header)\)$`, r.Error)
	assert.Equal(t, "NotFound", r.DeviceErr, "nothing has been chosen")
}

func TestDriverThatDoesNotLoadIsToldFromNone(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "libcuda.so.1"), []byte("not a library"), 0o644))
	r := open(t, folder)
	assert.Equal(t, "ErrNoDriver", r.Sentinel)
	assert.Regexp(t, `^no NVIDIA driver: libcuda.so.1 could not be loaded \(.*/libcuda.so.1: `, r.Error)
}

// Where MDFA_CUBLAS names NVIDIA's cuBLAS (PyPI's nvidia-cublas-cu12 holds one) it is loaded in earnest here, and
// must change nothing. On a machine that has a driver the claim is that the driver is found.
func TestWithoutADriverTheErrorIsTheClearOne(t *testing.T) {
	r := open(t, t.TempDir())
	if r.Info.DriverPath != "" {
		assert.NotEqual(t, "ErrNoDriver", r.Sentinel)
		return
	}
	assert.Equal(t, "ErrNoDriver", r.Sentinel)
	assert.Equal(t, "no NVIDIA driver: libcuda.so.1 was not found by the loader", r.Error)
	assert.Equal(t, "NotFound", r.DeviceErr)
	assert.Equal(t, "NotInitialized", r.CUBLASErr)
	if os.Getenv("MDFA_CUBLAS") != "" {
		assert.Regexp(t, `^\d+\.\d+\.\d+$`, r.Info.CUBLASVersion)
		assert.Contains(t, r.Info.CUBLASPath, "libcublas.so")
	}
}
