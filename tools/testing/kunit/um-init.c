// SPDX-License-Identifier: GPL-2.0
/*
 * First process of a kernel of ARCH=um: loads the modules named by its
 * arguments, in that order, unloads the last one again, and powers off.
 * Loading runs its KUnit suites.
 */
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0)) {
		perror(path);
		return -1;
	}
	close(fd);
	return 0;
}

static int unload(char *path)
{
	char *name = basename(path);

	*strrchr(name, '.') = '\0';
	if (syscall(SYS_delete_module, name, 0)) {
		perror(name);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int i, bad = 0;

	/* The kernel adds arguments of its own behind ours. */
	for (i = 1; i < argc && *argv[i] == '/' && !bad; i++)
		bad |= load(argv[i]);
	if (!bad)
		bad = i == 1 || unload(argv[i - 1]);
	printf("um-init: %s\n", bad ? "failed" : "done");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
