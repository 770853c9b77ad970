// Command bench times training steps on made-up data, beside the time that their
// matrix products take alone on the same device.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"mdfa/algo"
	"mdfa/gpu/cpu"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	nets := flag.String("nets", strings.Join(netNames(), ","), "the networks to time")
	rules := flag.String("models", strings.Join(algo.Rules(), ","), "the learning rules to time")
	batch := flag.Int("batch_size", 64, "examples in a step")
	duration := flag.Duration("time", 2*time.Second, "how long to time each cell")
	peers := flag.String("peers", "", "a Python with torch, to time PyTorch's BP step on the same networks")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}

	dev := cpu.Open()
	defer func() { err = errors.Join(err, dev.Close()) }()
	fmt.Printf("device   %s · %s · %s/%s\n", dev.Info(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Printf("batch    %d, made-up data, rmsprop; step: median and 95th percentile of at least %v\n\n", *batch, *duration)
	peerSpeed := map[string]float64{}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "net\tmodel\timages/s\tstep\tp95\tproducts alone\tstep/products\tGFLOPS\t vs PyTorch bp\t")
	for _, name := range strings.Split(*nets, ",") {
		for _, ruleName := range strings.Split(*rules, ",") {
			rule, err := algo.ParseRule(ruleName)
			if err != nil {
				return err
			}
			c, err := newCell(dev, name, rule, *batch)
			if err != nil {
				return err
			}
			t, err := c.measure(*duration)
			if err != nil {
				return err
			}
			if err := c.free(); err != nil {
				return err
			}
			versus := ""
			if *peers != "" {
				if peerSpeed[name] == 0 {
					if peerSpeed[name], err = torchSpeed(*peers, name, *batch, *duration); err != nil {
						return err
					}
				}
				versus = fmt.Sprintf("%.2fx of %.0f", float64(*batch)/t.step/peerSpeed[name], peerSpeed[name])
			}
			fmt.Fprintf(table, "%s\t%s\t%.0f\t%s\t%s\t%s\t%.2f\t%.1f\t%s\t\n", name, rule,
				float64(*batch)/t.step, micro(t.step), micro(t.p95), micro(t.products), t.step/t.products,
				c.flops/t.step/1e9, versus)
		}
	}
	return table.Flush()
}

func micro(seconds float64) string { return fmt.Sprintf("%.0f µs", seconds*1e6) }
