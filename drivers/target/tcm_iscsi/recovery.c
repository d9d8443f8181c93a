// SPDX-License-Identifier: GPL-2.0
/*
 * Recovery of data on its way to the target, on sessions above recovery level 0
 * (RFC 7143 7.1.4.1, 7.8, 7.9; rows F04 to F10).
 *
 * What is missing of a sequence of Data-Out, because of its digest, of a PDU
 * that did not come or of an F bit that did not, is asked for with an R2T of its
 * own when the sequence is over.  It is remembered as one range, from the first
 * byte that is missing to the last.  As data sequences are in order there is
 * one outstanding R2T, so that the range is always inside the last sequence
 * (row F09).
 */
#include "recovery.h"

/* From here on the bytes count as received, and are taken back at the end. */
static void tiscsi_recovery_lose(struct tiscsi_cmd *cmd, u32 start, u32 end)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	if (start == end)
		return;
	k->lost = k->lost_end ? min(k->lost, start) : start;
	k->lost_end = max(k->lost_end, end);
}

static bool tiscsi_recovery_gap_solicited(struct tiscsi_cmd *cmd,
					  struct tiscsi_r2t *r2t,
					  u32 data_sn, u32 offset)
{
	if (data_sn <= r2t->data_sn || offset <= r2t->offset)
		return false;
	tiscsi_recovery_lose(cmd, r2t->offset, offset);
	cmd->received += offset - r2t->offset;
	r2t->data_sn = data_sn;
	r2t->offset = offset;
	return true;
}

static bool tiscsi_recovery_gap_unsolicited(struct tiscsi_cmd *cmd,
					    u32 data_sn, u32 offset, u32 len)
{
	if (!test_bit(CMD_UNSOLICITED, &cmd->flags) ||
	    data_sn <= cmd->unsol_sn || offset <= cmd->received ||
	    (u64)offset + len > cmd->unsol_end)
		return false;
	tiscsi_recovery_lose(cmd, cmd->received, offset);
	cmd->received = offset;
	cmd->unsol_sn = data_sn;
	return true;
}

/**
 * tiscsi_recovery_gap - is it that PDUs before a Data-Out are missing
 * @conn: the connection
 * @cmd: the task
 * @r2t: that the PDU belongs to, whose range it is in; NULL for unsolicited data
 * @req: its header, which is not the one that was expected
 *
 * Row F06.  io_work.
 *
 * Return: true if so: they will be asked for, and the PDU is welcome.
 */
bool tiscsi_recovery_gap(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd,
			 struct tiscsi_r2t *r2t, const struct iscsi_data *req)
{
	u32 data_sn = be32_to_cpu(req->datasn);
	u32 offset = be32_to_cpu(req->offset);

	if (r2t)
		return tiscsi_recovery_gap_solicited(cmd, r2t, data_sn, offset);
	return tiscsi_recovery_gap_unsolicited(cmd, data_sn, offset,
					       conn->rx.data_len);
}

/**
 * tiscsi_recovery_bad_data - the data of a Data-Out cannot be used
 * @cmd: the task
 * @start: first byte
 * @len: bytes
 *
 * Row F10: the sequence goes on after it.  io_work.
 */
void tiscsi_recovery_bad_data(struct tiscsi_cmd *cmd, u32 start, u32 len)
{
	tiscsi_recovery_lose(cmd, start, start + len);
}

/**
 * tiscsi_recovery_sequence_over - the last Data-Out of a sequence has come
 * @cmd: the task
 *
 * What the command does not need is not asked for.  Calling it again before the
 * rest is asked for does nothing.  io_work.
 */
void tiscsi_recovery_sequence_over(struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	k->tries = 0;
	if (!k->lost_end || k->owed)
		return;
	if (!cmd->r2t_offset)
		cmd->r2t_offset = min(cmd->received, cmd->data_len);
	k->lost_end = min(k->lost_end, cmd->data_len);
	if (k->lost >= k->lost_end) {
		k->lost_end = 0;
		return;
	}
	cmd->received = min(cmd->received, cmd->data_len) -
			(k->lost_end - k->lost);
	k->owed = true;
}

/**
 * tiscsi_recovery_is_late_data - was a Data-Out given up before it came
 * @cmd: the task that it names; it waits for no data with that tag
 * @ttt: its Target Transfer Tag
 *
 * Row F08.  io_work.
 *
 * Return: whether it may be what an R2T was for that has been replaced.
 */
bool tiscsi_recovery_is_late_data(const struct tiscsi_cmd *cmd, u32 ttt)
{
	if (ttt == ISCSI_RESERVED_TAG)
		return tiscsi_kept(cmd)->given_up;
	return (u16)(cmd->ttt_gen - (ttt >> 16)) < cmd->r2t_sn;
}

/**
 * tiscsi_recovery_ask - ask once more for what is missing (row F08)
 * @cmd: the task, between two sequences
 *
 * io_work.
 *
 * Return: false if nothing is missing of what has been asked for.
 */
bool tiscsi_recovery_ask(struct tiscsi_cmd *cmd)
{
	struct tiscsi_kept *k = tiscsi_kept(cmd);
	struct tiscsi_r2t *r2t = &cmd->r2t[0];

	/* Nobody is there to be asked. */
	if (tiscsi_is_suspended(cmd->conn))
		return true;
	if (!k->lost_end)
		return false;
	if (r2t->live)
		return true;
	tiscsi_data_ask_for(cmd, r2t, k->lost, k->lost_end);
	k->lost_end = 0;
	k->owed = false;
	tiscsi_tx_queue(cmd, TX_R2T);
	return true;
}

/**
 * tiscsi_recovery_wants_more - an initiator is late with its data
 * @cmd: the task, in TASK_DATA
 *
 * Row F07.  Caller holds sess->lock.  io_work.
 *
 * Return: true if it is going to be asked once more, false if that has been
 * done dataout_timeout_retries times.
 */
bool tiscsi_recovery_wants_more(struct tiscsi_cmd *cmd)
{
	struct tiscsi_nacl_attrib *attrib = &cmd->sess->nacl->attrib;
	struct tiscsi_kept *k = tiscsi_kept(cmd);

	lockdep_assert_held(&cmd->sess->lock);
	if (k->tries >= READ_ONCE(attrib->dataout_timeout_retries))
		return false;
	k->tries++;
	cmd->deadline = jiffies + HZ * READ_ONCE(attrib->dataout_timeout);
	tiscsi_data_doom(cmd, DOOM_RECOVER);
	return true;
}

/**
 * tiscsi_recovery_give_up - the rest of a sequence does not come
 * @cmd: the task, not in the core
 *
 * It is missing like what was lost on its way.  io_work, or after its end.
 */
void tiscsi_recovery_give_up(struct tiscsi_cmd *cmd)
{
	struct tiscsi_r2t *r2t = &cmd->r2t[0];

	if (test_and_clear_bit(CMD_UNSOLICITED, &cmd->flags)) {
		tiscsi_recovery_lose(cmd, cmd->received, cmd->unsol_end);
		cmd->received = cmd->unsol_end;
		tiscsi_kept(cmd)->given_up = true;
	} else if (r2t->live) {
		tiscsi_recovery_lose(cmd, r2t->offset, r2t->end);
		cmd->received += r2t->end - r2t->offset;
		r2t->live = false;
	}
	tiscsi_recovery_sequence_over(cmd);
}

/**
 * tiscsi_recovery_no_data - give up what an initiator owes, and ask anew
 * @cmd: the task, not in the core
 *
 * A task that waits no longer goes on.  io_work.
 */
void tiscsi_recovery_no_data(struct tiscsi_cmd *cmd)
{
	u8 tries = tiscsi_kept(cmd)->tries;

	if (cmd->state != TASK_DATA)
		return;
	tiscsi_recovery_give_up(cmd);
	tiscsi_kept(cmd)->tries = tries;
	tiscsi_data_touch(cmd);
	tiscsi_conn_arm_timer(cmd->conn, cmd->deadline);
	tiscsi_data_next(cmd);
}
