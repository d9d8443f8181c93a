// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions as text: "key=value", all in one line for <iqn>/sessions/list, a
 * line each in the directory of a session.
 *
 * For a file that is longer than a page configfs asks twice, for the length
 * and for the text, and hands out what it was told the first time.  So numbers
 * that change have a fixed width, and who came between is left out.
 */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/tcp.h>

#include "latency.h"
#include "sessions.h"

static __printf(2, 0) void sessions_vput(struct sessions_out *out,
					 const char *fmt, va_list args)
{
	size_t left = out->buf ? out->size - out->len : 0;
	int n;

	n = vsnprintf(out->buf ? out->buf + out->len : NULL, left, fmt, args);
	/* The last byte may become a NUL: it is a line break, see below. */
	if (out->buf && n > left)
		out->full = true;
	else
		out->len += n;
}

static __printf(2, 3) void sessions_put(struct sessions_out *out,
					const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sessions_vput(out, fmt, args);
	va_end(args);
}

static __printf(3, 4) void sessions_put_value(struct sessions_out *out,
					      const char *key,
					      const char *fmt, ...)
{
	va_list args;

	sessions_put(out, out->lines ? "%s=" : " %s=", key);
	va_start(args, fmt);
	sessions_vput(out, fmt, args);
	va_end(args);
	if (!out->lines)
		return;
	/* The width was for who asks twice. */
	while (out->buf && out->buf[out->len - 1] == ' ')
		out->len--;
	sessions_put(out, "\n");
}

static void sessions_put_keys(struct sessions_out *out,
			      const struct tiscsi_keys *keys,
			      const enum tiscsi_key *ids, size_t nr)
{
	char value[TISCSI_KEY_TEXT];
	int len;

	for (; nr; nr--, ids++) {
		len = tiscsi_key_show(*ids, keys, value);
		sessions_put_value(out, tiscsi_key_name(*ids), "%.*s", len - 1,
				   value);
	}
}

/**
 * tiscsi_sessions_put_info - who a session is, and how it is
 * @out: text in the making
 * @sess: the session
 *
 * Caller holds sess->lock.
 */
void tiscsi_sessions_put_info(struct sessions_out *out,
			      struct tiscsi_sess *sess)
{
	u64 age = div_u64(get_jiffies_64() - sess->created, HZ);

	lockdep_assert_held(&sess->lock);
	sessions_put_value(out, "tpgt", "%u", sess->tpg->tag);
	sessions_put_value(out, "initiator", "%s", sess->initiator_name);
	sessions_put_value(out, "isid", "%6phN", sess->isid);
	sessions_put_value(out, "tsih", "%u", sess->tsih);
	sessions_put_value(out, "state", "%-11s",
			   tiscsi_sess_state_name(sess->state));
	sessions_put_value(out, "acl", "%-8s", tiscsi_sess_is_dynamic(sess) ?
			   "dynamic" : "explicit");
	sessions_put_value(out, "seconds", "%-10llu", age);
	sessions_put_value(out, "connections", "%-2u", sess->nr_conns);
	sessions_put_value(out, "depth", "%u", sess->depth);
	sessions_put_value(out, "tasks", "%-4u", sess->nr_busy);
}

/**
 * tiscsi_sessions_put_counters - what a session has done
 * @out: text in the making
 * @sess: the session
 *
 * Any context.
 */
void tiscsi_sessions_put_counters(struct sessions_out *out,
				  struct tiscsi_sess *sess)
{
	sessions_put_value(out, "commands", "%-20lld",
			   atomic64_read(&sess->cmd_pdus));
	sessions_put_value(out, "responses", "%-20lld",
			   atomic64_read(&sess->rsp_pdus));
	sessions_put_value(out, "read_bytes", "%-20lld",
			   atomic64_read(&sess->tx_octets));
	sessions_put_value(out, "write_bytes", "%-20lld",
			   atomic64_read(&sess->rx_octets));
	sessions_put_value(out, "digest_errors", "%-10d",
			   atomic_read(&sess->conn_digest_errors));
	sessions_put_value(out, "timeouts", "%-10d",
			   atomic_read(&sess->conn_timeout_errors));
}

/**
 * tiscsi_sessions_put_keys - what a session has negotiated
 * @out: text in the making
 * @sess: the session
 *
 * Any context.
 */
void tiscsi_sessions_put_keys(struct sessions_out *out,
			      struct tiscsi_sess *sess)
{
	static const enum tiscsi_key ids[] = {
		KEY_ERL, KEY_MAX_CONNECTIONS, KEY_INITIAL_R2T,
		KEY_IMMEDIATE_DATA, KEY_MAX_BURST, KEY_FIRST_BURST,
		KEY_MAX_R2T, KEY_TIME2WAIT, KEY_TIME2RETAIN,
		KEY_TASK_REPORTING,
	};

	sessions_put_keys(out, &sess->keys, ids, ARRAY_SIZE(ids));
}

/**
 * tiscsi_sessions_put_alias - what the initiator calls itself
 * @out: text in the making
 * @sess: the session
 *
 * Its own words, up to the end of the line, so they are the last ones.  Any
 * context.
 */
void tiscsi_sessions_put_alias(struct sessions_out *out,
			       struct tiscsi_sess *sess)
{
	sessions_put_value(out, "alias", "%s", sess->initiator_alias);
}

static void sessions_put_conn_name(struct sessions_out *out,
				   const struct tiscsi_conn *conn)
{
	sessions_put(out, "connection %u", conn->sess->sid);
	sessions_put_value(out, "cid", "%u", conn->cid);
}

static void sessions_put_histogram(struct sessions_out *out,
				   const struct tiscsi_latency *latency)
{
	char text[TISCSI_LATENCY_TEXT];

	tiscsi_latency_show(latency, text);
	sessions_put_value(out, "latency_us", "%-16llu",
			   READ_ONCE(latency->us));
	sessions_put_value(out, "latency", "%-*s", TISCSI_LATENCY_TEXT - 1,
			   text);
}

/**
 * tiscsi_sessions_put_conn - the line of a connection
 * @out: text in the making
 * @conn: the connection
 *
 * Caller holds sess->lock.
 */
void tiscsi_sessions_put_conn(struct sessions_out *out,
			      const struct tiscsi_conn *conn)
{
	static const enum tiscsi_key ids[] = {
		KEY_HEADER_DIGEST, KEY_DATA_DIGEST, KEY_MAX_RECV_DSL,
		KEY_MAX_XMIT_DSL,
	};
	u32 retransmits = 0;

	lockdep_assert_held(&conn->sess->lock);
	/* Its socket is there as long as it has not left its session. */
	if (!test_bit(CONN_F_DETACHED, &conn->flags))
		retransmits = READ_ONCE(tcp_sk(conn->sock->sk)->total_retrans);
	sessions_put_conn_name(out, conn);
	sessions_put_value(out, "state", "%-16s",
			   tiscsi_conn_state_name(READ_ONCE(conn->state)));
	sessions_put_value(out, "local", "%pISpc", &conn->local_addr);
	sessions_put_value(out, "peer", "%pISpc", &conn->peer_addr);
	sessions_put_value(out, "cpu", "%d", conn->cpu);
	sessions_put_value(out, "tasks", "%-4u", conn->nr_cmds);
	sessions_put_value(out, "retransmits", "%-10u", retransmits);
	sessions_put_keys(out, &conn->keys, ids, ARRAY_SIZE(ids));
	if (out->latency)
		sessions_put_histogram(out, &conn->latency);
	sessions_put(out, "\n");
}

/**
 * tiscsi_sessions_put_latency - how long the commands of a connection took
 * @out: text in the making
 * @conn: the connection
 *
 * Caller holds sess->lock.
 */
void tiscsi_sessions_put_latency(struct sessions_out *out,
				 const struct tiscsi_conn *conn)
{
	sessions_put_conn_name(out, conn);
	sessions_put_histogram(out, &conn->latency);
	sessions_put(out, "\n");
}

/**
 * tiscsi_sessions_put_conns - a line for each connection of a session
 * @out: text in the making; takes only whole lines
 * @sess: the session
 * @put: what is said of each
 *
 * Caller holds sess->lock.
 */
void tiscsi_sessions_put_conns(struct sessions_out *out,
			       struct tiscsi_sess *sess,
			       sessions_put_conn_fn put)
{
	struct tiscsi_conn *conn;
	size_t before;

	lockdep_assert_held(&sess->lock);
	list_for_each_entry(conn, &sess->conns, sess_node) {
		before = out->len;
		put(out, conn);
		if (out->full) {
			out->len = before;
			break;
		}
	}
}

/**
 * tiscsi_sessions_put_sess - the lines of a session and of its connections
 * @out: text in the making; takes all of them, or none
 * @sess: the session
 *
 * Process context.
 */
void tiscsi_sessions_put_sess(struct sessions_out *out,
			      struct tiscsi_sess *sess)
{
	size_t before = out->len;

	spin_lock(&sess->lock);
	sessions_put(out, "session %u", sess->sid);
	tiscsi_sessions_put_info(out, sess);
	tiscsi_sessions_put_counters(out, sess);
	tiscsi_sessions_put_keys(out, sess);
	tiscsi_sessions_put_alias(out, sess);
	sessions_put(out, "\n");
	tiscsi_sessions_put_conns(out, sess, tiscsi_sessions_put_conn);
	spin_unlock(&sess->lock);
	if (out->full)
		out->len = before;
}

/**
 * tiscsi_sessions_end - what a file that is read in two steps returns
 * @out: text in the making
 *
 * Return: its length; if it was to be written, all of the buffer, with empty
 * lines for who has gone since it was measured.
 */
ssize_t tiscsi_sessions_end(struct sessions_out *out)
{
	if (!out->buf)
		return out->len;
	/* The end of the last line is not there yet. */
	out->len -= out->len ? 1 : 0;
	memset(out->buf + out->len, '\n', out->size - out->len);
	return out->size;
}
