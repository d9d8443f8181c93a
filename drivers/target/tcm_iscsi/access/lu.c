// SPDX-License-Identifier: GPL-2.0
/*
 * Logical units: one object for each se_device, from the first LUN of this
 * fabric that is linked to it to the last, whatever targets and portal groups
 * they are in.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>

#include "pr.h"

static LIST_HEAD(tiscsi_lus);
static DEFINE_MUTEX(tiscsi_lus_lock);

static void tiscsi_lu_release(struct kref *ref)
{
	struct tiscsi_lu *lu = container_of(ref, struct tiscsi_lu, ref);

	tiscsi_pr_free(rcu_dereference_protected(lu->pr, true));
	xa_destroy(&lu->alua_seen);
	xa_destroy(&lu->alua_kept);
	kfree(lu);
}

/**
 * tiscsi_lu_put - drop a reference to a logical unit
 * @lu: freed with the last one
 *
 * Process context.
 */
void tiscsi_lu_put(struct tiscsi_lu *lu)
{
	kref_put(&lu->ref, tiscsi_lu_release);
}

static struct tiscsi_lu *tiscsi_lu_lookup(struct se_device *dev)
{
	struct tiscsi_lu *lu;

	lockdep_assert_held(&tiscsi_lus_lock);
	list_for_each_entry(lu, &tiscsi_lus, node)
		if (lu->dev == dev)
			return lu;
	return NULL;
}

static struct tiscsi_lu *tiscsi_lu_make(struct se_device *dev)
{
	struct tiscsi_lu *lu = kzalloc(sizeof(*lu), GFP_KERNEL);

	if (!lu)
		return NULL;
	kref_init(&lu->ref);
	lu->dev = dev;
	spin_lock_init(&lu->lock);
	INIT_LIST_HEAD(&lu->itls);
	INIT_LIST_HEAD(&lu->line);
	mutex_init(&lu->pr_lock);
	xa_init(&lu->alua_seen);
	xa_init(&lu->alua_kept);
	list_add_tail(&lu->node, &tiscsi_lus);
	return lu;
}

/*
 * Reservations as they were when the power went (row I17), and states of port
 * groups (row H24).
 */
static int tiscsi_lu_read(struct tiscsi_lu *lu)
{
	struct tiscsi_pr *pr = NULL;
	int ret;

	tiscsi_alua_load(lu);
	ret = tiscsi_pr_load(lu, &pr);
	if (ret)
		pr_err("the reservations of the unit with serial number %*pE cannot be read: %d\n",
		       INQUIRY_VPD_SERIAL_LEN, lu->dev->t10_wwn.unit_serial,
		       ret);
	else
		RCU_INIT_POINTER(lu->pr, pr);
	return ret;
}

/**
 * tiscsi_lu_find - the logical unit of a device
 * @dev: the device
 *
 * Process context, may sleep.
 *
 * Return: the logical unit with a reference, or NULL while no LUN of this
 * fabric is linked to it, or it is not ready: see tiscsi_lu_why_not().
 */
struct tiscsi_lu *tiscsi_lu_find(struct se_device *dev)
{
	struct tiscsi_lu *lu;

	mutex_lock(&tiscsi_lus_lock);
	lu = tiscsi_lu_lookup(dev);
	if (lu && lu->state != LU_READY)
		lu = NULL;
	if (lu)
		kref_get(&lu->ref);
	mutex_unlock(&tiscsi_lus_lock);
	return lu;
}

/**
 * tiscsi_lu_why_not - why a device has no logical unit (row I18)
 * @dev: the device
 *
 * Process context, may sleep.
 *
 * Return: becoming ready, or, when what is kept of it cannot be read, that
 * somebody has to do something.
 */
const struct tiscsi_sense *tiscsi_lu_why_not(struct se_device *dev)
{
	static const struct tiscsi_sense becoming_ready = {
		NOT_READY, 0x04, 0x01 };
	static const struct tiscsi_sense intervention_required = {
		NOT_READY, 0x04, 0x03 };
	struct tiscsi_lu *lu;
	bool failed;

	mutex_lock(&tiscsi_lus_lock);
	lu = tiscsi_lu_lookup(dev);
	failed = lu && lu->state == LU_FAILED;
	mutex_unlock(&tiscsi_lus_lock);
	return failed ? &intervention_required : &becoming_ready;
}

/* The link's own count keeps the device from changing under us. */
static struct se_device *tiscsi_lun_dev(struct se_lun *lun)
{
	return rcu_dereference_raw(lun->lun_se_dev);
}

/**
 * tiscsi_lu_link - a LUN was linked to a device
 * @lun: of this fabric
 *
 * Commands that the core lets in before this is over find no logical unit
 * and are told that it is becoming ready (row I18).  When what is kept of it
 * cannot be read, it is not served; another link tries again.  Process
 * context, may sleep for as long as the disk takes.
 *
 * Return: 0, or a negative errno when the unit must not be served.
 */
int tiscsi_lu_link(struct se_lun *lun)
{
	struct se_device *dev = tiscsi_lun_dev(lun);
	struct tiscsi_lu *lu;
	int ret;

	mutex_lock(&tiscsi_lus_lock);
	lu = tiscsi_lu_lookup(dev);
	/* Who reads now, or has read, has done it for this link, too. */
	if (lu && lu->state != LU_FAILED) {
		mutex_unlock(&tiscsi_lus_lock);
		return 0;
	}
	lu = lu ?: tiscsi_lu_make(dev);
	if (!lu) {
		mutex_unlock(&tiscsi_lus_lock);
		return -ENOMEM;
	}
	lu->state = LU_READING;
	kref_get(&lu->ref);
	/* It reads files: nobody is kept waiting for that. */
	mutex_unlock(&tiscsi_lus_lock);
	ret = tiscsi_lu_read(lu);
	mutex_lock(&tiscsi_lus_lock);
	lu->state = ret ? LU_FAILED : LU_READY;
	mutex_unlock(&tiscsi_lus_lock);
	tiscsi_lu_put(lu);
	return ret;
}

/* Is another LUN of this fabric linked to the device? */
static bool tiscsi_lu_has_other(struct se_device *dev, const struct se_lun *lun)
{
	const struct se_lun *other;
	bool found = false;

	spin_lock(&dev->se_port_lock);
	list_for_each_entry(other, &dev->dev_sep_list, lun_dev_link)
		if (other != lun && tiscsi_lun_is_ours(other))
			found = true;
	spin_unlock(&dev->se_port_lock);
	return found;
}

/* Sessions keep their itls, which match nothing any more. */
static void tiscsi_lu_die(struct tiscsi_lu *lu)
{
	struct tiscsi_itl *itl;

	tiscsi_alua_let_implicit(lu, true);
	spin_lock(&lu->lock);
	list_for_each_entry(itl, &lu->itls, lu_node)
		WRITE_ONCE(itl->dev, NULL);
	spin_unlock(&lu->lock);
	tiscsi_lu_put(lu);
}

/**
 * tiscsi_lu_unlink - a LUN's link to a device is about to go
 * @lun: of this fabric; commands may still be on their way
 *
 * Process context.
 */
void tiscsi_lu_unlink(struct se_lun *lun)
{
	struct se_device *dev = tiscsi_lun_dev(lun);
	struct tiscsi_lu *lu;

	mutex_lock(&tiscsi_lus_lock);
	lu = tiscsi_lu_lookup(dev);
	/* A LUN is on the device's list before it is linked here. */
	if (lu && tiscsi_lu_has_other(dev, lun))
		lu = NULL;
	if (lu)
		list_del(&lu->node);
	mutex_unlock(&tiscsi_lus_lock);
	if (lu)
		tiscsi_lu_die(lu);
}

/**
 * tiscsi_lu_attend - establish a unit attention condition
 * @lu: on this logical unit
 * @ua: the condition
 * @sess: for the nexus of this session; NULL: for every nexus
 *
 * A session that has not used the unit yet is told of a power on when it
 * does, which covers everything.  Process context.
 */
void tiscsi_lu_attend(struct tiscsi_lu *lu, enum tiscsi_ua ua,
		      const struct tiscsi_sess *sess)
{
	struct tiscsi_itl *itl;

	spin_lock(&lu->lock);
	list_for_each_entry(itl, &lu->itls, lu_node)
		if (!sess || itl->sess == sess)
			WRITE_ONCE(itl->attention, itl->attention | BIT(ua));
	spin_unlock(&lu->lock);
}

/**
 * tiscsi_lu_attend_others - establish conditions for all nexuses but one
 * @lu: on this logical unit
 * @bits: of itl->attention
 * @sess: the session that is left out; NULL: none is
 *
 * Process context.
 */
void tiscsi_lu_attend_others(struct tiscsi_lu *lu, u32 bits,
			     const struct tiscsi_sess *sess)
{
	struct tiscsi_itl *itl;

	spin_lock(&lu->lock);
	list_for_each_entry(itl, &lu->itls, lu_node)
		if (itl->sess != sess)
			WRITE_ONCE(itl->attention, itl->attention | bits);
	spin_unlock(&lu->lock);
}

/**
 * tiscsi_lu_for_each - call a function for every logical unit
 * @fn: may sleep, but not look for logical units
 * @arg: for it
 *
 * Those that are not ready are left out.
 *
 * Process context.
 */
void tiscsi_lu_for_each(void (*fn)(struct tiscsi_lu *lu, void *arg),
			void *arg)
{
	struct tiscsi_lu *lu;

	mutex_lock(&tiscsi_lus_lock);
	list_for_each_entry(lu, &tiscsi_lus, node)
		if (lu->state == LU_READY)
			fn(lu, arg);
	mutex_unlock(&tiscsi_lus_lock);
}

/* ------------------------------------------------------------------ */
/* target ports                                                        */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_lun_is_ours - is a LUN one of this fabric's
 * @lun: linked to a device
 *
 * The core may have a copy of our operations (6.12 does), so the owner tells.
 * Any context.
 *
 * Return: whether it is.
 */
bool tiscsi_lun_is_ours(const struct se_lun *lun)
{
	return lun->lun_tpg->se_tpg_tfo->module == THIS_MODULE;
}

/**
 * tiscsi_lu_is_foreign - does another fabric export a device, too
 * @dev: the device
 *
 * Process context.
 *
 * Return: whether one does.
 */
bool tiscsi_lu_is_foreign(struct se_device *dev)
{
	struct se_lun *lun;
	bool foreign = false;

	spin_lock(&dev->se_port_lock);
	list_for_each_entry(lun, &dev->dev_sep_list, lun_dev_link)
		if (!tiscsi_lun_is_ours(lun))
			foreign = true;
	spin_unlock(&dev->se_port_lock);
	return foreign;
}

static bool tiscsi_lun_in(const struct se_lun *lun, const char *target)
{
	return tiscsi_lun_is_ours(lun) &&
	       !strcmp(to_tiscsi_tpg(lun->lun_tpg)->target->name, target);
}

/**
 * tiscsi_lu_rtpi - the relative target port identifier of a target port
 * @dev: the device
 * @target: normalised name
 * @tpgt: portal group tag
 *
 * Any context but interrupts.
 *
 * Return: the number, as everywhere else that the core says it; 0 when the
 * port does not reach the device any more.
 */
u16 tiscsi_lu_rtpi(struct se_device *dev, const char *target, u16 tpgt)
{
	struct se_lun *lun;
	u16 rtpi = 0;

	spin_lock(&dev->se_port_lock);
	list_for_each_entry(lun, &dev->dev_sep_list, lun_dev_link)
		if (tiscsi_lun_in(lun, target) &&
		    to_tiscsi_tpg(lun->lun_tpg)->tag == tpgt)
			rtpi = tiscsi_lun_rtpi(lun);
	spin_unlock(&dev->se_port_lock);
	return rtpi;
}

/**
 * tiscsi_lu_port - the target port of a relative target port identifier
 * @dev: the device
 * @rtpi: the number
 * @target: TISCSI_NAME_LEN bytes; gets its target's name
 * @tpgt: gets its portal group tag
 *
 * Return: whether there is one of this fabric.
 */
bool tiscsi_lu_port(struct se_device *dev, u16 rtpi, char *target, u16 *tpgt)
{
	struct tiscsi_tpg *tpg;
	struct se_lun *lun;
	bool found = false;

	spin_lock(&dev->se_port_lock);
	list_for_each_entry(lun, &dev->dev_sep_list, lun_dev_link) {
		if (!tiscsi_lun_is_ours(lun) ||
		    tiscsi_lun_rtpi(lun) != rtpi)
			continue;
		tpg = to_tiscsi_tpg(lun->lun_tpg);
		strscpy(target, tpg->target->name, TISCSI_NAME_LEN);
		*tpgt = tpg->tag;
		found = true;
	}
	spin_unlock(&dev->se_port_lock);
	return found;
}

/**
 * tiscsi_lu_ports - the portal groups of a target that reach a device
 * @dev: the device
 * @target: normalised name
 * @tpgts: gets their tags; one that has the device twice is there once
 * @max: room in @tpgts; what does not fit is left out
 *
 * Return: how many there are in @tpgts; with @max 0, how many there may be.
 */
u32 tiscsi_lu_ports(struct se_device *dev, const char *target, u16 *tpgts,
		    u32 max)
{
	struct se_lun *lun;
	u32 nr = 0, i;
	u16 tag;

	spin_lock(&dev->se_port_lock);
	list_for_each_entry(lun, &dev->dev_sep_list, lun_dev_link) {
		if (!tiscsi_lun_in(lun, target))
			continue;
		tag = to_tiscsi_tpg(lun->lun_tpg)->tag;
		for (i = 0; i < min(nr, max) && tpgts[i] != tag; i++)
			;
		if (max && (i < nr || nr == max))
			continue;
		if (max)
			tpgts[nr] = tag;
		nr++;
	}
	spin_unlock(&dev->se_port_lock);
	return nr;
}
