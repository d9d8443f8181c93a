// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section E: task management.
 */
#include <sys/wait.h>

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
	return stall_write(c, io, lun, lba, buf, BLOCK);
}

static void test_unit_ready(struct conn *c, struct scsi *io, u64 lun)
{
	scsi_cdb6(io, lun, 0x00, 0, NULL);
	scsi_run(c, io);
}

/* A function that is about no task in particular. */
static u8 tmf_lun(struct conn *c, u8 function, u64 lun)
{
	return tmf(c, function, lun, NO_TAG, 0);
}

static void send_tmf(struct conn *c, u8 function, u64 lun)
{
	struct pdu p;

	pdu_tmf(c, &p, function, lun, NO_TAG, 0);
	conn_send(c, &p);
}

static void expect_tmf(struct conn *c, u8 response)
{
	recv_op(c, OP_TMF_RSP);
	if (c->rx.bhs[BHS_RESPONSE] != response)
		die("TMF response %u, expected %u", c->rx.bhs[BHS_RESPONSE],
		    response);
}

static struct conn *login_level2(void)
{
	return login_keys("iSCSIProtocolLevel=2");
}

/* Portal group attribute of the target under test. */
static void tpg_attrib(const char *name, const char *value)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/tpgt_1/attrib/%s", env.target, name);
	configfs_write(path, value);
}

struct expectation {
	u8 function;
	u8 response;
};

static void expect_each(struct conn *c, const struct expectation *e, u32 n)
{
	for (; n--; e++) {
		u8 got = tmf(c, e->function, LUN0,
			     e->function == TMF_ABORT_TASK ||
			     e->function == TMF_REASSIGN ||
			     e->function == TMF_QUERY_TASK ?
			     NO_SUCH_TASK : NO_TAG,
			     c->sess->cmd_sn + FAR_CMD_SN);

		if (got != e->response)
			die("function %u: response %u, expected %u",
			    e->function, got, e->response);
		ping(c);
	}
}

TEST(E01_E12_E14_E23_E28_every_function_answered)
{
	static const struct expectation level1[] = {
		{ TMF_ABORT_TASK, TMF_NO_TASK },
		{ TMF_ABORT_TASK_SET, TMF_DONE },
		{ TMF_CLEAR_ACA, TMF_UNSUPPORTED },
		{ TMF_CLEAR_TASK_SET, TMF_DONE },
		{ TMF_LUN_RESET, TMF_DONE },
		{ TMF_WARM_RESET, TMF_NOT_AUTHORIZED },
		{ TMF_COLD_RESET, TMF_NOT_AUTHORIZED },
		{ TMF_REASSIGN, TMF_NO_REASSIGN },
		{ TMF_QUERY_TASK, TMF_UNSUPPORTED },
		{ TMF_QUERY_TASK_SET, TMF_UNSUPPORTED },
		{ TMF_NEXUS_RESET, TMF_UNSUPPORTED },
		{ TMF_QUERY_ASYNC_EVENT, TMF_UNSUPPORTED },
		{ 0, TMF_UNSUPPORTED },
		{ 13, TMF_UNSUPPORTED },
		{ 127, TMF_UNSUPPORTED },
	};
	struct conn *c = login_default();

	expect_each(c, level1, ARRAY_SIZE(level1));
	clear_unit_attentions(c, LUN0);
	clear_unit_attentions(c, LUN1);
}

TEST(E01_E28_every_function_answered_at_level_2)
{
	static const struct expectation level2[] = {
		{ TMF_ABORT_TASK, TMF_NO_TASK },
		{ TMF_CLEAR_ACA, TMF_UNSUPPORTED },
		{ TMF_REASSIGN, TMF_NO_REASSIGN },
		{ TMF_QUERY_TASK, TMF_DONE },
		{ TMF_QUERY_TASK_SET, TMF_DONE },
		{ TMF_QUERY_ASYNC_EVENT, TMF_DONE },
		{ 13, TMF_UNSUPPORTED },
		{ TMF_NEXUS_RESET, TMF_DONE },
	};
	struct conn *c = login_level2();

	expect_each(c, level2, ARRAY_SIZE(level2) - 1);
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_NEXUS_RESET, LUN0));
	expect_closed(c);
}

/* 2 is the most there is; without an offer it is 1. */
TEST(B54_E28_protocol_level)
{
	static const struct {
		const char *offer, *answer;
	} cases[] = {
		{ "iSCSIProtocolLevel=31", "2" },
		{ "iSCSIProtocolLevel=2", "2" },
		{ "iSCSIProtocolLevel=1", "1" },
		{ "iSCSIProtocolLevel=0", "0" },
		{ "", NULL },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conn *c = login_keys(cases[i].offer);
		const char *got = conn_key(c, "iSCSIProtocolLevel");
		bool level2 = cases[i].answer && *cases[i].answer == '2';

		TH_LOG("%s -> %s", cases[i].offer, got ?: "(none)");
		ASSERT_EQ(!cases[i].answer, !got);
		if (got)
			ASSERT_STREQ(cases[i].answer, got);
		ASSERT_EQ(level2 ? TMF_DONE : TMF_UNSUPPORTED,
			  tmf_lun(c, TMF_QUERY_TASK_SET, LUN0));
		logout(c);
		conn_close(c);
	}
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

TEST(E09_J15_unknown_lun)
{
	static const u64 luns[] = {
		0x0063000000000000, 0x4063000000000000, 0xc101000000000000,
		0x0000000100000000, 0xffffffffffffffff, 0x0002000000000000,
	};
	static const u8 functions[] = {
		TMF_ABORT_TASK, TMF_ABORT_TASK_SET, TMF_CLEAR_TASK_SET,
		TMF_LUN_RESET, TMF_QUERY_TASK, TMF_QUERY_TASK_SET,
		TMF_QUERY_ASYNC_EVENT,
	};
	struct conn *c = login_level2();
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(luns); i++) {
		for (j = 0; j < ARRAY_SIZE(functions); j++) {
			ASSERT_EQ(TMF_NO_LUN, tmf_lun(c, functions[j],
						      luns[i])) {
				TH_LOG("function %u LUN %016llx", functions[j],
				       luns[i]);
			}
		}
	}
}

static void write_zeroes(struct conn *c, u64 lun, u32 lba, u32 n)
{
	u8 zero[BLOCK] = {};
	u32 i;

	for (i = 0; i < n; i++)
		scsi_write(c, lun, lba + i, zero, BLOCK);
}

static void expect_zeroes(struct conn *c, u64 lun, u32 lba, u32 n)
{
	u8 zero[BLOCK] = {}, back[BLOCK];
	u32 i;

	for (i = 0; i < n; i++) {
		scsi_read(c, lun, lba + i, back, BLOCK);
		if (memcmp(back, zero, BLOCK))
			die("block %u was written", lba + i);
	}
}

/*
 * Writes that wait for data, the function, and a read behind it: the read is
 * done, the function waits for the data of all writes, which goes nowhere.
 */
static void aborts_task_set(u8 function)
{
	struct conn *c = login_default();
	u8 out[BLOCK], in[BLOCK];
	struct scsi w[3], other, r;
	u32 ttt[3], to, i;

	fill_pattern(out, BLOCK, 10);
	write_zeroes(c, LUN0, 20, 3);
	for (i = 0; i < 3; i++)
		ttt[i] = stalled_write(c, &w[i], LUN0, out, 20 + i);
	to = stalled_write(c, &other, LUN1, out, 20);
	conn_cork(c);
	send_tmf(c, function, LUN0);
	scsi_rw(&r, false, LUN0, 20, BLOCK, in);
	scsi_send(c, &r);
	conn_uncork(c);
	scsi_wait(c, &r);
	if (function == TMF_LUN_RESET) {
		/* Done before the reset, or after it and told so. */
		if (r.status && r.key != 6)
			die("status %02x key %x", r.status, r.key);
	} else if (r.status) {
		die("status %02x", r.status);
	}
	for (i = 0; i < 3; i++) {
		ping(c);
		scsi_data_out(c, &w[i], ttt[i], 0, BLOCK);
	}
	expect_tmf(c, TMF_DONE);
	ping(c);
	scsi_data_out(c, &other, to, 0, BLOCK);
	scsi_wait(c, &other);
	if (other.status)
		die("write on another LUN: status %02x", other.status);
	clear_unit_attentions(c, LUN0);
	expect_zeroes(c, LUN0, 20, 3);
}

TEST(E10_E16_E18_E22_abort_task_set)
{
	aborts_task_set(TMF_ABORT_TASK_SET);
}

TEST(E11_E16_E18_E22_clear_task_set)
{
	aborts_task_set(TMF_CLEAR_TASK_SET);
}

TEST(E13_E16_E18_E22_lun_reset_waits_for_data)
{
	aborts_task_set(TMF_LUN_RESET);
}

/* Only the R2T that is out is answered; there is no further one. */
TEST(E02_E16_no_further_r2t)
{
	struct conn *c = login_keys("MaxBurstLength=512 MaxOutstandingR2T=1");
	u8 out[4 * BLOCK];
	struct scsi w;
	u32 ttt;

	fill_pattern(out, sizeof(out), 3);
	write_zeroes(c, LUN0, 24, 4);
	scsi_rw(&w, true, LUN0, 24, sizeof(out), out);
	w.held = true;
	scsi_send(c, &w);
	ttt = pdu32(recv_r2t(c, &w), BHS_TTT);
	send_tmf(c, TMF_ABORT_TASK_SET, LUN0);
	ping(c);
	scsi_data_out(c, &w, ttt, 0, BLOCK);
	expect_tmf(c, TMF_DONE);
	ping(c);
	expect_zeroes(c, LUN0, 24, 4);
}

/* Unsolicited data that was announced is as good as asked for. */
TEST(E16_E22_unsolicited_data)
{
	struct conn *c = login_keys("InitialR2T=No ImmediateData=No FirstBurstLength=1024");
	u8 out[2 * BLOCK];
	struct scsi w;
	struct pdu p;

	ASSERT_STREQ("No", conn_key(c, "InitialR2T"));
	fill_pattern(out, sizeof(out), 4);
	write_zeroes(c, LUN0, 28, 2);
	scsi_rw(&w, true, LUN0, 28, sizeof(out), out);
	scsi_pdu(c, &w, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	send_tmf(c, TMF_ABORT_TASK_SET, LUN0);
	ping(c);
	scsi_data_out(c, &w, NO_TAG, 0, sizeof(out));
	expect_tmf(c, TMF_DONE);
	ping(c);

	/* ABORT TASK does not wait for it, and it is dropped as silently. */
	scsi_pdu(c, &w, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_ABORT_TASK, LUN0, w.itt, w.cmd_sn));
	scsi_data_out(c, &w, NO_TAG, 0, sizeof(out));
	ping(c);
	expect_zeroes(c, LUN0, 28, 2);
}

/* Initiators that stop sending data after a reset are answered all the same. */
TEST(E16_data_that_does_not_come)
{
	struct conn *c = login_default();
	u8 out[BLOCK] = {};
	struct scsi w;

	stalled_write(c, &w, LUN0, out, 30);
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_ABORT_TASK_SET, LUN0));
	stalled_write(c, &w, LUN0, out, 30);
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_LUN_RESET, LUN0));
	ping(c);
	clear_unit_attentions(c, LUN0);
}

static void waits_for_commands(u8 function)
{
	struct conn *c = login_default();
	struct scsi w[2], r;
	struct pdu p[2];
	u8 out[BLOCK];
	u32 i;

	fill_pattern(out, BLOCK, 15);
	write_zeroes(c, LUN0, 32, 2);
	for (i = 0; i < 2; i++) {
		scsi_rw(&w[i], true, LUN0, 32 + i, BLOCK, out);
		scsi_pdu(c, &w[i], &p[i]);
	}
	conn_send(c, &p[1]);
	send_tmf(c, function, LUN0);
	ping(c);
	/* The hole is filled: both are gone before they ask for data. */
	conn_send(c, &p[0]);
	expect_tmf(c, TMF_DONE);
	ping(c);
	clear_unit_attentions(c, LUN0);
	expect_zeroes(c, LUN0, 32, 2);

	/* Filled by an abort. */
	scsi_cdb6(&r, LUN0, 0x00, 0, NULL);
	scsi_pdu(c, &r, &p[0]);
	send_tmf(c, function, LUN0);
	ping(c);
	pdu_tmf(c, &p[0], TMF_ABORT_TASK, LUN0, r.itt, r.cmd_sn);
	conn_send(c, &p[0]);
	for (i = 0; i < 2; i++)
		expect_tmf(c, TMF_DONE);
	clear_unit_attentions(c, LUN0);
}

TEST(E15_E18_abort_task_set_waits_for_commands)
{
	waits_for_commands(TMF_ABORT_TASK_SET);
}

TEST(E15_E18_clear_task_set_waits_for_commands)
{
	waits_for_commands(TMF_CLEAR_TASK_SET);
}

TEST(E15_E18_lun_reset_waits_for_commands)
{
	waits_for_commands(TMF_LUN_RESET);
}

TEST(E15_hole_that_is_not_filled)
{
	struct conn *c;
	struct pdu hole;

	acl_set(env.initiator, "attrib/dataout_timeout", "2");
	acl_set(env.initiator, "attrib/dataout_timeout_retries", "1");
	c = login_default();
	pdu_nop(c, &hole, NULL, 0);
	ASSERT_EQ(TMF_REJECTED, tmf_lun(c, TMF_ABORT_TASK_SET, LUN0));
	conn_send(c, &hole);
	recv_op(c, OP_NOP_IN);
	ping(c);
	acl_set(env.initiator, "attrib/dataout_timeout", "3");
	acl_set(env.initiator, "attrib/dataout_timeout_retries", "5");
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

	/* The third party hears of it as TASK ABORTED, when its data is here. */
	scsi_data_out(b, &wb, tb, 0, BLOCK);
	scsi_wait(b, &wb);
	ASSERT_EQ(TASK_ABORTED, wb.status);
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

/* Another nexus' write waits for data when its task set is cleared. */
static u32 clears_tasks_of_other(struct conn *a, u64 lun_a, struct conn *b,
				 struct scsi *wb, u8 *out)
{
	u32 ttt;

	fill_pattern(out, BLOCK, 11);
	write_zeroes(a, lun_a, 40, 1);
	ttt = stalled_write(b, wb, LUN0, out, 40);
	if (tmf_lun(a, TMF_CLEAR_TASK_SET, lun_a) != TMF_DONE)
		die("CLEAR TASK SET");
	scsi_data_out(b, wb, ttt, 0, BLOCK);
	return ttt;
}

TEST(E11_clear_task_set_of_others_with_tas)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	u8 out[BLOCK];
	struct scsi wb;

	clears_tasks_of_other(a, LUN0, b, &wb, out);
	scsi_wait(b, &wb);
	ASSERT_EQ(TASK_ABORTED, wb.status);
	ping(b);
	expect_zeroes(a, LUN0, 40, 1);
}

/* LUN 1 has TAS=0, and is another target's LUN 0 as well. */
TEST(E11_clear_task_set_of_others_without_tas)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.target = env.demo,
				     .initiator = env.initiator2));
	u8 out[BLOCK];
	struct scsi wb;

	clears_tasks_of_other(a, LUN1, b, &wb, out);
	ping(b);
	test_unit_ready(b, &wb, LUN0);
	ASSERT_EQ(0x06, wb.key);
	ASSERT_EQ(0x2f, wb.asc);
	ASSERT_EQ(0x00, wb.ascq);
	expect_zeroes(a, LUN1, 40, 1);
}

TEST(E10_others_keep_their_tasks)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	u8 out[BLOCK] = {};
	struct scsi wb;
	u32 ttt;

	ttt = stalled_write(b, &wb, LUN0, out, 41);
	ASSERT_EQ(TMF_DONE, tmf_lun(a, TMF_ABORT_TASK_SET, LUN0));
	scsi_data_out(b, &wb, ttt, 0, BLOCK);
	scsi_wait(b, &wb);
	ASSERT_EQ(0, wb.status);
}

TEST(E14_warm_reset)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	u8 out[BLOCK];
	struct scsi w0, w1, wb;
	u32 t0, t1, tb;

	tpg_attrib("allow_target_reset", "1");
	fill_pattern(out, BLOCK, 14);
	write_zeroes(a, LUN0, 44, 2);
	write_zeroes(a, LUN1, 44, 1);
	t0 = stalled_write(a, &w0, LUN0, out, 44);
	t1 = stalled_write(a, &w1, LUN1, out, 44);
	tb = stalled_write(b, &wb, LUN0, out, 45);
	send_tmf(a, TMF_WARM_RESET, 0);
	scsi_data_out(a, &w1, t1, 0, BLOCK);
	ping(a);
	scsi_data_out(a, &w0, t0, 0, BLOCK);
	expect_tmf(a, TMF_DONE);
	ping(a);
	scsi_data_out(b, &wb, tb, 0, BLOCK);
	scsi_wait(b, &wb);
	ASSERT_EQ(TASK_ABORTED, wb.status);
	expect_reset_attention(a, LUN0);
	expect_reset_attention(a, LUN1);
	expect_reset_attention(b, LUN0);
	expect_zeroes(a, LUN0, 44, 2);
	expect_zeroes(a, LUN1, 44, 1);
	tpg_attrib("allow_target_reset", "0");
	ASSERT_EQ(TMF_NOT_AUTHORIZED, tmf_lun(a, TMF_WARM_RESET, 0));
}

TEST(E14_cold_reset)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	struct conn *d = login(LOGIN(.portal = env.portal2));
	struct scsi io;

	tpg_attrib("allow_target_reset", "1");
	ASSERT_EQ(TMF_DONE, tmf_lun(a, TMF_COLD_RESET, 0));
	expect_closed(a);
	expect_closed(b);
	expect_closed(d);
	conn_close(a);
	conn_close(b);
	conn_close(d);
	tpg_attrib("allow_target_reset", "0");
	a = login(LOGIN(.no_ua_check = true));
	test_unit_ready(a, &io, LUN0);
	ASSERT_EQ(0x02, io.status);
	ASSERT_EQ(0x06, io.key);
	ASSERT_EQ(0x29, io.asc);
	clear_unit_attentions(a, LUN0);
	clear_unit_attentions(a, LUN1);
}

TEST(E25_query_task)
{
	struct conn *c = login_level2();
	u8 out[BLOCK] = {};
	struct scsi w;
	u32 ttt;

	ttt = stalled_write(c, &w, LUN0, out, 50);
	ASSERT_EQ(TMF_SUCCEEDED, tmf(c, TMF_QUERY_TASK, LUN0, w.itt, w.cmd_sn));
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_QUERY_TASK, LUN0, w.itt, w.cmd_sn - 1));
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_QUERY_TASK, LUN0, NO_SUCH_TASK,
				w.cmd_sn));
	scsi_data_out(c, &w, ttt, 0, BLOCK);
	scsi_wait(c, &w);
	ASSERT_EQ(0, w.status);
	ASSERT_EQ(TMF_DONE, tmf(c, TMF_QUERY_TASK, LUN0, w.itt, w.cmd_sn));
}

/* A task management function that is sure to be there: it waits for data. */
TEST(E07_E25_functions_are_no_tasks)
{
	struct conn *c = login_level2();
	u8 out[BLOCK] = {};
	struct scsi w;
	struct pdu p;
	u32 ttt;

	ttt = stalled_write(c, &w, LUN0, out, 51);
	pdu_tmf(c, &p, TMF_ABORT_TASK_SET, LUN0, NO_TAG, 0);
	conn_send(c, &p);
	ASSERT_EQ(TMF_REJECTED, tmf(c, TMF_ABORT_TASK, LUN0,
				    pdu32(&p, BHS_ITT), c->sess->cmd_sn));
	ASSERT_EQ(TMF_REJECTED, tmf(c, TMF_QUERY_TASK, LUN0,
				    pdu32(&p, BHS_ITT), c->sess->cmd_sn));
	scsi_data_out(c, &w, ttt, 0, BLOCK);
	expect_tmf(c, TMF_DONE);
	ping(c);
}

TEST(E26_query_task_set)
{
	struct conn *c = login_level2();
	u8 out[BLOCK] = {};
	struct scsi w;
	u32 ttt;

	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_QUERY_TASK_SET, LUN0));
	ttt = stalled_write(c, &w, LUN0, out, 52);
	ASSERT_EQ(TMF_SUCCEEDED, tmf_lun(c, TMF_QUERY_TASK_SET, LUN0));
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_QUERY_TASK_SET, LUN1));
	scsi_data_out(c, &w, ttt, 0, BLOCK);
	scsi_wait(c, &w);
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_QUERY_TASK_SET, LUN0));
}

TEST(E26_query_async_event)
{
	struct conn *c = login_level2();
	struct scsi io;
	u32 i;

	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_QUERY_ASYNC_EVENT, LUN0));
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_LUN_RESET, LUN0));
	/* Asking does not make it go away. */
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(TMF_SUCCEEDED, tmf_lun(c, TMF_QUERY_ASYNC_EVENT,
						 LUN0));
		ASSERT_EQ(0x16, c->rx.bhs[BHS_INFO]);
		ASSERT_EQ(0x29, c->rx.bhs[BHS_INFO + 1]);
	}
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_QUERY_ASYNC_EVENT, LUN1));
	test_unit_ready(c, &io, LUN0);
	ASSERT_EQ(0x06, io.key);
	ASSERT_EQ(0x29, io.asc);
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_QUERY_ASYNC_EVENT, LUN0));
}

TEST(E27_nexus_reset)
{
	struct conn *c = login(LOGIN(.isid = 0x2700,
				     .keys = "iSCSIProtocolLevel=2 DefaultTime2Retain=20"));
	u16 tsih = c->sess->tsih;
	u8 out[BLOCK] = {};
	struct scsi w, io;

	stalled_write(c, &w, LUN0, out, 53);
	ASSERT_EQ(TMF_DONE, tmf_lun(c, TMF_NEXUS_RESET, 0));
	/* At once, though our side of the connection is still open. */
	expect_refused(LOGIN(.isid = 0x2700, .tsih = tsih, .cid = 1),
		       STATUSES(LOGIN_NO_SESS));
	expect_closed(c);
	conn_close(c);
	c = login(LOGIN(.isid = 0x2700, .no_ua_check = true));
	test_unit_ready(c, &io, LUN0);
	ASSERT_EQ(0x02, io.status);
	ASSERT_EQ(0x06, io.key);
	ASSERT_EQ(0x29, io.asc);
	ASSERT_EQ(0x07, io.ascq);
	clear_unit_attentions(c, LUN0);
	clear_unit_attentions(c, LUN1);
}

/* ---- several connections ---- */

/* Two connections of a session; the second one has an unacknowledged status. */
static void login_two(struct conn *c[2], const char *initiator,
		      const char *reporting)
{
	char keys[128];
	struct scsi io;

	snprintf(keys, sizeof(keys), "MaxConnections=2 TaskReporting=%s",
		 reporting);
	c[0] = login(LOGIN(.initiator = initiator, .keys = keys));
	if (!conn_key(c[0], "TaskReporting") ||
	    strcmp(conn_key(c[0], "TaskReporting"), reporting))
		die("TaskReporting=%s", conn_key(c[0], "TaskReporting"));
	c[1] = login_join(c[0]->sess, 1);
	c[0]->no_pong = true;
	c[1]->no_pong = true;
	test_unit_ready(c[1], &io, LUN0);
	if (io.status)
		die("status %02x", io.status);
}

/* Acknowledges everything received, and wants no answer. */
static void acknowledge(struct conn *c, u64 lun)
{
	struct pdu p;

	pdu_init(c, &p, OP_NOP_OUT);
	pdu_immediate(c, &p);
	put_be64(p.bhs + BHS_LUN, lun);
	pdu_set32(&p, BHS_ITT, NO_TAG);
	pdu_set32(&p, BHS_TTT, NO_TAG);
	conn_send(c, &p);
}

static void fenced(u8 function)
{
	struct conn *c[2];
	struct scsi io;

	login_two(c, env.initiator, "ResponseFence");
	send_tmf(c[0], function, LUN1);
	ping(c[0]);
	acknowledge(c[0], 0);
	ping(c[0]);
	acknowledge(c[1], 0);
	expect_tmf(c[0], TMF_DONE);
	/* What follows waits for the acknowledgment of the response. */
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_send(c[1], &io);
	ping(c[1]);
	acknowledge(c[0], 0);
	scsi_wait(c[1], &io);
	if (io.status)
		die("status %02x", io.status);
	ping(c[0]);
}

TEST(B53_C44_E17_abort_task_set_is_fenced)
{
	fenced(TMF_ABORT_TASK_SET);
}

TEST(C44_E17_clear_task_set_is_fenced)
{
	fenced(TMF_CLEAR_TASK_SET);
}

TEST(B53_C44_no_fence_unless_negotiated)
{
	struct conn *c[2];

	login_two(c, env.initiator, "RFC3720");
	ASSERT_EQ(TMF_DONE, tmf_lun(c[0], TMF_ABORT_TASK_SET, LUN1));
	ping(c[1]);
}

/* A connection that never acknowledges ends, and the fence with it. */
TEST(C44_fence_ends_with_its_connection)
{
	struct conn *c[2];

	login_two(c, env.initiator, "ResponseFence");
	send_tmf(c[0], TMF_ABORT_TASK_SET, LUN1);
	ping(c[0]);
	acknowledge(c[0], 0);
	ping(c[0]);
	conn_reset(c[1]);
	acknowledge(c[0], 0);
	/* In whichever order. */
	if (pdu_op(recv_any(c[0])) == OP_ASYNC)
		recv_any(c[0]);
	ASSERT_EQ(OP_TMF_RSP, pdu_op(&c[0]->rx));
}

/* It comes when both connections have acknowledged all that went before. */
static void expect_fenced_attention(struct conn *c[2], u64 lun)
{
	struct scsi io;

	scsi_cdb6(&io, lun, 0x00, 0, NULL);
	scsi_send(c[0], &io);
	ping(c[0]);
	acknowledge(c[0], 0);
	ping(c[0]);
	acknowledge(c[1], 0);
	scsi_wait(c[0], &io);
	if (io.key != 0x06 || io.asc != 0x29)
		die("sense %02x/%02x", io.key, io.asc);
	acknowledge(c[0], 0);
}

TEST(C44_E19_attention_of_third_party_is_fenced)
{
	struct conn *a = login_default(), *c[2];

	login_two(c, env.initiator2, "ResponseFence");
	ASSERT_EQ(TMF_DONE, tmf_lun(a, TMF_LUN_RESET, LUN0));
	expect_fenced_attention(c, LUN0);
	clear_unit_attentions(c[0], LUN0);
	clear_unit_attentions(a, LUN0);
}

/* The sense key is elsewhere. The first one says that the nexus is new. */
TEST(C44_E19_attention_in_descriptor_format_is_fenced)
{
	const u64 lun = lun_peripheral(5);
	struct conn *c[2];

	login_two(c, env.initiator2, "ResponseFence");
	expect_fenced_attention(c, lun);
	clear_unit_attentions(c[0], lun);
}

/* The task ends at once; data for it goes nowhere, and nobody says so. */
TEST(E06_E22_abort_on_another_connection)
{
	struct conn *c[2];
	u8 out[BLOCK];
	struct scsi w;
	u32 ttt;

	login_two(c, env.initiator, "RFC3720");
	fill_pattern(out, BLOCK, 6);
	write_zeroes(c[0], LUN0, 60, 1);
	ttt = stalled_write(c[1], &w, LUN0, out, 60);
	ASSERT_EQ(TMF_DONE, tmf(c[0], TMF_ABORT_TASK, LUN0, w.itt, w.cmd_sn));
	scsi_data_out(c[1], &w, ttt, 0, BLOCK);
	ping(c[1]);
	expect_zeroes(c[0], LUN0, 60, 1);
}

TEST(E10_E16_E18_task_set_on_two_connections)
{
	struct conn *c[2];
	struct scsi w[2];
	u8 out[BLOCK];
	u32 ttt[2];

	login_two(c, env.initiator, "RFC3720");
	fill_pattern(out, BLOCK, 6);
	write_zeroes(c[0], LUN0, 62, 2);
	ttt[0] = stalled_write(c[0], &w[0], LUN0, out, 62);
	ttt[1] = stalled_write(c[1], &w[1], LUN0, out, 63);
	send_tmf(c[0], TMF_ABORT_TASK_SET, LUN0);
	scsi_data_out(c[0], &w[0], ttt[0], 0, BLOCK);
	ping(c[0]);
	scsi_data_out(c[1], &w[1], ttt[1], 0, BLOCK);
	expect_tmf(c[0], TMF_DONE);
	ping(c[1]);
	expect_zeroes(c[0], LUN0, 62, 2);
}

TEST(C26_C32_lost_connection_is_announced)
{
	struct conn *c[2];
	struct pdu *p;

	login_two(c, env.initiator, "RFC3720");
	conn_reset(c[1]);
	p = recv_async(c[0], ASYNC_DROP_CONNECTION);
	ASSERT_EQ(1, get_be16(p->bhs + BHS_PARAM1));
	ping(c[0]);
}

/* Nobody waits for data: it stops here, and there when it is told to. */
TEST(B53_E20_E22_fast_abort)
{
	struct conn *c[2];
	struct scsi w[2];
	u8 out[BLOCK], lun[8];
	struct pdu *p;
	u32 ttt;

	login_two(c, env.initiator, "FastAbort");
	fill_pattern(out, BLOCK, 20);
	write_zeroes(c[0], LUN1, 62, 2);
	acknowledge(c[1], 0);
	stalled_write(c[0], &w[0], LUN1, out, 62);
	ttt = stalled_write(c[1], &w[1], LUN1, out, 63);
	send_tmf(c[0], TMF_ABORT_TASK_SET, LUN1);
	p = recv_async(c[1], ASYNC_TERMINATED);
	put_be64(lun, LUN1);
	ASSERT_EQ(0, memcmp(p->bhs + BHS_LUN, lun, 8));
	/* On its way already, so the tag holds. */
	scsi_data_out(c[1], &w[1], ttt, 0, BLOCK);
	acknowledge(c[1], LUN1);
	expect_tmf(c[0], TMF_DONE);
	acknowledge(c[0], 0);
	ping(c[1]);
	ping(c[0]);
	expect_zeroes(c[0], LUN1, 62, 2);
}

TEST(E20_fast_abort_of_a_third_party)
{
	struct conn *a = login_keys("TaskReporting=FastAbort");
	struct conn *b = login(LOGIN(.initiator = env.initiator2,
				     .keys = "TaskReporting=FastAbort"));
	u8 out[BLOCK];
	struct scsi w;

	fill_pattern(out, BLOCK, 20);
	write_zeroes(a, LUN0, 64, 1);
	stalled_write(b, &w, LUN0, out, 64);
	ASSERT_EQ(TMF_DONE, tmf_lun(a, TMF_CLEAR_TASK_SET, LUN0));
	recv_async(b, ASYNC_TERMINATED);
	acknowledge(b, LUN0);
	scsi_wait(b, &w);
	ASSERT_EQ(TASK_ABORTED, w.status);
	expect_zeroes(a, LUN0, 64, 1);
}

/* Without fast abort of its own it only hears TASK ABORTED. */
TEST(E21_no_event_5_without_fast_abort)
{
	struct conn *a = login_keys("TaskReporting=FastAbort");
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	u8 out[BLOCK] = {};
	struct scsi w;
	u32 ttt;

	ttt = stalled_write(b, &w, LUN0, out, 65);
	ASSERT_EQ(TMF_DONE, tmf_lun(a, TMF_LUN_RESET, LUN0));
	ping(b);
	scsi_data_out(b, &w, ttt, 0, BLOCK);
	scsi_wait(b, &w);
	ASSERT_EQ(TASK_ABORTED, w.status);
	clear_unit_attentions(a, LUN0);
	clear_unit_attentions(b, LUN0);
}

/* ---- a backend that does not answer ---- */

#define LUN7	lun_peripheral(7)

static void read_stuck(struct conn *c, struct scsi *io, u8 *buf)
{
	scsi_rw(io, false, LUN7, 0, BLOCK, buf);
	scsi_send(c, io);
}

/* Sends a function while two reads are in the backend; only it is answered. */
static void aborts_in_backend(u8 function)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	bool others = function != TMF_ABORT_TASK_SET;
	struct scsi ra, rb;
	u8 in[BLOCK];

	clear_unit_attentions(a, LUN7);
	clear_unit_attentions(b, LUN7);
	env_stuck("stick");
	read_stuck(a, &ra, in);
	read_stuck(b, &rb, in);
	ping(b);
	send_tmf(a, function, LUN7);
	ping(a);
	env_stuck("unstick");
	expect_tmf(a, TMF_DONE);
	ping(a);
	scsi_wait(b, &rb);
	if (rb.status != (others ? TASK_ABORTED : 0))
		die("status %02x", rb.status);
	clear_unit_attentions(a, LUN7);
	clear_unit_attentions(b, LUN7);
	logout(a);
	logout(b);
}

TEST(E10_E11_E13_E18_commands_in_the_backend)
{
	if (!env_stuck("stuck_up"))
		SKIP(return, "no device-mapper, no ramdisk");
	aborts_in_backend(TMF_ABORT_TASK_SET);
	aborts_in_backend(TMF_CLEAR_TASK_SET);
	aborts_in_backend(TMF_LUN_RESET);
	env_stuck("stuck_down");
}

/* An abort and a reset wait for the same command; each is answered. */
TEST(E01_E02_E18_functions_that_wait_together)
{
	struct conn *a, *b;
	struct scsi r;
	u8 in[BLOCK];
	struct pdu p;
	u32 i;

	if (!env_stuck("stuck_up"))
		SKIP(return, "no device-mapper, no ramdisk");
	a = login_default();
	b = login(LOGIN(.initiator = env.initiator2));
	clear_unit_attentions(a, LUN7);
	clear_unit_attentions(b, LUN7);
	env_stuck("stick");
	read_stuck(a, &r, in);
	pdu_tmf(a, &p, TMF_ABORT_TASK, LUN7, r.itt, r.cmd_sn);
	conn_send(a, &p);
	send_tmf(a, TMF_ABORT_TASK_SET, LUN7);
	ping(a);
	send_tmf(b, TMF_LUN_RESET, LUN7);
	ping(b);
	env_stuck("unstick");
	for (i = 0; i < 2; i++)
		expect_tmf(a, TMF_DONE);
	expect_tmf(b, TMF_DONE);
	ping(a);
	logout(a);
	logout(b);
	env_stuck("stuck_down");
}

/* The connection goes while its function waits. */
TEST(E01_E18_J16_connection_lost_while_waiting)
{
	static const u8 functions[] = {
		TMF_ABORT_TASK_SET, TMF_CLEAR_TASK_SET, TMF_LUN_RESET,
	};
	struct scsi r;
	struct conn *c;
	u8 in[BLOCK];
	u32 i;

	if (!env_stuck("stuck_up"))
		SKIP(return, "no device-mapper, no ramdisk");
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		c = login_default();
		clear_unit_attentions(c, LUN7);
		env_stuck("stick");
		read_stuck(c, &r, in);
		send_tmf(c, functions[i], LUN7);
		ping(c);
		conn_reset(c);
		env_stuck("unstick");
	}
	c = login_default();
	clear_unit_attentions(c, LUN7);
	read_stuck(c, &r, in);
	scsi_wait(c, &r);
	ASSERT_EQ(0, r.status);
	logout(c);
	env_stuck("stuck_down");
}

/* ---- asynchronous messages ---- */

static void enable_tpg(const char *value)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/tpgt_1/enable", env.target);
	configfs_write(path, value);
}

/* A process that writes an attribute, as writing waits for us. */
static pid_t configfs_write_beside(const char *path, const char *value)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	configfs_write(path, value);
	_exit(0);
}

static void wait_for_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("child ended with status %x", status);
}

/* Nobody answers: asked, told, closed; a discovery session is just closed. */
TEST(C32_C33_C34_disable_with_silent_initiators)
{
	struct conn *n = login_default();
	struct conn *d = login(LOGIN(.discovery = true,
				     .target = env.target));
	u64 start = now_ms();
	struct pdu *p;

	enable_tpg("0");
	ASSERT_GT(DEADLINE_MS, now_ms() - start);
	p = recv_async(n, ASYNC_LOGOUT);
	ASSERT_EQ(1, get_be16(p->bhs + BHS_PARAM3));
	p = recv_async(n, ASYNC_DROP_SESSION);
	ASSERT_EQ(0, get_be16(p->bhs + BHS_PARAM3));
	ASSERT_EQ(RECV_CLOSED, conn_recv(n, DEADLINE_MS));
	ASSERT_EQ(RECV_CLOSED, conn_recv(d, DEADLINE_MS));
	enable_tpg("1");
}

TEST(C32_C33_initiator_logs_out)
{
	struct conn *c = login_default();
	u64 start = now_ms();
	char path[512];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/tpgt_1/enable", env.target);
	pid = configfs_write_beside(path, "0");
	recv_async(c, ASYNC_LOGOUT);
	logout(c);
	wait_for_child(pid);
	ASSERT_GT(DEADLINE_MS, now_ms() - start);
	enable_tpg("1");
}

/* The core closes the sessions of an ACL: here its depth changes. */
TEST(C32_C33_C34_sessions_of_an_acl)
{
	struct conn *c = login_default();
	char path[512];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/tpgt_1/acls/%s/cmdsn_depth",
		 env.target, env.initiator);
	pid = configfs_write_beside(path, "63");
	recv_async(c, ASYNC_LOGOUT);
	recv_async(c, ASYNC_DROP_SESSION);
	ASSERT_EQ(RECV_CLOSED, conn_recv(c, DEADLINE_MS));
	wait_for_child(pid);
	acl_set(env.initiator, "cmdsn_depth", "64");
}

RAW_TEST_MAIN
