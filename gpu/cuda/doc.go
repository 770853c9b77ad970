// Package cuda is the device for NVIDIA GPUs: gpu.Device over gorgonia.org/cu and
// gorgonia.org/cu/blas, with the build tag cuda. It does not know whether the driver
// below it is NVIDIA's or the software GPU: who opens a device chooses that before,
// with gpu/cuda/driver.
//
// # How it works
//
//   - One goroutine, locked to a thread of the system on which the context is current,
//     makes all calls of the driver (executor.go). A method hands it a function and waits
//     until the call was made, not until the GPU is done.
//   - All work goes into one stream, so that it runs in the order of the calls. Nothing
//     else orders it, and nothing else has to: memory that is freed while an operation on
//     it is still waiting can be handed out again at once. One exception are the copies
//     of feeds, in a stream of their own, with events between the two (feed.go); the other
//     is inside a recorded step, which as a whole has its place in the stream.
//   - Memory comes out of chunks that the device keeps (arena.go). Freeing and allocating
//     buffers is no call of the driver.
//   - An operation is checked and turned into an op: how much workspace it needs and a
//     function that puts its kernels into the stream (ops_*.go; package kernels says which).
//     A direct call issues it at once. A recording collects ops, finds out which depend on
//     each other by the memory they touch (arrange.go), spreads them over a few streams
//     (schedule.go, lane.go), runs each kind of product once (warmup.go), captures what they
//     issue into a CUDA graph (capture.go), and replays that with one call (program.go).
//   - Errors carry the operation, the call and CUDA's name of the answer. Those after which
//     a context is unusable are gpu.ErrDeviceLost: the device then refuses every call but
//     Close.
//
// # Reproducibility
//
// The same calls on the same model of GPU give the same bits: no kernel uses atomics or
// an order that is left to chance, and each stream has a cuBLAS with a workspace of its
// own, under which NVIDIA promises the same (cuBLAS documentation, "Results
// Reproducibility"). Operations that overlap touch no memory in common. Products are plain float32 unless Options.TF32 asks otherwise.
package cuda
