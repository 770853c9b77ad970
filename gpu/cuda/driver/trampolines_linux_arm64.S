//go:build cuda

// The trampolines for arm64; trampolines_linux_amd64.S explains the two pieces of code and the slot that every
// symbol gets. x16 is a scratch register that the procedure call standard keeps free of arguments.

.macro ROUTE index, name
	.pushsection .text.mdfa_trampolines, "ax", %progbits
	.balign 16
	.globl \name
	.hidden \name
	.type \name, %function
\name:
	hint #34 // bti c: a landing place for indirect calls, and a no-op where that is not checked
	adrp x16, mdfa_slots + 8 * \index
	ldr x16, [x16, #:lo12:mdfa_slots + 8 * \index]
	br x16
	.size \name, . - \name

	.balign 16
	.type mdfa_absent_\index, %function
mdfa_absent_\index:
	hint #34
	mov w0, #\index
	b mdfa_absent
	.size mdfa_absent_\index, . - mdfa_absent_\index
	.popsection

	.pushsection .data.mdfa_slots, "aw", %progbits
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

	.section .note.GNU-stack, "", %progbits
