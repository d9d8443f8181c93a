// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations in configfs: tpgt_N/reservations.  The core's own files,
 * core/<hba>/<device>/pr, know nothing of reservations that are kept here.
 */
#include <linux/configfs.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "../door.h"
#include "pr.h"

static const char * const tiscsi_pr_type_names[16] = {
#define PR_TYPE(_code, _name, _registrants, _others)			\
	[_code] = _name,
#include "pr_table.h"
#undef PR_TYPE
};

static int tiscsi_pr_show_reg(char *page, int at, const struct tiscsi_pr *pr,
			      const struct tiscsi_pr_reg *reg)
{
	const struct tiscsi_nexus *nexus = reg->nexus;

	return sysfs_emit_at(page, at,
			     "  %s,i,0x%6phN %s,t,0x%04x key=0x%016llx holder=%d all_target_ports=%d\n",
			     nexus->initiator, nexus->isid, nexus->target,
			     nexus->tpgt, reg->key,
			     tiscsi_pr_is_holder(pr, nexus), reg->all_tg_pt);
}

/* Room that a registration may need, and the line that stands for the rest. */
#define TISCSI_PR_REG_LINE	(2 * TISCSI_NAME_LEN + 128)

static int tiscsi_pr_show_lu(char *page, int at, const struct tiscsi_pr *pr)
{
	int len = at;
	u32 i;

	len += sysfs_emit_at(page, len,
			     "type=%u \"%s\" generation=%u aptpl=%d registrations=%u\n",
			     pr->type, tiscsi_pr_type_names[pr->type] ?: "none",
			     pr->generation, pr->aptpl, pr->nr);
	if (pr->spc2)
		len += sysfs_emit_at(page, len,
				     "  reserved (SPC-2) by %s,i,0x%6phN %s,t,0x%04x\n",
				     pr->spc2->initiator, pr->spc2->isid,
				     pr->spc2->target, pr->spc2->tpgt);
	for (i = 0; i < pr->nr; i++) {
		if (len > (int)(PAGE_SIZE - TISCSI_PR_REG_LINE)) {
			len += sysfs_emit_at(page, len, "  and %u more\n",
					     pr->nr - i);
			break;
		}
		len += tiscsi_pr_show_reg(page, len, pr, &pr->regs[i]);
	}
	return len - at;
}

static int tiscsi_pr_show_lun(char *page, int at, struct se_lun *lun)
{
	struct se_device *dev = rcu_dereference_raw(lun->lun_se_dev);
	struct tiscsi_lu *lu = dev ? tiscsi_lu_find(dev) : NULL;
	int len = at;

	if (!dev)
		return 0;
	len += sysfs_emit_at(page, len, "lun_%llu ", lun->unpacked_lun);
	if (!lu)
		return len - at + sysfs_emit_at(page, len, "not ready\n");
	if (tiscsi_pr_is_ours(lu)) {
		rcu_read_lock();
		len += tiscsi_pr_show_lu(page, len, rcu_dereference(lu->pr));
		rcu_read_unlock();
	} else if (tiscsi_lu_is_foreign(dev)) {
		len += sysfs_emit_at(page, len,
				     "kept by the target core: another fabric exports the device, too\n");
	} else {
		len += sysfs_emit_at(page, len, "kept by the device\n");
	}
	tiscsi_lu_put(lu);
	return len - at;
}

/* The core has them in the order in which they were made, the last one first. */
static struct se_lun *tiscsi_pr_lun_from(struct se_portal_group *se_tpg,
					 u64 number)
{
	struct se_lun *lun, *least = NULL;

	lockdep_assert_held(&se_tpg->tpg_lun_mutex);
	hlist_for_each_entry(lun, &se_tpg->tpg_lun_hlist, link)
		if (lun->unpacked_lun >= number &&
		    (!least || lun->unpacked_lun < least->unpacked_lun))
			least = lun;
	return least;
}

/**
 * tiscsi_pr_show - the reservations of the LUNs of a portal group
 * @tpg: the portal group
 * @page: where to
 *
 * By their numbers.  What does not fit a page is counted.  Process context.
 *
 * Return: bytes written.
 */
ssize_t tiscsi_pr_show(struct tiscsi_tpg *tpg, char *page)
{
	struct se_portal_group *se_tpg = &tpg->se_tpg;
	struct se_lun *lun;
	int len = 0;

	mutex_lock(&se_tpg->tpg_lun_mutex);
	for (lun = tiscsi_pr_lun_from(se_tpg, 0); lun;
	     lun = tiscsi_pr_lun_from(se_tpg, lun->unpacked_lun + 1)) {
		if (len > (int)(PAGE_SIZE - 2 * TISCSI_PR_REG_LINE)) {
			len += sysfs_emit_at(page, len, "and more LUNs\n");
			break;
		}
		len += tiscsi_pr_show_lun(page, len, lun);
	}
	mutex_unlock(&se_tpg->tpg_lun_mutex);
	return len;
}

/* The device of a LUN, by its logical unit; with a reference. */
static struct tiscsi_lu *tiscsi_pr_lu_of(struct tiscsi_tpg *tpg, u64 number)
{
	struct se_portal_group *se_tpg = &tpg->se_tpg;
	struct tiscsi_lu *lu = NULL;
	struct se_device *dev;
	struct se_lun *lun;

	mutex_lock(&se_tpg->tpg_lun_mutex);
	lun = tiscsi_pr_lun_from(se_tpg, number);
	if (lun && lun->unpacked_lun == number) {
		dev = rcu_dereference_raw(lun->lun_se_dev);
		if (dev)
			lu = tiscsi_lu_find(dev);
	}
	mutex_unlock(&se_tpg->tpg_lun_mutex);
	return lu;
}

/**
 * tiscsi_pr_store_attr - an administrator ends reservations
 * @tpg: the portal group
 * @page: "clear lun_N"
 *
 * As if an initiator had sent CLEAR.  Process context, may sleep.
 *
 * Return: 0; -EINVAL; -ENOENT without such a LUN; -ENOMEM; -EIO when it could
 * not be written to the store.
 */
int tiscsi_pr_store_attr(struct tiscsi_tpg *tpg, const char *page)
{
	unsigned long long number;
	enum tiscsi_pr_result ret;
	struct tiscsi_lu *lu;
	char end;

	if (sscanf(page, "clear lun_%llu%c", &number, &end) < 1 ||
	    (strchr(page, '\n') && strchr(page, '\n')[1]))
		return -EINVAL;
	lu = tiscsi_pr_lu_of(tpg, number);
	if (!lu)
		return -ENOENT;
	ret = tiscsi_pr_clear_all(lu);
	tiscsi_lu_put(lu);
	if (ret == PR_NO_MEMORY)
		return -ENOMEM;
	return ret == PR_GOOD ? 0 : -EIO;
}
