// SPDX-License-Identifier: GPL-2.0
/*
 * Matrix section G: I_T nexuses and their unit attentions.
 */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "harness.h"

#define LUN0	lun_peripheral(0)
#define LUN1	lun_peripheral(1)

#define TEST_UNIT_READY	0x00
#define REQUEST_SENSE	0x03
#define INQUIRY		0x12
#define REPORT_LUNS	0xa0

#define CHECK_CONDITION	0x02
#define UNIT_ATTENTION	0x06

/* The next unit attention as ASC << 8 | ASCQ, 0 if there is none. */
static u32 attention(struct conn *c, u64 lun)
{
	struct scsi io;

	scsi_cdb6(&io, lun, TEST_UNIT_READY, 0, NULL);
	scsi_run(c, &io);
	if (!io.status)
		return 0;
	if (io.status != CHECK_CONDITION || io.key != UNIT_ATTENTION)
		die("status %02x sense %x/%02x/%02x", io.status, io.key,
		    io.asc, io.ascq);
	return io.asc << 8 | io.ascq;
}

static struct conn *login_raw(u16 isid, const char *initiator)
{
	return login(LOGIN(.isid = isid, .initiator = initiator,
			   .no_ua_check = true));
}

TEST(G15_power_on_for_every_new_nexus)
{
	struct conn *a = login_raw(0x1501, NULL);
	struct conn *b = login_raw(0x1502, NULL);

	ASSERT_EQ(0x2900, attention(a, LUN0));
	ASSERT_EQ(0, attention(a, LUN0));
	ASSERT_EQ(0x2900, attention(a, LUN1));
	ASSERT_EQ(0, attention(a, LUN1));
	/* The other session of the initiator has its own. */
	ASSERT_EQ(0x2900, attention(b, LUN0));
	ASSERT_EQ(0, attention(b, LUN0));
}

TEST(C17_G15_reinstatement_is_a_nexus_loss)
{
	struct conn *old = login(LOGIN(.isid = 0x1503));
	struct conn *other = login(LOGIN(.isid = 0x1504));
	struct conn *new = login_raw(0x1503, NULL);

	expect_closed(old);
	ASSERT_EQ(0x2907, attention(new, LUN0));
	ASSERT_EQ(0, attention(new, LUN0));
	ASSERT_EQ(0, attention(other, LUN0));
}

TEST(G15_lost_session_is_a_nexus_loss_for_who_comes_back)
{
	struct conn *c = login(LOGIN(.isid = 0x1505));

	conn_reset(c);
	env_settle();
	c = login_raw(0x1505, NULL);
	ASSERT_EQ(0x2907, attention(c, LUN0));
	ASSERT_EQ(0, attention(c, LUN0));
	logout(c);
	env_settle();
	c = login_raw(0x1505, NULL);
	ASSERT_EQ(0x2900, attention(c, LUN0));
}

TEST(E13_G12_G14_reset_is_told_once_to_every_nexus)
{
	struct conn *a = login(LOGIN(.isid = 0x1401));
	struct conn *b = login(LOGIN(.isid = 0x1402));
	struct conn *c = login(LOGIN(.initiator = env.initiator2));

	ASSERT_EQ(TMF_DONE, tmf(a, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	ASSERT_EQ(0x2903, attention(a, LUN0));
	ASSERT_EQ(0, attention(a, LUN0));
	ASSERT_EQ(0x2903, attention(b, LUN0));
	ASSERT_EQ(0, attention(b, LUN0));
	ASSERT_EQ(0x2903, attention(c, LUN0));
	ASSERT_EQ(0, attention(c, LUN0));
	ASSERT_EQ(0, attention(b, LUN1));
}

TEST(G14_inquiry_and_report_luns_do_not_report)
{
	struct conn *c = login_raw(0x1403, NULL);
	u8 buf[256];
	struct scsi io;

	scsi_cdb6(&io, LUN0, INQUIRY, sizeof(buf), buf);
	scsi_run(c, &io);
	ASSERT_EQ(0, io.status);
	io = (struct scsi) { .lun = LUN0, .edtl = sizeof(buf), .in = buf,
			     .flags = F_READ | ATTR_SIMPLE };
	io.cdb[0] = REPORT_LUNS;
	put_be32(io.cdb + 6, sizeof(buf));
	scsi_run(c, &io);
	ASSERT_EQ(0, io.status);
	ASSERT_EQ(0x2900, attention(c, LUN0));
}

TEST(G14_request_sense_takes_it)
{
	struct conn *c = login_raw(0x1404, NULL);
	u8 buf[252] = {};
	struct scsi io;
	int desc;

	for (desc = 0; desc < 2; desc++) {
		u64 lun = desc ? LUN1 : LUN0;

		scsi_cdb6(&io, lun, REQUEST_SENSE, sizeof(buf), buf);
		io.cdb[1] = desc;
		io.cdb[3] = 0;
		scsi_run(c, &io);
		ASSERT_EQ(0, io.status);
		ASSERT_EQ(desc ? 8 : 18, io.in_len);
		ASSERT_EQ(desc ? 0x72 : 0x70, buf[0]);
		ASSERT_EQ(UNIT_ATTENTION, desc ? buf[1] : buf[2]);
		ASSERT_EQ(0x29, desc ? buf[2] : buf[12]);
		ASSERT_EQ(0, attention(c, lun));
	}
	/* Nothing is left: no sense. */
	scsi_cdb6(&io, LUN0, REQUEST_SENSE, sizeof(buf), buf);
	io.cdb[3] = 0;
	scsi_run(c, &io);
	ASSERT_EQ(0, io.status);
	ASSERT_EQ(0, buf[2] & 0xf);
}

TEST(G13_G14_lun_map_change_is_told_once_to_every_session)
{
	struct conn *a = login(LOGIN(.isid = 0x1301));
	struct conn *b = login(LOGIN(.isid = 0x1302));
	struct conn *c = login(LOGIN(.initiator = env.initiator2));
	int on;

	for (on = 1; on >= 0; on--) {
		env_map_lun(env.initiator, 9, 2, on);
		ASSERT_EQ(0x3f0e, attention(a, LUN0));
		ASSERT_EQ(0, attention(a, LUN0));
		ASSERT_EQ(0x3f0e, attention(b, LUN0));
		ASSERT_EQ(0, attention(b, LUN0));
		ASSERT_EQ(0x3f0e, attention(a, LUN1));
		ASSERT_EQ(0x3f0e, attention(b, LUN1));
	}
	/* Another initiator's map has not changed. */
	ASSERT_EQ(0, attention(c, LUN0));
}

TEST(G14_most_important_first_and_none_lost)
{
	struct conn *a = login(LOGIN(.isid = 0x1405));
	struct conn *b = login(LOGIN(.isid = 0x1406));

	env_map_lun(env.initiator, 9, 2, true);
	ASSERT_EQ(TMF_DONE, tmf(b, TMF_LUN_RESET, LUN0, NO_TAG, 0));
	env_map_lun(env.initiator, 9, 2, false);
	ASSERT_EQ(0x2903, attention(a, LUN0));
	ASSERT_EQ(0x3f0e, attention(a, LUN0));
	ASSERT_EQ(0, attention(a, LUN0));
	ASSERT_EQ(0x2903, attention(b, LUN0));
	ASSERT_EQ(0x3f0e, attention(b, LUN0));
	ASSERT_EQ(0, attention(b, LUN0));
}

TEST(G14_write_is_not_done_when_attention_is_reported)
{
	struct conn *c = login(LOGIN(.isid = 0x1407));
	struct conn *late = login_raw(0x1408, NULL);
	u8 old[BLOCK], new[BLOCK], back[BLOCK];
	struct scsi io;

	fill_pattern(old, BLOCK, 1);
	fill_pattern(new, BLOCK, 2);
	scsi_write(c, LUN0, 14, old, BLOCK);
	scsi_rw(&io, true, LUN0, 14, BLOCK, new);
	scsi_run(late, &io);
	ASSERT_EQ(CHECK_CONDITION, io.status);
	ASSERT_EQ(0x29, io.asc);
	ASSERT_EQ(BLOCK, io.residual);
	scsi_read(c, LUN0, 14, back, BLOCK);
	ASSERT_EQ(0, memcmp(back, old, BLOCK));
	scsi_write(late, LUN0, 14, new, BLOCK);
	scsi_read(c, LUN0, 14, back, BLOCK);
	ASSERT_EQ(0, memcmp(back, new, BLOCK));
}

RAW_TEST_MAIN
