// SPDX-License-Identifier: GPL-2.0
/*
 * The state machines of RFC 7143 clause 8 as a target has them: each move that
 * the RFC names is legal, and no other.
 */
#include <kunit/test.h>

#include "tcm_iscsi.h"

#define NR_CONN_STATES	(CONN_CLEANUP_WAIT + 1)
#define NR_SESS_STATES	(SESS_IN_CONTINUE + 1)
#define NR_CLEANUP_STATES	(CLEANUP_OVER + 1)

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

/* RFC 7143 8.2.2; what comes before is T15 or T16 of 8.1 */
static const bool cleanup_moves[NR_CLEANUP_STATES][NR_CLEANUP_STATES] = {
	[CLEANUP_NONE][CLEANUP_WAIT] = true,
	[CLEANUP_WAIT][CLEANUP_OVER] = true,			/* M1 */
	[CLEANUP_WAIT][CLEANUP_BEGUN] = true,			/* M2 */
	[CLEANUP_BEGUN][CLEANUP_WAIT] = true,			/* M3 */
	[CLEANUP_BEGUN][CLEANUP_OVER] = true,			/* M4 */
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

static void state_cleanup(struct kunit *test)
{
	int from, to;

	for (from = 0; from < NR_CLEANUP_STATES; from++)
		for (to = 0; to < NR_CLEANUP_STATES; to++)
			KUNIT_EXPECT_EQ_MSG(test,
					    tiscsi_cleanup_may_become(from, to),
					    cleanup_moves[from][to],
					    "%s to %s",
					    tiscsi_cleanup_state_name(from),
					    tiscsi_cleanup_state_name(to));
}

/* The setters go where the tables let them. */
static void state_setters(struct kunit *test)
{
	struct tiscsi_sess *sess = kunit_kzalloc(test, sizeof(*sess),
						 GFP_KERNEL);
	struct tiscsi_conn *conn = kunit_kzalloc(test, sizeof(*conn),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, sess);
	KUNIT_ASSERT_NOT_NULL(test, conn);
	spin_lock_init(&sess->lock);
	conn->sess = sess;
	KUNIT_EXPECT_EQ(test, conn->state, CONN_FREE);
	tiscsi_conn_set_state(conn, CONN_XPT_UP);
	KUNIT_EXPECT_EQ(test, conn->state, CONN_XPT_UP);
	tiscsi_sess_set_state(sess, SESS_ACTIVE);
	KUNIT_EXPECT_EQ(test, sess->state, SESS_ACTIVE);
	spin_lock(&sess->lock);
	tiscsi_cleanup_set_state(conn, CLEANUP_WAIT);
	spin_unlock(&sess->lock);
	KUNIT_EXPECT_EQ(test, conn->cleanup, CLEANUP_WAIT);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(state_conn),
	KUNIT_CASE(state_sess),
	KUNIT_CASE(state_cleanup),
	KUNIT_CASE(state_setters),
	{}
};

static struct kunit_suite state_suite = {
	.name = "tcm_iscsi_state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);
