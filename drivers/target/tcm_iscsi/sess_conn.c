// SPDX-License-Identifier: GPL-2.0
/*
 * The connections of a session: how one joins, leaves, fails and is replaced.
 *
 * A connection stays in sess->conns until the last command of it is back from
 * the core, although it has been closed long before (CONN_F_DETACHED).  Who
 * wants to take its place, a login with its CID, or to report its end, a
 * Logout, waits for that: an old write of it can then overwrite nothing.
 *
 * Below recovery level 2 no other connection can take over a task, so tasks end
 * with their connection.  What is kept, for Time2Wait + Time2Retain, is its
 * CID, if others are left, or else the session.  At level 2 see reassign.c.
 */
#include <linux/slab.h>

#include "recovery.h"
#include "sessions.h"

/* LUNs that tiscsi_lun_decode() knows. */
#define TISCSI_NR_LUNS		0x4000

/* ------------------------------------------------------------------ */
/* without a connection                                                */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_sess_retain_time - how long state is kept for an initiator
 * @sess: the session
 *
 * Return: jiffies; 0 if none is kept. Any context.
 */
unsigned long tiscsi_sess_retain_time(const struct tiscsi_sess *sess)
{
	const struct tiscsi_keys *keys = &sess->keys;

	if (!keys->v[KEY_TIME2RETAIN])
		return 0;
	return HZ * (keys->v[KEY_TIME2WAIT] + keys->v[KEY_TIME2RETAIN]);
}

/* C27: the session waits for a connection to continue it. */
static bool tiscsi_sess_retain(struct tiscsi_sess *sess)
{
	unsigned long retain = tiscsi_sess_retain_time(sess);

	if (!retain)
		return false;
	tiscsi_sess_set_state(sess, SESS_FAILED);
	sess->retain_until = jiffies + retain;
	if (queue_delayed_work(tiscsi_close_wq, &sess->retain_work, retain))
		kref_get(&sess->ref);
	return true;
}

/* The last connection has left, and no other one is about to come. */
static void tiscsi_sess_deserted(struct tiscsi_sess *sess, bool failed,
				 enum tiscsi_close_reason reason)
{
	lockdep_assert_held(&sess->lock);
	if (sess->nr_conns || !list_empty(&sess->joiners) ||
	    sess->state == SESS_FAILED)
		return;
	if (sess->state == SESS_LOGGED_IN && failed && !sess->dismissed &&
	    tiscsi_sess_retain(sess))
		return;
	tiscsi_sess_end(sess, reason, NULL);
}

/* ------------------------------------------------------------------ */
/* joining                                                             */
/* ------------------------------------------------------------------ */

static struct tiscsi_conn *tiscsi_sess_find_cid(struct tiscsi_sess *sess,
						u16 cid)
{
	struct tiscsi_conn *conn;

	lockdep_assert_held(&sess->lock);
	list_for_each_entry(conn, &sess->conns, sess_node)
		if (conn->cid == cid && !tiscsi_is_suspended(conn))
			return conn;
	return NULL;
}

static bool tiscsi_sess_takes_conns(const struct tiscsi_sess *sess)
{
	return sess->state != SESS_FREE && sess->state != SESS_ACTIVE &&
	       !sess->dismissed;
}

/* Connections, other than @but, that are neither closed nor in logout. */
static u32 tiscsi_sess_nr_live(struct tiscsi_sess *sess,
			       const struct tiscsi_conn *but)
{
	struct tiscsi_conn *conn;
	u32 nr = 0;

	lockdep_assert_held(&sess->lock);
	list_for_each_entry(conn, &sess->conns, sess_node)
		if (conn != but &&
		    !(READ_ONCE(conn->flags) & (BIT(CONN_F_CLOSING) |
						BIT(CONN_F_RX_STOPPED))))
			nr++;
	return nr;
}

static struct tiscsi_lost *tiscsi_sess_find_lost(struct tiscsi_sess *sess,
						 u16 cid)
{
	u32 i;

	lockdep_assert_held(&sess->lock);
	for (i = 0; i < ARRAY_SIZE(sess->lost); i++)
		if (sess->lost[i].until && sess->lost[i].cid == cid &&
		    time_before(jiffies, sess->lost[i].until))
			return &sess->lost[i];
	return NULL;
}

static void tiscsi_sess_attach(struct tiscsi_sess *sess,
			       struct tiscsi_conn *conn)
{
	struct tiscsi_lost *lost = tiscsi_sess_find_lost(sess, conn->cid);

	if (lost)
		lost->until = 0;
	/* F22: an old connection with this CID is reinstated. */
	tiscsi_suspended_release(sess, conn->cid);
	if (sess->state == SESS_FAILED)
		tiscsi_sess_set_state(sess, SESS_IN_CONTINUE);
	if (sess->state != SESS_LOGGED_IN)
		tiscsi_sess_set_state(sess, SESS_LOGGED_IN);
	kref_get(&sess->ref);
	conn->sess = sess;
	list_add_tail(&conn->sess_node, &sess->conns);
	sess->nr_conns++;
}

/**
 * tiscsi_sess_add_conn - attach the leading connection
 * @sess: the session
 * @conn: logged in; takes a reference to @sess
 *
 * io_work of @conn.
 *
 * Return: 0, or -ESHUTDOWN when the session was closed meanwhile.
 */
int tiscsi_sess_add_conn(struct tiscsi_sess *sess, struct tiscsi_conn *conn)
{
	int ret = -ESHUTDOWN;

	spin_lock(&sess->lock);
	if (sess->state != SESS_FREE && !sess->dismissed) {
		tiscsi_sess_attach(sess, conn);
		ret = 0;
	}
	spin_unlock(&sess->lock);
	if (!ret && !sess->discovery)
		tiscsi_sess_dir_add(sess);
	return ret;
}

/**
 * tiscsi_sess_may_join - is there a place for a further connection
 * @sess: the session
 * @cid: of the connection
 *
 * Process context.
 *
 * Return: 0; -EMFILE when there are MaxConnections already and none has this
 * CID (row B28); -ESHUTDOWN when the session takes no connections.
 */
int tiscsi_sess_may_join(struct tiscsi_sess *sess, u16 cid)
{
	int ret = 0;

	spin_lock(&sess->lock);
	if (!tiscsi_sess_takes_conns(sess))
		ret = -ESHUTDOWN;
	else if (!tiscsi_sess_find_cid(sess, cid) &&
		 tiscsi_sess_nr_live(sess, NULL) >=
		 sess->keys.v[KEY_MAX_CONNECTIONS])
		ret = -EMFILE;
	spin_unlock(&sess->lock);
	return ret;
}

/**
 * tiscsi_sess_join - attach a further connection (rows B27 to B29, C18)
 * @sess: the session
 * @conn: its login has succeeded in everything else; takes a reference
 *
 * A connection that has the same CID is closed; the new one waits until it is
 * gone, and is told to call again by CONN_F_WAKE_LOGIN.  io_work of @conn.
 *
 * Return: 0; -EAGAIN if it has to wait; -EMFILE, -ESHUTDOWN as
 * tiscsi_sess_may_join().
 */
int tiscsi_sess_join(struct tiscsi_sess *sess, struct tiscsi_conn *conn)
{
	struct tiscsi_conn *old;
	int ret = 0;

	spin_lock(&sess->lock);
	list_del_init(&conn->wait_node);
	old = tiscsi_sess_find_cid(sess, conn->cid);
	if (!tiscsi_sess_takes_conns(sess)) {
		ret = -ESHUTDOWN;
	} else if (old) {
		tiscsi_conn_close(old, CLOSE_REINSTATED);
		list_add_tail(&conn->wait_node, &sess->joiners);
		ret = -EAGAIN;
	} else if (tiscsi_sess_nr_live(sess, NULL) >=
		   sess->keys.v[KEY_MAX_CONNECTIONS]) {
		ret = -EMFILE;
	} else {
		tiscsi_sess_attach(sess, conn);
	}
	spin_unlock(&sess->lock);
	return ret;
}

/**
 * tiscsi_sess_stop_waiting - a login waits no longer for a place
 * @sess: the session that it wanted to join
 * @conn: its connection
 *
 * io_work of @conn, or after its end.
 */
void tiscsi_sess_stop_waiting(struct tiscsi_sess *sess,
			      struct tiscsi_conn *conn)
{
	spin_lock(&sess->lock);
	list_del_init(&conn->wait_node);
	/* What it waited for may have been the last connection. */
	tiscsi_sess_deserted(sess, true, CLOSE_PEER);
	tiscsi_sess_check_drained(sess);
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_sess_wake_joiners - have logins look again that wait for a place
 * @sess: the session
 *
 * Caller holds sess->lock.
 */
void tiscsi_sess_wake_joiners(struct tiscsi_sess *sess)
{
	struct tiscsi_conn *conn;

	lockdep_assert_held(&sess->lock);
	list_for_each_entry(conn, &sess->joiners, wait_node) {
		set_bit(CONN_F_WAKE_LOGIN, &conn->flags);
		tiscsi_conn_kick(conn);
	}
}

/* ------------------------------------------------------------------ */
/* unit attentions of tasks that went with their connection            */
/* ------------------------------------------------------------------ */

/* Only a task that has been delivered can be missed. */
static bool tiscsi_cmd_is_active(const struct tiscsi_cmd *cmd)
{
	return cmd->opcode == ISCSI_OP_SCSI_CMD && cmd->state != TASK_RECV &&
	       (test_bit(CMD_COUNTED, &cmd->flags) ||
		test_bit(CMD_IMMEDIATE, &cmd->flags));
}

/**
 * tiscsi_sess_note_cleared - a task is about to end with its connection
 * @cmd: the task
 *
 * See tiscsi_sess_report_cleared().  Caller holds sess->lock.
 */
void tiscsi_sess_note_cleared(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;

	if (!sess->cleared || cmd->lun >= TISCSI_NR_LUNS ||
	    !tiscsi_cmd_is_active(cmd))
		return;
	__set_bit(cmd->lun, sess->cleared);
	WRITE_ONCE(sess->has_cleared, true);
}

static bool tiscsi_sess_take_cleared(struct tiscsi_sess *sess, u64 lun)
{
	bool was = false;

	spin_lock(&sess->lock);
	if (sess->has_cleared && lun < TISCSI_NR_LUNS) {
		was = __test_and_clear_bit(lun, sess->cleared);
		sess->has_cleared = !bitmap_empty(sess->cleared,
						  TISCSI_NR_LUNS);
	}
	spin_unlock(&sess->lock);
	return was;
}

/**
 * tiscsi_sess_report_cleared - tell of tasks that a connection took with it
 * @cmd: a SCSI command whose turn has come, and to whose session this happened
 *
 * Row C25: once for each logical unit, 06/47/7F.  io_work.
 */
void tiscsi_sess_report_cleared(struct tiscsi_cmd *cmd)
{
	static const struct tiscsi_sense cleared = {
		UNIT_ATTENTION, 0x47, 0x7f };
	const u8 *cdb = ((struct iscsi_scsi_req *)&cmd->hdr)->cdb;

	/* SAM: these report no unit attention, and do not clear it. */
	if (cdb[0] == INQUIRY || cdb[0] == REPORT_LUNS ||
	    cdb[0] == REQUEST_SENSE ||
	    test_bit(CMD_EARLY_STATUS, &cmd->flags))
		return;
	if (tiscsi_sess_take_cleared(cmd->sess, cmd->lun))
		tiscsi_scsi_fail(cmd, &cleared);
}

/* ------------------------------------------------------------------ */
/* leaving                                                             */
/* ------------------------------------------------------------------ */

static struct tiscsi_cmd *tiscsi_sess_task_to_end(struct tiscsi_conn *conn,
						  struct tiscsi_cmd *logout)
{
	struct tiscsi_cmd *cmd;

	lockdep_assert_held(&conn->sess->lock);
	list_for_each_entry(cmd, &conn->tasks, conn_node) {
		if (logout && (cmd == logout || cmd->state == TASK_RESPONSE))
			continue;
		tiscsi_cmd_get(cmd);
		list_del_init(&cmd->conn_node);
		/* Its tag is free, even if the core still has it. */
		hlist_del_init(&cmd->itt_node);
		tiscsi_sess_note_cleared(cmd);
		return cmd;
	}
	return NULL;
}

/**
 * tiscsi_sess_want_cleared - tasks are going to end with their connection
 * @sess: the session
 *
 * Makes room to remember their LUNs.  If that fails, less is told, and nothing
 * else is wrong.  Process context.
 */
void tiscsi_sess_want_cleared(struct tiscsi_sess *sess)
{
	unsigned long *cleared;

	if (READ_ONCE(sess->state) == SESS_FREE || READ_ONCE(sess->cleared))
		return;
	cleared = bitmap_zalloc(TISCSI_NR_LUNS, GFP_KERNEL);
	spin_lock(&sess->lock);
	if (!sess->cleared)
		swap(sess->cleared, cleared);
	spin_unlock(&sess->lock);
	bitmap_free(cleared);
}

/**
 * tiscsi_sess_end_tasks - end the tasks of a connection without an answer
 * @conn: the connection
 * @logout: if not NULL, spared, as are answers that are queued before its own
 *
 * Those in the core end when the core gives them back.  io_work, or after its
 * end.
 */
void tiscsi_sess_end_tasks(struct tiscsi_conn *conn, struct tiscsi_cmd *logout)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd;

	tiscsi_sess_want_cleared(sess);
	for (;;) {
		spin_lock(&sess->lock);
		cmd = tiscsi_sess_task_to_end(conn, logout);
		spin_unlock(&sess->lock);
		if (!cmd)
			break;
		tiscsi_scsi_kill(cmd);
		tiscsi_cmd_put(cmd);
	}
}

/* Nothing of a connection is left, in the core or elsewhere. */
static void tiscsi_sess_conn_gone(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd, *next;

	if (list_empty(&conn->sess_node))
		return;
	list_del_init(&conn->sess_node);
	list_for_each_entry_safe(cmd, next, &sess->logouts, list) {
		struct iscsi_logout *req = (struct iscsi_logout *)&cmd->hdr;

		if (be16_to_cpu(req->cid) != conn->cid)
			continue;
		list_del_init(&cmd->list);
		tiscsi_logout_answer(cmd, ISCSI_LOGOUT_SUCCESS);
	}
	tiscsi_sess_wake_joiners(sess);
}

/**
 * tiscsi_sess_conn_less - a connection has a command less
 * @conn: the connection
 *
 * Caller holds sess->lock.
 */
void tiscsi_sess_conn_less(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *logout = conn->logout;

	if (likely(!test_bit(CONN_F_LEAVING, &conn->flags)))
		return;
	if (test_bit(CONN_F_DETACHED, &conn->flags)) {
		if (conn->nr_cmds)
			return;
		tiscsi_suspended_expire(conn);
		tiscsi_sess_conn_gone(conn);
	} else if (logout && logout != conn->sess->logout &&
		   conn->nr_cmds == 1) {
		tiscsi_logout_answer(logout, ISCSI_LOGOUT_SUCCESS);
	}
}

/**
 * tiscsi_sess_logout - a connection takes leave
 * @cmd: the Logout; its connection takes no more requests from here on
 * @session: the whole session is to end; it does too if no other connection
 *	is left
 *
 * The answer waits for the tasks that the core has, and, if it is the session
 * that ends, for what ends with the nexus: who is told that the session is
 * closed must not find its reservation still there.  io_work.
 */
void tiscsi_sess_logout(struct tiscsi_cmd *cmd, bool session)
{
	struct tiscsi_conn *conn = cmd->conn;
	struct tiscsi_sess *sess = cmd->sess;

	spin_lock(&sess->lock);
	set_bit(CONN_F_RX_STOPPED, &conn->flags);
	conn->logout = cmd;
	if (sess->state != SESS_FREE &&
	    (session || !tiscsi_sess_nr_live(sess, conn))) {
		tiscsi_cmd_get(cmd);
		sess->logout = cmd;
		tiscsi_sess_end(sess, CLOSE_LOGOUT, conn);
	}
	spin_unlock(&sess->lock);

	tiscsi_kept_drop(conn);
	tiscsi_sess_end_tasks(conn, cmd);

	spin_lock(&sess->lock);
	set_bit(CONN_F_LEAVING, &conn->flags);
	tiscsi_sess_conn_less(conn);
	spin_unlock(&sess->lock);
	tiscsi_sess_free_if_drained(sess);
}

/**
 * tiscsi_sess_logout_other - close another connection of the session
 * @cmd: the Logout that asks for it; answered when the connection is gone
 * @cid: of the connection
 *
 * Row C20: also one that has failed lately.  io_work of @cmd's connection.
 *
 * Return: false if there is no such connection.
 */
bool tiscsi_sess_logout_other(struct tiscsi_cmd *cmd, u16 cid)
{
	struct tiscsi_sess *sess = cmd->sess;
	struct tiscsi_conn *other;
	struct tiscsi_lost *lost;
	bool found = true;

	spin_lock(&sess->lock);
	other = tiscsi_sess_find_cid(sess, cid);
	lost = tiscsi_sess_find_lost(sess, cid);
	if (lost)
		lost->until = 0;
	if (other) {
		tiscsi_conn_close(other, CLOSE_LOGOUT);
		list_add_tail(&cmd->list, &sess->logouts);
	} else if (tiscsi_suspended_close(sess, cid)) {
		list_add_tail(&cmd->list, &sess->logouts);
	} else if (lost) {
		tiscsi_logout_answer(cmd, ISCSI_LOGOUT_SUCCESS);
	} else {
		found = false;
	}
	spin_unlock(&sess->lock);
	return found;
}

/**
 * tiscsi_sess_logout_recovery - have another connection's tasks taken over
 * @cmd: the Logout that asks for it; answered when the connection has ended
 * @cid: of the connection
 *
 * Rows C21, F22.  io_work of @cmd's connection.
 *
 * Return: false if there is no such connection.
 */
bool tiscsi_sess_logout_recovery(struct tiscsi_cmd *cmd, u16 cid)
{
	struct tiscsi_sess *sess = cmd->sess;
	struct tiscsi_conn *other;
	bool found = true;

	spin_lock(&sess->lock);
	other = tiscsi_sess_find_cid(sess, cid);
	if (other) {
		tiscsi_conn_close(other, CLOSE_RECOVERY);
		list_add_tail(&cmd->list, &sess->logouts);
	} else if (tiscsi_suspended_release(sess, cid) ||
		   tiscsi_sess_find_lost(sess, cid)) {
		tiscsi_logout_answer(cmd, ISCSI_LOGOUT_SUCCESS);
	} else {
		found = false;
	}
	spin_unlock(&sess->lock);
	return found;
}

/**
 * tiscsi_sess_finish - end a session whose last word is out
 * @conn: the connection that it went out on; left for the peer to close
 * @reason: why
 *
 * Nobody can join or continue the session any more.  io_work of @conn.
 */
void tiscsi_sess_finish(struct tiscsi_conn *conn,
			enum tiscsi_close_reason reason)
{
	struct tiscsi_sess *sess = conn->sess;

	spin_lock(&sess->lock);
	set_bit(CONN_F_RX_STOPPED, &conn->flags);
	tiscsi_sess_end(sess, reason, conn);
	spin_unlock(&sess->lock);
	tiscsi_sess_end_tasks(conn, NULL);
	tiscsi_conn_finish(conn, reason);
}

/* ------------------------------------------------------------------ */
/* failing                                                             */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_conn_has_failed - has a connection ended by itself
 * @conn: the connection, closed
 *
 * Return: true if the initiator did not ask for it, and it is nothing that ends
 * the whole session. Any context.
 */
bool tiscsi_conn_has_failed(const struct tiscsi_conn *conn)
{
	switch (conn->close_reason) {
	case CLOSE_PEER:
	case CLOSE_TIMEOUT:
	case CLOSE_DIGEST:
	case CLOSE_NO_MEMORY:
	case CLOSE_DROPPED:
		return conn->sess->se_session;
	default:
		return false;
	}
}

/* C26: its CID can be logged out, or logged in again, for a while. */
static void tiscsi_sess_remember_cid(struct tiscsi_sess *sess, u16 cid)
{
	unsigned long retain = tiscsi_sess_retain_time(sess);
	struct tiscsi_lost *lost = &sess->lost[0];
	u32 i;

	if (!retain)
		return;
	for (i = 0; i < ARRAY_SIZE(sess->lost) && lost->until; i++)
		if (!sess->lost[i].until ||
		    time_before(sess->lost[i].until, lost->until))
			lost = &sess->lost[i];
	lost->cid = cid;
	/* 0 stands for none. */
	lost->until = (jiffies + retain) | 1;
}

/**
 * tiscsi_sess_retain_work - the time to continue a session may be over
 * @work: of the session
 */
void tiscsi_sess_retain_work(struct work_struct *work)
{
	struct tiscsi_sess *sess = container_of(to_delayed_work(work),
						struct tiscsi_sess,
						retain_work);
	bool failed, late, again = false;

	spin_lock(&sess->lock);
	failed = sess->state == SESS_FAILED;
	late = time_after_eq(jiffies, sess->retain_until);
	/* It may have come back and failed once more. */
	if (failed && !late)
		again = queue_delayed_work(tiscsi_close_wq, &sess->retain_work,
					   sess->retain_until - jiffies);
	if (failed && late)
		tiscsi_sess_end(sess, CLOSE_TIMEOUT, NULL);
	tiscsi_sess_check_drained(sess);
	spin_unlock(&sess->lock);
	if (!again)
		tiscsi_sess_put(sess);
}

/**
 * tiscsi_sess_conn_left - a session has a connection less
 * @conn: the connection; its tasks have ended, or are suspended
 *
 * The last one takes the session with it, unless it may come back.  Caller holds
 * sess->lock.
 */
void tiscsi_sess_conn_left(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	bool failed = tiscsi_conn_has_failed(conn);

	lockdep_assert_held(&sess->lock);
	set_bit(CONN_F_DETACHED, &conn->flags);
	set_bit(CONN_F_LEAVING, &conn->flags);
	sess->nr_conns--;
	tiscsi_fence_conn_gone(conn);
	if (failed) {
		tiscsi_gap_conn_failed(sess);
		tiscsi_async_conn_gone(conn);
		tiscsi_sess_remember_cid(sess, conn->cid);
	}
	tiscsi_sess_deserted(sess, failed || tiscsi_is_suspended(conn),
			     conn->close_reason);
}

/**
 * tiscsi_sess_del_conn - detach a connection and end its tasks
 * @conn: its io_work does not run any more
 *
 * Tasks in the core end when they come back.  Process context.
 */
void tiscsi_sess_del_conn(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;

	spin_lock(&sess->lock);
	conn->logout = NULL;
	spin_unlock(&sess->lock);
	tiscsi_kept_drop(conn);
	tiscsi_sess_end_tasks(conn, NULL);

	spin_lock(&sess->lock);
	tiscsi_sess_conn_left(conn);
	tiscsi_sess_conn_less(conn);
	tiscsi_sess_check_drained(sess);
	spin_unlock(&sess->lock);
}
