package fetch

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mdfa/internal/fault"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGetSaysWhyTheFileCannotBeHad(t *testing.T) {
	content := published(1000)
	page := "<!DOCTYPE html><title>Please log in</title>" + strings.Repeat(" ", 1000)
	send := func(kind, text string) func(*origin, http.ResponseWriter) {
		return func(_ *origin, w http.ResponseWriter) {
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			_, _ = w.Write([]byte(text))
		}
	}
	for _, c := range []struct {
		name   string
		answer func(o *origin, w http.ResponseWriter)
		kind   error
		text   string // HOST stands for the server's
		tries  int
	}{
		{"not found", func(_ *origin, w http.ResponseWriter) { w.WriteHeader(404) }, ErrStatus, "HOST answered 404 Not Found", 1},
		{"forbidden", func(_ *origin, w http.ResponseWriter) { w.WriteHeader(403) }, ErrStatus, "HOST answered 403 Forbidden", 1},
		{"a status of its own", func(_ *origin, w http.ResponseWriter) { w.WriteHeader(499) }, ErrStatus, "HOST answered 499", 1},
		{"busy for good", func(_ *origin, w http.ResponseWriter) { w.WriteHeader(503) }, ErrStatus, "HOST answered 503 Service Unavailable", tries},
		{"a web page", send("text/html; charset=utf-8", page), ErrWebPage,
			"HOST answered with a web page in place of the file, as networks do that want a login first", 1},
		{"a web page under another name", send("application/octet-stream", page[:1000]), ErrWebPage,
			"HOST answered with a web page in place of the file, as networks do that want a login first", 1},
		{"another size", send("", "short"), ErrContent,
			"the server offers a file of 5 bytes, 1,000 bytes were expected", 1},
		{"another content", send("", strings.Repeat("x", 1000)), ErrContent,
			"what arrived is not the published file: its MD5 is 398533d48111e9f664b1f64cb10c4b63, MD5 was expected", 1},
		{"too much", func(o *origin, w http.ResponseWriter) {
			w.(http.Flusher).Flush() // the header goes without a length
			_, _ = w.Write(append(content, 1))
		}, ErrContent, "the server sends more than the 1,000 bytes that were expected", 1},
		{"always cut off", func(o *origin, w http.ResponseWriter) {
			o.begin(w, 0, 400)
			hangUp()
		}, ErrBroken, "the connection was closed too early, 4 times; 400 B of 1.0 kB are kept, and the next try goes on from there", tries},
		{"always cut off without notice", func(o *origin, w http.ResponseWriter) {
			w.(http.Flusher).Flush()
			_, _ = w.Write(content[:400])
		}, ErrBroken, "the connection was closed too early, 4 times; 400 B of 1.0 kB are kept, and the next try goes on from there", tries},
		{"silence", func(_ *origin, w http.ResponseWriter) {
			w.(http.Flusher).Flush()
			time.Sleep(300 * time.Millisecond)
		}, ErrBroken, "the server has stopped sending, 4 times; 0 B of 1.0 kB are kept, and the next try goes on from there", tries},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOrigin(t, content)
			o.answer = func(_ int, w http.ResponseWriter, _ *http.Request) bool { c.answer(o, w); return true }
			dir := t.TempDir()
			f := quick()
			if c.name == "silence" {
				f.Patience = 100 * time.Millisecond
			}
			_, err := f.Get(t.Context(), dir, o.file())
			require.ErrorIs(t, err, c.kind)
			host := strings.TrimPrefix(o.URL, "http://")
			assert.EqualError(t, err, strings.NewReplacer("HOST", host, "MD5 was", o.file().MD5+" was").Replace(c.text))
			assert.Len(t, o.asked(), c.tries)
			assert.NotContains(t, left(t, dir), "data.tar.gz")
			assert.Equal(t, strings.Contains(c.text, "400 B"), len(left(t, dir)) > 0, "a part is kept where the text says so: %v", left(t, dir))
		})
	}
}

// What is here is worth more than the answer of a network that wants a login.
func TestGetKeepsThePartFromAWebPage(t *testing.T) {
	content := published(1000)
	o := newOrigin(t, content)
	o.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 0 {
			_, _ = w.Write([]byte("<html>Please log in</html>"))
		}
		return n == 0
	}
	dir := t.TempDir()
	keepPart(t, dir, content[:600], etag)
	_, err := quick().Get(t.Context(), dir, o.file())
	require.ErrorIs(t, err, ErrWebPage)
	_, err = quick().Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	assert.Equal(t, []string{"bytes=600-", "bytes=600-"}, o.asked())
}

func TestGetTellsAtOnceThatThereIsNoNetwork(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		text string
	}{
		{"no route", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}, "no route to host"},
		{"nobody listens", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "connection refused"},
		{"no name server", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "example.org"}},
			"the name example.org cannot be resolved: no such host"},
		{"no proxy", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
			"the proxy cannot be reached: connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			f := &Fetcher{Pause: time.Hour, Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				asked++
				return nil, c.err
			})}
			dir := t.TempDir()
			_, err := f.Get(t.Context(), dir, describe("http://example.org/data.tar.gz", published(10)))
			require.ErrorIs(t, err, ErrUnreachable)
			assert.EqualError(t, err, c.text)
			assert.Equal(t, 1, asked)
			assert.Empty(t, left(t, dir))
		})
	}
}

// A network that goes away midway may come back.
func TestGetTriesAgainWhenTheNetworkGoesAwayMidway(t *testing.T) {
	content := published(100_000)
	o := newOrigin(t, content)
	o.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 0 {
			o.begin(w, 0, 70_000)
			hangUp()
		}
		return false
	}
	asked := 0
	f := quick()
	f.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if asked++; asked == 2 {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	dir := t.TempDir()
	_, err := f.Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	requireWhole(t, dir, content)
	assert.Equal(t, 3, asked)
}

func TestGetSaysThatACertificateIsNotTrusted(t *testing.T) {
	asked := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake that fails
	server.StartTLS()
	defer server.Close()
	_, err := (&Fetcher{Pause: time.Hour}).Get(t.Context(), t.TempDir(), describe(server.URL, published(10)))
	require.ErrorIs(t, err, ErrUnreachable)
	assert.Contains(t, err.Error(), "the server's certificate is not to be trusted: x509: ")
	assert.Zero(t, asked)
}

func TestGetSaysThatTheFolderCannotBeWritten(t *testing.T) {
	o := newOrigin(t, published(10))
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	_, err := quick().Get(t.Context(), filepath.Join(file, "sub"), o.file())
	require.ErrorIs(t, err, ErrStorage)
	require.ErrorIs(t, err, syscall.ENOTDIR)
	assert.EqualError(t, err, file+" cannot be written: not a directory")

	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "data.tar.gz.partial"), 0o777))
	_, err = quick().Get(t.Context(), dir, o.file())
	require.ErrorIs(t, err, ErrStorage)
	assert.EqualError(t, err, filepath.Join(dir, "data.tar.gz.partial")+" cannot be written: is a directory")
	assert.Empty(t, o.asked())
}

func TestErrorGivesItsKindAndItsCause(t *testing.T) {
	cause := errors.New("cause")
	var err error = fault.New(ErrBroken, cause, "why")
	assert.ErrorIs(t, err, ErrBroken)
	assert.ErrorIs(t, err, cause)
	assert.NotErrorIs(t, fault.New(ErrStatus, nil, ""), ErrBroken)
}
