// SPDX-License-Identifier: GPL-2.0
/*
 * The target under test: made by setup.sh before the first test of a
 * program, taken down after the last one.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "raw.h"

#define KSFT_SKIP	4

struct env env;

static const struct {
	const char *name;
	const char *value;
	size_t offset;
} variables[] = {
	{ "TISCSI_PORTAL", "127.0.0.1:3260", offsetof(struct env, portal) },
	{ "TISCSI_PORTAL2", "127.0.0.1:3261", offsetof(struct env, portal2) },
	{ "TISCSI_PORTAL6", "[::1]:3260", offsetof(struct env, portal6) },
	{ "TISCSI_TARGET", "iqn.2003-01.org.example:t1",
	  offsetof(struct env, target) },
	{ "TISCSI_DEMO", "iqn.2003-01.org.example:t2",
	  offsetof(struct env, demo) },
	{ "TISCSI_DISABLED", "iqn.2003-01.org.example:t3",
	  offsetof(struct env, disabled) },
	{ "TISCSI_INITIATOR", "iqn.2003-01.org.example:init1",
	  offsetof(struct env, initiator) },
	{ "TISCSI_INITIATOR2", "iqn.2003-01.org.example:init2",
	  offsetof(struct env, initiator2) },
	{ "TISCSI_SMALL", "iqn.2003-01.org.example:small",
	  offsetof(struct env, small) },
	{ "TISCSI_PINGED", "iqn.2003-01.org.example:pinged",
	  offsetof(struct env, pinged) },
	{ "TISCSI_CONFIGFS", "/sys/kernel/config/target/iscsi",
	  offsetof(struct env, configfs) },
};

static void env_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(variables); i++) {
		const char **field = (void *)((char *)&env +
					      variables[i].offset);
		const char *v = getenv(variables[i].name);

		*field = v && *v ? v : variables[i].value;
		setenv(variables[i].name, *field, 1);
	}
}

/**
 * env_setup() - have setup.sh do something
 * @what: its argument
 *
 * It lies beside the program, or where make was called.
 *
 * Return: its exit status.
 */
int env_setup(const char *what)
{
	char exe[PATH_MAX], cmd[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int rc;

	if (n < 0)
		return 1;
	exe[n] = 0;
	snprintf(cmd, sizeof(cmd), "%s/setup.sh", dirname(exe));
	if (access(cmd, X_OK))
		snprintf(cmd, sizeof(cmd), "./setup.sh");
	snprintf(cmd + strlen(cmd), sizeof(cmd) - strlen(cmd), " %s >&2",
		 what);
	rc = system(cmd);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : 1;
}

/**
 * env_stuck() - LUN 7, whose backend can be kept from answering
 * @what: "stuck_up", "stick", "unstick" or "stuck_down"
 *
 * Return: false when this machine cannot have one.
 */
bool env_stuck(const char *what)
{
	int rc = env_setup(what);

	if (rc && rc != KSFT_SKIP)
		die("setup.sh %s: status %d", what, rc);
	return !rc;
}

static bool matches(const char *test, const char *patterns)
{
	char list[1024], *p, *save;

	snprintf(list, sizeof(list), "%s", patterns);
	for (p = strtok_r(list, " ", &save); p; p = strtok_r(NULL, " ", &save))
		if (!fnmatch(p, test, 0))
			return true;
	return false;
}

/**
 * env_wanted() - is a test to be run?
 * @test: its name
 *
 * TISCSI_ONLY and TISCSI_SKIP are lists of shell patterns.
 */
bool env_wanted(const char *test)
{
	const char *only = getenv("TISCSI_ONLY");
	const char *skip = getenv("TISCSI_SKIP");

	return (!only || matches(test, only)) &&
	       !(skip && matches(test, skip));
}

/**
 * env_info_has() - what configfs tells of an initiator's session
 * @initiator: its name
 * @words: any words
 *
 * Return: whether they are in the file "info" of its ACL; false when there is
 * none, because the target is not on this machine.
 */
bool env_info_has(const char *initiator, const char *words)
{
	char path[PATH_MAX], text[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/tpgt_1/acls/%s/info", env.configfs,
		 env.target, initiator);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return strstr(text, words);
}

static bool has_session(const char *initiator)
{
	return env_info_has(initiator, "InitiatorName:");
}

/**
 * acl_set() - write an attribute of an initiator's ACL
 * @initiator: its name
 * @attribute: the file, from the ACL's directory
 */
void acl_set(const char *initiator, const char *attribute, const char *value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/tpgt_1/acls/%s/%s", env.target,
		 initiator, attribute);
	configfs_write(path, value);
}

/*
 * A session whose last connection was lost may wait for another one, which does
 * not come: a new depth of the window ends the sessions of an ACL.
 */
static void end_waiting(const char *initiator)
{
	char path[PATH_MAX], value[16];
	unsigned int depth;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/tpgt_1/acls/%s/cmdsn_depth",
		 env.configfs, env.target, initiator);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%u", &depth) != 1)
		die("%s: %s", path, strerror(errno));
	fclose(f);
	snprintf(value, sizeof(value), "%u", depth - 1);
	acl_set(initiator, "cmdsn_depth", value);
	snprintf(value, sizeof(value), "%u", depth);
	acl_set(initiator, "cmdsn_depth", value);
}

/**
 * env_settle() - wait for the end of the sessions that were used before
 *
 * The loss of a session is a unit attention for the initiator, which must not
 * turn up in the middle of the next session.
 */
void env_settle(void)
{
	const char *const initiators[] = { env.initiator, env.initiator2 };
	u64 end = now_ms() + DEADLINE_MS;
	int i;

	for (i = 0; i < 2; i++) {
		while (has_session(initiators[i])) {
			if (env_info_has(initiators[i], "STATE_FAILED"))
				end_waiting(initiators[i]);
			if (now_ms() > end)
				die("old session of %s does not end",
				    initiators[i]);
			usleep(2000);
		}
	}
}

static void on_abort(int sig)
{
	(void)sig;
	history_print();
}

/**
 * env_run() - run a program's tests with the target they need
 * @argc: of main()
 * @argv: of main()
 * @tests: the harness; it may exit, so it gets a process of its own
 *
 * With TISCSI_NOSETUP set the target is there already.
 *
 * Return: exit status for main().
 */
int env_run(int argc, char **argv, int (*tests)(int argc, char **argv))
{
	bool own = !getenv("TISCSI_NOSETUP");
	int status, rc;
	pid_t pid;

	env_init();
	signal(SIGABRT, on_abort);
	rc = own ? env_setup("up") : 0;
	if (rc) {
		printf("Bail out! setup.sh up failed with status %d\n", rc);
		return rc == KSFT_SKIP ? KSFT_SKIP : 1;
	}
	fflush(stdout);
	pid = fork();
	if (!pid)
		exit(tests(argc, argv));
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		status = 1 << 8;
	if (own && env_setup("down")) {
		printf("# setup.sh down failed\n");
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/**
 * configfs_try() - write an attribute that may be refused
 * @path: below the fabric's directory
 * @value: what to write
 *
 * Return: 0 or errno.
 */
int configfs_try(const char *path, const char *value)
{
	char full[PATH_MAX];
	int fd, err = 0;

	snprintf(full, sizeof(full), "%s/%s", env.configfs, path);
	fd = open(full, O_WRONLY);
	if (fd < 0)
		return errno;
	if (write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		err = errno;
	close(fd);
	return err;
}

/**
 * configfs_write() - write an attribute
 * @path: below the fabric's directory
 * @value: what to write
 */
void configfs_write(const char *path, const char *value)
{
	int err = configfs_try(path, value);

	if (err)
		die("%s to %s: %s", value, path, strerror(err));
}

/**
 * configfs_read() - read an attribute
 * @path: below the fabric's directory
 * @buf: where to; ended with NUL, a line break at its end is dropped
 * @size: its size
 *
 * Return: 0 or errno.
 */
int configfs_read(const char *path, char *buf, size_t size)
{
	char full[PATH_MAX];
	ssize_t n;
	int fd, err;

	snprintf(full, sizeof(full), "%s/%s", env.configfs, path);
	fd = open(full, O_RDONLY);
	if (fd < 0)
		return errno;
	n = read(fd, buf, size - 1);
	err = n < 0 ? errno : 0;
	close(fd);
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n < 0 ? 0 : n] = 0;
	return err;
}

/**
 * klog_open() - the kernel's log, from here on
 *
 * Return: a descriptor for klog_has().
 */
int klog_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || lseek(fd, 0, SEEK_END) < 0)
		die("/dev/kmsg: %s", strerror(errno));
	return fd;
}

/**
 * klog_has() - read on in the kernel's log
 * @fd: from klog_open()
 * @text: what to look for
 *
 * Return: whether a line written since the last call has it.
 */
bool klog_has(int fd, const char *text)
{
	char line[8192];
	bool found = false;
	ssize_t n;

	while ((n = read(fd, line, sizeof(line) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		line[n < 0 ? 0 : n] = 0;
		found |= !!strstr(line, text);
	}
	return found;
}

#define PARAM_PATH	"/sys/module/tcm_iscsi/parameters/%s"

/**
 * param_get() - a parameter of the module
 * @name: its name
 */
u32 param_get(const char *name)
{
	char path[PATH_MAX];
	u32 v = 0;
	FILE *f;

	snprintf(path, sizeof(path), PARAM_PATH, name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%u", &v) != 1)
		die("cannot read %s", path);
	fclose(f);
	return v;
}

/**
 * param_try() - try to set a parameter of the module
 * @name: its name
 * @v: to what
 *
 * Return: 0 or an errno.
 */
int param_try(const char *name, u32 v)
{
	char path[PATH_MAX], text[16];
	int fd, n, err = 0;

	snprintf(path, sizeof(path), PARAM_PATH, name);
	n = snprintf(text, sizeof(text), "%u", v);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, n) != n)
		err = errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/**
 * param_set() - set a parameter of the module
 * @name: its name
 * @v: to what
 */
void param_set(const char *name, u32 v)
{
	int err = param_try(name, v);

	if (err)
		die("%s to %u: %s", name, v, strerror(err));
}

/**
 * env_map_lun() - map a LUN to an initiator, or take it away again
 * @initiator: its name; its ACL is one of @env.target
 * @number: the LUN that it sees
 * @of: the LUN of the portal group that it is
 * @on: map it
 */
void env_map_lun(const char *initiator, u32 number, u32 of, bool on)
{
	char dir[PATH_MAX], link[PATH_MAX + 8], lun[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%s/tpgt_1/acls/%s/lun_%u", env.configfs,
		 env.target, initiator, number);
	snprintf(link, sizeof(link), "%s/lun", dir);
	snprintf(lun, sizeof(lun), "%s/%s/tpgt_1/lun/lun_%u", env.configfs,
		 env.target, of);
	if (on && (mkdir(dir, 0755) || symlink(lun, link)))
		die("%s: %s", dir, strerror(errno));
	if (!on && (unlink(link) || rmdir(dir)))
		die("%s: %s", dir, strerror(errno));
}
