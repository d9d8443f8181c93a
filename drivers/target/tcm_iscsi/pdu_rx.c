// SPDX-License-Identifier: GPL-2.0
/*
 * Receiving PDUs: a resumable ladder of BHS, AHS and header digest, data,
 * padding and data digest.  Each step takes what the socket has and goes on
 * from there the next time; nothing waits.
 *
 * What a PDU means is not known here.  The header is shown to the request
 * layer (or the login) once it is complete and trusted, which names the place
 * for the data segment; the whole PDU is shown again when all of it is in.
 */
#include "tcm_iscsi.h"

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

/* Takes up to @len bytes; < 0 with the connection closed unless -EAGAIN. */
static int tiscsi_rx_bytes(struct tiscsi_conn *conn, void *to, u32 len)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec iov = { .iov_base = to, .iov_len = len };
	int ret;

	if (!to)
		msg.msg_flags |= MSG_TRUNC;
	ret = kernel_recvmsg(conn->sock, &msg, &iov, 1, len, msg.msg_flags);
	if (ret > 0 || ret == -EAGAIN)
		return ret;
	tiscsi_conn_close(conn, CLOSE_PEER);
	return -ESHUTDOWN;
}

/* Reads rx->off up to rx->want into @to; 0 when all of it is in. */
static int tiscsi_rx_part(struct tiscsi_conn *conn, u8 *to)
{
	struct tiscsi_rx *rx = &conn->rx;
	int ret;

	while (rx->off < rx->want) {
		ret = tiscsi_rx_bytes(conn, to + rx->off, rx->want - rx->off);
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

static bool tiscsi_rx_in_login(struct tiscsi_conn *conn)
{
	return conn->state < CONN_LOGGED_IN;
}

/* The header is in: check what framing needs, then ask what it is for. */
static int tiscsi_rx_header(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	int ret;

	if (!tiscsi_rx_hdigest_ok(conn)) {
		if (conn->sess)
			atomic_inc(&conn->sess->conn_digest_errors);
		tiscsi_conn_close(conn, CLOSE_DIGEST);
		return -ESHUTDOWN;
	}
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
	if (test_bit(CONN_F_HDIGEST, &conn->flags))
		want += ISCSI_CRC_LEN;
	/* AHSs come with SCSI commands only, and only so long (A05, A11). */
	if (want > sizeof(rx->hdr) || tiscsi_rx_in_login(conn) ||
	    (rx->bhs.opcode & ISCSI_OPCODE_MASK) != ISCSI_OP_SCSI_CMD) {
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

/* Where the next data bytes go, and how many fit there at once. */
static void *tiscsi_rx_sink(struct tiscsi_rx *rx, u32 *len)
{
	*len = rx->want - rx->off;
	if (rx->sink == SINK_NONE || rx->off >= rx->sink_len)
		return NULL;
	*len = min(*len, rx->sink_len - rx->off);
	if (rx->sink == SINK_BUF)
		return rx->buf + rx->off;
	return tiscsi_sg_at(rx->cmd, rx->sg_offset + rx->off, *len, len);
}

/* Dropped bytes count in the digest too, so they have to be looked at. */
static void *tiscsi_rx_scratch(struct tiscsi_conn *conn, u32 *len)
{
	if (!test_bit(CONN_F_DDIGEST, &conn->flags))
		return NULL;
	*len = min_t(u32, *len, sizeof(conn->scratch));
	return conn->scratch;
}

static int tiscsi_rx_data(struct tiscsi_conn *conn)
{
	struct tiscsi_rx *rx = &conn->rx;
	u32 len, pad;
	void *to;
	int ret;

	while (rx->off < rx->want) {
		to = tiscsi_rx_sink(rx, &len);
		if (!to)
			to = tiscsi_rx_scratch(conn, &len);
		ret = tiscsi_rx_bytes(conn, to, len);
		if (ret < 0)
			return ret;
		if (to && test_bit(CONN_F_DDIGEST, &conn->flags))
			rx->crc = tiscsi_crc_update(rx->crc, to, ret);
		rx->off += ret;
	}

	rx->off = 0;
	pad = -rx->data_len & (ISCSI_PAD_LEN - 1);
	if (rx->data_len && test_bit(CONN_F_DDIGEST, &conn->flags))
		pad += ISCSI_CRC_LEN;
	tiscsi_rx_next(rx, RX_TAIL, pad);
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
