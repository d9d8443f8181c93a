// SPDX-License-Identifier: GPL-2.0
/*
 * Rows J01 to J03: thousands of connections that do not log in, from
 * thousands of addresses, while a normal initiator logs in all the time.
 *
 * The storm is a process of its own.  What the target closes it opens anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "harness.h"

#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	180

#define PORT		3260
#define NR_MAX		5000
/*
 * What of the storm is closed comes back at this rate, per second: the limit
 * of a portal, or of an address, takes more than a second to fill, which is
 * what a login may take here.
 */
#define REOPEN_RATE	500
#define REOPEN_RATE_OWN	100
#define LOGIN_EVERY_MS	100
#define SECONDS		8
/* login_timeout, and time to close thousands on a slow machine */
#define GONE_MS		(15000 + bound_ms(10000))
#define LAST		STAGE(OPERATIONAL, FULL_FEATURE)

enum kind { IDLE, TRICKLING, GARBAGE, HALF_WAY, NR_KINDS };

/**
 * struct storm - what the two processes know of each other
 * @nr: connections to hold open
 * @own: all from 127.0.0.1, where the honest initiator is, too
 * @greedy: all from one other address
 * @kind: enum kind; NR_KINDS for all of them
 * @calm: open no more
 * @opened: connections made so far
 * @open: of these, not closed by the target yet
 */
struct storm {
	u32 nr;
	bool own, greedy;
	enum kind kind;
	atomic_bool calm;
	atomic_uint opened;
	atomic_uint open;
	pid_t pid;
};

static int slots[NR_MAX];
static u32 free_slots[NR_MAX], nr_free;
static int epoll;

static enum kind kind_of(const struct storm *s, u32 slot)
{
	return s->kind == NR_KINDS ? slot % NR_KINDS : s->kind;
}

static struct sockaddr_in address_of(const struct storm *s, u32 slot)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(s->own ? 0x7f000001 :
				  s->greedy ? 0x7f090909 :
				  0x7f640000 + slot);
	return a;
}

/* One more connection; false if there is none to be had at the moment. */
static bool storm_open(struct storm *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(PORT),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	u32 slot = free_slots[nr_free - 1];
	struct sockaddr_in from = address_of(s, slot);
	int one = 1, fd;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) ||
	    (connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
	     errno != EINPROGRESS)) {
		close(fd);
		return false;
	}
	ev.data.u32 = slot;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
	slots[slot] = fd;
	nr_free--;
	s->opened++;
	s->open++;
	return true;
}

static void storm_closed(struct storm *s, u32 slot)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(slots[slot], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(slots[slot]);
	slots[slot] = -1;
	free_slots[nr_free++] = slot;
	s->open--;
}

/* A first request that asks for nothing: the login does not go on. */
static void half_way(int fd)
{
	static const char names[] =
		"InitiatorName=iqn.2003-01.org.example:storm\0"
		"TargetName=iqn.2003-01.org.example:t2";
	u8 pdu[BHS_LEN + 96] = { OP_LOGIN | OP_IMMEDIATE, STAY(OPERATIONAL) };

	pdu[BHS_DSL + 2] = sizeof(names);
	memcpy(pdu + BHS_LEN, names, sizeof(names));
	send(fd, pdu, BHS_LEN + (sizeof(names) + 3) / 4 * 4, MSG_NOSIGNAL);
}

static void storm_event(struct storm *s, u32 slot, u32 events)
{
	u8 buf[512];
	ssize_t n;

	if (events & EPOLLOUT) {
		switch (kind_of(s, slot)) {
		case GARBAGE:
			fill_pattern(buf, sizeof(buf), s->opened);
			send(slots[slot], buf, sizeof(buf), MSG_NOSIGNAL);
			break;
		case HALF_WAY:
			half_way(slots[slot]);
			break;
		default:
			break;
		}
	}
	do {
		n = recv(slots[slot], buf, sizeof(buf), MSG_DONTWAIT);
	} while (n > 0);
	if (!n || (errno != EAGAIN && errno != EINTR))
		storm_closed(s, slot);
}

/* A byte of a Login Request for those who are slow. */
static void storm_trickle(struct storm *s)
{
	u32 i;

	for (i = 0; i < s->nr; i++)
		if (slots[i] >= 0 && kind_of(s, i) == TRICKLING)
			send(slots[i], "C", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static noreturn void storm_run(struct storm *s)
{
	u64 next_open = now_ms(), next_trickle = now_ms();
	u32 rate = s->own ? REOPEN_RATE_OWN : REOPEN_RATE;
	struct epoll_event ev[256];
	int i, n;

	epoll = epoll_create1(0);
	for (i = 0; i < (int)s->nr; i++) {
		slots[i] = -1;
		free_slots[nr_free++] = s->nr - 1 - i;
	}
	for (;;) {
		if (now_ms() >= next_open) {
			for (n = rate / 20; nr_free && n && !s->calm; n--)
				if (!storm_open(s))
					break;
			next_open = now_ms() + (s->opened < s->nr ? 5 : 50);
		}
		if (now_ms() >= next_trickle) {
			storm_trickle(s);
			next_trickle = now_ms() + 1000;
		}
		n = epoll_wait(epoll, ev, ARRAY_SIZE(ev), 5);
		for (i = 0; i < n; i++)
			if (slots[ev[i].data.u32] >= 0)
				storm_event(s, ev[i].data.u32, ev[i].events);
	}
}

/* Returns when all of it is up, or has been. */
static struct storm *storm_start(struct storm what)
{
	struct rlimit files = { NR_MAX + 1000, NR_MAX + 1000 };
	struct storm *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 end = now_ms() + bound_ms(60000);
	pid_t pid;

	if (s == MAP_FAILED || setrlimit(RLIMIT_NOFILE, &files))
		die("no memory, or no rights");
	*s = what;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		storm_run(s);
	}
	s->pid = pid;
	while (s->opened < s->nr) {
		if (pid < 0 || now_ms() > end)
			die("only %u connections, after %u ms", s->opened,
			    bound_ms(60000));
		usleep(10000);
	}
	return s;
}

static void storm_end(struct storm *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* At most @max of it are open, soon. */
static void storm_is_below(struct storm *s, u32 max, u32 ms)
{
	u64 end = now_ms() + ms;

	while (s->open > max) {
		if (now_ms() > end)
			die("%u connections are open after %u ms", s->open, ms);
		usleep(10000);
	}
}

/* A login every 100 ms; none fails, none takes a second. */
static void logins_go_on(struct storm *s, u32 seconds)
{
	struct login l = { .target = env.demo, .no_ua_check = true,
			   .initiator = "iqn.2003-01.org.example:honest" };
	u64 start = now_ms(), next = start, begin;
	u32 took, worst = 0, nr = 0, sum = 0, before = s->opened;
	struct conn *c;

	while (now_ms() < start + seconds * 1000) {
		begin = now_ms();
		c = login(&l);
		took = now_ms() - begin;
		logout(c);
		conn_close(c);
		nr++;
		sum += took;
		worst = took > worst ? took : worst;
		if (took >= bound_ms(1000))
			die("login %u took %u ms", nr, took);
		next += LOGIN_EVERY_MS;
		if (now_ms() < next)
			usleep((next - now_ms()) * 1000);
	}
	printf("# %u logins: mean %u ms, worst %u ms; storm: %u open, %u more opened\n",
	       nr, sum / nr, worst, s->open, s->opened - before);
	fflush(stdout);
}

static void storm(struct storm what, u32 max)
{
	struct storm *s = storm_start(what);

	logins_go_on(s, SECONDS);
	s->calm = true;
	storm_is_below(s, max, bound_ms(5000));
	/* J01: the timer runs from accept, whatever they do. */
	storm_is_below(s, 0, GONE_MS);
	storm_end(s);
}

TEST(J01_J02_idle_connections_from_5000_addresses)
{
	storm((struct storm) { .nr = 5000, .kind = IDLE },
	      param_get("max_half_open_portal"));
}

TEST(J01_J02_trickling_connections_from_2000_addresses)
{
	storm((struct storm) { .nr = 2000, .kind = TRICKLING },
	      param_get("max_half_open_portal"));
}

TEST(J01_J02_J04_garbage_from_2000_addresses)
{
	storm((struct storm) { .nr = 2000, .kind = GARBAGE },
	      param_get("max_half_open_portal"));
}

TEST(J01_J02_all_kinds_from_5000_addresses)
{
	storm((struct storm) { .nr = 5000, .kind = NR_KINDS },
	      param_get("max_half_open_portal"));
}

/* One address has a share of its own, and pays for its greed alone. */
TEST(J01_one_greedy_address)
{
	storm((struct storm) { .nr = 500, .kind = IDLE, .greedy = true },
	      param_get("max_half_open_source"));
}

/* Behind the same address as the storm: those who log in are never oldest. */
TEST(J01_J02_storm_from_the_address_of_an_honest_initiator)
{
	storm((struct storm) { .nr = 500, .kind = IDLE, .own = true },
	      param_get("max_half_open_source"));
}

/* The limit of all portals; and what is open already when it shrinks. */
TEST(J01_limit_of_all_portals)
{
	u32 old = param_get("max_half_open");
	struct storm *s;

	s = storm_start((struct storm) { .nr = 400, .kind = IDLE });
	param_set("max_half_open", 50);
	logins_go_on(s, 3);
	s->calm = true;
	storm_is_below(s, 50, bound_ms(5000));
	param_set("max_half_open", old);
	storm_end(s);
}

RAW_TEST_MAIN
