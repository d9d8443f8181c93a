// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: what the tables of attributes have in common, and the files at
 * the top of the fabric.  Documentation/ABI/testing-configfs-target-iscsi
 * describes every file.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "door.h"

/* How much of a bad value the log repeats. */
#define TISCSI_ECHO_MAX		64

/* Only root gets here: enough for a restore, not for a flood. */
static DEFINE_RATELIMIT_STATE(tiscsi_refuse_limit, HZ, 100);

/**
 * tiscsi_refuse - say why a write or mkdir is refused
 * @item: directory that was written to
 * @name: file, or new directory, in it
 * @fmt: what is wrong, without newline
 *
 * One line with the path of the object, limited in rate.  Never pass a secret.
 * Process context, within a configfs operation on @item.
 */
void tiscsi_refuse(struct config_item *item, const char *name,
		   const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (!__ratelimit(&tiscsi_refuse_limit))
		return;
	va_start(args, fmt);
	vaf.va = &args;
	pr_err("%pd4/%s/%*pE: %pV\n", item->ci_parent->ci_dentry,
	       config_item_name(item),
	       (int)strnlen(name, CONFIGFS_ITEM_NAME_LEN + TISCSI_NAME_LEN),
	       name, &vaf);
	va_end(args);
}

/* ------------------------------------------------------------------ */
/* numbers                                                             */
/* ------------------------------------------------------------------ */

static s32 *tiscsi_tunable_field(const struct tiscsi_tunable *t,
				 const void *base)
{
	return (s32 *)(base + t->offset);
}

/**
 * tiscsi_tunable_show - show a number
 * @t: its row
 * @base: structure that holds it
 * @page: where to
 *
 * Return: bytes.  Any context.
 */
ssize_t tiscsi_tunable_show(const struct tiscsi_tunable *t, const void *base,
			    char *page)
{
	return sysfs_emit(page, "%d\n",
			  READ_ONCE(*tiscsi_tunable_field(t, base)));
}

static int tiscsi_tunable_parse(const struct tiscsi_tunable *t,
				const char *page, s32 *val)
{
	u32 uval;
	int ret;

	if (t->min < 0) {
		ret = kstrtos32(page, 0, val);
	} else {
		ret = kstrtou32(page, 0, &uval);
		if (!ret && uval > S32_MAX)
			return -EINVAL;
		*val = uval;
	}
	if (ret)
		return ret;
	if (*val < t->min || *val > t->max || (t->valid && !t->valid(*val)))
		return -EINVAL;
	return 0;
}

/**
 * tiscsi_tunable_store - take a number
 * @item: directory of the file
 * @t: its row
 * @base: structure that holds it
 * @page: text, decimal, octal or hexadecimal
 * @count: its length
 *
 * Return: @count, or -EINVAL or -ERANGE with a line in the log and nothing
 * changed.  Process context.
 */
ssize_t tiscsi_tunable_store(struct config_item *item,
			     const struct tiscsi_tunable *t, void *base,
			     const char *page, size_t count)
{
	s32 val;
	int ret;

	ret = tiscsi_tunable_parse(t, page, &val);
	if (ret) {
		tiscsi_refuse(item, t->attr.ca_name,
			      "\"%*pE\" is not one of the values from %d to %d that it takes",
			      (int)min_t(size_t, count, TISCSI_ECHO_MAX), page,
			      t->min, t->max);
		return ret;
	}
	if (t->apply)
		t->apply(base, val);
	else
		WRITE_ONCE(*tiscsi_tunable_field(t, base), val);
	return count;
}

/**
 * tiscsi_tunables_init - give a new object its defaults
 * @attrs: table; the first of it are in a struct tiscsi_tunable
 * @nr: how many these are
 * @base: structure that holds the values
 *
 * Any context; nobody else uses @base yet.
 */
void tiscsi_tunables_init(struct configfs_attribute **attrs, size_t nr,
			  void *base)
{
	const struct tiscsi_tunable *t;

	for (; nr; nr--, attrs++) {
		t = container_of(*attrs, struct tiscsi_tunable, attr);
		*tiscsi_tunable_field(t, base) = t->def;
	}
}

/* ------------------------------------------------------------------ */
/* files of the fabric                                                 */
/* ------------------------------------------------------------------ */

static ssize_t fabric_lio_version_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "tcm_iscsi iSCSI Target v%s\n",
			  TISCSI_VERSION);
}

CONFIGFS_ATTR_RO(fabric_, lio_version);

static ssize_t fabric_cpus_allowed_list_show(struct config_item *item,
					     char *page)
{
	cpumask_var_t mask;
	ssize_t len;

	if (!alloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	tiscsi_cpus_allowed_get(mask);
	len = sysfs_emit(page, "%*pbl\n", cpumask_pr_args(mask));
	free_cpumask_var(mask);
	return len;
}

static ssize_t fabric_cpus_allowed_list_store(struct config_item *item,
					      const char *page, size_t count)
{
	cpumask_var_t mask;
	int ret;

	if (!alloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	ret = cpulist_parse(page, mask);
	if (!ret && cpumask_empty(mask))
		ret = -EINVAL;
	if (ret)
		tiscsi_refuse(item, "cpus_allowed_list",
			      "\"%*pE\" is no list of CPUs below %u",
			      (int)min_t(size_t, count, TISCSI_ECHO_MAX), page,
			      nr_cpu_ids);
	else
		tiscsi_cpus_allowed_set(mask);
	free_cpumask_var(mask);
	return ret ? ret : count;
}

CONFIGFS_ATTR(fabric_, cpus_allowed_list);

struct configfs_attribute *tiscsi_wwn_attrs[] = {
	&fabric_attr_lio_version,
	&fabric_attr_cpus_allowed_list,
	NULL,
};
