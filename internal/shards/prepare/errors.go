package prepare

import (
	"context"
	"errors"
	"io/fs"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/shards"
)

// sourceFault says that a folder or archive cannot be read.
func sourceFault(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(shards.ErrAbsent, err, "there is no %s: name the folder or archive that holds the images.", path)
	}
	return fault.New(nil, err, "%s cannot be read (%v): check the disk and its permissions.", path, disk.Reason(err))
}

// loadFault is the error of reading one photo, when it is more than that photo's own.
func loadFault(name string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return sourceFault(name, err)
}
