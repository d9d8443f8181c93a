// SPDX-License-Identifier: GPL-2.0
/*
 * Task management (RFC 7143 11.5, 11.6).
 *
 * A task is either known to the core, which then aborts it, or only to us,
 * because its CmdSN is not due or its data is not all here; then we do.
 */
#include "access/access.h"

/**
 * tiscsi_tmf_begin - the header of a Task Management Function Request is here
 * @conn: the connection
 *
 * io_work.
 *
 * Return: 0, a Reject reason, REJECT_FORMAT (row A24), -EAGAIN.
 */
int tiscsi_tmf_begin(struct tiscsi_conn *conn)
{
	struct iscsi_tm *req = (struct iscsi_tm *)&conn->rx.bhs;

	if (conn->rx.data_len)
		return REJECT_FORMAT;
	if (req->itt == RESERVED_ITT)
		return REJECT_INVALID;
	return tiscsi_request_task(conn, 0);
}

static void tiscsi_tmf_answer(struct tiscsi_cmd *tmf, u8 response)
{
	spin_lock(&tmf->sess->lock);
	tmf->response = response;
	tiscsi_cmd_set_state(tmf, TASK_RESPONSE);
	tiscsi_tx_queue(tmf, TX_TMF);
	spin_unlock(&tmf->sess->lock);
}

/* Hands the function to the core, whose answer is tiscsi_queue_tm_rsp(). */
static void tiscsi_tmf_to_core(struct tiscsi_cmd *tmf, u8 function, u64 tag)
{
	struct iscsi_tm *req = (struct iscsi_tm *)&tmf->hdr;
	int ret;

	spin_lock(&tmf->sess->lock);
	tiscsi_cmd_set_state(tmf, TASK_CORE);
	spin_unlock(&tmf->sess->lock);

	tiscsi_cmd_get(tmf);
	set_bit(CMD_HAS_SE, &tmf->flags);
	ret = target_submit_tmr(&tmf->se_cmd, tmf->sess->se_session,
				tmf->sense + 2, tiscsi_lun_decode(&req->lun),
				tmf, function, GFP_KERNEL, tag, 0);
	if (!ret)
		return;
	clear_bit(CMD_HAS_SE, &tmf->flags);
	tiscsi_cmd_put(tmf);
	tiscsi_tmf_answer(tmf, ISCSI_TMF_RSP_REJECTED);
}

/* ------------------------------------------------------------------ */
/* ABORT TASK                                                          */
/* ------------------------------------------------------------------ */

/* Rows E03, E04: a command that never came is taken as received. */
static void tiscsi_tmf_abort_unknown(struct tiscsi_cmd *tmf)
{
	struct iscsi_tm *req = (struct iscsi_tm *)&tmf->hdr;
	u32 ref = be32_to_cpu(req->refcmdsn);
	struct tiscsi_sess *sess = tmf->sess;
	struct tiscsi_cmd *plug;

	if (!tiscsi_cmdsn_in_window(sess, ref) ||
	    !iscsi_sna_lt(ref, tmf->cmd_sn)) {
		tiscsi_tmf_answer(tmf, ISCSI_TMF_RSP_NO_TASK);
		return;
	}
	plug = tiscsi_cmd_alloc(tmf->conn);
	if (!plug) {
		tiscsi_tmf_answer(tmf, ISCSI_TMF_RSP_REJECTED);
		return;
	}
	plug->cmd_sn = ref;
	tiscsi_cmdsn_plug(sess, plug);
	tiscsi_tmf_answer(tmf, ISCSI_TMF_RSP_COMPLETE);
}

/* Row E05: the function must mean this very task. */
static bool tiscsi_tmf_means(const struct tiscsi_cmd *tmf,
			     const struct tiscsi_cmd *ref)
{
	struct iscsi_tm *req = (struct iscsi_tm *)&tmf->hdr;
	u32 cmd_sn = be32_to_cpu(req->refcmdsn);

	if (test_bit(CMD_IMMEDIATE, &ref->flags))
		return cmd_sn == tmf->cmd_sn || cmd_sn == ref->cmd_sn;
	return cmd_sn == ref->cmd_sn;
}

/* A task of this session that the core does not have. */
static void tiscsi_tmf_abort_ours(struct tiscsi_cmd *ref)
{
	bool pending;

	spin_lock(&ref->sess->lock);
	pending = ref->state == TASK_PENDING;
	/* Its CmdSN has to be counted when it is due: it stays in line. */
	if (pending)
		set_bit(CMD_NO_RESPONSE, &ref->flags);
	spin_unlock(&ref->sess->lock);
	if (!pending)
		tiscsi_scsi_kill(ref);
}

static void tiscsi_tmf_abort_known(struct tiscsi_cmd *tmf,
				   struct tiscsi_cmd *ref,
				   enum tiscsi_cmd_state state)
{
	if (ref->opcode != ISCSI_OP_SCSI_CMD) {
		tiscsi_tmf_answer(tmf, ISCSI_TMF_RSP_REJECTED);
		return;
	}
	if (!tiscsi_tmf_means(tmf, ref) || state == TASK_RESPONSE) {
		tiscsi_tmf_answer(tmf, ISCSI_TMF_RSP_NO_TASK);
		return;
	}
	if (state == TASK_CORE) {
		tiscsi_tmf_to_core(tmf, TMR_ABORT_TASK,
				   (__force u32)ref->itt);
		return;
	}
	tiscsi_tmf_abort_ours(ref);
	tiscsi_tmf_answer(tmf, ISCSI_TMF_RSP_COMPLETE);
}

static void tiscsi_tmf_abort_task(struct tiscsi_cmd *tmf)
{
	struct iscsi_tm *req = (struct iscsi_tm *)&tmf->hdr;
	struct tiscsi_sess *sess = tmf->sess;
	enum tiscsi_cmd_state state = TASK_FREE;
	struct tiscsi_cmd *ref;

	spin_lock(&sess->lock);
	ref = tiscsi_cmd_find(sess, req->rtt);
	if (ref) {
		tiscsi_cmd_get(ref);
		state = ref->state;
	}
	spin_unlock(&sess->lock);

	if (!ref) {
		tiscsi_tmf_abort_unknown(tmf);
		return;
	}
	tiscsi_tmf_abort_known(tmf, ref, state);
	tiscsi_cmd_put(ref);
}

/* ------------------------------------------------------------------ */
/* LOGICAL UNIT RESET                                                  */
/* ------------------------------------------------------------------ */

/*
 * The requester's own tasks that wait for data go at once: the data may be
 * right behind the request, and would take them into the core past its reset.
 */
static void tiscsi_tmf_lun_reset(struct tiscsi_cmd *tmf)
{
	struct iscsi_tm *req = (struct iscsi_tm *)&tmf->hdr;
	struct tiscsi_sess *sess = tmf->sess;
	u64 lun = tiscsi_lun_decode(&req->lun);
	u32 i;

	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++)
		if (sess->slots[i].state == TASK_DATA &&
		    sess->slots[i].lun == lun)
			tiscsi_data_doom(&sess->slots[i], DOOM_SILENT);
	spin_unlock(&sess->lock);
	tiscsi_data_do_doomed(tmf->conn);
	tiscsi_tmf_to_core(tmf, TMR_LUN_RESET, 0);
}

/*
 * Tasks of this device that wait for data are reset by their connections: in
 * silence if they are the requester's, else as TAS says (row E13).
 */
static void tiscsi_tmf_doom_sess(struct tiscsi_sess *sess,
				 struct se_device *dev,
				 struct tiscsi_sess *requester)
{
	struct tiscsi_cmd *cmd;
	u32 i;

	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		cmd = &sess->slots[i];
		if (cmd->state != TASK_DATA ||
		    !test_bit(CMD_PREPPED, &cmd->flags) ||
		    cmd->se_cmd.se_dev != dev)
			continue;
		if (sess == requester || !dev->dev_attrib.emulate_tas)
			tiscsi_data_doom(cmd, DOOM_SILENT);
		else
			tiscsi_data_doom(cmd, DOOM_TASK_ABORTED);
	}
	spin_unlock(&sess->lock);
}

static void tiscsi_tmf_doom_device(struct se_device *dev,
				   struct tiscsi_sess *requester)
{
	struct tiscsi_target *target;
	struct tiscsi_sess *sess;
	struct tiscsi_tpg *tpg;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(target, &tiscsi_targets, node) {
		list_for_each_entry(tpg, &target->tpgs, node) {
			spin_lock(&tpg->lock);
			list_for_each_entry(sess, &tpg->sessions, node)
				tiscsi_tmf_doom_sess(sess, dev, requester);
			spin_unlock(&tpg->lock);
		}
	}
	mutex_unlock(&tiscsi_config_lock);
}

/* ------------------------------------------------------------------ */
/* dispatch and answer                                                 */
/* ------------------------------------------------------------------ */

/* One row a function: who does it, or what the answer is (row E01). */
static const struct tiscsi_tmf_row {
	void (*exec)(struct tiscsi_cmd *tmf);
	u8 response;
} tiscsi_tmf_rows[] = {
	[ISCSI_TM_FUNC_ABORT_TASK]	   = { .exec = tiscsi_tmf_abort_task },
	[ISCSI_TM_FUNC_LOGICAL_UNIT_RESET] = { .exec = tiscsi_tmf_lun_reset },
	/* E23: no recovery of connections below level 2. */
	[ISCSI_TM_FUNC_TASK_REASSIGN] = {
		.response = ISCSI_TMF_RSP_NO_FAILOVER },
};

/**
 * tiscsi_tmf_exec - a task management function's turn has come
 * @tmf: its task
 *
 * io_work.
 */
void tiscsi_tmf_exec(struct tiscsi_cmd *tmf)
{
	struct iscsi_tm *req = (struct iscsi_tm *)&tmf->hdr;
	u32 function = ISCSI_TM_FUNC_VALUE(req);
	const struct tiscsi_tmf_row *row = NULL;

	if (function < ARRAY_SIZE(tiscsi_tmf_rows))
		row = &tiscsi_tmf_rows[function];
	if (row && row->exec)
		row->exec(tmf);
	else if (row && row->response)
		tiscsi_tmf_answer(tmf, row->response);
	else
		tiscsi_tmf_answer(tmf, ISCSI_TMF_RSP_NOT_SUPPORTED);
}

static u8 tiscsi_tmf_response(u8 core)
{
	switch (core) {
	case TMR_FUNCTION_COMPLETE:
		return ISCSI_TMF_RSP_COMPLETE;
	case TMR_TASK_DOES_NOT_EXIST:
		return ISCSI_TMF_RSP_NO_TASK;
	case TMR_LUN_DOES_NOT_EXIST:
		return ISCSI_TMF_RSP_NO_LUN;
	case TMR_TASK_MGMT_FUNCTION_NOT_SUPPORTED:
		return ISCSI_TMF_RSP_NOT_SUPPORTED;
	default:
		return ISCSI_TMF_RSP_REJECTED;
	}
}

/**
 * tiscsi_queue_tm_rsp - the core has done a task management function
 * @se_cmd: of this fabric
 *
 * fabric_ops callback, process context.
 */
void tiscsi_queue_tm_rsp(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *tmf = to_tiscsi_cmd(se_cmd);
	struct se_tmr_req *tmr = se_cmd->se_tmr_req;
	bool end;

	if (tmr->function == TMR_LUN_RESET && se_cmd->se_dev &&
	    tmr->response == TMR_FUNCTION_COMPLETE) {
		tiscsi_tmf_doom_device(se_cmd->se_dev, tmf->sess);
		tiscsi_access_lun_reset(se_cmd->se_dev);
	}

	spin_lock(&tmf->sess->lock);
	end = tmf->state != TASK_CORE ||
	      test_bit(CMD_NO_RESPONSE, &tmf->flags);
	if (!end) {
		tmf->response = tiscsi_tmf_response(tmr->response);
		tiscsi_cmd_set_state(tmf, TASK_RESPONSE);
		tiscsi_tx_queue(tmf, TX_TMF);
		tiscsi_conn_kick(tmf->conn);
	}
	spin_unlock(&tmf->sess->lock);
	if (tmf->done)
		complete(tmf->done);
	if (end)
		tiscsi_cmd_end(tmf);
}

/**
 * tiscsi_build_tmf - lay out a Task Management Function Response
 * @conn: the connection
 * @tmf: its task
 *
 * Return: TX_BUILT. io_work.
 */
int tiscsi_build_tmf(struct tiscsi_conn *conn, struct tiscsi_cmd *tmf)
{
	struct iscsi_tm_rsp *rsp;

	/* E18: what the function ended is ended before it is answered. */
	tiscsi_data_do_doomed(conn);
	rsp = tiscsi_tx_hdr(conn, ISCSI_OP_SCSI_TMFUNC_RSP,
			    ISCSI_FLAG_CMD_FINAL);
	rsp->response = tmf->response;
	rsp->itt = tmf->itt;
	tiscsi_cmd_retire(tmf);
	tiscsi_stamp(conn, rsp, STAMP_STATUS);
	conn->tx.last = true;
	return TX_BUILT;
}
