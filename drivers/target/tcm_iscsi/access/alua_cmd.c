// SPDX-License-Identifier: GPL-2.0
/*
 * REPORT TARGET PORT GROUPS and SET TARGET PORT GROUPS (SPC-4 6.37, 6.45), in
 * place of the core's (K11, K12).
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <scsi/scsi_common.h>
#include <target/target_core_backend.h>

#include "alua.h"

/* SET TARGET PORT GROUPS parameter data; more is refused. */
#define STPG_HEADER_LEN		4
#define STPG_DESC_LEN		4
#define STPG_MAX_LEN		(STPG_HEADER_LEN + 256 * STPG_DESC_LEN)

/* ------------------------------------------------------------------ */
/* REPORT TARGET PORT GROUPS                                           */
/* ------------------------------------------------------------------ */

#define RTPG_DESC_LEN		8
#define RTPG_PORT_LEN		4
#define RTPG_PREF		0x80
#define RTPG_FORMAT_MASK	0xe0
#define RTPG_FORMAT_LENGTH	0x00
#define RTPG_FORMAT_EXTENDED	0x20
#define RTPG_EXTENDED		0x10

/* A port that has the unit twice is one port. */
static bool tiscsi_rtpg_has(const struct tiscsi_answer *ans, u32 from, u16 rtpi)
{
	for (; from + RTPG_PORT_LEN <= min(ans->len, ans->size);
	     from += RTPG_PORT_LEN)
		if (get_unaligned_be16(ans->data + from + 2) == rtpi)
			return true;
	return false;
}

static bool tiscsi_lun_is_offline(struct se_lun *lun)
{
	return atomic_read(&lun->lun_tg_pt_secondary_offline) ||
	       (tiscsi_lun_is_ours(lun) &&
		!READ_ONCE(to_tiscsi_tpg(lun->lun_tpg)->active));
}

/* One port; the caller holds the lock of the list that it found it in. */
static void tiscsi_rtpg_port(struct tiscsi_answer *ans, u32 ports,
			     struct se_lun *lun)
{
	u16 rtpi = tiscsi_lun_rtpi(lun);
	u8 port[RTPG_PORT_LEN] = { };

	if (!rtpi || tiscsi_rtpg_has(ans, ports, rtpi))
		return;
	put_unaligned_be16(rtpi, port + 2);
	tiscsi_answer_put(ans, port, sizeof(port));
}

/* Counts the ports behind a descriptor that begins at @desc. */
static void tiscsi_rtpg_count(struct tiscsi_answer *ans, u32 desc)
{
	u32 nr = (ans->len - desc - RTPG_DESC_LEN) / RTPG_PORT_LEN;

	if (desc + RTPG_DESC_LEN <= ans->size)
		ans->data[desc + 7] = min_t(u32, nr, U8_MAX);
}

/* Rows H05-H07. */
static void tiscsi_rtpg_group(struct tiscsi_answer *ans, struct tiscsi_lu *lu,
			      struct t10_alua_tg_pt_gp *gp)
{
	u8 sup = gp->tg_pt_gp_alua_supported_states;
	u8 state = gp->tg_pt_gp_alua_access_state;
	u8 desc[RTPG_DESC_LEN] = { };
	u32 at = ans->len;
	struct se_lun *lun;
	void *seen;

	/* Before it is restored it is not to be relied on (row I18). */
	if (!lu && sup & AAS_SUP_TRANSITIONING)
		state = AAS_TRANSITIONING;
	/* Who does not say that it goes through transitions is not in one. */
	seen = lu ? xa_load(&lu->alua_seen, gp->tg_pt_gp_id) : NULL;
	if (state == AAS_TRANSITIONING && !(sup & AAS_SUP_TRANSITIONING) &&
	    seen)
		state = xa_to_value(seen);
	desc[0] = state | (gp->tg_pt_gp_pref ? RTPG_PREF : 0);
	desc[1] = sup;
	put_unaligned_be16(gp->tg_pt_gp_id, desc + 2);
	desc[5] = gp->tg_pt_gp_alua_access_status;
	tiscsi_answer_put(ans, desc, sizeof(desc));
	spin_lock(&gp->tg_pt_gp_lock);
	list_for_each_entry(lun, &gp->tg_pt_gp_lun_list, lun_tg_pt_gp_link)
		tiscsi_rtpg_port(ans, at + RTPG_DESC_LEN, lun);
	spin_unlock(&gp->tg_pt_gp_lock);
	tiscsi_rtpg_count(ans, at);
}

/*
 * Row H16: ports that are offline, or whose portal group is not enabled, are a
 * secondary target port group, too.  Its id is one that no other group has.
 */
static void tiscsi_rtpg_offline(struct tiscsi_answer *ans,
				struct se_device *dev, u16 id)
{
	u8 desc[RTPG_DESC_LEN] = { AAS_OFFLINE, AAS_SUP_OFFLINE };
	u32 at = ans->len;
	struct se_lun *lun;

	put_unaligned_be16(id, desc + 2);
	spin_lock(&dev->se_port_lock);
	list_for_each_entry(lun, &dev->dev_sep_list, lun_dev_link) {
		if (!tiscsi_lun_is_offline(lun) || !tiscsi_lun_rtpi(lun))
			continue;
		desc[5] = lun->lun_tg_pt_secondary_stat;
		if (ans->len == at)
			tiscsi_answer_put(ans, desc, sizeof(desc));
		tiscsi_rtpg_port(ans, at + RTPG_DESC_LEN, lun);
	}
	spin_unlock(&dev->se_port_lock);
	if (ans->len > at)
		tiscsi_rtpg_count(ans, at);
}

/* @lu is NULL while it is not ready. */
static void tiscsi_rtpg_fill(struct tiscsi_answer *ans, struct se_device *dev,
			     struct tiscsi_lu *lu)
{
	struct t10_alua *alua = &dev->t10_alua;
	struct t10_alua_tg_pt_gp *gp;
	u16 free_id = U16_MAX;

	spin_lock(&alua->tg_pt_gps_lock);
	list_for_each_entry(gp, &alua->tg_pt_gps_list, tg_pt_gp_list) {
		if (gp->tg_pt_gp_id == free_id)
			free_id--;
		if (gp->tg_pt_gp_members)
			tiscsi_rtpg_group(ans, lu, gp);
	}
	spin_unlock(&alua->tg_pt_gps_lock);
	tiscsi_rtpg_offline(ans, dev, free_id);
}

/* Row H04: of the group of the port that is asked, in seconds. */
static u8 tiscsi_rtpg_transition_time(struct se_lun *lun)
{
	struct t10_alua_tg_pt_gp *gp;
	u8 secs = 0;

	rcu_read_lock();
	gp = rcu_dereference(lun->lun_tg_pt_gp);
	if (gp)
		secs = gp->tg_pt_gp_implicit_trans_secs;
	rcu_read_unlock();
	return secs;
}

/* In place of the core's execute_cmd; rows H03-H07. */
static sense_reason_t tiscsi_execute_rtpg(struct se_cmd *se_cmd)
{
	u8 format = se_cmd->t_task_cdb[1] & RTPG_FORMAT_MASK;
	struct tiscsi_itl *itl = to_tiscsi_cmd(se_cmd)->itl;
	struct se_device *dev = se_cmd->se_dev;
	struct tiscsi_answer ans;
	u8 header[8] = { };

	if (format != RTPG_FORMAT_LENGTH && format != RTPG_FORMAT_EXTENDED)
		return TCM_INVALID_CDB_FIELD;
	/* A port may be there twice: in its group, and as offline. */
	if (tiscsi_answer_init(&ans, sizeof(header) +
			       (READ_ONCE(dev->t10_alua.alua_tg_pt_gps_count) +
				2) * RTPG_DESC_LEN +
			       READ_ONCE(dev->export_count) * 2 *
			       RTPG_PORT_LEN))
		return TCM_OUT_OF_RESOURCES;
	header[4] = RTPG_EXTENDED;
	header[5] = tiscsi_rtpg_transition_time(se_cmd->se_lun);
	tiscsi_answer_put(&ans, header, format == RTPG_FORMAT_EXTENDED ? 8 : 4);
	tiscsi_rtpg_fill(&ans, dev, itl ? itl->lu : NULL);
	put_unaligned_be32(ans.len - 4, ans.data);
	tiscsi_answer_send(&ans, se_cmd);
	return 0;
}

/* ------------------------------------------------------------------ */
/* SET TARGET PORT GROUPS                                              */
/* ------------------------------------------------------------------ */

/* One change at a time is judged and begun, or ended; which may write a file. */
static DEFINE_MUTEX(tiscsi_alua_lock);

/* How it ends; by this the sense data is found. */
enum tiscsi_stpg_result {
	STPG_GOOD,
	STPG_BAD_CDB,
	STPG_BAD_PARAMETER,
	STPG_IN_TRANSITION,
	STPG_FAILED,
	STPG_NR_RESULTS
};

static const struct tiscsi_sense tiscsi_stpg_sense[STPG_NR_RESULTS] = {
	[STPG_BAD_CDB]		= { ILLEGAL_REQUEST, 0x24, 0x00 },
	[STPG_BAD_PARAMETER]	= { ILLEGAL_REQUEST, 0x26, 0x00 },
	[STPG_IN_TRANSITION]	= { NOT_READY, 0x04, 0x0a },
	[STPG_FAILED]		= { HARDWARE_ERROR, 0x67, 0x0a },
};

/**
 * struct tiscsi_stpg - a SET TARGET PORT GROUPS command at work
 * @work: its beginning, and its end, after the transition
 * @cmd: the command; the core waits for it to be completed
 * @lu_gp_id: the group of logical units that changes as one, 0 for none
 * @result: how it ends
 * @delay: milliseconds that the transition takes
 * @nr: of @want
 * @want: the descriptors of the parameter list
 */
struct tiscsi_stpg {
	struct delayed_work work;
	struct tiscsi_cmd *cmd;
	u16 lu_gp_id;
	enum tiscsi_stpg_result result;
	u32 delay;
	u32 nr;
	struct tiscsi_stpg_want want[];
};

static void tiscsi_stpg_complete(struct tiscsi_stpg *stpg)
{
	const struct tiscsi_sense *why = &tiscsi_stpg_sense[stpg->result];
	struct se_cmd *se_cmd = &stpg->cmd->se_cmd;
	bool good = stpg->result == STPG_GOOD;

	kfree(stpg);
	if (good)
		target_complete_cmd(se_cmd, SAM_STAT_GOOD);
	else
		tiscsi_answer_fail(se_cmd, why);
}

/* Row H25: 0 is the core's group for units that are in none. */
static u16 tiscsi_lu_gp_id(struct se_device *dev)
{
	struct t10_alua_lu_gp_member *mem = dev->dev_alua_lu_gp_mem;
	u16 id = 0;

	if (!mem)
		return 0;
	spin_lock(&mem->lu_gp_mem_lock);
	if (mem->lu_gp)
		id = mem->lu_gp->lu_gp_id;
	spin_unlock(&mem->lu_gp_mem_lock);
	return id;
}

/* Is it another unit of the same group of units? */
static bool tiscsi_stpg_concerns(const struct tiscsi_stpg *stpg,
				 const struct tiscsi_lu *lu)
{
	return lu != stpg->cmd->itl->lu && stpg->lu_gp_id &&
	       stpg->lu_gp_id == tiscsi_lu_gp_id(lu->dev);
}

/* A group that REPORT TARGET PORT GROUPS tells of. */
static struct t10_alua_tg_pt_gp *tiscsi_alua_group(struct se_device *dev,
						   u16 id)
{
	struct t10_alua_tg_pt_gp *gp;

	lockdep_assert_held(&dev->t10_alua.tg_pt_gps_lock);
	list_for_each_entry(gp, &dev->t10_alua.tg_pt_gps_list, tg_pt_gp_list)
		if (gp->tg_pt_gp_id == id && gp->tg_pt_gp_members)
			return gp;
	return NULL;
}

static struct se_lun *tiscsi_alua_port(struct se_device *dev, u16 rtpi)
{
	struct se_lun *lun;

	lockdep_assert_held(&dev->se_port_lock);
	list_for_each_entry(lun, &dev->dev_sep_list, lun_dev_link)
		if (tiscsi_lun_rtpi(lun) == rtpi)
			return lun;
	return NULL;
}

static bool tiscsi_alua_supports(const struct t10_alua_tg_pt_gp *gp, u8 state)
{
	u32 bit = state == AAS_OFFLINE ? AAS_SUP_OFFLINE : BIT(state);

	return gp->tg_pt_gp_alua_supported_states & bit;
}

/* Row H09, of a group. */
static enum tiscsi_stpg_result
tiscsi_stpg_judge_group(const struct t10_alua_tg_pt_gp *gp, u8 state)
{
	if (!gp || !(gp->tg_pt_gp_alua_access_type & TPGS_EXPLICIT) ||
	    !tiscsi_alua_supports(gp, state))
		return STPG_BAD_PARAMETER;
	if (gp->tg_pt_gp_alua_access_state == AAS_TRANSITIONING)
		return STPG_IN_TRANSITION;
	return STPG_GOOD;
}

/* Row H09, of a port. */
static enum tiscsi_stpg_result tiscsi_stpg_judge_port(struct se_device *dev,
						      u16 rtpi)
{
	enum tiscsi_stpg_result ret = STPG_BAD_PARAMETER;
	struct t10_alua_tg_pt_gp *gp = NULL;
	struct se_lun *lun;

	spin_lock(&dev->se_port_lock);
	rcu_read_lock();
	lun = tiscsi_alua_port(dev, rtpi);
	if (lun)
		gp = rcu_dereference(lun->lun_tg_pt_gp);
	if (gp && tiscsi_alua_supports(gp, AAS_OFFLINE))
		ret = STPG_GOOD;
	rcu_read_unlock();
	spin_unlock(&dev->se_port_lock);
	return ret;
}

/* No group twice with different states. */
static bool tiscsi_stpg_contradicts(const struct tiscsi_stpg *stpg)
{
	const struct tiscsi_stpg_want *a, *b;

	for (a = stpg->want; a < stpg->want + stpg->nr; a++)
		for (b = a + 1; b < stpg->want + stpg->nr; b++)
			if (a->id == b->id && a->state != b->state &&
			    a->state != AAS_OFFLINE && b->state != AAS_OFFLINE)
				return true;
	return false;
}

static enum tiscsi_stpg_result tiscsi_stpg_judge(struct tiscsi_stpg *stpg)
{
	struct se_device *dev = stpg->cmd->se_cmd.se_dev;
	enum tiscsi_stpg_result ret = STPG_GOOD;
	struct tiscsi_stpg_want *want = stpg->want;

	if (tiscsi_stpg_contradicts(stpg))
		return STPG_BAD_PARAMETER;
	for (; want < stpg->want + stpg->nr && ret == STPG_GOOD; want++) {
		if (want->state == AAS_OFFLINE) {
			ret = tiscsi_stpg_judge_port(dev, want->id);
		} else if (want->state <= AAS_UNAVAILABLE) {
			spin_lock(&dev->t10_alua.tg_pt_gps_lock);
			ret = tiscsi_stpg_judge_group(tiscsi_alua_group(dev, want->id),
						      want->state);
			spin_unlock(&dev->t10_alua.tg_pt_gps_lock);
		} else {
			ret = STPG_BAD_PARAMETER;
		}
	}
	return ret;
}

/* The caller holds tg_pt_gps_lock. */
static void tiscsi_stpg_begin_group(struct tiscsi_stpg *stpg,
				    struct t10_alua_tg_pt_gp *gp, u8 state)
{
	if (gp->tg_pt_gp_alua_access_state == state)
		return;
	stpg->delay = max_t(u32, stpg->delay, gp->tg_pt_gp_trans_delay_msecs);
	if (gp->tg_pt_gp_alua_supported_states & AAS_SUP_TRANSITIONING)
		WRITE_ONCE(gp->tg_pt_gp_alua_access_state, AAS_TRANSITIONING);
}

/* The groups of one unit go into transition. */
static void tiscsi_stpg_begin(struct tiscsi_stpg *stpg, struct tiscsi_lu *lu)
{
	struct t10_alua *alua = &lu->dev->t10_alua;
	struct t10_alua_tg_pt_gp *gp;
	u32 i;

	spin_lock(&alua->tg_pt_gps_lock);
	for (i = 0; i < stpg->nr; i++) {
		if (stpg->want[i].state == AAS_OFFLINE)
			continue;
		gp = tiscsi_alua_group(lu->dev, stpg->want[i].id);
		if (gp)
			tiscsi_stpg_begin_group(stpg, gp, stpg->want[i].state);
	}
	spin_unlock(&alua->tg_pt_gps_lock);
	tiscsi_lu_attend_others(lu, HOLD_ALUA, NULL);
}

static void tiscsi_stpg_begin_other(struct tiscsi_lu *lu, void *arg)
{
	if (tiscsi_stpg_concerns(arg, lu))
		tiscsi_stpg_begin(arg, lu);
}

/* Whether something changed. */
static bool tiscsi_stpg_end_group(struct tiscsi_lu *lu,
				  struct t10_alua_tg_pt_gp *gp, u8 state)
{
	WRITE_ONCE(gp->tg_pt_gp_alua_access_state, state);
	/* What came to nothing is told to who asked for it, to nobody else. */
	if (tiscsi_alua_see(lu, gp) != BIT(UA_ALUA_CHANGED))
		return false;
	gp->tg_pt_gp_alua_access_status = AAS_STATUS_EXPLICIT;
	return true;
}

static bool tiscsi_stpg_end_port(struct se_device *dev, u16 rtpi)
{
	struct se_lun *lun;
	bool changed = false;

	spin_lock(&dev->se_port_lock);
	lun = tiscsi_alua_port(dev, rtpi);
	if (lun) {
		lun->lun_tg_pt_secondary_stat = AAS_STATUS_EXPLICIT;
		changed = !atomic_xchg(&lun->lun_tg_pt_secondary_offline, 1);
	}
	spin_unlock(&dev->se_port_lock);
	return changed;
}

/*
 * The new states of one unit; row H21: all are told but who asked for it.
 * Returns false if a group is gone.
 */
static bool tiscsi_stpg_end(struct tiscsi_stpg *stpg, struct tiscsi_lu *lu)
{
	struct t10_alua *alua = &lu->dev->t10_alua;
	bool changed = false, all = true;
	struct t10_alua_tg_pt_gp *gp;
	u32 i;

	spin_lock(&alua->tg_pt_gps_lock);
	for (i = 0; i < stpg->nr; i++) {
		if (stpg->want[i].state == AAS_OFFLINE)
			continue;
		gp = tiscsi_alua_group(lu->dev, stpg->want[i].id);
		if (gp)
			changed |= tiscsi_stpg_end_group(lu, gp,
							 stpg->want[i].state);
		else
			all = false;
	}
	spin_unlock(&alua->tg_pt_gps_lock);
	for (i = 0; i < stpg->nr; i++)
		if (stpg->want[i].state == AAS_OFFLINE)
			changed |= tiscsi_stpg_end_port(lu->dev,
							stpg->want[i].id);
	if (changed)
		tiscsi_lu_attend_others(lu, BIT(UA_ALUA_CHANGED),
					stpg->cmd->sess);
	tiscsi_lu_attend_others(lu, HOLD_ALUA, NULL);
	return all;
}

/* Is any of the groups one whose state survives? */
static bool tiscsi_stpg_is_kept(const struct tiscsi_stpg *stpg,
				struct tiscsi_lu *lu)
{
	struct t10_alua *alua = &lu->dev->t10_alua;
	struct t10_alua_tg_pt_gp *gp;
	bool kept = false;
	u32 i;

	spin_lock(&alua->tg_pt_gps_lock);
	for (i = 0; i < stpg->nr; i++) {
		gp = tiscsi_alua_group(lu->dev, stpg->want[i].id);
		if (gp && stpg->want[i].state != AAS_OFFLINE)
			kept |= tiscsi_alua_is_kept(lu, gp);
	}
	spin_unlock(&alua->tg_pt_gps_lock);
	return kept;
}

static void tiscsi_stpg_end_other(struct tiscsi_lu *lu, void *arg)
{
	if (!tiscsi_stpg_concerns(arg, lu))
		return;
	tiscsi_stpg_end(arg, lu);
	if (tiscsi_stpg_is_kept(arg, lu))
		tiscsi_alua_store(lu, NULL, 0);
}

/* Everything stays as it was. */
static void tiscsi_stpg_give_up(struct tiscsi_stpg *stpg, struct tiscsi_lu *lu)
{
	struct tiscsi_stpg_want *want = stpg->want;
	void *seen;
	u32 nr = 0, i;

	stpg->result = STPG_FAILED;
	for (i = 0; i < stpg->nr; i++) {
		seen = xa_load(&lu->alua_seen, want[i].id);
		if (want[i].state == AAS_OFFLINE || !seen)
			continue;
		want[nr].id = want[i].id;
		want[nr++].state = xa_to_value(seen);
	}
	stpg->nr = nr;
}

/*
 * The transition is over.  Row H10: a group may be gone since it began, or the
 * states cannot be kept.
 */
static void tiscsi_stpg_end_work(struct work_struct *work)
{
	struct tiscsi_stpg *stpg = container_of(work, struct tiscsi_stpg,
						work.work);
	struct tiscsi_lu *lu = stpg->cmd->itl->lu;

	mutex_lock(&tiscsi_alua_lock);
	if (tiscsi_stpg_is_kept(stpg, lu) &&
	    tiscsi_alua_store(lu, stpg->want, stpg->nr))
		tiscsi_stpg_give_up(stpg, lu);
	if (!tiscsi_stpg_end(stpg, lu))
		stpg->result = STPG_FAILED;
	tiscsi_lu_for_each(tiscsi_stpg_end_other, stpg);
	mutex_unlock(&tiscsi_alua_lock);
	tiscsi_stpg_complete(stpg);
}

/* Row H11: all of it is valid, or nothing happens; GOOD when it is over. */
static void tiscsi_stpg_work(struct work_struct *work)
{
	struct tiscsi_stpg *stpg = container_of(work, struct tiscsi_stpg,
						work.work);

	stpg->lu_gp_id = tiscsi_lu_gp_id(stpg->cmd->se_cmd.se_dev);
	mutex_lock(&tiscsi_alua_lock);
	stpg->result = tiscsi_stpg_judge(stpg);
	if (stpg->result == STPG_GOOD) {
		tiscsi_stpg_begin(stpg, stpg->cmd->itl->lu);
		tiscsi_lu_for_each(tiscsi_stpg_begin_other, stpg);
	}
	mutex_unlock(&tiscsi_alua_lock);
	if (stpg->result != STPG_GOOD) {
		tiscsi_stpg_complete(stpg);
		return;
	}
	INIT_DELAYED_WORK(&stpg->work, tiscsi_stpg_end_work);
	queue_delayed_work(tiscsi_close_wq, &stpg->work,
			   msecs_to_jiffies(stpg->delay));
}

static void tiscsi_stpg_take_apart(struct tiscsi_stpg *stpg,
				   const struct tiscsi_cmd *cmd, u32 len)
{
	u8 list[STPG_MAX_LEN] = { };
	const u8 *desc = list + STPG_HEADER_LEN;
	u32 i;

	sg_copy_to_buffer(cmd->sg, cmd->sg_nents, list, len);
	for (i = 0; i < stpg->nr; i++, desc += STPG_DESC_LEN) {
		stpg->want[i].state = desc[0] & 0xf;
		stpg->want[i].id = get_unaligned_be16(desc + 2);
	}
}

/* In place of the core's execute_cmd; row H08. */
static sense_reason_t tiscsi_execute_stpg(struct se_cmd *se_cmd)
{
	u32 len = get_unaligned_be32(se_cmd->t_task_cdb + 6), nr;
	struct tiscsi_cmd *cmd = to_tiscsi_cmd(se_cmd);
	struct tiscsi_stpg *stpg;

	if (!tiscsi_alua_is_explicit(se_cmd->se_lun))
		return TCM_UNSUPPORTED_SCSI_OPCODE;
	if (len == 0 || len == STPG_HEADER_LEN) {
		target_complete_cmd(se_cmd, SAM_STAT_GOOD);
		return 0;
	}
	if (len < STPG_HEADER_LEN || len > cmd->data_len ||
	    len > STPG_MAX_LEN || (len - STPG_HEADER_LEN) % STPG_DESC_LEN)
		return TCM_INVALID_CDB_FIELD;
	nr = (len - STPG_HEADER_LEN) / STPG_DESC_LEN;
	stpg = kzalloc(struct_size(stpg, want, nr), GFP_KERNEL);
	if (!stpg)
		return TCM_OUT_OF_RESOURCES;
	INIT_DELAYED_WORK(&stpg->work, tiscsi_stpg_work);
	stpg->cmd = cmd;
	stpg->nr = nr;
	tiscsi_stpg_take_apart(stpg, cmd, len);
	queue_delayed_work(tiscsi_close_wq, &stpg->work, 0);
	return 0;
}

/* ------------------------------------------------------------------ */
/* taking them from the core                                           */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_alua_attach - take a command over if it is about target port groups
 * @cmd: MAINTENANCE IN or OUT, parsed by the core; its logical unit is known
 *
 * io_work.
 */
void tiscsi_alua_attach(struct tiscsi_cmd *cmd)
{
	struct se_cmd *se_cmd = &cmd->se_cmd;
	const u8 *cdb = se_cmd->t_task_cdb;
	u8 action = cdb[1] & 0x1f;

	if (!tiscsi_alua_is_ours(se_cmd->se_dev))
		return;
	if (cdb[0] == MAINTENANCE_IN && action == MI_REPORT_TARGET_PGS) {
		se_cmd->execute_cmd = tiscsi_execute_rtpg;
	} else if (cdb[0] == MAINTENANCE_OUT && action == MO_SET_TARGET_PGS) {
		se_cmd->execute_cmd = tiscsi_execute_stpg;
		/* Before memory is taken for it. */
		if (cmd->data_len > STPG_MAX_LEN)
			tiscsi_scsi_fail(cmd, &tiscsi_stpg_sense[STPG_BAD_CDB]);
	}
}
