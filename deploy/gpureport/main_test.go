package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stubs are programs that do as the shell script says.
func stubs(t *testing.T, script string) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"train", "bench", "inspect"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	return bin
}

// wholeScript leaves a run as train does, and finds two runs the same as inspect does.
const wholeScript = `
case "$0 $*" in
*inspect*) echo '{"weights_equal":true,"history":{"epochs":[1,1],"first_difference":0}}'; exit;;
esac
while [ $# -gt 0 ]; do
  if [ "$1" = -out ]; then out=$2/mnist/run; fi
  if [ "$1" = -markdown ]; then echo a table >"$2"; fi
  shift
done
[ -n "$out" ] || exit 0
mkdir -p "$out"
echo 'device,version,device_detail,status,reason,test_accuracy,images_per_second' >"$out/result.csv"
echo 'NVIDIA T4,v1,"sm_75, driver 580.95.05 (CUDA 13.0), cuBLAS 12.9.1",complete,,0.9512,123456.7' >>"$out/result.csv"
echo '{"kernels":[{"kernel":"sgemm","launches":5,"seconds":0.0001}],"total":{"launches":12,"seconds":0.0004}}' >"$out/profile.json"
`

func TestTablesHoldWhatTheRunsSay(t *testing.T) {
	r := &runner{device: "cuda", bin: stubs(t, wholeScript), tests: "true", out: filepath.Join(t.TempDir(), "report"), progress: io.Discard}
	require.NoError(t, r.run(t.Context()))
	text, err := os.ReadFile(filepath.Join(r.out, "report.md"))
	require.NoError(t, err)
	for _, row := range []string{
		"| NVIDIA T4 | 580.95.05 (CUDA 13.0) | 12.9.1 | v1 |\n",
		"| NVIDIA T4 | passed | bit-identical |\n",
		"| NVIDIA T4 | convolutional |" + strings.Repeat(" 95.12 % |", len(rules)) + "\n",
		"| NVIDIA T4 | fully connected | mdfa | 123457 | 123457 | 400 µs | 25 % |\n",
		"## The benchmark, tf32\n\na table\n",
	} {
		assert.Contains(t, string(text), row)
	}
	assert.NotContains(t, string(text), "Failed")
	assert.ErrorIs(t, r.run(t.Context()), os.ErrExist, "an earlier report stays as it is")
}

func TestReportGoesOnBehindPartsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		script, tests string
		failed        []string
	}{
		"all":           {"echo nothing works >&2; exit 1", "exit 3", nil},
		"one rule":      {`case "$*" in *"-model fa "*) echo no fa today >&2; exit 1;; esac` + wholeScript, "true", []string{"accuracy-fc-fa", "accuracy-conv-fa", "speed-float32-fc-fa"}},
		"tests":         {wholeScript, "exit 3", []string{"tests"}},
		"not the same":  {strings.Replace(wholeScript, `"weights_equal":true`, `"weights_equal":false`, 1), "true", []string{"same"}},
		"another epoch": {strings.Replace(wholeScript, `"first_difference":0`, `"first_difference":1`, 1), "true", []string{"same"}},
		"no result":     {strings.Replace(wholeScript, "complete,", "failed,the GPU burns", 1), "true", []string{"same-1", "accuracy-fc-bp"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &runner{device: "cuda", bin: stubs(t, c.script), tests: c.tests, out: filepath.Join(t.TempDir(), "report"), progress: io.Discard}
			require.ErrorContains(t, r.run(t.Context()), " parts failed: ")
			assert.Len(t, r.ran, len(r.parts()), "every part was tried")
			text, err := os.ReadFile(filepath.Join(r.out, "report.md"))
			require.NoError(t, err)
			if c.failed == nil {
				assert.Len(t, r.failures, len(r.parts()))
				assert.Contains(t, string(text), "| - | failed | no |\n")
				assert.Contains(t, string(text), "- devices: exit status 1; "+filepath.Join(r.out, "devices.log")+" ends with: nothing works\n")
			}
			for _, part := range c.failed {
				assert.Contains(t, string(text), "\n- "+part+": ")
			}
		})
	}
}
