// The heads of the tables that the trampolines fill, one entry for each symbol in the order of symbols_gen.h.
// Included by the assembly files; driver.h declares the same tables to C.

.macro TABLE name, section
	.section \section, "aw"
	.balign 8
	.globl \name
	.hidden \name
\name:
.endm

	TABLE mdfa_slots, .data.mdfa_slots
	TABLE mdfa_absent_stubs, .data.rel.ro.mdfa_absent_stubs
	TABLE mdfa_counted_stubs, .data.rel.ro.mdfa_counted_stubs
