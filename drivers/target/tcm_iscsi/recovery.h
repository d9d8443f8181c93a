/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Error recovery above level 0 (RFC 7143 clause 7): kept.c keeps answers until
 * the initiator has acknowledged them, snack.c sends them once more when it
 * asks, recovery.c asks once more for data that was lost on its way here, and
 * reassign.c has the tasks of a connection taken over by another one.
 *
 * A session at level 0 has none of this: sess->erl is 0 and sess->kept NULL.
 * What gap.c does it does at all levels.
 */
#ifndef TCM_ISCSI_RECOVERY_H
#define TCM_ISCSI_RECOVERY_H

#include "tcm_iscsi.h"

/* What a kept answer takes up besides its slot. */
enum tiscsi_kept_place {
	KEPT_NOTHING,
	KEPT_SPARE,		/* one of sess->nr_kept */
	KEPT_WINDOW,		/* its place in the CmdSN window */
	KEPT_EXTRA,		/* one of conn->nr_kept */
};

/**
 * struct tiscsi_kept - what a slot needs for recovery
 * @answered: @stat_sn is the StatSN of its last answer
 * @what: builder of that answer
 * @reads: Data-In was sent
 * @mixed: between @acked and @base the length of Data-In changed once more
 * @acked: what the initiator has, by its DataACK; PDUs from there on up to
 *	@base had @acked_dsl
 * @base: from here on Data-In was sent in pieces of @dsl
 * @again: next Data-In to send once more, up to DataSN @again_end
 * @ack_ttt: Target Transfer Tag of Data-In with the A bit
 * @snack_tag: of an R-Data SNACK, 0 if there was none
 * @lost: first byte that is missing of a Data-Out sequence
 * @lost_end: the byte after the last one; 0 if none is missing
 * @owed: @lost to @lost_end does not count as received any more
 * @tries: times that data was asked for once more
 * @given_up: unsolicited data is not waited for any more
 *
 * Belongs to io_work of the task's connection, but for @place, which is under
 * sess->lock.
 */
struct tiscsi_kept {
	bool answered;
	u8 place;			/* enum tiscsi_kept_place */
	u8 what;			/* enum tiscsi_tx_what */
	u32 stat_sn;

	bool reads;
	bool mixed;
	struct tiscsi_read_pos acked;
	u32 acked_dsl;
	struct tiscsi_read_pos base;
	u32 dsl;
	struct tiscsi_read_pos again;
	u32 again_end;
	u32 ack_ttt;
	u32 snack_tag;

	u32 lost;
	u32 lost_end;
	bool owed;
	u8 tries;
	bool given_up;
};

static inline struct tiscsi_kept *tiscsi_kept(const struct tiscsi_cmd *cmd)
{
	return &cmd->sess->kept[cmd->index];
}

/* An answer is being laid out that was out before. */
static inline bool tiscsi_kept_again(const struct tiscsi_cmd *cmd)
{
	return cmd->sess->erl && tiscsi_kept(cmd)->answered;
}

/* kept.c */
int tiscsi_kept_init(struct tiscsi_sess *sess);
void tiscsi_kept_reset(struct tiscsi_cmd *cmd);
void tiscsi_kept_retire(struct tiscsi_cmd *cmd);
void tiscsi_kept_forget(struct tiscsi_cmd *cmd);
u32 tiscsi_kept_stat_sn(struct tiscsi_conn *conn);
bool tiscsi_kept_wants(struct tiscsi_cmd *cmd);
void tiscsi_kept_add(struct tiscsi_cmd *cmd);
void tiscsi_kept_acked(struct tiscsi_conn *conn);
void tiscsi_kept_drop(struct tiscsi_conn *conn);
void tiscsi_kept_check_time(struct tiscsi_conn *conn);

/* snack.c */
int tiscsi_snack_begin(struct tiscsi_conn *conn);
u32 tiscsi_snack_next_sn(struct tiscsi_conn *conn, u8 reason);
void tiscsi_snack_read_goes_on(struct tiscsi_conn *conn,
			       struct tiscsi_cmd *cmd);
void tiscsi_read_rewind(struct tiscsi_cmd *cmd);
void tiscsi_read_acked(struct tiscsi_cmd *cmd, u32 sn);

/* data.c */
bool tiscsi_data_in_goes_on(const struct tiscsi_cmd *cmd);
bool tiscsi_data_in(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd,
		    struct tiscsi_read_pos *pos);

/* recovery.c */
bool tiscsi_recovery_gap(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd,
			 struct tiscsi_r2t *r2t, const struct iscsi_data *req);
void tiscsi_recovery_bad_data(struct tiscsi_cmd *cmd, u32 start, u32 len);
void tiscsi_recovery_sequence_over(struct tiscsi_cmd *cmd);
bool tiscsi_recovery_is_late_data(const struct tiscsi_cmd *cmd, u32 ttt);
bool tiscsi_recovery_ask(struct tiscsi_cmd *cmd);
bool tiscsi_recovery_wants_more(struct tiscsi_cmd *cmd);
void tiscsi_recovery_no_data(struct tiscsi_cmd *cmd);
void tiscsi_recovery_give_up(struct tiscsi_cmd *cmd);

/* gap.c */
void tiscsi_gap_note(struct tiscsi_conn *conn);
void tiscsi_gap_conn_failed(struct tiscsi_sess *sess);
void tiscsi_gap_check_time(struct tiscsi_conn *conn);

/* reassign.c */
bool tiscsi_suspend(struct tiscsi_conn *conn);
void tiscsi_suspended_expire(struct tiscsi_conn *conn);
bool tiscsi_suspended_release(struct tiscsi_sess *sess, u16 cid);
bool tiscsi_suspended_close(struct tiscsi_sess *sess, u16 cid);
void tiscsi_suspended_check_time(struct tiscsi_conn *conn);
void tiscsi_suspended_end(struct tiscsi_conn *conn);
void tiscsi_reassign_exec(struct tiscsi_cmd *tmf);
void tiscsi_reassign_serve(struct tiscsi_conn *conn);

static inline bool tiscsi_is_suspended(const struct tiscsi_conn *conn)
{
	return test_bit(CONN_F_SUSPENDED, &conn->flags);
}

#endif /* TCM_ISCSI_RECOVERY_H */
