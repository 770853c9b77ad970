package blas

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tolerance is for sums of up to 70 products of numbers around 1 in float32.
const tolerance = 1e-5

// libraries returns gonum and the native library of this machine.
func libraries(t *testing.T) map[string]*Library {
	found, err := Find()
	require.NoError(t, err)
	return map[string]*Library{"gonum": Gonum(), "found": found}
}

func TestProductsFollowTheFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	random := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(rng.NormFloat64())
		}
		return s
	}
	for name, library := range libraries(t) {
		for _, size := range [][3]int{{1, 1, 1}, {3, 5, 7}, {17, 33, 70}, {64, 10, 1}, {2, 3, 0}} {
			for variant := range 8 {
				transA, transB, accumulate := variant&1 != 0, variant&2 != 0, variant&4 != 0
				t.Run(fmt.Sprintf("%s %v %v %v %v", name, size, transA, transB, accumulate), func(t *testing.T) {
					m, n, k := size[0], size[1], size[2]
					p := &Product{M: m, N: n, K: k, TransA: transA, TransB: transB, Accumulate: accumulate}
					// Rows lie further apart than they are long, as those of a part of a matrix do.
					p.LDA, p.LDB, p.LDC = k+2, n+3, n+1
					rowsA, rowsB := m, k
					if transA {
						p.LDA, rowsA = m+2, k
					}
					if transB {
						p.LDB, rowsB = k+3, n
					}
					p.A, p.B, p.C = random(rowsA*p.LDA), random(rowsB*p.LDB), random(m*p.LDC)
					before := append([]float32(nil), p.C...)
					library.Run(p)
					for i := range m {
						for j := range p.LDC {
							want := float64(before[i*p.LDC+j])
							if j < n {
								if !accumulate {
									want = 0
								}
								for l := range k {
									want += element(p.A, p.LDA, i, l, transA) * element(p.B, p.LDB, l, j, transB)
								}
							}
							require.InDelta(t, want, p.C[i*p.LDC+j], tolerance, "C[%d, %d]", i, j)
						}
					}
				})
			}
		}
	}
}

func element(matrix []float32, stride, i, j int, transposed bool) float64 {
	if transposed {
		i, j = j, i
	}
	return float64(matrix[i*stride+j])
}

func TestMDFABLASChoosesTheLibrary(t *testing.T) {
	t.Setenv("MDFA_BLAS", "gonum")
	library, err := Find()
	require.NoError(t, err)
	assert.Equal(t, "gonum", library.Name())
	assert.False(t, library.Fast())
}

func TestMDFABLASThatIsNoLibraryIsAnError(t *testing.T) {
	for _, wanted := range []string{"blas_test.go", "absent.so", t.TempDir(), "Gonum"} {
		t.Setenv("MDFA_BLAS", wanted)
		_, err := Find()
		assert.ErrorContains(t, err, wanted)
	}
}

// TestOpenBLASTellsItsKernels starts the test anew, since OpenBLAS reads its variable when it is loaded.
func TestOpenBLASTellsItsKernels(t *testing.T) {
	library, err := Find()
	require.NoError(t, err)
	if !strings.HasPrefix(library.Name(), "OpenBLAS") {
		return // only OpenBLAS has kernels to name
	}
	if os.Getenv("MDFA_BLAS_TEST_NAME") != "" {
		fmt.Println(library.Name())
		return
	}
	core := map[string]string{"amd64": "Prescott", "arm64": "ARMV8"}[runtime.GOARCH] // of every processor
	for chosen, want := range map[string]string{
		"":   `^OpenBLAS \S+, \w+ kernels( \(|\n)`,
		core: `^OpenBLAS \S+, \w+ kernels with OPENBLAS_CORETYPE=` + core + `( \(|\n)`,
	} {
		command := exec.Command(os.Args[0], "-test.run", "^TestOpenBLASTellsItsKernels$")
		command.Env = append(os.Environ(), "MDFA_BLAS_TEST_NAME=1", "OPENBLAS_CORETYPE="+chosen)
		out, err := command.Output()
		require.NoError(t, err)
		assert.Regexp(t, want, string(out))
	}
}

func TestAFileThatIsNoLibraryIsRefused(t *testing.T) {
	_, err := Open("blas_test.go")
	assert.ErrorContains(t, err, "blas_test.go")
	_, err = Open("libc.so.6")
	assert.Error(t, err, "a library without sgemm, or none of that name")
}

func TestNamesOfLibraries(t *testing.T) {
	for config, want := range map[string]string{
		"OpenBLAS 0.3.34 DYNAMIC_ARCH NO_AFFINITY Zen": "OpenBLAS 0.3.34",
		"OpenBLAS": "OpenBLAS",
		"":         "OpenBLAS",
	} {
		assert.Equal(t, want, version(config))
	}
}
