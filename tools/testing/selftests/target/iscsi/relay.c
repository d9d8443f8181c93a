// SPDX-License-Identifier: GPL-2.0
/*
 * A bad wire: relays iSCSI connections and does to their PDUs what TCP's
 * checksum, switches and cables sometimes let happen, for drill_chaos.sh.
 *
 * usage: relay --listen ADDRESS:PORT --to ADDRESS:PORT [--seed N]
 *              [--cut-ms N]
 *
 * Logins pass untouched.  From then on PDUs are spoilt, lost, held up and
 * repeated, each connection by a sequence of its own made of the seed, and
 * about every --cut-ms a connection is cut.  Ends at SIGTERM and says how
 * often it did what.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "rnd.h"

#define MAX_LINKS	256
#define RX_SIZE		131072		/* a PDU fits: no burst is longer */
#define TX_ENOUGH	1048576		/* read no more until some is gone */
#define SILENT_MS	30000		/* a half-cut connection is kept as long */
#define LATE_PDUS	8
#define DELAY_MS	300

enum side { INITIATOR, TARGET };

/* What comes from one side and goes to the other. */
struct half {
	u8 rx[RX_SIZE];
	u32 rx_len;
	u8 *tx;
	u32 tx_len, tx_size;
	u64 hold;		/* nothing goes out before */
	u8 *late;		/* a copy that is still to come */
	u32 late_len, late_in;
};

/* SILENT: one of its sockets is left, and nobody reads. */
enum link_state { LINK_UP, LINK_ENDING, LINK_SILENT };

struct link {
	int fd[2];
	struct half half[2];
	struct rnd rnd;
	enum link_state state;
	bool ffp, hdigest, ddigest;
	u64 until;
};

/* One whole PDU on its way. */
struct passing {
	struct link *link;
	struct half *half;
	u8 *pdu;
	u32 len;
	u32 data_at, data_len;
};

static struct link *links[MAX_LINKS];
static u64 seed = 1;
static u32 nr_links, cut_ms = 1000, nr_cuts;
static struct sockaddr_in listen_addr, to_addr;
static sig_atomic_t stop;

/* ---- faults ---- */

static void put(struct half *h, const u8 *bytes, u32 len)
{
	while (h->tx_len + len > h->tx_size) {
		h->tx_size = h->tx_size ? 2 * h->tx_size : RX_SIZE;
		h->tx = realloc(h->tx, h->tx_size);
		if (!h->tx)
			die("no memory");
	}
	memcpy(h->tx + h->tx_len, bytes, len);
	h->tx_len += len;
}

static void pass(const struct passing *p)
{
	put(p->half, p->pdu, p->len);
}

static void flip(struct passing *p, u32 from, u32 len)
{
	u32 bit = rnd_below(&p->link->rnd, 8 * len);

	p->pdu[from + bit / 8] ^= 1 << bit % 8;
	pass(p);
}

static bool fault_drop(struct passing *p)
{
	(void)p;
	return true;
}

static bool fault_data(struct passing *p)
{
	if (!p->data_len || !p->link->ddigest)
		return false;
	flip(p, p->data_at, p->data_len);
	return true;
}

static bool fault_header(struct passing *p)
{
	if (!p->link->hdigest)
		return false;
	flip(p, 0, BHS_LEN);
	return true;
}

static bool fault_delay(struct passing *p)
{
	p->half->hold = now_ms() + 1 + rnd_below(&p->link->rnd, DELAY_MS);
	pass(p);
	return true;
}

static bool fault_twice(struct passing *p)
{
	pass(p);
	pass(p);
	return true;
}

static bool fault_late(struct passing *p)
{
	struct half *h = p->half;

	pass(p);
	if (h->late)
		return false;
	h->late = malloc(p->len);
	if (!h->late)
		die("no memory");
	memcpy(h->late, p->pdu, p->len);
	h->late_len = p->len;
	h->late_in = 1 + rnd_below(&p->link->rnd, LATE_PDUS);
	return true;
}

static bool fault_half(struct passing *p)
{
	put(p->half, p->pdu, 1 + rnd_below(&p->link->rnd, p->len - 1));
	p->link->state = LINK_ENDING;
	return true;
}

static struct fault {
	const char *name;
	u32 one_in;		/* PDUs */
	bool (*inject)(struct passing *p);
	u32 nr;
} faults[] = {
	{ "lost", 120, fault_drop, 0 },
	{ "data spoilt", 60, fault_data, 0 },
	{ "header spoilt", 1000, fault_header, 0 },
	{ "delayed", 100, fault_delay, 0 },
	{ "sent twice", 120, fault_twice, 0 },
	{ "sent again later", 120, fault_late, 0 },
	{ "cut in the middle", 1000, fault_half, 0 },
};

/* ---- PDUs ---- */

static bool lets_in(const u8 *pdu)
{
	return (pdu[0] & OP_MASK) == OP_LOGIN_RSP &&
	       !get_be16(pdu + BHS_LOGIN_STATUS) &&
	       (pdu[BHS_FLAGS] & STAGE(0, 3)) == STAGE(0, 3);
}

static bool is_on(const struct passing *p, const char *key)
{
	const char *v = text_get(p->pdu + p->data_at, p->data_len, key);

	return v && !strcmp(v, "CRC32C");
}

static void deal_with(struct passing *p)
{
	struct link *l = p->link;
	struct half *h = p->half;
	u32 i;

	if (!l->ffp) {
		pass(p);
		l->ffp = h == &l->half[TARGET] && lets_in(p->pdu);
		l->hdigest = l->ffp && is_on(p, "HeaderDigest");
		l->ddigest = l->ffp && is_on(p, "DataDigest");
		return;
	}
	if (h->late && !--h->late_in) {
		put(h, h->late, h->late_len);
		free(h->late);
		h->late = NULL;
	}
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (!one_in(&l->rnd, faults[i].one_in))
			continue;
		if (!faults[i].inject(p))
			break;
		faults[i].nr++;
		return;
	}
	pass(p);
}

/* The next PDU in what was received; false if it is not all there. */
static bool next_pdu(struct link *l, struct half *h, u32 at,
		     struct passing *p)
{
	u8 *pdu = h->rx + at;
	u32 len;

	if (h->rx_len - at < BHS_LEN)
		return false;
	*p = (struct passing) { .link = l, .half = h, .pdu = pdu };
	p->data_len = get_be32(pdu + BHS_AHS_WORDS) & 0xffffff;
	p->data_at = BHS_LEN + 4 * pdu[BHS_AHS_WORDS] + (l->hdigest ? 4 : 0);
	len = p->data_at + ((p->data_len + 3) & ~3U);
	if (p->data_len && l->ddigest)
		len += 4;
	if (len > RX_SIZE)
		die("opcode %02x: a PDU of %u bytes", pdu[0], len);
	p->len = len;
	return h->rx_len - at >= len;
}

static void relay_pdus(struct link *l, struct half *h)
{
	struct passing p;
	u32 at = 0;

	while (l->state == LINK_UP && next_pdu(l, h, at, &p)) {
		at += p.len;
		deal_with(&p);
	}
	h->rx_len -= at;
	memmove(h->rx, h->rx + at, h->rx_len);
}

/* ---- connections ---- */

static void hard(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void link_free(struct link *l)
{
	u32 i;

	for (i = 0; i < 2; i++) {
		shut(&l->fd[i]);
		free(l->half[i].tx);
		free(l->half[i].late);
	}
	free(l);
}

static bool send_bytes(struct link *l, enum side from)
{
	struct half *h = &l->half[from];
	ssize_t n;

	if (!h->tx_len)
		return true;
	n = send(l->fd[!from], h->tx, h->tx_len, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
	h->tx_len -= n;
	memmove(h->tx, h->tx + n, h->tx_len);
	return true;
}

static void cut(struct link *l)
{
	enum side end = rnd_below(&l->rnd, 2);
	u32 how = rnd_below(&l->rnd, 4);

	nr_cuts++;
	/* What has passed is on its way: it may be a Login Response. */
	send_bytes(l, INITIATOR);
	send_bytes(l, TARGET);
	if (how & 1) {
		hard(l->fd[0]);
		hard(l->fd[1]);
	}
	shut(&l->fd[end]);
	if (how & 2) {
		shut(&l->fd[!end]);
		return;
	}
	/* The other end is told nothing. */
	l->state = LINK_SILENT;
	l->until = now_ms() + SILENT_MS;
}

static bool is_up(const struct link *l)
{
	return l && l->state == LINK_UP && l->ffp;
}

/* One of them, and now and then all at once. */
static void cut_some(struct rnd *r)
{
	u32 i, n = 0;
	bool all = one_in(r, 12);

	for (i = 0; i < MAX_LINKS; i++)
		n += is_up(links[i]);
	if (!n)
		return;
	n = rnd_below(r, n);
	for (i = 0; i < MAX_LINKS; i++) {
		if (!is_up(links[i]))
			continue;
		if (all || !n--)
			cut(links[i]);
	}
}

static int open_socket(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void take_link(int listener)
{
	int fd = accept(listener, NULL, NULL), one = 1;
	struct link *l;
	u32 i;

	if (fd < 0)
		return;
	for (i = 0; i < MAX_LINKS && links[i]; i++)
		;
	l = i < MAX_LINKS ? calloc(1, sizeof(*l)) : NULL;
	if (!l)
		die("%u connections at a time are too many", i);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	l->fd[INITIATOR] = fd;
	l->fd[TARGET] = open_socket();
	if (connect(l->fd[TARGET], (struct sockaddr *)&to_addr,
		    sizeof(to_addr)) && errno != EINPROGRESS)
		die("connect: %s", strerror(errno));
	rnd_seed(&l->rnd, seed, ++nr_links);
	links[i] = l;
}

/* Return: false at the end of what comes from there. */
static bool take_bytes(struct link *l, enum side from)
{
	struct half *h = &l->half[from];
	ssize_t n = recv(l->fd[from], h->rx + h->rx_len, RX_SIZE - h->rx_len,
			 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	h->rx_len += n;
	relay_pdus(l, h);
	return n;
}

/* ---- the loop ---- */

static short wants(const struct link *l, enum side end, u64 now)
{
	const struct half *in = &l->half[end], *out = &l->half[!end];
	short events = 0;

	if (l->state == LINK_SILENT)
		return 0;
	if (l->state == LINK_UP && in->tx_len < TX_ENOUGH &&
	    in->rx_len < RX_SIZE)
		events |= POLLIN;
	if (out->tx_len && out->hold <= now)
		events |= POLLOUT;
	return events;
}

static void serve(struct link *l, enum side end, short events, u64 now)
{
	bool ok = true;

	if (l->fd[end] < 0)
		return;
	if (l->state == LINK_SILENT) {
		if (events & (POLLHUP | POLLERR) || now > l->until)
			shut(&l->fd[end]);
		return;
	}
	if (events & POLLIN)
		ok = take_bytes(l, end);
	if (ok && l->half[!end].hold <= now)
		ok = send_bytes(l, !end);
	if (ok && !(events & (POLLHUP | POLLERR)))
		return;
	/* What the other one has not got yet may still go out. */
	send_bytes(l, end);
	shut(&l->fd[0]);
	shut(&l->fd[1]);
}

static void reap(struct link **slot)
{
	struct link *l = *slot;

	if (l->state == LINK_ENDING && !l->half[0].tx_len &&
	    !l->half[1].tx_len) {
		shut(&l->fd[0]);
		shut(&l->fd[1]);
	}
	if (l->fd[0] >= 0 || l->fd[1] >= 0)
		return;
	link_free(l);
	*slot = NULL;
}

static void one_round(int listener)
{
	static struct pollfd fds[2 * MAX_LINKS + 1];
	u64 now = now_ms();
	u32 i, side;

	for (i = 0; i < MAX_LINKS; i++)
		for (side = 0; side < 2; side++)
			fds[2 * i + side] = (struct pollfd) {
				.fd = links[i] ? links[i]->fd[side] : -1,
				.events = links[i] ? wants(links[i], side, now)
						   : 0,
			};
	fds[2 * i] = (struct pollfd) { .fd = listener, .events = POLLIN };
	/* What is held up is looked at as often. */
	poll(fds, 2 * MAX_LINKS + 1, 10);
	now = now_ms();
	for (i = 0; i < MAX_LINKS; i++) {
		if (!links[i])
			continue;
		for (side = 0; side < 2; side++)
			serve(links[i], side, fds[2 * i + side].revents, now);
		reap(&links[i]);
	}
	if (fds[2 * i].revents)
		take_link(listener);
}

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

/* What those that are left wait for. */
static void show_link(u32 i, const struct link *l)
{
	printf("# link %u state %u ffp %u fds %d %d received %u %u to send %u %u\n",
	       i, l->state, l->ffp, l->fd[0], l->fd[1], l->half[0].rx_len,
	       l->half[1].rx_len, l->half[0].tx_len, l->half[1].tx_len);
}

static void report(void)
{
	u32 i;

	for (i = 0; i < MAX_LINKS; i++)
		if (links[i] && links[i]->state == LINK_UP)
			show_link(i, links[i]);
	printf("connections %u\ncut %u\n", nr_links, nr_cuts);
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		printf("%s %u\n", faults[i].name, faults[i].nr);
}

static void relay(void)
{
	int listener = open_socket();
	struct rnd r;
	u64 next;

	if (bind(listener, (struct sockaddr *)&listen_addr,
		 sizeof(listen_addr)) || listen(listener, MAX_LINKS))
		die("listen: %s", strerror(errno));
	rnd_seed(&r, seed, 0);
	next = now_ms() + cut_ms;
	while (!stop) {
		one_round(listener);
		if (now_ms() < next)
			continue;
		cut_some(&r);
		next = now_ms() + cut_ms / 2 + rnd_below(&r, cut_ms);
	}
	report();
}

static void parse_address(struct sockaddr_in *sin, const char *arg)
{
	char host[64], *port;

	snprintf(host, sizeof(host), "%s", arg);
	port = strrchr(host, ':');
	if (!port)
		die("%s has no port", arg);
	*port++ = 0;
	sin->sin_family = AF_INET;
	sin->sin_port = htons(atoi(port));
	if (!inet_aton(host, &sin->sin_addr))
		die("%s is no address", arg);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "to", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' },
		{ "cut-ms", required_argument, NULL, 'c' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'l':
			parse_address(&listen_addr, optarg);
			break;
		case 't':
			parse_address(&to_addr, optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			cut_ms = strtoul(optarg, NULL, 0);
			break;
		default:
			exit(2);
		}
	}
	if (!listen_addr.sin_port || !to_addr.sin_port || !cut_ms)
		die("--listen and --to are needed, --cut-ms is not 0");
	signal(SIGTERM, on_term);
	relay();
	return 0;
}
