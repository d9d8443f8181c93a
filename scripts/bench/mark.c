// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: have the plugin record for some milliseconds and print how
 * many I/Os a disk finished meanwhile.
 *
 * usage: mark /sys/block/DISK/stat MILLISECONDS
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

/* Reads and writes finished, fields 1 and 5 of a disk's stat; -1 if unread. */
static long ios_done(int fd)
{
	char text[512];
	long reads, writes;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return -1;
	text[n] = 0;
	if (sscanf(text, "%ld %*d %*d %*d %ld", &reads, &writes) != 2)
		return -1;
	return reads + writes;
}

int main(int argc, char **argv)
{
	struct timespec span = { 0 };
	const struct timespec settle = { .tv_nsec = 5000000 };
	long before, after, ms;
	int fd;

	if (argc != 3)
		return 2;
	ms = strtol(argv[2], NULL, 10);
	span.tv_sec = ms / 1000;
	span.tv_nsec = ms % 1000 * 1000000;
	fd = open(argv[1], O_RDONLY);
	mark_prepare();
	nanosleep(&settle, NULL);
	before = ios_done(fd);
	mark_start();
	nanosleep(&span, NULL);
	mark_stop();
	after = ios_done(fd);
	if (before < 0 || after < 0)
		return 1;
	printf("%ld\n", after - before);
	return 0;
}
