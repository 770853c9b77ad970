package cheader_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu/cuda/include/cheader"
)

func parse(t *testing.T, text string) (cheader.Header, error) {
	t.Helper()
	return cheader.Read(fstest.MapFS{"x.h": {Data: []byte(text)}}, "x.h")
}

func TestEveryKindOfDeclarationIsRead(t *testing.T) {
	h, err := parse(t, `
#ifndef X_H
#define X_H
#include <stddef.h>
/* comments; with { braces */
#define CU_FLAG 0x02
#define cuMemAlloc cuMemAlloc_v2
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef void (*CUhostFn)(void *user_data);
typedef enum mode_enum {
	CU_A = 0,
	CU_B = -1,
} CUmode;
typedef struct {
	char bytes[16];
	const void *src;
} CUbox;
CUresult cuMemAlloc_v2(CUdeviceptr *address,
    size_t bytes);
cublasStatus_t cublasZero(void);
#endif
`)
	require.NoError(t, err)
	assert.Equal(t, cheader.Header{
		Functions: []cheader.Function{
			{Name: "cuMemAlloc_v2", Result: "CUresult", Params: "CUdeviceptr *address, size_t bytes"},
			{Name: "cublasZero", Result: "cublasStatus_t", Params: "void"},
		},
		Aliases:   []cheader.Alias{{Name: "cuMemAlloc", Symbol: "cuMemAlloc_v2"}},
		Enums:     []cheader.Enum{{Name: "CUmode", Constants: []string{"CU_A", "CU_B"}}},
		Constants: []string{"CU_FLAG"},
		Structs:   []cheader.Struct{{Name: "CUbox", Fields: []string{"bytes", "src"}}},
		Types: []cheader.Type{
			{Name: "CUdeviceptr", Kind: cheader.Integer},
			{Name: "CUcontext", Kind: cheader.Handle},
			{Name: "CUhostFn", Kind: cheader.Callback},
		},
	}, h)
}

func TestTextThatIsNotUnderstoodIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"a function with another result": "const char *cuName(int error);",
		"a variable":                     "extern int cuCount;",
		"a conditional":                  "#if defined(__linux__)\n#endif",
		"a missing semicolon":            "CUresult cuA(void)\nCUresult cuB(void);",
		"an unclosed brace":              "typedef enum { CU_A = 0, ",
		"an implied enumeration value":   "typedef enum { CU_A = 0, CU_B, } CUmode;",
	} {
		t.Run(name, func(t *testing.T) {
			h, err := parse(t, text)
			assert.Error(t, err, "read as %+v", h)
		})
	}
}

func TestOwnHeadersAreReadWhole(t *testing.T) {
	h, err := cheader.Read(os.DirFS(".."), cheader.Files()...)
	require.NoError(t, err)
	assert.Greater(t, len(h.Functions), 350)
	symbols := map[string]bool{}
	for _, f := range h.Functions {
		assert.False(t, symbols[f.Name], "%s is declared twice", f.Name)
		symbols[f.Name] = true
	}
	for _, a := range h.Aliases {
		assert.True(t, symbols[a.Symbol], "%s stands for %s, which has no prototype", a.Name, a.Symbol)
	}
}

func FuzzReadNeverPanics(f *testing.F) {
	f.Add("typedef struct { int a; } CUx; CUresult cuInit(unsigned int flags);")
	f.Add("typedef struct { ; } CUx;")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = cheader.Read(fstest.MapFS{"x.h": {Data: []byte(text)}}, "x.h")
	})
}
