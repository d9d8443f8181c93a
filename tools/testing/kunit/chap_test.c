// SPDX-License-Identifier: GPL-2.0
/*
 * CHAP on the target's side (rows B60 to B66, J05, J06).
 *
 * The proofs below were made outside of the kernel, for identifier 0x55 and
 * the challenge 00 01 .. 1f (ours), identifier 0xaa and ff fe .. f0 (theirs).
 */
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "chap.h"

#define ERR_PROTOCOL	0x0200
#define ERR_AUTH	0x0201

#define USER		"initiator"
#define SECRET		"initiator secret 1"
#define USER_MUTUAL	"target"
#define SECRET_MUTUAL	"target secret 22"

#define PEER_ID		"170"
#define PEER_CHALLENGE	"0xfffefdfcfbfaf9f8f7f6f5f4f3f2f1f0"

struct chap_vector {
	int code;
	const char *hex;
	const char *upper;
	const char *base64;
	const char *mutual;
};

static const struct chap_vector chap_vectors[] = {
	{ 5, "0xb34a0f846efaa94663306e602c5f96dc",
	  "0XB34A0F846EFAA94663306E602C5F96DC",
	  "0bs0oPhG76qUZjMG5gLF+W3A==",
	  "0xa50081c3ca2378b7b457a9bf938b2420" },
	{ 6, "0xe6ef675ad7a0ce739d4e0385f9ba6579c1741265",
	  "0XE6EF675AD7A0CE739D4E0385F9BA6579C1741265",
	  "0b5u9nWtegznOdTgOF+bplecF0EmU=",
	  "0x2bcfef8672e9cbb4e1f5fda43dc3176a87b3fe6d" },
	{ 7, "0x25bc689608ec87fc8079b30fc90fbf0b6cfe4ca639a3752f9c004487dd77cb66",
	  "0X25BC689608EC87FC8079B30FC90FBF0B6CFE4CA639A3752F9C004487DD77CB66",
	  "0bJbxolgjsh/yAebMPyQ+/C2z+TKY5o3UvnABEh913y2Y=",
	  "0xa457871e0ed7211748f401d39905ec644be829d0eff1efdbd9c984d10923259e" },
	{ 8, "0x749744c0ceee921dce5c6c7337199fa6f2f415e13ed7d77deebbef9deb7be3b4",
	  "0X749744C0CEEE921DCE5C6C7337199FA6F2F415E13ED7D77DEEBBEF9DEB7BE3B4",
	  "0bdJdEwM7ukh3OXGxzNxmfpvL0FeE+19d97rvvnet747Q=",
	  "0xfba57a160641c66f52e70b2363e75c77968caa4f870ff13f5e123ee547d2ddbb" },
};

#define MD5_PROOF	"0xb34a0f846efaa94663306e602c5f96dc"

struct chap_run {
	struct tiscsi_chap chap;
	struct tiscsi_auth auth;
	struct tiscsi_text text;
	char in[4096];
	char out[512];
};

static void chap_resource_free(struct kunit_resource *res)
{
	struct chap_run *run = res->data;

	tiscsi_chap_free(&run->chap);
	kfree(run);
}

static int chap_resource_init(struct kunit_resource *res, void *context)
{
	struct chap_run *run = kzalloc(sizeof(*run), GFP_KERNEL);

	res->data = run;
	return run ? 0 : -ENOMEM;
}

static struct chap_run *chap_run_new(struct kunit *test, bool mutual)
{
	struct chap_run *run;

	run = kunit_alloc_resource(test, chap_resource_init,
				   chap_resource_free, GFP_KERNEL, NULL);
	KUNIT_ASSERT_NOT_NULL(test, run);
	strscpy(run->auth.userid, USER, sizeof(run->auth.userid));
	strscpy(run->auth.password, SECRET, sizeof(run->auth.password));
	run->auth.userid_set = true;
	run->auth.password_set = true;
	if (mutual) {
		strscpy(run->auth.userid_mutual, USER_MUTUAL,
			sizeof(run->auth.userid_mutual));
		strscpy(run->auth.password_mutual, SECRET_MUTUAL,
			sizeof(run->auth.password_mutual));
		run->auth.userid_mutual_set = true;
		run->auth.password_mutual_set = true;
	}
	tiscsi_chap_init(&run->chap, &run->auth, NULL);
	return run;
}

/* One request, ';' for NUL; the status as the login would see it. */
static int chap_exchange(struct chap_run *run, const char *in)
{
	struct tiscsi_text_iter it;
	char *key, *value;
	unsigned int id;
	size_t len;
	int ret = 0;

	len = strscpy(run->in, in, sizeof(run->in));
	strreplace(run->in, ';', '\0');
	run->text = (struct tiscsi_text) {
		.buf = run->out,
		.cap = sizeof(run->out) - 1,
	};
	tiscsi_text_iter_init(&it, run->in, len);
	while (!ret && tiscsi_text_next(&it, &key, &value) == 1) {
		for (id = KEY_CHAP_A; id < KEY_CHAP_R; id++)
			if (!strcmp(tiscsi_key_name(id), key))
				break;
		ret = tiscsi_chap_pair(&run->chap, id, value);
	}
	if (!ret)
		ret = tiscsi_chap_step(&run->chap, &run->text);
	for (len = 0; len < run->text.len; len++)
		if (!run->out[len])
			run->out[len] = ';';
	run->out[run->text.len] = '\0';
	return ret;
}

/* Up to our challenge, which becomes the one of the vectors. */
static struct chap_run *chap_challenged(struct kunit *test, bool mutual,
					int code)
{
	struct chap_run *run = chap_run_new(test, mutual);
	char in[16];
	int i;

	scnprintf(in, sizeof(in), "CHAP_A=%d;", code);
	KUNIT_ASSERT_EQ(test, chap_exchange(run, in), 0);
	KUNIT_ASSERT_EQ(test, run->chap.state, CHAP_WAIT_RESPONSE);
	run->chap.id = 0x55;
	tiscsi_challenge_forget(&run->chap.ours);
	for (i = 0; i < sizeof(run->chap.ours.bytes); i++)
		run->chap.ours.bytes[i] = i;
	tiscsi_challenge_issue(&run->chap.ours);
	return run;
}

static void chap_expect(struct kunit *test, struct chap_run *run,
			const char *in, int ret)
{
	KUNIT_EXPECT_EQ_MSG(test, chap_exchange(run, in), ret, "%s", in);
	KUNIT_EXPECT_EQ_MSG(test, tiscsi_chap_done(&run->chap), !ret, "%s", in);
	if (ret)
		KUNIT_EXPECT_STREQ(test, run->out, "");
}

/* B60 */
static void chap_algorithms(struct kunit *test)
{
	static const struct {
		const char *in;
		const char *out;
		int ret;
	} cases[] = {
		{ "CHAP_A=5;", "CHAP_A=5;" },
		{ "CHAP_A=8,7,6,5;", "CHAP_A=8;" },
		{ "CHAP_A=7,5;", "CHAP_A=7;" },
		{ "CHAP_A=6;", "CHAP_A=6;" },
		{ "CHAP_A=99,5;", "CHAP_A=5;" },
		{ "CHAP_A=0x5;", "CHAP_A=5;" },
		{ "CHAP_A=99;", NULL, ERR_AUTH },
		{ "CHAP_A=0;", NULL, ERR_AUTH },
		{ "CHAP_A=18446744073709551615;", NULL, ERR_AUTH },
		{ "CHAP_A=261;", NULL, ERR_AUTH },	/* 256 + 5 */
		{ "CHAP_A=;", NULL, ERR_PROTOCOL },
		{ "CHAP_A=5,;", NULL, ERR_PROTOCOL },
		{ "CHAP_A=,5;", NULL, ERR_PROTOCOL },
		{ "CHAP_A=05;", NULL, ERR_PROTOCOL },
		{ "CHAP_A=MD5;", NULL, ERR_PROTOCOL },
		{ "CHAP_A=5;CHAP_A=5;", NULL, ERR_PROTOCOL },
		{ "CHAP_A=00000000000000000000000000000005;", NULL,
		  ERR_PROTOCOL },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct chap_run *run = chap_run_new(test, false);

		KUNIT_EXPECT_EQ_MSG(test, chap_exchange(run, cases[i].in),
				    cases[i].ret, "%s", cases[i].in);
		if (cases[i].out)
			KUNIT_EXPECT_TRUE(test, strstarts(run->out,
							  cases[i].out));
	}
}

/* B61 */
static void chap_challenges(struct kunit *test)
{
	const u32 len = TISCSI_CHALLENGE_LEN;
	struct chap_run *run[32];
	char expect[160], hex[2 * TISCSI_CHALLENGE_LEN + 1];
	int i, j, last_id = -1;

	for (i = 0; i < ARRAY_SIZE(run); i++) {
		run[i] = chap_run_new(test, false);
		KUNIT_ASSERT_EQ(test, chap_exchange(run[i], "CHAP_A=5;"), 0);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_NE(test, memcmp(run[i]->chap.ours.bytes,
						     run[j]->chap.ours.bytes,
						     len), 0);
		KUNIT_EXPECT_NE(test, run[i]->chap.id, last_id);
		last_id = run[i]->chap.id;
		*bin2hex(hex, run[i]->chap.ours.bytes, len) = '\0';
		scnprintf(expect, sizeof(expect),
			  "CHAP_A=5;CHAP_I=%u;CHAP_C=0x%s;", last_id, hex);
		KUNIT_EXPECT_STREQ(test, run[i]->out, expect);
	}
}

/* B62, B63 */
static void chap_one_way(struct kunit *test)
{
	char in[256];
	int i, enc;

	for (i = 0; i < ARRAY_SIZE(chap_vectors); i++) {
		const struct chap_vector *v = &chap_vectors[i];

		for (enc = 0; enc < 3; enc++) {
			struct chap_run *run = chap_challenged(test, false,
							       v->code);

			scnprintf(in, sizeof(in), "CHAP_N=%s;CHAP_R=%s;", USER,
				  enc == 0 ? v->hex :
				  enc == 1 ? v->upper : v->base64);
			chap_expect(test, run, in, 0);
			KUNIT_EXPECT_STREQ(test, run->out, "");
		}
	}
}

/* B65 */
static void chap_mutual(struct kunit *test)
{
	char in[256], out[256];
	int i;

	for (i = 0; i < ARRAY_SIZE(chap_vectors); i++) {
		const struct chap_vector *v = &chap_vectors[i];
		struct chap_run *run = chap_challenged(test, true, v->code);

		scnprintf(in, sizeof(in),
			  "CHAP_N=%s;CHAP_R=%s;CHAP_I=%s;CHAP_C=%s;",
			  USER, v->hex, PEER_ID, PEER_CHALLENGE);
		scnprintf(out, sizeof(out), "CHAP_N=%s;CHAP_R=%s;",
			  USER_MUTUAL, v->mutual);
		chap_expect(test, run, in, 0);
		KUNIT_EXPECT_STREQ(test, run->out, out);
	}
}

/* B62, B63, B64: after an MD5 challenge, mutual secrets configured */
static const struct {
	const char *in;
	int ret;
} response_cases[] = {
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";", 0 },
	{ "CHAP_R=" MD5_PROOF ";CHAP_N=" USER ";", 0 },
	/* a bit, a byte too few, a byte too many */
	{ "CHAP_N=" USER ";CHAP_R=0xb34a0f846efaa94663306e602c5f96dd;",
	  ERR_AUTH },
	{ "CHAP_N=" USER ";CHAP_R=0xb34a0f846efaa94663306e602c5f96;",
	  ERR_AUTH },
	{ "CHAP_N=" USER ";CHAP_R=0xb34a0f846efaa94663306e602c5f96dc00;",
	  ERR_AUTH },
	{ "CHAP_N=" USER ";CHAP_R=0x00b34a0f846efaa94663306e602c5f96dc;",
	  ERR_AUTH },
	{ "CHAP_N=" USER ";CHAP_R=0x;", ERR_AUTH },
	{ "CHAP_N=" USER ";CHAP_R=;", ERR_AUTH },
	{ "CHAP_N=" USER ";CHAP_R=0xZZ;", ERR_AUTH },
	{ "CHAP_N=" USER ";CHAP_R=b34a0f846efaa94663306e602c5f96dc;",
	  ERR_AUTH },
	/* the proof of another algorithm */
	{ "CHAP_N=" USER ";CHAP_R=0xe6ef675ad7a0ce739d4e0385f9ba6579c1741265;",
	  ERR_AUTH },
	{ "CHAP_N=Initiator;CHAP_R=" MD5_PROOF ";", ERR_AUTH },
	{ "CHAP_N=initiato;CHAP_R=" MD5_PROOF ";", ERR_AUTH },
	{ "CHAP_N=initiatorx;CHAP_R=" MD5_PROOF ";", ERR_AUTH },
	{ "CHAP_N=;CHAP_R=" MD5_PROOF ";", ERR_AUTH },
	{ "CHAP_N=" USER_MUTUAL ";CHAP_R=" MD5_PROOF ";", ERR_AUTH },
	/* order and partners */
	{ "CHAP_R=" MD5_PROOF ";", ERR_PROTOCOL },
	{ "CHAP_N=" USER ";", ERR_PROTOCOL },
	{ "CHAP_A=5;", ERR_PROTOCOL },
	{ "CHAP_I=1;CHAP_C=0x00;", ERR_PROTOCOL },
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_I=1;", ERR_PROTOCOL },
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_C=0x00;", ERR_PROTOCOL },
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_N=" USER ";",
	  ERR_PROTOCOL },
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_R=" MD5_PROOF ";",
	  ERR_PROTOCOL },
	/* their challenge */
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_I=256;CHAP_C=0x00;",
	  ERR_PROTOCOL },
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_I=;CHAP_C=0x00;",
	  ERR_PROTOCOL },
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_I=1;CHAP_C=;",
	  ERR_PROTOCOL },
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_I=1;CHAP_C=0xZZ;",
	  ERR_PROTOCOL },
	{ "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";CHAP_I=1;CHAP_C=0bZg;",
	  ERR_PROTOCOL },
	/* a bad proof is not answered, with or without a challenge */
	{ "CHAP_N=" USER ";CHAP_R=0x00;CHAP_I=1;CHAP_C=0x00;", ERR_AUTH },
};

static void chap_responses(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(response_cases); i++) {
		struct chap_run *run = chap_challenged(test, true, 5);

		chap_expect(test, run, response_cases[i].in,
			    response_cases[i].ret);
		if (!response_cases[i].ret)
			continue;
		/* There is no second try. */
		KUNIT_EXPECT_NE(test, chap_exchange(run, "CHAP_N=" USER
						    ";CHAP_R=" MD5_PROOF ";"),
				0);
		KUNIT_EXPECT_FALSE(test, tiscsi_chap_done(&run->chap));
	}
}

/* B64: nothing but CHAP_A comes first, and a request without keys waits */
static void chap_order(struct kunit *test)
{
	static const char *const first[] = {
		"CHAP_N=" USER ";", "CHAP_R=" MD5_PROOF ";", "CHAP_I=1;",
		"CHAP_C=0x00;", "CHAP_A=5;CHAP_N=" USER ";",
	};
	struct chap_run *run;
	int i;

	for (i = 0; i < ARRAY_SIZE(first); i++) {
		run = chap_run_new(test, false);
		chap_expect(test, run, first[i], ERR_PROTOCOL);
	}
	run = chap_run_new(test, false);
	KUNIT_EXPECT_EQ(test, chap_exchange(run, ""), 0);
	KUNIT_EXPECT_FALSE(test, tiscsi_chap_done(&run->chap));
	KUNIT_EXPECT_EQ(test, tiscsi_chap_pair(&run->chap, KEY_SRP_U, "x"),
			ERR_PROTOCOL);
	run = chap_challenged(test, false, 5);
	KUNIT_EXPECT_EQ(test, chap_exchange(run, ""), 0);
	KUNIT_EXPECT_FALSE(test, tiscsi_chap_done(&run->chap));
	chap_expect(test, run, "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";", 0);
	KUNIT_EXPECT_EQ(test, chap_exchange(run, "CHAP_N=" USER ";"),
			ERR_PROTOCOL);
}

/* Hex digits in @digits bytes of CHAP_C and CHAP_R (B62, J05) */
static void chap_lengths(struct kunit *test)
{
	static const struct {
		const char *key;
		int digits;
		int ret;
	} cases[] = {
		{ "CHAP_C", 2 * 1024 - 1, 0 },
		{ "CHAP_C", 2 * 1024, 0 },
		{ "CHAP_C", 2 * 1024 + 1, ERR_PROTOCOL },
		{ "CHAP_C", 2 * 1025, ERR_PROTOCOL },
		{ "CHAP_R", 2049, ERR_AUTH },
	};
	char *in = kunit_kzalloc(test, 4096, GFP_KERNEL);
	struct chap_run *run;
	int i, len;

	KUNIT_ASSERT_NOT_NULL(test, in);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		run = chap_challenged(test, true, 5);
		len = scnprintf(in, 4096, "CHAP_N=%s;", USER);
		if (!strcmp(cases[i].key, "CHAP_C"))
			len += scnprintf(in + len, 4096 - len,
					 "CHAP_R=%s;CHAP_I=1;", MD5_PROOF);
		len += scnprintf(in + len, 4096 - len, "%s=0x", cases[i].key);
		memset(in + len, '7', cases[i].digits);
		len += cases[i].digits;
		in[len++] = ';';
		in[len] = '\0';
		chap_expect(test, run, in, cases[i].ret);
	}
	/* base64: 1400 characters are 1050 bytes */
	run = chap_challenged(test, true, 5);
	len = scnprintf(in, 4096, "CHAP_N=%s;CHAP_R=%s;CHAP_I=1;CHAP_C=0b",
			USER, MD5_PROOF);
	memset(in + len, 'A', 1400);
	strscpy(in + len + 1400, ";", 2);
	chap_expect(test, run, in, ERR_PROTOCOL);
	/* 255 bytes are a name, 256 are none; both are unknown. */
	for (i = 255; i <= 256; i++) {
		run = chap_challenged(test, true, 5);
		len = scnprintf(in, 4096, "CHAP_N=");
		memset(in + len, 'n', i);
		scnprintf(in + len + i, 4096 - len - i, ";CHAP_R=%s;",
			  MD5_PROOF);
		chap_expect(test, run, in, ERR_AUTH);
	}
}

static void chap_reflect(struct kunit *test, struct chap_run *run,
			 const u8 *challenge, int ret)
{
	char in[256], hex[2 * TISCSI_CHALLENGE_LEN + 1];

	*bin2hex(hex, challenge, TISCSI_CHALLENGE_LEN) = '\0';
	scnprintf(in, sizeof(in), "CHAP_N=%s;CHAP_R=%s;CHAP_I=1;CHAP_C=0x%s;",
		  USER, MD5_PROOF, hex);
	chap_expect(test, run, in, ret);
}

/* B66 */
static void chap_reflection(struct kunit *test)
{
	u8 stale[TISCSI_CHALLENGE_LEN];
	struct chap_run *run, *other;

	run = chap_challenged(test, true, 5);
	chap_reflect(test, run, run->chap.ours.bytes, ERR_AUTH);

	other = chap_run_new(test, true);
	KUNIT_ASSERT_EQ(test, chap_exchange(other, "CHAP_A=5;"), 0);
	run = chap_challenged(test, true, 5);
	chap_reflect(test, run, other->chap.ours.bytes, ERR_AUTH);

	/* One that nobody waits for any more is as good as any. */
	memcpy(stale, other->chap.ours.bytes, sizeof(stale));
	tiscsi_chap_free(&other->chap);
	run = chap_challenged(test, true, 5);
	chap_reflect(test, run, stale, 0);
}

/* B65, B66, B67 */
static void chap_credentials(struct kunit *test)
{
	static const char one_way[] = "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";";
	static const char mutual[] = "CHAP_N=" USER ";CHAP_R=" MD5_PROOF
				     ";CHAP_I=1;CHAP_C=0x0102;";
	struct chap_run *run;

	/* mutual asked for, not configured */
	run = chap_challenged(test, false, 5);
	chap_expect(test, run, mutual, ERR_AUTH);
	run = chap_challenged(test, true, 5);
	run->chap.auth.userid_mutual_set = false;
	chap_expect(test, run, mutual, ERR_AUTH);
	/* nothing to compare with */
	run = chap_challenged(test, false, 5);
	run->chap.auth.password_set = false;
	chap_expect(test, run, one_way, ERR_AUTH);
	run = chap_challenged(test, false, 5);
	run->chap.auth.userid_set = false;
	chap_expect(test, run, one_way, ERR_AUTH);
	run = chap_challenged(test, false, 5);
	run->chap.auth.userid[0] = '\0';
	chap_expect(test, run, "CHAP_N=;CHAP_R=" MD5_PROOF ";", ERR_AUTH);
	/* one secret for both directions */
	run = chap_challenged(test, true, 5);
	strscpy(run->chap.auth.password_mutual, SECRET, TISCSI_SECRET_LEN);
	chap_expect(test, run, one_way, ERR_AUTH);
	run = chap_challenged(test, true, 5);
	strscpy(run->chap.auth.password_mutual, SECRET, TISCSI_SECRET_LEN);
	chap_expect(test, run, mutual, ERR_AUTH);
}

static struct tiscsi_creds *chap_creds(struct kunit *test)
{
	static const char *const users[][2] = {
		{ "anna", "anna secret 12" }, { USER, "not the secret" },
		{ "initiato", SECRET }, { "initiatorx", SECRET },
		{ "bert", SECRET },
	};
	struct tiscsi_creds *creds;
	const size_t size = struct_size(creds, v, ARRAY_SIZE(users));
	u32 i;

	creds = kvzalloc(size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, creds);
	kref_init(&creds->ref);
	creds->size = size;
	creds->nr = ARRAY_SIZE(users);
	for (i = 0; i < creds->nr; i++) {
		strscpy(creds->v[i].userid, users[i][0], TISCSI_SECRET_LEN);
		strscpy(creds->v[i].password, users[i][1], TISCSI_SECRET_LEN);
		creds->v[i].userid_set = true;
		creds->v[i].password_set = true;
	}
	return creds;
}

/* B63: of several, those that go with the name; the first set goes before. */
static void chap_several(struct kunit *test)
{
	static const struct {
		const char *user;
		int ret;
	} cases[] = {
		{ USER, 0 }, { "bert", 0 }, { "initiato", 0 },
		{ "initiatorx", 0 }, { "anna", ERR_AUTH },
		{ "carl", ERR_AUTH }, { "", ERR_AUTH }, { "ber", ERR_AUTH },
	};
	struct tiscsi_creds *creds = chap_creds(test);
	struct chap_run *run;
	char in[128];
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		run = chap_challenged(test, false, 5);
		run->chap.creds = tiscsi_creds_get(creds);
		scnprintf(in, sizeof(in), "CHAP_N=%s;CHAP_R=%s;",
			  cases[i].user, MD5_PROOF);
		chap_expect(test, run, in, cases[i].ret);
	}
	tiscsi_creds_put(creds);
}

/* The credentials at the start count; J06: nothing is left at the end. */
static void chap_copies_and_wipes(struct kunit *test)
{
	struct chap_run *run = chap_challenged(test, true, 5);

	memset(&run->auth, 0, sizeof(run->auth));
	chap_expect(test, run, "CHAP_N=" USER ";CHAP_R=" MD5_PROOF ";", 0);
	tiscsi_chap_free(&run->chap);
	KUNIT_EXPECT_NULL(test, memchr_inv(&run->chap, 0, sizeof(run->chap)));
	/* Twice, or without a start, does no harm. */
	tiscsi_chap_free(&run->chap);
}

static int chap_suite_init(struct kunit_suite *suite)
{
	tiscsi_chap_setup();
	return 0;
}

static void chap_suite_exit(struct kunit_suite *suite)
{
	tiscsi_chap_teardown();
}

static struct kunit_case chap_test_cases[] = {
	KUNIT_CASE(chap_algorithms),
	KUNIT_CASE(chap_challenges),
	KUNIT_CASE(chap_one_way),
	KUNIT_CASE(chap_mutual),
	KUNIT_CASE(chap_responses),
	KUNIT_CASE(chap_order),
	KUNIT_CASE(chap_lengths),
	KUNIT_CASE(chap_reflection),
	KUNIT_CASE(chap_credentials),
	KUNIT_CASE(chap_several),
	KUNIT_CASE(chap_copies_and_wipes),
	{}
};

static struct kunit_suite chap_suite = {
	.name = "tcm_iscsi_chap",
	.suite_init = chap_suite_init,
	.suite_exit = chap_suite_exit,
	.test_cases = chap_test_cases,
};

kunit_test_suite(chap_suite);
