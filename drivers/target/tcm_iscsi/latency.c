// SPDX-License-Identifier: GPL-2.0
/*
 * How long commands take: a histogram for each connection of the targets that
 * it is wanted for (<iqn>/sessions/latency).
 *
 * It costs nothing while nobody wants it, and no atomic operation otherwise:
 * a command is answered by the io_work of its connection.
 */
#include <linux/bitops.h>
#include <linux/ktime.h>

#include "latency.h"

DEFINE_STATIC_KEY_FALSE(tiscsi_latency_key);

/* Microseconds; never 0, which is no time. */
static u32 latency_now(void)
{
	return (u32)ktime_to_us(ktime_get()) ?: 1;
}

/**
 * tiscsi_latency_set - begin to measure, or cease
 * @target: the target
 * @on: measure
 *
 * Counters go on from where they were.  Process context; takes
 * tiscsi_config_lock.
 */
void tiscsi_latency_set(struct tiscsi_target *target, bool on)
{
	mutex_lock(&tiscsi_config_lock);
	if (on != target->latency) {
		WRITE_ONCE(target->latency, on);
		if (on)
			static_branch_inc(&tiscsi_latency_key);
		else
			static_branch_dec(&tiscsi_latency_key);
	}
	mutex_unlock(&tiscsi_config_lock);
}

/**
 * __tiscsi_latency_begin - the header of a SCSI Command is here
 * @cmd: its task
 *
 * io_work.
 */
void __tiscsi_latency_begin(struct tiscsi_cmd *cmd)
{
	if (READ_ONCE(cmd->sess->tpg->target->latency))
		cmd->began = latency_now();
}

/**
 * __tiscsi_latency_end - a SCSI Command is answered, maybe once more
 * @cmd: its task
 *
 * io_work of its connection.
 */
void __tiscsi_latency_end(struct tiscsi_cmd *cmd)
{
	struct tiscsi_latency *latency = &cmd->conn->latency;
	u32 us;

	if (!cmd->began)
		return;
	us = latency_now() - cmd->began;
	cmd->began = 0;
	latency->us += us;
	latency->nr[min(fls(us), TISCSI_LATENCY_BUCKETS - 1)]++;
}

/**
 * tiscsi_latency_show - a histogram as text
 * @latency: the histogram
 * @buf: TISCSI_LATENCY_TEXT bytes
 *
 * Numbers with commas between them, without the zeros at the end: answers that
 * took less than 1, 2, 4, ... microseconds; the last one of
 * TISCSI_LATENCY_BUCKETS counts all that took longer.  Any context.
 */
void tiscsi_latency_show(const struct tiscsi_latency *latency, char *buf)
{
	u32 i, nr = TISCSI_LATENCY_BUCKETS;
	size_t len = 0;

	while (nr > 1 && !READ_ONCE(latency->nr[nr - 1]))
		nr--;
	for (i = 0; i < nr; i++)
		len += scnprintf(buf + len, TISCSI_LATENCY_TEXT - len,
				 i ? ",%llu" : "%llu",
				 READ_ONCE(latency->nr[i]));
}
