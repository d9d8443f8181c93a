// SPDX-License-Identifier: GPL-2.0
/*
 * A session that recovers: what comes, and whose it is.  One thread, which
 * takes what is there and then looks what has been waited for too long.
 */
#include <poll.h>

#include "recover.h"

const char *const recover_count_names[NR_COUNTS] = {
	[COUNT_GOOD] = "commands", [COUNT_AGAIN] = "not executed",
	[COUNT_UNSURE] = "unsure", [COUNT_LOGIN] = "logins",
	[COUNT_LOST] = "connections lost", [COUNT_LOGOUT] = "recovery logouts",
	[COUNT_REINSTATED] = "reinstated", [COUNT_SESSION] = "sessions recovered",
	[COUNT_RETRY] = "retries", [COUNT_REASSIGN] = "TASK REASSIGN",
	[COUNT_REASSIGNED] = "reassigned", [COUNT_SNACK_DATA] = "Data SNACK",
	[COUNT_SNACK_R2T] = "R2T SNACK", [COUNT_SNACK_STATUS] = "Status SNACK",
	[COUNT_DATA_ACK] = "DataACK", [COUNT_SPOILT] = "came spoilt",
	[COUNT_REPEATED] = "came twice", [COUNT_REJECT] = "Reject",
};

/**
 * recover_init() - a session, not logged in
 * @rs: its names, keys, random numbers, counters and callback are set
 * @isid: last two bytes of its ISID
 */
void recover_init(struct rsess *rs, u16 isid)
{
	u32 i;

	rs->s = sess_new(isid);
	rs->s->initiator = rs->initiator;
	rs->s->any_tag = true;
	rs->s->bad_wire = true;
	/* Other tags than those of the initiator's other sessions. */
	rs->s->itt = 0x100000;
	for (i = 0; i < RECOVER_CONNS; i++) {
		rs->conns[i].rs = rs;
		rs->conns[i].cid = i;
		rs->conns[i].released = true;
	}
}

/**
 * recover_submit() - send a command
 * @rs: the session
 * @io: the command, copied
 * @arg: for the callback, in the task
 *
 * Return: its task, NULL if there is no place for it now.
 */
struct rtask *recover_submit(struct rsess *rs, const struct scsi *io,
			     void *arg)
{
	struct rconn *rc = rconn_any_up(rs);
	struct rtask *t = NULL;
	u32 i;

	for (i = 0; i < RECOVER_TASKS && !t; i++)
		if (rs->tasks[i].state == RTASK_FREE)
			t = &rs->tasks[i];
	if (!t || !rc || sn_lt(rs->s->max_cmd_sn, rs->s->cmd_sn))
		return NULL;
	*t = (struct rtask) {
		.io = *io, .state = RTASK_SENT, .on = rc, .arg = arg,
		.begun = now_ms(), .touched = now_ms(),
	};
	scsi_send(rc->c, &t->io);
	return t;
}

/**
 * recover_busy() - commands that have not ended
 * @rs: the session
 */
u32 recover_busy(const struct rsess *rs)
{
	u32 i, n = 0;

	for (i = 0; i < RECOVER_TASKS; i++)
		n += rs->tasks[i].state != RTASK_FREE;
	return n;
}

static void take_nop(struct rconn *rc, const struct pdu *p)
{
	u32 sn = pdu32(p, BHS_STAT_SN);

	if (pdu32(p, BHS_ITT) != NO_TAG) {
		if (rconn_stat_is_new(rc, sn))
			rconn_stat_done(rc, sn);
		return;
	}
	rconn_stat_next(rc, sn);
	conn_pong(rc->c);
}

static void take_pdu(struct rconn *rc, const struct pdu *p)
{
	u32 sn = pdu32(p, BHS_STAT_SN);

	rc->heard = now_ms();
	rc->asked = 0;
	switch (pdu_op(p)) {
	case OP_NOP_IN:
		take_nop(rc, p);
		break;
	case OP_LOGOUT_RSP:
		if (!rconn_stat_is_new(rc, sn))
			break;
		rconn_logged_out(rc->rs, p);
		rconn_stat_done(rc, sn);
		break;
	case OP_ASYNC:
		if (rconn_stat_is_new(rc, sn))
			rconn_stat_done(rc, sn);
		break;
	case OP_LOGIN_RSP:
	case OP_TEXT_RSP:
		die("opcode %02x, which was not asked for", pdu_op(p));
	default:
		rtask_input(rc, p);
	}
}

static void take_all(struct rconn *rc)
{
	while (rc->c) {
		switch (conn_recv(rc->c, 0)) {
		case RECV_PDU:
			if (rc->c->spoilt)
				rc->rs->counts[COUNT_SPOILT]++;
			else
				take_pdu(rc, &rc->c->rx);
			break;
		case RECV_CLOSED:
			rconn_lost(rc);
			return;
		case RECV_TIMEOUT:
			return;
		}
	}
}

/**
 * recover_run() - let the session get on
 * @rs: the session
 * @ms: milliseconds to wait when nothing comes
 */
void recover_run(struct rsess *rs, int ms)
{
	struct pollfd fds[RECOVER_CONNS];
	u32 i;

	for (i = 0; i < RECOVER_CONNS; i++)
		fds[i] = (struct pollfd) {
			.fd = rs->conns[i].c ? rs->conns[i].c->fd : -1,
			.events = POLLIN,
		};
	poll(fds, RECOVER_CONNS, ms);
	for (i = 0; i < RECOVER_CONNS; i++)
		if (fds[i].revents)
			take_all(&rs->conns[i]);
	rtask_serve(rs);
	rconn_serve(rs);
}
