/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The marks between which the guest's execution is recorded: no-operations,
 * nopl MARK(%rax,%rax,1), with displacements that no compiler would choose.
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#define MARK_PREPARE	0x54435300
#define MARK_START	0x54435301
#define MARK_STOP	0x54435302

#endif
