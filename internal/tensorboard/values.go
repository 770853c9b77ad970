package tensorboard

import (
	"fmt"
	"math"

	"mdfa/internal/protobuf"
)

// Fields of Summary and of what its values hold.
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

// Scalar adds a point to the curve of a tag. Tags are grouped by what is before their
// first slash, as in "loss/train". TensorBoard keeps float32.
func (w *Writer) Scalar(tag string, step int64, value float64) {
	var v protobuf.Message
	v.Text(valueTag, tag)
	v.Float(valueScalar, float32(value))
	w.value(step, v)
}

// buckets is the number of a histogram's buckets. TensorBoard draws 30 or fewer.
const buckets = 64

// Histogram adds the distribution of values at a step: 64 buckets of equal width between
// the smallest and the largest value. Values that are no finite numbers are left out; where
// none is left, nothing is written.
func (w *Writer) Histogram(tag string, step int64, values []float32) {
	h, ok := newHistogram(values)
	if !ok {
		return
	}
	var v protobuf.Message
	v.Text(valueTag, tag)
	v.Bytes(valueHisto, h.message())
	w.value(step, v)
}

// histogram is a HistogramProto: counts[i] values lie from limits[i-1], or min, up to limits[i].
type histogram struct {
	min, max, num, sum, sumSquares float64
	limits, counts                 []float64
}

// newHistogram is false where there is no finite value.
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

func (h *histogram) message() protobuf.Message {
	var m protobuf.Message
	m.Double(histoMin, h.min)
	m.Double(histoMax, h.max)
	m.Double(histoNum, h.num)
	m.Double(histoSum, h.sum)
	m.Double(histoSumSquares, h.sumSquares)
	m.Doubles(histoBucketLimit, h.limits)
	m.Doubles(histoBucket, h.counts)
	return m
}

// Image adds a PNG of the given size in pixels: 1 channel is grey, 3 are RGB, 4 RGBA.
func (w *Writer) Image(tag string, step int64, png []byte, width, height, channels int) {
	if channels != 1 && channels != 3 && channels != 4 {
		w.keep(fmt.Errorf("image %s has %d channels: 1, 3 and 4 are possible", tag, channels))
		return
	}
	var image, v protobuf.Message
	image.Int(imageHeight, int64(height))
	image.Int(imageWidth, int64(width))
	image.Int(imageColorspace, int64(channels))
	image.Bytes(imageEncoded, png)
	v.Text(valueTag, tag)
	v.Bytes(valueImage, image)
	w.value(step, v)
}

// Text adds a text, which TensorBoard shows as Markdown.
func (w *Writer) Text(tag string, step int64, text string) {
	var plugin, metadata, tensor, v protobuf.Message
	plugin.Text(pluginName, "text")
	metadata.Bytes(metadataPlugin, plugin)
	tensor.Int(tensorType, typeString)
	tensor.Text(tensorStrings, text)
	v.Text(valueTag, tag)
	v.Bytes(valueTensor, tensor)
	v.Bytes(valueMetadata, metadata)
	w.value(step, v)
}

// value appends an event with a summary of one value.
func (w *Writer) value(step int64, v protobuf.Message) {
	var summary, event protobuf.Message
	summary.Bytes(summaryValue, v)
	event.Bytes(eventSummary, summary)
	w.event(w.now(), step, event)
}
