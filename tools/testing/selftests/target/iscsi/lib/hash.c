// SPDX-License-Identifier: GPL-2.0
/*
 * The hash functions of CHAP, in the plainest form: they take a whole message
 * at once, and have nothing in common with what the kernel under test uses.
 */
#include "chap.h"

#define BLOCK_LEN	64

static u32 rol32(u32 v, int n)
{
	return v << n | v >> (32 - n);
}

static u32 ror32(u32 v, int n)
{
	return v >> n | v << (32 - n);
}

static u64 rol64(u64 v, int n)
{
	return n ? v << n | v >> (64 - n) : v;
}

/* RFC 1321 */
static void md5_block(u32 *h, const u8 *p)
{
	static const u8 shifts[] = {
		7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21,
	};
	static const u32 sines[] = {
		0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf,
		0x4787c62a, 0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af,
		0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e,
		0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa,
		0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6,
		0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
		0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
		0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
		0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039,
		0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244, 0x432aff97,
		0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d,
		0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
		0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
	};
	u32 a = h[0], b = h[1], c = h[2], d = h[3], f, g, w[16];
	int i;

	for (i = 0; i < 16; i++) {
		memcpy(&w[i], p + 4 * i, 4);
		w[i] = le32toh(w[i]);
	}
	for (i = 0; i < 64; i++) {
		switch (i / 16) {
		case 0:
			f = (b & c) | (~b & d);
			g = i;
			break;
		case 1:
			f = (d & b) | (~d & c);
			g = 5 * i + 1;
			break;
		case 2:
			f = b ^ c ^ d;
			g = 3 * i + 5;
			break;
		default:
			f = c ^ (b | ~d);
			g = 7 * i;
			break;
		}
		f += a + sines[i] + w[g % 16];
		a = d;
		d = c;
		c = b;
		b += rol32(f, shifts[i / 16 * 4 + i % 4]);
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
}

/* FIPS 180-4 */
static void sha1_block(u32 *h, const u8 *p)
{
	static const u32 k[] = {
		0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6,
	};
	u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f, w[80];
	int i;

	for (i = 0; i < 80; i++)
		w[i] = i < 16 ? get_be32(p + 4 * i) :
		       rol32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (i = 0; i < 80; i++) {
		if (i < 20)
			f = (b & c) | (~b & d);
		else if (i >= 40 && i < 60)
			f = (b & c) | (b & d) | (c & d);
		else
			f = b ^ c ^ d;
		f += rol32(a, 5) + e + k[i / 20] + w[i];
		e = d;
		d = c;
		c = rol32(b, 30);
		b = a;
		a = f;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

static void sha256_block(u32 *h, const u8 *p)
{
	static const u32 k[] = {
		0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
		0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
		0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
		0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
		0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
		0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
		0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
		0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
		0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
		0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
		0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
		0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
		0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
	};
	u32 s[8], w[64], t, u;
	int i;

	memcpy(s, h, sizeof(s));
	for (i = 0; i < 64; i++) {
		if (i < 16) {
			w[i] = get_be32(p + 4 * i);
			continue;
		}
		t = w[i - 15];
		u = w[i - 2];
		w[i] = w[i - 16] + (ror32(t, 7) ^ ror32(t, 18) ^ t >> 3) +
		       w[i - 7] + (ror32(u, 17) ^ ror32(u, 19) ^ u >> 10);
	}
	for (i = 0; i < 64; i++) {
		t = s[7] + (ror32(s[4], 6) ^ ror32(s[4], 11) ^ ror32(s[4], 25)) +
		    ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
		u = (ror32(s[0], 2) ^ ror32(s[0], 13) ^ ror32(s[0], 22)) +
		    ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += t;
		s[0] = t + u;
	}
	for (i = 0; i < 8; i++)
		h[i] += s[i];
}

/* Merkle and Damgard: 80h, zeros, the length in bits in the last 8 bytes. */
static void md_hash(void (*block)(u32 *h, const u8 *p), u32 *h, bool little,
		    const u8 *msg, u32 len)
{
	u64 bits = little ? htole64(8ULL * len) : htobe64(8ULL * len);
	u8 last[2 * BLOCK_LEN] = {};
	u32 rest = len % BLOCK_LEN;
	u32 end = rest < BLOCK_LEN - 8 ? BLOCK_LEN : 2 * BLOCK_LEN;
	u32 i;

	for (i = 0; i + BLOCK_LEN <= len; i += BLOCK_LEN)
		block(h, msg + i);
	memcpy(last, msg + i, rest);
	last[rest] = 0x80;
	memcpy(last + end - 8, &bits, 8);
	for (i = 0; i < end; i += BLOCK_LEN)
		block(h, last + i);
}

static void put_words(u8 *digest, const u32 *h, u32 nr, bool little)
{
	u32 i, v;

	for (i = 0; i < nr; i++) {
		v = little ? htole32(h[i]) : htobe32(h[i]);
		memcpy(digest + 4 * i, &v, 4);
	}
}

static void md5(const u8 *msg, u32 len, u8 *digest)
{
	u32 h[] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };

	md_hash(md5_block, h, true, msg, len);
	put_words(digest, h, 4, true);
}

static void sha1(const u8 *msg, u32 len, u8 *digest)
{
	u32 h[] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
		    0xc3d2e1f0 };

	md_hash(sha1_block, h, false, msg, len);
	put_words(digest, h, 5, false);
}

static void sha256(const u8 *msg, u32 len, u8 *digest)
{
	u32 h[] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

	md_hash(sha256_block, h, false, msg, len);
	put_words(digest, h, 8, false);
}

/* The next bit of the round constants' shift register, FIPS 202 3.2.5. */
static bool keccak_bit(u8 *lfsr)
{
	bool bit = *lfsr & 1;

	*lfsr = *lfsr & 0x80 ? *lfsr << 1 ^ 0x71 : *lfsr << 1;
	return bit;
}

static void keccak_theta(u64 a[25])
{
	u64 c[5], d;
	int x, y;

	for (x = 0; x < 5; x++)
		c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
	for (x = 0; x < 5; x++) {
		d = c[(x + 4) % 5] ^ rol64(c[(x + 1) % 5], 1);
		for (y = 0; y < 25; y += 5)
			a[x + y] ^= d;
	}
}

static void keccak_rho_pi(u64 a[25])
{
	u64 moved = a[1], here;
	int x = 1, y = 0, t, z;

	for (t = 0; t < 24; t++) {
		z = (2 * x + 3 * y) % 5;
		x = y;
		y = z;
		here = a[x + 5 * y];
		a[x + 5 * y] = rol64(moved, (t + 1) * (t + 2) / 2 % 64);
		moved = here;
	}
}

static void keccak_chi(u64 a[25])
{
	u64 row[5];
	int x, y;

	for (y = 0; y < 25; y += 5) {
		memcpy(row, a + y, sizeof(row));
		for (x = 0; x < 5; x++)
			a[x + y] ^= ~row[(x + 1) % 5] & row[(x + 2) % 5];
	}
}

static void keccak(u64 a[25])
{
	u8 lfsr = 1;
	int round, j;

	for (round = 0; round < 24; round++) {
		keccak_theta(a);
		keccak_rho_pi(a);
		keccak_chi(a);
		for (j = 0; j < 7; j++)
			if (keccak_bit(&lfsr))
				a[0] ^= 1ULL << ((1 << j) - 1);
	}
}

static void sha3_256(const u8 *msg, u32 len, u8 *digest)
{
	const u32 rate = 200 - 2 * 32;
	u64 state[25] = {};
	u8 *bytes = (u8 *)state;
	u32 i, at = 0;

	for (i = 0; i < len; i++) {
		bytes[at++] ^= msg[i];
		if (at == rate) {
			keccak(state);
			at = 0;
		}
	}
	bytes[at] ^= 0x06;
	bytes[rate - 1] ^= 0x80;
	keccak(state);
	memcpy(digest, state, 32);
}

static const struct {
	u32 code;
	u32 len;
	void (*hash)(const u8 *msg, u32 len, u8 *digest);
} hashes[] = {
	{ CHAP_MD5, 16, md5 }, { CHAP_SHA1, 20, sha1 },
	{ CHAP_SHA256, 32, sha256 }, { CHAP_SHA3_256, 32, sha3_256 },
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
	u32 i;

	for (i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (hashes[i].code != code)
			continue;
		hashes[i].hash(msg, len, digest);
		return hashes[i].len;
	}
	die("algorithm %u is not known", code);
}
