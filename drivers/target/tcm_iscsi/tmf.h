/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Task management functions at work: tmf.c says what each function does,
 * abort.c ends tasks for them and tells them when these are over.
 */
#ifndef TCM_ISCSI_TMF_H
#define TCM_ISCSI_TMF_H

#include "tcm_iscsi.h"

/**
 * struct tiscsi_tmf - what a task management function waits for
 * @ref: one of its task's slot, one of each cover
 * @conn: whose io_work goes on when nothing is pending; holds a reference
 * @pending: covers, a part that the core has, and one while more may come
 * @response: what it is going to be answered with
 * @info: additional response information, RFC 7144 6.3
 * @next_lun: target resets: logical units below this one have been reset
 *
 * All but @ref and @pending belong to io_work of @conn.
 */
struct tiscsi_tmf {
	refcount_t ref;
	struct tiscsi_conn *conn;
	atomic_t pending;
	u8 response;
	u8 info[3];
	u64 next_lun;
};

/**
 * struct tiscsi_cover - tasks of one session whose end a function waits for
 * @node: in sess->covers, under sess->lock
 * @tmf: the function; holds a reference and one of its @pending
 * @nr: bits set in @slots
 * @slots: the tasks, by the index of their slot
 *
 * A task may be covered by several functions, and by one of another session.
 */
struct tiscsi_cover {
	struct list_head node;
	struct tiscsi_tmf *tmf;
	u32 nr;
	DECLARE_BITMAP(slots, TISCSI_CMDSN_DEPTH_MAX + TISCSI_EXTRA_SLOTS);
};

struct tiscsi_tmf *tiscsi_tmf_start(struct tiscsi_cmd *cmd);
void tiscsi_tmf_hold(struct tiscsi_tmf *tmf);
void tiscsi_tmf_let_go(struct tiscsi_tmf *tmf);

bool tiscsi_abort_task(struct tiscsi_cmd *by, struct tiscsi_cmd *ref);
void tiscsi_abort_own(struct tiscsi_cmd *by, u64 lun);
void tiscsi_abort_others(struct tiscsi_cmd *by, u64 lun, bool in_core);

#endif /* TCM_ISCSI_TMF_H */
