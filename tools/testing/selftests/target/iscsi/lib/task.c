// SPDX-License-Identifier: GPL-2.0
/*
 * Pings, task management, text, logout and SCSI commands to their end.
 */
#include "raw.h"

#define SAM_CHECK_CONDITION	0x02
#define SENSE_UNIT_ATTENTION	0x06

/**
 * ping_data() - immediate NOP-Out whose answer must be the next PDU
 * @c: the connection
 * @data: ping data
 * @len: length of @data
 */
void ping_data(struct conn *c, const void *data, u32 len)
{
	u32 back = len < c->max_recv ? len : c->max_recv;
	struct pdu p, *r;

	pdu_nop(c, &p, data, len);
	pdu_immediate(c, &p);
	conn_send(c, &p);
	r = recv_op(c, OP_NOP_IN);
	if (pdu32(r, BHS_ITT) != pdu32(&p, BHS_ITT))
		die("C29: NOP-In for ITT %08x", pdu32(r, BHS_ITT));
	if (pdu32(r, BHS_TTT) != NO_TAG)
		die("C29: answer to a ping with TTT %08x", pdu32(r, BHS_TTT));
	if (r->data_len != back || memcmp(r->data, data, back))
		die("C29: %u bytes sent, %u differing bytes came back", len,
		    r->data_len);
}

/**
 * ping() - ping_data() without data
 * @c: the connection
 *
 * PDUs are answered in order, so a pong that comes next also shows that
 * nothing sent before was answered.
 */
void ping(struct conn *c)
{
	ping_data(c, "", 0);
}

/**
 * resync_cmd_sn() - go on with the CmdSN that the target expects
 * @c: the connection
 */
void resync_cmd_sn(struct conn *c)
{
	ping(c);
	c->sess->cmd_sn = c->sess->exp_cmd_sn;
}

/**
 * tmf() - a task management function to its end
 * @c: the connection
 * @function: TMF_*
 * @lun: LUN as on the wire
 * @rtt: Referenced Task Tag
 * @ref_cmd_sn: RefCmdSN
 *
 * Return: the response code; the TMF Response must be the next PDU.
 */
u8 tmf(struct conn *c, u8 function, u64 lun, u32 rtt, u32 ref_cmd_sn)
{
	struct pdu p, *r;

	pdu_tmf(c, &p, function, lun, rtt, ref_cmd_sn);
	conn_send(c, &p);
	r = recv_op(c, OP_TMF_RSP);
	if (pdu32(r, BHS_ITT) != pdu32(&p, BHS_ITT))
		die("TMF Response for ITT %08x", pdu32(r, BHS_ITT));
	return r->bhs[BHS_RESPONSE];
}

/**
 * logout() - close the session
 * @c: its connection, closed by the target afterwards
 */
void logout(struct conn *c)
{
	struct pdu p, *r;

	pdu_logout(c, &p, 0, c->cid);
	conn_send(c, &p);
	r = recv_op(c, OP_LOGOUT_RSP);
	if (r->bhs[BHS_RESPONSE])
		die("C19: Logout Response %02x", r->bhs[BHS_RESPONSE]);
	expect_closed(c);
}

/**
 * logout_conn() - a Logout Request to its answer
 * @c: connection to send it on; other tasks of it may be answered before
 * @reason: 0 session, 1 connection, 2 recovery
 * @cid: connection that it is about
 *
 * Return: the response code.
 */
u8 logout_conn(struct conn *c, u8 reason, u16 cid)
{
	struct pdu p, *r;

	pdu_logout(c, &p, reason, cid);
	conn_send(c, &p);
	r = recv_op(c, OP_LOGOUT_RSP);
	if (pdu32(r, BHS_ITT) != pdu32(&p, BHS_ITT))
		die("Logout Response for ITT %08x", pdu32(r, BHS_ITT));
	return r->bhs[BHS_RESPONSE];
}

/**
 * send_targets() - a SendTargets exchange to its end
 * @c: the connection
 * @value: of the key
 * @len: length of the answer
 * @nr_pdus: Text Responses it took, or NULL
 *
 * Return: the whole answer, to be freed.
 */
char *send_targets(struct conn *c, const char *value, u32 *len, u32 *nr_pdus)
{
	struct text ask = {}, all = {};
	u32 itt, n = 0;
	struct pdu p, *r;

	text_add(&ask, "SendTargets=%s", value);
	pdu_text(c, &p, F_FINAL, &ask);
	itt = pdu32(&p, BHS_ITT);
	for (;;) {
		conn_send(c, &p);
		r = recv_op(c, OP_TEXT_RSP);
		if (pdu32(r, BHS_ITT) != itt)
			die("Text Response for ITT %08x", pdu32(r, BHS_ITT));
		text_add_raw(&all, r->data, r->data_len);
		n++;
		if (r->bhs[BHS_FLAGS] & F_FINAL)
			break;
		/* Every answer brings the exchange further, so it ends. */
		if (!r->data_len)
			die("C42: empty Text Response without F bit");
		pdu_init(c, &p, OP_TEXT);
		pdu_set32(&p, BHS_ITT, itt);
		memcpy(p.bhs + BHS_LUN, r->bhs + BHS_LUN, 8);
		pdu_set32(&p, BHS_TTT, pdu32(r, BHS_TTT));
	}
	if (nr_pdus)
		*nr_pdus = n;
	*len = all.len;
	free(ask.buf);
	return (char *)all.buf;
}

/**
 * scsi_pdu() - the SCSI Command PDU of a command, without data
 * @c: the connection
 * @io: the command; gets its task tag
 * @p: the PDU
 */
void scsi_pdu(struct conn *c, struct scsi *io, struct pdu *p)
{
	pdu_init(c, p, OP_SCSI);
	if (io->immediate)
		pdu_immediate(c, p);
	p->bhs[BHS_FLAGS] = F_FINAL | io->flags;
	put_be64(p->bhs + BHS_LUN, io->lun);
	pdu_set32(p, BHS_EDTL, io->edtl);
	memcpy(p->bhs + BHS_CDB, io->cdb, sizeof(io->cdb));
	io->itt = pdu32(p, BHS_ITT);
	io->cmd_sn = pdu32(p, BHS_CMD_SN);
	io->sent = 0;
	io->in_len = 0;
	io->nr_data_in = 0;
	io->nr_final = 0;
	io->nr_r2t = 0;
	io->burst = 0;
	io->sense_len = 0;
	io->collapsed = false;
}

/**
 * scsi_send() - send a command and the unsolicited data that is agreed on
 * @c: the connection
 * @io: the command
 */
void scsi_send(struct conn *c, struct scsi *io)
{
	struct sess *s = c->sess;
	bool write = io->flags & F_WRITE;
	u32 first = min_u32(s->first_burst, io->edtl), now = 0;
	struct pdu p;

	scsi_pdu(c, io, &p);
	if (write && s->immediate_data && !io->held) {
		now = min_u32(first, c->max_send);
		pdu_data(&p, io->out, now);
	}
	if (!write || s->initial_r2t || io->held)
		first = now;
	if (now < first)
		p.bhs[BHS_FLAGS] &= ~F_FINAL;
	conn_send(c, &p);
	if (now < first)
		scsi_data_out(c, io, NO_TAG, now, first - now);
	io->sent = first;
}

/**
 * scsi_data_out() - send one sequence of Data-Out
 * @c: the connection
 * @io: the command
 * @ttt: Target Transfer Tag, NO_TAG for unsolicited data
 * @offset: where in the command's buffer
 * @len: bytes
 */
void scsi_data_out(struct conn *c, struct scsi *io, u32 ttt, u32 offset,
		   u32 len)
{
	u32 data_sn = 0, n;
	struct pdu p;

	do {
		n = min_u32(len, c->max_send);
		pdu_data_out(c, &p, io, ttt, data_sn++, offset, n);
		if (n < len)
			p.bhs[BHS_FLAGS] = 0;
		conn_send(c, &p);
		offset += n;
		len -= n;
	} while (len);
}

static void take_data_in(struct conn *c, struct scsi *io, const struct pdu *p)
{
	u32 offset = pdu32(p, BHS_OFFSET);

	if (pdu32(p, BHS_DATA_SN) != io->nr_data_in)
		die("D17: DataSN %u, expected %u", pdu32(p, BHS_DATA_SN),
		    io->nr_data_in);
	if (offset != io->in_len)
		die("D17: Data-In at %u, expected %u", offset, io->in_len);
	if (p->data_len > io->edtl - offset)
		die("D17: Data-In up to %u, EDTL is %u",
		    offset + p->data_len, io->edtl);
	if (!p->data_len && !(p->bhs[BHS_FLAGS] & F_FINAL))
		die("D17: empty Data-In without F bit");
	if (io->in && p->data_len)
		memcpy(io->in + offset, p->data, p->data_len);
	io->nr_data_in++;
	io->in_len += p->data_len;
	io->burst += p->data_len;
	if (io->burst > c->sess->max_burst)
		die("D17: %u bytes without F, MaxBurstLength is %u",
		    io->burst, c->sess->max_burst);
	if (p->bhs[BHS_FLAGS] & F_FINAL) {
		io->nr_final++;
		io->burst = 0;
	}
}

static void check_r2t_of(struct conn *c, const struct scsi *io,
			 const struct pdu *p)
{
	u32 offset = pdu32(p, BHS_OFFSET), len = pdu32(p, BHS_DDTL);
	u8 lun[8];

	put_be64(lun, io->lun);
	if (memcmp(p->bhs + BHS_LUN, lun, 8))
		die("D08: R2T for another LUN");
	if (pdu32(p, BHS_R2T_SN) != io->nr_r2t)
		die("D08: R2TSN %u, expected %u", pdu32(p, BHS_R2T_SN),
		    io->nr_r2t);
	if (offset != io->sent)
		die("D11: R2T at %u, expected %u", offset, io->sent);
	if (len > c->sess->max_burst || len > io->edtl - offset)
		die("D08: R2T for %u bytes at %u, MaxBurstLength %u, EDTL %u",
		    len, offset, c->sess->max_burst, io->edtl);
}

/**
 * scsi_sense() - take the sense data of a SCSI Response, if it has any
 * @io: the command
 * @p: the PDU
 */
void scsi_sense(struct scsi *io, const struct pdu *p)
{
	const u8 *s;

	if (p->data_len < 2)
		return;
	s = (const u8 *)p->data + 2;
	io->sense_len = get_be16(p->data);
	if (io->sense_len < 8 || io->sense_len < 8U + s[7])
		die("D25: %u bytes of sense data", io->sense_len);
	if ((s[0] & 0x7e) == 0x70 && io->sense_len >= 14) {
		io->key = s[2] & 0xf;
		io->asc = s[12];
		io->ascq = s[13];
	} else if ((s[0] & 0x7e) == 0x72) {
		io->key = s[1] & 0xf;
		io->asc = s[2];
		io->ascq = s[3];
	} else {
		die("D25: %u bytes of sense data, the first is %02x",
		    io->sense_len, s[0]);
	}
}

static void take_response(struct scsi *io, const struct pdu *p)
{
	u32 want = p->bhs[BHS_RESPONSE] ? 0 : io->nr_data_in;

	if (pdu32(p, BHS_EXP_DATA_SN) != want)
		die("D27: ExpDataSN %u after %u Data-In",
		    pdu32(p, BHS_EXP_DATA_SN), want);
	if (io->burst)
		die("D17: the last Data-In had no F bit");
	io->response = p->bhs[BHS_RESPONSE];
	io->status = p->bhs[BHS_STATUS];
	io->resid_flags = p->bhs[BHS_FLAGS] & 0x1e;
	io->residual = pdu32(p, BHS_RESIDUAL);
	scsi_sense(io, p);
}

/**
 * scsi_input() - take a PDU that belongs to a command; answers R2Ts
 * @c: the connection
 * @io: the command
 * @p: the PDU
 *
 * Return: true if the command is over.
 */
bool scsi_input(struct conn *c, struct scsi *io, const struct pdu *p)
{
	u32 ttt, offset, len;

	if (pdu32(p, BHS_ITT) != io->itt)
		die("opcode %02x for ITT %08x, expected %08x", pdu_op(p),
		    pdu32(p, BHS_ITT), io->itt);
	switch (pdu_op(p)) {
	case OP_DATA_IN:
		take_data_in(c, io, p);
		if (!(p->bhs[BHS_FLAGS] & F_STATUS))
			return false;
		io->collapsed = true;
		io->response = 0;
		io->status = p->bhs[BHS_STATUS];
		io->resid_flags = p->bhs[BHS_FLAGS] &
				  (F_OVERFLOW | F_UNDERFLOW);
		io->residual = pdu32(p, BHS_RESIDUAL);
		return true;
	case OP_R2T:
		check_r2t_of(c, io, p);
		ttt = pdu32(p, BHS_TTT);
		offset = pdu32(p, BHS_OFFSET);
		len = pdu32(p, BHS_DDTL);
		io->nr_r2t++;
		io->sent = offset + len;
		scsi_data_out(c, io, ttt, offset, len);
		return false;
	case OP_SCSI_RSP:
		take_response(io, p);
		return true;
	default:
		die("opcode %02x for a SCSI command", pdu_op(p));
	}
}

/**
 * scsi_wait() - serve a command that was sent until its status is here
 * @c: the connection, with no other task
 * @io: the command
 */
void scsi_wait(struct conn *c, struct scsi *io)
{
	while (!scsi_input(c, io, recv_any(c)))
		;
}

/**
 * scsi_run() - a command from start to end
 * @c: the connection, with no other task
 * @io: the command
 */
void scsi_run(struct conn *c, struct scsi *io)
{
	scsi_send(c, io);
	scsi_wait(c, io);
}

/**
 * recv_r2t() - the next PDU, which must be a proper R2T; not answered
 * @c: the connection
 * @io: the command
 */
struct pdu *recv_r2t(struct conn *c, struct scsi *io)
{
	struct pdu *p = recv_op(c, OP_R2T);

	if (pdu32(p, BHS_ITT) != io->itt)
		die("R2T for ITT %08x, expected %08x", pdu32(p, BHS_ITT),
		    io->itt);
	check_r2t_of(c, io, p);
	io->nr_r2t++;
	io->sent = pdu32(p, BHS_OFFSET) + pdu32(p, BHS_DDTL);
	return p;
}

/**
 * scsi_rw() - make a READ(10) or WRITE(10)
 * @io: the command
 * @write: direction
 * @lun: LUN as on the wire
 * @lba: first block
 * @bytes: length, of the CDB and EDTL
 * @buf: the data
 */
void scsi_rw(struct scsi *io, bool write, u64 lun, u32 lba, u32 bytes,
	     void *buf)
{
	*io = (struct scsi) {
		.lun = lun,
		.edtl = bytes,
		.flags = (write ? F_WRITE : F_READ) | ATTR_SIMPLE,
		.out = write ? buf : NULL,
		.in = write ? NULL : buf,
	};
	io->cdb[0] = write ? 0x2a : 0x28;
	put_be32(io->cdb + 2, lba);
	put_be16(io->cdb + 7, bytes / BLOCK);
}

/**
 * scsi_cdb6() - make a command with a 6-byte CDB that reads or has no data
 * @io: the command
 * @lun: LUN as on the wire
 * @op: operation code
 * @edtl: bytes, also the allocation length
 * @in: room for them
 */
void scsi_cdb6(struct scsi *io, u64 lun, u8 op, u32 edtl, void *in)
{
	*io = (struct scsi) {
		.lun = lun,
		.edtl = edtl,
		.flags = (edtl ? F_READ : 0) | ATTR_SIMPLE,
		.in = in,
	};
	io->cdb[0] = op;
	put_be16(io->cdb + 3, edtl);
}

static void must_be_good(const struct scsi *io, const char *what)
{
	if (io->response || io->status || io->resid_flags)
		die("%s: response %02x status %02x sense %x/%02x/%02x residual %02x %u",
		    what, io->response, io->status, io->key, io->asc,
		    io->ascq, io->resid_flags, io->residual);
}

/**
 * scsi_write() - WRITE(10) that must end GOOD
 * @c: the connection, with no other task
 * @lun: LUN as on the wire
 * @lba: first block
 * @buf: the data
 * @len: bytes
 */
void scsi_write(struct conn *c, u64 lun, u32 lba, const void *buf, u32 len)
{
	struct scsi io;

	scsi_rw(&io, true, lun, lba, len, (void *)buf);
	scsi_run(c, &io);
	must_be_good(&io, "WRITE");
}

/**
 * scsi_read() - READ(10) that must end GOOD with all its data
 * @c: the connection, with no other task
 * @lun: LUN as on the wire
 * @lba: first block
 * @buf: room for the data
 * @len: bytes
 */
void scsi_read(struct conn *c, u64 lun, u32 lba, void *buf, u32 len)
{
	struct scsi io;

	scsi_rw(&io, false, lun, lba, len, buf);
	scsi_run(c, &io);
	must_be_good(&io, "READ");
	if (io.in_len != len)
		die("READ: %u bytes of %u", io.in_len, len);
}

/**
 * clear_unit_attentions() - TEST UNIT READY until it reports none
 * @c: the connection, with no other task
 * @lun: LUN as on the wire
 */
void clear_unit_attentions(struct conn *c, u64 lun)
{
	struct scsi io;
	u32 i;

	for (i = 0; i < 8; i++) {
		scsi_cdb6(&io, lun, 0x00, 0, NULL);
		scsi_run(c, &io);
		if (io.status != SAM_CHECK_CONDITION ||
		    io.key != SENSE_UNIT_ATTENTION)
			return;
	}
	die("unit attention %02x/%02x does not go away", io.asc, io.ascq);
}

/**
 * recv_async() - receive an Asynchronous Message, which comes next
 * @c: the connection
 * @event: what it has to say
 *
 * Return: the PDU, until the next one is received.
 */
struct pdu *recv_async(struct conn *c, u8 event)
{
	struct pdu *p = recv_op(c, OP_ASYNC);

	if (p->bhs[BHS_ASYNC_EVENT] != event)
		die("event %u, expected %u", p->bhs[BHS_ASYNC_EVENT], event);
	return p;
}

/**
 * stall_write() - send a write, and keep its data when it is asked for
 * @c: the connection
 * @io: the write
 * @lun: LUN as on the wire
 * @lba: first block
 * @buf: what to write
 * @len: bytes, one R2T's
 *
 * Return: the transfer tag, for finish_write().
 */
u32 stall_write(struct conn *c, struct scsi *io, u64 lun, u32 lba, u8 *buf,
		u32 len)
{
	scsi_rw(io, true, lun, lba, len, buf);
	io->held = true;
	scsi_send(c, io);
	return pdu32(recv_r2t(c, io), BHS_TTT);
}

/**
 * finish_write() - send the data of a stalled write, which must end well
 * @c: the connection, on which nothing else is answered before
 * @io: the write
 * @ttt: from stall_write()
 */
void finish_write(struct conn *c, struct scsi *io, u32 ttt)
{
	scsi_data_out(c, io, ttt, 0, io->edtl);
	scsi_wait(c, io);
	if (io->status || io->response)
		die("status %02x, response %02x", io->status, io->response);
}
