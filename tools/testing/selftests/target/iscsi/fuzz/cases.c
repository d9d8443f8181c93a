// SPDX-License-Identifier: GPL-2.0
/*
 * Cases of the full feature phase: a session with one connection or several,
 * and batches of requests of which most are spoilt.
 */
#include "fuzz.h"

#define BATCH_MAX	32
#define BATCH_SEED	0x62617463U
#define CASE_SEED	0x63617365U
#define TRIES		3

/* What the sessions of a case are like. */
struct nature {
	bool hdigest, ddigest, initial_r2t, immediate, discovery;
	u32 max_recv, max_burst, first_burst, max_r2t;
	u32 nr_links;
};

static struct nature choose_nature(struct fuzz *f, struct rnd *r)
{
	static const u32 recv[] = { 512, 4096, 8192, 65536, 262144 };
	static const u32 burst[] = { 512, 1024, 8192, 65536, 262144 };
	struct nature n = {
		.hdigest = one_in(r, 3), .ddigest = one_in(r, 3),
		.initial_r2t = one_in(r, 2), .immediate = !one_in(r, 4),
		.discovery = f->profile == FUZZ_SESSION && one_in(r, 24),
		.max_recv = recv[rnd_below(r, ARRAY_SIZE(recv))],
		.max_burst = burst[rnd_below(r, ARRAY_SIZE(burst))],
		.max_r2t = 1 + rnd_below(r, 4),
		.nr_links = f->profile == FUZZ_CONNS ?
			    2 + rnd_below(r, NR_LINKS - 1) : 1,
	};

	n.first_burst = min_u32(n.max_burst,
				burst[rnd_below(r, ARRAY_SIZE(burst))]);
	return n;
}

/* Of each connection, and of the session with the first one. */
static void login_text(const struct nature *n, bool leading, struct text *t)
{
	login_names(LOGIN(.discovery = n->discovery), t);
	text_add(t, "MaxRecvDataSegmentLength=%u", n->max_recv);
	if (n->hdigest)
		text_add(t, "HeaderDigest=CRC32C");
	if (n->ddigest)
		text_add(t, "DataDigest=CRC32C");
	if (!leading)
		return;
	text_add(t, "DefaultTime2Retain=0");
	if (n->discovery)
		return;
	text_add(t, "InitialR2T=%s", n->initial_r2t ? "Yes" : "No");
	text_add(t, "ImmediateData=%s", n->immediate ? "Yes" : "No");
	text_add(t, "MaxBurstLength=%u", n->max_burst);
	text_add(t, "FirstBurstLength=%u", n->first_burst);
	text_add(t, "MaxOutstandingR2T=%u", n->max_r2t);
	text_add(t, "MaxConnections=%u", n->nr_links);
}

static bool open_link(struct fuzz *f, const struct nature *n, u32 i)
{
	struct link *l = &f->links[i];
	struct text t = {};
	bool ok;

	if (f->nr_links && !f->tsih)
		die("no session to join");
	link_open(f, l, env.portal, f->isid);
	l->c->sess->discovery = n->discovery;
	login_text(n, !f->tsih, &t);
	ok = link_login(f, l, &t);
	free(t.buf);
	if (!ok)
		return false;
	/* What the leading connection agreed on. */
	if (i) {
		l->c->sess->immediate_data = n->immediate;
		l->c->sess->initial_r2t = n->initial_r2t;
		l->c->sess->first_burst = n->first_burst;
	}
	return true;
}

static u32 nr_open_links(const struct fuzz *f)
{
	u32 i, n = 0;

	for (i = 0; i < NR_LINKS; i++)
		n += !!f->links[i].c;
	return n;
}

/* A session that is gone is made again; a lost connection joins again. */
static void open_links(struct fuzz *f, const struct nature *n)
{
	u32 i, tries;

	if (!nr_open_links(f)) {
		f->nr_links = 0;
		for (tries = 0; tries < TRIES; tries++) {
			f->tsih = 0;
			f->cmd_sn = 1;
			f->itt = 0x1000;
			/* Often the same nexus: that is reinstatement. */
			f->isid += one_in(&f->r, 2);
			if (open_link(f, n, 0))
				break;
		}
		if (tries == TRIES)
			die("a proper login fails %d times", TRIES);
		f->nr_links = n->nr_links;
		counts.sessions++;
	}
	for (i = 0; i < n->nr_links; i++) {
		if (f->links[i].c)
			continue;
		if (open_link(f, n, i))
			counts.joined++;
		else
			counts.not_joined++;
	}
}

static struct link *some_link(struct fuzz *f)
{
	u32 at = rnd_below(&f->r, nr_open_links(f)), i;

	for (i = 0; !f->links[i].c || at; i++)
		at -= !!f->links[i].c;
	return &f->links[i];
}

/* Put aside, to be sent behind others, maybe on another connection. */
static void hold_back(struct fuzz *f, struct pdu *p)
{
	struct held *h = &f->held;

	if (p->data_len > sizeof(h->data))
		return;
	if (p->data_len)
		memcpy(h->data, p->data, p->data_len);
	h->p = *p;
	h->p.data = h->data;
	h->used = true;
}

static void one_pdu(struct fuzz *f)
{
	struct link *l = some_link(f);
	struct pdu p;

	make_request(f, l, &p);
	if (!one_in(&f->r, 3))
		spoil_pdu(f, l, &p);
	if (!f->held.used && !l->lost && one_in(&f->r, 16)) {
		hold_back(f, &p);
		return;
	}
	link_send(f, l, &p);
	if (one_in(&f->r, 24))
		link_send(f, l, &p);
	if (f->held.used && one_in(&f->r, 4)) {
		link_send(f, some_link(f), &f->held.p);
		f->held.used = false;
	}
}

static bool any_lost(const struct fuzz *f)
{
	u32 i;

	for (i = 0; i < NR_LINKS; i++)
		if (f->links[i].lost)
			return true;
	return false;
}

static void one_batch(struct fuzz *f, u64 end)
{
	u64 start = f->number;
	u32 n, i;

	rnd_seed(&f->r, f->seed ^ BATCH_SEED, start);
	n = 1 + rnd_below(&f->r, BATCH_MAX);
	for (; n && f->number < end && !any_lost(f); n--, f->number++) {
		rnd_seed(&f->r, f->seed, f->number);
		one_pdu(f);
	}
	rnd_seed(&f->r, f->seed ^ BATCH_SEED, ~start);
	for (i = 0; i < NR_LINKS; i++)
		if (f->links[i].c)
			link_flush(f, &f->links[i]);
	for (i = 0; i < NR_LINKS; i++)
		if (f->links[i].c)
			link_settle(f, &f->links[i]);
}

/**
 * session_case() - fuzz sessions that are logged in
 * @f: the run, at the first PDU
 * @end: number after the last one
 */
void session_case(struct fuzz *f, u64 end)
{
	struct nature n;
	struct rnd r;
	u32 i;

	rnd_seed(&r, f->seed ^ CASE_SEED, f->number);
	n = choose_nature(f, &r);
	f->isid = 1 + f->number / CASE_PDUS * 64 % 0xff00;
	f->held.used = false;
	while (f->number < end) {
		rnd_seed(&f->r, f->seed ^ CASE_SEED, ~f->number);
		open_links(f, &n);
		one_batch(f, end);
	}
	for (i = 0; i < NR_LINKS; i++)
		link_close(&f->links[i], &r);
	f->nr_links = 0;
}
