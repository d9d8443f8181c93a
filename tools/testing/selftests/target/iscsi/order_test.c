// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix row D02: the order that task attributes give commands.
 */
#include "harness.h"

#define LUN0	lun_peripheral(0)
#define LUN1	lun_peripheral(1)
#define LUN7	lun_peripheral(7)

static u32 stalled_write(struct conn *c, struct scsi *io, u8 *buf, u32 lba)
{
	return stall_write(c, io, LUN0, lba, buf, BLOCK);
}

static void send_read(struct conn *c, struct scsi *io, u64 lun, u8 attr,
		      u8 *buf, u32 lba)
{
	scsi_rw(io, false, lun, lba, BLOCK, buf);
	io->flags = F_READ | attr;
	scsi_send(c, io);
}

static void send_ready(struct conn *c, struct scsi *io, u64 lun, u8 attr)
{
	scsi_cdb6(io, lun, 0x00, 0, NULL);
	io->flags = attr;
	scsi_send(c, io);
}

/* It is what is answered next, and well. */
static void expect_good(struct conn *c, struct scsi *io)
{
	scsi_wait(c, io);
	if (io->status || io->response)
		die("status %02x, response %02x", io->status, io->response);
}

/* Of what was sent before, nothing is answered yet. */
#define expect_nothing(c)	ping(c)

static u8 abort_one(struct conn *c, const struct scsi *io)
{
	return tmf(c, TMF_ABORT_TASK, LUN0, io->itt, io->cmd_sn);
}

/* ORDERED commands are still possible; the lost order of one hung them all. */
static void expect_order_works(struct conn *c, u64 lun)
{
	struct scsi io;
	u32 i;

	for (i = 0; i < 3; i++) {
		send_ready(c, &io, lun, ATTR_SIMPLE);
		expect_good(c, &io);
		send_ready(c, &io, lun, ATTR_ORDERED);
		expect_good(c, &io);
	}
}

TEST(D02_ordered_waits_for_what_came_before)
{
	struct conn *c = login_default();
	struct scsi w, o, s, h;
	u8 buf[BLOCK], out[3][BLOCK];
	u32 ttt;

	fill_pattern(buf, BLOCK, 1);
	ttt = stalled_write(c, &w, buf, 500);
	send_read(c, &o, LUN0, ATTR_ORDERED, out[0], 500);
	send_read(c, &s, LUN0, ATTR_SIMPLE, out[1], 500);
	expect_nothing(c);
	send_read(c, &h, LUN0, ATTR_HEAD, out[2], 501);
	expect_good(c, &h);
	expect_nothing(c);
	finish_write(c, &w, ttt);
	expect_good(c, &o);
	expect_good(c, &s);
	ASSERT_EQ(0, memcmp(buf, out[0], BLOCK));
	ASSERT_EQ(0, memcmp(buf, out[1], BLOCK));
	expect_order_works(c, LUN0);
}

/* A write may have its data come while it waits for its place. */
TEST(D02_data_comes_while_in_line)
{
	struct conn *c = login_default();
	struct scsi w[3];
	u8 buf[3][BLOCK], back[BLOCK];
	u32 ttt[3], i;

	for (i = 0; i < 3; i++) {
		fill_pattern(buf[i], BLOCK, 10 + i);
		scsi_rw(&w[i], true, LUN0, 502, BLOCK, buf[i]);
		w[i].flags = F_WRITE | (i == 1 ? ATTR_ORDERED : ATTR_SIMPLE);
		w[i].held = true;
		scsi_send(c, &w[i]);
		ttt[i] = pdu32(recv_r2t(c, &w[i]), BHS_TTT);
	}
	/* The last one first. */
	for (i = 3; i--; ) {
		if (i < 2)
			expect_nothing(c);
		scsi_data_out(c, &w[i], ttt[i], 0, BLOCK);
	}
	for (i = 0; i < 3; i++)
		expect_good(c, &w[i]);
	scsi_read(c, LUN0, 502, back, BLOCK);
	ASSERT_EQ(0, memcmp(back, buf[2], BLOCK));
}

/* There is one task set for all nexuses, and one for each logical unit. */
TEST(D02_order_over_sessions)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	struct scsi w, o, s, other;
	u8 buf[BLOCK] = {};
	u32 ttt;

	clear_unit_attentions(a, LUN1);
	ttt = stalled_write(a, &w, buf, 503);
	send_ready(b, &o, LUN0, ATTR_ORDERED);
	expect_nothing(b);
	send_ready(a, &s, LUN0, ATTR_SIMPLE);
	expect_nothing(a);
	send_ready(a, &other, LUN1, ATTR_ORDERED);
	expect_good(a, &other);
	finish_write(a, &w, ttt);
	expect_good(b, &o);
	expect_good(a, &s);
	logout(a);
	logout(b);
}

TEST(D02_E02_abort_of_ordered)
{
	struct conn *c = login_default();
	struct scsi w, o[2], s;
	u8 buf[BLOCK] = {};

	stalled_write(c, &w, buf, 504);
	send_ready(c, &o[0], LUN0, ATTR_ORDERED);
	send_ready(c, &s, LUN0, ATTR_SIMPLE);
	expect_nothing(c);
	/* The one that the other was behind goes. */
	ASSERT_EQ(0, abort_one(c, &o[0]));
	expect_good(c, &s);
	send_ready(c, &o[0], LUN0, ATTR_ORDERED);
	send_ready(c, &o[1], LUN0, ATTR_ORDERED);
	send_ready(c, &s, LUN0, ATTR_SIMPLE);
	expect_nothing(c);
	ASSERT_EQ(0, abort_one(c, &w));
	expect_good(c, &o[0]);
	expect_good(c, &o[1]);
	expect_good(c, &s);
	expect_order_works(c, LUN0);
}

/* Connections go with commands in line, and with one that all wait for. */
TEST(D02_J16_loss_of_ordered)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	struct scsi w, o, s[2];
	u8 buf[BLOCK] = {};

	stalled_write(a, &w, buf, 505);
	send_ready(b, &o, LUN0, ATTR_ORDERED);
	send_ready(b, &s[1], LUN0, ATTR_SIMPLE);
	expect_nothing(b);
	send_ready(a, &s[0], LUN0, ATTR_SIMPLE);
	expect_nothing(a);
	conn_reset(b);
	expect_good(a, &s[0]);

	b = login(LOGIN(.initiator = env.initiator2));
	send_ready(b, &o, LUN0, ATTR_ORDERED);
	send_ready(b, &s[1], LUN0, ATTR_SIMPLE);
	expect_nothing(b);
	conn_reset(a);
	expect_good(b, &o);
	expect_good(b, &s[1]);
	expect_order_works(b, LUN0);
	logout(b);
}

TEST(D02_E13_lun_reset)
{
	struct conn *c = login_default();
	struct scsi w, o[2], s;
	u8 buf[BLOCK] = {};
	struct pdu p;
	u32 ttt;

	ttt = stalled_write(c, &w, buf, 506);
	send_ready(c, &o[0], LUN0, ATTR_ORDERED);
	send_ready(c, &s, LUN0, ATTR_SIMPLE);
	send_ready(c, &o[1], LUN0, ATTR_ORDERED);
	pdu_tmf(c, &p, TMF_LUN_RESET, LUN0, NO_TAG, 0);
	conn_send(c, &p);
	expect_nothing(c);
	scsi_data_out(c, &w, ttt, 0, BLOCK);
	recv_op(c, OP_TMF_RSP);
	ASSERT_EQ(0, c->rx.bhs[BHS_RESPONSE]);
	clear_unit_attentions(c, LUN0);
	expect_order_works(c, LUN0);
}

/* ---- a backend that does not answer ---- */

static void abort_in_backend(u8 function, u8 attr)
{
	struct conn *c = login_default();
	u8 in[2][BLOCK];
	bool done = false;
	struct scsi r, s;
	struct pdu p;

	clear_unit_attentions(c, LUN7);
	env_stuck("stick");
	send_read(c, &r, LUN7, attr, in[0], 0);
	send_read(c, &s, LUN7, ATTR_SIMPLE, in[1], 0);
	expect_nothing(c);
	pdu_tmf(c, &p, function, LUN7,
		function == TMF_ABORT_TASK ? r.itt : NO_TAG, r.cmd_sn);
	conn_send(c, &p);
	expect_nothing(c);
	env_stuck("unstick");
	if (function == TMF_ABORT_TASK) {
		/* Which of them is first is not said. */
		while (!(c->seen & 1ULL << OP_TMF_RSP) || !done) {
			recv_any(c);
			if (pdu_op(&c->rx) != OP_TMF_RSP)
				done = scsi_input(c, &s, &c->rx);
		}
	} else {
		recv_op(c, OP_TMF_RSP);
	}
	clear_unit_attentions(c, LUN7);
	expect_order_works(c, LUN7);
	logout(c);
}

/* The core lost the order of what was aborted while it had it. */
TEST(D02_E02_E13_abort_in_the_backend)
{
	static const u8 functions[] = { TMF_ABORT_TASK, TMF_LUN_RESET };
	u32 i;

	if (!env_stuck("stuck_up"))
		SKIP(return, "no device-mapper, no ramdisk");
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		abort_in_backend(functions[i], ATTR_SIMPLE);
		abort_in_backend(functions[i], ATTR_ORDERED);
		abort_in_backend(functions[i], ATTR_HEAD);
	}
	env_stuck("stuck_down");
}

/* ---- many ---- */

#define NR_MANY	24

struct many {
	struct conn *c;
	struct scsi io[NR_MANY];
	u8 buf[BLOCK];
	u32 sent, left;
};

static u32 rnd_state = 1;

static u32 rnd(u32 n)
{
	rnd_state = rnd_state * 1103515245 + 12345;
	return (rnd_state >> 16) % n;
}

static void many_send(struct many *m)
{
	static const u8 attrs[] = {
		ATTR_SIMPLE, ATTR_SIMPLE, ATTR_ORDERED, ATTR_HEAD,
	};
	struct scsi *io;

	for (m->sent = 0; m->sent < NR_MANY; m->sent++) {
		io = &m->io[m->sent];
		scsi_rw(io, rnd(2), LUN0, 510 + rnd(4), BLOCK, m->buf);
		io->flags = (io->flags & (F_READ | F_WRITE)) |
			    attrs[rnd(ARRAY_SIZE(attrs))];
		scsi_send(m->c, io);
	}
	m->left = m->sent;
}

static void many_receive(struct many *m)
{
	struct pdu *p = recv_any(m->c);
	u32 i, itt = pdu32(p, BHS_ITT);

	for (i = 0; i < m->sent; i++)
		if (m->io[i].itt == itt && scsi_input(m->c, &m->io[i], p))
			m->left--;
}

TEST(D02_many_of_two_sessions)
{
	struct many *m = calloc(2, sizeof(*m));
	u32 round, i;

	m[0].c = login_default();
	m[1].c = login(LOGIN(.initiator = env.initiator2));
	for (round = 0; round < 40; round++) {
		for (i = 0; i < 2; i++) {
			conn_cork(m[i].c);
			many_send(&m[i]);
			conn_uncork(m[i].c);
		}
		for (i = 0; i < 2; i++)
			while (m[i].left)
				many_receive(&m[i]);
	}
	for (i = 0; i < 2; i++)
		logout(m[i].c);
}

RAW_TEST_MAIN
