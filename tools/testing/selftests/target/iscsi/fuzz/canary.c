// SPDX-License-Identifier: GPL-2.0
/*
 * Another initiator, whose logical unit the fuzzed sessions can see but may
 * not write: it must always be able to log in, and to find what it wrote.
 */
#include "fuzz.h"

#define CANARY_LUN	lun_peripheral(0)
#define CANARY_LEN	65536

static struct conn *canary;
static u8 written[CANARY_LEN];

static void canary_login(void)
{
	canary = login(LOGIN(.initiator = env.initiator2, .no_ua_check = true));
	clear_unit_attentions(canary, CANARY_LUN);
}

static void canary_free(void)
{
	struct sess *s = canary->sess;

	conn_close(canary);
	free(s);
	canary = NULL;
}

/**
 * canary_start() - log in and write what must stay
 */
void canary_start(void)
{
	fill_pattern(written, sizeof(written), 7143);
	canary_login();
	scsi_write(canary, CANARY_LUN, 0, written, sizeof(written));
}

/*
 * What others may do to the logical unit: reset it (E13), and that may still be
 * on its way. They are too few to go on for ever.
 */
static void canary_read(u8 *buf)
{
	struct scsi io;
	u32 tries;

	for (tries = 0; tries < 100; tries++) {
		clear_unit_attentions(canary, CANARY_LUN);
		scsi_rw(&io, false, CANARY_LUN, 0, CANARY_LEN, buf);
		scsi_run(canary, &io);
		if (!io.status || io.key != 6)
			break;
	}
	if (io.response || io.status || io.in_len != CANARY_LEN)
		die("canary's READ: response %02x status %02x sense %x/%02x/%02x, %u bytes",
		    io.response, io.status, io.key, io.asc, io.ascq, io.in_len);
}

/**
 * canary_check() - it finds what it wrote
 * @fresh: log in again, too
 * @may_be_closed: the target may have been told to close all sessions
 */
void canary_check(bool fresh, bool may_be_closed)
{
	static u8 read[CANARY_LEN];
	u32 i;

	if (may_be_closed)
		canary_free();
	else if (fresh)
		canary_stop();
	if (!canary)
		canary_login();
	canary_read(read);
	for (i = 0; i < sizeof(read); i++)
		if (read[i] != written[i])
			die("byte %u of another initiator's disk is %02x, not %02x",
			    i, read[i], written[i]);
}

/**
 * canary_stop() - log out
 */
void canary_stop(void)
{
	if (!canary)
		return;
	logout(canary);
	canary_free();
}
