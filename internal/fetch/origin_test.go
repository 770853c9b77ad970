package fetch

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// etag is the entity tag of the published file.
const etag = `"v1"`

// published is made-up content that no two places of it share.
func published(n int) []byte {
	content := make([]byte, n)
	for i := range content {
		content[i] = byte(i ^ i>>8*37)
	}
	return content
}

// origin is a publisher's server.
type origin struct {
	*httptest.Server
	content []byte

	// answer, when it is set, may answer the n-th request, from 0, itself.
	answer func(n int, w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []http.Header
}

func newOrigin(t *testing.T, content []byte) *origin {
	o := &origin{content: content}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	n := len(o.requests)
	o.requests = append(o.requests, r.Header.Clone())
	answer := o.answer
	o.mu.Unlock()
	if answer != nil && answer(n, w, r) {
		return
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Type", "application/gzip")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(o.content))
}

// answerWith sets answer, where the requests come from other processes.
func (o *origin) answerWith(answer func(n int, w http.ResponseWriter, r *http.Request) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

// asked lists the Range headers of the requests so far.
func (o *origin) asked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	ranges := make([]string, len(o.requests))
	for i, header := range o.requests {
		ranges[i] = header.Get("Range")
	}
	return ranges
}

// file describes a published file.
func (o *origin) file() File { return describe(o.URL+"/data.tar.gz", o.content) }

func describe(url string, content []byte) File {
	sum := md5.Sum(content)
	return File{Name: "data.tar.gz", URL: url, Size: int64(len(content)), MD5: hex.EncodeToString(sum[:])}
}

// quick is a fetcher that does not wait long.
func quick() *Fetcher { return &Fetcher{Pause: time.Millisecond} }

// begin sends the header of a whole answer, or of the part from a byte on, and the
// next n bytes.
func (o *origin) begin(w http.ResponseWriter, from, n int) {
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Length", fmt.Sprint(len(o.content)-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(o.content)-1, len(o.content)))
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(o.content[from : from+n])
	w.(http.Flusher).Flush()
}

// hangUp breaks the connection off.
func hangUp() { panic(http.ErrAbortHandler) }

// left lists a folder's files.
func left(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// requireWhole checks that the folder holds the file and nothing else.
func requireWhole(t *testing.T, dir string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, "data.tar.gz"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got), "other content")
	require.Equal(t, []string{"data.tar.gz"}, left(t, dir))
}

// keepPart leaves what an earlier download would have.
func keepPart(t *testing.T, dir string, part []byte, tag string) {
	t.Helper()
	path := filepath.Join(dir, "data.tar.gz.partial")
	require.NoError(t, os.WriteFile(path, part, 0o666))
	if tag != "" {
		require.NoError(t, os.WriteFile(path+".tag", []byte(tag), 0o666))
	}
}

// roundTrip is a network of one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// helperSize is the size of the file that a helper process fetches.
const helperSize = 500_000

// testPatience is how long a test waits for another process.
const testPatience = 10 * time.Second

// helperEnv makes the test binary a process that fetches.
const helperEnv = "FETCH_TEST_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(helperEnv); url != "" {
		file := describe(url, published(helperSize))
		if _, err := new(Fetcher).Get(context.Background(), os.Args[1], file); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
