package gpu

import "fmt"

// GatherArgs: with i from 0 to n-1, n = X.Rows, and r = Order[Cursor·n + i], or
// r = Cursor·n + i without an order:
//
//	X[i, :] = Scale · Data[r, :]     Y[i] = Labels[r]
//
// With a Mean, X is normalized by channel, which is the last dimension of an image:
//
//	X[i, f] = (Data[r, f] - Mean[c]) · Scales[c]     c = f mod channels
//
// Each operation is rounded to float32, so that all devices give the same bits. Augment moves and
// mirrors an image before its values are scaled or normalized.
//
// A row outside the data set, or a position outside Order, gives zeros and the label
// -1, which Loss turns into NaN: a kernel cannot return an error, so the loss shows the
// mistake.
type GatherArgs struct {
	X      Mat     // float32 [n, features], written
	Y      Span    // int32 [n], written
	Data   Span    // uint8 [rows · features]
	Labels Span    // int32 [rows]
	Order  Span    // int32, at least (Cursor+1)·n long; none: rows in their own order
	Cursor Span    // int32 [1]: the number of batches before this one
	Scale  float32 // 1/255 for pixels; not used with a Mean

	Mean, Scales Span    // float32 [channels], or neither
	Augment      Augment // of training batches; its zero value changes nothing
}

// GemmArgs: C = op(A)·op(B), where op transposes its matrix if asked to.
type GemmArgs struct {
	C, A, B        Mat
	TransA, TransB bool
}

// DenseArgs: A = X·W + B with B added to every row, H = f(A).
type DenseArgs struct {
	Out Hidden // H and, where the activation needs it, Pre: [batch · out], written
	X   Mat    // [batch, in]
	W   Mat    // [in, out]
	B   Span   // [out]
}

// ConvShape is the geometry of one convolution over NHWC images. Pad is the number of zeros
// beyond each side of an image, less than Kernel: each window then covers some pixel.
type ConvShape struct {
	Batch                     int
	InH, InW, InC             int
	Kernel, Stride, Pad, OutC int
}

// OutH returns floor((InH+2·Pad-Kernel)/Stride)+1.
func (s ConvShape) OutH() int { return (s.InH+2*s.Pad-s.Kernel)/s.Stride + 1 }

// OutW returns floor((InW+2·Pad-Kernel)/Stride)+1.
func (s ConvShape) OutW() int { return (s.InW+2*s.Pad-s.Kernel)/s.Stride + 1 }

// Patch returns the length of one receptive field, Kernel·Kernel·InC: the fan-in.
func (s ConvShape) Patch() int { return s.Kernel * s.Kernel * s.InC }

// Unfolded says whether the input is the matrix [Rows, Patch] of its patches already, so
// that it can be multiplied in place: 1×1 kernels with stride 1, and kernels as wide as the
// image whose windows follow each other down to its last row. Padded images have to be copied.
func (s ConvShape) Unfolded() bool {
	strip := s.Kernel == s.InW && s.InH%s.Kernel == 0 && (s.Stride == s.Kernel || s.InH == s.Kernel)
	return s.Pad == 0 && (strip || s.Kernel == 1 && s.Stride == 1)
}

// Rows returns the number of positions in a batch of outputs, Batch·OutH·OutW.
func (s ConvShape) Rows() int { return s.Batch * s.OutH() * s.OutW() }

// InLen returns the number of elements of a batch of inputs.
func (s ConvShape) InLen() int { return s.Batch * s.InH * s.InW * s.InC }

// OutLen returns the number of elements of a batch of outputs.
func (s ConvShape) OutLen() int { return s.Rows() * s.OutC }

// String returns the shape as errors print it.
func (s ConvShape) String() string {
	text := fmt.Sprintf("%d×%d×%d×%d -> %d filters %d/%d", s.Batch, s.InH, s.InW, s.InC, s.OutC, s.Kernel, s.Stride)
	if s.Pad != 0 {
		text += fmt.Sprintf(" pad %d", s.Pad)
	}
	return text
}

// ConvArgs: with (y, x) an output position, s the stride and p the padding,
//
//	A[n, y, x, o] = B[o] + Σ_{i,j,c} X[n, s·y+i-p, s·x+j-p, c] · W[i, j, c, o]     H = f(A)
//
// where X is 0 outside the image. Whether such a zero times NaN or infinity counts is left open.
type ConvArgs struct {
	Shape ConvShape
	Out   Hidden // [Shape.OutLen()], written
	X     Span   // [Shape.InLen()]
	W     Span   // [Kernel, Kernel, InC, OutC]
	B     Span   // [OutC]
}

// Pooling is what a pooling makes of a window.
type Pooling uint8

// The kinds of pooling. NoPooling is none; no operation takes it.
const (
	NoPooling Pooling = iota
	MaxPooling
	AveragePooling
)

// String returns "max" or "average".
func (p Pooling) String() string {
	switch p {
	case NoPooling:
		return "none"
	case MaxPooling:
		return "max"
	case AveragePooling:
		return "average"
	}
	return fmt.Sprintf("Pooling(%d)", uint8(p))
}

// MaxPoolingKernel is the largest kernel of max pooling: a place in its window fits into a byte.
const MaxPoolingKernel = 16

// PoolShape is the geometry of a pooling over NHWC images: square windows that lie inside the
// image, each channel by itself.
type PoolShape struct {
	Kind               Pooling
	Batch              int
	InH, InW, Channels int
	Kernel, Stride     int
}

// OutH returns floor((InH-Kernel)/Stride)+1.
func (s PoolShape) OutH() int { return (s.InH-s.Kernel)/s.Stride + 1 }

// OutW returns floor((InW-Kernel)/Stride)+1.
func (s PoolShape) OutW() int { return (s.InW-s.Kernel)/s.Stride + 1 }

// Rows returns the number of positions in a batch of outputs, Batch·OutH·OutW.
func (s PoolShape) Rows() int { return s.Batch * s.OutH() * s.OutW() }

// InLen returns the number of elements of a batch of inputs.
func (s PoolShape) InLen() int { return s.Batch * s.InH * s.InW * s.Channels }

// OutLen returns the number of elements of a batch of outputs.
func (s PoolShape) OutLen() int { return s.Rows() * s.Channels }

// String returns the shape as errors print it.
func (s PoolShape) String() string {
	return fmt.Sprintf("%d×%d×%d×%d -> %v %d/%d", s.Batch, s.InH, s.InW, s.Channels, s.Kind, s.Kernel, s.Stride)
}

// PoolArgs: with (y, x) an output position, s the stride and k the kernel,
//
//	max       P[n, y, x, c] = max_{i,j} H[n, s·y+i, s·x+j, c]
//	average   P[n, y, x, c] = Σ_{i,j} H[n, s·y+i, s·x+j, c] / k²
//
// Index gets the place i·k+j of the maximum in its window, the first where several are equal.
// NaN counts as larger than every number, and the last NaN of a window is its maximum, as in
// PyTorch.
type PoolArgs struct {
	Shape PoolShape
	P     Span // [Shape.OutLen()], written
	Index Span // uint8 [Shape.OutLen()], written; none for averages, and where no PoolBackward follows
	H     Span // [Shape.InLen()]
}

// The slots of LossArgs.Metrics.
const (
	MetricLoss    = iota // sum over the examples of the cross-entropy in nats
	MetricCorrect        // examples whose true class has the largest logit
	MetricTop5           // examples whose true class is among the five largest logits
	MetricCount          // examples seen
	NumMetrics
)

// LossArgs: with a = Logits + Bias (written back to Logits), n = batch and y = Labels,
//
//	one logit   loss = max(a, 0) - a·y + log(1 + exp(-|a|))     E = Scale·(sigmoid(a) - y)
//	several     loss = log Σ exp(a) - a[y]                      E = Scale·(softmax(a) - onehot(y))
//
// BiasGrad is the column sum of E. The sums of this batch are added to Metrics; then
// every element of Step is raised by one. With one logit the prediction is class 1
// where a > 0; NaN is wrong, and every label is among the first five. Otherwise the rank
// of the true class is the number of other classes with a larger logit, or an equal one
// of a lower index; NaN counts as larger. Rank 0 is correct, a rank below 5 is in the top
// five. A label outside the classes counts as wrong, with a loss of NaN, and gives E = NaN.
type LossArgs struct {
	Logits   Mat     // [batch, logits], read and written
	Bias     Span    // [logits]
	Labels   Span    // int32 [batch]
	Scale    float32 // 1/batch (mean) or 1 (sum)
	E        Mat     // [batch, logits], written; none when evaluating
	BiasGrad Span    // [logits], written; none when evaluating
	Metrics  Span    // float64 [NumMetrics]
	Step     Span    // int32 counters: the cursor of Gather, the t of Optimize; may be none
}

// FeedbackLayer is one hidden layer that gets its error straight from the logits, or from the labels.
type FeedbackLayer struct {
	Out      Hidden
	Delta    Span // [batch · Size], written
	Size     int  // elements of the layer per example; a convolution has one per position and channel
	BiasGrad Span // [Channels], written: the sum of Delta over batch and positions
	// Skip passes the layer's columns of B over: nothing is computed, and all fields but Size may be none.
	Skip bool
}

// Channels returns the number of biases of the layer.
func (l FeedbackLayer) Channels() int { return l.BiasGrad.Len }

// FeedbackArgs: for every hidden layer l, with B_l the columns of B that belong to it,
//
//	Delta_l = (E · B_l) ⊙ f'(a_l)     BiasGrad_l = sums of Delta_l over batch and positions
//
// With Labels in place of E, B has a row for each class, and an example takes the row of its label,
// without a product:
//
//	Delta_l[i, :] = Scale · B_l[Labels[i], :] ⊙ f'(a_l[i, :])
//
// which is the first formula for E = Scale·onehot(Labels). A label outside the classes gives NaN.
//
// Without a B, the elements of B_l are drawn where they are used and not stored: Gen has
// the formula, with l the index in Layers.
type FeedbackArgs struct {
	E       Mat       // [batch, logits]; none with Labels
	Labels  Span      // int32 [batch]; none with E
	Classes int       // rows of B with Labels; otherwise 0
	Scale   float32   // with Labels: 1/batch (mean) or 1 (sum)
	B       Mat       // [logits or Classes, Σ Size], the layers side by side in their order; or none
	Gen     Generator // draws B if B is missing; otherwise DrawNone
	Layers  []FeedbackLayer
}

// Batch returns the number of examples.
func (a FeedbackArgs) Batch() int {
	if a.Labels.IsNone() {
		return a.E.Rows
	}
	return a.Labels.Len
}

// Rows returns the number of rows of B: a row for each logit, or for each class.
func (a FeedbackArgs) Rows() int {
	if a.Labels.IsNone() {
		return a.E.Cols
	}
	return a.Classes
}

// Columns returns the number of columns of B: the sum of the layers' sizes.
func (a FeedbackArgs) Columns() int {
	sum := 0
	for _, l := range a.Layers {
		sum += l.Size
	}
	return sum
}

// FeedbackInput is the output of a hidden layer as [FeedbackGradArgs] reads it.
type FeedbackInput struct {
	H    Span // [batch · Size]
	Size int  // elements of the layer per example; a convolution has one per position and channel
}

// FeedbackGradArgs: the gradient of direct feedback that learns (DKP). For every hidden layer l, with DB_l the columns of
// DB that belong to it,
//
//	DB_l = Eᵀ · H_l
type FeedbackGradArgs struct {
	DB     Mat // [logits, Σ Size], written: the layers side by side in their order, as in FeedbackArgs
	E      Mat // [batch, logits]
	Layers []FeedbackInput
}

// DenseBackwardArgs: M is W [in, out], used transposed (BP, KP), or feedback
// [out, in], used as it is (FA):
//
//	DX = (DY · Wᵀ  or  DY · B) ⊙ f'(a)     BiasGrad = sums of DX over batch and positions
//
// where a and f belong to the layer below, whose output was this layer's input.
type DenseBackwardArgs struct {
	DX       Mat    // [batch, in], written
	DY       Mat    // [batch, out]
	M        Mat    // [in, out] with Trans, [out, in] without
	Trans    bool   // use Mᵀ
	Below    Hidden // of the layer below
	BiasGrad Span   // [channels of the layer below]; divides in
}

// ConvBackwardArgs: the transposed convolution of DY with W (BP) or with the fixed
// feedback of the same shape (FA), times f'(a) of the layer below:
//
//	DX[n, u, v, c] = f'(a[n, u, v, c]) · Σ_{y,x,o: u = s·y+i-p, v = s·x+j-p} DY[n, y, x, o] · W[i, j, c, o]
//
// An input pixel that no window covers gets 0.
type ConvBackwardArgs struct {
	Shape    ConvShape
	DX       Span   // [Shape.InLen()], written
	DY       Span   // [Shape.OutLen()]
	W        Span   // [Kernel, Kernel, InC, OutC]
	Below    Hidden // of the layer below
	BiasGrad Span   // [InC], written: the sum of DX over batch and positions
}

// PoolBackwardArgs: the error DY at the outputs of a pooling becomes the error at the
// preactivations a of the layer below, whose output was the pooling's input:
//
//	max       DX[n, u, v, c] = f'(a[n, u, v, c]) · Σ_{y,x: u = s·y+i, v = s·x+j, Index[n, y, x, c] = i·k+j} DY[n, y, x, c]
//	average   DX[n, u, v, c] = f'(a[n, u, v, c]) · Σ_{y,x,i,j: u = s·y+i, v = s·x+j} DY[n, y, x, c] / k²
//
// A pixel that gets nothing is 0. DY at another pixel's maximum has no effect, NaN included.
type PoolBackwardArgs struct {
	Shape    PoolShape
	DX       Span   // [Shape.InLen()], written
	DY       Span   // [Shape.OutLen()]
	Index    Span   // uint8 [Shape.OutLen()], by Pool; none for averages
	Below    Hidden // of the layer below
	BiasGrad Span   // [Channels], written: the sum of DX over batch and positions
}

// ConvGradArgs: DW[i, j, c, o] = Σ_{n,y,x} X[n, s·y+i-p, s·x+j-p, c] · DY[n, y, x, o].
type ConvGradArgs struct {
	Shape ConvShape
	DW    Span // [Kernel, Kernel, InC, OutC], written
	X     Span // [Shape.InLen()]
	DY    Span // [Shape.OutLen()]
}

// SignArgs: Dst[i] = |m_i| · sign(Src[i]), where the sign of ±0 is 0, and NaN stays NaN.
//
// The magnitude m_i is element i of M. Without an M it is drawn where it is used and not
// stored: Gen has the formula, with i as the column j, Layer as l, and the number that Step
// holds when the operation runs as the row k. So each step draws others. A constant is the same
// in every step and needs no Step.
type SignArgs struct {
	Dst, Src Span      // [n]; Dst is written
	M        Span      // [n]; or none
	Gen      Generator // draws the magnitudes if M is missing; otherwise DrawNone
	Layer    int       // l of Gen
	Step     Span      // int32 [1], k of Gen; none with M, and may be none with a constant
}

// OptimizeArgs: W -= LR·Decay·W, which is decoupled weight decay; then g = G + L2·W, the
// update of Kind, and W = max(W, Floor) for the elements of W in [ClampFrom, ClampTo).
// NaN stays NaN, so that a run that diverged shows it.
type OptimizeArgs struct {
	Kind               Optimizer
	W, G               Span // [n]; W is updated, G is left as it is
	S1, S2             Span // [n] state, as many as Kind.States()
	LR, L2, Decay      float32
	Factors            Span    // float32: LR is multiplied by Factors[Batch-1], NaN outside; none: by 1
	Batch              Span    // int32 [1]: the batches of the epoch with this one; only with Factors
	Momentum           float32 // of the kind Momentum; others do not use it
	Nesterov           bool    // look one step ahead: of the kind Momentum
	Step               Span    // int32 [1]: t, counted from one, if Kind.Counts(); otherwise none
	ClampFrom, ClampTo int     // equal: clamp nothing
	Floor              float32
}

// The slots of CompareArgs.Out.
const (
	CompareDot     = iota // Σ a·b
	CompareSquareA        // Σ a²
	CompareSquareB        // Σ b²
	CompareSame           // elements where a and b are both above zero, or both below
	CompareOpposed        // elements where one of them is above zero and the other below
	CompareLow            // elements where a <= Low
	CompareHigh           // elements where a >= High
	NumCompared
)

// CompareArgs: with a an element of A, and b the element of B (with TransB, of Bᵀ) in the
// same place, the sums that the slots of Out name are taken over all elements and added to
// Out. Products and sums are float64. A comparison with NaN is false: a bound that is NaN
// counts nothing.
type CompareArgs struct {
	A, B      Mat // [rows, cols] both; B [cols, rows] with TransB. They may be the same
	TransB    bool
	Low, High float32
	Out       Span // float64 [NumCompared], read and written
}

// AllReduceArgs: with n ranks, and X_r the span X of rank r,
//
//	X[i] = X_0[i] + X_1[i] + … + X_{n-1}[i]
//
// on every rank, with the same bits. The device chooses the order of the sum; it is the same whenever n and the length
// are. All ranks make the same calls, with the same lengths and in the same order: that holds for the runs of programs
// that contain them, too.
//
// The sum may run beside later operations that use no element of X. An operation that reads or writes a part of X waits
// for it, as do [Upload], [Download], Free and Close.
//
// A device that was opened without other ranks leaves X as it is. If a rank fails or makes another call, the next Sync
// or Download of every rank returns an error that is [ErrRanks] and [ErrDeviceLost].
type AllReduceArgs struct {
	X Span // float32, read and written
}
