// SPDX-License-Identifier: GPL-2.0
/*
 * The LUNs of an initiator: REPORT LUNS, and commands to a LUN that it does not
 * have (K21, K22).
 *
 * The core refuses whatever is sent to a LUN that is not mapped.  What SPC
 * wants answered all the same is given to it with LUN 0, which always leads
 * somewhere, and is then answered here.
 */
#include <linux/slab.h>
#include <scsi/scsi_common.h>
#include <target/target_core_backend.h>

#include "access.h"

/* SELECT REPORT, SPC-4 6.33 */
#define REPORT_LUNS_NORMAL	0x00
#define REPORT_LUNS_WELL_KNOWN	0x01
#define REPORT_LUNS_ALL		0x02

static bool tiscsi_lun_is_mapped(struct tiscsi_sess *sess, u64 lun)
{
	struct se_node_acl *nacl = sess->se_session->se_node_acl;
	struct se_dev_entry *deve;
	bool found = false;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &nacl->lun_entry_hlist, link)
		if (deve->mapped_lun == lun)
			found = true;
	rcu_read_unlock();
	return found;
}

/**
 * tiscsi_luns_stand_in - the LUN that the core is told
 * @cmd: a command that is answered even if its LUN is not mapped
 *
 * io_work.
 *
 * Return: the command's own, or 0.
 */
u64 tiscsi_luns_stand_in(struct tiscsi_cmd *cmd)
{
	if (tiscsi_lun_is_mapped(cmd->sess, cmd->lun))
		return cmd->lun;
	set_bit(CMD_NO_LUN, &cmd->flags);
	return 0;
}

/**
 * tiscsi_luns_reserved_by_core - does the core reserve a LUN for a session
 * @sess: the session; the core knows it
 *
 * RESERVE of SPC-2, while another fabric exports the device too.  Any context.
 *
 * Return: true if so, until the core lets go of the session.
 */
bool tiscsi_luns_reserved_by_core(struct tiscsi_sess *sess)
{
	struct se_session *se_sess = sess->se_session;
	struct se_dev_entry *deve;
	struct se_device *dev;
	bool found = false;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &se_sess->se_node_acl->lun_entry_hlist,
				 link) {
		dev = rcu_dereference_raw(deve->se_lun->lun_se_dev);
		if (dev && READ_ONCE(dev->reservation_holder) == se_sess)
			found = true;
	}
	rcu_read_unlock();
	return found;
}

/* ------------------------------------------------------------------ */
/* REPORT LUNS                                                         */
/* ------------------------------------------------------------------ */

static u32 tiscsi_luns_count(struct se_node_acl *nacl)
{
	struct se_dev_entry *deve;
	u32 nr = 0;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &nacl->lun_entry_hlist, link)
		nr++;
	rcu_read_unlock();
	return nr;
}

static void tiscsi_luns_put(struct tiscsi_answer *ans, u64 lun)
{
	struct scsi_lun slun;

	int_to_scsilun(lun, &slun);
	tiscsi_answer_put(ans, &slun, sizeof(slun));
}

/* Row G13: who has none is told of LUN 0, which he may ask what it is. */
static void tiscsi_luns_fill(struct tiscsi_answer *ans,
			     struct se_node_acl *nacl)
{
	struct se_dev_entry *deve;
	u32 before = ans->len;

	rcu_read_lock();
	hlist_for_each_entry_rcu(deve, &nacl->lun_entry_hlist, link)
		tiscsi_luns_put(ans, deve->mapped_lun);
	rcu_read_unlock();
	if (ans->len == before)
		tiscsi_luns_put(ans, 0);
}

/**
 * tiscsi_execute_report_luns - REPORT LUNS
 * @se_cmd: in the core's hands
 *
 * There are no well known logical units.  Whoever asks what there is need not
 * be told any more that it changed (SAM-5, unit attention condition).  In place
 * of the core's execute_cmd.
 *
 * Return: 0, or what the core is to answer.
 */
sense_reason_t tiscsi_execute_report_luns(struct se_cmd *se_cmd)
{
	struct tiscsi_sess *sess = to_tiscsi_cmd(se_cmd)->sess;
	struct se_node_acl *nacl = sess->se_session->se_node_acl;
	u8 select = se_cmd->t_task_cdb[2];
	struct tiscsi_answer ans;

	if (select > REPORT_LUNS_ALL)
		return TCM_INVALID_CDB_FIELD;
	if (tiscsi_answer_init(&ans, 8 + 8 * (tiscsi_luns_count(nacl) + 1)))
		return TCM_OUT_OF_RESOURCES;
	tiscsi_answer_put(&ans, NULL, 8);
	if (select != REPORT_LUNS_WELL_KNOWN) {
		tiscsi_ua_forget_luns(sess);
		tiscsi_luns_fill(&ans, nacl);
	}
	put_unaligned_be32(ans.len - 8, ans.data);
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}

/* ------------------------------------------------------------------ */
/* a LUN that is not there                                             */
/* ------------------------------------------------------------------ */

static sense_reason_t tiscsi_execute_sense_no_lun(struct se_cmd *se_cmd)
{
	return tiscsi_answer_sense(se_cmd, &tiscsi_sense_no_lun);
}

/**
 * tiscsi_luns_attach_none - a command to a LUN that is not mapped
 * @cmd: parsed by the core for LUN 0, or for its stand-in of a missing LUN 0
 *
 * io_work.
 */
void tiscsi_luns_attach_none(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;

	switch (se_cmd->t_task_cdb[0]) {
	case INQUIRY:
		se_cmd->execute_cmd = tiscsi_execute_inquiry_no_lun;
		break;
	case REPORT_LUNS:
		se_cmd->execute_cmd = tiscsi_execute_report_luns;
		break;
	case REQUEST_SENSE:
		se_cmd->execute_cmd = tiscsi_execute_sense_no_lun;
		break;
	default:
		tiscsi_scsi_fail(cmd, &tiscsi_sense_no_lun);
	}
}
