// Package kernels launches the CUDA kernels of kernels.cu: one typed method of
// [Kernels] for each, generated from their signatures, and the launch shapes that fit
// them. It is plain Go and knows no CUDA library: package gpu/cuda brings the [Launcher].
//
// # Operations
//
// The launches of each operation of gpu.Device. "GEMM" is one cuBLAS call. Rows marked
// (n) are n launches for n chunks of images, where im2col's patches exceed the
// workspace; n is 1 for the networks of the paper at batch 64 on MNIST and CIFAR.
//
//	Zero, Copy      cuMemsetD8Async, cuMemcpyDtoDAsync: no kernel
//	Gather          gather, or gather_images for images that are normalized or augmented
//	Gemm            GEMM
//	Dense           GEMM into Pre, or into H if the activation keeps no Pre · bias_*, a kernel
//	                for each activation
//	Conv            (n) im2col · GEMM [rows, patch]·[patch, outC], then one bias_* over all
//	                rows; a kernel of 1 with stride 1 needs no im2col
//	Pool            pool
//	Loss            loss_sigmoid | loss_softmax; where LossShape has several blocks also
//	                loss_finish and, when training, column_sums of E into BiasGrad
//	Feedback        from labels: label_feedback, with B generated label_feedback_drawn
//	                from E, B generated: feedback_drawn
//	                stored, up to MaxDirectLogits logits: feedback
//	                more: GEMM E·B into raw [batch, Σ Size] · times_slope
//	                then column_sums over all layers, unless every Sums is a BiasGrad
//	DenseBackward   GEMM into DX · times_slope in place (one layer, From = Delta = DX)
//	                · column_sums, unless Sums is the BiasGrad
//	ConvBackward    (n) GEMM DY·Wᵀ into patches · col2im, then column_sums over the channel
//	                sums of all chunks
//	PoolBackward    pool_back · column_sums
//	ConvGrad        (n) im2col · GEMM patchesᵀ·DY, with beta = 1 from the second chunk on;
//	                no im2col in a recorded step where Conv has laid out the same patches
//	Sign            M drawn, and no constant: sign_drawn; else sign
//	Optimize        sgd | momentum | rmsprop | adam | adamw
//	Compare         compare; where CompareShape has several blocks also compare_finish
//
// # Bias gradients
//
// The kernels of Feedback, times_slope, col2im and pool_back sum their results while these are in registers:
// Sums gets [DeltaChunks(batch), Size], or a row of channels for each block of the last two. Sums
// is the bias gradient itself where DeltaChunks is 1 and a layer has as many biases as
// elements (dense layers, batches up to 128). Otherwise Sums is workspace, read as a
// matrix [chunks · positions, channels], and one column_sums launch adds up the columns
// of all layers (MaxLayers at a time). Extra bytes: 1/64 of the deltas at batch 64, written
// once and read once. Nothing is atomic, so no order is left to chance.
//
// # A step
//
// Launches of one training step, cuBLAS calls included, batch 64, ten classes:
//
//	               DFA, mDFA, DRTP                                    BP, FA
//	MNIST FC       12 = 1 + 2·2 + 1 + 1 + 1 + 3 + 1                   15
//	MNIST conv     19 = 1 + 3·3 + 1 + 1 + 2 + 3·1 + 1 + 1             26
//
// in the order gather, hidden layers, logit product, loss, feedback, weight gradients,
// optimizer. Signs come before the feedback: one launch under sdfa, otherwise as DFA; and one for
// each layer but the first under usf, frsf and brsf, otherwise as BP. docs/gpu-step.md has the bytes.
//
// # Limits
//
// An operation has at most MaxElements elements (see [Count]), layers are passed by value
// and so at most MaxLayers at once: more need another launch with its own part of B. A
// batch above 8,388,480 rows does not fit into the grid of feedback.
package kernels
