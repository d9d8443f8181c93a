// SPDX-License-Identifier: GPL-2.0
/*
 * The key table and negotiation (rows B17 to B56, C38).
 *
 * Pairs are written with ';' where NUL bytes are on the wire.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "params.h"

#define ERR		0x0200		/* initiator error */
#define NEGO_TEXT	1024
#define NEGO_STEPS	3

/* ------------------------------------------------------------------ */
/* a negotiation in a table                                            */
/* ------------------------------------------------------------------ */

struct nego_step {
	const char *in;
	const char *out;
	int ret;		/* of the last pair taken */
};

/**
 * struct nego_case - one negotiation
 * @what: for messages
 * @local: what configfs holds that is not the default
 * @phase: of all steps
 * @joining: not the leading connection
 * @greeting: MaxRecvDataSegmentLength is still to be declared
 * @step: requests and their answers
 * @finish: result of tiscsi_nego_finish()
 * @values: keys afterwards, as configfs would show them
 */
struct nego_case {
	const char *what;
	const char *local;
	enum tiscsi_phase phase;
	bool joining;
	bool greeting;
	struct nego_step step[NEGO_STEPS];
	int finish;
	const char *values;
};

struct nego_run {
	struct tiscsi_nego n;
	struct tiscsi_keys local;
	char in[NEGO_TEXT];
	char out[NEGO_TEXT];
	struct tiscsi_text text;
};

static unsigned int nego_key_id(const char *name)
{
	unsigned int id;

	for (id = 0; id < TISCSI_NR_KEYS; id++)
		if (!strcmp(tiscsi_key_name(id), name))
			return id;
	return TISCSI_NR_KEYS;
}

/* Cuts "Key=value;Key=value" apart; false at the end. */
static bool nego_next_word(char **pos, char **key, char **value)
{
	char *pair = strsep(pos, ";");

	if (!pair || !*pair)
		return false;
	*value = pair;
	*key = strsep(value, "=");
	return *value;
}

static struct nego_run *nego_run_new(struct kunit *test, const char *local)
{
	struct nego_run *run = kunit_kzalloc(test, sizeof(*run), GFP_KERNEL);
	char *pos, *key, *value;

	KUNIT_ASSERT_NOT_NULL(test, run);
	tiscsi_nego_init(&run->n);
	run->n.phase = PHASE_OPERATIONAL;
	run->n.leading = true;
	run->n.declared = true;
	tiscsi_keys_local_defaults(&run->local);
	run->n.local = &run->local;
	strscpy(run->in, local ?: "", sizeof(run->in));
	pos = run->in;
	while (nego_next_word(&pos, &key, &value)) {
		unsigned int id = nego_key_id(key);

		KUNIT_ASSERT_LT(test, id, TISCSI_NR_KEYS);
		KUNIT_ASSERT_EQ(test, tiscsi_key_store(id, &run->local, value),
				0);
	}
	return run;
}

/* One request and its response; run->out is the latter. */
static int nego_exchange(struct kunit *test, struct nego_run *run,
			 const char *in)
{
	struct tiscsi_text_iter it;
	char *key, *value;
	size_t len;
	int ret = 0;

	len = strscpy(run->in, in, sizeof(run->in));
	strreplace(run->in, ';', '\0');
	run->text = (struct tiscsi_text) {
		.buf = run->out,
		.cap = sizeof(run->out) - 1,
	};
	tiscsi_text_iter_init(&it, run->in, len);
	while (!ret && tiscsi_text_next(&it, &key, &value) == 1)
		ret = tiscsi_nego_pair(&run->n, key, value, &run->text);
	if (!ret)
		tiscsi_nego_declare(&run->n, &run->text);
	KUNIT_EXPECT_FALSE(test, run->text.overflow);
	for (len = 0; len < run->text.len; len++)
		if (!run->out[len])
			run->out[len] = ';';
	run->out[run->text.len] = '\0';
	return ret;
}

static void nego_expect_values(struct kunit *test, const struct nego_case *c,
			       struct nego_run *run)
{
	char *pos = run->in, *key, *value;
	char page[128];

	strscpy(run->in, c->values ?: "", sizeof(run->in));
	while (nego_next_word(&pos, &key, &value)) {
		unsigned int id = nego_key_id(key);

		KUNIT_ASSERT_LT(test, id, TISCSI_NR_KEYS);
		tiscsi_key_show(id, &run->n.keys, page);
		strim(page);
		KUNIT_EXPECT_STREQ_MSG(test, page, value, "%s: %s", c->what,
				       key);
	}
}

static void nego_run_case(struct kunit *test, const struct nego_case *c)
{
	struct nego_run *run = nego_run_new(test, c->local);
	int i, ret = 0;

	run->n.phase = c->phase;
	run->n.leading = !c->joining;
	run->n.declared = !c->greeting;
	for (i = 0; i < NEGO_STEPS && c->step[i].in; i++) {
		ret = nego_exchange(test, run, c->step[i].in);
		KUNIT_EXPECT_EQ_MSG(test, ret, c->step[i].ret, "%s: %s",
				    c->what, c->step[i].in);
		if (ret)
			break;
		KUNIT_EXPECT_STREQ_MSG(test, run->out, c->step[i].out ?: "",
				       "%s: %s", c->what, c->step[i].in);
	}
	if (ret)
		return;
	KUNIT_EXPECT_EQ_MSG(test, tiscsi_nego_finish(&run->n), c->finish, "%s",
			    c->what);
	nego_expect_values(test, c, run);
}

static void nego_run_cases(struct kunit *test, const struct nego_case *cases,
			   size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		nego_run_case(test, &cases[i]);
}

#define OP		.phase = PHASE_OPERATIONAL
#define SEC		.phase = PHASE_SECURITY
#define FFP		.phase = PHASE_FFP

/* ------------------------------------------------------------------ */
/* the table itself                                                    */
/* ------------------------------------------------------------------ */

static void params_names(struct kunit *test)
{
	struct tiscsi_text_iter it;
	unsigned int id, other;
	char buf[80], *key, *value;
	int len;

	for (id = 0; id < TISCSI_NR_NAMES; id++) {
		const char *name = tiscsi_key_name(id);

		KUNIT_ASSERT_NOT_NULL(test, name);
		for (other = 0; other < id; other++)
			KUNIT_EXPECT_STRNEQ(test, name, tiscsi_key_name(other));
		len = scnprintf(buf, sizeof(buf), "%s=1", name) + 1;
		tiscsi_text_iter_init(&it, buf, len);
		KUNIT_EXPECT_EQ_MSG(test, tiscsi_text_next(&it, &key, &value),
				    1, "%s", name);
	}
}

/* Defaults of RFC 7143 clause 13, and what configfs shows at first. */
static const struct {
	enum tiscsi_key id;
	const char *def;
	const char *local;
} default_cases[] = {
	{ KEY_HEADER_DIGEST, "None\n", "CRC32C,None\n" },
	{ KEY_DATA_DIGEST, "None\n", "CRC32C,None\n" },
	{ KEY_MAX_CONNECTIONS, "1\n", "1\n" },
	{ KEY_INITIAL_R2T, "Yes\n", "Yes\n" },
	{ KEY_IMMEDIATE_DATA, "Yes\n", "Yes\n" },
	{ KEY_MAX_RECV_DSL, "8192\n", "8192\n" },
	{ KEY_MAX_XMIT_DSL, "8192\n", "262144\n" },
	{ KEY_MAX_BURST, "262144\n", "262144\n" },
	{ KEY_FIRST_BURST, "65536\n", "65536\n" },
	{ KEY_TIME2WAIT, "2\n", "2\n" },
	{ KEY_TIME2RETAIN, "20\n", "20\n" },
	{ KEY_MAX_R2T, "1\n", "1\n" },
	{ KEY_DATA_PDU_IN_ORDER, "Yes\n", "Yes\n" },
	{ KEY_DATA_SEQ_IN_ORDER, "Yes\n", "Yes\n" },
	{ KEY_ERL, "0\n", "0\n" },
	{ KEY_TASK_REPORTING, "RFC3720\n",
	  "RFC3720,ResponseFence,FastAbort\n" },
	{ KEY_PROTOCOL_LEVEL, "1\n", "2\n" },
	{ KEY_IF_MARKER, "No\n", "No\n" },
	{ KEY_OF_MARKER, "No\n", "No\n" },
	{ KEY_IF_MARK_INT, "Reject\n", "Reject\n" },
	{ KEY_OF_MARK_INT, "Reject\n", "Reject\n" },
	{ KEY_AUTH_METHOD, "None\n", "CHAP\n" },
};

static void params_defaults(struct kunit *test)
{
	struct tiscsi_keys def, local, back;
	char page[128];
	int i;

	KUNIT_ASSERT_EQ(test, ARRAY_SIZE(default_cases), TISCSI_NR_KEYS);
	tiscsi_keys_defaults(&def);
	tiscsi_keys_local_defaults(&local);
	back = def;
	for (i = 0; i < ARRAY_SIZE(default_cases); i++) {
		enum tiscsi_key id = default_cases[i].id;

		KUNIT_EXPECT_EQ(test, tiscsi_key_show(id, &def, page),
				strlen(default_cases[i].def));
		KUNIT_EXPECT_STREQ(test, page, default_cases[i].def);
		tiscsi_key_show(id, &local, page);
		KUNIT_EXPECT_STREQ(test, page, default_cases[i].local);
		/* What is shown can be written back. */
		KUNIT_EXPECT_EQ(test, tiscsi_key_store(id, &back, page), 0);
		KUNIT_EXPECT_EQ(test, back.v[id], local.v[id]);
	}
}

/* ------------------------------------------------------------------ */
/* configfs                                                            */
/* ------------------------------------------------------------------ */

/* NULL: refused */
static const struct {
	enum tiscsi_key id;
	const char *write;
	const char *show;
} store_cases[] = {
	{ KEY_MAX_BURST, "512", "512\n" },
	{ KEY_MAX_BURST, "512\n", "512\n" },
	{ KEY_MAX_BURST, "0x2000", "8192\n" },
	{ KEY_MAX_BURST, "16777215", "16777215\n" },
	{ KEY_MAX_BURST, "511", NULL },
	{ KEY_MAX_BURST, "16777216", NULL },
	{ KEY_MAX_BURST, "4294967808", NULL },	/* 2^32 + 512 */
	{ KEY_MAX_BURST, "", NULL },
	{ KEY_MAX_BURST, "\n", NULL },
	{ KEY_MAX_BURST, "512\n\n", NULL },
	{ KEY_MAX_BURST, " 512", NULL },
	{ KEY_MAX_BURST, "-1", NULL },
	{ KEY_MAX_BURST, "Irrelevant", NULL },
	{ KEY_MAX_RECV_DSL, "511", NULL },
	{ KEY_MAX_RECV_DSL, "512", "512\n" },
	{ KEY_MAX_XMIT_DSL, "16777216", NULL },
	{ KEY_MAX_CONNECTIONS, "0", NULL },
	{ KEY_MAX_CONNECTIONS, "65535", "65535\n" },
	{ KEY_MAX_CONNECTIONS, "65536", NULL },
	{ KEY_TIME2WAIT, "0", "0\n" },
	{ KEY_TIME2WAIT, "3600", "3600\n" },
	{ KEY_TIME2WAIT, "3601", NULL },
	{ KEY_TIME2RETAIN, "abc", NULL },
	{ KEY_MAX_R2T, "0", NULL },
	{ KEY_MAX_R2T, "65535", "65535\n" },
	{ KEY_ERL, "2", "2\n" },
	{ KEY_ERL, "3", NULL },
	{ KEY_INITIAL_R2T, "No", "No\n" },
	{ KEY_INITIAL_R2T, "Yes\n", "Yes\n" },
	{ KEY_INITIAL_R2T, "yes", NULL },
	{ KEY_INITIAL_R2T, "Y", NULL },
	{ KEY_INITIAL_R2T, "1", NULL },
	{ KEY_HEADER_DIGEST, "None", "None\n" },
	{ KEY_HEADER_DIGEST, "None,CRC32C", "None,CRC32C\n" },
	{ KEY_HEADER_DIGEST, "None,None", "None,None\n" },
	{ KEY_HEADER_DIGEST, "CRC32C,None,SHA1", NULL },
	{ KEY_HEADER_DIGEST, "CRC32C,", NULL },
	{ KEY_HEADER_DIGEST, ",CRC32C", NULL },
	{ KEY_HEADER_DIGEST, "CRC32C,,None", NULL },
	{ KEY_HEADER_DIGEST, "crc32c", NULL },
	{ KEY_HEADER_DIGEST, "CRC32", NULL },
	{ KEY_HEADER_DIGEST, "", NULL },
	{ KEY_HEADER_DIGEST, "None,None,None,None,None,None,None,None",
	  "None,None,None,None,None,None,None,None\n" },
	{ KEY_HEADER_DIGEST, "None,None,None,None,None,None,None,None,None",
	  NULL },
	{ KEY_AUTH_METHOD, "CHAP,None", "CHAP,None\n" },
	{ KEY_AUTH_METHOD, "None", "None\n" },
	{ KEY_AUTH_METHOD, "CHAP,SRP", NULL },
	{ KEY_AUTH_METHOD, "CRC32C", NULL },
	{ KEY_IF_MARKER, "Yes", "Yes\n" },
	{ KEY_IF_MARKER, "Reject", NULL },
	{ KEY_IF_MARK_INT, "Reject", "Reject\n" },
	{ KEY_IF_MARK_INT, "2048~65535", "2048~65535\n" },
	{ KEY_IF_MARK_INT, "2048", "2048\n" },
	{ KEY_IF_MARK_INT, "65535~2048", NULL },
	{ KEY_IF_MARK_INT, "0", NULL },
	{ KEY_IF_MARK_INT, "1~65536", NULL },
	{ KEY_IF_MARK_INT, "1~2~3", NULL },
	{ KEY_IF_MARK_INT, "~", NULL },
	{ KEY_IF_MARK_INT, "abc", NULL },
};

static void params_store(struct kunit *test)
{
	struct tiscsi_keys keys, before;
	char page[128];
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(store_cases); i++) {
		enum tiscsi_key id = store_cases[i].id;
		const char *show = store_cases[i].show;

		tiscsi_keys_local_defaults(&keys);
		before = keys;
		ret = tiscsi_key_store(id, &keys, store_cases[i].write);
		KUNIT_EXPECT_EQ_MSG(test, ret, show ? 0 : -EINVAL, "%s=%s",
				    tiscsi_key_name(id), store_cases[i].write);
		if (!show) {
			KUNIT_EXPECT_EQ(test, memcmp(&keys, &before,
						     sizeof(keys)), 0);
			continue;
		}
		KUNIT_EXPECT_EQ(test, tiscsi_key_show(id, &keys, page),
				strlen(show));
		KUNIT_EXPECT_STREQ(test, page, show);
	}
}

static void params_store_long(struct kunit *test)
{
	struct tiscsi_keys keys;
	char *page = kunit_kzalloc(test, 4096, GFP_KERNEL);
	size_t len;

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(page, '0', 4095);
	page[1] = 'x';
	for (len = 250; len <= 4095; len++) {
		page[len] = '\0';
		tiscsi_keys_local_defaults(&keys);
		/* Zeros after 0x: a number, but not longer than a value. */
		KUNIT_EXPECT_EQ(test, tiscsi_key_store(KEY_TIME2WAIT, &keys,
						       page),
				len > TISCSI_VALUE_MAX ? -EINVAL : 0);
		page[len] = '0';
		if (len == 260)
			len = 4094;
	}
}

static void params_recv_dsl(struct kunit *test)
{
	struct tiscsi_keys keys;

	tiscsi_keys_local_defaults(&keys);
	KUNIT_EXPECT_EQ(test, tiscsi_keys_recv_dsl(&keys), 262144);
	keys.v[KEY_MAX_XMIT_DSL] = 4096;
	KUNIT_EXPECT_EQ(test, tiscsi_keys_recv_dsl(&keys), 4096);
	keys.v[KEY_MAX_RECV_DSL] = 65536;
	KUNIT_EXPECT_EQ(test, tiscsi_keys_recv_dsl(&keys), 65536);
	keys.v[KEY_MAX_RECV_DSL] = 512;
	KUNIT_EXPECT_EQ(test, tiscsi_keys_recv_dsl(&keys), 512);
}

/* ------------------------------------------------------------------ */
/* result functions                                                    */
/* ------------------------------------------------------------------ */

/* Offers @theirs with @ours configured; the answer is expected to be @want. */
static void nego_expect_number(struct kunit *test, enum tiscsi_key id,
			       u32 ours, u32 theirs, u32 want)
{
	const char *name = tiscsi_key_name(id);
	char local[64], in[64], out[64];
	struct nego_run *run;

	scnprintf(local, sizeof(local), "%s=%u", name, ours);
	scnprintf(in, sizeof(in), "%s=%u;", name, theirs);
	scnprintf(out, sizeof(out), "%s=%u;", name, want);
	run = nego_run_new(test, local);
	KUNIT_EXPECT_EQ_MSG(test, nego_exchange(test, run, in), 0, "%s", in);
	KUNIT_EXPECT_EQ_MSG(test, strncmp(run->out, out, strlen(out)), 0,
			    "ours %u, %s gave %s", ours, in, run->out);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[id], want);
}

/* B45, B48, B49, B50, B52, B54: Minimum, Maximum and our own limits */
static const struct {
	enum tiscsi_key id;
	bool maximum;
	u32 limit;
	u32 values[4];
} number_keys[] = {
	{ KEY_MAX_CONNECTIONS, false, TISCSI_MAX_CONNECTIONS,
	  { 1, 2, 7, 65535 } },
	{ KEY_MAX_BURST, false, U32_MAX, { 512, 65536, 262145, 16777215 } },
	/* MaxBurstLength is 262144 here. */
	{ KEY_FIRST_BURST, false, 262144, { 512, 65536, 262145, 16777215 } },
	{ KEY_TIME2WAIT, true, U32_MAX, { 0, 2, 100, 3600 } },
	{ KEY_TIME2RETAIN, false, U32_MAX, { 0, 20, 100, 3600 } },
	{ KEY_MAX_R2T, false, TISCSI_MAX_R2T, { 1, 2, 8, 65535 } },
	{ KEY_ERL, false, TISCSI_MAX_ERL, { 0, 1, 2, 2 } },
};

static void nego_numbers(struct kunit *test)
{
	int i, a, b;

	for (i = 0; i < ARRAY_SIZE(number_keys); i++) {
		const u32 *v = number_keys[i].values;

		for (a = 0; a < 4; a++) {
			for (b = 0; b < 4; b++) {
				u32 want = number_keys[i].maximum ?
					   max(v[a], v[b]) : min(v[a], v[b]);

				nego_expect_number(test, number_keys[i].id,
						   v[a], v[b],
						   min(want,
						       number_keys[i].limit));
			}
		}
	}
}

/* B42, B46, B51: all four offers, both of our values */
static const struct nego_case boolean_cases[] = {
	{ "OR Yes Yes", "InitialR2T=Yes", OP,
	  .step = { { "InitialR2T=Yes;", "InitialR2T=Yes;" } },
	  .values = "InitialR2T=Yes" },
	{ "OR Yes No", "InitialR2T=Yes", OP,
	  .step = { { "InitialR2T=No;", "InitialR2T=Yes;" } },
	  .values = "InitialR2T=Yes" },
	{ "OR No Yes", "InitialR2T=No", OP,
	  .step = { { "InitialR2T=Yes;", "InitialR2T=Yes;" } },
	  .values = "InitialR2T=Yes" },
	{ "OR No No", "InitialR2T=No", OP,
	  .step = { { "InitialR2T=No;", "InitialR2T=No;" } },
	  .values = "InitialR2T=No" },
	{ "AND Yes Yes", "ImmediateData=Yes", OP,
	  .step = { { "ImmediateData=Yes;", "ImmediateData=Yes;" } },
	  .values = "ImmediateData=Yes" },
	{ "AND Yes No", "ImmediateData=Yes", OP,
	  .step = { { "ImmediateData=No;", "ImmediateData=No;" } },
	  .values = "ImmediateData=No" },
	{ "AND No Yes", "ImmediateData=No", OP,
	  .step = { { "ImmediateData=Yes;", "ImmediateData=No;" } },
	  .values = "ImmediateData=No" },
	{ "AND No No", "ImmediateData=No", OP,
	  .step = { { "ImmediateData=No;", "ImmediateData=No;" } },
	  .values = "ImmediateData=No" },
	{ "data in order only", "DataPDUInOrder=No;DataSequenceInOrder=No", OP,
	  .step = { { "DataPDUInOrder=No;DataSequenceInOrder=No;",
		      "DataPDUInOrder=Yes;DataSequenceInOrder=Yes;" } },
	  .values = "DataPDUInOrder=Yes;DataSequenceInOrder=Yes" },
};

static void nego_booleans(struct kunit *test)
{
	nego_run_cases(test, boolean_cases, ARRAY_SIZE(boolean_cases));
}

/* B40, B44, B53 */
static const struct nego_case list_cases[] = {
	{ "first of theirs", NULL, OP,
	  .step = { { "HeaderDigest=CRC32C,None;", "HeaderDigest=CRC32C;" } },
	  .values = "HeaderDigest=CRC32C;DataDigest=None" },
	{ "their order, not ours", NULL, OP,
	  .step = { { "HeaderDigest=None,CRC32C;", "HeaderDigest=None;" } },
	  .values = "HeaderDigest=None" },
	{ "unknown items", NULL, OP,
	  .step = { { "DataDigest=Foo,CRC32C,None;", "DataDigest=CRC32C;" } },
	  .values = "DataDigest=CRC32C" },
	{ "nothing known", NULL, OP,
	  .step = { { "HeaderDigest=Foo;", "HeaderDigest=Reject;" } },
	  .values = "HeaderDigest=None" },
	{ "not allowed by us", "HeaderDigest=None", OP,
	  .step = { { "HeaderDigest=CRC32C;", "HeaderDigest=Reject;" } },
	  .values = "HeaderDigest=None" },
	{ "never what was not offered", "HeaderDigest=CRC32C", OP,
	  .step = { { "HeaderDigest=None;", "HeaderDigest=Reject;" } },
	  .finish = ERR },
	{ "empty list", NULL, OP,
	  .step = { { "HeaderDigest=;", "HeaderDigest=Reject;" } } },
	{ "empty item", NULL, OP,
	  .step = { { "HeaderDigest=CRC32C,,None;", "HeaderDigest=Reject;" } },
	  .values = "HeaderDigest=None" },
	{ "case of letters", NULL, OP,
	  .step = { { "HeaderDigest=crc32c,None;", "HeaderDigest=None;" } } },
	{ "part of a word", NULL, OP,
	  .step = { { "HeaderDigest=CRC32,CRC32CC,None;",
		      "HeaderDigest=None;" } } },
	{ "TaskReporting", NULL, OP,
	  .step = { { "TaskReporting=FastAbort,ResponseFence,RFC3720;",
		      "TaskReporting=FastAbort;" } } },
	{ "TaskReporting without ours", NULL, OP,
	  .step = { { "TaskReporting=X-none;", "TaskReporting=Reject;" } },
	  .values = "TaskReporting=RFC3720" },
};

static void nego_lists(struct kunit *test)
{
	nego_run_cases(test, list_cases, ARRAY_SIZE(list_cases));
}

/* B17, B18, B38, B41: what is no admissible value */
static const struct nego_case inadmissible_cases[] = {
	{ "zero", NULL, OP,
	  .step = { { "MaxOutstandingR2T=0;", "MaxOutstandingR2T=Reject;" } },
	  .values = "MaxOutstandingR2T=1" },
	{ "above", NULL, OP,
	  .step = { { "ErrorRecoveryLevel=3;", "ErrorRecoveryLevel=Reject;" } },
	  .values = "ErrorRecoveryLevel=0" },
	{ "below", NULL, OP,
	  .step = { { "MaxBurstLength=511;", "MaxBurstLength=Reject;" } },
	  .values = "MaxBurstLength=262144" },
	{ "hours", NULL, OP,
	  .step = { { "DefaultTime2Wait=3601;", "DefaultTime2Wait=Reject;" } },
	  .values = "DefaultTime2Wait=2" },
	{ "hex", NULL, OP,
	  .step = { { "MaxBurstLength=0x10000;", "MaxBurstLength=65536;" } },
	  .values = "MaxBurstLength=65536" },
	{ "octal", NULL, OP,
	  .step = { { "MaxBurstLength=010000;", "MaxBurstLength=Reject;" } } },
	{ "sign", NULL, OP,
	  .step = { { "MaxBurstLength=-1;", "MaxBurstLength=Reject;" } } },
	{ "2^64 + 512", NULL, OP,
	  .step = { { "MaxBurstLength=18446744073709552128;",
		      "MaxBurstLength=Reject;" } } },
	{ "2^32 + 512", NULL, OP,
	  .step = { { "MaxBurstLength=4294967808;",
		      "MaxBurstLength=Reject;" } } },
	{ "range", NULL, OP,
	  .step = { { "MaxBurstLength=512~1024;", "MaxBurstLength=Reject;" } },
	  .values = "MaxBurstLength=262144" },
	{ "empty number", NULL, OP,
	  .step = { { "MaxBurstLength=;", "MaxBurstLength=Reject;" } } },
	{ "None is for lists", NULL, OP,
	  .step = { { "MaxBurstLength=None;", "MaxBurstLength=Reject;" } } },
	{ "yes", NULL, OP,
	  .step = { { "ImmediateData=yes;", "ImmediateData=Reject;" } },
	  .values = "ImmediateData=Yes" },
	{ "empty boolean", NULL, OP,
	  .step = { { "ImmediateData=;", "ImmediateData=Reject;" } } },
	{ "key in small letters", NULL, OP,
	  .step = { { "headerdigest=None;", "headerdigest=NotUnderstood;" } } },
	{ "offer of Irrelevant", NULL, OP,
	  .step = { { "MaxConnections=Irrelevant;", .ret = ERR } } },
	{ "offer of Reject", NULL, OP,
	  .step = { { "HeaderDigest=Reject;", .ret = ERR } } },
	{ "offer of NotUnderstood", NULL, OP,
	  .step = { { "InitialR2T=NotUnderstood;", .ret = ERR } } },
	{ "offer of Reject, obsolete key", NULL, OP,
	  .step = { { "IFMarker=Reject;", .ret = ERR } } },
	{ "AuthMethod=Reject", NULL, SEC,
	  .step = { { "AuthMethod=Reject;", .ret = ERR } } },
	{ "declared too small", NULL, OP,
	  .step = { { "MaxRecvDataSegmentLength=511;", .ret = ERR } } },
	{ "declared too large", NULL, OP,
	  .step = { { "MaxRecvDataSegmentLength=16777216;", .ret = ERR } } },
	{ "protocol level above its range", NULL, OP,
	  .step = { { "iSCSIProtocolLevel=32;",
		      "iSCSIProtocolLevel=Reject;" } } },
	{ "protocol level", NULL, OP,
	  .step = { { "iSCSIProtocolLevel=31;", "iSCSIProtocolLevel=2;" } } },
	{ "protocol level 0", NULL, OP,
	  .step = { { "iSCSIProtocolLevel=0;", "iSCSIProtocolLevel=0;" } } },
};

static void nego_inadmissible(struct kunit *test)
{
	nego_run_cases(test, inadmissible_cases, ARRAY_SIZE(inadmissible_cases));
}

/* ------------------------------------------------------------------ */
/* declarations, other keys                                            */
/* ------------------------------------------------------------------ */

/* B19, B33, B37, B47, B55, B56 */
static const struct nego_case declared_cases[] = {
	{ "our segment length, once", NULL, OP, .greeting = true,
	  .step = { { "", "MaxRecvDataSegmentLength=262144;" },
		    { "", "" } },
	  .values = "MaxRecvDataSegmentLength=262144;"
		    "MaxXmitDataSegmentLength=8192" },
	{ "both segment lengths", NULL, OP, .greeting = true,
	  .step = { { "MaxRecvDataSegmentLength=65536;",
		      "MaxRecvDataSegmentLength=262144;" } },
	  .values = "MaxRecvDataSegmentLength=262144;"
		    "MaxXmitDataSegmentLength=65536" },
	{ "cap on what we send", "MaxXmitDataSegmentLength=16384", OP,
	  .greeting = true,
	  .step = { { "MaxRecvDataSegmentLength=65536;",
		      "MaxRecvDataSegmentLength=16384;" } },
	  .values = "MaxXmitDataSegmentLength=16384" },
	{ "what we receive", "MaxRecvDataSegmentLength=4096", OP,
	  .greeting = true,
	  .step = { { "", "MaxRecvDataSegmentLength=4096;" } },
	  .values = "MaxRecvDataSegmentLength=4096" },
	{ "not in the security stage", NULL, SEC, .greeting = true,
	  .step = { { "AuthMethod=None;", .ret = TISCSI_KEY_AUTH } } },
	{ "unknown keys", NULL, OP,
	  .step = { { "Foo=1;X-com.example.a=;",
		      "Foo=NotUnderstood;X-com.example.a=NotUnderstood;" } } },
	{ "a key of configfs only", NULL, OP,
	  .step = { { "MaxXmitDataSegmentLength=512;",
		      "MaxXmitDataSegmentLength=NotUnderstood;" } } },
	{ "markers", NULL, OP,
	  .step = { { "IFMarker=No;OFMarker=Yes;IFMarkInt=2048~65535;"
		      "OFMarkInt=2048;",
		      "IFMarker=Reject;OFMarker=Reject;IFMarkInt=Reject;"
		      "OFMarkInt=Reject;" } },
	  .values = "IFMarker=No;OFMarker=No" },
	{ "architecture", NULL, OP,
	  .step = { { "X#NodeArchitecture=Linux 6.1;", "" } } },
	{ "alias", NULL, SEC, .step = { { "InitiatorAlias=x;", "" } } },
	{ "keys of the target", NULL, OP,
	  .step = { { "TargetAlias=x;", .ret = ERR } } },
	{ "TargetAddress", NULL, SEC,
	  .step = { { "TargetAddress=1.2.3.4;", .ret = ERR } } },
	{ "TargetPortalGroupTag", NULL, SEC,
	  .step = { { "TargetPortalGroupTag=1;", .ret = ERR } } },
};

static void nego_declared(struct kunit *test)
{
	nego_run_cases(test, declared_cases, ARRAY_SIZE(declared_cases));
}

static void nego_long_values(struct kunit *test)
{
	static const char *const keys[] = {
		"InitiatorAlias", "X#NodeArchitecture"
	};
	char *in = kunit_kzalloc(test, NEGO_TEXT, GFP_KERNEL);
	struct nego_run *run;
	char value[258];
	int i, len;

	KUNIT_ASSERT_NOT_NULL(test, in);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		for (len = 254; len <= 256; len++) {
			memset(value, 'a', len);
			value[len] = '\0';
			run = nego_run_new(test, NULL);
			scnprintf(in, NEGO_TEXT, "%s=%s;", keys[i], value);
			KUNIT_EXPECT_EQ(test, nego_exchange(test, run, in),
					len > 255 ? ERR : 0);
			if (!i && len <= 255)
				KUNIT_EXPECT_STREQ(test, value,
						   run->n.initiator_alias);
		}
	}
	memset(value, 'a', 256);
	value[256] = '\0';
	run = nego_run_new(test, NULL);
	scnprintf(in, NEGO_TEXT, "DataDigest=%s,None;HeaderDigest=%.255s,None;",
		  value, value);
	KUNIT_EXPECT_EQ(test, nego_exchange(test, run, in), 0);
	KUNIT_EXPECT_STREQ(test, run->out,
			   "DataDigest=Reject;HeaderDigest=None;");
}

/* B22, B24: names and session type end where the caller looks for them */
static void nego_strings(struct kunit *test)
{
	static const char in[] = "InitiatorName=iqn.1994-05.org.EXAMPLE:i;"
				 "TargetName=EUI.02004567A425678D;"
				 "InitiatorAlias=a\tb\x7f\x1b[31m\xc3\xa4;"
				 "SessionType=Normal;";
	struct nego_run *run = nego_run_new(test, NULL);
	struct tiscsi_nego *n = &run->n;

	n->phase = PHASE_SECURITY;
	KUNIT_EXPECT_EQ(test, nego_exchange(test, run, in), 0);
	KUNIT_EXPECT_STREQ(test, run->out, "");
	KUNIT_EXPECT_STREQ(test, n->initiator_name,
			   "iqn.1994-05.org.example:i");
	KUNIT_EXPECT_STREQ(test, n->target_name, "eui.02004567a425678d");
	KUNIT_EXPECT_STREQ(test, n->initiator_alias, "a?b??[31m\xc3\xa4");
	KUNIT_EXPECT_TRUE(test, n->have_session_type);
	KUNIT_EXPECT_FALSE(test, n->discovery);

	run = nego_run_new(test, NULL);
	KUNIT_EXPECT_EQ(test, nego_exchange(test, run,
					    "SessionType=Discovery;"), 0);
	KUNIT_EXPECT_TRUE(test, run->n.have_session_type);
	KUNIT_EXPECT_TRUE(test, run->n.discovery);
}

static const struct nego_case string_cases[] = {
	{ "bad initiator name", NULL, SEC,
	  .step = { { "InitiatorName=foo;", .ret = ERR } } },
	{ "empty initiator name", NULL, SEC,
	  .step = { { "InitiatorName=;", .ret = ERR } } },
	{ "bad target name", NULL, SEC,
	  .step = { { "TargetName=foo;", .ret = 0x0203 } } },
	{ "session type", NULL, SEC,
	  .step = { { "SessionType=Foo;", .ret = 0x0209 } } },
	{ "session type in small letters", NULL, SEC,
	  .step = { { "SessionType=normal;", .ret = 0x0209 } } },
	{ "session type on another connection", NULL, SEC, .joining = true,
	  .step = { { "SessionType=Normal;", "" } } },
};

static void nego_bad_strings(struct kunit *test)
{
	nego_run_cases(test, string_cases, ARRAY_SIZE(string_cases));
}

/* B57: the list, in its order, without what nobody knows */
static void nego_auth_method(struct kunit *test)
{
	static const struct {
		const char *in;
		u32 list;
		u32 with_both;
		u32 with_chap;
	} cases[] = {
		{ "AuthMethod=None;", AUTH_NONE, AUTH_NONE, 0 },
		{ "AuthMethod=CHAP;", AUTH_CHAP, AUTH_CHAP, AUTH_CHAP },
		{ "AuthMethod=KRB5,CHAP,None;", AUTH_CHAP | AUTH_NONE << 4,
		  AUTH_CHAP, AUTH_CHAP },
		{ "AuthMethod=None,CHAP;", AUTH_NONE | AUTH_CHAP << 4,
		  AUTH_NONE, AUTH_CHAP },
		{ "AuthMethod=None,CHAP,None,CHAP;", AUTH_NONE | AUTH_CHAP << 4,
		  AUTH_NONE, AUTH_CHAP },
		{ "AuthMethod=KRB5;", 0, 0, 0 },
	};
	u32 both = AUTH_CHAP | AUTH_NONE << 4;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nego_run *run = nego_run_new(test, NULL);

		run->n.phase = PHASE_SECURITY;
		KUNIT_EXPECT_EQ(test, nego_exchange(test, run, cases[i].in),
				TISCSI_KEY_AUTH);
		KUNIT_EXPECT_EQ(test, run->n.id, KEY_AUTH_METHOD);
		KUNIT_EXPECT_EQ(test, run->n.auth_offered, cases[i].list);
		KUNIT_EXPECT_EQ(test,
				tiscsi_list_pick(run->n.auth_offered, both),
				cases[i].with_both);
		KUNIT_EXPECT_EQ(test, tiscsi_list_pick(run->n.auth_offered,
						       AUTH_CHAP),
				cases[i].with_chap);
	}
	KUNIT_EXPECT_STREQ(test, tiscsi_list_item_name(KEY_AUTH_METHOD,
						       AUTH_CHAP), "CHAP");
}

/* ------------------------------------------------------------------ */
/* stages, repetition, connections                                     */
/* ------------------------------------------------------------------ */

/* B34, B35, B43, C38 */
static const struct nego_case stage_cases[] = {
	{ "operational key in the security stage", NULL, SEC,
	  .step = { { "HeaderDigest=None;", .ret = ERR } } },
	{ "segment length in the security stage", NULL, SEC,
	  .step = { { "MaxRecvDataSegmentLength=8192;", .ret = ERR } } },
	{ "AuthMethod in the operational stage", NULL, OP,
	  .step = { { "AuthMethod=None;", .ret = ERR } } },
	{ "CHAP in the operational stage", NULL, OP,
	  .step = { { "CHAP_A=5;", .ret = ERR } } },
	{ "CHAP in the security stage", NULL, SEC,
	  .step = { { "CHAP_A=5;", .ret = TISCSI_KEY_AUTH } } },
	{ "SRP in the security stage", NULL, SEC,
	  .step = { { "SRP_U=x;", .ret = TISCSI_KEY_AUTH } } },
	{ "SendTargets in the security stage", NULL, SEC,
	  .step = { { "SendTargets=All;", .ret = ERR } } },
	{ "SendTargets in the operational stage", NULL, OP,
	  .step = { { "SendTargets=All;", .ret = ERR } } },
	{ "SendTargets in full feature phase", NULL, FFP,
	  .step = { { "SendTargets=All;", .ret = TISCSI_KEY_SENDTARGETS } } },
	{ "segment length in full feature phase", NULL, FFP,
	  .step = { { "MaxRecvDataSegmentLength=512;", "" } },
	  .values = "MaxXmitDataSegmentLength=512" },
	{ "alias in full feature phase", NULL, FFP,
	  .step = { { "InitiatorAlias=x;X-foo=1;", "X-foo=NotUnderstood;" } } },
	{ "MaxBurstLength in full feature phase", NULL, FFP,
	  .step = { { "MaxBurstLength=512;", .ret = ERR } } },
	{ "HeaderDigest in full feature phase", NULL, FFP,
	  .step = { { "HeaderDigest=None;", .ret = ERR } } },
	{ "TargetName in full feature phase", NULL, FFP,
	  .step = { { "TargetName=iqn.2001-04.com.example;", .ret = ERR } } },
	{ "marker in full feature phase", NULL, FFP,
	  .step = { { "IFMarker=No;", .ret = ERR } } },
	{ "twice in one request", NULL, OP,
	  .step = { { "MaxBurstLength=512;MaxBurstLength=512;",
		      .ret = ERR } } },
	{ "twice in two requests", NULL, OP,
	  .step = { { "MaxBurstLength=512;FirstBurstLength=512;",
		      "MaxBurstLength=512;FirstBurstLength=512;" },
		    { "MaxBurstLength=512;", .ret = ERR } } },
	{ "twice, the first one rejected", NULL, OP,
	  .step = { { "MaxBurstLength=1;", "MaxBurstLength=Reject;" },
		    { "MaxBurstLength=512;", .ret = ERR } } },
	{ "declared twice", NULL, OP,
	  .step = { { "MaxRecvDataSegmentLength=512;", "" },
		    { "MaxRecvDataSegmentLength=512;", .ret = ERR } } },
	{ "name twice", NULL, SEC,
	  .step = { { "InitiatorName=iqn.2001-04.com.example;", "" },
		    { "InitiatorName=iqn.2001-04.com.example;", .ret = ERR } } },
	{ "segment length twice in full feature phase", NULL, FFP,
	  .step = { { "MaxRecvDataSegmentLength=512;"
		      "MaxRecvDataSegmentLength=513;", .ret = ERR } } },
	{ "digest on another connection", NULL, OP, .joining = true,
	  .step = { { "HeaderDigest=CRC32C;", "HeaderDigest=CRC32C;" } } },
};

static void nego_stages(struct kunit *test)
{
	nego_run_cases(test, stage_cases, ARRAY_SIZE(stage_cases));
}

/* B43: every key that belongs to a session */
static void nego_leading_only(struct kunit *test)
{
	static const char *const pairs[] = {
		"MaxConnections=1;", "InitialR2T=Yes;", "ImmediateData=Yes;",
		"MaxBurstLength=512;", "FirstBurstLength=512;",
		"DefaultTime2Wait=2;", "DefaultTime2Retain=20;",
		"MaxOutstandingR2T=1;", "DataPDUInOrder=Yes;",
		"DataSequenceInOrder=Yes;", "ErrorRecoveryLevel=0;",
		"TaskReporting=RFC3720;", "iSCSIProtocolLevel=1;",
	};
	struct nego_run *run;
	int i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		run = nego_run_new(test, NULL);
		KUNIT_EXPECT_EQ(test, nego_exchange(test, run, pairs[i]), 0);
		KUNIT_EXPECT_STREQ(test, run->out, pairs[i]);
		run = nego_run_new(test, NULL);
		run->n.leading = false;
		KUNIT_EXPECT_EQ(test, nego_exchange(test, run, pairs[i]), ERR);
	}
}

static void nego_join_session(struct kunit *test)
{
	struct nego_run *run = nego_run_new(test, NULL);
	struct tiscsi_keys sess;
	unsigned int id;

	for (id = 0; id < TISCSI_NR_KEYS; id++)
		sess.v[id] = 1000 + id;
	tiscsi_nego_init(&run->n);
	run->n.leading = true;
	tiscsi_nego_join(&run->n, &sess);
	KUNIT_EXPECT_FALSE(test, run->n.leading);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_MAX_BURST],
			1000 + KEY_MAX_BURST);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_ERL], 1000 + KEY_ERL);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_TASK_REPORTING],
			1000 + KEY_TASK_REPORTING);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_HEADER_DIGEST], DIGEST_NONE);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_DATA_DIGEST], DIGEST_NONE);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_MAX_RECV_DSL], 8192);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_MAX_XMIT_DSL], 8192);
}

/*
 * B37: whatever the stage, a key that the RFC defines is answered with
 * something better than NotUnderstood, or ends the login.
 */
static void nego_all_understood(struct kunit *test)
{
	unsigned int id;
	int phase;
	char in[80];

	for (id = 0; id < TISCSI_NR_NAMES; id++) {
		if (id == KEY_MAX_XMIT_DSL)
			continue;
		for (phase = PHASE_SECURITY; phase <= PHASE_FFP; phase++) {
			struct nego_run *run = nego_run_new(test, NULL);

			run->n.phase = phase;
			scnprintf(in, sizeof(in), "%s=1;", tiscsi_key_name(id));
			nego_exchange(test, run, in);
			KUNIT_EXPECT_EQ(test, run->n.id, id);
			KUNIT_EXPECT_NULL(test, strstr(run->out,
						       "NotUnderstood"));
		}
	}
}

/* ------------------------------------------------------------------ */
/* rules between keys                                                  */
/* ------------------------------------------------------------------ */

/* B36, B48, B50 */
static const struct nego_case integrity_cases[] = {
	{ "first burst before a smaller burst", NULL, OP,
	  .step = { { "FirstBurstLength=65536;MaxBurstLength=8192;",
		      "MaxBurstLength=8192;FirstBurstLength=8192;" } },
	  .values = "MaxBurstLength=8192;FirstBurstLength=8192" },
	{ "first burst after a smaller burst", NULL, OP,
	  .step = { { "MaxBurstLength=8192;FirstBurstLength=65536;",
		      "MaxBurstLength=8192;FirstBurstLength=8192;" } },
	  .values = "MaxBurstLength=8192;FirstBurstLength=8192" },
	{ "smaller burst in the next request", NULL, OP,
	  .step = { { "FirstBurstLength=65536;", "FirstBurstLength=65536;" },
		    { "MaxBurstLength=8192;", "MaxBurstLength=8192;" } },
	  .values = "MaxBurstLength=8192;FirstBurstLength=8192" },
	{ "nothing unsolicited", NULL, OP,
	  .step = { { "FirstBurstLength=65536;InitialR2T=Yes;"
		      "ImmediateData=No;",
		      "InitialR2T=Yes;ImmediateData=No;"
		      "FirstBurstLength=Irrelevant;" } },
	  .values = "FirstBurstLength=65536" },
	{ "immediate data only", NULL, OP,
	  .step = { { "FirstBurstLength=4096;InitialR2T=Yes;"
		      "ImmediateData=Yes;",
		      "InitialR2T=Yes;ImmediateData=Yes;"
		      "FirstBurstLength=4096;" } },
	  .values = "FirstBurstLength=4096" },
	{ "unsolicited data only", "InitialR2T=No", OP,
	  .step = { { "FirstBurstLength=4096;InitialR2T=No;ImmediateData=No;",
		      "InitialR2T=No;ImmediateData=No;"
		      "FirstBurstLength=4096;" } },
	  .values = "FirstBurstLength=4096" },
};

static void nego_integrity_rules(struct kunit *test)
{
	nego_run_cases(test, integrity_cases, ARRAY_SIZE(integrity_cases));
}

/* As if it had been agreed on, also what we cannot do yet. */
static void nego_agreed(struct nego_run *run, enum tiscsi_key id, u32 val)
{
	run->n.keys.v[id] = val;
	__set_bit(id, run->n.seen);
}

/* B50, B52 */
static void nego_recovery_rules(struct kunit *test)
{
	struct nego_run *run;

	run = nego_run_new(test, "MaxOutstandingR2T=8");
	nego_agreed(run, KEY_ERL, 1);
	nego_exchange(test, run, "MaxOutstandingR2T=8;");
	KUNIT_EXPECT_STREQ(test, run->out, "MaxOutstandingR2T=1;");

	/* The rule holds in the end whatever was answered before. */
	run = nego_run_new(test, "MaxOutstandingR2T=8");
	nego_exchange(test, run, "MaxOutstandingR2T=8;");
	KUNIT_EXPECT_STREQ(test, run->out, "MaxOutstandingR2T=8;");
	nego_agreed(run, KEY_ERL, 1);
	KUNIT_EXPECT_EQ(test, tiscsi_nego_finish(&run->n), 0);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_MAX_R2T], 1);

	run = nego_run_new(test, "MaxOutstandingR2T=8");
	nego_agreed(run, KEY_ERL, 1);
	nego_agreed(run, KEY_DATA_SEQ_IN_ORDER, 0);
	nego_exchange(test, run, "MaxOutstandingR2T=8;");
	KUNIT_EXPECT_STREQ(test, run->out, "MaxOutstandingR2T=8;");

	run = nego_run_new(test, NULL);
	run->n.discovery = true;
	nego_agreed(run, KEY_ERL, 2);
	KUNIT_EXPECT_EQ(test, tiscsi_nego_finish(&run->n), 0);
	KUNIT_EXPECT_EQ(test, run->n.keys.v[KEY_ERL], 0);
}

/* B45, B46, B48, B51 to B54 */
static void nego_discovery(struct kunit *test)
{
	static const char in[] =
		"SessionType=Discovery;ErrorRecoveryLevel=2;MaxConnections=4;"
		"InitialR2T=No;ImmediateData=No;MaxBurstLength=512;"
		"FirstBurstLength=512;MaxOutstandingR2T=4;DataPDUInOrder=No;"
		"DataSequenceInOrder=No;TaskReporting=FastAbort,RFC3720;"
		"iSCSIProtocolLevel=2;HeaderDigest=CRC32C;DefaultTime2Wait=0;"
		"DefaultTime2Retain=0;MaxRecvDataSegmentLength=32768;";
	static const char out[] =
		"HeaderDigest=CRC32C;MaxConnections=Irrelevant;"
		"InitialR2T=Irrelevant;ImmediateData=Irrelevant;"
		"MaxBurstLength=Irrelevant;FirstBurstLength=Irrelevant;"
		"DefaultTime2Wait=2;DefaultTime2Retain=0;"
		"MaxOutstandingR2T=Irrelevant;DataPDUInOrder=Irrelevant;"
		"DataSequenceInOrder=Irrelevant;ErrorRecoveryLevel=0;"
		"TaskReporting=Irrelevant;iSCSIProtocolLevel=Irrelevant;";
	static const struct nego_case defaults = {
		.what = "discovery",
		.values = "MaxConnections=1;ErrorRecoveryLevel=0;"
			  "MaxOutstandingR2T=1;HeaderDigest=CRC32C;"
			  "MaxXmitDataSegmentLength=32768",
	};
	struct nego_run *run;

	run = nego_run_new(test, "ErrorRecoveryLevel=2;MaxConnections=8;"
				 "MaxOutstandingR2T=8");
	KUNIT_EXPECT_EQ(test, nego_exchange(test, run, in), 0);
	KUNIT_EXPECT_STREQ(test, run->out, out);
	KUNIT_EXPECT_EQ(test, tiscsi_nego_finish(&run->n), 0);
	nego_expect_values(test, &defaults, run);
}

/* Without a portal group, what a fresh one offers holds. */
static void nego_without_local(struct kunit *test)
{
	struct nego_run *run = nego_run_new(test, NULL);

	run->n.local = NULL;
	run->n.declared = false;
	KUNIT_EXPECT_EQ(test, nego_exchange(test, run,
					    "HeaderDigest=CRC32C,None;"), 0);
	KUNIT_EXPECT_STREQ(test, run->out,
			   "HeaderDigest=CRC32C;"
			   "MaxRecvDataSegmentLength=262144;");
	KUNIT_EXPECT_EQ(test, tiscsi_nego_finish(&run->n), 0);
}

/* ------------------------------------------------------------------ */
/* keys that we originate                                              */
/* ------------------------------------------------------------------ */

/* B39, and how little is asked */
static const struct nego_case originated_cases[] = {
	{ "nothing by default", NULL, OP, .step = { { "", "" } } },
	{ "nothing that holds anyway",
	  "MaxConnections=8;MaxOutstandingR2T=8;ErrorRecoveryLevel=2;"
	  "InitialR2T=No;MaxBurstLength=16777215;FirstBurstLength=16777215;"
	  "DefaultTime2Wait=0;DefaultTime2Retain=3600;HeaderDigest=None", OP,
	  .step = { { "", "" } } },
	{ "accepted", "HeaderDigest=CRC32C;MaxBurstLength=16384;"
	  "DefaultTime2Wait=5;DefaultTime2Retain=0", OP,
	  .step = { { "", "HeaderDigest=CRC32C;MaxBurstLength=16384;"
		      "FirstBurstLength=16384;DefaultTime2Wait=5;"
		      "DefaultTime2Retain=0;" },
		    { "HeaderDigest=CRC32C;MaxBurstLength=8192;"
		      "FirstBurstLength=512;DefaultTime2Wait=6;"
		      "DefaultTime2Retain=0;", "" } },
	  .values = "HeaderDigest=CRC32C;MaxBurstLength=8192;"
		    "FirstBurstLength=512;DefaultTime2Wait=6;"
		    "DefaultTime2Retain=0" },
	{ "only what was not offered", "MaxBurstLength=16384;"
	  "FirstBurstLength=8192", OP,
	  .step = { { "MaxBurstLength=65536;",
		      "MaxBurstLength=16384;FirstBurstLength=8192;" },
		    { "FirstBurstLength=8192;", "" } },
	  .values = "MaxBurstLength=16384;FirstBurstLength=8192" },
	{ "refused in every way", "MaxBurstLength=16384;DefaultTime2Wait=5;"
	  "DefaultTime2Retain=0", OP,
	  .step = { { "", "MaxBurstLength=16384;FirstBurstLength=16384;"
		      "DefaultTime2Wait=5;DefaultTime2Retain=0;" },
		    { "MaxBurstLength=Reject;FirstBurstLength=Irrelevant;"
		      "DefaultTime2Wait=NotUnderstood;", "" } },
	  .values = "MaxBurstLength=262144;FirstBurstLength=65536;"
		    "DefaultTime2Wait=2;DefaultTime2Retain=20" },
	{ "digest that we insist on", "DataDigest=CRC32C", OP,
	  .step = { { "", "DataDigest=CRC32C;" },
		    { "DataDigest=Reject;", "" } },
	  .finish = ERR },
	{ "digest that we insist on, no answer", "DataDigest=CRC32C", OP,
	  .step = { { "", "DataDigest=CRC32C;" }, { "", "" } },
	  .finish = ERR },
	{ "digest that we insist on, no operational stage",
	  "DataDigest=CRC32C", SEC,
	  .step = { { "InitiatorAlias=x;", "" } }, .finish = ERR },
	{ "offer decides", "ImmediateData=No", OP,
	  .step = { { "", "ImmediateData=No;" }, { "", "" } },
	  .values = "ImmediateData=No" },
	{ "offer decides, confirmed", "ImmediateData=No", OP,
	  .step = { { "", "ImmediateData=No;" },
		    { "ImmediateData=No;", "" } },
	  .values = "ImmediateData=No" },
	{ "offer decides, contradicted", "ImmediateData=No", OP,
	  .step = { { "", "ImmediateData=No;" },
		    { "ImmediateData=Yes;", "" } },
	  .values = "ImmediateData=No" },
	{ "offers crossed", "MaxBurstLength=16384;HeaderDigest=CRC32C", OP,
	  .step = { { "FirstBurstLength=512;",
		      "FirstBurstLength=512;HeaderDigest=CRC32C;"
		      "MaxBurstLength=16384;" },
		    { "MaxBurstLength=262144;HeaderDigest=None,CRC32C;",
		      "" } },
	  .values = "MaxBurstLength=16384;HeaderDigest=CRC32C" },
	{ "no number as answer", "MaxBurstLength=16384", OP,
	  .step = { { "FirstBurstLength=512;",
		      "FirstBurstLength=512;MaxBurstLength=16384;" },
		    { "MaxBurstLength=x;", .ret = ERR } } },
	{ "no digest of ours as answer", "HeaderDigest=CRC32C", OP,
	  .step = { { "", "HeaderDigest=CRC32C;" },
		    { "HeaderDigest=None;", .ret = ERR } } },
	{ "answered twice", "MaxBurstLength=16384;FirstBurstLength=512", OP,
	  .step = { { "", "MaxBurstLength=16384;FirstBurstLength=512;" },
		    { "MaxBurstLength=512;", "" },
		    { "MaxBurstLength=512;", .ret = ERR } } },
	{ "another connection", "MaxBurstLength=16384;HeaderDigest=CRC32C", OP,
	  .joining = true,
	  .step = { { "", "HeaderDigest=CRC32C;" },
		    { "HeaderDigest=CRC32C;", "" } },
	  .values = "HeaderDigest=CRC32C" },
	{ "discovery", "MaxBurstLength=16384;DefaultTime2Retain=0", OP,
	  .step = { { "SessionType=Discovery;", "DefaultTime2Retain=0;" } } },
};

static void nego_originated(struct kunit *test)
{
	nego_run_cases(test, originated_cases, ARRAY_SIZE(originated_cases));
}

/* B12: T = 0 exactly in the response that asks something */
static void nego_waits(struct kunit *test)
{
	struct nego_run *run;

	run = nego_run_new(test, NULL);
	run->n.declared = false;
	nego_exchange(test, run, "MaxBurstLength=512;");
	KUNIT_EXPECT_FALSE(test, tiscsi_nego_waits(&run->n));

	run = nego_run_new(test, "ImmediateData=No");
	nego_exchange(test, run, "");
	KUNIT_EXPECT_STREQ(test, run->out, "ImmediateData=No;");
	KUNIT_EXPECT_FALSE(test, tiscsi_nego_waits(&run->n));

	run = nego_run_new(test, "HeaderDigest=CRC32C");
	nego_exchange(test, run, "");
	KUNIT_EXPECT_TRUE(test, tiscsi_nego_waits(&run->n));
	nego_exchange(test, run, "HeaderDigest=CRC32C;");
	KUNIT_EXPECT_FALSE(test, tiscsi_nego_waits(&run->n));

	/* Not asked a second time. */
	run = nego_run_new(test, "HeaderDigest=CRC32C");
	nego_exchange(test, run, "");
	KUNIT_EXPECT_TRUE(test, tiscsi_nego_waits(&run->n));
	nego_exchange(test, run, "");
	KUNIT_EXPECT_STREQ(test, run->out, "");
	KUNIT_EXPECT_FALSE(test, tiscsi_nego_waits(&run->n));
}

/* What does not fit is not half there, and the caller can see it. */
static void nego_overflow(struct kunit *test)
{
	struct nego_run *run = nego_run_new(test, NULL);
	char key[] = "Foo", value[] = "1";
	char buf[8];
	struct tiscsi_text out = { .buf = buf, .cap = sizeof(buf) };

	KUNIT_EXPECT_EQ(test, tiscsi_nego_pair(&run->n, key, value, &out), 0);
	KUNIT_EXPECT_TRUE(test, out.overflow);
	KUNIT_EXPECT_EQ(test, out.len, 0);
}

static struct kunit_case params_test_cases[] = {
	KUNIT_CASE(params_names),
	KUNIT_CASE(params_defaults),
	KUNIT_CASE(params_store),
	KUNIT_CASE(params_store_long),
	KUNIT_CASE(params_recv_dsl),
	KUNIT_CASE(nego_numbers),
	KUNIT_CASE(nego_booleans),
	KUNIT_CASE(nego_lists),
	KUNIT_CASE(nego_inadmissible),
	KUNIT_CASE(nego_declared),
	KUNIT_CASE(nego_long_values),
	KUNIT_CASE(nego_strings),
	KUNIT_CASE(nego_bad_strings),
	KUNIT_CASE(nego_auth_method),
	KUNIT_CASE(nego_stages),
	KUNIT_CASE(nego_leading_only),
	KUNIT_CASE(nego_join_session),
	KUNIT_CASE(nego_all_understood),
	KUNIT_CASE(nego_integrity_rules),
	KUNIT_CASE(nego_recovery_rules),
	KUNIT_CASE(nego_discovery),
	KUNIT_CASE(nego_without_local),
	KUNIT_CASE(nego_originated),
	KUNIT_CASE(nego_waits),
	KUNIT_CASE(nego_overflow),
	{}
};

static struct kunit_suite params_suite = {
	.name = "tcm_iscsi_params",
	.test_cases = params_test_cases,
};

kunit_test_suite(params_suite);
