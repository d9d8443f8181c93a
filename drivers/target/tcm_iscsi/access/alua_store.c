// SPDX-License-Identifier: GPL-2.0
/*
 * States that only initiators set survive a restart (row H24; SPC-4 ALUA.9).
 *
 * If the groups of a logical unit have the access type "explicit", nobody else
 * sets their states, so there is nobody to restore them.  They are kept as
 * reservations are, see pr_store.c: two files written in turn, the newer one
 * that is whole counts.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "alua.h"

#define ALUA_STORE_MAGIC	0x414c554154435431ULL
#define ALUA_STORE_SLOTS	2
#define ALUA_STORE_MAX_NR	U16_MAX

/* Numbers are big-endian, so that a disk may move to another machine. */
struct tiscsi_alua_header {
	__be64 magic;
	__be64 seq;
	__be32 crc;		/* of all of the file, with 0 here */
	__be32 nr;
	char serial[INQUIRY_VPD_SERIAL_LEN];
} __packed;

struct tiscsi_alua_record {
	__be16 id;
	u8 state;
	u8 reserved;
} __packed;

/**
 * tiscsi_alua_is_kept - does a group's state survive
 * @lu: its logical unit; the caller holds tg_pt_gps_lock
 * @gp: the group
 *
 * Return: whether initiators alone set it.
 */
bool tiscsi_alua_is_kept(struct tiscsi_lu *lu,
			 const struct t10_alua_tg_pt_gp *gp)
{
	return tiscsi_alua_type(lu, gp) == TPGS_EXPLICIT;
}

static void tiscsi_alua_record(struct tiscsi_alua_record *rec, u16 id, u8 state)
{
	rec->id = cpu_to_be16(id);
	rec->state = state;
	rec->reserved = 0;
}

/* The state that a group is going to have. */
static u8 tiscsi_alua_next(const struct tiscsi_stpg_want *want, u32 nr, u16 id,
			   u8 state)
{
	for (; nr; want++, nr--)
		if (want->id == id && want->state != AAS_OFFLINE)
			return want->state;
	return state;
}

/* Of groups, and of those that are not there yet. */
static u32 tiscsi_alua_store_fill(struct tiscsi_lu *lu,
				  const struct tiscsi_stpg_want *want,
				  u32 nr_want, struct tiscsi_alua_record *rec,
				  u32 max)
{
	struct t10_alua *alua = &lu->dev->t10_alua;
	const struct t10_alua_tg_pt_gp *gp;
	unsigned long id;
	void *state;
	u32 nr = 0;

	spin_lock(&alua->tg_pt_gps_lock);
	list_for_each_entry(gp, &alua->tg_pt_gps_list, tg_pt_gp_list) {
		state = xa_load(&lu->alua_seen, gp->tg_pt_gp_id);
		if (state && nr < max && tiscsi_alua_is_kept(lu, gp))
			tiscsi_alua_record(&rec[nr++], gp->tg_pt_gp_id,
					   tiscsi_alua_next(want, nr_want,
							    gp->tg_pt_gp_id,
							    xa_to_value(state)));
	}
	xa_for_each(&lu->alua_kept, id, state)
		if (nr < max)
			tiscsi_alua_record(&rec[nr++], id, xa_to_value(state));
	spin_unlock(&alua->tg_pt_gps_lock);
	return nr;
}

static u32 tiscsi_alua_store_room(struct tiscsi_lu *lu)
{
	u32 room = READ_ONCE(lu->dev->t10_alua.alua_tg_pt_gps_count);
	unsigned long id;
	void *state;

	xa_for_each(&lu->alua_kept, id, state)
		room++;
	return room;
}

static int tiscsi_alua_store_write(struct tiscsi_lu *lu,
				   struct tiscsi_alua_header *header, u32 nr)
{
	u32 len = sizeof(*header) + nr * sizeof(struct tiscsi_alua_record);
	char *path;
	int ret;

	header->magic = cpu_to_be64(ALUA_STORE_MAGIC);
	header->seq = cpu_to_be64(lu->alua_seq + 1);
	header->nr = cpu_to_be32(nr);
	strscpy(header->serial, lu->dev->t10_wwn.unit_serial,
		sizeof(header->serial));
	header->crc = cpu_to_be32(tiscsi_store_crc(header, len, &header->crc));
	path = tiscsi_store_path(lu, ".alua",
				 (lu->alua_seq + 1) % ALUA_STORE_SLOTS);
	if (!path)
		return -ENOMEM;
	tiscsi_dbroot_prepare();
	ret = tiscsi_store_write(path, header, len);
	if (ret)
		pr_err_ratelimited("states of target port groups not written to %s: %d\n",
				   path, ret);
	else
		lu->alua_seq++;
	kfree(path);
	return ret;
}

/**
 * tiscsi_alua_store - write the states of a logical unit's groups
 * @lu: the logical unit; the caller holds tiscsi_alua_lock
 * @want: states that are about to change
 * @nr: how many
 *
 * Process context, may sleep for as long as the disk takes.
 *
 * Return: 0 when they are on the disk; a negative errno otherwise: then what
 * was there before still counts.
 */
int tiscsi_alua_store(struct tiscsi_lu *lu, const struct tiscsi_stpg_want *want,
		      u32 nr)
{
	struct tiscsi_alua_header *header;
	u32 max = tiscsi_alua_store_room(lu);
	int ret;

	if (!lu->dev->t10_wwn.unit_serial[0])
		return 0;
	header = kvzalloc(sizeof(*header) +
			  max * sizeof(struct tiscsi_alua_record), GFP_KERNEL);
	if (!header)
		return -ENOMEM;
	nr = tiscsi_alua_store_fill(lu, want, nr, (void *)(header + 1), max);
	ret = tiscsi_alua_store_write(lu, header, nr);
	kvfree(header);
	return ret;
}

static bool tiscsi_alua_file_whole(struct tiscsi_lu *lu,
				   struct tiscsi_alua_header *header,
				   ssize_t len)
{
	return len >= (ssize_t)sizeof(*header) &&
	       be64_to_cpu(header->magic) == ALUA_STORE_MAGIC &&
	       be32_to_cpu(header->nr) <= ALUA_STORE_MAX_NR &&
	       len == sizeof(*header) + be32_to_cpu(header->nr) *
	       sizeof(struct tiscsi_alua_record) &&
	       be32_to_cpu(header->crc) == tiscsi_store_crc(header, len,
							    &header->crc) &&
	       !strncmp(header->serial, lu->dev->t10_wwn.unit_serial,
			sizeof(header->serial));
}

/* Takes a file over if it is whole and newer. */
static void tiscsi_alua_load_from(struct tiscsi_lu *lu,
				  struct tiscsi_alua_header *header)
{
	struct tiscsi_alua_record *rec = (void *)(header + 1);
	u32 i, nr = be32_to_cpu(header->nr);

	if (be64_to_cpu(header->seq) <= lu->alua_seq)
		return;
	lu->alua_seq = be64_to_cpu(header->seq);
	xa_destroy(&lu->alua_kept);
	for (i = 0; i < nr; i++)
		if (rec[i].state <= AAS_UNAVAILABLE)
			xa_store(&lu->alua_kept, be16_to_cpu(rec[i].id),
				 xa_mk_value(rec[i].state), GFP_KERNEL);
}

/**
 * tiscsi_alua_load - read what is kept of the states of groups
 * @lu: new; nobody uses it yet
 *
 * Each state is restored when its group is first seen to have a port.  What
 * cannot be read is as if it were not there, and logged.  Process context, may
 * sleep.
 */
void tiscsi_alua_load(struct tiscsi_lu *lu)
{
	u32 slot, size = sizeof(struct tiscsi_alua_header) +
		ALUA_STORE_MAX_NR * sizeof(struct tiscsi_alua_record);
	ssize_t len;
	void *buf;

	buf = kvmalloc(size, GFP_KERNEL);
	for (slot = 0; buf && slot < ALUA_STORE_SLOTS; slot++) {
		len = tiscsi_store_read(lu, ".alua", slot, buf, size);
		if (len < 0 && len != -ENOENT)
			pr_err("states of target port groups of the unit with serial number %*pE cannot be read: %zd\n",
			       INQUIRY_VPD_SERIAL_LEN,
			       lu->dev->t10_wwn.unit_serial, len);
		else if (tiscsi_alua_file_whole(lu, buf, len))
			tiscsi_alua_load_from(lu, buf);
	}
	kvfree(buf);
}
