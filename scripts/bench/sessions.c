// SPDX-License-Identifier: GPL-2.0
/*
 * Many sessions for little: what the benches need of an initiator that costs
 * next to nothing.  It knows the login in one phase, logout and pings.
 *
 * usage: sessions logins ADDRESS PORT TARGET N
 *		logs in and out N times, one after another; prints nanoseconds of
 *		the clock and of the processor, idle or not, for all of them;
 *		some before that make what is made only once
 *        sessions hold ADDRESS PORT TARGET N
 *		logs N sessions in, prints "ready", and answers pings until its
 *		standard input ends
 *        sessions pairs N
 *		the same with N TCP connections to itself and nothing on them
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

#define BHS_LEN		48
#define OP_NOP_OUT	0x40		/* immediate */
#define OP_LOGIN	0x43
#define OP_LOGOUT	0x46
#define OP_NOP_IN	0x20
#define OP_LOGIN_RSP	0x23
#define OP_LOGOUT_RSP	0x26
#define RESERVED_TAG	0xffffffffu
#define LOGIN_STEPS	8
#define FIRST_LOGINS	20

struct bhs {
	__u8 opcode, flags, b2, b3;
	__u32 lengths;		/* of the AHSs, and of the data */
	__u8 lun[8];
	__u32 itt, ttt, cmd_sn, exp_stat_sn, words[4];
};

struct session {
	int fd;
	__u32 stat_sn;		/* the next one */
	struct bhs bhs;			/* last received */
	char data[8192];
};

static const char *target;
static struct sockaddr_in portal = { .sin_family = AF_INET };

static void die(const char *what)
{
	fprintf(stderr, "sessions: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(int fd, const void *from, size_t len)
{
	if (send(fd, from, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send");
}

static void get(int fd, void *to, size_t len)
{
	if (len && recv(fd, to, len, MSG_WAITALL) != (ssize_t)len)
		die("the target closed");
}

static __u32 data_len(const struct bhs *bhs)
{
	return be32toh(bhs->lengths) & 0xffffff;
}

static void receive(struct session *s)
{
	__u32 len;

	get(s->fd, &s->bhs, BHS_LEN);
	len = (data_len(&s->bhs) + 3) & ~3u;
	if (len > sizeof(s->data))
		die("a PDU too long");
	get(s->fd, s->data, len);
	s->stat_sn = be32toh(s->bhs.exp_stat_sn) + 1;
}

static int tcp_connect(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* All that there are: a target may offer what is missing, and wait. */
static const char keys[] =
	"HeaderDigest=None\nDataDigest=None\nErrorRecoveryLevel=0\n"
	"InitialR2T=No\nImmediateData=Yes\nMaxBurstLength=262144\n"
	"FirstBurstLength=65536\nMaxOutstandingR2T=1\nMaxConnections=1\n"
	"DataPDUInOrder=Yes\nDataSequenceInOrder=Yes\nDefaultTime2Wait=2\n"
	"DefaultTime2Retain=0\nMaxRecvDataSegmentLength=8192\n";

static void log_in(struct session *s, __u32 id)
{
	char pdu[1024] = { 0 }, *text = pdu + BHS_LEN;
	struct bhs *req = (struct bhs *)pdu;
	__u32 len;
	int step;

	s->fd = tcp_connect(&portal);
	s->stat_sn = 0;
	len = snprintf(text, sizeof(pdu) - BHS_LEN,
		       "InitiatorName=iqn.2003-01.org.example:sessions\n"
		       "TargetName=%s\nSessionType=Normal\n%s", target, keys);
	for (step = 0; step < (int)len; step++)
		if (text[step] == '\n')
			text[step] = 0;
	req->opcode = OP_LOGIN;
	/* From the operational stage to the full feature phase. */
	req->flags = 0x80 | 1 << 2 | 3;
	/* An ISID of the random kind. */
	req->lun[0] = 0x80;
	req->lun[1] = id >> 24;
	req->lun[2] = id >> 16;
	req->lun[3] = id >> 8;
	req->lun[5] = id;
	req->cmd_sn = htobe32(1);
	for (step = 0; step < LOGIN_STEPS; step++) {
		req->lengths = htobe32(len);
		req->exp_stat_sn = htobe32(s->stat_sn);
		put(s->fd, pdu, BHS_LEN + ((len + 3) & ~3u));
		receive(s);
		/* Class and detail of the status. */
		if (s->bhs.opcode != OP_LOGIN_RSP || s->bhs.words[2])
			die("login refused");
		if (s->bhs.flags & 0x80)
			return;
		len = 0;
	}
	die("endless login");
}

static void log_out(struct session *s)
{
	struct bhs req = { .opcode = OP_LOGOUT, .flags = 0x80,
			   .itt = htobe32(1), .cmd_sn = htobe32(1),
			   .exp_stat_sn = htobe32(s->stat_sn) };

	put(s->fd, &req, BHS_LEN);
	do
		receive(s);
	while (s->bhs.opcode != OP_LOGOUT_RSP);
	close(s->fd);
}

static void answer_ping(struct session *s)
{
	struct bhs req = { .opcode = OP_NOP_OUT, .flags = 0x80,
			   .itt = RESERVED_TAG, .cmd_sn = htobe32(1) };

	receive(s);
	if (s->bhs.opcode != OP_NOP_IN || s->bhs.ttt == RESERVED_TAG)
		return;
	memcpy(req.lun, s->bhs.lun, sizeof(req.lun));
	req.ttt = s->bhs.ttt;
	/* A ping has the next StatSN and consumes none. */
	req.exp_stat_sn = s->bhs.exp_stat_sn;
	put(s->fd, &req, BHS_LEN);
}

/* The processor's idle time so far, in seconds. */
static double idle(void)
{
	FILE *f = fopen("/proc/uptime", "r");
	double seconds;

	if (!f || fscanf(f, "%*f %lf", &seconds) != 1)
		die("/proc/uptime");
	fclose(f);
	return seconds;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void in_and_out(__u32 n)
{
	static struct session s;

	while (n--) {
		log_in(&s, 1);
		log_out(&s);
	}
}

static void logins(__u32 n)
{
	double clock, waited;

	in_and_out(FIRST_LOGINS);
	mark_prepare();
	usleep(5000);
	clock = now();
	waited = idle();
	mark_start();
	in_and_out(n);
	mark_stop();
	clock = now() - clock;
	waited = idle() - waited;
	printf("%.0f %.0f\n", clock * 1e9, (clock - waited) * 1e9);
}

static void until_stdin_ends(struct pollfd *fds, __u32 n)
{
	static struct session s;
	__u32 i;

	printf("ready\n");
	fflush(stdout);
	fds[n].fd = 0;
	fds[n].events = POLLIN;
	for (;;) {
		if (poll(fds, n + 1, -1) < 0)
			die("poll");
		if (fds[n].revents)
			return;
		for (i = 0; i < n; i++) {
			s.fd = fds[i].fd;
			if (fds[i].revents)
				answer_ping(&s);
		}
	}
}

static void hold(__u32 n)
{
	struct pollfd *fds = calloc(n + 1, sizeof(*fds));
	static struct session s;
	__u32 i;

	for (i = 0; i < n; i++) {
		log_in(&s, 2 + i);
		fds[i].fd = s.fd;
		fds[i].events = POLLIN;
	}
	until_stdin_ends(fds, n);
}

static void pairs(__u32 n)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd *fds = calloc(2 * n + 1, sizeof(*fds));
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);
	__u32 i;

	if (bind(listener, (struct sockaddr *)&at, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&at, &len))
		die("listen");
	for (i = 0; i < n; i++) {
		fds[2 * i].fd = tcp_connect(&at);
		fds[2 * i + 1].fd = accept(listener, NULL, NULL);
	}
	until_stdin_ends(fds, 2 * n);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };

	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE");
	if (argc == 3 && !strcmp(argv[1], "pairs")) {
		pairs(atoi(argv[2]));
		return 0;
	}
	if (argc != 6 || inet_pton(AF_INET, argv[2], &portal.sin_addr) != 1) {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	portal.sin_port = htons(atoi(argv[3]));
	target = argv[4];
	if (!strcmp(argv[1], "logins"))
		logins(atoi(argv[5]));
	else
		hold(atoi(argv[5]));
	return 0;
}
