// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section J: peers that stop reading, or writing, or acknowledging, and
 * numbers that wrap. What they can take is bounded, and so is the time.
 */
#include <sys/socket.h>

#include "harness.h"

#define LUN0	lun_peripheral(0)

/* An attribute of the ACL of an initiator. */
static void put_acl(const char *initiator, const char *attribute,
		    const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/tpgt_1/acls/%s/attrib/%s", env.target,
		 initiator, attribute);
	configfs_write(path, value);
}

static long mem_kb(const char *what)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)))
			sscanf(line + strlen(what), ": %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

/* Others are served while somebody misbehaves. */
static void must_work(struct conn *c)
{
	u64 start = now_ms();
	u8 buf[4096];

	fill_pattern(buf, sizeof(buf), start);
	scsi_write(c, LUN0, 600, buf, sizeof(buf));
	scsi_read(c, LUN0, 600, buf, sizeof(buf));
	if (now_ms() - start > bound_ms(2000))
		die("took %u ms", (u32)(now_ms() - start));
}

/* The session of an initiator ends, in this time. */
static void wait_gone(const char *initiator, struct conn *other, u32 ms)
{
	u64 end = now_ms() + ms;

	do {
		if (now_ms() > end)
			die("session of %s still there after %u ms", initiator,
			    ms);
		must_work(other);
	} while (env_info_has(initiator, "InitiatorName:"));
}

/*
 * A window full of reads, a gigabyte in all, whose data nobody takes. Requests
 * go on to come, so that the target need not ping; it notices all the same.
 */
TEST(J08_J13_initiator_that_stops_reading)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2));
	long before = mem_kb("MemAvailable"), used;
	struct conn *c = login_default();
	u64 start, end;
	int size = 4096;
	struct scsi io;
	struct pdu p;
	u32 i, n;

	put_acl(env.initiator, "nopin_response_timeout", "3");
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	ping(c);
	n = c->sess->max_cmd_sn - c->sess->cmd_sn + 1;
	for (i = 0; i < n; i++) {
		scsi_rw(&io, false, LUN0, 0, 16 << 20, NULL);
		scsi_send(c, &io);
	}
	start = now_ms();
	/* What TCP still takes until it has no room at all is progress. */
	end = start + bound_ms(20000);
	do {
		ASSERT_LT(now_ms(), end);
		must_work(other);
		used = before - mem_kb("MemAvailable");
		ASSERT_LT(used, mem_kb("MemTotal") / 4) {
			TH_LOG("%ld KiB taken", used);
		}
		pdu_nop(c, &p, NULL, 0);
		pdu_immediate(c, &p);
		pdu_set32(&p, BHS_ITT, NO_TAG);
		conn_send(c, &p);
	} while (env_info_has(env.initiator, "InitiatorName:"));
	ASSERT_LT(2500, now_ms() - start);
	printf("# closed after %u ms\n", (u32)(now_ms() - start));
	/* Nothing is kept for it. */
	conn_close(c);
	end = now_ms() + DEADLINE_MS;
	while (before - mem_kb("MemAvailable") > 64 * 1024) {
		ASSERT_LT(now_ms(), end);
		must_work(other);
	}
	put_acl(env.initiator, "nopin_response_timeout", "30");
}

/* Slow is not dead: one that takes a little now and then is served. */
TEST(J13_initiator_that_reads_slowly)
{
	struct conn *c = login_default();
	u32 bytes = 16 << 20;
	int size = 128 << 10;
	struct scsi io;
	u64 next;

	put_acl(env.initiator, "nopin_response_timeout", "3");
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	scsi_rw(&io, false, LUN0, 0, bytes, NULL);
	scsi_send(c, &io);
	next = now_ms() + 2000;
	while (!scsi_input(c, &io, recv_any(c))) {
		/* Three pauses of nearly what kills. */
		if (io.nr_data_in % 64 || io.nr_data_in > 192)
			continue;
		while (now_ms() < next)
			usleep(10000);
		next = now_ms() + 2000;
	}
	ASSERT_EQ(0, io.status);
	ASSERT_EQ(bytes, io.in_len);
	put_acl(env.initiator, "nopin_response_timeout", "30");
}

/* Writes that fill the window, and not a byte of their data. */
TEST(J14_F07_initiator_that_sends_no_data)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2));
	struct conn *c = login(LOGIN(.initiator = env.small));
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	u64 start;

	put_acl(env.small, "dataout_timeout", "2");
	put_acl(env.small, "dataout_timeout_retries", "1");
	start = now_ms();
	ping(c);
	while (!sn_lt(c->sess->max_cmd_sn, c->sess->cmd_sn)) {
		scsi_rw(&io, true, LUN0, 700, sizeof(buf), buf);
		io.held = true;
		scsi_send(c, &io);
		recv_r2t(c, &io);
	}
	wait_gone(env.small, other, bound_ms(8000));
	ASSERT_LT(1500, now_ms() - start);
	expect_closed(c);
	put_acl(env.small, "dataout_timeout", "3");
	put_acl(env.small, "dataout_timeout_retries", "5");
}

/* ExpStatSN stays where it was: nothing is kept for a resend at level 0. */
TEST(J14_C12_initiator_that_never_acknowledges)
{
	struct conn *c = login_default();
	long before = 0;
	struct scsi io;
	struct pdu p;
	u32 i, sn;

	ping(c);
	sn = c->stat_sn;
	for (i = 0; i < 4000; i++) {
		if (i == 100)
			before = mem_kb("MemAvailable");
		scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
		scsi_pdu(c, &io, &p);
		pdu_set32(&p, BHS_EXP_STAT_SN, sn);
		conn_send(c, &p);
		scsi_wait(c, &io);
		ASSERT_EQ(0, io.status);
	}
	ASSERT_LT(before - mem_kb("MemAvailable"), 32 * 1024);
}

/*
 * Target Transfer Tags start near their wrap: a slot's generations pass it
 * within a session. None is reserved, none in use twice.
 */
TEST(J18_transfer_tags_wrap)
{
	static const char keys[] =
		"InitialR2T=Yes ImmediateData=No MaxBurstLength=512 MaxOutstandingR2T=8";
	struct conn *c = login_keys(keys);
	u32 round, first = 0, last = 0, nr, i, k;
	u8 out[32 * BLOCK], back[32 * BLOCK];
	bool wrapped = false;
	struct scsi io;

	ASSERT_EQ(8, c->sess->max_r2t);
	for (round = 0; round < 8; round++) {
		u32 ttt[8];

		fill_pattern(out, sizeof(out), round);
		scsi_rw(&io, true, LUN0, 720, sizeof(out), out);
		scsi_send(c, &io);
		for (nr = 0; nr < 32; nr += 8) {
			for (i = 0; i < 8; i++) {
				ttt[i] = pdu32(recv_r2t(c, &io), BHS_TTT);
				ASSERT_NE(NO_TAG, ttt[i]);
				for (k = 0; k < i; k++)
					ASSERT_NE(ttt[k], ttt[i]);
				if (!first)
					first = ttt[i];
				wrapped |= ttt[i] < last;
				last = ttt[i];
			}
			for (i = 0; i < 8; i++)
				scsi_data_out(c, &io, ttt[i],
					      (nr + i) * BLOCK, BLOCK);
		}
		scsi_wait(c, &io);
		ASSERT_EQ(0, io.status);
		scsi_read(c, LUN0, 720, back, sizeof(back));
		ASSERT_EQ(0, memcmp(out, back, sizeof(back)));
	}
	ASSERT_TRUE(wrapped) {
		TH_LOG("from %08x to %08x", first, last);
	}
}

/* Those of text exchanges, likewise. */
TEST(J18_text_tags_wrap)
{
	struct conn *c = login_default();
	u32 i, ttt, last = 0;
	bool wrapped = false;
	struct text t = {};
	struct pdu p;

	text_add(&t, "X-org.example.a=1");
	for (i = 0; i < 16; i++) {
		pdu_text(c, &p, 0, &t);
		conn_send(c, &p);
		recv_op(c, OP_TEXT_RSP);
		ttt = pdu32(&c->rx, BHS_TTT);
		ASSERT_NE(NO_TAG, ttt);
		ASSERT_NE(last, ttt);
		wrapped |= ttt < last;
		last = ttt;
	}
	ASSERT_TRUE(wrapped);
	ping(c);
}

RAW_TEST_MAIN
