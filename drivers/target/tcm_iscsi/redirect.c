// SPDX-License-Identifier: GPL-2.0
/*
 * Login redirection (RFC 7143 11.13.5, row B31): a portal group that sends
 * initiators to other portals of its target, and which one it chooses.
 *
 * There are no rounds: a portal group that redirects is never chosen by
 * another one, so each initiator is sent on once.  All of this is under
 * tiscsi_config_lock, as the portals are.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "access/access.h"
#include "redirect.h"

#define TISCSI_GAPS		" \t\n"
/* An entry of the list, with its NUL. */
#define TISCSI_DEST_TEXT_MAX	(sizeof(TISCSI_REMOTE) + \
				 TISCSI_PORTAL_NAME_LEN + sizeof(",65535"))
#define TISCSI_SELF		"self"
#define TISCSI_REMOTE		"remote:"
#define TISCSI_NONE		"none"

static const char * const tiscsi_redirect_policies[] = {
	[REDIRECT_ORDERED]		= "ordered",
	[REDIRECT_ROUND_ROBIN]		= "round_robin",
	[REDIRECT_LEAST_SESSIONS]	= "least_sessions",
	[REDIRECT_ALUA]			= "alua",
};

/* ------------------------------------------------------------------ */
/* text                                                                */
/* ------------------------------------------------------------------ */

/* What follows the last comma, if that comma is behind the address. */
static int dest_parse_tag(char *text, struct tiscsi_dest *dest)
{
	char *tag = strchr(text, ',');

	if (!tag)
		return 0;
	*tag++ = '\0';
	dest->tagged = true;
	/* kstrtou16() would take a sign. */
	return *tag == '+' ? -EINVAL : kstrtou16(tag, 10, &dest->tag);
}

static int dest_parse(char *text, struct tiscsi_dest *dest)
{
	int ret;

	memset(dest, 0, sizeof(*dest));
	if (!strcmp(text, TISCSI_SELF)) {
		dest->kind = DEST_SELF;
		return 0;
	}
	dest->kind = DEST_PORTAL;
	if (strstarts(text, TISCSI_REMOTE)) {
		dest->kind = DEST_REMOTE;
		text += strlen(TISCSI_REMOTE);
	} else {
		ret = dest_parse_tag(text, dest);
		if (ret)
			return ret;
	}
	ret = tiscsi_addr_parse(text, &dest->addr);
	if (ret)
		return ret;
	/* No initiator can be sent to a wildcard, or to an interface of ours. */
	return tiscsi_addr_is_any(&dest->addr) || strchr(text, '%') ?
	       -EINVAL : 0;
}

/**
 * tiscsi_redirect_parse - take a list of destinations
 * @text: entries, separated by white space; "none" for none
 * @set: set on success
 * @bad: where the entry goes that cannot be taken
 * @size: of @bad
 *
 * Process context.
 *
 * Return: 0, -EINVAL for what is no address, -E2BIG for too many.
 */
int tiscsi_redirect_parse(const char *text, struct tiscsi_redirect *set,
			  char *bad, size_t size)
{
	char buf[TISCSI_DEST_TEXT_MAX];
	size_t len;
	u32 nr = 0;

	for (text += strspn(text, TISCSI_GAPS); *text;
	     text += strspn(text, TISCSI_GAPS)) {
		len = strcspn(text, TISCSI_GAPS);
		snprintf(bad, size, "%.*s", (int)len, text);
		if (len >= sizeof(buf))
			return -EINVAL;
		memcpy(buf, text, len);
		buf[len] = '\0';
		text += len;
		if (!strcmp(buf, TISCSI_NONE) && !nr &&
		    !text[strspn(text, TISCSI_GAPS)])
			break;
		if (nr == TISCSI_REDIRECT_MAX)
			return -E2BIG;
		if (dest_parse(buf, &set->dest[nr]))
			return -EINVAL;
		nr++;
	}
	set->nr = nr;
	return 0;
}

static int dest_show(const struct tiscsi_dest *dest, char *page, int at)
{
	int n;

	if (dest->kind == DEST_SELF)
		return sysfs_emit_at(page, at, TISCSI_SELF);
	n = sysfs_emit_at(page, at, "%s%pISpc",
			  dest->kind == DEST_REMOTE ? TISCSI_REMOTE : "",
			  &dest->addr);
	if (dest->tagged)
		n += sysfs_emit_at(page, at + n, ",%u", dest->tag);
	return n;
}

/**
 * tiscsi_redirect_show - write a list of destinations as one line
 * @tpg: the portal group
 * @page: where to
 *
 * Process context; takes tiscsi_config_lock.
 *
 * Return: bytes.
 */
ssize_t tiscsi_redirect_show(struct tiscsi_tpg *tpg, char *page)
{
	int at = 0;
	u32 i;

	mutex_lock(&tiscsi_config_lock);
	for (i = 0; tpg->redirect && i < tpg->redirect->nr; i++) {
		if (i)
			at += sysfs_emit_at(page, at, " ");
		at += dest_show(&tpg->redirect->dest[i], page, at);
	}
	if (!tpg->redirect)
		at += sysfs_emit_at(page, at, TISCSI_NONE);
	mutex_unlock(&tiscsi_config_lock);
	return at + sysfs_emit_at(page, at, "\n");
}

/**
 * tiscsi_redirect_policy_name - a policy in words
 * @policy: the policy
 *
 * Any context.
 *
 * Return: its name.
 */
const char *tiscsi_redirect_policy_name(enum tiscsi_redirect_policy policy)
{
	return tiscsi_redirect_policies[policy];
}

/**
 * tiscsi_redirect_policy_parse - the policy of a name
 * @text: the name, maybe with a line break
 *
 * Any context.
 *
 * Return: the policy or -EINVAL.
 */
int tiscsi_redirect_policy_parse(const char *text)
{
	int i = __sysfs_match_string(tiscsi_redirect_policies,
				     ARRAY_SIZE(tiscsi_redirect_policies),
				     text);

	return i < 0 ? -EINVAL : i;
}

/* ------------------------------------------------------------------ */
/* portals                                                             */
/* ------------------------------------------------------------------ */

/*
 * The portal of a target that an address leads to, in whatever network
 * namespace; or NULL.
 */
static struct tiscsi_np *dest_np(struct tiscsi_target *target,
				 const struct tiscsi_dest *dest)
{
	struct tiscsi_tpg *tpg;
	struct tiscsi_np *np;

	lockdep_assert_held(&tiscsi_config_lock);
	if (dest->kind != DEST_PORTAL)
		return NULL;
	list_for_each_entry(tpg, &target->tpgs, node) {
		if (dest->tagged && dest->tag != tpg->tag)
			continue;
		list_for_each_entry(np, &tpg->nps, tpg_node)
			if (np->portal->net &&
			    tiscsi_addr_reaches(&dest->addr, &np->portal->addr))
				return np;
	}
	return NULL;
}

/* Its portal group, likewise. */
static struct tiscsi_tpg *dest_tpg(struct tiscsi_target *target,
				   const struct tiscsi_dest *dest)
{
	struct tiscsi_np *np = dest_np(target, dest);

	return np ? np->tpg : NULL;
}

static bool redirect_leads_to(const struct tiscsi_tpg *from,
			      const struct tiscsi_tpg *to)
{
	u32 i;

	for (i = 0; from->redirect && i < from->redirect->nr; i++)
		if (dest_tpg(from->target, &from->redirect->dest[i]) == to)
			return true;
	return false;
}

/* 0, or what is wrong with one destination of a portal group. */
static int dest_check(struct tiscsi_tpg *tpg, const struct tiscsi_dest *dest,
		      char *why, size_t size)
{
	struct tiscsi_tpg *to = dest_tpg(tpg->target, dest);

	if (dest->kind != DEST_PORTAL)
		return 0;
	if (to == tpg || (dest->tagged && dest->tag == tpg->tag)) {
		snprintf(why, size, "%pISpc is of this portal group itself",
			 &dest->addr);
		return -ELOOP;
	}
	if (to && to->redirect) {
		snprintf(why, size, "%pISpc is of tpgt_%u, which redirects too",
			 &dest->addr, to->tag);
		return -ELOOP;
	}
	/* Tools restore portal groups one by one, and enable them last. */
	if (!to && tpg->active) {
		snprintf(why, size, "%pISpc is no portal of %s%s", &dest->addr,
			 dest->tagged ? "that portal group of " : "",
			 tpg->target->name);
		return -ENXIO;
	}
	return 0;
}

/* 0, or why a portal group cannot redirect to @set. */
static int redirect_check(struct tiscsi_tpg *tpg,
			  const struct tiscsi_redirect *set, char *why,
			  size_t size)
{
	struct tiscsi_tpg *other;
	int ret;
	u32 i;

	lockdep_assert_held(&tiscsi_config_lock);
	for (i = 0; i < set->nr; i++) {
		ret = dest_check(tpg, &set->dest[i], why, size);
		if (ret)
			return ret;
	}
	if (!set->nr)
		return 0;
	list_for_each_entry(other, &tpg->target->tpgs, node) {
		if (other == tpg || !redirect_leads_to(other, tpg))
			continue;
		snprintf(why, size, "tpgt_%u redirects to here", other->tag);
		return -ELOOP;
	}
	return 0;
}

/**
 * tiscsi_redirect_set - change where a portal group sends its initiators
 * @tpg: the portal group
 * @set: the destinations, kmalloc'ed; taken over on success
 * @why: where the reason of a refusal goes
 * @size: of @why
 *
 * Process context; takes tiscsi_config_lock.
 *
 * Return: 0; -ELOOP if an initiator could come round to a portal group that
 * redirects; -ENXIO for a portal that is not there, if @tpg is enabled.
 */
int tiscsi_redirect_set(struct tiscsi_tpg *tpg, struct tiscsi_redirect *set,
			char *why, size_t size)
{
	int ret;

	mutex_lock(&tiscsi_config_lock);
	ret = redirect_check(tpg, set, why, size);
	if (!ret) {
		kfree(tpg->redirect);
		tpg->redirect = set->nr ? set : NULL;
		tpg->redirect_turn = 0;
		tpg->redirect_live = 0;
	}
	mutex_unlock(&tiscsi_config_lock);
	if (!ret && !set->nr)
		kfree(set);
	return ret;
}

/**
 * tiscsi_redirect_warn - say what is wrong with destinations set before
 * @tpg: enabled just now
 *
 * What other portal groups are set up to do may make a round of it: who is
 * told so late cannot be refused any more.  Caller holds tiscsi_config_lock.
 */
void tiscsi_redirect_warn(struct tiscsi_tpg *tpg)
{
	char why[TISCSI_REDIRECT_WHY];

	if (tpg->redirect &&
	    redirect_check(tpg, tpg->redirect, why, sizeof(why)) == -ELOOP)
		pr_warn_ratelimited("%s tpgt_%u: redirect_portals: %s: not used\n",
				    tpg->target->name, tpg->tag, why);
}

/**
 * tiscsi_redirect_hides - is a portal not to be told of?
 * @np: the portal
 *
 * Its initiators come through a portal group that says so, as long as that is
 * enabled.  Caller holds tiscsi_config_lock.
 *
 * Return: whether SendTargets leaves it out.
 */
bool tiscsi_redirect_hides(const struct tiscsi_np *np)
{
	const struct sockaddr_storage *addr = &np->portal->addr;
	struct tiscsi_tpg *tpg;
	u32 i;

	lockdep_assert_held(&tiscsi_config_lock);
	list_for_each_entry(tpg, &np->tpg->target->tpgs, node) {
		if (tpg == np->tpg || !tpg->active || !tpg->redirect ||
		    !READ_ONCE(tpg->attrib.redirect_hide_portals))
			continue;
		for (i = 0; i < tpg->redirect->nr; i++)
			if (tpg->redirect->dest[i].kind == DEST_PORTAL &&
			    tiscsi_addr_reaches(&tpg->redirect->dest[i].addr,
						addr))
				return true;
	}
	return false;
}

/* ------------------------------------------------------------------ */
/* the choice                                                          */
/* ------------------------------------------------------------------ */

/*
 * What speaks against a destination, the most important first; the one with
 * the least is chosen.
 */
enum { RANK_LOST, RANK_COST, RANK_SESSIONS, RANK_TURN, RANK_NR };

static void dest_rank(const struct tiscsi_tpg *tpg, u32 i,
		      const struct tiscsi_alua_view *view, u32 sessions,
		      u32 *rank)
{
	u32 nr = tpg->redirect->nr;

	memset(rank, 0, RANK_NR * sizeof(*rank));
	rank[RANK_LOST] = view->lost;
	rank[RANK_TURN] = (i + nr - tpg->redirect_turn % nr) % nr;
	switch (tpg->redirect_policy) {
	case REDIRECT_ORDERED:
		rank[RANK_TURN] = i;
		break;
	case REDIRECT_ALUA:
		rank[RANK_COST] = view->cost;
		fallthrough;
	case REDIRECT_LEAST_SESSIONS:
		rank[RANK_SESSIONS] = sessions;
		break;
	case REDIRECT_ROUND_ROBIN:
		break;
	}
}

/* The portal group behind a destination, if it can take an initiator now. */
static struct tiscsi_tpg *dest_live(struct tiscsi_tpg *tpg,
				    const struct tiscsi_dest *dest)
{
	struct tiscsi_np *np;

	if (dest->kind == DEST_SELF)
		return tpg;
	np = dest_np(tpg->target, dest);
	if (!np || np->tpg->redirect || !np->tpg->active ||
	    !tiscsi_addr_is_here(np->portal->net, &dest->addr))
		return NULL;
	return np->tpg;
}

/* Can the initiator go there, and what speaks against it? */
static bool dest_judge(struct tiscsi_tpg *tpg, u32 i, char *initiator,
		       u32 *rank)
{
	const struct tiscsi_dest *dest = &tpg->redirect->dest[i];
	/* Of another host nothing is known: what is gets chosen before it. */
	struct tiscsi_alua_view view = { .cost = U32_MAX };
	u32 sessions = U32_MAX;
	struct tiscsi_tpg *to;

	if (dest->kind != DEST_REMOTE) {
		to = dest_live(tpg, dest);
		if (!to || tiscsi_alua_view(to, initiator, &view))
			return false;
		/* H16: nothing can be reached through that port. */
		if (view.nr && view.lost == view.nr)
			return false;
		sessions = READ_ONCE(to->nr_sessions);
	}
	dest_rank(tpg, i, &view, sessions, rank);
	return true;
}

/* Compared by the first @nr. */
static bool rank_is_less(const u32 *a, const u32 *b, u32 nr)
{
	u32 i;

	for (i = 0; i < nr - 1 && a[i] == b[i]; i++)
		;
	return a[i] < b[i];
}

/**
 * tiscsi_redirect_choose - where does an initiator go?
 * @tpg: the portal group that it logs in to
 * @initiator: its name, normalised
 * @addr: where the address of the portal goes
 *
 * Process context; takes tiscsi_config_lock.
 *
 * Return: 0 if it stays; 1 with @addr set if it is sent away; -ENOENT if it is
 * to be sent away and there is nowhere to.
 */
int tiscsi_redirect_choose(struct tiscsi_tpg *tpg, char *initiator,
			   struct sockaddr_storage *addr)
{
	u32 rank[RANK_NR], best[RANK_NR], i, choice = 0;
	const struct tiscsi_dest *dest;
	int ret = 0;

	mutex_lock(&tiscsi_config_lock);
	if (!tpg->redirect)
		goto out;
	ret = -ENOENT;
	for (i = 0; i < tpg->redirect->nr; i++) {
		if (!dest_judge(tpg, i, initiator, rank) ||
		    (!ret && !rank_is_less(rank, best, RANK_NR)))
			continue;
		memcpy(best, rank, sizeof(best));
		choice = i;
		ret = 0;
	}
	if (ret)
		goto out;
	tpg->redirect_turn = choice + 1;
	dest = &tpg->redirect->dest[choice];
	if (dest->kind != DEST_SELF) {
		*addr = dest->addr;
		ret = 1;
	}
	if (dest->kind == DEST_PORTAL)
		dest_tpg(tpg->target, dest)->sent_by = tpg->tag;
out:
	mutex_unlock(&tiscsi_config_lock);
	return ret;
}

/* ------------------------------------------------------------------ */
/* sessions in the wrong place                                         */
/* ------------------------------------------------------------------ */

/*
 * What makes a place better than another, however many sessions are there.  In
 * an ordered list that is the place in it, which is the rank of its turn.
 */
static void place_rank(const struct tiscsi_tpg *tpg, u32 *rank)
{
	if (tpg->redirect_policy != REDIRECT_ORDERED)
		rank[RANK_TURN] = 0;
	rank[RANK_SESSIONS] = 0;
}

/* Is there a better place for an initiator than portal group @at? */
static bool sess_is_misplaced(struct tiscsi_tpg *tpg, struct tiscsi_tpg *at,
			      char *initiator)
{
	u32 rank[RANK_NR], best[RANK_NR], here[RANK_NR], i;
	bool any = false, may_stay = false;

	for (i = 0; i < tpg->redirect->nr; i++) {
		if (!dest_judge(tpg, i, initiator, rank))
			continue;
		place_rank(tpg, rank);
		if (!any || rank_is_less(rank, best, RANK_NR))
			memcpy(best, rank, sizeof(best));
		any = true;
		if (dest_live(tpg, &tpg->redirect->dest[i]) != at ||
		    (may_stay && !rank_is_less(rank, here, RANK_NR)))
			continue;
		memcpy(here, rank, sizeof(here));
		may_stay = true;
	}
	return any && (!may_stay || rank_is_less(best, here, RANK_NR));
}

/* Portal groups that are counted when sessions are to be spread evenly. */
static u32 redirect_share(struct tiscsi_tpg *tpg)
{
	u32 i, nr = 0, sessions = 0;
	struct tiscsi_tpg *to, *seen[TISCSI_REDIRECT_MAX];

	for (i = 0; i < tpg->redirect->nr; i++) {
		u32 j;

		to = dest_live(tpg, &tpg->redirect->dest[i]);
		for (j = 0; j < nr && seen[j] != to; j++)
			;
		if (!to || j < nr)
			continue;
		seen[nr++] = to;
		sessions += READ_ONCE(to->nr_sessions);
	}
	return nr ? DIV_ROUND_UP(sessions, nr) : U32_MAX;
}

/* The sessions of portal group @at that should not be there, or are too many. */
static int redirect_move_from(struct tiscsi_tpg *tpg, struct tiscsi_tpg *at,
			      u32 share, u32 seconds)
{
	struct tiscsi_sess **sess;
	u32 nr, i, stay = 0;

	sess = tiscsi_tpg_get_sessions(at, &nr);
	if (!sess)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		if (READ_ONCE(sess[i]->state) == SESS_FREE ||
		    READ_ONCE(sess[i]->dismissed))
			continue;
		if (stay >= share ||
		    sess_is_misplaced(tpg, at, sess[i]->initiator_name))
			tiscsi_sess_dismiss(sess[i], seconds);
		else
			stay++;
	}
	tiscsi_tpg_put_sessions(sess, nr);
	return 0;
}

/*
 * Are the sessions of @at there because of @tpg?  Those of a portal group that
 * has left the list are, unless another one redirects to it.
 */
static bool redirect_answers_for(struct tiscsi_tpg *tpg, struct tiscsi_tpg *at)
{
	struct tiscsi_tpg *other;

	if (at == tpg || redirect_leads_to(tpg, at))
		return true;
	if (at->sent_by != tpg->tag)
		return false;
	list_for_each_entry(other, &tpg->target->tpgs, node)
		if (redirect_leads_to(other, at))
			return false;
	return true;
}

static int redirect_spread(struct tiscsi_tpg *tpg, u32 seconds)
{
	struct tiscsi_tpg *at;
	u32 share = U32_MAX;
	int ret;

	lockdep_assert_held(&tiscsi_config_lock);
	if (!tpg->redirect)
		return -ENXIO;
	if (tpg->redirect_policy == REDIRECT_ROUND_ROBIN ||
	    tpg->redirect_policy == REDIRECT_LEAST_SESSIONS)
		share = redirect_share(tpg);
	list_for_each_entry(at, &tpg->target->tpgs, node) {
		if (!redirect_answers_for(tpg, at))
			continue;
		ret = redirect_move_from(tpg, at, share, seconds);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * tiscsi_redirect_rebalance - send sessions to where they should be
 * @tpg: a portal group that redirects
 * @seconds: that each has to log out
 *
 * Sessions of @tpg and of the portal groups that it redirects to, or did, are
 * asked to log out if there is a better place for them now, or if their portal
 * group has more than its share where the policy spreads them; the oldest stay.
 * They come back through @tpg.  Process context; takes tiscsi_config_lock.
 *
 * Return: 0; -ENXIO when @tpg does not redirect; -ENOMEM.
 */
int tiscsi_redirect_rebalance(struct tiscsi_tpg *tpg, u32 seconds)
{
	int ret;

	mutex_lock(&tiscsi_config_lock);
	ret = redirect_spread(tpg, seconds);
	mutex_unlock(&tiscsi_config_lock);
	return ret;
}

/* A bit for each destination on this host that can take initiators. */
static u32 redirect_live(struct tiscsi_tpg *tpg)
{
	struct tiscsi_alua_view view;
	struct tiscsi_tpg *to;
	u32 i, live = 0;

	for (i = 0; i < tpg->redirect->nr; i++) {
		to = dest_live(tpg, &tpg->redirect->dest[i]);
		if (!to)
			continue;
		tiscsi_alua_view(to, NULL, &view);
		if (!view.nr || view.lost != view.nr)
			live |= BIT(i);
	}
	return live;
}

/**
 * tiscsi_redirect_follow - have sessions move when there is a new place
 * @tpg: a portal group that is enabled
 *
 * That is, when its list has changed, or something in it that could not take
 * initiators can; with its attribute redirect_rebalance.  Caller holds
 * tiscsi_config_lock.
 */
void tiscsi_redirect_follow(struct tiscsi_tpg *tpg)
{
	u32 seconds = READ_ONCE(tpg->attrib.redirect_rebalance);
	u32 was = tpg->redirect_live;

	lockdep_assert_held(&tiscsi_config_lock);
	if (!tpg->redirect || !seconds)
		return;
	tpg->redirect_live = redirect_live(tpg);
	/* What could not be done for want of memory is tried again. */
	if (tpg->redirect_live & ~was && redirect_spread(tpg, seconds))
		tpg->redirect_live = was;
}

/**
 * tiscsi_redirect_evacuate - send sessions away that reach nothing
 * @tpg: a portal group all of whose LUNs are unavailable or offline
 *
 * Those that a portal group which redirects to it can send elsewhere.  Caller
 * holds tiscsi_config_lock.
 */
void tiscsi_redirect_evacuate(struct tiscsi_tpg *tpg)
{
	struct tiscsi_tpg *from;

	lockdep_assert_held(&tiscsi_config_lock);
	list_for_each_entry(from, &tpg->target->tpgs, node)
		if (from->active && redirect_leads_to(from, tpg))
			redirect_move_from(from, tpg, U32_MAX,
					   TISCSI_ASK_LOGOUT);
}
