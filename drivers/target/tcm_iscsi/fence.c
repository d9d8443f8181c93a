// SPDX-License-Identifier: GPL-2.0
/*
 * Response fences (RFC 7143 4.2.2.3.3; rows C44, E17, E19).
 *
 * On a session with several connections responses overtake each other.  Where
 * ResponseFence or FastAbort was negotiated, some must not: the answer to a
 * function that aborts tasks, and the unit attention that tells of it.  Such a
 * response waits until the initiator has acknowledged all that went before it
 * on all connections, and those after it wait until it is acknowledged itself.
 *
 * There is one fence a session at a time.  Each connection marks, and watches,
 * its own StatSN; a ping asks the initiator for an acknowledgment.
 */
#include <scsi/scsi_common.h>

#include "tcm_iscsi.h"

/* Responses, as opposed to R2Ts, pings and the like, which pass. */
#define TISCSI_FENCED	(BIT(TX_DATA_IN) | BIT(TX_STATUS) | BIT(TX_TMF))

static void tiscsi_fence_kick(struct tiscsi_conn *conn)
{
	set_bit(CONN_F_FENCE, &conn->flags);
	tiscsi_conn_kick(conn);
}

static void tiscsi_fence_kick_all(struct tiscsi_sess *sess)
{
	struct tiscsi_conn *conn;

	list_for_each_entry(conn, &sess->conns, sess_node)
		tiscsi_fence_kick(conn);
}

static void tiscsi_fence_drop(struct tiscsi_sess *sess)
{
	sess->fence = NULL;
	sess->fence_due = 0;
	tiscsi_fence_kick_all(sess);
}

/* Row E19: the first response after the abort is the one with the attention. */
static bool tiscsi_fence_is_wanted(const struct tiscsi_cmd *cmd,
				   enum tiscsi_tx_what what)
{
	struct scsi_sense_hdr sense;

	if (what == TX_TMF)
		return cmd->wait;
	return what == TX_STATUS && cmd->sense_len &&
	       scsi_normalize_sense(cmd->sense + 2, cmd->sense_len, &sense) &&
	       sense.sense_key == UNIT_ATTENTION;
}

static void tiscsi_fence_set_mark(struct tiscsi_conn *conn)
{
	conn->fence_mark = false;
	conn->fence_wait = true;
	conn->fence_sn = conn->stat_sn;
}

static void tiscsi_fence_raise(struct tiscsi_sess *sess,
			       struct tiscsi_cmd *cmd)
{
	struct tiscsi_conn *conn;

	sess->fence = cmd;
	sess->fence_sent = false;
	sess->fence_due = 0;
	list_for_each_entry(conn, &sess->conns, sess_node) {
		if (test_bit(CONN_F_DETACHED, &conn->flags))
			continue;
		conn->fence_mark = true;
		sess->fence_due++;
	}
	tiscsi_fence_set_mark(cmd->conn);
	tiscsi_fence_kick_all(sess);
}

/* The fenced response itself may go now: what follows waits for its ack. */
static void tiscsi_fence_pass(struct tiscsi_conn *conn)
{
	conn->sess->fence_sent = true;
	conn->sess->fence_due = 1;
	conn->fence_wait = true;
	conn->fence_sn = conn->stat_sn + 1;
	tiscsi_fence_kick(conn);
}

/**
 * tiscsi_fence_holds - must a response wait for a fence
 * @conn: the connection that it would go out on
 * @cmd: whose response it is
 * @what: what it is
 *
 * Only for sessions that negotiated fences.  io_work.
 *
 * Return: true when it must; then io_work is kicked when that is over.
 */
bool tiscsi_fence_holds(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd,
			enum tiscsi_tx_what what)
{
	struct tiscsi_sess *sess = conn->sess;
	bool hold = false;

	if (!(BIT(what) & TISCSI_FENCED))
		return false;
	spin_lock(&sess->lock);
	/* A copy of what has passed. */
	if (cmd->state == TASK_KEPT)
		goto out;
	if (cmd->state != TASK_RESPONSE) {
		/* Ended meanwhile: nothing goes out for it. */
		if (sess->fence == cmd)
			tiscsi_fence_drop(sess);
		goto out;
	}
	if (!sess->fence && sess->nr_conns > 1 &&
	    tiscsi_fence_is_wanted(cmd, what))
		tiscsi_fence_raise(sess, cmd);
	if (sess->fence == cmd && !sess->fence_due && !sess->fence_sent)
		tiscsi_fence_pass(conn);
	else
		hold = sess->fence;
out:
	spin_unlock(&sess->lock);
	return hold;
}

/* One connection less to wait for. */
static void tiscsi_fence_arrive(struct tiscsi_sess *sess)
{
	lockdep_assert_held(&sess->lock);
	if (!sess->fence || --sess->fence_due)
		return;
	if (!sess->fence_sent) {
		tiscsi_fence_kick(sess->fence->conn);
		return;
	}
	tiscsi_fence_drop(sess);
}

/**
 * tiscsi_fence_acked - a connection that a fence waits for got an ExpStatSN
 * @conn: the connection
 *
 * io_work.
 */
void tiscsi_fence_acked(struct tiscsi_conn *conn)
{
	if (iscsi_sna_lt(conn->exp_stat_sn, conn->fence_sn))
		return;
	conn->fence_wait = false;
	spin_lock(&conn->sess->lock);
	/* With a mark to set, that was for a fence of before. */
	if (!conn->fence_mark)
		tiscsi_fence_arrive(conn->sess);
	spin_unlock(&conn->sess->lock);
}

/**
 * tiscsi_fence_look - a fence was put up, or has gone
 * @conn: one of the session's connections
 *
 * io_work.
 */
void tiscsi_fence_look(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	bool release;

	spin_lock(&sess->lock);
	if (!sess->fence)
		conn->fence_wait = false;
	if (conn->fence_mark)
		tiscsi_fence_set_mark(conn);
	release = !sess->fence ||
		  (sess->fence->conn == conn && !sess->fence_due);
	spin_unlock(&sess->lock);

	if (conn->fence_wait)
		tiscsi_fence_acked(conn);
	if (conn->fence_wait)
		tiscsi_ping_ask(conn);
	if (release)
		tiscsi_tx_release(conn);
}

/**
 * tiscsi_fence_conn_gone - a connection leaves its session
 * @conn: CONN_F_DETACHED; it acknowledges nothing any more
 *
 * Caller holds sess->lock.
 */
void tiscsi_fence_conn_gone(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;

	lockdep_assert_held(&sess->lock);
	if (!sess->fence)
		return;
	if (sess->fence->conn == conn) {
		/* The response goes with it. */
		tiscsi_fence_drop(sess);
	} else if (conn->fence_mark || conn->fence_wait) {
		tiscsi_fence_arrive(sess);
	}
	conn->fence_mark = false;
	conn->fence_wait = false;
}
