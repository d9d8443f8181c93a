// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are kept for a logical unit, and outlive a restart.
 *
 * Two for each purpose, written in turn: so one of them is whole, whatever
 * happens to the other and when.  They are in <dbroot>/pr.
 */
#include <linux/crc32c.h>
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "access.h"

/**
 * tiscsi_store_path - name a file that is kept for a logical unit
 * @lu: the logical unit
 * @what: part of the name
 * @slot: the same, a number
 *
 * Process context.
 *
 * Return: <dbroot>/pr/tiscsi_<serial><what>.<slot>, with everything but letters
 * and digits in hex, to be freed with kfree(); or NULL.
 */
char *tiscsi_store_path(struct tiscsi_lu *lu, const char *what, u32 slot)
{
	const char *serial = lu->dev->t10_wwn.unit_serial;
	char *name, *path = NULL, *p;

	name = kzalloc(3 * INQUIRY_VPD_SERIAL_LEN + 1, GFP_KERNEL);
	if (!name)
		return NULL;
	for (p = name; *serial; serial++) {
		if (isalnum(*serial) || *serial == '-')
			*p++ = *serial;
		else
			p += sprintf(p, "_%02x", (u8)*serial);
	}
	path = tiscsi_dbroot_path("pr/tiscsi_%s%s.%u", name, what, slot);
	kfree(name);
	return path;
}

/**
 * tiscsi_store_crc - checksum of a file
 * @buf: all of it
 * @len: bytes
 * @crc: where in @buf the checksum has its place; it counts as 0
 *
 * Any context.
 *
 * Return: the checksum.
 */
u32 tiscsi_store_crc(const void *buf, u32 len, __be32 *crc)
{
	__be32 old = *crc;
	u32 sum;

	*crc = 0;
	sum = crc32c(~0, buf, len);
	*crc = old;
	return sum;
}

/**
 * tiscsi_store_write - write a file
 * @path: its name, by tiscsi_store_path()
 * @buf: what it is to contain
 * @len: bytes
 *
 * Process context, may sleep for as long as the disk takes.
 *
 * Return: 0 when it is on the disk, or a negative errno.
 */
int tiscsi_store_write(const char *path, const void *buf, u32 len)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

	file = filp_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, buf, len, &pos);
	if (ret >= 0)
		ret = ret == len ? vfs_fsync(file, 0) : -EIO;
	filp_close(file, NULL);
	/* The directory entry of a new file must survive, too. */
	return ret ?: tiscsi_dbroot_sync("pr");
}

/**
 * tiscsi_store_read - read a file
 * @lu: the logical unit
 * @what: of its name, see tiscsi_store_path()
 * @slot: likewise
 * @buf: where to
 * @size: bytes of it
 *
 * Process context, may sleep for as long as the disk takes.
 *
 * Return: bytes read, or a negative errno.
 */
ssize_t tiscsi_store_read(struct tiscsi_lu *lu, const char *what, u32 slot,
			  void *buf, size_t size)
{
	char *path = tiscsi_store_path(lu, what, slot);
	struct file *file;
	loff_t pos = 0;
	ssize_t len;

	if (!path)
		return -ENOMEM;
	file = filp_open(path, O_RDONLY, 0);
	kfree(path);
	if (IS_ERR(file))
		return PTR_ERR(file);
	len = kernel_read(file, buf, size, &pos);
	filp_close(file, NULL);
	return len;
}
