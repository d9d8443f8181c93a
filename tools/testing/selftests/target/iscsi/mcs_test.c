// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions of several connections at recovery level 0: joining, order over
 * connections, allegiance, logout, loss and replacement of one of them.
 */
#include <errno.h>
#include <limits.h>

#include "harness.h"

#define LUN0	lun_peripheral(0)
#define LUN1	lun_peripheral(1)

#define NR_CONNS	8

/* What the sessions here agree on; T2R=0 is added where it is not given. */
#define MULTI(more) \
	"MaxConnections=8 InitialR2T=No ImmediateData=Yes " \
	"MaxRecvDataSegmentLength=65536 MaxBurstLength=262144 " \
	"FirstBurstLength=65536 DefaultTime2Wait=0 " more

/* 06/47/7F: some commands cleared by iSCSI protocol event */
#define CLEARED_ASC	0x47
#define CLEARED_ASCQ	0x7f

/* A session of @nr connections whose CIDs are 0, 1, ... */
static void login_multi_keys(struct conn **c, u32 nr, const char *keys)
{
	u32 i;

	c[0] = login_keys(keys);
	if (conn_key_num(c[0], "MaxConnections") < nr)
		die("B45: MaxConnections %u", conn_key_num(c[0], "MaxConnections"));
	for (i = 1; i < nr; i++)
		c[i] = login_join(c[0]->sess, i);
}

static void login_multi(struct conn **c, u32 nr)
{
	login_multi_keys(c, nr, MULTI(""));
}

static void test_unit_ready(struct conn *c, struct scsi *io)
{
	scsi_cdb6(io, LUN0, 0x00, 0, NULL);
	scsi_run(c, io);
}

static u32 stalled_write(struct conn *c, struct scsi *io, u8 *buf, u32 lba)
{
	return stall_write(c, io, LUN0, lba, buf, 2 * BLOCK);
}

/* C25: the first command on the LUN tells, the second one does not. */
static void expect_cleared(struct conn *c)
{
	struct scsi io;

	test_unit_ready(c, &io);
	if (io.status != 0x02 || io.key != 0x06 || io.asc != CLEARED_ASC ||
	    io.ascq != CLEARED_ASCQ)
		die("C25: status %02x sense %x/%02x/%02x, expected 6/47/7f",
		    io.status, io.key, io.asc, io.ascq);
	test_unit_ready(c, &io);
	if (io.status)
		die("C25: status %02x sense %x/%02x/%02x after the report",
		    io.status, io.key, io.asc, io.ascq);
}

/* Everything that was sent is acknowledged, and the whole window is open. */
static void expect_idle_window(struct conn *c, u32 depth)
{
	u64 end = now_ms() + DEADLINE_MS;

	do {
		if (now_ms() > end)
			die("C06: ExpCmdSN %u, MaxCmdSN %u, CmdSN %u",
			    c->sess->exp_cmd_sn, c->sess->max_cmd_sn,
			    c->sess->cmd_sn);
		ping(c);
	} while (c->sess->exp_cmd_sn != c->sess->cmd_sn ||
		 c->sess->max_cmd_sn - c->sess->exp_cmd_sn + 1 != depth);
}

static u32 window_of(struct conn *c)
{
	ping(c);
	return c->sess->max_cmd_sn - c->sess->exp_cmd_sn + 1;
}

/* ---- joining ---- */

TEST(B27_B45_eight_connections)
{
	struct conn *c[NR_CONNS], *one_more;
	u8 buf[BLOCK], back[BLOCK];
	u32 i;

	login_multi(c, NR_CONNS);
	for (i = 0; i < NR_CONNS; i++) {
		fill_pattern(buf, BLOCK, i);
		scsi_write(c[i], LUN0, 300 + i, buf, BLOCK);
		scsi_read(c[NR_CONNS - 1 - i], LUN0, 300 + i, back, BLOCK);
		ASSERT_EQ(0, memcmp(buf, back, BLOCK));
		ping_data(c[i], "here", 4);
	}
	ASSERT_EQ(LOGIN_TOO_MANY, login_join_try(c[0]->sess, NR_CONNS, "", &one_more));
	expect_closed(one_more);
	for (i = 0; i < NR_CONNS; i++)
		ping(c[i]);
	logout(c[3]);
}

/* A connection more than agreed on; the place of one that left is free. */
TEST(B28_place_of_a_connection_that_left)
{
	struct conn *c[2], *third;

	login_multi_keys(c, 2, "MaxConnections=2");
	ASSERT_EQ(LOGIN_TOO_MANY, login_join_try(c[0]->sess, 2, "", &third));
	ASSERT_EQ(0, logout_conn(c[1], 1, 1));
	third = login_join(c[0]->sess, 2);
	ping(third);
	ping(c[0]);
}

TEST(B28_session_of_another_portal_group)
{
	struct conn *c = login(LOGIN(.isid = 2828));

	expect_refused(LOGIN(.isid = 2828, .tsih = c->sess->tsih, .cid = 1,
			     .portal = env.portal2, .keys = ""),
		       STATUSES(LOGIN_CANT_INCLUDE));
	ping(c);
}

TEST(B43_leading_keys_on_a_further_connection)
{
	static const char *const keys[] = {
		"MaxConnections=2", "InitialR2T=Yes", "MaxBurstLength=8192",
		"ErrorRecoveryLevel=0", "DefaultTime2Wait=1",
		"TaskReporting=RFC3720",
	};
	struct conn *c = login_keys(MULTI("")), *n;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		TH_LOG("%s", keys[i]);
		ASSERT_EQ(LOGIN_INITIATOR_ERR,
			  login_join_try(c->sess, 1, keys[i], &n));
		expect_closed(n);
		conn_close(n);
	}
	ping(c);
	ping(login_join(c->sess, 1));
}

/* Keys of connection scope are each connection's own. */
TEST(B44_B47_C28_keys_of_each_connection)
{
	static const char keys[] =
		"HeaderDigest=CRC32C DataDigest=CRC32C MaxRecvDataSegmentLength=1024";
	struct conn *c = login_keys(MULTI("")), *n, *d;
	u8 buf[16 * BLOCK];
	struct scsi io;

	ASSERT_EQ(LOGIN_OK, login_join_try(c->sess, 1, keys, &n));
	ASSERT_TRUE(n->hdigest && n->ddigest);
	ASSERT_EQ(LOGIN_OK, login_join_try(c->sess, 2, "", &d));
	scsi_rw(&io, false, LUN0, 0, sizeof(buf), buf);
	scsi_run(n, &io);
	ASSERT_EQ(8, io.nr_data_in);
	scsi_run(c, &io);
	ASSERT_EQ(1, io.nr_data_in);
	scsi_rw(&io, false, LUN0, 0, sizeof(buf), buf);
	scsi_run(d, &io);
	ASSERT_EQ(1, io.nr_data_in);
	ASSERT_EQ(DEFAULT_MRDSL, d->max_recv);
}

/* ---- replacing a connection ---- */

TEST(B29_C18_C25_reinstated_with_one_connection)
{
	struct conn *old = login_keys("MaxConnections=1"), *new;
	u8 buf[2 * BLOCK], back[2 * BLOCK];
	struct scsi io;
	u32 depth;

	memset(buf, 0, sizeof(buf));
	scsi_write(old, LUN0, 290, buf, sizeof(buf));
	depth = window_of(old);
	fill_pattern(buf, sizeof(buf), 29);
	stalled_write(old, &io, buf, 290);
	new = login_join(old->sess, 0);
	/* Nothing more is heard of the old connection's task. */
	expect_closed(old);
	expect_cleared(new);
	expect_idle_window(new, depth);
	scsi_read(new, LUN0, 290, back, sizeof(back));
	memset(buf, 0, sizeof(buf));
	ASSERT_EQ(0, memcmp(buf, back, sizeof(buf)));
}

/* The session and its other connections go on. */
TEST(C18_reinstated_among_others)
{
	struct conn *c[3], *new;
	struct scsi io[3];
	u8 buf[2 * BLOCK];
	u32 ttt[3], i;

	login_multi(c, 3);
	fill_pattern(buf, sizeof(buf), 18);
	for (i = 0; i < 3; i++)
		ttt[i] = stalled_write(c[i], &io[i], buf, 300 + 2 * i);
	new = login_join(c[0]->sess, 1);
	expect_closed(c[1]);
	finish_write(c[0], &io[0], ttt[0]);
	expect_cleared(new);
	finish_write(c[2], &io[2], ttt[2]);
	scsi_write(new, LUN0, 302, buf, sizeof(buf));
	/* Again, and a tag of a task that is gone is free. */
	c[1] = login_join(c[0]->sess, 1);
	expect_closed(new);
	ping(c[1]);
	ping(c[0]);
}

/* A login that fails after it was authenticated leaves the old one alone. */
TEST(C18_failed_reinstatement)
{
	struct conn *c[2], *new;
	struct scsi io;
	u8 buf[2 * BLOCK] = {};
	u32 ttt;

	login_multi(c, 2);
	ttt = stalled_write(c[1], &io, buf, 18);
	ASSERT_EQ(LOGIN_INITIATOR_ERR,
		  login_join_try(c[0]->sess, 1, "MaxConnections=2", &new));
	expect_closed(new);
	finish_write(c[1], &io, ttt);
}

/* The session is replaced as a whole, with all its connections. */
TEST(C17_reinstated_with_several_connections)
{
	struct conn *c[4], *new;
	struct scsi io;
	u8 buf[2 * BLOCK] = {};
	u32 i;

	c[0] = login(LOGIN(.isid = 1717, .keys = MULTI("")));
	for (i = 1; i < 4; i++)
		c[i] = login_join(c[0]->sess, i);
	for (i = 0; i < 4; i++)
		stalled_write(c[i], &io, buf, 40 + 2 * i);
	new = login(LOGIN(.isid = 1717, .no_ua_check = true));
	for (i = 0; i < 4; i++)
		expect_closed(c[i]);
	test_unit_ready(new, &io);
	ASSERT_EQ(0x06, io.key);
	ASSERT_EQ(0x29, io.asc);
	ASSERT_EQ(0x07, io.ascq);
}

/* ---- order ---- */

TEST(C02_hole_filled_on_another_connection)
{
	struct conn *c[2];
	struct pdu first, second, third;
	u32 n;

	login_multi(c, 2);
	n = c[0]->sess->cmd_sn;
	pdu_nop(c[0], &first, NULL, 0);
	pdu_nop(c[1], &second, NULL, 0);
	pdu_nop(c[0], &third, NULL, 0);
	conn_send(c[1], &second);
	ping(c[1]);
	ASSERT_EQ(n, pdu32(&c[1]->rx, BHS_EXP_CMD_SN));
	/* In one segment: what fills the hole, and what comes after. */
	conn_cork(c[0]);
	conn_send(c[0], &third);
	conn_send(c[0], &first);
	conn_uncork(c[0]);
	recv_op(c[0], OP_NOP_IN);
	ASSERT_EQ(pdu32(&first, BHS_ITT), pdu32(&c[0]->rx, BHS_ITT));
	recv_op(c[0], OP_NOP_IN);
	ASSERT_EQ(pdu32(&third, BHS_ITT), pdu32(&c[0]->rx, BHS_ITT));
	recv_op(c[1], OP_NOP_IN);
	ASSERT_EQ(pdu32(&second, BHS_ITT), pdu32(&c[1]->rx, BHS_ITT));
	ping(c[0]);
	ASSERT_EQ(n + 3, pdu32(&c[0]->rx, BHS_EXP_CMD_SN));
}

/* What fills a hole, and in the same segment what follows the one behind. */
TEST(C02_behind_a_hole_on_one_connection)
{
	struct conn *c = login_default();
	struct pdu p[3];
	u32 i;

	for (i = 0; i < 3; i++)
		pdu_nop(c, &p[i], NULL, 0);
	conn_send(c, &p[1]);
	ping(c);
	conn_cork(c);
	conn_send(c, &p[0]);
	conn_send(c, &p[2]);
	conn_uncork(c);
	for (i = 0; i < 3; i++) {
		recv_op(c, OP_NOP_IN);
		ASSERT_EQ(pdu32(&p[i], BHS_ITT), pdu32(&c->rx, BHS_ITT));
	}
}

static u32 rnd_state;

static u32 rnd(u32 below)
{
	rnd_state = rnd_state * 1664525U + 1013904223U;
	return (u32)((u64)(rnd_state >> 8) * below >> 24);
}

struct flight {
	struct scsi io;
	struct pdu p;
	struct conn *c;
	u8 data[BLOCK];
};

static void shuffle(struct flight **f, u32 n)
{
	struct flight *t;
	u32 k;

	while (n > 1) {
		k = rnd(n--);
		t = f[n];
		f[n] = f[k];
		f[k] = t;
	}
}

static void land(struct conn *c, struct flight *f, u32 nr)
{
	u32 i, left = 0;

	for (i = 0; i < nr; i++)
		left += f[i].c == c;
	while (left) {
		u32 itt = pdu32(recv_any(c), BHS_ITT);

		for (i = 0; i < nr && f[i].io.itt != itt; i++)
			;
		if (i == nr)
			die("opcode %02x for ITT %08x", pdu_op(&c->rx), itt);
		if (!scsi_input(c, &f[i].io, &c->rx))
			continue;
		if (f[i].io.status || f[i].io.response)
			die("status %02x", f[i].io.status);
		left--;
	}
}

/*
 * A window full of writes to one block, handed out to the connections at
 * random and sent in random order: the one with the last CmdSN stays.
 */
TEST(C01_C02_C06_C13_J18_random_order_over_eight_connections)
{
	struct flight *f = calloc(64, sizeof(*f)), *order[64];
	struct conn *c[NR_CONNS];
	u32 round, i, k, nr;
	u8 back[BLOCK];

	/* Over the wrap of CmdSN. */
	c[0] = login(LOGIN(.cmd_sn = 0xfffffe00, .keys = MULTI("")));
	for (i = 1; i < NR_CONNS; i++)
		c[i] = login_join(c[0]->sess, i);
	nr = min_u32(window_of(c[0]), 64);
	for (round = 1; round <= 30; round++) {
		rnd_state = round;
		TH_LOG("seed %u", round);
		for (i = 0; i < nr; i++) {
			f[i].c = c[rnd(NR_CONNS)];
			fill_pattern(f[i].data, BLOCK, round * 64 + i);
			scsi_rw(&f[i].io, true, LUN0, 400, BLOCK, f[i].data);
			scsi_pdu(f[i].c, &f[i].io, &f[i].p);
			pdu_data(&f[i].p, f[i].data, BLOCK);
			order[i] = &f[i];
		}
		shuffle(order, nr);
		for (k = 0; k < NR_CONNS; k++)
			conn_cork(c[k]);
		for (i = 0; i < nr; i++)
			conn_send(order[i]->c, &order[i]->p);
		for (k = 0; k < NR_CONNS; k++)
			conn_uncork(c[k]);
		for (k = 0; k < NR_CONNS; k++)
			land(c[k], f, nr);
		scsi_read(c[rnd(NR_CONNS)], LUN0, 400, back, BLOCK);
		ASSERT_EQ(0, memcmp(back, f[nr - 1].data, BLOCK));
	}
	expect_idle_window(c[0], nr);
}

/* In order, each on the next connection and one at a time. */
TEST(C02_round_robin)
{
	struct conn *c[NR_CONNS];
	struct flight *f = calloc(64, sizeof(*f));
	u32 round, i, k;
	u8 back[BLOCK];

	login_multi(c, NR_CONNS);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 64; i++) {
			f[i].c = c[i % NR_CONNS];
			fill_pattern(f[i].data, BLOCK, round * 64 + i);
			scsi_rw(&f[i].io, true, LUN0, 401, BLOCK, f[i].data);
			scsi_send(f[i].c, &f[i].io);
		}
		for (k = 0; k < NR_CONNS; k++)
			land(c[k], f, 64);
		scsi_read(c[round % NR_CONNS], LUN0, 401, back, BLOCK);
		ASSERT_EQ(0, memcmp(back, f[63].data, BLOCK));
	}
}

TEST(C03_F21_duplicate_on_another_connection)
{
	struct conn *c[2];
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	struct pdu p;
	u32 ttt;

	login_multi(c, 2);
	scsi_rw(&io, true, LUN0, 3, sizeof(buf), buf);
	scsi_pdu(c[0], &io, &p);
	conn_send(c[0], &p);
	ttt = pdu32(recv_r2t(c[0], &io), BHS_TTT);
	/* A copy while the first one lives, on the other connection. */
	conn_send(c[1], &p);
	ping(c[1]);
	/* check.c would take the answer for one to the copy. */
	check_request(c[0], &p);
	finish_write(c[0], &io, ttt);
	ping(c[1]);
}

/* ---- numbers and allegiance ---- */

/* check.c holds each connection's StatSN against what came on it before. */
TEST(C11_stat_sn_of_each_connection)
{
	struct conn *c[4];
	u32 sn[4], i, k;

	login_multi(c, 4);
	for (i = 0; i < 4; i++) {
		ping(c[i]);
		sn[i] = pdu32(&c[i]->rx, BHS_STAT_SN);
	}
	for (i = 0; i < 4; i++)
		for (k = 0; k <= i; k++)
			ping(c[i]);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(sn[i] + i + 1, pdu32(&c[i]->rx, BHS_STAT_SN));
}

TEST(C13_data_out_on_another_connection)
{
	struct conn *c[2];
	u8 out[2 * BLOCK], back[2 * BLOCK];
	struct scsi io;
	struct pdu p;
	u32 ttt;

	login_multi(c, 2);
	fill_pattern(out, sizeof(out), 13);
	ttt = stalled_write(c[0], &io, out, 130);
	pdu_data_out(c[1], &p, &io, ttt, 0, 0, sizeof(out));
	conn_send(c[1], &p);
	recv_reject(c[1], REJ(INVALID_FIELD) | REJ(PROTOCOL));
	ping(c[1]);
	/* Unsolicited data, too. */
	pdu_data_out(c[1], &p, &io, NO_TAG, 0, 0, sizeof(out));
	conn_send(c[1], &p);
	recv_reject(c[1], REJ(INVALID_FIELD) | REJ(PROTOCOL));
	/* The task is as it was. */
	ping(c[0]);
	finish_write(c[0], &io, ttt);
	scsi_read(c[1], LUN0, 130, back, sizeof(back));
	ASSERT_EQ(0, memcmp(out, back, sizeof(back)));
}

/* The window is the session's; its places are free again one by one. */
TEST(C06_C07_window_over_connections)
{
	struct conn *c[NR_CONNS];
	struct scsi io[64];
	u32 ttt[64], i, depth;
	u8 buf[2 * BLOCK] = {};

	login_multi(c, NR_CONNS);
	depth = window_of(c[0]);
	ASSERT_LE(depth, 64);
	for (i = 0; i < depth; i++)
		ttt[i] = stalled_write(c[i % NR_CONNS], &io[i], buf, 500 + 2 * i);
	ASSERT_EQ(c[0]->sess->exp_cmd_sn - 1, c[0]->sess->max_cmd_sn);
	/* Outside the window, wherever it comes from. */
	for (i = 0; i < NR_CONNS; i++) {
		struct pdu p;

		pdu_nop(c[i], &p, NULL, 0);
		c[i]->sess->cmd_sn--;
		conn_send(c[i], &p);
		ping(c[i]);
	}
	for (i = 0; i < depth; i++) {
		finish_write(c[i % NR_CONNS], &io[i], ttt[i]);
		ASSERT_EQ(c[0]->sess->exp_cmd_sn + i, c[0]->sess->max_cmd_sn);
	}
	expect_idle_window(c[0], depth);
}

/* Each connection has its own share of immediate requests. */
TEST(C09_immediate_requests_of_each_connection)
{
	struct conn *c[NR_CONNS];
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	u32 i, k, taken;

	login_multi(c, NR_CONNS);
	for (i = 0; i < NR_CONNS; i++) {
		for (taken = 0; taken < 100; taken++) {
			scsi_rw(&io, true, LUN0, 90, sizeof(buf), buf);
			io.held = true;
			io.immediate = true;
			scsi_send(c[i], &io);
			if (pdu_op(recv_any(c[i])) == OP_REJECT)
				break;
			ASSERT_EQ(OP_R2T, pdu_op(&c[i]->rx));
		}
		ASSERT_EQ(REJ_IMMEDIATE, c[i]->rx.bhs[BHS_RESPONSE]);
		ASSERT_LE(1, taken);
		/* A task management function is served even now. */
		for (k = 0; k <= i; k++)
			tmf(c[k], TMF_ABORT_TASK, LUN0, 0xdead0000, 0);
	}
	ASSERT_EQ(0, logout_conn(c[0], 1, 1));
	ping(c[0]);
}

/* ---- logout ---- */

TEST(C19_logout_of_the_session)
{
	struct conn *c[4];
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	u32 i;

	login_multi(c, 4);
	for (i = 0; i < 4; i++)
		stalled_write(c[i], &io, buf, 190 + 2 * i);
	ASSERT_EQ(0, logout_conn(c[2], 0, 2));
	/* Not another word on any of them. */
	for (i = 0; i < 4; i++)
		expect_closed(c[i]);
	expect_refused(LOGIN(.isid = get_be16(c[0]->sess->isid + 4),
			     .tsih = c[0]->sess->tsih, .keys = ""),
		       STATUSES(LOGIN_NO_SESS));
}

/*
 * Another connection, with a write that waits for data, a command behind a
 * hole, and one in the midst of being received.
 */
TEST(C20_C25_logout_of_another_connection)
{
	struct conn *c[3];
	u8 buf[2 * BLOCK] = {};
	struct pdu hole, behind, p;
	struct scsi io, other;
	u32 ttt, depth;

	login_multi(c, 3);
	depth = window_of(c[0]);
	ttt = stalled_write(c[2], &other, buf, 200);
	stalled_write(c[1], &io, buf, 202);
	pdu_nop(c[0], &hole, NULL, 0);
	pdu_nop(c[1], &behind, NULL, 0);
	conn_send(c[1], &behind);
	pdu_nop(c[1], &p, NULL, 0);
	pdu_immediate(c[1], &p);
	conn_write(c[1], p.bhs, 20);
	ASSERT_EQ(0, logout_conn(c[0], 1, 1));
	expect_closed(c[1]);
	expect_closed(c[1]);
	/* The command that was not delivered has left a hole of its own. */
	conn_send(c[0], &hole);
	recv_op(c[0], OP_NOP_IN);
	ASSERT_EQ(pdu32(&hole, BHS_CMD_SN) + 1, c[0]->sess->exp_cmd_sn);
	conn_send(c[0], &behind);
	recv_op(c[0], OP_NOP_IN);
	ASSERT_EQ(pdu32(&behind, BHS_CMD_SN) + 1, c[0]->sess->exp_cmd_sn);
	expect_cleared(c[0]);
	finish_write(c[2], &other, ttt);
	expect_idle_window(c[0], depth);
	/* Its CID is not known any more, until it is used again. */
	ASSERT_EQ(1, logout_conn(c[0], 1, 1));
	ping(login_join(c[0]->sess, 1));
}

TEST(C20_C24_C25_logout_of_this_connection)
{
	struct conn *c[2];
	u8 buf[2 * BLOCK] = {}, in[BLOCK];
	struct scsi io, read;
	struct pdu p;
	u32 depth;

	login_multi(c, 2);
	depth = window_of(c[0]);
	stalled_write(c[1], &io, buf, 210);
	/* What comes after the Logout is not executed. */
	conn_cork(c[1]);
	pdu_logout(c[1], &p, 1, 1);
	conn_send(c[1], &p);
	scsi_rw(&read, false, LUN0, 0, BLOCK, in);
	read.immediate = true;
	scsi_send(c[1], &read);
	conn_uncork(c[1]);
	recv_op(c[1], OP_LOGOUT_RSP);
	ASSERT_EQ(0, c[1]->rx.bhs[BHS_RESPONSE]);
	expect_closed(c[1]);
	expect_cleared(c[0]);
	expect_idle_window(c[0], depth);
	/* The last one takes the session with it. */
	ASSERT_EQ(0, logout_conn(c[0], 1, 0));
	expect_closed(c[0]);
	expect_refused(LOGIN(.isid = get_be16(c[0]->sess->isid + 4),
			     .tsih = c[0]->sess->tsih, .keys = ""),
		       STATUSES(LOGIN_NO_SESS));
}

/* All at once: each is answered, and the session is gone with the last. */
TEST(C20_all_connections_log_out)
{
	struct conn *c[NR_CONNS];
	struct pdu p;
	u32 i;

	login_multi(c, NR_CONNS);
	for (i = 0; i < NR_CONNS; i++) {
		pdu_logout(c[i], &p, 1, i);
		conn_send(c[i], &p);
	}
	for (i = 0; i < NR_CONNS; i++) {
		recv_op(c[i], OP_LOGOUT_RSP);
		ASSERT_EQ(0, c[i]->rx.bhs[BHS_RESPONSE]);
		expect_closed(c[i]);
		conn_close(c[i]);
	}
	env_settle();
}

TEST(C21_C22_other_logouts)
{
	struct conn *c[2];

	login_multi(c, 2);
	ASSERT_EQ(1, logout_conn(c[0], 1, 0x7777));
	ASSERT_EQ(2, logout_conn(c[0], 2, 1));
	ASSERT_EQ(2, logout_conn(c[1], 2, 1));
	ping(c[0]);
	ping(c[1]);
}

/* ---- loss ---- */

/* The target has seen the end of a connection that had a task. */
static void wait_cleared(struct conn *c)
{
	u64 end = now_ms() + DEADLINE_MS;
	struct scsi io;

	do {
		if (now_ms() > end)
			die("C25: no unit attention for the lost tasks");
		test_unit_ready(c, &io);
	} while (!io.status);
	if (io.status != 0x02 || io.key != 0x06 || io.asc != CLEARED_ASC ||
	    io.ascq != CLEARED_ASCQ)
		die("C25: status %02x sense %x/%02x/%02x, expected 6/47/7f",
		    io.status, io.key, io.asc, io.ascq);
}

static void lose(struct conn *lost, struct conn *other)
{
	u8 buf[2 * BLOCK] = {};
	struct scsi io;

	stalled_write(lost, &io, buf, 262);
	conn_reset(lost);
	recv_async(other, ASYNC_DROP_CONNECTION);
	wait_cleared(other);
}

TEST(C25_F01_loss_of_one_connection)
{
	struct conn *c[3];
	u8 buf[2 * BLOCK] = {};
	struct scsi io, write;
	u32 ttt, depth;

	login_multi(c, 3);
	depth = window_of(c[0]);
	ttt = stalled_write(c[2], &write, buf, 260);
	lose(c[1], c[0]);
	/* Told once, whichever connection it is. */
	test_unit_ready(c[2], &io);
	ASSERT_EQ(0, io.status);
	expect_idle_window(c[0], depth - 1);
	finish_write(c[2], &write, ttt);
	/* The same CID can come back. */
	c[1] = login_join(c[0]->sess, 1);
	scsi_write(c[1], LUN0, 262, buf, sizeof(buf));
	expect_idle_window(c[1], depth);
}

static u32 retain_ms(struct conn *c)
{
	return 1000 * (conn_key_num(c, "DefaultTime2Wait") +
		       conn_key_num(c, "DefaultTime2Retain"));
}

/* For Time2Wait + Time2Retain the CID is known, and can be logged out. */
TEST(C20_C26_logout_of_a_lost_connection)
{
	struct conn *c[2];
	u64 end;

	login_multi_keys(c, 2, MULTI("DefaultTime2Retain=1"));
	lose(c[1], c[0]);
	ASSERT_EQ(0, logout_conn(c[0], 1, 1));
	ASSERT_EQ(1, logout_conn(c[0], 1, 1));
	c[1] = login_join(c[0]->sess, 1);
	lose(c[1], c[0]);
	c[1] = login_join(c[0]->sess, 2);
	end = now_ms() + retain_ms(c[0]) + 200;
	while (now_ms() < end)
		ping(c[0]);
	ASSERT_EQ(1, logout_conn(c[0], 1, 1));
	ASSERT_EQ(0, logout_conn(c[0], 1, 2));
}

static void wait_failed(void)
{
	u64 end = now_ms() + DEADLINE_MS;

	while (!env_info_has(env.initiator, "STATE_FAILED")) {
		if (now_ms() > end)
			die("C27: the session does not wait for a connection");
		usleep(2000);
	}
}

/* The last connection: the session waits for another one to continue it. */
TEST(C27_session_is_continued)
{
	static const char *const keys[] = {
		"MaxConnections=1 DefaultTime2Wait=0 DefaultTime2Retain=20",
		MULTI("DefaultTime2Retain=20"),
	};
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	u32 i, depth;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		struct conn *c = login_keys(keys[i]);
		struct sess *s = c->sess;

		depth = window_of(c);
		stalled_write(c, &io, buf, 270);
		conn_reset(c);
		wait_failed();
		/* With the CID of the lost one, and with another. */
		c = login_join(s, i);
		ASSERT_EQ(s->cmd_sn, s->exp_cmd_sn);
		expect_cleared(c);
		expect_idle_window(c, depth);
		scsi_write(c, LUN0, 270, buf, sizeof(buf));
		ASSERT_TRUE(env_info_has(env.initiator, "STATE_LOGGED_IN"));
		/* Once more: the time starts afresh. */
		conn_reset(c);
		wait_failed();
		c = login_join(s, 3);
		ping(c);
		logout(c);
		conn_close(c);
	}
}

TEST(C27_session_times_out)
{
	struct conn *c = login(LOGIN(.isid = 272,
				     .keys = MULTI("DefaultTime2Retain=1")));
	u32 retain = retain_ms(c);
	struct scsi io;
	u64 start;

	conn_close(c);
	wait_failed();
	start = now_ms();
	while (env_info_has(env.initiator, "STATE_FAILED")) {
		ASSERT_LT(now_ms() - start, retain + DEADLINE_MS);
		usleep(2000);
	}
	/* wait_failed() may have been late by some of it. */
	ASSERT_LT(retain - 1000, now_ms() - start);

	c = login(LOGIN(.isid = 272, .no_ua_check = true));
	test_unit_ready(c, &io);
	ASSERT_EQ(0x02, io.status);
	ASSERT_EQ(0x06, io.key);
	ASSERT_EQ(0x29, io.asc);
	ASSERT_EQ(0x07, io.ascq);
	logout(c);
}

/* A login with the same ISID and TSIH 0 need not wait for the time. */
TEST(C17_C27_waiting_session_is_replaced)
{
	/* So that the library does not end what waits by itself. */
	struct conn *other = login(LOGIN(.initiator = env.initiator2));
	struct conn *c = login(LOGIN(.isid = 273,
				     .keys = MULTI("DefaultTime2Retain=60")));
	struct scsi io;
	u64 start;

	conn_close(c);
	wait_failed();
	start = now_ms();
	c = login(LOGIN(.isid = 273, .no_ua_check = true));
	ASSERT_LT(now_ms() - start, DEADLINE_MS);
	ASSERT_FALSE(env_info_has(env.initiator, "STATE_FAILED"));
	test_unit_ready(c, &io);
	ASSERT_EQ(0x02, io.status);
	ASSERT_EQ(0x29, io.asc);
	ASSERT_EQ(0x07, io.ascq);
	ping(other);
	logout(c);
}

/* A format error is no loss: it ends all of the session. */
TEST(A21_format_error_ends_all_connections)
{
	struct conn *c[3];
	struct scsi io;
	struct pdu p;
	u32 i;

	login_multi_keys(c, 3, MULTI("DefaultTime2Retain=20"));
	test_unit_ready(c[0], &io);
	scsi_pdu(c[1], &io, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c[1], &p);
	for (i = 0; i < 3; i++)
		expect_closed(c[i]);
	env_settle();
}

/* Each connection is pinged; the one that is silent goes, and no other. */
TEST(C31_F25_pings_on_each_connection)
{
	struct conn *c[2];
	u64 end;

	c[0] = login(LOGIN(.initiator = env.pinged, .keys = MULTI("")));
	c[1] = login_join(c[0]->sess, 1);
	c[1]->no_pong = true;
	end = now_ms() + bound_ms(15000);
	while (!c[1]->closed) {
		ASSERT_LT(now_ms(), end);
		/* conn_wait() answers pings, conn_recv() does not. */
		conn_wait(c[0], 100);
		conn_recv(c[1], 100);
	}
	while (!(c[0]->seen & 1ULL << OP_ASYNC)) {
		ASSERT_LT(now_ms(), end);
		conn_wait(c[0], 100);
	}
	ping(c[0]);
	ASSERT_TRUE(c[0]->seen & 1ULL << OP_NOP_IN);
	ASSERT_TRUE(c[1]->seen & 1ULL << OP_NOP_IN);
}

/* ---- task management from another connection ---- */

TEST(E02_E06_E18_abort_from_another_connection)
{
	struct conn *c[2];
	u8 out[2 * BLOCK], zero[2 * BLOCK] = {}, back[2 * BLOCK];
	struct scsi io;
	u32 ttt, depth;

	login_multi(c, 2);
	depth = window_of(c[0]);
	scsi_write(c[0], LUN0, 60, zero, sizeof(zero));
	fill_pattern(out, sizeof(out), 60);
	ttt = stalled_write(c[0], &io, out, 60);
	ASSERT_EQ(TMF_DONE, tmf(c[1], TMF_ABORT_TASK, LUN0, io.itt, io.cmd_sn));
	ping(c[0]);
	scsi_data_out(c[0], &io, ttt, 0, sizeof(out));
	ping(c[0]);
	scsi_read(c[1], LUN0, 60, back, sizeof(back));
	ASSERT_EQ(0, memcmp(zero, back, sizeof(back)));
	expect_idle_window(c[0], depth);
}

/* ---- administrators ---- */

static void busy_everywhere(struct conn **c, struct scsi *io, u32 *ttt, u8 *buf,
			    u64 lun)
{
	u32 i;

	for (i = 0; i < NR_CONNS; i++) {
		scsi_rw(&io[i], true, lun, 800 + 2 * i, 2 * BLOCK, buf);
		io[i].held = true;
		scsi_send(c[i], &io[i]);
		ttt[i] = pdu32(recv_r2t(c[i], &io[i]), BHS_TTT);
	}
}

/* What it takes, in ms, to write to a file in configfs. */
static u64 write_ms(const char *file, const char *value)
{
	u64 start = now_ms();
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/tpgt_1/%s", env.target, file);
	configfs_write(path, value);
	return now_ms() - start;
}

TEST(C34_J16_portal_group_disabled)
{
	struct conn *c[NR_CONNS];
	struct scsi io[NR_CONNS];
	u8 buf[2 * BLOCK] = {};
	u32 ttt[NR_CONNS], i;

	login_multi_keys(c, NR_CONNS, MULTI("DefaultTime2Retain=60"));
	busy_everywhere(c, io, ttt, buf, LUN0);
	ASSERT_GT(DEADLINE_MS, write_ms("enable", "0"));
	for (i = 0; i < NR_CONNS; i++)
		expect_closed(c[i]);
	write_ms("enable", "1");
	c[0] = login_default();
	scsi_write(c[0], LUN0, 800, buf, sizeof(buf));
	logout(c[0]);
}

/* One that waits for a connection to come back is no obstacle. */
TEST(C34_C27_portal_group_disabled_while_session_waits)
{
	struct conn *c = login_keys(MULTI("DefaultTime2Retain=3600"));

	conn_reset(c);
	wait_failed();
	ASSERT_GT(DEADLINE_MS, write_ms("enable", "0"));
	env_settle();
	write_ms("enable", "1");
	logout(login_default());
}

/* A new depth of the window ends the sessions of an ACL, as its removal does. */
TEST(C34_J16_sessions_of_an_acl_ended)
{
	char file[128];
	struct conn *c[NR_CONNS];
	struct scsi io[NR_CONNS];
	u8 buf[2 * BLOCK] = {};
	u32 ttt[NR_CONNS], i;

	snprintf(file, sizeof(file), "acls/%s/cmdsn_depth", env.initiator);
	login_multi(c, NR_CONNS);
	busy_everywhere(c, io, ttt, buf, LUN0);
	ASSERT_GT(DEADLINE_MS, write_ms(file, "32"));
	for (i = 0; i < NR_CONNS; i++)
		expect_closed(c[i]);
	c[0] = login_default();
	ASSERT_EQ(32, window_of(c[0]));
	logout(c[0]);
	write_ms(file, "64");
}

/* A link below the portal group, to be taken away and put back. */
struct link {
	char path[PATH_MAX];
	char to[PATH_MAX];
};

static void link_remove(struct link *l, const char *path)
{
	snprintf(l->path, sizeof(l->path), "%s/%s/tpgt_1/%s", env.configfs,
		 env.target, path);
	if (!realpath(l->path, l->to) || unlink(l->path))
		die("%s: %s", l->path, strerror(errno));
}

static void link_restore(const struct link *l)
{
	if (symlink(l->to, l->path))
		die("%s: %s", l->path, strerror(errno));
}

/* It takes all its mappings along: these are made again, too. */
static void lun1_restore(const struct link *port)
{
	const char *const initiators[] = { env.initiator, env.initiator2 };
	struct link mapped;
	char path[256];
	u32 i;

	link_restore(port);
	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "acls/%s/lun_1/lun", initiators[i]);
		link_remove(&mapped, path);
		link_restore(&mapped);
	}
	snprintf(path, sizeof(path), "acls/%s/lun_1/write_protect",
		 env.initiator2);
	write_ms(path, "1");
}

/* Under a write of each connection; the removal does not wait for the data. */
TEST(C34_D16_J16_lun_removed)
{
	struct conn *c[NR_CONNS];
	struct scsi io[NR_CONNS];
	u8 buf[2 * BLOCK] = {};
	u32 ttt[NR_CONNS], i;
	struct link port;
	u64 start;

	login_multi(c, NR_CONNS);
	busy_everywhere(c, io, ttt, buf, LUN1);
	start = now_ms();
	link_remove(&port, "lun/lun_1/port");
	start = now_ms() - start;
	lun1_restore(&port);
	ASSERT_LT(start, bound_ms(3000));
	for (i = 0; i < NR_CONNS; i++) {
		scsi_data_out(c[i], &io[i], ttt[i], 0, io[i].edtl);
		scsi_wait(c[i], &io[i]);
		ASSERT_EQ(0x02, io[i].status);
		ASSERT_EQ(0x05, io[i].key);
		ASSERT_EQ(0x25, io[i].asc);
	}
	clear_unit_attentions(c[0], LUN1);
	scsi_write(c[0], LUN1, 0, buf, sizeof(buf));
	logout(c[0]);
}

/* ---- all at once ---- */

struct storm {
	struct conn *c[NR_CONNS];	/* the first one stays */
	u32 held[NR_CONNS];
	u8 buf[64 * BLOCK];
};

static void storm_drop(struct storm *st, u32 k)
{
	conn_close(st->c[k]);
	st->c[k] = NULL;
	st->held[k] = 0;
}

/* Takes what has come; what it says has been checked. */
static void storm_drain(struct storm *st)
{
	enum recv_result r;
	u32 k;

	for (k = 0; k < NR_CONNS; k++) {
		if (!st->c[k])
			continue;
		do {
			r = conn_recv(st->c[k], 0);
		} while (r == RECV_PDU);
		if (r != RECV_CLOSED)
			continue;
		if (!k)
			die("the connection that nobody touched is closed");
		storm_drop(st, k);
	}
}

/* Fills the holes that commands have left which went with their connection. */
static void storm_fill_holes(struct storm *st)
{
	struct sess *s = st->c[0]->sess;
	u32 next = s->cmd_sn, sn;
	struct pdu p;

	for (sn = s->exp_cmd_sn; sn != next; sn++) {
		pdu_nop(st->c[0], &p, NULL, 0);
		pdu_set32(&p, BHS_CMD_SN, sn);
		conn_send(st->c[0], &p);
	}
	s->cmd_sn = next;
}

static void storm_send(struct storm *st, u32 k)
{
	struct conn *c = st->c[k];
	u32 n = 1 + rnd(6);
	struct scsi io;
	struct pdu p;

	conn_cork(c);
	while (n-- && !sn_lt(c->sess->max_cmd_sn, c->sess->cmd_sn)) {
		bool held = k && !rnd(3);

		switch (rnd(4)) {
		case 0:
			pdu_nop(c, &p, st->buf, rnd(512));
			conn_send(c, &p);
			break;
		case 1:
			scsi_rw(&io, false, LUN0, rnd(256), sizeof(st->buf),
				NULL);
			scsi_send(c, &io);
			break;
		default:
			scsi_rw(&io, true, LUN0, rnd(256), 2 * BLOCK, st->buf);
			io.held = held;
			scsi_send(c, &io);
			st->held[k] += held;
		}
	}
	conn_uncork(c);
}

/* A window full of writes without data: one of their connections goes. */
static void storm_open_window(struct storm *st)
{
	u32 k, most = 1;

	for (k = 1; k < NR_CONNS; k++)
		if (st->held[k] > st->held[most])
			most = k;
	if (!st->c[most])
		return;
	conn_reset(st->c[most]);
	st->c[most] = NULL;
	st->held[most] = 0;
}

static void storm_step(struct storm *st)
{
	u32 k = 1 + rnd(NR_CONNS - 1), what = rnd(16);
	struct sess *s = st->c[0]->sess;
	struct conn *old = st->c[k];
	struct pdu p;

	if (!old || what == 0) {
		st->c[k] = login_join(s, k);
		st->held[k] = 0;
		if (old)
			conn_close(old);
	} else if (what == 1) {
		conn_reset(old);
		st->c[k] = NULL;
		st->held[k] = 0;
	} else if (what == 2) {
		pdu_logout(st->c[0], &p, 1, k);
		conn_send(st->c[0], &p);
	} else if (what == 3) {
		pdu_logout(old, &p, 1, k);
		conn_send(old, &p);
	} else if (what == 4) {
		old = st->c[rnd(2) ? 0 : k];
		pdu_tmf(old, &p, TMF_ABORT_TASK, LUN0, s->itt - 1 - rnd(8),
			s->cmd_sn - 1 - rnd(8));
		conn_send(old, &p);
	} else {
		storm_send(st, rnd(4) ? k : 0);
	}
	storm_drain(st);
	if (sn_lt(s->max_cmd_sn, s->cmd_sn + 4))
		storm_open_window(st);
	storm_fill_holes(st);
}

/* An answer on the connection that stays, among what else it has to say. */
static void storm_wait_for(struct storm *st, u32 itt)
{
	while (pdu32(recv_any(st->c[0]), BHS_ITT) != itt)
		;
}

/* Nothing is left of it: no hole, no place of the window, no attention. */
static void storm_is_over(struct storm *st, u32 depth)
{
	struct sess *s = st->c[0]->sess;
	u64 end = now_ms() + DEADLINE_MS;
	struct scsi io;
	struct pdu p;

	do {
		if (now_ms() > end)
			die("ExpCmdSN %u, MaxCmdSN %u, CmdSN %u",
			    s->exp_cmd_sn, s->max_cmd_sn, s->cmd_sn);
		storm_fill_holes(st);
		pdu_nop(st->c[0], &p, NULL, 0);
		pdu_immediate(st->c[0], &p);
		conn_send(st->c[0], &p);
		storm_wait_for(st, pdu32(&p, BHS_ITT));
	} while (s->exp_cmd_sn != s->cmd_sn ||
		 s->max_cmd_sn - s->exp_cmd_sn + 1 != depth);
	do {
		scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
		scsi_send(st->c[0], &io);
		storm_wait_for(st, io.itt);
	} while (!scsi_input(st->c[0], &io, &st->c[0]->rx) ||
		 (io.status && now_ms() < end));
	if (io.status)
		die("status %02x sense %x/%02x/%02x", io.status, io.key,
		    io.asc, io.ascq);
}

TEST(C02_C06_C18_C20_J16_storm)
{
	struct storm *st = calloc(1, sizeof(*st));
	u32 step, k, depth;
	u64 end = now_ms() + 30000;

	login_multi(st->c, NR_CONNS);
	depth = window_of(st->c[0]);
	rnd_state = 20;
	for (step = 0; step < 1500 && now_ms() < end; step++)
		storm_step(st);
	TH_LOG("%u steps", step);
	ASSERT_LT(100, step);
	/* Whoever is left gives its place to another, with all its tasks. */
	for (k = 1; k < NR_CONNS; k++) {
		struct conn *old = st->c[k];

		st->c[k] = login_join(st->c[0]->sess, k);
		if (old)
			conn_close(old);
	}
	storm_is_over(st, depth);
	for (k = 1; k < NR_CONNS; k++)
		ping(st->c[k]);
	conn_close(st->c[0]);
	recv_async(st->c[1], ASYNC_DROP_CONNECTION);
	logout(st->c[1]);
}

RAW_TEST_MAIN
