// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of addresses that initiators may come from.
 */
#include <kunit/test.h>
#include <linux/inet.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "tcm_iscsi.h"

static struct tiscsi_sources *sources_new(struct kunit *test)
{
	struct tiscsi_sources *sources;

	sources = kunit_kzalloc(test, sizeof(*sources), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sources);
	return sources;
}

/* What is taken, and how it is shown; NULL for what is refused. */
static void sources_text(struct kunit *test)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ "any", "any\n" }, { "", "any\n" }, { "\n", "any\n" },
		{ "10.0.0.0/8", "10.0.0.0/8\n" },
		{ "10.1.2.3", "10.1.2.3\n" }, { "10.1.2.3/32", "10.1.2.3\n" },
		{ "0.0.0.0/0", "0.0.0.0/0\n" }, { "::/0", "::/0\n" },
		{ "2001:DB8::/32\n", "2001:db8::/32\n" },
		{ " ::1\t, 10.0.0.0/8,", "::1,10.0.0.0/8\n" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0/8\n" },
		{ "10.0.0.0/7", "10.0.0.0/7\n" },
		{ "foo" }, { "10.0.0.1/8" }, { "10.0.0.0/33" },
		{ "::/129" }, { "::1/127" }, { "10.0.0.0/-1" },
		{ "10.0.0.0/+1" }, { "10.0.0.0/" }, { "/8" }, { "10.0.0/8" },
		{ "any,::1" }, { "::1,any" }, { "[::1]" },
		{ "fe80::1%lo" },
		{ "10.0.0.0/256" }, { "1.2.3.4.5" },
		{ "10.0.0.0/8/8" },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1" },
	};
	struct tiscsi_sources *sources = sources_new(test);
	char *page = kunit_kzalloc(test, PAGE_SIZE * 2, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	page = PTR_ALIGN(page, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int ret = tiscsi_sources_parse(cases[i].in, sources);

		if (!cases[i].out) {
			KUNIT_EXPECT_EQ_MSG(test, ret, -EINVAL, "%s",
					    cases[i].in);
			continue;
		}
		KUNIT_EXPECT_EQ_MSG(test, ret, 0, "%s", cases[i].in);
		tiscsi_sources_show(sources, page);
		KUNIT_EXPECT_STREQ(test, page, cases[i].out);
	}
}

static void sources_too_many(struct kunit *test)
{
	struct tiscsi_sources *sources = sources_new(test);
	const int max = TISCSI_SOURCES_MAX;
	char *list = kunit_kzalloc(test, 8 * (max + 1) + 1, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, list);
	for (i = 0; i <= max; i++)
		memcpy(list + 8 * i, "1.2.3.4,", 8);
	KUNIT_EXPECT_EQ(test, tiscsi_sources_parse(list, sources), -E2BIG);
	list[8 * max] = '\0';
	KUNIT_EXPECT_EQ(test, tiscsi_sources_parse(list, sources), 0);
	KUNIT_EXPECT_EQ(test, sources->nr, (u32)max);
}

static bool sources_peer(const struct tiscsi_sources *sources, const char *ip)
{
	struct sockaddr_storage peer = {};
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&peer;
	struct sockaddr_in *a4 = (struct sockaddr_in *)&peer;

	if (strchr(ip, ':')) {
		peer.ss_family = AF_INET6;
		in6_pton(ip, -1, a6->sin6_addr.s6_addr, '\0', NULL);
	} else {
		peer.ss_family = AF_INET;
		in4_pton(ip, -1, (u8 *)&a4->sin_addr, '\0', NULL);
	}
	return tiscsi_sources_allow(sources, &peer);
}

static void sources_match(struct kunit *test)
{
	static const struct {
		const char *list;
		const char *peer;
		bool allowed;
	} cases[] = {
		{ "any", "1.2.3.4", true }, { "any", "::1", true },
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.0.0.0/8", "::ffff:10.0.0.1", true },
		{ "10.0.0.0/8", "::10.0.0.1", false },
		{ "10.0.0.0/31", "10.0.0.1", true },
		{ "10.0.0.0/31", "10.0.0.2", false },
		{ "10.0.0.7", "10.0.0.7", true },
		{ "10.0.0.7", "10.0.0.6", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "10.0.0.1", false },
		{ "::/0", "::ffff:10.0.0.1", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "10.0.0.0/8,::1", "::1", true },
		{ "10.0.0.0/8,::1", "::2", false },
	};
	struct tiscsi_sources *sources = sources_new(test);
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_ASSERT_EQ(test, 0, tiscsi_sources_parse(cases[i].list,
							      sources));
		KUNIT_EXPECT_EQ_MSG(test, sources_peer(sources, cases[i].peer),
				    cases[i].allowed, "%s in %s",
				    cases[i].peer, cases[i].list);
	}
}

static struct kunit_case source_test_cases[] = {
	KUNIT_CASE(sources_text),
	KUNIT_CASE(sources_too_many),
	KUNIT_CASE(sources_match),
	{}
};

static struct kunit_suite source_suite = {
	.name = "tcm_iscsi_source",
	.test_cases = source_test_cases,
};

kunit_test_suite(source_suite);
