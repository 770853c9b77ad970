package prepare

import (
	"errors"
	"io/fs"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/shards"
)

// sourceFault says that a folder or archive cannot be read.
func sourceFault(path string, err error) error {
	if fault.Stopped(err) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(shards.ErrAbsent, err, "there is no %s: name the folder or archive that holds the images.", path)
	}
	return fault.New(nil, err, "%s cannot be read (%v): check the disk and its permissions.", path, disk.Reason(err))
}

// loadFault turns an error of reading a photo that ends the work into a sentence, unless it is one already.
func loadFault(name string, err error) error {
	if _, told := err.(*fault.Error); told {
		return err
	}
	return sourceFault(name, err)
}
