package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mdfa/internal/fault"
)

const (
	chunk       = 1 << 16          // bytes from the network at a time
	sniffed     = 512              // bytes that http.DetectContentType looks at
	dialTimeout = 15 * time.Second // for the name, the connection and TLS, each
)

// ownTransport keeps no connections: a data set has few files.
var ownTransport = &http.Transport{
	Proxy:               http.ProxyFromEnvironment,
	DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
	TLSHandshakeTimeout: dialTimeout,
	ForceAttemptHTTP2:   true,
	DisableKeepAlives:   true,
}

// errStalled ends a transfer without data.
var errStalled = errors.New("the server has stopped sending")

// transfer asks once for the missing bytes and appends them to the part. It returns
// nil when all have arrived; a *transient is worth another try. kept
// is set to 0 if the server makes it start again.
func (f *Fetcher) transfer(ctx context.Context, part *partial, file File, kept *int64) error {
	again := func() error { *kept = 0; return part.restart() }
	if part.size > file.Size {
		if err := again(); err != nil {
			return err
		}
	}
	if part.size == file.Size {
		return nil
	}

	patience := f.Patience
	if patience == 0 {
		patience = time.Minute
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stalled := time.AfterFunc(patience, func() { stop(errStalled) })
	defer stalled.Stop()

	reply, err := f.ask(ctx, part, file)
	if err != nil {
		return brokenOff(ctx, err)
	}
	defer func() { _ = reply.Body.Close() }() // all that counts has been read by then
	switch {
	case reply.StatusCode == http.StatusOK, reply.StatusCode == http.StatusPartialContent && part.size > 0:
	case reply.StatusCode == http.StatusRequestedRangeNotSatisfiable && part.size > 0:
		if err := again(); err != nil {
			return err
		}
		return &transient{cause: errors.New("the server has no more than what is here")}
	default:
		return statusError(reply)
	}
	// An answer that cannot be the file must not cost the part.
	in := bufio.NewReaderSize(reply.Body, chunk)
	if pageInstead(reply, in) {
		return fault.New(ErrWebPage, nil,
			"%s answered with a web page in place of the file, as networks do that want a login first", reply.Request.URL.Host)
	}
	if reply.StatusCode == http.StatusPartialContent {
		if first, total := contentRange(reply); first != part.size || total >= 0 && total != file.Size {
			if err := again(); err != nil {
				return err
			}
			return &transient{cause: errors.New("the server sent another part than it was asked for")}
		}
	} else {
		if n := reply.ContentLength; n >= 0 && n != file.Size {
			return fault.New(ErrContent, nil, "the server offers a file of %s, %s were expected",
				bytesText(n), bytesText(file.Size))
		}
		if err := again(); err != nil {
			return err
		}
	}
	if err := part.remember(validator(reply)); err != nil {
		return err
	}
	return f.copy(ctx, part, in, file, *kept, func() { stalled.Reset(patience) })
}

// ask sends the request for the missing bytes.
func (f *Fetcher) ask(ctx context.Context, part *partial, file File) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, file.URL, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "mdfa")
	// The published bytes are wanted, even of a gzip file.
	request.Header.Set("Accept-Encoding", "identity")
	if part.size > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", part.size))
		if known := part.validator(); known != "" {
			request.Header.Set("If-Range", known)
		}
	}
	client := &http.Client{Transport: f.Transport}
	if client.Transport == nil {
		client.Transport = ownTransport
	}
	return client.Do(request)
}

// copy appends the body to the part.
func (f *Fetcher) copy(ctx context.Context, part *partial, in io.Reader, file File, kept int64, alive func()) error {
	buffer := make([]byte, chunk)
	for {
		f.report(Progress{Name: file.Name, From: file.URL, Done: part.size, Total: file.Size, Kept: kept})
		n, err := in.Read(buffer)
		alive()
		if int64(n) > file.Size-part.size {
			if err := part.restart(); err != nil {
				return err
			}
			return fault.New(ErrContent, nil, "the server sends more than the %s that were expected", bytesText(file.Size))
		}
		if _, err := part.Write(buffer[:n]); err != nil {
			return err
		}
		switch {
		case err == io.EOF && part.size == file.Size:
			f.report(Progress{Name: file.Name, From: file.URL, Done: part.size, Total: file.Size, Kept: kept})
			return nil
		case err == io.EOF:
			return &transient{cause: io.ErrUnexpectedEOF}
		case err != nil:
			return brokenOff(ctx, err)
		}
	}
}

// contentRange returns the first byte and the size of the whole, each -1 if the
// header lacks it (RFC 9110, 14.4).
func contentRange(reply *http.Response) (first, total int64) {
	text, ok := strings.CutPrefix(reply.Header.Get("Content-Range"), "bytes ")
	span, whole, slash := strings.Cut(text, "/")
	begin, _, dash := strings.Cut(span, "-")
	first, err := strconv.ParseInt(begin, 10, 64)
	if !ok || !slash || !dash || err != nil {
		return -1, -1
	}
	if total, err = strconv.ParseInt(whole, 10, 64); err != nil {
		total = -1
	}
	return first, total
}

// validator returns a value for If-Range: a strong entity tag, or the time of
// the last change (RFC 9110, 13.1.5).
func validator(reply *http.Response) string {
	if tag := reply.Header.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return reply.Header.Get("Last-Modified")
}

// pageInstead reports whether the server sends a web page, by its type or, at the beginning of a file, by its
// first bytes.
func pageInstead(reply *http.Response, in *bufio.Reader) bool {
	if strings.Contains(strings.ToLower(reply.Header.Get("Content-Type")), "html") {
		return true
	}
	_, _ = in.Peek(1) // waits for the first bytes; an error comes again when it is read
	begin, _ := in.Peek(min(in.Buffered(), sniffed))
	return reply.StatusCode == http.StatusOK && strings.HasPrefix(http.DetectContentType(begin), "text/html")
}
