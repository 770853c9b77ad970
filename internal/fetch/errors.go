package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"mdfa/internal/disk"
	"mdfa/internal/fault"

	"github.com/dustin/go-humanize"
)

// The kinds of errors, for errors.Is.
var (
	ErrUnreachable = errors.New("the address cannot be reached")
	ErrStatus      = errors.New("the server refuses")
	ErrBroken      = errors.New("the connection keeps breaking off")
	ErrWebPage     = errors.New("a web page in place of the file")
	ErrContent     = errors.New("not the published file")
	ErrStorage     = errors.New("the file cannot be kept")
)

// transient is an error after which another try makes sense.
type transient struct {
	cause error
	after time.Duration // the wait that the server asks for
}

func (t *transient) Error() string { return t.cause.Error() }
func (t *transient) Unwrap() error { return t.cause }

// asError turns the last error of a download into one for the caller; have of
// size bytes have arrived.
func asError(err error, have, size int64) error {
	var done *fault.Error
	if errors.As(err, &done) {
		return done
	}
	if cause := unwrapURL(err); unreached(cause) {
		return fault.New(ErrUnreachable, err, "%s", unreachedReason(cause))
	}
	reason := unwrapURL(err).Error()
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		reason = "the connection was closed too early"
	}
	return fault.New(ErrBroken, err, "%s, %d times; %s of %s are kept, and the next try goes on from there",
		reason, tries, humanize.Bytes(uint64(have)), humanize.Bytes(uint64(size)))
}

// brokenOff marks an error of the network as transient. The caller must check ctx first.
func brokenOff(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &transient{cause: err}
}

// statusError sorts the answers without a file (RFC 9110, 15; RFC 6585, 4).
func statusError(reply *http.Response) error {
	err := fault.New(ErrStatus, nil, "%s answered %s", reply.Request.URL.Host, statusText(reply))
	switch code := reply.StatusCode; {
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests,
		code >= 500 && code != http.StatusNotImplemented && code != http.StatusHTTPVersionNotSupported:
		seconds, _ := strconv.ParseUint(reply.Header.Get("Retry-After"), 10, 16)
		return &transient{cause: err, after: time.Duration(seconds) * time.Second}
	}
	return err
}

// statusText returns the number and its usual name; the text of the server could be anything.
func statusText(reply *http.Response) string {
	if name := http.StatusText(reply.StatusCode); name != "" {
		return fmt.Sprintf("%d %s", reply.StatusCode, name)
	}
	return strconv.Itoa(reply.StatusCode)
}

// unreached reports whether there was no connection at all, or an untrusted one.
func unreached(err error) bool {
	var name *net.DNSError
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &certificate) || errors.As(err, &name) || errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect")
}

func unreachedReason(err error) string {
	var name *net.DNSError
	if errors.As(err, &name) {
		return fmt.Sprintf("the name %s cannot be resolved: %s", name.Name, name.Err)
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return "the server's certificate is not to be trusted: " + certificate.Err.Error()
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "proxyconnect" {
		return "the proxy cannot be reached: " + innermost(dial.Err)
	}
	return innermost(err)
}

// innermost returns the operating system's error, if any, without the errors around it.
func innermost(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}

// unwrapURL removes the method and the address that net/http puts in front.
func unwrapURL(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// storageError says why the disk cannot keep a file.
func storageError(err error) error {
	reason := err
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case disk.Full(err):
		return fault.New(ErrStorage, err, "the disk is full; what has arrived is kept, and the next try goes on from there")
	case errors.As(err, &at):
		return fault.New(ErrStorage, err, "%s cannot be written: %v", at.Path, at.Err)
	case errors.As(err, &link):
		return fault.New(ErrStorage, err, "%s cannot be written: %v", link.New, link.Err)
	}
	return fault.New(ErrStorage, err, "%s", reason.Error())
}

func bytesText(n int64) string { return humanize.Comma(n) + " bytes" }
