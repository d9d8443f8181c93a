// SPDX-License-Identifier: GPL-2.0
/*
 * REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT
 * FUNCTIONS (SPC-4 6.35, 6.36): what the core and this module do.
 */
#include <linux/slab.h>
#include <scsi/scsi_common.h>
#include <target/target_core_backend.h>

#include "alua.h"
#include "pr.h"

#define NO_ACTION		(-1)
#define OPCODE_MAX_CDB		32

/* Byte 2 of the CDB. */
#define OPCODES_RCTD		0x80
#define OPCODES_OPTION_MASK	0x07

/* Flags of a command descriptor, and of the data about one command. */
#define OPCODES_ALL_CTDP	0x02
#define OPCODES_ALL_SERVACTV	0x01
#define OPCODES_ONE_CTDP	0x80
#define OPCODES_NOT_SUPPORTED	1
#define OPCODES_SUPPORTED	3

#define OPCODES_DESC_LEN	8
#define OPCODES_TIMEOUTS_LEN	12

/* On what it depends whether a command is there. */
enum tiscsi_opcode_if {
	IF_ANY,
	IF_UNMAP,
	IF_WRITE_SAME,
	IF_COMPARE,
	IF_COPY,
	IF_PR,
	IF_EXPLICIT,
	IF_REFERRALS,
	IF_ALUA,
	IF_NR
};

/* In the second byte of a CDB: RDPROTECT, WRPROTECT, VRPROTECT; DPO; FUA. */
#define CDB_PROTECT		0xe0
#define CDB_DPO			0x10
#define CDB_FUA			0x08

/* Which of them count if the unit has a cache that can be told. */
#define WITH_DPO		CDB_DPO
#define WITH_DPOFUA		(CDB_DPO | CDB_FUA)

/**
 * struct tiscsi_opcode - a command, and the bits of its CDB that are looked at
 * @opcode: its operation code
 * @action: its service action, or NO_ACTION
 * @needs: when it is there
 * @flags: WITH_DPO, WITH_DPOFUA
 * @second: in the second byte of the CDB, besides the service action
 * @third: in the third one; of a 32-byte command in the eleventh
 * @fields: offset and length of what else is looked at, as a whole
 */
struct tiscsi_opcode {
	u8 opcode;
	s8 action;
	u8 needs;
	u8 flags;
	u8 second;
	u8 third;
	u8 fields[2][2];
};

/* By operation code and service action; without the CONTROL byte. */
static const struct tiscsi_opcode tiscsi_opcodes[] = {
	{ TEST_UNIT_READY, NO_ACTION, IF_ANY, 0, 0x00, 0x00 },
	{ REZERO_UNIT, NO_ACTION, IF_ANY, 0, 0x00, 0x00 },
	{ REQUEST_SENSE, NO_ACTION, IF_ANY, 0, 0x01, 0x00, { { 4, 1 } } },
	{ READ_6, NO_ACTION, IF_ANY, 0, 0x1f, 0xff, { { 3, 2 } } },
	{ WRITE_6, NO_ACTION, IF_ANY, 0, 0x1f, 0xff, { { 3, 2 } } },
	{ SEEK_6, NO_ACTION, IF_ANY, 0, 0x00, 0x00 },
	{ INQUIRY, NO_ACTION, IF_ANY, 0, 0x01, 0xff, { { 3, 2 } } },
	{ MODE_SELECT, NO_ACTION, IF_ANY, 0, 0x11, 0x00, { { 4, 1 } } },
	{ RESERVE, NO_ACTION, IF_PR, 0, 0x00, 0x00 },
	{ RELEASE, NO_ACTION, IF_PR, 0, 0x00, 0x00 },
	{ MODE_SENSE, NO_ACTION, IF_ANY, 0, 0x08, 0xff, { { 3, 2 } } },
	{ START_STOP, NO_ACTION, IF_ANY, 0, 0x01, 0x00, { { 4, 1 } } },
	{ READ_CAPACITY, NO_ACTION, IF_ANY, 0, 0x00, 0x00 },
	{ READ_10, NO_ACTION, IF_ANY, WITH_DPOFUA,
	  0xe0, 0xff, { { 3, 3 }, { 7, 2 } } },
	{ WRITE_10, NO_ACTION, IF_ANY, WITH_DPOFUA,
	  0xe0, 0xff, { { 3, 3 }, { 7, 2 } } },
	{ SEEK_10, NO_ACTION, IF_ANY, 0, 0x00, 0x00 },
	{ WRITE_VERIFY, NO_ACTION, IF_ANY, WITH_DPOFUA,
	  0xe0, 0xff, { { 3, 3 }, { 7, 2 } } },
	{ VERIFY, NO_ACTION, IF_ANY, WITH_DPO,
	  0xe0, 0xff, { { 3, 3 }, { 7, 2 } } },
	{ SYNCHRONIZE_CACHE, NO_ACTION, IF_ANY, 0,
	  0x02, 0xff, { { 3, 3 }, { 7, 2 } } },
	{ WRITE_SAME, NO_ACTION, IF_WRITE_SAME, 0,
	  0xe8, 0xff, { { 3, 3 }, { 7, 2 } } },
	{ UNMAP, NO_ACTION, IF_UNMAP, 0, 0x00, 0x00, { { 7, 2 } } },
	{ MODE_SELECT_10, NO_ACTION, IF_ANY, 0, 0x11, 0x00, { { 7, 2 } } },
	{ RESERVE_10, NO_ACTION, IF_PR, 0, 0x00, 0x00 },
	{ RELEASE_10, NO_ACTION, IF_PR, 0, 0x00, 0x00 },
	{ MODE_SENSE_10, NO_ACTION, IF_ANY, 0,
	  0x18, 0xff, { { 3, 1 }, { 7, 2 } } },
	{ PERSISTENT_RESERVE_IN, PRI_READ_KEYS, IF_PR, 0,
	  0x00, 0x00, { { 7, 2 } } },
	{ PERSISTENT_RESERVE_IN, PRI_READ_RESERVATION, IF_PR, 0,
	  0x00, 0x00, { { 7, 2 } } },
	{ PERSISTENT_RESERVE_IN, PRI_REPORT_CAPABILITIES, IF_PR, 0,
	  0x00, 0x00, { { 7, 2 } } },
	{ PERSISTENT_RESERVE_IN, PRI_READ_FULL_STATUS, IF_PR, 0,
	  0x00, 0x00, { { 7, 2 } } },
	{ PERSISTENT_RESERVE_OUT, PRO_REGISTER, IF_PR, 0,
	  0x00, 0xff, { { 5, 4 } } },
	{ PERSISTENT_RESERVE_OUT, PRO_RESERVE, IF_PR, 0,
	  0x00, 0xff, { { 5, 4 } } },
	{ PERSISTENT_RESERVE_OUT, PRO_RELEASE, IF_PR, 0,
	  0x00, 0xff, { { 5, 4 } } },
	{ PERSISTENT_RESERVE_OUT, PRO_CLEAR, IF_PR, 0,
	  0x00, 0xff, { { 5, 4 } } },
	{ PERSISTENT_RESERVE_OUT, PRO_PREEMPT, IF_PR, 0,
	  0x00, 0xff, { { 5, 4 } } },
	{ PERSISTENT_RESERVE_OUT, PRO_PREEMPT_AND_ABORT, IF_PR, 0,
	  0x00, 0xff, { { 5, 4 } } },
	{ PERSISTENT_RESERVE_OUT, PRO_REGISTER_AND_IGNORE, IF_PR, 0,
	  0x00, 0xff, { { 5, 4 } } },
	{ PERSISTENT_RESERVE_OUT, PRO_REGISTER_AND_MOVE, IF_PR, 0,
	  0x00, 0xff, { { 5, 4 } } },
	{ EXTENDED_COPY, 0, IF_COPY, 0, 0x00, 0x00, { { 10, 4 } } },
	{ RECEIVE_COPY_RESULTS, 3, IF_COPY, 0, 0x00, 0x00, { { 10, 4 } } },
	{ READ_16, NO_ACTION, IF_ANY, WITH_DPOFUA,
	  0xe0, 0xff, { { 3, 7 }, { 10, 4 } } },
	{ COMPARE_AND_WRITE, NO_ACTION, IF_COMPARE, WITH_DPOFUA,
	  0x00, 0xff, { { 3, 7 }, { 13, 1 } } },
	{ WRITE_16, NO_ACTION, IF_ANY, WITH_DPOFUA,
	  0xe0, 0xff, { { 3, 7 }, { 10, 4 } } },
	{ WRITE_VERIFY_16, NO_ACTION, IF_ANY, WITH_DPOFUA,
	  0xe0, 0xff, { { 3, 7 }, { 10, 4 } } },
	{ VERIFY_16, NO_ACTION, IF_ANY, WITH_DPO,
	  0xe0, 0xff, { { 3, 7 }, { 10, 4 } } },
	{ SYNCHRONIZE_CACHE_16, NO_ACTION, IF_ANY, 0,
	  0x02, 0xff, { { 3, 7 }, { 10, 4 } } },
	{ WRITE_SAME_16, NO_ACTION, IF_WRITE_SAME, 0,
	  0xe8, 0xff, { { 3, 7 }, { 10, 4 } } },
	{ SERVICE_ACTION_IN_16, SAI_READ_CAPACITY_16, IF_ANY, 0,
	  0x00, 0x00, { { 10, 4 } } },
	{ SERVICE_ACTION_IN_16, SAI_REPORT_REFERRALS, IF_REFERRALS, 0,
	  0x00, 0xff, { { 3, 7 }, { 10, 4 } } },
	{ REPORT_LUNS, NO_ACTION, IF_ANY, 0, 0x00, 0xff, { { 6, 4 } } },
	{ MAINTENANCE_IN, MI_REPORT_TARGET_PGS, IF_ALUA, 0,
	  0xe0, 0x00, { { 6, 4 } } },
	{ MAINTENANCE_IN, MI_REPORT_SUPPORTED_OPERATION_CODES, IF_ANY, 0,
	  0x00, 0x87, { { 3, 7 } } },
	{ MAINTENANCE_IN, MI_REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS, IF_ANY, 0,
	  0x00, 0x80, { { 6, 4 } } },
	{ MAINTENANCE_OUT, MO_SET_TARGET_PGS, IF_EXPLICIT, 0,
	  0x00, 0x00, { { 6, 4 } } },
	{ READ_12, NO_ACTION, IF_ANY, WITH_DPOFUA,
	  0xe0, 0xff, { { 3, 3 }, { 6, 4 } } },
	{ WRITE_12, NO_ACTION, IF_ANY, WITH_DPOFUA,
	  0xe0, 0xff, { { 3, 3 }, { 6, 4 } } },
	{ VARIABLE_LENGTH_CMD, WRITE_SAME_32, IF_WRITE_SAME, 0,
	  0x00, 0xe8, { { 12, 8 }, { 28, 4 } } },
};

/* ------------------------------------------------------------------ */
/* what there is                                                       */
/* ------------------------------------------------------------------ */

static bool tiscsi_opcode_write_same(const struct se_cmd *se_cmd)
{
	const struct tiscsi_backend_ops *ops = se_cmd->protocol_data;

	return ops->execute_write_same ||
	       (ops->execute_unmap && se_cmd->se_dev->dev_attrib.emulate_tpws);
}

static bool tiscsi_opcode_unmap(const struct se_cmd *se_cmd)
{
	const struct tiscsi_backend_ops *ops = se_cmd->protocol_data;

	return ops->execute_unmap && se_cmd->se_dev->dev_attrib.emulate_tpu;
}

static bool tiscsi_opcode_explicit(const struct se_cmd *se_cmd)
{
	return tiscsi_alua_is_ours(se_cmd->se_dev) &&
	       tiscsi_alua_is_explicit(se_cmd->se_lun);
}

/* The core has parsed a command, so it is known what the backend can do. */
static bool tiscsi_opcode_is_there(const struct tiscsi_opcode *op,
				   const struct se_cmd *se_cmd)
{
	struct se_device *dev = se_cmd->se_dev;

	switch (op->needs) {
	case IF_UNMAP:
		return tiscsi_opcode_unmap(se_cmd);
	case IF_WRITE_SAME:
		return tiscsi_opcode_write_same(se_cmd);
	case IF_COMPARE:
		return dev->dev_attrib.emulate_caw;
	case IF_COPY:
		return dev->dev_attrib.emulate_3pc;
	case IF_PR:
		return dev->dev_attrib.emulate_pr;
	case IF_ALUA:
		return tiscsi_alua_is_ours(dev);
	case IF_EXPLICIT:
		return tiscsi_opcode_explicit(se_cmd);
	case IF_REFERRALS:
		return !list_empty_careful(&dev->t10_alua.lba_map_list);
	default:
		return true;
	}
}

static u32 tiscsi_opcode_len(const struct tiscsi_opcode *op)
{
	if (op->opcode == VARIABLE_LENGTH_CMD)
		return 32;
	return COMMAND_SIZE(op->opcode);
}

/* Rows whose operation code is @opcode; NULL after the last one. */
static const struct tiscsi_opcode *
tiscsi_opcode_next(const struct tiscsi_opcode *op, u8 opcode)
{
	op = op ? op + 1 : tiscsi_opcodes;
	while (op < tiscsi_opcodes + ARRAY_SIZE(tiscsi_opcodes) &&
	       op->opcode != opcode)
		op++;
	return op < tiscsi_opcodes + ARRAY_SIZE(tiscsi_opcodes) ? op : NULL;
}

/* ------------------------------------------------------------------ */
/* REPORT SUPPORTED OPERATION CODES                                    */
/* ------------------------------------------------------------------ */

/* No command says how long it takes. */
static void tiscsi_opcodes_put_timeouts(struct tiscsi_answer *ans)
{
	static const u8 timeouts[OPCODES_TIMEOUTS_LEN] = {
		0, OPCODES_TIMEOUTS_LEN - 2 };

	tiscsi_answer_put(ans, timeouts, sizeof(timeouts));
}

static void tiscsi_opcodes_all(struct tiscsi_answer *ans,
			       const struct se_cmd *se_cmd, bool rctd)
{
	const struct tiscsi_opcode *op = tiscsi_opcodes;
	u8 desc[OPCODES_DESC_LEN];

	tiscsi_answer_put(ans, NULL, 4);
	for (; op < tiscsi_opcodes + ARRAY_SIZE(tiscsi_opcodes); op++) {
		if (!tiscsi_opcode_is_there(op, se_cmd))
			continue;
		memset(desc, 0, sizeof(desc));
		desc[0] = op->opcode;
		if (op->action != NO_ACTION) {
			desc[3] = op->action;
			desc[5] = OPCODES_ALL_SERVACTV;
		}
		desc[5] |= rctd ? OPCODES_ALL_CTDP : 0;
		put_unaligned_be16(tiscsi_opcode_len(op), desc + 6);
		tiscsi_answer_put(ans, desc, sizeof(desc));
		if (rctd)
			tiscsi_opcodes_put_timeouts(ans);
	}
	put_unaligned_be32(ans->len - 4, ans->data);
}

/* CDB USAGE DATA. */
static void tiscsi_opcode_usage(const struct tiscsi_opcode *op, u8 *usage)
{
	u32 i;

	usage[0] = op->opcode;
	if (op->opcode == VARIABLE_LENGTH_CMD) {
		usage[7] = 0x18;
		usage[9] = op->action;
		usage[10] = op->third;
	} else {
		usage[1] = op->second;
		usage[2] = op->third;
		if (op->action != NO_ACTION)
			usage[1] |= op->action;
	}
	for (i = 0; i < ARRAY_SIZE(op->fields); i++)
		memset(usage + op->fields[i][0], 0xff, op->fields[i][1]);
}

static void tiscsi_opcodes_one(struct tiscsi_answer *ans,
			       const struct se_cmd *se_cmd,
			       const struct tiscsi_opcode *op, bool rctd)
{
	u8 data[4 + OPCODE_MAX_CDB] = { 0, OPCODES_NOT_SUPPORTED };
	u32 len = 0;

	if (op && tiscsi_opcode_is_there(op, se_cmd)) {
		len = tiscsi_opcode_len(op);
		data[1] = OPCODES_SUPPORTED | (rctd ? OPCODES_ONE_CTDP : 0);
		put_unaligned_be16(len, data + 2);
		tiscsi_opcode_usage(op, data + 4);
		if (tiscsi_dev_has_fua(se_cmd->se_dev))
			data[5] |= op->flags;
	}
	tiscsi_answer_put(ans, data, 4 + len);
	if (len && rctd)
		tiscsi_opcodes_put_timeouts(ans);
}

/*
 * Which row the CDB asks for, if there is one.  Returns false when it does not
 * say it as that operation code demands: with a service action or without one.
 */
static bool tiscsi_opcodes_find(const u8 *cdb,
				const struct tiscsi_opcode **found)
{
	const struct tiscsi_opcode *op = tiscsi_opcode_next(NULL, cdb[3]);
	u16 action = get_unaligned_be16(cdb + 4);
	u8 option = cdb[2] & OPCODES_OPTION_MASK;
	bool has_action = op && op->action != NO_ACTION;

	*found = NULL;
	if (op && option == 1 && has_action)
		return false;
	if (op && option == 2 && !has_action)
		return false;
	for (; op; op = tiscsi_opcode_next(op, cdb[3]))
		if (option == 1 || (has_action ? op->action : 0) == action)
			*found = op;
	return true;
}

static sense_reason_t tiscsi_execute_opcodes(struct se_cmd *se_cmd)
{
	const u8 *cdb = se_cmd->t_task_cdb;
	u8 option = cdb[2] & OPCODES_OPTION_MASK;
	bool rctd = cdb[2] & OPCODES_RCTD;
	const struct tiscsi_opcode *op;
	struct tiscsi_answer ans;

	if (option > 3 || (option && !tiscsi_opcodes_find(cdb, &op)))
		return TCM_INVALID_CDB_FIELD;
	if (tiscsi_answer_init(&ans, 4 + ARRAY_SIZE(tiscsi_opcodes) *
			       (OPCODES_DESC_LEN + OPCODES_TIMEOUTS_LEN)))
		return TCM_OUT_OF_RESOURCES;
	if (option)
		tiscsi_opcodes_one(&ans, se_cmd, op, rctd);
	else
		tiscsi_opcodes_all(&ans, se_cmd, rctd);
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}

/* ------------------------------------------------------------------ */
/* REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS                          */
/* ------------------------------------------------------------------ */

#define FUNCTIONS_REPD		0x80

static const struct {
	u8 function;
	u8 byte;
	u8 bit;
} tiscsi_functions[] = {
	{ ISCSI_TM_FUNC_ABORT_TASK,		0, 0x80 },
	{ ISCSI_TM_FUNC_ABORT_TASK_SET,		0, 0x40 },
	{ ISCSI_TM_FUNC_CLEAR_ACA,		0, 0x20 },
	{ ISCSI_TM_FUNC_CLEAR_TASK_SET,		0, 0x10 },
	{ ISCSI_TM_FUNC_LOGICAL_UNIT_RESET,	0, 0x08 },
	{ TISCSI_TM_QUERY_TASK,			0, 0x04 },
	{ ISCSI_TM_FUNC_TARGET_WARM_RESET,	0, 0x02 },
	{ TISCSI_TM_QUERY_ASYNC_EVENT,		1, 0x04 },
	{ TISCSI_TM_QUERY_TASK_SET,		1, 0x02 },
	{ TISCSI_TM_NEXUS_RESET,		1, 0x01 },
};

static sense_reason_t tiscsi_execute_functions(struct se_cmd *se_cmd)
{
	struct tiscsi_sess *sess = to_tiscsi_cmd(se_cmd)->sess;
	bool repd = se_cmd->t_task_cdb[2] & FUNCTIONS_REPD;
	struct tiscsi_answer ans;
	u32 i;

	if (tiscsi_answer_init(&ans, 16))
		return TCM_OUT_OF_RESOURCES;
	for (i = 0; i < ARRAY_SIZE(tiscsi_functions); i++)
		if (tiscsi_tmf_is_there(sess, tiscsi_functions[i].function))
			ans.data[tiscsi_functions[i].byte] |=
				tiscsi_functions[i].bit;
	ans.len = repd ? 16 : 4;
	ans.data[3] = ans.len - 4;
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}

/* ------------------------------------------------------------------ */
/* taking them from the core                                           */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_opcodes_are_asked - is a command one of this file's
 * @cdb: MAINTENANCE IN
 *
 * Any context.
 *
 * Return: whether it is.
 */
bool tiscsi_opcodes_are_asked(const u8 *cdb)
{
	u8 action = cdb[1] & 0x1f;

	return action == MI_REPORT_SUPPORTED_OPERATION_CODES ||
	       action == MI_REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS;
}

/**
 * tiscsi_opcodes_attach - take a command over if it asks what there is
 * @cmd: MAINTENANCE IN, its logical unit is known
 *
 * A device behind the core is asked itself.  io_work.
 */
void tiscsi_opcodes_attach(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;
	u8 action = se_cmd->t_task_cdb[1] & 0x1f;

	if (se_cmd->se_dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH)
		return;
	if (action == MI_REPORT_SUPPORTED_OPERATION_CODES)
		se_cmd->execute_cmd = tiscsi_execute_opcodes;
	else if (action == MI_REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS)
		se_cmd->execute_cmd = tiscsi_execute_functions;
}

/**
 * tiscsi_verify_attach - refuse a VERIFY command that asks for too much
 * @cmd: VERIFY(10) or (16), parsed by the core; its logical unit is known
 *
 * The core looks neither at VRPROTECT nor at DPO.  io_work.
 */
void tiscsi_verify_attach(struct tiscsi_cmd *cmd)
{
	struct se_device *dev = cmd->se_cmd.se_dev;
	u8 flags = cmd->se_cmd.t_task_cdb[1];

	if (dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH)
		return;
	if ((flags & CDB_PROTECT && !dev->dev_attrib.pi_prot_type) ||
	    (flags & CDB_DPO && !tiscsi_dev_has_fua(dev)))
		tiscsi_scsi_fail(cmd, &tiscsi_sense_invalid_field);
}
