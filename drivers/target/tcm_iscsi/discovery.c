// SPDX-License-Identifier: GPL-2.0
/*
 * Text requests in full feature phase: SendTargets (RFC 7143 appendix C) and
 * the keys that may be negotiated there (clause 6.4).
 *
 * An exchange collects the initiator's text over C bits, makes the whole
 * answer at once and hands it out in pieces as long as the initiator asks.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "recovery.h"
#include "redirect.h"

/* The answer to SendTargets: some 16,000 target names at their longest. */
#define TISCSI_SENDTARGETS_MAX	SZ_4M
/* Room for one TargetAddress line. */
#define TISCSI_ADDRESS_LINE	80

/**
 * struct tiscsi_text_xchg - a text exchange in progress
 * @itt: the tag all its requests have
 * @ttt: what the next request must carry; 0 while text is still collected
 * @in: the initiator's text so far
 * @in_len: bytes of it
 * @out: the whole answer
 * @sent: bytes of it handed out
 */
struct tiscsi_text_xchg {
	itt_t itt;
	u32 ttt;
	char *in;
	u32 in_len;
	struct tiscsi_text out;
	u32 sent;
};

/**
 * tiscsi_text_free - forget the text exchange of a connection
 * @conn: io_work, or after its end
 */
void tiscsi_text_free(struct tiscsi_conn *conn)
{
	struct tiscsi_text_xchg *x = conn->text;

	if (!x)
		return;
	conn->text = NULL;
	kvfree(x->in);
	kvfree(x->out.buf);
	kfree(x);
}

/**
 * tiscsi_text_begin - the header of a Text Request is here
 * @conn: the connection
 *
 * io_work.
 *
 * Return: 0, a Reject reason, -EAGAIN, -ENOMEM.
 */
int tiscsi_text_begin(struct tiscsi_conn *conn)
{
	struct iscsi_text *req = (struct iscsi_text *)&conn->rx.bhs;

	if (req->itt == RESERVED_ITT)
		return REJECT_INVALID;
	if (conn->rx.data_len > TISCSI_TEXT_MAX)
		return ISCSI_REASON_BOOKMARK_NO_RESOURCES;
	/* C35: C and F do not go together. */
	if ((req->flags & ISCSI_FLAG_TEXT_CONTINUE) &&
	    (req->flags & ISCSI_FLAG_CMD_FINAL))
		return ISCSI_REASON_PROTOCOL_ERROR;
	/* C36: only a running exchange has a tag to go on with. */
	if (req->ttt != cpu_to_be32(ISCSI_RESERVED_TAG) &&
	    (!conn->text || conn->text->itt != req->itt ||
	     conn->text->ttt != be32_to_cpu(req->ttt)))
		return REJECT_INVALID;
	return tiscsi_request_task(conn, TISCSI_TEXT_MAX);
}

/* ------------------------------------------------------------------ */
/* SendTargets                                                         */
/* ------------------------------------------------------------------ */

/*
 * One whose network namespace is gone leads nowhere.  Where a wildcard portal of
 * another namespace is, or of another interface, cannot be told from here.
 */
static bool tiscsi_portal_visible(const struct tiscsi_conn *conn,
				  const struct tiscsi_np *np)
{
	if (tiscsi_addr_ifindex(&np->portal->addr))
		return np->portal == conn->portal;
	if (tiscsi_addr_is_any(&np->portal->addr))
		return np->portal->net == conn->portal->net;
	return np->portal->net;
}

/*
 * Row C41; a wildcard portal is known by the address that was used.  The name
 * of the target goes before the first address of it.
 */
static void tiscsi_put_portals(struct tiscsi_conn *conn,
			       struct tiscsi_tpg *tpg, struct tiscsi_text *out,
			       bool *named)
{
	struct tiscsi_np *np;

	list_for_each_entry(np, &tpg->nps, tpg_node) {
		const struct sockaddr_storage *addr = &np->portal->addr;

		if (!tiscsi_portal_visible(conn, np) ||
		    tiscsi_redirect_hides(np))
			continue;
		if (!*named)
			tiscsi_text_put(out, "TargetName", tpg->target->name);
		*named = true;
		tiscsi_put_address(out, tiscsi_addr_is_any(addr) ?
				   &conn->local_addr : addr,
				   tiscsi_addr_port(addr), tpg->tag);
	}
}

static bool tiscsi_tpg_reachable(struct tiscsi_conn *conn,
				 struct tiscsi_tpg *tpg)
{
	bool reachable;

	spin_lock(&tpg->lock);
	reachable = tiscsi_sources_allow(&tpg->sources, &conn->peer_addr);
	spin_unlock(&tpg->lock);
	return reachable;
}

/* May this initiator know of the portal group (rows C39-C41, J07)? */
static bool tiscsi_tpg_visible(struct tiscsi_conn *conn,
			       struct tiscsi_tpg *tpg)
{
	if (!tiscsi_tpg_reachable(conn, tpg))
		return false;
	if (!tpg->active && tpg->attrib.tpg_enabled_sendtargets)
		return false;
	if (tpg->attrib.generate_node_acls || tpg->attrib.demo_mode_discovery)
		return true;
	return target_tpg_has_node_acl(&tpg->se_tpg,
				       conn->sess->initiator_name);
}

static u32 tiscsi_target_lines(struct tiscsi_target *target)
{
	u32 need = sizeof("TargetName=") + TISCSI_NAME_LEN;
	struct tiscsi_tpg *tpg;
	struct tiscsi_np *np;

	list_for_each_entry(tpg, &target->tpgs, node)
		list_for_each_entry(np, &tpg->nps, tpg_node)
			need += TISCSI_ADDRESS_LINE;
	return need;
}

/* Makes room for @need more bytes, within reason. */
static bool tiscsi_text_reserve(struct tiscsi_text *out, u32 need)
{
	u32 cap = clamp_t(u32, 2 * out->cap, out->len + need,
			  TISCSI_SENDTARGETS_MAX);
	char *buf;

	if (out->cap - out->len >= need)
		return true;
	if (out->len + need > TISCSI_SENDTARGETS_MAX)
		return false;
	buf = kvmalloc(cap, TISCSI_GFP_PEER);
	if (!buf)
		return false;
	memcpy(buf, out->buf, out->len);
	kvfree(out->buf);
	out->buf = buf;
	out->cap = cap;
	return true;
}

static void tiscsi_put_target(struct tiscsi_conn *conn,
			      struct tiscsi_target *target,
			      struct tiscsi_text *out)
{
	bool named = false;
	struct tiscsi_tpg *tpg;

	if (!tiscsi_text_reserve(out, tiscsi_target_lines(target)))
		return;
	list_for_each_entry(tpg, &target->tpgs, node)
		if (tiscsi_tpg_visible(conn, tpg))
			tiscsi_put_portals(conn, tpg, out, &named);
}

/* Answers one SendTargets; false where it must not be served (row C39). */
static bool tiscsi_send_targets(struct tiscsi_conn *conn, char *value,
				struct tiscsi_text *out)
{
	bool all = !strcmp(value, "All"), own = !*value;
	const char *name = value;
	struct tiscsi_target *target;

	if (all && !conn->sess->discovery)
		return false;
	if (own && conn->sess->discovery)
		return false;
	if (own)
		name = conn->tpg->target->name;
	else if (!all && tiscsi_name_normalise(value))
		return false;
	/* C39: a normal session learns of its own target only. */
	if (!conn->sess->discovery && strcmp(name, conn->tpg->target->name))
		return true;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(target, &tiscsi_targets, node)
		if (all || !strcmp(target->name, name))
			tiscsi_put_target(conn, target, out);
	mutex_unlock(&tiscsi_config_lock);
	return true;
}

/* ------------------------------------------------------------------ */
/* the exchange                                                        */
/* ------------------------------------------------------------------ */

/* Works on the whole text of an exchange; 0 or a Reject reason. */
static int tiscsi_text_answer(struct tiscsi_conn *conn,
			      struct tiscsi_text_xchg *x)
{
	struct tiscsi_text_iter it;
	struct tiscsi_nego *nego;
	char *key, *value;
	int ret;

	nego = kmalloc(sizeof(*nego), GFP_KERNEL);
	if (!nego)
		return ISCSI_REASON_BOOKMARK_NO_RESOURCES;
	tiscsi_nego_init(nego);
	nego->phase = PHASE_FFP;
	nego->discovery = conn->sess->discovery;
	nego->keys = conn->keys;
	/* Nothing that may change here depends on the portal group. */
	nego->local = NULL;

	tiscsi_text_iter_init(&it, x->in, x->in_len);
	while ((ret = tiscsi_text_next(&it, &key, &value)) > 0) {
		ret = tiscsi_nego_pair(nego, key, value, &x->out);
		if (ret == TISCSI_KEY_SENDTARGETS &&
		    tiscsi_send_targets(conn, value, &x->out))
			ret = 0;
		if (ret)
			break;
	}
	if (!ret)
		ret = tiscsi_nego_finish(nego);
	/* C38: only now, and only as a whole. */
	if (!ret) {
		conn->keys = nego->keys;
		conn->max_xmit_dsl = round_down(conn->keys.v[KEY_MAX_XMIT_DSL], 4);
	}
	kfree(nego);
	return ret ? ISCSI_REASON_PROTOCOL_ERROR : 0;
}

static struct tiscsi_text_xchg *tiscsi_text_start(struct tiscsi_conn *conn,
						  itt_t itt)
{
	struct tiscsi_text_xchg *x;

	tiscsi_text_free(conn);
	x = kzalloc(sizeof(*x), GFP_KERNEL);
	if (!x)
		return NULL;
	x->itt = itt;
	conn->text = x;
	return x;
}

static int tiscsi_text_collect(struct tiscsi_text_xchg *x,
			       struct tiscsi_cmd *cmd)
{
	char *in;

	if (x->in_len + cmd->payload_len > TISCSI_TEXT_MAX)
		return -EMSGSIZE;
	in = kvmalloc(x->in_len + cmd->payload_len + 1, TISCSI_GFP_PEER);
	if (!in)
		return -ENOMEM;
	memcpy(in, x->in, x->in_len);
	memcpy(in + x->in_len, cmd->payload, cmd->payload_len);
	kvfree(x->in);
	x->in = in;
	x->in_len += cmd->payload_len;
	return 0;
}

static int tiscsi_text_make_answer(struct tiscsi_conn *conn,
				   struct tiscsi_text_xchg *x)
{
	x->out.buf = kvmalloc(TISCSI_LOGIN_PDU_LEN, TISCSI_GFP_PEER);
	if (!x->out.buf)
		return ISCSI_REASON_BOOKMARK_NO_RESOURCES;
	x->out.cap = TISCSI_LOGIN_PDU_LEN;
	return tiscsi_text_answer(conn, x);
}

/* The next step of an exchange; 0 with an answer queued, or a Reject reason. */
static int tiscsi_text_step(struct tiscsi_cmd *cmd)
{
	struct iscsi_text *req = (struct iscsi_text *)&cmd->hdr;
	struct tiscsi_conn *conn = cmd->conn;
	struct tiscsi_text_xchg *x = conn->text;

	/* C35: one request at a time; its answer still has our text. */
	if (conn->text_busy)
		return ISCSI_REASON_PROTOCOL_ERROR;
	if (req->ttt == cpu_to_be32(ISCSI_RESERVED_TAG))
		x = tiscsi_text_start(conn, cmd->itt);
	if (!x)
		return ISCSI_REASON_BOOKMARK_NO_RESOURCES;
	/* B15: while our answer goes out in pieces, requests are empty. */
	if (x->out.buf)
		return cmd->payload_len ? ISCSI_REASON_PROTOCOL_ERROR : 0;

	if (tiscsi_text_collect(x, cmd))
		return ISCSI_REASON_BOOKMARK_NO_RESOURCES;
	if (req->flags & ISCSI_FLAG_TEXT_CONTINUE)
		return 0;
	return tiscsi_text_make_answer(conn, x);
}

/**
 * tiscsi_text_exec - a Text Request's turn has come
 * @cmd: its task; the payload is its text
 *
 * io_work.
 */
void tiscsi_text_exec(struct tiscsi_cmd *cmd)
{
	struct tiscsi_conn *conn = cmd->conn;
	int reason = tiscsi_text_step(cmd);

	if (reason) {
		if (!conn->text_busy)
			tiscsi_text_free(conn);
		tiscsi_reject_task(cmd, reason);
		return;
	}
	conn->text_busy = true;
	tiscsi_request_answer(cmd, TX_TEXT);
}

/**
 * tiscsi_text_sent - a Text Response is out
 * @conn: the connection
 *
 * io_work.
 */
void tiscsi_text_sent(struct tiscsi_conn *conn)
{
	conn->text_busy = false;
	if (conn->text->ttt == ISCSI_RESERVED_TAG)
		tiscsi_text_free(conn);
}

/*
 * Above level 0 an answer is kept until it is acknowledged, when the exchange
 * may be over; without memory for that it goes out once more without its text.
 */
static void tiscsi_text_keep(struct tiscsi_cmd *cmd, const u8 *text, u32 len,
			     u8 flags, u32 ttt)
{
	kvfree(cmd->payload);
	cmd->payload = kvmalloc(max(len, 1U), TISCSI_GFP_PEER);
	cmd->payload_len = cmd->payload ? len : 0;
	if (cmd->payload)
		memcpy(cmd->payload, text, len);
	cmd->response = flags;
	cmd->ttt = ttt;
}

static int tiscsi_build_text_again(struct tiscsi_conn *conn,
				   struct tiscsi_cmd *cmd)
{
	struct iscsi_text_rsp *rsp;

	rsp = tiscsi_tx_hdr(conn, ISCSI_OP_TEXT_RSP, cmd->response);
	rsp->itt = cmd->itt;
	rsp->ttt = cpu_to_be32(cmd->ttt);
	tiscsi_stamp(conn, rsp, STAMP_STATUS);
	conn->tx.data = cmd->payload;
	conn->tx.data_len = cmd->payload_len;
	conn->tx.last = true;
	return TX_BUILT;
}

/**
 * tiscsi_build_text - lay out a Text Response (rows C35-C37, C42)
 * @conn: the connection
 * @cmd: the request's task
 *
 * Return: TX_BUILT. io_work.
 */
int tiscsi_build_text(struct tiscsi_conn *conn, struct tiscsi_cmd *cmd)
{
	struct iscsi_text *req = (struct iscsi_text *)&cmd->hdr;
	struct tiscsi_text_xchg *x = conn->text;
	struct iscsi_text_rsp *rsp;
	u32 len;
	bool final;

	if (tiscsi_kept_again(cmd))
		return tiscsi_build_text_again(conn, cmd);
	len = min(x->out.len - x->sent, conn->max_xmit_dsl);
	final = x->out.buf && x->sent + len == x->out.len &&
		(req->flags & ISCSI_FLAG_CMD_FINAL);

	rsp = tiscsi_tx_hdr(conn, ISCSI_OP_TEXT_RSP,
			    final ? ISCSI_FLAG_CMD_FINAL : 0);
	if (x->sent + len < x->out.len)
		rsp->flags |= ISCSI_FLAG_TEXT_CONTINUE;
	rsp->itt = cmd->itt;
	x->ttt = final ? ISCSI_RESERVED_TAG : tiscsi_new_ttt(conn->sess);
	rsp->ttt = cpu_to_be32(x->ttt);
	tiscsi_cmd_retire(cmd);
	tiscsi_stamp(conn, rsp, STAMP_STATUS);
	if (cmd->sess->erl)
		tiscsi_text_keep(cmd, x->out.buf + x->sent, len, rsp->flags,
				 x->ttt);
	conn->tx.data = x->out.buf + x->sent;
	conn->tx.data_len = len;
	x->sent += len;
	conn->tx.last = true;
	conn->tx.then = TX_THEN_TEXT;
	return TX_BUILT;
}
