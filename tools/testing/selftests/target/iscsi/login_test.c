// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section B: login phase and keys, without CHAP.
 */
#include <assert.h>

#include "harness.h"

#define LUN0	lun_peripheral(0)
#define LAST	STAGE(OPERATIONAL, FULL_FEATURE)

/* Longest name of RFC 7143 4.2.7.1; setup.sh makes targets with such names. */
#define NAME_MAX_LEN	223

static const char *answer(struct conn *c, const char *key)
{
	const char *v = text_get(c->answers.buf, c->answers.len, key);

	return v ? v : "(none)";
}

static struct conn *first_request(const struct login *l, u8 flags,
				  const char *keys)
{
	struct conn *c = login_start(l);
	struct text t = {};

	login_names(l, &t);
	text_add_keys(&t, keys);
	if (!login_step(c, flags, &t))
		die("connection closed without a Login Response");
	free(t.buf);
	return c;
}

/* A first request with the usual names, these keys, and no future. */
static void refused(u8 flags, const char *keys, const u16 *statuses)
{
	struct conn *c = first_request(LOGIN(), flags, keys);

	expect_login_refused(c, statuses);
	conn_close(c);
}

/* An offer that must be answered with Reject, or that ends the login. */
static void rejected(const char *keys, const char *key)
{
	struct conn *c;
	u16 status = login_try(LOGIN(.keys = keys), &c);

	if (status != LOGIN_OK)
		expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
	else if (strcmp(answer(c, key), "Reject"))
		die("%s was answered with %s", keys, answer(c, key));
	conn_close(c);
}

TEST(B01_other_pdu_first_closes_silently)
{
	static const u8 ops[] = { OP_NOP_OUT, OP_SCSI, OP_TEXT, OP_LOGOUT };
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		struct conn *c = login_start(LOGIN());

		pdu_init(c, &p, ops[i]);
		conn_send(c, &p);
		ASSERT_EQ(RECV_CLOSED, conn_recv(c, DEADLINE_MS));
		conn_close(c);
	}
}

TEST(B02_B13_other_pdu_during_login)
{
	static const u8 ops[] = { OP_TEXT, OP_NOP_OUT, OP_SCSI, OP_TMF };
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		struct conn *c = first_request(LOGIN(),
					       STAY(OPERATIONAL), NULL);

		ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
		pdu_init(c, &p, ops[i]);
		conn_send(c, &p);
		recv_op(c, OP_LOGIN_RSP);
		expect_login_refused(c, STATUSES(LOGIN_INVALID_REQ));
		conn_close(c);
	}
}

/* Every field that must stay the same, changed in the second request. */
TEST(B03_login_fields_must_not_change)
{
	static const struct {
		const char *what;
		u8 offset;
	} fields[] = {
		{ "Version-max", 2 }, { "Version-min", 3 },
		{ "ISID", BHS_ISID + 3 }, { "TSIH", BHS_TSIH + 1 },
		{ "ITT", BHS_ITT + 3 }, { "CID", BHS_CID + 1 },
	};
	struct pdu p;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		struct conn *c = first_request(LOGIN(),
					       STAY(OPERATIONAL), NULL);

		TH_LOG("%s", fields[i].what);
		pdu_login(c, &p, LAST, NULL);
		p.bhs[fields[i].offset] ^= 0x10;
		/* An inverted range would be another error. */
		if (fields[i].offset == 3)
			p.bhs[2] = p.bhs[3];
		conn_send(c, &p);
		recv_op(c, OP_LOGIN_RSP);
		expect_login_refused(c, fields[i].offset <= 3 ?
				     STATUSES(LOGIN_INITIATOR_ERR, LOGIN_VERSION) :
				     STATUSES(LOGIN_INITIATOR_ERR));
		conn_close(c);
	}
}

TEST(B04_two_requests_at_once)
{
	struct conn *c = login_start(LOGIN());
	struct text t = {};
	struct pdu p;

	login_names(LOGIN(), &t);
	conn_cork(c);
	pdu_login(c, &p, STAY(OPERATIONAL), &t);
	conn_send(c, &p);
	pdu_login(c, &p, STAY(OPERATIONAL), NULL);
	conn_send(c, &p);
	conn_uncork(c);
	recv_op(c, OP_LOGIN_RSP);
	if (login_status(&c->rx) == LOGIN_OK) {
		ASSERT_EQ(1, pdu32(&c->rx, BHS_EXP_CMD_SN));
		recv_op(c, OP_LOGIN_RSP);
	}
	if (login_status(&c->rx) != LOGIN_OK)
		expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
	else if (pdu32(&c->rx, BHS_EXP_CMD_SN) != 1)
		die("ExpCmdSN %u", pdu32(&c->rx, BHS_EXP_CMD_SN));
}

TEST(B04_login_does_not_advance_cmd_sn)
{
	struct conn *c = first_request(LOGIN(.cmd_sn = 100),
				       STAY(OPERATIONAL), NULL);

	ASSERT_EQ(100, pdu32(&c->rx, BHS_EXP_CMD_SN));
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, NULL));
	ASSERT_EQ(100, pdu32(&c->rx, BHS_EXP_CMD_SN));
}

TEST(B05_cmd_sn_of_login_is_used_again)
{
	struct conn *c = login(LOGIN(.cmd_sn = 0xfffffffe, .no_ua_check = true));
	struct pdu p;
	u32 i;

	ASSERT_EQ(0xfffffffe, pdu32(&c->rx, BHS_EXP_CMD_SN));
	for (i = 0; i < 6; i++) {
		pdu_nop(c, &p, NULL, 0);
		ASSERT_EQ(0xfffffffe + i, pdu32(&p, BHS_CMD_SN));
		conn_send(c, &p);
		recv_op(c, OP_NOP_IN);
		ASSERT_EQ(0xffffffff + i, pdu32(&c->rx, BHS_EXP_CMD_SN));
	}
}

TEST(B06_stat_sn_counts_through_login)
{
	struct conn *c = first_request(LOGIN(), STAY(SECURITY),
				       NULL);
	u32 sn = pdu32(&c->rx, BHS_STAT_SN);

	login_step(c, STAGE(SECURITY, OPERATIONAL), NULL);
	ASSERT_EQ(sn + 1, pdu32(&c->rx, BHS_STAT_SN));
	login_step_keys(c, STAY(OPERATIONAL), "MaxBurstLength=65536");
	ASSERT_EQ(sn + 2, pdu32(&c->rx, BHS_STAT_SN));
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, NULL));
	sn = pdu32(&c->rx, BHS_STAT_SN);
	ping(c);
	ASSERT_EQ(sn + 1, pdu32(&c->rx, BHS_STAT_SN));
}

TEST(B07_tsih_only_in_final_response)
{
	struct conn *a = first_request(LOGIN(), STAY(SECURITY),
				       NULL);
	struct conn *b = login_default();

	ASSERT_EQ(0, get_be16(a->rx.bhs + BHS_TSIH));
	login_step(a, STAGE(SECURITY, OPERATIONAL), NULL);
	ASSERT_EQ(0, get_be16(a->rx.bhs + BHS_TSIH));
	ASSERT_EQ(LOGIN_OK, login_finish(a, LAST, NULL));
	ASSERT_NE(0, a->sess->tsih);
	ASSERT_NE(a->sess->tsih, b->sess->tsih);
}

TEST(B07_B08_refusal_echoes_and_closes)
{
	struct login l = { .target = "iqn.2003-01.org.example:nothing" };
	struct conn *c;

	ASSERT_EQ(LOGIN_NOT_FOUND, login_try(&l, &c));
	ASSERT_EQ(0, memcmp(c->rx.bhs + BHS_ISID, c->sess->isid, 6));
	ASSERT_EQ(0, get_be16(c->rx.bhs + BHS_TSIH));
	expect_closed(c);
	l.isid = get_be16(c->sess->isid + 4);
	l.target = NULL;
	ping(login(&l));
}

TEST(B09_version_range)
{
	struct conn *c = login_start(LOGIN());
	struct text t = {};
	struct pdu p;

	login_names(LOGIN(), &t);
	pdu_login(c, &p, LAST, &t);
	p.bhs[2] = 1;
	p.bhs[3] = 1;
	conn_send(c, &p);
	recv_op(c, OP_LOGIN_RSP);
	ASSERT_EQ(0, c->rx.bhs[3]);
	expect_login_refused(c, STATUSES(LOGIN_VERSION));
	conn_close(c);

	c = login_start(LOGIN());
	pdu_login(c, &p, STAY(OPERATIONAL), &t);
	p.bhs[2] = 5;
	conn_send(c, &p);
	recv_op(c, OP_LOGIN_RSP);
	ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
	ASSERT_EQ(0, c->rx.bhs[3]);
}

TEST(B10_illegal_stages)
{
	static const u8 flags[] = {
		STAY(2), STAY(3), STAGE(SECURITY, SECURITY), STAGE(SECURITY, 2),
		STAGE(OPERATIONAL, SECURITY), STAGE(OPERATIONAL, OPERATIONAL),
		STAGE(OPERATIONAL, 2), STAGE(2, 3), STAGE(3, 3),
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		refused(flags[i], NULL, STATUSES(LOGIN_INITIATOR_ERR,
						 LOGIN_INVALID_REQ));
	ping(login_default());
}

TEST(B11_stage_changes_only_when_agreed)
{
	struct conn *c = first_request(LOGIN(), STAY(SECURITY),
				       NULL);

	ASSERT_FALSE(c->rx.bhs[BHS_FLAGS] & F_TRANSIT);
	login_step(c, LAST, NULL);
	expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
	conn_close(c);

	c = first_request(LOGIN(), STAGE(SECURITY, OPERATIONAL),
			  NULL);
	ASSERT_TRUE(c->rx.bhs[BHS_FLAGS] & F_TRANSIT);
	login_step(c, STAGE(SECURITY, OPERATIONAL), NULL);
	expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
}

TEST(B12_no_transit_unless_asked)
{
	struct conn *c = first_request(LOGIN(), STAY(OPERATIONAL),
				       "MaxBurstLength=65536");
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
		ASSERT_FALSE(c->rx.bhs[BHS_FLAGS] & F_TRANSIT);
		login_step(c, STAY(OPERATIONAL), NULL);
	}
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, NULL));
	ping(c);
}

TEST(B14_text_split_over_requests)
{
	struct conn *c = login_start(LOGIN());
	struct text whole = {}, part;
	u32 cut[] = { 0, 5, 20, 0 }, i;

	login_names(LOGIN(), &whole);
	cut[3] = whole.len;
	for (i = 0; i < 3; i++) {
		part = (struct text) { .buf = whole.buf + cut[i],
				       .len = cut[i + 1] - cut[i] };
		if (i == 2)
			break;
		login_step(c, STAY(OPERATIONAL) | F_CONTINUE, &part);
		ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
		ASSERT_EQ(0, c->rx.data_len);
		ASSERT_FALSE(c->rx.bhs[BHS_FLAGS] & (F_TRANSIT | F_CONTINUE));
	}
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, &part));
	ping(c);
}

TEST(B14_continue_with_transit)
{
	refused(LAST | F_CONTINUE, NULL, STATUSES(LOGIN_INITIATOR_ERR));
}

/* As many unknown keys as the login's 8192 bytes hold. */
static struct conn *many_keys(struct text *t, u32 *nr)
{
	struct conn *c = login_start(LOGIN());

	login_names(LOGIN(), t);
	for (*nr = 0; t->len + 20 <= DEFAULT_MRDSL; ++*nr)
		text_add(t, "X-org.example.%04u=", *nr);
	return c;
}

TEST(B15_B19_long_answer_is_continued)
{
	struct text t = {};
	u32 i, nr, nr_continued = 0;
	struct conn *c = many_keys(&t, &nr);
	char key[32];
	struct pdu *p;

	p = login_step(c, STAY(OPERATIONAL), &t);
	while (p->bhs[BHS_FLAGS] & F_CONTINUE) {
		ASSERT_FALSE(p->bhs[BHS_FLAGS] & F_TRANSIT);
		ASSERT_LT(nr_continued++, 8);
		p = login_step(c, STAY(OPERATIONAL), NULL);
	}
	ASSERT_EQ(LOGIN_OK, login_status(p));
	ASSERT_GE(nr_continued, 1);
	for (i = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "X-org.example.%04u", i);
		ASSERT_STREQ("NotUnderstood", answer(c, key));
	}
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, NULL));
	ping(c);
}

TEST(B15_text_while_target_continues)
{
	struct text t = {};
	struct conn *c;
	u32 nr;

	c = many_keys(&t, &nr);
	login_step(c, STAY(OPERATIONAL), &t);
	ASSERT_TRUE(c->rx.bhs[BHS_FLAGS] & F_CONTINUE);
	login_step_keys(c, STAY(OPERATIONAL), "MaxBurstLength=65536");
	expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
}

#define KEY63	"X-org.example.4567890123456789012345678901234567890123456789012"

static_assert(sizeof(KEY63) == 64, "longest key of RFC 7143 6.1");

TEST(B16_malformed_pairs)
{
	static const struct {
		const char *bytes;
		u8 len;
	} cases[] = {
		{ "Foo", 4 }, { "=x", 3 }, { "=", 2 }, { "", 1 },
		{ "X-org.example.a=1", 17 }, { KEY63 "3=1", 67 },
		{ "MaxBurstLength", 15 }, { "MaxBurstLength=512", 18 },
	};
	struct text t = {};
	struct conn *c;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		t.len = 0;
		c = login_start(LOGIN());
		login_names(LOGIN(), &t);
		text_add_raw(&t, cases[i].bytes, cases[i].len);
		ASSERT_TRUE(login_step(c, LAST, &t)) {
			TH_LOG("no answer to '%s'", cases[i].bytes);
		}
		expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
		conn_close(c);
	}
	c = login_keys(KEY63 "=1 X-org.example.empty=");
	ASSERT_STREQ("NotUnderstood", answer(c, KEY63));
	ASSERT_STREQ("NotUnderstood", answer(c, "X-org.example.empty"));
}

TEST(B17_case_matters)
{
	struct conn *c = login_keys("headerdigest=None");

	ASSERT_STREQ("NotUnderstood", answer(c, "headerdigest"));
	rejected("ImmediateData=yes", "ImmediateData");
	rejected("InitialR2T=YES", "InitialR2T");
	rejected("HeaderDigest=crc32c", "HeaderDigest");
}

TEST(B18_numbers)
{
	static const char *const bad[] = {
		"010", "-1", "+1024", "18446744073709552128", "512~1024", "",
		"0x", "0xg00", "1024k", "1e4", " 512", "99999999999999999999",
		"4294967808",
	};
	static const char good[] =
		"MaxBurstLength=0x10000 FirstBurstLength=0X8000";
	struct conn *c = login_keys(good);
	char keys[64];
	u32 i;

	ASSERT_EQ(0x10000, conn_key_num(c, "MaxBurstLength"));
	ASSERT_EQ(0x8000, conn_key_num(c, "FirstBurstLength"));
	conn_close(c);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct text t = {};

		snprintf(keys, sizeof(keys), "MaxBurstLength=%s", bad[i]);
		c = login_start(LOGIN());
		login_names(LOGIN(), &t);
		text_add(&t, "%s", keys);
		login_step(c, STAY(OPERATIONAL), &t);
		if (login_status(&c->rx) != LOGIN_OK) {
			expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
		} else {
			ASSERT_STREQ("Reject", answer(c, "MaxBurstLength")) {
				TH_LOG("%s", keys);
			}
		}
		conn_close(c);
		free(t.buf);
	}
}

/* 1 MiB of one never-ending value. */
TEST(B19_too_much_text)
{
	struct conn *c = login_start(LOGIN());
	u8 flags = STAY(OPERATIONAL) | F_CONTINUE;
	struct text t = {};
	struct pdu *p;
	int i;

	login_names(LOGIN(), &t);
	text_add_raw(&t, "X-org.example.a=", 16);
	while (t.len < DEFAULT_MRDSL)
		text_add_raw(&t, "a", 1);
	p = login_step(c, flags, &t);
	memset(t.buf, 'a', t.len);
	for (i = 1; i < 128 && p && login_status(p) == LOGIN_OK; i++)
		p = login_step(c, flags, &t);
	ASSERT_LT(i, 128);
	ASSERT_TRUE(p);
	expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR,
					 LOGIN_RESOURCES));
}

TEST(B20_six_exchanges)
{
	struct conn *c = first_request(LOGIN(), STAY(OPERATIONAL),
				       NULL);
	int i;

	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(login_step(c, STAY(OPERATIONAL), NULL));
		ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
	}
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, NULL));
	ping(c);
}

TEST(B20_endless_login_is_ended)
{
	struct conn *c = first_request(LOGIN(), STAY(OPERATIONAL),
				       NULL);
	u64 end = now_ms() + bound_ms(20000);

	while (login_step(c, STAY(OPERATIONAL), NULL)) {
		if (login_status(&c->rx) != LOGIN_OK) {
			expect_closed(c);
			break;
		}
		ASSERT_LT(now_ms(), end);
	}
}

TEST(B21_names_required)
{
	static const struct {
		const char *keys;
		u16 status;
	} cases[] = {
		{ "TargetName=iqn.2003-01.org.example:t1", LOGIN_MISSING },
		{ "TargetName=iqn.2003-01.org.example:t1 SessionType=Normal",
		  LOGIN_MISSING },
		{ "InitiatorName=iqn.2003-01.org.example:init1",
		  LOGIN_MISSING },
		{ "SessionType=Discovery", LOGIN_MISSING },
		{ "InitiatorName=iqn.2003-01.org.example:init1 SessionType=Discovery",
		  LOGIN_OK },
	};
	struct conn *c;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		c = login_start(LOGIN());
		ASSERT_TRUE(login_step_keys(c, STAY(OPERATIONAL),
					    cases[i].keys));
		ASSERT_EQ(cases[i].status, login_status(&c->rx)) {
			TH_LOG("%s", cases[i].keys);
		}
		if (cases[i].status != LOGIN_OK)
			expect_closed(c);
		conn_close(c);
	}
}

static void long_name(char *name, u32 len)
{
	strcpy(name, "iqn.2003-01.org.example:long0-");
	memset(name + strlen(name), '0', len - strlen(name));
	name[len] = 0;
}

TEST(B22_initiator_name_length)
{
	char name[NAME_MAX_LEN + 2];

	long_name(name, NAME_MAX_LEN);
	ping(login(LOGIN(.initiator = name, .target = env.demo)));
	long_name(name, NAME_MAX_LEN + 1);
	expect_refused(LOGIN(.initiator = name, .target = env.demo),
		       STATUSES(LOGIN_INITIATOR_ERR, LOGIN_FORBIDDEN,
				LOGIN_MISSING));
	expect_refused(LOGIN(.initiator = "", .target = env.demo),
		       STATUSES(LOGIN_INITIATOR_ERR, LOGIN_FORBIDDEN,
				LOGIN_MISSING));
}

TEST(B22_target_name_length)
{
	char name[NAME_MAX_LEN + 2];

	long_name(name, NAME_MAX_LEN);
	ping(login(LOGIN(.target = name, .no_ua_check = true)));
	long_name(name, NAME_MAX_LEN + 1);
	expect_refused(LOGIN(.target = name),
		       STATUSES(LOGIN_INITIATOR_ERR, LOGIN_NOT_FOUND));
	expect_refused(LOGIN(.target = ""),
		       STATUSES(LOGIN_INITIATOR_ERR, LOGIN_NOT_FOUND,
				LOGIN_MISSING));
}

TEST(B23_why_no_target)
{
	expect_refused(LOGIN(.target = "iqn.2003-01.org.example:none"),
		       STATUSES(LOGIN_NOT_FOUND));
	/* A prefix and an extension of a name are other names. */
	expect_refused(LOGIN(.target = "iqn.2003-01.org.example:t"),
		       STATUSES(LOGIN_NOT_FOUND));
	expect_refused(LOGIN(.target = "iqn.2003-01.org.example:t11"),
		       STATUSES(LOGIN_NOT_FOUND));
	/* Exists, but not behind this portal. */
	expect_refused(LOGIN(.target = env.demo, .portal = env.portal2),
		       STATUSES(LOGIN_NOT_FOUND));
	expect_refused(LOGIN(.target = env.disabled),
		       STATUSES(LOGIN_UNAVAILABLE));
	expect_refused(LOGIN(.initiator = "iqn.2003-01.org.example:who"),
		       STATUSES(LOGIN_FORBIDDEN));
}

TEST(B23_same_target_through_every_portal)
{
	ping(login(LOGIN(.portal = env.portal6)));
	ping(login(LOGIN(.portal = env.portal2)));
	ping(login(LOGIN(.target = env.demo, .portal = env.portal6)));
}

TEST(B24_session_type)
{
	struct text t = {};
	struct conn *c;

	c = login_start(LOGIN());
	text_add(&t, "InitiatorName=%s", env.initiator);
	text_add(&t, "TargetName=%s", env.target);
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, &t));
	clear_unit_attentions(c, LUN0);
	conn_close(c);

	c = login_start(LOGIN());
	text_add(&t, "SessionType=Foo");
	login_step(c, LAST, &t);
	expect_login_refused(c, STATUSES(LOGIN_SESS_TYPE,
					 LOGIN_INITIATOR_ERR));
}

TEST(B25_session_reinstatement)
{
	struct conn *old = login(LOGIN(.isid = 25));
	struct conn *new = login(LOGIN(.isid = 25));

	expect_closed(old);
	ping(new);
	/* Another ISID is another session. */
	ping(login(LOGIN(.isid = 26)));
	ping(new);
}

TEST(B26_unknown_session)
{
	struct conn *c = login(LOGIN(.isid = 260));
	u16 tsih = c->sess->tsih;

	expect_refused(LOGIN(.isid = 260, .tsih = tsih + 100),
		       STATUSES(LOGIN_NO_SESS));
	expect_refused(LOGIN(.isid = 261, .tsih = tsih),
		       STATUSES(LOGIN_NO_SESS));
	expect_refused(LOGIN(.isid = 260, .tsih = tsih, .initiator = env.initiator2),
		       STATUSES(LOGIN_NO_SESS));
	ping(c);
}

TEST(B28_too_many_connections)
{
	struct conn *c = login_keys("MaxConnections=1");
	struct login l = { .isid = get_be16(c->sess->isid + 4),
			   .tsih = c->sess->tsih, .cid = 1, .keys = "" };
	struct conn *b = login_start(&l);
	struct text t = {};

	memcpy(b->sess->isid, c->sess->isid, 6);
	login_names(&l, &t);
	ASSERT_TRUE(login_step(b, LAST, &t));
	expect_login_refused(b, STATUSES(LOGIN_TOO_MANY));
	ping(c);
}

TEST(B28_session_of_another_portal_group)
{
	struct conn *c = login(LOGIN(.isid = 28));

	expect_refused(LOGIN(.isid = 28, .tsih = c->sess->tsih, .cid = 1,
			     .portal = env.portal2),
		       STATUSES(LOGIN_CANT_INCLUDE, LOGIN_NO_SESS));
	ping(c);
}

TEST(B32_target_portal_group_tag)
{
	static const char *const tags[] = { "1", "2" };
	const char *const portals[] = { env.portal, env.portal2 };
	struct text t = {}, half;
	struct conn *c;
	int i;

	for (i = 0; i < 2; i++) {
		c = first_request(LOGIN(.portal = portals[i]),
				  STAY(OPERATIONAL), NULL);
		ASSERT_EQ(1, text_count(c->answers.buf, c->answers.len,
					"TargetPortalGroupTag"));
		ASSERT_STREQ(tags[i], answer(c, "TargetPortalGroupTag"));
		ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, NULL));
		ASSERT_EQ(1, text_count(c->answers.buf, c->answers.len,
					"TargetPortalGroupTag"));
		conn_close(c);
	}
	/* The first request is not over: neither is the first response. */
	c = login_start(LOGIN());
	login_names(LOGIN(), &t);
	half = (struct text) { .buf = t.buf, .len = t.len - 1 };
	login_step(c, STAY(OPERATIONAL) | F_CONTINUE, &half);
	ASSERT_EQ(0, c->rx.data_len);
	half = (struct text) { .buf = t.buf + half.len, .len = 1 };
	login_step(c, STAY(OPERATIONAL), &half);
	ASSERT_STREQ("1", answer(c, "TargetPortalGroupTag"));
}

TEST(B33_aliases)
{
	struct text t = {};
	struct conn *c = login_start(LOGIN());
	char alias[256];
	int i;

	/* 255 bytes of UTF-8 */
	for (i = 0; i < 254; i += 2)
		memcpy(alias + i, "\xc3\xa4", 2);
	memcpy(alias + 254, "a", 2);
	login_names(LOGIN(), &t);
	text_add(&t, "InitiatorAlias=%s", alias);
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, &t));
	ASSERT_STREQ("(none)", answer(c, "InitiatorAlias"));
	ASSERT_STREQ("raw-alias", answer(c, "TargetAlias"));
	ping(c);
}

TEST(B34_keys_of_another_stage)
{
	static const char *const security[] = {
		"HeaderDigest=None", "MaxBurstLength=65536", "InitialR2T=Yes",
		"MaxRecvDataSegmentLength=8192", "ErrorRecoveryLevel=0",
	};
	static const char *const operational[] = {
		"AuthMethod=None", "CHAP_A=5", "CHAP_N=x", "CHAP_R=0x00",
		"CHAP_I=1", "CHAP_C=0x00",
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(security); i++)
		refused(STAGE(SECURITY, OPERATIONAL), security[i],
			STATUSES(LOGIN_INITIATOR_ERR));
	for (i = 0; i < ARRAY_SIZE(operational); i++)
		refused(LAST, operational[i], STATUSES(LOGIN_INITIATOR_ERR));
}

TEST(B35_key_given_twice)
{
	static const char *const again[] = {
		"InitiatorName=iqn.2003-01.org.example:init1",
		"TargetName=iqn.2003-01.org.example:t1",
		"SessionType=Normal", "MaxBurstLength=65536",
		"HeaderDigest=None", "InitialR2T=Yes",
	};
	static const char once[] =
		"MaxBurstLength=65536 HeaderDigest=None InitialR2T=Yes";
	struct conn *c;
	u32 i;

	refused(LAST, "MaxBurstLength=65536 MaxBurstLength=65536",
		STATUSES(LOGIN_INITIATOR_ERR));
	refused(LAST, "InitialR2T=Yes ImmediateData=Yes InitialR2T=No",
		STATUSES(LOGIN_INITIATOR_ERR));
	for (i = 0; i < ARRAY_SIZE(again); i++) {
		c = first_request(LOGIN(), STAY(OPERATIONAL), once);
		ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
		login_step_keys(c, LAST, again[i]);
		expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
		conn_close(c);
	}
}

TEST(B36_B48_first_burst_never_above_max_burst)
{
	static const char *const offers[] = {
		"FirstBurstLength=65536 MaxBurstLength=16384",
		"MaxBurstLength=16384 FirstBurstLength=65536",
		"MaxBurstLength=512 FirstBurstLength=16777215",
	};
	struct conn *c;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(offers); i++) {
		c = login_keys(offers[i]);
		ASSERT_LE(c->sess->first_burst, c->sess->max_burst) {
			TH_LOG("%s", offers[i]);
		}
		ASSERT_LE(512, c->sess->first_burst);
		conn_close(c);
	}
}

TEST(B36_failed_login_leaves_nothing)
{
	struct conn *old = login(LOGIN(.isid = 36)), *c;

	c = first_request(LOGIN(.isid = 36), STAY(OPERATIONAL),
			  "MaxBurstLength=512");
	login_step_keys(c, LAST, "MaxBurstLength=512");
	expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
	ping(old);
}

/* Every key of RFC 7143 section 13 that wants an answer, and an offer. */
static const struct {
	const char *key;
	const char *offer;
} negotiated[] = {
	{ "HeaderDigest", "None" }, { "DataDigest", "None" },
	{ "MaxConnections", "1" }, { "InitialR2T", "Yes" },
	{ "ImmediateData", "Yes" }, { "MaxBurstLength", "262144" },
	{ "FirstBurstLength", "65536" }, { "DefaultTime2Wait", "2" },
	{ "DefaultTime2Retain", "0" }, { "MaxOutstandingR2T", "1" },
	{ "DataPDUInOrder", "Yes" }, { "DataSequenceInOrder", "Yes" },
	{ "ErrorRecoveryLevel", "0" }, { "TaskReporting", "RFC3720" },
	{ "iSCSIProtocolLevel", "1" }, { "IFMarker", "No" },
	{ "OFMarker", "No" }, { "IFMarkInt", "2048" }, { "OFMarkInt", "2048" },
};

TEST(B37_defined_keys_understood)
{
	struct conn *c = login_start(LOGIN());
	struct text t = {};
	const char *v;
	u32 i;

	login_names(LOGIN(), &t);
	text_add(&t, "InitiatorAlias=x");
	text_add(&t, "X#NodeArchitecture=y");
	text_add(&t, "MaxRecvDataSegmentLength=8192");
	for (i = 0; i < ARRAY_SIZE(negotiated); i++)
		text_add(&t, "%s=%s", negotiated[i].key, negotiated[i].offer);
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, &t));
	for (i = 0; i < ARRAY_SIZE(negotiated); i++) {
		v = answer(c, negotiated[i].key);
		EXPECT_TRUE(strcmp(v, "NotUnderstood") && strcmp(v, "(none)")) {
			TH_LOG("%s: %s", negotiated[i].key, v);
		}
	}
	ASSERT_STREQ("(none)", answer(c, "InitiatorAlias"));
	ASSERT_STRNE("NotUnderstood", answer(c, "X#NodeArchitecture"));
	ASSERT_STRNE("NotUnderstood", answer(c, "MaxRecvDataSegmentLength"));
}

TEST(B37_other_keys_not_understood)
{
	static const char keys[] =
		"Foo=1 X-com.example.a=1 Maxburstlength=1 MaxBurstLengths=5 x=";
	struct conn *c = login_keys(keys);

	ASSERT_STREQ("NotUnderstood", answer(c, "Foo"));
	ASSERT_STREQ("NotUnderstood", answer(c, "X-com.example.a"));
	ASSERT_STREQ("NotUnderstood", answer(c, "Maxburstlength"));
	ASSERT_STREQ("NotUnderstood", answer(c, "MaxBurstLengths"));
	ASSERT_STREQ("NotUnderstood", answer(c, "x"));
	ping(c);
}

TEST(B38_reserved_values_offered)
{
	static const char *const offers[] = {
		"MaxConnections=Irrelevant", "MaxBurstLength=NotUnderstood",
		"HeaderDigest=Reject", "InitialR2T=Irrelevant",
		"DataDigest=Irrelevant", "ErrorRecoveryLevel=Reject",
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(offers); i++)
		refused(LAST, offers[i], STATUSES(LOGIN_INITIATOR_ERR));
}

/* Whatever the target offers on its own is refused. */
TEST(B39_offers_of_the_target_refused)
{
	static const char *const refusals[] = {
		"Reject", "Irrelevant", "NotUnderstood",
	};
	struct conn *c;
	u32 i, k;
	u16 status;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct text t = {};

		c = first_request(LOGIN(), STAY(OPERATIONAL), NULL);
		for (k = 0; k < ARRAY_SIZE(negotiated); k++)
			if (strcmp(answer(c, negotiated[k].key), "(none)"))
				text_add(&t, "%s=%s", negotiated[k].key,
					 refusals[i]);
		status = login_finish(c, LAST, &t);
		if (status == LOGIN_OK)
			ping(c);
		else
			expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
		conn_close(c);
	}
}

TEST(B40_B44_lists)
{
	static const struct {
		const char *offer;
		const char *result;
	} cases[] = {
		{ "CRC32C", "CRC32C" }, { "None", "None" },
		{ "CRC32C,None", "CRC32C" }, { "None,CRC32C", "None" },
		{ "Foo,CRC32C,None", "CRC32C" }, { "Foo,None", "None" },
		{ "X-a,Y-b,CRC32C", "CRC32C" },
	};
	static const char *const keys[] = { "HeaderDigest", "DataDigest" };
	char offer[64];
	struct conn *c;
	u32 i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			snprintf(offer, sizeof(offer), "%s=%s", keys[k],
				 cases[i].offer);
			c = login_keys(offer);
			ASSERT_STREQ(cases[i].result, answer(c, keys[k]));
			ping_data(c, "digest", 6);
			conn_close(c);
		}
		snprintf(offer, sizeof(offer), "%s=Foo", keys[k]);
		rejected(offer, keys[k]);
	}
}

TEST(B41_B45_B47_B49_B52_inadmissible_numbers)
{
	static const struct {
		const char *key;
		const char *value;
		u32 min, max;	/* 0, 0: only Reject will do */
	} cases[] = {
		{ "MaxOutstandingR2T", "0", 1, 65535 },
		{ "MaxOutstandingR2T", "65536", 1, 65535 },
		{ "MaxConnections", "0", 1, 65535 },
		{ "MaxConnections", "65536", 1, 65535 },
		{ "ErrorRecoveryLevel", "3", 0, 2 },
		{ "MaxBurstLength", "511", 512, 16777215 },
		{ "MaxBurstLength", "16777216", 512, 16777215 },
		{ "FirstBurstLength", "511", 512, 16777215 },
		{ "FirstBurstLength", "0", 512, 16777215 },
		{ "DefaultTime2Wait", "3601", 0, 0 },
		{ "DefaultTime2Retain", "3601", 0, 0 },
		{ "MaxRecvDataSegmentLength", "511", 0, 0 },
		{ "MaxRecvDataSegmentLength", "16777216", 0, 0 },
		{ "iSCSIProtocolLevel", "32", 0, 31 },
	};
	char offer[64];
	struct conn *c;
	u32 i, n;
	u16 status;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(offer, sizeof(offer), "%s=%s", cases[i].key,
			 cases[i].value);
		if (!cases[i].max) {
			rejected(offer, cases[i].key);
			continue;
		}
		status = login_try(LOGIN(.keys = offer), &c);
		if (status != LOGIN_OK) {
			expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
		} else if (strcmp(answer(c, cases[i].key), "Reject")) {
			n = conn_key_num(c, cases[i].key);
			ASSERT_TRUE(n >= cases[i].min && n <= cases[i].max) {
				TH_LOG("%s answered with %u", offer, n);
			}
		}
		conn_close(c);
	}
}

/* The first target: InitialR2T=No, ImmediateData=Yes; the other: opposite. */
TEST(B42_B46_booleans)
{
	static const struct {
		bool demo;
		const char *key, *offer, *result;
	} cases[] = {
		{ false, "InitialR2T", "Yes", "Yes" },
		{ false, "InitialR2T", "No", "No" },
		{ true, "InitialR2T", "Yes", "Yes" },
		{ true, "InitialR2T", "No", "Yes" },
		{ false, "ImmediateData", "Yes", "Yes" },
		{ false, "ImmediateData", "No", "No" },
		{ true, "ImmediateData", "Yes", "No" },
		{ true, "ImmediateData", "No", "No" },
		{ false, "DataPDUInOrder", "Yes", "Yes" },
		{ false, "DataSequenceInOrder", "Yes", "Yes" },
	};
	char keys[64];
	struct login l;
	struct conn *c;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(keys, sizeof(keys), "%s=%s", cases[i].key,
			 cases[i].offer);
		l = (struct login) { .keys = keys, .no_ua_check = true };
		if (cases[i].demo)
			l.target = env.demo;
		c = login(&l);
		ASSERT_STREQ(cases[i].result, conn_key(c, cases[i].key)) {
			TH_LOG("demo %d, offer %s", cases[i].demo, keys);
		}
		conn_close(c);
	}
}

TEST(B43_send_targets_in_login)
{
	refused(LAST, "SendTargets=All", STATUSES(LOGIN_INITIATOR_ERR));
	refused(STAY(OPERATIONAL), "SendTargets=", STATUSES(LOGIN_INITIATOR_ERR));
}

TEST(B45_max_connections)
{
	struct conn *c = login_keys("MaxConnections=65535");
	u32 n = conn_key_num(c, "MaxConnections");

	ASSERT_TRUE(n >= 1 && n <= 65535);
}

/* Keys without a meaning in a discovery session. */
TEST(B45_B46_B51_B52_B53_discovery)
{
	static const struct {
		const char *key, *offer;
	} keys[] = {
		{ "MaxConnections", "4" }, { "ErrorRecoveryLevel", "2" },
		{ "InitialR2T", "No" }, { "ImmediateData", "No" },
		{ "MaxBurstLength", "65536" }, { "FirstBurstLength", "65536" },
		{ "MaxOutstandingR2T", "4" }, { "DataPDUInOrder", "No" },
		{ "DataSequenceInOrder", "No" }, { "TaskReporting", "RFC3720" },
		{ "iSCSIProtocolLevel", "2" },
	};
	struct login l = { .discovery = true };
	struct conn *c = login_start(&l);
	struct text t = {};
	const char *v;
	u32 i;

	login_names(&l, &t);
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		text_add(&t, "%s=%s", keys[i].key, keys[i].offer);
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, &t));
	v = answer(c, "MaxConnections");
	ASSERT_TRUE(!strcmp(v, "Irrelevant") || !strcmp(v, "1"));
	v = answer(c, "ErrorRecoveryLevel");
	ASSERT_TRUE(!strcmp(v, "Irrelevant") || !strcmp(v, "0"));
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		v = answer(c, keys[i].key);
		EXPECT_TRUE(strcmp(v, "NotUnderstood") &&
			    strcmp(v, "Reject") && strcmp(v, "(none)")) {
			TH_LOG("%s: %s", keys[i].key, v);
		}
	}
}

TEST(B47_max_recv_data_segment_length)
{
	struct conn *c = login_keys("MaxRecvDataSegmentLength=262144");
	u32 n = conn_key_num(c, "MaxRecvDataSegmentLength");

	ASSERT_EQ(1, text_count(c->answers.buf, c->answers.len,
				"MaxRecvDataSegmentLength"));
	ASSERT_TRUE(n >= 512 && n <= 16777215);
}

TEST(B48_first_burst_length_irrelevant)
{
	static const char keys[] =
		"InitialR2T=Yes ImmediateData=No FirstBurstLength=65536";
	struct conn *c = login_keys(keys);
	const char *v = answer(c, "FirstBurstLength");

	if (strcmp(v, "Irrelevant") &&
	    conn_key_num(c, "FirstBurstLength") < 512)
		die("FirstBurstLength=%s", v);
	ping(c);
}

TEST(B49_time2wait_time2retain)
{
	struct conn *c = login_keys("DefaultTime2Wait=0 DefaultTime2Retain=0");

	ASSERT_EQ(2, conn_key_num(c, "DefaultTime2Wait"));
	ASSERT_EQ(0, conn_key_num(c, "DefaultTime2Retain"));
	conn_close(c);
	c = login_keys("DefaultTime2Wait=3600 DefaultTime2Retain=3600");
	ASSERT_EQ(3600, conn_key_num(c, "DefaultTime2Wait"));
	ASSERT_EQ(20, conn_key_num(c, "DefaultTime2Retain"));
	logout(c);
}

TEST(B50_max_outstanding_r2t)
{
	struct conn *c = login_keys("MaxOutstandingR2T=65535");

	ASSERT_EQ(8, conn_key_num(c, "MaxOutstandingR2T"));
	conn_close(c);
	c = login_keys("MaxOutstandingR2T=4");
	ASSERT_EQ(4, conn_key_num(c, "MaxOutstandingR2T"));
	conn_close(c);
	c = login(LOGIN(.target = env.demo, .keys = "MaxOutstandingR2T=4"));
	ASSERT_EQ(1, conn_key_num(c, "MaxOutstandingR2T"));
}

/* No is granted only by a target that can do it; then it must work. */
TEST(B51_data_out_of_order)
{
	struct conn *c = login_keys("DataPDUInOrder=No DataSequenceInOrder=No");
	const char *pdu = conn_key(c, "DataPDUInOrder");
	const char *seq = conn_key(c, "DataSequenceInOrder");
	u8 buf[4096] = {};

	ASSERT_TRUE(!strcmp(pdu, "Yes") || !strcmp(pdu, "No"));
	ASSERT_TRUE(!strcmp(seq, "Yes") || !strcmp(seq, "No"));
	scsi_write(c, LUN0, 0, buf, sizeof(buf));
}

TEST(B52_error_recovery_level)
{
	struct conn *c = login_keys("ErrorRecoveryLevel=2");

	ASSERT_LE(conn_key_num(c, "ErrorRecoveryLevel"), 2);
	conn_close(c);
	c = login_keys("ErrorRecoveryLevel=0");
	ASSERT_EQ(0, conn_key_num(c, "ErrorRecoveryLevel"));
}

TEST(B53_task_reporting)
{
	static const char *const values[] = {
		"FastAbort", "ResponseFence", "RFC3720",
	};
	struct text t = {};
	struct conn *c;
	u32 i, hits = 0;

	text_add(&t, "TaskReporting=%s,%s,%s", values[0], values[1], values[2]);
	c = login_keys((char *)t.buf);
	for (i = 0; i < 3; i++)
		hits += !strcmp(values[i], answer(c, "TaskReporting"));
	ASSERT_EQ(1, hits);
	conn_close(c);
	c = login_keys("TaskReporting=RFC3720");
	ASSERT_STREQ("RFC3720", answer(c, "TaskReporting"));
}

TEST(B54_protocol_level)
{
	struct conn *c = login_keys("iSCSIProtocolLevel=31");
	u32 n = conn_key_num(c, "iSCSIProtocolLevel");

	ASSERT_TRUE(n == 1 || n == 2);
	ping(c);
}

TEST(B55_node_architecture)
{
	struct conn *c = login_start(LOGIN());
	struct text t = {};
	char value[256];

	memset(value, 'n', 255);
	value[255] = 0;
	login_names(LOGIN(), &t);
	text_add(&t, "X#NodeArchitecture=%s", value);
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, &t));
	ping(c);
}

TEST(B56_obsolete_keys)
{
	static const char keys[] =
		"IFMarker=Yes OFMarker=Yes IFMarkInt=2048~8192 OFMarkInt=2048~8192";
	struct conn *c = login_keys(keys);
	const char *v;

	v = answer(c, "IFMarker");
	ASSERT_TRUE(!strcmp(v, "Reject") || !strcmp(v, "No"));
	v = answer(c, "OFMarker");
	ASSERT_TRUE(!strcmp(v, "Reject") || !strcmp(v, "No"));
	ASSERT_STREQ("Reject", answer(c, "IFMarkInt"));
	ASSERT_STREQ("Reject", answer(c, "OFMarkInt"));
}

TEST(B57_auth_method)
{
	static const char *const good[] = { "None", "KRB5,None", "X-a,None" };
	char keys[64];
	struct conn *c;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(keys, sizeof(keys), "AuthMethod=%s", good[i]);
		c = first_request(LOGIN(),
				  STAGE(SECURITY, OPERATIONAL), keys);
		ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
		ASSERT_STREQ("None", answer(c, "AuthMethod"));
		ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, NULL));
		ping(c);
		conn_close(c);
	}
	c = first_request(LOGIN(), STAGE(SECURITY, OPERATIONAL),
			  "AuthMethod=KRB5");
	if (login_status(&c->rx) != LOGIN_OK)
		expect_login_refused(c, STATUSES(LOGIN_AUTH));
	else if (strcmp(answer(c, "AuthMethod"), "Reject"))
		die("AuthMethod=%s", answer(c, "AuthMethod"));
}

TEST(B59_empty_security_stage)
{
	struct conn *c = first_request(LOGIN(),
				       STAGE(SECURITY, OPERATIONAL), NULL);

	ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
	ASSERT_EQ(STAGE(SECURITY, OPERATIONAL), c->rx.bhs[BHS_FLAGS]);
	ASSERT_STREQ("1", answer(c, "TargetPortalGroupTag"));
	ASSERT_EQ(LOGIN_OK, login_finish(c, LAST, NULL));
	ping(c);
	conn_close(c);

	/* Straight to full feature phase. */
	c = first_request(LOGIN(), STAGE(SECURITY, FULL_FEATURE),
			  NULL);
	ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
}

/* ---- from where ---- */

#define T1_SOURCES	"iqn.2003-01.org.example:t1/tpgt_1/attrib/allowed_sources"

static void sources_become(const char *written, const char *shown)
{
	char buf[4096];

	configfs_write(T1_SOURCES, written);
	if (configfs_read(T1_SOURCES, buf, sizeof(buf)) || strcmp(buf, shown))
		die("%s became %s, not %s", written, buf, shown);
}

TEST(B23_addresses_not_allowed)
{
	static const struct {
		const char *list;
		bool v4, v6;
	} cases[] = {
		{ "any", true, true }, { "127.0.0.1", true, false },
		{ "127.0.0.0/8", true, false }, { "0.0.0.0/0", true, false },
		{ "10.0.0.0/8,192.168.0.0/16", false, false },
		{ "10.0.0.0/8 127.0.0.1", true, false },
		{ "127.0.0.0/32", false, false }, { "127.0.0.2/31", false, false },
		{ "127.0.0.0/31", true, false },
		{ "::1", false, true }, { "::/0", false, true },
		{ "fe80::/10", false, false }, { "::/127", false, true },
		{ "2001:db8::/32,::1/128,127.0.0.1/32", true, true },
	};
	struct login v6 = { .portal = env.portal6, .no_ua_check = true };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		TH_LOG("%s", cases[i].list);
		configfs_write(T1_SOURCES, cases[i].list);
		if (cases[i].v4)
			conn_close(login(LOGIN(.no_ua_check = true)));
		else
			expect_refused(LOGIN(), STATUSES(LOGIN_FORBIDDEN));
		if (cases[i].v6)
			conn_close(login(&v6));
		else
			expect_refused(&v6, STATUSES(LOGIN_FORBIDDEN));
	}
	/* Neither another target nor another portal group minds. */
	configfs_write(T1_SOURCES, "10.0.0.0/8");
	conn_close(login(LOGIN(.target = env.demo, .no_ua_check = true)));
	conn_close(login(LOGIN(.portal = env.portal2, .no_ua_check = true)));
	configfs_write(T1_SOURCES, "any");
}

/* The session that is there stays; a connection more is a login like any. */
TEST(B23_J17_addresses_of_a_session)
{
	struct login l = { .isid = 230 };
	struct conn *c = login(&l);

	configfs_write(T1_SOURCES, "::1");
	ping(c);
	expect_refused(&l, STATUSES(LOGIN_FORBIDDEN));
	l.tsih = c->sess->tsih;
	l.keys = "";
	expect_refused(&l, STATUSES(LOGIN_FORBIDDEN));
	ping(c);
	configfs_write(T1_SOURCES, "any");
}

TEST(B23_refused_address_is_logged)
{
	u64 end = now_ms() + bound_ms(15000);
	int log = klog_open();

	configfs_write(T1_SOURCES, "10.0.0.0/8");
	do {
		ASSERT_GT(end, now_ms());
		expect_refused(LOGIN(), STATUSES(LOGIN_FORBIDDEN));
	} while (!klog_has(log, "status 0x0202: not from this address"));
	configfs_write(T1_SOURCES, "any");
}

static u32 addresses_of_t1(const char *portal)
{
	struct conn *c = login(LOGIN(.discovery = true, .portal = portal));
	u32 len, n;
	char *text = send_targets(c, env.target, &len, NULL);

	n = text_count(text, len, "TargetAddress");
	free(text);
	conn_close(c);
	return n;
}

TEST(C41_J07_addresses_not_allowed_see_nothing)
{
	u32 all = addresses_of_t1(env.portal);

	configfs_write(T1_SOURCES, "::1");
	/* Only portal group 2 is left. */
	ASSERT_EQ(1, addresses_of_t1(env.portal));
	ASSERT_EQ(all, addresses_of_t1(env.portal6));
	configfs_write(T1_SOURCES, "any");
	ASSERT_EQ(all, addresses_of_t1(env.portal));
}

TEST(B23_lists_of_addresses)
{
	static const char *const bad[] = {
		"foo", "10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/-1",
		"10.0.0.0/", "10.0.0/8", "10.0.0.0/+8", "any,10.0.0.0/8",
		"10.0.0.0/8,any", "/8", "2001:db8::1/32", "[::1]", "::1%lo",
		"10.0.0.0/08x", "10.0.0.0/8/8",
	};
	char list[64 * 20 + 32] = "";
	u32 i;

	sources_become("127.0.0.0/8\n", "127.0.0.0/8");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_EQ(EINVAL, configfs_try(T1_SOURCES, bad[i])) {
			TH_LOG("%s", bad[i]);
		}
	sources_become(" 10.0.0.0/8,\t192.168.1.1 ,\n2001:DB8:0::/32",
		       "10.0.0.0/8,192.168.1.1,2001:db8::/32");
	sources_become("::ffff:10.0.0.0/104", "10.0.0.0/8");
	for (i = 0; i < 64; i++)
		sprintf(list + strlen(list), "%s10.0.%u.0/24", i ? "," : "", i);
	sources_become(list, list);
	strcat(list, ",10.1.0.0/24");
	ASSERT_EQ(EINVAL, configfs_try(T1_SOURCES, list));
	sources_become("\n", "any");
	sources_become("any\n", "any");
}

/* ---- limits ---- */

#define T2_ATTRIB	"iqn.2003-01.org.example:t2/tpgt_1/attrib/"

static struct conn *demo_login(u16 isid)
{
	return login(LOGIN(.target = env.demo, .isid = isid,
			   .no_ua_check = true));
}

TEST(B30_as_many_sessions_as_allowed)
{
	struct login more = { .target = env.demo, .isid = 303 };
	struct conn *a, *b;
	u64 end;
	u16 status;

	configfs_write(T2_ATTRIB "max_sessions", "2");
	a = demo_login(301);
	demo_login(302);
	expect_refused(&more, STATUSES(LOGIN_RESOURCES));
	/* One that replaces another is not one more. */
	b = demo_login(301);
	expect_closed(a);
	expect_refused(&more, STATUSES(LOGIN_RESOURCES));
	ping(b);
	/* One ends: soon there is room. */
	logout(b);
	conn_close(b);
	end = now_ms() + DEADLINE_MS;
	do {
		ASSERT_GT(end, now_ms());
		status = login_try(&more, &a);
	} while (status == LOGIN_RESOURCES);
	ASSERT_EQ(LOGIN_OK, status);
	ping(a);
	configfs_write(T2_ATTRIB "max_sessions", "1024");
}

/* More text than there is room for, and more requests. */
TEST(B30_J03_too_much_of_a_login)
{
	struct conn *c = login_start(LOGIN());
	struct text t = {};
	int i;

	login_names(LOGIN(), &t);
	text_add_raw(&t, "X-org.example.a=", 16);
	while (t.len < DEFAULT_MRDSL)
		text_add_raw(&t, "a", 1);
	for (i = 0; i < 10; i++) {
		ASSERT_TRUE(login_step(c, STAY(OPERATIONAL) | F_CONTINUE, &t));
		if (login_status(&c->rx) != LOGIN_OK)
			break;
	}
	expect_login_refused(c, STATUSES(LOGIN_RESOURCES));
	conn_close(c);

	c = first_request(LOGIN(), STAY(OPERATIONAL), NULL);
	for (i = 0; i < 100 && login_status(&c->rx) == LOGIN_OK; i++)
		ASSERT_TRUE(login_step(c, STAY(OPERATIONAL), NULL));
	expect_login_refused(c, STATUSES(LOGIN_RESOURCES));
}

/* ---- statistics ---- */

enum login_counter {
	ACCEPTS, OTHER_FAILS, REDIRECTS, AUTHORIZE_FAILS, AUTHENTICATE_FAILS,
	NEGOTIATE_FAILS, NR_LOGIN_COUNTERS
};

static const char *const counter_files[] = {
	[ACCEPTS] = "accepts", [OTHER_FAILS] = "other_fails",
	[REDIRECTS] = "redirects", [AUTHORIZE_FAILS] = "authorize_fails",
	[AUTHENTICATE_FAILS] = "authenticate_fails",
	[NEGOTIATE_FAILS] = "negotiate_fails",
};

static void read_stat(const char *target, const char *file, char *buf)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/fabric_statistics/%s", target, file);
	if (configfs_read(path, buf, 256))
		die("cannot read %s", path);
}

static u32 read_stat_num(const char *target, const char *file)
{
	char buf[256];

	read_stat(target, file, buf);
	return strtoul(buf, NULL, 10);
}

static void read_counters(const char *target, u32 *counters)
{
	char file[64];
	int i;

	for (i = 0; i < NR_LOGIN_COUNTERS; i++) {
		snprintf(file, sizeof(file), "iscsi_login_stats/%s",
			 counter_files[i]);
		counters[i] = read_stat_num(target, file);
	}
}

/* Since the last call one of the counters of @target went up by one. */
static void expect_counted(const char *target, enum login_counter counter,
			   u32 *counters)
{
	u32 now[NR_LOGIN_COUNTERS], i;

	read_counters(target, now);
	counters[counter]++;
	for (i = 0; i < NR_LOGIN_COUNTERS; i++)
		if (now[i] != counters[i])
			die("%s is %u, not %u", counter_files[i], now[i],
			    counters[i]);
	memcpy(counters, now, sizeof(now));
}

/* The newest failure, as iscsi_tgt_attr tells of it. */
static void expect_last_fail(const char *target, u32 type, const char *name,
			     u32 *when)
{
	char buf[256];
	u32 t = read_stat_num(target, "iscsi_tgt_attr/last_fail_time");

	if (read_stat_num(target, "iscsi_tgt_attr/last_fail_type") != type)
		die("last_fail_type is not %u", type);
	read_stat(target, "iscsi_tgt_attr/fail_intr_name", buf);
	if (strcmp(buf, name))
		die("fail_intr_name is %s, not %s", buf, name);
	read_stat(target, "iscsi_tgt_attr/fail_intr_addr_type", buf);
	if (strcmp(buf, "ipv4"))
		die("fail_intr_addr_type is %s", buf);
	read_stat(target, "iscsi_tgt_attr/fail_intr_addr", buf);
	if (strcmp(buf, "127.0.0.1"))
		die("fail_intr_addr is %s", buf);
	if (t < *when || !t)
		die("last_fail_time went from %u to %u", *when, t);
	*when = t;
}

TEST(B08_B23_login_counters)
{
	static const char who[] = "iqn.2003-01.org.example:who";
	u32 n[NR_LOGIN_COUNTERS], m[NR_LOGIN_COUNTERS], when = 0;
	const char *me = env.initiator;
	u32 fails = read_stat_num(env.target, "iscsi_tgt_attr/login_fails");

	read_counters(env.target, n);
	conn_close(login(LOGIN(.no_ua_check = true)));
	expect_counted(env.target, ACCEPTS, n);

	expect_refused(LOGIN(.initiator = who), STATUSES(LOGIN_FORBIDDEN));
	expect_counted(env.target, AUTHORIZE_FAILS, n);
	expect_last_fail(env.target, 4, who, &when);
	configfs_write(T1_SOURCES, "10.0.0.0/8");
	expect_refused(LOGIN(), STATUSES(LOGIN_FORBIDDEN));
	configfs_write(T1_SOURCES, "any");
	expect_counted(env.target, AUTHORIZE_FAILS, n);
	expect_last_fail(env.target, 4, me, &when);

	acl_set(me, "attrib/authentication", "1");
	expect_refused(LOGIN(), STATUSES(LOGIN_AUTH));
	acl_set(me, "attrib/authentication", "-1");
	expect_counted(env.target, AUTHENTICATE_FAILS, n);
	expect_last_fail(env.target, 5, me, &when);

	refused(LAST, "MaxBurstLength=65536 MaxBurstLength=65536",
		STATUSES(LOGIN_INITIATOR_ERR));
	expect_counted(env.target, NEGOTIATE_FAILS, n);
	expect_last_fail(env.target, 6, me, &when);

	expect_refused(LOGIN(.tsih = 0x7fff, .keys = ""),
		       STATUSES(LOGIN_NO_SESS));
	expect_counted(env.target, OTHER_FAILS, n);
	expect_last_fail(env.target, 2, me, &when);
	ASSERT_EQ(fails + 5, read_stat_num(env.target,
					   "iscsi_tgt_attr/login_fails"));

	/* Named, but not there for logins; and what is no login to it. */
	read_counters(env.disabled, m);
	expect_refused(LOGIN(.target = env.disabled),
		       STATUSES(LOGIN_UNAVAILABLE));
	expect_counted(env.disabled, OTHER_FAILS, m);
	conn_close(login(LOGIN(.discovery = true)));
	expect_refused(LOGIN(.target = "iqn.2003-01.org.example:none"),
		       STATUSES(LOGIN_NOT_FOUND));
	conn_close(login(LOGIN(.no_ua_check = true)));
	expect_counted(env.target, ACCEPTS, n);
}

RAW_TEST_MAIN
