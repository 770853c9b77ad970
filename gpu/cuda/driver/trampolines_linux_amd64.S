//go:build cuda

// The trampolines for amd64. For every symbol of symbols_gen.h two pieces of code and one slot:
//
//   name       the symbol itself: jumps to wherever its slot points;
//   absent     where the slot points as long as the symbol has no provider: calls mdfa_absent(index).
//
// Neither touches the stack or a register that carries an argument (absent drops the arguments), so any
// signature passes through unchanged. The symbols are hidden: visible to the objects of this binary, invisible
// to the libraries that it loads, which must keep finding NVIDIA's own.

.macro ROUTE index, name
	.pushsection .text.mdfa_trampolines, "ax", @progbits
	.balign 16
	.globl \name
	.hidden \name
	.type \name, @function
\name:
	endbr64
	jmp *(mdfa_slots + 8 * \index)(%rip)
	.size \name, . - \name

	.balign 16
	.type mdfa_absent_\index, @function
mdfa_absent_\index:
	endbr64
	movl $\index, %edi
	jmp mdfa_absent
	.size mdfa_absent_\index, . - mdfa_absent_\index
	.popsection

	.pushsection .data.mdfa_slots, "aw", @progbits
	.quad mdfa_absent_\index
	.popsection
.endm

	// The head of the table of slots, one for each symbol in the order of symbols_gen.h; driver.h declares it to C.
	.section .data.mdfa_slots, "aw"
	.balign 8
	.globl mdfa_slots
	.hidden mdfa_slots
mdfa_slots:

#define SYMBOL(index, name) ROUTE index, name
#include "symbols_gen.h"

	.section .note.GNU-stack, "", @progbits
