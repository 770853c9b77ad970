// Package softgpu is a software GPU: the CUDA driver and the part of cuBLAS that the
// engine uses, on the host's processors, with checks that no GPU has. Package vm
// underneath interprets PTX, package cublas multiplies matrices, package capi puts a
// [Machine] behind the C functions that the program calls.
//
// # Late streams
//
// An operation that CUDA calls asynchronous is queued and runs only when something
// makes it: a synchronisation, a blocking copy, a query (one operation each), or a
// queue that has become too deep ([Options.QueueDepth]). A missing synchronisation
// therefore shows every time, not once in a thousand runs: what an asynchronous copy
// will write on the host is filled with 0xFF bytes, which are NaN in any float, until
// it has run, and a copy from pinned memory reads what is there when it runs.
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
//   - nothing is left behind: [Machine.Leaks] lists what a program did not give back.
//
// An answer in CUDA is a number. [Machine.Explain] tells the sentence behind it, with
// kernel, PTX line, thread and address where a check has fired.
package softgpu
