// SPDX-License-Identifier: GPL-2.0
/*
 * Portals in network namespaces: each is in the one of the process that made
 * it, is closed when that goes, and leaves nothing behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "harness.h"

#define LUN0		lun_peripheral(0)
#define PORTAL		"127.0.0.1:3290"
#define HERE_ADDR	"192.0.2.1"
#define THERE_ADDR	"192.0.2.2"
#define THERE		THERE_ADDR ":3291"
#define VETH		"tiscsi-here"
#define VETH_PEER	"tiscsi-there"
#define GONE		"gone"

/* ---- portals ---- */

static void np_path(char *path, u32 tag, const char *portal)
{
	snprintf(path, PATH_MAX, "%s/%s/tpgt_%u/np/%s", env.configfs,
		 env.target, tag, portal);
}

static int np_make(u32 tag, const char *portal)
{
	char path[PATH_MAX];

	np_path(path, tag, portal);
	return mkdir(path, 0755) ? errno : 0;
}

static int np_remove(u32 tag, const char *portal)
{
	char path[PATH_MAX];

	np_path(path, tag, portal);
	return rmdir(path) ? errno : 0;
}

static const char *np_namespace(u32 tag, const char *portal)
{
	static char value[64];
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/tpgt_%u/np/%s/netns", env.target, tag,
		 portal);
	if (configfs_read(path, value, sizeof(value)))
		die("%s: %s", path, strerror(errno));
	return value;
}

static void wait_namespace_gone(u32 tag, const char *portal)
{
	u64 end = now_ms() + 2 * DEADLINE_MS;

	while (strcmp(np_namespace(tag, portal), GONE)) {
		if (now_ms() > end)
			die("the namespace of %s stays", portal);
		usleep(5000);
	}
}

static bool has_sessions(void)
{
	char path[PATH_MAX], value[16];

	snprintf(path, sizeof(path),
		 "%s/fabric_statistics/iscsi_instance/sessions", env.target);
	if (configfs_read(path, value, sizeof(value)))
		die("%s: %s", path, strerror(errno));
	return strcmp(value, "0");
}

static void wait_no_session(void)
{
	u64 end = now_ms() + 2 * DEADLINE_MS;

	while (has_sessions()) {
		if (now_ms() > end)
			die("there is a session still");
		usleep(5000);
	}
}

static void expect_group(const char *portal, u32 tag)
{
	struct conn *c = login(LOGIN(.portal = portal, .no_ua_check = true));

	if (conn_key_num(c, "TargetPortalGroupTag") != tag)
		die("%s leads to group %u, not %u", portal,
		    conn_key_num(c, "TargetPortalGroupTag"), tag);
	logout(c);
	conn_close(c);
}

/* Is @portal among those that one tells of? */
static bool discovered(const char *at, const char *portal)
{
	struct conn *c = login(LOGIN(.portal = at, .discovery = true));
	u32 len;
	char *targets = send_targets(c, env.target, &len, NULL);
	bool found = memmem(targets, len, portal, strlen(portal));

	logout(c);
	conn_close(c);
	free(targets);
	return found;
}

/* ---- namespaces ---- */

static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		die("lo: %s", strerror(errno));
	close(fd);
}

/**
 * struct away - a process in a network namespace of its own
 * @told: it has done something
 * @tell: it is to go on
 */
struct away {
	pid_t pid;
	int told[2];
	int tell[2];
};

static void say(int fd)
{
	if (write(fd, "", 1) != 1)
		die("write: %s", strerror(errno));
}

static bool heard(int fd)
{
	char c;

	return read(fd, &c, 1) == 1;
}

static void hear(int fd)
{
	if (!heard(fd))
		die("the other process is gone");
}

/* Both when it is there, and when @what has been done in it. */
static bool go_away(struct away *away, void (*what)(void))
{
	if (pipe(away->told) || pipe(away->tell))
		die("pipe: %s", strerror(errno));
	away->pid = fork();
	if (away->pid) {
		close(away->told[1]);
		close(away->tell[0]);
		return heard(away->told[0]);
	}
	close(away->told[0]);
	close(away->tell[1]);
	if (unshare(CLONE_NEWNET))
		_exit(1);
	loopback_up();
	say(away->told[1]);
	hear(away->tell[0]);
	what();
	say(away->told[1]);
	hear(away->tell[0]);
	_exit(0);
}

static void let_work(struct away *away)
{
	say(away->tell[1]);
	hear(away->told[0]);
}

/* Its namespace goes with it, once nothing of others is left in there. */
static void come_back(struct away *away)
{
	int status;

	say(away->tell[1]);
	if (waitpid(away->pid, &status, 0) != away->pid || status)
		die("status %x in the namespace", status);
	close(away->told[0]);
	close(away->tell[1]);
}

#define NO_NAMESPACES	"no network namespaces"

/* ---- tests ---- */

static void own_portal(void)
{
	if (np_make(2, PORTAL))
		die("cannot make %s: %s", PORTAL, strerror(errno));
	expect_group(PORTAL, 2);
}

/* The same address is another portal in each namespace. */
TEST(portal_is_in_the_namespace_of_who_made_it)
{
	struct away away;
	char other[64], here[64];

	if (!go_away(&away, own_portal))
		SKIP(return, NO_NAMESPACES);
	ASSERT_EQ(0, np_make(1, PORTAL));
	let_work(&away);
	expect_group(PORTAL, 1);
	snprintf(other, sizeof(other), "%s", np_namespace(2, PORTAL));
	snprintf(here, sizeof(here), "%s", np_namespace(1, PORTAL));
	ASSERT_STRNE(other, here);
	ASSERT_STREQ(here, np_namespace(1, env.portal));
	ASSERT_EQ(0, np_remove(1, PORTAL));
	/* The other one is still there, and elsewhere. */
	ASSERT_EQ(NULL, conn_try_open(sess_new(1), PORTAL));
	ASSERT_STREQ(other, np_namespace(2, PORTAL));
	ASSERT_TRUE(discovered(env.portal, PORTAL ",2"));
	come_back(&away);
	wait_namespace_gone(2, PORTAL);
	ASSERT_FALSE(discovered(env.portal, PORTAL ",2"));
	ASSERT_EQ(0, np_remove(2, PORTAL));
	/* Nothing is left of it. */
	ASSERT_EQ(0, np_make(2, PORTAL));
	expect_group(PORTAL, 2);
	ASSERT_EQ(0, np_remove(2, PORTAL));
}

TEST(portal_of_an_interface_here)
{
	int log = klog_open();

	/* -ENOPROTOOPT */
	if (np_make(2, "[::%lo]:3294") && klog_has(log, "cannot listen: -92"))
		SKIP(return, "no sockets bound to interfaces");
	expect_group("127.0.0.1:3294", 2);
	expect_group("[::1]:3294", 2);
	ASSERT_TRUE(discovered("127.0.0.1:3294", "=127.0.0.1:3294,2"));
	ASSERT_TRUE(discovered("[::1]:3294", "=[::1]:3294,2"));
	/* A login could not tell which one it came to. */
	ASSERT_EQ(EINVAL, np_make(1, "[::%lo]:3294"));
	ASSERT_TRUE(klog_has(log, "is in tpgt_2 of"));
	ASSERT_EQ(EINVAL, np_make(1, "[::%tiscsi-none]:3295"));
	ASSERT_EQ(EINVAL, np_make(1, "[::1%lo]:3295"));
	ASSERT_EQ(0, np_remove(2, "[::%lo]:3294"));
}

/* An address that somebody else listens on.  The core makes EINVAL of it. */
TEST(portal_that_is_taken)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(3296),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), log = klog_open();

	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&at, sizeof(at)));
	ASSERT_EQ(0, listen(fd, 1));
	ASSERT_EQ(EINVAL, np_make(1, "127.0.0.1:3296"));
	ASSERT_TRUE(klog_has(log, "portal 127.0.0.1:3296: cannot listen: -98"));
	close(fd);
	ASSERT_EQ(0, np_make(1, "127.0.0.1:3296"));
	expect_group("127.0.0.1:3296", 1);
	ASSERT_EQ(0, np_remove(1, "127.0.0.1:3296"));
}

static void portal_on_veth(void)
{
	if (system("ip addr add " THERE_ADDR "/30 dev " VETH_PEER
		   " && ip link set " VETH_PEER " up"))
		die("ip failed");
	if (np_make(2, THERE))
		die("cannot make %s: %s", THERE, strerror(errno));
}

static bool veth_to(const struct away *away)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
		 "set -e; ip link add %s type veth peer name %s; ip link set %s netns %d\n"
		 "ip addr add %s/30 dev %s; ip link set %s up", VETH, VETH_PEER,
		 VETH_PEER, away->pid, HERE_ADDR, VETH, VETH);
	return !system(cmd);
}

/* An initiator elsewhere, with a task that waits for its data. */
static void session_in_a_namespace(struct away *away)
{
	struct conn *c;
	struct scsi io;
	u8 buf[BLOCK];

	let_work(away);
	c = login(LOGIN(.portal = THERE));
	stall_write(c, &io, LUN0, 0, buf, sizeof(buf));
	if (!has_sessions())
		die("no session");
}

TEST(sessions_end_with_their_namespace)
{
	struct away away;

	if (!go_away(&away, portal_on_veth))
		SKIP(return, NO_NAMESPACES);
	if (!veth_to(&away))
		SKIP(return, "no veth");
	session_in_a_namespace(&away);
	come_back(&away);
	wait_namespace_gone(2, THERE);
	wait_no_session();
	ASSERT_EQ(0, np_remove(2, THERE));
}

/* Both interfaces have it, but it listens on one of them. */
static void portals_of_interfaces(void)
{
	if (system("ip addr add " THERE_ADDR "/30 dev " VETH_PEER
		   " && ip link set " VETH_PEER " up"))
		die("ip failed");
	if (np_make(2, "[::%lo]:3291") || np_make(1, "[::%" VETH_PEER "]:3292"))
		die("cannot make portals: %s", strerror(errno));
	expect_group("127.0.0.1:3291", 2);
	expect_group("[::1]:3291", 2);
}

TEST(portals_of_one_interface)
{
	struct away away;

	if (!go_away(&away, portals_of_interfaces))
		SKIP(return, NO_NAMESPACES);
	if (!veth_to(&away))
		SKIP(return, "no veth");
	ASSERT_EQ(EINVAL, np_make(1, "[::%" VETH_PEER "]:3292"));
	let_work(&away);
	ASSERT_EQ(NULL, conn_try_open(sess_new(1), THERE));
	expect_group(THERE_ADDR ":3292", 1);
	ASSERT_TRUE(discovered(THERE_ADDR ":3292", THERE_ADDR ":3292,1"));
	ASSERT_FALSE(discovered(env.portal, "3292"));
	come_back(&away);
	wait_namespace_gone(1, "[::%" VETH_PEER "]:3292");
	ASSERT_EQ(0, np_remove(1, "[::%" VETH_PEER "]:3292"));
	ASSERT_EQ(0, np_remove(2, "[::%lo]:3291"));
}

/* The portal is gone already, its connections are asked to log out. */
TEST(namespace_goes_while_its_portal_is_removed)
{
	struct away away;
	u64 end = now_ms() + 2 * DEADLINE_MS;

	if (!go_away(&away, portal_on_veth))
		SKIP(return, NO_NAMESPACES);
	if (!veth_to(&away))
		SKIP(return, "no veth");
	session_in_a_namespace(&away);
	ASSERT_EQ(0, np_remove(2, THERE));
	come_back(&away);
	wait_no_session();
	/* Our end of it goes with the other one, which is in the namespace. */
	while (if_nametoindex(VETH)) {
		ASSERT_LT(now_ms(), end);
		usleep(5000);
	}
}

RAW_TEST_MAIN
