// Package bench is mdfa's command bench, which times training steps on made-up data, and for comparison their matrix
// products alone on the same device. With -predict it computes lower bounds for the time of a
// step on other GPUs, and with -data_path it times the path of images to a
// device instead: decoding, preparing, reading ahead.
package bench

import (
	"context"
	"io"
	"os"

	"mdfa/cmd/internal/cli"
)

// Command is bench. Ctrl-C ends it between two bursts of steps; temporary files are removed.
var Command = cli.Command{
	Name:  "bench",
	Flags: func() *cli.Flags { return newFlags(&options{}) },
	Do: func(ctx context.Context, call cli.Call, stdout *os.File) error {
		o, err := parse(call.Args)
		if err != nil {
			return err
		}
		return run(ctx, o, stdout, os.Stderr)
	},
}

// run times what the options select. Lines about the current work go to progress.
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
