// SPDX-License-Identifier: GPL-2.0
/*
 * MODE SENSE and MODE SELECT (SPC-4 6.9-6.12, 7.5), in place of the core's,
 * which has no Control Extension page (K15) and takes every set of values for
 * the current one.
 *
 * One value can be changed: whether the states of target port groups may change
 * implicitly (row H23).  It is not saved, and the same for all nexuses.
 */
#include <linux/scatterlist.h>
#include <scsi/scsi_common.h>
#include <target/target_core_backend.h>

#include "alua.h"

/* CDB */
#define MODE_PF			0x10
#define MODE_SP			0x01
#define MODE_DBD		0x08
#define MODE_LLBAA		0x10
#define MODE_PC_SHIFT		6
#define MODE_PAGE_MASK		0x3f
#define MODE_ALL_PAGES		0x3f
#define MODE_ALL_SUBPAGES	0xff

/* The header of the data, and the one of a page. */
#define MODE_WP			0x80
#define MODE_DPOFUA		0x10
#define MODE_LONGLBA		0x01
#define MODE_PS			0x80
#define MODE_SPF		0x40

#define MODE_DESC_LEN		8
#define MODE_LONG_DESC_LEN	16
#define MODE_PAGE_MAX		32
/* Header, block descriptor and all pages; more is refused. */
#define MODE_LIST_MAX		256

/* PC: which values. */
enum tiscsi_mode_values {
	VALUES_CURRENT,
	VALUES_CHANGEABLE,
	VALUES_DEFAULT,
	VALUES_SAVED,
};

static const struct tiscsi_sense tiscsi_sense_no_saving = {
	ILLEGAL_REQUEST, 0x39, 0x00 };

/* ------------------------------------------------------------------ */
/* pages                                                               */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_dev_has_long_sense - is the sense data of a device in descriptor format
 * @dev: the device
 *
 * The core makes it so for devices that have more blocks than the INFORMATION
 * field of the fixed format can name.  Any context.
 *
 * Return: what D_SENSE says in the Control mode page.
 */
bool tiscsi_dev_has_long_sense(struct se_device *dev)
{
	return dev->transport->get_blocks(dev) > U32_MAX;
}

static bool tiscsi_dev_has_cache(struct se_device *dev)
{
	return dev->transport->get_write_cache ?
	       dev->transport->get_write_cache(dev) :
	       dev->dev_attrib.emulate_write_cache;
}

/**
 * tiscsi_dev_has_fua - can a device be told to write through its cache
 * @dev: the device
 *
 * Process context.
 *
 * Return: whether DPO and FUA mean something to it.
 */
bool tiscsi_dev_has_fua(struct se_device *dev)
{
	return tiscsi_dev_has_cache(dev) && dev->dev_attrib.emulate_fua_write;
}

/* Byte 12: read-ahead is not ours to do. */
static void tiscsi_mode_caching(struct se_cmd *se_cmd,
				enum tiscsi_mode_values values, u8 *page)
{
	if (values == VALUES_CHANGEABLE)
		return;
	page[2] = tiscsi_dev_has_cache(se_cmd->se_dev) ? 0x04 : 0;
	page[12] = 0x20;
}

static void tiscsi_mode_control(struct se_cmd *se_cmd,
				enum tiscsi_mode_values values, u8 *page)
{
	const struct se_dev_attrib *attrib = &se_cmd->se_dev->dev_attrib;
	const struct se_session *sess = se_cmd->se_sess;

	if (values == VALUES_CHANGEABLE)
		return;
	page[2] = 0x02;				/* GLTSD */
	if (tiscsi_dev_has_long_sense(se_cmd->se_dev))
		page[2] |= 0x04;		/* D_SENSE */
	/* QUEUE ALGORITHM MODIFIER: commands may be reordered. */
	page[3] = attrib->emulate_rest_reord ? 0x00 : 0x10;
	if (attrib->emulate_ua_intlck_ctrl == TARGET_UA_INTLCK_CTRL_NO_CLEAR)
		page[4] = 0x20;
	if (attrib->emulate_ua_intlck_ctrl == TARGET_UA_INTLCK_CTRL_ESTABLISH_UA)
		page[4] = 0x30;
	page[5] = attrib->emulate_tas ? 0x40 : 0;
	if (sess->sup_prot_ops & (TARGET_PROT_DIN_PASS | TARGET_PROT_DOUT_PASS) &&
	    (attrib->pi_prot_type || sess->sess_prot_type))
		page[5] |= 0x80;		/* ATO */
	put_unaligned_be16(0xffff, page + 8);	/* busy for how long: no limit */
	put_unaligned_be16(30, page + 10);	/* seconds for a self-test */
}

/* Row H23: IALUAE.  By default it is allowed if it is possible at all. */
static void tiscsi_mode_control_extension(struct se_cmd *se_cmd,
					  enum tiscsi_mode_values values,
					  u8 *page)
{
	struct tiscsi_lu *lu = to_tiscsi_cmd(se_cmd)->itl->lu;

	page[4] = tiscsi_alua_is_implicit(lu, values == VALUES_CURRENT);
}

/**
 * struct tiscsi_mode_page - a mode page
 * @code: PAGE CODE
 * @subcode: SUBPAGE CODE, 0 for a page without one
 * @len: of all of it
 * @fill: sets what is not 0 behind its header
 */
struct tiscsi_mode_page {
	u8 code;
	u8 subcode;
	u8 len;
	void (*fill)(struct se_cmd *se_cmd, enum tiscsi_mode_values values,
		     u8 *page);
};

static const struct tiscsi_mode_page tiscsi_mode_pages[] = {
	{ 0x01, 0x00, 12 },		/* read-write error recovery */
	{ 0x08, 0x00, 20, tiscsi_mode_caching },
	{ 0x0a, 0x00, 12, tiscsi_mode_control },
	{ 0x0a, 0x01, 32, tiscsi_mode_control_extension },
	{ 0x1c, 0x00, 12 },		/* informational exceptions */
};

#define MODE_NR_PAGES		ARRAY_SIZE(tiscsi_mode_pages)

/* Makes a page of MODE_PAGE_MAX bytes. */
static void tiscsi_mode_make(const struct tiscsi_mode_page *row,
			     struct se_cmd *se_cmd,
			     enum tiscsi_mode_values values, u8 *page)
{
	memset(page, 0, MODE_PAGE_MAX);
	page[0] = row->code;
	if (row->subcode) {
		page[0] |= MODE_SPF;
		page[1] = row->subcode;
		put_unaligned_be16(row->len - 4, page + 2);
	} else {
		page[1] = row->len - 2;
	}
	if (row->fill)
		row->fill(se_cmd, values, page);
}

/* ------------------------------------------------------------------ */
/* MODE SENSE                                                          */
/* ------------------------------------------------------------------ */

static bool tiscsi_mode_is_asked(const struct tiscsi_mode_page *row,
				 const u8 *cdb)
{
	u8 code = cdb[2] & MODE_PAGE_MASK, subcode = cdb[3];

	if (code != row->code && code != MODE_ALL_PAGES)
		return false;
	if (subcode == MODE_ALL_SUBPAGES)
		return true;
	return subcode == row->subcode && (!subcode || code == row->code);
}

/* A block descriptor; returns its length. */
static u32 tiscsi_mode_desc(struct se_device *dev, bool may_be_long, u8 *desc)
{
	u64 blocks = dev->transport->get_blocks(dev);
	u32 size = dev->dev_attrib.block_size;

	if (may_be_long && blocks > U32_MAX) {
		put_unaligned_be64(blocks, desc);
		put_unaligned_be32(size, desc + 12);
		return MODE_LONG_DESC_LEN;
	}
	put_unaligned_be32(min_t(u64, blocks, U32_MAX), desc);
	put_unaligned_be32(size, desc + 4);
	return MODE_DESC_LEN;
}

/* The DEVICE-SPECIFIC PARAMETER of a disk (SBC-3 6.5.1). */
static u8 tiscsi_mode_device(struct se_cmd *se_cmd)
{
	u8 device = 0;

	if (se_cmd->se_lun->lun_access_ro || target_lun_is_rdonly(se_cmd))
		device |= MODE_WP;
	if (tiscsi_dev_has_fua(se_cmd->se_dev))
		device |= MODE_DPOFUA;
	return device;
}

/* Header and block descriptor; MODE DATA LENGTH is not known yet. */
static void tiscsi_mode_head(struct tiscsi_answer *ans, struct se_cmd *se_cmd)
{
	const u8 *cdb = se_cmd->t_task_cdb;
	bool ten = cdb[0] == MODE_SENSE_10;
	u8 desc[MODE_LONG_DESC_LEN] = { };
	u8 head[8] = { };
	u32 len = 0;

	head[ten ? 3 : 2] = tiscsi_mode_device(se_cmd);
	if (!(cdb[1] & MODE_DBD))
		len = tiscsi_mode_desc(se_cmd->se_dev,
				       ten && cdb[1] & MODE_LLBAA, desc);
	head[ten ? 7 : 3] = len;
	if (len == MODE_LONG_DESC_LEN)
		head[4] = MODE_LONGLBA;
	tiscsi_answer_put(ans, head, ten ? 8 : 4);
	tiscsi_answer_put(ans, desc, len);
}

/* In place of the core's execute_cmd. */
static sense_reason_t tiscsi_execute_mode_sense(struct se_cmd *se_cmd)
{
	const u8 *cdb = se_cmd->t_task_cdb;
	bool ten = cdb[0] == MODE_SENSE_10;
	struct tiscsi_answer ans;
	u8 page[MODE_PAGE_MAX];
	u32 i, head;

	if (cdb[2] >> MODE_PC_SHIFT == VALUES_SAVED) {
		tiscsi_answer_fail(se_cmd, &tiscsi_sense_no_saving);
		return 0;
	}
	if (tiscsi_answer_init(&ans, MODE_LIST_MAX))
		return TCM_OUT_OF_RESOURCES;
	tiscsi_mode_head(&ans, se_cmd);
	head = ans.len;
	for (i = 0; i < MODE_NR_PAGES; i++) {
		if (!tiscsi_mode_is_asked(&tiscsi_mode_pages[i], cdb))
			continue;
		tiscsi_mode_make(&tiscsi_mode_pages[i], se_cmd,
				 cdb[2] >> MODE_PC_SHIFT, page);
		tiscsi_answer_put(&ans, page, tiscsi_mode_pages[i].len);
	}
	if (ans.len == head) {
		kvfree(ans.data);
		return TCM_INVALID_CDB_FIELD;
	}
	if (ten)
		put_unaligned_be16(ans.len - 2, ans.data);
	else
		ans.data[0] = ans.len - 1;
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}

/* ------------------------------------------------------------------ */
/* MODE SELECT                                                         */
/* ------------------------------------------------------------------ */

/* A block descriptor may say what is so. */
static bool tiscsi_mode_desc_ok(struct se_device *dev, const u8 *desc, u32 len)
{
	u8 now[MODE_LONG_DESC_LEN] = { };
	u32 skip;

	if (!len)
		return true;
	if (len != tiscsi_mode_desc(dev, len == MODE_LONG_DESC_LEN, now))
		return false;
	/* No number of blocks: it is to stay. */
	skip = memchr_inv(desc, 0, len / 2) ? 0 : len / 2;
	return !memcmp(desc + skip, now + skip, len - skip);
}

/* Which page it is; NULL when there is none with that header. */
static const struct tiscsi_mode_page *tiscsi_mode_find(const u8 *page)
{
	u8 subcode = page[0] & MODE_SPF ? page[1] : 0;
	u32 i;

	for (i = 0; i < MODE_NR_PAGES; i++)
		if (tiscsi_mode_pages[i].code == (page[0] & MODE_PAGE_MASK) &&
		    tiscsi_mode_pages[i].subcode == subcode &&
		    !(page[0] & MODE_SPF) == !subcode)
			return &tiscsi_mode_pages[i];
	return NULL;
}

/* Does a page, of its full length, change only what may be changed? */
static bool tiscsi_mode_page_ok(const struct tiscsi_mode_page *row,
				struct se_cmd *se_cmd, const u8 *page)
{
	u8 now[MODE_PAGE_MAX], may[MODE_PAGE_MAX];
	u32 i, head = row->subcode ? 4 : 2;

	tiscsi_mode_make(row, se_cmd, VALUES_CURRENT, now);
	tiscsi_mode_make(row, se_cmd, VALUES_CHANGEABLE, may);
	if ((page[0] & ~MODE_PS) != now[0] || memcmp(page + 1, now + 1, head - 1))
		return false;
	for (i = head; i < row->len; i++)
		if ((page[i] ^ now[i]) & ~may[i])
			return false;
	return true;
}

/* Finds out what is asked for; nothing is changed yet. */
static sense_reason_t tiscsi_mode_judge(struct se_cmd *se_cmd, const u8 *list,
					u32 len, const u8 **extension)
{
	bool ten = se_cmd->t_task_cdb[0] == MODE_SELECT_10;
	u32 at = ten ? 8 : 4, desc_len;
	const struct tiscsi_mode_page *row;

	if (len < at)
		return TCM_PARAMETER_LIST_LENGTH_ERROR;
	desc_len = ten ? get_unaligned_be16(list + 6) : list[3];
	if (len - at < desc_len)
		return TCM_PARAMETER_LIST_LENGTH_ERROR;
	if (!tiscsi_mode_desc_ok(se_cmd->se_dev, list + at, desc_len))
		return TCM_INVALID_PARAMETER_LIST;
	for (at += desc_len; at < len; at += row->len) {
		if (len - at < 2)
			return TCM_PARAMETER_LIST_LENGTH_ERROR;
		row = tiscsi_mode_find(list + at);
		if (!row)
			return TCM_INVALID_PARAMETER_LIST;
		if (len - at < row->len)
			return TCM_PARAMETER_LIST_LENGTH_ERROR;
		if (!tiscsi_mode_page_ok(row, se_cmd, list + at))
			return TCM_INVALID_PARAMETER_LIST;
		if (row->fill == tiscsi_mode_control_extension)
			*extension = list + at;
	}
	return 0;
}

/* In place of the core's execute_cmd: all of it, or nothing. */
static sense_reason_t tiscsi_execute_mode_select(struct se_cmd *se_cmd)
{
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);
	struct tiscsi_lu *lu = cmd->itl->lu;
	u32 len = se_cmd->data_length;
	const u8 *extension = NULL;
	u8 list[MODE_LIST_MAX];
	sense_reason_t ret;

	if (!(se_cmd->t_task_cdb[1] & MODE_PF) ||
	    se_cmd->t_task_cdb[1] & MODE_SP)
		return TCM_INVALID_CDB_FIELD;
	if (len > MODE_LIST_MAX)
		return TCM_PARAMETER_LIST_LENGTH_ERROR;
	if (len) {
		sg_copy_to_buffer(cmd->sg, cmd->sg_nents, list, len);
		ret = tiscsi_mode_judge(se_cmd, list, len, &extension);
		if (ret)
			return ret;
	}
	if (extension && tiscsi_alua_let_implicit(lu, extension[4] & 1))
		tiscsi_lu_attend_others(lu, BIT(UA_MODE_CHANGED), cmd->sess);
	target_complete_cmd(se_cmd, SAM_STAT_GOOD);
	return 0;
}

/* ------------------------------------------------------------------ */
/* taking them from the core                                           */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_mode_attach - take a MODE SENSE or MODE SELECT command over
 * @cmd: parsed by the core; its logical unit is known
 *
 * A device behind the core is asked itself.  io_work.
 */
void tiscsi_mode_attach(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;
	const u8 *cdb = se_cmd->t_task_cdb;

	if (se_cmd->se_dev->transport_flags & TRANSPORT_FLAG_PASSTHROUGH)
		return;
	if (cdb[0] == MODE_SENSE || cdb[0] == MODE_SENSE_10)
		se_cmd->execute_cmd = tiscsi_execute_mode_sense;
	else
		se_cmd->execute_cmd = tiscsi_execute_mode_select;
}
