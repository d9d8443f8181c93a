// SPDX-License-Identifier: GPL-2.0
/*
 * Connections that have not logged in yet, and which of them has to go when
 * there are too many (rows J01 and J02).
 *
 * The newest is always taken: whoever means to log in is done with it long
 * before it is the oldest.  Who goes is the oldest connection of the source
 * that has most of them, so that those who open many pay for it, and those
 * who open one each are thinned out from the oldest on.
 *
 * A source is an IPv4 address, or the first 64 bits of an IPv6 address, at
 * one portal.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "tcm_iscsi.h"

#define HALF_OPEN_MAX		65536
/* Closing takes its time: how many may be at it before accepting pauses. */
#define HALF_OPEN_EVICTED_MAX	256

static int half_open_param_set(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 1, HALF_OPEN_MAX);
}

static const struct kernel_param_ops half_open_param_ops = {
	.set = half_open_param_set,
	.get = param_get_uint,
};

static unsigned int max_half_open = 4096;
module_param_cb(max_half_open, &half_open_param_ops, &max_half_open, 0644);
MODULE_PARM_DESC(max_half_open, "connections not logged in, of all portals (1-65536, default 4096)");

static unsigned int max_half_open_portal = 1024;
module_param_cb(max_half_open_portal, &half_open_param_ops,
		&max_half_open_portal, 0644);
MODULE_PARM_DESC(max_half_open_portal, "connections not logged in, of one portal (1-65536, default 1024)");

static unsigned int max_half_open_source = 128;
module_param_cb(max_half_open_source, &half_open_param_ops,
		&max_half_open_source, 0644);
MODULE_PARM_DESC(max_half_open_source, "connections not logged in, of one source address at one portal (1-65536, default 128)");

/**
 * struct tiscsi_source - where half-open connections of a portal come from
 * @hash: in half->sources
 * @level: in half->levels, in the order in which they got there
 * @conns: its connections by conn->half_node, oldest first; never empty
 * @nr: how many
 * @addr: the address, IPv4 as a mapped one, IPv6 without its last 64 bits
 */
struct tiscsi_source {
	struct hlist_node hash;
	struct list_head level;
	struct list_head conns;
	unsigned int nr;
	struct in6_addr addr;
};

/* All that is here, of every portal.  Process context, a leaf. */
static DEFINE_SPINLOCK(half_open_lock);
static LIST_HEAD(half_open_portals);	/* by half->node */
static unsigned int half_open_total;
static unsigned int half_open_evicted;

/**
 * tiscsi_half_open_init - a portal without connections
 * @half: its half-open connections
 *
 * Process context.
 */
void tiscsi_half_open_init(struct tiscsi_half_open *half)
{
	int i;

	half->nr = 0;
	half->occupied = 0;
	for (i = 0; i < ARRAY_SIZE(half->levels); i++)
		INIT_LIST_HEAD(&half->levels[i]);
	for (i = 0; i < ARRAY_SIZE(half->sources); i++)
		INIT_HLIST_HEAD(&half->sources[i]);
	spin_lock(&half_open_lock);
	list_add_tail(&half->node, &half_open_portals);
	spin_unlock(&half_open_lock);
}

/**
 * tiscsi_half_open_exit - a portal is about to be freed
 * @half: without connections
 *
 * Process context.
 */
void tiscsi_half_open_exit(struct tiscsi_half_open *half)
{
	spin_lock(&half_open_lock);
	list_del(&half->node);
	spin_unlock(&half_open_lock);
}

static struct hlist_head *half_open_bucket(struct tiscsi_half_open *half,
					   const struct in6_addr *addr)
{
	u32 hash = jhash2((const u32 *)addr, sizeof(*addr) / sizeof(u32), 0);

	return &half->sources[hash % ARRAY_SIZE(half->sources)];
}

static struct tiscsi_source *half_open_find(struct tiscsi_half_open *half,
					    const struct in6_addr *addr)
{
	struct tiscsi_source *source;

	lockdep_assert_held(&half_open_lock);
	hlist_for_each_entry(source, half_open_bucket(half, addr), hash)
		if (ipv6_addr_equal(&source->addr, addr))
			return source;
	return NULL;
}

/* Takes a source off the level it is on; it goes by the number it has. */
static void half_open_leave_level(struct tiscsi_half_open *half,
				  struct tiscsi_source *source)
{
	unsigned int level = min(source->nr, TISCSI_HALF_OPEN_LEVELS - 1U);

	list_del(&source->level);
	if (list_empty(&half->levels[level]))
		half->occupied &= ~BIT_ULL(level);
}

static void half_open_enter_level(struct tiscsi_half_open *half,
				  struct tiscsi_source *source)
{
	unsigned int level = min(source->nr, TISCSI_HALF_OPEN_LEVELS - 1U);

	list_add_tail(&source->level, &half->levels[level]);
	half->occupied |= BIT_ULL(level);
}

static void half_open_unlink(struct tiscsi_conn *conn)
{
	struct tiscsi_half_open *half = &conn->portal->half_open;
	struct tiscsi_source *source = conn->half_source;

	lockdep_assert_held(&half_open_lock);
	half_open_leave_level(half, source);
	list_del(&conn->half_node);
	conn->half_source = NULL;
	source->nr--;
	half->nr--;
	half_open_total--;
	if (source->nr) {
		half_open_enter_level(half, source);
		return;
	}
	hlist_del(&source->hash);
	kfree(source);
}

/* The list holds no reference: close_work takes a connection off it first. */
static void half_open_evict(struct tiscsi_source *source)
{
	struct tiscsi_conn *conn = list_first_entry(&source->conns,
						    struct tiscsi_conn,
						    half_node);

	pr_warn_ratelimited("portal %pISpc: %u connections have not logged in, %u of them from %pI6c; closing its oldest\n",
			    &conn->portal->addr, conn->portal->half_open.nr,
			    source->nr, &source->addr);
	half_open_unlink(conn);
	conn->half_evicted = true;
	half_open_evicted++;
	tiscsi_conn_close(conn, CLOSE_CROWDED);
}

static void half_open_evict_greediest(struct tiscsi_half_open *half)
{
	unsigned int level = fls64(half->occupied) - 1;

	half_open_evict(list_first_entry(&half->levels[level],
					 struct tiscsi_source, level));
}

static struct tiscsi_half_open *half_open_fullest(void)
{
	struct tiscsi_half_open *half, *fullest = NULL;

	list_for_each_entry(half, &half_open_portals, node)
		if (!fullest || half->nr > fullest->nr)
			fullest = half;
	return fullest;
}

/* Makes room for one more connection from @addr. */
static void half_open_make_room(struct tiscsi_half_open *half,
				const struct in6_addr *addr)
{
	struct tiscsi_source *source;

	lockdep_assert_held(&half_open_lock);
	while ((source = half_open_find(half, addr)) &&
	       source->nr >= READ_ONCE(max_half_open_source))
		half_open_evict(source);
	while (half->nr >= READ_ONCE(max_half_open_portal))
		half_open_evict_greediest(half);
	while (half_open_total >= READ_ONCE(max_half_open))
		half_open_evict_greediest(half_open_fullest());
}

static void half_open_source_of(const struct sockaddr_storage *peer,
				struct in6_addr *addr)
{
	if (!tiscsi_addr_normalise(peer, addr))
		memset(&addr->s6_addr32[2], 0, 8);
}

/**
 * tiscsi_half_open_add - count a connection that has been accepted
 * @conn: new; may lead to the end of older ones
 *
 * Process context.
 *
 * Return: 0 or -ENOMEM.
 */
int tiscsi_half_open_add(struct tiscsi_conn *conn)
{
	struct tiscsi_half_open *half = &conn->portal->half_open;
	struct tiscsi_source *source, *fresh;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	INIT_LIST_HEAD(&fresh->conns);
	half_open_source_of(&conn->peer_addr, &fresh->addr);

	spin_lock(&half_open_lock);
	half_open_make_room(half, &fresh->addr);
	source = half_open_find(half, &fresh->addr);
	if (source) {
		half_open_leave_level(half, source);
	} else {
		source = fresh;
		fresh = NULL;
		hlist_add_head(&source->hash,
			       half_open_bucket(half, &source->addr));
	}
	list_add_tail(&conn->half_node, &source->conns);
	conn->half_source = source;
	source->nr++;
	half->nr++;
	half_open_total++;
	half_open_enter_level(half, source);
	spin_unlock(&half_open_lock);
	kfree(fresh);
	return 0;
}

/**
 * tiscsi_half_open_del - a connection is not half open any more
 * @conn: logged in, or closed; calling it again does nothing
 *
 * Process context.
 */
void tiscsi_half_open_del(struct tiscsi_conn *conn)
{
	spin_lock(&half_open_lock);
	if (conn->half_source)
		half_open_unlink(conn);
	if (conn->half_evicted)
		half_open_evicted--;
	conn->half_evicted = false;
	spin_unlock(&half_open_lock);
}

/**
 * tiscsi_half_open_busy - are too many connections being closed?
 *
 * Any context.
 *
 * Return: whether accepting more should wait, so that what is there does stay
 * within the limits.
 */
bool tiscsi_half_open_busy(void)
{
	return READ_ONCE(half_open_evicted) >= HALF_OPEN_EVICTED_MAX;
}
