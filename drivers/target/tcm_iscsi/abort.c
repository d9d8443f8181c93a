// SPDX-License-Identifier: GPL-2.0
/*
 * Ending tasks for task management functions.
 *
 * What the core has not got yet is ended by its connection.  What the core has
 * is waited for and not answered: of a command that a backend works on, the
 * core cannot do more than wait either.  The answer to the function waits for
 * both, and for answers that are on their way already (rows E16, E18).
 */
#include <linux/rculist.h>
#include <linux/slab.h>
#include <target/target_core_backend.h>

#include "access/access.h"
#include "recovery.h"
#include "wait.h"

/* ------------------------------------------------------------------ */
/* one task                                                            */
/* ------------------------------------------------------------------ */

/* A live SCSI command, also of a connection that is gone. */
static bool tiscsi_abort_can_hit(const struct tiscsi_cmd *cmd)
{
	if (cmd->state == TASK_FREE || cmd->state > TASK_RESPONSE)
		return false;
	/* One that is being received need not be filled in yet. */
	if (cmd->state == TASK_RECV && !test_bit(CMD_COUNTED, &cmd->flags))
		return false;
	return cmd->opcode == ISCSI_OP_SCSI_CMD;
}

/* Its answer waits for somebody to take it over. */
static bool tiscsi_abort_is_stranded(const struct tiscsi_cmd *cmd)
{
	return cmd->state == TASK_RESPONSE && tiscsi_is_suspended(cmd->conn);
}

/* The tag is free, though data for the task may still be coming. */
static void tiscsi_abort_free_tag(struct tiscsi_cmd *cmd)
{
	lockdep_assert_held(&cmd->sess->lock);
	hlist_del_init(&cmd->itt_node);
}

/**
 * tiscsi_abort_task - end one task of this session
 * @by: the function, started
 * @ref: the task
 *
 * Rows E02, E18: it is not answered any more, unless its answer is on the way;
 * then the one to the function comes after it.  Caller holds sess->lock, and
 * calls tiscsi_data_do_doomed() when it has let go.
 */
void tiscsi_abort_task(struct tiscsi_cmd *by, struct tiscsi_cmd *ref)
{
	enum tiscsi_cmd_state state = ref->state;
	struct tiscsi_cover *cover;

	lockdep_assert_held(&ref->sess->lock);
	if (state < TASK_DATA ||
	    (state == TASK_DATA && test_bit(CMD_UNSOLICITED, &ref->flags))) {
		/* Its CmdSN is still to be counted, or its data dropped. */
		tiscsi_data_doom(ref, DOOM_DRAIN);
		tiscsi_abort_free_tag(ref);
		return;
	}
	cover = tiscsi_cover_alloc(by->wait, GFP_ATOMIC);
	if (!cover)
		return;
	tiscsi_cover_add(cover, ref);
	tiscsi_cover_file(cover, ref->sess);
	if (state == TASK_DATA || tiscsi_abort_is_stranded(ref))
		tiscsi_data_doom(ref, DOOM_SILENT);
	else if (state == TASK_CORE)
		set_bit(CMD_NO_RESPONSE, &ref->flags);
	else
		by->wait->response = ISCSI_TMF_RSP_NO_TASK;
}

/* ------------------------------------------------------------------ */
/* task sets                                                           */
/* ------------------------------------------------------------------ */

static bool tiscsi_abort_is_fast(const struct tiscsi_sess *sess)
{
	return sess->keys.v[KEY_TASK_REPORTING] == TASK_FAST_ABORT;
}

/*
 * Row E20: the initiator has stopped sending data on the connection of the
 * function, and is told on the others; nobody waits for it.
 */
static void tiscsi_abort_fast(struct tiscsi_cmd *by, struct tiscsi_cmd *cmd)
{
	if (cmd->conn == by->conn) {
		tiscsi_data_doom(cmd, DOOM_SILENT);
		return;
	}
	tiscsi_data_doom(cmd, DOOM_DRAIN);
	tiscsi_abort_free_tag(cmd);
}

/* Rows E10, E15: what came before the function by the order of CmdSN. */
static bool tiscsi_abort_precedes(const struct tiscsi_cmd *cmd,
				  const struct tiscsi_cmd *by)
{
	if (test_bit(CMD_IMMEDIATE, &cmd->flags))
		return cmd->state != TASK_RECV &&
		       iscsi_sna_lte(cmd->cmd_sn, by->cmd_sn);
	return iscsi_sna_lt(cmd->cmd_sn, by->cmd_sn) &&
	       (cmd->state > TASK_PENDING ||
		test_bit(CMD_COUNTED, &cmd->flags));
}

static void tiscsi_abort_own_task(struct tiscsi_cmd *by,
				  struct tiscsi_cmd *cmd,
				  struct tiscsi_cover *cover)
{
	bool fast = tiscsi_abort_is_fast(cmd->sess);

	if (fast && cmd->conn != by->conn)
		set_bit(CONN_F_TERMINATED, &cmd->conn->flags);
	if (fast && cmd->state < TASK_CORE) {
		tiscsi_abort_fast(by, cmd);
		return;
	}
	tiscsi_cover_add(cover, cmd);
	if (cmd->state < TASK_CORE)
		tiscsi_data_doom(cmd, DOOM_DRAIN);
	else if (cmd->state == TASK_CORE)
		set_bit(CMD_NO_RESPONSE, &cmd->flags);
	else if (tiscsi_abort_is_stranded(cmd))
		tiscsi_data_doom(cmd, DOOM_SILENT);
}

/**
 * tiscsi_abort_own - end the tasks of this session for a logical unit
 * @by: the function, started; it waits for their end
 * @lun: the logical unit
 *
 * Those that came before @by.  io_work.
 */
void tiscsi_abort_own(struct tiscsi_cmd *by, u64 lun)
{
	struct tiscsi_cover *cover = tiscsi_cover_alloc(by->wait, GFP_ATOMIC);
	struct tiscsi_sess *sess = by->sess;
	struct tiscsi_cmd *cmd;
	u32 i;

	if (!cover)
		return;
	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		cmd = sess->slots[i];
		if (tiscsi_abort_can_hit(cmd) && cmd->lun == lun &&
		    tiscsi_abort_precedes(cmd, by))
			tiscsi_abort_own_task(by, cmd, cover);
	}
	tiscsi_cover_file(cover, sess);
	tiscsi_async_terminated(sess, lun);
	spin_unlock(&sess->lock);
	tiscsi_data_do_doomed(by->conn);
}

/**
 * struct tiscsi_aim - what is aborted in the sessions of others
 * @by: the function, started
 * @dev: the logical unit
 * @tas: its TAS bit: whose task is aborted is told so
 * @in_core: also what the core has
 */
struct tiscsi_aim {
	struct tiscsi_cmd *by;
	const struct se_device *dev;
	bool tas;
	bool in_core;
};

/* Finds the device behind a LUN of the initiator. */
static bool tiscsi_abort_take_aim(struct tiscsi_aim *aim, u64 lun)
{
	struct se_node_acl *se_nacl = aim->by->sess->se_session->se_node_acl;
	struct se_dev_entry *deve;
	struct se_device *dev;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &se_nacl->lun_entry_hlist, link) {
		if (deve->mapped_lun != lun)
			continue;
		dev = rcu_dereference(deve->se_lun->lun_se_dev);
		if (dev)
			aim->tas = dev->dev_attrib.emulate_tas;
		aim->dev = dev;
		break;
	}
	rcu_read_unlock();
	return aim->dev;
}

static bool tiscsi_abort_other_task(const struct tiscsi_aim *aim,
				    struct tiscsi_cmd *cmd,
				    struct tiscsi_cover *cover)
{
	if (cmd->state == TASK_DATA) {
		tiscsi_data_doom(cmd, aim->tas ? DOOM_TASK_ABORTED :
				 DOOM_DRAIN);
	} else if (cmd->state == TASK_CORE && aim->in_core) {
		set_bit(aim->tas ? CMD_TASK_ABORTED : CMD_NO_RESPONSE,
			&cmd->flags);
		tiscsi_cover_add(cover, cmd);
	} else if (cmd->state != TASK_CORE) {
		return false;
	}
	/* Row E11; who is told TASK ABORTED needs no more. */
	if (aim->in_core && !aim->tas && cmd->itl)
		tiscsi_ua_raise(cmd->itl, UA_COMMANDS_CLEARED);
	if (tiscsi_abort_is_fast(cmd->sess))
		set_bit(CONN_F_TERMINATED, &cmd->conn->flags);
	return true;
}

static void tiscsi_abort_other_sess(struct tiscsi_sess *sess, void *arg)
{
	const struct tiscsi_aim *aim = arg;
	struct tiscsi_cover *cover;
	struct tiscsi_cmd *cmd;
	u64 lun = 0;
	u32 i;

	if (sess == aim->by->sess)
		return;
	cover = tiscsi_cover_alloc(aim->by->wait, GFP_ATOMIC);
	if (!cover)
		return;
	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		cmd = sess->slots[i];
		if (tiscsi_abort_can_hit(cmd) &&
		    test_bit(CMD_HAS_SE, &cmd->flags) &&
		    cmd->se_cmd.se_dev == aim->dev &&
		    tiscsi_abort_other_task(aim, cmd, cover))
			lun = cmd->lun;
	}
	tiscsi_cover_file(cover, sess);
	tiscsi_async_terminated(sess, lun);
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_abort_others - end the tasks of other sessions for a logical unit
 * @by: the function, started
 * @lun: the logical unit, as the function names it
 * @in_core: also those that the core has; @by waits for their end.  Otherwise
 *	the core sees to these
 *
 * Sessions of all targets of this fabric.  io_work.
 */
void tiscsi_abort_others(struct tiscsi_cmd *by, u64 lun, bool in_core)
{
	struct tiscsi_aim aim = { .by = by, .in_core = in_core };

	if (tiscsi_abort_take_aim(&aim, lun))
		tiscsi_sess_for_each(tiscsi_abort_other_sess, &aim);
}
