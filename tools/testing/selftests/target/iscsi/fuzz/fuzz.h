/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mutating fuzzer for an iSCSI target.
 *
 * A run is a row of PDUs, numbered from 0.  CASE_PDUS of them are a case,
 * which has sessions of its own and one profile.  What a PDU is depends on the
 * seed, its number, and what the target answered to earlier ones of its case,
 * so that a case can be sent again alone.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "raw.h"
#include "rnd.h"

#define CASE_PDUS	128
#define NR_LINKS	4	/* connections of a session */
#define NR_R2TS		16	/* remembered, of a connection */
#define NR_OLD_TAGS	16
#define DATA_MAX	65536
#define TEXT_MAX	9000	/* what spoilt text may grow to */
#define PING_ITT	0xf1e50000U	/* and up: pings after a batch */

enum profile { FUZZ_LOGIN, FUZZ_SESSION, FUZZ_CONNS, NR_PROFILES };

/* What a link got an R2T for: unanswered, or answered a while ago. */
struct owed {
	u32 itt, ttt;
	u64 lun;
	u32 offset, len, data_sn;
};

/**
 * struct link - a connection of a fuzzed session
 * @c: NULL if there is none; has a struct sess of its own, as each connection
 *	sees the numbers of the session at another time
 * @lost: what was sent does not end where a PDU ends
 * @owed: R2Ts
 * @text_itt, @text_ttt: a text exchange to go on with
 */
struct link {
	struct conn *c;
	bool lost;
	struct owed owed[NR_R2TS];
	u32 nr_owed;
	u32 text_itt, text_ttt;
	u32 ping_ttt;
};

/* A PDU that is sent later than it was made, with its data. */
struct held {
	struct pdu p;
	u8 data[DATA_MAX];
	bool used;
};

/**
 * struct fuzz - a run
 * @number: of the PDU being made
 * @first: of the first PDU of the case
 * @from, @to: which are sent
 * @r: random numbers of this PDU
 * @cmd_sn, @itt: of the session, whichever connection takes the next
 * @sent_crc: of headers and the first data bytes: whether two runs are the same
 * @cold: it may have been told to close all sessions
 */
struct fuzz {
	u64 seed, number, first, from, to;
	enum profile profile;
	struct rnd r;
	struct link links[NR_LINKS];
	u32 nr_links;
	u32 cmd_sn, itt, pings;
	u16 tsih, isid;
	u32 old_tags[NR_OLD_TAGS];
	u32 nr_old_tags;
	bool cold;
	struct held held;
	u8 data[DATA_MAX];
	u32 sent_crc;
};

/* What was done and what came of it; kept over all cases. */
struct fuzz_counts {
	u64 pdus, sessions, lost, dropped, good, check, rejects, r2ts;
	u64 joined, not_joined, logins_ok, logins_refused, authenticated;
};

extern struct fuzz_counts counts;

/* ---- make.c: requests as they should be ---- */

void make_request(struct fuzz *f, struct link *l, struct pdu *p);

/* ---- spoil.c ---- */

void spoil_text(struct rnd *r, u8 *text, u32 *len, u32 max);
void spoil_pdu(struct fuzz *f, struct link *l, struct pdu *p);
void spoil_bytes(struct rnd *r, struct link *l);

/* ---- link.c ---- */

void link_open(struct fuzz *f, struct link *l, const char *portal, u16 isid);
bool link_login(struct fuzz *f, struct link *l, const struct text *t);
void link_close(struct link *l, struct rnd *r);
void link_send(struct fuzz *f, struct link *l, struct pdu *p);
void link_flush(struct fuzz *f, struct link *l);
void link_settle(struct fuzz *f, struct link *l);
enum recv_result link_recv(struct fuzz *f, struct link *l, int ms);
void link_drain(struct fuzz *f, struct link *l);

/* ---- cases ---- */

void login_case(struct fuzz *f, u64 end);
void session_case(struct fuzz *f, u64 end);

/* ---- canary.c ---- */

void canary_start(void);
void canary_check(bool fresh, bool may_be_closed);
void canary_stop(void);

#endif /* FUZZ_H */
