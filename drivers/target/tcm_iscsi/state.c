// SPDX-License-Identifier: GPL-2.0
/*
 * The one setter of each state of RFC 7143 clause 8. What is legal is in
 * state_table.h; a move that is not is a bug of ours: it is refused, and the log
 * says so.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "recovery.h"
#include "trace.h"

#define NR_CONN_STATES		(CONN_CLEANUP_WAIT + 1)
#define NR_SESS_STATES		(SESS_IN_CONTINUE + 1)
#define NR_CLEANUP_STATES	(CLEANUP_OVER + 1)

static const char * const tiscsi_conn_states[NR_CONN_STATES] = {
#define CONN_STATE(name, ...) \
	[CONN_##name] = #name,
#include "state_table.h"
#undef CONN_STATE
};

static const char * const tiscsi_sess_states[NR_SESS_STATES] = {
#define SESS_STATE(name, ...) \
	[SESS_##name] = #name,
#include "state_table.h"
#undef SESS_STATE
};

static const char * const tiscsi_cleanup_states[NR_CLEANUP_STATES] = {
#define CLEANUP_STATE(name, ...) \
	[CLEANUP_##name] = #name,
#include "state_table.h"
#undef CLEANUP_STATE
};

static const bool tiscsi_conn_moves[NR_CONN_STATES][NR_CONN_STATES] = {
#define CONN_MOVE(from, to, ...) \
	[CONN_##from][CONN_##to] = true,
#include "state_table.h"
#undef CONN_MOVE
};

static const bool tiscsi_sess_moves[NR_SESS_STATES][NR_SESS_STATES] = {
#define SESS_MOVE(from, to, ...) \
	[SESS_##from][SESS_##to] = true,
#include "state_table.h"
#undef SESS_MOVE
};

static const bool tiscsi_cleanup_moves[NR_CLEANUP_STATES][NR_CLEANUP_STATES] = {
#define CLEANUP_MOVE(from, to, ...) \
	[CLEANUP_##from][CLEANUP_##to] = true,
#include "state_table.h"
#undef CLEANUP_MOVE
};

/**
 * tiscsi_conn_state_name - a connection state in words
 * @state: the state
 *
 * Return: its name in RFC 7143 8.1. Any context.
 */
const char *tiscsi_conn_state_name(enum tiscsi_conn_state state)
{
	return tiscsi_conn_states[state];
}

/**
 * tiscsi_sess_state_name - a session state in words
 * @state: the state
 *
 * Return: its name in RFC 7143 8.3. Any context.
 */
const char *tiscsi_sess_state_name(enum tiscsi_sess_state state)
{
	return tiscsi_sess_states[state];
}

/**
 * tiscsi_cleanup_state_name - how far the cleanup of a connection is, in words
 * @state: the state
 *
 * Return: our name for what RFC 7143 8.2 has. Any context.
 */
const char *tiscsi_cleanup_state_name(enum tiscsi_cleanup_state state)
{
	return tiscsi_cleanup_states[state];
}

/**
 * tiscsi_conn_may_become - is this a move that RFC 7143 8.1.4 knows
 * @from: a connection state
 * @to: another
 *
 * Return: whether a target's connection may go from one to the other. Any
 * context.
 */
bool tiscsi_conn_may_become(enum tiscsi_conn_state from,
			    enum tiscsi_conn_state to)
{
	return tiscsi_conn_moves[from][to];
}

/**
 * tiscsi_sess_may_become - is this a move that RFC 7143 8.3.4 knows
 * @from: a session state
 * @to: another
 *
 * Return: whether a target's session may go from one to the other. Any
 * context.
 */
bool tiscsi_sess_may_become(enum tiscsi_sess_state from,
			    enum tiscsi_sess_state to)
{
	return tiscsi_sess_moves[from][to];
}

/**
 * tiscsi_cleanup_may_become - is this a move that RFC 7143 8.2.2 knows
 * @from: a state of the cleanup of a connection
 * @to: another
 *
 * Return: whether it may go from one to the other. Any context.
 */
bool tiscsi_cleanup_may_become(enum tiscsi_cleanup_state from,
			       enum tiscsi_cleanup_state to)
{
	return tiscsi_cleanup_moves[from][to];
}

static void tiscsi_state_refuse(const char *machine, u32 sid, const char *from,
				const char *to)
{
	pr_err_ratelimited("BUG: %s of session %u cannot go from %s to %s, RFC 7143 clause 8\n",
			   machine, sid, from, to);
}

/**
 * tiscsi_conn_set_state - the one setter of conn->state
 * @conn: the connection
 * @state: where it goes
 *
 * Called by the owner of the connection: io_work, or close_work after it.
 */
void tiscsi_conn_set_state(struct tiscsi_conn *conn,
			   enum tiscsi_conn_state state)
{
	if (unlikely(!tiscsi_conn_may_become(conn->state, state))) {
		tiscsi_state_refuse("connection",
				    conn->sess ? conn->sess->sid : 0,
				    tiscsi_conn_states[conn->state],
				    tiscsi_conn_states[state]);
		return;
	}
	trace_tiscsi_conn(conn, state);
	WRITE_ONCE(conn->state, state);
}

/**
 * tiscsi_sess_set_state - the one setter of sess->state
 * @sess: the session
 * @state: where it goes
 *
 * Caller holds sess->lock, but for a session that nobody knows of yet.
 */
void tiscsi_sess_set_state(struct tiscsi_sess *sess,
			   enum tiscsi_sess_state state)
{
	if (unlikely(!tiscsi_sess_may_become(sess->state, state))) {
		tiscsi_state_refuse("state", sess->sid,
				    tiscsi_sess_states[sess->state],
				    tiscsi_sess_states[state]);
		return;
	}
	trace_tiscsi_sess(sess, state);
	WRITE_ONCE(sess->state, state);
}

/**
 * tiscsi_cleanup_set_state - the one setter of conn->cleanup
 * @conn: a connection that has failed
 * @state: where its cleanup goes
 *
 * Caller holds sess->lock.
 */
void tiscsi_cleanup_set_state(struct tiscsi_conn *conn,
			      enum tiscsi_cleanup_state state)
{
	lockdep_assert_held(&conn->sess->lock);
	if (unlikely(!tiscsi_cleanup_may_become(conn->cleanup, state))) {
		tiscsi_state_refuse("cleanup", conn->sess->sid,
				    tiscsi_cleanup_states[conn->cleanup],
				    tiscsi_cleanup_states[state]);
		return;
	}
	trace_tiscsi_cleanup(conn, state);
	conn->cleanup = state;
}
