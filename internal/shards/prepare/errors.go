package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"mdfa/internal/disk"
	"mdfa/internal/shards"
)

func faultf(kind error, format string, args ...any) *shards.Error {
	return &shards.Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// sourceFault says that a folder or archive cannot be read.
func sourceFault(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &shards.Error{Kind: shards.ErrAbsent, Cause: err, Text: fmt.Sprintf("there is no %s: name the folder or archive that holds the images.", path)}
	}
	return &shards.Error{Cause: err, Text: fmt.Sprintf("%s cannot be read (%v): check the disk and its permissions.", path, disk.Reason(err))}
}

// loadFault is the error of reading one photo, when it is more than that photo's own.
func loadFault(name string, err error) error {
	var known *shards.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return sourceFault(name, err)
}
