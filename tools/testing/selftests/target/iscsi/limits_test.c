// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section J: peers that stop reading, or writing, or acknowledging, and
 * numbers that wrap. What they can take is bounded, and so is the time.
 */
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <linux/filter.h>
#include <linux/tcp.h>

#include "harness.h"
#include "pr.h"

#define LUN0	lun_peripheral(0)
#define TASK_SET_FULL	0x28

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
	if (now_ms() - start > bound_ms(5000))
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
TEST(J08_J13_F25_initiator_that_stops_reading)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2));
	long before = mem_kb("MemAvailable"), used;
	struct conn *c = login_default();
	u64 start, end;
	int size = 4096;
	struct scsi io;
	struct pdu p;
	u32 i, n;

	acl_set(env.initiator, "attrib/nopin_response_timeout", "3");
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	ping(c);
	n = c->sess->max_cmd_sn - c->sess->cmd_sn + 1;
	for (i = 0; i < n; i++) {
		scsi_rw(&io, false, LUN0, 0, 16 << 20, NULL);
		scsi_send(c, &io);
	}
	start = now_ms();
	/* What TCP still takes until it has no room at all is progress. */
	end = start + bound_ms(45000);
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
	acl_set(env.initiator, "attrib/nopin_response_timeout", "30");
}

/* Two writes that wait for their data, with 32 MiB in all. */
static void hold(struct conn *c, struct scsi io[2])
{
	u32 i;

	for (i = 0; i < 2; i++) {
		scsi_rw(&io[i], true, LUN0, 0, 16 << 20, NULL);
		io[i].held = true;
		scsi_send(c, &io[i]);
		recv_r2t(c, &io[i]);
	}
}

static void let_go(struct conn *c, struct scsi io[2])
{
	u32 i;

	for (i = 0; i < 2; i++)
		if (tmf(c, TMF_ABORT_TASK, LUN0, io[i].itt, io[i].cmd_sn) !=
		    TMF_DONE)
			die("not aborted");
	must_work(c);
}

static u8 small_read(struct conn *c)
{
	struct scsi io;
	u8 buf[BLOCK];

	scsi_rw(&io, false, LUN0, 0, sizeof(buf), buf);
	scsi_run(c, &io);
	return io.status;
}

TEST(J08_J13_buffers_of_a_session_stay_under_what_is_set)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2));
	struct conn *c = login_default();
	struct scsi io[2];

	param_set("max_buffer_session_mib", 32);
	hold(c, io);
	ASSERT_EQ(TASK_SET_FULL, small_read(c));
	must_work(other);
	let_go(c, io);
	param_set("max_buffer_session_mib", 0);
}

TEST(J08_J13_buffers_of_all_sessions_stay_under_what_is_set)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2));
	struct conn *c = login_default();
	struct scsi io[2];

	param_set("max_buffer_mib", 32);
	hold(c, io);
	ASSERT_EQ(TASK_SET_FULL, small_read(c));
	ASSERT_EQ(TASK_SET_FULL, small_read(other));
	/* What has no data needs none. */
	ASSERT_EQ(GOOD, attention(other, LUN0));
	let_go(c, io);
	must_work(other);
	param_set("max_buffer_mib", 0);
}

TEST(J08_buffers_too_small_for_a_command_cannot_be_set)
{
	ASSERT_EQ(EINVAL, param_try("max_buffer_mib", 31));
	ASSERT_EQ(0, param_get("max_buffer_mib"));
	ASSERT_EQ(EINVAL, param_try("max_buffer_session_mib", 31));
	ASSERT_EQ(0, param_get("max_buffer_session_mib"));
}

#define LEAVER	"iqn.2003-01.org.example:leaver"

static void leaver(bool on)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%s/tpgt_1/acls/" LEAVER, env.configfs,
		 env.target);
	if (on && mkdir(dir, 0755))
		die("%s: %s", dir, strerror(errno));
	env_map_lun(LEAVER, 0, 0, on);
	if (!on && rmdir(dir))
		die("%s: %s", dir, strerror(errno));
	if (!on)
		return;
	acl_set(LEAVER, "attrib/nopin_timeout", "3");
	acl_set(LEAVER, "attrib/nopin_response_timeout", "3");
}

static bool is_connected(struct conn *c)
{
	struct tcp_info info;

	conn_tcp_info(c, &info);
	return info.tcpi_state == 1;	/* TCP_ESTABLISHED */
}

/*
 * It logs out and does not read the answer. The core has forgotten the session
 * by then, so that the ACL can go, whose timeouts still count: KASAN sees it if
 * they are looked up there.
 */
TEST(J13_acl_goes_before_the_logout_response)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2)), *c;
	int size = 4096;
	struct scsi io;
	struct pdu p;
	u64 end;

	leaver(true);
	c = login(LOGIN(.initiator = LEAVER));
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	scsi_rw(&io, false, LUN0, 0, 16 << 20, NULL);
	scsi_send(c, &io);
	pdu_logout(c, &p, 0, 0);
	conn_send(c, &p);
	wait_gone(LEAVER, other, DEADLINE_MS);
	leaver(false);
	/* It looks at the time at least twice, or it is over. */
	end = now_ms() + bound_ms(7000);
	while (is_connected(c) && now_ms() < end)
		usleep(50000);
	must_work(other);
	conn_close(c);
}

/* Slow is not dead: one that takes a little now and then is served. */
TEST(J13_initiator_that_reads_slowly)
{
	struct conn *c = login_default();
	u32 bytes = 16 << 20;
	int size = 128 << 10;
	struct scsi io;
	u64 next;

	acl_set(env.initiator, "attrib/nopin_response_timeout", "5");
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	scsi_rw(&io, false, LUN0, 0, bytes, NULL);
	scsi_send(c, &io);
	next = now_ms() + 3000;
	while (!scsi_input(c, &io, recv_any(c))) {
		/* Three pauses of more than half of what kills. */
		if (io.nr_data_in % 64 || io.nr_data_in > 192)
			continue;
		while (now_ms() < next)
			usleep(10000);
		next = now_ms() + 3000;
	}
	ASSERT_EQ(0, io.status);
	ASSERT_EQ(bytes, io.in_len);
	acl_set(env.initiator, "attrib/nopin_response_timeout", "30");
}

/* Writes that fill the window, and not a byte of their data. */
TEST(J14_F07_initiator_that_sends_no_data)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2));
	struct conn *c = login(LOGIN(.initiator = env.small));
	u8 buf[2 * BLOCK] = {};
	struct scsi io;
	u64 start;

	acl_set(env.small, "attrib/dataout_timeout", "2");
	acl_set(env.small, "attrib/dataout_timeout_retries", "1");
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
	acl_set(env.small, "attrib/dataout_timeout", "3");
	acl_set(env.small, "attrib/dataout_timeout_retries", "5");
}

/* ---- F25: connections that have failed without a word ---- */

static struct conn *login_watched(const char *keys)
{
	acl_set(env.small, "attrib/dataout_timeout", "2");
	acl_set(env.small, "attrib/dataout_timeout_retries", "1");
	acl_set(env.small, "attrib/nopin_response_timeout", "3");
	return login(LOGIN(.initiator = env.small, .keys = keys));
}

static void not_watched(void)
{
	acl_set(env.small, "attrib/dataout_timeout", "3");
	acl_set(env.small, "attrib/dataout_timeout_retries", "5");
	acl_set(env.small, "attrib/nopin_response_timeout", "30");
}

/* A ping with the CmdSN after the next one. */
static void send_after_hole(struct conn *c, struct pdu *missing)
{
	struct pdu p;

	ping(c);
	pdu_nop(c, missing, NULL, 0);
	pdu_nop(c, &p, NULL, 0);
	conn_send(c, &p);
}

/* Answers pings until the other end closes; whether there was one. */
static bool answer_until_closed(struct conn *c, struct conn *other)
{
	u64 end = now_ms() + bound_ms(20000);
	enum recv_result r;

	c->seen = 0;
	while ((r = conn_wait(c, 100)) != RECV_CLOSED) {
		if (now_ms() > end)
			die("still open");
		must_work(other);
	}
	return c->seen & 1ULL << OP_NOP_IN;
}

/*
 * It answers all pings, but one request never comes: session recovery, after the
 * time for the request and then that for pings, and not before.
 */
TEST(F25_hole_that_is_never_filled)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2));
	struct conn *c = login_watched("");
	int log = klog_open();
	struct pdu missing;
	u64 start;

	start = now_ms();
	send_after_hole(c, &missing);
	ASSERT_TRUE(answer_until_closed(c, other));
	ASSERT_LT(5500, now_ms() - start);
	ASSERT_TRUE(klog_has(log, "does not come"));
	wait_gone(env.small, other, DEADLINE_MS);
	not_watched();
}

/* A hole that is filled in time leaves nothing behind. */
TEST(F25_hole_that_is_filled_late)
{
	struct conn *c = login_watched("");
	u64 end = now_ms() + 3000;
	struct pdu missing;

	send_after_hole(c, &missing);
	c->seen = 0;
	while (now_ms() < end)
		ASSERT_NE(RECV_CLOSED, conn_wait(c, 100));
	ASSERT_TRUE(c->seen & 1ULL << OP_NOP_IN);
	conn_send(c, &missing);
	recv_op(c, OP_NOP_IN);
	recv_op(c, OP_NOP_IN);
	end = now_ms() + 5000;
	while (now_ms() < end)
		ASSERT_NE(RECV_CLOSED, conn_wait(c, 100));
	ping(c);
	logout(c);
	not_watched();
}

/*
 * The request was sent on a connection that is dead: that one fails, nothing
 * else, and the request is taken from the other one.
 */
TEST(F25_F26_hole_of_a_dead_connection)
{
	struct conn *c = login_watched("MaxConnections=2"), *dead;
	u64 end = now_ms() + bound_ms(15000);
	struct pdu missing;
	bool told = false;

	dead = login_join(c->sess, 1);
	dead->no_pong = true;
	send_after_hole(c, &missing);
	while (conn_wait(dead, 100) != RECV_CLOSED || !told) {
		ASSERT_LT(now_ms(), end);
		if (conn_wait(c, 100) != RECV_PDU)
			continue;
		ASSERT_EQ(OP_ASYNC, pdu_op(&c->rx));
		ASSERT_EQ(ASYNC_DROP_CONNECTION, c->rx.bhs[BHS_ASYNC_EVENT]);
		told = true;
	}
	conn_send(c, &missing);
	recv_op(c, OP_NOP_IN);
	recv_op(c, OP_NOP_IN);
	ping(c);
	logout(c);
	not_watched();
}

/* ---- TCP keepalive ---- */

#define T1_ATTRIB	"iqn.2003-01.org.example:t1/tpgt_1/attrib/"

static void put_keepalive(const char *idle, const char *interval,
			  const char *count)
{
	configfs_write(T1_ATTRIB "tcp_keepalive_idle", idle);
	configfs_write(T1_ATTRIB "tcp_keepalive_interval", interval);
	configfs_write(T1_ATTRIB "tcp_keepalive_count", count);
}

/* The other end of @c, which is in this kernel too. */
struct other_end {
	unsigned int state;	/* 1 is established, 4 FIN_WAIT1 */
	unsigned int timer;	/* its kind; 2 is keepalive */
	int secs;		/* until that ends */
};

static struct other_end other_end(struct conn *c)
{
	struct other_end end;
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	unsigned int port;
	unsigned long when;
	FILE *f = fopen("/proc/net/tcp", "r");
	char line[256];

	if (!f || getsockname(c->fd, (struct sockaddr *)&sa, &len))
		die("no list of connections");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %*d: %*8x:%*4x %*8x:%x %x %*8x:%*8x %x:%lx",
			   &port, &end.state, &end.timer, &when) != 4 ||
		    port != ntohs(sa.sin_port))
			continue;
		fclose(f);
		end.secs = when / sysconf(_SC_CLK_TCK);
		return end;
	}
	die("no connection from port %u", ntohs(sa.sin_port));
}

/* Seconds until the other end's TCP asks whether we are there; -1: never. */
static int keepalive_in(struct conn *c)
{
	u64 end = now_ms() + DEADLINE_MS;
	struct other_end other;

	for (;;) {
		other = other_end(c);
		switch (other.timer) {
		case 0:
			return -1;
		case 2:
			return other.secs;
		}
		/* Until we have acknowledged what was sent it is another one. */
		if (now_ms() > end)
			die("another timer still runs");
		usleep(10000);
	}
}

TEST(F25_J13_keepalive_as_configured)
{
	u64 end = now_ms() + DEADLINE_MS;
	struct conn *c;
	int secs;

	put_keepalive("0", "10", "3");
	c = login_default();
	ASSERT_EQ(-1, keepalive_in(c));
	conn_close(c);
	put_keepalive("1000", "10", "3");
	c = login_default();
	ASSERT_LT(900, keepalive_in(c));
	ASSERT_GE(1000, keepalive_in(c));
	conn_close(c);
	put_keepalive("120", "10", "3");
	/* A discovery session is of no portal group. */
	c = login(LOGIN(.discovery = true));
	/* It is set when the last Login Response is out, which may be now. */
	do
		secs = keepalive_in(c);
	while (secs < 0 && now_ms() < end);
	ASSERT_LT(60, secs);
	ASSERT_GE(120, secs);
}

TEST(F25_keepalive_values_are_checked)
{
	static const char *const bad[][2] = {
		{ "idle", "32768" }, { "idle", "-1" }, { "interval", "0" },
		{ "interval", "32768" }, { "count", "0" }, { "count", "128" },
		{ "count", "three" },
	};
	char path[128];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(path, sizeof(path), T1_ATTRIB "tcp_keepalive_%s",
			 bad[i][0]);
		ASSERT_EQ(EINVAL, configfs_try(path, bad[i][1]));
	}
}

/* From here on nothing that comes reaches it, and so TCP answers nothing. */
static void go_deaf(struct conn *c)
{
	struct sock_filter drop = { BPF_RET | BPF_K, 0, 0, 0 };
	struct sock_fprog prog = { 1, &drop };

	if (setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)))
		die("no filter");
}

/* Without pings it is TCP alone that notices. */
TEST(F25_keepalive_ends_who_is_gone)
{
	struct conn *other = login(LOGIN(.initiator = env.initiator2)), *c;
	u64 start;

	acl_set(env.small, "attrib/nopin_timeout", "0");
	put_keepalive("2", "1", "2");
	c = login(LOGIN(.initiator = env.small));
	put_keepalive("120", "10", "3");
	ping(c);
	/* Who answers stays. */
	start = now_ms();
	while (now_ms() - start < 6000) {
		must_work(other);
		usleep(50000);
	}
	ASSERT_TRUE(env_info_has(env.small, "InitiatorName:"));
	go_deaf(c);
	start = now_ms();
	wait_gone(env.small, other, bound_ms(15000));
	ASSERT_LT(1500, now_ms() - start);
	acl_set(env.small, "attrib/nopin_timeout", "15");
}

/* What a connection says last is lost, and said again though it is over. */
TEST(F25_J13_a_lost_fin_is_sent_again)
{
	struct sock_filter none = { BPF_RET | BPF_K, 0, 0, 0 };
	struct conn *c = login(LOGIN(.isid = 13));
	u64 end;

	ping(c);
	/* An ACK that is still due would start the other end's timer again. */
	ASSERT_LT(0, keepalive_in(c));
	go_deaf(c);
	/* The same nexus: the session is reinstated. */
	ping(login(LOGIN(.isid = 13, .no_ua_check = true)));
	end = now_ms() + DEADLINE_MS;
	while (other_end(c).state != 4) {
		if (now_ms() > end)
			die("the other end is in state %u", other_end(c).state);
		usleep(10000);
	}
	if (setsockopt(c->fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)))
		die("the filter stays");
	expect_closed(c);
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
