// SPDX-License-Identifier: GPL-2.0
/*
 * SCSI commands: from the request PDU into the target core and back.
 *
 * A command is parsed by the core when its header arrives, which tells how
 * much data it really moves; the buffer is ours and of that size, whatever
 * EDTL claims (row J08).  It is submitted when its CmdSN is due and all its
 * data is here, so that the core never waits for an initiator.
 */
#include <scsi/scsi_common.h>
#include <scsi/scsi_proto.h>
#include <target/target_core_backend.h>

#include "access/access.h"
#include "latency.h"

/**
 * tiscsi_lun_decode - the number of a LUN field
 * @lun: eight bytes from a PDU
 *
 * Peripheral and flat addressing of the first level, nothing below (rows D31,
 * J15).  Peripheral addressing with a bus is the number's high part: that is
 * how the core's REPORT LUNS, and after it Linux, writes what needs 14 bits.
 *
 * Return: the number, or TISCSI_LUN_NONE, which no mapping has.
 */
u64 tiscsi_lun_decode(const struct scsi_lun *lun)
{
	const u8 *b = lun->scsi_lun;

	if (get_unaligned_be32(b + 2) || get_unaligned_be16(b + 6))
		return TISCSI_LUN_NONE;
	if (b[0] >> 6 > 1)
		return TISCSI_LUN_NONE;
	return get_unaligned_be16(b) & 0x3fff;
}

/* ------------------------------------------------------------------ */
/* the request PDU                                                     */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_ahs_walk - take the additional header segments apart
 * @pos: the first one
 * @left: bytes of all of them, padding included
 * @ahs: all zeros; what they say, as pointers into them
 *
 * Row A11: every AHS fits what is left, none comes twice, nothing remains.
 *
 * Return: whether that is so. Any context.
 */
bool tiscsi_ahs_walk(const u8 *pos, u32 left, struct tiscsi_ahs *ahs)
{
	u32 len, all;

	while (left) {
		if (left < 4)
			return false;
		len = get_unaligned_be16(pos);
		all = ALIGN(3 + len, 4);
		if (!len || all > left)
			return false;
		switch (pos[2]) {
		case ISCSI_AHSTYPE_CDB:
			if (ahs->ecdb || len < 2)
				return false;
			ahs->ecdb = pos + 4;
			ahs->ecdb_len = len - 1;
			break;
		case ISCSI_AHSTYPE_RLENGTH:
			if (ahs->has_read_len || len != 5)
				return false;
			ahs->has_read_len = true;
			ahs->read_len = get_unaligned_be32(pos + 4);
			break;
		default:
			return false;
		}
		pos += all;
		left -= all;
	}
	return true;
}

/* Rows A09, A12: the CDB is as long as its opcode says, no byte is made up. */
static int tiscsi_scsi_take_cdb(struct tiscsi_cmd *cmd, const u8 *cdb,
				const struct tiscsi_ahs *ahs)
{
	u32 size = scsi_command_size(cdb);

	if (!ahs->ecdb)
		return size > ISCSI_CDB_SIZE ? REJECT_INVALID : 0;
	if (cdb[0] != VARIABLE_LENGTH_CMD ||
	    size != ISCSI_CDB_SIZE + ahs->ecdb_len)
		return REJECT_INVALID;
	cmd->ecdb = kmalloc(size, GFP_KERNEL);
	if (!cmd->ecdb)
		return -ENOMEM;
	memcpy(cmd->ecdb, cdb, ISCSI_CDB_SIZE);
	memcpy(cmd->ecdb + ISCSI_CDB_SIZE, ahs->ecdb, ahs->ecdb_len);
	return 0;
}

/* What the header alone tells to be wrong; a Reject reason or 0. */
static int tiscsi_scsi_check(struct tiscsi_conn *conn,
			     const struct iscsi_scsi_req *req)
{
	u32 edtl = be32_to_cpu(req->data_length);
	u32 len = conn->rx.data_len;

	if (!(req->flags & (ISCSI_FLAG_CMD_FINAL | ISCSI_FLAG_CMD_WRITE)))
		return REJECT_FORMAT;
	if (req->itt == RESERVED_ITT)
		return REJECT_INVALID;
	if ((req->flags & ISCSI_FLAG_CMD_ATTR_MASK) > ISCSI_ATTR_ACA)
		return REJECT_INVALID;
	if (edtl && !(req->flags & (ISCSI_FLAG_CMD_READ |
				    ISCSI_FLAG_CMD_WRITE)))
		return REJECT_INVALID;
	if (len && !(req->flags & ISCSI_FLAG_CMD_WRITE))
		return REJECT_INVALID;
	/* D06: immediate data ends where EDTL does, and then F is set. */
	if (len > edtl ||
	    (len && len == edtl && !(req->flags & ISCSI_FLAG_CMD_FINAL)))
		return REJECT_INVALID;
	return 0;
}

static bool tiscsi_is_bidi(const struct iscsi_scsi_req *req)
{
	u8 both = ISCSI_FLAG_CMD_READ | ISCSI_FLAG_CMD_WRITE;

	return (req->flags & both) == both;
}

/* Rows D03-D05: how much may come without being asked for, and does it. */
static void tiscsi_scsi_unsolicited(struct tiscsi_conn *conn,
				    struct tiscsi_cmd *cmd)
{
	struct tiscsi_keys *keys = &conn->sess->keys;
	u32 first = min(cmd->edtl, keys->v[KEY_FIRST_BURST]);
	u32 len = conn->rx.data_len;

	cmd->unsol_end = first;
	if (len && (!keys->v[KEY_IMMEDIATE_DATA] || len > first))
		tiscsi_scsi_fail(cmd, &tiscsi_sense_unexpected_data);
	if (cmd->hdr.flags & ISCSI_FLAG_CMD_FINAL)
		return;
	set_bit(CMD_UNSOLICITED, &cmd->flags);
	if (keys->v[KEY_INITIAL_R2T])
		tiscsi_scsi_fail(cmd, &tiscsi_sense_unexpected_data);
}

static int tiscsi_scsi_init(struct tiscsi_cmd *cmd,
			    const struct iscsi_scsi_req *req)
{
	struct tiscsi_conn *conn = cmd->conn;
	struct tiscsi_ahs ahs = { };

	cmd->edtl = be32_to_cpu(req->data_length);
	cmd->lun = tiscsi_lun_decode(&req->lun);
	if (!tiscsi_ahs_walk(conn->rx.hdr + ISCSI_HDR_LEN,
			     conn->rx.hdr_len - ISCSI_HDR_LEN, &ahs))
		return REJECT_INVALID;
	if (tiscsi_is_bidi(req) && !ahs.has_read_len)
		return REJECT_INVALID;
	if (tiscsi_is_bidi(req))
		cmd->bidi_edtl = ahs.read_len;
	return tiscsi_scsi_take_cdb(cmd, req->cdb, &ahs);
}

/**
 * tiscsi_scsi_begin - the header of a SCSI Command is here
 * @conn: the connection
 *
 * Checks it, takes a slot, has the core parse it and names the place for
 * immediate data.  io_work.
 *
 * Return: 0; a Reject reason; -EAGAIN when no slot is free; -ENOMEM.
 */
int tiscsi_scsi_begin(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	struct iscsi_scsi_req *req = (struct iscsi_scsi_req *)&rx->bhs;
	struct tiscsi_cmd *cmd;
	int ret;

	ret = tiscsi_scsi_check(conn, req);
	if (ret)
		return ret;
	ret = tiscsi_request_slot(conn, &cmd);
	if (ret || !cmd)
		return ret;
	ret = tiscsi_scsi_init(cmd, req);
	if (ret) {
		tiscsi_cmd_end(cmd);
		return ret;
	}

	tiscsi_cmd_get(cmd);
	rx->cmd = cmd;
	cmd->received = rx->data_len;
	tiscsi_latency_begin(cmd);
	atomic64_inc(&cmd->sess->cmd_pdus);
	if (rx->data_len)
		atomic64_add(rx->data_len, &cmd->sess->rx_octets);
	tiscsi_scsi_prep(cmd);
	if (req->flags & ISCSI_FLAG_CMD_WRITE) {
		tiscsi_scsi_unsolicited(conn, cmd);
		tiscsi_data_sink(conn, cmd, 0);
	}
	return 0;
}

/* ------------------------------------------------------------------ */
/* into the core                                                       */
/* ------------------------------------------------------------------ */

/* What the core is told; it knows nothing of ORDERED, see access/order.c. */
static const int tiscsi_task_attrs[] = {
	[ISCSI_ATTR_UNTAGGED]		= TCM_SIMPLE_TAG,
	[ISCSI_ATTR_SIMPLE]		= TCM_SIMPLE_TAG,
	[ISCSI_ATTR_ORDERED]		= TCM_SIMPLE_TAG,
	[ISCSI_ATTR_HEAD_OF_QUEUE]	= TCM_HEAD_TAG,
	[ISCSI_ATTR_ACA]		= TCM_ACA_TAG,
};

static bool tiscsi_is_plain_write(const struct se_cmd *se_cmd)
{
	switch (se_cmd->t_task_cdb[0]) {
	case WRITE_6:
	case WRITE_10:
	case WRITE_12:
	case WRITE_16:
	case WRITE_VERIFY:
	case WRITE_VERIFY_16:
		return true;
	default:
		return false;
	}
}

static bool tiscsi_is_plain_read(const struct se_cmd *se_cmd)
{
	switch (se_cmd->t_task_cdb[0]) {
	case READ_6:
	case READ_10:
	case READ_12:
	case READ_16:
		return true;
	default:
		return false;
	}
}

static bool tiscsi_scsi_direction_ok(const struct se_cmd *se_cmd)
{
	if (!(se_cmd->se_cmd_flags & SCF_SCSI_DATA_CDB))
		return true;
	return se_cmd->data_direction == DMA_NONE ||
	       tiscsi_is_plain_read(se_cmd) ==
	       (se_cmd->data_direction == DMA_FROM_DEVICE);
}

/* Nothing moved: all that was expected is residual (D23, D24). */
static void tiscsi_scsi_no_data(struct tiscsi_cmd *cmd)
{
	cmd->residual_flag = cmd->edtl ? ISCSI_FLAG_CMD_UNDERFLOW : 0;
	if (cmd->bidi_edtl)
		cmd->residual_flag |= ISCSI_FLAG_CMD_BIDI_UNDERFLOW;
	cmd->residual = cmd->edtl;
}

/*
 * Row D22: R and W are not what the operation code says, so nothing moves.  The
 * core goes by them: a READ with W would write, past reservations that let
 * reads through.  As a read of nothing it is good, as other targets have it.
 */
static void tiscsi_scsi_wrong_way(struct tiscsi_cmd *cmd)
{
	if (!tiscsi_is_plain_read(&cmd->se_cmd)) {
		tiscsi_scsi_fail(cmd, &tiscsi_sense_invalid_field);
		return;
	}
	tiscsi_scsi_no_data(cmd);
	tiscsi_scsi_fail_status(cmd, SAM_STAT_GOOD);
}

/*
 * Rows D22, K18: the smaller of EDTL and the CDB's length moves, in whole
 * blocks; the rest is the residual.  Commands whose data is a unit of its own
 * are refused when it does not all come, and COMPARE AND WRITE when more comes
 * too: which half is which depends on the length.
 */
static void tiscsi_scsi_trim_write(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;
	u32 len = se_cmd->data_length;

	cmd->data_len = min(len, cmd->edtl);
	if (cmd->edtl != len && se_cmd->se_cmd_flags & SCF_COMPARE_AND_WRITE) {
		tiscsi_scsi_fail(cmd, &tiscsi_sense_invalid_field);
	} else if (cmd->edtl > len) {
		cmd->residual_flag = ISCSI_FLAG_CMD_UNDERFLOW;
		cmd->residual = cmd->edtl - len;
	} else if (cmd->edtl < len) {
		cmd->residual_flag = ISCSI_FLAG_CMD_OVERFLOW;
		cmd->residual = len - cmd->edtl;
		if (!tiscsi_is_plain_write(se_cmd)) {
			tiscsi_scsi_fail(cmd, &tiscsi_sense_invalid_field);
			return;
		}
		cmd->data_len = rounddown(cmd->edtl,
					  se_cmd->se_dev->dev_attrib.block_size);
		se_cmd->data_length = cmd->data_len;
		if (!cmd->data_len)
			tiscsi_scsi_fail_status(cmd, SAM_STAT_GOOD);
	}
}

/* Whoever does the command takes data in pieces larger than a page. */
static bool tiscsi_scsi_is_bulk(const struct se_cmd *se_cmd)
{
	u32 flags = se_cmd->se_cmd_flags;

	if (se_cmd->se_dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH)
		return false;
	return (flags & SCF_SCSI_DATA_CDB) && !(flags & SCF_COMPARE_AND_WRITE);
}

/* Gives the core our buffer, of the length that the command really moves. */
static void tiscsi_scsi_attach_buffer(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;

	if (!cmd->data_len)
		return;
	if (cmd->data_len > TISCSI_MAX_IO_BYTES) {
		tiscsi_scsi_fail(cmd, &tiscsi_sense_invalid_field);
		return;
	}
	if (tiscsi_sg_alloc(cmd, cmd->data_len,
			    tiscsi_scsi_is_bulk(se_cmd))) {
		tiscsi_scsi_fail_status(cmd, SAM_STAT_TASK_SET_FULL);
		return;
	}
	se_cmd->t_data_sg = cmd->sg;
	se_cmd->t_data_nents = cmd->sg_nents;
	se_cmd->se_cmd_flags |= SCF_PASSTHROUGH_SG_TO_MEM_NOALLOC;
}

/*
 * Has the core find the LUN and parse the CDB, or others in their place, where
 * it would refuse what is answered here.
 */
static bool tiscsi_scsi_parse(struct tiscsi_cmd *cmd,
			      enum dma_data_direction dir)
{
	struct iscsi_scsi_req *req = (struct iscsi_scsi_req *)&cmd->hdr;
	struct se_cmd *se_cmd = &cmd->se_cmd;
	u8 *cdb = cmd->ecdb ?: req->cdb;
	u8 stand_in[ISCSI_CDB_SIZE];
	u64 lun = cmd->lun;
	int ret;

	if (unlikely(tiscsi_access_is_special(cdb)))
		cdb = tiscsi_access_stand_in(cmd, &lun, stand_in);
	se_cmd->tag = (__force u32)cmd->itt;
	tiscsi_cmd_get(cmd);
	set_bit(CMD_HAS_SE, &cmd->flags);
	ret = target_init_cmd(se_cmd, cmd->sess->se_session, cmd->sense + 2,
			      lun, cmd->edtl,
			      tiscsi_task_attrs[req->flags &
						ISCSI_FLAG_CMD_ATTR_MASK],
			      dir, dir == DMA_TO_DEVICE ?
			      TARGET_SCF_UNKNOWN_SIZE : 0);
	if (ret) {
		clear_bit(CMD_HAS_SE, &cmd->flags);
		tiscsi_cmd_put(cmd);
		tiscsi_scsi_fail(cmd, &tiscsi_sense_invalid_opcode);
		return false;
	}
	/* On failure queue_status has been called and the core is done. */
	if (target_submit_prep(se_cmd, cdb, NULL, 0, NULL, 0, NULL, 0,
			       GFP_KERNEL))
		return false;
	if (cdb == stand_in)
		memcpy(se_cmd->t_task_cdb, req->cdb, ISCSI_CDB_SIZE);
	return true;
}

/**
 * tiscsi_scsi_prep - have the core parse a command and size its buffer
 * @cmd: hdr, edtl, lun and ecdb are set
 *
 * What is wrong with the command becomes an early status, which is sent when
 * its data phase is over (row D16).  io_work.
 */
void tiscsi_scsi_prep(struct tiscsi_cmd *cmd)
{
	struct iscsi_scsi_req *req = (struct iscsi_scsi_req *)&cmd->hdr;
	bool write = req->flags & ISCSI_FLAG_CMD_WRITE;
	struct se_cmd *se_cmd = &cmd->se_cmd;
	enum dma_data_direction dir = DMA_NONE;

	if (tiscsi_is_bidi(req)) {
		tiscsi_scsi_fail(cmd, &tiscsi_sense_invalid_opcode);
		return;
	}
	if (write)
		dir = DMA_TO_DEVICE;
	else if (req->flags & ISCSI_FLAG_CMD_READ)
		dir = DMA_FROM_DEVICE;
	if (!tiscsi_scsi_parse(cmd, dir))
		return;

	set_bit(CMD_PREPPED, &cmd->flags);
	/* Either tiscsi_lun_pre_unlink() sees the bit or we its lun_shutdown. */
	smp_mb__after_atomic();
	cmd->data_len = se_cmd->data_length;
	if (READ_ONCE(se_cmd->se_lun->lun_shutdown))
		tiscsi_scsi_fail(cmd, &tiscsi_sense_no_lun);
	else if (!tiscsi_scsi_direction_ok(se_cmd))
		tiscsi_scsi_wrong_way(cmd);
	else if (write)
		tiscsi_scsi_trim_write(cmd);
	if (!test_bit(CMD_EARLY_STATUS, &cmd->flags))
		tiscsi_access_attach(cmd);
	if (!test_bit(CMD_EARLY_STATUS, &cmd->flags))
		tiscsi_scsi_attach_buffer(cmd);
}

/*
 * All is here: let the core execute the command, unless somebody wants it
 * ended, who has then been told that it never will run (row E18).
 */
static void tiscsi_scsi_submit(struct tiscsi_cmd *cmd)
{
	bool stays;

	spin_lock(&cmd->sess->lock);
	/* Whose end was asked for before it got here, gets no further. */
	stays = cmd->doom ||
		(tiscsi_order_concerns(cmd) && tiscsi_order_holds(cmd));
	if (!stays)
		clear_bit(CMD_PREPPED, &cmd->flags);
	tiscsi_cmd_set_state(cmd, stays ? TASK_DATA : TASK_CORE);
	spin_unlock(&cmd->sess->lock);
	if (!stays)
		target_submit(&cmd->se_cmd);
}

/**
 * tiscsi_scsi_exec - a SCSI command's turn has come
 * @cmd: its request PDU is complete
 *
 * io_work.
 */
void tiscsi_scsi_exec(struct tiscsi_cmd *cmd)
{
	if (unlikely(READ_ONCE(cmd->sess->has_cleared)))
		tiscsi_sess_report_cleared(cmd);
	if (!test_bit(CMD_EARLY_STATUS, &cmd->flags))
		tiscsi_access_enter(cmd);
	if (!test_bit(CMD_EARLY_STATUS, &cmd->flags) &&
	    tiscsi_order_concerns(cmd))
		tiscsi_order_enter(cmd);
	if (tiscsi_data_due(cmd)) {
		tiscsi_data_start(cmd);
		return;
	}
	tiscsi_scsi_ready(cmd);
}

/*
 * Queues the answer of a command.  All but its initiator have seen the end of
 * it; who waited for it is put on @covers.
 */
static void tiscsi_scsi_answer(struct tiscsi_cmd *cmd,
			       enum tiscsi_tx_what what,
			       struct list_head *covers)
{
	lockdep_assert_held(&cmd->sess->lock);
	if (unlikely(cmd->flags & (BIT(CMD_IN_LINE) | BIT(CMD_COVERED)))) {
		tiscsi_order_leave(cmd);
		tiscsi_cover_task_over(cmd, false, covers);
	}
	tiscsi_cmd_set_state(cmd, TASK_RESPONSE);
	tiscsi_tx_queue(cmd, what);
}

/**
 * tiscsi_scsi_ready - no more data is due for a command whose turn has come
 * @cmd: the task
 *
 * io_work.
 */
void tiscsi_scsi_ready(struct tiscsi_cmd *cmd)
{
	LIST_HEAD(covers);

	if (!test_bit(CMD_EARLY_STATUS, &cmd->flags)) {
		tiscsi_scsi_submit(cmd);
		return;
	}
	if (test_bit(CMD_NO_RESPONSE, &cmd->flags)) {
		tiscsi_scsi_kill(cmd);
		return;
	}
	spin_lock(&cmd->sess->lock);
	tiscsi_scsi_answer(cmd, TX_STATUS, &covers);
	spin_unlock(&cmd->sess->lock);
	tiscsi_covers_over(&covers);
}

/* ------------------------------------------------------------------ */
/* ends that are not the core's                                        */
/* ------------------------------------------------------------------ */

const struct tiscsi_sense tiscsi_sense_unexpected_data = {
	ABORTED_COMMAND, 0x0c, 0x0c };
const struct tiscsi_sense tiscsi_sense_data_amount = {
	ABORTED_COMMAND, 0x0c, 0x0d };
const struct tiscsi_sense tiscsi_sense_data_crc = {
	ABORTED_COMMAND, 0x47, 0x05 };
const struct tiscsi_sense tiscsi_sense_invalid_field = {
	ILLEGAL_REQUEST, 0x24, 0x00 };
const struct tiscsi_sense tiscsi_sense_invalid_opcode = {
	ILLEGAL_REQUEST, 0x20, 0x00 };
const struct tiscsi_sense tiscsi_sense_no_lun = {
	ILLEGAL_REQUEST, 0x25, 0x00 };

/* Takes a command back that the core has parsed but not been given. */
static void tiscsi_scsi_unprep(struct tiscsi_cmd *cmd)
{
	bool prepped;

	spin_lock(&cmd->sess->lock);
	prepped = test_and_clear_bit(CMD_PREPPED, &cmd->flags);
	spin_unlock(&cmd->sess->lock);
	if (prepped)
		transport_generic_free_cmd(&cmd->se_cmd, 0);
}

static void tiscsi_scsi_set_sense(struct tiscsi_cmd *cmd,
				  const struct tiscsi_sense *sense)
{
	struct se_device *dev = cmd->itl ? cmd->itl->dev : NULL;

	cmd->scsi_status = SAM_STAT_CHECK_CONDITION;
	cmd->sense_len = tiscsi_sense_build(dev, cmd->sense + 2, sense);
}

/**
 * tiscsi_scsi_fail_status - decide a status before the core executes a command
 * @cmd: the task, not submitted
 * @status: SAM status; with anything but GOOD nothing counts as transferred
 *
 * The status is sent when the data phase is over; the first one counts.
 * io_work.
 *
 * Return: false when a status was decided already.
 */
bool tiscsi_scsi_fail_status(struct tiscsi_cmd *cmd, u8 status)
{
	if (test_and_set_bit(CMD_EARLY_STATUS, &cmd->flags))
		return false;
	tiscsi_scsi_unprep(cmd);
	cmd->scsi_status = status;
	cmd->sense_len = 0;
	if (status != SAM_STAT_GOOD)
		tiscsi_scsi_no_data(cmd);
	return true;
}

/**
 * tiscsi_scsi_fail - end a command with CHECK CONDITION of our own
 * @cmd: the task, not submitted
 * @sense: what the sense data says
 *
 * As tiscsi_scsi_fail_status().  io_work.
 */
void tiscsi_scsi_fail(struct tiscsi_cmd *cmd, const struct tiscsi_sense *sense)
{
	if (tiscsi_scsi_fail_status(cmd, SAM_STAT_CHECK_CONDITION))
		tiscsi_scsi_set_sense(cmd, sense);
}

/**
 * tiscsi_scsi_replace_answer - CHECK CONDITION takes the place of an answer
 * @cmd: the task, in TASK_RESPONSE
 * @sense: what the sense data says
 *
 * Unless its status is out already.  io_work.
 */
void tiscsi_scsi_replace_answer(struct tiscsi_cmd *cmd,
				const struct tiscsi_sense *sense)
{
	if (!(cmd->tx_pending & (BIT(TX_DATA_IN) | BIT(TX_STATUS))))
		return;
	clear_bit(TX_DATA_AGAIN, &cmd->tx_pending);
	clear_bit(TX_DATA_IN, &cmd->tx_pending);
	tiscsi_scsi_set_sense(cmd, sense);
	tiscsi_scsi_no_data(cmd);
	tiscsi_tx_queue(cmd, TX_STATUS);
}

/**
 * tiscsi_scsi_kill - end a task without an answer
 * @cmd: any task in any state
 *
 * One that the core has ends when the core gives it back.  Process context.
 */
void tiscsi_scsi_kill(struct tiscsi_cmd *cmd)
{
	bool in_core;

	spin_lock(&cmd->sess->lock);
	in_core = cmd->state == TASK_CORE;
	if (in_core)
		set_bit(CMD_NO_RESPONSE, &cmd->flags);
	spin_unlock(&cmd->sess->lock);
	if (in_core)
		return;
	tiscsi_data_bury(cmd);
	tiscsi_scsi_unprep(cmd);
	tiscsi_cmd_end(cmd);
}

/* ------------------------------------------------------------------ */
/* out of the core                                                     */
/* ------------------------------------------------------------------ */

/* The core's answer is replaced: another nexus has aborted the task. */
static enum tiscsi_tx_what tiscsi_scsi_task_aborted(struct tiscsi_cmd *cmd)
{
	cmd->scsi_status = SAM_STAT_TASK_ABORTED;
	cmd->sense_len = 0;
	cmd->residual_flag = cmd->edtl ? ISCSI_FLAG_CMD_UNDERFLOW : 0;
	cmd->residual = cmd->edtl;
	return TX_STATUS;
}

/* Queues the answer unless nobody is there to hear it. */
static void tiscsi_scsi_respond(struct tiscsi_cmd *cmd,
				enum tiscsi_tx_what what)
{
	LIST_HEAD(covers);
	bool end = false;

	spin_lock(&cmd->sess->lock);
	if (cmd->state != TASK_CORE) {
		/* Still being parsed: kept until its data phase is over. */
		set_bit(CMD_EARLY_STATUS, &cmd->flags);
	} else if (test_bit(CMD_NO_RESPONSE, &cmd->flags)) {
		end = true;
	} else {
		if (test_bit(CMD_TASK_ABORTED, &cmd->flags))
			what = tiscsi_scsi_task_aborted(cmd);
		tiscsi_scsi_answer(cmd, what, &covers);
		tiscsi_conn_kick(cmd->conn);
	}
	spin_unlock(&cmd->sess->lock);
	tiscsi_covers_over(&covers);
	if (end)
		tiscsi_cmd_end(cmd);
}

/* Rows D20-D23: what SCSI presented against EDTL. */
static void tiscsi_scsi_residual(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;

	if (se_cmd->scsi_status != SAM_STAT_GOOD &&
	    !(se_cmd->se_cmd_flags & SCF_TREAT_READ_AS_NORMAL)) {
		tiscsi_scsi_no_data(cmd);
	} else if (se_cmd->se_cmd_flags & SCF_OVERFLOW_BIT) {
		cmd->residual_flag = ISCSI_FLAG_CMD_OVERFLOW;
		cmd->residual = se_cmd->residual_count;
	} else if (se_cmd->se_cmd_flags & SCF_UNDERFLOW_BIT) {
		cmd->residual_flag = ISCSI_FLAG_CMD_UNDERFLOW;
		cmd->residual = se_cmd->residual_count;
	}
}

static void tiscsi_scsi_take_status(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;

	cmd->scsi_status = se_cmd->scsi_status;
	cmd->sense_len = 0;
	if (se_cmd->scsi_status == SAM_STAT_CHECK_CONDITION &&
	    (se_cmd->se_cmd_flags & (SCF_TRANSPORT_TASK_SENSE |
				     SCF_EMULATED_TASK_SENSE)))
		cmd->sense_len = min_t(u32, 8 + cmd->sense[2 + 7],
				       TRANSPORT_SENSE_BUFFER);
	tiscsi_scsi_residual(cmd);
}

/**
 * tiscsi_queue_data_in - the core has read data for an initiator
 * @se_cmd: of this fabric
 *
 * fabric_ops callback.
 *
 * Return: 0.
 */
int tiscsi_queue_data_in(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);

	tiscsi_scsi_take_status(cmd);
	cmd->data_len = min(cmd->data_len, se_cmd->data_length);
	tiscsi_scsi_respond(cmd, cmd->data_len ? TX_DATA_IN : TX_STATUS);
	return 0;
}

/* A task that others ended is over: with TAS its initiator is told. */
static void tiscsi_scsi_aborted(struct tiscsi_cmd *cmd)
{
	if (test_bit(CMD_TASK_ABORTED, &cmd->flags))
		tiscsi_scsi_respond(cmd, TX_STATUS);
	else
		tiscsi_cmd_end(cmd);
}

/**
 * tiscsi_queue_status - the core has a status without data
 * @se_cmd: of this fabric
 *
 * fabric_ops callback; also called from within target_submit_prep().
 *
 * Return: 0.
 */
int tiscsi_queue_status(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);

	/* See tiscsi_write_pending(). */
	if (unlikely(se_cmd->scsi_status == SAM_STAT_RESERVATION_CONFLICT) &&
	    test_bit(CMD_PREEMPTED, &cmd->flags)) {
		tiscsi_scsi_aborted(cmd);
		return 0;
	}
	tiscsi_scsi_take_status(cmd);
	tiscsi_scsi_respond(cmd, TX_STATUS);
	return 0;
}

/**
 * tiscsi_write_pending - the core wants a command's data
 * @se_cmd: of this fabric
 *
 * fabric_ops callback.  The data is always here: see tiscsi_scsi_ready().
 * An abort finds the command from here on, but one that was preempted before
 * is marked.
 *
 * Return: 0.
 */
int tiscsi_write_pending(struct se_cmd *se_cmd)
{
	if (unlikely(test_bit(CMD_PREEMPTED, &to_tiscsi_cmd(se_cmd)->flags)))
		transport_generic_request_failure(se_cmd,
						  TCM_RESERVATION_CONFLICT);
	else
		target_execute_cmd(se_cmd);
	return 0;
}

/**
 * tiscsi_aborted_task - the core has aborted a task without a status
 * @se_cmd: of this fabric
 *
 * fabric_ops callback.
 */
void tiscsi_aborted_task(struct se_cmd *se_cmd)
{
	/* A reset ends functions of others, too: they are answered still. */
	if (se_cmd->se_cmd_flags & SCF_SCSI_TMR_CDB)
		tiscsi_queue_tm_rsp(se_cmd);
	else
		tiscsi_scsi_aborted(to_tiscsi_cmd(se_cmd));
}

/**
 * tiscsi_check_stop_free - the core is done with a command
 * @se_cmd: of this fabric
 *
 * fabric_ops callback.  The answer needs nothing of it any more.
 *
 * Return: whether that was the last reference.
 */
int tiscsi_check_stop_free(struct se_cmd *se_cmd)
{
	return target_put_sess_cmd(se_cmd);
}

/**
 * tiscsi_release_cmd - the core has forgotten a command
 * @se_cmd: of this fabric
 *
 * fabric_ops callback.
 */
void tiscsi_release_cmd(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);

	clear_bit(CMD_HAS_SE, &cmd->flags);
	if (se_cmd->se_cmd_flags & SCF_SCSI_TMR_CDB)
		tiscsi_tmf_core_done(cmd);
	tiscsi_cmd_put(cmd);
}

/**
 * tiscsi_get_cmd_state - the state of a command, for the core's messages
 * @se_cmd: of this fabric
 *
 * fabric_ops callback.
 *
 * Return: enum tiscsi_cmd_state.
 */
int tiscsi_get_cmd_state(struct se_cmd *se_cmd)
{
	return to_tiscsi_cmd(se_cmd)->state;
}
