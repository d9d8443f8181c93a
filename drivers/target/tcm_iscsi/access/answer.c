// SPDX-License-Identifier: GPL-2.0
/*
 * Data that commands answered here return.  It is made whole; the allocation
 * length cuts what is sent and changes nothing in it (SPC-4 4.2.5.6).
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <scsi/scsi_common.h>
#include <target/target_core_backend.h>

#include "access.h"

/**
 * tiscsi_answer_init - begin an answer
 * @ans: the answer
 * @size: bytes that are kept; more is counted only
 *
 * Process context.
 *
 * Return: 0 or -ENOMEM.
 */
int tiscsi_answer_init(struct tiscsi_answer *ans, u32 size)
{
	ans->size = size;
	ans->len = 0;
	ans->data = kvzalloc(size + 1, GFP_KERNEL);
	return ans->data ? 0 : -ENOMEM;
}

/**
 * tiscsi_answer_put - add to an answer
 * @ans: the answer
 * @data: bytes, or NULL for zeros
 * @len: how many
 *
 * Any context.
 */
void tiscsi_answer_put(struct tiscsi_answer *ans, const void *data, u32 len)
{
	if (data && ans->len < ans->size)
		memcpy(ans->data + ans->len, data,
		       min(len, ans->size - ans->len));
	ans->len += len;
}

/**
 * tiscsi_answer_send - end a command with GOOD and an answer
 * @ans: the answer; gone afterwards
 * @se_cmd: in the core's hands
 *
 * Process context.
 */
void tiscsi_answer_send(struct tiscsi_answer *ans, struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);

	if (cmd->sg)
		sg_copy_from_buffer(cmd->sg, cmd->sg_nents, ans->data,
				    min3(ans->len, ans->size,
					 se_cmd->data_length));
	kvfree(ans->data);
	target_complete_cmd_with_length(se_cmd, SAM_STAT_GOOD, ans->len);
}

/**
 * tiscsi_sense_build - make sense data
 * @dev: the logical unit's, or NULL where there is none
 * @buf: room for %TRANSPORT_SENSE_BUFFER bytes
 * @sense: what the data say
 *
 * In the format that the device's Control mode page announces (row D25).  Any
 * context.
 *
 * Return: their length in bytes.
 */
u32 tiscsi_sense_build(struct se_device *dev, u8 *buf,
		       const struct tiscsi_sense *sense)
{
	memset(buf, 0, TRANSPORT_SENSE_BUFFER);
	scsi_build_sense_buffer(dev && tiscsi_dev_has_long_sense(dev), buf,
				sense->key, sense->asc, sense->ascq);
	return 8 + buf[7];
}

/**
 * tiscsi_answer_fail - end a command with CHECK CONDITION
 * @se_cmd: in the core's hands
 * @sense: why
 *
 * Process context.
 */
void tiscsi_answer_fail(struct se_cmd *se_cmd, const struct tiscsi_sense *sense)
{
	u8 buf[TRANSPORT_SENSE_BUFFER];

	tiscsi_sense_build(se_cmd->se_dev, buf, sense);
	transport_copy_sense_to_cmd(se_cmd, buf);
	target_complete_cmd(se_cmd, SAM_STAT_CHECK_CONDITION);
}

/**
 * tiscsi_answer_sense - end REQUEST SENSE with sense data
 * @se_cmd: in the core's hands
 * @sense: what the data say, in the format that is asked for
 *
 * Process context.
 *
 * Return: 0, or what the core is to answer.
 */
sense_reason_t tiscsi_answer_sense(struct se_cmd *se_cmd,
				   const struct tiscsi_sense *sense)
{
	bool desc = se_cmd->t_task_cdb[1] & 1;
	struct tiscsi_answer ans;

	if (tiscsi_answer_init(&ans, desc ? 8 : 18))
		return TCM_OUT_OF_RESOURCES;
	ans.len = ans.size;
	scsi_build_sense_buffer(desc, ans.data, sense->key, sense->asc,
				sense->ascq);
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}
