// SPDX-License-Identifier: GPL-2.0
/*
 * CHAP on the target's side (RFC 7143 12.1.3 and 9.2.1, RFC 1994).
 *
 * Choices: the first algorithm of the initiator's list that we have wins;
 * keys out of order, repeated or without their partner are a protocol error;
 * everything that says that a proof is wrong ends with the one status
 * "authentication failure", after the same work.  Whether the target has to
 * prove itself is up to the initiator.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <crypto/algapi.h>
#include <crypto/hash.h>
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "chap.h"

#define STATUS_PROTOCOL							\
	(ISCSI_STATUS_CLS_INITIATOR_ERR << 8 | ISCSI_LOGIN_STATUS_INIT_ERR)
#define STATUS_AUTH_FAILED						\
	(ISCSI_STATUS_CLS_INITIATOR_ERR << 8 | ISCSI_LOGIN_STATUS_AUTH_FAILED)

/**
 * struct chap_alg - a hash function of CHAP
 * @code: number in CHAP_A (IANA, PPP authentication algorithms)
 * @len: bytes of a digest
 * @name: for the kernel's crypto API
 * @tfm: allocated at module load, so that no login waits for a module; NULL
 *	if this kernel does not have it
 */
struct chap_alg {
	u8 code;
	u8 len;
	const char *name;
	struct crypto_shash *tfm;
};

static struct chap_alg chap_algs[] = {
	{ .code = 5, .len = 16, .name = "md5" },
	{ .code = 6, .len = 20, .name = "sha1" },
	{ .code = 7, .len = 32, .name = "sha256" },
	{ .code = 8, .len = 32, .name = "sha3-256" },
};

/* Calls of tiscsi_chap_setup() without their tiscsi_chap_teardown(). */
static int chap_users;

/* The challenges of all open connections, by their first bytes. */
static DEFINE_HASHTABLE(chap_issued, 8);
static DEFINE_SPINLOCK(chap_issued_lock);

/* RFC 1994 4.1: the identifier changes with each challenge. */
static atomic_t chap_last_id;

/**
 * tiscsi_chap_setup() - get the hash functions
 *
 * To be called before any login.  Does without those that the kernel does not
 * offer.  Calls nest, because unit tests may run before or after the init
 * function of their module, depending on the kernel.
 *
 * Context: loading of the module only; may sleep and load others.
 */
void tiscsi_chap_setup(void)
{
	struct crypto_shash *tfm;
	int i;

	if (chap_users++)
		return;
	for (i = 0; i < ARRAY_SIZE(chap_algs); i++) {
		tfm = crypto_alloc_shash(chap_algs[i].name, 0, 0);
		if (IS_ERR(tfm))
			pr_info("CHAP without %s (error %ld)\n",
				chap_algs[i].name, PTR_ERR(tfm));
		else
			chap_algs[i].tfm = tfm;
	}
}

/**
 * tiscsi_chap_teardown() - give the hash functions back
 *
 * To be called when there is no login any more.
 *
 * Context: loading or unloading of the module only; may sleep.
 */
void tiscsi_chap_teardown(void)
{
	int i;

	if (--chap_users)
		return;
	for (i = 0; i < ARRAY_SIZE(chap_algs); i++) {
		if (chap_algs[i].tfm)
			crypto_free_shash(chap_algs[i].tfm);
		chap_algs[i].tfm = NULL;
	}
}

/* ------------------------------------------------------------------ */
/* credentials                                                         */
/* ------------------------------------------------------------------ */

static void chap_creds_release(struct kref *ref)
{
	struct tiscsi_creds *creds = container_of(ref, struct tiscsi_creds,
						  ref);

	kvfree_sensitive(creds, creds->size);
}

/**
 * tiscsi_creds_put() - drop a reference to credentials
 * @creds: wiped and freed with the last one; may be NULL
 *
 * Context: process.
 */
void tiscsi_creds_put(struct tiscsi_creds *creds)
{
	if (creds)
		kref_put(&creds->ref, chap_creds_release);
}

/**
 * tiscsi_creds_get() - take a reference to credentials
 * @creds: on which there is one, or that cannot go away; may be NULL
 *
 * Context: any.
 * Return: @creds.
 */
struct tiscsi_creds *tiscsi_creds_get(struct tiscsi_creds *creds)
{
	if (creds)
		kref_get(&creds->ref);
	return creds;
}

/* ------------------------------------------------------------------ */
/* challenges that must not come back                                  */
/* ------------------------------------------------------------------ */

static u32 challenge_key(const u8 *bytes)
{
	u32 key;

	memcpy(&key, bytes, sizeof(key));
	return key;
}

/**
 * tiscsi_challenge_issue() - remember a challenge
 * @challenge: not remembered yet; its bytes are set
 *
 * Context: process.
 */
void tiscsi_challenge_issue(struct tiscsi_challenge *challenge)
{
	spin_lock(&chap_issued_lock);
	hash_add(chap_issued, &challenge->node,
		 challenge_key(challenge->bytes));
	spin_unlock(&chap_issued_lock);
}

/**
 * tiscsi_challenge_keep() - remember it as long as the connection is open
 * @to: of the connection; not in use
 * @chap: its authentication
 *
 * Context: process.
 */
void tiscsi_challenge_keep(struct tiscsi_challenge *to,
			   struct tiscsi_chap *chap)
{
	memcpy(to->bytes, chap->ours.bytes, sizeof(to->bytes));
	tiscsi_challenge_issue(to);
}

/**
 * tiscsi_challenge_forget() - the connection is closed
 * @challenge: issued or not
 *
 * Context: process.
 */
void tiscsi_challenge_forget(struct tiscsi_challenge *challenge)
{
	spin_lock(&chap_issued_lock);
	hash_del(&challenge->node);
	spin_unlock(&chap_issued_lock);
}

/* Is this a challenge of our own that somebody sends back? (B66) */
static bool chap_is_reflected(const u8 *bytes, u32 len)
{
	const struct tiscsi_challenge *other;
	bool found = false;

	if (len != TISCSI_CHALLENGE_LEN)
		return false;
	spin_lock(&chap_issued_lock);
	hash_for_each_possible(chap_issued, other, node, challenge_key(bytes))
		if (!memcmp(other->bytes, bytes, len))
			found = true;
	spin_unlock(&chap_issued_lock);
	return found;
}

/* ------------------------------------------------------------------ */
/* the exchange                                                        */
/* ------------------------------------------------------------------ */

/**
 * tiscsi_chap_init() - start an authentication
 * @chap: is cleared; must not be in use
 * @auth: credentials; copied, the caller keeps them stable meanwhile
 * @creds: credentials to choose from besides, by the name that the initiator
 *	gives; may be NULL.  @auth goes before them
 *
 * Context: any.
 */
void tiscsi_chap_init(struct tiscsi_chap *chap,
		      const struct tiscsi_auth *auth,
		      struct tiscsi_creds *creds)
{
	memset(chap, 0, sizeof(*chap));
	chap->auth = *auth;
	chap->creds = tiscsi_creds_get(creds);
	chap->alg = -1;
}

/**
 * tiscsi_chap_free() - end an authentication, wipe all secrets
 * @chap: in any state, also all zeros
 *
 * Context: process.
 */
void tiscsi_chap_free(struct tiscsi_chap *chap)
{
	tiscsi_challenge_forget(&chap->ours);
	tiscsi_creds_put(chap->creds);
	memzero_explicit(chap, sizeof(*chap));
}

/* First algorithm of the list that we have; RFC 7143 12.1.3, B60. */
static int chap_parse_algs(struct tiscsi_chap *chap, const char *s)
{
	char item[24];
	size_t len;
	u64 code;
	int i;

	for (;; s++) {
		len = strcspn(s, ",");
		if (len >= sizeof(item))
			return STATUS_PROTOCOL;
		memcpy(item, s, len);
		item[len] = '\0';
		if (tiscsi_text_u64(item, &code))
			return STATUS_PROTOCOL;
		for (i = 0; i < ARRAY_SIZE(chap_algs) && chap->alg < 0; i++)
			if (chap_algs[i].code == code && chap_algs[i].tfm)
				chap->alg = i;
		s += len;
		if (!*s)
			return 0;
	}
}

static int chap_parse_challenge(struct tiscsi_chap *chap, const char *s)
{
	int len = tiscsi_text_decode_bin(s, chap->peer_challenge,
					 sizeof(chap->peer_challenge));

	if (len < 0)
		return STATUS_PROTOCOL;
	chap->peer_challenge_len = len;
	return 0;
}

static int chap_parse_id(struct tiscsi_chap *chap, const char *s)
{
	u64 id;

	if (tiscsi_text_u64(s, &id) || id > U8_MAX)
		return STATUS_PROTOCOL;
	chap->peer_id = id;
	return 0;
}

/* What is too long, or no binary value, is a wrong proof like any other. */
static void chap_parse_response(struct tiscsi_chap *chap, const char *s)
{
	int len = tiscsi_text_decode_bin(s, chap->response,
					 sizeof(chap->response));

	chap->response_len = len < 0 ? 0 : len;
}

static int chap_take_pair(struct tiscsi_chap *chap, unsigned int id,
			  const char *value)
{
	unsigned long bit;

	if (id < KEY_CHAP_A || id > KEY_CHAP_R)
		return STATUS_PROTOCOL;
	if (chap->state != (id == KEY_CHAP_A ? CHAP_WAIT_A :
					       CHAP_WAIT_RESPONSE))
		return STATUS_PROTOCOL;
	bit = BIT(id - KEY_CHAP_A);
	if (chap->got & bit)
		return STATUS_PROTOCOL;
	chap->got |= bit;

	switch (id) {
	case KEY_CHAP_A:
		return chap_parse_algs(chap, value);
	case KEY_CHAP_I:
		return chap_parse_id(chap, value);
	case KEY_CHAP_C:
		return chap_parse_challenge(chap, value);
	case KEY_CHAP_N:
		/* Left empty, a name that is too long matches none. */
		if (strlen(value) < sizeof(chap->name))
			strscpy(chap->name, value, sizeof(chap->name));
		return 0;
	default:
		chap_parse_response(chap, value);
		return 0;
	}
}

/**
 * tiscsi_chap_pair() - take one pair of the current request
 * @chap: the authentication
 * @id: KEY_CHAP_A and so on, as tiscsi_nego_pair() found it
 * @value: text of the value
 *
 * Rows B60, B62, B64.
 *
 * Context: any; the caller serialises access to @chap.
 * Return: 0 or the status that the login ends with; there is no way on from
 * there.
 */
int tiscsi_chap_pair(struct tiscsi_chap *chap, unsigned int id,
		     const char *value)
{
	int ret = chap_take_pair(chap, id, value);

	if (ret)
		chap->state = CHAP_FAILED;
	return ret;
}

static bool chap_got(const struct tiscsi_chap *chap, unsigned int id)
{
	return chap->got & BIT(id - KEY_CHAP_A);
}

static int chap_send_challenge(struct tiscsi_chap *chap,
			       struct tiscsi_text *out)
{
	if (chap->alg < 0)
		return STATUS_AUTH_FAILED;
	chap->id = atomic_inc_return(&chap_last_id);
	get_random_bytes(chap->ours.bytes, sizeof(chap->ours.bytes));
	tiscsi_challenge_issue(&chap->ours);

	tiscsi_text_printf(out, tiscsi_key_name(KEY_CHAP_A), "%u",
			   chap_algs[chap->alg].code);
	tiscsi_text_printf(out, tiscsi_key_name(KEY_CHAP_I), "%u", chap->id);
	tiscsi_text_put_hex(out, tiscsi_key_name(KEY_CHAP_C),
			    chap->ours.bytes, sizeof(chap->ours.bytes));
	chap->state = CHAP_WAIT_RESPONSE;
	return 0;
}

/* H(identifier, secret, challenge), RFC 1994 4.1 */
static int chap_hash(const struct chap_alg *alg, u8 id, const char *secret,
		     const u8 *challenge, u32 len, u8 *digest)
{
	SHASH_DESC_ON_STACK(desc, alg->tfm);
	int ret;

	desc->tfm = alg->tfm;
	ret = crypto_shash_init(desc) ?:
	      crypto_shash_update(desc, &id, 1) ?:
	      crypto_shash_update(desc, secret, strlen(secret)) ?:
	      crypto_shash_update(desc, challenge, len) ?:
	      crypto_shash_final(desc, digest);
	shash_desc_zero(desc);
	return ret;
}

/*
 * Would we have given this very proof to our own challenge?  Then the secrets
 * of both directions are the same, and it proves nothing (RFC 7143 9.2.1).
 */
static bool chap_is_own_proof(const struct tiscsi_chap *chap)
{
	const struct chap_alg *alg = &chap_algs[chap->alg];
	u8 digest[TISCSI_CHAP_DIGEST_MAX];
	bool same;

	if (!chap->auth.password_mutual_set)
		return false;
	if (chap_hash(alg, chap->id, chap->auth.password_mutual,
		      chap->ours.bytes, sizeof(chap->ours.bytes), digest))
		return true;
	same = !crypto_memneq(digest, chap->response, alg->len);
	memzero_explicit(digest, sizeof(digest));
	return same;
}

static bool chap_is_user(const struct tiscsi_chap *chap,
			 const struct tiscsi_auth *auth)
{
	char name[TISCSI_SECRET_LEN];

	strscpy_pad(name, auth->userid, sizeof(name));
	return !crypto_memneq(name, chap->name, sizeof(name));
}

/*
 * Takes the credentials that go with the name.  Looks at all of them whether
 * it finds one or not, so that the time says nothing of who is known.
 */
static void chap_choose(struct tiscsi_chap *chap)
{
	const struct tiscsi_auth *found = NULL;
	bool own = chap_is_user(chap, &chap->auth);
	u32 i;

	for (i = 0; chap->creds && i < chap->creds->nr; i++)
		if (chap_is_user(chap, &chap->creds->v[i]))
			found = &chap->creds->v[i];
	if (found && !own)
		chap->auth = *found;
}

/* Takes the same time whether it is the name or the proof that is wrong. */
static int chap_verify(const struct tiscsi_chap *chap)
{
	const struct chap_alg *alg = &chap_algs[chap->alg];
	u8 digest[TISCSI_CHAP_DIGEST_MAX];
	unsigned long bad = 0;

	if (chap_hash(alg, chap->id, chap->auth.password, chap->ours.bytes,
		      sizeof(chap->ours.bytes), digest))
		return STATUS_AUTH_FAILED;
	bad |= !chap->auth.userid_set || !chap->auth.password_set;
	bad |= !chap->name[0];
	bad |= !chap_is_user(chap, &chap->auth);
	bad |= chap->response_len != alg->len;
	bad |= crypto_memneq(digest, chap->response, alg->len);
	bad |= chap_is_own_proof(chap);
	memzero_explicit(digest, sizeof(digest));
	return bad ? STATUS_AUTH_FAILED : 0;
}

/* The initiator wants us to prove who we are (B65). */
static int chap_answer_mutual(const struct tiscsi_chap *chap,
			      struct tiscsi_text *out)
{
	const struct chap_alg *alg = &chap_algs[chap->alg];
	u8 digest[TISCSI_CHAP_DIGEST_MAX];

	if (!chap->auth.userid_mutual_set || !chap->auth.password_mutual_set)
		return STATUS_AUTH_FAILED;
	if (chap_hash(alg, chap->peer_id, chap->auth.password_mutual,
		      chap->peer_challenge, chap->peer_challenge_len, digest))
		return STATUS_AUTH_FAILED;
	tiscsi_text_put(out, tiscsi_key_name(KEY_CHAP_N),
			chap->auth.userid_mutual);
	tiscsi_text_put_hex(out, tiscsi_key_name(KEY_CHAP_R), digest, alg->len);
	return 0;
}

static int chap_check_response(struct tiscsi_chap *chap,
			       struct tiscsi_text *out)
{
	bool mutual = chap_got(chap, KEY_CHAP_I);
	int ret;

	if (!chap_got(chap, KEY_CHAP_N) || !chap_got(chap, KEY_CHAP_R) ||
	    mutual != chap_got(chap, KEY_CHAP_C))
		return STATUS_PROTOCOL;
	chap_choose(chap);
	ret = chap_verify(chap);
	if (!ret && mutual &&
	    chap_is_reflected(chap->peer_challenge, chap->peer_challenge_len))
		ret = STATUS_AUTH_FAILED;
	if (!ret && mutual)
		ret = chap_answer_mutual(chap, out);
	if (!ret)
		chap->state = CHAP_DONE;
	return ret;
}

/**
 * tiscsi_chap_step() - act on the pairs of a request
 * @chap: the authentication
 * @out: text of the response; our keys are appended
 *
 * Rows B60 to B66.  A request without any key of CHAP changes nothing.
 *
 * Context: process; the caller serialises access to @chap.
 * Return: 0 or the status that the login ends with; success is
 * tiscsi_chap_done().
 */
int tiscsi_chap_step(struct tiscsi_chap *chap, struct tiscsi_text *out)
{
	int ret;

	if (!chap->got)
		return 0;
	switch (chap->state) {
	case CHAP_WAIT_A:
		ret = chap_send_challenge(chap, out);
		break;
	case CHAP_WAIT_RESPONSE:
		ret = chap_check_response(chap, out);
		break;
	default:
		ret = STATUS_PROTOCOL;
		break;
	}
	chap->got = 0;
	if (ret)
		chap->state = CHAP_FAILED;
	return ret;
}
