// SPDX-License-Identifier: GPL-2.0
/*
 * Between the session room and this one: sessions that come and go, commands
 * that find their logical unit, and what keeps a command from running.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>
#include <target/target_core_backend.h>

#include "pr.h"

/**
 * tiscsi_access_init - at module load
 */
void tiscsi_access_init(void)
{
	tiscsi_pr_table_init();
}

/**
 * tiscsi_access_exit - at module unload
 *
 * Nothing is configured and no session is left.
 */
void tiscsi_access_exit(void)
{
	/* States that were replaced may hold a nexus until then. */
	rcu_barrier();
	tiscsi_nexus_forget_lost();
}

/* ------------------------------------------------------------------ */
/* sessions                                                            */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_access_join - a session's I_T nexus exists
 * @sess: new; its names are known, it has no command yet
 *
 * Process context.
 *
 * Return: 0 or -ENOMEM.
 */
int tiscsi_access_join(struct tiscsi_sess *sess)
{
	struct tiscsi_tpg *tpg = sess->tpg;

	sess->nexus = tiscsi_nexus_get(sess->initiator_name, sess->isid,
				       tpg->target->name, tpg->tag);
	if (!sess->nexus)
		return -ENOMEM;
	sess->nexus_lost = tiscsi_nexus_was_lost(sess->nexus);
	return 0;
}

static void tiscsi_itl_free(struct tiscsi_itl *itl)
{
	struct tiscsi_lu *lu = itl->lu;

	spin_lock(&lu->lock);
	list_del(&itl->lu_node);
	spin_unlock(&lu->lock);
	kfree(itl);
	tiscsi_lu_put(lu);
}

/* Commands of other sessions pass on what the core has told only them. */
static void tiscsi_access_shut(struct tiscsi_sess *sess)
{
	struct se_node_acl *nacl;

	/* Who has left the core is found by nobody there. */
	if (!sess->nacl || sess->left_core)
		return;
	nacl = &sess->nacl->se_nacl;
	spin_lock_irq(&nacl->nacl_sess_lock);
	sess->left = true;
	spin_unlock_irq(&nacl->nacl_sess_lock);
}

/**
 * tiscsi_access_leave - a session is over
 * @sess: no command of it is left; the core still knows it, unless it had a
 *	reservation there
 *
 * Process context.
 */
void tiscsi_access_leave(struct tiscsi_sess *sess)
{
	struct tiscsi_itl *itl;
	struct hlist_node *next;
	u32 i;

	if (!sess->nexus)
		return;
	tiscsi_access_shut(sess);
	for (i = 0; i < TISCSI_ITL_BUCKETS; i++) {
		hlist_for_each_entry_safe(itl, next, &sess->itls[i],
					  sess_node) {
			hlist_del(&itl->sess_node);
			tiscsi_pr_drop_spc2(itl->lu, sess->nexus);
			tiscsi_itl_free(itl);
		}
	}
	if (sess->close_reason != CLOSE_LOGOUT &&
	    sess->close_reason != CLOSE_LOGIN_FAILED)
		tiscsi_nexus_lose(sess->nexus);
	tiscsi_nexus_put(sess->nexus);
	sess->nexus = NULL;
}

/* ------------------------------------------------------------------ */
/* commands                                                            */
/* ------------------------------------------------------------------ */

static struct tiscsi_itl *tiscsi_itl_find(struct tiscsi_sess *sess, u64 lun,
					  struct se_device *dev)
{
	struct tiscsi_itl *itl;

	/* Nothing leaves the list while the session has a command. */
	hlist_for_each_entry_rcu(itl, &sess->itls[lun % TISCSI_ITL_BUCKETS],
				 sess_node, true)
		if (itl->lun == lun && READ_ONCE(itl->dev) == dev)
			return itl;
	return NULL;
}

/* Another connection of the session may have been first. */
static struct tiscsi_itl *tiscsi_itl_publish(struct tiscsi_itl *itl)
{
	struct tiscsi_sess *sess = itl->sess;
	struct tiscsi_itl *other;

	spin_lock(&sess->lock);
	other = tiscsi_itl_find(sess, itl->lun, itl->dev);
	if (!other)
		hlist_add_head_rcu(&itl->sess_node,
				   &sess->itls[itl->lun % TISCSI_ITL_BUCKETS]);
	spin_unlock(&sess->lock);
	if (!other)
		return itl;
	tiscsi_itl_free(itl);
	return other;
}

/* First command of a session to a logical unit. */
static struct tiscsi_itl *tiscsi_itl_make(struct tiscsi_cmd *cmd,
					  struct tiscsi_lu *lu)
{
	struct tiscsi_itl *itl = kzalloc(sizeof(*itl), GFP_KERNEL);
	const struct tiscsi_pr *pr;

	if (!itl) {
		tiscsi_lu_put(lu);
		return NULL;
	}
	itl->lu = lu;
	itl->dev = lu->dev;
	itl->lun = cmd->lun;
	itl->sess = cmd->sess;
	spin_lock(&lu->lock);
	pr = rcu_dereference_protected(lu->pr, lockdep_is_held(&lu->lock));
	itl->attention = BIT(cmd->sess->nexus_lost ? UA_NEXUS_LOSS :
						     UA_POWER_ON) |
			 tiscsi_pr_deny(pr, cmd->sess->nexus) |
			 (lu->nr_ordered ? ITL_LINE : 0);
	list_add_tail(&itl->lu_node, &lu->itls);
	spin_unlock(&lu->lock);
	itl->look_at = jiffies;
	return tiscsi_itl_publish(itl);
}

/* Commands that are answered here, in place of the core. */
static void tiscsi_access_take(struct tiscsi_cmd *cmd)
{
	switch (cmd->se_cmd.t_task_cdb[0]) {
	case PERSISTENT_RESERVE_IN:
	case PERSISTENT_RESERVE_OUT:
	case RESERVE:
	case RESERVE_10:
	case RELEASE:
	case RELEASE_10:
		tiscsi_pr_attach(cmd);
		break;
	case MAINTENANCE_IN:
		tiscsi_opcodes_attach(cmd);
		fallthrough;
	case MAINTENANCE_OUT:
		tiscsi_alua_attach(cmd);
		break;
	case INQUIRY:
		tiscsi_inquiry_attach(cmd);
		break;
	case REPORT_LUNS:
		cmd->se_cmd.execute_cmd = tiscsi_execute_report_luns;
		break;
	case MODE_SENSE:
	case MODE_SENSE_10:
	case MODE_SELECT:
	case MODE_SELECT_10:
		tiscsi_mode_attach(cmd);
		break;
	case VERIFY:
	case VERIFY_16:
		tiscsi_verify_attach(cmd);
		break;
	}
}

/* In place of the core's execute_cmd. */
static sense_reason_t tiscsi_execute_why_not(struct se_cmd *se_cmd)
{
	return tiscsi_answer_sense(se_cmd, tiscsi_lu_why_not(se_cmd->se_dev));
}

/* Row I18: may a command run before its unit is ready? */
static bool tiscsi_access_is_early(const u8 *cdb)
{
	switch (cdb[0]) {
	case INQUIRY:
	case REPORT_LUNS:
		return true;
	case MAINTENANCE_IN:
		return (cdb[1] & 0x1f) == MI_REPORT_TARGET_PGS;
	case START_STOP:
		return (cdb[4] & 0xf1) == 1;
	}
	return false;
}

static void tiscsi_access_not_ready(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;

	if (se_cmd->t_task_cdb[0] == REQUEST_SENSE)
		se_cmd->execute_cmd = tiscsi_execute_why_not;
	else if (tiscsi_access_is_early(se_cmd->t_task_cdb))
		tiscsi_access_take(cmd);
	else
		tiscsi_scsi_fail(cmd, tiscsi_lu_why_not(se_cmd->se_dev));
}

static void tiscsi_access_attach_first(struct tiscsi_cmd *cmd)
{
	struct tiscsi_lu *lu = tiscsi_lu_find(cmd->se_cmd.se_dev);

	if (!lu) {
		tiscsi_access_not_ready(cmd);
		return;
	}
	/* What was before is for the other sessions of the initiator. */
	tiscsi_ua_harvest(cmd);
	tiscsi_alua_look(lu);
	cmd->itl = tiscsi_itl_make(cmd, lu);
	if (!cmd->itl)
		tiscsi_scsi_fail_status(cmd, SAM_STAT_BUSY);
}

/**
 * tiscsi_access_stand_in - what the core is shown in place of a command
 * @cmd: one for which tiscsi_access_is_special() is true
 * @lun: gets the LUN
 * @cdb: room for a CDB
 *
 * The core answers some commands to no LUN that is not mapped, and does not
 * know how to parse others; REPORT TARGET PORT GROUPS has its allocation length
 * where they have it.  io_work.
 *
 * Return: @cdb, or the command's own CDB.
 */
u8 *tiscsi_access_stand_in(struct tiscsi_cmd *cmd, u64 *lun, u8 *cdb)
{
	struct iscsi_scsi_req *req = (struct iscsi_scsi_req *)&cmd->hdr;

	if (req->cdb[0] != MAINTENANCE_IN) {
		*lun = tiscsi_luns_stand_in(cmd);
		return req->cdb;
	}
	if (!tiscsi_opcodes_are_asked(req->cdb))
		return req->cdb;
	memcpy(cdb, req->cdb, ISCSI_CDB_SIZE);
	cdb[1] = MI_REPORT_TARGET_PGS;
	return cdb;
}

/**
 * tiscsi_access_attach - find what a command's session has on its unit
 * @cmd: parsed by the core, nothing wrong with it so far
 *
 * A LUN that is not mapped has no logical unit, nor has the stand-in that the
 * core has for a missing LUN 0.  io_work.
 */
void tiscsi_access_attach(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;
	struct tiscsi_sess *sess = cmd->sess;

	if (unlikely(test_bit(CMD_NO_LUN, &cmd->flags)) ||
	    unlikely(se_cmd->se_lun == sess->tpg->se_tpg.tpg_virt_lun0)) {
		tiscsi_luns_attach_none(cmd);
		return;
	}
	cmd->itl = tiscsi_itl_find(sess, cmd->lun, se_cmd->se_dev);
	if (unlikely(!cmd->itl))
		tiscsi_access_attach_first(cmd);
	if (cmd->itl)
		tiscsi_access_take(cmd);
}

/* SAM: these neither report a unit attention nor clear it. */
static bool tiscsi_access_tells(const u8 *cdb)
{
	return cdb[0] != INQUIRY && cdb[0] != REPORT_LUNS &&
	       cdb[0] != REQUEST_SENSE;
}

/* The core's conditions, and the states of port groups. */
static void tiscsi_access_look(struct tiscsi_cmd *cmd)
{
	struct tiscsi_itl *itl = cmd->itl;
	bool pending = tiscsi_ua_core_pending(cmd);

	if (pending)
		tiscsi_ua_harvest(cmd);
	if (!pending && time_before(jiffies, READ_ONCE(itl->look_at)))
		return;
	WRITE_ONCE(itl->look_at, jiffies + TISCSI_ALUA_INTERVAL);
	tiscsi_alua_look(itl->lu);
	tiscsi_alua_refresh(cmd);
}

/**
 * tiscsi_access_slow - something is pending: may a command run?
 * @cmd: see tiscsi_access_enter(), which calls this
 *
 * io_work.
 */
void tiscsi_access_slow(struct tiscsi_cmd *cmd)
{
	const u8 *cdb = cmd->se_cmd.t_task_cdb;
	struct tiscsi_itl *itl = cmd->itl;
	struct tiscsi_sense sense;

	tiscsi_access_look(cmd);
	if (READ_ONCE(itl->attention) & tiscsi_pr_class(cdb)) {
		tiscsi_scsi_fail_status(cmd, SAM_STAT_RESERVATION_CONFLICT);
		return;
	}
	if (tiscsi_access_tells(cdb) && tiscsi_ua_take(itl, &sense)) {
		tiscsi_scsi_fail(cmd, &sense);
		return;
	}
	if (cdb[0] == REQUEST_SENSE && READ_ONCE(itl->attention) & UA_MASK)
		cmd->se_cmd.execute_cmd = tiscsi_execute_request_sense;
	if (!(READ_ONCE(itl->attention) & HOLD_ALUA))
		return;
	if (tiscsi_alua_allows(cmd, &sense))
		tiscsi_alua_pass(cmd);
	else
		tiscsi_scsi_fail(cmd, &sense);
}

/**
 * tiscsi_access_lun_reset - a logical unit was reset
 * @dev: its device
 *
 * Every nexus is told (row E13), and not twice; a reservation of SPC-2 ends,
 * and mode parameters are as they were at first.
 * Process context, may sleep.
 */
void tiscsi_access_lun_reset(struct se_device *dev)
{
	struct tiscsi_lu *lu = tiscsi_lu_find(dev);

	if (!lu)
		return;
	tiscsi_pr_drop_spc2(lu, NULL);
	tiscsi_alua_let_implicit(lu, true);
	tiscsi_ua_drop_reset(dev);
	tiscsi_lu_attend(lu, UA_RESET, NULL);
	tiscsi_lu_put(lu);
}
