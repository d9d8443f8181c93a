// SPDX-License-Identifier: GPL-2.0
/*
 * Target port groups for tests.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "alua.h"

#define DISK		"../core/rd_mcp_7143/disk0"
#define MAINTENANCE_IN	0xa3
#define MAINTENANCE_OUT	0xa4
#define TARGET_PORT_GROUPS 0x0a

static const struct {
	const char *attribute;
	const char *value;
} defaults[] = {
	{ "alua_support_transitioning", "1" },
	{ "alua_support_offline", "1" },
	{ "alua_support_unavailable", "1" },
	{ "alua_support_standby", "1" },
	{ "alua_support_active_optimized", "1" },
	{ "alua_support_active_nonoptimized", "1" },
	{ "alua_access_type", "3" },
	{ "trans_delay_msecs", "0" },
	{ "implicit_trans_secs", "0" },
	{ "nonop_delay_msecs", "0" },
	{ "preferred", "0" },
	{ "alua_access_state", "0" },
	{ "alua_access_status", "0" },
};

static void group_path(char *path, size_t size, int group,
		       const char *attribute)
{
	snprintf(path, size, DISK "/alua/g%d/%s", group, attribute);
}

/**
 * group_try() - write an attribute of a group that may be refused
 * @group: G1 or G2
 *
 * Return: 0 or errno.
 */
int group_try(int group, const char *attribute, const char *value)
{
	char path[PATH_MAX];

	group_path(path, sizeof(path), group, attribute);
	return configfs_try(path, value);
}

/**
 * group_set() - write an attribute of a group
 * @group: G1 or G2
 */
void group_set(int group, const char *attribute, const char *value)
{
	int err = group_try(group, attribute, value);

	if (err)
		die("%s to %s of group %d: %s", value, attribute, group,
		    strerror(err));
}

/**
 * group_get() - read an attribute of a group
 * @group: G1 or G2
 */
void group_get(int group, const char *attribute, char *buf, size_t size)
{
	char path[PATH_MAX];
	int err;

	group_path(path, sizeof(path), group, attribute);
	err = configfs_read(path, buf, size);
	if (err)
		die("%s: %s", path, strerror(err));
}

/**
 * group_remove() - remove a group; its ports are in the default one then
 * @group: G1 or G2
 */
void group_remove(int group)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" DISK "/alua/g%d", env.configfs,
		 group);
	if (rmdir(path))
		die("%s: %s", path, strerror(errno));
}

/**
 * lun_set() - write an attribute of the disk's LUN
 * @tpgt: in this portal group
 */
void lun_set(int tpgt, const char *attribute, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/tpgt_%d/lun/lun_0/%s", env.target,
		 tpgt, attribute);
	configfs_write(path, value);
}

/**
 * group_create() - a group without ports, if it is not there, all at its default
 */
void group_create(int group)
{
	char dir[PATH_MAX], number[16];
	size_t i;

	snprintf(dir, sizeof(dir), "%s/" DISK "/alua/g%d", env.configfs, group);
	if (!mkdir(dir, 0755)) {
		snprintf(number, sizeof(number), "%d", group);
		group_set(group, "tg_pt_gp_id", number);
	} else if (errno != EEXIST) {
		die("%s: %s", dir, strerror(errno));
	}
	for (i = 0; i < ARRAY_SIZE(defaults); i++)
		group_set(group, defaults[i].attribute, defaults[i].value);
}

static void group_up(int group, int tpgt)
{
	char name[16];

	group_create(group);
	snprintf(name, sizeof(name), "g%d", group);
	lun_set(tpgt, "alua_tg_pt_gp", name);
	lun_set(tpgt, "alua_tg_pt_offline", "0");
	lun_set(tpgt, "alua_tg_pt_status", "0");
}

/**
 * groups_up() - both groups with their ports, everything else at its default
 */
void groups_up(void)
{
	group_up(G1, 1);
	group_up(G2, 2);
}

/**
 * rtpg_cdb() - make a REPORT TARGET PORT GROUPS
 * @format: PARAMETER DATA FORMAT, in place
 * @alloc: allocation length, also EDTL
 */
void rtpg_cdb(struct scsi *io, u8 format, u32 alloc, void *buf)
{
	*io = (struct scsi) { .edtl = alloc, .in = buf,
			      .flags = (alloc ? F_READ : 0) | ATTR_SIMPLE };
	io->cdb[0] = MAINTENANCE_IN;
	io->cdb[1] = TARGET_PORT_GROUPS | format;
	put_be32(io->cdb + 6, alloc);
}

static u32 group_parse(struct group *g, const u8 *desc, u32 left)
{
	u32 i;

	if (left < 8 || left < 8U + 4 * desc[7] || desc[7] > 8)
		die("H05: descriptor with %u ports in %u bytes",
		    left < 8 ? 0 : desc[7], left);
	g->state = desc[0] & 0xf;
	g->pref = desc[0] & 0x80;
	g->supported = desc[1];
	g->id = get_be16(desc + 2);
	g->status = desc[5];
	g->nr_ports = desc[7];
	for (i = 0; i < g->nr_ports; i++)
		g->ports[i] = get_be16(desc + 8 + 4 * i + 2);
	if ((desc[0] & 0x70) || desc[4])
		die("H05: reserved bits %02x %02x", desc[0], desc[4]);
	return 8 + 4 * g->nr_ports;
}

/**
 * rtpg() - REPORT TARGET PORT GROUPS, parsed
 * @c: the connection, with no other task
 * @groups: room for @max groups
 *
 * Return: how many groups there are.
 */
u32 rtpg(struct conn *c, struct group *groups, u32 max)
{
	u32 at = 4, nr = 0;
	struct scsi io;
	u8 buf[512];

	rtpg_cdb(&io, 0, sizeof(buf), buf);
	scsi_run(c, &io);
	if (outcome(&io) || io.in_len < 4 || get_be32(buf) != io.in_len - 4)
		die("REPORT TARGET PORT GROUPS: %x, %u bytes", outcome(&io),
		    io.in_len);
	for (; at < io.in_len; nr++) {
		if (nr == max)
			die("more than %u groups", max);
		at += group_parse(&groups[nr], buf + at, io.in_len - at);
	}
	return nr;
}

/**
 * group_of() - the group with an id
 *
 * Return: it, or NULL.
 */
struct group *group_of(struct group *groups, u32 nr, u16 id)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

/**
 * group_state() - the state of a group as REPORT TARGET PORT GROUPS has it
 */
u8 group_state(struct conn *c, u16 id)
{
	struct group groups[8], *g;

	g = group_of(groups, rtpg(c, groups, ARRAY_SIZE(groups)), id);
	if (!g)
		die("no group %u", id);
	return g->state;
}

/**
 * stpg_cdb() - make a SET TARGET PORT GROUPS
 */
void stpg_cdb(struct scsi *io, const void *list, u32 len)
{
	*io = (struct scsi) { .edtl = len, .out = list,
			      .flags = (len ? F_WRITE : 0) | ATTR_SIMPLE };
	io->cdb[0] = MAINTENANCE_OUT;
	io->cdb[1] = TARGET_PORT_GROUPS;
	put_be32(io->cdb + 6, len);
}

/**
 * stpg_list() - SET TARGET PORT GROUPS with any parameter list
 *
 * Return: see outcome().
 */
u32 stpg_list(struct conn *c, const void *list, u32 len)
{
	struct scsi io;

	stpg_cdb(&io, list, len);
	scsi_run(c, &io);
	return outcome(&io);
}

/**
 * stpg_desc() - one descriptor of SET TARGET PORT GROUPS
 */
void stpg_desc(u8 *desc, u8 state, u16 id)
{
	memset(desc, 0, 4);
	desc[0] = state;
	put_be16(desc + 2, id);
}

/**
 * stpg() - SET TARGET PORT GROUPS for one group
 *
 * Return: see outcome().
 */
u32 stpg(struct conn *c, u8 state, u16 id)
{
	u8 list[8] = {};

	stpg_desc(list + 4, state, id);
	return stpg_list(c, list, sizeof(list));
}
