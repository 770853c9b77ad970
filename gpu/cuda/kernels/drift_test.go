package kernels

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels/internal/wrapgen"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

func TestWrappersAreGeneratedFromTheSource(t *testing.T) {
	want, err := wrapgen.Generate(readFile(t, "../../../kernels.cu"))
	require.NoError(t, err)
	assert.Equal(t, string(want), readFile(t, "kernels_gen.go"), "run go generate ./gpu/cuda/kernels")
}

func TestPTXIsCompiledFromTheSource(t *testing.T) {
	sum := sha256.Sum256([]byte(readFile(t, "../../../kernels.cu")))
	first, _, _ := strings.Cut(readFile(t, "../kernels.ptx"), "\n")
	assert.Contains(t, first, fmt.Sprintf("%x", sum), "run make ptx")
}

var (
	rePTXEntry = regexp.MustCompile(`(?s)\.visible \.entry (\w+)\(\n(.*?)\n\)\n\.maxntid (\d+), 1, 1\n`)
	rePTXParam = regexp.MustCompile(`\.param (?:\.align (\d+) )?\.(\w+) \w+(?:\[(\d+)\])?`)
)

// TestPTXTakesTheParametersThatTheWrappersPass compares type by type: the .cu is what
// the wrappers come from, the PTX is what runs.
func TestPTXTakesTheParametersThatTheWrappersPass(t *testing.T) {
	src, err := wrapgen.Parse(readFile(t, "../../../kernels.cu"))
	require.NoError(t, err)
	sizes := map[string]uintptr{"DeltaArgs": unsafe.Sizeof(DeltaArgs{}), "ColumnSumsArgs": unsafe.Sizeof(ColumnSumsArgs{})}
	types := map[string]string{"pointer": "u64", "int": "u32", "float": "f32"}

	found := rePTXEntry.FindAllStringSubmatch(readFile(t, "../kernels.ptx"), -1)
	require.Len(t, found, int(NumKernels))
	ptx := map[string][]string{}
	for _, m := range found {
		ptx[m[1]] = m[2:]
	}
	for i, k := range src.Kernels {
		require.Equal(t, k.Name, Kernel(i).String())
		entry, ok := ptx[k.Name]
		require.True(t, ok, "the PTX has no %s", k.Name)
		assert.Equal(t, fmt.Sprint(Kernel(i).MaxThreads()), entry[1], "%s: threads", k.Name)
		params := rePTXParam.FindAllStringSubmatch(entry[0], -1)
		require.Len(t, params, len(k.Params), k.Name)
		for j, p := range k.Params {
			if size, isStruct := sizes[p.Type]; isStruct {
				assert.Equal(t, []string{"8", "b8", fmt.Sprint(size)}, params[j][1:], "%s: %s", k.Name, p.Name)
				continue
			}
			assert.Equal(t, types[p.Type], params[j][2], "%s: %s", k.Name, p.Name)
		}
	}
}

func TestConstantsAreThoseOfTheContract(t *testing.T) {
	assert.EqualValues(t, gpu.NumMetrics, NumMetrics)
	assert.EqualValues(t, gpu.Tanh, ActTanh)
	assert.EqualValues(t, gpu.ReLU, ActRelu)
	assert.EqualValues(t, gpu.PL, ActPl)
}

func TestGeneratorRefusesWhatItCannotPass(t *testing.T) {
	const enum = "enum : int {\n    BLOCK = 256, // threads\n};\n"
	const kernel = `extern "C" __global__ void __launch_bounds__(BLOCK) `
	for name, cu := range map[string]string{
		"no constants":                "struct A {\n    int n;\n};\n",
		"a constant of another form":  "enum : int {\n    BLOCK = 2 * 128,\n};\n",
		"an unknown type":             enum + kernel + "f(double x) {}",
		"a struct beside a parameter": enum + "struct A {\n    int n;\n};\n" + kernel + "f(A a, int n) {}",
		"an unknown launch bound":     enum + `extern "C" __global__ void __launch_bounds__(THREADS) f(int n) {}`,
		"no launch bound":             enum + `extern "C" __global__ void f(int n) {}`,
		"an unknown array length":     enum + "struct A {\n    int n[MANY];\n};\n" + kernel + "f(A a) {}",
	} {
		_, err := wrapgen.Generate(cu)
		assert.Error(t, err, name)
	}
}
