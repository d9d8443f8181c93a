// SPDX-License-Identifier: GPL-2.0
/*
 * Recovery within a command and within a connection (recovery level 1): SNACK
 * of all types, what is kept for it, and data that did not reach the target.
 */
#include <sys/socket.h>

#include "harness.h"

#define LUN0	lun_peripheral(0)

#define PIECE	8192			/* of Data-In and Data-Out */
#define BURST	(4 * PIECE)
#define SIZE	(2 * BURST)
#define PIECES	(SIZE / PIECE)

#define LEVEL1(more) \
	"ErrorRecoveryLevel=1 InitialR2T=Yes ImmediateData=No " \
	"MaxRecvDataSegmentLength=8192 MaxBurstLength=32768 " \
	"FirstBurstLength=32768 MaxConnections=2 DefaultTime2Wait=0 " more

#define UNSOLICITED \
	"ErrorRecoveryLevel=1 InitialR2T=No ImmediateData=No " \
	"MaxBurstLength=32768 FirstBurstLength=32768"

/* A PDU as it came. */
struct copy {
	u8 bhs[BHS_LEN];
	u8 data[PIECE];
	u32 len;
};

static struct conn *login_level1(const char *keys)
{
	struct conn *c = login_keys(keys);

	if (conn_key_num(c, "ErrorRecoveryLevel") != 1)
		die("B52: ErrorRecoveryLevel %s",
		    conn_key(c, "ErrorRecoveryLevel"));
	return c;
}

static void take_copy(struct copy *copy, const struct pdu *p)
{
	if (p->data_len > PIECE)
		die("%u bytes in one PDU", p->data_len);
	memcpy(copy->bhs, p->bhs, BHS_LEN);
	memcpy(copy->data, p->data, p->data_len);
	copy->len = p->data_len;
}

/* F12: the same but for ExpCmdSN, MaxCmdSN and, if @next, StatSN. */
static void must_be_copy(const struct copy *copy, const struct pdu *p,
			 bool next)
{
	u32 i;

	for (i = 0; i < BHS_LEN; i++) {
		if (i >= BHS_EXP_CMD_SN && i < BHS_MAX_CMD_SN + 4)
			continue;
		if (next && i >= BHS_STAT_SN && i < BHS_STAT_SN + 4)
			continue;
		if (copy->bhs[i] != p->bhs[i])
			die("byte %u was %02x, is %02x now", i, copy->bhs[i],
			    p->bhs[i]);
	}
	if (copy->len != p->data_len || memcmp(copy->data, p->data, copy->len))
		die("other data than the first time");
}

static void send_snack(struct conn *c, u8 type, u32 itt, u32 beg, u32 len)
{
	struct pdu p;

	pdu_snack(c, &p, type, itt, beg, len);
	conn_send(c, &p);
}

static void send_data_ack(struct conn *c, const struct copy *asked, u32 ttt,
			  u32 beg, u32 len)
{
	struct pdu p;

	pdu_snack(c, &p, SNACK_DATA_ACK, NO_TAG, beg, len);
	memcpy(p.bhs + BHS_LUN, asked->bhs + BHS_LUN, 8);
	pdu_set32(&p, BHS_TTT, ttt);
	conn_send(c, &p);
}

/* A read of @nr pieces, whose PDUs are kept; nothing of it is acknowledged. */
static void read_copies(struct conn *c, struct scsi *io, struct copy *copies,
			u32 nr, u8 *buf)
{
	bool over;
	u32 i;

	conn_hold_acks(c);
	scsi_rw(io, false, LUN0, 0, nr * PIECE, buf);
	scsi_send(c, io);
	for (i = 0; i < nr; i++) {
		over = scsi_input(c, io, recv_op(c, OP_DATA_IN));
		take_copy(&copies[i], &c->rx);
		if (over != (i == nr - 1))
			die("status with Data-In %u of %u", i, nr);
	}
}

static void expect_again(struct conn *c, const struct copy *copies, u32 from,
			 u32 to)
{
	for (; from < to; from++)
		must_be_copy(&copies[from], recv_op(c, OP_DATA_IN), false);
}

static void fill_lun(struct conn *c, u8 *buf, u32 len, u32 seed)
{
	fill_pattern(buf, len, seed);
	scsi_write(c, LUN0, 0, buf, len);
}

static void expect_good(struct conn *c, struct scsi *io)
{
	struct pdu *p = recv_op(c, OP_SCSI_RSP);

	if (!scsi_input(c, io, p) || io->status || io->response)
		die("status %02x response %02x sense %x/%02x/%02x", io->status,
		    io->response, io->key, io->asc, io->ascq);
}

static void expect_sense(const struct scsi *io, u8 key, u8 asc, u8 ascq)
{
	if (io->status != 0x02 || io->key != key || io->asc != asc ||
	    io->ascq != ascq)
		die("status %02x sense %x/%02x/%02x, expected %x/%02x/%02x",
		    io->status, io->key, io->asc, io->ascq, key, asc, ascq);
}

/* ---- what is asked for once more ---- */

TEST(B52_F11_level_1_is_kept)
{
	struct conn *c = login_level1(LEVEL1(""));
	struct pdu p;

	/* A type that does not exist; the session goes on. */
	pdu_snack(c, &p, 4, NO_TAG, 0, 0);
	conn_send(c, &p);
	recv_reject(c, REJ(PROTOCOL));
	ping(c);
	logout(c);
}

TEST(F12_F13_D19_data_snack)
{
	struct conn *c = login_level1(LEVEL1(""));
	static struct copy copies[PIECES];
	static u8 data[SIZE], buf[SIZE];
	struct scsi io;
	u32 i;

	fill_lun(c, data, SIZE, 12);
	read_copies(c, &io, copies, PIECES, buf);
	ASSERT_EQ(0, memcmp(data, buf, SIZE));
	/* D19: once each MaxBurstLength, and not on the last one. */
	for (i = 0; i < PIECES; i++)
		ASSERT_EQ(i == 3, !!(copies[i].bhs[BHS_FLAGS] & F_ACK));
	send_snack(c, SNACK_DATA, io.itt, 3, 2);
	expect_again(c, copies, 3, 5);
	/* The one with the status has its StatSN. */
	send_snack(c, SNACK_DATA, io.itt, PIECES - 1, 1);
	expect_again(c, copies, PIECES - 1, PIECES);
	send_snack(c, SNACK_DATA, io.itt, 5, 0);
	expect_again(c, copies, 5, PIECES);
	send_snack(c, SNACK_DATA, io.itt, 0, 0);
	expect_again(c, copies, 0, PIECES);
	/* After a DataACK all that is unacknowledged is less. */
	send_data_ack(c, &copies[3], get_be32(copies[3].bhs + BHS_TTT), 4, 0);
	send_snack(c, SNACK_DATA, io.itt, 0, 0);
	expect_again(c, copies, 4, PIECES);
	c->no_ack = false;
	ping(c);
}

TEST(F14_status_snack)
{
	static const char text_keys[] = "MaxRecvDataSegmentLength=8192";
	struct conn *c = login_level1(LEVEL1("DataDigest=CRC32C"));
	static struct copy copies[8];
	struct text t = {};
	struct scsi io;
	u8 buf[BLOCK];
	u32 n = 0, sn;
	struct pdu p;

	ping(c);
	conn_hold_acks(c);
	sn = c->stat_sn;
	/* A status of its own, with sense data, and one with data. */
	scsi_rw(&io, false, LUN0, 0x7fffffff, BLOCK, buf);
	scsi_run(c, &io);
	expect_sense(&io, 0x05, 0x21, 0x00);
	take_copy(&copies[n++], &c->rx);
	scsi_rw(&io, false, LUN0, 0, BLOCK, buf);
	scsi_run(c, &io);
	take_copy(&copies[n++], &c->rx);
	ping_data(c, "once more", 9);
	take_copy(&copies[n++], &c->rx);
	ASSERT_EQ(TMF_NO_TASK, tmf(c, TMF_ABORT_TASK, LUN0, 0x77, c->sess->cmd_sn - 1));
	take_copy(&copies[n++], &c->rx);
	text_add_keys(&t, text_keys);
	pdu_text(c, &p, F_FINAL, &t);
	conn_send(c, &p);
	recv_op(c, OP_TEXT_RSP);
	take_copy(&copies[n++], &c->rx);
	pdu_nop(c, &p, "spoilt", 6);
	pdu_immediate(c, &p);
	p.flaw = FLAW_DDIGEST;
	conn_send(c, &p);
	recv_reject(c, REJ(DIGEST));
	take_copy(&copies[n++], &c->rx);

	for (u32 i = 0; i < n; i++) {
		ASSERT_EQ(sn + i, get_be32(copies[i].bhs + BHS_STAT_SN));
		send_snack(c, SNACK_STATUS, NO_TAG, sn + i, 1);
		must_be_copy(&copies[i], recv_any(c), false);
	}
	send_snack(c, SNACK_STATUS, NO_TAG, sn + 2, 0);
	for (u32 i = 2; i < n; i++)
		must_be_copy(&copies[i], recv_any(c), false);
	send_snack(c, SNACK_STATUS, NO_TAG, 0, 0);
	for (u32 i = 0; i < n; i++)
		must_be_copy(&copies[i], recv_any(c), false);
	/* None of that has consumed a StatSN. */
	ping(c);
	ASSERT_EQ(sn + n, pdu32(&c->rx, BHS_STAT_SN));
	c->no_ack = false;
	ping(c);
	send_snack(c, SNACK_STATUS, NO_TAG, sn, 1);
	recv_reject(c, REJ(PROTOCOL));
	logout(c);
}

TEST(F15_F27_data_ack)
{
	struct conn *c = login_level1(LEVEL1(""));
	static struct copy copies[PIECES];
	static u8 buf[SIZE];
	struct scsi io;
	struct pdu p;
	u32 ttt;

	read_copies(c, &io, copies, PIECES, buf);
	ttt = get_be32(copies[3].bhs + BHS_TTT);
	send_data_ack(c, &copies[3], ttt + 0x10000, 4, 0);
	recv_reject(c, REJ(DATA_ACK));
	send_data_ack(c, &copies[3], 0xfffe0000 | (ttt & 0xffff), 4, 0);
	recv_reject(c, REJ(DATA_ACK));
	send_data_ack(c, &copies[3], ttt, PIECES + 1, 0);
	recv_reject(c, REJ(DATA_ACK));
	send_data_ack(c, &copies[3], ttt, 4, 1);
	recv_reject(c, REJ(DATA_ACK));
	pdu_snack(c, &p, SNACK_DATA_ACK, NO_TAG, 4, 0);
	pdu_set32(&p, BHS_TTT, ttt);
	p.bhs[BHS_LUN + 1] = 5;
	conn_send(c, &p);
	recv_reject(c, REJ(DATA_ACK));
	/* None of them has acknowledged anything. */
	send_snack(c, SNACK_DATA, io.itt, 0, 1);
	expect_again(c, copies, 0, 1);
	/* A good one is not answered. */
	send_data_ack(c, &copies[3], ttt, 4, 0);
	ping(c);
	send_snack(c, SNACK_DATA, io.itt, 3, 1);
	recv_reject(c, REJ(PROTOCOL));
	send_snack(c, SNACK_DATA, io.itt, 4, 1);
	expect_again(c, copies, 4, 5);
	c->no_ack = false;
	ping(c);
	/* With the status everything of the task is acknowledged. */
	send_data_ack(c, &copies[3], ttt, 4, 0);
	recv_reject(c, REJ(DATA_ACK));
}

static void declare_mrdsl(struct conn *c, u32 mrdsl)
{
	struct text t = {};
	struct pdu p;

	text_add(&t, "MaxRecvDataSegmentLength=%u", mrdsl);
	pdu_text(c, &p, F_FINAL, &t);
	conn_send(c, &p);
	recv_op(c, OP_TEXT_RSP);
	c->max_recv = mrdsl;
	free(t.buf);
}

/* From Data-In @from on in pieces of 4096, and a SCSI Response after. */
static void expect_resegmented(struct conn *c, struct scsi *io, u32 from,
			       u32 offset, u32 stat_sn)
{
	u32 tag = c->snack_tag;

	io->nr_data_in = from;
	io->in_len = offset;
	io->burst = offset % BURST;
	while (io->in_len < SIZE) {
		if (scsi_input(c, io, recv_op(c, OP_DATA_IN)))
			die("F16: status with Data-In");
		if (c->rx.data_len != PIECE / 2)
			die("F16: %u bytes", c->rx.data_len);
	}
	expect_good(c, io);
	if (pdu32(&c->rx, BHS_SNACK_TAG) != tag)
		die("F16: SNACK Tag %08x", pdu32(&c->rx, BHS_SNACK_TAG));
	if (pdu32(&c->rx, BHS_STAT_SN) != stat_sn)
		die("F16: StatSN %u, was %u", pdu32(&c->rx, BHS_STAT_SN),
		    stat_sn);
}

TEST(F16_F18_r_data_snack)
{
	struct conn *c = login_level1(LEVEL1(""));
	static struct copy copies[PIECES];
	static u8 data[SIZE], buf[SIZE];
	struct scsi io;
	struct pdu p;
	u32 sn;

	fill_lun(c, data, SIZE, 16);
	read_copies(c, &io, copies, PIECES, buf);
	sn = pdu32(&c->rx, BHS_STAT_SN);
	declare_mrdsl(c, PIECE / 2);
	/* What was sent in other pieces can be had in new ones only. */
	send_snack(c, SNACK_DATA, io.itt, 3, 2);
	recv_reject(c, REJ(SNACK));
	pdu_snack(c, &p, SNACK_RDATA, io.itt, 0, 0);
	conn_send(c, &p);
	recv_reject(c, REJ(INVALID_FIELD));
	pdu_set32(&p, BHS_SNACK_TAG, 0);
	conn_send(c, &p);
	recv_reject(c, REJ(INVALID_FIELD));
	pdu_snack(c, &p, SNACK_RDATA, io.itt, 1, 0);
	pdu_set32(&p, BHS_SNACK_TAG, 1);
	conn_send(c, &p);
	recv_reject(c, REJ(INVALID_FIELD));

	memset(buf, 0, SIZE);
	c->snack_tag = 0x5eac0001;
	pdu_snack(c, &p, SNACK_RDATA, io.itt, 0, 0);
	pdu_set32(&p, BHS_SNACK_TAG, c->snack_tag);
	conn_send(c, &p);
	expect_resegmented(c, &io, 0, 0, sn);
	ASSERT_EQ(0, memcmp(data, buf, SIZE));
	/* A lost one is the latest one, with its tag. */
	send_snack(c, SNACK_STATUS, NO_TAG, sn, 1);
	recv_op(c, OP_SCSI_RSP);
	ASSERT_EQ(sn, pdu32(&c->rx, BHS_STAT_SN));
	ASSERT_EQ(c->snack_tag, pdu32(&c->rx, BHS_SNACK_TAG));

	/* From what a DataACK said on. */
	send_data_ack(c, &copies[3], get_be32(copies[3].bhs + BHS_TTT), 8, 0);
	c->snack_tag = 0x5eac0002;
	pdu_set32(&p, BHS_SNACK_TAG, c->snack_tag);
	conn_send(c, &p);
	expect_resegmented(c, &io, 8, BURST, sn);
	c->no_ack = false;
	ping(c);
}

/* ---- what is not to be had ---- */

TEST(F17_F27_snack_for_what_is_not_there)
{
	struct conn *c = login_level1(LEVEL1(""));
	static struct copy copies[PIECES];
	static u8 buf[SIZE];
	struct scsi io;
	u32 sn;

	read_copies(c, &io, copies, PIECES, buf);
	sn = c->stat_sn;
	send_snack(c, SNACK_DATA, io.itt, PIECES, 1);
	recv_reject(c, REJ(PROTOCOL));
	ASSERT_EQ(PIECES, pdu32(&c->rx, BHS_DATA_SN));
	send_snack(c, SNACK_DATA, io.itt, 2, PIECES);
	recv_reject(c, REJ(PROTOCOL));
	ASSERT_EQ(PIECES, pdu32(&c->rx, BHS_DATA_SN));
	send_snack(c, SNACK_DATA, io.itt, 0xfffffffe, 4);
	recv_reject(c, REJ(PROTOCOL));
	send_snack(c, SNACK_DATA, 0x12345678, 0, 0);
	recv_reject(c, REJ(PROTOCOL));
	send_snack(c, SNACK_STATUS, NO_TAG, sn + 100, 1);
	recv_reject(c, REJ(PROTOCOL));
	send_snack(c, SNACK_STATUS, NO_TAG, sn - 100, 1);
	recv_reject(c, REJ(PROTOCOL));
	send_snack(c, SNACK_STATUS, io.itt, sn - 1, 1);
	recv_reject(c, REJ(INVALID_FIELD));
	/* It was kept all the time, and no longer. */
	send_snack(c, SNACK_DATA, io.itt, 1, 1);
	expect_again(c, copies, 1, 2);
	c->no_ack = false;
	ping(c);
	send_snack(c, SNACK_DATA, io.itt, 1, 1);
	recv_reject(c, REJ(PROTOCOL));
	logout(c);
}

/* What the tests above and those of other sections do not provoke. */
TEST(C13_F17_snack_on_another_connection)
{
	struct conn *c = login_level1(LEVEL1("")), *other;
	struct scsi io;
	u8 buf[BLOCK];

	other = login_join(c->sess, 1);
	conn_hold_acks(c);
	scsi_rw(&io, false, LUN0, 0, BLOCK, buf);
	scsi_run(c, &io);
	send_snack(other, SNACK_DATA, io.itt, 0, 1);
	recv_reject(other, REJ(PROTOCOL));
	send_snack(c, SNACK_DATA, io.itt, 0, 1);
	recv_op(c, OP_DATA_IN);
	ASSERT_EQ(io.itt, pdu32(&c->rx, BHS_ITT));
}

static void set_rcvbuf(struct conn *c, int size)
{
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* The peer reads nothing, so that a read is in the middle for as long. */
static void start_long_read(struct conn *c, struct scsi *io, u8 *buf, u32 len)
{
	set_rcvbuf(c, 65536);
	scsi_rw(io, false, LUN0, 0, len, buf);
	scsi_send(c, io);
	if (scsi_input(c, io, recv_op(c, OP_DATA_IN)))
		die("over at once");
}

/* Data-In up to where it was cut off; then the Reject and the status. */
static void expect_read_fails(struct conn *c, struct scsi *io, u32 len)
{
	bool rejected = false;
	struct pdu *p;

	set_rcvbuf(c, 1 << 20);
	for (;;) {
		p = recv_any(c);
		if (pdu_op(p) == OP_REJECT && p->bhs[BHS_RESPONSE] == REJ_SNACK) {
			rejected = true;
			continue;
		}
		if (pdu_op(p) == OP_TEXT_RSP)
			continue;
		if (pdu_op(p) == OP_SCSI_RSP)
			io->burst = 0;
		if (scsi_input(c, io, p))
			break;
	}
	if (io->in_len >= len)
		die("F18: all data came");
	expect_sense(io, 0x0b, 0x11, 0x13);
	while (!rejected) {
		p = recv_any(c);
		rejected = pdu_op(p) == OP_REJECT &&
			   p->bhs[BHS_RESPONSE] == REJ_SNACK;
		if (!rejected && pdu_op(p) != OP_TEXT_RSP)
			die("F18: opcode %02x", pdu_op(p));
	}
}

#define LONG	(8U << 20)

TEST(F11_F18_read_fails_at_level_0)
{
	struct conn *c = login_keys("MaxRecvDataSegmentLength=8192");
	struct scsi io;
	u8 *buf = malloc(LONG);

	start_long_read(c, &io, buf, LONG);
	send_snack(c, SNACK_DATA, io.itt, 0, 1);
	expect_read_fails(c, &io, LONG);
	ping(c);
	free(buf);
}

TEST(F18_read_fails_that_cannot_be_repeated)
{
	struct conn *c = login_level1(LEVEL1(""));
	u8 *buf = malloc(LONG);
	struct text t = {};
	struct scsi io;
	struct pdu p;

	start_long_read(c, &io, buf, LONG);
	text_add(&t, "MaxRecvDataSegmentLength=%u", PIECE / 2);
	pdu_text(c, &p, F_FINAL, &t);
	conn_send(c, &p);
	send_snack(c, SNACK_DATA, io.itt, 0, 1);
	expect_read_fails(c, &io, LONG);
	ping(c);
	free(buf);
}

/* In the middle of a read: what was asked for goes first, the rest after. */
TEST(F12_data_snack_in_mid_read)
{
	struct conn *c = login_level1(LEVEL1(""));
	u8 *buf = malloc(LONG), first[PIECE];
	bool again = false;
	struct scsi io;
	struct pdu *p;

	start_long_read(c, &io, buf, LONG);
	memcpy(first, c->rx.data, PIECE);
	send_snack(c, SNACK_DATA, io.itt, 0, 1);
	set_rcvbuf(c, 1 << 20);
	do {
		p = recv_op(c, OP_DATA_IN);
		if (pdu32(p, BHS_DATA_SN) || !io.nr_data_in)
			continue;
		ASSERT_EQ(0, memcmp(p->data, first, PIECE));
		ASSERT_FALSE(again);
		again = true;
		p = recv_op(c, OP_DATA_IN);
	} while (!scsi_input(c, &io, p));
	ASSERT_TRUE(again);
	ASSERT_EQ(LONG, io.in_len);
	free(buf);
}

/* ---- what is kept is bounded ---- */

static u32 window(struct conn *c)
{
	return c->sess->max_cmd_sn - c->sess->exp_cmd_sn + 1;
}

TEST(F17_C06_unacknowledged_answers_narrow_the_window)
{
	struct conn *c = login(LOGIN(.initiator = env.small,
				     .keys = LEVEL1("")));
	struct scsi io;
	u32 depth, i;

	clear_unit_attentions(c, LUN0);
	ping(c);
	depth = window(c);
	ASSERT_EQ(8, depth);
	conn_hold_acks(c);
	for (i = 0; i < 2 * depth; i++) {
		ASSERT_GE(window(c), 1);
		scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
		scsi_run(c, &io);
		ASSERT_EQ(i < depth ? depth : 2 * depth - 1 - i, window(c));
	}
	/* An acknowledgment opens it, which is said without being asked. */
	c->no_ack = false;
	ping(c);
	while (window(c) != depth)
		ASSERT_EQ(RECV_PDU, conn_recv(c, DEADLINE_MS));
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_run(c, &io);
	ASSERT_EQ(0, io.status);
}

/* Requests outside the window that are answered, one more than is kept. */
TEST(F17_F19_answers_outside_the_window)
{
	struct conn *c = login_level1(LEVEL1(""));
	struct pdu p;
	u32 i;

	conn_hold_acks(c);
	for (i = 0; i < 200; i++) {
		pdu_nop(c, &p, NULL, 0);
		pdu_immediate(c, &p);
		conn_send(c, &p);
		if (conn_wait(c, DEADLINE_MS) == RECV_CLOSED)
			break;
		ASSERT_EQ(OP_NOP_IN, pdu_op(&c->rx));
	}
	ASSERT_GT(i, 20);
	ASSERT_LT(i, 200);
}

/* F19: a ping with the next StatSN; who acknowledges nothing then has failed. */
TEST(F19_F25_unacknowledged_status_is_shown)
{
	struct conn *c = login_level1(LEVEL1(""));
	struct scsi io;
	struct pdu p;
	u32 sn;

	acl_set(env.initiator, "attrib/nopin_response_timeout", "3");
	clear_unit_attentions(c, LUN0);
	ping(c);
	conn_hold_acks(c);
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_run(c, &io);
	sn = c->stat_sn;
	ASSERT_EQ(RECV_PDU, conn_recv(c, 2 * DEADLINE_MS));
	ASSERT_EQ(OP_NOP_IN, pdu_op(&c->rx));
	ASSERT_NE(NO_TAG, pdu32(&c->rx, BHS_TTT));
	ASSERT_EQ(sn, pdu32(&c->rx, BHS_STAT_SN));
	/* It is asked for, and acknowledged: all is well. */
	send_snack(c, SNACK_STATUS, NO_TAG, sn - 1, 1);
	recv_op(c, OP_SCSI_RSP);
	c->no_ack = false;
	pdu_init(c, &p, OP_NOP_OUT);
	pdu_immediate(c, &p);
	pdu_set32(&p, BHS_ITT, NO_TAG);
	pdu_set32(&p, BHS_TTT, NO_TAG);
	conn_send(c, &p);
	ping(c);
	/* Pings are answered, but nothing is ever acknowledged. */
	conn_hold_acks(c);
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_run(c, &io);
	ASSERT_EQ(RECV_CLOSED, conn_wait(c, 4 * DEADLINE_MS));
	acl_set(env.initiator, "attrib/nopin_response_timeout", "30");
}

/* ---- data that does not reach the target ---- */

/* One Data-Out of a sequence of PIECEs. */
static void send_piece(struct conn *c, const struct scsi *io, u32 ttt,
		       u32 data_sn, u32 offset, bool final, u8 flaw)
{
	struct pdu p;

	pdu_data_out(c, &p, io, ttt, data_sn, offset, PIECE);
	p.bhs[BHS_FLAGS] = final ? F_FINAL : 0;
	p.flaw = flaw;
	conn_send(c, &p);
}

/* F08: the next R2TSN, a new tag, and just what is missing. */
static u32 expect_recovery_r2t(struct conn *c, struct scsi *io, u32 old_ttt,
			       u32 offset, u32 len)
{
	struct pdu *p = recv_op(c, OP_R2T);

	if (pdu32(p, BHS_ITT) != io->itt || pdu32(p, BHS_TTT) == old_ttt)
		die("F08: ITT %08x TTT %08x", pdu32(p, BHS_ITT),
		    pdu32(p, BHS_TTT));
	if (pdu32(p, BHS_R2T_SN) != io->nr_r2t)
		die("F08: R2TSN %u, expected %u", pdu32(p, BHS_R2T_SN),
		    io->nr_r2t);
	if (pdu32(p, BHS_OFFSET) != offset || pdu32(p, BHS_DDTL) != len)
		die("F08: %u bytes at %u, expected %u at %u",
		    pdu32(p, BHS_DDTL), pdu32(p, BHS_OFFSET), len, offset);
	io->nr_r2t++;
	return pdu32(p, BHS_TTT);
}

static void must_read_back(struct conn *c, const u8 *data, u32 len)
{
	u8 *buf = malloc(len);

	scsi_read(c, LUN0, 0, buf, len);
	if (memcmp(data, buf, len))
		die("other data than was written");
	free(buf);
}

/* The second Data-Out of four is spoilt, the rest of the burst is welcome. */
TEST(F04_F10_F03_data_digest_error)
{
	struct conn *c = login_level1(LEVEL1("DataDigest=CRC32C"));
	static u8 data[BURST], zero[BURST];
	struct scsi io;
	u32 ttt, i;

	scsi_write(c, LUN0, 0, zero, BURST);
	fill_pattern(data, BURST, 4);
	ttt = stall_write(c, &io, LUN0, 0, data, BURST);
	for (i = 0; i < 4; i++)
		send_piece(c, &io, ttt, i, i * PIECE, i == 3,
			   i == 1 ? FLAW_DDIGEST : 0);
	recv_reject(c, REJ(DIGEST));
	ttt = expect_recovery_r2t(c, &io, ttt, PIECE, PIECE);
	send_piece(c, &io, ttt, 0, PIECE, true, 0);
	expect_good(c, &io);
	must_read_back(c, data, BURST);
}

TEST(F04_F03_data_digest_error_at_level_0)
{
	struct conn *c = login_keys("DataDigest=CRC32C InitialR2T=Yes ImmediateData=No");
	static u8 data[BURST];
	struct scsi io;
	u32 ttt, i;

	ttt = stall_write(c, &io, LUN0, 0, data, BURST);
	for (i = 0; i < 4; i++)
		send_piece(c, &io, ttt, i, i * PIECE, i == 3,
			   i == 1 ? FLAW_DDIGEST : 0);
	recv_reject(c, REJ(DIGEST));
	scsi_wait(c, &io);
	expect_sense(&io, 0x0b, 0x47, 0x05);
	ping(c);
}

/* F05: no task, and its CmdSN is a hole; everything comes again. */
TEST(F05_F20_spoilt_immediate_data)
{
	static const char keys[] = "ErrorRecoveryLevel=1 DataDigest=CRC32C";
	struct conn *c = login_keys(keys);
	u8 data[BLOCK];
	struct scsi io;
	struct pdu p;

	fill_pattern(data, BLOCK, 5);
	scsi_rw(&io, true, LUN0, 0, BLOCK, data);
	scsi_pdu(c, &io, &p);
	pdu_data(&p, data, BLOCK);
	p.flaw = FLAW_DDIGEST;
	conn_send(c, &p);
	recv_reject(c, REJ(DIGEST));
	ASSERT_EQ(io.cmd_sn, pdu32(&c->rx, BHS_EXP_CMD_SN));
	p.flaw = 0;
	conn_send(c, &p);
	expect_good(c, &io);
	/* Once more, as if its answer had been lost: it is not executed. */
	conn_send(c, &p);
	ping(c);
	must_read_back(c, data, BLOCK);
}

TEST(F06_F08_lost_data_out)
{
	struct conn *c = login_level1(LEVEL1(""));
	static u8 data[BURST], zero[BURST];
	struct scsi io;
	u32 ttt;

	scsi_write(c, LUN0, 0, zero, BURST);
	fill_pattern(data, BURST, 6);
	ttt = stall_write(c, &io, LUN0, 0, data, BURST);
	/* DataSN 1 and 2 do not come. */
	send_piece(c, &io, ttt, 0, 0, false, 0);
	send_piece(c, &io, ttt, 3, 3 * PIECE, true, 0);
	ttt = expect_recovery_r2t(c, &io, ttt, PIECE, 2 * PIECE);
	/* Nor does the first of what is asked for then. */
	send_piece(c, &io, ttt, 1, 2 * PIECE, true, 0);
	ttt = expect_recovery_r2t(c, &io, ttt, PIECE, PIECE);
	send_piece(c, &io, ttt, 0, PIECE, true, 0);
	expect_good(c, &io);
	must_read_back(c, data, BURST);
}

TEST(F06_lost_unsolicited_data)
{
	struct conn *c = login_keys(UNSOLICITED);
	static u8 data[SIZE], zero[SIZE];
	struct scsi io;
	struct pdu p;
	u32 ttt;

	scsi_write(c, LUN0, 0, zero, SIZE);
	fill_pattern(data, SIZE, 66);
	scsi_rw(&io, true, LUN0, 0, SIZE, data);
	scsi_pdu(c, &io, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	send_piece(c, &io, NO_TAG, 0, 0, false, 0);
	send_piece(c, &io, NO_TAG, 2, 2 * PIECE, false, 0);
	send_piece(c, &io, NO_TAG, 3, 3 * PIECE, true, 0);
	ttt = expect_recovery_r2t(c, &io, NO_TAG, PIECE, PIECE);
	send_piece(c, &io, ttt, 0, PIECE, true, 0);
	/* Then the rest, which is no recovery. */
	ttt = expect_recovery_r2t(c, &io, ttt, BURST, BURST);
	scsi_data_out(c, &io, ttt, BURST, BURST);
	expect_good(c, &io);
	must_read_back(c, data, SIZE);
}

/* F09: the first sequence is mended before the second is asked for. */
TEST(F09_two_sequences)
{
	struct conn *c = login_level1(LEVEL1("MaxOutstandingR2T=4"));
	static u8 data[SIZE];
	struct scsi io;
	u32 ttt;

	ASSERT_EQ(1, conn_key_num(c, "MaxOutstandingR2T"));
	fill_pattern(data, SIZE, 9);
	scsi_rw(&io, true, LUN0, 0, SIZE, data);
	io.held = true;
	scsi_send(c, &io);
	ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
	send_piece(c, &io, ttt, 1, PIECE, false, 0);
	send_piece(c, &io, ttt, 2, 2 * PIECE, false, 0);
	send_piece(c, &io, ttt, 3, 3 * PIECE, true, 0);
	ttt = expect_recovery_r2t(c, &io, ttt, 0, PIECE);
	send_piece(c, &io, ttt, 0, 0, true, 0);
	ttt = expect_recovery_r2t(c, &io, ttt, BURST, BURST);
	scsi_data_out(c, &io, ttt, BURST, BURST);
	expect_good(c, &io);
	must_read_back(c, data, SIZE);
}

/* F07: an R2T that is not answered; F08: too late is no error. */
TEST(F07_F08_unanswered_r2t)
{
	struct conn *c = login_level1(LEVEL1(""));
	static u8 data[BURST];
	u32 first, second;
	struct scsi io;

	acl_set(env.initiator, "attrib/dataout_timeout", "2");
	fill_pattern(data, BURST, 7);
	first = stall_write(c, &io, LUN0, 0, data, BURST);
	send_piece(c, &io, first, 0, 0, false, 0);
	second = expect_recovery_r2t(c, &io, first, PIECE, 3 * PIECE);
	send_piece(c, &io, first, 1, PIECE, false, 0);
	ping(c);
	/* Only the F bit is missing now. */
	send_piece(c, &io, second, 0, PIECE, false, 0);
	send_piece(c, &io, second, 1, 2 * PIECE, false, 0);
	first = expect_recovery_r2t(c, &io, second, 3 * PIECE, PIECE);
	send_piece(c, &io, first, 0, 3 * PIECE, true, 0);
	expect_good(c, &io);
	must_read_back(c, data, BURST);

	/* Nobody is asked for ever. */
	acl_set(env.initiator, "attrib/dataout_timeout_retries", "2");
	first = stall_write(c, &io, LUN0, 0, data, BURST);
	first = expect_recovery_r2t(c, &io, first, 0, BURST);
	expect_recovery_r2t(c, &io, first, 0, BURST);
	expect_closed(c);
	acl_set(env.initiator, "attrib/dataout_timeout_retries", "5");
	acl_set(env.initiator, "attrib/dataout_timeout", "3");
}

TEST(F12_F17_r2t_snack)
{
	struct conn *c = login_level1(LEVEL1(""));
	static u8 data[BURST];
	struct copy copy;
	struct scsi io;
	u32 ttt;

	fill_pattern(data, BURST, 13);
	ttt = stall_write(c, &io, LUN0, 0, data, BURST);
	take_copy(&copy, &c->rx);
	/* R2Ts show the StatSN of now. */
	ping(c);
	send_snack(c, SNACK_R2T, io.itt, 0, 1);
	must_be_copy(&copy, recv_op(c, OP_R2T), true);
	send_snack(c, SNACK_R2T, io.itt, 0, 0);
	must_be_copy(&copy, recv_op(c, OP_R2T), true);
	send_piece(c, &io, ttt, 0, 0, false, 0);
	/* It is the same although some of its data is here. */
	send_snack(c, SNACK_R2T, io.itt, 0, 0);
	must_be_copy(&copy, recv_op(c, OP_R2T), true);
	send_snack(c, SNACK_R2T, io.itt, 1, 1);
	recv_reject(c, REJ(PROTOCOL));
	ASSERT_EQ(1, pdu32(&c->rx, BHS_R2T_SN));
	send_piece(c, &io, ttt, 1, PIECE, false, 0);
	send_piece(c, &io, ttt, 2, 2 * PIECE, false, 0);
	send_piece(c, &io, ttt, 3, 3 * PIECE, true, 0);
	expect_good(c, &io);
	send_snack(c, SNACK_R2T, io.itt, 0, 1);
	recv_reject(c, REJ(PROTOCOL));
	must_read_back(c, data, BURST);
}

/* ---- commands that are sent once more ---- */

TEST(F20_F21_retry_is_executed_once)
{
	struct conn *c = login_level1(LEVEL1("")), *other;
	static u8 data[BURST];
	struct scsi io;
	struct pdu p;
	u32 ttt;

	other = login_join(c->sess, 1);
	fill_pattern(data, BURST, 20);
	scsi_rw(&io, true, LUN0, 0, BURST, data);
	scsi_pdu(c, &io, &p);
	/* Both copies in one segment, and one where it does not belong. */
	conn_cork(c);
	conn_send(c, &p);
	conn_send(c, &p);
	conn_uncork(c);
	ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
	pdu_set32(&p, BHS_EXP_STAT_SN, other->stat_sn);
	conn_send(other, &p);
	ping(other);
	/* check.c knows that the answer is due on the first connection. */
	c->sess->tags[io.itt % NR_TAGS].conn = c;
	ping(c);
	scsi_data_out(c, &io, ttt, 0, BURST);
	expect_good(c, &io);
	ping(c);
	ping(other);
	must_read_back(c, data, BURST);
	logout(c);
}

/* ---- nothing of this before full feature phase ---- */

TEST(F02_snack_in_login)
{
	struct login l = { };
	struct conn *c = login_start(&l);
	struct text t = {};
	struct pdu p;

	login_names(&l, &t);
	text_add(&t, "ErrorRecoveryLevel=1");
	if (!login_step(c, STAY(OPERATIONAL), &t))
		die("closed at once");
	pdu_snack(c, &p, SNACK_STATUS, NO_TAG, 0, 0);
	conn_send(c, &p);
	/* B13: a Login Response that says so may come first. */
	if (conn_recv(c, DEADLINE_MS) == RECV_PDU) {
		ASSERT_EQ(OP_LOGIN_RSP, pdu_op(&c->rx));
		expect_closed(c);
	}
	ASSERT_TRUE(c->closed);
}

RAW_TEST_MAIN
