/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The marks between which the guest's execution is recorded, if a plugin of QEMU
 * does: no-operations, nopl MARK(%rax,%rax,1), with displacements that no compiler
 * would choose.
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#define MARK_PREPARE	0x54435300
#define MARK_START	0x54435301
#define MARK_STOP	0x54435302

static inline void mark_prepare(void)
{
	asm volatile("nopl %c0(%%rax,%%rax,1)" : : "i" (MARK_PREPARE) : "memory");
}

static inline void mark_start(void)
{
	asm volatile("nopl %c0(%%rax,%%rax,1)" : : "i" (MARK_START) : "memory");
}

static inline void mark_stop(void)
{
	asm volatile("nopl %c0(%%rax,%%rax,1)" : : "i" (MARK_STOP) : "memory");
}

#endif
