// SPDX-License-Identifier: GPL-2.0
/*
 * Connection recovery (recovery level 2): tasks of a connection that failed, was
 * logged out for recovery or was reinstated, taken over by another one.
 */
#include <sys/socket.h>

#include "harness.h"

#define LUN0	lun_peripheral(0)

#define PIECE	8192
#define BURST	(4 * PIECE)
#define SIZE	(2 * BURST)

#define KEYS \
	"MaxConnections=4 InitialR2T=Yes ImmediateData=No " \
	"MaxRecvDataSegmentLength=8192 MaxBurstLength=32768 " \
	"FirstBurstLength=32768 DefaultTime2Wait=0 "
#define LEVEL2(more)	"ErrorRecoveryLevel=2 " KEYS more
#define RETAIN		LEVEL2("DefaultTime2Retain=20")

static void login_level2(struct conn **c, u32 nr, const char *keys)
{
	u32 i;

	c[0] = login_keys(keys);
	if (conn_key_num(c[0], "ErrorRecoveryLevel") != 2)
		die("B52: ErrorRecoveryLevel %s",
		    conn_key(c[0], "ErrorRecoveryLevel"));
	for (i = 1; i < nr; i++)
		c[i] = login_join(c[0]->sess, i);
}

/* TASK REASSIGN; with response 0 what follows comes on @c. */
static u8 reassign(struct conn *c, const struct scsi *io, u32 exp_data_sn)
{
	struct pdu p, *r;

	pdu_tmf(c, &p, TMF_REASSIGN, 0, io->itt, io->cmd_sn);
	pdu_set32(&p, BHS_DATA_SN, exp_data_sn);
	conn_send(c, &p);
	r = recv_op(c, OP_TMF_RSP);
	if (pdu32(r, BHS_ITT) != pdu32(&p, BHS_ITT))
		die("TMF Response for ITT %08x", pdu32(r, BHS_ITT));
	if (r->bhs[BHS_RESPONSE] == TMF_DONE)
		c->sess->tags[io->itt % NR_TAGS].conn = c;
	return r->bhs[BHS_RESPONSE];
}

/* C26: the other connections hear of it. */
static void lose(struct conn *lost, struct conn *other)
{
	u16 cid = lost->cid;
	struct pdu *p;

	conn_reset(lost);
	p = recv_async(other, ASYNC_DROP_CONNECTION);
	if (get_be16(p->bhs + BHS_PARAM1) != cid)
		die("C26: CID %u", get_be16(p->bhs + BHS_PARAM1));
}

/* Its tasks are free to be taken over. */
static void recovery_logout(struct conn *c, u16 cid)
{
	u8 response = logout_conn(c, 2, cid);

	if (response)
		die("C21: Logout Response %u", response);
	if (get_be16(c->rx.bhs + BHS_TIME2RETAIN) != 20)
		die("C23: Time2Retain %u",
		    get_be16(c->rx.bhs + BHS_TIME2RETAIN));
}

static void test_unit_ready(struct conn *c, struct scsi *io)
{
	scsi_cdb6(io, LUN0, 0x00, 0, NULL);
	scsi_run(c, io);
}

static void expect_cleared(struct conn *c)
{
	struct scsi io;

	test_unit_ready(c, &io);
	if (io.key != 0x06 || io.asc != 0x47 || io.ascq != 0x7f)
		die("C25: status %02x sense %x/%02x/%02x", io.status, io.key,
		    io.asc, io.ascq);
	test_unit_ready(c, &io);
	if (io.status)
		die("C25: status %02x after the report", io.status);
}

static u32 stalled(struct conn *c, struct scsi *io, u8 *buf, u32 lba)
{
	return stall_write(c, io, LUN0, lba, buf, 2 * BLOCK);
}

static void expect_good(struct conn *c, struct scsi *io)
{
	if (!scsi_input(c, io, recv_any(c)) || io->status || io->response)
		die("status %02x response %02x sense %x/%02x/%02x", io->status,
		    io->response, io->key, io->asc, io->ascq);
}

/* The R2T of a reassigned write, for @len bytes at @offset; then its data. */
static void expect_resumed_write(struct conn *c, struct scsi *io, u32 offset,
				 u32 len)
{
	struct pdu *p = recv_op(c, OP_R2T);
	u32 ttt = pdu32(p, BHS_TTT);

	if (pdu32(p, BHS_ITT) != io->itt)
		die("F23: R2T for ITT %08x", pdu32(p, BHS_ITT));
	if (pdu32(p, BHS_R2T_SN) != io->nr_r2t)
		die("F23: R2TSN %u, expected %u", pdu32(p, BHS_R2T_SN),
		    io->nr_r2t);
	if (pdu32(p, BHS_OFFSET) != offset || pdu32(p, BHS_DDTL) != len)
		die("F23: %u bytes at %u, expected %u at %u",
		    pdu32(p, BHS_DDTL), pdu32(p, BHS_OFFSET), len, offset);
	io->nr_r2t++;
	scsi_data_out(c, io, ttt, offset, len);
}

static void must_read_back(struct conn *c, u32 lba, const u8 *data, u32 len)
{
	u8 *buf = malloc(len);

	scsi_read(c, LUN0, lba, buf, len);
	if (memcmp(data, buf, len))
		die("other data than was written");
	free(buf);
}

/* ---- response codes ---- */

TEST(E23_E07_responses)
{
	struct conn *c[2];
	u8 buf[2 * BLOCK];
	struct scsi io, none = { .itt = 0x77777777 };
	struct pdu p;

	login_level2(c, 2, RETAIN);
	fill_pattern(buf, sizeof(buf), 23);
	ASSERT_EQ(TMF_NO_TASK, reassign(c[0], &none, 0));
	stalled(c[1], &io, buf, 23);
	ASSERT_EQ(TMF_NO_REASSIGN - 1, reassign(c[0], &io, 0));
	/* Of itself. */
	pdu_tmf(c[0], &p, TMF_REASSIGN, 0, 0, 0);
	pdu_set32(&p, BHS_RTT, pdu32(&p, BHS_ITT));
	conn_send(c[0], &p);
	recv_op(c[0], OP_TMF_RSP);
	ASSERT_EQ(TMF_REJECTED, c[0]->rx.bhs[BHS_RESPONSE]);
	/* Failed, but nobody has logged it out. */
	lose(c[1], c[0]);
	ASSERT_EQ(TMF_NO_REASSIGN - 1, reassign(c[0], &io, 0));
	recovery_logout(c[0], 1);
	ASSERT_EQ(TMF_DONE, reassign(c[0], &io, 0));
	expect_resumed_write(c[0], &io, 0, 2 * BLOCK);
	expect_good(c[0], &io);
	must_read_back(c[0], 23, buf, sizeof(buf));
	/* It has ended. */
	ASSERT_EQ(TMF_NO_TASK, reassign(c[0], &io, 0));
	logout(c[0]);
}

TEST(E23_below_level_2)
{
	struct conn *c = login_keys("ErrorRecoveryLevel=1 " KEYS);
	struct scsi io;
	u8 buf[2 * BLOCK] = {};
	u32 ttt;

	ASSERT_EQ(1, conn_key_num(c, "ErrorRecoveryLevel"));
	ttt = stalled(c, &io, buf, 23);
	ASSERT_EQ(TMF_NO_REASSIGN, reassign(c, &io, 0));
	ASSERT_EQ(2, logout_conn(c, 2, 7));
	finish_write(c, &io, ttt);
}

TEST(C21_F22_recovery_logout)
{
	struct conn *c[2];
	u8 buf[2 * BLOCK];
	struct scsi io;
	struct pdu p;

	login_level2(c, 2, RETAIN);
	fill_pattern(buf, sizeof(buf), 21);
	stalled(c[1], &io, buf, 21);
	ASSERT_EQ(1, logout_conn(c[0], 2, 9));
	pdu_logout(c[0], &p, 2, 0);
	conn_send(c[0], &p);
	recv_reject(c[0], REJ(PROTOCOL));
	/* Of a connection that is alive; there is nothing to be told of. */
	recovery_logout(c[0], 1);
	expect_closed(c[1]);
	ASSERT_EQ(TMF_DONE, reassign(c[0], &io, 0));
	expect_resumed_write(c[0], &io, 0, 2 * BLOCK);
	expect_good(c[0], &io);
	must_read_back(c[0], 21, buf, sizeof(buf));
	ASSERT_EQ(1, logout_conn(c[0], 2, 1));
}

/* ---- resuming ---- */

TEST(F23_E24_in_mid_write)
{
	struct conn *c[2];
	u8 *data = malloc(SIZE);
	struct scsi io;
	struct pdu p;
	u32 ttt;

	login_level2(c, 2, RETAIN);
	memset(data, 0, SIZE);
	scsi_write(c[0], LUN0, 0, data, SIZE);
	fill_pattern(data, SIZE, 24);
	scsi_rw(&io, true, LUN0, 0, SIZE, data);
	scsi_send(c[1], &io);
	ttt = pdu32(recv_r2t(c[1], &io), BHS_TTT);
	scsi_data_out(c[1], &io, ttt, 0, BURST);
	ttt = pdu32(recv_r2t(c[1], &io), BHS_TTT);
	pdu_data_out(c[1], &p, &io, ttt, 0, BURST, PIECE);
	p.bhs[BHS_FLAGS] = 0;
	conn_send(c[1], &p);
	ping(c[1]);
	lose(c[1], c[0]);
	recovery_logout(c[0], 1);
	ASSERT_EQ(TMF_DONE, reassign(c[0], &io, 0));
	expect_resumed_write(c[0], &io, BURST + PIECE, BURST - PIECE);
	expect_good(c[0], &io);
	must_read_back(c[0], 0, data, SIZE);
	free(data);
}

/* Data-In from DataSN @sn on, in pieces of @piece, and the status. */
static void expect_resumed_read(struct conn *c, struct scsi *io, u32 sn,
				u32 offset, u32 piece)
{
	u32 stat_sn = c->stat_sn, end = io->edtl;
	bool over = false;

	memset(io->in + offset, 0, end - offset);
	io->nr_data_in = sn;
	io->in_len = offset;
	io->burst = offset % BURST;
	while (!over) {
		over = scsi_input(c, io, recv_any(c));
		if (pdu_op(&c->rx) == OP_DATA_IN &&
		    c->rx.data_len != min_u32(piece, end - io->in_len +
					      c->rx.data_len))
			die("E24: %u bytes", c->rx.data_len);
	}
	if (io->status || io->in_len != end)
		die("F23: status %02x, %u bytes", io->status, io->in_len);
	if (pdu32(&c->rx, BHS_STAT_SN) != stat_sn)
		die("F23: StatSN %u, expected %u", pdu32(&c->rx, BHS_STAT_SN),
		    stat_sn);
}

/* All was sent, the status with it, but nothing acknowledged. */
TEST(F23_E24_after_a_read)
{
	static const u32 exp_data_sn[] = { 0, 4, 5, 8, 77 };
	u8 *data = malloc(SIZE), *buf = malloc(SIZE);
	struct conn *c[2];
	struct scsi io;
	u32 i, sn, cid;

	login_level2(c, 1, RETAIN);
	fill_pattern(data, SIZE, 25);
	scsi_write(c[0], LUN0, 0, data, SIZE);
	for (i = 0; i < ARRAY_SIZE(exp_data_sn); i++) {
		TH_LOG("ExpDataSN %u", exp_data_sn[i]);
		cid = 10 + i;
		ASSERT_EQ(LOGIN_OK,
			  login_join_try(c[0]->sess, cid,
					 "MaxRecvDataSegmentLength=8192", &c[1]));
		scsi_rw(&io, false, LUN0, 0, SIZE, buf);
		conn_hold_acks(c[1]);
		scsi_run(c[1], &io);
		ASSERT_EQ(8, io.nr_data_in);
		lose(c[1], c[0]);
		recovery_logout(c[0], cid);
		ASSERT_EQ(TMF_DONE, reassign(c[0], &io, exp_data_sn[i]));
		sn = exp_data_sn[i] > 8 ? 0 : exp_data_sn[i];
		expect_resumed_read(c[0], &io, sn, sn * PIECE, PIECE);
		ASSERT_EQ(0, memcmp(data, buf, SIZE));
		ping(c[0]);
	}
	free(data);
	free(buf);
}

/* In the middle of it, and on a connection that takes less at once. */
TEST(F23_E24_in_mid_read)
{
	const u32 len = 4U << 20;
	u8 *buf = malloc(len);
	struct conn *c[2], *small;
	int rcvbuf = 4096;
	struct scsi io;

	login_level2(c, 2, RETAIN);
	ASSERT_EQ(LOGIN_OK, login_join_try(c[0]->sess, 2,
					   "MaxRecvDataSegmentLength=4096", &small));
	setsockopt(c[1]->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	c[1]->max_recv = 65536;
	scsi_rw(&io, false, LUN0, 0, len, buf);
	scsi_send(c[1], &io);
	ASSERT_FALSE(scsi_input(c[1], &io, recv_op(c[1], OP_DATA_IN)));
	ASSERT_FALSE(scsi_input(c[1], &io, recv_op(c[1], OP_DATA_IN)));
	lose(c[1], c[0]);
	recovery_logout(c[0], 1);
	ASSERT_EQ(TMF_DONE, reassign(small, &io, 2));
	expect_resumed_read(small, &io, 2, io.in_len, 4096);
	ping(small);
	ping(c[0]);
	free(buf);
}

/* F23: a status that may not have arrived comes again, of many tasks. */
TEST(F23_F17_unacknowledged_statuses)
{
	struct conn *c[2];
	struct scsi io[40];
	u32 i;

	login_level2(c, 2, RETAIN);
	conn_hold_acks(c[1]);
	for (i = 0; i < ARRAY_SIZE(io); i++)
		test_unit_ready(c[1], &io[i]);
	lose(c[1], c[0]);
	recovery_logout(c[0], 1);
	for (i = 0; i < ARRAY_SIZE(io); i++) {
		ASSERT_EQ(TMF_DONE, reassign(c[0], &io[i], 0));
		expect_good(c[0], &io[i]);
	}
	/* Acknowledged, they are gone. */
	ping(c[0]);
	ASSERT_EQ(TMF_NO_TASK, reassign(c[0], &io[0], 0));
	logout(c[0]);
}

/* From one connection to the next. */
TEST(F23_reassigned_twice)
{
	u8 *data = malloc(SIZE), *buf = malloc(SIZE);
	struct conn *c[4];
	struct scsi io, r;

	login_level2(c, 4, RETAIN);
	fill_pattern(data, SIZE, 2);
	stalled(c[1], &io, data, 2);
	conn_hold_acks(c[1]);
	scsi_rw(&r, false, LUN0, 100, SIZE, buf);
	scsi_run(c[1], &r);
	lose(c[1], c[0]);
	recovery_logout(c[0], 1);
	ASSERT_EQ(TMF_DONE, reassign(c[2], &io, 0));
	ASSERT_EQ(2 * BLOCK, pdu32(recv_op(c[2], OP_R2T), BHS_DDTL));
	io.nr_r2t++;
	conn_hold_acks(c[2]);
	ASSERT_EQ(TMF_DONE, reassign(c[2], &r, 0));
	expect_resumed_read(c[2], &r, 0, 0, BURST);
	lose(c[2], c[0]);
	recovery_logout(c[0], 2);
	ASSERT_EQ(TMF_DONE, reassign(c[3], &r, 0));
	expect_resumed_read(c[3], &r, 0, 0, BURST);
	ASSERT_EQ(TMF_DONE, reassign(c[3], &io, 0));
	expect_resumed_write(c[3], &io, 0, 2 * BLOCK);
	expect_good(c[3], &io);
	must_read_back(c[0], 2, data, 2 * BLOCK);
	free(data);
	free(buf);
}

/* ---- reinstatement ---- */

TEST(F22_C18_reinstated_connection)
{
	struct conn *c[2], *new;
	u8 buf[2 * BLOCK];
	struct scsi io;

	login_level2(c, 2, RETAIN);
	fill_pattern(buf, sizeof(buf), 18);
	stalled(c[1], &io, buf, 18);
	new = login_join(c[0]->sess, 1);
	expect_closed(c[1]);
	ASSERT_EQ(TMF_DONE, reassign(new, &io, 0));
	expect_resumed_write(new, &io, 0, 2 * BLOCK);
	expect_good(new, &io);
	must_read_back(c[0], 18, buf, sizeof(buf));
}

/* The only connection of a session, before and after that was noticed. */
TEST(F22_C27_continued_session)
{
	struct conn *c, *new;
	u8 buf[2 * BLOCK];
	struct scsi io;

	login_level2(&c, 1, RETAIN);
	fill_pattern(buf, sizeof(buf), 27);
	stalled(c, &io, buf, 27);
	new = login_join(c->sess, 0);
	expect_closed(c);
	ASSERT_EQ(TMF_DONE, reassign(new, &io, 0));
	ASSERT_EQ(0, pdu32(recv_op(new, OP_R2T), BHS_OFFSET));
	io.nr_r2t++;
	c = new;
	new = login_join(c->sess, 3);
	/* C26 */
	conn_reset(c);
	recv_async(new, ASYNC_DROP_CONNECTION);
	ASSERT_EQ(TMF_NO_REASSIGN - 1, reassign(new, &io, 0));
	c = new;
	new = login_join(c->sess, 0);
	ASSERT_EQ(TMF_DONE, reassign(new, &io, 0));
	expect_resumed_write(new, &io, 0, 2 * BLOCK);
	expect_good(new, &io);
	must_read_back(c, 27, buf, sizeof(buf));
}

/* ---- the end of what is kept ---- */

TEST(F22_time_is_over)
{
	struct conn *c[2];
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	u64 end;
	u8 response;

	login_level2(c, 2, LEVEL2("DefaultTime2Retain=2"));
	stalled(c[1], &io, buf, 22);
	lose(c[1], c[0]);
	end = now_ms() + 2 * DEADLINE_MS;
	do {
		ASSERT_LT(now_ms(), end);
		usleep(100000);
		response = reassign(c[0], &io, 0);
	} while (response == TMF_NO_REASSIGN - 1);
	ASSERT_EQ(TMF_NO_TASK, response);
	expect_cleared(c[0]);
	ASSERT_EQ(1, logout_conn(c[0], 2, 1));
	logout(c[0]);
}

/*
 * Time2Wait binds the initiator, and is part of the time that state is kept: a
 * Logout, a TASK REASSIGN and a login that come too early are served, and what
 * comes after Time2Retain alone still finds its task.
 */
TEST(F22_C27_before_and_after_time2wait)
{
	static const char keys[] =
		"ErrorRecoveryLevel=2 MaxConnections=4 DefaultTime2Wait=8 DefaultTime2Retain=1";
	u8 buf[2 * BLOCK] = {};
	struct scsi early, late;
	struct conn *c[2];
	u64 start;

	login_level2(c, 2, keys);
	stalled(c[1], &early, buf, 22);
	stalled(c[1], &late, buf, 24);
	lose(c[1], c[0]);
	ASSERT_EQ(0, logout_conn(c[0], 2, 1));
	start = now_ms();
	ASSERT_EQ(8, get_be16(c[0]->rx.bhs + BHS_TIME2WAIT));
	ASSERT_EQ(TMF_DONE, reassign(c[0], &early, 0));
	expect_resumed_write(c[0], &early, 0, sizeof(buf));
	expect_good(c[0], &early);
	c[1] = login_join(c[0]->sess, 1);
	ASSERT_GT(8000, now_ms() - start) {
		TH_LOG("too slow to be early");
	}
	while (now_ms() - start < 2000) {
		ping(c[0]);
		usleep(100000);
	}
	ASSERT_EQ(TMF_DONE, reassign(c[1], &late, 0));
	expect_resumed_write(c[1], &late, 0, sizeof(buf));
	expect_good(c[1], &late);
	logout(c[0]);
}

TEST(F22_F28_nothing_is_kept)
{
	struct conn *c[2];
	u8 buf[2 * BLOCK] = {};
	struct scsi io;

	/* Time2Retain 0. */
	login_level2(c, 2, LEVEL2("DefaultTime2Retain=0"));
	stalled(c[1], &io, buf, 28);
	conn_reset(c[1]);
	recv_async(c[0], ASYNC_DROP_CONNECTION);
	ASSERT_EQ(TMF_NO_TASK, reassign(c[0], &io, 0));
	expect_cleared(c[0]);
	logout(c[0]);
	/* A Logout that closes it, before and after it has failed. */
	login_level2(c, 2, RETAIN);
	stalled(c[1], &io, buf, 28);
	ASSERT_EQ(0, logout_conn(c[0], 1, 1));
	expect_closed(c[1]);
	ASSERT_EQ(TMF_NO_TASK, reassign(c[0], &io, 0));
	expect_cleared(c[0]);
	c[1] = login_join(c[0]->sess, 1);
	stalled(c[1], &io, buf, 28);
	lose(c[1], c[0]);
	ASSERT_EQ(0, logout_conn(c[0], 1, 1));
	ASSERT_EQ(TMF_NO_TASK, reassign(c[0], &io, 0));
	expect_cleared(c[0]);
	logout(c[0]);
}

/* F24: immediate commands, and other requests, end with their connection. */
TEST(F24_F28_immediate_command)
{
	struct conn *c[2];
	u8 buf[2 * BLOCK] = {};
	struct scsi io;

	login_level2(c, 2, RETAIN);
	scsi_rw(&io, true, LUN0, 24, sizeof(buf), buf);
	io.held = true;
	io.immediate = true;
	scsi_send(c[1], &io);
	recv_r2t(c[1], &io);
	lose(c[1], c[0]);
	recovery_logout(c[0], 1);
	ASSERT_EQ(TMF_NO_TASK, reassign(c[0], &io, 0));
	expect_cleared(c[0]);
	logout(c[0]);
}

/* F26: session recovery, by the initiator, has precedence. */
TEST(F26_F28_session_reinstated)
{
	struct conn *c, *other, *new;
	u8 buf[2 * BLOCK] = {};
	struct scsi io, tur;

	c = login(LOGIN(.isid = 2626, .keys = RETAIN));
	other = login_join(c->sess, 1);
	stalled(other, &io, buf, 26);
	lose(other, c);
	new = login(LOGIN(.isid = 2626, .no_ua_check = true, .keys = RETAIN));
	expect_closed(c);
	test_unit_ready(new, &tur);
	ASSERT_EQ(0x06, tur.key);
	ASSERT_EQ(0x29, tur.asc);
	ASSERT_EQ(0x07, tur.ascq);
	ASSERT_EQ(TMF_NO_TASK, reassign(new, &io, 0));
	logout(new);
}

/* What is suspended can be aborted, and is waited for by nobody. */
TEST(F28_E02_E10_E13_aborted_while_suspended)
{
	static const u8 functions[] = {
		TMF_ABORT_TASK, TMF_ABORT_TASK_SET, TMF_LUN_RESET,
	};
	u8 buf[2 * BLOCK] = {};
	struct conn *c[2];
	struct scsi io;
	u32 i;

	login_level2(c, 1, RETAIN);
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		TH_LOG("function %u", functions[i]);
		c[1] = login_join(c[0]->sess, 1);
		stalled(c[1], &io, buf, 10);
		lose(c[1], c[0]);
		ASSERT_EQ(TMF_DONE, tmf(c[0], functions[i], LUN0, io.itt,
					io.cmd_sn));
		ASSERT_EQ(0, logout_conn(c[0], 2, 1));
		ASSERT_EQ(TMF_NO_TASK, reassign(c[0], &io, 0));
		clear_unit_attentions(c[0], LUN0);
	}
	logout(c[0]);
}

/* F25, F26: the other connections of the session go on meanwhile. */
TEST(F25_F26_others_go_on)
{
	struct conn *c[3];
	u8 buf[2 * BLOCK], data[PIECE];
	struct scsi io, own;
	u32 ttt, i;

	login_level2(c, 3, RETAIN);
	fill_pattern(buf, sizeof(buf), 3);
	ttt = stalled(c[2], &own, buf, 30);
	stalled(c[1], &io, buf, 40);
	lose(c[1], c[0]);
	for (i = 0; i < 20; i++) {
		fill_pattern(data, PIECE, i);
		scsi_write(c[0], LUN0, 100, data, PIECE);
		must_read_back(c[0], 100, data, PIECE);
	}
	finish_write(c[2], &own, ttt);
	must_read_back(c[2], 30, buf, sizeof(buf));
	recovery_logout(c[2], 1);
	ASSERT_EQ(TMF_DONE, reassign(c[0], &io, 0));
	expect_resumed_write(c[0], &io, 0, sizeof(buf));
	expect_good(c[0], &io);
	must_read_back(c[2], 40, buf, sizeof(buf));
	logout(c[0]);
}

/*
 * What a damaged TotalAHSLength says is no format error, which would end the
 * session: its connection has failed, and its tasks can be taken over.
 */
TEST(A16_A21_F22_damaged_ahs_length)
{
	u8 buf[2 * BLOCK];
	struct conn *c[2];
	struct scsi io;
	struct pdu p;

	login_level2(c, 1, RETAIN);
	ASSERT_EQ(LOGIN_OK, login_join_try(c[0]->sess, 1, "HeaderDigest=CRC32C",
					   &c[1]));
	fill_pattern(buf, sizeof(buf), 16);
	stalled(c[1], &io, buf, 50);
	conn_cork(c[1]);
	pdu_nop(c[1], &p, NULL, 0);
	pdu_immediate(c[1], &p);
	p.bhs[BHS_AHS_WORDS] = 1;
	p.flaw = FLAW_LENGTHS | FLAW_HDIGEST;
	conn_send(c[1], &p);
	/* Where the additional header would be. */
	pdu_nop(c[1], &p, NULL, 0);
	pdu_immediate(c[1], &p);
	conn_send(c[1], &p);
	conn_uncork(c[1]);
	expect_closed(c[1]);
	recv_async(c[0], ASYNC_DROP_CONNECTION);
	recovery_logout(c[0], 1);
	ASSERT_EQ(TMF_DONE, reassign(c[0], &io, 0));
	expect_resumed_write(c[0], &io, 0, sizeof(buf));
	expect_good(c[0], &io);
	must_read_back(c[0], 50, buf, sizeof(buf));
	logout(c[0]);
}

/* ---- commands that the backend has, and that wait for others ---- */

#define LUN7	lun_peripheral(7)
#define LUN8	lun_peripheral(8)

static void read_lun7(struct conn *c, struct scsi *io, u8 attr, u8 *buf)
{
	scsi_rw(io, false, LUN7, 0, BLOCK, buf);
	io->flags = F_READ | attr;
	scsi_send(c, io);
}

TEST(F23_F28_in_the_backend)
{
	u8 in[3][BLOCK];
	struct conn *c[3];
	struct scsi io[3];
	u32 i;

	if (!env_stuck("stuck_up"))
		SKIP(return, "no device-mapper, no ramdisk");
	login_level2(c, 3, RETAIN);
	clear_unit_attentions(c[0], LUN7);
	env_stuck("stick");
	read_lun7(c[1], &io[0], ATTR_SIMPLE, in[0]);
	/* It waits for the first one. */
	read_lun7(c[1], &io[1], ATTR_ORDERED, in[1]);
	read_lun7(c[2], &io[2], ATTR_SIMPLE, in[2]);
	ping(c[1]);
	ping(c[2]);
	lose(c[1], c[0]);
	lose(c[2], c[0]);
	recovery_logout(c[0], 1);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(TMF_DONE, reassign(c[0], &io[i], 0));
	ping(c[0]);
	/* Two are taken over before they are done, one after that. */
	env_stuck("unstick");
	expect_good(c[0], &io[0]);
	expect_good(c[0], &io[1]);
	recovery_logout(c[0], 2);
	ASSERT_EQ(TMF_DONE, reassign(c[0], &io[2], 0));
	expect_good(c[0], &io[2]);
	logout(c[0]);
	env_stuck("stuck_down");
}

static void lun8(const char *what)
{
	char cmd[1024];

	snprintf(cmd, sizeof(cmd),
		 "cd %s/%s/tpgt_1 && lun=$PWD/lun/lun_8 && acl=$PWD/acls/%s/lun_8 &&\n"
		 "make() { mkdir $lun $acl &&\n"
		 "  ln -s $(realpath lun/lun_2/port) $lun/port &&\n"
		 "  ln -s $lun $acl/lun; }\n"
		 "unlink() { rm $lun/port; }\n"
		 "unmake() { rm $acl/lun && rmdir $acl $lun; }\n%s",
		 env.configfs, env.target, env.initiator, what);
	if (system(cmd))
		die("%s LUN 8", what);
}

/* Nobody waits for a suspended task, whose status is kept. */
TEST(F22_F28_lun_removed_while_suspended)
{
	u8 buf[2 * BLOCK] = {};
	struct conn *c[2];
	struct scsi io;

	lun8("make");
	login_level2(c, 2, RETAIN);
	clear_unit_attentions(c[0], LUN8);
	stall_write(c[1], &io, LUN8, 0, buf, sizeof(buf));
	lose(c[1], c[0]);
	lun8("unlink");
	recovery_logout(c[0], 1);
	ASSERT_EQ(TMF_DONE, reassign(c[0], &io, 0));
	ASSERT_TRUE(scsi_input(c[0], &io, recv_any(c[0])));
	ASSERT_EQ(0x05, io.key);
	ASSERT_EQ(0x25, io.asc);
	logout(c[0]);
	lun8("unmake");
}

RAW_TEST_MAIN
