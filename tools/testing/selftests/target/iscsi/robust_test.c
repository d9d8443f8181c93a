// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section J: what a hostile or broken peer does must not hurt others.
 */
#include <errno.h>
#include <sys/socket.h>

#include "harness.h"

#define LUN0	lun_peripheral(0)

#define NR_SILENT	20
#define LAST		STAGE(OPERATIONAL, FULL_FEATURE)

/*
 * A whole login is a matter of this time.  Who is held up by other connections
 * is every time; by what else the machine does, hardly three times in a row.
 */
static bool login_within(u32 ms)
{
	struct conn *c;
	u64 start;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		start = now_ms();
		c = login(LOGIN(.no_ua_check = true));
		start = now_ms() - start;
		logout(c);
		conn_close(c);
		if (start < bound_ms(ms))
			return true;
	}
	return false;
}

static struct conn *silent_conn(void)
{
	return login_start(LOGIN());
}

TEST(J02_login_beside_silent_connections)
{
	struct conn *half = silent_conn();
	struct text t = {};
	int i;

	for (i = 0; i < NR_SILENT; i++)
		silent_conn();
	ASSERT_TRUE(login_within(1000));
	/* One in the middle of its login is no obstacle either. */
	login_names(LOGIN(), &t);
	login_step(half, STAY(OPERATIONAL), &t);
	ASSERT_TRUE(login_within(1000));
	ASSERT_EQ(LOGIN_OK, login_finish(half, LAST, NULL));
}

/*
 * Silent ones and one that sends a byte a second: all are closed when the
 * login timer says so, and normal logins go on meanwhile.
 */
TEST(J01_login_timer)
{
	struct conn *c[NR_SILENT + 1];
	u64 start = now_ms(), next = start, end = start + bound_ms(31000);
	struct text t = {};
	int i, nr_open = NR_SILENT + 1, sent = 0;
	struct pdu p;

	for (i = 0; i <= NR_SILENT; i++)
		c[i] = silent_conn();
	login_names(LOGIN(), &t);
	pdu_login(c[0], &p, LAST, &t);
	p.bhs[BHS_DSL + 2] = t.len;
	while (nr_open) {
		ASSERT_LT(now_ms(), end);
		if (now_ms() >= next) {
			if (c[0] && sent < BHS_LEN)
				conn_write(c[0], p.bhs + sent++, 1);
			ASSERT_TRUE(login_within(1000));
			next += 1000;
		}
		for (i = 0; i <= NR_SILENT; i++) {
			if (c[i] &&
			    conn_recv(c[i], 10) == RECV_CLOSED) {
				c[i] = NULL;
				nr_open--;
			}
		}
	}
	ASSERT_LT(4000, now_ms() - start);
}

TEST(J03_login_data_too_long)
{
	static const u32 lens[] = { DEFAULT_MRDSL + 1, 0xffffff };
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		struct conn *c = silent_conn();
		u64 start = now_ms();

		pdu_login(c, &p, LAST, NULL);
		p.flaw = FLAW_LENGTHS;
		pdu_set32(&p, BHS_AHS_WORDS, lens[i]);
		conn_send(c, &p);
		if (conn_recv(c, DEADLINE_MS) == RECV_PDU)
			expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
		ASSERT_TRUE(c->closed);
		ASSERT_LT(now_ms() - start, bound_ms(5000));
		conn_close(c);
	}
}

/* The answer to hostile text, and that it does no harm. */
static void hostile_text(const void *bytes, u32 len, bool must_fail)
{
	struct conn *c = silent_conn();
	struct text t = {};
	u64 start = now_ms();
	struct pdu *p;

	login_names(LOGIN(), &t);
	if (t.len + len > DEFAULT_MRDSL)
		len = DEFAULT_MRDSL - t.len;
	text_add_raw(&t, bytes, len);
	p = login_step(c, STAY(OPERATIONAL), &t);
	if (must_fail) {
		if (!p || login_status(p) == LOGIN_OK)
			die("hostile text was taken");
		expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR,
						 LOGIN_RESOURCES));
	}
	if (now_ms() - start > bound_ms(5000))
		die("took %u ms", (u32)(now_ms() - start));
	conn_close(c);
	free(t.buf);
}

TEST(J04_hostile_text)
{
	static const struct {
		const char *unit;
		u32 len, times;
		bool must_fail;
	} cases[] = {
		{ "a=b", 4, 4000, true },		/* twice and more */
		{ "=", 2, 1, true }, { "=", 1, 8192, true },
		{ "", 1, 8192, true }, { "a", 1, 8192, true },
		{ "\xff\xfe=\x80", 4, 1, false },
		{ "%n%n%s%x=%n%s", 14, 1, false },
		{ "X-a=b=c=d", 10, 1, false },
		{ "InitiatorAlias=%n%s\xff", 21, 1, false },
		{ "MaxBurstLength=", 15, 1, true },
		{ "a\0=b", 5, 1, true },
	};
	u8 *buf = malloc(16384);
	u32 i, k, len;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		TH_LOG("case %u", i);
		len = 0;
		for (k = 0; k < cases[i].times && len < 8192; k++) {
			memcpy(buf + len, cases[i].unit, cases[i].len);
			len += cases[i].len;
		}
		hostile_text(buf, len, cases[i].must_fail);
	}
	ASSERT_TRUE(login_within(1000));
}

/* Seeded noise over a valid start; the seed is printed on failure. */
TEST(J04_random_text)
{
	static const char alphabet[] = "=\0\0aX-,~0x1MaxBurstLength\xff%n";
	u8 buf[512];
	u32 seed, i;

	for (seed = 1; seed <= 40; seed++) {
		TH_LOG("seed %u", seed);
		fill_pattern(buf, sizeof(buf), seed);
		for (i = 0; i < sizeof(buf) && seed % 2; i++)
			buf[i] = alphabet[buf[i] % (sizeof(alphabet) - 1)];
		hostile_text(buf, sizeof(buf), false);
	}
	ASSERT_TRUE(login_within(1000));
}

TEST(J05_long_numbers)
{
	static const char *const starts[] = {
		"MaxBurstLength=0x", "MaxBurstLength=", "MaxBurstLength=0b",
		"DefaultTime2Wait=1", "ErrorRecoveryLevel=0x",
	};
	char offer[512];
	struct conn *c;
	u32 i, len;
	u16 status;

	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		for (len = 16; len < 256; len += 49) {
			struct text t = {};
			char key[32];
			const char *v;

			snprintf(offer, sizeof(offer), "%s", starts[i]);
			memset(offer + strlen(starts[i]), '9', len);
			offer[strlen(starts[i]) + len] = 0;
			snprintf(key, strcspn(offer, "=") + 1, "%s", offer);
			c = login_start(LOGIN());
			login_names(LOGIN(), &t);
			text_add(&t, "%s", offer);
			login_step(c, STAY(OPERATIONAL), &t);
			status = login_status(&c->rx);
			v = text_get(c->answers.buf, c->answers.len, key);
			ASSERT_TRUE(status == LOGIN_INITIATOR_ERR ||
				    (v && !strcmp(v, "Reject"))) {
				TH_LOG("%s: %04x %s", offer, status, v);
			}
			conn_close(c);
			free(t.buf);
		}
	}
}

static long mem_available_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* As many as the window holds, each of which claims 4 GiB. */
TEST(J08_hostile_transfer_length)
{
	static const u8 cdbs[][16] = {
		{ 0x2a, [8] = 1 },		/* WRITE(10), one block */
		{ 0x2a, [7] = 0xff, [8] = 0xff },
		{ 0x15, [1] = 0x10, [4] = 24 },	/* MODE SELECT(6) */
		{ 0x42, [8] = 24 },		/* UNMAP */
		{ 0x41, [8] = 1 },		/* WRITE SAME(10) */
		{ 0x5f, [8] = 24 },		/* PERSISTENT RESERVE OUT */
		{ 0x8a, [10] = 0xff, [11] = 0xff, [12] = 0xff, [13] = 0xff },
		{ 0x12, [4] = 36 },		/* INQUIRY, but W=1 */
	};
	long before = mem_available_kb(), used;
	struct conn *c = login(LOGIN(.keys = "ImmediateData=No InitialR2T=Yes"));
	u32 i, n, answers = 0;
	struct pdu p;

	ping(c);
	n = c->sess->max_cmd_sn - c->sess->cmd_sn + 1;
	for (i = 0; i < n; i++) {
		struct scsi io = { .lun = LUN0, .edtl = 0xffffffff,
				   .flags = F_WRITE | ATTR_SIMPLE };

		memcpy(io.cdb, cdbs[i % ARRAY_SIZE(cdbs)], 16);
		scsi_pdu(c, &io, &p);
		conn_send(c, &p);
	}
	pdu_nop(c, &p, NULL, 0);
	pdu_immediate(c, &p);
	conn_send(c, &p);
	/* R2T or status for each, or a drop; the pong is no later than that. */
	while (answers <= n && conn_wait(c, DEADLINE_MS) == RECV_PDU) {
		if (pdu_op(&c->rx) == OP_SCSI_RSP)
			ASSERT_NE(0, c->rx.bhs[BHS_STATUS] |
				  c->rx.bhs[BHS_RESPONSE]);
		answers++;
	}
	ASSERT_TRUE(answers == n + 1 || c->closed);
	used = before - mem_available_kb();
	ASSERT_LT(used, 512 * 1024) {
		TH_LOG("%ld KiB taken", used);
	}
	conn_reset(c);
	ASSERT_TRUE(login_within(2000));
}

TEST(J11_commands_behind_a_hole)
{
	struct conn *c = login_default(), *other;
	struct pdu hole, p;
	struct scsi io;
	u32 i, n;

	other = login(LOGIN(.initiator = env.initiator2));
	ping(c);
	n = c->sess->max_cmd_sn - c->sess->cmd_sn;
	pdu_nop(c, &hole, NULL, 0);
	for (i = 0; i < n; i++) {
		scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
		scsi_pdu(c, &io, &p);
		conn_send(c, &p);
	}
	ping(c);
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_run(other, &io);
	ASSERT_EQ(0, io.status);
	conn_send(c, &hole);
	recv_op(c, OP_NOP_IN);
	for (i = 0; i < n; i++) {
		recv_op(c, OP_SCSI_RSP);
		ASSERT_EQ(0, c->rx.bhs[BHS_STATUS]);
	}
	ping(c);
}

TEST(J12_ping_flood)
{
	struct conn *c = login_default(), *other;
	u32 n = 2000, i, answers = 0;
	u8 buf[4096] = {};
	struct pdu p;
	u64 start;

	other = login(LOGIN(.initiator = env.initiator2));
	conn_cork(c);
	for (i = 0; i < n; i++) {
		pdu_nop(c, &p, NULL, 0);
		pdu_immediate(c, &p);
		conn_send(c, &p);
	}
	conn_uncork(c);
	start = now_ms();
	for (i = 0; i < 10; i++)
		scsi_write(other, LUN0, 1000 + i * 8, buf, sizeof(buf));
	ASSERT_LT(now_ms() - start, bound_ms(5000));
	for (i = 0; i < n; i++) {
		recv_any(c);
		answers += pdu_op(&c->rx) == OP_NOP_IN ||
			   (pdu_op(&c->rx) == OP_REJECT &&
			    c->rx.bhs[BHS_RESPONSE] == REJ_IMMEDIATE);
	}
	ASSERT_EQ(n, answers);
	/* Not one more than asked for. */
	ping(c);
}

static void send_mixed(struct conn *c, u32 seed, u8 *buf)
{
	struct scsi io;
	u32 i;

	for (i = 0; i < 16; i++) {
		bool write = (seed >> i) & 1;

		scsi_rw(&io, write, LUN0, i * 64, 32768, buf);
		io.held = i & 2;
		scsi_send(c, &io);
	}
}

/* Sessions that end in the midst of commands, one way or all ways in turn. */
enum ending { END_RESET, END_FIN, END_REINSTATED, NR_ENDINGS };

static void end_under_io(enum ending how)
{
	u8 *buf = calloc(1, 65536);
	struct conn *c;
	u32 seed;
	u64 start;

	for (seed = 1; seed <= 12; seed++) {
		start = now_ms();
		c = login(LOGIN(.isid = 16, .no_ua_check = true));
		send_mixed(c, seed * 2654435761U >> 8, buf);
		switch (how == NR_ENDINGS ? seed % NR_ENDINGS : how) {
		case END_RESET:
			conn_reset(c);
			break;
		case END_FIN:
			shutdown(c->fd, SHUT_WR);
			break;
		default:
			break;
		}
		if (now_ms() - start > bound_ms(3000))
			die("round %u took %u ms", seed,
			    (u32)(now_ms() - start));
	}
	c = login(LOGIN(.isid = 16));
	scsi_write(c, LUN0, 0, buf, 4096);
	logout(c);
	free(buf);
}

TEST(J16_reinstatement_under_io)
{
	end_under_io(END_REINSTATED);
}

TEST(J16_reset_under_io)
{
	end_under_io(END_RESET);
}

TEST(J16_fin_under_io)
{
	end_under_io(END_FIN);
}

/* A PDU without its last @cut bytes. */
static void send_but(struct conn *c, struct pdu *p, u32 cut)
{
	conn_cork(c);
	conn_send(c, p);
	c->txq.len -= cut;
	conn_uncork(c);
}

/* Half of a command with its data, or half of a Data-Out, is all that comes. */
TEST(J16_lost_in_the_midst_of_a_request)
{
	u8 buf[16 * BLOCK], back[16 * BLOCK], zero[16 * BLOCK] = {};
	struct conn *c = login(LOGIN(.isid = 16));
	struct scsi io;
	struct pdu p;
	u32 ttt;

	fill_pattern(buf, sizeof(buf), 16);
	scsi_write(c, LUN0, 800, zero, sizeof(zero));
	scsi_rw(&io, true, LUN0, 800, 4096, buf);
	scsi_pdu(c, &io, &p);
	pdu_data(&p, buf, 4096);
	send_but(c, &p, 2048);
	conn_reset(c);

	c = login(LOGIN(.isid = 16, .keys = "ImmediateData=No"));
	ttt = stall_write(c, &io, LUN0, 800, buf, sizeof(buf));
	pdu_data_out(c, &p, &io, ttt, 0, 0, 4096);
	send_but(c, &p, 2048);
	conn_reset(c);

	c = login(LOGIN(.isid = 16));
	scsi_read(c, LUN0, 800, back, sizeof(back));
	ASSERT_EQ(0, memcmp(back, zero, sizeof(back)));
	logout(c);
}

static void shrink_caches(void)
{
	FILE *f = fopen("/proc/sys/vm/drop_caches", "w");

	if (!f || fputs("2", f) < 0 || fclose(f))
		die("caches do not shrink: %s", strerror(errno));
}

/* Buffers that are kept for the next command are nobody's data. */
TEST(J14_kept_buffers_are_given_back_under_io)
{
	struct conn *c = login_default();
	u8 buf[128 * BLOCK], back[128 * BLOCK];
	struct scsi io;
	u32 ttt, i;

	for (i = 0; i < 8; i++) {
		fill_pattern(buf, sizeof(buf), i);
		scsi_write(c, LUN0, 1024, buf, sizeof(buf));
		ttt = stall_write(c, &io, LUN0, 2048, buf, 2 * BLOCK);
		shrink_caches();
		scsi_read(c, LUN0, 1024, back, sizeof(back));
		ASSERT_EQ(0, memcmp(buf, back, sizeof(buf)));
		finish_write(c, &io, ttt);
	}
	logout(c);
}

TEST(J16_mixed_endings_under_io)
{
	end_under_io(NR_ENDINGS);
}

RAW_TEST_MAIN
