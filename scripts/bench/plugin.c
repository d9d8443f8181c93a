// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU plugin: record which translation blocks (runs of guest instructions
 * without a branch) the guest executes, one after another, between two marks
 * that a program in the guest sets (mark.c). scripts/bench/analyse turns that
 * into functions, callers and tasks.
 */

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark.h"
#include "plugin.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;

/* What analyse reads: the blocks, then the events. Little endian both. */
struct block {
	__u64 start;
	__u64 end;		/* of the last instruction, exclusive */
	__u32 insns;
	__u32 reserved;
	__u8 last[16];		/* bytes of the last instruction */
};

/*
 * An event is the number of a block that is about to run, or EVENT_TASK and
 * then the low and the high half of an address that is the task's own.
 */
#define EVENT_TASK	0xffffffffU
#define MAX_EVENTS	(32U << 20)
#define KERNEL_HALF	0x8000000000000000ULL

static struct block *blocks;
static __u32 nr_blocks, max_blocks;
static __u32 *events, nr_events;
static unsigned int nr_traces;
static bool tracing;
static const char *prefix;
static __u64 plugin_id;

static void translated(__u64 id, struct qemu_plugin_tb *tb);
static void translated_to_record(__u64 id, struct qemu_plugin_tb *tb);

static void add_event(__u32 event)
{
	if (nr_events < MAX_EVENTS)
		events[nr_events++] = event;
}

static void block_runs(unsigned int vcpu, void *data)
{
	if (tracing)
		add_event((__u32)(unsigned long)data);
}

static void task_switches(unsigned int vcpu, __u32 info, __u64 vaddr, void *data)
{
	if (!tracing)
		return;
	add_event(EVENT_TASK);
	add_event((__u32)vaddr);
	add_event(vaddr >> 32);
}

/* PREFIX.N: two counts, the blocks known, the events. */
static void write_trace(void)
{
	char name[4096];
	__u32 head[2] = { nr_blocks, nr_events };
	FILE *out;

	snprintf(name, sizeof(name), "%s.%u", prefix, nr_traces++);
	out = fopen(name, "w");
	if (!out || fwrite(head, sizeof(head), 1, out) != 1 ||
	    fwrite(blocks, sizeof(*blocks), nr_blocks, out) != nr_blocks ||
	    fwrite(events, sizeof(*events), nr_events, out) != nr_events ||
	    fclose(out))
		fprintf(stderr, "plugin: cannot write %s\n", name);
}

static __u32 new_block(const struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, n - 1);
	size_t size = qemu_plugin_insn_size(last);
	struct block *b;

	if (nr_blocks == max_blocks) {
		max_blocks = max_blocks ? max_blocks * 2 : 1U << 16;
		blocks = realloc(blocks, max_blocks * sizeof(*blocks));
		if (!blocks)
			abort();
	}
	b = &blocks[nr_blocks];
	memset(b, 0, sizeof(*b));
	b->start = qemu_plugin_tb_vaddr(tb);
	b->end = qemu_plugin_insn_vaddr(last) + size;
	b->insns = n;
	memcpy(b->last, qemu_plugin_insn_data(last),
	       size < sizeof(b->last) ? size : sizeof(b->last));
	return nr_blocks++;
}

/*
 * Calling out of every block makes the guest several times slower for whoever
 * waits for it, so blocks are translated that way only while it is wanted.
 * A reset of the plugin makes QEMU forget all translations.
 */
static void watch_all(__u64 id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated_to_record);
}

static void watch_marks(__u64 id)
{
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
}

static void mark_runs(unsigned int vcpu, void *data)
{
	switch ((__u32)(unsigned long)data) {
	case MARK_PREPARE:
		qemu_plugin_reset(plugin_id, watch_all);
		break;
	case MARK_START:
		nr_events = 0;
		tracing = true;
		break;
	case MARK_STOP:
		tracing = false;
		write_trace();
		qemu_plugin_reset(plugin_id, watch_marks);
		break;
	}
}

/* The displacement of nopl DISPLACEMENT(%rax,%rax,1), 0 for anything else. */
static __u32 mark_of(const void *data, size_t size)
{
	static const __u8 nopl[] = { 0x0f, 0x1f, 0x84, 0x00 };
	__u32 mark;

	if (size != sizeof(nopl) + sizeof(mark) || memcmp(data, nopl, sizeof(nopl)))
		return 0;
	memcpy(&mark, data + sizeof(nopl), sizeof(mark));
	return mark >= MARK_PREPARE && mark <= MARK_STOP ? mark : 0;
}

static void translated(__u64 id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		unsigned long mark = mark_of(qemu_plugin_insn_data(insn),
					     qemu_plugin_insn_size(insn));

		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, mark_runs, NO_REGS,
							       (void *)mark);
	}
}

static void translated_to_record(__u64 id, struct qemu_plugin_tb *tb)
{
	/* mov disp32(%rsi),%rsp: nothing but the kernel's stack switch. */
	static const __u8 load_stack[] = { 0x48, 0x8b, 0xa6 };
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	translated(id, tb);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (qemu_plugin_insn_size(insn) == sizeof(load_stack) + sizeof(__u32) &&
		    !memcmp(qemu_plugin_insn_data(insn), load_stack, sizeof(load_stack)) &&
		    qemu_plugin_insn_vaddr(insn) >= KERNEL_HALF)
			qemu_plugin_register_vcpu_mem_cb(insn, task_switches, NO_REGS,
							 MEM_ANY, NULL);
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_runs, NO_REGS,
					     (void *)(unsigned long)new_block(tb));
}

/* -plugin FILE,out=PREFIX */
EXPORT int qemu_plugin_install(__u64 id, const void *info, int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "plugin: needs out=PREFIX and nothing else\n");
		return -1;
	}
	prefix = argv[0] + 4;
	events = malloc((size_t)MAX_EVENTS * sizeof(*events));
	if (!events)
		return -1;
	plugin_id = id;
	watch_marks(id);
	return 0;
}
