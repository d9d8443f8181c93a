// SPDX-License-Identifier: GPL-2.0
/*
 * What is read from headers: AHSs (rows A11, A12) and LUNs (row D31).
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "tcm_iscsi.h"

struct ahs_case {
	const char *what;
	const char *bytes;
	u32 len;
	bool good;
	u32 ecdb_len;
	bool read_len;
};

#define AHS(_what, _bytes, _good, ...) \
	{ _what, _bytes, sizeof(_bytes) - 1, _good, ##__VA_ARGS__ }

/* AHSLength (2), AHSType, then that many bytes less none, padded to 4. */
static const struct ahs_case ahs_cases[] = {
	AHS("none", "", true),
	AHS("extended CDB of 1 byte", "\0\x02\x01\0\xaa\0\0\0", true, 1),
	AHS("extended CDB of 4 bytes", "\0\x05\x01\0\x01\x02\x03\x04", true, 4),
	AHS("extended CDB of 16 bytes",
	    "\0\x11\x01\0000123456789abcdef", true, 16),
	AHS("read length", "\0\x05\x02\0\0\0\x02\0", true, 0, true),
	AHS("both", "\0\x05\x01\0\x01\x02\x03\x04\0\x05\x02\0\0\0\x02\0",
	    true, 4, true),
	AHS("both, the other way round",
	    "\0\x05\x02\0\0\0\x02\0\0\x05\x01\0\x01\x02\x03\x04",
	    true, 4, true),
	AHS("two extended CDBs",
	    "\0\x05\x01\0\x01\x02\x03\x04\0\x05\x01\0\x01\x02\x03\x04", false),
	AHS("two read lengths",
	    "\0\x05\x02\0\0\0\x02\0\0\x05\x02\0\0\0\x02\0", false),
	AHS("length 0", "\0\0\x01\0", false),
	AHS("length 0 of an unknown type", "\0\0\x3f\0", false),
	AHS("extended CDB of no byte", "\0\x01\x01\0", false),
	AHS("read length too short", "\0\x04\x02\0\0\0\x02\0", false),
	AHS("read length too long", "\0\x06\x02\0\0\0\x02\0\0\0\0\0", false),
	AHS("longer than what is there", "\0\x06\x01\0\x01\x02\x03\x04", false),
	AHS("as long as can be said", "\xff\xff\x01\0\x01\x02\x03\x04", false),
	AHS("unknown type", "\0\x05\x03\0\x01\x02\x03\x04", false),
	AHS("type 0", "\0\x05\0\0\x01\x02\x03\x04", false),
	AHS("remainder of 1 byte", "\0\x05\x02\0\0\0\x02\0\0", false),
	AHS("remainder of 3 bytes", "\0\x05\x02\0\0\0\x02\0\0\x05\x01", false),
	AHS("shorter than a header", "\0\x05\x01", false),
};

static void ahs_walk(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ahs_cases); i++) {
		const struct ahs_case *c = &ahs_cases[i];
		struct tiscsi_ahs ahs = { };
		u8 *copy;
		bool good;

		/* Without a byte to spare: KASAN sees the first one too far. */
		copy = kmemdup(c->bytes, c->len ?: 1, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, copy);
		good = tiscsi_ahs_walk(copy, c->len, &ahs);
		KUNIT_EXPECT_EQ_MSG(test, good, c->good, "%s", c->what);
		if (good && c->good) {
			KUNIT_EXPECT_EQ_MSG(test, ahs.ecdb_len, c->ecdb_len,
					    "%s", c->what);
			KUNIT_EXPECT_EQ_MSG(test, !!ahs.ecdb, !!c->ecdb_len,
					    "%s", c->what);
			KUNIT_EXPECT_EQ_MSG(test, ahs.has_read_len, c->read_len,
					    "%s", c->what);
		}
		kfree(copy);
	}
}

/* Every pair of length and type over every room: an end, and no overrun. */
static void ahs_walk_all_lengths(struct kunit *test)
{
	u32 room, len, type, good = 0;

	for (room = 4; room <= 64; room += 4) {
		u8 *p = kzalloc(room, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		for (len = 0; len <= 80; len++) {
			for (type = 0; type < 4; type++) {
				struct tiscsi_ahs ahs = { };

				p[1] = len;
				p[2] = type;
				if (!tiscsi_ahs_walk(p, room, &ahs))
					continue;
				good++;
				KUNIT_EXPECT_LE(test, ahs.ecdb_len + 4, room);
			}
		}
		kfree(p);
	}
	/* An extended CDB of 1 to 60 bytes that fills the room, a read length. */
	KUNIT_EXPECT_EQ(test, good, 60 + 1);
}

struct lun_case {
	u8 bytes[8];
	u64 lun;
};

static const struct lun_case lun_cases[] = {
	{ { 0 }, 0 },
	{ { 0, 1 }, 1 },
	{ { 0, 255 }, 255 },
	{ { 0x40, 0 }, 0 },		/* flat space addressing */
	{ { 0x41, 0 }, 256 },
	{ { 0x7f, 0xff }, 16383 },
	{ { 0x80, 1 }, TISCSI_LUN_NONE },	/* logical unit addressing */
	{ { 0xc1, 1 }, TISCSI_LUN_NONE },	/* extended, REPORT LUNS wlun */
	{ { 0, 1, 0, 1 }, TISCSI_LUN_NONE },	/* a second level */
	{ { 0, 1, 0, 0, 0, 1 }, TISCSI_LUN_NONE },
	{ { 0, 1, 0, 0, 0, 0, 0, 1 }, TISCSI_LUN_NONE },
};

static void lun_decode(struct kunit *test)
{
	struct scsi_lun lun;
	int i;

	for (i = 0; i < ARRAY_SIZE(lun_cases); i++) {
		memcpy(&lun, lun_cases[i].bytes, sizeof(lun));
		KUNIT_EXPECT_EQ_MSG(test, tiscsi_lun_decode(&lun),
				    lun_cases[i].lun, "%8phN", &lun);
	}
}

static struct kunit_case header_cases[] = {
	KUNIT_CASE(ahs_walk),
	KUNIT_CASE(ahs_walk_all_lengths),
	KUNIT_CASE(lun_decode),
	{}
};

static struct kunit_suite header_suite = {
	.name = "tcm_iscsi_header",
	.test_cases = header_cases,
};

kunit_test_suite(header_suite);
