// SPDX-License-Identifier: GPL-2.0
/*
 * configfs: the files of a node ACL (attrib, auth, param, info, tag,
 * cmdsn_depth).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "door.h"

/* ------------------------------------------------------------------ */
/* sessions of an ACL                                                  */
/* ------------------------------------------------------------------ */

static struct tiscsi_tpg *nacl_tpg(struct tiscsi_nacl *nacl)
{
	return to_tiscsi_tpg(nacl->se_nacl.se_tpg);
}

/**
 * tiscsi_nacl_sess_get - the newest session of an initiator
 * @nacl: its ACL
 *
 * An initiator with several sessions through one portal group shows only
 * this one below its ACL.  Process context; takes tpg->lock.
 *
 * Return: the session with a reference, or NULL if there is none that is not
 * ending.
 */
struct tiscsi_sess *tiscsi_nacl_sess_get(struct tiscsi_nacl *nacl)
{
	struct tiscsi_tpg *tpg = nacl_tpg(nacl);
	struct tiscsi_sess *sess, *found = NULL;

	spin_lock(&tpg->lock);
	list_for_each_entry_reverse(sess, &tpg->sessions, node) {
		if (sess->nacl != nacl || READ_ONCE(sess->state) == SESS_FREE)
			continue;
		kref_get(&sess->ref);
		found = sess;
		break;
	}
	spin_unlock(&tpg->lock);
	return found;
}

/* Connections that wait by the old value look at the clock again. */
static void nacl_kick_timers(struct tiscsi_nacl *nacl)
{
	struct tiscsi_tpg *tpg = nacl_tpg(nacl);
	struct tiscsi_sess *sess;
	struct tiscsi_conn *conn;

	spin_lock(&tpg->lock);
	list_for_each_entry(sess, &tpg->sessions, node) {
		if (sess->nacl != nacl)
			continue;
		spin_lock(&sess->lock);
		list_for_each_entry(conn, &sess->conns, sess_node) {
			set_bit(CONN_F_TIMER, &conn->flags);
			tiscsi_conn_kick(conn);
		}
		spin_unlock(&sess->lock);
	}
	spin_unlock(&tpg->lock);
}

/* ------------------------------------------------------------------ */
/* acls/<iqn>/attrib                                                   */
/* ------------------------------------------------------------------ */

static struct tiscsi_nacl_attrib *nacl_attrib_get(struct config_item *item)
{
	return &to_tiscsi_nacl(attrib_to_nacl(item))->attrib;
}

/* 0 turns pings off; one every second or two would be a load. */
static bool nacl_valid_nopin_timeout(s32 val)
{
	return !val || val >= 3;
}

static void nacl_apply_nopin_timeout(void *base, s32 val)
{
	struct tiscsi_nacl_attrib *attrib = base;

	WRITE_ONCE(attrib->nopin_timeout, val);
	nacl_kick_timers(container_of(attrib, struct tiscsi_nacl, attrib));
}

#define NACL_ATTRIB(_name, _min, _max, _def, ...)			\
	TISCSI_TUNABLE(nacl_attrib, tiscsi_nacl_attrib, _name,		\
		       .min = _min, .max = _max, .def = _def,		\
		       ##__VA_ARGS__)

NACL_ATTRIB(authentication, -1, 1, -1);
NACL_ATTRIB(dataout_timeout, 2, 60, 3);
NACL_ATTRIB(dataout_timeout_retries, 1, 15, 5);
NACL_ATTRIB(default_erl, 0, 2, 0);
NACL_ATTRIB(nopin_timeout, 0, 60, 15,
	    .valid = nacl_valid_nopin_timeout,
	    .apply = nacl_apply_nopin_timeout);
NACL_ATTRIB(nopin_response_timeout, 3, 60, 30);
/* Data always goes in order, so that only 0 can be honoured. */
NACL_ATTRIB(random_datain_pdu_offsets, 0, 0, 0);
NACL_ATTRIB(random_datain_seq_offsets, 0, 0, 0);
NACL_ATTRIB(random_r2t_offsets, 0, 0, 0);

struct configfs_attribute *tiscsi_nacl_attrib_attrs[] = {
	&nacl_attrib_dataout_timeout.attr,
	&nacl_attrib_dataout_timeout_retries.attr,
	&nacl_attrib_default_erl.attr,
	&nacl_attrib_nopin_timeout.attr,
	&nacl_attrib_nopin_response_timeout.attr,
	&nacl_attrib_random_datain_pdu_offsets.attr,
	&nacl_attrib_random_datain_seq_offsets.attr,
	&nacl_attrib_random_r2t_offsets.attr,
	&nacl_attrib_authentication.attr,
	NULL,
};

/**
 * tiscsi_nacl_attrib_init - attributes of a new node ACL
 * @attrib: filled in
 * @tpg: its portal group, which has a default for one of them
 */
void tiscsi_nacl_attrib_init(struct tiscsi_nacl_attrib *attrib,
			     const struct tiscsi_tpg *tpg)
{
	tiscsi_tunables_init(tiscsi_nacl_attrib_attrs,
			     ARRAY_SIZE(tiscsi_nacl_attrib_attrs) - 1, attrib);
	attrib->default_erl = READ_ONCE(tpg->attrib.default_erl);
}

/* ------------------------------------------------------------------ */
/* acls/<iqn>/auth                                                     */
/* ------------------------------------------------------------------ */

static struct tiscsi_auth *nacl_auth_get(struct config_item *item)
{
	return &to_tiscsi_nacl(auth_to_nacl(item))->auth;
}

TISCSI_AUTH_STRING(nacl_auth, userid, USERID);
TISCSI_AUTH_STRING(nacl_auth, password, PASSWORD);
TISCSI_AUTH_MUTUAL(nacl_auth, authenticate_target);
TISCSI_AUTH_STRING(nacl_auth, userid_mutual, USERID_MUTUAL);
TISCSI_AUTH_STRING(nacl_auth, password_mutual, PASSWORD_MUTUAL);

struct configfs_attribute *tiscsi_nacl_auth_attrs[] = {
	&nacl_auth_attr_userid,
	&nacl_auth_attr_password,
	&nacl_auth_attr_authenticate_target,
	&nacl_auth_attr_userid_mutual,
	&nacl_auth_attr_password_mutual,
	NULL,
};

/* ------------------------------------------------------------------ */
/* acls/<iqn>/param: what the session negotiated                       */
/* ------------------------------------------------------------------ */

struct nacl_param {
	struct configfs_attribute attr;
	enum tiscsi_key id;
};

static ssize_t nacl_param_show(struct config_item *item, enum tiscsi_key id,
			       char *page)
{
	struct tiscsi_nacl *nacl = to_tiscsi_nacl(param_to_nacl(item));
	struct tiscsi_sess *sess = tiscsi_nacl_sess_get(nacl);
	ssize_t len;

	if (!sess)
		return sysfs_emit(page, "No Active iSCSI Session\n");
	/* Numbers for the booleans too, unlike in the portal group's files. */
	len = sysfs_emit(page, "%u\n", READ_ONCE(sess->keys.v[id]));
	tiscsi_sess_put(sess);
	return len;
}

#define NACL_PARAM(_id)							\
static ssize_t nacl_param_##_id##_show(struct config_item *item,	\
				       char *page)			\
{									\
	return nacl_param_show(item, KEY_##_id, page);			\
}									\
									\
static struct nacl_param nacl_param_##_id = {				\
	.attr = {							\
		.ca_mode	= TISCSI_MODE_RO,			\
		.ca_owner	= THIS_MODULE,				\
		.show		= nacl_param_##_id##_show,		\
	},								\
	.id = KEY_##_id,						\
}

NACL_PARAM(MAX_CONNECTIONS);
NACL_PARAM(INITIAL_R2T);
NACL_PARAM(IMMEDIATE_DATA);
NACL_PARAM(MAX_BURST);
NACL_PARAM(FIRST_BURST);
NACL_PARAM(TIME2WAIT);
NACL_PARAM(TIME2RETAIN);
NACL_PARAM(MAX_R2T);
NACL_PARAM(DATA_PDU_IN_ORDER);
NACL_PARAM(DATA_SEQ_IN_ORDER);
NACL_PARAM(ERL);

struct configfs_attribute *tiscsi_nacl_param_attrs[] = {
	&nacl_param_MAX_CONNECTIONS.attr,
	&nacl_param_INITIAL_R2T.attr,
	&nacl_param_IMMEDIATE_DATA.attr,
	&nacl_param_MAX_BURST.attr,
	&nacl_param_FIRST_BURST.attr,
	&nacl_param_TIME2WAIT.attr,
	&nacl_param_TIME2RETAIN.attr,
	&nacl_param_MAX_R2T.attr,
	&nacl_param_DATA_PDU_IN_ORDER.attr,
	&nacl_param_DATA_SEQ_IN_ORDER.attr,
	&nacl_param_ERL.attr,
	NULL,
};

/**
 * tiscsi_nacl_params_init - name the files of acls/<iqn>/param after their keys
 *
 * At module load, before the fabric is registered.
 */
void tiscsi_nacl_params_init(void)
{
	struct configfs_attribute **attr;

	for (attr = tiscsi_nacl_param_attrs; *attr; attr++)
		(*attr)->ca_name =
			tiscsi_key_name(container_of(*attr, struct nacl_param,
						     attr)->id);
}

/* ------------------------------------------------------------------ */
/* acls/<iqn>: info, cmdsn_depth, tag                                  */
/* ------------------------------------------------------------------ */

/* Tools take this text apart: keep every word of it. */
static int nacl_info_session(struct tiscsi_sess *sess, char *page)
{
	enum tiscsi_sess_state state = sess->state;
	u32 max_cmd_sn = atomic_read(&sess->max_cmd_sn);
	int len = 0;

	lockdep_assert_held(&sess->lock);
	len += sysfs_emit_at(page, len, "InitiatorName: %s\n",
			     sess->initiator_name);
	len += sysfs_emit_at(page, len, "InitiatorAlias: %s\n",
			     sess->initiator_alias);
	len += sysfs_emit_at(page, len,
			     "LIO Session ID: %u   ISID: 0x%6ph  TSIH: %hu  SessionType: %s\n",
			     sess->sid, sess->isid, sess->tsih,
			     sess->discovery ? "Discovery" : "Normal");
	len += sysfs_emit_at(page, len, "Session State: TARG_SESS_%s%s\n",
			     state == SESS_FREE ? "" : "STATE_",
			     tiscsi_sess_state_name(state));
	len += sysfs_emit_at(page, len,
			     "---------------------[iSCSI Session Values]-----------------------\n");
	len += sysfs_emit_at(page, len,
			     "  CmdSN/WR  :  CmdSN/WC  :  ExpCmdSN  :  MaxCmdSN  :     ITT    :     TTT\n");
	/* ITT: no task stands out, so the reserved tag of RFC 7143 11.2.1.8. */
	len += sysfs_emit_at(page, len,
			     " 0x%08x   0x%08x   0x%08x   0x%08x   0x%08x   0x%08x\n",
			     sess->depth, max_cmd_sn - sess->exp_cmd_sn + 1,
			     sess->exp_cmd_sn, max_cmd_sn,
			     (__force u32)RESERVED_ITT, sess->next_ttt);
	return len;
}

static int nacl_info_conns(struct tiscsi_sess *sess, char *page, int len)
{
	struct tiscsi_conn *conn;

	lockdep_assert_held(&sess->lock);
	len += sysfs_emit_at(page, len,
			     "----------------------[iSCSI Connections]-------------------------\n");
	list_for_each_entry(conn, &sess->conns, sess_node) {
		enum tiscsi_conn_state state = READ_ONCE(conn->state);

		len += sysfs_emit_at(page, len,
				     "CID: %hu  Connection State: TARG_CONN_STATE_%s\n",
				     conn->cid, tiscsi_conn_state_name(state));
		len += sysfs_emit_at(page, len,
				     "   Address %pISc TCP  StatSN: 0x%08x\n",
				     &conn->peer_addr,
				     READ_ONCE(conn->stat_sn));
	}
	return len;
}

static ssize_t nacl_info_show(struct config_item *item, char *page)
{
	struct se_node_acl *se_nacl = acl_to_nacl(item);
	struct tiscsi_sess *sess = tiscsi_nacl_sess_get(to_tiscsi_nacl(se_nacl));
	ssize_t len;

	if (!sess)
		return sysfs_emit(page,
				  "No active iSCSI Session for Initiator Endpoint: %s\n",
				  se_nacl->initiatorname);
	spin_lock(&sess->lock);
	len = nacl_info_session(sess, page);
	len = nacl_info_conns(sess, page, len);
	spin_unlock(&sess->lock);
	tiscsi_sess_put(sess);
	return len;
}

static ssize_t nacl_cmdsn_depth_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n", acl_to_nacl(item)->queue_depth);
}

static ssize_t nacl_cmdsn_depth_store(struct config_item *item,
				      const char *page, size_t count)
{
	u32 depth;
	int ret;

	ret = kstrtou32(page, 0, &depth);
	if (!ret && depth > TISCSI_CMDSN_DEPTH_MAX)
		ret = -EINVAL;
	if (ret) {
		tiscsi_refuse(item, "cmdsn_depth",
			      "not a number from %d to %d",
			      TISCSI_CMDSN_DEPTH_MIN, TISCSI_CMDSN_DEPTH_MAX);
		return ret;
	}
	/* The core takes 0 for 1, but ends sessions of depth 1 over it. */
	depth = max_t(u32, depth, TISCSI_CMDSN_DEPTH_MIN);
	ret = core_tpg_set_initiator_node_queue_depth(acl_to_nacl(item), depth);
	return ret ? ret : count;
}

static ssize_t nacl_tag_show(struct config_item *item, char *page)
{
	/* No newline but the one that may have been stored. */
	return strscpy(page, acl_to_nacl(item)->acl_tag, MAX_ACL_TAG_SIZE);
}

static ssize_t nacl_tag_store(struct config_item *item, const char *page,
			      size_t count)
{
	struct se_node_acl *se_nacl = acl_to_nacl(item);
	int ret;

	ret = core_tpg_set_initiator_node_tag(se_nacl->se_tpg, se_nacl, page);
	if (ret < 0) {
		tiscsi_refuse(item, "tag", "longer than %d bytes",
			      MAX_ACL_TAG_SIZE - 1);
		return ret;
	}
	return count;
}

CONFIGFS_ATTR_RO(nacl_, info);
CONFIGFS_ATTR(nacl_, cmdsn_depth);
CONFIGFS_ATTR(nacl_, tag);

struct configfs_attribute *tiscsi_nacl_base_attrs[] = {
	&nacl_attr_info,
	&nacl_attr_cmdsn_depth,
	&nacl_attr_tag,
	NULL,
};
