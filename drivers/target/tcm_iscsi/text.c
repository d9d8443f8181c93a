// SPDX-License-Identifier: GPL-2.0
/*
 * iSCSI text: key=value pairs, numbers, binary items and names
 * (RFC 7143 clauses 4.2.7 and 6.1).
 *
 * Nothing here allocates, sleeps or knows a key.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/stdarg.h>
#include <linux/string.h>

#include "text.h"

/* Where the value of a pair goes, with its NUL @len bytes; NULL: no room. */
static char *text_begin(struct tiscsi_text *t, const char *key, size_t len)
{
	size_t key_len = strlen(key);
	char *p = t->buf + t->len;

	if (key_len + 1 + len > t->cap - t->len) {
		t->overflow = true;
		return NULL;
	}
	memcpy(p, key, key_len);
	p[key_len] = '=';
	t->len += key_len + 1 + len;
	return p + key_len + 1;
}

/**
 * tiscsi_text_put() - append one pair and its NUL
 * @t: where to; @t->overflow is set and nothing added if the pair does not fit
 * @key: name
 * @value: value
 *
 * Context: any; the caller serialises access to @t.
 */
void tiscsi_text_put(struct tiscsi_text *t, const char *key,
		     const char *value)
{
	size_t len = strlen(value) + 1;
	char *p = text_begin(t, key, len);

	if (p)
		memcpy(p, value, len);
}

/**
 * tiscsi_text_printf() - tiscsi_text_put() with a value to be formatted
 * @t: where to
 * @key: name
 * @fmt: printf format of the value
 *
 * Context: any; the caller serialises access to @t.
 */
void tiscsi_text_printf(struct tiscsi_text *t, const char *key,
			const char *fmt, ...)
{
	va_list args, again;
	size_t len;
	char *p;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args) + 1;
	p = text_begin(t, key, len);
	if (p)
		vsnprintf(p, len, fmt, again);
	va_end(again);
	va_end(args);
}

/**
 * tiscsi_text_put_hex() - append a pair with a binary value in hex (0x...)
 * @t: where to; @t->overflow is set and nothing added if the pair does not fit
 * @key: name
 * @bin: value
 * @len: bytes in @bin
 *
 * Context: any; the caller serialises access to @t.
 */
void tiscsi_text_put_hex(struct tiscsi_text *t, const char *key,
			 const u8 *bin, u32 len)
{
	char *p = text_begin(t, key, sizeof("0x") + 2 * (size_t)len);

	if (!p)
		return;
	*p++ = '0';
	*p++ = 'x';
	p = bin2hex(p, bin, len);
	*p = '\0';
}

/**
 * tiscsi_text_has() - is there a pair with this key
 * @t: text on its way out
 * @key: name of the key
 *
 * Context: any; the caller serialises access to @t.
 * Return: true if there is.
 */
bool tiscsi_text_has(const struct tiscsi_text *t, const char *key)
{
	const char *pos = t->buf, *end = pos + t->len;
	size_t len = strlen(key);

	for (; pos < end; pos += strlen(pos) + 1)
		if (!strncmp(pos, key, len) && pos[len] == '=')
			return true;
	return false;
}

/**
 * tiscsi_text_iter_init() - start a walk over received text
 * @it: iterator
 * @buf: the text; pairs are cut apart in place
 * @len: its length in bytes
 *
 * Context: any.
 */
void tiscsi_text_iter_init(struct tiscsi_text_iter *it, char *buf, u32 len)
{
	it->pos = buf;
	it->end = buf + len;
}

/*
 * Characters of a standard-label, and '#', which X# keys have (RFC 7143 6.1).
 * A capital first is not asked for: iSCSIProtocolLevel has none.
 */
static bool text_is_key_char(unsigned char c)
{
	if (c >= 0x80)
		return false;
	return isalnum(c) || (c && strchr(".-+@_#", c));
}

/**
 * tiscsi_text_next() - take the next pair
 * @it: iterator
 * @key: set to the key
 * @value: set to the value, which may be empty
 *
 * Both are NUL-terminated in the buffer of @it, which need not be terminated
 * itself.  RFC 7143 6.1, B16.
 *
 * Context: any.
 * Return: 1 for a pair, 0 at the end, -EINVAL if there is no NUL, no '=', or
 * a key that is empty, longer than 63 bytes or not a label.
 */
int tiscsi_text_next(struct tiscsi_text_iter *it, char **key, char **value)
{
	char *eq, *nul;

	if (it->pos == it->end)
		return 0;
	for (eq = it->pos; eq < it->end && *eq != '='; eq++)
		if (!text_is_key_char(*eq))
			return -EINVAL;
	if (eq == it->end || eq == it->pos || eq - it->pos > TISCSI_KEY_MAX)
		return -EINVAL;
	nul = memchr(eq, '\0', it->end - eq);
	if (!nul)
		return -EINVAL;
	*eq = '\0';
	*key = it->pos;
	*value = eq + 1;
	it->pos = nul + 1;
	return 1;
}

static bool text_has_prefix(const char *s, char what)
{
	return s[0] == '0' && tolower(s[1]) == what;
}

/**
 * tiscsi_text_u64() - decode a numerical value
 * @s: decimal without sign or leading zeros, or hex after 0x or 0X
 * @val: set to the number
 *
 * RFC 7143 6.1, B18: nothing may follow and nothing wraps.
 *
 * Context: any.
 * Return: 0 or -EINVAL; @val is set in the first case only.
 */
int tiscsi_text_u64(const char *s, u64 *val)
{
	unsigned int base = 10;
	u64 n = 0;

	if (text_has_prefix(s, 'x')) {
		base = 16;
		s += 2;
	} else if (s[0] == '0' && s[1]) {
		return -EINVAL;
	}
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		int digit = hex_to_bin(*s);

		if (digit < 0 || digit >= base)
			return -EINVAL;
		if (n > (base == 16 ? U64_MAX / 16 : U64_MAX / 10))
			return -EINVAL;
		n *= base;
		if (n > U64_MAX - digit)
			return -EINVAL;
		n += digit;
	}
	*val = n;
	return 0;
}

/* An odd number of digits starts with half a byte (RFC 7143 6.1). */
static int text_decode_hex(const char *s, u8 *out, u32 cap)
{
	size_t digits = strlen(s), i;
	u32 len = 0;

	if (!digits)
		return -EINVAL;
	if ((digits + 1) / 2 > cap)
		return -E2BIG;
	for (i = 0; i < digits; i++) {
		int nibble = hex_to_bin(s[i]);

		if (nibble < 0)
			return -EINVAL;
		if (i == 0 || (digits - i) % 2 == 0)
			out[len++] = nibble;
		else
			out[len - 1] = out[len - 1] << 4 | nibble;
	}
	return len;
}

static int text_base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	if (c == '/')
		return 63;
	return -1;
}

/* RFC 4648 clause 4, with its padding and with zeros in the bits left over. */
static int text_decode_base64(const char *s, u8 *out, u32 cap)
{
	size_t digits = strlen(s), i;
	u32 acc = 0, len = 0;
	int bits = 0, pad = 0;

	if (!digits || digits % 4)
		return -EINVAL;
	while (pad < 2 && s[digits - 1] == '=') {
		digits--;
		pad++;
	}
	if (digits / 4 * 3 + (digits % 4) * 3 / 4 > cap)
		return -E2BIG;
	for (i = 0; i < digits; i++) {
		int digit = text_base64_digit(s[i]);

		if (digit < 0)
			return -EINVAL;
		acc = acc << 6 | digit;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[len++] = acc >> bits;
		}
	}
	if (acc & ((1U << bits) - 1))
		return -EINVAL;
	return len;
}

/**
 * tiscsi_text_decode_bin() - decode a large binary value
 * @s: hex after 0x, or base64 after 0b, capitals allowed
 * @out: where to; undefined after an error
 * @cap: bytes that @out takes; nothing is written behind them
 *
 * RFC 7143 6.1, B62.
 *
 * Context: any.
 * Return: bytes written, at least 1, -E2BIG if they are more than @cap, or
 * -EINVAL.
 */
int tiscsi_text_decode_bin(const char *s, u8 *out, u32 cap)
{
	if (text_has_prefix(s, 'x'))
		return text_decode_hex(s + 2, out, cap);
	if (text_has_prefix(s, 'b'))
		return text_decode_base64(s + 2, out, cap);
	return -EINVAL;
}

/*
 * Length of the UTF-8 character at @s, 0 if there is none (RFC 3629: no
 * overlong form, no surrogate, nothing above 10ffff).  The NUL behind a
 * string ends every sequence.
 */
static int text_utf8_len(const unsigned char *s)
{
	u32 c, min;
	int len, i;

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	min = len == 2 ? 0x80 : len == 3 ? 0x800 : 0x10000;
	c = s[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

/*
 * RFC 3722 leaves lower case letters, digits, '-', '.' and ':' of ASCII.
 * '_' is forbidden there but common in names of initiators.
 */
static bool text_is_name_char(unsigned char c)
{
	return islower(c) || isdigit(c) || c == '-' || c == '.' || c == ':' ||
	       c == '_';
}

static bool text_name_chars_valid(const char *name)
{
	const unsigned char *p = name;

	while (*p) {
		int len = 1;

		if (*p >= 0x80)
			len = text_utf8_len(p);
		else if (!text_is_name_char(*p))
			len = 0;
		if (!len)
			return false;
		p += len;
	}
	return true;
}

static bool text_all_hex(const char *s)
{
	for (; *s; s++)
		if (hex_to_bin(*s) < 0)
			return false;
	return true;
}

/* iqn.YYYY-MM.<reversed domain>[:<anything>] */
static bool text_iqn_valid(const char *s)
{
	static const char pattern[] = "dddd-dd.";
	int i;

	for (i = 0; pattern[i]; i++) {
		if (pattern[i] == 'd' ? !isdigit(s[i]) : s[i] != pattern[i])
			return false;
	}
	return s[i] && s[i] != '.' && s[i] != ':';
}

/**
 * tiscsi_name_valid() - is this an iSCSI name in its normal form?
 * @name: the name
 *
 * iqn., eui. with 16 hex digits or naa. with 16 or 32, at most 223 bytes, no
 * upper case (RFC 7143 4.2.7, B22).
 *
 * Context: any.
 * Return: whether it is.
 */
bool tiscsi_name_valid(const char *name)
{
	size_t len = strnlen(name, TISCSI_NAME_LEN);

	if (len >= TISCSI_NAME_LEN || !text_name_chars_valid(name))
		return false;
	if (!strncmp(name, "iqn.", 4))
		return text_iqn_valid(name + 4);
	if (!strncmp(name, "eui.", 4))
		return len == 4 + 16 && text_all_hex(name + 4);
	if (!strncmp(name, "naa.", 4))
		return (len == 4 + 16 || len == 4 + 32) &&
		       text_all_hex(name + 4);
	return false;
}

/**
 * tiscsi_name_normalise() - bring a name into its normal form, in place
 * @name: the name; letters of ASCII become lower case
 *
 * Context: any.
 * Return: 0, or -EINVAL if the result is no iSCSI name.
 */
int tiscsi_name_normalise(char *name)
{
	char *p;

	for (p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return tiscsi_name_valid(name) ? 0 : -EINVAL;
}
