// Package nccl adds up memory over the ranks of a communicator, as NVIDIA's NCCL does between GPUs, over TCP and with
// checks: every rank must make the same calls.
//
// [NewID] opens a socket in its process. Each rank connects to it with [Join] and sends its part of every sum there; the
// process adds up in the order of the ranks, so that the same numbers give the same bits, and sends the result to all.
// Where ranks differ, or one is missing, every rank gets the same sentence.
package nccl
