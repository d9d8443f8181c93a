// SPDX-License-Identifier: GPL-2.0
/*
 * Asynchronous Messages (RFC 7143 11.9): what a target says unasked.
 */
#include "tcm_iscsi.h"

/* Not in iscsi_proto.h; RFC 7143 11.9.1 */
#define TISCSI_ASYNC_TERMINATED		5

/*
 * Owes a message, of which event, LUN and parameters are taken.  It must be
 * whole: io_work may lay it out at once.  Without a free slot it is not sent: its
 * receiver would find out the hard way, as if it had not understood.
 */
static bool tiscsi_async_queue(struct tiscsi_conn *conn,
			       const struct iscsi_async *msg)
{
	struct tiscsi_cmd *cmd;

	lockdep_assert_held(&conn->sess->lock);
	if (test_bit(CONN_F_DETACHED, &conn->flags))
		return false;
	cmd = tiscsi_cmd_alloc_locked(conn);
	if (!cmd)
		return false;
	memcpy(&cmd->hdr, msg, sizeof(cmd->hdr));
	cmd->itt = RESERVED_ITT;
	tiscsi_cmd_set_state(cmd, TASK_RESPONSE);
	tiscsi_tx_queue(cmd, TX_ASYNC);
	tiscsi_conn_kick(conn);
	return true;
}

static void tiscsi_async_send(struct tiscsi_conn *conn,
			      const struct iscsi_async *msg)
{
	spin_lock(&conn->sess->lock);
	tiscsi_async_queue(conn, msg);
	spin_unlock(&conn->sess->lock);
}

/**
 * tiscsi_async_logout - ask the initiator to log out (rows C32, C33)
 * @conn: the connection
 * @seconds: until it is dropped
 *
 * io_work.
 */
void tiscsi_async_logout(struct tiscsi_conn *conn, u16 seconds)
{
	const struct iscsi_async msg = {
		.async_event = ISCSI_ASYNC_MSG_REQUEST_LOGOUT,
		.param3 = cpu_to_be16(seconds),
	};

	tiscsi_async_send(conn, &msg);
}

/**
 * tiscsi_async_drop_session - say that the session is dropped (rows C32, C34)
 * @conn: one of its connections, which ends when that is out
 *
 * It may come back after DefaultTime2Wait; nothing is kept for it.  io_work.
 */
void tiscsi_async_drop_session(struct tiscsi_conn *conn)
{
	const struct iscsi_async msg = {
		.async_event = ISCSI_ASYNC_MSG_DROPPING_ALL_CONNECTIONS,
		.param2 = cpu_to_be16(conn->sess->keys.v[KEY_TIME2WAIT]),
	};

	tiscsi_async_send(conn, &msg);
}

/**
 * tiscsi_async_conn_gone - tell on another connection that one has failed
 * @gone: has left its session
 *
 * Rows C26, C32.  Caller holds sess->lock.
 */
void tiscsi_async_conn_gone(struct tiscsi_conn *gone)
{
	struct tiscsi_sess *sess = gone->sess;
	const struct iscsi_async msg = {
		.async_event = ISCSI_ASYNC_MSG_DROPPING_CONNECTION,
		.param1 = cpu_to_be16(gone->cid),
		.param2 = cpu_to_be16(sess->keys.v[KEY_TIME2WAIT]),
		.param3 = cpu_to_be16(sess->keys.v[KEY_TIME2RETAIN]),
	};
	struct tiscsi_conn *conn;

	lockdep_assert_held(&sess->lock);
	if (sess->state == SESS_FREE)
		return;
	list_for_each_entry(conn, &sess->conns, sess_node)
		if (tiscsi_async_queue(conn, &msg))
			break;
}

/**
 * tiscsi_async_terminated - tell an initiator that tasks were aborted
 * @sess: the session
 * @lun: what they were for
 *
 * Row E20: with fast abort only; on each connection that has
 * CONN_F_TERMINATED, which is cleared.  Caller holds sess->lock.
 */
void tiscsi_async_terminated(struct tiscsi_sess *sess, u64 lun)
{
	struct iscsi_async msg = { .async_event = TISCSI_ASYNC_TERMINATED };
	struct tiscsi_conn *conn;

	lockdep_assert_held(&sess->lock);
	int_to_scsilun(lun, &msg.lun);
	list_for_each_entry(conn, &sess->conns, sess_node)
		if (test_and_clear_bit(CONN_F_TERMINATED, &conn->flags))
			tiscsi_async_queue(conn, &msg);
}

/**
 * tiscsi_async_acked - a NOP-Out that wants no answer has come
 * @conn: the connection
 * @lun: its LUN field
 *
 * Row E20: it says that no more data comes for what was aborted.  io_work.
 */
void tiscsi_async_acked(struct tiscsi_conn *conn, const struct scsi_lun *lun)
{
	struct tiscsi_sess *sess = conn->sess;
	u64 number = tiscsi_lun_decode(lun);
	struct tiscsi_cmd *cmd;

	if (sess->keys.v[KEY_TASK_REPORTING] != TASK_FAST_ABORT)
		return;
	spin_lock(&sess->lock);
	list_for_each_entry(cmd, &conn->tasks, conn_node)
		if (cmd->state == TASK_DATA && cmd->lun == number &&
		    (test_bit(CMD_NO_RESPONSE, &cmd->flags) ||
		     test_bit(CMD_TASK_ABORTED, &cmd->flags)))
			tiscsi_data_doom(cmd, DOOM_LATE);
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_build_async - lay out an Asynchronous Message (row C32)
 * @conn: the connection
 * @cmd: its slot; what it says is in cmd->hdr
 *
 * Return: TX_BUILT. io_work.
 */
int tiscsi_build_async(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	const struct iscsi_async *msg = (struct iscsi_async *)&cmd->hdr;
	struct iscsi_async *pdu = tiscsi_tx_hdr(conn, ISCSI_OP_ASYNC_EVENT,
						ISCSI_FLAG_CMD_FINAL);

	pdu->lun = msg->lun;
	put_unaligned_be32(ISCSI_RESERVED_TAG, pdu->rsvd4);
	pdu->async_event = msg->async_event;
	pdu->param1 = msg->param1;
	pdu->param2 = msg->param2;
	pdu->param3 = msg->param3;
	tiscsi_stamp(conn, pdu, STAMP_STATUS);
	conn->tx.last = true;
	if (msg->async_event == ISCSI_ASYNC_MSG_DROPPING_ALL_CONNECTIONS)
		conn->tx.then = TX_THEN_DROP;
	return TX_BUILT;
}
