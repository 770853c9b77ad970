package main

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
		"-images x":                      "-images goes with -data_path",
		"-size 64":                       "-size goes with -data_path",
		"-data_path -size 0":             "-size 0: expected 1 to 4096 pixels",
		"-data_path -batch_sizes 1,2":    "-data_path reads batches of one size: name one in -batch_sizes",
		"-data_path -tf32":               "-tf32 does not go with -data_path, which uses no device",
		"-time 0s":                       "-time 0s: expected more than 0s",
		"-batch_sizes 64,0":              `invalid value "64,0" for flag -batch_sizes: "0": expected whole numbers from 1 on`,
		"-datasets mnist,svhn":           `invalid value "mnist,svhn" for flag -datasets: "svhn" is none of mnist, cifar, imagenet`,
		"-nets rnn":                      `invalid value "rnn" for flag -nets: "rnn" is none of fc, conv`,
		"-predict h100,h1":               `invalid value "h100,h1" for flag -predict: "h1" is none of h100, a100, l4, t4`,
		"-predict h100 -compare old":     "-compare does not go with -predict, which times nothing",
		"-data_path here":                `unexpected argument "here"`,
		"-images x -data_paths":          "flag provided but not defined: -data_paths",
		"-predict h100 -device cpu gone": `unexpected argument "gone"`,
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
		rules: []algo.Rule{algo.MDFA, algo.BP}, batches: []int{64, 256}, predict: cards[3:],
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
