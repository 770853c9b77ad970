package kernels

import (
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
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

// TestPTXTakesTheParametersThatTheWrappersPass compares type by type: the wrappers
// come from the .cu, and the PTX runs.
func TestPTXTakesTheParametersThatTheWrappersPass(t *testing.T) {
	src, err := wrapgen.Parse(readFile(t, "../../../kernels.cu"))
	require.NoError(t, err)
	sizes := map[string]uintptr{
		"DeltaArgs": unsafe.Sizeof(DeltaArgs{}), "ColumnSumsArgs": unsafe.Sizeof(ColumnSumsArgs{}), "ImageArgs": unsafe.Sizeof(ImageArgs{}),
	}
	types := map[string]string{"DevicePtr": "u64", "int32": "u32", "float32": "f32"}

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
	src, err := wrapgen.Parse(readFile(t, "../../../kernels.cu"))
	require.NoError(t, err)
	enums := map[string]map[string]int{"ACT_": {}, "DRAW_": {}}
	for _, c := range src.Constants {
		for prefix, values := range enums {
			if name, ok := strings.CutPrefix(c.Name, prefix); ok {
				values[strings.ToLower(name)] = c.Value
			}
		}
	}
	activations := map[string]int{}
	for act := range gpu.Activation(gpu.NumActivations) {
		activations[act.String()] = int(act)
	}
	assert.Equal(t, activations, enums["ACT_"])
	draws := map[string]gpu.Draw{"symmetric": gpu.DrawSymmetric, "uniform": gpu.DrawUniform, "normal": gpu.DrawNormal, "abs_normal": gpu.DrawAbsNormal}
	require.Len(t, enums["DRAW_"], len(draws))
	for name, d := range draws {
		assert.EqualValues(t, d, enums["DRAW_"][name], name)
	}
	assert.EqualValues(t, gpu.NumMetrics, NumMetrics)
	assert.EqualValues(t, gpu.NumCompared, NumCompared)
}

// TestEveryRowHasItsKernel looks at the parameters, which Bias and Optimize pass without types.
func TestEveryRowHasItsKernel(t *testing.T) {
	src, err := wrapgen.Parse(readFile(t, "../../../kernels.cu"))
	require.NoError(t, err)
	parameters := map[string][]string{}
	for _, k := range src.Kernels {
		for _, p := range k.Params {
			parameters[k.Name] = append(parameters[k.Name], p.Type)
		}
	}
	pointers := func(n int, rest ...string) []string { return append(slices.Repeat([]string{"DevicePtr"}, n), rest...) }
	for act := range gpu.Activation(gpu.NumActivations) {
		n := 2
		if act.NeedsPre() {
			n++
		}
		require.Less(t, biasKernels[act], NumKernels, act)
		assert.Equal(t, pointers(n, "int32", "int32", "int32"), parameters[biasKernels[act].String()], act)
	}
	for _, kind := range gpu.Optimizers() {
		n := 2 + kind.States()
		if kind.Counts() {
			n++
		}
		want := pointers(n+2, "int32", "int32", "float32", "float32", "float32")
		if kind == gpu.Momentum {
			want = append(want, "float32", "int32")
		}
		want = append(want, "int32", "int32", "float32", "int32")
		require.Less(t, optimizerKernels[kind], NumKernels, kind)
		assert.Equal(t, want, parameters[optimizerKernels[kind].String()], kind)
	}
}

// TestOptimizersHaveOneSetOfConstants compares the #defines of kernels.cu with package gpu.
func TestOptimizersHaveOneSetOfConstants(t *testing.T) {
	defined := map[string]float64{}
	for _, m := range regexp.MustCompile(`(?m)^#define (\w+) (-?[0-9.e-]+)f\b`).FindAllStringSubmatch(readFile(t, "../../../kernels.cu"), -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		require.NoError(t, err)
		defined[m[1]] = v
	}
	want := map[string]float64{
		"RMSPROP_DECAY": gpu.RMSPropDecay, "RMSPROP_FRESH": 1 - gpu.RMSPropDecay, "RMSPROP_EPSILON": gpu.RMSPropEpsilon,
		"ADAM_DECAY_1": gpu.AdamBeta1, "ADAM_FRESH_1": 1 - gpu.AdamBeta1, "LOG_ADAM_DECAY_1": math.Log(gpu.AdamBeta1),
		"ADAM_DECAY_2": gpu.AdamBeta2, "ADAM_FRESH_2": 1 - gpu.AdamBeta2, "LOG_ADAM_DECAY_2": math.Log(gpu.AdamBeta2),
		"ADAM_EPSILON": gpu.AdamEpsilon,
	}
	require.Len(t, defined, len(want))
	for name, v := range want {
		assert.InEpsilon(t, v, defined[name], 1e-15, name)
	}
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
