// SPDX-License-Identifier: GPL-2.0
/*
 * Connections of a session that recovers: statuses that are missing, peers that
 * say nothing, Logout for recovery or reinstatement of those that failed, and
 * session recovery when that is all that is left.
 */
#include "recover.h"

#define PING_MS		200		/* of silence */
#define DEAD_MS		bound_ms(1500)	/* of silence after a ping */
#define SNACK_MS	100
#define LOGIN_MS	bound_ms(7000)	/* the target may wait 5 s for others */
#define LOGOUT_MS	bound_ms(500)
#define MAX_LOGOUTS	3
#define GIVE_UP		40		/* one connection lost in as many */

static const char conn_keys[] = "HeaderDigest=CRC32C DataDigest=CRC32C";

enum { STAT_MISSING, STAT_SEEN, STAT_DONE };

/* ---- StatSN ---- */

static void stat_reset(struct rconn *rc)
{
	memset(rc->stat, STAT_MISSING, sizeof(rc->stat));
	rc->stat_top = rc->c->stat_sn;
}

/**
 * rconn_stat_next() - a PDU tells which StatSN comes next
 * @rc: its connection
 * @sn: the StatSN
 */
void rconn_stat_next(struct rconn *rc, u32 sn)
{
	if (!sn_lt(rc->stat_top, sn))
		return;
	if (sn - rc->c->stat_sn > RECOVER_STATS)
		die("F19: StatSN %u, acknowledged up to %u", sn,
		    rc->c->stat_sn);
	rc->stat_top = sn;
}

/**
 * rconn_stat_is_new() - has no answer with this StatSN come before?
 * @rc: the connection
 * @sn: the StatSN
 */
bool rconn_stat_is_new(struct rconn *rc, u32 sn)
{
	if (!sn_lt(sn, rc->c->stat_sn)) {
		rconn_stat_next(rc, sn + 1);
		if (rc->stat[sn % RECOVER_STATS] == STAT_MISSING) {
			rc->stat[sn % RECOVER_STATS] = STAT_SEEN;
			return true;
		}
	}
	rc->rs->counts[COUNT_REPEATED]++;
	return false;
}

/**
 * rconn_stat_done() - nothing that belongs to an answer is missing
 * @rc: the connection
 * @sn: its StatSN
 *
 * Acknowledges it when all before it are done, too.
 */
void rconn_stat_done(struct rconn *rc, u32 sn)
{
	u8 *stat = rc->stat;

	stat[sn % RECOVER_STATS] = STAT_DONE;
	while (stat[rc->c->stat_sn % RECOVER_STATS] == STAT_DONE)
		stat[rc->c->stat_sn++ % RECOVER_STATS] = STAT_MISSING;
}

/* F14: the first run of statuses that did not come. */
static void ask_for_status(struct rconn *rc)
{
	u32 from = rc->c->stat_sn, to;
	struct pdu p;

	while (from != rc->stat_top &&
	       rc->stat[from % RECOVER_STATS] != STAT_MISSING)
		from++;
	if (from == rc->stat_top || now_ms() - rc->snacked < SNACK_MS)
		return;
	for (to = from; to != rc->stat_top &&
	     rc->stat[to % RECOVER_STATS] == STAT_MISSING; to++)
		;
	pdu_snack(rc->c, &p, SNACK_STATUS, NO_TAG, from, to - from);
	conn_send(rc->c, &p);
	rc->rs->counts[COUNT_SNACK_STATUS]++;
	rc->snacked = now_ms();
}

/* ---- alive? ---- */

/* The answer also shows the StatSN. */
static void send_ping(struct rconn *rc)
{
	struct pdu p;

	pdu_nop(rc->c, &p, NULL, 0);
	pdu_immediate(rc->c, &p);
	conn_send(rc->c, &p);
	rc->pinged = now_ms();
	if (!rc->asked)
		rc->asked = rc->pinged;
}

static void watch(struct rconn *rc)
{
	u64 now = now_ms();

	if (rc->c->closed || (rc->asked && now - rc->asked > DEAD_MS)) {
		rconn_lost(rc);
		return;
	}
	ask_for_status(rc);
	if (now - rc->heard > PING_MS && now - rc->pinged > PING_MS)
		send_ping(rc);
}

/**
 * rconn_any_up() - one of the connections
 * @rs: the session
 *
 * Return: NULL if there is none.
 */
struct rconn *rconn_any_up(struct rsess *rs)
{
	u32 i = rnd_below(&rs->rnd, RECOVER_CONNS), n;

	for (n = 0; n < RECOVER_CONNS; n++) {
		struct rconn *rc = &rs->conns[(i + n) % RECOVER_CONNS];

		if (rc->c && !rc->c->closed)
			return rc;
	}
	return NULL;
}

/* ---- failure ---- */

static void end_conn(struct rconn *rc)
{
	u32 i;

	if (one_in(&rc->rs->rnd, 2))
		conn_reset(rc->c);
	else
		conn_close(rc->c);
	rc->c = NULL;
	rc->next_try = 0;
	for (i = 0; i < RECOVER_CONNS; i++)
		if (rc->rs->conns[i].logout_on == rc)
			rc->rs->conns[i].logout_itt = 0;
}

/**
 * rconn_lost() - a connection has failed
 * @rc: the connection
 */
void rconn_lost(struct rconn *rc)
{
	struct rsess *rs = rc->rs;

	end_conn(rc);
	rs->counts[COUNT_LOST]++;
	rc->lost_at = rc->heard;
	rc->released = false;
	rc->by_logout = one_in(&rs->rnd, 2);
	rc->logout_itt = 0;
	rc->tries = 0;
	rtask_conn_lost(rc);
	if (one_in(&rs->rnd, GIVE_UP))
		rs->give_up = true;
}

/* F26: whatever is active is gone, and may have been executed or not. */
static void recover_session(struct rsess *rs)
{
	u32 i;

	rs->counts[COUNT_SESSION]++;
	rs->give_up = false;
	rs->attention = true;
	for (i = 0; i < RECOVER_CONNS; i++) {
		if (rs->conns[i].c)
			end_conn(&rs->conns[i]);
		rs->conns[i].released = true;
		rs->conns[i].logout_itt = 0;
	}
	rs->s->tsih = 0;
	rs->s->window_known = false;
	rs->s->cmd_sn = rnd32(&rs->rnd);
	rtask_unsure(rs);
}

/* ---- Logout ---- */

/* F22: by another connection; its tasks are free to be taken over then. */
static void log_out(struct rconn *rc, struct rconn *on)
{
	struct pdu p;

	if (rc->logout_itt && now_ms() - rc->logout_at < LOGOUT_MS)
		return;
	pdu_logout(on->c, &p, 2, rc->cid);
	conn_send(on->c, &p);
	rc->logout_itt = pdu32(&p, BHS_ITT);
	rc->logout_on = on;
	rc->logout_at = now_ms();
	rc->tries++;
}

/**
 * rconn_logged_out() - a Logout Response has come
 * @rs: the session
 * @p: the response
 */
void rconn_logged_out(struct rsess *rs, const struct pdu *p)
{
	u8 response = p->bhs[BHS_RESPONSE];
	u32 i;

	if (response > 3)
		die("C21: Logout Response %u", response);
	for (i = 0; i < RECOVER_CONNS; i++) {
		struct rconn *rc = &rs->conns[i];

		if (!rc->logout_itt || rc->logout_itt != pdu32(p, BHS_ITT))
			continue;
		rc->logout_itt = 0;
		/* 1: nothing is left of it. */
		rc->released = response < 2;
		rc->by_logout = false;
		rs->counts[COUNT_LOGOUT] += rc->released;
	}
}

/* ---- login ---- */

static void send_login(struct rconn *rc, struct conn *c)
{
	struct rsess *rs = rc->rs;
	struct text t = {};
	struct pdu p;

	login_names(LOGIN(.initiator = rs->initiator), &t);
	text_add_keys(&t, conn_keys);
	/* Pieces of another length than those of the other connections. */
	text_add(&t, "MaxRecvDataSegmentLength=%u", 4096U << rc->cid);
	if (!rs->s->tsih)
		text_add_keys(&t, rs->keys);
	text_add_raw(&c->offers, t.buf, t.len);
	pdu_login(c, &p, STAGE(OPERATIONAL, FULL_FEATURE), &t);
	conn_send(c, &p);
	free(t.buf);
}

static void logged_in(struct rconn *rc, struct conn *c)
{
	struct rsess *rs = rc->rs;

	text_add_raw(&c->answers, c->rx.data, c->rx.data_len);
	if (!rs->s->tsih)
		rs->attention = true;
	else if (!rc->released)
		rs->counts[COUNT_REINSTATED]++;
	login_done(c);
	if (!c->hdigest || !c->ddigest)
		die("B44: no digests");
	if (rs->s->erl != 2)
		die("B52: ErrorRecoveryLevel %u", rs->s->erl);
	rs->counts[COUNT_LOGIN]++;
	rc->c = c;
	rc->released = true;
	rc->logout_itt = 0;
	rc->heard = now_ms();
	rc->pinged = rc->heard;
	rc->asked = 0;
	stat_reset(rc);
}

static void log_in(struct rconn *rc)
{
	struct rsess *rs = rc->rs;
	struct conn *c = conn_try_open(rs->s, rs->portal);
	enum recv_result got;
	u16 status;

	rc->next_try = now_ms() + 20 + rnd_below(&rs->rnd, 200);
	if (!c)
		return;
	c->cid = rc->cid;
	send_login(rc, c);
	got = conn_recv(c, LOGIN_MS);
	if (got == RECV_TIMEOUT)
		die("B10: no answer to a login within %d ms", LOGIN_MS);
	status = got == RECV_PDU ? login_status(&c->rx) : LOGIN_UNAVAILABLE;
	if (status == LOGIN_OK && c->rx.bhs[BHS_FLAGS] & F_TRANSIT) {
		logged_in(rc, c);
		return;
	}
	conn_close(c);
	if (status == LOGIN_NO_SESS && rs->s->tsih)
		rs->give_up = true;
	else if (status != LOGIN_UNAVAILABLE && status != LOGIN_RESOURCES)
		die("B33: login status %04x", status);
}

/* Return: whether it took time, so that what has come is to be read first. */
static bool bring_back(struct rconn *rc)
{
	struct rconn *other = rconn_any_up(rc->rs);

	if (!rc->released && rc->by_logout && other &&
	    rc->tries < MAX_LOGOUTS) {
		log_out(rc, other);
		return false;
	}
	if (now_ms() < rc->next_try)
		return false;
	log_in(rc);
	return true;
}

/**
 * rconn_serve() - look after the connections
 * @rs: the session
 */
void rconn_serve(struct rsess *rs)
{
	u32 i;

	if (rs->give_up)
		recover_session(rs);
	for (i = 0; i < RECOVER_CONNS; i++) {
		if (rs->conns[i].c)
			watch(&rs->conns[i]);
		else if (bring_back(&rs->conns[i]))
			return;
	}
}
