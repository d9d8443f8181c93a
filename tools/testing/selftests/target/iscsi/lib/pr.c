// SPDX-License-Identifier: GPL-2.0
/*
 * PERSISTENT RESERVE IN and OUT for tests.
 */
#include "pr.h"

#define OP_PR_IN	0x5e
#define OP_PR_OUT	0x5f

static u64 get_be64(const void *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

/**
 * outcome() - how a command ended, as one number
 * @io: the command
 */
u32 outcome(const struct scsi *io)
{
	if (io->response)
		die("response %02x", io->response);
	if (io->status == 0x02)
		return SENSE(io->key, io->asc, io->ascq);
	if (io->status == CONFLICT &&
	    (io->sense_len || io->residual != io->edtl))
		die("I37: conflict with %u bytes of sense, residual %u of %u",
		    io->sense_len, io->residual, io->edtl);
	return io->status;
}

/**
 * run_cdb() - a command that reads or has no data
 * @c: the connection, with no other task
 * @lun: LUN as on the wire
 * @cdb: its CDB
 * @len: of @cdb
 * @in_len: EDTL
 * @in: room for the data
 */
u32 run_cdb(struct conn *c, u64 lun, const u8 *cdb, u32 len, u32 in_len,
	    void *in)
{
	struct scsi io = { .lun = lun, .edtl = in_len, .in = in,
			   .flags = (in_len ? F_READ : 0) | ATTR_SIMPLE };

	memcpy(io.cdb, cdb, len);
	scsi_run(c, &io);
	return outcome(&io);
}

/**
 * pr_out_list() - PERSISTENT RESERVE OUT with any parameter list
 */
u32 pr_out_list(struct conn *c, u64 lun, u8 action, u8 scope_type,
		const void *list, u32 len)
{
	struct scsi io = { .lun = lun, .edtl = len, .out = list,
			   .flags = (len ? F_WRITE : 0) | ATTR_SIMPLE };

	io.cdb[0] = OP_PR_OUT;
	io.cdb[1] = action;
	io.cdb[2] = scope_type;
	put_be32(io.cdb + 5, len);
	scsi_run(c, &io);
	return outcome(&io);
}

/**
 * pr_out() - PERSISTENT RESERVE OUT with the usual parameter list
 */
u32 pr_out(struct conn *c, u64 lun, u8 action, u8 type, u64 key, u64 sark,
	   u8 flags)
{
	u8 list[24] = {};

	put_be64(list, key);
	put_be64(list + 8, sark);
	list[20] = flags;
	return pr_out_list(c, lun, action, type, list, sizeof(list));
}

/**
 * pr_in() - PERSISTENT RESERVE IN
 * @alloc: allocation length, also EDTL
 * @buf: room for that
 * @len: bytes that came; may be NULL
 */
u32 pr_in(struct conn *c, u64 lun, u8 action, u16 alloc, void *buf, u32 *len)
{
	struct scsi io = { .lun = lun, .edtl = alloc, .in = buf,
			   .flags = (alloc ? F_READ : 0) | ATTR_SIMPLE };

	io.cdb[0] = OP_PR_IN;
	io.cdb[1] = action;
	put_be16(io.cdb + 7, alloc);
	scsi_run(c, &io);
	if (len)
		*len = io.in_len;
	return outcome(&io);
}

static u32 must_read(struct conn *c, u64 lun, u8 action, u8 *buf, u32 size)
{
	u32 len = 0, ret = pr_in(c, lun, action, size, buf, &len);

	if (ret || len < 8)
		die("PERSISTENT RESERVE IN %u: %x, %u bytes", action, ret,
		    len);
	return len;
}

/**
 * pr_generation() - PRGENERATION
 */
u32 pr_generation(struct conn *c, u64 lun)
{
	u8 buf[8];

	must_read(c, lun, READ_KEYS, buf, sizeof(buf));
	return get_be32(buf);
}

/**
 * pr_keys() - all keys in the order given
 *
 * Return: how many there are.
 */
u32 pr_keys(struct conn *c, u64 lun, u64 *keys, u32 max)
{
	static u8 buf[65535];
	u32 len = must_read(c, lun, READ_KEYS, buf, sizeof(buf)), i, nr;

	nr = get_be32(buf + 4) / 8;
	if (get_be32(buf + 4) != len - 8 || len % 8)
		die("I03: additional length %u in %u bytes",
		    get_be32(buf + 4), len);
	for (i = 0; i < nr && i < max; i++)
		keys[i] = get_be64(buf + 8 + 8 * i);
	return nr;
}

/**
 * pr_reservation() - type of the reservation, 0 for none
 * @key: gets the key of the holder; may be NULL
 */
u8 pr_reservation(struct conn *c, u64 lun, u64 *key)
{
	u8 buf[64];
	u32 len = must_read(c, lun, READ_RESERVATION, buf, sizeof(buf));

	if (len == 8 && !get_be32(buf + 4))
		return 0;
	if (len != 24 || get_be32(buf + 4) != 16 || buf[21] >> 4)
		die("I04: %u bytes, additional length %u, scope and type %02x",
		    len, get_be32(buf + 4), buf[21]);
	if (key)
		*key = get_be64(buf + 8);
	return buf[21];
}

/**
 * pr_full_status() - all of READ FULL STATUS, checked
 *
 * Return: number of registrations.
 */
u32 pr_full_status(struct conn *c, u64 lun, struct pr_status *st, u32 max)
{
	static u8 buf[65535];
	u32 len = must_read(c, lun, READ_FULL_STATUS, buf, sizeof(buf));
	u32 pos = 8, nr = 0, add, id;

	if (get_be32(buf + 4) != len - 8)
		die("I06: additional length %u in %u bytes",
		    get_be32(buf + 4), len);
	for (; pos < len; pos += 24 + add, nr++) {
		const u8 *d = buf + pos;

		add = get_be32(d + 20);
		if (pos + 24 + add > len || d[24] != 0x45)
			die("I06: descriptor of %u bytes, protocol %02x", add,
			    d[24]);
		id = get_be16(d + 26);
		if (id + 4 != add || id < 20 || id % 4 ||
		    strnlen((const char *)d + 28, id) == id)
			die("G10: TransportID of %u in %u bytes", id, add);
		if (nr >= max)
			continue;
		st[nr] = (struct pr_status) {
			.key = get_be64(d), .all_tg_pt = d[12] & 2,
			.holder = d[12] & 1, .type = d[13],
			.rtpi = get_be16(d + 18),
		};
		snprintf(st[nr].id, sizeof(st[nr].id), "%s", d + 28);
	}
	return nr;
}

/**
 * pr_tid() - TransportID of an initiator port
 * @buf: 4 bytes and a multiple of 4 for the rest
 * @isid: NULL for the initiator device
 *
 * Return: its length.
 */
u32 pr_tid(u8 *buf, const char *name, const u8 *isid)
{
	char id[280] = "";
	u32 len;

	if (isid)
		len = snprintf(id, sizeof(id),
			       "%s,i,0x%02x%02x%02x%02x%02x%02x", name,
			       isid[0], isid[1], isid[2], isid[3], isid[4],
			       isid[5]) + 1;
	else
		len = snprintf(id, sizeof(id), "%s", name) + 1;
	len = (len + 3) & ~3;
	if (len < 20)
		len = 20;
	buf[0] = isid ? 0x45 : 0x05;
	buf[1] = 0;
	put_be16(buf + 2, len);
	memcpy(buf + 4, id, len);
	return 4 + len;
}

/**
 * attention() - TEST UNIT READY
 *
 * Return: 0, or what it ended with.
 */
u32 attention(struct conn *c, u64 lun)
{
	const u8 tur[6] = {};

	return run_cdb(c, lun, tur, sizeof(tur), 0, NULL);
}

/**
 * pr_wipe() - no registration, no reservation, no unit attention here
 */
void pr_wipe(struct conn *c, u64 lun)
{
	if (pr_out(c, lun, REGISTER_AND_IGNORE, 0, 0, 0xdead, 0) ||
	    pr_out(c, lun, CLEAR, 0, 0xdead, 0, 0))
		die("cannot clear the reservations of a test before");
	clear_unit_attentions(c, lun);
}
