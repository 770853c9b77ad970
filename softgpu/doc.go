// Package softgpu is a software GPU for finding mistakes in CUDA code. It interprets PTX on the host's processors,
// with checks that no GPU has: bounds and lifetime of every access, memory that was never written, races, barriers,
// leaks, and the rules of the driver's calls.
//
// [Open] returns a [GPU] on which a test launches its kernels, without cgo and without CUDA; the examples show it.
// [Machine] is the CUDA driver and parts of cuBLAS and NCCL as Go methods. Package capi puts a Machine behind the C functions
// that a program calls. README.md lists the supported PTX and the checks.
//
// Package vm underneath interprets PTX, package ptx parses it, package cublas multiplies matrices, package nccl adds up over
// ranks. None of them imports anything else of this module.
//
// # Late streams
//
// An operation that CUDA calls asynchronous is queued and runs only when something
// makes it: a synchronisation, a blocking copy, a query (one operation each), or a
// queue that has become too deep ([Options.QueueDepth]). A missing synchronisation
// therefore shows every time, not once in a thousand runs: the target of an asynchronous
// copy to the host is filled with 0xFF bytes, which are NaN in any float, until the copy
// has run, and a copy from pinned memory reads that memory when it runs. A sum over ranks
// begins by itself after a while, since another rank may wait for it.
//
// # Stricter than a GPU
//
//   - everything that package vm checks within a launch, and races between operations
//     of streams, or of branches of a graph, that nothing orders;
//   - cuMemFree does not wait for queued work: work that still uses the memory is
//     reported when it runs;
//   - cuBLAS reads are checked for memory that was never written, like a kernel's;
//   - a context must be current on the calling thread, handles belong to the current
//     context, errors of queued work are sticky as the driver's are, and capture
//     follows the rules of "Stream capture" in the CUDA programming guide;
//   - sums of one NCCL communicator must be ordered by the program;
//   - nothing is left behind: [Machine.Leaks] lists the memory that a program did not free.
//
// A CUDA call answers with a number. [Machine.Explain] gives the reason as a sentence, with
// kernel, PTX line, thread and address where a check has fired.
package softgpu
