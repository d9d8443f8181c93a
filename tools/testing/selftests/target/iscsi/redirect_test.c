// SPDX-License-Identifier: GPL-2.0
/*
 * Row B31: portal groups that send initiators to other portals.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "alua.h"
#include "chap.h"
#include "harness.h"

/*
 * The virtual portal group and the real ones, of env.target; NOWHERE's portal
 * has an address that this host does not have.
 */
#define VIRTUAL		10
#define REAL1		11
#define REAL2		12
#define NOWHERE		13

#define V_PORTAL	"127.0.0.1:3270"
#define R1_PORTAL	"127.0.0.1:3271"
#define R2_PORTAL	"127.0.0.1:3272"
#define N_PORTAL	"192.0.2.77:3270"

#define MOVED_TEMPORARILY	0x0101
#define MOVED_PERMANENTLY	0x0102
#define NR_LOGINS		1000

static const struct {
	int tag;
	const char *portal;
} groups[] = {
	{ VIRTUAL, V_PORTAL }, { REAL1, R1_PORTAL }, { REAL2, R2_PORTAL },
	{ NOWHERE, N_PORTAL },
};

/* ---- configuration ---- */

static void tpg_path(char *path, int tag, const char *file)
{
	snprintf(path, PATH_MAX, "%s/tpgt_%d/%s", env.target, tag, file);
}

static void put(int tag, const char *file, const char *value)
{
	char path[PATH_MAX];

	tpg_path(path, tag, file);
	configfs_write(path, value);
}

static int try(int tag, const char *file, const char *value)
{
	char path[PATH_MAX];

	tpg_path(path, tag, file);
	return configfs_try(path, value);
}

static const char *get(int tag, const char *file)
{
	static char value[4096];
	char path[PATH_MAX];

	tpg_path(path, tag, file);
	if (configfs_read(path, value, sizeof(value)))
		die("%s: %s", path, strerror(errno));
	return value;
}

static void group_make(int tag, const char *portal)
{
	char path[PATH_MAX], full[2 * PATH_MAX], disk[PATH_MAX];

	tpg_path(path, tag, "lun/lun_0/port");
	snprintf(full, sizeof(full), "%s/%s", env.configfs, path);
	if (!access(full, F_OK))
		return;
	tpg_path(path, tag, "");
	snprintf(full, sizeof(full), "%s/%s", env.configfs, path);
	if (mkdir(full, 0755))
		die("%s: %s", full, strerror(errno));
	snprintf(full, sizeof(full), "%s/%snp/%s", env.configfs, path, portal);
	if (mkdir(full, 0755))
		die("%s: %s", full, strerror(errno));
	snprintf(full, sizeof(full), "%s/%slun/lun_0", env.configfs, path);
	if (mkdir(full, 0755))
		die("%s: %s", full, strerror(errno));
	snprintf(disk, sizeof(disk), "%s/../core/rd_mcp_7143/disk0",
		 env.configfs);
	strcat(full, "/port");
	if (symlink(disk, full))
		die("%s: %s", full, strerror(errno));
}

FIXTURE(redirect) {
};

/* All portal groups there, and as if just made. */
FIXTURE_SETUP(redirect)
{
	size_t i;

	groups_up();
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		int tag = groups[i].tag;

		group_make(tag, groups[i].portal);
		put(tag, "attrib/redirect_portals", "none");
		put(tag, "attrib/redirect_policy", "round_robin");
		put(tag, "attrib/redirect_permanent", "0");
		put(tag, "attrib/redirect_after_auth", "0");
		put(tag, "attrib/redirect_hide_portals", "0");
		put(tag, "attrib/redirect_rebalance", "0");
		put(tag, "attrib/generate_node_acls", "1");
		put(tag, "attrib/authentication", "0");
		put(tag, "auth/password", "NULL");
		put(tag, "auth/userid", "NULL");
		lun_set(tag, "alua_tg_pt_offline", "0");
		lun_set(tag, "alua_tg_pt_gp", "NULL");
		put(tag, "enable", "1");
	}
}

FIXTURE_TEARDOWN(redirect)
{
}

/* ---- logins ---- */

/* Never logged in: ACLs made for initiators that did are kept. */
#define NEWCOMER	"iqn.2003-01.org.example:newcomer"

static const char *who;

static struct login at_virtual(void)
{
	return (struct login) { .portal = V_PORTAL, .initiator = who,
				.no_ua_check = true };
}

/* Where a login at the virtual portal is sent with @status. */
static const char *sent_to(u16 status)
{
	static char where[128];
	struct login l = at_virtual();
	struct conn *c;
	u16 got = login_try(&l, &c);
	const char *value;

	if (got != status)
		die("login status %04x, expected %04x", got, status);
	value = text_get(c->rx.data, c->rx.data_len, "TargetAddress");
	if (!value)
		die("B31: no TargetAddress with status %04x", got);
	if (c->rx.data_len != strlen("TargetAddress=") + strlen(value) + 1)
		die("B31: more than a TargetAddress: %u bytes",
		    c->rx.data_len);
	if (c->rx.bhs[BHS_FLAGS] & F_TRANSIT)
		die("B31: T is set with status %04x", got);
	snprintf(where, sizeof(where), "%s", value);
	expect_closed(c);
	conn_close(c);
	return where;
}

static const char *moved(void)
{
	return sent_to(MOVED_TEMPORARILY);
}

/* How many of @nr logins go to @portal. */
static int moved_there(const char *portal, int nr)
{
	int there = 0;

	while (nr--)
		there += !strcmp(moved(), portal);
	return there;
}

static void expect_stays(void)
{
	struct login l = at_virtual();
	struct conn *c;
	u16 status = login_try(&l, &c);

	if (status != LOGIN_OK)
		die("login status %04x, expected to stay", status);
	logout(c);
	conn_close(c);
}

static void expect_unavailable(void)
{
	struct login l = at_virtual();

	expect_refused(&l, STATUSES(LOGIN_UNAVAILABLE));
}

static struct conn *login_at(const char *portal)
{
	return login(LOGIN(.portal = portal));
}

static void use(const char *portals, const char *policy)
{
	put(VIRTUAL, "attrib/redirect_policy", policy);
	put(VIRTUAL, "attrib/redirect_portals", portals);
}

static u32 login_stat(const char *name)
{
	char path[PATH_MAX], value[64];

	snprintf(path, sizeof(path),
		 "%s/fabric_statistics/iscsi_login_stats/%s", env.target, name);
	if (configfs_read(path, value, sizeof(value)))
		die("%s: %s", path, strerror(errno));
	return strtoul(value, NULL, 10);
}

/* ---- what an initiator is told ---- */

TEST_F(redirect, B31_temporary_and_permanent_with_a_bare_address)
{
	use(R1_PORTAL, "ordered");
	ASSERT_STREQ(R1_PORTAL, moved());
	put(VIRTUAL, "attrib/redirect_permanent", "1");
	ASSERT_STREQ(R1_PORTAL, sent_to(MOVED_PERMANENTLY));
	/* The tag is a condition, it is not told. */
	use(R2_PORTAL ",12", "ordered");
	ASSERT_STREQ(R2_PORTAL, sent_to(MOVED_PERMANENTLY));
	put(VIRTUAL, "attrib/redirect_portals", "none");
	expect_stays();
}

TEST_F(redirect, B31_v6_in_brackets_and_portals_of_other_hosts)
{
	use("remote:[2001:db8::7]:3260", "ordered");
	ASSERT_STREQ("[2001:db8::7]:3260", moved());
	use("remote:192.0.2.9:860", "round_robin");
	ASSERT_STREQ("192.0.2.9:860", moved());
}

TEST_F(redirect, B31_the_initiator_works_where_it_was_sent)
{
	char where[128];
	struct conn *c;
	u8 buf[BLOCK];

	use(R1_PORTAL " " R2_PORTAL, "round_robin");
	snprintf(where, sizeof(where), "%s", moved());
	c = login_at(where);
	scsi_read(c, lun_peripheral(0), 0, buf, sizeof(buf));
	logout(c);
}

TEST_F(redirect, B31_each_redirect_counts_once_and_as_nothing_else)
{
	u32 redirects = login_stat("redirects"), accepts = login_stat("accepts");
	u32 other = login_stat("other_fails");

	use(R1_PORTAL, "ordered");
	moved();
	moved();
	ASSERT_EQ(redirects + 2, login_stat("redirects"));
	ASSERT_EQ(accepts, login_stat("accepts"));
	put(REAL1, "enable", "0");
	expect_unavailable();
	ASSERT_EQ(redirects + 2, login_stat("redirects"));
	ASSERT_EQ(other + 1, login_stat("other_fails"));
}

TEST_F(redirect, B31_before_or_after_authentication)
{
	struct chap me = { .user = "one", .secret = "secret-of-the-one" };
	struct chap bad = { .user = "one", .secret = "secret-of-another" };
	struct login l = at_virtual();
	struct conn *c;

	put(VIRTUAL, "attrib/authentication", "1");
	put(VIRTUAL, "auth/userid", me.user);
	put(VIRTUAL, "auth/password", me.secret);
	use(R1_PORTAL, "ordered");

	/* The first response tells it. */
	c = login_start(&l);
	ASSERT_EQ(MOVED_TEMPORARILY, chap_begin(c, &l, &me));
	expect_closed(c);

	put(VIRTUAL, "attrib/redirect_after_auth", "1");
	ASSERT_EQ(LOGIN_AUTH, chap_login_try(&l, &bad, &c));
	ASSERT_EQ(NULL, text_get(c->rx.data, c->rx.data_len, "TargetAddress"));
	ASSERT_EQ(MOVED_TEMPORARILY, chap_login_try(&l, &me, &c));
	ASSERT_STREQ(R1_PORTAL, text_get(c->rx.data, c->rx.data_len,
					 "TargetAddress"));
	expect_closed(c);
}

TEST_F(redirect, B31_who_may_not_log_in_is_not_told_where_to)
{
	struct login l;

	who = NEWCOMER;
	l = at_virtual();
	put(VIRTUAL, "attrib/generate_node_acls", "0");
	use(R1_PORTAL, "ordered");
	expect_refused(&l, STATUSES(LOGIN_FORBIDDEN));
}

TEST_F(redirect, B31_discovery_sessions_stay)
{
	struct conn *c;

	use(R1_PORTAL, "ordered");
	c = login(LOGIN(.portal = V_PORTAL, .discovery = true));
	logout(c);
	c = login(LOGIN(.portal = V_PORTAL, .discovery = true,
			.target = env.target));
	logout(c);
}

TEST_F(redirect, B31_a_virtual_portal_may_serve_itself)
{
	struct login l = at_virtual();
	struct conn *c, *d;
	struct text t = {};

	put(VIRTUAL, "param/MaxConnections", "2");
	use("self", "ordered");
	l.keys = "MaxConnections=2";
	ASSERT_EQ(LOGIN_OK, login_try(&l, &c));

	/* A second connection belongs to where the first one is. */
	use(R1_PORTAL, "ordered");
	d = login_start(LOGIN(.portal = V_PORTAL));
	d->sess = c->sess;
	d->cid = 1;
	login_names(&l, &t);
	ASSERT_EQ(LOGIN_OK, login_finish(d, STAGE(OPERATIONAL, FULL_FEATURE),
					 &t));
	ASSERT_STREQ(R1_PORTAL, moved());
	logout(c);

	/* The last resort. */
	use(R1_PORTAL " self", "ordered");
	ASSERT_STREQ(R1_PORTAL, moved());
	put(REAL1, "enable", "0");
	expect_stays();
}

/* ---- where to ---- */

TEST_F(redirect, B31_ordered_takes_the_first_that_lives)
{
	use(R2_PORTAL " " R1_PORTAL, "ordered");
	ASSERT_EQ(3, moved_there(R2_PORTAL, 3));
	put(REAL2, "enable", "0");
	ASSERT_EQ(3, moved_there(R1_PORTAL, 3));
	put(REAL2, "enable", "1");
	ASSERT_EQ(3, moved_there(R2_PORTAL, 3));
}

TEST_F(redirect, B31_round_robin_gives_each_its_turn)
{
	use(R1_PORTAL " " R2_PORTAL " remote:192.0.2.9:3260", "round_robin");
	ASSERT_STREQ(R1_PORTAL, moved());
	ASSERT_STREQ(R2_PORTAL, moved());
	ASSERT_STREQ("192.0.2.9:3260", moved());
	ASSERT_EQ(2, moved_there(R2_PORTAL, 6));
}

TEST_F(redirect, B31_least_sessions)
{
	struct conn *c, *d, *e;

	use(R1_PORTAL " " R2_PORTAL, "least_sessions");
	c = login_at(R1_PORTAL);
	ASSERT_EQ(3, moved_there(R2_PORTAL, 3));
	d = login_at(R2_PORTAL);
	e = login_at(R2_PORTAL);
	ASSERT_EQ(3, moved_there(R1_PORTAL, 3));
	logout(c);
	logout(d);
	logout(e);
}

/* Those that listen on all addresses are found by each of them. */
TEST_F(redirect, B31_portals_on_all_addresses_and_of_v6)
{
	static const char *const portals[] = { "0.0.0.0:3273", "[::1]:3274" };
	char path[PATH_MAX], full[2 * PATH_MAX];
	u32 i;

	for (i = 0; i < 4; i++) {
		tpg_path(path, REAL1, "np/");
		snprintf(full, sizeof(full), "%s/%s%s", env.configfs, path,
			 portals[i % 2]);
		if (i == 2) {
			use("127.0.0.1:3273,11", "ordered");
			ASSERT_STREQ("127.0.0.1:3273", moved());
			use("[::1]:3274,11", "ordered");
			ASSERT_STREQ("[::1]:3274", moved());
			ASSERT_EQ(ENXIO, try(VIRTUAL, "attrib/redirect_portals",
					     "[::1]:3273"));
			put(VIRTUAL, "attrib/redirect_portals", "none");
		}
		ASSERT_EQ(0, i < 2 ? mkdir(full, 0755) : rmdir(full));
	}
}

TEST_F(redirect, B31_alua_takes_the_best_access)
{
	lun_set(REAL1, "alua_tg_pt_gp", "g11");
	lun_set(REAL2, "alua_tg_pt_gp", "g12");
	use(R1_PORTAL " " R2_PORTAL, "alua");
	group_set(G1, "alua_access_state", "1");
	ASSERT_EQ(3, moved_there(R2_PORTAL, 3));
	group_set(G1, "alua_access_state", "0");
	group_set(G2, "alua_access_state", "2");
	ASSERT_EQ(3, moved_there(R1_PORTAL, 3));
	group_set(G2, "alua_access_state", "0");
	group_set(G2, "preferred", "1");
	ASSERT_EQ(3, moved_there(R2_PORTAL, 3));
}

TEST_F(redirect, B31_dead_disabled_or_offline_is_never_chosen)
{
	use(N_PORTAL " " R1_PORTAL " " R2_PORTAL, "round_robin");
	/* That address is not here. */
	ASSERT_EQ(2, moved_there(R1_PORTAL, 4));
	put(REAL1, "enable", "0");
	ASSERT_EQ(4, moved_there(R2_PORTAL, 4));
	put(REAL1, "enable", "1");
	lun_set(REAL2, "alua_tg_pt_offline", "1");
	ASSERT_EQ(4, moved_there(R1_PORTAL, 4));
	lun_set(REAL2, "alua_tg_pt_offline", "0");
	lun_set(REAL1, "alua_tg_pt_gp", "g11");
	group_set(G1, "alua_access_state", "3");
	ASSERT_EQ(4, moved_there(R2_PORTAL, 4));
	group_set(G1, "alua_access_state", "0");
	/* Where it could not log in it is not sent. */
	who = NEWCOMER;
	put(REAL2, "attrib/generate_node_acls", "0");
	ASSERT_EQ(4, moved_there(R1_PORTAL, 4));
}

TEST_F(redirect, B31_with_none_live_the_login_ends)
{
	use(N_PORTAL " " R1_PORTAL, "least_sessions");
	put(REAL1, "enable", "0");
	expect_unavailable();
	put(REAL1, "enable", "1");
	ASSERT_STREQ(R1_PORTAL, moved());
}

/* ---- sessions that are there ---- */

/* Logins at a real portal, one after the other. */
static void login_many(struct conn **c, int nr, const char *portal)
{
	while (nr--)
		*c++ = login_at(portal);
}

/* Two pings come back from who may stay; the first may cross the request. */
static bool is_asked_to_leave(struct conn *c)
{
	struct pdu p;
	int i;

	for (i = 0; i < 2; i++) {
		pdu_nop(c, &p, NULL, 0);
		conn_send(c, &p);
		if (pdu_op(recv_any(c)) == OP_ASYNC)
			return true;
	}
	return false;
}

static int nr_asked_to_leave(struct conn **c, int nr)
{
	int asked = 0;

	while (nr--)
		asked += is_asked_to_leave(*c++);
	return asked;
}

TEST_F(redirect, B31_C33_rebalance_spreads_sessions_evenly)
{
	struct conn *c[5];

	use(R1_PORTAL " " R2_PORTAL, "least_sessions");
	login_many(c, 5, R1_PORTAL);
	put(VIRTUAL, "rebalance", "60");
	/* Five of two: three stay, the oldest. */
	ASSERT_EQ(0, nr_asked_to_leave(c, 3));
	ASSERT_EQ(2, nr_asked_to_leave(c + 3, 2));
}

TEST_F(redirect, B31_C33_rebalance_leaves_alone_what_is_in_place)
{
	struct conn *c[4];

	use(R1_PORTAL " " R2_PORTAL, "round_robin");
	login_many(c, 2, R1_PORTAL);
	login_many(c + 2, 2, R2_PORTAL);
	put(VIRTUAL, "rebalance", "60");
	ASSERT_EQ(0, nr_asked_to_leave(c, 4));
	use(R2_PORTAL " " R1_PORTAL, "ordered");
	put(VIRTUAL, "rebalance", "60");
	ASSERT_EQ(2, nr_asked_to_leave(c, 2));
	ASSERT_EQ(0, nr_asked_to_leave(c + 2, 2));
}

TEST_F(redirect, B31_C33_rebalance_follows_the_access)
{
	struct conn *c[4];

	lun_set(REAL1, "alua_tg_pt_gp", "g11");
	lun_set(REAL2, "alua_tg_pt_gp", "g12");
	use(R1_PORTAL " " R2_PORTAL, "alua");
	login_many(c, 2, R1_PORTAL);
	login_many(c + 2, 2, R2_PORTAL);
	put(VIRTUAL, "rebalance", "60");
	ASSERT_EQ(0, nr_asked_to_leave(c, 4));
	group_set(G1, "alua_access_state", "1");
	put(VIRTUAL, "rebalance", "60");
	ASSERT_EQ(2, nr_asked_to_leave(c, 2));
	ASSERT_EQ(0, nr_asked_to_leave(c + 2, 2));
}

/* As an administrator does who wants it for himself. */
TEST_F(redirect, B31_C33_rebalance_empties_what_has_left_the_list)
{
	struct conn *c[2], *d, *e;

	use(R1_PORTAL " " R2_PORTAL, "ordered");
	ASSERT_STREQ(R1_PORTAL, moved());
	login_many(c, 2, R1_PORTAL);
	d = login_at(R2_PORTAL);
	/* Nobody was ever sent there. */
	e = login_at(env.portal2);
	use(R2_PORTAL, "ordered");
	put(VIRTUAL, "rebalance", "60");
	ASSERT_EQ(2, nr_asked_to_leave(c, 2));
	ASSERT_FALSE(is_asked_to_leave(d));
	ASSERT_FALSE(is_asked_to_leave(e));
}

TEST_F(redirect, B31_C33_sessions_move_by_themselves_to_a_new_place)
{
	struct conn *c[4];
	int i;

	put(REAL2, "enable", "0");
	put(VIRTUAL, "attrib/redirect_rebalance", "60");
	use(R1_PORTAL " " R2_PORTAL, "least_sessions");
	login_many(c, 4, R1_PORTAL);
	ASSERT_EQ(0, nr_asked_to_leave(c, 4));
	put(REAL2, "enable", "1");
	/* The newest two are too many, and the last thing that happens. */
	for (i = 2; i < 4; i++)
		ASSERT_EQ(60, get_be16(recv_async(c[i], ASYNC_LOGOUT)->bhs +
				       BHS_PARAM3));
	ASSERT_EQ(0, nr_asked_to_leave(c, 2));
	use(R2_PORTAL " " R1_PORTAL, "ordered");
	recv_async(c[0], ASYNC_LOGOUT);
	recv_async(c[1], ASYNC_LOGOUT);
}

TEST_F(redirect, B31_C33_rebalance_empties_the_virtual_portal)
{
	struct login l = at_virtual();
	struct conn *c;

	ASSERT_EQ(LOGIN_OK, login_try(&l, &c));
	use(R1_PORTAL " self", "ordered");
	put(REAL1, "enable", "0");
	put(VIRTUAL, "rebalance", "60");
	ASSERT_FALSE(is_asked_to_leave(c));
	/* Nobody is sent away as long as there is nowhere to go. */
	use(R1_PORTAL, "ordered");
	put(VIRTUAL, "rebalance", "60");
	ASSERT_FALSE(is_asked_to_leave(c));
	put(REAL1, "enable", "1");
	put(VIRTUAL, "rebalance", "60");
	ASSERT_TRUE(is_asked_to_leave(c));
}

TEST_F(redirect, B31_J16_rebalance_takes_seconds_where_there_is_redirection)
{
	int log = klog_open();

	use(R1_PORTAL, "ordered");
	ASSERT_EQ(EINVAL, try(VIRTUAL, "rebalance", "301"));
	ASSERT_EQ(EINVAL, try(VIRTUAL, "rebalance", "now"));
	ASSERT_TRUE(klog_has(log, "\"now\" is not the seconds"));
	ASSERT_EQ(ENXIO, try(REAL1, "rebalance", "5"));
	ASSERT_TRUE(klog_has(log, "redirect_portals is empty"));
}

/* Whose LUNs are all offline: it ends idle sessions and takes none (H16). */
TEST_F(redirect, H16_C34_an_offline_port_ends_its_sessions)
{
	struct login l = { .portal = R1_PORTAL, .no_ua_check = true };
	struct conn *c = login_at(R1_PORTAL), *d = login_at(R2_PORTAL);

	lun_set(REAL1, "alua_tg_pt_offline", "1");
	recv_async(c, ASYNC_LOGOUT);
	recv_async(c, ASYNC_DROP_SESSION);
	expect_closed(c);
	expect_refused(&l, STATUSES(LOGIN_UNAVAILABLE));
	ASSERT_FALSE(is_asked_to_leave(d));
	lun_set(REAL1, "alua_tg_pt_offline", "0");
	c = login_at(R1_PORTAL);
	ASSERT_FALSE(is_asked_to_leave(c));
	logout(c);
	logout(d);
}

TEST_F(redirect, H16_one_lun_offline_ends_no_session)
{
	struct conn *c = login_default();
	int i;

	lun_set(1, "alua_tg_pt_offline", "1");
	/* Longer than it takes to notice that all are. */
	for (i = 0; i < 10; i++) {
		usleep(bound_ms(250) * 1000);
		ASSERT_FALSE(is_asked_to_leave(c));
	}
	lun_set(1, "alua_tg_pt_offline", "0");
	logout(c);
}

TEST_F(redirect, B31_C33_an_unavailable_group_sends_its_sessions_away)
{
	struct conn *c = login_at(R1_PORTAL);
	struct pdu *p;
	int i;

	lun_set(REAL1, "alua_tg_pt_gp", "g11");
	group_set(G1, "alua_access_state", "3");
	/* There is nobody who would know where to. */
	for (i = 0; i < 10; i++) {
		usleep(bound_ms(250) * 1000);
		ASSERT_FALSE(is_asked_to_leave(c));
	}
	use(R1_PORTAL " " R2_PORTAL, "round_robin");
	p = recv_async(c, ASYNC_LOGOUT);
	ASSERT_EQ(10, get_be16(p->bhs + BHS_PARAM3));
	logout(c);
	ASSERT_STREQ(R2_PORTAL, moved());
	group_set(G1, "alua_access_state", "0");
}

/* ---- discovery ---- */

/* How often SendTargets tells of @portal. */
static int listed(const char *portal, const char *value)
{
	struct conn *c = login(LOGIN(.portal = V_PORTAL, .discovery = true));
	u32 len, n = 0, nr = 0;
	char *text = send_targets(c, value, &len, NULL), want[128];

	snprintf(want, sizeof(want), "TargetAddress=%s,", portal);
	for (; n < len; n += strlen(text + n) + 1)
		nr += !strncmp(text + n, want, strlen(want));
	free(text);
	logout(c);
	conn_close(c);
	return nr;
}

TEST_F(redirect, B31_C40_discovery_lists_all_portals_or_the_virtual_one)
{
	use(R1_PORTAL " " R2_PORTAL, "round_robin");
	ASSERT_EQ(1, listed(V_PORTAL, env.target));
	ASSERT_EQ(1, listed(R1_PORTAL, env.target));
	put(VIRTUAL, "attrib/redirect_hide_portals", "1");
	ASSERT_EQ(1, listed(V_PORTAL, "All"));
	ASSERT_EQ(0, listed(R1_PORTAL, "All"));
	ASSERT_EQ(0, listed(R2_PORTAL, env.target));
	/* Not one that it does not speak for. */
	ASSERT_EQ(1, listed(N_PORTAL, env.target));
	/* Without it they must be found some other way. */
	put(VIRTUAL, "enable", "0");
	ASSERT_EQ(0, try(VIRTUAL, "enable", "1"));
	ASSERT_EQ(0, listed(R1_PORTAL, env.target));
}

/* More of them than the first buffer of an answer holds. */
TEST_F(redirect, C40_discovery_lists_two_hundred_portals)
{
	char path[PATH_MAX], full[2 * PATH_MAX], portal[32];
	int i;

	for (i = 0; i < 400; i++) {
		snprintf(portal, sizeof(portal), "127.0.0.1:%u", 4000 + i % 200);
		tpg_path(path, REAL1, "np/");
		snprintf(full, sizeof(full), "%s/%s%s", env.configfs, path,
			 portal);
		if (i == 200) {
			ASSERT_EQ(1, listed("127.0.0.1:4000", env.target));
			ASSERT_EQ(1, listed("127.0.0.1:4199", "All"));
		}
		ASSERT_EQ(0, i < 200 ? mkdir(full, 0755) : rmdir(full)) {
			TH_LOG("%s: %s", portal, strerror(errno));
		}
	}
}

/* ---- bad input ---- */

TEST_F(redirect, B31_J16_bad_lists_are_refused_with_a_reason)
{
	static const struct {
		const char *list;
		int err;
		const char *words;
	} bad[] = {
		{ V_PORTAL, ELOOP, "of this portal group itself" },
		{ "127.0.0.1:9,10", ELOOP, "of this portal group itself" },
		{ R1_PORTAL " 127.0.0.1:1", ENXIO, "127.0.0.1:1 is no portal" },
		{ R1_PORTAL ",12", ENXIO, "no portal of that portal group" },
		{ "127.0.0.1", EINVAL, "\"127.0.0.1\" is none of" },
		{ R1_PORTAL ",", EINVAL, "is none of" },
		{ R1_PORTAL ",65536", EINVAL, "is none of" },
		{ R1_PORTAL ",+1", EINVAL, "is none of" },
		{ "[::1:3260", EINVAL, "is none of" },
		{ "0.0.0.0:3260", EINVAL, "is none of" },
		{ "remote:[::]:3260", EINVAL, "is none of" },
		{ "remote:224.0.0.1:3260", EINVAL, "is none of" },
		{ "remote:", EINVAL, "is none of" },
		{ "none self", EINVAL, "is none of" },
		{ "here", EINVAL, "\"here\" is none of" },
	};
	int log = klog_open();
	char many[4096] = "";
	u32 i;

	use(R2_PORTAL, "ordered");
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(bad[i].err, try(VIRTUAL, "attrib/redirect_portals",
					  bad[i].list)) {
			TH_LOG("\"%s\"", bad[i].list);
		}
		ASSERT_TRUE(klog_has(log, bad[i].words)) {
			TH_LOG("\"%s\"", bad[i].list);
		}
	}
	for (i = 0; i < 17; i++)
		strcat(many, R1_PORTAL " ");
	ASSERT_EQ(E2BIG, try(VIRTUAL, "attrib/redirect_portals", many));
	ASSERT_EQ(EINVAL, try(VIRTUAL, "attrib/redirect_policy", "random"));
	ASSERT_TRUE(klog_has(log, "\"random\" is none of ordered"));
	/* Nothing of it took effect. */
	ASSERT_STREQ(R2_PORTAL, get(VIRTUAL, "attrib/redirect_portals"));
	ASSERT_STREQ("ordered", get(VIRTUAL, "attrib/redirect_policy"));
	ASSERT_STREQ(R2_PORTAL, moved());
}

TEST_F(redirect, B31_J16_no_loop_of_portal_groups)
{
	struct login l = { .portal = R1_PORTAL, .no_ua_check = true };
	int log = klog_open();
	struct conn *c;

	use(R1_PORTAL, "ordered");
	/* There and back, on to a third, and from a third to the first. */
	ASSERT_EQ(ELOOP, try(REAL1, "attrib/redirect_portals", V_PORTAL));
	ASSERT_TRUE(klog_has(log, "of tpgt_10, which redirects too"));
	ASSERT_EQ(ELOOP, try(REAL1, "attrib/redirect_portals", R2_PORTAL));
	ASSERT_TRUE(klog_has(log, "tpgt_10 redirects to here"));
	ASSERT_EQ(ELOOP, try(REAL2, "attrib/redirect_portals", V_PORTAL));

	/* Made bit by bit, as tools restore it, it is not gone round. */
	use("none", "ordered");
	put(VIRTUAL, "enable", "0");
	put(REAL1, "enable", "0");
	put(VIRTUAL, "attrib/redirect_portals", "127.0.0.1:3279");
	put(REAL1, "attrib/redirect_portals", V_PORTAL ",9");
	put(VIRTUAL, "attrib/redirect_portals", R2_PORTAL);
	put(VIRTUAL, "enable", "1");
	put(REAL1, "enable", "1");
	ASSERT_STREQ(R2_PORTAL, moved());
	ASSERT_EQ(LOGIN_UNAVAILABLE, login_try(&l, &c));
}

/* ---- many ---- */

TEST_F_TIMEOUT(redirect, B31_a_thousand_redirects_leave_nothing, 240)
{
	u32 redirects = login_stat("redirects"), accepts = login_stat("accepts");
	char path[PATH_MAX], cmd[2 * PATH_MAX];
	int i, first = 0;

	use(R1_PORTAL " " R2_PORTAL, "round_robin");
	for (i = 0; i < NR_LOGINS; i++)
		first += !strcmp(moved(), R1_PORTAL);
	ASSERT_EQ(NR_LOGINS / 2, first);
	ASSERT_EQ(redirects + NR_LOGINS, login_stat("redirects"));
	ASSERT_EQ(accepts, login_stat("accepts"));

	/* It can go when no login holds it any more, and not before. */
	tpg_path(path, VIRTUAL, "");
	snprintf(cmd, sizeof(cmd),
		 "cd %s/%s && rm lun/lun_0/port && rmdir np/* lun/lun_0 && cd .. && rmdir tpgt_%d",
		 env.configfs, path, VIRTUAL);
	ASSERT_EQ(0, system(cmd));
}

RAW_TEST_MAIN
