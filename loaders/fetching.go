package loaders

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/dustin/go-humanize"

	"mdfa/internal/fault"
	"mdfa/internal/fetch"
)

// fetchSet fetches the files of a data set from an address, which ends with a
// slash, into the first default place that can be written. It returns their
// paths, in order, and the folder as messages name it.
func fetchSet(ctx context.Context, name, address string, files []fetch.File, opt Options) (paths []string, place string, err error) {
	dirs := places(name)
	if len(dirs) == 0 {
		return nil, "", fault.New(ErrNotFound, nil, "%s. %s", notIn(name), byHand(name, address, files))
	}
	fetcher := fetch.Fetcher{Transport: opt.via, Report: opt.Progress}
	for i, dir := range dirs {
		paths, err = fetchInto(ctx, &fetcher, dir, address, files)
		switch {
		case err == nil:
			return paths, sourceOf(dir), nil
		case ctx.Err() != nil:
			return nil, "", fmt.Errorf("fetching %s: %w", name, ctx.Err())
		case i+1 < len(dirs) && readOnly(err):
			continue
		}
		return nil, "", fetchFault(err, name, dir, address, files)
	}
	return nil, "", nil // unreachable: the last place always returns
}

// readOnly reports whether a folder cannot be written, as a shared one may be.
func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// fetchInto fetches the files into one folder.
func fetchInto(ctx context.Context, fetcher *fetch.Fetcher, dir, address string, files []fetch.File) ([]string, error) {
	paths := make([]string, len(files))
	for i, file := range files {
		var err error
		file.URL = address + file.Name
		if paths[i], err = fetcher.Get(ctx, dir, file); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// fetchFault says why a data set could not be fetched and how to get it.
func fetchFault(err error, name, dir, address string, files []fetch.File) error {
	kind := ErrNotFound
	switch {
	case errors.Is(err, fetch.ErrStorage):
		return fault.New(nil, err,
			"%s could not be fetched into %s (%v): make room or give access there, or name another folder in %s.",
			name, homely(dir), err, dataEnv)
	case errors.Is(err, fetch.ErrContent):
		kind = ErrChecksum
	}
	return fault.New(kind, err,
		"%s, and fetching it failed (%v). %s", notIn(name), err, byHand(name, address, files))
}

// byHand explains how to get the files by hand.
func byHand(name, address string, files []fetch.File) string {
	lines := make([]string, len(files))
	for i, file := range files {
		lines[i] = fmt.Sprintf("%s (%s bytes, MD5 %s)", file.Name, humanize.Comma(file.Size), file.MD5)
	}
	there := putThere(name)
	if len(files) == 1 {
		there = strings.Replace(there, "their", "its", 1)
	}
	return fmt.Sprintf("Put %s, from %s, %s", strings.Join(lines, ", "), address, there)
}

// compareLater compares files with the published ones while others read them.
// The function that it returns waits for the outcome.
func compareLater(ctx context.Context, paths []string, files []fetch.File) func() bool {
	outcome := make(chan bool, 1)
	go func() {
		same := true
		for i, path := range paths {
			same = same && files[i].Is(ctx, path)
		}
		outcome <- same
	}()
	return func() bool { return <-outcome }
}
