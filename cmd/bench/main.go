// Command bench times training steps on made-up data, beside the time that their
// matrix products take alone on the same device. With -data_path it times what brings
// images to a device instead: decoding, preparing, reading ahead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"text/tabwriter"

	"mdfa/algo"
	"mdfa/gpu/cpu"
)

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v (bench -h lists the flags)\n", err)
		os.Exit(2)
	}
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options, out io.Writer) error {
	if !o.dataPath {
		return timeSteps(o, out)
	}
	// What was written to the disk is removed after Ctrl-C, too.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &dataPath{
		images: o.images, size: o.size, batch: o.batch, total: o.duration,
		made: photoCount, bytes: preparedBytes, digits: mnistImages,
	}
	return d.run(ctx, out)
}

// timeSteps prints a line for each network and rule.
func timeSteps(o options, out io.Writer) (err error) {
	dev := cpu.Open()
	defer func() { err = errors.Join(err, dev.Close()) }()
	fmt.Fprintf(out, "device   %s · %s · %s/%s\n", dev.Info(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(out, "batch    %d, made-up data, rmsprop; step: median and 95th percentile of at least %v\n\n", o.batch, o.duration)
	peerSpeed := map[string]float64{}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "net\tmodel\timages/s\tstep\tp95\tproducts alone\tstep/products\tGFLOPS\t vs PyTorch bp\t")
	for _, name := range strings.Split(o.nets, ",") {
		for _, ruleName := range strings.Split(o.rules, ",") {
			rule, err := algo.ParseRule(ruleName)
			if err != nil {
				return err
			}
			c, err := newCell(dev, name, rule, o.batch)
			if err != nil {
				return err
			}
			t, err := c.measure(o.duration)
			if err != nil {
				return err
			}
			if err := c.free(); err != nil {
				return err
			}
			versus := ""
			if o.peers != "" {
				if peerSpeed[name] == 0 {
					if peerSpeed[name], err = torchSpeed(o.peers, name, o.batch, o.duration); err != nil {
						return err
					}
				}
				versus = fmt.Sprintf("%.2fx of %.0f", float64(o.batch)/t.step/peerSpeed[name], peerSpeed[name])
			}
			fmt.Fprintf(table, "%s\t%s\t%.0f\t%s\t%s\t%s\t%.2f\t%.1f\t%s\t\n", name, rule,
				float64(o.batch)/t.step, micro(t.step), micro(t.p95), micro(t.products), t.step/t.products,
				c.flops/t.step/1e9, versus)
		}
	}
	return table.Flush()
}

func micro(seconds float64) string { return fmt.Sprintf("%.0f µs", seconds*1e6) }
