// SPDX-License-Identifier: GPL-2.0
/*
 * The directory in which persistent reservations are kept, ours and the core's.
 *
 * The core writes <dbroot>/pr/aptpl_* at every PERSISTENT RESERVE OUT REGISTER
 * but makes no directory, and rtslib moves dbroot to a folder of its own that
 * has none: on a stock system every registration ends 02/08/00 (K6).  So make
 * it when the first LUN is linked; rtslib has set dbroot by then, since the
 * core takes no other value once there is a device.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "tcm_iscsi.h"

#define TISCSI_DBROOT_FILE	"/sys/kernel/config/target/dbroot"
#define TISCSI_DBROOT_LEN	256

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
	char *root = kzalloc(TISCSI_DBROOT_LEN, GFP_KERNEL);
	char *name = NULL, *path = NULL;
	va_list args;

	va_start(args, fmt);
	if (root && !tiscsi_dbroot_read(root))
		name = kvasprintf(GFP_KERNEL, fmt, args);
	va_end(args);
	if (name)
		path = kasprintf(GFP_KERNEL, "%s/%s", root, name);
	kfree(name);
	kfree(root);
	return path;
}

/**
 * tiscsi_dbroot_prepare - see to it that reservations can be kept
 *
 * A failure is logged and no more: everything but the core's persistent
 * reservations works without.  Process context, may sleep.
 */
void tiscsi_dbroot_prepare(void)
{
	char *root = kzalloc(TISCSI_DBROOT_LEN, GFP_KERNEL);
	char *pr = NULL;
	int ret = -ENOMEM;

	if (root)
		ret = tiscsi_dbroot_read(root);
	if (!ret)
		pr = kasprintf(GFP_KERNEL, "%s/pr", root);
	if (pr) {
		tiscsi_mkdir(root);
		ret = tiscsi_mkdir(pr);
	}
	if (ret && ret != -EEXIST)
		pr_warn_ratelimited("cannot make %s: %d; persistent reservations will fail\n",
				    pr ?: TISCSI_DBROOT_FILE, ret);
	kfree(pr);
	kfree(root);
}
