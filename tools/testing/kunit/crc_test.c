// SPDX-License-Identifier: GPL-2.0
/*
 * Digests against the examples of RFC 7143 A.4 (row A14, A15).
 */
#include <kunit/test.h>
#include <linux/scatterlist.h>

#include "tcm_iscsi.h"

struct crc_vector {
	const char *what;
	u8 first;
	s8 step;
	u32 len;
	u8 wire[4];
};

static const struct crc_vector crc_vectors[] = {
	{ "32 bytes of zeros", 0x00, 0, 32, { 0xaa, 0x36, 0x91, 0x8a } },
	{ "32 bytes of ones", 0xff, 0, 32, { 0x43, 0xab, 0xa8, 0x62 } },
	{ "32 bytes counting up", 0x00, 1, 32, { 0x4e, 0x79, 0xdd, 0x46 } },
	{ "32 bytes counting down", 0x1f, -1, 32, { 0x5c, 0xdb, 0x3f, 0x11 } },
};

/* RFC 7143 A.4: an iSCSI SCSI Read (10) Command PDU */
static const u8 crc_read_pdu[48] = {
	0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
	0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
	0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
};

static void crc_on_wire(u32 crc, u8 *wire)
{
	__le32 digest = cpu_to_le32(tiscsi_crc_finish(crc));

	memcpy(wire, &digest, sizeof(digest));
}

static void crc_rfc_vectors(struct kunit *test)
{
	static const u8 read_wire[4] = { 0x56, 0x3a, 0x96, 0xd9 };
	u8 buf[32], wire[4];
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(crc_vectors); i++) {
		const struct crc_vector *v = &crc_vectors[i];

		for (j = 0; j < v->len; j++)
			buf[j] = v->first + j * v->step;
		crc_on_wire(tiscsi_crc_update(tiscsi_crc_start(), buf, v->len),
			    wire);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(wire, v->wire, 4), 0, "%s",
				    v->what);
	}
	crc_on_wire(tiscsi_crc_update(tiscsi_crc_start(), crc_read_pdu,
				      sizeof(crc_read_pdu)), wire);
	KUNIT_EXPECT_EQ(test, memcmp(wire, read_wire, 4), 0);
}

static void crc_of_nothing(struct kunit *test)
{
	u32 crc = tiscsi_crc_start();

	KUNIT_EXPECT_EQ(test, tiscsi_crc_update(crc, "x", 0), crc);
	KUNIT_EXPECT_EQ(test, tiscsi_crc_finish(crc), 0);
}

static void crc_in_pieces(struct kunit *test)
{
	u32 whole = tiscsi_crc_update(tiscsi_crc_start(), crc_read_pdu,
				      sizeof(crc_read_pdu));
	u32 cut, crc;

	for (cut = 0; cut <= sizeof(crc_read_pdu); cut++) {
		crc = tiscsi_crc_update(tiscsi_crc_start(), crc_read_pdu, cut);
		crc = tiscsi_crc_update(crc, crc_read_pdu + cut,
					sizeof(crc_read_pdu) - cut);
		KUNIT_EXPECT_EQ(test, crc, whole);
	}
}

#define CRC_NR_SG	3
#define CRC_SG_LEN	7

/* Every part of a scatterlist gives what the same bytes in a row give. */
static void crc_of_scatterlist(struct kunit *test)
{
	u32 total = CRC_NR_SG * CRC_SG_LEN, offset, len, i;
	struct scatterlist sg[CRC_NR_SG];
	u8 *flat = kunit_kzalloc(test, total, GFP_KERNEL);
	u8 *piece;

	KUNIT_ASSERT_NOT_NULL(test, flat);
	sg_init_table(sg, CRC_NR_SG);
	for (i = 0; i < CRC_NR_SG; i++) {
		piece = kunit_kzalloc(test, CRC_SG_LEN, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, piece);
		memset(piece, 0x11 * (i + 1), CRC_SG_LEN);
		memcpy(flat + i * CRC_SG_LEN, piece, CRC_SG_LEN);
		sg_set_buf(&sg[i], piece, CRC_SG_LEN);
	}
	for (offset = 0; offset < total; offset++)
		for (len = 0; offset + len <= total; len++)
			KUNIT_EXPECT_EQ(test,
					tiscsi_crc_sg(tiscsi_crc_start(), sg,
						      offset, len),
					tiscsi_crc_update(tiscsi_crc_start(),
							  flat + offset, len));
}

static struct kunit_case crc_cases[] = {
	KUNIT_CASE(crc_rfc_vectors),
	KUNIT_CASE(crc_of_nothing),
	KUNIT_CASE(crc_in_pieces),
	KUNIT_CASE(crc_of_scatterlist),
	{}
};

static struct kunit_suite crc_suite = {
	.name = "tcm_iscsi_crc",
	.test_cases = crc_cases,
};

kunit_test_suite(crc_suite);
