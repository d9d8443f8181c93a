// SPDX-License-Identifier: GPL-2.0
/*
 * Data buffers of commands: scatterlists of pages in chunks of up to 32 KiB.
 *
 * Used pages go through a ring of each CPU and size and come out at its other
 * end, when the network has let go of what it sends by reference.  That saves
 * the page allocator's work, and clearing (init_on_alloc) what is about to be
 * overwritten.  A chunk that is used again holds another command's data, so
 * only transfers that fill their buffer, as the core has it for its own, get
 * such.
 */
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/percpu_counter.h>
#include <linux/slab.h>

#include "tcm_iscsi.h"

/* 32 KiB: what the page allocator still keeps per CPU. */
#define TISCSI_CHUNK_ORDER	PAGE_ALLOC_COSTLY_ORDER
#define TISCSI_RING_SIZE	64

/* What a CPU counts for itself; between it and the limit counting is exact. */
#define TISCSI_SG_BATCH		256

/* The largest command fits, so that each can be carried out some time. */
static int buffer_param_set(const char *val, const struct kernel_param *kp)
{
	const u32 least = TISCSI_MAX_IO_BYTES / SZ_1M;
	unsigned int mib;
	int ret = kstrtouint(val, 0, &mib);

	if (!ret && mib && mib < least)
		ret = -EINVAL;
	if (!ret)
		WRITE_ONCE(*(unsigned int *)kp->arg, mib);
	return ret;
}

static const struct kernel_param_ops buffer_param_ops = {
	.set = buffer_param_set,
	.get = param_get_uint,
};

static unsigned int max_buffer_mib;
module_param_cb(max_buffer_mib, &buffer_param_ops, &max_buffer_mib, 0644);
MODULE_PARM_DESC(max_buffer_mib, "MiB for data of commands, of all sessions (from 32 on; default 0, a quarter of the memory)");

static unsigned int max_buffer_session_mib;
module_param_cb(max_buffer_session_mib, &buffer_param_ops,
		&max_buffer_session_mib, 0644);
MODULE_PARM_DESC(max_buffer_session_mib, "MiB for data of commands, of one session (from 32 on; default 0, an eighth of the memory)");

static struct percpu_counter tiscsi_sg_pages;

/* The oldest chunk is at @head. */
struct tiscsi_ring {
	spinlock_t lock;		/* a leaf; any other CPU only to drain */
	u32 head;
	u32 nr;
	struct page *page[TISCSI_RING_SIZE];
};

struct tiscsi_rings {
	struct tiscsi_ring of_order[TISCSI_CHUNK_ORDER + 1];
};

static struct tiscsi_rings __percpu *tiscsi_rings;
static struct shrinker *tiscsi_ring_shrinker;

static struct page *tiscsi_ring_pop(struct tiscsi_ring *ring)
{
	struct page *page = ring->page[ring->head];

	ring->head = (ring->head + 1) % TISCSI_RING_SIZE;
	ring->nr--;
	return page;
}

/* The oldest chunk, if the network is done with it; NULL otherwise. */
static struct page *tiscsi_ring_get(u32 order)
{
	struct tiscsi_ring *ring = &raw_cpu_ptr(tiscsi_rings)->of_order[order];
	struct page *page = NULL;

	spin_lock(&ring->lock);
	if (ring->nr && page_ref_count(ring->page[ring->head]) == 1)
		page = tiscsi_ring_pop(ring);
	spin_unlock(&ring->lock);
	return page;
}

static void tiscsi_ring_put(struct page *page)
{
	u32 order = compound_order(page);
	struct tiscsi_ring *ring = &raw_cpu_ptr(tiscsi_rings)->of_order[order];
	struct page *drop = NULL;

	if (page_is_pfmemalloc(page) || page_to_nid(page) != numa_mem_id()) {
		put_page(page);
		return;
	}
	spin_lock(&ring->lock);
	/* One that the network has for so long is not worth waiting for. */
	if (ring->nr == TISCSI_RING_SIZE)
		drop = tiscsi_ring_pop(ring);
	ring->page[(ring->head + ring->nr++) % TISCSI_RING_SIZE] = page;
	spin_unlock(&ring->lock);
	if (drop)
		put_page(drop);
}

/* Gives back up to @max chunks of a ring; returns how many. */
static unsigned long tiscsi_ring_drain(struct tiscsi_ring *ring,
				       unsigned long max)
{
	unsigned long done = 0;

	spin_lock(&ring->lock);
	for (; ring->nr && done < max; done++)
		put_page(tiscsi_ring_pop(ring));
	spin_unlock(&ring->lock);
	return done;
}

static unsigned long tiscsi_ring_count(struct shrinker *shrinker,
				       struct shrink_control *sc)
{
	unsigned long nr = 0;
	u32 order;
	int cpu;

	for_each_possible_cpu(cpu)
		for (order = 0; order <= TISCSI_CHUNK_ORDER; order++)
			nr += READ_ONCE(per_cpu_ptr(tiscsi_rings, cpu)
					->of_order[order].nr);
	return nr ?: SHRINK_EMPTY;
}

static unsigned long tiscsi_ring_scan(struct shrinker *shrinker,
				      struct shrink_control *sc)
{
	unsigned long nr = 0;
	u32 order;
	int cpu;

	for_each_possible_cpu(cpu)
		for (order = 0; order <= TISCSI_CHUNK_ORDER; order++)
			nr += tiscsi_ring_drain(&per_cpu_ptr(tiscsi_rings, cpu)
						->of_order[order],
						sc->nr_to_scan - nr);
	return nr;
}

/**
 * tiscsi_buffer_init - make the rings
 *
 * Module load.
 *
 * Return: 0 or -ENOMEM.
 */
int tiscsi_buffer_init(void)
{
	u32 order;
	int cpu;

	if (percpu_counter_init(&tiscsi_sg_pages, 0, GFP_KERNEL))
		return -ENOMEM;
	tiscsi_rings = alloc_percpu(struct tiscsi_rings);
	if (!tiscsi_rings)
		goto destroy_counter;
	for_each_possible_cpu(cpu)
		for (order = 0; order <= TISCSI_CHUNK_ORDER; order++)
			spin_lock_init(&per_cpu_ptr(tiscsi_rings, cpu)
				       ->of_order[order].lock);
	tiscsi_ring_shrinker = tiscsi_shrinker_register(tiscsi_ring_count,
							tiscsi_ring_scan,
							KBUILD_MODNAME);
	if (tiscsi_ring_shrinker)
		return 0;
	free_percpu(tiscsi_rings);
destroy_counter:
	percpu_counter_destroy(&tiscsi_sg_pages);
	return -ENOMEM;
}

/**
 * tiscsi_buffer_exit - give all kept memory back
 *
 * Module unload, or a load that failed; no command is left.
 */
void tiscsi_buffer_exit(void)
{
	struct shrink_control all = { .nr_to_scan = ULONG_MAX };

	tiscsi_shrinker_unregister(tiscsi_ring_shrinker);
	tiscsi_ring_scan(NULL, &all);
	free_percpu(tiscsi_rings);
	percpu_counter_destroy(&tiscsi_sg_pages);
}

static struct page *tiscsi_chunk_get(u32 order, gfp_t gfp)
{
	struct page *page = NULL;

	if (!(gfp & __GFP_ZERO))
		page = tiscsi_ring_get(order);
	return page ?: alloc_pages(gfp | __GFP_COMP, order);
}

static void tiscsi_sg_uncharge(struct tiscsi_cmd *cmd)
{
	percpu_counter_add_batch(&tiscsi_sg_pages, -(s64)cmd->sg_charged,
				 TISCSI_SG_BATCH);
	atomic_long_sub(cmd->sg_charged, &cmd->sess->sg_pages);
	cmd->sg_charged = 0;
}

static long tiscsi_sg_limit(const unsigned int *mib, u32 part)
{
	unsigned int set = READ_ONCE(*mib);

	return set ? (long)set << (20 - PAGE_SHIFT) : totalram_pages() / part;
}

/* J08, J13: what a session can make us hold is bounded. */
static bool tiscsi_sg_charge(struct tiscsi_cmd *cmd, u32 len)
{
	long sess;

	cmd->sg_charged = DIV_ROUND_UP(len, PAGE_SIZE);
	percpu_counter_add_batch(&tiscsi_sg_pages, cmd->sg_charged,
				 TISCSI_SG_BATCH);
	sess = atomic_long_add_return(cmd->sg_charged, &cmd->sess->sg_pages);
	if (sess <= tiscsi_sg_limit(&max_buffer_session_mib, 8) &&
	    __percpu_counter_compare(&tiscsi_sg_pages,
				     tiscsi_sg_limit(&max_buffer_mib, 4),
				     TISCSI_SG_BATCH) <= 0)
		return true;
	tiscsi_sg_uncharge(cmd);
	return false;
}

static void tiscsi_sg_put(struct tiscsi_cmd *cmd)
{
	u32 i;

	for (i = 0; i < cmd->sg_nents; i++)
		if (sg_page(&cmd->sg[i]))
			tiscsi_ring_put(sg_page(&cmd->sg[i]));
	if (cmd->sg != &cmd->sg_inline)
		kvfree(cmd->sg);
	cmd->sg = NULL;
	cmd->sg_nents = 0;
}

static int tiscsi_sg_fill(struct tiscsi_cmd *cmd, u32 len, u32 max_order,
			  gfp_t gfp)
{
	u32 chunk = PAGE_SIZE << max_order, nents = DIV_ROUND_UP(len, chunk);
	struct scatterlist *sg = &cmd->sg_inline;
	struct page *page;
	u32 i, n;

	if (nents > 1)
		sg = kvmalloc_array(nents, sizeof(*sg), TISCSI_GFP_PEER);
	if (!sg)
		return -ENOMEM;
	sg_init_table(sg, nents);
	cmd->sg = sg;
	cmd->sg_nents = nents;

	for (i = 0; i < nents; i++, len -= n) {
		n = min(len, chunk);
		page = tiscsi_chunk_get(get_order(n), gfp);
		if (!page) {
			tiscsi_sg_put(cmd);
			return -ENOMEM;
		}
		sg_set_page(&sg[i], page, n, 0);
	}
	return 0;
}

/**
 * tiscsi_sg_alloc - take memory for the data of a command
 * @cmd: the task
 * @len: bytes, more than 0
 * @bulk: a data transfer, in large chunks that are not zeroed.  What the core
 *	emulates is mapped by it page by page and gets single zeroed pages.
 *
 * Process context.
 *
 * Return: 0 or -ENOMEM, also when sessions have too much already.
 */
int tiscsi_sg_alloc(struct tiscsi_cmd *cmd, u32 len, bool bulk)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	int ret;

	if (!tiscsi_sg_charge(cmd, len))
		return -ENOMEM;
	if (bulk && !tiscsi_sg_fill(cmd, len, TISCSI_CHUNK_ORDER,
				    gfp | __GFP_NORETRY))
		return 0;
	ret = tiscsi_sg_fill(cmd, len, 0, bulk ? gfp : gfp | __GFP_ZERO);
	if (ret)
		tiscsi_sg_uncharge(cmd);
	return ret;
}

/**
 * tiscsi_sg_free - give the data buffer of a command back
 * @cmd: the task; may have none
 *
 * Pages that the network still has live on until it is done with them.
 */
void tiscsi_sg_free(struct tiscsi_cmd *cmd)
{
	if (!cmd->sg)
		return;
	tiscsi_sg_put(cmd);
	tiscsi_sg_uncharge(cmd);
}

/**
 * tiscsi_sg_at - a place in the data buffer of a command
 * @cmd: the task
 * @offset: bytes from the start
 * @max: most bytes wanted
 * @len: how many there are in one piece
 *
 * @offset + @max lies inside the buffer.  Any context.
 *
 * Return: the address.
 */
void *tiscsi_sg_at(struct tiscsi_cmd *cmd, u32 offset, u32 max, u32 *len)
{
	struct scatterlist *sg = cmd->sg;

	while (offset >= sg->length) {
		offset -= sg->length;
		sg++;
	}
	*len = min(max, sg->length - offset);
	return sg_virt(sg) + offset;
}
