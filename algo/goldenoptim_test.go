package algo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/algo/training"
	"mdfa/gpu"
)

// TestGoldenOptimizers takes 400 steps of each optimizer alone: only these can tell
// where rmsprop's epsilon sits.
func TestGoldenOptimizers(t *testing.T) {
	a := openArrays(t, filepath.Join(goldenFolders()[0], "optim.npz"))
	w0, grads := a.floats("w0"), a.floats("grads")
	snapshots := read[int64](a, "snap")
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, c := range []struct {
			kind gpu.Optimizer
			lr   float32
			key  string
		}{
			{gpu.SGD, 0.1, "sgd_lr0.1"},
			{gpu.RMSProp, 0.001, "rmsprop_lr0.001"},
			{gpu.RMSProp, 0.0001, "rmsprop_lr0.0001"},
			{gpu.Adam, 0.001, "adam_lr0.001"},
			{gpu.Adam, 0.0001, "adam_lr0.0001"},
		} {
			t.Run(c.key, func(t *testing.T) {
				runOptimizer(t, dev, gpu.OptimizeArgs{Kind: c.kind, LR: c.lr}, nil, w0, grads, snapshots, a.floats(c.key))
			})
		}
	})
	a.requireAllRead()
}

// torchSchedule is a schedule of PyTorch's, over ten steps.
type torchSchedule struct {
	Kind          string
	Every         int
	At            []int
	Gamma, Floor  float64
	Steps, Warmup int
	Start         float64
}

// rates returns the schedule, whose unit is :steps or empty for epochs.
func (s torchSchedule) rates(t *testing.T, unit string) (r training.Rates) {
	schedule, warmup := "constant", "0"
	kind, isWarmup := strings.CutPrefix(s.Kind, "warmup")
	if isWarmup {
		length := s.Warmup
		if kind == "" {
			length = s.Steps
		}
		warmup = fmt.Sprintf("%d:%g%s", length, s.Start, unit)
	}
	switch strings.TrimPrefix(kind, "+") {
	case "step":
		schedule = fmt.Sprintf("step:%d:%g%s", s.Every, s.Gamma, unit)
	case "multistep":
		schedule = fmt.Sprintf("multistep:%s:%g%s", strings.Trim(strings.ReplaceAll(fmt.Sprint(s.At), " ", ","), "[]"), s.Gamma, unit)
	case "cosine":
		schedule = "cosine" + unit
		if s.Floor > 0 {
			schedule = fmt.Sprintf("cosine:%g%s", s.Floor, unit)
		}
	}
	var err error
	r.Schedule, err = training.ParseRateSchedule(schedule)
	require.NoError(t, err)
	r.Warmup, err = training.ParseWarmup(warmup)
	require.NoError(t, err)
	return r
}

// TestGoldenTorch takes ten steps of PyTorch's optimizers, alone and with schedules.
func TestGoldenTorch(t *testing.T) {
	folder := filepath.Join("..", "testdata", "golden-rules")
	text, err := os.ReadFile(filepath.Join(folder, "optim-torch.json"))
	require.NoError(t, err)
	var torch struct {
		Cases map[string]struct {
			Kind             string
			LR               float64
			L2, WD, Momentum float32
			Nesterov         bool
			Schedule         string
		}
		Schedules map[string]torchSchedule
	}
	require.NoError(t, json.Unmarshal(text, &torch))
	require.NotEmpty(t, torch.Cases)
	a := openArrays(t, filepath.Join(folder, "optim-torch.npz"))
	w0, grads := a.floats("w0"), a.floats("grads")
	snapshots := read[int64](a, "snap")
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for key, c := range torch.Cases {
			t.Run(key, func(t *testing.T) {
				optimizer, err := algo.ParseOptimizer(c.Kind)
				require.NoError(t, err)
				kind := algo.Config{Optimizer: optimizer, Momentum: c.Momentum}.Kind()
				args := gpu.OptimizeArgs{Kind: kind, LR: float32(c.LR), L2: c.L2, Decay: c.WD, Momentum: c.Momentum, Nesterov: c.Nesterov}
				if c.Schedule == "" {
					runOptimizer(t, dev, args, nil, w0, grads, snapshots, a.floats(key))
					return
				}
				lr, factors := read[float64](a, "lr_"+key), make([]float32, len(snapshots))
				for unit, perEpoch := range map[string]int{"": 1, ":steps": 3} {
					rates := torch.Schedules[c.Schedule].rates(t, unit)
					require.NoError(t, rates.Check(c.LR, perEpoch, len(lr)))
					for i := range factors {
						factor := rates.Factor(i, c.LR, perEpoch, len(lr))
						require.InEpsilon(t, lr[i], c.LR*factor, 1e-12, "step %d", i)
						factors[i] = float32(factor)
					}
				}
				runOptimizer(t, dev, args, factors, w0, grads, snapshots, a.floats(key))
			})
		}
	})
	a.requireAllRead()
}

// runOptimizer takes steps as args say, which has no spans yet, and compares the weights after each of the snapshots. The
// factors of the rate may be nil.
func runOptimizer(t *testing.T, dev gpu.Device, args gpu.OptimizeArgs, factors, w0, grads []float32, snapshots []int64, want []float32) {
	n, kind := len(w0), args.Kind
	buffer := func(values []float32) gpu.Buffer {
		b, err := gpu.NewBuffer(dev, values)
		require.NoError(t, err)
		return b
	}
	initial := make([]float32, n)
	for i := range initial {
		initial[i] = kind.InitialState()
	}
	w, g := buffer(w0), buffer(initial)
	step, err := gpu.NewBuffer(dev, []int32{0})
	require.NoError(t, err)
	args.W, args.G = gpu.All(w), gpu.All(g)
	if kind.States() > 0 {
		args.S1 = gpu.All(buffer(initial))
	}
	if kind.States() > 1 {
		args.S2, args.Step = gpu.All(buffer(initial)), gpu.All(step)
	}
	if factors != nil {
		args.Factors, args.Batch = gpu.All(buffer(factors)), gpu.All(step)
	}
	done := 0
	for i, snapshot := range snapshots {
		for ; done < int(snapshot); done++ {
			require.NoError(t, gpu.Upload(dev, g, 0, grads[done*n:(done+1)*n]))
			require.NoError(t, gpu.Upload(dev, step, 0, []int32{int32(done + 1)}))
			require.NoError(t, dev.Optimize(args))
		}
		got, err := gpu.Read[float32](dev, gpu.All(w))
		require.NoError(t, err)
		requireClose(t, want[i*n:(i+1)*n], got, "after %d steps", snapshot)
	}
}
