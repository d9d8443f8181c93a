// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section G: names, numbers and pages by which a unit and its ports are
 * known, and what is answered to LUNs that are not there.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "harness.h"
#include "alua.h"

#define LUN0	lun_peripheral(0)
#define LUN1	lun_peripheral(1)
#define NO_LUN	lun_peripheral(77)

#define STD	(-1)		/* not a page, but standard INQUIRY data */

/* INQUIRY: @page or STD; @len gets the bytes that came. */
static u32 inquiry(struct conn *c, u64 lun, int page, u16 alloc, u8 *buf,
		   u32 *len)
{
	struct scsi io;
	u32 ret;

	scsi_cdb6(&io, lun, 0x12, alloc, buf);
	if (page != STD) {
		io.cdb[1] = 1;
		io.cdb[2] = page;
	}
	scsi_run(c, &io);
	ret = outcome(&io);
	*len = io.in_len;
	return ret;
}

/* A page that must be there, of the length that it says. */
static u32 page_get(struct conn *c, u64 lun, u8 page, u8 *buf, u16 size)
{
	u32 len;

	if (inquiry(c, lun, page, size, buf, &len) ||
	    buf[1] != page || len != 4U + get_be16(buf + 2))
		die("VPD page %02x: %u bytes, length %u", page, len,
		    get_be16(buf + 2));
	return len;
}

/* The designator of a type and association in VPD page 83h, or NULL. */
static const u8 *designator(const u8 *page, u8 association, u8 type)
{
	u32 end = 4 + get_be16(page + 2), at = 4;

	for (; at + 4 <= end; at += 4 + page[at + 3])
		if ((page[at + 1] & 0x30) == association << 4 &&
		    (page[at + 1] & 0xf) == type)
			return page + at;
	return NULL;
}

static bool name_is(const u8 *desc, const char *name)
{
	u8 len = desc[3];

	return len % 4 == 0 && len > strlen(name) &&
	       !strcmp((const char *)desc + 4, name);
}

TEST(G01_G02_names_of_device_and_port)
{
	struct conn *c = login_default();
	struct conn *d = login(LOGIN(.portal = env.portal2));
	char name[300];
	u8 buf[1024];
	const u8 *desc;

	page_get(c, LUN0, 0x83, buf, sizeof(buf));
	desc = designator(buf, 2, 8);
	ASSERT_NE(NULL, desc);
	ASSERT_EQ(0x53, desc[0]);
	ASSERT_EQ(0xa8, desc[1]);
	ASSERT_TRUE(name_is(desc, env.target));
	desc = designator(buf, 1, 8);
	ASSERT_NE(NULL, desc);
	ASSERT_EQ(0x53, desc[0]);
	ASSERT_EQ(0x98, desc[1]);
	snprintf(name, sizeof(name), "%s,t,0x0001", env.target);
	ASSERT_TRUE(name_is(desc, name));
	page_get(d, LUN0, 0x83, buf, sizeof(buf));
	snprintf(name, sizeof(name), "%s,t,0x0002", env.target);
	ASSERT_TRUE(name_is(designator(buf, 1, 8), name));
	ASSERT_TRUE(name_is(designator(buf, 2, 8), env.target));
}

static u16 rtpi_of(struct conn *c, u64 lun)
{
	const u8 *desc;
	u8 buf[1024];

	page_get(c, lun, 0x83, buf, sizeof(buf));
	desc = designator(buf, 1, 4);
	if (!desc || desc[3] != 4)
		die("no relative target port identifier");
	return get_be16(desc + 6);
}

TEST(G03_port_has_one_number_everywhere)
{
	struct group g[4], *g1, *g2;
	struct pr_status st[2];
	struct conn *c, *d;
	u16 one, two;
	u32 nr;

	groups_up();
	c = login_default();
	d = login(LOGIN(.portal = env.portal2));
	one = rtpi_of(c, LUN0);
	two = rtpi_of(d, LUN0);
	ASSERT_NE(0, one);
	ASSERT_NE(0, two);
	ASSERT_NE(one, two);
	/* Linked to other devices in another order. */
	ASSERT_EQ(one, rtpi_of(c, LUN1));
	nr = rtpg(c, g, 4);
	g1 = group_of(g, nr, G1);
	g2 = group_of(g, nr, G2);
	ASSERT_EQ(one, g1->ports[0]);
	ASSERT_EQ(two, g2->ports[0]);
	pr_wipe(c, LUN0);
	ASSERT_EQ(GOOD, pr_out(c, LUN0, REGISTER, 0, 0, 1, 0));
	clear_unit_attentions(d, LUN0);
	ASSERT_EQ(GOOD, pr_out(d, LUN0, REGISTER, 0, 0, 2, 0));
	ASSERT_EQ(2, pr_full_status(c, LUN0, st, 2));
	ASSERT_EQ(one, st[0].rtpi);
	ASSERT_EQ(two, st[1].rtpi);
	ASSERT_EQ(GOOD, pr_out(c, LUN0, CLEAR, 0, 1, 0, 0));
}

TEST(G04_H02_group_id_is_that_of_the_groups)
{
	struct conn *c, *d;
	const u8 *desc;
	u8 buf[1024];

	groups_up();
	c = login_default();
	d = login(LOGIN(.portal = env.portal2));
	page_get(c, LUN0, 0x83, buf, sizeof(buf));
	desc = designator(buf, 1, 5);
	ASSERT_NE(NULL, desc);
	ASSERT_EQ(G1, get_be16(desc + 6));
	page_get(d, LUN0, 0x83, buf, sizeof(buf));
	ASSERT_EQ(G2, get_be16(designator(buf, 1, 5) + 6));
}

TEST(G05_unit_has_the_same_name_through_every_port)
{
	struct conn *c = login_default();
	struct conn *d = login(LOGIN(.portal = env.portal2));
	const u8 *one, *two, *other;
	u8 a[1024], b[1024], e[1024];

	page_get(c, LUN0, 0x83, a, sizeof(a));
	page_get(d, LUN0, 0x83, b, sizeof(b));
	page_get(c, LUN1, 0x83, e, sizeof(e));
	one = designator(a, 0, 3);
	two = designator(b, 0, 3);
	other = designator(e, 0, 3);
	ASSERT_NE(NULL, one);
	ASSERT_EQ(16, one[3]);
	ASSERT_EQ(0, memcmp(one, two, 20));
	ASSERT_NE(0, memcmp(one, other, 20));
}

TEST(G06_scsi_ports_page)
{
	u32 len, at, nr = 0, found = 0;
	struct conn *c = login_default();
	struct conn *d = login(LOGIN(.portal = env.portal2));
	char name[300];
	u8 buf[1024];

	len = page_get(c, LUN0, 0x88, buf, sizeof(buf));
	for (at = 4; at < len; at += 12 + get_be16(buf + at + 10), nr++) {
		const u8 *port = buf + at;

		ASSERT_EQ(0, get_be16(port + 6));
		ASSERT_EQ(0x53, port[12]);
		ASSERT_EQ(0x98, port[13]);
		ASSERT_EQ(4 + port[15], get_be16(port + 10));
		snprintf(name, sizeof(name), "%s,t,0x0001", env.target);
		if (name_is(port + 12, name)) {
			ASSERT_EQ(rtpi_of(c, LUN0), get_be16(port + 2));
			found |= 1;
		}
		snprintf(name, sizeof(name), "%s,t,0x0002", env.target);
		if (name_is(port + 12, name)) {
			ASSERT_EQ(rtpi_of(d, LUN0), get_be16(port + 2));
			found |= 2;
		}
	}
	ASSERT_EQ(len, at);
	ASSERT_EQ(2, nr);
	ASSERT_EQ(3, found);
}

TEST(G07_pages_are_there_if_and_only_if_listed)
{
	struct conn *c = login_default();
	bool listed[256] = {};
	u8 list[256], buf[1024];
	u32 len, i, got;

	len = page_get(c, LUN0, 0x00, list, sizeof(list));
	for (i = 4; i < len; i++) {
		ASSERT_TRUE(i == 4 || list[i] > list[i - 1]);
		listed[list[i]] = true;
	}
	ASSERT_TRUE(listed[0x00] && listed[0x80] && listed[0x83] &&
		    listed[0x86]);
	for (i = 0; i < 256; i++) {
		if (listed[i]) {
			page_get(c, LUN0, i, buf, sizeof(buf));
			continue;
		}
		got = inquiry(c, LUN0, i, sizeof(buf), buf, &len);
		ASSERT_EQ(BAD_CDB, got) {
			TH_LOG("page %02x", i);
		}
	}
	/* Mode pages are one for all nexuses. */
	page_get(c, LUN0, 0x87, buf, sizeof(buf));
	ASSERT_EQ(4, get_be16(buf + 2));
	ASSERT_EQ(0x3f, buf[4]);
	ASSERT_EQ(0xff, buf[5]);
	ASSERT_EQ(0, buf[6]);
}

TEST(G08_no_protocol_specific_mode_pages)
{
	struct conn *c = login_default();
	u8 cdb[6] = { 0x1a, 0, 0x18, 0, 192 }, buf[192];

	ASSERT_EQ(BAD_CDB, run_cdb(c, LUN0, cdb, 6, 192, buf));
	cdb[2] = 0x19;
	ASSERT_EQ(BAD_CDB, run_cdb(c, LUN0, cdb, 6, 192, buf));
}

/* MODE SENSE(6) or (10) without block descriptors. */
static u32 mode_sense(struct conn *c, bool ten, u8 pc_page, u8 subpage,
		      u8 alloc, u8 *buf, u32 *len)
{
	struct scsi io;
	u32 ret;

	scsi_cdb6(&io, LUN0, ten ? 0x5a : 0x1a, alloc, buf);
	memset(io.cdb + 1, 0, 5);
	io.cdb[1] = 0x08;
	io.cdb[2] = pc_page;
	io.cdb[3] = subpage;
	io.cdb[ten ? 8 : 4] = alloc;
	scsi_run(c, &io);
	ret = outcome(&io);
	*len = io.in_len;
	return ret;
}

/* The pages in the answer: 0x100 * code + subcode of each. */
static u32 mode_pages(const u8 *buf, u32 at, u32 end, u16 *pages, u32 max)
{
	u32 nr = 0;

	for (; at + 4 <= end; nr++) {
		bool sub = buf[at] & 0x40;

		if (nr == max || buf[at] & 0x80)
			die("page %02x", buf[at]);
		pages[nr] = (buf[at] & 0x3f) << 8 | (sub ? buf[at + 1] : 0);
		at += sub ? 4 + get_be16(buf + at + 2) : 2 + buf[at + 1];
	}
	if (at != end)
		die("the last page ends at %u of %u", at, end);
	return nr;
}

TEST(H23_control_extension_page_and_its_neighbours)
{
	static const struct {
		u8 page, subpage;
		u16 pages[5];
	} asked[] = {
		{ 0x0a, 0x00, { 0x0a00 } },
		{ 0x0a, 0x01, { 0x0a01 } },
		{ 0x0a, 0xff, { 0x0a00, 0x0a01 } },
		{ 0x3f, 0x00, { 0x0100, 0x0800, 0x0a00, 0x1c00 } },
		{ 0x3f, 0xff, { 0x0100, 0x0800, 0x0a00, 0x0a01, 0x1c00 } },
	};
	struct conn *c = login_default();
	u8 buf[192], part[192];
	u32 i, len, got, nr, ten;
	u16 pages[5];

	for (i = 0; i < 2 * ARRAY_SIZE(asked); i++) {
		u32 head = (ten = i & 1) ? 8 : 4;

		ASSERT_EQ(GOOD, mode_sense(c, ten, asked[i / 2].page,
					   asked[i / 2].subpage, sizeof(buf),
					   buf, &len));
		ASSERT_EQ(len, ten ? get_be16(buf) + 2U : buf[0] + 1U);
		memset(pages, 0, sizeof(pages));
		nr = mode_pages(buf, head, len, pages, 5);
		ASSERT_EQ(0, memcmp(pages, asked[i / 2].pages, sizeof(pages)));
		ASSERT_TRUE(nr == 5 || !asked[i / 2].pages[nr]);
		/* The allocation length cuts, and changes nothing. */
		ASSERT_EQ(GOOD, mode_sense(c, ten, asked[i / 2].page,
					   asked[i / 2].subpage, 7, part,
					   &got));
		ASSERT_EQ(7, got);
		ASSERT_EQ(0, memcmp(buf, part, 7));
	}
	ASSERT_EQ(BAD_CDB, mode_sense(c, 0, 0x3f, 0x01, 192, buf, &len));
	ASSERT_EQ(BAD_CDB, mode_sense(c, 0, 0x0a, 0x02, 192, buf, &len));
	ASSERT_EQ(BAD_CDB, mode_sense(c, 0, 0x08, 0x01, 192, buf, &len));
	/* Saved values: there are none. */
	ASSERT_EQ(SENSE(5, 0x39, 0), mode_sense(c, 1, 0xca, 0x01, 192, buf,
						&len));
}

TEST(G09_standard_data)
{
	static const struct {
		const char *key;
		u16 descriptor;
	} levels[] = { { "iSCSIProtocolLevel=0", 0x0960 },
		       { "iSCSIProtocolLevel=1", 0x0961 },
		       { "iSCSIProtocolLevel=2", 0x0962 } };
	u8 buf[255], part[255];
	struct conn *c;
	u32 i, len;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		c = login_keys(levels[i].key);
		ASSERT_EQ(GOOD, inquiry(c, LUN0, STD, sizeof(buf), buf, &len));
		ASSERT_EQ(levels[i].descriptor, get_be16(buf + 60));
		logout(c);
		conn_close(c);
	}
	c = login_default();
	ASSERT_EQ(GOOD, inquiry(c, LUN0, STD, sizeof(buf), buf, &len));
	ASSERT_EQ(len, buf[4] + 5);
	ASSERT_EQ(0x00, buf[0]);
	ASSERT_EQ(0x06, buf[2]);
	ASSERT_EQ(0x02, buf[3] & 0xf);
	ASSERT_EQ(0, buf[5] & 0x80);		/* SCCS */
	ASSERT_EQ(0x10, buf[6] & 0x10);		/* MULTIP */
	ASSERT_EQ(0x02, buf[7] & 0x02);		/* CMDQUE */
	for (i = 0; i < 40; i++) {
		u32 got;

		ASSERT_EQ(GOOD, inquiry(c, LUN0, STD, i, part, &got));
		ASSERT_EQ(i, got);
		ASSERT_EQ(0, memcmp(part, buf, i));
	}
}

TEST(H01_tpgs_is_what_is_configured)
{
	static const char *const types[] = { "0", "1", "2", "3" };
	struct conn *c, *d;
	u8 buf[96];
	u32 i, len;

	groups_up();
	c = login_default();
	d = login(LOGIN(.portal = env.portal2));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		group_set(G1, "alua_access_type", types[i]);
		group_set(G2, "alua_access_type", types[i]);
		ASSERT_EQ(GOOD, inquiry(c, LUN0, STD, sizeof(buf), buf, &len));
		ASSERT_EQ(i, buf[5] >> 4 & 3);
		ASSERT_EQ(GOOD, inquiry(d, LUN0, STD, sizeof(buf), buf, &len));
		ASSERT_EQ(i, buf[5] >> 4 & 3);
	}
}

TEST(H15_unavailable_port_is_not_connected)
{
	struct conn *c, *d;
	u8 buf[96];
	u32 len;

	groups_up();
	c = login_default();
	d = login(LOGIN(.portal = env.portal2));
	ASSERT_EQ(GOOD, stpg(c, UNAVAILABLE, G2));
	ASSERT_EQ(GOOD, inquiry(c, LUN0, STD, sizeof(buf), buf, &len));
	ASSERT_EQ(0x00, buf[0]);
	ASSERT_EQ(GOOD, inquiry(d, LUN0, STD, sizeof(buf), buf, &len));
	ASSERT_EQ(0x20, buf[0]);
	ASSERT_EQ(GOOD, stpg(c, OPTIMIZED, G2));
	ASSERT_EQ(GOOD, inquiry(d, LUN0, STD, sizeof(buf), buf, &len));
	ASSERT_EQ(0x00, buf[0]);
}

/* ------------------------------------------------------------------ */
/* REPORT LUNS, and LUNs that are not there                            */
/* ------------------------------------------------------------------ */

static u32 report_luns(struct conn *c, u64 lun, u8 select, u32 alloc, u8 *buf,
		       u32 *len)
{
	struct scsi io = { .lun = lun, .edtl = alloc, .in = buf,
			   .flags = (alloc ? F_READ : 0) | ATTR_SIMPLE };

	io.cdb[0] = 0xa0;
	io.cdb[2] = select;
	put_be32(io.cdb + 6, alloc);
	scsi_run(c, &io);
	*len = io.in_len;
	return outcome(&io);
}

TEST(G13_select_report_and_allocation_length)
{
	struct conn *c = login(LOGIN(.initiator = env.initiator2));
	u8 all[256], buf[256];
	u32 len, alloc;

	/* Three LUNs, see setup.sh. */
	ASSERT_EQ(GOOD, report_luns(c, LUN0, 0, sizeof(all), all, &len));
	ASSERT_EQ(24, get_be32(all));
	ASSERT_EQ(32, len);
	ASSERT_EQ(GOOD, report_luns(c, LUN0, 2, sizeof(buf), buf, &len));
	ASSERT_EQ(32, len);
	ASSERT_EQ(0, memcmp(all, buf, len));
	/* No well known logical units. */
	ASSERT_EQ(GOOD, report_luns(c, LUN0, 1, sizeof(buf), buf, &len));
	ASSERT_EQ(8, len);
	ASSERT_EQ(0, get_be32(buf));
	ASSERT_EQ(BAD_CDB, report_luns(c, LUN0, 3, sizeof(buf), buf, &len));
	ASSERT_EQ(BAD_CDB, report_luns(c, LUN0, 0x10, sizeof(buf), buf, &len));
	for (alloc = 0; alloc <= 33; alloc++) {
		ASSERT_EQ(GOOD, report_luns(c, LUN0, 0, alloc, buf, &len));
		ASSERT_EQ(min_u32(alloc, 32), len);
		ASSERT_EQ(0, memcmp(all, buf, len));
	}
}

TEST(G13_who_asked_is_not_told_that_luns_changed)
{
	struct conn *a = login(LOGIN(.isid = 0x1311));
	struct conn *b = login(LOGIN(.isid = 0x1312));
	u8 buf[256];
	u32 len;

	env_map_lun(env.initiator, 9, 2, true);
	ASSERT_EQ(GOOD, report_luns(a, LUN0, 0, sizeof(buf), buf, &len));
	ASSERT_EQ(24, get_be32(buf));
	ASSERT_EQ(GOOD, attention(a, LUN0));
	ASSERT_EQ(GOOD, attention(a, LUN1));
	/* The other session has not asked. */
	ASSERT_EQ(ATTENTION(0x3f, 0x0e), attention(b, LUN0));
	ASSERT_EQ(ATTENTION(0x3f, 0x0e), attention(b, LUN1));
	env_map_lun(env.initiator, 9, 2, false);
	ASSERT_EQ(GOOD, report_luns(a, LUN0, 0, sizeof(buf), buf, &len));
	ASSERT_EQ(16, get_be32(buf));
	ASSERT_EQ(GOOD, attention(a, LUN0));
}

TEST(J15_G13_lun_that_is_not_there)
{
	u8 sense[] = { 0x03, 0, 0, 0, 252 }, buf[256], cap[10] = { 0x25 };
	struct conn *c = login_default();
	struct scsi io;
	u32 len;

	ASSERT_EQ(GOOD, inquiry(c, NO_LUN, STD, sizeof(buf) - 1, buf, &len));
	ASSERT_EQ(0x7f, buf[0]);
	ASSERT_EQ(len, buf[4] + 5);
	ASSERT_EQ(GOOD, inquiry(c, NO_LUN, 0, sizeof(buf) - 1, buf, &len));
	ASSERT_EQ(5, len);
	ASSERT_EQ(0x7f, buf[0]);
	ASSERT_EQ(1, get_be16(buf + 2));
	ASSERT_EQ(BAD_CDB, inquiry(c, NO_LUN, 0x83, 255, buf, &len));
	ASSERT_EQ(GOOD, report_luns(c, NO_LUN, 0, sizeof(buf), buf, &len));
	ASSERT_EQ(16, get_be32(buf));
	ASSERT_EQ(GOOD, run_cdb(c, NO_LUN, sense, 6, 252, buf));
	ASSERT_EQ(0x05, buf[2] & 0xf);
	ASSERT_EQ(0x25, buf[12]);
	/* Nothing else is. */
	ASSERT_EQ(SENSE(5, 0x25, 0), attention(c, NO_LUN));
	ASSERT_EQ(SENSE(5, 0x25, 0), run_cdb(c, NO_LUN, cap, 10, 8, buf));
	scsi_rw(&io, false, NO_LUN, 0, BLOCK, buf);
	rtpg_cdb(&io, 0, 64, buf);
	io.lun = NO_LUN;
	scsi_run(c, &io);
	ASSERT_EQ(SENSE(5, 0x25, 0), outcome(&io));
	/* And LUN 0 is not touched by it. */
	ASSERT_EQ(GOOD, attention(c, LUN0));
}

/* ------------------------------------------------------------------ */
/* what there is                                                       */
/* ------------------------------------------------------------------ */

static u32 opcodes(struct conn *c, u8 options, u8 opcode, u16 action,
		   u32 alloc, u8 *buf, u32 *len)
{
	struct scsi io = { .lun = LUN0, .edtl = alloc, .in = buf,
			   .flags = (alloc ? F_READ : 0) | ATTR_SIMPLE };

	io.cdb[0] = 0xa3;
	io.cdb[1] = 0x0c;
	io.cdb[2] = options;
	io.cdb[3] = opcode;
	put_be16(io.cdb + 4, action);
	put_be32(io.cdb + 6, alloc);
	scsi_run(c, &io);
	*len = io.in_len;
	return outcome(&io);
}

/* SUPPORT of a command, which may have a service action. */
static u8 support(struct conn *c, u8 opcode, u16 action)
{
	u8 buf[64];
	u32 len;

	if (opcodes(c, 3, opcode, action, sizeof(buf), buf, &len))
		die("opcode %02x/%x", opcode, action);
	return buf[1] & 7;
}

TEST(supported_operation_codes_one_by_one)
{
	struct conn *c = login_default();
	static u8 all[4096], timed[4096];
	u32 len, tlen, at, nr = 0;
	u8 one[64];

	ASSERT_EQ(GOOD, opcodes(c, 0, 0, 0, sizeof(all), all, &len));
	ASSERT_EQ(len, get_be32(all) + 4);
	for (at = 4; at < len; at += 8, nr++) {
		bool has_action = all[at + 5] & 1;
		u16 action = get_be16(all + at + 2);
		u32 got;

		ASSERT_EQ(GOOD, opcodes(c, has_action ? 2 : 1, all[at], action,
					sizeof(one), one, &got));
		ASSERT_EQ(3, one[1] & 7);
		ASSERT_EQ(get_be16(all + at + 6), get_be16(one + 2));
		ASSERT_EQ(4 + get_be16(one + 2), got);
		ASSERT_EQ(all[at], one[4]);
		/* The other way round it makes no sense. */
		ASSERT_EQ(BAD_CDB, opcodes(c, has_action ? 1 : 2, all[at],
					   action, sizeof(one), one, &got));
	}
	ASSERT_EQ(GOOD, opcodes(c, 0x80, 0, 0, sizeof(timed), timed, &tlen));
	ASSERT_EQ(4 + nr * 20, tlen);
	ASSERT_EQ(0x02, timed[4 + 5] & 0x02);
	ASSERT_EQ(0x0a, get_be16(timed + 12));
	ASSERT_EQ(GOOD, opcodes(c, 0x81, 0x28, 0, sizeof(one), one, &len));
	ASSERT_EQ(0x83, one[1]);
	ASSERT_EQ(4 + 10 + 12, len);
	ASSERT_EQ(BAD_CDB, opcodes(c, 4, 0, 0, sizeof(one), one, &len));
	ASSERT_EQ(GOOD, opcodes(c, 1, 0xff, 0, sizeof(one), one, &len));
	ASSERT_EQ(1, one[1]);
	ASSERT_EQ(4, len);
	ASSERT_EQ(GOOD, opcodes(c, 0, 0, 0, 3, one, &len));
	ASSERT_EQ(3, len);
	ASSERT_EQ(0, memcmp(all, one, 3));
}

TEST(supported_operation_codes_are_those_that_work)
{
	struct conn *c;

	groups_up();
	c = login_default();
	ASSERT_EQ(3, support(c, 0x28, 0));		/* READ(10) */
	ASSERT_EQ(3, support(c, 0x5f, 7));		/* REGISTER AND MOVE */
	ASSERT_EQ(1, support(c, 0x5f, 8));
	ASSERT_EQ(3, support(c, 0xa3, 0x0a));
	ASSERT_EQ(3, support(c, 0xa3, 0x0d));
	ASSERT_EQ(1, support(c, 0xa3, 0x0f));
	ASSERT_EQ(3, support(c, 0xa4, 0x0a));
	ASSERT_EQ(1, support(c, 0x4d, 0));		/* LOG SENSE */
	group_set(G1, "alua_access_type", "1");
	ASSERT_EQ(1, support(c, 0xa4, 0x0a));
	ASSERT_EQ(BAD_OPCODE, stpg(c, OPTIMIZED, G1));
}

static u32 functions(struct conn *c, u8 repd, u8 *buf, u32 *len)
{
	struct scsi io = { .lun = LUN0, .edtl = 64, .in = buf,
			   .flags = F_READ | ATTR_SIMPLE,
			   .cdb = { 0xa3, 0x0d, repd, [9] = 64 } };

	scsi_run(c, &io);
	*len = io.in_len;
	return outcome(&io);
}

TEST(supported_task_management_functions)
{
	struct conn *c = login_keys("iSCSIProtocolLevel=2"), *d;
	u8 buf[64];
	u32 len;

	/* All but CLEAR ACA and WAKEUP. */
	ASSERT_EQ(GOOD, functions(c, 0, buf, &len));
	ASSERT_EQ(4, len);
	ASSERT_EQ(0xde, buf[0]);
	ASSERT_EQ(0x07, buf[1]);
	ASSERT_EQ(GOOD, functions(c, 0x80, buf, &len));
	ASSERT_EQ(16, len);
	ASSERT_EQ(12, buf[3]);
	/* Those of RFC 7144 have not been negotiated. */
	d = login_keys("iSCSIProtocolLevel=1");
	ASSERT_EQ(GOOD, functions(d, 0, buf, &len));
	ASSERT_EQ(0xda, buf[0]);
	ASSERT_EQ(0x00, buf[1]);
}

/* The disk has no cache, and no protection information. */
TEST(verify_without_protection_and_dpo)
{
	struct conn *c = login_default();
	struct scsi io = { .lun = LUN0, .flags = ATTR_SIMPLE };
	static const u8 refused[] = { 0x10, 0x20, 0x80, 0xe0 };
	u32 i, op;

	for (op = 0x2f; op; op = op == 0x2f ? 0x8f : 0) {
		memset(io.cdb, 0, sizeof(io.cdb));
		io.cdb[0] = op;
		io.cdb[op == 0x2f ? 8 : 13] = 1;
		scsi_run(c, &io);
		ASSERT_EQ(GOOD, io.status);
		for (i = 0; i < ARRAY_SIZE(refused); i++) {
			io.cdb[1] = refused[i];
			scsi_run(c, &io);
			ASSERT_EQ(BAD_CDB, outcome(&io));
		}
	}
}

RAW_TEST_MAIN
