// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the full feature phase as an initiator could mean them.
 */
#include "fuzz.h"

#define LUN_OWN		0	/* the fuzzer's */
#define LUN_CANARY	1	/* write protected for the fuzzer */
#define LUN_RESERVED	2	/* the fuzzer's, with persistent reservations */
#define OWN_BLOCKS	8192
#define CANARY_BLOCKS	128

#define AHS_CDB		1
#define AHS_READ_LEN	2
#define CDB_VARIABLE	0x7f

/* A new request; the numbers are those of the session. */
static void begin(struct fuzz *f, struct link *l, struct pdu *p,
		  enum opcode op, bool immediate)
{
	struct sess *s = l->c->sess;

	s->cmd_sn = f->cmd_sn;
	s->itt = f->itt;
	pdu_init(l->c, p, op);
	if (immediate)
		pdu_immediate(l->c, p);
	f->cmd_sn = s->cmd_sn;
	f->itt = s->itt;
	f->old_tags[f->nr_old_tags++ % NR_OLD_TAGS] = pdu32(p, BHS_ITT);
}

static u64 some_lun(struct rnd *r)
{
	switch (rnd_below(r, 16)) {
	case 0:
		return (u64)rnd32(r) << 32 | rnd32(r);
	case 1:
		return lun_peripheral(rnd_below(r, 256));
	case 2: case 3: case 4:
		return lun_peripheral(LUN_CANARY);
	case 5: case 6:
		return lun_peripheral(LUN_RESERVED);
	default:
		return lun_peripheral(LUN_OWN);
	}
}

static u32 old_tag(struct fuzz *f)
{
	return f->old_tags[rnd_below(&f->r, NR_OLD_TAGS)];
}

/* Bytes of which most are 0, as parameter lists have them. */
static void sparse_data(struct fuzz *f, u32 len)
{
	u32 i;

	memset(f->data, 0, len);
	for (i = 0; i < len; i++)
		if (one_in(&f->r, 4))
			f->data[i] = rnd32(&f->r);
}

/* Data-Out that the target has not asked for will be owed, too. */
static void owe(struct link *l, const struct owed *o)
{
	memmove(l->owed + 1, l->owed, (NR_R2TS - 1) * sizeof(*o));
	l->owed[0] = *o;
	if (l->nr_owed < NR_R2TS)
		l->nr_owed++;
}

static void owe_unsolicited(struct link *l, struct pdu *p, u32 first)
{
	u32 len = min_u32(first, pdu32(p, BHS_EDTL));

	if (p->data_len >= len)
		return;
	p->bhs[BHS_FLAGS] &= ~F_FINAL;
	owe(l, &(struct owed) {
		.itt = pdu32(p, BHS_ITT), .ttt = NO_TAG,
		.offset = p->data_len, .len = len - p->data_len });
}

/* Some of a write's data comes with it, more after it, or it is asked for. */
static void give_data(struct fuzz *f, struct link *l, struct pdu *p)
{
	struct sess *s = l->c->sess;
	u32 max = min_u32(pdu32(p, BHS_EDTL), s->first_burst), now = 0;

	if (s->immediate_data && !one_in(&f->r, 3)) {
		now = min_u32(max, l->c->max_send);
		if (one_in(&f->r, 4))
			now = rnd_below(&f->r, now + 1) & ~3U;
		fill_pattern(f->data, min_u32(now, 64), rnd32(&f->r));
		pdu_data(p, f->data, now);
	}
	if (!s->initial_r2t && one_in(&f->r, 2))
		owe_unsolicited(l, p, max);
}

static void make_rw(struct fuzz *f, struct link *l, struct pdu *p)
{
	bool write = one_in(&f->r, 2);
	u64 lun = some_lun(&f->r);
	u32 blocks = 1 + rnd_below(&f->r, one_in(&f->r, 16) ? 128 : 6);
	u32 lba = rnd_below(&f->r, lun == lun_peripheral(LUN_CANARY) ?
			    CANARY_BLOCKS : OWN_BLOCKS);
	struct scsi io;

	begin(f, l, p, OP_SCSI, one_in(&f->r, 24));
	scsi_rw(&io, write, lun, lba, blocks * BLOCK, f->data);
	p->bhs[BHS_FLAGS] = F_FINAL | io.flags;
	put_be64(p->bhs + BHS_LUN, lun);
	pdu_set32(p, BHS_EDTL, io.edtl);
	memcpy(p->bhs + BHS_CDB, io.cdb, sizeof(io.cdb));
	if (one_in(&f->r, 8))
		p->bhs[BHS_FLAGS] = F_FINAL | (write ? F_WRITE : F_READ) |
				    rnd_below(&f->r, 5);
	if (write)
		give_data(f, l, p);
}

/* What the core emulates, with the length of its data. */
static const struct {
	u8 cdb[16];
	u8 flags;
	u16 len;
} others[] = {
	{ { 0x00 }, 0, 0 },				/* TEST UNIT READY */
	{ { 0x03, [4] = 96 }, F_READ, 96 },		/* REQUEST SENSE */
	{ { 0x12, [4] = 255 }, F_READ, 255 },		/* INQUIRY */
	{ { 0x12, 1, 0x00, [4] = 255 }, F_READ, 255 },
	{ { 0x12, 1, 0x80, [4] = 255 }, F_READ, 255 },
	{ { 0x12, 1, 0x83, [4] = 255 }, F_READ, 255 },
	{ { 0x12, 1, 0xb0, [4] = 64 }, F_READ, 64 },
	{ { 0x12, 1, 0xb2, [4] = 64 }, F_READ, 64 },
	{ { 0x1a, 0, 0x3f, [4] = 192 }, F_READ, 192 },	/* MODE SENSE(6) */
	{ { 0x5a, 0, 0x3f, [8] = 192 }, F_READ, 192 },	/* MODE SENSE(10) */
	{ { 0x15, 0x10, [4] = 24 }, F_WRITE, 24 },	/* MODE SELECT(6) */
	{ { 0x55, 0x10, [8] = 24 }, F_WRITE, 24 },	/* MODE SELECT(10) */
	{ { 0x25 }, F_READ, 8 },			/* READ CAPACITY */
	{ { 0x9e, 0x10, [13] = 32 }, F_READ, 32 },
	{ { 0xa0, [9] = 64 }, F_READ, 64 },		/* REPORT LUNS */
	{ { 0xa3, 0x0a, [9] = 128 }, F_READ, 128 },	/* RTPG */
	{ { 0xa3, 0x2a, [9] = 128 }, F_READ, 128 },
	{ { 0xa3, 0x0c, [9] = 128 }, F_READ, 128 },	/* opcodes */
	{ { 0xa3, 0x0d, [9] = 4 }, F_READ, 4 },		/* TMFs */
	{ { 0xa4, 0x0a, [9] = 8 }, F_WRITE, 8 },	/* STPG */
	{ { 0x35 }, 0, 0 }, { { 0x91 }, 0, 0 },		/* SYNCHRONIZE CACHE */
	{ { 0x1b, [4] = 1 }, 0, 0 },			/* START STOP UNIT */
	{ { 0x2f, [8] = 8 }, 0, 0 },			/* VERIFY */
	{ { 0x2f, 2, [8] = 1 }, F_WRITE, 512 },
	{ { 0x2e, [8] = 1 }, F_WRITE, 512 },		/* WRITE AND VERIFY */
	{ { 0x0a, [4] = 1 }, F_WRITE, 512 },		/* WRITE(6) */
	{ { 0x08, [4] = 1 }, F_READ, 512 },		/* READ(6) */
	{ { 0x8a, [13] = 2 }, F_WRITE, 1024 },		/* WRITE(16) */
	{ { 0x88, [13] = 2 }, F_READ, 1024 },		/* READ(16) */
	{ { 0x41, [8] = 1 }, F_WRITE, 512 },		/* WRITE SAME */
	{ { 0x93, [13] = 1 }, F_WRITE, 512 },
	{ { 0x42, [8] = 24 }, F_WRITE, 24 },		/* UNMAP */
	{ { 0x89, [13] = 1 }, F_WRITE, 1024 },		/* COMPARE AND WRITE */
	{ { 0x83, [13] = 96 }, F_WRITE, 96 },		/* EXTENDED COPY */
	{ { 0x84, 0x03, [13] = 64 }, F_READ, 64 },	/* its results */
	{ { 0x5e, 0x00, [8] = 255 }, F_READ, 255 },	/* PERSISTENT RESERVE */
	{ { 0x5e, 0x01, [8] = 255 }, F_READ, 255 },	/* IN */
	{ { 0x5e, 0x02, [8] = 8 }, F_READ, 8 },
	{ { 0x5e, 0x03, [8] = 255 }, F_READ, 255 },
	{ { 0x5f, 0x00, [8] = 24 }, F_WRITE, 24 },	/* and OUT */
	{ { 0x5f, 0x01, 0x05, [8] = 24 }, F_WRITE, 24 },
	{ { 0x5f, 0x02, 0x05, [8] = 24 }, F_WRITE, 24 },
	{ { 0x5f, 0x03, [8] = 24 }, F_WRITE, 24 },
	{ { 0x5f, 0x04, 0x05, [8] = 24 }, F_WRITE, 24 },
	{ { 0x5f, 0x06, [8] = 24 }, F_WRITE, 24 },
	{ { 0x16 }, 0, 0 }, { { 0x17 }, 0, 0 },		/* RESERVE, RELEASE */
	{ { CDB_VARIABLE, [7] = 0x18 }, F_READ, 512 },	/* nothing to it */
	{ { 0xff }, 0, 0 },
};

static void make_other(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 i = rnd_below(&f->r, ARRAY_SIZE(others)), len = others[i].len;
	u8 op = others[i].cdb[0];

	begin(f, l, p, OP_SCSI, one_in(&f->r, 24));
	p->bhs[BHS_FLAGS] = F_FINAL | others[i].flags | ATTR_SIMPLE;
	/* Who reserves what all use leaves nothing to the rest of the run. */
	put_be64(p->bhs + BHS_LUN, op == 0x5e || op == 0x5f ?
		 lun_peripheral(LUN_RESERVED) : some_lun(&f->r));
	pdu_set32(p, BHS_EDTL, len);
	memcpy(p->bhs + BHS_CDB, others[i].cdb, 16);
	if (!(others[i].flags & F_WRITE))
		return;
	give_data(f, l, p);
	sparse_data(f, p->data_len);
	/* Few reservation keys, so that they meet again. */
	if (op == 0x5f && p->data_len >= 16 && !one_in(&f->r, 8)) {
		memset(f->data, 0, p->data_len);
		f->data[7] = rnd_below(&f->r, 3);
		f->data[15] = rnd_below(&f->r, 3);
	}
}

/* CDBs of 32 bytes, and commands in both directions. */
static void make_ahs(struct fuzz *f, struct link *l, struct pdu *p)
{
	bool write = one_in(&f->r, 2), bidi = one_in(&f->r, 3);
	u8 rest[17] = { [12] = 0, [16] = 1 }, len[5] = { [3] = 2 };

	begin(f, l, p, OP_SCSI, false);
	put_be64(p->bhs + BHS_LUN, some_lun(&f->r));
	pdu_set32(p, BHS_EDTL, BLOCK);
	p->bhs[BHS_FLAGS] = F_FINAL | (write ? F_WRITE : F_READ);
	if (bidi) {
		p->bhs[BHS_FLAGS] |= F_WRITE | F_READ;
		pdu_add_ahs(p, AHS_READ_LEN, 5, len, sizeof(len));
	}
	p->bhs[BHS_CDB] = bidi && one_in(&f->r, 2) ? 0x53 : CDB_VARIABLE;
	p->bhs[BHS_CDB + 7] = 0x18;
	p->bhs[BHS_CDB + 9] = write ? 0x0b : 0x09;
	if (p->bhs[BHS_CDB] == CDB_VARIABLE)
		pdu_add_ahs(p, AHS_CDB, 17, rest, sizeof(rest));
	if (write)
		give_data(f, l, p);
}

static void forget_owed(struct link *l, u32 i)
{
	l->nr_owed--;
	memmove(l->owed + i, l->owed + i + 1,
		(l->nr_owed - i) * sizeof(l->owed[0]));
}

/* The next piece of what was asked for. */
static void make_data_out(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 i = l->nr_owed ? rnd_below(&f->r, l->nr_owed) : 0, n;
	struct owed none = { .itt = old_tag(f), .ttt = rnd32(&f->r),
			     .len = BLOCK };
	struct owed *o = l->nr_owed ? &l->owed[i] : &none;

	pdu_init(l->c, p, OP_DATA_OUT);
	n = min_u32(o->len, l->c->max_send);
	if (one_in(&f->r, 4))
		n = rnd_below(&f->r, n + 1) & ~3U;
	put_be64(p->bhs + BHS_LUN, o->lun);
	pdu_set32(p, BHS_ITT, o->itt);
	pdu_set32(p, BHS_TTT, o->ttt);
	pdu_set32(p, BHS_DATA_SN, o->data_sn++);
	pdu_set32(p, BHS_OFFSET, o->offset);
	p->bhs[BHS_FLAGS] = n == o->len ? F_FINAL : 0;
	pdu_data(p, f->data, n);
	o->offset += n;
	o->len -= n;
	/* Some are kept, and answered once more. */
	if (l->nr_owed && !o->len && !one_in(&f->r, 8))
		forget_owed(l, i);
}

static void make_tmf(struct fuzz *f, struct link *l, struct pdu *p)
{
	static const u8 functions[] = {
		TMF_ABORT_TASK, TMF_ABORT_TASK, TMF_ABORT_TASK,
		TMF_ABORT_TASK_SET, TMF_CLEAR_ACA, TMF_CLEAR_TASK_SET,
		TMF_LUN_RESET, TMF_LUN_RESET, TMF_WARM_RESET, TMF_REASSIGN,
		9, 10, 11, 12, 13,
	};
	u8 fn = functions[rnd_below(&f->r, ARRAY_SIZE(functions))];
	bool names_task = fn == TMF_ABORT_TASK || fn == TMF_REASSIGN || fn == 9;

	/* This one ends every session; others would be tried by nobody. */
	if (one_in(&f->r, 64))
		fn = TMF_COLD_RESET;
	begin(f, l, p, OP_TMF, !one_in(&f->r, 4));
	p->bhs[BHS_FLAGS] = F_FINAL | fn;
	put_be64(p->bhs + BHS_LUN, some_lun(&f->r));
	pdu_set32(p, BHS_RTT, names_task ? old_tag(f) : NO_TAG);
	pdu_set32(p, BHS_REF_CMD_SN,
		  f->cmd_sn - rnd_below(&f->r, NR_OLD_TAGS));
}

static const char *const texts[] = {
	"SendTargets=All", "SendTargets=", "MaxRecvDataSegmentLength=8192",
	"MaxRecvDataSegmentLength=512 InitiatorAlias=x", "X-a=b X-c=d",
	"MaxBurstLength=8192", "InitiatorName=iqn.2003-01.org.example:x",
	"HeaderDigest=CRC32C,None", "SendTargets=iqn.2003-01.org.example:x",
};

/* A text exchange. */
static void make_text(struct fuzz *f, struct link *l, struct pdu *p)
{
	bool go_on = l->text_ttt && one_in(&f->r, 2);
	struct text t = {};

	text_add_keys(&t, texts[rnd_below(&f->r, ARRAY_SIZE(texts))]);
	begin(f, l, p, OP_TEXT, one_in(&f->r, 6));
	pdu_set32(p, BHS_TTT, NO_TAG);
	if (go_on) {
		pdu_set32(p, BHS_ITT, l->text_itt);
		pdu_set32(p, BHS_TTT, l->text_ttt);
	}
	if (one_in(&f->r, 3))
		p->bhs[BHS_FLAGS] = one_in(&f->r, 2) ? F_CONTINUE : 0;
	memcpy(f->data, t.buf, t.len);
	if (!go_on || one_in(&f->r, 2))
		pdu_data(p, f->data, t.len);
	if (one_in(&f->r, 3)) {
		spoil_text(&f->r, f->data, &t.len, TEXT_MAX);
		pdu_data(p, f->data, t.len);
	}
	free(t.buf);
}

static void make_nop(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 len = rnd_below(&f->r, one_in(&f->r, 8) ? 8193 : 33);

	if (l->ping_ttt || one_in(&f->r, 16)) {
		begin(f, l, p, OP_NOP_OUT, true);
		pdu_set32(p, BHS_ITT, NO_TAG);
		pdu_set32(p, BHS_TTT, l->ping_ttt);
		l->ping_ttt = 0;
		return;
	}
	begin(f, l, p, OP_NOP_OUT, one_in(&f->r, 2));
	pdu_set32(p, BHS_TTT, NO_TAG);
	pdu_data(p, f->data, min_u32(len, l->c->max_send));
}

static void make_snack(struct fuzz *f, struct link *l, struct pdu *p)
{
	pdu_init(l->c, p, OP_SNACK);
	p->bhs[BHS_FLAGS] = F_FINAL | rnd_below(&f->r, 4);
	pdu_set32(p, BHS_ITT, one_in(&f->r, 2) ? NO_TAG : old_tag(f));
	pdu_set32(p, BHS_TTT, NO_TAG);
	pdu_set32(p, BHS_BEG_RUN, rnd_below(&f->r, 4));
	pdu_set32(p, BHS_RUN_LEN, rnd_below(&f->r, 4));
}

static void make_logout(struct fuzz *f, struct link *l, struct pdu *p)
{
	u8 reason = one_in(&f->r, 4) ? 0 : 1 + rnd_below(&f->r, 2);

	begin(f, l, p, OP_LOGOUT, one_in(&f->r, 2));
	p->bhs[BHS_FLAGS] = F_FINAL | reason;
	put_be16(p->bhs + BHS_CID, rnd_below(&f->r, NR_LINKS + 1));
}

static void make_login_again(struct fuzz *f, struct link *l, struct pdu *p)
{
	begin(f, l, p, OP_LOGIN, true);
	p->bhs[BHS_FLAGS] = STAGE(OPERATIONAL, FULL_FEATURE);
	memcpy(p->bhs + BHS_ISID, l->c->sess->isid, 6);
	put_be16(p->bhs + BHS_TSIH, f->tsih);
}

static void make_unknown(struct fuzz *f, struct link *l, struct pdu *p)
{
	begin(f, l, p, rnd_below(&f->r, 64), one_in(&f->r, 2));
}

static const struct {
	void (*make)(struct fuzz *f, struct link *l, struct pdu *p);
	u32 weight;
} makers[] = {
	{ make_rw, 40 }, { make_other, 18 }, { make_ahs, 4 },
	{ make_data_out, 6 }, { make_tmf, 10 }, { make_text, 10 },
	{ make_nop, 8 }, { make_snack, 3 }, { make_logout, 1 },
	{ make_login_again, 1 }, { make_unknown, 2 },
};

/**
 * make_request() - a request for a connection in full feature phase
 * @f: the run
 * @l: the connection
 * @p: the PDU
 */
void make_request(struct fuzz *f, struct link *l, struct pdu *p)
{
	u32 i, sum = 0, at;

	if (l->nr_owed && one_in(&f->r, 3)) {
		make_data_out(f, l, p);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(makers); i++)
		sum += makers[i].weight;
	at = rnd_below(&f->r, sum);
	for (i = 0; at >= makers[i].weight; i++)
		at -= makers[i].weight;
	makers[i].make(f, l, p);
}
