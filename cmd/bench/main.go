// Command bench times training steps on made-up data, beside the time that their
// matrix products take alone on the same device. With -predict it bounds the time of a
// step on GPUs that are not here, and with -data_path it times what brings images to a
// device instead: decoding, preparing, reading ahead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"mdfa/cmd/internal/device"
	"mdfa/cmd/internal/wording"
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
	// Ctrl-C ends a run between two cells; what was written to the disk is removed.
	// A second one ends it at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err = run(ctx, o, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", wording.Sentence(err))
		if errors.Is(err, device.ErrUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// run does what the flags say. progress is told what is being worked on.
func run(ctx context.Context, o options, out, progress io.Writer) error {
	if !o.dataPath {
		return runSuite(ctx, o, out, progress)
	}
	d := &dataPath{
		images: o.images, size: o.size, batch: usualBatch, total: o.duration,
		made: photoCount, bytes: preparedBytes, digits: mnistImages,
	}
	if len(o.batches) > 0 {
		d.batch = o.batches[0]
	}
	return d.run(ctx, out)
}
