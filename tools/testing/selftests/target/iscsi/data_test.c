// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section D: SCSI commands and their data.
 */
#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "harness.h"

#define LUN0	lun_peripheral(0)
#define LUN1	lun_peripheral(1)

/* No data before it is asked for. */
#define SOLICITED(max_burst) \
	"InitialR2T=Yes ImmediateData=No " \
	"MaxRecvDataSegmentLength=8192 MaxBurstLength=" #max_burst

/* Unsolicited Data-Out, but no immediate data. */
#define UNSOLICITED(first_burst) \
	"InitialR2T=No ImmediateData=No " \
	"MaxRecvDataSegmentLength=65536 MaxBurstLength=65536 " \
	"FirstBurstLength=" #first_burst

#define GOOD			0x00
#define CHECK_CONDITION		0x02
#define RESERVATION_CONFLICT	0x18

#define REJ_DATA	(REJ(INVALID_FIELD) | REJ(PROTOCOL))

static void must_be_sense(const struct scsi *io, u8 key, u8 asc, u8 ascq)
{
	if (io->status != CHECK_CONDITION || io->key != key ||
	    io->asc != asc || io->ascq != ascq)
		die("status %02x sense %x/%02x/%02x, expected %x/%02x/%02x",
		    io->status, io->key, io->asc, io->ascq, key, asc, ascq);
}

/* A task whose data broke the rules: Rejects, as many as said, then its end. */
static void must_fail(struct conn *c, struct scsi *io, u32 nr_rejects, u8 key,
		      u8 asc, u8 ascq)
{
	while (nr_rejects--)
		recv_reject(c, REJ_DATA);
	scsi_wait(c, io);
	must_be_sense(io, key, asc, ascq);
	ping(c);
}

/*
 * Some of the blocks that prepare() filled still hold what it put there.
 * @lba and @seed are those of prepare(), @first counts from @lba.
 */
static void must_hold(u32 lba, u32 seed, u32 first, u32 nr)
{
	struct conn *c = login_default();
	u8 *want = malloc((first + nr) * BLOCK), *got = malloc(nr * BLOCK);

	fill_pattern(want, (first + nr) * BLOCK, seed);
	scsi_read(c, LUN0, lba + first, got, nr * BLOCK);
	if (memcmp(want + first * BLOCK, got, nr * BLOCK))
		die("blocks from %u on were changed", lba + first);
	free(want);
	free(got);
	logout(c);
	conn_close(c);
}

static void prepare(u32 lba, u32 bytes, u32 seed)
{
	struct conn *c = login_default();
	u8 *buf = malloc(bytes);

	fill_pattern(buf, bytes, seed);
	scsi_write(c, LUN0, lba, buf, bytes);
	free(buf);
	/* A lost session would be a unit attention for the others. */
	logout(c);
	conn_close(c);
}

TEST(D01_flags_and_length)
{
	struct conn *c = login_default();
	struct scsi io;
	struct pdu p;

	/* Length 0 with R or W is legal. */
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	io.flags |= F_READ;
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	io.flags = F_WRITE | ATTR_SIMPLE;
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	/* A length without a direction is not. */
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	io.edtl = BLOCK;
	scsi_pdu(c, &io, &p);
	conn_send(c, &p);
	if (!expect_drop_or_reject(c, REJ(INVALID_FIELD)))
		ping(c);
}

TEST(D01_reserved_attributes)
{
	struct scsi io;
	struct pdu p;
	u8 attr;

	for (attr = 5; attr <= 7; attr++) {
		struct conn *c = login_default();

		scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
		io.flags = attr;
		scsi_pdu(c, &io, &p);
		conn_send(c, &p);
		if (!expect_drop_or_reject(c, REJ_DATA))
			ping(c);
		conn_close(c);
	}
}

TEST(D02_attributes)
{
	static const u8 attrs[] = {
		ATTR_UNTAGGED, ATTR_SIMPLE, ATTR_ORDERED, ATTR_HEAD,
	};
	struct conn *c = login_default();
	struct scsi io, w[2], r;
	u8 buf[2][BLOCK], back[BLOCK];
	u32 i, done = 0;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
		io.flags = attrs[i];
		scsi_run(c, &io);
		ASSERT_EQ(GOOD, io.status);
	}
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	io.flags = ATTR_ACA;
	scsi_run(c, &io);
	ASSERT_EQ(CHECK_CONDITION, io.status);
	ASSERT_EQ(0x05, io.key);

	/* SIMPLE, ORDERED, SIMPLE: the read sees the ordered write. */
	conn_cork(c);
	for (i = 0; i < 2; i++) {
		fill_pattern(buf[i], BLOCK, i);
		scsi_rw(&w[i], true, LUN0, 2, BLOCK, buf[i]);
		if (i)
			w[i].flags = F_WRITE | ATTR_ORDERED;
		scsi_send(c, &w[i]);
	}
	scsi_rw(&r, false, LUN0, 2, BLOCK, back);
	scsi_send(c, &r);
	conn_uncork(c);
	while (done < 3) {
		struct pdu *p = recv_any(c);
		u32 itt = pdu32(p, BHS_ITT);

		done += scsi_input(c, itt == w[0].itt ? &w[0] :
				   itt == w[1].itt ? &w[1] : &r, p);
	}
	ASSERT_EQ(0, memcmp(back, buf[1], BLOCK));
}

TEST(D03_immediate_data_not_agreed)
{
	struct conn *c = login_keys("ImmediateData=No InitialR2T=Yes");
	u8 buf[BLOCK];
	struct scsi io;
	struct pdu p;

	prepare(30, BLOCK, 1);
	fill_pattern(buf, BLOCK, 2);
	scsi_rw(&io, true, LUN0, 30, BLOCK, buf);
	scsi_pdu(c, &io, &p);
	pdu_data(&p, buf, BLOCK);
	conn_send(c, &p);
	scsi_wait(c, &io);
	must_be_sense(&io, 0x0b, 0x0c, 0x0c);
	ping(c);
	must_hold(30, 1, 0, 1);
}

TEST(D03_immediate_data_beyond_first_burst)
{
	static const char keys[] =
		"ImmediateData=Yes InitialR2T=Yes FirstBurstLength=512";
	struct conn *c = login_keys(keys);
	u8 buf[2 * BLOCK];
	struct scsi io;
	struct pdu p;

	prepare(30, 2 * BLOCK, 1);
	fill_pattern(buf, 2 * BLOCK, 2);
	scsi_rw(&io, true, LUN0, 30, 2 * BLOCK, buf);
	scsi_pdu(c, &io, &p);
	pdu_data(&p, buf, 2 * BLOCK);
	conn_send(c, &p);
	must_fail(c, &io, 0, 0x0b, 0x0c, 0x0c);
	must_hold(30, 1, 0, 2);
}

TEST(D04_unsolicited_data_not_agreed)
{
	struct conn *c = login_keys("ImmediateData=No InitialR2T=Yes");
	u8 buf[BLOCK];
	struct scsi io;
	struct pdu p;

	prepare(40, BLOCK, 1);
	fill_pattern(buf, BLOCK, 2);
	scsi_rw(&io, true, LUN0, 40, BLOCK, buf);
	scsi_pdu(c, &io, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	scsi_data_out(c, &io, NO_TAG, 0, BLOCK);
	scsi_wait(c, &io);
	must_be_sense(&io, 0x0b, 0x0c, 0x0c);
	ping(c);
	must_hold(40, 1, 0, 1);
}

/* All that fits FirstBurstLength unsolicited, in several PDUs. */
TEST(D04_unsolicited_data_agreed)
{
	static const char *const keys[] = {
		UNSOLICITED(16384),
		"InitialR2T=No MaxBurstLength=65536 FirstBurstLength=16384",
	};
	static const u32 sizes[] = { 512, 8192, 16384, 65536 };
	u8 *out = malloc(65536), *in = malloc(65536);
	struct scsi io;
	u32 i, k;

	for (k = 0; k < 2; k++) {
		struct conn *c = login_keys(keys[k]);

		/* Small PDUs, so that there is something to be in order. */
		c->max_send = 4096;
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			fill_pattern(out, sizes[i], k * 8 + i);
			scsi_rw(&io, true, LUN0, 512, sizes[i], out);
			scsi_run(c, &io);
			ASSERT_EQ(GOOD, io.status);
			ASSERT_EQ(sizes[i] > 16384, io.nr_r2t);
			scsi_read(c, LUN0, 512, in, sizes[i]);
			ASSERT_EQ(0, memcmp(in, out, sizes[i]));
		}
		logout(c);
		conn_close(c);
	}
}

TEST(D05_unsolicited_burst_too_short)
{
	struct conn *c = login_keys(UNSOLICITED(4096));
	u8 buf[8192];
	struct scsi io;
	struct pdu p;

	prepare(50, 8192, 1);
	fill_pattern(buf, sizeof(buf), 2);
	scsi_rw(&io, true, LUN0, 50, sizeof(buf), buf);
	scsi_pdu(c, &io, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	scsi_data_out(c, &io, NO_TAG, 0, 4096 - 512);
	scsi_wait(c, &io);
	must_be_sense(&io, 0x0b, 0x0c, 0x0d);
	ping(c);
}

TEST(D05_D15_unsolicited_burst_too_long)
{
	struct conn *c = login_keys(UNSOLICITED(4096));
	u8 buf[8192];
	struct scsi io;
	struct pdu p;

	prepare(50, 8192, 1);
	fill_pattern(buf, sizeof(buf), 2);
	scsi_rw(&io, true, LUN0, 50, sizeof(buf), buf);
	scsi_pdu(c, &io, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	scsi_data_out(c, &io, NO_TAG, 0, 4096 + 512);
	must_fail(c, &io, 0, 0x0b, 0x0c, 0x0d);
	must_hold(50, 1, 0, 16);
}

TEST(D06_immediate_data_and_length)
{
	static const struct {
		const char *what;
		u32 edtl, dsl;
		bool final;
	} cases[] = {
		{ "more than EDTL", 512, 1024, true },
		{ "more than EDTL, F=0", 512, 1024, false },
		{ "all of it, F=0", 512, 512, false },
		{ "EDTL 0", 0, 512, true },
	};
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conn *c = login_default();

		TH_LOG("%s", cases[i].what);
		prepare(60, 2 * BLOCK, 1);
		scsi_rw(&io, true, LUN0, 60, cases[i].edtl, buf);
		scsi_pdu(c, &io, &p);
		if (!cases[i].final)
			p.bhs[BHS_FLAGS] &= ~F_FINAL;
		pdu_data(&p, buf, cases[i].dsl);
		conn_send(c, &p);
		recv_reject(c, REJ(INVALID_FIELD));
		ping(c);
		must_hold(60, 1, 0, 2);
		conn_close(c);
	}
}

/* Data of the second command first: served, and never mixed up. */
TEST(D07_unsolicited_bursts_swapped)
{
	struct conn *c = login_keys(UNSOLICITED(4096));
	u8 buf[2][4096], back[4096];
	struct scsi io[2];
	struct pdu p;
	u32 done = 0, i;

	for (i = 0; i < 2; i++) {
		fill_pattern(buf[i], 4096, 70 + i);
		prepare(80 + i * 8, 4096, 70 + i);
		scsi_rw(&io[i], true, LUN0, 80 + i * 8, 4096, buf[i]);
		scsi_pdu(c, &io[i], &p);
		p.bhs[BHS_FLAGS] &= ~F_FINAL;
		conn_send(c, &p);
	}
	scsi_data_out(c, &io[1], NO_TAG, 0, 4096);
	scsi_data_out(c, &io[0], NO_TAG, 0, 4096);
	while (done < 2)
		done += scsi_input(c, pdu32(recv_any(c), BHS_ITT) == io[0].itt ?
				   &io[0] : &io[1], &c->rx);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(GOOD, io[i].status);
		scsi_read(c, LUN0, 80 + i * 8, back, 4096);
		ASSERT_EQ(0, memcmp(back, buf[i], 4096));
	}
}

/* scsi_input() checks offsets, R2TSN, bounds; here the counts. */
TEST(D08_D11_r2t_covers_everything_once)
{
	static const struct {
		const char *keys;
		u32 bytes, nr_r2t;
	} cases[] = {
		{ SOLICITED(65536), 1 << 20, 16 },
		{ SOLICITED(512), 4096, 8 },
		{ SOLICITED(65536), 65536 + 512, 2 },
		{ SOLICITED(65536) " MaxOutstandingR2T=4", 1 << 20, 16 },
		{ UNSOLICITED(512), 65536 + 1024, 2 },
	};
	u8 *out = malloc(1 << 20), *in = malloc(1 << 20);
	struct scsi io;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conn *c = login_keys(cases[i].keys);

		fill_pattern(out, cases[i].bytes, i);
		scsi_rw(&io, true, LUN0, 1024, cases[i].bytes, out);
		scsi_run(c, &io);
		ASSERT_EQ(GOOD, io.status);
		ASSERT_EQ(cases[i].nr_r2t, io.nr_r2t);
		ASSERT_EQ(cases[i].bytes, io.sent);
		scsi_read(c, LUN0, 1024, in, cases[i].bytes);
		ASSERT_EQ(0, memcmp(in, out, cases[i].bytes));
		conn_close(c);
	}
}

TEST(D09_no_r2t_while_unsolicited_data_is_due)
{
	struct conn *c = login_keys(UNSOLICITED(4096));
	u8 buf[8192];
	struct scsi io;
	struct pdu p;

	fill_pattern(buf, sizeof(buf), 9);
	scsi_rw(&io, true, LUN0, 90, sizeof(buf), buf);
	scsi_pdu(c, &io, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	ping(c);
	pdu_data_out(c, &p, &io, NO_TAG, 0, 0, 2048);
	p.bhs[BHS_FLAGS] = 0;
	conn_send(c, &p);
	ping(c);
	pdu_data_out(c, &p, &io, NO_TAG, 1, 2048, 2048);
	conn_send(c, &p);
	io.sent = 4096;
	recv_r2t(c, &io);
	ASSERT_EQ(4096, pdu32(&c->rx, BHS_OFFSET));
	scsi_data_out(c, &io, pdu32(&c->rx, BHS_TTT), 4096, 4096);
	scsi_wait(c, &io);
	ASSERT_EQ(GOOD, io.status);
}

/* R2Ts that come before any Data-Out, and again after one is served. */
TEST(D10_max_outstanding_r2t)
{
	static const struct {
		const char *keys;
		u32 max;
	} cases[] = {
		{ SOLICITED(512) " MaxOutstandingR2T=1", 1 },
		{ SOLICITED(512) " MaxOutstandingR2T=4", 4 },
	};
	u8 buf[16 * BLOCK] = {};
	struct scsi io;
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conn *c = login_keys(cases[i].keys);
		u32 ttt[16], open = 0, next = 0;

		ASSERT_EQ(cases[i].max, c->sess->max_r2t);
		scsi_rw(&io, true, LUN0, 0, sizeof(buf), buf);
		scsi_send(c, &io);
		while (next < 16) {
			/* Everything up to the pong, then one answer. */
			pdu_nop(c, &p, NULL, 0);
			pdu_immediate(c, &p);
			conn_send(c, &p);
			while (pdu_op(recv_any(c)) == OP_R2T) {
				ASSERT_LT(io.nr_r2t, 16);
				ttt[io.nr_r2t++] = pdu32(&c->rx, BHS_TTT);
				ASSERT_LE(++open, cases[i].max);
			}
			ASSERT_EQ(OP_NOP_IN, pdu_op(&c->rx));
			ASSERT_LE(1, open);
			scsi_data_out(c, &io, ttt[next], next * BLOCK, BLOCK);
			next++;
			open--;
		}
		io.sent = io.edtl;
		scsi_wait(c, &io);
		ASSERT_EQ(GOOD, io.status);
		conn_close(c);
	}
}

/* Data-Out that does not fit its R2T (the second of two, 2048 at 2048). */
TEST(D12_J09_J10_data_out_outside_r2t)
{
	static const struct {
		const char *what;
		u32 offset, len, ttt_change, itt_change;
	} cases[] = {
		{ "offset below", 0, 1024, 0, 0 },
		{ "offset above", 4096, 1024, 0, 0 },
		{ "offset past EDTL", 8192, 1024, 0, 0 },
		{ "offset + length wraps", 0xfffffe00, 1024, 0, 0 },
		{ "used transfer tag", 2048, 2048, 1, 0 },
		{ "other transfer tag", 2048, 2048, 0x5a5a, 0 },
		{ "other task tag", 2048, 2048, 0, 0x5a5a },
	};
	u8 buf[8192];
	struct scsi io;
	struct pdu p;
	u32 i, old, ttt;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conn *c = login_keys(SOLICITED(2048));

		TH_LOG("%s", cases[i].what);
		prepare(120, 32768, 1);
		fill_pattern(buf, sizeof(buf), 2);
		scsi_rw(&io, true, LUN0, 136, sizeof(buf), buf);
		scsi_send(c, &io);
		old = pdu32(recv_r2t(c, &io), BHS_TTT);
		scsi_data_out(c, &io, old, 0, 2048);
		ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
		pdu_data_out(c, &p, &io, ttt ^ cases[i].ttt_change, 0, 0,
			     cases[i].len);
		if (cases[i].ttt_change == 1)
			pdu_set32(&p, BHS_TTT, old);
		pdu_set32(&p, BHS_OFFSET, cases[i].offset);
		pdu_set32(&p, BHS_ITT, io.itt ^ cases[i].itt_change);
		conn_send(c, &p);
		recv_reject(c, REJ(INVALID_FIELD));
		conn_reset(c);
		must_hold(120, 1, 0, 16);
		must_hold(120, 1, 20, 44);
	}
}

TEST(D13_pdus_of_a_burst_swapped)
{
	struct conn *c = login_keys(SOLICITED(65536));
	u8 buf[4096];
	struct scsi io;
	struct pdu p;
	u32 ttt;

	fill_pattern(buf, sizeof(buf), 13);
	scsi_rw(&io, true, LUN0, 0, sizeof(buf), buf);
	scsi_send(c, &io);
	ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
	pdu_data_out(c, &p, &io, ttt, 0, 2048, 2048);
	p.bhs[BHS_FLAGS] = 0;
	conn_send(c, &p);
	pdu_data_out(c, &p, &io, ttt, 1, 0, 2048);
	conn_send(c, &p);
	must_fail(c, &io, 2, 0x0b, 0x47, 0x05);
}

TEST(D13_gap_and_overlap_in_a_burst)
{
	static const u32 second[] = { 3072, 1024, 0 };
	u8 buf[8192] = {};
	struct scsi io;
	struct pdu p;
	u32 ttt, i;

	for (i = 0; i < ARRAY_SIZE(second); i++) {
		struct conn *c = login_keys(SOLICITED(65536));

		scsi_rw(&io, true, LUN0, 0, sizeof(buf), buf);
		scsi_send(c, &io);
		ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
		pdu_data_out(c, &p, &io, ttt, 0, 0, 2048);
		p.bhs[BHS_FLAGS] = 0;
		conn_send(c, &p);
		pdu_data_out(c, &p, &io, ttt, 1, second[i],
			     sizeof(buf) - second[i]);
		conn_send(c, &p);
		must_fail(c, &io, 1, 0x0b, 0x47, 0x05);
		conn_close(c);
	}
}

TEST(D14_final_bit_too_early)
{
	struct conn *c = login_keys(SOLICITED(65536));
	u8 buf[8192] = {};
	struct scsi io;
	struct pdu p;
	u32 ttt;

	scsi_rw(&io, true, LUN0, 0, sizeof(buf), buf);
	scsi_send(c, &io);
	ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
	pdu_data_out(c, &p, &io, ttt, 0, 0, 4096);
	conn_send(c, &p);
	must_fail(c, &io, 0, 0x0b, 0x0c, 0x0d);
}

TEST(D14_D15_more_than_requested)
{
	struct conn *c = login_keys(SOLICITED(8192));
	u8 buf[16384];
	struct scsi io;
	struct pdu p;
	u32 ttt, sn;

	prepare(160, 16384, 1);
	fill_pattern(buf, sizeof(buf), 2);
	scsi_rw(&io, true, LUN0, 160, sizeof(buf), buf);
	scsi_send(c, &io);
	ttt = pdu32(recv_r2t(c, &io), BHS_TTT);
	ASSERT_EQ(8192, pdu32(&c->rx, BHS_DDTL));
	for (sn = 0; sn < 3; sn++) {
		pdu_data_out(c, &p, &io, ttt, sn, sn * 4096, 4096);
		p.bhs[BHS_FLAGS] = sn == 2 ? F_FINAL : 0;
		conn_send(c, &p);
	}
	recv_reject(c, REJ_DATA);
	conn_reset(c);
	/* The second half was never asked for. */
	must_hold(160, 1, 16, 16);
}

TEST(D16_status_after_the_data)
{
	struct conn *c = login_keys(UNSOLICITED(4096));
	u8 buf[4096] = {};
	struct scsi io;
	struct pdu p;

	scsi_rw(&io, true, LUN0, 0x7fffffff, sizeof(buf), buf);
	scsi_pdu(c, &io, &p);
	p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	ping(c);
	pdu_data_out(c, &p, &io, NO_TAG, 0, 0, 2048);
	p.bhs[BHS_FLAGS] = 0;
	conn_send(c, &p);
	ping(c);
	pdu_data_out(c, &p, &io, NO_TAG, 1, 2048, 2048);
	conn_send(c, &p);
	io.sent = sizeof(buf);
	scsi_wait(c, &io);
	must_be_sense(&io, 0x05, 0x21, 0x00);
	ping(c);
}

TEST(D17_D18_large_read)
{
	struct conn *c = login_keys(SOLICITED(65536));
	u32 bytes = 1 << 20;
	u8 *out = malloc(bytes), *in = malloc(bytes);
	struct scsi io;

	fill_pattern(out, bytes, 17);
	scsi_write(c, LUN0, 4096, out, bytes);
	scsi_rw(&io, false, LUN0, 4096, bytes, in);
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(128, io.nr_data_in);
	ASSERT_EQ(16, io.nr_final);
	ASSERT_EQ(0, memcmp(in, out, bytes));
	ping(c);
}

/* An odd length: only the PDUs with F may be no multiple of 4. */
TEST(D17_odd_lengths)
{
	static const char keys[] =
		"MaxRecvDataSegmentLength=514 MaxBurstLength=1025";
	struct conn *c = login_keys(keys);
	u8 in[4 * BLOCK], want[4 * BLOCK];
	struct scsi io;

	prepare(170, sizeof(in), 17);
	fill_pattern(want, sizeof(want), 17);
	scsi_rw(&io, false, LUN0, 170, sizeof(in), in);
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(sizeof(in), io.in_len);
	ASSERT_EQ(0, memcmp(in, want, sizeof(in)));
}

TEST(D18_status_with_data_or_apart)
{
	struct conn *c = login_default();
	struct scsi io;
	u8 buf[BLOCK];

	scsi_rw(&io, false, LUN0, 0, BLOCK, buf);
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ping(c);
	scsi_rw(&io, false, LUN0, 0x7fffffff, BLOCK, buf);
	scsi_run(c, &io);
	must_be_sense(&io, 0x05, 0x21, 0x00);
	ASSERT_FALSE(io.collapsed);
	ping(c);
}

TEST(D20_read_residuals)
{
	static const struct {
		u32 blocks, edtl;
		u8 flag;
	} cases[] = {
		{ 1, 4096, F_UNDERFLOW }, { 8, 512, F_OVERFLOW },
		{ 8, 4096, 0 }, { 1, 513, F_UNDERFLOW },
		{ 2, 1023, F_OVERFLOW }, { 8, 1, F_OVERFLOW },
	};
	struct conn *c = login_default();
	u8 want[4096], in[4096];
	struct scsi io;
	u32 i, n;

	prepare(200, 4096, 20);
	fill_pattern(want, 4096, 20);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		scsi_rw(&io, false, LUN0, 200, cases[i].edtl, in);
		put_be16(io.cdb + 7, cases[i].blocks);
		scsi_run(c, &io);
		n = cases[i].blocks * BLOCK;
		ASSERT_EQ(GOOD, io.status);
		ASSERT_EQ(cases[i].flag, io.resid_flags);
		ASSERT_EQ(min_u32(n, cases[i].edtl), io.in_len);
		ASSERT_EQ((u32)labs((long)n - cases[i].edtl), io.residual);
		ASSERT_EQ(0, memcmp(in, want, io.in_len));
	}
}

TEST(D21_inquiry_residuals)
{
	struct conn *c = login_default();
	struct scsi io;
	u8 in[255];

	scsi_cdb6(&io, LUN0, 0x12, 255, in);
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(in[4] + 5, io.in_len);
	ASSERT_EQ(F_UNDERFLOW, io.resid_flags);
	ASSERT_EQ(255 - io.in_len, io.residual);
	scsi_cdb6(&io, LUN0, 0x12, 36, in);
	scsi_run(c, &io);
	ASSERT_EQ(36, io.in_len);
	ASSERT_EQ(0, io.resid_flags);
	/* Cut off by EDTL, not by the allocation length. */
	scsi_cdb6(&io, LUN0, 0x12, 36, in);
	io.edtl = 20;
	scsi_run(c, &io);
	ASSERT_EQ(20, io.in_len);
	ASSERT_EQ(F_OVERFLOW, io.resid_flags);
	ASSERT_EQ(16, io.residual);
}

/*
 * A WRITE of eight blocks, and what EDTL says of it: the smaller of the two
 * moves, in whole blocks, however the data comes.
 */
TEST(D22_write_residuals)
{
	static const char *const keys[] = {
		"InitialR2T=No MaxRecvDataSegmentLength=65536",
		SOLICITED(65536), SOLICITED(512), UNSOLICITED(1024),
		UNSOLICITED(16384),
	};
	static const struct {
		u32 edtl, moved;
		u8 flag;
		u32 residual;
	} cases[] = {
		{ 4096, 4096, 0, 0 },
		{ 8192, 4096, F_UNDERFLOW, 4096 },
		{ 4097, 4096, F_UNDERFLOW, 1 },
		{ 2048, 2048, F_OVERFLOW, 2048 },
		{ 4095, 3584, F_OVERFLOW, 1 },
		{ 700, 512, F_OVERFLOW, 3396 },
		{ 511, 0, F_OVERFLOW, 3585 },
		{ 0, 0, F_OVERFLOW, 4096 },
	};
	u8 out[8192], in[8192], old[8192];
	struct scsi io;
	u32 i, k;

	fill_pattern(old, sizeof(old), 1);
	fill_pattern(out, sizeof(out), 22);
	for (k = 0; k < ARRAY_SIZE(keys); k++) {
		struct conn *c = login_keys(keys[k]);

		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			u32 n = cases[i].moved;

			TH_LOG("EDTL %u, %s", cases[i].edtl, keys[k]);
			scsi_write(c, LUN0, 220, old, sizeof(old));
			scsi_rw(&io, true, LUN0, 220, cases[i].edtl, out);
			put_be16(io.cdb + 7, 8);
			scsi_run(c, &io);
			ASSERT_EQ(GOOD, io.status);
			ASSERT_EQ(cases[i].flag, io.resid_flags);
			ASSERT_EQ(cases[i].residual, io.residual);
			scsi_read(c, LUN0, 220, in, sizeof(in));
			ASSERT_EQ(0, memcmp(in, out, n));
			ASSERT_EQ(0, memcmp(in + n, old + n, sizeof(in) - n));
		}
		logout(c);
		conn_close(c);
	}
}

/* Data that is a unit of its own is not taken in part; more is dropped. */
TEST(D22_parameter_list_residuals)
{
	/* MODE SELECT(6), PF=1: a header and the caching page as it is */
	u8 list[64] = {}, mode[64];
	struct conn *c = login_default();
	struct scsi io;
	u32 len;

	scsi_cdb6(&io, LUN0, 0x1a, sizeof(mode), mode);	/* MODE SENSE(6) */
	io.cdb[1] = 0x08;
	io.cdb[2] = 0x08;
	io.cdb[3] = 0;
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	len = mode[0] + 1;
	ASSERT_LE(len, sizeof(list) - 8);
	memcpy(list, mode, len);
	list[0] = 0;
	list[4] &= 0x3f;	/* PS is reserved here */

	io = (struct scsi) { .lun = LUN0, .edtl = len, .out = list,
			     .flags = F_WRITE | ATTR_SIMPLE,
			     .cdb = { 0x15, 0x10, [4] = len } };
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(0, io.resid_flags);
	io.edtl = len + 8;
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(F_UNDERFLOW, io.resid_flags);
	ASSERT_EQ(8, io.residual);
	io.edtl = len - 4;
	scsi_run(c, &io);
	must_be_sense(&io, 0x05, 0x24, 0x00);
	ASSERT_EQ(F_UNDERFLOW, io.resid_flags);
	ASSERT_EQ(len - 4, io.residual);
}

/* Half of the data is compared, half is written: any other length is refused. */
TEST(D22_compare_and_write_of_another_length)
{
	static const u32 lengths[] = { 0, BLOCK, 3 * BLOCK, 4 * BLOCK };
	struct conn *c = login_default();
	u8 out[4 * BLOCK], in[BLOCK];
	struct scsi io;
	u32 i;

	fill_pattern(out, BLOCK, 24);
	fill_pattern(out + BLOCK, 3 * BLOCK, 25);
	scsi_write(c, LUN0, 250, out, BLOCK);
	io = (struct scsi) { .lun = LUN0, .out = out,
			     .flags = F_WRITE | ATTR_SIMPLE,
			     .cdb = { 0x89, [9] = 250, [13] = 1 } };
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		io.edtl = lengths[i];
		scsi_run(c, &io);
		must_be_sense(&io, 0x05, 0x24, 0x00);
	}
	io.edtl = 4 * BLOCK;
	io.cdb[13] = 0;
	scsi_run(c, &io);
	must_be_sense(&io, 0x05, 0x24, 0x00);
	scsi_read(c, LUN0, 250, in, BLOCK);
	ASSERT_EQ(0, memcmp(in, out, BLOCK));
	io.edtl = 2 * BLOCK;
	io.cdb[13] = 1;
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	scsi_read(c, LUN0, 250, in, BLOCK);
	ASSERT_EQ(0, memcmp(in, out + BLOCK, BLOCK));
}

/* No direction at all: nothing moves, all of it is residual. */
TEST(D20_D22_no_data_expected)
{
	struct conn *c = login_default();
	u8 buf[BLOCK], back[BLOCK];
	struct scsi io;
	int write;

	fill_pattern(buf, BLOCK, 20);
	scsi_write(c, LUN0, 230, buf, BLOCK);
	for (write = 0; write < 2; write++) {
		scsi_rw(&io, write, LUN0, 230, 0, buf);
		io.flags = ATTR_SIMPLE;
		put_be16(io.cdb + 7, 8);
		scsi_run(c, &io);
		ASSERT_EQ(GOOD, io.status);
		ASSERT_EQ(F_OVERFLOW, io.resid_flags);
		ASSERT_EQ(8 * BLOCK, io.residual);
		ASSERT_EQ(0, io.nr_data_in + io.nr_r2t);
	}
	scsi_read(c, LUN0, 230, back, BLOCK);
	ASSERT_EQ(0, memcmp(buf, back, BLOCK));
}

/* R and W say something else than the operation code: nothing moves. */
TEST(D22_direction_of_the_wrong_kind)
{
	struct conn *c = login_default();
	u8 old[BLOCK], out[BLOCK], in[BLOCK];
	struct scsi io;

	fill_pattern(old, BLOCK, 1);
	fill_pattern(out, BLOCK, 2);
	scsi_write(c, LUN0, 240, old, BLOCK);
	scsi_rw(&io, true, LUN0, 240, BLOCK, out);
	io.cdb[0] = 0x28;
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(F_UNDERFLOW, io.resid_flags);
	ASSERT_EQ(BLOCK, io.residual);
	scsi_rw(&io, false, LUN0, 240, BLOCK, in);
	io.cdb[0] = 0x2a;
	scsi_run(c, &io);
	must_be_sense(&io, 0x05, 0x24, 0x00);
	ASSERT_EQ(0, io.in_len);
	scsi_read(c, LUN0, 240, in, BLOCK);
	ASSERT_EQ(0, memcmp(in, old, BLOCK));
}

TEST(D23_residual_of_failed_read)
{
	struct conn *c = login_default();
	struct scsi io;
	u8 buf[BLOCK];

	scsi_rw(&io, false, LUN0, 0x7fffffff, BLOCK, buf);
	scsi_run(c, &io);
	ASSERT_EQ(CHECK_CONDITION, io.status);
	ASSERT_EQ(F_UNDERFLOW, io.resid_flags);
	ASSERT_EQ(BLOCK, io.residual);
	ASSERT_EQ(0, io.in_len);
}

/*
 * XDWRITEREAD(10), with its data in each way that it may come: refused when
 * that is over, and all of both lengths is residual.
 */
TEST(D24_A10_bidirectional_refused)
{
	static const char *const keys[] = {
		"InitialR2T=No", SOLICITED(65536), UNSOLICITED(1024),
	};
	u8 out[2 * BLOCK], in[2 * BLOCK];
	struct scsi io;
	struct pdu p;
	u32 i;

	prepare(250, sizeof(out), 24);
	fill_pattern(out, sizeof(out), 25);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		struct conn *c = login_keys(keys[i]);
		u32 now = c->sess->immediate_data ? sizeof(out) : 0;

		scsi_rw(&io, true, LUN0, 250, sizeof(out), out);
		io.flags |= F_READ;
		io.cdb[0] = 0x53;
		io.in = in;
		scsi_pdu(c, &io, &p);
		pdu_add_ahs(&p, 2, 5, "\0\0\0\3\0", 5);
		pdu_data(&p, out, now);
		if (!now && !c->sess->initial_r2t)
			p.bhs[BHS_FLAGS] &= ~F_FINAL;
		conn_send(c, &p);
		if (!now && !c->sess->initial_r2t)
			scsi_data_out(c, &io, NO_TAG, 0, sizeof(out));
		scsi_wait(c, &io);
		must_be_sense(&io, 0x05, 0x20, 0x00);
		ASSERT_FALSE(io.collapsed);
		ASSERT_EQ(F_UNDERFLOW | F_BIDI_UNDERFLOW, io.resid_flags);
		ASSERT_EQ(sizeof(out), io.residual);
		ASSERT_EQ(0x300, pdu32(&c->rx, BHS_BIDI_RESIDUAL));
		ASSERT_EQ(0, io.nr_r2t + io.nr_data_in);
		ping(c);
		conn_close(c);
	}
	must_hold(250, 24, 0, 2);
}

TEST(D25_autosense)
{
	struct conn *c = login_default();
	struct scsi io;

	scsi_cdb6(&io, LUN0, 0xff, 0, NULL);
	scsi_run(c, &io);
	must_be_sense(&io, 0x05, 0x20, 0x00);
	ASSERT_EQ(c->rx.data_len, 2 + io.sense_len);
	ASSERT_LE(18, io.sense_len);
	ping(c);
}

/* Of sense data: 70h for the fixed format, 72h for descriptors. */
static u8 response_code(const struct conn *c)
{
	return ((const u8 *)c->rx.data)[2];
}

/* Whoever makes them: the data phase, the access layer or the core. */
TEST(D25_sense_data_in_descriptor_format)
{
	struct conn *c = login(LOGIN(.initiator = env.initiator2,
				     .keys = "ImmediateData=No InitialR2T=Yes"));
	const u64 lun = lun_peripheral(5);
	u8 buf[192] = {}, block[BLOCK];
	struct scsi io;
	struct pdu p;

	clear_unit_attentions(c, lun);
	scsi_cdb6(&io, lun, 0x1a, sizeof(buf), buf);
	io.cdb[1] = 0x08;
	io.cdb[2] = 0x0a;
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(0x04, buf[4 + 2] & 0x04);	/* D_SENSE */

	scsi_rw(&io, true, lun, 0, BLOCK, block);
	scsi_pdu(c, &io, &p);
	pdu_data(&p, block, BLOCK);
	conn_send(c, &p);
	scsi_wait(c, &io);
	must_be_sense(&io, 0x0b, 0x0c, 0x0c);
	ASSERT_EQ(0x72, response_code(c));
	ASSERT_EQ(8, io.sense_len);
	/* INQUIRY for a page that is not there. */
	scsi_cdb6(&io, lun, 0x12, sizeof(buf), buf);
	io.cdb[1] = 1;
	io.cdb[2] = 0xfe;
	scsi_run(c, &io);
	must_be_sense(&io, 0x05, 0x24, 0x00);
	ASSERT_EQ(0x72, response_code(c));
	scsi_cdb6(&io, lun, 0xff, 0, NULL);
	scsi_run(c, &io);
	must_be_sense(&io, 0x05, 0x20, 0x00);
	ASSERT_EQ(0x72, response_code(c));
	ping(c);
}

/*
 * A backend that fails is a status of the command, not a response code;
 * check.c lets no code but 0 and 1 through, whatever the test.
 */
TEST(D26_backend_failure)
{
	struct conn *c = login(LOGIN(.target = env.demo));
	u8 buf[BLOCK] = {};
	struct scsi io;

	clear_unit_attentions(c, LUN1);
	scsi_rw(&io, true, LUN1, 0, BLOCK, buf);
	scsi_run(c, &io);
	ASSERT_EQ(0, io.response);
	ASSERT_EQ(CHECK_CONDITION, io.status);
	ASSERT_NE(0, io.sense_len);
	ASSERT_NE(0, io.key);
	ASSERT_EQ(F_UNDERFLOW, io.resid_flags);
	ASSERT_EQ(BLOCK, io.residual);
	/* It is the backend that fails, and it does so every time. */
	scsi_run(c, &io);
	ASSERT_EQ(CHECK_CONDITION, io.status);
	scsi_read(c, LUN1, 0, buf, BLOCK);
	ping(c);
}

/*
 * Nothing of levels 1 and 2 at level 0: check.c sees to A bits, transfer tags
 * and SNACK tags of what comes; no kind of SNACK is served.
 */
TEST(D19_D28_F11_no_snack_at_level_0)
{
	static const char keys[] =
		"MaxRecvDataSegmentLength=512 MaxBurstLength=512";
	struct conn *c = login_keys(keys);
	u8 buf[16 * BLOCK];
	struct scsi io;
	struct pdu p;
	u8 type;

	scsi_rw(&io, false, LUN0, 0, sizeof(buf), buf);
	scsi_run(c, &io);
	ASSERT_EQ(16, io.nr_data_in);
	ASSERT_EQ(16, io.nr_final);
	for (type = 0; type < 4; type++) {
		pdu_init(c, &p, OP_SNACK);
		p.bhs[0] |= OP_IMMEDIATE;
		p.bhs[BHS_FLAGS] = F_FINAL | type;
		pdu_set32(&p, BHS_ITT, type == 1 ? NO_TAG : io.itt);
		pdu_set32(&p, BHS_SNACK_TAG, type == 3 ? 0x1234 : NO_TAG);
		conn_send(c, &p);
		recv_reject(c, REJ(SNACK));
	}
	/* A tag that was never accepted is in no response. */
	scsi_rw(&io, false, LUN0, 0x7fffffff, BLOCK, buf);
	scsi_run(c, &io);
	ASSERT_EQ(OP_SCSI_RSP, pdu_op(&c->rx));
	ASSERT_EQ(0, pdu32(&c->rx, BHS_SNACK_TAG));
	ping(c);
}

TEST(D27_exp_data_sn)
{
	struct conn *c = login_default();
	struct scsi io;
	u8 buf[BLOCK] = {};

	/* take_response() compares it with what was received. */
	scsi_write(c, LUN0, 0, buf, BLOCK);
	ASSERT_EQ(OP_SCSI_RSP, pdu_op(&c->rx));
	ASSERT_EQ(0, pdu32(&c->rx, BHS_EXP_DATA_SN));
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_run(c, &io);
	ASSERT_EQ(0, pdu32(&c->rx, BHS_EXP_DATA_SN));
	ASSERT_EQ(0, pdu32(&c->rx, BHS_SNACK_TAG));
}

TEST(D29_reservation_conflict)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	struct scsi io;
	u8 buf[BLOCK];

	scsi_cdb6(&io, LUN0, 0x16, 0, NULL);	/* RESERVE(6) */
	scsi_run(a, &io);
	ASSERT_EQ(GOOD, io.status);
	scsi_rw(&io, false, LUN0, 0, BLOCK, buf);
	scsi_run(b, &io);
	ASSERT_EQ(0, io.response);
	ASSERT_EQ(RESERVATION_CONFLICT, io.status);
	ASSERT_EQ(0, b->rx.data_len);
	ASSERT_EQ(F_UNDERFLOW, io.resid_flags);
	ASSERT_EQ(BLOCK, io.residual);
	scsi_cdb6(&io, LUN0, 0x17, 0, NULL);	/* RELEASE(6) */
	scsi_run(a, &io);
	ASSERT_EQ(GOOD, io.status);
	scsi_read(b, LUN0, 0, buf, BLOCK);
}

TEST(D30_command_priority_ignored)
{
	struct conn *c = login_default();
	struct scsi io;
	struct pdu p;

	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_pdu(c, &io, &p);
	p.bhs[2] = 0x50;
	conn_send(c, &p);
	scsi_wait(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(0, get_be16(c->rx.bhs + 8));
}

TEST(D31_J15_lun_addressing)
{
	static const struct {
		u64 lun;
		bool exists;
	} cases[] = {
		{ 0x0001000000000000, true },	/* peripheral */
		{ 0x4001000000000000, true },	/* flat space */
		{ 0x0063000000000000, false },
		{ 0x4063000000000000, false },
		{ 0x0100000000000000, false },	/* bus 1 */
		{ 0x8001000000000000, false },	/* logical unit, bus 0 */
		{ 0xc101000000000000, false },	/* well-known */
		{ 0xd200000100000000, false },
		{ 0x0001000100000000, false },	/* second level */
		{ 0x0000000000000001, false },
		{ 0xffffffffffffffff, false },
	};
	struct conn *c = login_default();
	struct scsi io;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		scsi_cdb6(&io, cases[i].lun, 0x00, 0, NULL);
		scsi_run(c, &io);
		TH_LOG("LUN %016llx", cases[i].lun);
		ASSERT_EQ(cases[i].exists, io.status == GOOD);
		if (!cases[i].exists)
			must_be_sense(&io, 0x05, 0x25, 0x00);
	}
}

static u32 report_luns(struct conn *c, u64 *luns, u32 max)
{
	struct scsi io = { .lun = LUN0, .edtl = 256, .flags = F_READ };
	u8 in[256];
	u32 i, n;

	io.cdb[0] = 0xa0;
	put_be32(io.cdb + 6, sizeof(in));
	io.in = in;
	scsi_run(c, &io);
	if (io.status || io.in_len < 8)
		die("REPORT LUNS: status %02x, %u bytes", io.status, io.in_len);
	n = get_be32(in) / 8;
	if (8 + n * 8 > io.in_len || n > max)
		die("REPORT LUNS: %u LUNs in %u bytes", n, io.in_len);
	for (i = 0; i < n; i++)
		luns[i] = (u64)get_be32(in + 8 + i * 8) << 32 |
			  get_be32(in + 12 + i * 8);
	return n;
}

/* LUN masking: an initiator sees what its ACL maps, under that number. */
TEST(D31_lun_masking)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	struct conn *d = login(LOGIN(.portal = env.portal2));
	u8 buf[BLOCK] = {};
	struct scsi io;
	u64 luns[16];

	ASSERT_EQ(2, report_luns(a, luns, 16));
	ASSERT_EQ(LUN0 + LUN1, luns[0] + luns[1]);
	scsi_cdb6(&io, lun_peripheral(2), 0x00, 0, NULL);
	scsi_run(a, &io);
	must_be_sense(&io, 0x05, 0x25, 0x00);

	ASSERT_EQ(3, report_luns(b, luns, 16));
	ASSERT_EQ(LUN0 + LUN1 + lun_peripheral(5),
		  luns[0] + luns[1] + luns[2]);
	clear_unit_attentions(b, lun_peripheral(5));
	scsi_write(b, lun_peripheral(5), 0, buf, BLOCK);

	/* Demo mode: every LUN of the portal group. */
	ASSERT_EQ(1, report_luns(d, luns, 16));
	scsi_write(d, LUN0, 0, buf, BLOCK);
}

TEST(D31_write_protected_lun)
{
	struct conn *a = login_default();
	struct conn *b = login(LOGIN(.initiator = env.initiator2));
	u8 buf[BLOCK], back[BLOCK];
	struct scsi io;

	fill_pattern(buf, BLOCK, 31);
	scsi_write(a, LUN1, 31, buf, BLOCK);
	memset(back, 0, BLOCK);
	scsi_rw(&io, true, LUN1, 31, BLOCK, back);
	scsi_run(b, &io);
	must_be_sense(&io, 0x07, 0x27, 0x00);
	scsi_read(b, LUN1, 31, back, BLOCK);
	ASSERT_EQ(0, memcmp(buf, back, BLOCK));
	scsi_write(b, LUN0, 31, buf, BLOCK);
	/* MODE SENSE(6) says so: WP in the device-specific parameter. */
	scsi_cdb6(&io, LUN1, 0x1a, 64, back);
	io.cdb[2] = 0x3f;
	io.cdb[3] = 0;
	scsi_run(b, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_TRUE(back[2] & 0x80);
}

TEST(D32_command_without_data)
{
	struct conn *c = login_default();
	struct scsi io;

	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(0, io.resid_flags);
	ASSERT_EQ(0, io.nr_r2t + io.nr_data_in);
}

TEST(D33_many_data_in_pdus)
{
	static const char keys[] =
		"MaxRecvDataSegmentLength=512 MaxBurstLength=16777215";
	struct conn *c = login_keys(keys);
	struct scsi io;

	scsi_rw(&io, false, LUN0, 0, 1 << 20, NULL);
	scsi_run(c, &io);
	ASSERT_EQ(GOOD, io.status);
	ASSERT_EQ(2048, io.nr_data_in);
	ping(c);
}

/* ------------------------------------------------------------------ */
/* what goes over the wire                                             */
/* ------------------------------------------------------------------ */

static u32 segments_received(struct conn *c)
{
	struct tcp_info info;

	conn_tcp_info(c, &info);
	return info.tcpi_segs_in;
}

/* Header and data come one after another, as Linux's initiator sends them. */
static void write_in_two_segments(struct conn *c, u8 *buf, u32 len)
{
	struct scsi io;

	scsi_rw(&io, true, LUN0, 30, len, buf);
	conn_cork(c);
	scsi_send(c, &io);
	c->corked = false;
	conn_write(c, c->txq.buf, BHS_LEN);
	conn_write(c, c->txq.buf + BHS_LEN, c->txq.len - BHS_LEN);
	scsi_wait(c, &io);
	if (io.status != GOOD)
		die("status %02x", io.status);
}

/* TCP has nothing to say of its own, unless the answer takes its time. */
TEST(answer_acknowledges_the_write)
{
	struct conn *c = login_default();
	const u32 nr = 64;
	u8 buf[4096];
	u32 i, before;

	fill_pattern(buf, sizeof(buf), 1);
	/* At first TCP acknowledges everything at once. */
	for (i = 0; i < 32; i++)
		write_in_two_segments(c, buf, sizeof(buf));
	before = segments_received(c);
	for (i = 0; i < nr; i++)
		write_in_two_segments(c, buf, sizeof(buf));
	ASSERT_GT(nr + nr / 2, segments_received(c) - before);
}

RAW_TEST_MAIN
