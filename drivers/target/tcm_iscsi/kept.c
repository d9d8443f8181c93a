// SPDX-License-Identifier: GPL-2.0
/*
 * Answers that are kept until the initiator has acknowledged them (RFC 7143
 * 7.1.4.2, row F17), on sessions above recovery level 0.
 *
 * An answer is kept as what it was made of: the slot of its task, with the
 * data that was read.  The builder that made it makes it again.
 *
 * What is kept is bounded.  A session has two slots for each place in its CmdSN
 * window, one to work with and one to keep an answer in; an answer more than
 * that keeps its place in the window, which narrows until something is
 * acknowledged.  Of answers to requests outside the window, a connection may
 * leave TISCSI_EXTRA_SLOTS unacknowledged; with one more it has failed.  The
 * data read counts as data of the session, see buffer.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "recovery.h"

/* How long an answer may be unacknowledged before a ping asks (row F19). */
#define TISCSI_ACK_WAIT		(2 * HZ)

/**
 * tiscsi_kept_init - give a session what it needs for recovery
 * @sess: above level 0; its slots are doubled
 *
 * Process context.
 *
 * Return: 0 or -ENOMEM.
 */
int tiscsi_kept_init(struct tiscsi_sess *sess)
{
	sess->max_slots *= 2;
	sess->kept = kvcalloc(sess->max_slots, sizeof(*sess->kept),
			      TISCSI_GFP_PEER);
	return sess->kept ? 0 : -ENOMEM;
}

/**
 * tiscsi_kept_reset - a slot is new
 * @cmd: the slot; its session is above level 0
 */
void tiscsi_kept_reset(struct tiscsi_cmd *cmd)
{
	memset(tiscsi_kept(cmd), 0, sizeof(struct tiscsi_kept));
}

static void tiscsi_kept_log_silent(struct tiscsi_conn *conn, const char *what)
{
	pr_warn_ratelimited("%pISpc %s does not acknowledge %s\n",
			    &conn->peer_addr, conn->sess->initiator_name,
			    what);
}

/**
 * tiscsi_kept_retire - an answer is about to go out that will be kept
 * @cmd: its task; its session is above level 0
 *
 * Finds a place for it, see above.  Caller holds sess->lock.
 */
void tiscsi_kept_retire(struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);
	struct tiscsi_conn *conn = cmd->conn;
	struct tiscsi_sess *sess = cmd->sess;

	lockdep_assert_held(&sess->lock);
	/* Pings are answers to nothing. */
	if (k->place || test_bit(CMD_PING, &cmd->flags))
		return;
	if (!test_bit(CMD_COUNTED, &cmd->flags)) {
		k->place = KEPT_EXTRA;
		if (conn->nr_kept++ < TISCSI_EXTRA_SLOTS)
			return;
		tiscsi_kept_log_silent(conn, "anything");
		tiscsi_conn_close(conn, CLOSE_TIMEOUT);
	} else if (sess->nr_kept < sess->depth) {
		k->place = KEPT_SPARE;
		sess->nr_kept++;
	} else {
		k->place = KEPT_WINDOW;
		clear_bit(CMD_COUNTED, &cmd->flags);
	}
}

/**
 * tiscsi_kept_forget - a slot goes back to the pool
 * @cmd: the slot; its session is above level 0
 *
 * Caller holds sess->lock.
 */
void tiscsi_kept_forget(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;

	lockdep_assert_held(&sess->lock);
	switch (tiscsi_kept(cmd)->place) {
	case KEPT_SPARE:
		sess->nr_kept--;
		break;
	case KEPT_WINDOW:
		atomic_inc(&sess->max_cmd_sn);
		break;
	case KEPT_EXTRA:
		cmd->conn->nr_kept--;
		break;
	default:
		break;
	}
	tiscsi_kept(cmd)->place = KEPT_NOTHING;
}

/**
 * tiscsi_kept_stat_sn - the StatSN of the answer in conn->tx
 * @conn: the connection; its session is above level 0
 *
 * A new one, or that of the first time (row F14).  Login Responses are not kept:
 * there is no recovery before full feature phase (row F02).  io_work.
 *
 * Return: the number.
 */
u32 tiscsi_kept_stat_sn(struct tiscsi_conn *conn)
{
	struct tiscsi_kept *k;

	if (!conn->tx.cmd)
		return conn->stat_sn++;
	k = tiscsi_kept(conn->tx.cmd);
	if (!k->answered) {
		k->answered = true;
		k->stat_sn = conn->stat_sn++;
	}
	return k->stat_sn;
}

/* Which builder made an answer. */
static enum tiscsi_tx_what tiscsi_kept_builder(const struct tiscsi_conn *conn)
{
	switch (conn->tx.hdr[0]) {
	case ISCSI_OP_SCSI_DATA_IN:
		return TX_DATA_AGAIN;
	case ISCSI_OP_SCSI_CMD_RSP:
		return TX_STATUS;
	case ISCSI_OP_SCSI_TMFUNC_RSP:
		return TX_TMF;
	case ISCSI_OP_NOOP_IN:
		return TX_NOP_IN;
	case ISCSI_OP_TEXT_RSP:
		return TX_TEXT;
	case ISCSI_OP_LOGOUT_RSP:
		return TX_LOGOUT;
	case ISCSI_OP_ASYNC_EVENT:
		return TX_ASYNC;
	default:
		return TX_REJECT;
	}
}

/**
 * tiscsi_kept_wants - is an answer to be kept that has just gone out
 * @cmd: its task; its session is above level 0
 *
 * io_work.
 *
 * Return: false for what has no StatSN, and on connections that have said
 * goodbye.
 */
bool tiscsi_kept_wants(struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	if (!k->answered || test_bit(CONN_F_RX_STOPPED, &cmd->conn->flags))
		return false;
	k->what = tiscsi_kept_builder(cmd->conn);
	/* What was written is not needed, unless the core still has it. */
	if (!k->reads && !test_bit(CMD_HAS_SE, &cmd->flags))
		tiscsi_sg_free(cmd);
	return true;
}

/**
 * tiscsi_kept_add - keep an answer
 * @cmd: its task, TASK_KEPT from now on
 *
 * Caller holds sess->lock.  io_work.
 */
void tiscsi_kept_add(struct tiscsi_cmd *cmd)
{
	struct tiscsi_conn *conn = cmd->conn;

	lockdep_assert_held(&cmd->sess->lock);
	if (list_empty(&conn->kept)) {
		conn->keeps = true;
		conn->ack_asked = false;
		conn->kept_since = jiffies;
		tiscsi_conn_arm_timer(conn, jiffies + TISCSI_ACK_WAIT);
	}
	list_add_tail(&cmd->list, &conn->kept);
}

/* The next answer that @exp_stat_sn acknowledges, off the list. */
static struct tiscsi_cmd *tiscsi_kept_take(struct tiscsi_conn *conn,
					   u32 exp_stat_sn, bool all)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd;

	spin_lock(&sess->lock);
	cmd = list_first_entry_or_null(&conn->kept, struct tiscsi_cmd, list);
	if (cmd && !all &&
	    !iscsi_sna_lt(tiscsi_kept(cmd)->stat_sn, exp_stat_sn))
		cmd = NULL;
	if (cmd) {
		list_del_init(&cmd->list);
		/* Nor does anybody want it again that was asked for. */
		cmd->tx_pending = 0;
	}
	conn->keeps = !list_empty(&conn->kept);
	spin_unlock(&sess->lock);
	return cmd;
}

/**
 * tiscsi_kept_acked - let go of what conn->exp_stat_sn acknowledges
 * @conn: the connection; it keeps something
 *
 * An ExpStatSN beyond what was sent acknowledges nothing.  io_work.
 */
void tiscsi_kept_acked(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	u32 max_cmd_sn = atomic_read(&sess->max_cmd_sn);
	struct tiscsi_cmd *cmd;
	bool some = false;

	if (iscsi_sna_lt(conn->stat_sn, conn->exp_stat_sn))
		return;
	while ((cmd = tiscsi_kept_take(conn, conn->exp_stat_sn, false))) {
		tiscsi_cmd_end(cmd);
		some = true;
	}
	if (!some)
		return;
	conn->ack_asked = false;
	conn->kept_since = jiffies;
	/* C06: who waits for the window to open may have nothing to say. */
	if (atomic_read(&sess->max_cmd_sn) != max_cmd_sn)
		tiscsi_ping_tell(conn);
}

/**
 * tiscsi_kept_drop - nobody will ask for the answers of a connection any more
 * @conn: has ended, or logs out
 *
 * io_work, or after its end.
 */
void tiscsi_kept_drop(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	if (!conn->sess->erl)
		return;
	while ((cmd = tiscsi_kept_take(conn, 0, true)))
		tiscsi_cmd_end(cmd);
}

/**
 * tiscsi_kept_check_time - has the initiator stopped acknowledging (row F19)
 * @conn: the connection
 *
 * A ping shows it our StatSN, so that it can see what it lacks; when the first
 * answer kept is the same one nopin_response_timeout later, the connection has
 * failed.  io_work.
 */
void tiscsi_kept_check_time(struct tiscsi_conn *conn)
{
	unsigned long due;

	if (!conn->keeps)
		return;
	due = conn->kept_since + TISCSI_ACK_WAIT;
	if (conn->ack_asked)
		due += HZ * READ_ONCE(conn->sess->nacl->attrib.nopin_response_timeout);
	if (time_before(jiffies, due)) {
		tiscsi_conn_arm_timer(conn, due);
		return;
	}
	if (conn->ack_asked) {
		tiscsi_kept_log_silent(conn, "an answer");
		tiscsi_conn_close(conn, CLOSE_TIMEOUT);
		return;
	}
	conn->ack_asked = true;
	tiscsi_ping_ask(conn);
}
