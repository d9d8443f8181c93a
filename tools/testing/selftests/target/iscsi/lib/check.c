// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for every PDU that a target sends, whatever the test is about.
 */
#include "raw.h"

struct range {
	u8 from, to;	/* bytes of the BHS, inclusive */
};

/*
 * The layout of a target PDU.  status: consumes a StatSN (C11).  no_data:
 * DataSegmentLength is 0 (A24).  flags_mask, flags: bits of byte 1 that are
 * fixed (A06).  reserved: bytes that are 0 (A02), unused entries are {0, 0}.
 */
static const struct layout {
	u8 op;
	bool status;
	bool no_data;
	u8 flags_mask, flags;
	struct range reserved[4];
} layouts[] = {
	{ OP_NOP_IN, true, false, 0xff, 0x80, { {2, 3}, {36, 47} } },
	{ OP_SCSI_RSP, true, false, 0xe1, 0x80, { {8, 15} } },
	{ OP_TMF_RSP, true, true, 0xff, 0x80,
	  { {3, 3}, {11, 15}, {20, 23}, {36, 47} } },
	{ OP_LOGIN_RSP, true, false, 0x30, 0x00, { {20, 23}, {38, 47} } },
	{ OP_TEXT_RSP, true, false, 0x3f, 0x00, { {2, 3}, {36, 47} } },
	{ OP_DATA_IN, false, false, 0x38, 0x00, { {2, 2} } },
	{ OP_LOGOUT_RSP, true, true, 0xff, 0x80,
	  { {3, 3}, {8, 15}, {20, 23}, {36, 39} } },
	{ OP_R2T, false, true, 0xff, 0x80, { {2, 3} } },
	{ OP_ASYNC, true, false, 0xff, 0x80, { {2, 3}, {20, 23}, {44, 47} } },
	{ OP_REJECT, true, false, 0xff, 0x80,
	  { {3, 3}, {8, 15}, {20, 23}, {40, 47} } },
};

static const struct layout *layout_of(u8 op)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].op == op)
			return &layouts[i];
	return NULL;
}

/* A06, A02, A24: opcode, I bit, AHS, fixed and reserved bits. */
static const struct layout *check_layout(const struct pdu *p)
{
	const struct layout *l = layout_of(p->bhs[0]);
	u32 i, b;

	if (!l)
		die("A06: byte 0 of a target PDU is %02x", p->bhs[0]);
	if (p->bhs[BHS_AHS_WORDS])
		die("A06: opcode %02x with TotalAHSLength %u", l->op,
		    p->bhs[BHS_AHS_WORDS]);
	if ((p->bhs[BHS_FLAGS] & l->flags_mask) != l->flags)
		die("A06: opcode %02x has byte 1 = %02x", l->op,
		    p->bhs[BHS_FLAGS]);
	for (i = 0; i < 4 && l->reserved[i].to; i++)
		for (b = l->reserved[i].from; b <= l->reserved[i].to; b++)
			if (p->bhs[b])
				die("A02: opcode %02x has reserved byte %u = %02x",
				    l->op, b, p->bhs[b]);
	if (l->no_data && p->data_len)
		die("A24: opcode %02x with a data segment of %u bytes", l->op,
		    p->data_len);
	return l;
}

static bool consumes_stat_sn(const struct layout *l, const struct pdu *p)
{
	switch (l->op) {
	case OP_DATA_IN:
		return p->bhs[BHS_FLAGS] & F_STATUS;
	case OP_NOP_IN:
		return pdu32(p, BHS_ITT) != NO_TAG;
	default:
		return l->status;
	}
}

/* C11: +1 for every status, the next one unchanged in R2T and our pings. */
static void check_stat_sn(struct conn *c, const struct layout *l,
			  const struct pdu *p)
{
	u32 sn = pdu32(p, BHS_STAT_SN);
	bool consumes = consumes_stat_sn(l, p);

	if (l->op == OP_LOGIN_RSP && login_status(p) != LOGIN_OK)
		return;		/* B06: not valid */
	if (c->sess->bad_wire && l->op != OP_LOGIN_RSP)
		return;
	if (l->op == OP_DATA_IN && !consumes)
		return;
	/* F14: one that was asked for once more. */
	if (c->again && consumes && sn_lt(sn, c->stat_sn))
		return;
	if (c->stat_sn_known && sn != c->stat_sn)
		die("C11: opcode %02x has StatSN %u, expected %u", l->op, sn,
		    c->stat_sn);
	c->stat_sn_known = true;
	c->stat_sn = sn + consumes;
}

/* The furthest that was told; connections may be heard out of order. */
static void session_window(struct sess *s, u32 exp, u32 max)
{
	if (!s->window_known || sn_lt(s->exp_cmd_sn, exp))
		s->exp_cmd_sn = exp;
	if (!s->window_known || sn_lt(s->max_cmd_sn, max))
		s->max_cmd_sn = max;
	s->window_known = true;
}

/* C06: neither bound moves back, and MaxCmdSN >= ExpCmdSN - 1. */
static void check_window(struct conn *c, const struct pdu *p)
{
	u32 exp = pdu32(p, BHS_EXP_CMD_SN), max = pdu32(p, BHS_MAX_CMD_SN);

	if (pdu_op(p) == OP_LOGIN_RSP && login_status(p) != LOGIN_OK)
		return;
	if (sn_lt(max, exp - 1))
		die("C06: MaxCmdSN %u below ExpCmdSN %u - 1", max, exp);
	if (c->window_known && !c->sess->bad_wire) {
		if (sn_lt(max, c->max_cmd_sn))
			die("C06: MaxCmdSN back from %u to %u", c->max_cmd_sn,
			    max);
		if (sn_lt(exp, c->exp_cmd_sn))
			die("C02: ExpCmdSN back from %u to %u", c->exp_cmd_sn,
			    exp);
	}
	c->window_known = true;
	c->exp_cmd_sn = exp;
	c->max_cmd_sn = max;
	session_window(c->sess, exp, max);
}

/* C10, C13: no status before the command is acknowledged, none elsewhere. */
static void check_acknowledged(struct conn *c, const struct layout *l,
			       const struct pdu *p)
{
	u32 itt = pdu32(p, BHS_ITT);
	struct tag *t = &c->sess->tags[itt % NR_TAGS];

	if (l->op == OP_LOGIN_RSP || l->op == OP_ASYNC || l->op == OP_REJECT)
		return;
	if (c->sess->any_tag || (l->op == OP_NOP_IN && itt == NO_TAG))
		return;
	if (!t->valid || t->itt != itt)
		die("opcode %02x for task tag %08x, which was never sent",
		    l->op, itt);
	if (t->conn != c)
		die("C13: opcode %02x for task tag %08x of another connection",
		    l->op, itt);
	if (consumes_stat_sn(l, p) && !t->immediate &&
	    !sn_lt(t->cmd_sn, pdu32(p, BHS_EXP_CMD_SN)))
		die("C10: response to CmdSN %u with ExpCmdSN %u", t->cmd_sn,
		    pdu32(p, BHS_EXP_CMD_SN));
}

static void check_data_in(const struct conn *c, const struct pdu *p)
{
	u8 flags = p->bhs[BHS_FLAGS];

	if ((flags & F_ACK) && !c->sess->erl)
		die("D19: A bit at recovery level 0");
	if ((flags & F_ACK) && !(flags & F_FINAL))
		die("D19: A bit in the middle of a sequence");
	if ((flags & F_ACK) && pdu32(p, BHS_TTT) == NO_TAG)
		die("D19: Data-In with A bit has no TTT");
	if (!(flags & F_ACK) && pdu32(p, BHS_TTT) != NO_TAG)
		die("D19: Data-In without A bit has TTT %08x",
		    pdu32(p, BHS_TTT));
	if ((flags & F_STATUS) && !(flags & F_FINAL))
		die("D18: S bit without F bit");
	if (!(flags & F_FINAL) && p->data_len % 4)
		die("D17: %u bytes of Data-In without F bit", p->data_len);
	if ((flags & F_OVERFLOW) && (flags & F_UNDERFLOW))
		die("D20: O and U");
}

static void check_scsi_response(const struct conn *c, const struct pdu *p)
{
	u8 flags = p->bhs[BHS_FLAGS];
	u32 tag = pdu32(p, BHS_SNACK_TAG);

	if (p->bhs[BHS_RESPONSE] && (flags & 0x1e))
		die("D23: response %02x with residual bits %02x",
		    p->bhs[BHS_RESPONSE], flags);
	if (p->bhs[BHS_RESPONSE] > 1 && p->bhs[BHS_RESPONSE] < 0x80)
		die("D26: response code %02x", p->bhs[BHS_RESPONSE]);
	if ((flags & F_OVERFLOW) && (flags & F_UNDERFLOW))
		die("D20: O and U");
	if (!(flags & (F_OVERFLOW | F_UNDERFLOW)) && pdu32(p, BHS_RESIDUAL))
		die("D20: residual %u without O or U", pdu32(p, BHS_RESIDUAL));
	if (tag && tag != c->snack_tag)
		die("D28: SNACK Tag %08x", tag);
	if (p->bhs[BHS_STATUS] == 0x02 && !p->bhs[BHS_RESPONSE] &&
	    (p->data_len < 2 ||
	     get_be16(p->data) != p->data_len - 2))
		die("D25: CHECK CONDITION with %u bytes of data", p->data_len);
}

/* Additional information (RFC 7144 6.3) comes with success only. */
static void check_tmf_response(const struct pdu *p)
{
	if (p->bhs[BHS_RESPONSE] != TMF_SUCCEEDED &&
	    (p->bhs[BHS_INFO] || p->bhs[BHS_INFO + 1] || p->bhs[BHS_INFO + 2]))
		die("E26: response %u with information %02x/%02x/%02x",
		    p->bhs[BHS_RESPONSE], p->bhs[BHS_INFO],
		    p->bhs[BHS_INFO + 1], p->bhs[BHS_INFO + 2]);
}

static void check_async(const struct pdu *p)
{
	if (pdu32(p, BHS_ITT) != NO_TAG)
		die("C32: Asynchronous Message with ITT %08x",
		    pdu32(p, BHS_ITT));
	if (p->bhs[BHS_ASYNC_EVENT] > ASYNC_TERMINATED)
		die("C32: event %u", p->bhs[BHS_ASYNC_EVENT]);
	if (p->bhs[BHS_ASYNC_EVENT] && p->data_len)
		die("C32: event %u with %u bytes of data",
		    p->bhs[BHS_ASYNC_EVENT], p->data_len);
}

static void check_r2t(const struct pdu *p)
{
	if (pdu32(p, BHS_TTT) == NO_TAG)
		die("D08: R2T with TTT ffffffff");
	if (!pdu32(p, BHS_DDTL))
		die("D08: R2T for no data");
}

static void check_reject(const struct pdu *p)
{
	if (pdu32(p, BHS_ITT) != NO_TAG)
		die("A25: Reject with ITT %08x", pdu32(p, BHS_ITT));
	/* 01h is reserved, 0Bh is not to be sent, 0Ch may be, and is not. */
	if (p->bhs[BHS_RESPONSE] < REJ_DIGEST ||
	    p->bhs[BHS_RESPONSE] > REJ_RESOURCES)
		die("F27: Reject reason %02x", p->bhs[BHS_RESPONSE]);
	if (p->data_len < BHS_LEN)
		die("A25: Reject with %u bytes of data", p->data_len);
}

static void check_text(const struct pdu *p)
{
	u8 flags = p->bhs[BHS_FLAGS];

	if ((flags & F_FINAL) && (flags & F_CONTINUE))
		die("C35: F and C");
	if (!(flags & F_FINAL) == (pdu32(p, BHS_TTT) == NO_TAG))
		die("C35: F bit %d with TTT %08x", !!(flags & F_FINAL),
		    pdu32(p, BHS_TTT));
}

static void check_login(const struct pdu *p)
{
	u8 flags = p->bhs[BHS_FLAGS];

	if (login_status(p) != LOGIN_OK && (flags & 0xcf))
		die("B08: failure %04x with byte 1 = %02x", login_status(p),
		    flags);
	if ((flags & F_TRANSIT) && (flags & F_CONTINUE))
		die("B14: T and C");
}

/**
 * check_request() - remember a request for the checks of its answer
 * @c: connection that sends it
 * @p: the PDU, complete
 */
void check_request(struct conn *c, const struct pdu *p)
{
	u32 itt = pdu32(p, BHS_ITT);

	if (pdu_op(p) == OP_DATA_OUT || pdu_op(p) == OP_SNACK)
		return;
	c->sess->tags[itt % NR_TAGS] = (struct tag) {
		.conn = c,
		.itt = itt,
		.cmd_sn = pdu32(p, BHS_CMD_SN),
		.immediate = p->bhs[0] & OP_IMMEDIATE,
		.valid = true,
	};
}

/**
 * check_pdu() - the rules for every received PDU; ends the test on a breach
 * @c: connection that received it
 * @p: the PDU; padding and digests are checked where they are read
 */
void check_pdu(struct conn *c, const struct pdu *p)
{
	const struct layout *l = check_layout(p);

	if (p->data_len > c->max_recv)
		die("A19: opcode %02x with %u bytes of data, %u declared",
		    l->op, p->data_len, c->max_recv);
	if (!c->ffp && !c->let_in && l->op != OP_LOGIN_RSP)
		die("B13: opcode %02x before full feature phase", l->op);
	check_stat_sn(c, l, p);
	check_window(c, p);
	check_acknowledged(c, l, p);
	switch (l->op) {
	case OP_DATA_IN:
		check_data_in(c, p);
		break;
	case OP_SCSI_RSP:
		check_scsi_response(c, p);
		break;
	case OP_TMF_RSP:
		check_tmf_response(p);
		break;
	case OP_ASYNC:
		check_async(p);
		break;
	case OP_R2T:
		check_r2t(p);
		break;
	case OP_REJECT:
		check_reject(p);
		break;
	case OP_TEXT_RSP:
		check_text(p);
		break;
	case OP_LOGIN_RSP:
		check_login(p);
		c->let_in = !p->bhs[BHS_LOGIN_STATUS] &&
			    (p->bhs[BHS_FLAGS] & STAGE(0, 3)) == STAGE(0, 3);
		break;
	}
	c->seen |= 1ULL << l->op;
}
