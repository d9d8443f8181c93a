// SPDX-License-Identifier: GPL-2.0
/*
 * <iqn>/sessions in configfs: who is logged in to a target, in one file that is
 * as long as it takes, and the wish that somebody log out.  For the directories
 * beside it see sessions_dir.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "door.h"
#include "latency.h"
#include "recovery.h"
#include "sessions.h"

static struct tiscsi_target *sessions_target(struct config_item *item)
{
	return container_of(to_config_group(item), struct tiscsi_target,
			    sessions_group);
}

/* ------------------------------------------------------------------ */
/* the list                                                            */
/* ------------------------------------------------------------------ */

/* All up to @last that fit, each of them wholly. */
static int sessions_put_tpg(struct sessions_out *out, struct tiscsi_tpg *tpg,
			    u32 last)
{
	struct tiscsi_sess **sess;
	u32 nr, i;

	sess = tiscsi_tpg_get_sessions(tpg, &nr);
	if (!sess)
		return -ENOMEM;
	for (i = 0; i < nr && !out->full; i++)
		if ((s32)(sess[i]->sid - last) <= 0)
			tiscsi_sessions_put_sess(out, sess[i]);
	tiscsi_tpg_put_sessions(sess, nr);
	return 0;
}

static ssize_t sessions_list_read(struct config_item *item, void *buf,
				  size_t size)
{
	struct tiscsi_target *target = sessions_target(item);
	struct sessions_out out = { .buf = buf, .size = size };
	struct tiscsi_tpg *tpg;
	int ret = 0;

	mutex_lock(&tiscsi_config_lock);
	if (!buf) {
		target->sessions_last = tiscsi_sess_last_sid();
		target->sessions_latency = target->latency;
	}
	out.latency = target->sessions_latency;
	list_for_each_entry(tpg, &target->tpgs, node) {
		ret = sessions_put_tpg(&out, tpg, target->sessions_last);
		if (ret)
			break;
	}
	mutex_unlock(&tiscsi_config_lock);
	return ret ?: tiscsi_sessions_end(&out);
}

CONFIGFS_BIN_ATTR_RO(sessions_, list, NULL, 0);

static struct configfs_bin_attribute *sessions_bin_attrs[] = {
	&sessions_attr_list,
	NULL,
};

/* ------------------------------------------------------------------ */
/* commands                                                            */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_sessions_parse_arg - what follows which session a command is about
 * @text: seconds if @timed, else the CID of a connection; NULL or empty for
 *	what there is by default: TISCSI_ASK_LOGOUT seconds, all connections
 * @timed: which of them
 * @choice: gets it
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int tiscsi_sessions_parse_arg(const char *text, bool timed,
			      struct sessions_choice *choice)
{
	int ret;

	choice->seconds = timed ? TISCSI_ASK_LOGOUT : 0;
	if (!text || !*text)
		return 0;
	choice->conn = !timed;
	if (!timed)
		return kstrtou16(text, 10, &choice->cid);
	ret = kstrtou32(text, 10, &choice->seconds);
	if (!ret && choice->seconds > TISCSI_LOGOUT_GRACE_MAX)
		ret = -EINVAL;
	return ret;
}

/*
 * "<session>", "tpgt_<tag>" or "all"; and after that seconds if @timed, else,
 * of a session, the CID of a connection.
 */
static int sessions_parse(const char *page, bool timed,
			  struct sessions_choice *choice)
{
	char buf[32], *text, *which;
	int ret;

	if (strscpy(buf, page, sizeof(buf)) < 0)
		return -EINVAL;
	text = strim(buf);
	which = strsep(&text, " \t");
	ret = tiscsi_sessions_parse_arg(text ? skip_spaces(text) : NULL, timed,
					choice);
	if (ret)
		return ret;
	if (choice->conn)
		return kstrtou32(which, 10, &choice->sid);
	choice->all = !strcmp(which, "all");
	if (choice->all)
		return 0;
	choice->group = strstarts(which, "tpgt_");
	if (choice->group)
		return kstrtou16(which + strlen("tpgt_"), 10, &choice->tag);
	return kstrtou32(which, 10, &choice->sid);
}

/* It ends as if it had failed, which the others of its session are told. */
static u32 sessions_drop_conn(struct tiscsi_sess *sess, u16 cid)
{
	struct tiscsi_conn *conn;
	u32 nr = 0;

	spin_lock(&sess->lock);
	list_for_each_entry(conn, &sess->conns, sess_node) {
		if (conn->cid != cid || tiscsi_is_suspended(conn))
			continue;
		tiscsi_conn_close(conn, CLOSE_DROPPED);
		nr++;
	}
	spin_unlock(&sess->lock);
	return nr;
}

/**
 * tiscsi_sessions_ask - have a session log out, or drop what is chosen of it
 * @sess: the session
 * @choice: a connection of it, or all, and in what time
 *
 * Process context; takes sess->lock.
 *
 * Return: how many were asked: 0 if it has no such connection.
 */
u32 tiscsi_sessions_ask(struct tiscsi_sess *sess,
			const struct sessions_choice *choice)
{
	if (choice->conn)
		return sessions_drop_conn(sess, choice->cid);
	tiscsi_sess_dismiss(sess, choice->seconds);
	return 1;
}

static u32 sessions_ask_tpg(struct tiscsi_tpg *tpg,
			    const struct sessions_choice *choice)
{
	struct tiscsi_sess *sess;
	u32 nr = 0;

	spin_lock(&tpg->lock);
	list_for_each_entry(sess, &tpg->sessions, node)
		if (choice->all || choice->group || choice->sid == sess->sid)
			nr += tiscsi_sessions_ask(sess, choice);
	spin_unlock(&tpg->lock);
	return nr;
}

static int sessions_ask(struct tiscsi_target *target,
			const struct sessions_choice *choice)
{
	struct tiscsi_tpg *tpg;
	bool found = choice->all;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(tpg, &target->tpgs, node) {
		if (choice->group && choice->tag != tpg->tag)
			continue;
		found |= choice->group;
		if (sessions_ask_tpg(tpg, choice))
			found = true;
	}
	mutex_unlock(&tiscsi_config_lock);
	return found ? 0 : -ENOENT;
}

static ssize_t sessions_command(struct config_item *item, const char *name,
				bool timed, const char *page, size_t count)
{
	struct sessions_choice choice = {};
	int ret = sessions_parse(page, timed, &choice);

	if (ret) {
		tiscsi_refuse(item, name,
			      "\"%*pE\" is not the number of a session, tpgt_N or all%s",
			      (int)min_t(size_t, count, 64), page, timed ?
			      ", with at most 300 seconds" :
			      ", nor a session and a CID");
		return -EINVAL;
	}
	ret = sessions_ask(sessions_target(item), &choice);
	if (ret) {
		tiscsi_refuse(item, name, "\"%*pE\" is not there",
			      (int)min_t(size_t, count, 64), page);
		return ret;
	}
	return count;
}

static ssize_t sessions_logout_store(struct config_item *item,
				     const char *page, size_t count)
{
	return sessions_command(item, "logout", true, page, count);
}

static ssize_t sessions_drop_store(struct config_item *item, const char *page,
				   size_t count)
{
	return sessions_command(item, "drop", false, page, count);
}

static ssize_t sessions_latency_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%u\n",
			  READ_ONCE(sessions_target(item)->latency));
}

static ssize_t sessions_latency_store(struct config_item *item,
				      const char *page, size_t count)
{
	bool on;

	if (kstrtobool(page, &on)) {
		tiscsi_refuse(item, "latency", "\"%*pE\" is not 0 or 1",
			      (int)min_t(size_t, count, 64), page);
		return -EINVAL;
	}
	tiscsi_latency_set(sessions_target(item), on);
	return count;
}

CONFIGFS_ATTR(sessions_, latency);
CONFIGFS_ATTR_WO(sessions_, logout);
CONFIGFS_ATTR_WO(sessions_, drop);

static struct configfs_attribute *sessions_attrs[] = {
	&sessions_attr_latency,
	&sessions_attr_logout,
	&sessions_attr_drop,
	NULL,
};

static const struct config_item_type sessions_type = {
	.ct_attrs	= sessions_attrs,
	.ct_bin_attrs	= sessions_bin_attrs,
	.ct_owner	= THIS_MODULE,
};

/**
 * tiscsi_sessions_add_group - make <iqn>/sessions
 * @target: its configfs group is being made
 *
 * Process context, from the add_wwn_groups callback.
 */
void tiscsi_sessions_add_group(struct tiscsi_target *target)
{
	config_group_init_type_name(&target->sessions_group, "sessions",
				    &sessions_type);
	configfs_add_default_group(&target->sessions_group,
				   &target->wwn.wwn_group);
}
