// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: from accept() to the last reference.
 *
 * One work item, io_work, owns a connection: it receives, parses, executes
 * and sends.  Socket callbacks, completions and the timer only queue it.
 * close_work takes the connection down, once, from whatever state it is in.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/tcp.h>
#include <linux/wait_bit.h>
#include <net/tcp.h>
#include <net/tcp_states.h>

#include "chap.h"
#include "access/access.h"
#include "login.h"
#include "recovery.h"

/* PDUs a turn, so that connections on one CPU share it fairly. */
#define TISCSI_RX_BUDGET	8
#define TISCSI_TX_BUDGET	8
#define TISCSI_IO_TURNS		8

/* Seconds from accept() to the end of the login; row J01. */
#define TISCSI_LOGIN_TIMEOUT	15
/* For an initiator to hear that it is dropped, as it did not log out. */
#define TISCSI_DROP_LINGER	(HZ / 2)
/* Seconds for the peer to close after the last answer was sent. */
#define TISCSI_LINGER		2

static LIST_HEAD(tiscsi_conns);
static DEFINE_SPINLOCK(tiscsi_conns_lock);
static DECLARE_WAIT_QUEUE_HEAD(tiscsi_conns_wait);

/* What the log says of a connection's end; NULL for the expected ones. */
static const char * const tiscsi_close_text[] = {
	[CLOSE_TIMEOUT]		= "timed out",
	[CLOSE_PROTOCOL]	= "broke the protocol",
	[CLOSE_DIGEST]		= "sent a header with a wrong digest",
	[CLOSE_NO_MEMORY]	= "was dropped for want of memory",
};

/**
 * tiscsi_conn_kick - have the connection look at its work
 * @conn: the connection
 *
 * Any context.
 */
void tiscsi_conn_kick(struct tiscsi_conn *conn)
{
	unsigned long flags = READ_ONCE(conn->flags);

	if (likely(!(flags & BIT(CONN_F_CLOSING))) ||
	    flags & BIT(CONN_F_SUSPENDED))
		queue_work_on(conn->cpu, tiscsi_io_wq, &conn->io_work);
}

/**
 * tiscsi_conn_look - kick a connection if its socket has something for it
 * @conn: the connection
 * @sk: its socket; the caller sees to it that it stays
 *
 * For who begins to read, or reads on: what comes later kicks by itself.
 * Process context.
 */
void tiscsi_conn_look(struct tiscsi_conn *conn, const struct sock *sk)
{
	if (conn->rx.ahead_len || READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN ||
	    !skb_queue_empty_lockless(&sk->sk_receive_queue))
		tiscsi_conn_kick(conn);
}

static void tiscsi_conn_free_work(struct work_struct *work)
{
	struct tiscsi_conn *conn =
		container_of(work, struct tiscsi_conn, close_work);

	/* A kick may have raced with close_work's own cancel. */
	cancel_work_sync(&conn->io_work);
	if (conn->sess)
		tiscsi_sess_put(conn->sess);
	if (conn->tpg)
		tiscsi_tpg_put(conn->tpg);
	tiscsi_portal_put(conn->portal);

	spin_lock(&tiscsi_conns_lock);
	list_del(&conn->node);
	kfree(conn);
	if (list_empty(&tiscsi_conns))
		wake_up_all(&tiscsi_conns_wait);
	spin_unlock(&tiscsi_conns_lock);
}

/*
 * The last reference may go in another connection's io_work, which must not
 * wait for this one's.  close_work has run, or is the caller.  No io_work is at
 * work any more, so that this one waits for nothing.
 */
static void tiscsi_conn_release(struct kref *ref)
{
	struct tiscsi_conn *conn = container_of(ref, struct tiscsi_conn, ref);

	INIT_WORK(&conn->close_work, tiscsi_conn_free_work);
	queue_work_on(conn->cpu, tiscsi_io_wq, &conn->close_work);
}

/**
 * tiscsi_conn_put - drop a reference to a connection
 * @conn: freed after the last one
 *
 * Any context.
 */
void tiscsi_conn_put(struct tiscsi_conn *conn)
{
	kref_put(&conn->ref, tiscsi_conn_release);
}

/**
 * tiscsi_conn_close - take a connection down
 * @conn: the connection
 * @reason: why; the first reason given counts
 *
 * Only starts it: close_work does the rest.  Any context, any state, any
 * number of times.
 */
void tiscsi_conn_close(struct tiscsi_conn *conn,
		       enum tiscsi_close_reason reason)
{
	if (test_and_set_bit(CONN_F_CLOSING, &conn->flags))
		return;
	conn->close_reason = reason;
	tiscsi_conn_get(conn);
	/* After its last word io_work, which has to end first, is at no task. */
	if (test_bit(CONN_F_DRAIN, &conn->flags))
		queue_work_on(conn->cpu, tiscsi_io_wq, &conn->close_work);
	else
		queue_work(tiscsi_close_wq, &conn->close_work);
}

static void tiscsi_conn_unhook(struct tiscsi_conn *conn)
{
	struct sock *sk = conn->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = conn->saved_data_ready;
	sk->sk_state_change = conn->saved_state_change;
	sk->sk_write_space = conn->saved_write_space;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* Of the initiator; empty if it gave none. */
static const char *tiscsi_conn_peer_name(const struct tiscsi_conn *conn)
{
	if (conn->sess)
		return conn->sess->initiator_name;
	return conn->login ? conn->login->peeked_initiator : "";
}

static void tiscsi_conn_log_close(struct tiscsi_conn *conn)
{
	const char *name = tiscsi_conn_peer_name(conn);
	const char *text = NULL;

	if (conn->close_reason < ARRAY_SIZE(tiscsi_close_text))
		text = tiscsi_close_text[conn->close_reason];
	if (text)
		pr_warn_ratelimited("%pISpc %s %s, state %s\n",
				    &conn->peer_addr, name, text,
				    tiscsi_conn_state_name(conn->state));
	if (conn->sess && conn->close_reason == CLOSE_TIMEOUT)
		atomic_inc(&conn->sess->conn_timeout_errors);
	if (conn->tpg)
		tiscsi_stat_sess_err(conn->tpg->target, conn->close_reason,
				     name);
}

/* No answer is on its way: a reset does, and leaves nothing behind (J02). */
static bool tiscsi_conn_owes_nothing(const struct tiscsi_conn *conn)
{
	return conn->state == CONN_XPT_UP ||
	       (conn->state == CONN_IN_LOGIN &&
		(conn->close_reason == CLOSE_CROWDED ||
		 conn->close_reason == CLOSE_TIMEOUT));
}

/* The namespace may go, too. */
static void tiscsi_conn_sock_gone(struct tiscsi_net *ns)
{
	if (atomic_dec_and_test(&ns->nr_socks))
		wake_up_var(&ns->nr_socks);
}

/* Nothing of a connection is left, but maybe commands in the core. */
static void tiscsi_conn_over(struct tiscsi_conn *conn)
{
	tiscsi_conn_set_state(conn, CONN_FREE);
	/* One reference came with the close, the other with the accept. */
	tiscsi_conn_put(conn);
	tiscsi_conn_put(conn);
}

static void tiscsi_close_work(struct work_struct *work)
{
	struct tiscsi_conn *conn =
		container_of(work, struct tiscsi_conn, close_work);
	bool suspended;

	if (tiscsi_is_suspended(conn)) {
		tiscsi_suspended_end(conn);
		tiscsi_conn_over(conn);
		return;
	}
	tiscsi_conn_unhook(conn);
	/* io_work may arm the timer, the timer queues no io_work any more. */
	cancel_work_sync(&conn->io_work);
	del_timer_sync(&conn->timer);
	tiscsi_conn_log_close(conn);

	tiscsi_rx_abandon(conn);
	tiscsi_login_free(conn);
	tiscsi_text_free(conn);
	suspended = conn->sess && tiscsi_suspend(conn);
	if (conn->sess && !suspended)
		tiscsi_sess_del_conn(conn);
	if (!suspended)
		tiscsi_tx_purge(conn);

	tiscsi_challenge_forget(&conn->challenge);

	kernel_sock_shutdown(conn->sock, SHUT_RDWR);
	/* J13: what a dead peer has not read is not kept for it. */
	if (conn->close_reason == CLOSE_TIMEOUT ||
	    tiscsi_conn_owes_nothing(conn) ||
	    !tiscsi_sock_hold_net(conn->sock->sk))
		sock_no_linger(conn->sock->sk);
	sock_release(conn->sock);
	conn->sock = NULL;
	tiscsi_conn_sock_gone(conn->portal->ns);
	tiscsi_half_open_del(conn);
	if (!suspended)
		tiscsi_conn_over(conn);
}

/**
 * tiscsi_conn_finish - the last answer is out: let the peer close
 * @conn: in logout, or with a failed login
 * @reason: why
 *
 * Half-closes and reads on, dropping what comes, until the peer has closed or
 * TISCSI_LINGER is over; closing at once could turn into a reset that
 * overtakes the answer.  io_work only.
 */
void tiscsi_conn_finish(struct tiscsi_conn *conn,
			enum tiscsi_close_reason reason)
{
	conn->close_reason = reason;
	set_bit(CONN_F_DRAIN, &conn->flags);
	kernel_sock_shutdown(conn->sock, SHUT_WR);
	conn->deadline = jiffies + TISCSI_LINGER * HZ;
	tiscsi_conn_arm_timer(conn, conn->deadline);
	tiscsi_conn_look(conn, conn->sock->sk);
}

static void tiscsi_conn_drain(struct tiscsi_conn *conn)
{
	int budget = TISCSI_IO_TURNS * TISCSI_RX_BUDGET;
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_TRUNC };
	struct kvec iov = { .iov_len = SZ_64K };
	int ret;

	do {
		/* MSG_TRUNC: TCP drops the bytes instead of copying them. */
		ret = kernel_recvmsg(conn->sock, &msg, &iov, 1, iov.iov_len,
				     msg.msg_flags);
	} while (ret > 0 && --budget);

	if (ret > 0)
		tiscsi_conn_kick(conn);
	else if (ret != -EAGAIN || time_after_eq(jiffies, conn->deadline))
		tiscsi_conn_close(conn, conn->close_reason);
	else
		tiscsi_conn_arm_timer(conn, conn->deadline);
}

/* ------------------------------------------------------------------ */
/* timer                                                               */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_conn_arm_timer - have io_work run at a time
 * @conn: the connection
 * @expires: jiffies; an earlier time already set stays
 *
 * io_work, or before it first runs.
 */
void tiscsi_conn_arm_timer(struct tiscsi_conn *conn, unsigned long expires)
{
	if (test_bit(CONN_F_CLOSING, &conn->flags) &&
	    !tiscsi_is_suspended(conn))
		return;
	if (!timer_pending(&conn->timer) ||
	    time_before(expires, conn->timer.expires))
		mod_timer(&conn->timer, expires);
}

static void tiscsi_conn_timer(struct timer_list *t)
{
	struct tiscsi_conn *conn = from_timer(conn, t, timer);

	set_bit(CONN_F_TIMER, &conn->flags);
	tiscsi_conn_kick(conn);
}

/* Pings the peer when it was silent for long, drops it when it stays so. */
static void tiscsi_conn_check_ping(struct tiscsi_conn *conn)
{
	struct tiscsi_nacl_attrib attrib;
	unsigned long due;

	if (!tiscsi_sess_get_attrib(conn->sess, &attrib))
		return;

	if (conn->ping_outstanding) {
		due = conn->ping_sent + attrib.nopin_response_timeout * HZ;
		if (time_after_eq(jiffies, due)) {
			tiscsi_conn_close(conn, CLOSE_TIMEOUT);
			return;
		}
	} else {
		if (!attrib.nopin_timeout)
			return;
		due = conn->last_rx + attrib.nopin_timeout * HZ;
		if (time_after_eq(jiffies, due) && !tiscsi_ping_send(conn))
			due = jiffies + attrib.nopin_response_timeout * HZ;
	}
	tiscsi_conn_arm_timer(conn, max(due, jiffies + 1));
}

/**
 * tiscsi_conn_dismiss - an administrator takes away what a connection needs
 * @conn: the connection
 * @seconds: that it has to log out, TISCSI_LOGOUT_GRACE_MAX at most; 0: none
 *
 * Rows C33, C34: it is asked to log out, and then told that it is dropped; it
 * is closed soon, whatever it does.  Any context.
 */
void tiscsi_conn_dismiss(struct tiscsi_conn *conn, u32 seconds)
{
	WRITE_ONCE(conn->grace, seconds);
	set_bit(CONN_F_DISMISSED, &conn->flags);
	tiscsi_conn_kick(conn);
}

/* Something had to be over by now. */
static void tiscsi_conn_deadline(struct tiscsi_conn *conn)
{
	if (tiscsi_logout_give_up(conn)) {
		conn->deadline = jiffies + TISCSI_LINGER * HZ;
		tiscsi_conn_arm_timer(conn, conn->deadline);
		return;
	}
	if (conn->state != CONN_LOGOUT_REQUESTED) {
		tiscsi_conn_close(conn, CLOSE_TIMEOUT);
		return;
	}
	if (test_and_set_bit(CONN_F_DROPPING, &conn->flags)) {
		tiscsi_conn_close(conn, CLOSE_ADMIN);
		return;
	}
	tiscsi_async_drop_session(conn);
	conn->deadline = jiffies + TISCSI_DROP_LINGER;
	tiscsi_conn_arm_timer(conn, conn->deadline);
}

static void tiscsi_conn_ask_logout(struct tiscsi_conn *conn)
{
	u16 grace = READ_ONCE(conn->grace);
	unsigned long deadline = jiffies + grace * HZ;

	if (conn->state == CONN_LOGGED_IN && !conn->sess->discovery) {
		tiscsi_conn_set_state(conn, CONN_LOGOUT_REQUESTED);
		if (grace)
			tiscsi_async_logout(conn, grace);
	} else if (conn->state != CONN_LOGOUT_REQUESTED) {
		tiscsi_conn_close(conn, CLOSE_ADMIN);
		return;
	} else if (test_bit(CONN_F_DROPPING, &conn->flags) ||
		   time_after_eq(deadline, conn->deadline)) {
		/* It was asked before, and has no more time than now. */
		return;
	}
	conn->deadline = deadline;
	if (grace)
		tiscsi_conn_arm_timer(conn, conn->deadline);
	else
		tiscsi_conn_deadline(conn);
}

/**
 * tiscsi_conn_dropped - the initiator has been told that it is dropped
 * @conn: the connection
 *
 * io_work.
 */
void tiscsi_conn_dropped(struct tiscsi_conn *conn)
{
	tiscsi_conn_finish(conn, CLOSE_ADMIN);
	conn->deadline = jiffies + TISCSI_DROP_LINGER;
	tiscsi_conn_arm_timer(conn, conn->deadline);
}

static void tiscsi_conn_check_time(struct tiscsi_conn *conn)
{
	if (conn->state != CONN_LOGGED_IN) {
		tiscsi_login_resume(conn);
		if (time_after_eq(jiffies, conn->deadline)) {
			tiscsi_conn_deadline(conn);
			return;
		}
		tiscsi_conn_arm_timer(conn, conn->deadline);
		/* Asked to log out, it works on until it does. */
		if (conn->state != CONN_LOGOUT_REQUESTED)
			return;
	}
	if (tiscsi_tx_check_time(conn) || tiscsi_data_check_time(conn)) {
		tiscsi_conn_close(conn, CLOSE_TIMEOUT);
		return;
	}
	tiscsi_logout_check_time(conn);
	tiscsi_kept_check_time(conn);
	tiscsi_gap_check_time(conn);
	tiscsi_conn_check_ping(conn);
}

/**
 * tiscsi_conn_acked - an ExpStatSN has come that somebody waits for
 * @conn: the connection
 *
 * io_work.
 */
void tiscsi_conn_acked(struct tiscsi_conn *conn)
{
	if (conn->fence_wait)
		tiscsi_fence_acked(conn);
	if (conn->keeps)
		tiscsi_kept_acked(conn);
}

/*
 * F25: a peer that is gone is noticed though there are no pings, as in discovery
 * sessions. Those without a target are of no portal group.
 */
static void tiscsi_conn_keep_alive(struct tiscsi_conn *conn)
{
	const struct tiscsi_tpg_attrib *attrib;
	u32 idle = TISCSI_KEEPALIVE_IDLE;
	u32 interval = TISCSI_KEEPALIVE_INTERVAL;
	u32 count = TISCSI_KEEPALIVE_COUNT;
	struct sock *sk = conn->sock->sk;

	if (conn->tpg) {
		attrib = &conn->tpg->attrib;
		idle = READ_ONCE(attrib->tcp_keepalive_idle);
		interval = READ_ONCE(attrib->tcp_keepalive_interval);
		count = READ_ONCE(attrib->tcp_keepalive_count);
	}
	if (!idle)
		return;
	tcp_sock_set_keepidle(sk, idle);
	tcp_sock_set_keepintvl(sk, interval);
	tcp_sock_set_keepcnt(sk, count);
	sock_set_keepalive(sk);
}

/*
 * When more has been read than TCP takes for a full-sized segment, it sends an
 * acknowledgment at once.  It goes by the largest segment that has come so far.
 * A peer that writes 4 KiB at a time never sends a larger one, though the path
 * would take it, and each of its requests is acknowledged just before its answer
 * is sent.  So start with what the path takes.  One byte less, as TCP learns how
 * much memory segments take from the first that is larger than any before.  No
 * more than a quarter of the window, as TCP closes that, from one half on, when a
 * segment does not fit in.
 */
static void tiscsi_conn_expect_segments(struct tiscsi_conn *conn)
{
	struct sock *sk = conn->sock->sk;
	struct tcp_sock *tp = tcp_sk(sk);
	int options, mss;

	lock_sock(sk);
	options = tp->tcp_header_len - sizeof(struct tcphdr);
	mss = min_t(int, tp->advmss - options - 1, tp->rcv_wnd / 4);
	if (mss > inet_csk(sk)->icsk_ack.rcv_mss)
		inet_csk(sk)->icsk_ack.rcv_mss = mss;
	release_sock(sk);
}

/**
 * tiscsi_conn_logged_in - enter full feature phase
 * @conn: its final Login Response is out
 *
 * From here on digests count (row A13) and pings go out.  io_work only.
 */
void tiscsi_conn_logged_in(struct tiscsi_conn *conn)
{
	struct tiscsi_keys *keys = &conn->keys;

	tiscsi_conn_set_state(conn, CONN_LOGGED_IN);
	if (keys->v[KEY_HEADER_DIGEST] == DIGEST_CRC32C)
		set_bit(CONN_F_HDIGEST, &conn->flags);
	if (keys->v[KEY_DATA_DIGEST] == DIGEST_CRC32C)
		set_bit(CONN_F_DDIGEST, &conn->flags);
	tiscsi_half_open_del(conn);
	tiscsi_login_free(conn);
	tiscsi_rx_init(conn);
	tiscsi_conn_keep_alive(conn);
	tiscsi_conn_expect_segments(conn);
	conn->last_rx = jiffies;
	tiscsi_conn_check_ping(conn);
}

/* ------------------------------------------------------------------ */
/* the one owner                                                       */
/* ------------------------------------------------------------------ */

#define TISCSI_ODD_JOBS		(BIT(CONN_F_DOOMED) | BIT(CONN_F_GO_ON) | \
				 BIT(CONN_F_FENCE) | BIT(CONN_F_ASK) | \
				 BIT(CONN_F_DISMISSED))

static void tiscsi_conn_go_on(struct tiscsi_conn *conn)
{
	tiscsi_tmf_go_on(conn);
	tiscsi_order_go_on(conn);
}

/* What others left to do here; rare, so looked for all at once. */
static void tiscsi_conn_odd_jobs(struct tiscsi_conn *conn)
{
	tiscsi_data_do_doomed(conn);
	if (test_and_clear_bit(CONN_F_GO_ON, &conn->flags))
		tiscsi_conn_go_on(conn);
	if (test_and_clear_bit(CONN_F_FENCE, &conn->flags))
		tiscsi_fence_look(conn);
	if (test_and_clear_bit(CONN_F_ASK, &conn->flags) &&
	    (conn->state == CONN_LOGGED_IN ||
	     conn->state == CONN_LOGOUT_REQUESTED))
		tiscsi_ping_ask(conn);
	if (test_and_clear_bit(CONN_F_DISMISSED, &conn->flags))
		tiscsi_conn_ask_logout(conn);
}

/* One turn; returns whether a budget, and nothing else, has ended it. */
static bool tiscsi_conn_turn(struct tiscsi_conn *conn)
{
	bool more = tiscsi_rx(conn, TISCSI_RX_BUDGET) == TISCSI_RX_BUDGET;
	struct tiscsi_cmd *cmd;

	/* Whose CmdSN came due by what was received after it, here or there. */
	while ((cmd = tiscsi_cmd_next_exec(conn))) {
		tiscsi_request_exec(cmd);
		tiscsi_cmdsn_turn_over(conn);
	}
	if (conn->flags & TISCSI_ODD_JOBS)
		tiscsi_conn_odd_jobs(conn);
	return tiscsi_tx(conn, TISCSI_TX_BUDGET) == TISCSI_TX_BUDGET || more;
}

/* Without a socket: what others, or the time, want done with its tasks. */
static void tiscsi_conn_look_after(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	if (test_and_clear_bit(CONN_F_TIMER, &conn->flags))
		tiscsi_suspended_check_time(conn);
	while ((cmd = tiscsi_cmd_next_exec(conn))) {
		tiscsi_request_exec(cmd);
		tiscsi_cmdsn_turn_over(conn);
	}
	tiscsi_data_do_doomed(conn);
	if (!test_and_clear_bit(CONN_F_GO_ON, &conn->flags))
		return;
	tiscsi_order_go_on(conn);
	tiscsi_reassign_serve(conn);
}

static void tiscsi_io_work(struct work_struct *work)
{
	struct tiscsi_conn *conn =
		container_of(work, struct tiscsi_conn, io_work);
	int turns = TISCSI_IO_TURNS;
	bool more;

	if (test_bit(CONN_F_CLOSING, &conn->flags)) {
		if (tiscsi_is_suspended(conn))
			tiscsi_conn_look_after(conn);
		return;
	}
	if (test_bit(CONN_F_DRAIN, &conn->flags)) {
		if (test_bit(CONN_F_DISMISSED, &conn->flags))
			tiscsi_conn_close(conn, CLOSE_ADMIN);
		else
			tiscsi_conn_drain(conn);
		return;
	}
	if (test_and_clear_bit(CONN_F_TIMER, &conn->flags))
		tiscsi_conn_check_time(conn);
	if (test_and_clear_bit(CONN_F_WAKE_LOGIN, &conn->flags))
		tiscsi_login_resume(conn);

	do {
		more = tiscsi_conn_turn(conn);
	} while (more && --turns &&
		 !test_bit(CONN_F_CLOSING, &conn->flags));

	if (more)
		tiscsi_conn_kick(conn);
	else if (conn->sock->sk->sk_state == TCP_CLOSE)
		tiscsi_conn_close(conn, CLOSE_PEER);
}

static void tiscsi_data_ready(struct sock *sk)
{
	struct tiscsi_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn && tiscsi_rx_ready(conn, sk))
		tiscsi_conn_kick(conn);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void tiscsi_write_space(struct sock *sk)
{
	struct tiscsi_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		tiscsi_conn_kick(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/* Nothing is to be done when the peer has only heard of our own half-close. */
static void tiscsi_state_change(struct sock *sk)
{
	struct tiscsi_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn && !(BIT(sk->sk_state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 |
					   TCPF_FIN_WAIT2)))
		tiscsi_conn_kick(conn);
	read_unlock_bh(&sk->sk_callback_lock);
}

/* What comes between accept() and this waits in the socket. */
static void tiscsi_conn_hook(struct tiscsi_conn *conn, struct sock *sk)
{
	write_lock_bh(&sk->sk_callback_lock);
	/* close_work may have been here already. */
	if (!test_bit(CONN_F_CLOSING, &conn->flags)) {
		sk->sk_user_data = conn;
		sk->sk_data_ready = tiscsi_data_ready;
		sk->sk_state_change = tiscsi_state_change;
		sk->sk_write_space = tiscsi_write_space;
	}
	write_unlock_bh(&sk->sk_callback_lock);
}

/* A connection that nobody knows of yet, but for its portal and addresses. */
static struct tiscsi_conn *tiscsi_conn_alloc(struct socket *sock)
{
	struct tiscsi_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (!conn)
		return NULL;
	kref_init(&conn->ref);
	conn->sock = sock;
	conn->cpu = tiscsi_pick_cpu();
	INIT_LIST_HEAD(&conn->sess_node);
	INIT_LIST_HEAD(&conn->tasks);
	INIT_LIST_HEAD(&conn->kept);
	INIT_LIST_HEAD(&conn->wait_node);
	init_llist_head(&conn->tx_llist);
	INIT_WORK(&conn->io_work, tiscsi_io_work);
	INIT_WORK(&conn->close_work, tiscsi_close_work);
	timer_setup(&conn->timer, tiscsi_conn_timer, 0);
	tiscsi_conn_set_state(conn, CONN_XPT_UP);
	conn->max_recv_dsl = TISCSI_LOGIN_PDU_LEN;
	conn->max_xmit_dsl = TISCSI_LOGIN_PDU_LEN;
	conn->accepted = jiffies;
	conn->deadline = conn->accepted + TISCSI_LOGIN_TIMEOUT * HZ;
	tiscsi_rx_init(conn);
	return conn;
}

/**
 * tiscsi_conn_accept - make a connection of an accepted socket
 * @portal: where it came in
 * @sock: the socket; taken over on success
 *
 * Process context; waits for nothing.
 *
 * Return: 0, -ENOMEM, or -ENOTCONN when the peer is gone already.
 */
int tiscsi_conn_accept(struct tiscsi_portal *portal, struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct tiscsi_conn *conn;
	int ret = -ENOTCONN;

	conn = tiscsi_conn_alloc(sock);
	if (!conn)
		return -ENOMEM;
	if (kernel_getpeername(sock, (struct sockaddr *)&conn->peer_addr) < 0 ||
	    kernel_getsockname(sock, (struct sockaddr *)&conn->local_addr) < 0)
		goto free;
	/* The socket has inherited the listening one's. */
	conn->saved_data_ready = portal->saved_data_ready;
	conn->saved_state_change = sk->sk_state_change;
	conn->saved_write_space = sk->sk_write_space;
	tcp_sock_set_nodelay(sk);
	/* What comes has an answer, which acknowledges it; from the first on. */
	tcp_sock_set_quickack(sk, 0);
	kref_get(&portal->ref);
	conn->portal = portal;
	atomic_inc(&portal->ns->nr_socks);

	/* From the moment that it is known, it may be closed. */
	tiscsi_conn_get(conn);
	sock_hold(sk);
	tiscsi_conn_arm_timer(conn, conn->deadline);
	ret = tiscsi_half_open_add(conn);
	if (ret)
		goto put;
	spin_lock(&tiscsi_conns_lock);
	list_add_tail(&conn->node, &tiscsi_conns);
	spin_unlock(&tiscsi_conns_lock);

	tiscsi_conn_hook(conn, sk);
	/* Data may have come before the callbacks were in place. */
	tiscsi_conn_look(conn, sk);
	sock_put(sk);
	tiscsi_conn_put(conn);
	return 0;

put:
	del_timer_sync(&conn->timer);
	sock_put(sk);
	tiscsi_conn_sock_gone(portal->ns);
	tiscsi_portal_put(portal);
free:
	kfree(conn);
	return ret;
}

/**
 * tiscsi_conns_close_all - end the connections of a portal or portal group
 * @tpg: only those logged in to this portal group, or NULL for all
 * @portal: only those that came in here, or NULL for all
 * @reason: why; with CLOSE_ADMIN they are asked to log out first
 *
 * Starts the teardown of each and returns.  Process context.
 */
void tiscsi_conns_close_all(struct tiscsi_tpg *tpg,
			    struct tiscsi_portal *portal,
			    enum tiscsi_close_reason reason)
{
	struct tiscsi_conn *conn;

	spin_lock(&tiscsi_conns_lock);
	list_for_each_entry(conn, &tiscsi_conns, node) {
		if (tpg && READ_ONCE(conn->tpg) != tpg)
			continue;
		if (portal && conn->portal != portal)
			continue;
		/* On the list it is not freed; past its close it is left alone. */
		if (reason == CLOSE_ADMIN)
			tiscsi_conn_dismiss(conn, TISCSI_LOGOUT_GRACE);
		else
			tiscsi_conn_close(conn, reason);
	}
	spin_unlock(&tiscsi_conns_lock);
}

/**
 * tiscsi_conns_close_net - end the connections in a network namespace
 * @ns: the namespace
 *
 * Starts the teardown of each and returns.  Process context.
 */
void tiscsi_conns_close_net(struct tiscsi_net *ns)
{
	struct tiscsi_conn *conn;

	spin_lock(&tiscsi_conns_lock);
	list_for_each_entry(conn, &tiscsi_conns, node)
		if (conn->portal->ns == ns)
			tiscsi_conn_close(conn, CLOSE_PEER);
	spin_unlock(&tiscsi_conns_lock);
}

/**
 * tiscsi_conns_wait_none - wait until no connection is left
 *
 * For module exit: by then there is no portal, so none comes.  Process
 * context.
 */
void tiscsi_conns_wait_none(void)
{
	wait_event(tiscsi_conns_wait, list_empty_careful(&tiscsi_conns));
	/* The last release may still hold the lock. */
	spin_lock(&tiscsi_conns_lock);
	spin_unlock(&tiscsi_conns_lock);
}
