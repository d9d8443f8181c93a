// SPDX-License-Identifier: GPL-2.0
/*
 * Logout (RFC 7143 11.14, 11.15): of a session, of this connection, or of
 * another one of the session.
 *
 * It is answered when what it ends has ended, commands in the core included:
 * who is told that a connection is gone may send its commands again elsewhere,
 * and must not be overtaken by the old ones.
 */
#include "recovery.h"

/* Seconds that a Logout waits for the tasks that it ends. */
#define TISCSI_LOGOUT_WAIT	10

/**
 * tiscsi_logout_begin - the header of a Logout Request is here
 * @conn: the connection
 *
 * io_work.
 *
 * Return: 0, a Reject reason, REJECT_FORMAT (row A24), -EAGAIN.
 */
int tiscsi_logout_begin(struct tiscsi_conn *conn)
{
	struct iscsi_logout *req = (struct iscsi_logout *)&conn->rx.bhs;

	if (conn->rx.data_len)
		return REJECT_FORMAT;
	if (req->itt == RESERVED_ITT)
		return REJECT_INVALID;
	/* A02: a reserved reason is reported, never executed. */
	if ((req->flags & ISCSI_FLAG_LOGOUT_REASON_MASK) >
	    ISCSI_LOGOUT_REASON_RECOVERY)
		return ISCSI_REASON_PROTOCOL_ERROR;
	return tiscsi_request_task(conn, 0);
}

/**
 * tiscsi_logout_answer - answer a Logout, unless it has been
 * @cmd: its task
 * @response: ISCSI_LOGOUT_*
 *
 * Caller holds sess->lock.
 */
void tiscsi_logout_answer(struct tiscsi_cmd *cmd, u8 response)
{
	lockdep_assert_held(&cmd->sess->lock);
	if (cmd->state == TASK_RESPONSE || cmd->state == TASK_DONE)
		return;
	if (cmd->conn->logout == cmd)
		cmd->conn->logout = NULL;
	cmd->response = response;
	tiscsi_cmd_set_state(cmd, TASK_RESPONSE);
	tiscsi_tx_queue(cmd, TX_LOGOUT);
	tiscsi_conn_kick(cmd->conn);
}

static void tiscsi_logout_answer_now(struct tiscsi_cmd *cmd, u8 response)
{
	spin_lock(&cmd->sess->lock);
	tiscsi_logout_answer(cmd, response);
	spin_unlock(&cmd->sess->lock);
}

/* C24: no task of this connection is answered after the Logout Response. */
static void tiscsi_logout_self(struct tiscsi_cmd *cmd, bool session)
{
	struct tiscsi_conn *conn = cmd->conn;

	set_bit(CMD_LAST_WORD, &cmd->flags);
	tiscsi_conn_set_state(conn, CONN_IN_LOGOUT);
	conn->deadline = cmd->deadline;
	tiscsi_sess_logout(cmd, session);
}

static u8 tiscsi_logout_reason(const struct tiscsi_cmd *cmd)
{
	const struct iscsi_logout *req = (const struct iscsi_logout *)&cmd->hdr;

	return req->flags & ISCSI_FLAG_LOGOUT_REASON_MASK;
}

/**
 * tiscsi_logout_is_recovery - is a connection logged out to be recovered
 * @cmd: the Logout
 *
 * Return: whether that is so, and can be done. Any context.
 */
bool tiscsi_logout_is_recovery(const struct tiscsi_cmd *cmd)
{
	return cmd->sess->erl == 2 &&
	       tiscsi_logout_reason(cmd) == ISCSI_LOGOUT_REASON_RECOVERY;
}

/* C21: a connection that can say so itself needs no recovery. */
static void tiscsi_logout_recovery(struct tiscsi_cmd *cmd, u16 cid)
{
	if (!tiscsi_logout_is_recovery(cmd))
		tiscsi_logout_answer_now(cmd, ISCSI_LOGOUT_RECOVERY_UNSUPPORTED);
	else if (cid == cmd->conn->cid)
		tiscsi_reject_task(cmd, ISCSI_REASON_PROTOCOL_ERROR);
	else if (!tiscsi_sess_logout_recovery(cmd, cid))
		tiscsi_logout_answer_now(cmd, ISCSI_LOGOUT_CID_NOT_FOUND);
}

/**
 * tiscsi_logout_exec - the turn of a Logout has come
 * @cmd: its task
 *
 * io_work.
 */
void tiscsi_logout_exec(struct tiscsi_cmd *cmd)
{
	struct iscsi_logout *req = (struct iscsi_logout *)&cmd->hdr;
	u8 reason = tiscsi_logout_reason(cmd);
	struct tiscsi_conn *conn = cmd->conn;
	u16 cid = be16_to_cpu(req->cid);

	/* A backend that does not answer must not keep the connection. */
	cmd->deadline = jiffies + TISCSI_LOGOUT_WAIT * HZ;
	if (conn->tpg)
		tiscsi_stat_logout(conn->tpg->target, reason);
	tiscsi_conn_arm_timer(conn, cmd->deadline);
	if (reason == ISCSI_LOGOUT_REASON_RECOVERY)
		tiscsi_logout_recovery(cmd, cid);
	else if (reason == ISCSI_LOGOUT_REASON_CLOSE_SESSION ||
		 cid == conn->cid)
		tiscsi_logout_self(cmd, reason ==
				   ISCSI_LOGOUT_REASON_CLOSE_SESSION);
	else if (!tiscsi_sess_logout_other(cmd, cid))
		tiscsi_logout_answer_now(cmd, ISCSI_LOGOUT_CID_NOT_FOUND);
}

/**
 * tiscsi_logout_give_up - the time of a connection in logout is over
 * @conn: the connection
 *
 * io_work.
 *
 * Return: true if a Logout was waiting for tasks in the core: it is answered
 * with "cleanup failed".
 */
bool tiscsi_logout_give_up(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;
	bool waiting = false;

	if (!conn->sess)
		return false;
	spin_lock(&conn->sess->lock);
	cmd = conn->logout;
	if (cmd) {
		tiscsi_logout_answer(cmd, ISCSI_LOGOUT_CLEANUP_FAILED);
		waiting = true;
	}
	spin_unlock(&conn->sess->lock);
	return waiting;
}

/**
 * tiscsi_logout_check_time - look at Logouts that wait for other connections
 * @conn: where they came in
 *
 * io_work.
 */
void tiscsi_logout_check_time(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd, *next;

	if (list_empty_careful(&sess->logouts))
		return;
	spin_lock(&sess->lock);
	list_for_each_entry_safe(cmd, next, &sess->logouts, list) {
		if (cmd->conn != conn)
			continue;
		if (time_before(jiffies, cmd->deadline)) {
			tiscsi_conn_arm_timer(conn, cmd->deadline);
			continue;
		}
		list_del_init(&cmd->list);
		tiscsi_logout_answer(cmd, ISCSI_LOGOUT_CLEANUP_FAILED);
	}
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_build_logout - lay out a Logout Response (row C22)
 * @conn: the connection
 * @cmd: the Logout's task
 *
 * Return: TX_BUILT. io_work.
 */
int tiscsi_build_logout(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	struct iscsi_logout_rsp *rsp = tiscsi_tx_hdr(conn, ISCSI_OP_LOGOUT_RSP,
						     ISCSI_FLAG_CMD_FINAL);
	struct tiscsi_keys *keys = &conn->sess->keys;

	rsp->response = cmd->response;
	rsp->itt = cmd->itt;
	/* C23: meaningful when state is, or could have been, kept. */
	if ((cmd->response == ISCSI_LOGOUT_SUCCESS &&
	     tiscsi_logout_is_recovery(cmd)) ||
	    cmd->response == ISCSI_LOGOUT_RECOVERY_UNSUPPORTED ||
	    cmd->response == ISCSI_LOGOUT_CLEANUP_FAILED) {
		rsp->t2wait = cpu_to_be16(keys->v[KEY_TIME2WAIT]);
		rsp->t2retain = cpu_to_be16(keys->v[KEY_TIME2RETAIN]);
	}
	tiscsi_cmd_retire(cmd);
	tiscsi_stamp(conn, rsp, STAMP_STATUS);
	conn->tx.last = true;
	if (test_bit(CMD_LAST_WORD, &cmd->flags))
		conn->tx.then = TX_THEN_LOGOUT;
	return TX_BUILT;
}

/**
 * tiscsi_logout_sent - the last word of a connection is out
 * @conn: in logout
 *
 * io_work.
 */
void tiscsi_logout_sent(struct tiscsi_conn *conn)
{
	tiscsi_conn_finish(conn, CLOSE_LOGOUT);
}
