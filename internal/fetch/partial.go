package fetch

import (
	"context"
	"crypto/md5"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"mdfa/internal/disk"
)

// partial is the part of a file that has arrived, under a temporary name.
type partial struct {
	path string
	file *os.File
	size int64
	sum  hash.Hash // of the size bytes
}

// openPartial opens the part that an earlier download has left, or a new one.
func openPartial(ctx context.Context, path string) (*partial, error) {
	file, _, err := disk.OpenPart(path)
	if err != nil {
		return nil, storageError(err)
	}
	p := &partial{path: path, file: file, sum: md5.New()}
	if p.size, err = disk.Copy(ctx, p.sum, file); err != nil {
		file.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading %s: %w", path, ctx.Err())
		}
		return nil, storageError(err)
	}
	return p, nil
}

// Write appends bytes to the part.
func (p *partial) Write(data []byte) (int, error) {
	n, err := p.file.Write(data)
	p.sum.Write(data[:n])
	p.size += int64(n)
	if err != nil {
		return n, storageError(err)
	}
	return n, nil
}

// restart empties the part.
func (p *partial) restart() error {
	err := disk.Remove(p.tag())
	if err == nil && p.size > 0 {
		err = p.file.Truncate(0)
	}
	if err == nil {
		_, err = p.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return storageError(err)
	}
	p.size = 0
	p.sum.Reset()
	return nil
}

// tag returns the path of the file that holds the validator.
func (p *partial) tag() string { return p.path + ".tag" }

// validator returns the server's mark of the version that the part belongs to, or "".
func (p *partial) validator() string {
	const longest = 4096 // more is no tag
	text, err := disk.ReadFile(context.Background(), p.tag(), longest)
	if err != nil || strings.ContainsFunc(string(text), func(r rune) bool { return r < ' ' || r > '~' }) {
		return "" // the checksum of the whole guards the part as well
	}
	return string(text)
}

// remember keeps the validator for a later download.
func (p *partial) remember(validator string) error {
	if validator == "" {
		return nil
	}
	if err := disk.WriteFile(p.tag(), []byte(validator)); err != nil {
		return storageError(err)
	}
	return nil
}

// finish gives the complete file its name.
func (p *partial) finish(path string) error {
	if err := disk.Commit(p.file, path); err != nil {
		return storageError(err)
	}
	_ = os.Remove(p.tag())
	return nil
}

// remove deletes the part and its tag.
func (p *partial) remove() {
	p.close()
	os.Remove(p.path)
	os.Remove(p.tag())
}

// close may be called again, and after finish. It deletes an empty part.
func (p *partial) close() {
	p.file.Close()
	if p.size == 0 {
		os.Remove(p.path)
		os.Remove(p.tag())
	}
}
