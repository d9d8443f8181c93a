// SPDX-License-Identifier: GPL-2.0
/*
 * Data transfer: Data-Out and R2T, Data-In and SCSI Response.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "latency.h"
#include "recovery.h"

/* How long the data of an aborted task is waited for. */
#define TISCSI_DRAIN_WAIT	(3 * HZ)

#define TISCSI_NO_TTT		ISCSI_RESERVED_TAG

/* ------------------------------------------------------------------ */
/* Data-Out                                                            */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_data_sink - where the data of the PDU in conn->rx goes
 * @conn: the connection
 * @cmd: its task, referenced as rx.cmd
 * @offset: of the data in the transfer
 *
 * What lies beyond the command's own length, or belongs to a command that has
 * failed already, is dropped (row D22).  io_work.
 */
void tiscsi_data_sink(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd,
		      u32 offset)
{
	struct tiscsi_rx *rx = &conn->rx;

	if (!cmd->sg || offset >= cmd->data_len ||
	    test_bit(CMD_EARLY_STATUS, &cmd->flags))
		return;
	rx->sink = SINK_SG;
	rx->sg_offset = offset;
	rx->sink_len = min(rx->data_len, cmd->data_len - offset);
}

static bool tiscsi_data_has_r2t(const struct tiscsi_cmd *cmd)
{
	u32 i;

	for (i = 0; i < TISCSI_MAX_R2T; i++)
		if (cmd->r2t[i].live)
			return true;
	return false;
}

/**
 * tiscsi_data_due - does a command wait for data
 * @cmd: the task
 *
 * io_work.
 *
 * Return: true while an announced sequence is not over, or data is missing
 * that the command needs.
 */
bool tiscsi_data_due(const struct tiscsi_cmd *cmd)
{
	if (!(cmd->hdr.flags & ISCSI_FLAG_CMD_WRITE))
		return false;
	if (test_bit(CMD_UNSOLICITED, &cmd->flags) || tiscsi_data_has_r2t(cmd))
		return true;
	return !test_bit(CMD_EARLY_STATUS, &cmd->flags) &&
	       cmd->received < cmd->data_len;
}

/**
 * tiscsi_data_patience - how long a session may leave us waiting
 * @sess: the session
 *
 * Return: jiffies: dataout_timeout times dataout_timeout_retries.
 */
unsigned long tiscsi_data_patience(const struct tiscsi_sess *sess)
{
	struct tiscsi_nacl_attrib *attrib = &sess->nacl->attrib;

	return HZ * READ_ONCE(attrib->dataout_timeout) *
	       READ_ONCE(attrib->dataout_timeout_retries);
}

/**
 * tiscsi_data_touch - an initiator has been heard of that owes data
 * @cmd: the task
 *
 * Above level 0 it is asked once more before all patience is lost.  io_work.
 */
void tiscsi_data_touch(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;
	unsigned long wait = tiscsi_data_patience(sess);

	if (sess->erl)
		wait = HZ * READ_ONCE(sess->nacl->attrib.dataout_timeout);
	/* Of data that is dropped anyway we do not wait for more and more. */
	if (!test_bit(CMD_NO_RESPONSE, &cmd->flags))
		cmd->deadline = jiffies + wait;
}

/**
 * tiscsi_data_ask_for - prepare an R2T
 * @cmd: the task
 * @r2t: one that is not live
 * @start: first byte
 * @end: the byte after the last one
 *
 * The caller queues TX_R2T.  io_work.
 */
void tiscsi_data_ask_for(struct tiscsi_cmd *cmd, struct tiscsi_r2t *r2t,
			 u32 start, u32 end)
{
	r2t->live = true;
	r2t->sent = false;
	r2t->start = start;
	r2t->offset = start;
	r2t->end = end;
	r2t->sn = cmd->r2t_sn++;
	r2t->data_sn = 0;
	/* Generation 0 means none, in dead_end. */
	if (!++cmd->ttt_gen)
		cmd->ttt_gen = 1;
	/* Never the reserved tag: index stays below 0xffff. */
	r2t->ttt = (u32)cmd->ttt_gen << 16 | cmd->index;
}

/* Asks for the next MaxBurstLength, as often as MaxOutstandingR2T allows. */
static void tiscsi_data_ask(struct tiscsi_cmd *cmd)
{
	struct tiscsi_keys *keys = &cmd->sess->keys;
	bool asked = false;
	u32 i;

	if (unlikely(cmd->sess->erl) && tiscsi_recovery_ask(cmd))
		return;
	for (i = 0; i < min_t(u32, keys->v[KEY_MAX_R2T], TISCSI_MAX_R2T); i++) {
		struct tiscsi_r2t *r2t = &cmd->r2t[i];
		u32 len = min(keys->v[KEY_MAX_BURST],
			      cmd->data_len - cmd->r2t_offset);

		if (r2t->live)
			continue;
		if (!len)
			break;
		tiscsi_data_ask_for(cmd, r2t, cmd->r2t_offset,
				    cmd->r2t_offset + len);
		cmd->r2t_offset += len;
		asked = true;
	}
	if (asked)
		tiscsi_tx_queue(cmd, TX_R2T);
}

/**
 * tiscsi_data_start - a write's turn has come, but its data is not all here
 * @cmd: the task
 *
 * io_work.
 */
void tiscsi_data_start(struct tiscsi_cmd *cmd)
{
	spin_lock(&cmd->sess->lock);
	tiscsi_cmd_set_state(cmd, TASK_DATA);
	spin_unlock(&cmd->sess->lock);
	cmd->deadline = jiffies + TISCSI_DRAIN_WAIT;
	tiscsi_data_touch(cmd);
	tiscsi_conn_arm_timer(cmd->conn, cmd->deadline);
	tiscsi_data_next(cmd);
}

/**
 * tiscsi_data_next - a sequence is over, or the command's turn has come
 * @cmd: the task
 *
 * Asks for more data, executes the command, or waits.  io_work.
 */
void tiscsi_data_next(struct tiscsi_cmd *cmd)
{
	if (cmd->state != TASK_DATA)
		return;
	/* D09: no R2T while unsolicited data is still to come. */
	if (test_bit(CMD_UNSOLICITED, &cmd->flags))
		return;
	if (!tiscsi_data_due(cmd)) {
		tiscsi_scsi_ready(cmd);
		return;
	}
	if (test_bit(CMD_EARLY_STATUS, &cmd->flags))
		return;
	if (!cmd->r2t_offset)
		cmd->r2t_offset = cmd->received;
	tiscsi_data_ask(cmd);
}

/* One that was aborted, and whose tag is free, while its data is coming. */
static struct tiscsi_cmd *tiscsi_data_find_drained(struct tiscsi_conn *conn,
						   itt_t itt)
{
	struct tiscsi_cmd *cmd;

	list_for_each_entry(cmd, &conn->tasks, conn_node)
		if (cmd->itt == itt && test_bit(CMD_NO_RESPONSE, &cmd->flags))
			return cmd;
	return NULL;
}

/* The task of a Data-Out, with a reference; NULL if there is none. */
static struct tiscsi_cmd *tiscsi_data_find(struct tiscsi_conn *conn,
					   const struct iscsi_data *req)
{
	struct tiscsi_sess *sess = conn->sess;
	u32 ttt = be32_to_cpu(req->ttt);
	struct tiscsi_cmd *cmd = NULL;

	spin_lock(&sess->lock);
	if (ttt == TISCSI_NO_TTT)
		cmd = tiscsi_cmd_find(sess, req->itt) ?:
		      tiscsi_data_find_drained(conn, req->itt);
	else
		cmd = tiscsi_sess_slot(sess, ttt & 0xffff);
	/* C13, C14: its connection, its tag. */
	if (cmd && cmd->conn == conn && cmd->itt == req->itt &&
	    cmd->opcode == ISCSI_OP_SCSI_CMD &&
	    (cmd->state == TASK_RECV || cmd->state == TASK_PENDING ||
	     cmd->state == TASK_DATA))
		tiscsi_cmd_get(cmd);
	else
		cmd = NULL;
	spin_unlock(&sess->lock);
	return cmd;
}

/* E22: data of a task that was aborted is dropped without a word. */
static bool tiscsi_data_is_stale(struct tiscsi_conn *conn,
				 const struct iscsi_data *req)
{
	u32 ttt = be32_to_cpu(req->ttt);
	struct tiscsi_cmd *slot = tiscsi_sess_slot(conn->sess, ttt & 0xffff);

	return ttt != TISCSI_NO_TTT && slot && slot->dead_end &&
	       (u16)(slot->dead_end - (ttt >> 16)) < slot->dead_nr;
}

/**
 * tiscsi_data_bury - remember the Target Transfer Tags of a task
 * @cmd: the task, ended before all its data came
 *
 * io_work, or after its end.
 */
void tiscsi_data_bury(struct tiscsi_cmd *cmd)
{
	if (!cmd->r2t_sn)
		return;
	cmd->dead_end = cmd->ttt_gen;
	cmd->dead_nr = min_t(u32, cmd->r2t_sn, TISCSI_MAX_R2T);
}

static struct tiscsi_r2t *tiscsi_data_r2t(struct tiscsi_cmd *cmd, u32 ttt)
{
	u32 i;

	for (i = 0; i < TISCSI_MAX_R2T; i++)
		if (cmd->r2t[i].live && cmd->r2t[i].sent &&
		    cmd->r2t[i].ttt == ttt)
			return &cmd->r2t[i];
	return NULL;
}

/* Rows D04, D05, D13: unsolicited data continues where it was. */
static int tiscsi_data_check_unsolicited(struct tiscsi_conn *conn,
					 struct tiscsi_cmd *cmd,
					 const struct iscsi_data *req)
{
	u32 offset = be32_to_cpu(req->offset), len = conn->rx.data_len;

	if (!test_bit(CMD_UNSOLICITED, &cmd->flags))
		return REJECT_INVALID;
	if (be32_to_cpu(req->datasn) != cmd->unsol_sn ||
	    offset != cmd->received)
		return REJECT_INVALID;
	if ((u64)offset + len > cmd->unsol_end)
		tiscsi_scsi_fail(cmd, &tiscsi_sense_data_amount);
	return 0;
}

/* C14, D12: does a Data-Out belong to the R2T whose tag it carries? */
static bool tiscsi_data_belongs(struct tiscsi_conn *conn,
				const struct tiscsi_cmd *cmd,
				const struct tiscsi_r2t *r2t,
				const struct iscsi_data *req)
{
	u64 offset = be32_to_cpu(req->offset);

	return tiscsi_lun_decode(&req->lun) == cmd->lun &&
	       offset >= r2t->start &&
	       offset + conn->rx.data_len <= r2t->end;
}

/* Rows D13, D14: solicited data continues where it was. */
static int tiscsi_data_check_solicited(const struct tiscsi_r2t *r2t,
				       const struct iscsi_data *req)
{
	if (be32_to_cpu(req->datasn) != r2t->data_sn ||
	    be32_to_cpu(req->offset) != r2t->offset)
		return REJECT_INVALID;
	return 0;
}

/**
 * tiscsi_data_begin - the header of a Data-Out is here
 * @conn: the connection
 *
 * io_work.
 *
 * Return: 0 or a Reject reason, for what belongs to no task.  A PDU that is
 * wrong within its sequence is rejected at its end and also decides the status
 * of its task (row F03).
 */
int tiscsi_data_begin(struct tiscsi_conn *conn)
{
	struct iscsi_data *req = (struct iscsi_data *)&conn->rx.bhs;
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_rx *rx = &conn->rx;
	struct tiscsi_r2t *r2t = NULL;
	struct tiscsi_cmd *cmd;
	int ret;

	cmd = tiscsi_data_find(conn, req);
	if (cmd && be32_to_cpu(req->ttt) != TISCSI_NO_TTT)
		r2t = tiscsi_data_r2t(cmd, be32_to_cpu(req->ttt));
	if (cmd && !r2t && sess->erl &&
	    tiscsi_recovery_is_late_data(cmd, be32_to_cpu(req->ttt))) {
		tiscsi_cmd_put(cmd);
		return 0;
	}
	if (cmd && be32_to_cpu(req->ttt) != TISCSI_NO_TTT &&
	    (!r2t || !tiscsi_data_belongs(conn, cmd, r2t, req))) {
		tiscsi_cmd_put(cmd);
		cmd = NULL;
	}
	if (!cmd)
		return tiscsi_data_is_stale(conn, req) ? 0 : REJECT_INVALID;

	tiscsi_data_touch(cmd);
	if (r2t)
		ret = tiscsi_data_check_solicited(r2t, req);
	else
		ret = tiscsi_data_check_unsolicited(conn, cmd, req);
	if (ret && sess->erl && tiscsi_recovery_gap(conn, cmd, r2t, req))
		ret = 0;
	if (ret)
		tiscsi_scsi_fail(cmd, &tiscsi_sense_data_crc);
	else
		tiscsi_data_sink(conn, cmd, be32_to_cpu(req->offset));
	/* Kept for the end: its F bit counts whatever is wrong with it. */
	rx->cmd = cmd;
	rx->bad_data = ret;
	return 0;
}

static void tiscsi_data_end_solicited(struct tiscsi_cmd *cmd,
				      struct tiscsi_r2t *r2t, u32 len,
				      bool final)
{
	r2t->data_sn++;
	r2t->offset += len;
	cmd->received += len;
	if (!final)
		return;
	if (r2t->offset != r2t->end)
		tiscsi_scsi_fail(cmd, &tiscsi_sense_data_amount);
	r2t->live = false;
}

static void tiscsi_data_end_unsolicited(struct tiscsi_cmd *cmd, u32 len,
					bool final)
{
	cmd->unsol_sn++;
	cmd->received += len;
	if (!final)
		return;
	if (cmd->received != cmd->unsol_end)
		tiscsi_scsi_fail(cmd, &tiscsi_sense_data_amount);
	clear_bit(CMD_UNSOLICITED, &cmd->flags);
}

/**
 * tiscsi_data_end - a whole Data-Out is here
 * @conn: the connection; rx.cmd is its task
 * @digest_ok: its data digest was right, or there is none
 *
 * io_work.
 *
 * Return: 0 or a Reject reason.
 */
int tiscsi_data_end(struct tiscsi_conn *conn, bool digest_ok)
{
	struct iscsi_data *req = (struct iscsi_data *)&conn->rx.bhs;
	bool final = req->flags & ISCSI_FLAG_CMD_FINAL;
	struct tiscsi_cmd *cmd = conn->rx.cmd;
	u32 len = conn->rx.data_len;
	struct tiscsi_r2t *r2t;
	int ret = conn->rx.bad_data;

	if (!digest_ok) {
		/* F04: at level 0 the task ends with 0B/47/05. */
		if (cmd->sess->erl)
			tiscsi_recovery_bad_data(cmd, be32_to_cpu(req->offset),
						 len);
		else
			tiscsi_scsi_fail(cmd, &tiscsi_sense_data_crc);
		ret = ISCSI_REASON_DATA_DIGEST_ERROR;
	}
	r2t = tiscsi_data_r2t(cmd, be32_to_cpu(req->ttt));
	if (r2t)
		tiscsi_data_end_solicited(cmd, r2t, len, final);
	else
		tiscsi_data_end_unsolicited(cmd, len, final);
	if (final && cmd->sess->erl)
		tiscsi_recovery_sequence_over(cmd);
	atomic64_add(len, &conn->sess->rx_octets);
	return ret;
}

/**
 * tiscsi_data_settle - go on with the task of a Data-Out
 * @conn: the connection; rx.cmd is the task, and a Reject has been queued
 *	before what is queued here
 *
 * io_work.
 */
void tiscsi_data_settle(struct tiscsi_conn *conn)
{
	if (conn->rx.bhs.flags & ISCSI_FLAG_CMD_FINAL)
		tiscsi_data_next(conn->rx.cmd);
}

/**
 * tiscsi_data_check_time - has an initiator stopped sending data (row F07)
 * @conn: the connection
 *
 * io_work.
 *
 * Return: true when a task waits longer than dataout_timeout times
 * dataout_timeout_retries: the connection goes.  Above recovery level 0 the data
 * is asked for again each dataout_timeout.  What waits because of a task
 * management function is doomed instead.
 */
bool tiscsi_data_check_time(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	unsigned long next = 0;
	struct tiscsi_cmd *cmd;
	bool late = false;

	if (!READ_ONCE(conn->nr_waiting))
		return false;
	spin_lock(&sess->lock);
	list_for_each_entry(cmd, &conn->tasks, conn_node) {
		/* Not the initiator's fault. */
		if (test_bit(CMD_HELD, &cmd->flags))
			continue;
		/* One that is at work waits for what we have ended. */
		if (cmd->state != TASK_DATA &&
		    (cmd->state != TASK_WAIT || cmd->wait))
			continue;
		if (time_before(jiffies, cmd->deadline)) {
			if (!next || time_before(cmd->deadline, next))
				next = cmd->deadline;
		} else if (cmd->state == TASK_WAIT ||
			   test_bit(CMD_NO_RESPONSE, &cmd->flags)) {
			tiscsi_data_doom(cmd, DOOM_LATE);
		} else if (!sess->erl || !tiscsi_recovery_wants_more(cmd)) {
			late = true;
		}
	}
	spin_unlock(&sess->lock);
	if (next)
		tiscsi_conn_arm_timer(conn, next);
	return late;
}

/* ------------------------------------------------------------------ */
/* tasks that others end                                               */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_data_doom - have a task that is not in the core ended
 * @cmd: the task
 * @doom: how
 *
 * Its connection does it: io_work alone works on such a task.  Caller holds
 * sess->lock.  Any context.
 */
void tiscsi_data_doom(struct tiscsi_cmd *cmd, enum tiscsi_doom doom)
{
	lockdep_assert_held(&cmd->sess->lock);
	cmd->doom = doom;
	set_bit(CONN_F_DOOMED, &cmd->conn->flags);
	tiscsi_conn_kick(cmd->conn);
}

static struct tiscsi_cmd *tiscsi_data_next_doomed(struct tiscsi_conn *conn,
						  enum tiscsi_doom *doom)
{
	struct tiscsi_cmd *cmd;

	spin_lock(&conn->sess->lock);
	list_for_each_entry(cmd, &conn->tasks, conn_node) {
		if (!cmd->doom)
			continue;
		tiscsi_cmd_get(cmd);
		*doom = cmd->doom;
		cmd->doom = DOOM_NONE;
		spin_unlock(&conn->sess->lock);
		return cmd;
	}
	spin_unlock(&conn->sess->lock);
	return NULL;
}

/* R2Ts that are not out yet stay here. */
static void tiscsi_data_take_back_r2ts(struct tiscsi_cmd *cmd)
{
	u32 i;

	for (i = 0; i < TISCSI_MAX_R2T; i++)
		if (!cmd->r2t[i].sent)
			cmd->r2t[i].live = false;
}

/* Row E20: the initiator has said that no more data comes. */
static void tiscsi_data_forget_due(struct tiscsi_cmd *cmd)
{
	u32 i;

	tiscsi_data_bury(cmd);
	clear_bit(CMD_UNSOLICITED, &cmd->flags);
	for (i = 0; i < TISCSI_MAX_R2T; i++)
		cmd->r2t[i].live = false;
}

/*
 * Row E16: an initiator goes on to send what it was asked for, and all the
 * unsolicited data that it announced.  That is dropped (E22), and when it is
 * over so is the task; nobody waits long for it, as some initiators stop.
 */
static void tiscsi_data_drain(struct tiscsi_cmd *cmd)
{
	set_bit(CMD_NO_RESPONSE, &cmd->flags);
	tiscsi_scsi_fail_status(cmd, SAM_STAT_TASK_ABORTED);
	if (cmd->state != TASK_DATA)
		return;
	cmd->deadline = jiffies + TISCSI_DRAIN_WAIT;
	tiscsi_conn_arm_timer(cmd->conn, cmd->deadline);
}

/* They let go of the LUN at once; a status waits for the data (D16). */
static void tiscsi_data_end_doomed(struct tiscsi_cmd *cmd,
				   enum tiscsi_doom doom)
{
	switch (doom) {
	case DOOM_NONE:
		return;
	case DOOM_LATE:
		if (cmd->opcode == ISCSI_OP_SCSI_TMFUNC) {
			tiscsi_tmf_give_up(cmd);
			return;
		}
		if (test_bit(CMD_TASK_ABORTED, &cmd->flags)) {
			tiscsi_data_forget_due(cmd);
			break;
		}
		fallthrough;
	case DOOM_SILENT:
		tiscsi_scsi_kill(cmd);
		return;
	case DOOM_RECOVER:
		tiscsi_recovery_no_data(cmd);
		return;
	case DOOM_DRAIN:
		tiscsi_data_drain(cmd);
		break;
	case DOOM_LUN_GONE:
		tiscsi_scsi_fail(cmd, &tiscsi_sense_no_lun);
		break;
	case DOOM_TASK_ABORTED:
		set_bit(CMD_TASK_ABORTED, &cmd->flags);
		tiscsi_scsi_fail_status(cmd, SAM_STAT_TASK_ABORTED);
		break;
	}
	tiscsi_data_take_back_r2ts(cmd);
	tiscsi_data_next(cmd);
}

/**
 * tiscsi_data_do_doomed - end the tasks that others want ended
 * @conn: the connection
 *
 * io_work.
 */
void tiscsi_data_do_doomed(struct tiscsi_conn *conn)
{
	enum tiscsi_doom doom;
	struct tiscsi_cmd *cmd;

	if (!test_and_clear_bit(CONN_F_DOOMED, &conn->flags))
		return;
	while ((cmd = tiscsi_data_next_doomed(conn, &doom))) {
		/* One that went into the core meanwhile is the core's. */
		if (cmd->state < TASK_CORE)
			tiscsi_data_end_doomed(cmd, doom);
		else if (doom == DOOM_SILENT && tiscsi_is_suspended(conn))
			tiscsi_scsi_kill(cmd);
		tiscsi_cmd_put(cmd);
	}
}

/* ------------------------------------------------------------------ */
/* R2T                                                                 */
/* ------------------------------------------------------------------ */

static struct tiscsi_r2t *tiscsi_r2t_unsent(struct tiscsi_cmd *cmd, bool *more)
{
	struct tiscsi_r2t *first = NULL;
	u32 i, n = 0;

	for (i = 0; i < TISCSI_MAX_R2T; i++) {
		struct tiscsi_r2t *r2t = &cmd->r2t[i];

		if (!r2t->live || r2t->sent)
			continue;
		n++;
		if (!first || iscsi_sna_lt(r2t->sn, first->sn))
			first = r2t;
	}
	*more = n > 1;
	return first;
}

/**
 * tiscsi_build_r2t - lay out the next R2T of a task (rows D08, D10, D11)
 * @conn: the connection
 * @cmd: the task
 *
 * Return: TX_BUILT, TX_BUILT_MORE, or TX_BUILT_NOTHING if the task ended
 * meanwhile. io_work.
 */
int tiscsi_build_r2t(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	struct iscsi_r2t_rsp *pdu;
	struct tiscsi_r2t *r2t;
	bool more;

	if (READ_ONCE(cmd->state) != TASK_DATA)
		return TX_BUILT_NOTHING;
	r2t = tiscsi_r2t_unsent(cmd, &more);
	if (!r2t)
		return TX_BUILT_NOTHING;

	pdu = tiscsi_tx_hdr(conn, ISCSI_OP_R2T, ISCSI_FLAG_CMD_FINAL);
	pdu->lun = cmd->hdr.lun;
	pdu->itt = cmd->itt;
	pdu->ttt = cpu_to_be32(r2t->ttt);
	pdu->r2tsn = cpu_to_be32(r2t->sn);
	pdu->data_offset = cpu_to_be32(r2t->start);
	pdu->data_length = cpu_to_be32(r2t->end - r2t->start);
	tiscsi_stamp(conn, pdu, STAMP_NEXT);
	r2t->sent = true;
	return more ? TX_BUILT_MORE : TX_BUILT;
}

/* ------------------------------------------------------------------ */
/* Data-In and SCSI Response                                           */
/* ------------------------------------------------------------------ */

/* D18: GOOD and its like travel with the last Data-In. */
static bool tiscsi_can_collapse(const struct tiscsi_cmd *cmd)
{
	if (cmd->sense_len || (cmd->scsi_status != SAM_STAT_GOOD &&
			       cmd->scsi_status != SAM_STAT_CONDITION_MET))
		return false;
	/* F16: a SNACK Tag has its place in a SCSI Response only. */
	return likely(!cmd->sess->erl) || !tiscsi_kept(cmd)->snack_tag;
}

/* A PDU with the status of a command is on its way. */
static void tiscsi_data_answered(struct tiscsi_cmd *cmd)
{
	atomic64_inc(&cmd->sess->rsp_pdus);
	tiscsi_latency_end(cmd);
}

static void tiscsi_data_in_status(struct tiscsi_conn *conn,
				  struct tiscsi_cmd *cmd,
				  struct iscsi_data_rsp *pdu)
{
	pdu->flags |= ISCSI_FLAG_DATA_STATUS | cmd->residual_flag;
	pdu->cmd_status = cmd->scsi_status;
	pdu->residual_count = cpu_to_be32(cmd->residual);
	tiscsi_data_answered(cmd);
	tiscsi_cmd_retire(cmd);
	conn->tx.last = true;
}

/* D19: the initiator is asked to acknowledge a sequence, but the last one. */
static void tiscsi_data_in_ask_ack(struct tiscsi_cmd *cmd,
				   struct iscsi_data_rsp *pdu)
{
	pdu->flags |= ISCSI_FLAG_DATA_ACK;
	pdu->lun = cmd->hdr.lun;
	pdu->ttt = cpu_to_be32(tiscsi_kept(cmd)->ack_ttt);
}

/**
 * tiscsi_data_in - lay out a Data-In (rows D17, D18)
 * @conn: the connection
 * @cmd: the task
 * @pos: where in the read it is; moved on
 *
 * The status goes with the last one if it can.  io_work.
 *
 * Return: true when it was the last one, and the status was not with it.
 */
bool tiscsi_data_in(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd,
		    struct tiscsi_read_pos *pos)
{
	u32 burst = conn->sess->keys.v[KEY_MAX_BURST] - pos->burst;
	u32 left = cmd->data_len - pos->offset, len;
	struct tiscsi_tx *tx = &conn->tx;
	struct iscsi_data_rsp *pdu;
	bool last;

	len = min3(left, burst, conn->max_xmit_dsl);
	last = len == left;
	pdu = tiscsi_tx_hdr(conn, ISCSI_OP_SCSI_DATA_IN, 0);
	pdu->itt = cmd->itt;
	pdu->ttt = cpu_to_be32(TISCSI_NO_TTT);
	pdu->datasn = cpu_to_be32(pos->sn++);
	pdu->offset = cpu_to_be32(pos->offset);
	tx->sg_offset = pos->offset;
	tx->sg_len = len;
	pos->offset += len;
	pos->burst += len;
	if (last || len == burst) {
		pdu->flags = ISCSI_FLAG_CMD_FINAL;
		pos->burst = 0;
		if (unlikely(cmd->sess->erl) && !last)
			tiscsi_data_in_ask_ack(cmd, pdu);
	}
	atomic64_add(len, &conn->sess->tx_octets);
	if (last && tiscsi_can_collapse(cmd)) {
		tiscsi_data_in_status(conn, cmd, pdu);
		tiscsi_stamp(conn, pdu, STAMP_STATUS);
		return false;
	}
	tiscsi_stamp(conn, pdu, STAMP_NONE);
	return last;
}

/**
 * tiscsi_data_in_goes_on - is a command answered, for the first time or again
 * @cmd: the task
 *
 * Return: false if it has ended meanwhile. io_work.
 */
bool tiscsi_data_in_goes_on(const struct tiscsi_cmd *cmd)
{
	enum tiscsi_cmd_state state = READ_ONCE(cmd->state);

	return state == TASK_RESPONSE || state == TASK_KEPT;
}

/**
 * tiscsi_build_data_in - lay out the next Data-In of a read
 * @conn: the connection
 * @cmd: the task
 *
 * Return: TX_BUILT, TX_BUILT_MORE, or TX_BUILT_NOTHING if the task ended
 * meanwhile. io_work.
 */
int tiscsi_build_data_in(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	if (!tiscsi_data_in_goes_on(cmd))
		return TX_BUILT_NOTHING;
	if (unlikely(cmd->sess->erl))
		tiscsi_snack_read_goes_on(conn, cmd);
	if (tiscsi_data_in(conn, cmd, &cmd->pos))
		set_bit(TX_STATUS, &cmd->tx_pending);
	return cmd->pos.offset < cmd->data_len ? TX_BUILT_MORE : TX_BUILT;
}

/**
 * tiscsi_build_status - lay out a SCSI Response (rows D20-D29)
 * @conn: the connection
 * @cmd: the task
 *
 * Return: TX_BUILT, or TX_BUILT_NOTHING if the task ended meanwhile. io_work.
 */
int tiscsi_build_status(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	struct iscsi_scsi_rsp *rsp;

	if (!tiscsi_data_in_goes_on(cmd))
		return TX_BUILT_NOTHING;
	rsp = tiscsi_tx_hdr(conn, ISCSI_OP_SCSI_CMD_RSP, ISCSI_FLAG_CMD_FINAL |
			    cmd->residual_flag);
	rsp->response = ISCSI_STATUS_CMD_COMPLETED;
	rsp->cmd_status = cmd->scsi_status;
	rsp->itt = cmd->itt;
	rsp->exp_datasn = cpu_to_be32(cmd->pos.sn);
	rsp->residual_count = cpu_to_be32(cmd->residual);
	/* Bidirectional commands are only refused: no byte of it was read. */
	rsp->bi_residual_count = cpu_to_be32(cmd->bidi_edtl);
	if (unlikely(cmd->sess->erl))
		rsp->rsvd1 = cpu_to_be32(tiscsi_kept(cmd)->snack_tag);
	tiscsi_data_answered(cmd);
	tiscsi_cmd_retire(cmd);
	tiscsi_stamp(conn, rsp, STAMP_STATUS);
	if (cmd->sense_len) {
		put_unaligned_be16(cmd->sense_len, cmd->sense);
		conn->tx.data = cmd->sense;
		conn->tx.data_len = 2 + cmd->sense_len;
	}
	conn->tx.last = true;
	return TX_BUILT;
}
