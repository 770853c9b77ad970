package main

import (
	_ "embed"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

//go:embed torch_peer.py
var torchPeer string

// torchSpeed trains the same network by BP in PyTorch and returns images per second,
// the faster of eager and compiled.
func torchSpeed(python, net string, batch int, total time.Duration) (float64, error) {
	cmd := exec.Command(python, "-", net, strconv.Itoa(batch), fmt.Sprint(total.Seconds()))
	cmd.Stdin = strings.NewReader(torchPeer)
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("timing PyTorch with %s: %w", python, err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// torchKnows reports whether torch_peer.py can build the network.
func torchKnows(network string) bool { return !strings.HasPrefix(network, "imagenet") }
