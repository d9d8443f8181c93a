// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section H: target port groups.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "harness.h"
#include "alua.h"

#define LUN0	lun_peripheral(0)
#define LUN1	lun_peripheral(1)

/* A port of group G1, and one of group G2. */
static struct conn *login1(const char *initiator)
{
	return login(LOGIN(.initiator = initiator));
}

static struct conn *login2(void)
{
	return login(LOGIN(.portal = env.portal2));
}

/* Wait until a condition is reported. */
static u32 attention_in_time(struct conn *c)
{
	u64 end = now_ms() + DEADLINE_MS;
	u32 got;

	do {
		got = attention(c, LUN0);
	} while (!got && now_ms() < end);
	return got;
}

TEST(H05_one_descriptor_for_each_group_with_its_ports)
{
	struct group g[4], *g1, *g2;
	struct conn *c;

	groups_up();
	group_set(G2, "alua_support_unavailable", "0");
	group_set(G2, "alua_access_state", "1");
	c = login1(NULL);
	/* The default group has no ports. */
	ASSERT_EQ(2, rtpg(c, g, 4));
	g1 = group_of(g, 2, G1);
	g2 = group_of(g, 2, G2);
	ASSERT_NE(NULL, g1);
	ASSERT_NE(NULL, g2);
	ASSERT_EQ(OPTIMIZED, g1->state);
	ASSERT_EQ(0xcf, g1->supported);
	ASSERT_EQ(NON_OPTIMIZED, g2->state);
	ASSERT_EQ(0xc7, g2->supported);
	ASSERT_EQ(1, g1->nr_ports);
	ASSERT_EQ(1, g2->nr_ports);
	ASSERT_NE(0, g1->ports[0]);
	ASSERT_NE(0, g2->ports[0]);
	ASSERT_NE(g1->ports[0], g2->ports[0]);
}

TEST(H02_set_target_port_groups_needs_explicit)
{
	struct conn *c;

	groups_up();
	group_set(G1, "alua_access_type", "1");
	c = login1(NULL);
	ASSERT_EQ(BAD_OPCODE, stpg(c, STANDBY, G1));
	/* Nor is a group changed that does not allow it. */
	group_set(G1, "alua_access_type", "3");
	group_set(G2, "alua_access_type", "1");
	ASSERT_EQ(BAD_PARAMETER, stpg(c, STANDBY, G2));
	ASSERT_EQ(OPTIMIZED, group_state(c, G1));
	ASSERT_EQ(OPTIMIZED, group_state(c, G2));
}

/* All of the data, and what comes with other allocation lengths. */
static void check_cuts(struct conn *c, u8 format, u32 header)
{
	static const u32 lengths[] = { 0, 1, 3, 4, 5, 8, 11, 12, 27, 28, 29 };
	u8 whole[256] = {}, part[256];
	struct scsi io;
	size_t i;

	rtpg_cdb(&io, format, sizeof(whole), whole);
	scsi_run(c, &io);
	if (outcome(&io) || io.in_len != header + 24 ||
	    get_be32(whole) != io.in_len - 4)
		die("%x: %u bytes, length %u", outcome(&io), io.in_len,
		    get_be32(whole));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		u32 want = min_u32(lengths[i], header + 24);

		rtpg_cdb(&io, format, lengths[i], part);
		scsi_run(c, &io);
		if (outcome(&io) || io.in_len != want ||
		    memcmp(part, whole, want))
			die("allocation length %u: %x, %u bytes", lengths[i],
			    outcome(&io), io.in_len);
	}
}

TEST(H03_allocation_length_cuts_and_changes_nothing)
{
	groups_up();
	check_cuts(login1(NULL), 0, 4);
}

TEST(H04_extended_header)
{
	struct conn *c, *d;
	struct scsi io;
	u8 buf[64];

	groups_up();
	group_set(G1, "implicit_trans_secs", "17");
	group_set(G2, "implicit_trans_secs", "18");
	c = login1(NULL);
	check_cuts(c, 0x20, 8);
	rtpg_cdb(&io, 0x20, sizeof(buf), buf);
	scsi_run(c, &io);
	ASSERT_EQ(0x10, buf[4]);
	ASSERT_EQ(17, buf[5]);
	/* Of the port that is asked. */
	d = login2();
	scsi_run(d, &io);
	ASSERT_EQ(18, buf[5]);
	rtpg_cdb(&io, 0x40, sizeof(buf), buf);
	scsi_run(c, &io);
	ASSERT_EQ(BAD_CDB, outcome(&io));
}

TEST(H06_status_code_says_who_changed_it)
{
	struct group g[4];
	struct conn *c;
	u32 nr;

	groups_up();
	c = login1(NULL);
	nr = rtpg(c, g, 4);
	ASSERT_EQ(0, group_of(g, nr, G1)->status);
	ASSERT_EQ(GOOD, stpg(c, NON_OPTIMIZED, G1));
	/* Of other groups than its own a nexus hears in time, not at once. */
	group_set(G2, "alua_access_state", "2");
	ASSERT_EQ(ALUA_CHANGED, attention_in_time(c));
	nr = rtpg(c, g, 4);
	ASSERT_EQ(1, group_of(g, nr, G1)->status);
	ASSERT_EQ(2, group_of(g, nr, G2)->status);
	group_set(G1, "alua_access_state", "0");
	ASSERT_EQ(ALUA_CHANGED, attention_in_time(c));
	nr = rtpg(c, g, 4);
	ASSERT_EQ(2, group_of(g, nr, G1)->status);
}

TEST(H07_same_answer_through_every_port_in_every_state)
{
	u8 one[128] = {}, two[128] = {}, state;
	struct scsi io1, io2;
	struct conn *c, *d;

	groups_up();
	c = login1(NULL);
	d = login2();
	for (state = OPTIMIZED; state <= UNAVAILABLE; state++) {
		ASSERT_EQ(GOOD, stpg(c, state, G2));
		clear_unit_attentions(c, LUN0);
		if (state != OPTIMIZED)
			ASSERT_EQ(ALUA_CHANGED, attention(d, LUN0));
		rtpg_cdb(&io1, 0, sizeof(one), one);
		scsi_run(c, &io1);
		rtpg_cdb(&io2, 0, sizeof(two), two);
		scsi_run(d, &io2);
		ASSERT_EQ(GOOD, outcome(&io1));
		ASSERT_EQ(GOOD, outcome(&io2));
		ASSERT_EQ(io1.in_len, io2.in_len);
		ASSERT_EQ(0, memcmp(one, two, io1.in_len));
		ASSERT_EQ(state, group_state(d, G2));
	}
}

TEST(H08_parameter_list_length)
{
	u8 list[4096] = {};
	struct conn *c;

	groups_up();
	c = login1(NULL);
	stpg_desc(list + 4, STANDBY, G2);
	ASSERT_EQ(GOOD, stpg_list(c, list, 0));
	ASSERT_EQ(BAD_CDB, stpg_list(c, list, 2));
	ASSERT_EQ(GOOD, stpg_list(c, list, 4));
	ASSERT_EQ(BAD_CDB, stpg_list(c, list, 6));
	ASSERT_EQ(BAD_CDB, stpg_list(c, list, 9));
	ASSERT_EQ(BAD_CDB, stpg_list(c, list, sizeof(list)));
	ASSERT_EQ(OPTIMIZED, group_state(c, G2));
	ASSERT_EQ(GOOD, stpg_list(c, list, 8));
	ASSERT_EQ(STANDBY, group_state(c, G2));
}

TEST(H09_H17_bad_descriptor_changes_nothing)
{
	static const struct {
		u8 state;
		u16 id;
	} bad[] = {
		{ LBA_DEPENDENT, G1 },	/* H17: LBD_SUP is 0 */
		{ 5, G1 }, { 0xd, G1 }, { TRANSITIONING, G1 },
		{ UNAVAILABLE, G1 },	/* not supported, see below */
		{ STANDBY, 0 },		/* no ports */
		{ STANDBY, 4711 }, { STANDBY, 0xffff },
		{ OFFLINE, 4711 },
		{ NON_OPTIMIZED, G2 },	/* contradicts the first one */
	};
	u8 list[12] = {};
	struct conn *c;
	size_t i;

	groups_up();
	group_set(G1, "alua_support_unavailable", "0");
	c = login1(NULL);
	stpg_desc(list + 4, STANDBY, G2);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		stpg_desc(list + 8, bad[i].state, bad[i].id);
		ASSERT_EQ(BAD_PARAMETER, stpg_list(c, list, sizeof(list))) {
			TH_LOG("state %x of %u", bad[i].state, bad[i].id);
		}
		ASSERT_EQ(OPTIMIZED, group_state(c, G1));
		ASSERT_EQ(OPTIMIZED, group_state(c, G2));
	}
}

/*
 * A transition lasts as long as all that is tried during it may take on a slow
 * machine.
 */
#define TRANSITION_MS	4000

static void group_set_slow(int group)
{
	char ms[16];

	snprintf(ms, sizeof(ms), "%u", TRANSITION_MS);
	group_set(group, "trans_delay_msecs", ms);
}

/* A SET TARGET PORT GROUPS that takes its time, under way. */
static void begin_stpg(struct conn *c, struct conn *other, struct scsi *io,
		       u8 *list)
{
	u64 end = now_ms() + DEADLINE_MS;

	stpg_cdb(io, list, 8);
	scsi_send(c, io);
	while (group_state(other, G2) != TRANSITIONING)
		if (now_ms() > end)
			die("group %u is not in transition", G2);
}

TEST(H11_H18_good_after_the_transition)
{
	u8 list[8] = {}, buf[64], cap[10] = { 0x25 };
	struct conn *c, *d, *e;
	struct scsi io, slow;
	u64 start;

	groups_up();
	group_set_slow(G2);
	c = login1(NULL);
	d = login2();
	e = login1(env.initiator2);
	stpg_desc(list + 4, NON_OPTIMIZED, G2);
	start = now_ms();
	begin_stpg(c, d, &slow, list);
	/* Its ports are in transition, the others are not. */
	ASSERT_EQ(IN_TRANSITION, attention(d, LUN0));
	ASSERT_EQ(IN_TRANSITION, run_cdb(d, LUN0, cap, 10, 8, buf));
	scsi_rw(&io, false, LUN0, 0, BLOCK, buf);
	ASSERT_EQ(GOOD, attention(e, LUN0));
	/* INQUIRY, REPORT LUNS and REQUEST SENSE are served. */
	scsi_cdb6(&io, LUN0, 0x12, 36, buf);
	scsi_run(d, &io);
	ASSERT_EQ(GOOD, outcome(&io));
	io = (struct scsi) { .edtl = 64, .in = buf,
			     .flags = F_READ | ATTR_SIMPLE,
			     .cdb = { 0xa0, [9] = 64 } };
	scsi_run(d, &io);
	ASSERT_EQ(GOOD, outcome(&io));
	scsi_cdb6(&io, LUN0, 0x03, 18, buf);
	io.cdb[3] = 0;
	io.cdb[4] = 18;
	scsi_run(d, &io);
	ASSERT_EQ(GOOD, outcome(&io));
	/* A second one does not get in between. */
	ASSERT_EQ(IN_TRANSITION, stpg(e, STANDBY, G2));
	scsi_wait(c, &slow);
	ASSERT_EQ(GOOD, outcome(&slow));
	ASSERT_GE(now_ms() - start, TRANSITION_MS);
	ASSERT_EQ(NON_OPTIMIZED, group_state(c, G2));
	ASSERT_EQ(ALUA_CHANGED, attention(d, LUN0));
	ASSERT_EQ(GOOD, attention(d, LUN0));
}

TEST(H10_group_that_is_gone_at_the_end_of_its_transition)
{
	struct conn *c, *e;
	struct scsi slow;
	u8 list[8] = {};

	groups_up();
	group_set_slow(G2);
	c = login1(NULL);
	e = login1(env.initiator2);
	stpg_desc(list + 4, STANDBY, G2);
	begin_stpg(c, e, &slow, list);
	group_remove(G2);
	scsi_wait(c, &slow);
	ASSERT_EQ(STPG_FAILED, outcome(&slow));
	groups_up();
}

TEST(H11_two_nexuses_at_once)
{
	u8 one[12] = {}, two[12] = {};
	struct conn *c, *d;
	struct scsi a, b;
	int i;

	groups_up();
	c = login1(NULL);
	d = login1(env.initiator2);
	stpg_desc(one + 4, STANDBY, G2);
	stpg_desc(one + 8, NON_OPTIMIZED, G1);
	stpg_desc(two + 4, UNAVAILABLE, G2);
	stpg_desc(two + 8, OPTIMIZED, G1);
	for (i = 0; i < 50; i++) {
		u8 state;

		clear_unit_attentions(c, LUN0);
		clear_unit_attentions(d, LUN0);
		stpg_cdb(&a, one, sizeof(one));
		stpg_cdb(&b, two, sizeof(two));
		scsi_send(c, &a);
		scsi_send(d, &b);
		scsi_wait(c, &a);
		scsi_wait(d, &b);
		clear_unit_attentions(c, LUN0);
		/* One was last, and both of its groups are as it said. */
		state = group_state(c, G2);
		ASSERT_TRUE(state == STANDBY || state == UNAVAILABLE);
		ASSERT_EQ(state == STANDBY ? NON_OPTIMIZED : OPTIMIZED,
			  group_state(c, G1));
	}
}

TEST(H12_set_target_port_groups_conflicts)
{
	static const struct {
		u8 type;
		u32 registrant;
	} types[] = { { WE, CONFLICT }, { EA, CONFLICT }, { WE_RO, GOOD },
		      { EA_RO, GOOD }, { WE_AR, GOOD }, { EA_AR, GOOD } };
	struct conn *c, *d;
	size_t i;

	groups_up();
	c = login1(NULL);
	d = login1(env.initiator2);
	pr_wipe(c, LUN0);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(GOOD, pr_out(c, LUN0, REGISTER, 0, 0, 1, 0));
		ASSERT_EQ(GOOD, pr_out(c, LUN0, RESERVE, types[i].type, 1, 0,
				       0));
		ASSERT_EQ(CONFLICT, stpg(d, STANDBY, G2));
		ASSERT_EQ(OPTIMIZED, group_state(c, G2));
		ASSERT_EQ(GOOD, pr_out(d, LUN0, REGISTER, 0, 0, 2, 0));
		ASSERT_EQ(types[i].registrant, stpg(d, OPTIMIZED, G2));
		ASSERT_EQ(GOOD, pr_out(c, LUN0, CLEAR, 0, 1, 0, 0));
		clear_unit_attentions(d, LUN0);
	}
}

TEST(H13_active_states_have_every_command)
{
	u8 buf[BLOCK], cdb[16];
	struct conn *c, *d;
	u8 state;

	groups_up();
	c = login1(NULL);
	d = login2();
	for (state = OPTIMIZED; state <= NON_OPTIMIZED; state++) {
		ASSERT_EQ(GOOD, stpg(c, state, G2));
		clear_unit_attentions(d, LUN0);
		fill_pattern(buf, BLOCK, state);
		scsi_write(d, LUN0, 50, buf, BLOCK);
		scsi_read(d, LUN0, 50, buf, BLOCK);
		memset(cdb, 0, sizeof(cdb));
		cdb[0] = 0x35;	/* SYNCHRONIZE CACHE */
		ASSERT_EQ(GOOD, run_cdb(d, LUN0, cdb, 10, 0, NULL));
		cdb[0] = 0x25;	/* READ CAPACITY */
		ASSERT_EQ(GOOD, run_cdb(d, LUN0, cdb, 10, 8, buf));
		ASSERT_EQ(GOOD, pr_in(d, LUN0, READ_KEYS, 8, buf, NULL));
	}
}

/* What is allowed where: by CDB, in the states standby and unavailable. */
static const struct {
	u8 cdb[16];
	u32 edtl;
	bool standby;
	bool unavailable;
} commands[] = {
	{ { 0x00 }, 0, false, false },			/* TEST UNIT READY */
	{ { 0x03, [4] = 18 }, 18, true, true },		/* REQUEST SENSE */
	{ { 0x12, [4] = 36 }, 36, true, true },		/* INQUIRY */
	{ { 0x1a, 0, 0x3f, 0, 192 }, 192, true, false }, /* MODE SENSE(6) */
	{ { 0x5a, 0, 0x3f, [8] = 192 }, 192, true, false }, /* (10) */
	{ { 0x15, 0x10 }, 0, true, false },		/* MODE SELECT(6) */
	{ { 0x55, 0x10 }, 0, true, false },		/* (10) */
	{ { 0x25 }, 8, true, false },			/* READ CAPACITY(10) */
	{ { 0x9e, 0x10, [13] = 32 }, 32, true, false },	/* (16) */
	{ { 0x28, [8] = 1 }, BLOCK, false, false },	/* READ(10) */
	{ { 0x35 }, 0, false, false },			/* SYNCHRONIZE CACHE */
	{ { 0x16 }, 0, false, false },			/* RESERVE(6) */
	{ { 0x5e, 0, [8] = 8 }, 8, true, false },	/* PR IN */
	{ { 0xa0, [9] = 16 }, 16, true, true },		/* REPORT LUNS */
	{ { 0xa3, 0x0a, [9] = 64 }, 64, true, true },	/* RTPG */
	{ { 0xa4, 0x0a }, 0, true, true },		/* STPG */
};

static void run_commands(struct conn *c, bool standby)
{
	u8 buf[BLOCK];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		bool good = standby ? commands[i].standby :
				      commands[i].unavailable;
		u32 refused = standby ? IN_STANDBY : IN_UNAVAILABLE;
		u32 got = run_cdb(c, LUN0, commands[i].cdb, 16,
				  commands[i].edtl, buf);

		if (got != (good ? GOOD : refused))
			die("command %02x %02x: %06x", commands[i].cdb[0],
			    commands[i].cdb[1], got);
	}
}

/* Write commands are refused, and nothing is written. */
static void check_write(struct conn *active, struct conn *c, u32 refused)
{
	u8 old[BLOCK], new[BLOCK], back[BLOCK];
	struct scsi io;

	fill_pattern(old, BLOCK, 1);
	fill_pattern(new, BLOCK, 2);
	scsi_write(active, LUN0, 60, old, BLOCK);
	scsi_rw(&io, true, LUN0, 60, BLOCK, new);
	scsi_run(c, &io);
	if (outcome(&io) != refused || io.residual != BLOCK)
		die("WRITE: %06x, residual %u", outcome(&io), io.residual);
	scsi_read(active, LUN0, 60, back, BLOCK);
	if (memcmp(back, old, BLOCK))
		die("the block was written");
}

TEST(H14_standby)
{
	struct conn *c, *d;

	groups_up();
	c = login1(NULL);
	d = login2();
	ASSERT_EQ(GOOD, stpg(c, STANDBY, G2));
	ASSERT_EQ(ALUA_CHANGED, attention(d, LUN0));
	run_commands(d, true);
	check_write(c, d, IN_STANDBY);
	ASSERT_EQ(GOOD, pr_out(d, LUN0, REGISTER, 0, 0, 0x14, 0));
	ASSERT_EQ(GOOD, pr_out(d, LUN0, REGISTER, 0, 0x14, 0, 0));
	ASSERT_EQ(TMF_DONE, tmf(d, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	clear_unit_attentions(c, LUN0);
	/* And back, by the port itself. */
	ASSERT_EQ(ATTENTION(0x29, 3), attention(d, LUN0));
	ASSERT_EQ(GOOD, stpg(d, OPTIMIZED, G2));
	ASSERT_EQ(GOOD, attention(d, LUN0));
}

TEST(H15_unavailable)
{
	struct conn *c, *d;

	groups_up();
	c = login1(NULL);
	d = login2();
	ASSERT_EQ(GOOD, stpg(c, UNAVAILABLE, G2));
	ASSERT_EQ(ALUA_CHANGED, attention(d, LUN0));
	run_commands(d, false);
	check_write(c, d, IN_UNAVAILABLE);
	ASSERT_EQ(GOOD, stpg(d, OPTIMIZED, G2));
	ASSERT_EQ(GOOD, attention(d, LUN0));
}

TEST(H18_implicit_transition_is_held)
{
	struct conn *c, *d;

	groups_up();
	c = login1(NULL);
	d = login2();
	group_set(G2, "alua_access_state", "15");
	ASSERT_EQ(IN_TRANSITION, attention_in_time(d));
	ASSERT_EQ(TRANSITIONING, group_state(c, G2));
	ASSERT_EQ(GOOD, attention(c, LUN0));
	group_set(G2, "alua_access_state", "0");
	ASSERT_EQ(ALUA_NOT_CHANGED, attention(d, LUN0));
	ASSERT_EQ(GOOD, attention(d, LUN0));
}

TEST(H07_who_has_no_transitions_is_in_none)
{
	struct conn *c;

	groups_up();
	c = login1(NULL);
	group_set(G2, "alua_access_state", "15");
	group_set(G2, "alua_support_transitioning", "0");
	ASSERT_EQ(OPTIMIZED, group_state(c, G2));
	group_set(G2, "alua_access_state", "0");
}

TEST(H16_offline_ports_are_a_group_of_their_own)
{
	struct group g[4], *off;
	struct conn *c;
	u16 rtpi;
	u32 nr;

	groups_up();
	c = login1(NULL);
	nr = rtpg(c, g, 4);
	ASSERT_EQ(2, nr);
	rtpi = group_of(g, nr, G2)->ports[0];
	ASSERT_EQ(GOOD, stpg(c, OFFLINE, rtpi));
	nr = rtpg(c, g, 4);
	ASSERT_EQ(3, nr);
	off = &g[2];
	ASSERT_EQ(OFFLINE, off->state);
	ASSERT_NE(G1, off->id);
	ASSERT_NE(G2, off->id);
	ASSERT_EQ(1, off->nr_ports);
	ASSERT_EQ(rtpi, off->ports[0]);
	ASSERT_EQ(1, off->status);
	lun_set(2, "alua_tg_pt_offline", "0");
	ASSERT_EQ(2, rtpg(c, g, 4));
}

TEST(H19_preferred_is_independent_of_the_state)
{
	struct group g[4];
	struct conn *c;
	u8 state;
	u32 nr;

	groups_up();
	group_set(G2, "preferred", "1");
	c = login1(NULL);
	for (state = OPTIMIZED; state <= UNAVAILABLE; state++) {
		ASSERT_EQ(GOOD, stpg(c, state, G2));
		nr = rtpg(c, g, 4);
		ASSERT_TRUE(group_of(g, nr, G2)->pref);
		ASSERT_FALSE(group_of(g, nr, G1)->pref);
		ASSERT_EQ(state, group_of(g, nr, G2)->state);
	}
}

TEST(H20_implicit_change_is_told_once_to_every_nexus)
{
	struct conn *c[3];
	int group, i, j;

	groups_up();
	c[0] = login1(NULL);
	c[1] = login1(env.initiator2);
	c[2] = login2();
	for (group = G1; group <= G2; group++) {
		for (i = 0; i < 2; i++) {
			group_set(group, "alua_access_state", i ? "0" : "1");
			for (j = 2; j >= 0; j--)
				ASSERT_EQ(ALUA_CHANGED,
					  attention_in_time(c[j]));
			for (j = 0; j < 3; j++)
				ASSERT_EQ(GOOD, attention(c[j], LUN0));
		}
	}
	/* The state that it is in already is no change. */
	group_set(G1, "alua_access_state", "0");
	for (j = 0; j < 3; j++)
		ASSERT_EQ(GOOD, attention(c[j], LUN0));
}

TEST(H21_explicit_change_is_told_to_everybody_else)
{
	struct conn *c[4];
	int i;

	groups_up();
	c[0] = login1(NULL);
	c[1] = login1(env.initiator2);
	c[2] = login2();
	c[3] = login1(NULL);	/* another nexus of the first initiator */
	ASSERT_EQ(GOOD, stpg(c[0], NON_OPTIMIZED, G1));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(i ? ALUA_CHANGED : GOOD, attention(c[i], LUN0));
		ASSERT_EQ(GOOD, attention(c[i], LUN0));
	}
	/* As it was: nobody is told. */
	ASSERT_EQ(GOOD, stpg(c[0], NON_OPTIMIZED, G1));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(GOOD, attention(c[i], LUN0));
	ASSERT_EQ(GOOD, attention(c[0], LUN1));
}

/* ------------------------------------------------------------------ */
/* IALUAE, in the Control Extension mode page                          */
/* ------------------------------------------------------------------ */

#define IALUAE_LIST	(4 + 32)	/* header of MODE SELECT(6), page */

enum { CURRENT, CHANGEABLE, DEFAULT };

/* IALUAE, as MODE SENSE(6) has it. */
static bool ialuae(struct conn *c, u8 values)
{
	u8 cdb[6] = { 0x1a, 0x08, values << 6 | 0x0a, 0x01, 192 }, buf[192];
	static const u8 head[4] = { 0x4a, 0x01, 0, 28 };

	if (run_cdb(c, LUN0, cdb, 6, sizeof(buf), buf) ||
	    memcmp(buf + 4, head, 4))
		die("no Control Extension page");
	return buf[8] & 1;
}

static void ialuae_list(u8 *list, bool allow)
{
	static const u8 head[4] = { 0x4a, 0x01, 0, 28 };

	memset(list, 0, IALUAE_LIST);
	memcpy(list + 4, head, 4);
	list[8] = allow;
}

static u32 mode_select6(struct conn *c, u8 flags, const u8 *list, u8 len)
{
	struct scsi io = { .lun = LUN0, .edtl = len, .out = list,
			   .flags = (len ? F_WRITE : 0) | ATTR_SIMPLE,
			   .cdb = { 0x15, flags, [4] = len } };

	scsi_run(c, &io);
	return outcome(&io);
}

static u32 ialuae_set(struct conn *c, bool allow)
{
	u8 list[IALUAE_LIST];

	ialuae_list(list, allow);
	return mode_select6(c, 0x10, list, sizeof(list));
}

static u8 tpgs(struct conn *c)
{
	struct scsi io;
	u8 buf[36];

	scsi_cdb6(&io, LUN0, 0x12, sizeof(buf), buf);
	scsi_run(c, &io);
	return buf[5] >> 4 & 3;
}

TEST(H23_implicit_changes_are_refused_when_they_are_not_allowed)
{
	struct conn *c, *d;

	groups_up();
	c = login1(NULL);
	d = login2();
	ASSERT_TRUE(ialuae(c, CURRENT));
	ASSERT_TRUE(ialuae(c, CHANGEABLE));
	ASSERT_TRUE(ialuae(c, DEFAULT));
	ASSERT_EQ(GOOD, ialuae_set(c, false));
	/* The others are told, once. */
	ASSERT_EQ(GOOD, attention(c, LUN0));
	ASSERT_EQ(MODE_CHANGED, attention(d, LUN0));
	ASSERT_EQ(GOOD, attention(d, LUN0));
	ASSERT_FALSE(ialuae(d, CURRENT));
	ASSERT_TRUE(ialuae(d, DEFAULT));
	ASSERT_EQ(EINVAL, group_try(G1, "alua_access_state", "1"));
	ASSERT_EQ(EINVAL, group_try(G2, "alua_access_state", "2"));
	ASSERT_EQ(OPTIMIZED, group_state(c, G1));
	ASSERT_EQ(OPTIMIZED, group_state(c, G2));
	ASSERT_EQ(GOOD, attention(d, LUN0));
	/* It is still what the unit can do, and who asks for it may. */
	ASSERT_EQ(3, tpgs(c));
	ASSERT_EQ(GOOD, stpg(c, NON_OPTIMIZED, G2));
	ASSERT_EQ(ALUA_CHANGED, attention(d, LUN0));
	/* What is so already is no news. */
	ASSERT_EQ(GOOD, ialuae_set(c, false));
	ASSERT_EQ(GOOD, attention(d, LUN0));
	ASSERT_EQ(GOOD, ialuae_set(c, true));
	ASSERT_EQ(MODE_CHANGED, attention(d, LUN0));
	group_set(G1, "alua_access_state", "1");
	ASSERT_EQ(ALUA_CHANGED, attention_in_time(d));
}

TEST(H23_ialuae_is_allowed_again_by_a_reset_or_an_administrator)
{
	struct conn *c;
	char type[64];

	groups_up();
	c = login1(NULL);
	ASSERT_EQ(GOOD, ialuae_set(c, false));
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	clear_unit_attentions(c, LUN0);
	ASSERT_TRUE(ialuae(c, CURRENT));
	ASSERT_EQ(GOOD, ialuae_set(c, false));
	group_set(G1, "alua_access_type", "3");
	ASSERT_TRUE(ialuae(c, CURRENT));
	group_set(G1, "alua_access_state", "1");
	ASSERT_EQ(ALUA_CHANGED, attention_in_time(c));
	ASSERT_EQ(GOOD, ialuae_set(c, true));
	/* Where nothing can change implicitly it is 0, and stays. */
	group_set(G1, "alua_access_type", "2");
	group_set(G2, "alua_access_type", "2");
	ASSERT_FALSE(ialuae(c, CURRENT));
	ASSERT_FALSE(ialuae(c, CHANGEABLE));
	ASSERT_FALSE(ialuae(c, DEFAULT));
	ASSERT_EQ(BAD_PARAMETER, ialuae_set(c, true));
	ASSERT_EQ(GOOD, ialuae_set(c, false));
	group_get(G1, "alua_access_type", type, sizeof(type));
	ASSERT_EQ(0, strncmp(type, "Explicit", 8));
}

/* That a group has ports now is seen with the commands that come. */
static bool explicit_in_time(struct conn *c, int group)
{
	u64 end = now_ms() + DEADLINE_MS;
	char type[64];

	do {
		clear_unit_attentions(c, LUN0);
		group_get(group, "alua_access_type", type, sizeof(type));
	} while (strncmp(type, "Explicit", 8) && now_ms() < end);
	return !strncmp(type, "Explicit", 8);
}

/* A group that had ports before, and one that is new. */
TEST(H23_groups_that_get_a_port_later_are_not_exempt)
{
	static const int later[] = { G2, G3 };
	struct conn *c;
	char name[8];
	size_t i;

	groups_up();
	group_create(G3);
	c = login1(NULL);
	lun_set(2, "alua_tg_pt_gp", "default_tg_pt_gp");
	ASSERT_EQ(OPTIMIZED, group_state(c, 0));
	ASSERT_EQ(GOOD, ialuae_set(c, false));
	for (i = 0; i < ARRAY_SIZE(later); i++) {
		snprintf(name, sizeof(name), "g%d", later[i]);
		lun_set(2, "alua_tg_pt_gp", name);
		ASSERT_TRUE(explicit_in_time(c, later[i]));
		ASSERT_EQ(EINVAL, group_try(later[i], "alua_access_state", "1"));
		ASSERT_FALSE(ialuae(c, CURRENT));
	}
	ASSERT_EQ(GOOD, ialuae_set(c, true));
	for (i = 0; i < ARRAY_SIZE(later); i++)
		group_set(later[i], "alua_access_state", "1");
	group_remove(G3);
}

TEST(H23_bad_parameter_list_changes_nothing)
{
	u8 list[IALUAE_LIST + 12], bad[IALUAE_LIST + 12];
	struct conn *c;
	u32 i;

	groups_up();
	c = login1(NULL);
	ialuae_list(list, false);
	ASSERT_EQ(BAD_CDB, mode_select6(c, 0x00, list, IALUAE_LIST));
	/* Nothing is saved. */
	ASSERT_EQ(BAD_CDB, mode_select6(c, 0x11, list, IALUAE_LIST));
	for (i = 1; i < IALUAE_LIST; i++)
		ASSERT_EQ(i == 4 ? GOOD : BAD_LENGTH,
			  mode_select6(c, 0x10, list, i)) {
			TH_LOG("%u bytes", i);
		}
	/* No other byte of the page, and no descriptor that is not there. */
	for (i = 3; i < IALUAE_LIST; i++) {
		memcpy(bad, list, IALUAE_LIST);
		bad[i] ^= i == 8 ? 0x04 : i == 3 ? 0x08 : 0x02;
		ASSERT_EQ(BAD_PARAMETER, mode_select6(c, 0x10, bad,
						      IALUAE_LIST)) {
			TH_LOG("byte %u", i);
		}
	}
	/* A second page that is not as it is. */
	memset(list + IALUAE_LIST, 0, 12);
	list[IALUAE_LIST] = 0x01;
	list[IALUAE_LIST + 1] = 10;
	list[IALUAE_LIST + 3] = 1;
	ASSERT_EQ(BAD_PARAMETER, mode_select6(c, 0x10, list, sizeof(list)));
	ASSERT_TRUE(ialuae(c, CURRENT));
	list[IALUAE_LIST + 3] = 0;
	ASSERT_EQ(GOOD, mode_select6(c, 0x10, list, sizeof(list)));
	ASSERT_FALSE(ialuae(c, CURRENT));
	ASSERT_EQ(GOOD, mode_select6(c, 0x10, NULL, 0));
	ASSERT_EQ(GOOD, ialuae_set(c, true));
}

TEST(H22_failed_implicit_change_is_told_to_every_nexus)
{
	struct group g[4];
	struct conn *c[3];
	int j;

	groups_up();
	c[0] = login1(NULL);
	c[1] = login1(env.initiator2);
	c[2] = login2();
	group_set(G2, "alua_access_state", "15");
	ASSERT_EQ(IN_TRANSITION, attention_in_time(c[2]));
	/* And then it is as it was. */
	group_set(G2, "alua_access_state", "0");
	for (j = 0; j < 3; j++)
		ASSERT_EQ(ALUA_NOT_CHANGED, attention_in_time(c[j]));
	for (j = 0; j < 3; j++)
		ASSERT_EQ(GOOD, attention(c[j], LUN0));
	ASSERT_EQ(2, rtpg(c[0], g, 4));
	ASSERT_EQ(OPTIMIZED, group_of(g, 2, G2)->state);
	ASSERT_EQ(2, group_of(g, 2, G2)->status);
	/* One that ends elsewhere has not failed. */
	group_set(G2, "alua_access_state", "15");
	ASSERT_EQ(IN_TRANSITION, attention_in_time(c[2]));
	group_set(G2, "alua_access_state", "1");
	for (j = 0; j < 3; j++)
		ASSERT_EQ(ALUA_CHANGED, attention_in_time(c[j]));
	for (j = 0; j < 3; j++)
		ASSERT_EQ(GOOD, attention(c[j], LUN0));
}

TEST(H24_states_outlive_resets_and_sessions)
{
	struct conn *c, *d;

	groups_up();
	group_set(G1, "alua_access_type", "2");
	group_set(G2, "alua_access_type", "2");
	c = login1(NULL);
	ASSERT_EQ(GOOD, stpg(c, STANDBY, G2));
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	logout(c);
	conn_close(c);
	env_settle();
	c = login1(NULL);
	ASSERT_EQ(STANDBY, group_state(c, G2));
	d = login2();
	ASSERT_EQ(IN_STANDBY, attention(d, LUN0));
}

/* ------------------------------------------------------------------ */
/* a disk of its own, LUN 3 of tpgt_2                                  */
/* ------------------------------------------------------------------ */

#define LUN3	lun_peripheral(3)
#define KEPT	"../core/rd_mcp_7143/kept"

static void kept_path(char *path, const char *rest)
{
	snprintf(path, PATH_MAX, "%s/" KEPT "%s", env.configfs, rest);
}

static void kept_lun(char *path, const char *rest)
{
	snprintf(path, PATH_MAX, "%s/%s/tpgt_2/lun/lun_3%s", env.configfs,
		 env.target, rest);
}

static void must(int ret, const char *what)
{
	if (ret)
		die("%s: %s", what, strerror(errno));
}

/* The group and the LUN, as a start of the machine makes them. */
static void kept_up(void)
{
	char path[PATH_MAX], to[PATH_MAX], lun[PATH_MAX];

	kept_path(path, "/alua/g13");
	must(mkdir(path, 0755), path);
	configfs_write(KEPT "/alua/g13/tg_pt_gp_id", "13");
	configfs_write(KEPT "/alua/g13/alua_access_type", "2");
	kept_lun(path, "");
	must(mkdir(path, 0755), path);
	kept_lun(path, "/port");
	kept_path(to, "");
	must(symlink(to, path), path);
	snprintf(lun, sizeof(lun), "%s/tpgt_2/lun/lun_3/alua_tg_pt_gp",
		 env.target);
	configfs_write(lun, "g13");
}

/*
 * The core reads what it has freed when a LUN goes that a session still has
 * (core_clear_lun_from_tpg()), which KASAN reports: not what is tested here.
 */
static void no_session_left(void)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	u64 end = now_ms() + bound_ms(10000);
	char path[PATH_MAX], names[512] = "";

	snprintf(path, sizeof(path), "%s/tpgt_2/dynamic_sessions", env.target);
	while (!configfs_read(path, names, sizeof(names)) && *names) {
		if (now_ms() > end)
			die("sessions do not end: %s", names);
		nanosleep(&nap, NULL);
	}
}

static void kept_down(void)
{
	char path[PATH_MAX];

	no_session_left();
	kept_lun(path, "/port");
	must(unlink(path), path);
	kept_lun(path, "");
	must(rmdir(path), path);
	kept_path(path, "/alua/g13");
	must(rmdir(path), path);
}

static void kept_device(bool make)
{
	char path[PATH_MAX];

	kept_path(path, "");
	must(make ? mkdir(path, 0755) : rmdir(path), path);
	if (!make)
		return;
	configfs_write(KEPT "/control", "rd_pages=64");
	configfs_write(KEPT "/wwn/vpd_unit_serial", "7143-kept");
	configfs_write(KEPT "/enable", "1");
}

static u32 stpg_kept(struct conn *c, u8 state)
{
	u8 list[8] = {};
	struct scsi io;

	stpg_desc(list + 4, state, 13);
	stpg_cdb(&io, list, sizeof(list));
	io.lun = LUN3;
	scsi_run(c, &io);
	return outcome(&io);
}

static u8 state_on_kept(struct conn *c, u16 group)
{
	struct scsi io;
	u8 buf[64];

	rtpg_cdb(&io, 0, sizeof(buf), buf);
	io.lun = LUN3;
	scsi_run(c, &io);
	if (outcome(&io) || io.in_len != 16 || get_be16(buf + 6) != group)
		die("RTPG: %x, %u bytes", outcome(&io), io.in_len);
	return buf[4];
}

static u8 state_kept(struct conn *c)
{
	return state_on_kept(c, 13);
}

static struct conn *login_kept(void)
{
	struct conn *c = login2();

	clear_unit_attentions(c, LUN3);
	return c;
}

/* Files that states are kept in. */
static void kept_file(char *path, int slot)
{
	char root[128] = "";

	configfs_read("../dbroot", root, sizeof(root));
	snprintf(path, PATH_MAX, "%s/pr/tiscsi_7143-kept.alua.%d", root, slot);
}

static void kept_forget(void)
{
	char path[PATH_MAX];
	int i;

	for (i = 0; i < 2; i++) {
		kept_file(path, i);
		if (unlink(path))
			rmdir(path);
	}
}

TEST(H24_explicit_states_outlive_the_logical_unit)
{
	static const u8 states[] = { STANDBY, UNAVAILABLE, NON_OPTIMIZED };
	char path[PATH_MAX];
	struct conn *c;
	size_t i;
	int fd;

	kept_forget();
	kept_device(true);
	kept_up();
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		c = login_kept();
		ASSERT_EQ(GOOD, stpg_kept(c, states[i]));
		conn_close(c);
		kept_down();
		kept_up();
		c = login_kept();
		ASSERT_EQ(states[i], state_kept(c));
		conn_close(c);
	}
	kept_down();
	/* A file that was not written to its end: the other one counts. */
	kept_file(path, 1);
	fd = open(path, O_WRONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 100));
	close(fd);
	kept_up();
	c = login_kept();
	ASSERT_EQ(UNAVAILABLE, state_kept(c));
	conn_close(c);
	kept_down();
	kept_device(false);
	kept_forget();
}

TEST(H10_state_that_cannot_be_kept_does_not_change)
{
	char path[PATH_MAX];
	struct conn *c;
	int i;

	kept_forget();
	kept_device(true);
	kept_up();
	c = login_kept();
	ASSERT_EQ(GOOD, stpg_kept(c, NON_OPTIMIZED));
	/* Directories are no files. */
	kept_forget();
	for (i = 0; i < 2; i++) {
		kept_file(path, i);
		must(mkdir(path, 0755), path);
	}
	ASSERT_EQ(STPG_FAILED, stpg_kept(c, STANDBY));
	ASSERT_EQ(NON_OPTIMIZED, state_kept(c));
	ASSERT_EQ(GOOD, attention(c, LUN3));
	kept_forget();
	ASSERT_EQ(GOOD, stpg_kept(c, STANDBY));
	ASSERT_EQ(STANDBY, state_kept(c));
	conn_close(c);
	kept_down();
	kept_device(false);
	kept_forget();
}

#define LU_GROUP	7143

/* Puts the disk behind LUN 0 and the kept one into one group, or out of it. */
static void lu_group(bool make)
{
	const char *name = make ? "lg7143" : "NULL";
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/../core/alua/lu_gps/lg7143",
		 env.configfs);
	if (make) {
		must(mkdir(path, 0755), path);
		configfs_write("../core/alua/lu_gps/lg7143/lu_gp_id", "7143");
	}
	configfs_write("../core/rd_mcp_7143/disk0/alua_lu_gp", name);
	configfs_write(KEPT "/alua_lu_gp", name);
	if (!make)
		must(rmdir(path), path);
}

/* The value of the logical unit group designator in VPD page 83h, or -1. */
static int lu_group_of(struct conn *c, u64 lun)
{
	u8 page[1024];
	struct scsi io;
	u32 at;

	scsi_cdb6(&io, lun, 0x12, 0, page);
	io.edtl = sizeof(page);
	io.flags |= F_READ;
	io.cdb[1] = 1;
	io.cdb[2] = 0x83;
	put_be16(io.cdb + 3, sizeof(page));
	scsi_run(c, &io);
	if (outcome(&io))
		die("VPD 83h: %x", outcome(&io));
	for (at = 4; at + 8 <= io.in_len; at += 4 + page[at + 3])
		if ((page[at + 1] & 0x3f) == 6)
			return get_be16(page + at + 6);
	return -1;
}

TEST(H25_units_of_a_group_change_as_one)
{
	char path[PATH_MAX], lun[PATH_MAX];
	struct conn *c, *d;

	groups_up();
	kept_device(true);
	kept_up();
	/* The group of the same number on the other unit. */
	kept_path(path, "/alua/g12");
	must(mkdir(path, 0755), path);
	configfs_write(KEPT "/alua/g12/tg_pt_gp_id", "12");
	snprintf(lun, sizeof(lun), "%s/tpgt_2/lun/lun_3/alua_tg_pt_gp",
		 env.target);
	configfs_write(lun, "g12");
	lu_group(true);

	c = login_kept();
	d = login_kept();
	ASSERT_EQ(LU_GROUP, lu_group_of(c, LUN0));
	ASSERT_EQ(LU_GROUP, lu_group_of(c, LUN3));
	ASSERT_EQ(OPTIMIZED, state_on_kept(c, G2));
	ASSERT_EQ(GOOD, stpg(c, NON_OPTIMIZED, G2));
	ASSERT_EQ(NON_OPTIMIZED, group_state(c, G2));
	ASSERT_EQ(NON_OPTIMIZED, state_on_kept(c, G2));
	ASSERT_EQ(ALUA_CHANGED, attention(d, LUN0));
	ASSERT_EQ(ALUA_CHANGED, attention(d, LUN3));
	ASSERT_EQ(GOOD, attention(c, LUN0));

	/* Alone again, each has its own. */
	lu_group(false);
	ASSERT_EQ(GOOD, stpg(c, OPTIMIZED, G2));
	ASSERT_EQ(NON_OPTIMIZED, state_on_kept(c, G2));
	logout(c);
	logout(d);
	configfs_write(lun, "g13");
	must(rmdir(path), path);
	kept_down();
	kept_device(false);
	kept_forget();
}

RAW_TEST_MAIN
