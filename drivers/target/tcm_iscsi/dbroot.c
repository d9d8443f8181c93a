// SPDX-License-Identifier: GPL-2.0
/*
 * The directory in which persistent reservations are kept, ours and the core's.
 *
 * The core writes <dbroot>/pr/aptpl_* at every PERSISTENT RESERVE OUT REGISTER
 * but makes no directory, and rtslib moves dbroot to a folder of its own that
 * has none: on a stock system every registration ends 02/08/00 (K6).  So make
 * it when a LUN is linked; rtslib has set dbroot by then, since the core takes
 * no other value once there is a device.  That is also when it is read: later
 * readers hold locks that configfs must not be entered with.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "tcm_iscsi.h"

#define TISCSI_DBROOT_FILE	"/sys/kernel/config/target/dbroot"
#define TISCSI_DBROOT_LEN	256

static DEFINE_MUTEX(tiscsi_dbroot_lock);
static char tiscsi_dbroot[TISCSI_DBROOT_LEN];

static int tiscsi_dbroot_read(char *buf)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t len;

	file = filp_open(TISCSI_DBROOT_FILE, O_RDONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	len = kernel_read(file, buf, TISCSI_DBROOT_LEN - 1, &pos);
	filp_close(file, NULL);
	if (len <= 0)
		return len ?: -ENODATA;
	buf[len] = '\0';
	strim(buf);
	return 0;
}

static int tiscsi_mkdir(const char *name)
{
	struct dentry *dentry;
	struct path path;
	int ret;

	dentry = kern_path_create(AT_FDCWD, name, &path, LOOKUP_DIRECTORY);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	ret = tiscsi_vfs_mkdir(&path, dentry, 0700);
	done_path_create(&path, dentry);
	return ret;
}

/**
 * tiscsi_dbroot_path - name a file that the core's directory has or may have
 * @fmt: its name below dbroot, and what else printf() takes
 *
 * Process context, may sleep.
 *
 * Return: the name, to be freed with kfree(), or NULL.
 */
char *tiscsi_dbroot_path(const char *fmt, ...)
{
	char *name, *path = NULL;
	va_list args;

	va_start(args, fmt);
	name = kvasprintf(GFP_KERNEL, fmt, args);
	va_end(args);
	mutex_lock(&tiscsi_dbroot_lock);
	if (name && *tiscsi_dbroot)
		path = kasprintf(GFP_KERNEL, "%s/%s", tiscsi_dbroot, name);
	mutex_unlock(&tiscsi_dbroot_lock);
	kfree(name);
	return path;
}

/**
 * tiscsi_dbroot_sync - have a directory's entries written to the disk
 * @name: of the directory below dbroot; "" for dbroot itself
 *
 * Process context, may sleep for as long as the disk takes.
 *
 * Return: 0 when they are there, or a negative errno.
 */
int tiscsi_dbroot_sync(const char *name)
{
	char *path = tiscsi_dbroot_path("%s", name);
	struct file *dir;
	int ret;

	if (!path)
		return -ENOMEM;
	dir = filp_open(path, O_RDONLY | O_DIRECTORY, 0);
	kfree(path);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	ret = vfs_fsync(dir, 0);
	filp_close(dir, NULL);
	/* Some file systems have nothing to sync in a directory. */
	return ret == -EINVAL ? 0 : ret;
}

/**
 * tiscsi_dbroot_learn - find out which directory it is
 *
 * When a LUN is linked.  A failure is logged and no more: everything but
 * reservations that are kept works without.  Process context, may sleep; no
 * lock of ours held.
 */
void tiscsi_dbroot_learn(void)
{
	char *root = kzalloc(TISCSI_DBROOT_LEN, GFP_KERNEL);
	int ret = root ? tiscsi_dbroot_read(root) : -ENOMEM;

	if (ret)
		pr_warn_ratelimited("cannot read %s: %d; reservations will not be kept\n",
				    TISCSI_DBROOT_FILE, ret);
	mutex_lock(&tiscsi_dbroot_lock);
	if (!ret)
		strscpy(tiscsi_dbroot, root, sizeof(tiscsi_dbroot));
	mutex_unlock(&tiscsi_dbroot_lock);
	kfree(root);
}

/**
 * tiscsi_dbroot_prepare - see to it that reservations can be kept
 *
 * As with tiscsi_dbroot_learn(), which has been called.  Process context, may
 * sleep.
 */
void tiscsi_dbroot_prepare(void)
{
	char *root = tiscsi_dbroot_path("%s", ""), *pr = tiscsi_dbroot_path("pr");
	int ret = -ENOENT;

	if (root && pr) {
		tiscsi_mkdir(root);
		ret = tiscsi_mkdir(pr);
		if (!ret)
			ret = tiscsi_dbroot_sync("");
	}
	if (ret && ret != -EEXIST)
		pr_warn_ratelimited("cannot make %s: %d; persistent reservations will fail\n",
				    pr ?: "a directory for them", ret);
	kfree(pr);
	kfree(root);
}
