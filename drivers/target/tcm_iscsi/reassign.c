// SPDX-License-Identifier: GPL-2.0
/*
 * Connection recovery (RFC 7143 7.1.4.3, 7.2.2; rows F22 to F28, E23, E24), on
 * sessions at recovery level 2.
 *
 * A connection that fails is suspended: it has left its session and has no
 * socket any more, but keeps its tasks and unacknowledged answers for
 * Time2Wait + Time2Retain.  Its io_work goes on to look after them, as nobody
 * else may: it executes what is due, and ends what others want ended.  TASK
 * REASSIGN has it hand a task over to the connection that the function came on.
 *
 * Suspended connections stay in sess->conns.  The end of one is close_work once
 * more, which is queued when its time is over, when it has nothing left, or
 * when the session ends.
 */
#include <linux/rcupdate.h>

#include "access/access.h"
#include "recovery.h"
#include "wait.h"

/**
 * tiscsi_suspended_expire - a suspended connection has to end
 * @conn: any connection; others are left alone
 *
 * Caller holds sess->lock.
 */
void tiscsi_suspended_expire(struct tiscsi_conn *conn)
{
	lockdep_assert_held(&conn->sess->lock);
	if (tiscsi_is_suspended(conn) &&
	    !test_and_set_bit(CONN_F_EXPIRED, &conn->flags))
		queue_work(tiscsi_close_wq, &conn->close_work);
}

/* ------------------------------------------------------------------ */
/* suspending                                                          */
/* ------------------------------------------------------------------ */

/* F24, F28: what was acknowledged by ExpCmdSN and may be taken over. */
static bool tiscsi_suspend_keeps(const struct tiscsi_cmd *cmd)
{
	if (cmd->opcode != ISCSI_OP_SCSI_CMD ||
	    test_bit(CMD_IMMEDIATE, &cmd->flags) ||
	    test_bit(CMD_NO_RESPONSE, &cmd->flags))
		return false;
	if (cmd->state == TASK_PENDING)
		return test_bit(CMD_COUNTED, &cmd->flags);
	return cmd->state >= TASK_DATA && cmd->state <= TASK_KEPT;
}

static struct tiscsi_cmd *tiscsi_suspend_next_to_end(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd, *found = NULL;

	spin_lock(&conn->sess->lock);
	list_for_each_entry(cmd, &conn->tasks, conn_node)
		if (!tiscsi_suspend_keeps(cmd)) {
			found = cmd;
			break;
		}
	if (found) {
		tiscsi_cmd_get(found);
		list_del_init(&found->conn_node);
		hlist_del_init(&found->itt_node);
		tiscsi_sess_note_cleared(found);
	}
	spin_unlock(&conn->sess->lock);
	return found;
}

static struct tiscsi_cmd *tiscsi_suspend_next_kept(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	spin_lock(&conn->sess->lock);
	list_for_each_entry(cmd, &conn->kept, list)
		if (!tiscsi_suspend_keeps(cmd)) {
			tiscsi_cmd_get(cmd);
			spin_unlock(&conn->sess->lock);
			return cmd;
		}
	spin_unlock(&conn->sess->lock);
	return NULL;
}

static void tiscsi_suspend_end_others(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	tiscsi_sess_want_cleared(conn->sess);
	while ((cmd = tiscsi_suspend_next_to_end(conn))) {
		tiscsi_scsi_kill(cmd);
		tiscsi_cmd_put(cmd);
	}
	while ((cmd = tiscsi_suspend_next_kept(conn))) {
		tiscsi_cmd_end(cmd);
		tiscsi_cmd_put(cmd);
	}
}

/*
 * Takes everything off the transmit queue.  What is owed for a task stays
 * written in its tx_pending; what is no task ends.
 */
static void tiscsi_suspend_tx(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd = conn->tx.cmd;

	/* Its last PDU was being sent: it may not have arrived. */
	if (cmd && tiscsi_kept_again(cmd) && cmd->state == TASK_RESPONSE)
		tiscsi_cmd_answered(cmd);
	while ((cmd = tiscsi_tx_take(conn))) {
		if (!tiscsi_suspend_keeps(cmd)) {
			cmd->tx_pending = 0;
			tiscsi_cmd_end(cmd);
		}
		tiscsi_cmd_put(cmd);
	}
}

/* E.2: partial sequences and their tags are gone; the data here is good. */
static void tiscsi_suspend_data(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	/* Nobody else changes the list but under the lock, nor the tasks. */
	spin_lock(&conn->sess->lock);
	list_for_each_entry(cmd, &conn->tasks, conn_node)
		if (cmd->state < TASK_CORE)
			tiscsi_recovery_give_up(cmd);
	spin_unlock(&conn->sess->lock);
}

/* From now on its tasks may be taken over; it may have been said before. */
static void tiscsi_suspended_begin(struct tiscsi_conn *conn)
{
	if (conn->cleanup != CLEANUP_BEGUN)
		tiscsi_cleanup_set_state(conn, CLEANUP_BEGUN);
}

/* Logouts that waited for this. */
static void tiscsi_suspend_answer_logouts(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd, *next;
	bool expire = false;

	list_for_each_entry_safe(cmd, next, &conn->sess->logouts, list) {
		struct iscsi_logout *req = (struct iscsi_logout *)&cmd->hdr;

		if (be16_to_cpu(req->cid) != conn->cid)
			continue;
		if (!tiscsi_logout_is_recovery(cmd)) {
			expire = true;
			continue;
		}
		list_del_init(&cmd->list);
		tiscsi_suspended_begin(conn);
		tiscsi_logout_answer(cmd, ISCSI_LOGOUT_SUCCESS);
	}
	if (expire)
		tiscsi_suspended_expire(conn);
}

static bool tiscsi_suspend_wanted(const struct tiscsi_conn *conn)
{
	const struct tiscsi_sess *sess = conn->sess;

	if (sess->erl < 2 || sess->state == SESS_FREE || sess->dismissed ||
	    (conn->state != CONN_LOGGED_IN &&
	     conn->state != CONN_LOGOUT_REQUESTED))
		return false;
	return conn->close_reason == CLOSE_REINSTATED ||
	       conn->close_reason == CLOSE_RECOVERY ||
	       tiscsi_conn_has_failed(conn);
}

/**
 * tiscsi_suspend - keep the tasks of a connection that has ended
 * @conn: its io_work does not run; its socket is not needed any more
 *
 * close_work.
 *
 * Return: false where that is not to be done: below level 2, with Time2Retain
 * 0, and after ends that somebody wanted.
 */
bool tiscsi_suspend(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	unsigned long retain;

	if (!tiscsi_suspend_wanted(conn))
		return false;
	retain = tiscsi_sess_retain_time(sess);
	if (!retain)
		return false;
	tiscsi_suspend_tx(conn);
	tiscsi_suspend_end_others(conn);
	tiscsi_suspend_data(conn);
	tiscsi_conn_set_state(conn, CONN_CLEANUP_WAIT);

	spin_lock(&sess->lock);
	conn->logout = NULL;
	conn->deadline = jiffies + retain;
	set_bit(CONN_F_SUSPENDED, &conn->flags);
	tiscsi_cleanup_set_state(conn, CLEANUP_WAIT);
	if (conn->close_reason == CLOSE_REINSTATED)
		tiscsi_suspended_begin(conn);
	tiscsi_sess_conn_left(conn);
	tiscsi_suspend_answer_logouts(conn);
	/* The session may have ended meanwhile. */
	if (sess->state == SESS_FREE || !conn->nr_cmds)
		tiscsi_suspended_expire(conn);
	tiscsi_sess_wake_joiners(sess);
	tiscsi_sess_check_drained(sess);
	spin_unlock(&sess->lock);
	tiscsi_conn_arm_timer(conn, conn->deadline);
	/* Some may be due, or doomed. */
	tiscsi_conn_kick(conn);
	return true;
}

/* ------------------------------------------------------------------ */
/* suspended                                                           */
/* ------------------------------------------------------------------ */

/* A connection may have failed more than once.  Return: whether one had. */
static bool tiscsi_suspended_each(struct tiscsi_sess *sess, u16 cid,
				  void (*act)(struct tiscsi_conn *conn))
{
	struct tiscsi_conn *conn;
	bool found = false;

	lockdep_assert_held(&sess->lock);
	list_for_each_entry(conn, &sess->conns, sess_node) {
		if (conn->cid != cid || !tiscsi_is_suspended(conn))
			continue;
		act(conn);
		found = true;
	}
	return found;
}

static void tiscsi_suspended_renew(struct tiscsi_conn *conn)
{
	tiscsi_suspended_begin(conn);
	conn->deadline = jiffies + tiscsi_sess_retain_time(conn->sess);
}

/**
 * tiscsi_suspended_release - tasks may be taken over from now on
 * @sess: the session
 * @cid: of a connection that was logged out for recovery, or reinstated
 *
 * Their time begins anew.  Caller holds sess->lock.
 *
 * Return: whether there was such a connection.
 */
bool tiscsi_suspended_release(struct tiscsi_sess *sess, u16 cid)
{
	return tiscsi_suspended_each(sess, cid, tiscsi_suspended_renew);
}

/**
 * tiscsi_suspended_close - tasks are not wanted any more
 * @sess: the session
 * @cid: of the connection
 *
 * Caller holds sess->lock.
 *
 * Return: whether there was such a connection.
 */
bool tiscsi_suspended_close(struct tiscsi_sess *sess, u16 cid)
{
	return tiscsi_suspended_each(sess, cid, tiscsi_suspended_expire);
}

/**
 * tiscsi_suspended_check_time - is the time of a suspended connection over
 * @conn: the connection
 *
 * io_work.
 */
void tiscsi_suspended_check_time(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;

	spin_lock(&sess->lock);
	if (time_after_eq(jiffies, conn->deadline))
		tiscsi_suspended_expire(conn);
	else
		tiscsi_conn_arm_timer(conn, conn->deadline);
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_suspended_end - end what is left of a suspended connection
 * @conn: the connection
 *
 * F22: its logical units report what was cleared.  close_work.
 */
void tiscsi_suspended_end(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;

	spin_lock(&sess->lock);
	clear_bit(CONN_F_SUSPENDED, &conn->flags);
	tiscsi_cleanup_set_state(conn, CLEANUP_OVER);
	spin_unlock(&sess->lock);
	cancel_work_sync(&conn->io_work);
	del_timer_sync(&conn->timer);
	tiscsi_kept_drop(conn);
	tiscsi_sess_end_tasks(conn, NULL);
	tiscsi_tx_purge(conn);
	tiscsi_reassign_serve(conn);
	spin_lock(&sess->lock);
	tiscsi_sess_conn_less(conn);
	tiscsi_sess_check_drained(sess);
	spin_unlock(&sess->lock);
	/* Of a task that was taken over somebody may still kick us. */
	synchronize_rcu();
}

/* ------------------------------------------------------------------ */
/* TASK REASSIGN                                                       */
/* ------------------------------------------------------------------ */

static const struct iscsi_tm *tiscsi_reassign_req(const struct tiscsi_cmd *tmf)
{
	return (const struct iscsi_tm *)&tmf->hdr;
}

static struct tiscsi_cmd *tiscsi_reassign_find_kept(struct tiscsi_sess *sess,
						    itt_t itt)
{
	struct tiscsi_conn *conn;
	struct tiscsi_cmd *cmd;

	list_for_each_entry(conn, &sess->conns, sess_node) {
		if (!tiscsi_is_suspended(conn))
			continue;
		list_for_each_entry_reverse(cmd, &conn->kept, list)
			if (cmd->itt == itt)
				return cmd;
	}
	return NULL;
}

/* The task that a function names, or a response (E07, E23). */
static struct tiscsi_cmd *tiscsi_reassign_find(const struct tiscsi_cmd *tmf,
					       u8 *response)
{
	itt_t itt = tiscsi_reassign_req(tmf)->rtt;
	struct tiscsi_cmd *cmd;

	lockdep_assert_held(&tmf->sess->lock);
	*response = ISCSI_TMF_RSP_COMPLETE;
	cmd = tiscsi_cmd_find(tmf->sess, itt) ?:
	      tiscsi_reassign_find_kept(tmf->sess, itt);
	if (!cmd)
		*response = ISCSI_TMF_RSP_NO_TASK;
	else if (cmd->opcode != ISCSI_OP_SCSI_CMD)
		*response = ISCSI_TMF_RSP_REJECTED;
	else if (cmd->conn->cleanup != CLEANUP_BEGUN)
		*response = ISCSI_TMF_RSP_TASK_ALLEGIANT;
	else if (!tiscsi_suspend_keeps(cmd))
		*response = ISCSI_TMF_RSP_NO_TASK;
	return cmd;
}

/**
 * tiscsi_reassign_exec - a TASK REASSIGN
 * @tmf: the function, started; its connection is to have the task
 *
 * The connection that has the task hands it over.  io_work.
 */
void tiscsi_reassign_exec(struct tiscsi_cmd *tmf)
{
	struct tiscsi_sess *sess = tmf->sess;
	struct tiscsi_cmd *cmd;

	if (!test_bit(CMD_IMMEDIATE, &tmf->flags)) {
		tmf->wait->response = ISCSI_TMF_RSP_REJECTED;
		return;
	}
	spin_lock(&sess->lock);
	cmd = tiscsi_reassign_find(tmf, &tmf->wait->response);
	if (!tmf->wait->response) {
		tiscsi_wait_hold(tmf->wait);
		tmf->wait->from = cmd->conn;
		list_add_tail(&tmf->list, &sess->reassigns);
		set_bit(CONN_F_GO_ON, &cmd->conn->flags);
		tiscsi_conn_kick(cmd->conn);
	}
	spin_unlock(&sess->lock);
}

/* Row E24: Data-In goes on where the initiator says, or had said before. */
static void tiscsi_reassign_read(const struct tiscsi_cmd *tmf,
				 struct tiscsi_cmd *cmd)
{
	u32 exp_data_sn = be32_to_cpu(tiscsi_reassign_req(tmf)->exp_datasn);
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	if (k->reads && exp_data_sn <= cmd->pos.sn)
		tiscsi_read_acked(cmd, exp_data_sn);
	k->snack_tag = 0;
	tiscsi_read_rewind(cmd);
}

/* Its answer is made once more, with a StatSN of the new connection. */
static void tiscsi_reassign_answer(const struct tiscsi_cmd *tmf,
				   struct tiscsi_cmd *cmd)
{
	bool reads = tiscsi_kept(cmd)->reads ||
		     test_bit(TX_DATA_IN, &cmd->tx_pending);

	tiscsi_kept(cmd)->answered = false;
	cmd->tx_pending = 0;
	if (reads)
		tiscsi_reassign_read(tmf, cmd);
	else
		tiscsi_tx_queue(cmd, TX_STATUS);
}

static void tiscsi_reassign_resume(const struct tiscsi_cmd *tmf,
				   struct tiscsi_cmd *cmd)
{
	switch (cmd->state) {
	case TASK_KEPT:
		list_del_init(&cmd->list);
		tiscsi_cmd_revive(cmd);
		fallthrough;
	case TASK_RESPONSE:
		tiscsi_reassign_answer(tmf, cmd);
		break;
	case TASK_DATA:
		/* F23: fresh R2Ts for what is missing. */
		cmd->tx_pending = 0;
		tiscsi_data_doom(cmd, cmd->doom ?: DOOM_RECOVER);
		break;
	default:
		break;
	}
}

/* Who kicks the connection of a task in line has the logical unit's lock. */
static void tiscsi_reassign_change_conn(struct tiscsi_cmd *cmd,
					struct tiscsi_conn *to)
{
	struct tiscsi_lu *lu;

	if (!test_bit(CMD_IN_LINE, &cmd->flags)) {
		tiscsi_cmd_change_conn(cmd, to);
		return;
	}
	lu = cmd->itl->lu;
	spin_lock(&lu->lock);
	tiscsi_cmd_change_conn(cmd, to);
	spin_unlock(&lu->lock);
}

/* From here on the task is the other connection's. */
static void tiscsi_reassign_move(struct tiscsi_cmd *cmd,
				 struct tiscsi_conn *to)
{
	tiscsi_conn_get(to);
	list_move_tail(&cmd->conn_node, &to->tasks);
	tiscsi_reassign_change_conn(cmd, to);
	if (cmd->wait)
		tiscsi_wait_change_conn(cmd->wait, to);
	set_bit(CONN_F_GO_ON, &to->flags);
}

/* False when something of the task was queued meanwhile. */
static bool tiscsi_reassign_hand_over(struct tiscsi_conn *from,
				      struct tiscsi_cmd *tmf,
				      struct tiscsi_cmd *cmd)
{
	struct tiscsi_conn *to = tmf->conn;

	lockdep_assert_held(&from->sess->lock);
	if (test_bit(CMD_TX_QUEUED, &cmd->flags))
		return false;
	/* E23: the response comes before what follows from it. */
	tmf->response = ISCSI_TMF_RSP_COMPLETE;
	tiscsi_cmd_set_state(tmf, TASK_RESPONSE);
	tiscsi_tx_queue(tmf, TX_TMF);
	tiscsi_reassign_move(cmd, to);
	tiscsi_reassign_resume(tmf, cmd);
	tiscsi_conn_kick(to);
	return true;
}

static struct tiscsi_cmd *tiscsi_reassign_next(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *tmf;

	lockdep_assert_held(&conn->sess->lock);
	list_for_each_entry(tmf, &conn->sess->reassigns, list)
		if (tmf->wait->from == conn)
			return tmf;
	return NULL;
}

/* One function; false when there is none left. */
static bool tiscsi_reassign_serve_one(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *tmf, *cmd;
	bool moved = false;

	tiscsi_suspend_tx(conn);
	spin_lock(&sess->lock);
	tmf = tiscsi_reassign_next(conn);
	if (!tmf) {
		spin_unlock(&sess->lock);
		return false;
	}
	cmd = tiscsi_reassign_find(tmf, &tmf->wait->response);
	if (!tmf->wait->response && cmd->conn != conn)
		tmf->wait->response = ISCSI_TMF_RSP_NO_TASK;
	if (!tmf->wait->response) {
		moved = tiscsi_reassign_hand_over(conn, tmf, cmd);
		if (!moved) {
			spin_unlock(&sess->lock);
			return true;
		}
	}
	tiscsi_cmd_get(tmf);
	list_del_init(&tmf->list);
	if (moved)
		tiscsi_sess_conn_less(conn);
	spin_unlock(&sess->lock);
	tiscsi_wait_let_go(tmf->wait);
	tiscsi_cmd_put(tmf);
	/* The task's reference to it. */
	if (moved)
		tiscsi_conn_put(conn);
	return true;
}

/**
 * tiscsi_reassign_serve - hand over the tasks that others want to have
 * @conn: suspended, or at the end of that
 *
 * io_work, or close_work after it.
 */
void tiscsi_reassign_serve(struct tiscsi_conn *conn)
{
	if (list_empty_careful(&conn->sess->reassigns))
		return;
	while (tiscsi_reassign_serve_one(conn))
		;
}
