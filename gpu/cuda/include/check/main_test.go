//go:build cuda

package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu/cuda/include/cheader"
)

// compareWith compares our headers with a copy of them in which one text stands for another.
func compareWith(t *testing.T, file, old, replacement string, except ...exception) []string {
	t.Helper()
	changed := t.TempDir()
	for _, name := range cheader.Files() {
		text, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		if name == file {
			require.Equal(t, 1, strings.Count(string(text), old), "%q in %s", old, file)
			text = []byte(strings.Replace(string(text), old, replacement, 1))
		}
		require.NoError(t, os.WriteFile(filepath.Join(changed, name), text, 0o644))
	}
	header, err := cheader.Read(os.DirFS(".."), cheader.Files()...)
	require.NoError(t, err)
	cc, work, list := cmp.Or(os.Getenv("CC"), "cc"), t.TempDir(), items(header)
	ours := map[string]string{}
	refused, err := attempt(cc, work, []string{".."}, list, ours)
	require.NoError(t, err)
	require.Empty(t, refused)
	theirs, err := facts(cc, work, []string{changed}, list)
	require.NoError(t, err)
	return compare(ours, theirs, except)
}

func TestEveryKindOfDifferenceIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		file, old, replacement string
		want                   string // the name that must be reported
	}{
		"value of a constant":      {"cuda_constants.h", "CU_LIMIT_MALLOC_HEAP_SIZE                 = 2,", "CU_LIMIT_MALLOC_HEAP_SIZE = 5,", "CU_LIMIT_MALLOC_HEAP_SIZE"},
		"value of a macro":         {"cuda_constants.h", "#define CU_TRSF_READ_AS_INTEGER 0x01", "#define CU_TRSF_READ_AS_INTEGER 0x04", "CU_TRSF_READ_AS_INTEGER"},
		"constant that is missing": {"cublas_v2.h", "	CUBLAS_OP_C = 2,\n", "", "CUBLAS_OP_C"},
		"signedness of an enum":    {"cublas_v2.h", "CUBLAS_GEMM_DEFAULT           = -1,", "CUBLAS_GEMM_DEFAULT = 1,", "cublasGemmAlgo_t"},
		"width of a type":          {"cuda.h", "typedef unsigned long long CUdeviceptr;", "typedef unsigned int CUdeviceptr;", "CUdeviceptr"},
		"sign of a type":           {"cuda.h", "typedef int CUdevice;", "typedef unsigned int CUdevice;", "CUdevice"},
		"alignment of a struct":    {"cublas_v2.h", "__attribute__((aligned(16)))", "__attribute__((aligned(32)))", "cuDoubleComplex"},
		"order of fields":          {"cuda.h", "	unsigned int value;\n	unsigned int elementSize;", "	unsigned int elementSize;\n	unsigned int value;", "CUDA_MEMSET_NODE_PARAMS.value"},
		"symbol behind an alias":   {"cuda.h", "#define cuMemAlloc                 cuMemAlloc_v2", "#define cuMemAlloc cuMemAlloc_v3", "cuMemAlloc"},
		"type of a parameter":      {"cuda.h", "CUresult cuMemsetD8_v2(CUdeviceptr dst, unsigned char value,", "CUresult cuMemsetD8_v2(CUdeviceptr dst, unsigned short value,", "cuMemsetD8_v2"},
		"number of parameters":     {"cuda.h", "CUresult cuStreamCreate(CUstream *stream, unsigned int flags);", "CUresult cuStreamCreate(CUstream *stream);", "cuStreamCreate"},
		"constness of a parameter": {"cublas_v2.h", "cublasSdgmm(cublasHandle_t h, cublasSideMode_t mode, int m, int n, const float *a", "cublasSdgmm(cublasHandle_t h, cublasSideMode_t mode, int m, int n, float *a", "cublasSdgmm"},
		"function that is missing": {"cuda.h", "CUresult cuInit(unsigned int flags);\n", "", "cuInit"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := compareWith(t, c.file, c.old, c.replacement)
			assert.Condition(t, func() bool {
				for _, p := range problems {
					if strings.HasPrefix(p, c.want+": ours says ") {
						return true
					}
				}
				return false
			}, "%s is not among %q", c.want, problems)
		})
	}
}

func TestSameHeadersDifferInNothing(t *testing.T) {
	assert.Empty(t, compareWith(t, "cuda.h", "cuInit(unsigned int flags)", "cuInit(unsigned int)"), "a parameter's name is no difference")
}

func TestExceptionsMustBeTrue(t *testing.T) {
	old, replacement := "	CU_MEMORYTYPE_ARRAY   = 3,", "	CU_MEMORYTYPE_ARRAY   = 9,"
	assert.Empty(t, compareWith(t, "cuda_constants.h", old, replacement, exception{"CU_MEMORYTYPE_ARRAY", "for the test"}))
	assert.Equal(t, []string{"CU_MEMORYTYPE_HOST is listed as an exception, but is the same"},
		compareWith(t, "cuda_constants.h", old, replacement,
			exception{"CU_MEMORYTYPE_ARRAY", "for the test"}, exception{"CU_MEMORYTYPE_HOST", "for the test"}))
}
