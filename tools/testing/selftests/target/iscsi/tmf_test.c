// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section E: ABORT TASK and LOGICAL UNIT RESET, and the answers to the
 * functions that a target may lack.
 */
#include "harness.h"

#define LUN0	lun_peripheral(0)
#define LUN1	lun_peripheral(1)

#define TASK_ABORTED	0x40

/* Any tag and CmdSN that were never used. */
#define NO_SUCH_TASK	0xdead0000
#define FAR_CMD_SN	0x10000

static u32 stalled_write(struct conn *c, struct scsi *io, u64 lun, u8 *buf,
			 u32 lba)
{
	scsi_rw(io, true, lun, lba, BLOCK, buf);
	io->held = true;
	scsi_send(c, io);
	return pdu32(recv_r2t(c, io), BHS_TTT);
}

static void test_unit_ready(struct conn *c, struct scsi *io, u64 lun)
{
	scsi_cdb6(io, lun, 0x00, 0, NULL);
	scsi_run(c, io);
}

TEST(E01_E12_E23_E28_every_function_answered)
{
	static const struct {
		u8 function;
		bool may_reject;
		u8 responses[4];	/* the last one repeated */
	} cases[] = {
		{ TMF_ABORT_TASK, false, { 1, 1, 1, 1 } },
		{ TMF_ABORT_TASK_SET, false, { 0, 5, 5, 5 } },
		{ TMF_CLEAR_ACA, false, { 5, 5, 5, 5 } },
		{ TMF_CLEAR_TASK_SET, false, { 0, 5, 5, 5 } },
		{ TMF_LUN_RESET, false, { 0, 0, 0, 0 } },
		{ TMF_WARM_RESET, false, { 0, 5, 6, 6 } },
		{ TMF_REASSIGN, false, { 4, 5, 5, 5 } },
		{ 9, true, { 5, 5, 5, 5 } },
		{ 10, true, { 5, 5, 5, 5 } },
		{ 11, true, { 5, 5, 5, 5 } },
		{ 12, true, { 5, 5, 5, 5 } },
		{ 13, true, { 5, 255, 255, 255 } },
		{ 100, true, { 5, 255, 255, 255 } },
	};
	struct conn *c = login_default();
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const u8 *r = cases[i].responses;
		u32 rtt = NO_TAG;
		u8 got;

		TH_LOG("function %u", cases[i].function);
		if (cases[i].function == TMF_ABORT_TASK ||
		    cases[i].function == TMF_REASSIGN)
			rtt = NO_SUCH_TASK;
		pdu_tmf(c, &p, cases[i].function, LUN0, rtt,
			c->sess->cmd_sn + FAR_CMD_SN);
		conn_send(c, &p);
		if (pdu_op(recv_any(c)) == OP_REJECT) {
			ASSERT_TRUE(cases[i].may_reject);
		} else {
			ASSERT_EQ(OP_TMF_RSP, pdu_op(&c->rx));
			ASSERT_EQ(pdu32(&p, BHS_ITT), pdu32(&c->rx, BHS_ITT));
			got = c->rx.bhs[BHS_RESPONSE];
			ASSERT_TRUE(got == r[0] || got == r[1] ||
				    got == r[2] || got == r[3]) {
				TH_LOG("response %u", got);
			}
		}
		ping(c);
	}
	clear_unit_attentions(c, LUN0);
}

TEST(E02_E18_E22_abort_of_a_live_task)
{
	struct conn *c = login_default();
	u8 out[BLOCK], back[BLOCK], zero[BLOCK] = {};
	struct scsi io;
	u32 ttt;

	fill_pattern(out, BLOCK, 2);
	scsi_write(c, LUN0, 2, zero, BLOCK);
	ttt = stalled_write(c, &io, LUN0, out, 2);
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_ABORT_TASK, LUN0, io.itt, io.cmd_sn));
	ping(c);
	/* Late data is dropped without a word, and does not get anywhere. */
	scsi_data_out(c, &io, ttt, 0, BLOCK);
	ping(c);
	scsi_read(c, LUN0, 2, back, BLOCK);
	ASSERT_EQ(0, memcmp(back, zero, BLOCK));
	ASSERT_EQ(TMF_NO_TASK, tmf(c, TMF_ABORT_TASK, LUN0, io.itt, io.cmd_sn));
}

TEST(E02_abort_one_of_many)
{
	struct conn *c = login_default();
	struct scsi io[8];
	u8 out[BLOCK] = {};
	u32 ttt[8], i;

	for (i = 0; i < 8; i++)
		ttt[i] = stalled_write(c, &io[i], LUN0, out, i);
	for (i = 1; i < 8; i += 2) {
		ASSERT_EQ(TMF_DONE, tmf(c, TMF_ABORT_TASK, LUN0, io[i].itt,
					io[i].cmd_sn));
	}
	for (i = 0; i < 8; i += 2) {
		scsi_data_out(c, &io[i], ttt[i], 0, BLOCK);
		scsi_wait(c, &io[i]);
		ASSERT_EQ(0, io[i].status);
	}
	ping(c);
}

/* The task is there, but waits for a command before it. */
TEST(E02_abort_behind_a_hole)
{
	struct conn *c = login_default();
	u32 n = c->sess->cmd_sn;
	struct scsi io;
	struct pdu hole, p;

	pdu_nop(c, &hole, NULL, 0);
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_pdu(c, &io, &p);
	conn_send(c, &p);
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_ABORT_TASK, LUN0, io.itt, io.cmd_sn));
	ASSERT_EQ(n, c->sess->exp_cmd_sn);
	conn_send(c, &hole);
	recv_op(c, OP_NOP_IN);
	ASSERT_EQ(pdu32(&hole, BHS_ITT), pdu32(&c->rx, BHS_ITT));
	ping(c);
	ASSERT_EQ(n + 2, c->sess->exp_cmd_sn);
}

TEST(E03_abort_fills_a_hole)
{
	struct conn *c = login_default();
	u32 n = c->sess->cmd_sn;
	struct scsi io;
	struct pdu p;

	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_pdu(c, &io, &p);
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_ABORT_TASK, LUN0, io.itt, n));
	ping(c);
	ASSERT_EQ(n + 1, c->sess->exp_cmd_sn);
	/* The command itself comes too late. */
	conn_send(c, &p);
	ping(c);
	test_unit_ready(c, &io, LUN0);
	ASSERT_EQ(0, io.status);
}

/* What stands in for a lost command waits behind another hole: it goes too. */
TEST(E03_J16_abort_behind_a_hole_and_loss)
{
	struct login again = { .isid = 17, .no_ua_check = true };
	struct conn *c = login(&again);

	c->sess->cmd_sn += 2;
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_ABORT_TASK, LUN0, 0x7143,
				c->sess->cmd_sn - 1));
	conn_reset(c);
	/* Not before the old session has ended. */
	c = login(&again);
	logout(c);
}

TEST(E04_abort_of_no_task)
{
	struct conn *c = login_default();
	struct scsi io;

	test_unit_ready(c, &io, LUN0);
	ASSERT_EQ(TMF_NO_TASK, tmf(c, TMF_ABORT_TASK, LUN0, io.itt, io.cmd_sn));
	ASSERT_EQ(TMF_NO_TASK, tmf(c, TMF_ABORT_TASK, LUN0, NO_SUCH_TASK,
				   c->sess->max_cmd_sn + FAR_CMD_SN));
	ASSERT_EQ(TMF_NO_TASK, tmf(c, TMF_ABORT_TASK, LUN0, NO_SUCH_TASK,
				   c->sess->exp_cmd_sn - 5));
	test_unit_ready(c, &io, LUN0);
	ASSERT_EQ(0, io.status);
}

/* RefCmdSN of an immediate task is the TMF's own CmdSN. */
TEST(E05_abort_of_immediate_task)
{
	struct conn *c = login_default();
	u8 out[BLOCK] = {}, rsp;
	struct scsi io;
	u32 ttt;

	scsi_rw(&io, true, LUN0, 5, BLOCK, out);
	io.held = true;
	io.immediate = true;
	scsi_send(c, &io);
	ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
	rsp = tmf(c, TMF_ABORT_TASK, LUN0, io.itt, c->sess->cmd_sn - 7);
	ASSERT_TRUE(rsp == TMF_NO_TASK || rsp == TMF_REJECTED);
	scsi_data_out(c, &io, ttt, 0, BLOCK);
	scsi_wait(c, &io);
	ASSERT_EQ(0, io.status);

	scsi_send(c, &io);
	recv_r2t(c, &io);
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_ABORT_TASK, LUN0, io.itt,
				c->sess->cmd_sn));
	ping(c);
}

/* The reset may be over before the abort looks for it. */
TEST(E07_abort_of_a_task_management_function)
{
	struct conn *c = login_default();
	struct pdu reset, abort;
	u32 i;

	conn_cork(c);
	pdu_tmf(c, &reset, TMF_LUN_RESET, LUN0, NO_TAG, 0);
	conn_send(c, &reset);
	pdu_tmf(c, &abort, TMF_ABORT_TASK, LUN0, pdu32(&reset, BHS_ITT),
		c->sess->cmd_sn);
	conn_send(c, &abort);
	conn_uncork(c);
	for (i = 0; i < 2; i++) {
		recv_op(c, OP_TMF_RSP);
		if (pdu32(&c->rx, BHS_ITT) == pdu32(&reset, BHS_ITT))
			ASSERT_EQ(TMF_DONE, c->rx.bhs[BHS_RESPONSE]);
		if (pdu32(&c->rx, BHS_ITT) == pdu32(&abort, BHS_ITT))
			ASSERT_TRUE(c->rx.bhs[BHS_RESPONSE] == TMF_REJECTED ||
				    c->rx.bhs[BHS_RESPONSE] == TMF_NO_TASK);
	}
	ping(c);
}

TEST(E08_referenced_tag_ignored)
{
	struct conn *c = login_default();
	u8 out[BLOCK] = {};
	struct scsi io;
	struct pdu p;
	u32 ttt;

	ttt = stalled_write(c, &io, LUN1, out, 8);
	pdu_tmf(c, &p, TMF_LUN_RESET, LUN0, io.itt, 0);
	conn_send(c, &p);
	recv_any(c);
	if (pdu_op(&c->rx) != OP_REJECT)
		ASSERT_EQ(OP_TMF_RSP, pdu_op(&c->rx));
	/* The task on the other LUN is none of its business. */
	scsi_data_out(c, &io, ttt, 0, BLOCK);
	scsi_wait(c, &io);
	ASSERT_EQ(0, io.status);
}

TEST(E09_J15_reset_of_unknown_lun)
{
	static const u64 luns[] = {
		0x0063000000000000, 0x4063000000000000, 0xc101000000000000,
		0x0000000100000000, 0xffffffffffffffff, 0x0002000000000000,
	};
	struct conn *c = login_default();
	u32 i;

	for (i = 0; i < ARRAY_SIZE(luns); i++) {
		ASSERT_EQ(TMF_NO_LUN, tmf(c, TMF_LUN_RESET, luns[i], NO_TAG,
					  0)) {
			TH_LOG("LUN %016llx", luns[i]);
		}
	}
}

/* The first response on a LUN after a reset by anyone. */
static void expect_reset_attention(struct conn *c, u64 lun)
{
	struct scsi io;

	test_unit_ready(c, &io, lun);
	if (io.status != 0x02 || io.key != 0x06 || io.asc != 0x29 ||
	    (io.ascq != 0x03 && io.ascq != 0x00))
		die("status %02x sense %x/%02x/%02x, expected 6/29/03",
		    io.status, io.key, io.asc, io.ascq);
	clear_unit_attentions(c, lun);
}

TEST(E13_E16_lun_reset)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	u8 out[BLOCK], zero[BLOCK] = {}, back[BLOCK];
	struct scsi wa, wb, other;
	u32 ta, tb, to;
	struct pdu p;

	fill_pattern(out, BLOCK, 13);
	scsi_write(a, LUN0, 13, zero, BLOCK);
	scsi_write(a, LUN0, 14, zero, BLOCK);
	ta = stalled_write(a, &wa, LUN0, out, 13);
	to = stalled_write(a, &other, LUN1, out, 13);
	tb = stalled_write(b, &wb, LUN0, out, 14);
	/*
	 * The target may wait for the data that it asked for before it says
	 * that the task is gone, or drop it.
	 */
	pdu_tmf(a, &p, TMF_LUN_RESET, LUN0, NO_TAG, 0);
	conn_send(a, &p);
	scsi_data_out(a, &wa, ta, 0, BLOCK);
	recv_op(a, OP_TMF_RSP);
	ASSERT_EQ(TMF_DONE, a->rx.bhs[BHS_RESPONSE]);
	ping(a);
	scsi_data_out(a, &other, to, 0, BLOCK);
	scsi_wait(a, &other);
	ASSERT_EQ(0, other.status);

	/* The third party hears of it, if at all, as TASK ABORTED. */
	scsi_data_out(b, &wb, tb, 0, BLOCK);
	pdu_nop(b, &p, NULL, 0);
	pdu_immediate(b, &p);
	conn_send(b, &p);
	if (pdu_op(recv_any(b)) == OP_SCSI_RSP) {
		ASSERT_EQ(wb.itt, pdu32(&b->rx, BHS_ITT));
		ASSERT_EQ(TASK_ABORTED, b->rx.bhs[BHS_STATUS]);
		recv_any(b);
	}
	ASSERT_EQ(OP_NOP_IN, pdu_op(&b->rx));
	expect_reset_attention(a, LUN0);
	expect_reset_attention(b, LUN0);
	scsi_read(a, LUN0, 13, back, BLOCK);
	ASSERT_EQ(0, memcmp(back, zero, BLOCK));
	scsi_read(a, LUN0, 14, back, BLOCK);
	ASSERT_EQ(0, memcmp(back, zero, BLOCK));
}

TEST(E13_lun_reset_frees_reservation)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	struct scsi io;
	u8 buf[BLOCK];

	scsi_cdb6(&io, LUN0, 0x16, 0, NULL);	/* RESERVE(6) */
	scsi_run(a, &io);
	ASSERT_EQ(0, io.status);
	scsi_rw(&io, false, LUN0, 0, BLOCK, buf);
	scsi_run(b, &io);
	ASSERT_EQ(0x18, io.status);
	ASSERT_EQ(TMF_DONE, tmf(b, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	clear_unit_attentions(b, LUN0);
	scsi_read(b, LUN0, 0, buf, BLOCK);
}

RAW_TEST_MAIN
