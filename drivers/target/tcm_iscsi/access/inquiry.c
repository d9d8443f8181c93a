// SPDX-License-Identifier: GPL-2.0
/*
 * INQUIRY (SPC-4 6.6, 7.8): what the core does not say, or not as it is (K19,
 * K21).  The other pages are the core's.
 */
#include <linux/slab.h>
#include <scsi/scsi_common.h>
#include <target/target_core_backend.h>

#include "alua.h"

#define INQUIRY_EVPD		0x01
#define INQUIRY_STD_LEN		96
#define INQUIRY_NO_LUN_LEN	36

/* Byte 0: peripheral qualifiers. */
#define INQUIRY_NOT_CONNECTED	0x20
#define INQUIRY_NO_LUN		0x7f

/* Byte 5: the unit has an array controller of its own, it says. */
#define INQUIRY_SCCS		0x80

/* Version descriptors, RFC 7144 4.2. */
#define INQUIRY_VD_AT		60
#define INQUIRY_VD_ISCSI	0x0960

/* A port in the SCSI Ports page, without the name. */
#define INQUIRY_PORT_LEN	12
#define INQUIRY_NAME_MAX	(4 + 256)

static u8 tiscsi_inquiry_byte0(const struct se_cmd *se_cmd)
{
	struct se_device *dev = se_cmd->se_dev;
	u8 type = dev->transport->get_device_type(dev);

	/* Row H15. */
	if (tiscsi_alua_state(se_cmd->se_lun) == AAS_UNAVAILABLE)
		type |= INQUIRY_NOT_CONNECTED;
	return type;
}

/* The core does not see what mode parameters forbid, but it could be (H23). */
static u8 tiscsi_inquiry_tpgs(struct se_cmd *se_cmd)
{
	const struct tiscsi_itl *itl = to_tiscsi_cmd(se_cmd)->itl;
	const struct t10_alua_tg_pt_gp *gp;
	u8 type = 0;

	rcu_read_lock();
	gp = rcu_dereference(se_cmd->se_lun->lun_tg_pt_gp);
	if (gp && itl)
		type = tiscsi_alua_type(itl->lu, gp);
	rcu_read_unlock();
	return type;
}

/* Rows G09, H01. */
static sense_reason_t tiscsi_execute_inquiry_std(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);
	u32 level = cmd->sess->keys.v[KEY_PROTOCOL_LEVEL];
	struct tiscsi_answer ans;
	sense_reason_t ret;

	if (tiscsi_answer_init(&ans, INQUIRY_STD_LEN))
		return TCM_OUT_OF_RESOURCES;
	ret = spc_emulate_inquiry_std(se_cmd, ans.data);
	if (ret) {
		kvfree(ans.data);
		return ret;
	}
	ans.data[0] = tiscsi_inquiry_byte0(se_cmd);
	ans.data[5] &= ~INQUIRY_SCCS;
	ans.data[5] |= tiscsi_inquiry_tpgs(se_cmd);
	put_unaligned_be16(INQUIRY_VD_ISCSI + level, ans.data + INQUIRY_VD_AT);
	ans.len = INQUIRY_STD_LEN;
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}

/* ------------------------------------------------------------------ */
/* vital product data                                                  */
/* ------------------------------------------------------------------ */

/* Row G07: what is not here is refused. */
static const u8 tiscsi_vpd_pages[] = {
	0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0xb0, 0xb1, 0xb2, 0xb3
};

static u32 tiscsi_vpd_00_size(const struct se_device *dev)
{
	return sizeof(tiscsi_vpd_pages);
}

static void tiscsi_vpd_00(struct tiscsi_answer *ans, struct se_device *dev)
{
	tiscsi_answer_put(ans, tiscsi_vpd_pages, sizeof(tiscsi_vpd_pages));
}

static u32 tiscsi_vpd_87_size(const struct se_device *dev)
{
	return 4;
}

/* All mode pages are the same for all nexuses. */
static void tiscsi_vpd_87(struct tiscsi_answer *ans, struct se_device *dev)
{
	static const u8 policy[4] = { 0x3f, 0xff };

	tiscsi_answer_put(ans, policy, sizeof(policy));
}

/* Has an earlier LUN of the list the same port? */
static bool tiscsi_vpd_88_again(struct se_device *dev,
				const struct se_lun *lun)
{
	const struct se_lun *other;

	list_for_each_entry(other, &dev->dev_sep_list, lun_dev_link) {
		if (other == lun)
			break;
		if (tiscsi_lun_rtpi(other) == tiscsi_lun_rtpi(lun))
			return true;
	}
	return false;
}

static void tiscsi_vpd_88_port(struct tiscsi_answer *ans,
			       const struct se_lun *lun)
{
	struct se_portal_group *tpg = lun->lun_tpg;
	u8 buf[INQUIRY_PORT_LEN + INQUIRY_NAME_MAX + 1] = { };
	u8 *name = buf + INQUIRY_PORT_LEN;
	u32 len;

	len = scnprintf(name + 4, INQUIRY_NAME_MAX - 4, "%s,t,0x%04x",
			tpg->se_tpg_tfo->tpg_get_wwn(tpg),
			tpg->se_tpg_tfo->tpg_get_tag(tpg));
	len = ALIGN(len + 1, 4);
	put_unaligned_be16(tiscsi_lun_rtpi(lun), buf + 2);
	put_unaligned_be16(4 + len, buf + 10);
	name[0] = tpg->proto_id << 4 | 0x3;	/* UTF-8 */
	name[1] = 0x98;				/* PIV, of a port, name string */
	name[3] = len;
	tiscsi_answer_put(ans, buf, INQUIRY_PORT_LEN + 4 + len);
}

static u32 tiscsi_vpd_88_size(const struct se_device *dev)
{
	return READ_ONCE(dev->export_count) *
	       (INQUIRY_PORT_LEN + INQUIRY_NAME_MAX);
}

/* Row G06: the ports through which the unit can be reached. */
static void tiscsi_vpd_88(struct tiscsi_answer *ans, struct se_device *dev)
{
	struct se_lun *lun;

	spin_lock(&dev->se_port_lock);
	list_for_each_entry(lun, &dev->dev_sep_list, lun_dev_link)
		if (tiscsi_lun_rtpi(lun) && !tiscsi_vpd_88_again(dev, lun))
			tiscsi_vpd_88_port(ans, lun);
	spin_unlock(&dev->se_port_lock);
}

static const struct tiscsi_vpd {
	u8 page;
	u32 (*size)(const struct se_device *dev);
	void (*fill)(struct tiscsi_answer *ans, struct se_device *dev);
} tiscsi_vpds[] = {
	{ 0x00, tiscsi_vpd_00_size, tiscsi_vpd_00 },
	{ 0x87, tiscsi_vpd_87_size, tiscsi_vpd_87 },
	{ 0x88, tiscsi_vpd_88_size, tiscsi_vpd_88 },
};

static const struct tiscsi_vpd *tiscsi_vpd_find(u8 page)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(tiscsi_vpds); i++)
		if (tiscsi_vpds[i].page == page)
			return &tiscsi_vpds[i];
	return NULL;
}

static sense_reason_t tiscsi_execute_vpd(struct se_cmd *se_cmd)
{
	u8 header[4] = { tiscsi_inquiry_byte0(se_cmd), se_cmd->t_task_cdb[2] };
	const struct tiscsi_vpd *vpd = tiscsi_vpd_find(header[1]);
	struct se_device *dev = se_cmd->se_dev;
	struct tiscsi_answer ans;

	if (tiscsi_answer_init(&ans, sizeof(header) + vpd->size(dev)))
		return TCM_OUT_OF_RESOURCES;
	tiscsi_answer_put(&ans, header, sizeof(header));
	vpd->fill(&ans, dev);
	put_unaligned_be16(ans.len - sizeof(header), ans.data + 2);
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}

/**
 * tiscsi_inquiry_attach - take an INQUIRY command over
 * @cmd: parsed by the core; its logical unit is known
 *
 * What a device behind the core answers itself is left to it.  io_work.
 */
void tiscsi_inquiry_attach(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;
	const u8 *cdb = se_cmd->t_task_cdb;

	if (se_cmd->se_dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH)
		return;
	if (!(cdb[1] & INQUIRY_EVPD) && !cdb[2])
		se_cmd->execute_cmd = tiscsi_execute_inquiry_std;
	else if ((cdb[1] & INQUIRY_EVPD) && tiscsi_vpd_find(cdb[2]))
		se_cmd->execute_cmd = tiscsi_execute_vpd;
}

/* ------------------------------------------------------------------ */
/* a LUN that is not there                                             */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_execute_inquiry_no_lun - INQUIRY to a LUN that is not mapped
 * @se_cmd: in the core's hands
 *
 * Rows K21, J15.  In place of the core's execute_cmd.
 *
 * Return: 0, or what the core is to answer.
 */
sense_reason_t tiscsi_execute_inquiry_no_lun(struct se_cmd *se_cmd)
{
	static const u8 std[INQUIRY_NO_LUN_LEN] = {
		INQUIRY_NO_LUN, 0, 0x06, 0x02, INQUIRY_NO_LUN_LEN - 5, 0, 0,
		0x02 };
	static const u8 pages[5] = { INQUIRY_NO_LUN, 0, 0, 1, 0 };
	bool evpd = se_cmd->t_task_cdb[1] & INQUIRY_EVPD;
	struct tiscsi_answer ans;

	if (se_cmd->t_task_cdb[2])
		return TCM_INVALID_CDB_FIELD;
	if (tiscsi_answer_init(&ans, sizeof(std)))
		return TCM_OUT_OF_RESOURCES;
	if (evpd) {
		tiscsi_answer_put(&ans, pages, sizeof(pages));
	} else {
		tiscsi_answer_put(&ans, std, sizeof(std));
		memset(ans.data + 8, ' ', INQUIRY_NO_LUN_LEN - 8);
	}
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}
