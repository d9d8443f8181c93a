// SPDX-License-Identifier: GPL-2.0
/*
 * SNACK (RFC 7143 11.16): an initiator asks for what did not reach it, or says
 * what did.
 *
 * What is asked for goes through the builders that made it first.  Data-In is
 * made again from the buffer: which bytes a DataSN had follows from where the
 * count began and from the length of the pieces, which is remembered.
 */
#include "recovery.h"

/* What a SNACK gets that asks for too much, beside 0 and Reject reasons. */
#define SNACK_CANNOT		(-1)

/**
 * struct tiscsi_run - what a SNACK asks for
 * @from: first number
 * @to: the number after the last one
 * @all: everything that is not acknowledged
 */
struct tiscsi_run {
	u32 from;
	u32 to;
	bool all;
};

static const struct iscsi_snack *tiscsi_snack(const struct tiscsi_conn *conn)
{
	return (const struct iscsi_snack *)&conn->rx.bhs;
}

static u8 tiscsi_snack_type(const struct tiscsi_conn *conn)
{
	return tiscsi_snack(conn)->flags & ISCSI_FLAG_SNACK_TYPE_MASK;
}

/* Row F13: a length of 0 means up to the end, and with 0 to begin with, all. */
static bool tiscsi_run_init(struct tiscsi_run *run,
			    const struct iscsi_snack *req, u32 acked, u32 next)
{
	u32 len = be32_to_cpu(req->runlength);

	run->from = be32_to_cpu(req->begrun);
	run->all = !run->from && !len;
	if (run->all)
		run->from = acked;
	run->to = len ? run->from + len : next;
	if (run->all)
		return true;
	/* F17: neither acknowledged nor never sent. */
	return iscsi_sna_lte(acked, run->from) &&
	       iscsi_sna_lt(run->from, run->to) &&
	       iscsi_sna_lte(run->to, next);
}

/* ------------------------------------------------------------------ */
/* finding the task                                                    */
/* ------------------------------------------------------------------ */

static struct tiscsi_cmd *tiscsi_snack_find_kept(struct tiscsi_conn *conn,
						 itt_t itt)
{
	struct tiscsi_cmd *cmd;

	lockdep_assert_held(&conn->sess->lock);
	/* Tags are used again: the last one. */
	list_for_each_entry_reverse(cmd, &conn->kept, list)
		if (cmd->opcode == ISCSI_OP_SCSI_CMD && cmd->itt == itt)
			return cmd;
	return NULL;
}

/* The command that a SNACK is about, with a reference; C13: of this connection. */
static struct tiscsi_cmd *tiscsi_snack_task(struct tiscsi_conn *conn)
{
	itt_t itt = tiscsi_snack(conn)->itt;
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd;

	spin_lock(&sess->lock);
	cmd = tiscsi_cmd_find(sess, itt);
	if (cmd && (cmd->opcode != ISCSI_OP_SCSI_CMD || cmd->conn != conn))
		cmd = NULL;
	if (!cmd)
		cmd = tiscsi_snack_find_kept(conn, itt);
	if (cmd)
		tiscsi_cmd_get(cmd);
	spin_unlock(&sess->lock);
	return cmd;
}

static bool tiscsi_snack_is_write(const struct tiscsi_cmd *cmd)
{
	return cmd->hdr.flags & ISCSI_FLAG_CMD_WRITE;
}

/**
 * tiscsi_snack_next_sn - what a Reject says in its DataSN/R2TSN field
 * @conn: the connection; the rejected PDU is in conn->rx
 * @reason: of the Reject
 *
 * Row F17.  io_work.
 *
 * Return: the next number of the task, if it is a Data or R2T SNACK that is
 * rejected as a protocol error; otherwise 0, as the field is reserved.
 */
u32 tiscsi_snack_next_sn(struct tiscsi_conn *conn, u8 reason)
{
	struct tiscsi_cmd *cmd;
	u32 sn;

	if (reason != ISCSI_REASON_PROTOCOL_ERROR || !conn->sess->erl ||
	    (conn->rx.bhs.opcode & ISCSI_OPCODE_MASK) != ISCSI_OP_SNACK ||
	    tiscsi_snack_type(conn) != ISCSI_FLAG_SNACK_TYPE_DATA)
		return 0;
	cmd = tiscsi_snack_task(conn);
	if (!cmd)
		return 0;
	sn = tiscsi_snack_is_write(cmd) ? cmd->r2t_sn : cmd->pos.sn;
	tiscsi_cmd_put(cmd);
	return sn;
}

/* ------------------------------------------------------------------ */
/* reads                                                               */
/* ------------------------------------------------------------------ */

/* From the place where Data-In @from begins to that of @sn. */
static struct tiscsi_read_pos
tiscsi_read_seek(const struct tiscsi_cmd *cmd, struct tiscsi_read_pos from,
		 u32 dsl, u32 sn)
{
	u32 max_burst = cmd->sess->keys.v[KEY_MAX_BURST], len;

	for (; from.sn != sn && from.offset < cmd->data_len; from.sn++) {
		len = min3(cmd->data_len - from.offset,
			   max_burst - from.burst, dsl);
		from.offset += len;
		from.burst += len;
		if (from.burst == max_burst)
			from.burst = 0;
	}
	return from;
}

/**
 * tiscsi_snack_read_goes_on - a Data-In is about to be made for the first time
 * @conn: the connection
 * @cmd: the task; its session is above level 0
 *
 * Notes what is needed to make it again.  io_work.
 */
void tiscsi_snack_read_goes_on(struct tiscsi_conn *conn,
			       struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	if (k->reads && k->dsl == conn->max_xmit_dsl)
		return;
	if (!k->reads) {
		if (!++cmd->ttt_gen)
			cmd->ttt_gen = 1;
		k->ack_ttt = (u32)cmd->ttt_gen << 16 | cmd->index;
		k->acked_dsl = conn->max_xmit_dsl;
	} else if (k->base.sn > k->acked.sn) {
		k->mixed = true;
	}
	k->reads = true;
	k->base = cmd->pos;
	k->dsl = conn->max_xmit_dsl;
}

/* Row F18: it can be served no more, and a task without a status gets this. */
static void tiscsi_snack_unserved(struct tiscsi_cmd *cmd)
{
	static const struct tiscsi_sense snack_error = {
		ABORTED_COMMAND, 0x11, 0x13 };

	if (cmd->state == TASK_DATA)
		tiscsi_scsi_fail(cmd, &snack_error);
	else if (cmd->state == TASK_RESPONSE)
		tiscsi_scsi_replace_answer(cmd, &snack_error);
}

static void tiscsi_read_again(struct tiscsi_cmd *cmd, u32 from, u32 to)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	/* While an earlier run is still going out they become one. */
	if (k->again.sn < k->again_end) {
		from = min(from, k->again.sn);
		to = max(to, k->again_end);
	}
	k->again = tiscsi_read_seek(cmd, k->base, k->dsl, from);
	k->again_end = to;
	tiscsi_tx_queue(cmd, TX_DATA_AGAIN);
}

static bool tiscsi_read_can_repeat(const struct tiscsi_conn *conn,
				   const struct tiscsi_kept *k, u32 from)
{
	return from >= k->base.sn && k->dsl == conn->max_xmit_dsl;
}

/* Row F12 */
static int tiscsi_snack_data(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);
	struct tiscsi_run run;

	if (!k->reads ||
	    !tiscsi_run_init(&run, tiscsi_snack(conn), k->acked.sn,
			     cmd->pos.sn))
		return ISCSI_REASON_PROTOCOL_ERROR;
	if (run.from == run.to)
		return 0;
	if (!tiscsi_read_can_repeat(conn, k, run.from))
		return SNACK_CANNOT;
	tiscsi_read_again(cmd, run.from, run.to);
	return 0;
}

/**
 * tiscsi_build_data_again - lay out the next Data-In of a run asked for again
 * @conn: the connection
 * @cmd: the task
 *
 * Return: TX_BUILT, TX_BUILT_MORE, or TX_BUILT_NOTHING if the task has ended
 * meanwhile or Data-In has another length now. io_work.
 */
int tiscsi_build_data_again(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);
	int ret;

	if (!tiscsi_data_in_goes_on(cmd) || k->again.sn >= k->again_end ||
	    k->dsl != conn->max_xmit_dsl)
		return TX_BUILT_NOTHING;
	tiscsi_data_in(conn, cmd, &k->again);
	ret = k->again.sn < k->again_end ? TX_BUILT_MORE : TX_BUILT;
	if (ret == TX_BUILT)
		k->again_end = 0;
	return ret;
}

/* Row F16: all that is not acknowledged, in new pieces, and the status after. */
static int tiscsi_snack_rdata(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	const struct iscsi_snack *req = tiscsi_snack(conn);
	struct tiscsi_kept *k = tiscsi_kept(cmd);
	u32 tag = be32_to_cpu(req->ttt);

	if (!tag || tag == ISCSI_RESERVED_TAG || req->begrun || req->runlength)
		return REJECT_INVALID;
	if (!k->reads)
		return ISCSI_REASON_PROTOCOL_ERROR;
	k->snack_tag = tag;
	tiscsi_read_rewind(cmd);
	return 0;
}

/**
 * tiscsi_read_rewind - send all of a read that is not acknowledged once more
 * @cmd: the task, being answered or kept; its status follows
 *
 * In pieces of the connection's length, whatever it was before.  io_work.
 */
void tiscsi_read_rewind(struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	cmd->pos = k->acked;
	k->base = k->acked;
	k->dsl = cmd->conn->max_xmit_dsl;
	k->acked_dsl = k->dsl;
	k->mixed = false;
	k->again_end = 0;
	clear_bit(TX_STATUS, &cmd->tx_pending);
	clear_bit(TX_DATA_AGAIN, &cmd->tx_pending);
	tiscsi_tx_queue(cmd, cmd->pos.offset < cmd->data_len ? TX_DATA_IN :
			TX_STATUS);
}

/* ------------------------------------------------------------------ */
/* DataACK                                                             */
/* ------------------------------------------------------------------ */

static struct tiscsi_cmd *tiscsi_snack_find_ttt(struct tiscsi_conn *conn)
{
	const struct iscsi_snack *req = tiscsi_snack(conn);
	struct tiscsi_sess *sess = conn->sess;
	u32 ttt = be32_to_cpu(req->ttt);
	struct tiscsi_cmd *cmd = tiscsi_sess_slot(sess, ttt & 0xffff);

	if (!cmd)
		return NULL;
	spin_lock(&sess->lock);
	if (cmd->conn == conn && cmd->opcode == ISCSI_OP_SCSI_CMD &&
	    (cmd->state == TASK_RESPONSE || cmd->state == TASK_KEPT) &&
	    tiscsi_kept(cmd)->reads && tiscsi_kept(cmd)->ack_ttt == ttt)
		tiscsi_cmd_get(cmd);
	else
		cmd = NULL;
	spin_unlock(&sess->lock);
	return cmd;
}

/**
 * tiscsi_read_acked - the initiator has the Data-In of a read below a number
 * @cmd: the task
 * @sn: DataSN of the first one that it does not have
 *
 * io_work.
 */
void tiscsi_read_acked(struct tiscsi_cmd *cmd, u32 sn)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	if (sn <= k->acked.sn)
		return;
	if (sn >= k->base.sn) {
		k->acked = tiscsi_read_seek(cmd, k->base, k->dsl, sn);
		k->acked_dsl = k->dsl;
		k->mixed = false;
	} else if (!k->mixed) {
		k->acked = tiscsi_read_seek(cmd, k->acked, k->acked_dsl, sn);
	}
	/* Otherwise more than needed stays for an R-Data SNACK. */
}

/* Row F15 */
static int tiscsi_snack_data_ack(struct tiscsi_conn *conn)
{
	const struct iscsi_snack *req = tiscsi_snack(conn);
	u32 sn = be32_to_cpu(req->begrun);
	struct tiscsi_cmd *cmd;
	int ret = 0;

	cmd = tiscsi_snack_find_ttt(conn);
	if (!cmd)
		return ISCSI_REASON_INVALID_SNACK;
	if (memcmp(req->lun, &cmd->hdr.lun, sizeof(req->lun)) ||
	    req->runlength || sn > cmd->pos.sn)
		ret = ISCSI_REASON_INVALID_SNACK;
	else
		tiscsi_read_acked(cmd, sn);
	tiscsi_cmd_put(cmd);
	return ret;
}

/* ------------------------------------------------------------------ */
/* R2T                                                                 */
/* ------------------------------------------------------------------ */

/* An R2T is acknowledged by its data: only one that waits is sent again. */
static int tiscsi_snack_r2t(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	u32 first = cmd->r2t_sn, i;
	struct tiscsi_run run;
	bool again = false;

	for (i = 0; i < TISCSI_MAX_R2T; i++)
		if (cmd->r2t[i].live && cmd->r2t[i].sent)
			first = min(first, cmd->r2t[i].sn);
	if (!tiscsi_run_init(&run, tiscsi_snack(conn), first, cmd->r2t_sn))
		return ISCSI_REASON_PROTOCOL_ERROR;
	if (cmd->state != TASK_DATA)
		return 0;
	for (i = 0; i < TISCSI_MAX_R2T; i++) {
		struct tiscsi_r2t *r2t = &cmd->r2t[i];

		if (!r2t->live || r2t->sn < run.from || r2t->sn >= run.to)
			continue;
		r2t->sent = false;
		again = true;
	}
	if (again) {
		tiscsi_data_touch(cmd);
		tiscsi_tx_queue(cmd, TX_R2T);
	}
	return 0;
}

/* ------------------------------------------------------------------ */
/* status                                                              */
/* ------------------------------------------------------------------ */

/* Row F14: the PDU that had the status, and nothing else of the task. */
static void tiscsi_snack_status_of(struct tiscsi_conn *conn,
				   struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	if (k->what != TX_DATA_AGAIN)
		tiscsi_tx_queue(cmd, k->what);
	else if (tiscsi_read_can_repeat(conn, k, cmd->pos.sn - 1))
		tiscsi_read_again(cmd, cmd->pos.sn - 1, cmd->pos.sn);
	else
		/* Data of that length may not be sent any more. */
		tiscsi_tx_queue(cmd, TX_STATUS);
}

static int tiscsi_snack_status(struct tiscsi_conn *conn)
{
	const struct iscsi_snack *req = tiscsi_snack(conn);
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd;
	struct tiscsi_run run;

	if (req->itt != RESERVED_ITT)
		return REJECT_INVALID;
	if (!tiscsi_run_init(&run, req, conn->exp_stat_sn, conn->stat_sn))
		return ISCSI_REASON_PROTOCOL_ERROR;
	spin_lock(&sess->lock);
	list_for_each_entry(cmd, &conn->kept, list)
		if (run.all || (iscsi_sna_lte(run.from, tiscsi_kept(cmd)->stat_sn) &&
				iscsi_sna_lt(tiscsi_kept(cmd)->stat_sn, run.to)))
			tiscsi_snack_status_of(conn, cmd);
	spin_unlock(&sess->lock);
	return 0;
}

/* ------------------------------------------------------------------ */

/* A SNACK about one command; 0, a Reject reason or SNACK_CANNOT. */
static int tiscsi_snack_about(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	bool write = tiscsi_snack_is_write(cmd);

	if (!conn->sess->erl)
		return SNACK_CANNOT;
	if (tiscsi_snack_type(conn) == ISCSI_FLAG_SNACK_TYPE_RDATA)
		return write ? ISCSI_REASON_PROTOCOL_ERROR :
			       tiscsi_snack_rdata(conn, cmd);
	return write ? tiscsi_snack_r2t(conn, cmd) :
		       tiscsi_snack_data(conn, cmd);
}

static int tiscsi_snack_for_task(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd = tiscsi_snack_task(conn);
	int ret;

	/* At level 0 nothing of what ended is known, or looked for. */
	if (!cmd)
		return conn->sess->erl ? ISCSI_REASON_PROTOCOL_ERROR :
					 ISCSI_REASON_DATA_SNACK_REJECT;
	ret = tiscsi_snack_about(conn, cmd);
	if (ret == SNACK_CANNOT) {
		tiscsi_snack_unserved(cmd);
		ret = ISCSI_REASON_DATA_SNACK_REJECT;
	}
	tiscsi_cmd_put(cmd);
	return ret;
}

/**
 * tiscsi_snack_begin - the header of a SNACK Request is here
 * @conn: the connection
 *
 * It is served at once: it has no CmdSN, and no answer of its own.  io_work.
 *
 * Return: 0, a Reject reason, or REJECT_FORMAT (row A24).
 */
int tiscsi_snack_begin(struct tiscsi_conn *conn)
{
	if (conn->rx.data_len)
		return REJECT_FORMAT;
	switch (tiscsi_snack_type(conn)) {
	case ISCSI_FLAG_SNACK_TYPE_DATA:
	case ISCSI_FLAG_SNACK_TYPE_RDATA:
		return tiscsi_snack_for_task(conn);
	case ISCSI_FLAG_SNACK_TYPE_STATUS:
		return conn->sess->erl ? tiscsi_snack_status(conn) :
					 ISCSI_REASON_DATA_SNACK_REJECT;
	case ISCSI_FLAG_SNACK_TYPE_DATA_ACK:
		return conn->sess->erl ? tiscsi_snack_data_ack(conn) :
					 ISCSI_REASON_DATA_SNACK_REJECT;
	default:
		return ISCSI_REASON_PROTOCOL_ERROR;
	}
}
