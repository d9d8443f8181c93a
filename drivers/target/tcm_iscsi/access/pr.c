// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations: the state of a logical unit, and how a new one takes its
 * place.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "pr.h"

/* ------------------------------------------------------------------ */
/* types                                                               */
/* ------------------------------------------------------------------ */

/* What conflicts for whom: classes of commands, by type. */
static const struct tiscsi_pr_type {
	bool valid;
	u8 registrants;
	u8 others;
} tiscsi_pr_types[16] = {
#define PR_TYPE(_code, _name, _registrants, _others)			\
	[_code] = { .valid = true, .registrants = _registrants,		\
		    .others = _others },
#include "pr_table.h"
#undef PR_TYPE
};

/**
 * tiscsi_pr_type_valid - is there such a type of persistent reservation
 * @type: 0..15
 *
 * Return: whether there is (row I20).
 */
bool tiscsi_pr_type_valid(u8 type)
{
	return tiscsi_pr_types[type].valid;
}

/**
 * tiscsi_pr_is_holder - does a nexus hold the persistent reservation
 * @pr: the state
 * @nexus: is registered
 *
 * Return: whether it does; each registrant does, of the types "all
 * registrants".
 */
bool tiscsi_pr_is_holder(const struct tiscsi_pr *pr,
			 const struct tiscsi_nexus *nexus)
{
	return pr->type &&
	       (tiscsi_pr_all_regs(pr->type) || pr->holder == nexus);
}

/**
 * tiscsi_pr_deny - what a reservation keeps a nexus from
 * @pr: the state
 * @nexus: registered or not
 *
 * Return: DENY_* bits.
 */
u32 tiscsi_pr_deny(const struct tiscsi_pr *pr,
		   const struct tiscsi_nexus *nexus)
{
	const struct tiscsi_pr_type *type = &tiscsi_pr_types[pr->type];

	if (pr->spc2)
		return pr->spc2 == nexus ? 0 : DENY_SPC2;
	if (!pr->type || pr->holder == nexus)
		return 0;
	if (tiscsi_pr_find((struct tiscsi_pr *)pr, nexus))
		return (u32)type->registrants << DENY_SHIFT;
	return (u32)type->others << DENY_SHIFT;
}

/* ------------------------------------------------------------------ */
/* state                                                               */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_pr_alloc - a state without registrations
 * @max: room for this many
 *
 * Process context.
 *
 * Return: the state, or NULL when there is no memory.
 */
struct tiscsi_pr *tiscsi_pr_alloc(u32 max)
{
	struct tiscsi_pr *pr;

	pr = kvzalloc(struct_size(pr, regs, max), GFP_KERNEL);
	if (pr)
		pr->max = max;
	return pr;
}

/**
 * tiscsi_pr_copy - a state like another one
 * @pr: the other one
 * @more: room for this many registrations more
 *
 * Process context; @pr does not change meanwhile.
 *
 * Return: the state, or NULL when there is no memory.
 */
struct tiscsi_pr *tiscsi_pr_copy(const struct tiscsi_pr *pr, u32 more)
{
	u32 i, max = min_t(u32, pr->nr + more, TISCSI_PR_MAX_REGS);
	struct tiscsi_pr *copy = tiscsi_pr_alloc(max);

	if (!copy)
		return NULL;
	copy->generation = pr->generation;
	copy->type = pr->type;
	copy->aptpl = pr->aptpl;
	copy->holder = pr->holder;
	copy->spc2 = pr->spc2;
	if (copy->spc2)
		refcount_inc(&copy->spc2->ref);
	for (i = 0; i < pr->nr; i++) {
		copy->regs[i] = pr->regs[i];
		refcount_inc(&copy->regs[i].nexus->ref);
	}
	copy->nr = pr->nr;
	return copy;
}

/**
 * tiscsi_pr_free - free a state that nobody can see
 * @pr: may be NULL
 *
 * Process or softirq context.
 */
void tiscsi_pr_free(struct tiscsi_pr *pr)
{
	u32 i;

	if (!pr)
		return;
	for (i = 0; i < pr->nr; i++)
		tiscsi_nexus_put(pr->regs[i].nexus);
	tiscsi_nexus_put(pr->spc2);
	kvfree(pr);
}

static void tiscsi_pr_free_rcu(struct rcu_head *rcu)
{
	tiscsi_pr_free(container_of(rcu, struct tiscsi_pr, rcu));
}

/**
 * tiscsi_pr_find - the registration of a nexus
 * @pr: the state
 * @nexus: the nexus
 *
 * Return: the registration, or NULL.
 */
struct tiscsi_pr_reg *tiscsi_pr_find(struct tiscsi_pr *pr,
				     const struct tiscsi_nexus *nexus)
{
	u32 i;

	for (i = 0; i < pr->nr; i++)
		if (pr->regs[i].nexus == nexus && !pr->regs[i].gone)
			return &pr->regs[i];
	return NULL;
}

/**
 * tiscsi_pr_add - register a nexus
 * @pr: a copy that is being worked on
 * @nexus: not registered; a reference is taken
 * @key: its key, not 0
 * @all_tg_pt: it was registered together with the other target ports
 *
 * Return: PR_GOOD or PR_NO_ROOM.
 */
enum tiscsi_pr_result tiscsi_pr_add(struct tiscsi_pr *pr,
				    struct tiscsi_nexus *nexus, u64 key,
				    bool all_tg_pt)
{
	struct tiscsi_pr_reg *reg;

	if (pr->nr == pr->max)
		return PR_NO_ROOM;
	reg = &pr->regs[pr->nr++];
	refcount_inc(&nexus->ref);
	reg->nexus = nexus;
	reg->key = key;
	reg->all_tg_pt = all_tg_pt;
	return PR_GOOD;
}

/* ------------------------------------------------------------------ */
/* taking effect                                                       */
/* ------------------------------------------------------------------ */

/* What the change means for a session. */
static void tiscsi_pr_tell(const struct tiscsi_pr *pr, struct tiscsi_itl *itl)
{
	const struct tiscsi_nexus *nexus = itl->sess->nexus;
	u32 attention = itl->attention & ~DENY_MASK, i;

	for (i = 0; i < pr->nr; i++)
		if (pr->regs[i].nexus == nexus)
			attention |= pr->regs[i].ua;
	attention |= tiscsi_pr_deny(pr, nexus);
	WRITE_ONCE(itl->attention, attention);
}

/* Registrations that are gone give way. */
static void tiscsi_pr_compact(struct tiscsi_pr *pr)
{
	u32 i, nr = 0;

	for (i = 0; i < pr->nr; i++) {
		if (pr->regs[i].gone) {
			tiscsi_nexus_put(pr->regs[i].nexus);
			continue;
		}
		pr->regs[i].ua = 0;
		pr->regs[nr++] = pr->regs[i];
	}
	pr->nr = nr;
}

/**
 * tiscsi_pr_publish - a new state takes effect
 * @lu: the logical unit; the caller holds pr_lock
 * @next: the state; @lu owns it from now on
 *
 * From here on each command sees the new state.  Process context.
 */
void tiscsi_pr_publish(struct tiscsi_lu *lu, struct tiscsi_pr *next)
{
	struct tiscsi_itl *itl;
	struct tiscsi_pr *old;

	spin_lock(&lu->lock);
	list_for_each_entry(itl, &lu->itls, lu_node)
		tiscsi_pr_tell(next, itl);
	tiscsi_pr_compact(next);
	old = rcu_replace_pointer(lu->pr, next, lockdep_is_held(&lu->lock));
	spin_unlock(&lu->lock);
	if (old)
		call_rcu(&old->rcu, tiscsi_pr_free_rcu);
}
