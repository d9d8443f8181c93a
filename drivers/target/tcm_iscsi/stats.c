// SPDX-License-Identifier: GPL-2.0
/*
 * fabric_statistics: the counters of a target and of the newest session of a
 * node ACL, arranged as in the iSCSI MIB (RFC 4544).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/configfs.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "door.h"

/* A target is one node of its instance, and has one index there. */
#define TISCSI_STAT_NODES	1
#define TISCSI_STAT_NODE_INDEX	1

/* iscsi_instance/fail_type */
enum tiscsi_stat_sess_fail {
	SESS_FAIL_NONE,
	SESS_FAIL_DIGEST,
	SESS_FAIL_TIMEOUT,
	SESS_FAIL_FORMAT,
};

/* iscsi_tgt_attr/last_fail_type: last arc of the object that counted it */
enum tiscsi_stat_login_fail {
	LOGIN_FAIL_OTHER	= 2,
	LOGIN_FAIL_REDIRECT	= 3,
	LOGIN_FAIL_AUTHORIZE	= 4,
	LOGIN_FAIL_AUTHENTICATE	= 5,
	LOGIN_FAIL_NEGOTIATE	= 6,
};

/* One file: @_fmt and an expression of @_var, which @_get finds. */
#define STAT_FILE(_set, _var, _get, _name, _fmt, _expr)			\
static ssize_t _set##_##_name##_show(struct config_item *item,		\
				     char *page)			\
{									\
	_var = _get(item);						\
									\
	return sysfs_emit(page, _fmt "\n", _expr);			\
}									\
									\
CONFIGFS_ATTR_RO(_set##_, _name)

#define STAT_TYPE(_name)						\
static const struct config_item_type _name##_type = {			\
	.ct_attrs	= _name##_attrs,				\
	.ct_owner	= THIS_MODULE,					\
}

/* ------------------------------------------------------------------ */
/* iscsi_instance                                                      */
/* ------------------------------------------------------------------ */

static struct tiscsi_target *instance_target(struct config_item *item)
{
	return container_of(to_config_group(item), struct tiscsi_target,
			    instance_group);
}

static u32 stat_nr_portals(struct tiscsi_target *target)
{
	struct tiscsi_tpg *tpg;
	struct list_head *pos;
	u32 nr = 0;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(tpg, &target->tpgs, node)
		list_for_each(pos, &tpg->nps)
			nr++;
	mutex_unlock(&tiscsi_config_lock);
	return nr;
}

static u32 stat_nr_sessions(struct tiscsi_target *target)
{
	struct tiscsi_tpg *tpg;
	struct list_head *pos;
	u32 nr = 0;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(tpg, &target->tpgs, node) {
		spin_lock(&tpg->lock);
		list_for_each(pos, &tpg->sessions)
			nr++;
		spin_unlock(&tpg->lock);
	}
	mutex_unlock(&tiscsi_config_lock);
	return nr;
}

static u32 stat_nr_sess_fails(struct tiscsi_sess_err_stats *stats)
{
	u32 nr;

	spin_lock_bh(&stats->lock);
	nr = stats->digest_errors + stats->cxn_timeout_errors +
	     stats->pdu_format_errors;
	spin_unlock_bh(&stats->lock);
	return nr;
}

/* Shows a name that is written under @lock. */
static ssize_t stat_show_name(char *page, spinlock_t *lock, const char *name)
{
	ssize_t len;

	spin_lock_bh(lock);
	len = sysfs_emit(page, "%s\n", *name ? name : "None");
	spin_unlock_bh(lock);
	return len;
}

#define INSTANCE_FILE(_name, _fmt, _expr)				\
	STAT_FILE(instance, struct tiscsi_target *target,		\
		  instance_target, _name, _fmt, _expr)

/* The same for every target. */
#define INSTANCE_CONST(_name, _text)					\
static ssize_t instance_##_name##_show(struct config_item *item,	\
				       char *page)			\
{									\
	return sysfs_emit(page, "%s\n", _text);				\
}									\
									\
CONFIGFS_ATTR_RO(instance_, _name)

INSTANCE_FILE(inst, "%u", target->index);
/* RFC 7143 11.12.4: the only version there is. */
INSTANCE_CONST(min_ver, "0");
INSTANCE_CONST(max_ver, "0");
INSTANCE_FILE(portals, "%u", stat_nr_portals(target));
INSTANCE_CONST(nodes, __stringify(TISCSI_STAT_NODES));
INSTANCE_FILE(sessions, "%u", stat_nr_sessions(target));
INSTANCE_FILE(fail_sess, "%u", stat_nr_sess_fails(&target->sess_err));
INSTANCE_FILE(fail_type, "%u",
	      READ_ONCE(target->sess_err.last_sess_failure_type));
/* Counters never start over while the target is there. */
INSTANCE_CONST(disc_time, "0");
INSTANCE_CONST(description, "Storage Engine Target");
INSTANCE_CONST(vendor, "tcm_iscsi");
INSTANCE_CONST(version, "v" TISCSI_VERSION);

static ssize_t instance_fail_rem_name_show(struct config_item *item,
					   char *page)
{
	struct tiscsi_sess_err_stats *stats = &instance_target(item)->sess_err;

	return stat_show_name(page, &stats->lock,
			      stats->last_sess_fail_rem_name);
}

CONFIGFS_ATTR_RO(instance_, fail_rem_name);

static struct configfs_attribute *instance_attrs[] = {
	&instance_attr_inst,
	&instance_attr_min_ver,
	&instance_attr_max_ver,
	&instance_attr_portals,
	&instance_attr_nodes,
	&instance_attr_sessions,
	&instance_attr_fail_sess,
	&instance_attr_fail_type,
	&instance_attr_fail_rem_name,
	&instance_attr_disc_time,
	&instance_attr_description,
	&instance_attr_vendor,
	&instance_attr_version,
	NULL,
};

STAT_TYPE(instance);

/* ------------------------------------------------------------------ */
/* iscsi_sess_err                                                      */
/* ------------------------------------------------------------------ */

static struct tiscsi_target *sess_err_target(struct config_item *item)
{
	return container_of(to_config_group(item), struct tiscsi_target,
			    sess_err_group);
}

#define SESS_ERR_FILE(_name, _expr)					\
	STAT_FILE(sess_err, struct tiscsi_target *target,		\
		  sess_err_target, _name, "%u", _expr)

SESS_ERR_FILE(inst, target->index);
SESS_ERR_FILE(digest_errors, READ_ONCE(target->sess_err.digest_errors));
SESS_ERR_FILE(cxn_errors, READ_ONCE(target->sess_err.cxn_timeout_errors));
SESS_ERR_FILE(format_errors, READ_ONCE(target->sess_err.pdu_format_errors));

static struct configfs_attribute *sess_err_attrs[] = {
	&sess_err_attr_inst,
	&sess_err_attr_digest_errors,
	&sess_err_attr_cxn_errors,
	&sess_err_attr_format_errors,
	NULL,
};

STAT_TYPE(sess_err);

/* ------------------------------------------------------------------ */
/* iscsi_tgt_attr                                                      */
/* ------------------------------------------------------------------ */

static struct tiscsi_target *tgt_attr_target(struct config_item *item)
{
	return container_of(to_config_group(item), struct tiscsi_target,
			    tgt_attr_group);
}

static u32 stat_nr_login_fails(struct tiscsi_login_stats *stats)
{
	u32 nr;

	spin_lock_bh(&stats->lock);
	nr = stats->redirects + stats->authorize_fails +
	     stats->authenticate_fails + stats->negotiate_fails +
	     stats->other_fails;
	spin_unlock_bh(&stats->lock);
	return nr;
}

/* Hundredths of a second from boot to the last failure, 0 without one. */
static u32 stat_last_fail_time(struct tiscsi_login_stats *stats)
{
	u64 at;

	spin_lock_bh(&stats->lock);
	at = stats->last_fail_time;
	spin_unlock_bh(&stats->lock);
	return at ? div_u64((at - INITIAL_JIFFIES) * 100, HZ) : 0;
}

#define TGT_ATTR_FILE(_name, _fmt, _expr)				\
	STAT_FILE(tgt_attr, struct tiscsi_target *target,		\
		  tgt_attr_target, _name, _fmt, _expr)

TGT_ATTR_FILE(inst, "%u", target->index);
TGT_ATTR_FILE(login_fails, "%u", stat_nr_login_fails(&target->login_stats));
TGT_ATTR_FILE(last_fail_time, "%u",
	      stat_last_fail_time(&target->login_stats));
TGT_ATTR_FILE(last_fail_type, "%u",
	      READ_ONCE(target->login_stats.last_fail_type));
TGT_ATTR_FILE(fail_intr_addr_type, "%s",
	      READ_ONCE(target->login_stats.last_intr_fail_family) ==
	      AF_INET6 ? "ipv6" : "ipv4");

static ssize_t stat_indx_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", TISCSI_STAT_NODE_INDEX);
}

/* The same file in three groups. */
static struct configfs_attribute stat_attr_indx = {
	.ca_name	= "indx",
	.ca_mode	= TISCSI_MODE_RO,
	.ca_owner	= THIS_MODULE,
	.show		= stat_indx_show,
};

static ssize_t tgt_attr_fail_intr_name_show(struct config_item *item,
					    char *page)
{
	struct tiscsi_login_stats *stats = &tgt_attr_target(item)->login_stats;

	return stat_show_name(page, &stats->lock, stats->last_intr_fail_name);
}

/* Says "(einval)" while there was no failure, as tools know it. */
static ssize_t tgt_attr_fail_intr_addr_show(struct config_item *item,
					    char *page)
{
	struct tiscsi_login_stats *stats = &tgt_attr_target(item)->login_stats;
	ssize_t len;

	spin_lock_bh(&stats->lock);
	len = sysfs_emit(page, "%pISc\n", &stats->last_intr_fail_sockaddr);
	spin_unlock_bh(&stats->lock);
	return len;
}

CONFIGFS_ATTR_RO(tgt_attr_, fail_intr_name);
CONFIGFS_ATTR_RO(tgt_attr_, fail_intr_addr);

static struct configfs_attribute *tgt_attr_attrs[] = {
	&tgt_attr_attr_inst,
	&stat_attr_indx,
	&tgt_attr_attr_login_fails,
	&tgt_attr_attr_last_fail_time,
	&tgt_attr_attr_last_fail_type,
	&tgt_attr_attr_fail_intr_name,
	&tgt_attr_attr_fail_intr_addr_type,
	&tgt_attr_attr_fail_intr_addr,
	NULL,
};

STAT_TYPE(tgt_attr);

/* ------------------------------------------------------------------ */
/* iscsi_login_stats                                                   */
/* ------------------------------------------------------------------ */

static struct tiscsi_target *login_target(struct config_item *item)
{
	return container_of(to_config_group(item), struct tiscsi_target,
			    login_group);
}

#define LOGIN_FILE(_name, _expr)					\
	STAT_FILE(login, struct tiscsi_target *target, login_target,	\
		  _name, "%u", _expr)

LOGIN_FILE(inst, target->index);
LOGIN_FILE(accepts, READ_ONCE(target->login_stats.accepts));
LOGIN_FILE(other_fails, READ_ONCE(target->login_stats.other_fails));
LOGIN_FILE(redirects, READ_ONCE(target->login_stats.redirects));
LOGIN_FILE(authorize_fails, READ_ONCE(target->login_stats.authorize_fails));
LOGIN_FILE(authenticate_fails,
	   READ_ONCE(target->login_stats.authenticate_fails));
LOGIN_FILE(negotiate_fails, READ_ONCE(target->login_stats.negotiate_fails));

static struct configfs_attribute *login_attrs[] = {
	&login_attr_inst,
	&stat_attr_indx,
	&login_attr_accepts,
	&login_attr_other_fails,
	&login_attr_redirects,
	&login_attr_authorize_fails,
	&login_attr_authenticate_fails,
	&login_attr_negotiate_fails,
	NULL,
};

STAT_TYPE(login);

/* ------------------------------------------------------------------ */
/* iscsi_logout_stats                                                  */
/* ------------------------------------------------------------------ */

static struct tiscsi_target *logout_target(struct config_item *item)
{
	return container_of(to_config_group(item), struct tiscsi_target,
			    logout_group);
}

#define LOGOUT_FILE(_name, _expr)					\
	STAT_FILE(logout, struct tiscsi_target *target, logout_target,	\
		  _name, "%u", _expr)

LOGOUT_FILE(inst, target->index);
LOGOUT_FILE(normal_logouts, READ_ONCE(target->logout_stats.normal_logouts));
LOGOUT_FILE(abnormal_logouts,
	    READ_ONCE(target->logout_stats.abnormal_logouts));

static struct configfs_attribute *logout_attrs[] = {
	&logout_attr_inst,
	&stat_attr_indx,
	&logout_attr_normal_logouts,
	&logout_attr_abnormal_logouts,
	NULL,
};

STAT_TYPE(logout);

/* ------------------------------------------------------------------ */
/* acls/<iqn>/fabric_statistics/iscsi_sess_stats                       */
/* ------------------------------------------------------------------ */

static struct tiscsi_nacl *sess_nacl(struct config_item *item)
{
	return container_of(to_config_group(item), struct tiscsi_nacl,
			    sess_stats_group);
}

/* Files about a session are empty while there is none. */
#define SESS_FILE(_name, _fmt, _expr)					\
static ssize_t sess_##_name##_show(struct config_item *item, char *page) \
{									\
	struct tiscsi_sess *sess = tiscsi_nacl_sess_get(sess_nacl(item)); \
	ssize_t len;							\
									\
	if (!sess)							\
		return 0;						\
	len = sysfs_emit(page, _fmt "\n", _expr);			\
	tiscsi_sess_put(sess);						\
	return len;							\
}									\
									\
CONFIGFS_ATTR_RO(sess_, _name)

STAT_FILE(sess, struct tiscsi_nacl *nacl, sess_nacl, inst, "%u",
	  to_tiscsi_tpg(nacl->se_nacl.se_tpg)->target->index);
SESS_FILE(node, "%u", sess->discovery ? 0 : TISCSI_STAT_NODE_INDEX);
SESS_FILE(indx, "%u", sess->sid);
SESS_FILE(cmd_pdus, "%lld", atomic64_read(&sess->cmd_pdus));
SESS_FILE(rsp_pdus, "%lld", atomic64_read(&sess->rsp_pdus));
SESS_FILE(txdata_octs, "%lld", atomic64_read(&sess->tx_octets));
SESS_FILE(rxdata_octs, "%lld", atomic64_read(&sess->rx_octets));
SESS_FILE(conn_digest_errors, "%d", atomic_read(&sess->conn_digest_errors));
SESS_FILE(conn_timeout_errors, "%d",
	  atomic_read(&sess->conn_timeout_errors));

static struct configfs_attribute *sess_attrs[] = {
	&sess_attr_inst,
	&sess_attr_node,
	&sess_attr_indx,
	&sess_attr_cmd_pdus,
	&sess_attr_rsp_pdus,
	&sess_attr_txdata_octs,
	&sess_attr_rxdata_octs,
	&sess_attr_conn_digest_errors,
	&sess_attr_conn_timeout_errors,
	NULL,
};

STAT_TYPE(sess);

/* ------------------------------------------------------------------ */
/* groups                                                              */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_stats_init_target - get the counters of a new target ready
 * @target: zeroed
 */
void tiscsi_stats_init_target(struct tiscsi_target *target)
{
	spin_lock_init(&target->login_stats.lock);
	spin_lock_init(&target->logout_stats.lock);
	spin_lock_init(&target->sess_err.lock);
}

/**
 * tiscsi_stats_add_target_groups - make <iqn>/fabric_statistics/iscsi_*
 * @target: its configfs group is being made
 *
 * Process context, from the add_wwn_groups callback.
 */
void tiscsi_stats_add_target_groups(struct tiscsi_target *target)
{
	const struct {
		const char *name;
		struct config_group *group;
		const struct config_item_type *type;
	} rows[] = {
		{ "iscsi_instance", &target->instance_group, &instance_type },
		{ "iscsi_sess_err", &target->sess_err_group, &sess_err_type },
		{ "iscsi_tgt_attr", &target->tgt_attr_group, &tgt_attr_type },
		{ "iscsi_login_stats", &target->login_group, &login_type },
		{ "iscsi_logout_stats", &target->logout_group, &logout_type },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		config_group_init_type_name(rows[i].group, rows[i].name,
					    rows[i].type);
		configfs_add_default_group(rows[i].group,
					   &target->wwn.fabric_stat_group);
	}
}

/**
 * tiscsi_stats_add_nacl_groups - make
 *	acls/<iqn>/fabric_statistics/iscsi_sess_stats
 * @nacl: its configfs group is being made
 *
 * Process context, from the fabric_init_nodeacl callback.
 */
void tiscsi_stats_add_nacl_groups(struct tiscsi_nacl *nacl)
{
	config_group_init_type_name(&nacl->sess_stats_group,
				    "iscsi_sess_stats", &sess_type);
	configfs_add_default_group(&nacl->sess_stats_group,
				   &nacl->se_nacl.acl_fabric_stat_group);
}

/* ------------------------------------------------------------------ */
/* counting                                                            */
/* ------------------------------------------------------------------ */

#define INITIATOR_ERR(_detail)						\
	(ISCSI_STATUS_CLS_INITIATOR_ERR << 8 | ISCSI_LOGIN_STATUS_##_detail)

/* Counts a failed login under what it failed for. */
static enum tiscsi_stat_login_fail
stat_count_login_fail(struct tiscsi_login_stats *stats, u16 status)
{
	lockdep_assert_held(&stats->lock);
	if (status >> 8 == ISCSI_STATUS_CLS_REDIRECT) {
		stats->redirects++;
		return LOGIN_FAIL_REDIRECT;
	}
	switch (status) {
	case INITIATOR_ERR(INIT_ERR):
		stats->negotiate_fails++;
		return LOGIN_FAIL_NEGOTIATE;
	case INITIATOR_ERR(AUTH_FAILED):
		stats->authenticate_fails++;
		return LOGIN_FAIL_AUTHENTICATE;
	case INITIATOR_ERR(TGT_FORBIDDEN):
		stats->authorize_fails++;
		return LOGIN_FAIL_AUTHORIZE;
	default:
		stats->other_fails++;
		return LOGIN_FAIL_OTHER;
	}
}

static void stat_keep_name(char *to, const char *initiator_name)
{
	strscpy(to, *initiator_name ? initiator_name : "Unknown",
		TISCSI_NAME_LEN);
}

/**
 * tiscsi_stat_login - count the end of a login
 * @target: the target
 * @status: status class of the final Login Response << 8 | status detail
 *	(RFC 7143 11.13.5)
 * @peer: address of the initiator
 * @initiator_name: its name, empty if it gave none
 *
 * Process or softirq context.
 */
void tiscsi_stat_login(struct tiscsi_target *target, u16 status,
		       const struct sockaddr_storage *peer,
		       const char *initiator_name)
{
	struct tiscsi_login_stats *stats = &target->login_stats;

	spin_lock_bh(&stats->lock);
	if (status >> 8 == ISCSI_STATUS_CLS_SUCCESS) {
		stats->accepts++;
	} else {
		stats->last_fail_type = stat_count_login_fail(stats, status);
		stats->last_fail_time = get_jiffies_64();
		stats->last_intr_fail_family = peer->ss_family;
		stats->last_intr_fail_sockaddr = *peer;
		stat_keep_name(stats->last_intr_fail_name, initiator_name);
	}
	spin_unlock_bh(&stats->lock);
}

/**
 * tiscsi_stat_logout - count a Logout Request
 * @target: the target
 * @reason: ISCSI_LOGOUT_REASON_*; normal is, for the MIB, the end of a session
 *
 * Process or softirq context.
 */
void tiscsi_stat_logout(struct tiscsi_target *target, u8 reason)
{
	struct tiscsi_logout_stats *stats = &target->logout_stats;

	spin_lock_bh(&stats->lock);
	if (reason == ISCSI_LOGOUT_REASON_CLOSE_SESSION)
		stats->normal_logouts++;
	else
		stats->abnormal_logouts++;
	spin_unlock_bh(&stats->lock);
}

/**
 * tiscsi_stat_sess_err - count a connection that failed
 * @target: the target
 * @reason: why it ended; only timeouts, digest and format errors count
 * @initiator_name: its name, empty if it gave none
 *
 * Process or softirq context.
 */
void tiscsi_stat_sess_err(struct tiscsi_target *target,
			  enum tiscsi_close_reason reason,
			  const char *initiator_name)
{
	struct tiscsi_sess_err_stats *stats = &target->sess_err;
	enum tiscsi_stat_sess_fail type;
	u32 *counter;

	switch (reason) {
	case CLOSE_DIGEST:
		type = SESS_FAIL_DIGEST;
		counter = &stats->digest_errors;
		break;
	case CLOSE_TIMEOUT:
		type = SESS_FAIL_TIMEOUT;
		counter = &stats->cxn_timeout_errors;
		break;
	case CLOSE_PROTOCOL:
		type = SESS_FAIL_FORMAT;
		counter = &stats->pdu_format_errors;
		break;
	default:
		return;
	}
	spin_lock_bh(&stats->lock);
	(*counter)++;
	stats->last_sess_failure_type = type;
	stat_keep_name(stats->last_sess_fail_rem_name, initiator_name);
	spin_unlock_bh(&stats->lock);
}
