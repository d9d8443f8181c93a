/* SPDX-License-Identifier: GPL-2.0 */
/* How long commands take: see latency.c. */
#ifndef TISCSI_LATENCY_H
#define TISCSI_LATENCY_H

#include <linux/jump_label.h>

#include "tcm_iscsi.h"

/* Ten digits each. */
#define TISCSI_LATENCY_TEXT	(TISCSI_LATENCY_BUCKETS * 11)

DECLARE_STATIC_KEY_FALSE(tiscsi_latency_key);

void tiscsi_latency_set(struct tiscsi_target *target, bool on);
void __tiscsi_latency_begin(struct tiscsi_cmd *cmd);
void __tiscsi_latency_end(struct tiscsi_cmd *cmd);
void tiscsi_latency_show(const struct tiscsi_latency *latency, char *buf);

static inline void tiscsi_latency_begin(struct tiscsi_cmd *cmd)
{
	if (static_branch_unlikely(&tiscsi_latency_key))
		__tiscsi_latency_begin(cmd);
}

static inline void tiscsi_latency_end(struct tiscsi_cmd *cmd)
{
	if (static_branch_unlikely(&tiscsi_latency_key))
		__tiscsi_latency_end(cmd);
}

#endif /* TISCSI_LATENCY_H */
