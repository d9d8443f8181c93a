// SPDX-License-Identifier: GPL-2.0
/*
 * Asymmetric access: the states of target ports, what they let run, and who is
 * told when they change (rows H13-H22).
 *
 * The groups are the core's, where targetcli and rtslib configure them.  An
 * administrator's change of a state reaches only the core, which makes a unit
 * attention for the ports of that group.  That is our sign to look; nexuses of
 * other groups look by themselves, every TISCSI_ALUA_INTERVAL while they are
 * at work.  Who sees that a state is not what it was tells all nexuses of the
 * logical unit, once (row H20, K10).
 */
#include <linux/slab.h>
#include <target/target_core_backend.h>

#include "alua.h"

static const struct tiscsi_sense tiscsi_alua_sense[] = {
	[AAS_STANDBY]		= { NOT_READY, 0x04, 0x0b },
	[AAS_UNAVAILABLE]	= { NOT_READY, 0x04, 0x0c },
	[AAS_OFFLINE]		= { NOT_READY, 0x04, 0x12 },
	[AAS_TRANSITIONING]	= { NOT_READY, 0x04, 0x0a },
};

#define IN_STANDBY		BIT(AAS_STANDBY)
#define IN_UNAVAILABLE		BIT(AAS_UNAVAILABLE)
#define IN_TRANSITION		BIT(AAS_TRANSITIONING)
#define IN_ANY			(IN_STANDBY | IN_UNAVAILABLE | IN_TRANSITION)
#define ANY_ACTION		(-1)

/*
 * Rows H14, H15, H18 (SPC-4 ALUA.4.4, ALUA.4.5, ALUA.5): what runs in which
 * state.  Standby also lets an initiator learn how large the unit is, and
 * which commands there are.
 */
static const struct tiscsi_alua_command {
	u8 opcode;
	s8 action;
	u16 states;
} tiscsi_alua_commands[] = {
	{ INQUIRY,		  ANY_ACTION, IN_ANY },
	{ REPORT_LUNS,		  ANY_ACTION, IN_ANY },
	{ REQUEST_SENSE,	  ANY_ACTION, IN_ANY },
	{ MAINTENANCE_IN,	  MI_REPORT_TARGET_PGS, IN_ANY },
	{ READ_BUFFER,		  ANY_ACTION, IN_ANY },
	{ WRITE_BUFFER,		  ANY_ACTION, IN_ANY },
	{ MAINTENANCE_OUT,	  MO_SET_TARGET_PGS, IN_STANDBY | IN_UNAVAILABLE },
	{ MAINTENANCE_IN,	  MI_REPORT_SUPPORTED_OPERATION_CODES, IN_STANDBY },
	{ MAINTENANCE_IN,	  MI_REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
	  IN_STANDBY },
	{ LOG_SELECT,		  ANY_ACTION, IN_STANDBY },
	{ LOG_SENSE,		  ANY_ACTION, IN_STANDBY },
	{ MODE_SELECT,		  ANY_ACTION, IN_STANDBY },
	{ MODE_SELECT_10,	  ANY_ACTION, IN_STANDBY },
	{ MODE_SENSE,		  ANY_ACTION, IN_STANDBY },
	{ MODE_SENSE_10,	  ANY_ACTION, IN_STANDBY },
	{ RECEIVE_DIAGNOSTIC,	  ANY_ACTION, IN_STANDBY },
	{ SEND_DIAGNOSTIC,	  ANY_ACTION, IN_STANDBY },
	{ PERSISTENT_RESERVE_IN,  ANY_ACTION, IN_STANDBY },
	{ PERSISTENT_RESERVE_OUT, ANY_ACTION, IN_STANDBY },
	{ READ_CAPACITY,	  ANY_ACTION, IN_STANDBY },
	{ SERVICE_ACTION_IN_16,	  SAI_READ_CAPACITY_16, IN_STANDBY },
};

/* Marks of lu->alua_seen. */
#define SEEN_MOVING		XA_MARK_0	/* in transition, last time */
#define SEEN_BARRED		XA_MARK_1	/* not to change implicitly */

static bool tiscsi_alua_is_active(enum tiscsi_aas state)
{
	return state == AAS_OPTIMIZED || state == AAS_NON_OPTIMIZED;
}

/**
 * tiscsi_alua_is_ours - who answers for a device's target port groups
 * @dev: the device
 *
 * Return: false when the device itself does.
 */
bool tiscsi_alua_is_ours(const struct se_device *dev)
{
	return !(dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH_ALUA);
}

/**
 * tiscsi_alua_is_explicit - may initiators set states through a target port
 * @lun: the port's LUN
 *
 * Any context.
 *
 * Return: whether they may.
 */
bool tiscsi_alua_is_explicit(const struct se_lun *lun)
{
	const struct t10_alua_tg_pt_gp *gp;
	bool may;

	rcu_read_lock();
	gp = rcu_dereference(lun->lun_tg_pt_gp);
	may = gp && (gp->tg_pt_gp_alua_access_type & TPGS_EXPLICIT);
	rcu_read_unlock();
	return may;
}

/**
 * tiscsi_alua_state - the state of a target port for a logical unit
 * @lun: the port's LUN
 *
 * Any context.
 *
 * Return: the state; optimized for a LUN without a group.
 */
enum tiscsi_aas tiscsi_alua_state(struct se_lun *lun)
{
	enum tiscsi_aas state = AAS_OPTIMIZED;
	struct t10_alua_tg_pt_gp *gp;

	if (atomic_read(&lun->lun_tg_pt_secondary_offline))
		return AAS_OFFLINE;
	rcu_read_lock();
	gp = rcu_dereference(lun->lun_tg_pt_gp);
	if (gp)
		state = READ_ONCE(gp->tg_pt_gp_alua_access_state);
	rcu_read_unlock();
	return state;
}

/**
 * tiscsi_alua_allows - may a command run in the state of its port
 * @cmd: parsed by the core
 * @sense: if not, why
 *
 * The core looks again when it executes the command; what depends on the block
 * addressed is left to it (row H17).  io_work.
 *
 * Return: whether it may.
 */
bool tiscsi_alua_allows(struct tiscsi_cmd *cmd, struct tiscsi_sense *sense)
{
	enum tiscsi_aas state = tiscsi_alua_state(cmd->se_cmd.se_lun);
	const u8 *cdb = cmd->se_cmd.t_task_cdb;
	const struct tiscsi_alua_command *row;
	u32 i;

	if (state >= ARRAY_SIZE(tiscsi_alua_sense) ||
	    !tiscsi_alua_sense[state].key)
		return true;
	for (i = 0; i < ARRAY_SIZE(tiscsi_alua_commands); i++) {
		row = &tiscsi_alua_commands[i];
		if (row->opcode == cdb[0] && (row->states & BIT(state)) &&
		    (row->action == ANY_ACTION ||
		     row->action == (cdb[1] & 0x1f)))
			return true;
	}
	*sense = tiscsi_alua_sense[state];
	return false;
}

/* In place of the command's execute_cmd. */
static sense_reason_t tiscsi_execute_passed(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);
	const struct iscsi_scsi_req *req = (struct iscsi_scsi_req *)&cmd->hdr;

	se_cmd->t_task_cdb[0] = req->cdb[0];
	return cmd->execute(se_cmd);
}

/**
 * tiscsi_alua_pass - keep the core from refusing what its port's state allows
 * @cmd: allowed by tiscsi_alua_allows()
 *
 * The core has a list of its own, which lacks some commands (K13).  It goes by
 * the operation code, which it is shown only when the command is executed.
 * Commands that move blocks are not touched.  io_work.
 */
void tiscsi_alua_pass(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;

	if (se_cmd->se_cmd_flags & SCF_SCSI_DATA_CDB)
		return;
	cmd->execute = se_cmd->execute_cmd;
	se_cmd->execute_cmd = tiscsi_execute_passed;
	se_cmd->t_task_cdb[0] = INQUIRY;
}

/**
 * tiscsi_alua_refresh - note whether a nexus's port is in an active state
 * @cmd: a command of that nexus
 *
 * io_work.
 */
void tiscsi_alua_refresh(struct tiscsi_cmd *cmd)
{
	struct tiscsi_itl *itl = cmd->itl;
	u32 attention;

	/* Who changes a state marks the nexus afterwards, under the lock. */
	spin_lock(&itl->lu->lock);
	attention = itl->attention & ~HOLD_ALUA;
	if (!tiscsi_alua_is_active(tiscsi_alua_state(cmd->se_cmd.se_lun)))
		attention |= HOLD_ALUA;
	WRITE_ONCE(itl->attention, attention);
	spin_unlock(&itl->lu->lock);
}

/* Row H24: a group that has its first port gets back the state that is kept. */
static void tiscsi_alua_restore(struct tiscsi_lu *lu,
				struct t10_alua_tg_pt_gp *gp)
{
	void *kept;

	if (!tiscsi_alua_is_kept(lu, gp))
		return;
	kept = xa_erase(&lu->alua_kept, gp->tg_pt_gp_id);
	if (!kept || !(gp->tg_pt_gp_alua_supported_states &
		       BIT(xa_to_value(kept))))
		return;
	WRITE_ONCE(gp->tg_pt_gp_alua_access_state, xa_to_value(kept));
	gp->tg_pt_gp_alua_access_status = AAS_STATUS_EXPLICIT;
}

/**
 * tiscsi_alua_type - what can change a group's state, allowed or not
 * @lu: its logical unit
 * @gp: the group
 *
 * Any context.
 *
 * Return: TPGS_* bits.
 */
u8 tiscsi_alua_type(struct tiscsi_lu *lu, const struct t10_alua_tg_pt_gp *gp)
{
	u8 type = READ_ONCE(gp->tg_pt_gp_alua_access_type);

	if (xa_get_mark(&lu->alua_seen, gp->tg_pt_gp_id, SEEN_BARRED))
		type |= TPGS_IMPLICIT;
	return type;
}

/*
 * The core refuses an implicit change to a group whose type does not have it.
 * So the type loses it, and the mark remembers it.
 */
static bool tiscsi_alua_let_group(struct tiscsi_lu *lu,
				  struct t10_alua_tg_pt_gp *gp, bool allow)
{
	u8 type = READ_ONCE(gp->tg_pt_gp_alua_access_type), next;
	u16 id = gp->tg_pt_gp_id;

	if (allow) {
		next = tiscsi_alua_type(lu, gp);
		xa_clear_mark(&lu->alua_seen, id, SEEN_BARRED);
	} else {
		if (!(type & TPGS_IMPLICIT))
			return false;
		xa_set_mark(&lu->alua_seen, id, SEEN_BARRED);
		/* It never had a port, or there was no memory to know it. */
		if (!xa_get_mark(&lu->alua_seen, id, SEEN_BARRED))
			return false;
		next = type & ~TPGS_IMPLICIT;
	}
	WRITE_ONCE(gp->tg_pt_gp_alua_access_type, next);
	return next != type;
}

/* Whether what changes implicitly has been kept from it, and still is. */
static bool tiscsi_alua_is_barred(struct tiscsi_lu *lu)
{
	struct t10_alua *alua = &lu->dev->t10_alua;
	struct t10_alua_tg_pt_gp *gp;

	if (!xa_marked(&lu->alua_seen, SEEN_BARRED))
		return false;
	list_for_each_entry(gp, &alua->tg_pt_gps_list, tg_pt_gp_list)
		if (xa_load(&lu->alua_seen, gp->tg_pt_gp_id) &&
		    READ_ONCE(gp->tg_pt_gp_alua_access_type) & TPGS_IMPLICIT)
			return false;
	return true;
}

/**
 * tiscsi_alua_see - remember the state of a group
 * @lu: its logical unit; the caller holds tg_pt_gps_lock
 * @gp: the group
 *
 * A transition is not a state to be told about, its end is: in another state or,
 * if it failed, in the one before (rows H20, H22).
 *
 * Return: the bit of enum tiscsi_ua that nexuses are to be told, 0 for none.
 */
u32 tiscsi_alua_see(struct tiscsi_lu *lu, struct t10_alua_tg_pt_gp *gp)
{
	u16 id = gp->tg_pt_gp_id;
	void *seen = xa_load(&lu->alua_seen, id);
	bool moving, barred;
	u32 state;

	if (!gp->tg_pt_gp_members)
		return 0;
	if (!seen)
		tiscsi_alua_restore(lu, gp);
	state = READ_ONCE(gp->tg_pt_gp_alua_access_state);
	if (state == AAS_TRANSITIONING) {
		xa_set_mark(&lu->alua_seen, id, SEEN_MOVING);
		return 0;
	}
	moving = xa_get_mark(&lu->alua_seen, id, SEEN_MOVING);
	if (moving)
		xa_clear_mark(&lu->alua_seen, id, SEEN_MOVING);
	if (seen && xa_to_value(seen) == state)
		return moving ? BIT(UA_ALUA_FAILED) : 0;
	barred = !seen && tiscsi_alua_is_barred(lu);
	/* Without memory for a new group its next change is not told. */
	xa_store(&lu->alua_seen, id, xa_mk_value(state), GFP_ATOMIC);
	if (barred)
		tiscsi_alua_let_group(lu, gp, false);
	return seen ? BIT(UA_ALUA_CHANGED) : 0;
}

/**
 * tiscsi_alua_look - find out whether port groups changed their state
 * @lu: the logical unit; all its nexuses are told
 *
 * Process context.
 */
void tiscsi_alua_look(struct tiscsi_lu *lu)
{
	struct t10_alua *alua = &lu->dev->t10_alua;
	struct t10_alua_tg_pt_gp *gp;
	u32 bits = 0;

	spin_lock(&alua->tg_pt_gps_lock);
	list_for_each_entry(gp, &alua->tg_pt_gps_list, tg_pt_gp_list)
		bits |= tiscsi_alua_see(lu, gp);
	spin_unlock(&alua->tg_pt_gps_lock);
	if (bits)
		tiscsi_lu_attend_others(lu, bits | HOLD_ALUA, NULL);
}

/* ------------------------------------------------------------------ */
/* IALUAE, row H23                                                     */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_alua_is_implicit - may any group of a unit change implicitly
 * @lu: the logical unit
 * @now: true: as things are; false: as far as it is possible at all
 *
 * Process context.
 *
 * Return: whether one may.
 */
bool tiscsi_alua_is_implicit(struct tiscsi_lu *lu, bool now)
{
	struct t10_alua *alua = &lu->dev->t10_alua;
	struct t10_alua_tg_pt_gp *gp;
	u8 types = 0;

	spin_lock(&alua->tg_pt_gps_lock);
	list_for_each_entry(gp, &alua->tg_pt_gps_list, tg_pt_gp_list) {
		if (!gp->tg_pt_gp_members)
			continue;
		types |= now ? READ_ONCE(gp->tg_pt_gp_alua_access_type) :
			       tiscsi_alua_type(lu, gp);
	}
	spin_unlock(&alua->tg_pt_gps_lock);
	return types & TPGS_IMPLICIT;
}

/**
 * tiscsi_alua_let_implicit - allow implicit changes of a unit's groups, or not
 * @lu: the logical unit
 * @allow: to those that can; false: to none that has ports now
 *
 * Process context.
 *
 * Return: whether that was not so before.
 */
bool tiscsi_alua_let_implicit(struct tiscsi_lu *lu, bool allow)
{
	struct t10_alua *alua = &lu->dev->t10_alua;
	struct t10_alua_tg_pt_gp *gp;
	bool changed = false;

	tiscsi_alua_look(lu);
	spin_lock(&alua->tg_pt_gps_lock);
	list_for_each_entry(gp, &alua->tg_pt_gps_list, tg_pt_gp_list)
		changed |= tiscsi_alua_let_group(lu, gp, allow);
	spin_unlock(&alua->tg_pt_gps_lock);
	return changed;
}

/* ------------------------------------------------------------------ */
/* as an initiator sees a portal group                                 */
/* ------------------------------------------------------------------ */

/* What a state is worth to an initiator; 0 is the best. */
static const u8 tiscsi_alua_cost[] = {
	[AAS_OPTIMIZED]		= 1,
	[AAS_NON_OPTIMIZED]	= 4,
	[AAS_LBA_DEPENDENT]	= 4,
	[AAS_STANDBY]		= 16,
	[AAS_TRANSITIONING]	= 16,
};

static bool tiscsi_alua_is_preferred(const struct se_lun *lun)
{
	const struct t10_alua_tg_pt_gp *gp;
	bool preferred;

	rcu_read_lock();
	gp = rcu_dereference(lun->lun_tg_pt_gp);
	preferred = gp && gp->tg_pt_gp_pref;
	rcu_read_unlock();
	return preferred;
}

static void tiscsi_alua_add(struct tiscsi_alua_view *view, struct se_lun *lun)
{
	enum tiscsi_aas state = tiscsi_alua_state(lun);

	view->nr++;
	if (state == AAS_UNAVAILABLE || state == AAS_OFFLINE) {
		view->lost++;
		view->offline += state == AAS_OFFLINE;
		return;
	}
	if (state < ARRAY_SIZE(tiscsi_alua_cost))
		view->cost += tiscsi_alua_cost[state];
	if (state == AAS_OPTIMIZED && tiscsi_alua_is_preferred(lun))
		view->cost--;
}

/**
 * tiscsi_alua_view - the LUNs that an initiator has through a portal group
 * @tpg: the portal group
 * @initiator: its name, normalised; NULL for all LUNs of the portal group
 * @view: filled in
 *
 * Process context.
 *
 * Return: 0, or -EACCES if it may not log in there.
 */
int tiscsi_alua_view(struct tiscsi_tpg *tpg, char *initiator,
		     struct tiscsi_alua_view *view)
{
	struct se_portal_group *se_tpg = &tpg->se_tpg;
	struct se_node_acl *nacl = NULL;
	struct se_dev_entry *deve;
	struct se_lun *lun;

	*view = (struct tiscsi_alua_view) {};
	if (initiator)
		nacl = core_tpg_get_initiator_node_acl(se_tpg, initiator);
	if (initiator && !nacl &&
	    !READ_ONCE(tpg->attrib.generate_node_acls))
		return -EACCES;
	rcu_read_lock();
	if (nacl) {
		hlist_for_each_entry_rcu(deve, &nacl->lun_entry_hlist, link)
			tiscsi_alua_add(view, deve->se_lun);
	} else {
		hlist_for_each_entry_rcu(lun, &se_tpg->tpg_lun_hlist, link)
			tiscsi_alua_add(view, lun);
	}
	rcu_read_unlock();
	if (nacl)
		target_put_nacl(nacl);
	return 0;
}
