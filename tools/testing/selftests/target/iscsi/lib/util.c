// SPDX-License-Identifier: GPL-2.0
/*
 * CRC32C, test patterns, and what is printed when a test cannot go on.
 */
#include <time.h>

#include "raw.h"

#define CRC32C_POLY	0x82f63b78U	/* reflected */
#define NR_HISTORY	10

static struct {
	bool used;
	bool sent;
	struct pdu pdu;
	u8 data[16];
} history[NR_HISTORY];
static unsigned int history_next;

/**
 * crc32c() - CRC32C of RFC 7143 13.1
 * @crc: 0, or the result for the bytes before these
 * @data: the bytes
 * @len: how many
 *
 * The digest goes on the wire least significant byte first.
 */
u32 crc32c(u32 crc, const void *data, size_t len)
{
	static u32 table[256];
	const u8 *p = data;
	u32 i, bit;

	if (!table[1]) {
		for (i = 0; i < 256; i++) {
			table[i] = i;
			for (bit = 0; bit < 8; bit++)
				table[i] = table[i] >> 1 ^
					   (table[i] & 1 ? CRC32C_POLY : 0);
		}
	}
	crc = ~crc;
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return ~crc;
}

/**
 * fill_pattern() - bytes that differ from block to block and seed to seed
 * @buf: where to
 * @len: bytes
 * @seed: any number
 */
void fill_pattern(void *buf, size_t len, u32 seed)
{
	u32 x = seed * 2654435761U + 1;
	u8 *p = buf;
	size_t i;

	for (i = 0; i < len; i++) {
		x = x * 1664525U + 1013904223U;
		p[i] = x >> 24;
	}
}

/**
 * now_ms() - monotonic clock in milliseconds
 */
u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/**
 * bound_ms() - how long something may take
 * @ms: milliseconds, with a kernel that is not slowed down
 *
 * $TISCSI_TIME_SCALE is the factor by which everything takes longer here: with
 * a debug kernel on emulated processors, for one.
 */
u32 bound_ms(u32 ms)
{
	const char *scale = getenv("TISCSI_TIME_SCALE");
	int factor = scale ? atoi(scale) : 1;

	return ms * (factor > 1 ? factor : 1);
}

/**
 * soak_or() - how often something is done
 * @soak: times in a long run, which $TISCSI_SOAK asks for
 * @check: times in any other
 */
u32 soak_or(u32 soak, u32 check)
{
	return getenv("TISCSI_SOAK") ? soak : check;
}

/**
 * history_add() - remember a PDU for history_print()
 * @sent: direction
 * @p: the PDU
 */
void history_add(bool sent, const struct pdu *p)
{
	u32 len = p->data_len < sizeof(history[0].data) ?
		  p->data_len : sizeof(history[0].data);

	history[history_next].used = true;
	history[history_next].sent = sent;
	history[history_next].pdu = *p;
	if (p->data && len)
		memcpy(history[history_next].data, p->data, len);
	history_next = (history_next + 1) % NR_HISTORY;
}

static void print_hex(const u8 *p, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		fprintf(stderr, "%s%02x", i % 4 ? "" : " ", p[i]);
}

/**
 * history_print() - print the last PDUs, oldest first
 */
void history_print(void)
{
	unsigned int i, n;

	for (i = 0; i < NR_HISTORY; i++) {
		const struct pdu *p;

		n = (history_next + i) % NR_HISTORY;
		p = &history[n].pdu;
		if (!history[n].used)
			continue;
		fprintf(stderr, "# %s", history[n].sent ? "sent" : "got ");
		print_hex(p->bhs, BHS_LEN);
		if (p->ahs_len) {
			fprintf(stderr, " AHS");
			print_hex(p->ahs, p->ahs_len > 16 ? 16 : p->ahs_len);
		}
		if (p->data_len) {
			fprintf(stderr, " + %u:", p->data_len);
			print_hex(history[n].data,
				  p->data_len > 16 ? 16 : p->data_len);
		}
		fprintf(stderr, "\n");
	}
}

/**
 * die_at() - end the test
 * @where: function that saw it
 * @fmt: what it saw
 */
void die_at(const char *where, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "# %s: ", where);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	abort();
}
