// Package interop holds the tests of the files that a run leaves for other programs: the
// programs themselves read them. The build tag interop turns the tests on, since they need
// the packages of wheels/interop.in, which `make test-interop` installs into .cache/interop.
//
// scipy confirms the statistics of run/compare.
//
// The Python scripts do as little as possible: each reads a file with its package and
// prints the contents. The Go tests hold the expected values.
package interop
