// Package gpu is the contract between the training engine and the devices that run it:
// device memory, fused operations, and recorded programs. Package
// gpu/cpu is the reference implementation, gpu/cuda the one for NVIDIA GPUs, and
// gpu/devicetest the suite that each of them must pass.
//
// Everything here is float32, row-major and contiguous; images are NHWC. Every
// operation checks its shapes before it touches memory and returns an error that
// names the operation and the shapes. An operation's results must not overlap its
// inputs, unless a field is documented as read and written. Operations may run after the call
// returns: [Device.Sync] waits for them, [Device.Download] waits by itself. The same calls
// on the same device give the same bits, however many threads work on them.
//
// Several processes train one network as ranks: each opens its own device, and the ranks add up their gradients with
// [Device.AllReduce]. The options of packages gpu/cpu and gpu/cuda say how the devices find each other.
package gpu

import "errors"

// Kinds of errors, to be told apart with errors.Is.
var (
	// ErrShape marks arguments whose sizes do not fit together.
	ErrShape = errors.New("shapes do not fit")
	// ErrBuffer marks a buffer that was freed, or has another device or another type.
	ErrBuffer = errors.New("unusable buffer")
	// ErrOutOfMemory marks an allocation that the device cannot hold.
	ErrOutOfMemory = errors.New("out of device memory")
	// ErrRecording marks a call that cannot be recorded, or a misused recording.
	ErrRecording = errors.New("not possible while recording")
	// ErrClosed marks a call on a device after Close.
	ErrClosed = errors.New("device is closed")
	// ErrDeviceLost marks a failure after which the device can only be closed: the contents of
	// its memory are unknown, and every later call fails as well.
	ErrDeviceLost = errors.New("device is lost")
	// ErrRanks marks a sum over ranks that failed: a rank is gone, does not come, or makes another call. The device is
	// lost then, too.
	ErrRanks = errors.New("the ranks do not work together")
)

// Device holds memory and runs operations on it, in the order of the calls. A
// Device is used by one goroutine at a time.
type Device interface {
	// Info describes the device for a person.
	Info() Info

	// Alloc returns a zeroed buffer of n elements; n may be 0.
	Alloc(t DType, n int) (Buffer, error)
	// Upload copies src to dst, starting at byte offset off. See the function [Upload].
	Upload(dst Buffer, off int, src []byte) error
	// Download waits for all operations so far, then copies from byte offset off of src to dst.
	Download(dst []byte, src Buffer, off int) error
	// Zero sets every element of s to 0.
	Zero(s Span) error
	// Copy sets dst to src; both have the same type and length and do not overlap.
	Copy(dst, src Span) error

	// Gather copies one batch of inputs from a uint8 data set: GatherArgs has the formula.
	Gather(GatherArgs) error
	// Gemm multiplies matrices: C = op(A)·op(B).
	Gemm(GemmArgs) error
	// Dense computes a fully-connected layer: H = f(X·W + b).
	Dense(DenseArgs) error
	// Conv computes a convolutional layer: H = f(X ∗ W + b).
	Conv(ConvArgs) error
	// Pool takes the maximum or the average of each window of a layer's outputs.
	Pool(PoolArgs) error
	// Loss computes the loss, the error at the logits and the metrics from the logits.
	Loss(LossArgs) error
	// Feedback broadcasts the error at the logits (DFA, mDFA), or a row of B for each label (DRTP), to all
	// hidden layers.
	Feedback(FeedbackArgs) error
	// FeedbackGrad computes the gradient of direct feedback that learns (DKP).
	FeedbackGrad(FeedbackGradArgs) error
	// DenseBackward carries an error back through a fully-connected layer (BP, FA).
	DenseBackward(DenseBackwardArgs) error
	// ConvBackward carries an error back through a convolutional layer (BP, FA).
	ConvBackward(ConvBackwardArgs) error
	// PoolBackward carries an error back through a pooling, to the preactivations below it.
	PoolBackward(PoolBackwardArgs) error
	// ConvGrad computes the filter gradient of a convolutional layer; a dense layer's is a Gemm.
	ConvGrad(ConvGradArgs) error
	// Sign gives magnitudes the signs of other numbers (usf, frsf, brsf, sdfa).
	Sign(SignArgs) error
	// Optimize updates a whole parameter arena: L2, the optimizer, and the floor, in one pass.
	Optimize(OptimizeArgs) error
	// Compare adds up the sums from which angle, norms and signs of two matrices are computed.
	Compare(CompareArgs) error
	// AllReduce adds up a span over all ranks, in place: AllReduceArgs has the rules.
	AllReduce(AllReduceArgs) error

	// NewFeed makes a ring of slots that upload batches of the given parts while the device
	// computes: [Feed] has the rules. The host memory and the buffers start zeroed.
	NewFeed(slots int, parts ...FeedPart) (Feed, error)

	// Record calls step once to learn its operations, without running them, and
	// returns them as a program. Alloc, Upload, Download, NewFeed, Sync, Record, a
	// program's Run and the methods of a feed, except Fill, are errors (ErrRecording) inside step.
	Record(step func() error) (Program, error)
	// Sync waits until every operation so far has run and returns the first error among them.
	Sync() error
	// Close frees everything; buffers and programs of the device are unusable afterwards.
	Close() error
}

// Program is a recorded step. Run repeats the recorded operations on the same buffers, with
// their contents at that time.
type Program interface {
	Run() error
	Free() error
}

// Info describes a device for a person.
type Info struct {
	Kind        string // "cpu", "cuda", "emu"
	Name        string // "cpu", "NVIDIA H100 80GB HBM3"
	Detail      string // "2 threads, AVX2, OpenBLAS 0.3.34"
	MemoryFree  int64  // bytes, 0 if unknown
	MemoryTotal int64  // bytes, 0 if unknown
	PCI         string // address on the PCI bus, "00000000:3b:00.0", of a GPU
}

// String returns the text after "device" in a program's header.
func (i Info) String() string {
	if i.Detail == "" {
		return i.Name
	}
	return i.Name + ", " + i.Detail
}
