// Package imagenetprep is mdfa's command imagenet-prep, which turns ImageNet as it is downloaded, or any photographs in a
// folder for each class, into the prepared folder that `train -dataset imagenet` reads.
// `imagenet-prep -h` lists its flags; docs/imagenet.md describes the folder.
//
// Work that was interrupted, by Ctrl-C, a kill or a full disk, resumes when the
// same command is given again.
//
// Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 ended by Ctrl-C or another signal.
package imagenetprep

import (
	"cmp"
	"context"
	"errors"
	"os"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/shards"
	"mdfa/internal/shards/prepare"
)

// Command is imagenet-prep.
var Command = cli.Command{Name: "imagenet-prep", Flags: func() *cli.Flags { return newFlags(&options{}) }, Do: run}

// run is the whole program.
func run(ctx context.Context, call cli.Call, stdout *os.File) error {
	out := &output{file: stdout}
	err := dispatch(ctx, call.Args, out)
	return cmp.Or(err, cli.Printed(out.err))
}

func dispatch(ctx context.Context, args []string, out *output) error {
	opt, err := parse(args)
	if err != nil {
		return err
	}
	if opt.prepares() {
		if err := prepareFolder(ctx, opt, out); err != nil {
			return err
		}
	}
	if opt.verify {
		if err := verify(ctx, opt.out, out); err != nil {
			return err
		}
	}
	if opt.stats {
		return stats(opt.out, out)
	}
	return nil
}

// prepareFolder prepares the folder.
func prepareFolder(ctx context.Context, opt options, out *output) error {
	in, err := opt.inputs()
	if err != nil {
		return err
	}
	source, err := in.open(ctx)
	if err != nil {
		return err
	}
	for _, note := range source.Notes() {
		out.linef("%s", foreign.Line(note))
	}
	names := map[string]string{}
	if in.synsets != "" {
		if names, err = prepare.ReadSynsets(ctx, in.synsets); err != nil {
			return err
		}
	}
	bar := &bar{out: out, bytes: source.Describe().Kind == "tar"}
	m, fresh, err := prepare.Run(ctx, opt.out, source, prepare.Options{
		Size: opt.size, ShardBytes: opt.shardMB << 20, Workers: opt.workers, Strict: opt.strict, ClassNames: names,
		Progress: bar.report,
		Waiting:  func() { out.linef("waiting for another process that prepares %s", opt.out) },
	})
	bar.close()
	if errors.Is(err, context.Canceled) {
		return fault.New(cli.ErrInterrupted, nil, "interrupted: give the same command again to go on; what is complete is kept in %s.", opt.out)
	}
	if err != nil {
		return err
	}
	report(m, opt.out, fresh, out)
	return nil
}

func verify(ctx context.Context, dir string, out *output) error {
	set, err := shards.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer set.Close()
	bar := &bar{out: out, bytes: true}
	err = set.Verify(ctx, func(done, total int64) {
		bar.report(prepare.Progress{Split: "checked", Images: int(done) / set.Manifest.RecordBytes(), Done: done, Total: total})
	})
	bar.close()
	if errors.Is(err, context.Canceled) {
		return fault.New(cli.ErrInterrupted, nil, "interrupted.")
	}
	if err != nil {
		return err
	}
	out.linef("every checksum of %s is right", dir)
	return nil
}
