// SPDX-License-Identifier: GPL-2.0
/*
 * One connection: TCP, framing, digests.  The socket never blocks; every
 * wait is a poll() with what is left of a deadline.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <netinet/in.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "raw.h"

#define RXBUF_MIN	65536
/* A target that pings more often than that means something else by it. */
#define MAX_PINGS	100

static u32 nr_open;

/**
 * sess_new() - a session that is not logged in yet
 * @isid: last two bytes of the ISID; 0 for one not used before
 */
struct sess *sess_new(u16 isid)
{
	static u16 next;
	struct sess *s = calloc(1, sizeof(*s));

	if (!s)
		die("no memory");
	/* Format 10b (random), RFC 7143 11.12.5. */
	s->isid[0] = 0x80;
	if (isid) {
		put_be16(s->isid + 4, isid);
	} else {
		put_be16(s->isid + 2, getpid());
		put_be16(s->isid + 4, ++next);
		s->isid[1] = 1;
	}
	s->cmd_sn = 1;
	s->itt = 0x1000;
	return s;
}

static bool poll_for(int fd, short events, u64 deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	u64 now = now_ms();
	int rc;

	do {
		rc = poll(&pfd, 1, now < deadline ? (int)(deadline - now) : 0);
	} while (rc < 0 && errno == EINTR);
	return rc > 0;
}

static struct addrinfo *resolve(const char *portal)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *ai;
	char host[64], *port;

	snprintf(host, sizeof(host), "%s", portal);
	port = strrchr(host, ':');
	if (!port)
		die("portal %s has no port", portal);
	*port++ = 0;
	if (host[0] == '[') {
		host[strlen(host) - 1] = 0;
		memmove(host, host + 1, strlen(host));
	}
	if (getaddrinfo(host, port, &hints, &ai))
		die("portal %s is not a numeric address and port", portal);
	return ai;
}

/* Return: 0, or an errno if nobody takes the connection. */
static int connect_to(int fd, const char *portal, const struct addrinfo *ai)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (connect(fd, ai->ai_addr, ai->ai_addrlen) && errno != EINPROGRESS)
		return errno;
	if (!poll_for(fd, POLLOUT, now_ms() + DEADLINE_MS))
		die("connect to %s: nothing within %d ms", portal, DEADLINE_MS);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

/**
 * conn_try_open() - a TCP connection to a portal that may not be there
 * @s: the session that it is for
 * @portal: address:port, an IPv6 address in brackets
 *
 * Return: the connection, or NULL with errno set if nobody takes it.
 */
struct conn *conn_try_open(struct sess *s, const char *portal)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct addrinfo *ai = resolve(portal);
	int one = 1, err;

	if (!c)
		die("no memory");
	/* What is waited for may be the session that is to be joined. */
	if (!nr_open++ && !s->tsih)
		env_settle();
	c->sess = s;
	c->max_recv = DEFAULT_MRDSL;
	c->max_send = DEFAULT_MRDSL;
	c->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	err = connect_to(c->fd, portal, ai);
	freeaddrinfo(ai);
	if (!err)
		return c;
	conn_close(c);
	errno = err;
	return NULL;
}

/**
 * conn_open() - a TCP connection to a portal
 * @s: the session that it is for
 * @portal: address:port, an IPv6 address in brackets
 */
struct conn *conn_open(struct sess *s, const char *portal)
{
	struct conn *c = conn_try_open(s, portal);

	if (!c)
		die("connect to %s: %s", portal, strerror(errno));
	return c;
}

/**
 * conn_close() - close the TCP connection and free it, not its session
 * @c: the connection
 */
void conn_close(struct conn *c)
{
	close(c->fd);
	nr_open--;
	free(c->rxbuf);
	free(c->txq.buf);
	free(c->offers.buf);
	free(c->answers.buf);
	free(c->replies.buf);
	free(c);
}

/**
 * conn_reset() - end the connection with a TCP RST
 * @c: the connection, freed
 */
void conn_reset(struct conn *c)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	conn_close(c);
}

/**
 * conn_hold_acks() - acknowledge nothing that comes from here on
 * @c: the connection; @c->no_ack is to be cleared when that is over
 */
void conn_hold_acks(struct conn *c)
{
	c->no_ack = true;
	c->ack_sn = c->stat_sn;
	c->again = true;
}

/**
 * conn_write() - send bytes as they are
 * @c: the connection; @c->closed is set if the target closed it
 * @buf: the bytes
 * @len: how many
 *
 * Queues them instead while the connection is corked.
 */
void conn_write(struct conn *c, const void *buf, u32 len)
{
	u64 deadline = now_ms() + DEADLINE_MS;
	const u8 *p = buf;

	if (c->corked) {
		text_add_raw(&c->txq, buf, len);
		return;
	}
	while (len && !c->closed) {
		ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= n;
		} else if (errno == EAGAIN) {
			if (poll_for(c->fd, POLLOUT, deadline))
				continue;
			if (!c->sess->bad_wire)
				die("target takes no data for %d ms",
				    DEADLINE_MS);
			c->closed = true;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			c->closed = true;
		} else if (errno != EINTR) {
			die("send: %s", strerror(errno));
		}
	}
}

/**
 * conn_cork() - hold back what is sent, until conn_uncork()
 * @c: the connection
 */
void conn_cork(struct conn *c)
{
	c->corked = true;
	c->txq.len = 0;
}

/**
 * conn_uncork() - send everything held back, in one go
 * @c: the connection
 */
void conn_uncork(struct conn *c)
{
	c->corked = false;
	conn_write(c, c->txq.buf, c->txq.len);
}

/**
 * conn_tcp_info() - what TCP knows of a connection
 * @c: the connection
 * @info: filled in
 */
void conn_tcp_info(struct conn *c, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, info, &len))
		die("TCP_INFO: %s", strerror(errno));
}

static bool all_acknowledged(struct conn *c, u64 deadline)
{
	int left;

	do {
		if (ioctl(c->fd, SIOCOUTQ, &left))
			die("SIOCOUTQ: %s", strerror(errno));
	} while (left && now_ms() < deadline);
	return !left;
}

/**
 * conn_uncork_in_pieces() - send everything held back, in pieces of all sizes
 * @c: the connection
 * @alone: how many pieces have to arrive before the next is sent
 *
 * Sizes around those of a header, with and without its digest, come often.
 */
void conn_uncork_in_pieces(struct conn *c, u32 alone)
{
	static const u32 sizes[] = { 1, 47, 4, 48, 480, 49, 3, 52, 481, 1000,
				     96, 56, 4096, 2, 528, 17 };
	u32 off, len, i = 0;

	c->corked = false;
	for (off = 0; off < c->txq.len; off += len, i++) {
		len = min_u32(sizes[i % ARRAY_SIZE(sizes)], c->txq.len - off);
		conn_write(c, c->txq.buf + off, len);
		if (i < alone && !all_acknowledged(c, now_ms() + DEADLINE_MS))
			die("target acknowledges no data for %d ms",
			    DEADLINE_MS);
	}
}

static void put_digest(u8 *p, u32 crc)
{
	u32 le = htole32(crc);

	memcpy(p, &le, sizeof(le));
}

static void send_body(struct conn *c, struct pdu *p)
{
	u32 pad_len = -p->data_len % 4, crc;
	u8 tail[8];

	if (!p->data_len || p->flaw & FLAW_NO_BODY)
		return;
	memset(tail, p->pad, pad_len);
	conn_write(c, p->data, p->data_len);
	if (c->ddigest && !(p->flaw & FLAW_NO_DIGESTS)) {
		crc = crc32c(crc32c(0, p->data, p->data_len), tail, pad_len);
		put_digest(tail + pad_len,
			   crc ^ (p->flaw & FLAW_DDIGEST ? 0x100 : 0));
		pad_len += 4;
	}
	conn_write(c, tail, pad_len);
}

/**
 * conn_send() - send a PDU
 * @c: the connection
 * @p: the PDU; lengths and digests are filled in, spoilt as @p->flaw says
 */
void conn_send(struct conn *c, struct pdu *p)
{
	bool was_corked = c->corked;
	u8 digest[4];
	u32 crc;

	if (!(p->flaw & FLAW_LENGTHS)) {
		pdu_set32(p, BHS_AHS_WORDS, p->data_len);
		p->bhs[BHS_AHS_WORDS] = p->ahs_len / 4;
	}
	check_request(c, p);
	history_add(true, p);
	if (!was_corked)
		conn_cork(c);
	conn_write(c, p->bhs, BHS_LEN);
	conn_write(c, p->ahs, p->ahs_len);
	if (c->hdigest && !(p->flaw & FLAW_NO_DIGESTS)) {
		crc = crc32c(crc32c(0, p->bhs, BHS_LEN), p->ahs, p->ahs_len);
		put_digest(digest, crc ^ (p->flaw & FLAW_HDIGEST ? 1 : 0));
		conn_write(c, digest, sizeof(digest));
	}
	send_body(c, p);
	if (!was_corked)
		conn_uncork(c);
}

/* Fill @buf; only the first byte may be late or missing. */
static enum recv_result read_part(struct conn *c, void *buf, u32 len,
				  u64 deadline, bool first)
{
	u8 *p = buf;
	u32 got = 0;

	while (got < len) {
		ssize_t n = recv(c->fd, p + got, len - got, 0);

		if (n > 0) {
			got += n;
			continue;
		}
		if (!n || errno == ECONNRESET || errno == EPIPE) {
			c->closed = true;
			return RECV_CLOSED;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			die("recv: %s", strerror(errno));
		if (first && !got) {
			if (!poll_for(c->fd, POLLIN, deadline))
				return RECV_TIMEOUT;
		} else if (!poll_for(c->fd, POLLIN, now_ms() + DEADLINE_MS)) {
			if (!c->sess->bad_wire)
				die("target stalls %u bytes into %u of a PDU",
				    got, len);
			c->closed = true;
			return RECV_CLOSED;
		}
	}
	return RECV_PDU;
}

static enum recv_result read_digest(struct conn *c, const char *what, u32 crc,
				    u8 *copy)
{
	u8 want[4], got[4];
	enum recv_result r;

	r = read_part(c, got, sizeof(got), 0, false);
	if (r != RECV_PDU)
		return r;
	put_digest(want, crc);
	if (memcmp(want, got, 4) && c->sess->bad_wire) {
		c->spoilt = true;
		return RECV_PDU;
	}
	if (memcmp(want, got, 4))
		die("A14: %s digest %02x%02x%02x%02x, expected %02x%02x%02x%02x",
		    what, got[0], got[1], got[2], got[3], want[0], want[1],
		    want[2], want[3]);
	if (copy)
		memcpy(copy, got, 4);
	return RECV_PDU;
}

static enum recv_result read_body(struct conn *c, struct pdu *p)
{
	u32 padded = (p->data_len + 3) & ~3U, i;
	enum recv_result r;

	if (padded > c->rxbuf_size) {
		free(c->rxbuf);
		c->rxbuf_size = padded > RXBUF_MIN ? padded : RXBUF_MIN;
		c->rxbuf = malloc(c->rxbuf_size);
		if (!c->rxbuf)
			die("no memory for %u bytes", c->rxbuf_size);
	}
	r = read_part(c, c->rxbuf, padded, 0, false);
	if (r != RECV_PDU)
		return r;
	for (i = p->data_len; i < padded; i++)
		if (c->rxbuf[i])
			die("A03: pad byte is %02x", c->rxbuf[i]);
	p->data = c->rxbuf;
	if (!c->ddigest)
		return RECV_PDU;
	return read_digest(c, "data", crc32c(0, c->rxbuf, padded), p->ddigest);
}

/**
 * conn_recv() - receive and check a PDU
 * @c: the connection; the PDU is in @c->rx until the next call
 * @ms: milliseconds to wait for its first byte
 *
 * With @c->sess->bad_wire a wrong digest does not end the test: that of data is
 * shown by @c->spoilt, after that of a header the connection is of no use
 * (RECV_CLOSED).
 */
enum recv_result conn_recv(struct conn *c, int ms)
{
	struct pdu *p = &c->rx;
	enum recv_result r;

	memset(p, 0, sizeof(*p));
	c->spoilt = false;
	r = read_part(c, p->bhs, BHS_LEN, now_ms() + ms, true);
	if (r != RECV_PDU)
		return r;
	if (c->hdigest) {
		r = read_digest(c, "header", crc32c(0, p->bhs, BHS_LEN), NULL);
		/* Nor is it known how long it is. */
		if (r == RECV_PDU && c->spoilt)
			c->closed = true;
		if (r != RECV_PDU || c->spoilt)
			return RECV_CLOSED;
	}
	p->data_len = pdu32(p, BHS_AHS_WORDS) & 0xffffff;
	if (p->data_len > c->max_recv)
		die("A19: opcode %02x with %u bytes of data, %u declared",
		    pdu_op(p), p->data_len, c->max_recv);
	if (p->data_len) {
		r = read_body(c, p);
		if (r != RECV_PDU)
			return r;
	}
	history_add(false, p);
	if (!c->spoilt)
		check_pdu(c, p);
	return RECV_PDU;
}

/* A ping of the target; every initiator answers, and so do we. */
static bool is_ping(const struct conn *c)
{
	return pdu_op(&c->rx) == OP_NOP_IN &&
	       pdu32(&c->rx, BHS_ITT) == NO_TAG;
}

/**
 * conn_pong() - answer a ping of the target
 * @c: the connection; the ping is in @c->rx
 */
void conn_pong(struct conn *c)
{
	struct pdu p;

	if (pdu32(&c->rx, BHS_TTT) == NO_TAG || c->no_pong)
		return;
	pdu_init(c, &p, OP_NOP_OUT);
	pdu_immediate(c, &p);
	pdu_set32(&p, BHS_ITT, NO_TAG);
	memcpy(p.bhs + BHS_LUN, c->rx.bhs + BHS_LUN, 8);
	pdu_set32(&p, BHS_TTT, pdu32(&c->rx, BHS_TTT));
	conn_send(c, &p);
}

/**
 * conn_wait() - like conn_recv(), but answers the target's pings itself
 * @c: the connection
 * @ms: milliseconds to wait for the first byte of each PDU
 */
enum recv_result conn_wait(struct conn *c, int ms)
{
	enum recv_result r;
	int i;

	for (i = 0; i < MAX_PINGS; i++) {
		r = conn_recv(c, ms);
		if (r != RECV_PDU || !is_ping(c))
			return r;
		conn_pong(c);
	}
	die("C31: %d pings in a row", MAX_PINGS);
}

/**
 * recv_any() - the next PDU, whatever it is
 * @c: the connection
 */
struct pdu *recv_any(struct conn *c)
{
	switch (conn_wait(c, DEADLINE_MS)) {
	case RECV_CLOSED:
		die("connection closed, expected a PDU");
	case RECV_TIMEOUT:
		die("nothing within %d ms, expected a PDU", DEADLINE_MS);
	default:
		return &c->rx;
	}
}

/**
 * recv_op() - the next PDU, which must have an opcode
 * @c: the connection
 * @op: the opcode
 */
struct pdu *recv_op(struct conn *c, enum opcode op)
{
	struct pdu *p = recv_any(c);

	if (pdu_op(p) != op)
		die("got opcode %02x, expected %02x", pdu_op(p), op);
	return p;
}

/**
 * recv_reject() - the next PDU, which must be a Reject
 * @c: the connection
 * @reasons: set of acceptable reasons, from REJ()
 */
struct pdu *recv_reject(struct conn *c, u32 reasons)
{
	struct pdu *p = recv_op(c, OP_REJECT);

	if (!(reasons & 1U << p->bhs[BHS_RESPONSE]))
		die("Reject reason %02x is not acceptable",
		    p->bhs[BHS_RESPONSE]);
	return p;
}

/**
 * expect_closed() - the target closes the connection
 * @c: the connection
 *
 * An Asynchronous Message that announces it may come first (C34).
 */
void expect_closed(struct conn *c)
{
	for (;;) {
		switch (conn_recv(c, DEADLINE_MS)) {
		case RECV_CLOSED:
			return;
		case RECV_TIMEOUT:
			die("connection still open after %d ms", DEADLINE_MS);
		case RECV_PDU:
			if (pdu_op(&c->rx) != OP_ASYNC)
				die("got opcode %02x, expected a close",
				    pdu_op(&c->rx));
		}
	}
}

/**
 * expect_drop_or_reject() - one of the two answers to a malformed PDU
 * @c: the connection
 * @reasons: set of acceptable Reject reasons, 0 if only a drop is
 *
 * Return: true if the connection was dropped.
 */
bool expect_drop_or_reject(struct conn *c, u32 reasons)
{
	switch (conn_wait(c, DEADLINE_MS)) {
	case RECV_CLOSED:
		return true;
	case RECV_TIMEOUT:
		die("neither Reject nor close within %d ms", DEADLINE_MS);
	default:
		break;
	}
	if (pdu_op(&c->rx) == OP_ASYNC) {
		expect_closed(c);
		return true;
	}
	if (pdu_op(&c->rx) != OP_REJECT)
		die("got opcode %02x, expected Reject or close",
		    pdu_op(&c->rx));
	if (!(reasons & 1U << c->rx.bhs[BHS_RESPONSE]))
		die("Reject reason %02x is not acceptable",
		    c->rx.bhs[BHS_RESPONSE]);
	return false;
}
