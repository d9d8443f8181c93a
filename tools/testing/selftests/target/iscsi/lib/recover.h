/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An initiator at recovery level 2 that gets its commands done whatever
 * happens to its PDUs and connections (RFC 7143 chapter 7).
 */
#ifndef RAW_RECOVER_H
#define RAW_RECOVER_H

#include "rnd.h"

#define RECOVER_CONNS	4
#define RECOVER_TASKS	8
#define RECOVER_PIECES	64	/* Data-In PDUs of a read */
#define RECOVER_STATS	256	/* statuses that may be unacknowledged */

/* What was done, and what came. */
enum recover_count {
	COUNT_GOOD, COUNT_AGAIN, COUNT_UNSURE, COUNT_LOGIN, COUNT_LOST,
	COUNT_LOGOUT, COUNT_REINSTATED, COUNT_SESSION, COUNT_RETRY,
	COUNT_REASSIGN, COUNT_REASSIGNED, COUNT_SNACK_DATA, COUNT_SNACK_R2T,
	COUNT_SNACK_STATUS, COUNT_DATA_ACK, COUNT_SPOILT, COUNT_REPEATED,
	COUNT_REJECT, NR_COUNTS
};

extern const char *const recover_count_names[NR_COUNTS];

enum rtask_state {
	RTASK_FREE,
	RTASK_SENT,
	RTASK_LOST,	/* with its connection */
};

/* AGAIN: not executed.  UNSURE: nobody knows, the session is another one. */
enum rtask_end { RTASK_GOOD, RTASK_AGAIN, RTASK_UNSURE };

struct rsess;

/**
 * struct rconn - a connection, and those that had its CID before
 * @c: NULL while there is none
 * @heard: when a PDU came last
 * @asked: when a ping was sent first since then; 0 for none
 * @pinged: when one was sent last
 * @snacked: when a status was asked for last
 * @next_try: when to log in, or out
 * @stat: what is known of each StatSN from @c->stat_sn to @stat_top
 * @by_logout: tasks of the last one are freed by a Logout, not by a login
 * @released: tasks of the last one may be taken over
 * @lost_at: when the last one was heard of last
 * @logout_itt: of the Logout on @logout_on, sent at @logout_at; 0 for none
 * @tries: Logouts sent
 */
struct rconn {
	struct rsess *rs;
	struct conn *c;
	u16 cid;
	u64 heard, asked, pinged, snacked, next_try;
	u8 stat[RECOVER_STATS];
	u32 stat_top;
	bool by_logout, released;
	u64 lost_at;
	u32 logout_itt;
	struct rconn *logout_on;
	u64 logout_at;
	u32 tries;
};

/**
 * struct rtask - a command
 * @on: its connection; of one that is lost, the last that may have had it
 * @to: the one that was asked to take it over, by TMF @tmf_itt
 * @begun: when it was sent first
 * @touched: when something of it was sent or came last
 * @have: Data-In that came, one bit each
 * @len: their lengths
 * @nr_pieces: how many there are, valid if @ended
 * @ended: its status is here, with @stat_sn
 */
struct rtask {
	struct scsi io;
	enum rtask_state state;
	struct rconn *on, *to;
	u32 tmf_itt;
	u64 begun, touched;
	u64 have;
	u32 len[RECOVER_PIECES];
	u32 nr_pieces;
	bool ended;
	u32 stat_sn;
	void *arg;
};

/**
 * struct rsess - a session
 * @portal: where to log in
 * @initiator: its name
 * @keys: operational keys of the leading connection
 * @retain: Time2Retain of @keys, seconds
 * @done: a command has ended; its task is free already
 * @attention: a unit attention is no surprise
 * @give_up: session recovery is what comes next
 */
struct rsess {
	struct sess *s;
	const char *portal;
	const char *initiator;
	const char *keys;
	u32 retain;
	struct rnd rnd;
	u64 *counts;
	void (*done)(struct rsess *rs, struct rtask *t, enum rtask_end end);
	bool attention, give_up;
	struct rconn conns[RECOVER_CONNS];
	struct rtask tasks[RECOVER_TASKS];
};

/* recover.c */
void recover_init(struct rsess *rs, u16 isid);
struct rtask *recover_submit(struct rsess *rs, const struct scsi *io,
			     void *arg);
u32 recover_busy(const struct rsess *rs);
void recover_run(struct rsess *rs, int ms);

/* recover_conn.c */
void rconn_serve(struct rsess *rs);
void rconn_lost(struct rconn *rc);
struct rconn *rconn_any_up(struct rsess *rs);
void rconn_logged_out(struct rsess *rs, const struct pdu *p);
bool rconn_stat_is_new(struct rconn *rc, u32 sn);
void rconn_stat_done(struct rconn *rc, u32 sn);
void rconn_stat_next(struct rconn *rc, u32 sn);

/* recover_task.c */
void rtask_input(struct rconn *rc, const struct pdu *p);
void rtask_serve(struct rsess *rs);
void rtask_conn_lost(struct rconn *rc);
void rtask_unsure(struct rsess *rs);

#endif /* RAW_RECOVER_H */
