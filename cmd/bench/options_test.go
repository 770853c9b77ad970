package bench

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

func openCPU(t *testing.T) gpu.Device {
	t.Helper()
	dev := cpu.Open()
	t.Cleanup(func() { require.NoError(t, dev.Close()) })
	return dev
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"-images x":                      "-images goes with -data_path: add it, or leave -images out.",
		"-size 64":                       "-size goes with -data_path: add it, or leave -size out.",
		"-data_path -size 0":             "-size 0: expected 1 to 4096 pixels.",
		"-data_path -batch_sizes 1,2":    "-data_path reads batches of one size: name one in -batch_sizes.",
		"-data_path -tf32":               "-tf32 does not go with -data_path, which uses no device: leave one of them out.",
		"-time 0s":                       "-time 0s: expected a time of more than 0, such as 500ms or 2s.",
		"-batch_sizes 64,0":              `-batch_sizes 64,0: "0": expected whole numbers from 1 on.`,
		"-datasets mnist,svhn":           `-datasets mnist,svhn: "svhn" is none of mnist, cifar, imagenet.`,
		"-nets rnn":                      `-nets rnn: "rnn" is none of fc, conv.`,
		"-predict h100,h1":               `-predict h100,h1: "h1" is none of h100, a100, l4, t4.`,
		"-predict h100 -compare old":     "-compare does not go with -predict, which times nothing: leave one of them out.",
		"-data_path here":                `unexpected argument "here": bench takes flags only, such as -device cpu.`,
		"-images x -data_paths":          "there is no flag -data_paths; did you mean -data_path?",
		"-predict h100 -device cpu gone": `unexpected argument "gone": bench takes flags only, such as -device cpu.`,
	} {
		_, err := parse(strings.Fields(args))
		assert.EqualError(t, err, want, args)
	}
}

func TestFlagsAreReadAsTheyAreTyped(t *testing.T) {
	o, err := parse(strings.Fields("-data_path -images x -time 3s"))
	require.NoError(t, err)
	assert.Equal(t, options{device: "auto", images: "x", size: 224, duration: 3 * time.Second, dataPath: true}, o)
	o, err = parse(strings.Fields("-quick -datasets imagenet,mnist -nets conv -models mdfa,bp,bp -batch_sizes 64,256 -predict T4"))
	require.NoError(t, err)
	assert.Equal(t, options{
		device: "auto", size: 224, duration: quickTime, quick: true, datasets: []dataset{datasets[2], mnist}, nets: []string{"conv"},
		rules: []*algo.Rule{algo.MDFA, algo.BP}, batches: []int{64, 256}, predict: cards[3:],
	}, o)
}

func TestDeviceThatCannotDoItIsOneSentence(t *testing.T) {
	for args, want := range map[string]string{
		"-device cpu -predict h100":      "-predict counts kernels, and cpu has none: add -device emu (make cuda builds a program with it)",
		"-device cpu -tf32":              "-tf32 goes with -device cuda and emu only, and the device is cpu",
		"-device gpu":                    `-device "gpu": unknown; there are `,
		"-device cpu -compare /nowhere/": "-compare: ",
	} {
		o, err := parse(strings.Fields(args))
		require.NoError(t, err, args)
		var out bytes.Buffer
		assert.ErrorContains(t, run(t.Context(), o, &out, io.Discard), want)
		assert.Empty(t, out.String(), "nothing is measured first")
	}
}
