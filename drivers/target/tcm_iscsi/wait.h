/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tasks that wait for the end of others: tmf.c says what each task management
 * function does, abort.c ends tasks for them, access/order.c keeps ORDERED
 * commands behind what came before them, access/fence.c keeps PREEMPT AND ABORT
 * from ending before what it aborts.
 */
#ifndef TCM_ISCSI_WAIT_H
#define TCM_ISCSI_WAIT_H

#include "tcm_iscsi.h"

/**
 * struct tiscsi_wait - what a task waits for
 * @ref: one of its task's slot or of who sleeps, one of each cover
 * @conn: whose io_work goes on when nothing is pending; holds a reference.
 *	NULL: somebody sleeps until @over
 * @over: nothing is pending
 * @pending: covers, a part that the core has, and one while more may come
 * @answers: also for the answers to tasks of its own session to be out
 * @response: what a function is going to be answered with
 * @info: additional response information, RFC 7144 6.3
 * @from: TASK REASSIGN: the connection that has the task; not to be followed
 * @next_lun: target resets: logical units below this one have been reset
 *
 * All but @ref and @pending belong to io_work of @conn.
 */
struct tiscsi_wait {
	refcount_t ref;
	struct tiscsi_conn *conn;
	struct completion over;
	atomic_t pending;
	bool answers;
	u8 response;
	u8 info[3];
	const struct tiscsi_conn *from;
	u64 next_lun;
};

/**
 * struct tiscsi_cover - tasks of one session whose end is waited for
 * @node: in sess->covers, under sess->lock
 * @wait: who waits; holds a reference and one of its @pending
 * @nr: bits set in @slots
 * @slots: the tasks, by the index of their slot
 *
 * A task may be covered several times, and for a task of another session.
 */
struct tiscsi_cover {
	struct list_head node;
	struct tiscsi_wait *wait;
	u32 nr;
	DECLARE_BITMAP(slots, TISCSI_MAX_SLOTS);
};

struct tiscsi_wait *tiscsi_wait_new(struct tiscsi_conn *conn, gfp_t gfp);
void tiscsi_wait_hold(struct tiscsi_wait *wait);
void tiscsi_wait_let_go(struct tiscsi_wait *wait);
void tiscsi_wait_change_conn(struct tiscsi_wait *wait, struct tiscsi_conn *to);
struct tiscsi_cover *tiscsi_cover_alloc(struct tiscsi_wait *wait, gfp_t gfp);
void tiscsi_cover_add(struct tiscsi_cover *cover, struct tiscsi_cmd *cmd);
void tiscsi_cover_file(struct tiscsi_cover *cover, struct tiscsi_sess *sess);

void tiscsi_abort_task(struct tiscsi_cmd *by, struct tiscsi_cmd *ref);
void tiscsi_abort_own(struct tiscsi_cmd *by, u64 lun);
void tiscsi_abort_others(struct tiscsi_cmd *by, u64 lun, bool in_core);

#endif /* TCM_ISCSI_WAIT_H */
