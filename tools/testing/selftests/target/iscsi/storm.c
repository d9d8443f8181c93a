// SPDX-License-Identifier: GPL-2.0
/*
 * Initiators that come, use a target and go without a proper end, while the
 * target is being changed: drill_storm.sh does that.
 *
 * usage: storm [--seed N] [--seconds N] [--initiators N] [--prefix NAME]
 *
 * Each initiator is a process and is called NAMEi.  Anything may fail here,
 * but what the target does say must be well-formed (lib/check.c sees to it),
 * and it must say something, or close, in time.
 */
#include <getopt.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "rnd.h"

#define ANSWER_MS	20000
#define IO_BYTES	32768
#define LUNS		2
#define DISK_BLOCKS	8192
#define NR_ISIDS	3

static u64 seed = 1;
static u32 seconds = 20, initiators = 4;
static const char *prefix = "iqn.2003-01.org.example.drill:storm";

/* What came of it; shared by the processes. */
static struct storm_counts {
	u64 logins, refused, unreachable, commands, good, closed, tmfs;
} *counts;

static struct rnd r;
static u8 buf[IO_BYTES];

/* ---- logins ---- */

static struct conn *open_conn(u16 isid)
{
	struct sess *s = sess_new(isid);
	struct conn *c = conn_try_open(s, env.portal);

	s->any_tag = true;
	if (c)
		return c;
	counts->unreachable++;
	free(s);
	return NULL;
}

static void drop(struct conn *c, bool reset)
{
	struct sess *s = c->sess;

	if (reset)
		conn_reset(c);
	else
		conn_close(c);
	free(s);
}

/* Whether there is an answer; that there is neither that nor a close, dies. */
static bool answered(struct conn *c)
{
	switch (conn_wait(c, ANSWER_MS)) {
	case RECV_TIMEOUT:
		die("nothing within %d ms", ANSWER_MS);
	case RECV_CLOSED:
		counts->closed++;
		return false;
	default:
		return true;
	}
}

static struct conn *log_in(const char *name)
{
	struct conn *c = open_conn(1 + rnd_below(&r, NR_ISIDS));
	struct text t = {};
	struct pdu p;
	bool ok;

	if (!c)
		return NULL;
	login_names(LOGIN(.initiator = name), &t);
	text_add_keys(&t, "DefaultTime2Retain=0 InitialR2T=No MaxRecvDataSegmentLength=65536");
	text_add_raw(&c->offers, t.buf, t.len);
	pdu_login(c, &p, STAGE(OPERATIONAL, FULL_FEATURE), &t);
	conn_send(c, &p);
	free(t.buf);
	ok = answered(c);
	if (ok && login_status(&c->rx) == LOGIN_OK &&
	    c->rx.bhs[BHS_FLAGS] & F_TRANSIT) {
		text_add_raw(&c->answers, c->rx.data, c->rx.data_len);
		login_done(c);
		counts->logins++;
		return c;
	}
	counts->refused++;
	drop(c, false);
	return NULL;
}

/* ---- use ---- */

static void send_command(struct conn *c)
{
	struct scsi io;

	scsi_rw(&io, one_in(&r, 2), lun_peripheral(rnd_below(&r, LUNS)),
		rnd_below(&r, DISK_BLOCKS - IO_BYTES / BLOCK),
		BLOCK << rnd_below(&r, 7), buf);
	io.held = one_in(&r, 3);
	scsi_send(c, &io);
	counts->commands++;
}

static void send_tmf(struct conn *c)
{
	static const u8 functions[] = {
		TMF_ABORT_TASK, TMF_ABORT_TASK_SET, TMF_CLEAR_TASK_SET,
		TMF_LUN_RESET, TMF_LUN_RESET, TMF_WARM_RESET,
	};
	u8 fn = functions[rnd_below(&r, ARRAY_SIZE(functions))];
	struct pdu p;

	pdu_tmf(c, &p, fn, lun_peripheral(rnd_below(&r, LUNS)),
		fn == TMF_ABORT_TASK ? c->sess->itt - 1 - rnd_below(&r, 8) :
		NO_TAG, c->sess->cmd_sn);
	conn_send(c, &p);
	counts->tmfs++;
}

static void answer_r2t(struct conn *c)
{
	struct scsi io = { .out = buf };
	u32 len = min_u32(pdu32(&c->rx, BHS_DDTL), IO_BYTES), n;
	u32 ttt = pdu32(&c->rx, BHS_TTT), at = pdu32(&c->rx, BHS_OFFSET), sn = 0;
	struct pdu p;

	memcpy(&io.lun, c->rx.bhs + BHS_LUN, 8);
	io.lun = be64toh(io.lun);
	io.itt = pdu32(&c->rx, BHS_ITT);
	io.out = buf - at;
	for (; len; len -= n, at += n) {
		n = min_u32(len, c->max_send);
		pdu_data_out(c, &p, &io, ttt, sn++, at, n);
		pdu_data(&p, buf, n);
		if (n < len)
			p.bhs[BHS_FLAGS] = 0;
		conn_send(c, &p);
	}
}

/* Takes what comes; R2Ts are answered, or not. */
static bool take_some(struct conn *c, int ms)
{
	enum recv_result got;

	while ((got = conn_wait(c, ms)) == RECV_PDU) {
		if (pdu_op(&c->rx) == OP_R2T && !one_in(&r, 6))
			answer_r2t(c);
		if (pdu_op(&c->rx) == OP_SCSI_RSP)
			counts->good += !c->rx.bhs[BHS_STATUS];
		if (pdu_op(&c->rx) == OP_DATA_IN)
			counts->good += c->rx.bhs[BHS_FLAGS] & F_STATUS;
	}
	counts->closed += got == RECV_CLOSED;
	return got == RECV_TIMEOUT;
}

static bool use(struct conn *c)
{
	u32 rounds = 1 + rnd_below(&r, 6), n;

	while (rounds--) {
		conn_cork(c);
		for (n = 1 + rnd_below(&r, 8); n; n--)
			send_command(c);
		if (one_in(&r, 3))
			send_tmf(c);
		conn_uncork(c);
		if (!take_some(c, rnd_below(&r, 10)))
			return false;
		/* What was rejected or refused has left no hole. */
		if (!sn_lt(c->sess->cmd_sn, c->sess->max_cmd_sn))
			break;
	}
	return true;
}

/* ---- endings ---- */

/* Answers come first, or the connection ends. */
static void ping_or_closed(struct conn *c)
{
	struct pdu p;
	u32 itt;

	pdu_nop(c, &p, NULL, 0);
	pdu_immediate(c, &p);
	itt = pdu32(&p, BHS_ITT);
	conn_send(c, &p);
	while (answered(c)) {
		if (pdu_op(&c->rx) == OP_R2T)
			answer_r2t(c);
		if (pdu_op(&c->rx) == OP_NOP_IN &&
		    pdu32(&c->rx, BHS_ITT) == itt)
			break;
	}
}

static void log_out(struct conn *c)
{
	struct pdu p;

	pdu_logout(c, &p, 0, c->cid);
	conn_send(c, &p);
	while (answered(c))
		;
}

static void half_close(struct conn *c)
{
	shutdown(c->fd, SHUT_WR);
	while (answered(c))
		;
}

/* How a session ends; the last is left to the next login to end. */
enum ending { END_RST, END_CLOSE, END_FIN, END_LOGOUT, END_MIDDLE, END_STAY,
	      NR_ENDINGS };

static struct conn *left;

static void end_session(struct conn *c)
{
	enum ending how = rnd_below(&r, NR_ENDINGS);

	switch (how) {
	case END_FIN:
		half_close(c);
		break;
	case END_LOGOUT:
		log_out(c);
		break;
	case END_MIDDLE:
		conn_write(c, buf, 1 + rnd_below(&r, BHS_LEN - 1));
		break;
	case END_STAY:
		/* Its nexus comes back while this connection is there. */
		if (left)
			drop(left, one_in(&r, 2));
		left = c;
		return;
	default:
		break;
	}
	drop(c, how == END_RST);
}

static void one_initiator(u32 i, u64 end)
{
	char name[256];
	struct conn *c;

	snprintf(name, sizeof(name), "%s%u", prefix, i);
	rnd_seed(&r, seed, i);
	while (now_ms() < end) {
		c = log_in(name);
		if (!c) {
			/* Nobody there: do not spin. */
			usleep(5000);
			continue;
		}
		if (use(c) && one_in(&r, 2))
			ping_or_closed(c);
		end_session(c);
	}
	if (left)
		drop(left, false);
	exit(0);
}

/* ---- all of them ---- */

static void report(void)
{
	const struct {
		const char *what;
		u64 count;
	} rows[] = {
		{ "logins", counts->logins }, { "refused", counts->refused },
		{ "unreachable", counts->unreachable },
		{ "commands", counts->commands }, { "GOOD", counts->good },
		{ "TMFs", counts->tmfs },
		{ "closed by the target", counts->closed },
	};
	u32 i;

	printf("# seed %llu", (unsigned long long)seed);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		printf(", %s %llu", rows[i].what,
		       (unsigned long long)rows[i].count);
	printf("\n");
}

static int storm(int argc, char **argv)
{
	u64 end = now_ms() + seconds * 1000ULL;
	int bad = 0, status;
	u32 i;

	(void)argc;
	(void)argv;
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die("no memory");
	for (i = 0; i < initiators; i++)
		if (!fork())
			one_initiator(i, end);
	while (wait(&status) > 0)
		bad += status != 0;
	report();
	if (bad)
		printf("# %d initiators saw something wrong\n", bad);
	/* A storm that reaches nothing shows nothing. */
	return bad || counts->logins < initiators || !counts->good;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "initiators", required_argument, NULL, 'i' },
		{ "prefix", required_argument, NULL, 'p' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'i':
			initiators = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			prefix = optarg;
			break;
		default:
			exit(2);
		}
	}
	return env_run(argc, argv, storm);
}
