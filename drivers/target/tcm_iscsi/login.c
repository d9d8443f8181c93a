// SPDX-License-Identifier: GPL-2.0
/*
 * The login phase (RFC 7143 clause 6), one more state of the same connection:
 * each request is worked on when it is whole, in io_work, and answered by one
 * response; nothing waits but the login itself, for a session it replaces.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/slab.h>

#include "login.h"
#include "redirect.h"

/* B20: more requests than anybody needs, fewer than do harm. */
#define TISCSI_LOGIN_ROUNDS	64
/* J01: text of one whole request, from somebody of whom we know nothing. */
#define TISCSI_EARLY_TEXT_MAX	(2 * TISCSI_LOGIN_PDU_LEN)
/* Seconds that a login waits for the session that it replaces. */
#define TISCSI_REINSTATE_WAIT	5

/* Bytes: keys of ours, names, the longest challenge in hex. */
#define LOGIN_OWN_TEXT		3584

#define STAGE_SECURITY		0
#define STAGE_OPERATIONAL	1
#define STAGE_FULL_FEATURE	3

static u8 login_csg(u8 flags)
{
	return (flags & ISCSI_FLAG_LOGIN_CURRENT_STAGE_MASK) >> 2;
}

static u8 login_nsg(u8 flags)
{
	return flags & ISCSI_FLAG_LOGIN_NEXT_STAGE_MASK;
}

static void login_stop_waiting(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;

	login->waiting = false;
	if (login->join) {
		tiscsi_sess_stop_waiting(login->join, conn);
		return;
	}
	spin_lock(&conn->tpg->lock);
	list_del_init(&conn->wait_node);
	spin_unlock(&conn->tpg->lock);
}

/**
 * tiscsi_login_free - forget the login of a connection
 * @conn: io_work, or after its end; may have none
 */
void tiscsi_login_free(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;

	if (!login)
		return;
	if (login->waiting)
		login_stop_waiting(conn);
	conn->login = NULL;
	if (login->chap) {
		if (login->auth_done && conn->sess)
			tiscsi_challenge_keep(&conn->challenge, login->chap);
		tiscsi_chap_free(login->chap);
		kfree_sensitive(login->chap);
	}
	tiscsi_creds_put(login->creds);
	if (login->join)
		tiscsi_sess_put(login->join);
	kvfree(login->text);
	kvfree(login->out.buf);
	kfree_sensitive(login);
}

/* ------------------------------------------------------------------ */
/* responses                                                           */
/* ------------------------------------------------------------------ */

/* The response is laid out when the transmit side comes to it. */
static void login_respond(struct tiscsi_conn *conn, u8 flags)
{
	conn->login->rsp_flags = flags;
	conn->login->rsp_ready = true;
	/* B04: the next request is looked at when this is answered. */
	set_bit(CONN_F_RX_HOLD, &conn->flags);
}

/* Ends the login, maybe because it is to go on elsewhere (row B31). */
static void login_fail(struct tiscsi_conn *conn, u16 status)
{
	struct tiscsi_login *login = conn->login;
	bool moved = status >> 8 == ISCSI_STATUS_CLS_REDIRECT;

	if (!moved)
		pr_warn_ratelimited("%pISpc: login of \"%s\" to \"%s\" failed, status 0x%04x%s%s\n",
				    &conn->peer_addr, login->peeked_initiator,
				    login->peeked_target, status,
				    login->why ? ": " : "", login->why ?: "");
	if (conn->tpg)
		tiscsi_stat_login(conn->tpg->target, status, &conn->peer_addr,
				  login->peeked_initiator);
	login->status = status;
	login->out.len = 0;
	login->out_sent = 0;
	if (moved)
		tiscsi_put_address(&login->out, &login->moved_to,
				   tiscsi_addr_port(&login->moved_to), -1);
	login_respond(conn, 0);
}

/**
 * tiscsi_login_build - lay out a Login Response, if one is due
 * @conn: in its login phase
 *
 * io_work.
 *
 * Return: whether there was one.
 */
bool tiscsi_login_build(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	struct iscsi_login_rsp *rsp;

	if (!login->rsp_ready)
		return false;
	login->rsp_ready = false;

	rsp = tiscsi_tx_hdr(conn, ISCSI_OP_LOGIN_RSP, login->rsp_flags);
	memcpy(rsp->isid, login->isid, sizeof(rsp->isid));
	rsp->tsih = login->tsih;
	/* B07: the final response of a new session names it. */
	if (conn->sess)
		rsp->tsih = cpu_to_be16(conn->sess->tsih);
	rsp->itt = login->itt;
	rsp->status_class = login->status >> 8;
	rsp->status_detail = login->status & 0xff;
	tiscsi_stamp(conn, rsp, STAMP_STATUS);

	conn->tx.data = login->out.buf + login->out_sent;
	conn->tx.data_len = min_t(u32, login->out.len - login->out_sent,
				  TISCSI_LOGIN_PDU_LEN);
	login->out_sent += conn->tx.data_len;
	conn->tx.then = TX_THEN_LOGIN;
	return true;
}

/**
 * tiscsi_login_sent - a Login Response is out
 * @conn: in its login phase
 *
 * io_work.
 */
void tiscsi_login_sent(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;

	if (login->status) {
		tiscsi_conn_finish(conn, CLOSE_LOGIN_FAILED);
		return;
	}
	/* J01: nothing is kept for those who take their time. */
	if (login->out_sent == login->out.len) {
		kvfree(login->out.buf);
		login->out = (struct tiscsi_text) {};
		login->out_sent = 0;
	}
	/* The next request may be waiting in the socket. */
	clear_bit(CONN_F_RX_HOLD, &conn->flags);
	tiscsi_conn_look(conn, conn->sock->sk);
	if (conn->sess)
		tiscsi_conn_logged_in(conn);
}

/* Answers with what is in login->out, in as many responses as it takes. */
static void login_answer(struct tiscsi_conn *conn, bool transit)
{
	struct tiscsi_login *login = conn->login;
	u8 flags = login->flags & ISCSI_FLAG_LOGIN_CURRENT_STAGE_MASK;

	if (login->out.len - login->out_sent > TISCSI_LOGIN_PDU_LEN) {
		login_respond(conn, flags | ISCSI_FLAG_LOGIN_CONTINUE);
		return;
	}
	if (transit) {
		flags |= ISCSI_FLAG_LOGIN_TRANSIT | login_nsg(login->flags);
		login->stage = login_nsg(login->flags);
	}
	login_respond(conn, flags);
}

/* ------------------------------------------------------------------ */
/* who wants to talk to whom                                           */
/* ------------------------------------------------------------------ */

/* The value of a key in text that has not been taken apart yet, or NULL. */
static const char *login_peek(const struct tiscsi_login *login,
			      const char *key)
{
	const char *pos = login->text, *end = pos + login->text_len;
	size_t len = strlen(key);

	while (pos < end) {
		size_t n = strnlen(pos, end - pos);

		if (pos + n == end)
			return NULL;
		if (n > len && !memcmp(pos, key, len) && pos[len] == '=')
			return pos + len + 1;
		pos += n + 1;
	}
	return NULL;
}

static struct tiscsi_target *login_find_target(const char *name)
{
	struct tiscsi_target *target;

	lockdep_assert_held(&tiscsi_config_lock);
	list_for_each_entry(target, &tiscsi_targets, node)
		if (!strcmp(target->name, name))
			return target;
	return NULL;
}

/* The portal group that has both the target and the portal (row B23). */
static u16 login_find_tpg(struct tiscsi_conn *conn, const char *name)
{
	struct tiscsi_target *target;
	u16 status = LOGIN_NOT_FOUND;
	struct tiscsi_np *np;

	mutex_lock(&tiscsi_config_lock);
	target = login_find_target(name);
	if (target) {
		list_for_each_entry(np, &conn->portal->nps, portal_node) {
			if (np->tpg->target != target)
				continue;
			status = LOGIN_SERVICE_UNAVAILABLE;
			if (np->tpg->active && tiscsi_tpg_get(np->tpg)) {
				WRITE_ONCE(conn->tpg, np->tpg);
				status = 0;
			}
			break;
		}
		/* Without a portal group login_fail() does not know it. */
		if (status)
			tiscsi_stat_login(target, status, &conn->peer_addr,
					  conn->login->peeked_initiator);
	}
	mutex_unlock(&tiscsi_config_lock);
	return status;
}

/* Once a login: configuration may change while it lasts. */
static void login_copy_auth(struct tiscsi_login *login,
			    const struct tiscsi_auth *auth,
			    struct tiscsi_creds **creds)
{
	spin_lock(&tiscsi_auth_lock);
	login->auth = *auth;
	if (creds)
		login->creds = tiscsi_creds_get(*creds);
	spin_unlock(&tiscsi_auth_lock);
}

static bool login_source_allowed(struct tiscsi_conn *conn)
{
	struct tiscsi_tpg *tpg = conn->tpg;
	bool allowed;

	spin_lock(&tpg->lock);
	allowed = tiscsi_sources_allow(&tpg->sources, &conn->peer_addr);
	spin_unlock(&tpg->lock);
	if (!allowed)
		conn->login->why = "not from this address";
	return allowed;
}

/* The ACL's word on authentication goes before the portal group's. */
static u16 login_authorize(struct tiscsi_conn *conn, char *initiator)
{
	struct tiscsi_login *login = conn->login;
	struct tiscsi_tpg *tpg = conn->tpg;
	struct se_node_acl *se_nacl;
	struct tiscsi_nacl *nacl;
	s32 authentication = -1;

	if (!login_source_allowed(conn))
		return LOGIN_FORBIDDEN;
	se_nacl = core_tpg_get_initiator_node_acl(&tpg->se_tpg, initiator);
	if (!se_nacl && !tpg->attrib.generate_node_acls)
		return LOGIN_FORBIDDEN;
	if (se_nacl && !se_nacl->dynamic_node_acl) {
		nacl = to_tiscsi_nacl(se_nacl);
		login_copy_auth(login, &nacl->auth, NULL);
		authentication = nacl->attrib.authentication;
	} else {
		login_copy_auth(login, &tpg->auth, &tpg->creds);
		login->shared = true;
	}
	if (se_nacl)
		target_put_nacl(se_nacl);
	login->auth_needed = authentication >= 0 ? authentication :
			     tpg->attrib.authentication;
	return 0;
}

/* B28: is the session there, but with another portal group? */
static bool login_session_elsewhere(struct tiscsi_conn *conn,
				    const char *initiator)
{
	struct tiscsi_login *login = conn->login;
	struct tiscsi_sess *sess;
	struct tiscsi_tpg *tpg;
	bool found = false;

	mutex_lock(&tiscsi_config_lock);
	list_for_each_entry(tpg, &conn->tpg->target->tpgs, node) {
		sess = tiscsi_sess_find(tpg, initiator, login->isid);
		if (!sess)
			continue;
		if (cpu_to_be16(sess->tsih) == login->tsih &&
		    READ_ONCE(sess->state) != SESS_FREE)
			found = true;
		tiscsi_sess_put(sess);
	}
	mutex_unlock(&tiscsi_config_lock);
	return found;
}

static u16 login_join_status(int err)
{
	return err == -EMFILE ? LOGIN_TOO_MANY_CONNS : LOGIN_NO_SESSION;
}

/* Rows B26-B29: a connection for a session that is there. */
static u16 login_find_session(struct tiscsi_conn *conn, const char *initiator)
{
	struct tiscsi_login *login = conn->login;
	struct tiscsi_sess *sess;
	int ret;

	sess = tiscsi_sess_find(conn->tpg, initiator, login->isid);
	if (sess && cpu_to_be16(sess->tsih) == login->tsih) {
		login->join = sess;
	} else {
		if (sess)
			tiscsi_sess_put(sess);
		return login_session_elsewhere(conn, initiator) ?
		       LOGIN_CANNOT_INCLUDE : LOGIN_NO_SESSION;
	}
	ret = tiscsi_sess_may_join(sess, be16_to_cpu(login->cid));
	if (ret)
		return login_join_status(ret);
	tiscsi_nego_join(&login->nego, &sess->keys);
	return 0;
}

/* B31: a status if the initiator is to go elsewhere. */
static u16 login_move(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	int ret;

	ret = tiscsi_redirect_choose(conn->tpg, login->peeked_initiator,
				     &login->moved_to);
	if (!ret)
		return 0;
	if (ret < 0) {
		login->why = "no portal to send it to";
		return LOGIN_SERVICE_UNAVAILABLE;
	}
	return READ_ONCE(conn->tpg->attrib.redirect_permanent) ?
	       LOGIN_MOVED : LOGIN_MOVED_TEMPORARILY;
}

static u16 login_resolve_target(struct tiscsi_conn *conn, char *initiator,
				char *target)
{
	struct tiscsi_login *login = conn->login;
	u16 status;

	status = login_find_tpg(conn, target);
	if (status)
		return status;
	conn->deadline = conn->accepted +
			 HZ * READ_ONCE(conn->tpg->attrib.login_timeout);
	tiscsi_conn_arm_timer(conn, conn->deadline);
	status = login_authorize(conn, initiator);
	if (!status && tiscsi_tpg_is_offline(conn->tpg)) {
		login->why = "target port is offline";
		status = LOGIN_SERVICE_UNAVAILABLE;
	}
	if (!status && login->tsih)
		status = login_find_session(conn, initiator);
	login->moves_late = READ_ONCE(conn->tpg->attrib.redirect_after_auth);
	if (!status && login->moves && !login->moves_late)
		status = login_move(conn);
	return status;
}

/*
 * Names and session type rule what the other keys of the same text mean, so
 * they are looked at first; tiscsi_nego_pair() checks them in its turn.
 */
static u16 login_resolve(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	const char *initiator = login_peek(login, "InitiatorName");
	const char *target = login_peek(login, "TargetName");
	const char *type = login_peek(login, "SessionType");
	bool discovery = type && !strcmp(type, "Discovery");
	char *name[2] = { login->peeked_initiator, login->peeked_target };
	u16 status = 0;

	login->resolved = true;
	login->nego.leading = !login->tsih;
	/* Who joins a session goes to where that is. */
	login->moves = !discovery && !login->tsih;
	if (!initiator || (!target && !discovery))
		return LOGIN_MISSING_PARAM;
	if (strscpy(name[0], initiator, TISCSI_NAME_LEN) < 0 ||
	    tiscsi_name_normalise(name[0]))
		return LOGIN_INITIATOR_ERROR;
	if (target && (strscpy(name[1], target, TISCSI_NAME_LEN) < 0 ||
		       tiscsi_name_normalise(name[1])))
		return LOGIN_INITIATOR_ERROR;
	if (discovery && login->tsih)
		return LOGIN_NO_SESSION;

	if (target)
		status = login_resolve_target(conn, name[0], name[1]);
	if (status)
		return status;
	if (discovery) {
		/* Maybe instead of those of the target that it names. */
		tiscsi_creds_put(login->creds);
		login_copy_auth(login, &tiscsi_discovery_auth,
				&tiscsi_discovery_creds);
		login->auth_needed = login->auth.enforce_discovery_auth;
	}
	if (conn->tpg) {
		/* Configuration may change while the login lasts. */
		spin_lock(&conn->tpg->lock);
		login->local = conn->tpg->param;
		strscpy(login->alias, conn->tpg->alias, TISCSI_ALIAS_LEN);
		spin_unlock(&conn->tpg->lock);
		login->nego.local = &login->local;
	}
	return 0;
}

/* ------------------------------------------------------------------ */
/* the security stage                                                  */
/* ------------------------------------------------------------------ */

static u32 login_auth_methods(const struct tiscsi_login *login)
{
	u32 chap_then_none = AUTH_CHAP | AUTH_NONE << 4;
	const struct tiscsi_keys *local = login->nego.local;
	bool chap = !local || tiscsi_list_has(local->v[KEY_AUTH_METHOD],
					      AUTH_CHAP);

	if (login->auth_needed)
		return chap ? AUTH_CHAP : 0;
	return chap && (login->auth.userid_set || login->creds) ?
	       chap_then_none : AUTH_NONE;
}

/* Rows B57, B58: the first offered method that is allowed. */
static u16 login_pick_auth(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	u32 pick = tiscsi_list_pick(login->nego.auth_offered,
				    login_auth_methods(login));

	if (!pick)
		return LOGIN_AUTH_FAILED;
	tiscsi_text_put(&login->out, "AuthMethod",
			tiscsi_list_item_name(KEY_AUTH_METHOD, pick));
	if (pick != AUTH_CHAP)
		return 0;
	login->chap = kzalloc(sizeof(*login->chap), GFP_KERNEL);
	if (!login->chap)
		return LOGIN_NO_RESOURCES;
	login->auth_needed = true;
	tiscsi_chap_init(login->chap, &login->auth, login->creds);
	return 0;
}

static u16 login_auth_pair(struct tiscsi_conn *conn, char *value)
{
	struct tiscsi_login *login = conn->login;

	if (login->nego.id == KEY_AUTH_METHOD)
		return login->chap ? LOGIN_INITIATOR_ERROR :
		       login_pick_auth(conn);
	if (!login->chap)
		return LOGIN_INITIATOR_ERROR;
	return tiscsi_chap_pair(login->chap, login->nego.id, value);
}

static u16 login_security(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	u16 status;

	if (!login->chap)
		return 0;
	status = tiscsi_chap_step(login->chap, &login->out);
	login->auth_done = tiscsi_chap_done(login->chap);
	return status;
}

/* ------------------------------------------------------------------ */
/* the end of the login                                                */
/* ------------------------------------------------------------------ */

static void login_attached(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;

	conn->keys = login->nego.keys;
	conn->max_recv_dsl = conn->keys.v[KEY_MAX_RECV_DSL];
	/* D17: Data-In segments that are not the last are multiples of 4. */
	conn->max_xmit_dsl = round_down(conn->keys.v[KEY_MAX_XMIT_DSL], 4);
	if (conn->tpg)
		tiscsi_stat_login(conn->tpg->target, 0, &conn->peer_addr,
				  login->nego.initiator_name);
	login_answer(conn, true);
}

/**
 * tiscsi_login_user - name that shared credentials know the initiator by
 * @login: the login
 *
 * io_work.
 *
 * Return: its CHAP_N, or "" if it did not authenticate, or with credentials
 * that are for one name of an initiator only.
 */
const char *tiscsi_login_user(const struct tiscsi_login *login)
{
	return login->shared && login->auth_done ?
	       login->chap->auth.userid : "";
}

/*
 * Row J17: where several have credentials for all names of initiators, a name
 * alone does not make the session of somebody else one's own.
 */
static bool login_same_user(struct tiscsi_login *login,
			    const struct tiscsi_sess *sess)
{
	const char *user = tiscsi_login_user(login);

	if (!*user || !sess->user[0] || !strcmp(user, sess->user))
		return true;
	login->why = "session of another user";
	return false;
}

/*
 * 0 if the nexus is free, -EAGAIN if the old session has been told to go,
 * otherwise a login status.
 */
static int login_take_nexus(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	struct tiscsi_sess *old;
	int ret = -EAGAIN;

	if (login->nego.discovery)
		return 0;
	old = tiscsi_sess_find(conn->tpg, login->nego.initiator_name,
			       login->isid);
	if (!old)
		return 0;
	if (login_same_user(login, old))
		tiscsi_sess_close(old, CLOSE_REINSTATED);
	else
		ret = LOGIN_FORBIDDEN;
	tiscsi_sess_put(old);
	return ret;
}

static void login_new_session(struct tiscsi_conn *conn)
{
	struct tiscsi_sess *sess;
	int status;

	sess = tiscsi_sess_create(conn, &status);
	if (!sess) {
		login_fail(conn, status);
		return;
	}
	if (tiscsi_sess_add_conn(sess, conn))
		login_fail(conn, LOGIN_SERVICE_UNAVAILABLE);
	else
		login_attached(conn);
	tiscsi_sess_put(sess);
}

/* What the connection logs in to is in use: it is woken when that has gone. */
static void login_wait(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;

	login->waiting = true;
	login->wait_until = jiffies + TISCSI_REINSTATE_WAIT * HZ;
	set_bit(CONN_F_RX_HOLD, &conn->flags);
	tiscsi_conn_arm_timer(conn, login->wait_until);
	if (login->join)
		return;
	spin_lock(&conn->tpg->lock);
	list_add_tail(&conn->wait_node, &conn->tpg->login_waiters);
	spin_unlock(&conn->tpg->lock);
	/* The old session may be gone since it was looked for. */
	set_bit(CONN_F_WAKE_LOGIN, &conn->flags);
	tiscsi_conn_kick(conn);
}

/*
 * Makes a session or joins one.  0 if the login has been answered, -EAGAIN if
 * it has to wait, otherwise the status that it ends with.
 */
static int login_enter(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	int ret;

	if (!login->join) {
		ret = login_take_nexus(conn);
		if (!ret)
			login_new_session(conn);
		return ret;
	}
	ret = tiscsi_sess_join(login->join, conn);
	if (!ret)
		login_attached(conn);
	return !ret || ret == -EAGAIN ? ret : login_join_status(ret);
}

/**
 * tiscsi_login_resume - look again at a login that waits
 * @conn: in its login phase, maybe waiting for what it replaces: a session, or
 *	a connection
 *
 * Rows C17, C18: what is new starts when the tasks of the old are over.  If
 * the backend does not give them back in time the initiator is told to try
 * later.  io_work.
 */
void tiscsi_login_resume(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	int ret;

	if (!login || !login->waiting)
		return;
	ret = login_enter(conn);
	if (ret == -EAGAIN && time_before(jiffies, login->wait_until)) {
		tiscsi_conn_arm_timer(conn, login->wait_until);
		return;
	}
	login_stop_waiting(conn);
	if (ret)
		login_fail(conn, ret == -EAGAIN ? LOGIN_NO_RESOURCES : ret);
}

static void login_complete(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	int status = tiscsi_nego_finish(&login->nego);

	conn->cid = be16_to_cpu(login->cid);
	if (!status && login->join && !login_same_user(login, login->join))
		status = LOGIN_FORBIDDEN;
	if (!status && login->moves && login->moves_late)
		status = login_move(conn);
	if (!status)
		status = login_enter(conn);
	if (status == -EAGAIN)
		login_wait(conn);
	else if (status)
		login_fail(conn, status);
}

/* ------------------------------------------------------------------ */
/* requests                                                            */
/* ------------------------------------------------------------------ */

static u16 login_pairs(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	struct tiscsi_text_iter it;
	char *key, *value;
	int ret;

	tiscsi_text_iter_init(&it, login->text, login->text_len);
	while ((ret = tiscsi_text_next(&it, &key, &value)) > 0) {
		ret = tiscsi_nego_pair(&login->nego, key, value, &login->out);
		if (ret == TISCSI_KEY_AUTH)
			ret = login_auth_pair(conn, value);
		if (ret)
			return ret;
	}
	login->text_len = 0;
	return ret < 0 ? LOGIN_INITIATOR_ERROR : 0;
}

/* B32, B33: what the first whole request of a login is told. */
static void login_introduce(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;

	login->first = false;
	if (!conn->tpg || !login->nego.target_name[0])
		return;
	tiscsi_text_printf(&login->out, "TargetPortalGroupTag", "%u",
			   conn->tpg->tag);
	if (!login->nego.discovery && login->alias[0])
		tiscsi_text_put(&login->out, "TargetAlias", login->alias);
}

static u16 login_stage_work(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;

	if (login->stage == STAGE_SECURITY)
		return login_security(conn);
	/* B58: whoever has to authenticate does not skip the stage for it. */
	if (login->auth_needed && !login->auth_done)
		return LOGIN_AUTH_FAILED;
	tiscsi_nego_declare(&login->nego, &login->out);
	return 0;
}

/* May the login move on as the initiator asks (B12, B64)? */
static bool login_may_transit(const struct tiscsi_login *login)
{
	if (!(login->flags & ISCSI_FLAG_LOGIN_TRANSIT))
		return false;
	if (login->auth_needed && !login->auth_done)
		return false;
	return !tiscsi_nego_waits(&login->nego);
}

/*
 * Room for any answer; there is none between requests.  The shortest pair, "a="
 * and its NUL, has "a=NotUnderstood" for an answer, which is less than eight
 * times as long; what we have to say unasked fits LOGIN_OWN_TEXT.
 */
static int login_out_alloc(struct tiscsi_login *login)
{
	u32 cap = min_t(u32, LOGIN_OWN_TEXT + 8 * login->text_len,
			TISCSI_TEXT_MAX);

	login->out.len = 0;
	login->out_sent = 0;
	if (login->out.buf)
		return 0;
	login->out.buf = kvmalloc(cap, TISCSI_GFP_PEER);
	if (!login->out.buf)
		return -ENOMEM;
	login->out.cap = cap;
	return 0;
}

static u16 login_work(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	u16 status = 0;

	login->nego.phase = login->stage == STAGE_SECURITY ?
			    PHASE_SECURITY : PHASE_OPERATIONAL;
	if (login_out_alloc(login))
		return LOGIN_NO_RESOURCES;
	if (!login->resolved)
		status = login_resolve(conn);
	if (!status)
		status = login_pairs(conn);
	if (!status && login->first)
		login_introduce(conn);
	if (!status)
		status = login_stage_work(conn);
	if (!status && login->out.overflow)
		status = LOGIN_NO_RESOURCES;
	return status;
}

/* B15: our text goes on; the requests for it are empty. */
static bool login_is_continuing(const struct tiscsi_login *login)
{
	return login->out_sent < login->out.len;
}

static void login_request(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	bool transit;
	u16 status;

	if (login->flags & ISCSI_FLAG_LOGIN_CONTINUE) {
		/* B14: empty, T = 0, C = 0 until the text is whole. */
		login_respond(conn, login->flags &
			      ISCSI_FLAG_LOGIN_CURRENT_STAGE_MASK);
		return;
	}
	if (!login_is_continuing(login))
		status = login_work(conn);
	else
		status = login->text_len ? LOGIN_INITIATOR_ERROR : 0;
	if (status) {
		login_fail(conn, status);
		return;
	}
	transit = login_may_transit(login);
	if (transit && login_nsg(login->flags) == STAGE_FULL_FEATURE &&
	    login->out.len - login->out_sent <= TISCSI_LOGIN_PDU_LEN)
		login_complete(conn);
	else
		login_answer(conn, transit);
}

/* Rows B03, B10, B11, B14. */
static u16 login_check_header(struct tiscsi_conn *conn)
{
	struct iscsi_login_req *req = (struct iscsi_login_req *)&conn->rx.bhs;
	struct tiscsi_login *login = conn->login;
	u8 csg = login_csg(req->flags), nsg = login_nsg(req->flags);

	if (req->itt != login->itt || req->tsih != login->tsih ||
	    req->cid != login->cid || req->min_version != login->version_min ||
	    req->max_version != login->version_max ||
	    memcmp(req->isid, login->isid, sizeof(login->isid)))
		return LOGIN_INITIATOR_ERROR;
	if (req->min_version > ISCSI_DRAFT20_VERSION)
		return LOGIN_BAD_VERSION;
	if (csg > STAGE_OPERATIONAL || csg != login->stage)
		return LOGIN_INITIATOR_ERROR;
	if (!(req->flags & ISCSI_FLAG_LOGIN_TRANSIT))
		return 0;
	if (req->flags & ISCSI_FLAG_LOGIN_CONTINUE)
		return LOGIN_INITIATOR_ERROR;
	if (nsg <= csg || nsg == 2)
		return LOGIN_INITIATOR_ERROR;
	return 0;
}

static int login_start(struct tiscsi_conn *conn)
{
	struct iscsi_login_req *req = (struct iscsi_login_req *)&conn->rx.bhs;
	struct tiscsi_login *login;

	login = kzalloc(sizeof(*login), GFP_KERNEL);
	if (!login)
		return -ENOMEM;
	/* Owned by the connection from here on. */
	conn->login = login;
	tiscsi_nego_init(&login->nego);
	login->first = true;
	memcpy(login->isid, req->isid, sizeof(login->isid));
	login->itt = req->itt;
	login->tsih = req->tsih;
	login->cid = req->cid;
	login->version_min = req->min_version;
	login->version_max = req->max_version;
	login->cmd_sn = be32_to_cpu(req->cmdsn);
	login->stage = login_csg(req->flags);
	conn->stat_sn = be32_to_cpu(req->exp_statsn);
	tiscsi_conn_set_state(conn, CONN_IN_LOGIN);
	return 0;
}

/* J01: who has not said who it is, or not proved it, gets little memory. */
static u32 login_text_max(const struct tiscsi_login *login)
{
	if (!login->resolved || (login->auth_needed && !login->auth_done))
		return TISCSI_EARLY_TEXT_MAX;
	return TISCSI_TEXT_MAX;
}

/* Makes room for the text of the request behind what is there already. */
static int login_make_room(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;
	struct tiscsi_rx *rx = &conn->rx;
	char *text;

	if (login->text_len + rx->data_len > login_text_max(login))
		return -EMSGSIZE;
	text = kvmalloc(login->text_len + rx->data_len + 1, TISCSI_GFP_PEER);
	if (!text)
		return -ENOMEM;
	if (login->text_len)
		memcpy(text, login->text, login->text_len);
	kvfree(login->text);
	login->text = text;
	rx->sink = SINK_BUF;
	rx->buf = text + login->text_len;
	rx->sink_len = rx->data_len;
	return 0;
}

/**
 * tiscsi_login_rx_header - the header of a PDU before full feature phase
 * @conn: the connection
 *
 * io_work.
 *
 * Return: 0 to go on with the data segment; -ESHUTDOWN when the connection is
 * being closed (row B01); -EAGAIN when it has been answered and nothing more
 * is read.
 */
int tiscsi_login_rx_header(struct tiscsi_conn *conn)
{
	u8 opcode = conn->rx.bhs.opcode & ISCSI_OPCODE_MASK;
	u16 status = 0;
	int ret;

	if (!conn->login && opcode != ISCSI_OP_LOGIN) {
		tiscsi_conn_close(conn, CLOSE_PROTOCOL);
		return -ESHUTDOWN;
	}
	if (!conn->login && login_start(conn)) {
		tiscsi_conn_close(conn, CLOSE_NO_MEMORY);
		return -ESHUTDOWN;
	}
	if (opcode != ISCSI_OP_LOGIN)
		status = LOGIN_INVALID_REQUEST;
	else if (++conn->login->rounds > TISCSI_LOGIN_ROUNDS)
		status = LOGIN_NO_RESOURCES;
	else
		status = login_check_header(conn);
	ret = status ? 0 : login_make_room(conn);
	if (ret)
		status = LOGIN_NO_RESOURCES;
	if (!status)
		return 0;
	login_fail(conn, status);
	return -EAGAIN;
}

/**
 * tiscsi_login_rx_done - a whole Login Request is here
 * @conn: the connection
 *
 * io_work.
 *
 * Return: 0.
 */
int tiscsi_login_rx_done(struct tiscsi_conn *conn)
{
	struct tiscsi_login *login = conn->login;

	login->flags = conn->rx.bhs.flags;
	login->text_len += conn->rx.data_len;
	login_request(conn);
	return 0;
}
