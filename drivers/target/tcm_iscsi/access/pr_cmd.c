// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations: the commands.  They are answered in place of the core, which
 * keeps none for the devices that only this fabric exports: its execute_cmd is
 * replaced when it has parsed one.
 *
 * What changes the state is done by a work item, one at a time for each
 * logical unit: it may write to a disk, or wait for commands that it aborts,
 * and no connection waits for that.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/slab.h>
#include <scsi/scsi_common.h>
#include <target/target_core_backend.h>

#include "pr.h"

/* ------------------------------------------------------------------ */
/* the conflict table                                                  */
/* ------------------------------------------------------------------ */

#define PR_ANY		(-1)
#define PR_START	(-2)	/* START STOP UNIT that starts */
#define PR_ALLOW	(-3)	/* PREVENT ALLOW that allows */

static const struct tiscsi_pr_command {
	u8 opcode;
	s8 action;
	u8 class;
	bool spc2;
} tiscsi_pr_commands[] = {
#define PR_COMMAND(_opcode, _action, _class, _spc2, _name)		\
	{ _opcode, _action, _class, _spc2 },
#include "pr_table.h"
#undef PR_COMMAND
};

/* By operation code: the first row, counted from 1. */
static u8 tiscsi_pr_rows[256];

/**
 * tiscsi_pr_table_init - make the conflict table fast to look at
 *
 * At module load.
 */
void tiscsi_pr_table_init(void)
{
	u32 i;

	BUILD_BUG_ON(ARRAY_SIZE(tiscsi_pr_commands) > U8_MAX);
	for (i = ARRAY_SIZE(tiscsi_pr_commands); i; i--)
		tiscsi_pr_rows[tiscsi_pr_commands[i - 1].opcode] = i;
}

static bool tiscsi_pr_row_means(const struct tiscsi_pr_command *row,
				const u8 *cdb)
{
	switch (row->action) {
	case PR_ANY:
		return true;
	case PR_START:
		return (cdb[4] & 0xf1) == 1;
	case PR_ALLOW:
		return !(cdb[4] & 3);
	default:
		return (cdb[1] & 0x1f) == row->action;
	}
}

/**
 * tiscsi_pr_class - which reservations a command conflicts with
 * @cdb: its CDB
 *
 * Return: DENY_* bits.  Any context.
 */
u32 tiscsi_pr_class(const u8 *cdb)
{
	const struct tiscsi_pr_command *row;

	if (!tiscsi_pr_rows[cdb[0]])
		return DENY_WRITE | DENY_SPC2;
	row = &tiscsi_pr_commands[tiscsi_pr_rows[cdb[0]] - 1];
	while (!tiscsi_pr_row_means(row, cdb))
		row++;
	return (u32)row->class << DENY_SHIFT | (row->spc2 ? DENY_SPC2 : 0);
}

/* ------------------------------------------------------------------ */
/* how they end                                                        */
/* ------------------------------------------------------------------ */

/* By enum tiscsi_pr_result, but for those without sense. */
static const struct tiscsi_sense tiscsi_pr_sense[PR_NR_RESULTS] = {
	[PR_BAD_CDB]		= { ILLEGAL_REQUEST, 0x24, 0x00 },
	[PR_BAD_LENGTH]		= { ILLEGAL_REQUEST, 0x1a, 0x00 },
	[PR_BAD_PARAMETER]	= { ILLEGAL_REQUEST, 0x26, 0x00 },
	[PR_BAD_RELEASE]	= { ILLEGAL_REQUEST, 0x26, 0x04 },
	[PR_NO_ROOM]		= { ILLEGAL_REQUEST, 0x55, 0x04 },
	[PR_STORE_FAILED]	= { HARDWARE_ERROR, 0x44, 0x00 },
};

static void tiscsi_pr_complete(struct se_cmd *se_cmd,
			       enum tiscsi_pr_result result)
{
	switch (result) {
	case PR_GOOD:
		target_complete_cmd(se_cmd, SAM_STAT_GOOD);
		return;
	case PR_CONFLICT:
		target_complete_cmd(se_cmd, SAM_STAT_RESERVATION_CONFLICT);
		return;
	case PR_NO_MEMORY:
		target_complete_cmd(se_cmd, SAM_STAT_BUSY);
		return;
	default:
		tiscsi_answer_fail(se_cmd, &tiscsi_pr_sense[result]);
	}
}

/* ------------------------------------------------------------------ */
/* changes                                                             */
/* ------------------------------------------------------------------ */

static struct tiscsi_pr *tiscsi_pr_current(struct tiscsi_lu *lu)
{
	return rcu_dereference_protected(lu->pr,
					 lockdep_is_held(&lu->pr_lock));
}

/*
 * Writes @next where it survives, if it must or the one before it did, and
 * lets it take effect.  Takes it over in any case.
 */
static enum tiscsi_pr_result tiscsi_pr_commit(struct tiscsi_lu *lu,
					      struct tiscsi_pr *next)
{
	if ((next->aptpl || tiscsi_pr_current(lu)->aptpl) &&
	    tiscsi_pr_store(lu, next)) {
		tiscsi_pr_free(next);
		return PR_STORE_FAILED;
	}
	tiscsi_pr_publish(lu, next);
	return PR_GOOD;
}

/* PERSISTENT RESERVE OUT in parts; row I07, what the lengths must be. */
static enum tiscsi_pr_result tiscsi_pr_take_apart(struct tiscsi_cmd *cmd,
						  const u8 *list,
						  struct tiscsi_pr_request *req)
{
	const u8 *cdb = cmd->se_cmd.t_task_cdb;
	bool move = (cdb[1] & 0x1f) == PRO_REGISTER_AND_MOVE;

	req->lu = cmd->itl->lu;
	req->nexus = cmd->sess->nexus;
	req->action = cdb[1] & 0x1f;
	req->scope = cdb[2] >> 4;
	req->type = cdb[2] & 0xf;
	req->list = list;
	req->list_len = get_unaligned_be32(cdb + 5);
	if (!tiscsi_pr_out_valid(req->action))
		return PR_BAD_CDB;
	if (tiscsi_pr_out_uses_type(req->action) &&
	    (req->scope || !tiscsi_pr_type_valid(req->type)))
		return PR_BAD_CDB;
	if (req->list_len < 24 || req->list_len > cmd->data_len)
		return PR_BAD_LENGTH;

	req->key = get_unaligned_be64(list);
	req->sark = get_unaligned_be64(list + 8);
	if (move) {
		req->unreg = list[17] & 2;
		req->aptpl = list[17] & 1;
		req->rtpi = get_unaligned_be16(list + 18);
		return get_unaligned_be32(list + 20) == req->list_len - 24 ?
		       PR_GOOD : PR_BAD_LENGTH;
	}
	req->spec_i_pt = list[20] & 8;
	req->all_tg_pt = list[20] & 4;
	req->aptpl = list[20] & 1;
	if (!req->spec_i_pt)
		return req->list_len == 24 ? PR_GOOD : PR_BAD_LENGTH;
	/* I12: nothing but REGISTER has it. */
	return req->action == PRO_REGISTER ? PR_GOOD : PR_BAD_PARAMETER;
}

/* Most registrations that a request can add. */
static u32 tiscsi_pr_may_add(const struct tiscsi_pr_request *req)
{
	u32 ids = 1;

	if (req->spec_i_pt)
		ids += req->list_len / 24;
	if (req->all_tg_pt)
		ids *= tiscsi_lu_ports(req->lu->dev, req->nexus->target, NULL,
				       0);
	return ids;
}

/* Row I32: with references, for after the change. */
static struct tiscsi_nexus **tiscsi_pr_victims(const struct tiscsi_pr *pr,
					       u32 *nr)
{
	struct tiscsi_nexus **victims;
	u32 i;

	victims = kvcalloc(pr->nr, sizeof(*victims), GFP_KERNEL);
	if (!victims)
		return NULL;
	*nr = 0;
	for (i = 0; i < pr->nr; i++) {
		if (!pr->regs[i].abort)
			continue;
		refcount_inc(&pr->regs[i].nexus->ref);
		victims[(*nr)++] = pr->regs[i].nexus;
	}
	return victims;
}

static void tiscsi_pr_fence(struct tiscsi_lu *lu,
			    struct tiscsi_nexus **victims, u32 nr)
{
	u32 i;

	/* See tiscsi_access_enter(). */
	if (nr)
		synchronize_rcu();
	for (i = 0; i < nr; i++) {
		tiscsi_fence(lu, victims[i]);
		tiscsi_nexus_put(victims[i]);
	}
	kvfree(victims);
}

static enum tiscsi_pr_result
tiscsi_pr_change(const struct tiscsi_pr_request *req)
{
	struct tiscsi_nexus **victims = NULL;
	struct tiscsi_lu *lu = req->lu;
	enum tiscsi_pr_result ret;
	struct tiscsi_pr *next;
	u32 nr = 0;

	mutex_lock(&lu->pr_lock);
	next = tiscsi_pr_copy(tiscsi_pr_current(lu), tiscsi_pr_may_add(req));
	ret = next ? PR_GOOD : PR_NO_MEMORY;
	/* I36: a reservation of SPC-2 keeps everybody out. */
	if (next && next->spc2)
		ret = PR_CONFLICT;
	if (ret == PR_GOOD)
		ret = tiscsi_pr_out(next, req);
	if (ret == PR_GOOD && req->action == PRO_PREEMPT_AND_ABORT) {
		victims = tiscsi_pr_victims(next, &nr);
		if (!victims)
			ret = PR_NO_MEMORY;
	}
	if (ret == PR_GOOD)
		ret = tiscsi_pr_commit(lu, next);
	else
		tiscsi_pr_free(next);
	mutex_unlock(&lu->pr_lock);
	if (ret == PR_GOOD) {
		tiscsi_pr_fence(lu, victims, nr);
		return ret;
	}
	while (nr)
		tiscsi_nexus_put(victims[--nr]);
	kvfree(victims);
	return ret;
}

static enum tiscsi_pr_result tiscsi_pr_do_out(struct tiscsi_cmd *cmd)
{
	struct tiscsi_pr_request req = { };
	enum tiscsi_pr_result ret;
	u8 *list;

	list = kvzalloc(cmd->data_len + 24, GFP_KERNEL);
	if (!list)
		return PR_NO_MEMORY;
	if (cmd->sg)
		sg_copy_to_buffer(cmd->sg, cmd->sg_nents, list, cmd->data_len);
	ret = tiscsi_pr_take_apart(cmd, list, &req);
	if (ret == PR_GOOD)
		ret = tiscsi_pr_change(&req);
	kvfree(list);
	return ret;
}

/**
 * tiscsi_pr_clear_all - end all reservations and registrations
 * @lu: the logical unit
 *
 * For an administrator, when those who could do it are gone.  Who is
 * registered is told.  Process context, may sleep.
 *
 * Return: PR_GOOD, PR_NO_MEMORY or PR_STORE_FAILED.
 */
enum tiscsi_pr_result tiscsi_pr_clear_all(struct tiscsi_lu *lu)
{
	enum tiscsi_pr_result ret = PR_NO_MEMORY;
	struct tiscsi_pr *next;

	mutex_lock(&lu->pr_lock);
	next = tiscsi_pr_copy(tiscsi_pr_current(lu), 0);
	if (next) {
		tiscsi_pr_empty(next, NULL);
		tiscsi_nexus_put(next->spc2);
		next->spc2 = NULL;
		next->generation++;
		ret = tiscsi_pr_commit(lu, next);
	}
	mutex_unlock(&lu->pr_lock);
	return ret;
}

/* ------------------------------------------------------------------ */
/* RESERVE and RELEASE of SPC-2, row I36                               */
/* ------------------------------------------------------------------ */

/* Reservations of parts, or for others, have never been there. */
static bool tiscsi_pr_spc2_bad(const u8 *cdb)
{
	return cdb[1] & 0x11;
}

static enum tiscsi_pr_result tiscsi_pr_spc2_set(struct tiscsi_lu *lu,
						struct tiscsi_nexus *nexus)
{
	struct tiscsi_pr *next = tiscsi_pr_copy(tiscsi_pr_current(lu), 0);

	if (!next)
		return PR_NO_MEMORY;
	tiscsi_nexus_put(next->spc2);
	next->spc2 = nexus;
	if (nexus)
		refcount_inc(&nexus->ref);
	tiscsi_pr_publish(lu, next);
	return PR_GOOD;
}

static enum tiscsi_pr_result tiscsi_pr_spc2(struct tiscsi_lu *lu,
					    struct tiscsi_nexus *nexus,
					    bool reserve)
{
	struct tiscsi_pr *pr = tiscsi_pr_current(lu);
	bool registered = tiscsi_pr_find(pr, nexus);

	/* CRH: the holder, and whoever has access as a registrant. */
	if (registered && pr->type &&
	    (pr->holder == nexus || tiscsi_pr_regs_only(pr->type) ||
	     tiscsi_pr_all_regs(pr->type)))
		return PR_GOOD;
	if (pr->nr)
		return PR_CONFLICT;
	if (pr->spc2 && pr->spc2 != nexus)
		return reserve ? PR_CONFLICT : PR_GOOD;
	if (reserve == !!pr->spc2)
		return PR_GOOD;
	return tiscsi_pr_spc2_set(lu, reserve ? nexus : NULL);
}

static enum tiscsi_pr_result tiscsi_pr_do_spc2(struct tiscsi_cmd *cmd)
{
	const u8 *cdb = cmd->se_cmd.t_task_cdb;
	struct tiscsi_lu *lu = cmd->itl->lu;
	enum tiscsi_pr_result ret;

	if (tiscsi_pr_spc2_bad(cdb))
		return PR_BAD_CDB;
	mutex_lock(&lu->pr_lock);
	ret = tiscsi_pr_spc2(lu, cmd->sess->nexus,
			     cdb[0] == RESERVE || cdb[0] == RESERVE_10);
	mutex_unlock(&lu->pr_lock);
	return ret;
}

/**
 * tiscsi_pr_drop_spc2 - end a reservation of SPC-2
 * @lu: the logical unit
 * @nexus: if this one has it; NULL: whoever has it
 *
 * LU reset, and the end of a session.  Without memory the reservation stays
 * until the next of them.  Process context, may sleep.
 */
void tiscsi_pr_drop_spc2(struct tiscsi_lu *lu,
			 const struct tiscsi_nexus *nexus)
{
	struct tiscsi_pr *pr;
	bool none;

	rcu_read_lock();
	none = !rcu_dereference(lu->pr)->spc2;
	rcu_read_unlock();
	if (none)
		return;
	mutex_lock(&lu->pr_lock);
	pr = tiscsi_pr_current(lu);
	if (pr->spc2 && (!nexus || pr->spc2 == nexus))
		tiscsi_pr_spc2_set(lu, NULL);
	mutex_unlock(&lu->pr_lock);
}

/* ------------------------------------------------------------------ */
/* taking them from the core                                           */
/* ------------------------------------------------------------------ */

struct tiscsi_pr_job {
	struct work_struct work;
	struct tiscsi_cmd *cmd;
};

static void tiscsi_pr_work(struct work_struct *work)
{
	struct tiscsi_pr_job *job =
		container_of(work, struct tiscsi_pr_job, work);
	struct tiscsi_cmd *cmd = job->cmd;
	enum tiscsi_pr_result result;

	kfree(job);
	if (cmd->se_cmd.t_task_cdb[0] == PERSISTENT_RESERVE_OUT)
		result = tiscsi_pr_do_out(cmd);
	else
		result = tiscsi_pr_do_spc2(cmd);
	tiscsi_pr_complete(&cmd->se_cmd, result);
}

/* In place of the core's execute_cmd. */
static sense_reason_t tiscsi_execute_pr_change(struct se_cmd *se_cmd)
{
	struct tiscsi_pr_job *job = kmalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return TCM_OUT_OF_RESOURCES;
	INIT_WORK(&job->work, tiscsi_pr_work);
	job->cmd = to_tiscsi_cmd(se_cmd);
	queue_work(tiscsi_pr_wq, &job->work);
	return 0;
}

static bool tiscsi_pr_has_state(struct tiscsi_lu *lu)
{
	const struct tiscsi_pr *pr;
	bool state;

	rcu_read_lock();
	pr = rcu_dereference(lu->pr);
	state = pr->nr || pr->spc2;
	rcu_read_unlock();
	return state;
}

/**
 * tiscsi_pr_is_ours - who answers for a logical unit's reservations
 * @lu: the logical unit
 *
 * One authority: the device itself if it takes the commands; the core while
 * another fabric exports it, too, unless there are reservations here already;
 * otherwise we.
 *
 * Return: whether we do.  Process context.
 */
bool tiscsi_pr_is_ours(struct tiscsi_lu *lu)
{
	if (lu->dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH_PGR)
		return false;
	return !tiscsi_lu_is_foreign(lu->dev) || tiscsi_pr_has_state(lu);
}

/**
 * tiscsi_pr_attach - take a command about reservations over
 * @cmd: parsed by the core; its logical unit is known
 *
 * io_work.
 */
void tiscsi_pr_attach(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;
	const u8 *cdb = se_cmd->t_task_cdb;
	bool in = cdb[0] == PERSISTENT_RESERVE_IN;

	if (!tiscsi_pr_is_ours(cmd->itl->lu))
		return;
	/* Before memory is taken for it. */
	if (cdb[0] == PERSISTENT_RESERVE_OUT &&
	    cmd->data_len > TISCSI_PR_MAX_LIST) {
		tiscsi_scsi_fail(cmd, &tiscsi_pr_sense[PR_BAD_LENGTH]);
		return;
	}
	se_cmd->execute_cmd = in ? tiscsi_execute_pr_in :
				   tiscsi_execute_pr_change;
}
