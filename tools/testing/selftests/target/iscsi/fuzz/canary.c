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
	/* What others may do to the logical unit: reset it (E13). */
	clear_unit_attentions(canary, CANARY_LUN);
	scsi_read(canary, CANARY_LUN, 0, read, sizeof(read));
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
