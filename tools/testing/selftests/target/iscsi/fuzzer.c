// SPDX-License-Identifier: GPL-2.0
/*
 * Send a target what no initiator would, and see that it answers properly,
 * goes on serving others, and lets nothing be written that must not be.
 *
 * usage: fuzzer [--seed N] [--pdus N] [--from K] [--to K] [--only PROFILE]
 *
 * Sends PDUs 0 to N-1 of a seed, or those from K to K, of the profiles
 * "login", "session" and "conns", or of one.  Where the target is, is said by
 * the variables of env.c; see drill_fuzz.sh, which makes one.
 */
#include <getopt.h>
#include <signal.h>

#include "fuzz/fuzz.h"

#define FRESH_EVERY	8	/* cases until the canary logs in anew */
#define REPORT_EVERY	10000

struct fuzz_counts counts;

static struct fuzz fuzz;
static int only = -1;

static const char *const profiles[NR_PROFILES] = {
	[FUZZ_LOGIN] = "login", [FUZZ_SESSION] = "session",
	[FUZZ_CONNS] = "conns",
};

static enum profile profile_of(u64 number)
{
	static const u8 turns[] = {
		FUZZ_SESSION, FUZZ_LOGIN, FUZZ_SESSION, FUZZ_CONNS,
		FUZZ_SESSION, FUZZ_SESSION, FUZZ_CONNS, FUZZ_SESSION,
	};

	return turns[number / CASE_PDUS % ARRAY_SIZE(turns)];
}

static void say_where(int sig)
{
	(void)sig;
	printf("# failed at PDU %llu of seed %llu, profile %s; to send it again:\n"
	       "#   fuzzer --seed %llu --from %llu --to %llu\n",
	       (unsigned long long)fuzz.number, (unsigned long long)fuzz.seed,
	       profiles[fuzz.profile], (unsigned long long)fuzz.seed,
	       (unsigned long long)fuzz.first, (unsigned long long)fuzz.number);
	fflush(stdout);
	history_print();
}

static void one_case(void)
{
	u64 end = (fuzz.first / CASE_PDUS + 1) * CASE_PDUS;

	if (end > fuzz.to)
		end = fuzz.to + 1;
	fuzz.number = fuzz.first;
	fuzz.profile = profile_of(fuzz.first);
	fuzz.cold = false;
	if (only < 0 || only == (int)fuzz.profile) {
		if (fuzz.profile == FUZZ_LOGIN)
			login_case(&fuzz, end);
		else
			session_case(&fuzz, end);
		canary_check(fuzz.first / CASE_PDUS % FRESH_EVERY == 0,
			     fuzz.cold);
	}
	fuzz.number = end;
	fuzz.first = end;
}

static void report(u64 start)
{
	static const struct {
		const char *what;
		const u64 *count;
	} rows[] = {
		{ "PDUs", &counts.pdus }, { "sessions", &counts.sessions },
		{ "joined", &counts.joined },
		{ "not joined", &counts.not_joined },
		{ "logins", &counts.logins_ok },
		{ "with CHAP", &counts.authenticated },
		{ "refused", &counts.logins_refused },
		{ "framing lost", &counts.lost },
		{ "dropped", &counts.dropped }, { "GOOD", &counts.good },
		{ "other status", &counts.check },
		{ "Rejects", &counts.rejects }, { "R2Ts", &counts.r2ts },
	};
	u32 i;

	printf("# %llu ms, CRC of what was sent %08x",
	       (unsigned long long)(now_ms() - start), fuzz.sent_crc);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		printf(", %s %llu", rows[i].what,
		       (unsigned long long)*rows[i].count);
	printf("\n");
	fflush(stdout);
}

static int run(int argc, char **argv)
{
	u64 start = now_ms(), next = REPORT_EVERY;

	(void)argc;
	(void)argv;
	signal(SIGABRT, say_where);
	printf("# seed %llu, PDUs %llu to %llu\n",
	       (unsigned long long)fuzz.seed, (unsigned long long)fuzz.from,
	       (unsigned long long)fuzz.to);
	fflush(stdout);
	canary_start();
	fuzz.first = fuzz.from;
	while (fuzz.first <= fuzz.to) {
		one_case();
		if (counts.pdus < next)
			continue;
		next += REPORT_EVERY;
		report(start);
	}
	canary_check(true, false);
	canary_stop();
	report(start);
	return 0;
}

static int profile_named(const char *name)
{
	int i;

	for (i = 0; i < NR_PROFILES; i++)
		if (!strcmp(name, profiles[i]))
			return i;
	fprintf(stderr, "no profile %s\n", name);
	exit(2);
}

static void options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "pdus", required_argument, NULL, 'n' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "only", required_argument, NULL, 'o' },
		{ }
	};
	int c;

	fuzz.seed = now_ms();
	fuzz.to = 9999;
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		u64 n = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (c) {
		case 's':
			fuzz.seed = n;
			break;
		case 'n':
			fuzz.to = n - 1;
			break;
		case 'f':
			fuzz.from = n;
			break;
		case 't':
			fuzz.to = n;
			break;
		case 'o':
			only = profile_named(optarg);
			break;
		default:
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	options(argc, argv);
	return env_run(argc, argv, run);
}
