// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the full feature phase: one table leads from the opcode to what
 * a request is.  Bad ones get the answer that RFC 7143 has for them: silence,
 * a Reject, or the end of the session.
 *
 * NOP and Reject, which belong to no other room, live here too.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/slab.h>

#include "recovery.h"

/**
 * struct tiscsi_request_op - one kind of request
 * @begin: its header is here and trusted; takes a slot, names the sink
 * @end: all of it is here; NULL for requests that become a task
 * @settle: what follows, after a Reject if it gets one
 * @exec: its turn in CmdSN order has come
 * @discovery: served on discovery sessions as well (row C43)
 */
struct tiscsi_request_op {
	int (*begin)(struct tiscsi_conn *conn);
	int (*end)(struct tiscsi_conn *conn, bool digest_ok);
	void (*settle)(struct tiscsi_conn *conn);
	void (*exec)(struct tiscsi_cmd *cmd);
	bool discovery;
};

static int tiscsi_nop_begin(struct tiscsi_conn *conn);
static void tiscsi_nop_exec(struct tiscsi_cmd *cmd);
static int tiscsi_login_begin(struct tiscsi_conn *conn);

static const struct tiscsi_request_op tiscsi_request_ops[] = {
	[ISCSI_OP_NOOP_OUT] = {
		.begin = tiscsi_nop_begin, .exec = tiscsi_nop_exec,
		.discovery = true },
	[ISCSI_OP_SCSI_CMD] = {
		.begin = tiscsi_scsi_begin, .exec = tiscsi_scsi_exec },
	[ISCSI_OP_SCSI_TMFUNC] = {
		.begin = tiscsi_tmf_begin, .exec = tiscsi_tmf_exec },
	[ISCSI_OP_LOGIN] = {
		.begin = tiscsi_login_begin, .discovery = true },
	[ISCSI_OP_TEXT] = {
		.begin = tiscsi_text_begin, .exec = tiscsi_text_exec,
		.discovery = true },
	[ISCSI_OP_SCSI_DATA_OUT] = {
		.begin = tiscsi_data_begin, .end = tiscsi_data_end,
		.settle = tiscsi_data_settle },
	[ISCSI_OP_LOGOUT] = {
		.begin = tiscsi_logout_begin, .exec = tiscsi_logout_exec,
		.discovery = true },
	[ISCSI_OP_SNACK] = {
		.begin = tiscsi_snack_begin },
};

static const struct tiscsi_request_op *tiscsi_request_op(u8 opcode)
{
	if (opcode >= ARRAY_SIZE(tiscsi_request_ops) ||
	    !tiscsi_request_ops[opcode].begin)
		return NULL;
	return &tiscsi_request_ops[opcode];
}

/**
 * tiscsi_request_format_error - a PDU's layout is wrong
 * @conn: the connection it came on
 * @what: the field, for the log
 *
 * RFC 7143 7.7 (row A21): ends all connections of the session.  io_work.
 */
void tiscsi_request_format_error(struct tiscsi_conn *conn, const char *what)
{
	pr_warn_ratelimited("%pISpc: format error, opcode 0x%02x, %s\n",
			    &conn->peer_addr, conn->rx.bhs.opcode, what);
	if (conn->sess)
		tiscsi_sess_close(conn->sess, CLOSE_PROTOCOL);
	tiscsi_conn_close(conn, CLOSE_PROTOCOL);
}

/**
 * tiscsi_request_slot - take a slot for the request in conn->rx
 * @conn: the connection
 * @cmdp: where the slot goes; NULL means: drop the request silently
 *
 * Finds copies of live tasks, tags in use and CmdSN outside the window (rows
 * C03, C04).  io_work.
 *
 * Return: 0, a Reject reason, or -EAGAIN when no slot is free.
 */
int tiscsi_request_slot(struct tiscsi_conn *conn, struct tiscsi_cmd **cmdp)
{
	struct iscsi_scsi_req *req = (struct iscsi_scsi_req *)&conn->rx.bhs;
	bool immediate = req->opcode & ISCSI_OP_IMMEDIATE;
	u32 cmd_sn = be32_to_cpu(req->cmdsn);
	struct tiscsi_cmd *cmd;
	int ret;

	*cmdp = NULL;
	cmd = tiscsi_cmd_alloc(conn);
	if (!cmd)
		return -EAGAIN;
	cmd->hdr = conn->rx.bhs;
	cmd->itt = req->itt;
	cmd->cmd_sn = cmd_sn;
	cmd->opcode = req->opcode & ISCSI_OPCODE_MASK;
	if (immediate)
		set_bit(CMD_IMMEDIATE, &cmd->flags);

	ret = tiscsi_cmd_hash(cmd);
	if (!ret && !immediate && !tiscsi_cmdsn_in_window(conn->sess, cmd_sn))
		ret = -EALREADY;
	if (!ret) {
		*cmdp = cmd;
		return 0;
	}
	tiscsi_cmd_end(cmd);
	switch (ret) {
	case -EBUSY:
		return REJECT_TASK_IN_PROGRESS;
	case -EMLINK:
		return ISCSI_REASON_IMM_CMD_REJECT;
	default:
		return 0;
	}
}

/* Keeps up to @len bytes of the data segment with the task. */
static int tiscsi_request_payload(struct tiscsi_conn *conn,
				  struct tiscsi_cmd *cmd, u32 len)
{
	struct tiscsi_rx *rx = &conn->rx;

	if (!len)
		return 0;
	/* One more, for text to be terminated. */
	cmd->payload = kvmalloc(len + 1, TISCSI_GFP_PEER);
	if (!cmd->payload)
		return -ENOMEM;
	cmd->payload_len = len;
	rx->sink = SINK_BUF;
	rx->buf = cmd->payload;
	rx->sink_len = len;
	return 0;
}

/**
 * tiscsi_request_task - take a slot for a request whose data is kept whole
 * @conn: the connection
 * @max: most bytes of the data segment to keep
 *
 * io_work.
 *
 * Return: 0 (with rx.cmd set, or not if the request is dropped silently), a
 * Reject reason, -EAGAIN, -ENOMEM.
 */
int tiscsi_request_task(struct tiscsi_conn *conn, u32 max)
{
	struct tiscsi_cmd *cmd;
	int ret;

	ret = tiscsi_request_slot(conn, &cmd);
	if (ret || !cmd)
		return ret;
	ret = tiscsi_request_payload(conn, cmd, min(conn->rx.data_len, max));
	if (ret) {
		tiscsi_cmd_end(cmd);
		return ret;
	}
	tiscsi_cmd_get(cmd);
	conn->rx.cmd = cmd;
	return 0;
}

/**
 * tiscsi_request_begin - the header of a request is here and trusted
 * @conn: the connection
 *
 * io_work.
 *
 * Return: 0 to go on with the data segment; -EAGAIN to call again when a slot
 * is free; -ESHUTDOWN when the connection is being closed.
 */
int tiscsi_request_begin(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	const struct tiscsi_request_op *op;
	int ret;

	op = tiscsi_request_op(rx->bhs.opcode & ISCSI_OPCODE_MASK);
	rx->reject = 0;
	rx->ended = false;
	rx->sink = SINK_NONE;
	/* ExpStatSN has one place in all requests. */
	conn->exp_stat_sn = be32_to_cpu(rx->bhs.exp_statsn);
	if (unlikely(conn->fence_wait | conn->keeps))
		tiscsi_conn_acked(conn);

	if (!op)
		ret = ISCSI_REASON_CMD_NOT_SUPPORTED;
	else if (conn->sess->discovery && !op->discovery)
		ret = ISCSI_REASON_PROTOCOL_ERROR;
	else
		ret = op->begin(conn);

	if (ret == -EAGAIN)
		return ret;
	if (ret == REJECT_FORMAT) {
		tiscsi_request_format_error(conn, "header");
		return -ESHUTDOWN;
	}
	if (ret < 0) {
		tiscsi_conn_close(conn, CLOSE_NO_MEMORY);
		return -ESHUTDOWN;
	}
	rx->reject = ret;
	return 0;
}

/* A whole request that becomes a task: now, or when its CmdSN is due. */
static int tiscsi_request_task_end(struct tiscsi_conn *conn, bool digest_ok)
{
	struct tiscsi_cmd *cmd = conn->rx.cmd;

	if (!digest_ok) {
		/* C05, F05: no task, and its CmdSN stays a hole. */
		tiscsi_scsi_kill(cmd);
		return ISCSI_REASON_DATA_DIGEST_ERROR;
	}
	if (test_bit(CMD_IMMEDIATE, &cmd->flags)) {
		tiscsi_request_exec(cmd);
	} else if (tiscsi_cmdsn_arrive(cmd)) {
		tiscsi_request_exec(cmd);
		tiscsi_cmdsn_turn_over(conn);
	}
	return 0;
}

/**
 * tiscsi_request_exec - a request's turn has come
 * @cmd: whole and in order
 *
 * io_work of its connection.
 */
void tiscsi_request_exec(struct tiscsi_cmd *cmd)
{
	/* A SCSI command may have data to come, even when nobody wants it. */
	if (test_bit(CMD_NO_RESPONSE, &cmd->flags) &&
	    cmd->opcode != ISCSI_OP_SCSI_CMD)
		tiscsi_cmd_end(cmd);
	else
		tiscsi_request_ops[cmd->opcode].exec(cmd);
}

/**
 * tiscsi_request_end - a whole PDU is here
 * @conn: the connection
 * @digest_ok: its data digest was right, or there is none
 *
 * io_work.
 *
 * Return: 0, or -EAGAIN to call again when a slot is free.
 */
int tiscsi_request_end(struct tiscsi_conn *conn, bool digest_ok)
{
	struct tiscsi_rx *rx = &conn->rx;
	const struct tiscsi_request_op *op;

	op = tiscsi_request_op(rx->bhs.opcode & ISCSI_OPCODE_MASK);
	if (!rx->ended && !rx->reject && rx->cmd)
		rx->reject = op->end ? op->end(conn, digest_ok) :
				       tiscsi_request_task_end(conn, digest_ok);
	else if (!rx->ended && !rx->reject && !digest_ok)
		rx->reject = ISCSI_REASON_DATA_DIGEST_ERROR;
	rx->ended = true;

	if (rx->reject && tiscsi_reject(conn, rx->reject))
		return -EAGAIN;
	if (rx->cmd && op->settle)
		op->settle(conn);
	if (rx->cmd)
		tiscsi_cmd_put(rx->cmd);
	rx->cmd = NULL;
	return 0;
}

/**
 * tiscsi_request_abandon - the request being received will never be whole
 * @conn: closing; its io_work does not run any more; rx.cmd is set
 */
void tiscsi_request_abandon(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd = conn->rx.cmd;

	/* A Data-Out only borrows its task. */
	if ((conn->rx.bhs.opcode & ISCSI_OPCODE_MASK) != ISCSI_OP_SCSI_DATA_OUT)
		tiscsi_scsi_kill(cmd);
	tiscsi_cmd_put(cmd);
}

/**
 * tiscsi_request_answer - queue the answer to a request of our own
 * @cmd: its task, not in the core
 * @what: the answer
 *
 * io_work.
 */
void tiscsi_request_answer(struct tiscsi_cmd *cmd, enum tiscsi_tx_what what)
{
	spin_lock(&cmd->sess->lock);
	tiscsi_cmd_set_state(cmd, TASK_RESPONSE);
	tiscsi_tx_queue(cmd, what);
	spin_unlock(&cmd->sess->lock);
}

/* ------------------------------------------------------------------ */
/* Reject                                                              */
/* ------------------------------------------------------------------ */

static void tiscsi_reject_with(struct tiscsi_cmd *cmd, const void *hdr,
			       u32 len, u8 reason)
{
	cmd->payload = kvmalloc(len, TISCSI_GFP_PEER);
	cmd->payload_len = 0;
	if (cmd->payload) {
		memcpy(cmd->payload, hdr, len);
		cmd->payload_len = min(len, cmd->conn->max_xmit_dsl);
	}
	cmd->reason = reason;
	tiscsi_request_answer(cmd, TX_REJECT);
}

/**
 * tiscsi_reject - answer the PDU in conn->rx with a Reject
 * @conn: the connection
 * @reason: RFC 7143 11.17.1
 *
 * io_work.
 *
 * Return: 0, or -EAGAIN when no slot is free.
 */
int tiscsi_reject(struct tiscsi_conn *conn, u8 reason)
{
	struct tiscsi_cmd *cmd = tiscsi_cmd_alloc(conn);

	if (!cmd)
		return -EAGAIN;
	cmd->pos.sn = tiscsi_snack_next_sn(conn, reason);
	tiscsi_reject_with(cmd, conn->rx.hdr, conn->rx.hdr_len, reason);
	return 0;
}

/**
 * tiscsi_reject_task - answer a request that became a task with a Reject
 * @cmd: the task, without an AHS
 * @reason: RFC 7143 11.17.1
 *
 * io_work.
 */
void tiscsi_reject_task(struct tiscsi_cmd *cmd, u8 reason)
{
	kvfree(cmd->payload);
	tiscsi_reject_with(cmd, &cmd->hdr, ISCSI_HDR_LEN, reason);
}

/**
 * tiscsi_build_reject - lay out a Reject (row A25)
 * @conn: the connection
 * @cmd: its slot
 *
 * Return: TX_BUILT. io_work.
 */
int tiscsi_build_reject(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	struct iscsi_reject *rej = tiscsi_tx_hdr(conn, ISCSI_OP_REJECT,
						 ISCSI_FLAG_CMD_FINAL);

	rej->reason = cmd->reason;
	tiscsi_cmd_retire(cmd);
	rej->ffffffff = cpu_to_be32(ISCSI_RESERVED_TAG);
	rej->datasn = cpu_to_be32(cmd->pos.sn);
	tiscsi_stamp(conn, rej, STAMP_STATUS);
	conn->tx.data = cmd->payload;
	conn->tx.data_len = cmd->payload_len;
	conn->tx.last = true;
	return TX_BUILT;
}

/* A08: one login phase a connection. */
static int tiscsi_login_begin(struct tiscsi_conn *conn)
{
	return ISCSI_REASON_PROTOCOL_ERROR;
}

/* ------------------------------------------------------------------ */
/* NOP                                                                 */
/* ------------------------------------------------------------------ */

static int tiscsi_nop_begin(struct tiscsi_conn *conn)
{
	struct iscsi_nopout *nop = (struct iscsi_nopout *)&conn->rx.bhs;

	if (nop->itt != RESERVED_ITT)
		return tiscsi_request_task(conn, conn->max_xmit_dsl);

	/* C30, C31: nothing to answer; maybe it answers us. */
	if (nop->ttt == cpu_to_be32(ISCSI_RESERVED_TAG)) {
		tiscsi_async_acked(conn, &nop->lun);
		return 0;
	}
	if (!conn->ping_outstanding ||
	    be32_to_cpu(nop->ttt) != conn->ping_ttt)
		return REJECT_INVALID;
	conn->ping_outstanding = false;
	return 0;
}

static void tiscsi_nop_exec(struct tiscsi_cmd *cmd)
{
	cmd->ttt = ISCSI_RESERVED_TAG;
	tiscsi_request_answer(cmd, TX_NOP_IN);
}

/**
 * tiscsi_new_ttt - a Target Transfer Tag that is no command slot's
 * @sess: the session
 *
 * For pings and text exchanges.  io_work.
 *
 * Return: the tag; never ISCSI_RESERVED_TAG (row J18).
 */
u32 tiscsi_new_ttt(struct tiscsi_sess *sess)
{
	u32 ttt;

	spin_lock(&sess->lock);
	if (++sess->next_ttt == ISCSI_RESERVED_TAG)
		sess->next_ttt = 1;
	ttt = sess->next_ttt;
	spin_unlock(&sess->lock);
	return ttt;
}

/**
 * tiscsi_ping_send - ask the initiator whether it is there (row C31)
 * @conn: in full feature phase, no ping outstanding
 *
 * io_work.
 *
 * Return: 0, or -EAGAIN when no slot is free.
 */
int tiscsi_ping_send(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd = tiscsi_cmd_alloc(conn);

	if (!cmd)
		return -EAGAIN;
	conn->ping_ttt = tiscsi_new_ttt(conn->sess);
	conn->ping_sent = jiffies;
	conn->ping_outstanding = true;
	cmd->itt = RESERVED_ITT;
	cmd->ttt = conn->ping_ttt;
	set_bit(CMD_PING, &cmd->flags);
	tiscsi_request_answer(cmd, TX_NOP_IN);
	return 0;
}

/**
 * tiscsi_ping_ask - have the initiator send something, ExpStatSN above all
 * @conn: in full feature phase
 *
 * It is closed when nothing comes.  io_work.
 */
void tiscsi_ping_ask(struct tiscsi_conn *conn)
{
	struct tiscsi_nacl_attrib *attrib = &conn->sess->nacl->attrib;

	if (!conn->ping_outstanding)
		tiscsi_ping_send(conn);
	tiscsi_conn_arm_timer(conn, jiffies + HZ *
			      READ_ONCE(attrib->nopin_response_timeout));
}

/**
 * tiscsi_ping_tell - tell the initiator the numbers, without asking anything
 * @conn: in full feature phase
 *
 * For a window that has opened while nothing else is to be said.  io_work.
 */
void tiscsi_ping_tell(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd = tiscsi_cmd_alloc(conn);

	if (!cmd)
		return;
	cmd->itt = RESERVED_ITT;
	cmd->ttt = ISCSI_RESERVED_TAG;
	set_bit(CMD_PING, &cmd->flags);
	tiscsi_request_answer(cmd, TX_NOP_IN);
}

/**
 * tiscsi_build_nop_in - lay out a NOP-In (rows C29, C31)
 * @conn: the connection
 * @cmd: the NOP-Out's task, or the slot of a ping of ours
 *
 * Return: TX_BUILT. io_work.
 */
int tiscsi_build_nop_in(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	bool ping = test_bit(CMD_PING, &cmd->flags);
	struct iscsi_nopin *nop = tiscsi_tx_hdr(conn, ISCSI_OP_NOOP_IN,
						ISCSI_FLAG_CMD_FINAL);

	nop->itt = cmd->itt;
	nop->ttt = cpu_to_be32(cmd->ttt);
	tiscsi_cmd_retire(cmd);
	tiscsi_stamp(conn, nop, ping ? STAMP_NEXT : STAMP_STATUS);
	conn->tx.data = cmd->payload;
	conn->tx.data_len = cmd->payload_len;
	conn->tx.last = true;
	return TX_BUILT;
}
