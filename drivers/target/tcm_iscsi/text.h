/* SPDX-License-Identifier: GPL-2.0 */
/*
 * iSCSI text: key=value pairs, numbers, binary items and names
 * (RFC 7143 clauses 4.2.7 and 6.1).
 */
#ifndef TCM_ISCSI_TEXT_H
#define TCM_ISCSI_TEXT_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

/* RFC 7143 4.2.7.1: an iSCSI name has at most 223 bytes. */
#define TISCSI_NAME_LEN		224
/* RFC 7143 6.1: a simple value has at most 255 bytes, a key name 63. */
#define TISCSI_ALIAS_LEN	256
#define TISCSI_VALUE_MAX	255
#define TISCSI_KEY_MAX		63

/**
 * struct tiscsi_text - text on its way out
 * @buf: pairs, each with its NUL; owned by the caller
 * @len: bytes in use
 * @cap: size of @buf; it never grows
 * @overflow: a pair did not fit and was left out; stays set
 */
struct tiscsi_text {
	char *buf;
	u32 len;
	u32 cap;
	bool overflow;
};

/**
 * struct tiscsi_text_iter - walks over the pairs of received text
 * @pos: start of the next pair
 * @end: first byte behind the text
 */
struct tiscsi_text_iter {
	char *pos;
	char *end;
};

void tiscsi_text_put(struct tiscsi_text *t, const char *key,
		     const char *value);
__printf(3, 4)
void tiscsi_text_printf(struct tiscsi_text *t, const char *key,
			const char *fmt, ...);
void tiscsi_text_put_hex(struct tiscsi_text *t, const char *key,
			 const u8 *bin, u32 len);

bool tiscsi_text_has(const struct tiscsi_text *t, const char *key);
void tiscsi_text_iter_init(struct tiscsi_text_iter *it, char *buf, u32 len);
int tiscsi_text_next(struct tiscsi_text_iter *it, char **key, char **value);

int tiscsi_text_u64(const char *s, u64 *val);
int tiscsi_text_decode_bin(const char *s, u8 *out, u32 cap);

bool tiscsi_name_valid(const char *name);
int tiscsi_name_normalise(char *name);

#endif /* TCM_ISCSI_TEXT_H */
