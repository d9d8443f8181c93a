// SPDX-License-Identifier: GPL-2.0
/*
 * The service actions of PERSISTENT RESERVE OUT (SPC-4 6.16 and the subclause
 * Reservations, "PR" in the rows).  Each works on a copy of the state and has
 * no effect unless it returns PR_GOOD.
 */
#include <linux/slab.h>

#include "pr.h"

/* Target ports of one target that reach a device, with ALL_TG_PT. */
#define TISCSI_PR_MAX_PORTS	256

/* Where parameter data of REGISTER with SPEC_I_PT, and of MOVE, goes on. */
#define PR_LIST_LEN		24
#define PR_SPEC_I_PT_LEN	28

/* All others that are registered get a unit attention. */
static void tiscsi_pr_attend_others(struct tiscsi_pr *pr,
				    const struct tiscsi_nexus *me, u32 ua)
{
	u32 i;

	for (i = 0; i < pr->nr; i++)
		if (!pr->regs[i].gone && pr->regs[i].nexus != me)
			pr->regs[i].ua |= ua;
}

static void tiscsi_pr_end_reservation(struct tiscsi_pr *pr)
{
	pr->type = 0;
	pr->holder = NULL;
}

static bool tiscsi_pr_has_regs(const struct tiscsi_pr *pr)
{
	u32 i;

	for (i = 0; i < pr->nr; i++)
		if (!pr->regs[i].gone)
			return true;
	return false;
}

/* Rows I26, I27: of some types, the end of a reservation is told. */
static void tiscsi_pr_attend_release(struct tiscsi_pr *pr,
				     const struct tiscsi_nexus *me)
{
	if (tiscsi_pr_regs_only(pr->type) || tiscsi_pr_all_regs(pr->type))
		tiscsi_pr_attend_others(pr, me, BIT(UA_RESERVATION_RELEASED));
}

/* ------------------------------------------------------------------ */
/* REGISTER, REGISTER AND IGNORE EXISTING KEY                          */
/* ------------------------------------------------------------------ */

/* Row I27: the holder's reservation goes with its registration. */
static void tiscsi_pr_unregister(struct tiscsi_pr *pr,
				 struct tiscsi_pr_reg *reg)
{
	reg->gone = true;
	if (!pr->type)
		return;
	if (tiscsi_pr_all_regs(pr->type) ? !tiscsi_pr_has_regs(pr) :
					   pr->holder == reg->nexus) {
		tiscsi_pr_attend_release(pr, reg->nexus);
		tiscsi_pr_end_reservation(pr);
	}
}

/* Rows I11-I13: what REGISTER does to one nexus. */
static enum tiscsi_pr_result
tiscsi_pr_register_one(struct tiscsi_pr *pr,
		       const struct tiscsi_pr_request *req,
		       struct tiscsi_nexus *nexus)
{
	bool ignore = req->action == PRO_REGISTER_AND_IGNORE;
	struct tiscsi_pr_reg *reg = tiscsi_pr_find(pr, nexus);

	if (!ignore && req->key != (reg ? reg->key : 0))
		return PR_CONFLICT;
	if (!reg)
		return req->sark ? tiscsi_pr_add(pr, nexus, req->sark,
						 req->all_tg_pt) : PR_GOOD;
	if (!req->sark) {
		tiscsi_pr_unregister(pr, reg);
		return PR_GOOD;
	}
	reg->key = req->sark;
	reg->all_tg_pt = req->all_tg_pt;
	return PR_GOOD;
}

/* One more, named by a TransportID, through the port @tpgt of the target. */
static enum tiscsi_pr_result
tiscsi_pr_register_named(struct tiscsi_pr *pr,
			 const struct tiscsi_pr_request *req,
			 const char *initiator, const u8 *isid, u16 tpgt)
{
	enum tiscsi_pr_result ret = PR_BAD_PARAMETER;
	struct tiscsi_nexus *nexus;

	nexus = tiscsi_nexus_get(initiator, isid, req->nexus->target, tpgt);
	if (!nexus)
		return PR_NO_MEMORY;
	/* I14: a registered one fails all. */
	if (!tiscsi_pr_find(pr, nexus))
		ret = tiscsi_pr_add(pr, nexus, req->sark, req->all_tg_pt);
	tiscsi_nexus_put(nexus);
	return ret;
}

struct tiscsi_pr_ports {
	u32 nr;
	u16 tpgt[TISCSI_PR_MAX_PORTS];
};

/* The port that the command came through, or all of the target (I15). */
static void tiscsi_pr_get_ports(const struct tiscsi_pr_request *req,
				struct tiscsi_pr_ports *ports)
{
	ports->tpgt[0] = req->nexus->tpgt;
	ports->nr = 1;
	if (req->all_tg_pt)
		ports->nr = tiscsi_lu_ports(req->lu->dev, req->nexus->target,
					    ports->tpgt, TISCSI_PR_MAX_PORTS);
}

/* Row I14: the list of TransportIDs, checked to its last byte. */
static enum tiscsi_pr_result
tiscsi_pr_register_list(struct tiscsi_pr *pr,
			const struct tiscsi_pr_request *req,
			const struct tiscsi_pr_ports *ports, char *initiator)
{
	const u8 *pos = req->list + PR_SPEC_I_PT_LEN;
	u32 left = req->list_len - PR_SPEC_I_PT_LEN, i;
	enum tiscsi_pr_result ret;
	u8 isid[6];
	int size;

	for (; left; pos += size, left -= size) {
		size = tiscsi_tid_parse(pos, left, initiator, isid);
		if (size < 0)
			return PR_BAD_PARAMETER;
		for (i = 0; i < ports->nr; i++) {
			ret = tiscsi_pr_register_named(pr, req, initiator,
						       isid, ports->tpgt[i]);
			if (ret != PR_GOOD)
				return ret;
		}
	}
	return PR_GOOD;
}

static enum tiscsi_pr_result
tiscsi_pr_register_spec(struct tiscsi_pr *pr,
			const struct tiscsi_pr_request *req,
			const struct tiscsi_pr_ports *ports)
{
	enum tiscsi_pr_result ret;
	char *initiator;

	if (req->list_len < PR_SPEC_I_PT_LEN ||
	    get_unaligned_be32(req->list + PR_LIST_LEN) !=
	    req->list_len - PR_SPEC_I_PT_LEN)
		return PR_BAD_LENGTH;
	if (!req->sark)
		return PR_GOOD;
	initiator = kmalloc(TISCSI_NAME_LEN, GFP_KERNEL);
	if (!initiator)
		return PR_NO_MEMORY;
	ret = tiscsi_pr_register_list(pr, req, ports, initiator);
	kfree(initiator);
	return ret;
}

static enum tiscsi_pr_result
tiscsi_pr_register_port(struct tiscsi_pr *pr,
			const struct tiscsi_pr_request *req, u16 tpgt)
{
	struct tiscsi_nexus *nexus = req->nexus;
	enum tiscsi_pr_result ret;

	nexus = tiscsi_nexus_get(nexus->initiator, nexus->isid, nexus->target,
				 tpgt);
	if (!nexus)
		return PR_NO_MEMORY;
	ret = tiscsi_pr_register_one(pr, req, nexus);
	tiscsi_nexus_put(nexus);
	return ret;
}

static enum tiscsi_pr_result
tiscsi_pr_register(struct tiscsi_pr *pr, const struct tiscsi_pr_request *req)
{
	struct tiscsi_pr_reg *mine = tiscsi_pr_find(pr, req->nexus);
	enum tiscsi_pr_result ret = PR_GOOD;
	struct tiscsi_pr_ports *ports;
	u32 i;

	/* The key first: who does not know it learns no more. */
	if (req->action == PRO_REGISTER && req->key != (mine ? mine->key : 0))
		return PR_CONFLICT;
	if (req->spec_i_pt && mine)
		return PR_BAD_PARAMETER;
	if (req->aptpl && !tiscsi_pr_store_possible(req->lu))
		return PR_BAD_PARAMETER;
	ports = kmalloc(sizeof(*ports), GFP_KERNEL);
	if (!ports)
		return PR_NO_MEMORY;
	tiscsi_pr_get_ports(req, ports);
	for (i = 0; i < ports->nr && ret == PR_GOOD; i++)
		ret = tiscsi_pr_register_port(pr, req, ports->tpgt[i]);
	if (ret == PR_GOOD && req->spec_i_pt)
		ret = tiscsi_pr_register_spec(pr, req, ports);
	kfree(ports);
	pr->aptpl = req->aptpl;
	return ret;
}

/* ------------------------------------------------------------------ */
/* RESERVE, RELEASE, CLEAR                                             */
/* ------------------------------------------------------------------ */

static void tiscsi_pr_take(struct tiscsi_pr *pr, struct tiscsi_nexus *me,
			   u8 type)
{
	pr->type = type;
	pr->holder = tiscsi_pr_all_regs(type) ? NULL : me;
}

/* Row I19. */
static enum tiscsi_pr_result
tiscsi_pr_reserve(struct tiscsi_pr *pr, const struct tiscsi_pr_request *req)
{
	if (!pr->type) {
		tiscsi_pr_take(pr, req->nexus, req->type);
		return PR_GOOD;
	}
	if (tiscsi_pr_is_holder(pr, req->nexus) && pr->type == req->type)
		return PR_GOOD;
	return PR_CONFLICT;
}

/* Row I26. */
static enum tiscsi_pr_result
tiscsi_pr_release(struct tiscsi_pr *pr, const struct tiscsi_pr_request *req)
{
	if (!tiscsi_pr_is_holder(pr, req->nexus))
		return PR_GOOD;
	if (req->scope || req->type != pr->type)
		return PR_BAD_RELEASE;
	tiscsi_pr_attend_release(pr, req->nexus);
	tiscsi_pr_end_reservation(pr);
	return PR_GOOD;
}

/**
 * tiscsi_pr_empty - end a persistent reservation and all registrations
 * @pr: a copy of the state
 * @me: who does it and is not told; NULL: an administrator
 *
 * Process context.
 */
void tiscsi_pr_empty(struct tiscsi_pr *pr, const struct tiscsi_nexus *me)
{
	u32 i;

	tiscsi_pr_attend_others(pr, me, BIT(UA_RESERVATION_PREEMPTED));
	for (i = 0; i < pr->nr; i++)
		pr->regs[i].gone = true;
	tiscsi_pr_end_reservation(pr);
}

/* Row I28. */
static enum tiscsi_pr_result
tiscsi_pr_clear(struct tiscsi_pr *pr, const struct tiscsi_pr_request *req)
{
	tiscsi_pr_empty(pr, req->nexus);
	return PR_GOOD;
}

/* ------------------------------------------------------------------ */
/* PREEMPT, PREEMPT AND ABORT                                          */
/* ------------------------------------------------------------------ */

/* Removes who has the key, or anybody, but not @spare. */
static u32 tiscsi_pr_remove(struct tiscsi_pr *pr,
			    const struct tiscsi_pr_request *req, bool any,
			    const struct tiscsi_nexus *spare)
{
	bool abort = req->action == PRO_PREEMPT_AND_ABORT;
	u32 i, nr = 0;

	for (i = 0; i < pr->nr; i++) {
		struct tiscsi_pr_reg *reg = &pr->regs[i];

		if (reg->nexus == spare || (!any && reg->key != req->sark))
			continue;
		nr++;
		reg->gone = true;
		/* I31: who removes itself is not told, nor aborted. */
		if (reg->nexus == req->nexus)
			continue;
		reg->abort = abort;
		reg->ua |= BIT(UA_REGISTRATION_PREEMPTED);
	}
	return nr;
}

/* Row I30: registrations only. */
static enum tiscsi_pr_result
tiscsi_pr_preempt_regs(struct tiscsi_pr *pr,
		       const struct tiscsi_pr_request *req)
{
	if (!req->sark)
		return PR_BAD_PARAMETER;
	if (!tiscsi_pr_remove(pr, req, false, NULL))
		return PR_CONFLICT;
	if (tiscsi_pr_all_regs(pr->type) && !tiscsi_pr_has_regs(pr))
		tiscsi_pr_end_reservation(pr);
	return PR_GOOD;
}

/* Row I29: the reservation, and with it whom it belonged to. */
static enum tiscsi_pr_result
tiscsi_pr_preempt_holder(struct tiscsi_pr *pr,
			 const struct tiscsi_pr_request *req, bool any)
{
	tiscsi_pr_remove(pr, req, any, req->nexus);
	if (pr->type != req->type)
		tiscsi_pr_attend_others(pr, req->nexus,
					BIT(UA_RESERVATION_RELEASED));
	tiscsi_pr_take(pr, req->nexus, req->type);
	return PR_GOOD;
}

static enum tiscsi_pr_result
tiscsi_pr_preempt(struct tiscsi_pr *pr, const struct tiscsi_pr_request *req)
{
	struct tiscsi_pr_reg *holder;

	if (tiscsi_pr_all_regs(pr->type))
		return req->sark ? tiscsi_pr_preempt_regs(pr, req) :
				   tiscsi_pr_preempt_holder(pr, req, true);
	holder = pr->type ? tiscsi_pr_find(pr, pr->holder) : NULL;
	if (holder && req->sark == holder->key)
		return tiscsi_pr_preempt_holder(pr, req, false);
	return tiscsi_pr_preempt_regs(pr, req);
}

/* ------------------------------------------------------------------ */
/* REGISTER AND MOVE                                                   */
/* ------------------------------------------------------------------ */

/* Where the reservation goes to; with a reference. */
static enum tiscsi_pr_result
tiscsi_pr_move_to(const struct tiscsi_pr_request *req,
		  struct tiscsi_nexus **nexus)
{
	enum tiscsi_pr_result ret = PR_BAD_PARAMETER;
	u32 left = req->list_len - PR_LIST_LEN;
	char *names;
	u8 isid[6];
	u16 tpgt;

	names = kmalloc(2 * TISCSI_NAME_LEN, GFP_KERNEL);
	if (!names)
		return PR_NO_MEMORY;
	if (tiscsi_tid_parse(req->list + PR_LIST_LEN, left, names, isid) !=
	    left)
		goto free;
	if (!tiscsi_lu_port(req->lu->dev, req->rtpi, names + TISCSI_NAME_LEN,
			    &tpgt))
		goto free;
	*nexus = tiscsi_nexus_get(names, isid, names + TISCSI_NAME_LEN, tpgt);
	ret = *nexus ? PR_GOOD : PR_NO_MEMORY;
free:
	kfree(names);
	return ret;
}

/* Row I33. */
static enum tiscsi_pr_result
tiscsi_pr_move(struct tiscsi_pr *pr, const struct tiscsi_pr_request *req)
{
	enum tiscsi_pr_result ret;
	struct tiscsi_nexus *to;
	struct tiscsi_pr_reg *reg;

	if (!pr->type)
		return PR_BAD_CDB;
	if (pr->holder != req->nexus)
		return PR_CONFLICT;
	if (!req->sark)
		return PR_BAD_PARAMETER;
	if (req->aptpl && !tiscsi_pr_store_possible(req->lu))
		return PR_BAD_PARAMETER;
	ret = tiscsi_pr_move_to(req, &to);
	if (ret != PR_GOOD)
		return ret;
	if (to == req->nexus) {
		tiscsi_nexus_put(to);
		return PR_BAD_PARAMETER;
	}
	reg = tiscsi_pr_find(pr, to);
	if (reg)
		reg->key = req->sark;
	else
		ret = tiscsi_pr_add(pr, to, req->sark, false);
	/* The registration has a reference of its own. */
	tiscsi_nexus_put(to);
	if (ret != PR_GOOD)
		return ret;
	pr->holder = to;
	pr->aptpl = req->aptpl;
	if (req->unreg)
		tiscsi_pr_find(pr, req->nexus)->gone = true;
	return PR_GOOD;
}

/* ------------------------------------------------------------------ */
/* dispatch                                                            */
/* ------------------------------------------------------------------ */

/*
 * One row a service action.  @stranger: need not be registered, and sees to
 * the key itself (rows I09, I10).  @type: scope and type are checked.  @count:
 * is counted in PRGENERATION (row I34).
 */
static const struct tiscsi_pr_action {
	enum tiscsi_pr_result (*exec)(struct tiscsi_pr *pr,
				      const struct tiscsi_pr_request *req);
	bool stranger;
	bool type;
	bool count;
} tiscsi_pr_actions[] = {
	[PRO_REGISTER] = { tiscsi_pr_register, true, false, true },
	[PRO_RESERVE] = { tiscsi_pr_reserve, false, true, false },
	[PRO_RELEASE] = { tiscsi_pr_release, false, false, false },
	[PRO_CLEAR] = { tiscsi_pr_clear, false, false, true },
	[PRO_PREEMPT] = { tiscsi_pr_preempt, false, true, true },
	[PRO_PREEMPT_AND_ABORT] = { tiscsi_pr_preempt, false, true, true },
	[PRO_REGISTER_AND_IGNORE] = { tiscsi_pr_register, true, false, true },
	[PRO_REGISTER_AND_MOVE] = { tiscsi_pr_move, false, false, true },
};

/**
 * tiscsi_pr_out_valid - is there such a service action
 * @action: of PERSISTENT RESERVE OUT
 *
 * Return: whether there is (row I08).
 */
bool tiscsi_pr_out_valid(u8 action)
{
	return action < ARRAY_SIZE(tiscsi_pr_actions);
}

/**
 * tiscsi_pr_out_uses_type - does a service action make a reservation
 * @action: a valid one
 *
 * Return: whether scope and type of its CDB must be valid (row I08).
 */
bool tiscsi_pr_out_uses_type(u8 action)
{
	return tiscsi_pr_actions[action].type;
}

/**
 * tiscsi_pr_out - carry out PERSISTENT RESERVE OUT
 * @pr: a copy of the state, with room for what may be registered
 * @req: the request; action, scope and type are valid
 *
 * Process context, may sleep.
 *
 * Return: PR_GOOD when @pr is the new state, otherwise what is wrong.
 */
enum tiscsi_pr_result tiscsi_pr_out(struct tiscsi_pr *pr,
				    const struct tiscsi_pr_request *req)
{
	const struct tiscsi_pr_action *action = &tiscsi_pr_actions[req->action];
	struct tiscsi_pr_reg *reg = tiscsi_pr_find(pr, req->nexus);
	enum tiscsi_pr_result ret;

	if (!action->stranger && (!reg || reg->key != req->key))
		return PR_CONFLICT;
	ret = action->exec(pr, req);
	if (ret == PR_GOOD && action->count)
		pr->generation++;
	return ret;
}
