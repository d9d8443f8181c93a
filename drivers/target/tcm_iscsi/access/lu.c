// SPDX-License-Identifier: GPL-2.0
/*
 * Logical units: one object for each se_device, from the first LUN of this
 * fabric that is linked to it to the last, whatever targets and portal groups
 * they are in.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>

#include "access.h"

static LIST_HEAD(tiscsi_lus);
static DEFINE_MUTEX(tiscsi_lus_lock);

static void tiscsi_lu_release(struct kref *ref)
{
	struct tiscsi_lu *lu = container_of(ref, struct tiscsi_lu, ref);

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

static struct tiscsi_lu *tiscsi_lu_alloc(struct se_device *dev)
{
	struct tiscsi_lu *lu = kzalloc(sizeof(*lu), GFP_KERNEL);

	if (!lu)
		return NULL;
	kref_init(&lu->ref);
	lu->dev = dev;
	spin_lock_init(&lu->lock);
	INIT_LIST_HEAD(&lu->itls);
	return lu;
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

/**
 * tiscsi_lu_find - the logical unit of a device
 * @dev: the device
 *
 * Process context, may sleep.
 *
 * Return: the logical unit with a reference, or NULL while no LUN of this
 * fabric is linked to it.
 */
struct tiscsi_lu *tiscsi_lu_find(struct se_device *dev)
{
	struct tiscsi_lu *lu;

	mutex_lock(&tiscsi_lus_lock);
	lu = tiscsi_lu_lookup(dev);
	if (lu)
		kref_get(&lu->ref);
	mutex_unlock(&tiscsi_lus_lock);
	return lu;
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
 * and are told that it is becoming ready (row I18).  Process context.
 *
 * Return: 0 or -ENOMEM.
 */
int tiscsi_lu_link(struct se_lun *lun)
{
	struct se_device *dev = tiscsi_lun_dev(lun);
	struct tiscsi_lu *lu;
	int ret = 0;

	mutex_lock(&tiscsi_lus_lock);
	lu = tiscsi_lu_lookup(dev);
	if (!lu) {
		lu = tiscsi_lu_alloc(dev);
		if (lu)
			list_add_tail(&lu->node, &tiscsi_lus);
		else
			ret = -ENOMEM;
	}
	if (!ret)
		lu->links++;
	mutex_unlock(&tiscsi_lus_lock);
	return ret;
}

/* Sessions keep their itls, which match nothing any more. */
static void tiscsi_lu_die(struct tiscsi_lu *lu)
{
	struct tiscsi_itl *itl;

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
	struct tiscsi_lu *lu;

	mutex_lock(&tiscsi_lus_lock);
	lu = tiscsi_lu_lookup(tiscsi_lun_dev(lun));
	if (lu && --lu->links)
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
 * @except: for all nexuses but this one; NULL for all
 *
 * A session that has not used the unit yet is told of a power on when it
 * does, which covers everything.  Process context.
 */
void tiscsi_lu_attend(struct tiscsi_lu *lu, enum tiscsi_ua ua,
		      const struct tiscsi_sess *except)
{
	struct tiscsi_itl *itl;

	spin_lock(&lu->lock);
	list_for_each_entry(itl, &lu->itls, lu_node)
		if (itl->sess != except)
			WRITE_ONCE(itl->attention, itl->attention | BIT(ua));
	spin_unlock(&lu->lock);
}
