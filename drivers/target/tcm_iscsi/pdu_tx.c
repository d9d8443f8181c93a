// SPDX-License-Identifier: GPL-2.0
/*
 * Sending PDUs: one transmit queue a connection, drained by its io_work.
 *
 * What goes out is named by the bits of cmd->tx_pending; a table leads from
 * each bit to the function that lays out the PDU in conn->tx.  One function
 * stamps the sequence numbers, one adds digests, one pushes the bytes.
 */
#include <linux/tcp.h>

#include "login.h"
#include "recovery.h"
#include "trace.h"

/* Up to here copying is cheaper than sending pages by reference. */
#define TISCSI_COPY_MAX		4096

/* Seconds; where no ACL says otherwise, as in discovery. */
#define TISCSI_TX_PATIENCE	30

static const tiscsi_build_fn tiscsi_builders[TX_NR] = {
	[TX_R2T]	= tiscsi_build_r2t,
	[TX_DATA_AGAIN]	= tiscsi_build_data_again,
	[TX_DATA_IN]	= tiscsi_build_data_in,
	[TX_STATUS]	= tiscsi_build_status,
	[TX_TMF]	= tiscsi_build_tmf,
	[TX_NOP_IN]	= tiscsi_build_nop_in,
	[TX_TEXT]	= tiscsi_build_text,
	[TX_LOGOUT]	= tiscsi_build_logout,
	[TX_REJECT]	= tiscsi_build_reject,
	[TX_ASYNC]	= tiscsi_build_async,
};

/**
 * tiscsi_tx_queue - owe an answer
 * @cmd: the task; referenced until the transmit side has seen it
 * @what: what to send for it
 *
 * Any context.  From outside io_work tiscsi_conn_kick() has to follow.
 */
void tiscsi_tx_queue(struct tiscsi_cmd *cmd, enum tiscsi_tx_what what)
{
	set_bit(what, &cmd->tx_pending);
	/* Pairs with the clearing in tiscsi_tx_pop(). */
	smp_mb__after_atomic();
	if (test_and_set_bit(CMD_TX_QUEUED, &cmd->flags))
		return;
	tiscsi_cmd_get(cmd);
	llist_add(&cmd->tx_node, &cmd->conn->tx_llist);
}

static bool tiscsi_tx_more(struct tiscsi_conn *conn)
{
	return conn->tx_batch || !llist_empty(&conn->tx_llist);
}

static struct tiscsi_cmd *tiscsi_tx_pop(struct tiscsi_conn *conn)
{
	struct llist_node *node = conn->tx_batch;
	struct tiscsi_cmd *cmd;

	if (!node)
		node = llist_reverse_order(llist_del_all(&conn->tx_llist));
	if (!node)
		return NULL;
	conn->tx_batch = node->next;
	cmd = llist_entry(node, struct tiscsi_cmd, tx_node);
	clear_bit(CMD_TX_QUEUED, &cmd->flags);
	/* Whoever finds the bit set has set its own in tx_pending before. */
	smp_mb__after_atomic();
	return cmd;
}

static void tiscsi_stamp_window(struct tiscsi_sess *sess,
				struct iscsi_nopin *pdu)
{
	/* ExpCmdSN first: MaxCmdSN only grows meanwhile. */
	pdu->exp_cmdsn = cpu_to_be32(READ_ONCE(sess->exp_cmd_sn));
	pdu->max_cmdsn = cpu_to_be32(atomic_read(&sess->max_cmd_sn));
}

/**
 * tiscsi_stamp - put the sequence numbers into a PDU
 * @conn: the connection it goes out on
 * @hdr: its header; StatSN, ExpCmdSN and MaxCmdSN have one place in all PDUs
 * @stamp: what StatSN does: STAMP_STATUS consumes one (row C11), STAMP_NEXT
 *	shows the next one (R2T, our pings), STAMP_NONE leaves the field 0
 *
 * An answer that goes out once more has the StatSN of the first time (row F14).
 * The only function that writes these fields.  io_work only.
 */
void tiscsi_stamp(struct tiscsi_conn *conn, void *hdr,
		  enum tiscsi_stamp_kind stamp)
{
	struct iscsi_nopin *pdu = hdr;
	struct tiscsi_sess *sess = conn->sess;

	pdu->statsn = 0;
	if (stamp != STAMP_NONE)
		pdu->statsn = cpu_to_be32(conn->stat_sn);
	if (sess && unlikely(sess->erl) && stamp == STAMP_STATUS)
		pdu->statsn = cpu_to_be32(tiscsi_kept_stat_sn(conn));
	else if (stamp == STAMP_STATUS)
		conn->stat_sn++;
	if (sess) {
		tiscsi_stamp_window(sess, pdu);
	} else if (conn->login->join) {
		tiscsi_stamp_window(conn->login->join, pdu);
	} else {
		pdu->exp_cmdsn = cpu_to_be32(conn->login->cmd_sn);
		pdu->max_cmdsn = pdu->exp_cmdsn;
	}
}

/**
 * tiscsi_tx_hdr - start laying out a PDU
 * @conn: the connection; its transmit side is idle
 * @opcode: of the PDU
 * @flags: second byte
 *
 * Return: the zeroed header.  io_work only.
 */
void *tiscsi_tx_hdr(struct tiscsi_conn *conn, u8 opcode, u8 flags)
{
	struct tiscsi_tx *tx = &conn->tx;
	struct iscsi_hdr *hdr = (struct iscsi_hdr *)tx->hdr;

	memset(hdr, 0, sizeof(*hdr));
	hdr->opcode = opcode;
	hdr->flags = flags;
	tx->hdr_len = ISCSI_HDR_LEN;
	tx->data = NULL;
	tx->data_len = 0;
	tx->sg_len = 0;
	tx->tail_len = 0;
	tx->last = false;
	tx->then = TX_THEN_NOTHING;
	return hdr;
}

/* Short page data in one piece travels with the header. */
static void tiscsi_tx_inline_sg(struct tiscsi_tx *tx)
{
	u32 len;
	void *data;

	if (!tx->sg_len || tx->sg_len > TISCSI_COPY_MAX)
		return;
	data = tiscsi_sg_at(tx->cmd, tx->sg_offset, tx->sg_len, &len);
	if (len < tx->sg_len)
		return;
	tx->data = data;
	tx->data_len = len;
	tx->sg_len = 0;
}

static void tiscsi_tx_finish_layout(struct tiscsi_conn *conn)
{
	struct tiscsi_tx *tx = &conn->tx;
	struct iscsi_hdr *hdr = (struct iscsi_hdr *)tx->hdr;
	u32 len = tx->data_len + tx->sg_len;
	u32 pad = -len & (ISCSI_PAD_LEN - 1);
	u32 crc;

	hton24(hdr->dlength, len);
	trace_tiscsi_tx_pdu(conn, hdr);
	if (test_bit(CONN_F_HDIGEST, &conn->flags)) {
		crc = tiscsi_crc_update(tiscsi_crc_start(), hdr, ISCSI_HDR_LEN);
		put_unaligned_le32(tiscsi_crc_finish(crc),
				   tx->hdr + ISCSI_HDR_LEN);
		tx->hdr_len += ISCSI_CRC_LEN;
	}
	tiscsi_tx_inline_sg(tx);
	if (len) {
		memset(tx->tail, 0, pad);
		tx->tail_len = pad;
	}
	if (len && test_bit(CONN_F_DDIGEST, &conn->flags)) {
		crc = tiscsi_crc_start();
		if (tx->data_len)
			crc = tiscsi_crc_update(crc, tx->data, tx->data_len);
		else
			crc = tiscsi_crc_sg(crc, tx->cmd->sg, tx->sg_offset,
					    tx->sg_len);
		crc = tiscsi_crc_update(crc, tx->tail, pad);
		put_unaligned_le32(tiscsi_crc_finish(crc), tx->tail + pad);
		tx->tail_len += ISCSI_CRC_LEN;
	}
	tx->off = 0;
	tx->part = TX_PART_HDR;
}

/* Puts the command that is next aside, with its reference. */
static void tiscsi_tx_hold(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd = conn->tx.cmd;

	/* Its node is in use. */
	set_bit(CMD_TX_QUEUED, &cmd->flags);
	cmd->tx_node.next = conn->tx_held;
	conn->tx_held = &cmd->tx_node;
	conn->tx.cmd = NULL;
}

/**
 * tiscsi_tx_release - go on with what a fence has held up
 * @conn: the connection
 *
 * io_work.
 */
void tiscsi_tx_release(struct tiscsi_conn *conn)
{
	struct llist_node *node = conn->tx_held, *prev;

	for (conn->tx_held = NULL; node; node = prev) {
		prev = node->next;
		node->next = conn->tx_batch;
		conn->tx_batch = node;
	}
}

/* Lays out the next PDU; false when there is nothing to send. */
static bool tiscsi_tx_layout(struct tiscsi_conn *conn)
{
	struct tiscsi_tx *tx = &conn->tx;
	int what, ret;

	if (conn->login && tiscsi_login_build(conn)) {
		tiscsi_tx_finish_layout(conn);
		return true;
	}
	for (;;) {
		if (!tx->cmd)
			tx->cmd = tiscsi_tx_pop(conn);
		if (!tx->cmd) {
			/* What was to follow never came: let go of the cork. */
			if (tx->corked)
				tcp_sock_set_nodelay(conn->sock->sk);
			tx->corked = false;
			return false;
		}
		if (!tx->cmd->tx_pending) {
			tiscsi_cmd_put(tx->cmd);
			tx->cmd = NULL;
			continue;
		}
		what = __ffs(tx->cmd->tx_pending);
		if (unlikely(tx->cmd->sess->fences) &&
		    tiscsi_fence_holds(conn, tx->cmd, what)) {
			tiscsi_tx_hold(conn);
			continue;
		}
		ret = tiscsi_builders[what](conn, tx->cmd);
		if (ret != TX_BUILT_MORE)
			clear_bit(what, &tx->cmd->tx_pending);
		if (ret != TX_BUILT_NOTHING) {
			tiscsi_tx_finish_layout(conn);
			return true;
		}
	}
}

/* Sends header, linear data and tail from tx->off on. */
static int tiscsi_tx_linear(struct tiscsi_conn *conn, int flags)
{
	struct tiscsi_tx *tx = &conn->tx;
	bool whole = !tx->sg_len;
	struct kvec iov[3] = {
		{ tx->hdr, tx->hdr_len },
		{ (void *)tx->data, tx->data_len },
		{ tx->tail, whole ? tx->tail_len : 0 },
	};
	u32 len = iov[0].iov_len + iov[1].iov_len + iov[2].iov_len;
	struct msghdr msg = { .msg_flags = flags };
	int ret;

	if (!whole)
		msg.msg_flags |= MSG_MORE;
	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, iov, 3, len);
	iov_iter_advance(&msg.msg_iter, tx->off);
	ret = sock_sendmsg(conn->sock, &msg);
	if (ret <= 0)
		return ret ?: -EAGAIN;
	tx->off += ret;
	if (tx->off < len)
		return -EAGAIN;
	tx->off = 0;
	tx->part = whole ? TX_PART_IDLE : TX_PART_SG;
	return 0;
}

static int tiscsi_tx_sg(struct tiscsi_conn *conn, int flags)
{
	struct tiscsi_tx *tx = &conn->tx;
	struct page *page;
	u32 len, offset;
	void *at;
	int ret;

	while (tx->off < tx->sg_len) {
		at = tiscsi_sg_at(tx->cmd, tx->sg_offset + tx->off,
				  tx->sg_len - tx->off, &len);
		page = virt_to_head_page(at);
		offset = at - page_address(page);
		ret = tiscsi_send_page(conn->sock, page, offset, len,
				       (tx->off + len < tx->sg_len ||
					tx->tail_len) ? flags | MSG_MORE : flags);
		if (ret <= 0)
			return ret ?: -EAGAIN;
		tx->off += ret;
	}
	tx->off = 0;
	tx->part = tx->tail_len ? TX_PART_TAIL : TX_PART_IDLE;
	return 0;
}

static int tiscsi_tx_tail(struct tiscsi_conn *conn, int flags)
{
	struct tiscsi_tx *tx = &conn->tx;
	struct msghdr msg = { .msg_flags = flags };
	struct kvec iov = { tx->tail + tx->off, tx->tail_len - tx->off };
	int ret;

	ret = kernel_sendmsg(conn->sock, &msg, &iov, 1, iov.iov_len);
	if (ret <= 0)
		return ret ?: -EAGAIN;
	tx->off += ret;
	if (tx->off < tx->tail_len)
		return -EAGAIN;
	tx->part = TX_PART_IDLE;
	return 0;
}

/* Pushes the PDU out; 0 when all of it is in the socket. */
static int tiscsi_tx_push(struct tiscsi_conn *conn)
{
	struct tiscsi_tx *tx = &conn->tx;
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	int ret = 0;

	tx->corked = tiscsi_tx_more(conn) || (tx->cmd && tx->cmd->tx_pending);
	if (tx->corked)
		flags |= MSG_MORE;
	if (tx->part == TX_PART_HDR)
		ret = tiscsi_tx_linear(conn, flags);
	if (!ret && tx->part == TX_PART_SG)
		ret = tiscsi_tx_sg(conn, flags);
	if (!ret && tx->part == TX_PART_TAIL)
		ret = tiscsi_tx_tail(conn, flags);
	return ret;
}

/* The PDU is out: what it stood for has happened. */
static void tiscsi_tx_done(struct tiscsi_conn *conn)
{
	struct tiscsi_tx *tx = &conn->tx;

	if (tx->last)
		tiscsi_cmd_answered(tx->cmd);
	switch (tx->then) {
	case TX_THEN_NOTHING:
		break;
	case TX_THEN_LOGIN:
		tiscsi_login_sent(conn);
		break;
	case TX_THEN_TEXT:
		tiscsi_text_sent(conn);
		break;
	case TX_THEN_LOGOUT:
		tiscsi_logout_sent(conn);
		break;
	case TX_THEN_RESET:
		tiscsi_tmf_sent(conn);
		break;
	case TX_THEN_DROP:
		tiscsi_conn_dropped(conn);
		break;
	}
}

/* Seconds that a peer may take nothing of what is sent to it. */
static u32 tiscsi_tx_patience(const struct tiscsi_conn *conn)
{
	struct tiscsi_nacl_attrib attrib;

	if (!conn->sess || !tiscsi_sess_get_attrib(conn->sess, &attrib))
		return TISCSI_TX_PATIENCE;
	return attrib.nopin_response_timeout;
}

/* The socket is full; when the peer acknowledges, its time runs anew. */
static void tiscsi_tx_stuck(struct tiscsi_conn *conn)
{
	struct tiscsi_tx *tx = &conn->tx;

	if (!tx->stuck_since) {
		tx->stuck_una = READ_ONCE(tcp_sk(conn->sock->sk)->snd_una);
		/* 0 stands for not stuck. */
		tx->stuck_since = jiffies | 1;
		tiscsi_conn_arm_timer(conn, jiffies +
				      tiscsi_tx_patience(conn) * HZ);
	}
}

/**
 * tiscsi_tx_check_time - has the peer stopped reading (row J13)
 * @conn: the connection
 *
 * A ping would not tell: it would wait behind what is not read.  Nor would what
 * the socket takes, which is nothing until a third of its buffer is free: a
 * slow peer is not a dead one.  io_work.
 *
 * Return: true when nothing was acknowledged for nopin_response_timeout although
 * there was something to send: the connection has failed.
 */
bool tiscsi_tx_check_time(struct tiscsi_conn *conn)
{
	struct tiscsi_tx *tx = &conn->tx;
	u32 una;

	if (!tx->stuck_since)
		return false;
	if (time_after_eq(jiffies, tx->stuck_since +
			  tiscsi_tx_patience(conn) * HZ)) {
		una = READ_ONCE(tcp_sk(conn->sock->sk)->snd_una);
		if (una == tx->stuck_una)
			return true;
		tx->stuck_una = una;
		tx->stuck_since = jiffies | 1;
	}
	tiscsi_conn_arm_timer(conn, tx->stuck_since +
			      tiscsi_tx_patience(conn) * HZ);
	return false;
}

/**
 * tiscsi_tx - send what is owed
 * @conn: the connection
 * @budget: most PDUs to send
 *
 * io_work only.
 *
 * Return: how many PDUs went out; fewer than @budget means nothing is left or
 * the socket is full, whose write_space then brings io_work back.
 */
int tiscsi_tx(struct tiscsi_conn *conn, int budget)
{
	struct tiscsi_tx *tx = &conn->tx;
	int done = 0, ret;

	while (done < budget) {
		if (conn->flags & (BIT(CONN_F_CLOSING) | BIT(CONN_F_DRAIN)))
			break;
		if (tx->part == TX_PART_IDLE && !tiscsi_tx_layout(conn))
			break;
		ret = tiscsi_tx_push(conn);
		if (ret == -EAGAIN) {
			tiscsi_tx_stuck(conn);
			return done;
		}
		if (ret < 0) {
			tiscsi_conn_close(conn, CLOSE_PEER);
			break;
		}
		tiscsi_tx_done(conn);
		done++;
	}
	tx->stuck_since = 0;
	return done;
}

/**
 * tiscsi_tx_take - take the next task off the transmit queue
 * @conn: the connection; it sends nothing any more
 *
 * Return: the task, with the queue's reference, or NULL.
 */
struct tiscsi_cmd *tiscsi_tx_take(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd = conn->tx.cmd;

	tiscsi_tx_release(conn);
	conn->tx.cmd = NULL;
	conn->tx.part = TX_PART_IDLE;
	return cmd ?: tiscsi_tx_pop(conn);
}

/**
 * tiscsi_tx_purge - forget all that is owed
 * @conn: the connection; its io_work does not run any more and its tasks have
 *	been ended, so that nothing is queued from here on
 */
void tiscsi_tx_purge(struct tiscsi_conn *conn)
{
	struct tiscsi_cmd *cmd;

	while ((cmd = tiscsi_tx_take(conn))) {
		cmd->tx_pending = 0;
		tiscsi_cmd_end(cmd);
		tiscsi_cmd_put(cmd);
	}
}
