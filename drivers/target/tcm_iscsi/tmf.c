// SPDX-License-Identifier: GPL-2.0
/*
 * Task management (RFC 7143 11.5, 11.6; RFC 7144).
 *
 * A function is done in io_work of the connection that it came on.  What it
 * has to wait for is counted in struct tiscsi_wait; when nothing is left it goes
 * on, and is answered.
 */
#include <linux/rculist.h>

#include "access/access.h"
#include "recovery.h"
#include "wait.h"

/* RFC 7144; not in iscsi_proto.h */
#define TISCSI_TMF_RSP_SUCCEEDED	7

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

static const struct iscsi_tm *tiscsi_tmf_req(const struct tiscsi_cmd *cmd)
{
	return (const struct iscsi_tm *)&cmd->hdr;
}

static u8 tiscsi_tmf_function(const struct tiscsi_cmd *cmd)
{
	return ISCSI_TM_FUNC_VALUE(tiscsi_tmf_req(cmd));
}

/* ------------------------------------------------------------------ */
/* the core's part                                                     */
/* ------------------------------------------------------------------ */

/* Has the core reset a unit; its answer is tiscsi_queue_tm_rsp(). */
static void tiscsi_tmf_core_reset(struct tiscsi_cmd *cmd, u64 lun)
{
	int ret;

	spin_lock(&cmd->sess->lock);
	tiscsi_cmd_set_state(cmd, TASK_CORE);
	spin_unlock(&cmd->sess->lock);

	tiscsi_cmd_get(cmd);
	tiscsi_wait_hold(cmd->wait);
	set_bit(CMD_HAS_SE, &cmd->flags);
	ret = target_submit_tmr(&cmd->se_cmd, cmd->sess->se_session,
				cmd->sense + 2, lun, cmd, TMR_LUN_RESET,
				GFP_KERNEL, 0, 0);
	if (!ret)
		return;
	spin_lock(&cmd->sess->lock);
	tiscsi_cmd_set_state(cmd, TASK_WAIT);
	spin_unlock(&cmd->sess->lock);
	cmd->wait->response = ISCSI_TMF_RSP_REJECTED;
	clear_bit(CMD_HAS_SE, &cmd->flags);
	tiscsi_wait_let_go(cmd->wait);
	tiscsi_cmd_put(cmd);
}

static u8 tiscsi_tmf_response(u8 core)
{
	switch (core) {
	case TMR_FUNCTION_COMPLETE:
		return ISCSI_TMF_RSP_COMPLETE;
	case TMR_LUN_DOES_NOT_EXIST:
		return ISCSI_TMF_RSP_NO_LUN;
	case TMR_TASK_MGMT_FUNCTION_NOT_SUPPORTED:
		return ISCSI_TMF_RSP_NOT_SUPPORTED;
	default:
		return ISCSI_TMF_RSP_REJECTED;
	}
}

/**
 * tiscsi_queue_tm_rsp - the core has done its part of a function
 * @se_cmd: of this fabric
 *
 * fabric_ops callback, process context.
 */
void tiscsi_queue_tm_rsp(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);
	struct se_tmr_req *tmr = se_cmd->se_tmr_req;
	bool end;

	if (se_cmd->se_dev && tmr->response == TMR_FUNCTION_COMPLETE)
		tiscsi_access_lun_reset(se_cmd->se_dev);

	spin_lock(&cmd->sess->lock);
	end = cmd->state != TASK_CORE ||
	      test_bit(CMD_NO_RESPONSE, &cmd->flags);
	if (!end) {
		cmd->wait->response = tiscsi_tmf_response(tmr->response);
		tiscsi_cmd_set_state(cmd, TASK_WAIT);
	}
	spin_unlock(&cmd->sess->lock);
	if (end)
		tiscsi_cmd_end(cmd);
}

/**
 * tiscsi_tmf_core_done - the core has forgotten its part of a function
 * @cmd: the function's task; its se_cmd may be used again
 *
 * Any context.
 */
void tiscsi_tmf_core_done(struct tiscsi_cmd *cmd)
{
	if (cmd->wait)
		tiscsi_wait_let_go(cmd->wait);
}

/* ------------------------------------------------------------------ */
/* ABORT TASK, QUERY TASK                                              */
/* ------------------------------------------------------------------ */

/* Rows E03, E04: a command that never came is taken as received. */
static void tiscsi_tmf_abort_unknown(struct tiscsi_cmd *cmd)
{
	u32 ref = be32_to_cpu(tiscsi_tmf_req(cmd)->refcmdsn);
	struct tiscsi_sess *sess = cmd->sess;
	struct tiscsi_cmd *plug;

	cmd->wait->response = ISCSI_TMF_RSP_NO_TASK;
	if (!tiscsi_cmdsn_in_window(sess, ref) ||
	    !iscsi_sna_lt(ref, cmd->cmd_sn))
		return;
	cmd->wait->response = ISCSI_TMF_RSP_REJECTED;
	plug = tiscsi_cmd_alloc(cmd->conn);
	if (!plug)
		return;
	plug->cmd_sn = ref;
	tiscsi_cmdsn_plug(sess, plug);
	cmd->wait->response = ISCSI_TMF_RSP_COMPLETE;
}

/* Row E05: the function must mean this very task. */
static bool tiscsi_tmf_means(const struct tiscsi_cmd *cmd,
			     const struct tiscsi_cmd *ref)
{
	u32 cmd_sn = be32_to_cpu(tiscsi_tmf_req(cmd)->refcmdsn);

	if (test_bit(CMD_IMMEDIATE, &ref->flags))
		return cmd_sn == cmd->cmd_sn || cmd_sn == ref->cmd_sn;
	return cmd_sn == ref->cmd_sn;
}

/* The task that a function names, which it may be aimed at, or a response. */
static struct tiscsi_cmd *tiscsi_tmf_find(const struct tiscsi_cmd *cmd,
					  u8 *response)
{
	struct tiscsi_cmd *ref;

	ref = tiscsi_cmd_find(cmd->sess, tiscsi_tmf_req(cmd)->rtt);
	if (!ref)
		return NULL;
	*response = ISCSI_TMF_RSP_COMPLETE;
	if (ref->opcode != ISCSI_OP_SCSI_CMD)
		*response = ISCSI_TMF_RSP_REJECTED;	/* E07 */
	else if (!tiscsi_tmf_means(cmd, ref))
		*response = ISCSI_TMF_RSP_NO_TASK;
	return ref;
}

static void tiscsi_tmf_abort_task(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;
	struct tiscsi_cmd *ref;

	spin_lock(&sess->lock);
	ref = tiscsi_tmf_find(cmd, &cmd->wait->response);
	if (ref && !cmd->wait->response)
		tiscsi_abort_task(cmd, ref);
	spin_unlock(&sess->lock);

	if (!ref)
		tiscsi_tmf_abort_unknown(cmd);
	tiscsi_data_do_doomed(cmd->conn);
}

/* In the task set, or about to enter it when its turn or its data comes. */
static bool tiscsi_tmf_is_live(const struct tiscsi_cmd *cmd)
{
	return cmd->state >= TASK_PENDING && cmd->state <= TASK_CORE &&
	       !test_bit(CMD_NO_RESPONSE, &cmd->flags);
}

/* Row E25 */
static void tiscsi_tmf_query_task(struct tiscsi_cmd *cmd)
{
	struct tiscsi_wait *wait = cmd->wait;
	struct tiscsi_cmd *ref;

	spin_lock(&cmd->sess->lock);
	ref = tiscsi_tmf_find(cmd, &wait->response);
	if (wait->response == ISCSI_TMF_RSP_NO_TASK)
		wait->response = ISCSI_TMF_RSP_COMPLETE;
	else if (ref && !wait->response && tiscsi_tmf_is_live(ref))
		wait->response = TISCSI_TMF_RSP_SUCCEEDED;
	spin_unlock(&cmd->sess->lock);
}

/* ------------------------------------------------------------------ */
/* task sets and logical units                                         */
/* ------------------------------------------------------------------ */

static u64 tiscsi_tmf_lun(const struct tiscsi_cmd *cmd)
{
	return tiscsi_lun_decode(&tiscsi_tmf_req(cmd)->lun);
}

/* Row E10: of this nexus only. */
static void tiscsi_tmf_abort_task_set(struct tiscsi_cmd *cmd)
{
	tiscsi_abort_own(cmd, tiscsi_tmf_lun(cmd));
}

/* Row E11: there is one task set for all nexuses (TST is 000b). */
static void tiscsi_tmf_clear_task_set(struct tiscsi_cmd *cmd)
{
	tiscsi_abort_own(cmd, tiscsi_tmf_lun(cmd));
	tiscsi_abort_others(cmd, tiscsi_tmf_lun(cmd), true);
}

/* Row E13: the core ends what it has of all nexuses, and does the rest. */
static void tiscsi_tmf_lun_reset(struct tiscsi_cmd *cmd)
{
	u64 lun = tiscsi_tmf_lun(cmd);

	tiscsi_abort_own(cmd, lun);
	tiscsi_abort_others(cmd, lun, false);
	tiscsi_tmf_core_reset(cmd, lun);
}

/* Row E26 */
static void tiscsi_tmf_query_task_set(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;
	u64 lun = tiscsi_tmf_lun(cmd);
	struct tiscsi_cmd *task;
	u32 i;

	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		task = sess->slots[i];
		if (!hlist_unhashed(&task->itt_node) &&
		    task->opcode == ISCSI_OP_SCSI_CMD && task->lun == lun &&
		    tiscsi_tmf_is_live(task))
			cmd->wait->response = TISCSI_TMF_RSP_SUCCEEDED;
	}
	spin_unlock(&sess->lock);
}

/* ------------------------------------------------------------------ */
/* what the core knows of the initiator's LUNs                         */
/* ------------------------------------------------------------------ */

static bool tiscsi_tmf_has_lun(const struct tiscsi_cmd *cmd, u64 lun)
{
	struct se_node_acl *se_nacl = cmd->sess->se_session->se_node_acl;
	struct se_dev_entry *deve;
	bool found = false;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &se_nacl->lun_entry_hlist, link)
		if (deve->mapped_lun == lun)
			found = true;
	rcu_read_unlock();
	return found;
}

/* The next LUN of the initiator from @lun on; false when there is none. */
static bool tiscsi_tmf_next_lun(const struct tiscsi_cmd *cmd, u64 *lun)
{
	struct se_node_acl *se_nacl = cmd->sess->se_session->se_node_acl;
	struct se_dev_entry *deve;
	u64 next = U64_MAX;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &se_nacl->lun_entry_hlist, link)
		if (deve->mapped_lun >= *lun && deve->mapped_lun < next)
			next = deve->mapped_lun;
	rcu_read_unlock();
	*lun = next;
	return next != U64_MAX;
}

/*
 * Row E26: what the next command would report, without reporting it: how many
 * there are (none, one, several), sense key, ASC, ASCQ.
 */
static void tiscsi_tmf_query_async_event(struct tiscsi_cmd *cmd)
{
	struct tiscsi_wait *wait = cmd->wait;
	struct tiscsi_sense sense;
	u32 nr;

	cmd->lun = tiscsi_tmf_lun(cmd);
	tiscsi_ua_harvest(cmd);
	nr = tiscsi_ua_peek(cmd->sess, cmd->lun, &sense);
	if (!nr)
		return;
	wait->info[0] = (nr > 1 ? 0x20 : 0x10) | sense.key;
	wait->info[1] = sense.asc;
	wait->info[2] = sense.ascq;
	wait->response = TISCSI_TMF_RSP_SUCCEEDED;
}

/* ------------------------------------------------------------------ */
/* targets and nexuses                                                 */
/* ------------------------------------------------------------------ */

/* Resets the next logical unit; false when there is none. */
static bool tiscsi_tmf_reset_next(struct tiscsi_cmd *cmd)
{
	struct tiscsi_wait *wait = cmd->wait;
	u64 lun = wait->next_lun;

	if (!tiscsi_tmf_next_lun(cmd, &lun))
		return false;
	wait->next_lun = lun + 1;
	tiscsi_tmf_core_reset(cmd, lun);
	return true;
}

/* Row E14: every logical unit of the initiator; the core takes one a time. */
static void tiscsi_tmf_target_reset(struct tiscsi_cmd *cmd)
{
	u64 lun;

	if (!READ_ONCE(cmd->sess->tpg->attrib.allow_target_reset)) {
		cmd->wait->response = ISCSI_TMF_RSP_AUTH_FAILED;
		return;
	}
	for (lun = 0; tiscsi_tmf_next_lun(cmd, &lun); lun++) {
		tiscsi_abort_own(cmd, lun);
		tiscsi_abort_others(cmd, lun, false);
	}
	tiscsi_tmf_reset_next(cmd);
}

static bool tiscsi_tmf_reset_more(struct tiscsi_cmd *cmd)
{
	struct tiscsi_wait *wait = cmd->wait;

	if (!wait->next_lun)
		return false;
	/* A LUN may have gone since; the others count all the same. */
	if (wait->response == ISCSI_TMF_RSP_NO_LUN)
		wait->response = ISCSI_TMF_RSP_COMPLETE;
	return tiscsi_tmf_reset_next(cmd);
}

/* Row E27: the answer is the last word of the session. */
static void tiscsi_tmf_nexus_reset(struct tiscsi_cmd *cmd)
{
	set_bit(CONN_F_RX_STOPPED, &cmd->conn->flags);
}

static void tiscsi_tmf_close_target(struct tiscsi_target *target)
{
	struct tiscsi_tpg *tpg;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(tpg, &target->tpgs, node)
		tiscsi_conns_close_all(tpg, NULL, CLOSE_RESET);
	mutex_unlock(&tiscsi_config_lock);
}

/**
 * tiscsi_tmf_sent - the answer to a reset of nexus or target is out
 * @conn: where it came from
 *
 * io_work.
 */
void tiscsi_tmf_sent(struct tiscsi_conn *conn)
{
	tiscsi_sess_finish(conn, CLOSE_RESET);
	if (test_bit(CONN_F_COLD_RESET, &conn->flags))
		tiscsi_tmf_close_target(conn->sess->tpg->target);
}

/* ------------------------------------------------------------------ */
/* dispatch and answer                                                 */
/* ------------------------------------------------------------------ */

/**
 * struct tiscsi_tmf_row - one function (row E01)
 * @exec: does it
 * @response: what it is answered, when nobody does it
 * @level: iSCSIProtocolLevel that it needs (row E28)
 * @erl: ErrorRecoveryLevel that it needs; @response below that
 * @of_lun: about a logical unit, which must be there (row E09)
 * @of_set: about tasks that may still be on their way (row E15)
 */
struct tiscsi_tmf_row {
	void (*exec)(struct tiscsi_cmd *cmd);
	u8 response;
	u8 level;
	u8 erl;
	bool of_lun;
	bool of_set;
};

static const struct tiscsi_tmf_row tiscsi_tmf_rows[] = {
	[ISCSI_TM_FUNC_ABORT_TASK] = {
		.exec = tiscsi_tmf_abort_task, .of_lun = true },
	[ISCSI_TM_FUNC_ABORT_TASK_SET] = {
		.exec = tiscsi_tmf_abort_task_set, .of_lun = true,
		.of_set = true },
	[ISCSI_TM_FUNC_CLEAR_TASK_SET] = {
		.exec = tiscsi_tmf_clear_task_set, .of_lun = true,
		.of_set = true },
	[ISCSI_TM_FUNC_LOGICAL_UNIT_RESET] = {
		.exec = tiscsi_tmf_lun_reset, .of_lun = true, .of_set = true },
	[ISCSI_TM_FUNC_TARGET_WARM_RESET] = {
		.exec = tiscsi_tmf_target_reset, .of_set = true },
	[ISCSI_TM_FUNC_TARGET_COLD_RESET] = {
		.exec = tiscsi_tmf_target_reset, .of_set = true },
	/* E23: no recovery of connections below level 2. */
	[ISCSI_TM_FUNC_TASK_REASSIGN] = {
		.exec = tiscsi_reassign_exec, .erl = 2,
		.response = ISCSI_TMF_RSP_NO_FAILOVER },
	[TISCSI_TM_QUERY_TASK] = {
		.exec = tiscsi_tmf_query_task, .level = 2, .of_lun = true },
	[TISCSI_TM_QUERY_TASK_SET] = {
		.exec = tiscsi_tmf_query_task_set, .level = 2, .of_lun = true },
	[TISCSI_TM_NEXUS_RESET] = {
		.exec = tiscsi_tmf_nexus_reset, .level = 2 },
	[TISCSI_TM_QUERY_ASYNC_EVENT] = {
		.exec = tiscsi_tmf_query_async_event, .level = 2,
		.of_lun = true },
};

/**
 * tiscsi_tmf_is_there - can a task management function be asked for
 * @sess: in this session
 * @function: its code in a request
 *
 * Any context.
 *
 * Return: whether it would be done.
 */
bool tiscsi_tmf_is_there(const struct tiscsi_sess *sess, u8 function)
{
	const struct tiscsi_tmf_row *row = &tiscsi_tmf_rows[function];

	return function < ARRAY_SIZE(tiscsi_tmf_rows) && row->exec &&
	       row->erl <= sess->erl &&
	       row->level <= sess->keys.v[KEY_PROTOCOL_LEVEL];
}

static void tiscsi_tmf_answer(struct tiscsi_cmd *cmd, u8 response)
{
	cmd->response = response;
	tiscsi_request_answer(cmd, TX_TMF);
}

/* What a function is answered without being done; 0 if it is to be done. */
static u8 tiscsi_tmf_refuse(const struct tiscsi_cmd *cmd,
			    const struct tiscsi_tmf_row *row)
{
	if (!row->exec || row->erl > cmd->sess->erl)
		return row->response ?: ISCSI_TMF_RSP_NOT_SUPPORTED;
	if (row->level > cmd->sess->keys.v[KEY_PROTOCOL_LEVEL])
		return ISCSI_TMF_RSP_NOT_SUPPORTED;
	if (row->of_lun && !tiscsi_tmf_has_lun(cmd, tiscsi_tmf_lun(cmd)))
		return ISCSI_TMF_RSP_NO_LUN;
	return 0;
}

/* From here on the function waits, maybe for nothing. */
static bool tiscsi_tmf_start(struct tiscsi_cmd *cmd)
{
	cmd->wait = tiscsi_wait_new(cmd->conn, GFP_KERNEL);
	if (!cmd->wait)
		return false;
	cmd->wait->answers = true;
	spin_lock(&cmd->sess->lock);
	tiscsi_cmd_set_state(cmd, TASK_WAIT);
	spin_unlock(&cmd->sess->lock);
	return true;
}

/**
 * tiscsi_tmf_exec - a task management function's turn has come
 * @cmd: its task
 *
 * io_work.
 */
void tiscsi_tmf_exec(struct tiscsi_cmd *cmd)
{
	static const struct tiscsi_tmf_row none = { };
	const struct tiscsi_tmf_row *row = &none;
	u8 function = tiscsi_tmf_function(cmd);
	u8 response;

	if (function < ARRAY_SIZE(tiscsi_tmf_rows))
		row = &tiscsi_tmf_rows[function];
	response = tiscsi_tmf_refuse(cmd, row);
	if (response) {
		tiscsi_tmf_answer(cmd, response);
		return;
	}
	if (row->of_set && test_bit(CMD_IMMEDIATE, &cmd->flags) &&
	    tiscsi_cmdsn_wait(cmd, jiffies + tiscsi_data_patience(cmd->sess)))
		return;
	if (!tiscsi_tmf_start(cmd)) {
		tiscsi_tmf_answer(cmd, ISCSI_TMF_RSP_REJECTED);
		return;
	}
	row->exec(cmd);
	tiscsi_wait_let_go(cmd->wait);
}

static struct tiscsi_cmd *tiscsi_tmf_next_ready(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	spin_lock(&conn->sess->lock);
	list_for_each_entry(cmd, &conn->tasks, conn_node) {
		if (cmd->state != TASK_WAIT || !cmd->wait ||
		    atomic_read(&cmd->wait->pending))
			continue;
		tiscsi_cmd_get(cmd);
		spin_unlock(&conn->sess->lock);
		return cmd;
	}
	spin_unlock(&conn->sess->lock);
	return NULL;
}

/**
 * tiscsi_tmf_go_on - functions have nothing left to wait for
 * @conn: the connection that they came on
 *
 * io_work.
 */
void tiscsi_tmf_go_on(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	while ((cmd = tiscsi_tmf_next_ready(conn))) {
		if (!tiscsi_tmf_reset_more(cmd))
			tiscsi_tmf_answer(cmd, cmd->wait->response);
		tiscsi_cmd_put(cmd);
	}
}

/**
 * tiscsi_tmf_give_up - commands that a function waits for do not come
 * @cmd: the function's task, from tiscsi_cmdsn_wait()
 *
 * io_work.
 */
void tiscsi_tmf_give_up(struct tiscsi_cmd *cmd)
{
	bool late;

	spin_lock(&cmd->sess->lock);
	/* Its turn may have come after all. */
	late = cmd->state == TASK_WAIT && !cmd->wait &&
	       iscsi_sna_lt(cmd->sess->exp_cmd_sn, cmd->cmd_sn);
	if (late)
		list_del_init(&cmd->list);
	spin_unlock(&cmd->sess->lock);
	if (late)
		tiscsi_tmf_answer(cmd, ISCSI_TMF_RSP_REJECTED);
}

/* Resets that end sessions do so when their answer is out. */
static void tiscsi_tmf_last_word(struct tiscsi_conn *conn,
				 const struct tiscsi_cmd *cmd)
{
	u8 function = tiscsi_tmf_function(cmd);

	if (cmd->response != ISCSI_TMF_RSP_COMPLETE)
		return;
	if (function == ISCSI_TM_FUNC_TARGET_COLD_RESET)
		set_bit(CONN_F_COLD_RESET, &conn->flags);
	else if (function != TISCSI_TM_NEXUS_RESET)
		return;
	conn->tx.then = TX_THEN_RESET;
}

/**
 * tiscsi_build_tmf - lay out a Task Management Function Response
 * @conn: the connection
 * @cmd: its task
 *
 * Return: TX_BUILT. io_work.
 */
int tiscsi_build_tmf(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	struct iscsi_tm_rsp *rsp = tiscsi_tx_hdr(conn, ISCSI_OP_SCSI_TMFUNC_RSP,
						 ISCSI_FLAG_CMD_FINAL);

	rsp->response = cmd->response;
	if (cmd->wait)
		memcpy(rsp->rsvd2, cmd->wait->info, sizeof(cmd->wait->info));
	rsp->itt = cmd->itt;
	tiscsi_cmd_retire(cmd);
	tiscsi_stamp(conn, rsp, STAMP_STATUS);
	conn->tx.last = true;
	tiscsi_tmf_last_word(conn, cmd);
	return TX_BUILT;
}
