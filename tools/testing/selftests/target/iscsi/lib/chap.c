// SPDX-License-Identifier: GPL-2.0
/*
 * The initiator's side of CHAP, step by step or as a whole login.
 */
#include <ctype.h>

#include "chap.h"

/**
 * chap_proof() - CHAP_R for the target's challenge (RFC 1994 4.1)
 * @chap: challenge and secret
 * @proof: where to, CHAP_DIGEST_MAX bytes
 *
 * Return: its length.
 */
u32 chap_proof(const struct chap *chap, u8 *proof)
{
	struct text msg = {};
	u8 id = chap->id;
	u32 len;

	text_add_raw(&msg, &id, 1);
	text_add_raw(&msg, chap->secret, strlen(chap->secret));
	text_add_raw(&msg, chap->challenge, chap->len);
	len = hash(chap->alg, msg.buf, msg.len, proof);
	free(msg.buf);
	return len;
}

static void put_base64(struct text *t, const u8 *bin, u32 len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char four[4];
	u32 i, k, v;

	for (i = 0; i < len; i += 3) {
		v = bin[i] << 16;
		v |= i + 1 < len ? bin[i + 1] << 8 : 0;
		v |= i + 2 < len ? bin[i + 2] : 0;
		for (k = 0; k < 4; k++)
			four[k] = i + k <= len ? digits[v >> (18 - 6 * k) & 63] : '=';
		text_add_raw(t, four, 4);
	}
}

/**
 * chap_put() - append a pair with a binary value
 * @t: the text
 * @key: its key
 * @bin: the value
 * @len: bytes in it
 * @enc: how it is written
 */
void chap_put(struct text *t, const char *key, const u8 *bin, u32 len,
	      enum chap_encoding enc)
{
	static const char *const prefix[] = { "=0x", "=0X", "=0b" };
	char hex[3];
	u32 i;

	text_add_raw(t, key, strlen(key));
	text_add_raw(t, prefix[enc], 3);
	if (enc == ENC_BASE64)
		put_base64(t, bin, len);
	for (i = 0; i < len && enc != ENC_BASE64; i++) {
		snprintf(hex, sizeof(hex), enc == ENC_HEX ? "%02x" : "%02X",
			 bin[i]);
		text_add_raw(t, hex, 2);
	}
	text_add_raw(t, "", 1);
}

/**
 * chap_get() - a binary value that the target sent, in hex
 * @c: the connection
 * @key: its key
 * @bin: where to, CHAP_BIN_MAX bytes
 *
 * Return: bytes in it.
 */
u32 chap_get(struct conn *c, const char *key, u8 *bin)
{
	const char *v = text_get(c->answers.buf, c->answers.len, key);
	u32 len = 0;
	int used;

	if (!v || strncasecmp(v, "0x", 2) || strlen(v) % 2)
		die("%s=%s is no binary value", key, v ? v : "(none)");
	for (v += 2; *v; v += 2) {
		if (len == CHAP_BIN_MAX ||
		    sscanf(v, "%2hhx%n", &bin[len++], &used) != 1 || used != 2)
			die("%s: not a binary value of at most %u bytes", key,
			    CHAP_BIN_MAX);
	}
	return len;
}

/**
 * chap_begin() - first Login Request: names and AuthMethod
 * @c: the connection
 * @l: the login
 * @chap: what to offer
 *
 * Return: login status; with LOGIN_OK, the target has chosen a method.
 */
u16 chap_begin(struct conn *c, const struct login *l, struct chap *chap)
{
	struct text t = {};
	struct pdu *p;

	login_names(l, &t);
	text_add(&t, "AuthMethod=%s", chap->methods ? chap->methods : "CHAP");
	p = login_step(c, STAY(SECURITY), &t);
	free(t.buf);
	if (!p)
		die("connection closed without a Login Response");
	return login_status(p);
}

/**
 * chap_ask() - second Login Request: CHAP_A; takes the target's challenge
 * @c: the connection
 * @chap: what to offer; the challenge goes here
 *
 * Return: login status.
 */
u16 chap_ask(struct conn *c, struct chap *chap)
{
	const char *a, *i;
	struct text t = {};
	struct pdu *p;

	text_add(&t, "CHAP_A=%s", chap->algs ? chap->algs : "5");
	p = login_step(c, STAY(SECURITY), &t);
	free(t.buf);
	if (!p)
		die("connection closed without a Login Response");
	if (login_status(p) != LOGIN_OK)
		return login_status(p);
	a = text_get(p->data, p->data_len, "CHAP_A");
	i = text_get(p->data, p->data_len, "CHAP_I");
	if (!a || !i || !isdigit(*i))
		die("B60: CHAP_A or CHAP_I is missing");
	chap->alg = strtoul(a, NULL, 0);
	chap->id = strtoul(i, NULL, 0);
	chap->len = chap_get(c, "CHAP_C", chap->challenge);
	return LOGIN_OK;
}

/**
 * chap_answer() - CHAP_N and CHAP_R, and our challenge if the target has to
 * authenticate itself
 * @t: text to append them to
 * @chap: credentials and the target's challenge
 */
void chap_answer(struct text *t, struct chap *chap)
{
	u8 proof[CHAP_DIGEST_MAX];
	u32 len = chap_proof(chap, proof);

	text_add(t, "CHAP_N=%s", chap->user);
	chap_put(t, "CHAP_R", proof, len, chap->enc);
	if (!chap->peer_user)
		return;
	if (!chap->own_len) {
		chap->own_len = 24;
		fill_pattern(chap->own_challenge, chap->own_len,
			     getpid() ^ chap->id << 16 ^ chap->challenge[0]);
	}
	text_add(t, "CHAP_I=%u", chap->own_id);
	chap_put(t, "CHAP_C", chap->own_challenge, chap->own_len, chap->enc);
}

/**
 * chap_prove() - third Login Request
 * @c: the connection
 * @chap: credentials and the target's challenge
 * @flags: stages, as for login_step()
 *
 * Return: login status; if it is LOGIN_OK the target has been checked, too.
 */
u16 chap_prove(struct conn *c, struct chap *chap, u8 flags)
{
	struct text t = {};
	struct pdu *p;

	chap_answer(&t, chap);
	p = login_step(c, flags, &t);
	free(t.buf);
	if (!p)
		die("connection closed without a Login Response");
	if (login_status(p) == LOGIN_OK)
		chap_check_peer(c, chap);
	return login_status(p);
}

/**
 * chap_check_peer() - the target has proved who it is, if it was asked to
 * @c: the connection
 * @chap: what it was asked
 */
void chap_check_peer(struct conn *c, const struct chap *chap)
{
	struct chap peer = { .secret = chap->peer_secret, .alg = chap->alg,
			     .id = chap->own_id, .len = chap->own_len };
	const char *name = text_get(c->answers.buf, c->answers.len, "CHAP_N");
	u8 want[CHAP_DIGEST_MAX], got[CHAP_BIN_MAX];
	u32 len;

	if (!chap->peer_user) {
		if (name)
			die("B65: the target was not asked who it is");
		return;
	}
	if (!name || strcmp(name, chap->peer_user))
		die("B65: CHAP_N=%s, expected %s", name ? name : "(none)",
		    chap->peer_user);
	memcpy(peer.challenge, chap->own_challenge, chap->own_len);
	len = chap_proof(&peer, want);
	if (chap_get(c, "CHAP_R", got) != len || memcmp(want, got, len))
		die("B65: the target's proof is wrong");
}

/**
 * chap_login_try() - a whole login with CHAP that may fail
 * @l: the login
 * @chap: credentials
 * @conn: the connection, whatever came of it
 *
 * Return: login status.
 */
u16 chap_login_try(const struct login *l, struct chap *chap,
		   struct conn **conn)
{
	struct conn *c = login_start(l);
	struct text t = {};
	u16 status;

	*conn = c;
	status = chap_begin(c, l, chap);
	if (status == LOGIN_OK)
		status = chap_ask(c, chap);
	if (status == LOGIN_OK)
		status = chap_prove(c, chap, STAGE(SECURITY, OPERATIONAL));
	if (status != LOGIN_OK)
		return status;
	if (!(c->rx.bhs[BHS_FLAGS] & F_TRANSIT))
		die("the target stays in the security stage");
	text_add_keys(&t, l->keys);
	if (!l->discovery && !l->tsih)
		text_add(&t, "DefaultTime2Retain=0");
	status = login_finish(c, STAGE(OPERATIONAL, FULL_FEATURE), &t);
	free(t.buf);
	return status;
}

/**
 * chap_login() - a whole login with CHAP that must succeed
 * @l: the login
 * @chap: credentials
 */
struct conn *chap_login(const struct login *l, struct chap *chap)
{
	struct conn *c;
	u16 status = chap_login_try(l, chap, &c);

	if (status != LOGIN_OK)
		die("refused with status %04x", status);
	if (!l->discovery && !l->no_ua_check)
		clear_unit_attentions(c, lun_peripheral(0));
	return c;
}
