//go:build cuda

// The trampolines for amd64. For every symbol of symbols_gen.h three pieces of code and one slot:
//
//   name       the symbol itself: jumps to wherever its slot points;
//   absent     where the slot points as long as the symbol has no provider: calls mdfa_absent(index);
//   counted    where the slot points while calls are counted: adds one, then jumps to mdfa_targets[index].
//
// None of them touches the stack or a register that carries an argument (absent drops the arguments), so any
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

	.balign 16
	.type mdfa_counted_\index, @function
mdfa_counted_\index:
	endbr64
	lock incq (mdfa_counts + 8 * \index)(%rip)
	jmp *(mdfa_targets + 8 * \index)(%rip)
	.size mdfa_counted_\index, . - mdfa_counted_\index
	.popsection

	.pushsection .data.mdfa_slots, "aw", @progbits
	.quad mdfa_absent_\index
	.popsection

	.pushsection .data.rel.ro.mdfa_absent_stubs, "aw", @progbits
	.quad mdfa_absent_\index
	.popsection

	.pushsection .data.rel.ro.mdfa_counted_stubs, "aw", @progbits
	.quad mdfa_counted_\index
	.popsection
.endm

#include "tables.h"

#define SYMBOL(index, name) ROUTE index, name
#include "symbols_gen.h"

	.section .note.GNU-stack, "", @progbits
