// SPDX-License-Identifier: GPL-2.0
/*
 * Unit attention conditions: for each nexus, one reported at a time, the most
 * important first, the others stay (rows G14, K3, K4).
 *
 * The core has conditions of its own, which it keeps for each initiator name
 * and forgets all at once when one is reported.  They are taken from it before
 * a command gets there, and given to each session of that initiator.
 */
#include <linux/slab.h>
#include <target/target_core_backend.h>

#include "access.h"

/* By enum tiscsi_ua. */
static const struct tiscsi_sense tiscsi_ua_sense[UA_NR] = {
	[UA_POWER_ON]		     = { UNIT_ATTENTION, 0x29, 0x00 },
	[UA_RESET]		     = { UNIT_ATTENTION, 0x29, 0x03 },
	[UA_NEXUS_LOSS]		     = { UNIT_ATTENTION, 0x29, 0x07 },
	[UA_COMMANDS_CLEARED]	     = { UNIT_ATTENTION, 0x2f, 0x00 },
	[UA_RESERVATION_PREEMPTED]   = { UNIT_ATTENTION, 0x2a, 0x03 },
	[UA_RESERVATION_RELEASED]    = { UNIT_ATTENTION, 0x2a, 0x04 },
	[UA_REGISTRATION_PREEMPTED]  = { UNIT_ATTENTION, 0x2a, 0x05 },
	[UA_ALUA_CHANGED]	     = { UNIT_ATTENTION, 0x2a, 0x06 },
	[UA_ALUA_FAILED]	     = { UNIT_ATTENTION, 0x2a, 0x07 },
	[UA_MODE_CHANGED]	     = { UNIT_ATTENTION, 0x2a, 0x01 },
	[UA_CAPACITY_CHANGED]	     = { UNIT_ATTENTION, 0x2a, 0x09 },
	[UA_PREVIOUS_CONFLICT]	     = { UNIT_ATTENTION, 0x2c, 0x09 },
	[UA_INQUIRY_CHANGED]	     = { UNIT_ATTENTION, 0x3f, 0x03 },
	[UA_LUNS_CHANGED]	     = { UNIT_ATTENTION, 0x3f, 0x0e },
	[UA_OTHER]		     = { UNIT_ATTENTION, 0x3f, 0x00 },
};

static enum tiscsi_ua tiscsi_ua_of(u8 asc, u8 ascq)
{
	enum tiscsi_ua ua;

	for (ua = 0; ua < UA_OTHER; ua++)
		if (tiscsi_ua_sense[ua].asc == asc &&
		    tiscsi_ua_sense[ua].ascq == ascq)
			break;
	return ua;
}

/**
 * tiscsi_ua_take - report the most important condition
 * @itl: to this nexus; the condition is over
 * @sense: what to report
 *
 * Process context.
 *
 * Return: false when there is none.
 */
bool tiscsi_ua_take(struct tiscsi_itl *itl, struct tiscsi_sense *sense)
{
	u32 pending, ua;

	spin_lock(&itl->lu->lock);
	pending = itl->attention & UA_MASK;
	ua = pending ? __ffs(pending) : 0;
	if (pending)
		WRITE_ONCE(itl->attention, itl->attention & ~BIT(ua));
	spin_unlock(&itl->lu->lock);
	if (pending)
		*sense = tiscsi_ua_sense[ua];
	return pending;
}

/**
 * tiscsi_ua_peek - what tiscsi_ua_take() would report
 * @sess: the nexus
 * @lun: the logical unit, by its LUN
 * @sense: the most important condition, if there is one
 *
 * Process context.
 *
 * Return: how many conditions are pending.
 */
u32 tiscsi_ua_peek(struct tiscsi_sess *sess, u64 lun,
		   struct tiscsi_sense *sense)
{
	struct tiscsi_itl *itl;
	u32 pending = 0;

	rcu_read_lock();
	hlist_for_each_entry_rcu(itl, &sess->itls[lun % TISCSI_ITL_BUCKETS],
				 sess_node)
		if (itl->lun == lun && READ_ONCE(itl->dev))
			pending = READ_ONCE(itl->attention) & UA_MASK;
	rcu_read_unlock();
	if (pending)
		*sense = tiscsi_ua_sense[__ffs(pending)];
	return hweight32(pending);
}

/**
 * tiscsi_ua_raise - make a condition for one nexus
 * @itl: the nexus
 * @ua: the condition
 *
 * Process context; takes a leaf lock.
 */
void tiscsi_ua_raise(struct tiscsi_itl *itl, enum tiscsi_ua ua)
{
	spin_lock(&itl->lu->lock);
	WRITE_ONCE(itl->attention, itl->attention | BIT(ua));
	spin_unlock(&itl->lu->lock);
}

/* ------------------------------------------------------------------ */
/* the core's conditions                                               */
/* ------------------------------------------------------------------ */

/* The mapping of a LUN; the caller is in an RCU read-side section. */
static struct se_dev_entry *tiscsi_ua_deve(struct tiscsi_cmd *cmd)
{
	struct se_node_acl *nacl = cmd->sess->se_session->se_node_acl;
	struct se_dev_entry *deve;

	hlist_for_each_entry_rcu(deve, &nacl->lun_entry_hlist, link)
		if (deve->mapped_lun == cmd->lun)
			return deve;
	return NULL;
}

/**
 * tiscsi_ua_core_pending - has the core a condition for a command's nexus
 * @cmd: the command
 *
 * Nothing tells us when the core makes one: it must be looked.  Any context.
 *
 * Return: whether it has.
 */
bool tiscsi_ua_core_pending(struct tiscsi_cmd *cmd)
{
	struct se_dev_entry *deve;
	bool pending;

	rcu_read_lock();
	deve = tiscsi_ua_deve(cmd);
	pending = deve && !list_empty_careful(&deve->ua_list);
	rcu_read_unlock();
	return pending;
}

/* Takes conditions from the core: all, or those that @only names. */
static u32 tiscsi_ua_strip(struct se_dev_entry *deve, u32 only)
{
	struct se_ua *ua, *next;
	u32 got = 0, bit;

	spin_lock(&deve->ua_lock);
	list_for_each_entry_safe(ua, next, &deve->ua_list, ua_nacl_list) {
		bit = BIT(tiscsi_ua_of(ua->ua_asc, ua->ua_ascq));
		if (!(bit & only))
			continue;
		got |= bit;
		list_del(&ua->ua_nacl_list);
		/* From a cache of the core's, which kfree() finds. */
		kfree(ua);
	}
	spin_unlock(&deve->ua_lock);
	return got;
}

static void tiscsi_ua_give(struct tiscsi_sess *sess, u64 lun, u32 bits)
{
	struct tiscsi_itl *itl;

	hlist_for_each_entry_rcu(itl, &sess->itls[lun % TISCSI_ITL_BUCKETS],
				 sess_node) {
		if (itl->lun != lun)
			continue;
		spin_lock(&itl->lu->lock);
		WRITE_ONCE(itl->attention, itl->attention | bits);
		spin_unlock(&itl->lu->lock);
	}
}

/* Gives the core's conditions of a mapping to each session of the initiator. */
static void tiscsi_ua_harvest_deve(struct se_node_acl *nacl,
				   struct se_dev_entry *deve)
{
	struct se_session *se_sess;
	struct tiscsi_sess *sess;
	u32 bits;

	bits = tiscsi_ua_strip(deve, UA_MASK) & ~BIT(UA_ALUA_CHANGED);
	if (!bits)
		return;
	spin_lock_irq(&nacl->nacl_sess_lock);
	list_for_each_entry(se_sess, &nacl->acl_sess_list, sess_acl_list) {
		sess = se_sess->fabric_sess_ptr;
		if (!sess->left)
			tiscsi_ua_give(sess, deve->mapped_lun, bits);
	}
	spin_unlock_irq(&nacl->nacl_sess_lock);
}

/**
 * tiscsi_ua_harvest - make the core's conditions those of nexuses
 * @cmd: a command of one of them
 *
 * Every session of the initiator gets them.  What the core says of target port
 * groups only means that they are to be looked at: it tells too few, and twice
 * (K10).  Process context.
 */
void tiscsi_ua_harvest(struct tiscsi_cmd *cmd)
{
	struct se_dev_entry *deve;

	rcu_read_lock();
	deve = tiscsi_ua_deve(cmd);
	if (deve)
		tiscsi_ua_harvest_deve(cmd->sess->se_session->se_node_acl,
				       deve);
	rcu_read_unlock();
}

/**
 * tiscsi_ua_forget_luns - a session has been told of its LUNs
 * @sess: nothing is left to be said of their change, on any logical unit
 *
 * Process context.
 */
void tiscsi_ua_forget_luns(struct tiscsi_sess *sess)
{
	struct se_node_acl *nacl = sess->se_session->se_node_acl;
	struct se_dev_entry *deve;
	struct tiscsi_itl *itl;
	u32 i;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &nacl->lun_entry_hlist, link)
		if (!list_empty_careful(&deve->ua_list))
			tiscsi_ua_harvest_deve(nacl, deve);
	for (i = 0; i < TISCSI_ITL_BUCKETS; i++) {
		hlist_for_each_entry_rcu(itl, &sess->itls[i], sess_node) {
			spin_lock(&itl->lu->lock);
			WRITE_ONCE(itl->attention,
				   itl->attention & ~BIT(UA_LUNS_CHANGED));
			spin_unlock(&itl->lu->lock);
		}
	}
	rcu_read_unlock();
}

/**
 * tiscsi_ua_drop_reset - forget what the core says of a LUN reset
 * @dev: the device
 *
 * It is told by tiscsi_access_lun_reset().  Process context.
 */
void tiscsi_ua_drop_reset(struct se_device *dev)
{
	struct se_dev_entry *deve;
	struct se_lun *lun;

	spin_lock(&dev->se_port_lock);
	list_for_each_entry(lun, &dev->dev_sep_list, lun_dev_link) {
		if (!tiscsi_lun_is_ours(lun))
			continue;
		spin_lock(&lun->lun_deve_lock);
		list_for_each_entry(deve, &lun->lun_deve_list, lun_link)
			tiscsi_ua_strip(deve, BIT(UA_RESET));
		spin_unlock(&lun->lun_deve_lock);
	}
	spin_unlock(&dev->se_port_lock);
}

/* ------------------------------------------------------------------ */
/* REQUEST SENSE                                                       */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_execute_request_sense - REQUEST SENSE while a condition is pending
 * @se_cmd: in the core's hands
 *
 * The condition is the data, in the format asked for, and is over.  In place
 * of the core's execute_cmd.
 *
 * Return: 0.
 */
sense_reason_t tiscsi_execute_request_sense(struct se_cmd *se_cmd)
{
	struct tiscsi_sense sense = { };

	tiscsi_ua_take(to_tiscsi_cmd(se_cmd)->itl, &sense);
	return tiscsi_answer_sense(se_cmd, &sense);
}
