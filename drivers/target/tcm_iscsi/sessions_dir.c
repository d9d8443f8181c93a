// SPDX-License-Identifier: GPL-2.0
/*
 * <iqn>/sessions/<number>: a directory for each session.
 *
 * To make or remove one takes locks of configfs, under which others wait for
 * sessions.  So who logs in or ends a session only puts it on a list, and one
 * work item, for which nobody waits, makes and removes directories in that
 * order.  It has a reference to a session from when its directory is asked for
 * until that is gone.  Thus rmdir of a portal group, which waits for the last
 * reference, leaves no directory behind; it does so in the release callback of
 * the portal group, without subsys->su_mutex and with the inodes of the portal
 * group and of the target locked, but not that of <iqn>/sessions.
 *
 * configfs does not mind if rmdir of the target takes our directories with it,
 * and would crash when they are removed after that.  As somebody can hold the
 * portal group beyond its rmdir, by a symlink(2) to it that takes its time and
 * fails, each portal group that has had a session pins the target itself.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait_bit.h>

#include "door.h"
#include "sessions.h"

/* Freed by configfs, which may be later than the session. */
struct sess_dir {
	struct config_group group;
	struct tiscsi_sess *sess;	/* while files can be read and written */
};

/*
 * When a directory is made, after the login.  Who only logs in and out, as in a
 * storm or to look, costs none.
 */
#define SESS_DIR_DELAY	(HZ / 10)

static void sess_dirs_work(struct work_struct *work);

static DEFINE_SPINLOCK(sess_dirs_lock);		/* of what follows */
static LIST_HEAD(sess_dirs_due);		/* sessions, by dir_node */
static DECLARE_DELAYED_WORK(sess_dirs_worker, sess_dirs_work);

/* Objects of configfs that call us in the end. */
static atomic_t sess_dirs_nr = ATOMIC_INIT(0);

static struct sess_dir *to_sess_dir(struct config_item *item)
{
	return container_of(to_config_group(item), struct sess_dir, group);
}

/* ------------------------------------------------------------------ */
/* what is in a directory                                              */
/* ------------------------------------------------------------------ */

static ssize_t sess_dir_show(struct config_item *item, char *page,
			     sessions_put_sess_fn put)
{
	struct sessions_out out = {
		.buf = page, .size = PAGE_SIZE, .lines = true };
	struct tiscsi_sess *sess = to_sess_dir(item)->sess;

	spin_lock(&sess->lock);
	put(&out, sess);
	spin_unlock(&sess->lock);
	return out.len;
}

static void sess_dir_put_info(struct sessions_out *out,
			      struct tiscsi_sess *sess)
{
	tiscsi_sessions_put_info(out, sess);
	tiscsi_sessions_put_alias(out, sess);
}

static ssize_t sess_dir_info_show(struct config_item *item, char *page)
{
	return sess_dir_show(item, page, sess_dir_put_info);
}

static ssize_t sess_dir_keys_show(struct config_item *item, char *page)
{
	return sess_dir_show(item, page, tiscsi_sessions_put_keys);
}

static ssize_t sess_dir_counters_show(struct config_item *item, char *page)
{
	return sess_dir_show(item, page, tiscsi_sessions_put_counters);
}

/* Sixteen connections can take more than a page. */
static ssize_t sess_dir_read(struct config_item *item, void *buf, size_t size,
			     sessions_put_conn_fn put)
{
	struct sessions_out out = { .buf = buf, .size = size };
	struct tiscsi_sess *sess = to_sess_dir(item)->sess;

	spin_lock(&sess->lock);
	tiscsi_sessions_put_conns(&out, sess, put);
	spin_unlock(&sess->lock);
	return tiscsi_sessions_end(&out);
}

static ssize_t sess_dir_connections_read(struct config_item *item, void *buf,
					 size_t size)
{
	return sess_dir_read(item, buf, size, tiscsi_sessions_put_conn);
}

static ssize_t sess_dir_latency_read(struct config_item *item, void *buf,
				     size_t size)
{
	struct tiscsi_sess *sess = to_sess_dir(item)->sess;

	if (!buf && !READ_ONCE(sess->tpg->target->latency))
		return 0;
	return sess_dir_read(item, buf, size, tiscsi_sessions_put_latency);
}

static int sess_dir_parse(const char *page, bool timed,
			  struct sessions_choice *choice)
{
	char buf[32];

	if (strscpy(buf, page, sizeof(buf)) < 0)
		return -EINVAL;
	return tiscsi_sessions_parse_arg(strim(buf), timed, choice);
}

static ssize_t sess_dir_command(struct config_item *item, const char *name,
				bool timed, const char *page, size_t count)
{
	struct sessions_choice choice = {};

	if (sess_dir_parse(page, timed, &choice)) {
		tiscsi_refuse(item, name, "\"%*pE\" is not %s, nor empty",
			      (int)min_t(size_t, count, 64), page, timed ?
			      "a number of seconds up to 300" : "a CID");
		return -EINVAL;
	}
	if (!tiscsi_sessions_ask(to_sess_dir(item)->sess, &choice)) {
		tiscsi_refuse(item, name, "connection %u is not there",
			      choice.cid);
		return -ENOENT;
	}
	return count;
}

static ssize_t sess_dir_logout_store(struct config_item *item,
				     const char *page, size_t count)
{
	return sess_dir_command(item, "logout", true, page, count);
}

static ssize_t sess_dir_drop_store(struct config_item *item, const char *page,
				   size_t count)
{
	return sess_dir_command(item, "drop", false, page, count);
}

CONFIGFS_ATTR_RO(sess_dir_, info);
CONFIGFS_ATTR_RO(sess_dir_, keys);
CONFIGFS_ATTR_RO(sess_dir_, counters);
CONFIGFS_ATTR_WO(sess_dir_, logout);
CONFIGFS_ATTR_WO(sess_dir_, drop);
CONFIGFS_BIN_ATTR_RO(sess_dir_, connections, NULL, 0);
CONFIGFS_BIN_ATTR_RO(sess_dir_, latency, NULL, 0);

static struct configfs_attribute *sess_dir_attrs[] = {
	&sess_dir_attr_info,
	&sess_dir_attr_keys,
	&sess_dir_attr_counters,
	&sess_dir_attr_logout,
	&sess_dir_attr_drop,
	NULL,
};

static struct configfs_bin_attribute *sess_dir_bin_attrs[] = {
	&sess_dir_attr_connections,
	&sess_dir_attr_latency,
	NULL,
};

static void sess_dir_release(struct config_item *item)
{
	kfree(to_sess_dir(item));
	if (atomic_dec_and_test(&sess_dirs_nr))
		wake_up_var(&sess_dirs_nr);
}

static struct configfs_item_operations sess_dir_item_ops = {
	.release	= sess_dir_release,
};

static const struct config_item_type sess_dir_type = {
	.ct_item_ops	= &sess_dir_item_ops,
	.ct_attrs	= sess_dir_attrs,
	.ct_bin_attrs	= sess_dir_bin_attrs,
	.ct_owner	= THIS_MODULE,
};

/* ------------------------------------------------------------------ */
/* coming and going                                                    */
/* ------------------------------------------------------------------ */

static int sess_dir_pin_target(struct tiscsi_tpg *tpg)
{
	int ret;

	if (tpg->pins_target)
		return 0;
	ret = target_depend_item(&tpg->target->wwn.wwn_group.cg_item);
	tpg->pins_target = !ret;
	return ret;
}

static int sess_dir_register(struct tiscsi_sess *sess)
{
	struct sess_dir *dir;
	char name[12];
	int ret;

	ret = sess_dir_pin_target(sess->tpg);
	if (ret)
		return ret;
	dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	if (!dir)
		return -ENOMEM;
	dir->sess = sess;
	snprintf(name, sizeof(name), "%u", sess->sid);
	config_group_init_type_name(&dir->group, name, &sess_dir_type);
	atomic_inc(&sess_dirs_nr);
	ret = configfs_register_group(&sess->tpg->target->sessions_group,
				      &dir->group);
	if (ret)
		config_group_put(&dir->group);
	else
		sess->dir = dir;
	return ret;
}

static void sess_dir_make(struct tiscsi_sess *sess)
{
	int ret = sess_dir_register(sess);

	if (ret)
		pr_warn_ratelimited("%s tpgt_%u: session %u of %s has no directory: %d\n",
				    sess->tpg->target->name, sess->tpg->tag,
				    sess->sid, sess->initiator_name, ret);
}

static void sess_dir_remove(struct tiscsi_sess *sess)
{
	struct sess_dir *dir = sess->dir;
	struct inode *inode;

	if (!dir)
		return;
	/*
	 * As rmdir(2) would, but configfs does not: who reads the directory
	 * now has finished before its entries go, and nobody begins.
	 */
	inode = d_inode(dir->group.cg_item.ci_dentry);
	inode_lock(inode);
	inode->i_flags |= S_DEAD;
	inode_unlock(inode);
	configfs_unregister_group(&dir->group);
	sess->dir = NULL;
	config_group_put(&dir->group);
}

static struct tiscsi_sess *sess_dirs_next(bool *over)
{
	struct tiscsi_sess *sess;

	spin_lock(&sess_dirs_lock);
	sess = list_first_entry_or_null(&sess_dirs_due, struct tiscsi_sess,
					dir_node);
	if (sess) {
		list_del_init(&sess->dir_node);
		*over = sess->dir_over;
	}
	spin_unlock(&sess_dirs_lock);
	return sess;
}

static void sess_dirs_work(struct work_struct *work)
{
	struct tiscsi_sess *sess;
	bool over;

	while ((sess = sess_dirs_next(&over))) {
		if (!over) {
			sess_dir_make(sess);
			continue;
		}
		sess_dir_remove(sess);
		tiscsi_sess_put(sess);
	}
}

/**
 * tiscsi_sess_dir_add - have a directory made for a session
 * @sess: has just logged in
 *
 * A moment later; never if the session is over before.  Process context, waits
 * for nothing.
 */
void tiscsi_sess_dir_add(struct tiscsi_sess *sess)
{
	spin_lock(&sess_dirs_lock);
	if (!sess->dir_over) {
		kref_get(&sess->ref);
		sess->dir_wanted = true;
		list_add_tail(&sess->dir_node, &sess_dirs_due);
		/* It sleeps on locks, and no memory waits for it. */
		queue_delayed_work(system_unbound_wq, &sess_dirs_worker,
				   SESS_DIR_DELAY);
	}
	spin_unlock(&sess_dirs_lock);
}

/**
 * tiscsi_sess_dir_del - have the directory of a session removed
 * @sess: over; the caller has a reference
 *
 * At some time.  Process context, waits for nothing.
 */
void tiscsi_sess_dir_del(struct tiscsi_sess *sess)
{
	bool never;

	spin_lock(&sess_dirs_lock);
	sess->dir_over = true;
	never = !list_empty(&sess->dir_node);
	list_del_init(&sess->dir_node);
	if (sess->dir_wanted && !never) {
		list_add_tail(&sess->dir_node, &sess_dirs_due);
		mod_delayed_work(system_unbound_wq, &sess_dirs_worker, 0);
	}
	spin_unlock(&sess_dirs_lock);
	if (never)
		tiscsi_sess_put(sess);
}

/**
 * tiscsi_sess_dirs_unpin - a portal group leaves its target
 * @tpg: unused
 *
 * No session refers to it any more, so there is no directory.  Any context.
 */
void tiscsi_sess_dirs_unpin(struct tiscsi_tpg *tpg)
{
	if (tpg->pins_target)
		target_undepend_item(&tpg->target->wwn.wwn_group.cg_item);
}

/**
 * tiscsi_sess_dirs_exit - wait until nothing of this file runs or will run
 *
 * There is no portal group any more.  Process context.
 */
void tiscsi_sess_dirs_exit(void)
{
	cancel_delayed_work_sync(&sess_dirs_worker);
	wait_var_event(&sess_dirs_nr, !atomic_read(&sess_dirs_nr));
}
