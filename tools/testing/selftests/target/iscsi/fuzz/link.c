// SPDX-License-Identifier: GPL-2.0
/*
 * A connection of a fuzzed session: what is sent is collected, leaves in one
 * go or in pieces, and must leave the target able to answer a ping, unless it
 * closed the connection.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "fuzz.h"

#define MAX_STEPS	16
#define HOLES_MAX	64
#define RECV_MS		bound_ms(15000)

/**
 * link_open() - a TCP connection, corked
 * @f: the run
 * @l: the link, which has none
 * @portal: where to
 * @isid: last two bytes of the ISID
 */
void link_open(struct fuzz *f, struct link *l, const char *portal, u16 isid)
{
	struct sess *s = sess_new(isid);

	memset(l, 0, sizeof(*l));
	s->any_tag = true;
	s->tsih = f->tsih;
	s->cmd_sn = f->cmd_sn;
	s->itt = f->itt;
	l->c = conn_open(s, portal);
	l->c->cid = l - f->links;
	conn_cork(l->c);
}

/* By RST, or by FIN and without waiting for the target's. */
static void link_free(struct link *l, bool reset)
{
	struct sess *s = l->c->sess;

	if (reset)
		conn_reset(l->c);
	else
		conn_close(l->c);
	free(s);
	l->c = NULL;
	l->nr_owed = 0;
}

/**
 * link_close() - end the TCP connection in some way
 * @l: the link
 * @r: random numbers
 */
void link_close(struct link *l, struct rnd *r)
{
	if (l->c)
		link_free(l, one_in(r, 3));
}

static void take_r2t(struct link *l, const struct pdu *p)
{
	memmove(l->owed + 1, l->owed, (NR_R2TS - 1) * sizeof(l->owed[0]));
	l->owed[0] = (struct owed) {
		.itt = pdu32(p, BHS_ITT), .ttt = pdu32(p, BHS_TTT),
		.lun = (u64)get_be32(p->bhs + BHS_LUN) << 32 |
		       get_be32(p->bhs + BHS_LUN + 4),
		.offset = pdu32(p, BHS_OFFSET), .len = pdu32(p, BHS_DDTL) };
	if (l->nr_owed < NR_R2TS)
		l->nr_owed++;
	counts.r2ts++;
}

static void take(struct link *l, const struct pdu *p)
{
	switch (pdu_op(p)) {
	case OP_R2T:
		take_r2t(l, p);
		break;
	case OP_REJECT:
		counts.rejects++;
		break;
	case OP_TEXT_RSP:
		l->text_itt = pdu32(p, BHS_ITT);
		l->text_ttt = pdu32(p, BHS_TTT) == NO_TAG ? 0 :
			      pdu32(p, BHS_TTT);
		break;
	case OP_NOP_IN:
		if (pdu32(p, BHS_ITT) == NO_TAG)
			l->ping_ttt = pdu32(p, BHS_TTT);
		break;
	case OP_SCSI_RSP:
		if (p->bhs[BHS_RESPONSE] || p->bhs[BHS_STATUS])
			counts.check++;
		else
			counts.good++;
		break;
	case OP_DATA_IN:
		counts.good += p->bhs[BHS_FLAGS] & F_STATUS;
		break;
	}
}

/**
 * link_recv() - receive, check and remember what is of use later
 * @f: the run
 * @l: the link
 * @ms: milliseconds to wait
 */
enum recv_result link_recv(struct fuzz *f, struct link *l, int ms)
{
	enum recv_result r = conn_recv(l->c, ms);

	(void)f;
	if (r == RECV_PDU)
		take(l, &l->c->rx);
	return r;
}

/**
 * link_login() - a whole login as it should be
 * @f: the run
 * @l: the link, open
 * @t: the text of the first request
 *
 * Return: whether it led to full feature phase; if not, the link is closed.
 */
bool link_login(struct fuzz *f, struct link *l, const struct text *t)
{
	struct conn *c = l->c;
	struct pdu p;
	u32 i;

	c->corked = false;
	text_add_raw(&c->offers, t->buf, t->len);
	for (i = 0; i < MAX_STEPS; i++) {
		pdu_login(c, &p, STAGE(OPERATIONAL, FULL_FEATURE),
			  i ? NULL : t);
		conn_send(c, &p);
		switch (conn_recv(c, RECV_MS)) {
		case RECV_TIMEOUT:
			die("no Login Response within %u ms", RECV_MS);
		case RECV_CLOSED:
			link_free(l, false);
			return false;
		case RECV_PDU:
			break;
		}
		text_add_raw(&c->answers, c->rx.data, c->rx.data_len);
		if (login_status(&c->rx) != LOGIN_OK)
			break;
		if ((c->rx.bhs[BHS_FLAGS] & STAGE(0, 3)) !=
		    STAGE(0, FULL_FEATURE))
			continue;
		login_done(c);
		c->max_send = min_u32(c->max_send, DATA_MAX);
		f->tsih = c->sess->tsih;
		f->cmd_sn = c->sess->cmd_sn;
		f->itt = c->sess->itt;
		conn_cork(c);
		return true;
	}
	if (login_status(&c->rx) == LOGIN_OK)
		die("login not over after %d requests", MAX_STEPS);
	link_free(l, false);
	return false;
}

static void watch_for_cold_reset(struct fuzz *f, const struct pdu *p)
{
	if (pdu_op(p) == OP_TMF && (p->bhs[BHS_FLAGS] & 0x7f) == TMF_COLD_RESET)
		f->cold = true;
}

/**
 * link_send() - have a PDU sent with the others of its batch
 * @f: the run
 * @l: the link, corked
 * @p: the PDU
 */
void link_send(struct fuzz *f, struct link *l, struct pdu *p)
{
	watch_for_cold_reset(f, p);
	/*
	 * MaxRecvDataSegmentLength may become anything in a text exchange, and
	 * nobody can say when.
	 */
	if (pdu_op(p) == OP_TEXT)
		l->c->max_recv = 0xffffff;
	f->sent_crc = crc32c(f->sent_crc, p->bhs, BHS_LEN);
	f->sent_crc = crc32c(f->sent_crc, p->data,
			     min_u32(p->data_len, BHS_LEN));
	conn_send(l->c, p);
	counts.pdus++;
}

/* Takes what comes while the target does not take ours. */
static void push(struct fuzz *f, struct link *l, const u8 *p, u32 len,
		 int flags)
{
	struct pollfd pfd = { .fd = l->c->fd, .events = POLLIN | POLLOUT };

	while (len && !l->c->closed) {
		ssize_t n = send(l->c->fd, p, len, MSG_NOSIGNAL | flags);

		if (n > 0) {
			p += n;
			len -= n;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			l->c->closed = true;
		} else if (errno != EAGAIN && errno != EINTR) {
			die("send: %s", strerror(errno));
		} else if (poll(&pfd, 1, RECV_MS) <= 0) {
			die("target takes no data for %u ms", RECV_MS);
		} else if (pfd.revents & POLLIN) {
			link_recv(f, l, 0);
		}
	}
}

/* Where TCP segments end is nothing that the target may depend on. */
static void push_in_pieces(struct fuzz *f, struct link *l, u32 most)
{
	struct text *q = &l->c->txq;
	u32 at = 0, n;

	while (at < q->len && !l->c->closed) {
		n = 1 + rnd_below(&f->r, most);
		if (n > q->len - at)
			n = q->len - at;
		push(f, l, q->buf + at, n, 0);
		at += n;
	}
}

/**
 * link_flush() - send what was collected
 * @f: the run
 * @l: the link, corked
 */
void link_flush(struct fuzz *f, struct link *l)
{
	struct text *q = &l->c->txq;
	u32 how;

	l->c->corked = false;
	if (one_in(&f->r, 48))
		spoil_bytes(&f->r, l);
	how = rnd_below(&f->r, 24);
	if (!how && q->len < 1024) {
		push_in_pieces(f, l, 3);
	} else if (how < 3) {
		push_in_pieces(f, l, 1 + q->len / 4);
	} else if (how == 3 && q->len && one_in(&f->r, 8)) {
		/* Urgent data is not in the stream any more. */
		push(f, l, q->buf, q->len, MSG_OOB);
		l->lost = true;
	} else {
		push(f, l, q->buf, q->len, 0);
	}
}

/**
 * link_drain() - nothing more is sent: take all until the target closes, too
 * @f: the run
 * @l: the link; is closed
 */
void link_drain(struct fuzz *f, struct link *l)
{
	enum recv_result r = RECV_PDU;

	shutdown(l->c->fd, SHUT_WR);
	while (r == RECV_PDU)
		r = link_recv(f, l, RECV_MS);
	if (r == RECV_TIMEOUT)
		die("target does not close within %u ms of our FIN", RECV_MS);
	link_free(l, false);
}

/* Is it about the ping @itt: its answer, or one too many (C09)? */
static bool answers_ping(const struct pdu *p, u32 itt)
{
	if (pdu_op(p) == OP_NOP_IN)
		return pdu32(p, BHS_ITT) == itt;
	return pdu_op(p) == OP_REJECT &&
	       get_be32((const u8 *)p->data + BHS_ITT) == itt;
}

/*
 * Requests that the target rejected have left holes, and what came after waits
 * (C05): as a rule they are filled, so that it gets its turn.
 */
static void fill_holes(struct fuzz *f, struct link *l)
{
	struct sess *s = l->c->sess;
	u32 end = f->cmd_sn;
	struct pdu p;

	if (end - s->exp_cmd_sn > HOLES_MAX || one_in(&f->r, 4))
		return;
	for (s->cmd_sn = s->exp_cmd_sn; sn_lt(s->cmd_sn, end); ) {
		s->itt = f->itt++;
		pdu_nop(l->c, &p, NULL, 0);
		conn_send(l->c, &p);
	}
}

static bool ping_answered(struct fuzz *f, struct link *l, bool fill)
{
	u32 itt = PING_ITT + (f->pings++ & 0xffff);
	struct sess *s = l->c->sess;
	enum recv_result r;
	struct pdu p;

	conn_cork(l->c);
	if (fill)
		fill_holes(f, l);
	s->cmd_sn = f->cmd_sn;
	pdu_nop(l->c, &p, NULL, 0);
	pdu_immediate(l->c, &p);
	pdu_set32(&p, BHS_ITT, itt);
	conn_send(l->c, &p);
	conn_uncork(l->c);
	do {
		r = link_recv(f, l, RECV_MS);
	} while (r == RECV_PDU && !answers_ping(&l->c->rx, itt));
	if (r == RECV_TIMEOUT)
		die("no answer to a ping within %u ms", RECV_MS);
	return r == RECV_PDU;
}

/**
 * link_settle() - after a batch: the target answers, or has closed
 * @f: the run
 * @l: the link, flushed; corked again, or closed
 */
void link_settle(struct fuzz *f, struct link *l)
{
	struct sess *s = l->c->sess;

	if (l->lost) {
		counts.lost++;
		l->lost = false;
		if (one_in(&f->r, 4))
			link_free(l, true);
		else
			link_drain(f, l);
		return;
	}
	/* Once for what was sent, once more for what was behind a hole. */
	if (!ping_answered(f, l, false) ||
	    (sn_lt(s->exp_cmd_sn, f->cmd_sn) && !ping_answered(f, l, true))) {
		counts.dropped++;
		link_free(l, false);
		return;
	}
	f->cmd_sn = s->exp_cmd_sn;
	conn_cork(l->c);
}
