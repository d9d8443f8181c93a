// SPDX-License-Identifier: GPL-2.0
/*
 * <iqn>/sessions in configfs: who is logged in to a target, and the wish that
 * somebody log out.
 *
 * A directory a session would have to come and go under the hands of who
 * removes the portal group, which waits for the sessions while configfs holds
 * what their directories need to go.  So all of them are in one file, as long
 * as it takes, made when it is read.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/tcp.h>

#include "door.h"
#include "latency.h"
#include "recovery.h"

static struct tiscsi_target *sessions_target(struct config_item *item)
{
	return container_of(to_config_group(item), struct tiscsi_target,
			    sessions_group);
}

/* ------------------------------------------------------------------ */
/* the list                                                            */
/* ------------------------------------------------------------------ */

/*
 * configfs asks twice, for the length and for the text, and hands out what it
 * was told the first time.  So numbers that change have a fixed width, and who
 * came between is left out.
 */

/**
 * struct sessions_out - text in the making
 * @buf: NULL to find out how long it is
 * @size: of @buf
 * @len: of the text, up to @full
 * @full: it did not fit
 * @latency: with histograms
 */
struct sessions_out {
	char *buf;
	size_t size;
	size_t len;
	bool full;
	bool latency;
};

static __printf(2, 3) void sessions_put(struct sessions_out *out,
					const char *fmt, ...)
{
	size_t left = out->buf ? out->size - out->len : 0;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(out->buf ? out->buf + out->len : NULL, left, fmt, args);
	va_end(args);
	/* The last byte may become a NUL: it is a line break, see below. */
	if (out->buf && n > left)
		out->full = true;
	else
		out->len += n;
}

static const enum tiscsi_key sessions_sess_keys[] = {
	KEY_ERL, KEY_MAX_CONNECTIONS, KEY_INITIAL_R2T, KEY_IMMEDIATE_DATA,
	KEY_MAX_BURST, KEY_FIRST_BURST, KEY_MAX_R2T, KEY_TIME2WAIT,
	KEY_TIME2RETAIN, KEY_TASK_REPORTING,
};

static const enum tiscsi_key sessions_conn_keys[] = {
	KEY_HEADER_DIGEST, KEY_DATA_DIGEST, KEY_MAX_RECV_DSL, KEY_MAX_XMIT_DSL,
};

static void sessions_put_keys(struct sessions_out *out,
			      const struct tiscsi_keys *keys,
			      const enum tiscsi_key *ids, size_t nr)
{
	char value[TISCSI_KEY_TEXT];
	int len;

	for (; nr; nr--, ids++) {
		len = tiscsi_key_show(*ids, keys, value);
		sessions_put(out, " %s=%.*s", tiscsi_key_name(*ids), len - 1,
			     value);
	}
}

static void sessions_put_latency(struct sessions_out *out,
				 const struct tiscsi_latency *latency)
{
	char text[TISCSI_LATENCY_TEXT];

	tiscsi_latency_show(latency, text);
	sessions_put(out, " latency_us=%-16llu latency=%-*s",
		     READ_ONCE(latency->us), TISCSI_LATENCY_TEXT - 1, text);
}

/* Its socket is there as long as it has not left its session. */
static void sessions_put_conn(struct sessions_out *out,
			      const struct tiscsi_conn *conn)
{
	u32 retransmits = 0;

	lockdep_assert_held(&conn->sess->lock);
	if (!test_bit(CONN_F_DETACHED, &conn->flags))
		retransmits = READ_ONCE(tcp_sk(conn->sock->sk)->total_retrans);
	sessions_put(out, "connection %u cid=%u state=%-16s",
		     conn->sess->sid, conn->cid,
		     tiscsi_conn_state_name(READ_ONCE(conn->state)));
	sessions_put(out, " local=%pISpc peer=%pISpc cpu=%d",
		     &conn->local_addr, &conn->peer_addr, conn->cpu);
	sessions_put(out, " tasks=%-4u retransmits=%-10u", conn->nr_cmds,
		     retransmits);
	sessions_put_keys(out, &conn->keys, sessions_conn_keys,
			  ARRAY_SIZE(sessions_conn_keys));
	if (out->latency)
		sessions_put_latency(out, &conn->latency);
	sessions_put(out, "\n");
}

static void sessions_put_counters(struct sessions_out *out,
				  struct tiscsi_sess *sess)
{
	sessions_put(out, " commands=%-20lld responses=%-20lld",
		     atomic64_read(&sess->cmd_pdus),
		     atomic64_read(&sess->rsp_pdus));
	sessions_put(out, " read_bytes=%-20lld write_bytes=%-20lld",
		     atomic64_read(&sess->tx_octets),
		     atomic64_read(&sess->rx_octets));
	sessions_put(out, " digest_errors=%-10d timeouts=%-10d",
		     atomic_read(&sess->conn_digest_errors),
		     atomic_read(&sess->conn_timeout_errors));
}

static void sessions_put_sess(struct sessions_out *out,
			      struct tiscsi_sess *sess)
{
	u64 age = div_u64(get_jiffies_64() - sess->created, HZ);
	struct tiscsi_conn *conn;
	bool dynamic = sess->nacl && sess->nacl->se_nacl.dynamic_node_acl;

	spin_lock(&sess->lock);
	sessions_put(out, "session %u tpgt=%u initiator=%s isid=%6phN tsih=%u",
		     sess->sid, sess->tpg->tag, sess->initiator_name,
		     sess->isid, sess->tsih);
	sessions_put(out, " state=%-11s acl=%s seconds=%-10llu",
		     tiscsi_sess_state_name(sess->state),
		     dynamic ? "dynamic" : "explicit", age);
	sessions_put(out, " connections=%-2u depth=%u tasks=%-4u",
		     sess->nr_conns, sess->depth, sess->nr_busy);
	sessions_put_counters(out, sess);
	sessions_put_keys(out, &sess->keys, sessions_sess_keys,
			  ARRAY_SIZE(sessions_sess_keys));
	/* The initiator's own words, so they are the last ones. */
	sessions_put(out, " alias=%s\n", sess->initiator_alias);
	list_for_each_entry(conn, &sess->conns, sess_node)
		sessions_put_conn(out, conn);
	spin_unlock(&sess->lock);
}

/* All up to @last that fit, each of them wholly. */
static int sessions_put_tpg(struct sessions_out *out, struct tiscsi_tpg *tpg,
			    u32 last)
{
	struct tiscsi_sess **sess;
	size_t before;
	u32 nr, i;

	sess = tiscsi_tpg_get_sessions(tpg, &nr);
	if (!sess)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		before = out->len;
		if ((s32)(sess[i]->sid - last) > 0)
			continue;
		sessions_put_sess(out, sess[i]);
		if (out->full) {
			out->len = before;
			break;
		}
	}
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
	if (ret)
		return ret;
	if (!buf)
		return out.len;
	/* The end of the last line, and of those of who has gone. */
	out.len -= out.len ? 1 : 0;
	memset(buf + out.len, '\n', size - out.len);
	return size;
}

CONFIGFS_BIN_ATTR_RO(sessions_, list, NULL, 0);

static struct configfs_bin_attribute *sessions_bin_attrs[] = {
	&sessions_attr_list,
	NULL,
};

/* ------------------------------------------------------------------ */
/* commands                                                            */
/* ------------------------------------------------------------------ */

/* Which sessions a command is about, or which connection of one. */
struct sessions_choice {
	bool all;
	bool group;
	bool conn;
	u16 tag;
	u16 cid;
	u32 sid;
	u32 seconds;
};

/*
 * "<session>", "tpgt_<tag>" or "all"; and after that seconds if @timed, else,
 * of a session, the CID of a connection.
 */
static int sessions_parse(const char *page, bool timed,
			  struct sessions_choice *choice)
{
	char buf[32], *text, *which;

	if (strscpy(buf, page, sizeof(buf)) < 0)
		return -EINVAL;
	text = strim(buf);
	which = strsep(&text, " \t");
	if (text && timed && kstrtou32(skip_spaces(text), 10, &choice->seconds))
		return -EINVAL;
	if (choice->seconds > TISCSI_LOGOUT_GRACE_MAX)
		return -EINVAL;
	choice->conn = text && !timed;
	if (choice->conn)
		return kstrtou16(skip_spaces(text), 10, &choice->cid) ?:
		       kstrtou32(which, 10, &choice->sid);
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

static u32 sessions_ask_tpg(struct tiscsi_tpg *tpg,
			    const struct sessions_choice *choice)
{
	struct tiscsi_sess *sess;
	u32 nr = 0;

	spin_lock(&tpg->lock);
	list_for_each_entry(sess, &tpg->sessions, node) {
		if (!choice->all && !choice->group && choice->sid != sess->sid)
			continue;
		if (choice->conn) {
			nr += sessions_drop_conn(sess, choice->cid);
			continue;
		}
		tiscsi_sess_dismiss(sess, choice->seconds);
		nr++;
	}
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
				bool timed, u32 seconds, const char *page,
				size_t count)
{
	struct sessions_choice choice = { .seconds = seconds };
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
	return sessions_command(item, "logout", true, TISCSI_ASK_LOGOUT, page,
				count);
}

static ssize_t sessions_drop_store(struct config_item *item, const char *page,
				   size_t count)
{
	return sessions_command(item, "drop", false, 0, page, count);
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
