//go:build cuda && linux && (amd64 || arm64)

package driver_test

import (
	"debug/elf"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gorgonia.org/cu"
	cublas "gorgonia.org/cu/blas"

	"mdfa/gpu/cuda/driver"
	"mdfa/gpu/cuda/driver/internal/trampolines"
)

// The answers of the C side, by NVIDIA's numbering.
const (
	cudaSuccess          = 0
	cudaNotFound         = 500
	cudaNotSupported     = 801
	cublasNotInitialized = 1
	cublasNotSupported   = 15
)

// install makes the fakes the provider for the length of one test.
func install(t *testing.T, table map[string]uintptr) {
	t.Helper()
	t.Cleanup(driver.Reset)
	require.NoError(t, driver.Install(table))
}

func TestBinaryNeedsNoCUDALibraryAndExportsNoCUDASymbol(t *testing.T) {
	file, err := os.Executable()
	require.NoError(t, err)
	binary, err := elf.Open(file)
	require.NoError(t, err)
	defer func() { assert.NoError(t, binary.Close()) }()

	needed, err := binary.ImportedLibraries()
	require.NoError(t, err)
	for _, library := range needed {
		assert.NotRegexp(t, "cuda|cublas|nccl|nvidia", library)
	}
	dynamic, err := binary.DynamicSymbols()
	require.NoError(t, err)
	assert.NotEmpty(t, dynamic)
	for _, symbol := range dynamic {
		assert.NotRegexp(t, "^cu[A-Z]|^cublas|^nccl|^mdfa_", symbol.Name, "in the dynamic symbol table")
	}
}

// callAbsent calls a symbol without a provider.
func callAbsent(index int) int {
	answer, _, _ := purego.SyscallN(trampolines.Address(index))
	return int(int32(answer))
}

// absentNCCL is the answer of a function of NCCL that is not there: an internal error, or no text.
func absentNCCL(symbol string) int {
	if symbol == "ncclGetLastError" {
		return 0
	}
	return 3
}

func TestEverySymbolAnswersBeforeAChoice(t *testing.T) {
	driver.Reset()
	symbols := driver.Symbols()
	require.IsIncreasing(t, symbols)
	for i, symbol := range symbols {
		want := cudaNotFound
		switch {
		case symbol == "cuInit":
			want = cudaSuccess
		case strings.HasPrefix(symbol, "cublas"):
			want = cublasNotInitialized
		case strings.HasPrefix(symbol, "nccl"):
			want = absentNCCL(symbol)
		}
		assert.Equal(t, want, callAbsent(i), symbol)
	}
	assert.Empty(t, driver.LastMissing(), "nothing is missing before a choice")
}

func TestEverySymbolThatTheProviderLacksIsNamed(t *testing.T) {
	install(t, map[string]uintptr{})
	for i, symbol := range driver.Symbols() {
		want := cudaNotSupported
		switch {
		case strings.HasPrefix(symbol, "cublas"):
			want = cublasNotSupported
		case strings.HasPrefix(symbol, "nccl"):
			want = absentNCCL(symbol)
		}
		assert.Equal(t, want, callAbsent(i), symbol)
		assert.Equal(t, symbol, driver.LastMissing())
	}
	driver.Reset()
	assert.Empty(t, driver.LastMissing(), "a reset forgets what was missing")
}

func TestGorgoniaAnswersNotFoundBeforeAChoice(t *testing.T) {
	driver.Reset()
	_, err := cu.NumDevices()
	assert.Equal(t, cu.NotFound, err)
	assert.Equal(t, -1, cu.Version())
	assert.Equal(t, cublas.NotInitialized, cublasCause(new(cublas.Standard).Init()))
}

// cublasCause takes the wrapping off an error of gorgonia.org/cu/blas.
func cublasCause(err error) error {
	for {
		wrapped, ok := err.(interface{ Cause() error })
		if !ok {
			return err
		}
		err = wrapped.Cause()
	}
}

func TestInstalledFunctionsAreCalledThroughGorgonia(t *testing.T) {
	before := fakes.inits
	install(t, fakeTable())
	assert.Equal(t, before+1, fakes.inits, "cuInit is called when the provider is installed")

	count, err := cu.NumDevices()
	require.NoError(t, err)
	assert.Equal(t, fakeDevices, count)

	// Eleven arguments, some of them on the stack.
	argument := uint64(1) << 40
	var kernel cu.Function
	require.NoError(t, kernel.Launch(1, 2, 3, 4, 5, 6, 7, cu.Stream{}, []unsafe.Pointer{unsafe.Pointer(&argument)}))
	assert.Equal(t, []uint64{argument, 1, 2, 3, 4, 5, 6, 7}, fakes.launch)

	// Floats travel in other registers.
	require.NoError(t, cu.TexRef{}.SetMipmapLevelClamp(0.25, -8))
	assert.Equal(t, []float32{0.25, -8}, []float32{fakes.low, fakes.high})

	_, err = cu.GetDevice(0)
	assert.EqualError(t, err, "NotSupported")
	assert.Equal(t, "cuDeviceGet", driver.LastMissing())
}

func TestInstalledCUBLASIsCalledThroughGorgonia(t *testing.T) {
	install(t, fakeTable())
	b := cublas.New()
	// Column-major: [1 3; 2 4] · [5 7; 6 8] = [23 31; 34 46], and 2·AB + 1·C.
	c := []float32{1, 1, 1, 1}
	b.Sgemm(blas.NoTrans, blas.NoTrans, 2, 2, 2, 2, []float32{1, 2, 3, 4}, 2, []float32{5, 6, 7, 8}, 2, 1, c, 2)
	require.NoError(t, b.Err())
	assert.Equal(t, []float32{47, 69, 63, 93}, c)

	b.Sscal(2, 3, c, 1)
	assert.Equal(t, cublas.Unsupported, b.Err())
	assert.Equal(t, "cublasSscal_v2", driver.LastMissing())
}

func TestProviderIsChosenOnce(t *testing.T) {
	install(t, fakeTable())
	assert.NoError(t, driver.Install(fakeTable()), "the same table again")

	other := fakeTable()
	delete(other, "cuDeviceGetCount")
	assert.ErrorIs(t, driver.Install(other), driver.ErrChosen)
	_, err := driver.OpenNVIDIA()
	assert.ErrorIs(t, err, driver.ErrChosen)

	count, err := cu.NumDevices()
	require.NoError(t, err)
	assert.Equal(t, fakeDevices, count, "the first choice stays")
}

func TestUnsoundTableIsRefusedWhole(t *testing.T) {
	with := func(name string, f uintptr) map[string]uintptr {
		table := fakeTable()
		table[name] = f
		return table
	}
	for name, c := range map[string]struct {
		table map[string]uintptr
		says  string
	}{
		"unknown symbol": {with("cuTeleport", failingInit()), "cuTeleport is not a routed symbol"},
		"nil address":    {with("cuMemAlloc_v2", 0), "the address of cuMemAlloc_v2 is nil"},
		"failing cuInit": {with("cuInit", failingInit()), "cuInit answered 100"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(driver.Reset)
			assert.ErrorContains(t, driver.Install(c.table), c.says)
			_, err := cu.NumDevices()
			assert.Equal(t, cu.NotFound, err, "nothing is installed")
			assert.NoError(t, driver.Install(fakeTable()), "another choice is still open")
		})
	}
}

func TestInstallKeepsItsOwnCopyOfTheTable(t *testing.T) {
	table := fakeTable()
	install(t, table)
	clear(table)
	assert.NoError(t, driver.Install(fakeTable()), "the same table as before")
}
