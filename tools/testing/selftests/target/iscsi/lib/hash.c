// SPDX-License-Identifier: GPL-2.0
/*
 * The hash functions of CHAP: those of OpenSSL, which have nothing in common
 * with what the kernel under test uses.
 */
#include <openssl/evp.h>

#include "chap.h"

static const struct {
	u32 code;
	const char *name;
} hashes[] = {
	{ CHAP_MD5, "MD5" }, { CHAP_SHA1, "SHA1" },
	{ CHAP_SHA256, "SHA2-256" }, { CHAP_SHA3_256, "SHA3-256" },
};

/**
 * hash() - digest of a message
 * @code: enum chap_alg
 * @msg: the message
 * @len: its length
 * @digest: where to, CHAP_DIGEST_MAX bytes
 *
 * Return: length of the digest.
 */
u32 hash(u32 code, const void *msg, u32 len, u8 *digest)
{
	size_t size;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (hashes[i].code != code)
			continue;
		if (!EVP_Q_digest(NULL, hashes[i].name, NULL, msg, len, digest,
				  &size))
			die("OpenSSL has no %s", hashes[i].name);
		return size;
	}
	die("algorithm %u is not known", code);
}
