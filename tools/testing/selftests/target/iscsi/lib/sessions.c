// SPDX-License-Identifier: GPL-2.0
/*
 * <iqn>/sessions in configfs: the list, and the directories of sessions.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "sessions.h"

#define LIST_MAX	(4 << 20)

/**
 * list_read() - the list of the sessions of a target
 * @target: its name
 */
char *list_read(const char *target)
{
	static char buf[LIST_MAX];
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sessions/list", target);
	if (configfs_read(path, buf, sizeof(buf)))
		die("%s: %s", path, strerror(errno));
	return buf;
}

/**
 * list_line() - the line that begins with @kind and has @words
 * @list: cut into lines by this
 * @kind: its first characters
 * @words: "" for any
 */
char *list_line(char *list, const char *kind, const char *words)
{
	char *line, *save;

	for (line = strtok_r(list, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, kind, strlen(kind)) && strstr(line, words))
			return line;
	return NULL;
}

/**
 * list_count() - how many lines begin so
 * @list: not cut into lines
 * @kind: their first characters
 */
u32 list_count(const char *list, const char *kind)
{
	size_t len = strlen(kind);
	u32 nr = 0;

	while (list && *list) {
		nr += !strncmp(list, kind, len);
		list = strchr(list, '\n');
		list += list ? 1 : 0;
	}
	return nr;
}

/**
 * value_of() - a value of a line, "key=value"
 * @line: of the list
 * @key: must be there
 *
 * Valid until the next call.
 */
const char *value_of(const char *line, const char *key)
{
	static char value[256];
	char word[64];
	const char *at;

	snprintf(word, sizeof(word), " %s=", key);
	at = strstr(line, word);
	if (!at)
		die("no %s in \"%s\"", key, line);
	at += strlen(word);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, " "), at);
	return value;
}

/**
 * number_of() - value_of() as a number
 * @line: of the list
 * @key: must be there
 */
u64 number_of(const char *line, const char *key)
{
	return strtoull(value_of(line, key), NULL, 10);
}

/**
 * session_of() - the line of a session
 * @c: a connection of it
 * @target: its target
 *
 * Return: NULL if it is not in the list.
 */
char *session_of(const struct conn *c, const char *target)
{
	char words[64];
	const u8 *i = c->sess->isid;

	snprintf(words, sizeof(words), " isid=%02x%02x%02x%02x%02x%02x ", i[0],
		 i[1], i[2], i[3], i[4], i[5]);
	return list_line(list_read(target), "session ", words);
}

/**
 * sid_in() - the number of a session
 * @c: a connection of it
 * @target: its target
 */
u32 sid_in(const struct conn *c, const char *target)
{
	char *line = session_of(c, target);

	if (!line)
		die("session is not in the list");
	return strtoul(line + strlen("session "), NULL, 10);
}

/**
 * sid_of() - the number of a session of the first target
 * @c: a connection of it
 */
u32 sid_of(const struct conn *c)
{
	return sid_in(c, env.target);
}

/**
 * wait_gone() - wait until a session is not in the list
 * @c: what was a connection of it
 */
void wait_gone(const struct conn *c)
{
	u64 end = now_ms() + DEADLINE_MS;

	while (session_of(c, env.target)) {
		if (now_ms() > end)
			die("session is still in the list");
		usleep(2000);
	}
}

/**
 * wait_tasks() - wait until a session has so many slots in use
 * @c: a connection of it
 * @nr: how many
 */
void wait_tasks(const struct conn *c, u64 nr)
{
	u64 end = now_ms() + DEADLINE_MS;

	while (number_of(session_of(c, env.target), "tasks") != nr) {
		if (now_ms() > end)
			die("not %llu tasks", (unsigned long long)nr);
		usleep(2000);
	}
}

/**
 * dir_path() - path of a file in the directory of a session
 * @path: PATH_MAX bytes
 * @target: of the session
 * @sid: its number
 * @file: "" for the directory
 */
void dir_path(char *path, const char *target, u32 sid, const char *file)
{
	snprintf(path, PATH_MAX, "%s/%s/sessions/%u/%s", env.configfs, target,
		 sid, file);
}

/**
 * wait_dir() - directories come and go a little after the sessions
 * @target: of the session
 * @sid: its number
 * @there: what is waited for
 */
void wait_dir(const char *target, u32 sid, bool there)
{
	u64 end = now_ms() + DEADLINE_MS;
	char path[PATH_MAX];

	dir_path(path, target, sid, "");
	while (!access(path, F_OK) != there) {
		if (now_ms() > end)
			die("%s is%s there", path, there ? " not" : "");
		usleep(2000);
	}
}

/**
 * read_at() - all of a file
 * @dir: where it is
 * @name: its name
 * @buf: DIR_FILE_MAX bytes
 *
 * Return: its length, or -errno.
 */
int read_at(int dir, const char *name, char *buf)
{
	int fd = openat(dir, name, O_RDONLY), len = 0, n;

	if (fd < 0)
		return -errno;
	/* configfs gives all that fits. */
	n = read(fd, buf, DIR_FILE_MAX - 1);
	len = n < 0 ? -errno : n;
	close(fd);
	buf[n < 0 ? 0 : n] = 0;
	return len;
}

/**
 * dir_read() - all of a file in the directory of a session
 * @target: of the session
 * @sid: its number
 * @file: must be there
 *
 * Valid until the fourth call from here.
 */
char *dir_read(const char *target, u32 sid, const char *file)
{
	static char bufs[4][DIR_FILE_MAX];
	static u32 turn;
	char path[PATH_MAX], *buf = bufs[turn++ % 4];
	int err;

	dir_path(path, target, sid, file);
	err = read_at(AT_FDCWD, path, buf);
	if (err < 0)
		die("%s: %s", path, strerror(-err));
	return buf;
}

/**
 * dirs_read() - read all directories of sessions, some of which go meanwhile
 * @target: whose sessions
 * @lists: first look up what is in each of them
 *
 * Return: how many were read to the end.
 */
u32 dirs_read(const char *target, bool lists)
{
	static const char *const files[] = {
		"info", "keys", "counters", "connections", "latency" };
	char path[PATH_MAX], name[320], buf[DIR_FILE_MAX];
	struct dirent *e, *f;
	int err, dir;
	u32 i, nr = 0;
	DIR *d, *in;

	snprintf(path, sizeof(path), "%s/%s/sessions", env.configfs, target);
	d = opendir(path);
	if (!d)
		die("%s: %s", path, strerror(errno));
	dir = dirfd(d);
	while ((e = readdir(d))) {
		if (!isdigit(e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/%s/sessions/%s", env.configfs,
			 target, e->d_name);
		in = lists ? opendir(path) : NULL;
		for (f = NULL; in && (f = readdir(in));)
			if (strlen(f->d_name) > 16)
				die("%s in %s", f->d_name, path);
		if (in)
			closedir(in);
		for (i = 0, err = 0; i < ARRAY_SIZE(files) && err >= 0; i++) {
			snprintf(name, sizeof(name), "%s/%s", e->d_name,
				 files[i]);
			err = read_at(dir, name, buf);
			if (err < 0 && err != -ENOENT)
				die("%s: %s", name, strerror(-err));
		}
		nr += err >= 0;
	}
	closedir(d);
	return nr;
}

/**
 * expect_dropped() - what follows when it did not log out in time
 * @c: a connection of the session
 */
void expect_dropped(struct conn *c)
{
	recv_async(c, ASYNC_DROP_SESSION);
	expect_closed(c);
}

/**
 * come_and_go() - a process that logs in and out until it is killed
 */
pid_t come_and_go(void)
{
	pid_t pid = fork();

	while (!pid) {
		struct conn *c = login(LOGIN(.portal = env.portal2,
					     .no_ua_check = true));

		logout(c);
		conn_close(c);
	}
	return pid;
}
