/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of QEMU's plugin interface, version 1, that plugin.c uses: Debian
 * packages QEMU with plugins enabled, but without a header for them.
 */
#ifndef BENCH_PLUGIN_H
#define BENCH_PLUGIN_H

#include <linux/types.h>
#include <stddef.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { NO_REGS = 0 };	/* enum qemu_plugin_cb_flags */
enum { MEM_ANY = 3 };	/* enum qemu_plugin_mem_rw */

typedef void (*reset_fn)(__u64 id);
typedef void (*tb_trans_fn)(__u64 id, struct qemu_plugin_tb *tb);
typedef void (*exec_fn)(unsigned int vcpu, void *data);
typedef void (*mem_fn)(unsigned int vcpu, __u32 info, __u64 vaddr, void *data);

void qemu_plugin_reset(__u64 id, reset_fn cb);
void qemu_plugin_register_vcpu_tb_trans_cb(__u64 id, tb_trans_fn cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_fn cb,
					  int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    exec_fn cb, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, mem_fn cb,
				      int flags, int rw, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
__u64 qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
__u64 qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#endif
