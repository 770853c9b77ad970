// Package tensorboard writes event files, which TensorBoard shows as curves, histograms,
// images and texts.
//
// An event file is a TFRecord file of Event messages. The messages are declared in
// TensorBoard's event.proto and summary.proto, in the older kinds of values (simple_value,
// histo, image) that every reader knows and TensorBoard converts as it loads them. Sources:
// https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto and, for
// the records, https://www.tensorflow.org/tutorials/load_data/tfrecord.
//
// The file grows during the run, since TensorBoard watches it: it is the one file of a run
// that is not replaced as a whole. A reader ignores a last record that is cut off.
package tensorboard

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mdfa/internal/protobuf"
)

// fileVersion is the version of event files in which a session's start marks a restart.
const fileVersion = "brain.Event:2"

// Fields of Event, SessionLog and SourceMetadata.
const (
	eventWallTime       = 1
	eventStep           = 2
	eventFileVersion    = 3
	eventSummary        = 5
	eventSessionLog     = 7
	eventSourceMetadata = 10

	sessionStatus = 1
	sessionStart  = 1 // a value of status

	sourceWriter = 1
)

// Writer appends events to one file. One goroutine at a time may use it. It writes nothing
// after its first error, which Flush and Close return.
type Writer struct {
	file *os.File
	out  *bufio.Writer
	now  func() time.Time
	err  error
}

// NewWriter makes an event file in dir, and dir if it is missing. TensorBoard reads the
// files of a folder in the order of their names, which begin with the start's second; a
// number at the end tells two files of one second and process apart.
func NewWriter(dir string, start time.Time) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("tensorboard: %w", err)
	}
	w := &Writer{now: time.Now}
	for n := 0; w.file == nil; n++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d", start.Unix(), host(), os.Getpid(), n)
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("tensorboard: %w", err)
		}
		w.file = file
	}
	w.out = bufio.NewWriter(w.file)

	w.event(start, 0, protobuf.Text(eventFileVersion, fileVersion),
		protobuf.Message(eventSourceMetadata, protobuf.Text(sourceWriter, "mdfa")))
	return w, w.Flush()
}

// host returns the machine's name as a part of a file's name.
func host() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return strings.Map(func(r rune) rune {
		if r == filepath.Separator {
			return '-'
		}
		return r
	}, name)
}

// Path returns the name of the event file.
func (w *Writer) Path() string { return w.file.Name() }

// Restart says that a run resumes and will write its events from step on again: the events
// from this step on in earlier files of the folder no longer count.
func (w *Writer) Restart(step int64) {
	w.event(w.now(), step, protobuf.Message(eventSessionLog, protobuf.Int(sessionStatus, sessionStart)))
}

// Flush writes all events so far to the file, where TensorBoard sees them.
func (w *Writer) Flush() error {
	if w.err == nil {
		w.keep(w.out.Flush())
	}
	return w.err
}

// Close flushes the file, brings it to the disk and closes it. It also closes after an error.
func (w *Writer) Close() error {
	if w.Flush() == nil {
		w.keep(w.file.Sync())
	}
	w.keep(w.file.Close())
	return w.err
}

// keep remembers the first error.
func (w *Writer) keep(err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("tensorboard: %w", err)
	}
}

// event appends one event, whose fields besides time and step are given.
func (w *Writer) event(at time.Time, step int64, fields ...protobuf.Fields) {
	w.record(slices.Concat(
		protobuf.Double(eventWallTime, float64(at.UnixNano())/1e9),
		protobuf.Int(eventStep, step),
		slices.Concat(fields...)))
}

// record appends one TFRecord: length, checksum of the length, data, checksum of the data.
func (w *Writer) record(data []byte) {
	if w.err != nil {
		return
	}
	var head [12]byte
	binary.LittleEndian.PutUint64(head[:8], uint64(len(data)))
	binary.LittleEndian.PutUint32(head[8:], masked(head[:8]))
	var tail [4]byte
	binary.LittleEndian.PutUint32(tail[:], masked(data))
	for _, part := range [][]byte{head[:], data, tail[:]} {
		if _, err := w.out.Write(part); err != nil {
			w.keep(err)
			return
		}
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked returns the CRC-32C of data, rotated right by 15 bits, plus a constant. The format
// masks checksums because a record may hold checksums itself.
func masked(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}
