// Command bench times training steps on made-up data, beside the time that their
// matrix products take alone on the same device. With -predict it bounds the time of a
// step on GPUs that are not here, and with -data_path it times what brings images to a
// device instead: decoding, preparing, reading ahead.
package main

import (
	"context"
	"io"
	"os"

	"mdfa/cmd/internal/cli"
)

// Ctrl-C ends a run between two cells; what was written to the disk is removed.
func main() {
	cli.Main("bench", func(ctx context.Context, args []string, stdout *os.File) error {
		o, err := parse(args)
		if err != nil {
			return err
		}
		return run(ctx, o, stdout, os.Stderr)
	})
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
