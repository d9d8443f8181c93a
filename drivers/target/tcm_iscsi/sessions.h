/* SPDX-License-Identifier: GPL-2.0 */
/* What <iqn>/sessions/list and the directories beside it share. */
#ifndef TISCSI_SESSIONS_H
#define TISCSI_SESSIONS_H

#include "tcm_iscsi.h"

/**
 * struct sessions_out - text in the making
 * @buf: NULL to find out how long it is
 * @size: of @buf
 * @len: of the text, up to @full
 * @full: it did not fit
 * @latency: with histograms
 * @lines: a line for each value, not all of them in one
 */
struct sessions_out {
	char *buf;
	size_t size;
	size_t len;
	bool full;
	bool latency;
	bool lines;
};

typedef void (*sessions_put_sess_fn)(struct sessions_out *out,
				     struct tiscsi_sess *sess);
typedef void (*sessions_put_conn_fn)(struct sessions_out *out,
				     const struct tiscsi_conn *conn);

/* sessions_text.c */
void tiscsi_sessions_put_info(struct sessions_out *out,
			      struct tiscsi_sess *sess);
void tiscsi_sessions_put_counters(struct sessions_out *out,
				  struct tiscsi_sess *sess);
void tiscsi_sessions_put_keys(struct sessions_out *out,
			      struct tiscsi_sess *sess);
void tiscsi_sessions_put_alias(struct sessions_out *out,
			       struct tiscsi_sess *sess);
void tiscsi_sessions_put_sess(struct sessions_out *out,
			      struct tiscsi_sess *sess);
void tiscsi_sessions_put_conn(struct sessions_out *out,
			      const struct tiscsi_conn *conn);
void tiscsi_sessions_put_latency(struct sessions_out *out,
				 const struct tiscsi_conn *conn);
void tiscsi_sessions_put_conns(struct sessions_out *out,
			       struct tiscsi_sess *sess,
			       sessions_put_conn_fn put);
ssize_t tiscsi_sessions_end(struct sessions_out *out);

/**
 * struct sessions_choice - which sessions a command is about, and how
 * @all: all of a target
 * @group: those of the portal group @tag
 * @conn: only the connection @cid of session @sid
 * @seconds: that they have to log out; 0: none
 */
struct sessions_choice {
	bool all;
	bool group;
	bool conn;
	u16 tag;
	u16 cid;
	u32 sid;
	u32 seconds;
};

/* sessions_cfs.c */
int tiscsi_sessions_parse_arg(const char *text, bool timed,
			      struct sessions_choice *choice);
u32 tiscsi_sessions_ask(struct tiscsi_sess *sess,
			const struct sessions_choice *choice);

/* sessions_dir.c */
void tiscsi_sess_dir_add(struct tiscsi_sess *sess);
void tiscsi_sess_dir_del(struct tiscsi_sess *sess);
void tiscsi_sess_dirs_unpin(struct tiscsi_tpg *tpg);
void tiscsi_sess_dirs_exit(void);

#endif /* TISCSI_SESSIONS_H */
