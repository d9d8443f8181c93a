// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: what the tables of attributes have in common, and the files at
 * the top of the fabric.  Documentation/ABI/testing-configfs-target-iscsi
 * describes every file.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "door.h"

/* RFC 7143 9.2.1: less than 96 bits is not a secret (row B67). */
#define TISCSI_SECRET_MIN	12
/* How much of a bad value the log repeats. */
#define TISCSI_ECHO_MAX		64

/*
 * Protects every struct tiscsi_auth.  A leaf, process context; held for the
 * copying of strings only.
 */
DEFINE_SPINLOCK(tiscsi_auth_lock);
struct tiscsi_auth tiscsi_discovery_auth;

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
 * @attrs: table, every one of it in a struct tiscsi_tunable
 * @base: structure that holds the values
 *
 * Any context; nobody else uses @base yet.
 */
void tiscsi_tunables_init(struct configfs_attribute **attrs, void *base)
{
	const struct tiscsi_tunable *t;

	for (; *attrs; attrs++) {
		t = container_of(*attrs, struct tiscsi_tunable, attr);
		*tiscsi_tunable_field(t, base) = t->def;
	}
}

/* ------------------------------------------------------------------ */
/* credentials                                                         */
/* ------------------------------------------------------------------ */

#define AUTH_ROW(_name)							\
	{								\
		.name = #_name,						\
		.value = offsetof(struct tiscsi_auth, _name),		\
		.set = offsetof(struct tiscsi_auth, _name##_set),	\
	}

static const struct {
	const char *name;
	size_t value;
	size_t set;
} tiscsi_auth_fields[AUTH_NR_FIELDS] = {
	[AUTH_FIELD_USERID]		= AUTH_ROW(userid),
	[AUTH_FIELD_PASSWORD]		= AUTH_ROW(password),
	[AUTH_FIELD_USERID_MUTUAL]	= AUTH_ROW(userid_mutual),
	[AUTH_FIELD_PASSWORD_MUTUAL]	= AUTH_ROW(password_mutual),
};

static char *tiscsi_auth_value(struct tiscsi_auth *auth,
			       enum tiscsi_auth_field field)
{
	return (char *)auth + tiscsi_auth_fields[field].value;
}

static bool *tiscsi_auth_is_set(struct tiscsi_auth *auth,
				enum tiscsi_auth_field field)
{
	return (void *)auth + tiscsi_auth_fields[field].set;
}

/**
 * tiscsi_auth_show - show a user name or secret
 * @auth: credentials
 * @field: which
 * @page: where to
 *
 * Return: bytes, an empty line if it is not set; -EPERM without CAP_SYS_ADMIN.
 * Process context.
 */
ssize_t tiscsi_auth_show(struct tiscsi_auth *auth,
			 enum tiscsi_auth_field field, char *page)
{
	ssize_t len;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	spin_lock(&tiscsi_auth_lock);
	len = sysfs_emit(page, "%s\n", tiscsi_auth_value(auth, field));
	spin_unlock(&tiscsi_auth_lock);
	return len;
}

/**
 * tiscsi_auth_show_mutual - show whether the target authenticates itself
 * @auth: credentials
 * @page: where to
 *
 * Return: bytes; -EPERM without CAP_SYS_ADMIN.  Process context.
 */
ssize_t tiscsi_auth_show_mutual(struct tiscsi_auth *auth, char *page)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return sysfs_emit(page, "%d\n", READ_ONCE(auth->authenticate_target));
}

/* Length of a user name or secret without its newline, or -EINVAL. */
static int tiscsi_auth_check(struct config_item *item, const char *name,
			     const char *page, size_t count)
{
	size_t len = count, i;

	if (len && page[len - 1] == '\n')
		len--;
	if (len >= TISCSI_SECRET_LEN) {
		tiscsi_refuse(item, name, "longer than %d bytes",
			      TISCSI_SECRET_LEN - 1);
		return -EINVAL;
	}
	for (i = 0; i < len; i++) {
		if (iscntrl(page[i])) {
			tiscsi_refuse(item, name, "has a control character");
			return -EINVAL;
		}
	}
	return len;
}

/* Do both directions have the same secret (RFC 7143 9.2.1, row B67)? */
static bool tiscsi_auth_same_secrets(struct tiscsi_auth *auth,
				     enum tiscsi_auth_field field,
				     const char *text, size_t len)
{
	enum tiscsi_auth_field other;
	const char *secret;

	if (field == AUTH_FIELD_PASSWORD)
		other = AUTH_FIELD_PASSWORD_MUTUAL;
	else if (field == AUTH_FIELD_PASSWORD_MUTUAL)
		other = AUTH_FIELD_PASSWORD;
	else
		return false;

	lockdep_assert_held(&tiscsi_auth_lock);
	secret = tiscsi_auth_value(auth, other);
	return *tiscsi_auth_is_set(auth, other) && len == strlen(secret) &&
	       !memcmp(secret, text, len);
}

static void tiscsi_auth_set(struct tiscsi_auth *auth,
			    enum tiscsi_auth_field field, const char *text,
			    size_t len)
{
	char *value = tiscsi_auth_value(auth, field);

	lockdep_assert_held(&tiscsi_auth_lock);
	memzero_explicit(value, TISCSI_SECRET_LEN);
	memcpy(value, text, len);
	*tiscsi_auth_is_set(auth, field) = len;
	auth->authenticate_target = auth->userid_mutual_set &&
				    auth->password_mutual_set;
}

/**
 * tiscsi_auth_store - take a user name or secret
 * @item: directory of the file
 * @auth: credentials it belongs to
 * @field: which
 * @page: text; one newline at its end is dropped, "NULL" or nothing clears
 * @count: its length
 *
 * Return: @count; -EPERM without CAP_SYS_ADMIN; -EINVAL with a line in the log
 * and nothing changed if it has 256 bytes or more, a control character, or is
 * the secret of the other direction.  Process context.
 */
ssize_t tiscsi_auth_store(struct config_item *item, struct tiscsi_auth *auth,
			  enum tiscsi_auth_field field, const char *page,
			  size_t count)
{
	const char *name = tiscsi_auth_fields[field].name;
	bool same;
	int len;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	len = tiscsi_auth_check(item, name, page, count);
	if (len < 0)
		return len;
	if (len == 4 && !memcmp(page, "NULL", 4))
		len = 0;

	spin_lock(&tiscsi_auth_lock);
	same = len && tiscsi_auth_same_secrets(auth, field, page, len);
	if (!same)
		tiscsi_auth_set(auth, field, page, len);
	spin_unlock(&tiscsi_auth_lock);

	if (same) {
		tiscsi_refuse(item, name,
			      "both directions would have the same secret");
		return -EINVAL;
	}
	if (len && len < TISCSI_SECRET_MIN &&
	    (field == AUTH_FIELD_PASSWORD ||
	     field == AUTH_FIELD_PASSWORD_MUTUAL))
		pr_warn_ratelimited("%pd4/%s/%s: taken, but shorter than the %d bytes that RFC 7143 asks for\n",
				    item->ci_parent->ci_dentry,
				    config_item_name(item), name,
				    TISCSI_SECRET_MIN);
	return count;
}

/* ------------------------------------------------------------------ */
/* discovery_auth                                                      */
/* ------------------------------------------------------------------ */

static struct tiscsi_auth *discovery_get(struct config_item *item)
{
	return &tiscsi_discovery_auth;
}

TISCSI_AUTH_STRING(discovery, userid, USERID);
TISCSI_AUTH_STRING(discovery, password, PASSWORD);
TISCSI_AUTH_MUTUAL(discovery, authenticate_target);
TISCSI_AUTH_STRING(discovery, userid_mutual, USERID_MUTUAL);
TISCSI_AUTH_STRING(discovery, password_mutual, PASSWORD_MUTUAL);

static ssize_t discovery_enforce_discovery_auth_show(struct config_item *item,
						     char *page)
{
	return sysfs_emit(page, "%d\n",
		READ_ONCE(tiscsi_discovery_auth.enforce_discovery_auth));
}

static ssize_t discovery_enforce_discovery_auth_store(struct config_item *item,
						      const char *page,
						      size_t count)
{
	u32 val;

	if (kstrtou32(page, 0, &val) || val > 1) {
		tiscsi_refuse(item, "enforce_discovery_auth",
			      "is neither 0 nor 1");
		return -EINVAL;
	}
	WRITE_ONCE(tiscsi_discovery_auth.enforce_discovery_auth, val);
	return count;
}

CONFIGFS_ATTR(discovery_, enforce_discovery_auth);

struct configfs_attribute *tiscsi_discovery_attrs[] = {
	&discovery_attr_userid,
	&discovery_attr_password,
	&discovery_attr_authenticate_target,
	&discovery_attr_userid_mutual,
	&discovery_attr_password_mutual,
	&discovery_attr_enforce_discovery_auth,
	NULL,
};

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
