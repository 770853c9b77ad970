//go:build cuda

// The trampolines for arm64; trampolines_linux_amd64.S explains the three pieces of code and the slot that every
// symbol gets. x15 to x17 are scratch registers that the procedure call standard keeps free of arguments.

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

	.balign 16
	.type mdfa_counted_\index, %function
mdfa_counted_\index:
	hint #34
	adrp x16, mdfa_counts + 8 * \index
	add x16, x16, #:lo12:mdfa_counts + 8 * \index
1:	ldxr x17, [x16]
	add x17, x17, #1
	stxr w15, x17, [x16]
	cbnz w15, 1b
	adrp x16, mdfa_targets + 8 * \index
	ldr x16, [x16, #:lo12:mdfa_targets + 8 * \index]
	br x16
	.size mdfa_counted_\index, . - mdfa_counted_\index
	.popsection

	.pushsection .data.mdfa_slots, "aw", %progbits
	.quad mdfa_absent_\index
	.popsection

	.pushsection .data.rel.ro.mdfa_absent_stubs, "aw", %progbits
	.quad mdfa_absent_\index
	.popsection

	.pushsection .data.rel.ro.mdfa_counted_stubs, "aw", %progbits
	.quad mdfa_counted_\index
	.popsection
.endm

#include "tables.h"

#define SYMBOL(index, name) ROUTE index, name
#include "symbols_gen.h"

	.section .note.GNU-stack, "", %progbits
