// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations that survive a power loss (APTPL, rows I17, K6).
 *
 * Two files for each logical unit in <dbroot>/pr, written in turn: so one of
 * them is whole, whatever happens to the other and when.  A file is a header
 * and a record for each registration; the header has a sequence number and a
 * checksum of everything.  The newer one that is whole counts.  What is
 * written is on the disk before the command that asked for it is answered.
 *
 * A logical unit is known by its unit serial number.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pr.h"

#define PR_STORE_MAGIC		0x5052697354435431ULL
#define PR_STORE_SLOTS		2
#define PR_STORE_HOLDER		BIT(0)
#define PR_STORE_ALL_TG_PT	BIT(1)

/* Numbers are big-endian, so that a disk may move to another machine. */
struct tiscsi_pr_header {
	__be64 magic;
	__be64 seq;
	__be32 crc;		/* of all of the file, with 0 here */
	__be32 len;		/* of all of the file */
	__be32 nr;
	u8 type;
	u8 reserved[3];
	char serial[INQUIRY_VPD_SERIAL_LEN];
} __packed;

struct tiscsi_pr_record {
	__be64 key;
	__be32 flags;
	__be16 tpgt;
	u8 isid[6];
	char initiator[TISCSI_NAME_LEN];
	char target[TISCSI_NAME_LEN];
} __packed;

#define PR_STORE_MAX_LEN	(sizeof(struct tiscsi_pr_header) +	\
				 TISCSI_PR_MAX_REGS *			\
				 sizeof(struct tiscsi_pr_record))

/**
 * tiscsi_pr_store_possible - can a logical unit's reservations be kept
 * @lu: the logical unit
 *
 * Return: whether it has a serial number to be known by again.
 */
bool tiscsi_pr_store_possible(struct tiscsi_lu *lu)
{
	return lu->dev->t10_wwn.unit_serial[0];
}

/* ------------------------------------------------------------------ */
/* writing                                                             */
/* ------------------------------------------------------------------ */

static void tiscsi_pr_store_record(struct tiscsi_pr_record *rec,
				   const struct tiscsi_pr *pr,
				   const struct tiscsi_pr_reg *reg)
{
	u32 flags = 0;

	if (pr->holder == reg->nexus)
		flags |= PR_STORE_HOLDER;
	if (reg->all_tg_pt)
		flags |= PR_STORE_ALL_TG_PT;
	rec->key = cpu_to_be64(reg->key);
	rec->flags = cpu_to_be32(flags);
	rec->tpgt = cpu_to_be16(reg->nexus->tpgt);
	memcpy(rec->isid, reg->nexus->isid, sizeof(rec->isid));
	strscpy(rec->initiator, reg->nexus->initiator, sizeof(rec->initiator));
	strscpy(rec->target, reg->nexus->target, sizeof(rec->target));
}

/* What is not to survive is written as nothing. */
static u32 tiscsi_pr_store_fill(struct tiscsi_lu *lu,
				const struct tiscsi_pr *pr, void *buf)
{
	struct tiscsi_pr_header *header = buf;
	struct tiscsi_pr_record *rec = buf + sizeof(*header);
	u32 i, nr = 0, len;

	for (i = 0; pr->aptpl && i < pr->nr; i++)
		if (!pr->regs[i].gone)
			tiscsi_pr_store_record(&rec[nr++], pr, &pr->regs[i]);
	len = sizeof(*header) + nr * sizeof(*rec);
	header->magic = cpu_to_be64(PR_STORE_MAGIC);
	header->seq = cpu_to_be64(lu->store_seq + 1);
	header->len = cpu_to_be32(len);
	header->nr = cpu_to_be32(nr);
	header->type = pr->aptpl ? pr->type : 0;
	strscpy(header->serial, lu->dev->t10_wwn.unit_serial,
		sizeof(header->serial));
	header->crc = cpu_to_be32(tiscsi_store_crc(header, len, &header->crc));
	return len;
}

/**
 * tiscsi_pr_store - write the reservations of a logical unit
 * @lu: the logical unit; the caller holds pr_lock
 * @pr: its state; what is marked as gone is left out
 *
 * Process context, may sleep for as long as the disk takes.
 *
 * Return: 0 when it is on the disk; a negative errno otherwise: then what was
 * there before still counts.
 */
int tiscsi_pr_store(struct tiscsi_lu *lu, const struct tiscsi_pr *pr)
{
	char *path = NULL;
	u32 size, len;
	int ret = -ENOMEM;
	void *buf;

	lockdep_assert_held(&lu->pr_lock);
	size = sizeof(struct tiscsi_pr_header) +
	       pr->nr * sizeof(struct tiscsi_pr_record);
	buf = kvzalloc(size, GFP_KERNEL);
	if (buf)
		path = tiscsi_store_path(lu, "", (lu->store_seq + 1) % PR_STORE_SLOTS);
	if (path) {
		tiscsi_dbroot_prepare();
		len = tiscsi_pr_store_fill(lu, pr, buf);
		ret = tiscsi_store_write(path, buf, len);
	}
	if (ret)
		pr_err_ratelimited("reservations not written to %s: %d\n",
				   path ?: "a file", ret);
	else
		lu->store_seq++;
	kfree(path);
	kvfree(buf);
	return ret;
}

/* ------------------------------------------------------------------ */
/* reading                                                             */
/* ------------------------------------------------------------------ */

static bool tiscsi_pr_file_whole(struct tiscsi_lu *lu,
				 struct tiscsi_pr_header *header, ssize_t len)
{
	if (len < (ssize_t)sizeof(*header) ||
	    be64_to_cpu(header->magic) != PR_STORE_MAGIC ||
	    be32_to_cpu(header->len) != len ||
	    be32_to_cpu(header->crc) != tiscsi_store_crc(header, len,
							 &header->crc))
		return false;
	return be32_to_cpu(header->nr) <= TISCSI_PR_MAX_REGS &&
	       len == sizeof(*header) + be32_to_cpu(header->nr) *
	       sizeof(struct tiscsi_pr_record) &&
	       !strncmp(header->serial, lu->dev->t10_wwn.unit_serial,
			sizeof(header->serial));
}

/* A file that is whole in @buf; -ENOENT, -EBADMSG, or why not. */
static int tiscsi_pr_read_file(struct tiscsi_lu *lu, u32 slot, void *buf)
{
	ssize_t len = tiscsi_store_read(lu, "", slot, buf, PR_STORE_MAX_LEN);

	if (len < 0)
		return len;
	return tiscsi_pr_file_whole(lu, buf, len) ? 0 : -EBADMSG;
}

static int tiscsi_pr_load_record(struct tiscsi_pr *pr,
				 struct tiscsi_pr_record *rec)
{
	u32 flags = be32_to_cpu(rec->flags);
	struct tiscsi_nexus *nexus;

	rec->initiator[TISCSI_NAME_LEN - 1] = '\0';
	rec->target[TISCSI_NAME_LEN - 1] = '\0';
	nexus = tiscsi_nexus_get(rec->initiator, rec->isid, rec->target,
				 be16_to_cpu(rec->tpgt));
	if (!nexus)
		return -ENOMEM;
	if (!tiscsi_pr_find(pr, nexus))
		tiscsi_pr_add(pr, nexus, be64_to_cpu(rec->key),
			      flags & PR_STORE_ALL_TG_PT);
	if (flags & PR_STORE_HOLDER)
		pr->holder = nexus;
	tiscsi_nexus_put(nexus);
	return 0;
}

static int tiscsi_pr_load_from(void *buf, struct tiscsi_pr **result)
{
	struct tiscsi_pr_header *header = buf;
	struct tiscsi_pr_record *rec = buf + sizeof(*header);
	u32 i, nr = be32_to_cpu(header->nr);
	struct tiscsi_pr *pr;

	pr = tiscsi_pr_alloc(nr);
	if (!pr)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		if (tiscsi_pr_load_record(pr, &rec[i])) {
			tiscsi_pr_free(pr);
			return -ENOMEM;
		}
	}
	pr->aptpl = nr;
	if (header->type < 16 && tiscsi_pr_type_valid(header->type) &&
	    (pr->holder || tiscsi_pr_all_regs(header->type)))
		pr->type = header->type;
	else
		pr->holder = NULL;
	*result = pr;
	return 0;
}

/**
 * tiscsi_pr_load - read the reservations of a logical unit
 * @lu: new; nobody uses it yet
 * @pr: gets its state
 *
 * A file that is not whole is what a power loss left of one being written:
 * then the other counts.  Process context, may sleep.
 *
 * Return: 0, also when there is nothing to read; -ENOMEM; another negative
 * errno when a file is there but cannot be read, or none is whole.
 */
int tiscsi_pr_load(struct tiscsi_lu *lu, struct tiscsi_pr **pr)
{
	int ret[PR_STORE_SLOTS], err;
	void *buf[PR_STORE_SLOTS] = { };
	u32 i, best = PR_STORE_SLOTS;
	u64 seq;

	for (i = 0; i < PR_STORE_SLOTS; i++) {
		err = -ENOMEM;
		buf[i] = kvmalloc(PR_STORE_MAX_LEN, GFP_KERNEL);
		if (!buf[i])
			goto free;
		ret[i] = tiscsi_pr_read_file(lu, i, buf[i]);
		/* What cannot be read may be the newer one. */
		err = ret[i];
		if (err && err != -ENOENT && err != -EBADMSG)
			goto free;
		if (err)
			continue;
		seq = be64_to_cpu(((struct tiscsi_pr_header *)buf[i])->seq);
		if (best == PR_STORE_SLOTS || seq > lu->store_seq) {
			lu->store_seq = seq;
			best = i;
		}
	}
	if (best < PR_STORE_SLOTS) {
		err = tiscsi_pr_load_from(buf[best], pr);
		goto free;
	}
	/* The first write was cut short, or there was none. */
	err = -EBADMSG;
	if (ret[0] == -EBADMSG && ret[1] == -EBADMSG)
		goto free;
	*pr = tiscsi_pr_alloc(0);
	err = *pr ? 0 : -ENOMEM;
free:
	for (i = 0; i < PR_STORE_SLOTS; i++)
		kvfree(buf[i]);
	return err;
}
