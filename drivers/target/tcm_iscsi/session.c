// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions: one I_T nexus each, from the end of its leading login to the
 * moment its last command has come back from the target core.
 *
 * Closing a session waits for nobody.  It closes the connections; each of them
 * ends the tasks that only we know of; those in the core keep their slot.  With
 * the last slot to come back the session leaves: its I_T nexus is free for the
 * next login, and its Logout is answered.  A backend that never answers so keeps
 * this memory and nothing else.
 *
 * What the core has of the session goes later, in the background: there has to
 * be a grace period of RCU, ten times as long as all the rest of a logout.
 */
#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "access/access.h"
#include "login.h"
#include "recovery.h"
#include "redirect.h"
#include "sessions.h"

/* Near the wrap, so that it is passed (J18). */
#define TISCSI_FIRST_TTT	(U32_MAX - 4)
/* Slots of a session without commands: text, logout, rejects. */
#define TISCSI_DISCOVERY_DEPTH	4
/* How long disabling a portal group waits for its sessions to be gone. */
#define TISCSI_DISABLE_WAIT	(3 * HZ)

static DEFINE_IDA(tiscsi_tsih_ida);
static atomic_t tiscsi_next_sid = ATOMIC_INIT(0);

static void tiscsi_sess_release(struct kref *ref)
{
	struct tiscsi_sess *sess = container_of(ref, struct tiscsi_sess, ref);

	if (sess->tsih)
		ida_free(&tiscsi_tsih_ida, sess->tsih);
	tiscsi_cmd_pool_free(sess);
	bitmap_free(sess->cleared);
	if (sess->tpg)
		tiscsi_tpg_put(sess->tpg);
	kfree(sess);
}

/**
 * tiscsi_sess_put - drop a reference to a session
 * @sess: freed with the last one
 *
 * Process context.
 */
void tiscsi_sess_put(struct tiscsi_sess *sess)
{
	kref_put(&sess->ref, tiscsi_sess_release);
}

/* Logins that wait for this I_T nexus to be free look again. */
static void tiscsi_sess_wake_logins(struct tiscsi_tpg *tpg)
{
	struct tiscsi_conn *conn;

	lockdep_assert_held(&tpg->lock);
	list_for_each_entry(conn, &tpg->login_waiters, wait_node) {
		set_bit(CONN_F_WAKE_LOGIN, &conn->flags);
		tiscsi_conn_kick(conn);
	}
}

/* The session has ended: say so, if anybody is there to hear. */
static void tiscsi_sess_answer_logout(struct tiscsi_sess *sess)
{
	struct tiscsi_cmd *cmd = sess->logout;

	if (!cmd)
		return;
	spin_lock(&sess->lock);
	tiscsi_logout_answer(cmd, ISCSI_LOGOUT_SUCCESS);
	spin_unlock(&sess->lock);
	tiscsi_cmd_put(cmd);
}

/**
 * tiscsi_sess_is_dynamic - has the initiator no ACL of its own
 * @sess: the session; also one that the core has forgotten
 *
 * Caller holds sess->lock.
 */
bool tiscsi_sess_is_dynamic(const struct tiscsi_sess *sess)
{
	lockdep_assert_held(&sess->lock);
	if (sess->left_core)
		return sess->dynamic;
	return sess->nacl && sess->nacl->se_nacl.dynamic_node_acl;
}

/**
 * tiscsi_sess_get_attrib - what the ACL of a session says
 * @sess: the session; also one that the core has forgotten, while its Logout is
 *	being answered
 * @attrib: gets it
 *
 * Any context.
 *
 * Return: false if there is no ACL, as in discovery.
 */
bool tiscsi_sess_get_attrib(struct tiscsi_sess *sess,
			    struct tiscsi_nacl_attrib *attrib)
{
	if (!sess->nacl)
		return false;
	spin_lock(&sess->lock);
	*attrib = sess->left_core ? sess->attrib : sess->nacl->attrib;
	spin_unlock(&sess->lock);
	return true;
}

/* The ACL may go as soon as the core has no session of it. */
static void tiscsi_sess_leave_acl(struct tiscsi_sess *sess)
{
	spin_lock(&sess->lock);
	sess->dynamic = tiscsi_sess_is_dynamic(sess);
	sess->attrib = sess->nacl->attrib;
	sess->left_core = true;
	spin_unlock(&sess->lock);
}

/*
 * The core counts the sessions of a dynamic ACL without a lock: of one initiator
 * that logs in or out twice at a time it makes two ACLs, or frees one twice.
 */
static void tiscsi_sess_remove(struct tiscsi_sess *sess)
{
	struct tiscsi_tpg *tpg = sess->tpg;

	mutex_lock(&tpg->core_lock);
	target_remove_session(sess->se_session);
	mutex_unlock(&tpg->core_lock);
}

/* Whoever looks for the session after this does not find it. */
static void tiscsi_sess_unpublish(struct tiscsi_sess *sess)
{
	struct tiscsi_tpg *tpg = sess->tpg;

	if (!tpg)
		return;
	spin_lock(&tpg->lock);
	if (!list_empty(&sess->node))
		tpg->nr_sessions--;
	list_del_init(&sess->node);
	tiscsi_sess_wake_logins(tpg);
	wake_up_all(&tpg->sess_wait);
	spin_unlock(&tpg->lock);
}

static void tiscsi_sess_leave(struct tiscsi_sess *sess)
{
	tiscsi_access_leave(sess);
	tiscsi_sess_unpublish(sess);
	tiscsi_sess_dir_del(sess);
	tiscsi_sess_answer_logout(sess);
}

/* No command is in the core any more, and it has had its grace period. */
static void tiscsi_sess_core_work(struct work_struct *work)
{
	struct tiscsi_sess *sess = container_of(to_rcu_work(work),
						struct tiscsi_sess, core_work);

	target_wait_for_sess_cmds(sess->se_session);
	tiscsi_sess_leave_acl(sess);
	tiscsi_sess_remove(sess);
	if (!sess->left)
		tiscsi_sess_leave(sess);
	tiscsi_sess_put(sess);
}

/* No slot is with the core any more: nothing waits here. */
static void tiscsi_sess_free(struct tiscsi_sess *sess)
{
	if (!sess->se_session) {
		tiscsi_sess_leave(sess);
		tiscsi_sess_put(sess);
		return;
	}
	target_stop_session(sess->se_session);
	/* The next session must not find what the core reserves for this. */
	if (!tiscsi_luns_reserved_by_core(sess))
		tiscsi_sess_leave(sess);
	queue_rcu_work(tiscsi_close_wq, &sess->core_work);
}

static void tiscsi_sess_free_work(struct work_struct *work)
{
	tiscsi_sess_free(container_of(work, struct tiscsi_sess, free_work));
}

/* True once: whoever gets to know frees the session. */
static bool tiscsi_sess_has_drained(struct tiscsi_sess *sess)
{
	lockdep_assert_held(&sess->lock);
	if (sess->state != SESS_FREE || sess->freeing)
		return false;
	/* A Logout keeps its slot and its connection until it is answered. */
	if (sess->logout ? sess->nr_busy > 1 || sess->nr_conns > 1 :
			   sess->nr_busy || sess->nr_conns)
		return false;
	sess->freeing = true;
	return true;
}

/**
 * tiscsi_sess_check_drained - free the session if nothing uses it any more
 * @sess: the session
 *
 * Caller holds sess->lock.
 */
void tiscsi_sess_check_drained(struct tiscsi_sess *sess)
{
	if (tiscsi_sess_has_drained(sess))
		queue_work(tiscsi_close_wq, &sess->free_work);
}

/**
 * tiscsi_sess_free_if_drained - free the session if nothing uses it any more
 * @sess: the session
 *
 * Does at once what tiscsi_sess_check_drained() puts off.  Process context.
 */
void tiscsi_sess_free_if_drained(struct tiscsi_sess *sess)
{
	bool drained;

	spin_lock(&sess->lock);
	drained = tiscsi_sess_has_drained(sess);
	spin_unlock(&sess->lock);
	if (drained)
		tiscsi_sess_free(sess);
}

/**
 * tiscsi_sess_end - a session takes no more connections, and loses those it has
 * @sess: the session
 * @reason: why; the first reason counts
 * @spared: connection that is not closed, or NULL
 *
 * Caller holds sess->lock, and calls tiscsi_sess_check_drained() when nothing
 * more happens that keeps it.
 */
void tiscsi_sess_end(struct tiscsi_sess *sess, enum tiscsi_close_reason reason,
		     struct tiscsi_conn *spared)
{
	struct tiscsi_conn *conn;

	lockdep_assert_held(&sess->lock);
	if (sess->state != SESS_FREE) {
		sess->close_reason = reason;
		tiscsi_sess_set_state(sess, SESS_FREE);
	}
	list_for_each_entry(conn, &sess->conns, sess_node)
		if (conn != spared) {
			tiscsi_conn_close(conn, reason);
			tiscsi_suspended_expire(conn);
		}
	tiscsi_sess_wake_joiners(sess);
	/* Not the last one: a session that has not drained has its own. */
	if (cancel_delayed_work(&sess->retain_work))
		tiscsi_sess_put(sess);
}

/**
 * tiscsi_sess_close - end a session
 * @sess: the session
 * @reason: why
 *
 * Starts the teardown of its connections and returns.  Process context, any
 * state, any number of times.
 */
void tiscsi_sess_close(struct tiscsi_sess *sess,
		       enum tiscsi_close_reason reason)
{
	spin_lock(&sess->lock);
	tiscsi_sess_end(sess, reason, NULL);
	tiscsi_sess_check_drained(sess);
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_sess_dismiss - an administrator takes away what a session needs
 * @sess: the session; takes no further connection, and ends soon
 * @seconds: that the initiator has to log out; 0 to drop it at once
 *
 * Rows C33, C34.  Process context.
 */
void tiscsi_sess_dismiss(struct tiscsi_sess *sess, u32 seconds)
{
	struct tiscsi_conn *conn;

	spin_lock(&sess->lock);
	sess->dismissed = true;
	list_for_each_entry(conn, &sess->conns, sess_node)
		tiscsi_conn_dismiss(conn, seconds);
	/* It may wait for a connection to come back. */
	if (!sess->nr_conns)
		tiscsi_sess_end(sess, CLOSE_ADMIN, NULL);
	tiscsi_sess_check_drained(sess);
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_close_session - the core wants a session gone
 * @se_sess: of this fabric
 *
 * fabric_ops callback: an ACL was removed or its queue depth changed.
 */
void tiscsi_close_session(struct se_session *se_sess)
{
	tiscsi_sess_dismiss(se_sess->fabric_sess_ptr, TISCSI_LOGOUT_GRACE);
}

static struct tiscsi_sess *tiscsi_sess_alloc(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	struct tiscsi_sess *sess;
	int tsih;

	sess = kzalloc(sizeof(*sess), GFP_KERNEL);
	if (!sess)
		return NULL;
	kref_init(&sess->ref);
	spin_lock_init(&sess->lock);
	INIT_LIST_HEAD(&sess->node);
	INIT_LIST_HEAD(&sess->conns);
	INIT_LIST_HEAD(&sess->free);
	INIT_LIST_HEAD(&sess->pending);
	INIT_LIST_HEAD(&sess->due);
	INIT_LIST_HEAD(&sess->joiners);
	INIT_LIST_HEAD(&sess->logouts);
	INIT_LIST_HEAD(&sess->reassigns);
	INIT_DELAYED_WORK(&sess->retain_work, tiscsi_sess_retain_work);
	INIT_LIST_HEAD(&sess->covers);
	INIT_LIST_HEAD(&sess->dir_node);
	INIT_WORK(&sess->free_work, tiscsi_sess_free_work);
	INIT_RCU_WORK(&sess->core_work, tiscsi_sess_core_work);
	sess->sid = atomic_inc_return(&tiscsi_next_sid);
	tiscsi_sess_set_state(sess, SESS_ACTIVE);
	sess->created = get_jiffies_64();
	sess->discovery = login->nego.discovery;
	sess->keys = login->nego.keys;
	sess->erl = sess->keys.v[KEY_ERL];
	sess->multi = sess->keys.v[KEY_MAX_CONNECTIONS] > 1;
	sess->fences = sess->keys.v[KEY_TASK_REPORTING] != TASK_RFC3720;
	sess->next_ttt = TISCSI_FIRST_TTT;
	memcpy(sess->isid, login->isid, sizeof(sess->isid));
	strscpy(sess->initiator_name, login->nego.initiator_name,
		sizeof(sess->initiator_name));
	strscpy(sess->initiator_alias, login->nego.initiator_alias,
		sizeof(sess->initiator_alias));
	strscpy(sess->user, tiscsi_login_user(login), sizeof(sess->user));
	sess->exp_cmd_sn = login->cmd_sn;

	tsih = ida_alloc_range(&tiscsi_tsih_ida, 1, U16_MAX, GFP_KERNEL);
	if (tsih < 0) {
		kfree(sess);
		return NULL;
	}
	sess->tsih = tsih;
	return sess;
}

static int tiscsi_sess_errno_to_status(int err)
{
	return err == -EACCES ? LOGIN_FORBIDDEN : LOGIN_NO_RESOURCES;
}

/* Makes the nexus known to the core and the window as deep as its ACL says. */
static int tiscsi_sess_register(struct tiscsi_sess *sess,
				struct tiscsi_tpg *tpg)
{
	struct se_session *se_sess;
	int ret;

	if (!tiscsi_tpg_get(tpg))
		return LOGIN_SERVICE_UNAVAILABLE;
	sess->tpg = tpg;
	if (tiscsi_access_join(sess))
		return LOGIN_NO_RESOURCES;
	mutex_lock(&tpg->core_lock);
	se_sess = target_setup_session(&tpg->se_tpg, 0, 0, TARGET_PROT_NORMAL,
				       sess->initiator_name, sess, NULL);
	mutex_unlock(&tpg->core_lock);
	if (IS_ERR(se_sess))
		return tiscsi_sess_errno_to_status(PTR_ERR(se_sess));
	sess->se_session = se_sess;
	sess->nacl = to_tiscsi_nacl(se_sess->se_node_acl);

	ret = tiscsi_cmd_pool_init(sess, clamp_t(u32,
						 se_sess->se_node_acl->queue_depth,
						 TISCSI_CMDSN_DEPTH_MIN,
						 TISCSI_CMDSN_DEPTH_MAX));
	return ret ? LOGIN_NO_RESOURCES : 0;
}

/* Puts the session where lookups find it; 0 or a login status (B30). */
static int tiscsi_sess_publish(struct tiscsi_sess *sess)
{
	struct tiscsi_tpg *tpg = sess->tpg;
	int status = 0;

	spin_lock(&tpg->lock);
	if (!READ_ONCE(tpg->active)) {
		status = LOGIN_SERVICE_UNAVAILABLE;
	} else if (tpg->nr_sessions >= READ_ONCE(tpg->attrib.max_sessions)) {
		status = LOGIN_NO_RESOURCES;
	} else {
		list_add_tail(&sess->node, &tpg->sessions);
		tpg->nr_sessions++;
	}
	spin_unlock(&tpg->lock);
	return status;
}

/**
 * tiscsi_sess_create - the session of a leading login that has succeeded
 * @conn: its connection; conn->login has the outcome of the negotiation
 * @status: where the login status goes on failure
 *
 * The connection is not attached yet.  io_work.
 *
 * Return: the session with a reference, or NULL with @status set:
 * LOGIN_NO_RESOURCES, LOGIN_FORBIDDEN (no ACL), LOGIN_SERVICE_UNAVAILABLE
 * (portal group gone).
 */
struct tiscsi_sess *tiscsi_sess_create(struct tiscsi_conn *conn, int *status)
{
	struct tiscsi_sess *sess = tiscsi_sess_alloc(conn);

	*status = LOGIN_NO_RESOURCES;
	if (!sess)
		return NULL;
	/* The caller's: once published it may be closed by another login. */
	kref_get(&sess->ref);
	if (sess->discovery)
		*status = tiscsi_cmd_pool_init(sess, TISCSI_DISCOVERY_DEPTH) ?
			  LOGIN_NO_RESOURCES : 0;
	else
		*status = tiscsi_sess_register(sess, conn->tpg);
	if (*status)
		goto fail;

	atomic_set(&sess->max_cmd_sn, sess->exp_cmd_sn + sess->depth - 1);
	if (!sess->discovery)
		*status = tiscsi_sess_publish(sess);
	if (*status)
		goto fail;
	return sess;

fail:
	/* Closed without connections and slots in use, it frees itself. */
	tiscsi_sess_close(sess, CLOSE_LOGIN_FAILED);
	tiscsi_sess_put(sess);
	return NULL;
}

/**
 * tiscsi_sess_find - the session of an I_T nexus
 * @tpg: target port
 * @name: initiator name, normalised
 * @isid: six bytes
 *
 * Row C15.  Sessions that are closing are found too, until their last command
 * is back.  Process context.
 *
 * Return: the session with a reference, or NULL.
 */
struct tiscsi_sess *tiscsi_sess_find(struct tiscsi_tpg *tpg, const char *name,
				     const u8 *isid)
{
	struct tiscsi_sess *sess, *found = NULL;

	spin_lock(&tpg->lock);
	list_for_each_entry(sess, &tpg->sessions, node) {
		if (memcmp(sess->isid, isid, sizeof(sess->isid)) ||
		    strcmp(sess->initiator_name, name))
			continue;
		kref_get(&sess->ref);
		found = sess;
		break;
	}
	spin_unlock(&tpg->lock);
	return found;
}

/* ------------------------------------------------------------------ */
/* portal groups                                                       */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_tpg_init - set up what sessions and logins need of a portal group
 * @tpg: new, zeroed
 */
void tiscsi_tpg_init(struct tiscsi_tpg *tpg)
{
	INIT_LIST_HEAD(&tpg->node);
	INIT_LIST_HEAD(&tpg->nps);
	INIT_LIST_HEAD(&tpg->sessions);
	INIT_LIST_HEAD(&tpg->login_waiters);
	mutex_init(&tpg->core_lock);
	spin_lock_init(&tpg->lock);
	init_waitqueue_head(&tpg->sess_wait);
	refcount_set(&tpg->users, 1);
	init_completion(&tpg->unused);
}

/**
 * tiscsi_tpg_get - use a portal group
 * @tpg: the portal group
 *
 * Any context.
 *
 * Return: false when it is on its way out.
 */
bool tiscsi_tpg_get(struct tiscsi_tpg *tpg)
{
	return refcount_inc_not_zero(&tpg->users);
}

/**
 * tiscsi_tpg_put - stop using a portal group
 * @tpg: the portal group
 *
 * Any context.
 */
void tiscsi_tpg_put(struct tiscsi_tpg *tpg)
{
	if (refcount_dec_and_test(&tpg->users))
		complete(&tpg->unused);
}

/**
 * tiscsi_sess_last_sid - the youngest session there is or was
 *
 * Any context.
 *
 * Return: its number.
 */
u32 tiscsi_sess_last_sid(void)
{
	return atomic_read(&tiscsi_next_sid);
}

/**
 * tiscsi_tpg_get_sessions - the sessions of a portal group at this moment
 * @tpg: the portal group
 * @nr: how many there are
 *
 * Process context.
 *
 * Return: the oldest first, with a reference each, for
 * tiscsi_tpg_put_sessions(); NULL without memory.
 */
struct tiscsi_sess **tiscsi_tpg_get_sessions(struct tiscsi_tpg *tpg, u32 *nr)
{
	u32 max = READ_ONCE(tpg->nr_sessions);
	struct tiscsi_sess **list, *sess;

	list = kvmalloc_array(max_t(u32, max, 1), sizeof(*list), GFP_KERNEL);
	*nr = 0;
	if (!list)
		return NULL;
	spin_lock(&tpg->lock);
	list_for_each_entry(sess, &tpg->sessions, node) {
		if (*nr == max)
			break;
		kref_get(&sess->ref);
		list[(*nr)++] = sess;
	}
	spin_unlock(&tpg->lock);
	return list;
}

/**
 * tiscsi_tpg_put_sessions - the opposite of tiscsi_tpg_get_sessions()
 * @list: what that returned
 * @nr: and how many
 *
 * Process context.
 */
void tiscsi_tpg_put_sessions(struct tiscsi_sess **list, u32 nr)
{
	while (nr)
		tiscsi_sess_put(list[--nr]);
	kvfree(list);
}

/**
 * tiscsi_sess_for_each - visit the sessions of all targets
 * @visit: called for each, with tpg->lock held
 * @arg: passed on
 *
 * Process context; takes tiscsi_config_lock.
 */
void tiscsi_sess_for_each(void (*visit)(struct tiscsi_sess *sess, void *arg),
			  void *arg)
{
	struct tiscsi_target *target;
	struct tiscsi_sess *sess;
	struct tiscsi_tpg *tpg;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(target, &tiscsi_targets, node) {
		list_for_each_entry(tpg, &target->tpgs, node) {
			spin_lock(&tpg->lock);
			list_for_each_entry(sess, &tpg->sessions, node)
				visit(sess, arg);
			spin_unlock(&tpg->lock);
		}
	}
	mutex_unlock(&tiscsi_config_lock);
}

/**
 * tiscsi_tpg_enable - let a portal group take logins
 * @tpg: the portal group
 *
 * Process context; takes tiscsi_config_lock.
 *
 * Return: 0.
 */
int tiscsi_tpg_enable(struct tiscsi_tpg *tpg)
{
	mutex_lock(&tiscsi_config_lock);
	spin_lock(&tpg->lock);
	WRITE_ONCE(tpg->active, true);
	spin_unlock(&tpg->lock);
	tiscsi_redirect_warn(tpg);
	tiscsi_watch_start();
	mutex_unlock(&tiscsi_config_lock);
	return 0;
}

/**
 * tiscsi_tpg_disable - end the sessions and logins of a portal group
 * @tpg: takes no login any more
 *
 * Waits a short while for the sessions to be gone, so that what the
 * administrator does next finds them so, but not for a stuck backend.
 * Process context; takes tiscsi_config_lock.
 */
void tiscsi_tpg_disable(struct tiscsi_tpg *tpg)
{
	struct tiscsi_sess *sess;

	mutex_lock(&tiscsi_config_lock);
	spin_lock(&tpg->lock);
	WRITE_ONCE(tpg->active, false);
	/* Also those that wait for a connection to come back. */
	list_for_each_entry(sess, &tpg->sessions, node)
		tiscsi_sess_dismiss(sess, TISCSI_LOGOUT_GRACE);
	spin_unlock(&tpg->lock);
	mutex_unlock(&tiscsi_config_lock);

	tiscsi_conns_close_all(tpg, NULL, CLOSE_ADMIN);
	wait_event_timeout(tpg->sess_wait, list_empty_careful(&tpg->sessions),
			   TISCSI_DISABLE_WAIT);
}

/**
 * tiscsi_tpg_wait_unused - wait until nothing uses a portal group
 * @tpg: disabled, without portals; not to be used any more afterwards
 *
 * Process context.  configfs has removed the LUNs before, so no command is
 * left in the core.
 */
void tiscsi_tpg_wait_unused(struct tiscsi_tpg *tpg)
{
	tiscsi_tpg_put(tpg);
	wait_for_completion(&tpg->unused);
}

/* ------------------------------------------------------------------ */
/* LUNs on their way out                                               */
/* ------------------------------------------------------------------ */

static void tiscsi_sess_fail_lun(struct tiscsi_sess *sess, struct se_lun *lun)
{
	struct tiscsi_cmd *cmd;
	u32 i;

	spin_lock(&sess->lock);
	for (i = 0; i < sess->nr_slots; i++) {
		cmd = sess->slots[i];
		/* Parsed but not submitted, it holds the LUN. */
		if (!test_bit(CMD_PREPPED, &cmd->flags) ||
		    cmd->se_cmd.se_lun != lun)
			continue;
		tiscsi_data_doom(cmd, DOOM_LUN_GONE);
	}
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_lun_pre_unlink - a LUN is about to be removed
 * @se_tpg: its portal group
 * @lun: the LUN
 *
 * The core then waits for every command that holds the LUN.  One that waits
 * for an initiator's data may do so for long: such commands are failed by
 * their connections, and lun_shutdown, which the core sets only later, lets
 * none join them.  fabric_ops callback.
 */
void tiscsi_lun_pre_unlink(struct se_portal_group *se_tpg, struct se_lun *lun)
{
	struct tiscsi_tpg *tpg = to_tiscsi_tpg(se_tpg);
	struct tiscsi_sess *sess;

	WRITE_ONCE(lun->lun_shutdown, true);
	/* Pairs with the one in tiscsi_scsi_prep(). */
	smp_mb();
	spin_lock(&tpg->lock);
	list_for_each_entry(sess, &tpg->sessions, node)
		tiscsi_sess_fail_lun(sess, lun);
	spin_unlock(&tpg->lock);
	tiscsi_lu_unlink(lun);
}
