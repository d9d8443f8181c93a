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
#include "../wait.h"
#include "pr.h"

/* Its effect on others is over at once, and it may be the one we wait for. */
static bool tiscsi_fence_spares(const struct tiscsi_cmd *cmd)
{
	const struct iscsi_scsi_req *req = (const void *)&cmd->hdr;

	return req->cdb[0] == PERSISTENT_RESERVE_OUT;
}

static void tiscsi_fence_mark(struct tiscsi_cmd *cmd,
			      struct tiscsi_cover *cover, bool tas)
{
	set_bit(CMD_PREEMPTED, &cmd->flags);
	if (tas)
		set_bit(CMD_TASK_ABORTED, &cmd->flags);
	if (cmd->state != TASK_CORE) {
		tiscsi_data_doom(cmd, tas ? DOOM_TASK_ABORTED : DOOM_SILENT);
		return;
	}
	tiscsi_cover_add(cover, cmd);
	if (!tas)
		set_bit(CMD_NO_RESPONSE, &cmd->flags);
}

/* Returns whether there was any. */
static bool tiscsi_fence_mark_all(struct tiscsi_sess *sess,
				  const struct tiscsi_lu *lu,
				  struct tiscsi_cover *cover, bool tas)
{
	struct tiscsi_cmd *cmd;
	bool any = false;
	u32 i;

	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		cmd = sess->slots[i];
		if (cmd->state == TASK_FREE || cmd->state > TASK_CORE)
			continue;
		if (!READ_ONCE(cmd->entered) || cmd->itl->lu != lu ||
		    tiscsi_fence_spares(cmd))
			continue;
		tiscsi_fence_mark(cmd, cover, tas);
		any = true;
	}
	tiscsi_cover_file(cover, sess);
	spin_unlock(&sess->lock);
	return any;
}

static void tiscsi_fence_sess(struct tiscsi_sess *sess, struct tiscsi_lu *lu)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOFAIL;
	bool tas = lu->dev->dev_attrib.emulate_tas;
	struct tiscsi_wait *wait = tiscsi_wait_new(NULL, gfp);

	if (tiscsi_fence_mark_all(sess, lu, tiscsi_cover_alloc(wait, gfp),
				  tas) && !tas)
		tiscsi_lu_attend(lu, UA_COMMANDS_CLEARED, sess);
	tiscsi_wait_let_go(wait);
	wait_for_completion(&wait->over);
	tiscsi_wait_put(wait);
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
