// SPDX-License-Identifier: GPL-2.0
/*
 * Login from the initiator's side, in one call or step by step.
 */
#include "raw.h"

#define MAX_STEPS	16

static const char *const usual_keys[] = {
	"HeaderDigest=None", "DataDigest=None",
	"MaxRecvDataSegmentLength=65536", "InitialR2T=No",
	"ImmediateData=Yes", "MaxBurstLength=262144",
	"FirstBurstLength=65536", "MaxOutstandingR2T=1", "MaxConnections=1",
	"DefaultTime2Wait=0", "DefaultTime2Retain=0", "DataPDUInOrder=Yes",
	"DataSequenceInOrder=Yes", "ErrorRecoveryLevel=0",
};

/*
 * What we answer when the target offers a key that we did not: the default of
 * RFC 7143 section 13 where the result function leads there, its own value
 * otherwise (NULL).  Other keys are declarations.
 */
static const struct {
	const char *key;
	const char *reply;
} replies[] = {
	{ "AuthMethod", "None" }, { "HeaderDigest", "None" },
	{ "DataDigest", "None" }, { "MaxConnections", "1" },
	{ "InitialR2T", "Yes" }, { "ImmediateData", NULL },
	{ "MaxBurstLength", NULL }, { "FirstBurstLength", NULL },
	{ "DefaultTime2Wait", NULL }, { "DefaultTime2Retain", "0" },
	{ "MaxOutstandingR2T", "1" }, { "DataPDUInOrder", "Yes" },
	{ "DataSequenceInOrder", "Yes" }, { "ErrorRecoveryLevel", "0" },
	{ "TaskReporting", "RFC3720" }, { "iSCSIProtocolLevel", "1" },
	{ "IFMarker", "No" }, { "OFMarker", "No" },
};

/**
 * login_start() - connect, ready for the first Login Request
 * @l: the login
 */
struct conn *login_start(const struct login *l)
{
	struct sess *s = sess_new(l->isid);
	struct conn *c;

	s->initiator = l->initiator;
	s->tsih = l->tsih;
	s->discovery = l->discovery;
	if (l->cmd_sn)
		s->cmd_sn = l->cmd_sn;
	c = conn_open(s, l->portal ? l->portal : env.portal);
	c->cid = l->cid;
	c->stat_sn = l->stat_sn;
	return c;
}

/**
 * login_names() - the keys that the first Login Request must have
 * @l: the login
 * @t: text to append them to
 */
void login_names(const struct login *l, struct text *t)
{
	const char *target = l->target;

	text_add(t, "InitiatorName=%s",
		 l->initiator ? l->initiator : env.initiator);
	text_add(t, "SessionType=%s", l->discovery ? "Discovery" : "Normal");
	if (!l->discovery && !target)
		target = env.target;
	if (target)
		text_add(t, "TargetName=%s", target);
}

/**
 * login_step() - send one Login Request and wait for the answer
 * @c: the connection
 * @flags: STAGE() or STAY(), F_CONTINUE
 * @t: text of the request, NULL for none
 *
 * Return: the Login Response, NULL if the target closed the connection.
 */
struct pdu *login_step(struct conn *c, u8 flags, const struct text *t)
{
	struct pdu p;

	if (t)
		text_add_raw(&c->offers, t->buf, t->len);
	pdu_login(c, &p, flags, t);
	conn_send(c, &p);
	switch (conn_recv(c, DEADLINE_MS)) {
	case RECV_CLOSED:
		return NULL;
	case RECV_TIMEOUT:
		die("no Login Response within %d ms", DEADLINE_MS);
	case RECV_PDU:
		break;
	}
	if (pdu32(&c->rx, BHS_ITT) != c->login_itt)
		die("B07: Login Response for ITT %08x", pdu32(&c->rx, BHS_ITT));
	if (login_status(&c->rx) == LOGIN_OK &&
	    memcmp(c->rx.bhs + BHS_ISID, c->sess->isid, 6))
		die("B07: Login Response with another ISID");
	text_add_raw(&c->answers, c->rx.data, c->rx.data_len);
	return &c->rx;
}

/**
 * login_step_keys() - login_step() with keys separated by blanks
 * @c: the connection
 * @flags: as for login_step()
 * @keys: the keys
 */
struct pdu *login_step_keys(struct conn *c, u8 flags, const char *keys)
{
	struct text t = {};
	struct pdu *p;

	text_add_keys(&t, keys);
	p = login_step(c, flags, &t);
	free(t.buf);
	return p;
}

/**
 * conn_key() - what a key came out as: our reply to the target's offer, the
 * target's answer to ours, or our offer
 * @c: the connection
 * @key: the key
 *
 * Return: the value, NULL if nobody spoke of it.
 */
const char *conn_key(struct conn *c, const char *key)
{
	const char *v = text_get(c->replies.buf, c->replies.len, key);

	if (!v)
		v = text_get(c->answers.buf, c->answers.len, key);
	return v ? v : text_get(c->offers.buf, c->offers.len, key);
}

/**
 * conn_key_num() - a key's result that must be a number
 * @c: the connection
 * @key: the key
 */
u32 conn_key_num(struct conn *c, const char *key)
{
	const char *v = conn_key(c, key);
	char *end;
	u32 n;

	if (!v)
		die("no value for %s", key);
	n = strtoul(v, &end, 0);
	if (end == v || *end)
		die("%s=%s is not a number", key, v);
	return n;
}

static u32 num_or(struct conn *c, const char *key, u32 dflt)
{
	const char *v = conn_key(c, key);

	return v && *v >= '0' && *v <= '9' ? strtoul(v, NULL, 0) : dflt;
}

static bool yes_or(struct conn *c, const char *key, bool dflt)
{
	const char *v = conn_key(c, key);

	if (v && !strcmp(v, "Yes"))
		return true;
	if (v && !strcmp(v, "No"))
		return false;
	return dflt;
}

static bool digest_on(struct conn *c, const char *key)
{
	const char *v = text_get(c->replies.buf, c->replies.len, key);

	if (!v)
		v = text_get(c->answers.buf, c->answers.len, key);
	return v && !strcmp(v, "CRC32C");
}

/**
 * login_done() - full feature phase: what was agreed on takes effect (B36, A13)
 * @c: the connection; @c->rx is the final Login Response
 */
void login_done(struct conn *c)
{
	const char *recv = text_get(c->offers.buf, c->offers.len,
				    "MaxRecvDataSegmentLength");
	const char *send = text_get(c->answers.buf, c->answers.len,
				    "MaxRecvDataSegmentLength");
	struct sess *s = c->sess;
	bool leading = !s->tsih;

	s->tsih = get_be16(c->rx.bhs + BHS_TSIH);
	c->ffp = true;
	c->hdigest = digest_on(c, "HeaderDigest");
	c->ddigest = digest_on(c, "DataDigest");
	c->max_recv = recv ? strtoul(recv, NULL, 0) : DEFAULT_MRDSL;
	c->max_send = send ? strtoul(send, NULL, 0) : DEFAULT_MRDSL;
	if (!leading)
		return;
	s->max_burst = num_or(c, "MaxBurstLength", 262144);
	s->first_burst = num_or(c, "FirstBurstLength", 65536);
	s->erl = num_or(c, "ErrorRecoveryLevel", 0);
	s->max_r2t = num_or(c, "MaxOutstandingR2T", 1);
	s->initial_r2t = yes_or(c, "InitialR2T", true);
	s->immediate_data = yes_or(c, "ImmediateData", true);
}

/* Answer what the target offered on its own; each key once. */
static void reply_to_offers(struct conn *c, struct text *t)
{
	const char *key, *offer;
	u32 i;

	t->len = 0;
	for (i = 0; i < ARRAY_SIZE(replies); i++) {
		key = replies[i].key;
		offer = text_get(c->answers.buf, c->answers.len, key);
		if (!offer || text_get(c->offers.buf, c->offers.len, key) ||
		    text_get(c->replies.buf, c->replies.len, key))
			continue;
		if (replies[i].reply)
			offer = replies[i].reply;
		text_add(t, "%s=%s", key, offer);
		text_add(&c->replies, "%s=%s", key, offer);
	}
}

/**
 * login_finish() - the rest of a login, up to full feature phase
 * @c: the connection
 * @flags: of the first of these requests; the following ones repeat it
 * @t: text of the first of these requests
 *
 * Return: login status; a connection closed without one ends the test.
 */
u16 login_finish(struct conn *c, u8 flags, struct text *t)
{
	struct text reply = {};
	struct pdu *p;
	u32 i;

	for (i = 0; i < MAX_STEPS; i++) {
		p = login_step(c, flags, t);
		if (!p)
			die("connection closed without a Login Response");
		if (login_status(p) != LOGIN_OK)
			return login_status(p);
		if ((p->bhs[BHS_FLAGS] & STAGE(0, 3)) ==
		    STAGE(0, FULL_FEATURE)) {
			login_done(c);
			return LOGIN_OK;
		}
		if (p->bhs[BHS_FLAGS] & F_TRANSIT)
			flags = STAGE(OPERATIONAL, FULL_FEATURE);
		t = NULL;
		if (!(p->bhs[BHS_FLAGS] & F_CONTINUE)) {
			reply_to_offers(c, &reply);
			t = &reply;
		}
	}
	die("login not over after %d requests", MAX_STEPS);
}

/**
 * login_try() - a whole login that may fail
 * @l: the login
 * @conn: the connection, whatever came of it
 *
 * Return: login status.
 */
u16 login_try(const struct login *l, struct conn **conn)
{
	struct conn *c = login_start(l);
	struct text t = {};
	u16 status;
	u32 i;

	login_names(l, &t);
	for (i = 0; i < ARRAY_SIZE(usual_keys); i++)
		if (!l->keys && !l->discovery)
			text_add(&t, "%s", usual_keys[i]);
	text_add_keys(&t, l->keys);
	if (l->keys && !l->discovery && !l->tsih &&
	    !strstr(l->keys, "Time2Retain"))
		text_add(&t, "DefaultTime2Retain=0");
	status = login_finish(c, STAGE(OPERATIONAL, FULL_FEATURE), &t);
	free(t.buf);
	*conn = c;
	return status;
}

/**
 * login_join_try() - a further connection of a session, which may be refused
 * @s: the session, logged in
 * @cid: CID of the connection
 * @keys: keys of connection scope, separated by blanks
 * @conn: the connection, whatever came of it
 *
 * Return: login status.
 */
u16 login_join_try(struct sess *s, u16 cid, const char *keys,
		   struct conn **conn)
{
	struct conn *c = conn_open(s, env.portal);
	u16 tsih = s->tsih, status;
	struct text t = {};

	c->cid = cid;
	login_names(LOGIN(.initiator = s->initiator), &t);
	text_add_keys(&t, keys);
	status = login_finish(c, STAGE(OPERATIONAL, FULL_FEATURE), &t);
	if (status == LOGIN_OK && s->tsih != tsih)
		die("C16: TSIH %04x became %04x", tsih, s->tsih);
	free(t.buf);
	*conn = c;
	return status;
}

/**
 * login_join() - a further connection of a session
 * @s: the session, logged in
 * @cid: CID of the connection
 */
struct conn *login_join(struct sess *s, u16 cid)
{
	struct conn *c;
	u16 status = login_join_try(s, cid, "MaxRecvDataSegmentLength=65536",
				    &c);

	if (status != LOGIN_OK)
		die("CID %u refused with status %04x", cid, status);
	return c;
}

/**
 * login() - a whole login that must succeed
 * @l: the login
 */
struct conn *login(const struct login *l)
{
	struct conn *c;
	u16 status = login_try(l, &c);

	if (status != LOGIN_OK)
		die("refused with status %04x", status);
	if (!c->sess->tsih)
		die("B07: TSIH 0 in the final Login Response");
	if (!l->discovery && !l->no_ua_check) {
		clear_unit_attentions(c, lun_peripheral(0));
		clear_unit_attentions(c, lun_peripheral(1));
	}
	return c;
}

/**
 * login_default() - a normal session with the usual keys
 */
struct conn *login_default(void)
{
	return login(LOGIN());
}

/**
 * login_keys() - a normal session with the keys given and no others
 * @keys: operational keys, separated by blanks
 */
struct conn *login_keys(const char *keys)
{
	return login(LOGIN(.keys = keys));
}

/**
 * expect_login_refused() - the PDU received last refuses the login
 * @c: the connection, which the target must close now (B08)
 * @statuses: acceptable statuses, see STATUSES()
 */
void expect_login_refused(struct conn *c, const u16 *statuses)
{
	u16 status = login_status(&c->rx);

	if (pdu_op(&c->rx) != OP_LOGIN_RSP)
		die("got opcode %02x, expected Login Response",
		    pdu_op(&c->rx));
	while (*statuses != LOGIN_OK && *statuses != status)
		statuses++;
	if (*statuses == LOGIN_OK)
		die("login status %04x is not acceptable", status);
	expect_closed(c);
}

/**
 * expect_refused() - a whole login that must be refused
 * @l: the login
 * @statuses: acceptable statuses, see STATUSES()
 */
void expect_refused(const struct login *l, const u16 *statuses)
{
	struct conn *c;

	login_try(l, &c);
	expect_login_refused(c, statuses);
	conn_close(c);
}
