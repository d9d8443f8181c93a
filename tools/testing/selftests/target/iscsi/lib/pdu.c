// SPDX-License-Identifier: GPL-2.0
/*
 * PDUs as a well-behaved initiator builds them; tests spoil what they need.
 */
#include "raw.h"

/**
 * pdu_init() - a PDU with a new task tag and the current numbers
 * @c: connection it is for
 * @p: the PDU
 * @op: opcode; a non-immediate request takes the next CmdSN
 */
void pdu_init(struct conn *c, struct pdu *p, enum opcode op)
{
	memset(p, 0, sizeof(*p));
	p->bhs[0] = op;
	p->bhs[BHS_FLAGS] = F_FINAL;
	pdu_set32(p, BHS_EXP_STAT_SN, c->no_ack ? c->ack_sn : c->stat_sn);
	if (op == OP_DATA_OUT || op == OP_SNACK)
		return;
	pdu_set32(p, BHS_ITT, c->sess->itt++);
	pdu_set32(p, BHS_CMD_SN, c->sess->cmd_sn++);
}

/**
 * pdu_immediate() - make the request built last an immediate one
 * @c: connection it is for
 * @p: the request; gives its CmdSN back
 */
void pdu_immediate(struct conn *c, struct pdu *p)
{
	p->bhs[0] |= OP_IMMEDIATE;
	c->sess->cmd_sn = pdu32(p, BHS_CMD_SN);
}

/**
 * pdu_data() - give a PDU its data segment
 * @p: the PDU
 * @data: the bytes, not copied
 * @len: how many
 */
void pdu_data(struct pdu *p, const void *data, u32 len)
{
	p->data = data;
	p->data_len = len;
}

/**
 * pdu_nop() - NOP-Out that asks for an answer, not immediate
 * @c: connection it is for
 * @p: the PDU
 * @data: ping data
 * @len: length of @data
 */
void pdu_nop(struct conn *c, struct pdu *p, const void *data, u32 len)
{
	pdu_init(c, p, OP_NOP_OUT);
	pdu_set32(p, BHS_TTT, NO_TAG);
	pdu_data(p, data, len);
}

/**
 * pdu_tmf() - immediate Task Management Function Request
 * @c: connection it is for
 * @p: the PDU
 * @function: TMF_*
 * @lun: LUN as on the wire
 * @rtt: Referenced Task Tag
 * @ref_cmd_sn: RefCmdSN
 */
void pdu_tmf(struct conn *c, struct pdu *p, u8 function, u64 lun, u32 rtt,
	     u32 ref_cmd_sn)
{
	pdu_init(c, p, OP_TMF);
	pdu_immediate(c, p);
	p->bhs[BHS_FLAGS] = F_FINAL | function;
	put_be64(p->bhs + BHS_LUN, lun);
	pdu_set32(p, BHS_RTT, rtt);
	pdu_set32(p, BHS_REF_CMD_SN, ref_cmd_sn);
}

/**
 * pdu_text() - first Text Request of an exchange, not immediate
 * @c: connection it is for
 * @p: the PDU
 * @flags: F_FINAL, F_CONTINUE or 0
 * @t: its text
 */
void pdu_text(struct conn *c, struct pdu *p, u8 flags, const struct text *t)
{
	pdu_init(c, p, OP_TEXT);
	p->bhs[BHS_FLAGS] = flags;
	pdu_set32(p, BHS_TTT, NO_TAG);
	pdu_data(p, t->buf, t->len);
}

/**
 * pdu_logout() - immediate Logout Request
 * @c: connection it is for
 * @p: the PDU
 * @reason: 0 session, 1 connection, 2 recovery
 * @cid: connection it is about
 */
void pdu_logout(struct conn *c, struct pdu *p, u8 reason, u16 cid)
{
	pdu_init(c, p, OP_LOGOUT);
	pdu_immediate(c, p);
	p->bhs[BHS_FLAGS] = F_FINAL | reason;
	put_be16(p->bhs + BHS_CID, cid);
}

/**
 * pdu_data_out() - a Data-Out with the bytes of a command's buffer
 * @c: connection it is for
 * @p: the PDU
 * @io: the command
 * @ttt: Target Transfer Tag, NO_TAG for unsolicited data
 * @data_sn: DataSN
 * @offset: Buffer Offset
 * @len: bytes
 */
void pdu_data_out(struct conn *c, struct pdu *p, const struct scsi *io,
		  u32 ttt, u32 data_sn, u32 offset, u32 len)
{
	pdu_init(c, p, OP_DATA_OUT);
	put_be64(p->bhs + BHS_LUN, ttt == NO_TAG ? 0 : io->lun);
	pdu_set32(p, BHS_ITT, io->itt);
	pdu_set32(p, BHS_TTT, ttt);
	pdu_set32(p, BHS_DATA_SN, data_sn);
	pdu_set32(p, BHS_OFFSET, offset);
	pdu_data(p, io->out + offset, len);
}

/**
 * pdu_login() - Login Request
 * @c: connection it is for
 * @p: the PDU
 * @flags: STAGE() or STAY(), F_CONTINUE
 * @t: its text, NULL for none
 */
void pdu_login(struct conn *c, struct pdu *p, u8 flags, const struct text *t)
{
	pdu_init(c, p, OP_LOGIN);
	pdu_immediate(c, p);
	if (!c->login_itt)
		c->login_itt = pdu32(p, BHS_ITT);
	p->bhs[BHS_FLAGS] = flags;
	memcpy(p->bhs + BHS_ISID, c->sess->isid, 6);
	put_be16(p->bhs + BHS_TSIH, c->sess->tsih);
	pdu_set32(p, BHS_ITT, c->login_itt);
	put_be16(p->bhs + BHS_CID, c->cid);
	if (t)
		pdu_data(p, t->buf, t->len);
}

/**
 * pdu_snack() - SNACK Request
 * @c: connection it is for
 * @p: the PDU
 * @type: SNACK_*
 * @itt: task tag, NO_TAG for SNACK_STATUS and SNACK_DATA_ACK
 * @beg_run: first number
 * @run_len: how many, 0 for all from there on
 */
void pdu_snack(struct conn *c, struct pdu *p, u8 type, u32 itt, u32 beg_run,
	       u32 run_len)
{
	pdu_init(c, p, OP_SNACK);
	p->bhs[BHS_FLAGS] = F_FINAL | type;
	pdu_set32(p, BHS_ITT, itt);
	pdu_set32(p, BHS_TTT, NO_TAG);
	pdu_set32(p, BHS_BEG_RUN, beg_run);
	pdu_set32(p, BHS_RUN_LEN, run_len);
}

/**
 * pdu_add_ahs() - append an Additional Header Segment
 * @p: the PDU
 * @type: AHSType byte
 * @length: AHSLength as on the wire, whatever @len is
 * @specific: AHS-Specific bytes, the reserved one first
 * @len: how many there are
 *
 * Return: bytes of all AHSs, padded.
 */
u32 pdu_add_ahs(struct pdu *p, u8 type, u16 length, const void *specific,
		u32 len)
{
	u32 padded = (3 + len + 3) & ~3U;

	if (p->ahs_len + padded > AHS_MAX)
		die("AHS too long");
	put_be16(p->ahs + p->ahs_len, length);
	p->ahs[p->ahs_len + 2] = type;
	memcpy(p->ahs + p->ahs_len + 3, specific, len);
	p->ahs_len += padded;
	return p->ahs_len;
}
