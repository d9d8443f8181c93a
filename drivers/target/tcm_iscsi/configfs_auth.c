// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: credentials, those of discovery included.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "chap.h"
#include "door.h"

/* RFC 7143 9.2.1: less than 96 bits is not a secret (row B67). */
#define TISCSI_SECRET_MIN	12
/* Sets of credentials in one file. */
#define TISCSI_USERS_MAX	64
/* configfs cuts longer writes into pieces of this length. */
#define TISCSI_WRITE_MAX	(PAGE_SIZE - 1)

/*
 * Protects every struct tiscsi_auth, and the pointers to struct tiscsi_creds.
 * A leaf, process context; held for the copying of strings only.
 */
DEFINE_SPINLOCK(tiscsi_auth_lock);
struct tiscsi_auth tiscsi_discovery_auth;
struct tiscsi_creds *tiscsi_discovery_creds;

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

/* Row B67: taken, because configurations have it, but not silently. */
static void tiscsi_warn_weak(struct config_item *item, const char *name)
{
	pr_warn_ratelimited("%pd4/%s/%s: taken, but shorter than the %d bytes that RFC 7143 asks for\n",
			    item->ci_parent->ci_dentry, config_item_name(item),
			    name, TISCSI_SECRET_MIN);
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
		tiscsi_warn_weak(item, name);
	return count;
}

/* ------------------------------------------------------------------ */
/* more than one set of credentials                                    */
/* ------------------------------------------------------------------ */

/*
 * One file, a line for each: user name, secret, and maybe name and secret of
 * the target.  Directories would have to be removed before the portal group,
 * which none of the tools that there are would do.
 *
 * A write changes the sets that it names and no others: bash makes a write of
 * each line that it prints.
 */
static DEFINE_MUTEX(tiscsi_users_mutex);	/* writers, outside the spinlock */

/**
 * tiscsi_users_show - show sets of credentials
 * @credsp: where they are
 * @page: where to
 *
 * Return: bytes; -EPERM without CAP_SYS_ADMIN.  Process context.
 */
ssize_t tiscsi_users_show(struct tiscsi_creds **credsp, char *page)
{
	struct tiscsi_creds *creds;
	const struct tiscsi_auth *auth;
	int len = 0;
	u32 i;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	spin_lock(&tiscsi_auth_lock);
	creds = tiscsi_creds_get(*credsp);
	spin_unlock(&tiscsi_auth_lock);

	for (i = 0; creds && i < creds->nr; i++) {
		auth = &creds->v[i];
		len += sysfs_emit_at(page, len, "%s %s", auth->userid,
				     auth->password);
		if (auth->authenticate_target)
			len += sysfs_emit_at(page, len, " %s %s",
					     auth->userid_mutual,
					     auth->password_mutual);
		len += sysfs_emit_at(page, len, "\n");
	}
	tiscsi_creds_put(creds);
	return len;
}

static bool users_gap(char c)
{
	return c == ' ' || c == '\t';
}

/* The next word of a line; false at its end. */
static bool users_word(const char **line, const char *end, char *word)
{
	const char *pos = *line;
	size_t len = 0;

	while (pos < end && users_gap(*pos))
		pos++;
	while (pos + len < end && !users_gap(pos[len]))
		len++;
	*line = pos + len;
	if (!len || len >= TISCSI_SECRET_LEN)
		return false;
	memcpy(word, pos, len);
	word[len] = '\0';
	return true;
}

static bool users_has_control(const char *line, const char *end)
{
	for (; line < end; line++)
		if (iscntrl(*line) && !users_gap(*line))
			return true;
	return false;
}

/* What is wrong with a line; NULL if all is well. */
static const char *users_parse_line(struct tiscsi_auth *auth, const char *line,
				    const char *end)
{
	if (users_has_control(line, end))
		return "has a control character";
	auth->userid_set = users_word(&line, end, auth->userid);
	auth->password_set = users_word(&line, end, auth->password);
	if (!auth->userid_set || !auth->password_set)
		return "has no name and secret of at most 255 bytes each";
	auth->userid_mutual_set = users_word(&line, end, auth->userid_mutual);
	auth->password_mutual_set = users_word(&line, end,
					       auth->password_mutual);
	auth->authenticate_target = auth->password_mutual_set;
	if (line != end || auth->userid_mutual_set != auth->password_mutual_set)
		return "has neither two nor four words";
	return NULL;
}

/* Does a secret of the target authenticate an initiator, too (row B67)? */
static bool users_secrets_clash(const struct tiscsi_creds *creds)
{
	u32 i, k;

	for (i = 0; i < creds->nr; i++)
		for (k = 0; k < creds->nr; k++)
			if (creds->v[i].password_mutual_set &&
			    !strcmp(creds->v[i].password_mutual,
				    creds->v[k].password))
				return true;
	return false;
}

static u32 users_find(const struct tiscsi_creds *creds, const char *name)
{
	u32 i;

	for (i = 0; i < creds->nr; i++)
		if (!strcmp(creds->v[i].userid, name))
			break;
	return i;
}

/* "-name", or "-" for all; what is wrong with it, or NULL. */
static const char *users_remove(struct tiscsi_creds *creds, const char *name)
{
	u32 i = users_find(creds, name);

	if (!*name) {
		creds->nr = 0;
		return NULL;
	}
	if (i == creds->nr)
		return "removes a name that is not there";
	creds->nr--;
	memmove(&creds->v[i], &creds->v[i + 1],
		(creds->nr - i) * sizeof(creds->v[0]));
	return NULL;
}

static bool users_weak(const struct tiscsi_auth *auth)
{
	return strlen(auth->password) < TISCSI_SECRET_MIN ||
	       (auth->password_mutual_set &&
		strlen(auth->password_mutual) < TISCSI_SECRET_MIN);
}

/* Applies a line; what is wrong with it, or NULL. */
static const char *users_apply_line(struct tiscsi_creds *creds,
				    const char *line, const char *end,
				    struct tiscsi_auth *auth, bool *weak)
{
	const char *why;
	u32 i;

	memset(auth, 0, sizeof(*auth));
	if (*line == '-' && end - line <= TISCSI_SECRET_LEN) {
		memcpy(auth->userid, line + 1, end - line - 1);
		return users_remove(creds, auth->userid);
	}
	why = users_parse_line(auth, line, end);
	if (why)
		return why;
	i = users_find(creds, auth->userid);
	if (i == TISCSI_USERS_MAX)
		return "is one too many";
	creds->v[i] = *auth;
	creds->nr = max(creds->nr, i + 1);
	*weak |= users_weak(auth);
	return NULL;
}

/* Applies all lines; the number of a bad one and what is wrong, or 0. */
static u32 users_apply(struct tiscsi_creds *creds, const char *page,
		       size_t count, struct tiscsi_auth *auth,
		       const char **why, bool *weak)
{
	const char *line = page, *end, *last = page + count;
	u32 nr;

	for (nr = 1; line < last; nr++, line = end + 1) {
		end = memchr(line, '\n', last - line) ?: last;
		if (end == line)
			continue;
		*why = users_apply_line(creds, line, end, auth, weak);
		if (*why)
			return nr;
	}
	if (!users_secrets_clash(creds))
		return 0;
	*why = "would give both directions the same secret";
	return nr - 1;
}

/* Copies what there is, changes it, and puts it in its place. */
static int users_change(struct config_item *item, const char *name,
			struct tiscsi_creds **credsp, const char *page,
			size_t count)
{
	/* One more, for the line being read. */
	const size_t size = struct_size((struct tiscsi_creds *)NULL, v,
					TISCSI_USERS_MAX + 1);
	struct tiscsi_creds *old = *credsp, *creds;
	const char *why = "may have been cut off";
	bool weak = false;
	u32 bad = 1;

	lockdep_assert_held(&tiscsi_users_mutex);
	creds = kvzalloc(size, GFP_KERNEL);
	if (!creds)
		return -ENOMEM;
	if (old)
		memcpy(creds, old, struct_size(old, v, old->nr));
	kref_init(&creds->ref);
	creds->size = size;
	if (count < TISCSI_WRITE_MAX)
		bad = users_apply(creds, page, count,
				  &creds->v[TISCSI_USERS_MAX], &why, &weak);
	if (bad) {
		tiscsi_refuse(item, name, "line %u %s", bad, why);
		tiscsi_creds_put(creds);
		return -EINVAL;
	}
	if (weak)
		tiscsi_warn_weak(item, name);
	if (!creds->nr) {
		tiscsi_creds_put(creds);
		creds = NULL;
	}
	spin_lock(&tiscsi_auth_lock);
	*credsp = creds;
	spin_unlock(&tiscsi_auth_lock);
	tiscsi_creds_put(old);
	return 0;
}

/**
 * tiscsi_users_store - add, replace and remove sets of credentials
 * @item: directory of the file
 * @name: the file
 * @credsp: where they are
 * @page: lines of two or four words that add or replace, "-" and a name that
 *	removes, "-" alone that removes all
 * @count: its length
 *
 * Return: @count; -EPERM without CAP_SYS_ADMIN; -ENOMEM; -EINVAL with a line
 * in the log and nothing changed.  Process context.
 */
ssize_t tiscsi_users_store(struct config_item *item, const char *name,
			   struct tiscsi_creds **credsp, const char *page,
			   size_t count)
{
	int ret;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	mutex_lock(&tiscsi_users_mutex);
	ret = users_change(item, name, credsp, page, count);
	mutex_unlock(&tiscsi_users_mutex);
	return ret ? ret : count;
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

static struct tiscsi_creds **discovery_creds(struct config_item *item)
{
	return &tiscsi_discovery_creds;
}

TISCSI_USERS(discovery, users);

struct configfs_attribute *tiscsi_discovery_attrs[] = {
	&discovery_attr_userid,
	&discovery_attr_password,
	&discovery_attr_authenticate_target,
	&discovery_attr_userid_mutual,
	&discovery_attr_password_mutual,
	&discovery_attr_enforce_discovery_auth,
	&discovery_users,
	NULL,
};
