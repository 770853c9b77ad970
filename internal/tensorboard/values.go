package tensorboard

import (
	"fmt"
	"math"

	"mdfa/internal/protobuf"
)

// Fields of Summary and of the messages in it.
const (
	summaryValue = 1

	valueTag      = 1
	valueScalar   = 2
	valueImage    = 4
	valueHisto    = 5
	valueTensor   = 8
	valueMetadata = 9

	imageHeight     = 1
	imageWidth      = 2
	imageColorspace = 3 // 1 grey, 3 RGB, 4 RGBA
	imageEncoded    = 4

	histoMin         = 1
	histoMax         = 2
	histoNum         = 3
	histoSum         = 4
	histoSumSquares  = 5
	histoBucketLimit = 6
	histoBucket      = 7

	metadataPlugin = 1
	pluginName     = 1
	tensorType     = 1
	tensorStrings  = 8
	typeString     = 7 // a value of type
)

// Scalar adds a point to the curve of a tag. TensorBoard groups tags by the text before
// their first slash, as in "loss/train". TensorBoard keeps float32.
func (w *Writer) Scalar(tag string, step int64, value float64) {
	w.value(step, tag, protobuf.Float(valueScalar, float32(value)))
}

// buckets is the number of a histogram's buckets. TensorBoard draws 30 or fewer.
const buckets = 64

// Histogram adds the distribution of values at a step: 64 buckets of equal width between
// the smallest and the largest value. It leaves out NaN and infinities, and writes nothing
// if no value is left.
func (w *Writer) Histogram(tag string, step int64, values []float32) {
	h, ok := newHistogram(values)
	if !ok {
		return
	}
	w.value(step, tag, protobuf.Message(valueHisto,
		protobuf.Double(histoMin, h.min),
		protobuf.Double(histoMax, h.max),
		protobuf.Double(histoNum, h.num),
		protobuf.Double(histoSum, h.sum),
		protobuf.Double(histoSumSquares, h.sumSquares),
		protobuf.Doubles(histoBucketLimit, h.limits),
		protobuf.Doubles(histoBucket, h.counts)))
}

// histogram is a HistogramProto: counts[i] values lie from limits[i-1], or min, up to limits[i].
type histogram struct {
	min, max, num, sum, sumSquares float64
	limits, counts                 []float64
}

// newHistogram returns false if no value is finite.
func newHistogram(values []float32) (histogram, bool) {
	h := histogram{min: math.Inf(1), max: math.Inf(-1)}
	for _, value := range values {
		x := float64(value)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			continue
		}
		h.min, h.max = min(h.min, x), max(h.max, x)
		h.num++
		h.sum += x
		h.sumSquares += x * x
	}
	if h.num == 0 {
		return h, false
	}
	if h.min == h.max {
		h.limits, h.counts = []float64{h.max}, []float64{h.num}
		return h, true
	}
	h.counts = make([]float64, buckets)
	scale := buckets / (h.max - h.min)
	for i := range buckets - 1 {
		h.limits = append(h.limits, h.min+float64(i+1)/scale)
	}
	h.limits = append(h.limits, h.max)
	for _, value := range values {
		if x := float64(value); x >= h.min && x <= h.max { // neither NaN nor infinity
			// The last bucket has both of its ends; the others lack the right one.
			h.counts[min(int((x-h.min)*scale), buckets-1)]++
		}
	}
	return h, true
}

// Image adds a PNG of the given size in pixels: 1 channel is grey, 3 are RGB, 4 RGBA.
func (w *Writer) Image(tag string, step int64, png []byte, width, height, channels int) {
	if channels != 1 && channels != 3 && channels != 4 {
		w.keep(fmt.Errorf("image %s has %d channels: 1, 3 and 4 are possible", tag, channels))
		return
	}
	w.value(step, tag, protobuf.Message(valueImage,
		protobuf.Int(imageHeight, int64(height)),
		protobuf.Int(imageWidth, int64(width)),
		protobuf.Int(imageColorspace, int64(channels)),
		protobuf.Bytes(imageEncoded, png)))
}

// Text adds a text, which TensorBoard shows as Markdown.
func (w *Writer) Text(tag string, step int64, text string) {
	w.value(step, tag,
		protobuf.Message(valueTensor, protobuf.Int(tensorType, typeString), protobuf.Text(tensorStrings, text)),
		protobuf.Message(valueMetadata, protobuf.Message(metadataPlugin, protobuf.Text(pluginName, "text"))))
}

// value appends an event with a summary of one value, whose fields besides its tag are given.
func (w *Writer) value(step int64, tag string, fields ...protobuf.Fields) {
	value := append([]protobuf.Fields{protobuf.Text(valueTag, tag)}, fields...)
	w.event(w.now(), step, protobuf.Message(eventSummary, protobuf.Message(summaryValue, value...)))
}
