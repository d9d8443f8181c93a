/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the door share: how an attribute is described once and
 * how a value that cannot be taken is refused.
 */
#ifndef TCM_ISCSI_DOOR_H
#define TCM_ISCSI_DOOR_H

#include <linux/configfs.h>
#include <linux/cpumask.h>

#include "tcm_iscsi.h"

#define TISCSI_MODE_RO		0444
#define TISCSI_MODE_RW		0644
#define TISCSI_MODE_SECRET	0600

/**
 * struct tiscsi_tunable - a number in configfs
 * @attr: the file; show and store lead back to this row
 * @offset: of the u32 or s32 in the structure that holds all of the table
 * @min: smallest value; a negative one makes the number signed
 * @max: largest value
 * @def: value of a new object
 * @valid: which values in between are good, NULL for all
 * @apply: takes the value over where more than the field changes; gets the
 *	structure that holds the field.  NULL: just set it
 */
struct tiscsi_tunable {
	struct configfs_attribute attr;
	size_t offset;
	s32 min;
	s32 max;
	s32 def;
	bool (*valid)(s32 val);
	void (*apply)(void *base, s32 val);
};

ssize_t tiscsi_tunable_show(const struct tiscsi_tunable *t, const void *base,
			    char *page);
ssize_t tiscsi_tunable_store(struct config_item *item,
			     const struct tiscsi_tunable *t, void *base,
			     const char *page, size_t count);
void tiscsi_tunables_init(struct configfs_attribute **attrs, size_t nr,
			  void *base);

/*
 * One row of the table @_set, which is a field of @_type; @_set_get() finds
 * the structure of the table from a config_item.  What follows initialises
 * the rest of the row.
 */
#define TISCSI_TUNABLE(_set, _type, _name, ...)				\
static struct tiscsi_tunable _set##_##_name;				\
									\
static ssize_t _set##_##_name##_show(struct config_item *item,		\
				     char *page)			\
{									\
	return tiscsi_tunable_show(&_set##_##_name, _set##_get(item),	\
				   page);				\
}									\
									\
static ssize_t _set##_##_name##_store(struct config_item *item,	\
				      const char *page, size_t count)	\
{									\
	return tiscsi_tunable_store(item, &_set##_##_name,		\
				    _set##_get(item), page, count);	\
}									\
									\
static struct tiscsi_tunable _set##_##_name = {				\
	.attr = {							\
		.ca_name	= #_name,				\
		.ca_mode	= TISCSI_MODE_RW,			\
		.ca_owner	= THIS_MODULE,				\
		.show		= _set##_##_name##_show,		\
		.store		= _set##_##_name##_store,		\
	},								\
	.offset = offsetof(struct _type, _name),			\
	__VA_ARGS__							\
}

/* The strings of struct tiscsi_auth. */
enum tiscsi_auth_field {
	AUTH_FIELD_USERID,
	AUTH_FIELD_PASSWORD,
	AUTH_FIELD_USERID_MUTUAL,
	AUTH_FIELD_PASSWORD_MUTUAL,
	AUTH_NR_FIELDS
};

ssize_t tiscsi_auth_show(struct tiscsi_auth *auth,
			 enum tiscsi_auth_field field, char *page);
ssize_t tiscsi_auth_store(struct config_item *item, struct tiscsi_auth *auth,
			  enum tiscsi_auth_field field, const char *page,
			  size_t count);
ssize_t tiscsi_auth_show_mutual(struct tiscsi_auth *auth, char *page);

/*
 * The rows of a set of credentials: four of the first and one of the second.
 * @_set_get() finds the credentials from a config_item.
 */
#define TISCSI_AUTH_STRING(_set, _name, _field)				\
static ssize_t _set##_##_name##_show(struct config_item *item,		\
				     char *page)			\
{									\
	return tiscsi_auth_show(_set##_get(item), AUTH_FIELD_##_field,	\
				page);					\
}									\
									\
static ssize_t _set##_##_name##_store(struct config_item *item,	\
				      const char *page, size_t count)	\
{									\
	return tiscsi_auth_store(item, _set##_get(item),		\
				 AUTH_FIELD_##_field, page, count);	\
}									\
									\
CONFIGFS_ATTR(_set##_, _name)

#define TISCSI_AUTH_MUTUAL(_set, _name)					\
static ssize_t _set##_##_name##_show(struct config_item *item,		\
				     char *page)			\
{									\
	return tiscsi_auth_show_mutual(_set##_get(item), page);		\
}									\
									\
CONFIGFS_ATTR_RO(_set##_, _name)

ssize_t tiscsi_users_show(struct tiscsi_creds **credsp, char *page);
ssize_t tiscsi_users_store(struct config_item *item, const char *name,
			   struct tiscsi_creds **credsp, const char *page,
			   size_t count);

/* A file with several sets of credentials, which @_set_creds() finds. */
#define TISCSI_USERS(_set, _name)					\
static ssize_t _set##_##_name##_show(struct config_item *item,		\
				     char *page)			\
{									\
	return tiscsi_users_show(_set##_creds(item), page);		\
}									\
									\
static ssize_t _set##_##_name##_store(struct config_item *item,	\
				      const char *page, size_t count)	\
{									\
	return tiscsi_users_store(item, #_name, _set##_creds(item),	\
				  page, count);				\
}									\
									\
static struct configfs_attribute _set##_##_name = {			\
	.ca_name	= #_name,					\
	.ca_mode	= TISCSI_MODE_SECRET,				\
	.ca_owner	= THIS_MODULE,					\
	.show		= _set##_##_name##_show,			\
	.store		= _set##_##_name##_store,			\
}

__printf(3, 4)
void tiscsi_refuse(struct config_item *item, const char *name,
		   const char *fmt, ...);

void tiscsi_tpg_params_init(void);
void tiscsi_nacl_params_init(void);
void tiscsi_tpg_enforce_auth(struct tiscsi_tpg *tpg);
struct tiscsi_sess *tiscsi_nacl_sess_get(struct tiscsi_nacl *nacl);

void tiscsi_cpus_allowed_get(struct cpumask *mask);
void tiscsi_cpus_allowed_set(const struct cpumask *mask);

#endif /* TCM_ISCSI_DOOR_H */
