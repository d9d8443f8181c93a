// SPDX-License-Identifier: GPL-2.0
/*
 * Cases of the login phase: stages, keys, authentication; most of it spoilt.
 */
#include "chap.h"
#include "fuzz.h"

#define RECV_MS		bound_ms(15000)
#define LIVES		12	/* requests of a login */
#define CHALLENGE_MAX	4096	/* text that has one */

/* As drill_fuzz.sh configures them. */
#define CHAP_USER	"fuzz"
#define CHAP_SECRET	"fuzz-secret-1234"

/*
 * Where a login is: steps before good_until are as they should be, so that what
 * lies behind them is reached.
 */
struct attempt {
	u8 csg;
	bool chap, discovery, first;
	struct chap peer;	/* as far as the target has said */
	u32 step, good_until, lives, unanswered;
	u32 used;		/* keys, one bit each */
};

static const char *const keys[] = {
	"HeaderDigest=CRC32C,None", "DataDigest=None,CRC32C",
	"MaxRecvDataSegmentLength=65536", "InitialR2T=No",
	"ImmediateData=Yes", "MaxBurstLength=262144",
	"FirstBurstLength=65536", "MaxOutstandingR2T=4", "MaxConnections=4",
	"DefaultTime2Wait=0", "DefaultTime2Retain=0", "DataPDUInOrder=Yes",
	"DataSequenceInOrder=Yes", "ErrorRecoveryLevel=2",
	"TaskReporting=FastAbort,ResponseFence,RFC3720",
	"iSCSIProtocolLevel=2", "IFMarker=No", "OFMarkInt=1~65535",
	"X-org.example.fuzz=1", "X#NodeArchitecture=none",
	"InitiatorAlias=fuzz", "SendTargets=All",
};

static const char *const chap_keys[][2] = {
	{ "AuthMethod=CHAP,None", "AuthMethod=KRB5,CHAP" },
	{ "CHAP_A=5,7,6,8", "CHAP_A=8,99" },
	{ "CHAP_N=fuzz CHAP_R=0x00112233445566778899aabbccddeeff",
	  "CHAP_N=fuzz CHAP_R=0bABEiM0RVZneImaq7zN3u/w== CHAP_I=7 CHAP_C=0x55aa" },
};

static void open_attempt(struct fuzz *f, struct attempt *a)
{
	*a = (struct attempt) {
		.csg = one_in(&f->r, 3) ? OPERATIONAL : SECURITY,
		.chap = one_in(&f->r, 2), .discovery = one_in(&f->r, 4),
		.first = true, .lives = 1 + rnd_below(&f->r, LIVES),
		.good_until = rnd_below(&f->r, 6),
	};
	f->tsih = one_in(&f->r, 32) ? rnd_below(&f->r, 8) : 0;
	f->cmd_sn = rnd32(&f->r);
	f->itt = 1 + rnd_below(&f->r, 1000);
	/* The second portal is one where CHAP is asked for. */
	link_open(f, &f->links[0], a->chap ? env.portal2 : env.portal,
		  0xff00 + rnd_below(&f->r, 8));
}

static void learn_challenge(struct attempt *a, const struct pdu *p)
{
	const char *alg = text_get(p->data, p->data_len, "CHAP_A");
	const char *id = text_get(p->data, p->data_len, "CHAP_I");
	struct conn c = { .answers = { .buf = (u8 *)p->data,
				       .len = p->data_len } };

	if (!alg || !id)
		return;
	a->peer.alg = strtoul(alg, NULL, 0);
	a->peer.id = strtoul(id, NULL, 0);
	a->peer.len = chap_get(&c, "CHAP_C", a->peer.challenge);
}

/* The right answer to the challenge, and at times a challenge back. */
static void add_proof(struct fuzz *f, struct attempt *a, struct text *t)
{
	u8 proof[CHAP_DIGEST_MAX];
	u32 len;

	a->peer.secret = CHAP_SECRET;
	len = chap_proof(&a->peer, proof);
	text_add(t, "CHAP_N=%s", CHAP_USER);
	chap_put(t, "CHAP_R", proof, len, rnd_below(&f->r, 3));
	if (!one_in(&f->r, 3))
		return;
	text_add(t, "CHAP_I=%u", rnd_below(&f->r, 256));
	/* Its own challenge may come back to it (B66). */
	if (one_in(&f->r, 2))
		chap_put(t, "CHAP_C", a->peer.challenge, a->peer.len, ENC_HEX);
	else
		chap_put(t, "CHAP_C", f->data, 16, ENC_BASE64);
}

static void add_operational(struct fuzz *f, struct attempt *a, struct text *t)
{
	u32 n = rnd_below(&f->r, a->first ? 12 : 4), i;

	while (n--) {
		i = rnd_below(&f->r, ARRAY_SIZE(keys) - !one_in(&f->r, 16));
		if (a->used & 1U << i && !one_in(&f->r, 16))
			continue;
		a->used |= 1U << i;
		text_add_keys(t, keys[i]);
	}
}

static void attempt_text(struct fuzz *f, struct attempt *a, struct text *t)
{
	if (a->first)
		login_names(LOGIN(.discovery = a->discovery), t);
	if (a->csg == OPERATIONAL)
		add_operational(f, a, t);
	else if (a->peer.len && !one_in(&f->r, 8))
		add_proof(f, a, t);
	else if (a->chap && a->step < ARRAY_SIZE(chap_keys))
		text_add_keys(t, chap_keys[a->step][one_in(&f->r, 2)]);
	else if (a->first)
		text_add(t, "AuthMethod=None");
	a->step++;
}

/* Mostly the next stage when this one can be over. */
static u8 attempt_flags(struct fuzz *f, const struct attempt *a)
{
	bool done = a->csg == OPERATIONAL || !a->chap || a->step > 2;

	if (one_in(&f->r, 24))
		return a->csg << 2 | F_CONTINUE;
	if (!done || one_in(&f->r, 2))
		return STAY(a->csg);
	return STAGE(a->csg, a->csg == OPERATIONAL || one_in(&f->r, 2) ?
		     FULL_FEATURE : OPERATIONAL);
}

static void make_login(struct fuzz *f, struct attempt *a, struct pdu *p)
{
	struct link *l = &f->links[0];
	bool good = a->step < a->good_until;
	struct text t = {};
	u32 len;

	attempt_text(f, a, &t);
	len = min_u32(t.len, DEFAULT_MRDSL);
	if (len)
		memcpy(f->data, t.buf, len);
	free(t.buf);
	pdu_login(l->c, p, attempt_flags(f, a), NULL);
	a->first = false;
	if (!good && !one_in(&f->r, 3))
		spoil_text(&f->r, f->data, &len, DEFAULT_MRDSL);
	pdu_data(p, f->data, len);
	if (!good && one_in(&f->r, 4))
		spoil_pdu(f, l, p);
}

/* Full feature phase against all odds: it must be usable. */
static void use_session(struct fuzz *f, struct link *l, bool sent_ahead)
{
	struct conn *c = l->c;

	counts.logins_ok++;
	login_done(c);
	/* Nobody knows what we declared. */
	c->max_recv = 0xffffff;
	/* The target looks for digests in what did not know of them. */
	l->lost = sent_ahead && (c->hdigest || c->ddigest);
	conn_cork(c);
	link_flush(f, l);
	link_settle(f, l);
}

static void take_response(struct fuzz *f, struct attempt *a)
{
	struct link *l = &f->links[0];
	struct pdu *p = &l->c->rx;
	u8 flags = p->bhs[BHS_FLAGS];

	a->unanswered--;
	text_add_raw(&l->c->answers, p->data, p->data_len);
	/* A part of a longer text is none (B15). */
	if (login_status(p) == LOGIN_OK && a->csg == SECURITY &&
	    p->data_len && p->data_len < CHALLENGE_MAX)
		learn_challenge(a, p);
	if (login_status(p) != LOGIN_OK) {
		counts.logins_refused++;
		link_drain(f, l);
	} else if ((flags & STAGE(0, 3)) == STAGE(0, FULL_FEATURE)) {
		counts.authenticated += a->peer.len != 0;
		use_session(f, l, a->unanswered);
		link_close(l, &f->r);
	} else if (flags & F_TRANSIT) {
		a->csg = flags & 3;
	}
}

static void attempt_answers(struct fuzz *f, struct attempt *a)
{
	struct link *l = &f->links[0];

	while (l->c && a->unanswered) {
		switch (conn_recv(l->c, RECV_MS)) {
		case RECV_TIMEOUT:
			die("no Login Response within %u ms", RECV_MS);
		case RECV_CLOSED:
			counts.dropped++;
			link_close(l, &f->r);
			break;
		case RECV_PDU:
			take_response(f, a);
		}
	}
}

static void one_login_pdu(struct fuzz *f, struct attempt *a)
{
	struct link *l = &f->links[0];
	struct pdu p;

	if (!l->c)
		open_attempt(f, a);
	make_login(f, a, &p);
	link_send(f, l, &p);
	a->unanswered++;
	a->lives -= !!a->lives;
	/* Sometimes the next one does not wait for the answer (B04). */
	if (!l->lost && one_in(&f->r, 12))
		return;
	link_flush(f, l);
	if (l->lost) {
		link_settle(f, l);
		return;
	}
	attempt_answers(f, a);
	if (!l->c)
		return;
	if (a->lives)
		conn_cork(l->c);
	else
		link_close(l, &f->r);
}

/**
 * login_case() - fuzz connections that are to log in
 * @f: the run, at the first PDU
 * @end: number after the last one
 */
void login_case(struct fuzz *f, u64 end)
{
	struct attempt a = {};

	for (; f->number < end; f->number++) {
		rnd_seed(&f->r, f->seed, f->number);
		one_login_pdu(f, &a);
	}
	link_close(&f->links[0], &f->r);
}
