// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that wait for the end of others: see wait.h.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "wait.h"

/**
 * tiscsi_wait_new - something is going to be waited for
 * @conn: whose io_work is to look when there is nothing left to wait for; NULL
 *	when the caller sleeps until wait->over
 * @gfp: how to get memory
 *
 * What is waited for is added to the first hold, which the caller lets go of
 * when that is complete.  Process context.
 *
 * Return: what is to be dropped with tiscsi_wait_put(), or NULL.
 */
struct tiscsi_wait *tiscsi_wait_new(struct tiscsi_conn *conn, gfp_t gfp)
{
	struct tiscsi_wait *wait = kzalloc(sizeof(*wait), gfp);

	if (!wait)
		return NULL;
	refcount_set(&wait->ref, 1);
	atomic_set(&wait->pending, 1);
	init_completion(&wait->over);
	if (conn)
		tiscsi_conn_get(conn);
	wait->conn = conn;
	wait->response = ISCSI_TMF_RSP_COMPLETE;
	return wait;
}

/**
 * tiscsi_wait_put - drop a reference to what is waited for
 * @wait: freed with the last one
 *
 * Process context, no lock held.
 */
void tiscsi_wait_put(struct tiscsi_wait *wait)
{
	if (!refcount_dec_and_test(&wait->ref))
		return;
	if (wait->conn)
		tiscsi_conn_put(wait->conn);
	kfree(wait);
}

/**
 * tiscsi_wait_hold - one thing more to wait for
 * @wait: who waits
 *
 * Any context.
 */
void tiscsi_wait_hold(struct tiscsi_wait *wait)
{
	atomic_inc(&wait->pending);
}

/**
 * tiscsi_wait_let_go - one thing less to wait for
 * @wait: who waits; goes on after the last one
 *
 * Any context.
 */
void tiscsi_wait_let_go(struct tiscsi_wait *wait)
{
	struct tiscsi_conn *conn;

	if (!atomic_dec_and_test(&wait->pending))
		return;
	if (!wait->conn) {
		complete(&wait->over);
		return;
	}
	/* See tiscsi_wait_change_conn(). */
	rcu_read_lock();
	conn = READ_ONCE(wait->conn);
	set_bit(CONN_F_GO_ON, &conn->flags);
	tiscsi_conn_kick(conn);
	rcu_read_unlock();
}

/**
 * tiscsi_wait_change_conn - a task that waits has another connection
 * @wait: what it waits for
 * @to: the connection; the caller has it look whether anything is left
 *
 * Who is about to kick the old one does so in an RCU section, whose end
 * tiscsi_suspended_end() waits for.  io_work of the old connection.
 */
void tiscsi_wait_change_conn(struct tiscsi_wait *wait, struct tiscsi_conn *to)
{
	struct tiscsi_conn *from = wait->conn;

	tiscsi_conn_get(to);
	WRITE_ONCE(wait->conn, to);
	tiscsi_conn_put(from);
}

/**
 * tiscsi_cover_alloc - a set of tasks of one session to wait for
 * @wait: who waits; its response says when there was no memory
 * @gfp: how to get it
 *
 * Any context.
 *
 * Return: an empty set for tiscsi_cover_file(), or NULL.
 */
struct tiscsi_cover *tiscsi_cover_alloc(struct tiscsi_wait *wait, gfp_t gfp)
{
	struct tiscsi_cover *cover = kzalloc(sizeof(*cover), gfp);

	if (!cover)
		wait->response = ISCSI_TMF_RSP_REJECTED;
	else
		cover->wait = wait;
	return cover;
}

/**
 * tiscsi_cover_add - put a task into a set
 * @cover: the set, not filed yet
 * @cmd: the task, live
 *
 * Caller holds sess->lock, until it has filed the set.
 */
void tiscsi_cover_add(struct tiscsi_cover *cover, struct tiscsi_cmd *cmd)
{
	lockdep_assert_held(&cmd->sess->lock);
	set_bit(CMD_COVERED, &cmd->flags);
	__set_bit(cmd->index, cover->slots);
	cover->nr++;
}

/**
 * tiscsi_cover_file - all tasks are in the set: from here on their ends count
 * @cover: the set; freed if it is empty
 * @sess: the session
 *
 * Caller holds sess->lock.
 */
void tiscsi_cover_file(struct tiscsi_cover *cover, struct tiscsi_sess *sess)
{
	lockdep_assert_held(&sess->lock);
	if (!cover->nr) {
		kfree(cover);
		return;
	}
	refcount_inc(&cover->wait->ref);
	tiscsi_wait_hold(cover->wait);
	list_add_tail(&cover->node, &sess->covers);
}

static bool tiscsi_cover_wants_answer(const struct tiscsi_cover *cover,
				      const struct tiscsi_sess *sess)
{
	const struct tiscsi_wait *wait = cover->wait;

	return wait->answers && wait->conn->sess == sess;
}

/**
 * tiscsi_cover_task_over - a covered task has ended, or has left the core
 * @cmd: the task
 * @ended: it has ended.  Not everybody waits for that: the time that an
 *	initiator takes to hear of it is not for other sessions to lose
 * @done: covers that it was the last one of are put here
 *
 * Caller holds sess->lock and calls tiscsi_covers_over() when it has let go.
 */
void tiscsi_cover_task_over(struct tiscsi_cmd *cmd, bool ended,
			    struct list_head *done)
{
	struct tiscsi_cover *cover, *next;

	lockdep_assert_held(&cmd->sess->lock);
	list_for_each_entry_safe(cover, next, &cmd->sess->covers, node) {
		if (!ended && tiscsi_cover_wants_answer(cover, cmd->sess))
			continue;
		if (__test_and_clear_bit(cmd->index, cover->slots) &&
		    !--cover->nr)
			list_move_tail(&cover->node, done);
	}
}

/**
 * tiscsi_covers_over - tell who waited that what it waited for has ended
 * @done: the covers, freed
 *
 * Process context, no lock held.
 */
void tiscsi_covers_over(struct list_head *done)
{
	struct tiscsi_cover *cover, *next;

	list_for_each_entry_safe(cover, next, done, node) {
		tiscsi_wait_let_go(cover->wait);
		tiscsi_wait_put(cover->wait);
		kfree(cover);
	}
}
