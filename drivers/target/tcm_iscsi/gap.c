// SPDX-License-Identifier: GPL-2.0
/*
 * Holes in the CmdSN order that stay open (RFC 7143 7.14, row F25).
 *
 * TCP loses nothing.  A request that later ones wait for was rejected and is not
 * sent again, or is with a connection that has failed without anybody having
 * noticed.  The time for that is that for data, which is as much owed to us.
 * When it is over, all connections of the session are pinged.  One that does not
 * answer has failed, and nothing else: what it had can be sent again elsewhere.
 * If all answer, the request does not come, and the session is recovered: its
 * connections end as failed ones do.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "recovery.h"

/* Jiffies for a connection to fail for its ping before the session does. */
#define TISCSI_GAP_SLACK	HZ

/* Immediate requests that wait for a number have a time of their own. */
static bool tiscsi_gap_is_open(const struct tiscsi_sess *sess)
{
	const struct tiscsi_cmd *cmd;

	list_for_each_entry(cmd, &sess->pending, list)
		if (cmd->state == TASK_PENDING)
			return true;
	return false;
}

static void tiscsi_gap_restart(struct tiscsi_sess *sess, unsigned long more)
{
	sess->gap_sn = sess->exp_cmd_sn;
	sess->gap_asked = false;
	sess->gap_until = jiffies + tiscsi_data_patience(sess) + more;
}

/**
 * tiscsi_gap_note - a request is about to wait for others
 * @conn: where it came in
 *
 * Caller holds sess->lock.  io_work.
 */
void tiscsi_gap_note(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;

	lockdep_assert_held(&sess->lock);
	if (!sess->nacl)
		return;
	if (sess->gap_sn != sess->exp_cmd_sn || !tiscsi_gap_is_open(sess))
		tiscsi_gap_restart(sess, 0);
	tiscsi_conn_arm_timer(conn, sess->gap_until);
}

/**
 * tiscsi_gap_conn_failed - a session has lost a connection
 * @sess: the session
 *
 * The initiator has the time for recovery to send again what was lost with it.
 * Caller holds sess->lock.
 */
void tiscsi_gap_conn_failed(struct tiscsi_sess *sess)
{
	lockdep_assert_held(&sess->lock);
	if (tiscsi_gap_is_open(sess))
		tiscsi_gap_restart(sess, tiscsi_sess_retain_time(sess));
}

static void tiscsi_gap_ask(struct tiscsi_sess *sess)
{
	struct tiscsi_nacl_attrib *attrib = &sess->nacl->attrib;
	struct tiscsi_conn *conn;

	sess->gap_asked = true;
	sess->gap_until = jiffies + TISCSI_GAP_SLACK +
			  HZ * READ_ONCE(attrib->nopin_response_timeout);
	list_for_each_entry(conn, &sess->conns, sess_node) {
		if (tiscsi_is_suspended(conn))
			continue;
		set_bit(CONN_F_ASK, &conn->flags);
		tiscsi_conn_kick(conn);
	}
}

static void tiscsi_gap_fail(struct tiscsi_conn *here)
{
	struct tiscsi_sess *sess = here->sess;
	struct tiscsi_conn *conn;

	pr_warn_ratelimited("%pISpc %s: the request with CmdSN %u does not come\n",
			    &here->peer_addr, sess->initiator_name,
			    sess->exp_cmd_sn);
	atomic_inc(&sess->conn_timeout_errors);
	list_for_each_entry(conn, &sess->conns, sess_node)
		tiscsi_conn_close(conn, CLOSE_TIMEOUT);
}

/**
 * tiscsi_gap_check_time - has a request been missing for too long
 * @conn: a connection of the session
 *
 * io_work.
 */
void tiscsi_gap_check_time(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;

	if (list_empty_careful(&sess->pending) || !sess->nacl)
		return;
	spin_lock(&sess->lock);
	if (!tiscsi_gap_is_open(sess)) {
		spin_unlock(&sess->lock);
		return;
	}
	if (sess->gap_sn != sess->exp_cmd_sn)
		tiscsi_gap_restart(sess, 0);
	else if (time_after_eq(jiffies, sess->gap_until) && sess->gap_asked)
		tiscsi_gap_fail(conn);
	else if (time_after_eq(jiffies, sess->gap_until))
		tiscsi_gap_ask(sess);
	tiscsi_conn_arm_timer(conn, sess->gap_until);
	spin_unlock(&sess->lock);
}
