// SPDX-License-Identifier: GPL-2.0
/*
 * Serial numbers: RFC 1982 with 32 bits and the CmdSN window (rows C01, C03).
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <scsi/iscsi_proto.h>

#include "tcm_iscsi.h"

static const u32 sn_bases[] = {
	0, 1, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe,
	U32_MAX,
};

/* Differences of less than half the space, in either direction. */
static const u32 sn_steps[] = { 1, 2, 512, 0x10000, 0x7ffffffe, 0x7fffffff };

static void sn_order(struct kunit *test)
{
	int i, k;

	for (i = 0; i < ARRAY_SIZE(sn_bases); i++) {
		u32 a = sn_bases[i];

		KUNIT_EXPECT_FALSE(test, iscsi_sna_lt(a, a));
		KUNIT_EXPECT_FALSE(test, iscsi_sna_gt(a, a));
		KUNIT_EXPECT_TRUE(test, iscsi_sna_lte(a, a));
		KUNIT_EXPECT_TRUE(test, iscsi_sna_gte(a, a));
		for (k = 0; k < ARRAY_SIZE(sn_steps); k++) {
			u32 b = a + sn_steps[k];

			KUNIT_EXPECT_TRUE_MSG(test, iscsi_sna_lt(a, b),
					      "%08x %08x", a, b);
			KUNIT_EXPECT_TRUE(test, iscsi_sna_lte(a, b));
			KUNIT_EXPECT_TRUE(test, iscsi_sna_gt(b, a));
			KUNIT_EXPECT_TRUE(test, iscsi_sna_gte(b, a));
			KUNIT_EXPECT_FALSE(test, iscsi_sna_lt(b, a));
			KUNIT_EXPECT_FALSE(test, iscsi_sna_gte(a, b));
		}
	}
}

static struct tiscsi_sess *sn_window(struct kunit *test, u32 exp, u32 depth)
{
	struct tiscsi_sess *sess = kunit_kzalloc(test, sizeof(*sess),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sess);
	sess->exp_cmd_sn = exp;
	atomic_set(&sess->max_cmd_sn, exp + depth - 1);
	return sess;
}

/* Exactly [ExpCmdSN, MaxCmdSN] is inside, wherever the window lies. */
static void sn_window_edges(struct kunit *test)
{
	static const u32 depths[] = { 1, 2, 64, TISCSI_CMDSN_DEPTH_MAX };
	int i, k;

	for (i = 0; i < ARRAY_SIZE(sn_bases); i++) {
		for (k = 0; k < ARRAY_SIZE(depths); k++) {
			u32 exp = sn_bases[i], max = exp + depths[k] - 1;
			struct tiscsi_sess *s;

			s = sn_window(test, exp, depths[k]);
			KUNIT_EXPECT_TRUE(test, tiscsi_cmdsn_in_window(s, exp));
			KUNIT_EXPECT_TRUE(test, tiscsi_cmdsn_in_window(s, max));
			KUNIT_EXPECT_FALSE(test,
					   tiscsi_cmdsn_in_window(s, exp - 1));
			KUNIT_EXPECT_FALSE(test,
					   tiscsi_cmdsn_in_window(s, max + 1));
			KUNIT_EXPECT_FALSE(test,
					   tiscsi_cmdsn_in_window(s, exp - 0x7fffffff));
			KUNIT_EXPECT_FALSE(test,
					   tiscsi_cmdsn_in_window(s, max + 0x7fffffff));
		}
	}
}

/* RFC 7143 4.2.2.1: MaxCmdSN = ExpCmdSN - 1 is a closed window. */
static void sn_window_closed(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sn_bases); i++) {
		struct tiscsi_sess *s = sn_window(test, sn_bases[i], 0);

		KUNIT_EXPECT_FALSE(test,
				   tiscsi_cmdsn_in_window(s, sn_bases[i] - 1));
		KUNIT_EXPECT_FALSE(test,
				   tiscsi_cmdsn_in_window(s, sn_bases[i]));
		KUNIT_EXPECT_FALSE(test,
				   tiscsi_cmdsn_in_window(s, sn_bases[i] + 1));
	}
}

static struct kunit_case sn_cases[] = {
	KUNIT_CASE(sn_order),
	KUNIT_CASE(sn_window_edges),
	KUNIT_CASE(sn_window_closed),
	{}
};

static struct kunit_suite sn_suite = {
	.name = "tcm_iscsi_sn",
	.test_cases = sn_cases,
};

kunit_test_suite(sn_suite);
