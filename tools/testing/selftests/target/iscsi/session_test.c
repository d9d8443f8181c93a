// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section C: sessions, numbering, logout, NOP, text, discovery; one
 * connection a session, recovery level 0.
 */
#include "harness.h"

#define LUN0	lun_peripheral(0)

static void test_unit_ready(struct scsi *io)
{
	scsi_cdb6(io, LUN0, 0x00, 0, NULL);
}

/* A write that waits for its data after one R2T. */
static u32 stalled_write(struct conn *c, struct scsi *io, u8 *buf, u32 lba)
{
	return stall_write(c, io, LUN0, lba, buf, 2 * BLOCK);
}

static u16 isid_of(const struct conn *c)
{
	return get_be16(c->sess->isid + 4);
}

TEST(C01_cmd_sn_wraps)
{
	struct conn *c = login(LOGIN(.cmd_sn = 0xfffffffb, .no_ua_check = true));
	struct scsi io[10];
	u32 i;

	clear_unit_attentions(c, LUN0);
	conn_cork(c);
	for (i = 0; i < 10; i++) {
		test_unit_ready(&io[i]);
		scsi_send(c, &io[i]);
	}
	conn_uncork(c);
	for (i = 0; i < 10; i++) {
		scsi_wait(c, &io[i]);
		ASSERT_EQ(0, io[i].status);
	}
	ASSERT_LT(c->sess->exp_cmd_sn, 100);
}

/* The first StatSN is the ExpStatSN of the first Login Request (B06). */
TEST(C01_J18_stat_sn_wraps)
{
	struct conn *c = login(LOGIN(.stat_sn = 0xfffffff8));
	u32 i;

	/* lib/check.c checks each. */
	for (i = 0; i < 20; i++)
		ping(c);
	ASSERT_LT(c->stat_sn, 100);
}

/* n + 1 before n: nothing runs until n is there, then both in order. */
TEST(C02_commands_in_cmd_sn_order)
{
	struct conn *c = login_default();
	u32 n = c->sess->cmd_sn;
	struct pdu first, second;

	pdu_nop(c, &first, NULL, 0);
	pdu_nop(c, &second, NULL, 0);
	conn_send(c, &second);
	ping(c);
	ASSERT_EQ(n, pdu32(&c->rx, BHS_EXP_CMD_SN));
	conn_send(c, &first);
	recv_op(c, OP_NOP_IN);
	ASSERT_EQ(pdu32(&first, BHS_ITT), pdu32(&c->rx, BHS_ITT));
	recv_op(c, OP_NOP_IN);
	ASSERT_EQ(pdu32(&second, BHS_ITT), pdu32(&c->rx, BHS_ITT));
	ASSERT_EQ(n + 2, pdu32(&c->rx, BHS_EXP_CMD_SN));
}

TEST(C03_outside_window_ignored)
{
	struct conn *c = login_default();
	u32 n = c->sess->cmd_sn, i;
	struct scsi io;
	struct pdu p;
	u32 bad[] = { n - 1, n - 2, 0, n + 0x80000000U };

	ping(c);
	bad[2] = c->sess->max_cmd_sn + 1;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		test_unit_ready(&io);
		scsi_pdu(c, &io, &p);
		pdu_set32(&p, BHS_CMD_SN, bad[i]);
		conn_send(c, &p);
		ping(c);
		ASSERT_EQ(n, c->sess->exp_cmd_sn);
	}
	c->sess->cmd_sn = n;
	test_unit_ready(&io);
	scsi_run(c, &io);
	ASSERT_EQ(0, io.status);
}

TEST(C03_duplicate_in_window_ignored)
{
	struct conn *c = login_default();
	struct pdu ahead, first;

	/* Both wait for the command between; then one of them is too many. */
	pdu_nop(c, &first, NULL, 0);
	pdu_nop(c, &ahead, NULL, 0);
	conn_send(c, &ahead);
	pdu_set32(&ahead, BHS_ITT, c->sess->itt++);
	conn_send(c, &ahead);
	conn_send(c, &first);
	recv_op(c, OP_NOP_IN);
	ASSERT_EQ(pdu32(&first, BHS_ITT), pdu32(&c->rx, BHS_ITT));
	recv_op(c, OP_NOP_IN);
	ping(c);
}

TEST(C04_J10_task_tag_in_use)
{
	struct conn *c = login_default();
	u8 buf[2 * BLOCK];
	struct scsi io;
	struct pdu p;
	u32 ttt;

	fill_pattern(buf, sizeof(buf), 4);
	scsi_rw(&io, true, LUN0, 40, sizeof(buf), buf);
	scsi_pdu(c, &io, &p);
	conn_send(c, &p);
	ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
	/* The same request again: a retry of a live task. */
	conn_send(c, &p);
	ping(c);
	/* Another request with this tag. */
	pdu_nop(c, &p, NULL, 0);
	pdu_immediate(c, &p);
	pdu_set32(&p, BHS_ITT, io.itt);
	conn_send(c, &p);
	recv_reject(c, REJ(IN_PROGRESS) | REJ(INVALID_FIELD));
	finish_write(c, &io, ttt);
	ping(c);
}

TEST(C05_rejected_command_leaves_its_cmd_sn)
{
	struct conn *c = login_keys("DataDigest=CRC32C");
	u32 n = c->sess->cmd_sn;
	struct scsi io;
	struct pdu p;
	u8 buf[BLOCK], back[BLOCK];

	ASSERT_TRUE(c->ddigest);
	fill_pattern(buf, BLOCK, 5);
	scsi_rw(&io, true, LUN0, 50, BLOCK, buf);
	scsi_pdu(c, &io, &p);
	pdu_data(&p, buf, BLOCK);
	p.flaw = FLAW_DDIGEST;
	conn_send(c, &p);
	recv_reject(c, REJ(DIGEST));
	ASSERT_EQ(n, pdu32(&c->rx, BHS_EXP_CMD_SN));
	ping(c);
	ASSERT_EQ(n, pdu32(&c->rx, BHS_EXP_CMD_SN));
	p.flaw = 0;
	conn_send(c, &p);
	scsi_wait(c, &io);
	ASSERT_EQ(0, io.status);
	scsi_read(c, LUN0, 50, back, BLOCK);
	ASSERT_EQ(0, memcmp(buf, back, BLOCK));
}

/* Writes without data until the window is closed. */
static u32 close_window(struct conn *c, struct scsi *io, u32 *ttt, u32 max,
			u8 *buf)
{
	u32 n;

	for (n = 0; n < max; n++) {
		if (sn_lt(c->sess->max_cmd_sn, c->sess->cmd_sn))
			break;
		ttt[n] = stalled_write(c, &io[n], buf, 60 + 2 * n);
	}
	return n;
}

TEST(C06_C07_window_closes_and_reopens)
{
	struct conn *c = login(LOGIN(.initiator = env.small));
	struct scsi io[64];
	u32 ttt[64], n, i;
	u8 buf[2 * BLOCK];

	fill_pattern(buf, sizeof(buf), 6);
	ping(c);
	ASSERT_EQ(8, c->sess->max_cmd_sn - c->sess->exp_cmd_sn + 1);
	n = close_window(c, io, ttt, 64, buf);
	ASSERT_EQ(8, n);
	ASSERT_EQ(c->sess->exp_cmd_sn - 1, c->sess->max_cmd_sn);
	for (i = 0; i < n; i++)
		finish_write(c, &io[i], ttt[i]);
	/* The initiator sends nothing: the target must tell (C07). */
	while (sn_lt(c->sess->max_cmd_sn, c->sess->cmd_sn))
		ASSERT_EQ(RECV_PDU, conn_recv(c, DEADLINE_MS));
	test_unit_ready(&io[0]);
	scsi_run(c, &io[0]);
	ASSERT_EQ(0, io[0].status);
}

TEST(C08_immediate_while_window_closed)
{
	struct conn *c = login(LOGIN(.initiator = env.small));
	struct scsi io[64];
	u32 ttt[64], n, i, exp;
	u8 buf[2 * BLOCK] = {};

	n = close_window(c, io, ttt, 64, buf);
	exp = c->sess->exp_cmd_sn;
	ping_data(c, "now", 3);
	tmf(c, TMF_ABORT_TASK, LUN0, 0xdead0000, exp + 0x1000);
	ping(c);
	ASSERT_EQ(exp, c->sess->exp_cmd_sn);
	for (i = 0; i < n; i++)
		finish_write(c, &io[i], ttt[i]);
}

/* Each immediate request is answered or rejected, the TMF is served. */
TEST(C09_J12_immediate_flood)
{
	struct conn *c = login_default();
	u32 n = 1000, i, answers = 0, tmf_done = 0;
	struct scsi io;
	struct pdu p;

	conn_cork(c);
	for (i = 0; i <= n; i++) {
		if (i == n / 2) {
			pdu_tmf(c, &p, TMF_ABORT_TASK, LUN0, 0xdead0000, 0);
		} else {
			test_unit_ready(&io);
			io.immediate = true;
			scsi_pdu(c, &io, &p);
		}
		conn_send(c, &p);
	}
	conn_uncork(c);
	for (i = 0; i <= n; i++) {
		switch (pdu_op(recv_any(c))) {
		case OP_TMF_RSP:
			tmf_done++;
			break;
		case OP_SCSI_RSP:
			answers++;
			break;
		case OP_REJECT:
			ASSERT_EQ(REJ_IMMEDIATE, c->rx.bhs[BHS_RESPONSE]);
			answers++;
		}
	}
	ASSERT_EQ(n, answers);
	ASSERT_EQ(1, tmf_done);
	ping(c);
}

/* check.c checks StatSN and ExpCmdSN of each of these. */
TEST(C10_C11_numbers_of_every_response)
{
	struct conn *c = login_default();
	u8 buf[16 * BLOCK];
	u32 sn, sn_r2t, i;
	struct scsi io;

	ping(c);
	sn = pdu32(&c->rx, BHS_STAT_SN);
	fill_pattern(buf, sizeof(buf), 11);
	for (i = 0; i < 3; i++) {
		scsi_rw(&io, true, LUN0, 0, sizeof(buf), buf);
		io.held = true;
		scsi_send(c, &io);
		recv_r2t(c, &io);
		sn_r2t = pdu32(&c->rx, BHS_STAT_SN);
		ASSERT_EQ(sn + 1, sn_r2t);
		finish_write(c, &io, pdu32(&c->rx, BHS_TTT));
		ASSERT_EQ(sn + 1, pdu32(&c->rx, BHS_STAT_SN));
		scsi_read(c, LUN0, 0, buf, sizeof(buf));
		tmf(c, TMF_ABORT_TASK, LUN0, 0xdead0000, 0);
		ping(c);
		ASSERT_EQ(sn + 4, pdu32(&c->rx, BHS_STAT_SN));
		sn += 4;
	}
}

TEST(C12_exp_stat_sn_from_the_future)
{
	static const u32 ahead[] = { 1000, 0x7fffffff, 0x80000000, 0xffffff00 };
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		struct conn *c = login_default();

		pdu_nop(c, &p, NULL, 0);
		pdu_set32(&p, BHS_EXP_STAT_SN, c->stat_sn + ahead[i]);
		conn_send(c, &p);
		/* It acknowledges nothing that there is, and does no harm. */
		recv_op(c, OP_NOP_IN);
		ASSERT_EQ(pdu32(&p, BHS_ITT), pdu32(&c->rx, BHS_ITT));
		ping(c);
		logout(c);
		conn_close(c);
	}
}

TEST(C14_data_out_for_another_lun)
{
	struct conn *c = login_default();
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	struct pdu p;
	u32 ttt;

	ttt = stalled_write(c, &io, buf, 14);
	pdu_data_out(c, &p, &io, ttt, 0, 0, sizeof(buf));
	put_be64(p.bhs + BHS_LUN, lun_peripheral(1));
	conn_send(c, &p);
	recv_reject(c, REJ(INVALID_FIELD));
}

TEST(C15_same_isid_to_two_portal_groups)
{
	struct conn *a = login(LOGIN(.isid = 15));
	struct conn *b = login(LOGIN(.isid = 15, .portal = env.portal2));

	ping(a);
	ping(b);
}

TEST(C16_tsih_unique)
{
	struct conn *c[4];
	u32 i, k;

	for (i = 0; i < 4; i++) {
		c[i] = login_default();
		ASSERT_NE(0, c[i]->sess->tsih);
		for (k = 0; k < i; k++)
			ASSERT_NE(c[k]->sess->tsih, c[i]->sess->tsih);
	}
	for (i = 0; i < 4; i++)
		ping(c[i]);
}

TEST(C17_reinstatement_ends_old_tasks)
{
	struct conn *old = login(LOGIN(.isid = 17)), *new;
	u8 buf[2 * BLOCK] = {};
	struct scsi io[4];
	u32 i;

	for (i = 0; i < 4; i++)
		stalled_write(old, &io[i], buf, 100 + i * 2);
	new = login(LOGIN(.isid = 17, .no_ua_check = true));
	expect_closed(old);
	/* The first command reports the loss of the nexus. */
	test_unit_ready(&io[0]);
	scsi_run(new, &io[0]);
	ASSERT_EQ(0x02, io[0].status);
	ASSERT_EQ(0x06, io[0].key);
	ASSERT_EQ(0x29, io[0].asc);
	ASSERT_EQ(0x07, io[0].ascq);
	clear_unit_attentions(new, LUN0);
	scsi_write(new, LUN0, 100, buf, sizeof(buf));
}

TEST(C17_failed_login_leaves_old_session)
{
	struct conn *old = login(LOGIN(.isid = 18));
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	u32 ttt = stalled_write(old, &io, buf, 110);
	struct login l = { .isid = 18, .keys = "InitialR2T=No InitialR2T=No" };

	expect_refused(&l, STATUSES(LOGIN_INITIATOR_ERR));
	finish_write(old, &io, ttt);
}

TEST(C19_logout_closes_session)
{
	struct conn *c = login_default();
	u8 buf[2 * BLOCK] = {};
	struct scsi io;

	stalled_write(c, &io, buf, 19);
	/* The Logout Response is the next PDU, then the connection ends. */
	logout(c);
	expect_refused(LOGIN(.isid = isid_of(c), .tsih = c->sess->tsih),
		       STATUSES(LOGIN_NO_SESS));
}

TEST(C20_logout_closes_connection)
{
	struct conn *c = login(LOGIN(.cid = 3));
	struct pdu p;

	pdu_logout(c, &p, 1, 3);
	conn_send(c, &p);
	recv_op(c, OP_LOGOUT_RSP);
	ASSERT_EQ(0, c->rx.bhs[BHS_RESPONSE]);
	expect_closed(c);
	ping(login(LOGIN(.isid = isid_of(c))));
}

TEST(C21_C23_no_recovery_logout_at_level_0)
{
	struct conn *c = login_keys("DefaultTime2Wait=5 DefaultTime2Retain=7");

	ASSERT_EQ(2, logout_conn(c, 2, 0));
	ASSERT_EQ(5, get_be16(c->rx.bhs + BHS_TIME2WAIT));
	ASSERT_EQ(7, get_be16(c->rx.bhs + BHS_TIME2RETAIN));
	ping(c);
	logout(c);
}

TEST(C22_logout_of_unknown_connection)
{
	struct conn *c = login_default();
	struct pdu p;

	pdu_logout(c, &p, 1, 0x7777);
	conn_send(c, &p);
	recv_op(c, OP_LOGOUT_RSP);
	ASSERT_EQ(1, c->rx.bhs[BHS_RESPONSE]);
	ping(c);
	logout(c);
}

TEST(C24_nothing_after_logout)
{
	struct conn *c = login_default();
	struct scsi io;
	struct pdu p;
	u8 buf[BLOCK];

	conn_cork(c);
	pdu_logout(c, &p, 0, 0);
	conn_send(c, &p);
	scsi_rw(&io, false, LUN0, 0, BLOCK, buf);
	scsi_send(c, &io);
	conn_uncork(c);
	recv_op(c, OP_LOGOUT_RSP);
	ASSERT_EQ(0, c->rx.bhs[BHS_RESPONSE]);
	expect_closed(c);
}

/* Time2Retain 0: a lost connection takes the session with it at once. */
TEST(C27_connection_loss_frees_session)
{
	struct conn *c = login(LOGIN(.isid = 27)), *n;
	struct login l = { .isid = 27, .tsih = c->sess->tsih, .keys = "" };
	u64 end = now_ms() + DEADLINE_MS;
	u8 buf[2 * BLOCK] = {};
	struct scsi io[8];
	u16 status;
	u32 i;

	for (i = 0; i < 8; i++)
		stalled_write(c, &io[i], buf, 270 + i * 2);
	conn_reset(c);
	do {
		ASSERT_LT(now_ms(), end);
		status = login_try(&l, &n);
		conn_close(n);
	} while (status != LOGIN_NO_SESS);
	l.tsih = 0;
	end = now_ms();
	n = login(&l);
	ASSERT_LT(now_ms() - end, bound_ms(5000));
	scsi_write(n, LUN0, 270, buf, sizeof(buf));
}

TEST(C28_new_session_starts_with_defaults)
{
	static const char keys[] =
		"MaxRecvDataSegmentLength=512 MaxBurstLength=512";
	struct conn *c = login(LOGIN(.isid = 28, .keys = keys));
	u8 buf[64 * BLOCK];
	struct scsi io;

	c = login(LOGIN(.isid = isid_of(c), .keys = ""));
	scsi_rw(&io, false, LUN0, 0, sizeof(buf), buf);
	scsi_run(c, &io);
	ASSERT_EQ(sizeof(buf) / DEFAULT_MRDSL, io.nr_data_in);
	ASSERT_EQ(1, io.nr_final);
}

TEST(C29_ping_data_comes_back)
{
	static const u32 lens[] = { 0, 1, 3, 511, 512, 513, 8191, 8192 };
	struct conn *c = login_default();
	u8 buf[8192];
	struct pdu p;
	u32 i;

	fill_pattern(buf, sizeof(buf), 29);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		ping_data(c, buf, lens[i]);
		pdu_nop(c, &p, buf, lens[i]);
		conn_send(c, &p);
		recv_op(c, OP_NOP_IN);
		ASSERT_EQ(pdu32(&p, BHS_ITT), pdu32(&c->rx, BHS_ITT));
		ASSERT_EQ(lens[i], c->rx.data_len);
		ASSERT_EQ(0, memcmp(c->rx.data, buf, lens[i]));
	}
}

TEST(C30_nop_without_answer)
{
	struct conn *c = login_default();
	u32 n = c->sess->cmd_sn;
	struct pdu p;

	pdu_nop(c, &p, NULL, 0);
	pdu_immediate(c, &p);
	pdu_set32(&p, BHS_ITT, NO_TAG);
	conn_send(c, &p);
	ping(c);
	/* Not immediate: refused or ignored, its CmdSN is still free. */
	pdu_nop(c, &p, NULL, 0);
	c->sess->cmd_sn = n;
	pdu_set32(&p, BHS_ITT, NO_TAG);
	conn_send(c, &p);
	pdu_nop(c, &p, NULL, 0);
	pdu_immediate(c, &p);
	conn_send(c, &p);
	if (pdu_op(recv_any(c)) == OP_REJECT)
		recv_any(c);
	ASSERT_EQ(OP_NOP_IN, pdu_op(&c->rx));
	ASSERT_EQ(pdu32(&p, BHS_ITT), pdu32(&c->rx, BHS_ITT));
	ASSERT_EQ(n, c->sess->exp_cmd_sn);
}

static void answer_ping(struct conn *c, u32 ttt)
{
	struct pdu p;

	pdu_nop(c, &p, NULL, 0);
	pdu_immediate(c, &p);
	pdu_set32(&p, BHS_ITT, NO_TAG);
	memcpy(p.bhs + BHS_LUN, c->rx.bhs + BHS_LUN, 8);
	pdu_set32(&p, BHS_TTT, ttt);
	conn_send(c, &p);
}

static u32 recv_ping(struct conn *c)
{
	if (conn_recv(c, DEADLINE_MS) != RECV_PDU)
		die("no ping within %d ms", DEADLINE_MS);
	if (pdu_op(&c->rx) != OP_NOP_IN || pdu32(&c->rx, BHS_ITT) != NO_TAG)
		die("not a ping");
	if (pdu32(&c->rx, BHS_TTT) == NO_TAG || c->rx.data_len)
		die("C31: ping with TTT %08x and %u bytes",
		    pdu32(&c->rx, BHS_TTT), c->rx.data_len);
	return pdu32(&c->rx, BHS_TTT);
}

/* One is answered; the next one only with a tag that is not its own. */
TEST(C31_target_pings)
{
	struct conn *c = login(LOGIN(.initiator = env.pinged));
	u64 start = now_ms();
	u32 ttt;

	c->no_pong = true;
	answer_ping(c, recv_ping(c));
	ping(c);
	ASSERT_LT(2000, now_ms() - start);
	ttt = recv_ping(c);
	answer_ping(c, ttt ^ 0x5555);
	if (conn_recv(c, DEADLINE_MS) == RECV_PDU) {
		ASSERT_EQ(OP_REJECT, pdu_op(&c->rx));
		ASSERT_EQ(REJ_INVALID_FIELD, c->rx.bhs[BHS_RESPONSE]);
		expect_closed(c);
	}
	ASSERT_TRUE(c->closed);
}

TEST(C34_disabled_portal_group_drops_sessions)
{
	struct conn *c = login(LOGIN(.portal = env.portal2));
	char path[256];
	u16 status;

	snprintf(path, sizeof(path), "%s/tpgt_2/enable", env.target);
	configfs_write(path, "0");
	expect_closed(c);
	conn_close(c);
	configfs_write(path, "1");
	status = login_try(LOGIN(.portal = env.portal2), &c);
	ASSERT_EQ(LOGIN_OK, status);
}

/* An exchange of three requests; the answer is complete at the end. */
TEST(C35_C37_text_exchange)
{
	struct conn *c = login_default();
	static const char *const parts[] = { "X-org.exam", "ple.a=1" };
	struct text t = {}, whole = {};
	struct pdu p;
	u32 itt, ttt;
	int i;

	/* C=1: empty answers until the text is whole. */
	text_add_raw(&t, parts[0], strlen(parts[0]));
	pdu_text(c, &p, F_CONTINUE, &t);
	itt = pdu32(&p, BHS_ITT);
	conn_send(c, &p);
	recv_op(c, OP_TEXT_RSP);
	ASSERT_EQ(0, c->rx.bhs[BHS_FLAGS]);
	ASSERT_EQ(0, c->rx.data_len);
	ASSERT_EQ(itt, pdu32(&c->rx, BHS_ITT));
	/* Whole now, but F=0: the target may answer, not end. */
	for (i = 0; i < 2; i++) {
		ttt = pdu32(&c->rx, BHS_TTT);
		ASSERT_NE(NO_TAG, ttt);
		t.len = 0;
		if (!i)
			text_add_raw(&t, parts[1], strlen(parts[1]) + 1);
		pdu_text(c, &p, i ? F_FINAL : 0, &t);
		memcpy(p.bhs + BHS_LUN, c->rx.bhs + BHS_LUN, 8);
		pdu_set32(&p, BHS_ITT, itt);
		pdu_set32(&p, BHS_TTT, ttt);
		conn_send(c, &p);
		recv_op(c, OP_TEXT_RSP);
		ASSERT_EQ(i ? F_FINAL : 0, c->rx.bhs[BHS_FLAGS]);
		text_add_raw(&whole, c->rx.data, c->rx.data_len);
	}
	ASSERT_EQ(NO_TAG, pdu32(&c->rx, BHS_TTT));
	ASSERT_EQ(1, text_count(whole.buf, whole.len, "X-org.example.a"));
	ASSERT_STREQ("NotUnderstood",
		     text_get(whole.buf, whole.len, "X-org.example.a"));
	ping(c);
}

TEST(C36_text_with_stale_tag)
{
	struct conn *c = login_default();
	struct text t = {};
	struct pdu p;
	u32 itt;

	text_add(&t, "X-org.example.a=1");
	pdu_text(c, &p, F_FINAL, &t);
	pdu_set32(&p, BHS_TTT, 0x12345678);
	conn_send(c, &p);
	recv_reject(c, REJ(INVALID_FIELD));
	resync_cmd_sn(c);

	/* Start, then start again under the same task tag. */
	pdu_text(c, &p, 0, &t);
	itt = pdu32(&p, BHS_ITT);
	conn_send(c, &p);
	recv_op(c, OP_TEXT_RSP);
	pdu_text(c, &p, F_FINAL, &t);
	pdu_set32(&p, BHS_ITT, itt);
	conn_send(c, &p);
	recv_op(c, OP_TEXT_RSP);
	ASSERT_EQ(F_FINAL, c->rx.bhs[BHS_FLAGS]);
	ASSERT_STREQ("NotUnderstood", text_get(c->rx.data, c->rx.data_len,
					       "X-org.example.a"));
	ping(c);
}

TEST(C38_max_recv_length_by_text)
{
	struct conn *c = login_default();
	u8 buf[16 * BLOCK];
	struct text t = {};
	struct scsi io;
	struct pdu p;

	text_add(&t, "MaxRecvDataSegmentLength=1024");
	pdu_text(c, &p, F_FINAL, &t);
	conn_send(c, &p);
	recv_op(c, OP_TEXT_RSP);
	ASSERT_EQ(F_FINAL, c->rx.bhs[BHS_FLAGS]);
	scsi_rw(&io, false, LUN0, 0, sizeof(buf), buf);
	scsi_run(c, &io);
	ASSERT_EQ(8, io.nr_data_in);
}

static void text_refused(const char *keys, const char *key, u32 reasons)
{
	struct conn *c = login_default();
	struct text t = {};
	const char *v;
	struct pdu p;

	text_add_keys(&t, keys);
	pdu_text(c, &p, F_FINAL, &t);
	conn_send(c, &p);
	recv_any(c);
	if (pdu_op(&c->rx) == OP_TEXT_RSP && key) {
		v = text_get(c->rx.data, c->rx.data_len, key);
		if (!v || strcmp(v, "Reject"))
			die("%s was answered with %s", keys, v ? v : "nothing");
	} else if (pdu_op(&c->rx) != OP_REJECT) {
		die("%s: got opcode %02x", keys, pdu_op(&c->rx));
	} else if (!(reasons & 1U << c->rx.bhs[BHS_RESPONSE])) {
		die("%s: Reject %02x", keys, c->rx.bhs[BHS_RESPONSE]);
	}
	ping(c);
	conn_close(c);
}

TEST(C38_keys_that_are_no_text)
{
	text_refused("MaxBurstLength=512", "MaxBurstLength",
		     REJ(PROTOCOL) | REJ(NEGOTIATION));
	text_refused("HeaderDigest=CRC32C", "HeaderDigest",
		     REJ(PROTOCOL) | REJ(NEGOTIATION));
	text_refused("InitiatorAlias=a InitiatorAlias=b", NULL, REJ(PROTOCOL));
	text_refused("X-org.example.a=1 X-org.example.a=2", NULL,
		     REJ(PROTOCOL));
	text_refused("MaxRecvDataSegmentLength=511", "MaxRecvDataSegmentLength",
		     REJ(PROTOCOL) | REJ(NEGOTIATION));
}

/* No other target's name, whatever the answer. */
TEST(C39_no_send_targets_all_on_normal_sessions)
{
	text_refused("SendTargets=All", "SendTargets",
		     REJ(PROTOCOL) | REJ(NEGOTIATION) | REJ(UNSUPPORTED));
}

static u32 count_targets(const char *list, u32 len, const char *name)
{
	const char *p;
	u32 n = 0;

	for (p = list; p < list + len; p += strlen(p) + 1)
		if (!strncmp(p, "TargetName=", 11) &&
		    (!name || !strcmp(p + 11, name)))
			n++;
	return n;
}

TEST(C39_send_targets_all)
{
	struct conn *c = login(LOGIN(.discovery = true));
	u32 len;
	char *list = send_targets(c, "All", &len, NULL);

	ASSERT_EQ(1, count_targets(list, len, env.target));
	ASSERT_EQ(1, count_targets(list, len, env.demo));
	ASSERT_EQ(0, count_targets(list, len, env.disabled));
	ping(c);
	logout(c);
}

TEST(C40_send_targets_one)
{
	struct conn *c = login(LOGIN(.discovery = true));
	u32 len;
	char *list;

	list = send_targets(c, env.demo, &len, NULL);
	ASSERT_EQ(1, count_targets(list, len, env.demo));
	ASSERT_EQ(1, count_targets(list, len, NULL));
	send_targets(c, "iqn.2003-01.org.example:none", &len, NULL);
	ASSERT_EQ(0, len);
	conn_close(c);

	/* On a normal session: the target that it is logged in to. */
	c = login_default();
	list = send_targets(c, "", &len, NULL);
	ASSERT_EQ(1, count_targets(list, len, NULL));
	ASSERT_EQ(1, count_targets(list, len, env.target));
	ping(c);
}

static bool is_address(const char *v, const char *portal, const char *tag)
{
	size_t n = strlen(portal);

	return !strncmp(v, portal, n) && v[n] == ',' && !strcmp(v + n + 1, tag);
}

/* TargetName, its addresses, and nothing else. */
TEST(C41_send_targets_grammar)
{
	struct conn *c = login(LOGIN(.discovery = true));
	u32 len, nr_address = 0, found = 0;
	const char *p;
	char *list;

	list = send_targets(c, env.target, &len, NULL);
	ASSERT_EQ(0, strncmp(list, "TargetName=", 11));
	for (p = list + strlen(list) + 1; p < list + len; p += strlen(p) + 1) {
		ASSERT_EQ(0, strncmp(p, "TargetAddress=", 14)) {
			TH_LOG("%s", p);
		}
		nr_address++;
		found |= is_address(p + 14, env.portal, "1") << 0;
		found |= is_address(p + 14, env.portal6, "1") << 1;
		found |= is_address(p + 14, env.portal2, "2") << 2;
	}
	ASSERT_EQ(3, nr_address);
	ASSERT_EQ(7, found);
}

TEST(C41_send_targets_only_where_permitted)
{
	static const char who[] = "iqn.2003-01.org.example:who";
	struct conn *c = login(LOGIN(.discovery = true, .initiator = who));
	u32 len;
	char *list = send_targets(c, "All", &len, NULL);
	const char *p;

	/* tpgt_1 of the first target has ACLs and hides from strangers. */
	for (p = list; p < list + len; p += strlen(p) + 1) {
		if (strncmp(p, "TargetName=", 11)) {
			ASSERT_FALSE(is_address(p + 14, env.portal, "1") &&
				     count_targets(list, p - list,
						   env.target) == 1 &&
				     !count_targets(list, p - list, env.demo));
		}
	}
	ASSERT_EQ(1, count_targets(list, len, env.demo));
}

TEST(C42_long_send_targets)
{
	static const char *const keys[] = {
		"MaxRecvDataSegmentLength=512",
		"MaxRecvDataSegmentLength=65536",
	};
	u32 len[2], nr[2], i;
	char *list[2];

	for (i = 0; i < 2; i++) {
		struct conn *c = login(LOGIN(.discovery = true, .keys = keys[i]));

		list[i] = send_targets(c, "All", &len[i], &nr[i]);
		logout(c);
	}
	ASSERT_LE(len[0] / 512, nr[0]);
	ASSERT_EQ(1, nr[1]);
	ASSERT_EQ(len[0], len[1]);
	ASSERT_EQ(0, memcmp(list[0], list[1], len[0]));
}

TEST(C43_discovery_session_does_nothing_else)
{
	static const u8 ops[] = { OP_SCSI, OP_TMF };
	struct conn *c = login(LOGIN(.discovery = true));
	struct pdu p;
	u32 i, len;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		pdu_init(c, &p, ops[i]);
		pdu_immediate(c, &p);
		if (ops[i] == OP_TMF)
			p.bhs[BHS_FLAGS] |= TMF_LUN_RESET;
		conn_send(c, &p);
		recv_reject(c, REJ(PROTOCOL) | REJ(UNSUPPORTED));
	}
	free(send_targets(c, "All", &len, NULL));
	ASSERT_LT(0, len);
	logout(c);
}

TEST(C43_discovery_sessions_by_portal)
{
	struct conn *a = login(LOGIN(.discovery = true, .isid = 43));
	struct conn *b = login(LOGIN(.discovery = true, .isid = 43,
				     .portal = env.portal2));
	u32 len;

	free(send_targets(a, "All", &len, NULL));
	free(send_targets(b, "All", &len, NULL));
	logout(a);
	logout(b);
}

RAW_TEST_MAIN
