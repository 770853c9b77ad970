// Package ptx reads PTX text, the virtual assembly of NVIDIA GPUs, into a
// resolved intermediate form: every register, variable and label that an
// instruction names is a pointer to its declaration, and every instruction
// keeps the line it came from and the .loc source position in force there.
//
// It covers the language of PTX ISA 6.0 to 8.x (and accepts 5.0 headers) as
// the CUDA compilers write it: directives, declarations with initialisers,
// nested scopes, device functions and their calls. The parser checks syntax
// and names; package vm, which loads the module, decides whether an opcode
// exists and its meaning.
package ptx
