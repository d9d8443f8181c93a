// SPDX-License-Identifier: GPL-2.0
/*
 * Text, numbers, binary values and names (rows B16, B18, B22, B62, J04, J05).
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/slab.h>

#include "text.h"

/* A copy without a byte to spare, so that KASAN sees the first one too far. */
static void *text_exact_copy(struct kunit *test, const void *from, size_t len)
{
	void *p = kunit_kzalloc(test, len ?: 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return memcpy(p, from, len);
}

static void text_put_pairs(struct kunit *test)
{
	char buf[32];
	struct tiscsi_text t = { .buf = buf, .cap = sizeof(buf) };

	tiscsi_text_printf(&t, "A", "%u", 17);
	tiscsi_text_put(&t, "Bc", "");
	tiscsi_text_put_hex(&t, "D", "\x00\xfe", 2);
	KUNIT_EXPECT_FALSE(test, t.overflow);
	KUNIT_EXPECT_EQ(test, t.len, 18);
	KUNIT_EXPECT_EQ(test, memcmp(buf, "A=17\0Bc=\0D=0x00fe", 18), 0);
}

/* The pair of @need bytes is there as a whole or not at all. */
static void text_expect_pair(struct kunit *test, const struct tiscsi_text *t,
			     u32 need)
{
	KUNIT_EXPECT_EQ(test, t->overflow, t->cap < need);
	KUNIT_EXPECT_EQ(test, t->len, t->cap < need ? 0 : need);
}

/* For every capacity. */
static void text_put_overflow(struct kunit *test)
{
	u32 cap;

	for (cap = 0; cap <= 8; cap++) {
		char *buf = text_exact_copy(test, "        ", cap);
		struct tiscsi_text t = { .buf = buf, .cap = cap };

		tiscsi_text_put(&t, "ab", "cde");
		text_expect_pair(test, &t, 7);
		if (cap >= 7) {
			KUNIT_EXPECT_STREQ(test, buf, "ab=cde");
			continue;
		}
		/* What fits after that does not clear the flag. */
		tiscsi_text_put(&t, "a", "");
		KUNIT_EXPECT_TRUE(test, t.overflow);
		KUNIT_EXPECT_EQ(test, t.len, cap < 3 ? 0 : 3);
	}
	for (cap = 0; cap <= 8; cap++) {
		char *buf = text_exact_copy(test, "        ", cap);
		struct tiscsi_text t = { .buf = buf, .cap = cap };

		tiscsi_text_printf(&t, "ab", "%u", 123);
		text_expect_pair(test, &t, 7);
		if (cap >= 7)
			KUNIT_EXPECT_STREQ(test, buf, "ab=123");
	}
	for (cap = 0; cap <= 9; cap++) {
		char *buf = text_exact_copy(test, "         ", cap);
		struct tiscsi_text t = { .buf = buf, .cap = cap };

		tiscsi_text_put_hex(&t, "ab", "\x12", 1);
		text_expect_pair(test, &t, 8);
		if (cap >= 8)
			KUNIT_EXPECT_STREQ(test, buf, "ab=0x12");
	}
}

#define LABEL63 "A23456789012345678901234567890123456789012345678901234567890123"

struct text_case {
	const char *what;
	const char *text;
	size_t len;
	int pairs;	/* before the end or the error */
	int ret;	/* 0 or -EINVAL */
};

#define TEXT(_what, _text, _pairs, _ret) \
	{ _what, _text, sizeof(_text) - 1, _pairs, _ret }

static const struct text_case text_cases[] = {
	TEXT("nothing", "", 0, 0),
	TEXT("one pair", "A=1\0", 1, 0),
	TEXT("two pairs", "A=1\0B=2\0", 2, 0),
	TEXT("empty value", "A=\0", 1, 0),
	TEXT("equal sign in the value", "A=b=c\0", 1, 0),
	TEXT("extension keys", "X-com.example.a=1\0X#NodeArchitecture=z\0",
	     2, 0),
	TEXT("small first letter", "iSCSIProtocolLevel=1\0", 1, 0),
	TEXT("longest key", LABEL63 "=1\0", 1, 0),
	TEXT("key too long", LABEL63 "4=1\0", 0, -EINVAL),
	TEXT("no NUL", "A=1", 0, -EINVAL),
	TEXT("no NUL at the end of the second", "A=1\0B=2", 1, -EINVAL),
	TEXT("no equal sign", "Foo\0", 0, -EINVAL),
	TEXT("equal sign in the next pair only", "Foo\0A=1\0", 0, -EINVAL),
	TEXT("empty key", "=x\0", 0, -EINVAL),
	TEXT("empty pair", "\0", 0, -EINVAL),
	TEXT("empty pair in between", "A=1\0\0B=2\0", 1, -EINVAL),
	TEXT("space in the key", "A b=1\0", 0, -EINVAL),
	TEXT("control character in the key", "A\n=1\0", 0, -EINVAL),
	TEXT("format directive as key", "%n=1\0", 0, -EINVAL),
	TEXT("8-bit key", "\xc3\x84=1\0", 0, -EINVAL),
	TEXT("comma in the key", "A,B=1\0", 0, -EINVAL),
};

static void text_iterate(struct kunit *test)
{
	struct tiscsi_text_iter it;
	char *key, *value, *buf;
	int i, ret, pairs;

	for (i = 0; i < ARRAY_SIZE(text_cases); i++) {
		const struct text_case *c = &text_cases[i];

		buf = text_exact_copy(test, c->text, c->len);
		tiscsi_text_iter_init(&it, buf, c->len);
		pairs = 0;
		while ((ret = tiscsi_text_next(&it, &key, &value)) == 1)
			pairs++;
		KUNIT_EXPECT_EQ_MSG(test, ret, c->ret, "%s", c->what);
		KUNIT_EXPECT_EQ_MSG(test, pairs, c->pairs, "%s", c->what);
	}
}

static void text_iterate_splits(struct kunit *test)
{
	char buf[] = "A=1\0Bc=d=e\0F=";
	struct tiscsi_text_iter it;
	char *key, *value;

	tiscsi_text_iter_init(&it, buf, sizeof(buf));
	KUNIT_ASSERT_EQ(test, tiscsi_text_next(&it, &key, &value), 1);
	KUNIT_EXPECT_STREQ(test, key, "A");
	KUNIT_EXPECT_STREQ(test, value, "1");
	KUNIT_ASSERT_EQ(test, tiscsi_text_next(&it, &key, &value), 1);
	KUNIT_EXPECT_STREQ(test, key, "Bc");
	KUNIT_EXPECT_STREQ(test, value, "d=e");
	KUNIT_ASSERT_EQ(test, tiscsi_text_next(&it, &key, &value), 1);
	KUNIT_EXPECT_STREQ(test, key, "F");
	KUNIT_EXPECT_STREQ(test, value, "");
	KUNIT_EXPECT_EQ(test, tiscsi_text_next(&it, &key, &value), 0);
	KUNIT_EXPECT_EQ(test, tiscsi_text_next(&it, &key, &value), 0);
}

/*
 * Text made of what is special to the parser, from a fixed seed: it always
 * comes to an end, and every pair lies within the buffer.
 */
static void text_iterate_garbage(struct kunit *test)
{
	static const char alphabet[] = "=\0A,x%\x80\n";
	struct tiscsi_text_iter it;
	u32 seed = 7143, round, i;
	char *key, *value, buf[24], *p;
	size_t len;

	for (round = 0; round < 20000; round++) {
		seed = seed * 1103515245 + 12345;
		len = (seed >> 16) % sizeof(buf);
		for (i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			buf[i] = alphabet[(seed >> 16) % sizeof(alphabet)];
		}
		p = kmemdup(buf, len, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		tiscsi_text_iter_init(&it, p, len);
		for (i = 0; tiscsi_text_next(&it, &key, &value) == 1; i++) {
			KUNIT_EXPECT_TRUE(test, key >= p && value > key);
			KUNIT_EXPECT_TRUE(test,
					  value + strlen(value) < p + len);
		}
		KUNIT_EXPECT_LE(test, i, len / 3);
		kfree(p);
	}
}

struct number_case {
	const char *text;
	int ret;
	u64 val;
};

static const struct number_case number_cases[] = {
	{ "0", 0, 0 },
	{ "7", 0, 7 },
	{ "65535", 0, 65535 },
	{ "18446744073709551615", 0, U64_MAX },
	{ "0x0", 0, 0 },
	{ "0x40000", 0, 0x40000 },
	{ "0X1f", 0, 0x1f },
	{ "0xAbC", 0, 0xabc },
	{ "0x0000000000000000000001", 0, 1 },
	{ "0xffffffffffffffff", 0, U64_MAX },
	{ "", -EINVAL },
	{ "00", -EINVAL },
	{ "010", -EINVAL },
	{ "-1", -EINVAL },
	{ "+1", -EINVAL },
	{ " 1", -EINVAL },
	{ "1 ", -EINVAL },
	{ "1\n", -EINVAL },
	{ "1k", -EINVAL },
	{ "12a", -EINVAL },
	{ "a", -EINVAL },
	{ "0x", -EINVAL },
	{ "0xg", -EINVAL },
	{ "0x-1", -EINVAL },
	{ "0b1", -EINVAL },
	{ "512~1024", -EINVAL },
	{ "1,2", -EINVAL },
	{ "18446744073709551616", -EINVAL },
	{ "18446744073709552128", -EINVAL },	/* 2^64 + 512 */
	{ "99999999999999999999", -EINVAL },
	{ "184467440737095516150", -EINVAL },
	{ "0x10000000000000000", -EINVAL },
	{ "0x10000000000000200", -EINVAL },
};

static void text_numbers(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(number_cases); i++) {
		const struct number_case *c = &number_cases[i];
		u64 val = 4711;

		KUNIT_EXPECT_EQ_MSG(test, tiscsi_text_u64(c->text, &val),
				    c->ret, "'%s'", c->text);
		KUNIT_EXPECT_EQ_MSG(test, val, c->ret ? 4711 : c->val, "'%s'",
				    c->text);
	}
}

struct bin_case {
	const char *text;
	int ret;
	const char *val;
};

static const struct bin_case bin_cases[] = {
	{ "0x00", 1, "\x00" },
	{ "0xfF", 1, "\xff" },
	{ "0X1a2B", 2, "\x1a\x2b" },
	{ "0x1", 1, "\x01" },
	{ "0x123", 2, "\x01\x23" },
	{ "0x0123456789abcdef", 8, "\x01\x23\x45\x67\x89\xab\xcd\xef" },
	{ "0x123456789abcdef", 8, "\x01\x23\x45\x67\x89\xab\xcd\xef" },
	{ "0x0123456789abcdef0", -E2BIG },
	{ "0x0123456789abcdef01", -E2BIG },
	{ "0x", -EINVAL },
	{ "0xZZ", -EINVAL },
	{ "0x1 ", -EINVAL },
	{ "0x12\x80", -EINVAL },
	/* RFC 4648 clause 10 */
	{ "0bZg==", 1, "f" },
	{ "0bZm8=", 2, "fo" },
	{ "0bZm9v", 3, "foo" },
	{ "0BZm9vYg==", 4, "foob" },
	{ "0bZm9vYmE=", 5, "fooba" },
	{ "0bZm9vYmFy", 6, "foobar" },
	{ "0b+/+/", 3, "\xfb\xff\xbf" },
	{ "0bAAAAAAAAAAA=", 8, "\0\0\0\0\0\0\0\0" },
	{ "0bAAAAAAAAAAAA", -E2BIG },
	{ "0bAAAAAAAAAAAAAAAA", -E2BIG },
	{ "0b", -EINVAL },
	{ "0bZ", -EINVAL },
	{ "0bZg", -EINVAL },
	{ "0bZg=", -EINVAL },
	{ "0bZm9vY===", -EINVAL },
	{ "0b====", -EINVAL },
	{ "0b=Zg=", -EINVAL },
	{ "0bZ=g=", -EINVAL },
	{ "0bZg==Zg==", -EINVAL },
	{ "0bZh==", -EINVAL },		/* bits left over are not zero */
	{ "0bZm9=", -EINVAL },
	{ "0bZm9 ", -EINVAL },
	{ "0bZm-_", -EINVAL },		/* base64url is another encoding */
	{ "", -EINVAL },
	{ "0", -EINVAL },
	{ "12", -EINVAL },
	{ "deadbeef", -EINVAL },
};

#define BIN_CAP	8

static void text_binary(struct kunit *test)
{
	u8 *out = kunit_kzalloc(test, BIN_CAP, GFP_KERNEL);
	int i, ret;

	KUNIT_ASSERT_NOT_NULL(test, out);
	for (i = 0; i < ARRAY_SIZE(bin_cases); i++) {
		const struct bin_case *c = &bin_cases[i];

		ret = tiscsi_text_decode_bin(c->text, out, BIN_CAP);
		KUNIT_EXPECT_EQ_MSG(test, ret, c->ret, "'%s'", c->text);
		if (ret > 0 && ret == c->ret)
			KUNIT_EXPECT_EQ_MSG(test, memcmp(out, c->val, ret), 0,
					    "'%s'", c->text);
	}
}

/* What is encoded can be decoded, at every length up to what fits. */
static void text_binary_round_trip(struct kunit *test)
{
	u8 in[64], out[64];
	char buf[160];
	u32 len, i;

	for (i = 0; i < sizeof(in); i++)
		in[i] = 37 * i + 11;
	for (len = 1; len <= sizeof(in); len++) {
		struct tiscsi_text t = { .buf = buf, .cap = sizeof(buf) };

		tiscsi_text_put_hex(&t, "k", in, len);
		KUNIT_ASSERT_FALSE(test, t.overflow);
		KUNIT_EXPECT_EQ(test, t.len, 5 + 2 * len);
		KUNIT_EXPECT_EQ(test, tiscsi_text_decode_bin(buf + 2, out, len),
				len);
		KUNIT_EXPECT_EQ(test, memcmp(in, out, len), 0);
		KUNIT_EXPECT_EQ(test,
				tiscsi_text_decode_bin(buf + 2, out, len - 1),
				-E2BIG);
	}
}

struct name_case {
	const char *name;
	bool valid;
	bool after_normalise;
};

static const struct name_case name_cases[] = {
	{ "iqn.2001-04.com.example", true, true },
	{ "iqn.2001-04.com.example:storage.disk2:sys1.xyz", true, true },
	{ "iqn.1994-05.com.redhat:my_host-1", true, true },
	{ "iqn.2001-04.com.example:\xc3\xa4", true, true },
	{ "iqn.2001-04.com.Example", false, true },
	{ "IQN.2001-04.COM.EXAMPLE", false, true },
	{ "eui.02004567a425678d", true, true },
	{ "eui.02004567A425678D", false, true },
	{ "naa.52004567ba64678d", true, true },
	{ "naa.62004567ba64678d0123456789abcdef", true, true },
	{ "", false, false },
	{ "iqn", false, false },
	{ "iqn.", false, false },
	{ "iqn.2001-04", false, false },
	{ "iqn.2001-04.", false, false },
	{ "iqn.2001-04.:x", false, false },
	{ "iqn.2001-4.com.example", false, false },
	{ "iqn.x001-04.com.example", false, false },
	{ "iqn.com.example", false, false },
	{ "iqn.2001-04.com.example:a b", false, false },
	{ "iqn.2001-04.com.example:a/b", false, false },
	{ "iqn.2001-04.com.example:a,b", false, false },
	{ "iqn.2001-04.com.example:a=b", false, false },
	{ "iqn.2001-04.com.example:%n", false, false },
	{ "iqn.2001-04.com.example:\n", false, false },
	{ "iqn.2001-04.com.example:\x7f", false, false },
	{ "iqn.2001-04.com.example:\xff", false, false },
	{ "iqn.2001-04.com.example:\xc3", false, false },
	{ "iqn.2001-04.com.example:\xc0\xaf", false, false },
	{ "iqn.2001-04.com.example:\xe0\x80\xaf", false, false },
	{ "iqn.2001-04.com.example:\xed\xa0\x80", false, false },
	{ "iqn.2001-04.com.example:\xf4\x90\x80\x80", false, false },
	{ "eui.02004567a425678", false, false },
	{ "eui.02004567a425678d0", false, false },
	{ "eui.02004567a425678g", false, false },
	{ "naa.52004567ba64678", false, false },
	{ "naa.52004567ba64678d0", false, false },
	{ "naa.62004567ba64678d0123456789abcdeg", false, false },
	{ "wwn.2001-04.com.example", false, false },
	{ "com.example", false, false },
};

static void text_names(struct kunit *test)
{
	char name[TISCSI_NAME_LEN];
	int i;

	for (i = 0; i < ARRAY_SIZE(name_cases); i++) {
		const struct name_case *c = &name_cases[i];

		KUNIT_EXPECT_EQ_MSG(test, tiscsi_name_valid(c->name), c->valid,
				    "'%s'", c->name);
		strscpy(name, c->name, sizeof(name));
		KUNIT_EXPECT_EQ_MSG(test, tiscsi_name_normalise(name),
				    c->after_normalise ? 0 : -EINVAL, "'%s'",
				    c->name);
		if (c->after_normalise)
			KUNIT_EXPECT_TRUE(test, tiscsi_name_valid(name));
	}
}

static void text_name_length(struct kunit *test)
{
	static const char start[] = "iqn.2001-04.com.example:";
	char *name = kunit_kzalloc(test, TISCSI_NAME_LEN + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, name);
	memset(name, 'a', TISCSI_NAME_LEN);
	memcpy(name, start, sizeof(start) - 1);
	KUNIT_EXPECT_EQ(test, strlen(name), 224);
	KUNIT_EXPECT_FALSE(test, tiscsi_name_valid(name));
	KUNIT_EXPECT_EQ(test, tiscsi_name_normalise(name), -EINVAL);
	name[223] = '\0';
	KUNIT_EXPECT_TRUE(test, tiscsi_name_valid(name));
	KUNIT_EXPECT_EQ(test, tiscsi_name_normalise(name), 0);
}

static struct kunit_case text_test_cases[] = {
	KUNIT_CASE(text_put_pairs),
	KUNIT_CASE(text_put_overflow),
	KUNIT_CASE(text_iterate),
	KUNIT_CASE(text_iterate_splits),
	KUNIT_CASE(text_iterate_garbage),
	KUNIT_CASE(text_numbers),
	KUNIT_CASE(text_binary),
	KUNIT_CASE(text_binary_round_trip),
	KUNIT_CASE(text_names),
	KUNIT_CASE(text_name_length),
	{}
};

static struct kunit_suite text_suite = {
	.name = "tcm_iscsi_text",
	.test_cases = text_test_cases,
};

kunit_test_suite(text_suite);
