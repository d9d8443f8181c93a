// SPDX-License-Identifier: GPL-2.0
/*
 * The order that task attributes give the commands of a logical unit (SAM-5;
 * row D02).
 *
 * A command with the ORDERED attribute is executed when all that entered the
 * task set before it have ended, whatever session they are of, and what enters
 * after it is executed when it has ended.  The core has no part in this: it is
 * given all commands as SIMPLE, because it loses count of those that are
 * aborted, and holds back an ORDERED one for ever.
 *
 * While there is an ORDERED command, ITL_LINE is set for every nexus of the
 * unit, and what enters lines up behind it.  Nobody pays for that otherwise.
 * A command of the line may have its data come meanwhile.  HEAD OF QUEUE
 * commands pass.
 *
 * lu->lock protects the line and cmd->order.  It nests inside sess->lock.
 */
#include "../wait.h"
#include "pr.h"

static bool tiscsi_order_is_ordered(const struct tiscsi_cmd *cmd)
{
	return tiscsi_scsi_attr(cmd) == ISCSI_ATTR_ORDERED;
}

static void tiscsi_order_mark_line(struct tiscsi_lu *lu)
{
	struct tiscsi_itl *itl;

	lockdep_assert_held(&lu->lock);
	list_for_each_entry(itl, &lu->itls, lu_node)
		WRITE_ONCE(itl->attention, lu->nr_ordered ?
			   itl->attention | ITL_LINE :
			   itl->attention & ~ITL_LINE);
}

static void tiscsi_order_join(struct tiscsi_lu *lu, struct tiscsi_cmd *cmd)
{
	lockdep_assert_held(&lu->lock);
	list_add_tail(&cmd->order_node, &lu->line);
	cmd->order = ORDER_LINE;
	set_bit(CMD_IN_LINE, &cmd->flags);
}

static void tiscsi_order_kick(struct tiscsi_cmd *cmd)
{
	set_bit(CONN_F_GO_ON, &cmd->conn->flags);
	tiscsi_conn_kick(cmd->conn);
}

/* ------------------------------------------------------------------ */
/* what came before an ORDERED command                                 */
/* ------------------------------------------------------------------ */

static bool tiscsi_order_is_before(const struct tiscsi_cmd *cmd,
				   const struct tiscsi_cmd *by)
{
	if (cmd == by || cmd->state == TASK_FREE || cmd->state > TASK_CORE)
		return false;
	if (cmd->opcode != ISCSI_OP_SCSI_CMD || !cmd->itl ||
	    cmd->itl->lu != by->itl->lu)
		return false;
	/* Let go from the line; it may not be in the core yet. */
	if (cmd->order == ORDER_GO)
		return true;
	return cmd->order == ORDER_NONE &&
	       (cmd->state == TASK_DATA || cmd->state == TASK_CORE);
}

static void tiscsi_order_cover_sess(struct tiscsi_sess *sess, void *arg)
{
	struct tiscsi_cmd *by = arg, *cmd;
	struct tiscsi_cover *cover;
	u32 i;

	cover = tiscsi_cover_alloc(by->wait, GFP_ATOMIC);
	if (!cover)
		return;
	spin_lock(&sess->lock);
	spin_lock(&by->itl->lu->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		cmd = sess->slots[i];
		if (!tiscsi_order_is_before(cmd, by))
			continue;
		tiscsi_cover_add(cover, cmd);
		cmd->order = ORDER_GO;
	}
	spin_unlock(&by->itl->lu->lock);
	tiscsi_cover_file(cover, sess);
	spin_unlock(&sess->lock);
}

/* It is the first in line: waits for what is not in the line. */
static void tiscsi_order_look_ahead(struct tiscsi_cmd *cmd)
{
	struct tiscsi_lu *lu = cmd->itl->lu;

	spin_lock(&lu->lock);
	cmd->order = ORDER_WAIT;
	spin_unlock(&lu->lock);
	tiscsi_sess_for_each(tiscsi_order_cover_sess, cmd);
	if (cmd->wait->response)
		tiscsi_scsi_fail_status(cmd, SAM_STAT_BUSY);
	tiscsi_wait_let_go(cmd->wait);
}

/* ------------------------------------------------------------------ */
/* a command's way                                                     */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_order_enter - a command enters a task set that has an order
 * @cmd: ORDERED, or there is an ORDERED one; see tiscsi_order_concerns()
 *
 * io_work.
 */
void tiscsi_order_enter(struct tiscsi_cmd *cmd)
{
	bool ordered = tiscsi_order_is_ordered(cmd), first = false;
	struct tiscsi_lu *lu = cmd->itl->lu;

	if (ordered) {
		cmd->wait = tiscsi_wait_new(cmd->conn, GFP_KERNEL);
		if (!cmd->wait) {
			tiscsi_scsi_fail_status(cmd, SAM_STAT_BUSY);
			return;
		}
	}
	spin_lock(&lu->lock);
	if (ordered || lu->nr_ordered)
		tiscsi_order_join(lu, cmd);
	if (ordered) {
		first = !lu->nr_ordered++;
		tiscsi_order_mark_line(lu);
	}
	spin_unlock(&lu->lock);
	if (first)
		tiscsi_order_look_ahead(cmd);
}

/**
 * tiscsi_order_holds - may a command not be executed yet?
 * @cmd: its data is complete; tiscsi_order_concerns() it
 *
 * Caller holds sess->lock.
 *
 * Return: whether it has to wait; then tiscsi_scsi_ready() is called for it
 * when it has not any more.
 */
bool tiscsi_order_holds(struct tiscsi_cmd *cmd)
{
	struct tiscsi_lu *lu = cmd->itl->lu;
	bool holds;

	lockdep_assert_held(&cmd->sess->lock);
	spin_lock(&lu->lock);
	holds = lu->nr_ordered && cmd->order != ORDER_GO;
	/* It entered when there was no line, and nobody waits for it. */
	if (holds && cmd->order == ORDER_NONE)
		tiscsi_order_join(lu, cmd);
	if (holds)
		set_bit(CMD_HELD, &cmd->flags);
	spin_unlock(&lu->lock);
	return holds;
}

/* Those behind which there is no ORDERED one go, and that one looks ahead. */
static void tiscsi_order_advance(struct tiscsi_lu *lu)
{
	struct tiscsi_cmd *cmd, *next;

	lockdep_assert_held(&lu->lock);
	list_for_each_entry_safe(cmd, next, &lu->line, order_node) {
		if (tiscsi_order_is_ordered(cmd)) {
			if (cmd->order != ORDER_LINE)
				return;
			cmd->order = ORDER_FIRST;
			tiscsi_order_kick(cmd);
			return;
		}
		list_del_init(&cmd->order_node);
		cmd->order = ORDER_GO;
		clear_bit(CMD_IN_LINE, &cmd->flags);
		if (test_bit(CMD_HELD, &cmd->flags))
			tiscsi_order_kick(cmd);
	}
}

/**
 * tiscsi_order_leave - a command has ended, or has left the core
 * @cmd: leaves the line, if it is in it
 *
 * Caller holds sess->lock.
 */
void tiscsi_order_leave(struct tiscsi_cmd *cmd)
{
	struct tiscsi_lu *lu;

	lockdep_assert_held(&cmd->sess->lock);
	if (!test_bit(CMD_IN_LINE, &cmd->flags))
		return;
	lu = cmd->itl->lu;
	spin_lock(&lu->lock);
	if (test_and_clear_bit(CMD_IN_LINE, &cmd->flags)) {
		list_del_init(&cmd->order_node);
		cmd->order = ORDER_GO;
		clear_bit(CMD_HELD, &cmd->flags);
		if (tiscsi_order_is_ordered(cmd)) {
			lu->nr_ordered--;
			tiscsi_order_mark_line(lu);
		}
		tiscsi_order_advance(lu);
	}
	spin_unlock(&lu->lock);
}

/* ------------------------------------------------------------------ */
/* going on                                                            */
/* ------------------------------------------------------------------ */

static bool tiscsi_order_has_waited(struct tiscsi_cmd *cmd)
{
	return cmd->order == ORDER_WAIT && !atomic_read(&cmd->wait->pending);
}

/* The next one to do something with; it gets a reference. */
static struct tiscsi_cmd *tiscsi_order_next(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd, *found = NULL;

	spin_lock(&conn->sess->lock);
	list_for_each_entry(cmd, &conn->tasks, conn_node) {
		if (cmd->opcode != ISCSI_OP_SCSI_CMD || !cmd->itl ||
		    cmd->state != TASK_DATA)
			continue;
		spin_lock(&cmd->itl->lu->lock);
		if (tiscsi_order_has_waited(cmd))
			cmd->order = ORDER_GO;
		if (cmd->order == ORDER_FIRST ||
		    (cmd->order == ORDER_GO &&
		     test_and_clear_bit(CMD_HELD, &cmd->flags)))
			found = cmd;
		spin_unlock(&cmd->itl->lu->lock);
		if (!found)
			continue;
		tiscsi_cmd_get(found);
		break;
	}
	spin_unlock(&conn->sess->lock);
	return found;
}

/**
 * tiscsi_order_go_on - commands that the order held back may go on
 * @conn: the connection
 *
 * io_work.
 */
void tiscsi_order_go_on(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	while ((cmd = tiscsi_order_next(conn))) {
		if (cmd->order == ORDER_FIRST)
			tiscsi_order_look_ahead(cmd);
		else
			tiscsi_scsi_ready(cmd);
		tiscsi_cmd_put(cmd);
	}
}
