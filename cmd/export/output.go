package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/onnx"
	"mdfa/internal/safetensors"
)

// save writes the file, complete or not at all.
func (t *trained) save(ctx context.Context, opt options) error {
	if err := t.checkPlace(opt); err != nil {
		return err
	}
	err := disk.Save(opt.output, func(out io.Writer) error { return t.encode(disk.Writer(ctx, out), opt.format) }, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, onnx.ErrTooLarge) {
		return fmt.Errorf("%w, and this network has %d weights: take -format safetensors", onnx.ErrTooLarge, t.Network.Weights())
	}
	if err != nil {
		return cannotWrite(opt.output, err)
	}
	return nil
}

// checkPlace refuses to overwrite a file without -force.
func (t *trained) checkPlace(opt options) error {
	there, err := os.Stat(opt.output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return cannotWrite(opt.output, err)
	}
	from, err := os.Stat(t.Path)
	switch {
	case there.IsDir():
		return cli.Usagef("-o %s is a folder: expected the name of a file.", opt.output)
	case err == nil && os.SameFile(there, from):
		return cli.Usagef("-o %s is the checkpoint itself: name another file.", opt.output)
	case !opt.force:
		return cli.Usagef("%s is there already: name another file with -o, or add -force to replace it.", opt.output)
	case !there.Mode().IsRegular():
		return cli.Usagef("-o %s is no regular file: name another one.", opt.output)
	}
	return nil
}

func (t *trained) encode(w io.Writer, format string) error {
	if format == formatONNX {
		m, err := t.onnxModel()
		if err != nil {
			return err
		}
		return m.Write(w)
	}
	properties, err := t.properties()
	if err != nil {
		return err
	}
	metadata := map[string]string{}
	for _, p := range properties {
		metadata[p.Key] = p.Value
	}
	if t.Network.Normalization != nil { // the graph of an ONNX file does it itself
		metadata["input"] += ", less the mean and divided by the deviation of its channel, as network's normalization says; a deviation of 0 counts as 1"
	}
	var tensors []safetensors.Tensor
	for _, tensor := range t.Network.Split(t.params) {
		tensors = append(tensors, safetensors.Tensor(tensor))
	}
	return safetensors.Write(w, tensors, metadata)
}

// cannotWrite returns one sentence with the reason why a file cannot be written, and the remedy.
func cannotWrite(path string, err error) error {
	const another = "name another file with -o"
	otherwise := another
	if errors.Is(err, fs.ErrNotExist) {
		otherwise = "make the folder " + filepath.Dir(path) + ", or " + another
	}
	return fault.New(nil, err, "%s", disk.WriteFault(path+" cannot be written", err, ", or "+another, otherwise))
}
