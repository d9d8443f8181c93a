// SPDX-License-Identifier: GPL-2.0
/*
 * The state machines of RFC 7143 clause 8 as a target has them: each move that
 * the RFC names is legal, and no other.
 */
#include <kunit/test.h>

#include "tcm_iscsi.h"

#define NR_CONN_STATES	(CONN_CLEANUP_WAIT + 1)
#define NR_SESS_STATES	(SESS_IN_CONTINUE + 1)

/* RFC 7143 8.1.4, with the numbers that it gives the transitions. */
static const bool conn_moves[NR_CONN_STATES][NR_CONN_STATES] = {
	[CONN_FREE][CONN_XPT_UP] = true,			/* T3 */
	[CONN_XPT_UP][CONN_IN_LOGIN] = true,			/* T4 */
	[CONN_XPT_UP][CONN_FREE] = true,			/* T6 */
	[CONN_IN_LOGIN][CONN_LOGGED_IN] = true,			/* T5 */
	[CONN_IN_LOGIN][CONN_FREE] = true,			/* T7 */
	[CONN_LOGGED_IN][CONN_FREE] = true,			/* T8 */
	[CONN_LOGGED_IN][CONN_IN_LOGOUT] = true,		/* T10 */
	[CONN_LOGGED_IN][CONN_LOGOUT_REQUESTED] = true,		/* T11 */
	[CONN_LOGGED_IN][CONN_CLEANUP_WAIT] = true,		/* T15 */
	[CONN_IN_LOGOUT][CONN_FREE] = true,			/* T13 */
	[CONN_IN_LOGOUT][CONN_CLEANUP_WAIT] = true,		/* T17 */
	[CONN_LOGOUT_REQUESTED][CONN_IN_LOGOUT] = true,		/* T10 */
	[CONN_LOGOUT_REQUESTED][CONN_CLEANUP_WAIT] = true,	/* T16 */
	[CONN_LOGOUT_REQUESTED][CONN_FREE] = true,		/* T18 */
	[CONN_CLEANUP_WAIT][CONN_FREE] = true,			/* M1 to M4 */
};

/* RFC 7143 8.3.3 */
static const bool sess_moves[NR_SESS_STATES][NR_SESS_STATES] = {
	[SESS_FREE][SESS_ACTIVE] = true,			/* N1 */
	[SESS_ACTIVE][SESS_LOGGED_IN] = true,			/* N4 */
	[SESS_ACTIVE][SESS_FREE] = true,			/* N9 */
	[SESS_LOGGED_IN][SESS_FREE] = true,			/* N3 */
	[SESS_LOGGED_IN][SESS_FAILED] = true,			/* N5 */
	[SESS_FAILED][SESS_FREE] = true,			/* N6 */
	[SESS_FAILED][SESS_IN_CONTINUE] = true,			/* N7 */
	[SESS_IN_CONTINUE][SESS_FAILED] = true,			/* N8 */
	[SESS_IN_CONTINUE][SESS_LOGGED_IN] = true,		/* N10 */
	[SESS_IN_CONTINUE][SESS_FREE] = true,			/* N11 */
};

static void state_conn(struct kunit *test)
{
	int from, to;

	for (from = 0; from < NR_CONN_STATES; from++)
		for (to = 0; to < NR_CONN_STATES; to++)
			KUNIT_EXPECT_EQ_MSG(test,
					    tiscsi_conn_may_become(from, to),
					    conn_moves[from][to], "%s to %s",
					    tiscsi_conn_state_name(from),
					    tiscsi_conn_state_name(to));
}

static void state_sess(struct kunit *test)
{
	int from, to;

	for (from = 0; from < NR_SESS_STATES; from++)
		for (to = 0; to < NR_SESS_STATES; to++)
			KUNIT_EXPECT_EQ_MSG(test,
					    tiscsi_sess_may_become(from, to),
					    sess_moves[from][to], "%s to %s",
					    tiscsi_sess_state_name(from),
					    tiscsi_sess_state_name(to));
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(state_conn),
	KUNIT_CASE(state_sess),
	{}
};

static struct kunit_suite state_suite = {
	.name = "tcm_iscsi_state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);
