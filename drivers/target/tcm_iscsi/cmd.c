// SPDX-License-Identifier: GPL-2.0
/*
 * Command slots: the pool of a session, tasks by Initiator Task Tag, and the
 * order that CmdSN gives them (RFC 7143 4.2.2.1).
 */
#include <linux/hash.h>
#include <linux/slab.h>

#include "access/access.h"
#include "recovery.h"
#include "trace.h"

/* Near the wrap, so that every session that does anything passes it (J18). */
#define TISCSI_FIRST_TTT_GEN	(U16_MAX - 8)

/* Made with the session, so that one without memory still gets on. */
#define TISCSI_FIRST_SLOTS	2
/* Until memory is asked for again. */
#define TISCSI_SLOT_RETRY	(HZ / 10)

static struct kmem_cache *tiscsi_cmd_cache;

static struct hlist_head *tiscsi_itt_bucket(struct tiscsi_sess *sess,
					    itt_t itt)
{
	return &sess->itt_hash[hash_32((__force u32)itt, sess->itt_hash_bits)];
}

/* Somebody has to look at cmd->deadline now and then. */
static bool tiscsi_cmd_is_timed(enum tiscsi_cmd_state state)
{
	return state == TASK_DATA || state == TASK_WAIT;
}

/**
 * tiscsi_cmd_set_state - the one setter of cmd->state
 * @cmd: the task
 * @state: where it goes
 *
 * Caller holds sess->lock, but for a slot nobody else can see yet.
 */
void tiscsi_cmd_set_state(struct tiscsi_cmd *cmd, enum tiscsi_cmd_state state)
{
	trace_tiscsi_task(cmd, state);
	if (tiscsi_cmd_is_timed(cmd->state))
		cmd->conn->nr_waiting--;
	if (tiscsi_cmd_is_timed(state))
		cmd->conn->nr_waiting++;
	cmd->state = state;
}

/**
 * tiscsi_cmd_cache_init - make the cache that slots come from
 *
 * Return: 0 or -ENOMEM. Process context.
 */
int tiscsi_cmd_cache_init(void)
{
	tiscsi_cmd_cache = KMEM_CACHE(tiscsi_cmd, SLAB_HWCACHE_ALIGN);
	return tiscsi_cmd_cache ? 0 : -ENOMEM;
}

/**
 * tiscsi_cmd_cache_exit - the opposite; no session is left
 */
void tiscsi_cmd_cache_exit(void)
{
	kmem_cache_destroy(tiscsi_cmd_cache);
}

static struct tiscsi_cmd *tiscsi_cmd_make(struct tiscsi_sess *sess, gfp_t gfp)
{
	struct tiscsi_cmd *cmd = kmem_cache_zalloc(tiscsi_cmd_cache, gfp);

	if (!cmd)
		return NULL;
	cmd->sess = sess;
	cmd->ttt_gen = TISCSI_FIRST_TTT_GEN;
	return cmd;
}

/* Takes a new slot into the pool, or frees it if that is full. */
static void tiscsi_cmd_add(struct tiscsi_sess *sess, struct tiscsi_cmd *cmd)
{
	if (sess->nr_slots == sess->max_slots) {
		kmem_cache_free(tiscsi_cmd_cache, cmd);
		return;
	}
	cmd->index = sess->nr_slots;
	sess->slots[cmd->index] = cmd;
	list_add(&cmd->list, &sess->free);
	/* Pairs with the acquire in tiscsi_sess_slot(). */
	smp_store_release(&sess->nr_slots, cmd->index + 1);
}

/**
 * tiscsi_cmd_pool_init - prepare the slots of a session
 * @sess: the session
 * @depth: its CmdSN window, 1..TISCSI_CMDSN_DEPTH_MAX
 *
 * A slot is made when all that there are, are in use: many sessions never have
 * more than a few commands at a time.
 *
 * Return: 0 or -ENOMEM. Process context.
 */
int tiscsi_cmd_pool_init(struct tiscsi_sess *sess, u32 depth)
{
	struct tiscsi_cmd *cmd;
	u32 i;

	sess->depth = depth;
	sess->max_slots = depth + TISCSI_EXTRA_SLOTS *
			  sess->keys.v[KEY_MAX_CONNECTIONS];
	if (sess->erl && tiscsi_kept_init(sess))
		return -ENOMEM;
	sess->itt_hash_bits = clamp(ilog2(depth), 3, 8);
	sess->itt_hash = kcalloc(1 << sess->itt_hash_bits,
				 sizeof(*sess->itt_hash), GFP_KERNEL);
	sess->slots = kvcalloc(sess->max_slots, sizeof(*sess->slots),
			       TISCSI_GFP_PEER);
	if (!sess->itt_hash || !sess->slots)
		return -ENOMEM;

	for (i = 0; i < TISCSI_FIRST_SLOTS; i++) {
		cmd = tiscsi_cmd_make(sess, TISCSI_GFP_PEER);
		if (!cmd)
			return -ENOMEM;
		tiscsi_cmd_add(sess, cmd);
	}
	return 0;
}

/**
 * tiscsi_cmd_pool_free - free the slots of a session
 * @sess: the session; no slot is in use
 */
void tiscsi_cmd_pool_free(struct tiscsi_sess *sess)
{
	u32 i;

	for (i = 0; i < sess->nr_slots; i++)
		kmem_cache_free(tiscsi_cmd_cache, sess->slots[i]);
	kvfree(sess->kept);
	kvfree(sess->slots);
	kfree(sess->itt_hash);
}

/* Everything between what is set anyway and where sense data will be. */
static void tiscsi_cmd_reset(struct tiscsi_cmd *cmd)
{
	const size_t from = offsetof(struct tiscsi_cmd, se_cmd);

	memset((u8 *)cmd + from, 0, offsetof(struct tiscsi_cmd, sense) - from);
	if (unlikely(cmd->sess->erl))
		tiscsi_kept_reset(cmd);
	INIT_LIST_HEAD(&cmd->conn_node);
	INIT_HLIST_NODE(&cmd->itt_node);
}

static struct tiscsi_cmd *tiscsi_cmd_take(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd;

	lockdep_assert_held(&sess->lock);
	cmd = list_first_entry_or_null(&sess->free, struct tiscsi_cmd, list);
	if (!cmd)
		return NULL;
	list_del_init(&cmd->list);
	sess->nr_busy++;
	conn->nr_cmds++;
	tiscsi_conn_get(conn);
	cmd->conn = conn;
	tiscsi_cmd_set_state(cmd, TASK_RECV);
	refcount_set(&cmd->ref, 1);
	/* Under the lock: nobody is to see, or to mark, what it was before. */
	tiscsi_cmd_reset(cmd);
	return cmd;
}

/*
 * None is free: make one.  Without memory for it, the request waits as it does
 * when there are to be no more: those in use come back.  But not only for that,
 * as they may wait for data that are behind this request.
 */
static struct tiscsi_cmd *tiscsi_cmd_take_new(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd = NULL;

	if (READ_ONCE(sess->nr_slots) < sess->max_slots)
		cmd = tiscsi_cmd_make(sess, TISCSI_GFP_PEER);
	spin_lock(&sess->lock);
	if (cmd)
		tiscsi_cmd_add(sess, cmd);
	cmd = tiscsi_cmd_take(conn);
	if (!cmd) {
		set_bit(CONN_F_RX_NO_SLOT, &conn->flags);
		if (sess->nr_slots < sess->max_slots)
			tiscsi_conn_arm_timer(conn, jiffies + TISCSI_SLOT_RETRY);
	}
	spin_unlock(&sess->lock);
	return cmd;
}

/**
 * tiscsi_cmd_alloc - take a slot for the request in conn->rx, or for an answer
 * @conn: whose connection allegiance it gets
 *
 * The slot comes in TASK_RECV with one reference, the task's own.  io_work.
 *
 * Return: the slot, or NULL when none is free: then the connection is kicked
 * once one is.
 */
struct tiscsi_cmd *tiscsi_cmd_alloc(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd;

	spin_lock(&sess->lock);
	cmd = tiscsi_cmd_take(conn);
	spin_unlock(&sess->lock);
	return likely(cmd) ? cmd : tiscsi_cmd_take_new(conn);
}

/**
 * tiscsi_cmd_alloc_locked - take a slot for something that we say by ourselves
 * @conn: whose connection allegiance it gets; has not left its session
 *
 * As tiscsi_cmd_alloc(), but nobody is kicked later.  Caller holds sess->lock.
 * Any process context.
 *
 * Return: the slot, or NULL.
 */
struct tiscsi_cmd *tiscsi_cmd_alloc_locked(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd = tiscsi_cmd_take(conn);

	if (!cmd && sess->nr_slots < sess->max_slots) {
		cmd = tiscsi_cmd_make(sess, GFP_ATOMIC | __GFP_NOWARN);
		if (!cmd)
			return NULL;
		tiscsi_cmd_add(sess, cmd);
		cmd = tiscsi_cmd_take(conn);
	}
	return cmd;
}

/* Connections that ran out of slots look again. */
static void tiscsi_cmd_wake_rx(struct tiscsi_sess *sess)
{
	struct tiscsi_conn *conn;

	lockdep_assert_held(&sess->lock);
	list_for_each_entry(conn, &sess->conns, sess_node)
		if (test_bit(CONN_F_RX_NO_SLOT, &conn->flags)) {
			clear_bit(CONN_F_RX_NO_SLOT, &conn->flags);
			tiscsi_conn_kick(conn);
		}
}

static void tiscsi_cmd_free(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;
	struct tiscsi_conn *conn = cmd->conn;

	tiscsi_sg_free(cmd);
	kvfree(cmd->payload);
	kfree(cmd->ecdb);
	if (cmd->wait)
		tiscsi_wait_put(cmd->wait);

	spin_lock(&sess->lock);
	if (unlikely(sess->erl))
		tiscsi_kept_forget(cmd);
	tiscsi_cmd_set_state(cmd, TASK_FREE);
	/* Last in, first out: the slot is still in the cache. */
	list_add(&cmd->list, &sess->free);
	sess->nr_busy--;
	conn->nr_cmds--;
	tiscsi_cmd_wake_rx(sess);
	tiscsi_sess_conn_less(conn);
	tiscsi_sess_check_drained(sess);
	spin_unlock(&sess->lock);
	tiscsi_conn_put(conn);
}

/**
 * tiscsi_cmd_put - drop a reference to a slot
 * @cmd: back in the pool with the last one
 *
 * Process context.
 */
void tiscsi_cmd_put(struct tiscsi_cmd *cmd)
{
	if (refcount_dec_and_test(&cmd->ref))
		tiscsi_cmd_free(cmd);
}

/**
 * tiscsi_cmd_find - the live task of an Initiator Task Tag
 * @sess: the session
 * @itt: the tag
 *
 * Caller holds sess->lock.
 *
 * Return: the task or NULL.
 */
struct tiscsi_cmd *tiscsi_cmd_find(struct tiscsi_sess *sess, itt_t itt)
{
	struct tiscsi_cmd *cmd;

	lockdep_assert_held(&sess->lock);
	hlist_for_each_entry(cmd, tiscsi_itt_bucket(sess, itt), itt_node)
		if (cmd->itt == itt)
			return cmd;
	return NULL;
}

static u32 *tiscsi_cmd_nr_immediate(struct tiscsi_cmd *cmd)
{
	enum tiscsi_immediate kind = IMMEDIATE_OTHER;

	if (cmd->opcode == ISCSI_OP_SCSI_CMD)
		kind = IMMEDIATE_SCSI;
	else if (cmd->opcode == ISCSI_OP_SCSI_TMFUNC)
		kind = IMMEDIATE_TMF;
	return &cmd->conn->nr_immediate[kind];
}

/**
 * tiscsi_cmd_hash - make a task known under its Initiator Task Tag
 * @cmd: the task, with itt, opcode and cmd_sn set
 *
 * io_work.
 *
 * Return: 0; -EALREADY when the request is a copy of a live task (row C04:
 * ignore it); -EBUSY when another live task has the tag; -EMLINK when an
 * immediate request is one too many (row C09).
 */
int tiscsi_cmd_hash(struct tiscsi_cmd *cmd)
{
	bool bounded = test_bit(CMD_IMMEDIATE, &cmd->flags);
	u32 *nr_immediate = tiscsi_cmd_nr_immediate(cmd);
	struct tiscsi_sess *sess = cmd->sess;
	struct tiscsi_cmd *other;
	int ret = 0;

	spin_lock(&sess->lock);
	other = tiscsi_cmd_find(sess, cmd->itt);
	if (other && other->cmd_sn == cmd->cmd_sn &&
	    other->opcode == cmd->opcode) {
		ret = -EALREADY;
	} else if (other) {
		ret = -EBUSY;
	} else if (bounded && *nr_immediate >= TISCSI_IMMEDIATE_MAX) {
		ret = -EMLINK;
	} else {
		hlist_add_head(&cmd->itt_node,
			       tiscsi_itt_bucket(sess, cmd->itt));
		list_add_tail(&cmd->conn_node, &cmd->conn->tasks);
		if (bounded) {
			set_bit(CMD_BOUNDED, &cmd->flags);
			++*nr_immediate;
		}
	}
	spin_unlock(&sess->lock);
	return ret;
}

static void tiscsi_cmd_unhash(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;

	lockdep_assert_held(&sess->lock);
	hlist_del_init(&cmd->itt_node);
	list_del_init(&cmd->conn_node);
	if (test_and_clear_bit(CMD_BOUNDED, &cmd->flags))
		--*tiscsi_cmd_nr_immediate(cmd);
	/* The place in the window is free again: MaxCmdSN moves (C06). */
	if (test_and_clear_bit(CMD_COUNTED, &cmd->flags))
		atomic_inc(&sess->max_cmd_sn);
}

/**
 * tiscsi_cmd_retire - the final answer to a task is about to go out
 * @cmd: the task
 *
 * Frees its tag and its place in the CmdSN window before the peer can see the
 * answer, so that neither is found in use when it comes again.  io_work.
 */
void tiscsi_cmd_retire(struct tiscsi_cmd *cmd)
{
	spin_lock(&cmd->sess->lock);
	if (unlikely(cmd->sess->erl))
		tiscsi_kept_retire(cmd);
	tiscsi_cmd_unhash(cmd);
	spin_unlock(&cmd->sess->lock);
}

/* Nobody executes a task: the first one in line is its connection's. */
static void tiscsi_cmdsn_kick_due(struct tiscsi_sess *sess)
{
	struct tiscsi_cmd *cmd;

	lockdep_assert_held(&sess->lock);
	if (sess->turn)
		return;
	cmd = list_first_entry_or_null(&sess->due, struct tiscsi_cmd, list);
	if (cmd)
		tiscsi_conn_kick(cmd->conn);
}

/* Takes a task that has ended out of any line. */
static void tiscsi_cmdsn_forget(struct tiscsi_cmd *cmd)
{
	if (list_empty(&cmd->list))
		return;
	list_del_init(&cmd->list);
	tiscsi_cmdsn_kick_due(cmd->sess);
}

/* Nothing more happens to a task; false if it got as far as @state before. */
static bool tiscsi_cmd_over(struct tiscsi_cmd *cmd, enum tiscsi_cmd_state state)
{
	struct tiscsi_sess *sess = cmd->sess;
	LIST_HEAD(covers);
	bool now;

	spin_lock(&sess->lock);
	now = cmd->state < state;
	if (now) {
		tiscsi_cmd_set_state(cmd, state);
		tiscsi_cmd_unhash(cmd);
		tiscsi_cmdsn_forget(cmd);
		if (test_bit(CMD_IN_LINE, &cmd->flags))
			tiscsi_order_leave(cmd);
		if (test_bit(CMD_COVERED, &cmd->flags))
			tiscsi_cover_task_over(cmd, true, &covers);
		if (state == TASK_KEPT)
			tiscsi_kept_add(cmd);
	}
	spin_unlock(&sess->lock);
	tiscsi_covers_over(&covers);
	return now;
}

/**
 * tiscsi_cmd_end - a task is over
 * @cmd: answered, or dropped without an answer; calling it again does nothing
 *
 * Drops the task's own reference.  Process context.
 */
void tiscsi_cmd_end(struct tiscsi_cmd *cmd)
{
	if (tiscsi_cmd_over(cmd, TASK_DONE))
		tiscsi_cmd_put(cmd);
}

/**
 * tiscsi_cmd_answered - the last answer to a task is with TCP
 * @cmd: the task; over now, or kept until the initiator acknowledges it
 *
 * io_work.
 */
void tiscsi_cmd_answered(struct tiscsi_cmd *cmd)
{
	if (unlikely(cmd->sess->erl) && tiscsi_kept_wants(cmd))
		tiscsi_cmd_over(cmd, TASK_KEPT);
	else
		tiscsi_cmd_end(cmd);
}

/**
 * tiscsi_cmd_revive - a task that was answered is to be answered once more
 * @cmd: the task, kept; in nobody's list
 *
 * Its place in the CmdSN window stays what it was.  Caller holds sess->lock.
 */
void tiscsi_cmd_revive(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;

	lockdep_assert_held(&sess->lock);
	tiscsi_cmd_set_state(cmd, TASK_RESPONSE);
	hlist_add_head(&cmd->itt_node, tiscsi_itt_bucket(sess, cmd->itt));
}

/**
 * tiscsi_cmd_change_conn - a task has another connection from now on
 * @cmd: the task; takes over the caller's reference to @to
 * @to: the connection
 *
 * The caller gets the task's reference to its old one.  Caller holds
 * sess->lock.
 */
void tiscsi_cmd_change_conn(struct tiscsi_cmd *cmd, struct tiscsi_conn *to)
{
	struct tiscsi_conn *from = cmd->conn;

	lockdep_assert_held(&cmd->sess->lock);
	if (tiscsi_cmd_is_timed(cmd->state)) {
		from->nr_waiting--;
		to->nr_waiting++;
	}
	from->nr_cmds--;
	to->nr_cmds++;
	WRITE_ONCE(cmd->conn, to);
}

/* ------------------------------------------------------------------ */
/* CmdSN                                                               */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_cmdsn_in_window - may a non-immediate request have this CmdSN
 * @sess: the session
 * @cmd_sn: its CmdSN
 *
 * Serial arithmetic (row C01).  Any context.
 *
 * Return: whether it lies in [ExpCmdSN, MaxCmdSN]; what does not is dropped
 * silently (row C03).
 */
bool tiscsi_cmdsn_in_window(struct tiscsi_sess *sess, u32 cmd_sn)
{
	return iscsi_sna_gte(cmd_sn, READ_ONCE(sess->exp_cmd_sn)) &&
	       iscsi_sna_lte(cmd_sn, atomic_read(&sess->max_cmd_sn));
}

/* Files a task among those that wait for a hole to fill. */
static bool tiscsi_cmdsn_park(struct tiscsi_sess *sess, struct tiscsi_cmd *cmd)
{
	struct tiscsi_cmd *pos;

	list_for_each_entry_reverse(pos, &sess->pending, list) {
		/* Immediate ones wait in front of the number that they carry. */
		if (pos->cmd_sn == cmd->cmd_sn &&
		    test_bit(CMD_IMMEDIATE, &pos->flags))
			break;
		if (pos->cmd_sn == cmd->cmd_sn)
			return false;
		if (iscsi_sna_lt(pos->cmd_sn, cmd->cmd_sn))
			break;
	}
	tiscsi_gap_note(cmd->conn);
	tiscsi_cmd_set_state(cmd, TASK_PENDING);
	list_add(&cmd->list, &pos->list);
	return true;
}

/* Acknowledges a CmdSN: its request is here, or counts as such. */
static void tiscsi_cmdsn_accept(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;

	WRITE_ONCE(sess->exp_cmd_sn, sess->exp_cmd_sn + 1);
	set_bit(CMD_COUNTED, &cmd->flags);
}

/* Moves on everything that waited for the hole that has been filled. */
static void tiscsi_cmdsn_run_pending(struct tiscsi_sess *sess)
{
	struct tiscsi_cmd *cmd, *next;

	lockdep_assert_held(&sess->lock);
	list_for_each_entry_safe(cmd, next, &sess->pending, list) {
		if (cmd->cmd_sn != sess->exp_cmd_sn)
			break;
		if (!test_bit(CMD_IMMEDIATE, &cmd->flags))
			tiscsi_cmdsn_accept(cmd);
		list_move_tail(&cmd->list, &sess->due);
	}
}

/* With one connection its io_work alone sees to the order. */
static void tiscsi_cmdsn_take_turn(struct tiscsi_conn *conn)
{
	if (conn->sess->multi)
		conn->sess->turn = conn;
}

/**
 * tiscsi_cmdsn_arrive - a whole non-immediate request is here
 * @cmd: the request
 *
 * Row C02: requests are executed one after another in CmdSN order, each by its
 * own connection.  io_work.
 *
 * Return: true when it is its turn: the caller executes it now, and then calls
 * tiscsi_cmdsn_turn_over().  Otherwise it waits in line, or (a copy, or
 * outside the window) has been ended without an answer.
 */
bool tiscsi_cmdsn_arrive(struct tiscsi_cmd *cmd)
{
	struct tiscsi_sess *sess = cmd->sess;
	bool ours = false, keep = false;

	spin_lock(&sess->lock);
	if (cmd->state != TASK_RECV) {
		keep = true;	/* ended while it was received */
	} else if (cmd->cmd_sn == sess->exp_cmd_sn) {
		tiscsi_cmdsn_accept(cmd);
		ours = !sess->turn && list_empty(&sess->due);
		if (ours) {
			tiscsi_cmdsn_take_turn(cmd->conn);
		} else {
			tiscsi_cmd_set_state(cmd, TASK_PENDING);
			list_add_tail(&cmd->list, &sess->due);
			keep = true;
		}
		tiscsi_cmdsn_run_pending(sess);
	} else if (tiscsi_cmdsn_in_window(sess, cmd->cmd_sn)) {
		keep = tiscsi_cmdsn_park(sess, cmd);
	}
	spin_unlock(&sess->lock);
	if (!ours && !keep)
		tiscsi_scsi_kill(cmd);
	return ours;
}

/**
 * tiscsi_cmdsn_turn_over - a task has been executed
 * @conn: its connection, which had the turn
 *
 * The next one in line may be another connection's, which is kicked then.
 * io_work.
 */
void tiscsi_cmdsn_turn_over(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;

	if (!sess->multi)
		return;
	spin_lock(&sess->lock);
	sess->turn = NULL;
	tiscsi_cmdsn_kick_due(sess);
	spin_unlock(&sess->lock);
}

/**
 * tiscsi_cmdsn_wait - have an immediate request wait for all that precede it
 * @cmd: the request; its CmdSN is that of the next non-immediate one
 * @deadline: jiffies, for cmd->deadline while it waits
 *
 * Row E15.  A CmdSN that no next request can have is waited for by nobody.
 * io_work.
 *
 * Return: true when requests before it are missing; it is executed again when
 * they are here.
 */
bool tiscsi_cmdsn_wait(struct tiscsi_cmd *cmd, unsigned long deadline)
{
	struct tiscsi_sess *sess = cmd->sess;
	struct tiscsi_cmd *pos;
	bool wait;

	spin_lock(&sess->lock);
	wait = iscsi_sna_lt(sess->exp_cmd_sn, cmd->cmd_sn) &&
	       iscsi_sna_lte(cmd->cmd_sn, atomic_read(&sess->max_cmd_sn) + 1);
	if (wait) {
		list_for_each_entry_reverse(pos, &sess->pending, list)
			if (iscsi_sna_lt(pos->cmd_sn, cmd->cmd_sn))
				break;
		list_add(&cmd->list, &pos->list);
		cmd->deadline = deadline;
		tiscsi_cmd_set_state(cmd, TASK_WAIT);
	}
	spin_unlock(&sess->lock);
	if (wait)
		tiscsi_conn_arm_timer(cmd->conn, deadline);
	return wait;
}

/**
 * tiscsi_cmdsn_plug - treat a CmdSN that never came as received
 * @sess: the session
 * @cmd: a slot of its own to stand in for it, with cmd_sn set; ended here or
 *	when its turn comes
 *
 * For ABORT TASK of a lost command (row E03).  io_work.
 */
void tiscsi_cmdsn_plug(struct tiscsi_sess *sess, struct tiscsi_cmd *cmd)
{
	struct tiscsi_conn *conn = cmd->conn;

	set_bit(CMD_NO_RESPONSE, &cmd->flags);
	/* It may wait behind another hole: the connection's end finds it. */
	spin_lock(&sess->lock);
	list_add_tail(&cmd->conn_node, &conn->tasks);
	spin_unlock(&sess->lock);
	if (!tiscsi_cmdsn_arrive(cmd))
		return;
	tiscsi_cmd_end(cmd);
	tiscsi_cmdsn_turn_over(conn);
}

/**
 * tiscsi_cmd_next_exec - a task of this connection whose turn has come
 * @conn: the connection
 *
 * io_work.
 *
 * Return: the task, off the list, or NULL.  After its execution the caller
 * calls tiscsi_cmdsn_turn_over().
 */
struct tiscsi_cmd *tiscsi_cmd_next_exec(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess = conn->sess;
	struct tiscsi_cmd *cmd;

	if (!sess || list_empty_careful(&sess->due))
		return NULL;
	spin_lock(&sess->lock);
	cmd = list_first_entry_or_null(&sess->due, struct tiscsi_cmd, list);
	if (sess->turn || !cmd || cmd->conn != conn) {
		cmd = NULL;
	} else {
		list_del_init(&cmd->list);
		tiscsi_cmdsn_take_turn(conn);
	}
	spin_unlock(&sess->lock);
	return cmd;
}
