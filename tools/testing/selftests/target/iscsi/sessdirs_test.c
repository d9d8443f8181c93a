// SPDX-License-Identifier: GPL-2.0
/*
 * <iqn>/sessions/<number> in configfs: a directory for each session, which
 * comes and goes with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#include "harness.h"
#include "sessions.h"

#define LUN0	lun_peripheral(0)
#define KEYS	"InitiatorAlias=an\033[31m HeaderDigest=CRC32C " LENGTHS
#define LENGTHS	"MaxBurstLength=131072 MaxRecvDataSegmentLength=32768"

/* ---- what is in it ---- */

/* The next line of a text; ended with NUL. */
static char *next_line(char **text)
{
	char *line = strsep(text, "\n");

	return line && *line ? line : NULL;
}

TEST(directory_of_a_session_says_what_its_line_in_the_list_says)
{
	static const char *const files[] = { "info", "keys", "counters" };
	char *line, *text, words[DIR_FILE_MAX], key[64];
	struct conn *c = login_keys(KEYS);
	u32 i, sid = sid_of(c), nr = 0;

	wait_dir(env.target, sid, true);
	wait_tasks(c, 0);
	snprintf(words, sizeof(words), "%s ", session_of(c, env.target));
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		text = dir_read(env.target, sid, files[i]);
		while ((line = next_line(&text))) {
			snprintf(key, sizeof(key), "%.*s",
				 (int)strcspn(line, "="), line);
			if (strcmp(key, "seconds") && strcmp(key, "alias"))
				ASSERT_STREQ(value_of(words, key),
					     line + strlen(key) + 1);
			nr++;
		}
	}
	/* And all of it, but for the word and the number it begins with. */
	for (i = 0, text = words; (text = strchr(text, '=')); text++)
		i++;
	ASSERT_EQ(nr, i);

	text = dir_read(env.target, sid, "info");
	ASSERT_NE(NULL, strstr(text, "\nacl=explicit\n"));
	ASSERT_NE(NULL, strstr(text, "\nstate=LOGGED_IN\n"));
	ASSERT_NE(NULL, strstr(text, "\nalias=an"));
	ASSERT_EQ(NULL, strchr(text, '\033'));
	ASSERT_NE(NULL, strstr(dir_read(env.target, sid, "keys"),
			       "\nMaxBurstLength=131072\n"));

	text = dir_read(env.target, sid, "connections");
	line = next_line(&text);
	ASSERT_NE(NULL, line);
	ASSERT_EQ(NULL, next_line(&text));
	snprintf(words, sizeof(words), "connection %u ", sid);
	ASSERT_STREQ(list_line(list_read(env.target), words, ""), line);
	ASSERT_STREQ("", dir_read(env.target, sid, "latency"));
	logout(c);
	wait_dir(env.target, sid, false);
}

/* More than a page, and no line of who has gone. */
TEST(directory_of_a_session_has_all_of_its_connections)
{
	struct conn *c[8];
	char *text;
	u32 i, sid;

	c[0] = login_keys("MaxConnections=8");
	sid = sid_of(c[0]);
	wait_dir(env.target, sid, true);
	for (i = 1; i < ARRAY_SIZE(c); i++)
		c[i] = login_join(c[0]->sess, i);
	text = dir_read(env.target, sid, "connections");
	ASSERT_EQ(ARRAY_SIZE(c), list_count(text, "connection "));
	ASSERT_NE(NULL, strstr(dir_read(env.target, sid, "info"),
			       "\nconnections=8\n"));
	logout(c[0]);
	wait_dir(env.target, sid, false);
}

TEST(directory_of_a_session_without_an_ACL)
{
	struct conn *c = login(LOGIN(.target = env.demo,
				     .no_ua_check = true));
	u32 sid = sid_in(c, env.demo);
	char *text;

	wait_dir(env.demo, sid, true);
	text = dir_read(env.demo, sid, "info");
	ASSERT_NE(NULL, strstr(text, "\nacl=dynamic\n"));
	ASSERT_NE(NULL, strstr(text, env.initiator));
	logout(c);
	wait_dir(env.demo, sid, false);
}

/* It is not theirs to make or to remove, and is not there for discovery. */
TEST(J16_directories_of_sessions_are_nobody_elses)
{
	struct conn *c = login_default(), *d;
	u32 sid = sid_of(c);
	char path[PATH_MAX];

	wait_dir(env.target, sid, true);
	dir_path(path, env.target, sid, "");
	ASSERT_EQ(-1, rmdir(path));
	ASSERT_EQ(EPERM, errno);
	strcat(path, "x");
	ASSERT_EQ(-1, mkdir(path, 0755));
	ASSERT_EQ(EPERM, errno);
	snprintf(path, sizeof(path), "%s/%s/sessions/x", env.configfs,
		 env.target);
	ASSERT_EQ(-1, mkdir(path, 0755));
	ASSERT_EQ(EPERM, errno);

	d = login(LOGIN(.discovery = true));
	logout(d);
	ping(c);
	logout(c);
}

/* Who has opened a file, or stands in the directory, keeps neither. */
TEST(directory_of_a_session_goes_with_it_whoever_holds_it)
{
	static const char *const files[] = { "info", "connections", "drop" };
	int fds[ARRAY_SIZE(files)], dir, err;
	struct conn *c = login_default();
	char path[PATH_MAX], buf[64];
	u32 i, sid = sid_of(c);

	wait_dir(env.target, sid, true);
	dir_path(path, env.target, sid, "");
	dir = open(path, O_RDONLY | O_DIRECTORY);
	ASSERT_LE(0, dir);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		fds[i] = openat(dir, files[i], i == 2 ? O_WRONLY : O_RDONLY);
		ASSERT_LE(0, fds[i]);
	}
	logout(c);
	wait_dir(env.target, sid, false);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		err = i == 2 ? write(fds[i], "\n", 1) :
			       read(fds[i], buf, sizeof(buf));
		ASSERT_EQ(-1, err);
		ASSERT_EQ(ENOENT, errno);
		close(fds[i]);
	}
	ASSERT_EQ(-ENOENT, read_at(dir, "info", path));
	close(dir);
	/* The one that comes next is another. */
	c = login_default();
	ASSERT_NE(sid, sid_of(c));
	logout(c);
}

#define LATENCY		"sessions/latency"

static void measure(const char *on)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" LATENCY, env.target);
	configfs_write(path, on);
}

TEST(latency_is_in_the_directory_of_a_session)
{
	struct conn *c = login_default();
	char *line, *text, words[32];
	u32 sid = sid_of(c);
	u8 buf[BLOCK];

	measure("1");
	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	wait_dir(env.target, sid, true);
	text = dir_read(env.target, sid, "latency");
	line = next_line(&text);
	ASSERT_NE(NULL, line);
	ASSERT_EQ(NULL, next_line(&text));
	snprintf(words, sizeof(words), "connection %u ", sid);
	/* In the list it is what such a line ends with. */
	ASSERT_NE(NULL, strstr(list_line(list_read(env.target), words, ""),
			       strstr(line, " latency_us=")));
	ASSERT_EQ(NULL, strstr(dir_read(env.target, sid, "connections"),
			       "latency"));
	measure("0");
	ASSERT_STREQ("", dir_read(env.target, sid, "latency"));
	logout(c);
}

/* ---- while sessions come and go ---- */

#define NR_SEEN	soak_or(2000, 20)

TEST(directories_are_read_while_sessions_come_and_go)
{
	pid_t pid[2] = { come_and_go(), come_and_go() };
	u64 end = now_ms() + DEADLINE_MS;
	u32 i, seen = 0;

	for (i = 0; seen < NR_SEEN && now_ms() < end; i++)
		seen += dirs_read(env.target, i % 4);
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		ASSERT_LT(0, pid[i]);
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	ASSERT_LT(0, seen);
	TH_LOG("%u directories read", seen);
}

/* ---- a target that goes with sessions on it ---- */

#define RACE		"iqn.2003-01.org.example:race"
#define RACE_PORTAL	"127.0.0.1:3299"
#define NR_RACES	soak_or(100, 4)

static int race_path(char *path, const char *file)
{
	return snprintf(path, PATH_MAX, "%s/" RACE "%s", env.configfs, file);
}

static void race_make(void)
{
	static const char *const dirs[] = {
		"", "/tpgt_1", "/tpgt_1/np/" RACE_PORTAL };
	char path[PATH_MAX];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		race_path(path, dirs[i]);
		if (mkdir(path, 0755))
			die("%s: %s", path, strerror(errno));
	}
	configfs_write(RACE "/tpgt_1/attrib/authentication", "0");
	configfs_write(RACE "/tpgt_1/attrib/generate_node_acls", "1");
	configfs_write(RACE "/tpgt_1/enable", "1");
}

/* One after the other, and not before the one is out of the other. */
static int race_unmake(void)
{
	static const char *const dirs[] = {
		"/tpgt_1/np/" RACE_PORTAL, "/tpgt_1", "" };
	char path[PATH_MAX];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		race_path(path, dirs[i]);
		if (rmdir(path))
			return errno;
	}
	return 0;
}

/* Logs in as fast as it can, when it can, and leaves without a word. */
static pid_t race_logins(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setpgid(0, 0);
	for (;;) {
		pid = fork();
		if (pid) {
			waitpid(pid, NULL, 0);
			continue;
		}
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		login(LOGIN(.target = RACE, .portal = RACE_PORTAL,
			    .no_ua_check = true));
		_exit(0);
	}
}

TEST(portal_group_with_sessions_goes_and_its_target_at_once)
{
	pid_t pid[2] = { race_logins(), race_logins() };
	u64 end = now_ms() + NR_RACES * DEADLINE_MS;
	u32 i, seen;
	int err = 0;

	for (i = 0; i < NR_RACES && !err; i++) {
		race_make();
		for (seen = 0; !seen && now_ms() < end;)
			seen = dirs_read(RACE, false);
		err = race_unmake();
		ASSERT_LT(0, seen);
	}
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		ASSERT_LT(0, pid[i]);
		kill(-pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	ASSERT_EQ(0, err);
}

/* ---- ACLs that the core makes ---- */

#define NR_ROUNDS	30
#define NR_AT_ONCE	2

/* One on each processor, at the same moment. */
static pid_t login_at_once(const char *initiator, u32 n, atomic_uint *ready)
{
	pid_t pid = fork();
	cpu_set_t cpu;

	if (pid)
		return pid;
	CPU_ZERO(&cpu);
	CPU_SET(n % get_nprocs(), &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		_exit(1);
	atomic_fetch_add(ready, 1);
	while (atomic_load(ready) % NR_AT_ONCE)
		sched_yield();
	login(LOGIN(.target = RACE, .portal = RACE_PORTAL,
		    .initiator = initiator, .isid = 1 + n,
		    .no_ua_check = true));
	pause();
	_exit(0);
}

static u32 nr_listed(const char *initiator, const char *acl)
{
	char who[128], kind[32], *line, *save;
	u32 nr = 0;

	snprintf(who, sizeof(who), " initiator=%s ", initiator);
	snprintf(kind, sizeof(kind), " acl=%s ", acl);
	for (line = strtok_r(list_read(RACE), "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		nr += !strncmp(line, "session ", 8) && strstr(line, who) &&
		      strstr(line, kind);
	return nr;
}

TEST(sessions_that_log_in_at_once_have_one_acl)
{
	atomic_uint *ready = mmap(NULL, sizeof(*ready), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char name[64], path[PATH_MAX], acl[128];
	u32 round, n, nr_explicit;
	pid_t pid[NR_AT_ONCE];

	ASSERT_NE(MAP_FAILED, ready);
	race_make();
	for (round = 0; round < NR_ROUNDS; round++) {
		snprintf(name, sizeof(name), "iqn.2003-01.org.example:at-once-%u",
			 round);
		for (n = 0; n < NR_AT_ONCE; n++) {
			pid[n] = login_at_once(name, n, ready);
			ASSERT_LT(0, pid[n]);
		}
		while (nr_listed(name, "dynamic") < NR_AT_ONCE)
			usleep(1000);
		/* What was made for the initiator becomes this one. */
		snprintf(acl, sizeof(acl), "/tpgt_1/acls/%s", name);
		race_path(path, acl);
		if (mkdir(path, 0755))
			die("%s: %s", path, strerror(errno));
		nr_explicit = nr_listed(name, "explicit");
		for (n = 0; n < NR_AT_ONCE; n++) {
			kill(pid[n], SIGKILL);
			waitpid(pid[n], NULL, 0);
		}
		ASSERT_EQ(0, rmdir(path));
		ASSERT_EQ(NR_AT_ONCE, nr_explicit);
	}
	ASSERT_EQ(0, race_unmake());
}

/* ---- commands ---- */

static int tell(u32 sid, const char *command, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sessions/%u/%s", env.target, sid,
		 command);
	return configfs_try(path, text);
}

TEST(C33_logout_in_the_directory_of_a_session)
{
	struct conn *c = login_default();
	struct conn *d = login_default();
	u32 sid = sid_of(c);

	wait_dir(env.target, sid, true);
	ASSERT_EQ(0, tell(sid, "logout", "\n"));
	ASSERT_EQ(10, get_be16(recv_async(c, ASYNC_LOGOUT)->bhs + BHS_PARAM3));
	logout(c);
	wait_dir(env.target, sid, false);

	ping(d);
	sid = sid_of(d);
	wait_dir(env.target, sid, true);
	ASSERT_EQ(0, tell(sid, "logout", "60\n"));
	ASSERT_EQ(60, get_be16(recv_async(d, ASYNC_LOGOUT)->bhs + BHS_PARAM3));
	ASSERT_EQ(0, tell(sid, "drop", "\n"));
	expect_dropped(d);
	wait_dir(env.target, sid, false);
}

TEST(C32_C34_drop_of_one_connection_in_the_directory)
{
	struct conn *c = login_keys("MaxConnections=2"), *d;
	u32 sid = sid_of(c);

	d = login_join(c->sess, 1);
	wait_dir(env.target, sid, true);
	ASSERT_EQ(ENOENT, tell(sid, "drop", "7"));
	ASSERT_EQ(0, tell(sid, "drop", "1"));
	ASSERT_EQ(1, get_be16(recv_async(c, ASYNC_DROP_CONNECTION)->bhs +
			      BHS_PARAM1));
	expect_closed(d);
	ping(c);
	logout(c);
}

TEST(C33_J16_commands_that_mean_nothing_to_a_session)
{
	static const struct {
		const char *command, *text;
	} bad[] = {
		{ "logout", "x" }, { "logout", "-1" }, { "logout", "301" },
		{ "logout", "1 2" }, { "logout", "all" },
		{ "drop", "x" }, { "drop", "-1" }, { "drop", "65536" },
		{ "drop", "0 0" }, { "drop", "all" },
		{ "drop", "000000000000000000000000000000000" },
	};
	struct conn *c = login_default();
	u32 i, sid = sid_of(c);
	int log = klog_open();

	wait_dir(env.target, sid, true);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(EINVAL, tell(sid, bad[i].command, bad[i].text)) {
			TH_LOG("%s \"%s\"", bad[i].command, bad[i].text);
		}
		ASSERT_TRUE(klog_has(log, "is not a"));
	}
	ping(c);
	logout(c);
}

RAW_TEST_MAIN
