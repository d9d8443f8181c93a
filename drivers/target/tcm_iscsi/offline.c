// SPDX-License-Identifier: GPL-2.0
/*
 * Portal groups through which nothing can be reached any more.
 *
 * An administrator makes a target port offline, or its group unavailable, in
 * the core, which tells nobody.  Commands find out by themselves, but an idle
 * session sends none; so the portal groups that have sessions are looked at
 * once a second.  So are the portals that others redirect to: addresses come to
 * this host unannounced.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/workqueue.h>

#include "access/access.h"
#include "redirect.h"

#define TISCSI_WATCH_INTERVAL	HZ

static void tiscsi_watch(struct work_struct *work);
static DECLARE_DELAYED_WORK(tiscsi_watch_work, tiscsi_watch);

/**
 * tiscsi_tpg_is_offline - is a portal group offline for all of its LUNs?
 * @tpg: the portal group
 *
 * Row H16: it answers nobody then.  Process context.
 *
 * Return: whether it is; one without LUNs is not.
 */
bool tiscsi_tpg_is_offline(struct tiscsi_tpg *tpg)
{
	struct tiscsi_alua_view view;

	tiscsi_alua_view(tpg, NULL, &view);
	return view.nr && view.offline == view.nr;
}

static void watch_dismiss(struct tiscsi_tpg *tpg)
{
	struct tiscsi_sess *sess;

	spin_lock(&tpg->lock);
	list_for_each_entry(sess, &tpg->sessions, node)
		if (!READ_ONCE(sess->dismissed))
			tiscsi_sess_dismiss(sess, TISCSI_LOGOUT_GRACE);
	spin_unlock(&tpg->lock);
}

/* Who can be elsewhere is sent away first; an offline port has nobody left. */
static void watch_tpg(struct tiscsi_tpg *tpg)
{
	struct tiscsi_alua_view view;
	bool offline;

	tiscsi_alua_view(tpg, NULL, &view);
	if (!view.nr || view.lost != view.nr) {
		tpg->offline = false;
		return;
	}
	tiscsi_redirect_evacuate(tpg);
	offline = view.offline == view.nr;
	if (offline && !tpg->offline)
		pr_warn_ratelimited("%s tpgt_%u is offline: its sessions end\n",
				    tpg->target->name, tpg->tag);
	tpg->offline = offline;
	if (offline)
		watch_dismiss(tpg);
}

static void tiscsi_watch(struct work_struct *work)
{
	struct tiscsi_target *target;
	struct tiscsi_tpg *tpg;
	bool again = false;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(target, &tiscsi_targets, node) {
		list_for_each_entry(tpg, &target->tpgs, node) {
			again |= tpg->active;
			if (tpg->active)
				tiscsi_redirect_follow(tpg);
			if (READ_ONCE(tpg->nr_sessions))
				watch_tpg(tpg);
		}
	}
	mutex_unlock(&tiscsi_config_lock);
	if (again)
		tiscsi_watch_start();
}

/**
 * tiscsi_watch_start - look at portal groups as long as one is enabled
 *
 * Any context.
 */
void tiscsi_watch_start(void)
{
	queue_delayed_work(tiscsi_close_wq, &tiscsi_watch_work,
			   TISCSI_WATCH_INTERVAL);
}

/**
 * tiscsi_watch_stop - look no more
 *
 * For module exit: there is no portal group.  Process context.
 */
void tiscsi_watch_stop(void)
{
	cancel_delayed_work_sync(&tiscsi_watch_work);
}
