/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state machines of RFC 7143 clause 8, as a target has them.
 *
 * Included where one of these macros means something: tcm_iscsi.h makes the
 * enums of it, state.c the tables that the setters look at, and
 * scripts/state-table the drawings.  One row a line.
 *
 * *_STATE(name, number in the RFC, what it is)
 * *_MOVE(from, to, number in the RFC, when); what is not listed is illegal.
 *
 * CONN: 8.1, a connection.  SESS: 8.3, a session.  CLEANUP: 8.2, a connection
 * that has failed at recovery level 2, while its own state is CLEANUP_WAIT.
 */
#ifdef CONN_STATE
CONN_STATE(FREE, "S1", "not there yet, or over")
CONN_STATE(XPT_UP, "S3", "accepted")
CONN_STATE(IN_LOGIN, "S4", "a Login Request has come")
CONN_STATE(LOGGED_IN, "S5", "full feature phase")
CONN_STATE(IN_LOGOUT, "S6", "a Logout waits for its answer, or for the peer to close")
CONN_STATE(LOGOUT_REQUESTED, "S7", "the initiator was asked to log out")
CONN_STATE(CLEANUP_WAIT, "S8", "failed; its tasks are kept")
#endif

#ifdef CONN_MOVE
CONN_MOVE(FREE, XPT_UP, "T3", "accept")
CONN_MOVE(XPT_UP, IN_LOGIN, "T4", "first Login Request")
CONN_MOVE(XPT_UP, FREE, "T6", "closed, or nothing came in time")
CONN_MOVE(IN_LOGIN, LOGGED_IN, "T5", "final Login Response sent")
CONN_MOVE(IN_LOGIN, FREE, "T7", "login refused, closed or late")
CONN_MOVE(LOGGED_IN, IN_LOGOUT, "T10", "Logout of this connection or of the session")
CONN_MOVE(LOGGED_IN, LOGOUT_REQUESTED, "T11", "an administrator takes something away")
CONN_MOVE(LOGGED_IN, CLEANUP_WAIT, "T15", "failed, replaced or logged out for recovery, level 2")
CONN_MOVE(LOGGED_IN, FREE, "T8", "failed below level 2, or the session ends")
CONN_MOVE(IN_LOGOUT, CLEANUP_WAIT, "T17", "failed before the answer; not used")
CONN_MOVE(IN_LOGOUT, FREE, "T13", "answered and closed, or failed")
CONN_MOVE(LOGOUT_REQUESTED, IN_LOGOUT, "T10", "Logout")
CONN_MOVE(LOGOUT_REQUESTED, CLEANUP_WAIT, "T16", "as from LOGGED_IN")
CONN_MOVE(LOGOUT_REQUESTED, FREE, "T18", "failed, or dropped as no Logout came")
CONN_MOVE(CLEANUP_WAIT, FREE, "M1, M4", "see the cleanup of a connection")
#endif

#ifdef SESS_STATE
SESS_STATE(FREE, "Q1", "not there yet, or closed")
SESS_STATE(ACTIVE, "Q2", "its first login is about to end")
SESS_STATE(LOGGED_IN, "Q3", "has connections")
SESS_STATE(FAILED, "Q4", "waits for a connection to continue it")
SESS_STATE(IN_CONTINUE, "Q5", "one is about to")
#endif

#ifdef SESS_MOVE
SESS_MOVE(FREE, ACTIVE, "N1", "first login has succeeded so far")
SESS_MOVE(ACTIVE, LOGGED_IN, "N4", "its connection is attached")
SESS_MOVE(ACTIVE, FREE, "N9", "no resources, or closed meanwhile")
SESS_MOVE(LOGGED_IN, FREE, "N3", "Logout, replaced, closed, format error, administrator")
SESS_MOVE(LOGGED_IN, FAILED, "N5", "last connection failed, Time2Retain not 0")
SESS_MOVE(FAILED, FREE, "N6", "Time2Wait + Time2Retain over, replaced, administrator")
SESS_MOVE(FAILED, IN_CONTINUE, "N7", "a login with its TSIH has succeeded so far")
SESS_MOVE(IN_CONTINUE, FAILED, "N8", "its connection failed at once; not used")
SESS_MOVE(IN_CONTINUE, LOGGED_IN, "N10", "its connection is attached")
SESS_MOVE(IN_CONTINUE, FREE, "N11", "as from FAILED; not used")
#endif

#ifdef CLEANUP_STATE
CLEANUP_STATE(NONE, "-", "the connection has not failed")
CLEANUP_STATE(WAIT, "R1", "tasks kept, until a Logout or a login says what becomes of them")
CLEANUP_STATE(BEGUN, "R2", "tasks may be taken over, or are about to end")
CLEANUP_STATE(OVER, "R3", "nothing is kept any more")
#endif

#ifdef CLEANUP_MOVE
CLEANUP_MOVE(NONE, WAIT, "T15, T16", "the connection goes to CLEANUP_WAIT")
CLEANUP_MOVE(WAIT, BEGUN, "M2", "Logout for recovery, or a login with its CID")
CLEANUP_MOVE(WAIT, OVER, "M1", "time over, CID closed by Logout, session ends")
CLEANUP_MOVE(BEGUN, WAIT, "M3", "the Logout failed; not used, as it cannot")
CLEANUP_MOVE(BEGUN, OVER, "M4", "all tasks taken over, time over, session ends")
#endif
