/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CHAP on the target's side (RFC 7143 12.1.3, RFC 1994).
 *
 * Knows nothing of connections.  Order of calls:
 *
 *	tiscsi_chap_setup() once at module load, before any login
 *
 *	the initiator's AuthMethod list was answered with CHAP:
 *		tiscsi_chap_init(chap, auth, creds);
 *	tiscsi_nego_pair() returned TISCSI_KEY_AUTH and the key is not
 *	AuthMethod (without a CHAP that was chosen it is a protocol error):
 *		status = tiscsi_chap_pair(chap, nego->id, value);
 *	all pairs of a request with C = 0 are through, before the answer:
 *		status = tiscsi_chap_step(chap, out);
 *	no transit out of the security stage while !tiscsi_chap_done(chap)
 *	success, and the connection goes on:
 *		tiscsi_challenge_keep(&conn->challenge, chap);
 *	success, failure or a connection that went away:
 *		tiscsi_chap_free(chap);
 *	the connection is closed:
 *		tiscsi_challenge_forget(&conn->challenge);
 *
 *	tiscsi_chap_teardown() at module unload
 *
 * Everything may be called in any process context; nothing sleeps but setup.
 */
#ifndef TCM_ISCSI_CHAP_H
#define TCM_ISCSI_CHAP_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>

#include "tcm_iscsi.h"

#define TISCSI_CHAP_DIGEST_MAX		32

enum tiscsi_chap_state {
	CHAP_WAIT_A,			/* for CHAP_A */
	CHAP_WAIT_RESPONSE,		/* challenge sent, for CHAP_N and _R */
	CHAP_DONE,			/* authenticated */
	CHAP_FAILED,
};

/**
 * struct tiscsi_creds - credentials of several initiators
 * @ref: one of whom they are configured for, one of each login that may need
 *	them; nothing changes while there is one
 * @size: bytes of all of it, more than @nr may take
 * @nr: how many
 * @v: names are unique; userid and password are set, the other two may be
 */
struct tiscsi_creds {
	struct kref ref;
	size_t size;
	u32 nr;
	struct tiscsi_auth v[];
};

/**
 * struct tiscsi_chap - one authentication in progress
 * @state: moved on by tiscsi_chap_step(), to CHAP_FAILED by every error
 * @auth: copy of the credentials, so that configfs may change them meanwhile;
 *	those of @creds that go with @name, once that is known
 * @creds: credentials to choose from besides, or NULL
 * @alg: index of the algorithm picked from CHAP_A, negative if there is none
 * @id: CHAP_I that we sent
 * @ours: CHAP_C that we sent
 * @got: KEY_CHAP_* of the current request, one bit each
 * @peer_id: CHAP_I of the initiator
 * @peer_challenge_len: bytes in @peer_challenge
 * @response_len: bytes in @response
 * @name: CHAP_N of the initiator
 * @response: CHAP_R of the initiator
 * @peer_challenge: CHAP_C of the initiator
 */
struct tiscsi_chap {
	enum tiscsi_chap_state state;
	struct tiscsi_auth auth;
	struct tiscsi_creds *creds;
	int alg;
	u8 id;
	struct tiscsi_challenge ours;
	unsigned long got;
	u8 peer_id;
	u32 peer_challenge_len;
	u32 response_len;
	char name[TISCSI_SECRET_LEN];
	u8 response[TISCSI_CHAP_DIGEST_MAX];
	u8 peer_challenge[TISCSI_CHAP_MAX_BIN];
};

void tiscsi_chap_setup(void);
void tiscsi_chap_teardown(void);

void tiscsi_creds_put(struct tiscsi_creds *creds);
struct tiscsi_creds *tiscsi_creds_get(struct tiscsi_creds *creds);

void tiscsi_challenge_issue(struct tiscsi_challenge *challenge);
void tiscsi_challenge_keep(struct tiscsi_challenge *to,
			   struct tiscsi_chap *chap);
void tiscsi_challenge_forget(struct tiscsi_challenge *challenge);

void tiscsi_chap_init(struct tiscsi_chap *chap,
		      const struct tiscsi_auth *auth,
		      struct tiscsi_creds *creds);
int tiscsi_chap_pair(struct tiscsi_chap *chap, unsigned int id,
		     const char *value);
int tiscsi_chap_step(struct tiscsi_chap *chap, struct tiscsi_text *out);
void tiscsi_chap_free(struct tiscsi_chap *chap);

static inline bool tiscsi_chap_done(const struct tiscsi_chap *chap)
{
	return chap->state == CHAP_DONE;
}

#endif /* TCM_ISCSI_CHAP_H */
