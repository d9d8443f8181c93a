// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving PDUs: a resumable ladder of BHS, AHS and header digest, data,
 * padding and data digest.  Each step takes what the socket has and goes on
 * from there the next time; nothing waits.  Each call to the socket also takes
 * the beginning of what follows, so that a PDU costs few of them.
 *
 * What a PDU means is not known here.  The header is shown to the request
 * layer (or the login) once it is complete and trusted, which names the place
 * for the data segment; the whole PDU is shown again when all of it is in.
 */
#include <net/tcp.h>
#include <net/tcp_states.h>

#include "trace.h"

/* Pieces of a data buffer in one receive call: 320 KiB of bulk data. */
#define TISCSI_RX_PIECES	10

/* A data segment of which more is missing than this is waited for whole. */
#define TISCSI_RX_WHOLE		SZ_8K

/* For rx.await: a whole PDU. */
#define TISCSI_AWAIT_PDU	U32_MAX

static void tiscsi_rx_next(struct tiscsi_rx *rx, enum tiscsi_rx_state state,
			   u32 want)
{
	rx->state = state;
	rx->want = want;
}

/**
 * tiscsi_rx_init - expect a new PDU
 * @conn: the connection
 *
 * io_work, or before it first runs.
 */
void tiscsi_rx_init(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;

	rx->off = 0;
	rx->cmd = NULL;
	rx->buf = NULL;
	rx->sink = SINK_NONE;
	rx->sink_len = 0;
	/* Most PDUs have no AHS: take the digest along with the BHS. */
	tiscsi_rx_next(rx, RX_BHS, ISCSI_HDR_LEN +
		       (test_bit(CONN_F_HDIGEST, &conn->flags) ?
			ISCSI_CRC_LEN : 0));
}

/* Nothing can be there to receive, which is cheaper to see than to be told. */
static bool tiscsi_rx_dry(struct tiscsi_conn *conn)
{
	struct sock *sk = conn->sock->sk;

	return skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	       sk->sk_state == TCP_ESTABLISHED && !READ_ONCE(sk->sk_err) &&
	       !(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN);
}

static bool tiscsi_rx_in_login(const struct tiscsi_conn *conn)
{
	return conn->state < CONN_LOGGED_IN;
}

/* Padding and digest after the data segment. */
static u32 tiscsi_rx_tail_len(struct tiscsi_conn *conn)
{
	u32 len = conn->rx.data_len, tail = -len & (ISCSI_PAD_LEN - 1);

	if (len && test_bit(CONN_F_DDIGEST, &conn->flags))
		tail += ISCSI_CRC_LEN;
	return tail;
}

/*
 * The socket is dry: what is worth being called for.  Nothing can be done with
 * a part of a PDU, and on one CPU the sender loses it to us with each call.
 */
static void tiscsi_rx_await(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	u32 left = rx->want - rx->off;

	if (rx->state == RX_DATA && left > TISCSI_RX_WHOLE)
		WRITE_ONCE(rx->await, left + tiscsi_rx_tail_len(conn));
	else if (rx->state == RX_BHS && !rx->off && !tiscsi_rx_in_login(conn))
		WRITE_ONCE(rx->await, TISCSI_AWAIT_PDU);
}

/*
 * How long the PDU at the head of the receive queue is; 1 if that is unclear, or
 * too short to be worth waiting for.
 */
static u32 tiscsi_rx_pdu_len(struct tiscsi_conn *conn, struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);
	struct iscsi_hdr *hdr;
	u8 start[8];
	u32 len;

	if (!skb ||
	    skb_copy_bits(skb, tcp_sk(sk)->copied_seq - TCP_SKB_CB(skb)->seq,
			  start, sizeof(start)))
		return 1;
	hdr = (struct iscsi_hdr *)start;
	len = ntoh24(hdr->dlength);
	if (len < TISCSI_RX_WHOLE || len > conn->max_recv_dsl)
		return 1;
	len = ISCSI_HDR_LEN + hdr->hlength * 4 + ALIGN(len, ISCSI_PAD_LEN);
	if (test_bit(CONN_F_HDIGEST, &conn->flags))
		len += ISCSI_CRC_LEN;
	if (test_bit(CONN_F_DDIGEST, &conn->flags))
		len += ISCSI_CRC_LEN;
	return len;
}

/**
 * tiscsi_rx_ready - is there enough in the socket to go on
 * @conn: the connection
 * @sk: its socket, locked
 *
 * Less than a PDU, or than the rest of it, is not, unless the sender may be
 * waiting for us to make room.  The low-water mark of the socket would do the
 * same, but TCP sends more acknowledgments then.  Softirq.
 */
bool tiscsi_rx_ready(struct tiscsi_conn *conn, struct sock *sk)
{
	u32 await = READ_ONCE(conn->rx.await);

	if (await == TISCSI_AWAIT_PDU)
		await = tiscsi_rx_pdu_len(conn, sk);
	return await <= 1 ||
	       tcp_epollin_ready(sk, min_t(u32, await, sk->sk_rcvbuf / 4));
}

/* Takes up to @len bytes of those that were received ahead. */
static const u8 *tiscsi_rx_ahead(struct tiscsi_rx *rx, u32 *len)
{
	const u8 *at = rx->ahead + rx->ahead_off;

	*len = min(*len, rx->ahead_len);
	rx->ahead_off += *len;
	rx->ahead_len -= *len;
	return at;
}

/*
 * The peer has said all, and what it waits for next, an answer or an R2T, will
 * acknowledge it.  TCP does not know and would do so when the socket is empty,
 * if more than one short segment had come, as header and data do.
 */
static void tiscsi_rx_ack_by_answer(struct tiscsi_conn *conn)
{
	struct sock *sk = conn->sock->sk;

	lock_sock(sk);
	inet_csk(sk)->icsk_ack.pending &= ~ICSK_ACK_PUSHED2;
	release_sock(sk);
}

/*
 * Receives up to @len bytes into @n pieces, and in the same call what follows
 * them, into rx->ahead, which is empty; the array has room for one more piece.
 * Returns the bytes in the pieces, or < 0 with the connection closed unless
 * -EAGAIN.
 */
static int tiscsi_rx_recv(struct tiscsi_conn *conn, struct kvec *iov, u32 n,
			  u32 len)
{
	struct tiscsi_rx *rx = &conn->rx;
	struct msghdr msg = { };
	int ret;

	if (tiscsi_rx_dry(conn)) {
		tiscsi_rx_await(conn);
		return -EAGAIN;
	}
	/* Before the socket is locked: what comes after that kicks us again. */
	WRITE_ONCE(rx->await, 1);
	if (rx->state == RX_DATA && rx->bhs.flags & ISCSI_FLAG_CMD_FINAL)
		tiscsi_rx_ack_by_answer(conn);
	iov[n].iov_base = rx->ahead;
	iov[n].iov_len = sizeof(rx->ahead);
	ret = kernel_recvmsg(conn->sock, &msg, iov, n + 1,
			     len + sizeof(rx->ahead), MSG_DONTWAIT);
	if (ret > 0) {
		rx->ahead_off = 0;
		rx->ahead_len = ret > len ? ret - len : 0;
		return ret - rx->ahead_len;
	}
	if (ret == -EAGAIN) {
		tiscsi_rx_await(conn);
		return ret;
	}
	tiscsi_conn_close(conn, CLOSE_PEER);
	return -ESHUTDOWN;
}

/* As tiscsi_rx_recv(), or fills the first piece with what is here already. */
static int tiscsi_rx_pieces(struct tiscsi_conn *conn, struct kvec *iov, u32 n,
			    u32 len)
{
	const u8 *from;

	if (!conn->rx.ahead_len)
		return tiscsi_rx_recv(conn, iov, n, len);
	len = iov->iov_len;
	from = tiscsi_rx_ahead(&conn->rx, &len);
	memcpy(iov->iov_base, from, len);
	return len;
}

/* Reads rx->off up to rx->want into @to; 0 when all of it is in. */
static int tiscsi_rx_part(struct tiscsi_conn *conn, u8 *to)
{
	struct tiscsi_rx *rx = &conn->rx;
	struct kvec iov[2];
	int ret;

	while (rx->off < rx->want) {
		iov[0].iov_base = to + rx->off;
		iov[0].iov_len = rx->want - rx->off;
		ret = tiscsi_rx_pieces(conn, iov, 1, iov[0].iov_len);
		if (ret < 0)
			return ret;
		rx->off += ret;
	}
	return 0;
}

static bool tiscsi_rx_hdigest_ok(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	u32 crc;

	if (!test_bit(CONN_F_HDIGEST, &conn->flags))
		return true;
	crc = tiscsi_crc_update(tiscsi_crc_start(), rx->hdr, rx->hdr_len);
	return tiscsi_crc_finish(crc) ==
	       get_unaligned_le32(rx->hdr + rx->hdr_len);
}

static int tiscsi_rx_bad_digest(struct tiscsi_conn *conn)
{
	if (conn->sess)
		atomic_inc(&conn->sess->conn_digest_errors);
	tiscsi_conn_close(conn, CLOSE_DIGEST);
	return -ESHUTDOWN;
}

/* AHSs come with SCSI commands only (A05). */
static bool tiscsi_rx_ahs_misplaced(const struct tiscsi_conn *conn)
{
	const struct tiscsi_rx *rx = &conn->rx;

	return rx->bhs.hlength &&
	       (tiscsi_rx_in_login(conn) ||
		(rx->bhs.opcode & ISCSI_OPCODE_MASK) != ISCSI_OP_SCSI_CMD);
}

/* The header is in: check what framing needs, then ask what it is for. */
static int tiscsi_rx_header(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	int ret;

	if (!tiscsi_rx_hdigest_ok(conn))
		return tiscsi_rx_bad_digest(conn);
	if (unlikely(tiscsi_rx_ahs_misplaced(conn))) {
		tiscsi_request_format_error(conn, "TotalAHSLength");
		return -ESHUTDOWN;
	}
	trace_tiscsi_rx_pdu(conn, &rx->bhs);
	conn->last_rx = jiffies;
	rx->data_len = ntoh24(rx->bhs.dlength);
	if (rx->data_len > conn->max_recv_dsl) {
		tiscsi_request_format_error(conn, "DataSegmentLength");
		return -ESHUTDOWN;
	}

	if (tiscsi_rx_in_login(conn))
		ret = tiscsi_login_rx_header(conn);
	else
		ret = tiscsi_request_begin(conn);
	if (ret)
		return ret;

	rx->off = 0;
	rx->crc = tiscsi_crc_start();
	tiscsi_rx_next(rx, RX_DATA, rx->data_len);
	return 0;
}

static int tiscsi_rx_bhs(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	u32 want;
	int ret;

	ret = tiscsi_rx_part(conn, rx->hdr);
	if (ret)
		return ret;

	rx->hdr_len = ISCSI_HDR_LEN + rx->bhs.hlength * 4;
	if (!rx->bhs.hlength)
		return tiscsi_rx_header(conn);

	want = rx->hdr_len;
	if (test_bit(CONN_F_HDIGEST, &conn->flags)) {
		want += ISCSI_CRC_LEN;
		/*
		 * A damaged header costs its connection, a format error the
		 * session: the digest has to tell which it is (A16, A21).  It
		 * cannot of what is longer than any AHS that is known (A11).
		 */
		if (want > sizeof(rx->hdr))
			return tiscsi_rx_bad_digest(conn);
	} else if (want > sizeof(rx->hdr) || tiscsi_rx_ahs_misplaced(conn)) {
		tiscsi_request_format_error(conn, "TotalAHSLength");
		return -ESHUTDOWN;
	}
	tiscsi_rx_next(rx, RX_AHS, want);
	return 0;
}

static int tiscsi_rx_ahs(struct tiscsi_conn *conn)
{
	int ret = tiscsi_rx_part(conn, conn->rx.hdr);

	return ret ?: tiscsi_rx_header(conn);
}

/* Where the next data bytes go; returns how many pieces, 0 to drop them. */
static u32 tiscsi_rx_sink(struct tiscsi_rx *rx, struct kvec *iov, u32 *len)
{
	u32 left, piece, n = 0;

	*len = 0;
	if (rx->sink == SINK_NONE || rx->off >= rx->sink_len)
		return 0;
	left = rx->sink_len - rx->off;
	if (rx->sink == SINK_BUF) {
		iov[0].iov_base = rx->buf + rx->off;
		iov[0].iov_len = left;
		*len = left;
		return 1;
	}
	while (left && n < TISCSI_RX_PIECES) {
		iov[n].iov_base = tiscsi_sg_at(rx->cmd, rx->sg_offset +
					       rx->off + *len, left, &piece);
		iov[n].iov_len = piece;
		*len += piece;
		left -= piece;
		n++;
	}
	return n;
}

/* Adds what was received into the pieces to the digest. */
static void tiscsi_rx_digest(struct tiscsi_conn *conn, const struct kvec *iov,
			     u32 len)
{
	u32 n;

	if (!test_bit(CONN_F_DDIGEST, &conn->flags))
		return;
	for (; len; iov++, len -= n) {
		n = min_t(u32, len, iov->iov_len);
		conn->rx.crc = tiscsi_crc_update(conn->rx.crc, iov->iov_base,
						 n);
	}
}

/* Dropped bytes count in the digest too. */
static int tiscsi_rx_drop(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	u32 len = rx->want - rx->off;
	struct kvec iov;
	int ret;

	if (!rx->ahead_len) {
		ret = tiscsi_rx_recv(conn, &iov, 0, 0);
		if (ret < 0)
			return ret;
	}
	iov.iov_base = (void *)tiscsi_rx_ahead(rx, &len);
	iov.iov_len = len;
	tiscsi_rx_digest(conn, &iov, len);
	return len;
}

static int tiscsi_rx_data(struct tiscsi_conn *conn)
{
	struct kvec iov[TISCSI_RX_PIECES + 1];
	struct tiscsi_rx *rx = &conn->rx;
	u32 len, n;
	int ret;

	while (rx->off < rx->want) {
		n = tiscsi_rx_sink(rx, iov, &len);
		if (n) {
			ret = tiscsi_rx_pieces(conn, iov, n, len);
			if (ret > 0)
				tiscsi_rx_digest(conn, iov, ret);
		} else {
			ret = tiscsi_rx_drop(conn);
		}
		if (ret < 0)
			return ret;
		rx->off += ret;
	}

	rx->off = 0;
	tiscsi_rx_next(rx, RX_TAIL, tiscsi_rx_tail_len(conn));
	return 0;
}

static bool tiscsi_rx_ddigest_ok(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	u32 pad = -rx->data_len & (ISCSI_PAD_LEN - 1);
	u32 crc;

	if (!rx->data_len || !test_bit(CONN_F_DDIGEST, &conn->flags))
		return true;
	/* Padding is inside the digest whatever its value (A03). */
	crc = tiscsi_crc_update(rx->crc, rx->tail, pad);
	if (tiscsi_crc_finish(crc) == get_unaligned_le32(rx->tail + pad))
		return true;
	atomic_inc(&conn->sess->conn_digest_errors);
	return false;
}

static int tiscsi_rx_tail(struct tiscsi_conn *conn)
{
	int ret = tiscsi_rx_part(conn, conn->rx.tail);

	if (ret)
		return ret;
	if (tiscsi_rx_in_login(conn))
		ret = tiscsi_login_rx_done(conn);
	else
		ret = tiscsi_request_end(conn, tiscsi_rx_ddigest_ok(conn));
	if (ret == -EAGAIN)
		return ret;
	/* The request layer is done with rx.cmd; a login may have ended. */
	tiscsi_rx_init(conn);
	return ret < 0 ? ret : 1;
}

static int tiscsi_rx_step(struct tiscsi_conn *conn)
{
	switch (conn->rx.state) {
	case RX_BHS:
		return tiscsi_rx_bhs(conn);
	case RX_AHS:
		return tiscsi_rx_ahs(conn);
	case RX_DATA:
		return tiscsi_rx_data(conn);
	case RX_TAIL:
		return tiscsi_rx_tail(conn);
	}
	return -EINVAL;
}

/**
 * tiscsi_rx - receive and dispatch what has come
 * @conn: the connection
 * @budget: most PDUs to take
 *
 * io_work only.  An error closes the connection before it is returned.
 *
 * Return: how many PDUs were completed; fewer than @budget means the socket is
 * dry, no command slot is free, or the connection takes no more requests.
 */
int tiscsi_rx(struct tiscsi_conn *conn, int budget)
{
	int done = 0, ret;

	while (done < budget) {
		if (conn->flags & (BIT(CONN_F_CLOSING) | BIT(CONN_F_RX_HOLD) |
				   BIT(CONN_F_RX_STOPPED) | BIT(CONN_F_DRAIN)))
			break;
		ret = tiscsi_rx_step(conn);
		if (ret < 0)
			break;
		done += ret;
	}
	return done;
}

/**
 * tiscsi_rx_abandon - forget the PDU being received
 * @conn: the connection; its io_work does not run any more
 */
void tiscsi_rx_abandon(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;

	if (rx->cmd)
		tiscsi_request_abandon(conn);
	rx->cmd = NULL;
}
