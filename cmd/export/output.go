package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/disk"
	"mdfa/internal/onnx"
	"mdfa/internal/safetensors"
)

// save writes the file, complete or not at all.
func (t *trained) save(opt options) error {
	if err := t.checkPlace(opt); err != nil {
		return err
	}
	file, err := renameio.NewPendingFile(opt.output, renameio.WithTempDir(filepath.Dir(opt.output)), renameio.WithPermissions(0o666))
	if err != nil {
		return cannotWrite(opt.output, err)
	}
	defer func() { _ = file.Cleanup() }() // nothing is left of a file that was not finished
	out := bufio.NewWriter(file)
	err = t.encode(out, opt.format)
	if errors.Is(err, onnx.ErrTooLarge) {
		return fmt.Errorf("%w, and this network has %d weights: take -format safetensors", onnx.ErrTooLarge, t.Network.Weights())
	}
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = file.CloseAtomicallyReplace()
	}
	if err != nil {
		return cannotWrite(opt.output, err)
	}
	return nil
}

// checkPlace refuses what would be overwritten without a word.
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
	var tensors []safetensors.Tensor
	for _, tensor := range t.Network.Split(t.params) {
		tensors = append(tensors, safetensors.Tensor(tensor))
	}
	return safetensors.Write(w, tensors, metadata)
}

// cannotWrite says why a file cannot be written and what to do, in one sentence.
func cannotWrite(path string, err error) error {
	remedy := "name another file with -o"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "the disk is full: free some space, or " + remedy
	case errors.Is(err, syscall.EFBIG):
		remedy = "files may not grow that large here: raise the limit, or " + remedy
	case errors.Is(err, fs.ErrNotExist):
		remedy = "make the folder " + filepath.Dir(path) + ", or " + remedy
	case errors.Is(err, syscall.ENOTDIR):
		remedy = "a file is where a folder should be: " + remedy
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		remedy = "writing is not permitted there: " + remedy
	}
	return fmt.Errorf("%s cannot be written (%w): %s", path, disk.Reason(err), remedy)
}
