// SPDX-License-Identifier: GPL-2.0
/*
 * fabric_statistics: each counter goes up when what its name says happens, and
 * by nothing else.  Those of logins are in login_test.c and redirect_test.c.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "harness.h"

#define LUN0		lun_peripheral(0)
#define CHECK_CONDITION	0x02

/* ---- what there is to read ---- */

static void stat_path(char *path, const char *target, const char *file)
{
	snprintf(path, PATH_MAX, "%s/fabric_statistics/%s", target, file);
}

static void sess_path(char *path, const char *file)
{
	snprintf(path, PATH_MAX,
		 "%s/tpgt_1/acls/%s/fabric_statistics/iscsi_sess_stats/%s",
		 env.target, env.initiator, file);
}

/* Valid until the third call from here. */
static const char *read_file(const char *path)
{
	static char values[3][256];
	static int next;
	char *value = values[next++ % 3];

	if (configfs_read(path, value, sizeof(values[0])))
		die("cannot read %s", path);
	return value;
}

static const char *stat_of(const char *target, const char *file)
{
	char path[PATH_MAX];

	stat_path(path, target, file);
	return read_file(path);
}

static u64 stat_num(const char *file)
{
	return strtoull(stat_of(env.target, file), NULL, 10);
}

static const char *sess_stat(const char *file)
{
	char path[PATH_MAX];

	sess_path(path, file);
	return read_file(path);
}

static u64 sess_num(const char *file)
{
	return strtoull(sess_stat(file), NULL, 10);
}

static void wait_num(const char *file, u64 want)
{
	u64 end = now_ms() + DEADLINE_MS;

	while (stat_num(file) != want) {
		if (now_ms() > end)
			die("%s is %llu, not %llu", file,
			    (unsigned long long)stat_num(file),
			    (unsigned long long)want);
		usleep(2000);
	}
}

/* ---- a target nobody has used ---- */

static const struct {
	const char *file, *value;
} fresh[] = {
	{ "iscsi_instance/min_ver", "0" },
	{ "iscsi_instance/max_ver", "0" },
	{ "iscsi_instance/portals", "0" },
	{ "iscsi_instance/nodes", "1" },
	{ "iscsi_instance/sessions", "0" },
	{ "iscsi_instance/fail_sess", "0" },
	{ "iscsi_instance/fail_type", "0" },
	{ "iscsi_instance/fail_rem_name", "None" },
	{ "iscsi_instance/disc_time", "0" },
	{ "iscsi_instance/description", "Storage Engine Target" },
	{ "iscsi_instance/vendor", "tcm_iscsi" },
	{ "iscsi_sess_err/digest_errors", "0" },
	{ "iscsi_sess_err/cxn_errors", "0" },
	{ "iscsi_sess_err/format_errors", "0" },
	{ "iscsi_tgt_attr/indx", "1" },
	{ "iscsi_tgt_attr/login_fails", "0" },
	{ "iscsi_tgt_attr/last_fail_time", "0" },
	{ "iscsi_tgt_attr/last_fail_type", "0" },
	{ "iscsi_tgt_attr/fail_intr_name", "None" },
	{ "iscsi_tgt_attr/fail_intr_addr_type", "ipv4" },
	{ "iscsi_tgt_attr/fail_intr_addr", "(einval)" },
	{ "iscsi_login_stats/indx", "1" },
	{ "iscsi_login_stats/accepts", "0" },
	{ "iscsi_login_stats/other_fails", "0" },
	{ "iscsi_login_stats/redirects", "0" },
	{ "iscsi_login_stats/authorize_fails", "0" },
	{ "iscsi_login_stats/authenticate_fails", "0" },
	{ "iscsi_login_stats/negotiate_fails", "0" },
	{ "iscsi_logout_stats/indx", "1" },
	{ "iscsi_logout_stats/normal_logouts", "0" },
	{ "iscsi_logout_stats/abnormal_logouts", "0" },
};

static const char *const groups[] = {
	"iscsi_instance", "iscsi_sess_err", "iscsi_tgt_attr",
	"iscsi_login_stats", "iscsi_logout_stats",
};

TEST(B08_a_target_that_nobody_has_used)
{
	static const char target[] = "iqn.2003-01.org.example:fresh";
	char dir[PATH_MAX], file[64];
	const char *inst;
	u32 i;

	snprintf(dir, sizeof(dir), "%s/%s", env.configfs, target);
	ASSERT_EQ(0, mkdir(dir, 0755));
	for (i = 0; i < ARRAY_SIZE(fresh); i++)
		EXPECT_STREQ(fresh[i].value, stat_of(target, fresh[i].file)) {
			TH_LOG("%s", fresh[i].file);
		}
	EXPECT_EQ('v', stat_of(target, "iscsi_instance/version")[0]);
	/* One index for a target in all its groups, another for each target. */
	inst = stat_of(target, "iscsi_instance/inst");
	EXPECT_STRNE(inst, stat_of(env.target, "iscsi_instance/inst"));
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		snprintf(file, sizeof(file), "%s/inst", groups[i]);
		EXPECT_STREQ(inst, stat_of(target, file));
	}
	ASSERT_EQ(0, rmdir(dir));
}

/* ---- iscsi_instance ---- */

TEST(B08_portals_of_all_groups)
{
	u64 nr = stat_num("iscsi_instance/portals");
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%s/tpgt_2/np/127.0.0.1:3299",
		 env.configfs, env.target);
	ASSERT_EQ(0, mkdir(dir, 0755));
	EXPECT_EQ(nr + 1, stat_num("iscsi_instance/portals"));
	ASSERT_EQ(0, rmdir(dir));
	EXPECT_EQ(nr, stat_num("iscsi_instance/portals"));
}

TEST(B08_sessions_that_there_are_now)
{
	struct conn *a, *b, *d;

	env_settle();
	wait_num("iscsi_instance/sessions", 0);
	a = login_keys("MaxConnections=2");
	b = login(LOGIN(.portal = env.portal2));
	ASSERT_EQ(2, stat_num("iscsi_instance/sessions"));
	/* A second connection is no session, nor is a discovery one counted. */
	login_join(a->sess, 1);
	d = login(LOGIN(.discovery = true));
	ASSERT_EQ(2, stat_num("iscsi_instance/sessions"));
	logout(d);
	logout(b);
	wait_num("iscsi_instance/sessions", 1);
	logout(a);
	wait_num("iscsi_instance/sessions", 0);
}

/* ---- iscsi_logout_stats ---- */

static void expect_logouts(u64 normal, u64 abnormal)
{
	if (stat_num("iscsi_logout_stats/normal_logouts") != normal ||
	    stat_num("iscsi_logout_stats/abnormal_logouts") != abnormal)
		die("logouts: %s and %s, not %llu and %llu",
		    stat_of(env.target, "iscsi_logout_stats/normal_logouts"),
		    stat_of(env.target, "iscsi_logout_stats/abnormal_logouts"),
		    (unsigned long long)normal, (unsigned long long)abnormal);
}

TEST(C19_C20_C21_logouts_by_their_reason)
{
	u64 normal = stat_num("iscsi_logout_stats/normal_logouts");
	u64 other = stat_num("iscsi_logout_stats/abnormal_logouts");
	u64 sessions;
	struct conn *c, *d;

	/* A session. */
	c = login_default();
	ASSERT_EQ(0, logout_conn(c, 0, 0));
	expect_logouts(++normal, other);
	/* A connection, on another one and on itself; recovery, refused. */
	c = login_keys("MaxConnections=2");
	d = login_join(c->sess, 1);
	ASSERT_EQ(0, logout_conn(c, 1, d->cid));
	expect_logouts(normal, ++other);
	ASSERT_EQ(2, logout_conn(c, 2, 1));
	expect_logouts(normal, ++other);
	ASSERT_EQ(0, logout_conn(c, 1, c->cid));
	expect_logouts(normal, ++other);
	expect_closed(c);
	/* Who just goes has not logged out. */
	env_settle();
	sessions = stat_num("iscsi_instance/sessions");
	conn_reset(login_default());
	wait_num("iscsi_instance/sessions", sessions);
	expect_logouts(normal, other);
	/* It belongs to no target. */
	c = login(LOGIN(.discovery = true));
	logout(c);
	expect_logouts(normal, other);
}

/* ---- iscsi_sess_err, and what iscsi_instance says of it ---- */

enum failure { DIGEST = 1, TIMEOUT, FORMAT };

struct failures {
	u64 nr[FORMAT + 1];
	u64 all;
};

static const char *const failure_files[] = {
	[DIGEST] = "iscsi_sess_err/digest_errors",
	[TIMEOUT] = "iscsi_sess_err/cxn_errors",
	[FORMAT] = "iscsi_sess_err/format_errors",
};

static void read_failures(struct failures *f)
{
	u32 i;

	memset(f, 0, sizeof(*f));
	f->all = stat_num("iscsi_instance/fail_sess");
	for (i = DIGEST; i <= FORMAT; i++)
		f->nr[i] = stat_num(failure_files[i]);
}

/* One more than in @f, of that kind alone, and it is the last one. */
static void expect_failure(struct failures *f, enum failure kind)
{
	struct failures now;

	wait_num("iscsi_instance/fail_sess", ++f->all);
	f->nr[kind]++;
	read_failures(&now);
	if (memcmp(f, &now, sizeof(now)))
		die("digest, timeout, format: %llu %llu %llu",
		    (unsigned long long)now.nr[DIGEST],
		    (unsigned long long)now.nr[TIMEOUT],
		    (unsigned long long)now.nr[FORMAT]);
	if (stat_num("iscsi_instance/fail_type") != kind)
		die("fail_type is %s, not %d",
		    stat_of(env.target, "iscsi_instance/fail_type"), kind);
	if (strcmp(stat_of(env.target, "iscsi_instance/fail_rem_name"),
		   env.initiator))
		die("fail_rem_name is %s",
		    stat_of(env.target, "iscsi_instance/fail_rem_name"));
}

static void send_bad_header_digest(struct conn *c)
{
	struct pdu p;

	pdu_nop(c, &p, NULL, 0);
	p.flaw = FLAW_HDIGEST;
	conn_send(c, &p);
}

TEST(A16_A24_connections_that_fail_count_by_their_kind)
{
	struct failures f;
	struct conn *c;
	struct pdu p;

	read_failures(&f);
	c = login_keys("HeaderDigest=CRC32C");
	send_bad_header_digest(c);
	expect_closed(c);
	expect_failure(&f, DIGEST);

	/* A Logout has no data. */
	c = login_default();
	pdu_logout(c, &p, 0, 0);
	pdu_data(&p, "data", 4);
	conn_send(c, &p);
	expect_closed(c);
	expect_failure(&f, FORMAT);

	/* Who goes, or is sent away, has not failed. */
	conn_reset(login_default());
	logout(login_default());
	env_settle();
	read_failures(&f);
	wait_num("iscsi_instance/fail_sess", f.all);
}

/* ---- iscsi_sess_stats ---- */

TEST(D01_commands_responses_and_bytes_of_a_session)
{
	u64 cmds, rsps, tx, rx;
	u8 buf[64 * BLOCK] = {};
	struct scsi io;
	struct conn *c;

	/* Two PDUs for a read of 64 blocks, R2Ts for a write. */
	c = login_keys("MaxRecvDataSegmentLength=16384 ImmediateData=No InitialR2T=Yes");
	clear_unit_attentions(c, LUN0);
	cmds = sess_num("cmd_pdus");
	rsps = sess_num("rsp_pdus");
	tx = sess_num("txdata_octs");
	rx = sess_num("rxdata_octs");
	scsi_read(c, LUN0, 0, buf, sizeof(buf));
	scsi_write(c, LUN0, 0, buf, 3 * BLOCK);
	scsi_cdb6(&io, LUN0, 0x00, 0, NULL);
	scsi_run(c, &io);
	/* An answer is one, good or not. */
	scsi_cdb6(&io, LUN0, 0xff, 0, NULL);
	scsi_run(c, &io);
	ASSERT_EQ(CHECK_CONDITION, io.status);
	/* Not commands. */
	ping(c);
	tmf(c, TMF_ABORT_TASK_SET, LUN0, NO_TAG, 0);
	EXPECT_EQ(cmds + 4, sess_num("cmd_pdus"));
	EXPECT_EQ(rsps + 4, sess_num("rsp_pdus"));
	EXPECT_EQ(tx + sizeof(buf), sess_num("txdata_octs"));
	EXPECT_EQ(rx + 3 * BLOCK, sess_num("rxdata_octs"));
	logout(c);
	/* Data that comes with its command, asked for by nobody. */
	c = login_keys("ImmediateData=Yes InitialR2T=No");
	rx = sess_num("rxdata_octs");
	scsi_write(c, LUN0, 0, buf, 5 * BLOCK);
	EXPECT_EQ(rx + 5 * BLOCK, sess_num("rxdata_octs"));
	logout(c);
}

TEST(B08_the_newest_session_counts)
{
	static const char *const files[] = {
		"node", "indx", "cmd_pdus", "rsp_pdus", "txdata_octs",
		"rxdata_octs", "conn_digest_errors", "conn_timeout_errors",
	};
	struct conn *a, *b;
	u64 indx, end;
	u32 i;

	env_settle();
	EXPECT_STREQ(stat_of(env.target, "iscsi_instance/inst"),
		     sess_stat("inst"));
	for (i = 0; i < ARRAY_SIZE(files); i++)
		EXPECT_STREQ("", sess_stat(files[i]));
	a = login_default();
	EXPECT_EQ(1, sess_num("node"));
	indx = sess_num("indx");
	b = login_default();
	EXPECT_NE(indx, sess_num("indx"));
	logout(b);
	end = now_ms() + DEADLINE_MS;
	while (sess_num("indx") != indx && now_ms() < end)
		usleep(2000);
	EXPECT_EQ(indx, sess_num("indx"));
	logout(a);
}

/* At level 0 data that is wrong costs its command, a header the connection. */
TEST(A16_A17_digest_errors_of_a_session)
{
	u64 failed = stat_num("iscsi_sess_err/digest_errors");
	struct conn *c, *d;
	struct pdu p;

	c = login_keys("MaxConnections=2 HeaderDigest=CRC32C DataDigest=CRC32C");
	ASSERT_EQ(0, sess_num("conn_digest_errors"));
	pdu_nop(c, &p, "ping", 4);
	pdu_immediate(c, &p);
	p.flaw = FLAW_DDIGEST;
	conn_send(c, &p);
	recv_reject(c, REJ(DIGEST));
	EXPECT_EQ(1, sess_num("conn_digest_errors"));
	EXPECT_EQ(failed, stat_num("iscsi_sess_err/digest_errors"));

	ASSERT_EQ(0, login_join_try(c->sess, 1, "HeaderDigest=CRC32C", &d));
	send_bad_header_digest(d);
	expect_closed(d);
	recv_async(c, ASYNC_DROP_CONNECTION);
	EXPECT_EQ(failed + 1, stat_num("iscsi_sess_err/digest_errors"));
	EXPECT_EQ(2, sess_num("conn_digest_errors"));
	EXPECT_EQ(0, sess_num("conn_timeout_errors"));
	logout(c);
}

TEST(F07_connections_that_time_out)
{
	u8 buf[2 * BLOCK] = {};
	struct conn *c, *d;
	struct failures f;
	struct scsi io;

	read_failures(&f);
	acl_set(env.initiator, "attrib/dataout_timeout", "2");
	acl_set(env.initiator, "attrib/dataout_timeout_retries", "1");
	c = login_keys("MaxConnections=2");
	d = login_join(c->sess, 1);
	stall_write(d, &io, LUN0, 0, buf, sizeof(buf));
	expect_closed(d);
	recv_async(c, ASYNC_DROP_CONNECTION);
	EXPECT_EQ(1, sess_num("conn_timeout_errors"));
	expect_failure(&f, TIMEOUT);
	EXPECT_EQ(0, sess_num("conn_digest_errors"));
	logout(c);
	acl_set(env.initiator, "attrib/dataout_timeout", "3");
	acl_set(env.initiator, "attrib/dataout_timeout_retries", "5");
}

/* ---- iscsi_tgt_attr ---- */

TEST(B08_B31_last_login_that_failed)
{
	const char *who = "iqn.2003-01.org.example:nobody";
	u64 fails = stat_num("iscsi_tgt_attr/login_fails");

	expect_refused(LOGIN(.portal = env.portal6, .initiator = who),
		       STATUSES(LOGIN_FORBIDDEN));
	EXPECT_EQ(fails + 1, stat_num("iscsi_tgt_attr/login_fails"));
	EXPECT_STREQ("ipv6", stat_of(env.target, "iscsi_tgt_attr/fail_intr_addr_type"));
	EXPECT_STREQ("::1", stat_of(env.target, "iscsi_tgt_attr/fail_intr_addr"));
	EXPECT_STREQ(who, stat_of(env.target, "iscsi_tgt_attr/fail_intr_name"));
	EXPECT_EQ(4, stat_num("iscsi_tgt_attr/last_fail_type"));
}

RAW_TEST_MAIN
