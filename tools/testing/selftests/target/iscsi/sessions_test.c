// SPDX-License-Identifier: GPL-2.0
/*
 * <iqn>/sessions in configfs: who is logged in, and who is asked to leave
 * (rows C33, C34).
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "harness.h"
#include "sessions.h"

#define LUN0		lun_peripheral(0)
#define NR_SESSIONS	1024
#define NR_READS	20
#define NR_DIR_READS	5
#define DIRS_MS		25000	/* emulated, beside others; else a second */
#define NR_SLOW		2	/* that may be held up by who else is busy */

#define KEYS	"InitiatorAlias=an\033[31m HeaderDigest=CRC32C " LENGTHS
#define LENGTHS	"MaxBurstLength=131072 MaxRecvDataSegmentLength=32768"

TEST(list_has_names_state_and_keys_of_a_session)
{
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	char *line, words[64];
	struct conn *c;

	c = login_keys(KEYS);
	line = session_of(c, env.target);
	ASSERT_NE(NULL, line);
	ASSERT_STREQ(env.initiator, value_of(line, "initiator"));
	ASSERT_EQ(c->sess->tsih, number_of(line, "tsih"));
	ASSERT_EQ(1, number_of(line, "tpgt"));
	ASSERT_EQ(1, number_of(line, "connections"));
	ASSERT_EQ(0, number_of(line, "ErrorRecoveryLevel"));
	ASSERT_EQ(131072, number_of(line, "MaxBurstLength"));
	ASSERT_STREQ("LOGGED_IN", value_of(line, "state"));
	ASSERT_STREQ("explicit", value_of(line, "acl"));
	/* Nothing that a terminal would act on. */
	ASSERT_EQ(NULL, strchr(line, '\033'));
	ASSERT_NE(NULL, strstr(line, " alias=an"));

	ASSERT_EQ(0, getsockname(c->fd, (struct sockaddr *)&at, &len));
	snprintf(words, sizeof(words), " peer=127.0.0.1:%u ",
		 ntohs(at.sin_port));
	line = list_line(list_read(env.target), "connection ", words);
	ASSERT_NE(NULL, line);
	ASSERT_EQ(c->cid, number_of(line, "cid"));
	ASSERT_STREQ("127.0.0.1:3260", value_of(line, "local"));
	ASSERT_STREQ("LOGGED_IN", value_of(line, "state"));
	ASSERT_STREQ("CRC32C", value_of(line, "HeaderDigest"));
	ASSERT_STREQ("None", value_of(line, "DataDigest"));
	ASSERT_EQ(32768, number_of(line, "MaxXmitDataSegmentLength"));
	logout(c);
	wait_gone(c);
}

TEST(list_counts_commands_and_bytes_each_way)
{
	u64 commands, reads, writes;
	u8 buf[8 * BLOCK] = {};
	struct scsi io;
	struct conn *c;
	char *line;
	u32 ttt;

	c = login_keys("InitialR2T=Yes ImmediateData=No");
	/* The slot of what was answered last may be busy for a moment. */
	wait_tasks(c, 0);
	line = session_of(c, env.target);
	commands = number_of(line, "commands");
	reads = number_of(line, "read_bytes");
	writes = number_of(line, "write_bytes");
	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	scsi_read(c, LUN0, 0, buf, BLOCK);
	scsi_write(c, LUN0, 0, buf, 3 * BLOCK);
	line = session_of(c, env.target);
	ASSERT_EQ(commands + 3, number_of(line, "commands"));
	ASSERT_EQ(reads + 9 * BLOCK, number_of(line, "read_bytes"));
	ASSERT_EQ(writes + 3 * BLOCK, number_of(line, "write_bytes"));
	wait_tasks(c, 0);

	ttt = stall_write(c, &io, LUN0, 0, buf, 2 * BLOCK);
	ASSERT_EQ(1, number_of(session_of(c, env.target), "tasks"));
	finish_write(c, &io, ttt);
	logout(c);
}

/* ---- how long commands take ---- */

#define LATENCY		"sessions/latency"
#define NR_BUCKETS	24
#define PAUSE_MS	20

static void measure(const char *on)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" LATENCY, env.target);
	configfs_write(path, on);
}

/* Commands that took 2^@from / 2 microseconds or more. */
static u64 slower_than(const struct conn *c, u32 from, u64 *us)
{
	const char *line, *at;
	char words[32];
	u64 nr = 0;
	u32 i;

	snprintf(words, sizeof(words), "connection %u ", sid_of(c));
	line = list_line(list_read(env.target), words, "");
	*us = number_of(line, "latency_us");
	at = value_of(line, "latency");
	for (i = 0; *at; i++) {
		nr += i < from ? 0 : strtoull(at, NULL, 10);
		at += strcspn(at, ",");
		at += *at == ',';
	}
	if (!i || i > NR_BUCKETS)
		die("%u numbers in \"%s\"", i, line);
	return nr;
}

FIXTURE(latency) {
};

FIXTURE_SETUP(latency)
{
	measure("1");
}

FIXTURE_TEARDOWN(latency)
{
	measure("0");
}

TEST_F(latency, each_command_counts_once_and_by_its_time)
{
	struct conn *c = login_default();
	u8 buf[8 * BLOCK] = {};
	u64 all, slow, us, t;
	struct scsi io;
	u32 ttt;

	all = slower_than(c, 0, &t);
	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	scsi_write(c, LUN0, 0, buf, sizeof(buf));
	scsi_cdb6(&io, LUN0, 0xff, 0, NULL);
	scsi_run(c, &io);
	ping(c);
	ASSERT_EQ(all + 3, slower_than(c, 0, &us));
	ASSERT_LT(t, us);

	/* 2^14 us are less than the pause, but more than a half of it. */
	slow = slower_than(c, 15, &t);
	ttt = stall_write(c, &io, LUN0, 0, buf, sizeof(buf));
	usleep(PAUSE_MS * 1000);
	finish_write(c, &io, ttt);
	ASSERT_EQ(all + 4, slower_than(c, 0, &us));
	ASSERT_EQ(slow + 1, slower_than(c, 15, &us));
	ASSERT_LE(t + PAUSE_MS * 1000, us);
	logout(c);
}

TEST_F(latency, only_while_it_is_wanted)
{
	struct conn *c = login_default();
	char value[16], words[32], *line;
	u8 buf[BLOCK];
	u64 all, us;

	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	all = slower_than(c, 0, &us);
	measure("0");
	ASSERT_EQ(0, configfs_read("iqn.2003-01.org.example:t1/" LATENCY, value,
				   sizeof(value)));
	ASSERT_STREQ("0", value);
	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	snprintf(words, sizeof(words), "connection %u ", sid_of(c));
	line = list_line(list_read(env.target), words, "");
	ASSERT_NE(NULL, line);
	ASSERT_EQ(NULL, strstr(line, "latency"));
	measure("1");
	ASSERT_EQ(all, slower_than(c, 0, &us));
	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	ASSERT_EQ(all + 1, slower_than(c, 0, &us));
	logout(c);
}

/* ---- many ---- */

FIXTURE(many) {
};

FIXTURE_SETUP(many)
{
	/* They say nothing for long, and need little. */
	acl_set(env.initiator2, "attrib/nopin_timeout", "0");
	acl_set(env.initiator2, "cmdsn_depth", "1");
}

FIXTURE_TEARDOWN(many)
{
	acl_set(env.initiator2, "attrib/nopin_timeout", "15");
	acl_set(env.initiator2, "cmdsn_depth", "64");
}

/* More than a page, and as many as there are, whatever happens meanwhile. */
TEST_F_TIMEOUT(many, sessions_are_listed_while_others_come_and_go, 240)
{
	struct rlimit files = { .rlim_cur = 4096, .rlim_max = 4096 };
	static struct conn *c[NR_SESSIONS];
	u64 start, took, best, worst = 0;
	u32 i, nr_slow = 0;
	char *list;
	pid_t pid;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	for (i = 0; i < NR_SESSIONS; i++)
		c[i] = login(LOGIN(.initiator = env.initiator2,
				   .no_ua_check = true));
	pid = come_and_go();
	ASSERT_LT(0, pid);
	for (i = 0; i < NR_READS; i++) {
		start = now_ms();
		list = list_read(env.target);
		took = now_ms() - start;
		worst = took > worst ? took : worst;
		nr_slow += took >= bound_ms(1000);
		ASSERT_LE(NR_SESSIONS, list_count(list, "session "));
		ASSERT_LE(NR_SESSIONS, list_count(list, "connection "));
		ASSERT_GE(NR_SESSIONS + 2, list_count(list, "session "));
		/* Whole lines of the two kinds, and nothing else. */
		ASSERT_EQ(list_count(list, ""), list_count(list, "session ") +
			  list_count(list, "connection ") +
			  list_count(list, "\n"));
	}
	TH_LOG("%u sessions listed in at most %llu ms", NR_SESSIONS,
	       (unsigned long long)worst);
	ASSERT_GE(NR_SLOW, nr_slow);

	while (dirs_read(env.target, false) < NR_SESSIONS)
		usleep(2000);
	for (i = 0, best = ~0ULL; i < NR_DIR_READS; i++) {
		start = now_ms();
		ASSERT_LE(NR_SESSIONS, dirs_read(env.target, false));
		took = now_ms() - start;
		best = took < best ? took : best;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	TH_LOG("%u directories read in %llu ms", NR_SESSIONS,
	       (unsigned long long)best);
	ASSERT_GT(bound_ms(DIRS_MS), best);
	for (i = 0; i < NR_SESSIONS; i++)
		conn_close(c[i]);
}

/* ---- commands ---- */

static int ask(const char *command, const char *fmt, ...)
{
	char path[PATH_MAX], text[64];
	va_list args;

	snprintf(path, sizeof(path), "%s/sessions/%s", env.target, command);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return configfs_try(path, text);
}

TEST(C33_F27_logout_is_asked_for_and_comes)
{
	struct conn *c = login_default();
	struct pdu *p;
	u8 buf[BLOCK];

	ASSERT_EQ(0, ask("logout", "%u 60\n", sid_of(c)));
	p = recv_async(c, ASYNC_LOGOUT);
	ASSERT_EQ(60, get_be16(p->bhs + BHS_PARAM3));
	/* It works on, may take its time, and is not told that we wait. */
	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	scsi_write(c, LUN0, 0, buf, sizeof(buf));
	ASSERT_STREQ("LOGGED_IN", value_of(session_of(c, env.target), "state"));
	logout(c);
	expect_closed(c);
	wait_gone(c);
}

TEST(C33_C34_who_does_not_log_out_is_dropped_after_its_time)
{
	struct conn *c = login_default();
	u64 start;

	ASSERT_EQ(0, ask("logout", "%u 2", sid_of(c)));
	start = now_ms();
	ASSERT_EQ(2, get_be16(recv_async(c, ASYNC_LOGOUT)->bhs + BHS_PARAM3));
	expect_dropped(c);
	ASSERT_LE(1900, now_ms() - start);
	wait_gone(c);
}

TEST(C33_without_a_time_it_is_ten_seconds)
{
	struct conn *c = login_default();

	ASSERT_EQ(0, ask("logout", "%u", sid_of(c)));
	ASSERT_EQ(10, get_be16(recv_async(c, ASYNC_LOGOUT)->bhs + BHS_PARAM3));
	logout(c);
}

TEST(C34_drop_says_so_and_closes)
{
	struct conn *c = login_default();

	ASSERT_EQ(0, ask("drop", "%u\n", sid_of(c)));
	expect_dropped(c);
	wait_gone(c);
}

/* The session goes on without it, and has it back. */
TEST(C32_C34_drop_of_one_connection)
{
	struct conn *c = login_keys("MaxConnections=2"), *d;
	u32 sid = sid_of(c);
	struct pdu *p;

	d = login_join(c->sess, 1);
	ASSERT_EQ(ENOENT, ask("drop", "%u 7", sid));
	ASSERT_EQ(0, ask("drop", "%u 1", sid));
	p = recv_async(c, ASYNC_DROP_CONNECTION);
	ASSERT_EQ(1, get_be16(p->bhs + BHS_PARAM1));
	expect_closed(d);
	ping(c);
	d = login_join(c->sess, 1);
	ping(d);
	logout(c);
}

TEST(C34_drop_ends_the_time_that_was_given)
{
	struct conn *c = login_default();
	u32 sid = sid_of(c);

	ASSERT_EQ(0, ask("logout", "%u 300", sid));
	recv_async(c, ASYNC_LOGOUT);
	ASSERT_EQ(0, ask("drop", "%u", sid));
	expect_dropped(c);
}

/* Each connection of a session is asked, and none may join it any more. */
TEST(C33_every_connection_of_a_session)
{
	struct conn *c = login_keys("MaxConnections=2"), *d, *e;

	d = login_join(c->sess, 1);
	ASSERT_EQ(0, ask("logout", "%u 30", sid_of(c)));
	recv_async(c, ASYNC_LOGOUT);
	recv_async(d, ASYNC_LOGOUT);
	ASSERT_EQ(LOGIN_NO_SESS, login_join_try(c->sess, 1, "", &e));
	logout(c);
}

TEST(C33_of_a_portal_group_or_of_all)
{
	struct conn *c = login_default();
	struct conn *d = login(LOGIN(.portal = env.portal2));

	ASSERT_EQ(0, ask("logout", "tpgt_2 30"));
	recv_async(d, ASYNC_LOGOUT);
	logout(d);
	ping(c);
	d = login(LOGIN(.portal = env.portal2));
	ASSERT_EQ(0, ask("drop", "all"));
	expect_dropped(c);
	expect_dropped(d);
}

TEST(C33_J16_commands_that_mean_nothing)
{
	static const struct {
		const char *command, *text;
		int err;
	} bad[] = {
		{ "logout", "", EFAULT }, { "logout", "\n", EINVAL },
		{ "logout", "x", EINVAL }, { "logout", "1 x", EINVAL },
		{ "logout", "1 -1", EINVAL }, { "logout", "1 301", EINVAL },
		{ "logout", "1 2 3", EINVAL }, { "logout", "-1", EINVAL },
		{ "logout", "4294967295", ENOENT },
		{ "logout", "tpgt_9", ENOENT }, { "logout", "tpgt_", EINVAL },
		{ "drop", "1 65536", EINVAL }, { "drop", "1 2 3", EINVAL },
		{ "drop", "1 x", EINVAL }, { "drop", "all 1", EINVAL },
		{ "drop", "tpgt_1 1", EINVAL }, { "drop", "tpgt_70000", EINVAL },
		{ "drop", "4294967295 0", ENOENT },
		{ "drop", "4294967295", ENOENT },
		{ "latency", "x", EINVAL }, { "latency", "2", EINVAL },
	};
	struct conn *c = login_default();
	int log = klog_open();
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(bad[i].err, ask(bad[i].command, "%s", bad[i].text)) {
			TH_LOG("%s \"%s\"", bad[i].command, bad[i].text);
		}
		if (bad[i].err != EFAULT)
			ASSERT_TRUE(klog_has(log, bad[i].err == ENOENT ?
					     "is not there" : "is not "));
	}
	ping(c);
	logout(c);
}

RAW_TEST_MAIN
