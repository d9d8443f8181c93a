// SPDX-License-Identifier: GPL-2.0
/*
 * PREEMPT AND ABORT: the commands of a nexus that was preempted end, and none
 * of them reaches the medium after the command that did it has ended (rows
 * I32, K4a).
 *
 * A command is seen here as soon as it has entered, see tiscsi_access_enter().
 * One that waits for data is ended by its connection; one that the core has is
 * aborted through the core; one in between finds itself marked when the core
 * asks for its data.  Those that have not entered find the new reservation.
 */
#include <linux/completion.h>
#include <linux/delay.h>

#include "pr.h"

/* A session whose slots are all in use is asked again, in milliseconds. */
#define TISCSI_FENCE_RETRY	20

/* An ABORT TASK of our own making in the victim's session. */
static void tiscsi_fence_abort(struct tiscsi_cmd *cmd, struct tiscsi_cmd *tmf)
{
	DECLARE_COMPLETION_ONSTACK(done);

	tmf->opcode = ISCSI_OP_SCSI_TMFUNC;
	tmf->done = &done;
	set_bit(CMD_NO_RESPONSE, &tmf->flags);
	spin_lock(&tmf->sess->lock);
	tiscsi_cmd_set_state(tmf, TASK_CORE);
	spin_unlock(&tmf->sess->lock);

	tiscsi_cmd_get(tmf);
	set_bit(CMD_HAS_SE, &tmf->flags);
	if (target_submit_tmr(&tmf->se_cmd, tmf->sess->se_session,
			      tmf->sense + 2, cmd->lun, tmf, TMR_ABORT_TASK,
			      GFP_KERNEL, (__force u32)cmd->itt, 0)) {
		clear_bit(CMD_HAS_SE, &tmf->flags);
		tiscsi_cmd_put(tmf);
		tiscsi_cmd_end(tmf);
		return;
	}
	wait_for_completion(&done);
}

/* NULL when the command has ended while all slots were in use. */
static struct tiscsi_cmd *tiscsi_fence_slot(struct tiscsi_cmd *cmd)
{
	struct tiscsi_cmd *tmf;

	while (READ_ONCE(cmd->state) == TASK_CORE) {
		tmf = tiscsi_cmd_alloc(cmd->conn);
		if (tmf)
			return tmf;
		msleep(TISCSI_FENCE_RETRY);
	}
	return NULL;
}

/* Its effect on others is over at once, and it may be the one we wait for. */
static bool tiscsi_fence_spares(const struct tiscsi_cmd *cmd)
{
	const struct iscsi_scsi_req *req = (const void *)&cmd->hdr;

	return req->cdb[0] == PERSISTENT_RESERVE_OUT;
}

static void tiscsi_fence_mark(struct tiscsi_cmd *cmd, bool tas)
{
	if (tas)
		set_bit(CMD_TASK_ABORTED, &cmd->flags);
	set_bit(CMD_FENCE, &cmd->flags);
	set_bit(CMD_PREEMPTED, &cmd->flags);
	if (cmd->state != TASK_CORE)
		tiscsi_data_doom(cmd, tas ? DOOM_TASK_ABORTED : DOOM_SILENT);
}

static u32 tiscsi_fence_mark_all(struct tiscsi_sess *sess,
				 const struct tiscsi_lu *lu, bool tas)
{
	struct tiscsi_cmd *cmd;
	u32 i, nr = 0;

	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		cmd = &sess->slots[i];
		if (cmd->state == TASK_FREE || cmd->state > TASK_CORE)
			continue;
		if (!READ_ONCE(cmd->entered) || cmd->itl->lu != lu ||
		    tiscsi_fence_spares(cmd))
			continue;
		tiscsi_fence_mark(cmd, tas);
		nr++;
	}
	spin_unlock(&sess->lock);
	return nr;
}

/* The next one that the core has and was not asked to abort. */
static struct tiscsi_cmd *tiscsi_fence_next(struct tiscsi_sess *sess,
					    const struct tiscsi_lu *lu)
{
	struct tiscsi_cmd *cmd;
	u32 i;

	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		cmd = &sess->slots[i];
		if (cmd->state != TASK_CORE || !cmd->itl ||
		    cmd->itl->lu != lu ||
		    !test_and_clear_bit(CMD_FENCE, &cmd->flags))
			continue;
		tiscsi_cmd_get(cmd);
		spin_unlock(&sess->lock);
		return cmd;
	}
	spin_unlock(&sess->lock);
	return NULL;
}

static void tiscsi_fence_sess(struct tiscsi_sess *sess, struct tiscsi_lu *lu)
{
	bool tas = lu->dev->dev_attrib.emulate_tas;
	struct tiscsi_cmd *cmd, *tmf;

	if (!tiscsi_fence_mark_all(sess, lu, tas))
		return;
	if (!tas)
		tiscsi_lu_attend(lu, UA_COMMANDS_CLEARED, sess);
	/* Who did not see its mark is with the core by now. */
	synchronize_rcu();
	while ((cmd = tiscsi_fence_next(sess, lu))) {
		tmf = tiscsi_fence_slot(cmd);
		if (tmf)
			tiscsi_fence_abort(cmd, tmf);
		tiscsi_cmd_put(cmd);
	}
}

/* The session of a nexus on a logical unit; there is one at most. */
static struct tiscsi_sess *tiscsi_fence_find(struct tiscsi_lu *lu,
					     const struct tiscsi_nexus *nexus)
{
	struct tiscsi_sess *sess = NULL;
	struct tiscsi_itl *itl;

	spin_lock(&lu->lock);
	list_for_each_entry(itl, &lu->itls, lu_node) {
		if (itl->sess->nexus != nexus)
			continue;
		sess = itl->sess;
		kref_get(&sess->ref);
		break;
	}
	spin_unlock(&lu->lock);
	return sess;
}

/**
 * tiscsi_fence - end the commands of a nexus on a logical unit
 * @lu: the logical unit
 * @nexus: its registration is gone, and a grace period of RCU has passed
 *
 * With TAS=1 they end with TASK ABORTED; otherwise in silence, and the nexus
 * is told that they were cleared.  Waits for what the backend has of them.
 * Process context, may sleep.
 */
void tiscsi_fence(struct tiscsi_lu *lu, struct tiscsi_nexus *nexus)
{
	struct tiscsi_sess *sess = tiscsi_fence_find(lu, nexus);

	if (!sess)
		return;
	tiscsi_fence_sess(sess, lu);
	tiscsi_sess_put(sess);
}
