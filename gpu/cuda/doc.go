// Package cuda is the device for NVIDIA GPUs: gpu.Device over gorgonia.org/cu and
// gorgonia.org/cu/blas, with the build tag cuda. It does not know whether the driver
// below it is NVIDIA's or the software GPU: the program that opens a device first
// chooses the driver, with gpu/cuda/driver.
//
// # How it works
//
//   - One goroutine, locked to a thread of the operating system on which the context is
//     current, makes all calls of the driver (internal/cuext). A method hands it a function
//     and waits until the call was made, not until the GPU is done.
//   - All work goes into one stream, which runs it in the order of the calls. Memory that is
//     freed while an operation on it is still waiting can therefore be handed out again at
//     once. There are three exceptions. The copies of feeds have their own stream, with
//     events between the two (feed.go). Within a recorded step the operations may use several
//     streams; the step as a whole has its place in the first.
//   - With other ranks (allreduce.go) the device has a communicator of NCCL. The sums of a recorded step follow each other
//     in one more stream, beside the operations that do not need their results. The device then never waits in CUDA
//     while a sum may hang: it asks whether its work is done, and whether a rank is lost, and aborts the communicator.
//   - Memory comes out of chunks that the device keeps (memory.go, internal/arena), so that
//     allocating and freeing buffers needs no call of the driver.
//   - An operation is checked and turned into an op (op.go): its memory, its need of
//     workspace, and a function that puts its kernels into the stream (ops_*.go; package
//     kernels lists them). A direct call issues the op at once (context.go).
//   - A recording collects ops. It finds the dependences between them by the memory that they
//     use, spreads them over a few streams (step.go, internal/schedule), runs each kind of
//     product once (warmup.go) and captures the step into a CUDA graph (capture.go), which
//     each run replays with one call (program.go).
//   - Errors hold the operation, the call and CUDA's name for the result (calls.go). Errors
//     after which a context is unusable are gpu.ErrDeviceLost: the device then refuses every
//     call but Close.
//
// The files form layers, from options.go and buffer.go up to device.go and ops_*.go: each
// uses only lower ones.
//
// # Reproducibility
//
// The same calls on the same model of GPU give the same bits. No kernel uses atomics or
// leaves an order to chance. Each stream has its own cuBLAS handle and workspace, under
// which NVIDIA promises the same (cuBLAS documentation, "Results Reproducibility").
// Operations that overlap touch no memory in common. Products are plain float32 unless
// Options.TF32 asks otherwise.
package cuda
