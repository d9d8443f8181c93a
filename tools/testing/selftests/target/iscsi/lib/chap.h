/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The initiator's side of CHAP (RFC 7143 12.1.3, RFC 1994).
 */
#ifndef CHAP_H
#define CHAP_H

#include "raw.h"

/* CHAP_A; the file system's byte order matters to none of them. */
enum chap_alg {
	CHAP_MD5 = 5, CHAP_SHA1 = 6, CHAP_SHA256 = 7, CHAP_SHA3_256 = 8,
};

#define CHAP_DIGEST_MAX	32
#define CHAP_BIN_MAX	1024

enum chap_encoding { ENC_HEX, ENC_HEX_UPPER, ENC_BASE64 };

/**
 * struct chap - what an initiator knows, and what it learnt from the target
 * @user: CHAP_N of the initiator
 * @secret: its secret
 * @peer_user: CHAP_N that the target must give; NULL: it is not asked for
 * @peer_secret: and its secret
 * @algs: CHAP_A list to offer ("5" if NULL)
 * @methods: AuthMethod list to offer ("CHAP" if NULL)
 * @enc: how binary values are sent
 * @alg: CHAP_A of the target
 * @id: its CHAP_I
 * @challenge: its CHAP_C
 * @own_id: CHAP_I sent to it, if it is asked to authenticate itself
 * @own_challenge: CHAP_C likewise; made up when @own_len is 0
 */
struct chap {
	const char *user, *secret;
	const char *peer_user, *peer_secret;
	const char *algs;
	const char *methods;
	enum chap_encoding enc;

	u32 alg;
	u32 id;
	u8 challenge[CHAP_BIN_MAX];
	u32 len;
	u8 own_id;
	u8 own_challenge[CHAP_BIN_MAX];
	u32 own_len;
};

u32 hash(u32 code, const void *msg, u32 len, u8 *digest);

u32 chap_proof(const struct chap *chap, u8 *proof);
void chap_put(struct text *t, const char *key, const u8 *bin, u32 len,
	      enum chap_encoding enc);
u32 chap_get(struct conn *c, const char *key, u8 *bin);
u16 chap_begin(struct conn *c, const struct login *l, struct chap *chap);
u16 chap_ask(struct conn *c, struct chap *chap);
void chap_answer(struct text *t, struct chap *chap);
u16 chap_prove(struct conn *c, struct chap *chap, u8 flags);
void chap_check_peer(struct conn *c, const struct chap *chap);
u16 chap_login_try(const struct login *l, struct chap *chap,
		   struct conn **conn);
struct conn *chap_login(const struct login *l, struct chap *chap);

/* Credentials, as an argument. */
#define CHAP(...)	(&(struct chap) { __VA_ARGS__ })

#endif /* CHAP_H */
