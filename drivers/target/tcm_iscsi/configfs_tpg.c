// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: the files of a portal group (attrib, auth, param) and of a portal.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <net/tcp.h>

#include "access/access.h"
#include "door.h"
#include "redirect.h"

/* ------------------------------------------------------------------ */
/* tpgt_N/attrib                                                       */
/* ------------------------------------------------------------------ */

static struct tiscsi_tpg_attrib *tpg_attrib_get(struct config_item *item)
{
	return &to_tiscsi_tpg(attrib_to_tpg(item))->attrib;
}

static struct tiscsi_tpg *tpg_attrib_owner(void *base)
{
	return container_of(base, struct tiscsi_tpg, attrib);
}

/*
 * AuthMethod has two items, so that taking None out leaves CHAP; a list of
 * None alone becomes CHAP too.
 */
static void tpg_set_auth_method(struct tiscsi_tpg *tpg, bool none)
{
	u32 *list = &tpg->param.v[KEY_AUTH_METHOD];

	lockdep_assert_held(&tpg->lock);
	if (none && !tiscsi_list_has(*list, AUTH_NONE))
		*list = AUTH_CHAP | AUTH_NONE << 4;
	else if (!none && tiscsi_list_has(*list, AUTH_NONE))
		*list = AUTH_CHAP;
}

static void tpg_apply_authentication(void *base, s32 val)
{
	struct tiscsi_tpg *tpg = tpg_attrib_owner(base);

	spin_lock(&tpg->lock);
	WRITE_ONCE(tpg->attrib.authentication, val);
	tpg_set_auth_method(tpg, !val);
	spin_unlock(&tpg->lock);
}

/**
 * tiscsi_tpg_enforce_auth - let AuthMethod follow attrib/authentication
 * @tpg: about to be enabled
 *
 * With authentication required, None is no longer offered, whatever was
 * written to param/AuthMethod meanwhile.  Process context.
 */
void tiscsi_tpg_enforce_auth(struct tiscsi_tpg *tpg)
{
	spin_lock(&tpg->lock);
	if (tpg->attrib.authentication)
		tpg_set_auth_method(tpg, false);
	spin_unlock(&tpg->lock);
}

/* Without the cache a demo mode ACL would go while its LUNs are in use. */
static void tpg_apply_generate_node_acls(void *base, s32 val)
{
	struct tiscsi_tpg_attrib *attrib = base;

	WRITE_ONCE(attrib->generate_node_acls, val);
	if (val)
		WRITE_ONCE(attrib->cache_dynamic_acls, 1);
}

static void tpg_apply_cache_dynamic_acls(void *base, s32 val)
{
	struct tiscsi_tpg_attrib *attrib = base;
	struct tiscsi_tpg *tpg = tpg_attrib_owner(base);

	/* Tools restore attributes in any order: taken, but without effect. */
	if (!val && READ_ONCE(attrib->generate_node_acls)) {
		pr_warn_ratelimited("%s tpgt_%u: cache_dynamic_acls stays 1 with generate_node_acls\n",
				    tpg->target->name, tpg->tag);
		return;
	}
	WRITE_ONCE(attrib->cache_dynamic_acls, val);
}

/* DIF types 1 and 3; the core has no type 2. */
static bool tpg_valid_prot_type(s32 val)
{
	return val != 2;
}

#define TPG_ATTRIB(_name, _min, _max, _def, ...)			\
	TISCSI_TUNABLE(tpg_attrib, tiscsi_tpg_attrib, _name,		\
		       .min = _min, .max = _max, .def = _def,		\
		       ##__VA_ARGS__)

TPG_ATTRIB(authentication, 0, 1, 1, .apply = tpg_apply_authentication);
TPG_ATTRIB(login_timeout, 5, 30, 15);
TPG_ATTRIB(netif_timeout, 2, 15, 2);
TPG_ATTRIB(generate_node_acls, 0, 1, 0,
	   .apply = tpg_apply_generate_node_acls);
TPG_ATTRIB(cache_dynamic_acls, 0, 1, 0,
	   .apply = tpg_apply_cache_dynamic_acls);
TPG_ATTRIB(default_cmdsn_depth, TISCSI_CMDSN_DEPTH_MIN,
	   TISCSI_CMDSN_DEPTH_MAX, 64);
TPG_ATTRIB(demo_mode_write_protect, 0, 1, 1);
TPG_ATTRIB(prod_mode_write_protect, 0, 1, 0);
TPG_ATTRIB(demo_mode_discovery, 0, 1, 1);
TPG_ATTRIB(default_erl, 0, 2, 0);
TPG_ATTRIB(t10_pi, 0, 1, 0);
TPG_ATTRIB(fabric_prot_type, 0, 3, 0, .valid = tpg_valid_prot_type);
TPG_ATTRIB(tpg_enabled_sendtargets, 0, 1, 1);
TPG_ATTRIB(login_keys_workaround, 0, 1, 1);
TPG_ATTRIB(allow_target_reset, 0, 1, 0);
TPG_ATTRIB(max_sessions, 1, U16_MAX, 1024);
TPG_ATTRIB(tcp_keepalive_idle, 0, MAX_TCP_KEEPIDLE, TISCSI_KEEPALIVE_IDLE);
TPG_ATTRIB(tcp_keepalive_interval, 1, MAX_TCP_KEEPINTVL,
	   TISCSI_KEEPALIVE_INTERVAL);
TPG_ATTRIB(tcp_keepalive_count, 1, MAX_TCP_KEEPCNT, TISCSI_KEEPALIVE_COUNT);
TPG_ATTRIB(redirect_permanent, 0, 1, 0);
TPG_ATTRIB(redirect_after_auth, 0, 1, 0);
TPG_ATTRIB(redirect_hide_portals, 0, 1, 0);
TPG_ATTRIB(redirect_rebalance, 0, TISCSI_LOGOUT_GRACE_MAX, 0);

/* Tools save and restore all that is in attrib, so it is here. */
static struct tiscsi_creds **tpg_attrib_creds(struct config_item *item)
{
	return &to_tiscsi_tpg(attrib_to_tpg(item))->creds;
}

TISCSI_USERS(tpg_attrib, auth_users);

static ssize_t tpg_attrib_allowed_sources_show(struct config_item *item,
					       char *page)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(attrib_to_tpg(item));
	ssize_t len;

	spin_lock(&tpg->lock);
	len = tiscsi_sources_show(&tpg->sources, page);
	spin_unlock(&tpg->lock);
	return len;
}

static ssize_t tpg_attrib_allowed_sources_store(struct config_item *item,
						const char *page, size_t count)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(attrib_to_tpg(item));
	struct tiscsi_sources *sources;
	int ret = -EINVAL;

	sources = kzalloc(sizeof(*sources), GFP_KERNEL);
	if (!sources)
		return -ENOMEM;
	/* configfs cuts longer writes into pieces. */
	if (count < PAGE_SIZE - 1)
		ret = tiscsi_sources_parse(page, sources);
	if (ret) {
		tiscsi_refuse(item, "allowed_sources",
			      "\"%*pE\" is no list of at most %d address prefixes without bits behind their lengths",
			      (int)min_t(size_t, count, 64), page,
			      TISCSI_SOURCES_MAX);
	} else {
		spin_lock(&tpg->lock);
		tpg->sources = *sources;
		spin_unlock(&tpg->lock);
	}
	kfree(sources);
	return ret ? -EINVAL : count;
}

CONFIGFS_ATTR(tpg_attrib_, allowed_sources);

static ssize_t tpg_attrib_redirect_portals_show(struct config_item *item,
						char *page)
{
	return tiscsi_redirect_show(to_tiscsi_tpg(attrib_to_tpg(item)), page);
}

static int tpg_store_redirect(struct config_item *item, const char *page,
			      size_t count)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(attrib_to_tpg(item));
	struct tiscsi_redirect *set;
	char *why;
	int ret = -ENOMEM;

	set = kzalloc(sizeof(*set), GFP_KERNEL);
	why = kzalloc(TISCSI_REDIRECT_WHY, GFP_KERNEL);
	if (!set || !why)
		goto free;
	/* configfs cuts longer writes into pieces. */
	ret = count < PAGE_SIZE - 1 ?
	      tiscsi_redirect_parse(page, set, why, TISCSI_REDIRECT_WHY) :
	      -EINVAL;
	if (ret) {
		tiscsi_refuse(item, "redirect_portals",
			      "\"%*pE\" is none of at most %d entries of the kind <address>:<port>[,<tag>], remote:<address>:<port> or self",
			      (int)min_t(size_t, strlen(why), 64), why,
			      TISCSI_REDIRECT_MAX);
		goto free;
	}
	ret = tiscsi_redirect_set(tpg, set, why, TISCSI_REDIRECT_WHY);
	if (ret)
		tiscsi_refuse(item, "redirect_portals", "%s", why);
	else
		set = NULL;
free:
	kfree(set);
	kfree(why);
	return ret;
}

static ssize_t tpg_attrib_redirect_portals_store(struct config_item *item,
						 const char *page,
						 size_t count)
{
	return tpg_store_redirect(item, page, count) ?: count;
}

CONFIGFS_ATTR(tpg_attrib_, redirect_portals);

static ssize_t tpg_attrib_redirect_policy_show(struct config_item *item,
					       char *page)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(attrib_to_tpg(item));
	enum tiscsi_redirect_policy policy = READ_ONCE(tpg->redirect_policy);

	return sysfs_emit(page, "%s\n", tiscsi_redirect_policy_name(policy));
}

static ssize_t tpg_attrib_redirect_policy_store(struct config_item *item,
						const char *page, size_t count)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(attrib_to_tpg(item));
	int policy = tiscsi_redirect_policy_parse(page);

	if (policy < 0) {
		tiscsi_refuse(item, "redirect_policy",
			      "\"%*pE\" is none of ordered, round_robin, least_sessions, alua",
			      (int)min_t(size_t, count, 64), page);
		return policy;
	}
	mutex_lock(&tiscsi_config_lock);
	WRITE_ONCE(tpg->redirect_policy, policy);
	mutex_unlock(&tiscsi_config_lock);
	return count;
}

CONFIGFS_ATTR(tpg_attrib_, redirect_policy);

/* Not numbers. */
#define TPG_ATTRIB_NR_OTHER	4

struct configfs_attribute *tiscsi_tpg_attrib_attrs[] = {
	&tpg_attrib_authentication.attr,
	&tpg_attrib_login_timeout.attr,
	&tpg_attrib_netif_timeout.attr,
	&tpg_attrib_generate_node_acls.attr,
	&tpg_attrib_cache_dynamic_acls.attr,
	&tpg_attrib_default_cmdsn_depth.attr,
	&tpg_attrib_demo_mode_write_protect.attr,
	&tpg_attrib_prod_mode_write_protect.attr,
	&tpg_attrib_demo_mode_discovery.attr,
	&tpg_attrib_default_erl.attr,
	&tpg_attrib_t10_pi.attr,
	&tpg_attrib_fabric_prot_type.attr,
	&tpg_attrib_tpg_enabled_sendtargets.attr,
	&tpg_attrib_login_keys_workaround.attr,
	&tpg_attrib_allow_target_reset.attr,
	&tpg_attrib_max_sessions.attr,
	&tpg_attrib_tcp_keepalive_idle.attr,
	&tpg_attrib_tcp_keepalive_interval.attr,
	&tpg_attrib_tcp_keepalive_count.attr,
	&tpg_attrib_redirect_permanent.attr,
	&tpg_attrib_redirect_after_auth.attr,
	&tpg_attrib_redirect_hide_portals.attr,
	&tpg_attrib_redirect_rebalance.attr,
	&tpg_attrib_auth_users,
	&tpg_attrib_attr_allowed_sources,
	&tpg_attrib_attr_redirect_portals,
	&tpg_attrib_attr_redirect_policy,
	NULL,
};

/**
 * tiscsi_tpg_attrib_init - attributes of a new portal group
 * @attrib: filled in
 */
void tiscsi_tpg_attrib_init(struct tiscsi_tpg_attrib *attrib)
{
	tiscsi_tunables_init(tiscsi_tpg_attrib_attrs,
			     ARRAY_SIZE(tiscsi_tpg_attrib_attrs) -
			     TPG_ATTRIB_NR_OTHER - 1, attrib);
}

/* ------------------------------------------------------------------ */
/* tpgt_N/auth: for initiators without an ACL of their own             */
/* ------------------------------------------------------------------ */

static struct tiscsi_auth *tpg_auth_get(struct config_item *item)
{
	return &to_tiscsi_tpg(auth_to_tpg(item))->auth;
}

TISCSI_AUTH_STRING(tpg_auth, userid, USERID);
TISCSI_AUTH_STRING(tpg_auth, password, PASSWORD);
TISCSI_AUTH_MUTUAL(tpg_auth, authenticate_target);
TISCSI_AUTH_STRING(tpg_auth, userid_mutual, USERID_MUTUAL);
TISCSI_AUTH_STRING(tpg_auth, password_mutual, PASSWORD_MUTUAL);

struct configfs_attribute *tiscsi_tpg_auth_attrs[] = {
	&tpg_auth_attr_userid,
	&tpg_auth_attr_password,
	&tpg_auth_attr_authenticate_target,
	&tpg_auth_attr_userid_mutual,
	&tpg_auth_attr_password_mutual,
	NULL,
};

/* ------------------------------------------------------------------ */
/* tpgt_N/param                                                        */
/* ------------------------------------------------------------------ */

/* A text key in configfs; named and checked by the key table in params.c. */
struct tpg_param {
	struct configfs_attribute attr;
	enum tiscsi_key id;
};

static ssize_t tpg_alias_show(struct tiscsi_tpg *tpg, char *page)
{
	ssize_t len;

	spin_lock(&tpg->lock);
	len = sysfs_emit(page, "%s\n", tpg->alias);
	spin_unlock(&tpg->lock);
	return len;
}

static int tpg_alias_store(struct tiscsi_tpg *tpg, const char *page,
			   size_t count)
{
	size_t len = count, i;

	if (len && page[len - 1] == '\n')
		len--;
	if (len >= sizeof(tpg->alias))
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (iscntrl(page[i]))
			return -EINVAL;

	spin_lock(&tpg->lock);
	memcpy(tpg->alias, page, len);
	tpg->alias[len] = '\0';
	spin_unlock(&tpg->lock);
	return 0;
}

static ssize_t tpg_param_show(struct config_item *item,
			      const struct tpg_param *param, char *page)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(param_to_tpg(item));
	ssize_t len;

	if (param->id == KEY_TARGET_ALIAS)
		return tpg_alias_show(tpg, page);
	spin_lock(&tpg->lock);
	len = tiscsi_key_show(param->id, &tpg->param, page);
	spin_unlock(&tpg->lock);
	return len;
}

static ssize_t tpg_param_store(struct config_item *item,
			       const struct tpg_param *param, const char *page,
			       size_t count)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(param_to_tpg(item));
	int ret;

	if (param->id == KEY_TARGET_ALIAS) {
		ret = tpg_alias_store(tpg, page, count);
	} else {
		spin_lock(&tpg->lock);
		ret = tiscsi_key_store(param->id, &tpg->param, page);
		spin_unlock(&tpg->lock);
	}
	if (ret) {
		tiscsi_refuse(item, param->attr.ca_name,
			      "\"%*pE\" is no value of this key",
			      (int)min_t(size_t, count, 64), page);
		return ret;
	}
	return count;
}

#define TPG_PARAM(_id)							\
static struct tpg_param tpg_param_##_id;				\
									\
static ssize_t tpg_param_##_id##_show(struct config_item *item,		\
				      char *page)			\
{									\
	return tpg_param_show(item, &tpg_param_##_id, page);		\
}									\
									\
static ssize_t tpg_param_##_id##_store(struct config_item *item,	\
				       const char *page, size_t count)	\
{									\
	return tpg_param_store(item, &tpg_param_##_id, page, count);	\
}									\
									\
static struct tpg_param tpg_param_##_id = {				\
	.attr = {							\
		.ca_mode	= TISCSI_MODE_RW,			\
		.ca_owner	= THIS_MODULE,				\
		.show		= tpg_param_##_id##_show,		\
		.store		= tpg_param_##_id##_store,		\
	},								\
	.id = KEY_##_id,						\
}

TPG_PARAM(AUTH_METHOD);
TPG_PARAM(HEADER_DIGEST);
TPG_PARAM(DATA_DIGEST);
TPG_PARAM(MAX_CONNECTIONS);
TPG_PARAM(TARGET_ALIAS);
TPG_PARAM(INITIAL_R2T);
TPG_PARAM(IMMEDIATE_DATA);
TPG_PARAM(MAX_RECV_DSL);
TPG_PARAM(MAX_XMIT_DSL);
TPG_PARAM(MAX_BURST);
TPG_PARAM(FIRST_BURST);
TPG_PARAM(TIME2WAIT);
TPG_PARAM(TIME2RETAIN);
TPG_PARAM(MAX_R2T);
TPG_PARAM(DATA_PDU_IN_ORDER);
TPG_PARAM(DATA_SEQ_IN_ORDER);
TPG_PARAM(ERL);
TPG_PARAM(IF_MARKER);
TPG_PARAM(OF_MARKER);
TPG_PARAM(IF_MARK_INT);
TPG_PARAM(OF_MARK_INT);

struct configfs_attribute *tiscsi_tpg_param_attrs[] = {
	&tpg_param_AUTH_METHOD.attr,
	&tpg_param_HEADER_DIGEST.attr,
	&tpg_param_DATA_DIGEST.attr,
	&tpg_param_MAX_CONNECTIONS.attr,
	&tpg_param_TARGET_ALIAS.attr,
	&tpg_param_INITIAL_R2T.attr,
	&tpg_param_IMMEDIATE_DATA.attr,
	&tpg_param_MAX_RECV_DSL.attr,
	&tpg_param_MAX_XMIT_DSL.attr,
	&tpg_param_MAX_BURST.attr,
	&tpg_param_FIRST_BURST.attr,
	&tpg_param_TIME2WAIT.attr,
	&tpg_param_TIME2RETAIN.attr,
	&tpg_param_MAX_R2T.attr,
	&tpg_param_DATA_PDU_IN_ORDER.attr,
	&tpg_param_DATA_SEQ_IN_ORDER.attr,
	&tpg_param_ERL.attr,
	&tpg_param_IF_MARKER.attr,
	&tpg_param_OF_MARKER.attr,
	&tpg_param_IF_MARK_INT.attr,
	&tpg_param_OF_MARK_INT.attr,
	NULL,
};

/**
 * tiscsi_tpg_params_init - name the files of tpgt_N/param after their keys
 *
 * At module load, before the fabric is registered.
 */
void tiscsi_tpg_params_init(void)
{
	struct configfs_attribute **attr;

	for (attr = tiscsi_tpg_param_attrs; *attr; attr++)
		(*attr)->ca_name =
			tiscsi_key_name(container_of(*attr, struct tpg_param,
						     attr)->id);
}

/* ------------------------------------------------------------------ */
/* tpgt_N                                                              */
/* ------------------------------------------------------------------ */

/* Each name has a NUL after its newline: tools know it so. */
static ssize_t tpg_dynamic_sessions_show(struct config_item *item, char *page)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(to_tpg(item));
	struct tiscsi_sess *sess;
	int len = 0;

	spin_lock(&tpg->lock);
	list_for_each_entry(sess, &tpg->sessions, node) {
		spin_lock(&sess->lock);
		if (tiscsi_sess_is_dynamic(sess) &&
		    len + strlen(sess->initiator_name) + 2 <= PAGE_SIZE)
			len += sysfs_emit_at(page, len, "%s\n",
					     sess->initiator_name) + 1;
		spin_unlock(&sess->lock);
	}
	spin_unlock(&tpg->lock);
	return len;
}

CONFIGFS_ATTR_RO(tpg_, dynamic_sessions);

static ssize_t tpg_reservations_show(struct config_item *item, char *page)
{
	return tiscsi_pr_show(to_tiscsi_tpg(to_tpg(item)), page);
}

static ssize_t tpg_reservations_store(struct config_item *item,
				      const char *page, size_t count)
{
	int ret = tiscsi_pr_store_attr(to_tiscsi_tpg(to_tpg(item)), page);

	if (!ret)
		return count;
	tiscsi_refuse(item, "reservations",
		      "\"%*pE\" is not \"clear lun_N\", or could not be done: %d",
		      (int)min_t(size_t, count, 64), page, ret);
	return ret;
}

CONFIGFS_ATTR(tpg_, reservations);

static ssize_t tpg_rebalance_store(struct config_item *item, const char *page,
				   size_t count)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(to_tpg(item));
	u32 seconds;
	int ret;

	ret = kstrtou32(page, 10, &seconds);
	if (ret || seconds > TISCSI_LOGOUT_GRACE_MAX) {
		tiscsi_refuse(item, "rebalance",
			      "\"%*pE\" is not the seconds to log out in, from 0 to %d",
			      (int)min_t(size_t, count, 64), page,
			      TISCSI_LOGOUT_GRACE_MAX);
		return -EINVAL;
	}
	ret = tiscsi_redirect_rebalance(tpg, seconds);
	if (ret == -ENXIO)
		tiscsi_refuse(item, "rebalance",
			      "attrib/redirect_portals is empty");
	return ret ?: count;
}

CONFIGFS_ATTR_WO(tpg_, rebalance);

struct configfs_attribute *tiscsi_tpg_base_attrs[] = {
	&tpg_attr_dynamic_sessions,
	&tpg_attr_reservations,
	&tpg_attr_rebalance,
	NULL,
};

/* ------------------------------------------------------------------ */
/* np/<address>:<port>: where it is, and transports that are not there  */
/* ------------------------------------------------------------------ */

static ssize_t np_transport_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "0\n");
}

static ssize_t np_transport_store(struct config_item *item, const char *name,
				  const char *page, size_t count)
{
	u32 val;
	int ret;

	ret = kstrtou32(page, 0, &val);
	if (!ret && val)
		ret = -EINVAL;
	if (ret) {
		tiscsi_refuse(item, name, "this transport is not available");
		return ret;
	}
	return count;
}

#define NP_TRANSPORT(_name)						\
static ssize_t np_##_name##_store(struct config_item *item,		\
				  const char *page, size_t count)	\
{									\
	return np_transport_store(item, #_name, page, count);		\
}									\
									\
static struct configfs_attribute np_##_name = {				\
	.ca_name	= #_name,					\
	.ca_mode	= TISCSI_MODE_RW,				\
	.ca_owner	= THIS_MODULE,					\
	.show		= np_transport_show,				\
	.store		= np_##_name##_store,				\
}

NP_TRANSPORT(iser);
NP_TRANSPORT(cxgbit);

static ssize_t np_netns_show(struct config_item *item, char *page)
{
	struct tiscsi_np *np = container_of(to_tpg_np(item), struct tiscsi_np,
					    se_tpg_np);
	ssize_t len;

	mutex_lock(&tiscsi_config_lock);
	if (np->portal->net)
		len = sysfs_emit(page, "%u\n", np->portal->net->ns.inum);
	else
		len = sysfs_emit(page, "gone\n");
	mutex_unlock(&tiscsi_config_lock);
	return len;
}

CONFIGFS_ATTR_RO(np_, netns);

struct configfs_attribute *tiscsi_np_attrs[] = {
	&np_attr_netns,
	&np_iser,
	&np_cxgbit,
	NULL,
};
