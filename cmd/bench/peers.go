package bench

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"mdfa/algo"
)

//go:embed torch_peer.py
var torchPeer string

// biotorchModes has BioTorch's name for each rule that it trains as we do.
var biotorchModes = map[*algo.Rule]string{
	algo.BP: "backpropagation", algo.FA: "fa", algo.DFA: "dfa", algo.USF: "usf", algo.FRSF: "frsf", algo.BRSF: "brsf",
}

// biotorchMode returns BioTorch's name for the workload's rule, or "" if it does not train the same. Its dfa of
// convolutions is another rule: it sends the same error to every position of a filter.
func (w workload) biotorchMode() string {
	if !w.torchKnows() || w.rule == algo.DFA && w.net == "conv" {
		return ""
	}
	return biotorchModes[w.rule]
}

// torchKnows reports whether torch_peer.py can build the network.
func (w workload) torchKnows() bool { return w.data.name != "imagenet" }

// peer is a running torch_peer.py, which trains a network when it is asked to.
type peer struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	failed bytes.Buffer // its standard error
}

// startPeer starts PyTorch with as many threads as this program has. mode is BioTorch's, or "" for PyTorch's own BP.
func startPeer(ctx context.Context, python string, w workload, mode string) (*peer, error) {
	p := &peer{cmd: exec.CommandContext(ctx, python, "-c", torchPeer, w.network(), strconv.Itoa(w.batch), mode)}
	p.cmd.Env = append(os.Environ(), fmt.Sprint("OMP_NUM_THREADS=", runtime.GOMAXPROCS(0)))
	p.cmd.Stderr = &p.failed
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewScanner(out)
	return p, p.cmd.Start()
}

// window has the peer train for some time and returns the seconds of its median step.
func (p *peer) window(total time.Duration) (float64, error) {
	if _, err := fmt.Fprintln(p.in, total.Seconds()); err == nil && p.out.Scan() {
		return strconv.ParseFloat(p.out.Text(), 64)
	}
	_ = p.cmd.Wait() // whatever it was, standard error says more
	lines := strings.Split(strings.TrimSpace(p.failed.String()), "\n")
	return 0, fmt.Errorf("timing PyTorch with %s: %s", p.cmd.Path, lines[len(lines)-1])
}

// close ends the peer.
func (p *peer) close() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}
