// SPDX-License-Identifier: GPL-2.0
/*
 * What is done to good requests.
 */
#include "fuzz.h"

/* ---- text ---- */

static u32 pair_at(struct rnd *r, const u8 *text, u32 len, u32 *size)
{
	u32 from = len ? rnd_below(r, len) : 0, to;

	while (from && text[from - 1])
		from--;
	for (to = from; to < len && text[to]; to++)
		;
	*size = to - from + (to < len);
	return from;
}

static void insert(u8 *text, u32 *len, u32 max, u32 at, const void *what,
		   u32 n)
{
	if (*len + n > max)
		return;
	memmove(text + at + n, text + at, *len - at);
	memcpy(text + at, what, n);
	*len += n;
}

static void cut(u8 *text, u32 *len, u32 at, u32 n)
{
	memmove(text + at, text + at + n, *len - at - n);
	*len -= n;
}

static void repeat_pair(struct rnd *r, u8 *text, u32 *len, u32 max)
{
	u32 size, at = pair_at(r, text, *len, &size);
	u32 times = one_in(r, 8) ? max / (size + 1) : 1;
	u8 pair[1024];

	if (size > sizeof(pair))
		return;
	memcpy(pair, text + at, size);
	while (times--)
		insert(text, len, max, at, pair, size);
}

static void cut_pair(struct rnd *r, u8 *text, u32 *len, u32 max)
{
	u32 size, at = pair_at(r, text, *len, &size);

	(void)max;
	if (!size)
		return;
	/* All of it, or from somewhere in it. */
	if (one_in(r, 3))
		cut(text, len, at, size);
	else
		cut(text, len, at + rnd_below(r, size), 1);
}

/* A value that is a number, another word, much longer, or nothing. */
static void change_value(struct rnd *r, u8 *text, u32 *len, u32 max)
{
	static const char *const words[] = {
		"", "Yes", "No", "None", "Reject", "Irrelevant",
		"NotUnderstood", "CRC32C", "CRC32C,None", ",", ",,None", "0x",
		"0b", "0bAAAA", "0b=", "-1", "1~2", "010", "0x1ffffffff",
		"18446744073709551616", "99999999999999999999", "16777216",
		"%n%s", "CHAP,None", "CHAP", "5", "7,5", "\xff\xfe",
	};
	u32 size, at = pair_at(r, text, *len, &size), v = at, n;
	char buf[2200];

	while (v < at + size && text[v] != '=')
		v++;
	if (v >= at + size)
		return;
	cut(text, len, v + 1, at + size - v - 1 -
	    (text[at + size - 1] == 0));
	switch (rnd_below(r, 4)) {
	case 0:
		n = snprintf(buf, sizeof(buf), "%u", rnd_value(r, 8192));
		break;
	case 1:
		n = snprintf(buf, sizeof(buf), "0x%x", rnd32(r));
		break;
	case 2:
		n = 200 + rnd_below(r, 2000);
		memset(buf, "0a9fA=,%"[rnd_below(r, 8)], n);
		memcpy(buf, one_in(r, 2) ? "0x" : "0b", 2);
		break;
	default:
		n = snprintf(buf, sizeof(buf), "%s",
			     words[rnd_below(r, ARRAY_SIZE(words))]);
	}
	insert(text, len, max, v + 1, buf, n);
}

static void change_key(struct rnd *r, u8 *text, u32 *len, u32 max)
{
	u32 size, at = pair_at(r, text, *len, &size);
	char buf[80];
	u32 n = one_in(r, 4) ? 60 + rnd_below(r, 16) : 1;

	memset(buf, "aA-X=.#+\0 "[rnd_below(r, 10)], n);
	insert(text, len, max, at, buf, n);
}

static void flip_text(struct rnd *r, u8 *text, u32 *len, u32 max)
{
	(void)max;
	if (*len)
		text[rnd_below(r, *len)] ^= 1U << rnd_below(r, 8);
}

static void end_early(struct rnd *r, u8 *text, u32 *len, u32 max)
{
	(void)text;
	(void)max;
	*len = rnd_below(r, *len + 1);
}

static void add_noise(struct rnd *r, u8 *text, u32 *len, u32 max)
{
	u32 n = 1 + rnd_below(r, one_in(r, 4) ? 600 : 16);
	u8 noise[700];
	u32 i;

	for (i = 0; i < n; i++)
		noise[i] = one_in(r, 2) ? rnd32(r) :
			   (u8)"=\0,~0xaZ"[rnd_below(r, 8)];
	insert(text, len, max, one_in(r, 2) ? *len : rnd_below(r, *len + 1),
	       noise, n);
}

/**
 * spoil_text() - change key=value text
 * @r: random numbers
 * @text: the text
 * @len: its length
 * @max: most that it may become
 */
void spoil_text(struct rnd *r, u8 *text, u32 *len, u32 max)
{
	static void (*const how[])(struct rnd *r, u8 *text, u32 *len,
				   u32 max) = {
		repeat_pair, cut_pair, change_value, change_value,
		change_value, change_key, flip_text, end_early, add_noise,
	};
	u32 n = 1 + rnd_below(r, 2);

	while (n--)
		how[rnd_below(r, ARRAY_SIZE(how))](r, text, len, max);
}

/* ---- headers ---- */

/* Which fields; what ends a session as a rule is spoilt less often. */
static const struct {
	u8 at, len, weight;
} fields[] = {
	{ 0, 1, 2 }, { BHS_FLAGS, 1, 6 }, { BHS_RESPONSE, 1, 1 },
	{ BHS_STATUS, 1, 1 }, { BHS_LUN, 4, 3 }, { BHS_LUN + 4, 4, 2 },
	{ BHS_LUN, 1, 2 }, { BHS_TSIH, 2, 2 }, { BHS_ITT, 4, 6 },
	{ BHS_TTT, 4, 8 }, { BHS_CID, 2, 2 }, { BHS_CMD_SN, 4, 6 },
	{ BHS_EXP_STAT_SN, 4, 4 }, { BHS_CDB, 1, 3 }, { BHS_CDB + 1, 1, 3 },
	{ BHS_CDB + 2, 4, 4 }, { BHS_CDB + 6, 4, 4 }, { BHS_CDB + 7, 2, 4 },
	{ BHS_DATA_SN, 4, 4 }, { BHS_OFFSET, 4, 6 }, { BHS_RUN_LEN, 4, 3 },
};

static void put_field(u8 *p, u32 len, u32 v)
{
	if (len == 4)
		put_be32(p, v);
	else if (len == 2)
		put_be16(p, v);
	else
		*p = v;
}

static u32 get_field(const u8 *p, u32 len)
{
	return len == 4 ? get_be32(p) : len == 2 ? get_be16(p) : *p;
}

/* A tag that is, or was, somebody else's. */
static u32 other_tag(struct fuzz *f, struct link *l)
{
	if (l->nr_owed && one_in(&f->r, 2))
		return l->owed[rnd_below(&f->r, l->nr_owed)].ttt;
	return f->old_tags[rnd_below(&f->r, NR_OLD_TAGS)];
}

static void spoil_field(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 i, sum = 0, at, off, len;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		sum += fields[i].weight;
	at = rnd_below(&f->r, sum);
	for (i = 0; at >= fields[i].weight; i++)
		at -= fields[i].weight;
	off = fields[i].at;
	len = fields[i].len;
	if ((off == BHS_ITT || off == BHS_TTT) && one_in(&f->r, 2))
		put_field(p->bhs + off, len, other_tag(f, l));
	else if (len == 1)
		p->bhs[off] ^= 1U << rnd_below(&f->r, 8);
	else
		put_field(p->bhs + off, len,
			  rnd_value(&f->r, get_field(p->bhs + off, len)));
}

/* The data segment gets another length, and the header says so. */
static void spoil_length(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 len = rnd_value(&f->r, p->data_len);

	if (one_in(&f->r, 2))
		len = p->data_len + rnd_below(&f->r, 64);
	pdu_data(p, f->data, min_u32(len, l->c->max_send));
}

static void spoil_text_data(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 len = min_u32(p->data_len, TEXT_MAX);

	(void)l;
	if (len && p->data != f->data)
		memcpy(f->data, p->data, len);
	spoil_text(&f->r, f->data, &len, TEXT_MAX);
	pdu_data(p, f->data, len);
}

/* AHSs of which the lengths fit each other, or not. */
static void spoil_ahs(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 n = 1 + rnd_below(&f->r, 3), len;
	u8 bytes[256] = {};

	(void)l;
	if (p->ahs_len && one_in(&f->r, 2)) {
		p->ahs[rnd_below(&f->r, p->ahs_len)] ^=
			1U << rnd_below(&f->r, 8);
		return;
	}
	while (n--) {
		len = rnd_below(&f->r, one_in(&f->r, 8) ? 250 : 24);
		bytes[rnd_below(&f->r, sizeof(bytes))] = rnd32(&f->r);
		if (p->ahs_len + len + 8 <= AHS_MAX)
			pdu_add_ahs(p, rnd_below(&f->r, 4),
				    one_in(&f->r, 2) ? len :
				    rnd_value(&f->r, len), bytes, len);
	}
}

static void spoil_ddigest(struct fuzz *f, struct link *l, struct pdu *p)
{
	(void)f;
	(void)l;
	p->flaw |= FLAW_DDIGEST;
}

static void spoil_pad(struct fuzz *f, struct link *l, struct pdu *p)
{
	(void)l;
	p->pad = rnd32(&f->r);
}

/* What follows is not what the header says, so the target loses its way. */
static void spoil_framing(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 ahs = p->ahs_len / 4, dsl = p->data_len;

	switch (rnd_below(&f->r, 5)) {
	case 0:
		p->flaw |= FLAW_HDIGEST;
		break;
	case 1:
		p->flaw |= FLAW_NO_DIGESTS;
		break;
	case 2:
		p->flaw |= FLAW_NO_BODY;
		break;
	case 3:
		ahs = rnd_below(&f->r, 256);
		break;
	default:
		dsl = rnd_value(&f->r, dsl) & 0xffffff;
	}
	p->flaw |= FLAW_LENGTHS;
	pdu_set32(p, BHS_AHS_WORDS, dsl);
	p->bhs[BHS_AHS_WORDS] = ahs;
	l->lost = true;
}

/**
 * spoil_pdu() - do something to a request
 * @f: the run
 * @l: its connection; @l->lost is set if framing may not survive
 * @p: the request; its data may become @f->data
 */
void spoil_pdu(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 n = 1 + rnd_below(&f->r, 2);

	while (n--) {
		switch (rnd_below(&f->r, 64)) {
		case 0:
			spoil_framing(f, l, p);
			break;
		case 1:
			spoil_ahs(f, l, p);
			break;
		case 2: case 3: case 4:
			spoil_length(f, l, p);
			break;
		case 5: case 6:
			spoil_ddigest(f, l, p);
			break;
		case 7: case 8: case 9:
			spoil_pad(f, l, p);
			break;
		case 10: case 11: case 12:
			spoil_text_data(f, l, p);
			break;
		default:
			spoil_field(f, l, p);
		}
	}
}

/**
 * spoil_bytes() - change what is about to be sent, whatever it is
 * @r: random numbers
 * @l: the connection, corked; loses its way
 */
void spoil_bytes(struct rnd *r, struct link *l)
{
	struct text *q = &l->c->txq;
	u32 n = 1 + rnd_below(r, 4);

	l->lost = true;
	while (q->len && n--) {
		u32 at = rnd_below(r, q->len);

		switch (rnd_below(r, 4)) {
		case 0:
			q->buf[at] = rnd32(r);
			break;
		case 1:
			cut(q->buf, &q->len, at,
			    1 + rnd_below(r, q->len - at));
			break;
		case 2:
			q->len = at;
			break;
		default:
			q->buf[at] ^= 1U << rnd_below(r, 8);
		}
	}
}
