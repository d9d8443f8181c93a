// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of a session that recovers: data and R2Ts that are missing,
 * requests that did not arrive, and tasks whose connection has failed.
 */
#include "recover.h"

#define QUIET_MS	bound_ms(300)	/* then something must be done */
#define REASSIGN_MS	bound_ms(500)
#define STUCK_MS	bound_ms(60000)	/* then the target has forgotten it */

static bool is_read(const struct rtask *t)
{
	return t->io.flags & F_READ;
}

/* The target has it, and will not take it again. */
static bool is_acked(const struct rsess *rs, const struct rtask *t)
{
	return sn_lt(t->io.cmd_sn, rs->s->exp_cmd_sn);
}

static u64 first_bits(u32 nr)
{
	return nr < 64 ? (1ULL << nr) - 1 : ~0ULL;
}

/* Data-In that came without a gap. */
static u32 nr_in_order(const struct rtask *t)
{
	u32 n;

	for (n = 0; n < RECOVER_PIECES && t->have & 1ULL << n; n++)
		;
	return n;
}

/* ---- end ---- */

static void end_task(struct rsess *rs, struct rtask *t, enum rtask_end end)
{
	static const enum recover_count counts[] = {
		[RTASK_GOOD] = COUNT_GOOD, [RTASK_AGAIN] = COUNT_AGAIN,
		[RTASK_UNSURE] = COUNT_UNSURE,
	};

	rs->counts[counts[end]]++;
	t->state = RTASK_FREE;
	rs->done(rs, t, end);
}

/**
 * rtask_unsure() - the session is gone, and all commands with it
 * @rs: the session
 */
void rtask_unsure(struct rsess *rs)
{
	u32 i;

	for (i = 0; i < RECOVER_TASKS; i++)
		if (rs->tasks[i].state != RTASK_FREE)
			end_task(rs, &rs->tasks[i], RTASK_UNSURE);
}

static bool sense_is(const struct scsi *io, u8 key, u8 asc, u8 ascq)
{
	return io->key == key && io->asc == asc && io->ascq == ascq;
}

static enum rtask_end judge(const struct rsess *rs, const struct scsi *io)
{
	if (io->response)
		die("D26: response %02x", io->response);
	switch (io->status) {
	case 0x00:
		if (io->resid_flags)
			die("D20: residual bits %02x", io->resid_flags);
		return RTASK_GOOD;
	case 0x08:	/* BUSY */
	case 0x28:	/* TASK SET FULL */
		return RTASK_AGAIN;
	case 0x02:
		/* Data-Out came twice; a SNACK that cannot be served. */
		if (sense_is(io, 0x0b, 0x47, 0x05) ||
		    sense_is(io, 0x0b, 0x11, 0x13))
			return RTASK_AGAIN;
		if (io->key == 0x06 && rs->attention)
			return RTASK_AGAIN;
		break;
	default:
		break;
	}
	die("status %02x sense %x/%02x/%02x", io->status, io->key, io->asc,
	    io->ascq);
}

static bool is_complete(const struct rtask *t)
{
	u32 i, len = 0;

	if (!t->ended)
		return false;
	if (!is_read(t) || t->io.status)
		return true;
	if (t->have != first_bits(t->nr_pieces))
		return false;
	for (i = 0; i < t->nr_pieces; i++)
		len += t->len[i];
	if (len != t->io.edtl)
		die("D17: %u bytes of %u", len, t->io.edtl);
	return true;
}

/* With the status all data is acknowledged, so it has to be here (F17). */
static void end_if_complete(struct rconn *rc, struct rtask *t)
{
	if (!is_complete(t))
		return;
	rconn_stat_done(rc, t->stat_sn);
	end_task(rc->rs, t, judge(rc->rs, &t->io));
}

/* ---- what comes ---- */

/* The task that a PDU belongs to; one that was lost is found on it. */
static struct rtask *find(struct rconn *rc, const struct pdu *p)
{
	u32 itt = pdu32(p, BHS_ITT), i;
	struct rtask *t;

	for (i = 0; i < RECOVER_TASKS; i++) {
		t = &rc->rs->tasks[i];
		if (t->state == RTASK_FREE || t->io.itt != itt)
			continue;
		if (t->state == RTASK_LOST && t->to == rc) {
			t->state = RTASK_SENT;
			t->on = rc;
			rc->rs->counts[COUNT_REASSIGNED]++;
		}
		if (t->state != RTASK_SENT || t->on != rc)
			die("C13: opcode %02x for ITT %08x on CID %u",
			    pdu_op(p), itt, rc->cid);
		t->touched = now_ms();
		return t;
	}
	return NULL;
}

static void snack(struct rconn *rc, struct rtask *t, enum recover_count count,
		  u32 from, u32 len)
{
	struct pdu p;

	pdu_snack(rc->c, &p, SNACK_DATA, t->io.itt, from, len);
	conn_send(rc->c, &p);
	rc->rs->counts[count]++;
	t->touched = now_ms();
}

/* F12: the first run of Data-In that is missing, if later ones are here. */
static bool ask_for_data(struct rconn *rc, struct rtask *t)
{
	u32 from = nr_in_order(t), to = from;
	u64 all = t->ended ? first_bits(t->nr_pieces) : t->have;

	if (!(all & ~first_bits(from)))
		return false;
	while (to < RECOVER_PIECES && !(t->have & 1ULL << to) &&
	       all & ~first_bits(to))
		to++;
	snack(rc, t, COUNT_SNACK_DATA, from, to - from);
	return true;
}

/* F15 */
static void data_ack(struct rconn *rc, struct rtask *t, const struct pdu *in)
{
	u32 next = pdu32(in, BHS_DATA_SN) + 1;
	struct pdu p;

	if (!(in->bhs[BHS_FLAGS] & F_ACK) || nr_in_order(t) < next)
		return;
	pdu_snack(rc->c, &p, SNACK_DATA_ACK, NO_TAG, next, 0);
	memcpy(p.bhs + BHS_LUN, in->bhs + BHS_LUN, 8);
	pdu_set32(&p, BHS_TTT, pdu32(in, BHS_TTT));
	conn_send(rc->c, &p);
	rc->rs->counts[COUNT_DATA_ACK]++;
}

static void store(struct rconn *rc, struct rtask *t, const struct pdu *p)
{
	u32 sn = pdu32(p, BHS_DATA_SN), offset = pdu32(p, BHS_OFFSET);

	if (sn >= RECOVER_PIECES || offset > t->io.edtl ||
	    p->data_len > t->io.edtl - offset)
		die("D17: DataSN %u, %u bytes at %u of %u", sn, p->data_len,
		    offset, t->io.edtl);
	if (t->have & 1ULL << sn) {
		rc->rs->counts[COUNT_REPEATED]++;
		if (t->len[sn] != p->data_len)
			die("F12: DataSN %u had %u bytes, has %u now", sn,
			    t->len[sn], p->data_len);
	}
	memcpy(t->io.in + offset, p->data, p->data_len);
	t->have |= 1ULL << sn;
	t->len[sn] = p->data_len;
}

static void set_status(struct rtask *t, const struct pdu *p)
{
	t->ended = true;
	t->stat_sn = pdu32(p, BHS_STAT_SN);
	t->io.status = p->bhs[BHS_STATUS];
	t->io.resid_flags = p->bhs[BHS_FLAGS] & (F_OVERFLOW | F_UNDERFLOW);
}

/* F20: what was answered is answered once, whatever was sent again. */
static void must_be_known(const struct rtask *t, const struct pdu *p)
{
	if (!t)
		die("F20: StatSN %u: an answer to ITT %08x, which has ended",
		    pdu32(p, BHS_STAT_SN), pdu32(p, BHS_ITT));
	if (t->ended)
		die("F20: StatSN %u and %u answer ITT %08x", t->stat_sn,
		    pdu32(p, BHS_STAT_SN), pdu32(p, BHS_ITT));
}

static void take_data_in(struct rconn *rc, const struct pdu *p)
{
	bool status = p->bhs[BHS_FLAGS] & F_STATUS;
	struct rtask *t;

	if (status && !rconn_stat_is_new(rc, pdu32(p, BHS_STAT_SN)))
		return;
	t = find(rc, p);
	if (status)
		must_be_known(t, p);
	/* Repeated after all of it had come. */
	if (!t)
		return;
	store(rc, t, p);
	if (status) {
		set_status(t, p);
		t->nr_pieces = pdu32(p, BHS_DATA_SN) + 1;
	}
	data_ack(rc, t, p);
	end_if_complete(rc, t);
	if (t->state == RTASK_SENT)
		ask_for_data(rc, t);
}

static void take_response(struct rconn *rc, const struct pdu *p)
{
	struct rtask *t;

	if (!rconn_stat_is_new(rc, pdu32(p, BHS_STAT_SN)))
		return;
	t = find(rc, p);
	must_be_known(t, p);
	set_status(t, p);
	t->io.response = p->bhs[BHS_RESPONSE];
	scsi_sense(&t->io, p);
	t->nr_pieces = pdu32(p, BHS_EXP_DATA_SN);
	end_if_complete(rc, t);
}

static void take_r2t(struct rconn *rc, const struct pdu *p)
{
	u32 sn = pdu32(p, BHS_R2T_SN), offset = pdu32(p, BHS_OFFSET);
	u32 len = pdu32(p, BHS_DDTL);
	struct rtask *t = find(rc, p);

	rconn_stat_next(rc, pdu32(p, BHS_STAT_SN));
	/* Answered before. */
	if (!t || sn < t->io.nr_r2t) {
		rc->rs->counts[COUNT_REPEATED]++;
		return;
	}
	if (offset > t->io.edtl || len > t->io.edtl - offset)
		die("D08: R2T for %u bytes at %u of %u", len, offset,
		    t->io.edtl);
	t->io.nr_r2t = sn + 1;
	scsi_data_out(rc->c, &t->io, pdu32(p, BHS_TTT), offset, len);
}

/* ---- sending again ---- */

/* F20: same tag, same CmdSN, same content. */
static void retry(struct rconn *rc, struct rtask *t)
{
	struct sess *s = rc->rs->s;
	u32 itt = s->itt, cmd_sn = s->cmd_sn, nr_r2t = t->io.nr_r2t;

	s->itt = t->io.itt;
	s->cmd_sn = t->io.cmd_sn;
	scsi_send(rc->c, &t->io);
	s->itt = itt;
	s->cmd_sn = cmd_sn;
	t->io.nr_r2t = nr_r2t;
	t->touched = now_ms();
	rc->rs->counts[COUNT_RETRY]++;
}

static bool reject_is_expected(u8 op, u8 reason)
{
	switch (op) {
	case OP_SNACK:
		/* For something that is not there (any more, or yet). */
		return reason == REJ_PROTOCOL || reason == REJ_DATA_ACK ||
		       reason == REJ_SNACK;
	case OP_DATA_OUT:
		/* Of a command that did not arrive, or twice. */
		return reason == REJ_DIGEST || reason == REJ_INVALID_FIELD;
	default:
		/* An immediate request that came twice, its tag in use. */
		return reason == REJ_DIGEST || reason == REJ_INVALID_FIELD;
	}
}

static void take_reject(struct rconn *rc, const struct pdu *p)
{
	struct pdu bad = {};
	struct rtask *t;
	u8 reason = p->bhs[BHS_RESPONSE];

	if (!rconn_stat_is_new(rc, pdu32(p, BHS_STAT_SN)))
		return;
	rconn_stat_done(rc, pdu32(p, BHS_STAT_SN));
	rc->rs->counts[COUNT_REJECT]++;
	memcpy(bad.bhs, p->data, BHS_LEN);
	if (!reject_is_expected(pdu_op(&bad), reason))
		die("F27: Reject %02x of opcode %02x", reason, pdu_op(&bad));
	if (pdu_op(&bad) != OP_SCSI)
		return;
	/* F05: it is not there, its CmdSN is a hole. */
	t = find(rc, &bad);
	if (t && !is_acked(rc->rs, t))
		retry(rc, t);
}

/* ---- tasks of connections that failed ---- */

/**
 * rtask_conn_lost() - a connection has failed
 * @rc: the connection
 */
void rtask_conn_lost(struct rconn *rc)
{
	u32 i;

	for (i = 0; i < RECOVER_TASKS; i++) {
		struct rtask *t = &rc->rs->tasks[i];

		if (t->state == RTASK_FREE)
			continue;
		if (t->state == RTASK_LOST && t->to != rc)
			continue;
		if (t->state == RTASK_SENT && t->on != rc)
			continue;
		/* Had it been asked to take it, it may have done so. */
		t->state = RTASK_LOST;
		t->on = rc;
		t->to = NULL;
		t->ended = false;
		t->have &= first_bits(nr_in_order(t));
	}
}

/* F23: with the Data-In that are here. */
static void reassign(struct rconn *rc, struct rtask *t)
{
	struct pdu p;

	pdu_tmf(rc->c, &p, TMF_REASSIGN, t->io.lun, t->io.itt, t->io.cmd_sn);
	pdu_set32(&p, BHS_DATA_SN, nr_in_order(t));
	conn_send(rc->c, &p);
	t->to = rc;
	t->tmf_itt = pdu32(&p, BHS_ITT);
	t->touched = now_ms();
	rc->rs->counts[COUNT_REASSIGN]++;
}

/* F22: the time that it was kept is over. */
static void forgotten(struct rsess *rs, struct rtask *t)
{
	if (now_ms() - t->on->lost_at < rs->retain * 1000)
		die("F22: ITT %08x is gone after %u ms", t->io.itt,
		    (u32)(now_ms() - t->on->lost_at));
	rs->attention = true;
	end_task(rs, t, RTASK_UNSURE);
}

static void take_tmf(struct rconn *rc, const struct pdu *p)
{
	u8 response = p->bhs[BHS_RESPONSE];
	struct rtask *t;
	u32 i;

	if (!rconn_stat_is_new(rc, pdu32(p, BHS_STAT_SN)))
		return;
	rconn_stat_done(rc, pdu32(p, BHS_STAT_SN));
	for (i = 0; i < RECOVER_TASKS; i++) {
		t = &rc->rs->tasks[i];
		if (t->state != RTASK_LOST || t->to != rc ||
		    t->tmf_itt != pdu32(p, BHS_ITT))
			continue;
		switch (response) {
		case TMF_DONE:
			t->state = RTASK_SENT;
			t->on = rc;
			t->touched = now_ms();
			rc->rs->counts[COUNT_REASSIGNED]++;
			break;
		case TMF_NO_TASK:
			forgotten(rc->rs, t);
			break;
		case TMF_NO_REASSIGN - 1:
			/* Asked twice: the first answer is still to come. */
			break;
		default:
			die("E23: response %u", response);
		}
	}
}

static void bring_back(struct rsess *rs, struct rtask *t)
{
	struct rconn *rc = t->to ?: rconn_any_up(rs);

	if (!t->on->released || !rc)
		return;
	if (!is_acked(rs, t)) {
		/* F21: the connection that it was sent on is gone. */
		t->state = RTASK_SENT;
		t->on = rc;
		retry(rc, t);
	} else if (!t->to || now_ms() - t->touched > REASSIGN_MS) {
		reassign(rc, t);
	}
}

/* ---- */

/* Nothing has come of it for a while. */
static void nudge(struct rsess *rs, struct rtask *t)
{
	if (!is_acked(rs, t))
		retry(t->on, t);
	else if (!is_read(t) && !t->ended && one_in(&rs->rnd, 2))
		snack(t->on, t, COUNT_SNACK_R2T, t->io.nr_r2t, 0);
	else if (is_read(t) && !ask_for_data(t->on, t) && t->have)
		/* The last ones are missing, and the status. */
		snack(t->on, t, COUNT_SNACK_DATA, nr_in_order(t), 0);
	t->touched = now_ms();
}

/**
 * rtask_serve() - look after the commands
 * @rs: the session
 */
void rtask_serve(struct rsess *rs)
{
	u64 now = now_ms();
	u32 i;

	for (i = 0; i < RECOVER_TASKS; i++) {
		struct rtask *t = &rs->tasks[i];

		if (t->state == RTASK_FREE)
			continue;
		if (now - t->begun > STUCK_MS)
			die("F07: ITT %08x CmdSN %u has not ended after %u ms",
			    t->io.itt, t->io.cmd_sn, (u32)(now - t->begun));
		if (t->state == RTASK_LOST)
			bring_back(rs, t);
		else if (now - t->touched > QUIET_MS && t->on->c)
			nudge(rs, t);
	}
}

/**
 * rtask_input() - a PDU of a command, of TASK REASSIGN, or a Reject
 * @rc: the connection
 * @p: the PDU
 */
void rtask_input(struct rconn *rc, const struct pdu *p)
{
	switch (pdu_op(p)) {
	case OP_DATA_IN:
		take_data_in(rc, p);
		break;
	case OP_SCSI_RSP:
		take_response(rc, p);
		break;
	case OP_R2T:
		take_r2t(rc, p);
		break;
	case OP_TMF_RSP:
		take_tmf(rc, p);
		break;
	case OP_REJECT:
		take_reject(rc, p);
		break;
	default:
		die("opcode %02x", pdu_op(p));
	}
}
