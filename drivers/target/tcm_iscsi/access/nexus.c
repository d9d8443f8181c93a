// SPDX-License-Identifier: GPL-2.0
/*
 * I_T nexuses: an initiator port (name and ISID) and a target port (name and
 * portal group tag), as RFC 7143 4.4.2 has them.  All of the ISID counts (K1),
 * and sessions of one initiator have nothing in common (K2, K3).
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "access.h"

/* Nexuses that were lost and may come back; more are forgotten. */
#define TISCSI_NEXUS_LOST_MAX	1024

static DEFINE_HASHTABLE(tiscsi_nexuses, 8);
static LIST_HEAD(tiscsi_nexuses_lost);
static u32 tiscsi_nexuses_nr_lost;
/* Of all the above.  The last put may come from an RCU callback. */
static DEFINE_SPINLOCK(tiscsi_nexus_lock);

static u32 tiscsi_nexus_hash(const char *initiator, const u8 *isid,
			     const char *target, u16 tpgt)
{
	u32 hash = jhash(isid, 6, tpgt);

	hash = jhash(initiator, strlen(initiator), hash);
	return jhash(target, strlen(target), hash);
}

static struct tiscsi_nexus *tiscsi_nexus_find(u32 hash, const char *initiator,
					      const u8 *isid,
					      const char *target, u16 tpgt)
{
	struct tiscsi_nexus *nexus;

	lockdep_assert_held(&tiscsi_nexus_lock);
	hash_for_each_possible(tiscsi_nexuses, nexus, node, hash)
		if (nexus->tpgt == tpgt &&
		    !memcmp(nexus->isid, isid, sizeof(nexus->isid)) &&
		    !strcmp(nexus->initiator, initiator) &&
		    !strcmp(nexus->target, target))
			return nexus;
	return NULL;
}

/**
 * tiscsi_nexus_get - the object of an I_T nexus
 * @initiator: normalised name
 * @isid: six bytes
 * @target: normalised name
 * @tpgt: portal group tag
 *
 * Process context.
 *
 * Return: the nexus with a reference, or NULL when there is no memory.
 */
struct tiscsi_nexus *tiscsi_nexus_get(const char *initiator, const u8 *isid,
				      const char *target, u16 tpgt)
{
	u32 hash = tiscsi_nexus_hash(initiator, isid, target, tpgt);
	struct tiscsi_nexus *new, *nexus;

	new = kzalloc(sizeof(*new), GFP_KERNEL);
	if (!new)
		return NULL;
	refcount_set(&new->ref, 1);
	INIT_LIST_HEAD(&new->lost);
	new->tpgt = tpgt;
	memcpy(new->isid, isid, sizeof(new->isid));
	strscpy(new->initiator, initiator, sizeof(new->initiator));
	strscpy(new->target, target, sizeof(new->target));

	spin_lock_bh(&tiscsi_nexus_lock);
	nexus = tiscsi_nexus_find(hash, initiator, isid, target, tpgt);
	if (nexus) {
		refcount_inc(&nexus->ref);
	} else {
		hash_add(tiscsi_nexuses, &new->node, hash);
		nexus = new;
		new = NULL;
	}
	spin_unlock_bh(&tiscsi_nexus_lock);
	kfree(new);
	return nexus;
}

static void tiscsi_nexus_put_locked(struct tiscsi_nexus *nexus)
{
	lockdep_assert_held(&tiscsi_nexus_lock);
	if (!refcount_dec_and_test(&nexus->ref))
		return;
	hash_del(&nexus->node);
	kfree(nexus);
}

/**
 * tiscsi_nexus_put - drop a reference to a nexus
 * @nexus: freed with the last one; may be NULL
 *
 * Process or softirq context.
 */
void tiscsi_nexus_put(struct tiscsi_nexus *nexus)
{
	if (!nexus)
		return;
	spin_lock_bh(&tiscsi_nexus_lock);
	tiscsi_nexus_put_locked(nexus);
	spin_unlock_bh(&tiscsi_nexus_lock);
}

/* Takes a nexus off the list of the lost ones. */
static void tiscsi_nexus_unlose(struct tiscsi_nexus *nexus)
{
	lockdep_assert_held(&tiscsi_nexus_lock);
	list_del_init(&nexus->lost);
	tiscsi_nexuses_nr_lost--;
	tiscsi_nexus_put_locked(nexus);
}

/**
 * tiscsi_nexus_lose - the session of a nexus has ended, and not by a logout
 * @nexus: whoever logs in with it next is told (rows C17, G15)
 *
 * Process context.
 */
void tiscsi_nexus_lose(struct tiscsi_nexus *nexus)
{
	spin_lock_bh(&tiscsi_nexus_lock);
	if (list_empty(&nexus->lost)) {
		refcount_inc(&nexus->ref);
		list_add_tail(&nexus->lost, &tiscsi_nexuses_lost);
		tiscsi_nexuses_nr_lost++;
	}
	if (tiscsi_nexuses_nr_lost > TISCSI_NEXUS_LOST_MAX)
		tiscsi_nexus_unlose(list_first_entry(&tiscsi_nexuses_lost,
						     struct tiscsi_nexus,
						     lost));
	spin_unlock_bh(&tiscsi_nexus_lock);
}

/**
 * tiscsi_nexus_was_lost - is this the first session after one that was lost
 * @nexus: of a new session, which holds a reference
 *
 * Asked once: the answer is forgotten.  Process context.
 *
 * Return: whether it is.
 */
bool tiscsi_nexus_was_lost(struct tiscsi_nexus *nexus)
{
	bool lost;

	spin_lock_bh(&tiscsi_nexus_lock);
	lost = !list_empty(&nexus->lost);
	if (lost)
		tiscsi_nexus_unlose(nexus);
	spin_unlock_bh(&tiscsi_nexus_lock);
	return lost;
}

/**
 * tiscsi_nexus_forget_lost - let go of all lost nexuses
 *
 * At module unload.
 */
void tiscsi_nexus_forget_lost(void)
{
	struct tiscsi_nexus *nexus, *next;

	spin_lock_bh(&tiscsi_nexus_lock);
	list_for_each_entry_safe(nexus, next, &tiscsi_nexuses_lost, lost)
		tiscsi_nexus_unlose(nexus);
	spin_unlock_bh(&tiscsi_nexus_lock);
}
