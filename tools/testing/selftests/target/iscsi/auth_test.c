// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section B: authentication, and what sections C and J say of it.
 */
#include <errno.h>
#include <limits.h>
#include <sys/wait.h>

#include "chap.h"
#include "harness.h"

#define LAST		STAGE(OPERATIONAL, FULL_FEATURE)
#define TO_OPERATIONAL	STAGE(SECURITY, OPERATIONAL)

#define ALL_ALGS	"8,7,6,5"
#define USER		"initiator"
#define SECRET		"initiator-secret-1"
#define PEER_USER	"target"
#define PEER_SECRET	"target-secret-22"
#define OTHER_USER	"somebody"
#define OTHER_SECRET	"another-secret-333"

#define ME		.user = USER, .secret = SECRET
#define BOTH		ME, .peer_user = PEER_USER, .peer_secret = PEER_SECRET
#define OTHER		.user = OTHER_USER, .secret = OTHER_SECRET

static const u32 algs[] = { CHAP_MD5, CHAP_SHA1, CHAP_SHA256, CHAP_SHA3_256 };

/* ---- configuration ---- */

static void put(const char *dir, const char *file, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	configfs_write(path, value);
}

static const char *tpg_dir(const char *target, int tag)
{
	static char dir[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(dir[turn], PATH_MAX, "%s/tpgt_%d", target, tag);
	return dir[turn];
}

static const char *acl_dir(const char *initiator)
{
	static char dir[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(dir[turn], PATH_MAX, "%s/tpgt_1/acls/%s", env.target,
		 initiator);
	return dir[turn];
}

/* NULL clears a value. */
static void put_auth(const char *dir, const struct chap *chap)
{
	const char *const values[][2] = {
		{ "userid", chap->user }, { "password", chap->secret },
		{ "userid_mutual", chap->peer_user },
		{ "password_mutual", chap->peer_secret },
	};
	char path[PATH_MAX];
	u32 i;

	/* The mutual secret goes first: it may be what is to come. */
	put(dir, "password_mutual", "NULL");
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, values[i][0]);
		configfs_write(path, values[i][1] ? values[i][1] : "NULL");
	}
}

static void acl_auth(const char *initiator, const char *demand,
		     const struct chap *chap)
{
	char dir[PATH_MAX];

	put(acl_dir(initiator), "attrib/authentication", demand);
	snprintf(dir, sizeof(dir), "%s/auth", acl_dir(initiator));
	put_auth(dir, chap);
}

static void tpg_auth(const char *target, int tag, const char *demand,
		     const struct chap *chap)
{
	char dir[PATH_MAX];

	put(tpg_dir(target, tag), "attrib/authentication", demand);
	snprintf(dir, sizeof(dir), "%s/auth", tpg_dir(target, tag));
	put_auth(dir, chap);
}

static void discovery_auth(const char *demand, const struct chap *chap)
{
	put("discovery_auth", "enforce_discovery_auth", demand);
	put_auth("discovery_auth", chap);
}

FIXTURE(auth) {
};

/* What an earlier test may have left. */
FIXTURE_SETUP(auth)
{
	acl_auth(env.initiator, "-1", CHAP());
	acl_auth(env.initiator2, "-1", CHAP());
	tpg_auth(env.target, 1, "0", CHAP());
	tpg_auth(env.target, 2, "0", CHAP());
	tpg_auth(env.demo, 1, "0", CHAP());
	discovery_auth("0", CHAP());
	put(tpg_dir(env.target, 1), "param/MaxConnections", "1");
	put(tpg_dir(env.demo, 1), "attrib/auth_users", "-");
	put(tpg_dir(env.target, 1), "attrib/auth_users", "-");
	put("discovery_auth", "users", "-");
}

FIXTURE_TEARDOWN(auth)
{
}

/* ---- shorthands ---- */

static const char *answer(struct conn *c, const char *key)
{
	const char *v = text_get(c->answers.buf, c->answers.len, key);

	return v ? v : "(none)";
}

static void expect_chap(const struct login *l, struct chap *chap,
			const u16 *statuses)
{
	struct conn *c;

	if (chap_login_try(l, chap, &c) == LOGIN_OK)
		die("the login succeeded");
	expect_login_refused(c, statuses);
	conn_close(c);
}

/* What a discovery session is for. */
static void discover(struct conn *c)
{
	u32 len;
	char *text = send_targets(c, "All", &len, NULL);

	if (!text_get(text, len, "TargetName"))
		die("no target in discovery");
	free(text);
}

static void chap_works(const struct login *l, struct chap *chap)
{
	struct conn *c = chap_login(l, chap);

	if (l->discovery)
		discover(c);
	else
		ping(c);
	logout(c);
	conn_close(c);
}

/* Up to the target's challenge. */
static struct conn *challenged(const struct login *l, struct chap *chap)
{
	struct conn *c = login_start(l);

	if (chap_begin(c, l, chap) != LOGIN_OK ||
	    chap_ask(c, chap) != LOGIN_OK)
		die("no challenge, status %04x", login_status(&c->rx));
	return c;
}

/* The answer to a challenge, in our own words. */
static void answered(struct conn *c, const struct text *t, const u16 *statuses)
{
	if (!login_step(c, TO_OPERATIONAL, t))
		die("connection closed without a Login Response");
	expect_login_refused(c, statuses);
	conn_close(c);
}

/* ---- AuthMethod ---- */

TEST_F(auth, B57_first_allowed_method)
{
	static const char *const lists[] = {
		"CHAP", "KRB5,CHAP,None", "None,CHAP", "CHAP,None",
		"X-a,SRP,CHAP",
	};
	struct chap chap = { ME };
	struct conn *c;
	u32 i;

	acl_auth(env.initiator, "1", CHAP(ME));
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		chap.methods = lists[i];
		c = login_start(LOGIN());
		ASSERT_EQ(LOGIN_OK, chap_begin(c, LOGIN(), &chap));
		ASSERT_STREQ("CHAP", answer(c, "AuthMethod"));
		ASSERT_STREQ("1", answer(c, "TargetPortalGroupTag"));
		conn_close(c);
		chap_works(LOGIN(), &chap);
	}
	chap.methods = "KRB5";
	expect_chap(LOGIN(), &chap, STATUSES(LOGIN_AUTH));
	chap.methods = "SRP,Z-x";
	expect_chap(LOGIN(), &chap, STATUSES(LOGIN_AUTH));
}

/* What is not demanded is done when it is offered first and possible. */
TEST_F(auth, B57_offered_but_not_demanded)
{
	struct chap chap = { ME, .methods = "CHAP,None" };
	struct conn *c = login_start(LOGIN());

	ASSERT_EQ(LOGIN_OK, chap_begin(c, LOGIN(), &chap));
	ASSERT_STREQ("None", answer(c, "AuthMethod"));
	conn_close(c);

	acl_auth(env.initiator, "0", CHAP(ME));
	chap_works(LOGIN(), &chap);
	expect_chap(LOGIN(), CHAP(OTHER, .methods = "CHAP,None"),
		    STATUSES(LOGIN_AUTH));
	chap.methods = "None,CHAP";
	c = login_start(LOGIN());
	ASSERT_EQ(LOGIN_OK, chap_begin(c, LOGIN(), &chap));
	ASSERT_STREQ("None", answer(c, "AuthMethod"));
	ASSERT_EQ(LOGIN_OK, login_finish(c, TO_OPERATIONAL, NULL));
}

static void no_way_around(const struct login *l)
{
	struct chap chap = { ME, .methods = "None" };
	struct text t = {};
	struct conn *c;

	expect_chap(l, &chap, STATUSES(LOGIN_AUTH));
	expect_refused(l, STATUSES(LOGIN_AUTH));
	/* An empty security stage, asking to leave it for good. */
	c = login_start(l);
	login_names(l, &t);
	if (!login_step(c, STAGE(SECURITY, FULL_FEATURE), &t))
		die("connection closed without a Login Response");
	if (login_status(&c->rx) != LOGIN_OK)
		expect_login_refused(c, STATUSES(LOGIN_AUTH));
	else if (c->rx.bhs[BHS_FLAGS] & F_TRANSIT)
		die("security stage left without authentication");
	conn_close(c);
	free(t.buf);
}

/* Per ACL, per portal group, for demo mode and for discovery. */
TEST_F(auth, B58_no_way_around)
{
	struct login demo = { .target = env.demo, .no_ua_check = true };
	struct login discovery = { .discovery = true };

	acl_auth(env.initiator, "1", CHAP(ME));
	no_way_around(LOGIN());
	ping(login(LOGIN(.initiator = env.initiator2)));

	/* -1: as the portal group says */
	acl_auth(env.initiator, "-1", CHAP(ME));
	tpg_auth(env.target, 1, "1", CHAP(OTHER));
	no_way_around(LOGIN());
	chap_works(LOGIN(), CHAP(ME));
	expect_chap(LOGIN(), CHAP(OTHER), STATUSES(LOGIN_AUTH));
	acl_auth(env.initiator, "0", CHAP(ME));
	ping(login(LOGIN()));

	tpg_auth(env.demo, 1, "1", CHAP(ME));
	no_way_around(&demo);
	chap_works(&demo, CHAP(ME));

	discovery_auth("1", CHAP(ME));
	no_way_around(&discovery);
	chap_works(&discovery, CHAP(ME));
}

/* Nobody has the credentials that are not set. */
TEST_F(auth, B58_demanded_but_not_configured)
{
	static const struct chap incomplete[] = {
		{}, { .user = USER }, { .secret = SECRET },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(incomplete); i++) {
		acl_auth(env.initiator, "1", &incomplete[i]);
		expect_chap(LOGIN(), CHAP(ME), STATUSES(LOGIN_AUTH));
		expect_chap(LOGIN(), CHAP(.user = "", .secret = ""),
			    STATUSES(LOGIN_AUTH));
	}
}

TEST_F(auth, B58_J17_every_connection)
{
	struct login l = { .isid = 58, .keys = "MaxConnections=2" };
	struct login join = { .isid = 58, .cid = 1, .keys = "" };
	struct conn *a, *b;

	put(tpg_dir(env.target, 1), "param/MaxConnections", "2");
	acl_auth(env.initiator, "1", CHAP(ME));
	a = chap_login(&l, CHAP(ME));
	join.tsih = a->sess->tsih;
	expect_refused(&join, STATUSES(LOGIN_AUTH));
	expect_chap(&join, CHAP(OTHER), STATUSES(LOGIN_AUTH));
	ping(a);
	join.no_ua_check = true;
	b = chap_login(&join, CHAP(ME));
	ASSERT_EQ(a->sess->tsih, b->sess->tsih);
	ping(a);
}

/* ---- the exchange ---- */

TEST_F(auth, B60_algorithms_in_the_order_of_the_initiator)
{
	static const struct {
		const char *offer;
		u32 alg;
	} cases[] = {
		{ ALL_ALGS, CHAP_SHA3_256 }, { "5,6,7,8", CHAP_MD5 },
		{ "5", CHAP_MD5 }, { "6", CHAP_SHA1 }, { "7", CHAP_SHA256 },
		{ "8", CHAP_SHA3_256 }, { "99,6,5", CHAP_SHA1 },
		{ "99,5", CHAP_MD5 }, { "7,5", CHAP_SHA256 },
		{ "1,2,3,0x7", CHAP_SHA256 },
	};
	u32 i;

	acl_auth(env.initiator, "1", CHAP(ME));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct chap chap = { ME, .algs = cases[i].offer };

		chap_works(LOGIN(), &chap);
		ASSERT_EQ(cases[i].alg, chap.alg) {
			TH_LOG("CHAP_A=%s", cases[i].offer);
		}
	}
	expect_chap(LOGIN(), CHAP(ME, .algs = "99"), STATUSES(LOGIN_AUTH));
	expect_chap(LOGIN(), CHAP(ME, .algs = "261"), STATUSES(LOGIN_AUTH));
	expect_chap(LOGIN(), CHAP(ME, .algs = "MD5"),
		    STATUSES(LOGIN_AUTH, LOGIN_INITIATOR_ERR));
}

#define NR_CHALLENGES	100

TEST_F(auth, B61_challenges_differ)
{
	static struct chap chaps[NR_CHALLENGES];
	u64 ids[4] = {};
	u32 i, k, nr_ids = 0;

	acl_auth(env.initiator, "1", CHAP(ME));
	for (i = 0; i < NR_CHALLENGES; i++) {
		conn_close(challenged(LOGIN(), &chaps[i]));
		ASSERT_TRUE(chaps[i].len >= 16 && chaps[i].len <= 1024);
		ASSERT_LE(chaps[i].id, 255);
		nr_ids += !(ids[chaps[i].id / 64] >> chaps[i].id % 64 & 1);
		ids[chaps[i].id / 64] |= 1ULL << chaps[i].id % 64;
		for (k = 0; k < i; k++)
			ASSERT_NE(0, memcmp(chaps[i].challenge,
					    chaps[k].challenge, 16));
	}
	ASSERT_LT(NR_CHALLENGES / 2, nr_ids);
}

TEST_F(auth, B62_B63_encodings)
{
	enum chap_encoding enc;
	char list[2] = "";
	u32 i;

	acl_auth(env.initiator, "1", CHAP(ME));
	for (i = 0; i < ARRAY_SIZE(algs); i++) {
		list[0] = '0' + algs[i];
		for (enc = ENC_HEX; enc <= ENC_BASE64; enc++)
			chap_works(LOGIN(), CHAP(ME, .algs = list,
						 .enc = enc));
	}
}

/* An odd number of digits begins with half a byte: a leading 0 left out. */
TEST_F(auth, B62_odd_number_of_digits)
{
	u8 proof[CHAP_DIGEST_MAX];
	struct text t = {};
	struct conn *c;
	char *r;
	int i;

	acl_auth(env.initiator, "1", CHAP(ME));
	for (i = 0; i < 500; i++) {
		struct chap chap = { ME };

		c = challenged(LOGIN(), &chap);
		chap_proof(&chap, proof);
		if (proof[0] < 16)
			break;
		conn_close(c);
	}
	ASSERT_GT(16, proof[0]);
	text_add(&t, "CHAP_N=" USER);
	chap_put(&t, "CHAP_R", proof, 16, ENC_HEX);
	r = strstr((char *)t.buf + sizeof("CHAP_N=" USER), "=0x0");
	ASSERT_TRUE(r);
	memmove(r + 3, r + 4, strlen(r + 4) + 1);
	t.len--;
	ASSERT_EQ(LOGIN_OK, login_finish(c, TO_OPERATIONAL, &t));
	ping(c);
}

/* Values of CHAP_R, and of CHAP_C beside a right proof. */
TEST_F(auth, B62_J05_bad_binaries)
{
	static const char *const values[] = {
		"0xZZ", "0x", "", "0b", "0bZg", "0bZ===", "0b====", "0bZg=a",
		"0bZh==", "0b Zg==", "12", "0x12 ", "0x12\xff", "0X", "0xx1",
	};
	struct text t = {};
	u32 i;

	acl_auth(env.initiator, "1", CHAP(BOTH));
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		struct chap chap = { BOTH };
		struct conn *c = challenged(LOGIN(), &chap);

		t.len = 0;
		text_add(&t, "CHAP_N=" USER);
		text_add(&t, "CHAP_R=%s", values[i]);
		answered(c, &t, STATUSES(LOGIN_AUTH, LOGIN_INITIATOR_ERR));

		chap.peer_user = NULL;
		c = challenged(LOGIN(), &chap);
		t.len = 0;
		chap_answer(&t, &chap);
		text_add(&t, "CHAP_I=1");
		text_add(&t, "CHAP_C=%s", values[i]);
		answered(c, &t, STATUSES(LOGIN_AUTH, LOGIN_INITIATOR_ERR));
	}
}

/* 1024 bytes are a challenge, 1025 are none, in both encodings. */
TEST_F(auth, B62_J05_longest_challenge)
{
	static const enum chap_encoding encs[] = { ENC_HEX, ENC_BASE64 };
	u8 big[CHAP_BIN_MAX + 1];
	struct text t = {};
	struct conn *c;
	u32 i;

	fill_pattern(big, sizeof(big), 62);
	acl_auth(env.initiator, "1", CHAP(BOTH));
	for (i = 0; i < ARRAY_SIZE(encs); i++) {
		struct chap chap = { BOTH, .enc = encs[i], .own_id = 255,
				     .own_len = CHAP_BIN_MAX };

		memcpy(chap.own_challenge, big, CHAP_BIN_MAX);
		chap_works(LOGIN(), &chap);

		chap.peer_user = NULL;
		c = challenged(LOGIN(), &chap);
		t.len = 0;
		chap_answer(&t, &chap);
		text_add(&t, "CHAP_I=1");
		chap_put(&t, "CHAP_C", big, sizeof(big), encs[i]);
		answered(c, &t, STATUSES(LOGIN_AUTH, LOGIN_INITIATOR_ERR));
		c = challenged(LOGIN(), &chap);
		t.len = 0;
		text_add(&t, "CHAP_N=" USER);
		chap_put(&t, "CHAP_R", big, sizeof(big), encs[i]);
		answered(c, &t, STATUSES(LOGIN_AUTH, LOGIN_INITIATOR_ERR));
	}
}

/* A right proof with its last byte wrong, missing, or followed by another. */
TEST_F(auth, B63_wrong_proofs)
{
	u8 proof[CHAP_DIGEST_MAX + 1];
	struct text t = {};
	char list[2] = "";
	u32 i, len;
	int how;

	acl_auth(env.initiator, "1", CHAP(ME));
	for (i = 0; i < ARRAY_SIZE(algs) * 3; i++) {
		struct chap chap = { ME, .algs = list };
		struct conn *c;

		how = i % 3;
		list[0] = '0' + algs[i / 3];
		c = challenged(LOGIN(), &chap);
		len = chap_proof(&chap, proof);
		proof[len] = 0;
		if (how == 0)
			proof[len - 1] ^= 1;
		t.len = 0;
		text_add(&t, "CHAP_N=" USER);
		chap_put(&t, "CHAP_R", proof, how == 1 ? len - 1 :
			 how == 2 ? len + 1 : len, ENC_HEX);
		answered(c, &t, STATUSES(LOGIN_AUTH));
	}
	chap_works(LOGIN(), CHAP(ME));
}

/* Who asks learns nothing but that it was wrong. */
TEST_F(auth, B63_same_answer_for_wrong_names_and_secrets)
{
	static const struct chap wrong[] = {
		{ .user = USER, .secret = OTHER_SECRET },
		{ .user = OTHER_USER, .secret = SECRET },
		{ .user = OTHER_USER, .secret = OTHER_SECRET },
		{ .user = "Initiator", .secret = SECRET },
		{ .user = "initiato", .secret = SECRET },
		{ .user = "initiatorx", .secret = SECRET },
		{ .user = "", .secret = SECRET },
		{ .user = USER, .secret = "" },
		{ .user = PEER_USER, .secret = PEER_SECRET },
	};
	struct login l = { .isid = 63 };
	u8 first[BHS_LEN];
	struct conn *c;
	u32 i;

	acl_auth(env.initiator, "1", CHAP(BOTH));
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct chap chap = wrong[i];

		ASSERT_EQ(LOGIN_AUTH, chap_login_try(&l, &chap, &c));
		if (!i)
			memcpy(first, c->rx.bhs, BHS_LEN);
		ASSERT_EQ(0, memcmp(first, c->rx.bhs, BHS_LEN));
		ASSERT_EQ(0, c->rx.data_len);
		expect_closed(c);
		conn_close(c);
	}
}

/* Keys that come at the wrong time, twice, or without their partner. */
TEST_F(auth, B64_order_of_the_keys)
{
	static const char *const too_early[] = {
		"CHAP_N=" USER, "CHAP_R=0x00", "CHAP_I=1", "CHAP_C=0x00",
		"CHAP_A=5 CHAP_N=" USER, "AuthMethod=CHAP", "CHAP_A=5 CHAP_A=5",
		"SRP_U=x", "KRB_AP_REQ=0x00", "HeaderDigest=None",
	};
	static const char *const partial[] = {
		"CHAP_N=" USER, "CHAP_R=0x00", "CHAP_A=5", "AuthMethod=CHAP",
		"CHAP_I=1 CHAP_C=0x00", "CHAP_N=" USER " CHAP_R=0x00 CHAP_R=0x00",
	};
	static const char *const behind[] = {
		"CHAP_I=1", "CHAP_C=0x00", "CHAP_I=256 CHAP_C=0x00",
		"CHAP_I= CHAP_C=0x00", "CHAP_N=" USER, "CHAP_A=5",
	};
	struct text t = {};
	struct conn *c;
	u32 i;

	acl_auth(env.initiator, "1", CHAP(BOTH));
	for (i = 0; i < ARRAY_SIZE(too_early); i++) {
		c = login_start(LOGIN());
		ASSERT_EQ(LOGIN_OK, chap_begin(c, LOGIN(), CHAP(ME)));
		login_step_keys(c, STAY(SECURITY), too_early[i]);
		expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
		conn_close(c);
	}
	for (i = 0; i < ARRAY_SIZE(partial); i++) {
		c = challenged(LOGIN(), CHAP(ME));
		login_step_keys(c, TO_OPERATIONAL, partial[i]);
		expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR,
						 LOGIN_AUTH));
		conn_close(c);
	}
	for (i = 0; i < ARRAY_SIZE(behind); i++) {
		struct chap chap = { ME };

		c = challenged(LOGIN(), &chap);
		t.len = 0;
		chap_answer(&t, &chap);
		text_add_keys(&t, behind[i]);
		answered(c, &t, STATUSES(LOGIN_INITIATOR_ERR));
	}
}

/* Between the steps nothing but the proof leads on. */
TEST_F(auth, B64_J07_no_transit_without_proof)
{
	static const u8 flags[] = {
		STAGE(SECURITY, OPERATIONAL), STAGE(SECURITY, FULL_FEATURE),
	};
	struct chap chap = { ME };
	struct text t = {};
	struct conn *c;
	u32 i, k;

	acl_auth(env.initiator, "1", CHAP(ME));
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		c = challenged(LOGIN(), &chap);
		for (k = 0; k < 3; k++) {
			ASSERT_TRUE(login_step(c, flags[i], NULL));
			ASSERT_EQ(LOGIN_OK, login_status(&c->rx));
			ASSERT_FALSE(c->rx.bhs[BHS_FLAGS] & F_TRANSIT);
			ASSERT_EQ(0, get_be16(c->rx.bhs + BHS_TSIH));
		}
		/* It was not too late for it. */
		t.len = 0;
		chap_answer(&t, &chap);
		ASSERT_EQ(LOGIN_OK, login_finish(c, TO_OPERATIONAL, &t));
		ping(c);
		conn_close(c);
	}
	/* Nor does another stage. */
	c = challenged(LOGIN(), &chap);
	login_step(c, LAST, NULL);
	expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
}

TEST_F(auth, B65_mutual)
{
	struct login demo = { .target = env.demo, .no_ua_check = true };
	struct login discovery = { .discovery = true };
	enum chap_encoding enc;
	char list[2] = "";
	u32 i;

	acl_auth(env.initiator, "1", CHAP(BOTH));
	tpg_auth(env.demo, 1, "1", CHAP(BOTH));
	discovery_auth("1", CHAP(BOTH));
	for (i = 0; i < ARRAY_SIZE(algs); i++) {
		list[0] = '0' + algs[i];
		for (enc = ENC_HEX; enc <= ENC_BASE64; enc++)
			chap_works(LOGIN(), CHAP(BOTH, .algs = list,
						 .enc = enc, .own_id = 171));
		chap_works(&demo, CHAP(BOTH, .algs = list));
		chap_works(&discovery, CHAP(BOTH, .algs = list));
	}
	/* The initiator may do without. */
	chap_works(LOGIN(), CHAP(ME));
	/* A wrong proof gets none in return. */
	expect_chap(LOGIN(), CHAP(.user = USER, .secret = OTHER_SECRET,
				  .peer_user = PEER_USER,
				  .peer_secret = PEER_SECRET),
		    STATUSES(LOGIN_AUTH));
}

TEST_F(auth, B65_mutual_not_configured)
{
	static const struct chap incomplete[] = {
		{ ME }, { ME, .peer_user = PEER_USER },
		{ ME, .peer_secret = PEER_SECRET },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(incomplete); i++) {
		acl_auth(env.initiator, "1", &incomplete[i]);
		expect_chap(LOGIN(), CHAP(BOTH), STATUSES(LOGIN_AUTH));
		chap_works(LOGIN(), CHAP(ME));
	}
}

/* ---- reflection and secrets ---- */

static void reflect(struct conn *c, struct chap *mine, const struct chap *from)
{
	struct text t = {};

	mine->own_id = from->id;
	mine->own_len = from->len;
	memcpy(mine->own_challenge, from->challenge, from->len);
	chap_answer(&t, mine);
	answered(c, &t, STATUSES(LOGIN_AUTH));
	free(t.buf);
}

TEST_F(auth, B66_challenge_sent_back)
{
	struct chap mine = { BOTH }, other = { BOTH };
	struct conn *b;

	acl_auth(env.initiator, "1", CHAP(BOTH));
	reflect(challenged(LOGIN(), &mine), &mine, &mine);

	/* That of another connection, which is still open. */
	mine = (struct chap) { BOTH };
	b = challenged(LOGIN(), &other);
	reflect(challenged(LOGIN(), &mine), &mine, &other);
	/* Also of another initiator's, and through another portal. */
	mine = (struct chap) { BOTH };
	tpg_auth(env.target, 2, "1", CHAP(BOTH));
	acl_auth(env.initiator2, "1", CHAP(BOTH));
	reflect(challenged(LOGIN(.portal = env.portal2), &mine), &mine,
		&other);
	mine = (struct chap) { BOTH };
	reflect(challenged(LOGIN(.initiator = env.initiator2), &mine), &mine,
		&other);
	/* It did not suffer from that. */
	ASSERT_EQ(LOGIN_OK, chap_prove(b, &other, TO_OPERATIONAL));
}

/*
 * A session that has been authenticated is open still: its challenge must not
 * come back either, as long as it is.
 */
TEST_F(auth, B66_challenge_of_a_session_sent_back)
{
	struct chap mine = { BOTH }, other = { BOTH };

	acl_auth(env.initiator, "1", CHAP(BOTH));
	chap_login(LOGIN(), &other);
	reflect(challenged(LOGIN(), &mine), &mine, &other);
}

TEST_F(auth, B66_B67_one_secret_for_both_directions)
{
	static const char *const dirs[] = {
		"iqn.2003-01.org.example:t2/tpgt_1/auth", "discovery_auth",
		"iqn.2003-01.org.example:t1/tpgt_1/acls/iqn.2003-01.org.example:init1/auth",
	};
	char path[PATH_MAX];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		put(dirs[i], "password", SECRET);
		snprintf(path, sizeof(path), "%s/password_mutual", dirs[i]);
		ASSERT_EQ(EINVAL, configfs_try(path, SECRET));
		ASSERT_EQ(EINVAL, configfs_try(path, SECRET "\n"));
		put(dirs[i], "password", "NULL");
		put(dirs[i], "password_mutual", SECRET);
		snprintf(path, sizeof(path), "%s/password", dirs[i]);
		ASSERT_EQ(EINVAL, configfs_try(path, SECRET));
		put(dirs[i], "password_mutual", "NULL");
	}
}

/* Taken, for the sake of configurations that are there, but not silently. */
TEST_F(auth, B67_weak_secrets_are_warned_of)
{
	char path[PATH_MAX];
	int log = klog_open();
	u64 end = now_ms() + bound_ms(15000);

	snprintf(path, sizeof(path), "%s/auth/password",
		 acl_dir(env.initiator));
	/* The line is limited in rate. */
	do {
		ASSERT_GT(end, now_ms());
		configfs_write(path, "11-bytes-11");
		usleep(100000);
	} while (!klog_has(log, "shorter than the 12 bytes"));
	put(acl_dir(env.initiator), "auth/password", "12-bytes-12-");
	ASSERT_FALSE(klog_has(log, "shorter than"));
	acl_auth(env.initiator, "1", CHAP(.user = USER, .secret = "11-bytes-11"));
	chap_works(LOGIN(), CHAP(.user = USER, .secret = "11-bytes-11"));
}

/* 16 bytes of anything, and as long as it may be. */
TEST_F(auth, B67_strong_secrets)
{
	char longest[256], *user;
	const char *const secrets[] = {
		"\x81\xfe\xff\xc3\xa4 !\"#$%&'()", " blanks at both ends ",
		longest,
	};
	u32 i;

	memset(longest, 's', 255);
	longest[255] = 0;
	user = strdup(longest);
	for (i = 0; i < ARRAY_SIZE(secrets); i++) {
		acl_auth(env.initiator, "1",
			 CHAP(.user = user, .secret = secrets[i]));
		chap_works(LOGIN(), CHAP(.user = user, .secret = secrets[i],
					 .algs = ALL_ALGS));
	}
}

TEST_F(auth, B67_discovery_has_its_own)
{
	struct login discovery = { .discovery = true };

	acl_auth(env.initiator, "1", CHAP(ME));
	tpg_auth(env.demo, 1, "1", CHAP(ME));
	discovery_auth("1", CHAP(OTHER));
	expect_chap(&discovery, CHAP(ME), STATUSES(LOGIN_AUTH));
	expect_chap(LOGIN(), CHAP(OTHER), STATUSES(LOGIN_AUTH));
	chap_works(&discovery, CHAP(OTHER));
	chap_works(LOGIN(), CHAP(ME));
	/* Not demanded: the normal sessions' demand is another one. */
	discovery_auth("0", CHAP(OTHER));
	discover(login(&discovery));
}

/* ---- what must not be seen ---- */

static const char *const secret_files[] = {
	"discovery_auth/users",
	"iqn.2003-01.org.example:t2/tpgt_1/attrib/auth_users",
	"discovery_auth/userid", "discovery_auth/password",
	"discovery_auth/userid_mutual", "discovery_auth/password_mutual",
	"iqn.2003-01.org.example:t2/tpgt_1/auth/password",
	"iqn.2003-01.org.example:t2/tpgt_1/auth/password_mutual",
	"iqn.2003-01.org.example:t1/tpgt_1/acls/iqn.2003-01.org.example:init1/auth/password",
	"iqn.2003-01.org.example:t1/tpgt_1/acls/iqn.2003-01.org.example:init1/auth/password_mutual",
};

/* Number of secrets that somebody without rights gets hold of. */
static int nobody_reads(void)
{
	char buf[512];
	int hits = 0;
	u32 i;

	if (setgid(65534) || setuid(65534))
		return -1;
	for (i = 0; i < ARRAY_SIZE(secret_files); i++)
		hits += !configfs_read(secret_files[i], buf, sizeof(buf)) ||
			!configfs_try(secret_files[i], "x");
	return hits;
}

TEST_F(auth, J06_secrets_are_for_root)
{
	int status;
	pid_t pid;

	acl_auth(env.initiator, "1", CHAP(BOTH));
	tpg_auth(env.demo, 1, "1", CHAP(BOTH));
	discovery_auth("1", CHAP(BOTH));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(nobody_reads());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
}

/* Everything of the log since @log, in one piece. */
static char *log_text(int log)
{
	struct text t = {};
	char line[8192];
	ssize_t n;

	while ((n = read(log, line, sizeof(line))) > 0)
		text_add_raw(&t, line, n);
	text_add_raw(&t, "", 1);
	return (char *)t.buf;
}

TEST_F(auth, J06_failures_are_logged_without_secrets)
{
	char hex[2 * CHAP_DIGEST_MAX + 1], line[512], *text = NULL;
	u64 end = now_ms() + bound_ms(15000);
	u8 proof[CHAP_DIGEST_MAX];
	int log = klog_open(), i;

	snprintf(line, sizeof(line),
		 "login of \"%s\" to \"%s\" failed, status 0x0201",
		 env.initiator, env.target);
	acl_auth(env.initiator, "1", CHAP(BOTH));
	do {
		struct chap chap = { .user = USER, .secret = OTHER_SECRET };

		ASSERT_GT(end, now_ms());
		free(text);
		expect_chap(LOGIN(), &chap, STATUSES(LOGIN_AUTH));
		text = log_text(log);
		chap_proof(&chap, proof);
		for (i = 0; i < 16; i++)
			sprintf(hex + 2 * i, "%02x", proof[i]);
		ASSERT_FALSE(strstr(text, hex));
		ASSERT_FALSE(strstr(text, SECRET));
		ASSERT_FALSE(strstr(text, OTHER_SECRET));
		ASSERT_FALSE(strstr(text, PEER_SECRET));
	} while (!strstr(text, line));
	ASSERT_TRUE(strstr(text, "127.0.0.1:"));
}

/* A flood of failures does not become a flood in the log. */
TEST_F(auth, J06_failures_are_limited_in_rate)
{
	u32 lines = 0, i;
	u64 start = now_ms();
	int log = klog_open();
	char *text, *p;

	acl_auth(env.initiator, "1", CHAP(ME));
	for (i = 0; i < 100; i++)
		expect_chap(LOGIN(), CHAP(OTHER), STATUSES(LOGIN_AUTH));
	text = log_text(log);
	for (p = text; (p = strstr(p, "failed, status")); p++)
		lines++;
	/* Ten in five seconds, the kernel's usual rate. */
	ASSERT_LE(lines, 10 * (2 + (now_ms() - start) / 5000));
}

/* ---- nothing before it, nobody else's session ---- */

TEST_F(auth, J07_nothing_before_the_proof)
{
	static const u8 ops[] = {
		OP_TEXT, OP_SCSI, OP_NOP_OUT, OP_TMF, OP_LOGOUT,
	};
	struct login discovery = { .discovery = true };
	struct conn *c;
	struct pdu p;
	u32 i;

	acl_auth(env.initiator, "1", CHAP(ME));
	discovery_auth("1", CHAP(ME));
	for (i = 0; i < 2 * ARRAY_SIZE(ops); i++) {
		c = challenged(i % 2 ? &discovery : LOGIN(), CHAP(ME));
		pdu_init(c, &p, ops[i / 2]);
		conn_send(c, &p);
		recv_op(c, OP_LOGIN_RSP);
		expect_login_refused(c, STATUSES(LOGIN_INVALID_REQ));
		conn_close(c);
	}
	/* Nor is SendTargets a key of a login. */
	c = challenged(&discovery, CHAP(ME));
	login_step_keys(c, STAY(SECURITY), "SendTargets=All");
	expect_login_refused(c, STATUSES(LOGIN_INITIATOR_ERR));
}

TEST_F(auth, C17_J07_J17_failed_authentication_hurts_no_session)
{
	struct login l = { .isid = 17 };
	struct conn *old, *c;
	u8 block[BLOCK] = {};

	acl_auth(env.initiator, "1", CHAP(ME));
	old = chap_login(&l, CHAP(ME));
	/* Reinstatement with the wrong secret, and abandoned half way. */
	expect_chap(&l, CHAP(.user = USER, .secret = OTHER_SECRET),
		    STATUSES(LOGIN_AUTH));
	scsi_write(old, lun_peripheral(0), 0, block, sizeof(block));
	conn_reset(challenged(&l, CHAP(ME)));
	expect_refused(&l, STATUSES(LOGIN_AUTH));
	scsi_write(old, lun_peripheral(0), 0, block, sizeof(block));
	/* With the right one it is replaced. */
	c = chap_login(&l, CHAP(ME));
	expect_closed(old);
	ping(c);
}

/* Victim's ISID and TSIH, with credentials that are good for somebody else. */
TEST_F(auth, J17_session_of_another_initiator)
{
	struct login l = { .isid = 170, .keys = "MaxConnections=2" };
	struct login join = { .isid = 170, .cid = 1, .keys = "",
			      .no_ua_check = true };
	struct conn *victim;

	put(tpg_dir(env.target, 1), "param/MaxConnections", "2");
	acl_auth(env.initiator, "1", CHAP(ME));
	acl_auth(env.initiator2, "1", CHAP(OTHER));
	victim = chap_login(&l, CHAP(ME));
	join.tsih = victim->sess->tsih;
	expect_chap(&join, CHAP(OTHER), STATUSES(LOGIN_AUTH));
	join.initiator = env.initiator2;
	expect_chap(&join, CHAP(OTHER), STATUSES(LOGIN_NO_SESS,
						 LOGIN_FORBIDDEN));
	join.cid = 0;
	expect_chap(&join, CHAP(OTHER), STATUSES(LOGIN_NO_SESS,
						 LOGIN_FORBIDDEN));
	ping(victim);
	/* A session of its own is what it may have. */
	join.tsih = 0;
	chap_works(&join, CHAP(OTHER));
	ping(victim);
}

TEST_F(auth, J07_discovery_shows_what_may_be_used)
{
	struct login l = { .discovery = true, .initiator =
			   "iqn.2003-01.org.example:who" };
	struct conn *c;
	u32 len;
	char *text;

	/* It has no ACL in portal group 1; group 2 is in demo mode. */
	discovery_auth("1", CHAP(ME));
	c = chap_login(&l, CHAP(ME));
	text = send_targets(c, env.target, &len, NULL);
	ASSERT_EQ(1, text_count(text, len, "TargetName"));
	ASSERT_EQ(1, text_count(text, len, "TargetAddress"));
	ASSERT_STREQ("127.0.0.1:3261,2", text_get(text, len, "TargetAddress"));
	l.initiator = NULL;
	c = chap_login(&l, CHAP(ME));
	text = send_targets(c, env.target, &len, NULL);
	ASSERT_LT(1, text_count(text, len, "TargetAddress"));
}

/* ---- several sets of credentials ---- */

#define T2_USERS	"iqn.2003-01.org.example:t2/tpgt_1/attrib/auth_users"
#define DISC_USERS	"discovery_auth/users"

#define USERS								\
	"anna anna-secret-12\n"						\
	"bert\tbert-secret-12 target-b target-b-secret\n"		\
	"carl carl-secret-12 target-c target-c-secret"

static const struct chap users[] = {
	{ .user = "anna", .secret = "anna-secret-12" },
	{ .user = "bert", .secret = "bert-secret-12",
	  .peer_user = "target-b", .peer_secret = "target-b-secret" },
	{ .user = "carl", .secret = "carl-secret-12",
	  .peer_user = "target-c", .peer_secret = "target-c-secret" },
};

static void several_users(const struct login *l)
{
	struct chap chap;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(users); i++) {
		chap = users[i];
		chap.algs = ALL_ALGS;
		chap_works(l, &chap);
		chap = users[i];
		chap.peer_user = NULL;
		chap_works(l, &chap);
		/* The secret of another one. */
		chap.secret = users[(i + 1) % ARRAY_SIZE(users)].secret;
		expect_chap(l, &chap, STATUSES(LOGIN_AUTH));
	}
	/* One that the target has no answer for. */
	chap = users[0];
	chap.peer_user = "target-b";
	chap.peer_secret = "target-b-secret";
	expect_chap(l, &chap, STATUSES(LOGIN_AUTH));
	expect_chap(l, CHAP(.user = "target-b", .secret = "target-b-secret"),
		    STATUSES(LOGIN_AUTH));
	/* The one in auth/ counts, too. */
	chap_works(l, CHAP(BOTH));
	expect_chap(l, CHAP(OTHER), STATUSES(LOGIN_AUTH));
}

TEST_F(auth, B63_B65_several_users_of_a_portal_group)
{
	struct login demo = { .target = env.demo, .no_ua_check = true };
	struct chap anna = users[0], open;
	char buf[512];
	struct conn *c;

	tpg_auth(env.demo, 1, "1", CHAP(BOTH));
	configfs_write(T2_USERS, USERS);
	ASSERT_EQ(0, configfs_read(T2_USERS, buf, sizeof(buf)));
	ASSERT_STREQ("anna anna-secret-12\n"
		     "bert bert-secret-12 target-b target-b-secret\n"
		     "carl carl-secret-12 target-c target-c-secret", buf);
	several_users(&demo);
	/* What is taken away counts no more, but for logins in progress. */
	open = anna;
	c = challenged(&demo, &open);
	configfs_write(T2_USERS, "-anna\ndora dora-secret-12\n");
	ASSERT_EQ(LOGIN_OK, chap_prove(c, &open, TO_OPERATIONAL));
	expect_chap(&demo, &anna, STATUSES(LOGIN_AUTH));
	chap_works(&demo, CHAP(.user = "dora", .secret = "dora-secret-12"));
	configfs_write(T2_USERS, "-");
	expect_chap(&demo, CHAP(.user = "dora", .secret = "dora-secret-12"),
		    STATUSES(LOGIN_AUTH));
	chap_works(&demo, CHAP(ME));
}

TEST_F(auth, B63_B65_B67_several_users_of_discovery)
{
	struct login discovery = { .discovery = true };
	struct login demo = { .target = env.demo };

	discovery_auth("1", CHAP(BOTH));
	tpg_auth(env.demo, 1, "1", CHAP(OTHER));
	configfs_write(DISC_USERS, USERS);
	several_users(&discovery);
	expect_chap(&demo, CHAP(.user = "anna", .secret = "anna-secret-12"),
		    STATUSES(LOGIN_AUTH));
	configfs_write(DISC_USERS, "-");
	chap_works(&discovery, CHAP(ME));
}

/* Those of the portal group are for initiators without an ACL. */
TEST_F(auth, B63_users_and_acls)
{
	char path[PATH_MAX];
	struct chap anna = users[0];

	snprintf(path, sizeof(path), "%s/attrib/auth_users",
		 tpg_dir(env.target, 1));
	configfs_write(path, USERS);
	acl_auth(env.initiator, "1", CHAP(ME));
	expect_chap(LOGIN(), &anna, STATUSES(LOGIN_AUTH));
	chap_works(LOGIN(), CHAP(ME));
	configfs_write(path, "-\n");
}

static void users_become(const char *written, const char *shown)
{
	char buf[4096];

	configfs_write(T2_USERS, written);
	if (configfs_read(T2_USERS, buf, sizeof(buf)) || strcmp(buf, shown))
		die("%s made the users %s", written, buf);
}

TEST_F(auth, B67_users_that_are_refused)
{
	static const char *const bad[] = {
		"anna", "anna secret-12-bytes peer", "a b c d e",
		"-bert", "-anna\n-anna", "bert bert-secret-12\n-carl",
		"anna secret-12-bytes peer secret-12-bytes",
		"anna secret-12-bytes\nbert other-12-bytes p secret-12-bytes",
		"anna other-12-bytes p secret-12-bytes\nbert secret-12-bytes",
		"anna secret\x01-12-bytes", " ", "anna\n",
	};
	char big[4200];
	u32 i;

	users_become("anna anna-secret-12", "anna anna-secret-12");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_EQ(EINVAL, configfs_try(T2_USERS, bad[i])) {
			TH_LOG("%s", bad[i]);
		}
	/* One that configfs cuts off, and one too many. */
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	big[1] = ' ';
	ASSERT_EQ(EINVAL, configfs_try(T2_USERS, big));
	for (i = 0; i < 65; i++)
		sprintf(big + 20 * i, "%06u 12-bytes-sec\n", i);
	for (i = 0; i < 65; i++)
		ASSERT_EQ('\n', big[20 * i + 19]);
	ASSERT_EQ(EINVAL, configfs_try(T2_USERS, big));
	users_become("\n", "anna anna-secret-12");
	users_become("-", "");
	big[20 * 64 - 1] = 0;
	users_become(big, big);
	ASSERT_EQ(EINVAL, configfs_try(T2_USERS, "anna anna-secret-12"));
	users_become("-", "");
}

/* A line changes its own set and no other: bash writes each on its own. */
TEST_F(auth, B67_users_line_by_line)
{
	users_become("anna anna-secret-12\n", "anna anna-secret-12");
	users_become("bert bert-secret-12", "anna anna-secret-12\n"
		     "bert bert-secret-12");
	users_become("anna other-secret-1 target peer-secret-12\n",
		     "anna other-secret-1 target peer-secret-12\n"
		     "bert bert-secret-12");
	users_become("-anna\ncarl carl-secret-12\n\n",
		     "bert bert-secret-12\ncarl carl-secret-12");
	users_become("-\ndora dora-secret-12", "dora dora-secret-12");
	users_become("-dora\n", "");
	users_become("-", "");
}

/*
 * In demo mode a name of an initiator belongs to nobody: the session of one
 * user is not replaced, and not joined, by another one.
 */
TEST_F(auth, J17_session_of_another_user)
{
	struct login l = { .target = env.demo, .isid = 171,
			   .no_ua_check = true };
	struct chap anna = users[0], bert = users[1];
	struct conn *victim, *c;

	tpg_auth(env.demo, 1, "1", CHAP(ME));
	configfs_write(T2_USERS, USERS);
	victim = chap_login(&l, &anna);
	expect_chap(&l, &bert, STATUSES(LOGIN_FORBIDDEN));
	ping(victim);
	expect_chap(&l, CHAP(ME), STATUSES(LOGIN_FORBIDDEN));
	ping(victim);
	l.tsih = victim->sess->tsih;
	expect_chap(&l, &bert, STATUSES(LOGIN_FORBIDDEN, LOGIN_NO_SESS));
	ping(victim);
	l.tsih = 0;
	anna = users[0];
	c = chap_login(&l, &anna);
	expect_closed(victim);
	ping(c);
	configfs_write(T2_USERS, "-");
}

RAW_TEST_MAIN
