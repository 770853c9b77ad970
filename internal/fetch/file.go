package fetch

import (
	"context"
	"crypto/md5" // publishers of data sets give no other sums
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"time"

	"mdfa/internal/disk"
)

// File is a published file.
type File struct {
	Name string // under which it is kept, e.g. "cifar-10-binary.tar.gz"
	URL  string
	Size int64  // in bytes
	MD5  string // in hex digits of lower case
}

// Progress is the progress of a download.
type Progress struct {
	Name        string // of the file, or of another long step
	From        string // the address; empty for a step that fetches nothing
	Unit        string // such as "images"; empty for bytes
	Done, Total int64
	Kept        int64 // the part of Done that an earlier download had brought
	Waiting     bool  // another process is fetching the file
	Finished    bool  // the last report of this file: it is complete and checked
}

// Fetcher fetches files. The zero value is ready; it reaches the network through
// the proxy that the environment names (http_proxy, https_proxy, no_proxy).
type Fetcher struct {
	Transport http.RoundTripper // nil for the package's own
	Report    func(Progress)    // called often, from the goroutine of Get; may be nil
	Pause     time.Duration     // before the second try, doubled for each further one; 0 is a second
	Patience  time.Duration     // after which a server that sends nothing is given up; 0 is a minute
}

func (f *Fetcher) report(p Progress) {
	if f.Report != nil {
		f.Report(p)
	}
}

// Is reports whether the file at path is, byte for byte, the published one. An unreadable file is not.
func (file File) Is(ctx context.Context, path string) bool {
	if info, err := os.Stat(path); err != nil || info.Size() != file.Size {
		return false
	}
	size, sum, err := measure(ctx, path)
	return err == nil && file.check(size, sum) == nil
}

func measure(ctx context.Context, path string) (size int64, sum []byte, err error) {
	in, _, err := disk.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer in.Close()
	hash := md5.New()
	size, err = disk.Copy(ctx, hash, in)
	return size, hash.Sum(nil), err
}

// check compares size and MD5 with the published ones.
func (file File) check(size int64, sum []byte) error {
	if size != file.Size {
		return fmt.Errorf("%s, %s were expected", bytesText(size), bytesText(file.Size))
	}
	if got := hex.EncodeToString(sum); got != file.MD5 {
		return fmt.Errorf("its MD5 is %s, %s was expected", got, file.MD5)
	}
	return nil
}
