// Package vm is a software GPU's instruction side: a device memory, a loader
// that lowers PTX (package ptx) to a compact form, and an interpreter that runs
// it a warp at a time, with checks that a GPU does not have.
//
// A register holds the values of a warp's 32 lanes side by side, so that every
// instruction is one tight loop; a set of lanes is a bit mask. Divergence uses
// a stack with reconvergence at the immediate post-dominator. Calls of device
// functions are inlined (recursion is refused at load time).
//
// # What is checked on every launch
//
// Out-of-bounds, freed, misaligned and never-written memory; writes to
// constant memory; values that were never written reaching a store, an address
// or a branch; races on shared memory (by thread) and global memory (by warp and
// by block); barriers that part of a block does not reach; warp-level
// operations whose mask names lanes that are not there; kernels that do not end.
// A finding stops the launch and is a *Fault with kernel, line, thread and
// address. The order in which warps and blocks run is shuffled by a seed.
//
// The race check follows happens-before through barriers and warp barriers
// only. It is stricter than a GPU: fences and flags between blocks do not order
// plain accesses, so a "last block sums up" kernel is reported.
//
// Launches are checked against each other where the caller says which are not ordered
// (Launch.Unordered), in whichever order they were run; Memory.Touch does it for copies
// and products. Per word, the last launch that wrote it and the last two that read it
// since are known.
//
// Memory.Pool and Carve tell the checks that a program gives out an allocation in
// pieces: then an access beside a piece, or to one that was released, is found too.
//
// # Speed
//
// Lanes that lie side by side, or on one address, are checked and moved as one range;
// the rest goes lane by lane, with the same findings. Builds with GOEXPERIMENT=simd on
// amd64 execute the commonest instructions with AVX2, to the same bits as the plain
// loops.
//
// # Files
//
// Numbers: lanes, float32, float64, float16, integer, convert; vec has the loops over lanes, of which vecgen writes
// most. Findings and limits: fault, limits. Memory and its shadows: shadow*, memory*. layout, stats; state and kernel
// declare the kernel, launch, block and warp. Execution: warp, access, exec*, run, block, launch. Loading: lower*,
// flowgraph, lives, track, allocate, module.
//
// # Where PTX leaves a result open
//
//   - integer division by zero gives all ones, the remainder gives the dividend,
//     as NVIDIA hardware does; the smallest integer divided by -1 gives itself;
//   - the approx functions and .full division are computed in float64 and rounded
//     once, which is within the documented error of each;
//   - a single-precision NaN result is the canonical 0x7fffffff;
//   - fma contraction never happens: mul and add without a rounding modifier are
//     two roundings, as written.
package vm
