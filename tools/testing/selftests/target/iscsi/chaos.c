// SPDX-License-Identifier: GPL-2.0
/*
 * Initiators at recovery level 2 that write and verify over a bad wire
 * (relay.c), for drill_chaos.sh.
 *
 * usage: chaos --portal ADDRESS:PORT [--seed N] [--seconds N] [--sessions N]
 *              [--prefix NAME] [--log FILE]
 *
 * Each session is a process; its initiator is called NAMEi and has a part of
 * LUN 0 of its own, in records.  A record is written as a whole, one command
 * at a time, each block of it stamped with the generation.  A read must find
 * the generation that was answered last, and never an older one.  In the end
 * all is read once more, over a wire that is good (env.portal).
 *
 * FILE gets a line for each command that has ended: initiator, task tag, and
 * good, again or unsure.
 */
#include <fcntl.h>
#include <getopt.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "recover.h"

#define NR_RECORDS	32
#define RECORD_MAX	65536
#define RETAIN		20
#define LAST_MS		bound_ms(60000)	/* for what is left at the end */

#define KEYS \
	"MaxConnections=4 ErrorRecoveryLevel=2 DefaultTime2Wait=0 " \
	"DefaultTime2Retain=20 MaxBurstLength=32768 FirstBurstLength=16384 "

static const char *const keys[] = {
	KEYS "InitialR2T=Yes ImmediateData=No",
	KEYS "InitialR2T=Yes ImmediateData=Yes",
	KEYS "InitialR2T=No ImmediateData=No",
	KEYS "InitialR2T=No ImmediateData=Yes",
};

/**
 * struct record - a part of the LUN that is written as a whole
 * @sure: generation of the last write that was answered
 * @issued: generation of the last write that was sent
 * @unsure: the last one may have been executed
 */
struct record {
	u32 lba, len;
	u32 sure, issued;
	bool busy, unsure, writing;
	u8 *buf;
};

/* On the disk, at the beginning of each block; a pattern follows. */
struct stamp {
	u32 magic, session, record, block, generation;
};

#define MAGIC	0x7143c4a0

static u64 seed = 1;
static u32 seconds = 30, sessions = 8;
static const char *portal, *log_name;
static const char *prefix = "iqn.2003-01.org.example.drill:chaos";

static u64 (*all_counts)[NR_COUNTS];	/* shared by the processes */
static u32 session;
static struct record records[NR_RECORDS];
static int log_fd = -1;

/* ---- records ---- */

static void fill_block(const struct record *rec, u32 block, u32 generation,
		       u8 *to)
{
	struct stamp s = {
		.magic = MAGIC, .session = session, .record = rec - records,
		.block = block, .generation = generation,
	};

	fill_pattern(to, BLOCK, s.session << 24 ^ s.record << 16 ^ block << 8 ^
		     generation);
	memcpy(to, &s, sizeof(s));
}

static void fill_record(struct record *rec, u32 generation)
{
	u32 i;

	for (i = 0; i < rec->len / BLOCK; i++)
		fill_block(rec, i, generation, rec->buf + i * BLOCK);
}

static void describe(const char *what, const u8 *block)
{
	struct stamp s;

	memcpy(&s, block, sizeof(s));
	fprintf(stderr, "# %s: magic %08x session %u record %u block %u generation %u\n",
		what, s.magic, s.session, s.record, s.block, s.generation);
}

/* All blocks are of one generation, which is a possible one. */
static void check_record(struct record *rec)
{
	u8 want[BLOCK];
	u32 i, generation = rec->sure;
	struct stamp s;

	memcpy(&s, rec->buf, sizeof(s));
	if (rec->unsure && s.magic == MAGIC && s.generation == rec->issued)
		generation = rec->issued;
	for (i = 0; generation && i < rec->len / BLOCK; i++) {
		fill_block(rec, i, generation, want);
		if (!memcmp(want, rec->buf + i * BLOCK, BLOCK))
			continue;
		describe("is", rec->buf + i * BLOCK);
		describe("should be", want);
		die("F05 F20: record %u block %u, generation %u was answered, %u sent",
		    (u32)(rec - records), i, rec->sure, rec->issued);
	}
	rec->sure = generation;
	rec->unsure = false;
}

static void records_init(u32 part)
{
	u32 i;

	for (i = 0; i < NR_RECORDS; i++) {
		records[i].lba = (part * NR_RECORDS + i) * (RECORD_MAX / BLOCK);
		records[i].len = BLOCK << i % 8;
		records[i].buf = malloc(RECORD_MAX);
		if (!records[i].buf)
			die("no memory");
	}
}

/* ---- commands ---- */

static void log_end(const struct rsess *rs, const struct rtask *t,
		    enum rtask_end end)
{
	static const char *const names[] = {
		[RTASK_GOOD] = "good", [RTASK_AGAIN] = "again",
		[RTASK_UNSURE] = "unsure",
	};

	/* The tag as the core's tracepoints have it. */
	if (log_fd >= 0)
		dprintf(log_fd, "%s %#x %s\n", rs->initiator,
			htobe32(t->io.itt), names[end]);
}

static void done(struct rsess *rs, struct rtask *t, enum rtask_end end)
{
	struct record *rec = t->arg;

	log_end(rs, t, end);
	rec->busy = false;
	if (rec->writing && end == RTASK_GOOD)
		rec->sure = rec->issued;
	if (rec->writing && end == RTASK_UNSURE)
		rec->unsure = true;
	if (!rec->writing && end == RTASK_GOOD)
		check_record(rec);
}

/* What is not sure is read before it is written again. */
static void submit(struct rsess *rs)
{
	struct record *rec = &records[rnd_below(&rs->rnd, NR_RECORDS)];
	struct scsi io;

	if (rec->busy)
		return;
	rec->writing = !rec->unsure && (!rec->sure || one_in(&rs->rnd, 2));
	if (rec->writing)
		fill_record(rec, rec->issued + 1);
	scsi_rw(&io, rec->writing, lun_peripheral(0), rec->lba, rec->len,
		rec->buf);
	if (!recover_submit(rs, &io, rec))
		return;
	rec->busy = true;
	rec->issued += rec->writing;
}

static void work(struct rsess *rs)
{
	u64 end = now_ms() + seconds * 1000ULL;

	while (now_ms() < end) {
		submit(rs);
		recover_run(rs, recover_busy(rs) < RECOVER_TASKS ? 0 : 20);
	}
	end = now_ms() + LAST_MS;
	while (recover_busy(rs)) {
		if (now_ms() > end)
			die("F07: %u commands have not ended", recover_busy(rs));
		recover_run(rs, 20);
	}
}

/* As a session of its own, that takes the place of the other one. */
static void verify(const struct rsess *rs, u16 isid)
{
	struct conn *c = login(LOGIN(.initiator = rs->initiator, .isid = isid,
				     .no_ua_check = true));
	u32 i;

	clear_unit_attentions(c, lun_peripheral(0));
	for (i = 0; i < NR_RECORDS; i++) {
		scsi_read(c, lun_peripheral(0), records[i].lba, records[i].buf,
			  records[i].len);
		check_record(&records[i]);
	}
	logout(c);
	conn_close(c);
}

static void one_session(void)
{
	const u16 isid = 1 + session;
	struct rsess rs = { .portal = portal, .retain = RETAIN, .done = done };
	char name[256];

	snprintf(name, sizeof(name), "%s%u", prefix, session);
	rs.initiator = name;
	rs.keys = keys[session % ARRAY_SIZE(keys)];
	rs.counts = all_counts[session];
	rnd_seed(&rs.rnd, seed, session);
	records_init(session);
	recover_init(&rs, isid);
	work(&rs);
	verify(&rs, isid);
	exit(0);
}

/* ---- all of them ---- */

static void report(void)
{
	u32 i, s;
	u64 n;

	for (i = 0; i < NR_COUNTS; i++) {
		for (n = 0, s = 0; s < sessions; s++)
			n += all_counts[s][i];
		printf("%s %llu\n", recover_count_names[i],
		       (unsigned long long)n);
	}
}

static int chaos(int argc, char **argv)
{
	int bad = 0, status;

	(void)argc;
	(void)argv;
	all_counts = mmap(NULL, sessions * sizeof(*all_counts),
			  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);
	if (all_counts == MAP_FAILED)
		die("no memory");
	if (log_name)
		log_fd = open(log_name, O_WRONLY | O_CREAT | O_APPEND, 0644);
	for (session = 0; session < sessions; session++)
		if (!fork())
			one_session();
	while (wait(&status) > 0)
		bad += status != 0;
	report();
	if (bad)
		printf("%d sessions saw something wrong\n", bad);
	return !!bad;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "portal", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "sessions", required_argument, NULL, 'n' },
		{ "prefix", required_argument, NULL, 'i' },
		{ "log", required_argument, NULL, 'l' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'p':
			portal = optarg;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'n':
			sessions = strtoul(optarg, NULL, 0);
			break;
		case 'i':
			prefix = optarg;
			break;
		case 'l':
			log_name = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (!portal)
		exit(2);
	return env_run(argc, argv, chaos);
}
