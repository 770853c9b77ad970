package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// field is one field of a message: number is its integer or bits, bytes its content.
type field struct {
	number uint64
	bytes  []byte
}

// parse takes a message apart, the last of repeated fields counting.
func parse(t *testing.T, data []byte) map[protowire.Number]field {
	t.Helper()
	fields := map[protowire.Number]field{}
	for len(data) > 0 {
		num, kind, n := protowire.ConsumeTag(data)
		require.GreaterOrEqual(t, n, 0)
		data = data[n:]
		var f field
		switch kind {
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(data)
		case protowire.Fixed64Type:
			f.number, n = protowire.ConsumeFixed64(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			f.number = uint64(v)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(data)
		default:
			require.Fail(t, "unknown wire type")
		}
		require.GreaterOrEqual(t, n, 0)
		fields[num] = f
		data = data[n:]
	}
	return fields
}

// readEvents checks the framing of a file and takes its events apart.
func readEvents(t *testing.T, path string) (events []map[protowire.Number]field) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	unmasked := func(at int) uint32 {
		rotated := binary.LittleEndian.Uint32(data[at:]) - 0xa282ead8
		return rotated<<15 | rotated>>17
	}
	sum := func(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
	for len(data) > 0 {
		length := int(binary.LittleEndian.Uint64(data))
		require.Equal(t, sum(data[:8]), unmasked(8), "checksum of the length")
		require.Equal(t, sum(data[12:12+length]), unmasked(12+length), "checksum of the data")
		events = append(events, parse(t, data[12:12+length]))
		data = data[16+length:]
	}
	return events
}

func write(t *testing.T, calls func(w *Writer)) (events []map[protowire.Number]field) {
	t.Helper()
	w, err := NewWriter(t.TempDir(), time.Unix(1700000000, 0))
	require.NoError(t, err)
	w.now = func() time.Time { return time.Unix(1700000001, 5e8) }
	calls(w)
	require.NoError(t, w.Close())
	return readEvents(t, w.Path())
}

// theValue is the one value of an event's summary.
func theValue(t *testing.T, event map[protowire.Number]field) map[protowire.Number]field {
	t.Helper()
	return parse(t, parse(t, event[eventSummary].bytes)[summaryValue].bytes)
}

func doubles(b []byte) (values []float64) {
	for ; len(b) > 0; b = b[8:] {
		values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return values
}

func TestFileBeginsWithItsVersion(t *testing.T) {
	events := write(t, func(*Writer) {})
	require.Len(t, events, 1)
	assert.Equal(t, "brain.Event:2", string(events[0][eventFileVersion].bytes))
	assert.Equal(t, 1700000000.0, math.Float64frombits(events[0][eventWallTime].number))
}

func TestScalarHasItsTagStepAndTime(t *testing.T) {
	events := write(t, func(w *Writer) { w.Scalar("loss/train", 1<<40, 0.25) })
	require.Len(t, events, 2)
	assert.Equal(t, uint64(1<<40), events[1][eventStep].number)
	assert.Equal(t, 1700000001.5, math.Float64frombits(events[1][eventWallTime].number))
	v := theValue(t, events[1])
	assert.Equal(t, "loss/train", string(v[valueTag].bytes))
	assert.Equal(t, float32(0.25), math.Float32frombits(uint32(v[valueScalar].number)))
}

func TestHistogramCountsEveryFiniteValue(t *testing.T) {
	inf := float32(math.Inf(1))
	values := []float32{-1, -1, 0, 0.5, 1, float32(math.NaN()), inf, -inf}
	h, ok := newHistogram(values)
	require.True(t, ok)
	assert.Equal(t, []float64{-1, 1, 5, -0.5, 3.25}, []float64{h.min, h.max, h.num, h.sum, h.sumSquares})
	require.Len(t, h.limits, buckets)
	require.Len(t, h.counts, buckets)
	assert.Equal(t, 1.0, h.limits[buckets-1])
	assert.IsIncreasing(t, h.limits)
	want := make([]float64, buckets)
	want[0], want[buckets/2], want[buckets*3/4], want[buckets-1] = 2, 1, 1, 1
	assert.Equal(t, want, h.counts)

	events := write(t, func(w *Writer) { w.Histogram("weights/0", 3, values) })
	m := parse(t, theValue(t, events[1])[valueHisto].bytes)
	assert.Equal(t, h.limits, doubles(m[histoBucketLimit].bytes))
	assert.Equal(t, h.counts, doubles(m[histoBucket].bytes))
	assert.Equal(t, 5.0, math.Float64frombits(m[histoNum].number))
}

func TestHistogramOfOneNumberHasOneBucket(t *testing.T) {
	h, ok := newHistogram([]float32{2, 2, 2})
	require.True(t, ok)
	assert.Equal(t, []float64{2}, h.limits)
	assert.Equal(t, []float64{3}, h.counts)
}

func TestHistogramOfTheSmallestDifferenceStaysInItsBuckets(t *testing.T) {
	h, ok := newHistogram([]float32{0, math.SmallestNonzeroFloat32, -math.MaxFloat32, math.MaxFloat32})
	require.True(t, ok)
	assert.Equal(t, 4.0, h.num)
	_, ok = newHistogram([]float32{0, math.SmallestNonzeroFloat32})
	assert.True(t, ok)
}

func TestHistogramOfNoFiniteValueIsNotWritten(t *testing.T) {
	events := write(t, func(w *Writer) {
		w.Histogram("weights/0", 3, nil)
		w.Histogram("weights/0", 3, []float32{float32(math.NaN())})
	})
	assert.Len(t, events, 1)
}

func TestImageHasItsSizeAndBytes(t *testing.T) {
	events := write(t, func(w *Writer) {
		w.Image("filters", 3, []byte("png"), 8, 6, 3)
	})
	require.Len(t, events, 2)
	m := parse(t, theValue(t, events[1])[valueImage].bytes)
	assert.Equal(t, []uint64{6, 8, 3}, []uint64{m[imageHeight].number, m[imageWidth].number, m[imageColorspace].number})
	assert.Equal(t, "png", string(m[imageEncoded].bytes))
}

func TestTextNamesThePluginThatShowsIt(t *testing.T) {
	events := write(t, func(w *Writer) { w.Text("run", 0, "train -model mdfa") })
	v := theValue(t, events[1])
	assert.Equal(t, "text", string(parse(t, parse(t, v[valueMetadata].bytes)[metadataPlugin].bytes)[pluginName].bytes))
	assert.Equal(t, "train -model mdfa", string(parse(t, v[valueTensor].bytes)[tensorStrings].bytes))
}

func TestRestartIsASessionStartAtItsStep(t *testing.T) {
	events := write(t, func(w *Writer) { w.Restart(101) })
	assert.Equal(t, uint64(101), events[1][eventStep].number)
	assert.Equal(t, uint64(sessionStart), parse(t, events[1][eventSessionLog].bytes)[sessionStatus].number)
}

func TestFilesOfOneSecondHaveNamesOfTheirOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	for range 2 {
		w, err := NewWriter(dir, time.Unix(1700000000, 0))
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	assert.True(t, strings.HasPrefix(entries[0].Name(), "events.out.tfevents.1700000000."), entries[0].Name())
	assert.True(t, strings.HasSuffix(entries[1].Name(), ".1"), entries[1].Name())
}

func TestFlushedEventsAreInTheFile(t *testing.T) {
	w, err := NewWriter(t.TempDir(), time.Now())
	require.NoError(t, err)
	defer func() { assert.NoError(t, w.Close()) }()
	w.Scalar("loss/train", 1, 1)
	assert.Len(t, readEvents(t, w.Path()), 1)
	require.NoError(t, w.Flush())
	assert.Len(t, readEvents(t, w.Path()), 2)
}

func TestFirstErrorStays(t *testing.T) {
	w, err := NewWriter(t.TempDir(), time.Now())
	require.NoError(t, err)
	require.NoError(t, w.file.Close())
	w.Scalar("loss/train", 1, 1)
	first := w.Flush()
	require.ErrorIs(t, first, os.ErrClosed)
	w.Scalar("loss/train", 2, 1)
	assert.Equal(t, first, w.Flush())
	assert.Equal(t, first, w.Close())
}

func TestImageOfTwoChannelsIsAnError(t *testing.T) {
	w, err := NewWriter(t.TempDir(), time.Now())
	require.NoError(t, err)
	w.Image("filters", 3, []byte("png"), 8, 6, 2)
	assert.EqualError(t, w.Close(), "tensorboard: image filters has 2 channels: 1, 3 and 4 are possible")
}

func TestFolderThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	_, err := NewWriter(filepath.Join(file, "sub"), time.Now())
	require.Error(t, err)
}
